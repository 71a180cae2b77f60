/*
 * Programs: expressions as flat lists of kernel calls.
 *
 *     CASE WHEN a > 0 THEN b / a ELSE 0 END          s0 = the rows asked for
 *
 *         s1 = select(a > 0)   at s0
 *         r5 = b / a           at s1
 *         r4 = copy r5         at s1
 *         s2 = s0 minus s1
 *         r4 = copy 0          at s2
 *
 * Registers are vectors: inputs, which are the columns of the batch; constants, parameters and columns
 * of outer queries, which are CONST; and what is computed. Selection registers say at which positions an
 * instruction works, so that what SQL does not evaluate is not evaluated: no division by zero in a
 * branch that was not taken.
 *
 * Conditions compile to selections and never make a boolean vector unless they must.
 *
 * Invariants.
 *     G1  an instruction reads registers only at positions of its selection, and those were written
 *     G2  selection registers are ascending, and parts of selection register 0
 *     G3  a register that is written by copies has no other writers
 *
 * What is not here: what single expressions do (program_row.c), subqueries (subquery.c).
 */
#include "exec/program_int.h"

#include <string.h>

/* ------------------------------------------------------------------- growing lists */

/* Lists grow by doubling, in the instance's arena: compiling is rare and the waste is bounded. */
static bool grow(fly_arena *arena, void **list, uint32_t count, uint32_t *room, size_t size)
{
    if (count < *room) {
        return true;
    }
    uint32_t wanted = *room == 0 ? 8 : *room * 2;
    fly_err ignored;
    void *bigger = fly__sql_alloc(arena, wanted, size, &ignored);
    if (bigger == NULL) {
        return false;
    }
    if (count > 0) {
        memcpy(bigger, *list, count * size);
    }
    *list = bigger;
    *room = wanted;
    return true;
}

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a program");
}

static fly_status reg_new(fly__sql_compiler *c, fly_vec_type type, uint8_t scale, bool computed,
                          uint16_t *reg)
{
    fly__sql_program *p = c->program;
    if (p->reg_count >= UINT16_MAX) {
        return fly_err_state(c->err, "54001", 0, "expression is too large");
    }
    if (!grow(&c->exec->arena, (void **)&p->reg, p->reg_count, &p->reg_room, sizeof *p->reg) ||
        !grow(&c->exec->arena, (void **)&p->computed, p->reg_count, &p->computed_room,
              sizeof *p->computed)) {
        return no_memory(c->err);
    }
    *reg = (uint16_t)p->reg_count++;
    p->reg[*reg] = (fly_vec){.kind = FLY_VEC_FLAT, .type = (uint8_t)type, .scale = scale};
    p->computed[*reg] = computed;
    return FLY_OK;
}

fly_status fly__sql_reg_new(fly__sql_compiler *c, fly_sql_type type, uint16_t *reg)
{
    return reg_new(c, fly__sql_type_physical(type), type.digits > 0 ? type.scale : 0, true, reg);
}

static fly_status sel_new(fly__sql_compiler *c, uint16_t *sel)
{
    fly__sql_program *p = c->program;
    if (!grow(&c->exec->arena, (void **)&p->sels, p->sel_count, &p->sel_room, sizeof *p->sels)) {
        return no_memory(c->err);
    }
    *sel = (uint16_t)p->sel_count++;
    return FLY_OK;
}

static fly_status step_new(fly__sql_compiler *c, fly__sql_step **step)
{
    fly__sql_program *p = c->program;
    if (!grow(&c->exec->arena, (void **)&p->steps, p->step_count, &p->step_room,
              sizeof *p->steps)) {
        return no_memory(c->err);
    }
    *step = &p->steps[p->step_count++];
    return FLY_OK;
}

/* ------------------------------------------------------------------------ emitting */

static fly_status set_args(fly__sql_compiler *c, fly_vec_ins *ins, uint32_t argc,
                           const uint16_t *args)
{
    ins->argc = (uint16_t)argc;
    for (uint32_t i = 0; i < argc && i < 4; i++) {
        ins->arg[i] = args[i];
    }
    if (argc > 4) {
        ins->args = fly_arena_copy(&c->exec->arena, args, argc * sizeof *args);
        if (ins->args == NULL) {
            return no_memory(c->err);
        }
    }
    return FLY_OK;
}

fly_status fly__sql_emit(fly__sql_compiler *c, uint16_t from, fly_vec_kernel kernel, uint16_t dst,
                         uint32_t argc, const uint16_t *args, const void *aux, uint32_t pos)
{
    fly__sql_step *step;
    fly_status status = step_new(c, &step);
    if (status != FLY_OK) {
        return status;
    }
    *step = (fly__sql_step){.kind = FLY__SQL_STEP_VALUE, .from = from};
    step->ins = (fly_vec_ins){.kernel = kernel, .dst = dst, .aux = aux, .pos = pos};
    return set_args(c, &step->ins, argc, args);
}

static fly_status emit_select(fly__sql_compiler *c, uint16_t from, fly_vec_kernel kernel,
                              uint32_t argc, const uint16_t *args, const void *aux, uint32_t pos,
                              uint16_t *to)
{
    fly_status status = sel_new(c, to);
    fly__sql_step *step = NULL;
    if (status == FLY_OK) {
        status = step_new(c, &step);
    }
    if (status != FLY_OK) {
        return status;
    }
    *step = (fly__sql_step){.kind = FLY__SQL_STEP_SELECT, .from = from, .to = *to};
    step->ins = (fly_vec_ins){.kernel = kernel, .aux = aux, .pos = pos};
    return set_args(c, &step->ins, argc, args);
}

static fly_status emit_sets(fly__sql_compiler *c, uint8_t kind, uint16_t from, uint16_t other,
                            uint16_t *to)
{
    fly__sql_step *step;
    fly_status status = sel_new(c, to);
    if (status == FLY_OK) {
        status = step_new(c, &step);
    }
    if (status == FLY_OK) {
        *step = (fly__sql_step){.kind = kind, .from = from, .to = *to, .other = other};
    }
    return status;
}

static fly_status emit_copy(fly__sql_compiler *c, uint16_t from, uint16_t dst, uint16_t arg)
{
    fly_vec_type type = (fly_vec_type)c->program->reg[dst].type;
    return fly__sql_emit(c, from, fly_vec_kernel_copy(c->exec->isa, type), dst, 1, &arg, NULL, 0);
}

/* -------------------------------------------------------------------------- leaves */

static fly_status value_column(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t *reg)
{
    fly__sql_program *p = c->program;
    fly_vec_type type = fly__sql_type_physical(x->type);
    uint8_t scale = x->type.digits > 0 ? x->type.scale : 0;
    for (unsigned part = 0; part < FLY__SQL_PARTS; part++) {
        for (uint32_t i = 0; i < c->scope->counts[part]; i++) {
            if (c->scope->columns[part][i].id != x->column) {
                continue;
            }
            for (uint32_t k = 0; k < p->input_count; k++) {
                if (p->inputs[k].part == part && p->inputs[k].index == i) {
                    *reg = p->inputs[k].reg;
                    return FLY_OK;
                }
            }
            fly_status status = reg_new(c, type, scale, false, reg);
            if (status == FLY_OK && !grow(&c->exec->arena, (void **)&p->inputs, p->input_count,
                                          &p->input_room, sizeof *p->inputs)) {
                status = no_memory(c->err);
            }
            if (status == FLY_OK) {
                p->inputs[p->input_count++] = (fly__sql_input){
                    .reg = *reg, .part = (uint8_t)part, .index = i, .scale = scale};
            }
            return status;
        }
    }
    /* A column of an outer query. */
    if (x->column == 0 || x->column >= c->exec->outer_count) {
        return fly_err_state(c->err, "XX000", x->pos, "column %u of a plan is made by nobody",
                             (unsigned)x->column);
    }
    for (uint32_t k = 0; k < p->cell_count; k++) {
        if (p->cells[k].cell == &c->exec->outer[x->column]) {
            *reg = p->cells[k].reg;
            return FLY_OK;
        }
    }
    c->exec->outer_str[x->column] = type == FLY_VEC_STR;
    return fly__sql_reg_cell(c, type, scale, &c->exec->outer[x->column], reg);
}

/* A CONST register over a value that stays where it is, but may change between runs. */
fly_status fly__sql_reg_cell(fly__sql_compiler *c, fly_vec_type type, uint8_t scale,
                             fly_vec_value *cell, uint16_t *reg)
{
    fly__sql_program *p = c->program;
    fly_status status = reg_new(c, type, scale, false, reg);
    if (status == FLY_OK && !grow(&c->exec->arena, (void **)&p->cells, p->cell_count, &p->cell_room,
                                  sizeof *p->cells)) {
        status = no_memory(c->err);
    }
    if (status == FLY_OK) {
        p->reg[*reg].kind = FLY_VEC_CONST;
        p->reg[*reg].data = &cell->i128;
        p->cells[p->cell_count++] = (fly__sql_cell){.reg = *reg, .cell = cell};
    }
    return status;
}

static fly_status value_const(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t *reg)
{
    fly_vec_value *cell = fly__sql_alloc(&c->exec->arena, 1, sizeof *cell, c->err);
    if (cell == NULL) {
        return FLY_E_NO_MEMORY;
    }
    fly_vec_type type = fly__sql_type_physical(x->type);
    memcpy(cell, &x->value, sizeof *cell);
    fly_status status = reg_new(c, type, x->type.digits > 0 ? x->type.scale : 0, false, reg);
    if (status == FLY_OK) {
        fly_vec *v = &c->program->reg[*reg];
        v->kind = FLY_VEC_CONST;
        v->data = &cell->i128;
        v->valid = cell->null ? (uint64_t *)(uintptr_t)&fly__sql_no_bits : NULL;
    }
    return status;
}

const uint64_t fly__sql_no_bits = 0;

static fly_status value_param(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t *reg)
{
    if (x->param >= c->exec->param_count) {
        return fly_err_state(c->err, "42P02", x->pos, "there is no parameter $%u",
                             (unsigned)(x->param + 1));
    }
    fly__sql_program *p = c->program;
    fly_vec_value *cell = &c->exec->params[x->param];
    for (uint32_t k = 0; k < p->cell_count; k++) {
        if (p->cells[k].cell == cell) {
            *reg = p->cells[k].reg;
            return FLY_OK;
        }
    }
    return fly__sql_reg_cell(c, fly__sql_type_physical(x->type),
                             x->type.digits > 0 ? x->type.scale : 0, cell, reg);
}

/* ------------------------------------------------------------- calls with kernels */

/* Types whose order and equality are those of the machine's type. */
static bool plain_order(uint32_t oid)
{
    switch (oid) {
    case FLY_SQL_BOOL:
    case FLY_SQL_INT2:
    case FLY_SQL_INT4:
    case FLY_SQL_INT8:
    case FLY_SQL_FLOAT4:
    case FLY_SQL_FLOAT8:
    case FLY_SQL_DATE:
    case FLY_SQL_TIME:
    case FLY_SQL_TIMESTAMP:
    case FLY_SQL_TIMESTAMPTZ:
        return true;
    default:
        return false;
    }
}

/* The comparison kernel that does what a function does, or NULL. */
static fly_vec_kernel compare_kernel(const fly__sql_compiler *c, const fly__sql_expr *x,
                                     bool select)
{
    const fly__sql_func *func = x->func;
    if (x->argc != 2 || func->op < FLY__SQL_OP_EQ || func->op > FLY__SQL_OP_GE ||
        x->args[0]->type.oid != x->args[1]->type.oid || !plain_order(x->args[0]->type.oid)) {
        return NULL;
    }
    static const uint8_t ops[] = {[FLY__SQL_OP_EQ] = FLY_VEC_EQ, [FLY__SQL_OP_NE] = FLY_VEC_NE,
                                  [FLY__SQL_OP_LT] = FLY_VEC_LT, [FLY__SQL_OP_LE] = FLY_VEC_LE,
                                  [FLY__SQL_OP_GT] = FLY_VEC_GT, [FLY__SQL_OP_GE] = FLY_VEC_GE};
    fly_vec_cmp op = (fly_vec_cmp)ops[func->op];
    fly_vec_type type = fly__sql_type_physical(x->args[0]->type);
    return select ? fly_vec_kernel_select(c->exec->isa, op, type)
                  : fly_vec_kernel_compare(c->exec->isa, op, type);
}

static fly_status arg_types(fly__sql_compiler *c, const fly__sql_expr *x, fly_sql_type **types)
{
    *types = fly__sql_alloc(&c->exec->arena, x->argc, sizeof **types, c->err);
    if (*types == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t i = 0; i < x->argc; i++) {
        (*types)[i] = x->args[i]->type;
    }
    return FLY_OK;
}

static const fly__sql_expr open_bound = {
    .kind = FLY__SQL_X_CONST, .type = {.oid = FLY_SQL_INT4, .mod = -1}, .value = {.null = true}};

fly_status fly__sql_compile_args(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                                 uint16_t **args)
{
    *args = fly_arena_alloc(&c->exec->arena, (x->argc + 1) * sizeof **args);
    if (*args == NULL) {
        return no_memory(c->err);
    }
    for (uint32_t i = 0; i < x->argc; i++) {
        /* An open bound of a slice is no expression: its value is NULL. */
        fly_status status = x->args[i] == NULL
                                ? value_const(c, &open_bound, &(*args)[i])
                                : fly__sql_compile_value(c, x->args[i], from, &(*args)[i]);
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

static fly_status value_call(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                             uint16_t *reg)
{
    uint16_t *args;
    fly_sql_type *types;
    fly_status status = fly__sql_compile_args(c, x, from, &args);
    if (status == FLY_OK) {
        status = arg_types(c, x, &types);
    }
    if (status != FLY_OK) {
        return status;
    }
    const void *aux = NULL;
    fly_vec_kernel kernel = NULL;
    if (x->func->kernel != NULL) {
        kernel = x->func->kernel(x->func, types, x->argc, &c->exec->arena, &aux);
    }
    if (kernel == NULL) {
        kernel = compare_kernel(c, x, false);
    }
    if (kernel == NULL) {
        return fly__sql_row_call(c, x, from, types, args, reg);
    }
    status = fly__sql_reg_new(c, x->type, reg);
    if (status == FLY_OK) {
        status = fly__sql_emit(c, from, kernel, *reg, x->argc, args, aux, x->pos);
    }
    return status;
}

/* ----------------------------------------------------------- logic and branches */

static bool any_raises(const fly__sql_expr *x)
{
    for (uint32_t i = 1; i < x->argc; i++) {
        if (x->args[i]->raises || x->args[i]->volatile_ ||
            x->args[i]->kind == FLY__SQL_X_SUBQUERY) {
            return true;
        }
    }
    return false;
}

/* AND and OR as values. If what comes later may fail, it is only evaluated where it matters. */
static fly_status value_logic(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                              uint16_t *reg)
{
    bool and_ = x->kind == FLY__SQL_X_AND;
    bool careful = any_raises(x);
    fly_vec_kernel logic = fly_vec_kernel_logic(c->exec->isa, and_ ? FLY_VEC_AND : FLY_VEC_OR);
    fly_vec_kernel open =
        fly_vec_kernel_test_select(c->exec->isa, and_ ? FLY_VEC_IS_NOT_FALSE : FLY_VEC_IS_NOT_TRUE);
    uint16_t result;
    uint16_t value;
    uint16_t combined;
    uint16_t args[2];
    fly_status status = fly__sql_compile_value(c, x->args[0], from, &value);
    if (status == FLY_OK && careful) {
        status = fly__sql_reg_new(c, x->type, &result);
        if (status == FLY_OK) {
            status = emit_copy(c, from, result, value);
        }
    } else {
        result = value;
    }
    uint16_t at = from;
    for (uint32_t i = 1; status == FLY_OK && i < x->argc; i++) {
        if (careful) {
            status = emit_select(c, at, open, 1, &result, NULL, 0, &at);
        }
        if (status == FLY_OK) {
            status = fly__sql_compile_value(c, x->args[i], at, &value);
        }
        if (status == FLY_OK) {
            status = fly__sql_reg_new(c, x->type, &combined);
        }
        args[0] = result;
        args[1] = value;
        if (status == FLY_OK) {
            status = fly__sql_emit(c, at, logic, combined, 2, args, NULL, 0);
        }
        if (status == FLY_OK && careful) {
            status = emit_copy(c, at, result, combined);
        } else {
            result = combined;
        }
    }
    *reg = result;
    return status;
}

static fly_status value_case(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                             uint16_t *reg)
{
    uint16_t left = from;
    uint16_t taken;
    uint16_t value;
    fly_status status = fly__sql_reg_new(c, x->type, reg);
    for (uint32_t i = 0; status == FLY_OK && i + 1 < x->argc; i += 2) {
        status = fly__sql_compile_select(c, x->args[i], left, &taken);
        if (status == FLY_OK) {
            status = fly__sql_compile_value(c, x->args[i + 1], taken, &value);
        }
        if (status == FLY_OK) {
            status = emit_copy(c, taken, *reg, value);
        }
        if (status == FLY_OK) {
            status = emit_sets(c, FLY__SQL_STEP_MINUS, left, taken, &left);
        }
    }
    if (status == FLY_OK) {
        status = fly__sql_compile_value(c, x->args[x->argc - 1], left, &value);
    }
    if (status == FLY_OK) {
        status = emit_copy(c, left, *reg, value);
    }
    return status;
}

static fly_status value_coalesce(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                                 uint16_t *reg)
{
    uint16_t left = from;
    uint16_t found;
    uint16_t value;
    fly_status status = fly__sql_reg_new(c, x->type, reg);
    for (uint32_t i = 0; status == FLY_OK && i < x->argc; i++) {
        status = fly__sql_compile_value(c, x->args[i], left, &value);
        if (status == FLY_OK && i + 1 == x->argc) {
            return emit_copy(c, left, *reg, value);
        }
        if (status == FLY_OK) {
            status = emit_select(c, left,
                                 fly_vec_kernel_test_select(c->exec->isa, FLY_VEC_IS_NOT_NULL), 1,
                                 &value, NULL, 0, &found);
        }
        if (status == FLY_OK) {
            status = emit_copy(c, found, *reg, value);
        }
        if (status == FLY_OK) {
            status = emit_sets(c, FLY__SQL_STEP_MINUS, left, found, &left);
        }
    }
    return status;
}

/* ROW(...) IS NULL: all fields are; ROW(...) IS NOT NULL: none is. */
static fly_status value_row_is_null(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                                    uint16_t *reg)
{
    const fly__sql_expr *row = x->args[0];
    fly_vec_kernel test =
        fly_vec_kernel_test(c->exec->isa, x->flag ? FLY_VEC_IS_NOT_NULL : FLY_VEC_IS_NULL);
    fly_vec_kernel and_ = fly_vec_kernel_logic(c->exec->isa, FLY_VEC_AND);
    for (uint32_t i = 0; i < row->argc; i++) {
        uint16_t value;
        uint16_t one;
        uint16_t both;
        fly_status status = fly__sql_compile_value(c, row->args[i], from, &value);
        if (status == FLY_OK) {
            status = fly__sql_reg_new(c, x->type, &one);
        }
        if (status == FLY_OK) {
            status = fly__sql_emit(c, from, test, one, 1, &value, NULL, 0);
        }
        if (status == FLY_OK && i > 0) {
            status = fly__sql_reg_new(c, x->type, &both);
            uint16_t args[2] = {*reg, one};
            if (status == FLY_OK) {
                status = fly__sql_emit(c, from, and_, both, 2, args, NULL, 0);
            }
            one = both;
        }
        if (status != FLY_OK) {
            return status;
        }
        *reg = one;
    }
    return FLY_OK;
}

/* Tests whose answer is never NULL, as libvec names them. */
static fly_vec_test test_of(const fly__sql_expr *x)
{
    if (x->kind == FLY__SQL_X_IS_NULL || x->truth == 'u') {
        return x->flag ? FLY_VEC_IS_NOT_NULL : FLY_VEC_IS_NULL;
    }
    if (x->truth == 't') {
        return x->flag ? FLY_VEC_IS_NOT_TRUE : FLY_VEC_IS_TRUE;
    }
    return x->flag ? FLY_VEC_IS_NOT_FALSE : FLY_VEC_IS_FALSE;
}

static fly_status value_one(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                            fly_vec_kernel kernel, uint16_t *reg)
{
    uint16_t value;
    fly_status status = fly__sql_compile_value(c, x->args[0], from, &value);
    if (status == FLY_OK) {
        status = fly__sql_reg_new(c, x->type, reg);
    }
    if (status == FLY_OK) {
        status = fly__sql_emit(c, from, kernel, *reg, 1, &value, NULL, x->pos);
    }
    return status;
}

/* ---------------------------------------------------------------------------- sets */

/* IN over constants whose equality is that of their bytes, blanks at the end left out. */
static bool plain_set(const fly__sql_expr *x)
{
    fly__sql_key_kind form = fly__sql_key_kind_of(x->args[0]->type);
    bool padded = form == FLY__SQL_KEY_PADDED;
    if (x->func == NULL || x->func->op != FLY__SQL_OP_EQ || x->argc < 3 ||
        (form != FLY__SQL_KEY_BITS && form != FLY__SQL_KEY_STR && !padded)) {
        return false;
    }
    for (uint32_t i = 1; i < x->argc; i++) {
        const fly_sql_type type = x->args[i]->type;
        if (x->args[i]->kind != FLY__SQL_X_CONST ||
            (padded ? type.oid != FLY_SQL_BPCHAR : !fly__sql_type_equal(type, x->args[0]->type))) {
            return false;
        }
    }
    return true;
}

static fly_status set_of(fly__sql_compiler *c, const fly__sql_expr *x, fly_vec_set **set)
{
    fly_vec values;
    fly_arena scratch;
    fly_arena_init(&scratch, &c->exec->session->account.mem, 0);
    fly_status status = fly__sql_vec_make(&values, x->args[0]->type, x->argc - 1, &scratch, c->err);
    if (status == FLY_OK) {
        for (uint32_t i = 1; i < x->argc; i++) {
            fly_vec_value value = x->args[i]->value;
            if (x->args[0]->type.oid == FLY_SQL_BPCHAR && !value.null) {
                value.str = fly__sql_unpadded(&value.str);
            }
            fly_vec_put(&values, i - 1, &value);
        }
        status = fly_vec_set_create(&values, x->argc - 1, &c->exec->arena, set, c->err);
    }
    fly_arena_deinit(&scratch);
    return status;
}

/* Strings without the blanks at their ends. They go on pointing to the bytes of those with them. */
static int unpad(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel, int n)
{
    const fly_vec *from = &frame->reg[ins->arg[0]];
    fly_vec *dst = &frame->reg[ins->dst];
    dst->kind = FLY_VEC_FLAT;
    for (int i = 0; i < n; i++) {
        uint32_t row = sel != NULL ? sel[i] : (uint32_t)i;
        if (fly_vec_is_null(from, row)) {
            fly_vec_set_null(dst, row);
            continue;
        }
        fly_vec_set_valid(dst, row);
        ((fly_vec_str *)dst->data)[row] = fly__sql_unpadded(fly_vec_at(from, row));
    }
    return 0;
}

static fly_status unpadded(fly__sql_compiler *c, fly_sql_type type, uint16_t from, uint16_t *value)
{
    uint16_t padded = *value;
    fly_status status = fly__sql_reg_new(c, type, value);
    return status == FLY_OK ? fly__sql_emit(c, from, unpad, *value, 1, &padded, NULL, 0) : status;
}

static fly_status in_set(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from, bool select,
                         uint16_t *to)
{
    fly_vec_set *set;
    uint16_t value;
    fly_vec_type type = fly__sql_type_physical(x->args[0]->type);
    fly_status status = set_of(c, x, &set);
    if (status == FLY_OK) {
        status = fly__sql_compile_value(c, x->args[0], from, &value);
    }
    if (status == FLY_OK && x->args[0]->type.oid == FLY_SQL_BPCHAR) {
        status = unpadded(c, x->args[0]->type, from, &value);
    }
    if (status == FLY_OK && select) {
        return emit_select(c, from, fly_vec_kernel_in_select(c->exec->isa, type, x->flag), 1,
                           &value, set, x->pos, to);
    }
    if (status == FLY_OK) {
        status = fly__sql_reg_new(c, x->type, to);
    }
    if (status == FLY_OK) {
        status = fly__sql_emit(c, from, fly_vec_kernel_in(c->exec->isa, type, x->flag), *to, 1,
                               &value, set, x->pos);
    }
    return status;
}

/* -------------------------------------------------------------------------- values */

static fly_status value_of(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                           uint16_t *reg)
{
    switch ((fly__sql_expr_kind)x->kind) {
    case FLY__SQL_X_CONST:
        return value_const(c, x, reg);
    case FLY__SQL_X_COLUMN:
        return value_column(c, x, reg);
    case FLY__SQL_X_PARAM:
        return value_param(c, x, reg);
    case FLY__SQL_X_CALL:
        return value_call(c, x, from, reg);
    case FLY__SQL_X_RELABEL:
        return fly__sql_compile_value(c, x->args[0], from, reg);
    case FLY__SQL_X_AND:
    case FLY__SQL_X_OR:
        return value_logic(c, x, from, reg);
    case FLY__SQL_X_NOT:
        return value_one(c, x, from, fly_vec_kernel_logic(c->exec->isa, FLY_VEC_NOT), reg);
    case FLY__SQL_X_IS_NULL:
        if (x->args[0]->kind == FLY__SQL_X_ROW && x->args[0]->argc > 0) {
            return value_row_is_null(c, x, from, reg);
        }
        return value_one(c, x, from, fly_vec_kernel_test(c->exec->isa, test_of(x)), reg);
    case FLY__SQL_X_IS_TRUTH:
        return value_one(c, x, from, fly_vec_kernel_test(c->exec->isa, test_of(x)), reg);
    case FLY__SQL_X_CASE:
        return value_case(c, x, from, reg);
    case FLY__SQL_X_COALESCE:
        return value_coalesce(c, x, from, reg);
    case FLY__SQL_X_IN:
        if (plain_set(x)) {
            return in_set(c, x, from, false, reg);
        }
        return fly__sql_row_value(c, x, from, reg);
    default:
        return fly__sql_row_value(c, x, from, reg);
    }
}

fly_status fly__sql_compile_value(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                                  uint16_t *reg)
{
    if (c->exec->depth >= FLY__SQL_DEPTH_MAX) {
        return fly_err_state(c->err, "54001", x->pos, "stack depth limit exceeded");
    }
    c->exec->depth++;
    fly_status status = value_of(c, x, from, reg);
    c->exec->depth--;
    return status;
}

/* ---------------------------------------------------------------------- selections */

/* About how much work an expression is for a row, so that the cheap ones go first. */
static uint32_t weight(const fly__sql_expr *x)
{
    enum { OWN = 1, STRING = 4, SET = 6, ROW_BY_ROW = 20, PLAN = 1000 };
    uint32_t sum = 0;
    for (uint32_t i = 0; i < x->argc; i++) {
        sum += weight(x->args[i]);
    }
    bool string = x->argc > 0 && fly__sql_type_physical(x->args[0]->type) == FLY_VEC_STR;
    switch ((fly__sql_expr_kind)x->kind) {
    case FLY__SQL_X_CONST:
    case FLY__SQL_X_COLUMN:
    case FLY__SQL_X_PARAM:
        return 0;
    case FLY__SQL_X_CALL:
        return sum + (x->func->op == FLY__SQL_OP_LIKE ? SET + STRING
                      : x->func->op != 0              ? (string ? STRING : OWN)
                                                      : ROW_BY_ROW);
    case FLY__SQL_X_IN:
        return sum + SET;
    case FLY__SQL_X_SUBQUERY:
        return PLAN;
    case FLY__SQL_X_AND:
    case FLY__SQL_X_OR:
    case FLY__SQL_X_NOT:
    case FLY__SQL_X_IS_NULL:
    case FLY__SQL_X_IS_TRUTH:
        return sum + OWN;
    default:
        return sum + ROW_BY_ROW;
    }
}

/* Conditions of which none can fail may be asked in any order: those that cost less first. */
static fly_status order_by_weight(fly__sql_compiler *c, const fly__sql_expr *x,
                                  const fly__sql_expr ***ordered)
{
    *ordered = fly_arena_alloc(&c->exec->arena, x->argc * sizeof **ordered);
    if (*ordered == NULL) {
        return no_memory(c->err);
    }
    bool free = true;
    for (uint32_t i = 0; i < x->argc; i++) {
        free = free && !x->args[i]->raises && !x->args[i]->volatile_;
    }
    for (uint32_t i = 0; i < x->argc; i++) {
        uint32_t at = i;
        while (free && at > 0 && weight((*ordered)[at - 1]) > weight(x->args[i])) {
            (*ordered)[at] = (*ordered)[at - 1];
            at--;
        }
        (*ordered)[at] = x->args[i];
    }
    return FLY_OK;
}

static fly_status select_and(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                             uint16_t *to)
{
    const fly__sql_expr **ordered;
    fly_status status = order_by_weight(c, x, &ordered);
    *to = from;
    for (uint32_t i = 0; status == FLY_OK && i < x->argc; i++) {
        status = fly__sql_compile_select(c, ordered[i], *to, to);
    }
    return status;
}

static fly_status select_or(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                            uint16_t *to)
{
    uint16_t left = from;
    uint16_t part;
    fly_status status = fly__sql_compile_select(c, x->args[0], from, to);
    for (uint32_t i = 1; status == FLY_OK && i < x->argc; i++) {
        status = emit_sets(c, FLY__SQL_STEP_MINUS, left, i == 1 ? *to : part, &left);
        if (status == FLY_OK) {
            status = fly__sql_compile_select(c, x->args[i], left, &part);
        }
        if (status == FLY_OK) {
            status = emit_sets(c, FLY__SQL_STEP_UNION, *to, part, to);
        }
    }
    return status;
}

static fly_status select_test(fly__sql_compiler *c, const fly__sql_expr *arg, uint16_t from,
                              fly_vec_test test, uint16_t *to)
{
    uint16_t value;
    fly_status status = fly__sql_compile_value(c, arg, from, &value);
    if (status == FLY_OK) {
        status = emit_select(c, from, fly_vec_kernel_test_select(c->exec->isa, test), 1, &value,
                             NULL, arg->pos, to);
    }
    return status;
}

/* A call whose function has a kernel that selects; FLY_E_NOT_FOUND if it has none. */
static fly_status select_call(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                              uint16_t *to)
{
    fly_sql_type *types;
    const void *aux = NULL;
    fly_vec_kernel kernel = NULL;
    fly_status status = arg_types(c, x, &types);
    if (status != FLY_OK) {
        return status;
    }
    if (x->func->select != NULL) {
        kernel = x->func->select(x->func, types, x->argc, &c->exec->arena, &aux);
    }
    if (kernel == NULL) {
        kernel = compare_kernel(c, x, true);
    }
    if (kernel == NULL) {
        return FLY_E_NOT_FOUND;
    }
    uint16_t *args;
    status = fly__sql_compile_args(c, x, from, &args);
    if (status == FLY_OK) {
        status = emit_select(c, from, kernel, x->argc, args, aux, x->pos, to);
    }
    return status;
}

static fly_status select_of(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                            uint16_t *to)
{
    switch ((fly__sql_expr_kind)x->kind) {
    case FLY__SQL_X_CONST:
        if (!x->value.null && x->value.b) {
            *to = from;
            return FLY_OK;
        }
        break;
    case FLY__SQL_X_AND:
        return select_and(c, x, from, to);
    case FLY__SQL_X_OR:
        return select_or(c, x, from, to);
    case FLY__SQL_X_NOT:
        return select_test(c, x->args[0], from, FLY_VEC_IS_FALSE, to);
    case FLY__SQL_X_IS_NULL:
        if (x->args[0]->kind == FLY__SQL_X_ROW) {
            break;
        }
        return select_test(c, x->args[0], from, test_of(x), to);
    case FLY__SQL_X_IS_TRUTH:
        return select_test(c, x->args[0], from, test_of(x), to);
    case FLY__SQL_X_IN:
        if (plain_set(x)) {
            return in_set(c, x, from, true, to);
        }
        break;
    case FLY__SQL_X_CALL: {
        fly_status status = select_call(c, x, from, to);
        if (status != FLY_E_NOT_FOUND) {
            return status;
        }
        break;
    }
    default:
        break;
    }
    return select_test(c, x, from, FLY_VEC_IS_TRUE, to);
}

fly_status fly__sql_compile_select(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                                   uint16_t *to)
{
    if (c->exec->depth >= FLY__SQL_DEPTH_MAX) {
        return fly_err_state(c->err, "54001", x->pos, "stack depth limit exceeded");
    }
    c->exec->depth++;
    fly_status status = select_of(c, x, from, to);
    c->exec->depth--;
    return status;
}

/* ---------------------------------------------------------------- whole programs */

static fly_status program_new(fly__sql_compiler *c)
{
    fly__sql_program *p = fly__sql_alloc(&c->exec->arena, 1, sizeof *p, c->err);
    if (p == NULL) {
        return FLY_E_NO_MEMORY;
    }
    p->exec = c->exec;
    fly_arena_init(&p->arena, &c->exec->session->account.mem, 1024);
    p->chain = c->exec->programs;
    c->exec->programs = p;
    c->program = p;
    uint16_t all;
    return sel_new(c, &all);
}

/* Lists do not move any more: let instructions point into them. */
static void settle(fly__sql_program *p)
{
    for (uint32_t i = 0; i < p->step_count; i++) {
        fly_vec_ins *ins = &p->steps[i].ins;
        if (ins->argc <= 4) {
            ins->args = ins->arg;
        }
    }
}

fly_status fly__sql_program_values(fly__sql_exec *exec, const fly__sql_ports *scope,
                                   fly__sql_expr *const *exprs, uint32_t count,
                                   fly__sql_program **program, fly_err *err)
{
    fly__sql_compiler c = {.exec = exec, .scope = scope, .err = err};
    fly_status status = program_new(&c);
    if (status != FLY_OK) {
        return status;
    }
    c.program->results = fly_arena_alloc(&exec->arena, (count + 1) * sizeof(uint16_t));
    if (c.program->results == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < count; i++) {
        status = fly__sql_compile_value(&c, exprs[i], 0, &c.program->results[i]);
        if (status != FLY_OK) {
            return status;
        }
    }
    c.program->result_count = count;
    settle(c.program);
    *program = c.program;
    return FLY_OK;
}

fly_status fly__sql_program_select(fly__sql_exec *exec, const fly__sql_ports *scope,
                                   const fly__sql_expr *condition, fly__sql_program **program,
                                   fly_err *err)
{
    fly__sql_compiler c = {.exec = exec, .scope = scope, .err = err};
    fly_status status = program_new(&c);
    if (status == FLY_OK) {
        status = fly__sql_compile_select(&c, condition, 0, &c.program->chosen);
    }
    if (status == FLY_OK) {
        settle(c.program);
        *program = c.program;
    }
    return status;
}

void fly__sql_program_deinit(fly__sql_program *program)
{
    fly_arena_deinit(&program->arena);
}

/* ------------------------------------------------------------------------- running */

/* Registers begin small, for plans that only ever see a row or two, and become large once. */
static fly_status make_room(fly__sql_program *p, uint32_t count, fly_err *err)
{
    if (FLY_LIKELY(count <= p->capacity)) {
        return FLY_OK;
    }
    uint32_t capacity = count <= 64 ? 64 : FLY_VEC_CAPACITY;
    fly_arena *arena = &p->exec->arena;
    for (uint32_t i = 0; i < p->reg_count; i++) {
        if (!p->computed[i]) {
            continue;
        }
        fly_vec fresh;
        fly_status status =
            fly_vec_init(&fresh, (fly_vec_type)p->reg[i].type, capacity, arena, err);
        if (status != FLY_OK) {
            return status;
        }
        fresh.scale = p->reg[i].scale;
        p->reg[i] = fresh;
    }
    for (uint32_t i = 1; i < p->sel_count; i++) {
        p->sels[i].buffer = fly_arena_alloc(arena, (capacity + 8) * sizeof(fly_vec_sel));
        if (p->sels[i].buffer == NULL) {
            return no_memory(err);
        }
    }
    p->capacity = capacity;
    return FLY_OK;
}

int fly__sql_sel_union(const fly__sql_selreg *a, const fly__sql_selreg *b, fly_vec_sel *out)
{
    /* Without a list it is everything, and then the other part is nothing. */
    const fly__sql_selreg *all = a->sel == NULL && a->n > 0   ? a
                                 : b->sel == NULL && b->n > 0 ? b
                                                              : NULL;
    if (all != NULL) {
        for (uint32_t i = 0; i < all->n; i++) {
            out[i] = (fly_vec_sel)i;
        }
        return (int)all->n;
    }
    return fly_vec_sel_union(a->sel, (int)a->n, b->sel, (int)b->n, out);
}

/* Whether a run got its error from an instruction that did not say where it stands. */
static fly_status failed(const fly_vec_ins *ins, fly_err *err)
{
    if (err == NULL) {
        return FLY_E_INVALID;
    }
    if (err->position == 0) {
        err->position = ins->pos;
    }
    return err->status != FLY_OK ? err->status : FLY_E_INVALID;
}

static fly_status run_steps(fly__sql_program *p, fly_err *err)
{
    fly_vec_frame frame = {.reg = p->reg, .arena = &p->arena, .ctx = p, .err = err};
    for (uint32_t i = 0; i < p->step_count; i++) {
        fly__sql_step *step = &p->steps[i];
        const fly__sql_selreg *from = &p->sels[step->from];
        fly__sql_selreg *to = &p->sels[step->to];
        switch (step->kind) {
        case FLY__SQL_STEP_VALUE:
            if (from->n > 0 && step->ins.kernel(&frame, &step->ins, from->sel, (int)from->n) < 0) {
                return failed(&step->ins, err);
            }
            break;
        case FLY__SQL_STEP_SELECT: {
            int n = 0;
            step->ins.out = to->buffer;
            if (from->n > 0) {
                n = step->ins.kernel(&frame, &step->ins, from->sel, (int)from->n);
            }
            if (n < 0) {
                return failed(&step->ins, err);
            }
            to->sel = to->buffer;
            to->n = (uint32_t)n;
            break;
        }
        case FLY__SQL_STEP_MINUS: {
            const fly__sql_selreg *part = &p->sels[step->other];
            to->n = (uint32_t)fly__sql_sel_minus(from, part, to->buffer);
            to->sel = to->buffer;
            break;
        }
        default: {
            const fly__sql_selreg *part = &p->sels[step->other];
            to->n = (uint32_t)fly__sql_sel_union(from, part, to->buffer);
            to->sel = to->buffer;
            break;
        }
        }
    }
    return FLY_OK;
}

static fly_status run(fly__sql_program *p, const fly__sql_inputs *inputs, const fly_vec_sel *sel,
                      uint32_t n, uint32_t count, fly_err *err)
{
    fly_status status = make_room(p, count, err);
    if (status != FLY_OK) {
        return status;
    }
    for (uint32_t i = 0; i < p->input_count; i++) {
        const fly__sql_input *input = &p->inputs[i];
        p->reg[input->reg] = inputs->parts[input->part][input->index];
        p->reg[input->reg].scale = input->scale;
    }
    for (uint32_t i = 0; i < p->cell_count; i++) {
        p->reg[p->cells[i].reg].valid =
            p->cells[i].cell->null ? (uint64_t *)(uintptr_t)&fly__sql_no_bits : NULL;
    }
    fly_arena_reset(&p->arena);
    p->sels[0].sel = sel;
    p->sels[0].n = n;
    return run_steps(p, err);
}

fly_status fly__sql_program_run(fly__sql_program *program, const fly__sql_inputs *inputs,
                                const fly_vec_sel *sel, uint32_t n, uint32_t count, fly_err *err)
{
    fly_err own;
    own.status = FLY_OK;
    own.position = 0;
    return run(program, inputs, sel, n, count, err != NULL ? err : &own);
}

const fly_vec *fly__sql_program_result(const fly__sql_program *program, uint32_t i)
{
    FLY_ASSERT(i < program->result_count);
    return &program->reg[program->results[i]];
}

fly_status fly__sql_program_test(fly__sql_program *program, const fly__sql_inputs *inputs,
                                 const fly_vec_sel *sel, uint32_t n, uint32_t count,
                                 const fly_vec_sel **out, uint32_t *m, fly_err *err)
{
    fly_status status = fly__sql_program_run(program, inputs, sel, n, count, err);
    if (status == FLY_OK) {
        *out = program->sels[program->chosen].sel;
        *m = program->sels[program->chosen].n;
    }
    return status;
}
