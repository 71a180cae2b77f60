/*
 * Changing rows: triggers before, the source's change, and a queue of what comes after.
 *
 * Queued are only changes of tables that have foreign keys, referrers or AFTER triggers.
 *
 * Invariants.
 *     K1  events are done in the order in which changes happened, those of foreign keys before AFTER
 *         triggers of the same change
 *     K2  values in events have their strings in the queue's arena
 */
#include "exec/change_int.h"
#include "exec/op_int.h"

#include <inttypes.h>
#include <string.h>

void fly__sql_change_init(fly__sql_change *change, fly_sql_session *session)
{
    memset(change, 0, sizeof *change);
    change->session = session;
    fly_arena_init(&change->arena, &session->account.mem, 0);
    fly_arena_init(&change->queue, &session->query.mem, 0);
    change->last = &change->first;
}

void fly__sql_change_deinit(fly__sql_change *change)
{
    fly_arena_deinit(&change->arena);
    fly_arena_deinit(&change->queue);
    change->first = NULL;
    change->last = &change->first;
}

void fly__sql_change_reset(fly__sql_change *change)
{
    fly_arena_reset(&change->queue);
    change->first = NULL;
    change->last = &change->first;
}

/* ----------------------------------------------------------------------------- triggers */

static bool concerns(const fly__sql_trigger *trigger, uint8_t event, char when, bool row,
                     const bool *updated)
{
    if (!trigger->enabled || (trigger->events & event) == 0 || trigger->when != when ||
        trigger->row != row) {
        return false;
    }
    if (event != FLY__SQL_ON_UPDATE || trigger->column_count == 0 || updated == NULL) {
        return true;
    }
    for (uint16_t i = 0; i < trigger->column_count; i++) { /* UPDATE OF */
        if (updated[trigger->columns[i] - 1]) {
            return true;
        }
    }
    return false;
}

static fly_status fire(fly__sql_change *change, fly__sql_firing *firing, fly_err *err)
{
    const fly__sql_trigger_hooks *hooks = change->session->triggers;
    if (hooks == NULL) {
        return fly_err_state(err, "0A000", 0, "trigger \"%s\" cannot be run here",
                             firing->trigger->name);
    }
    return hooks->fire(hooks->ctx, change->session, firing, err);
}

static fly_status fire_all(fly__sql_change *change, const fly__sql_table *table, uint8_t event,
                           char when, bool row, const fly_vec_value *old_values,
                           fly_vec_value *new_values, bool *skipped, fly_err *err)
{
    for (uint16_t i = 0; i < table->trigger_count; i++) {
        const fly__sql_trigger *trigger = table->triggers[i];
        if (!concerns(trigger, event, when, row, change->updated)) {
            continue;
        }
        fly__sql_firing firing = {.table = table,
                                  .trigger = trigger,
                                  .event = event,
                                  .old_values = old_values,
                                  .new_values = new_values,
                                  .arena = &change->arena,
                                  .events = when == 'a' ? change->first : NULL};
        fly_status status = fire(change, &firing, err);
        if (status != FLY_OK) {
            return status;
        }
        if (firing.skip && skipped != NULL) {
            *skipped = true;
            return FLY_OK;
        }
    }
    return FLY_OK;
}

fly_status fly__sql_change_statement(fly__sql_change *change, const fly__sql_table *table,
                                     uint8_t event, char when, fly_err *err)
{
    return fire_all(change, table, event, when, false, NULL, NULL, NULL, err);
}

fly_status fly__sql_change_before(fly__sql_change *change, const fly__sql_table *table,
                                  uint8_t event, const fly_vec_value *old_values,
                                  fly_vec_value *values, bool *skipped, fly_err *err)
{
    *skipped = false;
    return table->trigger_count == 0
               ? FLY_OK
               : fire_all(change, table, event, 'b', true, old_values, values, skipped, err);
}

/* -------------------------------------------------------------------------------- queue */

static bool wants_event(const fly__sql_table *table, uint8_t event)
{
    if (table->referrer_count > 0 && event != FLY__SQL_ON_INSERT) {
        return true;
    }
    for (uint16_t i = 0; event != FLY__SQL_ON_DELETE && i < table->constraint_count; i++) {
        if (table->constraints[i]->kind == FLY__SQL_FOREIGN) {
            return true;
        }
    }
    for (uint16_t i = 0; i < table->trigger_count; i++) {
        const fly__sql_trigger *trigger = table->triggers[i];
        bool tables = trigger->old_table != NULL || trigger->new_table != NULL;
        if (concerns(trigger, event, 'a', true, NULL) ||
            (tables && concerns(trigger, event, 'a', false, NULL))) {
            return true;
        }
    }
    return false;
}

static fly_status copy_row(fly__sql_change *change, const fly__sql_table *table,
                           const fly_vec_value *from, fly_vec_value **to, fly_err *err)
{
    *to = NULL;
    if (from == NULL) {
        return FLY_OK;
    }
    *to = fly__sql_alloc(&change->queue, table->column_count, sizeof **to, err);
    if (*to == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint16_t i = 0; i < table->column_count; i++) {
        fly_status status = fly__sql_value_copy(fly__sql_type_physical(table->columns[i].type),
                                                &from[i], &change->queue, &(*to)[i], err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

fly_status fly__sql_change_note(fly__sql_change *change, const fly__sql_event *event, fly_err *err)
{
    fly__sql_event *e = fly__sql_alloc(&change->queue, 1, sizeof *e, err);
    if (e == NULL) {
        return FLY_E_NO_MEMORY;
    }
    *e = *event;
    e->next = NULL;
    fly_status status = copy_row(change, event->table, event->old_values, &e->old_values, err);
    if (status == FLY_OK) {
        status = copy_row(change, event->table, event->new_values, &e->new_values, err);
    }
    if (status == FLY_OK) {
        *change->last = e;
        change->last = &e->next;
    }
    return status;
}

static fly_status enqueue(fly__sql_change *change, const fly__sql_table *table, uint8_t event,
                          const fly_vec_value *old_values, const fly_vec_value *new_values,
                          fly_err *err)
{
    if (!wants_event(table, event)) {
        return FLY_OK;
    }
    fly__sql_event e = {.table = table,
                        .event = event,
                        .updated = change->updated,
                        .old_values = (fly_vec_value *)(uintptr_t)old_values,
                        .new_values = (fly_vec_value *)(uintptr_t)new_values};
    return fly__sql_change_note(change, &e, err);
}

static fly_status do_event(fly__sql_change *change, const fly__sql_event *e, fly_err *err)
{
    fly_status status = FLY_OK;
    const fly__sql_table *table = e->table;
    for (uint16_t i = 0; status == FLY_OK && e->new_values != NULL && i < table->constraint_count;
         i++) {
        if (table->constraints[i]->kind == FLY__SQL_FOREIGN) {
            status = fly__sql_foreign_check(change, table, table->constraints[i], e->old_values,
                                            e->new_values, err);
        }
    }
    for (uint16_t i = 0; status == FLY_OK && e->old_values != NULL && i < table->referrer_count;
         i++) {
        status = fly__sql_foreign_act(change, table, table->referrers[i], e->old_values,
                                      e->new_values, err);
    }
    return status;
}

fly_status fly__sql_change_finish(fly__sql_change *change, fly_err *err)
{
    fly_status status = fly__sql_change_after(change, err);
    fly__sql_change_reset(change);
    return status;
}

fly_status fly__sql_change_after(fly__sql_change *change, fly_err *err)
{
    const bool *statement = change->updated;
    fly_status status = FLY_OK;
    /* The list grows while it is walked: actions change rows too. */
    for (fly__sql_event *e = change->first; status == FLY_OK && e != NULL; e = e->next) {
        fly_arena_reset(&change->arena);
        status = do_event(change, e, err);
    }
    for (fly__sql_event *e = change->first; status == FLY_OK && e != NULL; e = e->next) {
        fly_arena_reset(&change->arena);
        change->updated = e->updated;
        status = fire_all(change, e->table, e->event, 'a', true, e->old_values, e->new_values, NULL,
                          err);
    }
    change->updated = statement;
    return status;
}

/* ------------------------------------------------------------------------------ changes */

static const fly__sql_source *source_of(const fly__sql_change *change, const fly__sql_table *table)
{
    return fly__sql_source_of(change->session, table);
}

fly_status fly__sql_change_story(fly_sql_session *session, fly_status status, fly_err *err)
{
    if (status == FLY_E_CANCELLED) {
        return fly__sql_check_cancel(session, err) == FLY_OK ? status : FLY_E_CANCELLED;
    }
    if (status == FLY_E_TIMEOUT) {
        (void)fly_err_state(err, "55P03", 0, "canceling statement due to lock timeout");
    } else if (status == FLY_E_CONFLICT) {
        (void)fly_err_state(err, "40001", 0, "could not serialize access due to concurrent update");
    } else if (status == FLY_E_DEADLOCK) {
        fly_err story = err != NULL ? *err : (fly_err){0};
        (void)fly_err_state(err, "40P01", 0, "deadlock detected");
        fly_err_detail(err, "%s", story.message);
    } else {
        return status;
    }
    if (err != NULL) {
        err->status = status;
    }
    return status;
}

fly_status fly__sql_change_inserted(fly__sql_change *change, const fly__sql_table *table,
                                    const fly_vec_value *values, fly_bytes *row_key, fly_err *err)
{
    const fly__sql_source *source = source_of(change, table);
    fly_status status = fly__sql_change_story(
        change->session,
        source->insert(source, change->session->txn, table, values, &change->arena, row_key, err),
        err);
    return status == FLY_OK ? enqueue(change, table, FLY__SQL_ON_INSERT, NULL, values, err)
                            : status;
}

fly_status fly__sql_change_insert(fly__sql_change *change, const fly__sql_table *table,
                                  fly_vec_value *values, fly__sql_change_again again, void *ctx,
                                  fly_bytes *row_key, bool *skipped, fly_err *err)
{
    fly_status status =
        fly__sql_change_before(change, table, FLY__SQL_ON_INSERT, NULL, values, skipped, err);
    if (status != FLY_OK || *skipped) {
        return status;
    }
    if (again != NULL) {
        status = again(ctx, values, err);
    }
    return status == FLY_OK ? fly__sql_change_inserted(change, table, values, row_key, err)
                            : status;
}

fly_status fly__sql_change_update(fly__sql_change *change, const fly__sql_table *table,
                                  fly_bytes row_key, const fly_vec_value *old_values,
                                  fly_vec_value *values, fly__sql_change_again again, void *ctx,
                                  bool *skipped, fly_err *err)
{
    fly_bytes new_key;
    const fly__sql_source *source = source_of(change, table);
    fly_status status =
        fly__sql_change_before(change, table, FLY__SQL_ON_UPDATE, old_values, values, skipped, err);
    if (status != FLY_OK || *skipped) {
        return status;
    }
    if (again != NULL) {
        status = again(ctx, values, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_change_story(change->session,
                                       source->update(source, change->session->txn, table, row_key,
                                                      old_values, values, change->seen,
                                                      &change->arena, &new_key, err),
                                       err);
    }
    return status == FLY_OK ? enqueue(change, table, FLY__SQL_ON_UPDATE, old_values, values, err)
                            : status;
}

fly_status fly__sql_change_delete(fly__sql_change *change, const fly__sql_table *table,
                                  fly_bytes row_key, const fly_vec_value *old_values, bool *skipped,
                                  fly_err *err)
{
    const fly__sql_source *source = source_of(change, table);
    fly_status status =
        fly__sql_change_before(change, table, FLY__SQL_ON_DELETE, old_values, NULL, skipped, err);
    if (status != FLY_OK || *skipped) {
        return status;
    }
    status = fly__sql_change_story(
        change->session,
        source->remove(source, change->session->txn, table, row_key, old_values, change->seen, err),
        err);
    return status == FLY_OK ? enqueue(change, table, FLY__SQL_ON_DELETE, old_values, NULL, err)
                            : status;
}

/* Whether a row is not there any more, as of now: what the story of a conflict tells. */
static bool is_gone(fly_sql_session *session, const fly__sql_source *source,
                    const fly__sql_table *table, fly_bytes row_key)
{
    fly_txn *now;
    fly_arena arena;
    if (fly_txn_begin(fly_txn_store(session->txn), &(fly_txn_options){.read_only = true}, &now,
                      NULL) != FLY_OK) {
        return false;
    }
    fly_arena_init(&arena, &session->account.mem, 0);
    fly_status status = source->fetch(source, now, table, row_key, NULL, 0, &arena, NULL, NULL);
    fly_arena_deinit(&arena);
    fly_txn_rollback(now);
    return status == FLY_E_NOT_FOUND;
}

fly_status fly__sql_change_lock(fly_sql_session *session, const fly__sql_table *table,
                                fly_bytes row_key, const fly_vec_value *old_values,
                                fly_lock_mode mode, fly_lock_wait wait, fly_err *err)
{
    const fly__sql_source *source = fly__sql_source_of(session, table);
    fly_status status =
        source->lock(source, session->txn, table, row_key, old_values, mode, wait, err);
    bool strict = fly_txn_isolation(session->txn) >= FLY_ISOLATION_SNAPSHOT;
    bool conflict = status == FLY_E_CONFLICT || (strict && status == FLY_E_AGAIN);
    if (conflict && is_gone(session, source, table, row_key)) {
        status = FLY_E_NOT_FOUND;
        strict = true;
        conflict = false;
    }
    if (conflict) {
        (void)fly_err_state(err, "40001", 0, "could not serialize access due to concurrent update");
    } else if (strict && status == FLY_E_NOT_FOUND) {
        (void)fly_err_state(err, "40001", 0, "could not serialize access due to concurrent delete");
    } else {
        return fly__sql_change_story(session, status, err);
    }
    if (err != NULL) {
        err->status = FLY_E_CONFLICT;
    }
    return FLY_E_CONFLICT;
}

/* ------------------------------------------------------------------------------- checks */

void fly__sql_failing_row(fly_sql_session *session, const fly__sql_table *table,
                          const fly_vec_value *values, fly_arena *arena, fly_err *err)
{
    enum { SHOWN_MAX = 64 };
    char text[FLY_ERR_DETAIL_SIZE];
    size_t at = 0;
    bool first = true;
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].dropped) {
            continue;
        }
        fly_bytes shown = fly_bytes_str("null");
        if (!values[i].null && fly__sql_value_out(session, table->columns[i].type, &values[i],
                                                  arena, &shown, NULL) != FLY_OK) {
            shown = fly_bytes_str("?");
        }
        bool cut = shown.len > SHOWN_MAX;
        size_t len = cut ? SHOWN_MAX : shown.len;
        if (at + len + 8 > sizeof text) {
            break;
        }
        if (!first) {
            /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the length is kept beside it */
            memcpy(text + at, ", ", 2);
            at += 2;
        }
        memcpy(text + at, shown.data, len);
        at += len;
        if (cut) {
            /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the length is kept beside it */
            memcpy(text + at, "...", 3);
            at += 3;
        }
        first = false;
    }
    fly_err_detail(err, "Failing row contains (%.*s).", (int)at, text);
}

fly_status fly__sql_change_not_null(fly_sql_session *session, const fly__sql_table *table,
                                    const fly_vec_value *values, fly_arena *arena, fly_err *err)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        const fly__sql_column *column = &table->columns[i];
        if (!column->not_null || column->dropped || !values[i].null) {
            continue;
        }
        fly_status status = fly_err_state(
            err, "23502", 0,
            "null value in column \"%s\" of relation \"%s\" violates not-null constraint",
            column->name, table->name);
        fly__sql_failing_row(session, table, values, arena, err);
        return status;
    }
    return FLY_OK;
}
