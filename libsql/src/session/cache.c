/*
 * The plan cache: statements of a session's whole texts, kept planned for the next time.
 *
 * A text of one statement that has a plan and no parameters, run before, is likely to be run again:
 * fly_sql_script_open() takes the statement from here instead of parsing and planning. A text is kept when
 * it comes for the second time, so that those that are never the same cost no more than a hash.
 *
 *     E1  what is in the cache is idle, and belongs to no script: it is taken out to be run
 *     E2  a plan is given out only if it is what planning now would be based on: catalog, settings,
 *         role and roles' rights; what is not is finalized
 *     E3  at most SLOTS statements, and none while the session's statements take more than MEMORY_MAX
 */
#include "session/stmt_int.h"

#include <fly/base_hash.h>

#include <string.h>

enum { TEXT_MAX = 4096, MEMORY_MAX = 1 << 20 };

static uint64_t hash_of(fly_bytes text)
{
    return fly_hash(text.data, text.len, 0) | 1; /* 0 is none */
}

/* Whether a text was seen lately; it is now. */
static bool seen(fly__sql_cache *cache, uint64_t hash)
{
    for (uint32_t i = 0; i < FLY__SQL_CACHE_SEEN; i++) {
        if (cache->seen[i] == hash) {
            return true;
        }
    }
    cache->seen[cache->seen_next] = hash;
    cache->seen_next = (cache->seen_next + 1) % FLY__SQL_CACHE_SEEN;
    return false;
}

fly_sql_stmt *fly__sql_cache_take(fly_sql_session *session, fly_bytes text)
{
    fly__sql_cache *cache = &session->state->cache;
    if (cache->count == 0 || text.len > TEXT_MAX || session->txn_failed) {
        return NULL;
    }
    uint64_t hash = hash_of(text);
    for (uint32_t i = 0; i < FLY__SQL_CACHE_SLOTS; i++) {
        fly_sql_stmt *stmt = cache->stmt[i];
        if (stmt == NULL || cache->hash[i] != hash || !fly_bytes_equal(stmt->text, text)) {
            continue;
        }
        cache->stmt[i] = NULL;
        cache->count--;
        if (fly_sql_stmt_current(stmt)) {
            cache->hits++;
            return stmt;
        }
        fly_sql_finalize(stmt);
        return NULL;
    }
    return NULL;
}

static bool is_worth_it(const fly_sql_stmt *stmt)
{
    return stmt->is_plan && stmt->plan != NULL && stmt->param_count == 0 && stmt->cursor == NULL &&
           stmt->text.len <= TEXT_MAX &&
           fly_load_relaxed_u64(&stmt->session->account.used) <= MEMORY_MAX;
}

void fly__sql_cache_put(fly_sql_stmt *stmt)
{
    fly__sql_cache *cache = &stmt->session->state->cache;
    fly_sql_reset(stmt);
    if (stmt->session->txn_failed || !is_worth_it(stmt)) {
        fly_sql_finalize(stmt);
        return;
    }
    uint64_t hash = hash_of(stmt->text);
    if (!seen(cache, hash) || !fly_sql_stmt_current(stmt)) {
        fly_sql_finalize(stmt);
        return;
    }
    uint32_t at = cache->next;
    for (uint32_t i = 0; i < FLY__SQL_CACHE_SLOTS && cache->stmt[at] != NULL; i++) {
        at = (at + 1) % FLY__SQL_CACHE_SLOTS;
    }
    if (cache->stmt[at] != NULL) {
        fly_sql_finalize(cache->stmt[at]);
    } else {
        cache->count++;
    }
    cache->stmt[at] = stmt;
    cache->hash[at] = hash;
    cache->next = (at + 1) % FLY__SQL_CACHE_SLOTS;
}

void fly__sql_cache_clear(fly_sql_session *session)
{
    fly__sql_cache *cache = &session->state->cache;
    for (uint32_t i = 0; i < FLY__SQL_CACHE_SLOTS; i++) {
        fly_sql_finalize(cache->stmt[i]);
    }
    memset(cache, 0, sizeof *cache);
}
