/*
 * A simulated disk's state: inodes, names, and the operations that wait to become durable.
 *
 *     S1  what programs see = what is durable, with all waiting operations applied in order; unless
 *         a sync failed, which takes operations out of the list and leaves what programs see
 *     S2  the list is in the order of the operations' numbers
 *     S3  an inode has at most one name that programs see (in `dir`) and at most one on the medium
 *         (in `durable_dir`); the names of the medium form a tree, with no directory below itself
 *     S4  an operation marked durable stays in the list only while an earlier one of its file does,
 *         because the two must be applied in order
 *
 * Applying some of the operations and not others is what a crash, a sync and a failed sync have in
 * common: each is one walk over the list with another idea of which pieces to choose.
 *
 * What is not here: calls, faults, locks, time; see sim_disk.c.
 */
#define _POSIX_C_SOURCE 200809L
#include "sim_store_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef fly__sim_inode inode;
typedef fly__sim_name name;
typedef fly__sim_op op;
typedef fly__sim_store store;

/* ------------------------------------------------------------------------ inodes */

static inode *inode_create(store *s, bool is_dir)
{
    inode *made = fly__sim_alloc(sizeof *made);
    made->is_dir = is_dir;
    made->next = s->inodes;
    s->inodes = made;
    return made;
}

static void remove_name(name **names, const inode *target)
{
    for (name **link = names; *link != NULL; link = &(*link)->next) {
        name *found = *link;
        if (found->inode == target) {
            *link = found->next;
            free(found);
            return;
        }
    }
}

static name *name_of(name *names, const char *text)
{
    while (names != NULL && strcmp(names->text, text) != 0) {
        names = names->next;
    }
    return names;
}

static void unref(store *s, inode *gone);

static void free_names(store *s, name **names)
{
    while (*names != NULL) {
        name *first = *names;
        *names = first->next;
        unref(s, first->inode);
        free(first);
    }
}

static void unref(store *s, inode *gone)
{
    FLY_ASSERT(gone->refs > 0);
    if (--gone->refs > 0) {
        return;
    }
    /* Whoever keeps what a directory had in it finds it without a name. */
    for (name *n = gone->names; n != NULL; n = n->next) {
        n->inode->dir = NULL;
    }
    for (name *n = gone->durable_names; n != NULL; n = n->next) {
        n->inode->durable_dir = NULL;
    }
    free_names(s, &gone->names);
    free_names(s, &gone->durable_names);
    fly__sim_content_free(&gone->now);
    fly__sim_content_free(&gone->durable);
    inode **link = &s->inodes;
    while (*link != gone) {
        link = &(*link)->next;
    }
    *link = gone->next;
    free(gone);
}

static void add_name(name **names, inode *target, const char *text)
{
    size_t size = strlen(text) + 1;
    name *made = fly__sim_alloc(sizeof *made + size);
    memcpy(made->text, text, size);
    made->inode = target;
    made->next = *names;
    *names = made;
    target->refs++;
}

/* A file takes room while programs can reach it. */
void fly__sim_use(store *s, inode *file)
{
    if (file->users++ == 0) {
        s->used += file->now.used;
    }
}

void fly__sim_unuse(store *s, inode *file)
{
    FLY_ASSERT(file->users > 0);
    if (--file->users == 0) {
        s->used -= file->now.used;
    }
}

void fly__sim_hold(inode *kept)
{
    kept->refs++;
}

void fly__sim_release(store *s, inode *kept)
{
    unref(s, kept);
}

/* -------------------------------------------------------------------- operations */

static op *op_add(store *s, fly__sim_op_kind kind, inode *on)
{
    op *made = fly__sim_alloc(sizeof *made);
    made->kind = kind;
    made->number = s->next_number++;
    made->inode = on;
    on->refs++;
    *s->last = made;
    s->last = &made->next;
    s->op_count++;
    return made;
}

static void op_free(store *s, op *done)
{
    unref(s, done->inode);
    if (done->from != NULL) {
        unref(s, done->from);
    }
    if (done->target != NULL) {
        unref(s, done->target);
    }
    if (done->bytes != NULL && fly_sub_u32(&done->bytes->refs, 1) == 1) {
        free(done->bytes);
    }
    free(done->name);
    free(done);
}

/* Take the operation that *link points to out of the list. */
static void op_remove(store *s, op **link)
{
    op *done = *link;
    *link = done->next;
    if (s->last == &done->next) {
        s->last = link;
    }
    s->op_count--;
    op_free(s, done);
}

/* ------------------------------------------------------- names that programs see */

inode *fly__sim_child(const inode *dir, const char *text)
{
    name *found = name_of(dir->names, text);
    return found != NULL ? found->inode : NULL;
}

/* The components of a path, one after the other, without empty ones and ".". */
static bool next_component(const char **path, const char **component, size_t *len)
{
    while (**path != '\0') {
        *component = *path;
        *len = strcspn(*path, "/");
        *path += *len + ((*path)[*len] == '/');
        if (*len > 0 && !(*len == 1 && **component == '.')) {
            return true;
        }
    }
    return false;
}

/* The name of `len` bytes among `names`. */
static inode *step_into(name *names, const char *component, size_t len)
{
    for (; names != NULL; names = names->next) {
        if (strncmp(names->text, component, len) == 0 && names->text[len] == '\0') {
            return names->inode;
        }
    }
    return NULL;
}

int fly__sim_walk(const store *s, const char *path, inode **dir, char **last)
{
    inode *at = s->root;
    const char *component;
    const char *pending = "";
    size_t len;
    size_t pending_len = 0;
    while (next_component(&path, &component, &len)) {
        if (pending_len > 0) {
            at = step_into(at->names, pending, pending_len);
            if (at == NULL) {
                return -ENOENT;
            }
            if (!at->is_dir) {
                return -ENOTDIR;
            }
        }
        pending = component;
        pending_len = len;
    }
    *dir = at;
    *last = fly__sim_alloc(pending_len + 1);
    memcpy(*last, pending, pending_len);
    return 0;
}

int fly__sim_find(const store *s, const char *path, bool durable, inode **found)
{
    inode *at = s->root;
    const char *component;
    size_t len;
    while (next_component(&path, &component, &len)) {
        if (!at->is_dir) {
            return -ENOTDIR;
        }
        at = step_into(durable ? at->durable_names : at->names, component, len);
        if (at == NULL) {
            return -ENOENT;
        }
    }
    *found = at;
    return 0;
}

static void show_name(store *s, inode *target, inode *dir, const char *text)
{
    add_name(&dir->names, target, text);
    target->dir = dir;
    fly__sim_use(s, target);
}

static void hide_name(store *s, inode *target)
{
    remove_name(&target->dir->names, target);
    target->dir = NULL;
    fly__sim_unuse(s, target);
    unref(s, target);
}

static void log_name(store *s, fly__sim_op_kind kind, inode *dir, inode *from, inode *target,
                     const char *text)
{
    op *made = op_add(s, kind, dir);
    made->from = from;
    if (from != NULL) {
        from->refs++;
    }
    made->target = target;
    target->refs++;
    if (text != NULL) {
        made->name = strdup(text);
        FLY_ASSERT(made->name != NULL);
    }
}

inode *fly__sim_make(store *s, inode *dir, const char *text, bool is_dir)
{
    inode *made = inode_create(s, is_dir);
    show_name(s, made, dir, text);
    log_name(s, FLY__SIM_LINK, dir, NULL, made, text);
    return made;
}

void fly__sim_unlink(store *s, inode *target)
{
    log_name(s, FLY__SIM_UNLINK, target->dir, NULL, target, NULL);
    hide_name(s, target);
}

/* The file that bore the name before is replaced, in the same operation. */
void fly__sim_move(store *s, inode *target, inode *dir, const char *text)
{
    inode *replaced = fly__sim_child(dir, text);
    inode *from = target->dir;
    log_name(s, FLY__SIM_LINK, dir, from != dir ? from : NULL, target, text);
    if (replaced != NULL) {
        hide_name(s, replaced);
    }
    remove_name(&from->names, target);
    add_name(&dir->names, target, text);
    target->dir = dir;
    unref(s, target); /* the name that went */
}

/* ------------------------------------------------------------------------ contents */

static void count_room(store *s, const inode *file, uint64_t before)
{
    if (file->users > 0) {
        s->used = s->used + file->now.used - before;
    }
}

void fly__sim_write(store *s, inode *file, uint64_t offset, const uint8_t *bytes, uint64_t len)
{
    uint64_t before = file->now.used;
    uint64_t end = offset + len;
    fly__sim_content_put(&file->now, offset, bytes, len);
    count_room(s, file, before);

    op *put = op_add(s, FLY__SIM_PUT, file);
    put->offset = offset;
    put->len = len;
    put->bytes = fly__sim_alloc(sizeof *put->bytes + len);
    fly_store_u32(&put->bytes->refs, 1);
    memcpy(put->bytes->data, bytes, len);
    if (end > file->now.size) {
        file->now.size = end;
        op_add(s, FLY__SIM_GROW, file)->offset = end;
    }
}

void fly__sim_resize(store *s, inode *file, uint64_t size)
{
    uint64_t before = file->now.used;
    fly__sim_content_cut(&file->now, size);
    count_room(s, file, before);
    op_add(s, FLY__SIM_CUT, file)->offset = size;
}

void fly__sim_reserve(store *s, inode *file, uint64_t offset, uint64_t len)
{
    uint64_t before = file->now.used;
    uint64_t end = offset + len;
    fly__sim_content_reserve(&file->now, offset, len);
    count_room(s, file, before);
    if (end > file->now.size) {
        file->now.size = end;
        op_add(s, FLY__SIM_GROW, file)->offset = end;
    }
}

/* ---------------------------------------------------------------------- durability */

/* What to do with the pieces of an operation: `keep` of 8 are kept, each by itself. */
typedef struct choice {
    fly_rng *rng;
    uint32_t keep;  /* 0 to 8 */
    uint32_t grain; /* bytes of a piece; 0: operations are not cut */
} choice;

static bool keeps(const choice *how)
{
    return how->keep == 8 || (how->keep > 0 && fly_rng_below(how->rng, 8) < how->keep);
}

/* Bytes that survive a piece at a time; pieces lie where a device's sectors do. */
static void put_pieces(const op *put, const choice *how)
{
    uint64_t done = 0;
    while (done < put->len) {
        uint64_t at = put->offset + done;
        uint64_t step = put->len - done;
        if (how->grain > 0 && how->keep < 8) {
            uint64_t room = how->grain - at % how->grain;
            step = step < room ? step : room;
        }
        if (keeps(how)) {
            fly__sim_content_put(&put->inode->durable, at, put->bytes->data + done, step);
        }
        done += step;
    }
}

static void durable_unlink(store *s, inode *target)
{
    remove_name(&target->durable_dir->durable_names, target);
    target->durable_dir = NULL;
    unref(s, target);
}

/* S3: losing some of several renames could put a directory below itself. */
static bool is_below(const inode *dir, const inode *above)
{
    while (dir != NULL && dir != above) {
        dir = dir->durable_dir;
    }
    return dir == above;
}

static void durable_link(store *s, inode *dir, inode *target, const char *text)
{
    if (is_below(dir, target)) {
        return;
    }
    name *there = name_of(dir->durable_names, text);
    target->refs++; /* the name that it loses may be all that keeps it */
    if (there != NULL) {
        durable_unlink(s, there->inode);
    }
    if (target->durable_dir != NULL) {
        durable_unlink(s, target);
    }
    add_name(&dir->durable_names, target, text);
    target->durable_dir = dir;
    unref(s, target);
}

/* Do to the medium what an operation says, or the pieces of it that are chosen. */
static void apply(store *s, const op *o, const choice *how)
{
    if (o->kind == FLY__SIM_PUT) {
        put_pieces(o, how);
        return;
    }
    if (!keeps(how)) {
        return;
    }
    fly__sim_content *durable = &o->inode->durable;
    switch (o->kind) {
    case FLY__SIM_GROW:
        durable->size = o->offset > durable->size ? o->offset : durable->size;
        break;
    case FLY__SIM_CUT:
        fly__sim_content_cut(durable, o->offset);
        break;
    case FLY__SIM_LINK:
        durable_link(s, o->inode, o->target, o->name);
        break;
    default:
        if (o->target->durable_dir != NULL) {
            durable_unlink(s, o->target);
        }
        break;
    }
}

/* A directory that moves to another one: the only operations that change the tree's shape. */
static bool moves_dir(const op *o)
{
    return o->kind == FLY__SIM_LINK && o->from != NULL && o->target->is_dir;
}

static bool is_covered(const op *o)
{
    return o->number < o->inode->covered || (o->from != NULL && o->number < o->from->covered);
}

/* Cover an operation for both of its directories; whether that was news. */
static bool cover_op(op *o)
{
    bool news = o->number >= o->inode->covered || o->number >= o->from->covered;
    o->inode->covered = o->number < o->inode->covered ? o->inode->covered : o->number + 1;
    o->from->covered = o->number < o->from->covered ? o->from->covered : o->number + 1;
    return news;
}

/*
 * Which operations a sync covers: those on its inode before `end`. A rename between two directories
 * concerns both, and takes along what came before it in the other one, or that would be applied
 * after it some day. A directory that moves takes along every such move before it, or the medium
 * could have the place that it moves to still below itself. So each inode gets a limit of its own,
 * raised until nothing changes.
 */
static void cover(store *s, inode *on, uint64_t end)
{
    for (inode *at = s->inodes; at != NULL; at = at->next) {
        at->covered = 0;
    }
    on->covered = end;
    uint64_t moves_before = 0; /* the last covered move of a directory */
    bool raised = true;
    while (raised) {
        raised = false;
        for (op *o = s->first; o != NULL; o = o->next) {
            bool move = moves_dir(o);
            if (o->from != NULL && (is_covered(o) || (move && o->number < moves_before))) {
                raised = cover_op(o) || raised;
                moves_before = move && o->number > moves_before ? o->number : moves_before;
            }
        }
    }
}

/* Apply what is covered, from number `first` on, and take it out. */
static void apply_covered(store *s, uint64_t first, const choice *how)
{
    static const choice whole = {.keep = 8};
    op **link = &s->first;
    while (*link != NULL) {
        op *o = *link;
        if (o->number >= first && o->number < o->inode->covered) {
            apply(s, o, o->durable ? &whole : how);
            op_remove(s, link);
        } else {
            link = &o->next;
        }
    }
}

void fly__sim_settle(store *s, inode *on, uint64_t first, uint64_t end)
{
    uint64_t limit = s->next_number; /* S4: up to the first that is not durable */
    for (op *o = s->first; o != NULL; o = o->next) {
        if (o->inode == on || o->from == on) {
            o->durable = o->durable || (o->number >= first && o->number < end);
            limit = o->durable || limit < o->number ? limit : o->number;
        }
    }
    cover(s, on, limit);
    apply_covered(s, 0, &(choice){.keep = 8});
}

void fly__sim_doubt(store *s, inode *on, uint64_t first, uint64_t end, fly_rng *rng)
{
    /* Now and then all or nothing: those are easily missed by a fair coin. */
    static const uint32_t keeps_of_8[] = {0, 1, 4, 7, 8};
    choice how = {.rng = rng, .keep = keeps_of_8[fly_rng_below(rng, 5)], .grain = FLY__SIM_BLOCK};
    cover(s, on, end);
    apply_covered(s, first, &how);
}

/* ------------------------------------------------------------------------- crash */

static choice choice_for(fly_sim_survival survival, fly_rng *rng)
{
    static const uint32_t keeps_of_8[] = {1, 4, 7};
    choice how = {.rng = rng};
    switch (survival) {
    case FLY_SIM_KEEP_NONE:
        how.keep = 0;
        break;
    case FLY_SIM_KEEP_ALL:
    case FLY_SIM_KEEP_PREFIX: /* all, up to where the prefix ends */
        how.keep = 8;
        break;
    default:
        how.keep = keeps_of_8[fly_rng_below(rng, 3)];
        how.grain = survival == FLY_SIM_TEAR_512    ? 512
                    : survival == FLY_SIM_TEAR_4096 ? FLY__SIM_BLOCK
                                                    : 0;
        break;
    }
    return how;
}

static void apply_surviving(store *s, fly_sim_survival survival, fly_rng *rng)
{
    static const choice whole = {.keep = 8};
    static const choice nothing = {.keep = 0};
    choice how = choice_for(survival, rng);
    uint64_t prefix = survival == FLY_SIM_KEEP_PREFIX ? fly_rng_below(rng, s->op_count + 1)
                                                      : s->op_count;
    while (s->first != NULL) {
        const choice *mine = prefix > 0 ? &how : &nothing;
        prefix -= prefix > 0;
        apply(s, s->first, s->first->durable ? &whole : mine);
        op_remove(s, &s->first);
    }
}

/* Let go of every inode once. What has no name then goes, and may take others along, so that the
 * walk begins again each time. */
static void sweep(store *s)
{
    for (inode *at = s->inodes; at != NULL; at = at->next) {
        at->refs--;
    }
    for (inode *at = s->inodes; at != NULL;) {
        if (at->refs == 0) {
            at->refs = 1;
            unref(s, at);
            at = s->inodes;
        } else {
            at = at->next;
        }
    }
}

/* Programs see what the medium has, and nothing else. */
static void forget_what_was_seen(store *s)
{
    for (inode *at = s->inodes; at != NULL; at = at->next) {
        at->refs++; /* held until the sweep */
        at->users = 0;
        at->locked_by = NULL;
        at->dir = NULL;
    }
    for (inode *at = s->inodes; at != NULL; at = at->next) {
        free_names(s, &at->names);
        fly__sim_content_trim(&at->durable);
        fly__sim_content_free(&at->now);
        fly__sim_content_share(&at->now, &at->durable);
    }
    for (inode *at = s->inodes; at != NULL; at = at->next) {
        for (name *n = at->durable_names; n != NULL; n = n->next) {
            show_name(s, n->inode, at, n->text);
        }
    }
    sweep(s);
    s->used = 0;
    for (inode *at = s->inodes; at != NULL; at = at->next) {
        s->used += at->now.used;
    }
}

void fly__sim_collapse(store *s, fly_sim_survival survival, fly_rng *rng)
{
    apply_surviving(s, survival, rng);
    forget_what_was_seen(s);
}

/* ----------------------------------------------------------------------- lifetime */

void fly__sim_store_init(store *s)
{
    *s = (store){0};
    s->last = &s->first;
    s->root = inode_create(s, true);
    s->root->refs = 1;
    s->root->users = 1;
}

void fly__sim_store_deinit(store *s)
{
    while (s->first != NULL) {
        op_remove(s, &s->first);
    }
    unref(s, s->root);
    FLY_ASSERT(s->inodes == NULL);
}

static void copy_names(store *s, const inode *from, bool durable)
{
    for (name *n = durable ? from->durable_names : from->names; n != NULL; n = n->next) {
        if (durable) {
            add_name(&from->copy->durable_names, n->inode->copy, n->text);
            n->inode->copy->durable_dir = from->copy;
        } else {
            show_name(s, n->inode->copy, from->copy, n->text);
        }
    }
}

static void copy_op(store *to, const op *from)
{
    op *made = op_add(to, from->kind, from->inode->copy);
    made->number = from->number;
    made->durable = from->durable;
    made->offset = from->offset;
    made->len = from->len;
    if (from->from != NULL) {
        made->from = from->from->copy;
        made->from->refs++;
    }
    if (from->target != NULL) {
        made->target = from->target->copy;
        made->target->refs++;
    }
    made->bytes = from->bytes;
    if (made->bytes != NULL) {
        (void)fly_add_u32(&made->bytes->refs, 1);
    }
    if (from->name != NULL) {
        made->name = strdup(from->name);
        FLY_ASSERT(made->name != NULL);
    }
}

void fly__sim_store_clone(store *to, store *from)
{
    fly__sim_store_init(to);
    for (inode *at = from->inodes; at != NULL; at = at->next) {
        at->copy = at == from->root ? to->root : inode_create(to, at->is_dir);
        at->copy->refs++; /* held until all references are copied */
        fly__sim_content_share(&at->copy->now, &at->now);
        fly__sim_content_share(&at->copy->durable, &at->durable);
    }
    for (inode *at = from->inodes; at != NULL; at = at->next) {
        copy_names(to, at, false);
        copy_names(to, at, true);
    }
    for (const op *o = from->first; o != NULL; o = o->next) {
        copy_op(to, o);
    }
    to->next_number = from->next_number;
    sweep(to); /* a removed file that only a handle kept */
}
