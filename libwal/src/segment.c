/*
 * Segment files: names, headers, disk space, recycling.
 *
 *     000000000007.wal   | header block | records …                         | zeros … |
 *     000000000008.wal   | header block | records … |  zeros …
 *     spare              what was 000000000005.wal
 *
 * Disk space is reserved by writing zeros ahead of the log, in growing steps, and made durable before
 * records go there: overwriting a block that exists needs no change of the file system's own
 * metadata, which is what makes a synced write one write. A retired segment becomes the spare and
 * then the next segment; what old records it holds are told from new ones by their LSN.
 *
 *     S1  room - first LSN bytes of disk space exist, all zeroed, or written by an older segment
 *     S2  a segment's header is durable no later than its first records: they share a write
 *     S3  previous_end lies in the segment before, or is where this one begins
 *     S4  the numbers of the segments have no gap, whatever a crash leaves: a name that comes or goes
 *         is durable before the next one does
 */
#include <fly/wal.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "wal_int.h"

static const uint8_t segment_magic[8] = {'F', 'l', 'y', 'D', 'B', 'w', 'a', 'l'};

enum {
    GROWTH_FIRST = 256 << 10,
    GROWTH_MAX = 8 << 20,
    DIGITS = 12 /* of a segment's number in its file's name */
};

static const char spare_name[] = "spare";

/* -------------------------------------------------------------------------------- names */

uint32_t fly_wal_segment_size(const fly_wal *wal)
{
    return wal->segment_size;
}

void fly_wal_segment_name(uint64_t number, char name[FLY_WAL_NAME_MAX])
{
    (void)snprintf(name, FLY_WAL_NAME_MAX, "%0*" PRIu64 ".wal", DIGITS, number);
}

fly_status fly__wal_segment_path(char *path, const char *dir, uint64_t number, fly_err *err)
{
    char name[FLY_WAL_NAME_MAX];
    fly_wal_segment_name(number, name);
    return fly_path_join(path, FLY_PATH_MAX, dir, name, err);
}

bool fly_wal_segment_number(const char *name, uint64_t *number)
{
    size_t digits = strspn(name, "0123456789");
    if (digits < DIGITS || digits > 18 || strcmp(name + digits, ".wal") != 0) {
        return false;
    }
    *number = 0;
    for (size_t i = 0; i < digits; i++) {
        *number = *number * 10 + (uint64_t)(name[i] - '0');
    }
    return true;
}

struct range {
    uint64_t first;
    uint64_t last;
    uint64_t count;
};

static void widen(void *ctx, const char *name)
{
    struct range *range = ctx;
    uint64_t number;
    if (fly_wal_segment_number(name, &number)) {
        bool any = range->count > 0;
        range->first = !any || number < range->first ? number : range->first;
        range->last = !any || number > range->last ? number : range->last;
        range->count++;
    }
}

fly_status fly__wal_segment_range(fly_env *env, const char *dir, uint64_t *first, uint64_t *last,
                                  fly_err *err)
{
    struct range range = {0};
    fly_status status = fly_vfs_list(env->vfs, dir, widen, &range, err);
    if (status == FLY_OK && range.count == 0) {
        return FLY_E_NOT_FOUND;
    }
    if (status == FLY_OK && range.last - range.first != range.count - 1) {
        return fly_err_set(err, FLY_E_CORRUPT,
                           "the log in \"%s\" has %" PRIu64 " segments from %" PRIu64 " to %" PRIu64
                           ": some are missing",
                           dir, range.count, range.first, range.last);
    }
    *first = range.first;
    *last = range.last;
    return status;
}

fly_status fly__wal_segment_cut(fly_env *env, const char *dir, uint64_t from, uint64_t last,
                                fly_err *err)
{
    /* From the end and one by one, so that a crash leaves no gap (S4). */
    for (uint64_t number = last + 1; number > from; number--) {
        char path[FLY_PATH_MAX];
        fly_status status = fly__wal_segment_path(path, dir, number - 1, err);
        if (status == FLY_OK) {
            status = fly_vfs_remove(env->vfs, path, err);
        }
        if (status == FLY_OK) {
            status = fly_vfs_sync_dir(env->vfs, dir, err);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

/* ------------------------------------------------------------------------------ headers */

static void encode_header(const struct fly__wal_segment *segment, uint8_t *block)
{
    memset(block, 0, FLY_WAL_BLOCK);
    memcpy(block, segment_magic, sizeof segment_magic);
    fly_put_u32(block + SEG_AT_VERSION, SEGMENT_VERSION);
    fly_put_u32(block + SEG_AT_SIZE, segment->size);
    memcpy(block + SEG_AT_UUID, segment->uuid, sizeof segment->uuid);
    fly_put_u64(block + SEG_AT_NUMBER, segment->number);
    fly_put_u64(block + SEG_AT_PREVIOUS_END, segment->previous_end);
    fly_put_u64(block + SEG_AT_DURABLE, segment->durable);
    fly_put_u64(block + SEG_AT_CREATED, segment->created);
    fly_put_u32(block + SEG_AT_CODEC, segment->codec);
    memcpy(block + SEG_AT_PARAMS, segment->params, sizeof segment->params);
    fly_put_u32(block + SEG_AT_CRC, fly_crc32c(0, block, SEG_AT_CRC));
}

/* Decode a block that may be anything. FLY_E_NOT_FOUND: not the header of segment `number`, which
 * is what a segment looks like that was prepared and has not begun. */
static fly_status decode_header(const char *path, const uint8_t *block, uint64_t number,
                                struct fly__wal_segment *segment, fly_err *err)
{
    if (memcmp(block, segment_magic, sizeof segment_magic) != 0 ||
        fly_get_u32(block + SEG_AT_CRC) != fly_crc32c(0, block, SEG_AT_CRC) ||
        fly_get_u64(block + SEG_AT_NUMBER) != number) {
        return FLY_E_NOT_FOUND;
    }
    uint32_t version = fly_get_u32(block + SEG_AT_VERSION);
    if (version != SEGMENT_VERSION) {
        return fly_err_set(err, FLY_E_FORMAT,
                           "\"%s\" has format version %" PRIu32 "; this program reads version %d",
                           path, version, SEGMENT_VERSION);
    }
    *segment = (struct fly__wal_segment){
        .number = number,
        .previous_end = fly_get_u64(block + SEG_AT_PREVIOUS_END),
        .durable = fly_get_u64(block + SEG_AT_DURABLE),
        .created = fly_get_u64(block + SEG_AT_CREATED),
        .size = fly_get_u32(block + SEG_AT_SIZE),
        .codec = fly_get_u32(block + SEG_AT_CODEC),
    };
    memcpy(segment->uuid, block + SEG_AT_UUID, sizeof segment->uuid);
    memcpy(segment->params, block + SEG_AT_PARAMS, sizeof segment->params);
    if (!fly__wal_valid_segment_size(segment->size) ||
        segment->previous_end > number * segment->size ||
        (number > 0 && segment->previous_end < (number - 1) * segment->size)) {
        return fly_err_set(err, FLY_E_CORRUPT, "the header of \"%s\" contradicts itself", path);
    }
    return FLY_OK;
}

fly_status fly__wal_segment_load(fly_env *env, const char *dir, uint64_t number,
                                 struct fly__wal_segment *segment, fly_err *err)
{
    char path[FLY_PATH_MAX];
    fly_status status = fly__wal_segment_path(path, dir, number, err);
    if (status != FLY_OK) {
        return status;
    }
    uint8_t *block = fly_mem_alloc_aligned(env->mem, FLY_WAL_BLOCK, FLY_DIRECT_ALIGN);
    if (block == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to read \"%s\"", path);
    }
    fly_file *file = NULL;
    size_t got = 0;
    status = fly_file_open(env->vfs, path, FLY_OPEN_DIRECT, &file, err);
    if (status == FLY_OK) {
        status = fly_file_read_some(file, 0, block, FLY_WAL_BLOCK, &got, err);
    }
    if (status == FLY_OK) {
        status = got < FLY_WAL_BLOCK ? FLY_E_NOT_FOUND
                                     : decode_header(path, block, number, segment, err);
    }
    fly_file_abandon(file);
    fly_mem_free(env->mem, block, FLY_WAL_BLOCK);
    return status;
}

/* Make the header of a segment that this life will write. */
static fly_status make_header(fly_wal *wal, struct fly__wal_file *file, uint64_t previous_end,
                              fly_err *err)
{
    struct fly__wal_segment segment = {
        .number = file->number,
        .previous_end = previous_end,
        .durable = fly_load_u64(&wal->durable),
        .created = wal->env->wall_time(wal->env),
        .size = wal->segment_size,
        .codec = wal->codec != NULL ? wal->codec->id : 0,
    };
    memcpy(segment.uuid, wal->uuid, sizeof segment.uuid);
    if (wal->codec != NULL) {
        fly_status status = wal->codec->describe(wal->codec, segment.params, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    memcpy(file->params, segment.params, sizeof file->params);
    encode_header(&segment, file->header);
    return FLY_OK;
}

/* --------------------------------------------------------------------------- disk space */

static fly_status write_zeros(fly_wal *wal, fly_file *file, uint64_t from, uint64_t to,
                              fly_err *err)
{
    enum { PIECE = 256 << 10 };
    size_t size = to - from < PIECE ? (size_t)(to - from) : (size_t)PIECE;
    uint8_t *zeros = fly_mem_alloc_aligned(wal->env->mem, size, FLY_DIRECT_ALIGN);
    if (zeros == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to extend the log in \"%s\"", wal->dir);
    }
    memset(zeros, 0, size);
    fly_status status = FLY_OK;
    for (uint64_t at = from; at < to && status == FLY_OK; at += size) {
        size_t len = to - at < size ? (size_t)(to - at) : size;
        status = fly_file_write(file, at, zeros, len, 0, err);
    }
    fly_mem_free(wal->env->mem, zeros, size);
    if (status == FLY_OK) {
        status = fly_file_sync_data(file, err);
        /* The failure may be that of a record's write, which will then not hear of it. */
        wal->sync_failed = wal->sync_failed || status != FLY_OK;
    }
    return status;
}

/* Make names durable. After a failure nobody knows which are, so that the log must stop.
 * segment_mutex is held. */
static fly_status sync_names(fly_wal *wal, fly_err *err)
{
    fly_status status = fly_vfs_sync_dir(wal->env->vfs, wal->dir, err);
    wal->sync_failed = wal->sync_failed || status != FLY_OK;
    return status;
}

/* Open the file of a new segment: the spare under its new name, or a new one. */
static fly_status open_new(fly_wal *wal, uint64_t number, struct fly__wal_file *file, fly_err *err)
{
    fly_vfs *vfs = wal->env->vfs;
    char path[FLY_PATH_MAX];
    char spare[FLY_PATH_MAX];
    fly_status status = fly__wal_segment_path(path, wal->dir, number, err);
    if (status == FLY_OK) {
        status = fly_path_join(spare, sizeof spare, wal->dir, spare_name, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    bool reuse = wal->has_spare;
    wal->has_spare = false;
    if (reuse && fly_vfs_rename(vfs, spare, path, NULL) != FLY_OK) {
        reuse = false;
    }
    unsigned direct = wal->buffered ? 0u : (unsigned)FLY_OPEN_DIRECT;
    unsigned fresh = reuse ? 0u : (unsigned)(FLY_OPEN_CREATE | FLY_OPEN_TRUNCATE);
    status = fly_file_open(vfs, path, FLY_OPEN_WRITE | direct | fresh, &file->file, err);
    uint64_t size = 0;
    if (status == FLY_OK && reuse) {
        status = fly_file_size(file->file, &size, err);
    }
    if (status == FLY_OK) {
        status = sync_names(wal, err);
    }
    if (status != FLY_OK) {
        fly_file_abandon(file->file);
        file->file = NULL;
        return status;
    }
    file->number = number;
    file->headed = false;
    size = size < wal->segment_size ? size : wal->segment_size;
    file->zeroed = (uint32_t)fly__wal_block_down(size);
    FLY_TRACE(wal->env->trace, FLY_WAL_EVENT_SEGMENT, number, reuse, 0, 0);
    return FLY_OK;
}

/* Write zeros behind what the segment has, a step further. */
static fly_status extend(fly_wal *wal, struct fly__wal_file *file, fly_err *err)
{
    if (file->zeroed == wal->segment_size) {
        return FLY_OK;
    }
    uint64_t to = (uint64_t)file->zeroed + wal->growth;
    to = to < wal->segment_size ? to : wal->segment_size;
    fly_status status = write_zeros(wal, file->file, file->zeroed, to, err);
    if (status == FLY_OK) {
        file->zeroed = (uint32_t)to;
        wal->growth = wal->growth * 2 < GROWTH_MAX ? wal->growth * 2 : (uint32_t)GROWTH_MAX;
    }
    return status;
}

static struct fly__wal_file *slot_of(fly_wal *wal, uint64_t number)
{
    return &wal->files[number % OPEN_SEGMENTS];
}

static fly_status next_segment(fly_wal *wal, uint64_t previous_end, fly_err *err)
{
    uint64_t number = wal->last_segment + 1;
    struct fly__wal_file *file = slot_of(wal, number);
    if (file->file != NULL) { /* four segments ago: the ring has long gone past it */
        FLY_ASSERT(fly_load_u64(&wal->durable) >= (file->number + 1) * wal->segment_size);
        fly_file_abandon(file->file);
        file->file = NULL;
    }
    fly_status status = open_new(wal, number, file, err);
    if (status == FLY_OK) {
        status = make_header(wal, file, previous_end, err);
    }
    if (status == FLY_OK && file->zeroed <= FLY_WAL_BLOCK) {
        status = extend(wal, file, err);
    }
    if (status != FLY_OK) {
        fly_file_abandon(file->file);
        file->file = NULL;
        return status;
    }
    wal->last_segment = number;
    return FLY_OK;
}

fly_status fly__wal_make_room(fly_wal *wal, uint64_t to, fly_err *err)
{
    fly_err failure = {0};
    fly_mutex_lock(&wal->segment_mutex);
    fly_status status = FLY_OK;
    /* Many may have waited here for the same room. */
    while (status == FLY_OK && fly_load_u64(&wal->room) < to) {
        uint64_t end = (wal->last_segment + 1) * wal->segment_size;
        status = fly_load_u64(&wal->room) == end
                     ? next_segment(wal, end, &failure)
                     : extend(wal, slot_of(wal, wal->last_segment), &failure);
        if (status == FLY_OK) {
            const struct fly__wal_file *file = slot_of(wal, wal->last_segment);
            fly_store_u64(&wal->room, file->number * wal->segment_size + file->zeroed);
        }
    }
    if (status == FLY_OK) {
        wal->disk_full = false;
    } else if (!wal->disk_full) {
        wal->disk_full = true;
        fly_log(wal->env, FLY_LOG_WARNING, "the log in \"%s\" cannot grow: %s", wal->dir,
                failure.message);
    }
    bool stop = wal->sync_failed;
    fly_mutex_unlock(&wal->segment_mutex);
    if (stop && status != FLY_OK) {
        fly__wal_stop(wal, &failure);
        return fly__wal_stopped(wal, err);
    }
    fly_mutex_lock(&wal->flush_mutex);
    fly__wal_set_ceiling(wal);
    fly_mutex_unlock(&wal->flush_mutex);
    if (status != FLY_OK && err != NULL) {
        *err = failure;
    }
    return status;
}

fly_status fly__wal_begin_segment(fly_wal *wal, uint64_t number, fly_err *err)
{
    fly_status status = FLY_OK;
    fly_mutex_lock(&wal->segment_mutex);
    if (wal->last_segment < number) {
        FLY_ASSERT(wal->last_segment + 1 == number);
        status = next_segment(wal, number * wal->segment_size, err);
    }
    const struct fly__wal_file *file = slot_of(wal, number);
    if (status == FLY_OK && fly_load_u64(&wal->room) < number * wal->segment_size + file->zeroed) {
        fly_store_u64(&wal->room, number * wal->segment_size + file->zeroed);
    }
    bool stop = wal->sync_failed;
    fly_mutex_unlock(&wal->segment_mutex);
    return stop ? FLY_E_STOPPED : status;
}

struct fly__wal_file *fly__wal_file_of(fly_wal *wal, uint64_t segment)
{
    fly_mutex_lock(&wal->segment_mutex);
    struct fly__wal_file *file = slot_of(wal, segment);
    FLY_ASSERT(file->file != NULL);
    FLY_ASSERT(file->number == segment);
    fly_mutex_unlock(&wal->segment_mutex);
    return file;
}

fly_status fly__wal_begin_life(fly_wal *wal, uint64_t number, uint64_t previous_end, fly_err *err)
{
    char spare[FLY_PATH_MAX];
    fly_status status = fly_path_join(spare, sizeof spare, wal->dir, spare_name, err);
    if (status != FLY_OK) {
        return status;
    }
    /* A new log begins with zeros, so that what is in its only segment tells whether it has begun. */
    wal->has_spare = number > 0 && fly_vfs_exists(wal->env->vfs, spare);
    wal->growth = GROWTH_FIRST;
    wal->last_segment = number - 1;
    for (int i = 0; i < OPEN_SEGMENTS; i++) {
        wal->files[i].header =
            fly_mem_alloc_aligned(wal->env->mem, FLY_WAL_BLOCK, FLY_DIRECT_ALIGN);
        if (wal->files[i].header == NULL) {
            return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to open the log in \"%s\"",
                               wal->dir);
        }
    }
    status = next_segment(wal, previous_end, err);
    if (status != FLY_OK) {
        return status;
    }
    struct fly__wal_file *file = slot_of(wal, number);
    file->headed = true;
    if (!file->file->direct) {
        /* The system tells of pages that it could not write once, to one of those who sync: with
         * several at a time, not to the one whose records they are. */
        wal->in_flight_cap = 1;
        wal->in_flight_max = 1;
    }
    fly_store_u64(&wal->room, number * wal->segment_size + file->zeroed);
    return fly_file_write(file->file, 0, file->header, FLY_WAL_BLOCK, FLY_WRITE_DURABLE, err);
}

/* Nobody appends any more and everything is durable. What fails here only wastes disk space: the next
 * life begins a segment of its own, and a segment may be shorter than it was going to be (S1). */
void fly__wal_trim(fly_wal *wal)
{
    uint64_t end = fly__wal_block_up(fly_load_u64(&wal->durable));
    uint64_t last = (end - 1) / wal->segment_size;
    char path[FLY_PATH_MAX];
    bool trimmed = true;
    if (wal->has_spare) {
        trimmed = fly_path_join(path, sizeof path, wal->dir, spare_name, NULL) == FLY_OK &&
                  fly_vfs_remove(wal->env->vfs, path, NULL) == FLY_OK;
    }
    for (int i = 0; i < OPEN_SEGMENTS; i++) {
        struct fly__wal_file *file = &wal->files[i];
        if (file->file == NULL || file->number < last) {
            continue;
        }
        if (file->number == last) {
            uint64_t size = end - last * wal->segment_size;
            trimmed = fly_file_truncate(file->file, size, NULL) == FLY_OK && trimmed;
        } else {
            trimmed = fly__wal_segment_path(path, wal->dir, file->number, NULL) == FLY_OK &&
                      fly_vfs_remove(wal->env->vfs, path, NULL) == FLY_OK && trimmed;
        }
    }
    if (!trimmed) {
        fly_log(wal->env, FLY_LOG_INFO, "the log in \"%s\" keeps disk space that it does not need",
                wal->dir);
    }
}

void fly__wal_close_files(fly_wal *wal)
{
    for (int i = 0; i < OPEN_SEGMENTS; i++) {
        fly_file_abandon(wal->files[i].file);
        fly_mem_free(wal->env->mem, wal->files[i].header, FLY_WAL_BLOCK);
    }
}

/* ---------------------------------------------------------------------------- retention */

/* Nothing before this is needed by anybody. segment_mutex is held. */
static uint64_t needed_from(const fly_wal *wal)
{
    uint64_t lsn = wal->retired;
    uint64_t durable = fly_load_u64(&wal->durable);
    lsn = durable < lsn ? durable : lsn;
    for (const fly_wal_hold *hold = wal->holds; hold != NULL; hold = hold->next) {
        lsn = hold->lsn < lsn ? hold->lsn : lsn;
    }
    return lsn;
}

/* Let go of one segment: keep its file as the spare, or remove it (S4). segment_mutex is held. */
static fly_status let_go(fly_wal *wal, uint64_t number, const char *path, fly_err *err)
{
    struct fly__wal_file *file = slot_of(wal, number);
    if (file->file != NULL && file->number == number) {
        fly_file_abandon(file->file);
        file->file = NULL;
    }
    char spare[FLY_PATH_MAX];
    fly_status status = fly_path_join(spare, sizeof spare, wal->dir, spare_name, err);
    if (status == FLY_OK && !wal->has_spare) {
        status = fly_vfs_rename(wal->env->vfs, path, spare, err);
        wal->has_spare = status == FLY_OK;
    } else if (status == FLY_OK) {
        status = fly_vfs_remove(wal->env->vfs, path, err);
    }
    return status == FLY_OK ? sync_names(wal, err) : status;
}

/* Whether the oldest segment must stay. That includes the one that is full to its last byte while the
 * next has not begun: a log is known by a header. segment_mutex is held. */
static bool is_needed(const fly_wal *wal)
{
    return wal->first_segment == wal->last_segment ||
           (wal->first_segment + 1) * wal->segment_size >= needed_from(wal);
}

/* Archive the oldest segment, if that was not done. segment_mutex is held, but not during the call:
 * only this thread moves first_segment, so nothing happens to the file meanwhile. */
static fly_status archive_first(fly_wal *wal, const char *path, fly_err *err)
{
    uint64_t number = wal->first_segment;
    if (wal->archive == NULL || number < wal->archived) {
        return FLY_OK;
    }
    fly_mutex_unlock(&wal->segment_mutex);
    fly_status status = wal->archive(wal->archive_ctx, path, number, err);
    fly_mutex_lock(&wal->segment_mutex);
    wal->archived = status == FLY_OK ? number + 1 : wal->archived;
    return status;
}

void fly__wal_reap(fly_wal *wal)
{
    fly_err err = {0};
    fly_mutex_lock(&wal->segment_mutex);
    while (!is_needed(wal)) {
        uint64_t number = wal->first_segment;
        char path[FLY_PATH_MAX];
        fly_status status = fly__wal_segment_path(path, wal->dir, number, &err);
        if (status == FLY_OK) {
            status = archive_first(wal, path, &err);
        }
        if (status == FLY_OK && is_needed(wal)) {
            break; /* somebody took hold of it while it was archived */
        }
        if (status == FLY_OK) {
            status = let_go(wal, number, path, &err);
        }
        if (status != FLY_OK) {
            fly_log(wal->env, FLY_LOG_WARNING, "keeping \"%s\" for now: %s", path, err.message);
            break;
        }
        wal->first_segment = number + 1;
        fly_store_u64(&wal->first, (number + 1) * wal->segment_size + FLY_WAL_BLOCK);
        FLY_TRACE(wal->env->trace, FLY_WAL_EVENT_RETIRED, number, 0, 0, 0);
    }
    bool stop = wal->sync_failed;
    fly_mutex_unlock(&wal->segment_mutex);
    if (stop) {
        fly__wal_stop(wal, &err);
    }
}

void fly_wal_retire(fly_wal *wal, uint64_t lsn)
{
    fly_mutex_lock(&wal->segment_mutex);
    bool moved = lsn > wal->retired;
    wal->retired = moved ? lsn : wal->retired;
    fly_mutex_unlock(&wal->segment_mutex);
    if (moved) {
        fly__wal_call_background(wal);
    }
}

uint64_t fly_wal_first(const fly_wal *wal)
{
    return fly_load_u64(&wal->first);
}

fly_status fly_wal_hold_acquire(fly_wal *wal, fly_wal_hold *hold, uint64_t lsn, fly_err *err)
{
    fly_mutex_lock(&wal->segment_mutex);
    uint64_t first = wal->first_segment * wal->segment_size;
    fly_status status = FLY_OK;
    if (lsn < first) {
        status = fly_err_set(err, FLY_E_NOT_FOUND,
                             "log record %" PRIu64 " is gone; the oldest kept is %" PRIu64, lsn,
                             first + FLY_WAL_BLOCK);
    } else {
        *hold = (fly_wal_hold){.next = wal->holds, .lsn = lsn};
        wal->holds = hold;
    }
    fly_mutex_unlock(&wal->segment_mutex);
    return status;
}

void fly_wal_hold_move(fly_wal *wal, fly_wal_hold *hold, uint64_t lsn)
{
    fly_mutex_lock(&wal->segment_mutex);
    bool leaves = lsn > hold->lsn && lsn / wal->segment_size > hold->lsn / wal->segment_size;
    hold->lsn = lsn > hold->lsn ? lsn : hold->lsn;
    fly_mutex_unlock(&wal->segment_mutex);
    if (leaves) {
        fly__wal_call_background(wal);
    }
}

void fly_wal_hold_release(fly_wal *wal, fly_wal_hold *hold)
{
    fly_mutex_lock(&wal->segment_mutex);
    fly_wal_hold **link = &wal->holds;
    while (*link != NULL && *link != hold) {
        link = &(*link)->next;
    }
    FLY_ASSERT(*link == hold);
    *link = hold->next;
    fly_mutex_unlock(&wal->segment_mutex);
    fly__wal_call_background(wal);
}
