/*
 * flybench page|bufpool|wal|btree|txn: one layer alone.
 *
 * A layer's bench lies in its own folder (lib<layer>/bench), needs no other layer than those below, and
 * is a program of its own, bench_<layer>, built beside this one. Here it only gets a second name.
 */
#define _GNU_SOURCE
#include "layer.h"

#include <fly/base.h>
#include <fly/base_vfs.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int layer_main(const char *layer, char **argv)
{
    char path[FLY_PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    char *slash = NULL;
    if (len > 0) {
        path[len] = '\0';
        slash = strrchr(path, '/');
    }
    size_t room = slash != NULL ? sizeof path - (size_t)(slash + 1 - path) : 0;
    if (room <= sizeof "bench_" + strlen(layer)) {
        (void)fprintf(stderr, "flybench: cannot tell in which folder it is itself\n");
        return 1;
    }
    (void)snprintf(slash + 1, room, "bench_%s", layer);
    (void)execv(path, argv);
    (void)fprintf(stderr, "flybench: cannot run \"%s\": %s\n", path, strerror(errno));
    return 1;
}
