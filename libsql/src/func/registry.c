/*
 * The registry: func.def as a table, and ways to find entries in it.
 *
 * Invariants: the table is in order of name, casts (which have none) by their types; no two entries
 * have one OID. test_func.c looks.
 *
 * What is not here: which entry a call means (bind), functions made by users (the catalog).
 */
#include "func/call_int.h"
#include "plan/plan_int.h"

#define A0 .argc = 0
#define A1(a) .argc = 1, .args = {FLY__SQL_OID_##a}
#define A2(a, b) .argc = 2, .args = {FLY__SQL_OID_##a, FLY__SQL_OID_##b}
#define A3(a, b, c) .argc = 3, .args = {FLY__SQL_OID_##a, FLY__SQL_OID_##b, FLY__SQL_OID_##c}
#define A4(a, b, c, d)                                                                             \
    .argc = 4, .args = {FLY__SQL_OID_##a, FLY__SQL_OID_##b, FLY__SQL_OID_##c, FLY__SQL_OID_##d}
#define A5(a, b, c, d, e)                                                                          \
    .argc = 5, .args = {FLY__SQL_OID_##a, FLY__SQL_OID_##b, FLY__SQL_OID_##c, FLY__SQL_OID_##d,    \
                        FLY__SQL_OID_##e}
#define A6(a, b, c, d, e, f)                                                                       \
    .argc = 6, .args = {FLY__SQL_OID_##a, FLY__SQL_OID_##b, FLY__SQL_OID_##c,                      \
                        FLY__SQL_OID_##d, FLY__SQL_OID_##e, FLY__SQL_OID_##f}
#define A7(a, b, c, d, e, f, g)                                                                    \
    .argc = 7, .args = {FLY__SQL_OID_##a, FLY__SQL_OID_##b, FLY__SQL_OID_##c, FLY__SQL_OID_##d,    \
                        FLY__SQL_OID_##e, FLY__SQL_OID_##f, FLY__SQL_OID_##g}

#define FLAGS_I .volatility = FLY__SQL_IMMUTABLE
#define FLAGS_IR FLAGS_I, .can_raise = true
#define FLAGS_IS FLAGS_I, .strict = true
#define FLAGS_ISR FLAGS_IS, .can_raise = true
#define FLAGS_S .volatility = FLY__SQL_STABLE
#define FLAGS_SR FLAGS_S, .can_raise = true
#define FLAGS_SS FLAGS_S, .strict = true
#define FLAGS_SSR FLAGS_SS, .can_raise = true
#define FLAGS_V .volatility = FLY__SQL_VOLATILE
#define FLAGS_VR FLAGS_V, .can_raise = true
#define FLAGS_VS FLAGS_V, .strict = true
#define FLAGS_VSR FLAGS_VS, .can_raise = true

#define F(name_, oid_, flags_, args_, result_, row_)                                               \
    {.name = (name_),                                                                              \
     .oid = (oid_),                                                                                \
     .kind = FLY__SQL_SCALAR,                                                                      \
     .result = FLY__SQL_OID_##result_,                                                             \
     FLAGS_##flags_,                                                                               \
     args_,                                                                                        \
     .row = fly__sql_fn_##row_},
#define O(name_, oid_, flags_, args_, result_, row_, op_)                                          \
    {.name = (name_),                                                                              \
     .oid = (oid_),                                                                                \
     .kind = FLY__SQL_OPERATOR,                                                                    \
     .result = FLY__SQL_OID_##result_,                                                             \
     FLAGS_##flags_,                                                                               \
     args_,                                                                                        \
     .op = FLY__SQL_OP_##op_,                                                                      \
     .kernel = fly__sql_kernel,                                                                    \
     .select = fly__sql_select,                                                                    \
     .row = fly__sql_fn_##row_},
#define C(oid_, flags_, from_, to_, context_, row_)                                                \
    {.name = "",                                                                                   \
     .oid = (oid_),                                                                                \
     .kind = FLY__SQL_CAST,                                                                        \
     .result = FLY__SQL_OID_##to_,                                                                 \
     FLAGS_##flags_,                                                                               \
     .argc = 1,                                                                                    \
     .args = {FLY__SQL_OID_##from_},                                                               \
     .cast = (context_),                                                                           \
     .kernel = fly__sql_kernel,                                                                    \
     .row = fly__sql_fn_##row_},
#define G(name_, oid_, args_, result_, agg_)                                                       \
    {.name = (name_),                                                                              \
     .oid = (oid_),                                                                                \
     .kind = FLY__SQL_AGGREGATE,                                                                   \
     .result = FLY__SQL_OID_##result_,                                                             \
     args_,                                                                                        \
     .aggregate = &fly__sql_agg_##agg_},
#define S(name_, oid_, flags_, args_, result_, set_)                                               \
    {.name = (name_),                                                                              \
     .oid = (oid_),                                                                                \
     .kind = FLY__SQL_SET,                                                                         \
     .result = FLY__SQL_OID_##result_,                                                             \
     FLAGS_##flags_,                                                                               \
     args_,                                                                                        \
     .set = &fly__sql_set_##set_},
#define W(name_, oid_, args_, result_, window_)                                                    \
    {.name = (name_),                                                                              \
     .oid = (oid_),                                                                                \
     .kind = FLY__SQL_WINDOW,                                                                      \
     .result = FLY__SQL_OID_##result_,                                                             \
     args_,                                                                                        \
     .window = FLY__SQL_WIN_##window_},
#define FX(name_, oid_, flags_, args_, result_, row_, ...)                                         \
    {.name = (name_),                                                                              \
     .oid = (oid_),                                                                                \
     .kind = FLY__SQL_SCALAR,                                                                      \
     .result = FLY__SQL_OID_##result_,                                                             \
     FLAGS_##flags_,                                                                               \
     args_,                                                                                        \
     .row = fly__sql_fn_##row_,                                                                    \
     __VA_ARGS__},
#define OX(name_, oid_, flags_, args_, result_, row_, op_, ...)                                    \
    {.name = (name_),                                                                              \
     .oid = (oid_),                                                                                \
     .kind = FLY__SQL_OPERATOR,                                                                    \
     .result = FLY__SQL_OID_##result_,                                                             \
     FLAGS_##flags_,                                                                               \
     args_,                                                                                        \
     .op = FLY__SQL_OP_##op_,                                                                      \
     .kernel = fly__sql_kernel,                                                                    \
     .select = fly__sql_select,                                                                    \
     .row = fly__sql_fn_##row_,                                                                    \
     __VA_ARGS__},
#define CX(oid_, flags_, from_, to_, context_, row_, ...)                                          \
    {.name = "",                                                                                   \
     .oid = (oid_),                                                                                \
     .kind = FLY__SQL_CAST,                                                                        \
     .result = FLY__SQL_OID_##to_,                                                                 \
     FLAGS_##flags_,                                                                               \
     .argc = 1,                                                                                    \
     .args = {FLY__SQL_OID_##from_},                                                               \
     .cast = (context_),                                                                           \
     .kernel = fly__sql_kernel,                                                                    \
     .row = fly__sql_fn_##row_,                                                                    \
     __VA_ARGS__},
#define GX(name_, oid_, args_, result_, agg_, ...)                                                 \
    {.name = (name_),                                                                              \
     .oid = (oid_),                                                                                \
     .kind = FLY__SQL_AGGREGATE,                                                                   \
     .result = FLY__SQL_OID_##result_,                                                             \
     args_,                                                                                        \
     .aggregate = &fly__sql_agg_##agg_,                                                            \
     __VA_ARGS__},
#define SX(name_, oid_, flags_, args_, result_, set_, ...)                                         \
    {.name = (name_),                                                                              \
     .oid = (oid_),                                                                                \
     .kind = FLY__SQL_SET,                                                                         \
     .result = FLY__SQL_OID_##result_,                                                             \
     FLAGS_##flags_,                                                                               \
     args_,                                                                                        \
     .set = &fly__sql_set_##set_,                                                                  \
     __VA_ARGS__},
#define WX(name_, oid_, args_, result_, window_, ...)                                              \
    {.name = (name_),                                                                              \
     .oid = (oid_),                                                                                \
     .kind = FLY__SQL_WINDOW,                                                                      \
     .result = FLY__SQL_OID_##result_,                                                             \
     args_,                                                                                        \
     .window = FLY__SQL_WIN_##window_,                                                             \
     __VA_ARGS__},

static const fly__sql_func funcs[] = {
#include "func/func.def"
};

enum { FUNC_COUNT = sizeof funcs / sizeof funcs[0] };

const fly__sql_func *fly__sql_funcs_all(size_t *count)
{
    *count = FUNC_COUNT;
    return funcs;
}

/* The first entry whose name is not before `name`. */
static size_t lower_bound(const char *name)
{
    size_t low = 0;
    size_t high = FUNC_COUNT;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(funcs[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Functions and operators cannot be taken for each other: no name is both. */
static const fly__sql_func *named(const char *name, size_t *count)
{
    size_t from = lower_bound(name);
    size_t to = from;
    while (to < FUNC_COUNT && strcmp(funcs[to].name, name) == 0) {
        to++;
    }
    *count = to - from;
    return to > from ? &funcs[from] : NULL;
}

const fly__sql_func *fly__sql_funcs_named(const char *name, size_t *count)
{
    const fly__sql_func *found = name[0] != '\0' ? named(name, count) : NULL;
    if (found == NULL || found->kind == FLY__SQL_OPERATOR) {
        *count = 0;
        return NULL;
    }
    return found;
}

const fly__sql_func *fly__sql_operators(const char *symbol, size_t *count)
{
    const fly__sql_func *found = symbol[0] != '\0' ? named(symbol, count) : NULL;
    if (found == NULL || found->kind != FLY__SQL_OPERATOR) {
        *count = 0;
        return NULL;
    }
    return found;
}

const fly__sql_func *fly__sql_cast(uint32_t from, uint32_t to)
{
    size_t low = 0;
    size_t high = lower_bound("!"); /* behind the casts: no symbol is before it */
    while (low < high) {
        size_t middle = (low + high) / 2;
        const fly__sql_func *cast = &funcs[middle];
        if (cast->args[0] < from || (cast->args[0] == from && cast->result < to)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const fly__sql_func *cast = &funcs[low];
    return cast->kind == FLY__SQL_CAST && cast->args[0] == from && cast->result == to ? cast : NULL;
}

/* Pairs whose values are the same bytes, and that PostgreSQL casts implicitly. */
static const uint32_t coercible[][2] = {
    {FLY_SQL_VARCHAR, FLY_SQL_TEXT},
    {FLY_SQL_TEXT, FLY_SQL_VARCHAR},
    {FLY_SQL_TEXT, FLY_SQL_BPCHAR},
    {FLY_SQL_VARCHAR, FLY_SQL_BPCHAR},
    {FLY_SQL_NAME, FLY_SQL_TEXT},
    {FLY_SQL_INT4, FLY_SQL_OID},
    {FLY_SQL_INT4, FLY_SQL_REGPROC},
    {FLY_SQL_INT4, FLY_SQL_REGCLASS},
    {FLY_SQL_INT4, FLY_SQL_REGTYPE},
    {FLY_SQL_OID, FLY_SQL_REGPROC},
    {FLY_SQL_OID, FLY_SQL_REGCLASS},
    {FLY_SQL_OID, FLY_SQL_REGTYPE},
    {FLY_SQL_OID, FLY__SQL_OID_regprocedure},
    {FLY_SQL_OID, FLY__SQL_OID_regoper},
    {FLY_SQL_OID, FLY__SQL_OID_regoperator},
    {FLY_SQL_OID, FLY__SQL_OID_regnamespace},
    {FLY_SQL_OID, FLY__SQL_OID_regrole},
    {FLY_SQL_OID, FLY__SQL_OID_regcollation},
    {FLY_SQL_REGPROC, FLY_SQL_OID},
    {FLY_SQL_REGCLASS, FLY_SQL_OID},
    {FLY_SQL_REGTYPE, FLY_SQL_OID},
    {FLY__SQL_OID_regprocedure, FLY_SQL_OID},
    {FLY__SQL_OID_regoper, FLY_SQL_OID},
    {FLY__SQL_OID_regoperator, FLY_SQL_OID},
    {FLY__SQL_OID_regnamespace, FLY_SQL_OID},
    {FLY__SQL_OID_regrole, FLY_SQL_OID},
    {FLY__SQL_OID_regcollation, FLY_SQL_OID},
    {FLY__SQL_OID_bit, FLY__SQL_OID_varbit},
    {FLY__SQL_OID_varbit, FLY__SQL_OID_bit},
    {FLY__SQL_OID_pg_node_tree, FLY_SQL_TEXT},
    {FLY__SQL_OID_int2vector, FLY__SQL_OID__int2},
    {FLY__SQL_OID_oidvector, FLY__SQL_OID__oid},
};

bool fly__sql_coercible(uint32_t from, uint32_t to)
{
    if (from == to) {
        return true;
    }
    for (size_t i = 0; i < sizeof coercible / sizeof coercible[0]; i++) {
        if (coercible[i][0] == from && coercible[i][1] == to) {
            return true;
        }
    }
    /* Arrays of coercible elements, but for bpchar: padded and not padded are told apart by
     * type. */
    const fly__sql_type_info *source = fly__sql_type_info_of(from);
    const fly__sql_type_info *target = fly__sql_type_info_of(to);
    return source != NULL && target != NULL && source->element_oid == FLY_SQL_VARCHAR &&
           target->element_oid == FLY_SQL_TEXT;
}

/* OIDs by themselves lie close together: a walk over them is short enough for what asks for it. */
static const uint32_t oids[] = {
#undef F
#define F(name, oid, flags, args, result, row) oid,
#undef FX
#define FX(name, oid, flags, args, result, row, ...) oid,
#undef O
#define O(name, oid, flags, args, result, row, op) oid,
#undef OX
#define OX(name, oid, flags, args, result, row, op, ...) oid,
#undef C
#define C(oid, flags, from, to, context, row) oid,
#undef CX
#define CX(oid, flags, from, to, context, row, ...) oid,
#undef G
#define G(name, oid, args, result, agg) oid,
#undef GX
#define GX(name, oid, args, result, agg, ...) oid,
#undef S
#define S(name, oid, flags, args, result, set) oid,
#undef SX
#define SX(name, oid, flags, args, result, set, ...) oid,
#undef W
#define W(name, oid, args, result, window) oid,
#undef WX
#define WX(name, oid, args, result, window, ...) oid,
#include "func/func.def"
};

const fly__sql_func *fly__sql_func_by_oid(uint32_t oid)
{
    for (size_t i = 0; i < FUNC_COUNT; i++) {
        if (oids[i] == oid) {
            return &funcs[i];
        }
    }
    return NULL;
}
