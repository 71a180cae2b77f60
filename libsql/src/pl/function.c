/*
 * Functions: their code, compiled once for a session, and calling them.
 *
 * Code is kept by function, types of arguments and trigger, and is good for one version of the catalog.
 * Each activation has an instance of it, with variables and plans; those that are done wait for the next
 * call, so that only recursion makes more than one.
 *
 * A body in SQL is a list of statements whose last one gives the result; a body in PL/pgSQL is run.
 */
#include "exec/op_int.h"
#include "pl/call_int.h"
#include "session/statement_kind_int.h"
#include "session/user_int.h"
#include "types/row_int.h"

#include <stdio.h>
#include <string.h>

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a function");
}

/* ------------------------------------------------------------------------- the session's */

static fly_status state_make(fly_sql_session *session, fly_err *err)
{
    if (session->pl == NULL) {
        session->pl = fly_mem_calloc(&session->account.mem, 1, sizeof *session->pl);
    }
    return session->pl == NULL ? no_memory(err) : FLY_OK;
}

fly_status fly__sql_pl_enter(fly_sql_session *session, fly_err *err)
{
    fly_status status = state_make(session, err);
    if (status == FLY_OK) {
        status = fly__sql_check_cancel(session, err);
    }
    if (status == FLY_OK && session->pl->depth >= FLY__SQL_PL_DEPTH_MAX) {
        status = fly_err_state(err, "54001", 0, "stack depth limit exceeded");
        fly_err_hint(err, "Functions may call each other up to %d levels deep.",
                     (int)FLY__SQL_PL_DEPTH_MAX);
    }
    if (status == FLY_OK) {
        session->pl->depth++;
    }
    return status;
}

void fly__sql_pl_leave(fly_sql_session *session)
{
    session->pl->depth--;
}

static void instance_free(fly__sql_pl_instance *instance)
{
    fly_mem *mem = &instance->session->account.mem;
    const fly__sql_pl_code *code = instance->code;
    for (uint32_t i = 0; instance->bound != NULL && i < code->expr_count; i++) {
        fly__sql_pl_unbind(&instance->bound[i]);
    }
    for (uint32_t i = 0; instance->vars != NULL && i < code->datum_count; i++) {
        fly__sql_pl_var_release(instance->session, &instance->vars[i]);
    }
    if (instance->bound != NULL) {
        fly_mem_free(mem, instance->bound, code->expr_count * sizeof *instance->bound);
    }
    if (instance->vars != NULL) {
        fly_mem_free(mem, instance->vars, code->datum_count * sizeof *instance->vars);
    }
    fly_mem_free(mem, instance, sizeof *instance);
}

void fly__sql_pl_code_release(fly_sql_session *session, fly__sql_pl_code *code)
{
    if (code == NULL || --code->uses > 0) {
        return;
    }
    while (code->idle != NULL) {
        fly__sql_pl_instance *instance = code->idle;
        code->idle = instance->link;
        instance_free(instance);
    }
    fly__sql_view_release(code->view);
    fly_arena_deinit(&code->arena);
    fly_mem_free(&session->account.mem, code, sizeof *code);
}

void fly__sql_pl_forget(fly_sql_session *session)
{
    if (session->pl == NULL) {
        return;
    }
    while (session->pl->codes != NULL) {
        fly__sql_pl_code *code = session->pl->codes;
        session->pl->codes = code->link;
        fly__sql_pl_code_release(session, code);
    }
    fly__sql_pl_casts_forget(session);
    fly_mem_free(&session->account.mem, session->pl, sizeof *session->pl);
    session->pl = NULL;
}

/* --------------------------------------------------------------------------- instances */

static fly_status instance_reset(fly__sql_pl_instance *instance, fly_err *err)
{
    const fly__sql_pl_code *code = instance->code;
    fly_status status = FLY_OK;
    for (uint32_t i = 0; status == FLY_OK && i < code->datum_count; i++) {
        fly__sql_pl_var *var = &instance->vars[i];
        var->cell.type = code->data[i].type;
        memset(&var->cell.value, 0, sizeof var->cell.value);
        var->cell.value.null = true;
        var->record = code->data[i].record;
        var->null = true;
        var->shaped = false;
        if (code->data[i].table != NULL) {
            status =
                fly__sql_pl_record_shape_table(instance->session, var, code->data[i].table, err);
        }
    }
    return status;
}

fly_status fly__sql_pl_instance_get(fly_sql_session *session, fly__sql_pl_code *code,
                                    fly__sql_pl_instance **got, fly_err *err)
{
    fly__sql_pl_instance *instance = code->idle;
    if (instance != NULL) {
        code->idle = instance->link;
    } else {
        fly_mem *mem = &session->account.mem;
        instance = fly_mem_calloc(mem, 1, sizeof *instance);
        if (instance == NULL) {
            return no_memory(err);
        }
        instance->session = session;
        instance->code = code;
        if (code->datum_count > 0) {
            instance->vars = fly_mem_calloc(mem, code->datum_count, sizeof *instance->vars);
        }
        if (code->expr_count > 0) {
            instance->bound = fly_mem_calloc(mem, code->expr_count, sizeof *instance->bound);
        }
        if ((instance->vars == NULL && code->datum_count > 0) ||
            (instance->bound == NULL && code->expr_count > 0)) {
            instance_free(instance);
            return no_memory(err);
        }
    }
    fly_status status = instance_reset(instance, err);
    if (status != FLY_OK) {
        instance_free(instance);
        return status;
    }
    *got = instance;
    return FLY_OK;
}

void fly__sql_pl_instance_put(fly__sql_pl_instance *instance)
{
    fly__sql_pl_code *code = instance->code;
    uint32_t waiting = 0;
    for (const fly__sql_pl_instance *at = code->idle; at != NULL; at = at->link) {
        waiting++;
    }
    if (waiting >= FLY__SQL_PL_IDLE_MAX) {
        instance_free(instance);
        return;
    }
    instance->link = code->idle;
    code->idle = instance;
}

/* --------------------------------------------------------------------------- compiling */

typedef struct compiler {
    fly_sql_session *session;
    fly__sql_pl_code *code;
    const fly__sql_pl_name *names;
    fly_err *err;
} compiler;

static void *room(compiler *c, size_t size)
{
    void *block = fly_arena_alloc(&c->code->arena, size + 1);
    if (block == NULL) {
        (void)no_memory(c->err);
        return NULL;
    }
    memset(block, 0, size + 1);
    return block;
}

static fly_status push(compiler *c, const char *name, int32_t datum)
{
    fly__sql_pl_name *entry = room(c, sizeof *entry);
    if (entry == NULL) {
        return FLY_E_NO_MEMORY;
    }
    *entry = (fly__sql_pl_name){.outer = c->names, .name = name, .datum = datum};
    c->names = entry;
    return FLY_OK;
}

static bool is_out(char mode)
{
    return mode == 'o' || mode == 'b' || mode == 't';
}

static fly_sql_type unshaped(fly_sql_type type)
{
    if (type.oid == FLY_SQL_NUMERIC) {
        type.digits = 0;
        type.scale = 0;
    }
    return type;
}

/* Variables for the parameters, by name and by number. */
static fly_status declare_params(compiler *c)
{
    fly__sql_pl_code *code = c->code;
    const fly__sql_user_function *f = code->function;
    uint32_t count = f == NULL ? 0 : f->all_count;
    uint32_t input = 0;
    code->arg_data = room(c, (count + 1) * sizeof *code->arg_data);
    code->outs = room(c, (count + 1) * sizeof *code->outs);
    code->out_types = room(c, (count + 1) * sizeof *code->out_types);
    code->out_names = room(c, (count + 1) * sizeof *code->out_names);
    if (code->arg_data == NULL || code->outs == NULL || code->out_types == NULL ||
        code->out_names == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        char mode = f->modes == NULL ? 'i' : f->modes[i];
        bool in = mode != 't' && (mode != 'o' || f->procedure);
        fly_sql_type type = unshaped(in && input < code->argc ? code->args[input] : f->types[i]);
        if (!in && (type.oid == FLY_SQL_ANYELEMENT || type.oid == FLY_SQL_ANYARRAY)) {
            type = unshaped(code->result);
        }
        char *number = room(c, 12);
        if (number == NULL) {
            return FLY_E_NO_MEMORY;
        }
        (void)snprintf(number, 12, "$%u", (unsigned)(i + 1));
        int32_t datum = fly__sql_pl_declare(code, number, type, code->view, &c->names, c->err);
        if (datum < 0) {
            return FLY_E_NO_MEMORY;
        }
        if (f->names != NULL && f->names[i][0] != '\0' && (in || code->procedural) &&
            push(c, f->names[i], datum) != FLY_OK) {
            return FLY_E_NO_MEMORY;
        }
        if (in && input < code->argc) {
            code->arg_data[input++] = (uint32_t)datum;
        }
        if (is_out(mode)) {
            code->outs[code->out_count] = (uint32_t)datum;
            code->out_types[code->out_count] = type;
            code->out_names[code->out_count++] = f->names[i];
        }
    }
    return FLY_OK;
}

/* What the columns of the result are: OUT parameters, or the fields of a composite type. */
static fly_status find_columns(compiler *c)
{
    fly__sql_pl_code *code = c->code;
    if (!code->procedural && code->out_count == 1) {
        code->out_count = 0;
    }
    if (code->out_count > 0) {
        if (!code->procedural) {
            code->outs = NULL;
        }
        return FLY_OK;
    }
    code->outs = NULL;
    const fly__sql_table *table = fly__sql_pl_composite(code->view, code->result.oid);
    if (table == NULL) {
        return FLY_OK;
    }
    code->out_types = room(c, (table->column_count + 1u) * sizeof *code->out_types);
    code->out_names = room(c, (table->column_count + 1u) * sizeof *code->out_names);
    if (code->out_types == NULL || code->out_names == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (!table->columns[i].dropped) {
            code->out_types[code->out_count] = unshaped(table->columns[i].type);
            code->out_names[code->out_count++] = table->columns[i].name;
        }
    }
    return FLY_OK;
}

static fly_status declare_specials(compiler *c)
{
    static const struct {
        const char *name;
        uint32_t oid;
    } specials[FLY__SQL_PL_SPECIALS] = {
        [FLY__SQL_PL_NEW] = {"new", FLY_SQL_RECORD},
        [FLY__SQL_PL_OLD] = {"old", FLY_SQL_RECORD},
        [FLY__SQL_PL_TG_NAME] = {"tg_name", FLY_SQL_NAME},
        [FLY__SQL_PL_TG_WHEN] = {"tg_when", FLY_SQL_TEXT},
        [FLY__SQL_PL_TG_LEVEL] = {"tg_level", FLY_SQL_TEXT},
        [FLY__SQL_PL_TG_OP] = {"tg_op", FLY_SQL_TEXT},
        [FLY__SQL_PL_TG_RELID] = {"tg_relid", FLY_SQL_OID},
        [FLY__SQL_PL_TG_RELNAME] = {"tg_relname", FLY_SQL_NAME},
        [FLY__SQL_PL_TG_TABLE_NAME] = {"tg_table_name", FLY_SQL_NAME},
        [FLY__SQL_PL_TG_TABLE_SCHEMA] = {"tg_table_schema", FLY_SQL_NAME},
        [FLY__SQL_PL_TG_NARGS] = {"tg_nargs", FLY_SQL_INT4},
        [FLY__SQL_PL_TG_ARGV] = {"tg_argv", 1009}};
    fly__sql_pl_code *code = c->code;
    code->first_special = code->datum_count;
    for (uint32_t i = 0; i < FLY__SQL_PL_SPECIALS; i++) {
        int32_t datum = fly__sql_pl_declare(code, specials[i].name, fly__sql_type(specials[i].oid),
                                            code->view, &c->names, c->err);
        if (datum < 0) {
            return FLY_E_NO_MEMORY;
        }
        if (i <= FLY__SQL_PL_OLD && code->table != NULL) {
            code->data[datum].table = code->table;
            if (code->table->row_type != 0) {
                code->data[datum].type = fly__sql_type(code->table->row_type);
            }
        }
    }
    return FLY_OK;
}

static fly_status compile_when(compiler *c)
{
    fly_ast *node = NULL;
    fly__sql_pl_code *code = c->code;
    if (code->trigger == NULL || code->trigger->condition == NULL) {
        return FLY_OK;
    }
    fly_status status = fly__sql_parse_expr(&code->arena, fly_bytes_str(code->trigger->condition),
                                            NULL, &node, c->err);
    if (status == FLY_OK) {
        code->when = fly__sql_pl_expr_make(code, node, false, c->names, c->err);
        status = code->when == NULL ? FLY_E_NO_MEMORY : FLY_OK;
    }
    return status;
}

static fly_status compile_procedural(compiler *c, const char *body)
{
    fly__sql_pl_code *code = c->code;
    int32_t found = fly__sql_pl_declare(code, "found", fly__sql_type(FLY_SQL_BOOL), code->view,
                                        &c->names, c->err);
    fly_status status = found < 0 ? FLY_E_NO_MEMORY : FLY_OK;
    code->found = (uint32_t)found;
    bool trigger = code->table != NULL || code->result.oid == FLY_SQL_TRIGGER;
    if (status == FLY_OK) {
        status = push(c, code->function == NULL ? NULL : code->function->name, -1);
    }
    if (status == FLY_OK && trigger) {
        status = declare_specials(c);
    }
    if (status == FLY_OK) {
        status = declare_params(c);
    }
    if (status == FLY_OK) {
        status = find_columns(c);
    }
    if (status == FLY_OK) {
        status = compile_when(c);
    }
    return status == FLY_OK ? fly__sql_pl_parse(c->session, code, body, c->names, c->err) : status;
}

static fly_status compile_sql(compiler *c, const char *body)
{
    fly__sql_pl_code *code = c->code;
    fly_sql_statements statements = {0};
    const fly_sql_parse_options options = {.lax_syntax = c->session->compat.lax_syntax};
    fly_status status = push(c, code->function->name, -1);
    if (status == FLY_OK) {
        status = declare_params(c);
    }
    if (status == FLY_OK) {
        status = find_columns(c);
    }
    if (status == FLY_OK) {
        status = fly__sql_parse(&code->arena, fly_bytes_str(body), &options, &statements, c->err);
    }
    if (status != FLY_OK) {
        return status;
    }
    code->queries = room(c, statements.count * sizeof *code->queries);
    if (code->queries == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t i = 0; i < statements.count; i++) {
        fly_ast *node = statements.items[i].node;
        if (node->kind == FLY_AST_TRANSACTION) {
            return fly_err_state(c->err, "0A000", node->pos, "%s is not allowed in an SQL function",
                                 fly__sql_ast_name(node->kind));
        }
        fly_err err = {0};
        code->queries[i] = fly__sql_pl_expr_make(code, node, true, c->names, &err);
        if (code->queries[i] == NULL) {
            *c->err = err;
            return err.status;
        }
        code->query_count++;
    }
    return FLY_OK;
}

static fly_status compile(fly_sql_session *session, fly__sql_pl_code *code, const char *body,
                          fly_err *err)
{
    compiler c = {.session = session, .code = code, .err = err};
    return code->procedural ? compile_procedural(&c, body) : compile_sql(&c, body);
}

static bool same_code(const fly__sql_pl_code *code, const fly__sql_user_function *function,
                      uint32_t argc, const fly_sql_type *args, fly_sql_type result,
                      const fly__sql_trigger *trigger)
{
    if (code->oid != function->oid || code->argc != argc || code->result.oid != result.oid ||
        (code->trigger == NULL ? 0 : code->trigger->oid) != (trigger == NULL ? 0 : trigger->oid)) {
        return false;
    }
    for (uint32_t i = 0; i < argc; i++) {
        if (code->args[i].oid != args[i].oid) {
            return false;
        }
    }
    return true;
}

/* The code that is kept, if it is still good; what is not is forgotten on the way. */
static fly__sql_pl_code *kept_code(fly_sql_session *session, const fly__sql_user_function *function,
                                   uint32_t argc, const fly_sql_type *args, fly_sql_type result,
                                   const fly__sql_trigger *trigger)
{
    uint64_t version = fly__sql_catalog_version(session->view);
    fly__sql_pl_code **at = &session->pl->codes;
    while (*at != NULL) {
        fly__sql_pl_code *code = *at;
        if (!same_code(code, function, argc, args, result, trigger)) {
            at = &code->link;
        } else if (code->version == version && code->epoch == session->epoch) {
            return code;
        } else {
            *at = code->link;
            fly__sql_pl_code_release(session, code);
        }
    }
    return NULL;
}

fly_status fly__sql_pl_code_get(fly_sql_session *session, const fly__sql_user_function *function,
                                const char *body, uint32_t argc, const fly_sql_type *args,
                                fly_sql_type result, const fly__sql_table *table,
                                const fly__sql_trigger *trigger, fly__sql_pl_code **got,
                                fly_err *err)
{
    fly_status status = state_make(session, err);
    bool keep = function != NULL && function->oid != 0;
    if (status != FLY_OK) {
        return status;
    }
    fly__sql_pl_code *code = keep ? kept_code(session, function, argc, args, result, trigger)
                                  : NULL;
    if (code != NULL) {
        code->uses++;
        *got = code;
        return FLY_OK;
    }
    code = fly_mem_calloc(&session->account.mem, 1, sizeof *code);
    if (code == NULL) {
        return no_memory(err);
    }
    fly_arena_init(&code->arena, &session->account.mem, 2048);
    code->uses = 1;
    code->view = fly__sql_view_keep(session->view);
    code->version = fly__sql_catalog_version(session->view);
    code->epoch = session->epoch;
    code->function = function;
    code->oid = function == NULL ? 0 : function->oid;
    code->procedural = function == NULL || strcmp(function->language, "plpgsql") == 0;
    code->table = table;
    code->trigger = trigger;
    code->argc = argc;
    code->result = result;
    code->args = fly_arena_copy(&code->arena, args, (argc + 1) * sizeof *args);
    status = code->args == NULL ? no_memory(err) : compile(session, code, body, err);
    if (status != FLY_OK) {
        fly__sql_pl_code_release(session, code);
        return status;
    }
    if (keep) {
        code->uses++;
        code->link = session->pl->codes;
        session->pl->codes = code;
    }
    *got = code;
    return FLY_OK;
}

/* ------------------------------------------------------------------------------- rows */

static bool wraps(const fly__sql_pl_run *run, uint32_t count, const fly_sql_type *types)
{
    return count == 1 && (types[0].oid == FLY_SQL_RECORD ||
                          (run->code->out_count != 1 &&
                           fly__sql_pl_composite(run->session->view, types[0].oid) != NULL) ||
                          types[0].oid == run->code->result.oid);
}

/* Values cast to the columns of the result, in an arena. */
static fly_status fit_columns(fly__sql_pl_run *run, uint32_t count, const fly_sql_type *types,
                              const fly_vec_value *values, fly_arena *arena, fly_vec_value *to,
                              fly_err *err)
{
    const fly__sql_pl_code *code = run->code;
    fly_status status = FLY_OK;
    fly_sql_type *inner = NULL;
    fly_vec_value *parts = NULL;
    if (code->outs == NULL && wraps(run, count, types) && !values[0].null) {
        status = fly__sql_pl_record_split(&values[0], &run->scratch, &count, &inner, &parts, err);
        types = inner;
        values = parts;
    }
    if (status == FLY_OK && count != 0 && count != code->out_count) {
        status = fly_err_state(err, "42804", 0,
                               "structure of query does not match function result type");
        fly_err_detail(err,
                       "Number of returned columns (%u) does not match expected column count (%u).",
                       (unsigned)count, (unsigned)code->out_count);
    }
    for (uint32_t i = 0; status == FLY_OK && i < code->out_count; i++) {
        fly_vec_value cooked;
        memset(&cooked, 0, sizeof cooked);
        cooked.null = true;
        if (i < count) {
            status = fly__sql_pl_cast_value(run->session, types[i], code->out_types[i], &values[i],
                                            &run->scratch, &cooked, err);
        }
        if (status == FLY_OK) {
            status = fly__sql_value_copy(fly__sql_type_physical(code->out_types[i]), &cooked, arena,
                                         &to[i], err);
        }
    }
    return status;
}

static fly_status rows_begin(fly__sql_pl_run *run, uint32_t count, const fly_sql_type *types,
                             fly_err *err)
{
    fly__sql_pl_rows *rows = run->rows;
    const fly__sql_pl_code *code = run->code;
    rows->width = code->out_count > 0                  ? code->out_count
                  : code->result.oid == FLY_SQL_RECORD ? count
                                                       : 1;
    rows->types = fly_arena_alloc(&rows->arena, (rows->width + 1) * sizeof *rows->types);
    if (rows->types == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < rows->width; i++) {
        rows->types[i] = code->out_count > 0                  ? code->out_types[i]
                         : code->result.oid == FLY_SQL_RECORD ? types[i]
                                                              : unshaped(code->result);
    }
    return FLY_OK;
}

fly_status fly__sql_pl_rows_add(fly__sql_pl_run *run, uint32_t count, const fly_sql_type *types,
                                const fly_vec_value *values, fly_err *err)
{
    fly__sql_pl_rows *rows = run->rows;
    fly_status status = rows->types == NULL ? rows_begin(run, count, types, err) : FLY_OK;
    if (status != FLY_OK) {
        return status;
    }
    size_t size = sizeof(fly__sql_pl_row_link) + rows->width * sizeof(fly_vec_value);
    fly__sql_pl_row_link *row = fly_arena_alloc(&rows->arena, size);
    if (row == NULL) {
        return fly_err_state(err, "53200", 0, "out of memory for the rows of a function");
    }
    memset(row, 0, size);
    if (run->code->out_count > 0) {
        status = fit_columns(run, count, types, values, &rows->arena, row->values, err);
    } else if (count != rows->width) {
        status = fly_err_state(err, "42804", 0,
                               "structure of query does not match function result type");
    }
    for (uint32_t i = 0; status == FLY_OK && run->code->out_count == 0 && i < rows->width; i++) {
        fly_vec_value cooked;
        status = fly__sql_pl_cast_value(run->session, types[i], rows->types[i], &values[i],
                                        &run->scratch, &cooked, err);
        if (status == FLY_OK) {
            status = fly__sql_value_copy(fly__sql_type_physical(rows->types[i]), &cooked,
                                         &rows->arena, &row->values[i], err);
        }
    }
    if (status != FLY_OK) {
        return status;
    }
    if (rows->last != NULL) {
        rows->last->next = row;
    } else {
        rows->first = row;
    }
    rows->last = row;
    rows->count++;
    return FLY_OK;
}

/* ------------------------------------------------------------------------- the result */

/* One row, or one value, as the result of a function that returns no set. */
static fly_status give(fly__sql_pl_run *run, uint32_t count, const fly_sql_type *types,
                       const fly_vec_value *values, fly_err *err)
{
    const fly__sql_pl_code *code = run->code;
    if (run->rows != NULL) {
        return fly__sql_pl_rows_add(run, count, types, values, err);
    }
    fly_vec_value cooked;
    memset(&cooked, 0, sizeof cooked);
    fly_sql_type result = unshaped(code->result);
    if (code->out_count == 0) {
        if (count > 1 && result.oid == FLY_SQL_RECORD) {
            run->result.null = false;
            run->result_type = result;
            return fly__sql_record_make(FLY_SQL_RECORD, count, types, values, run->out,
                                        &run->result.str, err);
        }
        fly_status status = fly__sql_pl_cast_value(run->session, types[0], result, &values[0],
                                                   &run->scratch, &cooked, err);
        run->result_type = result;
        return status == FLY_OK ? fly__sql_value_copy(fly__sql_type_physical(result), &cooked,
                                                      run->out, &run->result, err)
                                : status;
    }
    fly_vec_value *fields = fly__sql_values_alloc(&run->scratch, code->out_count + 1);
    if (fields == NULL) {
        return no_memory(err);
    }
    fly_status status = fit_columns(run, count, types, values, &run->scratch, fields, err);
    if (status != FLY_OK) {
        return status;
    }
    run->result_type = result;
    if (code->outs != NULL && code->out_count == 1) {
        return fly__sql_value_copy(fly__sql_type_physical(result), &fields[0], run->out,
                                   &run->result, err);
    }
    run->result.null = false;
    uint32_t oid = code->outs != NULL || result.oid == 0 ? FLY_SQL_RECORD : result.oid;
    return fly__sql_record_make(oid, code->out_count, code->out_types, fields, run->out,
                                &run->result.str, err);
}

/* The values of the OUT parameters. */
fly_status fly__sql_pl_outs(fly__sql_pl_run *run, fly_sql_type **types, fly_vec_value **values,
                            fly_err *err)
{
    const fly__sql_pl_code *code = run->code;
    *types = fly_arena_alloc(&run->scratch, (code->out_count + 1) * sizeof **types);
    *values = fly__sql_values_alloc(&run->scratch, code->out_count + 1);
    if (*types == NULL || *values == NULL) {
        return no_memory(err);
    }
    fly_status status = FLY_OK;
    for (uint32_t i = 0; status == FLY_OK && i < code->out_count; i++) {
        fly__sql_pl_var *var = &run->instance->vars[code->outs[i]];
        (*types)[i] = var->cell.type;
        (*values)[i] = var->cell.value;
        if (var->record) {
            status = fly__sql_pl_record_value(var, &run->scratch, &(*values)[i], err);
        }
    }
    return status;
}

static fly_status finish_procedural(fly__sql_pl_run *run, fly_err *err)
{
    const fly__sql_pl_code *code = run->code;
    const fly__sql_user_function *function = code->function;
    fly_arena_reset(&run->scratch);
    if (function == NULL || (function->returns_set && run->rows != NULL) ||
        code->result.oid == FLY_SQL_TRIGGER) {
        return FLY_OK;
    }
    if (code->outs != NULL) {
        fly_sql_type *types = NULL;
        fly_vec_value *values = NULL;
        fly_status status = fly__sql_pl_outs(run, &types, &values, err);
        return status == FLY_OK ? give(run, code->out_count, types, values, err) : status;
    }
    if (run->flow != FLY__SQL_PL_DONE && code->result.oid != FLY_SQL_VOID && !function->procedure) {
        return fly_err_state(err, "2F005", 0, "control reached end of function without RETURN");
    }
    if (run->result_type.oid == 0) {
        fly_vec_value null = {.null = true};
        fly_sql_type type = fly__sql_type(FLY_SQL_VOID);
        return run->rows != NULL ? fly__sql_pl_rows_add(run, 1, &type, &null, err) : FLY_OK;
    }
    if (code->out_count > 0 && run->result.null) {
        return run->rows != NULL ? fly__sql_pl_rows_add(run, 0, NULL, NULL, err) : FLY_OK;
    }
    bool composite = run->result_type.oid == FLY_SQL_RECORD ||
                     fly__sql_pl_composite(run->session->view, run->result_type.oid) != NULL;
    if ((code->out_count > 0 || code->result.oid == FLY_SQL_RECORD) && !composite) {
        return fly_err_state(err, "42804", 0,
                             "cannot return non-composite value from function returning composite "
                             "type");
    }
    fly_vec_value value = run->result;
    fly_sql_type type = run->result_type;
    if (code->result.oid == FLY_SQL_RECORD && run->rows != NULL) {
        uint32_t count = 0;
        fly_sql_type *types = NULL;
        fly_vec_value *values = NULL;
        fly_status status =
            fly__sql_pl_record_split(&value, &run->scratch, &count, &types, &values, err);
        return status == FLY_OK ? give(run, count, types, values, err) : status;
    }
    return give(run, 1, &type, &value, err);
}

/* ------------------------------------------------------------------------------ SQL */

static fly_status run_query(fly__sql_pl_run *run, const fly__sql_pl_expr *expr, bool last,
                            fly_err *err)
{
    const fly__sql_pl_code *code = run->code;
    const fly__sql_user_function *function = code->function;
    bool wanted = last && code->result.oid != FLY_SQL_VOID &&
                  (!function->procedure || code->out_count > 0 || code->result.oid != 0);
    bool set = function->returns_set && run->rows != NULL;
    fly_sql_stmt *stmt = NULL;
    uint64_t rows = 0;
    fly_status status = fly__sql_pl_start(run, expr, &stmt, err);
    if (status != FLY_OK) {
        return status;
    }
    bool modifies = stmt->plan->modifies;
    while ((status = fly_sql_step(stmt, err)) == FLY_OK) {
        uint32_t count = 0;
        fly_sql_type *types = NULL;
        fly_vec_value *values = NULL;
        if (wanted && (set || rows == 0)) {
            fly_arena_reset(&run->scratch);
            status = fly__sql_pl_row_values(stmt, &run->scratch, &count, &types, &values, err);
            if (status == FLY_OK && count > 0) {
                status = give(run, count, types, values, err);
            }
        }
        rows++;
        if (status != FLY_OK || (wanted && !set && !modifies)) {
            fly_sql_reset(stmt);
            break;
        }
    }
    if (status == FLY_E_END) {
        status = FLY_OK;
    }
    if (status == FLY_OK && wanted && rows == 0 && !set && run->rows != NULL) {
        fly_vec_value null = {.null = true};
        fly_sql_type type = fly__sql_type(FLY_SQL_TEXT);
        status = fly__sql_pl_rows_add(run, code->out_count > 0 ? 0 : 1, &type, &null, err);
    }
    return status;
}

static fly_status run_queries(fly__sql_pl_run *run, fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint32_t i = 0; status == FLY_OK && i < run->code->query_count; i++) {
        const fly__sql_pl_expr *expr = run->code->queries[i];
        fly_arena_reset(&run->scratch);
        status = fly__sql_has_plan(expr->node->kind)
                     ? run_query(run, expr, i + 1 == run->code->query_count, err)
                     : fly__sql_pl_run_utility(run, expr, err);
    }
    return status;
}

/* ---------------------------------------------------------------------------- calling */

static fly_status set_args(fly__sql_pl_run *run, const fly_vec_value *args, fly_err *err)
{
    const fly__sql_user_function *f = run->code->function;
    fly_status status = FLY_OK;
    for (uint32_t i = 0; status == FLY_OK && i < run->code->argc; i++) {
        if (f->procedure && f->modes[i] == 'o') {
            continue; /* what is given for it does not matter */
        }
        status = fly__sql_pl_assign(run, run->code->arg_data[i], NULL, &args[i], run->code->args[i],
                                    err);
    }
    return status;
}

fly_status fly__sql_pl_begin(fly__sql_pl_run *run, fly_sql_session *session, fly__sql_pl_code *code,
                             fly_arena *out, fly_err *err)
{
    memset(run, 0, sizeof *run);
    run->session = session;
    run->code = code;
    run->out = out;
    run->atomic = true;
    run->result.null = true;
    fly_arena_init(&run->scratch, &session->account.mem, 1024);
    return fly__sql_pl_instance_get(session, code, &run->instance, err);
}

void fly__sql_pl_end(fly__sql_pl_run *run)
{
    if (run->instance != NULL) {
        fly__sql_pl_instance_put(run->instance);
    }
    fly_arena_deinit(&run->scratch);
    fly__sql_pl_code_release(run->session, run->code);
}

static fly_status go(fly__sql_pl_run *run, fly_err *err)
{
    if (!run->code->procedural) {
        return run_queries(run, err);
    }
    fly_vec_value *found = &run->instance->vars[run->code->found].cell.value;
    found->null = false;
    found->b = false;
    fly_status status = fly__sql_pl_run_block(run, run->code->body, err);
    return status == FLY_OK ? finish_procedural(run, err) : status;
}

/* Run code with arguments; `run` is begun. */
fly_status fly__sql_pl_go(fly__sql_pl_run *run, const fly_vec_value *args, fly_err *err)
{
    const fly__sql_user_function *function = run->code->function;
    fly__sql_user_switch before;
    fly_status status = set_args(run, args, err);
    if (status != FLY_OK) {
        return status;
    }
    if (function == NULL || !function->security_definer ||
        function->owner == run->session->user_oid) {
        return go(run, err);
    }
    status = fly__sql_user_become(run->session, function->owner, &before, err);
    if (status != FLY_OK) {
        return status;
    }
    status = go(run, err);
    fly_status back = fly__sql_user_back(run->session, &before, status == FLY_OK ? err : NULL);
    return status == FLY_OK ? back : status;
}

/* Call a function from an expression. */
static fly_status invoke(fly__sql_call *call, const fly_vec_value *args, fly__sql_pl_rows *rows,
                         fly_vec_value *result)
{
    const fly__sql_user_function *function = call->func->user;
    fly_sql_session *session = call->session;
    fly__sql_pl_code *code = NULL;
    fly__sql_pl_run run;
    fly_err err = {0};
    if (call->result.oid == FLY_SQL_TRIGGER) {
        return fly_err_state(call->err, "0A000", call->pos,
                             "trigger functions can only be called as triggers");
    }
    fly_status status = fly__sql_pl_enter(session, &err);
    if (status == FLY_OK) {
        status = fly__sql_pl_code_get(session, function, function->body, call->argc, call->types,
                                      call->result, NULL, NULL, &code, &err);
        if (status == FLY_OK) {
            status = fly__sql_pl_begin(&run, session, code, call->arena, &err);
            run.rows = rows;
            if (status == FLY_OK) {
                status = fly__sql_pl_go(&run, args, &err);
            }
            if (status == FLY_OK && result != NULL) {
                *result = run.result;
            }
            fly__sql_pl_end(&run);
        }
        fly__sql_pl_leave(session);
    }
    if (status != FLY_OK && call->err != NULL) {
        err.position = 0; /* it is one in the body */
        err.status = status;
        *call->err = err;
    }
    return status;
}

fly_status fly__sql_pl_row(fly__sql_call *call, const fly_vec_value *args, fly_vec_value *result)
{
    result->null = true;
    return invoke(call, args, NULL, result);
}

/* ------------------------------------------------------------------------------- sets */

typedef struct set_state {
    fly__sql_pl_rows rows;
} set_state;

static void set_close(fly__sql_call *call, void *state)
{
    (void)call;
    fly_arena_deinit(&((set_state *)state)->rows.arena);
}

static fly_status set_open(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    set_state *set = state;
    memset(set, 0, sizeof *set);
    fly_arena_init(&set->rows.arena, &call->session->query.mem, 0);
    fly_status status = invoke(call, args, &set->rows, NULL);
    if (status != FLY_OK) {
        set_close(call, set);
    }
    set->rows.at = set->rows.first;
    return status;
}

static bool gives_rows(const fly__sql_user_function *function, const fly__sql_pl_rows *rows,
                       fly_sql_type result)
{
    return result.oid == FLY_SQL_RECORD || rows->width != 1 ||
           (rows->types[0].oid != result.oid && function->all_count == function->argc);
}

/* A row for FROM: as many columns, of the types, that the query was bound with. */
static fly_status as_columns(fly__sql_call *call, const fly__sql_pl_rows *rows, fly_vec_value *row)
{
    const fly__sql_user_function *function = call->func->user;
    bool sql = strcmp(function->language, "sql") == 0;
    if (rows->width != call->column_count && !sql) {
        fly_status status = fly_err_state(call->err, "42804", 0,
                                          "structure of query does not match function result type");
        fly_err_detail(call->err,
                       "Number of returned columns (%u) does not match expected column count (%u).",
                       (unsigned)rows->width, (unsigned)call->column_count);
        return status;
    }
    if (rows->width != call->column_count) {
        fly_status status =
            fly_err_state(call->err, "42804", 0,
                          "function return row and query-specified return row do not match");
        fly_err_detail(call->err, "Returned row contains %u attributes, but query expects %u.",
                       (unsigned)rows->width, (unsigned)call->column_count);
        return status;
    }
    for (uint32_t i = 0; i < rows->width; i++) {
        if (rows->types[i].oid != call->columns[i].oid && !rows->at->values[i].null) {
            const fly__sql_type_info *is = fly__sql_type_info_of(rows->types[i].oid);
            const fly__sql_type_info *to = fly__sql_type_info_of(call->columns[i].oid);
            fly_status status = fly_err_state(
                call->err, "42804", 0, "%s",
                sql ? "function return row and query-specified return row do not match"
                    : "structure of query does not match function result type");
            fly_err_detail(call->err,
                           "Returned type %s does not match expected type %s in column %u.",
                           is == NULL ? "of the user's" : is->sql_name,
                           to == NULL ? "of the user's" : to->sql_name, (unsigned)(i + 1));
            return status;
        }
        fly_status status = fly__sql_pl_shape_as(rows->types[i], call->columns[i],
                                                 &rows->at->values[i], call->arena, &row[i],
                                                 call->err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

static fly_status set_next(fly__sql_call *call, void *state, fly_vec_value *row)
{
    fly__sql_pl_rows *rows = &((set_state *)state)->rows;
    fly_status status = FLY_OK;
    if (rows->at == NULL) {
        return FLY_E_END;
    }
    bool whole = call->column_count == 1 && call->columns[0].oid == call->result.oid;
    if (call->columns != NULL && !whole) {
        status = as_columns(call, rows, row);
    } else if (gives_rows(call->func->user, rows, call->result)) {
        status = fly__sql_record_make(call->result.oid, rows->width, rows->types, rows->at->values,
                                      call->arena, &row->str, call->err);
    } else {
        row[0] = rows->at->values[0];
    }
    rows->at = rows->at->next;
    return status;
}

const fly__sql_set_function fly__sql_pl_set = {
    .state_size = sizeof(set_state), .open = set_open, .next = set_next, .close = set_close};

/* -------------------------------------------------------------------------- validating */

static bool polymorphic(const fly__sql_user_function *f)
{
    for (uint16_t i = 0; i < f->all_count; i++) {
        const fly__sql_type_info *info = fly__sql_type_info_of(f->types[i].oid);
        if (info != NULL && info->category == 'P' && f->types[i].oid != FLY_SQL_RECORD) {
            return true;
        }
    }
    return false;
}

static fly_status mismatch(const fly__sql_user_function *f, const char *detail, fly_err *err)
{
    const fly__sql_type_info *info = fly__sql_type_info_of(f->result.oid);
    fly_status status = fly_err_state(err, "42P13", 0,
                                      "return type mismatch in function declared to return %s",
                                      info != NULL ? info->sql_name : "a composite type");
    fly_err_detail(err, "%s", detail);
    return status;
}

/* Bind what a body in SQL says; the last statement must give what was declared. */
static fly_status validate_sql(fly_sql_session *session, fly__sql_pl_code *code, fly_err *err)
{
    const fly__sql_user_function *f = code->function;
    fly__sql_pl_instance *instance = NULL;
    fly__sql_pl_bound *bound = NULL;
    fly_status status = fly__sql_pl_instance_get(session, code, &instance, err);
    if (status != FLY_OK) {
        return status;
    }
    for (uint32_t i = 0; status == FLY_OK && i < code->query_count; i++) {
        bound = NULL;
        if (fly__sql_has_plan(code->queries[i]->node->kind)) {
            status = fly__sql_pl_bind(instance, code->queries[i], &bound, err);
        }
    }
    if (status == FLY_OK && !f->procedure && f->result.oid != FLY_SQL_VOID) {
        uint32_t columns = bound == NULL || bound->stmt == NULL ? 0
                                                                : fly_sql_column_count(bound->stmt);
        if (columns == 0) {
            status = mismatch(f,
                              "Function's final statement must be SELECT or INSERT/UPDATE/DELETE "
                              "RETURNING.",
                              err);
        } else if (code->out_count == 0 && f->result.oid != FLY_SQL_RECORD && columns != 1) {
            status = mismatch(f, "Final statement must return exactly one column.", err);
        } else if (code->out_count == 0 && f->result.oid != FLY_SQL_RECORD) {
            uint32_t oid = fly_sql_column_type(bound->stmt, 0).oid;
            const fly__sql_type_info *info = fly__sql_type_info_of(oid);
            const fly__sql_type_info *to = fly__sql_type_info_of(f->result.oid);
            if (info != NULL && to != NULL && info->category != to->category &&
                to->category != 'S') {
                char detail[128];
                (void)snprintf(detail, sizeof detail, "Actual return type is %s.", info->sql_name);
                status = mismatch(f, detail, err);
            }
        }
    }
    fly__sql_pl_instance_put(instance);
    return status;
}

fly_status fly__sql_pl_validate(fly_sql_session *session, const fly__sql_user_function *function,
                                fly_err *err)
{
    fly_sql_type args[8];
    uint32_t argc = 0;
    fly__sql_user_function f = *function;
    fly__sql_pl_code *code = NULL;
    fly_err own = {0};
    f.oid = 0;
    for (uint16_t i = 0; i < f.all_count && argc < 8; i++) {
        if (f.modes[i] != 't' && (f.modes[i] != 'o' || f.procedure)) {
            args[argc++] = f.types[i];
        }
    }
    fly_status status =
        fly__sql_pl_code_get(session, &f, f.body, argc, args, f.result, NULL, NULL, &code, &own);
    if (status == FLY_OK && !code->procedural && !polymorphic(&f)) {
        status = validate_sql(session, code, &own);
    }
    fly__sql_pl_code_release(session, code);
    if (status != FLY_OK && err != NULL) {
        *err = own;
    }
    return status;
}
