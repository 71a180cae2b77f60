/*
 * Functions that the program brings along: known to the binder beside those of the registry.
 *
 * An entry is made once, and lives as long as the engine: plans point to it. Its list only grows, so
 * whoever has found an entry needs no lock to use it.
 */
#include "pl/run_int.h"
#include "session/engine_int.h"

#include <string.h>

/* The function comes first: a call's entry is found from it. */
struct fly__sql_registered {
    fly__sql_func func;
    struct fly__sql_registered *link;
    fly_mem *mem;
    fly_sql_scalar scalar;
    fly_sql_aggregate aggregate;
    fly_sql_table_function table;
    fly__sql_aggregate as_aggregate;
    fly__sql_set_function as_set;
    fly_arena arena; /* names */
};

static struct fly__sql_registered *entry_of(const fly__sql_call *call)
{
    return (struct fly__sql_registered *)(uintptr_t)call->func;
}

/* --------------------------------------------------------------------------- calling */

/* The call as the program sees it; numerics in libvec's format. */
static fly_status translate(const fly__sql_call *call, const fly_vec_value *args,
                            fly_sql_type *types, fly_vec_value *plain, void *ctx, fly_sql_call *out)
{
    fly_status status = FLY_OK;
    for (uint32_t i = 0; status == FLY_OK && i < call->argc && i < FLY_SQL_ARGS_MAX; i++) {
        types[i] = call->types[i];
        status = fly__sql_pl_plain(&types[i], &args[i], call->arena, &plain[i], call->err);
    }
    *out = (fly_sql_call){.session = call->session,
                          .ctx = ctx,
                          .argc = call->argc,
                          .types = types,
                          .result = call->result,
                          .arena = call->arena,
                          .err = call->err};
    return status;
}

static fly_status call_scalar(fly__sql_call *call, const fly_vec_value *args, fly_vec_value *result)
{
    const struct fly__sql_registered *entry = entry_of(call);
    fly_sql_type types[FLY_SQL_ARGS_MAX];
    fly_vec_value plain[FLY_SQL_ARGS_MAX];
    fly_sql_call out;
    fly_status status = translate(call, args, types, plain, entry->scalar.ctx, &out);
    return status == FLY_OK ? entry->scalar.call(&out, plain, result) : status;
}

static fly_status call_step(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    const struct fly__sql_registered *entry = entry_of(call);
    fly_sql_type types[FLY_SQL_ARGS_MAX];
    fly_vec_value plain[FLY_SQL_ARGS_MAX];
    fly_sql_call out;
    fly_status status = translate(call, args, types, plain, entry->aggregate.ctx, &out);
    return status == FLY_OK ? entry->aggregate.step(&out, state, plain) : status;
}

static fly_status call_final(fly__sql_call *call, void *state, fly_vec_value *result)
{
    const struct fly__sql_registered *entry = entry_of(call);
    fly_sql_call out = {.session = call->session,
                        .ctx = entry->aggregate.ctx,
                        .result = call->result,
                        .arena = call->arena,
                        .err = call->err};
    return entry->aggregate.final(&out, state, result);
}

static fly_status call_open(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    const struct fly__sql_registered *entry = entry_of(call);
    fly_sql_type types[FLY_SQL_ARGS_MAX];
    fly_vec_value plain[FLY_SQL_ARGS_MAX];
    fly_sql_call out;
    fly_status status = translate(call, args, types, plain, entry->table.ctx, &out);
    return status == FLY_OK ? entry->table.open(&out, state, plain) : status;
}

static fly_status call_next(fly__sql_call *call, void *state, fly_vec_value *row)
{
    const struct fly__sql_registered *entry = entry_of(call);
    fly_sql_call out = {.session = call->session,
                        .ctx = entry->table.ctx,
                        .result = call->result,
                        .arena = call->arena,
                        .err = call->err};
    return entry->table.next(&out, state, row);
}

static void call_close(fly__sql_call *call, void *state)
{
    const struct fly__sql_registered *entry = entry_of(call);
    if (entry->table.close != NULL) {
        entry->table.close(entry->table.ctx, state);
    }
}

/* ------------------------------------------------------------------------ registering */

static void entry_free(struct fly__sql_registered *entry)
{
    fly_arena_deinit(&entry->arena);
    fly_mem_free(entry->mem, entry, sizeof *entry);
}

static fly_status check(const char *name, uint32_t argc, bool whole, fly_err *err)
{
    if (name == NULL || name[0] == '\0' || strlen(name) > FLY__SQL_NAME_MAX || !whole) {
        return fly_err_set(err, FLY_E_INVALID, "a function needs a name and what it calls");
    }
    if (argc > FLY_SQL_ARGS_MAX) {
        return fly_err_state(err, "54023", 0, "functions cannot have more than %d arguments",
                             (int)FLY_SQL_ARGS_MAX);
    }
    return FLY_OK;
}

static fly_status entry_make(fly_sql *sql, const char *name, uint32_t argc, const uint32_t *args,
                             struct fly__sql_registered **made, fly_err *err)
{
    fly_mem *mem = sql->env->mem;
    struct fly__sql_registered *entry = fly_mem_calloc(mem, 1, sizeof *entry);
    if (entry == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a function");
    }
    entry->mem = mem;
    fly_arena_init(&entry->arena, mem, 256);
    entry->func.name = fly_arena_copy(&entry->arena, name, strlen(name) + 1);
    if (entry->func.name == NULL) {
        entry_free(entry);
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a function");
    }
    entry->func.argc = (uint8_t)argc;
    for (uint32_t i = 0; i < argc; i++) {
        entry->func.args[i] = args[i];
    }
    entry->func.can_raise = true;
    entry->func.volatility = FLY__SQL_VOLATILE;
    *made = entry;
    return FLY_OK;
}

static bool same(const fly__sql_func *a, const fly__sql_func *b)
{
    return a->argc == b->argc && strcmp(a->name, b->name) == 0 &&
           memcmp(a->args, b->args, a->argc * sizeof *a->args) == 0;
}

static fly_status entry_add(fly_sql *sql, struct fly__sql_registered *entry, fly_err *err)
{
    bool there = false;
    fly_mutex_lock(&sql->mutex);
    for (const struct fly__sql_registered *at = sql->functions; at != NULL; at = at->link) {
        there = there || same(&at->func, &entry->func);
    }
    if (!there) {
        entry->func.oid = FLY__SQL_REGISTERED_OID + sql->function_count++;
        entry->link = sql->functions;
        sql->functions = entry;
    }
    fly_mutex_unlock(&sql->mutex);
    if (there) {
        fly_status status = fly_err_state(err, "42723", 0,
                                          "function \"%s\" already exists with same argument types",
                                          entry->func.name);
        entry_free(entry);
        return status;
    }
    return FLY_OK;
}

fly_status fly_sql_register_scalar(fly_sql *sql, const fly_sql_scalar *function, fly_err *err)
{
    struct fly__sql_registered *entry = NULL;
    fly_status status = check(function->name, function->argc, function->call != NULL, err);
    if (status == FLY_OK) {
        status = entry_make(sql, function->name, function->argc, function->args, &entry, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    entry->scalar = *function;
    entry->func.kind = FLY__SQL_SCALAR;
    entry->func.result = function->result;
    entry->func.strict = !function->sees_nulls;
    entry->func.volatility = function->immutable ? FLY__SQL_IMMUTABLE : FLY__SQL_VOLATILE;
    entry->func.row = call_scalar;
    return entry_add(sql, entry, err);
}

fly_status fly_sql_register_aggregate(fly_sql *sql, const fly_sql_aggregate *function, fly_err *err)
{
    struct fly__sql_registered *entry = NULL;
    bool whole = function->step != NULL && function->final != NULL && function->state_size > 0;
    fly_status status = check(function->name, function->argc, whole, err);
    if (status == FLY_OK) {
        status = entry_make(sql, function->name, function->argc, function->args, &entry, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    entry->aggregate = *function;
    entry->as_aggregate = (fly__sql_aggregate){.state_size = function->state_size,
                                               .sees_nulls = function->sees_nulls,
                                               .step = call_step,
                                               .final = call_final};
    entry->func.kind = FLY__SQL_AGGREGATE;
    entry->func.result = function->result;
    entry->func.volatility = FLY__SQL_IMMUTABLE;
    entry->func.aggregate = &entry->as_aggregate;
    return entry_add(sql, entry, err);
}

static fly_status copy_columns(struct fly__sql_registered *entry,
                               const fly_sql_table_function *function, fly_err *err)
{
    const char **names = fly_arena_alloc(&entry->arena, (function->columns + 1) * sizeof *names);
    uint32_t *types =
        fly_arena_copy(&entry->arena, function->types, function->columns * sizeof *function->types);
    bool all = names != NULL && types != NULL;
    for (uint32_t i = 0; all && i < function->columns; i++) {
        names[i] =
            fly_arena_copy(&entry->arena, function->names[i], strlen(function->names[i]) + 1);
        all = names[i] != NULL;
    }
    if (!all) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a function");
    }
    names[function->columns] = NULL;
    entry->as_set.columns = function->columns;
    entry->as_set.names = names;
    entry->as_set.types = types;
    return FLY_OK;
}

fly_status fly_sql_register_table(fly_sql *sql, const fly_sql_table_function *function,
                                  fly_err *err)
{
    struct fly__sql_registered *entry = NULL;
    bool whole = function->open != NULL && function->next != NULL && function->columns > 0 &&
                 function->names != NULL && function->types != NULL;
    fly_status status = check(function->name, function->argc, whole, err);
    if (status == FLY_OK) {
        status = entry_make(sql, function->name, function->argc, function->args, &entry, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    entry->table = *function;
    entry->as_set.state_size = function->state_size;
    entry->as_set.open = call_open;
    entry->as_set.next = call_next;
    entry->as_set.close = call_close;
    status = copy_columns(entry, function, err);
    if (status != FLY_OK) {
        entry_free(entry);
        return status;
    }
    entry->func.kind = FLY__SQL_SET;
    entry->func.result = function->columns == 1 ? function->types[0] : (uint32_t)FLY_SQL_RECORD;
    entry->func.strict = !function->sees_nulls;
    entry->func.set = &entry->as_set;
    return entry_add(sql, entry, err);
}

void fly__sql_registered_free(fly_sql *sql)
{
    while (sql->functions != NULL) {
        struct fly__sql_registered *entry = sql->functions;
        sql->functions = entry->link;
        entry_free(entry);
    }
}

const fly__sql_func *fly__sql_registered_next(fly_sql *sql, const char *name,
                                              const fly__sql_func *after)
{
    fly_mutex_lock(&sql->mutex);
    const struct fly__sql_registered *at =
        after == NULL ? sql->functions : ((const struct fly__sql_registered *)after)->link;
    while (at != NULL && strcmp(at->func.name, name) != 0) {
        at = at->link;
    }
    fly_mutex_unlock(&sql->mutex);
    return at == NULL ? NULL : &at->func;
}
