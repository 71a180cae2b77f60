/*
 * A small model for tests that ask other questions than test_model.c: a fixed set of keys in order,
 * and for each whether it is there and with which value.
 */
#ifndef FLY_BTREE_TESTS_SHADOW_H
#define FLY_BTREE_TESTS_SHADOW_H

#include "world.h"

enum { SHADOW_KEYS = 1200, SHADOW_VALUE_MAX = 20000 };

struct shadow {
    struct shadow_entry {
        bool there;
        uint32_t number;
        uint32_t len;
    } entries[SHADOW_KEYS];
    uint32_t keys; /* how many of them are used */
    uint32_t value_max;
    uint32_t next; /* number of the next value */
};

/* Key `i`, in order: some short, some long, in groups with common beginnings. */
static inline fly_bytes shadow_key(uint32_t i, uint8_t to[160])
{
    int len = snprintf(
        (char *)to, 160, "%02u/%s/%04u", i / 16,
        i / 16 % 3 == 1 ? "a group with a name that is rather longer than the others" : "g", i);
    size_t more = i % 7 == 3 ? 60 : 0;
    memset(to + len, 'z', more);
    return fly_bytes_of(to, (size_t)len + more);
}

static inline uint32_t shadow_len(const struct shadow *shadow, fly_rng *rng)
{
    uint64_t roll = fly_rng_below(rng, 100);
    uint32_t max = roll < 50 ? 60 : roll < 90 ? 700 : shadow->value_max;
    return (uint32_t)fly_rng_below(rng, max < shadow->value_max ? max : shadow->value_max);
}

static inline void shadow_set(struct shadow *shadow, uint32_t i, uint32_t len)
{
    shadow->entries[i] = (struct shadow_entry){.there = true, .number = shadow->next++, .len = len};
}

/* Put the value that the model says is there. */
static inline fly_status shadow_put(fly_btree *tree, const struct shadow_entry *entry, uint32_t i,
                                    fly_err *err)
{
    static uint8_t value[SHADOW_VALUE_MAX];
    uint8_t key[160];
    value_fill(value, entry->number, entry->len);
    return fly_btree_put(tree, shadow_key(i, key), fly_bytes_of(value, entry->len), err);
}

static inline fly_status shadow_remove(fly_btree *tree, uint32_t i, fly_err *err)
{
    uint8_t key[160];
    return fly_btree_remove(tree, shadow_key(i, key), err);
}

/* One random change of tree and model; more or fewer entries in the long run. Whatever fails: the
 * model is as it was, and `*attempted`, if not NULL, is what was to be. */
static inline fly_status shadow_step(fly_btree *tree, struct shadow *shadow, fly_rng *rng,
                                     bool shrinking, struct shadow *attempted, fly_err *err)
{
    struct shadow after = *shadow;
    uint32_t i = (uint32_t)fly_rng_below(rng, shadow->keys);
    bool removing = fly_rng_below(rng, 100) < (shrinking ? 75 : 25);
    fly_status status = FLY_OK;
    if (removing && shadow->entries[i].there) {
        after.entries[i].there = false;
    } else if (!removing) {
        shadow_set(&after, i, shadow_len(shadow, rng));
    }
    if (attempted != NULL) {
        *attempted = after;
    }
    if (removing) {
        status = shadow_remove(tree, i, err);
        if (status == FLY_E_NOT_FOUND) {
            HOLDS(!shadow->entries[i].there);
            return FLY_OK;
        }
    } else {
        status = shadow_put(tree, &after.entries[i], i, err);
    }
    if (status == FLY_OK) {
        *shadow = after;
    }
    return status;
}

/* Whether the tree holds just what the model says: all of it, by a cursor. */
static inline bool shadow_matches(fly_btree *tree, const struct shadow *shadow, fly_err *err)
{
    static uint8_t value[SHADOW_VALUE_MAX];
    fly_btree_cursor *cursor = NULL;
    bool same = true;
    uint32_t i = 0;
    OK(fly_btree_cursor_create(tree, &cursor, err), err);
    fly_status status = fly_btree_cursor_first(cursor, err);
    for (; status == FLY_OK && same; status = fly_btree_cursor_next(cursor, err)) {
        uint8_t key[160];
        uint64_t len = 0;
        while (i < shadow->keys && !shadow->entries[i].there) {
            i++;
        }
        same = i < shadow->keys &&
               fly_bytes_equal(fly_btree_cursor_key(cursor), shadow_key(i, key)) &&
               fly_btree_cursor_value(cursor, value, sizeof value, &len, err) == FLY_OK &&
               len == shadow->entries[i].len &&
               value_is(value, shadow->entries[i].number, (size_t)len);
        i++;
    }
    while (same && i < shadow->keys && !shadow->entries[i].there) {
        i++;
    }
    fly_btree_cursor_destroy(cursor);
    if (same) {
        WANT(status, FLY_E_END, err);
    }
    return same && i == shadow->keys;
}

#endif
