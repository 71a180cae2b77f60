/*
 * Goal: each setting takes its values from each place, the stronger place wins, and what is wrong is
 * refused with name, place and what was expected. Method: configurations in memory and in a file of
 * the test's own.
 */
#define _POSIX_C_SOURCE 200809L

#include "settings_int.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char file_path[64];
static char warnings[512];

static void setup(void)
{
    memcpy(file_path, "/tmp/flyd-config-XXXXXX", sizeof "/tmp/flyd-config-XXXXXX");
    int fd = mkstemp(file_path);
    ck_assert_int_ge(fd, 0);
    (void)close(fd);
    warnings[0] = '\0';
}

static void teardown(void)
{
    (void)unlink(file_path);
}

static void warn(void *ctx, const char *line)
{
    (void)ctx;
    (void)snprintf(warnings, sizeof warnings, "%s", line);
}

/* Flags and environment, each separated by blanks; NULL: none. */
static fly_status load(flyd_config *config, const char *flags, const char *environment,
                       flyd_request *request, fly_err *err)
{
    char texts[2][512] = {"", ""};
    char *words[2][16] = {{NULL}, {NULL}};
    const char *given[2] = {flags, environment};
    int count[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        if (given[i] == NULL) {
            continue;
        }
        (void)snprintf(texts[i], sizeof texts[i], "%s", given[i]);
        char *rest = texts[i];
        char *word;
        while ((word = strtok_r(rest, " ", &rest)) != NULL && count[i] < 15) {
            words[i][count[i]++] = word;
        }
    }
    flyd_words said = {.count = count[0], .flags = words[0], .environment = words[1], .warn = warn};
    return flyd_config_load(config, &said, request, err);
}

static void write_file(const char *text)
{
    FILE *file = fopen(file_path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    (void)fclose(file);
}

/* Load a file with this text, and flags. */
static fly_status load_file(flyd_config *config, const char *text, const char *flags, fly_err *err)
{
    char all[512];
    flyd_request request;
    write_file(text);
    (void)snprintf(all, sizeof all, "--config %s %s", file_path, flags);
    return load(config, all, NULL, &request, err);
}

START_TEST(every_default_is_a_value_of_its_setting)
{
    flyd_config config;
    flyd_request request;
    fly_err err = {0};
    ck_assert_msg(load(&config, NULL, NULL, &request, &err) == FLY_OK, "%s", err.message);
    ck_assert_int_eq(config.values.pg_port, 5432);
    ck_assert_int_eq(config.values.resp_port, FLYD_OFF);
    ck_assert_int_eq(config.values.checkpoint_secs, 60000);
    ck_assert_int_eq(config.values.page_size, 8192);
    ck_assert_str_eq(config.values.listen, "127.0.0.1");
    flyd_config_deinit(&config);
}
END_TEST

START_TEST(every_setting_has_a_name_of_its_own_and_a_description)
{
    size_t count;
    const flyd_setting *table = flyd_settings_table(&count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_ptr_eq(flyd__settings_find(table[i].name), &table[i]);
        ck_assert_msg(strlen(table[i].help) > 10, "%s", table[i].name);
        size_t end = strlen(table[i].help) - 1;
        ck_assert_msg(table[i].help[end] == '.', "%s", table[i].name);
        ck_assert_msg(strlen(table[i].name) < 40, "%s", table[i].name);
        for (size_t j = 0; j < i; j++) {
            ck_assert_uint_ne(table[j].offset, table[i].offset);
        }
    }
}
END_TEST

START_TEST(the_stronger_place_wins)
{
    flyd_config config;
    flyd_request request;
    fly_err err = {0};
    char flags[128];
    write_file("pg_port = 1001\ntext_port = 1002\nbinary_port = 1003\n");
    (void)snprintf(flags, sizeof flags, "--pg-port=3001 -c %s", file_path);
    fly_status status =
        load(&config, flags, "FLYD_PG_PORT=2001 FLYDB_TEXT_PORT=2002 HOME=/x", &request, &err);
    ck_assert_msg(status == FLY_OK, "%s", err.message);
    ck_assert_int_eq(config.values.pg_port, 3001);
    ck_assert_int_eq(config.values.text_port, 2002);
    ck_assert_int_eq(config.values.binary_port, 1003);
    size_t count;
    size_t at = (size_t)(flyd__settings_find("text_port") - flyd_settings_table(&count));
    ck_assert_int_eq(config.source[at], FLYD_ENVIRONMENT);
    ck_assert_str_eq(config.where[at], "FLYDB_TEXT_PORT");
    flyd_config_deinit(&config);
}
END_TEST

START_TEST(a_table_of_the_file_is_a_prefix)
{
    flyd_config config;
    fly_err err = {0};
    fly_status status = load_file(&config,
                                  "listen = ['127.0.0.1', '::1']\n"
                                  "[tls]\ncert = 'a.pem'\nkey = 'b.pem'\nmin_version = '1.2'\n"
                                  "[log]\nlevel = 'debug'\nconnections = true\nslow = '2s'\n",
                                  "", &err);
    ck_assert_msg(status == FLY_OK, "%s", err.message);
    ck_assert_str_eq(config.values.tls_cert, "a.pem");
    ck_assert_int_eq(config.values.tls_min_version, FLYD_TLS_1_2);
    ck_assert_str_eq(config.values.listen, "127.0.0.1,::1");
    ck_assert_int_eq(config.values.log_connections, 1);
    ck_assert_int_eq(config.values.log_slow, 2000);
    flyd_config_deinit(&config);
}
END_TEST

/* Both sides of limits, units, words. */
static const struct {
    const char *flag;
    const char *complaint; /* NULL: it is good */
} values[] = {
    {"--pg-port=0", NULL},
    {"--pg-port=65535", NULL},
    {"--pg-port=65536", "\"65536\" is no value of pg_port: expected off, or 0 to 65535"},
    {"--pg-port=-2", "expected off, or 0 to 65535"},
    {"--pg-port=off", NULL},
    {"--pg-port=x", "--pg-port: \"x\" is no value of pg_port"},
    {"--pg-port=1x", "is no value"},
    {"--pg-port=", "is no value"},
    {"--pg-port=99999999999999999999", "is no value"},
    {"--connections-max=1", NULL},
    {"--connections-max=0", "expected 1 to 1000000"},
    {"--connections-max=1000000", NULL},
    {"--connections-max=1000001", "expected 1 to 1000000"},
    {"--buffer-pool-size=auto", NULL},
    {"--buffer-pool-size=1MiB", NULL},
    {"--buffer-pool-size=1048575", "expected auto, or 1MiB to 64TiB (B, kB, MB, GB, TB)"},
    {"--buffer-pool-size=64TB", NULL},
    {"--buffer-pool-size=65TB", "is no value"},
    {"--buffer-pool-size=9000000000TB", "is no value"},
    {"--buffer-pool-size=1.5GB", "is no value"},
    {"--checkpoint-secs=30", NULL},
    {"--checkpoint-secs=2min", NULL},
    {"--checkpoint-secs=10ms", "expected 1s to 1d (ms, s, min, h, d)"},
    {"--durability=async", NULL},
    {"--durability=FULL", NULL},
    {"--durability=maybe", "expected one of: full async off"},
    {"--core-dumps", NULL},
    {"--core-dumps=no", NULL},
    {"--core-dumps=2", "expected one of: false true"},
    {"--page-size=12KiB", "page_size must be a power of two"},
    {"--tls-cert=x", "tls_cert and tls_key belong together"},
    {"--tls-client-cert=require", "tls_client_cert needs tls_ca"},
    {"--resp-port=0", NULL},
    {"--resp-port=off", NULL},
    {"--resp-port=65536", "expected"},
    {"--http-port=8080", NULL},
    {"--pgport=1", "there is no flag --pgport"},
    {"--pg_port=1", "there is no flag --pg_port"},
    {"--", "there is no flag --"},
    {"-x", "there is no flag -x"},
    {"data", "\"data\" is no flag"},
    {"--pg-port", "--pg-port needs a value"},
};

START_TEST(limits_are_kept_on_both_sides)
{
    flyd_config config;
    flyd_request request;
    fly_err err = {0};
    fly_status status = load(&config, values[_i].flag, NULL, &request, &err);
    if (values[_i].complaint == NULL) {
        ck_assert_msg(status == FLY_OK, "%s: %s", values[_i].flag, err.message);
    } else {
        ck_assert_msg(status != FLY_OK, "%s was taken", values[_i].flag);
        ck_assert_msg(strstr(err.message, values[_i].complaint) != NULL, "%s: said \"%s\"",
                      values[_i].flag, err.message);
    }
    flyd_config_deinit(&config);
}
END_TEST

static const struct {
    const char *text;
    const char *complaint;
    const char *hint;
} files[] = {
    {"pg_prot = 1", "line 1, column 1: \"pg_prot\" is no setting", "Perhaps you meant pg_port."},
    {"[tls]\nwhatever = 1", "line 2, column 1: \"tls_whatever\" is no setting", ""},
    {"[tls]\ncerts = 'x'", "\"tls_certs\" is no setting", "Perhaps you meant tls_cert."},
    {"pg_port = 1\n[pg]\nport = 2", "line 3, column 1: \"pg_port\" is set twice", ""},
    {"pg_port = true", "\"pg_port\" is a boolean, not an integer", ""},
    {"pg_port = 1.5", "is a number with a point, not an integer", ""},
    {"core_dumps = 'yes'", "is a string, not true or false", ""},
    {"durability = 1", "is an integer, not a string", ""},
    {"data_dir = ['a']", "is an array, not a string", ""},
    {"listen = [1]", "is a list of strings", ""},
    {"pg_port = 70000", "line 1: \"70000\" is no value of pg_port", ""},
    {"config = 'x'", "\"config\" is no setting", ""},
    {"pg_port = ", "line 1, column 11: a value should be here", ""},
    {"data_dir = \"a\\u0000b\"", "has a NUL", ""},
    {"[[pg]]\nport = 1", "\"pg\" is no setting", ""},
};

START_TEST(what_is_wrong_in_a_file_is_named_with_its_place)
{
    flyd_config config;
    fly_err err = {0};
    ck_assert_msg(load_file(&config, files[_i].text, "", &err) != FLY_OK, "%s", files[_i].text);
    ck_assert_msg(strstr(err.message, files[_i].complaint) != NULL, "%s: said \"%s\"",
                  files[_i].text, err.message);
    ck_assert_msg(strstr(err.message, file_path) != NULL, "said \"%s\"", err.message);
    ck_assert_str_eq(err.hint, files[_i].hint);
    flyd_config_deinit(&config);
}
END_TEST

START_TEST(a_file_that_is_missing_is_an_error)
{
    flyd_config config;
    flyd_request request;
    fly_err err = {0};
    ck_assert_int_ne(load(&config, "--config=/nowhere/flyd.toml", NULL, &request, &err), FLY_OK);
    ck_assert_ptr_nonnull(strstr(err.message, "could not open \"/nowhere/flyd.toml\""));
    flyd_config_deinit(&config);
}
END_TEST

START_TEST(an_unknown_variable_is_a_warning)
{
    flyd_config config;
    flyd_request request;
    ck_assert_int_eq(load(&config, NULL, "FLYD_PG_PROT=1 FLYD_ADMIN_PASSWORD=x", &request, NULL),
                     FLY_OK);
    ck_assert_str_eq(warnings, "environment variable FLYD_PG_PROT is no setting; near is pg_port");
    flyd_config_deinit(&config);
    ck_assert_int_ne(load(&config, NULL, "FLYD_PG_PORT=x", &request, NULL), FLY_OK);
    flyd_config_deinit(&config);
}
END_TEST

START_TEST(a_flag_that_is_wrong_says_which_is_near)
{
    flyd_config config;
    flyd_request request;
    fly_err err = {0};
    ck_assert_int_ne(load(&config, "--data-dri=x", NULL, &request, &err), FLY_OK);
    ck_assert_str_eq(err.hint, "Perhaps you meant --data-dir.");
    flyd_config_deinit(&config);
}
END_TEST

START_TEST(what_is_printed_can_be_read_again)
{
    flyd_config config;
    flyd_config again;
    flyd_request request;
    fly_err err = {0};
    ck_assert_int_eq(load(&config,
                          "-D /tmp/a\"b\\c --pg-port=off --durability=off --log-slow=90s "
                          "--buffer-pool-size=3MB --core-dumps --listen=::,0.0.0.0",
                          NULL, &request, &err),
                     FLY_OK);
    FILE *file = fopen(file_path, "w");
    ck_assert_ptr_nonnull(file);
    flyd_config_print(&config, file);
    (void)fclose(file);
    /* All but the first line, which is the setting `config` itself. */
    char shorter[80];
    (void)snprintf(shorter, sizeof shorter, "sed -i 1d %s", file_path);
    ck_assert_int_eq(system(shorter), 0);
    char flags[128];
    (void)snprintf(flags, sizeof flags, "-c %s", file_path);
    ck_assert_msg(load(&again, flags, NULL, &request, &err) == FLY_OK, "%s", err.message);
    ck_assert_str_eq(again.values.data_dir, "/tmp/a\"b\\c");
    ck_assert_int_eq(again.values.pg_port, FLYD_OFF);
    ck_assert_int_eq(again.values.log_slow, 90000);
    ck_assert_int_eq(again.values.buffer_pool_size, 3 << 20);
    ck_assert_int_eq(again.values.core_dumps, 1);
    flyd_config_deinit(&config);
    flyd_config_deinit(&again);
}
END_TEST

static void count_difference(void *ctx, const flyd_setting *setting)
{
    (void)setting;
    ++*(int *)ctx;
}

START_TEST(differences_are_found)
{
    flyd_config a;
    flyd_config b;
    flyd_request request;
    int count = 0;
    ck_assert_int_eq(load(&a, "--log-level=debug --data-dir=a", NULL, &request, NULL), FLY_OK);
    ck_assert_int_eq(load(&b, "--log-level=info --data-dir=b", NULL, &request, NULL), FLY_OK);
    flyd_config_compare(&a, &b, count_difference, &count);
    ck_assert_int_eq(count, 2);
    flyd_config_deinit(&a);
    flyd_config_deinit(&b);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

int main(void)
{
    TCase *tests = tcase_create("config");
    tcase_set_timeout(tests, 120); /* under a sanitizer, beside others */
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, every_default_is_a_value_of_its_setting);
    tcase_add_test(tests, every_setting_has_a_name_of_its_own_and_a_description);
    tcase_add_test(tests, the_stronger_place_wins);
    tcase_add_test(tests, a_table_of_the_file_is_a_prefix);
    tcase_add_loop_test(tests, limits_are_kept_on_both_sides, 0, ROWS(values));
    tcase_add_loop_test(tests, what_is_wrong_in_a_file_is_named_with_its_place, 0, ROWS(files));
    tcase_add_test(tests, a_file_that_is_missing_is_an_error);
    tcase_add_test(tests, an_unknown_variable_is_a_warning);
    tcase_add_test(tests, a_flag_that_is_wrong_says_which_is_near);
    tcase_add_test(tests, what_is_printed_can_be_read_again);
    tcase_add_test(tests, differences_are_found);
    Suite *suite = suite_create("flyd");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
