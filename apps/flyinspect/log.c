/*
 * Walking over the log.
 *
 * First the segments: which files there are, and which of them have begun. One that has not begun was
 * prepared for later: it is zero, or has the header of the segment that it was before. Then the
 * records, by libwal's reader. Where that stops although a later segment has begun, something is
 * damaged. Where it stops although whole records follow in the same segment, either something is
 * damaged, or power was lost while several writes were under way and the later one had come first: the
 * log does not tell which, and recovery takes it for the end. We tell.
 */
#include "log.h"

#include <fly/base_bytes.h>
#include <fly/base_hash.h>

#include <inttypes.h>
#include <string.h>

/* docs/formats/wal.md: a segment's first block; a record's header */
enum { AT_SIZE = 12, AT_NUMBER = 32, AT_CRC = FLY_WAL_BLOCK - 4, RECORD_AT_LSN = 12, ALIGN = 8 };

static const char magic[] = "FlyDBwal";

/* What a segment's first block is. */
typedef enum header_state { HEADER_NONE, HEADER_WHOLE, HEADER_DAMAGED } header_state;

typedef struct walk {
    fly_env *env;
    const char *dir;
    inspect_log_range *range;
    uint64_t first; /* segments */
    uint64_t last;
    uint64_t begun; /* the newest whose header is whole; UINT64_MAX: none */
    uint32_t segment_size;
    uint8_t *block;
} walk;

static void tell(walk *w, const fly_err *why)
{
    if (w->range->each != NULL) {
        w->range->each(w->range->ctx, why);
    }
}

/* ---------------------------------------------------------------------- the segments */

static void see_name(void *ctx, const char *name)
{
    walk *w = ctx;
    uint64_t number;
    if (!fly_wal_segment_number(name, &number)) {
        return;
    }
    w->first = w->range->segments == 0 || number < w->first ? number : w->first;
    w->last = w->range->segments == 0 || number > w->last ? number : w->last;
    w->range->segments++;
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

static header_state read_header(walk *w, uint64_t number)
{
    char name[FLY_WAL_NAME_MAX];
    char path[FLY_PATH_MAX];
    fly_file *file = NULL;
    size_t got = 0;
    fly_wal_segment_name(number, name);
    if (fly_path_join(path, sizeof path, w->dir, name, NULL) != FLY_OK ||
        fly_file_open(w->env->vfs, path, 0, &file, NULL) != FLY_OK) {
        return HEADER_DAMAGED;
    }
    fly_status status = fly_file_read_some(file, 0, w->block, FLY_WAL_BLOCK, &got, NULL);
    fly_file_abandon(file);
    if (status != FLY_OK) {
        return HEADER_DAMAGED;
    }
    if (got < FLY_WAL_BLOCK || is_zero(w->block, FLY_WAL_BLOCK)) {
        return HEADER_NONE;
    }
    if (memcmp(w->block, magic, sizeof magic - 1) != 0 ||
        fly_get_u32(w->block + AT_CRC) != fly_crc32c(0, w->block, AT_CRC)) {
        return HEADER_DAMAGED;
    }
    w->segment_size = fly_get_u32(w->block + AT_SIZE);
    return fly_get_u64(w->block + AT_NUMBER) == number ? HEADER_WHOLE : HEADER_NONE;
}

/* Look at all headers. A damaged one behind the newest that is whole may be a torn write: whether
 * somebody misses that segment, recovery says. */
static void see_segments(walk *w)
{
    char name[FLY_WAL_NAME_MAX];
    fly_err why = {0};
    if (w->last - w->first + 1 != w->range->segments) {
        (void)fly_err_set(&why, FLY_E_CORRUPT,
                          "%" PRIu64 " segments from %" PRIu64 " to %" PRIu64 ": some are missing",
                          w->range->segments, w->first, w->last);
        tell(w, &why);
    }
    w->begun = UINT64_MAX;
    for (uint64_t i = 0; i < w->range->segments && w->begun == UINT64_MAX; i++) {
        if (read_header(w, w->last - i) == HEADER_WHOLE) {
            w->begun = w->last - i;
        }
    }
    for (uint64_t number = w->first; w->begun != UINT64_MAX && number < w->begun; number++) {
        if (read_header(w, number) != HEADER_WHOLE) {
            fly_wal_segment_name(number, name);
            (void)fly_err_set(&why, FLY_E_CORRUPT,
                              "segment %s, offset 0: the header is missing or damaged", name);
            tell(w, &why);
        }
    }
}

/* ----------------------------------------------------------------------- the records */

/* Read on from where the reader is; `*stop` if the caller has seen enough. */
static fly_status read_records(walk *w, fly_wal_reader *reader, bool *stop, fly_err *err)
{
    inspect_log_range *range = w->range;
    for (;;) {
        fly_wal_record record;
        fly_status status = fly_wal_reader_next(reader, &record, err);
        if (status != FLY_OK) {
            return status;
        }
        if (range->segment != 0 && record.lsn / w->segment_size >= range->segment) {
            *stop = true;
            return FLY_E_END;
        }
        range->records++;
        range->end = record.end;
        if (range->record != NULL && !range->record(range->ctx, &record)) {
            *stop = true;
            return FLY_E_END;
        }
    }
}

/* Whether a whole record begins at `lsn`. */
static bool is_record(walk *w, uint64_t lsn)
{
    fly_wal_reader *reader = NULL;
    fly_wal_record record;
    bool whole = fly_wal_reader_open(w->env, w->dir, NULL, NULL, NULL, lsn, &reader, NULL) ==
                     FLY_OK &&
                 fly_wal_reader_next(reader, &record, NULL) == FLY_OK && record.lsn == lsn;
    fly_wal_reader_close(reader);
    return whole;
}

/* The first place behind `lsn`, in its segment, where a whole record begins; 0: none. */
static uint64_t record_behind(walk *w, uint64_t lsn)
{
    char name[FLY_WAL_NAME_MAX];
    char path[FLY_PATH_MAX];
    fly_file *file = NULL;
    uint64_t start = lsn / w->segment_size * w->segment_size;
    uint64_t found = 0;
    fly_wal_segment_name(lsn / w->segment_size, name);
    if (fly_path_join(path, sizeof path, w->dir, name, NULL) != FLY_OK ||
        fly_file_open(w->env->vfs, path, 0, &file, NULL) != FLY_OK) {
        return 0;
    }
    /* Blocks overlap by a header, so that none is cut. */
    size_t step = FLY_WAL_BLOCK - FLY_WAL_HEADER / ALIGN * ALIGN - ALIGN;
    for (uint64_t at = lsn + ALIGN; at < start + w->segment_size && found == 0; at += step) {
        size_t got = 0;
        if (fly_file_read_some(file, at - start, w->block, FLY_WAL_BLOCK, &got, NULL) != FLY_OK) {
            break;
        }
        for (size_t i = 0; i < step && i + FLY_WAL_HEADER <= got && found == 0; i += ALIGN) {
            if (fly_get_u64(w->block + i + RECORD_AT_LSN) == at + i && is_record(w, at + i)) {
                found = at + i;
            }
        }
    }
    fly_file_abandon(file);
    return found;
}

static void doubt_end(walk *w, uint64_t lsn)
{
    uint64_t behind = record_behind(w, lsn);
    if (behind != 0) {
        fly_err why = {0};
        char name[FLY_WAL_NAME_MAX];
        fly_wal_segment_name(lsn / w->segment_size, name);
        (void)fly_err_set(&why, FLY_E_CORRUPT,
                          "the log ends at LSN %" PRIu64 " (\"%s\", byte %" PRIu64
                          "), but a whole record follows at byte %" PRIu64
                          ": it is damaged there, or was never durable",
                          lsn, name, lsn % w->segment_size, behind % w->segment_size);
        tell(w, &why);
    }
}

/* Where to go on behind damage at `lsn`: the next record that is whole, in this segment or at the
 * beginning of the next; 0: the log ends. */
static uint64_t go_on(walk *w, uint64_t lsn)
{
    uint64_t behind = record_behind(w, lsn);
    uint64_t next = lsn / w->segment_size + 1;
    if (behind != 0) {
        return behind;
    }
    if (w->begun == UINT64_MAX || next > w->begun) {
        return 0;
    }
    return next * w->segment_size + FLY_WAL_BLOCK;
}

/* Read from `lsn` on, past what is damaged. */
static fly_status read_all(walk *w, uint64_t lsn, fly_err *err)
{
    bool stop = false;
    while (!stop && lsn != 0) {
        fly_wal_reader *reader = NULL;
        fly_err why = {0};
        fly_status status =
            fly_wal_reader_open(w->env, w->dir, NULL, NULL, NULL, lsn, &reader, &why);
        uint64_t at = lsn;
        stop = status != FLY_OK; /* then there is nothing to begin with */
        if (status == FLY_OK) {
            status = read_records(w, reader, &stop, &why);
            at = fly_wal_reader_position(reader);
        }
        fly_wal_reader_close(reader);
        if (status == FLY_E_NO_MEMORY || status == FLY_E_KEY || status == FLY_E_IO) {
            if (err != NULL) {
                *err = why;
            }
            return status;
        }
        bool last = w->begun == UINT64_MAX || at / w->segment_size >= w->begun;
        if (status != FLY_E_END && status != FLY_E_NOT_FOUND) {
            w->range->hole = w->range->hole == 0 ? at : w->range->hole;
            tell(w, &why);
        } else if (last) {
            if (!stop) {
                doubt_end(w, at);
            }
            return FLY_OK;
        }
        lsn = go_on(w, at);
        stop = stop || (w->range->segment != 0 && lsn / w->segment_size >= w->range->segment);
    }
    return FLY_OK;
}

/* The first record at or behind the one that is wanted. */
static fly_status find_first(walk *w, uint64_t *lsn, fly_err *err)
{
    uint64_t found = (*lsn + ALIGN - 1) / ALIGN * ALIGN;
    if (!is_record(w, found)) {
        found = record_behind(w, found);
    }
    if (found == 0) {
        return fly_err_set(err, FLY_E_NOT_FOUND,
                           "there is no log record at or behind %" PRIu64 " in its segment", *lsn);
    }
    *lsn = found;
    return FLY_OK;
}

fly_status inspect_log_walk(fly_env *env, const char *dir, inspect_log_range *range, fly_err *err)
{
    walk w = {.env = env, .dir = dir, .range = range};
    w.block = fly_mem_alloc_aligned(env->mem, FLY_WAL_BLOCK, FLY_DIRECT_ALIGN);
    if (w.block == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to read the log in \"%s\"", dir);
    }
    fly_err why = {0};
    fly_status status = fly_vfs_list(env->vfs, dir, see_name, &w, &why);
    if (status != FLY_OK || range->segments == 0) {
        fly_err none = {0};
        (void)fly_err_set(&none, FLY_E_CORRUPT, "there is no log in \"%s\"", dir);
        tell(&w, status != FLY_OK ? &why : &none);
        status = FLY_OK;
    } else {
        see_segments(&w);
        if (w.begun != UINT64_MAX) {
            (void)read_header(&w, w.begun); /* for the size of segments */
            uint64_t lsn = range->from;
            if (lsn == 0 && range->segment != 0) {
                lsn = (range->segment - 1) * w.segment_size + FLY_WAL_BLOCK;
            } else if (lsn == 0) {
                lsn = w.first * w.segment_size + FLY_WAL_BLOCK;
            }
            status = range->from != 0 ? find_first(&w, &lsn, err) : FLY_OK;
            if (status == FLY_OK) {
                status = read_all(&w, lsn, err);
            }
        }
    }
    fly_mem_free(env->mem, w.block, FLY_WAL_BLOCK);
    return status;
}
