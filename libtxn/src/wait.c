/*
 * Waiting for another writer, and deadlocks.
 *
 * Who wants to change an entry whose newest version belongs to a transaction that has not ended, or
 * which such a one has locked, waits for that transaction's end; or until it lets go of something,
 * rolling back to a savepoint, and then looks again. A transaction waits for at most one other at a
 * time, so the graph of who waits for whom is a set of paths, and a deadlock is a path that comes back. Everybody who is about
 * to wait says so first and then follows the path from there: of all those who close a circle, at
 * least the last to say so finds it. The youngest in the circle gives way: it has the least to lose. But
 * if somebody in it waits for another one's claim only (share.c), that claim is passed over, and nobody
 * has to give way.
 *
 *     T3 ──waits for──> T1 ──> T7 ──> T3        T7 is told to give way
 *
 * A waiter is parked on its opponent's count of ends. To wake one that was chosen as the victim, that
 * count is raised: those who wait there for nothing look again.
 */
#include "txn_int.h"

#include <inttypes.h>

enum { PATH_MAX_LEN = 1 << 16, NAP_NS = 10 * 1000 * 1000 };

void fly__txn_wake_waiters(fly_txn *txn)
{
    (void)fly_add_u32(&txn->finishes, 1);
    /* Pairs with the increment before parking: whoever parks either sees the new count, or is seen
     * here. */
    if (fly_load_seq_u32(&txn->waiters) != 0) {
        fly_unpark(&txn->finishes, UINT32_MAX);
    }
}

/* Who a transaction waits for, if that is somebody who has not ended: its context. */
static fly_txn *opponent_of(fly_txn *viewer, const fly_txn *txn)
{
    uint64_t id = fly_load_seq_u64(&txn->waiting_for);
    uint32_t context = 0;
    if (id == 0 || fly__txn_ended(viewer, id, &context) != 0) {
        return NULL;
    }
    return fly__txn_context(viewer->store, context);
}

static bool goes_before(fly_txn *a, fly_txn *b)
{
    uint32_t soft_a = fly_load_u32(&a->softly);
    uint32_t soft_b = fly_load_u32(&b->softly);
    return soft_a != soft_b ? soft_a != 0 : fly_load_u64(&a->id) > fly_load_u64(&b->id);
}

/* Follow the path from `txn`; if it comes back, the youngest on it, of those first who wait softly. */
static fly_txn *find_victim(fly_txn *txn)
{
    fly_txn *victim = txn;
    fly_txn *at = opponent_of(txn, txn);
    for (int steps = 0; at != NULL && steps < PATH_MAX_LEN; steps++) {
        if (at == txn) {
            return victim;
        }
        if (goes_before(at, victim)) {
            victim = at;
        }
        at = opponent_of(txn, at);
    }
    return NULL;
}

static fly_status gives_way(fly_txn *txn, uint64_t id, fly_err *err)
{
    if (fly_load_relaxed_u32(&txn->softly) != 0) {
        return FLY_E_DEADLOCK;
    }
    txn->failed = true;
    fly_count_u64(&txn->store->deadlocks, 1);
    return fly_err_set(err, FLY_E_DEADLOCK,
                       "transaction %" PRIu64 " was waiting for %" PRIu64
                       ", and gave way in a deadlock",
                       fly_load_u64(&txn->id), id);
}

/* Somebody in a circle has to go. True if it is us. */
static bool resolve_deadlock(fly_txn *txn)
{
    fly_txn *victim = find_victim(txn);
    if (victim == NULL) {
        return false;
    }
    if (victim == txn) {
        return true;
    }
    fly_store_seq_u32(&victim->victim, 1);
    fly_txn *opponent = opponent_of(txn, victim);
    if (opponent != NULL) {
        fly__txn_wake_waiters(opponent);
    }
    return false;
}

/* How long to stay parked: who may be interrupted looks up now and then. */
static uint64_t nap_end(const fly_txn *txn, uint64_t deadline)
{
    if (txn->waiting == NULL || txn->waiting->interrupted == NULL) {
        return deadline;
    }
    uint64_t soon = fly_now() + NAP_NS;
    return soon < deadline ? soon : deadline;
}

static void tell(const fly_txn *txn, uint32_t number)
{
    if (txn->waiting != NULL && txn->waiting->waits != NULL) {
        txn->waiting->waits(txn->waiting->ctx, number);
    }
}

static bool interrupted(const fly_txn *txn)
{
    return txn->waiting != NULL && txn->waiting->interrupted != NULL &&
           txn->waiting->interrupted(txn->waiting->ctx);
}

fly_status fly__txn_wait(fly_txn *txn, uint64_t id, bool soft, uint64_t deadline, fly_err *err)
{
    fly_store *store = txn->store;
    uint64_t began = fly_now();
    fly_status status = FLY_OK;
    fly_count_u64(&store->lock_waits, 1);
    fly_store_relaxed_u32(&txn->victim, 0);
    fly_store_u32(&txn->softly, soft);
    fly_store_seq_u64(&txn->waiting_for, id);
    for (;;) {
        uint32_t context = 0;
        if (fly__txn_ended(txn, id, &context) != 0) {
            break;
        }
        fly_txn *opponent = fly__txn_context(store, context);
        tell(txn, opponent->number + 1);
        (void)fly_add_u32(&opponent->waiters, 1);
        uint32_t seen = fly_load_seq_u32(&opponent->finishes);
        bool in_time = true;
        bool again = false;
        if (fly__txn_ended(txn, id, &context) == 0) {
            if (fly_load_seq_u32(&txn->victim) != 0 || resolve_deadlock(txn)) {
                status = gives_way(txn, id, err);
            } else {
                in_time = fly_park(&opponent->finishes, seen, nap_end(txn, deadline),
                                   "another transaction") ||
                          fly_now() < deadline;
                again = fly_load_u32(&opponent->finishes) != seen;
            }
        }
        (void)fly_sub_u32(&opponent->waiters, 1);
        if (status == FLY_OK && interrupted(txn)) {
            status = fly_err_set(err, FLY_E_CANCELLED,
                                 "interrupted in waiting for transaction %" PRIu64, id);
            break;
        }
        if (!in_time) {
            status = fly_err_set(err, FLY_E_TIMEOUT,
                                 "waited %" PRIu64 " ms for transaction %" PRIu64 " to end",
                                 txn->lock_ns / 1000000, id);
        }
        if (status != FLY_OK || again) {
            break;
        }
    }
    fly_store_seq_u64(&txn->waiting_for, 0);
    tell(txn, 0);
    FLY_TRACE(store->env->trace, FLY_TXN_EVENT_WAITED, fly_load_u64(&txn->id), id,
              fly_now() - began, 0);
    return status;
}
