/**
 * @file txn_dissect.h
 * @brief What a store adds to trees, logs and page files, taken apart for eyes and for tools.
 *
 * Each function walks over one thing that begins where the dissector is, says what every byte means
 * (fly/base_dissect.h), and leaves the dissector behind it. Nothing is believed: bytes of any content
 * are shown as far as they can be.
 *
 * Threads: thread-compatible. Format: docs/formats/store.md.
 */
#ifndef FLY_TXN_DISSECT_H
#define FLY_TXN_DISSECT_H

#include <fly/base_dissect.h>
#include <fly/txn.h>

/** @addtogroup txn
 *  @{ */
FLY_EXTERN_C_BEGIN

/** Dissect the value of an entry in a tree of a store, `len` bytes: stamp, flags, payload. */
void fly_txn_dissect_value(fly_dissector *d, size_t len);

/** What only others know of a log record. Zero and NULL mean the default. */
typedef struct fly_txn_dissect_options {
    /** Show the body of a tree's record, `len` bytes. Default: which tree, page and key it is about,
     *  and digits. */
    void (*body)(void *ctx, fly_dissector *d, uint8_t type, size_t len);
    /** Show what another resource manager has logged, `len` bytes. Default: digits. */
    void (*other)(void *ctx, fly_dissector *d, const fly_wal_record *record, size_t len);
    void *ctx;
} fly_txn_dissect_options;

/**
 * @brief Dissect the payload of a log record of a store.
 *
 * @param record   Of it the manager, the type, the flags and the length of the payload are looked at;
 *                 the bytes are the dissector's.
 * @param options  May be NULL.
 */
void fly_txn_dissect_record(fly_dissector *d, const fly_wal_record *record,
                            const fly_txn_dissect_options *options);

/** What a log record is called: "put", "commit", "prepare", ... */
const char *fly_txn_record_name(uint8_t manager, uint8_t type);

/** Dissect what a store keeps in the header of its page file. */
void fly_store_dissect_meta(fly_dissector *d);

FLY_EXTERN_C_END
/** @} */
#endif
