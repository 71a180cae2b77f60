/*
 * Foreign keys.
 *
 * A row that refers to another: when the statement is done its key must be in the referenced table's
 * unique index. The row found there is locked, so that it cannot go before this transaction ends.
 *
 * A row that is referred to: when it is gone, or its key has changed, the rows that refer to it are found
 * by an index of theirs that begins with the key's columns, or by a scan, and the key's action is done on
 * each of them: nothing may be there, or they go too, or their columns change.
 *
 * @source PostgreSQL 15 documentation, 5.4.5 Foreign Keys; its messages.
 */
#include "exec/change_int.h"
#include "exec/exec_int.h"
#include "exec/op_int.h"
#include "session/program_int.h"
#include "store/index_int.h"

#include <string.h>

/* ------------------------------------------------------------------------------- values */

/* Types of the two sides may differ in size: int4 refers to int8. */
static fly_status convert(fly_sql_type from, fly_sql_type to, const fly_vec_value *value,
                          fly_arena *arena, fly_vec_value *result, fly_err *err)
{
    fly_vec_type a = fly__sql_type_physical(from);
    fly_vec_type b = fly__sql_type_physical(to);
    if (value->null || (a == b && from.digits == to.digits && from.scale == to.scale)) {
        *result = *value;
        return FLY_OK;
    }
    if (from.oid == FLY_SQL_NUMERIC && to.oid == FLY_SQL_NUMERIC) {
        return fly__sql_numeric_reshape(from, to, value, arena, result, err);
    }
    fly_bytes text;
    fly_status status = fly__sql_value_out(NULL, from, value, arena, &text, err);
    return status == FLY_OK ? fly__sql_value_in(NULL, to, text, arena, result, err) : status;
}

static bool same_key(fly_sql_session *session, const fly__sql_table *table, const uint16_t *columns,
                     uint16_t count, const fly_vec_value *a, const fly_vec_value *b)
{
    for (uint16_t i = 0; i < count; i++) {
        uint16_t at = (uint16_t)(columns[i] - 1);
        fly_sql_type type = table->columns[at].type;
        if (!fly__sql_value_same(type, fly__sql_key_form_of(session, type), &a[at], &b[at])) {
            return false;
        }
    }
    return true;
}

/* "(a, b)=(1, 2)" */
static void describe(fly_sql_session *session, const fly__sql_table *table, const uint16_t *columns,
                     uint16_t count, const fly_vec_value *values, fly_arena *arena, char *text,
                     size_t size)
{
    size_t at = 0;
    for (int side = 0; side < 2; side++) {
        for (uint16_t i = 0; i < count; i++) {
            const fly__sql_column *column = &table->columns[columns[i] - 1];
            fly_bytes shown = fly_bytes_str(column->name);
            if (side == 1) {
                const fly_vec_value *value = &values[columns[i] - 1];
                shown = fly_bytes_str("null");
                if (!value->null && fly__sql_value_out(session, column->type, value, arena, &shown,
                                                       NULL) != FLY_OK) {
                    shown = fly_bytes_str("?");
                }
            }
            if (at + shown.len + 8 > size) {
                break;
            }
            const char *before = i > 0 ? ", " : side == 0 ? "(" : ")=(";
            memcpy(text + at, before, strlen(before));
            at += strlen(before);
            memcpy(text + at, shown.data, shown.len);
            at += shown.len;
        }
    }
    text[at++] = ')';
    text[at] = 0;
}

/* ---------------------------------------------------------------------- what refers */

static const fly__sql_index *index_named(const fly__sql_table *table, uint32_t oid)
{
    for (uint16_t i = 0; i < table->index_count; i++) {
        if (table->indexes[i]->oid == oid) {
            return table->indexes[i];
        }
    }
    return NULL;
}

/* Whether a row says anything about another one; FULL wants all or nothing. */
static fly_status refers(const fly__sql_constraint *key, const fly__sql_table *table,
                         const fly_vec_value *values, bool *does, fly_err *err)
{
    uint16_t nulls = 0;
    for (uint16_t i = 0; i < key->count; i++) {
        nulls = (uint16_t)(nulls + values[key->columns[i] - 1].null);
    }
    *does = nulls == 0;
    if (nulls > 0 && nulls < key->count && key->match == 'f') {
        fly_status status =
            fly_err_state(err, "23503", 0,
                          "insert or update on table \"%s\" violates foreign key constraint \"%s\"",
                          table->name, key->name);
        fly_err_detail(err, "MATCH FULL does not allow mixing of null and nonnull key values.");
        return status;
    }
    return FLY_OK;
}

static fly_status look_up(fly__sql_change *change, const fly__sql_table *table,
                          const fly__sql_constraint *key, const fly_vec_value *values, fly_err *err)
{
    fly_sql_session *session = change->session;
    const fly__sql_table *other = fly__sql_table_of(session->view, key->foreign_table);
    const fly__sql_index *index = other != NULL ? index_named(other, key->index) : NULL;
    if (index == NULL) {
        return fly_err_state(err, "XX000", 0, "foreign key \"%s\" has no index to look into",
                             key->name);
    }
    fly_vec_value *wanted =
        fly__sql_alloc(&change->arena, other->column_count, sizeof *wanted, err);
    if (wanted == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint16_t i = 0; i < other->column_count; i++) {
        wanted[i].null = true;
    }
    for (uint16_t i = 0; i < key->count; i++) {
        uint16_t to = (uint16_t)(key->foreign_columns[i] - 1);
        uint16_t from = (uint16_t)(key->columns[i] - 1);
        fly_status status = convert(table->columns[from].type, other->columns[to].type,
                                    &values[from], &change->arena, &wanted[to], err);
        if (status != FLY_OK) {
            return status;
        }
    }
    const fly__sql_source *source = fly__sql_source_of(session, other);
    fly_bytes row_key;
    fly_status status = source->conflict(source, session->txn, other, index, wanted,
                                         FLY_LOCK_SHARED_WEAK, &change->arena, &row_key, err);
    status = fly__sql_change_story(session, status, err);
    if (status == FLY_OK) {
        status = source->lock(source, session->txn, other, row_key, NULL, FLY_LOCK_SHARED_WEAK,
                              FLY_LOCK_WAIT, err);
        status = fly__sql_change_story(session, status, err);
    }
    if (status != FLY_E_NOT_FOUND) {
        return status;
    }
    char text[160];
    describe(session, table, key->columns, key->count, values, &change->arena, text, sizeof text);
    status = fly_err_state(err, "23503", 0,
                           "insert or update on table \"%s\" violates foreign key constraint "
                           "\"%s\"",
                           table->name, key->name);
    fly_err_detail(err, "Key %s is not present in table \"%s\".", text, other->name);
    return status;
}

static bool waits(const fly_sql_session *session, const fly__sql_constraint *key)
{
    return key->deferrable && (session->defer_all || (key->deferred && !session->defer_none));
}

static fly_status defer(fly__sql_change *change, const fly__sql_table *table,
                        const fly__sql_constraint *key, bool referred,
                        const fly_vec_value *old_values, const fly_vec_value *new_values,
                        fly_err *err)
{
    fly_sql_session *session = change->session;
    if (session->deferred == NULL) {
        session->deferred = fly_mem_calloc(&session->account.mem, 1, sizeof *session->deferred);
        if (session->deferred == NULL) {
            return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for deferred constraints");
        }
        fly__sql_change_init(session->deferred, session);
        /* They outlive the statement, and so its account. */
        fly_arena_init(&session->deferred->queue, &session->account.mem, 0);
    }
    fly__sql_event e = {.table = table,
                        .table_oid = table->oid,
                        .key_oid = key->oid,
                        .referred = referred,
                        .old_values = (fly_vec_value *)(uintptr_t)old_values,
                        .new_values = (fly_vec_value *)(uintptr_t)new_values};
    return fly__sql_change_note(session->deferred, &e, err);
}

fly_status fly__sql_foreign_check(fly__sql_change *change, const fly__sql_table *table,
                                  const fly__sql_constraint *key, const fly_vec_value *old_values,
                                  const fly_vec_value *values, fly_err *err)
{
    bool does;
    fly_status status = refers(key, table, values, &does, err);
    if (status != FLY_OK || !does) {
        return status;
    }
    if (old_values != NULL &&
        same_key(change->session, table, key->columns, key->count, old_values, values)) {
        return FLY_OK;
    }
    return waits(change->session, key) ? defer(change, table, key, false, NULL, values, err)
                                       : look_up(change, table, key, values, err);
}

/* --------------------------------------------------------------------- what is referred to */

/* The rows of a table with given values in given columns, read before any of them is changed. */
typedef struct found {
    fly_bytes row_key;
    fly_vec_value *values;
    struct found *next;
} found;

static const fly__sql_index *index_on(const fly__sql_table *table, const uint16_t *columns,
                                      uint16_t count)
{
    for (uint16_t i = 0; i < table->index_count; i++) {
        const fly__sql_index *index = table->indexes[i];
        if (!index->ready || index->predicate != NULL || index->key_count < count) {
            continue;
        }
        bool all = true;
        for (uint16_t k = 0; all && k < count; k++) {
            all = index->columns[k].column == columns[k];
        }
        if (all) {
            return index;
        }
    }
    return NULL;
}

static fly_status index_range(fly__sql_change *change, const fly__sql_index *index,
                              const fly__sql_constraint *key, const fly_vec_value *wanted,
                              fly__sql_scan_spec *spec, fly_err *err)
{
    fly__sql_key bound = {.arena = &change->arena};
    for (uint16_t k = 0; k < key->count; k++) {
        fly__sql_key_order order;
        fly_status status = fly__sql_index_order(change->session, index, k, &order, err);
        if (status == FLY_OK) {
            status = fly__sql_key_add(&bound, &order, &wanted[key->columns[k] - 1], err);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
    spec->index = index;
    spec->low = spec->high = fly_bytes_of(bound.data, bound.len);
    return FLY_OK;
}

static fly_status keep(fly__sql_change *change, const fly__sql_table *table,
                       const fly_vec_batch *batch, uint32_t row, found **last, fly_err *err)
{
    found *f = fly__sql_alloc(&change->queue, 1, sizeof *f, err);
    fly_vec_value *values =
        fly__sql_alloc(&change->queue, table->column_count + 1u, sizeof *values, err);
    if (f == NULL || values == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t i = 0; i <= table->column_count; i++) {
        fly_vec_value value = fly__sql_get(&batch->col[i], row);
        fly_status status = fly__sql_value_copy((fly_vec_type)batch->col[i].type, &value,
                                                &change->queue, &values[i], err);
        if (status != FLY_OK) {
            return status;
        }
    }
    fly_vec_str *key = &values[table->column_count].str;
    f->values = values;
    f->row_key = fly_vec_str_bytes(key);
    (*last)->next = f;
    *last = f;
    return FLY_OK;
}

/* Values of the columns of the referring table that refer to a row. */
static fly_status wanted_values(fly__sql_change *change, const fly__sql_table *referred,
                                const fly__sql_table *table, const fly__sql_constraint *key,
                                const fly_vec_value *values, fly_vec_value **wanted, fly_err *err)
{
    *wanted = fly__sql_alloc(&change->arena, table->column_count, sizeof **wanted, err);
    if (*wanted == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint16_t i = 0; i < key->count; i++) {
        uint16_t from = (uint16_t)(key->foreign_columns[i] - 1);
        uint16_t to = (uint16_t)(key->columns[i] - 1);
        fly_status status = convert(referred->columns[from].type, table->columns[to].type,
                                    &values[from], &change->arena, &(*wanted)[to], err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

static fly_status find_referring(fly__sql_change *change, const fly__sql_table *table,
                                 const fly__sql_constraint *key, const fly_vec_value *wanted,
                                 found *list, fly_err *err)
{
    fly_sql_session *session = change->session;
    const fly__sql_source *source = fly__sql_source_of(session, table);
    uint16_t *columns =
        fly__sql_alloc(&change->arena, table->column_count + 1u, sizeof *columns, err);
    fly_vec_batch batch = {.columns = table->column_count + 1u, .arena = &change->arena};
    batch.col = fly__sql_alloc(&change->arena, batch.columns, sizeof(fly_vec), err);
    batch.sel = fly__sql_alloc(&change->arena, FLY_VEC_CAPACITY + 8, sizeof(fly_vec_sel), err);
    if (columns == NULL || batch.col == NULL || batch.sel == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint16_t i = 0; i < table->column_count; i++) {
        columns[i] = (uint16_t)(i + 1);
    }
    fly__sql_scan_spec spec = {.table = table, .column_count = batch.columns, .columns = columns};
    const fly__sql_index *index = index_on(table, key->columns, key->count);
    fly_status status = index != NULL ? index_range(change, index, key, wanted, &spec, err)
                                      : FLY_OK;
    fly__sql_scan *scan;
    if (status != FLY_OK) {
        return status;
    }
    /* Who refers to the row may have committed since the statement, or the transaction, has its
     * snapshot: he holds a shared lock no longer, so nobody has waited for him. */
    fly_txn_fresh_begin(session->txn);
    status = source->scan_open(source, session->txn, &spec, &change->arena, &scan, err);
    if (status != FLY_OK) {
        fly_txn_fresh_end(session->txn);
        return status;
    }
    found *last = list;
    while (status == FLY_OK) {
        batch.selected = -1;
        status = source->scan_next(scan, &batch, err);
        for (uint32_t k = 0; status == FLY_OK && k < fly_vec_batch_rows(&batch); k++) {
            uint32_t row = batch.selected < 0 ? k : batch.sel[k];
            bool same = true;
            for (uint16_t i = 0; same && i < key->count; i++) {
                uint16_t at = (uint16_t)(key->columns[i] - 1);
                fly_sql_type type = table->columns[at].type;
                fly_vec_value value = fly__sql_get(&batch.col[at], row);
                same = !value.null && fly__sql_value_same(type, fly__sql_key_form_of(session, type),
                                                          &value, &wanted[at]);
            }
            if (same) {
                status = keep(change, table, &batch, row, &last, err);
            }
        }
    }
    source->scan_close(scan);
    fly_txn_fresh_end(session->txn);
    return status == FLY_E_END ? FLY_OK : status;
}

static fly_status still_referenced(fly__sql_change *change, const fly__sql_table *referred,
                                   const fly__sql_table *table, const fly__sql_constraint *key,
                                   const fly_vec_value *values, fly_err *err)
{
    char text[160];
    describe(change->session, referred, key->foreign_columns, key->count, values, &change->arena,
             text, sizeof text);
    fly_status status = fly_err_state(err, "23503", 0,
                                      "update or delete on table \"%s\" violates foreign key "
                                      "constraint \"%s\" on table \"%s\"",
                                      referred->name, key->name, table->name);
    fly_err_detail(err, "Key %s is still referenced from table \"%s\".", text, table->name);
    return status;
}

/* Generated columns and checks of a row that an action changes. */
typedef struct rules {
    fly__sql_change *change;
    const fly__sql_table *table;
} rules;

static fly_status obey_rules(void *ctx, fly_vec_value *values, fly_err *err)
{
    rules *r = ctx;
    fly_sql_session *session = r->change->session;
    const fly__sql_table *table = r->table;
    fly_status status = FLY_OK;
    for (uint16_t i = 0; status == FLY_OK && i < table->column_count; i++) {
        const fly__sql_column *column = &table->columns[i];
        if (column->generated != 0 && !column->dropped) {
            status = fly__sql_table_expr(session, table, column->default_text, column->type, values,
                                         &r->change->arena, &values[i], err);
        }
    }
    if (status == FLY_OK) {
        status = fly__sql_change_not_null(session, table, values, &r->change->arena, err);
    }
    for (uint16_t i = 0; status == FLY_OK && i < table->constraint_count; i++) {
        const fly__sql_constraint *c = table->constraints[i];
        fly_vec_value holds;
        if (c->kind != FLY__SQL_CHECK) {
            continue;
        }
        status = fly__sql_table_expr(session, table, c->check, fly__sql_type(FLY_SQL_BOOL), values,
                                     &r->change->arena, &holds, err);
        if (status == FLY_OK && !holds.null && !holds.b) {
            status = fly_err_state(err, "23514", 0,
                                   "new row for relation \"%s\" violates check constraint \"%s\"",
                                   table->name, c->name);
            fly__sql_failing_row(session, table, values, &r->change->arena, err);
        }
    }
    return status;
}

static fly_status set_columns(fly__sql_change *change, const fly__sql_table *referred,
                              const fly__sql_table *table, const fly__sql_constraint *key,
                              const found *f, char action, const fly_vec_value *new_values,
                              fly_err *err)
{
    fly_vec_value *values =
        fly__sql_alloc(&change->queue, table->column_count, sizeof *values, err);
    if (values == NULL) {
        return FLY_E_NO_MEMORY;
    }
    memcpy(values, f->values, table->column_count * sizeof *values);
    for (uint16_t i = 0; i < key->count; i++) {
        uint16_t at = (uint16_t)(key->columns[i] - 1);
        const fly__sql_column *column = &table->columns[at];
        fly_status status = FLY_OK;
        memset(&values[at], 0, sizeof values[at]);
        values[at].null = true;
        if (action == 'c') {
            uint16_t from = (uint16_t)(key->foreign_columns[i] - 1);
            status = convert(referred->columns[from].type, column->type, &new_values[from],
                             &change->queue, &values[at], err);
        } else if (action == 'd' && column->default_text != NULL) {
            status = fly__sql_table_expr(change->session, table, column->default_text, column->type,
                                         f->values, &change->queue, &values[at], err);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
    bool *updated = fly__sql_alloc(&change->queue, table->column_count, sizeof *updated, err);
    if (updated == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint16_t i = 0; i < key->count; i++) {
        updated[key->columns[i] - 1] = true;
    }
    rules r = {change, table};
    bool skipped;
    const bool *before = change->updated;
    change->updated = updated;
    fly_status status = fly__sql_change_update(change, table, f->row_key, f->values, values,
                                               obey_rules, &r, &skipped, err);
    change->updated = before;
    return status;
}

static fly_status act_on(fly__sql_change *change, const fly__sql_table *referred,
                         const fly__sql_table *table, const fly__sql_constraint *key,
                         const found *f, char action, const fly_vec_value *new_values, fly_err *err)
{
    bool skipped;
    bool removes = action == 'c' && new_values == NULL;
    fly_status status = fly__sql_change_lock(change->session, table, f->row_key, f->values,
                                             removes ? FLY_LOCK_EXCLUSIVE : FLY_LOCK_EXCLUSIVE_WEAK,
                                             FLY_LOCK_WAIT, err);
    if (status == FLY_E_NOT_FOUND || status == FLY_E_AGAIN) {
        return FLY_OK; /* somebody else was quicker, and does not refer to the row any more */
    }
    if (status != FLY_OK) {
        return status;
    }
    if (removes) {
        return fly__sql_change_delete(change, table, f->row_key, f->values, &skipped, err);
    }
    return set_columns(change, referred, table, key, f, action, new_values, err);
}

/* Whether somebody has put a row with the same key back: then nothing is amiss. */
static fly_status is_back(fly__sql_change *change, const fly__sql_table *referred,
                          const fly__sql_constraint *key, const fly_vec_value *values, bool *back,
                          fly_err *err)
{
    const fly__sql_index *index = index_named(referred, key->index);
    const fly__sql_source *source = fly__sql_source_of(change->session, referred);
    fly_bytes row_key;
    *back = false;
    if (index == NULL) {
        return FLY_OK;
    }
    fly_status status = source->conflict(source, change->session->txn, referred, index, values,
                                         FLY_LOCK_SHARED_WEAK, &change->arena, &row_key, err);
    *back = status == FLY_OK;
    return status == FLY_E_NOT_FOUND ? FLY_OK : status;
}

/* After SET DEFAULT: a default that is the very key that has gone changes no row, so that nobody has
 * looked whether it refers to anything. */
static fly_status check_defaults(fly__sql_change *change, const fly__sql_table *referred,
                                 const fly__sql_table *table, const fly__sql_constraint *key,
                                 const fly_vec_value *old_values, fly_err *err)
{
    fly_vec_value *wanted;
    found left = {0};
    bool back = false;
    fly_status status = wanted_values(change, referred, table, key, old_values, &wanted, err);
    if (status == FLY_OK) {
        status = find_referring(change, table, key, wanted, &left, err);
    }
    if (status == FLY_OK && left.next != NULL) {
        status = is_back(change, referred, key, old_values, &back, err);
    }
    return status != FLY_OK || left.next == NULL || back
               ? status
               : still_referenced(change, referred, table, key, old_values, err);
}

static fly_status act(fly__sql_change *change, const fly__sql_table *referred,
                      const fly__sql_constraint *key, const fly_vec_value *old_values,
                      const fly_vec_value *new_values, fly_err *err)
{
    const fly__sql_table *table = fly__sql_table_of(change->session->view, key->table);
    bool null = false, back = false;
    for (uint16_t i = 0; i < key->count; i++) {
        null |= old_values[key->foreign_columns[i] - 1].null;
    }
    if (table == NULL || null ||
        (new_values != NULL && same_key(change->session, referred, key->foreign_columns, key->count,
                                        old_values, new_values))) {
        return FLY_OK;
    }
    char action = new_values == NULL ? key->on_delete : key->on_update;
    fly_vec_value *wanted;
    found list = {0};
    fly_status status = wanted_values(change, referred, table, key, old_values, &wanted, err);
    if (status == FLY_OK) {
        status = find_referring(change, table, key, wanted, &list, err);
    }
    if (status != FLY_OK || list.next == NULL) {
        return status;
    }
    if (action == 'a' || action == 'r' || action == 0) {
        status = action == 'r' ? FLY_OK : is_back(change, referred, key, old_values, &back, err);
        return status != FLY_OK || back
                   ? status
                   : still_referenced(change, referred, table, key, old_values, err);
    }
    for (const found *f = list.next; status == FLY_OK && f != NULL; f = f->next) {
        status = act_on(change, referred, table, key, f, action, new_values, err);
    }
    return status == FLY_OK && action == 'd'
               ? check_defaults(change, referred, table, key, old_values, err)
               : status;
}

fly_status fly__sql_foreign_act(fly__sql_change *change, const fly__sql_table *referred,
                                const fly__sql_constraint *key, const fly_vec_value *old_values,
                                const fly_vec_value *new_values, fly_err *err)
{
    char action = new_values == NULL ? key->on_delete : key->on_update;
    if ((action == 'a' || action == 0) && waits(change->session, key)) {
        return defer(change, referred, key, true, old_values, new_values, err);
    }
    return act(change, referred, key, old_values, new_values, err);
}

/* ----------------------------------------------------------------------------- deferred */

/*
 * Deferrable keys wait until the commit. A row that referred to nothing then is only wrong if it, or one
 * like it, is still there; a row that was referred to when it went is looked at as if it went now.
 */
static const fly__sql_constraint *key_named(const fly__sql_table *table, bool referred,
                                            uint32_t oid)
{
    uint16_t count = referred ? table->referrer_count : table->constraint_count;
    for (uint16_t i = 0; i < count; i++) {
        const fly__sql_constraint *key = referred ? table->referrers[i] : table->constraints[i];
        if (key->oid == oid) {
            return key;
        }
    }
    return NULL;
}

static fly_status check_one(fly__sql_change *change, const fly__sql_event *e, fly_err *err)
{
    const fly__sql_table *table = fly__sql_table_of(change->session->view, e->table_oid);
    const fly__sql_constraint *key = table != NULL ? key_named(table, e->referred, e->key_oid)
                                                   : NULL;
    if (key == NULL) {
        return FLY_OK; /* dropped since */
    }
    if (e->referred) {
        return act(change, table, key, e->old_values, e->new_values, err);
    }
    found list = {0};
    fly_status status = find_referring(change, table, key, e->new_values, &list, err);
    return status == FLY_OK && list.next != NULL ? look_up(change, table, key, e->new_values, err)
                                                 : status;
}

fly_status fly__sql_deferred_check(fly_sql_session *session, fly_err *err)
{
    fly__sql_change *deferred = session->deferred;
    fly_status status = FLY_OK;
    if (deferred == NULL || deferred->first == NULL) {
        return FLY_OK;
    }
    fly__sql_change change;
    fly__sql_change_init(&change, session);
    for (const fly__sql_event *e = deferred->first; status == FLY_OK && e != NULL; e = e->next) {
        fly_arena_reset(&change.arena);
        status = check_one(&change, e, err);
    }
    fly__sql_change_deinit(&change);
    fly__sql_change_reset(deferred);
    return status;
}

void fly__sql_deferred_forget(fly_sql_session *session)
{
    fly__sql_change *deferred = session->deferred;
    if (deferred == NULL) {
        return;
    }
    fly__sql_change_deinit(deferred);
    fly_mem_free(&session->account.mem, deferred, sizeof *deferred);
    session->deferred = NULL;
}
