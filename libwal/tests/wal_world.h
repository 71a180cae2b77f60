/*
 * What the tests of the log share: a simulated world with a log in it, and a book of what was
 * appended, which is the model that every replay and every reader is held against.
 *
 * A payload is decided by its number and its length, and begins with its number where there is room.
 */
#ifndef WAL_WORLD_H
#define WAL_WORLD_H

#include <fly/base_bytes.h>
#include <fly/base_check.h>
#include <fly/base_hash.h>
#include <fly/base_testing.h>
#include <fly/wal.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIR "log"

enum { SMALL = 64 << 10, NOTES_MAX = 20000 };

/* Segments and ring as small as can be. */
static const fly_wal_options tiny = {.segment_size = SMALL, .ring_size = SMALL};

/* ------------------------------------------------------------------------------ the book */

/* A record that was appended. */
struct note {
    uint64_t lsn;
    uint64_t end;
    uint32_t id;
    uint32_t len;
    uint16_t flags;
    uint8_t manager;
    uint8_t type;
};

struct book {
    struct note notes[NOTES_MAX];
    size_t count;
    uint64_t durable; /* the log said that it is durable up to here */
    uint32_t next_id;
};

static inline void fill_payload(uint32_t id, uint8_t *payload, size_t len)
{
    uint8_t number[4];
    fly_put_u32(number, id);
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++) {
        if (i % 8 == 0) {
            word = fly_hash_u64(id * (uint64_t)0x9e3779b97f4a7c15u + i);
        }
        payload[i] = (uint8_t)(i < 4 ? number[i] : word >> (i % 8 * 8));
    }
}

/* Whether a payload is that of record `id`. */
static inline bool is_payload(uint32_t id, fly_bytes payload)
{
    static _Thread_local uint8_t wanted[1 << 20];
    FLY_ASSERT(payload.len <= sizeof wanted);
    fill_payload(id, wanted, payload.len);
    return payload.len == 0 || memcmp(wanted, payload.data, payload.len) == 0;
}

/* Append a record that the book then has, in two pieces. */
static inline fly_status book_append(struct book *book, fly_wal *wal, size_t len, uint16_t flags,
                                     fly_err *err)
{
    static _Thread_local uint8_t payload[1 << 20];
    FLY_ASSERT(book->count < NOTES_MAX);
    struct note note = {.id = book->next_id, .len = (uint32_t)len};
    note.manager = (uint8_t)(1 + note.id % 7);
    note.type = (uint8_t)(note.id % 251);
    note.flags = (uint16_t)((note.id * 5 & FLY_WAL_USER_FLAGS) | flags);
    fill_payload(note.id, payload, len);
    fly_bytes pieces[2] = {fly_bytes_of(payload, len / 3),
                           fly_bytes_of(payload + len / 3, len - len / 3)};
    fly_status status = fly_wal_append(wal, note.manager, note.type, note.flags, pieces, 2,
                                       &note.lsn, &note.end, err);
    if (status == FLY_OK) {
        note.flags &= FLY_WAL_USER_FLAGS;
        book->notes[book->count++] = note;
        book->next_id++;
    }
    return status;
}

/* Make the log durable; the book remembers that it is. */
static inline fly_status book_flush(struct book *book, fly_wal *wal, uint64_t lsn, fly_err *err)
{
    fly_status status = fly_wal_flush(wal, lsn, FLY_DURABILITY_FULL, err);
    if (status == FLY_OK && lsn > book->durable) {
        book->durable = lsn;
    }
    return status;
}

/* What is wrong with a record that should be this note; NULL if nothing is. */
static inline const char *compare(const struct note *note, const fly_wal_record *record)
{
    static _Thread_local char text[160];
    const char *what = record->lsn != note->lsn                 ? "begins elsewhere"
                       : record->end != note->end               ? "ends elsewhere"
                       : record->manager != note->manager       ? "has another manager"
                       : record->type != note->type             ? "has another type"
                       : record->flags != note->flags           ? "has other flags"
                       : record->payload.len != note->len       ? "has another length"
                       : !is_payload(note->id, record->payload) ? "has another payload"
                                                                : NULL;
    if (what == NULL) {
        return NULL;
    }
    (void)snprintf(text, sizeof text, "record %" PRIu64 " %s; expected %" PRIu64 " to %" PRIu64,
                   record->lsn, what, note->lsn, note->end);
    return text;
}

/* A replay that is compared with the book from note `at` on. */
struct replayed {
    const struct book *book;
    size_t at;
    size_t end_at; /* say FLY_E_END at this note; 0: never */
};

static inline fly_status compare_replay(void *ctx, const fly_wal_record *record, fly_err *err)
{
    struct replayed *replayed = ctx;
    (void)err;
    if (replayed->at >= replayed->book->count) {
        ck_abort_msg("record %" PRIu64 " was never appended", record->lsn);
    }
    const char *wrong = compare(&replayed->book->notes[replayed->at], record);
    if (wrong != NULL) {
        ck_abort_msg("%s", wrong);
    }
    if (replayed->end_at != 0 && replayed->at == replayed->end_at) {
        return FLY_E_END;
    }
    replayed->at++;
    return FLY_OK;
}

/* How many notes of the book are durable for certain. */
static inline size_t durable_notes(const struct book *book)
{
    size_t count = book->count;
    while (count > 0 && book->notes[count - 1].end > book->durable) {
        count--;
    }
    return count;
}

/*
 * Open the log and replay all of it, from note `first` of the book on: what was durable must be
 * there, and of the rest a first part may be. What is not there is struck from the book.
 */
static inline fly_status book_open(struct book *book, fly_env *env, const fly_wal_options *options,
                                   size_t first, fly_wal **wal, fly_err *err)
{
    struct replayed replayed = {.book = book, .at = first};
    fly_wal_options with = *options;
    with.replay = compare_replay;
    with.replay_ctx = &replayed;
    fly_status status = fly_wal_open(env, DIR, &with, wal, err);
    if (status == FLY_OK) {
        if (replayed.at < durable_notes(book)) {
            ck_abort_msg("%zu durable records, but the log ends after %zu", durable_notes(book),
                         replayed.at);
        }
        book->count = replayed.at;
    }
    return status;
}

/* Read everything from `lsn` on, and compare with the book from note `first` on. Returns how many
 * notes there were; the last status is in `*status`. */
static inline size_t book_read(const struct book *book, fly_wal_reader *reader, size_t first,
                               fly_status *status, fly_err *err)
{
    fly_wal_record record;
    size_t at = first;
    while ((*status = fly_wal_reader_next(reader, &record, err)) == FLY_OK) {
        if (at >= book->count) {
            ck_abort_msg("record %" PRIu64 " was never appended", record.lsn);
        }
        const char *wrong = compare(&book->notes[at], &record);
        if (wrong != NULL) {
            ck_abort_msg("%s", wrong);
        }
        at++;
    }
    return at - first;
}

/* ------------------------------------------------------------------------ the world */

/* A world with an empty directory for a log. */
static inline void world_init(fly_sim_env *world, const fly_sim_env_options *options)
{
    fly_err err = {0};
    fly_sim_env_init(world, options);
    FLY_CHECK_OK(fly_vfs_make_dir(world->env.vfs, DIR, &err), err);
    FLY_CHECK_OK(fly_vfs_sync_dir(world->env.vfs, ".", &err), err);
}

static inline fly_wal_stats stats_of(const fly_wal *wal)
{
    fly_wal_stats stats;
    fly_wal_get_stats(wal, &stats);
    return stats;
}

/* The path of segment `number`. */
static inline const char *segment_name(uint64_t number)
{
    static _Thread_local char path[64];
    (void)snprintf(path, sizeof path, DIR "/%012" PRIu64 ".wal", number);
    return path;
}

static inline bool segment_exists(fly_sim_env *world, uint64_t number)
{
    return fly_vfs_exists(world->env.vfs, segment_name(number));
}

#endif
