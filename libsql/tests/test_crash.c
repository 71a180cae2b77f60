/*
 * Goal: whenever power goes, a database is what it was after the last statement that was acknowledged,
 * or after the one that was under way, and nothing in between: definitions and rows, tables and indexes.
 * The same when an allocation or a call of the disk fails: an error comes back, nothing leaks, and the
 * statement has happened or has not.
 * Method: a script of statements is run once in memory, and after each the whole database is put into
 * words: the catalog's tables, and the rows of every table, by the table and by each index. Then the
 * script runs on the simulated disk, cut in the middle of calls that change it, or with failures; what
 * is left must read like one of the two states.
 */
#include <fly/sql.h>

#include <fly/base_check.h>
#include <fly/base_testing.h>

#include <stdio.h>
#include <string.h>

static const char *const tables_script[] = {
    "CREATE TABLE a (id int PRIMARY KEY, name text NOT NULL, n numeric(10, 2))",
    "INSERT INTO a SELECT i, 'name ' || i, i * 1.5 FROM generate_series(1, 40) i",
    "CREATE INDEX a_name ON a (name)",
    "CREATE TABLE b (id serial PRIMARY KEY, a int REFERENCES a (id) ON DELETE CASCADE, t text)",
    "INSERT INTO b (a, t) SELECT i, repeat('x', i * 37) FROM generate_series(1, 30) i",
    ("BEGIN; UPDATE a SET name = name || '!' WHERE id % 3 = 0; SAVEPOINT s; DELETE FROM a; "
     "ROLLBACK TO s; INSERT INTO a VALUES (100, 'hundred', NULL); COMMIT"),
    "DELETE FROM a WHERE id BETWEEN 5 AND 12",
    ("BEGIN; CREATE TABLE c (x int); INSERT INTO c VALUES (1), (2); CREATE INDEX c_x ON c (x); "
     "COMMIT"),
    "BEGIN; DROP TABLE c; ROLLBACK",
    "ALTER TABLE a ADD COLUMN extra text DEFAULT 'new'",
    "INSERT INTO a VALUES (200, 'two hundred', 2, 'own') ON CONFLICT (id) DO NOTHING",
    "CREATE UNIQUE INDEX a_unique ON a (name, id)",
    "CREATE VIEW v AS SELECT name, count(*) AS c FROM a GROUP BY name",
    "TRUNCATE c",
    "INSERT INTO c SELECT i FROM generate_series(1, 300) i",
    "UPDATE c SET x = x + 1000 WHERE x % 2 = 0",
    "ALTER TABLE c ALTER COLUMN x TYPE bigint",
    "DROP VIEW v",
    "DROP TABLE b",
    NULL,
};

/* Roles lie in a store of their own, which the first of them makes. */
static const char *const roles_script[] = {
    "CREATE TABLE a (id int PRIMARY KEY, name text)",
    "CREATE ROLE ann CREATEDB",
    "GRANT SELECT (name), UPDATE ON a TO ann",
    "BEGIN; CREATE ROLE bob; ALTER ROLE bob SET search_path TO attic; GRANT bob TO ann; COMMIT",
    "BEGIN; ALTER ROLE ann RENAME TO eve; SAVEPOINT s; DROP ROLE bob; ROLLBACK TO s; COMMIT",
    "BEGIN; DROP ROLE bob; ROLLBACK",
    "CREATE POLICY p ON a TO eve USING (id > 5)",
    "DROP OWNED BY eve",
    "DROP ROLE eve, bob",
    NULL,
};

enum {
    STEPS_MAX = sizeof tables_script / sizeof tables_script[0],
    WORDS_MAX = 1 << 20,
};

static const char *const *const scripts[] = {tables_script, roles_script};
static const char *const *script; /* the one that is tried */
static size_t steps;              /* how long it is */

static void choose(int which)
{
    script = scripts[which];
    steps = 0;
    while (script[steps] != NULL) {
        steps++;
    }
}

/* --------------------------------------------------------- a database in words */

typedef struct words {
    char *text;
    size_t len;
} words;

static fly_status add_row(void *ctx, fly_sql_stmt *stmt)
{
    words *w = ctx;
    for (uint32_t i = 0; i < fly_sql_column_count(stmt); i++) {
        fly_bytes text = fly_sql_column_text(stmt, i);
        int n = snprintf(w->text + w->len, WORDS_MAX - w->len, "%.*s|", (int)text.len,
                         (const char *)text.data);
        ck_assert_int_ge(n, 0);
        w->len += (size_t)n;
        ck_assert_uint_lt(w->len, WORDS_MAX - 1);
    }
    w->text[w->len++] = '\n';
    w->text[w->len] = '\0';
    return FLY_OK;
}

/* Tables whose rows are told, by a scan and in the order of an index. */
static const char *const questions[] = {
    ("SELECT c.relname, c.relkind, a.attname, a.atttypid FROM pg_class c JOIN pg_attribute a ON "
     "a.attrelid = c.oid WHERE c.relnamespace = 2200 ORDER BY 1, 2, a.attnum"),
    "SELECT * FROM a ORDER BY id",
    "SELECT count(*), sum(id) FROM a WHERE name >= ''",
    "SELECT * FROM b ORDER BY id",
    "SELECT * FROM c ORDER BY x",
    "SELECT count(*), sum(x) FROM c WHERE x >= 0",
    "SELECT * FROM v ORDER BY 1",
    ("SELECT rolname, rolcreatedb, rolconfig, ARRAY(SELECT b.rolname FROM pg_auth_members m JOIN "
     "pg_roles b ON b.oid = m.roleid WHERE m.member = r.oid) FROM pg_roles r WHERE oid >= 16384 "
     "ORDER BY 1"),
    "SELECT relacl FROM pg_class WHERE relname = 'a'",
    "SELECT attacl FROM pg_attribute WHERE attacl IS NOT NULL",
    "SELECT policyname, roles FROM pg_policies",
};

/* FLY_OK, and the words; tables that are not there have none. Other failures are given back. */
static fly_status tell(fly_sql_session *session, words *w, fly_err *err)
{
    w->len = 0;
    w->text[0] = '\0';
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        fly_status status = fly_sql_execute(session, fly_bytes_str(questions[i]), add_row, w, err);
        if (status != FLY_OK && strcmp(err->sqlstate, "42P01") != 0) {
            return status;
        }
    }
    return FLY_OK;
}

/* -------------------------------------------------------------------- the states */

static char *states[STEPS_MAX];

static words new_words(void)
{
    words w = {.text = fly_mem_alloc(fly_mem_system(), WORDS_MAX)};
    ck_assert_ptr_nonnull(w.text);
    return w;
}

static void remember_states(void)
{
    fly_env env;
    fly_err err = {0};
    fly_sql *sql = NULL;
    fly_sql_session *session = NULL;
    words w = new_words();
    fly_env_init(&env);
    ck_assert_int_eq(fly_sql_open(&env, ":memory:", NULL, &sql, &err), FLY_OK);
    ck_assert_int_eq(fly_sql_session_open(sql, NULL, &session, &err), FLY_OK);
    for (size_t i = 0; i <= steps; i++) {
        ck_assert_msg(tell(session, &w, &err) == FLY_OK, "state %zu: %s", i, err.message);
        states[i] = fly_mem_alloc(fly_mem_system(), w.len + 1);
        memcpy(states[i], w.text, w.len + 1);
        if (i < steps) {
            fly_status status =
                fly_sql_execute(session, fly_bytes_str(script[i]), NULL, NULL, &err);
            ck_assert_msg(status == FLY_OK, "\"%s\": %s", script[i], err.message);
        }
    }
    fly_mem_free(fly_mem_system(), w.text, WORDS_MAX);
    fly_sql_session_close(session);
    ck_assert_int_eq(fly_sql_close(sql, &err), FLY_OK);
}

/* ------------------------------------------------------------------------- work */

static const fly_store_options store_options = {
    .pool_bytes = 2 << 20,
    .wal_segment_size = 1 << 20,
    .wal_ring_size = 512 << 10,
    .checkpoint_bytes = 1 << 20,
    .manual = true,
};

static const fly_sql_options sql_options = {
    .create = true, .threads = 1, .memory_bytes = 8 << 20, .store = &store_options};

/* How far the script has come: what was acknowledged. */
typedef struct progress {
    size_t done;
} progress;

static fly_status run_script(fly_env *env, progress *p, fly_err *err)
{
    fly_sql *sql = NULL;
    fly_sql_session *session = NULL;
    p->done = 0;
    fly_status status = fly_sql_open(env, "data", &sql_options, &sql, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_sql_session_open(sql, NULL, &session, err);
    for (size_t i = 0; i < steps && status == FLY_OK; i++) {
        status = fly_sql_execute(session, fly_bytes_str(script[i]), NULL, NULL, err);
        p->done += status == FLY_OK;
    }
    fly_sql_session_close(session);
    fly_status closed = fly_sql_close(sql, status == FLY_OK ? err : NULL);
    return status == FLY_OK ? closed : status;
}

static fly_status work(fly_sim_env *world, void *ctx)
{
    fly_err err = {0};
    return run_script(&world->env, ctx, &err);
}

static void left(fly_sim_env *world, void *ctx)
{
    progress *p = ctx;
    fly_err err = {0};
    fly_sql *sql = NULL;
    fly_sql_session *session = NULL;
    fly_status status = fly_sql_open(&world->env, "data", &sql_options, &sql, &err);
    ck_assert_msg(status == FLY_OK, "open: %s", err.message);
    ck_assert_int_eq(fly_sql_session_open(sql, NULL, &session, &err), FLY_OK);
    words w = new_words();
    status = tell(session, &w, &err);
    ck_assert_msg(status == FLY_OK, "after %zu statements: %s", p->done, err.message);
    size_t next = p->done < steps ? p->done + 1 : steps;
    bool is_known = strcmp(w.text, states[p->done]) == 0 || strcmp(w.text, states[next]) == 0;
    ck_assert_msg(is_known, "after %zu statements the database reads:\n%s", p->done, w.text);
    fly_mem_free(fly_mem_system(), w.text, WORDS_MAX);
    fly_sql_session_close(session);
    ck_assert_msg(fly_sql_close(sql, &err) == FLY_OK, "close: %s", err.message);
}

/* Every third call, and with FLY_TEST_ROUNDS=3 all of them: a recovery opens two stores by now. */
enum { STRIDE = 3 };

START_TEST(after_any_crash_each_statement_has_happened_or_not)
{
    progress p = {0};
    choose(_i);
    remember_states();
    ck_assert(fly_test_each_crash(
        "statements", &(fly_test_crash_options){.stride = STRIDE, .seeds = 1, .threads = true},
        work, left, &p));
}
END_TEST

/* A failed commit may have happened, if the log stopped over it; nobody went on after it. In simulated
 * time, for who rolls back without memory waits a minute for some. */
START_TEST(whatever_fails_nothing_leaks_and_each_statement_has_happened_or_not)
{
    progress p = {0};
    choose(_i);
    remember_states();
    ck_assert(fly_test_each_fault(
        "statements", &(fly_test_fault_options){.stride = 97, .threads = true}, work, left, &p));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crash");
    TCase *crashes = fly_test_case(suite, "crashes");
    tcase_set_timeout(crashes, FLY_TEST_SECONDS * (double)fly_test_rounds(1));
    tcase_add_loop_test(crashes, after_any_crash_each_statement_has_happened_or_not, 0, 2);
    tcase_add_loop_test(crashes,
                        whatever_fails_nothing_leaks_and_each_statement_has_happened_or_not, 0, 2);
    return fly_test_run(suite);
}
