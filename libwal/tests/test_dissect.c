/*
 * Goal: a dissection shows every field of a segment where it lies, says what is wrong, and never reads
 * beyond the end.
 * Method: a segment as the library writes it, compared with what was appended and with a list written
 * by hand; the same bytes cut at many lengths, with every byte of header and records changed, and at
 * random, each in a block of its own, where ASan guards the next byte.
 */
#include "wal_world.h"

#include <fly/wal_dissect.h>

static fly_sim_env world;
static struct book book;
static fly_err err;
static uint8_t segment[SMALL];

/* What was shown, a line for each field; fields must lie within the bytes. */
struct shown {
    char text[16384];
    size_t len;
    size_t limit; /* how many bytes are dissected */
    size_t records;
};

static void show(void *ctx, const fly_dissected *field)
{
    struct shown *shown = ctx;
    if (field->offset > shown->limit || field->len > shown->limit - field->offset) {
        ck_abort_msg("%s lies at %zu+%zu of %zu", field->name, field->offset, field->len,
                     shown->limit);
    }
    shown->records += strcmp(field->name, "record") == 0;
    if (shown->len < sizeof shown->text - 512) {
        shown->len += (size_t)snprintf(shown->text + shown->len, sizeof shown->text - shown->len,
                                       "%u %zu+%zu %s: %.200s\n", field->depth, field->offset,
                                       field->len, field->name, field->text);
    }
}

/* Compares payloads with the book. */
static void compare_payload(void *ctx, fly_dissector *d, const fly_wal_record *record)
{
    size_t *at = ctx;
    const struct note *note = &book.notes[(*at)++];
    fly_wal_record whole = *record;
    whole.payload = fly_dissect_bytes(d, "bytes", fly_dissect_left(d));
    const char *wrong = compare(note, &whole);
    if (wrong != NULL) {
        ck_abort_msg("%s", wrong);
    }
}

static void walk(const uint8_t *bytes, size_t len, const fly_wal_dissect_options *options,
                 struct shown *shown)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, len);
    *shown = (struct shown){.limit = len};
    fly_dissector d;
    fly_dissect_begin(&d, fly_bytes_of(copy, len), show, shown);
    fly_wal_dissect_segment(&d, options);
    if (d.depth != 0 || d.bytes.len != len) {
        ck_abort_msg("the dissector came back changed");
    }
    if (!d.bad && d.at != len) {
        ck_abort_msg("%zu of %zu bytes were looked at", d.at, len);
    }
    free(copy);
}

/* Four records and a pad, or a note, written as the log writes them. */
static void write_segment(uint32_t in_flight)
{
    fly_wal *wal = NULL;
    fly_wal_options options = tiny;
    options.in_flight = in_flight; /* with more than one at a time, writes are padded */
    memset(options.uuid, 0xab, sizeof options.uuid);
    memset(&book, 0, sizeof book);
    world_init(&world, &(fly_sim_env_options){.disk.direct = true});
    FLY_CHECK_OK(fly_wal_open(&world.env, DIR, &options, &wal, &err), err);
    for (size_t i = 0; i < 4; i++) {
        FLY_CHECK_OK(book_append(&book, wal, i * 5, 0, &err), err);
    }
    FLY_CHECK_OK(fly_wal_flush(wal, fly_wal_next(wal), FLY_DURABILITY_FULL, &err), err);
    fly_wal_abandon(wal);
    FLY_CHECK_OK(fly_sim_disk_dump(world.disk, segment_name(0), segment, sizeof segment, NULL),
                 err);
}

static void setup(void)
{
    write_segment(2);
}

static void teardown(void)
{
    fly_sim_env_deinit(&world);
}

START_TEST(every_field_is_shown_where_it_lies)
{
    struct shown shown;
    walk(segment, sizeof segment, NULL, &shown);
    static const char *const wanted[] = {
        "0 0+0 segment header: 4096 bytes\n"
        "1 0+8 magic: \"FlyDBwal\"\n"
        "1 8+4 version: 1\n"
        "1 12+4 segment size: 65536\n"
        "1 16+16 uuid: abababababababababababababababab\n"
        "1 32+8 number: 0\n"
        "1 40+8 previous end: 0\n"
        "1 48+8 durable: 4096\n"
        "1 56+8 created: ",
        "1 64+4 codec: 0\n",
        "1 4092+4 checksum: 0x",
        "0 4096+0 record: 4096, manager 1, type 0\n"
        "1 4096+4 length: 20\n"
        "1 4100+4 checksum: 0x",
        "1 4104+1 manager: 1\n"
        "1 4105+1 type: unknown (0)\n"
        "1 4106+2 flags: 0x0000\n"
        "1 4108+8 lsn: 4096\n"
        "1 4116+4 alignment: 4 bytes of zero\n",
        ("0 4120+0 record: 4120, manager 2, type 1\n"
         "1 4120+4 length: 25\n"),
        "1 4140+5 payload: ",
        "type: pad (1)\n",
        "durable: 4096\n",
        "padding: ",
        "0 8192+57344 the rest: 57344 bytes of zero\n",
    };
    const char *at = shown.text;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const char *found = strstr(at, wanted[i]);
        ck_assert_msg(found != NULL, "\"%s\" is not in\n%s", wanted[i], at);
        at = found + strlen(wanted[i]);
    }
    ck_assert_ptr_null(strstr(shown.text, "wrong"));
    ck_assert_uint_eq(shown.records, 5);
}
END_TEST

START_TEST(a_note_is_shown)
{
    struct shown shown;
    fly_sim_env_deinit(&world);
    write_segment(1);
    walk(segment, sizeof segment, NULL, &shown);
    FLY_CHECK_SAYS(shown.text, "type: note (2)\n");
    FLY_CHECK_SAYS(shown.text, "+8 durable: 4096\n");
    ck_assert_ptr_null(strstr(shown.text, "wrong"));
}
END_TEST

START_TEST(payloads_are_shown_by_who_knows_them)
{
    struct shown shown;
    size_t at = 0;
    walk(segment, sizeof segment, &(fly_wal_dissect_options){compare_payload, &at}, &shown);
    ck_assert_uint_eq(at, book.count);
}
END_TEST

START_TEST(cut_off_anywhere_it_says_so)
{
    struct shown shown;
    for (size_t len = 0; len < 4400; len += len < 4000 ? 37 : 1) {
        walk(segment, len, NULL, &shown);
        ck_assert_uint_le(shown.records, 5);
    }
}
END_TEST

START_TEST(every_changed_byte_of_header_and_records_shows)
{
    struct shown shown;
    size_t end = book.notes[book.count - 1].end + 28; /* the pad's checked part */
    for (size_t at = 0; at < end; at++) {
        bool between = false; /* what aligns records is no part of any */
        for (size_t i = 0; i < book.count; i++) {
            between = between || (at >= book.notes[i].lsn + FLY_WAL_HEADER + book.notes[i].len &&
                                  at < book.notes[i].end);
        }
        segment[at] ^= 0x10;
        walk(segment, end, NULL, &shown);
        segment[at] ^= 0x10;
        if (!between && at < FLY_WAL_BLOCK) {
            ck_assert_msg(strstr(shown.text, "wrong") != NULL, "byte %zu", at);
        } else if (!between) {
            ck_assert_msg(strstr(shown.text, "wrong") != NULL ||
                              strstr(shown.text, "that are not records") != NULL ||
                              strstr(shown.text, "missing") != NULL,
                          "byte %zu: %s", at, shown.text);
        }
    }
}
END_TEST

static void rubbish(void *ctx, uint64_t seed)
{
    (void)ctx;
    fly_rng rng;
    fly_rng_init(&rng, seed);
    struct shown shown;
    for (int round = 0; round < 200; round++) {
        uint8_t bytes[6000];
        size_t len = 4096 + (size_t)fly_rng_below(&rng, sizeof bytes - 4096);
        memcpy(bytes, segment, len);
        for (uint64_t edits = 1 + fly_rng_below(&rng, 40); edits > 0; edits--) {
            size_t at = (size_t)fly_rng_below(&rng, 4) == 0
                            ? (size_t)fly_rng_below(&rng, len)
                            : 4096 + (size_t)fly_rng_below(&rng, len - 4096);
            bytes[at] = (uint8_t)fly_rng_next(&rng);
        }
        walk(bytes, len, NULL, &shown);
    }
}

START_TEST(rubbish_is_shown_as_far_as_it_goes)
{
    ck_assert(fly_test_seeds("dissecting rubbish", 5, rubbish, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dissect");
    TCase *tests = fly_test_case(suite, "segments");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, every_field_is_shown_where_it_lies);
    tcase_add_test(tests, a_note_is_shown);
    tcase_add_test(tests, payloads_are_shown_by_who_knows_them);
    tcase_add_test(tests, cut_off_anywhere_it_says_so);
    tcase_add_test(tests, every_changed_byte_of_header_and_records_shows);
    tcase_add_test(tests, rubbish_is_shown_as_far_as_it_goes);
    return fly_test_run(suite);
}
