/*
 * The catalog of a database: its newest core, and how a transaction changes it.
 *
 * Objects lie in the tree "sys.catalog" under their kind (one byte) and OID (four bytes, big-endian).
 * The first transaction that changes the catalog locks the entry 0x00 "ddl" by writing it, which holds
 * off all others, by the transaction layer's own means: waiting, deadlock detection, release at the
 * end. From then on its session's view is its own.
 *
 *     C1  `newest` holds exactly the objects that the tree holds as committed, but for built-in ones
 *     C2  whoever holds the DDL lock works on the newest core: a commit publishes under `publishing`,
 *         which is taken before the commit lets the lock go
 *     C3  OIDs are given out once: the entry "ddl" remembers how far, with every change
 *
 * Temporary objects are not in the tree. They live in the session's view and end with the session.
 */
#include "catalog/right_int.h"
#include "catalog/system_int.h"
#include "catalog/view_int.h"

#include <string.h>

struct fly__sql_catalog {
    fly_env *env;
    fly_store *store;
    fly_mutex publishing;    /* taken around a commit of changes, and to take the newest core */
    fly__sql_core *newest;   /* guarded by publishing */
    fly_atomic_u64 version;  /* newest->version */
    fly_atomic_u64 versions; /* how many were given out */
    fly_atomic_u32 next_oid; /* the first that was never given out */
};

static const char tree_name[] = "sys.catalog";

/* ------------------------------------------------------------------- opening */

static fly_status add_builtin(fly_mem *mem, uint32_t oid, const char *name, uint32_t owner,
                              fly__sql_object **objects, size_t *count, fly_err *err)
{
    fly__sql_object *object = NULL;
    fly_status status = fly__sql_object_create(mem, FLY__SQL_O_SCHEMA, &object, err);
    if (status == FLY_OK) {
        fly__sql_schema *schema = object->body;
        *schema = (fly__sql_schema){.oid = oid, .name = name, .owner = owner};
        object->builtin = true;
        status = fly__sql_object_finish(object, err);
        objects[(*count)++] = object;
    }
    return status;
}

enum { BUILTIN_SCHEMAS = 4 };

static fly_status add_builtins(fly_mem *mem, fly__sql_object **objects, size_t *count, fly_err *err)
{
    static const struct {
        uint32_t oid;
        const char *name;
    } schemas[BUILTIN_SCHEMAS] = {{FLY__SQL_SCHEMA_PG_CATALOG, "pg_catalog"},
                                  {FLY__SQL_SCHEMA_PUBLIC, "public"},
                                  {FLY__SQL_SCHEMA_INFORMATION, "information_schema"},
                                  {FLY__SQL_SCHEMA_TEMP, "pg_temp_1"}};
    fly_status status = FLY_OK;
    for (size_t i = 0; i < BUILTIN_SCHEMAS && status == FLY_OK; i++) {
        uint32_t owner = schemas[i].oid == FLY__SQL_SCHEMA_PUBLIC ? FLY__SQL_ROLE_DATABASE_OWNER
                                                                  : FLY__SQL_ROLE_ADMIN;
        status = add_builtin(mem, schemas[i].oid, schemas[i].name, owner, objects, count, err);
    }
    return status;
}

/* The value of an entry, in memory of `arena`. */
static fly_status entry_value(fly_cursor *cursor, fly_arena *arena, fly_bytes *value, fly_err *err)
{
    size_t len = (size_t)fly_cursor_value_len(cursor);
    uint8_t *copy = fly_arena_alloc(arena, len);
    if (copy == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a catalog entry");
    }
    *value = fly_bytes_of(copy, len);
    return fly_cursor_read(cursor, 0, copy, len, err);
}

/* A list of objects that grows. */
struct list {
    fly_mem *mem;
    fly__sql_object **items;
    size_t count;
    size_t room;
};

static fly_status list_room(struct list *list, fly_err *err)
{
    if (list->count < list->room) {
        return FLY_OK;
    }
    size_t room = 2 * list->room;
    fly__sql_object **grown = fly_mem_resize(list->mem, list->items,
                                             list->room * sizeof(fly__sql_object *),
                                             room * sizeof(fly__sql_object *));
    if (grown == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for the catalog");
    }
    list->items = grown;
    list->room = room;
    return FLY_OK;
}

static fly_status load_entry(fly__sql_catalog *catalog, fly_cursor *cursor, fly_arena *arena,
                             struct list *list, fly_err *err)
{
    fly_bytes key = fly_cursor_key(cursor);
    fly_bytes value = {0};
    fly_status status = entry_value(cursor, arena, &value, err);
    if (status != FLY_OK) {
        return status;
    }
    if (key.len == 4 && key.data[0] == 0 && value.len == 4) {
        uint32_t next = fly_get_u32(value.data);
        if (next > fly_load_u32(&catalog->next_oid)) {
            fly_store_u32(&catalog->next_oid, next);
        }
        return FLY_OK;
    }
    if (key.len != 5) {
        return fly_err_set(err, FLY_E_CORRUPT, "the catalog has a key of %zu bytes", key.len);
    }
    status = list_room(list, err);
    if (status == FLY_OK) {
        fly__sql_object *object = NULL;
        status = fly__sql_object_decode(list->mem, (fly__sql_object_kind)key.data[0], value,
                                        &object, err);
        if (status == FLY_OK) {
            list->items[list->count++] = object;
        }
    }
    return status;
}

static fly_status load_entries(fly__sql_catalog *catalog, fly_txn *txn, struct list *list,
                               fly_err *err)
{
    fly_tree *tree = NULL;
    fly_cursor *cursor = NULL;
    fly_arena arena;
    fly_arena_init(&arena, list->mem, 0);
    fly_status status = fly_txn_tree_open(txn, tree_name, 0, &tree, err);
    if (status == FLY_OK) {
        status = fly_cursor_open(txn, tree, &cursor, err);
    }
    if (status == FLY_OK) {
        status = fly_cursor_first(cursor, err);
        while (status == FLY_OK) {
            status = load_entry(catalog, cursor, &arena, list, err);
            fly_arena_reset(&arena);
            status = status == FLY_OK ? fly_cursor_next(cursor, err) : status;
        }
    }
    fly_cursor_close(cursor);
    fly_arena_deinit(&arena);
    return status == FLY_E_END || status == FLY_E_NOT_FOUND ? FLY_OK : status;
}

static int object_order(const fly__sql_object *a, const fly__sql_object *b)
{
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    return a->oid < b->oid ? -1 : a->oid > b->oid;
}

/* What is stored about a built-in object stands for it: the one that another owns now. */
static void drop_replaced(struct list *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (kept > 0 && object_order(list->items[kept - 1], list->items[i]) == 0) {
            bool first = list->items[kept - 1]->builtin;
            fly__sql_object_release(first ? list->items[kept - 1] : list->items[i]);
            list->items[kept - 1] = first ? list->items[i] : list->items[kept - 1];
        } else {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
}

/* The tree gives objects in order; built-in ones go to their places among them. */
static void sort_objects(struct list *list)
{
    for (size_t i = 1; i < list->count; i++) {
        fly__sql_object *object = list->items[i];
        size_t at = i;
        while (at > 0 && object_order(object, list->items[at - 1]) < 0) {
            list->items[at] = list->items[at - 1];
            at--;
        }
        list->items[at] = object;
    }
}

static fly_status load(fly__sql_catalog *catalog, fly_err *err)
{
    fly_mem *mem = catalog->env->mem;
    struct list list = {.mem = mem, .room = 64};
    list.items = fly_mem_alloc(mem, list.room * sizeof(fly__sql_object *));
    if (list.items == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for the catalog");
    }
    fly_txn *txn = NULL;
    fly_status status = add_builtins(mem, list.items, &list.count, err);
    if (status == FLY_OK) {
        status = fly_txn_begin(catalog->store, &(fly_txn_options){.read_only = true}, &txn, err);
    }
    if (status == FLY_OK) {
        status = load_entries(catalog, txn, &list, err);
    }
    fly_txn_rollback(txn);
    if (status == FLY_OK) {
        sort_objects(&list);
        drop_replaced(&list);
        status = fly__sql_core_create(mem, 1, list.items, list.count, &catalog->newest, err);
    }
    for (size_t i = 0; i < list.count; i++) {
        fly__sql_object_release(list.items[i]); /* the core has counted them */
    }
    fly_mem_free(mem, list.items, list.room * sizeof(fly__sql_object *));
    return status;
}

fly_status fly__sql_catalog_open(fly_env *env, fly_store *store, fly__sql_catalog **catalog,
                                 fly_err *err)
{
    fly__sql_catalog *made = fly_mem_calloc(env->mem, 1, sizeof *made);
    if (made == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for the catalog");
    }
    made->env = env;
    made->store = store;
    fly_mutex_init(&made->publishing, "catalog", FLY_RANK_NONE);
    fly_store_u64(&made->version, 1);
    fly_store_u64(&made->versions, 1);
    fly_store_u32(&made->next_oid, FLY__SQL_OID_FIRST);
    fly_status status = load(made, err);
    if (status != FLY_OK) {
        fly__sql_catalog_close(made);
        return fly_err_prefix(err, status, "open the catalog");
    }
    *catalog = made;
    return FLY_OK;
}

void fly__sql_catalog_close(fly__sql_catalog *catalog)
{
    if (catalog != NULL) {
        fly__sql_core_release(catalog->newest);
        fly_mutex_deinit(&catalog->publishing);
        fly_mem_free(catalog->env->mem, catalog, sizeof *catalog);
    }
}

/* --------------------------------------------------------------------- views */

bool fly__sql_view_is_newest(const fly_sql_session *session, const fly__sql_catalog_view *view)
{
    const fly__sql_catalog *catalog = fly__sql_session_catalog(session);
    return (view->own || view->core->version == fly_load_u64(&catalog->version)) &&
           view->user == session->user_oid && view->roles == fly__sql_roles_version(session);
}

fly_status fly__sql_view_acquire(fly__sql_catalog *catalog, fly__sql_catalog_view *old,
                                 fly_sql_session *session, fly__sql_catalog_view **view,
                                 fly_err *err)
{
    fly_mutex_lock(&catalog->publishing);
    fly__sql_core *core = fly__sql_core_keep(catalog->newest);
    fly_mutex_unlock(&catalog->publishing);
    if (old != NULL && old->own) { /* its own changes come first */
        fly__sql_core_release(core);
        core = fly__sql_core_keep(old->core);
    }
    fly__sql_core *temp = old == NULL ? NULL : old->temp;
    fly__sql_catalog_view *made = NULL;
    fly_status status = fly__sql_view_create(catalog->env->mem, core, temp, session, &made, err);
    fly__sql_core_release(core);
    if (status == FLY_OK) {
        made->own = old != NULL && old->own;
        fly__sql_view_release(old);
        *view = made;
    }
    return status;
}

/* ------------------------------------------------------------------- changes */

uint32_t fly__sql_change_oid(fly_sql_session *session)
{
    return fly_add_u32(&fly__sql_session_catalog(session)->next_oid, 1);
}

static fly_status catalog_tree(fly_sql_session *session, fly_tree **tree, fly_err *err)
{
    return fly_txn_tree_open(session->txn, tree_name, FLY_TREE_CREATE, tree, err);
}

/* Write the entry that is the DDL lock, and remembers the OIDs. */
static fly_status write_lock(fly_sql_session *session, fly_err *err)
{
    fly_tree *tree = NULL;
    uint8_t value[4];
    fly_put_u32(value, fly_load_u32(&fly__sql_session_catalog(session)->next_oid));
    fly_status status = catalog_tree(session, &tree, err);
    if (status == FLY_OK) {
        status = fly_txn_put(session->txn, tree, fly_bytes_of("\0ddl", 4),
                             fly_bytes_of(value, sizeof value), err);
    }
    return status;
}

/* A view that was replaced while somebody may still look at its descriptors. */
struct fly__sql_retired {
    struct fly__sql_retired *link;
    fly__sql_catalog_view *view;
};

fly_status fly__sql_view_retire(fly_sql_session *session, fly__sql_catalog_view *view, fly_err *err)
{
    struct fly__sql_retired *retired = fly_mem_alloc(&session->account.mem, sizeof *retired);
    if (retired == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a view of the catalog");
    }
    retired->view = view;
    retired->link = session->retired;
    session->retired = retired;
    return FLY_OK;
}

void fly__sql_change_settle(fly_sql_session *session)
{
    while (session->retired != NULL) {
        struct fly__sql_retired *retired = session->retired;
        session->retired = retired->link;
        fly__sql_view_release(retired->view);
        fly_mem_free(&session->account.mem, retired, sizeof *retired);
    }
}

static fly_status own_view(fly_sql_session *session, fly__sql_core *core, fly__sql_core *temp,
                           fly_err *err)
{
    fly__sql_catalog *catalog = fly__sql_session_catalog(session);
    fly__sql_catalog_view *made = NULL;
    fly_status status = fly__sql_view_create(catalog->env->mem, core, temp, session, &made, err);
    if (status == FLY_OK) {
        status = fly__sql_view_retire(session, session->view, err);
        if (status != FLY_OK) {
            fly__sql_view_release(made);
            return status;
        }
        made->own = session->view->own;
        session->view = made;
    }
    return status;
}

fly_status fly__sql_view_renew(fly_sql_session *session, fly_err *err)
{
    return own_view(session, session->view->core, session->view->temp, err);
}

fly_status fly__sql_change_begin(fly_sql_session *session, fly_err *err)
{
    if (session->view->own) {
        return FLY_OK;
    }
    fly__sql_catalog *catalog = fly__sql_session_catalog(session);
    fly_status status = write_lock(session, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_mutex_lock(&catalog->publishing); /* C2: whoever had the lock has published by now */
    fly__sql_core *core = fly__sql_core_keep(catalog->newest);
    fly_mutex_unlock(&catalog->publishing);
    status = own_view(session, core, session->view->temp, err);
    fly__sql_core_release(core);
    if (status == FLY_OK) {
        session->view->own = true;
    }
    return status;
}

static void entry_key(uint8_t key[5], fly__sql_object_kind kind, uint32_t oid)
{
    key[0] = (uint8_t)kind;
    fly_put_u32be(key + 1, oid);
}

static fly_status write_entry(fly_sql_session *session, fly__sql_object_kind kind, uint32_t oid,
                              const fly_bytes *value, fly_err *err)
{
    uint8_t key[5];
    fly_tree *tree = NULL;
    entry_key(key, kind, oid);
    fly_status status = catalog_tree(session, &tree, err);
    if (status != FLY_OK) {
        return status;
    }
    if (value != NULL) {
        status = fly_txn_put(session->txn, tree, fly_bytes_of(key, sizeof key), *value, err);
    } else {
        status = fly_txn_delete(session->txn, tree, fly_bytes_of(key, sizeof key), err);
        status = status == FLY_E_NOT_FOUND ? FLY_OK : status;
    }
    return status == FLY_OK ? write_lock(session, err) : status;
}

/* Put an object (or its absence) into the session's view. */
static fly_status change_view(fly_sql_session *session, fly__sql_object_kind kind, uint32_t oid,
                              fly__sql_object *object, bool temporary, fly_err *err)
{
    fly__sql_catalog_view *view = session->view;
    fly__sql_core *changed = NULL;
    uint64_t version = fly_add_u64(&fly__sql_session_catalog(session)->versions, 1) + 1;
    fly_status status = fly__sql_core_with(view->mem, temporary ? view->temp : view->core, version,
                                           kind, oid, object, &changed, err);
    if (status == FLY_OK && temporary && !session->temporary_changed) {
        session->temporary_changed = true;
        session->temporary_before = view->temp == NULL ? NULL : fly__sql_core_keep(view->temp);
    }
    if (status == FLY_OK) {
        status = temporary ? own_view(session, view->core, changed, err)
                           : own_view(session, changed, view->temp, err);
        fly__sql_core_release(changed);
    }
    return status;
}

static bool is_temporary(fly_sql_session *session, fly__sql_object_kind kind, uint32_t oid)
{
    return fly__sql_core_find(session->view->temp, kind, oid) != NULL;
}

/* A new object has the rights that ALTER DEFAULT PRIVILEGES says. */
static fly_status begin_rights(fly_sql_session *session, fly__sql_object_kind kind, uint32_t oid,
                               fly_err *err)
{
    const fly__sql_catalog_view *view = session->view;
    fly__sql_secured object;
    uint32_t schema = 0;
    if (kind == FLY__SQL_O_TABLE) {
        const fly__sql_table *table = fly__sql_table_of(view, oid);
        object = fly__sql_secured_table(table);
        schema = table->schema;
        if (table->class == FLY__SQL_COMPOSITE) {
            return FLY_OK;
        }
    } else if (kind == FLY__SQL_O_FUNCTION) {
        const fly__sql_user_function *function = fly__sql_user_function_of(view, oid);
        object = fly__sql_secured_function(function);
        schema = function->schema;
    } else if (kind == FLY__SQL_O_TYPE) {
        const fly__sql_user_type *type = fly__sql_user_type_of(view, oid);
        object = fly__sql_secured_type(type);
        schema = type->schema;
    } else if (kind == FLY__SQL_O_SCHEMA) {
        object = fly__sql_secured_schema(fly__sql_schema_of(view, oid));
    } else {
        return FLY_OK;
    }
    return fly__sql_acl_begin(session, &object, schema, err);
}

/* Trees of a table and its indexes are made with it: made when the first row comes, each would be made by
 * several at once. */
static fly_status make_trees(fly_sql_session *session, fly__sql_object_kind kind,
                             const void *descriptor, fly_err *err)
{
    const fly__sql_table *table = kind == FLY__SQL_O_TABLE ? descriptor : NULL;
    fly_tree *tree = NULL;
    fly_status status = FLY_OK;
    if (table != NULL && table->tree != NULL) {
        status = fly__sql_session_tree(session, table->tree, &tree, err);
        for (uint16_t i = 0; status == FLY_OK && i < table->index_count; i++) {
            status = fly__sql_session_tree(session, table->indexes[i]->tree, &tree, err);
        }
    }
    return status;
}

fly_status fly__sql_change_put(fly_sql_session *session, fly__sql_object_kind kind,
                               const void *descriptor, fly_err *err)
{
    fly_mem *mem = session->view->mem;
    fly__sql_object *object = NULL;
    fly_bytes bytes = {0};
    fly_arena arena;
    fly_arena_init(&arena, mem, 0);
    fly_status status = fly__sql_object_encode(kind, descriptor, &arena, &bytes, err);
    if (status == FLY_OK) {
        status = fly__sql_object_decode(mem, kind, bytes, &object, err);
    }
    if (status != FLY_OK) {
        goto out;
    }
    /* What belongs to a temporary table is found by the table's OID, or lies in pg_temp. */
    bool temporary =
        object->schema == FLY__SQL_SCHEMA_TEMP || is_temporary(session, kind, object->oid) ||
        (kind == FLY__SQL_O_SEQUENCE && is_temporary(session, FLY__SQL_O_TABLE, object->oid));
    if (!temporary) {
        status = fly__sql_change_begin(session, err);
        if (status == FLY_OK) {
            status = write_entry(session, kind, object->oid, &bytes, err);
        }
    }
    bool is_new = status == FLY_OK && fly__sql_object_of(session->view, kind, object->oid) == NULL;
    if (status == FLY_OK) {
        status = change_view(session, kind, object->oid, object, temporary, err);
    }
    if (status == FLY_OK) {
        status = make_trees(session, kind, descriptor, err);
    }
    if (status == FLY_OK && is_new && !temporary) {
        status = begin_rights(session, kind, object->oid, err);
    }
out:
    fly__sql_object_release(object);
    fly_arena_deinit(&arena);
    return status;
}

fly_status fly__sql_change_remove(fly_sql_session *session, fly__sql_object_kind kind, uint32_t oid,
                                  fly_err *err)
{
    bool temporary = is_temporary(session, kind, oid);
    fly_status status = FLY_OK;
    if (!temporary) {
        status = fly__sql_change_begin(session, err);
        if (status == FLY_OK) {
            status = write_entry(session, kind, oid, NULL, err);
        }
    }
    if (status == FLY_OK) {
        status = change_view(session, kind, oid, NULL, temporary, err);
    }
    bool had_rights = status == FLY_OK && kind != FLY__SQL_O_ACL &&
                      fly__sql_object_of(session->view, FLY__SQL_O_ACL, oid) != NULL;
    return had_rights ? fly__sql_change_remove(session, FLY__SQL_O_ACL, oid, err) : status;
}

fly__sql_table *fly__sql_table_copy(const fly__sql_table *table, uint16_t more, fly_arena *arena)
{
    fly__sql_table *copy = fly_arena_copy(arena, table, sizeof *table);
    if (copy == NULL) {
        return NULL;
    }
    /* The arrays are the copy's own, what they point to is the original's. */
#define OWN(array, count, each)                                                                    \
    do {                                                                                           \
        void *own = fly_arena_alloc(arena, ((size_t)(count) + more) * (each));                     \
        if (own == NULL) {                                                                         \
            return NULL;                                                                           \
        }                                                                                          \
        if ((count) > 0) {                                                                         \
            memcpy(own, (array), (size_t)(count) * (each));                                        \
        }                                                                                          \
        memcpy(&(array), &own, sizeof own);                                                        \
    } while (0)
    OWN(copy->columns, copy->column_count, sizeof *copy->columns);
    OWN(copy->indexes, copy->index_count, sizeof(void *));
    OWN(copy->constraints, copy->constraint_count, sizeof(void *));
    OWN(copy->referrers, copy->referrer_count, sizeof(void *));
    OWN(copy->triggers, copy->trigger_count, sizeof(void *));
    OWN(copy->policies, copy->policy_count, sizeof(void *));
#undef OWN
    return copy;
}

void fly__sql_change_enter(fly_sql_session *session)
{
    if (session->view != NULL && session->view->own) {
        fly_mutex_lock(&fly__sql_session_catalog(session)->publishing);
    }
}

void fly__sql_change_leave(fly_sql_session *session, bool committed)
{
    fly__sql_catalog_view *view = session->view;
    if (view == NULL || !view->own) {
        return;
    }
    fly__sql_catalog *catalog = fly__sql_session_catalog(session);
    if (committed) {
        fly__sql_core_release(catalog->newest);
        catalog->newest = fly__sql_core_keep(view->core);
        fly_store_u64(&catalog->version, view->core->version);
    }
    fly_mutex_unlock(&catalog->publishing);
    view->own = false; /* if it was not committed, the next statement finds that it is not newest */
}

void fly__sql_change_end(fly_sql_session *session, bool committed)
{
    fly__sql_core *before = session->temporary_before;
    if (session->temporary_changed && !committed && session->view->temp != before) {
        (void)own_view(session, session->view->core, before, NULL);
    }
    if (before != NULL) {
        fly__sql_core_release(before);
    }
    session->temporary_before = NULL;
    session->temporary_changed = false;
}

fly__sql_catalog_view *fly__sql_change_mark(fly_sql_session *session)
{
    return fly__sql_view_keep(session->view);
}

void fly__sql_change_back(fly_sql_session *session, fly__sql_catalog_view *mark)
{
    bool own = session->view->own;
    fly__sql_view_release(session->view);
    session->view = fly__sql_view_keep(mark);
    if (own && !mark->own) {
        /* The lock is gone with what was done since: the transaction layer undid its write. */
        session->view->own = false;
    }
}
