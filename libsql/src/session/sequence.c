/*
 * Sequences and row numbers: counters that no transaction takes back.
 *
 * A sequence's place is kept in the tree "sys.sequences" ahead of what was given out, so that giving
 * out is a step in memory and only every so often a write, in a transaction of its own. A crash skips
 * what was kept ahead and not given out, as PostgreSQL's does. The number of rows of a table without a
 * key is found from its last row when it is first asked for, and is not written at all.
 *
 *     Q1  no value that was given out is beyond `until` in the tree, and the write of `until` is in the
 *         log before any commit that may use the value
 */
#include "catalog/right_int.h"
#include "session/statement_kind_int.h"
#include "session/stmt_int.h"

#include "store/rows_int.h"

#include <fly/base_bytes.h>

#include <string.h>

enum { AHEAD = 32 }; /* values that are kept ahead, as in PostgreSQL */

static const char tree_name[] = "sys.sequences";

/* What a session has got from a sequence: currval(). */
struct fly__sql_sequence_value {
    struct fly__sql_sequence_value *link;
    uint32_t oid;
    int64_t value;
};

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a sequence");
}

/* The counter of an OID; database->counting is held. */
static fly__sql_counter *counter_of(fly__sql_database *database, fly_mem *mem, uint32_t oid)
{
    fly__sql_counter *at = database->counters;
    while (at != NULL && at->oid != oid) {
        at = at->link;
    }
    if (at == NULL) {
        at = fly_mem_calloc(mem, 1, sizeof *at);
        if (at != NULL) {
            at->oid = oid;
            at->link = database->counters;
            database->counters = at;
        }
    }
    return at;
}

/* --------------------------------------------------------------- row numbers */

static fly_status last_row_number(fly_sql_session *session, const fly__sql_table *table,
                                  uint64_t *number, fly_err *err)
{
    fly_tree *tree = NULL;
    fly_cursor *cursor = NULL;
    *number = 0;
    fly_status status = fly__sql_session_tree(session, table->tree, &tree, err);
    if (status == FLY_OK) {
        status = fly_cursor_open(session->txn, tree, &cursor, err);
    }
    if (status == FLY_OK) {
        status = fly_cursor_last(cursor, err);
        if (status == FLY_OK && fly_cursor_key(cursor).len == 8) {
            *number = fly_get_u64be(fly_cursor_key(cursor).data);
        }
    }
    fly_cursor_close(cursor);
    return status == FLY_E_END ? FLY_OK : status;
}

/* Rows of others that are not committed yet are not seen when the last one is looked for, but they were
 * numbered by this very counter, which then was known already. After TRUNCATE numbers go on. */
fly_status fly__sql_row_numbers(fly_sql_session *session, const fly__sql_table *table,
                                uint32_t count, uint64_t *first, fly_err *err)
{
    fly__sql_database *database = session->database;
    fly_mutex_lock(&database->counting);
    fly_status status = FLY_OK;
    fly__sql_counter *counter = counter_of(database, session->env->mem, table->oid);
    if (counter == NULL) {
        status = no_memory(err);
    } else if (!counter->known) {
        uint64_t last = 0;
        status = last_row_number(session, table, &last, err);
        counter->next = (int64_t)last + 1;
        counter->known = status == FLY_OK;
    }
    if (status == FLY_OK) {
        *first = (uint64_t)counter->next;
        counter->next += count;
    }
    fly_mutex_unlock(&database->counting);
    return status;
}

fly_status fly__sql_row_number(fly_sql_session *session, const fly__sql_table *table,
                               uint64_t *number, fly_err *err)
{
    return fly__sql_row_numbers(session, table, 1, number, err);
}

/* ----------------------------------------------------------------- sequences */

static const fly__sql_table *sequence_table(fly_sql_session *session, uint32_t oid)
{
    return fly__sql_table_of(session->view, oid);
}

static fly_status no_sequence(uint32_t oid, fly_err *err)
{
    return fly_err_state(err, "42P01", 0, "sequence with OID %u does not exist", (unsigned)oid);
}

/* Write or read the place of a sequence, in a transaction of its own. */
static fly_status write_place(fly_sql_session *session, uint32_t oid, int64_t value, bool called,
                              fly_err *err)
{
    uint8_t key[4];
    uint8_t entry[9];
    fly_txn *txn = NULL;
    fly_tree *tree = NULL;
    fly_put_u32be(key, oid);
    fly_put_u64(entry, (uint64_t)value);
    entry[8] = called;
    fly_status status = fly_txn_begin(session->database->store, NULL, &txn, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_txn_tree_open(txn, tree_name, FLY_TREE_CREATE, &tree, err);
    if (status == FLY_OK) {
        status = fly_txn_put(txn, tree, fly_bytes_of(key, sizeof key),
                             fly_bytes_of(entry, sizeof entry), err);
    }
    if (status != FLY_OK) {
        fly_txn_rollback(txn);
        return status;
    }
    return fly_txn_commit_as(txn, FLY_DURABILITY_ASYNC, err);
}

static fly_status read_place(fly_sql_session *session, const fly__sql_sequence *sequence,
                             fly__sql_counter *counter, fly_err *err)
{
    uint8_t key[4];
    uint8_t entry[9];
    uint64_t len = 0;
    fly_txn *txn = NULL;
    fly_tree *tree = NULL;
    fly_put_u32be(key, sequence->oid);
    fly_status status =
        fly_txn_begin(session->database->store, &(fly_txn_options){.read_only = true}, &txn, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_txn_tree_open(txn, tree_name, 0, &tree, err);
    if (status == FLY_OK) {
        status =
            fly_txn_get(txn, tree, fly_bytes_of(key, sizeof key), entry, sizeof entry, &len, err);
    }
    fly_txn_rollback(txn);
    if (status == FLY_E_NOT_FOUND) {
        counter->next = sequence->start;
        counter->until = sequence->start;
        counter->called = false;
        return FLY_OK;
    }
    if (status == FLY_OK && len != sizeof entry) {
        return fly_err_set(err, FLY_E_CORRUPT, "the place of sequence %u is damaged",
                           (unsigned)sequence->oid);
    }
    if (status == FLY_OK) {
        counter->next = (int64_t)fly_get_u64(entry);
        counter->until = counter->next;
        counter->called = entry[8] != 0;
    }
    return status;
}

/* The value after `value`: FLY_E_END if the sequence has no other. */
static fly_status step(const fly__sql_sequence *sequence, int64_t value, int64_t *next)
{
    int64_t sum = 0;
    bool beyond = __builtin_add_overflow(value, sequence->increment, &sum) ||
                  sum > sequence->maximum || sum < sequence->minimum;
    if (!beyond) {
        *next = sum;
        return FLY_OK;
    }
    if (!sequence->cycle) {
        return FLY_E_END;
    }
    *next = sequence->increment > 0 ? sequence->minimum : sequence->maximum;
    return FLY_OK;
}

/* Where the sequence will be when AHEAD more values were given out, or as many as there are. */
static int64_t far_ahead(const fly__sql_sequence *sequence, int64_t value)
{
    for (int i = 0; i < AHEAD; i++) {
        int64_t next = 0;
        if (step(sequence, value, &next) != FLY_OK) {
            break;
        }
        value = next;
    }
    return value;
}

static fly_status take_next(fly_sql_session *session, const fly__sql_sequence *sequence,
                            fly__sql_counter *counter, int64_t *value, fly_err *err)
{
    int64_t next = counter->next;
    if (counter->called && step(sequence, counter->next, &next) != FLY_OK) {
        const fly__sql_table *table = sequence_table(session, sequence->oid);
        return fly_err_state(
            err, "2200H", 0, "nextval: reached %s value of sequence \"%s\" (%lld)",
            sequence->increment > 0 ? "maximum" : "minimum", table == NULL ? "?" : table->name,
            (long long)(sequence->increment > 0 ? sequence->maximum : sequence->minimum));
    }
    bool covered = counter->called &&
                   (sequence->increment > 0 ? next <= counter->until : next >= counter->until);
    if (!covered) {
        int64_t until = far_ahead(sequence, next);
        fly_status status = write_place(session, sequence->oid, until, true, err);
        if (status != FLY_OK) {
            return status;
        }
        counter->until = until;
    }
    counter->next = next;
    counter->called = true;
    *value = next;
    return FLY_OK;
}

static fly_status remember(fly_sql_session *session, uint32_t oid, int64_t value, fly_err *err)
{
    struct fly__sql_sequence_value *at = session->state->sequence_values;
    while (at != NULL && at->oid != oid) {
        at = at->link;
    }
    if (at == NULL) {
        at = fly_mem_calloc(&session->account.mem, 1, sizeof *at);
        if (at == NULL) {
            return no_memory(err);
        }
        at->oid = oid;
        at->link = session->state->sequence_values;
        session->state->sequence_values = at;
    }
    at->value = value;
    session->state->last_sequence = oid;
    return FLY_OK;
}

/* One of these rights will do. Sequences behind identity columns are part of their tables, and are asked
 * for the right to change those only. */
static fly_status may_use(fly_sql_session *session, uint32_t oid, uint32_t rights, fly_err *err)
{
    const fly__sql_table *table = sequence_table(session, oid);
    if (table == NULL || fly__sql_is_superuser(session, session->user_oid)) {
        return FLY_OK;
    }
    const fly__sql_secured object = fly__sql_secured_table(table);
    uint32_t has = fly__sql_rights(session, session->view, session->user_oid, &object, 0, false);
    return (has & rights) != 0
               ? FLY_OK
               : fly_err_state(err, "42501", 0, "permission denied for sequence %s", table->name);
}

static bool is_identity(fly_sql_session *session, const fly__sql_sequence *sequence)
{
    const fly__sql_table *table =
        sequence->owner_table == 0 ? NULL : fly__sql_table_of(session->view, sequence->owner_table);
    for (uint16_t i = 0; table != NULL && i < table->column_count; i++) {
        if (table->columns[i].sequence == sequence->oid && table->columns[i].identity != 0) {
            return true;
        }
    }
    return false;
}

fly_status fly__sql_sequence_next(fly_sql_session *session, uint32_t oid, int64_t *value,
                                  fly_err *err)
{
    const fly__sql_sequence *sequence = fly__sql_sequence_of(session->view, oid);
    if (sequence == NULL) {
        return no_sequence(oid, err);
    }
    fly_status may = session->state->read_only ? fly__sql_check_writable(session, "nextval()", err)
                     : is_identity(session, sequence)
                         ? FLY_OK
                         : may_use(session, oid, FLY__SQL_MAY_USAGE | FLY__SQL_MAY_UPDATE, err);
    if (may != FLY_OK) {
        return may;
    }
    fly__sql_database *database = session->database;
    fly_mutex_lock(&database->counting);
    fly__sql_counter *counter = counter_of(database, session->env->mem, oid);
    fly_status status = counter == NULL  ? no_memory(err)
                        : counter->known ? FLY_OK
                                         : read_place(session, sequence, counter, err);
    if (status == FLY_OK) {
        counter->known = true;
        status = take_next(session, sequence, counter, value, err);
    }
    fly_mutex_unlock(&database->counting);
    return status == FLY_OK ? remember(session, oid, *value, err) : status;
}

/* Where a sequence is, for everybody: `called` says whether `value` was given out. */
fly_status fly__sql_sequence_place(fly_sql_session *session, uint32_t oid, int64_t *value,
                                   bool *called, fly_err *err)
{
    const fly__sql_sequence *sequence = fly__sql_sequence_of(session->view, oid);
    if (sequence == NULL) {
        return no_sequence(oid, err);
    }
    fly__sql_database *database = session->database;
    fly_mutex_lock(&database->counting);
    fly__sql_counter *counter = counter_of(database, session->env->mem, oid);
    fly_status status = counter == NULL  ? no_memory(err)
                        : counter->known ? FLY_OK
                                         : read_place(session, sequence, counter, err);
    if (status == FLY_OK) {
        counter->known = true;
        *value = counter->next;
        *called = counter->called;
    }
    fly_mutex_unlock(&database->counting);
    return status;
}

fly_status fly__sql_sequence_current(fly_sql_session *session, uint32_t oid, int64_t *value,
                                     fly_err *err)
{
    fly_status may = may_use(session, oid, FLY__SQL_MAY_USAGE | FLY__SQL_MAY_SELECT, err);
    if (may != FLY_OK) {
        return may;
    }
    const struct fly__sql_sequence_value *at = session->state->sequence_values;
    while (at != NULL && at->oid != oid) {
        at = at->link;
    }
    if (at == NULL) {
        const fly__sql_table *table = sequence_table(session, oid);
        return fly_err_state(err, "55000", 0,
                             "currval of sequence \"%s\" is not yet defined in this session",
                             table == NULL ? "?" : table->name);
    }
    *value = at->value;
    return FLY_OK;
}

fly_status fly__sql_sequence_last(fly_sql_session *session, int64_t *value, fly_err *err)
{
    if (session->state->last_sequence == 0) {
        return fly_err_state(err, "55000", 0, "lastval is not yet defined in this session");
    }
    return fly__sql_sequence_current(session, session->state->last_sequence, value, err);
}

fly_status fly__sql_sequence_set(fly_sql_session *session, uint32_t oid, int64_t value, bool called,
                                 fly_err *err)
{
    const fly__sql_sequence *sequence = fly__sql_sequence_of(session->view, oid);
    if (sequence == NULL) {
        return no_sequence(oid, err);
    }
    fly_status may = fly__sql_check_writable(session, "setval()", err);
    if (may == FLY_OK) {
        may = may_use(session, oid, FLY__SQL_MAY_UPDATE, err);
    }
    if (may != FLY_OK) {
        return may;
    }
    if (value < sequence->minimum || value > sequence->maximum) {
        const fly__sql_table *table = sequence_table(session, oid);
        return fly_err_state(err, "22003", 0,
                             "setval: value %lld is out of bounds for sequence \"%s\" (%lld..%lld)",
                             (long long)value, table == NULL ? "?" : table->name,
                             (long long)sequence->minimum, (long long)sequence->maximum);
    }
    fly__sql_database *database = session->database;
    fly_mutex_lock(&database->counting);
    fly__sql_counter *counter = counter_of(database, session->env->mem, oid);
    fly_status status = counter == NULL ? no_memory(err)
                                        : write_place(session, oid, value, called, err);
    if (status == FLY_OK) {
        counter->next = value;
        counter->until = value;
        counter->called = called;
        counter->known = true;
    }
    fly_mutex_unlock(&database->counting);
    return status == FLY_OK && called ? remember(session, oid, value, err) : status;
}

void fly__sql_sequences_forget(fly_sql_session *session)
{
    while (session->state->sequence_values != NULL) {
        struct fly__sql_sequence_value *value = session->state->sequence_values;
        session->state->sequence_values = value->link;
        fly_mem_free(&session->account.mem, value, sizeof *value);
    }
    session->state->last_sequence = 0;
}
