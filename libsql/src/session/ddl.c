/*
 * Data definition: which statement is whose, and what all of them need.
 */
#include "session/role_int.h"

#include "catalog/system_int.h"

#include "catalog/change_int.h"
#include "catalog/right_int.h"
#include "session/lock_int.h"
#include "session/statement_kind_int.h"
#include "types/value_int.h"

#include <fly/text.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void fly__sql_ddl_tag(fly_sql_stmt *stmt, const char *tag)
{
    (void)snprintf(stmt->tag, sizeof stmt->tag, "%s", tag);
}

void *fly__sql_ddl_alloc(fly_sql_stmt *stmt, size_t size, fly_err *err)
{
    void *block = fly_arena_alloc(&stmt->line_arena, size);
    if (block == NULL) {
        (void)fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a definition");
        return NULL;
    }
    memset(block, 0, size);
    return block;
}

const char *fly__sql_ddl_format(fly_sql_stmt *stmt, fly_err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len < 0 ? NULL : fly__sql_ddl_alloc(stmt, (size_t)len + 1, err);
    if (text != NULL) {
        va_start(args, format);
        (void)vsnprintf(text, (size_t)len + 1, format, args);
        va_end(args);
    }
    return text;
}

const char *fly__sql_ddl_quoted(fly_sql_stmt *stmt, const char *name, fly_err *err)
{
    fly_sql_text ident = {.arena = &stmt->line_arena};
    fly_sql_text text = {.arena = &stmt->line_arena};
    fly_bytes plain = {0};
    fly_bytes bytes = {0};
    fly__sql_put_ident(&ident, fly_bytes_str(name));
    fly_status status = fly__sql_text_end(&ident, &plain, err);
    for (size_t i = 0; status == FLY_OK && i < plain.len; i++) {
        fly__sql_text_add(&text, "''", plain.data[i] == '\'' ? 1 : 0);
        fly__sql_text_add(&text, (const char *)plain.data + i, 1);
    }
    if (status == FLY_OK) {
        status = fly__sql_text_end(&text, &bytes, err);
    }
    return status == FLY_OK ? (const char *)bytes.data : NULL;
}

const char *fly__sql_ddl_text(fly_sql_stmt *stmt, const fly_ast *node, fly_err *err)
{
    fly_bytes text = {0};
    return fly__sql_print(&stmt->line_arena, node, &text, err) == FLY_OK ? (const char *)text.data
                                                                         : NULL;
}

/* ----------------------------------------------------------------- names */

fly_status fly__sql_ddl_schema(fly_sql_stmt *stmt, const char *schema, bool temporary, uint32_t pos,
                               uint32_t *oid, fly_err *err)
{
    const fly__sql_catalog_view *view = stmt->session->view;
    if (temporary) {
        *oid = FLY__SQL_SCHEMA_TEMP;
        const char *database = stmt->session->database->name;
        return fly__sql_may_database(stmt->session, stmt->session->user_oid, database,
                                     FLY__SQL_MAY_TEMP)
                   ? FLY_OK
                   : fly_err_state(err, "42501", 0,
                                   "permission denied to create temporary tables in database "
                                   "\"%s\"",
                                   database);
    }
    if (schema != NULL) {
        const fly__sql_schema *found = fly__sql_schema_named(view, schema);
        if (found == NULL) {
            return fly_err_state(err, "3F000", pos, "schema \"%s\" does not exist", schema);
        }
        if (found->oid == FLY__SQL_SCHEMA_PG_CATALOG || found->oid == FLY__SQL_SCHEMA_INFORMATION) {
            return fly_err_state(err, "42501", pos, "permission denied to create in schema \"%s\"",
                                 schema);
        }
        *oid = found->oid;
        return fly__sql_need_schema(stmt->session, found->oid, FLY__SQL_MAY_CREATE, pos, err);
    }
    uint32_t count = 0;
    const uint32_t *path = fly__sql_view_path(view, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (path[i] != FLY__SQL_SCHEMA_PG_CATALOG && path[i] != FLY__SQL_SCHEMA_TEMP &&
            path[i] != FLY__SQL_SCHEMA_INFORMATION) {
            *oid = path[i];
            return fly__sql_need_schema(stmt->session, path[i], FLY__SQL_MAY_CREATE, pos, err);
        }
    }
    return fly_err_state(err, "3F000", pos, "no schema has been selected to create in");
}

const char *fly__sql_class_name(char class)
{
    switch (class) {
    case FLY__SQL_VIEW:
        return "view";
    case FLY__SQL_MATVIEW:
        return "materialized view";
    case FLY__SQL_SEQUENCE:
        return "sequence";
    case FLY__SQL_COMPOSITE:
        return "composite type";
    default:
        return "table";
    }
}

/* How a statement holds off others from the relations that it names. */
static fly__sql_lock_mode lock_of(fly_ast_kind kind)
{
    switch (kind) {
    case FLY_AST_CREATE_INDEX:
        return FLY__SQL_LOCK_SHARE;
    case FLY_AST_CREATE_TRIGGER:
    case FLY_AST_CREATE_TABLE: /* what foreign keys point to */
        return FLY__SQL_LOCK_SHARE_ROW_EXCLUSIVE;
    case FLY_AST_COMMENT:
    case FLY_AST_VACUUM:
        return FLY__SQL_LOCK_SHARE_UPDATE_EXCLUSIVE;
    case FLY_AST_COPY:
    case FLY_AST_CREATE_SEQUENCE:
        return FLY__SQL_LOCK_ACCESS_SHARE;
    default:
        return FLY__SQL_LOCK_ACCESS_EXCLUSIVE;
    }
}

/* Hold others off; what they have changed meanwhile is in the newest view. */
static fly_status hold_off(fly_sql_stmt *stmt, const fly__sql_table **table, const char *schema,
                           const char *name, fly_err *err)
{
    bool waited = false;
    fly__sql_lock_mode mode = lock_of(stmt->node->kind);
    if ((*table)->class == FLY__SQL_SYSTEM || mode == FLY__SQL_LOCK_ACCESS_SHARE ||
        stmt->node->kind == FLY_AST_LOCK) {
        return FLY_OK;
    }
    fly_status status =
        fly__sql_table_lock(stmt->session, (*table)->oid, name, mode, false, &waited, err);
    if (status == FLY_OK && waited) {
        fly_txn_statement(stmt->session->txn);
        status = fly__sql_session_view(stmt->session, err);
        *table = fly__sql_table_named(stmt->session->view, schema, name);
        if (status == FLY_OK && *table == NULL) {
            status = fly_err_state(err, "42P01", 0, "relation \"%s\" does not exist", name);
        }
    }
    return status;
}

/* What a statement needs on the relations that it names. Tables that foreign keys point to are looked at
 * where those are made. */
static fly_status check_relation(fly_sql_stmt *stmt, const fly__sql_table *table, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    const fly__sql_secured object = fly__sql_secured_table(table);
    if (fly__sql_is_superuser(session, session->user_oid)) {
        return FLY_OK;
    }
    switch (stmt->node->kind) {
    case FLY_AST_ALTER_TABLE: {
        const fly_ast_relation *altered =
            (const fly_ast_relation *)((const fly_ast_alter_table *)stmt->node)->relation;
        return fly__sql_table_named(session->view, altered->schema, altered->name) == table
                   ? fly__sql_need_owner(session, &object, err)
                   : FLY_OK;
    }
    case FLY_AST_ALTER_SEQUENCE:
    case FLY_AST_RENAME:
    case FLY_AST_SET_SCHEMA:
    case FLY_AST_CREATE_INDEX:
    case FLY_AST_CREATE_POLICY:
    case FLY_AST_REFRESH:
    case FLY_AST_COMMENT:
    case FLY_AST_DROP:
        return fly__sql_need_owner(session, &object, err);
    case FLY_AST_CREATE_TRIGGER:
        return fly__sql_need_right(session, session->user_oid, &object, FLY__SQL_MAY_TRIGGER, err);
    case FLY_AST_TRUNCATE:
        return fly__sql_need_right(session, session->user_oid, &object, FLY__SQL_MAY_TRUNCATE, err);
    case FLY_AST_LOCK: {
        uint32_t any = FLY__SQL_MAY_UPDATE | FLY__SQL_MAY_DELETE | FLY__SQL_MAY_TRUNCATE;
        const char *mode = ((const fly_ast_lock *)stmt->node)->mode;
        if (mode != NULL && strcmp(mode, "access share") == 0) {
            any |= FLY__SQL_MAY_SELECT;
        } else if (mode != NULL && strcmp(mode, "row exclusive") == 0) {
            any |= FLY__SQL_MAY_INSERT;
        }
        uint32_t has =
            fly__sql_rights(session, session->view, session->user_oid, &object, 0, false);
        return (has & any) != 0
                   ? FLY_OK
                   : fly__sql_need_right(session, session->user_oid, &object, any, err);
    }
    default:
        return FLY_OK;
    }
}

static fly_status find_relation(fly_sql_stmt *stmt, const char *schema, const char *name,
                                uint32_t pos, const char *classes, const fly__sql_table **table,
                                fly_err *err)
{
    const fly__sql_table *found = fly__sql_table_named(stmt->session->view, schema, name);
    if (found == NULL) {
        return schema != NULL
                   ? fly_err_state(err, "42P01", pos, "relation \"%s.%s\" does not exist", schema,
                                   name)
                   : fly_err_state(err, "42P01", pos, "relation \"%s\" does not exist", name);
    }
    if (classes != NULL && strchr(classes, found->class) == NULL) {
        return fly_err_state(err, "42809", pos, "\"%s\" is not a %s", name,
                             fly__sql_class_name(classes[0]));
    }
    fly_status status = check_relation(stmt, found, err);
    if (status != FLY_OK) {
        return status;
    }
    *table = found;
    return hold_off(stmt, table, schema, name, err);
}

fly_status fly__sql_ddl_relation(fly_sql_stmt *stmt, const fly_ast_relation *node,
                                 const char *classes, const fly__sql_table **table, fly_err *err)
{
    return find_relation(stmt, node->schema, node->name, node->node.pos, classes, table, err);
}

fly_status fly__sql_ddl_named(fly_sql_stmt *stmt, const fly_ast_names *names, uint32_t pos,
                              const char *classes, const fly__sql_table **table, fly_err *err)
{
    const char *schema = names->count > 1 ? names->items[names->count - 2] : NULL;
    return find_relation(stmt, schema, names->items[names->count - 1], pos, classes, table, err);
}

static bool name_taken(fly_sql_stmt *stmt, uint32_t schema, const char *name)
{
    const fly__sql_catalog_view *view = stmt->session->view;
    const fly__sql_schema *in = fly__sql_schema_of(view, schema);
    const char *schema_name = in == NULL ? NULL : in->name;
    return fly__sql_table_named(view, schema_name, name) != NULL ||
           fly__sql_index_named(view, schema_name, name) != NULL;
}

fly_status fly__sql_ddl_name_free(fly_sql_stmt *stmt, uint32_t schema, const char *name,
                                  fly_err *err)
{
    return name_taken(stmt, schema, name)
               ? fly_err_state(err, "42P07", 0, "relation \"%s\" already exists", name)
               : FLY_OK;
}

const char *fly__sql_ddl_choose_name(fly_sql_stmt *stmt, uint32_t schema, const char *table,
                                     const char *columns, const char *label, fly_err *err)
{
    /* As PostgreSQL makes them: the longer of the two names is cut until all fits. */
    size_t table_len = strlen(table);
    size_t columns_len = columns == NULL ? 0 : strlen(columns);
    for (unsigned number = 0;; number++) {
        char digits[12] = "";
        if (number > 0) {
            (void)snprintf(digits, sizeof digits, "%u", number);
        }
        size_t rest = strlen(label) + strlen(digits) + 1 + (columns != NULL ? 1 : 0);
        while (table_len + columns_len + rest > FLY__SQL_NAME_MAX) {
            if (table_len > columns_len) {
                table_len--;
            } else {
                columns_len--;
            }
        }
        const char *name = fly__sql_ddl_format(stmt, err, "%.*s%s%.*s_%s%s", (int)table_len, table,
                                               columns != NULL ? "_" : "", (int)columns_len,
                                               columns != NULL ? columns : "", label, digits);
        if (name == NULL || !name_taken(stmt, schema, name)) {
            return name;
        }
    }
}

uint16_t fly__sql_column_named(const fly__sql_table *table, const char *name)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (!table->columns[i].dropped && strcmp(table->columns[i].name, name) == 0) {
            return (uint16_t)(i + 1);
        }
    }
    return 0;
}

/* --------------------------------------------------------- small statements */

static fly_status create_schema(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_create_schema *node = (const fly_ast_create_schema *)stmt->node;
    fly_sql_session *session = stmt->session;
    fly__sql_ddl_tag(stmt, "CREATE SCHEMA");
    const char *name = node->name;
    uint32_t owner = session->user_oid;
    char room[FLY__SQL_NAME_MAX + 1];
    if (node->owner != NULL) {
        fly_status status = fly__sql_ddl_role(session, node->owner, false, &owner, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    if (name == NULL) {
        name = fly__sql_role_name(session, owner, room);
    }
    if (!fly__sql_may_database(session, session->user_oid, session->database->name,
                               FLY__SQL_MAY_CREATE)) {
        return fly_err_state(err, "42501", 0, "permission denied for database %s",
                             session->database->name);
    }
    if (!fly__sql_is_member(session, session->user_oid, owner, false)) {
        return fly_err_state(err, "42501", 0, "must be member of role \"%s\"",
                             fly__sql_role_name(session, owner, room));
    }
    if (strncmp(name, "pg_", 3) == 0) {
        fly_status status = fly_err_state(err, "42939", 0, "unacceptable schema name \"%s\"", name);
        fly_err_detail(err, "The prefix \"pg_\" is reserved for system schemas.");
        return status;
    }
    if (fly__sql_schema_named(session->view, name) != NULL) {
        if (node->if_not_exists) {
            fly__sql_notice(session, "NOTICE", "42P06", "schema \"%s\" already exists, skipping",
                            name);
            return FLY_OK;
        }
        return fly_err_state(err, "42P06", 0, "schema \"%s\" already exists", name);
    }
    if (node->elements.count > 0) {
        return fly_err_state(err, "0A000", 0, "CREATE SCHEMA with elements is not supported");
    }
    bool is_public = strcmp(name, "public") == 0; /* which is always there, if without its name */
    const fly__sql_schema schema = {.oid = is_public ? (uint32_t)FLY__SQL_SCHEMA_PUBLIC
                                                     : fly__sql_change_oid(session),
                                    .name = name,
                                    .owner = owner};
    return fly__sql_change_put(session, FLY__SQL_O_SCHEMA, &schema, err);
}

/* COLLATION, LOCALE and ENCODING; what else PostgreSQL's clients say is taken note of and ignored. */
static fly_status database_collation(const fly_ast_create_database *node, uint32_t *collation,
                                     fly_err *err)
{
    const char *name = NULL;
    const char *locale = NULL;
    for (uint32_t i = 0; i < node->options.count; i++) {
        const fly_ast_option *option = (const fly_ast_option *)node->options.items[i];
        const fly_ast_const *value = (const fly_ast_const *)option->value;
        if (value == NULL || value->node.kind != FLY_AST_CONST ||
            value->type != FLY_AST_CONST_STRING) {
            continue;
        }
        const char *text = (const char *)value->text.data;
        if (strcmp(option->name, "collation") == 0) {
            name = text;
        } else if (strcmp(option->name, "locale") == 0 || strcmp(option->name, "lc_collate") == 0) {
            locale = text;
        } else if (strcmp(option->name, "encoding") == 0) {
            fly_text_encoding encoding;
            if (fly_text_encoding_find(value->text, &encoding) != FLY_OK) {
                return fly_err_state(err, "42704", option->node.pos,
                                     "%s is not a valid encoding name", text);
            }
            if (encoding != FLY_TEXT_UTF8) {
                return fly_err_state(err, "0A000", option->node.pos,
                                     "encoding \"%s\" of a database is not supported",
                                     fly_text_encoding_name(encoding));
            }
        }
    }
    return fly__sql_collation_of_options(name, locale, collation, err);
}

static fly_status may_create_database(fly_sql_stmt *stmt, const fly_ast_create_database *node,
                                      uint32_t *owner, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    const fly__sql_role *user = fly__sql_role_of(session, session->user_oid);
    if (user == NULL || !(user->superuser || user->create_db)) {
        return fly_err_state(err, "42501", 0, "permission denied to create database");
    }
    for (uint32_t i = 0; i < node->options.count; i++) {
        const fly_ast_option *option = (const fly_ast_option *)node->options.items[i];
        const fly_ast_const *value = (const fly_ast_const *)option->value;
        if (strcmp(option->name, "owner") != 0 || value == NULL ||
            value->node.kind != FLY_AST_CONST || value->type != FLY_AST_CONST_STRING) {
            continue;
        }
        const char *name = (const char *)value->text.data;
        const fly__sql_role *role = fly__sql_role_named(session, name);
        if (role == NULL) {
            return fly_err_state(err, "42704", 0, "role \"%s\" does not exist", name);
        }
        if (!fly__sql_is_member(session, session->user_oid, role->oid, false)) {
            return fly_err_state(err, "42501", 0, "must be member of role \"%s\"", name);
        }
        *owner = role->oid;
    }
    return FLY_OK;
}

static fly_status alter_database(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_alter_database *node = (const fly_ast_alter_database *)stmt->node;
    const fly__sql_secured object = fly__sql_secured_database(stmt->session, node->name);
    bool there = false;
    fly__sql_ddl_tag(stmt, "ALTER DATABASE");
    fly_status status = fly__sql_database_exists(stmt->session->sql, node->name, &there, err);
    if (status == FLY_OK && !there) {
        status = fly_err_state(err, "3D000", 0, "database \"%s\" does not exist", node->name);
    }
    if (status == FLY_OK &&
        !fly__sql_is_member(stmt->session, stmt->session->user_oid, object.owner, true)) {
        status = fly_err_state(err, "42501", 0, "must be owner of database %s", node->name);
    }
    if (status == FLY_OK && node->set == NULL) {
        status = fly_err_state(err, "0A000", stmt->node->pos,
                               "options of ALTER DATABASE are not supported");
    }
    if (status == FLY_OK) {
        status = fly__sql_role_lock(stmt->session, err);
    }
    return status == FLY_OK
               ? fly__sql_role_set(stmt, 0, node->name, (const fly_ast_set *)node->set, err)
               : status;
}

static fly_status create_database(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_create_database *node = (const fly_ast_create_database *)stmt->node;
    fly__sql_ddl_tag(stmt, "CREATE DATABASE");
    if (stmt->session->txn_explicit) {
        return fly_err_state(err, "25001", 0,
                             "CREATE DATABASE cannot run inside a transaction block");
    }
    uint32_t collation = 0;
    uint32_t owner = stmt->session->user_oid;
    fly_status status = may_create_database(stmt, node, &owner, err);
    if (status == FLY_OK) {
        status = database_collation(node, &collation, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_database_create(stmt->session->sql, node->name, collation, err);
        if (status == FLY_OK && owner != FLY__SQL_ROLE_ADMIN) {
            const fly__sql_secured made = fly__sql_secured_database(stmt->session, node->name);
            status = fly__sql_put_owner(stmt->session, &made, owner, err);
        }
    }
    if (status != FLY_OK && node->if_not_exists && err != NULL &&
        strcmp(err->sqlstate, "42P04") == 0) {
        fly__sql_notice(stmt->session, "NOTICE", "42P04",
                        "database \"%s\" already exists, skipping", node->name);
        return FLY_OK;
    }
    return status;
}

/* The object that a COMMENT is on. */
static fly_status comment_target(fly_sql_stmt *stmt, const fly_ast_comment *node, uint32_t *oid,
                                 uint16_t *column, fly_err *err)
{
    const fly_ast_object *object = (const fly_ast_object *)node->object;
    const fly__sql_table *table = NULL;
    *column = 0;
    *oid = 0;
    fly_status status = FLY_OK;
    switch (node->type) {
    case FLY_AST_OBJECT_TABLE:
    case FLY_AST_OBJECT_VIEW:
    case FLY_AST_OBJECT_MATVIEW:
    case FLY_AST_OBJECT_SEQUENCE:
        status = fly__sql_ddl_named(stmt, &object->names, object->node.pos, NULL, &table, err);
        *oid = table == NULL ? 0 : table->oid;
        return status;
    case FLY_AST_OBJECT_COLUMN: {
        fly_ast_names names = {.items = object->names.items, .count = object->names.count - 1};
        const char *name = object->names.items[names.count];
        if (names.count == 0) {
            return fly_err_state(err, "42601", 0, "column name must be qualified");
        }
        status = fly__sql_ddl_named(stmt, &names, object->node.pos, NULL, &table, err);
        if (status == FLY_OK) {
            *oid = table->oid;
            *column = fly__sql_column_named(table, name);
            if (*column == 0) {
                status = fly_err_state(err, "42703", 0,
                                       "column \"%s\" of relation \"%s\" does not exist", name,
                                       table->name);
            }
        }
        return status;
    }
    case FLY_AST_OBJECT_INDEX: {
        const fly__sql_index *index = fly__sql_index_named(
            stmt->session->view, object->names.count > 1 ? object->names.items[0] : NULL,
            object->names.items[object->names.count - 1]);
        if (index != NULL) {
            fly__sql_secured secured =
                fly__sql_secured_table(fly__sql_table_of(stmt->session->view, index->table));
            secured.name = index->name; /* an index belongs to whom its table belongs to */
            secured.kind = "index";
            *oid = index->oid;
            status = fly__sql_need_owner(stmt->session, &secured, err);
        }
        break;
    }
    case FLY_AST_OBJECT_SCHEMA: {
        const fly__sql_schema *schema =
            fly__sql_schema_named(stmt->session->view, object->names.items[0]);
        if (schema != NULL) {
            const fly__sql_secured secured = fly__sql_secured_schema(schema);
            *oid = schema->oid;
            status = fly__sql_need_owner(stmt->session, &secured, err);
        }
        break;
    }
    default:
        return FLY_OK; /* taken note of, and nothing else */
    }
    return *oid == 0 ? fly_err_state(err, "42704", 0, "object \"%s\" does not exist",
                                     object->names.items[object->names.count - 1])
                     : status;
}

static fly_status comment(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_comment *node = (const fly_ast_comment *)stmt->node;
    fly_sql_session *session = stmt->session;
    uint32_t object = 0;
    uint16_t column = 0;
    fly__sql_ddl_tag(stmt, "COMMENT");
    if (node->type == FLY_AST_OBJECT_ROLE) {
        const char *text = node->text == NULL
                               ? NULL
                               : (const char *)((const fly_ast_const *)node->text)->text.data;
        return fly__sql_comment_role(stmt, node->object, text, err);
    }
    fly_status status = comment_target(stmt, node, &object, &column, err);
    if (status != FLY_OK || object == 0) {
        return status;
    }
    uint32_t oid = 0;
    size_t at = 0;
    const fly__sql_comment *old;
    while ((old = fly__sql_object_next(session->view, FLY__SQL_O_COMMENT, &at)) != NULL) {
        if (old->object == object && old->column == column) {
            oid = old->oid;
        }
    }
    if (node->text == NULL) {
        return oid == 0 ? FLY_OK : fly__sql_change_remove(session, FLY__SQL_O_COMMENT, oid, err);
    }
    const fly__sql_comment made = {
        .oid = oid != 0 ? oid : fly__sql_change_oid(session),
        .object = object,
        .column = column,
        .text = (const char *)((const fly_ast_const *)node->text)->text.data};
    return fly__sql_change_put(session, FLY__SQL_O_COMMENT, &made, err);
}

static fly_status lock_tables(fly_sql_stmt *stmt, fly_err *err)
{
    static const char *const modes[] = {
        "access share", "row share",           "row exclusive", "share update exclusive",
        "share",        "share row exclusive", "exclusive",     "access exclusive"};
    const fly_ast_lock *node = (const fly_ast_lock *)stmt->node;
    fly_sql_session *session = stmt->session;
    fly__sql_lock_mode mode = FLY__SQL_LOCK_ACCESS_EXCLUSIVE;
    fly__sql_ddl_tag(stmt, "LOCK TABLE");
    if (!session->txn_explicit && !session->state->block) {
        return fly_err_state(err, "25P01", 0, "LOCK TABLE can only be used in transaction blocks");
    }
    for (size_t i = 0; node->mode != NULL && i < sizeof modes / sizeof modes[0]; i++) {
        mode = strcmp(modes[i], node->mode) == 0 ? (fly__sql_lock_mode)i : mode;
    }
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < node->relations.count && status == FLY_OK; i++) {
        const fly__sql_table *table = NULL;
        status = fly__sql_ddl_relation(stmt, (const fly_ast_relation *)node->relations.items[i],
                                       NULL, &table, err);
        if (status == FLY_OK) {
            status = fly__sql_table_lock(session, table->oid, table->name, mode, node->nowait, NULL,
                                         err);
        }
    }
    return status;
}

/* A lock that who reads and changes rows takes too changes nothing. */
static bool is_weak_lock(const fly_ast *node)
{
    const char *mode = node->kind == FLY_AST_LOCK ? ((const fly_ast_lock *)node)->mode : NULL;
    return mode != NULL && (strcmp(mode, "access share") == 0 || strcmp(mode, "row share") == 0 ||
                            strcmp(mode, "row exclusive") == 0);
}

fly_status fly__sql_ddl(fly_sql_stmt *stmt, fly_err *err)
{
    char command[64];
    (void)snprintf(command, sizeof command, "%s", fly__sql_ast_name(stmt->node->kind));
    for (char *at = command; *at != '\0'; at++) {
        *at = *at == '_' ? ' ' : *at;
    }
    fly_status status =
        is_weak_lock(stmt->node) ? FLY_OK : fly__sql_check_writable(stmt->session, command, err);
    if (status != FLY_OK) {
        return status;
    }
    switch (stmt->node->kind) {
    case FLY_AST_CREATE_TABLE:
        return fly__sql_create_table(stmt, err);
    case FLY_AST_CREATE_TABLE_AS:
        return fly__sql_create_table_as(stmt, err);
    case FLY_AST_CREATE_INDEX:
        return fly__sql_create_index(stmt, err);
    case FLY_AST_CREATE_VIEW:
        return fly__sql_create_view(stmt, err);
    case FLY_AST_REFRESH:
        return fly__sql_refresh(stmt, err);
    case FLY_AST_CREATE_SEQUENCE:
        return fly__sql_create_sequence(stmt, err);
    case FLY_AST_ALTER_SEQUENCE:
        return fly__sql_alter_sequence(stmt, err);
    case FLY_AST_CREATE_SCHEMA:
        return create_schema(stmt, err);
    case FLY_AST_CREATE_DATABASE:
        return create_database(stmt, err);
    case FLY_AST_ALTER_DATABASE:
        return alter_database(stmt, err);
    case FLY_AST_CREATE_ROLE:
        return fly__sql_create_role(stmt, err);
    case FLY_AST_ALTER_ROLE:
        return fly__sql_alter_role(stmt, err);
    case FLY_AST_GRANT_ROLE:
        return fly__sql_grant_role(stmt, err);
    case FLY_AST_GRANT:
        return fly__sql_grant(stmt, err);
    case FLY_AST_ALTER_DEFAULTS:
        return fly__sql_alter_defaults(stmt, err);
    case FLY_AST_SET_OWNER:
        return fly__sql_set_owner(stmt, err);
    case FLY_AST_REASSIGN:
        return fly__sql_reassign(stmt, err);
    case FLY_AST_CREATE_POLICY:
        return fly__sql_create_policy(stmt, err);
    case FLY_AST_CREATE_TYPE:
        return fly__sql_create_type(stmt, err);
    case FLY_AST_CREATE_DOMAIN:
        return fly__sql_create_domain(stmt, err);
    case FLY_AST_ALTER_ENUM:
        return fly__sql_alter_enum(stmt, err);
    case FLY_AST_CREATE_FUNCTION:
        return fly__sql_create_function(stmt, err);
    case FLY_AST_CREATE_TRIGGER:
        return fly__sql_create_trigger(stmt, err);
    case FLY_AST_ALTER_TABLE:
        return fly__sql_alter_table(stmt, err);
    case FLY_AST_RENAME:
        return fly__sql_rename(stmt, err);
    case FLY_AST_DROP:
        return fly__sql_drop(stmt, err);
    case FLY_AST_TRUNCATE:
        return fly__sql_truncate(stmt, err);
    case FLY_AST_COMMENT:
        return comment(stmt, err);
    case FLY_AST_REINDEX:
        fly__sql_ddl_tag(stmt, "REINDEX"); /* indexes do not decay: nothing is to be done */
        return FLY_OK;
    case FLY_AST_CLUSTER:
        fly__sql_ddl_tag(stmt, "CLUSTER");
        return FLY_OK;
    case FLY_AST_LOCK:
        return lock_tables(stmt, err);
    case FLY_AST_CREATE_EXTENSION:
        fly__sql_ddl_tag(stmt, "CREATE EXTENSION");
        return FLY_OK;
    case FLY_AST_PRAGMA:
        fly__sql_ddl_tag(stmt, "PRAGMA");
        return FLY_OK;
    default:
        return fly_err_state(err, "0A000", stmt->node->pos, "%s is not supported",
                             fly__sql_ast_name(stmt->node->kind));
    }
}
