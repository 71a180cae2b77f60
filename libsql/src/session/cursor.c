/*
 * Cursors: DECLARE, FETCH, MOVE, CLOSE.
 *
 * A cursor sees what its query saw when it was declared, can be walked both ways, and, WITH HOLD,
 * outlives its transaction. All this is had by running the query at once and keeping its rows, in
 * memory of the session; a result beyond the query's memory is refused with 53200. Position 0 is before
 * the first row, `count + 1` behind the last.
 */
#include "session/named_int.h"

#include <stdio.h>
#include <string.h>

/* Rows as they came, copied. */
struct kept {
    struct kept *next;
    uint64_t first; /* number of its first row, from 1 */
    fly_vec_batch batch;
};

struct fly__sql_cursor {
    struct fly__sql_cursor *link;
    char name[64];
    bool hold;
    bool no_scroll;
    bool held;          /* its transaction has been committed: it outlives those that come */
    fly_sql_stmt *stmt; /* knows the columns */
    fly_arena arena;
    struct kept *rows, *last;
    struct kept *near; /* where the last row came from */
    uint64_t count;
    uint64_t at;
};

static struct fly__sql_cursor *find(const fly_sql_session *session, const char *name)
{
    struct fly__sql_cursor *at = session->state->cursors;
    while (at != NULL && strcmp(at->name, name) != 0) {
        at = at->link;
    }
    return at;
}

fly_sql_stmt *fly__sql_cursor_stmt(const fly_sql_session *session, const char *name)
{
    struct fly__sql_cursor *cursor = find(session, name);
    return cursor == NULL ? NULL : cursor->stmt;
}

static fly_status no_memory(fly_err *err)
{
    return fly_err_state(err, "53200", 0, "out of memory for the rows of a cursor");
}

/* Copy a column's selected values into a FLAT vector with strings of its own. */
static fly_status keep_column(struct fly__sql_cursor *cursor, const fly_vec_batch *from,
                              uint32_t column, struct kept *kept, fly_err *err)
{
    const fly_vec *source = &from->col[column];
    fly_vec *to = &kept->batch.col[column];
    fly_status status =
        fly_vec_init(to, (fly_vec_type)source->type, kept->batch.count, &cursor->arena, err);
    if (status != FLY_OK) {
        return status;
    }
    to->scale = source->scale;
    for (uint32_t i = 0; i < kept->batch.count; i++) {
        uint32_t row = from->selected < 0 ? i : from->sel[i];
        fly_vec_value value = fly_vec_get(source, row);
        if (!value.null && source->type == FLY_VEC_STR && value.str.len > FLY_VEC_STR_INLINE) {
            void *copy = fly_arena_copy(&cursor->arena, value.str.ptr, value.str.len);
            if (copy == NULL) {
                return no_memory(err);
            }
            value.str = fly_vec_str_of(copy, value.str.len);
        }
        fly_vec_put(to, i, &value);
    }
    return FLY_OK;
}

static fly_status keep_batch(struct fly__sql_cursor *cursor, const fly_vec_batch *from,
                             fly_err *err)
{
    struct kept *kept = fly_arena_alloc(&cursor->arena, sizeof *kept);
    fly_vec *columns = fly_arena_alloc(&cursor->arena, from->columns * sizeof *columns);
    if (kept == NULL || columns == NULL) {
        return no_memory(err);
    }
    memset(kept, 0, sizeof *kept);
    kept->first = cursor->count + 1;
    kept->batch.count = fly_vec_batch_rows(from);
    kept->batch.columns = from->columns;
    kept->batch.selected = -1;
    kept->batch.col = columns;
    for (uint32_t i = 0; i < from->columns; i++) {
        fly_status status = keep_column(cursor, from, i, kept, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    if (cursor->last != NULL) {
        cursor->last->next = kept;
    } else {
        cursor->rows = kept;
    }
    cursor->last = kept;
    cursor->count += kept->batch.count;
    return FLY_OK;
}

static fly_status run(struct fly__sql_cursor *cursor, fly_err *err)
{
    const fly_vec_batch *batch = NULL;
    fly_status status = FLY_OK;
    while (status == FLY_OK) {
        status = fly_sql_fetch(cursor->stmt, &batch, err);
        if (status == FLY_OK) {
            status = keep_batch(cursor, batch, err);
            if (status != FLY_OK) {
                fly_sql_reset(cursor->stmt);
            }
        }
    }
    return status == FLY_E_END ? FLY_OK : status;
}

static void destroy(fly_sql_session *session, struct fly__sql_cursor *cursor)
{
    fly_sql_finalize(cursor->stmt);
    fly_arena_deinit(&cursor->arena);
    fly_mem_free(&session->account.mem, cursor, sizeof *cursor);
}

static fly_status prepare_query(fly_sql_stmt *stmt, struct fly__sql_cursor *cursor, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    fly_sql_statements statements = {0};
    const fly_sql_parse_options options = {.lax_syntax = session->compat.lax_syntax};
    fly_status status = fly__sql_stmt_create(
        session, fly_bytes_of(stmt->text.data + stmt->start, stmt->len), &cursor->stmt, err);
    if (status == FLY_OK) {
        status =
            fly__sql_parse(&cursor->stmt->arena, cursor->stmt->text, &options, &statements, err);
    }
    if (status == FLY_OK) {
        cursor->stmt->node = ((const fly_ast_declare *)statements.items[0].node)->query;
        cursor->stmt->is_plan = true;
        status = fly__sql_stmt_plan(cursor->stmt, err);
    }
    return status;
}

fly_status fly__sql_cursor_declare(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_declare *node = (const fly_ast_declare *)stmt->node;
    fly_sql_session *session = stmt->session;
    (void)snprintf(stmt->tag, sizeof stmt->tag, "DECLARE CURSOR");
    if (!session->txn_explicit && !session->state->block && !node->hold) {
        return fly_err_state(err, "25P01", 0,
                             "DECLARE CURSOR can only be used in transaction blocks");
    }
    if (find(session, node->name) != NULL) {
        return fly_err_state(err, "42P03", 0, "cursor \"%s\" already exists", node->name);
    }
    struct fly__sql_cursor *cursor = fly_mem_calloc(&session->account.mem, 1, sizeof *cursor);
    if (cursor == NULL) {
        return no_memory(err);
    }
    fly_arena_init(&cursor->arena, &session->query.mem, 0);
    (void)snprintf(cursor->name, sizeof cursor->name, "%s", node->name);
    cursor->hold = node->hold;
    cursor->no_scroll = node->scroll == FLY_AST_TRI_NO;
    fly_status status = prepare_query(stmt, cursor, err);
    if (status == FLY_OK) {
        status = run(cursor, err);
    }
    if (status != FLY_OK) {
        destroy(session, cursor);
        return status;
    }
    cursor->link = session->state->cursors;
    session->state->cursors = cursor;
    return FLY_OK;
}

/* Names of columns may lie with whoever made the statement. */
static fly_status own_names(fly_sql_stmt *stmt, fly_err *err)
{
    for (uint32_t i = 0; i < stmt->plan->column_count; i++) {
        const char *name = stmt->plan->columns[i].name;
        if (name != NULL) {
            stmt->plan->columns[i].name = fly_arena_copy(&stmt->plan_arena, name, strlen(name) + 1);
            if (stmt->plan->columns[i].name == NULL) {
                return no_memory(err);
            }
        }
    }
    return FLY_OK;
}

fly_status fly__sql_cursor_open(fly_sql_session *session, const char *name, fly_sql_stmt *stmt,
                                fly_err *err)
{
    if (find(session, name) != NULL) {
        return fly_err_state(err, "42P03", 0, "cursor \"%s\" already in use", name);
    }
    if (!stmt->is_plan || stmt->plan == NULL || stmt->plan->column_count == 0) {
        return fly_err_state(err, "42601", 0, "cannot open %s query as cursor",
                             fly__sql_ast_name(stmt->node->kind));
    }
    struct fly__sql_cursor *cursor = fly_mem_calloc(&session->account.mem, 1, sizeof *cursor);
    if (cursor == NULL) {
        return no_memory(err);
    }
    fly_arena_init(&cursor->arena, &session->query.mem, 0);
    (void)snprintf(cursor->name, sizeof cursor->name, "%s", name);
    cursor->stmt = stmt;
    fly_status status = run(cursor, err);
    if (status == FLY_OK) {
        status = own_names(stmt, err);
    }
    if (status != FLY_OK) {
        cursor->stmt = NULL;
        destroy(session, cursor);
        return status;
    }
    cursor->link = session->state->cursors;
    session->state->cursors = cursor;
    return FLY_OK;
}

/* ------------------------------------------------------------------- fetching */

/* How far a FETCH goes: `*from` the first row, in `step`s, `*count` of them at most. */
static void aim(struct fly__sql_cursor *cursor, const fly_ast_fetch *node, int64_t *step,
                uint64_t *count)
{
    int64_t wanted = node->count;
    *step = node->direction == FLY_AST_FETCH_BACKWARD ? -1 : 1;
    *count = 1;
    if (node->direction == FLY_AST_FETCH_ABSOLUTE || node->direction == FLY_AST_FETCH_RELATIVE) {
        int64_t target = node->direction == FLY_AST_FETCH_RELATIVE ? (int64_t)cursor->at + wanted
                         : wanted < 0 ? (int64_t)cursor->count + 1 + wanted
                                      : wanted;
        if (target <= 0) {
            cursor->at = 0;
            *count = 0;
        } else {
            bool beyond = (uint64_t)target > cursor->count;
            cursor->at = beyond ? cursor->count : (uint64_t)target - 1;
        }
        return;
    }
    if (node->all) {
        *count = UINT64_MAX;
        return;
    }
    if (wanted < 0) {
        *step = -*step;
        wanted = -wanted;
    }
    *count = (uint64_t)wanted;
    if (wanted == 0) { /* the current row again */
        *step = 1;
        *count = cursor->at > 0 && cursor->at <= cursor->count ? 1 : 0;
        cursor->at -= *count;
    }
}

/* Move to the next row: false at either end. */
static bool advance(struct fly__sql_cursor *cursor, int64_t step)
{
    if (step > 0) {
        cursor->at = cursor->at > cursor->count ? cursor->at : cursor->at + 1;
        return cursor->at <= cursor->count;
    }
    cursor->at = cursor->at == 0 ? 0 : cursor->at - 1;
    return cursor->at > 0;
}

/* Make the cursor's row the statement's. */
static void show(struct fly__sql_cursor *cursor, fly_sql_stmt *stmt)
{
    /* The walk starts where the last one ended, if that is not behind the row. */
    struct kept *kept = cursor->near != NULL && cursor->near->first <= cursor->at ? cursor->near
                                                                                  : cursor->rows;
    while (cursor->at >= kept->first + kept->batch.count) {
        kept = kept->next;
    }
    cursor->near = kept;
    stmt->batch = &kept->batch;
    stmt->at = (uint32_t)(cursor->at - kept->first);
}

bool fly__sql_fetch_next(fly_sql_stmt *stmt)
{
    struct fly__sql_cursor *cursor = stmt->cursor;
    if (stmt->fetch_left == 0) {
        return false;
    }
    stmt->fetch_left--;
    if (!advance(cursor, stmt->fetch_step)) {
        stmt->fetch_left = 0;
        return false;
    }
    show(cursor, stmt);
    return true;
}

fly_status fly__sql_cursor_pull(fly_sql_session *session, const fly_ast_fetch *node,
                                fly_sql_stmt **row, uint64_t *count, fly_err *err)
{
    struct fly__sql_cursor *cursor = find(session, node->cursor);
    if (cursor == NULL) {
        return fly_err_state(err, "34000", 0, "cursor \"%s\" does not exist", node->cursor);
    }
    int64_t step = 1;
    uint64_t wanted = 0;
    aim(cursor, node, &step, &wanted);
    *count = 0;
    while (*count < wanted && advance(cursor, step)) {
        (*count)++;
    }
    *row = cursor->stmt;
    if (*count > 0 && cursor->at > 0 && cursor->at <= cursor->count) {
        show(cursor, cursor->stmt);
        cursor->stmt->has_row = true;
    }
    return FLY_OK;
}

void fly__sql_cursor_pulled(fly_sql_stmt *row)
{
    if (row != NULL) {
        row->batch = NULL;
        row->has_row = false;
    }
}

fly_status fly__sql_cursor_fetch(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_fetch *node = (const fly_ast_fetch *)stmt->node;
    struct fly__sql_cursor *cursor = find(stmt->session, node->cursor);
    if (cursor == NULL) {
        return fly_err_state(err, "34000", 0, "cursor \"%s\" does not exist", node->cursor);
    }
    int64_t step = 1;
    uint64_t count = 0;
    bool forwards = node->direction == FLY_AST_FETCH_FORWARD && node->count >= 0;
    if (cursor->no_scroll && !forwards) {
        fly_status status = fly_err_state(err, "55000", 0, "cursor can only scan forward");
        fly_err_hint(err, "Declare it with SCROLL option to enable backward scan.");
        return status;
    }
    aim(cursor, node, &step, &count);
    if (!node->move) {
        stmt->cursor = cursor;
        stmt->fetch_step = step;
        stmt->fetch_left = count;
        return FLY_OK;
    }
    uint64_t moved = 0;
    while (moved < count && advance(cursor, step)) {
        moved++;
    }
    (void)snprintf(stmt->tag, sizeof stmt->tag, "MOVE %llu", (unsigned long long)moved);
    return FLY_OK;
}

/* --------------------------------------------------------------------- closing */

bool fly__sql_cursors_forget(fly_sql_session *session, const char *name)
{
    bool any = false;
    struct fly__sql_cursor **at = &session->state->cursors;
    while (*at != NULL) {
        struct fly__sql_cursor *cursor = *at;
        if (name != NULL && strcmp(cursor->name, name) != 0) {
            at = &cursor->link;
            continue;
        }
        *at = cursor->link;
        destroy(session, cursor);
        any = true;
    }
    return any;
}

fly_status fly__sql_cursors_end(fly_sql_session *session, bool committed, fly_err *err)
{
    (void)err;
    struct fly__sql_cursor **at = &session->state->cursors;
    while (*at != NULL) {
        struct fly__sql_cursor *cursor = *at;
        if (cursor->held || (committed && cursor->hold)) {
            cursor->held = true;
            at = &cursor->link;
            continue;
        }
        *at = cursor->link;
        destroy(session, cursor);
    }
    return FLY_OK;
}

fly_status fly__sql_cursor_close(fly_sql_stmt *stmt, fly_err *err)
{
    const char *name = ((const fly_ast_close *)stmt->node)->cursor;
    bool any = fly__sql_cursors_forget(stmt->session, name);
    (void)snprintf(stmt->tag, sizeof stmt->tag, "CLOSE CURSOR%s", name == NULL ? " ALL" : "");
    if (name != NULL && !any) {
        return fly_err_state(err, "34000", 0, "cursor \"%s\" does not exist", name);
    }
    return FLY_OK;
}
