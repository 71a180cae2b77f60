/*
 * Rows and their containers.
 *
 *     R1  a row's validity bits of all columns are set, except those of columns that are NULL; the
 *         found bit is clear until somebody marks it
 *     R2  the value of a NULL column is zero, so that a row has no bytes that nobody wrote
 *     R3  a string of more than 12 bytes points into the container's own memory
 *     R4  only the last block that has rows may have room; behind it may be one empty block
 *
 * What is not here: which rows belong together (table.c) and in which order (sort.c).
 */
#include "row_int.h"

#include "value_int.h"

#include <fly/base_bytes.h>

enum {
    BLOCK_MIN = 4096,
    BLOCK_MAX = 256 * 1024,
    CHUNK_MIN = 4096,
    CHUNK_MAX = 256 * 1024,
    MAGIC = 0x776f7266 /* "frow" */
};

/* Bytes of strings. */
struct fly__vec_chunk {
    struct fly__vec_chunk *older;
    size_t size; /* of this allocation */
    size_t used;
    char bytes[];
};

/* ---------------------------------------------------------------------- layout */

fly_status fly_vec_layout_init(fly_vec_layout *layout, const fly_vec_type *types, uint32_t columns,
                               uint32_t state_size, const uint32_t *str_state, uint32_t str_states,
                               fly_arena *arena, fly_err *err)
{
    if (columns > FLY_VEC_ROW_MAX || state_size > FLY_VEC_ROW_MAX) {
        goto too_large;
    }
    uint8_t *type = fly_arena_alloc(arena, columns);
    uint32_t *at = fly_arena_alloc(arena, columns * sizeof *at);
    uint32_t *states = fly_arena_copy(arena, str_state, str_states * sizeof *states);
    if (type == NULL || at == NULL || states == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a row of %u columns", columns);
    }
    memset(layout, 0, sizeof *layout);
    uint32_t size = (columns + 1 + 7) / 8;
    for (uint32_t k = 0; k < columns; k++) {
        type[k] = (uint8_t)types[k];
        at[k] = size;
        size += (uint32_t)fly_vec_type_size(types[k]);
        layout->strings = layout->strings || types[k] == FLY_VEC_STR;
    }
    size = (size + 7) & ~7U;
    layout->columns = columns;
    layout->type = type;
    layout->at = at;
    layout->state_at = size;
    layout->state_size = state_size;
    layout->hash_at = size + ((state_size + 7) & ~7U);
    layout->next_at = layout->hash_at + 8;
    layout->size = layout->next_at + 8;
    layout->str_state = states;
    layout->str_states = str_states;
    layout->strings = layout->strings || str_states > 0;
    if (layout->size <= FLY_VEC_ROW_MAX) {
        return FLY_OK;
    }
too_large:
    (void)fly_err_set(err, FLY_E_TOO_LARGE, "rows of %u columns are too large", columns);
    if (err != NULL) {
        memcpy(err->sqlstate, "54000", 6);
    }
    return FLY_E_TOO_LARGE;
}

fly_vec_value fly_vec_row_get(const fly_vec_layout *layout, const uint8_t *row, uint32_t column)
{
    FLY_ASSERT(column < layout->columns);
    fly_vec_value value;
    memset(&value, 0, sizeof value);
    value.null = fly_vec_row_null(row, column);
    if (!value.null) {
        memcpy(&value.i128, row + layout->at[column],
               fly_vec_type_size((fly_vec_type)layout->type[column]));
    }
    return value;
}

/* ---------------------------------------------------------------------- memory */

void fly_vec_rows_init(fly_vec_rows *rows, const fly_vec_layout *layout, fly_mem *mem)
{
    *rows = (fly_vec_rows){.layout = layout, .mem = mem};
}

void fly_vec_rows_clear(fly_vec_rows *rows)
{
    while (rows->first != NULL) {
        struct fly__vec_block *block = rows->first;
        rows->first = block->next;
        fly_mem_free(rows->mem, block, block->size);
    }
    while (rows->chunk != NULL) {
        struct fly__vec_chunk *chunk = rows->chunk;
        rows->chunk = chunk->older;
        fly_mem_free(rows->mem, chunk, chunk->size);
    }
    fly_vec_rows_init(rows, rows->layout, rows->mem);
}

void *fly_vec_rows_bytes(fly_vec_rows *rows, size_t size)
{
    struct fly__vec_chunk *chunk = rows->chunk;
    if (chunk == NULL || chunk->size - sizeof *chunk - chunk->used < size) {
        size_t next = chunk == NULL ? CHUNK_MIN : chunk->size * 2;
        next = next > CHUNK_MAX ? CHUNK_MAX : next;
        if (size > SIZE_MAX - sizeof *chunk) {
            return NULL;
        }
        next = next < size + sizeof *chunk ? size + sizeof *chunk : next;
        chunk = fly_mem_alloc(rows->mem, next);
        if (chunk == NULL) {
            return NULL;
        }
        *chunk = (struct fly__vec_chunk){.older = rows->chunk, .size = next};
        rows->chunk = chunk;
        rows->bytes += next;
    }
    void *bytes = chunk->bytes + chunk->used;
    chunk->used += size;
    return bytes;
}

/* A new block behind all others: twice the last, for at least n rows. */
static struct fly__vec_block *block_add(fly_vec_rows *rows, uint32_t n)
{
    struct fly__vec_block *last = rows->last;
    while (last != NULL && last->next != NULL) {
        last = last->next;
    }
    size_t size = last == NULL ? BLOCK_MIN : last->size * 2;
    size = size > BLOCK_MAX ? BLOCK_MAX : size;
    size_t least = sizeof *last + (size_t)n * rows->layout->size;
    size = size < least ? least : size;
    struct fly__vec_block *block = fly_mem_alloc(rows->mem, size);
    if (block == NULL) {
        return NULL;
    }
    block->next = NULL;
    block->count = 0;
    block->capacity = (uint32_t)((size - sizeof *block) / rows->layout->size);
    block->size = size;
    *(last == NULL ? &rows->first : &last->next) = block;
    rows->last = rows->last == NULL ? block : rows->last;
    rows->bytes += size;
    return block;
}

fly_status fly__vec_rows_ensure(fly_vec_rows *rows, uint32_t n, fly_err *err)
{
    uint32_t room = 0;
    for (struct fly__vec_block *block = rows->last; block != NULL; block = block->next) {
        room += block->capacity - block->count;
    }
    if (room >= n || block_add(rows, n - room) != NULL) {
        return FLY_OK;
    }
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for %u rows of %u bytes", n,
                       rows->layout->size);
}

uint8_t *fly__vec_rows_take(fly_vec_rows *rows)
{
    struct fly__vec_block *block = rows->last;
    if (block->count == block->capacity) {
        block = block->next;
        rows->last = block;
    }
    const fly_vec_layout *layout = rows->layout;
    uint8_t *row = block->rows + (size_t)block->count++ * layout->size;
    rows->count++;
    memset(row, 0, layout->size);
    uint32_t whole = layout->columns / 8;
    memset(row, 0xff, whole);
    row[whole] = (uint8_t)((1U << (layout->columns % 8)) - 1);
    return row;
}

void fly__vec_rows_untake(fly_vec_rows *rows, uint32_t n)
{
    rows->count -= n;
    while (n > 0) {
        struct fly__vec_block *block = rows->last;
        uint32_t some = block->count < n ? block->count : n;
        block->count -= some;
        n -= some;
        if (block->count == 0 && block != rows->first) {
            struct fly__vec_block *before = rows->first;
            while (before->next != block) {
                before = before->next;
            }
            rows->last = before;
        }
    }
}

/* -------------------------------------------------------------------- scattering */

/* Where a vector has the value of a position. */
typedef struct source {
    const void *data;
    const uint64_t *valid;
    const fly_vec_sel *index;
    uint32_t mask;
} source;

static source source_of(const fly_vec *v)
{
    source s = {v->data, v->valid, NULL, v->kind == FLY_VEC_CONST ? 0 : ~(uint32_t)0};
    if (v->kind == FLY_VEC_DICT) {
        s = (source){v->dict->data, v->dict->valid, v->index, ~(uint32_t)0};
    }
    return s;
}

static inline uint32_t source_at(const source *s, uint32_t position)
{
    return s->index != NULL ? s->index[position] : position & s->mask;
}

static inline uint32_t position(const fly_vec_sel *sel, const uint16_t *list, int k)
{
    uint32_t at = list != NULL ? list[k] : (uint32_t)k;
    return sel != NULL ? sel[at] : at;
}

static inline uint32_t compact(const uint16_t *list, int k)
{
    return list != NULL ? list[k] : (uint32_t)k;
}

size_t fly__vec_rows_heap(const fly_vec_layout *layout, const fly_vec *cols, const fly_vec_sel *sel,
                          const uint16_t *list, int n)
{
    size_t size = 0;
    for (uint32_t c = 0; c < layout->columns; c++) {
        if (layout->type[c] != FLY_VEC_STR) {
            continue;
        }
        source s = source_of(&cols[c]);
        const fly_vec_str *strings = s.data;
        for (int k = 0; k < n; k++) {
            uint32_t at = source_at(&s, position(sel, list, k));
            if (fly__vec_bit(s.valid, at) && strings[at].len > FLY_VEC_STR_INLINE) {
                size += strings[at].len;
            }
        }
    }
    return size;
}

#define SCATTER(size)                                                                              \
    for (int k = 0; k < n; k++) {                                                                  \
        uint32_t at = source_at(&s, position(sel, list, k));                                       \
        memcpy(row[compact(list, k)] + to, data + (size) * (size_t)at, size);                      \
    }                                                                                              \
    break

static char *scatter_strings(const source *s, const fly_vec_sel *sel, const uint16_t *list, int n,
                             uint8_t *const *row, uint32_t to, char *heap)
{
    const fly_vec_str *strings = s->data;
    for (int k = 0; k < n; k++) {
        uint32_t at = source_at(s, position(sel, list, k));
        if (!fly__vec_bit(s->valid, at)) {
            continue;
        }
        fly_vec_str string = strings[at];
        if (string.len > FLY_VEC_STR_INLINE) {
            memcpy(heap, string.ptr, string.len);
            string.ptr = heap;
            heap += string.len;
        }
        memcpy(row[compact(list, k)] + to, &string, sizeof string);
    }
    return heap;
}

static void scatter_nulls(const fly_vec_layout *layout, uint32_t column, const source *s,
                          const fly_vec_sel *sel, const uint16_t *list, int n, uint8_t *const *row)
{
    size_t size = fly_vec_type_size((fly_vec_type)layout->type[column]);
    for (int k = 0; k < n; k++) {
        if (!fly__vec_bit(s->valid, source_at(s, position(sel, list, k)))) {
            uint8_t *r = row[compact(list, k)];
            r[column / 8] &= (uint8_t) ~(1U << (column % 8));
            memset(r + layout->at[column], 0, size);
        }
    }
}

void fly__vec_rows_scatter(const fly_vec_layout *layout, const fly_vec *cols,
                           const fly_vec_sel *sel, const uint16_t *list, int n, uint8_t *const *row,
                           char *heap)
{
    for (uint32_t c = 0; c < layout->columns; c++) {
        FLY_ASSERT(cols[c].type == layout->type[c]);
        uint32_t to = layout->at[c];
        if (cols[c].kind == FLY_VEC_SEQ) {
            for (int k = 0; k < n; k++) {
                fly_vec_value value = fly_vec_get(&cols[c], position(sel, list, k));
                memcpy(row[compact(list, k)] + to, &value.i64, 8);
            }
            continue;
        }
        source s = source_of(&cols[c]);
        const uint8_t *data = s.data;
        switch (layout->type[c]) {
        case FLY_VEC_BOOL:
            SCATTER(1);
        case FLY_VEC_I16:
            SCATTER(2);
        case FLY_VEC_I32:
        case FLY_VEC_F32:
            SCATTER(4);
        case FLY_VEC_I64:
        case FLY_VEC_F64:
            SCATTER(8);
        case FLY_VEC_STR:
            heap = scatter_strings(&s, sel, list, n, row, to, heap);
            break;
        default:
            SCATTER(16);
        }
        if (s.valid != NULL) {
            scatter_nulls(layout, c, &s, sel, list, n, row);
        }
    }
}

fly_status fly_vec_rows_append(fly_vec_rows *rows, const fly_vec *cols, const fly_vec_sel *sel,
                               int n, const uint64_t *hash, uint8_t **row, fly_err *err)
{
    FLY_ASSERT(n >= 0 && n <= FLY_VEC_CAPACITY);
    uint8_t *own[FLY_VEC_CAPACITY];
    row = row != NULL ? row : own;
    fly_status status = fly__vec_rows_ensure(rows, (uint32_t)n, err);
    if (status != FLY_OK) {
        return status;
    }
    size_t size = fly__vec_rows_heap(rows->layout, cols, sel, NULL, n);
    char *heap = size > 0 ? fly_vec_rows_bytes(rows, size) : NULL;
    if (size > 0 && heap == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for strings of %zu bytes", size);
    }
    for (int k = 0; k < n; k++) {
        row[k] = fly__vec_rows_take(rows);
        if (hash != NULL) {
            fly__vec_row_set_hash(rows->layout, row[k], hash[k]);
        }
    }
    fly__vec_rows_scatter(rows->layout, cols, sel, NULL, n, row, heap);
    return FLY_OK;
}

/* -------------------------------------------------------------------- gathering */

#define GATHER(size)                                                                               \
    for (int k = 0; k < n; k++) {                                                                  \
        if (row[k] != NULL) {                                                                      \
            memcpy(to + (size) * (size_t)k, row[k] + at, size);                                    \
        }                                                                                          \
    }                                                                                              \
    break

void fly_vec_rows_gather(const fly_vec_layout *layout, uint8_t *const *row, int n, uint32_t column,
                         fly_vec *out)
{
    FLY_ASSERT(column < layout->columns);
    FLY_ASSERT(out->type == layout->type[column]);
    uint8_t *to = out->data;
    uint32_t at = layout->at[column];
    uint32_t byte = column / 8;
    uint32_t shift = column % 8;
    out->kind = FLY_VEC_FLAT;
    out->flags = 0;
    switch (layout->type[column]) {
    case FLY_VEC_BOOL:
        GATHER(1);
    case FLY_VEC_I16:
        GATHER(2);
    case FLY_VEC_I32:
    case FLY_VEC_F32:
        GATHER(4);
    case FLY_VEC_I64:
    case FLY_VEC_F64:
        GATHER(8);
    default:
        GATHER(16);
    }
    for (int base = 0; base < n; base += 64) {
        uint64_t word = 0;
        int count = n - base < 64 ? n - base : 64;
        for (int k = 0; k < count; k++) {
            const uint8_t *r = row[base + k];
            word |= (uint64_t)(r != NULL && (r[byte] >> shift & 1) != 0) << k;
        }
        out->valid[base / 64] = word;
    }
}

int fly_vec_rows_scan(const fly_vec_rows *rows, fly_vec_scan *scan, uint8_t **row, int max)
{
    if (!scan->begun) {
        *scan = (fly_vec_scan){.block = rows->first, .begun = true};
    }
    int n = 0;
    while (n < max && scan->block != NULL) {
        if (scan->at == scan->block->count) {
            scan->block = scan->block->next;
            scan->at = 0;
            continue;
        }
        /* The container may be written through what a scan of it gives. */
        uintptr_t base = (uintptr_t)scan->block->rows;
        row[n++] = (uint8_t *)(base + (size_t)scan->at++ * rows->layout->size);
    }
    return n;
}

/* --------------------------------------------------------------------- spilling */

/*
 * A piece:
 *
 *     0   u32  magic
 *     4   u32  rows
 *     8   u64  bytes of strings
 *     16  u32  bytes of a row
 *     20  u32  CRC-32C of everything behind the header
 *     24       rows, then strings in the order in which the rows' columns and states name them
 *
 * In a row, a long string's pointer is the offset of its bytes among the strings, the link is 0.
 */
enum { HEADER = 24 };

/* Offsets of all strings of a row: columns, then states. False: there are no more. */
static bool string_at(const fly_vec_layout *layout, uint32_t *k, uint32_t *at)
{
    for (; *k < layout->columns; ++*k) {
        if (layout->type[*k] == FLY_VEC_STR) {
            *at = layout->at[(*k)++];
            return true;
        }
    }
    if (*k - layout->columns < layout->str_states) {
        *at = layout->state_at + layout->str_state[(*k)++ - layout->columns];
        return true;
    }
    return false;
}

/* Where a piece's bytes go: first through the checksum, then, in a second pass, to the file. */
typedef struct sink {
    fly_vec_write *write; /* NULL: only the checksum */
    void *ctx;
    fly_err *err;
    uint32_t crc;
    uint64_t heap;
} sink;

static fly_status put(sink *to, const void *data, size_t size)
{
    if (to->write != NULL) {
        return to->write(to->ctx, data, size, to->err);
    }
    to->crc = fly_crc32c(to->crc, data, size);
    return FLY_OK;
}

static fly_status put_row(sink *to, const fly_vec_layout *layout, const uint8_t *row)
{
    uint8_t copy[FLY_VEC_ROW_MAX];
    memcpy(copy, row, layout->size);
    memset(copy + layout->next_at, 0, 8);
    uint32_t at;
    for (uint32_t k = 0; layout->strings && string_at(layout, &k, &at);) {
        fly_vec_str string;
        memcpy(&string, row + at, sizeof string);
        if (string.len > FLY_VEC_STR_INLINE) {
            memcpy(copy + at + 8, &to->heap, 8);
            to->heap += string.len;
        }
    }
    return put(to, copy, layout->size);
}

static fly_status put_strings(sink *to, const fly_vec_layout *layout, const uint8_t *row)
{
    uint32_t at;
    for (uint32_t k = 0; layout->strings && string_at(layout, &k, &at);) {
        fly_vec_str string;
        memcpy(&string, row + at, sizeof string);
        if (string.len > FLY_VEC_STR_INLINE) {
            fly_status status = put(to, string.ptr, string.len);
            if (status != FLY_OK) {
                return status;
            }
        }
    }
    return FLY_OK;
}

static fly_status put_all(sink *to, const fly_vec_layout *layout, uint8_t *const *row, int n)
{
    to->heap = 0;
    for (int k = 0; k < n; k++) {
        fly_status status = put_row(to, layout, row[k]);
        if (status != FLY_OK) {
            return status;
        }
    }
    for (int k = 0; k < n; k++) {
        fly_status status = put_strings(to, layout, row[k]);
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

fly_status fly_vec_rows_write(const fly_vec_layout *layout, uint8_t *const *row, int n,
                              fly_vec_write *write, void *ctx, fly_err *err)
{
    FLY_ASSERT(n >= 0 && n <= FLY_VEC_CAPACITY);
    sink measure = {.err = err};
    fly_status status = put_all(&measure, layout, row, n);
    if (status != FLY_OK) {
        return status;
    }
    uint8_t header[HEADER];
    fly_put_u32(header, MAGIC);
    fly_put_u32(header + 4, (uint32_t)n);
    fly_put_u64(header + 8, measure.heap);
    fly_put_u32(header + 16, layout->size);
    fly_put_u32(header + 20, measure.crc);
    status = write(ctx, header, sizeof header, err);
    sink file = {.write = write, .ctx = ctx, .err = err};
    return status != FLY_OK ? status : put_all(&file, layout, row, n);
}

fly_status fly_vec_rows_write_all(const fly_vec_rows *rows, fly_vec_write *write, void *ctx,
                                  fly_err *err)
{
    fly_vec_scan scan = {0};
    uint8_t *row[FLY_VEC_CAPACITY];
    int n;
    do {
        n = fly_vec_rows_scan(rows, &scan, row, FLY_VEC_CAPACITY);
        fly_status status = fly_vec_rows_write(rows->layout, row, n, write, ctx, err);
        if (status != FLY_OK) {
            return status;
        }
    } while (n > 0);
    return FLY_OK;
}

/* Offsets become pointers again; false: one points outside. */
static bool swizzle(const fly_vec_layout *layout, uint8_t *row, const char *heap, uint64_t size)
{
    uint32_t at;
    for (uint32_t k = 0; layout->strings && string_at(layout, &k, &at);) {
        fly_vec_str string;
        uint64_t offset;
        memcpy(&string, row + at, sizeof string);
        memcpy(&offset, row + at + 8, 8);
        if (string.len > FLY_VEC_STR_INLINE) {
            if (offset > size || string.len > size - offset) {
                return false;
            }
            string.ptr = heap + offset;
            memcpy(row + at, &string, sizeof string);
        }
    }
    return true;
}

static fly_status corrupt(fly_err *err, const char *what)
{
    return fly_err_set(err, FLY_E_CORRUPT, "spilled rows are damaged: %s", what);
}

static fly_status read_rows(fly_vec_rows *rows, const uint8_t *header, uint8_t **row, int n,
                            fly_vec_read *read, void *ctx, fly_err *err)
{
    uint64_t size = fly_get_u64(header + 8);
    char *heap = size > 0 ? fly_vec_rows_bytes(rows, size) : NULL;
    if (size > 0 && heap == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for strings of spilled rows");
    }
    uint32_t crc = 0;
    for (int k = 0; k < n; k++) {
        fly_status status = read(ctx, row[k], rows->layout->size, err);
        if (status != FLY_OK) {
            return status;
        }
        crc = fly_crc32c(crc, row[k], rows->layout->size);
    }
    fly_status status = size > 0 ? read(ctx, heap, size, err) : FLY_OK;
    if (status != FLY_OK) {
        return status;
    }
    crc = size > 0 ? fly_crc32c(crc, heap, size) : crc;
    if (crc != fly_get_u32(header + 20)) {
        return corrupt(err, "the checksum is another");
    }
    for (int k = 0; k < n; k++) {
        if (!swizzle(rows->layout, row[k], heap, size)) {
            return corrupt(err, "a string lies outside");
        }
    }
    return FLY_OK;
}

fly_status fly_vec_rows_read(fly_vec_rows *rows, fly_vec_read *read, void *ctx, uint8_t **row,
                             int *n, fly_err *err)
{
    uint8_t header[HEADER];
    uint8_t *own[FLY_VEC_CAPACITY];
    row = row != NULL ? row : own;
    fly_status status = read(ctx, header, sizeof header, err);
    if (status != FLY_OK) {
        return status;
    }
    uint32_t count = fly_get_u32(header + 4);
    if (fly_get_u32(header) != MAGIC || count > FLY_VEC_CAPACITY ||
        fly_get_u32(header + 16) != rows->layout->size) {
        return corrupt(err, "no such header");
    }
    status = fly__vec_rows_ensure(rows, count, err);
    if (status != FLY_OK) {
        return status;
    }
    for (uint32_t k = 0; k < count; k++) {
        row[k] = fly__vec_rows_take(rows);
    }
    status = read_rows(rows, header, row, (int)count, read, ctx, err);
    if (status != FLY_OK) {
        fly__vec_rows_untake(rows, count);
        return status;
    }
    *n = (int)count;
    return FLY_OK;
}
