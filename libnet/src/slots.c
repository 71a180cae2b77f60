/*
 * Slots: what stands for a connection towards events, wakes and timers. See net_int.h for the state
 * machine and its invariants.
 */
#include "net_int.h"

#include <sys/eventfd.h>

static uint64_t generation_of(uint64_t word)
{
    return word >> 32;
}

static bool slots_add(fly_net *net)
{
    uint32_t at = fly_load_relaxed_u32(&net->chunks_count);
    if (at == FLY__NET_CHUNKS) {
        return false;
    }
    fly__net_slot *chunk = fly_mem_calloc(&net->account.mem, FLY__NET_CHUNK, sizeof *chunk);
    if (chunk == NULL || !fly__net_timer_reserve(net, (at + 1) * FLY__NET_CHUNK)) {
        fly_mem_free(&net->account.mem, chunk, FLY__NET_CHUNK * sizeof *chunk);
        return false;
    }
    for (uint32_t i = FLY__NET_CHUNK; i-- > 0;) {
        fly__net_slot *slot = &chunk[i];
        slot->index = at * FLY__NET_CHUNK + i;
        fly_store_u64(&slot->state, (uint64_t)1 << 32);
        fly_store_u64(&slot->timer_when, FLY_FOREVER);
        slot->next = net->free_slots;
        net->free_slots = slot;
    }
    fly_store_ptr(&net->chunks[at], chunk);
    fly_store_u32(&net->chunks_count, at + 1); /* pairs with fly__net_slot_find() */
    return true;
}

/* A slot that is open and owned by the caller; NULL: no memory. */
fly__net_slot *fly__net_slot_take(fly_net *net)
{
    fly_mutex_lock(&net->slots);
    if (net->free_slots == NULL && !slots_add(net)) {
        fly_mutex_unlock(&net->slots);
        return NULL;
    }
    fly__net_slot *slot = net->free_slots;
    net->free_slots = slot->next;
    fly_mutex_unlock(&net->slots);

    uint64_t generation = generation_of(fly_load_u64(&slot->state));
    /* A swap, not a store: who drains sees this slot open, or its owner sees that the net drains. */
    (void)fly_swap_u64(&slot->state, generation << 32 | FLY__NET_OPEN | FLY__NET_OWNED);
    return slot;
}

/* The owner closes it: from here on its token means nothing. */
void fly__net_slot_give(fly_net *net, fly__net_slot *slot)
{
    uint64_t generation = generation_of(fly_load_u64(&slot->state)) + 1;
    if (generation > UINT32_MAX) {
        generation = 1; /* 0 is for what is no connection */
    }
    slot->conn = NULL;
    (void)fly_swap_u64(&slot->state, generation << 32);
    fly_mutex_lock(&net->slots);
    slot->next = net->free_slots;
    net->free_slots = slot;
    fly_mutex_unlock(&net->slots);
}

fly__net_slot *fly__net_slot_find(fly_net *net, uint64_t token)
{
    uint32_t index = (uint32_t)token;
    if (generation_of(token) == 0 || index / FLY__NET_CHUNK >= fly_load_u32(&net->chunks_count)) {
        return NULL;
    }
    fly__net_slot *chunk = fly_load_ptr(&net->chunks[index / FLY__NET_CHUNK]);
    return &chunk[index % FLY__NET_CHUNK];
}

/* Become the owner, or tell the owner `why` to look again. */
bool fly__net_claim(fly__net_slot *slot, uint64_t token, uint64_t why)
{
    uint64_t seen = fly_load_u64(&slot->state);
    for (;;) {
        if (generation_of(seen) != generation_of(token) || (seen & FLY__NET_OPEN) == 0) {
            return false;
        }
        bool owned = (seen & FLY__NET_OWNED) != 0;
        if (fly_cas_u64(&slot->state, &seen, seen | (owned ? why : FLY__NET_OWNED))) {
            return !owned;
        }
    }
}

/* Give it up, if nothing has happened meanwhile. */
bool fly__net_release(fly__net_slot *slot, uint64_t token)
{
    uint64_t seen = generation_of(token) << 32 | FLY__NET_OPEN | FLY__NET_OWNED;
    return fly_cas_u64(&slot->state, &seen, seen & ~(uint64_t)FLY__NET_OWNED);
}

/* The owner asks what has happened since it asked last: FLY__NET_EVENT, FLY__NET_WOKEN. */
uint64_t fly__net_notice(fly__net_slot *slot)
{
    const uint64_t again = FLY__NET_EVENT | FLY__NET_WOKEN;
    if ((fly_load_u64(&slot->state) & again) == 0) {
        return 0;
    }
    return fly_and_u64(&slot->state, ~again) & again;
}

/* Hand an owned slot to whichever worker comes next. */
void fly__net_requeue(fly_net *net, fly__net_slot *slot)
{
    fly_mutex_lock(&net->woken);
    slot->next = NULL;
    if (net->woken_last == NULL) {
        net->woken_first = slot;
    } else {
        net->woken_last->next = slot;
    }
    net->woken_last = slot;
    fly_mutex_unlock(&net->woken);
    (void)eventfd_write(net->wake_fd, 1);
}

/* The slot that has waited longest, which the caller owns from here on. Each takes one and has another
 * worker take the next. */
fly__net_slot *fly__net_woken_take(fly_net *net)
{
    fly_mutex_lock(&net->woken);
    fly__net_slot *slot = net->woken_first;
    if (slot != NULL) {
        net->woken_first = slot->next;
        if (net->woken_first == NULL) {
            net->woken_last = NULL;
        }
    }
    bool more = net->woken_first != NULL;
    fly_mutex_unlock(&net->woken);
    if (more) {
        (void)eventfd_write(net->wake_fd, 1);
    }
    return slot;
}

fly_net_ref fly_net_ref_of(const fly_net_conn *conn)
{
    return (fly_net_ref){.net = conn->net, .id = conn->token};
}

void fly_net_wake(fly_net_ref ref)
{
    fly__net_slot *slot = ref.net != NULL ? fly__net_slot_find(ref.net, ref.id) : NULL;
    if (slot != NULL && fly__net_claim(slot, ref.id, FLY__NET_WOKEN)) {
        fly__net_requeue(ref.net, slot);
    }
}
