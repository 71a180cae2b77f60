/**
 * @file btree_dissect.h
 * @brief Looking at a tree's pages and log records as bytes: for inspection and for salvage.
 *
 * Nothing here needs a pool, a file or a tree, and nothing trusts the bytes: pages may be torn,
 * overwritten, or no pages at all.
 *
 *     fly_btree_image image;
 *     if (fly_btree_image_of(bytes, usable, &image) && image.kind == FLY_BTREE_PAGE_LEAF) {
 *         for (uint32_t i = 0; i < image.count; i++) {
 *             uint8_t room[FLY_BTREE_IMAGE_KEY];
 *             if (fly_btree_image_entry(&image, i, room, &key, &entry) == FLY_OK) { ... }
 *         }
 *     }
 *
 * Threads: pure. Format: docs/formats/btree.md.
 */
#ifndef FLY_BTREE_DISSECT_H
#define FLY_BTREE_DISSECT_H

#include <fly/base_dissect.h>
#include <fly/btree.h>

/** @addtogroup btree
 *  @{ */
FLY_EXTERN_C_BEGIN

/* ------------------------------------------------------------------ field by field */

/** Who knows what the values of a tree mean. */
typedef struct fly_btree_dissect_hook {
    /** Show the `left` bytes of a value with a dissector that ends behind them. NULL: quoted. */
    void (*value)(void *ctx, fly_dissector *d, uint32_t tree, bool blob);
    void *ctx;
} fly_btree_dissect_hook;

/**
 * @brief Take a page apart, from where the dissector stands to its end: the header, and of a leaf,
 *        an inner node or a page of a blob all the rest.
 *
 * Cells lie where their slots say, so the fields are not shown in the order of their offsets.
 *
 * @param hook  May be NULL.
 * @return Whether it is a page of this library; of others only the header was shown.
 */
bool fly_btree_dissect_page(fly_dissector *d, const fly_btree_dissect_hook *hook);

/**
 * @brief Take the body of a log record apart, from where the dissector stands to its end.
 *
 * @param type  FLY_BTREE_LOG_PUT and so on.
 * @param hook  May be NULL.
 * @return Whether the type is known; of others the bytes were shown.
 */
bool fly_btree_dissect_record(fly_dissector *d, uint8_t type, const fly_btree_dissect_hook *hook);

/** The name of a record type, "put" and so on; NULL if it is none. */
const char *fly_btree_log_name(uint8_t type);

/* ----------------------------------------------------------------------- salvage */

/** Room for the key of any entry. */
enum { FLY_BTREE_IMAGE_KEY = FLY_PAGE_SIZE_MAX / 4 };

/** What the header of a page in memory says. Believe it as far as you believe the page. */
typedef struct fly_btree_image {
    const uint8_t *bytes; /**< borrowed */
    uint32_t usable;      /**< bytes of the page, less what a codec keeps */
    uint32_t page;        /**< its number */
    uint32_t tree;
    uint64_t lsn;
    uint8_t kind;   /**< FLY_BTREE_PAGE_LEAF, INNER or BLOB */
    uint8_t level;  /**< of a node */
    uint32_t count; /**< entries of a node, sound or not; no more than fit the page */
} fly_btree_image;

/**
 * @brief Look at bytes that may be a page of a tree.
 *
 * @param bytes   Of any content whatever; borrowed for as long as `image` is used.
 * @param usable  FLY_PAGE_SIZE_MAX at most.
 * @return Whether they say that they are one. fly_btree_check_page() says whether all of it is sound.
 */
bool fly_btree_image_of(const uint8_t *bytes, uint32_t usable, fly_btree_image *image);

/**
 * @brief An entry of a node, if it makes sense by itself.
 *
 * Of a page that is not sound as a whole the prefix may be wrong, and with it the beginning of every
 * key, and cells may overlap: then an entry that makes sense may still never have been one.
 *
 * @param i      Less than image->count.
 * @param room   FLY_BTREE_IMAGE_KEY bytes.
 * @param[out] key    Lies in `room`.
 * @param[out] entry  Borrows from the page. Of an inner node, the value is the u32 child to the
 *                    right.
 * @return FLY_E_CORRUPT: there is no telling what it was.
 */
FLY_MUST_USE fly_status fly_btree_image_entry(const fly_btree_image *image, uint32_t i,
                                              uint8_t room[FLY_BTREE_IMAGE_KEY], fly_bytes *key,
                                              fly_btree_entry *entry);

/**
 * @brief A fence of a node: no key of it is less than the low one, and none reaches the high one.
 *
 * @param[out] open  There is no bound on this side.
 * @param[out] key   Borrows from the page; empty if it is open.
 * @return FLY_E_CORRUPT.
 */
FLY_MUST_USE fly_status fly_btree_image_fence(const fly_btree_image *image, bool high, bool *open,
                                              fly_bytes *key);

/** The child of an inner node in front of its first entry. */
uint32_t fly_btree_image_first_child(const fly_btree_image *image);

/**
 * @brief What a page of a blob holds.
 *
 * @param[out] next   The next page, FLY_PAGE_NONE behind the last.
 * @param[out] bytes  Borrows from the page.
 * @return FLY_E_CORRUPT: it is no such page, or says that it holds more than it can.
 */
FLY_MUST_USE fly_status fly_btree_image_blob(const fly_btree_image *image, uint32_t *next,
                                             fly_bytes *bytes);

FLY_EXTERN_C_END
/** @} */
#endif
