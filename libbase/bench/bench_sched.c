/*
 * Mutexes and conditions: alone, and between two threads. Does not measure: fairness, or more threads
 * than two.
 */
#include <fly/base_sched.h>

#include "bench.h"

static fly_mutex mutex;
static fly_cond cond;
static int turn; /* mutex */

static void lock_alone(void *ctx, uint64_t n)
{
    (void)ctx;
    for (uint64_t i = 0; i < n; i++) {
        fly_mutex_lock(&mutex);
        fly_mutex_unlock(&mutex);
    }
}

static void signal_nobody(void *ctx, uint64_t n)
{
    (void)ctx;
    for (uint64_t i = 0; i < n; i++) {
        fly_cond_signal(&cond);
    }
}

struct share {
    uint64_t n;
    int me;
};

static void lock_share(void *arg)
{
    lock_alone(NULL, ((const struct share *)arg)->n);
}

static void play_share(void *arg)
{
    const struct share *share = arg;
    for (uint64_t i = 0; i < share->n; i++) {
        fly_mutex_lock(&mutex);
        while (turn != share->me) {
            fly_cond_wait(&cond, &mutex);
        }
        turn = 1 - share->me;
        fly_cond_signal(&cond);
        fly_mutex_unlock(&mutex);
    }
}

/* Half of the operations here, half in another thread. */
static void in_two_threads(void (*run)(void *arg), uint64_t n)
{
    struct share mine = {n / 2, 0};
    struct share other = {n / 2, 1};
    fly_thread thread;
    if (fly_thread_start(fly_sched_os(), &thread, "other", run, &other, NULL) == FLY_OK) {
        run(&mine);
        fly_thread_join(&thread);
    }
}

static void lock_in_two_threads(void *ctx, uint64_t n)
{
    (void)ctx;
    in_two_threads(lock_share, n);
}

static void play_ping_pong(void *ctx, uint64_t n)
{
    (void)ctx;
    in_two_threads(play_share, n);
}

int main(void)
{
    fly_mutex_init(&mutex, "bench", FLY_RANK_NONE);
    fly_cond_init(&cond);
    bench("mutex", lock_alone, NULL, 0);
    bench("mutex/two_threads", lock_in_two_threads, NULL, 0);
    bench("cond_signal/nobody", signal_nobody, NULL, 0);
    bench("cond_ping_pong", play_ping_pong, NULL, 0);
    fly_mutex_deinit(&mutex);
    return 0;
}
