/*
 * Window functions: OVER, the WINDOW clause, frames.
 *
 * Each window that is asked for becomes a definition of the scope; calls over equal windows share one,
 * and definitions of one partition and order share a node, because a frame belongs to a call.
 */
#include "bind/bind_scope_int.h"

static int nested_window(void *ctx, fly__sql_expr **at)
{
    void **c = ctx;
    const fly__sql_binder *b = c[0];
    if ((*at)->kind == FLY__SQL_X_COLUMN) {
        const fly__sql_colinfo *info = &b->infos[(*at)->column];
        if (info->kind == 'w' && info->scope == c[1]) {
            *(uint32_t *)c[2] = (*at)->pos;
            return -1;
        }
    }
    return 1;
}

/* ------------------------------------------------------------------------- frames */

static int names_columns(void *ctx, fly__sql_expr **at)
{
    void **c = ctx;
    const fly__sql_binder *b = c[0];
    return (*at)->kind == FLY__SQL_X_COLUMN && b->infos[(*at)->column].scope == c[1] ? -1 : 1;
}

static fly__sql_expr *frame_offset(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast *ast,
                                   const char *mode)
{
    fly__sql_expr *e = fly__sql_bind_at(b, scope, FLY__SQL_IN_WINDOW_FRAME, ast);
    if (e == NULL) {
        return NULL;
    }
    void *ctx[] = {b, scope};
    if (!fly__sql_bind_walk(&e, names_columns, ctx)) {
        return fly__sql_bind_fail(b, "42P10", ast->pos, "argument of %s must not contain variables",
                                  mode);
    }
    if (strcmp(mode, "RANGE") == 0) {
        return e;
    }
    return fly__sql_bind_coerce_place(b, e, FLY_SQL_INT8, mode);
}

/* The offset of a RANGE frame: what the order key plus and minus it is, and how that compares. */
static bool range_offset(fly__sql_binder *b, fly__sql_window_def *def, fly__sql_expr **offset,
                         uint32_t pos)
{
    if (def->order_count != 1) {
        return fly__sql_bind_fail(b, "42P20", pos,
                                  "RANGE with offset PRECEDING/FOLLOWING requires exactly one "
                                  "ORDER BY column") != NULL;
    }
    fly__sql_expr *key = fly__sql_bind_unshaped(b, def->order[0].expr);
    if (key == NULL) {
        return false;
    }
    def->order[0].expr = key;
    uint32_t oid = key->type.oid;
    bool preferred;
    char category = fly__sql_bind_category(b, oid, &preferred);
    uint32_t wanted = category == 'N'                              ? oid
                      : category == 'D' || oid == FLY_SQL_INTERVAL ? FLY_SQL_INTERVAL
                                                                   : 0;
    fly__sql_expr *e =
        wanted == 0
            ? NULL
            : fly__sql_bind_coerce(b, *offset, fly__sql_bind_plain(b, wanted), 'i', (*offset)->pos);
    if (e == NULL && wanted != 0 && fly__sql_bind_ok(b) && category == 'N') {
        e = fly__sql_bind_coerce(b, *offset, fly__sql_bind_plain(b, wanted), 'a', (*offset)->pos);
    }
    const fly__sql_func *add = e == NULL ? NULL : fly__sql_bind_find_op(b, "+", oid, wanted);
    const fly__sql_func *sub = add == NULL ? NULL : fly__sql_bind_find_op(b, "-", oid, wanted);
    const fly__sql_func *less = sub == NULL ? NULL
                                            : fly__sql_bind_find_op(b, "<", add->result, oid);
    if (less == NULL) {
        if (!fly__sql_bind_ok(b)) {
            return false;
        }
        if (wanted == 0) {
            return fly__sql_bind_fail(b, "0A000", (*offset)->pos,
                                      "RANGE with offset PRECEDING/FOLLOWING is not supported for "
                                      "column type %s",
                                      fly__sql_bind_type_name(b, oid)) != NULL;
        }
        return fly__sql_bind_fail(b, "0A000", (*offset)->pos,
                                  "RANGE with offset PRECEDING/FOLLOWING is not supported for "
                                  "column type %s and offset type %s",
                                  fly__sql_bind_type_name(b, oid),
                                  fly__sql_bind_type_name(b, (*offset)->type.oid)) != NULL;
    }
    *offset = e;
    def->frame.in_add = add;
    def->frame.in_sub = sub;
    def->frame.in_cmp = less;
    return true;
}

static uint8_t bound(fly_ast_frame_bound ast)
{
    static const uint8_t bounds[] = {FLY__SQL_UNBOUNDED_PRECEDING, FLY__SQL_PRECEDING,
                                     FLY__SQL_CURRENT_ROW, FLY__SQL_FOLLOWING,
                                     FLY__SQL_UNBOUNDED_FOLLOWING};
    return bounds[ast];
}

static bool frame(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_window *ast,
                  fly__sql_window_def *def)
{
    static const char modes[] = {'v', 'v', 'r', 'g'};
    static const char *const names[] = {"RANGE", "RANGE", "ROWS", "GROUPS"};
    static const char excludes[] = {'n', 'c', 'g', 't'};
    def->frame = (fly__sql_frame){.mode = modes[ast->mode],
                                  .start = FLY__SQL_UNBOUNDED_PRECEDING,
                                  .end = FLY__SQL_CURRENT_ROW,
                                  .exclude = excludes[ast->exclude]};
    if (ast->mode == FLY_AST_FRAME_NONE) {
        return true;
    }
    def->framed = true;
    def->frame.start = bound(ast->start);
    def->frame.end = ast->between ? bound(ast->end) : FLY__SQL_CURRENT_ROW;
    if (ast->mode == FLY_AST_FRAME_GROUPS && def->order_count == 0) {
        return fly__sql_bind_fail(b, "42P20", ast->node.pos,
                                  "GROUPS mode requires an ORDER BY clause") != NULL;
    }
    const char *name = names[ast->mode];
    if (ast->start_offset != NULL) {
        def->frame.start_offset = frame_offset(b, scope, ast->start_offset, name);
        if (def->frame.start_offset == NULL) {
            return false;
        }
    }
    if (ast->end_offset != NULL) {
        def->frame.end_offset = frame_offset(b, scope, ast->end_offset, name);
        if (def->frame.end_offset == NULL) {
            return false;
        }
    }
    if (def->frame.mode != 'v') {
        return true;
    }
    return (def->frame.start_offset == NULL ||
            range_offset(b, def, &def->frame.start_offset, ast->node.pos)) &&
           (def->frame.end_offset == NULL ||
            range_offset(b, def, &def->frame.end_offset, ast->node.pos));
}

/* -------------------------------------------------------------------- definitions */

static fly__sql_window_def *named(fly__sql_binder *b, fly__sql_scope *scope, const char *name,
                                  uint32_t pos);

static bool partition(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_window *ast,
                      fly__sql_window_def *def)
{
    def->partitions =
        fly__sql_bind_alloc(b, (ast->partition_by.count + 1) * sizeof *def->partitions);
    if (def->partitions == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < ast->partition_by.count; i++) {
        fly__sql_expr *e =
            fly__sql_bind_at(b, scope, FLY__SQL_IN_PARTITION_BY, ast->partition_by.items[i]);
        e = e == NULL ? NULL : fly__sql_bind_known(b, e);
        if (e == NULL || !fly__sql_bind_groupable(b, e->type.oid, e->pos)) {
            return false;
        }
        def->partitions[def->partition_count++] = e;
    }
    return true;
}

static bool order(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_window *ast,
                  fly__sql_window_def *def)
{
    def->order = fly__sql_bind_alloc(b, (ast->order_by.count + 1) * sizeof *def->order);
    if (def->order == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < ast->order_by.count; i++) {
        const fly_ast_sort *sort = (const fly_ast_sort *)ast->order_by.items[i];
        fly__sql_expr *e = fly__sql_bind_at(b, scope, FLY__SQL_IN_WINDOW_ORDER, sort->expr);
        e = e == NULL ? NULL : fly__sql_bind_known(b, e);
        if (e == NULL || !fly__sql_bind_sort_key(b, sort, e, &def->order[def->order_count])) {
            return false;
        }
        def->order_count++;
    }
    return true;
}

/* What a definition takes over from the window that it names. */
static bool inherit(fly__sql_binder *b, const fly_ast_window *ast, const fly__sql_window_def *base,
                    fly__sql_window_def *def)
{
    uint32_t pos = ast->node.pos;
    if (ast->partition_by.count > 0) {
        return fly__sql_bind_fail(b, "42P20", pos,
                                  "cannot override PARTITION BY clause of window \"%s\"",
                                  ast->ref) != NULL;
    }
    if (ast->order_by.count > 0 && base->order_count > 0) {
        return fly__sql_bind_fail(b, "42P20", pos,
                                  "cannot override ORDER BY clause of window \"%s\"",
                                  ast->ref) != NULL;
    }
    if (base->framed) {
        (void)fly__sql_bind_fail(
            b, "42P20", pos, "cannot copy window \"%s\" because it has a frame clause", ast->ref);
        if (ast->name == NULL && ast->order_by.count == 0 && ast->mode == FLY_AST_FRAME_NONE) {
            fly__sql_bind_hint(b, "Omit the parentheses in this OVER clause.");
        }
        return false;
    }
    def->partitions = base->partitions;
    def->partition_count = base->partition_count;
    def->order = base->order;
    def->order_count = base->order_count;
    return true;
}

static fly__sql_window_def *define(fly__sql_binder *b, fly__sql_scope *scope,
                                   const fly_ast_window *ast)
{
    fly__sql_window_def *def = fly__sql_bind_alloc(b, sizeof *def);
    if (def == NULL) {
        return NULL;
    }
    def->name = ast->name;
    def->ast = ast;
    if (ast->ref != NULL) {
        const fly__sql_window_def *base = named(b, scope, ast->ref, ast->node.pos);
        if (base == NULL || !inherit(b, ast, base, def)) {
            return NULL;
        }
    } else if (!partition(b, scope, ast, def)) {
        return NULL;
    }
    if ((def->order_count == 0 && !order(b, scope, ast, def)) || !frame(b, scope, ast, def)) {
        return NULL;
    }
    def->next = scope->windows;
    scope->windows = def;
    return def;
}

/* A window of the WINDOW clause, bound when it is first asked for. */
static fly__sql_window_def *named(fly__sql_binder *b, fly__sql_scope *scope, const char *name,
                                  uint32_t pos)
{
    for (fly__sql_window_def *def = scope->windows; def != NULL; def = def->next) {
        if (def->name != NULL && strcmp(def->name, name) == 0) {
            return def;
        }
    }
    for (uint32_t i = 0; scope->select != NULL && i < scope->select->windows.count; i++) {
        const fly_ast_window *ast = (const fly_ast_window *)scope->select->windows.items[i];
        if (ast->name != NULL && strcmp(ast->name, name) == 0 && b->depth < 1000) {
            b->depth += 10;
            fly__sql_window_def *def = define(b, scope, ast);
            b->depth -= 10;
            return def;
        }
    }
    return fly__sql_bind_fail(b, "42704", pos, "window \"%s\" does not exist", name);
}

static bool same_keys(const fly__sql_window_def *a, const fly__sql_window_def *b)
{
    if (a->partition_count != b->partition_count || a->order_count != b->order_count) {
        return false;
    }
    for (uint32_t i = 0; i < a->partition_count; i++) {
        if (!fly__sql_bind_equal(a->partitions[i], b->partitions[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < a->order_count; i++) {
        if (!fly__sql_bind_equal(a->order[i].expr, b->order[i].expr) ||
            a->order[i].descending != b->order[i].descending ||
            a->order[i].nulls_first != b->order[i].nulls_first) {
            return false;
        }
    }
    return true;
}

/* -------------------------------------------------------------------------- calls */

static bool check_call(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_call *call,
                       const fly__sql_func *func)
{
    uint32_t pos = call->node.pos;
    switch (scope->place) {
    case FLY__SQL_IN_TARGET:
    case FLY__SQL_IN_ORDER_BY:
    case FLY__SQL_IN_DISTINCT_ON:
        break;
    default:
        return fly__sql_bind_fail(b, "42P20", pos, "window functions are not allowed in %s",
                                  fly__sql_bind_place_name(scope->place)) != NULL;
    }
    if (call->distinct) {
        return fly__sql_bind_fail(b, "0A000", pos,
                                  "DISTINCT is not implemented for window "
                                  "functions") != NULL;
    }
    if (call->order_by.count > 0) {
        return fly__sql_bind_fail(b, "0A000", pos,
                                  "aggregate ORDER BY is not implemented for window functions") !=
               NULL;
    }
    if (func->kind == FLY__SQL_WINDOW && call->filter != NULL) {
        return fly__sql_bind_fail(b, "0A000", pos,
                                  "FILTER is not implemented for non-aggregate window functions") !=
               NULL;
    }
    return true;
}

fly__sql_expr *fly__sql_bind_window_call(fly__sql_binder *b, fly__sql_scope *scope,
                                         const fly_ast_call *call, const fly__sql_func *func,
                                         fly__sql_expr **args, uint32_t argc, fly__sql_expr *filter,
                                         fly_sql_type result)
{
    uint32_t nested_pos = 0;
    void *ctx[] = {b, scope, &nested_pos};
    for (uint32_t i = 0; i < argc; i++) {
        if (!fly__sql_bind_walk(&args[i], nested_window, ctx)) {
            return fly__sql_bind_fail(b, "42P20", nested_pos,
                                      "window function calls cannot be nested");
        }
    }
    if (!check_call(b, scope, call, func)) {
        return NULL;
    }
    scope->has_windows = true;
    const fly_ast_window *over = (const fly_ast_window *)call->over;
    fly__sql_window_def *def = over->ref != NULL && over->bare
                                   ? named(b, scope, over->ref, over->node.pos)
                                   : define(b, scope, over);
    fly__sql_window_call *wc = def == NULL ? NULL : fly__sql_bind_alloc(b, sizeof *wc);
    if (wc == NULL ||
        !fly__sql_bind_room(b, &def->calls, &def->call_room, def->call_count, sizeof *def->calls)) {
        return NULL;
    }
    wc->call = (fly__sql_agg){
        .func = func, .argc = argc, .args = args, .filter = filter, .pos = call->node.pos};
    wc->call.out = (fly__sql_colref){.id = fly__sql_bind_id(b, 'w', scope, NULL, 0),
                                     .type = result,
                                     .name = func->name,
                                     .nullable = true};
    wc->frame = def->frame;
    if (wc->call.out.id == 0) {
        return NULL;
    }
    def->calls[def->call_count++] = wc;
    return fly__sql_bind_colref(b, wc->call.out.id, result, call->node.pos);
}

static bool define_all(fly__sql_binder *b, fly__sql_scope *scope)
{
    fly_ast_list list = scope->select->windows;
    for (uint32_t i = 0; i < list.count; i++) {
        const fly_ast_window *ast = (const fly_ast_window *)list.items[i];
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(((const fly_ast_window *)list.items[j])->name, ast->name) == 0) {
                return fly__sql_bind_fail(b, "42P20", ast->node.pos,
                                          "window \"%s\" is already defined", ast->name) != NULL;
            }
        }
        if (named(b, scope, ast->name, ast->node.pos) == NULL) {
            return false;
        }
    }
    return true;
}

fly__sql_rel *fly__sql_bind_windows(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_rel *input)
{
    if (!define_all(b, scope)) {
        return NULL;
    }
    for (fly__sql_window_def *def = scope->windows; def != NULL; def = def->next) {
        uint32_t count = def->call_count;
        for (fly__sql_window_def *d = def->next; d != NULL; d = d->next) {
            count += same_keys(def, d) ? d->call_count : 0;
        }
        if (def->call_count == 0) {
            continue;
        }
        fly__sql_rel *rel = fly__sql_bind_rel(b, FLY__SQL_R_WINDOW, input, 0);
        fly__sql_window_call *calls = fly__sql_bind_alloc(b, count * sizeof *calls);
        if (rel == NULL || calls == NULL) {
            return NULL;
        }
        rel->window.partition_count = def->partition_count;
        rel->window.partitions = def->partitions;
        rel->window.order_count = def->order_count;
        rel->window.order = def->order;
        rel->window.calls = calls;
        for (fly__sql_window_def *d = def; d != NULL; d = d->next) {
            if (d != def && !same_keys(def, d)) {
                continue;
            }
            for (uint32_t i = 0; i < d->call_count; i++) {
                calls[rel->window.call_count++] = *d->calls[i];
            }
            d->call_count = d == def ? d->call_count : 0;
        }
        input = rel;
    }
    return input;
}
