/*
 * Which of libvec's kernels computes an operator or a cast. NULL sends the executor to the row
 * function.
 *
 * Kernels take vectors of one type. Numerics in libvec's format, text under a collation of its own,
 * OIDs under < and >, and whatever else has an order that is not that of its bytes or bits, have
 * none here, but for character(n), whose blanks are this file's own business.
 */
#include "func/decimal_int.h"
#include "func/pattern_int.h"

#include <fly/vec_agg.h>
#include <fly/vec_kernel.h>

/* Which operators of libvec's have the names of ours; binary ones first. */
static const struct {
    const char *name;
    uint8_t argc;
    fly_vec_arith arith;
} ariths[] = {
    {"+", 2, FLY_VEC_ADD},          {"-", 2, FLY_VEC_SUB},     {"*", 2, FLY_VEC_MUL},
    {"/", 2, FLY_VEC_DIV},          {"%", 2, FLY_VEC_MOD},     {"&", 2, FLY_VEC_BIT_AND},
    {"|", 2, FLY_VEC_BIT_OR},       {"#", 2, FLY_VEC_BIT_XOR}, {"<<", 2, FLY_VEC_SHIFT_LEFT},
    {">>", 2, FLY_VEC_SHIFT_RIGHT}, {"-", 1, FLY_VEC_NEG},     {"@", 1, FLY_VEC_ABS},
    {"~", 1, FLY_VEC_BIT_NOT},
};

static bool is_number(uint32_t oid)
{
    return oid == FLY_SQL_INT2 || oid == FLY_SQL_INT4 || oid == FLY_SQL_INT8 ||
           oid == FLY_SQL_FLOAT4 || oid == FLY_SQL_FLOAT8 || oid == FLY_SQL_NUMERIC;
}

/* Operands whose vectors are as wide as the result's go to libvec. */
static fly_vec_kernel decimal_arith(fly_vec_isa isa, const fly__sql_func *func, fly_vec_arith op,
                                    const fly_sql_type *types, uint32_t argc)
{
    fly_vec_type physical = fly__sql_type_physical(types[0]);
    if (func->result_type == NULL || op == FLY_VEC_DIV) {
        return NULL;
    }
    fly_sql_type result = func->result_type(types, argc);
    if (result.digits == 0) {
        return NULL;
    }
    if (argc == 1) {
        return fly__sql_type_physical(result) == physical ? fly_vec_kernel_arith(isa, op, physical)
                                                          : NULL;
    }
    if (fly__sql_type_physical(result) == physical &&
        fly__sql_type_physical(types[1]) == physical) {
        return fly_vec_kernel_decimal(isa, op, physical);
    }
    switch (op) {
    case FLY_VEC_ADD:
        return fly__sql_decimal_add;
    case FLY_VEC_SUB:
        return fly__sql_decimal_sub;
    case FLY_VEC_MUL:
        return fly__sql_decimal_mul;
    case FLY_VEC_MOD:
        return fly__sql_decimal_mod;
    default:
        return NULL;
    }
}

static fly_vec_kernel arith(fly_vec_isa isa, const fly__sql_func *func, const fly_sql_type *types,
                            uint32_t argc)
{
    for (uint32_t i = 0; i < argc; i++) {
        if (!is_number(types[i].oid) || (types[i].oid == FLY_SQL_NUMERIC && types[i].digits == 0)) {
            return NULL;
        }
    }
    for (size_t i = 0; i < sizeof ariths / sizeof ariths[0]; i++) {
        if (ariths[i].argc != argc || strcmp(ariths[i].name, func->name) != 0) {
            continue;
        }
        fly_vec_type physical = fly__sql_type_physical(types[0]);
        bool shift = ariths[i].arith == FLY_VEC_SHIFT_LEFT ||
                     ariths[i].arith == FLY_VEC_SHIFT_RIGHT;
        if (shift && physical == FLY_VEC_I16) {
            return NULL;
        }
        bool numeric = types[0].oid == FLY_SQL_NUMERIC;
        if (argc == 2 && !shift && !numeric && fly__sql_type_physical(types[1]) != physical) {
            return NULL;
        }
        return numeric ? decimal_arith(isa, func, ariths[i].arith, types, argc)
                       : fly_vec_kernel_arith(isa, ariths[i].arith, physical);
    }
    return NULL;
}

/* ------------------------------------------------------------------------- casts */

static fly_vec_kernel cast(fly_vec_isa isa, const fly__sql_func *func, const fly_sql_type *types,
                           const void **aux)
{
    static const fly_vec_decimal to_integer = {.precision = 0, .integer = 1};
    fly_sql_type to = func->result_type != NULL ? func->result_type(types, 1)
                                                : fly__sql_type(func->result);
    fly_vec_type from = fly__sql_type_physical(types[0]);
    fly_vec_type into = fly__sql_type_physical(to);
    bool scaled_from = types[0].oid == FLY_SQL_NUMERIC && types[0].digits > 0;
    bool scaled_into = to.oid == FLY_SQL_NUMERIC && to.digits > 0;
    if (scaled_into && types[0].oid != FLY_SQL_NUMERIC && is_number(types[0].oid) &&
        from <= FLY_VEC_I64) {
        return fly_vec_kernel_rescale(isa, from, into);
    }
    if (scaled_from && (into == FLY_VEC_F32 || into == FLY_VEC_F64)) {
        return fly_vec_kernel_decimal_to_float(isa, from, into);
    }
    if (scaled_from && is_number(func->result) && into <= FLY_VEC_I64) {
        *aux = &to_integer;
        return fly_vec_kernel_rescale(isa, from, into);
    }
    bool from_plain = (is_number(types[0].oid) && types[0].oid != FLY_SQL_NUMERIC) ||
                      types[0].oid == FLY_SQL_BOOL;
    bool into_plain = (is_number(to.oid) && to.oid != FLY_SQL_NUMERIC) || to.oid == FLY_SQL_BOOL;
    return from_plain && into_plain ? fly_vec_kernel_cast(isa, from, into) : NULL;
}

/* ------------------------------------------------------------------- comparisons */

/* character(n): blanks at the end do not count. */
static fly_bytes unpadded(const fly_vec_str *s)
{
    fly_bytes text = fly_vec_str_bytes(s);
    while (text.len > 0 && text.data[text.len - 1] == ' ') {
        text.len--;
    }
    return text;
}

static int padded_cmp(const fly_vec_str *a, const fly_vec_str *b)
{
    return fly_bytes_cmp(unpadded(a), unpadded(b));
}

/* Whether a string is a text, given without its blanks, and blanks. */
static inline bool is_padded(const fly_vec_str *s, fly_bytes text)
{
    if (s->len < text.len || memcmp(s->prefix, text.data, text.len < 4 ? text.len : 4) != 0) {
        return false;
    }
    const uint8_t *data = (const uint8_t *)fly_vec_str_data(s);
    if (memcmp(data, text.data, text.len) != 0) {
        return false;
    }
    for (size_t i = text.len; i < s->len; i++) {
        if (data[i] != ' ') {
            return false;
        }
    }
    return true;
}

/* Those strings of a vector that are a constant, or are not. */
static int select_padded(const fly_vec *a, const fly_vec *constant, bool equal,
                         const fly_vec_sel *sel, int n, fly_vec_sel *out)
{
    const fly_vec_str *s = a->data;
    int count = 0;
    if (fly_vec_is_null(constant, 0)) {
        return 0;
    }
    fly_bytes text = unpadded(fly_vec_at(constant, 0));
    for (int i = 0; i < n; i++) {
        uint32_t row = sel != NULL ? sel[i] : (uint32_t)i;
        bool there = a->valid == NULL || (a->valid[row / 64] >> (row % 64) & 1) != 0;
        out[count] = (fly_vec_sel)row;
        count += there && is_padded(&s[row], text) == equal;
    }
    return count;
}

static bool holds(fly__sql_op_class op, int order)
{
    switch (op) {
    case FLY__SQL_OP_EQ:
        return order == 0;
    case FLY__SQL_OP_NE:
        return order != 0;
    case FLY__SQL_OP_LT:
        return order < 0;
    case FLY__SQL_OP_LE:
        return order <= 0;
    case FLY__SQL_OP_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

static int padded_compare(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel,
                          int n)
{
    const fly__sql_func *func = ins->aux;
    const fly_vec *a = &frame->reg[ins->arg[0]];
    const fly_vec *b = &frame->reg[ins->arg[1]];
    fly_vec *dst = &frame->reg[ins->dst];
    dst->kind = FLY_VEC_FLAT;
    uint8_t *out = dst->data;
    for (int i = 0; i < n; i++) {
        uint32_t row = sel != NULL ? sel[i] : (uint32_t)i;
        if (fly_vec_is_null(a, row) || fly_vec_is_null(b, row)) {
            fly_vec_set_null(dst, row);
            continue;
        }
        fly_vec_set_valid(dst, row);
        out[row] =
            holds((fly__sql_op_class)func->op, padded_cmp(fly_vec_at(a, row), fly_vec_at(b, row)));
    }
    return 0;
}

static int padded_select(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel,
                         int n)
{
    const fly__sql_func *func = ins->aux;
    const fly_vec *a = &frame->reg[ins->arg[0]];
    const fly_vec *b = &frame->reg[ins->arg[1]];
    int count = 0;
    bool equal = func->op == FLY__SQL_OP_EQ;
    if ((equal || func->op == FLY__SQL_OP_NE) && a->kind == FLY_VEC_FLAT &&
        b->kind == FLY_VEC_CONST) {
        return select_padded(a, b, equal, sel, n, ins->out);
    }
    for (int i = 0; i < n; i++) {
        uint32_t row = sel != NULL ? sel[i] : (uint32_t)i;
        if (!fly_vec_is_null(a, row) && !fly_vec_is_null(b, row) &&
            holds((fly__sql_op_class)func->op,
                  padded_cmp(fly_vec_at(a, row), fly_vec_at(b, row)))) {
            ins->out[count++] = (fly_vec_sel)row;
        }
    }
    return count;
}

/* Text whose collation orders it by bytes: the database's where it says 0, which the binder
 * replaces if it is another; default, C, POSIX. Values under another go row by row. */
static bool by_bytes(fly_sql_type type)
{
    return type.collation == 0 || type.collation == 100 || type.collation == 950 ||
           type.collation == 951 || type.collation == 9100 || type.collation == 9105;
}

/* Whether the order of a type is that of its vector's values. */
static bool has_plain_order(fly_sql_type type, bool equality)
{
    switch (type.oid) {
    case FLY_SQL_TEXT:
    case FLY_SQL_VARCHAR:
        return by_bytes(type);
    case FLY_SQL_NAME:
    case FLY_SQL_CHAR:
    case FLY_SQL_BYTEA:
    case FLY__SQL_OID_bit:
    case FLY__SQL_OID_varbit:
        return true;
    case FLY_SQL_NUMERIC:
        return type.digits > 0;
    default:
        break;
    }
    fly_vec_type physical = fly__sql_type_physical(type);
    if (physical == FLY_VEC_STR) {
        return false;
    }
    /* OIDs and enums: equal where their bits are, but ordered otherwise. */
    return equality || physical != FLY_VEC_I32 || type.oid == FLY_SQL_INT4 ||
           type.oid == FLY_SQL_DATE;
}

bool fly__sql_plain_order(fly_sql_type type)
{
    return has_plain_order(type, false);
}

static bool cmp_of(uint8_t op, fly_vec_cmp *cmp)
{
    switch (op) {
    case FLY__SQL_OP_EQ:
        *cmp = FLY_VEC_EQ;
        return true;
    case FLY__SQL_OP_NE:
        *cmp = FLY_VEC_NE;
        return true;
    case FLY__SQL_OP_LT:
        *cmp = FLY_VEC_LT;
        return true;
    case FLY__SQL_OP_LE:
        *cmp = FLY_VEC_LE;
        return true;
    case FLY__SQL_OP_GT:
        *cmp = FLY_VEC_GT;
        return true;
    case FLY__SQL_OP_GE:
        *cmp = FLY_VEC_GE;
        return true;
    default:
        return false;
    }
}

static fly_vec_kernel comparison(fly_vec_isa isa, const fly__sql_func *func,
                                 const fly_sql_type *types, bool select, const void **aux)
{
    fly_vec_cmp cmp;
    if (!cmp_of(func->op, &cmp)) {
        return NULL;
    }
    if (types[0].oid == FLY_SQL_BPCHAR && types[1].oid == FLY_SQL_BPCHAR && by_bytes(types[0]) &&
        by_bytes(types[1])) {
        *aux = func;
        return select ? padded_select : padded_compare;
    }
    bool equality = cmp == FLY_VEC_EQ || cmp == FLY_VEC_NE;
    fly_vec_type physical = fly__sql_type_physical(types[0]);
    if (!has_plain_order(types[0], equality) || !has_plain_order(types[1], equality) ||
        fly__sql_type_physical(types[1]) != physical) {
        return NULL;
    }
    if (types[0].oid == FLY_SQL_NUMERIC) {
        return select ? fly_vec_kernel_decimal_select(isa, cmp, physical)
                      : fly_vec_kernel_decimal_compare(isa, cmp, physical);
    }
    return select ? fly_vec_kernel_select(isa, cmp, physical)
                  : fly_vec_kernel_compare(isa, cmp, physical);
}

/* --------------------------------------------------------------------------- all */

fly_vec_kernel fly__sql_kernel(const fly__sql_func *func, const fly_sql_type *types, uint32_t argc,
                               fly_arena *arena, const void **aux)
{
    fly_vec_isa isa = fly_vec_isa_best();
    if (func->op == FLY__SQL_OP_LIKE) {
        *aux = fly__sql_like_aux(func, arena);
        return *aux != NULL ? fly__sql_like_kernel : NULL;
    }
    if (func->kind == FLY__SQL_CAST) {
        return cast(isa, func, types, aux);
    }
    fly_vec_kernel kernel = argc == 2 ? comparison(isa, func, types, false, aux) : NULL;
    return kernel != NULL ? kernel : arith(isa, func, types, argc);
}

fly_vec_kernel fly__sql_select(const fly__sql_func *func, const fly_sql_type *types, uint32_t argc,
                               fly_arena *arena, const void **aux)
{
    if (func->op == FLY__SQL_OP_LIKE) {
        *aux = fly__sql_like_aux(func, arena);
        return *aux != NULL ? fly__sql_like_select : NULL;
    }
    return argc == 2 ? comparison(fly_vec_isa_best(), func, types, true, aux) : NULL;
}

const fly_vec_agg *fly__sql_aggregate_kernel(const fly__sql_func *func, const fly_sql_type *types,
                                             uint32_t argc, fly_sql_type result)
{
    const fly__sql_aggregate *aggregate = func->aggregate;
    if (aggregate == NULL || aggregate->kernel == 0 || argc > 1) {
        return NULL;
    }
    fly_vec_agg_kind kind = (fly_vec_agg_kind)(aggregate->kernel - 1);
    if (kind == FLY_VEC_COUNT) {
        return fly_vec_agg_find(argc == 0 ? FLY_VEC_COUNT_ROWS : FLY_VEC_COUNT,
                                argc == 0 ? FLY_VEC_I64 : fly__sql_type_physical(types[0]));
    }
    if (argc == 0 || (types[0].oid == FLY_SQL_NUMERIC && types[0].digits == 0)) {
        return NULL;
    }
    if ((kind == FLY_VEC_MIN || kind == FLY_VEC_MAX) && !fly__sql_plain_order(types[0])) {
        return NULL;
    }
    const fly_vec_agg *agg = fly_vec_agg_find(kind, fly__sql_type_physical(types[0]));
    if (agg == NULL || (aggregate->kernel_sums && agg->count_at < 0)) {
        return NULL;
    }
    bool same = agg->result_type == (uint8_t)fly__sql_type_physical(result);
    return same || aggregate->kernel_sums ? agg : NULL;
}
