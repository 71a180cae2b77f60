/*
 * SEARCH and CYCLE of recursive queries: columns that both terms get beyond their own.
 *
 *     SEARCH DEPTH FIRST BY c SET seq      seq: the rows on the way here, as an array of records
 *     SEARCH BREADTH FIRST BY c SET seq    seq: a record of the depth and the row
 *     CYCLE c SET mark USING path          path: as for DEPTH; mark: whether the row is on its path
 *                                          already, and rows so marked are not followed
 *
 * The recursive term does not see these columns by name. Its query is a projection over, somewhere
 * below, the rows of the last round: there they are taken from, and to the projection they are added.
 *
 * @source ISO/IEC 9075-2, 7.17 and 7.18, "search or cycle clause", as rewriting.
 */
#include "bind/bind_cte_int.h"

static const fly_sql_type record = {.oid = FLY_SQL_RECORD, .mod = -1};
static const fly_sql_type records = {.oid = FLY__SQL_RECORD_ARRAY, .mod = -1};

/* The places of the columns that are named. */
static bool places(fly__sql_binder *b, const fly__sql_cte *cte, uint32_t own, fly_ast_names names,
                   const char *clause, uint32_t pos, uint32_t **at)
{
    *at = fly__sql_bind_alloc(b, (names.count + 1) * sizeof **at);
    if (*at == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < names.count; i++) {
        uint32_t c = 0;
        while (c < own && strcmp(cte->columns[c].name, names.items[i]) != 0) {
            c++;
        }
        if (c == own) {
            return fly__sql_bind_fail(b, "42601", pos,
                                      "%s column \"%s\" not in WITH query column list", clause,
                                      names.items[i]) != NULL;
        }
        (*at)[i] = c;
    }
    return true;
}

static fly__sql_rel *projection(fly__sql_binder *b, fly__sql_rel *rel)
{
    if (rel->kind == FLY__SQL_R_PROJECT) {
        return rel;
    }
    fly__sql_target *targets = fly__sql_bind_alloc(b, (rel->column_count + 1) * sizeof *targets);
    if (targets == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < rel->column_count; i++) {
        targets[i].name = rel->columns[i].name;
        targets[i].expr = fly__sql_bind_colref(b, rel->columns[i].id, rel->columns[i].type, 0);
        if (targets[i].expr == NULL) {
            return NULL;
        }
    }
    return fly__sql_bind_project(b, NULL, rel, targets, rel->column_count);
}

static bool add_column(fly__sql_binder *b, fly__sql_rel *project, fly__sql_expr *e,
                       const char *name)
{
    uint32_t count = project->column_count;
    fly__sql_colref *columns = fly__sql_bind_alloc(b, (count + 1) * sizeof *columns);
    fly__sql_expr **exprs = fly__sql_bind_alloc(b, (count + 1) * sizeof *exprs);
    if (e == NULL || columns == NULL || exprs == NULL) {
        return false;
    }
    memcpy(columns, project->columns, count * sizeof *columns);
    memcpy(exprs, project->project.exprs, count * sizeof *exprs);
    exprs[count] = e;
    columns[count] = (fly__sql_colref){.id = fly__sql_bind_id(b, 'o', NULL, NULL, count),
                                       .type = e->type,
                                       .name = name,
                                       .nullable = true};
    project->columns = columns;
    project->project.exprs = exprs;
    project->column_count = count + 1;
    return columns[count].id != 0;
}

/* ROW(depth if there is one, columns) of a projection's expressions. */
static fly__sql_expr *row_of(fly__sql_binder *b, const fly__sql_rel *project, const uint32_t *at,
                             uint32_t count, fly__sql_expr *depth)
{
    uint32_t extra = depth != NULL;
    fly__sql_expr *row = fly__sql_bind_node(b, FLY__SQL_X_ROW, record, count + extra, 0);
    if (row == NULL) {
        return NULL;
    }
    if (extra) {
        row->args[0] = depth;
    }
    for (uint32_t i = 0; i < count; i++) {
        fly__sql_expr *copy = fly__sql_bind_copy(b, project->project.exprs[at[i]]);
        row->args[i + extra] = copy == NULL ? NULL : fly__sql_bind_unshaped(b, copy);
        if (row->args[i + extra] == NULL) {
            return NULL;
        }
    }
    return fly__sql_bind_done(b, row);
}

static fly__sql_expr *array_of_one(fly__sql_binder *b, fly__sql_expr *row)
{
    fly__sql_expr *array = row == NULL ? NULL
                                       : fly__sql_bind_node(b, FLY__SQL_X_ARRAY, records, 1, 0);
    if (array == NULL) {
        return NULL;
    }
    array->args[0] = row;
    return fly__sql_bind_done(b, array);
}

static fly__sql_expr *appended(fly__sql_binder *b, fly__sql_colid path, fly__sql_expr *row)
{
    fly__sql_expr *args[2] = {fly__sql_bind_colref(b, path, records, 0), row};
    return args[0] == NULL || row == NULL ? NULL
                                          : fly__sql_bind_named_call(b, "array_append", args, 2, 0);
}

static fly__sql_expr *one_deeper(fly__sql_binder *b, fly__sql_colid sequence)
{
    fly__sql_expr *before = fly__sql_bind_colref(b, sequence, record, 0);
    fly__sql_expr *depth =
        fly__sql_bind_node(b, FLY__SQL_X_FIELD, fly__sql_type(FLY_SQL_INT8), 1, 0);
    fly__sql_expr *one = fly__sql_bind_int(b, 1, FLY_SQL_INT8, 0);
    if (before == NULL || depth == NULL || one == NULL) {
        return NULL;
    }
    depth->args[0] = before;
    depth->column = 1;
    return fly__sql_bind_op(b, "+", fly__sql_bind_done(b, depth), one, 0);
}

/* What a marked row has, and what the others have. */
static bool marks(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_cte_cycle *ast,
                  fly__sql_expr *pair[2])
{
    pair[0] = ast->mark_value == NULL ? fly__sql_bind_bool(b, true, 0)
                                      : fly__sql_bind_expression(b, scope, ast->mark_value);
    pair[1] = pair[0] == NULL             ? NULL
              : ast->mark_default == NULL ? fly__sql_bind_bool(b, false, 0)
                                          : fly__sql_bind_expression(b, scope, ast->mark_default);
    fly_sql_type type;
    if (pair[1] == NULL || !fly__sql_bind_unify(b, pair, 2, "CYCLE", &type)) {
        return false;
    }
    for (uint32_t i = 0; i < 2; i++) {
        pair[i] = fly__sql_bind_unshaped(b, pair[i]);
        if (pair[i] == NULL) {
            return false;
        }
    }
    return fly__sql_bind_groupable(b, pair[0]->type.oid, ast->node.pos);
}

bool fly__sql_bind_path_begin(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_cte *ast,
                              fly__sql_rel **first, fly__sql_cte *cte, fly__sql_path *path)
{
    const fly_ast_cte_search *search = (const fly_ast_cte_search *)ast->search;
    const fly_ast_cte_cycle *cycle = (const fly_ast_cte_cycle *)ast->cycle;
    path->own = cte->count;
    if (search == NULL && cycle == NULL) {
        return true;
    }
    *first = projection(b, *first);
    if (*first == NULL) {
        return false;
    }
    if (search != NULL) {
        if (!places(b, cte, path->own, search->columns, "search", search->node.pos,
                    &path->search_at)) {
            return false;
        }
        fly__sql_expr *zero = search->breadth ? fly__sql_bind_int(b, 0, FLY_SQL_INT8, 0) : NULL;
        fly__sql_expr *row = row_of(b, *first, path->search_at, search->columns.count, zero);
        if (!add_column(b, *first, search->breadth ? row : array_of_one(b, row),
                        search->sequence_column)) {
            return false;
        }
    }
    if (cycle != NULL) {
        if (!places(b, cte, path->own, cycle->columns, "cycle", cycle->node.pos, &path->cycle_at) ||
            !marks(b, scope, cycle, path->marks)) {
            return false;
        }
        fly__sql_expr *row = row_of(b, *first, path->cycle_at, cycle->columns.count, NULL);
        if (!add_column(b, *first, fly__sql_bind_copy(b, path->marks[1]), cycle->mark_column) ||
            !add_column(b, *first, array_of_one(b, row), cycle->path_column)) {
            return false;
        }
    }
    fly__sql_colref *columns =
        fly__sql_bind_alloc(b, ((*first)->column_count + 1) * sizeof *columns);
    if (columns == NULL) {
        return false;
    }
    memcpy(columns, (*first)->columns, (*first)->column_count * sizeof *columns);
    for (uint32_t i = 0; i < path->own; i++) {
        columns[i].name = cte->columns[i].name;
    }
    cte->columns = columns;
    cte->count = (*first)->column_count;
    return true;
}

/* Rows of the last round that are marked are not followed: a filter over where they come from. */
static bool stop_at_marks(fly__sql_binder *b, fly__sql_rel *work, fly__sql_colid mark,
                          const fly__sql_expr *value)
{
    fly__sql_rel *below = fly__sql_bind_alloc(b, sizeof *below);
    fly__sql_expr *column = fly__sql_bind_colref(b, mark, value->type, 0);
    fly__sql_expr *copy = fly__sql_bind_copy(b, value);
    if (below == NULL || column == NULL || copy == NULL) {
        return false;
    }
    fly__sql_expr *condition = fly__sql_bind_op(b, "<>", column, copy, 0);
    if (condition == NULL) {
        return false;
    }
    *below = *work;
    *work = (fly__sql_rel){.kind = FLY__SQL_R_FILTER,
                           .left = below,
                           .columns = below->columns,
                           .column_count = below->column_count};
    work->filter.condition = condition;
    return true;
}

static bool add_cycle(fly__sql_binder *b, const fly_ast_cte_cycle *cycle, const fly__sql_path *path,
                      fly__sql_rel *term, fly__sql_colid mark, fly__sql_colid trail)
{
    const fly__sql_func *equal = fly__sql_bind_find_op(b, "=", FLY_SQL_RECORD, FLY_SQL_RECORD);
    fly__sql_expr *row = row_of(b, term, path->cycle_at, cycle->columns.count, NULL);
    fly__sql_expr *again = row == NULL ? NULL : fly__sql_bind_copy(b, row);
    fly__sql_expr *seen = fly__sql_bind_node(b, FLY__SQL_X_ANY, fly__sql_type(FLY_SQL_BOOL), 2, 0);
    fly__sql_expr *e = fly__sql_bind_node(b, FLY__SQL_X_CASE, path->marks[0]->type, 3, 0);
    if (equal == NULL || again == NULL || seen == NULL || e == NULL) {
        return fly__sql_bind_ok(b) ? fly__sql_bind_unsupported(b, cycle->node.pos, "CYCLE") != NULL
                                   : false;
    }
    seen->func = equal;
    seen->args[0] = row;
    seen->args[1] = fly__sql_bind_colref(b, trail, records, 0);
    e->args[0] = seen;
    e->args[1] = fly__sql_bind_copy(b, path->marks[0]);
    e->args[2] = fly__sql_bind_copy(b, path->marks[1]);
    if (seen->args[1] == NULL || e->args[1] == NULL || e->args[2] == NULL) {
        return false;
    }
    (void)mark;
    return add_column(b, term, fly__sql_bind_done(b, e), cycle->mark_column) &&
           add_column(b, term, appended(b, trail, again), cycle->path_column);
}

bool fly__sql_bind_path_end(fly__sql_binder *b, const fly_ast_cte *ast, fly__sql_rel *term,
                            fly__sql_rel *work, const fly__sql_path *path)
{
    const fly_ast_cte_search *search = (const fly_ast_cte_search *)ast->search;
    const fly_ast_cte_cycle *cycle = (const fly_ast_cte_cycle *)ast->cycle;
    if (search == NULL && cycle == NULL) {
        return true;
    }
    if (term->kind != FLY__SQL_R_PROJECT || work == NULL) {
        return fly__sql_bind_unsupported(b, ast->node.pos,
                                         "SEARCH or CYCLE with such a recursive term") != NULL;
    }
    uint32_t at = path->own;
    if (search != NULL) {
        fly__sql_colid before = work->columns[at++].id;
        fly__sql_expr *depth = search->breadth ? one_deeper(b, before) : NULL;
        fly__sql_expr *row = row_of(b, term, path->search_at, search->columns.count, depth);
        if ((search->breadth && depth == NULL) ||
            !add_column(b, term, search->breadth ? row : appended(b, before, row),
                        search->sequence_column)) {
            return false;
        }
    }
    if (cycle != NULL) {
        fly__sql_colid mark = work->columns[at].id;
        fly__sql_colid trail = work->columns[at + 1].id;
        if (!add_cycle(b, cycle, path, term, mark, trail) ||
            !stop_at_marks(b, work, mark, path->marks[0])) {
            return false;
        }
    }
    return true;
}
