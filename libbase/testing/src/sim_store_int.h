/*
 * What is on a simulated disk, what programs see, and the operations between the two. Private to
 * base-testing; no locks, no faults, no calls: those are sim_disk.c's.
 */
#ifndef FLY_SIM_STORE_INT_H
#define FLY_SIM_STORE_INT_H

#include <fly/base_hash.h>
#include <fly/base_simdisk.h>

#include "sim_content_int.h"

struct fly__sim_inode;

/* A name in a directory. */
typedef struct fly__sim_name {
    struct fly__sim_name *next;
    struct fly__sim_inode *inode; /* counted */
    char text[];
} fly__sim_name;

/* A file or a directory. */
typedef struct fly__sim_inode {
    struct fly__sim_inode *next; /* all of a store */
    struct fly__sim_inode *copy; /* while the store is cloned */
    uint32_t refs;               /* names, operations, handles, and the root itself */
    uint32_t users;              /* names that programs see, and handles: it takes room */
    bool is_dir;
    struct fly__sim_inode *dir;         /* where programs see it; NULL: nowhere */
    struct fly__sim_inode *durable_dir; /* where the medium has it; NULL: nowhere */
    fly__sim_content now, durable;      /* of a file */
    fly__sim_name *names, *durable_names;
    const void *locked_by;
    uint64_t covered; /* while a sync is applied: operations before this number are part of it */
} fly__sim_inode;

typedef enum fly__sim_op_kind {
    FLY__SIM_PUT,   /* bytes at offset */
    FLY__SIM_GROW,  /* the size becomes at least `offset` */
    FLY__SIM_CUT,   /* the size becomes `offset` */
    FLY__SIM_LINK,  /* `target` gets the name `name` in `inode`, and loses the one it had */
    FLY__SIM_UNLINK /* `target` loses its name, which is in `inode` */
} fly__sim_op_kind;

/* What a write wrote; copies of the store share it. */
typedef struct fly__sim_bytes {
    fly_atomic_u32 refs;
    uint8_t data[];
} fly__sim_bytes;

/* A change that programs see and that a crash may undo. */
typedef struct fly__sim_op {
    struct fly__sim_op *next;
    uint64_t number; /* in the order of all operations of the store */
    fly__sim_op_kind kind;
    bool durable;           /* a crash must keep it; it only waits for others before it */
    fly__sim_inode *inode;  /* counted; the file, or the directory */
    fly__sim_inode *from;   /* counted; LINK: the other directory that it concerns, or NULL */
    fly__sim_inode *target; /* counted; LINK and UNLINK */
    uint64_t offset, len;
    fly__sim_bytes *bytes; /* PUT */
    char *name;            /* LINK */
} fly__sim_op;

typedef struct fly__sim_store {
    fly__sim_inode *inodes;
    fly__sim_inode *root;
    fly__sim_op *first, **last; /* waiting operations, in order */
    uint64_t op_count;
    uint64_t next_number;
    uint64_t used; /* blocks of all files that programs can reach */
} fly__sim_store;

void fly__sim_store_init(fly__sim_store *s);
void fly__sim_store_deinit(fly__sim_store *s);
void fly__sim_store_clone(fly__sim_store *to, fly__sim_store *from);

/* ------------------------------------------------------------------------- names */

/* The inode at `path` as programs see it, or on the medium; or a negative errno. */
int fly__sim_find(const fly__sim_store *s, const char *path, bool durable, fly__sim_inode **found);

/* The directory that holds the last name of `path` and a copy of that name (to be freed), or a
 * negative errno. The name is empty if `path` is the root. */
int fly__sim_walk(const fly__sim_store *s, const char *path, fly__sim_inode **dir, char **last);

fly__sim_inode *fly__sim_child(const fly__sim_inode *dir, const char *text);

/* Changes of names: seen at once, durable later. */
fly__sim_inode *fly__sim_make(fly__sim_store *s, fly__sim_inode *dir, const char *text,
                              bool is_dir);
void fly__sim_move(fly__sim_store *s, fly__sim_inode *target, fly__sim_inode *dir,
                   const char *text);
void fly__sim_unlink(fly__sim_store *s, fly__sim_inode *target);

/* Keep an inode from going, as handles do and calls that are under way. */
void fly__sim_hold(fly__sim_inode *kept);
void fly__sim_release(fly__sim_store *s, fly__sim_inode *kept);

/* A handle, like a name, makes that a file takes room. A crash ends all such uses by itself. */
void fly__sim_use(fly__sim_store *s, fly__sim_inode *file);
void fly__sim_unuse(fly__sim_store *s, fly__sim_inode *file);

/* ---------------------------------------------------------------------- contents */

/* Changes of contents: seen at once, durable later. */
void fly__sim_write(fly__sim_store *s, fly__sim_inode *file, uint64_t offset, const uint8_t *bytes,
                    uint64_t len);
void fly__sim_resize(fly__sim_store *s, fly__sim_inode *file, uint64_t size);
void fly__sim_reserve(fly__sim_store *s, fly__sim_inode *file, uint64_t offset, uint64_t len);

/* ------------------------------------------------------------------- durability */

/* The operations from `first` to before `end` on this inode are durable. */
void fly__sim_settle(fly__sim_store *s, fly__sim_inode *on, uint64_t first, uint64_t end);

/* The same, but only some of them are, and the rest never will be. */
void fly__sim_doubt(fly__sim_store *s, fly__sim_inode *on, uint64_t first, uint64_t end,
                    fly_rng *rng);

/* Only what survives is left, everything of it is durable, and nobody uses it. */
void fly__sim_collapse(fly__sim_store *s, fly_sim_survival survival, fly_rng *rng);

#endif
