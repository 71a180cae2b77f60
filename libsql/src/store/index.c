/*
 * Entries of indexes: from a row to the key under which an index finds it. rows.c has the format.
 */
#include "store/index_int.h"

#include "func/func_int.h"
#include "session/program_int.h"

#include <fly/base_bytes.h>

#include <stdio.h>
#include <string.h>

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for an index entry");
}

fly_status fly__sql_index_order(fly_sql_session *session, const fly__sql_index *index,
                                uint16_t column, fly__sql_key_order *order, fly_err *err)
{
    const fly__sql_index_column *its = &index->columns[column];
    *order = (fly__sql_key_order){.type = its->type,
                                  .physical = fly__sql_type_physical(its->type),
                                  .descending = its->descending,
                                  .nulls_first = its->nulls_first};
    uint32_t collation = its->collation != 0 ? its->collation : its->type.collation;
    return order->physical == FLY_VEC_STR && collation != 0
               ? fly__sql_session_collation(session, collation, &order->collation, err)
               : FLY_OK;
}

/* The value of one index column for a row. */
static fly_status column_value(fly_sql_session *session, const fly__sql_table *table,
                               const fly__sql_index_column *column, const fly_vec_value *values,
                               fly_arena *arena, fly_vec_value *value, fly_err *err)
{
    if (column->column != 0) {
        *value = values[column->column - 1];
        return FLY_OK;
    }
    return fly__sql_table_expr(session, table, column->expression, column->type, values, arena,
                               value, err);
}

fly_status fly__sql_index_orders(fly_sql_session *session, const fly__sql_index *index,
                                 fly_arena *arena, const fly__sql_key_order **orders, fly_err *err)
{
    fly__sql_key_order *made = fly_arena_alloc(arena, (index->key_count + 1u) * sizeof *made);
    if (made == NULL) {
        return no_memory(err);
    }
    fly_status status = FLY_OK;
    for (uint16_t i = 0; i < index->key_count && status == FLY_OK; i++) {
        status = fly__sql_index_order(session, index, i, &made[i], err);
    }
    *orders = made;
    return status;
}

/* The columns of an entry, to the end of a key. `orders` NULL: they are found on the way. */
static fly_status add_columns(fly_sql_session *session, const fly__sql_table *table,
                              const fly__sql_index *index, const fly__sql_key_order *orders,
                              const fly_vec_value *values, fly_arena *arena, fly__sql_key *key,
                              bool *has_null, fly_err *err)
{
    *has_null = false;
    for (uint16_t i = 0; i < index->key_count; i++) {
        fly__sql_key_order order;
        fly_vec_value value;
        fly_status status = orders != NULL ? FLY_OK
                                           : fly__sql_index_order(session, index, i, &order, err);
        if (status == FLY_OK) {
            status = column_value(session, table, &index->columns[i], values, arena, &value, err);
        }
        if (status == FLY_OK) {
            status = fly__sql_key_add(key, orders != NULL ? &orders[i] : &order, &value, err);
        }
        if (status != FLY_OK) {
            return status;
        }
        *has_null = *has_null || value.null;
    }
    return FLY_OK;
}

fly_status fly__sql_index_ordered_key(fly_sql_session *session, const fly__sql_table *table,
                                      const fly__sql_index *index, const fly__sql_key_order *orders,
                                      const fly_vec_value *values, fly_arena *arena, fly_bytes *key,
                                      fly_err *err)
{
    fly__sql_key made = {.arena = arena};
    bool nulls;
    fly_status status =
        add_columns(session, table, index, orders, values, arena, &made, &nulls, err);
    *key = fly_bytes_of(made.data, made.len);
    return status;
}

fly_status fly__sql_index_columns_key(fly_sql_session *session, const fly__sql_table *table,
                                      const fly__sql_index *index, const fly_vec_value *values,
                                      fly_arena *arena, fly_bytes *key, bool *has_null,
                                      fly_err *err)
{
    fly__sql_key made = {.arena = arena};
    bool nulls;
    fly_status status = add_columns(session, table, index, NULL, values, arena, &made, &nulls, err);
    *key = fly_bytes_of(made.data, made.len);
    if (has_null != NULL) {
        *has_null = nulls;
    }
    return status;
}

/* A row's entry. */
struct entry {
    bool none;      /* the predicate leaves the row out, or the index is the table itself */
    bool is_unique; /* the key is the columns alone */
    fly_bytes key;
    fly_bytes value;
    uint8_t columns_len[5]; /* behind a tag */
};

/* In a unique index the value begins with a byte that says what follows. */
enum { TAG_ROW_KEY = 0, TAG_COLUMNS = 1 };

static fly_status tagged(fly_bytes row_key, fly_arena *arena, fly_bytes *value, fly_err *err)
{
    uint8_t *bytes = fly_arena_alloc(arena, row_key.len + 1);
    if (bytes == NULL) {
        return no_memory(err);
    }
    bytes[0] = TAG_ROW_KEY;
    if (row_key.len > 0) {
        memcpy(bytes + 1, row_key.data, row_key.len);
    }
    *value = fly_bytes_of(bytes, row_key.len + 1);
    return FLY_OK;
}

static fly_status applies(fly_sql_session *session, const fly__sql_table *table,
                          const fly__sql_index *index, const fly_vec_value *values,
                          fly_arena *arena, bool *yes, fly_err *err)
{
    *yes = true;
    if (index->predicate == NULL) {
        return FLY_OK;
    }
    fly_vec_value value;
    fly_sql_type boolean = fly__sql_type(FLY_SQL_BOOL);
    fly_status status =
        fly__sql_table_expr(session, table, index->predicate, boolean, values, arena, &value, err);
    *yes = status == FLY_OK && !value.null && value.b;
    return status;
}

static fly_status make_entry(fly_sql_session *session, const fly__sql_table *table,
                             const fly__sql_index *index, const fly__sql_key_order *orders,
                             const fly_vec_value *values, fly_bytes row_key, fly_arena *arena,
                             struct entry *entry, fly_err *err)
{
    bool yes = !index->clustered;
    bool has_null = false;
    memset(entry, 0, sizeof *entry);
    fly_status status = yes ? applies(session, table, index, values, arena, &yes, err) : FLY_OK;
    entry->none = !yes;
    if (status != FLY_OK || entry->none) {
        return status;
    }
    fly__sql_key key = {.arena = arena};
    status = add_columns(session, table, index, orders, values, arena, &key, &has_null, err);
    if (status != FLY_OK) {
        return status;
    }
    entry->is_unique = index->unique && (!has_null || index->nulls_not_distinct);
    if (entry->is_unique) {
        entry->key = fly_bytes_of(key.data, key.len);
        return tagged(row_key, arena, &entry->value, err);
    }
    entry->columns_len[0] = TAG_COLUMNS;
    fly_put_u32(entry->columns_len + 1, (uint32_t)key.len);
    entry->value = index->unique ? fly_bytes_of(entry->columns_len, 5)
                                 : fly_bytes_of(entry->columns_len + 1, 4);
    status = fly__sql_key_append(&key, row_key, err);
    entry->key = fly_bytes_of(key.data, key.len);
    return status;
}

fly_status fly__sql_index_entry(fly_sql_session *session, const fly__sql_table *table,
                                const fly__sql_index *index, const fly__sql_key_order *orders,
                                const fly_vec_value *values, fly_bytes row_key, fly_arena *arena,
                                fly_bytes *key, fly_bytes *value, fly_err *err)
{
    struct entry entry;
    fly_status status =
        make_entry(session, table, index, orders, values, row_key, arena, &entry, err);
    if (status == FLY_OK && entry.none) {
        return FLY_E_NOT_FOUND;
    }
    if (status == FLY_OK && !entry.is_unique) { /* out of the entry, which goes */
        entry.value.data = fly_arena_copy(arena, entry.value.data, entry.value.len);
        status = entry.value.data == NULL ? no_memory(err) : FLY_OK;
    }
    *key = entry.key;
    *value = entry.value;
    return status;
}

fly_status fly__sql_index_entry_row(const fly__sql_index *index, fly_bytes key, fly_bytes value,
                                    fly_bytes *row_key, fly_err *err)
{
    if (index->unique && value.len > 0 && value.data[0] == TAG_ROW_KEY) {
        *row_key = fly_bytes_of(value.data + 1, value.len - 1);
        return FLY_OK;
    }
    size_t tag = index->unique ? 1 : 0;
    uint32_t columns = value.len == tag + 4 ? fly_get_u32(value.data + tag) : UINT32_MAX;
    if (columns > key.len) {
        return fly_err_set(err, FLY_E_CORRUPT, "an entry of index \"%s\" is damaged", index->name);
    }
    *row_key = fly_bytes_of(key.data + columns, key.len - columns);
    return FLY_OK;
}

fly_status fly__sql_index_add(fly_sql_session *session, fly_txn *txn, const fly__sql_table *table,
                              const fly__sql_index *index, const fly_vec_value *values,
                              fly_bytes row_key, fly_arena *arena, fly_err *err)
{
    struct entry entry;
    fly_tree *tree = NULL;
    fly_status status =
        make_entry(session, table, index, NULL, values, row_key, arena, &entry, err);
    if (status != FLY_OK || entry.none) {
        return status;
    }
    status = fly__sql_session_tree(session, index->tree, &tree, err);
    if (status == FLY_OK) {
        status = fly_txn_insert(txn, tree, entry.key, entry.value, err);
    }
    return status == FLY_E_TOO_LARGE ? fly__sql_index_too_large(txn, index, entry.key.len, err)
                                     : status;
}

fly_status fly__sql_index_too_large(fly_txn *txn, const fly__sql_index *index, size_t size,
                                    fly_err *err)
{
    return fly_err_state(err, "54000", 0, "index row size %zu exceeds maximum %zu for index \"%s\"",
                         size, fly_store_key_max(fly_txn_store(txn)), index->name);
}

fly_status fly__sql_index_remove(fly_sql_session *session, fly_txn *txn,
                                 const fly__sql_table *table, const fly__sql_index *index,
                                 const fly_vec_value *values, fly_bytes row_key, fly_arena *arena,
                                 fly_err *err)
{
    struct entry entry;
    fly_tree *tree = NULL;
    fly_status status =
        make_entry(session, table, index, NULL, values, row_key, arena, &entry, err);
    if (status != FLY_OK || entry.none) {
        return status;
    }
    status = fly__sql_session_tree(session, index->tree, &tree, err);
    if (status == FLY_OK) {
        status = fly_txn_delete(txn, tree, entry.key, err);
    }
    if (status == FLY_E_NOT_FOUND) {
        return fly_err_set(err, FLY_E_CORRUPT, "index \"%s\" has no entry for a row of \"%s\"",
                           index->name, table->name);
    }
    return status;
}

fly_status fly__sql_index_same(fly_sql_session *session, const fly__sql_table *table,
                               const fly__sql_index *index, const fly_vec_value *a,
                               const fly_vec_value *b, fly_arena *arena, bool *same, fly_err *err)
{
    struct entry first;
    struct entry second;
    fly_status status =
        make_entry(session, table, index, NULL, a, fly_bytes_of(NULL, 0), arena, &first, err);
    if (status == FLY_OK) {
        status =
            make_entry(session, table, index, NULL, b, fly_bytes_of(NULL, 0), arena, &second, err);
    }
    if (status == FLY_OK) {
        *same = first.none == second.none &&
                (first.none ||
                 (first.is_unique == second.is_unique && fly_bytes_equal(first.key, second.key)));
    }
    return status;
}

fly_status fly__sql_index_find(fly_sql_session *session, fly_txn *txn, const fly__sql_table *table,
                               const fly__sql_index *index, const fly_vec_value *values,
                               fly_lock_mode mode, fly_arena *arena, fly_bytes *row_key,
                               fly_err *err)
{
    struct entry entry;
    fly_tree *tree = NULL;
    if (index->clustered) {
        fly_status status =
            fly__sql_index_columns_key(session, table, index, values, arena, &entry.key, NULL, err);
        if (status == FLY_OK) {
            status = fly__sql_session_tree(session, table->tree, &tree, err);
        }
        if (status == FLY_OK) {
            status = fly_txn_lock_as(txn, tree, entry.key, mode, FLY_LOCK_WAIT, err);
            *row_key = entry.key;
        }
        return status;
    }
    fly_status status =
        make_entry(session, table, index, NULL, values, fly_bytes_of(NULL, 0), arena, &entry, err);
    if (status != FLY_OK || entry.none || !entry.is_unique) {
        return status == FLY_OK ? FLY_E_NOT_FOUND : status;
    }
    status = fly__sql_session_tree(session, index->tree, &tree, err);
    if (status == FLY_OK) {
        status = fly_txn_lock_as(txn, tree, entry.key, mode, FLY_LOCK_WAIT, err);
    }
    size_t room = fly_store_key_max(fly_txn_store(txn)) + 1;
    uint8_t *buffer = status == FLY_OK ? fly_arena_alloc(arena, room) : NULL;
    if (status != FLY_OK || buffer == NULL) {
        return status == FLY_OK ? no_memory(err) : status;
    }
    uint64_t len = 0;
    fly_txn_fresh_begin(txn); /* it may be newer than the statement's snapshot */
    status = fly_txn_get(txn, tree, entry.key, buffer, room, &len, err);
    fly_txn_fresh_end(txn);
    return status == FLY_OK ? fly__sql_index_entry_row(
                                  index, entry.key, fly_bytes_of(buffer, (size_t)len), row_key, err)
                            : status;
}

/* ------------------------------------------------------------------ complaints */

struct text {
    char *at;
    size_t room;
};

static void say(struct text *text, const char *data, size_t len)
{
    if (len >= text->room) {
        len = text->room - 1;
    }
    memcpy(text->at, data, len);
    text->at += len;
    text->room -= len;
    *text->at = '\0';
}

static void say_column(fly_sql_session *session, const fly__sql_table *table,
                       const fly__sql_index_column *column, const fly_vec_value *values,
                       fly_arena *arena, struct text *names, struct text *contents)
{
    const char *name = column->column != 0 ? table->columns[column->column - 1].name
                                           : column->expression;
    fly_vec_value value = {.null = true};
    fly_bytes shown = fly_bytes_str("null");
    say(names, name, strlen(name));
    if (column_value(session, table, column, values, arena, &value, NULL) == FLY_OK &&
        !value.null) {
        if (fly__sql_value_out(session, column->type, &value, arena, &shown, NULL) != FLY_OK) {
            shown = fly_bytes_str("?");
        }
    }
    say(contents, (const char *)shown.data, shown.len);
}

fly_status fly__sql_index_violated(fly_sql_session *session, const fly__sql_table *table,
                                   const fly__sql_index *index, const fly_vec_value *values,
                                   fly_err *err)
{
    char names_buffer[FLY_ERR_DETAIL_SIZE];
    char contents_buffer[FLY_ERR_DETAIL_SIZE];
    struct text names = {names_buffer, sizeof names_buffer};
    struct text contents = {contents_buffer, sizeof contents_buffer};
    fly_arena arena;
    fly_arena_init(&arena, &session->account.mem, 0);
    for (uint16_t i = 0; i < index->key_count; i++) {
        if (i > 0) {
            say(&names, ", ", 2);
            say(&contents, ", ", 2);
        }
        say_column(session, table, &index->columns[i], values, &arena, &names, &contents);
    }
    fly_arena_deinit(&arena);
    fly_status status = fly_err_state(
        err, "23505", 0, "duplicate key value violates unique constraint \"%s\"", index->name);
    fly_err_detail(err, "Key (%s)=(%s) already exists.", names_buffer, contents_buffer);
    return status;
}
