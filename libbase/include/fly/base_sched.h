/**
 * @file base_sched.h
 * @brief Threads, mutexes and conditions, run by the operating system or by a seed.
 *
 * A thread belongs to a scheduler. The operating system's (fly_sched_os()) runs threads in
 * parallel. A simulated one (fly/base_sim.h) runs one thread at a time, chooses the next at every
 * marked point and every block, and keeps virtual time: one seed, one interleaving.
 *
 * Everything that blocks is built on two operations, park and unpark, as of a futex: sleep while a
 * word still holds the value seen, and wake sleepers on that word. Which scheduler is asked is
 * decided by the thread that calls, so mutexes and latches carry no pointer to one.
 *
 * Hot code marks the points at which another thread might run with FLY_POINT(). A build with
 * FLY_POINTS (debug and sanitizer presets) stops there when a simulated scheduler runs the thread;
 * a release build has nothing there.
 *
 * Threads: thread-safe, that being the point.
 * @source Franke, Russell, Kirkwood: "Fuss, Futexes and Furwocks", OLS 2002; Drepper: "Futexes Are
 *         Tricky", 2011, for the mutex of three states.
 */
#ifndef FLY_BASE_SCHED_H
#define FLY_BASE_SCHED_H

#include <fly/base_atomic.h>

/** @addtogroup base
 *  @{ */
FLY_EXTERN_C_BEGIN

typedef struct fly_sched fly_sched;

/** A thread that somebody started and will join. Lives where its owner keeps it. */
typedef struct fly_thread {
    fly_sched *sched;
    const char *name; /**< kept */
    void (*run)(void *arg);
    void *arg;
    uint64_t handle; /**< the scheduler's */
} fly_thread;

/** Deadline for waits that have none. */
#define FLY_FOREVER UINT64_MAX

/** What a scheduler does. Times are monotonic nanoseconds. */
struct fly_sched {
    int (*start)(fly_sched *sched, fly_thread *thread); /**< 0 or -errno */
    void (*join)(fly_sched *sched, fly_thread *thread);
    /** Sleep while *word == expected, until woken or `deadline`; false if the deadline passed.
     *  May return for no reason. `what` names it in a report of a deadlock. */
    bool (*park)(fly_sched *sched, const fly_atomic_u32 *word, uint32_t expected, uint64_t deadline,
                 const char *what);
    void (*unpark)(fly_sched *sched, const fly_atomic_u32 *word, uint32_t count);
    uint64_t (*now)(fly_sched *sched);
    void (*sleep)(fly_sched *sched, uint64_t nanoseconds);
    /** Another thread may run now. `object` was or will be acquired or released, or is NULL. */
    void (*point)(fly_sched *sched, const char *what, const void *object);
    /** The calling thread now holds `object`, called `name`, or no longer does (NULL). Not a point:
     *  what a report of a deadlock needs to say who keeps others waiting. */
    void (*hold)(fly_sched *sched, const void *object, const char *name);
};

/** The operating system's threads. Lives for ever. */
fly_sched *fly_sched_os(void);

/** The scheduler that runs the calling thread. */
fly_sched *fly_sched_current(void);

/**
 * @brief Say which scheduler runs the calling thread, and return the one before. For schedulers
 *        and their tests; a thread started through fly_thread_start() has it set already.
 */
fly_sched *fly_sched_adopt(fly_sched *sched);

/** @cond */
void fly__base_point(const char *what, const void *object);
void fly__base_hold(const void *object, const char *name);
uint64_t fly__base_thread_id(void); /* differs between threads that live at the same time */
/** @endcond */

/** Another thread may run here: a place where an interleaving matters. */
#ifdef FLY_POINTS
#define FLY_POINT(what, object) fly__base_point(what, object)
#else
#define FLY_POINT(what, object) ((void)0)
#endif

/** The calling thread has taken `object`, whose address is the one that others will park on. */
#ifdef FLY_POINTS
#define FLY_TAKEN(object, name) fly__base_hold(object, name)
#define FLY_GIVEN(object) fly__base_hold(object, NULL)
#else
#define FLY_TAKEN(object, name) ((void)0)
#define FLY_GIVEN(object) ((void)0)
#endif

/* ---------------------------------------------------------------------- threads */

/**
 * @brief Start a thread.
 *
 * @param thread  Kept until fly_thread_join(); `name`, `arg` too.
 */
FLY_MUST_USE fly_status fly_thread_start(fly_sched *sched, fly_thread *thread, const char *name,
                                         void (*run)(void *arg), void *arg, fly_err *err);

/** Wait until the thread has returned. */
void fly_thread_join(fly_thread *thread);

/** Monotonic nanoseconds, as the calling thread's scheduler counts them. */
uint64_t fly_now(void);

/** Sleep. */
void fly_sleep(uint64_t nanoseconds);

/** Let others run. */
void fly_yield(void);

/** Sleep while `*word` is `expected`, until unparked or `deadline`: false if that passed. */
bool fly_park(const fly_atomic_u32 *word, uint32_t expected, uint64_t deadline, const char *what);

/** Wake up to `count` threads that are parked on `word`. */
void fly_unpark(const fly_atomic_u32 *word, uint32_t count);

/**
 * Who wants to know when a thread sleeps in fly_park(), and so in every wait for a mutex, a condition, a
 * latch: a pool of threads that lets another one work meanwhile. Both are called by the thread itself,
 * which may hold anything: they take no mutex but of rank leaf, and do not wait.
 */
typedef struct fly_park_watch fly_park_watch;
struct fly_park_watch {
    void (*parks)(fly_park_watch *watch);   /**< it is about to sleep */
    void (*resumes)(fly_park_watch *watch); /**< it has slept, or has not had to */
};

/** Watch the calling thread (NULL: no longer); keeps `watch`. Returns who watched before, or NULL. */
fly_park_watch *fly_sched_watch(fly_park_watch *watch);

/* ---------------------------------------------------------------------- mutexes */

enum {
    FLY_RANK_NONE = 0,         /**< outside the order: programs above the toolkit, and tests */
    FLY_RANK_LEAF = 0x7fffffff /**< no other mutex is taken while this one is held */
};

/**
 * A mutex. Ranks say in which order a thread may take them: always upwards (docs/locking.md is the
 * table). Builds with slow assertions check that, and that nobody unlocks what they do not hold.
 */
typedef struct fly_mutex {
    fly_atomic_u32 word; /**< 0 free, 1 held, 2 held and somebody may be parked */
    uint32_t rank;
    const char *name;     /**< kept */
    fly_atomic_u64 owner; /**< of checked builds: the thread that holds it */
} fly_mutex;

/** Set up a free mutex. `name` is kept. */
void fly_mutex_init(fly_mutex *mutex, const char *name, uint32_t rank);

/** Assert that it is free. */
void fly_mutex_deinit(fly_mutex *mutex);

/** Take it, waiting as long as it takes. */
void fly_mutex_lock(fly_mutex *mutex);

/** Take it if it is free. */
FLY_MUST_USE bool fly_mutex_try_lock(fly_mutex *mutex);

/** Give it back. */
void fly_mutex_unlock(fly_mutex *mutex);

/** Assert, in checked builds, that the calling thread holds it. */
void fly_mutex_assert_held(const fly_mutex *mutex);

/* ------------------------------------------------------------------- conditions */

/** A condition to wait for under a mutex. Waits may end for no reason: look again, in a loop. */
typedef struct fly_cond {
    fly_atomic_u32 sequence; /**< counts signals */
    fly_atomic_u32 waiters;  /**< so that signalling nobody costs nothing */
} fly_cond;

/** Set up. */
void fly_cond_init(fly_cond *cond);

/** Wait for a signal. The mutex is free meanwhile and held again afterwards. */
void fly_cond_wait(fly_cond *cond, fly_mutex *mutex);

/** As fly_cond_wait(), but not beyond `deadline` (see fly_now()): false if that passed. */
bool fly_cond_wait_until(fly_cond *cond, fly_mutex *mutex, uint64_t deadline);

/** Wake one waiter. */
void fly_cond_signal(fly_cond *cond);

/** Wake all waiters. */
void fly_cond_broadcast(fly_cond *cond);

FLY_EXTERN_C_END
/** @} */
#endif
