/*
 * Rows kept: appended in order, read by number.
 *
 *     chunk 0           chunk 1           chunk 2
 *     +---------------+ +---------------+ +------
 *     | col 0  col 1  | | col 0  col 1  | | ...      every chunk but the last has FLY_VEC_CAPACITY
 *     +---------------+ +---------------+ +------    rows; each has an arena for its strings
 *
 * The first chunk begins small and grows, so that a subquery with one row costs little.
 *
 * On disk a chunk is, for each column: the validity words, the values, then the bytes of long strings in
 * order. Nobody but this process reads it, and not after a crash, so it has no version and no checksum.
 *
 * Invariants.
 *     W1  chunk i has rows i * FLY_VEC_CAPACITY and on; all but the last in use are full
 *     W2  a chunk without vectors has been written: size > 0
 *     W3  strings of a chunk lie in its own arena
 */
#include "exec/op_int.h"

#include <string.h>

/* --------------------------------------------------------------------------- vectors */

/* Only strings are zeroed: a plan of many joins has many vectors, of which most see few rows, and pages
 * that nobody touched cost nothing. */
fly_status fly__sql_vec_make(fly_vec *v, fly_sql_type type, uint32_t capacity, fly_arena *arena,
                             fly_err *err)
{
    fly_vec_type physical = fly__sql_type_physical(type);
    size_t words = ((size_t)capacity + 63) / 64;
    size_t bytes = (capacity * fly_vec_type_size(physical) + FLY_VEC_ALIGN - 1) &
                   ~(size_t)(FLY_VEC_ALIGN - 1);
    uint8_t *data = fly_arena_alloc(arena, bytes + 2 * FLY_VEC_ALIGN);
    uint64_t *valid = fly_arena_alloc(arena, words * sizeof *valid);
    if (data == NULL || valid == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a vector of %u values",
                           (unsigned)capacity);
    }
    data += (FLY_VEC_ALIGN - (uintptr_t)data % FLY_VEC_ALIGN) % FLY_VEC_ALIGN;
    if (physical == FLY_VEC_STR) {
        memset(data, 0, bytes);
    }
    memset(valid, 0xff, words * sizeof *valid);
    *v = (fly_vec){.kind = FLY_VEC_FLAT,
                   .type = (uint8_t)physical,
                   .scale = type.digits > 0 ? type.scale : 0,
                   .data = data,
                   .valid = valid};
    return FLY_OK;
}

static fly_status own_string(fly_vec_str *s, fly_arena *arena, fly_err *err)
{
    if (s->len <= FLY_VEC_STR_INLINE) {
        return FLY_OK;
    }
    s->ptr = fly_arena_copy(arena, s->ptr, s->len);
    return s->ptr != NULL ? FLY_OK
                          : fly_err_set(err, FLY_E_NO_MEMORY,
                                        "out of memory for a string of %u bytes", s->len);
}

/* Values from a FLAT vector whose size the compiler knows. */
#define COPY_FLAT(T)                                                                               \
    do {                                                                                           \
        const T *in = from->data;                                                                  \
        T *out = (T *)to->data + at;                                                               \
        for (uint32_t k = 0; k < n; k++) {                                                         \
            out[k] = in[sel[k]];                                                                   \
        }                                                                                          \
    } while (0)

static void gather_flat(fly_vec *to, uint32_t at, const fly_vec *from, const fly_vec_sel *sel,
                        uint32_t n)
{
    size_t size = fly_vec_type_size((fly_vec_type)to->type);
    if (sel == NULL) {
        memcpy((uint8_t *)to->data + at * size, from->data, n * size);
        return;
    }
    switch (size) {
    case 1:
        COPY_FLAT(uint8_t);
        break;
    case 2:
        COPY_FLAT(uint16_t);
        break;
    case 4:
        COPY_FLAT(uint32_t);
        break;
    case 8:
        COPY_FLAT(uint64_t);
        break;
    default: {
        const uint8_t *in = from->data;
        uint8_t *out = (uint8_t *)to->data + at * size;
        for (uint32_t k = 0; k < n; k++) {
            memcpy(out + k * 16, in + (size_t)sel[k] * 16, 16);
        }
        break;
    }
    }
}

static void gather_valid(fly_vec *to, uint32_t at, const fly_vec *from, const fly_vec_sel *sel,
                         uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        uint32_t row = sel != NULL ? sel[k] : k;
        if (from->valid == NULL || (from->valid[row / 64] >> (row % 64) & 1) != 0) {
            fly_vec_set_valid(to, at + k);
        } else {
            fly_vec_set_null(to, at + k);
        }
    }
}

fly_status fly__sql_vec_gather(fly_vec *to, uint32_t at, const fly_vec *from,
                               const fly_vec_sel *sel, uint32_t n, fly_arena *arena, fly_err *err)
{
    FLY_ASSERT(to->type == from->type);
    if (from->kind == FLY_VEC_FLAT) {
        gather_flat(to, at, from, sel, n);
        gather_valid(to, at, from, sel, n);
    } else {
        for (uint32_t k = 0; k < n; k++) {
            fly_vec_value value = fly__sql_get(from, sel != NULL ? sel[k] : k);
            fly_vec_put(to, at + k, &value);
        }
    }
    if (to->type != FLY_VEC_STR || arena == NULL) {
        return FLY_OK;
    }
    fly_vec_str *strings = to->data;
    for (uint32_t k = at; k < at + n; k++) {
        if ((to->valid[k / 64] >> (k % 64) & 1) != 0) {
            fly_status status = own_string(&strings[k], arena, err);
            if (status != FLY_OK) {
                return status;
            }
        } else {
            memset(&strings[k], 0, sizeof strings[k]);
        }
    }
    return FLY_OK;
}

/* ---------------------------------------------------------------------------- making */

fly_status fly__sql_kept_init(fly__sql_kept *rows, fly__sql_exec *exec, uint32_t columns,
                              const fly_sql_type *types, fly_err *err)
{
    memset(rows, 0, sizeof *rows);
    rows->exec = exec;
    rows->columns = columns;
    rows->loaded_max = 4;
    rows->chunk_rows = FLY_VEC_CAPACITY;
    rows->types = fly__sql_alloc(&exec->arena, columns + 1, sizeof *rows->types, err);
    if (rows->types == NULL) {
        return FLY_E_NO_MEMORY;
    }
    if (columns > 0) {
        memcpy(rows->types, types, columns * sizeof *types);
    }
    return FLY_OK;
}

/* Many partitions are filled at a time, and a chunk of each is in memory: with little memory, a small
 * one. */
void fly__sql_kept_partition(fly__sql_kept *rows, const fly__sql_kept *like)
{
    enum { LITTLE = 64 << 20, SMALL_CHUNK = 128 };
    uint64_t limit = like->exec->session->query.limit;
    fly__sql_kept_like(rows, like);
    rows->chunk_rows = limit > 0 && limit < LITTLE ? SMALL_CHUNK : FLY_VEC_CAPACITY;
}

void fly__sql_kept_like(fly__sql_kept *rows, const fly__sql_kept *other)
{
    memset(rows, 0, sizeof *rows);
    rows->exec = other->exec;
    rows->columns = other->columns;
    rows->types = other->types;
    rows->loaded_max = 4;
    rows->chunk_rows = FLY_VEC_CAPACITY;
}

fly_status fly__sql_kept_init_rel(fly__sql_kept *rows, fly__sql_exec *exec, const fly__sql_rel *rel,
                                  fly_err *err)
{
    fly_sql_type *types = fly__sql_alloc(&exec->arena, rel->column_count + 1, sizeof *types, err);
    if (types == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t i = 0; i < rel->column_count; i++) {
        types[i] = rel->columns[i].type;
    }
    return fly__sql_kept_init(rows, exec, rel->column_count, types, err);
}

static fly_mem *memory_of(const fly__sql_kept *rows)
{
    return &rows->exec->session->query.mem;
}

static void chunk_drop(fly__sql_kept *rows, fly__sql_chunk *chunk)
{
    fly_arena_deinit(&chunk->arena);
    fly_mem_free(memory_of(rows), chunk, sizeof *chunk);
}

void fly__sql_kept_clear(fly__sql_kept *rows)
{
    /* What a rescan fills again is usually small: keep the first chunk, if it has its vectors. */
    uint32_t keep = rows->chunk_count > 0 && rows->chunk[0]->col != NULL ? 1 : 0;
    for (uint32_t i = keep; i < rows->chunk_count; i++) {
        chunk_drop(rows, rows->chunk[i]);
    }
    rows->chunk_count = keep;
    if (keep == 1) {
        rows->chunk[0]->count = 0;
        rows->chunk[0]->size = 0;
        if (rows->strings) {
            /* Strings and vectors share the arena. */
            fly_arena_reset(&rows->chunk[0]->arena);
            rows->chunk[0]->col = NULL;
            rows->chunk[0]->capacity = 0;
        }
    }
    rows->count = 0;
    rows->loaded = 0;
    rows->evict_at = 0;
}

void fly__sql_kept_free(fly__sql_kept *rows)
{
    if (rows->exec == NULL) {
        return;
    }
    for (uint32_t i = 0; i < rows->chunk_count; i++) {
        chunk_drop(rows, rows->chunk[i]);
    }
    fly_mem_free(memory_of(rows), rows->chunk, rows->chunk_room * sizeof(fly__sql_chunk *));
    rows->chunk = NULL;
    rows->chunk_count = rows->chunk_room = 0;
    rows->count = 0;
    rows->loaded = 0;
    rows->evict_at = 0;
}

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for rows of a query");
}

/* New vectors of a capacity for a chunk; what it had is copied. */
static fly_status chunk_size(fly__sql_kept *rows, fly__sql_chunk *chunk, uint32_t capacity,
                             fly_err *err)
{
    fly_vec *col = fly_arena_alloc(&chunk->arena, (rows->columns + 1) * sizeof *col);
    if (col == NULL) {
        return no_memory(err);
    }
    for (uint32_t c = 0; c < rows->columns; c++) {
        fly_status status =
            fly__sql_vec_make(&col[c], rows->types[c], capacity, &chunk->arena, err);
        if (status == FLY_OK && chunk->count > 0) {
            status = fly__sql_vec_gather(&col[c], 0, &chunk->col[c], NULL, chunk->count, NULL, err);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
    chunk->col = col;
    chunk->capacity = capacity;
    return FLY_OK;
}

static fly_status chunk_add(fly__sql_kept *rows, fly_err *err)
{
    if (rows->chunk_count == rows->chunk_room) {
        uint32_t room = rows->chunk_room == 0 ? 4 : rows->chunk_room * 2;
        fly__sql_chunk **bigger = fly_mem_resize(memory_of(rows), rows->chunk,
                                                 rows->chunk_room * sizeof(fly__sql_chunk *),
                                                 room * sizeof(fly__sql_chunk *));
        if (bigger == NULL) {
            return no_memory(err);
        }
        rows->chunk = bigger;
        rows->chunk_room = room;
    }
    fly__sql_chunk *chunk = fly_mem_calloc(memory_of(rows), 1, sizeof *chunk);
    if (chunk == NULL) {
        return no_memory(err);
    }
    fly_arena_init(&chunk->arena, memory_of(rows), 1024);
    rows->chunk[rows->chunk_count++] = chunk;
    return FLY_OK;
}

/* ------------------------------------------------------------------------- to disk */

static size_t chunk_bytes(const fly__sql_kept *rows, const fly__sql_chunk *chunk)
{
    size_t bytes = 0;
    for (uint32_t c = 0; c < rows->columns; c++) {
        const fly_vec *v = &chunk->col[c];
        bytes += (chunk->count + 63) / 64 * 8;
        bytes += (chunk->count * fly_vec_type_size((fly_vec_type)v->type) + 7) & ~(size_t)7;
        if (v->type != FLY_VEC_STR) {
            continue;
        }
        const fly_vec_str *s = v->data;
        for (uint32_t i = 0; i < chunk->count; i++) {
            bytes += !fly_vec_is_null(v, i) && s[i].len > FLY_VEC_STR_INLINE ? s[i].len : 0;
        }
        bytes = (bytes + 7) & ~(size_t)7;
    }
    return bytes;
}

static void chunk_encode(const fly__sql_kept *rows, const fly__sql_chunk *chunk, uint8_t *out)
{
    uint8_t *begin = out;
    for (uint32_t c = 0; c < rows->columns; c++) {
        const fly_vec *v = &chunk->col[c];
        size_t words = (chunk->count + 63) / 64 * 8;
        size_t bytes = chunk->count * fly_vec_type_size((fly_vec_type)v->type);
        memcpy(out, v->valid, words);
        out += words;
        memcpy(out, v->data, bytes);
        out += (bytes + 7) & ~(size_t)7;
        if (v->type == FLY_VEC_STR) {
            const fly_vec_str *s = v->data;
            for (uint32_t i = 0; i < chunk->count; i++) {
                if (!fly_vec_is_null(v, i) && s[i].len > FLY_VEC_STR_INLINE) {
                    memcpy(out, s[i].ptr, s[i].len);
                    out += s[i].len;
                }
            }
            out = begin + (((size_t)(out - begin) + 7) & ~(size_t)7);
        }
    }
}

static fly_status chunk_write(fly__sql_kept *rows, fly__sql_chunk *chunk, fly_err *err)
{
    if (chunk->size == 0) {
        /* The buffer is not charged to the query, which has no more: it is here for a moment. */
        fly_mem *mem = &rows->exec->session->account.mem;
        size_t size = chunk_bytes(rows, chunk);
        uint8_t *buffer = fly_mem_calloc(mem, size + 1, 1);
        if (buffer == NULL) {
            return no_memory(err);
        }
        chunk_encode(rows, chunk, buffer);
        fly_status status = fly__sql_spill_write(rows->exec, buffer, size, &chunk->offset, err);
        fly_mem_free(mem, buffer, size + 1);
        if (status != FLY_OK) {
            return status;
        }
        chunk->size = size;
        rows->spilled += size;
    }
    fly_arena_deinit(&chunk->arena);
    fly_arena_init(&chunk->arena, memory_of(rows), 1024);
    chunk->col = NULL;
    return FLY_OK;
}

static fly_status chunk_decode(const fly__sql_kept *rows, fly__sql_chunk *chunk, const uint8_t *in,
                               fly_vec *col, fly_err *err)
{
    const uint8_t *begin = in;
    for (uint32_t c = 0; c < rows->columns; c++) {
        fly_vec *v = &col[c];
        fly_status status =
            fly__sql_vec_make(v, rows->types[c], FLY_VEC_CAPACITY, &chunk->arena, err);
        if (status != FLY_OK) {
            return status;
        }
        size_t words = (chunk->count + 63) / 64 * 8;
        size_t bytes = chunk->count * fly_vec_type_size((fly_vec_type)v->type);
        memcpy(v->valid, in, words);
        in += words;
        memcpy(v->data, in, bytes);
        in += (bytes + 7) & ~(size_t)7;
        if (v->type != FLY_VEC_STR) {
            continue;
        }
        fly_vec_str *s = v->data;
        for (uint32_t i = 0; i < chunk->count; i++) {
            if (!fly_vec_is_null(v, i) && s[i].len > FLY_VEC_STR_INLINE) {
                s[i].ptr = (const char *)in;
                in += s[i].len;
            }
        }
        in = begin + (((size_t)(in - begin) + 7) & ~(size_t)7);
    }
    return FLY_OK;
}

static fly_status chunk_read(fly__sql_kept *rows, fly__sql_chunk *chunk, fly_err *err)
{
    uint8_t *bytes = fly_arena_alloc(&chunk->arena, chunk->size + 1);
    fly_vec *col = fly_arena_alloc(&chunk->arena, (rows->columns + 1) * sizeof *col);
    if (bytes == NULL || col == NULL) {
        return no_memory(err);
    }
    fly_status status = fly__sql_spill_read(rows->exec, chunk->offset, bytes, chunk->size, err);
    if (status == FLY_OK) {
        status = chunk_decode(rows, chunk, bytes, col, err);
    }
    if (status == FLY_OK) {
        chunk->col = col;
        chunk->capacity = FLY_VEC_CAPACITY;
    }
    return status;
}

/* Of the chunks that came back from disk let the one go that was asked for the longest time ago. */
static fly_status let_one_go(fly__sql_kept *rows, fly_err *err)
{
    fly__sql_chunk *oldest = NULL;
    for (uint32_t i = 0; i < rows->evict_at; i++) {
        fly__sql_chunk *chunk = rows->chunk[i];
        if (chunk->col != NULL && chunk->size > 0 &&
            (oldest == NULL || chunk->used < oldest->used)) {
            oldest = chunk;
        }
    }
    if (oldest == NULL) {
        return FLY_OK;
    }
    rows->loaded--;
    return chunk_write(rows, oldest, err);
}

fly_status fly__sql_kept_chunk(fly__sql_kept *rows, uint32_t number, fly__sql_chunk **chunk,
                               fly_err *err)
{
    FLY_ASSERT(number < rows->chunk_count);
    fly__sql_chunk *found = rows->chunk[number];
    found->used = ++rows->clock;
    if (found->col == NULL) {
        if (rows->loaded >= rows->loaded_max) {
            fly_status status = let_one_go(rows, err);
            if (status != FLY_OK) {
                return status;
            }
        }
        fly_status status = chunk_read(rows, found, err);
        if (status != FLY_OK) {
            return status;
        }
        rows->loaded++;
    }
    *chunk = found;
    return FLY_OK;
}

/* Full chunks leave the memory, all but the last. */
static fly_status evict(fly__sql_kept *rows, fly_err *err)
{
    while (rows->evict_at + 1 < rows->chunk_count) {
        fly__sql_chunk *chunk = rows->chunk[rows->evict_at];
        if (chunk->col != NULL) {
            fly_status status = chunk_write(rows, chunk, err);
            if (status != FLY_OK) {
                return status;
            }
        }
        rows->evict_at++;
    }
    return FLY_OK;
}

fly_status fly__sql_kept_flush(fly__sql_kept *rows, fly_err *err)
{
    fly_status status = evict(rows, err);
    if (status == FLY_OK && rows->evict_at < rows->chunk_count &&
        rows->chunk[rows->evict_at]->col != NULL && rows->chunk[rows->evict_at]->count > 0) {
        status = chunk_write(rows, rows->chunk[rows->evict_at], err);
        if (status == FLY_OK) {
            rows->evict_at++;
        }
    }
    rows->loaded = 0;
    return status;
}

/* ------------------------------------------------------------------------ appending */

/* The last chunk, with room for at least one row; `*room` says for how many. */
static fly_status last_chunk(fly__sql_kept *rows, uint32_t wanted, fly__sql_chunk **chunk,
                             uint32_t *room, fly_err *err)
{
    if (rows->chunk_count == 0 || rows->chunk[rows->chunk_count - 1]->count == rows->chunk_rows) {
        if (rows->chunk_count > 0 && !rows->stay && fly__sql_over_budget(rows->exec)) {
            fly_status status = evict(rows, err);
            if (status != FLY_OK) {
                return status;
            }
        }
        fly_status status = chunk_add(rows, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    fly__sql_chunk *last = rows->chunk[rows->chunk_count - 1];
    if (last->col == NULL && last->size > 0) {
        /* It went to disk before it was full. */
        fly_status status = fly__sql_kept_chunk(rows, rows->chunk_count - 1, &last, err);
        if (status != FLY_OK) {
            return status;
        }
        last->size = 0;
        rows->loaded--;
        rows->evict_at = rows->chunk_count - 1;
    }
    last->size = 0;
    if (last->col == NULL || last->count == last->capacity) {
        uint32_t capacity = rows->chunk_count > 1 ? rows->chunk_rows : 16;
        while (capacity < rows->chunk_rows && capacity < last->count + wanted) {
            capacity *= 4;
        }
        capacity = capacity > rows->chunk_rows ? rows->chunk_rows : capacity;
        fly_status status = chunk_size(rows, last, capacity, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    *chunk = last;
    *room = last->capacity - last->count;
    return FLY_OK;
}

/* Rows at sel[from] to sel[from + n - 1] of vectors, to the end of a chunk. */
static fly_status fill(fly__sql_kept *rows, fly__sql_chunk *chunk, const fly_vec *const *parts,
                       const fly_vec *col, const fly_vec_sel *sel, uint32_t n, fly_err *err)
{
    for (uint32_t c = 0; c < rows->columns; c++) {
        const fly_vec *v = parts != NULL ? parts[c] : &col[c];
        fly_status status =
            fly__sql_vec_gather(&chunk->col[c], chunk->count, v, sel, n, &chunk->arena, err);
        if (status != FLY_OK) {
            return status;
        }
        rows->strings |= v->type == FLY_VEC_STR;
    }
    chunk->count += n;
    rows->count += n;
    return FLY_OK;
}

static fly_status append(fly__sql_kept *rows, const fly_vec *const *parts, const fly_vec *col,
                         const fly_vec_sel *sel, uint32_t n, fly_err *err)
{
    fly_vec_sel rest[FLY_VEC_CAPACITY];
    uint32_t done = 0;
    while (done < n) {
        fly__sql_chunk *chunk;
        uint32_t room;
        fly_status status = last_chunk(rows, n - done, &chunk, &room, err);
        if (status != FLY_OK) {
            return status;
        }
        uint32_t now = n - done < room ? n - done : room;
        const fly_vec_sel *at = sel != NULL ? sel + done : NULL;
        if (sel == NULL && done > 0) {
            for (uint32_t i = 0; i < now; i++) {
                rest[i] = (fly_vec_sel)(done + i);
            }
            at = rest;
        }
        status = fill(rows, chunk, parts, col, at, now, err);
        if (status != FLY_OK) {
            return status;
        }
        done += now;
    }
    return FLY_OK;
}

fly_status fly__sql_kept_append(fly__sql_kept *rows, const fly_vec *col, const fly_vec_sel *sel,
                                uint32_t n, fly_err *err)
{
    return append(rows, NULL, col, sel, n, err);
}

fly_status fly__sql_kept_append_parts(fly__sql_kept *rows, const fly_vec *const *col,
                                      const fly_vec_sel *sel, uint32_t n, fly_err *err)
{
    return append(rows, col, NULL, sel, n, err);
}

fly_status fly__sql_kept_append_batch(fly__sql_kept *rows, const fly_vec_batch *batch, fly_err *err)
{
    return append(rows, NULL, batch->col, batch->selected < 0 ? NULL : batch->sel,
                  fly_vec_batch_rows(batch), err);
}

fly_status fly__sql_kept_append_values(fly__sql_kept *rows, const fly_vec_value *values,
                                       fly_err *err)
{
    fly__sql_chunk *chunk;
    uint32_t room;
    fly_status status = last_chunk(rows, 1, &chunk, &room, err);
    for (uint32_t c = 0; status == FLY_OK && c < rows->columns; c++) {
        fly_vec_value value = values[c];
        if (chunk->col[c].type == FLY_VEC_STR && !value.null) {
            rows->strings = true;
            status = own_string(&value.str, &chunk->arena, err);
        }
        fly_vec_put(&chunk->col[c], chunk->count, &value);
    }
    if (status == FLY_OK) {
        chunk->count++;
        rows->count++;
    }
    return status;
}

static fly_status gather_slowly(fly__sql_kept *rows, uint32_t column, const uint64_t *number,
                                uint32_t n, fly_vec *to, uint32_t at, fly_arena *arena,
                                fly_err *err)
{
    for (uint32_t i = 0; i < n; i++) {
        fly__sql_chunk *chunk;
        uint32_t row;
        fly_status status = fly__sql_kept_at(rows, number[i], &chunk, &row, err);
        if (status == FLY_OK) {
            fly_vec_sel one = (fly_vec_sel)row;
            status = fly__sql_vec_gather(to, at + i, &chunk->col[column], &one, 1, arena, err);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

#define GATHER(T)                                                                                  \
    do {                                                                                           \
        T *out = (T *)to->data + at;                                                               \
        for (uint32_t i = 0; i < n; i++) {                                                         \
            const fly_vec *from = &rows->chunk[number[i] / FLY_VEC_CAPACITY]->col[column];         \
            uint32_t row = (uint32_t)(number[i] % FLY_VEC_CAPACITY);                               \
            out[i] = ((const T *)from->data)[row];                                                 \
            if (FLY_UNLIKELY((from->valid[row / 64] >> (row % 64) & 1) == 0)) {                    \
                fly_vec_set_null(to, at + i);                                                      \
            } else {                                                                               \
                fly_vec_set_valid(to, at + i);                                                     \
            }                                                                                      \
        }                                                                                          \
    } while (0)

typedef struct wide {
    uint64_t half[2];
} wide;

fly_status fly__sql_kept_gather(fly__sql_kept *rows, uint32_t column, const uint64_t *number,
                                uint32_t n, fly_vec *to, uint32_t at, fly_arena *arena,
                                fly_err *err)
{
    if (rows->spilled > 0) {
        return gather_slowly(rows, column, number, n, to, at, arena, err);
    }
    switch (fly_vec_type_size((fly_vec_type)to->type)) {
    case 1:
        GATHER(uint8_t);
        break;
    case 2:
        GATHER(uint16_t);
        break;
    case 4:
        GATHER(uint32_t);
        break;
    case 8:
        GATHER(uint64_t);
        break;
    default:
        GATHER(wide);
        break;
    }
    return FLY_OK;
}

fly_status fly__sql_kept_pull(fly__sql_kept *rows, fly__sql_op *op, fly_err *err)
{
    for (;;) {
        fly_vec_batch *batch;
        fly_status status = fly__sql_op_next(op, &batch, err);
        if (status == FLY_E_END) {
            return FLY_OK;
        }
        if (status == FLY_OK) {
            status = fly__sql_kept_append_batch(rows, batch, err);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
}

/* Vectors from `at` on: whole words of validity would have to move otherwise, so `at` must be 0 or the
 * batch must select. */
void fly__sql_chunk_show(const fly__sql_chunk *chunk, uint32_t at, uint32_t max,
                         fly_vec_batch *batch, fly_vec *shown)
{
    uint32_t n = chunk->count - at < max ? chunk->count - at : max;
    for (uint32_t c = 0; c < batch->columns; c++) {
        shown[c] = chunk->col[c];
    }
    batch->col = shown;
    batch->count = chunk->count;
    batch->selected = -1;
    if (n < chunk->count) {
        for (uint32_t i = 0; i < n; i++) {
            batch->sel[i] = (fly_vec_sel)(at + i);
        }
        batch->selected = (int32_t)n;
    }
}
