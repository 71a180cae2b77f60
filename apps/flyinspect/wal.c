/*
 * flyinspect wal: log records, a line each or field by field.
 *
 * A directory is read as a log: what is dead or not yet durable is passed over. A single file, with
 * --fields, is shown as it lies, up to where its records end.
 */
#include "command.h"
#include "fields.h"
#include "log.h"

#include <fly/wal_dissect.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct wal_wish {
    const char *path;
    uint64_t from;
    bool hex;
    bool fields;
    bool damaged;
} wal_wish;

/* ----------------------------------------------------------------- a line for a record */

/* Fields that a line shows, each once. */
static const char *const telling[] = {"transaction", "tree", "page", "key", "name", "time"};

enum { TELLING = sizeof telling / sizeof telling[0] };

static void tell_field(void *ctx, const fly_dissected *field)
{
    uint32_t *told = ctx;
    for (uint32_t i = 0; i < TELLING; i++) {
        if (strcmp(field->name, telling[i]) == 0 && (*told & 1u << i) == 0) {
            *told |= 1u << i;
            printf("%s%s %s", *told == 1u << i ? ": " : ", ", field->name, field->text);
        }
    }
}

static void print_line(const fly_wal_record *record)
{
    uint32_t told = 0;
    fly_dissector d;
    printf("%14" PRIu64 " %8zu  %s", record->lsn, record->payload.len,
           fly_txn_record_name(record->manager, record->type));
    fly_dissect_begin(&d, record->payload, tell_field, &told);
    fly_txn_dissect_record(&d, record, &inspect_bodies);
    printf("\n");
}

static bool see_record(void *ctx, const fly_wal_record *record)
{
    const wal_wish *wish = ctx;
    if (!wish->fields) {
        print_line(record);
        return true;
    }
    inspect_view view = {
        .bytes = record->payload, .origin = record->lsn + FLY_WAL_HEADER, .hex = wish->hex};
    fly_dissector d;
    printf("LSN %" PRIu64 ", manager %u, type %u, flags 0x%03x, %zu bytes\n", record->lsn,
           record->manager, record->type, record->flags, record->payload.len);
    fly_dissect_begin(&d, record->payload, inspect_show_field, &view);
    fly_txn_dissect_record(&d, record, &inspect_bodies);
    return true;
}

static void see_damage(void *ctx, const fly_err *why)
{
    wal_wish *wish = ctx;
    wish->damaged = true;
    printf("DAMAGED: %s\n", why->message);
}

/* -------------------------------------------------------------------- a file as it lies */

static void show_payload(void *ctx, fly_dissector *d, const fly_wal_record *record)
{
    (void)ctx;
    fly_wal_record known = *record;
    known.payload = fly_bytes_of(d->bytes.data + d->at, fly_dissect_left(d));
    fly_txn_dissect_record(d, &known, &inspect_bodies);
}

static fly_status show_file(fly_env *env, const wal_wish *wish, fly_err *err)
{
    fly_file *file = NULL;
    uint64_t size = 0;
    size_t got = 0;
    fly_status status = fly_file_open(env->vfs, wish->path, 0, &file, err);
    if (status == FLY_OK) {
        status = fly_file_size(file, &size, err);
    }
    uint8_t *bytes = status == FLY_OK ? fly_mem_alloc(env->mem, (size_t)size) : NULL;
    if (status == FLY_OK && bytes == NULL) {
        status = fly_err_set(err, FLY_E_NO_MEMORY, "no memory for \"%s\"", wish->path);
    }
    if (status == FLY_OK) {
        status = fly_file_read_some(file, 0, bytes, (size_t)size, &got, err);
    }
    if (status == FLY_OK) {
        inspect_view view = {.bytes = fly_bytes_of(bytes, got), .hex = wish->hex};
        fly_wal_dissect_options options = {.payload = show_payload};
        fly_dissector d;
        fly_dissect_begin(&d, view.bytes, inspect_show_field, &view);
        fly_wal_dissect_segment(&d, &options);
    }
    fly_mem_free(env->mem, bytes, (size_t)size);
    fly_file_abandon(file);
    return status;
}

/* ------------------------------------------------------------------------- the command */

/* Split the path of a segment into its directory and its number; false if it is not one. */
static bool split_segment(const char *path, char dir[FLY_PATH_MAX], uint64_t *number)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    size_t len = slash != NULL ? (size_t)(slash - path) : 1;
    if (!fly_wal_segment_number(name, number) || len >= FLY_PATH_MAX) {
        return false;
    }
    memcpy(dir, slash != NULL ? path : ".", len);
    dir[len] = '\0';
    return true;
}

static int run(const inspect_command *command, int argc, char **argv)
{
    wal_wish wish = {.from = 0};
    const inspect_option options[] = {
        {"from", NULL, &wish.from}, {"hex", &wish.hex, NULL}, {"fields", &wish.fields, NULL}};
    if (!inspect_arguments(command, argc, argv, options, 3, &wish.path, 1)) {
        return INSPECT_MISUSED;
    }
    char dir[FLY_PATH_MAX];
    fly_env env;
    fly_err err = {0};
    uint64_t number = 0;
    fly_env_init(&env);
    bool is_file = split_segment(wish.path, dir, &number);
    wish.fields = wish.fields || wish.hex;
    if (is_file && wish.fields && wish.from == 0) {
        fly_status status = show_file(&env, &wish, &err);
        return status == FLY_OK ? INSPECT_GOOD : inspect_failed(status, &err);
    }
    inspect_log_range range = {
        .from = wish.from,
        .segment = is_file ? number + 1 : 0,
        .each = see_damage,
        .record = see_record,
        .ctx = &wish,
    };
    fly_status status = inspect_log_walk(&env, is_file ? dir : wish.path, &range, &err);
    if (status != FLY_OK) {
        return inspect_failed(status, &err);
    }
    return wish.damaged ? INSPECT_BAD : INSPECT_GOOD;
}

const inspect_command inspect_wal = {
    .name = "wal",
    .arguments = "FILE|DIR [OPTION]",
    .what = "log records, a line each or field by field",
    .help = "\n  --from LSN  begin with the first record at or behind this; default: the oldest\n"
            "  --fields    every field of each record; of a FILE, of its header and of pads too\n"
            "  --hex       the same, with the bytes of each field\n"
            "\nDIR is a store's wal directory, FILE a segment in it. Columns: LSN, bytes, type, "
            "subject.\n"
            "Nothing is locked. Exit code 1 if the log is damaged.\n",
    .run = run,
};
