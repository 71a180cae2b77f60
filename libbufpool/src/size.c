/*
 * How much memory a pool takes by itself: a quarter of what there is for this process.
 *
 * What there is: the machine's memory, or less where a control group limits it. The group's path
 * stands in /proc/self/cgroup, one line per hierarchy ("0::/path" in version 2, "n:memory:/path" in
 * version 1); the limit of any group above counts too, so the path is walked up.
 */
#define _POSIX_C_SOURCE 200809L
#include <fly/bufpool.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX = 4096, SHARE = 4 };

/* A small file of the kernel's, as text; empty if there is none. */
static void slurp(const char *path, char *text, size_t size)
{
    fly_file *file = NULL;
    size_t got = 0;
    text[0] = '\0';
    if (fly_file_open(fly_vfs_posix(), path, 0, &file, NULL) == FLY_OK) {
        if (fly_file_read_some(file, 0, text, size - 1, &got, NULL) != FLY_OK) {
            got = 0;
        }
        text[got] = '\0';
        fly_file_abandon(file);
    }
}

/* The smallest limit from `group` up to the root of its hierarchy. */
static uint64_t group_limit(const char *root, char *group, const char *name)
{
    uint64_t limit = UINT64_MAX;
    for (;;) {
        char path[2 * FLY_PATH_MAX];
        char text[64];
        (void)snprintf(path, sizeof path, "%s%s/%s", root, group, name);
        slurp(path, text, sizeof text);
        if (text[0] >= '0' && text[0] <= '9') { /* version 2 says "max" for none */
            uint64_t here = strtoull(text, NULL, 10);
            limit = here < limit ? here : limit;
        }
        char *slash = strrchr(group, '/');
        if (slash == NULL) {
            return limit;
        }
        *slash = '\0';
    }
}

uint64_t fly_bufpool_auto_bytes(void)
{
    uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    char text[TEXT_MAX];
    slurp("/proc/self/cgroup", text, sizeof text);
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        uint64_t limit = UINT64_MAX;
        char *memory_group = strstr(line, ":memory:");
        if (strncmp(line, "0::", 3) == 0) {
            limit = group_limit("/sys/fs/cgroup", line + 3, "memory.max");
        } else if (memory_group != NULL) {
            limit = group_limit("/sys/fs/cgroup/memory", memory_group + strlen(":memory:"),
                                "memory.limit_in_bytes");
        }
        memory = limit < memory ? limit : memory;
    }
    return memory / SHARE;
}
