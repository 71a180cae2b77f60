/* Rows as text. */
#include "result.h"

#include <stdlib.h>

void fsql_result_clear(fsql_result *result)
{
    for (size_t i = 0; i < result->column_count; i++) {
        free(result->columns[i].name);
    }
    result->column_count = 0;
    result->cell_count = 0;
    fsql_text_clear(&result->bytes);
    result->has_rows = false;
    result->rows_before = 0;
    result->tag[0] = 0;
}

void fsql_result_deinit(fsql_result *result)
{
    fsql_result_clear(result);
    free(result->columns);
    free(result->cells);
    fsql_text_deinit(&result->bytes);
    *result = (fsql_result){0};
}

void fsql_result_handed_on(fsql_result *result)
{
    result->rows_before += fsql_result_rows(result);
    result->cell_count = 0;
    fsql_text_clear(&result->bytes);
}

static fsql_kind kind_of(uint32_t oid)
{
    switch (oid) {
    case 16:
        return FSQL_KIND_BOOL;
    case 20:   /* int8 */
    case 21:   /* int2 */
    case 23:   /* int4 */
    case 26:   /* oid */
    case 700:  /* float4 */
    case 701:  /* float8 */
    case 1700: /* numeric */
        return FSQL_KIND_NUMBER;
    case 114:  /* json */
    case 3802: /* jsonb */
        return FSQL_KIND_JSON;
    default:
        return FSQL_KIND_TEXT;
    }
}

void fsql_result_column(fsql_result *result, const char *name, uint32_t oid)
{
    if (result->column_count == result->column_room) {
        result->column_room = result->column_room * 2 + 16;
        result->columns =
            fsql_grow(result->columns, result->column_room * sizeof result->columns[0]);
    }
    fsql_kind kind = kind_of(oid);
    /* xid, cid and money too; they are no numbers in JSON */
    bool right = kind == FSQL_KIND_NUMBER || oid == 28 || oid == 29 || oid == 790 || oid == 5069;
    result->columns[result->column_count++] = (fsql_column){fsql_copy(name), kind, right};
    result->has_rows = true;
}

void fsql_result_cell(fsql_result *result, const void *data, size_t len)
{
    if (result->cell_count == result->cell_room) {
        result->cell_room = result->cell_room * 2 + 64;
        result->cells = fsql_grow(result->cells, result->cell_room * sizeof result->cells[0]);
    }
    fsql_cell *cell = &result->cells[result->cell_count++];
    *cell = (fsql_cell){data == NULL ? SIZE_MAX : result->bytes.len, len};
    if (data != NULL) {
        fsql_text_add(&result->bytes, data, len);
    }
}

bool fsql_result_full(const fsql_result *result)
{
    size_t held = result->bytes.len + result->cell_count * sizeof result->cells[0];
    return held > FSQL_RESULT_BYTES_MAX ||
           (result->rows_max > 0 && fsql_result_rows(result) >= result->rows_max);
}

size_t fsql_result_rows(const fsql_result *result)
{
    /* Rows without columns have no cells to count; SELECT with an empty list gives one. */
    return result->column_count > 0 ? result->cell_count / result->column_count
                                    : result->cell_count;
}

fly_bytes fsql_result_at(const fsql_result *result, size_t row, size_t column)
{
    const fsql_cell *cell = &result->cells[row * result->column_count + column];
    return cell->at == SIZE_MAX ? fly_bytes_of(NULL, 0)
                                : fly_bytes_of(result->bytes.data + cell->at, cell->len);
}
