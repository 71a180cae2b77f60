/*
 * Mutexes and conditions on top of park and unpark, and which scheduler a thread belongs to.
 *
 * The one thread-local of the toolkit lives here: the scheduler that runs the calling thread. It
 * cannot be a parameter, because a latch of eight bytes has no room for one, and every layer's
 * functions would have to carry it for the sake of tests. NULL means the operating system's. Its
 * address serves as the thread's identity. Checked builds have two more, for what a thread holds.
 *
 * What is not here: what parking does (sched_os.c; for simulated schedulers libbase/testing).
 */
#include <fly/base_sched.h>

#include <errno.h>
#include <string.h>

#include "sched_int.h"

static _Thread_local fly_sched *current;
static _Thread_local fly_park_watch *watching;

fly_sched *fly_sched_current(void)
{
    return current != NULL ? current : fly_sched_os();
}

fly_sched *fly_sched_adopt(fly_sched *sched)
{
    fly_sched *before = fly_sched_current();
    /* NULL and not its address, or the hot paths would take the system's for a simulated one. */
    current = sched == fly_sched_os() ? NULL : sched;
    return before;
}

uint64_t fly__base_thread_id(void)
{
    return (uint64_t)(uintptr_t)&current;
}

void fly__base_point(const char *what, const void *object)
{
    if (FLY_UNLIKELY(current != NULL)) {
        current->point(current, what, object);
    }
}

void fly__base_hold(const void *object, const char *name)
{
    if (FLY_UNLIKELY(current != NULL)) {
        current->hold(current, object, name);
    }
}

/* ------------------------------------------------------------------------ threads */

fly_status fly_thread_start(fly_sched *sched, fly_thread *thread, const char *name,
                            void (*run)(void *arg), void *arg, fly_err *err)
{
    *thread = (fly_thread){.sched = sched, .name = name, .run = run, .arg = arg};
    int result = sched->start(sched, thread);
    if (result < 0) {
        return fly_err_os(err, result == -ENOMEM ? FLY_E_NO_MEMORY : FLY_E_IO, -result,
                          "could not start thread \"%s\"", name);
    }
    return FLY_OK;
}

void fly_thread_join(fly_thread *thread)
{
    thread->sched->join(thread->sched, thread);
}

uint64_t fly_now(void)
{
    fly_sched *sched = fly_sched_current();
    return sched->now(sched);
}

void fly_sleep(uint64_t nanoseconds)
{
    fly_sched *sched = fly_sched_current();
    sched->sleep(sched, nanoseconds);
}

void fly_yield(void)
{
    fly_sched *sched = fly_sched_current();
    sched->point(sched, "yield", NULL);
}

fly_park_watch *fly_sched_watch(fly_park_watch *watch)
{
    fly_park_watch *before = watching;
    watching = watch;
    return before;
}

bool fly_park(const fly_atomic_u32 *word, uint32_t expected, uint64_t deadline, const char *what)
{
    fly_sched *sched = fly_sched_current();
    fly_park_watch *watch = watching;
    if (FLY_LIKELY(watch == NULL)) {
        return sched->park(sched, word, expected, deadline, what);
    }
    /* What the watch does may wait for a mutex, and so park: that is not watched. */
    watching = NULL;
    watch->parks(watch);
    bool in_time = sched->park(sched, word, expected, deadline, what);
    watch->resumes(watch);
    watching = watch;
    return in_time;
}

void fly_unpark(const fly_atomic_u32 *word, uint32_t count)
{
    fly_sched *sched = fly_sched_current();
    sched->unpark(sched, word, count);
}

/* ---------------------------------------------------------- who holds what, checked */

#ifdef FLY_SLOW_ASSERTS

enum { HELD_MAX = 32 };

static _Thread_local const fly_mutex *held[HELD_MAX];
static _Thread_local unsigned held_count;

/* A try-lock cannot wait, so it cannot deadlock and may go against the order. */
static void check_before(const fly_mutex *mutex)
{
    for (unsigned i = 0; i < held_count; i++) {
        FLY_ASSERT(held[i] != mutex);
        FLY_ASSERT(held[i]->rank < mutex->rank || held[i]->rank == FLY_RANK_NONE ||
                   mutex->rank == FLY_RANK_NONE);
    }
}

static void note_taken(fly_mutex *mutex)
{
    FLY_ASSERT(held_count < HELD_MAX);
    held[held_count++] = mutex;
    fly_store_u64(&mutex->owner, fly__base_thread_id());
    FLY_TAKEN(mutex, mutex->name);
}

static void note_given(fly_mutex *mutex)
{
    FLY_ASSERT(fly_load_u64(&mutex->owner) == fly__base_thread_id());
    fly_store_u64(&mutex->owner, 0);
    unsigned at = held_count;
    while (at > 0 && held[at - 1] != mutex) {
        at--;
    }
    FLY_ASSERT(at > 0);
    memmove(&held[at - 1], &held[at], (held_count - at) * sizeof *held);
    held_count--;
    FLY_GIVEN(mutex);
}

void fly_mutex_assert_held(const fly_mutex *mutex)
{
    FLY_ASSERT(fly_load_u64(&mutex->owner) == fly__base_thread_id());
}

#else

static void check_before(const fly_mutex *mutex)
{
    (void)mutex;
}

static void note_taken(fly_mutex *mutex)
{
    FLY_TAKEN(mutex, mutex->name);
    (void)mutex;
}

static void note_given(fly_mutex *mutex)
{
    FLY_GIVEN(mutex);
    (void)mutex;
}

void fly_mutex_assert_held(const fly_mutex *mutex)
{
    (void)mutex;
}

#endif

/* ------------------------------------------------------------------------ mutexes */

enum { FREE = 0, HELD = 1, CONTENDED = 2 };

void fly_mutex_init(fly_mutex *mutex, const char *name, uint32_t rank)
{
    *mutex = (fly_mutex){.name = name, .rank = rank};
}

void fly_mutex_deinit(fly_mutex *mutex)
{
    FLY_ASSERT(fly_load_u32(&mutex->word) == FREE);
}

void fly_mutex_lock(fly_mutex *mutex)
{
    FLY_POINT("mutex lock", mutex);
    check_before(mutex);
    for (int spins = 0; spins < FLY__SPINS; spins++) {
        uint32_t seen = FREE;
        if (fly_cas_u32(&mutex->word, &seen, HELD)) {
            note_taken(mutex);
            return;
        }
        if (seen == CONTENDED || current != NULL) {
            break; /* others wait already; and in a simulated world spinning is pointless */
        }
        fly_pause();
    }
    /* From here on we may be the one who has to be woken, so we hold it as contended: the next
     * unlock then wakes somebody, needlessly at worst. */
    while (fly_swap_u32(&mutex->word, CONTENDED) != FREE) {
        (void)fly_park(&mutex->word, CONTENDED, FLY_FOREVER, mutex->name);
    }
    note_taken(mutex);
}

bool fly_mutex_try_lock(fly_mutex *mutex)
{
    FLY_POINT("mutex try", mutex);
    uint32_t seen = FREE;
    if (!fly_cas_u32(&mutex->word, &seen, HELD)) {
        return false;
    }
    note_taken(mutex);
    return true;
}

void fly_mutex_unlock(fly_mutex *mutex)
{
    note_given(mutex);
    if (fly_swap_u32(&mutex->word, FREE) == CONTENDED) {
        fly_unpark(&mutex->word, 1);
    }
    FLY_POINT("mutex unlock", mutex);
}

/* --------------------------------------------------------------------- conditions */

void fly_cond_init(fly_cond *cond)
{
    *cond = (fly_cond){0};
}

bool fly_cond_wait_until(fly_cond *cond, fly_mutex *mutex, uint64_t deadline)
{
    /* Counted in before the mutex is given back, so that a signaller, who changed what we wait for
     * under the mutex, sees us. */
    (void)fly_add_u32(&cond->waiters, 1);
    uint32_t sequence = fly_load_u32(&cond->sequence);
    fly_mutex_unlock(mutex);
    bool in_time = fly_park(&cond->sequence, sequence, deadline, mutex->name);
    (void)fly_sub_u32(&cond->waiters, 1);
    fly_mutex_lock(mutex);
    return in_time;
}

void fly_cond_wait(fly_cond *cond, fly_mutex *mutex)
{
    (void)fly_cond_wait_until(cond, mutex, FLY_FOREVER);
}

static void wake(fly_cond *cond, uint32_t count)
{
    (void)fly_add_u32(&cond->sequence, 1);
    if (fly_load_seq_u32(&cond->waiters) != 0) {
        fly_unpark(&cond->sequence, count);
    }
}

void fly_cond_signal(fly_cond *cond)
{
    wake(cond, 1);
}

void fly_cond_broadcast(fly_cond *cond)
{
    wake(cond, UINT32_MAX);
}
