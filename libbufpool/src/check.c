/*
 * The invariants of pool.c, decided by a reader of its own.
 *
 * It believes nothing that it can find out: which slots are free it learns from the stack, which are
 * taken from the slots themselves, and holds both against the table. What is not here: what is in the
 * pages (their owner's business), and a policy's state, which each policy asserts itself.
 */
#include <fly/bufpool.h>

#include <inttypes.h>

#include "bufpool_int.h"

static fly_status broken(fly_err *err, const char *rule, const char *what, uint32_t a, uint32_t b)
{
    return fly_err_set(err, FLY_E_CORRUPT, "buffer pool, %s: %s (%" PRIu32 ", %" PRIu32 ")", rule,
                       what, a, b);
}

static fly_status check_slot(const fly_bufpool *pool, uint32_t slot, fly_err *err)
{
    uint32_t page = fly_load_u32(&pool->slot_page[slot]);
    bool dirty = fly_load_u64(&pool->hot.dirty[slot]) != 0;
    if (page == FLY_PAGE_NONE) {
        return dirty ? broken(err, "B3", "a slot without a page is dirty", slot, page) : FLY_OK;
    }
    if (page >= pool->hot.pages || fly__bufpool_slot(pool, page) != slot) {
        return broken(err, "B1", "a slot's page is not there by the table", slot, page);
    }
    size_t index = fly__bufpool_index(pool, page, slot);
    if ((fly_load_u64(&pool->hot.latches[index].word) &
         (FLY__LATCH_EXCLUSIVE | FLY__LATCH_READERS)) != 0) {
        return broken(err, "B5", "a page is latched though nobody uses the pool", page, slot);
    }
    if (fly_page_id(fly__bufpool_bytes(pool, index)) != page) {
        return broken(err, "B5", "a page bears another one's number", page,
                      fly_page_id(fly__bufpool_bytes(pool, index)));
    }
    return FLY_OK;
}

/* Cross off the slots of one kind; `seen` has a bit for each. */
static fly_status cross_off(uint64_t *seen, uint32_t slots, uint32_t slot, fly_err *err)
{
    if (slot >= slots || (seen[slot / 64] >> (slot % 64) & 1) != 0) {
        return broken(err, "B2", "a slot is in two places, or is none", slot, slots);
    }
    seen[slot / 64] |= (uint64_t)1 << (slot % 64);
    return FLY_OK;
}

static fly_status check_places(const fly_bufpool *pool, uint64_t *seen, fly_err *err)
{
    fly_status status = FLY_OK;
    uint32_t placed = fly_load_u32(&pool->free_count);
    if (placed > pool->slots) {
        return broken(err, "B2", "more slots are free than there are", placed, pool->slots);
    }
    for (uint32_t i = 0; i < placed && status == FLY_OK; i++) {
        status = cross_off(seen, pool->slots, pool->free_slots[i], err);
    }
    for (uint32_t slot = 0; slot < pool->slots && status == FLY_OK; slot++) {
        if (fly_load_u32(&pool->slot_page[slot]) != FLY_PAGE_NONE) {
            status = cross_off(seen, pool->slots, slot, err);
            placed++;
        }
    }
    if (status == FLY_OK && placed != pool->slots) {
        return broken(err, "B2", "slots are lost", placed, pool->slots);
    }
    return status;
}

fly_status fly_bufpool_check(const fly_bufpool *pool, fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint32_t slot = 0; slot < pool->slots && status == FLY_OK; slot++) {
        status = check_slot(pool, slot, err);
    }
    uint32_t pages = fly_pagefile_pages(pool->file);
    for (uint32_t page = 0; page < pages && page < pool->hot.pages && status == FLY_OK; page++) {
        uint32_t slot = fly__bufpool_slot(pool, page);
        if (slot != NO_SLOT &&
            (slot >= pool->slots || fly_load_u32(&pool->slot_page[slot]) != page)) {
            status = broken(err, "B1", "the table names a slot with another page", page, slot);
        }
    }
    if (status != FLY_OK) {
        return status;
    }
    fly_mem *mem = pool->env->mem;
    size_t words = ((size_t)pool->slots + 63) / 64;
    uint64_t *seen = fly_mem_calloc(mem, words, sizeof *seen);
    if (seen == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to check a buffer pool");
    }
    status = check_places(pool, seen, err);
    fly_mem_free(mem, seen, words * sizeof *seen);
    return status;
}
