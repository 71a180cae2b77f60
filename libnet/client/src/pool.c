/*
 * A pool: at most so many connections, kept while nobody needs them.
 *
 *     P1  idle + taken <= limit
 *     P2  nobody connects, pings or closes with the mutex held: a server that hangs stops only who waits
 *         for it
 *
 * The newest idle connection is taken first, so that those that are not needed stay idle and can be
 * seen to be.
 */
#include "client_int.h"

#include <string.h>

struct fly_client_pool {
    fly_env *env;
    fly_client_options options; /* its texts lie in the arena */
    fly_arena arena;
    fly_mutex mutex;
    fly_cond given_back;
    uint32_t limit;
    uint32_t taken, idle_count; /* mutex */
    fly_client **idle;          /* mutex: room for `limit` */
};

static const char *copy_str(fly_arena *arena, const char *text, bool *good)
{
    if (text == NULL) {
        return NULL;
    }
    const char *copy = fly_arena_copy(arena, text, strlen(text) + 1);
    *good = *good && copy != NULL;
    return copy;
}

fly_status fly_client_pool_create(fly_env *env, const fly_client_options *options,
                                  uint32_t connections, fly_client_pool **pool, fly_err *err)
{
    FLY_ASSERT(connections > 0);
    bool good = true;
    fly_client_pool *made = fly_mem_calloc(env->mem, 1, sizeof *made);
    if (made == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a pool");
    }
    made->env = env;
    made->options = *options;
    made->limit = connections;
    fly_mutex_init(&made->mutex, "client pool", FLY_RANK_LEAF);
    fly_cond_init(&made->given_back);
    fly_arena_init(&made->arena, env->mem, 512);
    made->options.host = copy_str(&made->arena, options->host, &good);
    made->options.user = copy_str(&made->arena, options->user, &good);
    made->options.password = copy_str(&made->arena, options->password, &good);
    made->options.database = copy_str(&made->arena, options->database, &good);
    made->options.application = copy_str(&made->arena, options->application, &good);
    made->options.authorities = copy_str(&made->arena, options->authorities, &good);
    made->idle = fly_mem_calloc(env->mem, connections, sizeof *made->idle);
    if (made->idle == NULL || !good) {
        fly_client_pool_destroy(made);
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a pool");
    }
    *pool = made;
    return FLY_OK;
}

void fly_client_pool_destroy(fly_client_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    FLY_ASSERT(pool->taken == 0);
    for (uint32_t i = 0; i < pool->idle_count; i++) {
        fly_client_close(pool->idle[i]);
    }
    fly_mem_free(pool->env->mem, pool->idle, pool->limit * sizeof *pool->idle);
    fly_arena_deinit(&pool->arena);
    fly_mutex_deinit(&pool->mutex);
    fly_mem_free(pool->env->mem, pool, sizeof *pool);
}

/* Take a place, and, if there is one, an idle connection. False: the time is over. */
static bool take_place(fly_client_pool *pool, uint64_t deadline, fly_client **idle)
{
    bool got = true;
    *idle = NULL;
    fly_mutex_lock(&pool->mutex);
    while (got && pool->taken >= pool->limit) {
        got = fly_cond_wait_until(&pool->given_back, &pool->mutex, deadline) ||
              pool->taken < pool->limit;
    }
    if (got) {
        pool->taken++;
        if (pool->idle_count > 0) {
            *idle = pool->idle[--pool->idle_count];
        }
    }
    fly_mutex_unlock(&pool->mutex);
    return got;
}

static void give_place(fly_client_pool *pool, fly_client *client)
{
    fly_mutex_lock(&pool->mutex);
    pool->taken--;
    if (client != NULL) {
        pool->idle[pool->idle_count++] = client;
    }
    fly_cond_signal(&pool->given_back);
    fly_mutex_unlock(&pool->mutex);
}

fly_status fly_client_pool_acquire(fly_client_pool *pool, uint32_t timeout_ms, fly_client **client,
                                   fly_err *err)
{
    fly_client *idle = NULL;
    uint64_t deadline = fly_now() + (uint64_t)timeout_ms * 1000000;
    if (!take_place(pool, deadline, &idle)) {
        return fly_err_set(err, FLY_E_TIMEOUT, "all %u connections of the pool are taken",
                           pool->limit);
    }
    if (idle != NULL && fly_client_ping(idle, NULL) == FLY_OK) {
        *client = idle;
        return FLY_OK;
    }
    fly_client_close(idle);
    fly_status status = fly_client_connect(pool->env, &pool->options, client, err);
    if (status != FLY_OK) {
        give_place(pool, NULL);
    }
    return status;
}

void fly_client_pool_release(fly_client_pool *pool, fly_client *client)
{
    fly_client_result_close(&client->result);
    bool good = !client->broken && client->state == 'I';
    if (!good) {
        fly_client_close(client);
    }
    give_place(pool, good ? client : NULL);
}
