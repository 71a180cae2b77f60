/**
 * @file page_dissect.h
 * @brief Pages and page files taken apart field by field, for eyes and for tools.
 *
 * Each function walks over one thing that begins where the dissector is, says what every byte means
 * (fly/base_dissect.h), and leaves the dissector behind it. Nothing is believed: bytes of any content
 * are shown as far as they can be, with a line that says what is wrong with them. Who has decoded a
 * page hands it to fly_page_dissect().
 *
 * Threads: thread-compatible. Formats: docs/formats/page.md, docs/formats/pagefile.md.
 */
#ifndef FLY_PAGE_DISSECT_H
#define FLY_PAGE_DISSECT_H

#include <fly/base_dissect.h>
#include <fly/page.h>

/** @addtogroup page
 *  @{ */
FLY_EXTERN_C_BEGIN

/** What only a page's owner knows. Zero and NULL mean the default. */
typedef struct fly_page_dissect_options {
    uint32_t page_size;       /**< default: all the bytes that are left */
    uint32_t reserve;         /**< what a codec keeps at the end; default 0 */
    uint16_t slots_at;        /**< default FLY_PAGE_HEADER */
    uint16_t slot_bytes;      /**< default FLY_PAGE_SLOT */
    const char *const *kinds; /**< names of page types; default this library's own */
    size_t kind_count;
    /** Show the owner's bytes before the slots. The dissector is at the first of them and ends where
     *  the slots begin. Default: digits. */
    void (*owner)(void *ctx, fly_dissector *d, fly_page page);
    /** Show the cell of slot `at`. The dissector is at its first byte and ends behind its last.
     *  The page may be damaged: of other slots and cells nothing is known. Default: quoted. */
    void (*cell)(void *ctx, fly_dissector *d, fly_page page, uint32_t at);
    /** Show the owner's bytes in the header of a page file, in the same way. Default: digits. */
    void (*meta)(void *ctx, fly_dissector *d);
    void *ctx;
} fly_page_dissect_options;

/** Dissect the 24 bytes that begin every page, and say whether the checksum is right. `options` may
 *  be NULL, here and below. */
void fly_page_dissect_header(fly_dissector *d, const fly_page_dissect_options *options);

/** Dissect a slotted page: header, owner's bytes, each slot with its cell, the gap. */
void fly_page_dissect(fly_dissector *d, const fly_page_dissect_options *options);

/** Dissect page 0 of a page file. The page size is the one it says, unless `options` have one. */
void fly_pagefile_dissect_header(fly_dissector *d, const fly_page_dissect_options *options);

/** Dissect a map: runs of pages that are in use, and free. */
void fly_pagefile_dissect_map(fly_dissector *d, const fly_page_dissect_options *options);

/** Dissect a page as it lies in a page file, whichever of these it is; of unknown types, and of pages
 *  that a codec has encoded (`reserve` is not 0), the header. */
void fly_pagefile_dissect_page(fly_dissector *d, const fly_page_dissect_options *options);

/** Dissect a double-write area: its header block, its entries, the header of each page in it. */
void fly_pagefile_dissect_area(fly_dissector *d, const fly_page_dissect_options *options);

FLY_EXTERN_C_END
/** @} */
#endif
