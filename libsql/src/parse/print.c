/*
 * Trees as SQL: expressions, types and queries.
 *
 * What comes out parses to an equal tree; that, not beauty, is the rule. So operands that are more than
 * one thing go into parentheses, which leave no trace in a tree, and names are quoted unless no reader
 * could take them for anything else.
 *
 * What is not here: other statements (print_stmt.c).
 */
#include "parse/print_int.h"

#include "parse/lex_int.h"

/* ------------------------------------------------------------------------------------ words */

/* Keywords that may be names, but not everywhere. */
static bool is_risky(const char *name)
{
    static const char *const words[] = {
        "at",     "cube",      "current",   "day",    "double",    "escape", "filter", "following",
        "groups", "hour",      "minute",    "month",  "name",      "no",     "nulls",  "options",
        "over",   "partition", "preceding", "range",  "recursive", "rollup", "rows",   "second",
        "set",    "type",      "unbounded", "within", "year",
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(name, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_plain(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || (name[0] >= '0' && name[0] <= '9') || name[0] == '$') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        bool fits = (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
                    name[i] == '_';
        if (!fits) {
            return false;
        }
    }
    uint16_t type = fly__sql_keyword_find((const uint8_t *)name, len);
    if (type == FLY_TOKEN_IDENT) {
        return strcmp(name, "public") != 0;
    }
    return fly__sql_keyword(type)->class == FLY_KEYWORD_UNRESERVED && !is_risky(name);
}

void fly__sql_print_name(fly_sql_text *o, const char *name)
{
    if (name == NULL || is_plain(name)) {
        put(o, name != NULL ? name : "\"\"");
        return;
    }
    put(o, "\"");
    for (const char *at = name; *at != '\0'; at++) {
        put_if(o, *at == '"', "\"");
        fly__sql_text_add(o, at, 1);
    }
    put(o, "\"");
}

static void name_between(fly_sql_text *o, const fly_ast_names *names, const char *between)
{
    for (uint32_t i = 0; i < names->count; i++) {
        put_if(o, i > 0, between);
        fly__sql_print_name(o, names->items[i]);
    }
}

/* A name with a point behind it: public is not the word for everybody there. */
static void qualifier(fly_sql_text *o, const char *name)
{
    if (strcmp(name, "public") == 0) {
        put(o, name);
    } else {
        fly__sql_print_name(o, name);
    }
    put(o, ".");
}

void fly__sql_print_dotted(fly_sql_text *o, const fly_ast_names *names)
{
    for (uint32_t i = 0; i + 1 < names->count; i++) {
        qualifier(o, names->items[i]);
    }
    if (names->count > 0) {
        fly__sql_print_name(o, names->items[names->count - 1]);
    }
}

void fly__sql_print_names(fly_sql_text *o, const fly_ast_names *names)
{
    name_between(o, names, ", ");
}

void fly__sql_print_name_parens(fly_sql_text *o, const fly_ast_names *names)
{
    if (names->count > 0) {
        put(o, " (");
        fly__sql_print_names(o, names);
        put(o, ")");
    }
}

void fly__sql_print_string(fly_sql_text *o, fly_bytes text)
{
    put(o, "'");
    for (size_t i = 0; i < text.len; i++) {
        put_if(o, text.data[i] == '\'', "'");
        fly__sql_text_add(o, (const char *)text.data + i, 1);
    }
    put(o, "'");
}

void fly__sql_print_list(fly_sql_text *o, const fly_ast_list *list, fly_sql_printer *printer)
{
    for (uint32_t i = 0; i < list->count; i++) {
        put_if(o, i > 0, ", ");
        printer(o, list->items[i]);
    }
}

void fly__sql_print_exprs(fly_sql_text *o, const fly_ast_list *list)
{
    fly__sql_print_list(o, list, fly__sql_print_expr);
}

void fly__sql_print_clause(fly_sql_text *o, const char *word, const fly_ast *node)
{
    if (node != NULL) {
        put(o, " ");
        put(o, word);
        put(o, " ");
        fly__sql_print_expr(o, node);
    }
}

static void operator_name(fly_sql_text *o, const char *schema, const char *op)
{
    if (schema == NULL) {
        put(o, op);
        return;
    }
    put(o, "OPERATOR(");
    fly__sql_print_name(o, schema);
    put(o, ".");
    put(o, op);
    put(o, ")");
}

/* ------------------------------------------------------------------------------------ types */

/* What pg_catalog's types are called in SQL; `tail` comes after the modifiers. */
static const struct {
    const char *name, *words, *tail;
    bool modified; /* only with modifiers */
} sql_types[] = {
    {"int4", "integer", "", false},
    {"int2", "smallint", "", false},
    {"int8", "bigint", "", false},
    {"float4", "real", "", false},
    {"float8", "double precision", "", false},
    {"bool", "boolean", "", false},
    {"numeric", "numeric", "", false},
    {"varchar", "character varying", "", false},
    {"bpchar", "character", "", true},
    {"varbit", "bit varying", "", false},
    {"bit", "bit", "", true},
    {"time", "time", " without time zone", false},
    {"timetz", "time", " with time zone", false},
    {"timestamp", "timestamp", " without time zone", false},
    {"timestamptz", "timestamp", " with time zone", false},
    {"interval", "interval", "", false},
};

static void modifiers(fly_sql_text *o, const fly_ast_type *type)
{
    if (type->modifiers.count > 0) {
        put(o, "(");
        fly__sql_print_exprs(o, &type->modifiers);
        put(o, ")");
    }
}

/* Without SETOF and bounds. */
static void type_name(fly_sql_text *o, const fly_ast_type *type)
{
    if (type->names.count == 2 && strcmp(type->names.items[0], "pg_catalog") == 0) {
        for (size_t i = 0; i < sizeof sql_types / sizeof sql_types[0]; i++) {
            if (strcmp(type->names.items[1], sql_types[i].name) == 0 &&
                (!sql_types[i].modified || type->modifiers.count > 0)) {
                put(o, sql_types[i].words);
                if (type->interval != NULL) {
                    put(o, " ");
                    put(o, type->interval);
                }
                modifiers(o, type);
                put(o, sql_types[i].tail);
                return;
            }
        }
    }
    fly__sql_print_dotted(o, &type->names);
    put_if(o, type->percent_type, "%TYPE");
    modifiers(o, type);
}

void fly__sql_print_type(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_type *type = (const fly_ast_type *)node;
    put_if(o, type->setof, "SETOF ");
    type_name(o, type);
    for (uint32_t i = 0; i < type->bounds.count; i++) {
        const fly_ast_const *bound = (const fly_ast_const *)type->bounds.items[i];
        put(o, "[");
        if (bound->type == FLY_AST_CONST_INT) {
            fly__sql_text_int(o, bound->value);
        }
        put(o, "]");
    }
}

/* type 'text'; the fields of an interval come after the text. */
static void typed_literal(fly_sql_text *o, const fly_ast_cast *cast)
{
    const fly_ast_type *type = (const fly_ast_type *)cast->type;
    fly_ast_type bare = *type;
    bare.interval = NULL;
    if (type->interval != NULL) {
        bare.modifiers = (fly_ast_list){0};
    }
    type_name(o, &bare);
    put(o, " ");
    fly__sql_print_expr(o, cast->arg);
    if (type->interval != NULL) {
        put(o, " ");
        put(o, type->interval);
        modifiers(o, type);
    }
}

/* -------------------------------------------------------------------------------- operands */

static void constant(fly_sql_text *o, const fly_ast_const *c)
{
    switch (c->type) {
    case FLY_AST_CONST_NULL:
        put(o, "NULL");
        break;
    case FLY_AST_CONST_BOOL:
        put(o, c->value != 0 ? "TRUE" : "FALSE");
        break;
    case FLY_AST_CONST_INT:
    case FLY_AST_CONST_NUMERIC:
        fly__sql_text_add(o, (const char *)c->text.data, c->text.len);
        break;
    case FLY_AST_CONST_STRING:
        fly__sql_print_string(o, c->text);
        break;
    case FLY_AST_CONST_BIT:
    case FLY_AST_CONST_HEX:
        put(o, c->type == FLY_AST_CONST_BIT ? "B" : "X");
        fly__sql_print_string(o, c->text);
        break;
    }
}

static bool is_negative(const fly_ast *node)
{
    const fly_ast_const *c = (const fly_ast_const *)node;
    return node->kind == FLY_AST_CONST &&
           (c->type == FLY_AST_CONST_INT || c->type == FLY_AST_CONST_NUMERIC) && c->text.len > 0 &&
           c->text.data[0] == '-';
}

static bool is_operand(const fly_ast *node)
{
    switch (node->kind) {
    case FLY_AST_CONST:
        return !is_negative(node);
    case FLY_AST_PARAM:
    case FLY_AST_COLUMN:
    case FLY_AST_FIELD:
    case FLY_AST_SUBSCRIPT:
    case FLY_AST_CASE:
    case FLY_AST_SPECIAL:
    case FLY_AST_SQL_VALUE:
    case FLY_AST_ARRAY:
    case FLY_AST_ROW:
    case FLY_AST_DEFAULT:
        return true;
    case FLY_AST_SUBLINK: {
        fly_ast_sublink_kind type = ((const fly_ast_sublink *)node)->type;
        return type <= FLY_AST_SUBLINK_ARRAY;
    }
    case FLY_AST_CALL:
        return ((const fly_ast_call *)node)->form != FLY_AST_CALL_AT_TIME_ZONE;
    case FLY_AST_CAST:
        return ((const fly_ast_cast *)node)->form != FLY_AST_CAST_COLONS;
    default:
        return false;
    }
}

static void in_parens(fly_sql_text *o, const fly_ast *node)
{
    put(o, "(");
    fly__sql_print_expr(o, node);
    put(o, ")");
}

void fly__sql_print_operand(fly_sql_text *o, const fly_ast *node)
{
    if (node != NULL && is_operand(node)) {
        fly__sql_print_expr(o, node);
    } else {
        in_parens(o, node);
    }
}

/* What .name and [i] come after. */
static void indirected(fly_sql_text *o, const fly_ast *arg, bool field)
{
    if (arg == NULL) {
        return;
    }
    bool bare = arg->kind == FLY_AST_PARAM || arg->kind == FLY_AST_SUBSCRIPT ||
                arg->kind == FLY_AST_FIELD || (arg->kind == FLY_AST_COLUMN && !field);
    if (bare) {
        fly__sql_print_expr(o, arg);
    } else {
        in_parens(o, arg);
    }
}

static void field(fly_sql_text *o, const fly_ast_field *node)
{
    indirected(o, node->arg, true);
    put(o, ".");
    if (node->name == NULL) {
        put(o, "*");
    } else {
        fly__sql_print_name(o, node->name);
    }
}

static void subscript(fly_sql_text *o, const fly_ast_subscript *node)
{
    indirected(o, node->arg, false);
    put(o, "[");
    if (node->lower != NULL) {
        in_parens(o, node->lower);
    }
    put_if(o, node->slice, ":");
    if (node->upper != NULL && node->slice) {
        in_parens(o, node->upper);
    } else if (node->upper != NULL) {
        fly__sql_print_expr(o, node->upper);
    }
    put(o, "]");
}

static void column(fly_sql_text *o, const fly_ast_column *node)
{
    fly__sql_print_dotted(o, &node->names);
    if (node->star) {
        put(o, node->names.count > 0 ? ".*" : "*");
    }
}

/* ------------------------------------------------------------------------------------ calls */

static void sort(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_sort *s = (const fly_ast_sort *)node;
    fly__sql_print_operand(o, s->expr);
    if (s->direction == FLY_AST_SORT_USING) {
        put(o, " USING ");
        operator_name(o, s->schema, s->op);
    }
    put_if(o, s->direction == FLY_AST_SORT_ASC, " ASC");
    put_if(o, s->direction == FLY_AST_SORT_DESC, " DESC");
    put_if(o, s->nulls == FLY_AST_NULLS_FIRST, " NULLS FIRST");
    put_if(o, s->nulls == FLY_AST_NULLS_LAST, " NULLS LAST");
}

static void order_by(fly_sql_text *o, const fly_ast_list *list, const char *before)
{
    if (list->count > 0) {
        put(o, before);
        put(o, "ORDER BY ");
        fly__sql_print_list(o, list, sort);
    }
}

static void bound(fly_sql_text *o, fly_ast_frame_bound b, const fly_ast *offset)
{
    static const char *const words[] = {
        [FLY_AST_BOUND_UNBOUNDED_PRECEDING] = "UNBOUNDED PRECEDING",
        [FLY_AST_BOUND_PRECEDING] = " PRECEDING",
        [FLY_AST_BOUND_CURRENT_ROW] = "CURRENT ROW",
        [FLY_AST_BOUND_FOLLOWING] = " FOLLOWING",
        [FLY_AST_BOUND_UNBOUNDED_FOLLOWING] = "UNBOUNDED FOLLOWING",
    };
    if (offset != NULL) {
        fly__sql_print_operand(o, offset);
    }
    put(o, words[b]);
}

static void window(fly_sql_text *o, const fly_ast_window *w)
{
    static const char *const modes[] = {"", "RANGE ", "ROWS ", "GROUPS "};
    static const char *const excludes[] = {"", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP",
                                           " EXCLUDE TIES"};
    if (w->bare) {
        fly__sql_print_name(o, w->ref);
        return;
    }
    put(o, "(");
    const char *space = "";
    if (w->ref != NULL) {
        fly__sql_print_name(o, w->ref);
        space = " ";
    }
    if (w->partition_by.count > 0) {
        put(o, space);
        put(o, "PARTITION BY ");
        fly__sql_print_exprs(o, &w->partition_by);
        space = " ";
    }
    order_by(o, &w->order_by, space);
    space = w->order_by.count > 0 ? " " : space;
    if (w->mode != FLY_AST_FRAME_NONE) {
        put(o, space);
        put(o, modes[w->mode]);
        put_if(o, w->between, "BETWEEN ");
        bound(o, w->start, w->start_offset);
        if (w->between) {
            put(o, " AND ");
            bound(o, w->end, w->end_offset);
        }
        put(o, excludes[w->exclude]);
    }
    put(o, ")");
}

static void named_window(fly_sql_text *o, const fly_ast *node)
{
    fly__sql_print_name(o, ((const fly_ast_window *)node)->name);
    put(o, " AS ");
    window(o, (const fly_ast_window *)node);
}

/* An argument in turn, after a word. */
static void arg(fly_sql_text *o, const fly_ast_call *call, uint32_t i, const char *word)
{
    if (i < call->args.count) {
        put(o, word);
        fly__sql_print_operand(o, call->args.items[i]);
    }
}

/* The forms that have a grammar of their own. */
static void special_call(fly_sql_text *o, const fly_ast_call *call)
{
    switch (call->form) {
    case FLY_AST_CALL_EXTRACT:
        arg(o, call, 0, "EXTRACT(");
        arg(o, call, 1, " FROM ");
        break;
    case FLY_AST_CALL_OVERLAY:
        arg(o, call, 0, "OVERLAY(");
        arg(o, call, 1, " PLACING ");
        arg(o, call, 2, " FROM ");
        arg(o, call, 3, " FOR ");
        break;
    case FLY_AST_CALL_POSITION:
        arg(o, call, 1, "POSITION(");
        arg(o, call, 0, " IN ");
        break;
    case FLY_AST_CALL_SUBSTRING:
        arg(o, call, 0, "SUBSTRING(");
        arg(o, call, 1, " FROM ");
        arg(o, call, 2, " FOR ");
        break;
    case FLY_AST_CALL_SUBSTRING_SIMILAR:
        arg(o, call, 0, "SUBSTRING(");
        arg(o, call, 1, " SIMILAR ");
        arg(o, call, 2, " ESCAPE ");
        break;
    case FLY_AST_CALL_NORMALIZE:
        arg(o, call, 0, "NORMALIZE(");
        if (call->args.count > 1) {
            const fly_ast_const *form = (const fly_ast_const *)call->args.items[1];
            put(o, ", ");
            fly__sql_text_add(o, (const char *)form->text.data, form->text.len);
        }
        break;
    case FLY_AST_CALL_COLLATION_FOR:
        arg(o, call, 0, "COLLATION FOR (");
        break;
    default:
        put(o, call->form == FLY_AST_CALL_TRIM_LEADING    ? "TRIM(LEADING FROM "
               : call->form == FLY_AST_CALL_TRIM_TRAILING ? "TRIM(TRAILING FROM "
                                                          : "TRIM(BOTH FROM ");
        fly__sql_print_exprs(o, &call->args);
        break;
    }
    put(o, ")");
}

static void plain_call(fly_sql_text *o, const fly_ast_call *call)
{
    fly__sql_print_dotted(o, &call->name);
    put(o, "(");
    put_if(o, call->star, "*");
    put_if(o, call->distinct, "DISTINCT ");
    for (uint32_t i = 0; i < call->args.count; i++) {
        put_if(o, i > 0, ", ");
        put_if(o, call->variadic && i + 1 == call->args.count, "VARIADIC ");
        fly__sql_print_expr(o, call->args.items[i]);
    }
    if (!call->within_group) {
        order_by(o, &call->order_by, " ");
    }
    put(o, ")");
    if (call->within_group) {
        order_by(o, &call->order_by, " WITHIN GROUP (");
        put(o, ")");
    }
    if (call->filter != NULL) {
        put(o, " FILTER (WHERE ");
        fly__sql_print_expr(o, call->filter);
        put(o, ")");
    }
    if (call->over != NULL) {
        put(o, " OVER ");
        window(o, (const fly_ast_window *)call->over);
    }
}

static void call(fly_sql_text *o, const fly_ast_call *node)
{
    if (node->form == FLY_AST_CALL_PLAIN) {
        plain_call(o, node);
    } else if (node->form == FLY_AST_CALL_AT_TIME_ZONE) {
        arg(o, node, 1, "");
        arg(o, node, 0, " AT TIME ZONE ");
    } else {
        special_call(o, node);
    }
}

/* ------------------------------------------------------------------------------ expressions */

static void binary(fly_sql_text *o, const fly_ast *left, const char *word, const fly_ast *right)
{
    fly__sql_print_operand(o, left);
    put(o, word);
    fly__sql_print_operand(o, right);
}

static void operation(fly_sql_text *o, const fly_ast_op *op)
{
    if (op->left != NULL) {
        fly__sql_print_operand(o, op->left);
        put(o, " ");
    }
    operator_name(o, op->schema, op->op);
    put(o, " ");
    fly__sql_print_operand(o, op->right);
}

static void logical(fly_sql_text *o, const fly_ast_bool *node)
{
    if (node->type == FLY_AST_BOOL_NOT) {
        put(o, "NOT ");
    }
    for (uint32_t i = 0; i < node->args.count; i++) {
        put_if(o, i > 0, node->type == FLY_AST_BOOL_AND ? " AND " : " OR ");
        fly__sql_print_operand(o, node->args.items[i]);
    }
}

static void is_test(fly_sql_text *o, const fly_ast_is *is)
{
    static const char *const words[] = {
        [FLY_AST_IS_NULL] = "NULL",         [FLY_AST_IS_TRUE] = "TRUE",
        [FLY_AST_IS_FALSE] = "FALSE",       [FLY_AST_IS_UNKNOWN] = "UNKNOWN",
        [FLY_AST_IS_DOCUMENT] = "DOCUMENT", [FLY_AST_IS_NORMALIZED] = "NORMALIZED",
    };
    fly__sql_print_operand(o, is->arg);
    put(o, is->negated ? " IS NOT " : " IS ");
    if (is->form != NULL) {
        put(o, is->form);
        put(o, " ");
    }
    put(o, words[is->type]);
}

static void between(fly_sql_text *o, const fly_ast_between *node)
{
    fly__sql_print_operand(o, node->arg);
    put(o, node->negated ? " NOT BETWEEN " : " BETWEEN ");
    put_if(o, node->symmetric, "SYMMETRIC ");
    binary(o, node->low, " AND ", node->high);
}

static void like(fly_sql_text *o, const fly_ast_like *node)
{
    static const char *const words[] = {"LIKE ", "ILIKE ", "SIMILAR TO "};
    fly__sql_print_operand(o, node->arg);
    put(o, node->negated ? " NOT " : " ");
    put(o, words[node->type]);
    fly__sql_print_operand(o, node->pattern);
    if (node->escape != NULL) {
        put(o, " ESCAPE ");
        fly__sql_print_operand(o, node->escape);
    }
}

static void query_in_parens(fly_sql_text *o, const fly_ast *query)
{
    put(o, "(");
    fly__sql_print_query(o, query);
    put(o, ")");
}

static void sublink(fly_sql_text *o, const fly_ast_sublink *node)
{
    if (node->arg != NULL) {
        fly__sql_print_operand(o, node->arg);
        put(o, " ");
    }
    switch (node->type) {
    case FLY_AST_SUBLINK_EXPR:
        break;
    case FLY_AST_SUBLINK_EXISTS:
        put(o, "EXISTS ");
        break;
    case FLY_AST_SUBLINK_ARRAY:
        put(o, "ARRAY");
        break;
    case FLY_AST_SUBLINK_IN:
        put(o, node->negated ? "NOT IN " : "IN ");
        break;
    case FLY_AST_SUBLINK_ANY:
    case FLY_AST_SUBLINK_ALL:
        operator_name(o, node->schema, node->op);
        put(o, node->type == FLY_AST_SUBLINK_ANY ? " ANY " : " ALL ");
        break;
    }
    query_in_parens(o, node->query);
}

static void case_expr(fly_sql_text *o, const fly_ast_case *node)
{
    put(o, "CASE");
    if (node->arg != NULL) {
        put(o, " ");
        fly__sql_print_expr(o, node->arg);
    }
    for (uint32_t i = 0; i < node->whens.count; i++) {
        const fly_ast_when *when = (const fly_ast_when *)node->whens.items[i];
        fly__sql_print_clause(o, "WHEN", when->condition);
        fly__sql_print_clause(o, "THEN", when->result);
    }
    fly__sql_print_clause(o, "ELSE", node->otherwise);
    put(o, " END");
}

static void sql_value(fly_sql_text *o, const fly_ast_sql_value *value)
{
    static const char *const words[] = {
        [FLY_AST_VALUE_CURRENT_DATE] = "CURRENT_DATE",
        [FLY_AST_VALUE_CURRENT_TIME] = "CURRENT_TIME",
        [FLY_AST_VALUE_CURRENT_TIMESTAMP] = "CURRENT_TIMESTAMP",
        [FLY_AST_VALUE_LOCALTIME] = "LOCALTIME",
        [FLY_AST_VALUE_LOCALTIMESTAMP] = "LOCALTIMESTAMP",
        [FLY_AST_VALUE_CURRENT_ROLE] = "CURRENT_ROLE",
        [FLY_AST_VALUE_CURRENT_USER] = "CURRENT_USER",
        [FLY_AST_VALUE_USER] = "USER",
        [FLY_AST_VALUE_SESSION_USER] = "SESSION_USER",
        [FLY_AST_VALUE_CURRENT_CATALOG] = "CURRENT_CATALOG",
        [FLY_AST_VALUE_CURRENT_SCHEMA] = "CURRENT_SCHEMA",
    };
    put(o, words[value->type]);
    if (value->precision >= 0) {
        put(o, "(");
        fly__sql_text_int(o, value->precision);
        put(o, ")");
    }
}

static void cast(fly_sql_text *o, const fly_ast_cast *node)
{
    if (node->form == FLY_AST_CAST_LITERAL) {
        typed_literal(o, node);
    } else if (node->form == FLY_AST_CAST_COLONS) {
        fly__sql_print_operand(o, node->arg);
        put(o, "::");
        fly__sql_print_type(o, node->type);
    } else {
        put(o, "CAST(");
        fly__sql_print_expr(o, node->arg);
        put(o, " AS ");
        fly__sql_print_type(o, node->type);
        put(o, ")");
    }
}

static void listed(fly_sql_text *o, const char *open, const fly_ast_list *items, const char *close)
{
    put(o, open);
    fly__sql_print_exprs(o, items);
    put(o, close);
}

/* Arrays in arrays have no word of their own. */
static void array_items(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_array *array = (const fly_ast_array *)node;
    bool nested = array->items.count > 0 && array->items.items[0]->kind == FLY_AST_ARRAY;
    put(o, "[");
    fly__sql_print_list(o, &array->items, nested ? array_items : fly__sql_print_expr);
    put(o, "]");
}

static void grouping_set(fly_sql_text *o, const fly_ast_grouping_set *set)
{
    static const char *const words[] = {"(", "ROLLUP (", "CUBE (", "GROUPING SETS ("};
    listed(o, words[set->type], &set->items, ")");
}

static void special(fly_sql_text *o, const fly_ast_special *node)
{
    static const char *const words[] = {"COALESCE(", "NULLIF(",   "GREATEST(",
                                        "LEAST(",    "GROUPING(", "MERGE_ACTION("};
    listed(o, words[node->type], &node->args, ")");
}

/* The expressions with operators. */
static void operator_expr(fly_sql_text *o, const fly_ast *node)
{
    switch (node->kind) {
    case FLY_AST_OP:
        operation(o, (const fly_ast_op *)node);
        break;
    case FLY_AST_BOOL:
        logical(o, (const fly_ast_bool *)node);
        break;
    case FLY_AST_IS:
        is_test(o, (const fly_ast_is *)node);
        break;
    case FLY_AST_DISTINCT: {
        const fly_ast_distinct *distinct = (const fly_ast_distinct *)node;
        binary(o, distinct->left,
               distinct->negated ? " IS NOT DISTINCT FROM " : " IS DISTINCT FROM ",
               distinct->right);
        break;
    }
    case FLY_AST_BETWEEN:
        between(o, (const fly_ast_between *)node);
        break;
    case FLY_AST_LIKE:
        like(o, (const fly_ast_like *)node);
        break;
    case FLY_AST_IN: {
        const fly_ast_in *in = (const fly_ast_in *)node;
        fly__sql_print_operand(o, in->arg);
        listed(o, in->negated ? " NOT IN (" : " IN (", &in->items, ")");
        break;
    }
    case FLY_AST_QUANTIFIED: {
        const fly_ast_quantified *q = (const fly_ast_quantified *)node;
        fly__sql_print_operand(o, q->arg);
        put(o, " ");
        operator_name(o, q->schema, q->op);
        put(o, q->all ? " ALL (" : " ANY (");
        fly__sql_print_expr(o, q->array);
        put(o, ")");
        break;
    }
    case FLY_AST_COLLATE: {
        const fly_ast_collate *collate = (const fly_ast_collate *)node;
        fly__sql_print_operand(o, collate->arg);
        put(o, " COLLATE ");
        fly__sql_print_dotted(o, &collate->collation);
        break;
    }
    default:
        fly__sql_print_statement(o, node);
        break;
    }
}

void fly__sql_print_expr(fly_sql_text *o, const fly_ast *node)
{
    if (node == NULL) {
        put(o, "NULL");
        return;
    }
    switch (node->kind) {
    case FLY_AST_CONST:
        constant(o, (const fly_ast_const *)node);
        break;
    case FLY_AST_PARAM:
        put(o, "$");
        fly__sql_text_int(o, ((const fly_ast_param *)node)->number);
        break;
    case FLY_AST_COLUMN:
        column(o, (const fly_ast_column *)node);
        break;
    case FLY_AST_FIELD:
        field(o, (const fly_ast_field *)node);
        break;
    case FLY_AST_SUBSCRIPT:
        subscript(o, (const fly_ast_subscript *)node);
        break;
    case FLY_AST_SUBLINK:
        sublink(o, (const fly_ast_sublink *)node);
        break;
    case FLY_AST_CASE:
        case_expr(o, (const fly_ast_case *)node);
        break;
    case FLY_AST_SPECIAL:
        special(o, (const fly_ast_special *)node);
        break;
    case FLY_AST_SQL_VALUE:
        sql_value(o, (const fly_ast_sql_value *)node);
        break;
    case FLY_AST_CALL:
        call(o, (const fly_ast_call *)node);
        break;
    case FLY_AST_NAMED_ARG:
        fly__sql_print_name(o, ((const fly_ast_named_arg *)node)->name);
        put(o, " => ");
        fly__sql_print_expr(o, ((const fly_ast_named_arg *)node)->arg);
        break;
    case FLY_AST_CAST:
        cast(o, (const fly_ast_cast *)node);
        break;
    case FLY_AST_ARRAY:
        put(o, "ARRAY");
        array_items(o, node);
        break;
    case FLY_AST_ROW: {
        const fly_ast_row *row = (const fly_ast_row *)node;
        listed(o, row->explicit ? "ROW(" : "(", &row->items, ")");
        break;
    }
    case FLY_AST_DEFAULT:
        put(o, "DEFAULT");
        break;
    case FLY_AST_CURRENT_OF:
        put(o, "CURRENT OF ");
        fly__sql_print_name(o, ((const fly_ast_current_of *)node)->cursor);
        break;
    case FLY_AST_GROUPING_SET:
        grouping_set(o, (const fly_ast_grouping_set *)node);
        break;
    default:
        operator_expr(o, node);
        break;
    }
}

/* ------------------------------------------------------------------------------------- FROM */

static void alias(fly_sql_text *o, const char *name, const fly_ast_names *columns)
{
    if (name != NULL) {
        put(o, " AS ");
        fly__sql_print_name(o, name);
        fly__sql_print_name_parens(o, columns);
    }
}

static void relation_name(fly_sql_text *o, const fly_ast_relation *relation)
{
    if (relation->catalog != NULL) {
        fly__sql_print_name(o, relation->catalog);
        put(o, ".");
    }
    if (relation->schema != NULL) {
        qualifier(o, relation->schema);
    }
    fly__sql_print_name(o, relation->name);
}

void fly__sql_print_relation(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_relation *relation = (const fly_ast_relation *)node;
    put_if(o, relation->only, "ONLY ");
    relation_name(o, relation);
    alias(o, relation->alias, &relation->alias_columns);
    const fly_ast_const *index = (const fly_ast_const *)relation->indexed_by;
    if (index != NULL && index->type == FLY_AST_CONST_NULL) {
        put(o, " NOT INDEXED");
    } else if (index != NULL) {
        put(o, " INDEXED BY ");
        fly__sql_print_name(o, (const char *)index->text.data);
    }
}

static void from_call_item(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_from_call_item *item = (const fly_ast_from_call_item *)node;
    fly__sql_print_expr(o, item->call);
    if (item->columns.count > 0) {
        put(o, " AS (");
        fly__sql_print_list(o, &item->columns, fly__sql_print_column_def);
        put(o, ")");
    }
}

static void from_call(fly_sql_text *o, const fly_ast_from_call *call)
{
    put_if(o, call->lateral, "LATERAL ");
    put_if(o, call->rows_from, "ROWS FROM (");
    fly__sql_print_list(o, &call->calls, from_call_item);
    put_if(o, call->rows_from, ")");
    put_if(o, call->ordinality, " WITH ORDINALITY");
    alias(o, call->alias, &call->alias_columns);
    if (call->columns.count > 0) {
        put(o, call->alias != NULL ? " (" : " AS (");
        fly__sql_print_list(o, &call->columns, fly__sql_print_column_def);
        put(o, ")");
    }
}

static void from_item(fly_sql_text *o, const fly_ast *node);

static void join_words(fly_sql_text *o, const fly_ast_join *join)
{
    static const char *const words[] = {" JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN ",
                                        " CROSS JOIN "};
    put_if(o, join->natural, " NATURAL");
    put(o, words[join->type]);
}

/* A join inside a join on the right needs parentheses; on the left it does if it has an alias. */
static void join(fly_sql_text *o, const fly_ast_join *node)
{
    put_if(o, node->alias != NULL, "(");
    from_item(o, node->left);
    join_words(o, node);
    const fly_ast_join *right = (const fly_ast_join *)node->right;
    bool parens = right->node.kind == FLY_AST_JOIN && right->alias == NULL;
    put_if(o, parens, "(");
    from_item(o, node->right);
    put_if(o, parens, ")");
    if (node->using_columns.count > 0) {
        put(o, " USING");
        fly__sql_print_name_parens(o, &node->using_columns);
        if (node->using_alias != NULL) {
            put(o, " AS ");
            fly__sql_print_name(o, node->using_alias);
        }
    }
    fly__sql_print_clause(o, "ON", node->on);
    put_if(o, node->alias != NULL, ")");
    alias(o, node->alias, &node->alias_columns);
}

static void sample(fly_sql_text *o, const fly_ast_sample *node)
{
    fly__sql_print_relation(o, node->relation);
    put(o, " TABLESAMPLE ");
    fly__sql_print_dotted(o, &node->method);
    listed(o, " (", &node->args, ")");
    if (node->repeatable != NULL) {
        put(o, " REPEATABLE (");
        fly__sql_print_expr(o, node->repeatable);
        put(o, ")");
    }
}

static void from_item(fly_sql_text *o, const fly_ast *node)
{
    switch (node->kind) {
    case FLY_AST_RELATION:
        fly__sql_print_relation(o, node);
        break;
    case FLY_AST_FROM_QUERY: {
        const fly_ast_from_query *query = (const fly_ast_from_query *)node;
        put_if(o, query->lateral, "LATERAL ");
        query_in_parens(o, query->query);
        alias(o, query->alias, &query->alias_columns);
        break;
    }
    case FLY_AST_FROM_CALL:
        from_call(o, (const fly_ast_from_call *)node);
        break;
    case FLY_AST_SAMPLE:
        sample(o, (const fly_ast_sample *)node);
        break;
    default:
        join(o, (const fly_ast_join *)node);
        break;
    }
}

static void from_clause(fly_sql_text *o, const char *word, const fly_ast_list *list)
{
    if (list->count > 0) {
        put(o, word);
        fly__sql_print_list(o, list, from_item);
    }
}

/* ----------------------------------------------------------------------------------- SELECT */

static void target(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_target *t = (const fly_ast_target *)node;
    fly__sql_print_expr(o, t->expr);
    if (t->name != NULL) {
        put(o, " AS ");
        fly__sql_print_name(o, t->name);
    }
}

static void cte(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_cte *c = (const fly_ast_cte *)node;
    fly__sql_print_name(o, c->name);
    fly__sql_print_name_parens(o, &c->columns);
    put(o, " AS ");
    put_if(o, c->materialized == FLY_AST_MATERIALIZE_ALWAYS, "MATERIALIZED ");
    put_if(o, c->materialized == FLY_AST_MATERIALIZE_NEVER, "NOT MATERIALIZED ");
    query_in_parens(o, c->query);
    if (c->search != NULL) {
        const fly_ast_cte_search *search = (const fly_ast_cte_search *)c->search;
        put(o, search->breadth ? " SEARCH BREADTH FIRST BY " : " SEARCH DEPTH FIRST BY ");
        fly__sql_print_names(o, &search->columns);
        put(o, " SET ");
        fly__sql_print_name(o, search->sequence_column);
    }
    if (c->cycle != NULL) {
        const fly_ast_cte_cycle *cycle = (const fly_ast_cte_cycle *)c->cycle;
        put(o, " CYCLE ");
        fly__sql_print_names(o, &cycle->columns);
        put(o, " SET ");
        fly__sql_print_name(o, cycle->mark_column);
        if (cycle->mark_value != NULL) {
            put(o, " TO ");
            fly__sql_print_operand(o, cycle->mark_value);
            put(o, " DEFAULT ");
            fly__sql_print_operand(o, cycle->mark_default);
        }
        put(o, " USING ");
        fly__sql_print_name(o, cycle->path_column);
    }
}

static void with(fly_sql_text *o, const fly_ast *node)
{
    if (node != NULL) {
        const fly_ast_with *w = (const fly_ast_with *)node;
        put(o, w->recursive ? "WITH RECURSIVE " : "WITH ");
        fly__sql_print_list(o, &w->ctes, cte);
        put(o, " ");
    }
}

static void into(fly_sql_text *o, const fly_ast_relation *relation)
{
    if (relation != NULL) {
        put(o, " INTO ");
        put_if(o, relation->persistence == FLY_AST_TEMPORARY, "TEMPORARY ");
        put_if(o, relation->persistence == FLY_AST_UNLOGGED, "UNLOGGED ");
        put(o, "TABLE ");
        relation_name(o, relation);
    }
}

static void into_vars(fly_sql_text *o, const fly_ast_list *variables, bool strict)
{
    if (variables->count > 0) {
        put(o, strict ? " INTO STRICT " : " INTO ");
        fly__sql_print_exprs(o, variables);
    }
}

static void simple_select(fly_sql_text *o, const fly_ast_select *s)
{
    put(o, "SELECT");
    put_if(o, s->distinct, " DISTINCT");
    if (s->distinct_on.count > 0) {
        listed(o, " ON (", &s->distinct_on, ")");
    }
    put_if(o, s->targets.count > 0, " ");
    fly__sql_print_list(o, &s->targets, target);
    into(o, (const fly_ast_relation *)s->into);
    into_vars(o, &s->into_vars, s->into_strict);
    from_clause(o, " FROM ", &s->from);
    fly__sql_print_clause(o, "WHERE", s->where);
    if (s->group_by.count > 0) {
        put(o, s->group_distinct ? " GROUP BY DISTINCT " : " GROUP BY ");
        fly__sql_print_exprs(o, &s->group_by);
    }
    fly__sql_print_clause(o, "HAVING", s->having);
    if (s->windows.count > 0) {
        put(o, " WINDOW ");
        fly__sql_print_list(o, &s->windows, named_window);
    }
}

static void locking(fly_sql_text *o, const fly_ast_locking *lock)
{
    static const char *const strengths[] = {" FOR UPDATE", " FOR NO KEY UPDATE", " FOR SHARE",
                                            " FOR KEY SHARE"};
    put(o, strengths[lock->strength]);
    if (lock->relations.count > 0) {
        put(o, " OF ");
        fly__sql_print_list(o, &lock->relations, fly__sql_print_relation);
    }
    put_if(o, lock->wait == FLY_AST_LOCK_NOWAIT, " NOWAIT");
    put_if(o, lock->wait == FLY_AST_LOCK_SKIP_LOCKED, " SKIP LOCKED");
}

/* An operand of UNION: in parentheses if it has a tail of its own or is an operation. */
static void set_operand(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_select *s = (const fly_ast_select *)node;
    bool simple = s->op == FLY_AST_SET_NONE && s->with == NULL && s->order_by.count == 0 &&
                  s->limit == NULL && s->offset == NULL && s->locking.count == 0;
    if (simple) {
        fly__sql_print_query(o, node);
    } else {
        query_in_parens(o, node);
    }
}

static void select_statement(fly_sql_text *o, const fly_ast_select *s)
{
    static const char *const ops[] = {"", " UNION ", " INTERSECT ", " EXCEPT "};
    with(o, s->with);
    if (s->op != FLY_AST_SET_NONE) {
        set_operand(o, s->left);
        put(o, ops[s->op]);
        put_if(o, s->all, "ALL ");
        set_operand(o, s->right);
    } else if (s->values.count > 0) {
        listed(o, "VALUES ", &s->values, "");
    } else {
        simple_select(o, s);
    }
    order_by(o, &s->order_by, " ");
    if (s->limit != NULL && s->with_ties) {
        put(o, " FETCH FIRST ");
        in_parens(o, s->limit);
        put(o, " ROWS WITH TIES");
    } else {
        fly__sql_print_clause(o, "LIMIT", s->limit);
    }
    fly__sql_print_clause(o, "OFFSET", s->offset);
    for (uint32_t i = 0; i < s->locking.count; i++) {
        locking(o, (const fly_ast_locking *)s->locking.items[i]);
    }
}

/* ----------------------------------------------------------------------------- modification */

static void set_target(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_set_target *t = (const fly_ast_set_target *)node;
    fly__sql_print_name(o, t->name);
    for (uint32_t i = 0; i < t->indirection.count; i++) {
        fly__sql_print_expr(o, t->indirection.items[i]);
    }
}

static void set_targets(fly_sql_text *o, const fly_ast_list *list)
{
    if (list->count > 0) {
        put(o, " (");
        fly__sql_print_list(o, list, set_target);
        put(o, ")");
    }
}

static void assign(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_assign *a = (const fly_ast_assign *)node;
    put_if(o, a->multiple, "(");
    fly__sql_print_list(o, &a->targets, set_target);
    put_if(o, a->multiple, ")");
    put(o, " = ");
    fly__sql_print_expr(o, a->value);
}

static void sets(fly_sql_text *o, const fly_ast_list *list)
{
    put(o, " SET ");
    fly__sql_print_list(o, list, assign);
}

static void returning(fly_sql_text *o, const fly_ast_list *targets, const fly_ast_list *variables,
                      bool strict)
{
    if (targets->count > 0) {
        put(o, " RETURNING ");
        fly__sql_print_list(o, targets, target);
        into_vars(o, variables, strict);
    }
}

static const char *const or_words[] = {"",           " OR ABORT",   " OR FAIL",
                                       " OR IGNORE", " OR REPLACE", " OR ROLLBACK"};
static const char *const overriding_words[] = {"", " OVERRIDING USER VALUE",
                                               " OVERRIDING SYSTEM VALUE"};

static void conflict(fly_sql_text *o, const fly_ast_on_conflict *c)
{
    put(o, " ON CONFLICT");
    if (c->columns.count > 0) {
        put(o, " (");
        fly__sql_print_list(o, &c->columns, fly__sql_print_index_column);
        put(o, ")");
        fly__sql_print_clause(o, "WHERE", c->columns_where);
    }
    if (c->constraint != NULL) {
        put(o, " ON CONSTRAINT ");
        fly__sql_print_name(o, c->constraint);
    }
    if (c->action == FLY_AST_CONFLICT_NOTHING) {
        put(o, " DO NOTHING");
        return;
    }
    put(o, " DO UPDATE");
    sets(o, &c->sets);
    fly__sql_print_clause(o, "WHERE", c->where);
}

static void insert(fly_sql_text *o, const fly_ast_insert *s)
{
    with(o, s->with);
    put(o, "INSERT");
    put(o, or_words[s->or_action]);
    put(o, " INTO ");
    fly__sql_print_relation(o, s->relation);
    set_targets(o, &s->columns);
    put(o, overriding_words[s->overriding]);
    if (s->source != NULL) {
        put(o, " ");
        fly__sql_print_query(o, s->source);
    } else {
        put(o, " DEFAULT VALUES");
    }
    if (s->conflict != NULL) {
        conflict(o, (const fly_ast_on_conflict *)s->conflict);
    }
    returning(o, &s->returning, &s->into_vars, s->into_strict);
}

static void merge_when(fly_sql_text *o, const fly_ast_merge_when *w)
{
    put(o, w->matched ? " WHEN MATCHED" : " WHEN NOT MATCHED");
    fly__sql_print_clause(o, "AND", w->condition);
    switch (w->action) {
    case FLY_AST_MERGE_NOTHING:
        put(o, " THEN DO NOTHING");
        break;
    case FLY_AST_MERGE_DELETE:
        put(o, " THEN DELETE");
        break;
    case FLY_AST_MERGE_UPDATE:
        put(o, " THEN UPDATE");
        sets(o, &w->sets);
        break;
    case FLY_AST_MERGE_INSERT:
        put(o, " THEN INSERT");
        set_targets(o, &w->columns);
        put(o, overriding_words[w->overriding]);
        if (w->values.count > 0) {
            listed(o, " VALUES (", &w->values, ")");
        } else {
            put(o, " DEFAULT VALUES");
        }
        break;
    }
}

static void merge(fly_sql_text *o, const fly_ast_merge *m)
{
    with(o, m->with);
    put(o, "MERGE INTO ");
    fly__sql_print_relation(o, m->relation);
    put(o, " USING ");
    from_item(o, m->source);
    fly__sql_print_clause(o, "ON", m->on);
    for (uint32_t i = 0; i < m->whens.count; i++) {
        merge_when(o, (const fly_ast_merge_when *)m->whens.items[i]);
    }
}

static void update(fly_sql_text *o, const fly_ast_update *u)
{
    with(o, u->with);
    put(o, "UPDATE");
    put(o, or_words[u->or_action]);
    put(o, " ");
    fly__sql_print_relation(o, u->relation);
    sets(o, &u->sets);
    from_clause(o, " FROM ", &u->from);
    fly__sql_print_clause(o, "WHERE", u->where);
    returning(o, &u->returning, &u->into_vars, u->into_strict);
}

static void delete_rows(fly_sql_text *o, const fly_ast_delete *d)
{
    with(o, d->with);
    put(o, "DELETE FROM ");
    fly__sql_print_relation(o, d->relation);
    from_clause(o, " USING ", &d->using_items);
    fly__sql_print_clause(o, "WHERE", d->where);
    returning(o, &d->returning, &d->into_vars, d->into_strict);
}

void fly__sql_print_query(fly_sql_text *o, const fly_ast *node)
{
    switch (node->kind) {
    case FLY_AST_SELECT:
        select_statement(o, (const fly_ast_select *)node);
        break;
    case FLY_AST_INSERT:
        insert(o, (const fly_ast_insert *)node);
        break;
    case FLY_AST_UPDATE:
        update(o, (const fly_ast_update *)node);
        break;
    case FLY_AST_DELETE:
        delete_rows(o, (const fly_ast_delete *)node);
        break;
    case FLY_AST_MERGE:
        merge(o, (const fly_ast_merge *)node);
        break;
    default:
        fly__sql_print_statement(o, node);
        break;
    }
}

fly_status fly__sql_print(fly_arena *arena, const fly_ast *node, fly_bytes *text, fly_err *err)
{
    fly_sql_text o = {.arena = arena};
    if (node->kind == FLY_AST_TYPE) {
        fly__sql_print_type(&o, node);
    } else if (node->kind <= FLY_AST_CURRENT_OF) {
        fly__sql_print_expr(&o, node);
    } else {
        fly__sql_print_query(&o, node);
    }
    return fly__sql_text_end(&o, text, err);
}
