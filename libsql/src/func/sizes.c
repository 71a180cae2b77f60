/*
 * How many bytes things take: tables, indexes, databases.
 *
 * Sizes of trees are estimates from a few ways down them, and leave out long values, which lie in pages of
 * their own. A table that is kept in the order of its primary key is one tree, whose size is the table's:
 * such an index has none of its own.
 */
#include "func/string_int.h"

#include "catalog/change_int.h"
#include "catalog/system_int.h"
#include "session/engine_int.h"

static int64_t tree_bytes(fly_sql_session *session, const char *name)
{
    fly_store_stats stats;
    fly_tree *tree = NULL;
    if (name == NULL || fly__sql_session_tree(session, name, &tree, NULL) != FLY_OK) {
        return 0;
    }
    fly_store_get_stats(session->database->store, &stats);
    return (int64_t)fly_tree_estimate(tree).leaves * stats.page_size;
}

static int64_t index_bytes(fly_sql_session *session, const fly__sql_index *index)
{
    return index->clustered ? 0 : tree_bytes(session, index->tree);
}

static int64_t indexes_bytes(fly_sql_session *session, const fly__sql_table *table)
{
    int64_t bytes = 0;
    for (uint16_t i = 0; i < table->index_count; i++) {
        bytes += index_bytes(session, table->indexes[i]);
    }
    return bytes;
}

/* The table that a call is about; NULL: it is none. */
static const fly__sql_table *table_of(const fly__sql_call *call, const fly_vec_value *arg)
{
    const fly__sql_catalog_view *view = fly__sql_view_of(call->session);
    return view == NULL ? NULL : fly__sql_table_of(view, (uint32_t)arg->i32);
}

static fly_status give_index_bytes(const fly__sql_call *call, uint32_t oid, fly_vec_value *result)
{
    const fly__sql_catalog_view *view = fly__sql_view_of(call->session);
    const fly__sql_table *table;
    size_t at = 0;
    while (view != NULL && (table = fly__sql_table_next(view, &at)) != NULL) {
        for (uint16_t i = 0; i < table->index_count; i++) {
            if (table->indexes[i]->oid == oid) {
                return give_i64(result, index_bytes(call->session, table->indexes[i]));
            }
        }
    }
    return give_null(result);
}

ROW(pg_relation_size)
{
    const fly__sql_table *table = table_of(call, &args[0]);
    return table != NULL ? give_i64(result, tree_bytes(call->session, table->tree))
                         : give_index_bytes(call, (uint32_t)args[0].i32, result);
}

ROW(pg_indexes_size)
{
    const fly__sql_table *table = table_of(call, &args[0]);
    return table != NULL ? give_i64(result, indexes_bytes(call->session, table))
                         : give_null(result);
}

ROW(pg_total_relation_size)
{
    const fly__sql_table *table = table_of(call, &args[0]);
    return table != NULL ? give_i64(result, tree_bytes(call->session, table->tree) +
                                                indexes_bytes(call->session, table))
                         : give_index_bytes(call, (uint32_t)args[0].i32, result);
}

static fly_status give_database_bytes(const fly__sql_call *call, const char *name,
                                      fly_vec_value *result)
{
    uint64_t bytes = 0;
    fly_status status = fly__sql_database_bytes(call->session->sql, name, &bytes, call->err);
    return status == FLY_OK ? give_i64(result, (int64_t)bytes) : status;
}

ROW(pg_database_size)
{
    char name[FLY__SQL_DATABASE_NAME_MAX + 1];
    fly_bytes given = fly_vec_str_bytes(&args[0].str);
    size_t len = given.len < sizeof name ? given.len : sizeof name - 1;
    memcpy(name, given.data, len);
    name[len] = '\0';
    return give_database_bytes(call, name, result);
}

/* Looking for a database by its OID, or adding them all up. */
struct search {
    const fly__sql_call *call;
    uint32_t oid;
    char name[FLY__SQL_DATABASE_NAME_MAX + 1];
    int64_t bytes;
};

static void compare(void *ctx, const char *name)
{
    struct search *search = ctx;
    if (fly__sql_name_oid(name) == search->oid) {
        memcpy(search->name, name, strlen(name) + 1);
    }
}

ROW(pg_database_size_oid)
{
    struct search search = {.call = call, .oid = (uint32_t)args[0].i32};
    fly_status status = fly__sql_database_list(call->session->sql, compare, &search, call->err);
    if (status != FLY_OK) {
        return status;
    }
    return search.name[0] == '\0' ? give_null(result)
                                  : give_database_bytes(call, search.name, result);
}

static void add(void *ctx, const char *name)
{
    struct search *search = ctx;
    fly_vec_value bytes = {0};
    if (give_database_bytes(search->call, name, &bytes) == FLY_OK) {
        search->bytes += bytes.i64;
    }
}

/* There is one tablespace, where everything is. */
ROW(pg_tablespace_size)
{
    struct search search = {.call = call};
    (void)args;
    fly_status status = fly__sql_database_list(call->session->sql, add, &search, call->err);
    return status == FLY_OK ? give_i64(result, search.bytes) : status;
}
