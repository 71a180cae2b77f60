/*
 * Finding scripts.
 */
#define _POSIX_C_SOURCE 200809L

#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 32 };

static void add(slt_files *files, const char *path)
{
    if (files->count == files->room) {
        files->room = files->room == 0 ? 64 : files->room * 2;
        files->paths = slt_grow(files->paths, files->room * sizeof *files->paths);
    }
    size_t size = strlen(path) + 1;
    files->paths[files->count] = slt_grow(NULL, size);
    memcpy(files->paths[files->count++], path, size);
}

static bool ends_with(const char *path, const char *end)
{
    size_t len = strlen(path);
    size_t tail = strlen(end);
    return len > tail && strcmp(path + len - tail, end) == 0;
}

static fly_status visit(slt_files *files, const char *path, int depth, fly_err *err);

static fly_status visit_folder(slt_files *files, const char *path, int depth, fly_err *err)
{
    if (depth == DEPTH_MAX) {
        return fly_err_set(err, FLY_E_TOO_LARGE, "\"%s\": folders within folders", path);
    }
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return fly_err_os(err, FLY_E_IO, errno, "open \"%s\"", path);
    }
    fly_status status = FLY_OK;
    struct dirent *entry = readdir(folder);
    for (; status == FLY_OK && entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        slt_text below = {0};
        slt_text_printf(&below, "%s%s%s", path, ends_with(path, "/") ? "" : "/", entry->d_name);
        status = visit(files, slt_text_str(&below), depth + 1, err);
        slt_text_deinit(&below);
    }
    (void)closedir(folder);
    return status;
}

static fly_status visit(slt_files *files, const char *path, int depth, fly_err *err)
{
    struct stat what;
    if (stat(path, &what) != 0) {
        return fly_err_os(err, FLY_E_IO, errno, "find \"%s\"", path);
    }
    if (S_ISDIR(what.st_mode)) {
        return visit_folder(files, path, depth, err);
    }
    if (depth == 0 || ends_with(path, ".test") || ends_with(path, ".slt")) {
        add(files, path);
    }
    return FLY_OK;
}

static int by_path(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

fly_status slt_files_add(slt_files *files, const char *path, fly_err *err)
{
    size_t from = files->count;
    fly_status status = visit(files, path, 0, err);
    if (files->count > from + 1) {
        qsort(files->paths + from, files->count - from, sizeof *files->paths, by_path);
    }
    return status;
}

void slt_files_deinit(slt_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->paths[i]);
    }
    free(files->paths);
    *files = (slt_files){0};
}
