/*
 * Opening: find the end, replay, begin a new life. And the background thread, which keeps disk space
 * ahead of the log, keeps the promise of FLY_DURABILITY_ASYNC, and lets old segments go.
 */
#include <fly/wal.h>

#include <inttypes.h>
#include <string.h>

#include "wal_int.h"

enum {
    SEGMENT_MIN = 64 << 10,
    SEGMENT_MAX = 1 << 30,
    RING_MIN = 64 << 10,
    ASYNC_MS_DEFAULT = 10,
    PIECE = 256 << 10,     /* read at once */
    LOOK_AHEAD_SHARE = 64, /* of a segment: disk space that is kept ahead of the log */
    MS = 1000000
};

static const fly_trace_type events[] = {
    {FLY_WAL_EVENT_APPENDED, "record appended", {"lsn", "bytes", "manager", "type"}},
    {FLY_WAL_EVENT_SYNCED, "log synced", {"from", "to", "ns", NULL}},
    {FLY_WAL_EVENT_SEGMENT, "segment begun", {"segment", "recycled", NULL, NULL}},
    {FLY_WAL_EVENT_RETIRED, "segment retired", {"segment", NULL, NULL, NULL}},
    {FLY_WAL_EVENT_STOPPED, "log stopped", {"durable", NULL, NULL, NULL}},
};

/* ------------------------------------------------------------------- background thread */

void fly__wal_call_background(fly_wal *wal)
{
    (void)fly_add_u32(&wal->alarm, 1);
    fly_unpark(&wal->alarm, 1);
}

/* One round of the background's duties; true if there may be more to do at once. `*due` is when what
 * was promised must be flushed, 0 if nothing is. */
static bool do_duties(fly_wal *wal, uint64_t *due)
{
    fly_err err = {0};
    uint64_t next = fly_wal_next(wal);
    uint64_t durable = fly_wal_durable(wal);
    uint64_t ahead = next + wal->segment_size / LOOK_AHEAD_SHARE;
    if (fly_load_u64(&wal->room) < ahead && fly__wal_make_room(wal, ahead, &err) == FLY_OK) {
        return true; /* a failure is told to those who need the room */
    }
    if (next - durable > wal->ring_size / 8) {
        return fly__wal_flush_to(wal, durable + 1, &err) == FLY_OK;
    }
    uint64_t owed = fly_load_u64(&wal->async_to);
    if (owed <= durable) {
        *due = 0;
    } else if (*due == 0) {
        *due = fly_now() + wal->async_ns;
    } else if (fly_now() >= *due) {
        *due = 0;
        return fly__wal_flush_to(wal, owed, &err) == FLY_OK;
    }
    fly__wal_reap(wal);
    return false;
}

static void keep_up(void *arg)
{
    fly_wal *wal = arg;
    uint64_t due = 0;
    for (;;) {
        /* Before anything is looked at: who calls meanwhile has changed what we look at first, and must
         * not be slept through. */
        uint32_t seen = fly_load_u32(&wal->alarm);
        FLY_POINT("log background", wal);
        if (fly_load_u32(&wal->stop) != 0) {
            break;
        }
        bool stopped = fly_load_u32(&wal->failed) != 0;
        if (!stopped && do_duties(wal, &due)) {
            continue;
        }
        uint64_t until = !stopped && due != 0 ? due : FLY_FOREVER;
        (void)fly_park(&wal->alarm, seen, until, "work for the log");
    }
}

fly_status fly_wal_flush(fly_wal *wal, uint64_t lsn, fly_durability level, fly_err *err)
{
    if (level == FLY_DURABILITY_DEFAULT || level == FLY_DURABILITY_FULL) {
        return fly__wal_flush_to(wal, lsn, err);
    }
    if (fly_load_u32(&wal->failed) != 0) {
        return fly__wal_stopped(wal, err);
    }
    if (level == FLY_DURABILITY_ASYNC) {
        uint64_t next = fly_wal_next(wal); /* nothing is promised behind the last record */
        lsn = lsn < next ? lsn : next;
        uint64_t before = fly_load_u64(&wal->async_to);
        /* One call for each interval: the background thread sleeps for ever only when nothing is
         * owed. */
        if (fly_raise_u64(&wal->async_to, lsn) && before <= fly_wal_durable(wal)) {
            fly__wal_call_background(wal);
        }
    }
    return FLY_OK;
}

/* ------------------------------------------------------------------------------- opening */

bool fly__wal_valid_segment_size(uint32_t size)
{
    return size >= SEGMENT_MIN && size <= SEGMENT_MAX && (size & (size - 1)) == 0;
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

/* What is on disk. */
struct found {
    bool any;       /* file */
    uint64_t first; /* of the files */
    uint64_t last;
    bool is_log;     /* one of them has a header: a log lived here */
    uint64_t newest; /* of those with a header */
};

static fly_status find_segments(fly_wal *wal, struct found *found, fly_err *err)
{
    *found = (struct found){0};
    fly_status status =
        fly__wal_segment_range(wal->env, wal->dir, &found->first, &found->last, err);
    if (status == FLY_E_NOT_FOUND) {
        return FLY_OK;
    }
    if (status != FLY_OK) {
        return status;
    }
    found->any = true;
    /* Segments are prepared ahead: the newest may not have begun. */
    for (uint64_t number = found->last + 1; number > found->first; number--) {
        struct fly__wal_segment segment;
        status = fly__wal_segment_load(wal->env, wal->dir, number - 1, &segment, err);
        if (status == FLY_E_NOT_FOUND) {
            continue;
        }
        if (status != FLY_OK) {
            return status;
        }
        if (!is_zero(wal->uuid, sizeof wal->uuid) &&
            memcmp(wal->uuid, segment.uuid, sizeof wal->uuid) != 0) {
            return fly_err_set(err, FLY_E_FORMAT, "the log in \"%s\" belongs to another store",
                               wal->dir);
        }
        memcpy(wal->uuid, segment.uuid, sizeof wal->uuid);
        wal->segment_size = segment.size;
        found->is_log = true;
        found->newest = number - 1;
        return FLY_OK;
    }
    return FLY_OK;
}

/* No segment has a valid header. That is innocent in one case: the first life of a log was about to
 * begin, so that its first segment holds nothing but zeros and a part of a header. */
static fly_status check_unbegun(fly_wal *wal, const struct found *found, fly_err *err)
{
    char path[FLY_PATH_MAX];
    fly_status status = fly__wal_segment_path(path, wal->dir, found->first, err);
    uint8_t *block = fly_mem_alloc_aligned(wal->env->mem, FLY_WAL_BLOCK, FLY_DIRECT_ALIGN);
    if (status == FLY_OK && block == NULL) {
        status = fly_err_set(err, FLY_E_NO_MEMORY, "no memory to read \"%s\"", path);
    }
    fly_file *file = NULL;
    if (status == FLY_OK) {
        status = fly_file_open(wal->env->vfs, path, FLY_OPEN_DIRECT, &file, err);
    }
    bool begun = found->last > 0;
    size_t got = FLY_WAL_BLOCK;
    for (uint64_t at = FLY_WAL_BLOCK; status == FLY_OK && got == FLY_WAL_BLOCK; at += got) {
        status = fly_file_read_some(file, at, block, FLY_WAL_BLOCK, &got, err);
        begun = begun || (status == FLY_OK && !is_zero(block, got));
    }
    if (status == FLY_OK && begun) {
        status = fly_err_set(err, FLY_E_CORRUPT, "\"%s\" has no valid header", path);
    }
    fly_file_abandon(file);
    fly_mem_free(wal->env->mem, block, FLY_WAL_BLOCK);
    return status;
}

/* Write [*at, to) of a segment again, as it is read; what the file lacks is left alone. */
static fly_status write_again(fly_file *file, uint64_t start, uint64_t *at, uint64_t to,
                              uint8_t *piece, fly_err *err)
{
    fly_status status = FLY_OK;
    size_t got = 0;
    for (; status == FLY_OK && *at < to; *at += got) {
        size_t len = to - *at < PIECE ? (size_t)(to - *at) : (size_t)PIECE;
        status = fly_file_read_some(file, *at - start, piece, len, &got, err);
        if (status != FLY_OK || got == 0) {
            break;
        }
        memset(piece + got, 0, len - got);
        got = (size_t)fly__wal_block_up(got);
        status = fly_file_write(file, *at - start, piece, got, FLY_WRITE_DURABLE, err);
    }
    *at = to;
    return status;
}

/*
 * A new life builds on what was read, but what was read may have been in the system's cache only: its
 * write was under way when the process died, or it failed, and the system will not try again. So what
 * nobody is known to have made durable, from `told` to the end, is written again. The header of a
 * segment belongs to its first records. Segments before `first` are durable, or gone.
 */
static fly_status secure(fly_wal *wal, uint64_t first, uint64_t told, uint64_t end, fly_err *err)
{
    uint64_t segment_mask = (uint64_t)wal->segment_size - 1;
    uint64_t at = fly__wal_block_down(told < end ? told : end - 1);
    at = (at & segment_mask) <= FLY_WAL_BLOCK ? at & ~segment_mask : at;
    at = at < first ? first : at;
    uint8_t *piece = fly_mem_alloc_aligned(wal->env->mem, PIECE, FLY_DIRECT_ALIGN);
    if (piece == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to open the log in \"%s\"", wal->dir);
    }
    fly_status status = FLY_OK;
    while (status == FLY_OK && at < end) {
        uint64_t start = at & ~segment_mask;
        uint64_t segment_end = start + wal->segment_size;
        uint64_t to = fly__wal_block_up(end) < segment_end ? fly__wal_block_up(end) : segment_end;
        char path[FLY_PATH_MAX];
        fly_file *file = NULL;
        unsigned direct = wal->buffered ? 0u : (unsigned)FLY_OPEN_DIRECT;
        status = fly__wal_segment_path(path, wal->dir, start / wal->segment_size, err);
        if (status == FLY_OK) {
            status = fly_file_open(wal->env->vfs, path, FLY_OPEN_WRITE | direct, &file, err);
        }
        if (status == FLY_OK) {
            status = write_again(file, start, &at, to, piece, err);
        }
        fly_file_abandon(file);
    }
    fly_mem_free(wal->env->mem, piece, PIECE);
    return status;
}

/* Find the end, and make what is before it durable. Nothing is handed out yet: a page that was changed
 * by a replay may be written at once. */
static fly_status secure_end(fly_wal *wal, const struct found *found, uint64_t replay_from,
                             fly_err *err)
{
    /* What is not known to be durable lay in a ring, which is no longer than a segment. */
    uint64_t from = found->newest > found->first ? (found->newest - 1) * wal->segment_size : 0;
    from = replay_from > from ? replay_from : from;
    fly_wal_reader *reader = NULL;
    fly_status status = fly_wal_reader_open(wal->env, wal->dir, NULL, wal->codec, wal->compressor,
                                            from, &reader, err);
    if (status == FLY_E_NOT_FOUND) { /* that segment has not begun, so it is further back */
        status = fly_wal_reader_open(wal->env, wal->dir, NULL, wal->codec, wal->compressor, 0,
                                     &reader, err);
        from = 0;
    }
    fly_wal_record record;
    while (status == FLY_OK) {
        status = fly_wal_reader_next(reader, &record, err);
    }
    if (status == FLY_E_END) {
        from = from > 0 ? from / wal->segment_size : found->first;
        status = secure(wal, from * wal->segment_size, fly__wal_reader_told(reader),
                        fly_wal_reader_position(reader), err);
    }
    fly_wal_reader_close(reader);
    return status;
}

/* Read all there is, hand it out, and find where it ends. */
static fly_status replay(fly_wal *wal, const fly_wal_options *options, uint64_t *end, fly_err *err)
{
    fly_wal_reader *reader = NULL;
    fly_status status = fly_wal_reader_open(wal->env, wal->dir, NULL, wal->codec, wal->compressor,
                                            options->replay_from, &reader, err);
    if (status != FLY_OK) { /* what replay has to begin with is not there */
        return status == FLY_E_NOT_FOUND ? fly_err_prefix(err, FLY_E_CORRUPT, "replay") : status;
    }
    fly_wal_record record;
    while ((status = fly_wal_reader_next(reader, &record, err)) == FLY_OK) {
        if (options->replay == NULL) {
            continue;
        }
        status = options->replay(options->replay_ctx, &record, err);
        if (status == FLY_E_END) {
            *end = record.lsn;
            fly_wal_reader_close(reader);
            return FLY_OK;
        }
        if (status != FLY_OK) {
            status = fly_err_prefix(err, status, "log record %" PRIu64, record.lsn);
            break;
        }
    }
    *end = fly_wal_reader_position(reader);
    fly_wal_reader_close(reader);
    return status == FLY_E_END ? FLY_OK : status;
}

static fly_status allocate(fly_wal *wal, uint32_t ring_size, fly_err *err)
{
    fly_mem *mem = wal->env->mem;
    /* A ring no larger than a segment: so that what is in it lies in two segments at most. */
    wal->ring_size = ring_size < wal->segment_size ? ring_size : wal->segment_size;
    wal->ring = fly_vfs_map(wal->env->vfs, wal->ring_size, 0);
    bool complete = wal->ring != NULL;
    for (int i = 0; i < FLY_WAL_IN_FLIGHT_MAX && complete; i++) {
        wal->writes[i].bounce = fly_mem_alloc_aligned(mem, FLY_WAL_BLOCK, FLY_DIRECT_ALIGN);
        complete = wal->writes[i].bounce != NULL;
    }
    if (!complete) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for the log in \"%s\"", wal->dir);
    }
    return FLY_OK;
}

/* Everything before `end` is history: go on in a new segment. */
static fly_status begin_life(fly_wal *wal, const struct found *found, uint64_t end, fly_err *err)
{
    uint64_t number = 0;
    uint64_t previous_end = 0;
    fly_status status = FLY_OK;
    if (found->is_log) {
        /* Segments behind the end, begun or not, are dead, and must be gone before a new life
         * takes their numbers. */
        uint64_t ended_in = end % wal->segment_size == 0 && end > found->first * wal->segment_size
                                ? end / wal->segment_size - 1
                                : end / wal->segment_size;
        number = ended_in + 1;
        previous_end = end;
        wal->first_segment = found->first;
    }
    if (found->any) {
        uint64_t from = found->is_log ? number : found->first;
        status = fly__wal_segment_cut(wal->env, wal->dir, from, found->last, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    uint64_t start = number * wal->segment_size + FLY_WAL_BLOCK;
    fly_store_u64(&wal->first, wal->first_segment * wal->segment_size + FLY_WAL_BLOCK);
    fly_store_u64(&wal->next, start);
    fly_store_u64(&wal->durable, start);
    fly_store_u64(&wal->async_to, start);
    wal->submitted = start;
    wal->zeroed = start;
    wal->life_start = start;
    status = fly__wal_begin_life(wal, number, previous_end, err);
    if (status == FLY_OK) {
        fly_mutex_lock(&wal->flush_mutex);
        fly__wal_set_ceiling(wal);
        fly_mutex_unlock(&wal->flush_mutex);
    }
    return status;
}

static fly_status check_options(const fly_wal_options *options, fly_err *err)
{
    if (options->segment_size != 0 && !fly__wal_valid_segment_size(options->segment_size)) {
        return fly_err_set(err, FLY_E_INVALID,
                           "log segment size %" PRIu32 " is not a power of two from %d to %d",
                           options->segment_size, SEGMENT_MIN, SEGMENT_MAX);
    }
    if (options->ring_size != 0 &&
        (options->ring_size < RING_MIN || (options->ring_size & (options->ring_size - 1)) != 0)) {
        return fly_err_set(err, FLY_E_INVALID,
                           "log ring size %" PRIu32 " is not a power of two of at least %d",
                           options->ring_size, RING_MIN);
    }
    if (options->in_flight > FLY_WAL_IN_FLIGHT_MAX) {
        return fly_err_set(err, FLY_E_INVALID, "%" PRIu32 " log writes at a time are more than %d",
                           options->in_flight, FLY_WAL_IN_FLIGHT_MAX);
    }
    return FLY_OK;
}

static fly_status open_all(fly_wal *wal, const fly_wal_options *options, fly_err *err)
{
    struct found found;
    uint64_t end = 0;
    fly_status status = find_segments(wal, &found, err);
    if (status != FLY_OK) {
        return status;
    }
    if (found.any && !found.is_log) {
        status = check_unbegun(wal, &found, err);
    }
    if (status == FLY_OK && !found.is_log && options->replay_from > 0) {
        status = fly_err_set(err, FLY_E_CORRUPT,
                             "there is no log in \"%s\", and replay has to begin at %" PRIu64,
                             wal->dir, options->replay_from);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (found.is_log) {
        status = secure_end(wal, &found, options->replay_from, err);
        status = status == FLY_OK ? replay(wal, options, &end, err) : status;
    } else if (is_zero(wal->uuid, sizeof wal->uuid)) {
        status = wal->env->random(wal->env, wal->uuid, sizeof wal->uuid, err);
    }
    if (status == FLY_OK && end < options->durable_to) {
        status = fly_err_set(err, FLY_E_CORRUPT,
                             "the log in \"%s\" ends at %" PRIu64
                             ", and was durable up to %" PRIu64,
                             wal->dir, end, options->durable_to);
    }
    if (status == FLY_OK) {
        status = allocate(
            wal, options->ring_size != 0 ? options->ring_size : (uint32_t)FLY_WAL_RING_DEFAULT,
            err);
    }
    if (status == FLY_OK) {
        status = begin_life(wal, &found, end, err);
    }
    if (status == FLY_OK) {
        status = fly_thread_start(wal->env->sched, &wal->background, "log", keep_up, wal, err);
        wal->has_background = status == FLY_OK;
    }
    return status;
}

fly_status fly_wal_open(fly_env *env, const char *dir, const fly_wal_options *options,
                        fly_wal **wal, fly_err *err)
{
    fly_status status = check_options(options, err);
    if (status != FLY_OK) {
        return status;
    }
    if (strlen(dir) >= FLY_PATH_MAX) {
        return fly_err_set(err, FLY_E_TOO_LARGE, "path \"%.64s…\" is too long", dir);
    }
    fly_wal *opened = fly_mem_calloc(env->mem, 1, sizeof *opened);
    if (opened == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to open the log in \"%s\"", dir);
    }
    opened->env = env;
    memcpy(opened->dir, dir, strlen(dir) + 1);
    memcpy(opened->uuid, options->uuid, sizeof opened->uuid);
    opened->segment_size = options->segment_size != 0 ? options->segment_size
                                                      : (uint32_t)FLY_WAL_SEGMENT_DEFAULT;
    opened->buffered = options->buffered;
    opened->codec = options->codec;
    opened->compressor = options->compressor;
    opened->async_ns =
        (uint64_t)(options->async_ms != 0 ? options->async_ms : (uint32_t)ASYNC_MS_DEFAULT) * MS;
    opened->in_flight_cap = options->in_flight;
    opened->in_flight_max = options->in_flight != 0 ? options->in_flight : 1;
    opened->archive = options->archive;
    opened->archive_ctx = options->archive_ctx;
    fly_mutex_init(&opened->flush_mutex, "log writer", RANK_FLUSH);
    fly_mutex_init(&opened->segment_mutex, "log segments", RANK_SEGMENTS);
    if (env->trace != NULL) {
        fly_trace_register(env->trace, events, sizeof events / sizeof events[0]);
    }
    status = open_all(opened, options, err);
    if (status != FLY_OK) {
        fly_wal_abandon(opened);
        return status;
    }
    *wal = opened;
    return FLY_OK;
}

static void stop_background(fly_wal *wal)
{
    if (wal->has_background) {
        fly_store_u32(&wal->stop, 1);
        fly__wal_call_background(wal);
        fly_thread_join(&wal->background);
        wal->has_background = false;
    }
}

fly_status fly_wal_close(fly_wal *wal, fly_err *err)
{
    fly_status status = fly__wal_flush_to(wal, fly_wal_next(wal), err);
    stop_background(wal);
    if (status == FLY_OK) {
        fly__wal_reap(wal);
        fly__wal_trim(wal);
    }
    fly_wal_abandon(wal);
    return status;
}

void fly_wal_abandon(fly_wal *wal)
{
    if (wal == NULL) {
        return;
    }
    stop_background(wal);
    fly_mem *mem = wal->env->mem;
    fly__wal_close_files(wal);
    fly_vfs_unmap(wal->env->vfs, wal->ring, wal->ring_size);
    for (int i = 0; i < FLY_WAL_IN_FLIGHT_MAX; i++) {
        fly_mem_free(mem, wal->writes[i].bounce, FLY_WAL_BLOCK);
    }
    fly_mutex_deinit(&wal->flush_mutex);
    fly_mutex_deinit(&wal->segment_mutex);
    fly_mem_free(mem, wal, sizeof *wal);
}

void fly_wal_get_stats(const fly_wal *wal, fly_wal_stats *stats)
{
    fly_wal *mutable_wal = (fly_wal *)(uintptr_t)wal; /* the mutexes are not the content */
    *stats = (fly_wal_stats){
        .waits = fly_load_u64(&wal->waits),
        .full = fly_load_u64(&wal->full),
    };
    fly_mutex_lock(&mutable_wal->flush_mutex);
    stats->records = wal->count_records;
    stats->bytes = wal->count_bytes;
    stats->writes = wal->count_writes;
    stats->in_flight = wal->in_flight_max;
    fly_mutex_unlock(&mutable_wal->flush_mutex);
    fly_mutex_lock(&mutable_wal->segment_mutex);
    stats->segments = (uint32_t)(wal->last_segment - wal->first_segment + 1);
    fly_mutex_unlock(&mutable_wal->segment_mutex);
}
