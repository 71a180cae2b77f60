/*
 * Restoring: stage after stage, on one connection, or, in stages whose entries do not need each other, on
 * several. Each entry is a transaction of its own: what failed is told, and the rest goes on, as in
 * pg_restore.
 */
#define _POSIX_C_SOURCE 200809L

#include "restore.h"

#include "plain.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct restore {
    const fsql_target *target;
    const flydump_list *list;
    int fd;
    flydump_stage stage;
    atomic_size_t next; /* entry that somebody takes next */
    atomic_size_t failures;
} restore;

/* Data of one entry on their way into COPY. */
static bool give_data(void *ctx, fly_bytes *data, fsql_text *failure)
{
    flydump_reader *reader = ctx;
    bool good = flydump_reader_next(reader, data, failure);
    if (good && data->len == 0) {
        data->data = NULL;
    }
    return good;
}

static bool restore_entry(restore *from, flydump_source *source, const flydump_entry *entry)
{
    fsql_text path = {0};
    flydump_path(entry, &path);
    bool good = flydump_run(source, fsql_text_str(&path), NULL, NULL);
    fsql_text_deinit(&path);
    flydump_reader *reader = NULL;
    if (entry->stage == FLYDUMP_DATA) {
        reader = flydump_reader_open(from->fd, entry);
        good = good && reader != NULL;
        source->read = give_data;
        source->read_ctx = reader;
    }
    good = good && flydump_run(source, entry->text, NULL, NULL);
    flydump_reader_close(reader);
    source->read = NULL;
    if (!good) {
        fsql_text what = {0};
        fsql_text_printf(&what, "%s %s", entry->kind, entry->name);
        flydump_complain(source, fsql_text_str(&what));
        fsql_text_deinit(&what);
        (void)atomic_fetch_add(&from->failures, 1);
    }
    return good;
}

static void restore_stage(restore *from, flydump_source *source)
{
    size_t i;
    while ((i = atomic_fetch_add(&from->next, 1)) < from->list->count) {
        if (from->list->entries[i].stage == from->stage && !source->error.lost) {
            (void)restore_entry(from, source, &from->list->entries[i]);
        }
    }
}

static bool connect_with_settings(flydump_source *source, const fsql_target *target)
{
    if (!flydump_connect(source, target)) {
        flydump_complain(source, "could not connect");
        return false;
    }
    if (!flydump_run(source, flydump_preamble, NULL, NULL)) {
        flydump_complain(source, "could not set up the connection");
        return false;
    }
    return true;
}

static void *work(void *ctx)
{
    restore *from = ctx;
    flydump_source source;
    if (connect_with_settings(&source, from->target)) {
        restore_stage(from, &source);
    }
    flydump_disconnect(&source);
    return NULL;
}

/* The thread that asks works too, so that a helper without a connection costs only time. */
static void restore_with_helpers(restore *from, flydump_source *source, unsigned helpers)
{
    pthread_t threads[64];
    unsigned started = 0;
    while (started < helpers && started < 64 &&
           pthread_create(&threads[started], NULL, work, from) == 0) {
        started++;
    }
    restore_stage(from, source);
    for (unsigned i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

bool flydump_restore(const fsql_target *target, const flydump_list *list, FILE *archive,
                     unsigned jobs)
{
    restore from = {.target = target, .list = list, .fd = fileno(archive)};
    flydump_source source;
    bool good = connect_with_settings(&source, target);
    for (int stage = 0; stage < FLYDUMP_STAGES && good; stage++) {
        from.stage = (flydump_stage)stage;
        atomic_store(&from.next, 0);
        bool alone = !flydump_is_parallel(from.stage) || jobs <= 1;
        restore_with_helpers(&from, &source, alone ? 0 : jobs - 1);
        good = !source.error.lost;
    }
    flydump_disconnect(&source);
    size_t failures = atomic_load(&from.failures);
    if (failures > 0) {
        (void)fprintf(stderr, "flydump: %zu of %zu entries could not be restored\n", failures,
                      list->count);
    }
    return good && failures == 0;
}

/* --------------------------------------------------------------------- as a script */

static bool copy_data(const flydump_entry *entry, FILE *archive, FILE *to)
{
    fsql_text why = {0};
    flydump_reader *reader = flydump_reader_open(fileno(archive), entry);
    fly_bytes data = {0};
    bool good = reader != NULL;
    do {
        good = good && flydump_reader_next(reader, &data, &why) &&
               (data.len == 0 || fwrite(data.data, 1, data.len, to) == data.len);
    } while (good && data.len > 0);
    if (!good) {
        (void)fprintf(stderr, "flydump: %s: %s\n", entry->name, fsql_text_str(&why));
    }
    flydump_reader_close(reader);
    fsql_text_deinit(&why);
    return good;
}

static bool write_rows(void *ctx, const flydump_entry *entry, FILE *to)
{
    return copy_data(entry, ctx, to);
}

bool flydump_archive_to_plain(const flydump_list *list, FILE *archive, FILE *to)
{
    return flydump_write_script(list, write_rows, archive, to);
}
