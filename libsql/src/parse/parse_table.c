/*
 * Tables and what belongs to them: CREATE TABLE, its columns and constraints, ALTER TABLE, CREATE INDEX.
 *
 * What is not here: whether a constraint makes sense where it stands; the binder says so.
 */
#include "parse/parse_int.h"

static fly_ast_constraint *constraint_of(fly_sql_parser *p, fly_ast_constraint_kind type,
                                         uint32_t pos)
{
    fly_ast_constraint *constraint = NEW(p, constraint, CONSTRAINT, pos);
    constraint->type = type;
    return constraint;
}

/* --------------------------------------------------------------------- index columns */

/* Operators' classes, with their options; a direction; where NULLs go. */
static void index_column_rest(fly_sql_parser *p, fly_ast_index_column *column)
{
    if (accept(p, FLY_KW_COLLATE)) {
        column->collation = fly__sql_gram_any_name(p);
    }
    if (p->tok.type != FLY_KW_NULLS && p->tok.type != FLY_KW_WITH &&
        fly__sql_gram_is_col_id(p->tok.type)) {
        column->opclass = fly__sql_gram_any_name(p);
        if (p->tok.type == '(') {
            column->opclass_options = fly__sql_gram_parens(p, fly__sql_gram_reloption);
        }
    }
    if (accept(p, FLY_KW_ASC)) {
        column->direction = FLY_AST_SORT_ASC;
    } else if (accept(p, FLY_KW_DESC)) {
        column->direction = FLY_AST_SORT_DESC;
    }
    if (accept2(p, FLY_KW_NULLS, FLY_KW_FIRST)) {
        column->nulls = FLY_AST_NULLS_FIRST;
    } else if (accept2(p, FLY_KW_NULLS, FLY_KW_LAST)) {
        column->nulls = FLY_AST_NULLS_LAST;
    }
}

fly_ast *fly__sql_gram_index_column(fly_sql_parser *p)
{
    fly_ast_index_column *column = NEW(p, index_column, INDEX_COLUMN, here(p));
    if (accept(p, '(')) {
        column->expr = fly__sql_gram_expr(p);
        expect(p, ')');
    } else if (fly__sql_gram_is_col_id(p->tok.type) && peek(p) != '(' && peek(p) != '.') {
        column->name = fly__sql_gram_name_value(p);
    } else if (p->options.lax_syntax) {
        column->expr = fly__sql_gram_b_expr(p);
    } else {
        column->expr = fly__sql_gram_call(p);
    }
    index_column_rest(p, column);
    return &column->node;
}

static fly_ast *exclusion(fly_sql_parser *p)
{
    fly_ast *node = fly__sql_gram_index_column(p);
    fly_ast_index_column *column = (fly_ast_index_column *)node;
    expect(p, FLY_KW_WITH);
    if (p->tok.type == FLY_KW_OPERATOR) {
        fly__sql_gram_operator(p, &column->op_schema, &column->op);
    } else {
        fly_ast_names names = fly__sql_gram_operator_name(p);
        if (!failed(p)) {
            column->op = names.items[names.count - 1];
            column->op_schema = names.count > 1 ? names.items[0] : NULL;
        }
    }
    return node;
}

/* ----------------------------------------------------------------------- constraints */

/* lax: [ON CONFLICT action] */
static void on_conflict(fly_sql_parser *p, fly_ast_constraint *constraint)
{
    if (!p->options.lax_syntax || !accept2(p, FLY_KW_ON, FLY_KW_CONFLICT)) {
        return;
    }
    if (accept(p, FLY_KW_ROLLBACK)) {
        constraint->on_conflict = FLY_AST_OR_ROLLBACK;
    } else if (accept(p, FLY_KW_ABORT)) {
        constraint->on_conflict = FLY_AST_OR_ABORT;
    } else if (accept(p, FLY_KW_REPLACE)) {
        constraint->on_conflict = FLY_AST_OR_REPLACE;
    } else if (fly__sql_gram_accept_word(p, "fail")) {
        constraint->on_conflict = FLY_AST_OR_FAIL;
    } else if (fly__sql_gram_accept_word(p, "ignore")) {
        constraint->on_conflict = FLY_AST_OR_IGNORE;
    } else {
        fly__sql_gram_syntax(p);
    }
}

static bool nulls_not_distinct(fly_sql_parser *p)
{
    if (!at(p, FLY_KW_NULLS)) {
        return false;
    }
    next(p);
    bool not_distinct = accept(p, FLY_KW_NOT);
    expect(p, FLY_KW_DISTINCT);
    return not_distinct;
}

/* [WITH (definition)] [USING INDEX TABLESPACE name], of an index behind a constraint. */
static void index_options(fly_sql_parser *p, fly_ast_constraint *constraint)
{
    if (accept(p, FLY_KW_WITH)) {
        constraint->options = fly__sql_gram_definition(p);
    }
    if (at(p, FLY_KW_USING) && peek(p) == FLY_KW_INDEX) {
        next(p);
        next(p);
        expect(p, FLY_KW_TABLESPACE);
        constraint->tablespace = fly__sql_gram_col_id(p);
    }
}

static fly_ast_fk_action fk_action(fly_sql_parser *p, fly_ast_constraint *constraint)
{
    if (accept(p, FLY_KW_NO)) {
        expect(p, FLY_KW_ACTION);
        return FLY_AST_FK_NO_ACTION;
    }
    if (accept(p, FLY_KW_RESTRICT)) {
        return FLY_AST_FK_RESTRICT;
    }
    if (accept(p, FLY_KW_CASCADE)) {
        return FLY_AST_FK_CASCADE;
    }
    expect(p, FLY_KW_SET);
    bool null = accept(p, FLY_KW_NULL);
    if (!null) {
        expect(p, FLY_KW_DEFAULT);
    }
    if (p->tok.type == '(') {
        constraint->set_columns = fly__sql_gram_name_parens(p);
    }
    return null ? FLY_AST_FK_SET_NULL : FLY_AST_FK_SET_DEFAULT;
}

/* REFERENCES table [(columns)] [MATCH ...] [ON ...] */
static void references(fly_sql_parser *p, fly_ast_constraint *constraint)
{
    expect(p, FLY_KW_REFERENCES);
    constraint->references = fly__sql_gram_relation(p);
    if (p->tok.type == '(') {
        constraint->ref_columns = fly__sql_gram_name_parens(p);
    }
    if (accept(p, FLY_KW_MATCH)) {
        if (accept(p, FLY_KW_FULL)) {
            constraint->match = FLY_AST_MATCH_FULL;
        } else if (accept(p, FLY_KW_PARTIAL)) {
            constraint->match = FLY_AST_MATCH_PARTIAL;
        } else {
            expect(p, FLY_KW_SIMPLE);
            constraint->match = FLY_AST_MATCH_SIMPLE;
        }
    }
    while (at(p, FLY_KW_ON) && (peek(p) == FLY_KW_DELETE || peek(p) == FLY_KW_UPDATE)) {
        uint32_t pos = here(p);
        next(p);
        bool update = p->tok.type == FLY_KW_UPDATE;
        next(p);
        fly_ast_names before = constraint->set_columns;
        fly_ast_fk_action *action = update ? &constraint->on_update : &constraint->on_delete;
        if (*action != FLY_AST_FK_DEFAULT) {
            fly__sql_gram_syntax(p);
        }
        *action = fk_action(p, constraint);
        if (update && constraint->set_columns.count != before.count) {
            fly__sql_gram_fail(p, FLY_E_UNSUPPORTED, "0A000", pos,
                               "a column list with %s is only supported for ON DELETE actions",
                               *action == FLY_AST_FK_SET_NULL ? "SET NULL" : "SET DEFAULT");
        }
    }
}

static fly_ast *generated(fly_sql_parser *p, uint32_t pos)
{
    uint32_t when = here(p);
    bool always = accept(p, FLY_KW_ALWAYS);
    if (!always) {
        expect(p, FLY_KW_BY);
        expect(p, FLY_KW_DEFAULT);
    }
    expect(p, FLY_KW_AS);
    if (accept(p, FLY_KW_IDENTITY)) {
        fly_ast_constraint *identity = constraint_of(p, FLY_AST_CONSTRAINT_IDENTITY, pos);
        identity->always = always;
        if (accept(p, '(')) {
            identity->options = fly__sql_gram_sequence_options(p);
            expect(p, ')');
        }
        return &identity->node;
    }
    fly_ast_constraint *constraint = constraint_of(p, FLY_AST_CONSTRAINT_GENERATED, pos);
    constraint->always = true;
    expect(p, '(');
    constraint->expr = fly__sql_gram_expr(p);
    expect(p, ')');
    if (!always) {
        SYNTAX_MESSAGE(p, when, "for a generated column, GENERATED ALWAYS must be specified");
    }
    if (p->options.lax_syntax) {
        if (!accept(p, FLY_KW_STORED)) {
            (void)fly__sql_gram_accept_word(p, "virtual");
        }
    } else {
        expect(p, FLY_KW_STORED);
    }
    return &constraint->node;
}

static fly_ast *column_primary(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_constraint *primary = constraint_of(p, FLY_AST_CONSTRAINT_PRIMARY, pos);
    expect(p, FLY_KW_KEY);
    if (p->options.lax_syntax) {
        primary->direction = accept(p, FLY_KW_DESC)  ? FLY_AST_SORT_DESC
                             : accept(p, FLY_KW_ASC) ? FLY_AST_SORT_ASC
                                                     : FLY_AST_SORT_DEFAULT;
        on_conflict(p, primary);
        primary->autoincrement = fly__sql_gram_accept_word(p, "autoincrement");
    }
    index_options(p, primary);
    return &primary->node;
}

static fly_ast *check(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_constraint *node = constraint_of(p, FLY_AST_CONSTRAINT_CHECK, pos);
    expect(p, '(');
    node->expr = fly__sql_gram_expr(p);
    expect(p, ')');
    if (accept2(p, FLY_KW_NO, FLY_KW_INHERIT)) {
        node->no_inherit = true;
    }
    return &node->node;
}

/* A constraint of a column, without its name; NULL: none begins here. */
static fly_ast *column_constraint(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    fly_ast_constraint *node = NULL;
    if (at(p, FLY_KW_NOT) && peek(p) != FLY_KW_DEFERRABLE && peek(p) != FLY_KW_VALID) {
        next(p);
        expect(p, FLY_KW_NULL);
        node = constraint_of(p, FLY_AST_CONSTRAINT_NOT_NULL, pos);
    } else if (accept(p, FLY_KW_NULL)) {
        node = constraint_of(p, FLY_AST_CONSTRAINT_NULL, pos);
    } else if (accept(p, FLY_KW_UNIQUE)) {
        node = constraint_of(p, FLY_AST_CONSTRAINT_UNIQUE, pos);
        node->nulls_not_distinct = nulls_not_distinct(p);
        index_options(p, node);
    } else if (accept(p, FLY_KW_PRIMARY)) {
        return column_primary(p, pos);
    } else if (accept(p, FLY_KW_CHECK)) {
        return check(p, pos);
    } else if (accept(p, FLY_KW_DEFAULT)) {
        node = constraint_of(p, FLY_AST_CONSTRAINT_DEFAULT, pos);
        node->expr = fly__sql_gram_b_expr(p);
    } else if (accept(p, FLY_KW_GENERATED)) {
        return generated(p, pos);
    } else if (at(p, FLY_KW_REFERENCES)) {
        node = constraint_of(p, FLY_AST_CONSTRAINT_FOREIGN, pos);
        references(p, node);
    } else if (p->options.lax_syntax && p->tok.type == FLY_KW_AS && peek(p) == '(') {
        next(p);
        next(p);
        node = constraint_of(p, FLY_AST_CONSTRAINT_GENERATED, pos);
        node->always = true;
        node->expr = fly__sql_gram_expr(p);
        expect(p, ')');
        if (!accept(p, FLY_KW_STORED)) {
            (void)fly__sql_gram_accept_word(p, "virtual");
        }
    }
    if (node != NULL) {
        on_conflict(p, node);
    }
    return node != NULL ? &node->node : NULL;
}

fly_ast *fly__sql_gram_column_constraint(fly_sql_parser *p)
{
    if (!accept(p, FLY_KW_CONSTRAINT)) {
        return column_constraint(p);
    }
    const char *name = fly__sql_gram_col_id(p);
    fly_ast *node = column_constraint(p);
    if (node == NULL) {
        fly__sql_gram_syntax(p);
        return NULL;
    }
    if (!failed(p)) {
        ((fly_ast_constraint *)node)->name = name;
    }
    return node;
}

/* One of DEFERRABLE, NOT DEFERRABLE, INITIALLY ...; false: none stands here. */
static bool deferrability(fly_sql_parser *p, fly_ast_tri *deferrable, fly_ast_tri *deferred)
{
    if (accept(p, FLY_KW_DEFERRABLE)) {
        *deferrable = FLY_AST_TRI_YES;
    } else if (accept2(p, FLY_KW_NOT, FLY_KW_DEFERRABLE)) {
        *deferrable = FLY_AST_TRI_NO;
    } else if (accept(p, FLY_KW_INITIALLY)) {
        *deferred = at(p, FLY_KW_DEFERRED) ? FLY_AST_TRI_YES : FLY_AST_TRI_NO;
        if (!accept(p, FLY_KW_DEFERRED)) {
            expect(p, FLY_KW_IMMEDIATE);
        }
    } else {
        return false;
    }
    return true;
}

fly_ast *fly__sql_gram_constraint_attributes(fly_sql_parser *p, fly_ast *node)
{
    fly_ast_constraint *constraint = (fly_ast_constraint *)node;
    for (;;) {
        uint32_t pos = here(p);
        if (accept2(p, FLY_KW_NOT, FLY_KW_VALID)) {
            constraint->not_valid = true;
        } else if (accept2(p, FLY_KW_NO, FLY_KW_INHERIT)) {
            constraint->no_inherit = true;
        } else if (!deferrability(p, &constraint->deferrable, &constraint->deferred)) {
            return node;
        }
        if (constraint->deferrable == FLY_AST_TRI_NO && constraint->deferred == FLY_AST_TRI_YES) {
            SYNTAX_MESSAGE(p, pos, "constraint declared INITIALLY DEFERRED must be DEFERRABLE");
        }
    }
}

/* lax: a column of a key may have a collation and a direction, which are SQLite's business. */
static const char *key_column(fly_sql_parser *p)
{
    const char *name = fly__sql_gram_col_id(p);
    if (p->options.lax_syntax) {
        if (accept(p, FLY_KW_COLLATE)) {
            (void)fly__sql_gram_any_name(p);
        }
        if (!accept(p, FLY_KW_ASC)) {
            (void)accept(p, FLY_KW_DESC);
        }
    }
    return name;
}

/* UNIQUE and PRIMARY KEY, after the words. */
static void key_constraint(fly_sql_parser *p, fly_ast_constraint *constraint)
{
    if (at(p, FLY_KW_USING)) {
        next(p);
        expect(p, FLY_KW_INDEX);
        constraint->index = fly__sql_gram_col_id(p);
        return;
    }
    expect(p, '(');
    uint32_t mark = p->top;
    do {
        push_name(p, key_column(p));
    } while (accept(p, ','));
    constraint->columns = fly__sql_gram_take_names(p, mark);
    if (p->options.lax_syntax) {
        constraint->autoincrement = fly__sql_gram_accept_word(p, "autoincrement");
    }
    expect(p, ')');
    if (accept(p, FLY_KW_INCLUDE)) {
        constraint->including = fly__sql_gram_name_parens(p);
    }
    index_options(p, constraint);
    on_conflict(p, constraint);
}

fly_ast *fly__sql_gram_table_constraint(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    const char *name = accept(p, FLY_KW_CONSTRAINT) ? fly__sql_gram_col_id(p) : NULL;
    fly_ast_constraint *node;
    if (accept(p, FLY_KW_CHECK)) {
        node = (fly_ast_constraint *)check(p, pos);
        on_conflict(p, node);
    } else if (accept(p, FLY_KW_UNIQUE)) {
        node = constraint_of(p, FLY_AST_CONSTRAINT_UNIQUE, pos);
        node->nulls_not_distinct = nulls_not_distinct(p);
        key_constraint(p, node);
    } else if (accept(p, FLY_KW_PRIMARY)) {
        node = constraint_of(p, FLY_AST_CONSTRAINT_PRIMARY, pos);
        expect(p, FLY_KW_KEY);
        key_constraint(p, node);
    } else if (accept(p, FLY_KW_EXCLUDE)) {
        node = constraint_of(p, FLY_AST_CONSTRAINT_EXCLUDE, pos);
        node->access_method = accept(p, FLY_KW_USING) ? fly__sql_gram_col_id(p) : NULL;
        node->exclusions = fly__sql_gram_parens(p, exclusion);
        if (accept(p, FLY_KW_INCLUDE)) {
            node->including = fly__sql_gram_name_parens(p);
        }
        index_options(p, node);
        if (accept(p, FLY_KW_WHERE)) {
            expect(p, '(');
            node->where = fly__sql_gram_expr(p);
            expect(p, ')');
        }
    } else {
        node = constraint_of(p, FLY_AST_CONSTRAINT_FOREIGN, pos);
        expect(p, FLY_KW_FOREIGN);
        expect(p, FLY_KW_KEY);
        node->columns = fly__sql_gram_name_parens(p);
        references(p, node);
    }
    node->name = name;
    return fly__sql_gram_constraint_attributes(p, &node->node);
}

/* --------------------------------------------------------------------------- columns */

/* The options and constraints of a column, in any order. */
static void column_qualifiers(fly_sql_parser *p, fly_ast_column_def *column)
{
    uint32_t mark = p->top;
    for (;;) {
        if (accept(p, FLY_KW_COLLATE)) {
            column->collation = fly__sql_gram_any_name(p);
            continue;
        }
        fly_ast *constraint = fly__sql_gram_column_constraint(p);
        if (constraint != NULL) {
            push(p, constraint);
            continue;
        }
        fly_ast_tri deferrable = FLY_AST_TRI_UNSET;
        fly_ast_tri deferred = FLY_AST_TRI_UNSET;
        uint32_t pos = here(p);
        if (!deferrability(p, &deferrable, &deferred)) {
            break;
        }
        if (p->top == mark) {
            SYNTAX_MESSAGE(p, pos, "misplaced %s clause",
                           deferrable != FLY_AST_TRI_UNSET ? "DEFERRABLE" : "INITIALLY");
            break;
        }
        fly_ast_constraint *last = p->stack[p->top - 1];
        last->deferrable = deferrable != FLY_AST_TRI_UNSET ? deferrable : last->deferrable;
        last->deferred = deferred != FLY_AST_TRI_UNSET ? deferred : last->deferred;
    }
    column->constraints = fly__sql_gram_take(p, mark);
}

static bool at_column_end(fly_sql_parser *p)
{
    switch (p->tok.type) {
    case ',':
    case ')':
    case FLY_TOKEN_END:
    case FLY_KW_CONSTRAINT:
    case FLY_KW_NOT:
    case FLY_KW_NULL:
    case FLY_KW_DEFAULT:
    case FLY_KW_CHECK:
    case FLY_KW_UNIQUE:
    case FLY_KW_PRIMARY:
    case FLY_KW_REFERENCES:
    case FLY_KW_COLLATE:
    case FLY_KW_GENERATED:
    case FLY_KW_AS:
        return true;
    default:
        return false;
    }
}

fly_ast *fly__sql_gram_column_def(fly_sql_parser *p)
{
    fly_ast_column_def *column = NEW(p, column_def, COLUMN_DEF, here(p));
    column->name = fly__sql_gram_col_id(p);
    if (!p->options.lax_syntax || !at_column_end(p)) {
        column->type = fly__sql_gram_column_type(p);
    }
    if (accept(p, FLY_KW_COMPRESSION)) {
        column->compression = at(p, FLY_KW_DEFAULT) ? fly__sql_gram_name_value(p)
                                                    : fly__sql_gram_col_id(p);
    }
    if (at(p, FLY_KW_OPTIONS)) {
        next(p);
        column->options = fly__sql_gram_parens(p, fly__sql_gram_generic_option);
    }
    column_qualifiers(p, column);
    return &column->node;
}

/* A column of a typed table or a partition: name [WITH OPTIONS] constraints. */
static fly_ast *typed_element(fly_sql_parser *p)
{
    switch (p->tok.type) {
    case FLY_KW_CONSTRAINT:
    case FLY_KW_CHECK:
    case FLY_KW_UNIQUE:
    case FLY_KW_PRIMARY:
    case FLY_KW_EXCLUDE:
    case FLY_KW_FOREIGN:
        return fly__sql_gram_table_constraint(p);
    default:
        break;
    }
    fly_ast_column_def *column = NEW(p, column_def, COLUMN_DEF, here(p));
    column->name = fly__sql_gram_col_id(p);
    column->with_options = accept2(p, FLY_KW_WITH, FLY_KW_OPTIONS);
    column_qualifiers(p, column);
    return &column->node;
}

static fly_ast *table_like(fly_sql_parser *p)
{
    static const uint16_t words[] = {
        FLY_KW_COMMENTS, FLY_KW_COMPRESSION, FLY_KW_CONSTRAINTS, FLY_KW_DEFAULTS, FLY_KW_GENERATED,
        FLY_KW_IDENTITY, FLY_KW_INDEXES,     FLY_KW_STATISTICS,  FLY_KW_STORAGE,  FLY_KW_ALL,
    };
    fly_ast_table_like *like = NEW(p, table_like, TABLE_LIKE, here(p));
    next(p);
    like->relation = fly__sql_gram_relation(p);
    uint32_t mark = p->top;
    while (at(p, FLY_KW_INCLUDING) || at(p, FLY_KW_EXCLUDING)) {
        fly_ast_option *option = NEW(p, option, OPTION, here(p));
        option->action = p->tok.type == FLY_KW_INCLUDING ? FLY_AST_OPTION_ADD : FLY_AST_OPTION_DROP;
        next(p);
        size_t i = 0;
        while (i < sizeof words / sizeof words[0] && !at(p, words[i])) {
            i++;
        }
        if (i == sizeof words / sizeof words[0]) {
            fly__sql_gram_syntax(p);
        } else {
            option->name = fly__sql_gram_name_value(p);
        }
        push(p, &option->node);
    }
    like->options = fly__sql_gram_take(p, mark);
    return &like->node;
}

fly_ast *fly__sql_gram_table_element(fly_sql_parser *p)
{
    switch (p->tok.type) {
    case FLY_KW_LIKE:
        return table_like(p);
    case FLY_KW_CONSTRAINT:
    case FLY_KW_CHECK:
    case FLY_KW_UNIQUE:
    case FLY_KW_PRIMARY:
    case FLY_KW_FOREIGN:
        return fly__sql_gram_table_constraint(p);
    case FLY_KW_EXCLUDE:
        if (peek(p) == '(' || peek(p) == FLY_KW_USING) {
            return fly__sql_gram_table_constraint(p);
        }
        return fly__sql_gram_column_def(p);
    default:
        return fly__sql_gram_column_def(p);
    }
}

/* ---------------------------------------------------------------------- CREATE TABLE */

fly_ast *fly__sql_gram_partition_bound(fly_sql_parser *p)
{
    fly_ast_partition_bound *bound = NEW(p, partition_bound, PARTITION_BOUND, here(p));
    if (accept(p, FLY_KW_DEFAULT)) {
        return &bound->node;
    }
    expect(p, FLY_KW_FOR);
    expect(p, FLY_KW_VALUES);
    if (accept(p, FLY_KW_IN)) {
        bound->type = FLY_AST_PARTITION_IN;
        bound->values = fly__sql_gram_parens(p, fly__sql_gram_expr);
    } else if (accept(p, FLY_KW_FROM)) {
        bound->type = FLY_AST_PARTITION_RANGE;
        bound->values = fly__sql_gram_parens(p, fly__sql_gram_expr);
        expect(p, FLY_KW_TO);
        bound->upper = fly__sql_gram_parens(p, fly__sql_gram_expr);
    } else {
        bound->type = FLY_AST_PARTITION_HASH;
        expect(p, FLY_KW_WITH);
        expect(p, '(');
        bound->modulus = -1;
        bound->remainder = -1;
        do {
            if (fly__sql_gram_accept_word(p, "modulus")) {
                bound->modulus = fly__sql_gram_int(p);
            } else if (fly__sql_gram_accept_word(p, "remainder")) {
                bound->remainder = fly__sql_gram_int(p);
            } else {
                fly__sql_gram_syntax(p);
            }
        } while (accept(p, ','));
        expect(p, ')');
        if (bound->modulus < 0 || bound->remainder < 0) {
            SYNTAX_MESSAGE(p, bound->node.pos, "%s for hash partition must be specified",
                           bound->modulus < 0 ? "modulus" : "remainder");
        }
    }
    return &bound->node;
}

static fly_ast *partition_by(fly_sql_parser *p)
{
    if (!at(p, FLY_KW_PARTITION)) {
        return NULL;
    }
    fly_ast_partition_by *by = NEW(p, partition_by, PARTITION_BY, here(p));
    next(p);
    expect(p, FLY_KW_BY);
    by->strategy = fly__sql_gram_col_id(p);
    by->columns = fly__sql_gram_parens(p, fly__sql_gram_index_column);
    return &by->node;
}

static fly_ast_on_commit on_commit(fly_sql_parser *p)
{
    if (!accept2(p, FLY_KW_ON, FLY_KW_COMMIT)) {
        return FLY_AST_ON_COMMIT_NONE;
    }
    if (accept(p, FLY_KW_DROP)) {
        return FLY_AST_ON_COMMIT_DROP;
    }
    bool preserve = accept(p, FLY_KW_PRESERVE);
    if (!preserve) {
        expect(p, FLY_KW_DELETE);
    }
    expect(p, FLY_KW_ROWS);
    return preserve ? FLY_AST_ON_COMMIT_PRESERVE : FLY_AST_ON_COMMIT_DELETE;
}

/* [USING method] [WITH (options) | WITHOUT OIDS] [ON COMMIT ...] [TABLESPACE name] */
static void storage(fly_sql_parser *p, fly_ast_create_table *table)
{
    if (accept(p, FLY_KW_USING)) {
        table->access_method = fly__sql_gram_access_method(p);
    }
    if (accept(p, FLY_KW_WITH)) {
        table->options = fly__sql_gram_parens(p, fly__sql_gram_reloption);
    } else if (accept(p, FLY_KW_WITHOUT)) {
        if (p->options.lax_syntax && fly__sql_gram_accept_word(p, "rowid")) {
            table->without_rowid = true;
        } else {
            expect(p, FLY_KW_OIDS);
        }
    }
    if (p->options.lax_syntax) {
        table->strict = accept(p, FLY_KW_STRICT) || table->strict;
        if (accept(p, ',')) {
            table->without_rowid = accept(p, FLY_KW_WITHOUT) &&
                                   fly__sql_gram_accept_word(p, "rowid");
            table->strict = accept(p, FLY_KW_STRICT) || table->strict;
        }
    }
    table->on_commit = on_commit(p);
    if (accept(p, FLY_KW_TABLESPACE)) {
        table->tablespace = fly__sql_gram_col_id(p);
    }
}

/* The rest of CREATE TABLE ... AS, of which `table` has the beginning. */
static fly_ast *table_as(fly_sql_parser *p, const fly_ast_create_table *table,
                         fly_ast_names columns)
{
    fly_ast_create_table_as *as = NEW(p, create_table_as, CREATE_TABLE_AS, table->node.pos);
    expect(p, FLY_KW_AS);
    as->relation = table->relation;
    as->if_not_exists = table->if_not_exists;
    as->columns = columns;
    as->access_method = table->access_method;
    as->options = table->options;
    as->on_commit = table->on_commit;
    as->tablespace = table->tablespace;
    as->query = p->tok.type == FLY_KW_EXECUTE ? fly__sql_gram_utility(p) : fly__sql_gram_select(p);
    if (accept(p, FLY_KW_WITH)) {
        as->no_data = accept(p, FLY_KW_NO);
        expect(p, FLY_KW_DATA);
    }
    return &as->node;
}

/* Columns without types, as the names before AS; false if there is anything else. */
static bool only_names(fly_sql_parser *p, fly_ast_list elements, fly_ast_names *names)
{
    uint32_t mark = p->top;
    bool only = true;
    for (uint32_t i = 0; i < elements.count && only && !failed(p); i++) {
        fly_ast_column_def *column = (fly_ast_column_def *)elements.items[i];
        only = is_kind(elements.items[i], FLY_AST_COLUMN_DEF) && column->type == NULL &&
               column->constraints.count == 0;
        push_name(p, column->name);
    }
    *names = fly__sql_gram_take_names(p, mark);
    return only;
}

static void table_body(fly_sql_parser *p, fly_ast_create_table *table)
{
    if (accept(p, FLY_KW_OF)) {
        fly_ast_type *type = NEW(p, type, TYPE, here(p));
        type->names = fly__sql_gram_any_name(p);
        table->of_type = &type->node;
        if (p->tok.type == '(') {
            table->elements = fly__sql_gram_parens(p, typed_element);
        }
    } else if (accept2(p, FLY_KW_PARTITION, FLY_KW_OF)) {
        table->partition_of = fly__sql_gram_relation(p);
        if (p->tok.type == '(') {
            table->elements = fly__sql_gram_parens(p, typed_element);
        }
        table->bound = fly__sql_gram_partition_bound(p);
    } else {
        expect(p, '(');
        if (!at(p, ')')) {
            table->elements = fly__sql_gram_list(p, fly__sql_gram_table_element);
        }
        expect(p, ')');
        if (accept(p, FLY_KW_INHERITS)) {
            table->inherits = fly__sql_gram_parens(p, fly__sql_gram_relation);
        }
    }
    table->partition_by = partition_by(p);
}

fly_ast *fly__sql_gram_create_table(fly_sql_parser *p, uint32_t pos,
                                    fly_ast_persistence persistence)
{
    fly_ast_create_table *table = NEW(p, create_table, CREATE_TABLE, pos);
    expect(p, FLY_KW_TABLE);
    table->if_not_exists = fly__sql_gram_if_not_exists(p);
    table->relation = fly__sql_gram_relation(p);
    ((fly_ast_relation *)table->relation)->persistence = persistence;
    fly_ast_names columns = {0};
    uint16_t second = p->tok.type == '(' ? peek2(p) : FLY_TOKEN_END;
    bool names = p->tok.type == '(' && peek(p) != ')' && (second == ',' || second == ')') &&
                 !p->options.lax_syntax;
    bool bare = p->tok.type == FLY_KW_AS || p->tok.type == FLY_KW_USING ||
                p->tok.type == FLY_KW_WITH || p->tok.type == FLY_KW_WITHOUT ||
                p->tok.type == FLY_KW_ON || p->tok.type == FLY_KW_TABLESPACE;
    if (names) {
        columns = fly__sql_gram_name_parens(p);
    } else if (!bare) {
        table_body(p, table);
    }
    storage(p, table);
    if (names || bare) {
        return table_as(p, table, columns);
    }
    if (p->options.lax_syntax && p->tok.type == FLY_KW_AS) {
        if (!only_names(p, table->elements, &columns)) {
            fly__sql_gram_syntax(p);
        }
        return table_as(p, table, columns);
    }
    return &table->node;
}

/* ----------------------------------------------------------------------- ALTER TABLE */

static fly_ast_alter_action *action_of(fly_sql_parser *p, fly_ast_alter_kind type, uint32_t pos)
{
    fly_ast_alter_action *action = NEW(p, alter_action, ALTER_ACTION, pos);
    action->type = type;
    return action;
}

static fly_ast *alter_type(fly_sql_parser *p, fly_ast_alter_action *action)
{
    action->type = FLY_AST_ALTER_COLUMN_TYPE;
    action->def = fly__sql_gram_type(p);
    if (accept(p, FLY_KW_COLLATE)) {
        action->names = fly__sql_gram_any_name(p);
    }
    if (accept(p, FLY_KW_USING)) {
        action->expr = fly__sql_gram_expr(p);
    }
    return &action->node;
}

/* SET and RESTART of an identity's sequence, one after the other. */
static fly_ast_list identity_options(fly_sql_parser *p)
{
    uint32_t mark = p->top;
    for (;;) {
        uint32_t pos = here(p);
        if (at(p, FLY_KW_RESTART)) {
            fly_ast_list options = fly__sql_gram_sequence_options(p);
            for (uint32_t i = 0; i < options.count; i++) {
                push(p, options.items[i]);
            }
        } else if (accept(p, FLY_KW_SET)) {
            if (accept(p, FLY_KW_GENERATED)) {
                bool always = accept(p, FLY_KW_ALWAYS);
                if (!always) {
                    expect(p, FLY_KW_BY);
                    expect(p, FLY_KW_DEFAULT);
                }
                push(p, fly__sql_gram_option(
                            p, "generated",
                            fly__sql_gram_const_string(p, always ? "always" : "by default", pos),
                            pos));
                continue;
            }
            fly_ast_list options = fly__sql_gram_sequence_options(p);
            if (options.count == 0) {
                fly__sql_gram_syntax(p);
            }
            for (uint32_t i = 0; i < options.count; i++) {
                push(p, options.items[i]);
            }
        } else {
            return fly__sql_gram_take(p, mark);
        }
    }
}

/* ALTER [COLUMN] name SET ..., after SET. */
static fly_ast *alter_column_set(fly_sql_parser *p, fly_ast_alter_action *action)
{
    if (accept(p, FLY_KW_DEFAULT)) {
        action->type = FLY_AST_ALTER_SET_DEFAULT;
        action->expr = fly__sql_gram_expr(p);
    } else if (accept(p, FLY_KW_NOT)) {
        expect(p, FLY_KW_NULL);
        action->type = FLY_AST_ALTER_SET_NOT_NULL;
    } else if (accept(p, FLY_KW_STATISTICS)) {
        action->type = FLY_AST_ALTER_SET_STATISTICS;
        action->expr = fly__sql_gram_signed_number(p);
    } else if (accept(p, FLY_KW_STORAGE)) {
        action->type = FLY_AST_ALTER_SET_STORAGE;
        action->new_name = fly__sql_gram_col_id(p);
    } else if (accept(p, FLY_KW_COMPRESSION)) {
        action->type = FLY_AST_ALTER_SET_COMPRESSION;
        action->new_name = at(p, FLY_KW_DEFAULT) ? fly__sql_gram_name_value(p)
                                                 : fly__sql_gram_col_id(p);
    } else if (accept(p, FLY_KW_DATA)) {
        expect(p, FLY_KW_TYPE);
        return alter_type(p, action);
    } else {
        action->type = FLY_AST_ALTER_SET_COLUMN_OPTIONS;
        action->options = fly__sql_gram_parens(p, fly__sql_gram_reloption);
    }
    return &action->node;
}

static fly_ast *alter_column_drop(fly_sql_parser *p, fly_ast_alter_action *action)
{
    if (accept(p, FLY_KW_DEFAULT)) {
        action->type = FLY_AST_ALTER_DROP_DEFAULT;
    } else if (accept(p, FLY_KW_NOT)) {
        expect(p, FLY_KW_NULL);
        action->type = FLY_AST_ALTER_DROP_NOT_NULL;
    } else if (accept(p, FLY_KW_EXPRESSION)) {
        action->type = FLY_AST_ALTER_DROP_EXPRESSION;
        action->if_exists = fly__sql_gram_if_exists(p);
    } else {
        expect(p, FLY_KW_IDENTITY);
        action->type = FLY_AST_ALTER_DROP_IDENTITY;
        action->if_exists = fly__sql_gram_if_exists(p);
    }
    return &action->node;
}

/* After ALTER. */
static fly_ast *alter_column(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_alter_action *action = action_of(p, FLY_AST_ALTER_COLUMN_TYPE, pos);
    if (accept(p, FLY_KW_CONSTRAINT)) {
        fly_ast_constraint *constraint = constraint_of(p, FLY_AST_CONSTRAINT_FOREIGN, here(p));
        constraint->name = fly__sql_gram_col_id(p);
        action->type = FLY_AST_ALTER_ALTER_CONSTRAINT;
        action->def = fly__sql_gram_constraint_attributes(p, &constraint->node);
        if (constraint->not_valid || constraint->no_inherit) {
            fly__sql_gram_fail(p, FLY_E_UNSUPPORTED, "0A000", 0,
                               "ALTER CONSTRAINT statement constraints cannot be marked %s",
                               constraint->not_valid ? "NOT VALID" : "NO INHERIT");
        }
        return &action->node;
    }
    (void)accept(p, FLY_KW_COLUMN);
    if (p->tok.type == FLY_TOKEN_INT) { /* a column of an index */
        uint32_t number = here(p);
        action->value = fly__sql_gram_int(p);
        if (action->value < 1 || action->value > INT16_MAX) {
            fly__sql_gram_fail(p, FLY_E_INVALID, "22023", number,
                               "column number must be in range from 1 to %d", INT16_MAX);
        }
        expect(p, FLY_KW_SET);
        expect(p, FLY_KW_STATISTICS);
        action->type = FLY_AST_ALTER_SET_STATISTICS;
        action->expr = fly__sql_gram_signed_number(p);
        return &action->node;
    }
    action->name = fly__sql_gram_col_id(p);
    if (at(p, FLY_KW_RESTART) ||
        (at(p, FLY_KW_SET) &&
         (peek(p) == FLY_KW_GENERATED || peek(p) == FLY_KW_START || peek(p) == FLY_KW_INCREMENT ||
          peek(p) == FLY_KW_MINVALUE || peek(p) == FLY_KW_MAXVALUE || peek(p) == FLY_KW_CACHE ||
          peek(p) == FLY_KW_CYCLE || peek(p) == FLY_KW_NO))) {
        action->type = FLY_AST_ALTER_SET_IDENTITY;
        action->options = identity_options(p);
        return &action->node;
    }
    if (accept(p, FLY_KW_SET)) {
        return alter_column_set(p, action);
    }
    if (accept(p, FLY_KW_DROP)) {
        return alter_column_drop(p, action);
    }
    if (accept(p, FLY_KW_RESET)) {
        action->type = FLY_AST_ALTER_RESET_COLUMN_OPTIONS;
        action->options = fly__sql_gram_parens(p, fly__sql_gram_reloption);
        return &action->node;
    }
    if (accept(p, FLY_KW_ADD)) {
        action->type = FLY_AST_ALTER_ADD_IDENTITY;
        uint32_t generated_at = here(p);
        expect(p, FLY_KW_GENERATED);
        action->def = generated(p, generated_at);
        if (is_kind(action->def, FLY_AST_CONSTRAINT) &&
            ((fly_ast_constraint *)action->def)->type != FLY_AST_CONSTRAINT_IDENTITY) {
            fly__sql_gram_syntax(p);
        }
        return &action->node;
    }
    expect(p, FLY_KW_TYPE);
    return alter_type(p, action);
}

/* After ADD. */
static fly_ast *alter_add(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_alter_action *action = action_of(p, FLY_AST_ALTER_ADD_CONSTRAINT, pos);
    switch (p->tok.type) {
    case FLY_KW_CONSTRAINT:
    case FLY_KW_CHECK:
    case FLY_KW_UNIQUE:
    case FLY_KW_PRIMARY:
    case FLY_KW_FOREIGN:
        action->def = fly__sql_gram_table_constraint(p);
        return &action->node;
    case FLY_KW_EXCLUDE:
        if (peek(p) == '(' || peek(p) == FLY_KW_USING) {
            action->def = fly__sql_gram_table_constraint(p);
            return &action->node;
        }
        break;
    default:
        break;
    }
    action->type = FLY_AST_ALTER_ADD_COLUMN;
    (void)accept(p, FLY_KW_COLUMN);
    action->if_exists = fly__sql_gram_if_not_exists(p);
    action->def = fly__sql_gram_column_def(p);
    return &action->node;
}

static fly_ast *alter_drop(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_alter_action *action = action_of(p, FLY_AST_ALTER_DROP_COLUMN, pos);
    if (accept(p, FLY_KW_CONSTRAINT)) {
        action->type = FLY_AST_ALTER_DROP_CONSTRAINT;
    } else {
        (void)accept(p, FLY_KW_COLUMN);
    }
    action->if_exists = fly__sql_gram_if_exists(p);
    action->name = fly__sql_gram_col_id(p);
    action->cascade = fly__sql_gram_cascade(p);
    return &action->node;
}

/* ENABLE and DISABLE: triggers, rules, row security. */
static fly_ast *alter_enable(fly_sql_parser *p, bool enable, uint32_t pos)
{
    fly_ast_alter_action *action = action_of(p, FLY_AST_ALTER_DISABLE_TRIGGER, pos);
    if (accept(p, FLY_KW_ROW)) {
        expect(p, FLY_KW_LEVEL);
        expect(p, FLY_KW_SECURITY);
        action->type = enable ? FLY_AST_ALTER_ENABLE_ROW_SECURITY
                              : FLY_AST_ALTER_DISABLE_ROW_SECURITY;
        return &action->node;
    }
    int how = 0;
    if (enable && accept(p, FLY_KW_ALWAYS)) {
        how = 1;
    } else if (enable && accept(p, FLY_KW_REPLICA)) {
        how = 2;
    }
    bool rule = accept(p, FLY_KW_RULE);
    if (!rule) {
        expect(p, FLY_KW_TRIGGER);
    }
    if (!enable) {
        action->type = rule ? FLY_AST_ALTER_DISABLE_RULE : FLY_AST_ALTER_DISABLE_TRIGGER;
    } else if (how == 1) {
        action->type = rule ? FLY_AST_ALTER_ENABLE_ALWAYS_RULE
                            : FLY_AST_ALTER_ENABLE_ALWAYS_TRIGGER;
    } else if (how == 2) {
        action->type = rule ? FLY_AST_ALTER_ENABLE_REPLICA_RULE
                            : FLY_AST_ALTER_ENABLE_REPLICA_TRIGGER;
    } else {
        action->type = rule ? FLY_AST_ALTER_ENABLE_RULE : FLY_AST_ALTER_ENABLE_TRIGGER;
    }
    if (how == 0 && !rule && (at(p, FLY_KW_ALL) || at(p, FLY_KW_USER))) {
        action->new_name = fly__sql_gram_name_value(p);
    } else {
        action->name = fly__sql_gram_col_id(p);
    }
    return &action->node;
}

/* After SET, of a table. */
static fly_ast *alter_set(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_alter_action *action = action_of(p, FLY_AST_ALTER_SET_OPTIONS, pos);
    if (accept(p, FLY_KW_TABLESPACE)) {
        action->type = FLY_AST_ALTER_SET_TABLESPACE;
        action->name = fly__sql_gram_col_id(p);
    } else if (accept(p, FLY_KW_ACCESS)) {
        expect(p, FLY_KW_METHOD);
        action->type = FLY_AST_ALTER_SET_ACCESS_METHOD;
        action->name = fly__sql_gram_access_method(p);
    } else if (accept(p, FLY_KW_LOGGED)) {
        action->type = FLY_AST_ALTER_SET_LOGGED;
    } else if (accept(p, FLY_KW_UNLOGGED)) {
        action->type = FLY_AST_ALTER_SET_UNLOGGED;
    } else if (accept(p, FLY_KW_WITHOUT)) {
        if (accept(p, FLY_KW_CLUSTER)) {
            action->type = FLY_AST_ALTER_SET_WITHOUT_CLUSTER;
        } else {
            expect(p, FLY_KW_OIDS);
            action->type = FLY_AST_ALTER_SET_WITHOUT_OIDS;
        }
    } else {
        action->options = fly__sql_gram_parens(p, fly__sql_gram_reloption);
    }
    return &action->node;
}

static fly_ast *alter_replica_identity(fly_sql_parser *p, fly_ast_alter_action *action)
{
    expect(p, FLY_KW_IDENTITY);
    action->type = FLY_AST_ALTER_REPLICA_IDENTITY;
    if (accept(p, FLY_KW_USING)) {
        expect(p, FLY_KW_INDEX);
        action->new_name = "index";
        action->name = fly__sql_gram_col_id(p);
    } else if (at(p, FLY_KW_NOTHING) || at(p, FLY_KW_FULL) || at(p, FLY_KW_DEFAULT)) {
        action->new_name = fly__sql_gram_name_value(p);
    } else {
        fly__sql_gram_syntax(p);
    }
    return &action->node;
}

/* The actions whose first word says it all. */
static fly_ast *alter_other(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_alter_action *action = action_of(p, FLY_AST_ALTER_RESET_OPTIONS, pos);
    if (accept(p, FLY_KW_RESET)) {
        action->options = fly__sql_gram_parens(p, fly__sql_gram_reloption);
    } else if (accept(p, FLY_KW_VALIDATE)) {
        expect(p, FLY_KW_CONSTRAINT);
        action->type = FLY_AST_ALTER_VALIDATE_CONSTRAINT;
        action->name = fly__sql_gram_col_id(p);
    } else if (accept(p, FLY_KW_OWNER)) {
        expect(p, FLY_KW_TO);
        action->type = FLY_AST_ALTER_OWNER;
        action->def = fly__sql_gram_role(p);
    } else if (accept(p, FLY_KW_CLUSTER)) {
        expect(p, FLY_KW_ON);
        action->type = FLY_AST_ALTER_CLUSTER_ON;
        action->name = fly__sql_gram_col_id(p);
    } else if (accept(p, FLY_KW_INHERIT)) {
        action->type = FLY_AST_ALTER_INHERIT;
        action->def = fly__sql_gram_relation(p);
    } else if (accept(p, FLY_KW_NO)) {
        if (accept(p, FLY_KW_FORCE)) {
            expect(p, FLY_KW_ROW);
            expect(p, FLY_KW_LEVEL);
            expect(p, FLY_KW_SECURITY);
            action->type = FLY_AST_ALTER_NO_FORCE_ROW_SECURITY;
        } else {
            expect(p, FLY_KW_INHERIT);
            action->type = FLY_AST_ALTER_NO_INHERIT;
            action->def = fly__sql_gram_relation(p);
        }
    } else if (accept(p, FLY_KW_FORCE)) {
        expect(p, FLY_KW_ROW);
        expect(p, FLY_KW_LEVEL);
        expect(p, FLY_KW_SECURITY);
        action->type = FLY_AST_ALTER_FORCE_ROW_SECURITY;
    } else if (accept(p, FLY_KW_OF)) {
        fly_ast_type *type = NEW(p, type, TYPE, here(p));
        type->names = fly__sql_gram_any_name(p);
        action->type = FLY_AST_ALTER_OF;
        action->def = &type->node;
    } else if (accept(p, FLY_KW_NOT)) {
        expect(p, FLY_KW_OF);
        action->type = FLY_AST_ALTER_NOT_OF;
    } else if (accept(p, FLY_KW_REPLICA)) {
        return alter_replica_identity(p, action);
    } else {
        fly__sql_gram_syntax(p);
    }
    return &action->node;
}

static fly_ast *alter_action(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    if (accept(p, FLY_KW_ADD)) {
        return alter_add(p, pos);
    }
    if (accept(p, FLY_KW_DROP)) {
        return alter_drop(p, pos);
    }
    if (accept(p, FLY_KW_ALTER)) {
        return alter_column(p, pos);
    }
    if (accept(p, FLY_KW_SET)) {
        return alter_set(p, pos);
    }
    if (accept(p, FLY_KW_ENABLE)) {
        return alter_enable(p, true, pos);
    }
    if (accept(p, FLY_KW_DISABLE)) {
        return alter_enable(p, false, pos);
    }
    return alter_other(p, pos);
}

/* ATTACH and DETACH PARTITION stand alone. */
static fly_ast *partition_action(fly_sql_parser *p)
{
    bool attach = p->tok.type == FLY_KW_ATTACH;
    fly_ast_alter_action *action = action_of(
        p, attach ? FLY_AST_ALTER_ATTACH_PARTITION : FLY_AST_ALTER_DETACH_PARTITION, here(p));
    next(p);
    expect(p, FLY_KW_PARTITION);
    action->def = fly__sql_gram_relation(p);
    if (attach) {
        if (at(p, FLY_KW_FOR) || at(p, FLY_KW_DEFAULT)) {
            action->expr = fly__sql_gram_partition_bound(p);
        }
    } else if (at(p, FLY_KW_CONCURRENTLY) || at(p, FLY_KW_FINALIZE)) {
        action->new_name = fly__sql_gram_name_value(p);
    }
    return &action->node;
}

/* After RENAME: TO name, [COLUMN] name TO name, CONSTRAINT name TO name. */
static fly_ast *alter_rename(fly_sql_parser *p, const fly_ast_alter_table *alter)
{
    fly_ast_rename *rename = NEW(p, rename, RENAME, alter->node.pos);
    fly_ast_object *object = NEW(p, object, OBJECT, alter->relation->pos);
    object->relation = alter->relation;
    rename->object = &object->node;
    rename->type = alter->type;
    rename->owner_type = alter->type;
    rename->if_exists = alter->if_exists;
    if (accept(p, FLY_KW_CONSTRAINT)) {
        rename->type = FLY_AST_OBJECT_CONSTRAINT;
        rename->name = fly__sql_gram_col_id(p);
    } else if (!at(p, FLY_KW_TO)) {
        (void)accept(p, FLY_KW_COLUMN);
        rename->type = FLY_AST_OBJECT_COLUMN;
        rename->name = fly__sql_gram_col_id(p);
    }
    expect(p, FLY_KW_TO);
    rename->new_name = fly__sql_gram_col_id(p);
    return &rename->node;
}

static fly_ast *alter_schema(fly_sql_parser *p, const fly_ast_alter_table *alter)
{
    fly_ast_set_schema *set = NEW(p, set_schema, SET_SCHEMA, alter->node.pos);
    fly_ast_object *object = NEW(p, object, OBJECT, alter->relation->pos);
    object->relation = alter->relation;
    set->object = &object->node;
    set->type = alter->type;
    set->if_exists = alter->if_exists;
    expect(p, FLY_KW_SET);
    expect(p, FLY_KW_SCHEMA);
    set->schema = fly__sql_gram_col_id(p);
    return &set->node;
}

fly_ast *fly__sql_gram_alter_table(fly_sql_parser *p, uint32_t pos, fly_ast_object_kind type)
{
    fly_ast_alter_table *alter = NEW(p, alter_table, ALTER_TABLE, pos);
    alter->type = type;
    alter->if_exists = fly__sql_gram_if_exists(p);
    alter->relation = fly__sql_gram_relation_expr(p);
    if (accept(p, FLY_KW_RENAME)) {
        return alter_rename(p, alter);
    }
    if (at(p, FLY_KW_SET) && peek(p) == FLY_KW_SCHEMA) {
        return alter_schema(p, alter);
    }
    if (type == FLY_AST_OBJECT_SEQUENCE && !at(p, FLY_KW_SET)) {
        uint32_t mark = p->top;
        fly_ast_list options = fly__sql_gram_sequence_options(p);
        if (options.count > 0) {
            fly_ast_alter_sequence *sequence = NEW(p, alter_sequence, ALTER_SEQUENCE, pos);
            sequence->relation = alter->relation;
            sequence->if_exists = alter->if_exists;
            sequence->options = options;
            return &sequence->node;
        }
        p->top = mark;
    }
    if (at(p, FLY_KW_ATTACH) || at(p, FLY_KW_DETACH)) {
        alter->actions = fly__sql_gram_one(p, partition_action(p));
    } else {
        alter->actions = fly__sql_gram_list(p, alter_action);
    }
    return &alter->node;
}
