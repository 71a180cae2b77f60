/*
 * Goal: who there is, and who may what: roles last, roll back with their transactions, and are asked for
 * by whoever logs users in.
 * Method: engines in memory and on the simulated disk, sessions of several users beside each other.
 */
#include <fly/sql.h>

#include <fly/base_check.h>

#include <stdio.h>
#include <string.h>

static fly_env env;
static fly_account account;
static fly_sql *sql;
static fly_err err;

static void open_engine(const char *path)
{
    err = (fly_err){0};
    ck_assert_msg(fly_sql_open(&env, path, &(fly_sql_options){.create = true}, &sql, &err) ==
                      FLY_OK,
                  "%s", err.message);
}

static void setup(void)
{
    fly_env_init(&env);
    fly_account_init(&account, fly_mem_system(), "test", 0);
    env.mem = &account.mem;
    open_engine(":memory:");
}

static void teardown(void)
{
    ck_assert_int_eq(fly_sql_close(sql, &err), FLY_OK);
    fly_account_deinit(&account);
}

static fly_sql_session *session_of(const char *user)
{
    fly_sql_session *session = NULL;
    err = (fly_err){0};
    fly_status status =
        fly_sql_session_open(sql, &(fly_sql_session_options){.user = user}, &session, &err);
    ck_assert_msg(status == FLY_OK, "session of %s: %s", user, err.message);
    return session;
}

/* ------------------------------------------------------------- from outside */

START_TEST(a_new_directory_has_an_administrator_without_a_password)
{
    fly_sql_role role;
    ck_assert_int_eq(fly_sql_role_find(sql, "admin", &role, &err), FLY_OK);
    ck_assert_uint_eq(role.oid, 10);
    ck_assert(role.superuser && role.login && !role.has_verifier);
    ck_assert_int_eq(role.connection_limit, -1);
    ck_assert(role.valid_until == INT64_MAX);
    ck_assert_int_eq(fly_sql_role_find(sql, "reader", &role, &err), FLY_OK);
    ck_assert(!role.superuser && !role.login);
    ck_assert_int_eq(fly_sql_role_find(sql, "nobody", &role, &err), FLY_E_NOT_FOUND);
}
END_TEST

START_TEST(a_verifier_is_given_and_taken)
{
    fly_sql_role role;
    ck_assert_int_eq(fly_sql_role_set_verifier(sql, "admin", "SCRAM-SHA-256$4096:x", &err), FLY_OK);
    ck_assert_int_eq(fly_sql_role_find(sql, "admin", &role, &err), FLY_OK);
    ck_assert(role.has_verifier);
    ck_assert_str_eq(role.verifier, "SCRAM-SHA-256$4096:x");
    ck_assert_int_eq(fly_sql_role_set_verifier(sql, "admin", NULL, &err), FLY_OK);
    ck_assert_int_eq(fly_sql_role_find(sql, "admin", &role, &err), FLY_OK);
    ck_assert(!role.has_verifier);
    ck_assert_int_eq(fly_sql_role_set_verifier(sql, "nobody", "x", &err), FLY_E_INVALID);
    ck_assert_str_eq(err.sqlstate, "42704");
}
END_TEST

START_TEST(only_roles_that_may_log_in_have_sessions)
{
    fly_sql_session *session = NULL;
    fly_sql_session_close(session_of(NULL));
    fly_sql_session_close(session_of("admin"));
    ck_assert_int_eq(
        fly_sql_session_open(sql, &(fly_sql_session_options){.user = "nobody"}, &session, &err),
        FLY_E_INVALID);
    ck_assert_str_eq(err.sqlstate, "28000");
    ck_assert_str_eq(err.message, "role \"nobody\" does not exist");
    ck_assert_int_eq(
        fly_sql_session_open(sql, &(fly_sql_session_options){.user = "reader"}, &session, &err),
        FLY_E_INVALID);
    ck_assert_str_eq(err.message, "role \"reader\" is not permitted to log in");
}
END_TEST

/* ----------------------------------------------------------------------- words */

/* Run as a session; the SQLSTATE of its failure, "" if it has none. */
static const char *run(fly_sql_session *session, const char *text)
{
    err = (fly_err){0};
    return fly_sql_execute(session, fly_bytes_str(text), NULL, NULL, &err) == FLY_OK ? ""
                                                                                     : err.sqlstate;
}

static void must(fly_sql_session *session, const char *text)
{
    ck_assert_msg(run(session, text)[0] == '\0', "%s: %s", text, err.message);
}

typedef struct answer {
    char text[2048];
    size_t len;
} answer;

static fly_status take_row(void *ctx, fly_sql_stmt *stmt)
{
    answer *into = ctx;
    for (uint32_t i = 0; i < fly_sql_column_count(stmt); i++) {
        bool null = fly_sql_column_null(stmt, i);
        fly_bytes text = fly_sql_column_text(stmt, i);
        int n = snprintf(into->text + into->len, sizeof into->text - into->len, "%s%.*s",
                         i > 0           ? "|"
                         : into->len > 0 ? ";"
                                         : "",
                         null ? 4 : (int)text.len, null ? "NULL" : (const char *)text.data);
        ck_assert_int_ge(n, 0);
        into->len += (size_t)n;
        ck_assert_uint_lt(into->len, sizeof into->text);
    }
    return FLY_OK;
}

static void says(fly_sql_session *session, const char *text, const char *wanted)
{
    answer got = {.len = 0};
    err = (fly_err){0};
    fly_status status = fly_sql_execute(session, fly_bytes_str(text), take_row, &got, &err);
    ck_assert_msg(status == FLY_OK, "%s: %s", text, err.message);
    ck_assert_msg(strcmp(got.text, wanted) == 0, "%s: \"%s\" instead of \"%s\"", text, got.text,
                  wanted);
}

/* ------------------------------------------------------------------- transactions */

START_TEST(roles_roll_back_with_their_transactions)
{
    fly_sql_session *admin = session_of(NULL);
    must(admin, "BEGIN; CREATE ROLE a; CREATE TABLE t (x int); GRANT SELECT ON t TO a; ROLLBACK");
    says(admin, "SELECT count(*) FROM pg_roles WHERE rolname = 'a'", "0");
    must(admin, "BEGIN; CREATE ROLE a; SAVEPOINT s; CREATE ROLE b; ALTER ROLE a CREATEDB; "
                "ROLLBACK TO s; CREATE ROLE c; COMMIT");
    says(admin, "SELECT rolname, rolcreatedb FROM pg_roles WHERE rolname IN ('a', 'b', 'c')",
         "a|f;c|f");
    must(admin, "DO $$ BEGIN BEGIN CREATE ROLE d; RAISE EXCEPTION 'no'; "
                "EXCEPTION WHEN OTHERS THEN CREATE ROLE e; END; END $$");
    says(admin, "SELECT rolname FROM pg_roles WHERE rolname IN ('d', 'e')", "e");
    must(admin, "BEGIN; DROP ROLE a");
    fly_sql_session *other = session_of(NULL);
    says(other, "SELECT count(*) FROM pg_roles WHERE rolname = 'a'", "1");
    must(admin, "COMMIT");
    says(other, "SELECT count(*) FROM pg_roles WHERE rolname = 'a'", "0");
    fly_sql_session_close(other);
    fly_sql_session_close(admin);
}
END_TEST

START_TEST(roles_last_and_are_shared_by_databases)
{
    fly_sql_session *admin = session_of(NULL);
    must(admin, "CREATE DATABASE shop");
    must(admin, "CREATE USER ann PASSWORD 'secret' VALID UNTIL '2040-01-01' CONNECTION LIMIT 7");
    must(admin, "ALTER ROLE ann SET search_path TO attic");
    must(admin, "USE shop");
    must(admin, "CREATE TABLE t (x int); GRANT SELECT ON t TO ann");
    must(admin, "USE \"default\"");
    ck_assert_str_eq(run(admin, "DROP ROLE ann"), "2BP01");
    ck_assert_msg(strstr(err.detail, "1 object in database shop") != NULL, "%s", err.detail);
    fly_sql_session *session = NULL;
    ck_assert_int_eq(
        fly_sql_session_open(sql, &(fly_sql_session_options){.user = "ann", .database = "shop"},
                             &session, &err),
        FLY_OK);
    ck_assert_str_eq(fly_sql_session_setting(session, "search_path"), "\"attic\"");
    ck_assert_str_eq(fly_sql_session_user(session), "ann");
    says(session, "SELECT count(*) FROM public.t", "0");
    fly_sql_session_close(session);
    must(admin, "REVOKE CONNECT ON DATABASE shop FROM PUBLIC");
    ck_assert_int_eq(
        fly_sql_session_open(sql, &(fly_sql_session_options){.user = "ann", .database = "shop"},
                             &session, &err),
        FLY_E_INVALID);
    ck_assert_str_eq(err.sqlstate, "42501");
    fly_sql_role role;
    ck_assert_int_eq(fly_sql_role_find(sql, "ann", &role, &err), FLY_OK);
    ck_assert_int_eq(role.connection_limit, 7);
    ck_assert(role.has_verifier && strncmp(role.verifier, "SCRAM-SHA-256$", 14) == 0);
    ck_assert_ptr_null(strstr(role.verifier, "secret"));
    must(admin, "USE shop");
    must(admin, "DROP OWNED BY ann; DROP ROLE ann");
    fly_sql_session_close(admin);
}
END_TEST

/* A right that is taken away is gone for the next statement of a session that runs, prepared or not. */
START_TEST(a_revoked_right_is_gone_at_once)
{
    fly_sql_session *admin = session_of(NULL);
    must(admin, "CREATE TABLE t (x int PRIMARY KEY); INSERT INTO t VALUES (1)");
    must(admin,
         "CREATE USER ann; CREATE ROLE staff; GRANT staff TO ann; GRANT SELECT ON t TO staff");
    fly_sql_session *ann = session_of("ann");
    fly_sql_stmt *stmt = NULL;
    FLY_CHECK_OK(
        fly_sql_prepare(ann, fly_bytes_str("SELECT x FROM t WHERE x = 1"), &stmt, NULL, &err), err);
    ck_assert_int_eq(fly_sql_step(stmt, &err), FLY_OK);
    fly_sql_reset(stmt);
    must(admin, "REVOKE staff FROM ann");
    ck_assert_int_eq(fly_sql_step(stmt, &err), FLY_E_INVALID);
    ck_assert_str_eq(err.message, "permission denied for table t");
    must(admin, "GRANT staff TO ann");
    ck_assert_int_eq(fly_sql_step(stmt, &err), FLY_OK);
    fly_sql_reset(stmt);
    must(admin, "REVOKE SELECT ON t FROM staff");
    ck_assert_int_eq(fly_sql_step(stmt, &err), FLY_E_INVALID);
    fly_sql_finalize(stmt);
    fly_sql_session_close(ann);
    fly_sql_session_close(admin);
}
END_TEST

/* ------------------------------------------------------------------------- matrix */

/* What is tried by somebody who has nothing, then with exactly the right that it needs. */
static const struct {
    const char *statement;
    const char *message; /* NULL: there is no right for it */
    const char *grant;   /* "GRANT %s TO ann" */
} matrix[] = {
    {"SELECT a FROM t", "permission denied for table t", "SELECT ON t"},
    {"SELECT a FROM t", "permission denied for table t", "SELECT (a) ON t"},
    {"SELECT count(*) FROM t", "permission denied for table t", "SELECT (b) ON t"},
    {"TABLE t", "permission denied for table t", "SELECT (a, b) ON t"},
    {"SELECT t FROM t", "permission denied for table t", "SELECT ON t"},
    {"SELECT (SELECT max(a) FROM t)", "permission denied for table t", "SELECT ON t"},
    {"WITH x AS (SELECT a FROM t) SELECT 1 FROM x", "permission denied for table t", "SELECT ON t"},
    {"SELECT 1 FROM generate_series(1, 2) g JOIN t ON t.a = g", "permission denied for table t",
     "SELECT ON t"},
    {"SELECT a FROM t FOR UPDATE", "permission denied for table t", "SELECT, UPDATE ON t"},
    {"INSERT INTO t VALUES (5, 'x')", "permission denied for table t", "INSERT ON t"},
    {"INSERT INTO t (a) VALUES (5)", "permission denied for table t", "INSERT (a) ON t"},
    {"INSERT INTO t VALUES (5)", "permission denied for table t", "INSERT (a) ON t"},
    {"INSERT INTO t (a) VALUES (5) RETURNING b", "permission denied for table t",
     "INSERT, SELECT (b) ON t"},
    {"INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 'z'",
     "permission denied for table t", "INSERT, SELECT (a), UPDATE (b) ON t"},
    {"UPDATE t SET b = 'y'", "permission denied for table t", "UPDATE (b) ON t"},
    {"UPDATE t SET b = 'y' WHERE a = 1", "permission denied for table t",
     "UPDATE (b), SELECT (a) ON t"},
    {"DELETE FROM t", "permission denied for table t", "DELETE ON t"},
    {"DELETE FROM t WHERE a = 1", "permission denied for table t", "DELETE, SELECT (a) ON t"},
    {("MERGE INTO t USING (VALUES (1)) s (x) ON t.a = s.x WHEN MATCHED THEN DELETE "
      "WHEN NOT MATCHED THEN INSERT VALUES (s.x, 'm')"),
     "permission denied for table t", "SELECT, INSERT, DELETE ON t"},
    {"TRUNCATE t", "permission denied for table t", "TRUNCATE ON t"},
    {"COPY t TO STDOUT", "permission denied for table t", NULL},
    {"COPY t FROM '/etc/hostname'",
     "must be superuser or have privileges of the pg_read_server_files role to COPY from a file",
     NULL},
    {"BEGIN; LOCK TABLE t; ROLLBACK", "permission denied for table t", "UPDATE ON t"},
    {"CREATE TABLE work.u (a int REFERENCES t)", "permission denied for table t",
     "REFERENCES (a) ON t"},
    {("CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION work.g()"),
     "permission denied for table t", "TRIGGER ON t"},
    {"SELECT a FROM v", "permission denied for view v", "SELECT ON v"},
    {"UPDATE v SET a = a + 100", "permission denied for view v", "SELECT, UPDATE ON v"},
    {"SELECT nextval('s')", "permission denied for sequence s", "USAGE ON SEQUENCE s"},
    {"SELECT setval('s', 3)", "permission denied for sequence s", "UPDATE ON SEQUENCE s"},
    {"SELECT f()", "permission denied for function f", "EXECUTE ON FUNCTION f()"},
    {"SELECT * FROM generate_series(1, f())", "permission denied for function f",
     "EXECUTE ON FUNCTION f()"},
    {"CALL p()", "permission denied for procedure p", "EXECUTE ON PROCEDURE p()"},
    {"SELECT * FROM attic.t", "permission denied for schema attic", "USAGE ON SCHEMA attic"},
    {"CREATE TABLE attic.u (x int)", "permission denied for schema attic",
     "CREATE ON SCHEMA attic"},
    {"CREATE VIEW attic.w AS SELECT 1", "permission denied for schema attic",
     "CREATE ON SCHEMA attic"},
    {"CREATE SCHEMA ann", "permission denied for database default",
     "CREATE ON DATABASE \"default\""},
    {"CREATE TABLE u (x int)", "permission denied for schema public", "CREATE ON SCHEMA public"},
    {"CREATE FUNCTION h() RETURNS int LANGUAGE sql AS 'SELECT 1'",
     "permission denied for schema public", "CREATE ON SCHEMA public"},
    {"CREATE TYPE mood AS ENUM ('sad')", "permission denied for schema public",
     "CREATE ON SCHEMA public"},
    {"CREATE SEQUENCE q", "permission denied for schema public", "CREATE ON SCHEMA public"},
    {"DROP TABLE t", "must be owner of table t", NULL},
    {"DROP VIEW v", "must be owner of view v", NULL},
    {"DROP SEQUENCE s", "must be owner of sequence s", NULL},
    {"DROP FUNCTION f()", "must be owner of function f", NULL},
    {"DROP SCHEMA attic", "must be owner of schema attic", NULL},
    {"DROP TYPE colour", "must be owner of type colour", NULL},
    {"DROP INDEX t_b", "must be owner of index t_b", NULL},
    {"DROP DATABASE \"default\"", "must be owner of database default", NULL},
    {"ALTER TABLE t ADD COLUMN c int", "must be owner of table t", NULL},
    {"ALTER TABLE t OWNER TO ann", "must be owner of table t", NULL},
    {"ALTER TABLE t ENABLE ROW LEVEL SECURITY", "must be owner of table t", NULL},
    {"ALTER TABLE t RENAME TO u", "must be owner of table t", NULL},
    {"ALTER SEQUENCE s RESTART", "must be owner of sequence s", NULL},
    {"CREATE INDEX ON t (b)", "must be owner of table t", NULL},
    {"CREATE POLICY p ON t", "must be owner of table t", NULL},
    {"COMMENT ON TABLE t IS 'x'", "must be owner of table t", NULL},
    {"REFRESH MATERIALIZED VIEW m", "must be owner of materialized view m", NULL},
    {"CREATE OR REPLACE VIEW v AS SELECT a FROM t", "permission denied for schema public", NULL},
    {"GRANT SELECT ON t TO PUBLIC", "permission denied for table t", NULL},
    {"GRANT USAGE ON SCHEMA attic TO PUBLIC", "permission denied for schema attic", NULL},
    {"CREATE ROLE x", "permission denied to create role", NULL},
    {"ALTER ROLE bob CREATEDB", "permission denied", NULL},
    {"ALTER ROLE admin PASSWORD 'x'",
     "must be superuser to alter superuser roles or change superuser attribute", NULL},
    {"DROP ROLE bob", "permission denied to drop role", NULL},
    {"GRANT bob TO ann", "must have admin option on role \"bob\"", NULL},
    {"GRANT admin TO ann", "must be superuser to alter superusers", NULL},
    {"SET ROLE bob", "permission denied to set role \"bob\"", NULL},
    {"SET ROLE admin", "permission denied to set role \"admin\"", NULL},
    {"SET SESSION AUTHORIZATION bob", "permission denied to set session authorization", NULL},
    {"CREATE DATABASE x", "permission denied to create database", NULL},
    {"REASSIGN OWNED BY admin TO ann", "permission denied to reassign objects", NULL},
    {"DROP OWNED BY bob", "permission denied to drop objects", NULL},
    {"ALTER DEFAULT PRIVILEGES FOR ROLE bob GRANT SELECT ON TABLES TO ann",
     "permission denied to change default privileges", NULL},
    {"SELECT rolpassword FROM pg_authid", "permission denied for table pg_authid", NULL},
    {"SELECT passwd FROM pg_shadow", "permission denied for view pg_shadow", NULL},
    {"CHECKPOINT", "must be superuser or have privileges of pg_checkpoint to do CHECKPOINT", NULL},
};

START_TEST(nobody_does_what_he_may_not)
{
    fly_sql_session *admin = session_of(NULL);
    must(admin,
         "CREATE USER ann; CREATE ROLE bob; CREATE SCHEMA attic; CREATE TABLE attic.t (x int)");
    must(admin, "CREATE TABLE t (a int PRIMARY KEY, b text); CREATE INDEX t_b ON t (b); "
                "INSERT INTO t VALUES (1, 'one')");
    must(admin, "CREATE VIEW v AS SELECT a FROM t; CREATE SEQUENCE s; "
                "CREATE MATERIALIZED VIEW m AS SELECT 1; CREATE TYPE colour AS ENUM ('red')");
    must(admin, "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; "
                "CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1'; "
                "REVOKE EXECUTE ON FUNCTION f() FROM PUBLIC; "
                "REVOKE EXECUTE ON PROCEDURE p() FROM PUBLIC");
    must(admin, "CREATE SCHEMA work AUTHORIZATION ann; CREATE FUNCTION work.g() RETURNS trigger "
                "LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; "
                "GRANT SELECT ON attic.t TO ann");
    fly_sql_session *ann = session_of("ann");
    const char *state = run(ann, matrix[_i].statement);
    ck_assert_msg(strcmp(state, "42501") == 0, "%s: %s %s", matrix[_i].statement, state,
                  err.message);
    ck_assert_str_eq(err.message, matrix[_i].message);
    if (matrix[_i].grant != NULL) {
        char grant[128];
        (void)run(ann, "ROLLBACK");
        (void)snprintf(grant, sizeof grant, "GRANT %s TO ann", matrix[_i].grant);
        must(admin, grant);
        must(ann, matrix[_i].statement);
        (void)snprintf(grant, sizeof grant, "REVOKE %s FROM ann CASCADE", matrix[_i].grant);
        must(admin, grant);
    }
    fly_sql_session_close(ann);
    fly_sql_session_close(admin);
}
END_TEST

/* ------------------------------------------------------------------ built-in roles */

START_TEST(built_in_roles_read_write_and_own)
{
    fly_sql_session *admin = session_of(NULL);
    must(admin, "CREATE TABLE t (a int); INSERT INTO t VALUES (1); "
                "CREATE USER r IN ROLE reader; CREATE USER w IN ROLE writer; "
                "CREATE USER rw IN ROLE readwrite; CREATE USER o IN ROLE owner");
    fly_sql_session *r = session_of("r");
    fly_sql_session *w = session_of("w");
    fly_sql_session *rw = session_of("rw");
    fly_sql_session *o = session_of("o");
    says(r, "SELECT a FROM t", "1");
    ck_assert_str_eq(run(r, "DELETE FROM t"), "42501");
    must(w, "INSERT INTO t VALUES (2)");
    ck_assert_str_eq(run(w, "SELECT a FROM t"), "42501");
    must(rw, "UPDATE t SET a = a + 1 WHERE a = 2");
    ck_assert_str_eq(run(rw, "DROP TABLE t"), "42501");
    must(o, "ALTER TABLE t ADD COLUMN b int; CREATE TABLE u (x int); DROP TABLE t");
    ck_assert_str_eq(run(o, "SELECT * FROM pg_authid"), "42501");
    ck_assert_str_eq(run(r, "SELECT * FROM pg_authid"), "42501");
    ck_assert_str_eq(run(admin, "DROP ROLE reader"), "2BP01");
    ck_assert_str_eq(run(admin, "ALTER ROLE admin NOSUPERUSER"), "42501");
    fly_sql_session_close(r);
    fly_sql_session_close(w);
    fly_sql_session_close(rw);
    fly_sql_session_close(o);
    fly_sql_session_close(admin);
}
END_TEST

/* -------------------------------------------------------------------------- rows */

START_TEST(a_grant_with_where_is_for_those_rows)
{
    fly_sql_session *admin = session_of(NULL);
    must(admin, "CREATE TABLE orders (id int PRIMARY KEY, owner text); "
                "INSERT INTO orders VALUES (1, 'ann'), (2, 'bob'), (3, 'ann'); "
                "CREATE USER ann; CREATE USER bob; CREATE USER eve; "
                "GRANT SELECT, DELETE ON orders WHERE owner = 'ann' TO ann; "
                "GRANT SELECT ON orders TO bob");
    fly_sql_session *ann = session_of("ann");
    fly_sql_session *bob = session_of("bob");
    fly_sql_session *eve = session_of("eve");
    says(ann, "SELECT id FROM orders ORDER BY id", "1;3");
    says(bob, "SELECT id FROM orders ORDER BY id", "1;2;3");
    ck_assert_str_eq(run(eve, "SELECT id FROM orders"), "42501");
    must(ann, "DELETE FROM orders");
    says(admin, "SELECT id FROM orders", "2");
    must(admin, "INSERT INTO orders VALUES (1, 'ann'); GRANT SELECT ON orders TO ann");
    says(ann, "SELECT id FROM orders ORDER BY id", "1;2");
    must(admin, "REVOKE SELECT ON orders FROM ann");
    ck_assert_str_eq(run(ann, "SELECT id FROM orders"), "42501");
    says(admin, "SELECT policyname FROM pg_policies ORDER BY 1", "grant_delete_to_ann");
    fly_sql_session_close(ann);
    fly_sql_session_close(bob);
    fly_sql_session_close(eve);
    fly_sql_session_close(admin);
}
END_TEST

/* Conditions that tell of rows: each would fail for the row that the user may not see. */
static const char *const leaks[] = {
    "SELECT id FROM t WHERE 1 / (v - 2) > -10",
    "SELECT id FROM t WHERE tell(v) OR true",
    "SELECT t.id FROM t JOIN (VALUES (1), (2)) x (n) ON x.n = t.id AND 1 / (t.v - 2) > -10",
    "SELECT id FROM t WHERE id IN (SELECT id FROM t WHERE 10 / (v - 2) > -100)",
    "SELECT id FROM (SELECT id, v FROM t OFFSET 0) s WHERE 1 / (v - 2) > -10",
    "SELECT id FROM w WHERE 1 / (v - 2) > -10",
    "SELECT count(*) FROM t WHERE CASE WHEN v = 2 THEN 1 / (v - 2) ELSE 1 END > 0",
};

START_TEST(no_condition_sees_a_row_before_the_policies_do)
{
    fly_sql_session *admin = session_of(NULL);
    must(admin, "CREATE TABLE t (id int PRIMARY KEY, v int, owner text); "
                "INSERT INTO t VALUES (1, 1, 'ann'), (2, 2, 'bob'); "
                "CREATE USER ann; GRANT SELECT ON t TO ann; GRANT CREATE ON SCHEMA public TO ann; "
                "ALTER TABLE t ENABLE ROW LEVEL SECURITY; "
                "CREATE POLICY own ON t USING (owner = current_user)");
    fly_sql_session *ann = session_of("ann");
    must(ann, "CREATE FUNCTION tell(int) RETURNS boolean LANGUAGE plpgsql COST 1 AS "
              "'BEGIN IF $1 = 2 THEN RAISE EXCEPTION ''seen''; END IF; RETURN true; END'");
    must(ann, "CREATE VIEW w AS SELECT id, v FROM t");
    must(ann, leaks[_i]);
    must(ann, "SET flydb.optimise = off");
    must(ann, leaks[_i]);
    says(ann, "SELECT id FROM t WHERE id = 2", "");
    must(ann, "SET row_security = off");
    ck_assert_str_eq(run(ann, "SELECT id FROM t"), "42501");
    fly_sql_session_close(ann);
    fly_sql_session_close(admin);
}
END_TEST

START_TEST(the_owner_is_held_to_policies_if_forced)
{
    fly_sql_session *admin = session_of(NULL);
    must(admin, "CREATE USER ann; CREATE SCHEMA s AUTHORIZATION ann; CREATE USER bob BYPASSRLS");
    fly_sql_session *ann = session_of("ann");
    must(ann, "CREATE TABLE s.t (x int); INSERT INTO s.t VALUES (1), (2); "
              "CREATE POLICY p ON s.t USING (x = 1); ALTER TABLE s.t ENABLE ROW LEVEL SECURITY; "
              "GRANT USAGE ON SCHEMA s TO bob; GRANT SELECT ON s.t TO bob");
    says(ann, "SELECT count(*) FROM s.t", "2");
    must(ann, "ALTER TABLE s.t FORCE ROW LEVEL SECURITY");
    says(ann, "SELECT count(*) FROM s.t", "1");
    ck_assert_str_eq(run(ann, "INSERT INTO s.t VALUES (3)"), "42501");
    says(ann, "SELECT row_security_active('s.t')", "t");
    fly_sql_session *bob = session_of("bob");
    says(bob, "SELECT count(*) FROM s.t", "2");
    says(admin, "SELECT count(*) FROM s.t", "2");
    fly_sql_session_close(ann);
    fly_sql_session_close(bob);
    fly_sql_session_close(admin);
}
END_TEST

START_TEST(a_view_is_its_owners_or_its_users)
{
    fly_sql_session *admin = session_of(NULL);
    must(admin, "CREATE TABLE t (x int); INSERT INTO t VALUES (1), (2); CREATE USER ann; "
                "CREATE VIEW v AS SELECT x FROM t; "
                "CREATE VIEW w WITH (security_invoker) AS SELECT x FROM t; "
                "CREATE VIEW b WITH (security_barrier = on) AS SELECT x FROM t WHERE x = 1; "
                "GRANT SELECT ON v, w, b TO ann; "
                "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT $1'; "
                "CREATE VIEW u AS SELECT f(x) FROM t; GRANT SELECT ON u TO ann; "
                "REVOKE EXECUTE ON FUNCTION f(int) FROM PUBLIC");
    fly_sql_session *ann = session_of("ann");
    says(ann, "SELECT x FROM v ORDER BY x", "1;2");
    ck_assert_str_eq(run(ann, "SELECT x FROM w"), "42501");
    ck_assert_str_eq(err.message, "permission denied for table t");
    says(ann, "SELECT x FROM b WHERE 1 / (x - 2) < 0", "1");
    ck_assert_str_eq(run(ann, "SELECT * FROM u"), "42501");
    ck_assert_str_eq(err.message, "permission denied for function f");
    must(admin,
         "ALTER VIEW w RESET (security_invoker); ALTER VIEW v SET (security_invoker = true)");
    says(ann, "SELECT x FROM w ORDER BY x", "1;2");
    ck_assert_str_eq(run(ann, "SELECT x FROM v"), "42501");
    ck_assert_str_eq(run(admin, "ALTER VIEW v SET (nonsense = true)"), "22023");
    fly_sql_session_close(ann);
    fly_sql_session_close(admin);
}
END_TEST

START_TEST(who_waits_for_roles_does_not_wait_for_ever)
{
    fly_sql_session *admin = session_of(NULL);
    fly_sql_session *other = session_of(NULL);
    must(admin, "BEGIN; CREATE ROLE a");
    must(other, "SET lock_timeout = '50ms'");
    ck_assert_str_eq(run(other, "CREATE ROLE b"), "55P03");
    must(admin, "COMMIT");
    must(other, "CREATE ROLE b");
    says(other, "SELECT count(*) FROM pg_roles WHERE rolname IN ('a', 'b')", "2");
    fly_sql_session_close(other);
    fly_sql_session_close(admin);
}
END_TEST

/* Keys are looked after for whoever changes a row, with nobody's rights. */
START_TEST(foreign_keys_need_no_rights_to_be_kept)
{
    fly_sql_session *admin = session_of(NULL);
    must(admin, "CREATE USER ann; CREATE SCHEMA s AUTHORIZATION ann; "
                "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); "
                "GRANT REFERENCES ON t TO ann");
    fly_sql_session *ann = session_of("ann");
    must(ann, "CREATE TABLE s.c (t int REFERENCES public.t ON DELETE CASCADE)");
    must(ann, "INSERT INTO s.c VALUES (1)");
    ck_assert_str_eq(run(ann, "INSERT INTO s.c VALUES (2)"), "23503");
    ck_assert_str_eq(run(ann, "ALTER TABLE s.c ADD FOREIGN KEY (t) REFERENCES public.t"), "");
    must(admin, "DELETE FROM t");
    says(ann, "SELECT count(*) FROM s.c", "0");
    fly_sql_session_close(ann);
    fly_sql_session_close(admin);
}
END_TEST

/* ----------------------------------------------------------------------- and so on */

START_TEST(new_objects_have_the_default_rights_of_who_makes_them)
{
    fly_sql_session *admin = session_of(NULL);
    must(admin, "CREATE USER ann; CREATE SCHEMA s; GRANT USAGE ON SCHEMA s TO ann; "
                "ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO ann; "
                "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC; "
                "CREATE TABLE s.t (x int); CREATE TABLE t (x int); "
                "CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 1'");
    fly_sql_session *ann = session_of("ann");
    says(ann, "SELECT count(*) FROM s.t", "0");
    ck_assert_str_eq(run(ann, "SELECT * FROM t"), "42501");
    ck_assert_str_eq(run(ann, "SELECT s.f()"), "42501");
    fly_sql_session_close(ann);
    must(admin, "DROP OWNED BY ann; DROP ROLE ann");
    fly_sql_session_close(admin);
}
END_TEST

START_TEST(what_a_role_owns_is_given_to_another)
{
    fly_sql_session *admin = session_of(NULL);
    must(admin, "CREATE ROLE eve; ALTER SCHEMA public OWNER TO eve");
    says(admin, "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'public'",
         "eve");
    must(admin, "CREATE USER ann; CREATE USER bob; CREATE SCHEMA s AUTHORIZATION ann");
    fly_sql_session *ann = session_of("ann");
    must(ann, "CREATE TABLE s.t (x serial); CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS "
              "'SELECT 1'; CREATE TYPE s.m AS ENUM ('a')");
    ck_assert_str_eq(run(ann, "ALTER TABLE s.t OWNER TO bob"), "42501");
    ck_assert_str_eq(err.message, "must be member of role \"bob\"");
    fly_sql_session_close(ann);
    must(admin, "REASSIGN OWNED BY ann TO bob; DROP ROLE ann");
    says(admin,
         "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class c JOIN pg_namespace n ON "
         "n.oid = relnamespace WHERE nspname = 's'",
         "bob");
    ck_assert_str_eq(run(admin, "DROP ROLE bob"), "2BP01");
    must(admin, "DROP OWNED BY bob CASCADE; DROP ROLE bob");
    says(admin, "SELECT count(*) FROM pg_namespace WHERE nspname = 's'", "0");
    fly_sql_session_close(admin);
}
END_TEST

START_TEST(a_definer_runs_with_his_own_path_and_rights)
{
    fly_sql_session *admin = session_of(NULL);
    must(admin, "CREATE TABLE t (x int); INSERT INTO t VALUES (1), (2); CREATE USER ann; "
                "CREATE FUNCTION who() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS "
                "'BEGIN RETURN current_user || '' '' || session_user || '' '' || "
                "(SELECT count(*) FROM t); END'; "
                "CREATE FUNCTION escape() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS "
                "'BEGIN SET ROLE admin; END'");
    fly_sql_session *ann = session_of("ann");
    says(ann, "SELECT who(), current_user FROM generate_series(1, 2)",
         "admin ann 2|ann;admin ann 2|ann");
    ck_assert_str_eq(run(ann, "SELECT escape()"), "42501");
    says(ann, "SELECT current_user", "ann");
    ck_assert_str_eq(run(ann, "SELECT * FROM t"), "42501");
    fly_sql_session_close(ann);
    fly_sql_session_close(admin);
}
END_TEST

/* What was set since a savepoint goes back with it: who a session is, too. */
START_TEST(a_role_that_was_set_goes_back_with_its_savepoint)
{
    fly_sql_session *admin = session_of(NULL);
    must(admin, "CREATE USER ann; CREATE ROLE staff; GRANT staff TO ann");
    fly_sql_session *ann = session_of("ann");
    must(ann, "BEGIN; SAVEPOINT a; SET LOCAL ROLE staff; SET work_mem = '1MB'");
    says(ann, "SELECT current_user", "staff");
    must(ann, "ROLLBACK TO a");
    says(ann, "SELECT current_user, current_setting('work_mem')", "ann|64MB");
    must(ann, "SET work_mem = '2MB'; SAVEPOINT b; SET work_mem = '3MB'; RELEASE b; ROLLBACK TO a");
    says(ann, "SELECT current_setting('work_mem')", "64MB");
    must(ann, "SET work_mem = '2MB'; COMMIT");
    says(ann, "SELECT current_user, current_setting('work_mem')", "ann|2MB");
    must(ann, "DO $$ BEGIN SET ROLE staff; PERFORM 1 / 0; "
              "EXCEPTION WHEN division_by_zero THEN NULL; END $$");
    says(ann, "SELECT current_user", "ann");
    fly_sql_session_close(ann);
    fly_sql_session_close(admin);
}
END_TEST

START_TEST(only_superusers_silence_triggers)
{
    fly_sql_session *admin = session_of(NULL);
    must(admin, "CREATE USER ann; SET session_replication_role = 'replica'; "
                "RESET session_replication_role");
    fly_sql_session *ann = session_of("ann");
    ck_assert_str_eq(run(ann, "SET session_replication_role = 'replica'"), "42501");
    ck_assert_str_eq(run(ann, "SELECT set_config('session_replication_role', 'local', true)"),
                     "42501");
    must(ann, "RESET session_replication_role; RESET ALL");
    fly_sql_session_close(ann);
    fly_sql_session_close(admin);
}
END_TEST

START_TEST(settings_of_long_names_are_reset)
{
    fly_sql_session *admin = session_of(NULL);
    must(admin, "SELECT set_config('x.' || repeat('a', 200), '1', false)");
    says(admin, "SELECT current_setting('x.' || repeat('a', 200), true)", "1");
    must(admin, "RESET ALL");
    says(admin, "SELECT coalesce(current_setting('x.' || repeat('a', 200), true), 'gone')", "gone");
    fly_sql_session_close(admin);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("role");
    TCase *outside = fly_test_case(suite, "outside");
    tcase_add_checked_fixture(outside, setup, teardown);
    tcase_add_test(outside, a_new_directory_has_an_administrator_without_a_password);
    tcase_add_test(outside, a_verifier_is_given_and_taken);
    tcase_add_test(outside, only_roles_that_may_log_in_have_sessions);
    tcase_add_test(outside, roles_roll_back_with_their_transactions);
    tcase_add_test(outside, roles_last_and_are_shared_by_databases);
    TCase *rights = fly_test_case(suite, "rights");
    tcase_add_checked_fixture(rights, setup, teardown);
    tcase_add_test(rights, a_revoked_right_is_gone_at_once);
    tcase_add_loop_test(rights, nobody_does_what_he_may_not, 0, sizeof matrix / sizeof matrix[0]);
    tcase_add_test(rights, a_view_is_its_owners_or_its_users);
    tcase_add_test(rights, foreign_keys_need_no_rights_to_be_kept);
    tcase_add_test(rights, who_waits_for_roles_does_not_wait_for_ever);
    tcase_add_test(rights, built_in_roles_read_write_and_own);
    tcase_add_test(rights, new_objects_have_the_default_rights_of_who_makes_them);
    tcase_add_test(rights, what_a_role_owns_is_given_to_another);
    tcase_add_test(rights, a_definer_runs_with_his_own_path_and_rights);
    tcase_add_test(rights, a_role_that_was_set_goes_back_with_its_savepoint);
    tcase_add_test(rights, only_superusers_silence_triggers);
    tcase_add_test(rights, settings_of_long_names_are_reset);
    TCase *rows = fly_test_case(suite, "rows");
    tcase_add_checked_fixture(rows, setup, teardown);
    tcase_add_test(rows, a_grant_with_where_is_for_those_rows);
    tcase_add_loop_test(rows, no_condition_sees_a_row_before_the_policies_do, 0,
                        sizeof leaks / sizeof leaks[0]);
    tcase_add_test(rows, the_owner_is_held_to_policies_if_forced);
    return fly_test_run(suite);
}
