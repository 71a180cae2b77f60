/*
 * Statements that change rows: INSERT, UPDATE, DELETE, MERGE, COPY, TRUNCATE; and WITH before any.
 *
 * What is not here: COPY's data, which the session reads.
 */
#include "parse/parse_int.h"

static fly_ast *set_target(fly_sql_parser *p)
{
    fly_ast_set_target *target = NEW(p, set_target, SET_TARGET, here(p));
    target->name = fly__sql_gram_col_id(p);
    target->indirection = fly__sql_gram_indirection(p);
    return &target->node;
}

/* a = x; (a, b) = x */
static fly_ast *assign(fly_sql_parser *p)
{
    fly_ast_assign *node = NEW(p, assign, ASSIGN, here(p));
    if (p->tok.type == '(') {
        node->multiple = true;
        node->targets = fly__sql_gram_parens(p, set_target);
    } else {
        node->targets = fly__sql_gram_one(p, set_target(p));
    }
    expect(p, '=');
    node->value = fly__sql_gram_expr(p);
    return &node->node;
}

/* [RETURNING targets [INTO variables]] */
static fly_ast_list returning(fly_sql_parser *p, fly_ast_list *into_vars, bool *strict)
{
    fly_ast_list targets = {0};
    if (accept(p, FLY_KW_RETURNING)) {
        targets = fly__sql_gram_list(p, fly__sql_gram_target);
        if (p->options.pl_into && accept(p, FLY_KW_INTO)) {
            *strict = accept(p, FLY_KW_STRICT);
            *into_vars = fly__sql_gram_list(p, fly__sql_gram_into_var);
        }
    }
    return targets;
}

/* WHERE expr, WHERE CURRENT OF cursor */
static fly_ast *where(fly_sql_parser *p)
{
    if (!accept(p, FLY_KW_WHERE)) {
        return NULL;
    }
    if (p->tok.type == FLY_KW_CURRENT && peek(p) == FLY_KW_OF) {
        fly_ast_current_of *node = NEW(p, current_of, CURRENT_OF, here(p));
        next(p);
        next(p);
        node->cursor = fly__sql_gram_col_id(p);
        return &node->node;
    }
    return fly__sql_gram_expr(p);
}

/* ----------------------------------------------------------------------------------- INSERT */

/* lax: OR what, after the OR. */
static fly_ast_or_action or_action(fly_sql_parser *p)
{
    static const struct {
        const char *word;
        fly_ast_or_action action;
    } actions[] = {
        {"fail", FLY_AST_OR_FAIL},
        {"ignore", FLY_AST_OR_IGNORE},
    };
    if (accept(p, FLY_KW_ABORT)) {
        return FLY_AST_OR_ABORT;
    }
    if (accept(p, FLY_KW_REPLACE)) {
        return FLY_AST_OR_REPLACE;
    }
    if (accept(p, FLY_KW_ROLLBACK)) {
        return FLY_AST_OR_ROLLBACK;
    }
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (fly__sql_gram_accept_word(p, actions[i].word)) {
            return actions[i].action;
        }
    }
    fly__sql_gram_syntax(p);
    return FLY_AST_OR_NONE;
}

static fly_ast *conflict(fly_sql_parser *p)
{
    fly_ast_on_conflict *node = NEW(p, on_conflict, ON_CONFLICT, here(p));
    next(p);
    expect(p, FLY_KW_CONFLICT);
    if (p->tok.type == '(') {
        node->columns = fly__sql_gram_parens(p, fly__sql_gram_index_column);
        node->columns_where = where(p);
    } else if (accept(p, FLY_KW_ON)) {
        expect(p, FLY_KW_CONSTRAINT);
        node->constraint = fly__sql_gram_col_id(p);
    }
    expect(p, FLY_KW_DO);
    if (accept(p, FLY_KW_UPDATE)) {
        node->action = FLY_AST_CONFLICT_UPDATE;
        expect(p, FLY_KW_SET);
        node->sets = fly__sql_gram_list(p, assign);
        node->where = where(p);
    } else {
        expect(p, FLY_KW_NOTHING);
    }
    return &node->node;
}

static fly_ast_overriding overriding(fly_sql_parser *p)
{
    fly_ast_overriding kind = FLY_AST_OVERRIDING_NONE;
    if (accept(p, FLY_KW_OVERRIDING)) {
        if (accept(p, FLY_KW_USER)) {
            kind = FLY_AST_OVERRIDING_USER;
        } else {
            expect(p, FLY_KW_SYSTEM);
            kind = FLY_AST_OVERRIDING_SYSTEM;
        }
        expect(p, FLY_KW_VALUE);
    }
    return kind;
}

/* Whether a parenthesis opens a list of columns, or a query. */
static bool at_columns(fly_sql_parser *p)
{
    if (p->tok.type != '(') {
        return false;
    }
    uint16_t after = peek(p);
    return after != '(' && after != FLY_KW_SELECT && after != FLY_KW_WITH &&
           after != FLY_KW_TABLE && !(after == FLY_KW_VALUES && peek2(p) == '(');
}

fly_ast *fly__sql_gram_insert(fly_sql_parser *p, fly_ast *with)
{
    fly_ast_insert *insert = NEW(p, insert, INSERT, here(p));
    bool replace = p->tok.type == FLY_KW_REPLACE;
    next(p);
    insert->with = with;
    insert->or_action = replace ? FLY_AST_OR_REPLACE : FLY_AST_OR_NONE;
    if (!replace && p->options.lax_syntax && accept(p, FLY_KW_OR)) {
        insert->or_action = or_action(p);
    }
    expect(p, FLY_KW_INTO);
    insert->relation = fly__sql_gram_relation(p);
    if (accept(p, FLY_KW_AS)) {
        ((fly_ast_relation *)insert->relation)->alias = fly__sql_gram_col_id(p);
    }
    if (at_columns(p)) {
        insert->columns = fly__sql_gram_parens(p, set_target);
    }
    insert->overriding = overriding(p);
    if (accept2(p, FLY_KW_DEFAULT, FLY_KW_VALUES)) {
        insert->source = NULL;
    } else if (fly__sql_gram_at_select(p)) {
        insert->source = fly__sql_gram_select(p);
    } else {
        (void)(at(p, FLY_KW_DEFAULT) || (insert->columns.count == 0 && at(p, '(')));
        fly__sql_gram_syntax(p);
    }
    if (at(p, FLY_KW_ON)) {
        insert->conflict = conflict(p);
    }
    insert->returning = returning(p, &insert->into_vars, &insert->into_strict);
    return &insert->node;
}

/* -------------------------------------------------------------------------- UPDATE, DELETE */

/* relation_expr [[AS] alias]; SET is a name too, but not here. */
static fly_ast *aliased(fly_sql_parser *p)
{
    fly_ast *relation = fly__sql_gram_relation_expr(p);
    if (accept(p, FLY_KW_AS) ||
        (p->tok.type != FLY_KW_SET && fly__sql_gram_is_col_id(p->tok.type))) {
        ((fly_ast_relation *)relation)->alias = fly__sql_gram_col_id(p);
    }
    return relation;
}

fly_ast *fly__sql_gram_update(fly_sql_parser *p, fly_ast *with)
{
    fly_ast_update *update = NEW(p, update, UPDATE, here(p));
    next(p);
    update->with = with;
    if (p->options.lax_syntax && accept(p, FLY_KW_OR)) {
        update->or_action = or_action(p);
    }
    update->relation = aliased(p);
    expect(p, FLY_KW_SET);
    update->sets = fly__sql_gram_list(p, assign);
    if (accept(p, FLY_KW_FROM)) {
        update->from = fly__sql_gram_list(p, fly__sql_gram_from_item);
    }
    update->where = where(p);
    update->returning = returning(p, &update->into_vars, &update->into_strict);
    return &update->node;
}

fly_ast *fly__sql_gram_delete(fly_sql_parser *p, fly_ast *with)
{
    fly_ast_delete *node = NEW(p, delete, DELETE, here(p));
    next(p);
    node->with = with;
    expect(p, FLY_KW_FROM);
    node->relation = aliased(p);
    if (accept(p, FLY_KW_USING)) {
        node->using_items = fly__sql_gram_list(p, fly__sql_gram_from_item);
    }
    node->where = where(p);
    node->returning = returning(p, &node->into_vars, &node->into_strict);
    return &node->node;
}

/* ------------------------------------------------------------------------------------ MERGE */

static void merge_insert(fly_sql_parser *p, fly_ast_merge_when *when)
{
    when->action = FLY_AST_MERGE_INSERT;
    if (p->tok.type == '(') {
        when->columns = fly__sql_gram_parens(p, set_target);
    }
    when->overriding = overriding(p);
    if (when->columns.count == 0 && accept2(p, FLY_KW_DEFAULT, FLY_KW_VALUES)) {
        return;
    }
    expect(p, FLY_KW_VALUES);
    when->values = fly__sql_gram_parens(p, fly__sql_gram_expr);
}

static fly_ast *merge_when(fly_sql_parser *p)
{
    fly_ast_merge_when *when = NEW(p, merge_when, MERGE_WHEN, here(p));
    next(p);
    when->matched = !accept(p, FLY_KW_NOT);
    expect(p, FLY_KW_MATCHED);
    if (accept(p, FLY_KW_AND)) {
        when->condition = fly__sql_gram_expr(p);
    }
    expect(p, FLY_KW_THEN);
    if (accept(p, FLY_KW_DO)) {
        expect(p, FLY_KW_NOTHING);
    } else if (!when->matched) {
        expect(p, FLY_KW_INSERT);
        merge_insert(p, when);
    } else if (accept(p, FLY_KW_UPDATE)) {
        when->action = FLY_AST_MERGE_UPDATE;
        expect(p, FLY_KW_SET);
        when->sets = fly__sql_gram_list(p, assign);
    } else {
        expect(p, FLY_KW_DELETE);
        when->action = FLY_AST_MERGE_DELETE;
    }
    return &when->node;
}

fly_ast *fly__sql_gram_merge(fly_sql_parser *p, fly_ast *with)
{
    fly_ast_merge *merge = NEW(p, merge, MERGE, here(p));
    next(p);
    merge->with = with;
    expect(p, FLY_KW_INTO);
    merge->relation = aliased(p);
    expect(p, FLY_KW_USING);
    merge->source = fly__sql_gram_from_item(p);
    expect(p, FLY_KW_ON);
    merge->on = fly__sql_gram_expr(p);
    uint32_t mark = p->top;
    if (!at(p, FLY_KW_WHEN)) {
        fly__sql_gram_syntax(p);
    }
    while (at(p, FLY_KW_WHEN)) {
        push(p, merge_when(p));
    }
    merge->whens = fly__sql_gram_take(p, mark);
    return &merge->node;
}

/* ------------------------------------------------------------------------------------- COPY */

/* FORCE QUOTE, FORCE NOT NULL, FORCE NULL: a list of columns or *. */
static fly_ast *force_option(fly_sql_parser *p, uint32_t pos)
{
    const char *name;
    if (accept(p, FLY_KW_QUOTE)) {
        name = "force_quote";
    } else if (accept(p, FLY_KW_NOT)) {
        expect(p, FLY_KW_NULL);
        name = "force_not_null";
    } else {
        expect(p, FLY_KW_NULL);
        name = "force_null";
    }
    if (p->tok.type == '*') {
        fly_ast_column *star = NEW(p, column, COLUMN, here(p));
        next(p);
        star->star = true;
        return fly__sql_gram_option(p, name, &star->node, pos);
    }
    fly_ast_row *row = NEW(p, row, ROW, here(p));
    uint32_t mark = p->top;
    do {
        uint32_t column = here(p);
        push(p, fly__sql_gram_const_string(p, fly__sql_gram_col_id(p), column));
    } while (accept(p, ','));
    row->items = fly__sql_gram_take(p, mark);
    return fly__sql_gram_option(p, name, &row->node, pos);
}

/* An option of the syntax before 9.0; NULL: none begins here. */
static fly_ast *old_option(fly_sql_parser *p)
{
    static const struct {
        uint16_t word;
        const char *name;
    } strings[] = {
        {FLY_KW_DELIMITER, "delimiter"}, {FLY_KW_NULL, "null"},         {FLY_KW_QUOTE, "quote"},
        {FLY_KW_ESCAPE, "escape"},       {FLY_KW_ENCODING, "encoding"},
    };
    uint32_t pos = here(p);
    if (accept(p, FLY_KW_BINARY)) {
        return fly__sql_gram_option(p, "format", fly__sql_gram_const_string(p, "binary", pos), pos);
    }
    if (accept(p, FLY_KW_CSV)) {
        return fly__sql_gram_option(p, "format", fly__sql_gram_const_string(p, "csv", pos), pos);
    }
    if (accept(p, FLY_KW_FREEZE)) {
        return fly__sql_gram_option(p, "freeze", fly__sql_gram_const_string(p, "true", pos), pos);
    }
    if (accept(p, FLY_KW_HEADER)) {
        return fly__sql_gram_option(p, "header", fly__sql_gram_const_string(p, "true", pos), pos);
    }
    if (accept(p, FLY_KW_FORCE)) {
        return force_option(p, pos);
    }
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        if (accept(p, strings[i].word)) {
            if (strings[i].word != FLY_KW_ENCODING) {
                (void)accept(p, FLY_KW_AS);
            }
            return fly__sql_gram_option(p, strings[i].name, fly__sql_gram_string(p), pos);
        }
    }
    return NULL;
}

static void copy_options(fly_sql_parser *p, fly_ast_copy *copy)
{
    uint32_t mark = p->top;
    uint32_t pos = here(p);
    for (uint32_t i = 0; i < copy->options.count && !failed(p); i++) {
        push(p, copy->options.items[i]);
    }
    if (accept(p, FLY_KW_USING)) {
        expect(p, FLY_KW_DELIMITERS);
        push(p, fly__sql_gram_option(p, "delimiter", fly__sql_gram_string(p), pos));
    }
    (void)accept(p, FLY_KW_WITH);
    if (accept(p, '(')) {
        do {
            push(p, fly__sql_gram_generic_option(p));
        } while (accept(p, ','));
        expect(p, ')');
    } else {
        fly_ast *option;
        while ((option = old_option(p)) != NULL) {
            push(p, option);
        }
    }
    copy->options = fly__sql_gram_take(p, mark);
}

fly_ast *fly__sql_gram_copy(fly_sql_parser *p)
{
    fly_ast_copy *copy = NEW(p, copy, COPY, here(p));
    next(p);
    uint32_t pos = here(p);
    if (p->tok.type == '(') {
        next(p);
        copy->query = fly__sql_gram_preparable(p);
        expect(p, ')');
        expect(p, FLY_KW_TO);
    } else {
        if (p->tok.type == FLY_KW_BINARY && peek(p) != FLY_KW_FROM && peek(p) != FLY_KW_TO &&
            peek(p) != '(' && peek(p) != '.') {
            next(p);
            copy->options = fly__sql_gram_one(
                p, fly__sql_gram_option(p, "format", fly__sql_gram_const_string(p, "binary", pos),
                                        pos));
        }
        copy->relation = fly__sql_gram_relation(p);
        if (p->tok.type == '(') {
            copy->columns = fly__sql_gram_name_parens(p);
        }
        copy->from = accept(p, FLY_KW_FROM);
        if (!copy->from) {
            expect(p, FLY_KW_TO);
        }
    }
    copy->program = accept(p, FLY_KW_PROGRAM);
    uint32_t file = here(p);
    if (fly__sql_gram_at_string(p)) {
        copy->file = fly__sql_gram_string(p);
    } else if (!accept(p, FLY_KW_STDIN)) {
        expect(p, FLY_KW_STDOUT);
    }
    if (copy->program && copy->file == NULL) {
        SYNTAX_MESSAGE(p, file, "STDIN/STDOUT not allowed with PROGRAM");
    }
    copy_options(p, copy);
    uint32_t condition = here(p);
    if (accept(p, FLY_KW_WHERE)) {
        if (!copy->from) {
            SYNTAX_MESSAGE(p, condition, "WHERE clause not allowed with COPY TO");
        }
        copy->where = fly__sql_gram_expr(p);
    }
    return &copy->node;
}

fly_ast *fly__sql_gram_truncate(fly_sql_parser *p)
{
    fly_ast_truncate *truncate = NEW(p, truncate, TRUNCATE, here(p));
    next(p);
    (void)accept(p, FLY_KW_TABLE);
    truncate->relations = fly__sql_gram_list(p, fly__sql_gram_relation_expr);
    if (accept2(p, FLY_KW_RESTART, FLY_KW_IDENTITY)) {
        truncate->restart_identity = true;
    } else {
        (void)accept2(p, FLY_KW_CONTINUE, FLY_KW_IDENTITY);
    }
    truncate->cascade = fly__sql_gram_cascade(p);
    return &truncate->node;
}

/* ------------------------------------------------------------------------------------- WITH */

fly_ast *fly__sql_gram_with_statement(fly_sql_parser *p)
{
    /* WITH may belong to any of them; which one shows only after it. */
    uint32_t pos = here(p);
    fly_ast *with = p->tok.type == FLY_KW_WITH ? fly__sql_gram_with(p) : NULL;
    switch (p->tok.type) {
    case FLY_KW_INSERT:
    case FLY_KW_REPLACE:
        return fly__sql_gram_insert(p, with);
    case FLY_KW_UPDATE:
        return fly__sql_gram_update(p, with);
    case FLY_KW_DELETE:
        return fly__sql_gram_delete(p, with);
    case FLY_KW_MERGE:
        return fly__sql_gram_merge(p, with);
    default:
        break;
    }
    fly_ast *node = fly__sql_gram_select(p);
    if (with != NULL && !failed(p)) {
        fly_ast_select *select = (fly_ast_select *)node;
        if (select->with != NULL) {
            SYNTAX_MESSAGE(p, pos, "multiple WITH clauses not allowed");
        }
        select->with = with;
    }
    return node;
}

fly_ast *fly__sql_gram_preparable(fly_sql_parser *p)
{
    uint32_t outer;
    enter(p, &outer);
    fly_ast *node = fly__sql_gram_with_statement(p);
    leave(p, outer);
    return node;
}
