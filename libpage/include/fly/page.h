/**
 * @file page.h
 * @brief Slotted pages: many variable-length cells inside one block of fixed size.
 *
 * A page is a block of bytes that somebody else owns: a frame of a buffer pool, a mapped file, an
 * array in a test. This part of the library gives those bytes a shape. It allocates nothing, opens
 * no file, takes no latch and keeps no state. fly/page_file.h adds the file that pages live in.
 *
 *     0        24        slots_at        lower           upper           size
 *     +--------+---------+---------------+---------------+---------------+
 *     | header | owner's |     slots     |      gap      |     cells     |
 *     +--------+---------+---------------+---------------+---------------+
 *                          grow right ->                   <- grow left
 *
 * A slot is the cell's offset and length, two bytes each, and, where the layout says so, a tag of
 * four bytes that the owner may use for what it wants to find without touching the cell. Slots can
 * be used in two ways: as an ordered list (insert before, remove and close the gap), which is what
 * a B-tree wants, or as stable names (add, drop: a slot's number stays while its cell lives), which
 * is what a heap of records wants.
 *
 * Threads: thread-compatible. Trust: bytes from a disk are hostile until fly_page_check() accepts
 * them; every function but that one assumes that it did. Format: docs/formats/page.md.
 */
#ifndef FLY_PAGE_H
#define FLY_PAGE_H

#include <fly/base_bytes.h>

/** @defgroup page libpage: slotted pages and the file they live in */
/** @addtogroup page
 *  @{ */

#define FLY_PAGE_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

enum {
    FLY_PAGE_SIZE_MIN = 4096,
    FLY_PAGE_SIZE_DEFAULT = 8192,
    FLY_PAGE_SIZE_MAX = 65536,
    FLY_PAGE_HEADER = 24, /**< bytes of the header that every page has */
    FLY_PAGE_SLOT = 4,    /**< bytes of a slot without a tag */
    FLY_PAGE_TAGGED = 8   /**< bytes of a slot with a tag */
};

/** Pages are numbered from 0. This number is no page. */
#define FLY_PAGE_NONE UINT32_MAX

/** What a page is for. Numbers 16 and up belong to whoever builds on this library. */
typedef enum fly_page_type {
    FLY_PAGE_TYPE_NONE = 0,   /**< all zero: never written */
    FLY_PAGE_TYPE_HEADER = 1, /**< page 0 of a page file */
    FLY_PAGE_TYPE_MAP = 2,    /**< which pages are in use */
    FLY_PAGE_TYPE_SLOTTED = 3 /**< cells, for programs that need no other type */
} fly_page_type;

/** A view of one page. Copy it freely: it owns nothing, and `bytes` must outlive it. */
typedef struct fly_page {
    uint8_t *bytes;      /**< borrowed */
    uint32_t size;       /**< usable bytes: the page size, less what a codec keeps at the end */
    uint16_t slots_at;   /**< where slots begin: FLY_PAGE_HEADER plus what the owner keeps there */
    uint16_t slot_bytes; /**< FLY_PAGE_SLOT or FLY_PAGE_TAGGED */
} fly_page;

/* ------------------------------------------------------------------ the header */

/** The page's own number. */
static inline uint32_t fly_page_id(const uint8_t *bytes)
{
    return fly_get_u32(bytes);
}

/** What the page is for: a ::fly_page_type or an owner's number. */
static inline uint8_t fly_page_kind(const uint8_t *bytes)
{
    return bytes[4];
}

/** The owner's flags. */
static inline uint8_t fly_page_flags(const uint8_t *bytes)
{
    return bytes[5];
}

/** Set the owner's flags. */
static inline void fly_page_set_flags(uint8_t *bytes, uint8_t flags)
{
    bytes[5] = flags;
}

/** The log position of the newest change. */
static inline uint64_t fly_page_lsn(const uint8_t *bytes)
{
    return fly_get_u64(bytes + 12);
}

/** Set the log position of the newest change. */
static inline void fly_page_set_lsn(uint8_t *bytes, uint64_t lsn)
{
    fly_put_u64(bytes + 12, lsn);
}

/** How many slots there are, free ones included. */
static inline uint16_t fly_page_count(fly_page page)
{
    return fly_get_u16(page.bytes + 6);
}

/** Where the slots end. */
static inline uint32_t fly_page_lower(fly_page page)
{
    return fly_get_u16(page.bytes + 8);
}

/** Where the cells begin. */
static inline uint32_t fly_page_upper(fly_page page)
{
    uint32_t upper = fly_get_u16(page.bytes + 10);
    return upper != 0 ? upper : (uint32_t)FLY_PAGE_SIZE_MAX;
}

/** Bytes between slots and cells. */
static inline uint32_t fly_page_gap(fly_page page)
{
    return fly_page_upper(page) - fly_page_lower(page);
}

/* -------------------------------------------------------------------- the cells */

/** Make an empty page: all zero but the header. The LSN is 0. */
void fly_page_init(fly_page page, uint32_t id, uint8_t kind);

/** As fly_page_init(), but only what lies before the slots is zeroed. For images whose gap nobody looks
 *  at; of a page that goes to disk the caller zeroes the gap when it is done. */
void fly_page_reset(fly_page page, uint32_t id, uint8_t kind);

/** Where slot `at` lies. */
static inline uint8_t *fly_page_slot(fly_page page, uint32_t at)
{
    return page.bytes + page.slots_at + (size_t)at * page.slot_bytes;
}

/** Where the cell of slot `at` begins in the page; of a free slot: 0. */
static inline uint32_t fly_page_cell_offset(fly_page page, uint32_t at)
{
    return fly_get_u16(fly_page_slot(page, at));
}

/** How long the cell of slot `at` is; 0 if the slot is free. */
static inline uint32_t fly_page_cell_len(fly_page page, uint32_t at)
{
    return fly_get_u16(fly_page_slot(page, at) + 2);
}

/** The cell of slot `at`; empty if the slot is free. Valid until the page changes. */
static inline fly_bytes fly_page_cell(fly_page page, uint32_t at)
{
    return fly_bytes_of(page.bytes + fly_page_cell_offset(page, at), fly_page_cell_len(page, at));
}

/** The tag of slot `at`, of a layout with tags. */
static inline uint32_t fly_page_tag(fly_page page, uint32_t at)
{
    return fly_get_u32(fly_page_slot(page, at) + 4);
}

/** Set the tag of slot `at`. */
static inline void fly_page_set_tag(fly_page page, uint32_t at, uint32_t tag)
{
    fly_put_u32(fly_page_slot(page, at) + 4, tag);
}

/** Bytes of cells that are no longer used: what compacting would add to the gap. O(count). */
uint32_t fly_page_holes(fly_page page);

/**
 * @brief Open slot `at` with an uninitialised cell of `len` bytes; slots from `at` on move up.
 *
 * Compacts the page first if that is what it takes. A tag is 0 until it is set.
 *
 * @param at   0 to fly_page_count(page), both included; the count itself appends.
 * @param len  1 to 65,535.
 * @return The cell to fill in, or NULL if the page cannot hold it: then nothing was changed.
 * @cost   O(count) for the slots moved; O(size) when it compacts.
 */
uint8_t *fly_page_open(fly_page page, uint32_t at, uint32_t len);

/**
 * @brief Insert a copy of `cell` before slot `at`; slots from `at` on move up by one.
 *
 * @param cell  Copied. Not empty, and not a part of this page.
 * @return FLY_E_FULL if the page cannot hold it: then nothing was changed.
 */
FLY_MUST_USE fly_status fly_page_insert(fly_page page, uint32_t at, fly_bytes cell);

/** Remove slot `at` and its cell; slots after it move down by one. */
void fly_page_remove(fly_page page, uint32_t at);

/** Remove slots `from` to `to` - 1 and their cells; later slots move down. */
void fly_page_remove_range(fly_page page, uint32_t from, uint32_t to);

/**
 * @brief Give slot `at` a cell of `len` bytes in place of the one it has.
 *
 * In place if the new one is not longer, else elsewhere on the page, compacting if that is what it
 * takes. The old cell's first bytes are kept as far as both reach, whichever way it goes.
 *
 * @return The cell to fill in, or NULL if the page cannot hold it: then nothing was changed.
 */
uint8_t *fly_page_resize(fly_page page, uint32_t at, uint32_t len);

/**
 * @brief Add a copy of `cell` under a number that stays valid until fly_page_drop().
 *
 * Takes the lowest free slot, or a new one at the end. A tag is 0 until it is set.
 *
 * @return FLY_E_FULL if the page cannot hold it: then nothing was changed.
 */
FLY_MUST_USE fly_status fly_page_add(fly_page page, fly_bytes cell, uint16_t *slot);

/** Free a slot that fly_page_add() gave. No other slot's number changes. */
void fly_page_drop(fly_page page, uint16_t slot);

/** Close the holes between cells. Slots keep their numbers and cells. O(size). */
void fly_page_compact(fly_page page);

/* ------------------------------------------------------------------------ trust */

/**
 * @brief Decide whether the bytes are a page that the functions above may work on.
 *
 * The rules are numbered in page.c; the first one broken is named. Does not look at the checksum,
 * which is about storage (fly_page_verify()), nor at the owner's bytes.
 *
 * @param page  Of any content whatever.
 * @return FLY_E_CORRUPT.
 * The short form is enough for reading. It does not look for cells that share bytes (P5): to change
 * one of them is to change the other, and in the end perhaps a slot. So bytes that somebody could
 * have made up want the `thorough` form before they are changed.
 *
 * @cost   O(count); in `thorough` form O(size / 64) more.
 */
FLY_MUST_USE fly_status fly_page_check(fly_page page, bool thorough, fly_err *err);

/** Compute and store the checksum. `size` is that of the whole page, a codec's part included. */
void fly_page_seal(uint8_t *bytes, uint32_t size);

/**
 * @brief Decide whether these bytes are page `id` as it was sealed.
 *
 * @return FLY_E_CORRUPT: the checksum is wrong, or the page is another one (a write went astray).
 */
FLY_MUST_USE fly_status fly_page_verify(const uint8_t *bytes, uint32_t size, uint32_t id,
                                        fly_err *err);

FLY_EXTERN_C_END
/** @} */
#endif
