/*
 * Goal: results look as psql's do, to the last space, and what psql has no format for is what its
 * readers expect.
 * Method: one small result with wide characters, lines, nulls and everything that needs quoting, in
 * every format; what psql prints for it was taken from psql 15.
 */
#include "format.h"

#include <fly/base_check.h>

#include <string.h>

enum { INT4 = 23, TEXT = 25, BOOL = 16, JSON = 114, FLOAT8 = 701 };

static fsql_result result;
static fsql_format format;

static void cell(const char *text)
{
    fsql_result_cell(&result, text, text != NULL ? strlen(text) : 0);
}

static void setup(void)
{
    format = fsql_format_default();
    fsql_result_column(&result, "id", INT4);
    fsql_result_column(&result, "name", TEXT);
    fsql_result_column(&result, "ok", BOOL);
    cell("1");
    cell("M\u00fcller");
    cell("t");
    cell("22");
    cell("\u6f22\u5b57|x\n\"q\",\\");
    cell("f");
    cell("-3");
    cell(NULL);
    cell(NULL);
}

static void teardown(void)
{
    fsql_result_deinit(&result);
}

static void expect(const char *wanted)
{
    fsql_text out = {0};
    fsql_format_write(&format, &result, true, true, &out);
    ck_assert_str_eq(fsql_text_str(&out), wanted);
    fsql_text_deinit(&out);
}

START_TEST(columns_are_aligned_by_what_a_terminal_shows)
{
    expect(" id |  name  | ok \n"
           "----+--------+----\n"
           "  1 | M\u00fcller | t\n"
           " 22 | \u6f22\u5b57|x+| f\n"
           "    | \"q\",\\  | \n"
           " -3 |        | \n"
           "(3 rows)\n\n");
}
END_TEST

START_TEST(a_border_can_go_all_around_or_nowhere)
{
    format.border = 2;
    format.null = "~";
    format.title = "People";
    expect("       People\n"
           "+----+--------+----+\n"
           "| id |  name  | ok |\n"
           "+----+--------+----+\n"
           "|  1 | M\u00fcller | t  |\n"
           "| 22 | \u6f22\u5b57|x+| f  |\n"
           "|    | \"q\",\\  |    |\n"
           "| -3 | ~      | ~  |\n"
           "+----+--------+----+\n"
           "(3 rows)\n\n");
    format.border = 0;
    format.title = NULL;
    expect("id  name  ok \n"
           "-- ------ --\n"
           " 1 M\u00fcller t\n"
           "22 \u6f22\u5b57|x+f\n"
           "   \"q\",\\  \n"
           "-3 ~      ~\n"
           "(3 rows)\n\n");
}
END_TEST

START_TEST(a_box_has_lines_of_box_characters)
{
    format.border = 2;
    format.unicode = true;
    format.footer = false;
    expect("┌────┬────────┬────┐\n"
           "│ id │  name  │ ok │\n"
           "├────┼────────┼────┤\n"
           "│  1 │ M\u00fcller │ t  │\n"
           "│ 22 │ \u6f22\u5b57|x↵│ f  │\n"
           "│    │ \"q\",\\  │    │\n"
           "│ -3 │        │    │\n"
           "└────┴────────┴────┘\n\n");
}
END_TEST

START_TEST(records_stand_one_below_the_other)
{
    format.expanded = 1;
    expect("-[ RECORD 1 ]\n"
           "id   | 1\n"
           "name | M\u00fcller\n"
           "ok   | t\n"
           "-[ RECORD 2 ]\n"
           "id   | 22\n"
           "name | \u6f22\u5b57|x+\n"
           "     | \"q\",\\\n"
           "ok   | f\n"
           "-[ RECORD 3 ]\n"
           "id   | -3\n"
           "name | \n"
           "ok   | \n\n");
    format.border = 2;
    format.tuples_only = true;
    expect("+------+--------+\n"
           "| id   | 1      |\n"
           "| name | M\u00fcller |\n"
           "| ok   | t      |\n"
           "+------+--------+\n"
           "| id   | 22     |\n"
           "| name | \u6f22\u5b57|x+|\n"
           "|      | \"q\",\\  |\n"
           "| ok   | f      |\n"
           "+------+--------+\n"
           "| id   | -3     |\n"
           "| name |        |\n"
           "| ok   |        |\n"
           "+------+--------+\n\n");
}
END_TEST

START_TEST(unaligned_fields_are_parted)
{
    format.kind = FSQL_UNALIGNED;
    expect("id|name|ok\n1|M\u00fcller|t\n22|\u6f22\u5b57|x\n\"q\",\\|f\n-3||\n(3 rows)\n");
    format.field = "\t";
    format.record = ";";
    format.tuples_only = true;
    expect("1\tM\u00fcller\tt;22\t\u6f22\u5b57|x\n\"q\",\\\tf;-3\t\t\n");
}
END_TEST

START_TEST(csv_quotes_what_needs_it)
{
    format.kind = FSQL_CSV;
    expect("id,name,ok\n1,M\u00fcller,t\n22,\"\u6f22\u5b57|x\n\"\"q\"\",\\\",f\n-3,,\n");
    format.csv = '|';
    format.expanded = 1;
    expect("id|1\nname|M\u00fcller\nok|t\nid|22\nname|\"\u6f22\u5b57|x\n\"\"q\"\",\\\"\nok|f\n"
           "id|-3\nname|\nok|\n");
}
END_TEST

START_TEST(json_is_an_array_of_objects)
{
    format.kind = FSQL_JSON;
    expect("[{\"id\":1,\"name\":\"M\u00fcller\",\"ok\":true},\n"
           "{\"id\":22,\"name\":\"\u6f22\u5b57|x\\n\\\"q\\\",\\\\\",\"ok\":false},\n"
           "{\"id\":-3,\"name\":null,\"ok\":null}]\n");
    fsql_result_clear(&result);
    fsql_result_column(&result, "j", JSON);
    fsql_result_column(&result, "d", FLOAT8);
    cell("{\"a\": [1]}");
    cell("NaN");
    cell("null");
    cell("1e+20");
    expect("[{\"j\":{\"a\": [1]},\"d\":\"NaN\"},\n{\"j\":null,\"d\":1e+20}]\n");
    fsql_result_handed_on(&result);
    result.rows_before = 0;
    expect("[]\n");
}
END_TEST

START_TEST(markdown_escapes_bars)
{
    format.kind = FSQL_MARKDOWN;
    expect("| id | name | ok |\n| ---: | --- | --- |\n| 1 | M\u00fcller | t |\n"
           "| 22 | \u6f22\u5b57\\|x<br>\"q\",\\\\ | f |\n| -3 |  |  |\n");
}
END_TEST

START_TEST(html_escapes_what_is_html)
{
    format.kind = FSQL_HTML;
    fsql_result_clear(&result);
    fsql_result_column(&result, "a<b", TEXT);
    cell("&");
    expect("<table border=\"1\">\n  <tr>\n    <th align=\"center\">a&lt;b</th>\n  </tr>\n"
           "  <tr valign=\"top\">\n    <td align=\"left\">&amp;</td>\n  </tr>\n</table>\n"
           "<p>(1 row)<br />\n</p>\n");
}
END_TEST

START_TEST(results_without_rows_or_columns_are_results)
{
    fsql_result_handed_on(&result);
    result.rows_before = 0;
    expect(" id | name | ok \n----+------+----\n(0 rows)\n\n");
    format.expanded = 1;
    expect("(0 rows)\n\n");
    format.expanded = 0;
    fsql_result_clear(&result);
    result.has_rows = true;
    fsql_result_cell(&result, NULL, 0);
    expect("--\n(1 row)\n\n");
    format.kind = FSQL_CSV;
    expect("");
    format.kind = FSQL_MARKDOWN;
    expect("\n");
}
END_TEST

START_TEST(what_would_move_the_cursor_is_spelled)
{
    fsql_result_clear(&result);
    fsql_result_column(&result, "c", TEXT);
    cell("a\tb");
    cell("a\rb");
    cell("\x1b[31m");
    cell("\xff\xc3");
    expect("     c     \n-----------\n a       b\n a\\rb\n \\x1B[31m\n \\xFF\\xC3\n(4 rows)\n\n");
}
END_TEST

START_TEST(a_large_result_comes_in_pieces)
{
    fsql_text out = {0};
    fsql_result_clear(&result);
    fsql_result_column(&result, "n", INT4);
    cell("1");
    fsql_format_write(&format, &result, true, false, &out);
    fsql_result_handed_on(&result);
    cell("22");
    fsql_format_write(&format, &result, false, true, &out);
    ck_assert_str_eq(fsql_text_str(&out), " n \n---\n 1\n 22\n(2 rows)\n\n");
    fsql_text_deinit(&out);
}
END_TEST

START_TEST(expanded_auto_looks_at_the_screen)
{
    format.expanded = 2;
    format.columns = 10;
    fsql_text out = {0};
    fsql_format_write(&format, &result, true, true, &out);
    FLY_CHECK_SAYS(fsql_text_str(&out), "RECORD 1");
    fsql_text_clear(&out);
    format.columns = 80;
    fsql_format_write(&format, &result, true, true, &out);
    FLY_CHECK_SAYS(fsql_text_str(&out), " id | ");
    fsql_text_deinit(&out);
}
END_TEST

START_TEST(formats_are_found_by_their_beginning)
{
    fsql_format_kind kind = FSQL_ALIGNED;
    ck_assert(fsql_format_find("JSON", &kind) && kind == FSQL_JSON);
    ck_assert(fsql_format_find("u", &kind) && kind == FSQL_UNALIGNED);
    ck_assert(!fsql_format_find("", &kind));
    ck_assert(!fsql_format_find("latex", &kind));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("format");
    TCase *tests = fly_test_case(suite, "format");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, columns_are_aligned_by_what_a_terminal_shows);
    tcase_add_test(tests, a_border_can_go_all_around_or_nowhere);
    tcase_add_test(tests, a_box_has_lines_of_box_characters);
    tcase_add_test(tests, records_stand_one_below_the_other);
    tcase_add_test(tests, unaligned_fields_are_parted);
    tcase_add_test(tests, csv_quotes_what_needs_it);
    tcase_add_test(tests, json_is_an_array_of_objects);
    tcase_add_test(tests, markdown_escapes_bars);
    tcase_add_test(tests, html_escapes_what_is_html);
    tcase_add_test(tests, results_without_rows_or_columns_are_results);
    tcase_add_test(tests, what_would_move_the_cursor_is_spelled);
    tcase_add_test(tests, a_large_result_comes_in_pieces);
    tcase_add_test(tests, expanded_auto_looks_at_the_screen);
    tcase_add_test(tests, formats_are_found_by_their_beginning);
    return fly_test_run(suite);
}
