/*
 * The roles of a directory: where they lie, how they are read and changed.
 *
 *     data/_system/     a store as those of databases, with the tree "sys.roles"
 *
 * It is made by the first change: a directory that nobody has told about roles has the built-in ones,
 * and its administrator no password. Entries lie under kind and OID, as in a database's catalog; what
 * is stored about a built-in role stands for what is written here. Format: docs/formats/catalog.md.
 *
 * Two stores, one transaction. A session that changes roles has a second transaction, in `_system`,
 * which ends with the first: committed right after it, rolled back with it, and back at savepoints.
 *
 *     R1  what a database says about a role names its OID, and OIDs are never given out twice: they
 *         are reserved by a commit of their own, before they are used
 *     R2  one session at a time changes roles: it has written the entry 00 "roles"
 *     R3  `newest` is what the store holds as committed, with the built-in ones; it is published under
 *         the mutex that is held since before the commit
 *
 * So a crash between the two commits leaves a grant to a role that does not exist, or a dropped role
 * that is still there without its rights. Both are harmless: nobody will ever have that OID.
 *
 * Waiting for R2's entry ends after some seconds: whoever holds it may wait for a lock in a database
 * that the waiter has, and no store sees both.
 */
#include "catalog/role_int.h"

#include "catalog/system_int.h"
#include "catalog/view_int.h"
#include "session/engine_int.h"
#include "session/state_int.h"

#include <string.h>

static const char directory[] = "_system";
static const char tree_name[] = "sys.roles";

enum { OIDS_AT_ONCE = 64, LOCK_WAIT_MS = 10000 };

/* --------------------------------------------------------------- built-in roles */

static const fly__sql_membership of_monitor[] = {
    {FLY__SQL_ROLE_READ_SETTINGS, FLY__SQL_ROLE_ADMIN, false},
    {FLY__SQL_ROLE_READ_STATS, FLY__SQL_ROLE_ADMIN, false},
    {FLY__SQL_ROLE_SCAN_TABLES, FLY__SQL_ROLE_ADMIN, false}};
static const fly__sql_membership of_reader[] = {
    {FLY__SQL_ROLE_READ_ALL, FLY__SQL_ROLE_ADMIN, false}};
static const fly__sql_membership of_writer[] = {
    {FLY__SQL_ROLE_WRITE_ALL, FLY__SQL_ROLE_ADMIN, false}};
static const fly__sql_membership of_readonly[] = {
    {FLY__SQL_ROLE_READER, FLY__SQL_ROLE_ADMIN, false}};
static const fly__sql_membership of_readwrite[] = {
    {FLY__SQL_ROLE_READER, FLY__SQL_ROLE_ADMIN, false},
    {FLY__SQL_ROLE_WRITER, FLY__SQL_ROLE_ADMIN, false}};

#define MEMBERS(list) .memberships = (list), .membership_count = sizeof(list) / sizeof((list)[0])

static const fly__sql_role builtin_roles[] = {
    {.oid = FLY__SQL_ROLE_ADMIN,
     .name = "admin",
     .superuser = true,
     .create_role = true,
     .create_db = true,
     .login = true,
     .replication = true,
     .bypass_rls = true},
    {.oid = FLY__SQL_ROLE_MONITOR, .name = "pg_monitor", MEMBERS(of_monitor)},
    {.oid = FLY__SQL_ROLE_READ_SETTINGS, .name = "pg_read_all_settings"},
    {.oid = FLY__SQL_ROLE_READ_STATS, .name = "pg_read_all_stats"},
    {.oid = FLY__SQL_ROLE_SCAN_TABLES, .name = "pg_stat_scan_tables"},
    {.oid = FLY__SQL_ROLE_SIGNAL_BACKEND, .name = "pg_signal_backend"},
    {.oid = FLY__SQL_ROLE_CHECKPOINT, .name = "pg_checkpoint"},
    {.oid = FLY__SQL_ROLE_READ_FILES, .name = "pg_read_server_files"},
    {.oid = FLY__SQL_ROLE_WRITE_FILES, .name = "pg_write_server_files"},
    {.oid = FLY__SQL_ROLE_EXECUTE_PROGRAM, .name = "pg_execute_server_program"},
    {.oid = FLY__SQL_ROLE_DATABASE_OWNER, .name = "pg_database_owner"},
    {.oid = FLY__SQL_ROLE_READ_ALL, .name = "pg_read_all_data"},
    {.oid = FLY__SQL_ROLE_WRITE_ALL, .name = "pg_write_all_data"},
    {.oid = FLY__SQL_ROLE_READER, .name = "reader", MEMBERS(of_reader)},
    {.oid = FLY__SQL_ROLE_WRITER, .name = "writer", MEMBERS(of_writer)},
    {.oid = FLY__SQL_ROLE_OWNER, .name = "owner"},
    {.oid = FLY__SQL_ROLE_READONLY, .name = "readonly", MEMBERS(of_readonly)},
    {.oid = FLY__SQL_ROLE_READWRITE, .name = "readwrite", MEMBERS(of_readwrite)},
};

enum { BUILTIN_ROLES = sizeof builtin_roles / sizeof builtin_roles[0] };

static fly_status builtin_core(fly_sql *sql, fly__sql_core **core, fly_err *err)
{
    fly__sql_object *objects[BUILTIN_ROLES] = {NULL};
    fly_status status = FLY_OK;
    size_t count = 0;
    while (status == FLY_OK && count < BUILTIN_ROLES) {
        status = fly__sql_object_create(sql->env->mem, FLY__SQL_O_ROLE, &objects[count], err);
        if (status == FLY_OK) {
            fly__sql_role *role = objects[count]->body;
            *role = builtin_roles[count];
            role->inherit = true;
            role->builtin = true;
            role->connection_limit = -1;
            status = fly__sql_object_finish(objects[count], err);
            count++;
        }
    }
    if (status == FLY_OK) {
        status = fly__sql_core_create(sql->env->mem, 1, objects, count, core, err);
    }
    for (size_t i = 0; i < count; i++) {
        fly__sql_object_release(objects[i]); /* the core has counted them */
    }
    return status;
}

/* ----------------------------------------------------------------------- opening */

static uint32_t smaller(uint32_t asked, uint32_t enough)
{
    return asked != 0 && asked < enough ? asked : enough;
}

static fly_status open_store(fly_sql *sql, bool create, fly_err *err)
{
    char path[FLY_PATH_MAX];
    fly_store_options options = sql->store;
    options.create = create;
    options.read_only = sql->read_only;
    options.pool_bytes = (uint64_t)4 << 20; /* roles are few */
    options.pages_max = 0;
    options.undo_bytes_max = 0;
    options.checkpoint_bytes = 0;
    options.wal_segment_size = smaller(options.wal_segment_size, 2u << 20);
    options.wal_ring_size = smaller(options.wal_ring_size, 1u << 20);
    fly_status status = fly_path_join(path, sizeof path, sql->path, directory, err);
    if (status == FLY_OK) {
        status = fly_store_open(sql->env, path, &options, &sql->roles.store, err);
    }
    if (status == FLY_OK && create) {
        status = fly_vfs_sync_dir(sql->env->vfs, sql->path, err);
        if (status != FLY_OK) {
            fly_store_abandon(sql->roles.store);
            sql->roles.store = NULL;
        }
    }
    return status;
}

static fly_status take_entry(fly_sql *sql, fly_cursor *cursor, fly_arena *arena, fly_err *err)
{
    fly_bytes key = fly_cursor_key(cursor);
    size_t len = (size_t)fly_cursor_value_len(cursor);
    uint8_t *value = fly_arena_alloc(arena, len);
    if (value == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for roles");
    }
    fly_status status = fly_cursor_read(cursor, 0, value, len, err);
    if (status != FLY_OK || (key.len > 0 && key.data[0] == 0)) {
        if (status == FLY_OK && key.len == 4 && memcmp(key.data, "\0oid", 4) == 0 && len == 4) {
            sql->roles.next_oid = sql->roles.until_oid = fly_get_u32(value);
        }
        return status;
    }
    if (key.len != 5) {
        return fly_err_set(err, FLY_E_CORRUPT, "the roles have a key of %zu bytes", key.len);
    }
    fly__sql_object *object = NULL;
    fly__sql_core *grown = NULL;
    status = fly__sql_object_decode(sql->env->mem, (fly__sql_object_kind)key.data[0],
                                    fly_bytes_of(value, len), &object, err);
    if (status == FLY_OK) {
        status = fly__sql_core_with(sql->env->mem, sql->roles.newest, 1,
                                    (fly__sql_object_kind)object->kind, object->oid, object, &grown,
                                    err);
    }
    if (status == FLY_OK) {
        fly__sql_core_release(sql->roles.newest);
        sql->roles.newest = grown;
    }
    fly__sql_object_release(object);
    return status;
}

static fly_status load(fly_sql *sql, fly_err *err)
{
    fly_txn *txn = NULL;
    fly_tree *tree = NULL;
    fly_cursor *cursor = NULL;
    fly_arena arena;
    fly_arena_init(&arena, sql->env->mem, 0);
    fly_status status =
        fly_txn_begin(sql->roles.store, &(fly_txn_options){.read_only = true}, &txn, err);
    if (status == FLY_OK) {
        status = fly_txn_tree_open(txn, tree_name, 0, &tree, err);
    }
    if (status == FLY_OK) {
        status = fly_cursor_open(txn, tree, &cursor, err);
    }
    if (status == FLY_OK) {
        status = fly_cursor_first(cursor, err);
        while (status == FLY_OK) {
            status = take_entry(sql, cursor, &arena, err);
            fly_arena_reset(&arena);
            status = status == FLY_OK ? fly_cursor_next(cursor, err) : status;
        }
    }
    fly_cursor_close(cursor);
    fly_txn_rollback(txn);
    fly_arena_deinit(&arena);
    return status == FLY_E_END || status == FLY_E_NOT_FOUND ? FLY_OK : status;
}

static void see_directory(void *ctx, const char *name)
{
    bool *there = ctx;
    *there = *there || strcmp(name, directory) == 0;
}

fly_status fly__sql_roles_open(fly_sql *sql, fly_err *err)
{
    bool there = false;
    fly_mutex_init(&sql->roles.mutex, "sql roles", FLY_RANK_NONE);
    fly_store_u64(&sql->roles.version, 1);
    fly_store_u64(&sql->roles.versions, 1);
    sql->roles.next_oid = sql->roles.until_oid = FLY__SQL_OID_FIRST;
    fly_status status = builtin_core(sql, &sql->roles.newest, err);
    if (status == FLY_OK) {
        status = fly_vfs_list(sql->env->vfs, sql->path, see_directory, &there, err);
    }
    if (status != FLY_OK || !there) {
        return status;
    }
    status = open_store(sql, false, err);
    if (status == FLY_E_NOT_FOUND) {
        return FLY_OK; /* it was being made when the world ended: nothing was in it */
    }
    if (status == FLY_OK) {
        status = load(sql, err);
    }
    return status == FLY_OK ? FLY_OK : fly_err_prefix(err, status, "open the roles");
}

fly_status fly__sql_roles_close(fly_sql *sql, fly_err *err)
{
    fly_status status = FLY_OK;
    if (sql->roles.newest == NULL) {
        return FLY_OK; /* never opened */
    }
    if (sql->roles.store != NULL) {
        status = fly_store_close(sql->roles.store, err);
        sql->roles.store = NULL;
    }
    fly__sql_core_release(sql->roles.newest);
    sql->roles.newest = NULL;
    fly_mutex_deinit(&sql->roles.mutex);
    return status;
}

/* ------------------------------------------------------------------ of a session */

fly_status fly__sql_roles_refresh(fly_sql_session *session, fly_err *err)
{
    (void)err;
    fly__sql_roles *roles = &session->sql->roles;
    struct fly__sql_session_roles *own = &session->state->roles;
    if (own->txn != NULL ||
        (own->core != NULL && own->core->version == fly_load_u64(&roles->version))) {
        return FLY_OK;
    }
    fly_mutex_lock(&roles->mutex);
    fly__sql_core *core = fly__sql_core_keep(roles->newest);
    fly_mutex_unlock(&roles->mutex);
    fly__sql_core_release(own->core);
    own->core = core;
    return FLY_OK;
}

uint64_t fly__sql_roles_version(const fly_sql_session *session)
{
    return session->state->roles.core->version;
}

static const void *body_of(const fly__sql_object *object)
{
    return object == NULL ? NULL : object->body;
}

const fly__sql_role *fly__sql_role_named(const fly_sql_session *session, const char *name)
{
    return body_of(fly__sql_core_named(session->state->roles.core, FLY__SQL_O_ROLE, name));
}

const fly__sql_role *fly__sql_role_of(const fly_sql_session *session, uint32_t oid)
{
    return body_of(fly__sql_core_find(session->state->roles.core, FLY__SQL_O_ROLE, oid));
}

const fly__sql_database_rights *fly__sql_database_rights_of(const fly_sql_session *session,
                                                            const char *name)
{
    return body_of(fly__sql_core_named(session->state->roles.core, FLY__SQL_O_DATABASE, name));
}

static const void *next(const fly_sql_session *session, fly__sql_object_kind kind, size_t *at)
{
    const fly__sql_core *core = session->state->roles.core;
    while (*at < core->count) {
        const fly__sql_object *object = core->objects[(*at)++];
        if (object->kind == kind) {
            return object->body;
        }
    }
    return NULL;
}

const fly__sql_role *fly__sql_role_next(const fly_sql_session *session, size_t *at)
{
    return next(session, FLY__SQL_O_ROLE, at);
}

const fly__sql_database_rights *fly__sql_database_rights_next(const fly_sql_session *session,
                                                              size_t *at)
{
    return next(session, FLY__SQL_O_DATABASE, at);
}

const fly__sql_role_setting *fly__sql_role_setting_next(const fly_sql_session *session, size_t *at)
{
    return next(session, FLY__SQL_O_ROLE_SETTING, at);
}

/* ----------------------------------------------------------------------- changing */

static fly_status put_number(fly_txn *txn, fly_bytes key, uint32_t number, fly_err *err)
{
    uint8_t value[4];
    fly_tree *tree = NULL;
    fly_put_u32(value, number);
    fly_status status = fly_txn_tree_open(txn, tree_name, FLY_TREE_CREATE, &tree, err);
    return status == FLY_OK ? fly_txn_put(txn, tree, key, fly_bytes_of(value, sizeof value), err)
                            : status;
}

/* R1: by a transaction of its own, with the mutex held: it waits for nobody, because it makes the tree
 * before anybody uses it. */
static fly_status reserve(fly_sql *sql, fly_err *err)
{
    fly_txn *txn = NULL;
    uint32_t until = sql->roles.until_oid + OIDS_AT_ONCE;
    fly_status status = fly_txn_begin(sql->roles.store, NULL, &txn, err);
    if (status != FLY_OK) {
        return status;
    }
    status = put_number(txn, fly_bytes_of("\0oid", 4), until, err);
    if (status == FLY_OK) {
        status = fly_txn_commit(txn, err);
    } else {
        fly_txn_rollback(txn);
    }
    if (status == FLY_OK) {
        sql->roles.until_oid = until;
    }
    return status;
}

static fly_status need_store(fly_sql *sql, fly_err *err)
{
    fly_mutex_lock(&sql->roles.mutex);
    fly_status status = sql->roles.store != NULL ? FLY_OK : open_store(sql, true, err);
    if (status == FLY_OK && sql->roles.until_oid == FLY__SQL_OID_FIRST) {
        status = reserve(sql, err);
    }
    fly_mutex_unlock(&sql->roles.mutex);
    return status;
}

fly_status fly__sql_role_oid_new(fly_sql_session *session, uint32_t *oid, fly_err *err)
{
    fly_sql *sql = session->sql;
    fly_status status = need_store(sql, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_mutex_lock(&sql->roles.mutex);
    status = sql->roles.next_oid < sql->roles.until_oid ? FLY_OK : reserve(sql, err);
    if (status == FLY_OK) {
        *oid = sql->roles.next_oid++;
    }
    fly_mutex_unlock(&sql->roles.mutex);
    return status;
}

/* R2: from here on the session's roles are its own. */
static fly_status begin(fly_sql_session *session, fly_err *err)
{
    struct fly__sql_session_roles *own = &session->state->roles;
    fly_sql *sql = session->sql;
    if (own->txn != NULL) {
        return FLY_OK;
    }
    fly_status status = need_store(sql, err);
    if (status != FLY_OK) {
        return status;
    }
    uint32_t wait = session->state->lock_timeout_ms;
    fly_txn_options options = {.isolation = FLY_ISOLATION_READ_COMMITTED,
                               .lock_timeout_ms = wait != 0 ? wait : LOCK_WAIT_MS};
    fly_txn *txn = NULL;
    status = fly_txn_begin(sql->roles.store, &options, &txn, err);
    if (status == FLY_OK) {
        status = put_number(txn, fly_bytes_of("\0roles", 6), FLY__SQL_OID_FIRST, err);
        if (status != FLY_OK) {
            fly_txn_rollback(txn);
        }
    }
    if (status != FLY_OK) {
        return status;
    }
    own->txn = txn;
    fly_mutex_lock(&sql->roles.mutex);
    fly__sql_core *core = fly__sql_core_keep(sql->roles.newest);
    fly_mutex_unlock(&sql->roles.mutex);
    fly__sql_core_release(own->core);
    own->core = core;
    return FLY_OK;
}

static fly_status change(fly_sql_session *session, fly__sql_object_kind kind, uint32_t oid,
                         fly__sql_object *object, fly_bytes bytes, fly_err *err)
{
    struct fly__sql_session_roles *own = &session->state->roles;
    fly_sql *sql = session->sql;
    uint8_t key[5] = {(uint8_t)kind};
    fly_put_u32be(key + 1, oid);
    fly_tree *tree = NULL;
    fly__sql_core *changed = NULL;
    fly_status status = fly_txn_tree_open(own->txn, tree_name, FLY_TREE_CREATE, &tree, err);
    if (status == FLY_OK && object != NULL) {
        status = fly_txn_put(own->txn, tree, fly_bytes_of(key, sizeof key), bytes, err);
    } else if (status == FLY_OK) {
        status = fly_txn_delete(own->txn, tree, fly_bytes_of(key, sizeof key), err);
        status = status == FLY_E_NOT_FOUND ? FLY_OK : status;
    }
    if (status == FLY_OK) {
        uint64_t version = fly_add_u64(&sql->roles.versions, 1) + 1;
        status =
            fly__sql_core_with(sql->env->mem, own->core, version, kind, oid, object, &changed, err);
    }
    if (status == FLY_OK) {
        fly__sql_core_release(own->core);
        own->core = changed;
    }
    return status;
}

fly_status fly__sql_role_put(fly_sql_session *session, fly__sql_object_kind kind,
                             const void *descriptor, fly_err *err)
{
    fly_mem *mem = session->sql->env->mem;
    fly__sql_object *object = NULL;
    fly_bytes bytes = {0};
    fly_arena arena;
    fly_arena_init(&arena, mem, 0);
    /* The copy comes first: `descriptor` may point into the core that beginning replaces. */
    fly_status status = fly__sql_object_encode(kind, descriptor, &arena, &bytes, err);
    if (status == FLY_OK) {
        status = fly__sql_object_decode(mem, kind, bytes, &object, err);
    }
    if (status == FLY_OK) {
        status = begin(session, err);
    }
    if (status == FLY_OK) {
        status = change(session, kind, object->oid, object, bytes, err);
    }
    fly__sql_object_release(object);
    fly_arena_deinit(&arena);
    return status;
}

fly_status fly__sql_role_remove(fly_sql_session *session, fly__sql_object_kind kind, uint32_t oid,
                                fly_err *err)
{
    fly_status status = begin(session, err);
    return status == FLY_OK ? change(session, kind, oid, NULL, (fly_bytes){0}, err) : status;
}

fly_status fly__sql_role_lock(fly_sql_session *session, fly_err *err)
{
    return begin(session, err);
}

/* ------------------------------------------------------------------- transactions */

fly_status fly__sql_roles_commit(fly_sql_session *session, fly_err *err)
{
    struct fly__sql_session_roles *own = &session->state->roles;
    fly__sql_roles *roles = &session->sql->roles;
    if (own->txn == NULL) {
        return FLY_OK;
    }
    fly_mutex_lock(&roles->mutex);
    fly_status status = fly_txn_commit(own->txn, err);
    if (status == FLY_OK) {
        fly__sql_core_release(roles->newest);
        roles->newest = fly__sql_core_keep(own->core);
        fly_store_u64(&roles->version, own->core->version);
    }
    fly_mutex_unlock(&roles->mutex);
    own->txn = NULL; /* gone, whatever became of it; the next statement takes the newest */
    return status;
}

void fly__sql_roles_rollback(fly_sql_session *session)
{
    struct fly__sql_session_roles *own = &session->state->roles;
    fly__sql_roles *roles = &session->sql->roles;
    if (own->txn == NULL) {
        return;
    }
    fly_txn_rollback(own->txn);
    own->txn = NULL;
    fly_mutex_lock(&roles->mutex);
    fly__sql_core *core = fly__sql_core_keep(roles->newest);
    fly_mutex_unlock(&roles->mutex);
    fly__sql_core_release(own->core);
    own->core = core;
}

void fly__sql_roles_mark_set(fly_sql_session *session, fly__sql_roles_mark *mark)
{
    struct fly__sql_session_roles *own = &session->state->roles;
    *mark = (fly__sql_roles_mark){0};
    if (own->txn != NULL) {
        mark->core = fly__sql_core_keep(own->core);
        mark->point = fly_txn_savepoint(own->txn);
    }
}

void fly__sql_roles_mark_free(fly__sql_roles_mark *mark)
{
    fly__sql_core_release(mark->core);
    mark->core = NULL;
}

fly_status fly__sql_roles_back(fly_sql_session *session, const fly__sql_roles_mark *mark,
                               fly_err *err)
{
    struct fly__sql_session_roles *own = &session->state->roles;
    if (own->txn == NULL) {
        return FLY_OK;
    }
    if (mark->core == NULL) {
        fly__sql_roles_rollback(session);
        return FLY_OK;
    }
    fly_status status = fly_txn_rollback_to(own->txn, mark->point, err);
    if (status == FLY_OK) {
        fly__sql_core_release(own->core);
        own->core = fly__sql_core_keep(mark->core);
    }
    return status;
}

void fly__sql_roles_leave(fly_sql_session *session)
{
    fly__sql_roles_rollback(session);
    fly__sql_core_release(session->state->roles.core);
    session->state->roles.core = NULL;
}
