/*
 * Hashes and equality of SQL values, and tables of rows that are found by them.
 *
 * Equal values must have equal hashes, and SQL's equality is not always that of bytes: 1.0 and 1.00
 * are equal numerics, '1 month' and '30 days' equal intervals, -0 equals 0 and NaN equals NaN. Types
 * where bytes do not decide are hashed by their key encoding (store/key.c), which is the same for
 * equal values, and compared by fly__sql_value_cmp().
 *
 * @source The multiply and fold is that of wyhash; columns are mixed by multiply and rotate, for XOR
 * would give rows with two equal columns the hash 0.
 */
#include "exec/op_int.h"

#include "session/program_int.h"
#include "store/key_int.h"

#include <fly/base_hash.h>
#include <fly/text.h>
#include <fly/vec_numeric.h>

#include <string.h>

/* Whether a collation is more than the order of bytes: its OID tells (collations.c). */
static bool collated(uint32_t oid)
{
    return oid > 9100 && oid != 9105;
}

fly__sql_key_kind fly__sql_key_kind_of(fly_sql_type type)
{
    fly_vec_type physical = fly__sql_type_physical(type);
    if (physical == FLY_VEC_STR && collated(type.collation)) {
        return FLY__SQL_KEY_TEXT;
    }
    switch (type.oid) {
    case FLY_SQL_TEXT:
    case FLY_SQL_VARCHAR:
    case FLY_SQL_NAME:
    case FLY_SQL_BYTEA:
    case FLY_SQL_CHAR:
    case FLY_SQL_UNKNOWN:
        return FLY__SQL_KEY_STR;
    case FLY_SQL_BPCHAR:
        return FLY__SQL_KEY_PADDED;
    case FLY_SQL_NUMERIC:
        return type.digits == 0 ? FLY__SQL_KEY_OTHER : FLY__SQL_KEY_BITS;
    default:
        break;
    }
    switch (physical) {
    case FLY_VEC_F32:
        return FLY__SQL_KEY_F32;
    case FLY_VEC_F64:
        return FLY__SQL_KEY_F64;
    case FLY_VEC_INTERVAL:
    case FLY_VEC_STR:
        return FLY__SQL_KEY_OTHER;
    default:
        return FLY__SQL_KEY_BITS;
    }
}

fly__sql_key_form fly__sql_key_form_of(fly_sql_session *session, fly_sql_type type)
{
    fly__sql_key_form form = {.kind = (uint8_t)fly__sql_key_kind_of(type)};
    if (form.kind == FLY__SQL_KEY_TEXT &&
        fly__sql_session_collation(session, type.collation, &form.collation, NULL) != FLY_OK) {
        form.collation = NULL;
    }
    return form;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
    fly_vec_u128 product = (fly_vec_u128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_word(uint64_t x)
{
    return fold(x ^ 0x9e3779b97f4a7c15u, 0xe7037ed1a0b428dbu);
}

static uint64_t hash_f64(double x)
{
    uint64_t bits = 0x7ff8000000000000u;
    x = x == 0 ? 0 : x;
    if (x == x) {
        memcpy(&bits, &x, sizeof bits);
    }
    return hash_word(bits);
}

/* A short string is its 16 bytes, and two short ones are equal if those are. */
static uint64_t hash_str(const fly_vec_str *s)
{
    uint64_t half[2];
    if (s->len > FLY_VEC_STR_INLINE) {
        return fly_hash(s->ptr, s->len, 0);
    }
    memcpy(half, s, sizeof half);
    return fold(half[0] ^ 0x9e3779b97f4a7c15u, half[1] ^ 0xe7037ed1a0b428dbu);
}

static fly_status hash_other(fly_sql_type type, const fly_vec_value *value, fly_arena *scratch,
                             uint64_t *hash, fly_err *err)
{
    fly__sql_key key = {.arena = scratch};
    if (type.oid == FLY_SQL_NUMERIC) {
        *hash = fly_vec_numeric_hash(value->str, 0);
        return FLY_OK;
    }
    fly__sql_key_order order = {.type = type, .physical = fly__sql_type_physical(type)};
    fly_status status = fly__sql_key_add(&key, &order, value, err);
    if (status == FLY_OK) {
        *hash = fly_hash(key.data, key.len, 0);
    }
    return status;
}

static uint64_t hash_bits(fly_vec_type physical, const fly_vec_value *value)
{
    switch (physical) {
    case FLY_VEC_BOOL:
        return hash_word(value->b);
    case FLY_VEC_I16:
        return hash_word((uint64_t)value->i16);
    case FLY_VEC_I32:
        return hash_word((uint64_t)value->i32);
    case FLY_VEC_I64:
        return hash_word((uint64_t)value->i64);
    default:
        return hash_word((uint64_t)value->i128 ^ hash_word((uint64_t)(value->i128 >> 64)));
    }
}

/* What a collation compares: character(n) without the spaces at its end. */
static fly_bytes text_of(fly_sql_type type, const fly_vec_value *value)
{
    fly_bytes text = fly_vec_str_bytes(&value->str);
    while (type.oid == FLY_SQL_BPCHAR && text.len > 0 && text.data[text.len - 1] == ' ') {
        text.len--;
    }
    return text;
}

fly_status fly__sql_value_hash(fly_sql_type type, fly__sql_key_form form,
                               const fly_vec_value *value, fly_arena *scratch, uint64_t *hash,
                               fly_err *err)
{
    if (value->null) {
        *hash = FLY__SQL_NULL_HASH;
        return FLY_OK;
    }
    switch (form.kind) {
    case FLY__SQL_KEY_BITS:
        *hash = hash_bits(fly__sql_type_physical(type), value);
        return FLY_OK;
    case FLY__SQL_KEY_STR:
        *hash = hash_str(&value->str);
        return FLY_OK;
    case FLY__SQL_KEY_PADDED: {
        fly_vec_str s = fly__sql_unpadded(&value->str);
        *hash = hash_str(&s);
        return FLY_OK;
    }
    case FLY__SQL_KEY_TEXT:
        if (form.collation == NULL) {
            return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a collation");
        }
        return fly_text_hash(form.collation, text_of(type, value), 0, hash, err);
    case FLY__SQL_KEY_F32:
        *hash = hash_f64((double)value->f32);
        return FLY_OK;
    case FLY__SQL_KEY_F64:
        *hash = hash_f64(value->f64);
        return FLY_OK;
    default:
        return hash_other(type, value, scratch, hash, err);
    }
}

static uint64_t mix(uint64_t so_far, uint64_t hash)
{
    return (so_far << 23 | so_far >> 41) * 0x9fb21c651e98df25u ^ hash;
}

/* Strings without detours. */
static bool hash_strings(const fly_vec *v, bool padded, const fly_vec_sel *sel, uint32_t n,
                         bool first, uint64_t *out)
{
    const fly_vec_str *s = v->data;
    if (v->kind != FLY_VEC_FLAT) {
        return false;
    }
    for (uint32_t k = 0; k < n; k++) {
        uint32_t row = sel != NULL ? sel[k] : k;
        bool null = v->valid != NULL && (v->valid[row / 64] >> (row % 64) & 1) == 0;
        uint64_t h = FLY__SQL_NULL_HASH;
        if (!null && padded) {
            fly_vec_str text = fly__sql_unpadded(&s[row]);
            h = hash_str(&text);
        } else if (!null) {
            h = hash_str(&s[row]);
        }
        out[k] = first ? h : mix(out[k], h);
    }
    return true;
}

/* Integers without detours. */
static bool hash_flat(fly_vec_type physical, const fly_vec *v, const fly_vec_sel *sel, uint32_t n,
                      bool first, uint64_t *out)
{
    if (v->kind != FLY_VEC_FLAT || (physical != FLY_VEC_I32 && physical != FLY_VEC_I64)) {
        return false;
    }
    for (uint32_t k = 0; k < n; k++) {
        uint32_t row = sel != NULL ? sel[k] : k;
        uint64_t x = physical == FLY_VEC_I32 ? (uint64_t)((const int32_t *)v->data)[row]
                                             : (uint64_t)((const int64_t *)v->data)[row];
        bool null = v->valid != NULL && (v->valid[row / 64] >> (row % 64) & 1) == 0;
        uint64_t h = null ? FLY__SQL_NULL_HASH : hash_word(x);
        out[k] = first ? h : mix(out[k], h);
    }
    return true;
}

fly_status fly__sql_vec_hash(fly_sql_type type, fly__sql_key_form form, const fly_vec *v,
                             const fly_vec_sel *sel, uint32_t n, bool first, uint64_t *out,
                             fly_arena *scratch, fly_err *err)
{
    if (form.kind == FLY__SQL_KEY_BITS && hash_flat((fly_vec_type)v->type, v, sel, n, first, out)) {
        return FLY_OK;
    }
    bool padded = form.kind == FLY__SQL_KEY_PADDED;
    if ((padded || form.kind == FLY__SQL_KEY_STR) && hash_strings(v, padded, sel, n, first, out)) {
        return FLY_OK;
    }
    for (uint32_t k = 0; k < n; k++) {
        fly_vec_value value = fly__sql_get(v, sel != NULL ? sel[k] : k);
        uint64_t h;
        fly_status status = fly__sql_value_hash(type, form, &value, scratch, &h, err);
        if (status != FLY_OK) {
            return status;
        }
        out[k] = first ? h : mix(out[k], h);
    }
    return FLY_OK;
}

bool fly__sql_value_same(fly_sql_type type, fly__sql_key_form form, const fly_vec_value *a,
                         const fly_vec_value *b)
{
    if (a->null || b->null) {
        return a->null && b->null;
    }
    switch (form.kind) {
    case FLY__SQL_KEY_BITS:
        return memcmp(&a->i128, &b->i128, fly_vec_type_size(fly__sql_type_physical(type))) == 0;
    case FLY__SQL_KEY_STR:
        return fly_vec_str_equal(&a->str, &b->str);
    case FLY__SQL_KEY_PADDED: {
        fly_vec_str x = fly__sql_unpadded(&a->str);
        fly_vec_str y = fly__sql_unpadded(&b->str);
        return fly_vec_str_equal(&x, &y);
    }
    case FLY__SQL_KEY_TEXT:
        return form.collation != NULL
                   ? fly_text_equal(form.collation, text_of(type, a), text_of(type, b))
                   : fly_vec_str_equal(&a->str, &b->str);
    case FLY__SQL_KEY_F32:
        return a->f32 == b->f32 || (a->f32 != a->f32 && b->f32 != b->f32);
    case FLY__SQL_KEY_F64:
        return a->f64 == b->f64 || (a->f64 != a->f64 && b->f64 != b->f64);
    default:
        return fly__sql_value_cmp(type, a, b) == 0;
    }
}

/* Whether two strings are short and the same bytes: equal whatever blanks at the end mean. */
static bool same_short(const fly_vec *a, uint32_t i, const fly_vec *b, uint32_t j)
{
    const fly_vec_str *x = (const fly_vec_str *)a->data + i;
    const fly_vec_str *y = (const fly_vec_str *)b->data + j;
    return x->len <= FLY_VEC_STR_INLINE && fly_vec_str_equal(x, y) && !fly_vec_is_null(a, i) &&
           !fly_vec_is_null(b, j);
}

bool fly__sql_vec_same(fly_sql_type type, fly__sql_key_form form, const fly_vec *a, uint32_t i,
                       const fly_vec *b, uint32_t j)
{
    if ((form.kind == FLY__SQL_KEY_STR || form.kind == FLY__SQL_KEY_PADDED) &&
        a->kind == FLY_VEC_FLAT && b->kind == FLY_VEC_FLAT && same_short(a, i, b, j)) {
        return true;
    }
    if (form.kind == FLY__SQL_KEY_BITS && a->kind == FLY_VEC_FLAT && b->kind == FLY_VEC_FLAT) {
        bool an = fly_vec_is_null(a, i), bn = fly_vec_is_null(b, j);
        if (an || bn) {
            return an && bn;
        }
        switch (a->type) {
        case FLY_VEC_I32:
            return ((const int32_t *)a->data)[i] == ((const int32_t *)b->data)[j];
        case FLY_VEC_I64:
            return ((const int64_t *)a->data)[i] == ((const int64_t *)b->data)[j];
        default:
            break;
        }
    }
    fly_vec_value x = fly__sql_get(a, i);
    fly_vec_value y = fly__sql_get(b, j);
    return fly__sql_value_same(type, form, &x, &y);
}

/* ---------------------------------------------------------------------- tables */

void fly__sql_hashes_init(fly__sql_hashes *table, fly_mem *mem)
{
    memset(table, 0, sizeof *table);
    table->mem = mem;
}

void fly__sql_hashes_free(fly__sql_hashes *table)
{
    if (table->slot != NULL) {
        fly_mem_free(table->mem, table->slot, (table->mask + 1) * sizeof *table->slot);
        table->slot = NULL;
    }
    table->mask = table->used = 0;
}

void fly__sql_hashes_clear(fly__sql_hashes *table)
{
    /* A large one is given back: clearing it for a small rescan would cost more than making it. */
    if (table->mask > 4095) {
        fly__sql_hashes_free(table);
    } else if (table->slot != NULL) {
        memset(table->slot, 0, (table->mask + 1) * sizeof *table->slot);
    }
    table->used = 0;
}

fly_status fly__sql_hashes_reserve(fly__sql_hashes *table, uint64_t more, fly_err *err)
{
    uint64_t slots = table->slot != NULL ? table->mask + 1 : 0;
    if ((table->used + more) * 2 <= slots) {
        return FLY_OK;
    }
    uint64_t wanted = slots == 0 ? 32 : slots * 2;
    while (wanted < (table->used + more) * 2) {
        wanted *= 2;
    }
    fly__sql_table_slot *bigger = fly_mem_calloc(table->mem, wanted, sizeof *bigger);
    if (bigger == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a hash table");
    }
    for (uint64_t i = 0; i < slots; i++) {
        if (table->slot[i].hash != 0) {
            uint64_t at = table->slot[i].hash >> 1 & (wanted - 1);
            while (bigger[at].hash != 0) {
                at = (at + 1) & (wanted - 1);
            }
            bigger[at] = table->slot[i];
        }
    }
    fly_mem_free(table->mem, table->slot, slots * sizeof *table->slot);
    table->slot = bigger;
    table->mask = wanted - 1;
    return FLY_OK;
}

/* ---------------------------------------------------------------------- groups */

fly_status fly__sql_groups_init(fly__sql_group_table *groups, fly__sql_exec *exec,
                                uint32_t key_count, uint32_t columns, const fly_sql_type *types,
                                fly_err *err)
{
    fly_mem *mem = &exec->session->query.mem;
    memset(groups, 0, sizeof *groups);
    fly_status status = fly__sql_kept_init(&groups->rows, exec, columns, types, err);
    if (status != FLY_OK) {
        return status;
    }
    fly__sql_hashes_init(&groups->hashes, mem);
    fly_arena_init(&groups->scratch, mem, 1024);
    groups->key_count = key_count;
    groups->forms = fly__sql_alloc(&exec->arena, key_count + 1, sizeof *groups->forms, err);
    groups->hash = fly_arena_alloc(&exec->arena, FLY_VEC_CAPACITY * sizeof *groups->hash);
    if (groups->forms == NULL || groups->hash == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for groups");
    }
    for (uint32_t i = 0; i < key_count; i++) {
        groups->forms[i] = fly__sql_key_form_of(exec->session, types[i]);
    }
    return FLY_OK;
}

void fly__sql_groups_clear(fly__sql_group_table *groups)
{
    fly__sql_kept_clear(&groups->rows);
    fly__sql_hashes_clear(&groups->hashes);
    fly_arena_reset(&groups->scratch);
}

void fly__sql_groups_free(fly__sql_group_table *groups)
{
    if (groups->rows.exec == NULL) {
        return;
    }
    fly__sql_kept_free(&groups->rows);
    fly__sql_hashes_free(&groups->hashes);
    fly_arena_deinit(&groups->scratch);
}

fly_status fly__sql_groups_hash(fly__sql_group_table *groups, const fly_vec *const *keys,
                                const fly_vec_sel *sel, uint32_t n, fly_err *err)
{
    fly_arena_reset(&groups->scratch);
    memset(groups->hash, 0, n * sizeof *groups->hash);
    for (uint32_t c = 0; c < groups->key_count; c++) {
        fly_status status = fly__sql_vec_hash(groups->rows.types[c], groups->forms[c], keys[c], sel,
                                              n, c == 0, groups->hash, &groups->scratch, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

/* Whether row `number` has the keys at position `row`. */
static fly_status same_group(fly__sql_group_table *groups, uint64_t number,
                             const fly_vec *const *keys, uint32_t row, bool *same, fly_err *err)
{
    fly__sql_chunk *chunk;
    uint32_t at;
    fly_status status = fly__sql_kept_at(&groups->rows, number, &chunk, &at, err);
    *same = status == FLY_OK;
    for (uint32_t c = 0; *same && c < groups->key_count; c++) {
        *same = fly__sql_vec_same(groups->rows.types[c], groups->forms[c], &chunk->col[c], at,
                                  keys[c], row);
    }
    return status;
}

fly_status fly__sql_groups_find(fly__sql_group_table *groups, const fly_vec *const *keys,
                                const fly_vec_sel *sel, uint32_t n, bool make, uint64_t *number,
                                uint8_t *fresh, fly_err *err)
{
    fly__sql_hashes *table = &groups->hashes;
    fly_status status = fly__sql_groups_hash(groups, keys, sel, n, err);
    if (status == FLY_OK && (make || table->slot == NULL)) {
        status = fly__sql_hashes_reserve(table, make ? n : 1, err);
    }
    for (uint32_t k = 0; status == FLY_OK && k < n; k++) {
        uint32_t row = sel != NULL ? sel[k] : k;
        uint64_t hash = groups->hash[k] | 1;
        uint64_t at = fly__sql_hashes_start(table, groups->hash[k]);
        bool same = false;
        while (status == FLY_OK && table->slot[at].hash != 0) {
            if (table->slot[at].hash == hash) {
                status = same_group(groups, table->slot[at].number, keys, row, &same, err);
                if (same) {
                    break;
                }
            }
            at = (at + 1) & table->mask;
        }
        if (status != FLY_OK) {
            break;
        }
        if (fresh != NULL) {
            fresh[k] = !same;
        }
        if (same) {
            number[k] = table->slot[at].number;
            continue;
        }
        number[k] = UINT64_MAX;
        if (make) {
            fly_vec_sel one = (fly_vec_sel)row;
            number[k] = groups->rows.count;
            fly__sql_hashes_add(table, groups->hash[k], number[k]);
            status = fly__sql_kept_append_parts(&groups->rows, keys, &one, 1, err);
        }
    }
    return status;
}
