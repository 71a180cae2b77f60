/*
 * The rows of the system tables, computed from the view that the running statement has.
 *
 * A table has a function that makes all of its rows, at the first call for a batch; a scan keeps them in
 * its arena, so that scanning again, in the inner side of a loop, costs nothing. A catalog has thousands
 * of rows, not millions.
 *
 * What is not here: changes (42501) and locks, indexes on these tables.
 */
#include "catalog/system_int.h"

#include "catalog/right_int.h"
#include "func/func_int.h"
#include "parse/text_int.h"
#include "session/ddl_int.h"
#include "session/engine_int.h"
#include "session/lock_int.h"
#include "session/settings_int.h"
#include "session/user_int.h"
#include "types/array_int.h"
#include "types/value_int.h"

#include <fly/base_hash.h>
#include <fly/text.h>

#include <string.h>

/* ---------------------------------------------------------------- a row's making */

typedef struct maker {
    fly_sql_session *session;
    const fly__sql_catalog_view *view;
    const fly__sql_table *table;
    fly_arena *arena;
    fly_vec_value **rows;
    size_t count, room;
    fly_vec_value *row; /* that is being made */
    uint16_t at;        /* its next column */
    fly_status status;
    fly_err *err;
} maker;

static void begin(maker *m)
{
    if (m->status != FLY_OK) {
        return;
    }
    if (m->count == m->room) {
        size_t room = m->room * 2 + 64;
        fly_vec_value **rows = fly_arena_alloc(m->arena, room * sizeof *rows);
        if (rows != NULL && m->count > 0) {
            memcpy(rows, m->rows, m->count * sizeof *rows);
        }
        m->rows = rows;
        m->room = room;
    }
    m->row = fly__sql_values_alloc(m->arena, m->table->column_count);
    m->at = 0;
    if (m->rows == NULL || m->row == NULL) {
        m->status = fly_err_set(m->err, FLY_E_NO_MEMORY, "out of memory for a system table");
        return;
    }
    m->rows[m->count++] = m->row;
}

static void put(maker *m, fly_vec_value value)
{
    if (m->status == FLY_OK) {
        FLY_ASSERT(m->at < m->table->column_count);
        m->row[m->at++] = value;
    }
}

/* What is left are columns that are the same in all rows. */
static void end(maker *m)
{
    while (m->status == FLY_OK && m->at < m->table->column_count) {
        fly_vec_value value = {0};
        value.null = !m->table->columns[m->at].not_null;
        m->row[m->at++] = value;
    }
}

static void put_null(maker *m)
{
    put(m, (fly_vec_value){.null = true});
}

static void put_oid(maker *m, uint32_t oid)
{
    put(m, (fly_vec_value){.i32 = (int32_t)oid});
}

static void put_bool(maker *m, bool value)
{
    put(m, (fly_vec_value){.b = value});
}

static void put_i16(maker *m, int value)
{
    put(m, (fly_vec_value){.i16 = (int16_t)value});
}

static void put_i32(maker *m, int32_t value)
{
    put(m, (fly_vec_value){.i32 = value});
}

static void put_i64(maker *m, int64_t value)
{
    put(m, (fly_vec_value){.i64 = value});
}

static void put_f32(maker *m, double value)
{
    put(m, (fly_vec_value){.f32 = (float)value});
}

/* Text that lives as long as the view, or for ever; NULL is null. */
static void put_text(maker *m, const char *text)
{
    put(m, text == NULL ? (fly_vec_value){.null = true}
                        : (fly_vec_value){.str = fly_vec_str_of(text, strlen(text))});
}

/* "char": 0 is the empty string, as PostgreSQL shows it. */
static void put_char(maker *m, int letter)
{
    char c = (char)letter;
    put(m, (fly_vec_value){.str = fly_vec_str_of(&c, c != 0)});
}

/* Text that is about to go. */
static void put_copy(maker *m, const char *text)
{
    const char *copy = fly_arena_copy(m->arena, text, strlen(text) + 1);
    if (copy == NULL && m->status == FLY_OK) {
        m->status = fly_err_set(m->err, FLY_E_NO_MEMORY, "out of memory for a system table");
    }
    put_text(m, copy);
}

/* An array of small numbers or OIDs; `lower` is 0 for int2vector and oidvector. */
static void put_array(maker *m, uint32_t element, const uint32_t *numbers, uint32_t count,
                      int32_t lower)
{
    fly__sql_array_builder builder;
    fly_vec_value value = {0};
    fly__sql_array_begin(&builder, fly__sql_type(element), m->arena);
    for (uint32_t i = 0; i < count && m->status == FLY_OK; i++) {
        fly_vec_value number = {.i32 = (int32_t)numbers[i]};
        if (element == FLY_SQL_INT2) {
            number = (fly_vec_value){.i16 = (int16_t)numbers[i]};
        }
        m->status = fly__sql_array_add(&builder, &number, m->err);
    }
    if (m->status == FLY_OK) {
        m->status =
            fly__sql_array_end_shaped(&builder, count > 0, &count, &lower, &value.str, m->err);
    }
    put(m, value);
}

/* ------------------------------------------------------------------------- rights */

/* The letters of rights, by their bits, and their words. */
static const char right_letters[] = "arwdDxtXUCTcsA";
static const char *const right_words[] = {
    "INSERT",  "SELECT", "UPDATE", "DELETE",    "TRUNCATE", "REFERENCES", "TRIGGER",
    "EXECUTE", "USAGE",  "CREATE", "TEMPORARY", "CONNECT",  "SET",        "ALTER SYSTEM"};

static void put_role_name(maker *m, fly_sql_text *text, uint32_t role)
{
    char room[FLY__SQL_NAME_MAX + 1];
    if (role != FLY__SQL_ROLE_PUBLIC) {
        fly__sql_put_ident(text, fly_bytes_str(fly__sql_role_name(m->session, role, room)));
    }
}

/* Items as PostgreSQL writes them, "grantee=rw/grantor", for one column or the whole; NULL: none. */
static void put_items(maker *m, const fly__sql_acl_item *items, uint16_t count, uint16_t column)
{
    fly__sql_array_builder builder;
    fly_vec_value value = {0};
    bool any = false;
    fly__sql_array_begin(&builder, fly__sql_type(FLY_SQL_TEXT), m->arena);
    for (uint16_t i = 0; i < count && m->status == FLY_OK; i++) {
        const fly__sql_acl_item *item = &items[i];
        if (item->column != column) {
            continue;
        }
        fly_sql_text text = {.arena = m->arena};
        put_role_name(m, &text, item->grantee);
        fly__sql_text_put(&text, "=");
        for (uint32_t bit = 0; bit < sizeof right_letters - 1; bit++) {
            if ((item->rights & 1u << bit) != 0) {
                const char letter[] = {right_letters[bit], '\0'};
                fly__sql_text_put(&text, letter);
                fly__sql_text_put(&text, (item->grantable & 1u << bit) != 0 ? "*" : "");
            }
        }
        fly__sql_text_put(&text, "/");
        put_role_name(m, &text, item->grantor);
        if (text.failed) {
            m->status = fly_err_set(m->err, FLY_E_NO_MEMORY, "out of memory for a system table");
            break;
        }
        fly_vec_value element = {.str = fly_vec_str_of(text.data, text.len)};
        m->status = fly__sql_array_add(&builder, &element, m->err);
        any = true;
    }
    if (m->status == FLY_OK && any) {
        m->status = fly__sql_array_end(&builder, &value.str, m->err);
    }
    value.null = !any;
    put(m, value);
}

/* The list of an object, NULL if it has the defaults. */
static void put_acl(maker *m, uint32_t oid, uint16_t column)
{
    const fly__sql_acl *acl = fly__sql_object_of(m->view, FLY__SQL_O_ACL, oid);
    if (acl == NULL || (column == 0 && !acl->own)) {
        put_null(m);
    } else {
        put_items(m, acl->items, acl->count, column);
    }
}

static void put_roles(maker *m, const fly__sql_policy *policy)
{
    static const uint32_t everybody[] = {FLY__SQL_ROLE_PUBLIC};
    put_array(m, FLY_SQL_OID, policy->role_count == 0 ? everybody : policy->roles,
              policy->role_count == 0 ? 1 : policy->role_count, 1);
}

/* Some catalog objects have no number of their own: one that is made of their owner's. */
uint32_t fly__sql_part_oid(uint32_t whole, uint32_t number)
{
    return (uint32_t)(fly_hash_u64((uint64_t)whole << 32 | number) & 0x3fffffff) | 0x40000000;
}

/* -------------------------------------------------------------------- relations */

/* Tables of the catalog, then those of the system. `*at` counts on. */
static const fly__sql_table *next_table(const maker *m, size_t *at, size_t *system)
{
    const fly__sql_table *table = fly__sql_table_next(m->view, at);
    return table != NULL ? table : fly__sql_system_at((*system)++);
}

static int kind_of(const fly__sql_table *table)
{
    return table->class == FLY__SQL_SYSTEM ? 'r' : table->class;
}

static void class_row(maker *m, uint32_t oid, const char *name, const fly__sql_table *table,
                      const fly__sql_index *index)
{
    uint16_t checks = 0;
    for (uint16_t i = 0; i < table->constraint_count; i++) {
        checks = (uint16_t)(checks + (table->constraints[i]->kind == FLY__SQL_CHECK));
    }
    begin(m);
    put_oid(m, oid);
    put_text(m, name);
    put_oid(m, table->schema);
    put_oid(m, index == NULL ? table->row_type : 0);
    put_oid(m, 0);
    put_oid(m, table->owner);
    put_oid(m, index != NULL ? 403 : table->tree != NULL ? 2 : 0);
    put_oid(m, oid);
    put_oid(m, 0);
    put_i32(m, (int32_t)table->pages);
    put_f32(m, table->rows);
    put_oid(m, 0);
    put_bool(m, index == NULL && table->index_count > 0);
    put_bool(m, false);
    put_char(m, table->temporary ? 't' : 'p');
    put_char(m, index != NULL ? 'i' : kind_of(table));
    put_i16(m, index != NULL ? index->column_count : table->column_count);
    put_i16(m, index == NULL ? checks : 0);
    put_bool(m, table->class == FLY__SQL_VIEW);
    /* Foreign keys, of this table or to it, are triggers for those who ask. */
    put_bool(m, index == NULL && (table->trigger_count > 0 || table->constraint_count > 0));
    put_bool(m, false);
    put_bool(m, index == NULL && table->row_security);
    put_bool(m, index == NULL && table->force_row_security);
    put_bool(m, table->class != FLY__SQL_MATVIEW || table->populated);
    put_char(m, index != NULL ? 'n' : 'd');
    put_bool(m, false);
    put_acl(m, index != NULL ? 0 : oid, 0);
    end(m);
}

static void make_pg_class(maker *m)
{
    size_t at = 0;
    size_t system = 0;
    const fly__sql_table *table;
    while ((table = next_table(m, &at, &system)) != NULL) {
        class_row(m, table->oid, table->name, table, NULL);
        for (uint16_t i = 0; i < table->index_count; i++) {
            class_row(m, table->indexes[i]->oid, table->indexes[i]->name, table, table->indexes[i]);
        }
    }
}

/* How values are kept, in PostgreSQL's words: plain, main, extended. */
static char storage_of(const maker *m, uint32_t oid)
{
    const fly__sql_type_info *info = fly__sql_type_info_of(oid);
    const fly__sql_user_type *user = info != NULL ? NULL : fly__sql_user_type_of(m->view, oid);
    if (user != NULL && user->oid == oid && user->kind != 'c') {
        return user->kind == 'e' ? 'p' : storage_of(m, user->base.oid);
    }
    return info != NULL && info->length > 0 ? 'p' : oid == FLY_SQL_NUMERIC ? 'm' : 'x';
}

static void attribute_row(maker *m, uint32_t relation, const char *name, uint16_t number,
                          fly_sql_type type, const fly__sql_column *column)
{
    const fly__sql_type_info *info = fly__sql_type_info_of(type.oid);
    begin(m);
    put_oid(m, relation);
    put_text(m, name);
    put_oid(m, type.oid);
    put_i32(m, -1);
    put_i16(m, info != NULL ? info->length : -1);
    put_i16(m, number);
    put_i32(m, fly__sql_type_is_array(type.oid));
    put_i32(m, type.mod);
    put_bool(m, column != NULL && column->not_null);
    put_bool(m, column != NULL && column->default_text != NULL);
    put_char(m, column != NULL ? column->identity : 0);
    put_char(m, column != NULL ? column->generated : 0);
    put_bool(m, column != NULL && column->dropped);
    put_bool(m, true);
    put_i32(m, 0);
    put_oid(m, type.collation != 0                                   ? type.collation
               : info != NULL && strchr("S", info->category) != NULL ? 100
                                                                     : 0);
    put_char(m, storage_of(m, type.oid));
    put_acl(m, relation, number);
    end(m);
}

static void make_pg_attribute(maker *m)
{
    size_t at = 0;
    size_t system = 0;
    const fly__sql_table *table;
    while ((table = next_table(m, &at, &system)) != NULL) {
        for (uint16_t i = 0; i < table->column_count; i++) {
            const fly__sql_column *column = &table->columns[i];
            attribute_row(m, table->oid, column->name, column->number, column->type, column);
        }
        for (uint16_t i = 0; i < table->index_count; i++) {
            const fly__sql_index *index = table->indexes[i];
            for (uint16_t k = 0; k < index->column_count; k++) {
                const fly__sql_index_column *key = &index->columns[k];
                const char *name = key->column != 0 ? table->columns[key->column - 1].name : "expr";
                attribute_row(m, index->oid, name, (uint16_t)(k + 1), key->type, NULL);
            }
        }
    }
}

/* A default: the sequence that a serial column takes from is named as little as the search path allows. */
static void put_default(maker *m, const char *text)
{
    static const char before[] = "nextval('";
    static const char behind[] = "'::regclass)";
    size_t len = strlen(text);
    size_t around = sizeof before - 1 + sizeof behind - 1;
    uint32_t oid = 0;
    if (len <= around || strncmp(text, before, sizeof before - 1) != 0 ||
        strcmp(text + len - (sizeof behind - 1), behind) != 0) {
        put_text(m, text);
        return;
    }
    fly_sql_text name = {.arena = m->arena};
    fly_sql_text shown = {.arena = m->arena};
    for (const char *at = text + sizeof before - 1; at < text + len - (sizeof behind - 1); at++) {
        fly__sql_text_add(&name, at, 1);
        at += at[0] == '\'' && at[1] == '\'';
    }
    if (name.failed ||
        fly__sql_reg_in(m->session, FLY_SQL_REGCLASS, fly_bytes_of(name.data, name.len), true,
                        m->arena, &oid, NULL) != FLY_OK ||
        oid == 0) {
        put_text(m, text);
        return;
    }
    name.len = 0;
    fly__sql_put_reg(&name, m->view, FLY_SQL_REGCLASS, oid);
    fly__sql_text_put(&shown, before);
    for (size_t i = 0; i < name.len; i++) {
        fly__sql_text_add(&shown, name.data + i, 1);
        fly__sql_text_put(&shown, name.data[i] == '\'' ? "'" : "");
    }
    fly__sql_text_add(&shown, behind, sizeof behind);
    put_text(m, shown.failed ? text : shown.data);
}

static void make_pg_attrdef(maker *m)
{
    size_t at = 0;
    const fly__sql_table *table;
    while ((table = fly__sql_table_next(m->view, &at)) != NULL) {
        for (uint16_t i = 0; i < table->column_count; i++) {
            const fly__sql_column *column = &table->columns[i];
            if (column->default_text == NULL || column->dropped) {
                continue;
            }
            begin(m);
            put_oid(m, fly__sql_part_oid(table->oid, column->number));
            put_oid(m, table->oid);
            put_i16(m, column->number);
            put_default(m, column->default_text);
            end(m);
        }
    }
}

static void index_row(maker *m, const fly__sql_table *table, const fly__sql_index *index)
{
    uint32_t keys[FLY__SQL_INDEX_COLUMNS_MAX];
    uint32_t options[FLY__SQL_INDEX_COLUMNS_MAX];
    uint32_t count = index->column_count < FLY__SQL_INDEX_COLUMNS_MAX ? index->column_count
                                                                      : FLY__SQL_INDEX_COLUMNS_MAX;
    const char *expression = NULL;
    for (uint32_t i = 0; i < count; i++) {
        const fly__sql_index_column *column = &index->columns[i];
        keys[i] = column->column;
        options[i] = (column->descending ? 1u : 0u) | (column->nulls_first ? 2u : 0u);
        expression = expression == NULL ? column->expression : expression;
    }
    begin(m);
    put_oid(m, index->oid);
    put_oid(m, table->oid);
    put_i16(m, index->column_count);
    put_i16(m, index->key_count);
    put_bool(m, index->unique);
    put_bool(m, index->nulls_not_distinct);
    put_bool(m, index->primary);
    put_bool(m, false);
    put_bool(m, true);
    put_bool(m, false);
    put_bool(m, true);
    put_bool(m, index->ready);
    put_bool(m, true);
    put_bool(m, false);
    put_array(m, FLY_SQL_INT2, keys, count, 0);
    put_array(m, FLY_SQL_INT2, options, index->key_count, 0);
    put_text(m, expression);
    put_text(m, index->predicate);
    end(m);
}

static void make_pg_index(maker *m)
{
    size_t at = 0;
    const fly__sql_table *table;
    while ((table = fly__sql_table_next(m->view, &at)) != NULL) {
        for (uint16_t i = 0; i < table->index_count; i++) {
            index_row(m, table, table->indexes[i]);
        }
    }
}

/* Columns of a constraint, as an array; null if it has none. */
static void put_columns(maker *m, const uint16_t *columns, uint16_t count)
{
    uint32_t numbers[FLY__SQL_INDEX_COLUMNS_MAX];
    uint32_t n = count < FLY__SQL_INDEX_COLUMNS_MAX ? count : FLY__SQL_INDEX_COLUMNS_MAX;
    for (uint32_t i = 0; i < n && columns != NULL; i++) {
        numbers[i] = columns[i];
    }
    if (columns == NULL || n == 0) {
        put_null(m);
    } else {
        put_array(m, FLY_SQL_INT2, numbers, n, 1);
    }
}

/* The columns that a check names, each once. */
struct mentioned {
    const fly__sql_table *table;
    uint16_t columns[FLY__SQL_INDEX_COLUMNS_MAX];
    uint16_t count;
};

static bool note_column(void *ctx, fly_ast *node)
{
    struct mentioned *mentioned = ctx;
    if (node->kind != FLY_AST_COLUMN || mentioned->count == FLY__SQL_INDEX_COLUMNS_MAX) {
        return true;
    }
    const fly_ast_names *names = &((const fly_ast_column *)node)->names;
    uint16_t number = names->count == 0
                          ? 0
                          : fly__sql_column_named(mentioned->table, names->items[names->count - 1]);
    for (uint16_t i = 0; i < mentioned->count; i++) {
        number = mentioned->columns[i] == number ? 0 : number;
    }
    if (number != 0) {
        mentioned->columns[mentioned->count++] = number;
    }
    return true;
}

static void put_check_columns(maker *m, const fly__sql_table *table, const char *check)
{
    struct mentioned mentioned = {.table = table};
    fly_ast *node = NULL;
    if (fly__sql_parse_expr(m->arena, fly_bytes_str(check), NULL, &node, NULL) == FLY_OK) {
        fly__sql_ast_walk(node, note_column, &mentioned);
    }
    put_columns(m, mentioned.columns, mentioned.count);
}

/* Of keys, the columns are those of the index behind them. */
static void put_key_columns(maker *m, const fly__sql_table *table,
                            const fly__sql_constraint *constraint)
{
    uint16_t columns[FLY__SQL_INDEX_COLUMNS_MAX];
    if (constraint->kind == FLY__SQL_CHECK && constraint->check != NULL) {
        put_check_columns(m, table, constraint->check);
        return;
    }
    for (uint16_t i = 0; i < table->index_count && constraint->count == 0; i++) {
        const fly__sql_index *index = table->indexes[i];
        if (index->oid == constraint->index && index->key_count <= FLY__SQL_INDEX_COLUMNS_MAX) {
            for (uint16_t k = 0; k < index->key_count; k++) {
                columns[k] = index->columns[k].column;
            }
            put_columns(m, columns, index->key_count);
            return;
        }
    }
    put_columns(m, constraint->columns, constraint->count);
}

static void constraint_row(maker *m, const fly__sql_table *table,
                           const fly__sql_constraint *constraint)
{
    bool foreign = constraint->kind == FLY__SQL_FOREIGN;
    begin(m);
    put_oid(m, constraint->oid);
    put_text(m, constraint->name);
    put_oid(m, table->schema);
    put_char(m, constraint->kind);
    put_bool(m, constraint->deferrable);
    put_bool(m, constraint->deferred);
    put_bool(m, constraint->validated);
    put_oid(m, table->oid);
    put_oid(m, 0);
    put_oid(m, constraint->index);
    put_oid(m, 0);
    put_oid(m, foreign ? constraint->foreign_table : 0);
    put_char(m, foreign ? constraint->on_update : ' ');
    put_char(m, foreign ? constraint->on_delete : ' ');
    put_char(m, foreign ? constraint->match : ' ');
    put_bool(m, true);
    put_key_columns(m, table, constraint);
    put_columns(m, foreign ? constraint->foreign_columns : NULL, constraint->count);
    put_text(m, constraint->check);
    end(m);
}

/* Checks of a domain: they have no OIDs of their own. */
static void domain_rows(maker *m, const fly__sql_user_type *type)
{
    for (uint16_t i = 0; i < type->check_count; i++) {
        begin(m);
        put_oid(m, fly__sql_part_oid(type->oid, i));
        put_text(m, type->check_names[i]);
        put_oid(m, type->schema);
        put_char(m, FLY__SQL_CHECK);
        put_bool(m, false);
        put_bool(m, false);
        put_bool(m, true);
        put_oid(m, 0);
        put_oid(m, type->oid);
        put_oid(m, 0);
        put_oid(m, 0);
        put_oid(m, 0);
        put_char(m, ' ');
        put_char(m, ' ');
        put_char(m, ' ');
        put_bool(m, true);
        put_null(m);
        put_null(m);
        put_text(m, type->checks[i]);
        end(m);
    }
}

static void make_pg_constraint(maker *m)
{
    size_t at = 0;
    const fly__sql_table *table;
    while ((table = fly__sql_table_next(m->view, &at)) != NULL) {
        for (uint16_t i = 0; i < table->constraint_count; i++) {
            constraint_row(m, table, table->constraints[i]);
        }
    }
    const fly__sql_user_type *type;
    at = 0;
    while ((type = fly__sql_user_type_next(m->view, &at)) != NULL) {
        domain_rows(m, type);
    }
}

static void make_pg_trigger(maker *m)
{
    size_t at = 0;
    const fly__sql_table *table;
    while ((table = fly__sql_table_next(m->view, &at)) != NULL) {
        for (uint16_t i = 0; i < table->trigger_count; i++) {
            const fly__sql_trigger *trigger = table->triggers[i];
            /* PostgreSQL's bits: 1 row, 2 before, 4 insert, 8 delete, 16 update, 32 truncate,
             * 64 instead. */
            int type = (trigger->row ? 1 : 0) | (trigger->when == 'b' ? 2 : 0) |
                       trigger->events << 2 | (trigger->when == 'i' ? 64 : 0);
            begin(m);
            put_oid(m, trigger->oid);
            put_oid(m, table->oid);
            put_text(m, trigger->name);
            put_oid(m, trigger->function);
            put_i16(m, type);
            put_char(m, trigger->enabled ? 'O' : 'D');
            put_bool(m, false);
            put_oid(m, 0);
            end(m);
        }
    }
}

static void make_pg_policy(maker *m)
{
    size_t at = 0;
    const fly__sql_table *table;
    while ((table = fly__sql_table_next(m->view, &at)) != NULL) {
        for (uint16_t i = 0; i < table->policy_count; i++) {
            const fly__sql_policy *policy = table->policies[i];
            begin(m);
            put_oid(m, policy->oid);
            put_text(m, policy->name);
            put_oid(m, table->oid);
            put_char(m, policy->command);
            put_bool(m, policy->permissive);
            put_text(m, policy->using_text);
            put_text(m, policy->check_text);
            put_roles(m, policy);
            end(m);
        }
    }
}

static void description_row(maker *m, uint32_t object, uint16_t column, const char *text)
{
    bool relation = fly__sql_table_of(m->view, object) != NULL;
    begin(m);
    put_oid(m, object);
    put_oid(m, relation ? 1259 : 0);
    put_i32(m, column);
    put_text(m, text);
    end(m);
}

static void make_pg_description(maker *m)
{
    size_t at = 0;
    const fly__sql_table *table;
    while ((table = fly__sql_table_next(m->view, &at)) != NULL) {
        if (table->comment != NULL) {
            description_row(m, table->oid, 0, table->comment);
        }
    }
    at = 0;
    const fly__sql_comment *comment;
    while ((comment = fly__sql_object_next(m->view, FLY__SQL_O_COMMENT, &at)) != NULL) {
        description_row(m, comment->object, comment->column, comment->text);
    }
}

static void make_pg_sequence(maker *m)
{
    size_t at = 0;
    const fly__sql_table *table;
    while ((table = fly__sql_table_next(m->view, &at)) != NULL) {
        const fly__sql_sequence *sequence =
            table->class == FLY__SQL_SEQUENCE ? fly__sql_sequence_of(m->view, table->oid) : NULL;
        if (sequence == NULL) {
            continue;
        }
        begin(m);
        put_oid(m, table->oid);
        put_oid(m, sequence->type.oid);
        put_i64(m, sequence->start);
        put_i64(m, sequence->increment);
        put_i64(m, sequence->maximum);
        put_i64(m, sequence->minimum);
        put_i64(m, sequence->cache);
        put_bool(m, sequence->cycle);
        end(m);
    }
}

/* What depends on what is found by looking where something is dropped: but for sequences, which belong
 * to a column. */
static void make_pg_depend(maker *m)
{
    enum { PG_CLASS = 1259, PG_ATTRDEF = 2604 };
    size_t at = 0;
    const fly__sql_table *table;
    while ((table = fly__sql_table_next(m->view, &at)) != NULL) {
        for (uint16_t i = 0; i < table->column_count; i++) {
            const fly__sql_column *column = &table->columns[i];
            if (column->dropped || column->sequence == 0) {
                continue;
            }
            begin(m);
            put_oid(m, PG_CLASS);
            put_oid(m, column->sequence);
            put_i32(m, 0);
            put_oid(m, PG_CLASS);
            put_oid(m, table->oid);
            put_i32(m, column->number);
            put_char(m, column->identity != 0 ? 'i' : 'a');
            end(m);
            if (column->default_text == NULL) {
                continue;
            }
            begin(m); /* the default needs the sequence */
            put_oid(m, PG_ATTRDEF);
            put_oid(m, fly__sql_part_oid(table->oid, column->number));
            put_i32(m, 0);
            put_oid(m, PG_CLASS);
            put_oid(m, column->sequence);
            put_i32(m, 0);
            put_char(m, 'n');
            end(m);
        }
    }
}

static void make_pg_namespace(maker *m)
{
    size_t at = 0;
    const fly__sql_schema *schema;
    while ((schema = fly__sql_schema_next(m->view, &at)) != NULL) {
        begin(m);
        put_oid(m, schema->oid);
        put_text(m, schema->name);
        put_oid(m, schema->owner);
        if (schema->oid < FLY__SQL_OID_FIRST &&
            fly__sql_object_of(m->view, FLY__SQL_O_ACL, schema->oid) == NULL) {
            fly__sql_acl_item room[FLY__SQL_ACL_DEFAULTS];
            uint16_t count =
                fly__sql_acl_defaults(FLY__SQL_RIGHT_SCHEMA, schema->oid, schema->owner, room);
            put_items(m, room, count, 0); /* it is not as new ones are */
        } else {
            put_acl(m, schema->oid, 0);
        }
        end(m);
    }
}

/* ----------------------------------------------------------------- types, functions */

static void type_row(maker *m, uint32_t oid, const char *name, uint32_t schema, int length,
                     int kind, int category, bool preferred, uint32_t relation, uint32_t element,
                     uint32_t array, const fly__sql_user_type *domain)
{
    begin(m);
    put_oid(m, oid);
    put_text(m, name);
    const fly__sql_user_type *user = fly__sql_object_of(m->view, FLY__SQL_O_TYPE, oid);
    put_oid(m, schema);
    put_oid(m, user != NULL ? user->owner : FLY__SQL_ROLE_ADMIN);
    put_i16(m, length);
    put_bool(m, length > 0 && length <= 8);
    put_char(m, kind);
    put_char(m, category);
    put_bool(m, preferred);
    put_bool(m, true);
    put_char(m, ',');
    put_oid(m, relation);
    put_oid(m, element);
    put_oid(m, array);
    put_oid(m, category == 'A' ? 750 : 0); /* array_in: drivers know arrays by it */
    put_oid(m, category == 'A' ? 751 : 0);
    put_bool(m, domain != NULL && domain->not_null);
    put_oid(m, domain != NULL ? domain->base.oid : 0);
    put_i32(m, domain != NULL ? domain->base.mod : -1);
    put_i32(m, 0);
    put_oid(m, category == 'S' ? 100 : 0);
    put_text(m, domain != NULL ? domain->default_text : NULL);
    put_acl(m, user != NULL ? oid : 0, 0);
    put_char(m, storage_of(m, oid));
    put_text(m, domain != NULL ? domain->default_text : NULL);
    end(m);
}

static void make_pg_type(maker *m)
{
    size_t count;
    const fly__sql_type_info *infos = fly__sql_type_infos(&count);
    for (size_t i = 0; i < count; i++) {
        const fly__sql_type_info *info = &infos[i];
        type_row(m, info->oid, info->name, FLY__SQL_SCHEMA_PG_CATALOG, info->length,
                 info->category == 'P' ? 'p' : 'b', info->category, info->preferred, 0,
                 info->element_oid, info->array_oid, 0);
    }
    size_t at = 0;
    const fly__sql_user_type *type;
    while ((type = fly__sql_user_type_next(m->view, &at)) != NULL) {
        int category = type->kind == 'e' ? 'E' : type->kind == 'c' ? 'C' : 'U';
        type_row(m, type->oid, type->name, type->schema, type->kind == 'e' ? 4 : -1, type->kind,
                 category, false, type->table, 0, type->array_oid, type->kind == 'd' ? type : NULL);
        if (type->array_oid != 0) {
            char name[FLY__SQL_NAME_MAX + 2] = "_";
            (void)strncat(name, type->name, FLY__SQL_NAME_MAX);
            const char *copy = fly_arena_copy(m->arena, name, strlen(name) + 1);
            type_row(m, type->array_oid, copy, type->schema, -1, 'b', 'A', false, 0, type->oid, 0,
                     NULL);
        }
    }
}

/* Labels of a type have rising numbers in the order in which they were made: clients sort by them. */
static uint32_t label_oid(uint32_t type, uint32_t value)
{
    return (fly__sql_part_oid(type, 0) & ~(uint32_t)0xfff) + value;
}

static void make_pg_enum(maker *m)
{
    size_t at = 0;
    const fly__sql_user_type *type;
    while ((type = fly__sql_user_type_next(m->view, &at)) != NULL) {
        for (uint16_t i = 0; i < type->label_count; i++) {
            begin(m);
            put_oid(m, label_oid(type->oid, (uint32_t)type->labels[i].value));
            put_oid(m, type->oid);
            put_f32(m, (double)type->labels[i].sort);
            put_text(m, type->labels[i].label);
            end(m);
        }
    }
}

static int volatility_of(uint8_t volatility)
{
    return volatility == FLY__SQL_IMMUTABLE ? 'i' : volatility == FLY__SQL_STABLE ? 's' : 'v';
}

static uint32_t language_of(const fly__sql_user_function *user)
{
    enum { INTERNAL = 12, SQL = 14, PLPGSQL = 13500 };
    return user == NULL                             ? INTERNAL
           : strcmp(user->language, "plpgsql") == 0 ? PLPGSQL
           : strcmp(user->language, "sql") == 0     ? SQL
                                                    : INTERNAL;
}

/* A list with one text for each argument; NULL if it would say nothing. */
static void put_each(maker *m, const fly__sql_user_function *user, bool names, bool wanted)
{
    fly__sql_array_builder builder;
    fly_vec_value value = {0};
    if (user == NULL || !wanted) {
        put_null(m);
        return;
    }
    fly__sql_array_begin(&builder, fly__sql_type(names ? FLY_SQL_TEXT : FLY_SQL_CHAR), m->arena);
    for (uint16_t i = 0; i < user->all_count && m->status == FLY_OK; i++) {
        const char *text = names ? user->names[i] : &user->modes[i];
        const fly_vec_value element = {.str = fly_vec_str_of(text, names ? strlen(text) : 1)};
        m->status = fly__sql_array_add(&builder, &element, m->err);
    }
    if (m->status == FLY_OK) {
        m->status = fly__sql_array_end(&builder, &value.str, m->err);
    }
    put(m, value);
}

static uint32_t element_of(const maker *m, uint32_t array)
{
    const fly__sql_type_info *info = fly__sql_type_info_of(array);
    const fly__sql_user_type *user = fly__sql_user_type_of(m->view, array);
    return info != NULL ? info->element_oid : user != NULL ? user->oid : 0;
}

/* What is told of the arguments beside their types. */
static void put_arguments(maker *m, const fly__sql_user_function *user)
{
    uint32_t variadic = 0;
    int defaults = 0;
    bool named = false;
    bool moded = false;
    uint32_t types[FLY__SQL_COLUMNS_MAX];
    uint16_t count = user == NULL ? 0 : user->all_count;
    for (uint16_t i = 0; i < count && i < FLY__SQL_COLUMNS_MAX; i++) {
        types[i] = user->types[i].oid;
        variadic = user->modes[i] == 'v' ? element_of(m, types[i]) : variadic;
        defaults += user->defaults[i] != NULL;
        named = named || user->names[i][0] != '\0';
        moded = moded || user->modes[i] != 'i';
    }
    put_oid(m, variadic);
    put_oid(m, 0);
    put_bool(m, false);
    put_char(m, user != NULL ? 'u' : 's');
    put_i16(m, (uint16_t)defaults);
    if (moded) {
        put_array(m, FLY_SQL_OID, types, count, 1);
    } else {
        put_null(m);
    }
    put_each(m, user, false, moded);
    put_each(m, user, true, named);
}

static void proc_row(maker *m, const fly__sql_func *func, const char *name, uint32_t oid,
                     uint32_t schema, const fly__sql_user_function *user)
{
    int kind = user != NULL && user->procedure    ? 'p'
               : func->kind == FLY__SQL_AGGREGATE ? 'a'
               : func->kind == FLY__SQL_WINDOW    ? 'w'
                                                  : 'f';
    begin(m);
    put_oid(m, oid);
    put_text(m, name);
    put_oid(m, schema);
    put_oid(m, user != NULL ? user->owner : FLY__SQL_ROLE_ADMIN);
    put_oid(m, language_of(user));
    put_char(m, kind);
    put_bool(m, user != NULL && user->security_definer);
    put_bool(m, func->strict);
    put_bool(m, user != NULL ? user->returns_set : func->kind == FLY__SQL_SET);
    put_char(m, volatility_of(user != NULL ? user->volatility : func->volatility));
    put_i16(m, func->argc);
    put_oid(m, user != NULL ? user->result.oid : func->result);
    put_array(m, FLY_SQL_OID, func->args, func->argc < 8 ? func->argc : 8, 0);
    put_text(m, user != NULL ? user->body : name);
    put_acl(m, user != NULL ? oid : 0, 0);
    bool set = user != NULL ? user->returns_set : func->kind == FLY__SQL_SET;
    put_f32(m, user != NULL ? 100 : 1);
    put_f32(m, set ? 1000 : 0);
    put_arguments(m, user);
    end(m);
}

static void make_pg_proc(maker *m)
{
    size_t count;
    const fly__sql_func *funcs = fly__sql_funcs_all(&count);
    for (size_t i = 0; i < count; i++) {
        if (funcs[i].kind != FLY__SQL_CAST && funcs[i].kind != FLY__SQL_OPERATOR) {
            proc_row(m, &funcs[i], funcs[i].name, funcs[i].oid, FLY__SQL_SCHEMA_PG_CATALOG, NULL);
        }
    }
    size_t at = 0;
    const fly__sql_user_function *user;
    while ((user = fly__sql_user_function_each(m->view, &at)) != NULL) {
        proc_row(m, user->func, user->name, user->oid, user->schema, user);
    }
}

/* ------------------------------------------------------------- the rest of the world */

uint32_t fly__sql_name_oid(const char *name)
{
    return fly__sql_part_oid(0, (uint32_t)fly_crc32c(0, name, strlen(name)));
}

/* "name=value" of a role in all databases; or of whom and where it was said. */
static void put_settings(maker *m, uint32_t role, const char *database)
{
    fly__sql_array_builder builder;
    fly_vec_value value = {0};
    bool any = false;
    size_t at = 0;
    const fly__sql_role_setting *setting;
    fly__sql_array_begin(&builder, fly__sql_type(FLY_SQL_TEXT), m->arena);
    while (m->status == FLY_OK && (setting = fly__sql_role_setting_next(m->session, &at)) != NULL) {
        bool here = setting->database == NULL || database == NULL
                        ? setting->database == database
                        : strcmp(setting->database, database) == 0;
        if (setting->role != role || !here) {
            continue;
        }
        fly_sql_text text = {.arena = m->arena};
        fly__sql_text_put(&text, setting->name);
        fly__sql_text_put(&text, "=");
        fly__sql_text_put(&text, setting->value);
        fly_vec_value element = {.str = fly_vec_str_of(text.data, text.len)};
        m->status = text.failed
                        ? fly_err_set(m->err, FLY_E_NO_MEMORY, "out of memory for a system table")
                        : fly__sql_array_add(&builder, &element, m->err);
        any = true;
    }
    if (m->status == FLY_OK && any) {
        m->status = fly__sql_array_end(&builder, &value.str, m->err);
    }
    value.null = !any;
    put(m, value);
}

static void role_row(maker *m, const fly__sql_role *role, bool secrets)
{
    begin(m);
    put_oid(m, role->oid);
    put_copy(m, role->name);
    put_bool(m, role->superuser);
    put_bool(m, role->inherit);
    put_bool(m, role->create_role);
    put_bool(m, role->create_db);
    put_bool(m, role->login);
    put_bool(m, role->replication);
    put_i32(m, role->connection_limit);
    put_bool(m, role->bypass_rls);
    if (!secrets) {
        put_text(m, "********");
    } else if (role->verifier == NULL) {
        put_null(m);
    } else {
        put_copy(m, role->verifier);
    }
    if (role->expires) {
        put_i64(m, role->valid_until);
    } else {
        put_null(m);
    }
    if (!secrets) {
        put_settings(m, role->oid, NULL);
    }
    end(m);
}

static void roles(maker *m, bool secrets)
{
    size_t at = 0;
    const fly__sql_role *role;
    while ((role = fly__sql_role_next(m->session, &at)) != NULL) {
        role_row(m, role, secrets);
    }
}

static void make_pg_roles(maker *m)
{
    roles(m, false);
}

/* Superusers only look into this one: catalog/right.c. */
static void make_pg_authid(maker *m)
{
    roles(m, true);
}

static void make_pg_auth_members(maker *m)
{
    size_t at = 0;
    const fly__sql_role *role;
    while ((role = fly__sql_role_next(m->session, &at)) != NULL) {
        for (uint16_t i = 0; i < role->membership_count; i++) {
            const fly__sql_membership *in = &role->memberships[i];
            begin(m);
            put_oid(m, in->role);
            put_oid(m, role->oid);
            put_oid(m, in->grantor);
            put_bool(m, in->admin);
            end(m);
        }
    }
}

/* One row for all settings of a role and database: at the first of them. */
static void make_pg_db_role_setting(maker *m)
{
    size_t at = 0;
    const fly__sql_role_setting *setting;
    while ((setting = fly__sql_role_setting_next(m->session, &at)) != NULL) {
        size_t before = 0;
        const fly__sql_role_setting *first;
        do {
            first = fly__sql_role_setting_next(m->session, &before);
        } while (first->role != setting->role ||
                 (first->database == NULL || setting->database == NULL
                      ? first->database != setting->database
                      : strcmp(first->database, setting->database) != 0));
        if (first != setting) {
            continue;
        }
        begin(m);
        put_oid(m, setting->database == NULL ? 0 : fly__sql_name_oid(setting->database));
        put_oid(m, setting->role);
        put_settings(m, setting->role, setting->database);
        end(m);
    }
}

static void make_pg_default_acl(maker *m)
{
    size_t at = 0;
    const fly__sql_default_acl *acl;
    while ((acl = fly__sql_object_next(m->view, FLY__SQL_O_DEFAULT_ACL, &at)) != NULL) {
        begin(m);
        put_oid(m, acl->oid);
        put_oid(m, acl->role);
        put_oid(m, acl->schema);
        put_char(m, acl->class);
        put_items(m, acl->items, acl->count, 0);
        end(m);
    }
}

/* The rights of one item, or of all of an object. */
static void right_rows(maker *m, const fly__sql_secured *object, const char *schema,
                       const char *column, const fly__sql_acl_item *item)
{
    for (uint32_t bit = 0; bit < sizeof right_letters - 1; bit++) {
        if ((item->rights & 1u << bit) == 0) {
            continue;
        }
        begin(m);
        put_char(m, object->class);
        put_oid(m, object->oid);
        put_text(m, schema);
        put_copy(m, object->name);
        put_text(m, column);
        put_oid(m, item->grantor);
        put_oid(m, item->grantee);
        put_text(m, right_words[bit]);
        put_bool(m, (item->grantable & 1u << bit) != 0 || item->grantee == object->owner);
        end(m);
    }
}

static void object_rights(maker *m, const fly__sql_secured *object, uint32_t schema_oid,
                          const fly__sql_table *table)
{
    fly__sql_acl_item room[FLY__SQL_ACL_DEFAULTS];
    uint16_t count = 0;
    bool own = false;
    const fly__sql_schema *schema = schema_oid == 0 ? NULL
                                                    : fly__sql_schema_of(m->view, schema_oid);
    const char *in = schema == NULL ? NULL : schema->name;
    const fly__sql_acl_item *items =
        fly__sql_acl_of(m->session, m->view, object, room, &count, &own);
    for (uint16_t i = 0; i < count; i++) {
        if (items[i].column == 0) {
            right_rows(m, object, in, NULL, &items[i]);
        }
    }
    const fly__sql_acl *acl =
        table == NULL ? NULL : fly__sql_object_of(m->view, FLY__SQL_O_ACL, object->oid);
    for (uint16_t i = 0; acl != NULL && i < acl->count; i++) {
        for (uint16_t k = 0; acl->items[i].column != 0 && k < table->column_count; k++) {
            if (table->columns[k].number == acl->items[i].column) {
                right_rows(m, object, in, table->columns[k].name, &acl->items[i]);
            }
        }
    }
}

static void database_rights(void *ctx, const char *name)
{
    maker *m = ctx;
    fly__sql_secured object = fly__sql_secured_database(m->session, name);
    object.oid = fly__sql_name_oid(name);
    object_rights(m, &object, 0, NULL);
}

static void make_flydb_rights(maker *m)
{
    size_t at = 0;
    const fly__sql_table *table;
    while ((table = fly__sql_table_next(m->view, &at)) != NULL) {
        if (table->class != FLY__SQL_COMPOSITE) {
            const fly__sql_secured object = fly__sql_secured_table(table);
            object_rights(m, &object, table->schema, table);
        }
    }
    at = 0;
    const fly__sql_user_function *function;
    while ((function = fly__sql_user_function_each(m->view, &at)) != NULL) {
        const fly__sql_secured object = fly__sql_secured_function(function);
        object_rights(m, &object, function->schema, NULL);
    }
    at = 0;
    const fly__sql_user_type *type;
    while ((type = fly__sql_user_type_next(m->view, &at)) != NULL) {
        const fly__sql_secured object = fly__sql_secured_type(type);
        object_rights(m, &object, type->schema, NULL);
    }
    at = 0;
    const fly__sql_schema *schema;
    while ((schema = fly__sql_schema_next(m->view, &at)) != NULL) {
        const fly__sql_secured object = fly__sql_secured_schema(schema);
        object_rights(m, &object, 0, NULL);
    }
    fly_status status = fly__sql_database_list(m->session->sql, database_rights, m, m->err);
    m->status = m->status == FLY_OK ? status : m->status;
}

static void database_row(void *ctx, const char *name)
{
    maker *m = ctx;
    const fly__sql_database_rights *rights = fly__sql_database_rights_of(m->session, name);
    begin(m);
    put_oid(m, fly__sql_name_oid(name));
    put_copy(m, name);
    put_oid(m, rights == NULL ? FLY__SQL_ROLE_ADMIN : rights->owner);
    put_i32(m, 6);
    put_char(m, 'c');
    put_bool(m, false);
    put_bool(m, true);
    put_i32(m, -1);
    put_text(m, "C");
    put_text(m, "C");
    if (rights == NULL || !rights->own) {
        put_null(m);
    } else {
        put_items(m, rights->items, rights->count, 0);
    }
    end(m);
}

static void make_pg_database(maker *m)
{
    fly_status status = fly__sql_database_list(m->session->sql, database_row, m, m->err);
    m->status = m->status == FLY_OK ? status : m->status;
}

static void make_pg_settings(maker *m)
{
    const char *initial;
    const char *name;
    for (size_t i = 0; (name = fly__sql_setting_known(i, &initial)) != NULL; i++) {
        const char *value = fly__sql_setting(m->session, name);
        begin(m);
        put_text(m, name);
        put_copy(m, value != NULL ? value : "");
        put_text(m, initial);
        put_text(m, initial);
        end(m);
    }
}

/* ------------------------------------------------------------------- who is there */

static void put_f64(maker *m, double value)
{
    put(m, (fly_vec_value){.f64 = value});
}

/* A moment; 0: there was none. */
static void put_time(maker *m, int64_t micros)
{
    put(m, (fly_vec_value){.null = micros == 0, .i64 = micros});
}

static void put_some(maker *m, bool some, const char *text)
{
    if (some) {
        put_copy(m, text);
    } else {
        put_null(m);
    }
}

/* Whether the user may see what somebody's session does. */
static bool may_see(maker *m, uint32_t user_oid)
{
    fly_sql_session *session = m->session;
    return fly__sql_is_superuser(session, session->user_oid) ||
           fly__sql_is_member(session, session->user_oid, user_oid, true) ||
           fly__sql_is_member(session, session->user_oid, FLY__SQL_ROLE_READ_STATS, true);
}

/* As much of a text as is whole characters: it may have been cut. */
static void put_whole(maker *m, const char *text, size_t len)
{
    char whole[FLY__SQL_QUERY_WORDS * 8 + 1];
    while (len > 0 && fly_text_validate(FLY_TEXT_UTF8, fly_bytes_of(text, len), NULL) != FLY_OK) {
        len--;
    }
    memcpy(whole, text, len);
    whole[len] = '\0';
    put_copy(m, whole);
}

static const char *wait_name(fly__sql_wait wait)
{
    return wait == FLY__SQL_WAITS_RELATION ? "relation"
           : wait == FLY__SQL_WAITS_TXN    ? "transactionid"
                                           : "advisory";
}

static bool activity_row(void *ctx, const fly__sql_backend_seen *seen)
{
    static const char *const states[] = {"idle", "active", "idle in transaction",
                                         "idle in transaction (aborted)"};
    maker *m = ctx;
    bool all = may_see(m, seen->user_oid);
    bool waits = seen->wait != FLY__SQL_WAITS_NOT;
    bool idle = seen->doing != FLY__SQL_ACTIVE;
    begin(m);
    put_oid(m, fly__sql_name_oid(seen->database));
    put_copy(m, seen->database);
    put_i32(m, (int32_t)seen->pid);
    put_null(m);
    put_oid(m, seen->user_oid);
    put_copy(m, seen->user);
    put_copy(m, seen->application);
    put_some(m, all && seen->address[0] != '\0', seen->address);
    put_null(m);
    put(m, (fly_vec_value){.null = !all || !seen->has_peer, .i32 = seen->port});
    put_time(m, all ? seen->started : 0);
    put_time(m, all ? seen->xact_start : 0);
    put_time(m, all ? seen->query_start : 0);
    put_time(m, all ? seen->state_change : 0);
    put_text(m, !all ? NULL : waits ? "Lock" : idle ? "Client" : NULL);
    put_text(m, !all ? NULL : waits ? wait_name(seen->wait) : idle ? "ClientRead" : NULL);
    put_text(m, all ? states[seen->doing] : NULL);
    put_null(m);
    put_null(m);
    put(m, (fly_vec_value){.null = !all || seen->query_id == 0, .i64 = (int64_t)seen->query_id});
    if (all) {
        put_whole(m, seen->query, seen->query_len);
    } else {
        put_text(m, "<insufficient privilege>");
    }
    put_copy(m, seen->type);
    end(m);
    return m->status == FLY_OK;
}

static void make_pg_stat_activity(maker *m)
{
    fly__sql_backends(m->session->sql, activity_row, m);
}

static void put_oid_if(maker *m, bool some, uint32_t oid)
{
    put(m, (fly_vec_value){.null = !some, .i32 = (int32_t)oid});
}

static void lock_row(maker *m, const fly__sql_lock_seen *lock, uint32_t txn, const char *mode)
{
    bool advisory = txn == 0 && lock->kind != FLY__SQL_LOCK_TABLE;
    begin(m);
    put_text(m, txn != 0 ? "transactionid" : advisory ? "advisory" : "relation");
    put_oid(m, fly__sql_name_oid(m->session->database->name));
    put_oid_if(m, txn == 0 && !advisory, (uint32_t)lock->key);
    put_null(m);
    put_null(m);
    put_null(m);
    put_oid_if(m, txn != 0, txn);
    put_oid_if(m, advisory, (uint32_t)(lock->key >> 32));
    put_oid_if(m, advisory, (uint32_t)lock->key);
    put(m, (fly_vec_value){.null = !advisory, .i16 = lock->kind == FLY__SQL_LOCK_NUMBER ? 1 : 2});
    put_null(m);
    put_i32(m, (int32_t)lock->pid);
    put_text(m, mode);
    put_bool(m, lock->granted);
    put_bool(m, false);
    put_null(m);
    end(m);
}

static void table_lock_row(void *ctx, const fly__sql_lock_seen *seen)
{
    static const char *const modes[] = {
        "AccessShareLock", "RowShareLock",          "RowExclusiveLock", "ShareUpdateExclusiveLock",
        "ShareLock",       "ShareRowExclusiveLock", "ExclusiveLock",    "AccessExclusiveLock"};
    lock_row(ctx, seen, 0, modes[seen->mode]);
}

/* A transaction holds the lock on its own end; who waits for a row waits for it. */
static bool txn_lock_row(void *ctx, const fly__sql_backend_seen *seen)
{
    maker *m = ctx;
    if (strcmp(seen->database, m->session->database->name) == 0) {
        if (seen->txn != 0) {
            fly__sql_lock_seen own = {.pid = seen->pid, .granted = true};
            lock_row(m, &own, seen->txn, "ExclusiveLock");
        }
        if (seen->wait == FLY__SQL_WAITS_TXN && seen->waits_for != 0) {
            fly__sql_lock_seen wanted = {.pid = seen->pid};
            lock_row(m, &wanted, seen->waits_for, "ShareLock");
        }
    }
    return m->status == FLY_OK;
}

static void make_pg_locks(maker *m)
{
    fly__sql_table_locks(m->session, table_lock_row, m);
    fly__sql_backends(m->session->sql, txn_lock_row, m);
}

static void make_pg_stat_database(maker *m)
{
    fly_sql *sql = m->session->sql;
    fly_mutex_lock(&sql->mutex);
    for (const fly__sql_database *at = sql->databases; at != NULL; at = at->link) {
        fly_store_stats stats;
        fly_store_get_stats(at->store, &stats);
        begin(m);
        put_oid(m, fly__sql_name_oid(at->name));
        put_copy(m, at->name);
        put_i32(m, (int32_t)at->sessions);
        put_i64(m, (int64_t)stats.committed);
        put_i64(m, (int64_t)stats.rolled_back);
        put_i64(m, (int64_t)stats.pool.misses);
        put_i64(m, (int64_t)stats.conflicts);
        put_i64(m, (int64_t)stats.deadlocks);
        end(m);
    }
    fly_mutex_unlock(&sql->mutex);
}

static void make_pg_stat_statements(maker *m)
{
    size_t slot = 0;
    const fly__sql_stat *at = NULL;
    while ((at = fly__sql_stat_next(m->session->sql, &slot, at)) != NULL) {
        fly__sql_stat_sum sum;
        fly__sql_stat_sum_up(at, &sum);
        if (sum.calls == 0) {
            continue;
        }
        bool all = may_see(m, at->user_oid);
        begin(m);
        put_oid(m, at->user_oid);
        put_oid(m, fly__sql_name_oid(at->database));
        put_bool(m, true);
        put(m, (fly_vec_value){.null = !all, .i64 = (int64_t)at->id});
        put_text(m, all ? at->text : "<insufficient privilege>");
        put_i64(m, (int64_t)sum.calls);
        put_f64(m, (double)sum.total_us / 1000);
        put_f64(m, (double)sum.min_us / 1000);
        put_f64(m, (double)sum.max_us / 1000);
        put_f64(m, (double)sum.total_us / 1000 / (double)sum.calls);
        put_i64(m, (int64_t)sum.rows);
        end(m);
    }
}

/* ------------------------------------------------------------------ the rest of it */

static void make_pg_am(maker *m)
{
    static const struct {
        uint32_t oid;
        const char *name;
        char type;
    } methods[] = {{2, "heap", 't'}, {403, "btree", 'i'}};
    for (size_t i = 0; i < 2; i++) {
        begin(m);
        put_oid(m, methods[i].oid);
        put_text(m, methods[i].name);
        put_char(m, methods[i].type);
        end(m);
    }
}

static void make_pg_language(maker *m)
{
    static const struct {
        uint32_t oid;
        const char *name;
        bool pl;
    } languages[] = {{12, "internal", false}, {14, "sql", false}, {13500, "plpgsql", true}};
    for (size_t i = 0; i < 3; i++) {
        begin(m);
        put_oid(m, languages[i].oid);
        put_text(m, languages[i].name);
        put_bool(m, languages[i].pl);
        put_bool(m, true);
        put_oid(m, FLY__SQL_ROLE_ADMIN);
        end(m);
    }
}

static void make_pg_collation(maker *m)
{
    char name[FLY__SQL_NAME_MAX + 1];
    uint32_t oid;
    for (size_t i = 0; (oid = fly__sql_collation_at(i, name)) != 0; i++) {
        bool bytes = oid < 9000 || oid == 9100 || oid == 9105;
        begin(m);
        put_oid(m, oid);
        put_copy(m, name);
        put_oid(m, FLY__SQL_SCHEMA_PG_CATALOG);
        put_oid(m, FLY__SQL_ROLE_ADMIN);
        put_char(m, oid == 100 ? 'd' : bytes ? 'c' : 'i');
        put_bool(m, bytes);
        put_i32(m, -1);
        put_copy(m, name);
        put_null(m);
        end(m);
    }
}

static void make_pg_tablespace(maker *m)
{
    begin(m);
    put_oid(m, 1663);
    put_text(m, "pg_default");
    put_oid(m, FLY__SQL_ROLE_ADMIN);
    end(m);
}

/* Tables of what there is none of. */
static void make_nothing(maker *m)
{
    (void)m;
}

/* ----------------------------------------------------------------------- source */

static const struct {
    uint32_t oid;
    void (*make)(maker *m);
} makers[] = {
#define SYSTEM(schema, oid, table) {oid, make_##table},
#define VIEW(schema, oid, table, text)
#define EMPTY(schema, oid, table) {oid, make_nothing},
#define COLUMN(number, name, type)
#define ZERO(number, name, type)
#define NONE(number, name, type)
#define END(table)
#define VEND(table)
#include "catalog/system.def"
};

typedef struct system_scan {
    fly__sql_scan scan;
    fly_arena *arena;
    fly__sql_scan_spec spec;
    maker made;
    bool is_made;
    size_t given;
} system_scan;

static fly_status scan_open(const fly__sql_source *source, fly_txn *txn,
                            const fly__sql_scan_spec *spec, fly_arena *arena,
                            fly__sql_scan **opened, fly_err *err)
{
    (void)txn;
    system_scan *scan = fly_arena_alloc(arena, sizeof *scan);
    uint16_t *columns =
        fly_arena_copy(arena, spec->columns, spec->column_count * sizeof *spec->columns);
    if (scan == NULL || columns == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a scan");
    }
    *scan = (system_scan){.scan = {.source = source}, .arena = arena, .spec = *spec};
    scan->spec.columns = columns;
    *opened = &scan->scan;
    return FLY_OK;
}

static fly_status make_rows(system_scan *scan, fly_err *err)
{
    fly_sql_session *session = scan->scan.source->ctx;
    scan->made = (maker){.session = session,
                         .view = session->view,
                         .table = scan->spec.table,
                         .arena = scan->arena,
                         .err = err};
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++) {
        if (makers[i].oid == scan->spec.table->oid) {
            makers[i].make(&scan->made);
        }
    }
    scan->is_made = scan->made.status == FLY_OK;
    return scan->made.status;
}

/* The value of a column; column 0 is the row key: the row's number. */
static void give(const system_scan *scan, fly_vec *to, uint32_t at, size_t row, uint16_t column)
{
    fly_vec_value value;
    if (column == 0) {
        uint64_t number = row;
        value = (fly_vec_value){.str = fly_vec_str_of(&number, sizeof number)};
    } else {
        value = scan->made.rows[row][column - 1];
    }
    fly_vec_put(to, at, &value);
}

static fly_status scan_next(fly__sql_scan *base, fly_vec_batch *batch, fly_err *err)
{
    system_scan *scan = (system_scan *)base;
    batch->columns = scan->spec.column_count;
    batch->selected = -1;
    batch->count = 0;
    fly_status status = scan->is_made ? FLY_OK : make_rows(scan, err);
    size_t left = status == FLY_OK ? scan->made.count - scan->given : 0;
    uint32_t count = left < FLY_VEC_CAPACITY ? (uint32_t)left : FLY_VEC_CAPACITY;
    for (uint32_t i = 0; i < scan->spec.column_count && status == FLY_OK; i++) {
        uint16_t column = scan->spec.columns[i];
        fly_vec_type type = FLY_VEC_STR;
        if (column != 0) {
            type = fly__sql_type_physical(scan->spec.table->columns[column - 1].type);
        }
        status = fly_vec_init(&batch->col[i], type, FLY_VEC_CAPACITY, batch->arena, err);
        for (uint32_t at = 0; at < count && status == FLY_OK; at++) {
            give(scan, &batch->col[i], at, scan->given + at, column);
        }
    }
    if (status == FLY_OK && count == 0) {
        return FLY_E_END;
    }
    scan->given += count;
    batch->count = count;
    return status;
}

static fly_status scan_again(fly__sql_scan *base, fly_bytes low, fly_bytes high, fly_err *err)
{
    (void)low;
    (void)high;
    (void)err;
    ((system_scan *)base)->given = 0;
    return FLY_OK;
}

static void scan_close(fly__sql_scan *base)
{
    (void)base; /* everything is the arena's */
}

static fly_status refuse(const fly__sql_table *table, fly_err *err)
{
    return fly_err_state(err, "42501", 0, "permission denied: \"%s\" is a system catalog",
                         table->name);
}

static fly_status fetch(const fly__sql_source *source, fly_txn *txn, const fly__sql_table *table,
                        fly_bytes row_key, const uint16_t *columns, uint32_t column_count,
                        fly_arena *arena, fly_vec_value *values, fly_err *err)
{
    (void)txn;
    system_scan scan = {.scan = {.source = source}, .arena = arena, .spec = {.table = table}};
    uint64_t row = UINT64_MAX;
    fly_status status = make_rows(&scan, err);
    if (status == FLY_OK && row_key.len == sizeof row) {
        memcpy(&row, row_key.data, sizeof row);
    }
    if (status != FLY_OK || row >= scan.made.count) {
        return status != FLY_OK ? status : FLY_E_NOT_FOUND;
    }
    for (uint32_t i = 0; i < column_count; i++) {
        values[i] = scan.made.rows[row][columns[i] - 1];
    }
    return FLY_OK;
}

static fly_status insert(const fly__sql_source *source, fly_txn *txn, const fly__sql_table *table,
                         const fly_vec_value *values, fly_arena *arena, fly_bytes *row_key,
                         fly_err *err)
{
    (void)source, (void)txn, (void)values, (void)arena, (void)row_key;
    return refuse(table, err);
}

static fly_status update(const fly__sql_source *source, fly_txn *txn, const fly__sql_table *table,
                         fly_bytes row_key, const fly_vec_value *old_values,
                         const fly_vec_value *new_values, bool seen, fly_arena *arena,
                         fly_bytes *new_key, fly_err *err)
{
    (void)source, (void)txn, (void)row_key, (void)old_values, (void)new_values, (void)arena;
    (void)new_key, (void)seen;
    return refuse(table, err);
}

static fly_status remove_row(const fly__sql_source *source, fly_txn *txn,
                             const fly__sql_table *table, fly_bytes row_key,
                             const fly_vec_value *old_values, bool seen, fly_err *err)
{
    (void)source, (void)txn, (void)row_key, (void)old_values, (void)seen;
    return refuse(table, err);
}

static fly_status lock(const fly__sql_source *source, fly_txn *txn, const fly__sql_table *table,
                       fly_bytes row_key, const fly_vec_value *old_values, fly_lock_mode mode,
                       fly_lock_wait wait, fly_err *err)
{
    (void)source, (void)txn, (void)row_key, (void)old_values, (void)wait, (void)mode;
    return refuse(table, err);
}

static fly_status conflict(const fly__sql_source *source, fly_txn *txn, const fly__sql_table *table,
                           const fly__sql_index *index, const fly_vec_value *values,
                           fly_lock_mode mode, fly_arena *arena, fly_bytes *row_key, fly_err *err)
{
    (void)source, (void)txn, (void)index, (void)values, (void)mode, (void)arena, (void)row_key;
    return refuse(table, err);
}

void fly__sql_system_init(fly__sql_source *source, fly_sql_session *session)
{
    *source = (fly__sql_source){.name = "system",
                                .scan_open = scan_open,
                                .scan_next = scan_next,
                                .scan_again = scan_again,
                                .scan_close = scan_close,
                                .fetch = fetch,
                                .insert = insert,
                                .update = update,
                                .remove = remove_row,
                                .lock = lock,
                                .conflict = conflict,
                                .ctx = session};
}
