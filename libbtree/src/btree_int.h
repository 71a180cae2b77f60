/*
 * What the files of libbtree share besides nodes: the handle, going down, logged changes.
 *
 * tree.c goes down, reads and changes entries; grow.c and shrink.c change the structure by way of
 * change.c, which logs and applies; redo.c applies what was logged; cursor.c, blob.c, load.c and
 * verify.c are what their names say.
 */
#ifndef FLY_BTREE_INT_H
#define FLY_BTREE_INT_H

#include "node_int.h"

struct fly_btree {
    fly_env *env;
    fly_bufpool *pool;
    fly_pagefile *file;
    fly_btree_logger logger; /* append is NULL: unlogged */
    uint32_t id;
    uint32_t root;
    uint32_t usable;
    uint32_t key_max;
    uint32_t entry_max; /* bytes of a leaf's entry, slot included */
};

/* ------------------------------------------------------------------------ going down */

/* Which child to follow. */
enum direction {
    TOWARDS, /* the one whose range holds the key */
    BEFORE,  /* the one whose range holds what is just before the key */
    LAST     /* the last one, whatever the key */
};

/* A node that was reached, and the one above it. Both are observed, or, after a caller upgraded
 * them, exclusive. */
struct path {
    fly_pageref node;
    fly_pageref parent;
    bool has_parent;
    uint32_t child; /* which child of the parent the node is */
};

/*
 * Go down to the node of `level` on the way to `key`. With `keep_parent` the parent stays observed
 * too. FLY_E_NOT_FOUND: the tree is not that high.
 */
FLY_MUST_USE fly_status fly__btree_descend(fly_btree *tree, fly_bytes key, enum direction direction,
                                           uint32_t level, bool keep_parent, struct path *path,
                                           fly_err *err);

/* Go down to the last leaf. */
FLY_MUST_USE fly_status fly__btree_descend_last(fly_btree *tree, struct path *path, fly_err *err);

/* Give up a path that is still observed. */
void fly__btree_forget(const struct path *path);

/* Take a path exclusive: parent, then node. False: it was given up, begin again. */
FLY_MUST_USE bool fly__btree_upgrade(fly_btree *tree, struct path *path);

/* Give back a path that is exclusive and was not changed. */
void fly__btree_release_unchanged(const struct path *path);

/* Give back a path that is exclusive and was changed. */
void fly__btree_release(const struct path *path);

/* A node is not what it must be. */
FLY_MUST_USE fly_status fly__btree_damaged(const fly_btree *tree, uint32_t page, const char *what,
                                           fly_err *err);

/* -------------------------------------------------------------- structural changes */

/* See to it that the node of `level` on the way to `key` has `need` bytes free. `appending`: the
 * key goes behind all others, so leave what is there together. */
FLY_MUST_USE fly_status fly__btree_grow(fly_btree *tree, fly_bytes key, uint32_t level,
                                        uint32_t need, bool appending, fly_err *err);

/* Merge the node of `level` on the way to `key` with a neighbour if both are empty enough. */
FLY_MUST_USE fly_status fly__btree_shrink(fly_btree *tree, fly_bytes key, uint32_t level,
                                          fly_err *err);

/* Whether so few bytes of a node are used that merging is worth a look. */
static inline bool fly__btree_is_sparse(fly_page page)
{
    uint32_t used = page.size - ENTRIES_AT - node_room(page);
    return used < page.size / 4;
}

/* What happens to one page in a structural change; the bodies are laid out in change.c. */
enum action_type {
    ACTION_ALLOC = 1,  /* the page is in use from now on */
    ACTION_FREE = 2,   /* and no longer */
    ACTION_IMAGE = 3,  /* the page becomes what the body says */
    ACTION_KEEP = 4,   /* the node keeps some entries, between new bounds */
    ACTION_TAKE = 5,   /* the node gets entries in front or behind, and new bounds */
    ACTION_ADD = 6,    /* the inner node gets a separator and the child to its right */
    ACTION_DELETE = 7, /* the inner node loses a separator and the child to its right */
    ACTION_CHANGE = 8, /* the inner node's separator becomes another key */
    ACTION_MAX = 8
};

struct action {
    uint8_t type;
    uint32_t page;
    const fly_pageref *ref; /* exclusive; NULL for ALLOC and FREE */
    fly_bytes body[2];
};

enum {
    ACTIONS_MAX = 8,
    BODY_MAX = 2 * FLY_PAGE_SIZE_MAX,
    RECORD_HEADER = 4, /* u32 tree */
    ACTION_HEADER = 9  /* u8 type, u32 page, u32 length of the body */
};

/* A body under construction. Bodies are at most a page and a half long. */
struct body {
    uint8_t *bytes; /* BODY_MAX of them */
    size_t len;
};

void fly__btree_body_u8(struct body *body, uint32_t x);
void fly__btree_body_u16(struct body *body, uint32_t x);
void fly__btree_body_u32(struct body *body, uint32_t x);
void fly__btree_body_bytes(struct body *body, fly_bytes bytes);
void fly__btree_body_bound(struct body *body, struct bound bound);

/* The bodies of KEEP and TAKE. */
void fly__btree_body_keep(struct body *body, uint32_t from, uint32_t to, uint32_t first_child,
                          struct bound low, struct bound high);
void fly__btree_body_take(struct body *body, bool front, struct bound low, struct bound high,
                          const uint8_t *source, uint32_t usable, uint32_t from, uint32_t to);

/* The two parts of a page that an image consists of. */
void fly__btree_image(const uint8_t *bytes, uint32_t usable, fly_bytes parts[2]);

/* Log the actions as one record and apply them. The pages stay exclusive. ALLOC was done before, and
 * is undone by the caller if this fails; FREE is done by the caller afterwards. */
FLY_MUST_USE fly_status fly__btree_change(fly_btree *tree, void *op, const struct action *actions,
                                          int count, fly_err *err);

/* Around every change of structure; nothing may be latched when it begins. */
static inline void fly__btree_begin_structure(const fly_btree *tree)
{
    if (tree->logger.begin_structure != NULL) {
        tree->logger.begin_structure(tree->logger.ctx);
    }
}

static inline void fly__btree_end_structure(const fly_btree *tree)
{
    if (tree->logger.end_structure != NULL) {
        tree->logger.end_structure(tree->logger.ctx);
    }
}

/* The page has been changed by the record at `lsn`. */
static inline void fly__btree_set_lsn(uint8_t *bytes, uint64_t lsn)
{
    if (lsn != 0) {
        fly_page_set_lsn(bytes, lsn);
    }
}

/* Apply one action to its page. FLY_E_CORRUPT if it makes no sense there. */
FLY_MUST_USE fly_status fly__btree_apply(fly_page page, uint8_t type, fly_bytes first,
                                         fly_bytes second, fly_err *err);

/* Mark a page as about to change and log the record; then the caller changes it and sets its LSN. */
FLY_MUST_USE fly_status fly__btree_log(fly_btree *tree, void *op, uint8_t type,
                                       const fly_bytes *pieces, int count,
                                       const fly_pageref *const *pages, int page_count,
                                       uint64_t *lsn, fly_err *err);

/* Allocate a page and take it exclusive, all zero. */
FLY_MUST_USE fly_status fly__btree_new_page(fly_btree *tree, uint32_t near, fly_pageref *ref,
                                            fly_err *err);

/* Undo that: the change it was for did not happen. */
void fly__btree_unmake_page(fly_btree *tree, const fly_pageref *ref);

/* Log that an exclusive page is free, and give it back. It is released whatever the outcome. */
FLY_MUST_USE fly_status fly__btree_log_and_free(fly_btree *tree, void *op, const fly_pageref *ref,
                                                fly_err *err);

/* Give a page back whose FREE has been logged. It is exclusive, and released here. */
void fly__btree_free_page(fly_btree *tree, const fly_pageref *ref);

/* A record's body, being read. */
struct input {
    const uint8_t *at;
    size_t left;
    bool bad; /* something was missing */
};

uint32_t fly__btree_in_u8(struct input *in);
uint32_t fly__btree_in_u16(struct input *in);
uint32_t fly__btree_in_u32(struct input *in);
fly_bytes fly__btree_in_bytes(struct input *in, size_t len);
struct bound fly__btree_in_bound(struct input *in);

/* PUT and REMOVE bodies: u32 tree, u32 page, u8 flags, u16 key length, key, value. */
enum { ENTRY_BODY_HEADER = 11, ENTRY_FLAG_BLOB = 1 };

/* Make an all-zero page a page of a blob. */
void fly__btree_fill_blob(uint8_t *bytes, uint32_t page, uint32_t tree, uint32_t next,
                          const fly_bytes *pieces, int count, uint64_t lsn);

/* Free a blob that a leaf of a dropped tree leads to, unless a drop before a crash has done so: its
 * pages are free then, or belong to somebody else. */
FLY_MUST_USE fly_status fly__btree_blob_drop(fly_btree *tree, const uint8_t *ref, fly_err *err);

/* BLOB bodies: u32 tree, u32 page, u32 next, data. Blob pages: header, u32 tree, u32 next, u32 length,
 * data. */
enum {
    BLOB_BODY_HEADER = 12,
    BLOB_AT_NEXT = AT_TREE + 4,
    BLOB_AT_LEN = AT_TREE + 8,
    BLOB_AT_DATA = AT_TREE + 12
};

#endif
