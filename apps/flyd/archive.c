/*
 * The archive of log segments, and the way back from it.
 *
 * A copy is made beside its place, synced, renamed, and the directory synced: what has a segment's
 * name is a segment, whatever crashes when. Copying one again replaces it by the same bytes.
 *
 * What is not here: what a backup is (libtxn's backup.c).
 */
#define _POSIX_C_SOURCE 200809L

#include "archive.h"

#include <fly/txn.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ".../shop/wal/7.wal": "shop" and "7.wal". */
static bool split_path(const char *path, char database[128], const char **name)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash - path < 5 || memcmp(slash - 4, "/wal", 4) != 0) {
        return false;
    }
    const char *end = slash - 4;
    const char *begin = end;
    while (begin > path && begin[-1] != '/') {
        begin--;
    }
    size_t len = (size_t)(end - begin);
    if (len == 0 || len >= 128) {
        return false;
    }
    memcpy(database, begin, len);
    database[len] = '\0';
    *name = slash + 1;
    return true;
}

static fly_status copy_bytes(int in, int out, const char *path, fly_err *err)
{
    static const char what[] = "could not archive \"%s\"";
    uint8_t buffer[16384];
    for (;;) {
        ssize_t n = read(in, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return fly_err_os(err, FLY_E_IO, errno, what, path);
        }
        if (n == 0) {
            return fsync(out) == 0 ? FLY_OK : fly_err_os(err, FLY_E_IO, errno, what, path);
        }
        for (ssize_t done = 0; done < n;) {
            ssize_t written = write(out, buffer + done, (size_t)(n - done));
            if (written < 0 && errno != EINTR) {
                fly_status status = errno == ENOSPC ? FLY_E_NO_SPACE : FLY_E_IO;
                return fly_err_os(err, status, errno, what, path);
            }
            done += written > 0 ? written : 0;
        }
    }
}

static fly_status sync_directory(const char *path, fly_err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        fly_status status = fly_err_os(err, FLY_E_IO, errno, "could not sync \"%s\"", path);
        if (fd >= 0) {
            (void)close(fd);
        }
        return status;
    }
    (void)close(fd);
    return FLY_OK;
}

fly_status flyd_archive_make(const char *path, fly_err *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return fly_err_os(err, FLY_E_IO, errno, "could not make directory \"%s\"", path);
    }
    return access(path, W_OK | X_OK) == 0
               ? FLY_OK
               : fly_err_os(err, FLY_E_PERMISSION, errno, "could not write to \"%s\"", path);
}

fly_status flyd_archive(void *ctx, const char *path, uint64_t segment, fly_err *err)
{
    char database[128];
    char folder[FLY_PATH_MAX];
    char part[FLY_PATH_MAX];
    char whole[FLY_PATH_MAX];
    const char *name;
    (void)segment;
    if (!split_path(path, database, &name)) {
        return fly_err_set(err, FLY_E_INVALID, "\"%s\" is no segment of a database's log", path);
    }
    fly_status status = fly_path_join(folder, sizeof folder, ctx, database, err);
    if (status == FLY_OK) {
        status = fly_path_join(whole, sizeof whole, folder, name, err);
    }
    int n = snprintf(part, sizeof part, "%s/.part", folder);
    if (status != FLY_OK || n < 0 || (size_t)n >= sizeof part) {
        return status != FLY_OK ? status : fly_err_set(err, FLY_E_TOO_LARGE, "archive_dir is long");
    }
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        return fly_err_os(err, FLY_E_IO, errno, "could not make directory \"%s\"", folder);
    }
    int in = open(path, O_RDONLY | O_CLOEXEC);
    int out = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    status = in >= 0 && out >= 0
                 ? copy_bytes(in, out, path, err)
                 : fly_err_os(err, FLY_E_IO, errno, "could not archive \"%s\"", path);
    if (in >= 0) {
        (void)close(in);
    }
    if (out >= 0) {
        (void)close(out);
    }
    if (status == FLY_OK && rename(part, whole) != 0) {
        status = fly_err_os(err, FLY_E_IO, errno, "could not make \"%s\"", whole);
    }
    return status == FLY_OK ? sync_directory(folder, err) : status;
}

/* -------------------------------------------------------------------------- restoring */

static const char USAGE[] =
    "Usage: flyd restore BACKUP --to DIRECTORY [--archive DIRECTORY] [--until TIME]\n"
    "                    [--until-lsn LSN]\n"
    "\n"
    "Makes a database of a backup (SELECT fly_backup('BACKUP')) and of what was archived of its "
    "log\n"
    "(archive_dir/DATABASE), up to the end or to a point before it. TIME is microseconds since "
    "1970,\n"
    "or a time as 2026-11-30T23:59:59Z. DIRECTORY must not exist; it may be one of a database "
    "that\n"
    "is to be, in the data directory of a server: the name is the database's.\n";

/* 2026-11-30T23:59:59Z, or a number. */
static bool read_time(const char *text, uint64_t *us)
{
    int y;
    unsigned mon;
    unsigned d;
    unsigned h;
    unsigned min;
    unsigned s;
    char z;
    char *end;
    if (sscanf(text, "%4d-%2u-%2u%*1[T ]%2u:%2u:%2u%c", &y, &mon, &d, &h, &min, &s, &z) == 7) {
        if (z != 'Z' || y < 1970 || mon < 1 || mon > 12 || d < 1 || d > 31 || h > 23 || min > 59) {
            return false;
        }
        /* Days since 1970 of a civil date: years begin with March, so that a leap day is the last. */
        int64_t years = mon <= 2 ? y - 1 : y;
        int64_t era = years / 400;
        int64_t of_era = years - era * 400;
        int64_t of_year = (153 * (int64_t)((mon + 9) % 12) + 2) / 5 + (int64_t)d - 1;
        int64_t days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
        *us = (uint64_t)(((days * 24 + h) * 60 + min) * 60 + s) * 1000000;
        return true;
    }
    *us = strtoull(text, &end, 10);
    return end != text && *end == '\0';
}

static bool read_lsn(const char *text, uint64_t *lsn)
{
    char *end;
    *lsn = strtoull(text, &end, 10);
    return end != text && *end == '\0';
}

int flyd_restore(int count, char **words)
{
    const char *backup = NULL;
    const char *to = NULL;
    const char *archive = NULL;
    fly_store_options options = {0};
    bool good = true;
    for (int i = 0; i < count && good; i++) {
        const char *value = i + 1 < count ? words[i + 1] : NULL;
        if (words[i][0] != '-') {
            good = backup == NULL;
            backup = words[i];
            continue;
        }
        good = value != NULL;
        if (good && strcmp(words[i], "--to") == 0) {
            to = value;
        } else if (good && strcmp(words[i], "--archive") == 0) {
            archive = value;
        } else if (good && strcmp(words[i], "--until") == 0) {
            good = read_time(value, &options.stop_at_time);
        } else if (good && strcmp(words[i], "--until-lsn") == 0) {
            good = read_lsn(value, &options.stop_at_lsn);
        } else {
            good = false;
        }
        i++;
    }
    if (!good || backup == NULL || to == NULL) {
        (void)fprintf(stderr, "%s", USAGE);
        return 2;
    }
    fly_env env;
    fly_err err = {0};
    fly_env_init(&env);
    if (fly_store_restore(&env, backup, archive, to, &options, &err) != FLY_OK) {
        (void)fprintf(stderr, "flyd: could not restore: %s\n", err.message);
        return 1;
    }
    (void)printf("restored \"%s\" from \"%s\"\n", to, backup);
    return 0;
}
