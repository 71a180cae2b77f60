/*
 * Scans of an index alone: values out of its entries.
 *
 *     E1  a column is asked of the first place that has it: the index's own columns, then the row key
 *     E2  a value that is taken equals the one in the row in every bit, or the type is not taken at all
 */
#include "store/entry_int.h"

#include "store/index_int.h"

#include <string.h>

static const uint32_t NOBODY = UINT32_MAX; /* an enumeration has no room for it */

static const fly__sql_index *clustering(const fly__sql_table *table)
{
    return table->primary != NULL && table->primary->clustered ? table->primary : NULL;
}

/* The columns of an entry: those of the index, then those of the row key. */
static const fly__sql_index_column *column_of(const fly__sql_table *table,
                                              const fly__sql_index *index, uint32_t i,
                                              const fly__sql_index **owner, uint16_t *place)
{
    const fly__sql_index *key = clustering(table);
    *owner = i < index->key_count ? index : key;
    *place = (uint16_t)(i < index->key_count ? i : i - index->key_count);
    return *owner != NULL && *place < (*owner)->key_count ? &(*owner)->columns[*place] : NULL;
}

bool fly__sql_entry_covers(fly_sql_session *session, const fly__sql_table *table,
                           const fly__sql_index *index, const uint16_t *attnums, uint32_t count)
{
    for (uint32_t c = 0; c < count; c++) {
        bool found = attnums[c] == 0;
        const fly__sql_index *owner = NULL;
        uint16_t place = 0;
        for (uint32_t i = 0; !found; i++) {
            fly__sql_key_order order;
            const fly__sql_index_column *column = column_of(table, index, i, &owner, &place);
            if (column == NULL) {
                return false;
            }
            found = column->column == attnums[c] &&
                    fly__sql_index_order(session, owner, place, &order, NULL) == FLY_OK &&
                    fly__sql_key_is_exact(&order);
        }
    }
    return true;
}

/* Which column of the batch wants part `i`. */
static uint32_t wanted_by(const uint16_t *attnums, uint32_t count, uint16_t attnum)
{
    for (uint32_t c = 0; attnum != 0 && c < count; c++) {
        if (attnums[c] == attnum) {
            return c;
        }
    }
    return NOBODY;
}

fly_status fly__sql_entry_reader_make(fly_sql_session *session, const fly__sql_table *table,
                                      const fly__sql_index *index, const uint16_t *attnums,
                                      uint32_t count, fly_arena *arena,
                                      fly__sql_entry_reader *reader, fly_err *err)
{
    uint64_t taken =
        0; /* bits of a set by column of the batch; beyond it a second value is harmless */
    *reader = (fly__sql_entry_reader){.own_count = index->key_count};
    reader->parts = fly_arena_alloc(arena, 2 * FLY__SQL_INDEX_COLUMNS_MAX * sizeof *reader->parts);
    if (reader->parts == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a scan of an index");
    }
    for (uint32_t i = 0;; i++) {
        const fly__sql_index *owner = NULL;
        uint16_t place = 0;
        const fly__sql_index_column *column = column_of(table, index, i, &owner, &place);
        if (column == NULL) {
            return FLY_OK;
        }
        fly__sql_entry_part *part = &reader->parts[i];
        fly_status status = fly__sql_index_order(session, owner, place, &part->order, err);
        if (status != FLY_OK) {
            return status;
        }
        part->to = fly__sql_key_is_exact(&part->order) ? wanted_by(attnums, count, column->column)
                                                       : NOBODY;
        if (part->to < 64 && (taken >> part->to & 1) != 0) {
            part->to = NOBODY;
        }
        if (part->to != NOBODY) {
            taken |= part->to < 64 ? (uint64_t)1 << part->to : 0;
            reader->count = i + 1;
        }
    }
}

/* A string for the batch: a copy, since the cursor moves on. */
static fly_status keep_string(fly_vec_batch *batch, fly_vec_str *str, fly_err *err)
{
    fly_bytes bytes = fly_vec_str_bytes(str);
    if (bytes.len <= FLY_VEC_STR_INLINE) {
        return FLY_OK;
    }
    const void *data = fly_arena_copy(batch->arena, bytes.data, bytes.len);
    if (data == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a value");
    }
    *str = fly_vec_str_of(data, bytes.len);
    return FLY_OK;
}

fly_status fly__sql_entry_read(const fly__sql_entry_reader *reader, fly_bytes columns,
                               fly_bytes row_key, fly_vec_batch *batch, uint32_t at, fly_err *err)
{
    fly_bytes rest = columns;
    for (uint32_t i = 0; i < reader->count; i++) {
        const fly__sql_entry_part *part = &reader->parts[i];
        fly_vec_value value;
        if (i == reader->own_count) {
            rest = row_key;
        }
        bool wanted = part->to != NOBODY;
        fly_status status =
            fly__sql_key_take(&rest, &part->order, batch->arena, wanted ? &value : NULL, err);
        if (status == FLY_OK && wanted) {
            if (!value.null && part->order.physical == FLY_VEC_STR) {
                status = keep_string(batch, &value.str, err);
            }
            fly_vec_put(&batch->col[part->to], at, &value);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}
