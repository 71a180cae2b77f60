/*
 * The dullest store that could be right, and random work for it and for a real one.
 *
 * The model knows what is committed, and for each open transaction what it sees: arrays of values, of
 * which each is made from a version number and a length. A step does one random thing to the store
 * and to the model, and what the store answers must be what the model says. All that happens is decided
 * by a seed; transactions interleave, but never touch what another one has changed, since there is one
 * thread, which must not wait.
 *
 *     history  ──state──state──state──state           what had been committed, after each commit
 *                        ^durable    ^newest
 *
 * After a crash the store must be one of the states from `durable` on: those before were followed by a
 * commit that was acknowledged as durable.
 */
#ifndef FLY_TXN_MODEL_H
#define FLY_TXN_MODEL_H

#include <fly/base_hash.h>
#include <fly/base_testing.h>
#include <fly/txn.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MODEL_TREES = 3,
    MODEL_KEYS = 48, /* of each tree */
    MODEL_TXNS = 3,
    MODEL_HISTORY = 64,
    MODEL_VALUE_MAX = 12000,
    MODEL_PAGE = 4096
};

/* A value: nothing, if the version is 0. */
struct model_value {
    uint32_t version;
    uint32_t len;
};

/* What is committed, or what a transaction sees. */
struct model_state {
    uint32_t tree[MODEL_TREES]; /* 0: there is none; else which one of that name it is */
    struct model_value values[MODEL_TREES][MODEL_KEYS];
    bool prepared[MODEL_TXNS];
};

struct model_txn {
    fly_txn *txn; /* NULL: there is none, or it is prepared */
    bool open;
    bool prepared;
    bool snapshot;                         /* it sees what was committed when it began */
    uint64_t clock;                        /* when that was, in commits */
    bool placed;                           /* it has its snapshot */
    struct model_state base;               /* of a snapshot */
    struct model_state own;                /* its changes, where `changed` says so */
    bool changed[MODEL_TREES][MODEL_KEYS]; /* or locked */
    bool written[MODEL_TREES][MODEL_KEYS]; /* not only locked */
    bool tree_changed[MODEL_TREES];
    bool saved; /* there is a savepoint, and this is how it was: */
    fly_savepoint savepoint;
    struct model_state saved_own;
    bool saved_changed[MODEL_TREES][MODEL_KEYS];
    bool saved_written[MODEL_TREES][MODEL_KEYS];
    bool saved_tree_changed[MODEL_TREES];
};

struct model {
    fly_sim_env *world;
    fly_store_options options;
    fly_store *store;
    fly_rng rng;
    struct model_txn txns[MODEL_TXNS];
    struct model_txn prepared[MODEL_TXNS]; /* as they were when they were prepared */
    struct model_state history[MODEL_HISTORY];
    uint64_t newest;  /* index of the newest state */
    uint64_t durable; /* index of the oldest that may be found after a crash */
    uint64_t changed_at[MODEL_TREES][MODEL_KEYS]; /* the state that has the newest change */
    uint64_t tree_changed_at[MODEL_TREES];
    uint32_t versions;
    uint32_t backups;
    uint64_t steps;
    uint8_t buffer[MODEL_VALUE_MAX];
    /* What may be done beside reading and writing. */
    bool may_back_up;
    bool may_reopen;
};

/* Whatever fails ends the process: the drivers' child. */
#define MODEL_MUST(model, ok, ...)                                                                 \
    do {                                                                                           \
        if (!(ok)) {                                                                               \
            (void)fprintf(stderr, "step %" PRIu64 ", %s:%d: ", (model)->steps, __func__,           \
                          __LINE__);                                                               \
            (void)fprintf(stderr, __VA_ARGS__);                                                    \
            (void)fputc('\n', stderr);                                                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define MODEL_CALL(model, call)                                                                    \
    do {                                                                                           \
        fly_err err_ = {0};                                                                        \
        fly_err *err = &err_;                                                                      \
        fly_status got_ = (call);                                                                  \
        MODEL_MUST(model, got_ == FLY_OK, "%s: %s: %s", #call, fly_status_name(got_),              \
                   err_.message);                                                                  \
    } while (0)

static inline struct model_state *model_committed(struct model *model)
{
    return &model->history[model->newest % MODEL_HISTORY];
}

/* ---------------------------------------------------------------------- names and values */

static inline fly_bytes model_key(uint32_t key, char buffer[320])
{
    /* Some share a long beginning, some are long themselves: leaves have few entries, or many. */
    int len = snprintf(buffer, 320,
                       key % 3 == 0 ? "a rather long beginning of a key/%03" PRIu32 : "%03" PRIu32,
                       key);
    if (key % 7 == 0) {
        memset(buffer + len, 'x', 200);
        len += 200;
    }
    return fly_bytes_of(buffer, (size_t)len);
}

static inline const char *model_tree_name(uint32_t tree)
{
    static const char *const names[MODEL_TREES] = {"fruit", "roots", "leaves"};
    return names[tree];
}

static inline void model_fill(struct model_value value, uint8_t *bytes)
{
    uint32_t x = value.version * 2654435761u;
    for (uint32_t i = 0; i < value.len; i++) {
        bytes[i] = (uint8_t)(x >> (i % 4 * 8)) ^ (uint8_t)(i / 4);
    }
}

static inline bool model_is(struct model_value value, const uint8_t *bytes, uint64_t len)
{
    uint8_t wanted[MODEL_VALUE_MAX];
    if (value.len != len) {
        return false;
    }
    model_fill(value, wanted);
    return memcmp(wanted, bytes, len) == 0;
}

/* ------------------------------------------------------------------------- comparing */

/* Whether a store is in a state; if not, `why` says what is different. */
static inline bool model_matches(struct model *model, fly_store *store,
                                 const struct model_state *state, char why[256])
{
    uint8_t buffer[MODEL_VALUE_MAX]; /* not static: another life may begin in the middle */
    fly_txn *txn = NULL;
    bool same = true;
    why[0] = '\0';
    MODEL_CALL(model, fly_txn_begin(store,
                                    &(fly_txn_options){.isolation = FLY_ISOLATION_SNAPSHOT,
                                                       .read_only = true},
                                    &txn, err));
    for (uint32_t t = 0; t < MODEL_TREES && same; t++) {
        fly_tree *tree = NULL;
        fly_cursor *cursor = NULL;
        fly_err story = {0};
        fly_status status = fly_txn_tree_open(txn, model_tree_name(t), 0, &tree, &story);
        MODEL_MUST(model, status == FLY_OK || status == FLY_E_NOT_FOUND, "%s", story.message);
        if ((status == FLY_OK) != (state->tree[t] != 0)) {
            (void)snprintf(why, 256, "tree %s is%s there", model_tree_name(t),
                           status == FLY_OK ? "" : " not");
            same = false;
        }
        if (status != FLY_OK || !same) {
            continue;
        }
        uint32_t found = 0;
        uint32_t wanted = 0;
        for (uint32_t k = 0; k < MODEL_KEYS && same; k++) {
            char name[320];
            uint64_t len = 0;
            wanted += state->values[t][k].version != 0;
            status =
                fly_txn_get(txn, tree, model_key(k, name), buffer, sizeof buffer, &len, &story);
            MODEL_MUST(model, status == FLY_OK || status == FLY_E_NOT_FOUND, "%s", story.message);
            same = status == FLY_OK ? state->values[t][k].version != 0 &&
                                          model_is(state->values[t][k], buffer, len)
                                    : state->values[t][k].version == 0;
            if (!same) {
                (void)snprintf(why, 256,
                               "key %" PRIu32 " of %s: wanted version %" PRIu32 " (%" PRIu32
                               " bytes), found %s, %" PRIu64 " bytes",
                               k, model_tree_name(t), state->values[t][k].version,
                               state->values[t][k].len, fly_status_name(status), len);
            }
        }
        MODEL_CALL(model, fly_cursor_open(txn, tree, &cursor, err));
        for (status = fly_cursor_first(cursor, &story); status == FLY_OK;
             status = fly_cursor_next(cursor, &story)) {
            found++;
        }
        MODEL_MUST(model, status == FLY_E_END, "%s", story.message);
        fly_cursor_close(cursor);
        if (same && found != wanted) {
            (void)snprintf(why, 256, "%s has %" PRIu32 " entries, not %" PRIu32, model_tree_name(t),
                           found, wanted);
            same = false;
        }
    }
    MODEL_CALL(model, fly_txn_commit(txn, err));
    return same;
}

static inline void model_note_prepared(void *ctx, fly_bytes name)
{
    bool *prepared = ctx;
    if (name.len == 2 && name.data[0] == 'p') {
        prepared[name.data[1] - '0'] = true;
    }
}

static inline bool model_prepared_matches(fly_store *store, const struct model_state *state,
                                          char why[256])
{
    bool prepared[MODEL_TXNS] = {false};
    fly_store_list_prepared(store, model_note_prepared, prepared);
    for (int i = 0; i < MODEL_TXNS; i++) {
        if (prepared[i] != state->prepared[i]) {
            (void)snprintf(why, 256, "transaction p%d is%s prepared", i, prepared[i] ? "" : " not");
            return false;
        }
    }
    return true;
}

/* The store must be in one of the states that a crash may leave; which. */
static inline uint64_t model_find_state(struct model *model, fly_store *store)
{
    char why[256] = "";
    for (uint64_t i = model->newest + 1; i > model->durable; i--) {
        const struct model_state *state = &model->history[(i - 1) % MODEL_HISTORY];
        char different[256];
        if (model_matches(model, store, state, different) &&
            model_prepared_matches(store, state, different)) {
            return i - 1;
        }
        if (i == model->newest + 1) {
            memcpy(why, different, sizeof why);
        }
    }
    MODEL_MUST(model, false, "none of the states %" PRIu64 " to %" PRIu64 ": of the newest, %s",
               model->durable, model->newest, why);
    return 0;
}

/* --------------------------------------------------------------------- transactions */

/* A copy of the newest state, to become the next one. It may be found after a crash from now on. */
static inline struct model_state *model_next_state(struct model *model)
{
    MODEL_MUST(model, model->newest + 1 - model->durable < MODEL_HISTORY, "the history is full");
    struct model_state *next = &model->history[(model->newest + 1) % MODEL_HISTORY];
    *next = *model_committed(model);
    return next;
}

static inline bool model_sees_tree(struct model *model, const struct model_txn *txn, uint32_t t)
{
    if (txn->tree_changed[t]) {
        return txn->own.tree[t] != 0;
    }
    return (txn->snapshot ? &txn->base : model_committed(model))->tree[t] != 0;
}

static inline struct model_value model_sees(struct model *model, const struct model_txn *txn,
                                            uint32_t t, uint32_t k)
{
    if (txn->changed[t][k] || txn->tree_changed[t]) {
        return txn->own.values[t][k];
    }
    return (txn->snapshot ? &txn->base : model_committed(model))->values[t][k];
}

/* Whether some other open transaction has changed the entry, or the tree, or anything in it. */
static inline bool model_others_have(struct model *model, const struct model_txn *txn, uint32_t t,
                                     uint32_t k, bool whole)
{
    for (int i = 0; i < MODEL_TXNS; i++) {
        const struct model_txn *other = &model->txns[i];
        if (other == txn || !other->open) {
            continue;
        }
        if (other->tree_changed[t]) {
            return true;
        }
        for (uint32_t j = 0; j < MODEL_KEYS; j++) {
            if (other->changed[t][j] && (whole || j == k)) {
                return true;
            }
        }
    }
    return false;
}

static inline void model_begin(struct model *model, struct model_txn *txn)
{
    *txn = (struct model_txn){.open = true, .snapshot = fly_rng_below(&model->rng, 3) == 0};
    fly_txn_options options = {.isolation = txn->snapshot ? FLY_ISOLATION_SNAPSHOT
                                                          : FLY_ISOLATION_READ_COMMITTED};
    MODEL_CALL(model, fly_txn_begin(model->store, &options, &txn->txn, err));
}

/* Its changes become what is committed. */
static inline void model_apply(struct model *model, const struct model_txn *txn,
                               struct model_state *next)
{
    next->prepared[txn - model->txns] = false;
    for (uint32_t t = 0; t < MODEL_TREES; t++) {
        if (txn->tree_changed[t]) {
            next->tree[t] = txn->own.tree[t];
            model->tree_changed_at[t] = model->newest + 1;
            memcpy(next->values[t], txn->own.values[t], sizeof next->values[t]);
        }
        for (uint32_t k = 0; k < MODEL_KEYS; k++) {
            if (txn->changed[t][k]) {
                next->values[t][k] = txn->own.values[t][k];
                if (txn->written[t][k]) {
                    model->changed_at[t][k] = model->newest + 1;
                }
            }
        }
    }
}

static inline bool model_has_changes(const struct model_txn *txn)
{
    bool any = txn->prepared;
    for (uint32_t t = 0; t < MODEL_TREES; t++) {
        any = any || txn->tree_changed[t];
        for (uint32_t k = 0; k < MODEL_KEYS; k++) {
            any = any || txn->changed[t][k];
        }
    }
    return any;
}

static inline void model_commit(struct model *model, struct model_txn *txn)
{
    static const fly_durability levels[] = {FLY_DURABILITY_FULL, FLY_DURABILITY_FULL,
                                            FLY_DURABILITY_ASYNC, FLY_DURABILITY_OFF};
    fly_durability level = levels[fly_rng_below(&model->rng, 4)];
    txn->open = false;
    if (!model_has_changes(txn)) {
        MODEL_CALL(model, fly_txn_commit_as(txn->txn, level, err));
        return;
    }
    if (model->newest - model->durable > MODEL_HISTORY / 2) {
        level = FLY_DURABILITY_FULL;
    }
    struct model_state *next = model_next_state(model);
    model_apply(model, txn, next);
    model->newest++; /* from here on it may be found */
    MODEL_CALL(model, fly_txn_commit_as(txn->txn, level, err));
    if (level == FLY_DURABILITY_FULL) {
        model->durable = model->newest;
    }
}

static inline void model_roll_back(struct model *model, struct model_txn *txn)
{
    if (txn->prepared) { /* it is not acknowledged that it is not prepared any more */
        struct model_state *next = model_next_state(model);
        next->prepared[txn - model->txns] = false;
        model->newest++;
    }
    fly_txn_rollback(txn->txn);
    txn->open = false;
}

static inline void model_prepare(struct model *model, struct model_txn *txn)
{
    char name[3] = {'p', (char)('0' + (txn - model->txns)), '\0'};
    struct model_state *next = model_next_state(model);
    next->prepared[txn - model->txns] = true;
    model->newest++;
    MODEL_CALL(model, fly_txn_prepare(txn->txn, fly_bytes_str(name), err));
    model->durable = model->newest;
    txn->prepared = true;
    txn->txn = NULL;
    model->prepared[txn - model->txns] = *txn;
}

static inline void model_take_over(struct model *model, struct model_txn *txn)
{
    char name[3] = {'p', (char)('0' + (txn - model->txns)), '\0'};
    MODEL_CALL(model, fly_store_prepared(model->store, fly_bytes_str(name), &txn->txn, err));
}

/* ------------------------------------------------------------------------------ entries */

static inline uint32_t model_len(struct model *model)
{
    switch (fly_rng_below(&model->rng, 16)) {
    case 0:
        return 1000 +
               (uint32_t)fly_rng_below(&model->rng, MODEL_VALUE_MAX - 1000); /* mostly long */
    case 1:
        return 0;
    case 2:
    case 3:
    case 4:
        return (uint32_t)fly_rng_below(&model->rng, 900);
    default:
        return (uint32_t)fly_rng_below(&model->rng, 60);
    }
}

/* A snapshot is taken at the first use. */
static inline void model_place(struct model *model, struct model_txn *txn)
{
    if (!txn->placed) {
        txn->placed = true;
        txn->clock = model->newest;
        txn->base = *model_committed(model);
    }
}

static inline fly_tree *model_open_tree(struct model *model, struct model_txn *txn, uint32_t t)
{
    fly_tree *tree = NULL;
    fly_err story = {0};
    model_place(model, txn);
    fly_status status = fly_txn_tree_open(txn->txn, model_tree_name(t), 0, &tree, &story);
    bool seen = model_sees_tree(model, txn, t);
    MODEL_MUST(model, status == (seen ? FLY_OK : FLY_E_NOT_FOUND), "tree %s: %s",
               model_tree_name(t), fly_status_name(status));
    return seen ? tree : NULL;
}

/* Put, insert, delete or lock. */
static inline void model_change(struct model *model, struct model_txn *txn)
{
    uint32_t t = (uint32_t)fly_rng_below(&model->rng, MODEL_TREES);
    uint32_t k = (uint32_t)fly_rng_below(&model->rng, MODEL_KEYS);
    uint64_t what = fly_rng_below(&model->rng, 8);
    struct model_value value = {model->versions + 1, model_len(model)};
    fly_tree *tree = model_open_tree(model, txn, t);
    const struct model_state *now = model_committed(model);
    bool own_tree = txn->tree_changed[t];
    if (tree == NULL || model_others_have(model, txn, t, k, false) ||
        (!own_tree && txn->snapshot && now->tree[t] != txn->base.tree[t])) {
        return;
    }
    char name[320];
    fly_bytes key = model_key(k, name);
    struct model_value before = model_sees(model, txn, t, k);
    bool conflict = txn->snapshot && !own_tree && model->changed_at[t][k] > txn->clock &&
                    !txn->changed[t][k];
    fly_err story = {0};
    fly_status wanted = FLY_OK;
    fly_status status;
    if (what < 4) {
        model_fill(value, model->buffer);
        status = fly_txn_put(txn->txn, tree, key, fly_bytes_of(model->buffer, value.len), &story);
    } else if (what == 4) {
        model_fill(value, model->buffer);
        wanted = before.version != 0 ? FLY_E_EXISTS : FLY_OK;
        status =
            fly_txn_insert(txn->txn, tree, key, fly_bytes_of(model->buffer, value.len), &story);
    } else if (what < 7) {
        wanted = before.version == 0 ? FLY_E_NOT_FOUND : FLY_OK;
        value = (struct model_value){0, 0};
        status = fly_txn_delete(txn->txn, tree, key, &story);
    } else {
        wanted = before.version == 0 ? FLY_E_NOT_FOUND : FLY_OK;
        value = before;
        status = fly_txn_lock(txn->txn, tree, key, FLY_LOCK_NO_WAIT, &story);
    }
    wanted = conflict ? FLY_E_CONFLICT : wanted;
    MODEL_MUST(model, status == wanted,
               "change %" PRIu64 " of key %" PRIu32 " in %s: %s, not %s: %s", what, k,
               model_tree_name(t), fly_status_name(status), fly_status_name(wanted), story.message);
    if (status == FLY_OK) {
        model->versions += value.version > model->versions;
        txn->changed[t][k] = true;
        txn->written[t][k] = txn->written[t][k] || what < 7;
        txn->own.values[t][k] = value;
    } else if (conflict) { /* it has failed, and says so until it is rolled back */
        model_roll_back(model, txn);
    }
}

static inline void model_read(struct model *model, struct model_txn *txn)
{
    uint32_t t = (uint32_t)fly_rng_below(&model->rng, MODEL_TREES);
    uint32_t k = (uint32_t)fly_rng_below(&model->rng, MODEL_KEYS);
    fly_tree *tree = model_open_tree(model, txn, t);
    if (tree == NULL) {
        return;
    }
    char name[320];
    uint64_t len = 0;
    fly_err story = {0};
    struct model_value wanted = model_sees(model, txn, t, k);
    fly_status status = fly_txn_get(txn->txn, tree, model_key(k, name), model->buffer,
                                    sizeof model->buffer, &len, &story);
    MODEL_MUST(model, status == (wanted.version != 0 ? FLY_OK : FLY_E_NOT_FOUND),
               "key %" PRIu32 " of %s: %s", k, model_tree_name(t), fly_status_name(status));
    MODEL_MUST(model, status != FLY_OK || model_is(wanted, model->buffer, len),
               "key %" PRIu32 " of %s is another value", k, model_tree_name(t));
}

/* The first key behind `before` that the transaction sees; MODEL_KEYS: there is none. */
static inline uint32_t model_next_key(struct model *model, struct model_txn *txn, uint32_t t,
                                      fly_bytes before)
{
    uint32_t next = MODEL_KEYS;
    char name[320];
    char least[320];
    for (uint32_t k = 0; k < MODEL_KEYS; k++) {
        fly_bytes key = model_key(k, name);
        if (model_sees(model, txn, t, k).version != 0 && fly_bytes_cmp(key, before) > 0 &&
            (next == MODEL_KEYS || fly_bytes_cmp(key, model_key(next, least)) < 0)) {
            next = k;
        }
    }
    return next;
}

/* Take values that lie at hand behind a cursor, up to some key or to the end; `before` is the cursor's
 * key, and afterwards the last one's. */
static inline void model_take_values(struct model *model, struct model_txn *txn, uint32_t t,
                                     fly_cursor *cursor, uint8_t *before, size_t *before_len,
                                     uint8_t *order)
{
    fly_bytes values[8];
    char name[320];
    char end_name[320];
    fly_bytes end = model_key((uint32_t)fly_rng_below(&model->rng, MODEL_KEYS), end_name);
    if (fly_bytes_cmp(end, fly_bytes_of(before, *before_len)) <= 0) {
        end = fly_bytes_of(NULL, 0);
    }
    uint32_t n =
        fly_cursor_next_values(cursor, end, values, 1 + (uint32_t)fly_rng_below(&model->rng, 8));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = model_next_key(model, txn, t, fly_bytes_of(before, *before_len));
        MODEL_MUST(model, k < MODEL_KEYS, "a value behind the last");
        fly_bytes key = model_key(k, name);
        MODEL_MUST(model, end.len == 0 || fly_bytes_cmp(key, end) < 0, "a value behind the end");
        MODEL_MUST(model, model_is(model_sees(model, txn, t, k), values[i].data, values[i].len),
                   "key %" PRIu32 " of %s has another value at hand", k, model_tree_name(t));
        memcpy(before, key.data, key.len);
        *before_len = key.len;
        order[k]++;
    }
    MODEL_MUST(model, fly_bytes_equal(fly_cursor_key(cursor), fly_bytes_of(before, *before_len)),
               "the cursor is elsewhere");
}

/* Walk over a tree, up or down, and find just what the transaction sees. */
static inline void model_scan(struct model *model, struct model_txn *txn)
{
    uint8_t order[MODEL_KEYS];
    uint32_t t = (uint32_t)fly_rng_below(&model->rng, MODEL_TREES);
    bool upwards = fly_rng_below(&model->rng, 2) == 0;
    fly_tree *tree = model_open_tree(model, txn, t);
    if (tree == NULL) {
        return;
    }
    memset(order, 0, sizeof order);
    fly_cursor *cursor = NULL;
    fly_err story = {0};
    MODEL_CALL(model, fly_cursor_open(txn->txn, tree, &cursor, err));
    fly_status status = upwards ? fly_cursor_first(cursor, &story)
                                : fly_cursor_last(cursor, &story);
    uint8_t before[320];
    size_t before_len = 0;
    for (bool first = true; status == FLY_OK; first = false) {
        fly_bytes key = fly_cursor_key(cursor);
        uint64_t len = fly_cursor_value_len(cursor);
        uint32_t k = MODEL_KEYS;
        char name[320];
        for (k = 0; k < MODEL_KEYS && !fly_bytes_equal(model_key(k, name), key); k++) {
        }
        MODEL_MUST(model, k < MODEL_KEYS, "a key that nobody put");
        int cmp = fly_bytes_cmp(fly_bytes_of(before, before_len), key);
        MODEL_MUST(model, first || (upwards ? cmp < 0 : cmp > 0), "keys are out of order");
        memcpy(before, key.data, key.len);
        before_len = key.len;
        order[k]++;
        MODEL_MUST(model, len <= sizeof model->buffer, "a value of %" PRIu64 " bytes", len);
        MODEL_CALL(model, fly_cursor_read(cursor, 0, model->buffer, (size_t)len, err));
        MODEL_MUST(model, model_is(model_sees(model, txn, t, k), model->buffer, len),
                   "key %" PRIu32 " of %s is another value", k, model_tree_name(t));
        if (upwards && fly_rng_below(&model->rng, 2) == 0) {
            model_take_values(model, txn, t, cursor, before, &before_len, order);
        }
        status = upwards ? fly_cursor_next(cursor, &story) : fly_cursor_previous(cursor, &story);
    }
    MODEL_MUST(model, status == FLY_E_END, "%s: %s", fly_status_name(status), story.message);
    fly_cursor_close(cursor);
    for (uint32_t k = 0; k < MODEL_KEYS; k++) {
        bool wanted = model_sees(model, txn, t, k).version != 0;
        MODEL_MUST(model, order[k] == (wanted ? 1 : 0), "key %" PRIu32 " of %s was met %d times", k,
                   model_tree_name(t), order[k]);
    }
}

/* Make the tree, or drop it. */
static inline void model_change_tree(struct model *model, struct model_txn *txn)
{
    uint32_t t = (uint32_t)fly_rng_below(&model->rng, MODEL_TREES);
    if (model_others_have(model, txn, t, 0, true)) {
        return;
    }
    fly_tree *tree = model_open_tree(model, txn, t);
    if (txn->snapshot && !txn->tree_changed[t] && model->tree_changed_at[t] > txn->clock) {
        return; /* it would be a conflict */
    }
    if (tree == NULL) {
        MODEL_CALL(model,
                   fly_txn_tree_open(txn->txn, model_tree_name(t), FLY_TREE_CREATE, &tree, err));
        txn->own.tree[t] = ++model->versions;
    } else {
        MODEL_CALL(model, fly_txn_tree_drop(txn->txn, model_tree_name(t), err));
        txn->own.tree[t] = 0;
    }
    txn->tree_changed[t] = true;
    memset(txn->own.values[t], 0, sizeof txn->own.values[t]);
    memset(txn->changed[t], 0, sizeof txn->changed[t]);
    memset(txn->written[t], 0, sizeof txn->written[t]);
}

static inline void model_save(struct model *model, struct model_txn *txn)
{
    (void)model;
    txn->saved = true;
    txn->savepoint = fly_txn_savepoint(txn->txn);
    txn->saved_own = txn->own;
    memcpy(txn->saved_changed, txn->changed, sizeof txn->changed);
    memcpy(txn->saved_written, txn->written, sizeof txn->written);
    memcpy(txn->saved_tree_changed, txn->tree_changed, sizeof txn->tree_changed);
}

static inline void model_back_to_saved(struct model *model, struct model_txn *txn)
{
    if (!txn->saved) {
        return;
    }
    MODEL_CALL(model, fly_txn_rollback_to(txn->txn, txn->savepoint, err));
    txn->own = txn->saved_own;
    memcpy(txn->changed, txn->saved_changed, sizeof txn->changed);
    memcpy(txn->written, txn->saved_written, sizeof txn->written);
    memcpy(txn->tree_changed, txn->saved_tree_changed, sizeof txn->tree_changed);
}

/* ----------------------------------------------------------------------------- the store */

static inline void model_open(struct model *model, fly_store **store)
{
    MODEL_CALL(model, fly_store_open(&model->world->env, "data", &model->options, store, err));
}

static inline void model_init(struct model *model, fly_sim_env *world, uint64_t seed)
{
    *model = (struct model){.world = world};
    fly_rng_init(&model->rng, seed);
    model->options = (fly_store_options){.create = true,
                                         .page_size = MODEL_PAGE,
                                         .pool_bytes = 64 * MODEL_PAGE,
                                         .wal_segment_size = 64 << 10,
                                         .wal_ring_size = 64 << 10,
                                         .checkpoint_bytes = 96 << 10,
                                         .checkpoint_secs = UINT32_MAX,
                                         .manual = true};
}

/* The store was opened after a crash: which state was found is what is committed now, and of the
 * transactions those that were prepared are left. */
static inline void model_after_crash(struct model *model)
{
    model->newest = model_find_state(model, model->store);
    model->durable = model->newest;
    for (int i = 0; i < MODEL_TXNS; i++) {
        model->txns[i] = model_committed(model)->prepared[i] ? model->prepared[i]
                                                             : (struct model_txn){.open = false};
    }
    for (uint32_t t = 0; t < MODEL_TREES; t++) {
        uint64_t *at = &model->tree_changed_at[t];
        *at = *at < model->newest ? *at : model->newest;
        for (uint32_t k = 0; k < MODEL_KEYS; k++) {
            at = &model->changed_at[t][k];
            *at = *at < model->newest ? *at : model->newest;
        }
    }
}

/* Whether nobody but prepared transactions is open. */
static inline bool model_is_quiet(const struct model *model)
{
    for (int i = 0; i < MODEL_TXNS; i++) {
        if (model->txns[i].open && model->txns[i].txn != NULL) {
            return false;
        }
    }
    return true;
}

static inline void model_house_keeping(struct model *model)
{
    char dir[32];
    switch (fly_rng_below(&model->rng, 8)) {
    case 0:
        MODEL_CALL(model, fly_store_checkpoint(model->store, err));
        model->durable = model->newest;
        break;
    case 1:
        if (model->may_back_up) {
            (void)snprintf(dir, sizeof dir, "backup%" PRIu32, model->backups++);
            MODEL_CALL(model, fly_store_backup_to(model->store, dir, NULL, err));
            model->durable = model->newest;
        }
        break;
    case 2:
        if (model->may_reopen && model_is_quiet(model)) {
            MODEL_CALL(model, fly_store_close(model->store, err));
            model->durable = model->newest;
            model->store = NULL;
            model_open(model, &model->store);
        }
        break;
    default:
        MODEL_CALL(model, fly_store_maintain(model->store, err));
        break;
    }
}

/* One random thing. */
static inline void model_step(struct model *model)
{
    model->steps++;
    struct model_txn *txn = &model->txns[fly_rng_below(&model->rng, MODEL_TXNS)];
    uint64_t what = fly_rng_below(&model->rng, 64);
    if (what == 0) {
        model_house_keeping(model);
        return;
    }
    if (!txn->open) {
        model_begin(model, txn);
        return;
    }
    if (txn->txn == NULL) { /* prepared */
        if (what < 16) {
            model_take_over(model, txn);
            if (what < 8) {
                model_commit(model, txn);
            } else {
                model_roll_back(model, txn);
            }
        }
        return;
    }
    if (what < 8) {
        model_commit(model, txn);
    } else if (what < 10) {
        model_roll_back(model, txn);
    } else if (what < 11) {
        model_prepare(model, txn);
    } else if (what < 12) {
        model_change_tree(model, txn);
    } else if (what < 14) {
        model_save(model, txn);
    } else if (what < 16) {
        model_back_to_saved(model, txn);
    } else if (what < 20) {
        model_read(model, txn);
    } else if (what < 22) {
        model_scan(model, txn);
    } else {
        model_change(model, txn);
    }
}

/* End what is open, one way or the other. */
static inline void model_end_all(struct model *model)
{
    for (int i = 0; i < MODEL_TXNS; i++) {
        struct model_txn *txn = &model->txns[i];
        if (txn->open) {
            if (txn->txn == NULL) {
                model_take_over(model, txn);
            }
            if (fly_rng_below(&model->rng, 2) == 0) {
                model_commit(model, txn);
            } else {
                model_roll_back(model, txn);
            }
        }
    }
}

/* All trees, made by one transaction: something to begin with. */
static inline void model_make_trees(struct model *model)
{
    struct model_txn *txn = &model->txns[0];
    model_begin(model, txn);
    model_place(model, txn);
    for (uint32_t t = 0; t < MODEL_TREES; t++) {
        fly_tree *tree = NULL;
        MODEL_CALL(model,
                   fly_txn_tree_open(txn->txn, model_tree_name(t), FLY_TREE_CREATE, &tree, err));
        txn->tree_changed[t] = true;
        txn->own.tree[t] = ++model->versions;
    }
    model_commit(model, txn);
}

#endif
