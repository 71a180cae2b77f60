/*
 * Loading, updating, comparing and asking, each through libsql's public header only.
 *
 * Every function that compares does so in one snapshot, so that what it finds belongs together.
 */
#include "archive.h"

#include <fly/txn.h>

#include <inttypes.h>
#include <string.h>

/* ------------------------------------------------------------------- statements */

static fly_status run(demo_archive *archive, const char *text, fly_err *err)
{
    return fly_sql_execute(archive->session, fly_bytes_str(text), NULL, NULL, err);
}

static fly_status prepare(demo_archive *archive, const char *text, fly_sql_stmt **stmt,
                          fly_err *err)
{
    return fly_sql_prepare(archive->session, fly_bytes_str(text), stmt, NULL, err);
}

/* Run a statement that gives no rows, its parameters being set. */
static fly_status step_once(fly_sql_stmt *stmt, fly_err *err)
{
    fly_status status = fly_sql_step(stmt, err);
    return status == FLY_E_END ? FLY_OK : status;
}

static fly_status commit_or_rollback(demo_archive *archive, fly_status status, fly_err *err)
{
    if (status == FLY_OK) {
        return run(archive, "COMMIT", err);
    }
    fly_status undone = run(archive, "ROLLBACK", NULL);
    (void)undone; /* the first failure is the one to tell */
    return status;
}

/* ----------------------------------------------------------------- the database */

static const char *const schema =
    "CREATE TABLE package (name text PRIMARY KEY, revision int NOT NULL, size bigint NOT NULL, "
    "  version text NOT NULL, section text NOT NULL);"
    "CREATE INDEX package_section ON package (section);"
    "CREATE TABLE needs (package text NOT NULL, need text NOT NULL, relation text NOT NULL, "
    "  PRIMARY KEY (package, need, relation));"
    "CREATE INDEX needs_need ON needs (need)";

static fly_status prepare_all(demo_archive *archive, fly_err *err)
{
    fly_status status = prepare(archive, "INSERT INTO package VALUES ($1, 0, $2, $3, $4)",
                                &archive->insert_package, err);
    if (status == FLY_OK) {
        status = prepare(archive, "INSERT INTO needs VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                         &archive->insert_need, err);
    }
    if (status == FLY_OK) {
        status = prepare(archive,
                         "UPDATE package SET revision = $2, size = size + 1 WHERE name = $1",
                         &archive->update, err);
    }
    return status;
}

fly_status demo_archive_open(demo_archive *archive, const char *dir, bool create, fly_err *err)
{
    memset(archive, 0, sizeof *archive);
    fly_env_init(&archive->env);
    const fly_sql_options options = {.create = create};
    fly_status status = fly_sql_open(&archive->env, dir, &options, &archive->sql, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_sql_session_open(archive->sql, NULL, &archive->session, err);
    if (status == FLY_OK && create) {
        status = run(archive, schema, err);
    }
    if (status == FLY_OK) {
        status = prepare_all(archive, err);
    }
    if (status != FLY_OK) {
        fly_status closed = demo_archive_close(archive, NULL);
        (void)closed; /* the first failure is the one to tell */
    }
    return status;
}

fly_status demo_archive_close(demo_archive *archive, fly_err *err)
{
    fly_sql_session_close(archive->session);
    return fly_sql_close(archive->sql, err);
}

static fly_status take_status(void *ctx, fly_sql_stmt *stmt)
{
    demo_recovery *recovery = ctx;
    const struct {
        const char *name;
        uint64_t *value;
    } wanted[] = {{"recovered_records", &recovery->records},
                  {"recovery_undone", &recovery->undone},
                  {"recovery_us", &recovery->microseconds},
                  {"pages_used", &recovery->used_pages}};
    fly_bytes name = fly_sql_column_text(stmt, 0);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (fly_bytes_equal(name, fly_bytes_str(wanted[i].name))) {
            *wanted[i].value = (uint64_t)fly_sql_column_int64(stmt, 1);
        }
    }
    return FLY_OK;
}

fly_status demo_archive_recovery(demo_archive *archive, demo_recovery *recovery, fly_err *err)
{
    memset(recovery, 0, sizeof *recovery);
    return fly_sql_execute(archive->session, fly_bytes_str("INSPECT STATUS"), take_status, recovery,
                           err);
}

fly_status demo_archive_verify(const char *dir, fly_err *err)
{
    char path[FLY_PATH_MAX];
    fly_env env;
    fly_store *store = NULL;
    fly_env_init(&env);
    fly_status status = fly_path_join(path, sizeof path, dir, "default", err);
    if (status == FLY_OK) {
        status = fly_store_open(&env, path, &(fly_store_options){.create = false}, &store, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    status = fly_store_verify(store, NULL, NULL, err);
    fly_status closed = fly_store_close(store, status == FLY_OK ? err : NULL);
    return status == FLY_OK ? closed : status;
}

/* ---------------------------------------------------------------------- loading */

static fly_status load_needs(demo_archive *archive, const demo_package *package, uint64_t *rows,
                             fly_err *err)
{
    demo_needs needs = {.package = package};
    demo_need need;
    fly_status status = FLY_OK;
    while (status == FLY_OK && demo_needs_next(&needs, &need)) {
        fly_sql_stmt *stmt = archive->insert_need;
        status = fly_sql_bind_text(stmt, 1, package->name, err);
        if (status == FLY_OK) {
            status = fly_sql_bind_text(stmt, 2, need.name, err);
        }
        if (status == FLY_OK) {
            status = fly_sql_bind_text(stmt, 3, need.relation, err);
        }
        if (status == FLY_OK) {
            status = step_once(stmt, err);
            *rows += fly_sql_rows(stmt);
        }
    }
    return status;
}

static fly_status load_package(demo_archive *archive, const demo_package *package, uint64_t *rows,
                               fly_err *err)
{
    fly_sql_stmt *stmt = archive->insert_package;
    fly_status status = fly_sql_bind_text(stmt, 1, package->name, err);
    if (status == FLY_OK) {
        status = fly_sql_bind_int64(stmt, 2, (int64_t)package->size, err);
    }
    if (status == FLY_OK) {
        status = fly_sql_bind_text(stmt, 3, package->version, err);
    }
    if (status == FLY_OK) {
        status = fly_sql_bind_text(stmt, 4, package->section, err);
    }
    if (status == FLY_OK) {
        status = step_once(stmt, err);
        *rows += 1;
    }
    return status == FLY_OK ? load_needs(archive, package, rows, err) : status;
}

fly_status demo_archive_load(demo_archive *archive, demo_batch batch, uint64_t *rows, fly_err *err)
{
    fly_status status = run(archive, "BEGIN", err);
    if (status != FLY_OK) {
        return status;
    }
    for (size_t i = batch.from; i < batch.to && status == FLY_OK; i++) {
        status = load_package(archive, &batch.index->packages[i], rows, err);
    }
    return commit_or_rollback(archive, status, err);
}

fly_status demo_archive_update(demo_archive *archive, demo_batch batch, uint32_t revision,
                               fly_err *err)
{
    fly_status status = run(archive, "BEGIN", err);
    if (status != FLY_OK) {
        return status;
    }
    for (size_t i = batch.from; i < batch.to && status == FLY_OK; i++) {
        status = fly_sql_bind_text(archive->update, 1, batch.index->packages[i].name, err);
        if (status == FLY_OK) {
            status = fly_sql_bind_int64(archive->update, 2, revision, err);
        }
        if (status == FLY_OK) {
            status = step_once(archive->update, err);
        }
    }
    return commit_or_rollback(archive, status, err);
}

fly_status demo_archive_revision(demo_archive *archive, const demo_package *package,
                                 uint32_t *revision, fly_err *err)
{
    fly_sql_stmt *stmt = NULL;
    fly_status status =
        prepare(archive, "SELECT revision FROM package WHERE name = $1", &stmt, err);
    if (status == FLY_OK) {
        status = fly_sql_bind_text(stmt, 1, package->name, err);
    }
    if (status == FLY_OK) {
        status = fly_sql_step(stmt, err);
        if (status == FLY_OK) {
            *revision = (uint32_t)fly_sql_column_int64(stmt, 0);
        }
    }
    fly_sql_finalize(stmt);
    return status == FLY_E_END
               ? fly_err_set(err, FLY_E_CORRUPT, "package \"%.*s\" is not there",
                             (int)package->name.len, (const char *)package->name.data)
               : status;
}

/* -------------------------------------------------------------------- comparing */

/* A walk over the packages of a table, in order of name, beside those of the index. */
typedef struct comparison {
    const demo_index *index;
    uint32_t revision;
    size_t updated;
    size_t at;
    fly_err *err;
} comparison;

static fly_status wrong(const comparison *with, const demo_package *package, const char *what)
{
    return fly_err_set(with->err, FLY_E_CORRUPT, "package \"%.*s\": %s", (int)package->name.len,
                       (const char *)package->name.data, what);
}

static fly_status compare_package(void *ctx, fly_sql_stmt *stmt)
{
    comparison *with = ctx;
    if (with->at == with->index->count) {
        return fly_err_set(with->err, FLY_E_CORRUPT, "there are more packages than in the index");
    }
    const demo_package *package = &with->index->packages[with->at];
    uint32_t revision = with->at < with->updated ? with->revision : with->revision - 1;
    with->at++;
    if (!fly_bytes_equal(fly_sql_column_text(stmt, 0), package->name)) {
        return wrong(with, package, "is not there");
    }
    if (fly_sql_column_int64(stmt, 1) != revision) {
        return wrong(with, package, "has another revision than it must have");
    }
    if (fly_sql_column_int64(stmt, 2) != (int64_t)(package->size + revision)) {
        return wrong(with, package, "has another size than its revision says");
    }
    if (!fly_bytes_equal(fly_sql_column_text(stmt, 3), package->version) ||
        !fly_bytes_equal(fly_sql_column_text(stmt, 4), package->section)) {
        return wrong(with, package, "has another version or section");
    }
    return FLY_OK;
}

static fly_status compare_packages(demo_archive *archive, comparison *with, fly_err *err)
{
    fly_status status = fly_sql_execute(
        archive->session,
        fly_bytes_str("SELECT name, revision, size, version, section FROM package ORDER BY name"),
        compare_package, with, err);
    if (status == FLY_OK && with->at != with->index->count) {
        status = fly_err_set(err, FLY_E_CORRUPT, "%zu packages of %zu are there", with->at,
                             with->index->count);
    }
    return status;
}

static fly_status take_number(void *ctx, fly_sql_stmt *stmt)
{
    *(int64_t *)ctx = fly_sql_column_int64(stmt, 0);
    return FLY_OK;
}

/* Every need of the index is there: by the table's own order, and by the index over it. */
static fly_status compare_needs(demo_archive *archive, const demo_index *index, fly_err *err)
{
    fly_sql_stmt *stmt = NULL;
    int64_t all = 0;
    uint64_t found = 0;
    fly_status status = prepare(archive,
                                "SELECT count(*) FROM needs WHERE package = $1 AND need = $2 AND "
                                "relation = $3",
                                &stmt, err);
    for (size_t i = 0; i < index->count && status == FLY_OK; i++) {
        demo_needs needs = {.package = &index->packages[i]};
        demo_need need;
        while (status == FLY_OK && demo_needs_next(&needs, &need)) {
            status = fly_sql_bind_text(stmt, 1, index->packages[i].name, err);
            if (status == FLY_OK) {
                status = fly_sql_bind_text(stmt, 2, need.name, err);
            }
            if (status == FLY_OK) {
                status = fly_sql_bind_text(stmt, 3, need.relation, err);
            }
            if (status == FLY_OK) {
                status = fly_sql_step(stmt, err);
            }
            if (status == FLY_OK && fly_sql_column_int64(stmt, 0) != 1) {
                status = fly_err_set(err, FLY_E_CORRUPT, "package \"%.*s\" has lost a need",
                                     (int)index->packages[i].name.len,
                                     (const char *)index->packages[i].name.data);
            }
            fly_sql_reset(stmt);
            found++;
        }
    }
    fly_sql_finalize(stmt);
    if (status == FLY_OK) {
        status = fly_sql_execute(archive->session, fly_bytes_str("SELECT count(*) FROM needs"),
                                 take_number, &all, err);
    }
    if (status == FLY_OK && (uint64_t)all > found) {
        status =
            fly_err_set(err, FLY_E_CORRUPT, "%" PRId64 " needs are there, of %" PRIu64, all, found);
    }
    return status;
}

fly_status demo_archive_compare(demo_archive *archive, const demo_index *index, uint32_t revision,
                                size_t updated, fly_err *err)
{
    FLY_ASSERT(revision > 0 || updated == index->count);
    comparison with = {.index = index, .revision = revision, .updated = updated, .err = err};
    fly_status status = run(archive, "BEGIN ISOLATION LEVEL REPEATABLE READ", err);
    if (status != FLY_OK) {
        return status;
    }
    status = compare_packages(archive, &with, err);
    if (status == FLY_OK) {
        status = compare_needs(archive, index, err);
    }
    return commit_or_rollback(archive, status, err);
}

/* ------------------------------------------------------------------------ asking */

static fly_status print_row(void *ctx, fly_sql_stmt *stmt)
{
    (void)ctx;
    printf("   ");
    for (uint32_t i = 0; i < fly_sql_column_count(stmt); i++) {
        fly_bytes text = fly_sql_column_text(stmt, i);
        printf(" %s%.*s", i > 0 ? "| " : "", (int)text.len, (const char *)text.data);
    }
    printf("\n");
    return FLY_OK;
}

static const struct {
    const char *question;
    const char *text;
} questions[] = {
    {"one package, by its key",
     "SELECT name, version, revision, section, size FROM package WHERE name = 'bash'"},
    {"what it needs", "SELECT need, relation FROM needs WHERE package = 'bash' ORDER BY 1, 2"},
    {"how many need libc6, by an index", "SELECT count(*) FROM needs WHERE need = 'libc6'"},
    {"most depended-on packages",
     "SELECT need, count(*) FROM needs GROUP BY need ORDER BY 2 DESC, 1 LIMIT 5"},
    {"everything that bash needs, at any distance",
     "WITH RECURSIVE closure (name) AS (SELECT 'bash' UNION SELECT n.need FROM closure c JOIN "
     "needs n ON n.package = c.name) SELECT count(*), min(name), max(name) FROM closure"},
    {"largest of the largest sections",
     "SELECT section, name, size FROM (SELECT section, name, size, row_number() OVER (PARTITION "
     "BY section ORDER BY size DESC, name) AS place, sum(size) OVER (PARTITION BY section) AS "
     "whole FROM package) s WHERE place = 1 ORDER BY whole DESC, section LIMIT 5"},
    {"an upsert, taken back to a savepoint",
     "BEGIN; SAVEPOINT before; INSERT INTO package VALUES ('bash', 0, 0, 'none', 'none') ON "
     "CONFLICT (name) DO UPDATE SET version = 'none' RETURNING name, version; ROLLBACK TO before; "
     "SELECT name, version FROM package WHERE name = 'bash'; COMMIT"},
    {"how the sections are grouped",
     "EXPLAIN ANALYZE SELECT section, count(*), sum(size) FROM package GROUP BY section"},
};

fly_status demo_archive_ask(demo_archive *archive, fly_err *err)
{
    fly_status status = FLY_OK;
    for (size_t i = 0; i < sizeof questions / sizeof questions[0] && status == FLY_OK; i++) {
        uint64_t began = fly_now();
        printf("  %s\n", questions[i].question);
        status = fly_sql_execute(archive->session, fly_bytes_str(questions[i].text), print_row,
                                 NULL, err);
        printf("    (%.2f ms)\n", (double)(fly_now() - began) / 1e6);
    }
    return status;
}
