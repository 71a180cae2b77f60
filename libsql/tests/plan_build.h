/*
 * Plans built by hand, for tests of the executor: every function here allocates in one arena and cannot
 * fail but by stopping the test.
 */
#ifndef FLY_SQL_PLAN_BUILD_H
#define FLY_SQL_PLAN_BUILD_H

#include "exec/exec_int.h"

#include <fly/base_check.h>

#include <stdio.h>
#include <string.h>

typedef struct builder {
    fly_env env;
    fly_sql_session session;
    fly_arena arena;
    fly__sql_colid next;
    fly_err err;
} builder;

static inline void build_begin(builder *b)
{
    memset(b, 0, sizeof *b);
    fly_env_init(&b->env);
    b->session.env = &b->env;
    fly_account_init(&b->session.account, b->env.mem, "session", 0);
    fly_account_init(&b->session.query, &b->session.account.mem, "query", 0);
    fly_arena_init(&b->arena, &b->session.account.mem, 0);
    b->next = 1;
}

static inline void build_end(builder *b)
{
    fly_arena_deinit(&b->arena);
    fly_account_deinit(&b->session.query);
    fly_account_deinit(&b->session.account);
}

static inline void *make(builder *b, size_t size)
{
    uint8_t *block = fly_arena_alloc(&b->arena, size + 16);
    ck_assert_ptr_nonnull(block);
    block += (16 - (uintptr_t)block % 16) % 16;
    memset(block, 0, size);
    return block;
}

static inline fly__sql_rel *rel_new(builder *b, uint8_t kind, uint32_t columns, fly__sql_rel *left,
                                    fly__sql_rel *right)
{
    fly__sql_rel *rel = make(b, sizeof *rel);
    rel->kind = kind;
    rel->column_count = columns;
    rel->columns = make(b, (columns + 1) * sizeof *rel->columns);
    rel->left = left;
    rel->right = right;
    return rel;
}

static inline fly__sql_expr *expr_new(builder *b, uint8_t kind, uint32_t oid, uint32_t argc,
                                      fly__sql_expr *a, fly__sql_expr *c)
{
    fly__sql_expr *x = make(b, sizeof *x);
    x->kind = kind;
    x->type = fly__sql_type(oid);
    x->argc = argc;
    x->args = make(b, (argc + 1) * sizeof *x->args);
    if (argc > 0) {
        x->args[0] = a;
    }
    if (argc > 1) {
        x->args[1] = c;
    }
    return x;
}

/* An int4 constant; INT_NULL is NULL. */
enum { INT_NULL = -2147483647 };
static inline fly__sql_expr *number(builder *b, int32_t value)
{
    fly__sql_expr *x = expr_new(b, FLY__SQL_X_CONST, FLY_SQL_INT4, 0, NULL, NULL);
    x->value.i32 = value;
    x->value.null = value == INT_NULL;
    return x;
}

static inline fly__sql_expr *column(builder *b, const fly__sql_rel *rel, uint32_t i)
{
    fly__sql_expr *x = expr_new(b, FLY__SQL_X_COLUMN, rel->columns[i].type.oid, 0, NULL, NULL);
    x->column = rel->columns[i].id;
    return x;
}

/* An operator on int4s. */
static inline fly__sql_expr *op(builder *b, const char *symbol, fly__sql_expr *left,
                                fly__sql_expr *right)
{
    size_t count;
    const fly__sql_func *ops = fly__sql_operators(symbol, &count);
    for (size_t i = 0; i < count; i++) {
        if (ops[i].argc == 2 && ops[i].args[0] == left->type.oid &&
            ops[i].args[1] == right->type.oid) {
            fly__sql_expr *x = expr_new(b, FLY__SQL_X_CALL, ops[i].result, 2, left, right);
            x->func = &ops[i];
            x->raises = ops[i].can_raise;
            return x;
        }
    }
    ck_abort_msg("no operator %s", symbol);
}

/* VALUES of int4: rows * columns numbers. */
static inline fly__sql_rel *values(builder *b, uint32_t columns, uint32_t rows, const int32_t *n)
{
    fly__sql_rel *rel = rel_new(b, FLY__SQL_R_VALUES, columns, NULL, NULL);
    for (uint32_t c = 0; c < columns; c++) {
        rel->columns[c] = (fly__sql_colref){
            .id = b->next++, .type = fly__sql_type(FLY_SQL_INT4), .nullable = true};
    }
    rel->values.row_count = rows;
    rel->values.rows = make(b, (rows + 1) * sizeof *rel->values.rows);
    for (uint32_t r = 0; r < rows; r++) {
        rel->values.rows[r] = make(b, (columns + 1) * sizeof(fly__sql_expr *));
        for (uint32_t c = 0; c < columns; c++) {
            rel->values.rows[r][c] = number(b, n[r * columns + c]);
        }
    }
    return rel;
}

/* A node that passes its input's columns on. */
static inline fly__sql_rel *over(builder *b, uint8_t kind, fly__sql_rel *left)
{
    fly__sql_rel *rel = rel_new(b, kind, left->column_count, left, NULL);
    memcpy(rel->columns, left->columns, left->column_count * sizeof *rel->columns);
    return rel;
}

static inline fly__sql_rel *filter(builder *b, fly__sql_rel *left, fly__sql_expr *condition)
{
    fly__sql_rel *rel = over(b, FLY__SQL_R_FILTER, left);
    rel->filter.condition = condition;
    return rel;
}

static inline fly__sql_rel *project(builder *b, fly__sql_rel *left, uint32_t count,
                                    fly__sql_expr **exprs)
{
    fly__sql_rel *rel = rel_new(b, FLY__SQL_R_PROJECT, count, left, NULL);
    rel->project.exprs = exprs;
    for (uint32_t i = 0; i < count; i++) {
        rel->columns[i] = (fly__sql_colref){.id = b->next++, .type = exprs[i]->type};
    }
    return rel;
}

static inline fly__sql_rel *join(builder *b, fly__sql_join_kind kind, fly__sql_rel *left,
                                 fly__sql_rel *right, fly__sql_expr *condition)
{
    bool pairs = kind <= FLY__SQL_JOIN_FULL || kind == FLY__SQL_JOIN_SINGLE;
    bool mark = kind == FLY__SQL_JOIN_MARK;
    uint32_t columns = left->column_count + (pairs ? right->column_count : mark);
    fly__sql_rel *rel = rel_new(b, FLY__SQL_R_JOIN, columns, left, right);
    memcpy(rel->columns, left->columns, left->column_count * sizeof *rel->columns);
    if (pairs) {
        memcpy(rel->columns + left->column_count, right->columns,
               right->column_count * sizeof *rel->columns);
    } else if (mark) {
        rel->join.mark = b->next++;
        rel->columns[left->column_count] =
            (fly__sql_colref){.id = rel->join.mark, .type = fly__sql_type(FLY_SQL_BOOL)};
    }
    rel->join.join = kind;
    rel->join.condition = condition;
    return rel;
}

static inline fly__sql_rel *sorted(builder *b, fly__sql_rel *left, uint32_t count)
{
    fly__sql_rel *rel = over(b, FLY__SQL_R_SORT, left);
    rel->sort.count = count;
    rel->sort.keys = make(b, count * sizeof *rel->sort.keys);
    for (uint32_t i = 0; i < count; i++) {
        rel->sort.keys[i].expr = column(b, left, i);
    }
    return rel;
}

/* Run, and give the rows as text: "1,2 3,NULL". On failure "!" and the SQLSTATE. */
static inline const char *run_plan(builder *b, fly__sql_rel *root, uint32_t batch_rows, char *text,
                                   size_t size)
{
    fly__sql_plan plan = {.root = root,
                          .column_count = root->column_count,
                          .columns = root->columns,
                          .next_id = b->next,
                          .tag = "SELECT"};
    fly__sql_exec *exec;
    memset(&b->err, 0, sizeof b->err);
    text[0] = 0;
    fly_status status = fly__sql_exec_create(&b->session, &plan, &exec, &b->err);
    if (status != FLY_OK) {
        (void)snprintf(text, size, "!%s %s", b->err.sqlstate, b->err.message);
        return text;
    }
    fly__sql_exec_batch_rows(exec, batch_rows);
    size_t at = 0;
    /* Twice: an instance may be opened again, and says the same. */
    for (int round = 0; round < 2; round++) {
        at = 0;
        text[0] = 0;
        status = fly__sql_exec_open(exec, NULL, &b->err);
        while (status == FLY_OK) {
            fly_vec_batch *batch;
            status = fly__sql_exec_next(exec, 0, &batch, &b->err);
            for (uint32_t k = 0; status == FLY_OK && k < fly_vec_batch_rows(batch); k++) {
                uint32_t row = batch->selected < 0 ? k : batch->sel[k];
                for (uint32_t c = 0; c < batch->columns && at + 32 < size; c++) {
                    fly_vec_value v = fly_vec_get(&batch->col[c], row);
                    const char *comma = c > 0 ? "," : at > 0 ? " " : "";
                    if (v.null) {
                        at += (size_t)snprintf(text + at, size - at, "%sNULL", comma);
                        continue;
                    }
                    long long n = batch->col[c].type == FLY_VEC_I32    ? v.i32
                                  : batch->col[c].type == FLY_VEC_BOOL ? v.b
                                                                       : v.i64;
                    at += (size_t)snprintf(text + at, size - at, "%s%lld", comma, n);
                }
            }
        }
        if (status != FLY_E_END) {
            (void)snprintf(text, size, "!%s", b->err.sqlstate);
        }
    }
    fly__sql_exec_destroy(exec);
    return text;
}

#endif
