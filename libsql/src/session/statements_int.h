/*
 * Statistics of statements: how often each text ran, how long, with how many rows.
 */
#ifndef FLY_SQL_STATEMENTS_INT_H
#define FLY_SQL_STATEMENTS_INT_H

#include <fly/base_sched.h>
#include <fly/sql.h>

enum {
    FLY__SQL_STAT_SHARDS = 4,
    FLY__SQL_STAT_SLOTS = 1024,
    FLY__SQL_STATS_MAX = 5000, /* texts that are told apart */
    FLY__SQL_STAT_TEXT = 2048  /* bytes of a text that are kept */
};

/* Counters, several for a text, so that sessions seldom write to the same line of the cache. */
typedef struct fly__sql_stat_shard {
    fly_atomic_u64 calls, rows, total_us, min_us, max_us;
    uint8_t gap[24];
} fly__sql_stat_shard;

typedef struct fly__sql_stat {
    struct fly__sql_stat *link; /* in its slot; constant once it can be seen */
    uint64_t id;                /* hash of the text without its constants */
    uint32_t user_oid;
    char database[64];
    size_t size; /* of the whole block */
    fly__sql_stat_shard shards[FLY__SQL_STAT_SHARDS];
    char text[]; /* NUL-terminated, constants as $n */
} fly__sql_stat;

typedef struct fly__sql_stats {
    fly_mutex mutex; /* to add */
    fly_atomic_ptr slots[FLY__SQL_STAT_SLOTS];
    fly_atomic_u32 count;
} fly__sql_stats;

void fly__sql_stats_init(fly__sql_stats *stats);
void fly__sql_stats_deinit(fly__sql_stats *stats, fly_mem *mem);

/* The entry of a statement's text for the session's user and database, made if need be. NULL: there are
 * too many. It stays until the engine is closed. */
fly__sql_stat *fly__sql_stat_of(fly_sql_session *session, fly_bytes text);

/* It ran. */
/* Tell of a statement if it took long. */
void fly__sql_slow(fly_sql_session *session, fly_bytes text, uint64_t us);

void fly__sql_stat_add(fly_sql_session *session, fly__sql_stat *stat, uint64_t us, uint64_t rows);

/* What an entry counts all in all. */
typedef struct fly__sql_stat_sum {
    uint64_t calls, rows, total_us, min_us, max_us;
} fly__sql_stat_sum;
void fly__sql_stat_sum_up(const fly__sql_stat *stat, fly__sql_stat_sum *sum);

/* All entries, one after the other: begin with NULL and slot 0. */
const fly__sql_stat *fly__sql_stat_next(fly_sql *sql, size_t *slot, const fly__sql_stat *after);

/* Forget what was counted. */
void fly__sql_stats_reset(fly_sql *sql);

#endif
