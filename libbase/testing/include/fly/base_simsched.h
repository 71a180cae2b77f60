/**
 * @file base_simsched.h
 * @brief Threads that run one at a time, in an order that a seed decides.
 *
 * A run takes place in virtual time. Every simulated thread is a thread of the operating system that
 * waits for its turn; the scheduler passes the turn at marked points (FLY_POINT, in builds with
 * FLY_POINTS), when a thread parks, wakes, sleeps, starts or joins another, and at every call of the
 * simulated disk. The same seed gives the same order, on every machine and in every run.
 *
 *     static void transfer(void *arg) { ... starts threads, joins them, asserts ... }
 *
 *     fly_sim_report report;
 *     fly_sim_sched_run(&(fly_sim_sched_options){.seed = 17}, transfer, NULL, &report);
 *
 * Two schedulers decide. FLY_SIM_RANDOM tosses a coin at every step. FLY_SIM_PCT gives threads random
 * priorities, always runs the highest that can run, and lowers the running one's at depth - 1 random
 * steps: a bug that needs d of its steps in a certain order is found with a probability of at least
 * 1 / (n * k^(d-1)) for n threads and k steps, however unlikely a coin would make it.
 *
 * Time stands still while somebody can run, but for 100 ns at every step, and jumps to the earliest
 * deadline when nobody can. Nobody and no deadline is a deadlock; too many steps are a livelock. The
 * report tells who waits for what and who has it. Such a run cannot be ended from outside, since its
 * threads sit in the middle of their work: it is abandoned. Its threads stay parked until the process
 * ends, and what they own is never released; so leave the process soon, as Check's fork mode does.
 *
 * What to know: the turn passes only where it says above, so two plain accesses with no point between
 * them are one step. Passing the turn orders everything before it before everything after it, and so
 * hides data races from ThreadSanitizer: races are for real threads under TSan, interleavings are for
 * these schedulers. A simulated thread must not block in the operating system for another one.
 *
 * Threads: fly_sim_sched_run() is thread-safe; runs do not touch each other.
 * @source Burckhardt, Kothari, Musuvathi, Nagarakatte: "A Randomized Scheduler with Probabilistic
 *         Guarantees of Finding Bugs", ASPLOS 2010.
 */
#ifndef FLY_BASE_SIMSCHED_H
#define FLY_BASE_SIMSCHED_H

#include <fly/base_sched.h>

/** @addtogroup base_testing
 *  @{ */
FLY_EXTERN_C_BEGIN

/** Who decides. */
typedef enum fly_sim_kind {
    FLY_SIM_RANDOM, /**< a coin at every step; from the seed, fair or loath to switch */
    FLY_SIM_PCT     /**< priorities that change at a few random steps */
} fly_sim_kind;

/** Knobs. Zero means the default. */
typedef struct fly_sim_sched_options {
    uint64_t seed;
    fly_sim_kind kind;
    uint32_t pct_depth; /**< d; default 3 */
    uint64_t pct_steps; /**< k, about as many as a run has (see the report); default 1,000 */
    uint64_t steps_max; /**< more is a livelock; default 1,000,000 */
} fly_sim_sched_options;

/** How a run ended. */
typedef enum fly_sim_outcome {
    FLY_SIM_DONE,     /**< every thread returned */
    FLY_SIM_DEADLOCK, /**< nobody can run, and nobody has a deadline */
    FLY_SIM_LIVELOCK  /**< more steps than allowed */
} fly_sim_outcome;

enum { FLY_SIM_REPORT_SIZE = 8192 };

/** What there is to tell about a run. */
typedef struct fly_sim_report {
    fly_sim_outcome outcome;
    uint64_t steps;
    uint64_t switches; /**< steps after which another thread ran */
    uint32_t threads;  /**< that ever were, the first included */
    uint64_t time;     /**< virtual nanoseconds that passed */
    uint64_t schedule; /**< a hash of who ran and where it stopped: equal runs, equal hashes */
    /** Unless the outcome is DONE: what each thread waits for and holds, the cycle of those that
     *  wait for each other, and the last steps. */
    char text[FLY_SIM_REPORT_SIZE];
} fly_sim_report;

/**
 * @brief Run `first(arg)` as the first thread, and everything that it starts until all have ended.
 *
 * Inside, fly_sched_current() is the simulated scheduler: what an environment's `sched` has to be.
 *
 * @param options  Borrows; may be NULL.
 * @param report   Filled, if not NULL.
 */
fly_sim_outcome fly_sim_sched_run(const fly_sim_sched_options *options, void (*first)(void *arg),
                                  void *arg, fly_sim_report *report);

/**
 * @brief Run `first(arg)` under many seeds, half of them random and half PCT of depths 2 to 4.
 *
 * `first` sets up what it works on itself: each seed finds memory as the one before left it. As with
 * fly_test_seeds(), which this is built on, the runs take place in a child process, and
 * FLY_TEST_ROUNDS and FLY_TEST_SEED apply.
 *
 * @param what  Names the test in messages.
 * @return Whether every run ended with FLY_SIM_DONE. If not, the report and the seed are on standard
 *         error.
 */
FLY_MUST_USE bool fly_sim_for_each_seed(const char *what, uint64_t count, void (*first)(void *arg),
                                        void *arg);

FLY_EXTERN_C_END
/** @} */
#endif
