/*
 * How many entries a tree has, more or less, and which one stands where, without walking it.
 *
 * A few probes go down at even distances, and each takes the tree for one that is everywhere as it is on
 * the probe's way: the product of how many children there are at each step. The mean of that is right on
 * average for any tree, and near for one whose nodes are alike. Leaves are looked at by two probes only,
 * for they may be on disk, where nodes above them hardly ever are.
 *
 * Nothing is latched from one step to the next: who meets a page that is no longer a node of the tree
 * leaves it at what is known.
 *
 * @source Knuth: "Estimating the Efficiency of Backtrack Programs", Mathematics of Computation 29, 1975.
 */
#include "btree_int.h"

enum { PROBES = 6, LEAF_PROBES = 2 };

/* A node that a probe is at, read in one go. */
struct step {
    uint32_t level;
    uint32_t count; /* children, or entries of a leaf */
    uint32_t child; /* the one to go on with */
};

/* False: no node of this tree any more. */
static bool look_at(fly_btree *tree, uint32_t page, double where, struct step *step)
{
    fly_pageref ref;
    if (fly_bufpool_fix_shared(tree->pool, page, &ref, NULL) != FLY_OK) {
        return false;
    }
    uint8_t kind = fly_page_kind(ref.bytes);
    bool inner = kind == FLY_BTREE_PAGE_INNER;
    bool ours = (inner || kind == FLY_BTREE_PAGE_LEAF) && node_tree(ref.bytes) == tree->id;
    if (ours) {
        step->level = node_level(ref.bytes);
        step->count = node_count(ref.bytes) + inner;
        ours = !inner || fly__btree_node_child(ref.bytes, tree->usable,
                                               (uint32_t)(where * step->count), &step->child);
    }
    fly_bufpool_unfix_shared(&ref);
    return ours;
}

/* How many children the nodes just above the leaves have, by one way down; at the end, a leaf's page,
 * and how far into it the way leads. */
static bool probe(fly_btree *tree, double where, double *leaves, uint32_t *leaf, double *into)
{
    struct step step = {0};
    uint32_t page = tree->root;
    uint32_t below = LEVEL_MAX + 1;
    *leaves = 1;
    do {
        if (!look_at(tree, page, where, &step) || step.level >= below) {
            return false;
        }
        below = step.level;
        if (step.level > 0) {
            *leaves *= step.count;
            page = step.child;
            where = where * step.count;
            where -= (double)(uint32_t)where;
        }
    } while (step.level > 1);
    *leaf = page;
    *into = where;
    return true;
}

fly_btree_extent fly_btree_estimate(fly_btree *tree)
{
    fly_btree_extent extent = {0};
    double leaves = 0;
    double entries = 0;
    uint32_t ways = 0;
    uint32_t seen = 0;
    for (uint32_t i = 0; i < PROBES && tree->root != FLY_PAGE_NONE; i++) {
        double found;
        double into;
        uint32_t leaf;
        struct step step;
        if (!probe(tree, (i + 0.5) / PROBES, &found, &leaf, &into)) {
            continue;
        }
        leaves += found;
        ways++;
        if (i % (PROBES / LEAF_PROBES) == 0 && look_at(tree, leaf, 0, &step) && step.level == 0) {
            entries += step.count;
            seen++;
        }
    }
    if (ways > 0 && seen > 0) {
        extent.leaves = leaves / ways;
        extent.entries = extent.leaves * entries / seen;
    }
    return extent;
}

bool fly_btree_key_near(fly_btree *tree, double where, uint8_t *key, size_t room, size_t *len)
{
    double leaves;
    double into;
    uint32_t leaf;
    fly_pageref ref;
    FLY_ASSERT(where >= 0 && where < 1);
    if (tree->root == FLY_PAGE_NONE || !probe(tree, where, &leaves, &leaf, &into) ||
        fly_bufpool_fix_shared(tree->pool, leaf, &ref, NULL) != FLY_OK) {
        return false;
    }
    uint32_t count = fly_page_kind(ref.bytes) == FLY_BTREE_PAGE_LEAF &&
                             node_tree(ref.bytes) == tree->id && node_level(ref.bytes) == 0
                         ? node_count(ref.bytes)
                         : 0;
    bool found = count > 0 && fly__btree_node_key(ref.bytes, tree->usable, (uint32_t)(into * count),
                                                  key, room, len);
    fly_bufpool_unfix_shared(&ref);
    return found;
}
