/*
 * Goal: a dissection shows every field where it lies, and never reads beyond the end.
 * Method: fields of a made-up format, compared with a list; then the same format cut at every
 * length, at the end of a block of its own, where ASan guards the next byte.
 */
#include <fly/base_dissect.h>

#include <fly/base_check.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was shown, a line for each field. */
struct shown {
    char text[4096];
    size_t len;
};

static void show(void *ctx, const fly_dissected *field)
{
    struct shown *shown = ctx;
    shown->len += (size_t)snprintf(shown->text + shown->len, sizeof shown->text - shown->len,
                                   "%u %zu+%zu %s: %s\n", field->depth, field->offset, field->len,
                                   field->name, field->text);
    ck_assert_uint_lt(shown->len, sizeof shown->text);
}

static const char *const kinds[] = {"none", NULL, "fruit"};

static void walk(fly_dissector *d)
{
    (void)fly_dissect_named(d, "kind", 1, kinds, 3);
    uint64_t count = fly_dissect_number(d, "count", 2);
    for (uint64_t i = 0; i < count && !d->bad; i++) {
        fly_dissect_enter(d, "item", "%d", (int)i);
        size_t len = (size_t)fly_dissect_number(d, "length", 1);
        (void)fly_dissect_bytes(d, "name", len);
        fly_dissect_leave(d);
    }
    (void)fly_dissect_digits(d, "id", 3);
    (void)fly_dissect_hex(d, "flags", 2);
    (void)fly_dissect_time(d, "made");
}

static const uint8_t sample[] = {2,    2,    0,    5,   'a', 'p', 'p',  'l',  'e',
                                 2,    '"',  0xff, 0xa, 0xb, 0xc, 0x34, 0x12, 0x41,
                                 0x5a, 0x6d, 0xa,  0,   0,   0,   0};

START_TEST(fields_are_shown_where_they_lie)
{
    struct shown shown = {0};
    fly_dissector d;
    fly_dissect_begin(&d, fly_bytes_of(sample, sizeof sample), show, &shown);
    walk(&d);
    ck_assert(!d.bad);
    ck_assert_uint_eq(fly_dissect_left(&d), 0);
    ck_assert_str_eq(shown.text, "0 0+1 kind: fruit (2)\n"
                                 "0 1+2 count: 2\n"
                                 "0 3+0 item: 0\n"
                                 "1 3+1 length: 5\n"
                                 "1 4+5 name: \"apple\"\n"
                                 "0 9+0 item: 1\n"
                                 "1 9+1 length: 2\n"
                                 "1 10+2 name: \"\\x22\\xff\"\n"
                                 "0 12+3 id: 0a0b0c\n"
                                 "0 15+2 flags: 0x1234\n"
                                 "0 17+8 made: 1970-01-01 00:02:54.938689 UTC\n");
}
END_TEST

START_TEST(bytes_cut_anywhere_are_told_once_and_not_read_beyond)
{
    for (size_t len = 0; len < sizeof sample; len++) {
        uint8_t *cut = malloc(len > 0 ? len : 1);
        ck_assert_ptr_nonnull(cut);
        memcpy(cut, sample, len);
        struct shown shown = {0};
        fly_dissector d;
        fly_dissect_begin(&d, fly_bytes_of(cut, len), show, &shown);
        walk(&d);
        ck_assert_msg(d.bad, "length %zu", len);
        const char *first = strstr(shown.text, "missing");
        ck_assert_ptr_nonnull(first);
        ck_assert_ptr_null(strstr(first + 1, "missing"));
        free(cut);
    }
}
END_TEST

START_TEST(numbers_have_any_width_and_unknown_names_say_so)
{
    const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8};
    for (size_t width = 1; width <= sizeof bytes; width++) {
        fly_dissector d;
        fly_dissect_begin(&d, fly_bytes_of(bytes, width), NULL, NULL);
        uint64_t expected = 0;
        for (size_t i = width; i > 0; i--) {
            expected = expected << 8 | bytes[i - 1];
        }
        ck_assert_uint_eq(fly_dissect_number(&d, "number", width), expected);
        ck_assert(!d.bad);
    }
    struct shown shown = {0};
    fly_dissector d;
    fly_dissect_begin(&d, fly_bytes_of(bytes, sizeof bytes), show, &shown);
    (void)fly_dissect_named(&d, "hole", 1, kinds, 3);
    d.at = 7;
    (void)fly_dissect_named(&d, "beyond", 1, kinds, 3);
    ck_assert_str_eq(shown.text, "0 0+1 hole: unknown (1)\n0 7+1 beyond: unknown (8)\n");
    fly_dissect_begin(&d, fly_bytes_of("\xff\xff\xff\xff\xff\xff\xff\xff", 8), NULL, NULL);
    ck_assert_uint_eq(fly_dissect_time(&d, "no date"), UINT64_MAX);
}
END_TEST

START_TEST(quotes_fit_whatever_room_there_is)
{
    uint8_t bytes[300];
    memset(bytes, 0xee, sizeof bytes);
    for (size_t size = 32; size < 200; size++) {
        char *text = malloc(size);
        ck_assert_ptr_nonnull(text);
        fly_quote(fly_bytes_of(bytes, sizeof bytes), text, size);
        ck_assert_uint_lt(strlen(text), size);
        ck_assert_ptr_nonnull(strstr(text, "(300 bytes)"));
        fly_quote(fly_bytes_of(NULL, 0), text, size);
        ck_assert_str_eq(text, "\"\"");
        free(text);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dissect");
    TCase *cases = fly_test_case(suite, "dissect");
    tcase_add_test(cases, fields_are_shown_where_they_lie);
    tcase_add_test(cases, bytes_cut_anywhere_are_told_once_and_not_read_beyond);
    tcase_add_test(cases, numbers_have_any_width_and_unknown_names_say_so);
    tcase_add_test(cases, quotes_fit_whatever_room_there_is);
    return fly_test_run(suite);
}
