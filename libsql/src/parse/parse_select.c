/*
 * Queries: SELECT, VALUES and TABLE, set operations, WITH, and what FROM may hold.
 *
 * ORDER BY, LIMIT and FOR after a query in parentheses belong to that query, as in PostgreSQL: (SELECT 1)
 * LIMIT 1 is SELECT 1 LIMIT 1. Twice the same clause is an error.
 *
 * What is not here: whether names exist, whether lists are as long as each other.
 */
#include "parse/parse_int.h"

static fly_ast *set_operand(fly_sql_parser *p);

bool fly__sql_gram_at_select(fly_sql_parser *p)
{
    return at(p, FLY_KW_SELECT) || at(p, FLY_KW_VALUES) || at(p, FLY_KW_WITH) ||
           at(p, FLY_KW_TABLE) || at(p, '(');
}

/* ------------------------------------------------------------------------------- small parts */

fly_ast *fly__sql_gram_target(fly_sql_parser *p)
{
    fly_ast_target *target = NEW(p, target, TARGET, here(p));
    if (p->tok.type == '*') {
        fly_ast_column *star = NEW(p, column, COLUMN, here(p));
        next(p);
        star->star = true;
        target->expr = &star->node;
        return &target->node;
    }
    target->expr = fly__sql_gram_expr(p);
    if (accept(p, FLY_KW_AS)) {
        target->name = fly__sql_gram_label(p);
    } else if (fly__sql_gram_is_bare_label(p->tok.type)) {
        target->name = fly__sql_gram_name_value(p);
    } else if (p->options.lax_syntax && is_string_token(p->tok.type)) {
        target->name = fly__sql_gram_string_value(p);
    }
    return &target->node;
}

fly_ast *fly__sql_gram_sort(fly_sql_parser *p)
{
    fly_ast_sort *sort = NEW(p, sort, SORT, here(p));
    sort->expr = fly__sql_gram_expr(p);
    if (accept(p, FLY_KW_USING)) {
        sort->direction = FLY_AST_SORT_USING;
        fly__sql_gram_operator(p, &sort->schema, &sort->op);
    } else if (accept(p, FLY_KW_ASC)) {
        sort->direction = FLY_AST_SORT_ASC;
    } else if (accept(p, FLY_KW_DESC)) {
        sort->direction = FLY_AST_SORT_DESC;
    }
    if (accept2(p, FLY_KW_NULLS, FLY_KW_FIRST)) {
        sort->nulls = FLY_AST_NULLS_FIRST;
    } else if (accept2(p, FLY_KW_NULLS, FLY_KW_LAST)) {
        sort->nulls = FLY_AST_NULLS_LAST;
    }
    return &sort->node;
}

fly_ast_list fly__sql_gram_order_by(fly_sql_parser *p)
{
    if (!at(p, FLY_KW_ORDER)) {
        return (fly_ast_list){0};
    }
    next(p);
    expect(p, FLY_KW_BY);
    return fly__sql_gram_list(p, fly__sql_gram_sort);
}

/* ---------------------------------------------------------------------------------- windows */

static fly_ast *frame_bound(fly_sql_parser *p, fly_ast_frame_bound *bound)
{
    fly_ast *offset = NULL;
    uint16_t after = peek(p);
    if (p->tok.type == FLY_KW_CURRENT && after == FLY_KW_ROW) {
        next(p);
        next(p);
        *bound = FLY_AST_BOUND_CURRENT_ROW;
        return NULL;
    }
    bool unbounded = p->tok.type == FLY_KW_UNBOUNDED &&
                     (after == FLY_KW_PRECEDING || after == FLY_KW_FOLLOWING);
    if (unbounded) {
        next(p);
    } else {
        offset = fly__sql_gram_expr(p);
    }
    if (accept(p, FLY_KW_PRECEDING)) {
        *bound = unbounded ? FLY_AST_BOUND_UNBOUNDED_PRECEDING : FLY_AST_BOUND_PRECEDING;
    } else {
        expect(p, FLY_KW_FOLLOWING);
        *bound = unbounded ? FLY_AST_BOUND_UNBOUNDED_FOLLOWING : FLY_AST_BOUND_FOLLOWING;
    }
    return offset;
}

/* What cannot be a frame, in PostgreSQL's words. */
static void check_frame(fly_sql_parser *p, const fly_ast_window *window, uint32_t pos)
{
    const char *complaint = NULL;
    if (window->start == FLY_AST_BOUND_UNBOUNDED_FOLLOWING) {
        complaint = "frame start cannot be UNBOUNDED FOLLOWING";
    } else if (!window->between && window->start == FLY_AST_BOUND_FOLLOWING) {
        complaint = "frame starting from following row cannot end with current row";
    } else if (window->end == FLY_AST_BOUND_UNBOUNDED_PRECEDING) {
        complaint = "frame end cannot be UNBOUNDED PRECEDING";
    } else if (window->start == FLY_AST_BOUND_CURRENT_ROW &&
               window->end == FLY_AST_BOUND_PRECEDING) {
        complaint = "frame starting from current row cannot have preceding rows";
    } else if (window->start == FLY_AST_BOUND_FOLLOWING &&
               (window->end == FLY_AST_BOUND_PRECEDING ||
                window->end == FLY_AST_BOUND_CURRENT_ROW)) {
        complaint = "frame starting from following row cannot have preceding rows";
    }
    if (complaint != NULL && !failed(p)) {
        fly__sql_gram_fail(p, FLY_E_INVALID, "42P20", pos, "%s", complaint);
    }
}

static void frame(fly_sql_parser *p, fly_ast_window *window)
{
    window->mode = p->tok.type == FLY_KW_RANGE  ? FLY_AST_FRAME_RANGE
                   : p->tok.type == FLY_KW_ROWS ? FLY_AST_FRAME_ROWS
                                                : FLY_AST_FRAME_GROUPS;
    next(p);
    uint32_t pos = here(p);
    window->between = accept(p, FLY_KW_BETWEEN);
    window->start_offset = frame_bound(p, &window->start);
    window->end = FLY_AST_BOUND_CURRENT_ROW;
    if (window->between) {
        expect(p, FLY_KW_AND);
        window->end_offset = frame_bound(p, &window->end);
    }
    check_frame(p, window, pos);
    if (accept(p, FLY_KW_EXCLUDE)) {
        if (accept(p, FLY_KW_CURRENT)) {
            expect(p, FLY_KW_ROW);
            window->exclude = FLY_AST_EXCLUDE_CURRENT_ROW;
        } else if (accept(p, FLY_KW_GROUP)) {
            window->exclude = FLY_AST_EXCLUDE_GROUP;
        } else if (accept(p, FLY_KW_TIES)) {
            window->exclude = FLY_AST_EXCLUDE_TIES;
        } else {
            expect(p, FLY_KW_NO);
            expect(p, FLY_KW_OTHERS);
        }
    }
}

static bool at_frame(fly_sql_parser *p)
{
    return p->tok.type == FLY_KW_RANGE || p->tok.type == FLY_KW_ROWS ||
           p->tok.type == FLY_KW_GROUPS;
}

fly_ast *fly__sql_gram_window(fly_sql_parser *p)
{
    fly_ast_window *window = NEW(p, window, WINDOW, here(p));
    uint32_t outer;
    enter(p, &outer);
    window->end = FLY_AST_BOUND_CURRENT_ROW;
    expect(p, '(');
    if (p->tok.type != FLY_KW_PARTITION && !at_frame(p) && fly__sql_gram_is_col_id(p->tok.type)) {
        window->ref = fly__sql_gram_name_value(p);
    }
    if (accept(p, FLY_KW_PARTITION)) {
        expect(p, FLY_KW_BY);
        window->partition_by = fly__sql_gram_list(p, fly__sql_gram_expr);
    }
    window->order_by = fly__sql_gram_order_by(p);
    if (at_frame(p)) {
        frame(p, window);
    }
    expect(p, ')');
    leave(p, outer);
    return &window->node;
}

static fly_ast *named_window(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    const char *name = fly__sql_gram_col_id(p);
    expect(p, FLY_KW_AS);
    fly_ast *window = fly__sql_gram_window(p);
    ((fly_ast_window *)window)->name = name;
    window->pos = pos;
    return window;
}

/* ------------------------------------------------------------------------------------- FROM */

/* [AS] name [(columns)] */
static void alias(fly_sql_parser *p, const char **name, fly_ast_names *columns)
{
    if (accept(p, FLY_KW_AS)) {
        *name = fly__sql_gram_col_id(p);
    } else if (fly__sql_gram_is_col_id(p->tok.type)) {
        *name = fly__sql_gram_name_value(p);
    } else {
        return;
    }
    if (p->tok.type == '(') {
        *columns = fly__sql_gram_name_parens(p);
    }
}

fly_ast *fly__sql_gram_relation_expr(fly_sql_parser *p)
{
    bool only = accept(p, FLY_KW_ONLY);
    bool parens = only && accept(p, '(');
    fly_ast *relation = fly__sql_gram_relation(p);
    if (parens) {
        expect(p, ')');
    }
    if (!only) {
        (void)accept(p, '*');
    }
    ((fly_ast_relation *)relation)->only = only;
    return relation;
}

/* TABLESAMPLE method(args) [REPEATABLE (seed)] */
static fly_ast *sample(fly_sql_parser *p, fly_ast *relation)
{
    if (!at(p, FLY_KW_TABLESAMPLE)) {
        return relation;
    }
    fly_ast_sample *node = NEW(p, sample, SAMPLE, here(p));
    next(p);
    node->relation = relation;
    uint32_t mark = p->top;
    push_name(p, fly__sql_gram_label(p));
    while (accept(p, '.')) {
        push_name(p, fly__sql_gram_label(p));
    }
    node->method = fly__sql_gram_take_names(p, mark);
    node->args = fly__sql_gram_parens(p, fly__sql_gram_expr);
    if (accept(p, FLY_KW_REPEATABLE)) {
        expect(p, '(');
        node->repeatable = fly__sql_gram_expr(p);
        expect(p, ')');
    }
    return &node->node;
}

/* lax: [INDEXED BY name | NOT INDEXED] */
static void indexed_by(fly_sql_parser *p, fly_ast_relation *relation)
{
    uint32_t pos = here(p);
    if (fly__sql_gram_at_word(p, "indexed") && peek(p) == FLY_KW_BY) {
        next(p);
        next(p);
        relation->indexed_by = fly__sql_gram_const_string(p, fly__sql_gram_col_id(p), pos);
    } else if (p->tok.type == FLY_KW_NOT && peek(p) == FLY_TOKEN_IDENT) {
        next(p);
        if (!fly__sql_gram_accept_word(p, "indexed")) {
            fly__sql_gram_syntax(p);
        }
        relation->indexed_by = fly__sql_gram_const_null(p, pos);
    }
}

static fly_ast *column_definition(fly_sql_parser *p)
{
    fly_ast_column_def *column = NEW(p, column_def, COLUMN_DEF, here(p));
    column->name = fly__sql_gram_col_id(p);
    column->type = fly__sql_gram_type(p);
    if (accept(p, FLY_KW_COLLATE)) {
        column->collation = fly__sql_gram_any_name(p);
    }
    return &column->node;
}

/* [AS] name [(names)], [AS] name (definitions), AS (definitions) */
static void call_alias(fly_sql_parser *p, fly_ast_from_call *call)
{
    bool as = accept(p, FLY_KW_AS);
    if (as && p->tok.type == '(') {
        call->columns = fly__sql_gram_parens(p, column_definition);
        return;
    }
    if (!as && !fly__sql_gram_is_col_id(p->tok.type)) {
        return;
    }
    call->alias = fly__sql_gram_col_id(p);
    if (p->tok.type == '(') {
        uint16_t after = peek2(p);
        if (after == ',' || after == ')') {
            call->alias_columns = fly__sql_gram_name_parens(p);
        } else {
            call->columns = fly__sql_gram_parens(p, column_definition);
        }
    }
}

static fly_ast *call_item(fly_sql_parser *p)
{
    fly_ast_from_call_item *item = NEW(p, from_call_item, FROM_CALL_ITEM, here(p));
    item->call = fly__sql_gram_call(p);
    if (p->tok.type == FLY_KW_AS) {
        next(p);
        item->columns = fly__sql_gram_parens(p, column_definition);
    }
    return &item->node;
}

static fly_ast *from_call(fly_sql_parser *p, bool lateral)
{
    fly_ast_from_call *call = NEW(p, from_call, FROM_CALL, here(p));
    call->lateral = lateral;
    if (p->tok.type == FLY_KW_ROWS && peek(p) == FLY_KW_FROM) {
        next(p);
        next(p);
        call->rows_from = true;
        call->calls = fly__sql_gram_parens(p, call_item);
    } else {
        fly_ast_from_call_item *item = NEW(p, from_call_item, FROM_CALL_ITEM, here(p));
        item->call = fly__sql_gram_call(p);
        call->calls = fly__sql_gram_one(p, &item->node);
    }
    if (accept2(p, FLY_KW_WITH, FLY_KW_ORDINALITY)) {
        call->ordinality = true;
    }
    call_alias(p, call);
    return &call->node;
}

/* Whether a function stands here, and not a table: its name is followed by a parenthesis. */
static bool at_call(fly_sql_parser *p)
{
    uint16_t word = p->tok.type;
    if (word == FLY_KW_ROWS && peek(p) == FLY_KW_FROM) {
        return true;
    }
    if (!fly__sql_gram_is_col_id(word)) {
        return word > FLY_TOKEN_KEYWORDS &&
               (fly__sql_keyword(word)->class == FLY_KEYWORD_TYPE_FUNC ||
                (word >= FLY_KW_CURRENT_CATALOG && word <= FLY_KW_CURRENT_USER) ||
                word == FLY_KW_CAST || word == FLY_KW_LOCALTIME || word == FLY_KW_LOCALTIMESTAMP ||
                word == FLY_KW_SESSION_USER || word == FLY_KW_USER);
    }
    if (peek(p) == '.') { /* look along a dotted name, without keeping what is seen */
        fly_sql_lexer lexer = p->lexer;
        fly_sql_token token;
        for (uint32_t i = p->ahead_count; i > 1; i--) {
            lexer.at = p->ahead[i - 1].start; /* of the second token ahead, at last */
        }
        lexer.before = '.';
        do {
            fly__sql_lex(&lexer, &token); /* a name */
            fly__sql_lex(&lexer, &token); /* what follows it */
            if (token.type != '.') {
                break;
            }
        } while (true);
        return token.type == '(';
    }
    return peek(p) == '(';
}

static fly_ast *from_query(fly_sql_parser *p, fly_ast *query, bool lateral, uint32_t pos)
{
    fly_ast_from_query *node = NEW(p, from_query, FROM_QUERY, pos);
    node->lateral = lateral;
    node->query = query;
    alias(p, &node->alias, &node->alias_columns);
    return &node->node;
}

static fly_ast *joins(fly_sql_parser *p, fly_ast *left);

/*
 * After an opening parenthesis in FROM: a query (`is_query`) or joined tables, and the closing
 * parenthesis.
 */
static fly_ast *from_paren(fly_sql_parser *p, bool *is_query)
{
    uint32_t outer;
    uint32_t pos = here(p);
    fly_ast *inner;
    enter(p, &outer);
    *is_query = false;
    if (p->tok.type == '(') {
        bool query;
        next(p);
        inner = from_paren(p, &query);
        if (query && (at(p, ')') || fly__sql_gram_at_select_rest(p))) {
            inner = at(p, ')') ? inner : fly__sql_gram_select_rest(p, inner);
            *is_query = true;
        } else if (query) {
            inner = joins(p, from_query(p, inner, false, pos));
        } else {
            fly_ast_join *join = (fly_ast_join *)inner;
            if (is_kind(inner, FLY_AST_JOIN) && !failed(p)) {
                alias(p, &join->alias, &join->alias_columns);
            }
            inner = joins(p, inner);
        }
    } else if (fly__sql_gram_at_select(p)) {
        inner = fly__sql_gram_select(p);
        *is_query = true;
    } else {
        inner = fly__sql_gram_from_item(p);
    }
    if (!*is_query && !is_kind(inner, FLY_AST_JOIN) && !p->options.lax_syntax) {
        (void)at(p, FLY_KW_JOIN);
        fly__sql_gram_syntax(p);
    }
    if (p->options.lax_syntax && !*is_query) {
        while (accept(p, ',')) {
            fly_ast_join *join = NEW(p, join, JOIN, here(p));
            join->type = FLY_AST_JOIN_CROSS;
            join->left = inner;
            join->right = fly__sql_gram_from_item(p);
            inner = &join->node;
        }
    }
    expect(p, ')');
    leave(p, outer);
    return inner;
}

/* What stands in FROM before any join. */
static fly_ast *from_primary(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    bool lateral = accept(p, FLY_KW_LATERAL);
    if (p->tok.type == '(') {
        bool is_query;
        next(p);
        fly_ast *inner = from_paren(p, &is_query);
        if (is_query) {
            return from_query(p, inner, lateral, pos);
        }
        if (lateral) {
            fly__sql_gram_syntax(p);
        }
        if (is_kind(inner, FLY_AST_JOIN) && !failed(p)) {
            fly_ast_join *join = (fly_ast_join *)inner;
            if (join->alias == NULL) {
                alias(p, &join->alias, &join->alias_columns);
            }
        }
        return inner;
    }
    if (lateral || at_call(p)) {
        return from_call(p, lateral);
    }
    fly_ast *relation = fly__sql_gram_relation_expr(p);
    fly_ast_relation *table = (fly_ast_relation *)relation;
    if (p->options.lax_syntax && fly__sql_gram_at_word(p, "indexed")) {
        indexed_by(p, table);
    }
    alias(p, &table->alias, &table->alias_columns);
    if (p->options.lax_syntax) {
        indexed_by(p, table);
    }
    return sample(p, relation);
}

/* The words of a join: false if none begins here. */
static bool join_words(fly_sql_parser *p, fly_ast_join_kind *type, bool *natural)
{
    *natural = false;
    *type = FLY_AST_JOIN_INNER;
    if (accept(p, FLY_KW_CROSS)) {
        expect(p, FLY_KW_JOIN);
        *type = FLY_AST_JOIN_CROSS;
        return true;
    }
    *natural = accept(p, FLY_KW_NATURAL);
    if (accept(p, FLY_KW_JOIN)) {
        return true;
    }
    if (accept(p, FLY_KW_INNER)) {
        expect(p, FLY_KW_JOIN);
        return true;
    }
    if (accept(p, FLY_KW_LEFT)) {
        *type = FLY_AST_JOIN_LEFT;
    } else if (accept(p, FLY_KW_RIGHT)) {
        *type = FLY_AST_JOIN_RIGHT;
    } else if (accept(p, FLY_KW_FULL)) {
        *type = FLY_AST_JOIN_FULL;
    } else {
        if (*natural) {
            fly__sql_gram_syntax(p);
        }
        return false;
    }
    (void)accept(p, FLY_KW_OUTER);
    expect(p, FLY_KW_JOIN);
    return true;
}

static void join_condition(fly_sql_parser *p, fly_ast_join *join)
{
    if (accept(p, FLY_KW_USING)) {
        join->using_columns = fly__sql_gram_name_parens(p);
        if (accept(p, FLY_KW_AS)) {
            join->using_alias = fly__sql_gram_col_id(p);
        }
    } else if (p->options.lax_syntax && p->tok.type != FLY_KW_ON) {
        join->type = join->type == FLY_AST_JOIN_INNER ? FLY_AST_JOIN_CROSS : join->type;
    } else {
        expect(p, FLY_KW_ON);
        join->on = fly__sql_gram_expr(p);
    }
}

/*
 * {join}. A join that wants a condition first lets its right side take joins, for they must have theirs
 * before: a JOIN b JOIN c ON x ON y.
 */
static fly_ast *joins(fly_sql_parser *p, fly_ast *left)
{
    for (;;) {
        uint32_t pos = here(p);
        fly_ast_join_kind type;
        bool natural;
        if (!join_words(p, &type, &natural)) {
            return left;
        }
        fly_ast_join *join = NEW(p, join, JOIN, pos);
        join->type = type;
        join->natural = natural;
        join->left = left;
        join->right = from_primary(p);
        if (!natural && type != FLY_AST_JOIN_CROSS) {
            if (p->tok.type != FLY_KW_ON && p->tok.type != FLY_KW_USING && !p->options.lax_syntax) {
                uint32_t outer;
                enter(p, &outer);
                join->right = joins(p, join->right);
                leave(p, outer);
            }
            join_condition(p, join);
        }
        left = &join->node;
        grow(p);
    }
}

fly_ast *fly__sql_gram_from_item(fly_sql_parser *p)
{
    return joins(p, from_primary(p));
}

/* ----------------------------------------------------------------------------------- SELECT */

static fly_ast *grouping_set(fly_sql_parser *p, fly_ast_grouping_kind type);

static fly_ast *group_item(fly_sql_parser *p)
{
    if (p->tok.type == '(' && peek(p) == ')') {
        fly_ast_grouping_set *empty = NEW(p, grouping_set, GROUPING_SET, here(p));
        next(p);
        next(p);
        return &empty->node;
    }
    if (p->tok.type == FLY_KW_GROUPING && peek(p) == FLY_KW_SETS) {
        next(p);
        return grouping_set(p, FLY_AST_GROUPING_SETS);
    }
    if (p->tok.type == FLY_KW_ROLLUP && peek(p) == '(') {
        return grouping_set(p, FLY_AST_GROUPING_ROLLUP);
    }
    if (p->tok.type == FLY_KW_CUBE && peek(p) == '(') {
        return grouping_set(p, FLY_AST_GROUPING_CUBE);
    }
    return fly__sql_gram_expr(p);
}

static fly_ast *grouping_set(fly_sql_parser *p, fly_ast_grouping_kind type)
{
    uint32_t outer;
    enter(p, &outer);
    fly_ast_grouping_set *set = NEW(p, grouping_set, GROUPING_SET, here(p));
    next(p);
    set->type = type;
    set->items =
        fly__sql_gram_parens(p, type == FLY_AST_GROUPING_SETS ? group_item : fly__sql_gram_expr);
    leave(p, outer);
    return &set->node;
}

fly_ast *fly__sql_gram_into_var(fly_sql_parser *p)
{
    return fly__sql_gram_c_expr(p);
}

/* INTO [TEMP|...] [TABLE] name; with pl_into, variables. */
static void into(fly_sql_parser *p, fly_ast_select *select)
{
    if (p->options.pl_into) {
        select->into_strict = fly__sql_gram_accept_word(p, "strict") || accept(p, FLY_KW_STRICT);
        select->into_vars = fly__sql_gram_list(p, fly__sql_gram_into_var);
        return;
    }
    fly_ast_persistence persistence = FLY_AST_PERSISTENT;
    if (accept(p, FLY_KW_LOCAL) || accept(p, FLY_KW_GLOBAL)) {
        if (!accept(p, FLY_KW_TEMPORARY)) {
            expect(p, FLY_KW_TEMP);
        }
        persistence = FLY_AST_TEMPORARY;
    } else if (accept(p, FLY_KW_TEMPORARY) || accept(p, FLY_KW_TEMP)) {
        persistence = FLY_AST_TEMPORARY;
    } else if (accept(p, FLY_KW_UNLOGGED)) {
        persistence = FLY_AST_UNLOGGED;
    }
    (void)accept(p, FLY_KW_TABLE);
    select->into = fly__sql_gram_relation(p);
    ((fly_ast_relation *)select->into)->persistence = persistence;
}

/* Whether a select list may end here: it may be empty. */
static bool at_targets_end(fly_sql_parser *p)
{
    switch (p->tok.type) {
    case FLY_TOKEN_END:
    case ';':
    case ')':
    case FLY_KW_FROM:
    case FLY_KW_INTO:
    case FLY_KW_WHERE:
    case FLY_KW_GROUP:
    case FLY_KW_HAVING:
    case FLY_KW_WINDOW:
    case FLY_KW_UNION:
    case FLY_KW_INTERSECT:
    case FLY_KW_EXCEPT:
    case FLY_KW_ORDER:
    case FLY_KW_LIMIT:
    case FLY_KW_OFFSET:
    case FLY_KW_FETCH:
    case FLY_KW_FOR:
        return true;
    default:
        return false;
    }
}

static fly_ast *simple_select(fly_sql_parser *p)
{
    fly_ast_select *select = NEW(p, select, SELECT, here(p));
    next(p);
    if (accept(p, FLY_KW_DISTINCT)) {
        select->distinct = true;
        if (accept(p, FLY_KW_ON)) {
            select->distinct_on = fly__sql_gram_parens(p, fly__sql_gram_expr);
        }
    } else {
        (void)accept(p, FLY_KW_ALL);
    }
    if (p->options.pl_into && accept(p, FLY_KW_INTO)) {
        into(p, select);
        (void)accept(p, ',');
    }
    if (select->distinct || !at_targets_end(p)) {
        select->targets = fly__sql_gram_list(p, fly__sql_gram_target);
    }
    if (accept(p, FLY_KW_INTO)) {
        into(p, select);
    }
    if (accept(p, FLY_KW_FROM)) {
        select->from = fly__sql_gram_list(p, fly__sql_gram_from_item);
    }
    if (accept(p, FLY_KW_WHERE)) {
        select->where = fly__sql_gram_expr(p);
    }
    if (accept(p, FLY_KW_GROUP)) {
        expect(p, FLY_KW_BY);
        select->group_distinct = accept(p, FLY_KW_DISTINCT);
        if (!select->group_distinct) {
            (void)accept(p, FLY_KW_ALL);
        }
        select->group_by = fly__sql_gram_list(p, group_item);
    }
    if (accept(p, FLY_KW_HAVING)) {
        select->having = fly__sql_gram_expr(p);
    }
    if (accept(p, FLY_KW_WINDOW)) {
        select->windows = fly__sql_gram_list(p, named_window);
    }
    return &select->node;
}

static fly_ast *values_row(fly_sql_parser *p)
{
    fly_ast_row *row = NEW(p, row, ROW, here(p));
    row->items = fly__sql_gram_parens(p, fly__sql_gram_expr);
    return &row->node;
}

/* TABLE name is SELECT * FROM name. */
static fly_ast *table_select(fly_sql_parser *p)
{
    fly_ast_select *select = NEW(p, select, SELECT, here(p));
    fly_ast_target *target = NEW(p, target, TARGET, here(p));
    fly_ast_column *star = NEW(p, column, COLUMN, here(p));
    next(p);
    star->star = true;
    target->expr = &star->node;
    select->targets = fly__sql_gram_one(p, &target->node);
    select->from = fly__sql_gram_one(p, fly__sql_gram_relation_expr(p));
    return &select->node;
}

/* A query without set operations at its top. */
static fly_ast *set_operand(fly_sql_parser *p)
{
    fly_ast_select *values;
    switch (p->tok.type) {
    case FLY_KW_SELECT:
        return simple_select(p);
    case FLY_KW_VALUES:
        values = NEW(p, select, SELECT, here(p));
        next(p);
        values->values = fly__sql_gram_list(p, values_row);
        return &values->node;
    case FLY_KW_TABLE:
        return table_select(p);
    case '(':
        return fly__sql_gram_select_parens(p);
    default:
        (void)(at(p, FLY_KW_SELECT) || at(p, FLY_KW_VALUES) || at(p, FLY_KW_TABLE) || at(p, '('));
        fly__sql_gram_syntax(p);
        return &NEW(p, select, SELECT, here(p))->node;
    }
}

/* UNION and EXCEPT bind less than INTERSECT; all from the left. */
static fly_ast *set_operations(fly_sql_parser *p, fly_ast *left, bool intersect_only)
{
    for (;;) {
        uint32_t pos = here(p);
        fly_ast_set_op op = FLY_AST_SET_NONE;
        if (at(p, FLY_KW_INTERSECT)) {
            op = FLY_AST_SET_INTERSECT;
        } else if (!intersect_only && at(p, FLY_KW_UNION)) {
            op = FLY_AST_SET_UNION;
        } else if (!intersect_only && at(p, FLY_KW_EXCEPT)) {
            op = FLY_AST_SET_EXCEPT;
        }
        if (op == FLY_AST_SET_NONE) {
            return left;
        }
        next(p);
        fly_ast_select *node = NEW(p, select, SELECT, pos);
        node->op = op;
        node->all = accept(p, FLY_KW_ALL);
        if (!node->all) {
            (void)accept(p, FLY_KW_DISTINCT);
        }
        node->left = left;
        node->right = set_operand(p);
        if (op != FLY_AST_SET_INTERSECT) {
            node->right = set_operations(p, node->right, true);
        }
        left = &node->node;
        grow(p);
    }
}

/* --------------------------------------------------------------------- ORDER BY, LIMIT, FOR */

static fly_ast *locking(fly_sql_parser *p)
{
    fly_ast_locking *lock = NEW(p, locking, LOCKING, here(p));
    next(p);
    if (accept(p, FLY_KW_NO)) {
        expect(p, FLY_KW_KEY);
        expect(p, FLY_KW_UPDATE);
        lock->strength = FLY_AST_LOCK_NO_KEY_UPDATE;
    } else if (accept(p, FLY_KW_KEY)) {
        expect(p, FLY_KW_SHARE);
        lock->strength = FLY_AST_LOCK_KEY_SHARE;
    } else if (accept(p, FLY_KW_SHARE)) {
        lock->strength = FLY_AST_LOCK_SHARE;
    } else {
        expect(p, FLY_KW_UPDATE);
    }
    if (accept(p, FLY_KW_OF)) {
        lock->relations = fly__sql_gram_list(p, fly__sql_gram_relation);
    }
    if (accept(p, FLY_KW_NOWAIT)) {
        lock->wait = FLY_AST_LOCK_NOWAIT;
    } else if (accept(p, FLY_KW_SKIP)) {
        expect(p, FLY_KW_LOCKED);
        lock->wait = FLY_AST_LOCK_SKIP_LOCKED;
    }
    return &lock->node;
}

/* What may come once after a query. */
typedef struct tail {
    fly_ast *limit, *offset;
    bool with_ties, limited;
} tail;

static void limit(fly_sql_parser *p, tail *t, uint32_t pos)
{
    if (t->limited) {
        SYNTAX_MESSAGE(p, pos, "multiple LIMIT clauses not allowed");
    }
    t->limited = true;
    if (!accept(p, FLY_KW_ALL)) {
        t->limit = fly__sql_gram_expr(p);
    }
    if (p->tok.type == ',' && p->options.lax_syntax) { /* LIMIT offset, count */
        next(p);
        t->offset = t->limit;
        t->limit = fly__sql_gram_expr(p);
    } else if (p->tok.type == ',') {
        SYNTAX_MESSAGE(p, pos, "LIMIT #,# syntax is not supported");
        fly_err_hint(&p->err, "Use separate LIMIT and OFFSET clauses.");
    }
}

static void fetch(fly_sql_parser *p, tail *t, uint32_t pos)
{
    if (t->limited) {
        SYNTAX_MESSAGE(p, pos, "multiple LIMIT clauses not allowed");
    }
    t->limited = true;
    if (!accept(p, FLY_KW_FIRST)) {
        expect(p, FLY_KW_NEXT);
    }
    if (p->tok.type == FLY_KW_ROW || p->tok.type == FLY_KW_ROWS) {
        t->limit = fly__sql_gram_const_int(p, 1, here(p));
    } else if (p->tok.type == '+' || p->tok.type == '-') {
        t->limit = fly__sql_gram_signed_number(p);
    } else {
        t->limit = fly__sql_gram_c_expr(p);
    }
    if (!accept(p, FLY_KW_ROW)) {
        expect(p, FLY_KW_ROWS);
    }
    if (!accept(p, FLY_KW_ONLY)) {
        expect(p, FLY_KW_WITH);
        expect(p, FLY_KW_TIES);
        t->with_ties = true;
    }
}

/* Give a query its tail, unless it has one already. */
static void attach(fly_sql_parser *p, fly_ast_select *select, const tail *t)
{
    if (failed(p)) {
        return;
    }
    if (t->offset != NULL) {
        if (select->offset != NULL) {
            SYNTAX_MESSAGE(p, t->offset->pos, "multiple OFFSET clauses not allowed");
        }
        select->offset = t->offset;
    }
    if (t->limit != NULL) {
        if (select->limit != NULL) {
            SYNTAX_MESSAGE(p, t->limit->pos, "multiple LIMIT clauses not allowed");
        }
        select->limit = t->limit;
        select->with_ties = t->with_ties;
    }
    if (t->with_ties && select->order_by.count == 0) {
        SYNTAX_MESSAGE(p, 0, "WITH TIES cannot be specified without ORDER BY clause");
    }
    for (uint32_t i = 0; t->with_ties && i < select->locking.count; i++) {
        if (((fly_ast_locking *)select->locking.items[i])->wait == FLY_AST_LOCK_SKIP_LOCKED) {
            SYNTAX_MESSAGE(p, 0, "SKIP LOCKED and WITH TIES options cannot be used together");
        }
    }
}

static bool at_locking(fly_sql_parser *p)
{
    if (!at(p, FLY_KW_FOR)) {
        return false;
    }
    uint16_t after = peek(p);
    return after == FLY_KW_UPDATE || after == FLY_KW_SHARE || after == FLY_KW_NO ||
           after == FLY_KW_KEY || after == FLY_KW_READ;
}

static void locking_clauses(fly_sql_parser *p, fly_ast_select *select)
{
    uint32_t mark = p->top;
    if (accept2(p, FLY_KW_FOR, FLY_KW_READ)) {
        expect(p, FLY_KW_ONLY);
    }
    for (uint32_t i = 0; i < select->locking.count && !failed(p); i++) {
        push(p, select->locking.items[i]);
    }
    while (at_locking(p)) {
        push(p, locking(p));
    }
    select->locking = fly__sql_gram_take(p, mark);
}

static void select_tail(fly_sql_parser *p, fly_ast_select *select)
{
    tail t = {0};
    uint32_t pos = here(p);
    if (at(p, FLY_KW_ORDER)) {
        if (select->order_by.count > 0) {
            SYNTAX_MESSAGE(p, pos, "multiple ORDER BY clauses not allowed");
        }
        select->order_by = fly__sql_gram_order_by(p);
    }
    if (at_locking(p)) {
        locking_clauses(p, select);
    }
    bool any = false;
    for (;;) {
        pos = here(p);
        if (accept(p, FLY_KW_LIMIT)) {
            limit(p, &t, pos);
        } else if (accept(p, FLY_KW_FETCH)) {
            fetch(p, &t, pos);
        } else if (accept(p, FLY_KW_OFFSET)) {
            if (t.offset != NULL) {
                fly__sql_gram_syntax(p);
            }
            t.offset = fly__sql_gram_expr(p);
            if (!accept(p, FLY_KW_ROW)) {
                (void)accept(p, FLY_KW_ROWS);
            }
        } else {
            break;
        }
        any = true;
    }
    if (at_locking(p)) {
        locking_clauses(p, select);
    }
    if (any) {
        attach(p, select, &t);
    }
}

/* -------------------------------------------------------------------------- whole queries */

bool fly__sql_gram_at_select_rest(fly_sql_parser *p)
{
    return at(p, FLY_KW_UNION) || at(p, FLY_KW_INTERSECT) || at(p, FLY_KW_EXCEPT) ||
           at(p, FLY_KW_ORDER) || at(p, FLY_KW_LIMIT) || at(p, FLY_KW_OFFSET) ||
           at(p, FLY_KW_FETCH) || at_locking(p);
}

fly_ast *fly__sql_gram_select_rest(fly_sql_parser *p, fly_ast *left)
{
    fly_ast *select = set_operations(p, left, false);
    select_tail(p, (fly_ast_select *)select);
    return select;
}

fly_ast *fly__sql_gram_select_parens(fly_sql_parser *p)
{
    uint32_t outer;
    enter(p, &outer);
    expect(p, '(');
    fly_ast *select = fly__sql_gram_select(p);
    expect(p, ')');
    leave(p, outer);
    return select;
}

fly_ast *fly__sql_gram_select(fly_sql_parser *p)
{
    uint32_t outer;
    enter(p, &outer);
    uint32_t pos = here(p);
    fly_ast *with = p->tok.type == FLY_KW_WITH ? fly__sql_gram_with(p) : NULL;
    fly_ast *node = fly__sql_gram_select_rest(p, set_operand(p));
    if (with != NULL && !failed(p)) {
        fly_ast_select *select = (fly_ast_select *)node;
        if (select->with != NULL) {
            SYNTAX_MESSAGE(p, pos, "multiple WITH clauses not allowed");
        }
        select->with = with;
    }
    leave(p, outer);
    return node;
}

/* ------------------------------------------------------------------------------------- WITH */

static fly_ast *cte_search(fly_sql_parser *p)
{
    fly_ast_cte_search *search = NEW(p, cte_search, CTE_SEARCH, here(p));
    next(p);
    search->breadth = accept(p, FLY_KW_BREADTH);
    if (!search->breadth) {
        expect(p, FLY_KW_DEPTH);
    }
    expect(p, FLY_KW_FIRST);
    expect(p, FLY_KW_BY);
    search->columns = fly__sql_gram_name_list(p);
    expect(p, FLY_KW_SET);
    search->sequence_column = fly__sql_gram_col_id(p);
    return &search->node;
}

static fly_ast *cte_cycle(fly_sql_parser *p)
{
    fly_ast_cte_cycle *cycle = NEW(p, cte_cycle, CTE_CYCLE, here(p));
    next(p);
    cycle->columns = fly__sql_gram_name_list(p);
    expect(p, FLY_KW_SET);
    cycle->mark_column = fly__sql_gram_col_id(p);
    if (accept(p, FLY_KW_TO)) {
        cycle->mark_value = fly__sql_gram_c_expr(p);
        expect(p, FLY_KW_DEFAULT);
        cycle->mark_default = fly__sql_gram_c_expr(p);
    }
    expect(p, FLY_KW_USING);
    cycle->path_column = fly__sql_gram_col_id(p);
    return &cycle->node;
}

static fly_ast *cte(fly_sql_parser *p)
{
    fly_ast_cte *node = NEW(p, cte, CTE, here(p));
    node->name = fly__sql_gram_col_id(p);
    if (p->tok.type == '(') {
        node->columns = fly__sql_gram_name_parens(p);
    }
    expect(p, FLY_KW_AS);
    if (accept(p, FLY_KW_MATERIALIZED)) {
        node->materialized = FLY_AST_MATERIALIZE_ALWAYS;
    } else if (accept2(p, FLY_KW_NOT, FLY_KW_MATERIALIZED)) {
        node->materialized = FLY_AST_MATERIALIZE_NEVER;
    }
    expect(p, '(');
    node->query = fly__sql_gram_preparable(p);
    expect(p, ')');
    if (at(p, FLY_KW_SEARCH)) {
        node->search = cte_search(p);
    }
    if (at(p, FLY_KW_CYCLE)) {
        node->cycle = cte_cycle(p);
    }
    return &node->node;
}

fly_ast *fly__sql_gram_with(fly_sql_parser *p)
{
    fly_ast_with *with = NEW(p, with, WITH, here(p));
    expect(p, FLY_KW_WITH);
    with->recursive = accept(p, FLY_KW_RECURSIVE);
    with->ctes = fly__sql_gram_list(p, cte);
    return &with->node;
}
