/*
 * DROP and TRUNCATE.
 *
 * What depends on what is found by looking: a view depends on the relations that its text names, a
 * foreign key on the table that it points to. RESTRICT refuses to drop what something depends on,
 * CASCADE drops that too, a view with what depends on it, of a foreign key the constraint.
 */
#include "session/ddl_int.h"

#include "catalog/change_int.h"
#include "catalog/right_int.h"
#include "catalog/system_int.h"
#include "exec/change_int.h"
#include "session/lock_int.h"
#include "session/role_int.h"

#include <string.h>

/* ---------------------------------------------------------------- dependencies */

/* Whether a tree names a relation. */
struct search {
    const fly__sql_catalog_view *view;
    uint32_t oid;
    bool found;
};

static bool see_relation(void *ctx, fly_ast *node)
{
    struct search *search = ctx;
    if (node->kind == FLY_AST_RELATION) {
        const fly_ast_relation *relation = (const fly_ast_relation *)node;
        const fly__sql_table *table =
            fly__sql_table_named(search->view, relation->schema, relation->name);
        search->found = search->found || (table != NULL && table->oid == search->oid);
    }
    return !search->found;
}

static fly_status view_names(fly_sql_stmt *stmt, const fly__sql_table *view, uint32_t oid,
                             bool *found, fly_err *err)
{
    fly_sql_statements statements = {0};
    struct search search = {.view = stmt->session->view, .oid = oid};
    fly_status status =
        fly__sql_parse(&stmt->line_arena, fly_bytes_str(view->view_text), NULL, &statements, err);
    if (status == FLY_OK && statements.count > 0) {
        fly__sql_ast_walk(statements.items[0].node, see_relation, &search);
    }
    *found = search.found;
    return status;
}

/* The next view, from `*at` on, that depends on a relation; NULL: no other. */
static fly_status next_view(fly_sql_stmt *stmt, uint32_t oid, size_t *at,
                            const fly__sql_table **view, fly_err *err)
{
    fly_status status = FLY_OK;
    bool found = false;
    do {
        *view = fly__sql_table_next(stmt->session->view, at);
        found = *view == NULL;
        if (*view != NULL && (*view)->view_text != NULL && (*view)->oid != oid) {
            status = view_names(stmt, *view, oid, &found, err);
        }
    } while (status == FLY_OK && !found);
    return status;
}

static fly_status depended(const fly__sql_table *table, const char *what, const char *name,
                           fly_err *err)
{
    const char *class = fly__sql_class_name(table->class);
    fly_status status = fly_err_state(err, "2BP01", 0,
                                      "cannot drop %s %s because other objects depend on it", class,
                                      table->name);
    fly_err_detail(err, "%s %s depends on %s %s", what, name, class, table->name);
    fly_err_hint(err, "Use DROP ... CASCADE to drop the dependent objects too.");
    return status;
}

/* -------------------------------------------------------------------- tables */

static fly_status drop_tree(fly_sql_session *session, const char *name, fly_err *err)
{
    fly_status status = fly_txn_tree_drop(session->txn, name, err);
    return status == FLY_E_NOT_FOUND ? FLY_OK : status; /* nothing was ever put into it */
}

/* Take a foreign key out of the table that it points to. */
fly_status fly__sql_forget_referrer(fly_sql_session *session, const fly__sql_constraint *constraint,
                                    fly_err *err)
{
    const fly__sql_table *other = fly__sql_table_of(session->view, constraint->foreign_table);
    if (other == NULL || other->oid == constraint->table) {
        return FLY_OK;
    }
    fly_arena arena;
    fly_arena_init(&arena, &session->account.mem, 0);
    fly__sql_table *copy = fly__sql_table_copy(other, 0, &arena);
    fly_status status = copy == NULL ? fly_err_set(err, FLY_E_NO_MEMORY, "out of memory") : FLY_OK;
    if (status == FLY_OK) {
        const fly__sql_constraint **list;
        memcpy(&list, &copy->referrers, sizeof list);
        uint16_t kept = 0;
        for (uint16_t i = 0; i < copy->referrer_count; i++) {
            if (list[i]->oid != constraint->oid) {
                list[kept++] = list[i];
            }
        }
        copy->referrer_count = kept;
        status = fly__sql_change_put(session, FLY__SQL_O_TABLE, copy, err);
    }
    fly_arena_deinit(&arena);
    return status;
}

/* Take a foreign key out of the table that has it. */
static fly_status drop_foreign(fly_sql_session *session, const fly__sql_constraint *constraint,
                               fly_err *err)
{
    const fly__sql_table *table = fly__sql_table_of(session->view, constraint->table);
    fly_arena arena;
    fly_arena_init(&arena, &session->account.mem, 0);
    fly__sql_table *copy = fly__sql_table_copy(table, 0, &arena);
    fly_status status = copy == NULL ? fly_err_set(err, FLY_E_NO_MEMORY, "out of memory") : FLY_OK;
    if (status == FLY_OK) {
        const fly__sql_constraint **list;
        memcpy(&list, &copy->constraints, sizeof list);
        uint16_t kept = 0;
        for (uint16_t i = 0; i < copy->constraint_count; i++) {
            if (list[i]->oid != constraint->oid) {
                list[kept++] = list[i];
            }
        }
        copy->constraint_count = kept;
        status = fly__sql_change_put(session, FLY__SQL_O_TABLE, copy, err);
    }
    fly_arena_deinit(&arena);
    return status;
}

fly_status fly__sql_drop_table(fly_sql_session *session, const fly__sql_table *table, fly_err *err)
{
    uint32_t oid = table->oid;
    fly_status status = FLY_OK;
    for (uint16_t i = 0; i < table->constraint_count && status == FLY_OK; i++) {
        if (table->constraints[i]->kind == FLY__SQL_FOREIGN) {
            status = fly__sql_forget_referrer(session, table->constraints[i], err);
        }
    }
    for (uint16_t i = 0; i < table->column_count && status == FLY_OK; i++) {
        uint32_t sequence = table->columns[i].sequence;
        if (sequence != 0) {
            status = fly__sql_change_remove(session, FLY__SQL_O_SEQUENCE, sequence, err);
            if (status == FLY_OK) {
                status = fly__sql_change_remove(session, FLY__SQL_O_TABLE, sequence, err);
            }
        }
    }
    for (uint16_t i = 0; i < table->index_count && status == FLY_OK; i++) {
        if (!table->indexes[i]->clustered) {
            status = drop_tree(session, table->indexes[i]->tree, err);
        }
    }
    if (status == FLY_OK && table->tree != NULL) {
        status = drop_tree(session, table->tree, err);
    }
    if (status == FLY_OK && table->class == FLY__SQL_SEQUENCE) {
        status = fly__sql_change_remove(session, FLY__SQL_O_SEQUENCE, oid, err);
    }
    return status == FLY_OK ? fly__sql_change_remove(session, FLY__SQL_O_TABLE, oid, err) : status;
}

static const char *schema_of(const fly_ast_object *object)
{
    return object->names.count > 1 ? object->names.items[object->names.count - 2] : NULL;
}

static const char *name_of(const fly_ast_object *object)
{
    return object->names.items[object->names.count - 1];
}

/* The relation that a DROP of relations names; NULL. */
static const fly__sql_table *relation_named(fly_sql_stmt *stmt, const fly_ast_drop *drop,
                                            uint32_t i)
{
    bool relations = drop->type == FLY_AST_OBJECT_TABLE || drop->type == FLY_AST_OBJECT_VIEW ||
                     drop->type == FLY_AST_OBJECT_MATVIEW;
    if (!relations) {
        return NULL;
    }
    const fly_ast_object *object = (const fly_ast_object *)drop->objects.items[i];
    return fly__sql_table_named(stmt->session->view, schema_of(object), name_of(object));
}

static bool is_named(fly_sql_stmt *stmt, const fly_ast_drop *drop, uint32_t oid)
{
    bool named = false;
    for (uint32_t i = 0; drop != NULL && !named && i < drop->objects.count; i++) {
        const fly__sql_table *table = relation_named(stmt, drop, i);
        named = table != NULL && table->oid == oid;
    }
    return named;
}

/* With `drop`, what depends on the relation and is named there too may go as well. */
static fly_status drop_relation(fly_sql_stmt *stmt, const fly_ast_drop *drop,
                                const fly__sql_table *table, bool cascade, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    uint32_t oid = table->oid;
    if (session->compat.drop_dependents_keep) {
        return fly__sql_drop_table(session, table, err);
    }
    for (;;) {
        size_t at = 0;
        const fly__sql_table *view = NULL;
        fly_status status = next_view(stmt, oid, &at, &view, err);
        if (status == FLY_OK && view != NULL && is_named(stmt, drop, view->oid)) {
            status = drop_relation(stmt, drop, view, cascade, err);
        } else if (status == FLY_OK && view != NULL && !cascade) {
            status = depended(table, fly__sql_class_name(view->class), view->name, err);
        } else if (status == FLY_OK && view != NULL) {
            fly__sql_notice(session, "NOTICE", "00000", "drop cascades to %s %s",
                            fly__sql_class_name(view->class), view->name);
            status = drop_relation(stmt, drop, view, true, err);
        }
        if (status != FLY_OK) {
            return status;
        }
        if (view == NULL) {
            break;
        }
    }
    table = fly__sql_table_of(session->view, oid);
    for (uint16_t i = 0; i < table->referrer_count; i++) {
        const fly__sql_constraint *constraint = table->referrers[i];
        if (constraint->table == oid) {
            continue;
        }
        bool named = is_named(stmt, drop, constraint->table);
        if (!cascade && !named) {
            return depended(table, "constraint", constraint->name, err);
        }
        if (!named) {
            fly__sql_notice(session, "NOTICE", "00000", "drop cascades to constraint %s",
                            constraint->name);
        }
        fly_status status = drop_foreign(session, constraint, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return fly__sql_drop_table(session, fly__sql_table_of(session->view, oid), err);
}

/* -------------------------------------------------------------------- objects */

static fly_status not_there(fly_sql_stmt *stmt, const fly_ast_drop *node, const char *what,
                            const char *name, const char *sqlstate, fly_err *err)
{
    if (node->if_exists) {
        fly__sql_notice(stmt->session, "NOTICE", "00000", "%s \"%s\" does not exist, skipping",
                        what, name);
        return FLY_OK;
    }
    return fly_err_state(err, sqlstate, 0, "%s \"%s\" does not exist", what, name);
}

/* A default that draws from a sequence depends on it: refused, or, CASCADE, the default goes. */
static fly_status release_sequence(fly_sql_stmt *stmt, const fly__sql_table *sequence, bool cascade,
                                   fly_err *err)
{
    const char *name = fly__sql_ddl_quoted(stmt, sequence->name, err);
    const char *call = name == NULL ? NULL : fly__sql_ddl_format(stmt, err, ".%s'", name);
    const char *plain = name == NULL ? NULL : fly__sql_ddl_format(stmt, err, "nextval('%s'", name);
    if (call == NULL || plain == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (;;) {
        size_t at = 0;
        const fly__sql_table *table;
        uint16_t column = 0;
        while (column == 0 && (table = fly__sql_table_next(stmt->session->view, &at)) != NULL) {
            for (uint16_t i = 0; i < table->column_count && column == 0; i++) {
                const char *text = table->columns[i].default_text;
                bool uses = text != NULL &&
                            (strstr(text, call) != NULL || strstr(text, plain) != NULL);
                uses = uses || (table->columns[i].identity != 0 &&
                                table->columns[i].sequence == sequence->oid);
                column = uses ? (uint16_t)(i + 1) : 0;
            }
        }
        if (column == 0) {
            return FLY_OK;
        }
        if (!cascade || table->columns[column - 1].identity != 0) {
            fly_status status = fly_err_state(
                err, "2BP01", 0, "cannot drop sequence %s because other objects depend on it",
                sequence->name);
            fly_err_detail(err, "default value for column %s of table %s depends on sequence %s",
                           table->columns[column - 1].name, table->name, sequence->name);
            fly_err_hint(err, "Use DROP ... CASCADE to drop the dependent objects too.");
            return status;
        }
        fly__sql_table *copy = fly__sql_table_copy(table, 0, &stmt->line_arena);
        if (copy == NULL) {
            return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
        }
        fly__sql_column *columns;
        memcpy(&columns, &copy->columns, sizeof columns);
        columns[column - 1].default_text = NULL;
        columns[column - 1].sequence = 0;
        fly_status status = fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, copy, err);
        if (status != FLY_OK) {
            return status;
        }
    }
}

static fly_status drop_one_relation(fly_sql_stmt *stmt, const fly_ast_drop *node,
                                    const fly_ast_object *object, char class, fly_err *err)
{
    const fly__sql_table *table =
        fly__sql_table_named(stmt->session->view, schema_of(object), name_of(object));
    const char *what = fly__sql_class_name(class);
    if (table == NULL) {
        return not_there(stmt, node, what, name_of(object), "42P01", err);
    }
    if (table->class != class) {
        fly_status status = fly_err_state(err, "42809", 0, "\"%s\" is not a %s", table->name, what);
        fly_err_hint(err, "Use DROP %s to remove a %s.",
                     table->class == FLY__SQL_VIEW       ? "VIEW"
                     : table->class == FLY__SQL_SEQUENCE ? "SEQUENCE"
                     : table->class == FLY__SQL_MATVIEW  ? "MATERIALIZED VIEW"
                                                         : "TABLE",
                     fly__sql_class_name(table->class));
        return status;
    }
    fly_status held = fly__sql_ddl_named(stmt, &object->names, 0, NULL, &table, err);
    if (held != FLY_OK) {
        return held;
    }
    if (class == FLY__SQL_SEQUENCE) {
        fly_status status = release_sequence(stmt, table, node->cascade, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return drop_relation(stmt, node, table, node->cascade, err);
}

static fly_status drop_index(fly_sql_stmt *stmt, const fly_ast_drop *node,
                             const fly_ast_object *object, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    const fly__sql_index *index =
        fly__sql_index_named(session->view, schema_of(object), name_of(object));
    if (index == NULL) {
        return not_there(stmt, node, "index", name_of(object), "42704", err);
    }
    fly_status held = fly__sql_table_lock(session, index->table, index->name,
                                          FLY__SQL_LOCK_ACCESS_EXCLUSIVE, false, NULL, err);
    if (held != FLY_OK) {
        return held;
    }
    const fly__sql_table *table = fly__sql_table_of(session->view, index->table);
    fly__sql_secured secured = fly__sql_secured_table(table);
    secured.name = index->name;
    secured.kind = "index";
    fly_status owns = fly__sql_need_owner(session, &secured, err);
    if (owns != FLY_OK) {
        return owns;
    }
    for (uint16_t i = 0; i < table->constraint_count; i++) {
        if (table->constraints[i]->index == index->oid &&
            table->constraints[i]->kind != FLY__SQL_FOREIGN) {
            fly_status status =
                fly_err_state(err, "2BP01", 0,
                              "cannot drop index %s because constraint %s on table %s requires "
                              "it",
                              index->name, table->constraints[i]->name, table->name);
            fly_err_hint(err, "You can drop constraint %s on table %s instead.",
                         table->constraints[i]->name, table->name);
            return status;
        }
    }
    fly__sql_table *copy = fly__sql_table_copy(table, 0, &stmt->line_arena);
    if (copy == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    const fly__sql_index **list;
    memcpy(&list, &copy->indexes, sizeof list);
    uint16_t kept = 0;
    for (uint16_t i = 0; i < copy->index_count; i++) {
        if (list[i]->oid != index->oid) {
            list[kept++] = list[i];
        }
    }
    copy->index_count = kept;
    fly_status status = drop_tree(session, index->tree, err);
    return status == FLY_OK ? fly__sql_change_put(session, FLY__SQL_O_TABLE, copy, err) : status;
}

/* Columns of a type, or of arrays of it. */
static const fly__sql_table *user_of_type(const fly__sql_catalog_view *view,
                                          const fly__sql_user_type *type, const char **column)
{
    size_t at = 0;
    const fly__sql_table *table;
    while ((table = fly__sql_table_next(view, &at)) != NULL) {
        for (uint16_t i = 0; i < table->column_count; i++) {
            uint32_t oid = table->columns[i].type.oid;
            if (!table->columns[i].dropped && (oid == type->oid || oid == type->array_oid)) {
                *column = table->columns[i].name;
                return table;
            }
        }
    }
    return NULL;
}

static fly_status drop_this_type(fly_sql_stmt *stmt, const fly__sql_user_type *type, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    const fly__sql_secured secured = fly__sql_secured_type(type);
    fly_status owns = fly__sql_need_owner(session, &secured, err);
    if (owns != FLY_OK) {
        return owns;
    }
    const char *column = NULL;
    const fly__sql_table *user = user_of_type(session->view, type, &column);
    if (user != NULL) {
        fly_status status = fly_err_state(
            err, "2BP01", 0, "cannot drop type %s because other objects depend on it", type->name);
        fly_err_detail(err, "column %s of table %s depends on type %s", column, user->name,
                       type->name);
        fly_err_hint(err, "Use DROP ... CASCADE to drop the dependent objects too.");
        return status;
    }
    fly_status status = FLY_OK;
    if (type->table != 0) {
        status = fly__sql_change_remove(session, FLY__SQL_O_TABLE, type->table, err);
    }
    return status == FLY_OK ? fly__sql_change_remove(session, FLY__SQL_O_TYPE, type->oid, err)
                            : status;
}

static fly_status drop_type(fly_sql_stmt *stmt, const fly_ast_drop *node,
                            const fly_ast_object *object, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    const fly_ast_type *name = (const fly_ast_type *)object->type;
    const fly_ast_names *names = name != NULL ? &name->names : &object->names;
    const char *last = names->items[names->count - 1];
    const fly__sql_user_type *type = fly__sql_user_type_named(
        session->view, names->count > 1 ? names->items[names->count - 2] : NULL, last);
    if (type == NULL) {
        return not_there(stmt, node, "type", last, "42704", err);
    }
    return drop_this_type(stmt, type, err);
}

uint32_t fly__sql_ddl_function(fly_sql_stmt *stmt, const fly_ast_object *object,
                               const fly__sql_user_function **function)
{
    fly_sql_session *session = stmt->session;
    const fly__sql_user_function *found = NULL;
    const fly__sql_user_function *candidate;
    size_t next = 0;
    uint32_t count = 0;
    while ((candidate = fly__sql_user_function_next(session->view, schema_of(object),
                                                    name_of(object), &next)) != NULL) {
        bool fits = true;
        if (object->has_args) {
            fits = candidate->func->argc == object->args.count;
            for (uint32_t i = 0; i < object->args.count && fits; i++) {
                const fly_ast_function_param *param =
                    (const fly_ast_function_param *)object->args.items[i];
                fly_sql_type type;
                fly__sql_bind_context context = {
                    .session = session, .view = session->view, .arena = &stmt->line_arena};
                fits = fly__sql_bind_type(&context, param->type, &type, NULL) == FLY_OK &&
                       candidate->func->args[i] == type.oid;
            }
        }
        if (fits) {
            found = candidate;
            count++;
        }
    }
    *function = found;
    return count;
}

/* Take the triggers that call a function from a table. */
static fly_status drop_triggers(fly_sql_stmt *stmt, const fly__sql_table *table, uint32_t function,
                                fly_err *err)
{
    fly__sql_table *copy = fly__sql_table_copy(table, 0, &stmt->line_arena);
    if (copy == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    const fly__sql_trigger **list;
    memcpy(&list, &copy->triggers, sizeof list);
    uint16_t kept = 0;
    for (uint16_t i = 0; i < copy->trigger_count; i++) {
        if (list[i]->function != function) {
            list[kept++] = list[i];
        }
    }
    copy->trigger_count = kept;
    return fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, copy, err);
}

static const fly__sql_trigger *trigger_of(const fly__sql_table *table, uint32_t function)
{
    for (uint16_t i = 0; i < table->trigger_count; i++) {
        if (table->triggers[i]->function == function) {
            return table->triggers[i];
        }
    }
    return NULL;
}

static fly_status drop_this_function(fly_sql_stmt *stmt, const fly__sql_user_function *found,
                                     bool cascade, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    const fly__sql_secured secured = fly__sql_secured_function(found);
    fly_status status = fly__sql_need_owner(session, &secured, err);
    uint32_t oid = found->oid;
    size_t at = 0;
    const fly__sql_table *table;
    while (status == FLY_OK && (table = fly__sql_table_next(session->view, &at)) != NULL) {
        const fly__sql_trigger *trigger = trigger_of(table, oid);
        if (trigger != NULL && !cascade) {
            status = fly_err_state(err, "2BP01", 0,
                                   "cannot drop function %s() because other objects depend on it",
                                   found->name);
            fly_err_detail(err, "trigger %s on table %s depends on function %s()", trigger->name,
                           table->name, found->name);
            fly_err_hint(err, "Use DROP ... CASCADE to drop the dependent objects too.");
        } else if (trigger != NULL) {
            status = drop_triggers(stmt, table, oid, err);
            at = 0; /* the view is another now */
        }
    }
    return status == FLY_OK ? fly__sql_change_remove(session, FLY__SQL_O_FUNCTION, oid, err)
                            : status;
}

static fly_status drop_function(fly_sql_stmt *stmt, const fly_ast_drop *node,
                                const fly_ast_object *object, fly_err *err)
{
    const fly__sql_user_function *found = NULL;
    uint32_t count = fly__sql_ddl_function(stmt, object, &found);
    if (found == NULL) {
        return node->if_exists || object->has_args
                   ? not_there(stmt, node, "function", name_of(object), "42883", err)
                   : fly_err_state(err, "42883", 0, "could not find a function named \"%s\"",
                                   name_of(object));
    }
    if (count > 1) {
        return fly_err_state(err, "42725", 0, "function name \"%s\" is not unique", found->name);
    }
    return drop_this_function(stmt, found, node->cascade, err);
}

/* ----------------------------------------------------------------------- schemas */

/* Something that is in a schema: one of these is not NULL, or there is nothing. */
struct content {
    const fly__sql_table *table;
    const fly__sql_user_function *function;
    const fly__sql_user_type *type;
};

static struct content content_of(const fly__sql_catalog_view *view, uint32_t schema)
{
    struct content found = {0};
    size_t at = 0;
    while ((found.table = fly__sql_table_next(view, &at)) != NULL) {
        if (found.table->schema == schema) {
            return found;
        }
    }
    at = 0;
    while ((found.function = fly__sql_user_function_each(view, &at)) != NULL) {
        if (found.function->schema == schema) {
            return found;
        }
    }
    at = 0;
    while ((found.type = fly__sql_user_type_next(view, &at)) != NULL) {
        if (found.type->schema == schema) {
            return found;
        }
    }
    return found;
}

static fly_status is_not_empty(const fly__sql_schema *schema, const struct content *content,
                               fly_err *err)
{
    fly_status status = fly_err_state(
        err, "2BP01", 0, "cannot drop schema %s because other objects depend on it", schema->name);
    if (content->table != NULL) {
        fly_err_detail(err, "%s %s depends on schema %s",
                       fly__sql_class_name(content->table->class), content->table->name,
                       schema->name);
    } else {
        fly_err_detail(err, "%s %s depends on schema %s",
                       content->function != NULL ? "function" : "type",
                       content->function != NULL ? content->function->name : content->type->name,
                       schema->name);
    }
    fly_err_hint(err, "Use DROP ... CASCADE to drop the dependent objects too.");
    return status;
}

static fly_status drop_content(fly_sql_stmt *stmt, const struct content *content, fly_err *err)
{
    return content->table != NULL      ? drop_relation(stmt, NULL, content->table, true, err)
           : content->function != NULL ? drop_this_function(stmt, content->function, true, err)
                                       : drop_this_type(stmt, content->type, err);
}

static fly_status drop_schema(fly_sql_stmt *stmt, const fly_ast_drop *node,
                              const fly_ast_object *object, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    const fly__sql_schema *schema = fly__sql_schema_named(session->view, name_of(object));
    if (schema == NULL) {
        return not_there(stmt, node, "schema", name_of(object), "3F000", err);
    }
    if (schema->oid < FLY__SQL_OID_FIRST && schema->oid != FLY__SQL_SCHEMA_PUBLIC) {
        return fly_err_state(err, "2BP01", 0,
                             "cannot drop schema %s because it is required by the "
                             "database system",
                             schema->name);
    }
    const fly__sql_secured secured = fly__sql_secured_schema(schema);
    fly_status status = fly__sql_need_owner(session, &secured, err);
    uint32_t oid = schema->oid;
    while (status == FLY_OK) {
        struct content content = content_of(session->view, oid);
        if (content.table == NULL && content.function == NULL && content.type == NULL) {
            break;
        }
        status = node->cascade ? drop_content(stmt, &content, err)
                               : is_not_empty(schema, &content, err);
    }
    if (status != FLY_OK || oid != FLY__SQL_SCHEMA_PUBLIC) {
        return status == FLY_OK ? fly__sql_change_remove(session, FLY__SQL_O_SCHEMA, oid, err)
                                : status;
    }
    const fly__sql_schema absent = {.oid = oid, .name = "", .owner = FLY__SQL_ROLE_ADMIN};
    return fly__sql_change_put(session, FLY__SQL_O_SCHEMA, &absent, err);
}

/* As SQLite has it a trigger needs no table to be named. */
static const fly__sql_table *table_with_trigger(fly_sql_session *session, const char *name)
{
    size_t at = 0;
    const fly__sql_table *table;
    while ((table = fly__sql_table_next(session->view, &at)) != NULL) {
        for (uint16_t i = 0; i < table->trigger_count; i++) {
            if (strcmp(table->triggers[i]->name, name) == 0) {
                return table;
            }
        }
    }
    return NULL;
}

static fly_status drop_trigger(fly_sql_stmt *stmt, const fly_ast_drop *node,
                               const fly_ast_object *object, fly_err *err)
{
    const fly__sql_table *table = NULL;
    const fly_ast_relation *relation = (const fly_ast_relation *)object->relation;
    if (relation == NULL) {
        table = table_with_trigger(stmt->session, name_of(object));
        if (table == NULL) {
            return not_there(stmt, node, "trigger", name_of(object), "42704", err);
        }
    } else {
        fly_status status = fly__sql_ddl_relation(stmt, relation, NULL, &table, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    fly__sql_table *copy = fly__sql_table_copy(table, 0, &stmt->line_arena);
    if (copy == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    bool policy = node->type == FLY_AST_OBJECT_POLICY;
    uint16_t before = policy ? copy->policy_count : copy->trigger_count;
    uint16_t kept = 0;
    if (policy) {
        const fly__sql_policy **list;
        memcpy(&list, &copy->policies, sizeof list);
        for (uint16_t i = 0; i < before; i++) {
            if (strcmp(list[i]->name, name_of(object)) != 0) {
                list[kept++] = list[i];
            }
        }
        copy->policy_count = kept;
    } else {
        const fly__sql_trigger **list;
        memcpy(&list, &copy->triggers, sizeof list);
        for (uint16_t i = 0; i < before; i++) {
            if (strcmp(list[i]->name, name_of(object)) != 0) {
                list[kept++] = list[i];
            }
        }
        copy->trigger_count = kept;
    }
    if (kept == before) {
        if (node->if_exists) {
            fly__sql_notice(stmt->session, "NOTICE", "00000",
                            "%s \"%s\" for relation \"%s\" does not exist, skipping",
                            policy ? "policy" : "trigger", name_of(object), table->name);
            return FLY_OK;
        }
        return fly_err_state(err, "42704", 0, "%s \"%s\" for table \"%s\" does not exist",
                             policy ? "policy" : "trigger", name_of(object), table->name);
    }
    return fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, copy, err);
}

static fly_status drop_one(fly_sql_stmt *stmt, const fly_ast_drop *node,
                           const fly_ast_object *object, fly_err *err)
{
    switch (node->type) {
    case FLY_AST_OBJECT_TABLE:
        return drop_one_relation(stmt, node, object, FLY__SQL_TABLE, err);
    case FLY_AST_OBJECT_VIEW:
        return drop_one_relation(stmt, node, object, FLY__SQL_VIEW, err);
    case FLY_AST_OBJECT_MATVIEW:
        return drop_one_relation(stmt, node, object, FLY__SQL_MATVIEW, err);
    case FLY_AST_OBJECT_SEQUENCE:
        return drop_one_relation(stmt, node, object, FLY__SQL_SEQUENCE, err);
    case FLY_AST_OBJECT_INDEX:
        return drop_index(stmt, node, object, err);
    case FLY_AST_OBJECT_SCHEMA:
        return drop_schema(stmt, node, object, err);
    case FLY_AST_OBJECT_TYPE:
    case FLY_AST_OBJECT_DOMAIN:
        return drop_type(stmt, node, object, err);
    case FLY_AST_OBJECT_FUNCTION:
    case FLY_AST_OBJECT_PROCEDURE:
    case FLY_AST_OBJECT_ROUTINE:
        return drop_function(stmt, node, object, err);
    case FLY_AST_OBJECT_TRIGGER:
    case FLY_AST_OBJECT_POLICY:
        return drop_trigger(stmt, node, object, err);
    case FLY_AST_OBJECT_ROLE:
    case FLY_AST_OBJECT_USER:
    case FLY_AST_OBJECT_GROUP:
        return fly__sql_drop_role(stmt, node, (const fly_ast *)object, err);
    case FLY_AST_OBJECT_DATABASE: {
        const fly__sql_secured secured = fly__sql_secured_database(stmt->session, name_of(object));
        if (!fly__sql_is_member(stmt->session, stmt->session->user_oid, secured.owner, true)) {
            return fly_err_state(err, "42501", 0, "must be owner of database %s", secured.name);
        }
        if (stmt->session->txn_explicit) {
            return fly_err_state(err, "25001", 0,
                                 "DROP DATABASE cannot run inside a transaction block");
        }
        fly_status status = fly__sql_database_drop(stmt->session->sql, name_of(object), err);
        bool missing = status != FLY_OK && err != NULL && strcmp(err->sqlstate, "3D000") == 0;
        const fly__sql_database_rights *rights =
            fly__sql_database_rights_of(stmt->session, name_of(object));
        if (status == FLY_OK && rights != NULL) {
            status = fly__sql_role_remove(stmt->session, FLY__SQL_O_DATABASE, rights->oid, err);
        }
        return missing && node->if_exists
                   ? not_there(stmt, node, "database", name_of(object), "3D000", err)
                   : status;
    }
    case FLY_AST_OBJECT_EXTENSION:
        return FLY_OK;
    default:
        return fly_err_state(err, "0A000", stmt->node->pos,
                             "this kind of object cannot be dropped: it cannot be made");
    }
}

fly_status fly__sql_drop_named(fly_sql_stmt *stmt, fly_ast_object_kind kind, const char *schema,
                               const char *name, bool cascade, fly_err *err)
{
    const char *names[2] = {schema, name};
    fly_ast_object object = {.node = {.kind = FLY_AST_OBJECT}};
    object.names.items = schema == NULL ? names + 1 : names;
    object.names.count = schema == NULL ? 1 : 2;
    const fly_ast_drop node = {.node = {.kind = FLY_AST_DROP}, .type = kind, .cascade = cascade};
    return drop_one(stmt, &node, &object, err);
}

fly_status fly__sql_drop(fly_sql_stmt *stmt, fly_err *err)
{
    static const struct {
        fly_ast_object_kind kind;
        const char *tag;
    } tags[] = {{FLY_AST_OBJECT_TABLE, "DROP TABLE"},
                {FLY_AST_OBJECT_VIEW, "DROP VIEW"},
                {FLY_AST_OBJECT_MATVIEW, "DROP MATERIALIZED VIEW"},
                {FLY_AST_OBJECT_SEQUENCE, "DROP SEQUENCE"},
                {FLY_AST_OBJECT_INDEX, "DROP INDEX"},
                {FLY_AST_OBJECT_SCHEMA, "DROP SCHEMA"},
                {FLY_AST_OBJECT_TYPE, "DROP TYPE"},
                {FLY_AST_OBJECT_DOMAIN, "DROP DOMAIN"},
                {FLY_AST_OBJECT_FUNCTION, "DROP FUNCTION"},
                {FLY_AST_OBJECT_ROLE, "DROP ROLE"},
                {FLY_AST_OBJECT_USER, "DROP ROLE"},
                {FLY_AST_OBJECT_GROUP, "DROP ROLE"},
                {FLY_AST_OBJECT_PROCEDURE, "DROP PROCEDURE"},
                {FLY_AST_OBJECT_ROUTINE, "DROP ROUTINE"},
                {FLY_AST_OBJECT_TRIGGER, "DROP TRIGGER"},
                {FLY_AST_OBJECT_POLICY, "DROP POLICY"},
                {FLY_AST_OBJECT_DATABASE, "DROP DATABASE"},
                {FLY_AST_OBJECT_EXTENSION, "DROP EXTENSION"}};
    const fly_ast_drop *node = (const fly_ast_drop *)stmt->node;
    fly__sql_ddl_tag(stmt, "DROP");
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        if (tags[i].kind == node->type) {
            fly__sql_ddl_tag(stmt, tags[i].tag);
        }
    }
    uint32_t *oids = fly__sql_ddl_alloc(stmt, (node->objects.count + 1) * sizeof *oids, err);
    if (oids == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t i = 0; i < node->objects.count; i++) {
        const fly__sql_table *table = relation_named(stmt, node, i);
        oids[i] = table != NULL ? table->oid : 0;
    }
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < node->objects.count && status == FLY_OK; i++) {
        if (oids[i] == 0 || fly__sql_table_of(stmt->session->view, oids[i]) != NULL) {
            status = drop_one(stmt, node, (const fly_ast_object *)node->objects.items[i], err);
        } /* else it has gone together with what it depended on */
    }
    return status;
}

/* ------------------------------------------------------------------- TRUNCATE */

/* An empty tree takes the place of a table's, and of each of its indexes'. */
fly_status fly__sql_empty_table(fly_sql_stmt *stmt, const fly__sql_table *table, bool populated,
                                fly_err *err)
{
    fly_sql_session *session = stmt->session;
    fly__sql_table *copy = fly__sql_table_copy(table, 0, &stmt->line_arena);
    if (copy == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    uint32_t generation = fly__sql_change_oid(session);
    const fly__sql_index **indexes;
    memcpy(&indexes, &copy->indexes, sizeof indexes);
    fly_status status = drop_tree(session, table->tree, err);
    copy->tree =
        fly__sql_ddl_format(stmt, err, "t%u.%u", (unsigned)table->oid, (unsigned)generation);
    copy->rows = 0;
    copy->populated = populated;
    for (uint16_t i = 0; i < copy->index_count && status == FLY_OK; i++) {
        fly__sql_index *index = fly__sql_ddl_alloc(stmt, sizeof *index, err);
        if (index == NULL) {
            return FLY_E_NO_MEMORY;
        }
        *index = *indexes[i];
        if (index->clustered) {
            index->tree = copy->tree;
        } else {
            status = drop_tree(session, index->tree, err);
            index->tree = fly__sql_ddl_format(stmt, err, "i%u.%u", (unsigned)index->oid,
                                              (unsigned)generation);
        }
        indexes[i] = index;
    }
    return status == FLY_OK ? fly__sql_change_put(session, FLY__SQL_O_TABLE, copy, err) : status;
}

/* Whether a table is among those that are truncated together. */
static bool is_listed(const fly__sql_table *const *tables, uint32_t count, uint32_t oid)
{
    for (uint32_t i = 0; i < count; i++) {
        if (tables[i]->oid == oid) {
            return true;
        }
    }
    return false;
}

static fly_status restart(fly_sql_session *session, const fly__sql_table *table, fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint16_t i = 0; i < table->column_count && status == FLY_OK; i++) {
        const fly__sql_sequence *sequence =
            table->columns[i].sequence == 0
                ? NULL
                : fly__sql_sequence_of(session->view, table->columns[i].sequence);
        if (sequence != NULL) {
            status = fly__sql_sequence_set(session, sequence->oid, sequence->start, false, err);
        }
    }
    return status;
}

static fly_status truncate_triggers(fly_sql_session *session, const fly__sql_table *const *tables,
                                    uint32_t count, char when, fly_err *err)
{
    fly__sql_change change;
    fly_status status = FLY_OK;
    fly__sql_change_init(&change, session);
    for (uint32_t i = 0; i < count && status == FLY_OK; i++) {
        const fly__sql_table *table = fly__sql_table_of(session->view, tables[i]->oid);
        if (table != NULL) {
            status = fly__sql_change_statement(&change, table, FLY__SQL_ON_TRUNCATE, when, err);
        }
    }
    fly__sql_change_deinit(&change);
    return status;
}

fly_status fly__sql_truncate(fly_sql_stmt *stmt, fly_err *err)
{
    enum { TABLES_MAX = 1024 };
    const fly_ast_truncate *node = (const fly_ast_truncate *)stmt->node;
    fly_sql_session *session = stmt->session;
    const fly__sql_table **tables = fly__sql_ddl_alloc(stmt, TABLES_MAX * sizeof *tables, err);
    uint32_t count = 0;
    fly__sql_ddl_tag(stmt, "TRUNCATE TABLE");
    fly_status status = tables == NULL ? FLY_E_NO_MEMORY : FLY_OK;
    for (uint32_t i = 0; i < node->relations.count && status == FLY_OK; i++) {
        if (count == TABLES_MAX) {
            return fly_err_state(err, "54000", 0, "too many tables in TRUNCATE");
        }
        status = fly__sql_ddl_relation(stmt, (const fly_ast_relation *)node->relations.items[i],
                                       "r", &tables[count++], err);
    }
    for (uint32_t i = 0; i < count && status == FLY_OK; i++) {
        for (uint16_t k = 0; k < tables[i]->referrer_count && status == FLY_OK; k++) {
            uint32_t other = tables[i]->referrers[k]->table;
            if (is_listed(tables, count, other)) {
                continue;
            }
            const fly__sql_table *referrer = fly__sql_table_of(session->view, other);
            if (!node->cascade) {
                status = fly_err_state(err, "0A000", 0,
                                       "cannot truncate a table referenced in a foreign key "
                                       "constraint");
                fly_err_detail(err, "Table \"%s\" references \"%s\".", referrer->name,
                               tables[i]->name);
                fly_err_hint(err,
                             "Truncate table \"%s\" at the same time, or use TRUNCATE ... "
                             "CASCADE.",
                             referrer->name);
            } else if (count < TABLES_MAX) {
                fly__sql_notice(session, "NOTICE", "00000", "truncate cascades to table \"%s\"",
                                referrer->name);
                tables[count++] = referrer;
            }
        }
    }
    if (status == FLY_OK) {
        status = truncate_triggers(session, tables, count, 'b', err);
    }
    for (uint32_t i = 0; i < count && status == FLY_OK; i++) {
        status =
            fly__sql_empty_table(stmt, fly__sql_table_of(session->view, tables[i]->oid), true, err);
        if (status == FLY_OK && node->restart_identity) {
            status = restart(session, tables[i], err);
        }
    }
    return status == FLY_OK ? truncate_triggers(session, tables, count, 'a', err) : status;
}

/* Temporary tables end with their session. */
fly_status fly__sql_temporary_discard(fly_sql_session *session, fly_err *err)
{
    fly_status status = FLY_OK;
    const fly__sql_table *table;
    do {
        size_t at = 0;
        do {
            table = fly__sql_table_next(session->view, &at);
        } while (table != NULL && !table->temporary);
        if (table != NULL) {
            status = fly__sql_drop_table(session, table, err);
        }
    } while (table != NULL && status == FLY_OK);
    return status;
}

void fly__sql_temporary_drop(fly_sql_session *session)
{
    size_t at = 0;
    const fly__sql_table *table;
    if (session->view == NULL || session->txn != NULL) {
        return;
    }
    bool any = false;
    while ((table = fly__sql_table_next(session->view, &at)) != NULL) {
        any = any || table->temporary;
    }
    if (!any || fly__sql_txn_begin(session, NULL) != FLY_OK) {
        return;
    }
    fly_status status = fly__sql_temporary_discard(session, NULL);
    if (status == FLY_OK) {
        status = fly__sql_txn_commit(session, NULL);
    } else {
        fly__sql_txn_rollback(session);
    }
    (void)status; /* trees that are left behind take room, and nobody finds them by a name */
}
