/*
 * Goal: COPY takes what PostgreSQL takes, refuses what it refuses with the line and the column named, and
 * leaves nothing behind when it fails; what goes out comes in again, in all three formats.
 * Method: texts cut into pieces of all sizes; batches with a conflict in their middle; binary data
 * shortened by one byte after the other, and with bytes changed.
 */
#define _POSIX_C_SOURCE 200809L

#include <fly/sql.h>

#include <fly/base_bytes.h>
#include <fly/base_check.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static fly_env env;
static fly_account account;
static fly_sql *sql;
static fly_sql_session *session;
static fly_err err;
static uint8_t *kept; /* what a COPY TO gave */
static size_t kept_len, kept_room;

static void setup(void)
{
    fly_env_init(&env);
    fly_account_init(&account, env.mem, "test", 0);
    env.mem = &account.mem;
    FLY_CHECK_OK(fly_sql_open(&env, ":memory:", &(fly_sql_options){.create = true}, &sql, &err),
                 err);
    FLY_CHECK_OK(
        fly_sql_session_open(sql, &(fly_sql_session_options){.database = NULL}, &session, &err),
        err);
}

static void teardown(void)
{
    fly_sql_session_close(session);
    FLY_CHECK_OK(fly_sql_close(sql, &err), err);
    fly_mem_free(&account.mem, kept, kept_room);
    kept = NULL;
    kept_room = 0;
    fly_account_deinit(&account);
}

static void run(const char *text)
{
    FLY_CHECK_OK(fly_sql_execute(session, fly_bytes_str(text), NULL, NULL, &err), err);
}

static fly_status take_row(void *ctx, fly_sql_stmt *stmt)
{
    char *into = ctx;
    for (uint32_t i = 0; i < fly_sql_column_count(stmt); i++) {
        fly_bytes cell = fly_sql_column_text(stmt, i);
        size_t at = strlen(into);
        (void)snprintf(into + at, 1024 - at, "%s%.*s",
                       at == 0  ? ""
                       : i == 0 ? "; "
                                : ",",
                       fly_sql_column_null(stmt, i) ? 4 : (int)cell.len,
                       fly_sql_column_null(stmt, i) ? "NULL" : (const char *)cell.data);
    }
    return FLY_OK;
}

static void expect(const char *query, const char *rows)
{
    char got[1024] = "";
    FLY_CHECK_OK(fly_sql_execute(session, fly_bytes_str(query), take_row, got, &err), err);
    ck_assert_msg(strcmp(got, rows) == 0, "%s: %s instead of %s", query, got, rows);
}

/* COPY ... FROM STDIN with data cut into pieces of one size. */
static fly_status copy_in(const char *text, fly_bytes data, size_t piece)
{
    fly_sql_stmt *stmt = NULL;
    memset(&err, 0, sizeof err);
    fly_status status = fly_sql_prepare(session, fly_bytes_str(text), &stmt, NULL, &err);
    if (status == FLY_OK) {
        status = fly_sql_step(stmt, &err);
    }
    if (status == FLY_E_AGAIN) {
        ck_assert_int_eq(fly_sql_copy_state(stmt), 'i');
        status = FLY_OK;
        for (size_t at = 0; at < data.len && status == FLY_OK; at += piece) {
            size_t len = data.len - at < piece ? data.len - at : piece;
            /* In memory of its own, so that nobody reads on. */
            uint8_t *own = fly_mem_alloc(&account.mem, len);
            ck_assert_ptr_nonnull(own);
            memcpy(own, data.data + at, len);
            status = fly_sql_copy_write(stmt, fly_bytes_of(own, len), &err);
            fly_mem_free(&account.mem, own, len);
        }
        if (status == FLY_OK) {
            status = fly_sql_copy_end(stmt, NULL, &err);
        }
    }
    fly_sql_finalize(stmt);
    return status;
}

static void load(const char *text, const char *data, size_t piece)
{
    FLY_CHECK_OK(copy_in(text, fly_bytes_str(data), piece), err);
}

static void refuse(const char *text, fly_bytes data, const char *sqlstate, const char *message,
                   const char *detail)
{
    static const size_t pieces[] = {1, 3, 100000};
    for (size_t i = 0; i < 3; i++) {
        ck_assert_msg(copy_in(text, data, pieces[i]) != FLY_OK, "%s", message);
        ck_assert_msg(strcmp(err.sqlstate, sqlstate) == 0, "%s: %s %s", text, err.sqlstate,
                      err.message);
        ck_assert_str_eq(err.message, message);
        ck_assert_str_eq(err.detail, detail);
    }
}

static void copy_out(const char *text)
{
    fly_sql_stmt *stmt = NULL;
    kept_len = 0;
    FLY_CHECK_OK(fly_sql_prepare(session, fly_bytes_str(text), &stmt, NULL, &err), err);
    ck_assert_int_eq(fly_sql_step(stmt, &err), FLY_E_AGAIN);
    ck_assert_int_eq(fly_sql_copy_state(stmt), 'o');
    fly_bytes data;
    fly_status status;
    while ((status = fly_sql_copy_read(stmt, &data, &err)) == FLY_OK) {
        uint32_t count;
        const uint32_t *ends = fly_sql_copy_ends(stmt, &count);
        ck_assert_uint_ge(count, 1);
        ck_assert_uint_eq(ends[count - 1], data.len);
        if (kept_room - kept_len < data.len) {
            size_t room = 2 * kept_room + data.len;
            kept = kept == NULL ? fly_mem_alloc(&account.mem, room)
                                : fly_mem_resize(&account.mem, kept, kept_room, room);
            kept_room = room;
        }
        memcpy(kept + kept_len, data.data, data.len);
        kept_len += data.len;
    }
    ck_assert_int_eq(status, FLY_E_END);
    fly_sql_finalize(stmt);
}

static void expect_out(const char *text, const char *data)
{
    copy_out(text);
    ck_assert_msg(kept_len == strlen(data) && memcmp(kept, data, kept_len) == 0, "%s: %.*s", text,
                  (int)kept_len, (const char *)kept);
}

START_TEST(lines_may_be_cut_anywhere)
{
    run("CREATE TABLE t (a int PRIMARY KEY, b text)");
    for (size_t piece = 1; piece < 60; piece++) {
        load("COPY t FROM STDIN", "1\ta\\tb\\\\\n2\t\\N\r\n3\tcut\\\nhere\n4\t\\x41\\102\\.\n5\t\n",
             piece);
        expect("SELECT * FROM t ORDER BY a", "1,a\tb\\; 2,NULL; 3,cut\nhere; 4,AB.; 5,");
        run("DELETE FROM t");
        load("COPY t FROM STDIN CSV",
             "1,\"a \"\"b\"\"\"\n2,\n3,\"\"\n4,\"two\r\nlines\"\n5,x\"y\"z\n\\.\n6,\n", piece);
        expect("SELECT * FROM t ORDER BY a", "1,a \"b\"; 2,NULL; 3,; 4,two\r\nlines; 5,xyz");
        run("DELETE FROM t");
    }
    load("COPY t FROM STDIN (FORMAT csv, HEADER, DELIMITER ';', QUOTE '''', NULL 'nil')",
         "any;thing\n1;nil\n2;'nil'\n3;'it''s'", 7);
    expect("SELECT * FROM t ORDER BY a", "1,NULL; 2,nil; 3,it's");
}
END_TEST

START_TEST(usual_spellings_and_others_are_the_same_values)
{
    run("CREATE TABLE t (i int, l bigint, n numeric(6,2), d date, s timestamp, v varchar(3))");
    load(
        "COPY t FROM STDIN",
        "-2147483648\t9223372036854775807\t-9999.99\t2024-02-29\t2024-02-29 23:59:59.5\tabc\n"
        " 7 \t-9223372036854775808\t.5\t0001-01-01\t2024-01-31 24:00:00\t\xc3\xa4\xc3\xb6\xc3\xbc\n"
        "+7\t007\t1e2\tFeb 3 2024\t2024-01-31T01:02:03\tx  \n"
        "\\N\t\\N\t12.345\tinfinity\t-infinity\tabc   \n",
        1000);
    expect("SELECT * FROM t ORDER BY d, i",
           "7,-9223372036854775808,0.50,0001-01-01,2024-02-01 00:00:00,\xc3\xa4\xc3\xb6\xc3\xbc; "
           "7,7,100.00,2024-02-03,2024-01-31 01:02:03,x  ; "
           "-2147483648,9223372036854775807,-9999.99,2024-02-29,2024-02-29 23:59:59.5,abc; "
           "NULL,NULL,12.35,infinity,-infinity,abc");
    static const char *const bad[][4] = {
        {"2147483648", "22003", "value \"2147483648\" is out of range for type integer", "i"},
        {"x", "22P02", "invalid input syntax for type integer: \"x\"", "i"},
        {"", "22P02", "invalid input syntax for type integer: \"\"", "i"},
        {"9999.995", "22003", "numeric field overflow", "n"},
        {"2023-02-29", "22008", "date/time field value out of range: \"2023-02-29\"", "d"},
        {"2023-12-31 25:00:00", "22008",
         "date/time field value out of range: \"2023-12-31 25:00:00\"", "s"},
        {"abcd", "22001", "value too long for type character varying(3)", "v"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[64];
        char data[128];
        char where[256];
        (void)snprintf(text, sizeof text, "COPY t (%s) FROM STDIN", bad[i][3]);
        (void)snprintf(data, sizeof data, "\\N\n%s\n", bad[i][0]);
        (void)snprintf(where, sizeof where, "COPY t, line 2, column %s: \"%s\"", bad[i][3],
                       bad[i][0]);
        fly_status status = copy_in(text, fly_bytes_str(data), 1000);
        ck_assert_int_ne(status, FLY_OK);
        ck_assert_str_eq(err.sqlstate, bad[i][1]);
        ck_assert_str_eq(err.message, bad[i][2]);
        ck_assert_msg(strstr(err.detail, where) != NULL, "%s", err.detail);
    }
    expect("SELECT count(*) FROM t", "4");
}
END_TEST

START_TEST(a_failure_names_line_and_column_and_leaves_nothing)
{
    run("CREATE TABLE t (a int PRIMARY KEY, b text CHECK (b <> 'bad'), c int NOT NULL DEFAULT 1)");
    run("INSERT INTO t VALUES (3, 'x')");
    refuse("COPY t FROM STDIN", fly_bytes_str("1\tx\n"), "22P04", "missing data for column \"c\"",
           "COPY t, line 1: \"1\tx\"");
    refuse("COPY t (a) FROM STDIN", fly_bytes_str("1\n2\tx\n"), "22P04",
           "extra data after last expected column", "COPY t, line 2: \"2\tx\"");
    refuse("COPY t (a, b) FROM STDIN", fly_bytes_str("1\tx\n2\tbad\n"), "23514",
           "new row for relation \"t\" violates check constraint \"t_b_check\"",
           "Failing row contains (2, bad, 1).\nCOPY t, line 2: \"2\tbad\"");
    refuse("COPY t (a, c) FROM STDIN", fly_bytes_str("1\t\\N\n"), "23502",
           "null value in column \"c\" of relation \"t\" violates not-null constraint",
           "Failing row contains (1, null, null).\nCOPY t, line 1: \"1\t\\N\"");
    refuse("COPY t (a) FROM STDIN", fly_bytes_str("1\n2\n3\n"), "23505",
           "duplicate key value violates unique constraint \"t_pkey\"",
           "Key (a)=(3) already exists.\nCOPY t, line 3");
    refuse("COPY t (a) FROM STDIN CSV", fly_bytes_str("1\n\"2\n"), "22P04",
           "unterminated CSV quoted field", "COPY t, line 2: \"\"2\n\"");
    refuse("COPY t (a, b) FROM STDIN", fly_bytes_str("1\ta\xff\n"), "22021",
           "invalid byte sequence for encoding \"UTF8\": 0xff", "COPY t, line 1");
    refuse("COPY t (a, b) FROM STDIN", fly_bytes_str("1\ta\\xff\n"), "22021",
           "invalid byte sequence for encoding \"UTF8\": 0xff", "COPY t, line 1: \"1\ta\\xff\"");
    refuse("COPY t (a, a) FROM STDIN", fly_bytes_str(""), "42701",
           "column \"a\" specified more than once", "");
    expect("SELECT a FROM t", "3");
}
END_TEST

START_TEST(a_conflict_is_found_in_the_order_of_the_lines)
{
    enum { ROWS = 3000 };
    static char data[ROWS * 16];
    run("CREATE TABLE t (a int PRIMARY KEY, b int UNIQUE, c text)");
    run("CREATE INDEX ON t (c)");
    run("CREATE INDEX ON t (c) WHERE b > 100");
    size_t at = 0;
    for (int i = ROWS; i > 0; i--) { /* falling, so that there is something to sort */
        at +=
            (size_t)sprintf(data + at, "%d\t%d\t%d\n", i, i == 1500 || i == 1400 ? 9999 : i, i % 7);
    }
    ck_assert_int_ne(copy_in("COPY t FROM STDIN", fly_bytes_of(data, at), 8192), FLY_OK);
    ck_assert_str_eq(err.sqlstate, "23505");
    ck_assert_str_eq(err.detail, "Key (b)=(9999) already exists.\nCOPY t, line 1601");
    expect("SELECT count(*) FROM t", "0");
    for (char *found = data; (found = strstr(found, "\t9999")) != NULL; found++) {
        memcpy(found, found[-1] == '0' && found[-3] == '5' ? "\t1500" : "\t1400", 5);
    }
    FLY_CHECK_OK(copy_in("COPY t FROM STDIN", fly_bytes_of(data, at), 8192), err);
    expect("SELECT count(*), sum(a), sum(b) FROM t", "3000,4501500,4501500");
    expect("SELECT count(*) FROM t WHERE c = '3'", "429");
    expect("SELECT a FROM t WHERE b = 1400", "1400");
    expect("SELECT count(*) FROM t WHERE c = '3' AND b > 100", "415");
    run("DELETE FROM t WHERE a % 2 = 0");
    expect("SELECT count(*) FROM t WHERE c = '3'", "215");
}
END_TEST

START_TEST(what_a_table_has_is_done_for_each_row)
{
    run("CREATE TABLE p (x int PRIMARY KEY)");
    run("INSERT INTO p VALUES (1), (2)");
    run("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, x int REFERENCES p, "
        "y int GENERATED ALWAYS AS (x * 2) STORED, z text DEFAULT 'z')");
    load("COPY t (x) FROM STDIN", "1\n2\n1\n", 2);
    expect("SELECT * FROM t ORDER BY id", "1,1,2,z; 2,2,4,z; 3,1,2,z");
    refuse("COPY t (x) FROM STDIN", fly_bytes_str("1\n7\n"), "23503",
           "insert or update on table \"t\" violates foreign key constraint \"t_x_fkey\"",
           "Key (x)=(7) is not present in table \"p\".");
    refuse("COPY t (y) FROM STDIN", fly_bytes_str("1\n"), "42P10",
           "column \"y\" is a generated column", "Generated columns cannot be used in COPY.");
    run("CREATE TABLE s (a int, up int REFERENCES s (a), UNIQUE (a))");
    load("COPY s FROM STDIN", "1\t2\n2\t3\n3\t1\n", 100);
    run("CREATE TABLE log (w text)");
    run("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF TG_LEVEL = 'STATEMENT' THEN INSERT INTO log VALUES (TG_WHEN); RETURN NULL; END IF; "
        "IF NEW.a = 0 THEN RETURN NULL; END IF; "
        "NEW.b = (SELECT count(*) FROM g); RETURN NEW; END $$");
    run("CREATE TABLE g (a int, b int)");
    run("CREATE TRIGGER g1 BEFORE INSERT ON g FOR EACH ROW EXECUTE FUNCTION f()");
    run("CREATE TRIGGER g2 BEFORE INSERT ON g EXECUTE FUNCTION f()");
    run("CREATE TRIGGER g3 AFTER INSERT ON g EXECUTE FUNCTION f()");
    load("COPY g FROM STDIN", "5\t0\n0\t0\n6\t0\n", 100);
    expect("SELECT * FROM g", "5,0; 6,1");
    expect("SELECT * FROM log", "BEFORE; AFTER");
    run("CREATE DOMAIN pos AS int CHECK (value > 0)");
    run("CREATE TYPE mood AS ENUM ('sad', 'ok')");
    run("CREATE TABLE d (p pos, m mood, a int[])");
    load("COPY d FROM STDIN", "1\tok\t{1,NULL}\n\\N\t\\N\t\\N\n", 5);
    expect("SELECT * FROM d", "1,ok,{1,NULL}; NULL,NULL,NULL");
    ck_assert_int_ne(copy_in("COPY d (p) FROM STDIN", fly_bytes_str("1\n0\n"), 9), FLY_OK);
    ck_assert_str_eq(err.sqlstate, "23514");
    run("CREATE TABLE none ()");
    load("COPY none FROM STDIN", "\n\n", 1);
    expect("SELECT count(*) FROM none", "2");
}
END_TEST

START_TEST(a_failed_transaction_stays_failed)
{
    run("CREATE TABLE t (a int PRIMARY KEY)");
    run("BEGIN");
    load("COPY t FROM STDIN", "1\n2\n", 3);
    ck_assert_int_ne(copy_in("COPY t FROM STDIN", fly_bytes_str("3\n1\n"), 9), FLY_OK);
    ck_assert_int_ne(fly_sql_execute(session, fly_bytes_str("SELECT 1"), NULL, NULL, &err), FLY_OK);
    ck_assert_str_eq(err.sqlstate, "25P02");
    run("ROLLBACK");
    expect("SELECT count(*) FROM t", "0");
    fly_sql_stmt *stmt = NULL; /* left in its middle */
    FLY_CHECK_OK(fly_sql_prepare(session, fly_bytes_str("COPY t FROM STDIN"), &stmt, NULL, &err),
                 err);
    ck_assert_int_eq(fly_sql_step(stmt, &err), FLY_E_AGAIN);
    FLY_CHECK_OK(fly_sql_copy_write(stmt, fly_bytes_str("1\n2\n3"), &err), err);
    fly_sql_finalize(stmt);
    expect("SELECT count(*) FROM t", "0");
    FLY_CHECK_OK(fly_sql_prepare(session, fly_bytes_str("COPY t FROM STDIN"), &stmt, NULL, &err),
                 err);
    ck_assert_int_eq(fly_sql_step(stmt, &err), FLY_E_AGAIN);
    ck_assert_int_ne(fly_sql_copy_end(stmt, "enough", &err), FLY_OK);
    ck_assert_str_eq(err.message, "COPY from stdin failed: enough");
    fly_sql_finalize(stmt);
}
END_TEST

START_TEST(texts_go_out_as_they_come_in)
{
    run("CREATE TABLE t (a int, b text, c timestamp, d bytea)");
    run("INSERT INTO t VALUES (1, E'a\\tb\\\\c\\nd\\r', '2024-01-02 03:04:05', '\\x0001ff'), "
        "(2, NULL, NULL, NULL), (3, '', 'infinity', ''), (4, '\\N', NULL, NULL), (5, '\"q\", x', "
        "NULL, NULL)");
    expect_out("COPY (SELECT * FROM t ORDER BY a) TO STDOUT",
               "1\ta\\tb\\\\c\\nd\\r\t2024-01-02 03:04:05\t\\\\x0001ff\n2\t\\N\t\\N\t\\N\n"
               "3\t\tinfinity\t\\\\x\n4\t\\\\N\t\\N\t\\N\n5\t\"q\", x\t\\N\t\\N\n");
    expect_out("COPY (SELECT a, b FROM t WHERE a > 1 ORDER BY a) TO STDOUT (FORMAT csv, HEADER)",
               "a,b\n2,\n3,\"\"\n4,\\N\n5,\"\"\"q\"\", x\"\n");
    expect_out("COPY (SELECT a, c FROM t WHERE a = 1) TO STDOUT (DELIMITER ':', NULL '')",
               "1:2024-01-02 03\\:04\\:05\n");
    expect_out("COPY (SELECT '\\.' AS x) TO STDOUT CSV", "\"\\.\"\n");
    expect_out("COPY (SELECT a, c FROM t WHERE a = 1) TO STDOUT (FORMAT csv, DELIMITER '-')",
               "1-\"2024-01-02 03:04:05\"\n");
    static const char *const formats[] = {"text", "csv", "binary"};
    for (size_t i = 0; i < 3; i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "COPY t TO STDOUT (FORMAT %s)", formats[i]);
        copy_out(text);
        run("CREATE TABLE u (LIKE t)");
        (void)snprintf(text, sizeof text, "COPY u FROM STDIN (FORMAT %s)", formats[i]);
        for (size_t piece = 1; piece < 50; piece += 6) {
            FLY_CHECK_OK(copy_in(text, fly_bytes_of(kept, kept_len), piece), err);
            expect("SELECT count(*) FROM (SELECT * FROM t EXCEPT ALL SELECT * FROM u) x", "0");
            expect("SELECT count(*) FROM u", "5");
            run("DELETE FROM u");
        }
        run("DROP TABLE u");
    }
}
END_TEST

START_TEST(binary_data_is_what_postgresql_writes)
{
    static const char *const rows =
        "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"
        "\0\003\0\0\0\004\0\0\0\007\0\0\0\002hi\377\377\377\377"
        "\0\003\377\377\377\377\0\0\0\0\0\0\0\010\0\002\0\0\0\0\0\002\0\001\001\364"
        "\377\377";
    /* 19 of the head, 20 and 22 of rows, 2 of the end; 1.05 has two groups of digits. */
    fly_bytes data = fly_bytes_of(rows, 19 + 20 + 2 + 4 + 4 + 4 + 12 + 2);
    uint8_t own[80];
    memcpy(own, rows, data.len);
    own[19 + 20 + 2 + 4 + 4 + 3] = 12;
    run("CREATE TABLE t (a int, b text, c numeric)");
    run("INSERT INTO t VALUES (7, 'hi', NULL), (NULL, '', 1.05)");
    copy_out("COPY t TO STDOUT (FORMAT binary)");
    ck_assert_uint_eq(kept_len, data.len);
    ck_assert_mem_eq(kept, own, 45);
    run("DELETE FROM t");
    for (size_t piece = 1; piece <= data.len; piece++) {
        FLY_CHECK_OK(copy_in("COPY t FROM STDIN BINARY", fly_bytes_of(kept, kept_len), piece), err);
        expect("SELECT * FROM t ORDER BY a", "7,hi,NULL; NULL,,1.05");
        run("DELETE FROM t");
    }
}
END_TEST

START_TEST(broken_binary_data_is_refused)
{
    run("CREATE TABLE t (a int PRIMARY KEY, b text, c int[])");
    run("INSERT INTO t VALUES (1, 'one', '{1,2}'), (2, NULL, NULL)");
    copy_out("COPY t TO STDOUT (FORMAT binary)");
    run("DELETE FROM t");
    fly_bytes whole = fly_bytes_of(kept, kept_len);
    const char *text = "COPY t FROM STDIN (FORMAT binary)";
    size_t accepted = 0;
    for (size_t len = 0; len < whole.len; len++) {
        fly_status status = copy_in(text, fly_bytes_of(kept, len), 5);
        if (status == FLY_OK) { /* at the end of a row: the end itself may be missing */
            accepted++;
            run("DELETE FROM t");
        } else {
            ck_assert_str_eq(err.sqlstate, "22P04");
        }
    }
    ck_assert_uint_eq(accepted, 3);
    for (size_t at = 0; at < whole.len; at++) { /* whatever it is, it ends well */
        for (int bit = 0; bit < 8; bit++) {
            kept[at] ^= (uint8_t)(1 << bit);
            if (copy_in(text, whole, 13) == FLY_OK) {
                run("DELETE FROM t");
            }
            kept[at] ^= (uint8_t)(1 << bit);
        }
    }
    uint8_t hostile[] =
        "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\003\0\0\0\004\0\0\0\001\x7f\xff\xff\xff";
    refuse(text, fly_bytes_of(hostile, sizeof hostile - 1), "22P04", "invalid field size",
           "COPY t, line 1, column b");
    hostile[29] = 0x3f; /* a length that may be, of which nothing comes */
    refuse(text, fly_bytes_of(hostile, sizeof hostile - 1), "22P04", "unexpected EOF in COPY data",
           "COPY t, line 1, column b");
    hostile[20] = 9;
    refuse(text, fly_bytes_of(hostile, sizeof hostile - 1), "22P04",
           "row field count is 9, expected 3", "COPY t, line 1");
    hostile[15] = 0x7f; /* a head that never ends */
    refuse(text, fly_bytes_of(hostile, sizeof hostile - 1), "22P04",
           "invalid COPY file header (wrong length)", "");
    hostile[12] = 2;
    refuse(text, fly_bytes_of(hostile, sizeof hostile - 1), "22P04",
           "unrecognized critical flags in COPY file header", "");
    refuse(text, fly_bytes_str("1\tx\n"), "22P04", "COPY file signature not recognized", "");
    ck_assert_int_ne(copy_in("COPY t FROM STDIN (FORMAT binary, NULL 'x')", whole, 9), FLY_OK);
    ck_assert_str_eq(err.message, "cannot specify NULL in BINARY mode");
    expect("SELECT count(*) FROM t", "0");
}
END_TEST

START_TEST(memory_does_not_grow_with_the_data)
{
    enum { ROWS = 20000, WIDE = 3 << 20 };
    run("CREATE TABLE t (b text)");
    fly_sql_stmt *stmt = NULL;
    FLY_CHECK_OK(fly_sql_prepare(session, fly_bytes_str("COPY t FROM STDIN"), &stmt, NULL, &err),
                 err);
    ck_assert_int_eq(fly_sql_step(stmt, &err), FLY_E_AGAIN);
    char *wide = fly_mem_alloc(&account.mem, WIDE);
    ck_assert_ptr_nonnull(wide);
    memset(wide, 'x', WIDE);
    wide[WIDE - 1] = '\n';
    FLY_CHECK_OK(fly_sql_copy_write(stmt, fly_bytes_of(wide, WIDE), &err), err);
    for (int i = 0; i < ROWS; i++) {
        FLY_CHECK_OK(fly_sql_copy_write(stmt, fly_bytes_of(wide + WIDE - 100, 100), &err), err);
    }
    fly_mem_free(&account.mem, wide, WIDE);
    FLY_CHECK_OK(fly_sql_copy_end(stmt, NULL, &err), err);
    ck_assert_str_eq(fly_sql_tag(stmt), "COPY 20001");
    fly_sql_finalize(stmt);
    expect("SELECT max(length(b)), min(length(b)), count(*) FROM t", "3145727,99,20001");
}
END_TEST

START_TEST(options_say_what_is_meant)
{
    run("CREATE TABLE t (a int, b text, c numeric(6,2))");
    load("COPY t FROM STDIN (FORMAT csv, FORCE_NULL (b, c), FORCE_NOT_NULL (b))",
         "1,\"\",\"\"\n2,x,3\n", 4);
    load("COPY t (a, b) FROM STDIN (FORMAT csv, FORCE_NOT_NULL (b))", "3,\n", 4);
    expect("SELECT * FROM t ORDER BY a", "1,NULL,NULL; 2,x,3.00; 3,,NULL");
    expect_out("COPY (SELECT a, b FROM t WHERE a = 2) TO STDOUT (FORMAT csv, FORCE_QUOTE *)",
               "\"2\",\"x\"\n");
    expect_out("COPY (SELECT a, b FROM t WHERE a = 2) TO STDOUT (FORMAT csv, FORCE_QUOTE (a))",
               "\"2\",x\n");
    run("DELETE FROM t");
    load("COPY t (a, b) FROM STDIN (HEADER match)", "a\tb\n1\tx\n", 3);
    refuse("COPY t (a, b) FROM STDIN (HEADER match)", fly_bytes_str("a\tc\n1\tx\n"), "22P04",
           "column name mismatch in header line field 2: got \"c\", expected \"b\"",
           "COPY t, line 1: \"a\tc\"");
    refuse("COPY t (a, b) FROM STDIN (HEADER match)", fly_bytes_str("a\tb\tc\n"), "22P04",
           "wrong number of fields in header line: got 3, expected 2",
           "COPY t, line 1: \"a\tb\tc\"");
    load("COPY t (a, c) FROM STDIN WHERE c < 2.5 AND a % 2 = 0", "10\t1\n11\t1\n12\t2.5\n14\t\\N\n",
         6);
    expect("SELECT * FROM t ORDER BY a", "1,x,NULL; 10,NULL,1.00");
    static const char *const bad[][2] = {
        {"COPY t FROM STDIN (DELIMITER 'ab')",
         "COPY delimiter must be a single one-byte character"},
        {"COPY t FROM STDIN (DELIMITER 'a')", "COPY delimiter cannot be \"a\""},
        {"COPY t FROM STDIN (QUOTE '\"')", "COPY quote available only in CSV mode"},
        {"COPY t FROM STDIN (FORMAT csv, QUOTE ',')", "COPY delimiter and quote must be different"},
        {"COPY t FROM STDIN (FORMAT csv, FORMAT csv)", "conflicting or redundant options"},
        {"COPY t FROM STDIN (nosuch 1)", "option \"nosuch\" not recognized"},
        {"COPY t FROM STDIN (FORMAT csv, FORCE_QUOTE (a))",
         "COPY force quote only available using COPY TO"},
        {"COPY t (a) TO STDOUT (FORMAT csv, FORCE_QUOTE (b))",
         "FORCE_QUOTE column \"b\" not referenced by COPY"},
        {"COPY t TO STDOUT (HEADER match)", "cannot use \"match\" with HEADER in COPY TO"},
        {"COPY t FROM STDIN (HEADER 2)", "header requires a Boolean value or \"match\""},
        {"COPY t FROM STDIN (NULL E'a\\tb')",
         "COPY delimiter must not appear in the NULL specification"},
        {"COPY t FROM STDIN WHERE a", "argument of WHERE must be type boolean, not type integer"},
        {"COPY t FROM STDIN WHERE x = 1", "column \"x\" does not exist"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_msg(copy_in(bad[i][0], fly_bytes_str("1\n"), 9) != FLY_OK, "%s", bad[i][0]);
        ck_assert_str_eq(err.message, bad[i][1]);
    }
}
END_TEST

START_TEST(entries_that_come_later_come)
{
    enum { ROWS = 10000, WIDE = 900 }; /* more than eight megabytes: some come before the end */
    run("CREATE TABLE t (a int, b text, c int)");
    run("CREATE INDEX ON t (b)");
    run("CREATE INDEX ON t ((c % 10)) WHERE a > 5");
    run("CREATE UNIQUE INDEX ON t (a)");
    fly_sql_stmt *stmt = NULL;
    FLY_CHECK_OK(fly_sql_prepare(session, fly_bytes_str("COPY t FROM STDIN"), &stmt, NULL, &err),
                 err);
    ck_assert_int_eq(fly_sql_step(stmt, &err), FLY_E_AGAIN);
    for (int i = 0; i < ROWS; i++) {
        char line[WIDE + 64];
        int len = sprintf(line, "%d\tkey %d%0*d\t%d\n", i, i * 7919 % 1000, WIDE, 0, i % 30);
        FLY_CHECK_OK(fly_sql_copy_write(stmt, fly_bytes_of(line, (size_t)len), &err), err);
    }
    FLY_CHECK_OK(fly_sql_copy_end(stmt, NULL, &err), err);
    fly_sql_finalize(stmt);
    expect("SELECT count(*), sum(a) FROM t WHERE b = 'key 17' || repeat('0', 900)", "10,50430");
    expect("SELECT count(*) FROM t WHERE c % 10 = 3 AND a > 5", "999");
    /* Whoever deletes a row finds its entries, or says that the index is damaged. */
    run("DELETE FROM t");
    expect("SELECT count(*) FROM t", "0");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("copy");
    TCase *tests = fly_test_case(suite, "copy");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, lines_may_be_cut_anywhere);
    tcase_add_test(tests, usual_spellings_and_others_are_the_same_values);
    tcase_add_test(tests, a_failure_names_line_and_column_and_leaves_nothing);
    tcase_add_test(tests, a_conflict_is_found_in_the_order_of_the_lines);
    tcase_add_test(tests, what_a_table_has_is_done_for_each_row);
    tcase_add_test(tests, a_failed_transaction_stays_failed);
    tcase_add_test(tests, texts_go_out_as_they_come_in);
    tcase_add_test(tests, binary_data_is_what_postgresql_writes);
    tcase_add_test(tests, broken_binary_data_is_refused);
    tcase_add_test(tests, memory_does_not_grow_with_the_data);
    tcase_add_test(tests, options_say_what_is_meant);
    tcase_add_test(tests, entries_that_come_later_come);
    return fly_test_run(suite);
}
