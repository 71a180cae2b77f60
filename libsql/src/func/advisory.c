/*
 * Advisory locks: on numbers that mean something to programs only. session/lock.c keeps them.
 */
#include "func/call_int.h"

#include "session/lock_int.h"

/* What the arguments name: a bigint, or two integers. */
static uint64_t key_of(const fly__sql_call *call, const fly_vec_value *args,
                       fly__sql_lock_kind *kind)
{
    if (call->argc == 1) {
        *kind = FLY__SQL_LOCK_NUMBER;
        return (uint64_t)args[0].i64;
    }
    *kind = FLY__SQL_LOCK_PAIR;
    return (uint64_t)(uint32_t)args[0].i32 << 32 | (uint32_t)args[1].i32;
}

static fly_status lock_it(fly__sql_call *call, const fly_vec_value *args, bool shared, bool for_txn,
                          bool try_only, fly_vec_value *result)
{
    fly__sql_lock_kind kind;
    uint64_t key = key_of(call, args, &kind);
    bool got = false;
    fly_status status = fly__sql_advisory_lock(
        call->session, kind, key, shared ? FLY__SQL_LOCK_SHARE : FLY__SQL_LOCK_EXCLUSIVE, for_txn,
        try_only, &got, call->err);
    if (status != FLY_OK) {
        return status;
    }
    return try_only ? give_bool(result, got) : give_i32(result, 0);
}

#define LOCK(name, shared, for_txn, try_only)                                                      \
    ROW(name)                                                                                      \
    {                                                                                              \
        return lock_it(call, args, shared, for_txn, try_only, result);                             \
    }
LOCK(advisory_lock, false, false, false)
LOCK(advisory_lock_shared, true, false, false)
LOCK(advisory_xact_lock, false, true, false)
LOCK(advisory_xact_lock_shared, true, true, false)
LOCK(try_advisory_lock, false, false, true)
LOCK(try_advisory_lock_shared, true, false, true)
LOCK(try_advisory_xact_lock, false, true, true)
LOCK(try_advisory_xact_lock_shared, true, true, true)

static fly_status unlock_it(fly__sql_call *call, const fly_vec_value *args, bool shared,
                            fly_vec_value *result)
{
    fly__sql_lock_kind kind;
    uint64_t key = key_of(call, args, &kind);
    bool held = fly__sql_advisory_unlock(call->session, kind, key,
                                         shared ? FLY__SQL_LOCK_SHARE : FLY__SQL_LOCK_EXCLUSIVE);
    if (!held) {
        fly__sql_notice(call->session, "WARNING", "01000", "you don't own a lock of type %s",
                        shared ? "ShareLock" : "ExclusiveLock");
    }
    return give_bool(result, held);
}

ROW(advisory_unlock)
{
    return unlock_it(call, args, false, result);
}

ROW(advisory_unlock_shared)
{
    return unlock_it(call, args, true, result);
}

ROW(advisory_unlock_all)
{
    fly__sql_advisory_unlock_all(call->session);
    return give_i32(result, 0);
}
