/*
 * flyinspect page: one page of data.db, or the double-write area, field by field.
 *
 * Files are read as they are, without a lock: a page may be shown while it changes.
 */
#include "command.h"
#include "fields.h"
#include "pages.h"

#include <fly/base_env.h>
#include <fly/page_dissect.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void show_meta(void *ctx, fly_dissector *d)
{
    (void)ctx;
    fly_store_dissect_meta(d);
    if (fly_dissect_left(d) > 0) {
        (void)fly_dissect_digits(d, "rest", fly_dissect_left(d));
    }
}

static const char *const kinds[] = {
    [FLY_PAGE_TYPE_NONE] = "never written",
    [FLY_PAGE_TYPE_HEADER] = "header",
    [FLY_PAGE_TYPE_MAP] = "map",
    [FLY_PAGE_TYPE_SLOTTED] = "slotted",
    [FLY_BTREE_PAGE_LEAF] = "leaf",
    [FLY_BTREE_PAGE_INNER] = "inner node",
    [FLY_BTREE_PAGE_BLOB] = "blob page",
};

/* --------------------------------------------------------------------------- a page */

static void dissect(const inspect_pages *pages, inspect_view *view)
{
    fly_page_dissect_options options = {
        .page_size = pages->page_size,
        .kinds = kinds,
        .kind_count = sizeof kinds / sizeof kinds[0],
        .meta = show_meta,
    };
    fly_dissector d;
    fly_btree_image image;
    fly_dissect_begin(&d, view->bytes, inspect_show_field, view);
    if (fly_btree_image_of(pages->bytes, pages->page_size, &image)) {
        (void)fly_btree_dissect_page(&d, &inspect_values);
    } else {
        fly_pagefile_dissect_page(&d, &options);
    }
}

static const char *use_of(const inspect_pages *pages, uint32_t id)
{
    return pages->used[id] == INSPECT_USED   ? "in use"
           : pages->used[id] == INSPECT_FREE ? "free"
                                             : "map damaged";
}

static int show_page(inspect_pages *pages, uint32_t id, bool hex)
{
    char what[80];
    fly_err why = {0};
    inspect_state state = inspect_pages_read(pages, id, &why);
    inspect_view view = {
        .bytes = fly_bytes_of(pages->bytes, pages->page_size),
        .origin = inspect_pages_offset(pages, id),
        .hex = hex,
    };
    inspect_pages_describe(pages, what, sizeof what);
    printf("page %" PRIu32 ", offset %" PRIu64 ", %" PRIu32 " bytes, %s: %s\n", id, view.origin,
           pages->page_size, use_of(pages, id),
           state == INSPECT_EMPTY ? "all of it is zero" : what);
    if (state == INSPECT_EMPTY) {
        return INSPECT_GOOD;
    }
    dissect(pages, &view);
    if (state == INSPECT_DAMAGED) {
        printf("DAMAGED: %s\n", why.message);
        return INSPECT_BAD;
    }
    return INSPECT_GOOD;
}

/* ------------------------------------------------------------------- the other file */

/* One that is clean has no magic, and is known by its name. */
static bool is_area(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (strcmp(slash != NULL ? slash + 1 : path, "doublewrite") == 0) {
        return true;
    }
    char start[8] = "";
    size_t got = 0;
    fly_file *file = NULL;
    bool area = fly_file_open(fly_vfs_posix(), path, 0, &file, NULL) == FLY_OK &&
                fly_file_read_some(file, 0, start, sizeof start, &got, NULL) == FLY_OK &&
                got == sizeof start && memcmp(start, "FlyDB dw", sizeof start) == 0;
    fly_file_abandon(file);
    return area;
}

static fly_status show_area(fly_env *env, const char *path, bool hex, fly_err *err)
{
    fly_file *file = NULL;
    uint64_t size = 0;
    size_t got = 0;
    fly_status status = fly_file_open(fly_vfs_posix(), path, 0, &file, err);
    if (status == FLY_OK) {
        status = fly_file_size(file, &size, err);
    }
    uint8_t *bytes = status == FLY_OK ? fly_mem_alloc(env->mem, (size_t)size) : NULL;
    if (status == FLY_OK && bytes == NULL) {
        status = fly_err_set(err, FLY_E_NO_MEMORY, "no memory for \"%s\"", path);
    }
    if (status == FLY_OK) {
        status = fly_file_read_some(file, 0, bytes, (size_t)size, &got, err);
    }
    if (status == FLY_OK) {
        inspect_view view = {.bytes = fly_bytes_of(bytes, got), .hex = hex};
        fly_page_dissect_options options = {.kinds = kinds,
                                            .kind_count = sizeof kinds / sizeof kinds[0]};
        fly_dissector d;
        fly_dissect_begin(&d, view.bytes, inspect_show_field, &view);
        fly_pagefile_dissect_area(&d, &options);
    }
    fly_mem_free(env->mem, bytes, (size_t)size);
    fly_file_abandon(file);
    return status;
}

/* ------------------------------------------------------------------------ the command */

static int run(const inspect_command *command, int argc, char **argv)
{
    const char *words[2];
    bool hex = false;
    uint64_t id;
    const inspect_option options[] = {{"hex", &hex, NULL}};
    if (!inspect_arguments(command, argc, argv, options, 1, words, 2) ||
        !inspect_number(words[1], &id)) {
        return INSPECT_MISUSED;
    }
    fly_env env;
    fly_err err = {0};
    inspect_pages pages;
    fly_env_init(&env);
    if (is_area(words[0])) {
        fly_status status = show_area(&env, words[0], hex, &err);
        return status == FLY_OK ? INSPECT_GOOD : inspect_failed(status, &err);
    }
    fly_status status = inspect_pages_open(&pages, env.vfs, env.mem, words[0], &err);
    if (status == FLY_OK && id >= pages.count) {
        status = fly_err_set(&err, FLY_E_NOT_FOUND, "\"%s\" has %" PRIu32 " pages", words[0],
                             pages.count);
        inspect_pages_close(&pages);
    }
    if (status != FLY_OK) {
        return inspect_failed(status, &err);
    }
    int code = show_page(&pages, (uint32_t)id, hex);
    inspect_pages_close(&pages);
    return code;
}

const inspect_command inspect_page = {
    .name = "page",
    .arguments = "FILE N [OPTION]",
    .what = "one page of a data.db, field by field",
    .help = "\n  --hex  with the bytes of each field\n"
            "\nOffsets are those in the file. FILE may also be a store's doublewrite, which is "
            "shown as a\n"
            "whole, whatever N is. Nothing is locked: a page may be shown while it changes.\n"
            "Exit code 1 if the page is damaged.\n",
    .run = run,
};
