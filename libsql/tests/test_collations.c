/*
 * Goal: text is ordered, compared, kept apart and found as its collation says: that of the expression,
 * of the column, of the database, which is remembered.
 * Method: German, Swedish and caseless words through SQL, in a directory that is closed and opened.
 */
#define _POSIX_C_SOURCE 200809L

#include <fly/sql.h>

#include <fly/base_check.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static fly_env env;
static fly_account account;
static fly_sql *sql;
static fly_sql_session *session;
static fly_err err;
static char folder[64];

static void open_it(const char *database)
{
    FLY_CHECK_OK(fly_sql_open(&env, folder, &(fly_sql_options){.create = true}, &sql, &err), err);
    FLY_CHECK_OK(
        fly_sql_session_open(sql, &(fly_sql_session_options){.database = database}, &session, &err),
        err);
}

static void close_it(void)
{
    fly_sql_session_close(session);
    FLY_CHECK_OK(fly_sql_close(sql, &err), err);
}

static void setup(void)
{
    fly_env_init(&env);
    fly_account_init(&account, env.mem, "test", 0);
    env.mem = &account.mem;
    (void)snprintf(folder, sizeof folder, "/tmp/fly-collations-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    open_it(NULL);
}

static void teardown(void)
{
    close_it();
    FLY_CHECK_OK(fly_vfs_remove_tree(env.vfs, folder, &err), err);
    fly_account_deinit(&account);
}

static void run(const char *text)
{
    FLY_CHECK_OK(fly_sql_execute(session, fly_bytes_str(text), NULL, NULL, &err), err);
}

static void refuse(const char *text, const char *sqlstate)
{
    ck_assert_msg(fly_sql_execute(session, fly_bytes_str(text), NULL, NULL, &err) != FLY_OK, "%s",
                  text);
    ck_assert_msg(strcmp(err.sqlstate, sqlstate) == 0, "%s: %s %s", text, err.sqlstate,
                  err.message);
}

static fly_status take_row(void *ctx, fly_sql_stmt *stmt)
{
    char *into = ctx;
    fly_bytes cell = fly_sql_column_text(stmt, 0);
    (void)snprintf(into + strlen(into), 512 - strlen(into), "%s%.*s", into[0] != 0 ? " " : "",
                   (int)cell.len, (const char *)cell.data);
    return FLY_OK;
}

static void expect(const char *query, const char *rows)
{
    char got[512] = "";
    fly_status status = fly_sql_execute(session, fly_bytes_str(query), take_row, got, &err);
    ck_assert_msg(status == FLY_OK, "%s: %s", query, err.message);
    ck_assert_msg(strcmp(got, rows) == 0, "%s: %s instead of %s", query, got, rows);
}

START_TEST(a_database_has_a_collation_and_remembers_it)
{
    run("CREATE DATABASE german_app ENCODING UTF8 LOCALE de_DE COLLATION unicode");
    close_it();
    open_it("german_app");
    run("CREATE TABLE n (name text PRIMARY KEY)");
    run("INSERT INTO n VALUES ('Zebra'), ('Ärger'), ('apfel'), ('Öl'), ('Apfel'), ('ofen')");
    expect("SELECT name FROM n ORDER BY name", "apfel Apfel Ärger ofen Öl Zebra");
    expect("SELECT name FROM n WHERE name BETWEEN 'b' AND 'p' ORDER BY name", "ofen Öl");
    expect("SELECT max(name) FROM n", "Zebra");
    expect("SELECT name FROM n ORDER BY name COLLATE \"C\"", "Apfel Zebra apfel ofen Ärger Öl");
    expect("SELECT name FROM n ORDER BY name COLLATE sv_SE DESC LIMIT 2", "Öl Ärger");
    close_it();
    open_it("german_app");
    run("CREATE TABLE m (x varchar(9), y name, z text COLLATE nocase)");
    expect("SELECT c.collname FROM pg_attribute a JOIN pg_collation c ON c.oid = a.attcollation "
           "WHERE a.attrelid = 'm'::regclass ORDER BY a.attnum",
           "de default nocase");
}
END_TEST

START_TEST(a_column_decides_what_is_equal)
{
    run("CREATE TABLE u (name text COLLATE nocase UNIQUE, note text)");
    run("INSERT INTO u VALUES ('Anna', 'a'), ('straße', 's')");
    refuse("INSERT INTO u VALUES ('ANNA', 'b')", "23505");
    refuse("INSERT INTO u VALUES ('STRASSE', 'b')", "23505");
    expect("SELECT note FROM u WHERE name = 'aNNa'", "a");
    expect("SELECT count(*) FROM u WHERE name IN ('ANNA', 'x')", "1");
    run("CREATE TABLE v (name text)");
    run("INSERT INTO v VALUES ('a'), ('A'), ('ä'), ('b')");
    expect("SELECT count(DISTINCT name COLLATE unicode_ai) FROM v", "2");
    expect("SELECT count(*) FROM v GROUP BY name COLLATE nocase ORDER BY 1", "1 1 2");
    expect("SELECT DISTINCT ON (name COLLATE unicode_ai) name FROM v ORDER BY name COLLATE "
           "unicode_ai, name",
           "A b");
    expect("SELECT count(*) FROM v a JOIN v b ON a.name = b.name COLLATE nocase", "6");
    expect("SELECT count(*) FROM v WHERE name COLLATE nocase IN (SELECT upper(name) FROM v)", "4");
    expect("SELECT row_number() OVER (PARTITION BY name COLLATE nocase) FROM v ORDER BY 1",
           "1 1 1 2");
    run("CREATE TABLE p (k varchar(5) COLLATE nocase PRIMARY KEY)");
    run("CREATE TABLE c (k varchar(5) COLLATE nocase REFERENCES p)");
    run("INSERT INTO p VALUES ('Abc')");
    run("INSERT INTO c VALUES ('ABC')");
    refuse("DELETE FROM p", "23503");
}
END_TEST

START_TEST(what_is_no_collation_is_refused)
{
    refuse("CREATE DATABASE x COLLATION nosuch", "42704");
    refuse("CREATE DATABASE x COLLATION unicode LOCALE 'xx_YY'", "22023");
    refuse("CREATE DATABASE x ENCODING nosuch", "42704");
    refuse("CREATE DATABASE x ENCODING latin1", "0A000");
    refuse("CREATE TABLE t (a text COLLATE nosuch)", "42704");
    refuse("SELECT 'a' COLLATE \"zz-x-icu\"", "42704");
    refuse("SELECT 'a' COLLATE \"de\" < 'b' COLLATE \"sv\"", "42P21");
}
END_TEST

/* A file of the folder, written with these bytes. */
static void file_of(const char *bytes, size_t len, char path[96])
{
    (void)snprintf(path, 96, "%s/data.txt", folder);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
    (void)fclose(file);
}

START_TEST(only_text_gets_in)
{
    char path[96];
    char command[256];
    refuse("SELECT 'M\xfcller'", "22021");
    FLY_CHECK_SAYS(err.message, "invalid byte sequence for encoding \"UTF8\": 0xfc");
    refuse("SELECT E'M\\xfcller'", "22021");
    expect("SELECT E'M\\xc3\\xbcller'", "Müller");
    run("CREATE TABLE t (a text, b text)");
    file_of("M\xfcller\t1\n\xe4\t2\n\t\n", 15, path);
    (void)snprintf(command, sizeof command, "COPY t FROM '%s'", path);
    refuse(command, "22021");
    (void)snprintf(command, sizeof command, "COPY t FROM '%s' (ENCODING 'latin1')", path);
    run(command);
    expect("SELECT a FROM t ORDER BY b", "Müller ä"); /* the first is empty */
    (void)snprintf(command, sizeof command, "COPY t FROM '%s' (ENCODING 'sql_ascii')", path);
    refuse(command, "22021");
    (void)snprintf(command, sizeof command, "COPY t FROM '%s' (ENCODING 'utf16')", path);
    refuse(command, "0A000");
    (void)snprintf(command, sizeof command, "COPY t FROM '%s' (ENCODING 'nosuch')", path);
    refuse(command, "22023");
    file_of("\\xfc\tescaped\n", 13, path);
    (void)snprintf(command, sizeof command, "COPY t FROM '%s'", path);
    refuse(command, "22021");
    run("INSERT INTO t VALUES ('漢', '9')");
    (void)snprintf(command, sizeof command, "COPY t TO '%s' (ENCODING 'latin1')", path);
    refuse(command, "22P05");
    (void)snprintf(command, sizeof command,
                   "COPY (SELECT a FROM t WHERE b < '3') TO '%s' "
                   "(ENCODING 'latin1')",
                   path);
    run(command);
    char got[64] = "";
    FILE *file = fopen(path, "r");
    size_t len = fread(got, 1, sizeof got - 1, file);
    (void)fclose(file);
    ck_assert_uint_eq(len, 10);
    ck_assert_mem_eq(got, "M\xfcller\n\xe4\n\n", 10);
    fly_sql_stmt *stmt = NULL;
    FLY_CHECK_OK(fly_sql_prepare(session, fly_bytes_str("SELECT $1::text"), &stmt, NULL, &err),
                 err);
    FLY_CHECK(fly_sql_bind_text(stmt, 1, fly_bytes_str("\xff"), &err), FLY_E_INVALID, err);
    fly_sql_finalize(stmt);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("collations");
    TCase *tests = fly_test_case(suite, "collations");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_database_has_a_collation_and_remembers_it);
    tcase_add_test(tests, a_column_decides_what_is_equal);
    tcase_add_test(tests, what_is_no_collation_is_refused);
    tcase_add_test(tests, only_text_gets_in);
    return fly_test_run(suite);
}
