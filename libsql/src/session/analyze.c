/*
 * ANALYZE and VACUUM: what the optimiser knows of tables.
 *
 * Every row is read once. Of each column: the fraction of NULLs, the average width, and the number of
 * distinct values by a HyperLogLog sketch; of numbers and times, where equal parts of a sample end. A distinct count near the number of rows is kept as a
 * fraction of it (negative, as in pg_stats), since it grows with the table.
 */
#include "session/ddl_int.h"

#include "catalog/right_int.h"
#include "opt/stats_int.h"
#include "store/source_int.h"

#include <fly/base_hash.h>
#include <fly/vec_hll.h>

#include <stdio.h>
#include <string.h>

/* What is gathered of one column. */
struct gathered {
    fly_vec_hll sketch;
    uint64_t nulls;
    uint64_t bytes;
    double sample[FLY__SQL_STATS_SAMPLE]; /* of numbers */
    uint64_t seen;
    uint64_t dice;
};

/* Keep each number seen with the same chance. */
static void take_sample(struct gathered *of, fly_sql_type type, const fly_vec_value *value)
{
    double number;
    if (!fly__sql_stats_number(type, value, &number)) {
        return;
    }
    uint64_t at = of->seen++;
    if (at >= FLY__SQL_STATS_SAMPLE) {
        of->dice = of->dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        at = (of->dice >> 16) % of->seen;
    }
    if (at < FLY__SQL_STATS_SAMPLE) {
        of->sample[at] = number;
    }
}

static void gather(struct gathered *of, fly_sql_type type, const fly_vec *column, uint32_t count)
{
    size_t size = fly_vec_type_size((fly_vec_type)column->type);
    for (uint32_t row = 0; row < count; row++) {
        fly_vec_value value = fly_vec_get(column, row);
        if (value.null) {
            of->nulls++;
            continue;
        }
        uint64_t hash = column->type == FLY_VEC_STR
                            ? fly_hash(fly_vec_str_data(&value.str), value.str.len, 0)
                            : fly_hash(&value.i128, size, 0);
        of->bytes += column->type == FLY_VEC_STR ? value.str.len : size;
        fly_vec_hll_add(&of->sketch, &hash, 1);
        take_sample(of, type, &value);
    }
}

static fly_status read_table(fly_sql_session *session, const fly__sql_table *table,
                             struct gathered *gathered, uint64_t *rows, fly_err *err)
{
    const fly__sql_source *source = fly__sql_source_of(session, table);
    uint32_t count = table->column_count;
    fly__sql_scan *scan = NULL;
    fly_arena arena;
    fly_arena batch_arena;
    fly_arena_init(&arena, &session->query.mem, 0);
    fly_arena_init(&batch_arena, &session->query.mem, 65536);
    uint16_t *attnums = fly_arena_alloc(&arena, (count + 1) * sizeof *attnums);
    fly_vec *columns = fly_arena_alloc(&arena, (count + 1) * sizeof *columns);
    fly_status status = attnums == NULL || columns == NULL
                            ? fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for ANALYZE")
                            : FLY_OK;
    for (uint32_t i = 0; i < count && status == FLY_OK; i++) {
        attnums[i] = (uint16_t)(i + 1);
    }
    if (status == FLY_OK) {
        const fly__sql_scan_spec spec = {.table = table, .column_count = count, .columns = attnums};
        status = source->scan_open(source, session->txn, &spec, &arena, &scan, err);
    }
    fly_vec_batch batch = {.columns = count, .col = columns, .arena = &batch_arena, .selected = -1};
    while (status == FLY_OK) {
        fly_arena_reset(&batch_arena);
        status = source->scan_next(scan, &batch, err);
        for (uint32_t i = 0; i < count && status == FLY_OK; i++) {
            gather(&gathered[i], table->columns[i].type, &columns[i], batch.count);
        }
        if (status == FLY_OK) {
            *rows += batch.count;
            status = fly__sql_check_cancel(session, err);
        }
    }
    if (scan != NULL) {
        source->scan_close(scan);
    }
    fly_arena_deinit(&batch_arena);
    fly_arena_deinit(&arena);
    return status == FLY_E_END ? FLY_OK : status;
}

static fly_status analyze_table(fly_sql_stmt *stmt, const fly__sql_table *table, fly_err *err)
{
    uint64_t rows = 0;
    struct gathered *gathered =
        fly__sql_ddl_alloc(stmt, (table->column_count + 1u) * sizeof *gathered, err);
    fly__sql_table *copy = fly__sql_table_copy(table, 0, &stmt->line_arena);
    if (gathered == NULL || copy == NULL) {
        return FLY_E_NO_MEMORY;
    }
    fly_status status = read_table(stmt->session, table, gathered, &rows, err);
    fly__sql_column *columns;
    memcpy(&columns, &copy->columns, sizeof columns);
    for (uint16_t i = 0; i < copy->column_count && status == FLY_OK; i++) {
        double distinct = fly_vec_hll_count(&gathered[i].sketch);
        uint64_t there = rows - gathered[i].nulls;
        distinct = distinct > (double)there ? (double)there : distinct;
        columns[i].distinct = rows > 0 && distinct > 0.1 * (double)rows ? -distinct / (double)rows
                                                                        : distinct;
        columns[i].null_fraction = rows == 0 ? 0 : (double)gathered[i].nulls / (double)rows;
        uint64_t kept = gathered[i].seen < FLY__SQL_STATS_SAMPLE ? gathered[i].seen
                                                                 : FLY__SQL_STATS_SAMPLE;
        status = fly__sql_stats_write(gathered[i].sample, (uint32_t)kept, &stmt->line_arena,
                                      &columns[i].stats, err);
        columns[i].width = there == 0 ? 0 : (double)gathered[i].bytes / (double)there;
    }
    copy->rows = (double)rows;
    return status == FLY_OK ? fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, copy, err)
                            : status;
}

/* All tables; the view changes with each, so the next is found by its OID. */
/* Whoever may not is told, and the others go on. */
static bool may_analyze(fly_sql_stmt *stmt, const fly__sql_table *table)
{
    bool may = fly__sql_owns(stmt->session, stmt->session->user_oid, table->owner);
    if (!may) {
        fly__sql_notice(stmt->session, "WARNING", "42501",
                        "permission denied to analyze \"%s\", skipping it", table->name);
    }
    return may;
}

static fly_status analyze_all(fly_sql_stmt *stmt, fly_err *err)
{
    uint32_t done = 0;
    for (;;) {
        size_t at = 0;
        const fly__sql_table *next = NULL;
        const fly__sql_table *table;
        while ((table = fly__sql_table_next(stmt->session->view, &at)) != NULL) {
            bool stored = table->class == FLY__SQL_TABLE || table->class == FLY__SQL_MATVIEW;
            if (stored && table->oid > done && (next == NULL || table->oid < next->oid)) {
                next = table;
            }
        }
        if (next == NULL) {
            return FLY_OK;
        }
        done = next->oid;
        fly_status status = may_analyze(stmt, next) ? analyze_table(stmt, next, err) : FLY_OK;
        if (status != FLY_OK) {
            return status;
        }
    }
}

fly_status fly__sql_analyze(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_vacuum *node = (const fly_ast_vacuum *)stmt->node;
    bool wanted = node->analyze;
    for (uint32_t i = 0; i < node->options.count; i++) {
        wanted = wanted ||
                 strcmp(((const fly_ast_option *)node->options.items[i])->name, "analyze") == 0;
    }
    (void)snprintf(stmt->tag, sizeof stmt->tag, node->analyze ? "ANALYZE" : "VACUUM");
    if (!node->analyze && stmt->session->txn_explicit) {
        return fly_err_state(err, "25001", 0, "VACUUM cannot run inside a transaction block");
    }
    if (node->relations.count == 0) {
        return wanted ? analyze_all(stmt, err) : FLY_OK; /* old versions go away by themselves */
    }
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < node->relations.count && status == FLY_OK; i++) {
        const fly_ast_vacuum_relation *relation =
            (const fly_ast_vacuum_relation *)node->relations.items[i];
        const fly__sql_table *table = NULL;
        status = fly__sql_ddl_relation(stmt, (const fly_ast_relation *)relation->relation, "rm",
                                       &table, err);
        if (status == FLY_OK && wanted && may_analyze(stmt, table)) {
            status = analyze_table(stmt, table, err);
        }
    }
    return status;
}
