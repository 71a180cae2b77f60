/*
 * Goal: plans are what they should be, and whatever was done to a plan, its rows are the same.
 * Method: what EXPLAIN says of queries that each pass is for; and queries, listed ones and random ones,
 * with all passes, without subqueries made joins, and as they were bound.
 */
#include <fly/sql.h>

#include <fly/base_check.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static fly_env env;
static fly_account account;
static fly_sql *sql;
static fly_sql_session *session;
static fly_err err;

static void run(const char *text)
{
    fly_status status = fly_sql_execute(session, fly_bytes_str(text), NULL, NULL, &err);
    ck_assert_msg(status == FLY_OK, "%s: %s", text, err.message);
}

static void setup(void)
{
    fly_env_init(&env);
    fly_account_init(&account, env.mem, "test", 0);
    env.mem = &account.mem;
    FLY_CHECK_OK(fly_sql_open(&env, ":memory:", &(fly_sql_options){.create = true}, &sql, &err),
                 err);
    FLY_CHECK_OK(fly_sql_session_open(sql, NULL, &session, &err), err);
    run("CREATE TABLE big (id int PRIMARY KEY, a int NOT NULL, b int, c int, s text)");
    run("CREATE TABLE small (id int PRIMARY KEY, a int, b int NOT NULL, s text UNIQUE)");
    run("CREATE TABLE empty (a int, b int)");
    run("INSERT INTO big SELECT i, i * 37 % 50, CASE WHEN i % 10 > 0 THEN i % 7 END, i % 3, "
        "'s' || i % 11 FROM generate_series(1, 1000) i");
    run("INSERT INTO small SELECT i, CASE WHEN i % 5 > 0 THEN i % 8 END, i % 6, 's' || i "
        "FROM generate_series(1, 20) i");
    run("CREATE INDEX big_ab ON big (a, b)");
    run("CREATE INDEX big_b ON big (b DESC)");
    run("ANALYZE");
}

static void teardown(void)
{
    fly_sql_session_close(session);
    FLY_CHECK_OK(fly_sql_close(sql, &err), err);
    fly_account_deinit(&account);
}

/* ------------------------------------------------------------------------------ plans */

typedef struct text {
    char *data;
    size_t len, room;
} text;

static void add(text *t, const char *data, size_t len)
{
    if (t->len + len + 1 > t->room) {
        t->room = 2 * (t->len + len + 1);
        t->data = realloc(t->data, t->room);
        ck_assert_ptr_nonnull(t->data);
    }
    memcpy(t->data + t->len, data, len);
    t->len += len;
    t->data[t->len] = 0;
}

static fly_status take_line(void *ctx, fly_sql_stmt *stmt)
{
    fly_bytes cell = fly_sql_column_text(stmt, 0);
    add(ctx, (const char *)cell.data, cell.len);
    add(ctx, "\n", 1);
    return FLY_OK;
}

/* `with` and `without`: what the plan says, and does not; NULL ends the list. */
static void expect_plan(const char *query, const char *const *with, const char *without)
{
    char explain[1024];
    text plan = {0};
    (void)snprintf(explain, sizeof explain, "EXPLAIN %s", query);
    fly_status status = fly_sql_execute(session, fly_bytes_str(explain), take_line, &plan, &err);
    ck_assert_msg(status == FLY_OK, "%s: %s", query, err.message);
    for (; *with != NULL; with++) {
        ck_assert_msg(strstr(plan.data, *with) != NULL, "%s: no %s in\n%s", query, *with,
                      plan.data);
    }
    ck_assert_msg(without == NULL || strstr(plan.data, without) == NULL, "%s: %s in\n%s", query,
                  without, plan.data);
    free(plan.data);
}

#define HAS(...) ((const char *const[]){__VA_ARGS__, NULL})

START_TEST(subqueries_become_joins)
{
    expect_plan("SELECT * FROM small x WHERE EXISTS (SELECT 1 FROM big y WHERE y.c = x.a)",
                HAS("Semi Join"), "SubPlan");
    expect_plan("SELECT * FROM big x WHERE NOT EXISTS (SELECT * FROM small y WHERE y.b = x.b)",
                HAS("Anti Join"), "SubPlan");
    expect_plan("SELECT * FROM big WHERE a IN (SELECT b FROM small WHERE id > 3)", HAS("Semi Join"),
                "SubPlan");
    expect_plan("SELECT * FROM big WHERE a NOT IN (SELECT b FROM small)", HAS("Anti Join"),
                "SubPlan");
    expect_plan("SELECT * FROM big WHERE b NOT IN (SELECT a FROM small)", HAS("Anti"), "SubPlan");
    expect_plan("SELECT * FROM big x WHERE c < (SELECT avg(y.a) FROM small y WHERE y.b = x.b)",
                HAS("Hash Join", "Group Key: y.b"), "SubPlan");
    expect_plan("SELECT id, (SELECT count(*) FROM small y WHERE y.b = x.b) FROM big x",
                HAS("Left Join", "COALESCE"), "SubPlan");
    expect_plan("SELECT id, (SELECT y.s FROM small y WHERE y.b = x.b) FROM big x",
                HAS("Right Keys: y.b"), "SubPlan");
}
END_TEST

START_TEST(a_wider_integer_finds_the_index_too)
{
    text rows = {0};
    expect_plan("SELECT * FROM big WHERE id = 5::bigint", HAS("Index"), NULL);
    run("CREATE TABLE wide (a int PRIMARY KEY, b smallint); CREATE INDEX ON wide (b)");
    run("INSERT INTO wide SELECT g, g % 100 FROM generate_series(1, 2000) g");
    run("INSERT INTO wide VALUES (2147483647, 32767), (-2147483648, -32768)");
    expect_plan("SELECT * FROM wide WHERE a > 100000000000", HAS("Index"), NULL);
    static const char all[] =
        "SELECT concat_ws(' ', (SELECT count(*) FROM wide WHERE a = 2147483647::bigint), "
        "(SELECT count(*) FROM wide WHERE a = 2147483648), "
        "(SELECT count(*) FROM wide WHERE a > 2147483646::bigint), "
        "(SELECT count(*) FROM wide WHERE a > -3000000000), "
        "(SELECT count(*) FROM wide WHERE a < -2147483648::bigint), "
        "(SELECT count(*) FROM wide WHERE 40000 >= b), (SELECT count(*) FROM wide WHERE b = "
        "70007), "
        "(SELECT count(*) FROM wide WHERE b BETWEEN 98 AND 1000000))";
    FLY_CHECK_OK(fly_sql_execute(session, fly_bytes_str(all), take_line, &rows, &err), err);
    ck_assert_str_eq(rows.data, "1 0 1 2002 0 2002 0 41\n");
    free(rows.data);
    run("DROP TABLE wide");
}
END_TEST

START_TEST(what_cannot_come_up_stays)
{
    expect_plan("SELECT * FROM big x WHERE b NOT IN (SELECT a FROM small y WHERE y.b = x.c)",
                HAS("SubPlan"), "Join");
    expect_plan("SELECT * FROM big x WHERE c = (SELECT count(*) FROM small y WHERE y.b < x.b)",
                HAS("SubPlan"), "Join");
    expect_plan("SELECT * FROM big x WHERE EXISTS (SELECT count(*) FROM small y WHERE y.b = x.b)",
                HAS("EXISTS"), "Join");
    expect_plan("SELECT * FROM big x WHERE a IN (SELECT y.a FROM small y WHERE y.b = x.b "
                "ORDER BY y.id LIMIT 1)",
                HAS("SubPlan"), "Join");
}
END_TEST

/* How many rows a scan of "fresh" is thought to give. */
static double guess(const char *where)
{
    char explain[256];
    text plan = {0};
    (void)snprintf(explain, sizeof explain, "EXPLAIN SELECT 1 FROM fresh %s", where);
    FLY_CHECK_OK(fly_sql_execute(session, fly_bytes_str(explain), take_line, &plan, &err), err);
    const char *at = strstr(plan.data, "on fresh");
    at = at == NULL ? NULL : strstr(at, "rows=");
    ck_assert_msg(at != NULL, "%s", plan.data);
    double rows = strtod(at + strlen("rows="), NULL);
    free(plan.data);
    return rows;
}

/* What part of the table a condition is thought to leave: how large the table is is an estimate too. */
static void guess_is_near(const char *where, double part)
{
    double found = guess(where) / guess("");
    ck_assert_msg(found > part / 2 && found < part * 2, "%s: %g, not %g", where, found, part);
}

START_TEST(a_table_that_was_never_analyzed_is_sampled)
{
    run("CREATE TABLE fresh (a int PRIMARY KEY, b int, c text, d numeric(8,2))");
    run("INSERT INTO fresh SELECT i, i % 10, CASE WHEN i % 4 > 0 THEN 's' || i % 50 END, i / 2.0 "
        "FROM generate_series(1, 10000) i");
    guess_is_near("WHERE b = 3", 0.1);
    guess_is_near("WHERE c = 's7'", 0.02);
    guess_is_near("WHERE c IS NULL", 0.25);
    guess_is_near("WHERE c IS NOT NULL", 0.75);
    guess_is_near("WHERE d < 1000", 0.2);
    guess_is_near("WHERE d >= 4000 AND d < 4500", 0.1);
    ck_assert_double_eq(guess("WHERE a = 7"), 1);
    /* It is taken again when the table is another. */
    run("DELETE FROM fresh WHERE a > 100; UPDATE fresh SET b = a");
    run("INSERT INTO fresh SELECT i, i, 'same', i FROM generate_series(101, 50000) i");
    ck_assert_double_le(guess("WHERE b = 3"), 10);
    guess_is_near("WHERE c = 'same'", 1);
    ck_assert_double_le(guess("WHERE c = 's7'"), 1000);
    run("TRUNCATE fresh; INSERT INTO fresh VALUES (1, 1, NULL, 1), (2, 1, NULL, 2)");
    guess_is_near("WHERE b = 1", 1);
    run("ALTER TABLE fresh DROP COLUMN b, ADD COLUMN e int DEFAULT 5");
    guess_is_near("WHERE e = 5", 1);
    run("DROP TABLE fresh");
}
END_TEST

/* Two serializable transactions, each of which plans with a sample of what the other changes. */
START_TEST(a_sample_makes_no_transaction_conflict)
{
    static const char *const steps[][2] = {
        {"BEGIN ISOLATION LEVEL SERIALIZABLE", "BEGIN ISOLATION LEVEL SERIALIZABLE"},
        {"SELECT * FROM one WHERE a BETWEEN 5 AND 6", "SELECT * FROM two WHERE a BETWEEN 5 AND 6"},
        {"UPDATE two SET b = 0 WHERE a = 100", "UPDATE one SET b = 0 WHERE a = 100"},
        {"COMMIT", "COMMIT"}};
    fly_sql_session *sessions[2] = {session, NULL};
    FLY_CHECK_OK(fly_sql_session_open(sql, NULL, &sessions[1], &err), err);
    run("CREATE TABLE one (a int PRIMARY KEY, b int); CREATE TABLE two (a int PRIMARY KEY, b int)");
    run("INSERT INTO one SELECT i, i FROM generate_series(1, 300) i; INSERT INTO two TABLE one");
    for (size_t step = 0; step < sizeof steps / sizeof steps[0]; step++) {
        for (int who = 0; who < 2; who++) {
            FLY_CHECK_OK(
                fly_sql_execute(sessions[who], fly_bytes_str(steps[step][who]), NULL, NULL, &err),
                err);
        }
    }
    fly_sql_session_close(sessions[1]);
    run("DROP TABLE one, two");
}
END_TEST

START_TEST(analyze_tells_what_each_node_did)
{
    expect_plan("ANALYZE SELECT count(*) FROM big WHERE c >= 0",
                HAS("Aggregate  (cost=", " rows=1 loops=1)", "Seq Scan on big  (cost=",
                    " rows=1000 loops=1)", "Pages: fixed=", "Memory: ", "Execution Time: "),
                "Log");
    expect_plan("ANALYZE UPDATE small SET s = s || 'x' WHERE id > 100000", HAS("rows=0 loops=1"),
                "Log");
    expect_plan("ANALYZE UPDATE small SET s = s || 'x'", HAS("Log: bytes="), "never executed");
    expect_plan("ANALYZE SELECT (SELECT count(*) FROM big y WHERE y.c < x.id + random()) "
                "FROM small x LIMIT 3",
                HAS("SubPlan: Project  (actual", " rows=1 loops="), "never executed");
    expect_plan("ANALYZE SELECT CASE WHEN id < 0 THEN (SELECT count(*) FROM big y WHERE y.c < x.id "
                "+ random()) END FROM small x",
                HAS("(never executed)"), "SubPlan: Project  (actual");
    expect_plan("(ANALYZE, FORMAT JSON) SELECT count(*) FROM big",
                HAS("\"Actual Rows\": 1000", "\"Actual Loops\": 1", "\"Pages Fixed\": "), "Log:");
}
END_TEST

static void same_rows(const char *query);

START_TEST(indexes_are_used)
{
    expect_plan("SELECT * FROM big WHERE id = 7", HAS("Index Scan using big_pkey"), "Filter");
    expect_plan("SELECT * FROM big WHERE a = 7 AND b > 3", HAS("Index Scan using big_ab"), NULL);
    expect_plan("SELECT * FROM small x JOIN big y ON y.id = x.a WHERE x.id = 3",
                HAS("Nested Loop", "Index Scan using big_pkey", "Index Scan using small_pkey"),
                "Seq Scan");
    expect_plan("SELECT * FROM small x WHERE x.id = 3 AND EXISTS "
                "(SELECT 1 FROM big y WHERE y.a = x.b)",
                HAS("Index Only Scan using big_ab"), "Seq Scan");
    expect_plan("SELECT * FROM big WHERE id IN (3, 4, 4, 900)",
                HAS("Values Scan", "rows=3", "Index Scan using big_pkey"), "Seq Scan");
    expect_plan("SELECT * FROM big WHERE id = 3 OR id = 4", HAS("Index Scan using big_pkey"),
                "Seq Scan");
    expect_plan("SELECT * FROM big x, small y WHERE x.id = y.id AND y.id = 5",
                HAS("Index Scan using big_pkey", "Index Scan using small_pkey"), "Seq Scan");
}
END_TEST

START_TEST(an_index_that_has_all_columns_is_read_alone)
{
    expect_plan("SELECT b, id FROM big WHERE a = 7", HAS("Index Only Scan using big_ab"), NULL);
    expect_plan("SELECT count(*) FROM big WHERE b = 2", HAS("Index Only Scan using big_b"), NULL);
    expect_plan("SELECT b, c FROM big WHERE a = 7", HAS("Index Scan using big_ab"), "Only");
    run("CREATE TABLE kinds (k int, f bool, t text, d date, n numeric(9,2), x float8, p numeric, "
        "c char(5), PRIMARY KEY (t, k))");
    run("CREATE INDEX kinds_d ON kinds (d DESC, f, n)");
    run("CREATE INDEX kinds_x ON kinds (x, k DESC)");
    run("CREATE INDEX kinds_p ON kinds (p DESC, c DESC, d)");
    run("INSERT INTO kinds SELECT i, CASE WHEN i % 3 > 0 THEN i % 3 = 1 END, "
        "CASE i % 4 WHEN 0 THEN '' WHEN 1 THEN repeat('long', i) ELSE 't' || i END, "
        "CASE WHEN i % 5 > 0 THEN date '2000-01-01' - i END, i * -1.25, i / -4.0, i / 8.0, "
        "chr(65 + i % 26) FROM generate_series(1, 60) i");
    run("ANALYZE kinds");
    expect_plan("SELECT f, d, n, t, k FROM kinds WHERE d = '1999-12-25'",
                HAS("Index Only Scan using kinds_d"), NULL);
    expect_plan("SELECT k, t FROM kinds WHERE x = -2.5", HAS("Index Only Scan using kinds_x"),
                NULL);
    expect_plan("SELECT d, t FROM kinds WHERE p = 2.5", HAS("Index Only Scan using kinds_p"), NULL);
    expect_plan("SELECT x FROM kinds WHERE x = -2.5", HAS("Index Scan using kinds_x"), "Only");
    expect_plan("SELECT c FROM kinds WHERE p = 2.5", HAS("Index Scan using kinds_p"), "Only");
    same_rows("SELECT f, d, n, t, k FROM kinds WHERE d <= '1999-12-25'");
    same_rows("SELECT f, d, n, t, k FROM kinds WHERE NOT f AND d > '1999-12-01'");
    same_rows("SELECT k, t, x FROM kinds WHERE x < -2.5 AND x >= -9");
    same_rows("SELECT d, t, k FROM kinds WHERE p > 2.5");
    same_rows("SELECT d, c FROM kinds WHERE p = 2.5");
}
END_TEST

START_TEST(an_index_that_leads_to_most_rows_is_left)
{
    expect_plan("SELECT sum(c) FROM big WHERE b > 0", HAS("Seq Scan on big"), "big_b");
    expect_plan("SELECT sum(c) FROM big WHERE a = 3", HAS("Index Scan using big_ab"), "Seq");
    expect_plan("SELECT c FROM big WHERE b > 0 ORDER BY b DESC LIMIT 2",
                HAS("Index Scan using big_b", "Index Cond: (b > 0)"), "Seq");
    expect_plan("SELECT c FROM big WHERE b > 0 ORDER BY b DESC", HAS("Sort", "Seq Scan"), "big_b");
    same_rows("SELECT c FROM big WHERE b > 5 ORDER BY b DESC LIMIT 200");
    same_rows("SELECT sum(c) FROM big WHERE b > 0");
}
END_TEST

START_TEST(tables_that_were_never_analysed_have_a_size)
{
    run("CREATE TABLE fresh (id int PRIMARY KEY, a int, s text)");
    run("INSERT INTO fresh SELECT i, i % 10, 's' FROM generate_series(1, 30000) i");
    run("CREATE TABLE few (a int)");
    run("INSERT INTO few VALUES (1), (2)");
    expect_plan("SELECT * FROM fresh, few WHERE fresh.id = few.a",
                HAS("Nested Loop", "Index Scan using fresh_pkey"), "Hash");
    expect_plan("SELECT * FROM big x, fresh y WHERE x.a = y.a", HAS("Hash Join"), "rows=1000 ");
    run("ANALYZE few");
    run("INSERT INTO few SELECT i FROM generate_series(1, 20000) i");
    expect_plan("SELECT * FROM fresh, few WHERE fresh.id = few.a", HAS("Hash Join"), "Nested");
}
END_TEST

START_TEST(indexes_give_order)
{
    expect_plan("SELECT id, s FROM big ORDER BY id", HAS("Index Scan using big_pkey"), "Sort");
    expect_plan("SELECT id FROM big WHERE id < 9 ORDER BY id DESC",
                HAS("Index Scan Backward using big_pkey"), "Sort");
    expect_plan("SELECT * FROM big WHERE a = 3 ORDER BY a, b LIMIT 4",
                HAS("Index Scan using big_ab"), "Sort");
    expect_plan("SELECT * FROM big ORDER BY b DESC LIMIT 2", HAS("Index Scan using big_b"), "Sort");
    expect_plan("SELECT * FROM big ORDER BY b DESC", HAS("Sort"), "big_b");
    expect_plan("SELECT * FROM big ORDER BY b DESC NULLS LAST LIMIT 2", HAS("Sort"), "big_b");
    expect_plan("SELECT * FROM big ORDER BY a, b DESC LIMIT 2", HAS("Sort"), "big_ab");
    expect_plan("SELECT max(id) FROM big", HAS("Limit", "Index Scan Backward using big_pkey"),
                NULL);
    expect_plan("SELECT min(b) FROM big WHERE a = 4", HAS("Limit", "Index Only Scan using big_ab"),
                NULL);
}
END_TEST

START_TEST(conditions_are_simplified)
{
    expect_plan("SELECT * FROM big x, small y WHERE (x.b = y.b AND x.c = 1 AND y.id < 5) OR "
                "(x.b = y.b AND x.c = 2 AND y.id > 15)",
                HAS("x.c IN (1, 2)", "y.id > 15"), NULL);
    expect_plan("SELECT * FROM big WHERE c = 1 OR c = 2 OR c = 4", HAS("IN ("), " OR ");
    expect_plan("SELECT * FROM big WHERE NULL::int = 1 OR c = 2", HAS(" OR "), NULL);
}
END_TEST

START_TEST(what_nobody_needs_goes)
{
    expect_plan("SELECT x.id FROM big x LEFT JOIN small y ON y.id = x.a", HAS("big"), "Join");
    expect_plan("SELECT x.id FROM big x LEFT JOIN small y ON y.a = x.a", HAS("Join"), NULL);
    expect_plan("SELECT n FROM (SELECT id AS n, row_number() OVER (ORDER BY s) FROM big) q",
                HAS("big"), "Window");
    expect_plan("WITH w AS (SELECT a, count(*) FROM big GROUP BY a) SELECT * FROM w WHERE a = 3",
                HAS("Index Only Scan using big_ab"), "CTE");
    expect_plan("WITH w AS MATERIALIZED (SELECT a FROM big) SELECT * FROM w WHERE a = 3",
                HAS("CTE"), "Index Scan");
}
END_TEST

/* --------------------------------------------------------------------------- equal rows */

typedef struct rows {
    text all; /* ended by newlines */
    char **line;
    size_t count;
} rows;

static fly_status take_row(void *ctx, fly_sql_stmt *stmt)
{
    text *t = ctx;
    for (uint32_t i = 0; i < fly_sql_column_count(stmt); i++) {
        fly_bytes cell = fly_sql_column_text(stmt, i);
        if (fly_sql_column_null(stmt, i)) {
            add(t, "-", 1);
        } else {
            add(t, (const char *)cell.data, cell.len);
        }
        add(t, "|", 1);
    }
    add(t, "\n", 1);
    return FLY_OK;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void ask(const char *how, const char *query, rows *r)
{
    char set[64];
    memset(r, 0, sizeof *r);
    (void)snprintf(set, sizeof set, "SET flydb.optimise = %s", how);
    run(set);
    add(&r->all, "", 0);
    fly_status status = fly_sql_execute(session, fly_bytes_str(query), take_row, &r->all, &err);
    if (status != FLY_OK) {
        add(&r->all, err.sqlstate, strlen(err.sqlstate));
        add(&r->all, "\n", 1);
    }
    r->line = calloc(r->all.len + 1, sizeof *r->line);
    ck_assert_ptr_nonnull(r->line);
    for (char *at = strtok(r->all.data, "\n"); at != NULL; at = strtok(NULL, "\n")) {
        r->line[r->count++] = at;
    }
    qsort(r->line, r->count, sizeof *r->line, compare);
}

static void drop(rows *r)
{
    free(r->all.data);
    free(r->line);
}

static void same_rows(const char *query)
{
    static const char *const ways[] = {"plain", "on"};
    rows bound;
    ask("off", query, &bound);
    for (size_t w = 0; w < 2; w++) {
        rows other;
        ask(ways[w], query, &other);
        ck_assert_msg(bound.count == other.count, "%s, %s: %zu rows instead of %zu", ways[w], query,
                      other.count, bound.count);
        for (size_t i = 0; i < bound.count; i++) {
            ck_assert_msg(strcmp(bound.line[i], other.line[i]) == 0, "%s, %s: %s instead of %s",
                          ways[w], query, other.line[i], bound.line[i]);
        }
        drop(&other);
    }
    drop(&bound);
}

START_TEST(nulls_are_what_they_were)
{
    static const char *const queries[] = {
        "SELECT id FROM big WHERE b NOT IN (SELECT a FROM small)",
        "SELECT id FROM big WHERE b NOT IN (SELECT a FROM small WHERE a IS NOT NULL)",
        "SELECT id FROM big WHERE b NOT IN (SELECT a FROM empty)",
        "SELECT id FROM small WHERE a NOT IN (SELECT b FROM big WHERE b IS NOT NULL)",
        "SELECT id FROM small x WHERE a NOT IN (SELECT b FROM big y WHERE y.c = x.b)",
        "SELECT id FROM small x WHERE NOT EXISTS (SELECT 1 FROM big y WHERE y.b = x.a)",
        "SELECT id FROM small WHERE NOT (a IN (SELECT b FROM big) AND id > 4)",
        "SELECT id, a IN (SELECT b FROM big), b NOT IN (SELECT b FROM big) FROM small",
        "SELECT id FROM small WHERE a IN (SELECT b FROM big) OR a IS NULL",
        "SELECT id FROM small x WHERE (a, b) IN (SELECT b, c FROM big y WHERE y.a > x.id)",
        "SELECT id FROM small WHERE (a, b) NOT IN (SELECT b, c FROM big)",
        "SELECT id FROM small x WHERE a > ALL (SELECT c FROM big y WHERE y.b = x.b)",
        "SELECT id FROM small x WHERE a > ANY (SELECT c FROM big y WHERE y.b = x.b)",
    };
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        same_rows(queries[i]);
    }
}
END_TEST

START_TEST(aggregates_of_nothing_are_what_they_were)
{
    static const char *const queries[] = {
        "SELECT id, (SELECT count(*) FROM big y WHERE y.b = x.id) FROM small x",
        "SELECT id, (SELECT count(*) + 1 FROM big y WHERE y.b = x.id) FROM small x",
        "SELECT id, (SELECT count(y.b) FROM big y WHERE y.c = x.id AND y.a > 3) FROM small x",
        "SELECT id, (SELECT coalesce(sum(y.a), -1) FROM big y WHERE y.b = x.id) FROM small x",
        "SELECT id FROM small x WHERE (SELECT count(*) FROM big y WHERE y.b = x.id) = 0",
        "SELECT id FROM small x WHERE (SELECT max(y.id) FROM big y WHERE y.b = x.a) IS NULL",
        "SELECT id FROM small x WHERE 3 < (SELECT avg(y.a) FROM big y WHERE y.b = x.a)",
        "SELECT id, (SELECT sum(y.a) FROM big y WHERE y.b = x.a HAVING count(*) > 140) FROM small "
        "x",
        "SELECT id, (SELECT max(y.a) FROM big y WHERE y.b = x.a AND y.c = x.b) FROM small x",
        "SELECT id, (SELECT y.s FROM small y WHERE y.id = x.b) FROM big x",
        "SELECT id, (SELECT y.s FROM small y WHERE y.b = x.b) FROM big x",
        "SELECT sum((SELECT count(*) FROM small y WHERE y.b = x.b)) FROM big x",
        "SELECT id, (SELECT count(DISTINCT y.a) FROM big y WHERE y.b = x.a) FROM small x",
        "SELECT id, (SELECT max(q.n) FROM (SELECT count(*) AS n FROM big y WHERE y.b = x.a "
        "GROUP BY y.c) q) FROM small x",
        "SELECT id FROM small x WHERE EXISTS (SELECT y.c FROM big y WHERE y.b = x.a GROUP BY y.c "
        "HAVING count(*) > 45)",
    };
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        same_rows(queries[i]);
    }
}
END_TEST

/* Random queries: the same ones every time. */
typedef struct dice {
    uint64_t state;
    char *at, *end;
} dice;

static uint32_t roll(dice *d, uint32_t sides)
{
    d->state = d->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(d->state >> 33) % sides;
}

static void say(dice *d, const char *words)
{
    size_t len = strlen(words);
    if (d->at + len < d->end) {
        memcpy(d->at, words, len + 1);
        d->at += len;
    }
}

static void say_column(dice *d, const char *alias)
{
    static const char *const columns[] = {".a", ".b", ".id"};
    say(d, alias);
    say(d, columns[roll(d, 3)]);
}

static void say_condition(dice *d, const char *alias, const char *other, uint32_t depth);

static void say_subquery(dice *d, const char *alias, uint32_t depth)
{
    static const char *const names[] = {"p", "q", "r", "t"};
    const char *name = names[depth % 4];
    say(d, roll(d, 3) > 0 ? " FROM small " : " FROM big ");
    say(d, name);
    say(d, " WHERE ");
    if (roll(d, 3) > 0) {
        say_column(d, name);
        say(d, " = ");
        say_column(d, alias);
        say(d, " AND ");
    }
    say_condition(d, name, alias, depth + 1);
}

static void say_asking(dice *d, const char *alias, uint32_t depth)
{
    static const char *const values[] = {"count(*)", "max(%.a)", "sum(%.b)", "min(%.id) + 1"};
    static const char *const names[] = {"p", "q", "r", "t"};
    char value[32];
    uint32_t kind = roll(d, 4);
    if (kind == 0) {
        say(d, roll(d, 2) > 0 ? "NOT EXISTS (SELECT 1" : "EXISTS (SELECT *");
    } else if (kind == 1) {
        say_column(d, alias);
        say(d, roll(d, 2) > 0 ? " NOT IN (SELECT " : " IN (SELECT ");
        say_column(d, names[depth % 4]);
    } else {
        const char *form = values[roll(d, 4)];
        const char *hole = strchr(form, '%');
        size_t before = hole == NULL ? strlen(form) : (size_t)(hole - form);
        (void)snprintf(value, sizeof value, "%.*s%s%s", (int)before, form,
                       hole == NULL ? "" : names[depth % 4], hole == NULL ? "" : hole + 1);
        say_column(d, alias);
        say(d, roll(d, 2) > 0 ? " <= (SELECT " : " = (SELECT ");
        say(d, value);
    }
    say_subquery(d, alias, depth);
    say(d, ")");
}

static void say_condition(dice *d, const char *alias, const char *other, uint32_t depth)
{
    char number[16];
    switch (roll(d, depth < 3 ? 9 : 5)) {
    case 0:
        say_column(d, alias);
        say(d, " IS NOT NULL");
        return;
    case 1:
        say_column(d, alias);
        say(d, roll(d, 2) > 0 ? " < " : " <> ");
        say_column(d, other);
        return;
    case 2:
        say_column(d, alias);
        say(d, " IN (1, 2, 3, NULL, 12)");
        return;
    case 3:
    case 4:
        (void)snprintf(number, sizeof number, "%u", roll(d, 20));
        say_column(d, alias);
        say(d, roll(d, 2) > 0 ? " = " : " > ");
        say(d, number);
        return;
    case 5:
        say(d, "(");
        say_condition(d, alias, other, depth + 1);
        say(d, " OR ");
        say_condition(d, alias, other, depth + 1);
        say(d, ")");
        return;
    default:
        say_asking(d, alias, depth);
        return;
    }
}

START_TEST(random_queries_give_the_same)
{
    static const char *const joins[] = {" JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN "};
    char query[4096];
    dice d = {.state = 7};
    for (int n = 0; n < 150; n++) {
        d.at = query;
        d.end = query + sizeof query;
        say(&d, "SELECT x.id, y.id, y.a FROM small x");
        say(&d, joins[roll(&d, 4)]);
        say(&d, roll(&d, 2) > 0 ? "small y ON x.id = y."
                                : "(SELECT * FROM big WHERE id < 40) y "
                                  "ON x.b = y.");
        say(&d, roll(&d, 2) > 0 ? "a" : "b");
        say(&d, " WHERE ");
        say_condition(&d, roll(&d, 2) > 0 ? "x" : "y", "x", 0);
        say(&d, " AND ");
        say_condition(&d, "x", "y", 0);
        same_rows(query);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("opt");
    TCase *tests = fly_test_case(suite, "opt");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, subqueries_become_joins);
    tcase_add_test(tests, a_wider_integer_finds_the_index_too);
    tcase_add_test(tests, what_cannot_come_up_stays);
    tcase_add_test(tests, a_table_that_was_never_analyzed_is_sampled);
    tcase_add_test(tests, a_sample_makes_no_transaction_conflict);
    tcase_add_test(tests, analyze_tells_what_each_node_did);
    tcase_add_test(tests, indexes_are_used);
    tcase_add_test(tests, an_index_that_has_all_columns_is_read_alone);
    tcase_add_test(tests, an_index_that_leads_to_most_rows_is_left);
    tcase_add_test(tests, tables_that_were_never_analysed_have_a_size);
    tcase_add_test(tests, indexes_give_order);
    tcase_add_test(tests, conditions_are_simplified);
    tcase_add_test(tests, what_nobody_needs_goes);
    tcase_add_test(tests, nulls_are_what_they_were);
    tcase_add_test(tests, aggregates_of_nothing_are_what_they_were);
    tcase_add_test(tests, random_queries_give_the_same);
    return fly_test_run(suite);
}
