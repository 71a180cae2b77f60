/*
 * Trees as SQL: the statements that are neither queries nor change rows.
 *
 * By the same rule as print.c: what comes out parses to an equal tree.
 */
#include "parse/print_int.h"

static void name(fly_sql_text *o, const char *word, const char *value)
{
    if (value != NULL) {
        put(o, word);
        fly__sql_print_name(o, value);
    }
}

static const char *text_of(const fly_ast *node)
{
    return (const char *)((const fly_ast_const *)node)->text.data;
}

static void parens(fly_sql_text *o, const char *before, const fly_ast_list *list,
                   fly_sql_printer *printer)
{
    put(o, before);
    put(o, "(");
    fly__sql_print_list(o, list, printer);
    put(o, ")");
}

static void role(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_role *r = (const fly_ast_role *)node;
    switch (r->type) {
    case FLY_AST_ROLE_NAME:
        fly__sql_print_name(o, r->name);
        break;
    case FLY_AST_ROLE_CURRENT_ROLE:
        put(o, "CURRENT_ROLE");
        break;
    case FLY_AST_ROLE_CURRENT_USER:
        put(o, "CURRENT_USER");
        break;
    case FLY_AST_ROLE_SESSION_USER:
        put(o, "SESSION_USER");
        break;
    case FLY_AST_ROLE_PUBLIC:
        put(o, "PUBLIC");
        break;
    }
}

static const fly_ast_option *option_of(const fly_ast *node)
{
    return (const fly_ast_option *)node;
}

static bool is(const fly_ast_option *option, const char *word)
{
    return strcmp(option->name, word) == 0;
}

static bool truth(const fly_ast_option *option)
{
    return option->value != NULL && ((const fly_ast_const *)option->value)->value != 0;
}

static void option_value(fly_sql_text *o, const fly_ast *value)
{
    if (value->kind == FLY_AST_TYPE) {
        fly__sql_print_type(o, value);
    } else {
        fly__sql_print_expr(o, value);
    }
}

/* [space.]name [= value] */
static void reloption(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_option *option = option_of(node);
    if (option->space != NULL) {
        fly__sql_print_name(o, option->space);
        put(o, ".");
    }
    fly__sql_print_name(o, option->name);
    if (option->value != NULL) {
        put(o, " = ");
        option_value(o, option->value);
    }
}

/* name [value] */
static void generic_option(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_option *option = option_of(node);
    fly__sql_print_name(o, option->name);
    if (option->value != NULL) {
        put(o, " ");
        option_value(o, option->value);
    }
}

static void with_options(fly_sql_text *o, const fly_ast_list *options)
{
    if (options->count > 0) {
        parens(o, " WITH ", options, reloption);
    }
}

static void cascade(fly_sql_text *o, bool wanted)
{
    put_if(o, wanted, " CASCADE");
}

static void target_of(fly_sql_text *o, const fly_ast *relation)
{
    put(o, " ON ");
    fly__sql_print_relation(o, relation);
}

/* --------------------------------------------------------------------------- index columns */

void fly__sql_print_index_column(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_index_column *c = (const fly_ast_index_column *)node;
    if (c->expr != NULL) {
        const fly_ast_call *plain = (const fly_ast_call *)c->expr;
        bool call = plain->node.kind == FLY_AST_CALL && plain->form == FLY_AST_CALL_PLAIN &&
                    plain->filter == NULL && plain->over == NULL && !plain->within_group;
        put_if(o, !call, "(");
        fly__sql_print_expr(o, c->expr);
        put_if(o, !call, ")");
    } else {
        fly__sql_print_name(o, c->name);
    }
    if (c->collation.count > 0) {
        put(o, " COLLATE ");
        fly__sql_print_dotted(o, &c->collation);
    }
    if (c->opclass.count > 0) {
        put(o, " ");
        fly__sql_print_dotted(o, &c->opclass);
        if (c->opclass_options.count > 0) {
            parens(o, " ", &c->opclass_options, reloption);
        }
    }
    put_if(o, c->direction == FLY_AST_SORT_ASC, " ASC");
    put_if(o, c->direction == FLY_AST_SORT_DESC, " DESC");
    put_if(o, c->nulls == FLY_AST_NULLS_FIRST, " NULLS FIRST");
    put_if(o, c->nulls == FLY_AST_NULLS_LAST, " NULLS LAST");
    if (c->op != NULL && c->op_schema != NULL) {
        put(o, " WITH OPERATOR(");
        fly__sql_print_name(o, c->op_schema);
        put(o, ".");
        put(o, c->op);
        put(o, ")");
    } else if (c->op != NULL) {
        put(o, " WITH ");
        put(o, c->op);
    }
}

/* -------------------------------------------------------------------------------- sequences */

static void sequence_option(fly_sql_text *o, const fly_ast *node)
{
    static const struct {
        const char *name, *words, *none;
    } table[] = {
        {"as", "AS ", ""},
        {"cache", "CACHE ", ""},
        {"increment", "INCREMENT BY ", ""},
        {"maxvalue", "MAXVALUE ", "NO MAXVALUE"},
        {"minvalue", "MINVALUE ", "NO MINVALUE"},
        {"owned_by", "OWNED BY ", ""},
        {"sequence_name", "SEQUENCE NAME ", ""},
        {"start", "START WITH ", ""},
        {"restart", "RESTART WITH ", "RESTART"},
    };
    const fly_ast_option *option = option_of(node);
    if (is(option, "cycle")) {
        put(o, truth(option) ? "CYCLE" : "NO CYCLE");
        return;
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (is(option, table[i].name)) {
            put(o, option->value != NULL ? table[i].words : table[i].none);
            if (option->value != NULL) {
                option_value(o, option->value);
            }
        }
    }
}

static void sequence_options(fly_sql_text *o, const fly_ast_list *options)
{
    for (uint32_t i = 0; i < options->count; i++) {
        put(o, " ");
        sequence_option(o, options->items[i]);
    }
}

/* ------------------------------------------------------------------------------- constraints */

static const char *const or_words[] = {"", "ABORT", "FAIL", "IGNORE", "REPLACE", "ROLLBACK"};

static void key_options(fly_sql_text *o, const fly_ast_constraint *c)
{
    with_options(o, &c->options);
    name(o, " USING INDEX TABLESPACE ", c->tablespace);
}

static void fk_action(fly_sql_text *o, const char *event, fly_ast_fk_action action,
                      const fly_ast_names *columns)
{
    static const char *const words[] = {"",        "NO ACTION", "RESTRICT",
                                        "CASCADE", "SET NULL",  "SET DEFAULT"};
    if (action != FLY_AST_FK_DEFAULT) {
        put(o, event);
        put(o, words[action]);
        if (columns != NULL) {
            fly__sql_print_name_parens(o, columns);
        }
    }
}

static void references(fly_sql_text *o, const fly_ast_constraint *c)
{
    static const char *const matches[] = {"", " MATCH SIMPLE", " MATCH PARTIAL", " MATCH FULL"};
    put(o, "REFERENCES ");
    fly__sql_print_relation(o, c->references);
    fly__sql_print_name_parens(o, &c->ref_columns);
    put(o, matches[c->match]);
    fk_action(o, " ON DELETE ", c->on_delete, &c->set_columns);
    fk_action(o, " ON UPDATE ", c->on_update, NULL);
}

static void generated(fly_sql_text *o, const fly_ast_constraint *c)
{
    put(o, c->always ? "GENERATED ALWAYS AS " : "GENERATED BY DEFAULT AS ");
    if (c->type == FLY_AST_CONSTRAINT_GENERATED) {
        put(o, "(");
        fly__sql_print_expr(o, c->expr);
        put(o, ") STORED");
        return;
    }
    put(o, "IDENTITY");
    if (c->options.count > 0) {
        put(o, " (");
        sequence_options(o, &c->options);
        put(o, ")");
    }
}

/* UNIQUE and PRIMARY KEY, of a column or a table. */
static void key(fly_sql_text *o, const fly_ast_constraint *c)
{
    put(o, c->type == FLY_AST_CONSTRAINT_PRIMARY ? "PRIMARY KEY" : "UNIQUE");
    put_if(o, c->direction == FLY_AST_SORT_ASC, " ASC");
    put_if(o, c->direction == FLY_AST_SORT_DESC, " DESC");
    put_if(o, c->nulls_not_distinct, " NULLS NOT DISTINCT");
    name(o, " USING INDEX ", c->index);
    if (c->autoincrement && c->columns.count > 0) {
        put(o, " (");
        fly__sql_print_names(o, &c->columns);
        put(o, " AUTOINCREMENT)");
    } else {
        fly__sql_print_name_parens(o, &c->columns);
    }
    if (c->including.count > 0) {
        put(o, " INCLUDE");
        fly__sql_print_name_parens(o, &c->including);
    }
}

static void exclusion(fly_sql_text *o, const fly_ast_constraint *c)
{
    put(o, "EXCLUDE");
    name(o, " USING ", c->access_method);
    parens(o, " ", &c->exclusions, fly__sql_print_index_column);
    if (c->including.count > 0) {
        put(o, " INCLUDE");
        fly__sql_print_name_parens(o, &c->including);
    }
    key_options(o, c);
    if (c->where != NULL) {
        put(o, " WHERE (");
        fly__sql_print_expr(o, c->where);
        put(o, ")");
    }
}

static void constraint_attributes(fly_sql_text *o, const fly_ast_constraint *c)
{
    put_if(o, c->no_inherit, " NO INHERIT");
    put_if(o, c->deferrable == FLY_AST_TRI_YES, " DEFERRABLE");
    put_if(o, c->deferrable == FLY_AST_TRI_NO, " NOT DEFERRABLE");
    put_if(o, c->deferred == FLY_AST_TRI_YES, " INITIALLY DEFERRED");
    put_if(o, c->deferred == FLY_AST_TRI_NO, " INITIALLY IMMEDIATE");
    put_if(o, c->not_valid, " NOT VALID");
}

static void constraint(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_constraint *c = (const fly_ast_constraint *)node;
    if (c->name != NULL) {
        name(o, "CONSTRAINT ", c->name);
        put(o, " ");
    }
    switch (c->type) {
    case FLY_AST_CONSTRAINT_NULL:
        put(o, "NULL");
        break;
    case FLY_AST_CONSTRAINT_NOT_NULL:
        put(o, "NOT NULL");
        break;
    case FLY_AST_CONSTRAINT_DEFAULT:
        put(o, "DEFAULT ");
        fly__sql_print_operand(o, c->expr);
        break;
    case FLY_AST_CONSTRAINT_IDENTITY:
    case FLY_AST_CONSTRAINT_GENERATED:
        generated(o, c);
        break;
    case FLY_AST_CONSTRAINT_CHECK:
        put(o, "CHECK (");
        fly__sql_print_expr(o, c->expr);
        put(o, ")");
        break;
    case FLY_AST_CONSTRAINT_PRIMARY:
    case FLY_AST_CONSTRAINT_UNIQUE:
        key(o, c);
        break;
    case FLY_AST_CONSTRAINT_EXCLUDE:
        exclusion(o, c);
        break;
    case FLY_AST_CONSTRAINT_FOREIGN:
        if (c->columns.count > 0) {
            put(o, "FOREIGN KEY");
            fly__sql_print_name_parens(o, &c->columns);
            put(o, " ");
        }
        references(o, c);
        break;
    }
    if (c->on_conflict != FLY_AST_OR_NONE) {
        put(o, " ON CONFLICT ");
        put(o, or_words[c->on_conflict]);
    }
    put_if(o, c->autoincrement && c->columns.count == 0, " AUTOINCREMENT");
    if (c->type == FLY_AST_CONSTRAINT_PRIMARY || c->type == FLY_AST_CONSTRAINT_UNIQUE) {
        key_options(o, c);
    }
    constraint_attributes(o, c);
}

/* ----------------------------------------------------------------------------------- tables */

void fly__sql_print_column_def(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_column_def *c = (const fly_ast_column_def *)node;
    fly__sql_print_name(o, c->name);
    if (c->type != NULL) {
        put(o, " ");
        fly__sql_print_type(o, c->type);
    }
    put_if(o, c->with_options, " WITH OPTIONS");
    if (c->compression != NULL) {
        put(o, " COMPRESSION ");
        if (strcmp(c->compression, "default") == 0) {
            put(o, "DEFAULT");
        } else {
            fly__sql_print_name(o, c->compression);
        }
    }
    if (c->options.count > 0) {
        parens(o, " OPTIONS ", &c->options, generic_option);
    }
    if (c->collation.count > 0) {
        put(o, " COLLATE ");
        fly__sql_print_dotted(o, &c->collation);
    }
    for (uint32_t i = 0; i < c->constraints.count; i++) {
        put(o, " ");
        constraint(o, c->constraints.items[i]);
    }
}

static void table_element(fly_sql_text *o, const fly_ast *node)
{
    if (node->kind == FLY_AST_COLUMN_DEF) {
        fly__sql_print_column_def(o, node);
    } else if (node->kind == FLY_AST_CONSTRAINT) {
        constraint(o, node);
    } else {
        const fly_ast_table_like *like = (const fly_ast_table_like *)node;
        put(o, "LIKE ");
        fly__sql_print_relation(o, like->relation);
        for (uint32_t i = 0; i < like->options.count; i++) {
            const fly_ast_option *option = option_of(like->options.items[i]);
            put(o, option->action == FLY_AST_OPTION_ADD ? " INCLUDING " : " EXCLUDING ");
            put(o, option->name);
        }
    }
}

static void lasting(fly_sql_text *o, const fly_ast *relation)
{
    static const char *const words[] = {"", "UNLOGGED ", "TEMPORARY "};
    put(o, words[((const fly_ast_relation *)relation)->persistence]);
}

static void partition_bound(fly_sql_text *o, const fly_ast_partition_bound *b)
{
    switch (b->type) {
    case FLY_AST_PARTITION_DEFAULT:
        put(o, " DEFAULT");
        break;
    case FLY_AST_PARTITION_IN:
        parens(o, " FOR VALUES IN ", &b->values, fly__sql_print_expr);
        break;
    case FLY_AST_PARTITION_RANGE:
        parens(o, " FOR VALUES FROM ", &b->values, fly__sql_print_expr);
        parens(o, " TO ", &b->upper, fly__sql_print_expr);
        break;
    case FLY_AST_PARTITION_HASH:
        put(o, " FOR VALUES WITH (MODULUS ");
        fly__sql_text_int(o, b->modulus);
        put(o, ", REMAINDER ");
        fly__sql_text_int(o, b->remainder);
        put(o, ")");
        break;
    }
}

static const char *const on_commit_words[] = {"", " ON COMMIT PRESERVE ROWS",
                                              " ON COMMIT DELETE ROWS", " ON COMMIT DROP"};

static void create_table(fly_sql_text *o, const fly_ast_create_table *t)
{
    put(o, "CREATE ");
    lasting(o, t->relation);
    put(o, t->if_not_exists ? "TABLE IF NOT EXISTS " : "TABLE ");
    fly__sql_print_relation(o, t->relation);
    if (t->of_type != NULL) {
        put(o, " OF ");
        fly__sql_print_type(o, t->of_type);
    }
    if (t->partition_of != NULL) {
        put(o, " PARTITION OF ");
        fly__sql_print_relation(o, t->partition_of);
    }
    if (t->elements.count > 0 || (t->of_type == NULL && t->partition_of == NULL)) {
        parens(o, " ", &t->elements, table_element);
    }
    if (t->inherits.count > 0) {
        parens(o, " INHERITS ", &t->inherits, fly__sql_print_relation);
    }
    if (t->bound != NULL) {
        partition_bound(o, (const fly_ast_partition_bound *)t->bound);
    }
    if (t->partition_by != NULL) {
        const fly_ast_partition_by *by = (const fly_ast_partition_by *)t->partition_by;
        name(o, " PARTITION BY ", by->strategy);
        parens(o, " ", &by->columns, fly__sql_print_index_column);
    }
    name(o, " USING ", t->access_method);
    with_options(o, &t->options);
    put_if(o, t->without_rowid, " WITHOUT ROWID");
    put_if(o, t->strict, t->without_rowid ? ", STRICT" : " STRICT");
    put(o, on_commit_words[t->on_commit]);
    name(o, " TABLESPACE ", t->tablespace);
}

static void create_table_as(fly_sql_text *o, const fly_ast_create_table_as *t)
{
    put(o, "CREATE ");
    lasting(o, t->relation);
    put(o, t->materialized ? "MATERIALIZED VIEW " : "TABLE ");
    put_if(o, t->if_not_exists, "IF NOT EXISTS ");
    fly__sql_print_relation(o, t->relation);
    fly__sql_print_name_parens(o, &t->columns);
    name(o, " USING ", t->access_method);
    with_options(o, &t->options);
    put(o, on_commit_words[t->on_commit]);
    name(o, " TABLESPACE ", t->tablespace);
    put(o, " AS ");
    fly__sql_print_query(o, t->query);
    put_if(o, t->no_data, " WITH NO DATA");
}

static void create_view(fly_sql_text *o, const fly_ast_create_view *v)
{
    static const char *const checks[] = {"", " WITH LOCAL CHECK OPTION",
                                         " WITH CASCADED CHECK OPTION"};
    put(o, v->replace ? "CREATE OR REPLACE " : "CREATE ");
    lasting(o, v->relation);
    put(o, v->recursive ? "RECURSIVE VIEW " : "VIEW ");
    put_if(o, v->if_not_exists, "IF NOT EXISTS ");
    fly__sql_print_relation(o, v->relation);
    fly__sql_print_name_parens(o, &v->columns);
    with_options(o, &v->options);
    put(o, " AS ");
    fly__sql_print_query(o, v->query);
    put(o, checks[v->check]);
}

static void create_index(fly_sql_text *o, const fly_ast_create_index *i)
{
    put(o, i->unique ? "CREATE UNIQUE INDEX" : "CREATE INDEX");
    put_if(o, i->concurrently, " CONCURRENTLY");
    put_if(o, i->if_not_exists, " IF NOT EXISTS");
    name(o, " ", i->schema);
    if (i->name != NULL) {
        name(o, i->schema != NULL ? "." : " ", i->name);
    }
    target_of(o, i->relation);
    name(o, " USING ", i->access_method);
    parens(o, " ", &i->columns, fly__sql_print_index_column);
    if (i->including.count > 0) {
        parens(o, " INCLUDE ", &i->including, fly__sql_print_index_column);
    }
    put_if(o, i->nulls_not_distinct, " NULLS NOT DISTINCT");
    with_options(o, &i->options);
    name(o, " TABLESPACE ", i->tablespace);
    fly__sql_print_clause(o, "WHERE", i->where);
}

/* ------------------------------------------------------------------------------ ALTER TABLE */

/* What an action begins with, where that is all, or a name follows. */
static const char *const alter_words[] = {
    [FLY_AST_ALTER_DROP_DEFAULT] = "DROP DEFAULT",
    [FLY_AST_ALTER_SET_NOT_NULL] = "SET NOT NULL",
    [FLY_AST_ALTER_DROP_NOT_NULL] = "DROP NOT NULL",
    [FLY_AST_ALTER_DROP_EXPRESSION] = "DROP EXPRESSION",
    [FLY_AST_ALTER_DROP_IDENTITY] = "DROP IDENTITY",
    [FLY_AST_ALTER_VALIDATE_CONSTRAINT] = "VALIDATE CONSTRAINT ",
    [FLY_AST_ALTER_SET_TABLESPACE] = "SET TABLESPACE ",
    [FLY_AST_ALTER_SET_LOGGED] = "SET LOGGED",
    [FLY_AST_ALTER_SET_UNLOGGED] = "SET UNLOGGED",
    [FLY_AST_ALTER_SET_ACCESS_METHOD] = "SET ACCESS METHOD ",
    [FLY_AST_ALTER_CLUSTER_ON] = "CLUSTER ON ",
    [FLY_AST_ALTER_SET_WITHOUT_CLUSTER] = "SET WITHOUT CLUSTER",
    [FLY_AST_ALTER_SET_WITHOUT_OIDS] = "SET WITHOUT OIDS",
    [FLY_AST_ALTER_ENABLE_TRIGGER] = "ENABLE TRIGGER ",
    [FLY_AST_ALTER_ENABLE_ALWAYS_TRIGGER] = "ENABLE ALWAYS TRIGGER ",
    [FLY_AST_ALTER_ENABLE_REPLICA_TRIGGER] = "ENABLE REPLICA TRIGGER ",
    [FLY_AST_ALTER_DISABLE_TRIGGER] = "DISABLE TRIGGER ",
    [FLY_AST_ALTER_ENABLE_RULE] = "ENABLE RULE ",
    [FLY_AST_ALTER_ENABLE_ALWAYS_RULE] = "ENABLE ALWAYS RULE ",
    [FLY_AST_ALTER_ENABLE_REPLICA_RULE] = "ENABLE REPLICA RULE ",
    [FLY_AST_ALTER_DISABLE_RULE] = "DISABLE RULE ",
    [FLY_AST_ALTER_NOT_OF] = "NOT OF",
    [FLY_AST_ALTER_ENABLE_ROW_SECURITY] = "ENABLE ROW LEVEL SECURITY",
    [FLY_AST_ALTER_DISABLE_ROW_SECURITY] = "DISABLE ROW LEVEL SECURITY",
    [FLY_AST_ALTER_FORCE_ROW_SECURITY] = "FORCE ROW LEVEL SECURITY",
    [FLY_AST_ALTER_NO_FORCE_ROW_SECURITY] = "NO FORCE ROW LEVEL SECURITY",
    [FLY_AST_ALTER_REPLICA_IDENTITY] = "REPLICA IDENTITY ",
    [FLY_AST_ALTER_ATTACH_PARTITION] = "ATTACH PARTITION ",
    [FLY_AST_ALTER_DETACH_PARTITION] = "DETACH PARTITION ",
    [FLY_AST_ALTER_INHERIT] = "INHERIT ",
    [FLY_AST_ALTER_NO_INHERIT] = "NO INHERIT ",
    [FLY_AST_ALTER_OF] = "OF ",
    [FLY_AST_ALTER_OWNER] = "OWNER TO ",
    [FLY_AST_ALTER_SET_OPTIONS] = "SET ",
    [FLY_AST_ALTER_RESET_OPTIONS] = "RESET ",
    [FLY_AST_ALTER_ATTRIBUTE_TYPE] = "",
};

static void new_type(fly_sql_text *o, const fly_ast_alter_action *a)
{
    put(o, "TYPE ");
    fly__sql_print_type(o, a->def);
    if (a->names.count > 0) {
        put(o, " COLLATE ");
        fly__sql_print_dotted(o, &a->names);
    }
    fly__sql_print_clause(o, "USING", a->expr);
}

static void identity_option(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_option *option = option_of(node);
    if (is(option, "generated")) {
        put(o, "SET GENERATED ");
        put(o, text_of(option->value));
        return;
    }
    put_if(o, !is(option, "restart"), "SET ");
    sequence_option(o, node);
}

/* Actions on one column. */
static void alter_column(fly_sql_text *o, const fly_ast_alter_action *a)
{
    put(o, "ALTER COLUMN ");
    if (a->name == NULL) {
        fly__sql_text_int(o, a->value);
    } else {
        fly__sql_print_name(o, a->name);
    }
    put(o, " ");
    switch (a->type) {
    case FLY_AST_ALTER_COLUMN_TYPE:
        new_type(o, a);
        break;
    case FLY_AST_ALTER_SET_DEFAULT:
        put(o, "SET DEFAULT ");
        fly__sql_print_expr(o, a->expr);
        break;
    case FLY_AST_ALTER_SET_STATISTICS:
        put(o, "SET STATISTICS ");
        fly__sql_print_expr(o, a->expr);
        break;
    case FLY_AST_ALTER_SET_COLUMN_OPTIONS:
        parens(o, "SET ", &a->options, reloption);
        break;
    case FLY_AST_ALTER_RESET_COLUMN_OPTIONS:
        parens(o, "RESET ", &a->options, reloption);
        break;
    case FLY_AST_ALTER_SET_STORAGE:
        name(o, "SET STORAGE ", a->new_name);
        break;
    case FLY_AST_ALTER_SET_COMPRESSION:
        put(o, "SET COMPRESSION ");
        if (strcmp(a->new_name, "default") == 0) {
            put(o, "DEFAULT");
        } else {
            fly__sql_print_name(o, a->new_name);
        }
        break;
    case FLY_AST_ALTER_ADD_IDENTITY:
        put(o, "ADD ");
        generated(o, (const fly_ast_constraint *)a->def);
        break;
    case FLY_AST_ALTER_SET_IDENTITY:
        for (uint32_t i = 0; i < a->options.count; i++) {
            put_if(o, i > 0, " ");
            identity_option(o, a->options.items[i]);
        }
        break;
    default:
        put(o, alter_words[a->type]);
        put_if(o, a->if_exists, " IF EXISTS");
        break;
    }
}

static bool is_column_action(fly_ast_alter_kind type)
{
    return (type >= FLY_AST_ALTER_COLUMN_TYPE && type <= FLY_AST_ALTER_DROP_IDENTITY);
}

static void alter_rest(fly_sql_text *o, const fly_ast_alter_action *a)
{
    put(o, alter_words[a->type]);
    if (a->type == FLY_AST_ALTER_REPLICA_IDENTITY) {
        put_if(o, a->name != NULL, "USING INDEX ");
        if (a->name != NULL) {
            fly__sql_print_name(o, a->name);
        } else {
            put(o, a->new_name);
        }
        return;
    }
    if (a->name != NULL) {
        fly__sql_print_name(o, a->name);
    }
    if (a->def != NULL && a->def->kind == FLY_AST_RELATION) {
        fly__sql_print_relation(o, a->def);
    } else if (a->def != NULL && a->def->kind == FLY_AST_ROLE) {
        role(o, a->def);
    } else if (a->def != NULL && a->def->kind == FLY_AST_TYPE) {
        fly__sql_print_type(o, a->def);
    }
    if (a->expr != NULL) {
        partition_bound(o, (const fly_ast_partition_bound *)a->expr);
    }
    if (a->new_name != NULL) {
        put(o, " ");
        put(o, a->new_name);
    }
    if (a->options.count > 0) {
        parens(o, "", &a->options, reloption);
    }
}

static void alter_action(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_alter_action *a = (const fly_ast_alter_action *)node;
    if (is_column_action(a->type)) {
        alter_column(o, a);
        return;
    }
    switch (a->type) {
    case FLY_AST_ALTER_ADD_COLUMN:
        put(o, a->if_exists ? "ADD COLUMN IF NOT EXISTS " : "ADD COLUMN ");
        fly__sql_print_column_def(o, a->def);
        break;
    case FLY_AST_ALTER_ADD_ATTRIBUTE:
        put(o, "ADD ATTRIBUTE ");
        fly__sql_print_column_def(o, a->def);
        break;
    case FLY_AST_ALTER_ATTRIBUTE_TYPE:
        name(o, "ALTER ATTRIBUTE ", a->name);
        put(o, " ");
        new_type(o, a);
        break;
    case FLY_AST_ALTER_DROP_COLUMN:
    case FLY_AST_ALTER_DROP_CONSTRAINT:
    case FLY_AST_ALTER_DROP_ATTRIBUTE:
        put(o, a->type == FLY_AST_ALTER_DROP_COLUMN       ? "DROP COLUMN "
               : a->type == FLY_AST_ALTER_DROP_CONSTRAINT ? "DROP CONSTRAINT "
                                                          : "DROP ATTRIBUTE ");
        put_if(o, a->if_exists, "IF EXISTS ");
        fly__sql_print_name(o, a->name);
        break;
    case FLY_AST_ALTER_ADD_CONSTRAINT:
        put(o, "ADD ");
        constraint(o, a->def);
        break;
    case FLY_AST_ALTER_ALTER_CONSTRAINT: {
        const fly_ast_constraint *c = (const fly_ast_constraint *)a->def;
        name(o, "ALTER CONSTRAINT ", c->name);
        constraint_attributes(o, c);
        break;
    }
    default:
        alter_rest(o, a);
        break;
    }
    cascade(o, a->cascade);
}

/* ---------------------------------------------------------------------------------- objects */

static const char *const object_words[] = {
    [FLY_AST_OBJECT_TABLE] = "TABLE",
    [FLY_AST_OBJECT_INDEX] = "INDEX",
    [FLY_AST_OBJECT_VIEW] = "VIEW",
    [FLY_AST_OBJECT_MATVIEW] = "MATERIALIZED VIEW",
    [FLY_AST_OBJECT_SEQUENCE] = "SEQUENCE",
    [FLY_AST_OBJECT_FOREIGN_TABLE] = "FOREIGN TABLE",
    [FLY_AST_OBJECT_COLUMN] = "COLUMN",
    [FLY_AST_OBJECT_CONSTRAINT] = "CONSTRAINT",
    [FLY_AST_OBJECT_DOMAIN_CONSTRAINT] = "CONSTRAINT",
    [FLY_AST_OBJECT_ATTRIBUTE] = "ATTRIBUTE",
    [FLY_AST_OBJECT_SCHEMA] = "SCHEMA",
    [FLY_AST_OBJECT_DATABASE] = "DATABASE",
    [FLY_AST_OBJECT_FUNCTION] = "FUNCTION",
    [FLY_AST_OBJECT_PROCEDURE] = "PROCEDURE",
    [FLY_AST_OBJECT_ROUTINE] = "ROUTINE",
    [FLY_AST_OBJECT_AGGREGATE] = "AGGREGATE",
    [FLY_AST_OBJECT_OPERATOR] = "OPERATOR",
    [FLY_AST_OBJECT_TYPE] = "TYPE",
    [FLY_AST_OBJECT_DOMAIN] = "DOMAIN",
    [FLY_AST_OBJECT_COLLATION] = "COLLATION",
    [FLY_AST_OBJECT_CONVERSION] = "CONVERSION",
    [FLY_AST_OBJECT_TRIGGER] = "TRIGGER",
    [FLY_AST_OBJECT_POLICY] = "POLICY",
    [FLY_AST_OBJECT_RULE] = "RULE",
    [FLY_AST_OBJECT_ROLE] = "ROLE",
    [FLY_AST_OBJECT_USER] = "USER",
    [FLY_AST_OBJECT_GROUP] = "GROUP",
    [FLY_AST_OBJECT_EXTENSION] = "EXTENSION",
    [FLY_AST_OBJECT_TABLESPACE] = "TABLESPACE",
    [FLY_AST_OBJECT_LANGUAGE] = "LANGUAGE",
    [FLY_AST_OBJECT_SERVER] = "FOREIGN SERVER",
    [FLY_AST_OBJECT_FDW] = "FOREIGN DATA WRAPPER",
    [FLY_AST_OBJECT_PUBLICATION] = "PUBLICATION",
    [FLY_AST_OBJECT_SUBSCRIPTION] = "SUBSCRIPTION",
    [FLY_AST_OBJECT_STATISTICS] = "STATISTICS",
    [FLY_AST_OBJECT_EVENT_TRIGGER] = "EVENT TRIGGER",
    [FLY_AST_OBJECT_ACCESS_METHOD] = "ACCESS METHOD",
    [FLY_AST_OBJECT_TS_CONFIGURATION] = "TEXT SEARCH CONFIGURATION",
    [FLY_AST_OBJECT_TS_DICTIONARY] = "TEXT SEARCH DICTIONARY",
    [FLY_AST_OBJECT_TS_PARSER] = "TEXT SEARCH PARSER",
    [FLY_AST_OBJECT_TS_TEMPLATE] = "TEXT SEARCH TEMPLATE",
    [FLY_AST_OBJECT_LARGE_OBJECT] = "LARGE OBJECT",
    [FLY_AST_OBJECT_PARAMETER] = "PARAMETER",
};

static void param(fly_sql_text *o, const fly_ast *node)
{
    static const char *const modes[] = {"", "IN ", "OUT ", "INOUT ", "VARIADIC ", ""};
    const fly_ast_function_param *p = (const fly_ast_function_param *)node;
    put(o, modes[p->mode]);
    if (p->name != NULL) {
        fly__sql_print_name(o, p->name);
        put(o, " ");
    }
    if (p->type == NULL) {
        put(o, "NONE");
    } else {
        fly__sql_print_type(o, p->type);
    }
    fly__sql_print_clause(o, "DEFAULT", p->initial);
}

/* Operators are not quoted, though the schemas before them may be. */
static void operator_name(fly_sql_text *o, const fly_ast_names *names)
{
    for (uint32_t i = 0; i + 1 < names->count; i++) {
        fly__sql_print_name(o, names->items[i]);
        put(o, ".");
    }
    put(o, names->items[names->count - 1]);
}

static void object_name(fly_sql_text *o, const fly_ast_object *object, bool is_operator)
{
    if (object->type != NULL) {
        fly__sql_print_type(o, object->type);
    } else if (is_operator) {
        operator_name(o, &object->names);
    } else if (object->names.count > 0) {
        fly__sql_print_dotted(o, &object->names);
    } else if (object->relation != NULL) {
        fly__sql_print_relation(o, object->relation);
        return;
    }
    if (object->has_args) {
        put(o, "(");
        put_if(o, object->star, "*");
        fly__sql_print_list(o, &object->args, param);
        if (object->args_order.count > 0) {
            put(o, object->args.count > 0 ? " ORDER BY " : "ORDER BY ");
            fly__sql_print_list(o, &object->args_order, param);
        }
        put(o, ")");
    }
    if (object->relation != NULL) {
        target_of(o, object->relation);
    }
}

/* An object of any kind, as statements name it. */
static void object(fly_sql_text *o, const fly_ast *node)
{
    if (node->kind == FLY_AST_ROLE) {
        role(o, node);
    } else if (node->kind == FLY_AST_RELATION) {
        fly__sql_print_relation(o, node);
    } else {
        object_name(o, (const fly_ast_object *)node, false);
    }
}

static void operator_object(fly_sql_text *o, const fly_ast *node)
{
    object_name(o, (const fly_ast_object *)node, true);
}

static void drop(fly_sql_text *o, const fly_ast_drop *d)
{
    put(o, "DROP ");
    put(o, d->type == FLY_AST_OBJECT_SERVER ? "SERVER" : object_words[d->type]);
    put_if(o, d->concurrently, " CONCURRENTLY");
    put(o, d->if_exists ? " IF EXISTS " : " ");
    fly__sql_print_list(o, &d->objects,
                        d->type == FLY_AST_OBJECT_OPERATOR ? operator_object : object);
    put_if(o, d->force, " WITH (FORCE)");
    cascade(o, d->cascade);
}

static void rename_statement(fly_sql_text *o, const fly_ast_rename *r)
{
    bool part = r->name != NULL;
    put(o, "ALTER ");
    put(o, object_words[part ? r->owner_type : r->type]);
    put(o, r->if_exists ? " IF EXISTS " : " ");
    object(o, r->object);
    put(o, " RENAME ");
    if (part) {
        put(o, object_words[r->type]);
        name(o, " ", r->name);
        put(o, " ");
    }
    name(o, "TO ", r->new_name);
    cascade(o, r->cascade);
}

static void comment(fly_sql_text *o, const fly_ast_comment *c)
{
    put(o, "COMMENT ON ");
    put(o, c->type == FLY_AST_OBJECT_SERVER ? "SERVER" : object_words[c->type]);
    put(o, " ");
    if (c->on_domain) {
        const fly_ast_object *named = (const fly_ast_object *)c->object;
        fly__sql_print_dotted(o, &named->names);
        put(o, " ON DOMAIN ");
        fly__sql_print_relation(o, named->relation);
    } else if (c->type == FLY_AST_OBJECT_OPERATOR) {
        operator_object(o, c->object);
    } else {
        object(o, c->object);
    }
    put(o, " IS ");
    fly__sql_print_expr(o, c->text);
}

/* --------------------------------------------------------------------- other definitions */

static void raw_value(fly_sql_text *o, const fly_ast *value)
{
    if (value == NULL) {
        put(o, " DEFAULT");
    } else {
        put(o, " ");
        fly__sql_print_expr(o, value);
    }
}

static void database_options(fly_sql_text *o, const fly_ast_list *options)
{
    for (uint32_t i = 0; i < options->count; i++) {
        const fly_ast_option *option = option_of(options->items[i]);
        put(o, " ");
        if (is(option, "refresh_collation_version")) {
            put(o, "REFRESH COLLATION VERSION");
            continue;
        }
        put(o, is(option, "connection_limit") ? "CONNECTION LIMIT" : option->name);
        raw_value(o, option->value);
    }
}

static void set(fly_sql_text *o, const fly_ast *node);

static void alter_database(fly_sql_text *o, const fly_ast_alter_database *a)
{
    name(o, "ALTER DATABASE ", a->name);
    if (a->set != NULL) {
        put(o, " ");
        set(o, a->set);
    } else if (a->options.count == 1 && is(option_of(a->options.items[0]), "tablespace")) {
        name(o, " SET TABLESPACE ", text_of(option_of(a->options.items[0])->value));
    } else {
        database_options(o, &a->options);
    }
}

static void create_type(fly_sql_text *o, const fly_ast_create_type *t)
{
    put(o, "CREATE TYPE ");
    fly__sql_print_dotted(o, &t->name);
    switch (t->type) {
    case FLY_AST_TYPE_SHELL:
        break;
    case FLY_AST_TYPE_ENUM:
        parens(o, " AS ENUM ", &t->labels, fly__sql_print_expr);
        break;
    case FLY_AST_TYPE_COMPOSITE:
        parens(o, " AS ", &t->attributes, fly__sql_print_column_def);
        break;
    case FLY_AST_TYPE_RANGE:
        parens(o, " AS RANGE ", &t->options, reloption);
        break;
    case FLY_AST_TYPE_BASE:
        parens(o, " ", &t->options, reloption);
        break;
    }
}

static void alter_enum(fly_sql_text *o, const fly_ast_alter_enum *a)
{
    put(o, "ALTER TYPE ");
    fly__sql_print_dotted(o, &a->name);
    if (a->old_label != NULL) {
        fly__sql_print_clause(o, "RENAME VALUE", a->old_label);
        fly__sql_print_clause(o, "TO", a->label);
        return;
    }
    fly__sql_print_clause(o, a->if_not_exists ? "ADD VALUE IF NOT EXISTS" : "ADD VALUE", a->label);
    fly__sql_print_clause(o, a->after ? "AFTER" : "BEFORE", a->neighbour);
}

static void create_domain(fly_sql_text *o, const fly_ast_create_domain *d)
{
    put(o, "CREATE DOMAIN ");
    fly__sql_print_dotted(o, &d->name);
    put(o, " AS ");
    fly__sql_print_type(o, d->type);
    if (d->collation.count > 0) {
        put(o, " COLLATE ");
        fly__sql_print_dotted(o, &d->collation);
    }
    for (uint32_t i = 0; i < d->constraints.count; i++) {
        put(o, " ");
        constraint(o, d->constraints.items[i]);
    }
}

static void define(fly_sql_text *o, const fly_ast_define *d)
{
    put(o, d->replace ? "CREATE OR REPLACE " : "CREATE ");
    put(o, object_words[d->type]);
    put(o, d->if_not_exists ? " IF NOT EXISTS " : " ");
    if (d->type == FLY_AST_OBJECT_OPERATOR) {
        operator_name(o, &d->name);
    } else {
        fly__sql_print_dotted(o, &d->name);
    }
    if (d->type == FLY_AST_OBJECT_AGGREGATE && !d->old_style) {
        put(o, "(");
        put_if(o, d->params_star, "*");
        fly__sql_print_list(o, &d->params, param);
        put(o, ")");
    }
    if (d->from.count > 0) {
        put(o, " FROM ");
        fly__sql_print_dotted(o, &d->from);
    } else {
        parens(o, " ", &d->options, reloption);
    }
}

static void create_extension(fly_sql_text *o, const fly_ast_create_extension *e)
{
    put(o, e->alter ? "ALTER EXTENSION " : "CREATE EXTENSION ");
    put_if(o, e->if_not_exists, "IF NOT EXISTS ");
    fly__sql_print_name(o, e->name);
    put_if(o, e->alter, " UPDATE");
    for (uint32_t i = 0; i < e->options.count; i++) {
        const fly_ast_option *option = option_of(e->options.items[i]);
        if (is(option, "cascade")) {
            put(o, " CASCADE");
        } else if (is(option, "schema")) {
            name(o, " SCHEMA ", text_of(option->value));
        } else {
            fly__sql_print_clause(o, e->alter ? "TO" : "VERSION", option->value);
        }
    }
}

/* -------------------------------------------------------------------------------- functions */

static void function_option(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_option *option = option_of(node);
    put(o, " ");
    if (is(option, "strict")) {
        put(o, truth(option) ? "STRICT" : "CALLED ON NULL INPUT");
    } else if (is(option, "volatility")) {
        put(o, text_of(option->value));
    } else if (is(option, "security")) {
        put(o, truth(option) ? "SECURITY DEFINER" : "SECURITY INVOKER");
    } else if (is(option, "leakproof")) {
        put(o, truth(option) ? "LEAKPROOF" : "NOT LEAKPROOF");
    } else if (is(option, "window")) {
        put(o, "WINDOW");
    } else if (is(option, "set")) {
        set(o, option->value);
    } else if (is(option, "parallel")) {
        name(o, "PARALLEL ", text_of(option->value));
    } else if (is(option, "transform")) {
        const fly_ast_row *types = (const fly_ast_row *)option->value;
        put(o, "TRANSFORM");
        for (uint32_t i = 0; i < types->items.count; i++) {
            put(o, i > 0 ? ", FOR TYPE " : " FOR TYPE ");
            fly__sql_print_type(o, types->items.items[i]);
        }
    } else if (is(option, "as") && option->value->kind == FLY_AST_ROW) {
        put(o, "AS ");
        fly__sql_print_exprs(o, &((const fly_ast_row *)option->value)->items);
    } else { /* as, language, cost, rows, support */
        put(o, option->name);
        put(o, " ");
        fly__sql_print_expr(o, option->value);
    }
}

static void statements(fly_sql_text *o, const fly_ast_list *body)
{
    for (uint32_t i = 0; i < body->count; i++) {
        put(o, " ");
        fly__sql_print_query(o, body->items[i]);
        put(o, ";");
    }
}

static void create_function(fly_sql_text *o, const fly_ast_create_function *f)
{
    put(o, f->replace ? "CREATE OR REPLACE " : "CREATE ");
    put(o, f->procedure ? "PROCEDURE " : "FUNCTION ");
    fly__sql_print_dotted(o, &f->name);
    uint32_t count = f->params.count;
    while (count > 0 && ((const fly_ast_function_param *)f->params.items[count - 1])->mode ==
                            FLY_AST_PARAM_TABLE) {
        count--;
    }
    const fly_ast_list args = {f->params.items, count};
    const fly_ast_list columns = {f->params.items + count, f->params.count - count};
    parens(o, "", &args, param);
    if (columns.count > 0) {
        parens(o, " RETURNS TABLE ", &columns, param);
    } else if (f->returns != NULL) {
        put(o, " RETURNS ");
        fly__sql_print_type(o, f->returns);
    }
    for (uint32_t i = 0; i < f->options.count; i++) {
        function_option(o, f->options.items[i]);
    }
    fly__sql_print_clause(o, "RETURN", f->return_expr);
    if (f->atomic) {
        put(o, " BEGIN ATOMIC");
        statements(o, &f->body);
        put(o, " END");
    }
}

static void alter_function(fly_sql_text *o, const fly_ast_alter_function *a)
{
    put(o, "ALTER ");
    put(o, object_words[a->type]);
    put(o, " ");
    object(o, a->function);
    for (uint32_t i = 0; i < a->options.count; i++) {
        function_option(o, a->options.items[i]);
    }
}

/* --------------------------------------------------------------------------------- triggers */

static void trigger_event(fly_sql_text *o, const fly_ast_option *event)
{
    for (const char *at = event->name; *at != '\0'; at++) {
        const char upper = *at >= 'a' && *at <= 'z' ? (char)(*at - 32) : *at;
        fly__sql_text_add(o, &upper, 1);
    }
    if (event->value != NULL) {
        put(o, " OF ");
        fly__sql_print_exprs(o, &((const fly_ast_row *)event->value)->items);
    }
}

static void create_trigger(fly_sql_text *o, const fly_ast_create_trigger *t)
{
    static const char *const timings[] = {"", " BEFORE", " AFTER", " INSTEAD OF"};
    put(o, t->replace ? "CREATE OR REPLACE " : "CREATE ");
    put_if(o, t->persistence == FLY_AST_TEMPORARY, "TEMPORARY ");
    put_if(o, t->constraint, "CONSTRAINT ");
    put(o, t->if_not_exists ? "TRIGGER IF NOT EXISTS " : "TRIGGER ");
    if (t->schema != NULL) {
        fly__sql_print_name(o, t->schema);
        put(o, ".");
    }
    fly__sql_print_name(o, t->name);
    put(o, timings[t->timing]);
    for (uint32_t i = 0; i < t->events.count; i++) {
        put(o, i > 0 ? " OR " : " ");
        trigger_event(o, option_of(t->events.items[i]));
    }
    target_of(o, t->relation);
    if (t->from_relation != NULL) {
        put(o, " FROM ");
        fly__sql_print_relation(o, t->from_relation);
    }
    put_if(o, t->deferrable == FLY_AST_TRI_YES, " DEFERRABLE");
    put_if(o, t->deferrable == FLY_AST_TRI_NO, " NOT DEFERRABLE");
    put_if(o, t->deferred == FLY_AST_TRI_YES, " INITIALLY DEFERRED");
    put_if(o, t->deferred == FLY_AST_TRI_NO, " INITIALLY IMMEDIATE");
    put_if(o, t->old_table != NULL || t->new_table != NULL, " REFERENCING");
    name(o, " OLD TABLE AS ", t->old_table);
    name(o, " NEW TABLE AS ", t->new_table);
    put_if(o, t->for_row, " FOR EACH ROW");
    if (t->when != NULL) {
        put(o, " WHEN (");
        fly__sql_print_expr(o, t->when);
        put(o, ")");
    }
    if (t->body.count > 0) {
        put(o, " BEGIN");
        statements(o, &t->body);
        put(o, " END");
        return;
    }
    put(o, " EXECUTE FUNCTION ");
    fly__sql_print_dotted(o, &t->function);
    parens(o, "", &t->args, fly__sql_print_expr);
}

/* ----------------------------------------------------------------------------------- rights */

static void role_option(fly_sql_text *o, const fly_ast *node)
{
    static const char *const lists[][2] = {
        {"user", "USER "}, {"admin", "ADMIN "}, {"role", "ROLE "}, {"in_role", "IN ROLE "}};
    const fly_ast_option *option = option_of(node);
    put(o, " ");
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (is(option, lists[i][0])) {
            put(o, lists[i][1]);
            fly__sql_print_list(o, &((const fly_ast_row *)option->value)->items, role);
            return;
        }
    }
    if (is(option, "password") || is(option, "sysid")) {
        put(o, option->name);
        put(o, " ");
        fly__sql_print_expr(o, option->value);
    } else if (is(option, "connection_limit")) {
        put(o, "CONNECTION LIMIT ");
        fly__sql_print_expr(o, option->value);
    } else if (is(option, "valid_until")) {
        put(o, "VALID UNTIL ");
        fly__sql_print_expr(o, option->value);
    } else {
        put_if(o, !truth(option), "NO");
        put(o, option->name);
    }
}

static void role_options(fly_sql_text *o, const fly_ast_list *options)
{
    for (uint32_t i = 0; i < options->count; i++) {
        role_option(o, options->items[i]);
    }
}

static void alter_role(fly_sql_text *o, const fly_ast_alter_role *a)
{
    put(o, "ALTER ");
    put(o, object_words[a->type]);
    put(o, " ");
    if (a->role == NULL) {
        put(o, "ALL");
    } else {
        role(o, a->role);
    }
    put_if(o, a->members == FLY_AST_OPTION_ADD, " ADD");
    put_if(o, a->members == FLY_AST_OPTION_DROP, " DROP");
    name(o, " IN DATABASE ", a->database);
    if (a->set != NULL) {
        put(o, " ");
        set(o, a->set);
    } else {
        role_options(o, &a->options);
    }
}

static void privilege(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_privilege *p = (const fly_ast_privilege *)node;
    if (p->name == NULL) {
        put(o, "ALL");
    } else if (strcmp(p->name, "alter system") == 0 || strcmp(p->name, "select") == 0 ||
               strcmp(p->name, "references") == 0 || strcmp(p->name, "create") == 0) {
        put(o, p->name);
    } else {
        fly__sql_print_name(o, p->name);
    }
    fly__sql_print_name_parens(o, &p->columns);
}

static void granted_by(fly_sql_text *o, const fly_ast *node)
{
    if (node != NULL) {
        put(o, " GRANTED BY ");
        role(o, node);
    }
}

static void privilege_target(fly_sql_text *o, const fly_ast_grant *g)
{
    if (g->target != FLY_AST_GRANT_OBJECTS) {
        put_if(o, g->target == FLY_AST_GRANT_ALL_IN_SCHEMA, "ALL ");
        put(o, object_words[g->type]);
        put(o, "S");
        put_if(o, g->target == FLY_AST_GRANT_ALL_IN_SCHEMA, " IN SCHEMA ");
    } else {
        put(o, object_words[g->type]);
        put(o, " ");
    }
    fly__sql_print_list(o, &g->objects, object);
}

static void grant(fly_sql_text *o, const fly_ast_grant *g)
{
    put(o, g->revoke ? "REVOKE " : "GRANT ");
    put_if(o, g->revoke && g->grant_option, "GRANT OPTION FOR ");
    put_if(o, g->privileges.count == 0, "ALL");
    fly__sql_print_list(o, &g->privileges, privilege);
    put(o, " ON ");
    privilege_target(o, g);
    fly__sql_print_clause(o, "WHERE", g->where);
    put(o, g->revoke ? " FROM " : " TO ");
    fly__sql_print_list(o, &g->grantees, role);
    put_if(o, !g->revoke && g->grant_option, " WITH GRANT OPTION");
    granted_by(o, g->granted_by);
    cascade(o, g->cascade);
}

static void grant_role(fly_sql_text *o, const fly_ast_grant_role *g)
{
    put(o, g->revoke ? "REVOKE " : "GRANT ");
    put_if(o, g->revoke && g->admin_option, "ADMIN OPTION FOR ");
    fly__sql_print_list(o, &g->roles, privilege);
    put(o, g->revoke ? " FROM " : " TO ");
    fly__sql_print_list(o, &g->grantees, role);
    put_if(o, !g->revoke && g->admin_option, " WITH ADMIN OPTION");
    granted_by(o, g->granted_by);
    cascade(o, g->cascade);
}

static void alter_defaults(fly_sql_text *o, const fly_ast_alter_defaults *a)
{
    put(o, "ALTER DEFAULT PRIVILEGES");
    if (a->roles.count > 0) {
        put(o, " FOR ROLE ");
        fly__sql_print_list(o, &a->roles, role);
    }
    if (a->schemas.count > 0) {
        put(o, " IN SCHEMA ");
        fly__sql_print_names(o, &a->schemas);
    }
    put(o, " ");
    grant(o, (const fly_ast_grant *)a->grant);
}

static void create_policy(fly_sql_text *o, const fly_ast_create_policy *p)
{
    name(o, p->alter ? "ALTER POLICY " : "CREATE POLICY ", p->name);
    target_of(o, p->relation);
    put_if(o, p->restrictive, " AS RESTRICTIVE");
    if (p->command != NULL) {
        put(o, " FOR ");
        put(o, p->command);
    }
    if (p->roles.count > 0) {
        put(o, " TO ");
        fly__sql_print_list(o, &p->roles, role);
    }
    if (p->using_expr != NULL) {
        put(o, " USING (");
        fly__sql_print_expr(o, p->using_expr);
        put(o, ")");
    }
    if (p->check_expr != NULL) {
        put(o, " WITH CHECK (");
        fly__sql_print_expr(o, p->check_expr);
        put(o, ")");
    }
}

/* ------------------------------------------------------------------------------ the session */

static void mode(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_option *option = option_of(node);
    if (is(option, "isolation")) {
        put(o, "ISOLATION LEVEL ");
        put(o, text_of(option->value));
    } else if (is(option, "read_only")) {
        put(o, truth(option) ? "READ ONLY" : "READ WRITE");
    } else {
        put(o, truth(option) ? "DEFERRABLE" : "NOT DEFERRABLE");
    }
}

static void transaction(fly_sql_text *o, const fly_ast_transaction *t)
{
    static const char *const words[] = {
        [FLY_AST_TXN_BEGIN] = "BEGIN",
        [FLY_AST_TXN_START] = "START TRANSACTION",
        [FLY_AST_TXN_COMMIT] = "COMMIT",
        [FLY_AST_TXN_ROLLBACK] = "ROLLBACK",
        [FLY_AST_TXN_SAVEPOINT] = "SAVEPOINT",
        [FLY_AST_TXN_RELEASE] = "RELEASE SAVEPOINT",
        [FLY_AST_TXN_ROLLBACK_TO] = "ROLLBACK TO SAVEPOINT",
        [FLY_AST_TXN_PREPARE] = "PREPARE TRANSACTION",
        [FLY_AST_TXN_COMMIT_PREPARED] = "COMMIT PREPARED",
        [FLY_AST_TXN_ROLLBACK_PREPARED] = "ROLLBACK PREPARED",
    };
    put(o, words[t->type]);
    name(o, " ", t->name);
    put_if(o, t->options.count > 0, " ");
    fly__sql_print_list(o, &t->options, mode);
    if (t->gid != NULL) {
        put(o, " ");
        fly__sql_print_expr(o, t->gid);
    }
    put_if(o, t->chain, " AND CHAIN");
}

/* A setting's name: its parts are names. */
static void setting(fly_sql_text *o, const char *dotted)
{
    char part[64];
    size_t len = 0;
    for (const char *at = dotted;; at++) {
        if (*at == '.' || *at == '\0') {
            part[len] = '\0';
            fly__sql_print_name(o, part);
            len = 0;
            if (*at == '\0') {
                return;
            }
            put(o, ".");
        } else if (len < sizeof part - 1) {
            part[len++] = *at;
        }
    }
}

static void set(fly_sql_text *o, const fly_ast *node)
{
    static const char *const scopes[] = {"", "SESSION ", "LOCAL "};
    const fly_ast_set *s = (const fly_ast_set *)node;
    if (s->type == FLY_AST_SET_RESET || s->type == FLY_AST_SET_RESET_ALL) {
        put(o, "RESET ");
        if (s->type == FLY_AST_SET_RESET_ALL) {
            put(o, "ALL");
        } else {
            setting(o, s->name);
        }
        return;
    }
    put(o, "SET ");
    put(o, scopes[s->scope]);
    switch (s->type) {
    case FLY_AST_SET_TRANSACTION:
        put(o, "TRANSACTION ");
        fly__sql_print_list(o, &s->args, mode);
        return;
    case FLY_AST_SET_SESSION_CHARACTERISTICS:
        put(o, "CHARACTERISTICS AS TRANSACTION ");
        fly__sql_print_list(o, &s->args, mode);
        return;
    case FLY_AST_SET_TRANSACTION_SNAPSHOT:
        put(o, "TRANSACTION SNAPSHOT ");
        fly__sql_print_exprs(o, &s->args);
        return;
    default:
        break;
    }
    if (s->args.count == 1 && s->args.items[0]->kind == FLY_AST_CAST) {
        put(o, "TIME ZONE ");
        fly__sql_print_exprs(o, &s->args);
        return;
    }
    setting(o, s->name);
    if (s->type == FLY_AST_SET_FROM_CURRENT) {
        put(o, " FROM CURRENT");
    } else if (s->type == FLY_AST_SET_DEFAULT) {
        put(o, " TO DEFAULT");
    } else {
        put(o, " TO ");
        fly__sql_print_exprs(o, &s->args);
    }
}

static void copy(fly_sql_text *o, const fly_ast_copy *c)
{
    put(o, "COPY ");
    if (c->query != NULL) {
        put(o, "(");
        fly__sql_print_query(o, c->query);
        put(o, ")");
    } else {
        fly__sql_print_relation(o, c->relation);
        fly__sql_print_name_parens(o, &c->columns);
    }
    put(o, c->from ? " FROM " : " TO ");
    put_if(o, c->program, "PROGRAM ");
    if (c->file != NULL) {
        fly__sql_print_expr(o, c->file);
    } else {
        put(o, c->from ? "STDIN" : "STDOUT");
    }
    if (c->options.count > 0) {
        parens(o, " WITH ", &c->options, generic_option);
    }
    fly__sql_print_clause(o, "WHERE", c->where);
}

static void declare(fly_sql_text *o, const fly_ast_declare *d)
{
    name(o, "DECLARE ", d->name);
    put_if(o, d->binary, " BINARY");
    put_if(o, d->insensitive == FLY_AST_TRI_YES, " INSENSITIVE");
    put_if(o, d->insensitive == FLY_AST_TRI_NO, " ASENSITIVE");
    put_if(o, d->scroll == FLY_AST_TRI_YES, " SCROLL");
    put_if(o, d->scroll == FLY_AST_TRI_NO, " NO SCROLL");
    put(o, d->hold ? " CURSOR WITH HOLD FOR " : " CURSOR FOR ");
    fly__sql_print_query(o, d->query);
}

static void fetch(fly_sql_text *o, const fly_ast_fetch *f)
{
    static const char *const words[] = {"FORWARD ", "BACKWARD ", "ABSOLUTE ", "RELATIVE "};
    put(o, f->move ? "MOVE " : "FETCH ");
    put(o, words[f->direction]);
    if (f->all) {
        put(o, "ALL");
    } else {
        fly__sql_text_int(o, f->count);
    }
    name(o, " FROM ", f->cursor);
}

static void vacuum_relation(fly_sql_text *o, const fly_ast *node)
{
    const fly_ast_vacuum_relation *v = (const fly_ast_vacuum_relation *)node;
    fly__sql_print_relation(o, v->relation);
    fly__sql_print_name_parens(o, &v->columns);
}

static void options_after(fly_sql_text *o, const char *word, const fly_ast_list *options)
{
    put(o, word);
    if (options->count > 0) {
        parens(o, " ", options, generic_option);
    }
}

static void reindex(fly_sql_text *o, const fly_ast_reindex *r)
{
    options_after(o, "REINDEX", &r->options);
    if (r->what != NULL) {
        put(o, " ");
        put(o, r->what);
        put_if(o, r->concurrently, " CONCURRENTLY");
    }
    name(o, " ", r->name);
    if (r->relation != NULL) {
        put(o, " ");
        fly__sql_print_relation(o, r->relation);
    }
}

static void inspect(fly_sql_text *o, const fly_ast_inspect *i)
{
    static const char *const words[] = {
        [FLY_AST_INSPECT_TABLES] = "TABLES",       [FLY_AST_INSPECT_TABLE] = "TABLE ",
        [FLY_AST_INSPECT_USERS] = "USERS",         [FLY_AST_INSPECT_INDEXES] = "INDEXES",
        [FLY_AST_INSPECT_DATABASES] = "DATABASES", [FLY_AST_INSPECT_DATABASE] = "DATABASE",
        [FLY_AST_INSPECT_SERVER] = "SERVER",       [FLY_AST_INSPECT_STATUS] = "STATUS",
    };
    put(o, "INSPECT ");
    put(o, words[i->type]);
    if (i->relation != NULL) {
        put_if(o, i->type == FLY_AST_INSPECT_INDEXES, " ON ");
        fly__sql_print_relation(o, i->relation);
    }
    name(o, " ", i->name);
}

static void watch(fly_sql_text *o, const fly_ast_watch *w)
{
    put(o, w->stop ? "UNWATCH " : "WATCH ");
    if (w->relation == NULL) {
        put(o, "ALL");
    } else {
        put(o, "TABLE ");
        fly__sql_print_relation(o, w->relation);
    }
    fly__sql_print_clause(o, "WHERE", w->where);
}

static void pragma(fly_sql_text *o, const fly_ast_pragma *p)
{
    put(o, "PRAGMA ");
    if (p->schema != NULL) {
        fly__sql_print_name(o, p->schema);
        put(o, ".");
    }
    fly__sql_print_name(o, p->name);
    if (p->value != NULL) {
        put(o, " = ");
        fly__sql_print_expr(o, p->value);
    }
}

/* --------------------------------------------------------------------------------- the fork */

/* Statements of the session. */
static void session_statement(fly_sql_text *o, const fly_ast *node)
{
    switch (node->kind) {
    case FLY_AST_TRANSACTION:
        transaction(o, (const fly_ast_transaction *)node);
        break;
    case FLY_AST_SET:
        set(o, node);
        break;
    case FLY_AST_SET_CONSTRAINTS: {
        const fly_ast_set_constraints *s = (const fly_ast_set_constraints *)node;
        put(o, s->constraints.count == 0 ? "SET CONSTRAINTS ALL" : "SET CONSTRAINTS ");
        fly__sql_print_list(o, &s->constraints, fly__sql_print_relation);
        put(o, s->deferred ? " DEFERRED" : " IMMEDIATE");
        break;
    }
    case FLY_AST_SHOW:
        put(o, "SHOW ");
        if (((const fly_ast_show *)node)->name == NULL) {
            put(o, "ALL");
        } else {
            setting(o, ((const fly_ast_show *)node)->name);
        }
        break;
    case FLY_AST_PREPARE: {
        const fly_ast_prepare *p = (const fly_ast_prepare *)node;
        name(o, "PREPARE ", p->name);
        if (p->types.count > 0) {
            parens(o, " ", &p->types, fly__sql_print_type);
        }
        put(o, " AS ");
        fly__sql_print_query(o, p->statement);
        break;
    }
    case FLY_AST_EXECUTE: {
        const fly_ast_execute *e = (const fly_ast_execute *)node;
        name(o, "EXECUTE ", e->name);
        if (e->args.count > 0) {
            parens(o, " ", &e->args, fly__sql_print_expr);
        }
        break;
    }
    case FLY_AST_DEALLOCATE:
        put(o, "DEALLOCATE ");
        put_if(o, ((const fly_ast_deallocate *)node)->name == NULL, "ALL");
        name(o, "PREPARE ", ((const fly_ast_deallocate *)node)->name);
        break;
    case FLY_AST_DECLARE:
        declare(o, (const fly_ast_declare *)node);
        break;
    case FLY_AST_FETCH:
        fetch(o, (const fly_ast_fetch *)node);
        break;
    case FLY_AST_CLOSE:
        put(o, "CLOSE ");
        put_if(o, ((const fly_ast_close *)node)->cursor == NULL, "ALL");
        name(o, "", ((const fly_ast_close *)node)->cursor);
        break;
    case FLY_AST_EXPLAIN: {
        const fly_ast_explain *e = (const fly_ast_explain *)node;
        options_after(o, "EXPLAIN", &e->options);
        put(o, " ");
        fly__sql_print_query(o, e->statement);
        break;
    }
    case FLY_AST_VACUUM: {
        const fly_ast_vacuum *v = (const fly_ast_vacuum *)node;
        options_after(o, v->analyze ? "ANALYZE" : "VACUUM", &v->options);
        put_if(o, v->relations.count > 0, " ");
        fly__sql_print_list(o, &v->relations, vacuum_relation);
        break;
    }
    case FLY_AST_REINDEX:
        reindex(o, (const fly_ast_reindex *)node);
        break;
    case FLY_AST_CLUSTER: {
        const fly_ast_cluster *c = (const fly_ast_cluster *)node;
        options_after(o, "CLUSTER", &c->options);
        if (c->relation != NULL) {
            put(o, " ");
            fly__sql_print_relation(o, c->relation);
        }
        name(o, " USING ", c->index);
        break;
    }
    case FLY_AST_CHECKPOINT:
        put(o, "CHECKPOINT");
        break;
    case FLY_AST_LISTEN:
        name(o, "LISTEN ", ((const fly_ast_listen *)node)->channel);
        break;
    case FLY_AST_UNLISTEN:
        put(o, "UNLISTEN ");
        put_if(o, ((const fly_ast_unlisten *)node)->channel == NULL, "*");
        name(o, "", ((const fly_ast_unlisten *)node)->channel);
        break;
    case FLY_AST_NOTIFY: {
        const fly_ast_notify *n = (const fly_ast_notify *)node;
        name(o, "NOTIFY ", n->channel);
        if (n->payload != NULL) {
            put(o, ", ");
            fly__sql_print_expr(o, n->payload);
        }
        break;
    }
    case FLY_AST_LOCK: {
        const fly_ast_lock *l = (const fly_ast_lock *)node;
        put(o, "LOCK TABLE ");
        fly__sql_print_list(o, &l->relations, fly__sql_print_relation);
        if (l->mode != NULL) {
            put(o, " IN ");
            put(o, l->mode);
            put(o, " MODE");
        }
        put_if(o, l->nowait, " NOWAIT");
        break;
    }
    case FLY_AST_DO: {
        const fly_ast_do *d = (const fly_ast_do *)node;
        put(o, "DO");
        name(o, " LANGUAGE ", d->language);
        put(o, " ");
        fly__sql_print_expr(o, d->code);
        break;
    }
    case FLY_AST_CALL_PROCEDURE:
        put(o, "CALL ");
        fly__sql_print_expr(o, ((const fly_ast_call_procedure *)node)->call);
        break;
    case FLY_AST_DISCARD: {
        static const char *const words[] = {"ALL", "PLANS", "SEQUENCES", "TEMPORARY"};
        put(o, "DISCARD ");
        put(o, words[((const fly_ast_discard *)node)->type]);
        break;
    }
    case FLY_AST_LOAD:
        put(o, "LOAD ");
        fly__sql_print_expr(o, ((const fly_ast_load *)node)->file);
        break;
    case FLY_AST_INSPECT:
        inspect(o, (const fly_ast_inspect *)node);
        break;
    case FLY_AST_USE:
        name(o, "USE ", ((const fly_ast_use *)node)->database);
        break;
    case FLY_AST_WATCH:
        watch(o, (const fly_ast_watch *)node);
        break;
    case FLY_AST_PRAGMA:
        pragma(o, (const fly_ast_pragma *)node);
        break;
    case FLY_AST_RETURN:
        put(o, "RETURN ");
        fly__sql_print_expr(o, ((const fly_ast_return *)node)->expr);
        break;
    default:
        break;
    }
}

/* Statements about rights, and those that change a property of any object. */
static void other_statement(fly_sql_text *o, const fly_ast *node)
{
    switch (node->kind) {
    case FLY_AST_CREATE_ROLE: {
        const fly_ast_create_role *r = (const fly_ast_create_role *)node;
        put(o, "CREATE ");
        put(o, object_words[r->type]);
        name(o, r->if_not_exists ? " IF NOT EXISTS " : " ", r->name);
        role_options(o, &r->options);
        break;
    }
    case FLY_AST_ALTER_ROLE:
        alter_role(o, (const fly_ast_alter_role *)node);
        break;
    case FLY_AST_CREATE_POLICY:
        create_policy(o, (const fly_ast_create_policy *)node);
        break;
    case FLY_AST_GRANT:
        grant(o, (const fly_ast_grant *)node);
        break;
    case FLY_AST_GRANT_ROLE:
        grant_role(o, (const fly_ast_grant_role *)node);
        break;
    case FLY_AST_ALTER_DEFAULTS:
        alter_defaults(o, (const fly_ast_alter_defaults *)node);
        break;
    case FLY_AST_REASSIGN: {
        const fly_ast_reassign *r = (const fly_ast_reassign *)node;
        put(o, r->drop ? "DROP OWNED BY " : "REASSIGN OWNED BY ");
        fly__sql_print_list(o, &r->roles, role);
        if (r->to != NULL) {
            put(o, " TO ");
            role(o, r->to);
        }
        cascade(o, r->cascade);
        break;
    }
    case FLY_AST_DROP:
        drop(o, (const fly_ast_drop *)node);
        break;
    case FLY_AST_RENAME:
        rename_statement(o, (const fly_ast_rename *)node);
        break;
    case FLY_AST_SET_SCHEMA: {
        const fly_ast_set_schema *s = (const fly_ast_set_schema *)node;
        put(o, "ALTER ");
        put(o, object_words[s->type]);
        put(o, s->if_exists ? " IF EXISTS " : " ");
        object(o, s->object);
        name(o, " SET SCHEMA ", s->schema);
        break;
    }
    case FLY_AST_SET_OWNER: {
        const fly_ast_set_owner *s = (const fly_ast_set_owner *)node;
        put(o, "ALTER ");
        put(o, object_words[s->type]);
        put(o, " ");
        object(o, s->object);
        put(o, " OWNER TO ");
        role(o, s->role);
        break;
    }
    case FLY_AST_COMMENT:
        comment(o, (const fly_ast_comment *)node);
        break;
    case FLY_AST_TRUNCATE: {
        const fly_ast_truncate *t = (const fly_ast_truncate *)node;
        put(o, "TRUNCATE TABLE ");
        fly__sql_print_list(o, &t->relations, fly__sql_print_relation);
        put_if(o, t->restart_identity, " RESTART IDENTITY");
        cascade(o, t->cascade);
        break;
    }
    case FLY_AST_COPY:
        copy(o, (const fly_ast_copy *)node);
        break;
    case FLY_AST_REFRESH: {
        const fly_ast_refresh *r = (const fly_ast_refresh *)node;
        put(o, "REFRESH MATERIALIZED VIEW ");
        put_if(o, r->concurrently, "CONCURRENTLY ");
        fly__sql_print_relation(o, r->relation);
        put_if(o, r->no_data, " WITH NO DATA");
        break;
    }
    default:
        session_statement(o, node);
        break;
    }
}

void fly__sql_print_statement(fly_sql_text *o, const fly_ast *node)
{
    switch (node->kind) {
    case FLY_AST_SELECT:
    case FLY_AST_INSERT:
    case FLY_AST_UPDATE:
    case FLY_AST_DELETE:
    case FLY_AST_MERGE:
        fly__sql_print_query(o, node);
        break;
    case FLY_AST_CREATE_TABLE:
        create_table(o, (const fly_ast_create_table *)node);
        break;
    case FLY_AST_CREATE_TABLE_AS:
        create_table_as(o, (const fly_ast_create_table_as *)node);
        break;
    case FLY_AST_CREATE_VIEW:
        create_view(o, (const fly_ast_create_view *)node);
        break;
    case FLY_AST_CREATE_INDEX:
        create_index(o, (const fly_ast_create_index *)node);
        break;
    case FLY_AST_CREATE_SEQUENCE: {
        const fly_ast_create_sequence *s = (const fly_ast_create_sequence *)node;
        put(o, "CREATE ");
        lasting(o, s->relation);
        put(o, s->if_not_exists ? "SEQUENCE IF NOT EXISTS " : "SEQUENCE ");
        fly__sql_print_relation(o, s->relation);
        sequence_options(o, &s->options);
        break;
    }
    case FLY_AST_ALTER_SEQUENCE: {
        const fly_ast_alter_sequence *s = (const fly_ast_alter_sequence *)node;
        put(o, s->if_exists ? "ALTER SEQUENCE IF EXISTS " : "ALTER SEQUENCE ");
        fly__sql_print_relation(o, s->relation);
        sequence_options(o, &s->options);
        break;
    }
    case FLY_AST_CREATE_SCHEMA: {
        const fly_ast_create_schema *s = (const fly_ast_create_schema *)node;
        put(o, s->if_not_exists ? "CREATE SCHEMA IF NOT EXISTS" : "CREATE SCHEMA");
        name(o, " ", s->name);
        if (s->owner != NULL) {
            put(o, " AUTHORIZATION ");
            role(o, s->owner);
        }
        for (uint32_t i = 0; i < s->elements.count; i++) {
            put(o, " ");
            fly__sql_print_query(o, s->elements.items[i]);
        }
        break;
    }
    case FLY_AST_CREATE_DATABASE: {
        const fly_ast_create_database *d = (const fly_ast_create_database *)node;
        name(o, d->if_not_exists ? "CREATE DATABASE IF NOT EXISTS " : "CREATE DATABASE ", d->name);
        database_options(o, &d->options);
        break;
    }
    case FLY_AST_ALTER_DATABASE:
        alter_database(o, (const fly_ast_alter_database *)node);
        break;
    case FLY_AST_CREATE_TYPE:
        create_type(o, (const fly_ast_create_type *)node);
        break;
    case FLY_AST_ALTER_ENUM:
        alter_enum(o, (const fly_ast_alter_enum *)node);
        break;
    case FLY_AST_CREATE_DOMAIN:
        create_domain(o, (const fly_ast_create_domain *)node);
        break;
    case FLY_AST_ALTER_DOMAIN: {
        const fly_ast_alter_domain *d = (const fly_ast_alter_domain *)node;
        const fly_ast_alter_action *a = (const fly_ast_alter_action *)d->action;
        put(o, "ALTER DOMAIN ");
        fly__sql_print_dotted(o, &d->name);
        put(o, " ");
        if (a->type == FLY_AST_ALTER_SET_DEFAULT) {
            put(o, "SET DEFAULT ");
            fly__sql_print_expr(o, a->expr);
        } else if (is_column_action(a->type)) {
            put(o, alter_words[a->type]);
        } else {
            alter_action(o, d->action);
        }
        break;
    }
    case FLY_AST_CREATE_FUNCTION:
        create_function(o, (const fly_ast_create_function *)node);
        break;
    case FLY_AST_ALTER_FUNCTION:
        alter_function(o, (const fly_ast_alter_function *)node);
        break;
    case FLY_AST_CREATE_TRIGGER:
        create_trigger(o, (const fly_ast_create_trigger *)node);
        break;
    case FLY_AST_CREATE_EXTENSION:
        create_extension(o, (const fly_ast_create_extension *)node);
        break;
    case FLY_AST_DEFINE:
        define(o, (const fly_ast_define *)node);
        break;
    case FLY_AST_ALTER_TABLE: {
        const fly_ast_alter_table *a = (const fly_ast_alter_table *)node;
        put(o, "ALTER ");
        put(o, object_words[a->type]);
        put(o, a->if_exists ? " IF EXISTS " : " ");
        fly__sql_print_relation(o, a->relation);
        put(o, " ");
        fly__sql_print_list(o, &a->actions, alter_action);
        break;
    }
    default:
        other_statement(o, node);
        break;
    }
}
