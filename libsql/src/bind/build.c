/*
 * Making expressions and relations, comparing them, walking over them.
 *
 * Whoever makes an expression calls fly__sql_bind_done() once its arguments are set, which takes over
 * from them what is true of an expression if it is true of a part: that it is volatile, that it may
 * fail.
 *
 * What is not here: types and coercions.
 */
#include "bind/bind_scope_int.h"

#include <stdarg.h>
#include <stdio.h>

/* --------------------------------------------------------------------- failing */

void *fly__sql_bind_fail(fly__sql_binder *b, const char *state, uint32_t pos, const char *format,
                         ...)
{
    char text[FLY_ERR_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    b->status = fly_err_state(b->err, state, b->no_positions > 0 ? 0 : pos, "%s", text);
    return NULL;
}

void *fly__sql_bind_no_memory(fly__sql_binder *b)
{
    b->status = fly_err_set(b->err, FLY_E_NO_MEMORY, "out of memory while binding a statement");
    return NULL;
}

void *fly__sql_bind_unsupported(fly__sql_binder *b, uint32_t pos, const char *what)
{
    return fly__sql_bind_fail(b, "0A000", pos, "%s is not supported", what);
}

void fly__sql_bind_hint(fly__sql_binder *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char text[FLY_ERR_HINT_SIZE];
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fly_err_hint(b->err, "%s", text);
}

void fly__sql_bind_detail(fly__sql_binder *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char text[FLY_ERR_DETAIL_SIZE];
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fly_err_detail(b->err, "%s", text);
}

/* ---------------------------------------------------------------------- memory */

void *fly__sql_bind_alloc(fly__sql_binder *b, size_t size)
{
    void *block = fly_arena_alloc(b->arena, size);
    if (block == NULL) {
        return fly__sql_bind_no_memory(b);
    }
    memset(block, 0, size);
    return block;
}

char *fly__sql_bind_printf(fly__sql_binder *b, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t used = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    char *copy = fly_arena_alloc(b->arena, used + 1);
    if (copy == NULL) {
        return fly__sql_bind_no_memory(b);
    }
    memcpy(copy, text, used);
    copy[used] = 0;
    return copy;
}

bool fly__sql_bind_room(fly__sql_binder *b, void *array, uint32_t *room, uint32_t count,
                        size_t size)
{
    if (count < *room) {
        return true;
    }
    uint32_t more = *room == 0 ? 8 : *room * 2;
    void *grown = fly__sql_bind_alloc(b, (size_t)more * size);
    if (grown == NULL) {
        return false;
    }
    void *old;
    memcpy(&old, array, sizeof old);
    if (count > 0) {
        memcpy(grown, old, (size_t)count * size);
    }
    memcpy(array, &grown, sizeof grown);
    *room = more;
    return true;
}

fly__sql_colid fly__sql_bind_id(fly__sql_binder *b, char kind, fly__sql_scope *scope,
                                fly__sql_item *item, uint32_t index)
{
    fly__sql_colid id = b->next_id;
    if (!fly__sql_bind_room(b, &b->infos, &b->info_room, id, sizeof *b->infos)) {
        return 0;
    }
    b->infos[id] = (fly__sql_colinfo){.kind = kind, .scope = scope, .item = item, .index = index};
    b->next_id++;
    return id;
}

/* ----------------------------------------------------------------- expressions */

fly__sql_expr *fly__sql_bind_node(fly__sql_binder *b, fly__sql_expr_kind kind, fly_sql_type type,
                                  uint32_t argc, uint32_t pos)
{
    fly__sql_expr *e = fly__sql_bind_alloc(b, sizeof *e + argc * sizeof *e->args);
    if (e == NULL) {
        return NULL;
    }
    e->kind = (uint8_t)kind;
    e->type = type;
    e->argc = argc;
    e->args = argc > 0 ? (fly__sql_expr **)(void *)(e + 1) : NULL;
    e->pos = b->no_positions > 0 ? 0 : pos;
    return e;
}

fly__sql_expr *fly__sql_bind_done(fly__sql_binder *b, fly__sql_expr *e)
{
    (void)b;
    for (uint32_t i = 0; i < e->argc; i++) {
        if (e->args[i] != NULL) {
            e->volatile_ |= e->args[i]->volatile_;
            e->raises |= e->args[i]->raises;
        }
    }
    if (e->func != NULL) {
        e->volatile_ |= e->func->volatility == FLY__SQL_VOLATILE;
        e->raises |= e->func->can_raise;
    }
    return e;
}

fly__sql_expr *fly__sql_bind_copy(fly__sql_binder *b, const fly__sql_expr *e)
{
    fly__sql_expr *copy = fly__sql_bind_alloc(b, sizeof *copy + e->argc * sizeof *copy->args);
    if (copy == NULL) {
        return NULL;
    }
    *copy = *e;
    if (e->argc > 0) {
        copy->args = (fly__sql_expr **)(void *)(copy + 1);
        for (uint32_t i = 0; i < e->argc; i++) {
            copy->args[i] = e->args[i] == NULL ? NULL : fly__sql_bind_copy(b, e->args[i]);
            if (e->args[i] != NULL && copy->args[i] == NULL) {
                return NULL;
            }
        }
    }
    return copy;
}

fly__sql_expr *fly__sql_bind_colref(fly__sql_binder *b, fly__sql_colid id, fly_sql_type type,
                                    uint32_t pos)
{
    fly__sql_expr *e = fly__sql_bind_node(b, FLY__SQL_X_COLUMN, type, 0, pos);
    if (e != NULL) {
        e->column = id;
    }
    return e;
}

fly__sql_expr *fly__sql_bind_null(fly__sql_binder *b, fly_sql_type type, uint32_t pos)
{
    fly__sql_expr *e = fly__sql_bind_node(b, FLY__SQL_X_CONST, type, 0, pos);
    if (e != NULL) {
        e->value.null = true;
    }
    return e;
}

/* Whether the value of an expression is not known before a row is. */
static bool depends(const fly__sql_expr *e)
{
    if (e->kind == FLY__SQL_X_COLUMN || e->kind == FLY__SQL_X_PARAM ||
        e->kind == FLY__SQL_X_SUBQUERY) {
        return true;
    }
    for (uint32_t i = 0; i < e->argc; i++) {
        if (e->args[i] != NULL && depends(e->args[i])) {
            return true;
        }
    }
    return false;
}

bool fly__sql_bind_certainly_null(const fly__sql_expr *e, uint32_t argc)
{
    bool null = false;
    for (uint32_t i = 0; i < e->argc; i++) {
        bool constant = e->args[i]->kind == FLY__SQL_X_CONST;
        null |= constant && e->args[i]->value.null && i < argc;
        if (!constant && !depends(e->args[i])) {
            return false;
        }
    }
    return null;
}

fly__sql_expr *fly__sql_bind_bool(fly__sql_binder *b, bool value, uint32_t pos)
{
    fly__sql_expr *e = fly__sql_bind_node(b, FLY__SQL_X_CONST, fly__sql_type(FLY_SQL_BOOL), 0, pos);
    if (e != NULL) {
        e->value.b = value;
    }
    return e;
}

fly__sql_expr *fly__sql_bind_int(fly__sql_binder *b, int64_t value, uint32_t oid, uint32_t pos)
{
    fly__sql_expr *e = fly__sql_bind_node(b, FLY__SQL_X_CONST, fly__sql_type(oid), 0, pos);
    if (e != NULL) {
        if (oid == FLY_SQL_INT4) {
            e->value.i32 = (int32_t)value;
        } else {
            e->value.i64 = value;
        }
    }
    return e;
}

fly__sql_expr *fly__sql_bind_str(fly__sql_binder *b, fly_bytes text, uint32_t oid, uint32_t pos)
{
    fly__sql_expr *e = fly__sql_bind_node(b, FLY__SQL_X_CONST, fly__sql_type(oid), 0, pos);
    void *copy = fly_arena_copy(b->arena, text.data, text.len);
    if (e == NULL || copy == NULL) {
        return fly__sql_bind_no_memory(b);
    }
    e->value.str = fly_vec_str_of(copy, text.len);
    return e;
}

fly__sql_expr *fly__sql_bind_and(fly__sql_binder *b, fly__sql_expr *left, fly__sql_expr *right)
{
    if (left == NULL) {
        return right;
    }
    if (right == NULL) {
        return left;
    }
    fly__sql_expr *e =
        fly__sql_bind_node(b, FLY__SQL_X_AND, fly__sql_type(FLY_SQL_BOOL), 2, left->pos);
    if (e == NULL) {
        return NULL;
    }
    e->args[0] = left;
    e->args[1] = right;
    return fly__sql_bind_done(b, e);
}

fly__sql_expr *fly__sql_bind_not(fly__sql_binder *b, fly__sql_expr *arg)
{
    fly__sql_expr *e =
        fly__sql_bind_node(b, FLY__SQL_X_NOT, fly__sql_type(FLY_SQL_BOOL), 1, arg->pos);
    if (e == NULL) {
        return NULL;
    }
    e->args[0] = arg;
    return fly__sql_bind_done(b, e);
}

uint32_t fly__sql_bind_pos(const fly__sql_expr *e)
{
    uint32_t pos = 0;
    for (; e != NULL; e = e->argc > 0 ? e->args[0] : NULL) {
        if (e->pos != 0 && (pos == 0 || e->pos < pos)) {
            pos = e->pos;
        }
    }
    return pos;
}

static bool same_value(const fly__sql_expr *a, const fly__sql_expr *b)
{
    if (a->value.null || b->value.null) {
        return a->value.null == b->value.null;
    }
    switch (fly__sql_type_physical(a->type)) {
    case FLY_VEC_STR:
        return fly_vec_str_equal(&a->value.str, &b->value.str);
    case FLY_VEC_BOOL:
        return a->value.b == b->value.b;
    case FLY_VEC_I16:
        return a->value.i16 == b->value.i16;
    case FLY_VEC_I32:
        return a->value.i32 == b->value.i32;
    case FLY_VEC_I64:
        return a->value.i64 == b->value.i64;
    case FLY_VEC_I128:
        return a->value.i128 == b->value.i128;
    case FLY_VEC_F32:
        /* By bits: 0 and -0 are two constants. NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
        return memcmp(&a->value.f32, &b->value.f32, sizeof a->value.f32) == 0;
    case FLY_VEC_F64:
        /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): likewise */
        return memcmp(&a->value.f64, &b->value.f64, sizeof a->value.f64) == 0;
    case FLY_VEC_INTERVAL:
        return a->value.interval.micros == b->value.interval.micros &&
               a->value.interval.days == b->value.interval.days &&
               a->value.interval.months == b->value.interval.months;
    default:
        return false;
    }
}

bool fly__sql_bind_equal(const fly__sql_expr *a, const fly__sql_expr *b)
{
    if (a == b) {
        return true;
    }
    if (a == NULL || b == NULL || a->kind != b->kind || a->argc != b->argc || a->func != b->func ||
        a->flag != b->flag || a->truth != b->truth || !fly__sql_type_equal(a->type, b->type) ||
        a->type.mod != b->type.mod || a->type.collation != b->type.collation) {
        return false;
    }
    switch (a->kind) {
    case FLY__SQL_X_CONST:
        if (!same_value(a, b)) {
            return false;
        }
        break;
    case FLY__SQL_X_COLUMN:
    case FLY__SQL_X_FIELD:
        if (a->column != b->column) {
            return false;
        }
        break;
    case FLY__SQL_X_PARAM:
        if (a->param != b->param) {
            return false;
        }
        break;
    case FLY__SQL_X_SUBQUERY:
        return a->subquery == b->subquery;
    default:
        break;
    }
    for (uint32_t i = 0; i < a->argc; i++) {
        if (!fly__sql_bind_equal(a->args[i], b->args[i])) {
            return false;
        }
    }
    return true;
}

/* ------------------------------------------------------------------- relations */

fly__sql_rel *fly__sql_bind_rel(fly__sql_binder *b, fly__sql_rel_kind kind, fly__sql_rel *left,
                                uint32_t columns)
{
    fly__sql_rel *rel = fly__sql_bind_alloc(b, sizeof *rel);
    if (rel == NULL) {
        return NULL;
    }
    rel->kind = (uint8_t)kind;
    rel->left = left;
    rel->column_count = columns;
    if (columns > 0) {
        rel->columns = fly__sql_bind_alloc(b, columns * sizeof *rel->columns);
        if (rel->columns == NULL) {
            return NULL;
        }
    }
    return rel;
}

fly__sql_rel *fly__sql_bind_filter(fly__sql_binder *b, fly__sql_rel *input,
                                   fly__sql_expr *condition)
{
    fly__sql_rel *rel = fly__sql_bind_rel(b, FLY__SQL_R_FILTER, input, 0);
    if (rel != NULL) {
        rel->filter.condition = condition;
    }
    return rel;
}

fly__sql_rel *fly__sql_bind_one_row(fly__sql_binder *b)
{
    fly__sql_rel *rel = fly__sql_bind_rel(b, FLY__SQL_R_VALUES, NULL, 0);
    fly__sql_expr ***rows = fly__sql_bind_alloc(b, sizeof *rows);
    if (rel == NULL || rows == NULL) {
        return NULL;
    }
    rel->values.row_count = 1;
    rel->values.rows = rows;
    rows[0] = fly__sql_bind_alloc(b, sizeof **rows);
    return rows[0] == NULL ? NULL : rel;
}

/* --------------------------------------------------------------------- walking */

bool fly__sql_bind_walk(fly__sql_expr **at, fly__sql_expr_visit visit, void *ctx)
{
    if (*at == NULL) {
        return true;
    }
    int go = visit(ctx, at);
    if (go <= 0) {
        return go == 0;
    }
    fly__sql_expr *e = *at;
    for (uint32_t i = 0; i < e->argc; i++) {
        if (!fly__sql_bind_walk(&e->args[i], visit, ctx)) {
            return false;
        }
    }
    if (e->kind == FLY__SQL_X_SUBQUERY) {
        return fly__sql_bind_walk_rel(e->subquery->rel, visit, ctx) &&
               fly__sql_bind_walk(&e->subquery->test, visit, ctx);
    }
    return true;
}

static bool walk_all(fly__sql_expr **list, uint32_t count, fly__sql_expr_visit visit, void *ctx)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!fly__sql_bind_walk(&list[i], visit, ctx)) {
            return false;
        }
    }
    return true;
}

static bool walk_keys(fly__sql_sort_key *keys, uint32_t count, fly__sql_expr_visit visit, void *ctx)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!fly__sql_bind_walk(&keys[i].expr, visit, ctx)) {
            return false;
        }
    }
    return true;
}

static bool walk_agg(fly__sql_agg *agg, fly__sql_expr_visit visit, void *ctx)
{
    return walk_all(agg->args, agg->argc, visit, ctx) &&
           fly__sql_bind_walk(&agg->filter, visit, ctx) &&
           walk_keys(agg->order, agg->order_count, visit, ctx);
}

static bool walk_assigns(fly__sql_assign *assigns, uint32_t count, fly__sql_expr_visit visit,
                         void *ctx)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!fly__sql_bind_walk(&assigns[i].expr, visit, ctx)) {
            return false;
        }
    }
    return true;
}

static bool walk_modify(fly__sql_modify *m, fly__sql_expr_visit visit, void *ctx)
{
    for (uint32_t i = 0; i < m->action_count; i++) {
        fly__sql_merge_action *action = &m->actions[i];
        if (!fly__sql_bind_walk(&action->condition, visit, ctx) ||
            !walk_assigns(action->assigns, action->assign_count, visit, ctx)) {
            return false;
        }
    }
    return walk_assigns(m->assigns, m->assign_count, visit, ctx) &&
           walk_assigns(m->generated, m->generated_count, visit, ctx) &&
           walk_all(m->checks, m->check_count, visit, ctx) &&
           walk_assigns(m->sets, m->set_count, visit, ctx) &&
           fly__sql_bind_walk(&m->set_where, visit, ctx) &&
           walk_all(m->returning, m->returning_count, visit, ctx);
}

static bool walk_window(fly__sql_rel *rel, fly__sql_expr_visit visit, void *ctx)
{
    for (uint32_t i = 0; i < rel->window.call_count; i++) {
        fly__sql_window_call *call = &rel->window.calls[i];
        if (!walk_agg(&call->call, visit, ctx) ||
            !fly__sql_bind_walk(&call->frame.start_offset, visit, ctx) ||
            !fly__sql_bind_walk(&call->frame.end_offset, visit, ctx)) {
            return false;
        }
    }
    return walk_all(rel->window.partitions, rel->window.partition_count, visit, ctx) &&
           walk_keys(rel->window.order, rel->window.order_count, visit, ctx);
}

bool fly__sql_bind_walk_rel(fly__sql_rel *rel, fly__sql_expr_visit visit, void *ctx)
{
    if (rel == NULL) {
        return true;
    }
    if (rel->kind == FLY__SQL_R_WITH) {
        for (uint32_t i = 0; i < rel->with.count; i++) {
            if (!fly__sql_bind_walk_rel(rel->with.ctes[i]->rel, visit, ctx) ||
                !fly__sql_bind_walk_rel(rel->with.ctes[i]->recursive, visit, ctx)) {
                return false;
            }
        }
    }
    if (!fly__sql_bind_walk_rel(rel->left, visit, ctx) ||
        !fly__sql_bind_walk_rel(rel->right, visit, ctx)) {
        return false;
    }
    switch ((fly__sql_rel_kind)rel->kind) {
    case FLY__SQL_R_SCAN:
        return fly__sql_bind_walk(&rel->scan.filter, visit, ctx) &&
               walk_all(rel->scan.equals, rel->scan.equal_count, visit, ctx) &&
               fly__sql_bind_walk(&rel->scan.low, visit, ctx) &&
               fly__sql_bind_walk(&rel->scan.high, visit, ctx);
    case FLY__SQL_R_VALUES:
        for (uint32_t i = 0; i < rel->values.row_count; i++) {
            if (!walk_all(rel->values.rows[i], rel->column_count, visit, ctx)) {
                return false;
            }
        }
        return true;
    case FLY__SQL_R_FUNCTION:
        return walk_all(rel->function.calls, rel->function.count, visit, ctx);
    case FLY__SQL_R_FILTER:
        return fly__sql_bind_walk(&rel->filter.condition, visit, ctx);
    case FLY__SQL_R_PROJECT:
    case FLY__SQL_R_UNNEST:
        return walk_all(rel->project.exprs, rel->column_count, visit, ctx);
    case FLY__SQL_R_JOIN:
        return fly__sql_bind_walk(&rel->join.condition, visit, ctx);
    case FLY__SQL_R_AGGREGATE:
        for (uint32_t i = 0; i < rel->aggregate.agg_count; i++) {
            if (!walk_agg(&rel->aggregate.aggs[i], visit, ctx)) {
                return false;
            }
        }
        return walk_all(rel->aggregate.groups, rel->aggregate.group_count, visit, ctx);
    case FLY__SQL_R_WINDOW:
        return walk_window(rel, visit, ctx);
    case FLY__SQL_R_SORT:
        return walk_keys(rel->sort.keys, rel->sort.count, visit, ctx);
    case FLY__SQL_R_LIMIT:
        return fly__sql_bind_walk(&rel->limit.limit, visit, ctx) &&
               fly__sql_bind_walk(&rel->limit.offset, visit, ctx);
    case FLY__SQL_R_DISTINCT:
        return walk_all(rel->distinct.on, rel->distinct.on_count, visit, ctx);
    case FLY__SQL_R_MODIFY:
        return walk_modify(rel->modify, visit, ctx);
    case FLY__SQL_R_SETOP:
    case FLY__SQL_R_CTE:
    case FLY__SQL_R_WITH:
    case FLY__SQL_R_LOCK:
        return true;
    }
    return true;
}
