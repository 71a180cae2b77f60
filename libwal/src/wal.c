/*
 * Appending.
 *
 *     W1  every byte position belongs to one record, one pad, a segment's header block, or the last
 *         few bytes of a segment that are too short for a pad
 *     W2  a record lies within one segment
 *     W3  where no record has been completed, the ring holds zeros in the place of the LSN's low half
 *     W4  next <= ceiling, but for pads, of which at most one is behind the ceiling
 *
 * A place is taken by moving `next` with one compare-and-swap; the copy happens outside any lock,
 * and the record is complete when the low half of its LSN is stored, last (W3 makes that visible:
 * a record's LSN is never 0 in its low half, because segments begin with a header). Whoever flushes
 * reads the LSN with acquire, which pairs with that store, and waits where a record is not complete.
 *
 * Encryption and the checksum are the business of whoever flushes, who reads every record's header
 * anyway: the appender often holds a page's latch. Compression changes the length and must be done
 * here, before a place is taken.
 *
 * What is not here: writing (flush.c), files (segment.c), opening (open.c).
 */
#include <fly/wal.h>

#include <inttypes.h>
#include <string.h>

#include "wal_int.h"

/* Appending calls the background thread each time it has filled another such piece of the ring. */
enum { CALL_EVERY = 256 << 10 };

size_t fly_wal_payload_max(const fly_wal *wal)
{
    uint32_t whole = wal->ring_size / 4 < wal->segment_size / 2 ? wal->ring_size / 4
                                                                : wal->segment_size / 2;
    uint32_t overhead = wal->codec != NULL ? wal->codec->overhead : 0;
    return whole - FLY_WAL_HEADER - 4 - overhead;
}

uint64_t fly_wal_next(const fly_wal *wal)
{
    return fly_load_seq_u64(&wal->next);
}

uint64_t fly_wal_durable(const fly_wal *wal)
{
    return fly_load_u64(&wal->durable);
}

bool fly_wal_is_stopped(const fly_wal *wal)
{
    return fly_load_u32(&wal->failed) != 0;
}

const uint8_t *fly_wal_uuid(const fly_wal *wal)
{
    return wal->uuid;
}

/* ------------------------------------------------------------------------ the ring */

static uint8_t *ring_at(const fly_wal *wal, uint64_t lsn)
{
    return wal->ring + (lsn & (wal->ring_size - 1));
}

/* Copy into the ring, around its end if need be. */
static void ring_put(fly_wal *wal, uint64_t lsn, const void *data, size_t len)
{
    size_t at = lsn & (wal->ring_size - 1);
    size_t straight = wal->ring_size - at;
    if (FLY_LIKELY(len <= straight)) {
        memcpy(wal->ring + at, data, len);
    } else {
        memcpy(wal->ring + at, data, straight);
        memcpy(wal->ring, (const uint8_t *)data + straight, len - straight);
    }
}

/* All but the checksum, which who flushes puts there, and the low half of the LSN, which somebody
 * may be looking at (W3). No piece crosses the ring's end: records and ring are aligned to 8. */
static void put_header(fly_wal *wal, uint64_t lsn, uint32_t length, uint8_t manager, uint8_t type,
                       uint16_t flags)
{
    uint8_t *what = ring_at(wal, lsn + AT_MANAGER);
    fly_put_u32(ring_at(wal, lsn + AT_LENGTH), length);
    what[0] = manager;
    what[AT_TYPE - AT_MANAGER] = type;
    fly_put_u16(what + AT_FLAGS - AT_MANAGER, flags);
    fly_put_u32(ring_at(wal, lsn + AT_LSN + 4), (uint32_t)(lsn >> 32));
}

/* The record is complete. W3; pairs with the load in flush.c's is_complete(). */
static void publish(fly_wal *wal, uint64_t lsn)
{
    uint32_t low = FLY__LE32((uint32_t)lsn);
    FLY_ASSERT(low != 0);
    __atomic_store_n((uint32_t *)(void *)ring_at(wal, lsn + AT_LSN), low, __ATOMIC_RELEASE);
}

/* A copy of a few bytes without a call. */
static inline void copy_short(uint8_t *to, const uint8_t *from, size_t len)
{
    if (len > 2 * sizeof(uint64_t)) {
        memcpy(to, from, len);
    } else if (len >= sizeof(uint64_t)) { /* two that may overlap */
        memcpy(to, from, sizeof(uint64_t));
        memcpy(to + len - sizeof(uint64_t), from + len - sizeof(uint64_t), sizeof(uint64_t));
    } else {
        for (size_t i = 0; i < len; i++) {
            to[i] = from[i];
        }
    }
}

/* Copy a payload of `len` bytes into the ring; most do not reach around its end. */
static void put_pieces(fly_wal *wal, uint64_t at, const fly_bytes *pieces, int count, size_t len)
{
    uint8_t *to = ring_at(wal, at);
    if (FLY_LIKELY(len <= wal->ring_size - (at & (wal->ring_size - 1)))) {
        for (int i = 0; i < count; i++) {
            copy_short(to, pieces[i].data, pieces[i].len);
            to += pieces[i].len;
        }
        return;
    }
    for (int i = 0; i < count; i++) {
        if (pieces[i].len > 0) {
            ring_put(wal, at, pieces[i].data, pieces[i].len);
            at += pieces[i].len;
        }
    }
}

void fly__wal_put_pad(fly_wal *wal, uint64_t from, uint64_t to)
{
    uint8_t durable[8];
    FLY_ASSERT(to - from >= PAD_MIN);
    fly_put_u64(durable, fly_load_u64(&wal->durable));
    put_header(wal, from, (uint32_t)(to - from), FLY_WAL_SELF, FLY_WAL_TYPE_PAD, 0);
    ring_put(wal, from + FLY_WAL_HEADER, durable, sizeof durable);
    publish(wal, from);
}

/* --------------------------------------------------------------------- taking a place */

/*
 * Where a record of `size` bytes goes if the log ends at `next`:
 *
 *     ── segment n ──────────┬── segment n + 1 ───────
 *       … record │ pad │     │ header block │ record …
 *               next         segment's end  place
 *
 * Where too little for a pad is left there is nothing, not even a record that would fit: whoever walks
 * over the log goes on in the next segment.
 */
static uint64_t place_after(const fly_wal *wal, uint64_t next, uint64_t size)
{
    uint64_t within = next & (wal->segment_size - 1);
    if (within == 0) {
        return next + FLY_WAL_BLOCK;
    }
    if (within + size > wal->segment_size || wal->segment_size - within < PAD_MIN) {
        return next - within + wal->segment_size + FLY_WAL_BLOCK;
    }
    return next;
}

/* What is left of a segment behind its last record, if a pad can say so. */
static void pad_segment(fly_wal *wal, uint64_t from, uint64_t place)
{
    uint64_t end = place - FLY_WAL_BLOCK;
    if (place != from && end - from >= PAD_MIN) {
        fly__wal_put_pad(wal, from, end);
    }
}

/* Disk space that a record ending at `end` needs: with these flags it may use what is kept for
 * finishing what was begun, so that one can roll back on a full disk. */
static uint64_t disk_needed(uint64_t end, uint16_t flags)
{
    return (flags & FLY_WAL_MUST) != 0 ? end : end + FLY__WAL_RESERVE;
}

/* Wait until the log may grow to `end`: for disk space, and for a write if the ring is full. */
static fly_status wait_for_room(fly_wal *wal, uint64_t end, uint16_t flags, fly_err *err)
{
    uint64_t needed = disk_needed(end, flags);
    if (needed > fly_load_u64(&wal->room)) {
        fly_status status = fly__wal_make_room(wal, needed, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    while (end > fly_load_u64(&wal->ring_limit)) {
        fly_count_u64(&wal->full, 1);
        fly_status status = fly__wal_flush_to(wal, fly_load_u64(&wal->durable) + 1, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

static fly_status take_place(fly_wal *wal, uint64_t size, uint16_t flags, uint64_t *place,
                             fly_err *err)
{
    uint64_t next = fly_load_u64(&wal->next);
    for (;;) {
        uint64_t at = place_after(wal, next, size);
        /* Pairs with the store in fly__wal_set_ceiling(): what was zeroed for us is zero (W3). */
        if (FLY_UNLIKELY(at + size > fly_load_u64(&wal->ceiling))) {
            fly_status status = wait_for_room(wal, at + size, flags, err);
            if (status != FLY_OK) {
                return status;
            }
            next = fly_load_u64(&wal->next);
            at = place_after(wal, next, size);
            if (at + size > fly_load_u64(&wal->ring_limit) ||
                disk_needed(at + size, flags) > fly_load_u64(&wal->room)) {
                continue; /* others were faster */
            }
        }
        FLY_POINT("log append", wal);
        if (FLY_LIKELY(fly_cas_u64(&wal->next, &next, at + size))) {
            if (FLY_UNLIKELY(at != next)) {
                pad_segment(wal, next, at);
            }
            if (FLY_UNLIKELY((next ^ (at + size)) >= CALL_EVERY)) {
                fly__wal_call_background(wal);
            }
            *place = at;
            return FLY_OK;
        }
    }
}

bool fly__wal_seal(fly_wal *wal, uint64_t from, uint64_t *end)
{
    uint64_t to = fly__wal_block_up(from);
    if (to - from < PAD_MIN && to != from) {
        to += FLY_WAL_BLOCK;
    }
    /* Not across the end of a segment: its own pad, or nothing, closes it. And not into what is kept
     * for finishing what was begun: when the disk is full, every flush would eat a block of it. */
    uint64_t segment_end = (from | (wal->segment_size - 1)) + 1;
    if (to == from || to > segment_end || to + FLY__WAL_RESERVE > fly_load_u64(&wal->room)) {
        *end = from;
        return true;
    }
    uint64_t expected = from;
    if (!fly_cas_u64(&wal->next, &expected, to)) {
        return false;
    }
    fly__wal_put_pad(wal, from, to);
    *end = to;
    return true;
}

/* -------------------------------------------------------------------------- appending */

fly_status fly_wal_append(fly_wal *wal, uint8_t manager, uint8_t type, uint16_t flags,
                          const fly_bytes *pieces, int count, uint64_t *lsn, uint64_t *end,
                          fly_err *err)
{
    FLY_ASSERT(manager != FLY_WAL_SELF);
    if (FLY_UNLIKELY(fly_load_relaxed_u32(&wal->failed) != 0)) {
        return fly__wal_stopped(wal, err);
    }
    size_t len = 0;
    for (int i = 0; i < count; i++) {
        len += pieces[i].len;
    }
    if (FLY_UNLIKELY(len > fly_wal_payload_max(wal))) {
        return fly_err_set(err, FLY_E_TOO_LARGE,
                           "a log record of %zu bytes is longer than the limit of %zu", len,
                           fly_wal_payload_max(wal));
    }
    uint16_t stored = flags & FLY_WAL_USER_FLAGS;
    uint8_t *scratch = NULL;
    size_t scratch_size = 0;
    fly_bytes packed = {NULL, 0};
    if (FLY_UNLIKELY(wal->compressor != NULL && len >= wal->compressor->threshold)) {
        fly_status status =
            fly__wal_compress(wal, pieces, count, len, &scratch, &scratch_size, &packed, err);
        if (status != FLY_OK) {
            return status;
        }
        if (packed.len > 0) {
            pieces = &packed;
            count = 1;
            len = packed.len;
            stored |= FLAG_COMPRESSED;
        }
    }
    if (FLY_UNLIKELY(wal->codec != NULL)) {
        len += wal->codec->overhead; /* who flushes encrypts; here is the room for it */
        stored |= FLAG_ENCRYPTED;
    }
    uint32_t length = (uint32_t)(FLY_WAL_HEADER + len);
    uint64_t size = fly__wal_align(length);
    uint64_t place;
    fly_status status = take_place(wal, size, flags, &place, err);
    if (FLY_LIKELY(status == FLY_OK)) {
        put_header(wal, place, length, manager, type, stored);
        put_pieces(wal, place + FLY_WAL_HEADER, pieces, count, len);
        FLY_POINT("log publish", wal);
        publish(wal, place);
        if (lsn != NULL) {
            *lsn = place;
        }
        if (end != NULL) {
            *end = place + size;
        }
        FLY_TRACE(wal->env->trace, FLY_WAL_EVENT_APPENDED, place, size, manager, type);
    }
    fly_mem_free(wal->env->mem, scratch, scratch_size);
    return status;
}
