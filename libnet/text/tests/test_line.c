/*
 * Goal: lines are cut where they end whatever the network does to them, fields come back from their
 * escapes, rows cannot be taken for what ends them, commands are understood or refused.
 * Method: streams cut at each byte; tables; every field of up to two bytes; the fuzz target over random
 * lines of characters that mean something.
 */
#include "fuzz_line.c"

#include <fly/base_check.h>
#include <fly/base_seeds.h>

static fly_err err;

static fly_bytes str(const char *text)
{
    return fly_bytes_str(text);
}

static void text_is(fly_bytes text, const char *wanted)
{
    ck_assert_msg(fly_bytes_equal(text, str(wanted)), "\"%.*s\" instead of \"%s\"", (int)text.len,
                  (const char *)text.data, wanted);
}

START_TEST(lines_end_where_they_end_wherever_they_are_cut)
{
    static const char stream[] = "PING\nSQL x\r\n\n\r\nlast";
    static const char *const wanted[] = {"PING", "SQL x", "", ""};
    for (size_t first = 0; first < sizeof stream; first++) {
        size_t scanned = 0;
        size_t at = 0;
        size_t end = first;
        size_t found = 0;
        for (;;) {
            fly_bytes line;
            size_t used = 0;
            fly_status status =
                fly_line_next(fly_bytes_of(stream + at, end - at), 5, &scanned, &line, &used, &err);
            if (status == FLY_OK) {
                ck_assert_uint_lt(found, 4);
                text_is(line, wanted[found++]);
                at += used;
            } else if (end < sizeof stream - 1) {
                FLY_CHECK(status, FLY_E_AGAIN, err);
                end++;
            } else {
                FLY_CHECK(status, FLY_E_AGAIN, err);
                break;
            }
        }
        ck_assert_uint_eq(found, 4);
    }
}
END_TEST

START_TEST(a_line_beyond_the_limit_is_refused_before_it_ends)
{
    fly_bytes line;
    size_t used = 0;
    size_t scanned = 0;
    FLY_CHECK_OK(fly_line_next(str("12345\n"), 5, &scanned, &line, &used, &err), err);
    FLY_CHECK_OK(fly_line_next(str("12345\r\n"), 5, &scanned, &line, &used, &err), err);
    FLY_CHECK(fly_line_next(str("12345"), 5, &scanned, &line, &used, &err), FLY_E_AGAIN, err);
    ck_assert_uint_eq(scanned, 5);
    FLY_CHECK(fly_line_next(str("123456"), 5, &scanned, &line, &used, &err), FLY_E_TOO_LARGE, err);
    scanned = 0;
    FLY_CHECK(fly_line_next(str("123456\n"), 5, &scanned, &line, &used, &err), FLY_E_TOO_LARGE,
              err);
}
END_TEST

static const struct {
    const char *plain, *escaped;
} fields[] = {
    {"", ""},
    {"a|b", "a\\|b"},
    {"two\nlines\r", "two\\nlines\\r"},
    {"C:\\new", "C:\\\\new"},
    {"\\N", "\\\\N"},
    {"\x01\x7f", "\\x01\\x7f"},
    {"tab\there", "tab\\x09here"},
    {"OK SELECT 1", "\\x4fK SELECT 1"},
    {"OK", "OK"},
    {"ERROR 1", "\\x45RROR 1"},
    {"OKAY", "OKAY"},
    {"na\xc3\xafve", "na\xc3\xafve"},
};

START_TEST(each_field_is_escaped_as_documented)
{
    uint8_t room[64];
    size_t len = fly_line_escape(str(fields[_i].plain), true, room);
    text_is(fly_bytes_of(room, len), fields[_i].escaped);
    FLY_CHECK_OK(fly_line_unescape(fly_bytes_of(room, len), room, &len, &err), err);
    text_is(fly_bytes_of(room, len), fields[_i].plain);
}
END_TEST

START_TEST(only_the_first_field_could_be_taken_for_a_status)
{
    uint8_t room[64];
    text_is(fly_bytes_of(room, fly_line_escape(str("OK x"), false, room)), "OK x");
}
END_TEST

START_TEST(every_short_field_comes_back)
{
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            uint8_t bytes[2] = {(uint8_t)a, (uint8_t)b};
            field_comes_back(fly_bytes_of(bytes, 1));
            field_comes_back(fly_bytes_of(bytes, 2));
        }
    }
}
END_TEST

START_TEST(what_is_no_escape_is_refused_with_its_place)
{
    static const char *const wrong[] = {"ab\\", "ab\\d", "ab\\N", "ab\\x1", "ab\\x1g", "ab\\ "};
    uint8_t room[16];
    size_t len = 77;
    FLY_CHECK(fly_line_unescape(str(wrong[_i]), room, &len, &err), FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "22025");
    ck_assert_uint_eq(err.position, 3);
    ck_assert_uint_eq(len, 77);
}
END_TEST

START_TEST(rows_are_cut_at_bars_that_are_not_escaped)
{
    static const char *const wanted[] = {"1", "a\\|b", "\\N", "", "x\\\\"};
    fly_bytes row = str("1|a\\|b|\\N||x\\\\");
    size_t at = 0;
    for (size_t i = 0; i < 5; i++) {
        ck_assert_uint_le(at, row.len);
        fly_bytes field = fly_line_field(row, &at);
        text_is(field, wanted[i]);
        ck_assert_int_eq(fly_line_is_null(field), i == 2);
    }
    ck_assert_uint_gt(at, row.len);
}
END_TEST

static const struct {
    const char *line;
    fly_line_verb verb;
    const char *first, *second;
    int64_t from; /* -1: none */
} lines[] = {
    {"", FLY_LINE_EMPTY, "", "", -1},
    {"  \t", FLY_LINE_EMPTY, "", "", -1},
    {"PING", FLY_LINE_PING, "", "", -1},
    {" ping ", FLY_LINE_PING, "", "", -1},
    {"AUTH alice secret", FLY_LINE_AUTH, "alice", "secret", -1},
    {"auth al\\x20ice my pass word", FLY_LINE_AUTH, "al\\x20ice", "my pass word", -1},
    {"USE shop", FLY_LINE_USE, "shop", "", -1},
    {"Sql  SELECT 1 ", FLY_LINE_SQL, "SELECT 1", "", -1},
    {"SQL\tSELECT 'from 5'", FLY_LINE_SQL, "SELECT 'from 5'", "", -1},
    {"WATCH t", FLY_LINE_WATCH, "t", "", -1},
    {"WATCH s.\"My Table\" from 18446744073709551615", FLY_LINE_WATCH, "s.\"My Table\"", "", -2},
    {"WATCH t FROM 7", FLY_LINE_WATCH, "t", "", 7},
    {"WATCH t FROM 18446744073709551616", FLY_LINE_WATCH, "t FROM 18446744073709551616", "", -1},
    {"WATCH from 7", FLY_LINE_WATCH, "from 7", "", -1},
    {"UNWATCH", FLY_LINE_UNWATCH, "", "", -1},
    {"UNWATCH t", FLY_LINE_UNWATCH, "t", "", -1},
    {"HELP", FLY_LINE_HELP, "", "", -1},
    {"quit", FLY_LINE_QUIT, "", "", -1},
    {"GET / HTTP/1.1", FLY_LINE_UNKNOWN, "GET", "", -1},
    {"PINGPONG", FLY_LINE_UNKNOWN, "PINGPONG", "", -1},
};

START_TEST(each_command_is_understood)
{
    fly_line_command command;
    FLY_CHECK_OK(fly_line_parse(str(lines[_i].line), &command, &err), err);
    ck_assert_int_eq(command.verb, lines[_i].verb);
    text_is(command.first, lines[_i].first);
    text_is(command.second, lines[_i].second);
    ck_assert_int_eq(command.has_from, lines[_i].from != -1);
    if (lines[_i].from != -1) {
        ck_assert_uint_eq(command.from, (uint64_t)(lines[_i].from == -2 ? -1 : lines[_i].from));
    }
}
END_TEST

START_TEST(a_command_with_wrong_arguments_says_how_it_is_written)
{
    static const char *const wrong[] = {"PING x", "AUTH", "AUTH alice", "AUTH alice ",
                                        "USE",    "SQL ", "WATCH",      "QUIT now"};
    fly_line_command command;
    FLY_CHECK(fly_line_parse(str(wrong[_i]), &command, &err), FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "42601");
    FLY_CHECK_SAYS(err.hint, "Write: ");
}
END_TEST

START_TEST(random_lines_do_no_harm)
{
    static const char alphabet[] = "\\\\|\n\rxN09aOK ERSQLWATCHFOM\x80\xff\x01";
    uint64_t seed = 11;
    uint8_t bytes[40];
    for (uint64_t round = 0; round < fly_test_rounds(20000); round++) {
        size_t len = 0;
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        size_t size = (size_t)(seed >> 40) % sizeof bytes;
        for (; len < size; len++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            bytes[len] = (uint8_t)alphabet[(size_t)(seed >> 33) % (sizeof alphabet - 1)];
        }
        (void)LLVMFuzzerTestOneInput(bytes, len);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("line");
    TCase *tests = fly_test_case(suite, "line");
    tcase_add_test(tests, lines_end_where_they_end_wherever_they_are_cut);
    tcase_add_test(tests, a_line_beyond_the_limit_is_refused_before_it_ends);
    tcase_add_loop_test(tests, each_field_is_escaped_as_documented, 0,
                        sizeof fields / sizeof fields[0]);
    tcase_add_test(tests, only_the_first_field_could_be_taken_for_a_status);
    tcase_add_test(tests, every_short_field_comes_back);
    tcase_add_loop_test(tests, what_is_no_escape_is_refused_with_its_place, 0, 6);
    tcase_add_test(tests, rows_are_cut_at_bars_that_are_not_escaped);
    tcase_add_loop_test(tests, each_command_is_understood, 0, sizeof lines / sizeof lines[0]);
    tcase_add_loop_test(tests, a_command_with_wrong_arguments_says_how_it_is_written, 0, 8);
    tcase_add_test(tests, random_lines_do_no_harm);
    return fly_test_run(suite);
}
