/*
 * LIKE and ILIKE: as row functions and as kernels.
 *
 * ILIKE folds: the pattern when it is compiled, a text only if it has letters beyond ASCII, for
 * libvec matches ASCII in either case by itself.
 *
 * What is not here: the order of collations. LIKE compares characters, whatever the collation.
 */
#include "func/pattern_int.h"

#include <fly/text.h>

enum { KEPT_MAX = 16 }; /* patterns that a call site compiles into the plan's arena */

/* A compiled pattern, and what it was compiled from. */
typedef struct site {
    fly_vec_str pattern; /* its bytes are in the arena */
    const fly_vec_like *like;
    uint32_t kept;
} site;

static bool is_ascii(fly_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] >= 128) {
            return false;
        }
    }
    return true;
}

/* Fold a text into the arena. */
static fly_status fold_text(fly_bytes text, fly_arena *arena, fly_bytes *folded, fly_err *err)
{
    size_t room = text.len;
    for (;;) {
        size_t len = 0;
        char *out = fly_arena_alloc(arena, room);
        if (out == NULL) {
            return fly__sql_no_memory(err);
        }
        fly_status status = fly_text_fold(text, out, room, &len, err);
        *folded = fly_bytes_of(out, len);
        if (status != FLY_E_FULL) {
            return status;
        }
        room = len;
    }
}

static fly_status compile(fly_bytes pattern, bool fold, fly_arena *arena, const fly_vec_like **like,
                          fly_err *err)
{
    fly_status status = FLY_OK;
    if (fold && !is_ascii(pattern)) {
        status = fold_text(pattern, arena, &pattern, err);
    }
    return status != FLY_OK
               ? status
               : fly_vec_like_compile(pattern, fly_bytes_str("\\"), fold, arena, like, err);
}

/* The compiled pattern: the one that is there, or a new one in its place. */
static fly_status site_get(site *s, const fly_vec_str *pattern, bool fold, fly_arena *plan,
                           fly_arena *batch, const fly_vec_like **like, fly_err *err)
{
    if (s->like != NULL && fly_vec_str_equal(&s->pattern, pattern)) {
        *like = s->like;
        return FLY_OK;
    }
    if (s->kept >= KEPT_MAX) {
        return compile(fly_vec_str_bytes(pattern), fold, batch, like, err);
    }
    fly_status status = compile(fly_vec_str_bytes(pattern), fold, plan, like, err);
    if (status == FLY_OK) {
        const void *bytes = fly_arena_copy(plan, fly_vec_str_data(pattern), pattern->len);
        if (bytes == NULL) {
            return fly__sql_no_memory(err);
        }
        s->pattern = fly_vec_str_of(bytes, pattern->len);
        s->like = *like;
        s->kept++;
    }
    return status;
}

fly_status fly__sql_like_of(fly__sql_call *call, const fly_vec_str *pattern, bool fold,
                            const fly_vec_like **like)
{
    if (*call->memo == NULL) {
        site *made = fly_arena_alloc(call->memo_arena, sizeof *made);
        if (made == NULL) {
            return fly__sql_no_memory(call->err);
        }
        memset(made, 0, sizeof *made);
        *call->memo = made;
    }
    return site_get(*call->memo, pattern, fold, call->memo_arena, call->arena, like, call->err);
}

fly_status fly__sql_like_match(const fly_vec_like *like, fly_bytes text, bool fold,
                               fly_arena *arena, bool *matches, fly_err *err)
{
    if (fold && !is_ascii(text)) {
        fly_status status = fold_text(text, arena, &text, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    *matches = fly_vec_like_match(like, text);
    return FLY_OK;
}

static fly_status row_like(fly__sql_call *call, bool fold, bool wanted, const fly_vec_value *args,
                           fly_vec_value *result)
{
    const fly_vec_like *like;
    bool matches = false;
    fly_status status = fly__sql_like_of(call, &args[1].str, fold, &like);
    if (status == FLY_OK) {
        status =
            fly__sql_like_match(like, arg_bytes(&args[0]), fold, call->arena, &matches, call->err);
    }
    return status != FLY_OK ? status : give_bool(result, matches == wanted);
}

ROW(like)
{
    return row_like(call, false, true, args, result);
}

ROW(not_like)
{
    return row_like(call, false, false, args, result);
}

ROW(ilike)
{
    return row_like(call, true, true, args, result);
}

ROW(not_ilike)
{
    return row_like(call, true, false, args, result);
}

/* like_escape(): a pattern with another escape character as one with backslashes. */
ROW(like_escape)
{
    fly_bytes pattern = arg_bytes(&args[0]);
    fly_bytes escape = arg_bytes(&args[1]);
    fly_sql_text text = {.arena = call->arena};
    if (fly_text_count(escape) > 1) {
        FAIL(call, "22025", "invalid escape string");
        fly_err_hint(call->err, "Escape string must be empty or one character.");
        return FLY_E_INVALID;
    }
    if (escape.len == 1 && escape.data[0] == '\\') {
        return give_str(result, args[0].str);
    }
    bool after = false; /* the escape character stood before */
    for (size_t at = 0; at < pattern.len;) {
        uint32_t code;
        size_t len = fly_text_next(pattern, at, &code);
        fly_bytes c = fly_bytes_of(pattern.data + at, len);
        if (escape.len > 0 && !after && fly_bytes_equal(c, escape)) {
            fly__sql_text_put(&text, "\\");
            after = true;
        } else {
            if (c.data[0] == '\\' && !after) {
                fly__sql_text_put(&text, "\\");
            }
            fly__sql_text_add(&text, (const char *)c.data, c.len);
            after = false;
        }
        at += len;
    }
    return fly__sql_give_text(call, &text, result);
}

/* ------------------------------------------------------------------------ kernels */

/* What a call site of a kernel has; `aux` points to the pointer, for aux itself is constant. */
typedef struct kernel_site {
    site site;
    fly_arena *arena; /* the plan's */
    bool fold;
    bool wanted;
} kernel_site;

typedef struct kernel_aux {
    kernel_site *site;
} kernel_aux;

const void *fly__sql_like_aux(const fly__sql_func *func, fly_arena *arena)
{
    kernel_aux *aux = fly_arena_alloc(arena, sizeof *aux);
    kernel_site *made = fly_arena_alloc(arena, sizeof *made);
    if (aux == NULL || made == NULL) {
        return NULL;
    }
    memset(made, 0, sizeof *made);
    made->arena = arena;
    made->fold = func->name[strlen(func->name) - 1] == '*';
    made->wanted = func->name[0] != '!';
    aux->site = made;
    return aux;
}

/* Whether the text at a position matches: 1, 0; -1: NULL; -2: failure. */
static int at_row(fly_vec_frame *frame, const fly_vec_ins *ins, kernel_site *s, const fly_vec *text,
                  const fly_vec *pattern, uint32_t row)
{
    const fly_vec_like *like;
    bool matches = false;
    if (fly_vec_is_null(text, row) || fly_vec_is_null(pattern, row)) {
        return -1;
    }
    fly_status status = site_get(&s->site, fly_vec_at(pattern, row), s->fold, s->arena,
                                 frame->arena, &like, frame->err);
    if (status == FLY_OK) {
        status = fly__sql_like_match(like, fly_vec_str_bytes(fly_vec_at(text, row)), s->fold,
                                     frame->arena, &matches, frame->err);
    }
    if (status != FLY_OK) {
        if (frame->err != NULL && frame->err->position == 0) {
            frame->err->position = ins->pos;
        }
        return -2;
    }
    return matches == s->wanted;
}

int fly__sql_like_kernel(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel,
                         int n)
{
    kernel_site *s = ((const kernel_aux *)ins->aux)->site;
    const fly_vec *text = &frame->reg[ins->arg[0]];
    const fly_vec *pattern = &frame->reg[ins->arg[1]];
    fly_vec *dst = &frame->reg[ins->dst];
    dst->kind = FLY_VEC_FLAT;
    uint8_t *out = dst->data;
    for (int i = 0; i < n; i++) {
        uint32_t row = sel != NULL ? sel[i] : (uint32_t)i;
        int answer = at_row(frame, ins, s, text, pattern, row);
        if (answer == -2) {
            return -1;
        }
        if (answer < 0) {
            fly_vec_set_null(dst, row);
        } else {
            fly_vec_set_valid(dst, row);
            out[row] = (uint8_t)answer;
        }
    }
    return 0;
}

/* Texts of a dictionary are matched once each, those that the positions name. */
static int select_dict(fly_vec_frame *frame, const fly_vec_ins *ins, kernel_site *s,
                       const fly_vec_sel *sel, int n)
{
    const fly_vec *text = &frame->reg[ins->arg[0]];
    const fly_vec *pattern = &frame->reg[ins->arg[1]];
    int8_t *known = fly_arena_alloc(frame->arena, text->dict_count);
    if (known == NULL) {
        fly__sql_no_memory(frame->err);
        return -1;
    }
    memset(known, 2, text->dict_count);
    int count = 0;
    for (int i = 0; i < n; i++) {
        uint32_t row = sel != NULL ? sel[i] : (uint32_t)i;
        int8_t *answer = &known[text->index[row]];
        if (*answer == 2) {
            int found = at_row(frame, ins, s, text, pattern, row);
            if (found == -2) {
                return -1;
            }
            *answer = (int8_t)found;
        }
        if (*answer == 1) {
            ins->out[count++] = (fly_vec_sel)row;
        }
    }
    return count;
}

int fly__sql_like_select(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel,
                         int n)
{
    kernel_site *s = ((const kernel_aux *)ins->aux)->site;
    const fly_vec *text = &frame->reg[ins->arg[0]];
    const fly_vec *pattern = &frame->reg[ins->arg[1]];
    if (text->kind == FLY_VEC_DICT && pattern->kind == FLY_VEC_CONST &&
        text->dict_count <= FLY_VEC_CAPACITY) {
        return select_dict(frame, ins, s, sel, n);
    }
    int count = 0;
    for (int i = 0; i < n; i++) {
        uint32_t row = sel != NULL ? sel[i] : (uint32_t)i;
        int answer = at_row(frame, ins, s, text, pattern, row);
        if (answer == -2) {
            return -1;
        }
        if (answer == 1) {
            ins->out[count++] = (fly_vec_sel)row;
        }
    }
    return count;
}
