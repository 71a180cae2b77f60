/*
 * Statistics of statements, as pg_stat_statements has them.
 *
 * Texts are told apart by their tokens, constants left out, so that WHERE id = 7 and WHERE id = 8 are
 * one. Entries are found without a lock and never go before the engine does; who has found one keeps it.
 *
 *     T1  an entry that can be found is whole: it is published by a release of its slot
 *     T2  links never change once an entry can be found: new ones come to the front
 *     T3  at most FLY__SQL_STATS_MAX entries; what comes then is not counted
 */
#include "session/statements_int.h"

#include "parse/lex_int.h"
#include "session/state_int.h"

#include <fly/base_hash.h>

#include <stdio.h>
#include <string.h>

enum { LEX_MAX = 16384 }; /* bytes of a text that tell it apart */

void fly__sql_stats_init(fly__sql_stats *stats)
{
    fly_mutex_init(&stats->mutex, "sql statements", FLY_RANK_NONE);
}

void fly__sql_stats_deinit(fly__sql_stats *stats, fly_mem *mem)
{
    for (size_t i = 0; i < FLY__SQL_STAT_SLOTS; i++) {
        fly__sql_stat *at = fly_load_ptr(&stats->slots[i]);
        while (at != NULL) {
            fly__sql_stat *next = at->link;
            fly_mem_free(mem, at, at->size);
            at = next;
        }
    }
    fly_mutex_deinit(&stats->mutex);
}

/* ------------------------------------------------------------------------- texts */

static bool is_constant(uint16_t type)
{
    return (type >= FLY_TOKEN_STRING && type <= FLY_TOKEN_NUMERIC) || (type == FLY_TOKEN_NSTRING) ||
           (type == FLY_TOKEN_DOLLAR);
}

static uint64_t hash_text(fly_bytes text, uint64_t seed)
{
    fly_sql_lexer lexer;
    fly_sql_token token;
    uint64_t hash = seed;
    fly__sql_lexer_init(&lexer, text.data, (uint32_t)(text.len < LEX_MAX ? text.len : LEX_MAX));
    for (fly__sql_lex(&lexer, &token); token.type != FLY_TOKEN_END && token.type != FLY_TOKEN_ERROR;
         fly__sql_lex(&lexer, &token)) {
        if (token.type == ';') {
            continue;
        }
        bool word = token.type == FLY_TOKEN_IDENT || token.type == FLY_TOKEN_QUOTED ||
                    token.type == FLY_TOKEN_UQUOTED || token.type == FLY_TOKEN_PARAM ||
                    token.type == FLY_TOKEN_OP;
        hash = (hash ^ (is_constant(token.type) ? 1u : token.type)) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
        if (word) {
            hash = fly_hash(text.data + token.start, token.end - token.start, hash);
        }
    }
    return hash;
}

/* The number of the highest parameter: constants are counted on from there. */
static unsigned params_of(fly_bytes text)
{
    fly_sql_lexer lexer;
    fly_sql_token token;
    unsigned highest = 0;
    fly__sql_lexer_init(&lexer, text.data, (uint32_t)text.len);
    for (fly__sql_lex(&lexer, &token); token.type != FLY_TOKEN_END && token.type != FLY_TOKEN_ERROR;
         fly__sql_lex(&lexer, &token)) {
        unsigned number = 0;
        for (uint32_t i = token.start + 1; token.type == FLY_TOKEN_PARAM && i < token.end; i++) {
            number = number < 100000 ? number * 10 + (unsigned)(text.data[i] - '0') : number;
        }
        highest = number > highest ? number : highest;
    }
    return highest;
}

/* Append to a text of FLY__SQL_STAT_TEXT bytes; what does not fit is left out. */
static size_t append(char *to, size_t len, const void *bytes, size_t count)
{
    size_t left = FLY__SQL_STAT_TEXT - 1 - len;
    count = count < left ? count : left;
    memcpy(to + len, bytes, count);
    return len + count;
}

/* The text with its constants as parameters. */
static size_t normalise(fly_bytes text, char *to)
{
    fly_sql_lexer lexer;
    fly_sql_token token;
    text.len = text.len < LEX_MAX ? text.len : LEX_MAX;
    unsigned next = params_of(text);
    size_t len = 0;
    size_t done = 0; /* of the text */
    fly__sql_lexer_init(&lexer, text.data, (uint32_t)text.len);
    for (fly__sql_lex(&lexer, &token); token.type != FLY_TOKEN_END && token.type != FLY_TOKEN_ERROR;
         fly__sql_lex(&lexer, &token)) {
        if (is_constant(token.type)) {
            char name[16];
            int size = snprintf(name, sizeof name, "$%u", ++next);
            len = append(to, len, text.data + done, token.start - done);
            len = append(to, len, name, (size_t)size);
            done = token.end;
        }
    }
    len = append(to, len, text.data + done, text.len - done);
    while (len > 0 && (to[len - 1] == ' ' || to[len - 1] == '\n' || to[len - 1] == ';')) {
        len--;
    }
    to[len] = '\0';
    return len;
}

/* ----------------------------------------------------------------------- entries */

static fly__sql_stat *find(fly__sql_stat *at, uint64_t id)
{
    while (at != NULL && at->id != id) {
        at = at->link;
    }
    return at;
}

static fly__sql_stat *make(fly_sql_session *session, fly_bytes text, uint64_t id)
{
    char normal[FLY__SQL_STAT_TEXT];
    size_t len = normalise(text, normal);
    size_t size = sizeof(fly__sql_stat) + len + 1;
    fly__sql_stat *made = fly_mem_calloc(session->sql->env->mem, 1, size);
    if (made != NULL) {
        made->id = id;
        made->user_oid = session->user_oid;
        made->size = size;
        (void)snprintf(made->database, sizeof made->database, "%s", session->database->name);
        memcpy(made->text, normal, len + 1);
        for (size_t i = 0; i < FLY__SQL_STAT_SHARDS; i++) {
            fly_store_relaxed_u64(&made->shards[i].min_us, UINT64_MAX);
        }
    }
    return made;
}

static fly_bytes trimmed(fly_bytes text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\n' || text.data[0] == '\r' ||
                            text.data[0] == '\t')) {
        text.data++;
        text.len--;
    }
    return text;
}

fly__sql_stat *fly__sql_stat_of(fly_sql_session *session, fly_bytes text)
{
    fly__sql_stats *stats = &session->sql->stats;
    const char *database = session->database->name;
    text = trimmed(text);
    uint64_t id = hash_text(text, fly_hash(database, strlen(database), session->user_oid));
    fly_atomic_ptr *slot = &stats->slots[id % FLY__SQL_STAT_SLOTS];
    fly__sql_stat *found = find(fly_load_ptr(slot), id);
    if (FLY_LIKELY(found != NULL) || fly_load_u32(&stats->count) >= FLY__SQL_STATS_MAX) {
        return found;
    }
    fly_mutex_lock(&stats->mutex);
    found = find(fly_load_ptr(slot), id);
    if (found == NULL && fly_load_u32(&stats->count) < FLY__SQL_STATS_MAX) {
        found = make(session, text, id);
        if (found != NULL) {
            found->link = fly_load_ptr(slot);
            fly_store_ptr(slot, found); /* T1: pairs with the loads above and in stat_next() */
            (void)fly_add_u32(&stats->count, 1);
        }
    }
    fly_mutex_unlock(&stats->mutex);
    return found;
}

static void lower(fly_atomic_u64 *least, uint64_t us)
{
    uint64_t seen = fly_load_relaxed_u64(least);
    while (us < seen && !fly_cas_u64(least, &seen, us)) {
    }
}

void fly__sql_stat_add(fly_sql_session *session, fly__sql_stat *stat, uint64_t us, uint64_t rows)
{
    fly__sql_stat_shard *shard = &stat->shards[session->state->backend.pid % FLY__SQL_STAT_SHARDS];
    fly_count_u64(&shard->calls, 1);
    fly_count_u64(&shard->rows, rows);
    fly_count_u64(&shard->total_us, us);
    lower(&shard->min_us, us);
    (void)fly_raise_u64(&shard->max_us, us);
}

void fly__sql_stat_sum_up(const fly__sql_stat *stat, fly__sql_stat_sum *sum)
{
    *sum = (fly__sql_stat_sum){.min_us = UINT64_MAX};
    for (size_t i = 0; i < FLY__SQL_STAT_SHARDS; i++) {
        const fly__sql_stat_shard *shard = &stat->shards[i];
        uint64_t least = fly_load_relaxed_u64(&shard->min_us);
        uint64_t most = fly_load_relaxed_u64(&shard->max_us);
        sum->calls += fly_load_relaxed_u64(&shard->calls);
        sum->rows += fly_load_relaxed_u64(&shard->rows);
        sum->total_us += fly_load_relaxed_u64(&shard->total_us);
        sum->min_us = least < sum->min_us ? least : sum->min_us;
        sum->max_us = most > sum->max_us ? most : sum->max_us;
    }
    sum->min_us = sum->calls == 0 || sum->min_us == UINT64_MAX ? 0 : sum->min_us;
}

const fly__sql_stat *fly__sql_stat_next(fly_sql *sql, size_t *slot, const fly__sql_stat *after)
{
    const fly__sql_stat *next = after != NULL ? after->link : NULL;
    while (next == NULL && *slot < FLY__SQL_STAT_SLOTS) {
        next = fly_load_ptr(&sql->stats.slots[(*slot)++]);
    }
    return next;
}

void fly__sql_stats_reset(fly_sql *sql)
{
    size_t slot = 0;
    const fly__sql_stat *at = NULL;
    while ((at = fly__sql_stat_next(sql, &slot, at)) != NULL) {
        fly__sql_stat *stat = (fly__sql_stat *)(uintptr_t)at;
        for (size_t i = 0; i < FLY__SQL_STAT_SHARDS; i++) {
            fly_store_relaxed_u64(&stat->shards[i].calls, 0);
            fly_store_relaxed_u64(&stat->shards[i].rows, 0);
            fly_store_relaxed_u64(&stat->shards[i].total_us, 0);
            fly_store_relaxed_u64(&stat->shards[i].min_us, UINT64_MAX);
            fly_store_relaxed_u64(&stat->shards[i].max_us, 0);
        }
    }
}

/* --------------------------------------------------------------------- slow ones */

void fly_sql_on_slow(fly_sql *sql, uint64_t us,
                     void (*slow)(void *ctx, fly_sql_session *session, fly_bytes text, uint64_t us),
                     void *ctx)
{
    if (sql->slow == NULL) { /* later calls bring the same, and somebody may be reading it */
        sql->slow_ctx = ctx;
        sql->slow = slow;
    }
    fly_store_u64(&sql->slow_us, us);
}

void fly__sql_slow(fly_sql_session *session, fly_bytes text, uint64_t us)
{
    fly_sql *sql = session->sql;
    uint64_t limit = fly_load_u64(&sql->slow_us);
    if (FLY_UNLIKELY(limit != 0 && us >= limit)) {
        sql->slow(sql->slow_ctx, session, text, us);
    }
}
