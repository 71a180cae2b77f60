/*
 * Reading the log: forwards from any record, through segments and lives, to the end.
 *
 * The end of a log that was not closed is where the first record is missing or torn. That is
 * innocent if nothing behind it had been durable when the process died, and damage if something had.
 * Three things tell: a segment's header, every pad, and the note behind the last record of a write
 * carry the durable LSN of their time. So where reading stops, the rest of the segment and the
 * segments behind it, whether their headers are valid or not, are searched for one of these that says
 * more than this was durable.
 *
 *     … record │ record │ ✗ torn │ ? │ record │ pad: durable = D │ …
 *                       ^ here: the end if every D found is <= here, damage otherwise
 *
 * A life begins in a new segment, whose header says where the life before had ended: whatever lies
 * behind that point in the older segment is dead.
 */
#include <fly/wal.h>

#include <inttypes.h>
#include <string.h>

#include "wal_int.h"

enum { WINDOW = 256 << 10 };

struct fly_wal_reader {
    fly_env *env;
    fly_wal *wal; /* or NULL */
    const fly_wal_codec *codec;
    const fly_wal_compressor *compressor;
    char dir[FLY_PATH_MAX];
    uint64_t position;
    uint64_t told;     /* what was read says that the log had been durable up to here */
    fly_wal_hold hold; /* of a live log */

    uint8_t uuid[16]; /* of the log, once a segment has told */
    bool named;

    fly_file *file; /* of `segment`, or NULL */
    struct fly__wal_segment segment;
    uint64_t bound; /* the segment's valid bytes end here */
    bool bounded;   /* because a later life said so */

    uint8_t *window; /* bytes of the segment from window_from to window_to */
    uint64_t window_from;
    uint64_t window_to;

    uint8_t *record; /* a record that does not fit the window */
    size_t record_size;
    uint8_t *scratch; /* a payload that had to be decoded */
    size_t scratch_size;
};

/* ------------------------------------------------------------------------- the segment */

static uint64_t segment_start(const fly_wal_reader *reader)
{
    return reader->segment.number * reader->segment.size;
}

static void close_segment(fly_wal_reader *reader)
{
    fly_file_abandon(reader->file);
    reader->file = NULL;
    reader->window_from = 0;
    reader->window_to = 0;
}

/* Read the header of a segment, which must be one of this log. FLY_E_NOT_FOUND: see
 * fly__wal_segment_load(). */
static fly_status load_header(fly_wal_reader *reader, uint64_t number,
                              struct fly__wal_segment *segment, fly_err *err)
{
    fly_status status = fly__wal_segment_load(reader->env, reader->dir, number, segment, err);
    if (status != FLY_OK) {
        return status;
    }
    char name[FLY_WAL_NAME_MAX];
    fly_wal_segment_name(number, name);
    if (reader->named && memcmp(reader->uuid, segment->uuid, sizeof reader->uuid) != 0) {
        return fly_err_set(err, FLY_E_CORRUPT, "\"%s\" in \"%s\" is a segment of another log", name,
                           reader->dir);
    }
    if (reader->named && segment->size != reader->segment.size) {
        return fly_err_set(err, FLY_E_CORRUPT,
                           "\"%s\" in \"%s\" says that segments have %" PRIu32
                           " bytes, others %" PRIu32,
                           name, reader->dir, segment->size, reader->segment.size);
    }
    memcpy(reader->uuid, segment->uuid, sizeof reader->uuid);
    reader->named = true;
    return FLY_OK;
}

/* Learn whether the segment behind this one belongs to a later life, and so where this one ends.
 * While a live log's newest segment is read there is nothing to learn. */
static fly_status learn_bound(fly_wal_reader *reader, fly_err *err)
{
    struct fly__wal_segment next;
    uint64_t end = segment_start(reader) + reader->segment.size;
    reader->bound = end;
    reader->bounded = false;
    fly_status status = load_header(reader, reader->segment.number + 1, &next, err);
    if (status == FLY_E_NOT_FOUND) {
        return FLY_OK;
    }
    if (status == FLY_OK && next.previous_end < end) {
        reader->bound = next.previous_end;
        reader->bounded = true;
    }
    return status;
}

static fly_status open_file(fly_wal_reader *reader, uint64_t number, fly_err *err)
{
    char path[FLY_PATH_MAX];
    fly_status status = fly__wal_segment_path(path, reader->dir, number, err);
    if (status == FLY_OK) {
        status = fly_file_open(reader->env->vfs, path, FLY_OPEN_DIRECT, &reader->file, err);
    }
    return status;
}

static void hear(fly_wal_reader *reader, uint64_t durable)
{
    reader->told = durable > reader->told ? durable : reader->told;
}

static fly_status open_segment(fly_wal_reader *reader, uint64_t number, fly_err *err)
{
    close_segment(reader);
    struct fly__wal_segment segment;
    fly_status status = load_header(reader, number, &segment, err);
    if (status != FLY_OK) {
        return status;
    }
    if (segment.codec != 0 && (reader->codec == NULL || reader->codec->id != segment.codec)) {
        return fly_err_set(
            err, FLY_E_KEY, "segment %" PRIu64 " of the log in \"%s\" is encrypted, and %s", number,
            reader->dir, reader->codec == NULL ? "no key was given" : "by another method");
    }
    status = open_file(reader, number, err);
    if (status != FLY_OK) {
        return status;
    }
    reader->segment = segment;
    hear(reader, segment.durable);
    return learn_bound(reader, err);
}

/* ---------------------------------------------------------------------------- the bytes */

/* Have `len` bytes at `lsn` in the window, or as many as the file has; `*at` points to them. */
static fly_status look(fly_wal_reader *reader, uint64_t lsn, size_t len, const uint8_t **at,
                       size_t *got, fly_err *err)
{
    FLY_ASSERT(len <= WINDOW - FLY_WAL_BLOCK);
    if (lsn < reader->window_from || lsn + len > reader->window_to) {
        uint64_t from = fly__wal_block_down(lsn);
        uint64_t end = segment_start(reader) + reader->segment.size;
        size_t size = end - from < WINDOW ? (size_t)(end - from) : (size_t)WINDOW;
        size_t filled = 0;
        /* Of a live log no more than what is durable can be believed, and what is durable now may
         * grow in place: the window ends where it was durable before the read. */
        uint64_t durable = reader->wal != NULL ? fly_wal_durable(reader->wal) : UINT64_MAX;
        reader->window_to = reader->window_from = from;
        fly_status status = fly_file_read_some(reader->file, from - segment_start(reader),
                                               reader->window, size, &filled, err);
        if (status != FLY_OK) {
            return status;
        }
        reader->window_to = from + filled < durable ? from + filled : durable;
    }
    uint64_t left = reader->window_to > lsn ? reader->window_to - lsn : 0;
    *at = reader->window + (lsn - reader->window_from);
    *got = left < len ? (size_t)left : len;
    return FLY_OK;
}

/* Whether a header could be that of the record at `lsn`. */
static bool plausible(const fly_wal_reader *reader, const uint8_t *header, uint64_t lsn)
{
    uint32_t length = fly_get_u32(header + AT_LENGTH);
    uint64_t end = segment_start(reader) + reader->segment.size;
    return fly_get_u64(header + AT_LSN) == lsn && length >= FLY_WAL_HEADER && length <= end - lsn;
}

static bool checksum_holds(const uint8_t *record, uint32_t length)
{
    uint32_t crc = fly_crc32c(0, record, AT_CRC);
    crc = fly_crc32c(crc, record + AT_MANAGER, fly__wal_checked(record, length));
    return crc == fly_get_u32(record + AT_CRC);
}

/* Gather a record that is longer than the window. */
static fly_status gather(fly_wal_reader *reader, uint64_t lsn, uint32_t length,
                         const uint8_t **whole, bool *complete, fly_err *err)
{
    if (length > reader->record_size) {
        uint8_t *larger = fly_mem_alloc(reader->env->mem, length);
        if (larger == NULL) {
            return fly_err_set(err, FLY_E_NO_MEMORY,
                               "no memory for a log record of %" PRIu32 " bytes", length);
        }
        fly_mem_free(reader->env->mem, reader->record, reader->record_size);
        reader->record = larger;
        reader->record_size = length;
    }
    for (uint32_t done = 0; done < length;) {
        size_t piece = length - done < FLY_WAL_BLOCK ? length - done : (size_t)FLY_WAL_BLOCK;
        const uint8_t *at;
        size_t got;
        fly_status status = look(reader, lsn + done, piece, &at, &got, err);
        if (status != FLY_OK) {
            return status;
        }
        if (got < piece) {
            *complete = false;
            return FLY_OK;
        }
        memcpy(reader->record + done, at, piece);
        done += (uint32_t)piece;
    }
    *whole = reader->record;
    *complete = true;
    return FLY_OK;
}

/* The record at `lsn`, if there is a valid one: `*whole` is NULL if not. */
static fly_status fetch(fly_wal_reader *reader, uint64_t lsn, const uint8_t **whole,
                        uint32_t *length, fly_err *err)
{
    const uint8_t *at = NULL;
    size_t got = 0;
    *whole = NULL;
    fly_status status = look(reader, lsn, FLY_WAL_HEADER, &at, &got, err);
    if (status != FLY_OK || got < FLY_WAL_HEADER || !plausible(reader, at, lsn)) {
        return status;
    }
    *length = fly_get_u32(at + AT_LENGTH);
    size_t needed = AT_MANAGER + fly__wal_checked(at, *length);
    bool complete = false;
    if (needed <= WINDOW - FLY_WAL_BLOCK) {
        status = look(reader, lsn, needed, &at, &got, err);
        complete = got == needed;
    } else {
        status = gather(reader, lsn, *length, &at, &complete, err);
    }
    if (status == FLY_OK && complete && checksum_holds(at, *length)) {
        *whole = at;
    }
    return status;
}

/* A record of the log itself, which says how far the log was durable. */
static bool is_own(const uint8_t *record, uint8_t type)
{
    return record[AT_MANAGER] == FLY_WAL_SELF && record[AT_TYPE] == type;
}

/* --------------------------------------------------------------------------- where it ends */

static fly_status damaged(const fly_wal_reader *reader, uint64_t lsn, uint64_t durable,
                          fly_err *err)
{
    char name[FLY_WAL_NAME_MAX];
    fly_wal_segment_name(lsn / reader->segment.size, name);
    return fly_err_set(err, FLY_E_CORRUPT,
                       "the log in \"%s\" is damaged at %" PRIu64 " (\"%s\", byte %" PRIu64
                       "), and was durable up to %" PRIu64,
                       reader->dir, lsn, name, lsn % reader->segment.size, durable);
}

/* Look for pads and notes from `from` to the end of the open file that say more than `lsn` was
 * durable. */
static fly_status search_file(fly_wal_reader *reader, uint64_t from, uint64_t lsn, fly_err *err)
{
    uint64_t end = segment_start(reader) + reader->segment.size;
    for (uint64_t at = fly__wal_align(from); at + PAD_MIN <= end; at += RECORD_ALIGN) {
        const uint8_t *bytes;
        size_t got;
        fly_status status = look(reader, at, PAD_CHECKED, &bytes, &got, err);
        if (status != FLY_OK) {
            return status;
        }
        if (got < PAD_CHECKED) {
            break; /* the file ends */
        }
        if (fly_get_u64(bytes + AT_LSN) == at &&
            (is_own(bytes, FLY_WAL_TYPE_PAD) || is_own(bytes, FLY_WAL_TYPE_NOTE)) &&
            fly_get_u32(bytes + AT_LENGTH) >= PAD_CHECKED && plausible(reader, bytes, at) &&
            checksum_holds(bytes, fly_get_u32(bytes + AT_LENGTH))) {
            uint64_t durable = fly_get_u64(bytes + FLY_WAL_HEADER);
            if (durable > lsn) {
                return damaged(reader, lsn, durable, err);
            }
        }
    }
    return FLY_OK;
}

/* Look into a segment behind the position. Its header may be what is damaged, so that its records are
 * looked at either way. FLY_E_NOT_FOUND: there is no such file. */
static fly_status search_segment(fly_wal_reader *reader, uint64_t number, fly_err *err)
{
    uint64_t lsn = reader->position;
    struct fly__wal_segment header;
    close_segment(reader);
    fly_status status = load_header(reader, number, &header, err);
    if (status == FLY_OK && header.durable > lsn) {
        return damaged(reader, lsn, header.durable, err);
    }
    if (status != FLY_OK && status != FLY_E_NOT_FOUND) {
        return status;
    }
    reader->segment.number = number;
    status = open_file(reader, number, err);
    if (status != FLY_OK) {
        return status;
    }
    return search_file(reader, segment_start(reader) + FLY_WAL_BLOCK, lsn, err);
}

/* There is no valid record at the position, or no valid header before it: the end of the log, or
 * damage? Segments from `number` on have not been looked at. */
static fly_status judge_end(fly_wal_reader *reader, uint64_t number, fly_err *err)
{
    struct fly__wal_segment before = reader->segment;
    fly_status status = FLY_OK;
    if (reader->file != NULL) {
        status = search_file(reader, reader->position, reader->position, err);
    }
    while (status == FLY_OK) {
        status = search_segment(reader, number++, err);
    }
    close_segment(reader);
    reader->segment = before;
    return status == FLY_E_NOT_FOUND ? FLY_E_END : status;
}

/* ---------------------------------------------------------------------------- the calls */

/* The position is in a segment that has no valid header, or no file. */
static fly_status no_segment(fly_wal_reader *reader, uint64_t number, fly_err *err)
{
    if (reader->wal == NULL) {
        return judge_end(reader, number, err);
    }
    return damaged(reader, reader->position, fly_wal_durable(reader->wal), err);
}

/* A live log is read up to where it is durable. */
static bool at_live_end(const fly_wal_reader *reader)
{
    return reader->wal != NULL && reader->position >= fly_wal_durable(reader->wal);
}

/* Step to where the next record could begin: into another segment, or a later life's. Returns
 * FLY_E_END where nothing has begun yet. A live log's segment is opened only once it was durable
 * beyond its start: whether it is missing or not there yet could not be told afterwards. */
static fly_status settle(fly_wal_reader *reader, fly_err *err)
{
    for (;;) {
        if (at_live_end(reader)) {
            return FLY_E_END;
        }
        uint64_t position = reader->position;
        uint64_t number = position / reader->segment.size;
        if (reader->file == NULL || reader->segment.number != number) {
            fly_status status = open_segment(reader, number, err);
            if (status == FLY_E_NOT_FOUND) {
                return no_segment(reader, number, err);
            }
            if (status != FLY_OK) {
                return status;
            }
        }
        uint64_t end = segment_start(reader) + reader->segment.size;
        if (position == segment_start(reader)) {
            reader->position = position + FLY_WAL_BLOCK;
        } else if ((reader->bounded && position >= reader->bound) || end - position < PAD_MIN) {
            reader->position = end;
        } else {
            return FLY_OK;
        }
    }
}

fly_status fly_wal_reader_next(fly_wal_reader *reader, fly_wal_record *record, fly_err *err)
{
    for (;;) {
        fly_status status = settle(reader, err);
        if (status != FLY_OK) {
            return status;
        }
        const uint8_t *whole = NULL;
        uint32_t length = 0;
        uint64_t lsn = reader->position;
        status = fetch(reader, lsn, &whole, &length, err);
        if (status != FLY_OK) {
            return status;
        }
        bool note = whole != NULL && is_own(whole, FLY_WAL_TYPE_NOTE) && length >= PAD_CHECKED;
        bool pad = whole != NULL && is_own(whole, FLY_WAL_TYPE_PAD) && length >= PAD_CHECKED;
        if (note || pad) {
            hear(reader, fly_get_u64(whole + FLY_WAL_HEADER));
        }
        if (whole == NULL || is_own(whole, FLY_WAL_TYPE_NOTE)) {
            if (reader->bounded || reader->wal != NULL) {
                return damaged(reader, lsn,
                               reader->bounded ? reader->bound : fly_wal_durable(reader->wal), err);
            }
            return judge_end(reader, reader->segment.number + 1, err);
        }
        reader->position = lsn + fly__wal_align(length);
        if (reader->wal != NULL) {
            fly_wal_hold_move(reader->wal, &reader->hold, lsn);
        }
        if (is_own(whole, FLY_WAL_TYPE_PAD)) {
            continue;
        }
        if (reader->segment.codec != 0 && (fly_get_u16(whole + AT_FLAGS) & FLAG_ENCRYPTED) == 0) {
            return fly_err_set(err, FLY_E_CORRUPT,
                               "log record %" PRIu64 " in \"%s\" is not encrypted, and should be",
                               lsn, reader->dir);
        }
        if ((fly_get_u16(whole + AT_FLAGS) & ~STORED_FLAGS) != 0) {
            return fly_err_set(err, FLY_E_FORMAT,
                               "log record %" PRIu64 " in \"%s\" has flags 0x%04x, which this "
                               "program does not know",
                               lsn, reader->dir, fly_get_u16(whole + AT_FLAGS));
        }
        *record = (fly_wal_record){
            .lsn = lsn,
            .end = reader->position,
            .manager = whole[AT_MANAGER],
            .type = whole[AT_TYPE],
            .flags = fly_get_u16(whole + AT_FLAGS) & FLY_WAL_USER_FLAGS,
        };
        return fly__wal_decode(reader->env, reader->codec, reader->compressor, &reader->segment,
                               whole, lsn,
                               fly_bytes_of(whole + FLY_WAL_HEADER, length - FLY_WAL_HEADER),
                               &reader->scratch, &reader->scratch_size, &record->payload, err);
    }
}

uint64_t fly__wal_reader_told(const fly_wal_reader *reader)
{
    return reader->told;
}

uint64_t fly_wal_reader_position(const fly_wal_reader *reader)
{
    return reader->position;
}

fly_status fly_wal_reader_seek(fly_wal_reader *reader, uint64_t lsn, fly_err *err)
{
    uint64_t number = lsn / reader->segment.size;
    if (reader->file == NULL || reader->segment.number != number) {
        fly_status status = open_segment(reader, number, err);
        if (status != FLY_OK) {
            if (status == FLY_E_NOT_FOUND) {
                return fly_err_set(err, status,
                                   "log record %" PRIu64 " is not in the log in \"%s\"", lsn,
                                   reader->dir);
            }
            return status;
        }
    }
    reader->position = lsn;
    return FLY_OK;
}

/* The segment to begin with, which tells how large segments are. */
static fly_status begin(fly_wal_reader *reader, uint64_t lsn, fly_err *err)
{
    uint64_t first = 0;
    uint64_t last = 0;
    fly_status status = FLY_OK;
    if (reader->wal != NULL) { /* older segments may go away while we look */
        first = reader->hold.lsn / reader->wal->segment_size;
    } else {
        status = fly__wal_segment_range(reader->env, reader->dir, &first, &last, err);
    }
    if (status == FLY_E_NOT_FOUND) {
        return fly_err_set(err, status, "there is no log in \"%s\"", reader->dir);
    }
    if (status == FLY_OK) {
        status = open_segment(reader, first, err);
    }
    if (status == FLY_E_NOT_FOUND) {
        return fly_err_set(err, FLY_E_CORRUPT,
                           "the oldest segment of the log in \"%s\" has no valid header",
                           reader->dir);
    }
    if (status != FLY_OK) {
        return status;
    }
    uint64_t start = segment_start(reader);
    if (lsn != 0 && lsn < start) {
        return fly_err_set(err, FLY_E_NOT_FOUND,
                           "log record %" PRIu64 " is gone; the oldest kept is %" PRIu64, lsn,
                           start + FLY_WAL_BLOCK);
    }
    reader->position = start;
    return lsn != 0 ? fly_wal_reader_seek(reader, lsn, err) : FLY_OK;
}

fly_status fly_wal_reader_open(fly_env *env, const char *dir, fly_wal *wal,
                               const fly_wal_codec *codec, const fly_wal_compressor *compressor,
                               uint64_t lsn, fly_wal_reader **reader, fly_err *err)
{
    if (strlen(dir) >= FLY_PATH_MAX) {
        return fly_err_set(err, FLY_E_TOO_LARGE, "path \"%.64s…\" is too long", dir);
    }
    fly_wal_reader *opened = fly_mem_calloc(env->mem, 1, sizeof *opened);
    if (opened == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to read the log in \"%s\"", dir);
    }
    opened->env = env;
    memcpy(opened->dir, dir, strlen(dir) + 1);
    opened->codec = wal != NULL ? wal->codec : codec;
    opened->compressor = wal != NULL ? wal->compressor : compressor;
    opened->window = fly_mem_alloc_aligned(env->mem, WINDOW, FLY_DIRECT_ALIGN);
    fly_status status = FLY_OK;
    if (opened->window == NULL) {
        status = fly_err_set(err, FLY_E_NO_MEMORY, "no memory to read the log in \"%s\"", dir);
    }
    if (status == FLY_OK && wal != NULL) {
        do { /* what is oldest may go before it is held */
            uint64_t from = lsn != 0 ? lsn : fly_wal_first(wal);
            status = fly_wal_hold_acquire(wal, &opened->hold, from, err);
        } while (lsn == 0 && status == FLY_E_NOT_FOUND);
        opened->wal = status == FLY_OK ? wal : NULL;
    }
    if (status == FLY_OK) {
        status = begin(opened, lsn, err);
    }
    if (status != FLY_OK) {
        fly_wal_reader_close(opened);
        return status;
    }
    *reader = opened;
    return FLY_OK;
}

void fly_wal_reader_close(fly_wal_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->wal != NULL) {
        fly_wal_hold_release(reader->wal, &reader->hold);
    }
    close_segment(reader);
    fly_mem *mem = reader->env->mem;
    fly_mem_free(mem, reader->window, WINDOW);
    fly_mem_free(mem, reader->record, reader->record_size);
    fly_mem_free(mem, reader->scratch, reader->scratch_size);
    fly_mem_free(mem, reader, sizeof *reader);
}

fly_status fly_wal_wait(fly_wal *wal, uint64_t lsn, uint64_t deadline, fly_err *err)
{
    (void)fly_add_u32(&wal->followers, 1);
    fly_status status = FLY_OK;
    for (;;) {
        uint32_t sequence = fly_load_seq_u32(&wal->durable_sequence);
        if (fly_wal_durable(wal) > lsn) {
            break;
        }
        if (fly_load_u32(&wal->failed) != 0) {
            status = fly__wal_stopped(wal, err);
            break;
        }
        if (!fly_park(&wal->durable_sequence, sequence, deadline, "the log to grow")) {
            status = FLY_E_TIMEOUT;
            break;
        }
    }
    (void)fly_sub_u32(&wal->followers, 1);
    return status;
}
