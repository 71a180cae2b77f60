/*
 * Deadlines: a binary heap of slots, the earliest at the top.
 *
 * A connection sets a deadline with every message and reaches hardly any. So an entry is left alone
 * when its deadline moves away: when it fires too early, the owner notices and sets it anew. The heap
 * is touched by the first deadline, and by one that is earlier than the entry.
 *
 * Firing means waking: who owns the connection looks at the clock.
 */
#include "net_int.h"

static uint64_t when_at(const fly_net *net, uint32_t at)
{
    return fly_load_relaxed_u64(&net->heap[at]->timer_when);
}

static void put(fly_net *net, uint32_t at, fly__net_slot *slot)
{
    net->heap[at] = slot;
    slot->timer_at = at;
}

static void sift_up(fly_net *net, uint32_t at)
{
    fly__net_slot *slot = net->heap[at];
    uint64_t when = fly_load_relaxed_u64(&slot->timer_when);
    while (at > 0 && when_at(net, (at - 1) / 2) > when) {
        put(net, at, net->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(net, at, slot);
}

static void sift_down(fly_net *net, uint32_t at)
{
    fly__net_slot *slot = net->heap[at];
    uint64_t when = fly_load_relaxed_u64(&slot->timer_when);
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= net->heap_len) {
            break;
        }
        if (child + 1 < net->heap_len && when_at(net, child + 1) < when_at(net, child)) {
            child++;
        }
        if (when_at(net, child) >= when) {
            break;
        }
        put(net, at, net->heap[child]);
        at = child;
    }
    put(net, at, slot);
}

static void take_out(fly_net *net, fly__net_slot *slot)
{
    uint32_t at = slot->timer_at;
    FLY_ASSERT(at < net->heap_len);
    FLY_ASSERT(net->heap[at] == slot);
    fly_store_u64(&slot->timer_when, FLY_FOREVER);
    fly__net_slot *last = net->heap[--net->heap_len];
    if (last != slot) {
        put(net, at, last);
        sift_up(net, at);
        sift_down(net, last->timer_at);
    }
}

/* Room for all slots there are, so that setting a deadline cannot fail. */
bool fly__net_timer_reserve(fly_net *net, uint32_t slots)
{
    fly_mutex_lock(&net->timers);
    size_t size = sizeof net->heap[0];
    fly__net_slot **heap = net->heap == NULL ? fly_mem_alloc(&net->account.mem, slots * size)
                                             : fly_mem_resize(&net->account.mem, net->heap,
                                                              net->heap_size * size, slots * size);
    if (heap != NULL) {
        net->heap = heap;
        net->heap_size = slots;
    }
    fly_mutex_unlock(&net->timers);
    return heap != NULL;
}

void fly__net_timer_set(fly_net *net, fly__net_slot *slot, uint64_t when)
{
    if (when >= fly_load_u64(&slot->timer_when)) {
        return;
    }
    fly_mutex_lock(&net->timers);
    bool there = fly_load_relaxed_u64(&slot->timer_when) != FLY_FOREVER;
    fly_store_u64(&slot->timer_when, when);
    if (!there) {
        FLY_ASSERT(net->heap_len < net->heap_size);
        put(net, net->heap_len++, slot);
    }
    sift_up(net, slot->timer_at);
    bool first = slot->timer_at == 0;
    fly_mutex_unlock(&net->timers);
    if (first) {
        fly__net_poke(net);
    }
}

void fly__net_timer_drop(fly_net *net, fly__net_slot *slot)
{
    if (fly_load_u64(&slot->timer_when) == FLY_FOREVER) {
        return;
    }
    fly_mutex_lock(&net->timers);
    if (fly_load_relaxed_u64(&slot->timer_when) != FLY_FOREVER) {
        take_out(net, slot);
    }
    fly_mutex_unlock(&net->timers);
}

/* Wake those whose time has come; returns when to come again. */
uint64_t fly__net_timer_fire(fly_net *net, uint64_t now)
{
    for (;;) {
        fly_mutex_lock(&net->timers);
        if (net->heap_len == 0 || when_at(net, 0) > now) {
            uint64_t next = net->heap_len == 0 ? FLY_FOREVER : when_at(net, 0);
            fly_mutex_unlock(&net->timers);
            return next;
        }
        fly__net_slot *slot = net->heap[0];
        take_out(net, slot);
        /* An entry is dropped before its slot's generation ends, under this mutex: it is this one's. */
        uint64_t state = fly_load_u64(&slot->state);
        fly_mutex_unlock(&net->timers);
        fly_net_wake((fly_net_ref){
            .net = net,
            .id = (state & ~(uint64_t)UINT32_MAX) | slot->index,
        });
    }
}
