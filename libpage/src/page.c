/*
 * Slotted pages.
 *
 *     0        24        slots_at        lower           upper           size
 *     +--------+---------+---------------+---------------+---------------+
 *     | header | owner's |     slots     |      gap      |     cells     |
 *     +--------+---------+---------------+---------------+---------------+
 *
 * Invariants. fly_page_check() decides them for bytes from outside; every function below may rely
 * on them and must restore them before it returns.
 *
 *     P1  lower = slots_at + slot_bytes * count
 *     P2  lower <= upper <= size
 *     P3  a used slot's cell lies inside [upper, size)
 *     P4  the lengths of all cells add up to no more than size - upper
 *     P5  no byte belongs to two cells
 *     P6  a free slot (length 0) has offset 0
 *
 * P1 to P4 are what reading and compacting rest on: every cell lies in the page, and all of them fit
 * behind `upper`. Changing a page rests on P5 too: the bytes of a removed cell may join the gap, and
 * slots may grow over them.
 *
 * What is not here: the order of keys (the B-tree's business), the file (pagefile.c), any I/O.
 */
#include <fly/page.h>

#include <fly/base_hash.h>

#include <inttypes.h>
#include <string.h>

enum { AT_ID = 0, AT_KIND = 4, AT_COUNT = 6, AT_LOWER = 8, AT_UPPER = 10, AT_CRC = 20 };

_Static_assert(AT_CRC + 4 == FLY_PAGE_HEADER, "the checksum ends the header");

/* ------------------------------------------------------------------- small steps */

static void set_count(fly_page page, uint32_t count)
{
    fly_put_u16(page.bytes + AT_COUNT, (uint16_t)count);
    fly_put_u16(page.bytes + AT_LOWER, (uint16_t)(page.slots_at + count * page.slot_bytes));
}

/* 65,536 does not fit 16 bits and is written as 0. */
static void set_upper(fly_page page, uint32_t upper)
{
    fly_put_u16(page.bytes + AT_UPPER, (uint16_t)upper);
}

static void set_slot(fly_page page, uint32_t at, uint32_t offset, uint32_t len)
{
    uint8_t *slot = fly_page_slot(page, at);
    fly_put_u16(slot, (uint16_t)offset);
    fly_put_u16(slot + 2, (uint16_t)len);
}

static void move_slots(fly_page page, uint32_t from, uint32_t to, uint32_t count)
{
    memmove(fly_page_slot(page, to), fly_page_slot(page, from), (size_t)count * page.slot_bytes);
}

void fly_page_reset(fly_page page, uint32_t id, uint8_t kind)
{
    memset(page.bytes, 0, page.slots_at);
    fly_put_u32(page.bytes + AT_ID, id);
    page.bytes[AT_KIND] = kind;
    set_count(page, 0);
    set_upper(page, page.size);
}

void fly_page_init(fly_page page, uint32_t id, uint8_t kind)
{
    memset(page.bytes + page.slots_at, 0, page.size - page.slots_at);
    fly_page_reset(page, id, kind);
}

/* ------------------------------------------------------------------------- space */

uint32_t fly_page_holes(fly_page page)
{
    uint32_t used = 0;
    uint32_t count = fly_page_count(page);
    for (uint32_t i = 0; i < count; i++) {
        used += fly_page_cell_len(page, i);
    }
    return page.size - fly_page_upper(page) - used;
}

/*
 * Copy the cells aside and lay them down again from the end:
 *
 *     [slots A B C][   gap   ][B][..hole..][C][A]      before
 *     [slots A B C][   gap            ][C][B][A]       after
 */
void fly_page_compact(fly_page page)
{
    uint8_t aside[FLY_PAGE_SIZE_MAX];
    uint32_t upper = fly_page_upper(page);
    memcpy(aside + upper, page.bytes + upper, page.size - upper);

    uint32_t count = fly_page_count(page);
    uint32_t to = page.size;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t len = fly_page_cell_len(page, i);
        if (len > 0) {
            to -= len;
            memcpy(page.bytes + to, aside + fly_page_cell_offset(page, i), len);
            set_slot(page, i, to, len);
        }
    }
    FLY_ASSERT(to >= upper);
    memset(page.bytes + upper, 0, to - upper); /* what was deleted does not linger on the disk */
    set_upper(page, to);
}

/* Make the gap at least `need` bytes wide, if the page has that much in all. */
static bool make_room(fly_page page, uint32_t need)
{
    if (fly_page_gap(page) >= need) {
        return true;
    }
    if (fly_page_gap(page) + fly_page_holes(page) < need) {
        return false;
    }
    fly_page_compact(page);
    return true;
}

/* Take `len` bytes from the gap, which has them. */
static uint32_t take(fly_page page, uint32_t len)
{
    uint32_t offset = fly_page_upper(page) - len;
    set_upper(page, offset);
    return offset;
}

/* Give a cell's bytes back: to the gap if it borders on it, else they become a hole. */
static void give_back(fly_page page, uint32_t offset, uint32_t len)
{
    memset(page.bytes + offset, 0, len);
    if (offset == fly_page_upper(page)) {
        set_upper(page, offset + len);
    }
}

/* ----------------------------------------------------------------- slots in order */

uint8_t *fly_page_open(fly_page page, uint32_t at, uint32_t len)
{
    uint32_t count = fly_page_count(page);
    FLY_ASSERT(at <= count);
    FLY_ASSERT(len > 0);
    /* Two comparisons instead of one sum: `len` is the caller's and could overflow it. */
    if (len > page.size || !make_room(page, len + page.slot_bytes)) {
        return NULL;
    }
    uint32_t offset = take(page, len);
    /*
     * Open a slot in the middle. With slots A B C D and at = 1:
     *
     *     [A][B][C][D]         before
     *     [A][ ][B][C][D]      after the move; the empty one is ours
     */
    move_slots(page, at, at + 1, count - at);
    set_slot(page, at, offset, len);
    if (page.slot_bytes == FLY_PAGE_TAGGED) {
        fly_page_set_tag(page, at, 0);
    }
    set_count(page, count + 1);
    return page.bytes + offset;
}

fly_status fly_page_insert(fly_page page, uint32_t at, fly_bytes cell)
{
    if (cell.len > page.size) {
        return FLY_E_FULL;
    }
    uint8_t *to = fly_page_open(page, at, (uint32_t)cell.len);
    if (to == NULL) {
        return FLY_E_FULL;
    }
    memcpy(to, cell.data, cell.len);
    return FLY_OK;
}

void fly_page_remove_range(fly_page page, uint32_t from, uint32_t to)
{
    uint32_t count = fly_page_count(page);
    FLY_ASSERT(from <= to);
    FLY_ASSERT(to <= count);
    for (uint32_t i = from; i < to; i++) {
        give_back(page, fly_page_cell_offset(page, i), fly_page_cell_len(page, i));
    }
    move_slots(page, to, from, count - to);
    set_count(page, count - (to - from));
    memset(page.bytes + fly_page_lower(page), 0, (size_t)(to - from) * page.slot_bytes);
}

void fly_page_remove(fly_page page, uint32_t at)
{
    fly_page_remove_range(page, at, at + 1);
}

uint8_t *fly_page_resize(fly_page page, uint32_t at, uint32_t len)
{
    FLY_ASSERT(at < fly_page_count(page));
    FLY_ASSERT(len > 0);
    uint32_t offset = fly_page_cell_offset(page, at);
    uint32_t old = fly_page_cell_len(page, at);
    if (len <= old) {
        /* The end of the old cell becomes a hole. Moving the cell's start instead would save the
         * hole at times and cost a copy always. */
        memset(page.bytes + offset + len, 0, old - len);
        set_slot(page, at, offset, len);
        return page.bytes + offset;
    }
    if (len > page.size) {
        return NULL;
    }
    if (fly_page_gap(page) >= len) {
        uint32_t moved = take(page, len);
        memcpy(page.bytes + moved, page.bytes + offset, old);
        memset(page.bytes + offset, 0, old);
        set_slot(page, at, moved, len);
        return page.bytes + moved;
    }
    if (fly_page_gap(page) + fly_page_holes(page) + old < len) {
        return NULL;
    }
    uint8_t aside[FLY_PAGE_SIZE_MAX];
    memcpy(aside, page.bytes + offset, old);
    give_back(page, offset, old);
    set_slot(page, at, 0, 0);
    fly_page_compact(page);
    uint32_t moved = take(page, len);
    memcpy(page.bytes + moved, aside, old);
    set_slot(page, at, moved, len);
    return page.bytes + moved;
}

/* ----------------------------------------------------------------- slots as names */

fly_status fly_page_add(fly_page page, fly_bytes cell, uint16_t *slot)
{
    FLY_ASSERT(cell.len > 0);
    uint32_t count = fly_page_count(page);
    uint32_t at = 0;
    while (at < count && fly_page_cell_len(page, at) != 0) {
        at++;
    }
    if (at == count) {
        fly_status status = fly_page_insert(page, at, cell);
        if (status == FLY_OK) {
            *slot = (uint16_t)at;
        }
        return status;
    }
    if (cell.len > page.size || !make_room(page, (uint32_t)cell.len)) {
        return FLY_E_FULL;
    }
    uint32_t offset = take(page, (uint32_t)cell.len);
    memcpy(page.bytes + offset, cell.data, cell.len);
    set_slot(page, at, offset, (uint32_t)cell.len);
    if (page.slot_bytes == FLY_PAGE_TAGGED) {
        fly_page_set_tag(page, at, 0); /* the tag of the name's last owner was here */
    }
    *slot = (uint16_t)at;
    return FLY_OK;
}

void fly_page_drop(fly_page page, uint16_t slot)
{
    uint32_t count = fly_page_count(page);
    FLY_ASSERT(slot < count);
    FLY_ASSERT(fly_page_cell_len(page, slot) > 0);
    give_back(page, fly_page_cell_offset(page, slot), fly_page_cell_len(page, slot));
    set_slot(page, slot, 0, 0);
    /* Free slots at the end are nobody's names any more. */
    uint32_t kept = count;
    while (kept > 0 && fly_page_cell_len(page, kept - 1) == 0) {
        kept--;
    }
    memset(fly_page_slot(page, kept), 0, (size_t)(count - kept) * page.slot_bytes);
    set_count(page, kept);
}

/* -------------------------------------------------------------------------- trust */

static fly_status broken(fly_page page, fly_err *err, const char *what, uint32_t a, uint32_t b)
{
    return fly_err_set(err, FLY_E_CORRUPT, "page %" PRIu32 ": %s (%" PRIu32 ", %" PRIu32 ")",
                       fly_page_id(page.bytes), what, a, b);
}

/* P5, by a bit for every byte of the page, 64 at a time. P3 holds. */
static fly_status check_shared_bytes(fly_page page, fly_err *err)
{
    uint64_t taken[FLY_PAGE_SIZE_MAX / 64];
    memset(taken, 0, ((size_t)page.size + 63) / 64 * 8);
    uint32_t count = fly_page_count(page);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t end = fly_page_cell_offset(page, i) + fly_page_cell_len(page, i);
        for (uint32_t byte = fly_page_cell_offset(page, i); byte < end;) {
            uint32_t word_end = (byte / 64 + 1) * 64;
            uint64_t bits = UINT64_MAX << (byte % 64);
            if (end < word_end) {
                bits &= UINT64_MAX >> (word_end - end);
            }
            uint64_t shared = taken[byte / 64] & bits;
            if (shared != 0) {
                return broken(page, err, "P5: a byte belongs to this slot and to another", i,
                              byte / 64 * 64 + (uint32_t)__builtin_ctzll(shared));
            }
            taken[byte / 64] |= bits;
            byte = word_end;
        }
    }
    return FLY_OK;
}

fly_status fly_page_check(fly_page page, bool thorough, fly_err *err)
{
    uint32_t count = fly_page_count(page);
    uint32_t lower = fly_page_lower(page);
    uint32_t upper = fly_page_upper(page);
    if (lower != page.slots_at + count * page.slot_bytes) {
        return broken(page, err, "P1: slots end elsewhere than their count says", count, lower);
    }
    if (lower > upper || upper > page.size) {
        return broken(page, err, "P2: slots and cells do not fit together", lower, upper);
    }
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t offset = fly_page_cell_offset(page, i);
        uint32_t len = fly_page_cell_len(page, i);
        if (len == 0) {
            if (offset != 0) {
                return broken(page, err, "P6: a free slot points somewhere", i, offset);
            }
            continue;
        }
        if (offset < upper || offset > page.size || len > page.size - offset) {
            return broken(page, err, "P3: a slot points outside the cells", i, offset);
        }
        used += len;
        if (used > page.size - upper) {
            return broken(page, err, "P4: the cells are longer than their place", i, used);
        }
    }
    return thorough ? check_shared_bytes(page, err) : FLY_OK;
}

static uint32_t checksum(const uint8_t *bytes, uint32_t size)
{
    uint32_t crc = fly_crc32c(0, bytes, AT_CRC);
    return fly_crc32c(crc, bytes + FLY_PAGE_HEADER, size - FLY_PAGE_HEADER);
}

void fly_page_seal(uint8_t *bytes, uint32_t size)
{
    fly_put_u32(bytes + AT_CRC, checksum(bytes, size));
}

fly_status fly_page_verify(const uint8_t *bytes, uint32_t size, uint32_t id, fly_err *err)
{
    uint32_t stored = fly_get_u32(bytes + AT_CRC);
    uint32_t computed = checksum(bytes, size);
    if (stored != computed) {
        return fly_err_set(err, FLY_E_CORRUPT,
                           "page %" PRIu32 ": checksum is %08" PRIx32 ", should be %08" PRIx32, id,
                           stored, computed);
    }
    if (fly_page_id(bytes) != id) {
        return fly_err_set(err, FLY_E_CORRUPT, "page %" PRIu32 ": its place holds page %" PRIu32,
                           id, fly_page_id(bytes));
    }
    return FLY_OK;
}
