/*
 * Goal: a trail that nobody touched verifies, whatever crashed or failed; one that somebody touched does
 * not, and the line is named.
 * Method: the simulated disk; each byte of a trail changed; lines removed, swapped, repeated, cut; each
 * call failing; power going at each call that changes the disk.
 */
#include <fly/auth_audit.h>

#include <fly/base_check.h>
#include <fly/base_testing.h>

#include <stdio.h>
#include <string.h>

static fly_err err;
static fly_sim_env world;
static fly_auth_audit_report report;

static void set_up(void)
{
    fly_sim_env_init(&world, &(fly_sim_env_options){.seed = 5});
    FLY_CHECK_OK(fly_vfs_make_dir(world.env.vfs, "d", &err), err);
}

static void tear_down(void)
{
    ck_assert_uint_eq(fly_sim_disk_handles(world.disk), 0);
    fly_sim_env_deinit(&world);
}

static const fly_auth_event alice = {.event = "login",
                                     .user = "alice",
                                     .database = "shop",
                                     .from = "192.0.2.1:5",
                                     .protocol = "test",
                                     .outcome = "ok"};

static fly_status write_lines(fly_env *env, int count, bool durable)
{
    fly_auth_audit *audit = NULL;
    fly_status status = fly_auth_audit_open(env, "d", NULL, &audit, &err);
    for (int i = 0; status == FLY_OK && i < count; i++) {
        fly_auth_event event = alice;
        event.durable = durable;
        status = fly_auth_audit_write(audit, &event, &err);
    }
    fly_status closed = fly_auth_audit_close(audit, status == FLY_OK ? &err : NULL);
    return status != FLY_OK ? status : closed;
}

static size_t slurp(const char *path, uint8_t *bytes, size_t room)
{
    fly_file *file = NULL;
    size_t len = 0;
    FLY_CHECK_OK(fly_file_open(world.env.vfs, path, 0, &file, &err), err);
    FLY_CHECK_OK(fly_file_read_some(file, 0, bytes, room, &len, &err), err);
    FLY_CHECK_OK(fly_file_close(file, &err), err);
    return len;
}

static void spill(const char *path, const uint8_t *bytes, size_t len)
{
    fly_file *file = NULL;
    unsigned flags = FLY_OPEN_WRITE | FLY_OPEN_CREATE | FLY_OPEN_TRUNCATE;
    FLY_CHECK_OK(fly_file_open(world.env.vfs, path, flags, &file, &err), err);
    FLY_CHECK_OK(fly_file_write(file, 0, bytes, len, 0, &err), err);
    FLY_CHECK_OK(fly_file_close(file, &err), err);
}

static fly_status verify(void)
{
    err = (fly_err){0};
    return fly_auth_audit_verify(&world.env, "d", NULL, &report, &err);
}

static uint8_t text[64 * 1024];

START_TEST(what_was_written_verifies_over_several_lives)
{
    for (int life = 0; life < 3; life++) {
        FLY_CHECK_OK(write_lines(&world.env, 5, life == 1), err);
    }
    FLY_CHECK_OK(verify(), err);
    ck_assert_uint_eq(report.lines, 18); /* "opened" and five, three times */
    ck_assert_uint_eq(report.broken, 0);
}
END_TEST

START_TEST(a_line_says_who_when_where_and_what)
{
    fly_auth_audit *audit = NULL;
    FLY_CHECK_OK(fly_auth_audit_open(&world.env, "d", NULL, &audit, &err), err);
    fly_auth_event event = alice;
    event.severity = "warning";
    event.text = fly_bytes_str("SELECT \"a\\b\"\n\x01 \xc3\xa4\xff");
    FLY_CHECK_OK(fly_auth_audit_write(audit, &event, &err), err);
    FLY_CHECK_OK(fly_auth_audit_close(audit, &err), err);
    text[slurp("d/audit.log", text, sizeof text - 1)] = 0;
    const char *line = strchr((const char *)text, '\n') + 1;
    FLY_CHECK_SAYS(line, "{\"n\":2,\"time\":\"");
    FLY_CHECK_SAYS(line, "\",\"event\":\"login\",\"severity\":\"warning\",\"user\":\"alice\","
                         "\"database\":\"shop\",\"from\":\"192.0.2.1:5\",\"protocol\":\"test\","
                         "\"outcome\":\"ok\",\"text\":\"SELECT \\\"a\\\\b\\\"\\u000a\\u0001 "
                         "\xc3\xa4\\ufffd\",\"mac\":\"");
}
END_TEST

static uint64_t leap_day(fly_env *env)
{
    (void)env;
    return UINT64_C(1709210096000007); /* 2024-02-29 12:34:56.000007 */
}

START_TEST(times_are_dates)
{
    world.env.wall_time = leap_day;
    FLY_CHECK_OK(write_lines(&world.env, 0, false), err);
    text[slurp("d/audit.log", text, sizeof text - 1)] = 0;
    FLY_CHECK_SAYS((const char *)text, "\"time\":\"2024-02-29T12:34:56.000007Z\"");
}
END_TEST

START_TEST(long_texts_are_cut)
{
    static uint8_t much[100000];
    fly_auth_audit *audit = NULL;
    fly_auth_event event = alice;
    memset(much, 1, sizeof much); /* six characters each */
    event.text = fly_bytes_of(much, sizeof much);
    FLY_CHECK_OK(fly_auth_audit_open(&world.env, "d", NULL, &audit, &err), err);
    FLY_CHECK_OK(fly_auth_audit_write(audit, &event, &err), err);
    FLY_CHECK_OK(fly_auth_audit_write(audit, &alice, &err), err);
    FLY_CHECK_OK(fly_auth_audit_close(audit, &err), err);
    FLY_CHECK_OK(verify(), err);
    ck_assert_uint_eq(report.lines, 3);
}
END_TEST

/* ------------------------------------------------------------------------- forgeries */

START_TEST(every_changed_byte_is_found_in_its_line)
{
    FLY_CHECK_OK(write_lines(&world.env, 3, false), err);
    size_t len = slurp("d/audit.log", text, sizeof text);
    uint64_t line = 1;
    for (size_t at = 0; at < len; at++) {
        bool end = text[at] == '\n';
        text[at] ^= 1;
        spill("d/audit.log", text, len);
        bool found = verify() == FLY_E_CORRUPT && report.broken == line;
        if (!found) {
            ck_abort_msg("byte %zu: broken line %d, not %d", at, (int)report.broken, (int)line);
        }
        text[at] ^= 1;
        line += end;
    }
}
END_TEST

/* Where line `n`, counted from 0, begins. */
static size_t line_at(size_t len, int n)
{
    size_t at = 0;
    for (; n > 0 && at < len; n--) {
        at = (size_t)((const uint8_t *)memchr(text + at, '\n', len - at) - text) + 1;
    }
    return at;
}

START_TEST(removed_swapped_repeated_and_missing_lines_are_found)
{
    static uint8_t forged[64 * 1024];
    FLY_CHECK_OK(write_lines(&world.env, 4, false), err);
    size_t len = slurp("d/audit.log", text, sizeof text);
    size_t a = line_at(len, 2);
    size_t b = line_at(len, 3);

    memcpy(forged, text, a); /* the third removed */
    memcpy(forged + a, text + b, len - b);
    spill("d/audit.log", forged, len - (b - a));
    FLY_CHECK(verify(), FLY_E_CORRUPT, err);
    ck_assert_uint_eq(report.broken, 3);
    FLY_CHECK_SAYS(err.message, "line 3 of the audit trail");

    memcpy(forged, text, b); /* and repeated */
    memcpy(forged + b, text + a, len - a);
    spill("d/audit.log", forged, len + (b - a));
    FLY_CHECK(verify(), FLY_E_CORRUPT, err);
    ck_assert_uint_eq(report.broken, 4);

    spill("d/audit.log", text, b); /* the end cut off */
    FLY_CHECK(verify(), FLY_E_CORRUPT, err);
    FLY_CHECK_SAYS(err.message, "ends with line 3 of 5");
    FLY_CHECK_OK(write_lines(&world.env, 1, false), err); /* goes on, and tells */
    FLY_CHECK(verify(), FLY_E_CORRUPT, err);
    ck_assert_uint_eq(report.broken, 4);
}
END_TEST

START_TEST(without_the_first_key_nothing_is_verified)
{
    char key[65] = "";
    FLY_CHECK_OK(write_lines(&world.env, 2, false), err);
    ck_assert_uint_eq(slurp("d/audit.key", (uint8_t *)key, 64), 64);
    FLY_CHECK_OK(fly_vfs_remove(world.env.vfs, "d/audit.key", &err), err);
    FLY_CHECK(verify(), FLY_E_NOT_FOUND, err);
    FLY_CHECK_OK(write_lines(&world.env, 2, false), err); /* writing does not need it */
    FLY_CHECK_OK(fly_auth_audit_verify(&world.env, "d", key, &report, &err), err);
    ck_assert_uint_eq(report.lines, 6);
    key[0] = key[0] == '0' ? '1' : '0';
    FLY_CHECK(fly_auth_audit_verify(&world.env, "d", key, &report, &err), FLY_E_CORRUPT, err);
    ck_assert_uint_eq(report.broken, 1);
    FLY_CHECK(fly_auth_audit_verify(&world.env, "d", "sesame", &report, &err), FLY_E_KEY, err);
    FLY_CHECK_OK(fly_vfs_remove(world.env.vfs, "d/audit.state", &err), err);
    FLY_CHECK(write_lines(&world.env, 0, false), FLY_E_CORRUPT, err);
}
END_TEST

START_TEST(a_trail_is_written_by_one)
{
    fly_auth_audit *audit = NULL;
    fly_auth_audit *second = NULL;
    FLY_CHECK_OK(fly_auth_audit_open(&world.env, "d", NULL, &audit, &err), err);
    FLY_CHECK(fly_auth_audit_open(&world.env, "d", NULL, &second, &err), FLY_E_LOCKED, err);
    FLY_CHECK_OK(fly_auth_audit_close(audit, &err), err);
}
END_TEST

/* -------------------------------------------------------------------- faults and crashes */

static fly_status work(fly_sim_env *sim, void *ctx)
{
    fly_auth_audit *audit = NULL;
    fly_status status = fly_vfs_make_dir(sim->env.vfs, "d", &err);
    status = status == FLY_OK ? fly_vfs_sync_dir(sim->env.vfs, ".", &err) : status;
    status = status == FLY_OK ? fly_auth_audit_open(&sim->env, "d", NULL, &audit, &err) : status;
    for (int i = 0; status == FLY_OK && i < 6; i++) {
        fly_auth_event event = alice;
        event.durable = i % 2 == 1;
        status = fly_auth_audit_write(audit, &event, &err);
        if (status == FLY_OK && event.durable && ctx != NULL) {
            *(int *)ctx = i + 2; /* lines that must be there */
        }
    }
    fly_status closed = fly_auth_audit_close(audit, status == FLY_OK ? &err : NULL);
    return status != FLY_OK ? status : closed;
}

/* Open it again, write, and verify: nothing is broken, nothing acknowledged is lost. */
static void recover(fly_sim_env *sim, void *ctx)
{
    fly_auth_audit *audit = NULL;
    fly_auth_audit_report found = {0};
    FLY_CHECK_OK(fly_vfs_make_dir(sim->env.vfs, "d", &err), err);
    FLY_CHECK_OK(fly_auth_audit_open(&sim->env, "d", NULL, &audit, &err), err);
    FLY_CHECK_OK(fly_auth_audit_write(audit, &alice, &err), err);
    FLY_CHECK_OK(fly_auth_audit_close(audit, &err), err);
    FLY_CHECK_OK(fly_auth_audit_verify(&sim->env, "d", NULL, &found, &err), err);
    ck_assert_uint_ge(found.lines, (uint64_t)(ctx != NULL ? *(int *)ctx : 0) + 2);
}

START_TEST(each_failing_call_leaves_a_trail_that_goes_on)
{
    ck_assert(fly_test_each_fault("audit", NULL, work, recover, NULL));
}
END_TEST

START_TEST(each_crash_leaves_a_trail_that_goes_on)
{
    int acknowledged = 0;
    fly_test_crash_options options = {.once = true};
    ck_assert(fly_test_each_crash("audit", &options, work, recover, &acknowledged));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("audit");
    TCase *tests = fly_test_case(suite, "trails");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_was_written_verifies_over_several_lives);
    tcase_add_test(tests, a_line_says_who_when_where_and_what);
    tcase_add_test(tests, times_are_dates);
    tcase_add_test(tests, long_texts_are_cut);
    tcase_add_test(tests, every_changed_byte_is_found_in_its_line);
    tcase_add_test(tests, removed_swapped_repeated_and_missing_lines_are_found);
    tcase_add_test(tests, without_the_first_key_nothing_is_verified);
    tcase_add_test(tests, a_trail_is_written_by_one);
    tests = fly_test_case(suite, "faults");
    tcase_add_test(tests, each_failing_call_leaves_a_trail_that_goes_on);
    tcase_add_test(tests, each_crash_leaves_a_trail_that_goes_on);
    return fly_test_run(suite);
}
