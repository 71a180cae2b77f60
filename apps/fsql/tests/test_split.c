/*
 * Goal: statements end where SQL says, commands begin where a person meant them, and variables are
 * replaced where, and only where, they are variables.
 * Method: a table of scripts with their pieces; each script is fed as a whole and line by line, which
 * must give the same.
 */
#include "split.h"

#include <fly/base_check.h>

#include <string.h>

/* Pieces: statements in <>, commands as \, what is unfinished in {} with the prompt behind it. */
static const struct {
    const char *script, *pieces;
} scripts[] = {
    {"", ""},
    {"  \n\t\n", ""},
    {"select 1;", "<select 1;>"},
    {"select 1; select 2;", "<select 1;><select 2;>"},
    {"  -- nothing\nselect 1;\n", "<select 1;>"},
    {"select 1 -- ; no\n;", "<select 1 -- ; no\n;>"},
    {"select 'a;b';", "<select 'a;b';>"},
    {"select 'it''s; fine';", "<select 'it''s; fine';>"},
    {"select 'back\\';", "<select 'back\\';>"},
    {"select E'quo\\'te;';", "<select E'quo\\'te;';>"},
    {"select \"a;\"\"b\";", "<select \"a;\"\"b\";>"},
    {"select /* ; /* ; */ ; */ 1;", "<select /* ; /* ; */ ; */ 1;>"},
    {"select $$a;b$$;", "<select $$a;b$$;>"},
    {"select $x$ $$ ; $y$ $x$;", "<select $x$ $$ ; $y$ $x$;>"},
    {"select $1;", "<select $1;>"},
    {"select a$b$c;", "<select a$b$c;>"},
    {"select 1$a$2;", "<select 1$a$2;>"},
    {"create rule r as (a; b);", "<create rule r as (a; b);>"},
    {"select 1)); select 2;", "<select 1));><select 2;>"},
    {"select 1\\g\n", "{select 1}-\\"},
    {"\\dt\n", "\\"},
    {"select 1 \\; select 2;", "<select 1 ; select 2;>"},
    {"select '\\g';", "<select '\\g';>"},
    {"create function f() returns int begin atomic select 1; select case when true then 1 end; "
     "end;",
     "<create function f() returns int begin atomic select 1; select case when true then 1 end; "
     "end;>"},
    {"create or replace procedure p() begin atomic select 1; end; select 2;",
     "<create or replace procedure p() begin atomic select 1; end;><select 2;>"},
    {"begin; select 1; end;", "<begin;><select 1;><end;>"},
    {"select 1", "{select 1}-"},
    {"select 'a", "{select 'a}'"},
    {"select E'a\\'", "{select E'a\\'}'"},
    {"select \"a", "{select \"a}\""},
    {"select (1", "{select (1}("},
    {"select $q$a", "{select $q$a}$"},
    {"/* a /* b */", "{/* a /* b */}*"},
    {"select :x;", "<select 42;>"},
    {"select :'x', :\"x\";", "<select '42', \"42\";>"},
    {"select :'q';", "<select 'it''s';>"},
    {"select :'b';", "<select  E'a\\\\b';>"},
    {"select ':x', x::int, \":x\";", "<select ':x', x::int, \":x\";>"},
    {"select a[1:y], :nope;", "<select a[1:y], :nope;>"},
    {"select :{?x}, :{?nope};", "<select TRUE, FALSE;>"},
    {"select :s select 2;", "<select 1; select 2;>"},
    {"select :open;", "{select 'a;}'"},
    {"select :self;", "<select :self;>"},
    {"select :'x;", "<select :'x;>' "},
    {"select \u00e4 from \u6f22;", "<select \u00e4 from \u6f22;>"},
};

static fsql_vars vars;

static void set(const char *name, const char *value)
{
    fsql_text complaint = {0};
    ck_assert(fsql_vars_set(&vars, name, value, &complaint));
    fsql_text_deinit(&complaint);
}

static void setup(void)
{
    set("x", "42");
    set("q", "it's");
    set("b", "a\\b");
    set("s", "1;");
    set("open", "'a");
    set("self", ":self");
}

static void teardown(void)
{
    fsql_vars_deinit(&vars);
}

static void feed(fsql_split *split, fly_bytes input, fsql_text *pieces)
{
    for (size_t at = 0;;) {
        switch (fsql_split_next(split, input, &at)) {
        case FSQL_SPLIT_MORE:
            return;
        case FSQL_SPLIT_STATEMENT:
            fsql_text_printf(pieces, "<%s>", fsql_text_str(&split->statement));
            fsql_split_clear(split);
            break;
        case FSQL_SPLIT_COMMAND:
            if (split->statement.len > 0) {
                fsql_text_printf(pieces, "{%s}%c", fsql_text_str(&split->statement),
                                 fsql_split_prompt(split));
            }
            fsql_split_clear(split);
            fsql_text_byte(pieces, '\\');
            return; /* the rest of the line is the command's */
        }
    }
}

static void finish(fsql_split *split, fsql_text *pieces)
{
    if (split->begun || split->inside != 0) {
        fsql_text_printf(pieces, "{%s}%c", fsql_text_str(&split->statement),
                         fsql_split_prompt(split));
    }
}

START_TEST(a_script_falls_into_its_pieces)
{
    const char *script = scripts[_i].script;
    fsql_split split;
    fsql_text whole = {0};
    fsql_split_init(&split, &vars);
    feed(&split, fly_bytes_str(script), &whole);
    finish(&split, &whole);
    if (strstr(scripts[_i].pieces, "' ") == NULL) { /* a quote that never ends */
        ck_assert_str_eq(fsql_text_str(&whole), scripts[_i].pieces);
    }
    fsql_split_clear(&split);

    fsql_text lines = {0};
    for (const char *at = script; *at != 0;) {
        size_t len = strcspn(at, "\n");
        len += at[len] == '\n';
        feed(&split, fly_bytes_of(at, len), &lines);
        at += len;
    }
    finish(&split, &lines);
    ck_assert_str_eq(fsql_text_str(&lines), fsql_text_str(&whole));
    fsql_text_deinit(&lines);
    fsql_text_deinit(&whole);
    fsql_split_deinit(&split);
}
END_TEST

START_TEST(a_beginning_asks_for_nothing)
{
    fsql_split split;
    fsql_split_init(&split, NULL);
    ck_assert_int_eq(fsql_split_prompt(&split), '=');
    size_t at = 0;
    ck_assert_int_eq(fsql_split_next(&split, fly_bytes_str("select :x;"), &at),
                     FSQL_SPLIT_STATEMENT);
    ck_assert_str_eq(fsql_text_str(&split.statement), "select :x;");
    fsql_split_deinit(&split);
}
END_TEST

START_TEST(variables_are_kept_in_order_and_checked)
{
    fsql_text complaint = {0};
    static const char *const names[] = {"m", "a", "z", "aa", "b"};
    for (size_t i = 0; i < 5; i++) {
        set(names[i], names[i]);
    }
    for (size_t i = 0; i + 1 < vars.count; i++) {
        ck_assert_int_lt(strcmp(vars.all[i].name, vars.all[i + 1].name), 0);
    }
    ck_assert_str_eq(fsql_vars_get(&vars, "aardvark", 2), "aa");
    ck_assert_ptr_null(fsql_vars_get(&vars, "aaa", 3));
    ck_assert(fsql_vars_set(&vars, "aa", NULL, &complaint));
    ck_assert_ptr_null(fsql_vars_get(&vars, "aa", 2));
    ck_assert(!fsql_vars_set(&vars, "no way", "x", &complaint));
    ck_assert_str_eq(fsql_text_str(&complaint), "invalid variable name: \"no way\"");
    fsql_text_clear(&complaint);
    ck_assert(!fsql_vars_set(&vars, "ON_ERROR_STOP", "maybe", &complaint));
    ck_assert(fsql_vars_set(&vars, "ON_ERROR_STOP", "on", &complaint));
    ck_assert(fsql_vars_on(&vars, "ON_ERROR_STOP", false));
    ck_assert(!fsql_vars_set(&vars, "FETCH_COUNT", "-1", &complaint));
    ck_assert(fsql_vars_set(&vars, "FETCH_COUNT", "100", &complaint));
    ck_assert_int_eq(fsql_vars_number(&vars, "FETCH_COUNT", 0), 100);
    set("b", fsql_vars_get(&vars, "b", 1));
    ck_assert_str_eq(fsql_vars_get(&vars, "b", 1), "b");
    fsql_text_deinit(&complaint);
}
END_TEST

START_TEST(switches_are_words)
{
    static const struct {
        const char *word;
        int on;
    } words[] = {{"on", 1}, {"ON", 1}, {"o", -1}, {"off", 0}, {"of", 0},     {"t", 1},
                 {"1", 1},  {"no", 0}, {"0", 0},  {"", -1},   {"truely", -1}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        ck_assert_msg(fsql_switch(words[i].word) == words[i].on, "%s", words[i].word);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("split");
    TCase *tests = fly_test_case(suite, "split");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, a_script_falls_into_its_pieces, 0,
                        sizeof scripts / sizeof scripts[0]);
    tcase_add_test(tests, a_beginning_asks_for_nothing);
    tcase_add_test(tests, variables_are_kept_in_order_and_checked);
    tcase_add_test(tests, switches_are_words);
    return fly_test_run(suite);
}
