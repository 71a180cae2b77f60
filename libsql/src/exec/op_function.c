/*
 * Functions that return rows: in FROM, side by side, and in the select list.
 *
 * Both run several set functions in step. A function that has ended gives NULLs until all have ended;
 * in the select list, expressions that return no set are repeated.
 */
#include "exec/op_int.h"
#include "types/row_int.h"

#include <string.h>

/* One running set function, or a scalar expression that stands for one row. */
typedef struct stream {
    const fly__sql_func *func; /* NULL: scalar */
    fly__sql_call call;
    void *memo;
    void *state;
    fly_vec_value *args;
    uint32_t argc, first_arg; /* among the results of the program */
    uint32_t width, column;   /* of the output */
    bool record;              /* in a select list: its columns are one value */
    fly_vec_value whole;
    bool open, ended;
    fly_vec_value *row;
} stream;

typedef struct streams {
    fly__sql_exec *exec;
    stream *list;
    uint32_t count;
    fly_arena arena; /* of states and their rows: emptied for each opening */
} streams;

static void streams_close(streams *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        stream *one = &s->list[i];
        if (one->open && one->func != NULL && one->func->set->close != NULL) {
            one->func->set->close(&one->call, one->state);
        }
        one->open = false;
    }
}

/* Begin all with arguments from row `row` of a program's results. */
static fly_status streams_open(streams *s, const fly__sql_program *program, uint32_t row,
                               fly_err *err)
{
    streams_close(s);
    fly_arena_reset(&s->arena);
    for (uint32_t i = 0; i < s->count; i++) {
        stream *one = &s->list[i];
        bool null = false;
        one->ended = false;
        for (uint32_t a = 0; a < one->argc; a++) {
            fly_vec_value value =
                fly__sql_get(fly__sql_program_result(program, one->first_arg + a), row);
            fly_vec_type type =
                (fly_vec_type)fly__sql_program_result(program, one->first_arg + a)->type;
            fly_status status = fly__sql_value_copy(type, &value, &s->arena, &one->args[a], err);
            if (status != FLY_OK) {
                return status;
            }
            null |= value.null;
        }
        if (one->func == NULL) {
            continue;
        }
        if (null && one->func->strict) {
            one->ended = true;
            continue;
        }
        one->call.arena = &s->arena;
        one->call.err = err;
        one->state = fly__sql_alloc(&s->arena, 1, one->func->set->state_size + 1, err);
        if (one->state == NULL) {
            return FLY_E_NO_MEMORY;
        }
        fly_status status = one->func->set->open(&one->call, one->state, one->args);
        if (status == FLY_E_END) {
            one->ended = true;
            continue;
        }
        if (status != FLY_OK) {
            return status;
        }
        one->open = true;
    }
    return FLY_OK;
}

/* The next row of all; FLY_E_END when every set has ended. `single` is a first row for streams that are
 * all scalar. */
static fly_status streams_next(streams *s, bool first, fly_err *err)
{
    bool any = false;
    for (uint32_t i = 0; i < s->count; i++) {
        stream *one = &s->list[i];
        if (one->func == NULL || one->ended) {
            continue;
        }
        memset(one->row, 0, one->width * sizeof *one->row);
        one->call.err = err;
        fly_status status = one->func->set->next(&one->call, one->state, one->row);
        if (status == FLY_E_END) {
            one->ended = true;
        } else if (status != FLY_OK) {
            return status;
        } else {
            any = true;
        }
    }
    for (uint32_t i = 0; i < s->count; i++) {
        any |= s->list[i].func == NULL && first;
    }
    return any ? FLY_OK : FLY_E_END;
}

/* `columns` says what a call in FROM must give; NULL: it stands in a select list. There a function of a
 * user's that returns no set is one value, in FROM it may be several columns. */
static fly_status stream_make(fly__sql_exec *exec, const fly__sql_expr *x,
                              const fly__sql_colref *columns, stream *one, fly_err *err)
{
    bool set = x->kind == FLY__SQL_X_CALL && x->func->set != NULL &&
               (columns != NULL || x->func->kind != FLY__SQL_USER ||
                ((const fly__sql_user_function *)x->func->user)->returns_set);
    if (!set) {
        one->argc = 1;
    } else {
        one->func = x->func;
        one->argc = x->argc;
        fly_sql_type *types = fly__sql_alloc(&exec->arena, x->argc, sizeof *types, err);
        if (types == NULL) {
            return FLY_E_NO_MEMORY;
        }
        for (uint32_t i = 0; i < x->argc; i++) {
            types[i] = x->args[i]->type;
        }
        one->call = (fly__sql_call){.session = exec->session,
                                    .func = x->func,
                                    .types = types,
                                    .result = x->type,
                                    .argc = x->argc,
                                    .pos = x->pos,
                                    .memo = &one->memo,
                                    .memo_arena = &exec->arena};
        const fly__sql_set_function *own = x->func->set;
        if (columns == NULL && own->columns > 1) {
            fly_sql_type *made = fly__sql_alloc(&exec->arena, own->columns, sizeof *made, err);
            if (made == NULL) {
                return FLY_E_NO_MEMORY;
            }
            for (uint32_t i = 0; i < own->columns; i++) {
                made[i] = fly__sql_type(own->types[i]);
            }
            one->record = true;
            one->width = own->columns;
            one->call.columns = made;
            one->call.column_count = own->columns;
        }
        if (columns != NULL) {
            fly_sql_type *wanted = fly__sql_alloc(&exec->arena, one->width, sizeof *wanted, err);
            if (wanted == NULL) {
                return FLY_E_NO_MEMORY;
            }
            for (uint32_t i = 0; i < one->width; i++) {
                wanted[i] = columns[i].type;
            }
            one->call.columns = wanted;
            one->call.column_count = one->width;
        }
    }
    one->args = fly__sql_alloc(&exec->arena, one->argc, sizeof *one->args, err);
    one->row = fly__sql_alloc(&exec->arena, one->width + 1, sizeof *one->row, err);
    return one->args != NULL && one->row != NULL ? FLY_OK : FLY_E_NO_MEMORY;
}

/* ------------------------------------------------------------------------------- FROM */

typedef struct function_op {
    fly__sql_op op;
    streams streams;
    fly__sql_program *args;
    bool begun;
    int64_t ordinal;
    fly_arena arena;
} function_op;

static fly_status function_open(fly__sql_op *op, fly_err *err)
{
    function_op *f = (function_op *)op;
    fly__sql_inputs none = {{NULL}};
    f->begun = false;
    f->ordinal = 0;
    fly_status status = fly__sql_program_run(f->args, &none, NULL, 1, 1, err);
    return status == FLY_OK ? streams_open(&f->streams, f->args, 0, err) : status;
}

static fly_status function_row(function_op *f, uint32_t at, fly_err *err)
{
    fly_vec_batch *out = &f->op.out;
    fly_vec_value null;
    memset(&null, 0, sizeof null);
    null.null = true;
    for (uint32_t i = 0; i < f->streams.count; i++) {
        const stream *one = &f->streams.list[i];
        for (uint32_t w = 0; w < one->width && one->column + w < out->columns; w++) {
            fly_vec *v = &out->col[one->column + w];
            const fly_vec_value *from = one->func == NULL ? &one->args[0] : &one->row[w];
            bool absent = one->func == NULL ? f->ordinal > 0 : one->ended;
            fly_vec_value value;
            fly_status status = fly__sql_value_copy((fly_vec_type)v->type, absent ? &null : from,
                                                    &f->arena, &value, err);
            if (status != FLY_OK) {
                return status;
            }
            fly_vec_put(v, at, &value);
        }
    }
    f->ordinal++;
    if (f->op.rel->function.ordinality) {
        fly_vec_value number;
        memset(&number, 0, sizeof number);
        number.i64 = f->ordinal;
        fly_vec_put(&out->col[out->columns - 1], at, &number);
    }
    return FLY_OK;
}

static fly_status function_next(fly__sql_op *op, fly_vec_batch **batch, fly_err *err)
{
    function_op *f = (function_op *)op;
    uint32_t n = 0;
    fly_arena_reset(&f->arena);
    while (n < op->exec->batch_rows) {
        fly_status status = streams_next(&f->streams, !f->begun, err);
        f->begun = true;
        if (status == FLY_E_END) {
            break;
        }
        if (status == FLY_OK) {
            status = function_row(f, n++, err);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
    op->out.count = n;
    op->out.selected = -1;
    *batch = &op->out;
    return n > 0 ? FLY_OK : FLY_E_END;
}

static void function_close(fly__sql_op *op)
{
    function_op *f = (function_op *)op;
    streams_close(&f->streams);
}

/* Arguments of all streams, one after the other: of a set function its own, else the expression. */
static fly_status gather_args(fly__sql_exec *exec, fly__sql_expr *const *exprs, uint32_t count,
                              stream *list, fly__sql_expr ***args, uint32_t *total, fly_err *err)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < count; i++) {
        most += exprs[i]->argc + 1;
    }
    *args = fly__sql_alloc(&exec->arena, most, sizeof **args, err);
    if (*args == NULL) {
        return FLY_E_NO_MEMORY;
    }
    *total = 0;
    for (uint32_t i = 0; i < count; i++) {
        list[i].first_arg = *total;
        if (list[i].func == NULL) {
            (*args)[(*total)++] = exprs[i];
            continue;
        }
        for (uint32_t a = 0; a < exprs[i]->argc; a++) {
            (*args)[(*total)++] = exprs[i]->args[a];
        }
    }
    return FLY_OK;
}

fly_status fly__sql_make_function(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                                  fly_err *err)
{
    static const fly__sql_op_vt vt = {function_open, function_next, function_close};
    fly_status status = fly__sql_op_alloc(exec, rel, sizeof(function_op), &vt, op, err);
    if (status != FLY_OK) {
        return status;
    }
    function_op *f = (function_op *)*op;
    uint32_t count = rel->function.count;
    uint32_t column = 0;
    uint32_t total;
    fly__sql_arena(exec, &f->arena, 0);
    fly__sql_arena(exec, &f->streams.arena, 0);
    f->streams.exec = exec;
    f->streams.list = fly__sql_alloc(&exec->arena, count, sizeof(stream), err);
    if (f->streams.list == NULL) {
        return FLY_E_NO_MEMORY;
    }
    f->streams.count = count;
    for (uint32_t i = 0; status == FLY_OK && i < count; i++) {
        stream *one = &f->streams.list[i];
        one->width = rel->function.widths != NULL ? rel->function.widths[i] : 1;
        one->column = column;
        column += one->width;
        status = stream_make(exec, rel->function.calls[i], &rel->columns[one->column], one, err);
    }
    fly__sql_expr **args;
    fly__sql_ports none = {{NULL}, {0}};
    if (status == FLY_OK) {
        status = gather_args(exec, rel->function.calls, count, f->streams.list, &args, &total, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_program_values(exec, &none, args, total, &f->args, err);
    }
    for (uint32_t c = 0; status == FLY_OK && c < rel->column_count; c++) {
        status = fly__sql_vec_make(&(*op)->out.col[c], rel->columns[c].type, FLY_VEC_CAPACITY,
                                   &exec->arena, err);
    }
    return status;
}

/* ------------------------------------------------------------------------ select list */

typedef struct unnest_op {
    fly__sql_op op;
    streams streams; /* one per column */
    fly__sql_program *args;
    fly_vec_batch *in;
    uint32_t at; /* row of `in` */
    bool open, begun, done;
    fly_arena arena;
} unnest_op;

static fly_status unnest_open(fly__sql_op *op, fly_err *err)
{
    unnest_op *u = (unnest_op *)op;
    u->in = NULL;
    u->open = u->done = false;
    streams_close(&u->streams);
    return op->left != NULL ? fly__sql_op_open(op->left, err) : FLY_OK;
}

/* The next input row, with its streams begun. */
static fly_status unnest_row(unnest_op *u, fly_err *err)
{
    fly__sql_inputs none = {{NULL}};
    fly_status status;
    uint32_t row = 0;
    if (u->op.left == NULL) {
        if (u->done) {
            return FLY_E_END;
        }
        u->done = true;
        status = fly__sql_program_run(u->args, &none, NULL, 1, 1, err);
    } else {
        if (u->in == NULL || ++u->at >= fly_vec_batch_rows(u->in)) {
            u->at = 0;
            status = fly__sql_op_next(u->op.left, &u->in, err);
            if (status != FLY_OK) {
                u->in = NULL;
                return status;
            }
        }
        row = u->in->selected < 0 ? u->at : u->in->sel[u->at];
        fly_vec_sel one = (fly_vec_sel)row;
        fly__sql_inputs inputs = {{u->in->col}};
        status = fly__sql_program_run(u->args, &inputs, &one, 1, u->in->count, err);
    }
    if (status == FLY_OK) {
        status = streams_open(&u->streams, u->args, row, err);
    }
    u->open = status == FLY_OK;
    u->begun = false;
    return status;
}

/* The columns of a function as one value. */
static fly_status make_record(unnest_op *u, stream *one, fly_err *err)
{
    memset(&one->whole, 0, sizeof one->whole);
    return fly__sql_record_make_named(FLY_SQL_RECORD, one->width, one->call.columns,
                                      one->func->set->names, one->row, &u->arena, &one->whole.str,
                                      err);
}

static fly_status unnest_give(unnest_op *u, uint32_t at, fly_err *err)
{
    fly_vec_value null;
    memset(&null, 0, sizeof null);
    null.null = true;
    for (uint32_t c = 0; c < u->streams.count; c++) {
        stream *one = &u->streams.list[c];
        fly_vec *v = &u->op.out.col[c];
        fly_status status = one->record && !one->ended ? make_record(u, one, err) : FLY_OK;
        const fly_vec_value *from = one->func == NULL ? &one->args[0]
                                    : one->ended      ? &null
                                    : one->record     ? &one->whole
                                                      : &one->row[0];
        fly_vec_value value;
        if (status == FLY_OK) {
            status = fly__sql_value_copy((fly_vec_type)v->type, from, &u->arena, &value, err);
        }
        if (status != FLY_OK) {
            return status;
        }
        fly_vec_put(v, at, &value);
    }
    return FLY_OK;
}

static fly_status unnest_next(fly__sql_op *op, fly_vec_batch **batch, fly_err *err)
{
    unnest_op *u = (unnest_op *)op;
    uint32_t n = 0;
    fly_arena_reset(&u->arena);
    while (n < op->exec->batch_rows) {
        fly_status status = FLY_OK;
        if (!u->open) {
            status = unnest_row(u, err);
            if (status == FLY_E_END) {
                break;
            }
        }
        if (status == FLY_OK) {
            status = streams_next(&u->streams, false, err);
        }
        if (status == FLY_E_END) {
            u->open = false;
            continue;
        }
        if (status == FLY_OK) {
            status = unnest_give(u, n++, err);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
    op->out.count = n;
    op->out.selected = -1;
    *batch = &op->out;
    return n > 0 ? FLY_OK : FLY_E_END;
}

static void unnest_close(fly__sql_op *op)
{
    unnest_op *u = (unnest_op *)op;
    streams_close(&u->streams);
}

fly_status fly__sql_make_unnest(fly__sql_exec *exec, const fly__sql_rel *rel, fly__sql_op **op,
                                fly_err *err)
{
    static const fly__sql_op_vt vt = {unnest_open, unnest_next, unnest_close};
    fly_status status = fly__sql_op_alloc(exec, rel, sizeof(unnest_op), &vt, op, err);
    fly__sql_ports ports = {{NULL}, {0}};
    if (status == FLY_OK && rel->left != NULL) {
        status = fly__sql_op_create(exec, rel->left, &(*op)->left, err);
        ports = fly__sql_ports_of(rel->left);
    }
    if (status != FLY_OK) {
        return status;
    }
    unnest_op *u = (unnest_op *)*op;
    uint32_t count = rel->column_count;
    uint32_t total;
    fly__sql_arena(exec, &u->arena, 0);
    fly__sql_arena(exec, &u->streams.arena, 0);
    u->streams.exec = exec;
    u->streams.list = fly__sql_alloc(&exec->arena, count, sizeof(stream), err);
    if (u->streams.list == NULL) {
        return FLY_E_NO_MEMORY;
    }
    u->streams.count = count;
    for (uint32_t c = 0; status == FLY_OK && c < count; c++) {
        u->streams.list[c].width = 1;
        u->streams.list[c].column = c;
        status = stream_make(exec, rel->project.exprs[c], NULL, &u->streams.list[c], err);
    }
    fly__sql_expr **args;
    if (status == FLY_OK) {
        status = gather_args(exec, rel->project.exprs, count, u->streams.list, &args, &total, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_program_values(exec, &ports, args, total, &u->args, err);
    }
    for (uint32_t c = 0; status == FLY_OK && c < count; c++) {
        status = fly__sql_vec_make(&(*op)->out.col[c], rel->columns[c].type, FLY_VEC_CAPACITY,
                                   &exec->arena, err);
    }
    return status;
}
