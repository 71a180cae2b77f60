/*
 * Variables: holding values, casting what is assigned, records.
 *
 * A variable owns its bytes and uses them again, so a loop that assigns takes memory only while values
 * grow. Numerics are held in libvec's format, whatever shape an expression gave them.
 */
#include "exec/op_int.h"
#include "pl/run_int.h"
#include "types/row_int.h"

#include <stdio.h>
#include <string.h>

enum { CASTS_MAX = 64 };

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a variable");
}

static bool is_string(fly_sql_type type)
{
    return fly__sql_type_physical(type) == FLY_VEC_STR;
}

fly_status fly__sql_pl_plain(fly_sql_type *type, const fly_vec_value *value, fly_arena *arena,
                             fly_vec_value *result, fly_err *err)
{
    *result = *value;
    if (type->oid != FLY_SQL_NUMERIC || type->digits == 0) {
        return FLY_OK;
    }
    fly_sql_type to = *type;
    to.digits = 0;
    to.scale = 0;
    fly_status status = FLY_OK;
    if (!value->null) {
        status = fly__sql_numeric_reshape(*type, to, value, arena, result, err);
    }
    *type = to;
    return status;
}

/* ---------------------------------------------------------------------------- casts */

static void cast_free(fly_sql_session *session, fly__sql_pl_cast *cast)
{
    fly__sql_eval_destroy(cast->eval);
    fly_arena_deinit(&cast->arena);
    fly__sql_view_release(cast->view);
    fly_mem_free(&session->account.mem, cast, sizeof *cast);
}

void fly__sql_pl_casts_forget(fly_sql_session *session)
{
    while (session->pl->casts != NULL) {
        fly__sql_pl_cast *cast = session->pl->casts;
        session->pl->casts = cast->link;
        cast_free(session, cast);
    }
    session->pl->cast_count = 0;
}

/* Bind $1, of one type, as it is assigned to the other. What SQL would refuse goes by text. */
static fly_status cast_make(fly_sql_session *session, fly__sql_pl_cast *cast, fly_err *err)
{
    static const fly_ast_param param = {.node = {.kind = FLY_AST_PARAM}, .number = 1};
    fly_sql_type *from = fly_arena_copy(&cast->arena, &cast->from, sizeof cast->from);
    fly__sql_expr *expr = NULL;
    fly_err ignored = {0};
    if (from == NULL) {
        return no_memory(err);
    }
    fly__sql_bind_context context = {.session = session,
                                     .view = cast->view,
                                     .arena = &cast->arena,
                                     .param_count = 1,
                                     .params = from};
    fly_status status =
        fly__sql_bind_expr(&context, &param.node, NULL, NULL, cast->to, &expr, &ignored);
    if (status == FLY_E_INVALID || status == FLY_E_UNSUPPORTED) {
        return FLY_OK;
    }
    if (status != FLY_OK) {
        return fly_err_set(err, status, "%s", ignored.message);
    }
    cast->result = expr->type;
    return fly__sql_eval_create(session, expr, NULL, NULL, 0, &cast->arena, &cast->eval, err);
}

static fly_status cast_get(fly_sql_session *session, fly_sql_type from, fly_sql_type to,
                           fly__sql_pl_cast **found, fly_err *err)
{
    uint64_t version = fly__sql_catalog_version(session->view);
    for (fly__sql_pl_cast *at = session->pl->casts; at != NULL; at = at->link) {
        if (at->from.oid == from.oid && at->to.oid == to.oid && at->to.mod == to.mod &&
            at->from.digits == from.digits && at->version == version) {
            *found = at;
            return FLY_OK;
        }
    }
    if (session->pl->cast_count >= CASTS_MAX) {
        fly__sql_pl_casts_forget(session);
    }
    fly__sql_pl_cast *cast = fly_mem_calloc(&session->account.mem, 1, sizeof *cast);
    if (cast == NULL) {
        return no_memory(err);
    }
    fly_arena_init(&cast->arena, &session->account.mem, 512);
    cast->from = from;
    cast->to = to;
    cast->version = version;
    cast->view = fly__sql_view_keep(session->view);
    fly_status status = cast_make(session, cast, err);
    if (status != FLY_OK) {
        cast_free(session, cast);
        return status;
    }
    cast->link = session->pl->casts;
    session->pl->casts = cast;
    session->pl->cast_count++;
    *found = cast;
    return FLY_OK;
}

static fly_status by_text(fly_sql_session *session, fly_sql_type from, fly_sql_type to,
                          const fly_vec_value *value, fly_arena *arena, fly_vec_value *result,
                          fly_err *err)
{
    fly_bytes text = {0};
    fly_status status = fly__sql_value_out(session, from, value, arena, &text, err);
    if (status == FLY_OK) {
        status = fly__sql_value_in(session, to, text, arena, result, err);
    }
    if (status == FLY_OK && to.mod >= 0 && !result->null) {
        status = fly__sql_value_fit(to, false, result, arena, err);
    }
    return status;
}

/* `to` is plain; `from` need not be. */
fly_status fly__sql_pl_cast_value(fly_sql_session *session, fly_sql_type from, fly_sql_type to,
                                  const fly_vec_value *value, fly_arena *arena,
                                  fly_vec_value *result, fly_err *err)
{
    fly_vec_value plain;
    fly_status status = fly__sql_pl_plain(&from, value, arena, &plain, err);
    if (status != FLY_OK) {
        return status;
    }
    memset(result, 0, sizeof *result);
    if (plain.null) {
        result->null = true;
        return FLY_OK;
    }
    bool same = from.oid == to.oid;
    if (same && (to.mod < 0 || to.mod == from.mod || to.oid >= FLY__SQL_OID_FIRST)) {
        *result = plain;
        return FLY_OK;
    }
    fly__sql_pl_cast *cast = NULL;
    status = cast_get(session, from, to, &cast, err);
    if (status != FLY_OK) {
        return status;
    }
    if (cast->eval == NULL) {
        return by_text(session, from, to, &plain, arena, result, err);
    }
    fly_vec_value cooked;
    fly_sql_type type = cast->result;
    memset(&cooked, 0, sizeof cooked);
    status = fly__sql_eval_run(cast->eval, NULL, &plain, arena, &cooked, err);
    return status == FLY_OK ? fly__sql_pl_plain(&type, &cooked, arena, result, err) : status;
}

/* ---------------------------------------------------------------------------- cells */

fly_status fly__sql_pl_cell_set(fly_sql_session *session, fly__sql_pl_cell *cell,
                                const fly_vec_value *value, fly_err *err)
{
    if (value->null || !is_string(cell->type) || value->str.len <= FLY_VEC_STR_INLINE) {
        cell->value = *value;
        return FLY_OK;
    }
    size_t len = value->str.len;
    const char *data = fly_vec_str_data(&value->str);
    if (len > cell->room) {
        size_t wanted = len + len / 2;
        char *own = fly_mem_alloc(&session->account.mem, wanted);
        if (own == NULL) {
            return no_memory(err);
        }
        memcpy(own, data, len);
        fly_mem_free(&session->account.mem, cell->own, cell->room);
        cell->own = own;
        cell->room = wanted;
    } else {
        memmove(cell->own, data, len);
    }
    cell->value.null = false;
    cell->value.str = fly_vec_str_of(cell->own, len);
    return FLY_OK;
}

static void cell_release(fly_sql_session *session, fly__sql_pl_cell *cell)
{
    fly_mem_free(&session->account.mem, cell->own, cell->room);
    cell->own = NULL;
    cell->room = 0;
    memset(&cell->value, 0, sizeof cell->value);
    cell->value.null = true;
}

/* -------------------------------------------------------------------------- records */

void fly__sql_pl_var_release(fly_sql_session *session, fly__sql_pl_var *var)
{
    cell_release(session, &var->cell);
    for (uint32_t i = 0; i < var->room; i++) {
        cell_release(session, &var->fields[i]);
    }
    fly_mem_free(&session->account.mem, var->fields, var->room * sizeof *var->fields);
    fly_mem_free(&session->account.mem, var->names, var->room * sizeof *var->names);
    var->fields = NULL;
    var->names = NULL;
    var->room = 0;
    var->count = 0;
    var->shaped = false;
}

fly_status fly__sql_pl_record_shape(fly_sql_session *session, fly__sql_pl_var *var, uint32_t count,
                                    const char *const *names, const fly_sql_type *types,
                                    fly_err *err)
{
    if (count > var->room) {
        fly_mem *mem = &session->account.mem;
        fly_sql_type type = var->cell.type;
        fly__sql_pl_cell *fields = fly_mem_calloc(mem, count, sizeof *fields);
        char(*own)[FLY__SQL_NAME_MAX + 1] = fly_mem_calloc(mem, count, sizeof *own);
        if (fields == NULL || own == NULL) {
            fly_mem_free(mem, fields, count * sizeof *fields);
            fly_mem_free(mem, own, count * sizeof *own);
            return no_memory(err);
        }
        fly__sql_pl_var_release(session, var);
        var->cell.type = type;
        var->fields = fields;
        var->names = own;
        var->room = count;
    }
    var->count = count;
    for (uint32_t i = 0; i < count; i++) {
        fly__sql_pl_cell *field = &var->fields[i];
        size_t len = strlen(names[i]);
        len = len > FLY__SQL_NAME_MAX ? FLY__SQL_NAME_MAX : len;
        memcpy(var->names[i], names[i], len);
        var->names[i][len] = '\0';
        field->type = types[i];
        if (field->type.oid == FLY_SQL_NUMERIC) {
            field->type.digits = 0;
            field->type.scale = 0;
        }
        memset(&field->value, 0, sizeof field->value);
        field->value.null = true;
    }
    var->shaped = true;
    var->null = true;
    return FLY_OK;
}

fly_status fly__sql_pl_record_shape_table(fly_sql_session *session, fly__sql_pl_var *var,
                                          const fly__sql_table *table, fly_err *err)
{
    const char *names[FLY__SQL_COLUMNS_MAX];
    fly_sql_type types[FLY__SQL_COLUMNS_MAX];
    uint32_t count = 0;
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (!table->columns[i].dropped) {
            names[count] = table->columns[i].name;
            types[count++] = table->columns[i].type;
        }
    }
    return fly__sql_pl_record_shape(session, var, count, names, types, err);
}

fly__sql_pl_cell *fly__sql_pl_field(fly__sql_pl_var *var, const char *name)
{
    for (uint32_t i = 0; var->shaped && i < var->count; i++) {
        if (strcmp(var->names[i], name) == 0) {
            return &var->fields[i];
        }
    }
    return NULL;
}

fly_status fly__sql_pl_record_value(const fly__sql_pl_var *var, fly_arena *arena,
                                    fly_vec_value *value, fly_err *err)
{
    memset(value, 0, sizeof *value);
    if (!var->shaped || var->null) {
        value->null = true;
        return FLY_OK;
    }
    fly_vec_value *values = fly__sql_values_alloc(arena, var->count + 1);
    fly_sql_type *types = fly_arena_alloc(arena, (var->count + 1) * sizeof *types);
    if (values == NULL || types == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < var->count; i++) {
        values[i] = var->fields[i].value;
        types[i] = var->fields[i].type;
    }
    return fly__sql_record_make(var->cell.type.oid, var->count, types, values, arena, &value->str,
                                err);
}

fly_status fly__sql_pl_record_fill(fly_sql_session *session, fly__sql_pl_var *var, uint32_t count,
                                   const fly_sql_type *types, const fly_vec_value *values,
                                   fly_arena *arena, fly_err *err)
{
    static const fly_vec_value null = {.null = true};
    fly_status status = FLY_OK;
    for (uint32_t i = 0; status == FLY_OK && i < var->count; i++) {
        fly_vec_value cooked = null;
        if (i < count) {
            status = fly__sql_pl_cast_value(session, types[i], var->fields[i].type, &values[i],
                                            arena, &cooked, err);
        }
        if (status == FLY_OK) {
            status = fly__sql_pl_cell_set(session, &var->fields[i], &cooked, err);
        }
    }
    var->null = false;
    return status;
}

fly_status fly__sql_pl_record_split(const fly_vec_value *value, fly_arena *arena, uint32_t *count,
                                    fly_sql_type **types, fly_vec_value **values, fly_err *err)
{
    fly__sql_record record;
    fly_vec_str *own = fly_arena_copy(arena, &value->str, sizeof value->str);
    fly_status status = own == NULL ? no_memory(err) : fly__sql_record_open(own, &record, err);
    if (status != FLY_OK) {
        return status;
    }
    *count = record.count;
    *types = fly_arena_alloc(arena, (record.count + 1) * sizeof **types);
    *values = fly__sql_values_alloc(arena, record.count + 1);
    if (*types == NULL || *values == NULL) {
        return no_memory(err);
    }
    uint32_t index = 0;
    size_t at = 0;
    for (uint32_t i = 0; i < record.count; i++) {
        memset(&(*values)[i], 0, sizeof **values);
        if (!fly__sql_record_next(&record, &index, &at, &(*types)[i], &(*values)[i])) {
            return fly_err_set(err, FLY_E_CORRUPT, "a row ends early");
        }
    }
    return FLY_OK;
}

/* ------------------------------------------------------------------------ assigning */

static fly_status assign_record(fly__sql_pl_run *run, fly__sql_pl_var *var,
                                const fly__sql_pl_datum *datum, const fly_vec_value *value,
                                fly_sql_type type, fly_err *err)
{
    uint32_t count = 0;
    fly_sql_type *types = NULL;
    fly_vec_value *values = NULL;
    fly_status status = FLY_OK;
    if (value->null) {
        if (datum->table != NULL) {
            return fly__sql_pl_record_shape_table(run->session, var, datum->table, err);
        }
        var->null = true;
        return FLY_OK;
    }
    const fly__sql_table *from = fly__sql_pl_composite(run->session->view, type.oid);
    if (type.oid != FLY_SQL_RECORD && from == NULL) {
        return fly_err_state(err, "42804", 0,
                             "cannot assign non-composite value to a record "
                             "variable");
    }
    status = fly__sql_pl_record_split(value, &run->scratch, &count, &types, &values, err);
    if (status == FLY_OK && datum->table == NULL) {
        if (from != NULL) {
            status = fly__sql_pl_record_shape_table(run->session, var, from, err);
            var->cell.type = type;
        } else {
            const char *names[FLY__SQL_FIELDS_MAX];
            char(*own)[12] = fly_arena_alloc(&run->scratch, (count + 1) * sizeof *own);
            for (uint32_t i = 0; own != NULL && i < count && i < FLY__SQL_FIELDS_MAX; i++) {
                (void)snprintf(own[i], sizeof own[i], "f%u", (unsigned)(i + 1));
                names[i] = own[i];
            }
            status = own == NULL
                         ? no_memory(err)
                         : fly__sql_pl_record_shape(run->session, var, count, names, types, err);
            var->cell.type = fly__sql_type(FLY_SQL_RECORD);
        }
    }
    return status == FLY_OK ? fly__sql_pl_record_fill(run->session, var, count, types, values,
                                                      &run->scratch, err)
                            : status;
}

fly_status fly__sql_pl_assign(fly__sql_pl_run *run, uint32_t number, const char *field,
                              const fly_vec_value *value, fly_sql_type type, fly_err *err)
{
    const fly__sql_pl_datum *datum = &run->code->data[number];
    fly__sql_pl_var *var = &run->instance->vars[number];
    fly__sql_pl_cell *cell = &var->cell;
    fly_vec_value cooked;
    if (datum->record && field == NULL) {
        if (datum->not_null && value->null) {
            return fly_err_state(err, "22004", 0,
                                 "null value cannot be assigned to variable \"%s\" declared NOT "
                                 "NULL",
                                 datum->name);
        }
        return assign_record(run, var, datum, value, type, err);
    }
    if (field != NULL) {
        if (!var->shaped) {
            fly_status status =
                fly_err_state(err, "55000", 0, "record \"%s\" is not assigned yet", datum->name);
            fly_err_detail(err, "The tuple structure of a not-yet-assigned record is "
                                "indeterminate.");
            return status;
        }
        cell = fly__sql_pl_field(var, field);
        if (cell == NULL) {
            return fly_err_state(err, "42703", 0, "record \"%s\" has no field \"%s\"", datum->name,
                                 field);
        }
    }
    fly_status status =
        fly__sql_pl_cast_value(run->session, type, cell->type, value, &run->scratch, &cooked, err);
    if (status == FLY_OK && cooked.null && datum->not_null && field == NULL) {
        return fly_err_state(err, "22004", 0,
                             "null value cannot be assigned to variable \"%s\" declared NOT NULL",
                             datum->name);
    }
    if (status == FLY_OK) {
        status = fly__sql_pl_cell_set(run->session, cell, &cooked, err);
        var->null = field == NULL && var->null;
    }
    return status;
}
