/*
 * The operating system's threads: pthreads to start and join, futexes to park.
 *
 * Where there are no futexes, parking is a table of mutexes and conditions, chosen by the word's
 * address; a wake-up there wakes everybody who shares the entry, which callers must bear anyway.
 */
#define _GNU_SOURCE
#include <fly/base_sched.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

enum { SECOND = 1000000000 };

static struct timespec timespec_of(uint64_t nanoseconds)
{
    return (struct timespec){.tv_sec = (time_t)(nanoseconds / SECOND),
                             .tv_nsec = (long)(nanoseconds % SECOND)};
}

/* ------------------------------------------------------------------------ threads */

_Static_assert(sizeof(pthread_t) <= sizeof(uint64_t), "kept in a fly_thread's handle");

static void *trampoline(void *arg)
{
    fly_thread *thread = arg;
#ifdef __linux__
    char name[16]; /* the kernel's limit */
    strncpy(name, thread->name, sizeof name - 1);
    name[sizeof name - 1] = '\0';
    (void)pthread_setname_np(pthread_self(), name);
#endif
    thread->run(thread->arg);
    return NULL;
}

static int os_start(fly_sched *sched, fly_thread *thread)
{
    (void)sched;
    pthread_t handle;
    int error = pthread_create(&handle, NULL, trampoline, thread);
    if (error != 0) {
        return -error;
    }
    memcpy(&thread->handle, &handle, sizeof handle);
    return 0;
}

static void os_join(fly_sched *sched, fly_thread *thread)
{
    (void)sched;
    pthread_t handle;
    memcpy(&handle, &thread->handle, sizeof handle);
    (void)pthread_join(handle, NULL);
}

/* ------------------------------------------------------------------------ parking */

#ifdef __linux__

static bool os_park(fly_sched *sched, const fly_atomic_u32 *word, uint32_t expected,
                    uint64_t deadline, const char *what)
{
    (void)sched;
    (void)what;
    struct timespec until = timespec_of(deadline);
    long result = syscall(SYS_futex, &word->word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
                          deadline == FLY_FOREVER ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
    return result == 0 || errno != ETIMEDOUT;
}

static void os_unpark(fly_sched *sched, const fly_atomic_u32 *word, uint32_t count)
{
    (void)sched;
    (void)syscall(SYS_futex, &word->word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG,
                  count > INT_MAX ? INT_MAX : (int)count, NULL, NULL, FUTEX_BITSET_MATCH_ANY);
}

#else

enum { LOTS = 64 };

static struct lot {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
} lots[LOTS] = {[0 ... LOTS - 1] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER}};

static struct lot *lot_of(const fly_atomic_u32 *word)
{
    return &lots[((uintptr_t)word >> 3) % LOTS];
}

/* The condition's clock is the calendar's, so the deadline is converted and looked at again in
 * steps: a clock that is set does not make a wait last for ever. */
static bool os_park(fly_sched *sched, const fly_atomic_u32 *word, uint32_t expected,
                    uint64_t deadline, const char *what)
{
    (void)what;
    struct lot *lot = lot_of(word);
    bool in_time = true;
    (void)pthread_mutex_lock(&lot->mutex);
    if (fly_load_u32(word) == expected) {
        if (deadline == FLY_FOREVER) {
            (void)pthread_cond_wait(&lot->cond, &lot->mutex);
        } else {
            uint64_t now = sched->now(sched);
            in_time = now < deadline;
            if (in_time) {
                uint64_t left = deadline - now < SECOND ? deadline - now : SECOND;
                struct timespec calendar;
                (void)clock_gettime(CLOCK_REALTIME, &calendar);
                uint64_t until = (uint64_t)calendar.tv_sec * SECOND + (uint64_t)calendar.tv_nsec;
                struct timespec at = timespec_of(until + left);
                (void)pthread_cond_timedwait(&lot->cond, &lot->mutex, &at);
            }
        }
    }
    (void)pthread_mutex_unlock(&lot->mutex);
    return in_time;
}

static void os_unpark(fly_sched *sched, const fly_atomic_u32 *word, uint32_t count)
{
    (void)sched;
    (void)count;
    struct lot *lot = lot_of(word);
    (void)pthread_mutex_lock(&lot->mutex);
    (void)pthread_cond_broadcast(&lot->cond);
    (void)pthread_mutex_unlock(&lot->mutex);
}

#endif

/* --------------------------------------------------------------------------- time */

static uint64_t os_now(fly_sched *sched)
{
    (void)sched;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static void os_sleep(fly_sched *sched, uint64_t nanoseconds)
{
    (void)sched;
    struct timespec left = timespec_of(nanoseconds);
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static void os_point(fly_sched *sched, const char *what, const void *object)
{
    (void)sched;
    (void)what;
    (void)object;
    (void)sched_yield();
}

/* Nobody asks: the system's threads have no table of who holds what. */
static void os_hold(fly_sched *sched, const void *object, const char *name)
{
    (void)sched;
    (void)object;
    (void)name;
}

fly_sched *fly_sched_os(void)
{
    static fly_sched table = {
        .start = os_start,
        .join = os_join,
        .park = os_park,
        .unpark = os_unpark,
        .now = os_now,
        .sleep = os_sleep,
        .point = os_point,
        .hold = os_hold,
    };
    return &table;
}
