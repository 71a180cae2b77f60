/*
 * Goal: the statements of one text, and those of a block, are one transaction; what ends a transaction
 * ends what runs in it.
 * Method: an engine in memory; each way to end a text or a block, then what is left of its rows.
 */
#include <fly/sql.h>

#include <fly/base_check.h>

#include <string.h>

static fly_env env;
static fly_account account;
static fly_sql *sql;
static fly_sql_session *session;
static fly_err err;

static void setup(void)
{
    fly_env_init(&env);
    fly_account_init(&account, fly_mem_system(), "test", 0);
    env.mem = &account.mem;
    FLY_CHECK(fly_sql_open(&env, ":memory:", NULL, &sql, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_session_open(sql, NULL, &session, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_execute(session, fly_bytes_str("CREATE TABLE t (n int PRIMARY KEY)"), NULL,
                              NULL, &err),
              FLY_OK, err);
}

static void teardown(void)
{
    fly_sql_session_close(session);
    FLY_CHECK(fly_sql_close(sql, &err), FLY_OK, err);
    fly_account_deinit(&account);
}

static fly_status run(const char *text)
{
    return fly_sql_execute(session, fly_bytes_str(text), NULL, NULL, &err);
}

static fly_status keep_number(void *ctx, fly_sql_stmt *stmt)
{
    *(int64_t *)ctx = fly_sql_column_int64(stmt, 0);
    return FLY_OK;
}

static int64_t rows(void)
{
    int64_t count = -1;
    FLY_CHECK(fly_sql_execute(session, fly_bytes_str("SELECT count(*) FROM t"), keep_number, &count,
                              &err),
              FLY_OK, err);
    return count;
}

START_TEST(a_script_runs_its_statements_in_one_transaction)
{
    fly_sql_script *script = NULL;
    fly_sql_stmt *stmt = NULL;
    fly_bytes text = fly_bytes_str("INSERT INTO t VALUES (1); SELECT 5; INSERT INTO t VALUES (1)");
    FLY_CHECK(fly_sql_script_open(session, text, &script, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_script_next(script, &stmt, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_step(stmt, &err), FLY_E_END, err);
    ck_assert_str_eq(fly_sql_tag(stmt), "INSERT 0 1");
    FLY_CHECK(fly_sql_script_next(script, &stmt, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_step(stmt, &err), FLY_OK, err);
    ck_assert_int_eq(fly_sql_column_int64(stmt, 0), 5);
    FLY_CHECK(fly_sql_step(stmt, &err), FLY_E_END, err);
    FLY_CHECK(fly_sql_script_next(script, &stmt, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_step(stmt, &err), FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "23505");
    fly_sql_script_close(script);
    ck_assert_int_eq(rows(), 0);
}
END_TEST

START_TEST(a_script_that_is_left_early_leaves_nothing)
{
    fly_sql_script *script = NULL;
    fly_sql_stmt *stmt = NULL;
    fly_bytes text = fly_bytes_str("INSERT INTO t VALUES (1); SELECT * FROM generate_series(1, 9)");
    FLY_CHECK(fly_sql_script_open(session, text, &script, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_script_next(script, &stmt, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_step(stmt, &err), FLY_E_END, err);
    fly_sql_script_close(script);
    ck_assert_int_eq(rows(), 0);
    FLY_CHECK(fly_sql_script_open(session, fly_bytes_str(" ; "), &script, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_script_next(script, &stmt, &err), FLY_E_END, err);
    fly_sql_script_close(script);
    FLY_CHECK(fly_sql_script_open(session, fly_bytes_str("SELECT 1; SELEC"), &script, &err),
              FLY_E_INVALID, err);
    ck_assert_uint_eq(err.position, 11);
}
END_TEST

START_TEST(a_block_commits_or_takes_back_all_of_it)
{
    fly_sql_block_begin(session);
    FLY_CHECK(run("INSERT INTO t VALUES (1)"), FLY_OK, err);
    fly_sql_block_begin(session);
    FLY_CHECK(fly_sql_block_end(session, &err), FLY_OK, err);
    ck_assert_int_eq(rows(), 1);

    fly_sql_stmt *insert = NULL;
    FLY_CHECK(
        fly_sql_prepare(session, fly_bytes_str("INSERT INTO t VALUES ($1)"), &insert, NULL, &err),
        FLY_OK, err);
    for (int n = 2; n < 4; n++) {
        fly_sql_block_begin(session);
        FLY_CHECK(fly_sql_bind_int64(insert, 1, n, &err), FLY_OK, err);
        FLY_CHECK(fly_sql_step(insert, &err), FLY_E_END, err);
    }
    fly_sql_block_fail(session);
    ck_assert_int_eq(rows(), 1);
    fly_sql_finalize(insert);
    FLY_CHECK(fly_sql_block_end(session, &err), FLY_OK, err); /* there is none */
}
END_TEST

START_TEST(a_block_with_a_transaction_of_its_own_stays_in_that)
{
    fly_sql_block_begin(session);
    FLY_CHECK(run("BEGIN"), FLY_OK, err);
    FLY_CHECK(run("INSERT INTO t VALUES (1)"), FLY_OK, err);
    FLY_CHECK(fly_sql_block_end(session, &err), FLY_OK, err);
    ck_assert_int_eq(fly_sql_session_state(session), 'T');
    fly_sql_block_fail(session);
    ck_assert_int_eq(fly_sql_session_state(session), 'E');
    FLY_CHECK(run("ROLLBACK"), FLY_OK, err);
    ck_assert_int_eq(rows(), 0);
}
END_TEST

START_TEST(what_ends_a_transaction_resets_what_runs_in_it)
{
    static const char *const ends[] = {"COMMIT", "ROLLBACK"};
    fly_sql_stmt *series = NULL;
    FLY_CHECK(fly_sql_prepare(session, fly_bytes_str("SELECT * FROM generate_series(1, 5)"),
                              &series, NULL, &err),
              FLY_OK, err);
    for (int i = 0; i < 2; i++) {
        FLY_CHECK(run("BEGIN"), FLY_OK, err);
        FLY_CHECK(fly_sql_step(series, &err), FLY_OK, err);
        FLY_CHECK(fly_sql_step(series, &err), FLY_OK, err);
        FLY_CHECK(run(ends[i]), FLY_OK, err);
        ck_assert_int_eq(fly_sql_session_state(session), 'I');
        FLY_CHECK(fly_sql_step(series, &err), FLY_OK, err);
        ck_assert_int_eq(fly_sql_column_int64(series, 0), 1); /* from its beginning */
        fly_sql_reset(series);
    }
    fly_sql_block_begin(session);
    FLY_CHECK(fly_sql_step(series, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_block_end(session, &err), FLY_OK, err);
    FLY_CHECK(fly_sql_step(series, &err), FLY_OK, err);
    ck_assert_int_eq(fly_sql_column_int64(series, 0), 1);
    fly_sql_finalize(series);
}
END_TEST

static void note_name(void *ctx, const char *name, bool *found)
{
    *(int *)ctx += name == NULL ? 100 : 1;
    *found = name != NULL && strcmp(name, "mine") == 0;
}

START_TEST(who_keeps_statements_hears_of_deallocate)
{
    int heard = 0;
    fly_sql_on_deallocate(session, note_name, &heard);
    FLY_CHECK(run("DEALLOCATE mine"), FLY_OK, err);
    FLY_CHECK(run("DEALLOCATE yours"), FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "26000");
    FLY_CHECK(run("DEALLOCATE ALL"), FLY_OK, err);
    FLY_CHECK(run("DISCARD ALL"), FLY_OK, err);
    ck_assert_int_eq(heard, 202);
    fly_sql_on_deallocate(session, NULL, NULL);
    FLY_CHECK(run("DEALLOCATE mine"), FLY_E_INVALID, err);
}
END_TEST

START_TEST(settings_are_set_and_their_changes_counted)
{
    uint64_t before = fly_sql_session_set_count(session);
    FLY_CHECK(fly_sql_session_set(session, "client_encoding", "'utf-8'", &err), FLY_OK, err);
    ck_assert_str_eq(fly_sql_session_setting(session, "client_encoding"), "UTF8");
    ck_assert_uint_gt(fly_sql_session_set_count(session), before);
    FLY_CHECK(fly_sql_session_set(session, "client_encoding", "LATIN1", &err), FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "22023");
    FLY_CHECK(fly_sql_session_set(session, "nothing", "1", &err), FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "42704");
    before = fly_sql_session_set_count(session);
    FLY_CHECK(run("BEGIN; SET TimeZone = 'Asia/Tokyo'; ROLLBACK"), FLY_OK, err);
    ck_assert_uint_gt(fly_sql_session_set_count(session), before + 1);
}
END_TEST

START_TEST(a_statement_knows_that_the_catalog_has_changed)
{
    fly_sql_stmt *stmt = NULL;
    FLY_CHECK(fly_sql_prepare(session, fly_bytes_str("SELECT * FROM t"), &stmt, NULL, &err), FLY_OK,
              err);
    ck_assert(fly_sql_stmt_current(stmt));
    FLY_CHECK(run("ALTER TABLE t ADD COLUMN more int"), FLY_OK, err);
    ck_assert(!fly_sql_stmt_current(stmt));
    FLY_CHECK(fly_sql_step(stmt, &err), FLY_E_END, err);
    ck_assert(fly_sql_stmt_current(stmt));
    ck_assert_uint_eq(fly_sql_column_count(stmt), 2);
    fly_sql_finalize(stmt);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("blocks");
    TCase *tests = fly_test_case(suite, "blocks");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_script_runs_its_statements_in_one_transaction);
    tcase_add_test(tests, a_script_that_is_left_early_leaves_nothing);
    tcase_add_test(tests, a_block_commits_or_takes_back_all_of_it);
    tcase_add_test(tests, a_block_with_a_transaction_of_its_own_stays_in_that);
    tcase_add_test(tests, what_ends_a_transaction_resets_what_runs_in_it);
    tcase_add_test(tests, who_keeps_statements_hears_of_deallocate);
    tcase_add_test(tests, settings_are_set_and_their_changes_counted);
    tcase_add_test(tests, a_statement_knows_that_the_catalog_has_changed);
    return fly_test_run(suite);
}
