/*
 * Flushing: from complete records in the ring to durable bytes in a segment.
 *
 *     durable            submitted                          next
 *     ───┬──────┬──────┬─────┬───────────────────┬ ─ ─ ─ ─ ─ ┬──
 *        │ write│ write│ w…  │ complete records  │ being     │
 *     ───┴──────┴──────┴─────┴───────────────────┴ copied ─ ─┴──
 *         in flight            what a flush takes
 *
 *     F1  a write begins at the block that holds `submitted` and ends with a block
 *     F2  no two writes in flight touch the same block
 *     F3  `durable` is the end of the writes that are done with all before them done too
 *     F4  the ring is zeroed behind `durable`, except for the block that the next write begins with
 *
 * A thread that needs durability either finds its records submitted already and waits, or becomes a
 * writer: it takes every complete record, ends the write with a block, and writes. While the write
 * runs others may do the same with what came since: as many at a time as `in_flight_max` allows.
 * Where only one may run, a write is not padded: the next one writes the last block again, longer.
 * Where several may, the block is filled up with a pad (sealed), so that F2 lets the next one start.
 *
 * A pad carries the durable LSN of its time, and so does the note that is put behind the last record
 * where there is no pad. That is how replay tells a torn end, where unfinished writes may have left
 * anything, from damage to what had been durable.
 *
 * How many writes at a time: see gain.c.
 */
#include <fly/wal.h>

#include <inttypes.h>
#include <string.h>

#include "wal_int.h"

enum {
    WRITE_MAX = 512 << 10, /* bytes in one write: more would keep others waiting */
    SPINS = 200            /* looks at a record that is being copied, before yielding */
};

/* ----------------------------------------------------------------------------- failure */

fly_status fly__wal_stopped(fly_wal *wal, fly_err *err)
{
    fly_mutex_lock(&wal->flush_mutex);
    fly_status status = fly_err_set(err, FLY_E_STOPPED, "the log in \"%s\" has stopped: %.300s",
                                    wal->dir, wal->failure.message);
    fly_mutex_unlock(&wal->flush_mutex);
    return status;
}

static void announce(fly_wal *wal)
{
    (void)fly_add_u32(&wal->durable_sequence, 1);
    if (fly_load_seq_u32(&wal->followers) != 0) {
        fly_unpark(&wal->durable_sequence, UINT32_MAX);
    }
}

/* The log stops: followers hear of it here, others by pick_waiters(). flush_mutex is held. */
static void stop_log(fly_wal *wal, const fly_err *failure)
{
    if (fly_load_u32(&wal->failed) == 0) {
        wal->failure = *failure;
        fly_store_u32(&wal->failed, 1);
        fly_log(wal->env, FLY_LOG_ERROR, "the log in \"%s\" stops at %" PRIu64 ": %s", wal->dir,
                fly_load_u64(&wal->durable), failure->message);
        FLY_TRACE(wal->env->trace, FLY_WAL_EVENT_STOPPED, fly_load_u64(&wal->durable), 0, 0, 0);
        announce(wal);
    }
}

/* ----------------------------------------------------------------------------- waiting */

static struct fly__wal_write *write_number(fly_wal *wal, uint32_t i)
{
    return &wal->writes[(wal->first_write + i) % FLY_WAL_IN_FLIGHT_MAX];
}

/* Whether the next write may start now: F2, and how many are allowed at a time. */
static bool may_start(fly_wal *wal)
{
    if (wal->in_flight == 0) {
        return true;
    }
    return wal->in_flight < wal->in_flight_max && write_number(wal, wal->in_flight - 1)->sealed;
}

/* Take the waiters that have something to do off the list: those who are done (or all, when the
 * log has stopped), and one more if it could start a write. flush_mutex is held. */
static struct fly__wal_waiter *pick_waiters(fly_wal *wal)
{
    uint64_t durable = fly_load_u64(&wal->durable);
    bool failed = fly_load_u32(&wal->failed) != 0;
    bool may_write = may_start(wal);
    struct fly__wal_waiter *picked = NULL;
    struct fly__wal_waiter **link = &wal->waiters;
    while (*link != NULL) {
        struct fly__wal_waiter *waiter = *link;
        bool done = failed || waiter->lsn <= durable;
        if (done || (may_write && waiter->lsn > wal->submitted)) {
            may_write = may_write && done;
            *link = waiter->next;
            waiter->next = picked;
            picked = waiter;
        } else {
            link = &waiter->next;
        }
    }
    return picked;
}

/* Wake what pick_waiters() picked, after flush_mutex was given back. A waiter is gone the moment it
 * sees that it was woken, so its link is read first. */
static void wake(struct fly__wal_waiter *picked)
{
    while (picked != NULL) {
        struct fly__wal_waiter *waiter = picked;
        picked = waiter->next;
        fly_store_u32(&waiter->woken, 1);
        fly_unpark(&waiter->woken, 1);
    }
}

void fly__wal_stop(fly_wal *wal, const fly_err *failure)
{
    fly_mutex_lock(&wal->flush_mutex);
    stop_log(wal, failure);
    struct fly__wal_waiter *picked = pick_waiters(wal);
    fly_mutex_unlock(&wal->flush_mutex);
    wake(picked);
}

static void wait_until_woken(fly_wal *wal, uint64_t lsn)
{
    struct fly__wal_waiter self = {.next = wal->waiters, .lsn = lsn};
    wal->waiters = &self;
    fly_mutex_unlock(&wal->flush_mutex);
    while (fly_load_u32(&self.woken) == 0) {
        (void)fly_park(&self.woken, 0, FLY_FOREVER, "a write of the log");
    }
    fly_mutex_lock(&wal->flush_mutex);
}

/* -------------------------------------------------------------------------- collecting */

static uint8_t *ring_at(const fly_wal *wal, uint64_t lsn)
{
    return wal->ring + (lsn & (wal->ring_size - 1));
}

static void ring_get(const fly_wal *wal, uint64_t lsn, void *to, size_t len)
{
    size_t straight = wal->ring_size - (lsn & (wal->ring_size - 1));
    size_t first = len < straight ? len : straight;
    memcpy(to, ring_at(wal, lsn), first);
    if (len > first) {
        memcpy((uint8_t *)to + first, wal->ring, len - first);
    }
}

static void ring_set(fly_wal *wal, uint64_t lsn, const void *from, size_t len)
{
    size_t straight = wal->ring_size - (lsn & (wal->ring_size - 1));
    size_t first = len < straight ? len : straight;
    memcpy(ring_at(wal, lsn), from, first);
    if (len > first) {
        memcpy(wal->ring, (const uint8_t *)from + first, len - first);
    }
}

static uint32_t ring_crc(const fly_wal *wal, uint32_t crc, uint64_t lsn, size_t len)
{
    size_t straight = wal->ring_size - (lsn & (wal->ring_size - 1));
    if (FLY_LIKELY(len <= straight)) {
        return fly_crc32c(crc, ring_at(wal, lsn), len);
    }
    crc = fly_crc32c(crc, ring_at(wal, lsn), straight);
    return fly_crc32c(crc, wal->ring, len - straight);
}

/* Pairs with publish() in wal.c. */
static bool is_complete(const fly_wal *wal, uint64_t lsn)
{
    const uint32_t *word = (const uint32_t *)(const void *)ring_at(wal, lsn + AT_LSN);
    return __atomic_load_n(word, __ATOMIC_ACQUIRE) == FLY__LE32((uint32_t)lsn);
}

/* Encrypt and checksum one complete record; returns where the next one begins. */
static fly_status finish_record(fly_wal *wal, uint64_t lsn, const uint8_t *params, uint64_t *end,
                                fly_err *err)
{
    uint8_t header[FLY_WAL_HEADER];
    ring_get(wal, lsn, header, sizeof header);
    uint32_t length = fly_get_u32(header + AT_LENGTH);
    FLY_ASSERT(length >= FLY_WAL_HEADER);
    FLY_ASSERT(length <= wal->segment_size);
    *end = lsn + fly__wal_align(length);
    if (FLY_UNLIKELY((fly_get_u16(header + AT_FLAGS) & FLAG_ENCRYPTED) != 0)) {
        uint8_t *whole = fly_mem_alloc(wal->env->mem, length);
        if (whole == NULL) {
            return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to encrypt a log record");
        }
        ring_get(wal, lsn, whole, length);
        fly_status status = fly__wal_encrypt(wal, params, lsn, whole, length, err);
        if (status == FLY_OK) {
            ring_set(wal, lsn + FLY_WAL_HEADER, whole + FLY_WAL_HEADER, length - FLY_WAL_HEADER);
        }
        fly_mem_free(wal->env->mem, whole, length);
        if (status != FLY_OK) {
            return status;
        }
    }
    uint32_t crc = fly_crc32c(0, header, AT_CRC);
    crc = ring_crc(wal, crc, lsn + AT_MANAGER, fly__wal_checked(header, length));
    uint8_t sum[4];
    fly_put_u32(sum, crc);
    ring_set(wal, lsn + AT_CRC, sum, sizeof sum);
    return FLY_OK;
}

/*
 * Walk over complete records from `from`: at least up to `target`, waiting for those who are still
 * copying, and further as far as records are complete; but not out of the segment, and not beyond
 * what one write may be.
 */
static fly_status walk(fly_wal *wal, uint64_t from, uint64_t target, const uint8_t *params,
                       uint64_t *to, fly_err *err)
{
    uint64_t segment_end = (from | (wal->segment_size - 1)) + 1;
    uint64_t limit = from + WRITE_MAX;
    uint64_t at = from;
    while (at < limit) {
        if (segment_end - at < PAD_MIN) {
            /* Too little for a pad: nothing is there, once the log has gone past it. */
            at = fly_load_u64(&wal->next) > at ? segment_end : at;
            break;
        }
        int spins = 0;
        while (!is_complete(wal, at)) {
            if (at >= target || at >= fly_load_u64(&wal->next)) {
                goto out;
            }
            if (++spins % SPINS == 0) {
                fly_yield();
            }
            FLY_POINT("log walk", wal);
            fly_pause();
        }
        fly_status status = finish_record(wal, at, params, &at, err);
        if (status != FLY_OK) {
            return status;
        }
        wal->count_records++;
        if (at == segment_end) {
            break;
        }
    }
out:
    *to = at;
    return FLY_OK;
}

/* ----------------------------------------------------------------------------- writing */

/* What a write needs after flush_mutex was given back. */
struct order {
    fly_file *file;
    uint64_t offset;
    fly_iovec parts[4];
    int count;
    struct fly__wal_write *write;
};

static void add_ring(fly_wal *wal, struct order *order, uint64_t from, uint64_t to)
{
    while (from < to) {
        size_t straight = wal->ring_size - (from & (wal->ring_size - 1));
        size_t len = to - from < straight ? (size_t)(to - from) : straight;
        order->parts[order->count++] = (fly_iovec){ring_at(wal, from), len};
        from += len;
    }
}

/* What stands behind the last record of a write that is not padded, until the next write begins
 * there: how far the log was durable. It belongs to no place in the log, and a reader ends at it. */
static void put_note(const fly_wal *wal, uint64_t lsn, uint8_t *at)
{
    fly_put_u32(at + AT_LENGTH, PAD_CHECKED);
    at[AT_MANAGER] = FLY_WAL_SELF;
    at[AT_TYPE] = FLY_WAL_TYPE_NOTE;
    fly_put_u64(at + AT_LSN, lsn);
    fly_put_u64(at + FLY_WAL_HEADER, fly_load_u64(&wal->durable));
    uint32_t crc = fly_crc32c(0, at, AT_CRC);
    fly_put_u32(at + AT_CRC, fly_crc32c(crc, at + AT_MANAGER, PAD_CHECKED - AT_MANAGER));
}

/*
 * Plan the write of [from, to): whole blocks straight from the ring, a partial last one from a copy,
 * because appending goes on in the original. flush_mutex is held.
 */
static void plan(fly_wal *wal, struct fly__wal_file *file, uint64_t from, uint64_t to,
                 struct order *order)
{
    uint64_t start = fly__wal_block_down(from);
    uint64_t whole = fly__wal_block_down(to);
    *order = (struct order){.file = file->file};
    if (!file->headed) {
        /* The header block lies in the ring like everything else: open.c and segment.c put it
         * there when the segment was made. */
        FLY_ASSERT((start & (wal->segment_size - 1)) == FLY_WAL_BLOCK);
        order->parts[order->count++] = (fly_iovec){file->header, FLY_WAL_BLOCK};
        order->offset = 0;
        file->headed = true;
    } else {
        order->offset = start & (wal->segment_size - 1);
    }
    add_ring(wal, order, start, whole);
    order->write = write_number(wal, wal->in_flight);
    if (whole < to) {
        uint8_t *bounce = order->write->bounce;
        memcpy(bounce, ring_at(wal, whole), to - whole);
        memset(bounce + (to - whole), 0, FLY_WAL_BLOCK - (to - whole));
        if (FLY_WAL_BLOCK - (to - whole) >= PAD_MIN) {
            put_note(wal, to, bounce + (to - whole));
        }
        order->parts[order->count++] = (fly_iovec){bounce, FLY_WAL_BLOCK};
    }
    order->write->end = to;
    order->write->sealed = whole == to;
    order->write->done = false;
    wal->in_flight++;
    wal->submitted = to;
}

static size_t order_bytes(const struct order *order)
{
    size_t bytes = 0;
    for (int i = 0; i < order->count; i++) {
        bytes += order->parts[i].len;
    }
    return bytes;
}

/* Zero the ring behind `durable`, so that appends may go there (F4, W3). flush_mutex is held. */
static void recycle_ring(fly_wal *wal)
{
    uint64_t to = fly__wal_block_down(fly_load_u64(&wal->durable));
    while (wal->zeroed < to) {
        size_t straight = wal->ring_size - (wal->zeroed & (wal->ring_size - 1));
        size_t len = to - wal->zeroed < straight ? (size_t)(to - wal->zeroed) : straight;
        memset(ring_at(wal, wal->zeroed), 0, len);
        wal->zeroed += len;
    }
}

void fly__wal_set_ceiling(fly_wal *wal)
{
    /* Room for one pad behind the last append, and for the block that is written again (W4, F4). */
    uint64_t ring = wal->zeroed + wal->ring_size - 3 * FLY_WAL_BLOCK;
    uint64_t disk = fly_load_u64(&wal->room) - FLY__WAL_RESERVE;
    fly_store_u64(&wal->ring_limit, ring);
    fly_store_u64(&wal->ceiling, ring < disk ? ring : disk);
}

/* A write came back: move `durable` over all that are done. flush_mutex is held. */
static void retire_writes(fly_wal *wal)
{
    bool moved = false;
    while (wal->in_flight > 0 && write_number(wal, 0)->done) {
        if (fly_load_u32(&wal->failed) == 0) {
            fly_store_u64(&wal->durable, write_number(wal, 0)->end);
            moved = true;
        }
        wal->first_write = (wal->first_write + 1) % FLY_WAL_IN_FLIGHT_MAX;
        wal->in_flight--;
    }
    if (moved) {
        recycle_ring(wal);
        fly__wal_set_ceiling(wal);
        announce(wal);
    }
}

/* Take what is complete and plan its write. flush_mutex is held. */
static fly_status prepare(fly_wal *wal, uint64_t target, struct order *order, fly_err *err)
{
    uint64_t from = wal->submitted;
    if ((from & (wal->segment_size - 1)) == 0) {
        from += FLY_WAL_BLOCK;
    }
    struct fly__wal_file *file = fly__wal_file_of(wal, from / wal->segment_size);
    uint64_t to = from;
    fly_status status = walk(wal, from, target, file->params, &to, err);
    if (status == FLY_OK && wal->in_flight_max > 1 && to > from) {
        uint64_t sealed = to;
        /* Records may have come behind `to` since; then take these too, a few times. */
        for (int i = 0; i < 4 && !fly__wal_seal(wal, to, &sealed); i++) {
            status = walk(wal, to, to, file->params, &to, err);
            sealed = to;
            if (status != FLY_OK) {
                return status;
            }
        }
        if (sealed > to) {
            status = finish_record(wal, to, file->params, &to, err);
        }
    }
    if (status != FLY_OK) {
        return status;
    }
    plan(wal, file, from, to, order);
    return FLY_OK;
}

fly_status fly__wal_flush_to(fly_wal *wal, uint64_t lsn, fly_err *err)
{
    /* Nothing has been promised behind the last record. */
    uint64_t next = fly_load_u64(&wal->next);
    lsn = lsn < next ? lsn : next;
    if (fly_load_u64(&wal->durable) >= lsn) {
        return FLY_OK;
    }
    fly_status status = FLY_OK;
    bool waited = false;
    struct fly__wal_waiter *picked = NULL;
    fly_mutex_lock(&wal->flush_mutex);
    while (fly_load_u64(&wal->durable) < lsn) {
        if (fly_load_u32(&wal->failed) != 0) {
            status = fly_err_set(err, FLY_E_STOPPED, "the log in \"%s\" has stopped: %.300s",
                                 wal->dir, wal->failure.message);
            break;
        }
        if (wal->submitted >= lsn || !may_start(wal)) {
            waited = true;
            wait_until_woken(wal, lsn);
            continue;
        }
        struct order order;
        fly_err failure = {0};
        fly_status wrote = prepare(wal, lsn, &order, &failure);
        if (wrote == FLY_OK) {
            uint64_t began = fly_now();
            uint64_t from = fly_load_u64(&wal->durable);
            size_t bytes = order_bytes(&order);
            /* What came meanwhile may be written at the same time. */
            picked = pick_waiters(wal);
            fly_mutex_unlock(&wal->flush_mutex);
            wake(picked);
            wrote = fly_file_writev(order.file, order.offset, order.parts, order.count,
                                    FLY_WRITE_DURABLE, &failure);
            fly_mutex_lock(&wal->flush_mutex);
            FLY_TRACE(wal->env->trace, FLY_WAL_EVENT_SYNCED, from, order.write->end,
                      fly_now() - began, 0);
            order.write->done = true;
            wal->count_writes++;
            wal->count_bytes += bytes;
        }
        if (wrote != FLY_OK) {
            stop_log(wal, &failure);
        }
        retire_writes(wal);
        fly__wal_adapt(wal);
        picked = pick_waiters(wal);
        if (picked != NULL) {
            fly_mutex_unlock(&wal->flush_mutex);
            wake(picked);
            fly_mutex_lock(&wal->flush_mutex);
        }
    }
    fly_mutex_unlock(&wal->flush_mutex);
    if (waited) {
        fly_count_u64(&wal->waits, 1);
    }
    return status;
}

/* ------------------------------------------------------------------------------ rolling */

/* Write one pad from `from`, where everything ends, to the segment's end. Of the pad only what is
 * checked is written; flush_mutex is held. */
static fly_status write_long_pad(fly_wal *wal, uint64_t from, uint64_t segment_end, fly_err *err)
{
    struct fly__wal_file *file = fly__wal_file_of(wal, from / wal->segment_size);
    struct order order = {.file = file->file};
    uint64_t start = fly__wal_block_down(from);
    uint64_t end;
    fly__wal_put_pad(wal, from, segment_end);
    fly_status status = finish_record(wal, from, file->params, &end, err);
    if (status != FLY_OK) {
        return status;
    }
    order.offset = start & (wal->segment_size - 1);
    add_ring(wal, &order, start, fly__wal_block_up(from + PAD_MIN));
    wal->count_writes++;
    wal->count_bytes += order_bytes(&order);
    return fly_file_writev(order.file, order.offset, order.parts, order.count, FLY_WRITE_DURABLE,
                           err);
}

/* Begin segment `number`, which has a file, with its header. */
static fly_status write_header(fly_wal *wal, uint64_t number, fly_err *err)
{
    struct fly__wal_file *file = fly__wal_file_of(wal, number);
    file->headed = true;
    return fly_file_write(file->file, 0, file->header, FLY_WAL_BLOCK, FLY_WRITE_DURABLE, err);
}

/* Everything is durable up to `from`, where the log ends; flush_mutex is held. */
static fly_status roll(fly_wal *wal, uint64_t from, fly_err *err)
{
    uint64_t segment = from / wal->segment_size;
    uint64_t segment_end = (segment + 1) * wal->segment_size;
    fly_status status = fly__wal_begin_segment(wal, segment + 1, err);
    if (status != FLY_OK && status != FLY_E_STOPPED) {
        return status; /* on with this segment, then */
    }
    if (status == FLY_OK && segment_end - from >= PAD_MIN) {
        status = write_long_pad(wal, from, segment_end, err);
    }
    if (status == FLY_OK) {
        status = write_header(wal, segment + 1, err);
    }
    if (status != FLY_OK) {
        stop_log(wal, err);
        return FLY_E_STOPPED;
    }
    uint64_t begin = segment_end + FLY_WAL_BLOCK;
    memset(wal->ring, 0, wal->ring_size); /* W3 */
    wal->submitted = begin;
    wal->zeroed = begin;
    fly_store_u64(&wal->next, begin);
    fly_store_u64(&wal->durable, begin);
    fly__wal_set_ceiling(wal);
    announce(wal);
    return FLY_OK;
}

fly_status fly_wal_roll(fly_wal *wal, fly_err *err)
{
    fly_status status = fly__wal_flush_to(wal, fly_wal_next(wal), err);
    if (status != FLY_OK) {
        return status;
    }
    fly_err failure = {0};
    fly_mutex_lock(&wal->flush_mutex);
    FLY_ASSERT(wal->in_flight == 0);
    FLY_ASSERT(wal->submitted == fly_load_u64(&wal->next)); /* nobody appends meanwhile */
    if ((wal->submitted & (wal->segment_size - 1)) > FLY_WAL_BLOCK) {
        status = roll(wal, wal->submitted, &failure);
    }
    fly_mutex_unlock(&wal->flush_mutex);
    if (status == FLY_E_STOPPED) {
        return fly__wal_stopped(wal, err);
    }
    if (status != FLY_OK && err != NULL) {
        *err = failure;
    }
    return status;
}
