/*
 * What the catalog says: descriptions, visibility, definitions as SQL text, rights.
 *
 * These are what psql's \d and drivers ask for. Definitions of indexes and constraints are written
 * here; views, functions and triggers keep theirs as text.
 *
 * What is not here: the tables of pg_catalog themselves.
 */
#include "func/string_int.h"

#include "catalog/change_int.h"
#include "catalog/right_int.h"
#include "catalog/system_int.h"
#include "session/user_int.h"

#include <stdio.h>

static const fly__sql_catalog_view *view_of(const fly__sql_call *call)
{
    return fly__sql_view_of(call->session);
}

static fly_status give_name(fly__sql_call *call, const char *word, fly_vec_value *result)
{
    return word == NULL ? give_null(result) : fly__sql_give_copy(call, word, strlen(word), result);
}

static const fly__sql_table *table_of(const fly__sql_call *call, uint32_t oid)
{
    const fly__sql_catalog_view *view = view_of(call);
    return view != NULL ? fly__sql_table_of(view, oid) : NULL;
}

/* The index with an OID, and its table. */
static const fly__sql_index *index_of(const fly__sql_call *call, uint32_t oid,
                                      const fly__sql_table **table)
{
    const fly__sql_catalog_view *view = view_of(call);
    size_t at = 0;
    while (view != NULL && (*table = fly__sql_table_next(view, &at)) != NULL) {
        for (uint16_t i = 0; i < (*table)->index_count; i++) {
            if ((*table)->indexes[i]->oid == oid) {
                return (*table)->indexes[i];
            }
        }
    }
    return NULL;
}

static const fly__sql_constraint *constraint_of(const fly__sql_call *call, uint32_t oid,
                                                const fly__sql_table **table)
{
    const fly__sql_catalog_view *view = view_of(call);
    size_t at = 0;
    while (view != NULL && (*table = fly__sql_table_next(view, &at)) != NULL) {
        for (uint16_t i = 0; i < (*table)->constraint_count; i++) {
            if ((*table)->constraints[i]->oid == oid) {
                return (*table)->constraints[i];
            }
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------- descriptions */

static fly_status comment(fly__sql_call *call, uint32_t object, uint16_t column,
                          fly_vec_value *result)
{
    const fly__sql_catalog_view *view = view_of(call);
    const fly__sql_table *table = column == 0 ? table_of(call, object) : NULL;
    if (table != NULL && table->comment != NULL) {
        return give_name(call, table->comment, result);
    }
    size_t at = 0;
    const fly__sql_comment *each;
    while (view != NULL && (each = fly__sql_object_next(view, FLY__SQL_O_COMMENT, &at)) != NULL) {
        if (each->object == object && each->column == column) {
            return give_name(call, each->text, result);
        }
    }
    return give_null(result);
}

ROW(obj_description)
{
    bool of_role = call->argc == 2 && call->session != NULL && arg_bytes(&args[1]).len == 9 &&
                   memcmp(arg_bytes(&args[1]).data, "pg_authid", 9) == 0;
    if (of_role) {
        const fly__sql_role *role = fly__sql_role_of(call->session, (uint32_t)args[0].i32);
        return give_name(call, role == NULL ? NULL : role->comment, result);
    }
    return comment(call, (uint32_t)args[0].i32, 0, result);
}

ROW(col_description)
{
    return comment(call, (uint32_t)args[0].i32, (uint16_t)args[1].i32, result);
}

/* --------------------------------------------------------------------- visibility */

ROW(pg_table_is_visible)
{
    const fly__sql_catalog_view *view = view_of(call);
    const fly__sql_table *table = table_of(call, (uint32_t)args[0].i32);
    if (table != NULL) {
        return give_bool(result, fly__sql_table_named(view, NULL, table->name) == table);
    }
    const fly__sql_index *index = index_of(call, (uint32_t)args[0].i32, &table);
    if (index != NULL) {
        return give_bool(result, fly__sql_index_named(view, NULL, index->name) == index);
    }
    return give_null(result);
}

ROW(pg_type_is_visible)
{
    const fly__sql_catalog_view *view = view_of(call);
    uint32_t oid = (uint32_t)args[0].i32;
    if (fly__sql_type_info_of(oid) != NULL) {
        return give_bool(result, true);
    }
    const fly__sql_user_type *type = view != NULL ? fly__sql_user_type_of(view, oid) : NULL;
    return type == NULL
               ? give_null(result)
               : give_bool(result, fly__sql_user_type_named(view, NULL, type->name) == type);
}

ROW(pg_function_is_visible)
{
    const fly__sql_catalog_view *view = view_of(call);
    uint32_t oid = (uint32_t)args[0].i32;
    if (fly__sql_func_by_oid(oid) != NULL) {
        return give_bool(result, true);
    }
    const fly__sql_user_function *wanted = view != NULL ? fly__sql_user_function_of(view, oid)
                                                        : NULL;
    if (wanted == NULL) {
        return give_null(result);
    }
    size_t next = 0;
    const fly__sql_user_function *each;
    while ((each = fly__sql_user_function_next(view, NULL, wanted->name, &next)) != NULL) {
        if (each == wanted) {
            return give_bool(result, true);
        }
    }
    return give_bool(result, false);
}

/* ---------------------------------------------------------------------- names */

static fly_status to_reg(fly__sql_call *call, uint32_t type, const fly_vec_value *args,
                         fly_vec_value *result)
{
    uint32_t oid = 0;
    fly_status status = fly__sql_reg_in(call->session, type, arg_bytes(&args[0]), true, call->arena,
                                        &oid, call->err);
    if (status != FLY_OK) {
        return status;
    }
    return oid == 0 ? give_null(result) : give_i32(result, (int32_t)oid);
}

ROW(to_regclass)
{
    return to_reg(call, FLY_SQL_REGCLASS, args, result);
}

ROW(to_regtype)
{
    return to_reg(call, FLY_SQL_REGTYPE, args, result);
}

ROW(to_regproc)
{
    return to_reg(call, FLY_SQL_REGPROC, args, result);
}

ROW(to_regprocedure)
{
    return to_reg(call, FLY__SQL_OID_regprocedure, args, result);
}

ROW(to_regnamespace)
{
    return to_reg(call, FLY__SQL_OID_regnamespace, args, result);
}

/* text to regclass: as the type's input. */
ROW(text_to_regclass)
{
    uint32_t oid = 0;
    fly_status status = fly__sql_reg_in(call->session, FLY_SQL_REGCLASS, arg_bytes(&args[0]), false,
                                        call->arena, &oid, call->err);
    return status != FLY_OK ? status : give_i32(result, (int32_t)oid);
}

ROW(pg_get_userbyid)
{
    char room[FLY__SQL_NAME_MAX + 1];
    return call->session == NULL
               ? give_null(result)
               : give_name(call, fly__sql_role_name(call->session, (uint32_t)args[0].i32, room),
                           result);
}

ROW(pg_get_serial_sequence)
{
    const fly__sql_catalog_view *view = view_of(call);
    uint32_t oid = 0;
    fly_status status = fly__sql_reg_in(call->session, FLY_SQL_REGCLASS, arg_bytes(&args[0]), false,
                                        call->arena, &oid, call->err);
    const fly__sql_table *table = status == FLY_OK ? table_of(call, oid) : NULL;
    if (table == NULL) {
        return status != FLY_OK ? status : give_null(result);
    }
    fly_bytes name = arg_bytes(&args[1]);
    for (uint16_t i = 0; i < table->column_count; i++) {
        const fly__sql_column *column = &table->columns[i];
        if (column->dropped || !fly_bytes_equal(fly_bytes_str(column->name), name)) {
            continue;
        }
        const fly__sql_table *sequence =
            column->sequence != 0 ? fly__sql_table_of(view, column->sequence) : NULL;
        if (sequence == NULL) {
            return give_null(result);
        }
        fly_sql_text text = {.arena = call->arena};
        const fly__sql_schema *schema = fly__sql_schema_of(view, sequence->schema);
        fly__sql_put_ident(&text, fly_bytes_str(schema != NULL ? schema->name : "public"));
        fly__sql_text_put(&text, ".");
        fly__sql_put_ident(&text, fly_bytes_str(sequence->name));
        return fly__sql_give_text(call, &text, result);
    }
    return FAIL(call, "42703", "column \"%.*s\" of relation \"%s\" does not exist",
                (int)(name.len < 64 ? name.len : 64), (const char *)name.data, table->name);
}

/* -------------------------------------------------------------------- definitions */

static void put_table_name(fly__sql_call *call, fly_sql_text *text, const fly__sql_table *table,
                           bool always)
{
    const fly__sql_catalog_view *view = view_of(call);
    const fly__sql_schema *schema = fly__sql_schema_of(view, table->schema);
    if (schema != NULL && (always || fly__sql_table_named(view, NULL, table->name) != table)) {
        fly__sql_put_ident(text, fly_bytes_str(schema->name));
        fly__sql_text_put(text, ".");
    }
    fly__sql_put_ident(text, fly_bytes_str(table->name));
}

static const char *column_name(const fly__sql_table *table, uint16_t number)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].number == number) {
            return table->columns[i].name;
        }
    }
    return "?";
}

/* One column of an index; an expression stands in parentheses unless it is a call. */
static void put_index_column(fly_sql_text *text, const fly__sql_table *table,
                             const fly__sql_index_column *column, bool order)
{
    if (column->column != 0) {
        fly__sql_put_ident(text, fly_bytes_str(column_name(table, column->column)));
    } else {
        fly__sql_text_put(text, "(");
        fly__sql_text_put(text, column->expression);
        fly__sql_text_put(text, ")");
    }
    if (order && column->descending) {
        fly__sql_text_put(text, column->nulls_first ? " DESC" : " DESC NULLS LAST");
    } else if (order && column->nulls_first) {
        fly__sql_text_put(text, " NULLS FIRST");
    }
}

ROW(pg_get_indexdef)
{
    const fly__sql_table *table = NULL;
    const fly__sql_index *index = index_of(call, (uint32_t)args[0].i32, &table);
    fly_sql_text text = {.arena = call->arena};
    if (index == NULL) {
        return give_null(result);
    }
    if (call->argc > 1 && args[1].i32 != 0) {
        if (args[1].i32 < 1 || args[1].i32 > index->column_count) {
            return give_bytes(result, fly_bytes_str(""));
        }
        put_index_column(&text, table, &index->columns[args[1].i32 - 1], false);
        return fly__sql_give_text(call, &text, result);
    }
    fly__sql_text_put(&text, index->unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ");
    fly__sql_put_ident(&text, fly_bytes_str(index->name));
    fly__sql_text_put(&text, " ON ");
    put_table_name(call, &text, table, call->argc == 1);
    fly__sql_text_put(&text, " USING btree (");
    for (uint16_t i = 0; i < index->column_count; i++) {
        if (i > 0) {
            fly__sql_text_put(&text, i == index->key_count ? ") INCLUDE (" : ", ");
        }
        put_index_column(&text, table, &index->columns[i], i < index->key_count);
    }
    fly__sql_text_put(&text, ")");
    if (index->nulls_not_distinct) {
        fly__sql_text_put(&text, " NULLS NOT DISTINCT");
    }
    if (index->predicate != NULL) {
        fly__sql_text_put(&text, " WHERE (");
        fly__sql_text_put(&text, index->predicate);
        fly__sql_text_put(&text, ")");
    }
    return fly__sql_give_text(call, &text, result);
}

static void put_columns(fly_sql_text *text, const fly__sql_table *table, const uint16_t *columns,
                        uint16_t count)
{
    fly__sql_text_put(text, "(");
    for (uint16_t i = 0; i < count; i++) {
        fly__sql_text_put(text, i > 0 ? ", " : "");
        fly__sql_put_ident(text, fly_bytes_str(column_name(table, columns[i])));
    }
    fly__sql_text_put(text, ")");
}

static const char *action_name(char action)
{
    switch (action) {
    case 'r':
        return "RESTRICT";
    case 'c':
        return "CASCADE";
    case 'n':
        return "SET NULL";
    case 'd':
        return "SET DEFAULT";
    default:
        return NULL; /* NO ACTION is not written */
    }
}

static void put_foreign(fly__sql_call *call, fly_sql_text *text, const fly__sql_table *table,
                        const fly__sql_constraint *constraint)
{
    const fly__sql_table *other = table_of(call, constraint->foreign_table);
    fly__sql_text_put(text, "FOREIGN KEY ");
    put_columns(text, table, constraint->columns, constraint->count);
    fly__sql_text_put(text, " REFERENCES ");
    if (other != NULL) {
        put_table_name(call, text, other, false);
        put_columns(text, other, constraint->foreign_columns, constraint->count);
    }
    if (constraint->match == 'f') {
        fly__sql_text_put(text, " MATCH FULL");
    }
    if (action_name(constraint->on_update) != NULL) {
        fly__sql_text_put(text, " ON UPDATE ");
        fly__sql_text_put(text, action_name(constraint->on_update));
    }
    if (action_name(constraint->on_delete) != NULL) {
        fly__sql_text_put(text, " ON DELETE ");
        fly__sql_text_put(text, action_name(constraint->on_delete));
    }
}

/* Columns of a primary key or unique constraint: those of the index behind it. */
static void put_key(fly_sql_text *text, const fly__sql_table *table,
                    const fly__sql_constraint *constraint)
{
    uint16_t columns[FLY__SQL_INDEX_COLUMNS_MAX];
    uint16_t count = 0;
    for (uint16_t i = 0; i < table->index_count; i++) {
        const fly__sql_index *index = table->indexes[i];
        for (uint16_t k = 0; index->oid == constraint->index && k < index->key_count; k++) {
            columns[count++] = index->columns[k].column;
        }
    }
    if (constraint->count > 0) {
        put_columns(text, table, constraint->columns, constraint->count);
    } else {
        put_columns(text, table, columns, count);
    }
}

static void put_check(fly_sql_text *text, const char *check, bool pretty)
{
    fly__sql_text_put(text, pretty ? "CHECK (" : "CHECK ((");
    fly__sql_text_put(text, check);
    fly__sql_text_put(text, pretty ? ")" : "))");
}

/* What a check of a domain says; NULL: it is none. */
static const char *domain_check(const fly__sql_call *call, uint32_t oid)
{
    const fly__sql_catalog_view *view = view_of(call);
    const fly__sql_user_type *type;
    size_t at = 0;
    while (view != NULL && (type = fly__sql_user_type_next(view, &at)) != NULL) {
        for (uint16_t i = 0; i < type->check_count; i++) {
            if (fly__sql_part_oid(type->oid, i) == oid) {
                return type->checks[i];
            }
        }
    }
    return NULL;
}

ROW(pg_get_constraintdef)
{
    const fly__sql_table *table = NULL;
    const fly__sql_constraint *constraint = constraint_of(call, (uint32_t)args[0].i32, &table);
    fly_sql_text text = {.arena = call->arena};
    if (constraint == NULL) {
        const char *check = domain_check(call, (uint32_t)args[0].i32);
        if (check == NULL) {
            return give_null(result);
        }
        put_check(&text, check, call->argc > 1 && args[1].b);
        return fly__sql_give_text(call, &text, result);
    }
    switch (constraint->kind) {
    case FLY__SQL_CHECK:
        put_check(&text, constraint->check, call->argc > 1 && args[1].b);
        break;
    case FLY__SQL_FOREIGN:
        put_foreign(call, &text, table, constraint);
        break;
    default:
        fly__sql_text_put(&text, constraint->kind == FLY__SQL_PRIMARY ? "PRIMARY KEY " : "UNIQUE ");
        put_key(&text, table, constraint);
    }
    if (constraint->deferrable) {
        fly__sql_text_put(&text,
                          constraint->deferred ? " DEFERRABLE INITIALLY DEFERRED" : " DEFERRABLE");
    }
    if (!constraint->validated) {
        fly__sql_text_put(&text, " NOT VALID");
    }
    return fly__sql_give_text(call, &text, result);
}

/* ---------------------------------------------------------------- names in kept texts */

/*
 * A text that is kept with something of a schema names things as its schema sees them. Whoever is shown it
 * may have another search path: then a name that would mean something else, or nothing, is given its
 * schema, as PostgreSQL does.
 */
struct namer {
    const fly__sql_catalog_view *within; /* what the names mean, */
    const fly__sql_catalog_view *view;   /* and to who is shown them */
    fly_arena *arena;
    const char *ctes[32]; /* names that are no tables */
    uint32_t cte_count;
};

static bool note_cte(void *ctx, fly_ast *node)
{
    struct namer *namer = ctx;
    uint32_t room = sizeof namer->ctes / sizeof namer->ctes[0];
    if (node->kind == FLY_AST_CTE && namer->cte_count < room) {
        namer->ctes[namer->cte_count++] = ((const fly_ast_cte *)node)->name;
    }
    return true;
}

static bool is_cte(const struct namer *namer, const char *name)
{
    for (uint32_t i = 0; i < namer->cte_count; i++) {
        if (strcmp(namer->ctes[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void name_relation(const struct namer *namer, fly_ast_relation *relation)
{
    if (relation->schema != NULL || is_cte(namer, relation->name)) {
        return;
    }
    const fly__sql_table *meant = fly__sql_table_named(namer->within, NULL, relation->name);
    if (meant != NULL && meant != fly__sql_table_named(namer->view, NULL, relation->name)) {
        relation->schema = fly__sql_schema_of(namer->view, meant->schema)->name;
    }
}

/* One name becomes two. */
static void put_before(const struct namer *namer, fly_ast_names *names, uint32_t schema)
{
    const char **both = fly_arena_alloc(namer->arena, 2 * sizeof *both);
    if (both != NULL) {
        both[0] = fly__sql_schema_of(namer->view, schema)->name;
        both[1] = names->items[0];
        *names = (fly_ast_names){.items = both, .count = 2};
    }
}

static void name_function(const struct namer *namer, fly_ast_names *names)
{
    size_t built_in = 0;
    size_t at = 0;
    if (names->count != 1 ||
        (fly__sql_funcs_named(names->items[0], &built_in) != NULL && built_in > 0)) {
        return;
    }
    const fly__sql_user_function *meant =
        fly__sql_user_function_next(namer->within, NULL, names->items[0], &at);
    at = 0;
    const fly__sql_user_function *seen =
        fly__sql_user_function_next(namer->view, NULL, names->items[0], &at);
    if (meant != NULL && (seen == NULL || seen->schema != meant->schema)) {
        put_before(namer, names, meant->schema);
    }
}

static void name_type(const struct namer *namer, fly_ast_names *names)
{
    if (names->count != 1 || fly__sql_type_info_named(names->items[0]) != NULL) {
        return;
    }
    const fly__sql_user_type *meant =
        fly__sql_user_type_named(namer->within, NULL, names->items[0]);
    if (meant != NULL && meant != fly__sql_user_type_named(namer->view, NULL, names->items[0])) {
        put_before(namer, names, meant->schema);
    }
}

static bool name_node(void *ctx, fly_ast *node)
{
    const struct namer *namer = ctx;
    switch (node->kind) {
    case FLY_AST_RELATION:
        name_relation(namer, (fly_ast_relation *)node);
        break;
    case FLY_AST_CALL:
        name_function(namer, &((fly_ast_call *)node)->name);
        break;
    case FLY_AST_CREATE_TRIGGER:
        name_function(namer, &((fly_ast_create_trigger *)node)->function);
        break;
    case FLY_AST_TYPE:
        name_type(namer, &((fly_ast_type *)node)->names);
        break;
    default:
        break;
    }
    return true;
}

/* A text of a schema, an expression or a statement, as the caller is to be shown it. What cannot be parsed
 * is shown as it is. */
static fly_status give_named(fly__sql_call *call, uint32_t schema, const char *text, bool statement,
                             const char *before, const char *behind, fly_vec_value *result)
{
    struct namer namer = {.view = view_of(call), .arena = call->arena};
    fly_sql_text out = {.arena = call->arena};
    fly_sql_statements statements = {0};
    fly_ast *node = NULL;
    fly_bytes shown = fly_bytes_str(text);
    namer.within = fly__sql_view_within(namer.view, schema, call->arena);
    fly_status status = namer.within == NULL ? FLY_E_NO_MEMORY
                        : statement ? fly__sql_parse(call->arena, shown, NULL, &statements, NULL)
                                    : fly__sql_parse_expr(call->arena, shown, NULL, &node, NULL);
    if (status == FLY_OK && statement) {
        node = statements.count == 1 ? statements.items[0].node : NULL;
    }
    if (status == FLY_OK && node != NULL) {
        fly__sql_ast_walk(node, note_cte, &namer);
        fly__sql_ast_walk(node, name_node, &namer);
        if (fly__sql_print(call->arena, node, &shown, NULL) != FLY_OK) {
            shown = fly_bytes_str(text);
        }
    }
    fly__sql_text_put(&out, before);
    fly__sql_text_add(&out, (const char *)shown.data, shown.len);
    fly__sql_text_put(&out, behind);
    return fly__sql_give_text(call, &out, result);
}

/* Expressions of the catalog are SQL text already. */
ROW(pg_get_expr)
{
    const fly__sql_table *table = table_of(call, (uint32_t)args[1].i32);
    fly_bytes given = arg_bytes(&args[0]);
    char *text = table == NULL ? NULL : fly_arena_alloc(call->arena, given.len + 1);
    if (text == NULL) {
        return give_str(result, args[0].str);
    }
    memcpy(text, given.data, given.len);
    text[given.len] = '\0';
    return give_named(call, table->schema, text, false, "", "", result);
}

ROW(pg_get_viewdef)
{
    uint32_t oid = (uint32_t)args[0].i32;
    if (call->types[0].oid == FLY_SQL_TEXT) {
        fly_status status = fly__sql_reg_in(call->session, FLY_SQL_REGCLASS, arg_bytes(&args[0]),
                                            false, call->arena, &oid, call->err);
        if (status != FLY_OK) {
            return status;
        }
    }
    const fly__sql_table *table = table_of(call, oid);
    if (table == NULL || table->view_text == NULL) {
        return table == NULL ? give_null(result) : give_bytes(result, fly_bytes_str("Not a view"));
    }
    return give_named(call, table->schema, table->view_text, true, " ", ";", result);
}

ROW(pg_get_triggerdef)
{
    const fly__sql_catalog_view *view = view_of(call);
    const fly__sql_table *table;
    size_t at = 0;
    while (view != NULL && (table = fly__sql_table_next(view, &at)) != NULL) {
        for (uint16_t i = 0; i < table->trigger_count; i++) {
            if (table->triggers[i]->oid == (uint32_t)args[0].i32) {
                return give_named(call, table->schema, table->triggers[i]->definition, true, "", "",
                                  result);
            }
        }
    }
    return give_null(result);
}

static const fly__sql_user_function *function_of(const fly__sql_call *call,
                                                 const fly_vec_value *args)
{
    const fly__sql_catalog_view *view = view_of(call);
    return view != NULL ? fly__sql_user_function_of(view, (uint32_t)args[0].i32) : NULL;
}

ROW(pg_get_functiondef)
{
    const fly__sql_user_function *function = function_of(call, args);
    return function == NULL ? give_null(result) : give_name(call, function->definition, result);
}

/* Arguments of a function of a user's or of ours; `defaults`: those too. */
static fly_status arguments(fly__sql_call *call, bool defaults, const fly_vec_value *args,
                            fly_vec_value *result)
{
    const fly__sql_catalog_view *view = view_of(call);
    const fly__sql_user_function *user = function_of(call, args);
    const fly__sql_func *func = user == NULL ? fly__sql_func_by_oid((uint32_t)args[0].i32) : NULL;
    fly_sql_text text = {.arena = call->arena};
    if (user == NULL && func == NULL) {
        return give_null(result);
    }
    uint32_t count = user != NULL ? user->all_count : func->argc;
    bool first = true;
    for (uint32_t i = 0; i < count; i++) {
        char mode = user != NULL ? user->modes[i] : 'i';
        if (mode == 't' || (mode == 'o' && !defaults)) {
            continue;
        }
        fly__sql_text_put(&text, first ? "" : ", ");
        first = false;
        fly__sql_text_put(&text, mode == 'o'   ? "OUT "
                                 : mode == 'b' ? "INOUT "
                                 : mode == 'v' ? "VARIADIC "
                                               : "");
        if (user != NULL && user->names[i][0] != '\0') {
            fly__sql_put_ident(&text, fly_bytes_str(user->names[i]));
            fly__sql_text_put(&text, " ");
        }
        fly__sql_put_type(&text, view, user != NULL ? user->types[i].oid : func->args[i], -1);
        if (defaults && user != NULL && user->defaults[i] != NULL) {
            fly__sql_text_put(&text, " DEFAULT ");
            fly__sql_text_put(&text, user->defaults[i]);
        }
    }
    return fly__sql_give_text(call, &text, result);
}

ROW(pg_get_function_arguments)
{
    return arguments(call, true, args, result);
}

ROW(pg_get_function_identity_arguments)
{
    return arguments(call, false, args, result);
}

ROW(pg_get_function_result)
{
    const fly__sql_catalog_view *view = view_of(call);
    const fly__sql_user_function *user = function_of(call, args);
    const fly__sql_func *func = user == NULL ? fly__sql_func_by_oid((uint32_t)args[0].i32) : NULL;
    fly_sql_text text = {.arena = call->arena};
    if ((user == NULL && func == NULL) || (user != NULL && user->procedure)) {
        return give_null(result);
    }
    bool set = user != NULL ? user->returns_set : func->kind == FLY__SQL_SET;
    fly__sql_text_put(&text, set ? "SETOF " : "");
    fly__sql_put_type(&text, view, user != NULL ? user->result.oid : func->result, -1);
    return fly__sql_give_text(call, &text, result);
}
