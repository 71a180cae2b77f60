/*
 * Rows as bytes: writing them, taking them apart.
 */
#include "store/row_int.h"

#include "func/func_int.h"

#include <fly/base_bytes.h>

#include <string.h>

enum { WIDE = 0x8000, ROW_SIZE_MAX = 1 << 30 };

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a row");
}

static fly_status make_missing(struct fly_sql_session *session, const fly__sql_table *table,
                               fly_arena *arena, fly__sql_row_layout *layout, fly_err *err)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].missing == NULL) {
            continue;
        }
        if (layout->missing == NULL) {
            layout->missing = fly__sql_values_alloc(arena, table->column_count);
            if (layout->missing == NULL) {
                return no_memory(err);
            }
            for (uint16_t k = 0; k < table->column_count; k++) {
                layout->missing[k] = (fly_vec_value){.null = true};
            }
        }
        fly_status status = fly__sql_value_in(session, table->columns[i].type,
                                              fly_bytes_str(table->columns[i].missing), arena,
                                              &layout->missing[i], err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

fly_status fly__sql_row_layout_make(struct fly_sql_session *session, const fly__sql_table *table,
                                    fly_arena *arena, fly__sql_row_layout *layout, fly_err *err)
{
    uint16_t count = table->column_count;
    layout->count = count;
    layout->table = table;
    layout->missing = NULL;
    layout->columns = fly_arena_alloc(arena, count * sizeof *layout->columns);
    layout->fixed_size = fly_arena_alloc(arena, (count + 1u) * sizeof *layout->fixed_size);
    layout->string_count = fly_arena_alloc(arena, (count + 1u) * sizeof *layout->string_count);
    if (layout->columns == NULL || layout->fixed_size == NULL || layout->string_count == NULL) {
        return no_memory(err);
    }
    layout->fixed_size[0] = 0;
    layout->string_count[0] = 0;
    for (uint16_t i = 0; i < count; i++) {
        fly_vec_type physical = fly__sql_type_physical(table->columns[i].type);
        bool is_string = physical == FLY_VEC_STR;
        uint8_t size = (uint8_t)fly_vec_type_size(physical);
        layout->columns[i] =
            (fly__sql_row_column){.at = is_string ? layout->string_count[i] : layout->fixed_size[i],
                                  .physical = (uint8_t)physical,
                                  .size = size};
        layout->fixed_size[i + 1] = layout->fixed_size[i] + (is_string ? 0 : size);
        layout->string_count[i + 1] = (uint16_t)(layout->string_count[i] + is_string);
    }
    return make_missing(session, table, arena, layout, err);
}

static size_t strings_size(const fly__sql_row_layout *layout, const fly_vec_value *values)
{
    size_t size = 0;
    for (uint16_t i = 0; i < layout->count; i++) {
        if (layout->columns[i].physical == FLY_VEC_STR && !values[i].null) {
            size += values[i].str.len;
        }
    }
    return size;
}

static void put_end(uint8_t *ends, bool wide, uint32_t number, uint32_t end)
{
    if (wide) {
        fly_put_u32(ends + 4 * (size_t)number, end);
    } else {
        fly_put_u16(ends + 2 * (size_t)number, (uint16_t)end);
    }
}

fly_status fly__sql_row_encode(const fly__sql_row_layout *layout, const fly_vec_value *values,
                               fly_arena *arena, fly_bytes *row, fly_err *err)
{
    uint16_t count = layout->count;
    size_t strings = strings_size(layout, values);
    bool wide = strings > UINT16_MAX;
    size_t nulls_size = (count + 7u) / 8;
    size_t fixed_at = 2 + nulls_size;
    size_t ends_at = fixed_at + layout->fixed_size[count];
    size_t bytes_at = ends_at + layout->string_count[count] * (wide ? 4u : 2u);
    if (strings > ROW_SIZE_MAX) {
        return fly_err_state(err, "54000", 0, "row is too big: size %zu, maximum size %d",
                             bytes_at + strings, ROW_SIZE_MAX);
    }
    uint8_t *bytes = fly_arena_alloc(arena, bytes_at + strings);
    if (bytes == NULL) {
        return no_memory(err);
    }
    memset(bytes, 0, bytes_at);
    fly_put_u16(bytes, (uint16_t)(count | (wide ? WIDE : 0)));
    uint32_t end = 0;
    for (uint16_t i = 0; i < count; i++) {
        const fly__sql_row_column *column = &layout->columns[i];
        if (values[i].null) {
            bytes[2 + i / 8] |= (uint8_t)(1u << (i % 8));
        }
        if (column->physical != FLY_VEC_STR) {
            if (!values[i].null) {
                memcpy(bytes + fixed_at + column->at, &values[i].i128, column->size);
            }
            continue;
        }
        if (!values[i].null && values[i].str.len > 0) {
            memcpy(bytes + bytes_at + end, fly_vec_str_data(&values[i].str), values[i].str.len);
            end += values[i].str.len;
        }
        put_end(bytes + ends_at, wide, column->at, end);
    }
    *row = fly_bytes_of(bytes, bytes_at + strings);
    return FLY_OK;
}

static fly_status damaged(const fly__sql_row_layout *layout, const char *what, fly_err *err)
{
    return fly_err_set(err, FLY_E_CORRUPT, "a row of table \"%s\" is damaged: %s",
                       layout->table->name, what);
}

fly_status fly__sql_row_view_make(const fly__sql_row_layout *layout, fly_bytes row,
                                  fly__sql_row_view *view, fly_err *err)
{
    if (row.len < 2) {
        return damaged(layout, "it is too short", err);
    }
    uint16_t head = fly_get_u16(row.data);
    uint32_t count = head & (WIDE - 1u);
    bool wide = (head & WIDE) != 0;
    if (count > layout->count) {
        return damaged(layout, "it has more columns than the table", err);
    }
    size_t fixed_at = 2 + (count + 7u) / 8;
    size_t ends_at = fixed_at + layout->fixed_size[count];
    size_t bytes_at = ends_at + layout->string_count[count] * (wide ? 4u : 2u);
    if (bytes_at > row.len) {
        return damaged(layout, "it is too short", err);
    }
    *view = (fly__sql_row_view){.count = count,
                                .nulls = row.data + 2,
                                .fixed = row.data + fixed_at,
                                .ends = row.data + ends_at,
                                .bytes = row.data + bytes_at,
                                .bytes_len = row.len - bytes_at,
                                .wide = wide};
    return FLY_OK;
}

static uint32_t end_of(const fly__sql_row_view *view, uint32_t number)
{
    return view->wide ? fly_get_u32(view->ends + 4 * (size_t)number)
                      : fly_get_u16(view->ends + 2 * (size_t)number);
}

fly_status fly__sql_row_read(const fly__sql_row_layout *layout, const fly__sql_row_view *view,
                             uint16_t attnum, fly_vec_value *value, fly_err *err)
{
    uint32_t i = attnum - 1u;
    memset(value, 0, sizeof *value);
    if (i >= view->count) {
        *value = layout->missing != NULL ? layout->missing[i] : (fly_vec_value){.null = true};
        return FLY_OK;
    }
    if ((view->nulls[i / 8] >> (i % 8) & 1) != 0) {
        value->null = true;
        return FLY_OK;
    }
    const fly__sql_row_column *column = &layout->columns[i];
    if (column->physical != FLY_VEC_STR) {
        memcpy(&value->i128, view->fixed + column->at, column->size);
        return FLY_OK;
    }
    uint32_t end = end_of(view, column->at);
    uint32_t start = column->at == 0 ? 0 : end_of(view, column->at - 1);
    if (start > end || end > view->bytes_len) {
        return damaged(layout, "a string ends beyond it", err);
    }
    value->str = fly_vec_str_of(view->bytes + start, end - start);
    return FLY_OK;
}
