/*
 * Vectors by themselves: making, reading, writing, flattening.
 *
 * What is computed with them is in the kernel files.
 */
#include <fly/vec.h>

#include <string.h>

_Static_assert(sizeof(fly_vec_str) == 16, "a string is two words");
_Static_assert(sizeof(fly_vec_interval) == 16, "an interval is two words");

size_t fly_vec_type_size(fly_vec_type type)
{
    static const uint8_t sizes[FLY_VEC_TYPE_COUNT] = {1, 2, 4, 8, 16, 4, 8, 16, 16};
    FLY_ASSERT(type < FLY_VEC_TYPE_COUNT);
    return sizes[type];
}

const void *fly_vec_at(const fly_vec *v, uint32_t row)
{
    FLY_ASSERT(v->kind != FLY_VEC_SEQ);
    if (v->kind == FLY_VEC_DICT) {
        row = v->index[row];
        v = v->dict;
    } else if (v->kind == FLY_VEC_CONST) {
        row = 0;
    }
    return (const uint8_t *)v->data + row * fly_vec_type_size((fly_vec_type)v->type);
}

static void *aligned(fly_arena *arena, size_t size)
{
    size_t padded = (size + FLY_VEC_ALIGN - 1) & ~(size_t)(FLY_VEC_ALIGN - 1);
    uint8_t *block = fly_arena_alloc(arena, padded + FLY_VEC_ALIGN);
    if (block == NULL) {
        return NULL;
    }
    uintptr_t at = (uintptr_t)block;
    block += (FLY_VEC_ALIGN - at % FLY_VEC_ALIGN) % FLY_VEC_ALIGN;
    memset(block, 0, padded);
    return block;
}

fly_status fly_vec_init(fly_vec *v, fly_vec_type type, uint32_t capacity, fly_arena *arena,
                        fly_err *err)
{
    size_t words = ((size_t)capacity + 63) / 64;
    void *data = aligned(arena, capacity * fly_vec_type_size(type));
    uint64_t *valid = fly_arena_alloc(arena, words * sizeof *valid);
    if (data == NULL || valid == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a vector of %u values",
                           (unsigned)capacity);
    }
    memset(valid, 0xff, words * sizeof *valid);
    *v = (fly_vec){.kind = FLY_VEC_FLAT, .type = (uint8_t)type, .data = data, .valid = valid};
    return FLY_OK;
}

#define BRING(size)                                                                                \
    for (uint32_t row = 0; row < count; row++) {                                                   \
        size_t at = index != NULL ? index[row] : 0;                                                \
        memcpy((uint8_t *)flat->data + (size) * (size_t)row, data + (size)*at, size);              \
    }                                                                                              \
    break

/* The values of a CONST or DICT vector, one after the other; NULLs are zero. */
static void bring(fly_vec *flat, const fly_vec *v, uint32_t count)
{
    const fly_vec_sel *index = v->kind == FLY_VEC_DICT ? v->index : NULL;
    const fly_vec *from = v->kind == FLY_VEC_DICT ? v->dict : v;
    const uint8_t *data = from->data;
    size_t size = fly_vec_type_size((fly_vec_type)v->type);
    switch (size) {
    case 1:
        BRING(1);
    case 2:
        BRING(2);
    case 4:
        BRING(4);
    case 8:
        BRING(8);
    default:
        BRING(16);
    }
    for (uint32_t row = 0; row < count && from->valid != NULL; row++) {
        if (fly_vec_is_null(v, row)) {
            memset((uint8_t *)flat->data + row * size, 0, size);
            fly_vec_set_null(flat, row);
        }
    }
}

fly_status fly_vec_flatten(fly_vec *v, uint32_t count, fly_arena *arena, fly_err *err)
{
    if (v->kind == FLY_VEC_FLAT) {
        return FLY_OK;
    }
    fly_vec flat;
    fly_status status = fly_vec_init(&flat, (fly_vec_type)v->type, count, arena, err);
    if (status != FLY_OK) {
        return status;
    }
    flat.scale = v->scale;
    if (v->kind == FLY_VEC_SEQ) {
        for (uint32_t row = 0; row < count; row++) {
            ((int64_t *)flat.data)[row] = (int64_t)((uint64_t)v->low + row * (uint64_t)v->high);
        }
    } else {
        bring(&flat, v, count);
    }
    *v = flat;
    return FLY_OK;
}

fly_vec_value fly_vec_get(const fly_vec *v, uint32_t row)
{
    fly_vec_value value;
    memset(&value, 0, sizeof value);
    if (v->kind == FLY_VEC_SEQ) {
        value.i64 = v->low + (int64_t)row * v->high;
        return value;
    }
    value.null = fly_vec_is_null(v, row);
    if (!value.null) {
        memcpy(&value.i128, fly_vec_at(v, row), fly_vec_type_size((fly_vec_type)v->type));
    }
    return value;
}

void fly_vec_put(fly_vec *v, uint32_t row, const fly_vec_value *value)
{
    FLY_ASSERT(v->kind == FLY_VEC_FLAT);
    if (value->null) {
        fly_vec_set_null(v, row);
        return;
    }
    size_t size = fly_vec_type_size((fly_vec_type)v->type);
    fly_vec_set_valid(v, row);
    memcpy((uint8_t *)v->data + row * size, &value->i128, size);
}
