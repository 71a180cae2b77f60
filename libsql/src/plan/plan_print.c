/*
 * Plans as EXPLAIN shows them: a tree of arrows as PostgreSQL's, or the same as JSON.
 *
 * Expressions are printed as SQL, with columns by the names of what made them; it is for people, and is
 * not parsed again.
 */
#include "parse/text_int.h"
#include "plan/plan_int.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct printer {
    fly_sql_text out;
    bool json;
    uint32_t count; /* of names */
    const char **names;
    const char **tables;
    fly_arena *arena;
    uint32_t depth;                   /* of expressions */
    const fly__sql_node_stats *stats; /* what nodes did; NULL: the plan was not run */
    size_t stats_count;
} printer;

/* ------------------------------------------------------------------------- names */

static void name_column(printer *p, fly__sql_colid id, const char *table, const char *name)
{
    if (id < p->count && p->names[id] == NULL) {
        p->names[id] = name;
        p->tables[id] = table;
    }
}

static void name_rel(printer *p, const fly__sql_rel *rel);

static void name_expr(printer *p, const fly__sql_expr *e)
{
    if (e == NULL || p->depth > 1000) {
        return;
    }
    p->depth++;
    for (uint32_t i = 0; i < e->argc; i++) {
        name_expr(p, e->args[i]);
    }
    if (e->kind == FLY__SQL_X_SUBQUERY) {
        name_rel(p, e->subquery->rel);
    }
    p->depth--;
}

/* A group that is a column is called as that. */
static void name_groups(printer *p, const fly__sql_rel *rel)
{
    for (uint32_t i = 0; i < rel->aggregate.group_count; i++) {
        const fly__sql_expr *e = rel->aggregate.groups[i];
        if (e->kind == FLY__SQL_X_COLUMN && e->column < p->count) {
            name_column(p, rel->columns[i].id, p->tables[e->column], p->names[e->column]);
        }
    }
}

static void name_modify(printer *p, const fly__sql_modify *m)
{
    for (uint16_t i = 0; i < m->table->column_count; i++) {
        const char *name = m->table->columns[i].name;
        if (m->old != NULL) {
            name_column(p, m->old[i], m->relation_alias, name);
        }
        if (m->fresh != NULL) {
            name_column(p, m->fresh[i], m->on_conflict == 'u' ? "excluded" : NULL, name);
        }
    }
}

/* Columns are named where they are made; subqueries' too, that their tests can be shown. */
static void name_rel(printer *p, const fly__sql_rel *rel)
{
    if (rel == NULL || p->depth > 1000) {
        return;
    }
    p->depth++;
    if (rel->kind == FLY__SQL_R_WITH) {
        for (uint32_t i = 0; i < rel->with.count; i++) {
            name_rel(p, rel->with.ctes[i]->rel);
            name_rel(p, rel->with.ctes[i]->recursive);
        }
    }
    name_rel(p, rel->left);
    name_rel(p, rel->right);
    const char *table = rel->kind == FLY__SQL_R_SCAN  ? rel->scan.alias
                        : rel->kind == FLY__SQL_R_CTE ? rel->cte.cte->name
                                                      : NULL;
    for (uint32_t i = 0; i < rel->column_count; i++) {
        name_column(p, rel->columns[i].id, table, rel->columns[i].name);
    }
    switch ((fly__sql_rel_kind)rel->kind) {
    case FLY__SQL_R_FILTER:
        name_expr(p, rel->filter.condition);
        break;
    case FLY__SQL_R_SCAN:
        name_expr(p, rel->scan.filter);
        break;
    case FLY__SQL_R_PROJECT:
    case FLY__SQL_R_UNNEST:
        for (uint32_t i = 0; i < rel->column_count; i++) {
            name_expr(p, rel->project.exprs[i]);
        }
        break;
    case FLY__SQL_R_AGGREGATE:
        name_groups(p, rel);
        break;
    case FLY__SQL_R_JOIN:
        name_expr(p, rel->join.condition);
        break;
    case FLY__SQL_R_MODIFY:
        name_modify(p, rel->modify);
        break;
    default:
        break;
    }
    p->depth--;
}

/* -------------------------------------------------------------------- expressions */

static void put(printer *p, const char *text)
{
    fly__sql_text_put(&p->out, text);
}

static void print_expr(printer *p, const fly__sql_expr *e);

static void print_list(printer *p, fly__sql_expr *const *list, uint32_t count, const char *between)
{
    for (uint32_t i = 0; i < count; i++) {
        put(p, i > 0 ? between : "");
        print_expr(p, list[i]);
    }
}

static const char *type_name(fly_sql_type type)
{
    const fly__sql_type_info *info = fly__sql_type_info_of(type.oid);
    return info == NULL ? "user type" : info->sql_name != NULL ? info->sql_name : info->name;
}

static void print_const(printer *p, const fly__sql_expr *e)
{
    fly_bytes text = {0};
    fly_err err = {0};
    if (e->value.null) {
        put(p, "NULL");
        return;
    }
    if (fly__sql_value_out(NULL, e->type, &e->value, p->arena, &text, &err) != FLY_OK) {
        put(p, "?");
        return;
    }
    bool plain = e->type.oid == FLY_SQL_INT4 || e->type.oid == FLY_SQL_BOOL ||
                 e->type.oid == FLY_SQL_NUMERIC;
    put(p, plain ? "" : "'");
    fly__sql_text_add(&p->out, (const char *)text.data, text.len);
    put(p, plain ? "" : "'");
    if (!plain && e->type.oid != FLY_SQL_UNKNOWN) {
        put(p, "::");
        put(p, type_name(e->type));
    }
}

static void print_column(printer *p, fly__sql_colid id)
{
    if (id < p->count && p->names[id] != NULL) {
        if (p->tables[id] != NULL) {
            put(p, p->tables[id]);
            put(p, ".");
        }
        put(p, p->names[id]);
        return;
    }
    put(p, "#");
    fly__sql_text_int(&p->out, id);
}

static void print_call(printer *p, const fly__sql_expr *e)
{
    const fly__sql_func *func = e->func;
    if (func->kind == FLY__SQL_OPERATOR) {
        put(p, "(");
        if (e->argc == 2) {
            print_expr(p, e->args[0]);
            put(p, " ");
        }
        put(p, func->name);
        put(p, " ");
        print_expr(p, e->args[e->argc - 1]);
        put(p, ")");
        return;
    }
    if (func->kind == FLY__SQL_CAST) {
        put(p, "(");
        print_expr(p, e->args[0]);
        put(p, ")::");
        put(p, type_name(e->type));
        return;
    }
    put(p, func->name);
    put(p, "(");
    print_list(p, e->args, e->argc, ", ");
    put(p, ")");
}

static void print_around(printer *p, const char *before, const fly__sql_expr *e, const char *after)
{
    put(p, before);
    print_list(p, e->args, e->argc, ", ");
    put(p, after);
}

static void print_case(printer *p, const fly__sql_expr *e)
{
    put(p, "CASE");
    for (uint32_t i = 0; i + 1 < e->argc; i += 2) {
        put(p, " WHEN ");
        print_expr(p, e->args[i]);
        put(p, " THEN ");
        print_expr(p, e->args[i + 1]);
    }
    put(p, " ELSE ");
    print_expr(p, e->args[e->argc - 1]);
    put(p, " END");
}

static void print_subquery(printer *p, const fly__sql_expr *e)
{
    static const char *const names[] = {"EXISTS", "", "ANY", "ALL", "ARRAY", "ROW"};
    put(p, names[e->subquery->kind]);
    put(p, "(SubPlan");
    if (e->subquery->test != NULL) {
        put(p, ": ");
        print_expr(p, e->subquery->test);
    }
    put(p, ")");
}

static void print_row_compare(printer *p, const fly__sql_expr *e)
{
    uint32_t half = e->argc / 2;
    put(p, "(ROW(");
    print_list(p, e->args, half, ", ");
    put(p, ") ");
    put(p, half > 0 ? e->funcs[0]->name : "");
    put(p, " ROW(");
    print_list(p, e->args + half, half, ", ");
    put(p, "))");
}

static void print_is(printer *p, const fly__sql_expr *e)
{
    put(p, "(");
    print_expr(p, e->args[0]);
    if (e->kind == FLY__SQL_X_IS_NULL) {
        put(p, e->flag ? " IS NOT NULL)" : " IS NULL)");
        return;
    }
    put(p, " IS ");
    put(p, e->flag ? "NOT " : "");
    put(p, e->truth == 't' ? "TRUE)" : e->truth == 'f' ? "FALSE)" : "UNKNOWN)");
}

static void print_any(printer *p, const fly__sql_expr *e)
{
    put(p, "(");
    print_expr(p, e->args[0]);
    if (e->kind == FLY__SQL_X_IN) {
        put(p, e->flag ? " NOT IN (" : " IN (");
        print_list(p, e->args + 1, e->argc - 1, ", ");
        put(p, "))");
        return;
    }
    if (e->kind == FLY__SQL_X_DISTINCT) {
        put(p, e->flag ? " IS NOT DISTINCT FROM " : " IS DISTINCT FROM ");
        print_expr(p, e->args[1]);
        put(p, ")");
        return;
    }
    put(p, " ");
    put(p, e->func->name);
    put(p, e->flag ? " ALL (" : " ANY (");
    print_expr(p, e->args[1]);
    put(p, "))");
}

static void print_expr(printer *p, const fly__sql_expr *e)
{
    if (e == NULL) {
        return;
    }
    if (p->depth > 1000) {
        put(p, "...");
        return;
    }
    p->depth++;
    switch ((fly__sql_expr_kind)e->kind) {
    case FLY__SQL_X_CONST:
        print_const(p, e);
        break;
    case FLY__SQL_X_COLUMN:
        print_column(p, e->column);
        break;
    case FLY__SQL_X_PARAM:
        put(p, "$");
        fly__sql_text_int(&p->out, (int64_t)e->param + 1);
        break;
    case FLY__SQL_X_CALL:
        print_call(p, e);
        break;
    case FLY__SQL_X_SHAPE:
        print_expr(p, e->args[0]);
        break;
    case FLY__SQL_X_RELABEL:
    case FLY__SQL_X_FIT:
    case FLY__SQL_X_IO:
        put(p, "(");
        print_expr(p, e->args[0]);
        put(p, ")::");
        put(p, type_name(e->type));
        break;
    case FLY__SQL_X_AND:
    case FLY__SQL_X_OR:
        put(p, "(");
        print_list(p, e->args, e->argc, e->kind == FLY__SQL_X_AND ? " AND " : " OR ");
        put(p, ")");
        break;
    case FLY__SQL_X_NOT:
        print_around(p, "(NOT ", e, ")");
        break;
    case FLY__SQL_X_IS_NULL:
    case FLY__SQL_X_IS_TRUTH:
        print_is(p, e);
        break;
    case FLY__SQL_X_DISTINCT:
    case FLY__SQL_X_ANY:
    case FLY__SQL_X_IN:
        print_any(p, e);
        break;
    case FLY__SQL_X_CASE:
        print_case(p, e);
        break;
    case FLY__SQL_X_COALESCE:
        print_around(p, "COALESCE(", e, ")");
        break;
    case FLY__SQL_X_MINMAX:
        print_around(p, e->flag ? "LEAST(" : "GREATEST(", e, ")");
        break;
    case FLY__SQL_X_NULLIF:
        print_around(p, "NULLIF(", e, ")");
        break;
    case FLY__SQL_X_ARRAY:
        print_around(p, "ARRAY[", e, "]");
        break;
    case FLY__SQL_X_SUBSCRIPT:
        print_expr(p, e->args[0]);
        put(p, "[");
        print_list(p, e->args + 1, e->argc - 1, e->flag ? ":" : "][");
        put(p, "]");
        break;
    case FLY__SQL_X_ROW:
        print_around(p, "ROW(", e, ")");
        break;
    case FLY__SQL_X_FIELD:
        put(p, "(");
        print_expr(p, e->args[0]);
        put(p, ").f");
        fly__sql_text_int(&p->out, e->column);
        break;
    case FLY__SQL_X_ROW_COMPARE:
        print_row_compare(p, e);
        break;
    case FLY__SQL_X_SUBQUERY:
        print_subquery(p, e);
        break;
    case FLY__SQL_X_SESSION:
        put(p, e->func->name);
        break;
    }
    p->depth--;
}

/* ------------------------------------------------------------------------ the tree */

static void json_string(printer *p, const char *text, size_t len)
{
    put(p, "\"");
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        char code[8];
        if (c == '"' || c == '\\') {
            fly__sql_text_add(&p->out, "\\", 1);
            fly__sql_text_add(&p->out, text + i, 1);
        } else if (c < 32) {
            (void)snprintf(code, sizeof code, "\\u%04x", c);
            put(p, code);
        } else {
            fly__sql_text_add(&p->out, text + i, 1);
        }
    }
    put(p, "\"");
}

static void indent(printer *p, uint32_t level)
{
    for (uint32_t i = 0; i < level; i++) {
        put(p, "  ");
    }
}

/* A property begins; what is printed until end() is its value. Its place in the text, for JSON. */
static size_t begin(printer *p, uint32_t level, const char *name)
{
    if (p->json) {
        put(p, ",\n");
        indent(p, level + 1);
        json_string(p, name, strlen(name));
        put(p, ": ");
        return p->out.len;
    }
    indent(p, level + 1);
    put(p, name);
    put(p, ": ");
    return p->out.len;
}

static void end(printer *p, size_t start)
{
    if (!p->json) {
        put(p, "\n");
        return;
    }
    size_t len = p->out.len - start;
    char *copy = p->out.failed ? NULL : fly_arena_copy(p->arena, p->out.data + start, len);
    if (copy == NULL) {
        p->out.failed = true;
        return;
    }
    p->out.len = start;
    json_string(p, copy, len);
}

static void property(printer *p, uint32_t level, const char *name, const fly__sql_expr *e)
{
    if (e != NULL) {
        size_t at = begin(p, level, name);
        print_expr(p, e);
        end(p, at);
    }
}

static void property_list(printer *p, uint32_t level, const char *name, fly__sql_expr *const *list,
                          uint32_t count)
{
    if (count > 0) {
        size_t at = begin(p, level, name);
        print_list(p, list, count, ", ");
        end(p, at);
    }
}

static void property_keys(printer *p, uint32_t level, const char *name,
                          const fly__sql_sort_key *keys, uint32_t count)
{
    if (count == 0) {
        return;
    }
    size_t at = begin(p, level, name);
    for (uint32_t i = 0; i < count; i++) {
        put(p, i > 0 ? ", " : "");
        print_expr(p, keys[i].expr);
        put(p, keys[i].descending ? " DESC" : "");
        if (keys[i].nulls_first != keys[i].descending) {
            put(p, keys[i].nulls_first ? " NULLS FIRST" : " NULLS LAST");
        }
    }
    end(p, at);
}

static const char *join_name(const fly__sql_rel *rel)
{
    static const char *const hash[] = {"Hash Join",           "Hash Left Join", "Hash Right Join",
                                       "Hash Full Join",      "Hash Semi Join", "Hash Anti Join",
                                       "Hash Anti Null Join", "Hash Mark Join", "Hash Single Join"};
    static const char *const loop[] = {"Nested Loop",
                                       "Nested Loop Left Join",
                                       "Nested Loop Right Join",
                                       "Nested Loop Full Join",
                                       "Nested Loop Semi Join",
                                       "Nested Loop Anti Join",
                                       "Nested Loop Anti Null Join",
                                       "Nested Loop Mark Join",
                                       "Nested Loop Single Join"};
    return rel->join.method == 'h' || (rel->join.method == 0 && rel->join.key_count > 0)
               ? hash[rel->join.join]
               : loop[rel->join.join];
}

static void scan_name(printer *p, const fly__sql_rel *rel)
{
    if (rel->scan.index == NULL) {
        put(p, "Seq Scan on ");
    } else {
        put(p, rel->scan.index_only ? "Index Only Scan" : "Index Scan");
        put(p, rel->scan.backward ? " Backward using " : " using ");
        put(p, rel->scan.index->name);
        put(p, " on ");
    }
    put(p, rel->scan.table->name);
    if (rel->scan.alias != NULL && strcmp(rel->scan.alias, rel->scan.table->name) != 0) {
        put(p, " ");
        put(p, rel->scan.alias);
    }
}

static void node_name(printer *p, const fly__sql_rel *rel)
{
    static const char *const commands[] = {"Insert", "Update", "Delete", "Merge"};
    switch ((fly__sql_rel_kind)rel->kind) {
    case FLY__SQL_R_SCAN:
        scan_name(p, rel);
        break;
    case FLY__SQL_R_VALUES:
        put(p, rel->column_count == 0 && rel->values.row_count == 1 ? "Result" : "Values Scan");
        break;
    case FLY__SQL_R_FUNCTION:
        put(p, "Function Scan");
        break;
    case FLY__SQL_R_FILTER:
        put(p, "Filter");
        break;
    case FLY__SQL_R_PROJECT:
        put(p, "Project");
        break;
    case FLY__SQL_R_UNNEST:
        put(p, "ProjectSet");
        break;
    case FLY__SQL_R_JOIN:
        put(p, join_name(rel));
        break;
    case FLY__SQL_R_AGGREGATE:
        put(p, rel->aggregate.set_count > 0     ? "MixedAggregate"
               : rel->aggregate.group_count > 0 ? "HashAggregate"
                                                : "Aggregate");
        break;
    case FLY__SQL_R_WINDOW:
        put(p, "WindowAgg");
        break;
    case FLY__SQL_R_SORT:
        put(p, "Sort");
        break;
    case FLY__SQL_R_LIMIT:
        put(p, "Limit");
        break;
    case FLY__SQL_R_DISTINCT:
        put(p, "Unique");
        break;
    case FLY__SQL_R_SETOP:
        put(p, rel->setop.op == 'u' ? (rel->setop.all ? "Append" : "Union")
               : rel->setop.op == 'i'
                   ? (rel->setop.all ? "HashSetOp Intersect All" : "HashSetOp Intersect")
                   : (rel->setop.all ? "HashSetOp Except All" : "HashSetOp Except"));
        break;
    case FLY__SQL_R_CTE:
        put(p, rel->cte.work ? "WorkTable Scan on " : "CTE Scan on ");
        put(p, rel->cte.cte->name);
        break;
    case FLY__SQL_R_WITH:
        put(p, "With");
        break;
    case FLY__SQL_R_LOCK:
        put(p, "LockRows");
        break;
    case FLY__SQL_R_MODIFY:
        put(p, commands[rel->modify->command]);
        put(p, " on ");
        put(p, rel->modify->table->name);
        break;
    }
}

static void print_aggs(printer *p, uint32_t level, const fly__sql_rel *rel)
{
    if (rel->aggregate.agg_count == 0) {
        return;
    }
    size_t at = begin(p, level, "Aggregates");
    for (uint32_t i = 0; i < rel->aggregate.agg_count; i++) {
        const fly__sql_agg *agg = &rel->aggregate.aggs[i];
        put(p, i > 0 ? ", " : "");
        put(p, agg->func->name);
        put(p, agg->distinct ? "(DISTINCT " : "(");
        print_list(p, agg->args, agg->argc, ", ");
        put(p, agg->argc == 0 ? "*)" : ")");
        if (agg->filter != NULL) {
            put(p, " FILTER (WHERE ");
            print_expr(p, agg->filter);
            put(p, ")");
        }
    }
    end(p, at);
}

static void print_calls(printer *p, uint32_t level, const fly__sql_rel *rel)
{
    size_t at = begin(p, level, "Calls");
    for (uint32_t i = 0; i < rel->window.call_count; i++) {
        const fly__sql_agg *agg = &rel->window.calls[i].call;
        put(p, i > 0 ? ", " : "");
        put(p, agg->func->name);
        put(p, "(");
        print_list(p, agg->args, agg->argc, ", ");
        put(p, ")");
    }
    end(p, at);
}

/* One bound of an index scan, as the condition on column `at` of the index that it came from. */
static void print_bound(printer *p, const fly__sql_rel *rel, uint32_t at, const char *op,
                        const fly__sql_expr *bound, bool *first)
{
    if (bound == NULL) {
        return;
    }
    const fly__sql_index_column *key = &rel->scan.index->columns[at];
    put(p, *first ? "(" : " AND (");
    put(p, key->column == 0 ? key->expression : rel->scan.table->columns[key->column - 1].name);
    put(p, op);
    print_expr(p, bound);
    put(p, ")");
    *first = false;
}

static void print_bounds(printer *p, uint32_t level, const fly__sql_rel *rel)
{
    uint32_t equals = rel->scan.equal_count;
    if (rel->scan.index == NULL ||
        (equals == 0 && rel->scan.low == NULL && rel->scan.high == NULL)) {
        return;
    }
    size_t at = begin(p, level, "Index Cond");
    bool first = true;
    for (uint32_t i = 0; i < equals; i++) {
        print_bound(p, rel, i, " = ", rel->scan.equals[i], &first);
    }
    print_bound(p, rel, equals, rel->scan.low_open ? " > " : " >= ", rel->scan.low, &first);
    print_bound(p, rel, equals, rel->scan.high_open ? " < " : " <= ", rel->scan.high, &first);
    end(p, at);
}

static void details(printer *p, uint32_t level, const fly__sql_rel *rel)
{
    switch ((fly__sql_rel_kind)rel->kind) {
    case FLY__SQL_R_SCAN:
        print_bounds(p, level, rel);
        property(p, level, "Filter", rel->scan.filter);
        break;
    case FLY__SQL_R_FUNCTION:
        property_list(p, level, "Function Call", rel->function.calls, rel->function.count);
        break;
    case FLY__SQL_R_FILTER:
        property(p, level, "Filter", rel->filter.condition);
        break;
    case FLY__SQL_R_PROJECT:
    case FLY__SQL_R_UNNEST:
        property_list(p, level, "Output", rel->project.exprs, rel->column_count);
        break;
    case FLY__SQL_R_JOIN:
        property(p, level, "Join Filter",
                 rel->join.key_count > 0 ? rel->join.residual : rel->join.condition);
        property_list(p, level, "Left Keys", rel->join.left_keys, rel->join.key_count);
        property_list(p, level, "Right Keys", rel->join.right_keys, rel->join.key_count);
        break;
    case FLY__SQL_R_AGGREGATE:
        property_list(p, level, "Group Key", rel->aggregate.groups, rel->aggregate.group_count);
        print_aggs(p, level, rel);
        break;
    case FLY__SQL_R_WINDOW:
        property_list(p, level, "Partition", rel->window.partitions, rel->window.partition_count);
        property_keys(p, level, "Order", rel->window.order, rel->window.order_count);
        print_calls(p, level, rel);
        break;
    case FLY__SQL_R_SORT:
        property_keys(p, level, "Sort Key", rel->sort.keys, rel->sort.count);
        break;
    case FLY__SQL_R_LIMIT:
        property(p, level, "Rows", rel->limit.limit);
        property(p, level, "Offset", rel->limit.offset);
        break;
    case FLY__SQL_R_DISTINCT:
        property_list(p, level, "Key", rel->distinct.on, rel->distinct.on_count);
        break;
    case FLY__SQL_R_MODIFY:
        property_list(p, level, "Check", rel->modify->checks, rel->modify->check_count);
        property_list(p, level, "Returning", rel->modify->returning, rel->modify->returning_count);
        break;
    default:
        break;
    }
}

/* Where a plan stands that is not simply its node's input. */
typedef struct role {
    const char *kind; /* "CTE", "SubPlan" */
    const char *name; /* of a CTE */
} role;

static void print_rel(printer *p, const fly__sql_rel *rel, uint32_t level, const role *as);

static void print_subplans_in(printer *p, const fly__sql_expr *e, uint32_t level)
{
    static const role subplan = {"SubPlan", NULL};
    if (e == NULL || p->depth > 1000) {
        return;
    }
    p->depth++;
    for (uint32_t i = 0; i < e->argc; i++) {
        print_subplans_in(p, e->args[i], level);
    }
    if (e->kind == FLY__SQL_X_SUBQUERY) {
        print_rel(p, e->subquery->rel, level, &subplan);
    }
    p->depth--;
}

/* Plans that a node's expressions run. */
static void print_subplans(printer *p, const fly__sql_rel *rel, uint32_t level)
{
    switch ((fly__sql_rel_kind)rel->kind) {
    case FLY__SQL_R_FILTER:
        print_subplans_in(p, rel->filter.condition, level);
        break;
    case FLY__SQL_R_SCAN:
        print_subplans_in(p, rel->scan.filter, level);
        break;
    case FLY__SQL_R_PROJECT:
    case FLY__SQL_R_UNNEST:
        for (uint32_t i = 0; i < rel->column_count; i++) {
            print_subplans_in(p, rel->project.exprs[i], level);
        }
        break;
    case FLY__SQL_R_JOIN:
        print_subplans_in(p, rel->join.condition, level);
        break;
    default:
        break;
    }
}

static void print_children(printer *p, const fly__sql_rel *rel, uint32_t level)
{
    if (rel->kind == FLY__SQL_R_WITH) {
        for (uint32_t i = 0; i < rel->with.count; i++) {
            const role cte = {"CTE", rel->with.ctes[i]->name};
            print_rel(p, rel->with.ctes[i]->rel, level, &cte);
            if (rel->with.ctes[i]->recursive != NULL) {
                print_rel(p, rel->with.ctes[i]->recursive, level, &cte);
            }
        }
    }
    if (rel->left != NULL) {
        print_rel(p, rel->left, level, NULL);
    }
    if (rel->right != NULL) {
        print_rel(p, rel->right, level, NULL);
    }
    print_subplans(p, rel, level);
}

static void print_costs(printer *p, const fly__sql_rel *rel)
{
    if (rel->rows > 0 && !p->json) {
        char text[80];
        (void)snprintf(text, sizeof text, "  (cost=%.2f rows=%.0f)", rel->cost, rel->rows);
        put(p, text);
    }
}

/* ---------------------------------------------------------------- what nodes did */

static const fly__sql_node_stats *stats_of(const printer *p, const fly__sql_rel *rel)
{
    for (size_t i = 0; i < p->stats_count; i++) {
        if (p->stats[i].rel == rel) {
            return &p->stats[i];
        }
    }
    return NULL;
}

/* Time and rows are those of one run on the average, as PostgreSQL has them. */
static void print_actual(printer *p, const fly__sql_rel *rel)
{
    const fly__sql_node_stats *s = stats_of(p, rel);
    char text[160];
    if (s == NULL) {
        return;
    }
    if (s->loops == 0) {
        put(p, "  (never executed)");
        return;
    }
    double ms = 1e6 * (double)s->loops;
    (void)snprintf(text, sizeof text, "  (actual time=%.3f..%.3f rows=%.0f loops=%" PRIu64 ")",
                   (double)s->first_ns / ms, (double)s->ns / ms, (double)s->rows / (double)s->loops,
                   s->loops);
    put(p, text);
}

/* What was used, if anything was. */
static void print_usage(printer *p, uint32_t level, const fly__sql_rel *rel)
{
    const fly__sql_node_stats *s = stats_of(p, rel);
    char text[160];
    if (s == NULL) {
        return;
    }
    if (s->memory > 0 || s->spilled > 0) {
        indent(p, level + 1);
        (void)snprintf(text, sizeof text, "Memory: %" PRId64 "kB", (s->memory + 1023) / 1024);
        put(p, text);
        if (s->spilled > 0) {
            (void)snprintf(text, sizeof text, "  Disk: %" PRIu64 "kB", (s->spilled + 1023) / 1024);
            put(p, text);
        }
        put(p, "\n");
    }
    if (s->pages_fixed > 0 || s->pages_missed > 0) {
        indent(p, level + 1);
        (void)snprintf(text, sizeof text, "Pages: fixed=%" PRIu64 " missed=%" PRIu64 "\n",
                       s->pages_fixed, s->pages_missed);
        put(p, text);
    }
    if (s->log_bytes > 0) {
        indent(p, level + 1);
        (void)snprintf(text, sizeof text, "Log: bytes=%" PRIu64 "\n", s->log_bytes);
        put(p, text);
    }
}

static void json_number(printer *p, uint32_t level, const char *name, double value, int digits)
{
    char text[64];
    put(p, ",\n");
    indent(p, level + 1);
    json_string(p, name, strlen(name));
    (void)snprintf(text, sizeof text, ": %.*f", digits, value);
    put(p, text);
}

static void json_actual(printer *p, uint32_t level, const fly__sql_rel *rel)
{
    const fly__sql_node_stats *s = stats_of(p, rel);
    if (s == NULL) {
        return;
    }
    double loops = s->loops > 0 ? (double)s->loops : 1;
    json_number(p, level, "Actual Startup Time", (double)s->first_ns / loops / 1e6, 3);
    json_number(p, level, "Actual Total Time", (double)s->ns / loops / 1e6, 3);
    json_number(p, level, "Actual Rows", (double)s->rows / loops, 0);
    json_number(p, level, "Actual Loops", (double)s->loops, 0);
    json_number(p, level, "Memory Bytes", (double)s->memory, 0);
    json_number(p, level, "Disk Bytes", (double)s->spilled, 0);
    json_number(p, level, "Pages Fixed", (double)s->pages_fixed, 0);
    json_number(p, level, "Pages Missed", (double)s->pages_missed, 0);
    json_number(p, level, "Log Bytes", (double)s->log_bytes, 0);
}

static void print_rel(printer *p, const fly__sql_rel *rel, uint32_t level, const role *as)
{
    if (level > 500) {
        return;
    }
    if (p->json) {
        bool first = p->out.len == 0 || p->out.data[p->out.len - 1] == '[' ||
                     p->out.data[p->out.len - 1] == ' ';
        put(p, first ? "\n" : ",\n");
        indent(p, level);
        put(p, "{\n");
        indent(p, level + 1);
        put(p, "\"Node Type\": ");
        size_t at = p->out.len;
        node_name(p, rel);
        end(p, at);
        if (as != NULL) {
            size_t name = begin(p, level, as->name != NULL ? "CTE Name" : "Parent Relationship");
            put(p, as->name != NULL ? as->name : as->kind);
            end(p, name);
        }
        if (rel->rows > 0) {
            json_number(p, level, "Plan Rows", rel->rows, 0);
        }
        json_actual(p, level, rel);
        details(p, level, rel);
        size_t before = p->out.len;
        put(p, ",\n");
        indent(p, level + 1);
        put(p, "\"Plans\": [");
        size_t none = p->out.len;
        print_children(p, rel, level + 2);
        if (p->out.len == none) {
            p->out.len = before;
        } else {
            put(p, "\n");
            indent(p, level + 1);
            put(p, "]");
        }
        put(p, "\n");
        indent(p, level);
        put(p, "}");
        return;
    }
    if (level > 0) {
        indent(p, level > 0 ? level - 1 : 0);
        put(p, "->  ");
    }
    if (as != NULL) {
        put(p, as->kind);
        put(p, as->name != NULL ? " " : "");
        put(p, as->name != NULL ? as->name : "");
        put(p, ": ");
    }
    node_name(p, rel);
    print_costs(p, rel);
    print_actual(p, rel);
    put(p, "\n");
    details(p, level, rel);
    print_usage(p, level, rel);
    print_children(p, rel, level + 2);
}

fly_status fly__sql_plan_print(const fly__sql_plan *plan, bool json,
                               const fly__sql_node_stats *stats, size_t count, fly_arena *arena,
                               fly_bytes *text, fly_err *err)
{
    printer p = {.out = {.arena = arena},
                 .json = json,
                 .arena = arena,
                 .count = plan->next_id,
                 .stats = stats,
                 .stats_count = count};
    p.names = fly_arena_alloc(arena, plan->next_id * sizeof *p.names);
    p.tables = fly_arena_alloc(arena, plan->next_id * sizeof *p.tables);
    if (p.names == NULL || p.tables == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory while printing a plan");
    }
    memset(p.names, 0, plan->next_id * sizeof *p.names);
    memset(p.tables, 0, plan->next_id * sizeof *p.tables);
    if (plan->root == NULL) {
        put(&p, plan->tag != NULL ? plan->tag : "");
        return fly__sql_text_end(&p.out, text, err);
    }
    name_rel(&p, plan->root);
    if (json) {
        put(&p, "[\n  {\n    \"Plan\": ");
        print_rel(&p, plan->root, 2, NULL);
        put(&p, "\n  }\n]");
    } else {
        print_rel(&p, plan->root, 0, NULL);
    }
    return fly__sql_text_end(&p.out, text, err);
}
