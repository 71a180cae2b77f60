/**
 * @file btree.h
 * @brief A B+tree on the pages of a buffer pool: byte strings to byte strings, in memcmp order.
 *
 *                     [  |m|  ]                  level 1: separators and children
 *                    /         \
 *     [a…|c…|f…|k…]               [m…|q…|t…]    level 0: leaves: keys and values
 *
 * Readers go down without locking anything and look afterwards whether what they read still stands
 * (optimistic lock coupling); writers lock the one leaf they change, and a parent and a sibling only
 * when nodes split or merge. Every node knows the range of keys that it is for (fence keys), so no
 * node needs a pointer to its neighbour, and a cursor finds the next leaf by the last one's upper
 * fence. Cursors copy a leaf at a time: between two steps nothing is latched.
 *
 * Changes can be reported to a log, as records that this library knows how to redo. Without a log
 * the tree is for temporary data, tests and labs.
 *
 * Values that do not fit well into a leaf lie in chains of pages of their own (blobs).
 *
 * Threads: thread-safe; a cursor belongs to one thread at a time, and so does a hint.
 * Format: docs/formats/btree.md. Limits: fly_btree_key_max().
 * @source Bayer and McCreight, 1972; Graefe: "Modern B-Tree Techniques", 2011, for fences and
 *         prefix truncation; Leis, Haubenschild, Neumann: "Optimistic Lock Coupling", IEEE Data Eng.
 *         Bull. 2019; Graefe and Larson: "B-Tree Indexes and CPU Caches", ICDE 2001, for the first
 *         key bytes beside the slots.
 */
#ifndef FLY_BTREE_H
#define FLY_BTREE_H

#include <fly/bufpool.h>

/** @defgroup btree libbtree: ordered maps on pages */
/** @addtogroup btree
 *  @{ */

#define FLY_BTREE_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

typedef struct fly_btree fly_btree;

/** Page types of this library. */
enum { FLY_BTREE_PAGE_LEAF = 16, FLY_BTREE_PAGE_INNER = 17, FLY_BTREE_PAGE_BLOB = 18 };

/**
 * Where changes are reported, before they happen. The record's body is this library's; the log may
 * put its own bytes around it and hands the body back to fly_btree_redo().
 */
typedef struct fly_btree_logger {
    /** Append a record. `op` is what the caller of the changing function passed, NULL for changes
     *  that nobody must undo: splits, merges, and frees. Failing leaves the tree unchanged. `*lsn`
     *  0: the change need not survive, and the page keeps the LSN it has. */
    fly_status (*append)(void *ctx, void *op, uint8_t type, const fly_bytes *pieces, int count,
                         uint64_t *lsn, fly_err *err);
    /** Where the log ends now. */
    uint64_t (*position)(void *ctx);
    /** Called around every change of structure, before anything is latched and after: between them
     *  pages are allocated and freed, and the records that say so appended. Optional. */
    void (*begin_structure)(void *ctx);
    void (*end_structure)(void *ctx);
    /** The longest record, pieces together; at least four pages. It limits values, whose pages are
     *  given back with one record. */
    size_t record_max;
    void *ctx;
} fly_btree_logger;

/** Record types handed to a logger. */
enum {
    FLY_BTREE_LOG_PUT = 1,    /**< a leaf's entry is set */
    FLY_BTREE_LOG_REMOVE = 2, /**< a leaf's entry is removed */
    FLY_BTREE_LOG_NODES = 3,  /**< several pages change as one: split, merge, new tree */
    FLY_BTREE_LOG_BLOB = 4,   /**< a page of a blob is made; undone by fly_btree_unmake() */
    FLY_BTREE_LOG_LOAD = 5,   /**< a page of a bulk load is made; undone by fly_btree_unmake() */
    FLY_BTREE_LOG_LOADED = 6  /**< the root of a bulk load is set; undone by fly_btree_unload() */
};

/** How to open a tree. */
typedef struct fly_btree_options {
    fly_bufpool *pool;              /**< keeps */
    uint32_t id;                    /**< the owner's number for the tree; stands in every node */
    const fly_btree_logger *logger; /**< keeps; NULL: unlogged */
} fly_btree_options;

/**
 * @brief Make an empty tree.
 *
 * @param op         To the logger, with the one record of type NODES that this makes: undone by
 *                   fly_btree_drop().
 * @param[out] root  Its root page, which never moves: what to remember it by.
 */
FLY_MUST_USE fly_status fly_btree_create(fly_env *env, const fly_btree_options *options, void *op,
                                         uint32_t *root, fly_btree **tree, fly_err *err);

/** Open the tree with this root. FLY_E_CORRUPT if the page is not one of tree `id`. Root FLY_PAGE_NONE
 *  is a tree that is no more, of which only fly_btree_blob_free() may be asked. */
FLY_MUST_USE fly_status fly_btree_open(fly_env *env, const fly_btree_options *options,
                                       uint32_t root, fly_btree **tree, fly_err *err);

/** Release the handle. The tree stays. NULL is fine. */
void fly_btree_close(fly_btree *tree);

/**
 * @brief Give all pages of a tree back, then release the handle. Nobody may be using it.
 *
 * Pages that are not the tree's any more are passed over, so that a drop that a crash interrupted can
 * be done again, provided the tree's number is never given to another tree.
 */
FLY_MUST_USE fly_status fly_btree_drop(fly_btree *tree, fly_err *err);

/** The root page. */
uint32_t fly_btree_root(const fly_btree *tree);

/** The longest key. A fifth of a page, about. */
size_t fly_btree_key_max(const fly_btree *tree);

/** The same, of trees on pages with so many usable bytes. */
uint32_t fly_btree_key_max_of(uint32_t usable);

/** The longest value that stays in a leaf beside a key of `key_len` bytes. */
size_t fly_btree_inline_max(const fly_btree *tree, size_t key_len);

/** No value is longer than this, less one byte; a log may say less: fly_btree_value_max(). */
#define FLY_BTREE_VALUE_MAX ((uint64_t)1 << 32)

/** The longest value of this tree. */
uint64_t fly_btree_value_max(const fly_btree *tree);

/* ------------------------------------------------------------------ plain operations */

/**
 * Where the last operation of its user ended, to begin the next one there. Zero-initialise; one for
 * each thread and tree. It pays when neighbouring keys follow each other, and notices when they do
 * not.
 */
typedef struct fly_btree_hint {
    uint32_t page;   /**< the leaf; 0 is none */
    uint32_t streak; /**< how often in a row it was the right one */
} fly_btree_hint;

/** Set the value of `key`. FLY_E_TOO_LARGE, before anything changes. */
FLY_MUST_USE fly_status fly_btree_put(fly_btree *tree, fly_bytes key, fly_bytes value,
                                      fly_err *err);

/** Remove `key`: FLY_E_NOT_FOUND. */
FLY_MUST_USE fly_status fly_btree_remove(fly_btree *tree, fly_bytes key, fly_err *err);

/**
 * @brief Copy the value of `key`.
 *
 * @param buffer   Where to.
 * @param room     Bytes there are.
 * @param[out] len The value's length, also when it did not fit.
 * @return FLY_E_NOT_FOUND; FLY_E_FULL: `room` is less than `*len`, nothing was copied.
 */
FLY_MUST_USE fly_status fly_btree_get(fly_btree *tree, fly_bytes key, void *buffer, size_t room,
                                      uint64_t *len, fly_err *err);

/* --------------------------------------------------------- for layers with versions */

/** What is stored in a leaf under a key. */
typedef struct fly_btree_entry {
    fly_bytes value; /**< as it lies in the leaf */
    bool blob;       /**< its last FLY_BTREE_BLOB_REF bytes refer to a blob */
} fly_btree_entry;

/**
 * @brief Copy what the leaf holds for `key`, without following a blob.
 *
 * @param hint   May be NULL.
 * @param buffer Room for a whole entry: fly_btree_inline_max(tree, 0) bytes.
 * @param[out] entry  Its value lies in `buffer`.
 * @return FLY_E_NOT_FOUND.
 */
FLY_MUST_USE fly_status fly_btree_read(fly_btree *tree, fly_btree_hint *hint, fly_bytes key,
                                       uint8_t *buffer, fly_btree_entry *entry, fly_err *err);

/** What to do with an entry. */
typedef enum fly_btree_verdict {
    FLY_BTREE_KEEP,  /**< nothing */
    FLY_BTREE_PUT,   /**< set it to `value` */
    FLY_BTREE_REMOVE /**< remove it, if it is there */
} fly_btree_verdict;

/** A decision about an entry. */
typedef struct fly_btree_change {
    fly_btree_verdict verdict;
    fly_bytes value[3]; /**< the new value, in pieces; together fly_btree_inline_max() at most */
    bool blob;          /**< as in ::fly_btree_entry */
} fly_btree_change;

/**
 * Decide what happens to a key, with its leaf latched: quickly, and without calling into the tree.
 * May be called several times for one change, when the leaf had to be split first; only the last
 * decision counts, and the logger hears of it.
 *
 * @param entry  What is there, borrowed, or NULL.
 * @return Anything but FLY_OK leaves the entry alone and is what fly_btree_upsert() returns.
 */
typedef fly_status (*fly_btree_decide)(void *ctx, const fly_btree_entry *entry,
                                       fly_btree_change *change, fly_err *err);

/** Change the entry of `key` as `decide` says. `op` goes to the logger; `hint` may be NULL. */
FLY_MUST_USE fly_status fly_btree_upsert(fly_btree *tree, fly_btree_hint *hint, fly_bytes key,
                                         fly_btree_decide decide, void *ctx, void *op,
                                         fly_err *err);

/* --------------------------------------------------------------------------- blobs */

enum { FLY_BTREE_BLOB_REF = 12 }; /**< bytes of a reference: u64 length, u32 first page */

/**
 * @brief Write a long value, given in pieces, to pages of its own.
 *
 * @param op  To the logger, once for each page: whoever undoes such a record frees the page.
 * @param[out] ref  What to put at the end of a value with `blob` set.
 */
FLY_MUST_USE fly_status fly_btree_blob_write(fly_btree *tree, const fly_bytes *pieces, int count,
                                             void *op, uint8_t ref[FLY_BTREE_BLOB_REF],
                                             fly_err *err);

/** The length of a blob. */
uint64_t fly_btree_blob_len(const uint8_t ref[FLY_BTREE_BLOB_REF]);

/** Copy `len` bytes from `offset` of a blob that nobody frees meanwhile. */
FLY_MUST_USE fly_status fly_btree_blob_read(fly_btree *tree, const uint8_t ref[FLY_BTREE_BLOB_REF],
                                            uint64_t offset, void *buffer, size_t len,
                                            fly_err *err);

/** Give a blob's pages back, all with one record of type NODES. */
FLY_MUST_USE fly_status fly_btree_blob_free(fly_btree *tree, const uint8_t ref[FLY_BTREE_BLOB_REF],
                                            fly_err *err);

/** The first page of a blob: what tells it from others. */
uint32_t fly_btree_blob_page(const uint8_t ref[FLY_BTREE_BLOB_REF]);

/** Give one page back, when the making of a blob or of a bulk load is undone. `op` goes to the logger
 *  with the one record of type NODES that this makes. */
FLY_MUST_USE fly_status fly_btree_unmake(fly_btree *tree, uint32_t page, void *op, fly_err *err);

/* -------------------------------------------------------------------------- cursors */

typedef struct fly_btree_cursor fly_btree_cursor;

/**
 * @brief Create a cursor, which is nowhere at first.
 *
 * @param[out] cursor  Gives; fly_btree_cursor_destroy(), before the tree is closed.
 */
FLY_MUST_USE fly_status fly_btree_cursor_create(fly_btree *tree, fly_btree_cursor **cursor,
                                                fly_err *err);

/** Release. NULL is fine. */
void fly_btree_cursor_destroy(fly_btree_cursor *cursor);

/** Go to the first entry whose key is `key` or greater: FLY_E_END if there is none. */
FLY_MUST_USE fly_status fly_btree_cursor_seek(fly_btree_cursor *cursor, fly_bytes key,
                                              fly_err *err);

/** Go to the last entry whose key is less than `key` (or `key` itself, if `or_equal`): FLY_E_END. */
FLY_MUST_USE fly_status fly_btree_cursor_seek_before(fly_btree_cursor *cursor, fly_bytes key,
                                                     bool or_equal, fly_err *err);

/** Go to the first entry: FLY_E_END if the tree is empty. */
FLY_MUST_USE fly_status fly_btree_cursor_first(fly_btree_cursor *cursor, fly_err *err);

/** Go to the last entry: FLY_E_END if the tree is empty. */
FLY_MUST_USE fly_status fly_btree_cursor_last(fly_btree_cursor *cursor, fly_err *err);

/** Go to the next entry: FLY_E_END behind the last. */
FLY_MUST_USE fly_status fly_btree_cursor_next(fly_btree_cursor *cursor, fly_err *err);

/** Go to the previous entry: FLY_E_END before the first. */
FLY_MUST_USE fly_status fly_btree_cursor_previous(fly_btree_cursor *cursor, fly_err *err);

/**
 * @brief Look at the entries behind the one where the cursor is, as far as they are in the same leaf,
 *        without their keys and without moving.
 *
 * For scans: what each step would do again is done once for all.
 *
 * @param end      Only entries before this key, which is behind the cursor's; empty: all.
 * @param entries  Room for `room`; valid until the cursor moves.
 * @return How many there are: 0 also where fly_btree_cursor_next() would find one in the next leaf.
 */
uint32_t fly_btree_cursor_look(const fly_btree_cursor *cursor, fly_bytes end,
                               fly_btree_entry *entries, uint32_t room);

/** Go on by so many entries, 1 at least, that fly_btree_cursor_look() has shown. */
FLY_MUST_USE fly_status fly_btree_cursor_skip(fly_btree_cursor *cursor, uint32_t entries,
                                              fly_err *err);

/** The key where the cursor is. Valid until it moves. */
fly_bytes fly_btree_cursor_key(const fly_btree_cursor *cursor);

/** The entry where the cursor is. Valid until it moves. */
fly_btree_entry fly_btree_cursor_entry(const fly_btree_cursor *cursor);

/** The whole value where the cursor is, copied as by fly_btree_get(), its blob followed. */
FLY_MUST_USE fly_status fly_btree_cursor_value(fly_btree_cursor *cursor, void *buffer, size_t room,
                                               uint64_t *len, fly_err *err);

/* ------------------------------------------------------------------------ bulk load */

typedef struct fly_btree_load fly_btree_load;

/**
 * @brief Begin to fill an empty tree from sorted input, bottom up.
 *
 * Nobody else may use the tree until the load is over. Until then the tree is empty to everybody.
 *
 * @param fill  Per cent of each node that is filled, 50 to 100; 0 means 90.
 * @param op    To the logger, once for each page: whoever undoes such a record frees the page.
 * @param[out] load  Gives; fly_btree_load_finish() or fly_btree_load_abandon().
 * @return FLY_E_INVALID: the tree is not empty, or `fill` is out of range.
 */
FLY_MUST_USE fly_status fly_btree_load_begin(fly_btree *tree, uint32_t fill, void *op,
                                             fly_btree_load **load, fly_err *err);

/** Add an entry. Keys must rise: FLY_E_INVALID. `value` as in ::fly_btree_change. */
FLY_MUST_USE fly_status fly_btree_load_add(fly_btree_load *load, fly_bytes key, fly_bytes value,
                                           bool blob, fly_err *err);

/** Close the nodes, make them the tree, and release the load, whatever the outcome. */
FLY_MUST_USE fly_status fly_btree_load_finish(fly_btree_load *load, fly_err *err);

/** Give up, and give back the pages made so far if there is no `op` by which somebody else will. */
void fly_btree_load_abandon(fly_btree_load *load);

/** Make a tree empty whose bulk load is undone. Its pages are undone one by one. `op` goes to the
 *  logger with the one record of type NODES that this makes. */
FLY_MUST_USE fly_status fly_btree_unload(fly_btree *tree, void *op, fly_err *err);

/* --------------------------------------------------------------- redo, trust, watching */

/**
 * @brief Redo a logged change on those of its pages that do not have it yet.
 *
 * Page allocation is redone in any case; it is idempotent.
 *
 * @param missing  If not NULL: called for a page that could not be read, so that the caller can
 *                 decide at the end of the log whether somebody still needs it; the page's share of
 *                 the change is passed over. NULL: that is an error.
 * @return FLY_E_CORRUPT: the record or the page is not what it should be.
 */
FLY_MUST_USE fly_status fly_btree_redo(fly_bufpool *pool, uint8_t type, fly_bytes body,
                                       uint64_t lsn,
                                       void (*missing)(void *ctx, uint32_t page, bool gone),
                                       void *ctx, fly_err *err);

/** Call `each` with every page that a record of type NODES frees: FLY_E_CORRUPT. */
FLY_MUST_USE fly_status fly_btree_log_freed(fly_bytes body, void (*each)(void *ctx, uint32_t page),
                                            void *ctx, fly_err *err);

/** A logged change, taken apart: what inspection tools and undo want to know. */
typedef struct fly_btree_logged {
    uint32_t tree;
    uint32_t page;   /**< the leaf, or the first page of several */
    fly_bytes key;   /**< of PUT and REMOVE */
    fly_bytes value; /**< of PUT */
    bool blob;       /**< of PUT */
} fly_btree_logged;

/** Which tree and page a record is about that is just being appended, for loggers. */
void fly_btree_log_subject(uint8_t type, const fly_bytes *pieces, int count, uint32_t *tree,
                           uint32_t *page);

/** Take a record's body apart: FLY_E_CORRUPT. */
FLY_MUST_USE fly_status fly_btree_log_decode(uint8_t type, fly_bytes body, fly_btree_logged *logged,
                                             fly_err *err);

/** The form that ::fly_bufpool_options wants: whether bytes from disk are safe to work on. */
FLY_MUST_USE fly_status fly_btree_check_page(void *ctx, uint32_t page, const uint8_t *bytes,
                                             uint32_t usable, fly_err *err);

/** What a tree is made of. */
typedef struct fly_btree_stats {
    uint64_t entries;
    uint64_t leaves;
    uint64_t inner;
    uint64_t blobs;
    uint64_t blob_pages;
    uint64_t leaf_bytes; /**< used in leaves: keys, values and slots */
    uint32_t height;     /**< levels: 1 is a root that is a leaf */
} fly_btree_stats;

/**
 * @brief Verify every invariant of the tree (numbered in verify.c) and count what is there.
 *
 * May run beside readers; writers make it see a tree that never was, and it may complain.
 *
 * @param each   If not NULL: called with every page of the tree, so that the caller can find pages
 *               used twice or lost.
 * @param stats  If not NULL.
 * @return FLY_E_CORRUPT: which page breaks which rule.
 */
FLY_MUST_USE fly_status fly_btree_verify(fly_btree *tree, void (*each)(void *ctx, uint32_t page),
                                         void *ctx, fly_btree_stats *stats, fly_err *err);

/** About how large a tree is. */
typedef struct fly_btree_extent {
    double entries;
    double leaves; /**< pages; nearly all that the tree has, but for those of long values */
} fly_btree_extent;

/**
 * @brief About how large the tree is: within a tenth of it if nodes are alike, some way off if they are
 *        not; exact for a tree of one leaf.
 *
 * May run beside anything.
 * @cost  Six ways down, two of them to a leaf.
 */
fly_btree_extent fly_btree_estimate(fly_btree *tree);

/**
 * @brief The key of the entry that stands about so far into the tree: for samples.
 *
 * Ways that are chosen evenly lead to entries evenly if nodes are alike. May run beside anything.
 *
 * @param where  From 0 to less than 1.
 * @param key    Room for the key.
 * @return False: there is none, the key is longer than `room`, or the tree changed under way.
 * @cost  A way down.
 */
bool fly_btree_key_near(fly_btree *tree, double where, uint8_t *key, size_t room, size_t *len);

/** Write the tree as a Graphviz graph, a line at a time. Long keys are cut. */
FLY_MUST_USE fly_status fly_btree_dot(fly_btree *tree, void (*line)(void *ctx, const char *text),
                                      void *ctx, fly_err *err);

/** Events of this layer, for the trace. */
enum {
    FLY_BTREE_EVENT_SPLIT = FLY_TRACE_ID(FLY_TRACE_BTREE, 1),  /**< tree, page, new page, level */
    FLY_BTREE_EVENT_MERGED = FLY_TRACE_ID(FLY_TRACE_BTREE, 2), /**< tree, page, freed page, level */
    FLY_BTREE_EVENT_SHIFTED = FLY_TRACE_ID(FLY_TRACE_BTREE, 3), /**< tree, page, neighbour, level */
    FLY_BTREE_EVENT_GREW = FLY_TRACE_ID(FLY_TRACE_BTREE, 4),    /**< tree, root, height */
    FLY_BTREE_EVENT_SHRANK = FLY_TRACE_ID(FLY_TRACE_BTREE, 5),  /**< tree, root, height */
    FLY_BTREE_EVENT_RESTART = FLY_TRACE_ID(FLY_TRACE_BTREE, 6)  /**< tree, page */
};

FLY_EXTERN_C_END
/** @} */
#endif
