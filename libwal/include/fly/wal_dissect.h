/**
 * @file wal_dissect.h
 * @brief Segment files taken apart field by field, for eyes and for tools.
 *
 * Each function walks over one thing that begins where the dissector is, says what every byte means
 * (fly/base_dissect.h), and leaves the dissector behind it. Nothing is believed: bytes of any content
 * are shown as far as they can be, with a line that says what is wrong with them.
 *
 * To see what a log says, use a reader (fly/wal.h); to see why a reader does not like it, this.
 *
 * Threads: thread-compatible. Format: docs/formats/wal.md.
 */
#ifndef FLY_WAL_DISSECT_H
#define FLY_WAL_DISSECT_H

#include <fly/base_dissect.h>
#include <fly/wal.h>

/** @addtogroup wal
 *  @{ */
FLY_EXTERN_C_BEGIN

/** What only others know of a record. Zero and NULL mean the default. */
typedef struct fly_wal_dissect_options {
    /** Show a record's payload. The dissector is at its first byte and ends behind its last. Of
     *  `record` all is set but the payload's bytes, which are the dissector's. Payloads that are
     *  compressed or encrypted are not given to it. Default: digits. */
    void (*payload)(void *ctx, fly_dissector *d, const fly_wal_record *record);
    void *ctx;
} fly_wal_dissect_options;

/**
 * @brief Dissect the block that begins a segment file, and say whether its checksum is right.
 *
 * @param[out] start  The LSN of the segment's first byte, from the header; of one that is not sound,
 *                    as far as that goes. May be NULL.
 * @return Whether it is the header of a segment and sound.
 */
bool fly_wal_dissect_header(fly_dissector *d, uint64_t *start);

/**
 * @brief Dissect a record, and the bytes that align the next one.
 *
 * @param lsn      Where in the log the dissector is; 0 if that is not known. A record that says
 *                 otherwise is a stale one, left by an older segment.
 * @param options  May be NULL.
 * @return Whether a sound record was there; if not, only its header was shown.
 */
bool fly_wal_dissect_record(fly_dissector *d, uint64_t lsn, const fly_wal_dissect_options *options);

/** Dissect a segment file: its header block, then records for as long as there are sound ones, then a
 *  line on the rest. */
void fly_wal_dissect_segment(fly_dissector *d, const fly_wal_dissect_options *options);

FLY_EXTERN_C_END
/** @} */
#endif
