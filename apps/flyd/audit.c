/*
 * flyd audit verify: whether anybody has changed the audit trail of a data directory.
 *
 * The server may run meanwhile. The key is in the trail's directory until somebody puts it where those are
 * not who could change the trail; --key tells where it is then.
 */
#include "audit.h"

#include <fly/auth_audit.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_GOOD = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int usage(void)
{
    (void)fprintf(stderr, "Usage: flyd audit verify --data-dir DIR [--key FILE]\n");
    return EXIT_USAGE;
}

/* "--name VALUE" or "--name=VALUE" at the front of the words; how many words it took. */
static int take(int count, char **words, const char *name, const char **value)
{
    size_t len = strlen(name);
    if (strncmp(words[0], name, len) == 0 && words[0][len] == '=') {
        *value = words[0] + len + 1;
        return 1;
    }
    if (strcmp(words[0], name) == 0 && count > 1) {
        *value = words[1];
        return 2;
    }
    return 0;
}

static fly_status read_key(fly_env *env, const char *path, char key[128], fly_err *err)
{
    fly_file *file = NULL;
    size_t len = 0;
    fly_status status = fly_file_open(env->vfs, path, 0, &file, err);
    if (status == FLY_OK) {
        status = fly_file_read_some(file, 0, key, 127, &len, err);
        fly_file_abandon(file);
    }
    key[len] = '\0';
    return status;
}

static int verify(const char *data_dir, const char *key_file)
{
    fly_env env;
    fly_err err = {0};
    fly_auth_audit_report report = {0};
    char dir[FLY_PATH_MAX];
    char key[128];
    fly_env_init(&env);
    fly_status status = fly_path_join(dir, sizeof dir, data_dir, "_system", &err);
    if (status == FLY_OK && key_file != NULL) {
        status = read_key(&env, key_file, key, &err);
    }
    if (status == FLY_OK) {
        status = fly_auth_audit_verify(&env, dir, key_file != NULL ? key : NULL, &report, &err);
    }
    if (status == FLY_OK) {
        (void)printf("audit trail: %" PRIu64 " lines, all as they were written\n", report.lines);
        return EXIT_GOOD;
    }
    (void)fprintf(stderr, "flyd: %s\n", err.message);
    if (status == FLY_E_CORRUPT) {
        (void)fprintf(stderr, "flyd: %" PRIu64 " lines before that are as they were written\n",
                      report.lines);
    }
    return EXIT_FAILED;
}

int flyd_audit(int count, char **words)
{
    const char *data_dir = NULL;
    const char *key_file = NULL;
    if (count < 1 || strcmp(words[0], "verify") != 0) {
        return usage();
    }
    for (int at = 1; at < count;) {
        int took = take(count - at, words + at, "--data-dir", &data_dir);
        took = took > 0 ? took : take(count - at, words + at, "-D", &data_dir);
        took = took > 0 ? took : take(count - at, words + at, "--key", &key_file);
        if (took == 0) {
            return usage();
        }
        at += took;
    }
    return data_dir == NULL ? usage() : verify(data_dir, key_file);
}
