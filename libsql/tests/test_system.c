/*
 * Goal: pg_catalog and information_schema tell what there is, as PostgreSQL's do, and cannot be changed.
 * Method: a small database of every kind of object, and questions that tools ask, with the answers
 * that PostgreSQL 15 gives.
 */
#include <fly/sql.h>

#include <fly/base_check.h>

#include <stdio.h>
#include <string.h>

static fly_env env;
static fly_account account;
static fly_sql *sql;
static fly_sql_session *session;
static fly_err err;

static void run(const char *text)
{
    FLY_CHECK_OK(fly_sql_execute(session, fly_bytes_str(text), NULL, NULL, &err), err);
}

static void setup(void)
{
    fly_env_init(&env);
    fly_account_init(&account, env.mem, "test", 0);
    env.mem = &account.mem;
    FLY_CHECK_OK(fly_sql_open(&env, ":memory:", &(fly_sql_options){.create = true}, &sql, &err),
                 err);
    FLY_CHECK_OK(fly_sql_session_open(sql, NULL, &session, &err), err);
    run("CREATE TABLE author (id int PRIMARY KEY, name varchar(40) NOT NULL UNIQUE)");
    run("CREATE TABLE book (id int PRIMARY KEY, author int REFERENCES author (id) "
        "ON DELETE CASCADE, title text DEFAULT 'none', price numeric(8,2) CHECK (price > 0))");
    run("CREATE INDEX book_title ON book (title DESC, id)");
    run("CREATE VIEW cheap AS SELECT title FROM book WHERE price < 20");
    run("CREATE SEQUENCE counter START 5");
    run("CREATE SCHEMA attic");
    run("CREATE TABLE attic.book (x bigint)");
    run("CREATE TYPE mood AS ENUM ('sad', 'ok')");
}

static void teardown(void)
{
    fly_sql_session_close(session);
    FLY_CHECK_OK(fly_sql_close(sql, &err), err);
    fly_account_deinit(&account);
}

/* The rows of a query as "a|b;c|d". */
typedef struct answer {
    char text[4096];
    size_t len;
} answer;

static fly_status take_row(void *ctx, fly_sql_stmt *stmt)
{
    answer *into = ctx;
    for (uint32_t i = 0; i < fly_sql_column_count(stmt); i++) {
        bool null = fly_sql_column_null(stmt, i);
        fly_bytes cell = null ? fly_bytes_str("~") : fly_sql_column_text(stmt, i);
        int n = snprintf(into->text + into->len, sizeof into->text - into->len, "%s%.*s",
                         i > 0           ? "|"
                         : into->len > 0 ? ";"
                                         : "",
                         (int)cell.len, (const char *)cell.data);
        into->len += n > 0 ? (size_t)n : 0;
    }
    return FLY_OK;
}

static const struct {
    const char *query, *rows;
} questions[] = {
    {"SELECT nspname FROM pg_namespace WHERE oid = 2200 OR nspname = 'attic' ORDER BY 1",
     "attic;public"},
    {"SELECT n.nspname, c.relname, c.relkind FROM pg_catalog.pg_class c "
     "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
     "WHERE n.nspname IN ('public', 'attic') ORDER BY 1, 2",
     "attic|book|r;public|author|r;public|author_name_key|i;public|author_pkey|i;public|book|r;"
     "public|book_pkey|i;public|book_title|i;public|cheap|v;public|counter|S"},
    {"SELECT a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.atthasdef FROM pg_attribute a "
     "JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
     "WHERE c.relname = 'book' AND n.nspname = 'public' ORDER BY a.attnum",
     "id|23|-1|t|f;author|23|-1|f|f;title|25|-1|f|t;price|1700|524294|f|f"},
    {"SELECT t.relname, c.relname, i.indisprimary, i.indisunique, i.indkey, i.indoption "
     "FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
     "JOIN pg_class t ON t.oid = i.indrelid ORDER BY 2",
     "author|author_name_key|f|t|2|0;author|author_pkey|t|t|1|0;book|book_pkey|t|t|1|0;"
     "book|book_title|f|f|3 1|3 0"},
    {"SELECT k.conname, k.contype, k.conkey, k.confkey, k.confdeltype FROM pg_constraint k "
     "ORDER BY 1",
     "author_name_key|u|{2}|~| ;author_pkey|p|{1}|~| ;book_author_fkey|f|{2}|{1}|c;"
     "book_pkey|p|{1}|~| ;book_price_check|c|{4}|~| "},
    {"SELECT pg_get_constraintdef(oid, true) FROM pg_constraint ORDER BY 1",
     "CHECK (price > 0);FOREIGN KEY (author) REFERENCES author(id) ON DELETE CASCADE;"
     "PRIMARY KEY (id);PRIMARY KEY (id);UNIQUE (name)"},
    {"SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE NOT indisunique",
     "CREATE INDEX book_title ON public.book USING btree (title DESC, id)"},
    {"SELECT d.adnum FROM pg_attrdef d", "3"},
    {"SELECT typname, typtype, typcategory FROM pg_type WHERE typname IN ('int4', '_int4', 'mood', "
     "'_mood') ORDER BY 1",
     "_int4|b|A;_mood|b|A;int4|b|N;mood|e|E"},
    {"SELECT e.enumlabel FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid ORDER BY "
     "e.enumsortorder",
     "sad;ok"},
    {"SELECT seqstart, seqincrement FROM pg_sequence", "5|1"},
    {"SELECT proname, prokind, pronargs FROM pg_proc WHERE proname IN ('lower', 'sum', 'rank') "
     "AND prorettype IN (25, 1700, 20) AND pronargs < 2 AND NOT proretset ORDER BY 1, 3 LIMIT 1",
     "lower|f|1"},
    {"SELECT datname FROM pg_database", "default"},
    {"SELECT rolname, rolsuper FROM pg_roles WHERE oid = 10", "admin|t"},
    {"SELECT setting FROM pg_settings WHERE name = 'server_encoding'", "UTF8"},
    {"SELECT table_schema, table_name, table_type FROM information_schema.tables "
     "WHERE table_schema IN ('public', 'attic') ORDER BY 1, 2",
     "attic|book|BASE TABLE;public|author|BASE TABLE;public|book|BASE TABLE;public|cheap|VIEW"},
    {"SELECT column_name, ordinal_position, is_nullable, data_type, character_maximum_length, "
     "numeric_precision, numeric_scale FROM information_schema.columns "
     "WHERE table_schema = 'public' AND table_name IN ('author', 'book') ORDER BY table_name, 2",
     "id|1|NO|integer|~|32|0;name|2|NO|character varying|40|~|~;id|1|NO|integer|~|32|0;"
     "author|2|YES|integer|~|32|0;title|3|YES|text|~|~|~;price|4|YES|numeric|~|8|2"},
    {"SELECT table_name, constraint_type FROM information_schema.table_constraints ORDER BY 1, 2",
     "author|PRIMARY KEY;author|UNIQUE;book|CHECK;book|FOREIGN KEY;book|PRIMARY KEY"},
    {"SELECT constraint_name, column_name, ordinal_position FROM "
     "information_schema.key_column_usage ORDER BY 1, 3",
     "author_name_key|name|1;author_pkey|id|1;book_author_fkey|author|1;book_pkey|id|1"},
    {"SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1", "author;book"},
    {"SELECT count(*) FROM pg_class a, pg_class b WHERE a.oid = b.oid AND a.relname = 'pg_class'",
     "1"},
    {"SELECT relkind FROM pg_class WHERE relname = 'pg_class'", "r"},
};

START_TEST(tools_are_answered)
{
    answer got = {.len = 0};
    fly_status status =
        fly_sql_execute(session, fly_bytes_str(questions[_i].query), take_row, &got, &err);
    ck_assert_msg(status == FLY_OK, "%s: %s", questions[_i].query, err.message);
    ck_assert_msg(strcmp(got.text, questions[_i].rows) == 0, "%s: %s instead of %s",
                  questions[_i].query, got.text, questions[_i].rows);
}
END_TEST

START_TEST(nobody_changes_the_catalog_by_its_tables)
{
    static const char *const changes[] = {
        "DELETE FROM pg_class", "UPDATE pg_type SET typname = 'x'",
        "INSERT INTO pg_am VALUES (1, 'x', 'i')", "DROP TABLE pg_class"};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        fly_status status = fly_sql_execute(session, fly_bytes_str(changes[i]), NULL, NULL, &err);
        ck_assert_msg(status != FLY_OK, "%s", changes[i]);
    }
    answer got = {.len = 0};
    FLY_CHECK_OK(
        fly_sql_execute(session, fly_bytes_str("SELECT count(*) FROM pg_am"), take_row, &got, &err),
        err);
    ck_assert_str_eq(got.text, "2");
}
END_TEST

START_TEST(a_table_shows_what_its_own_transaction_made)
{
    answer got = {.len = 0};
    run("BEGIN; CREATE TABLE fresh (a int)");
    const char *query = "SELECT relname FROM pg_class WHERE relname = 'fresh'";
    FLY_CHECK_OK(fly_sql_execute(session, fly_bytes_str(query), take_row, &got, &err), err);
    ck_assert_str_eq(got.text, "fresh");
    run("ROLLBACK");
    got = (answer){.len = 0};
    FLY_CHECK_OK(fly_sql_execute(session, fly_bytes_str(query), take_row, &got, &err), err);
    ck_assert_str_eq(got.text, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("system");
    TCase *tests = fly_test_case(suite, "system tables");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, tools_are_answered, 0, sizeof questions / sizeof questions[0]);
    tcase_add_test(tests, nobody_changes_the_catalog_by_its_tables);
    tcase_add_test(tests, a_table_shows_what_its_own_transaction_made);
    return fly_test_run(suite);
}
