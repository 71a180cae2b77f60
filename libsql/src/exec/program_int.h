/*
 * The inside of programs, for the files that compile and run them.
 */
#ifndef FLY_SQL_EXEC_PROGRAM_INT_H
#define FLY_SQL_EXEC_PROGRAM_INT_H

#include "exec/op_int.h"

typedef enum fly__sql_step_kind {
    FLY__SQL_STEP_VALUE,
    FLY__SQL_STEP_SELECT, /* to = positions of from where the kernel says so */
    FLY__SQL_STEP_MINUS,  /* to = from without other */
    FLY__SQL_STEP_UNION   /* to = from and other */
} fly__sql_step_kind;

typedef struct fly__sql_step {
    uint8_t kind;
    uint16_t from, to, other; /* selection registers */
    fly_vec_ins ins;
} fly__sql_step;

/* A selection register: `n` positions, sel NULL: 0 to n - 1. */
typedef struct fly__sql_selreg {
    const fly_vec_sel *sel;
    fly_vec_sel *buffer; /* the register's own; register 0 has none */
    uint32_t n;
} fly__sql_selreg;

typedef struct fly__sql_input {
    uint16_t reg;
    uint8_t part;
    uint8_t scale;
    uint32_t index;
} fly__sql_input;

/* A CONST register over a value that may change between runs. */
typedef struct fly__sql_cell {
    uint16_t reg;
    fly_vec_value *cell;
} fly__sql_cell;

struct fly__sql_program {
    fly__sql_exec *exec;
    fly__sql_program *chain;
    fly_vec *reg;
    bool *computed; /* which registers have memory of their own */
    fly__sql_step *steps;
    fly__sql_selreg *sels;
    fly__sql_input *inputs;
    fly__sql_cell *cells;
    uint16_t *results;
    uint32_t reg_count, reg_room, computed_room;
    uint32_t step_count, step_room;
    uint32_t sel_count, sel_room;
    uint32_t input_count, input_room;
    uint32_t cell_count, cell_room;
    uint32_t result_count;
    uint16_t chosen;   /* of a condition: the selection register with the outcome */
    uint32_t capacity; /* of computed registers */
    fly_arena arena;   /* bytes of results: emptied by each run */
};

typedef struct fly__sql_compiler {
    fly__sql_exec *exec;
    fly__sql_program *program;
    const fly__sql_ports *scope;
    fly_err *err;
} fly__sql_compiler;

extern const uint64_t fly__sql_no_bits; /* validity of a CONST that is NULL */

fly_status fly__sql_compile_value(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                                  uint16_t *reg);
fly_status fly__sql_compile_select(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                                   uint16_t *to);
fly_status fly__sql_compile_args(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                                 uint16_t **args);
fly_status fly__sql_reg_new(fly__sql_compiler *c, fly_sql_type type, uint16_t *reg);
fly_status fly__sql_reg_cell(fly__sql_compiler *c, fly_vec_type type, uint8_t scale,
                             fly_vec_value *cell, uint16_t *reg);
fly_status fly__sql_emit(fly__sql_compiler *c, uint16_t from, fly_vec_kernel kernel, uint16_t dst,
                         uint32_t argc, const uint16_t *args, const void *aux, uint32_t pos);

/* What the kernel that works row by row is prepared with. */
typedef struct fly__sql_rowcall fly__sql_rowcall;
typedef fly_status (*fly__sql_row_eval)(fly__sql_rowcall *rc, const fly_vec_value *args,
                                        fly_vec_value *result);

struct fly__sql_rowcall {
    fly__sql_row_eval eval;
    fly__sql_call call;
    const fly__sql_expr *x;
    fly__sql_exec *exec;
    fly_vec_value *args;
    fly_vec_value *pair; /* two values for a comparison in between */
    bool strict;
    bool constant; /* may be evaluated once if all arguments are constant */
    void *memo;
    uint64_t run_number; /* SESSION: of the statement that `once` is from */
    fly_vec_value *once;
    fly__sql_sub *sub;
    fly__sql_colid *ids; /* SUBQUERY: the columns that args are */
    uint8_t form;
    fly__sql_call *pair_calls; /* ROW_COMPARE */
};

/* program_array.c: arrays and composites. */
fly_status fly__sql_eval_shape(fly__sql_rowcall *rc, const fly_vec_value *args,
                               fly_vec_value *result);
fly_status fly__sql_eval_any(fly__sql_rowcall *rc, const fly_vec_value *args,
                             fly_vec_value *result);
fly_status fly__sql_eval_array(fly__sql_rowcall *rc, const fly_vec_value *args,
                               fly_vec_value *result);
fly_status fly__sql_eval_subscript(fly__sql_rowcall *rc, const fly_vec_value *args,
                                   fly_vec_value *result);
fly_status fly__sql_eval_row(fly__sql_rowcall *rc, const fly_vec_value *args,
                             fly_vec_value *result);
fly_status fly__sql_eval_field(fly__sql_rowcall *rc, const fly_vec_value *args,
                               fly_vec_value *result);
fly_status fly__sql_call_pair(fly__sql_rowcall *rc, fly__sql_call *call, const fly_vec_value *a,
                              const fly_vec_value *b, fly_vec_value *result);

/* program_row.c: what is evaluated row by row. */
fly_status fly__sql_row_call(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                             const fly_sql_type *types, const uint16_t *args, uint16_t *reg);
fly_status fly__sql_row_value(fly__sql_compiler *c, const fly__sql_expr *x, uint16_t from,
                              uint16_t *reg);

void fly__sql_program_deinit(fly__sql_program *program);

static inline int fly__sql_sel_minus(const fly__sql_selreg *all, const fly__sql_selreg *part,
                                     fly_vec_sel *out)
{
    if (part->sel == NULL && part->n > 0) { /* the part is all there is */
        return 0;
    }
    return fly_vec_sel_minus(all->sel, (int)all->n, part->sel, (int)part->n, out);
}

int fly__sql_sel_union(const fly__sql_selreg *a, const fly__sql_selreg *b, fly_vec_sel *out);

#endif
