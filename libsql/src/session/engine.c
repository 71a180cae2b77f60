/*
 * Engines: a directory of databases, each a store of its own.
 *
 *     data/default/data.db  wal/  ...       a database is a directory: copy it, back it up, remove it
 *     data/shop/data.db     wal/  ...
 *
 * A database is opened when the first session asks for it and closed with the engine: opening is slow,
 * and who asked once asks again. ":memory:" is the same over files that live in memory.
 */
#include "session/engine_int.h"

#include <fly/text.h>

#include <string.h>
#include <strings.h>

/* ------------------------------------------------------------------- engines */

static uint64_t default_memory(uint64_t pool_bytes)
{
    const uint64_t least = (uint64_t)64 << 20;
    uint64_t pool = pool_bytes != 0 ? pool_bytes : fly_bufpool_auto_bytes();
    return pool / 2 > least ? pool / 2 : least;
}

static fly_status take_path(fly_sql *sql, const char *path, fly_err *err)
{
    bool in_memory = strcmp(path, ":memory:") == 0;
    const char *meant = in_memory ? "memory" : path;
    sql->path_size = strlen(meant) + 1;
    sql->path = fly_mem_alloc(sql->env->mem, sql->path_size);
    if (sql->path == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for an engine");
    }
    memcpy(sql->path, meant, sql->path_size);
    if (!in_memory) {
        return FLY_OK;
    }
    sql->own_vfs = fly_vfs_mem_create(sql->env->mem);
    if (sql->own_vfs == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for files in memory");
    }
    sql->own_env = *sql->env;
    sql->own_env.vfs = sql->own_vfs;
    sql->env = &sql->own_env;
    sql->create = true;
    sql->store.durability = FLY_DURABILITY_OFF;
    sql->store.buffered = true;
    /* Pages and log lie in memory twice already: what is not asked for is kept small. */
    if (sql->store.wal_segment_size == 0) {
        sql->store.wal_segment_size = 4u << 20;
    }
    if (sql->store.wal_ring_size == 0) {
        sql->store.wal_ring_size = 2u << 20;
    }
    return FLY_OK;
}

/* The directory above one: "." of a plain name, "/" of "/data". */
static void above(const char *path, char parent[FLY_PATH_MAX])
{
    size_t len = strlen(path);
    while (len > 0 && path[len - 1] == '/') {
        len--;
    }
    while (len > 0 && path[len - 1] != '/') {
        len--;
    }
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    if (len == 0 || len >= FLY_PATH_MAX) {
        path = ".";
        len = 1;
    }
    memcpy(parent, path, len);
    parent[len] = '\0';
}

/* Make a directory whose name survives a crash. */
static fly_status make_directory(fly_sql *sql, fly_err *err)
{
    char parent[FLY_PATH_MAX];
    if (!sql->create) {
        return FLY_OK;
    }
    above(sql->path, parent);
    fly_status status = fly_vfs_make_dir(sql->env->vfs, sql->path, err);
    return status == FLY_OK ? fly_vfs_sync_dir(sql->env->vfs, parent, err) : status;
}

static void destroy(fly_sql *sql);

fly_status fly_sql_open(fly_env *env, const char *path, const fly_sql_options *options,
                        fly_sql **opened, fly_err *err)
{
    static const fly_sql_options defaults;
    options = options == NULL ? &defaults : options;
    fly_sql *sql = fly_mem_calloc(env->mem, 1, sizeof *sql);
    if (sql == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for an engine");
    }
    sql->env = env;
    sql->outside = env->vfs;
    sql->create = options->create;
    sql->read_only = options->read_only;
    sql->threads = options->threads;
    sql->plan_cache = options->plan_cache != 0 ? options->plan_cache : 1024;
    if (options->store != NULL) {
        sql->store = *options->store;
    }
    sql->memory_bytes = options->memory_bytes != 0 ? options->memory_bytes
                                                   : default_memory(sql->store.pool_bytes);
    fly_account_init(&sql->account, env->mem, "sql", 0);
    fly_mutex_init(&sql->mutex, "sql engine", FLY_RANK_NONE);
    fly__sql_registry_init(&sql->registry);
    fly__sql_stats_init(&sql->stats);
    fly__sql_database *database = NULL;
    fly_status status = take_path(sql, path, err);
    if (status == FLY_OK) {
        status = make_directory(sql, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_roles_open(sql, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_database_acquire(sql, "default", sql->create, &database, err);
    }
    if (status != FLY_OK) {
        destroy(sql);
        return fly_err_prefix(err, status, "open \"%s\"", path);
    }
    fly__sql_database_release(sql, database);
    *opened = sql;
    return FLY_OK;
}

static void free_database(fly_sql *sql, fly__sql_database *database)
{
    fly__sql_catalog_close(database->catalog);
    while (database->counters != NULL) {
        fly__sql_counter *next = database->counters->link;
        fly_mem_free(sql->env->mem, database->counters, sizeof *database->counters);
        database->counters = next;
    }
    fly_mutex_deinit(&database->counting);
    fly_mutex_deinit(&database->locking);
    fly__sql_notifier_deinit(&database->notifier);
    fly__sql_watchers_deinit(&database->watchers);
    fly__sql_samples_deinit(&database->samples, sql->env->mem);
    fly_mem_free(sql->env->mem, database, sizeof *database);
}

static void destroy(fly_sql *sql)
{
    fly_mem *mem = sql->account.parent;
    (void)fly__sql_roles_close(sql, NULL); /* whoever closes has done it already, and heard */
    while (sql->collations != NULL) {
        struct fly__sql_engine_collation *next = sql->collations->link;
        fly_text_collation_close(sql->collations->collation);
        fly_mem_free(mem, sql->collations, sizeof *sql->collations);
        sql->collations = next;
    }
    fly__sql_registered_free(sql);
    fly_mem_free(mem, sql->path, sql->path_size);
    if (sql->own_vfs != NULL) {
        fly_vfs_destroy(sql->own_vfs);
    }
    fly__sql_registry_deinit(&sql->registry);
    fly__sql_stats_deinit(&sql->stats, sql->env->mem);
    fly_mutex_deinit(&sql->mutex);
    fly_account_deinit(&sql->account);
    fly_mem_free(mem, sql, sizeof *sql);
}

fly_status fly_sql_close(fly_sql *sql, fly_err *err)
{
    fly_status status = fly__sql_roles_close(sql, err);
    while (sql->databases != NULL) {
        fly__sql_database *database = sql->databases;
        FLY_ASSERT(database->sessions == 0);
        sql->databases = database->link;
        fly_status closed = fly_store_close(database->store, status == FLY_OK ? err : NULL);
        status = status == FLY_OK ? closed : status;
        free_database(sql, database);
    }
    destroy(sql);
    return status;
}

/* ----------------------------------------------------------------- databases */

static fly_status database_path(const fly_sql *sql, const char *name, char path[FLY_PATH_MAX],
                                fly_err *err)
{
    if (name[0] == '\0' || name[0] == '.' || strcmp(name, "_system") == 0 ||
        strchr(name, '/') != NULL || strlen(name) > FLY__SQL_DATABASE_NAME_MAX) {
        return fly_err_state(err, "42602", 0, "invalid database name: \"%s\"", name);
    }
    return fly_path_join(path, FLY_PATH_MAX, sql->path, name, err);
}

static fly__sql_database *find(const fly_sql *sql, const char *name)
{
    fly__sql_database *at = sql->databases;
    while (at != NULL && strcmp(at->name, name) != 0) {
        at = at->link;
    }
    return at;
}

static fly_status open_database(fly_sql *sql, const char *name, bool create,
                                fly__sql_database **opened, fly_err *err)
{
    char path[FLY_PATH_MAX];
    fly_status status = database_path(sql, name, path, err);
    if (status != FLY_OK) {
        return status;
    }
    fly__sql_database *database = fly_mem_calloc(sql->env->mem, 1, sizeof *database);
    if (database == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for database \"%s\"", name);
    }
    memcpy(database->name, name, strlen(name) + 1);
    fly_mutex_init(&database->counting, "sql counters", FLY_RANK_NONE);
    fly_mutex_init(&database->locking, "sql table locks", FLY_RANK_NONE);
    fly_cond_init(&database->unlocked);
    fly__sql_notifier_init(&database->notifier);
    fly__sql_watchers_init(&database->watchers);
    fly__sql_samples_init(&database->samples);
    fly_store_options options = sql->store;
    options.create = create;
    options.read_only = sql->read_only;
    status = fly_store_open(sql->env, path, &options, &database->store, err);
    if (status == FLY_E_NOT_FOUND) {
        status = fly_err_state(err, "3D000", 0, "database \"%s\" does not exist", name);
    }
    if (status == FLY_OK && create && !sql->read_only) {
        status = fly_vfs_sync_dir(sql->env->vfs, sql->path, err);
        if (status != FLY_OK) {
            fly_store_abandon(database->store);
        }
    }
    if (status == FLY_OK) {
        status = fly__sql_catalog_open(sql->env, database->store, &database->catalog, err);
        if (status == FLY_OK) {
            status = fly__sql_database_read_collation(sql, database, err);
        }
        if (status != FLY_OK) {
            fly_store_abandon(database->store); /* nothing was written */
        }
    }
    if (status != FLY_OK) {
        free_database(sql, database);
        return status;
    }
    database->link = sql->databases;
    sql->databases = database;
    *opened = database;
    return FLY_OK;
}

fly_status fly__sql_database_acquire(fly_sql *sql, const char *name, bool create,
                                     fly__sql_database **database, fly_err *err)
{
    fly_mutex_lock(&sql->mutex);
    fly__sql_database *found = find(sql, name);
    fly_status status = found != NULL ? FLY_OK : open_database(sql, name, create, &found, err);
    if (status == FLY_OK) {
        found->sessions++;
        *database = found;
    }
    fly_mutex_unlock(&sql->mutex);
    return status;
}

void fly__sql_database_release(fly_sql *sql, fly__sql_database *database)
{
    fly_mutex_lock(&sql->mutex);
    FLY_ASSERT(database->sessions > 0);
    database->sessions--;
    fly_mutex_unlock(&sql->mutex);
}

/* A list of names, in the making. */
struct names {
    const char *wanted;
    bool found;
    void (*each)(void *ctx, const char *name);
    void *ctx;
};

static void see_name(void *ctx, const char *name)
{
    struct names *names = ctx;
    if (name[0] == '.' || strcmp(name, "_system") == 0) { /* roles: role.c */
        return;
    }
    if (names->wanted != NULL) {
        names->found = names->found || strcmp(names->wanted, name) == 0;
    } else {
        names->each(names->ctx, name);
    }
}

fly_status fly__sql_database_list(fly_sql *sql, void (*each)(void *ctx, const char *name),
                                  void *ctx, fly_err *err)
{
    struct names names = {.each = each, .ctx = ctx};
    return fly_vfs_list(sql->env->vfs, sql->path, see_name, &names, err);
}

fly_status fly__sql_database_exists(fly_sql *sql, const char *name, bool *found, fly_err *err)
{
    struct names names = {.wanted = name};
    fly_status status = fly_vfs_list(sql->env->vfs, sql->path, see_name, &names, err);
    *found = names.found;
    return status;
}

fly_status fly__sql_database_create(fly_sql *sql, const char *name, uint32_t collation,
                                    fly_err *err)
{
    char path[FLY_PATH_MAX];
    bool there = false;
    fly_status status = database_path(sql, name, path, err);
    fly_mutex_lock(&sql->mutex);
    if (status == FLY_OK) {
        status = fly__sql_database_exists(sql, name, &there, err);
    }
    if (status == FLY_OK && there) {
        status = fly_err_state(err, "42P04", 0, "database \"%s\" already exists", name);
    }
    fly__sql_database *made = NULL;
    if (status == FLY_OK) {
        status = open_database(sql, name, true, &made, err);
    }
    if (status == FLY_OK && collation != 0) {
        status = fly__sql_database_keep_collation(made, collation, err);
    }
    fly_mutex_unlock(&sql->mutex);
    return status;
}

/* The size of the file of a database that nobody has open. */
static fly_status file_bytes(fly_sql *sql, const char *name, uint64_t *bytes, fly_err *err)
{
    char dir[FLY_PATH_MAX];
    char path[FLY_PATH_MAX];
    fly_file *file = NULL;
    fly_status status = database_path(sql, name, dir, err);
    if (status == FLY_OK) {
        status = fly_path_join(path, sizeof path, dir, "data.db", err);
    }
    if (status == FLY_OK) {
        status = fly_file_open(sql->env->vfs, path, 0, &file, err);
    }
    if (status == FLY_OK) {
        status = fly_file_size(file, bytes, err);
    }
    fly_file_abandon(file);
    return status == FLY_E_NOT_FOUND
               ? fly_err_state(err, "3D000", 0, "database \"%s\" does not exist", name)
               : status;
}

fly_status fly__sql_database_bytes(fly_sql *sql, const char *name, uint64_t *bytes, fly_err *err)
{
    fly_status status = FLY_OK;
    fly_mutex_lock(&sql->mutex);
    const fly__sql_database *open = find(sql, name);
    if (open != NULL) {
        fly_store_stats stats;
        fly_store_get_stats(open->store, &stats);
        *bytes = stats.pages * stats.page_size;
    } else {
        status = file_bytes(sql, name, bytes, err);
    }
    fly_mutex_unlock(&sql->mutex);
    return status;
}

fly_status fly__sql_database_drop(fly_sql *sql, const char *name, fly_err *err)
{
    char path[FLY_PATH_MAX];
    bool there = false;
    fly_status status = database_path(sql, name, path, err);
    fly_mutex_lock(&sql->mutex);
    if (status == FLY_OK) {
        status = fly__sql_database_exists(sql, name, &there, err);
    }
    if (status == FLY_OK && !there) {
        status = fly_err_state(err, "3D000", 0, "database \"%s\" does not exist", name);
    }
    fly__sql_database *open = status == FLY_OK ? find(sql, name) : NULL;
    if (open != NULL && open->sessions > 0) {
        status = fly_err_state(err, "55006", 0, "database \"%s\" is being accessed by other users",
                               name);
    } else if (open != NULL) {
        fly__sql_database **at = &sql->databases;
        while (*at != open) {
            at = &(*at)->link;
        }
        *at = open->link;
        status = fly_store_close(open->store, err);
        free_database(sql, open);
    }
    if (status == FLY_OK) {
        status = fly_vfs_remove_tree(sql->env->vfs, path, err);
    }
    fly_mutex_unlock(&sql->mutex);
    return status;
}

void fly_sql_on_inspect(fly_sql *sql,
                        void (*inspect)(void *ctx, bool status, fly_sql_tell *tell, void *to),
                        void *ctx)
{
    sql->inspect = inspect;
    sql->inspect_ctx = ctx;
}

fly_status fly_sql_backup(fly_sql *sql, const char *name, const char *dir, uint64_t *lsn,
                          fly_err *err)
{
    fly__sql_database *database = NULL;
    if (strcmp(name, "_system") == 0) {
        fly_mutex_lock(&sql->roles.mutex);
        fly_store *store =
            sql->roles.store; /* there until the engine is closed, once it is there */
        fly_mutex_unlock(&sql->roles.mutex);
        return store != NULL
                   ? fly_store_backup_to(store, dir, lsn, err)
                   : fly_err_state(err, "3D000", 0, "database \"_system\" does not exist");
    }
    fly_status status = fly__sql_database_acquire(sql, name, false, &database, err);
    if (status == FLY_OK) {
        status = fly_store_backup_to(database->store, dir, lsn, err);
        fly__sql_database_release(sql, database);
    }
    return status;
}
