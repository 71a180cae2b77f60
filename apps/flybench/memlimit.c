/*
 * A limit on the memory of a process, its part of the page cache included.
 */
#define _GNU_SOURCE
#include "memlimit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The names of the same things in the two versions. */
static const char *const limit_file[] = {NULL, "memory.limit_in_bytes", "memory.max"};
static const char *const peak_file[] = {NULL, "memory.max_usage_in_bytes", "memory.peak"};

/* Where the memory controller is mounted: prefers version 1, where it is in use. */
static int find_mount(char *mount, size_t size)
{
    int version = 0;
    FILE *mounts = setmntent("/proc/self/mounts", "r");
    for (struct mntent *m; mounts != NULL && (m = getmntent(mounts)) != NULL;) {
        if (strcmp(m->mnt_type, "cgroup") == 0 && hasmntopt(m, "memory") != NULL) {
            version = 1;
            (void)snprintf(mount, size, "%s", m->mnt_dir);
            break;
        }
        if (strcmp(m->mnt_type, "cgroup2") == 0) {
            version = 2;
            (void)snprintf(mount, size, "%s", m->mnt_dir);
        }
    }
    if (mounts != NULL) {
        (void)endmntent(mounts);
    }
    return version;
}

/* The group of this process: the line "4:memory:/path" of version 1, "0::/path" of version 2. */
static void find_group(int version, char *group, size_t size)
{
    const char *mark = version == 1 ? ":memory:" : "::";
    char line[1024];
    FILE *file = fopen("/proc/self/cgroup", "re");
    group[0] = '\0';
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *found = strstr(line, mark);
        if (found != NULL) {
            line[strcspn(line, "\n")] = '\0';
            const char *path = found + strlen(mark);
            (void)snprintf(group, size, "%s", strcmp(path, "/") == 0 ? "" : path);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

static int write_file(const memlimit *limit, const char *name, const char *text)
{
    char path[sizeof limit->path + 64];
    (void)snprintf(path, sizeof path, "%s/%s", limit->path, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    int result = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
    (void)close(fd);
    return result;
}

fly_status memlimit_create(memlimit *limit, uint64_t bytes, fly_err *err)
{
    char mount[256];
    char group[512];
    limit->version = find_mount(mount, sizeof mount);
    if (limit->version == 0) {
        return fly_err_set(err, FLY_E_UNSUPPORTED, "no memory control groups are mounted");
    }
    find_group(limit->version, group, sizeof group);
    (void)snprintf(limit->path, sizeof limit->path, "%s%s/flybench.%d", mount, group,
                   (int)getpid());
    if (mkdir(limit->path, 0755) != 0) {
        return fly_err_os(err, FLY_E_UNSUPPORTED, errno, "could not make the control group \"%s\"",
                          limit->path);
    }
    char text[32];
    (void)snprintf(text, sizeof text, "%" PRIu64, bytes);
    if (write_file(limit, limit_file[limit->version], text) != 0) {
        fly_status status = fly_err_os(err, FLY_E_UNSUPPORTED, errno,
                                       "could not limit the memory of \"%s\"", limit->path);
        memlimit_destroy(limit);
        return status;
    }
    /* Where there is swap space it must not lend a hand; where there is none, nor this file. */
    (void)write_file(limit, limit->version == 1 ? "memory.swappiness" : "memory.swap.max", "0");
    return FLY_OK;
}

fly_status memlimit_enter(const memlimit *limit, fly_err *err)
{
    if (write_file(limit, "cgroup.procs", "0") != 0) {
        return fly_err_os(err, FLY_E_IO, errno, "could not enter the control group \"%s\"",
                          limit->path);
    }
    return FLY_OK;
}

uint64_t memlimit_peak(const memlimit *limit)
{
    char path[sizeof limit->path + 64];
    (void)snprintf(path, sizeof path, "%s/%s", limit->path, peak_file[limit->version]);
    uint64_t bytes = 0;
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        if (fscanf(file, "%" SCNu64, &bytes) != 1) {
            bytes = 0;
        }
        (void)fclose(file);
    }
    return bytes;
}

void memlimit_destroy(const memlimit *limit)
{
    (void)rmdir(limit->path);
}
