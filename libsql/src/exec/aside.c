/*
 * Rows put aside: what a table of rows has no memory for goes to partitions on disk, by four bits of its
 * hash, and comes back, partition by partition, when what is in memory is done with.
 *
 * Each row has a tag, by which the operator tells where it came from. Rows of a partition come back in
 * the order in which they were put aside; those of a partition that is too large itself are put aside
 * again, by the next four bits.
 */
#include "exec/aside_int.h"

#include <string.h>

struct fly__sql_aside_part {
    fly__sql_kept rows;
    uint32_t level;
    struct fly__sql_aside_part *next;
};

static fly_mem *memory_of(const fly__sql_aside *aside)
{
    return &aside->like.exec->session->query.mem;
}

fly_status fly__sql_aside_init(fly__sql_aside *aside, fly__sql_exec *exec, uint32_t columns,
                               const fly_sql_type *types, fly_err *err)
{
    memset(aside, 0, sizeof *aside);
    fly_sql_type *all = fly__sql_alloc(&exec->arena, columns + 1, sizeof *all, err);
    aside->parts = fly__sql_alloc(&exec->arena, columns + 1, sizeof *aside->parts, err);
    aside->value = fly__sql_alloc(&exec->arena, 1, sizeof *aside->value, err);
    if (all == NULL || aside->parts == NULL || aside->value == NULL) {
        return FLY_E_NO_MEMORY;
    }
    memcpy(all, types, columns * sizeof *all);
    all[columns] = fly__sql_type(FLY_SQL_INT8);
    aside->columns = columns;
    aside->tag = (fly_vec){.kind = FLY_VEC_CONST, .type = FLY_VEC_I64, .data = &aside->value->i64};
    return fly__sql_kept_init(&aside->like, exec, columns + 1, all, err);
}

static void part_drop(fly__sql_aside *aside, fly__sql_aside_part *part)
{
    if (part != NULL) {
        fly__sql_kept_free(&part->rows);
        fly_mem_free(memory_of(aside), part, sizeof *part);
    }
}

void fly__sql_aside_drop(fly__sql_aside *aside)
{
    for (uint32_t i = 0; i < FLY__SQL_ASIDE_PARTS; i++) {
        part_drop(aside, aside->filling[i]);
        aside->filling[i] = NULL;
    }
    while (aside->waiting != NULL) {
        fly__sql_aside_part *next = aside->waiting->next;
        part_drop(aside, aside->waiting);
        aside->waiting = next;
    }
    part_drop(aside, aside->current);
    aside->current = NULL;
    aside->level = 0;
}

fly_status fly__sql_aside_put(fly__sql_aside *aside, const fly_vec *col, uint32_t row,
                              uint64_t hash, int64_t tag, fly_err *err)
{
    uint32_t which = (uint32_t)(hash >> (60 - 4 * aside->level)) & (FLY__SQL_ASIDE_PARTS - 1);
    fly__sql_aside_part *part = aside->filling[which];
    if (part == NULL) {
        part = fly_mem_calloc(memory_of(aside), 1, sizeof *part);
        if (part == NULL) {
            return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for rows of a query");
        }
        fly__sql_kept_partition(&part->rows, &aside->like);
        part->level = aside->level + 1;
        aside->filling[which] = part;
    }
    fly_vec_sel at = (fly_vec_sel)row;
    aside->value->i64 = tag;
    for (uint32_t c = 0; c < aside->columns; c++) {
        aside->parts[c] = &col[c];
    }
    aside->parts[aside->columns] = &aside->tag;
    return fly__sql_kept_append_parts(&part->rows, aside->parts, &at, 1, err);
}

fly_status fly__sql_aside_next(fly__sql_aside *aside, fly_err *err)
{
    part_drop(aside, aside->current);
    aside->current = NULL;
    for (uint32_t i = 0; i < FLY__SQL_ASIDE_PARTS; i++) {
        fly__sql_aside_part *part = aside->filling[i];
        if (part == NULL) {
            continue;
        }
        aside->filling[i] = NULL;
        part->next = aside->waiting;
        aside->waiting = part;
        fly_status status = fly__sql_kept_flush(&part->rows, err);
        aside->spilled += part->rows.spilled;
        if (status != FLY_OK) {
            return status;
        }
    }
    aside->current = aside->waiting;
    if (aside->current == NULL) {
        return FLY_E_END;
    }
    aside->waiting = aside->current->next;
    aside->level = aside->current->level;
    aside->chunk = 0;
    return FLY_OK;
}

fly_status fly__sql_aside_chunk(fly__sql_aside *aside, fly__sql_chunk **chunk, fly_err *err)
{
    if (aside->current == NULL || aside->chunk >= aside->current->rows.chunk_count) {
        return FLY_E_END;
    }
    return fly__sql_kept_chunk(&aside->current->rows, aside->chunk++, chunk, err);
}
