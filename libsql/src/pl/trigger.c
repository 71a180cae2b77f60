/*
 * Triggers: their conditions, and their functions with NEW, OLD and what they know about themselves.
 */
#include "exec/change_int.h"
#include "exec/op_int.h"
#include "pl/call_int.h"
#include "types/array_int.h"

#include <string.h>

fly_status fly__sql_pl_shape_as(fly_sql_type from, fly_sql_type to, const fly_vec_value *value,
                                fly_arena *arena, fly_vec_value *result, fly_err *err)
{
    *result = *value;
    if (value->null || from.oid != FLY_SQL_NUMERIC || to.oid != FLY_SQL_NUMERIC ||
        (from.digits == to.digits && from.scale == to.scale)) {
        return FLY_OK;
    }
    return fly__sql_numeric_reshape(from, to, value, arena, result, err);
}

/* ------------------------------------------------------------------------ variables */

static fly_status set_record(fly__sql_pl_run *run, uint32_t datum, const fly__sql_table *table,
                             const fly_vec_value *values, fly_err *err)
{
    fly__sql_pl_var *var = &run->instance->vars[datum];
    if (values == NULL) {
        return FLY_OK; /* NULL fields, as instance_reset() made it */
    }
    fly_status status = FLY_OK;
    uint32_t at = 0;
    for (uint16_t i = 0; status == FLY_OK && i < table->column_count; i++) {
        if (table->columns[i].dropped) {
            continue;
        }
        fly_sql_type type = table->columns[i].type;
        fly_vec_value plain;
        status = fly__sql_pl_plain(&type, &values[i], &run->scratch, &plain, err);
        if (status == FLY_OK) {
            status = fly__sql_pl_cell_set(run->session, &var->fields[at++], &plain, err);
        }
    }
    var->null = false;
    return status;
}

static fly_status set_text(fly__sql_pl_run *run, uint32_t special, const char *text, fly_err *err)
{
    fly_vec_value value = {.null = text == NULL};
    if (text != NULL) {
        value.str = fly_vec_str_of(text, strlen(text));
    }
    return fly__sql_pl_cell_set(
        run->session, &run->instance->vars[run->code->first_special + special].cell, &value, err);
}

static void set_int(fly__sql_pl_run *run, uint32_t special, uint32_t number)
{
    fly_vec_value value = {.null = false};
    value.i32 = (int32_t)number;
    run->instance->vars[run->code->first_special + special].cell.value = value;
}

/* TG_ARGV counts from 0. */
static fly_status set_args(fly__sql_pl_run *run, const fly__sql_trigger *trigger, fly_err *err)
{
    fly__sql_array_builder builder;
    fly_vec_value array = {.null = false};
    uint32_t length = trigger->argc;
    int32_t lower = 0;
    fly_status status = FLY_OK;
    fly__sql_array_begin(&builder, fly__sql_type(FLY_SQL_TEXT), &run->scratch);
    for (uint16_t i = 0; status == FLY_OK && i < trigger->argc; i++) {
        fly_vec_value one = {.null = false};
        one.str = fly_vec_str_of(trigger->args[i], strlen(trigger->args[i]));
        status = fly__sql_array_add(&builder, &one, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_array_end_shaped(&builder, length > 0 ? 1 : 0, &length, &lower,
                                           &array.str, err);
    }
    return status == FLY_OK
               ? fly__sql_pl_cell_set(
                     run->session,
                     &run->instance->vars[run->code->first_special + FLY__SQL_PL_TG_ARGV].cell,
                     &array, err)
               : status;
}

static fly_status set_specials(fly__sql_pl_run *run, const fly__sql_firing *firing, fly_err *err)
{
    const fly__sql_trigger *trigger = firing->trigger;
    const fly__sql_table *table = firing->table;
    const fly__sql_schema *schema = fly__sql_schema_of(run->session->view, table->schema);
    const char *texts[FLY__SQL_PL_SPECIALS] = {
        [FLY__SQL_PL_TG_NAME] = trigger->name,
        [FLY__SQL_PL_TG_WHEN] = trigger->when == 'b'   ? "BEFORE"
                                : trigger->when == 'a' ? "AFTER"
                                                       : "INSTEAD OF",
        [FLY__SQL_PL_TG_LEVEL] = trigger->row ? "ROW" : "STATEMENT",
        [FLY__SQL_PL_TG_OP] = firing->event == FLY__SQL_ON_INSERT   ? "INSERT"
                              : firing->event == FLY__SQL_ON_UPDATE ? "UPDATE"
                              : firing->event == FLY__SQL_ON_DELETE ? "DELETE"
                                                                    : "TRUNCATE",
        [FLY__SQL_PL_TG_RELNAME] = table->name,
        [FLY__SQL_PL_TG_TABLE_NAME] = table->name,
        [FLY__SQL_PL_TG_TABLE_SCHEMA] = schema == NULL ? NULL : schema->name};
    uint32_t first = run->code->first_special;
    fly_status status =
        set_record(run, first + FLY__SQL_PL_NEW, firing->table, firing->new_values, err);
    if (status == FLY_OK) {
        status = set_record(run, first + FLY__SQL_PL_OLD, firing->table, firing->old_values, err);
    }
    for (uint32_t i = FLY__SQL_PL_TG_NAME; status == FLY_OK && i < FLY__SQL_PL_TG_NARGS; i++) {
        if (i != FLY__SQL_PL_TG_RELID) {
            status = set_text(run, i, texts[i], err);
        }
    }
    set_int(run, FLY__SQL_PL_TG_RELID, table->oid);
    set_int(run, FLY__SQL_PL_TG_NARGS, trigger->argc);
    return status == FLY_OK ? set_args(run, trigger, err) : status;
}

/* ----------------------------------------------------------------- transition tables */

typedef struct changes {
    const fly__sql_firing *firing;
    const fly__sql_event *at;
} changes;

static fly_status changes_open(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    changes *c = state;
    (void)args;
    c->firing = call->session->pl == NULL ? NULL : call->session->pl->firing;
    if (c->firing == NULL) {
        return fly_err_state(call->err, "55000", call->pos, "no trigger is being run");
    }
    c->at = c->firing->events;
    return FLY_OK;
}

static fly_status changes_next(fly__sql_call *call, void *state, fly_vec_value *row)
{
    changes *c = state;
    const fly__sql_table *table = c->firing->table;
    while (c->at != NULL && (c->at->table == NULL || c->at->table->oid != table->oid ||
                             c->at->event != c->firing->event)) {
        c->at = c->at->next;
    }
    if (c->at == NULL) {
        return FLY_E_END;
    }
    const fly_vec_value *values = call->func == &fly__sql_pl_new_table ? c->at->new_values
                                                                       : c->at->old_values;
    uint32_t to = 0;
    for (uint16_t i = 0; i < table->column_count && to < call->column_count; i++) {
        if (!table->columns[i].dropped) {
            memset(&row[to], 0, sizeof row[to]);
            row[to].null = true;
            if (values != NULL) {
                row[to] = values[i];
            }
            to++;
        }
    }
    c->at = c->at->next;
    return FLY_OK;
}

static const fly__sql_set_function changes_set = {
    .state_size = sizeof(changes), .open = changes_open, .next = changes_next};

const fly__sql_func fly__sql_pl_new_table = {.name = "new_table",
                                             .kind = FLY__SQL_SET,
                                             .volatility = FLY__SQL_STABLE,
                                             .result = FLY_SQL_RECORD,
                                             .set = &changes_set};

const fly__sql_func fly__sql_pl_old_table = {.name = "old_table",
                                             .kind = FLY__SQL_SET,
                                             .volatility = FLY__SQL_STABLE,
                                             .result = FLY_SQL_RECORD,
                                             .set = &changes_set};

/* -------------------------------------------------------------------------- firing */

/* The returned row as the new one. */
static fly_status take_row(fly__sql_pl_run *run, fly__sql_firing *firing, fly_err *err)
{
    const fly__sql_table *table = firing->table;
    uint32_t count = 0;
    uint32_t at = 0;
    fly_sql_type *types = NULL;
    fly_vec_value *values = NULL;
    fly_status status =
        fly__sql_pl_record_split(&run->result, &run->scratch, &count, &types, &values, err);
    for (uint16_t i = 0; status == FLY_OK && i < table->column_count; i++) {
        const fly__sql_column *column = &table->columns[i];
        if (column->dropped) {
            continue;
        }
        if (at >= count) {
            return fly_err_state(err, "42804", 0,
                                 "returned row structure does not match the structure of the "
                                 "triggering table");
        }
        fly_sql_type plain = column->type;
        if (plain.oid == FLY_SQL_NUMERIC) {
            plain.digits = 0;
            plain.scale = 0;
        }
        fly_vec_value cooked;
        fly_vec_value shaped;
        status = fly__sql_pl_cast_value(run->session, types[at], plain, &values[at], &run->scratch,
                                        &cooked, err);
        if (status == FLY_OK) {
            status =
                fly__sql_pl_shape_as(plain, column->type, &cooked, &run->scratch, &shaped, err);
        }
        if (status == FLY_OK) {
            status = fly__sql_value_copy(fly__sql_type_physical(column->type), &shaped,
                                         firing->arena, &firing->new_values[i], err);
        }
        at++;
    }
    return status;
}

static fly_status finish(fly__sql_pl_run *run, fly__sql_firing *firing, fly_err *err)
{
    const fly__sql_trigger *trigger = firing->trigger;
    if (run->flow != FLY__SQL_PL_DONE) {
        return fly_err_state(err, "2F005", 0,
                             "control reached end of trigger procedure without RETURN");
    }
    if (!trigger->row || trigger->when == 'a') {
        return FLY_OK;
    }
    if (run->result.null || run->result_type.oid == 0) {
        firing->skip = true;
        return FLY_OK;
    }
    if (run->result_type.oid != FLY_SQL_RECORD &&
        fly__sql_pl_composite(run->session->view, run->result_type.oid) == NULL) {
        return fly_err_state(err, "42804", 0,
                             "cannot return non-composite value from function returning composite "
                             "type");
    }
    return firing->new_values == NULL ? FLY_OK : take_row(run, firing, err);
}

static fly_status fire_code(fly_sql_session *session, fly__sql_firing *firing,
                            fly__sql_pl_code *code, fly_err *err)
{
    fly__sql_pl_run run;
    bool wanted = true;
    fly_arena arena;
    fly_arena_init(&arena, &session->account.mem, 512);
    fly_status status = fly__sql_pl_begin(&run, session, code, &arena, err);
    if (status == FLY_OK) {
        status = set_specials(&run, firing, err);
    }
    if (status == FLY_OK && code->when != NULL) {
        status = fly__sql_pl_eval_bool(&run, code->when, &wanted, err);
    }
    if (status == FLY_OK && wanted) {
        status = fly__sql_pl_go(&run, NULL, err);
        if (status == FLY_OK) {
            status = finish(&run, firing, err);
        }
    }
    fly__sql_pl_end(&run);
    fly_arena_deinit(&arena);
    return status;
}

/* The table and the trigger as the session sees them now: code is kept with these. */
static fly_status find_now(fly_sql_session *session, const fly__sql_firing *firing,
                           const fly__sql_table **table, const fly__sql_trigger **trigger,
                           fly_err *err)
{
    *table = fly__sql_table_of(session->view, firing->table->oid);
    *trigger = NULL;
    for (uint16_t i = 0; *table != NULL && i < (*table)->trigger_count; i++) {
        if ((*table)->triggers[i]->oid == firing->trigger->oid) {
            *trigger = (*table)->triggers[i];
        }
    }
    if (*trigger == NULL || (*table)->column_count != firing->table->column_count) {
        return fly_err_state(err, "55006", 0, "table \"%s\" was changed while it was being used",
                             firing->table->name);
    }
    return FLY_OK;
}

static fly_status fire(void *ctx, fly_sql_session *session, fly__sql_firing *firing, fly_err *err)
{
    (void)ctx;
    const fly__sql_user_function *function =
        fly__sql_user_function_of(session->view, firing->trigger->function);
    const char *role = fly__sql_setting(session, "session_replication_role");
    fly_sql_type none = {0};
    fly__sql_pl_code *code = NULL;
    fly_err own = {0};
    if (role != NULL && strcmp(role, "replica") == 0) {
        return FLY_OK;
    }
    if (function == NULL) {
        return fly_err_state(err, "42883", 0, "the function of trigger \"%s\" does not exist",
                             firing->trigger->name);
    }
    const fly__sql_table *table = NULL;
    const fly__sql_trigger *trigger = NULL;
    fly_status status = find_now(session, firing, &table, &trigger, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly__sql_pl_enter(session, &own);
    if (status == FLY_OK) {
        status = fly__sql_pl_code_get(session, function, function->body, 0, &none, function->result,
                                      table, trigger, &code, &own);
        if (status == FLY_OK) {
            const fly__sql_firing *outer = session->pl->firing;
            session->pl->firing = firing;
            status = fire_code(session, firing, code, &own);
            session->pl->firing = outer;
        }
        fly__sql_pl_leave(session);
    }
    if (status != FLY_OK && err != NULL) {
        own.position = 0;
        own.status = status;
        *err = own;
    }
    return status;
}

const fly__sql_trigger_hooks fly__sql_pl_triggers = {.fire = fire};
