/*
 * Where the groups of a match are, once its beginning and end are known.
 *
 * The tree is walked from the root with the span that each node has matched. A list divides its span among
 * its kids: going through the text backwards once tells, for each kid, from which places the rest of the
 * list reaches the end; then each kid in turn takes the longest part (or the shortest, if it leans that
 * way) after which the rest can still match. Nothing is ever taken back, as there is nothing, like a back
 * reference, that could make a possible division fail. Of alternatives the first that matches the span
 * is it. A repetition takes one turn after the other in the same way; what counts is the last.
 *
 * @source Spencer's and PostgreSQL's engine places groups by the same rules; the two passes instead of
 *         attempts are ours.
 */
#include "regex_int.h"

#include <string.h>

typedef struct walk {
    fly_vec_regex *re;
    fly_bytes text;
    fly_vec_span *spans; /* groups + 1 */
    fly_err *err;
} walk;

static fly_status get_program(walk *w, const node *n, bool back, program **slot)
{
    if (*slot != NULL) {
        return FLY_OK;
    }
    program *p = fly_arena_alloc(&w->re->arena, sizeof *p);
    if (p == NULL) {
        return fly__vec_regex_no_memory(w->err);
    }
    fly_status status = fly__vec_regex_program(w->re, n, back, back, p, w->err);
    if (status == FLY_OK) {
        *slot = p;
    }
    return status;
}

/* Move every place of re->list over a colour; the new ones are in re->next. */
static void step(fly_vec_regex *re, const program *prog, uint32_t colour)
{
    re->next.n = 0;
    for (int32_t i = 0; i < re->list.n; i++) {
        int32_t pc = re->list.dense[i];
        const instruction *in = &prog->code[pc];
        if (in->op == I_CHAR &&
            (re->member[(size_t)in->a * re->member_words + colour / 64] >> (colour % 64) & 1)) {
            (void)fly__vec_sparse_add(&re->next, pc + 1);
        }
    }
}

static bool close_over(fly_vec_regex *re, const program *prog, fly_bytes text, size_t at)
{
    uint8_t before = 0;
    uint8_t behind = 0;
    if (re->looks || at == 0 || at == text.len) {
        before = fly__vec_regex_side_before(re, text, at);
        behind = fly__vec_regex_side_behind(re, text, at);
    }
    bool matched = false;
    re->list.n = 0;
    for (int32_t i = 0; i < re->next.n; i++) {
        matched = fly__vec_regex_follow(re, prog, re->next.dense[i], before, behind) || matched;
    }
    return matched;
}

static bool bit(const uint64_t *bits, size_t i)
{
    return (bits[i / 64] >> (i % 64) & 1) != 0;
}

/* Where a node that begins at `from` may end, at most at `to`: the last such place that `allowed` has
 * (bits from `base`; NULL: only `to` itself), or the first. */
static fly_status ends(walk *w, node *n, size_t from, size_t to, const uint64_t *allowed,
                       size_t base, bool not_empty, int64_t *out)
{
    fly_vec_regex *re = w->re;
    *out = -1;
    if (n->type == N_SET) {
        size_t len;
        if (from < to) {
            (void)fly__vec_regex_decode(w->text.data + from, to - from, &len);
            if (allowed == NULL ? from + len == to : bit(allowed, from + len - base)) {
                uint32_t c = fly__vec_regex_colour(re, w->text.data + from, to - from, &len);
                if (re->member[(size_t)n->value * re->member_words + c / 64] >> (c % 64) & 1) {
                    *out = (int64_t)(from + len);
                }
            }
        }
        return FLY_OK;
    }
    fly_status status = get_program(w, n, false, &n->ahead);
    if (status != FLY_OK) {
        return status;
    }
    const program *prog = n->ahead;
    re->next.n = 0;
    (void)fly__vec_sparse_add(&re->next, prog->start);
    for (size_t at = from, len;; at += len) {
        bool matched = close_over(re, prog, w->text, at);
        if (matched && !(not_empty && at == from) &&
            (allowed == NULL ? at == to : bit(allowed, at - base))) {
            *out = (int64_t)at;
            if (n->lean < 0) {
                return FLY_OK;
            }
        }
        if (at >= to) {
            return FLY_OK;
        }
        uint32_t colour = fly__vec_regex_colour(re, w->text.data + at, to - at, &len);
        step(re, prog, colour);
        if (re->next.n == 0) {
            return FLY_OK;
        }
    }
}

/* From which places of a span the marks of a node's backward program are reached: `words` words for
 * each mark. */
static fly_status reach(walk *w, node *n, size_t from, size_t to, uint64_t *bits, size_t words)
{
    fly_vec_regex *re = w->re;
    fly_status status = get_program(w, n, true, &n->back);
    if (status != FLY_OK) {
        return status;
    }
    const program *prog = n->back;
    re->next.n = 0;
    (void)fly__vec_sparse_add(&re->next, prog->start);
    for (size_t at = to;;) {
        (void)close_over(re, prog, w->text, at);
        for (int32_t i = 0; i < re->list.n; i++) {
            const instruction *in = &prog->code[re->list.dense[i]];
            if (in->op == I_MARK) {
                size_t place = at - from;
                bits[(size_t)in->a * words + place / 64] |= (uint64_t)1 << (place % 64);
            }
        }
        if (at <= from) {
            return FLY_OK;
        }
        size_t p = fly__vec_regex_before(w->text, at);
        size_t len;
        step(re, prog, fly__vec_regex_colour(re, w->text.data + p, at - p, &len));
        if (re->next.n == 0) {
            return FLY_OK;
        }
        at = p;
    }
}

static uint64_t *new_bits(walk *w, size_t marks, size_t words)
{
    size_t size;
    if (__builtin_mul_overflow(marks, words * sizeof(uint64_t), &size)) {
        return NULL;
    }
    uint64_t *bits = fly_arena_alloc(&w->re->scratch, size);
    if (bits != NULL) {
        memset(bits, 0, size);
    }
    return bits;
}

static fly_status place(walk *w, node *n, size_t from, size_t to);

static fly_status place_list(walk *w, node *n, size_t from, size_t to)
{
    size_t words = (to - from + 1 + 63) / 64;
    size_t at = from;
    uint32_t last = n->count;
    while (last > 0 && !n->kid[last - 1]->groups) {
        last--;
    }
    uint64_t *bits = new_bits(w, n->count + 1, words);
    if (bits == NULL) {
        return fly__vec_regex_no_memory(w->err);
    }
    fly_status status = reach(w, n, from, to, bits, words);
    for (uint32_t i = 0; i < last && status == FLY_OK; i++) {
        int64_t end = (int64_t)to;
        if (i + 1 < n->count) {
            status = ends(w, n->kid[i], at, to, bits + (i + 1) * words, from, false, &end);
        }
        if (status != FLY_OK || end < 0) {
            return status;
        }
        status = place(w, n->kid[i], at, (size_t)end);
        at = (size_t)end;
    }
    return status;
}

static fly_status place_repeat(walk *w, node *n, size_t from, size_t to)
{
    node *kid = n->kid[0];
    if (from == to && n->min == 0) {
        /* Not once, unless once is nothing too. */
        int64_t end;
        fly_status status = ends(w, kid, from, to, NULL, 0, false, &end);
        return status == FLY_OK && end >= 0 && kid->lean >= 0 ? place(w, kid, from, to) : status;
    }
    if (from == to || n->max == 1) {
        return place(w, kid, from, to);
    }
    size_t words = (to - from + 1 + 63) / 64;
    size_t at = from;
    size_t before = from;
    uint64_t *bits = new_bits(w, 1, words);
    if (bits == NULL) {
        return fly__vec_regex_no_memory(w->err);
    }
    fly_status status = reach(w, n, from, to, bits, words);
    while (at < to && status == FLY_OK) {
        int64_t end;
        status = ends(w, kid, at, to, bits, from, true, &end);
        if (status != FLY_OK || end < 0) {
            return status;
        }
        before = at;
        at = (size_t)end;
    }
    return status == FLY_OK ? place(w, kid, before, at) : status;
}

/* `n` matched exactly this span: say where its groups are. */
static fly_status place(walk *w, node *n, size_t from, size_t to)
{
    if (!n->groups) {
        return FLY_OK;
    }
    switch (n->type) {
    case N_GROUP:
        w->spans[n->value] = (fly_vec_span){(int64_t)from, (int64_t)to};
        return place(w, n->kid[0], from, to);
    case N_CAT:
        return place_list(w, n, from, to);
    case N_REP:
        return place_repeat(w, n, from, to);
    default:
        for (uint32_t i = 0; i < n->count; i++) {
            int64_t end = (int64_t)to;
            if (i + 1 < n->count) {
                fly_status status = ends(w, n->kid[i], from, to, NULL, 0, false, &end);
                if (status != FLY_OK) {
                    return status;
                }
            }
            if (end == (int64_t)to) {
                return place(w, n->kid[i], from, to);
            }
        }
        return FLY_OK;
    }
}

fly_status fly__vec_regex_groups(fly_vec_regex *re, fly_bytes text, fly_vec_span *spans,
                                 size_t count, fly_err *err)
{
    size_t all = (size_t)re->groups + 1;
    fly_vec_span *own = fly_arena_alloc(&re->scratch, all * sizeof *own);
    if (own == NULL) {
        return fly__vec_regex_no_memory(err);
    }
    for (size_t i = 0; i < all; i++) {
        own[i] = (fly_vec_span){-1, -1};
    }
    walk w = {re, text, own, err};
    fly_status status = place(&w, re->root, (size_t)spans[0].begin, (size_t)spans[0].end);
    for (size_t i = 1; i < count; i++) {
        spans[i] = i < all ? own[i] : (fly_vec_span){-1, -1};
    }
    fly_arena_reset(&re->scratch);
    return status;
}
