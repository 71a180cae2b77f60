/*
 * Finding matches: programs, colours, and automata that are made as they are needed.
 *
 * A tree becomes a program (Thompson's construction). A state of an automaton is a set of places in the
 * program together with what kind of character was just passed, so that \y and ^ can be decided; whether
 * a state matches depends on the next character too, so it is known one step later: each transition says
 * whether there was a match before its character.
 *
 *     search   forwards, a match may begin anywhere    is there one?
 *     back     the reversed program, backwards,        where does one begin?
 *              a match may end anywhere
 *     ahead    forwards from a beginning               where does it end, at the latest or earliest?
 *
 * Characters that no set of the pattern tells apart share a colour, and transitions are by colour.
 *
 * Invariants.
 *
 *     M1  state 0 is the empty set: nothing matches any more
 *     M2  trans[state * (colours + 1) + colour]; the last colour is the text's end (or beginning)
 *     M3  when states, transitions or pool reach their limit, all states are forgotten; the step that met
 *         the limit still gives a valid state
 *
 * @source Thompson, "Regular Expression Search Algorithm", CACM 1968; Cox, "Regular Expression Matching
 *         in the Wild", 2010, for automata with bounded memory.
 */
#include "regex_int.h"

#include <string.h>

/* ------------------------------------------------------------------------ colours */

enum { COLOURS_MAX = 4000 };

static fly_status too_complex(fly_err *err)
{
    return fly__vec_regex_error(err, "regular expression is too complex");
}

static void sort(uint32_t *x, size_t n)
{
    for (size_t gap = n / 2; gap > 0; gap /= 2) {
        for (size_t i = gap; i < n; i++) {
            uint32_t value = x[i];
            size_t j = i;
            for (; j >= gap && x[j - gap] > value; j -= gap) {
                x[j] = x[j - gap];
            }
            x[j] = value;
        }
    }
}

/* The last range that begins at or before `c`. */
static uint32_t range_of(const uint32_t *bound, uint32_t n, uint32_t c)
{
    uint32_t low = 0;
    uint32_t high = n;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (bound[middle] <= c) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

uint16_t fly__vec_regex_colour_of(const fly_vec_regex *re, uint32_t c)
{
    return re->bound_colour[range_of(re->bound, re->bounds, c)];
}

/* Split every colour that a set has only a part of. */
static fly_status refine(const fly_vec_regex *re, const charset *s, uint16_t *colour,
                         uint32_t *size, uint32_t *hits, uint32_t *fresh, uint32_t *colours,
                         fly_err *err)
{
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t r = 0; r < s->n; r++) {
            uint32_t i = range_of(re->bound, re->bounds, s->range[r][0]);
            for (; i < re->bounds && re->bound[i] <= s->range[r][1]; i++) {
                uint32_t c = colour[i];
                if (pass == 0) {
                    hits[c]++;
                    continue;
                }
                if (c >= COLOURS_MAX || hits[c] == 0 || hits[c] == size[c]) {
                    continue;
                }
                if (fresh[c] == 0) {
                    if (*colours == COLOURS_MAX) {
                        return too_complex(err);
                    }
                    fresh[c] = (*colours)++;
                }
                colour[i] = (uint16_t)fresh[c];
            }
        }
    }
    for (uint32_t c = 0, n = *colours; c < n; c++) {
        if (fresh[c] != 0) {
            size[fresh[c]] = hits[c];
            size[c] -= hits[c];
        }
        hits[c] = fresh[c] = 0;
    }
    return FLY_OK;
}

static void mark_side(fly_vec_regex *re, const charset *s, uint8_t side)
{
    for (uint32_t r = 0; r < s->n; r++) {
        uint32_t i = range_of(re->bound, re->bounds, s->range[r][0]);
        for (; i < re->bounds && re->bound[i] <= s->range[r][1]; i++) {
            re->side_of[re->bound_colour[i]] |= side;
        }
    }
}

/* The sets of words and of newlines, if conditions ask for them. */
static bool side_sets(fly_vec_regex *re, charset out[2])
{
    const uint32_t(*alpha)[2];
    const uint32_t(*extra)[2];
    uint32_t n;
    uint32_t m;
    memset(out, 0, 2 * sizeof *out);
    if (!re->looks) {
        return true;
    }
    (void)fly__vec_regex_class("alpha", 5, &alpha, &n);
    (void)fly__vec_regex_class("+word", 5, &extra, &m);
    out[0].range = fly_arena_alloc(&re->arena, (n + m) * sizeof *out[0].range);
    out[1].range = fly_arena_alloc(&re->arena, sizeof *out[1].range);
    if (out[0].range == NULL || out[1].range == NULL) {
        return false;
    }
    memcpy(out[0].range, extra, m * sizeof *extra);
    memcpy(out[0].range + m, alpha, n * sizeof *alpha);
    out[0].n = n + m;
    out[1].range[0][0] = out[1].range[0][1] = '\n';
    out[1].n = 1;
    return true;
}

fly_status fly__vec_regex_colours(fly_vec_regex *re, fly_err *err)
{
    charset sides[2];
    size_t ranges = 1;
    if (!side_sets(re, sides)) {
        return fly__vec_regex_no_memory(err);
    }
    for (uint32_t i = 0; i < re->set_count; i++) {
        ranges += re->sets[i].n;
    }
    ranges += sides[0].n + sides[1].n;
    if (ranges > 200000) {
        return too_complex(err);
    }
    uint32_t *bound = fly_arena_alloc(&re->arena, 2 * ranges * sizeof *bound);
    uint16_t *colour = fly_arena_alloc(&re->arena, 2 * ranges * sizeof *colour);
    uint32_t *size = fly_arena_alloc(&re->scratch, 3 * COLOURS_MAX * sizeof *size);
    if (bound == NULL || colour == NULL || size == NULL) {
        return fly__vec_regex_no_memory(err);
    }
    memset(size, 0, 3 * COLOURS_MAX * sizeof *size);
    size_t n = 0;
    bound[n++] = 0;
    for (uint32_t i = 0; i < re->set_count + 2; i++) {
        const charset *s = i < re->set_count ? &re->sets[i] : &sides[i - re->set_count];
        for (uint32_t r = 0; r < s->n; r++) {
            bound[n++] = s->range[r][0];
            bound[n++] = s->range[r][1] + 1;
        }
    }
    sort(bound, n);
    for (size_t i = 0; i < n; i++) {
        if (re->bounds == 0 || bound[i] != bound[re->bounds - 1]) {
            bound[re->bounds++] = bound[i];
        }
    }
    memset(colour, 0, re->bounds * sizeof *colour);
    re->bound = bound;
    re->bound_colour = colour;
    re->colours = 1;
    size[0] = re->bounds;
    for (uint32_t i = 0; i < re->set_count + 2; i++) {
        const charset *s = i < re->set_count ? &re->sets[i] : &sides[i - re->set_count];
        fly_status status = refine(re, s, colour, size, size + COLOURS_MAX, size + 2 * COLOURS_MAX,
                                   &re->colours, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    re->member_words = (re->colours + 63) / 64;
    size_t words = (size_t)re->member_words * (re->set_count > 0 ? re->set_count : 1);
    re->member = fly_arena_alloc(&re->arena, words * sizeof *re->member);
    re->side_of = fly_arena_alloc(&re->arena, re->colours);
    if (re->member == NULL || re->side_of == NULL) {
        return fly__vec_regex_no_memory(err);
    }
    memset(re->member, 0, words * sizeof *re->member);
    memset(re->side_of, 0, re->colours);
    for (uint32_t i = 0; i < re->set_count; i++) {
        const charset *s = &re->sets[i];
        uint64_t *member = re->member + (size_t)i * re->member_words;
        for (uint32_t r = 0; r < s->n; r++) {
            uint32_t at = range_of(bound, re->bounds, s->range[r][0]);
            for (; at < re->bounds && bound[at] <= s->range[r][1]; at++) {
                member[colour[at] / 64] |= (uint64_t)1 << (colour[at] % 64);
            }
        }
    }
    mark_side(re, &sides[0], S_WORD);
    mark_side(re, &sides[1], S_NEWLINE);
    for (uint32_t c = 0; c < 128; c++) {
        re->ascii[c] = fly__vec_regex_colour_of(re, c);
    }
    fly_arena_reset(&re->scratch);
    return FLY_OK;
}

/* ----------------------------------------------------------------------- programs */

typedef struct maker {
    fly_vec_regex *re;
    instruction *code;
    int32_t n, room;
    bool backwards;
    fly_err *err;
} maker;

static fly_status emit(maker *m, opcode op, int32_t a, int32_t b, int32_t *at)
{
    if (m->n == m->room) {
        int32_t room = m->room == 0 ? 32 : m->room * 2;
        if (m->room >= PROGRAM_MAX) {
            return too_complex(m->err);
        }
        instruction *code = fly_arena_alloc(&m->re->scratch, (size_t)room * sizeof *code);
        if (code == NULL) {
            return fly__vec_regex_no_memory(m->err);
        }
        if (m->n > 0) {
            memcpy(code, m->code, (size_t)m->n * sizeof *code);
        }
        m->code = code;
        m->room = room;
    }
    if (at != NULL) {
        *at = m->n;
    }
    m->code[m->n++] = (instruction){(uint8_t)op, a, b};
    return FLY_OK;
}

static fly_status emit_node(maker *m, const node *n, bool marks);

static fly_status emit_list(maker *m, const node *n, bool marks)
{
    fly_status status = FLY_OK;
    if (marks) {
        status = emit(m, I_MARK, (int32_t)n->count, 0, NULL);
    }
    for (uint32_t i = 0; i < n->count && status == FLY_OK; i++) {
        uint32_t k = m->backwards ? n->count - 1 - i : i;
        status = emit_node(m, n->kid[k], false);
        if (status == FLY_OK && marks) {
            status = emit(m, I_MARK, (int32_t)k, 0, NULL);
        }
    }
    return status;
}

static fly_status emit_choice(maker *m, const node *n)
{
    /* Jumps to the end are chained through their targets until it is known. */
    int32_t split;
    int32_t jump;
    int32_t chain = -1;
    fly_status status;
    for (uint32_t i = 0; i + 1 < n->count; i++) {
        if ((status = emit(m, I_SPLIT, m->n + 1, 0, &split)) != FLY_OK ||
            (status = emit_node(m, n->kid[i], false)) != FLY_OK ||
            (status = emit(m, I_JUMP, chain, 0, &jump)) != FLY_OK) {
            return status;
        }
        chain = jump;
        m->code[split].b = m->n;
    }
    if ((status = emit_node(m, n->kid[n->count - 1], false)) != FLY_OK) {
        return status;
    }
    while (chain >= 0) {
        int32_t next = m->code[chain].a;
        m->code[chain].a = m->n;
        chain = next;
    }
    return FLY_OK;
}

static fly_status emit_star(maker *m, const node *kid, bool marks)
{
    int32_t split;
    int32_t begin = m->n;
    fly_status status = marks ? emit(m, I_MARK, 0, 0, NULL) : FLY_OK;
    if (status != FLY_OK || (status = emit(m, I_SPLIT, m->n + 1, 0, &split)) != FLY_OK ||
        (status = emit_node(m, kid, false)) != FLY_OK ||
        (status = emit(m, I_JUMP, begin, 0, NULL)) != FLY_OK) {
        return status;
    }
    m->code[split].b = m->n;
    return FLY_OK;
}

static fly_status emit_repeat(maker *m, const node *n, bool marks)
{
    fly_status status = FLY_OK;
    if (marks) {
        return emit_star(m, n->kid[0], true);
    }
    for (int32_t i = 0; i < n->min && status == FLY_OK; i++) {
        status = emit_node(m, n->kid[0], false);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (n->max < 0) {
        return emit_star(m, n->kid[0], false);
    }
    int32_t chain = -1;
    int32_t split;
    for (int32_t i = n->min; i < n->max; i++) {
        if ((status = emit(m, I_SPLIT, m->n + 1, chain, &split)) != FLY_OK ||
            (status = emit_node(m, n->kid[0], false)) != FLY_OK) {
            return status;
        }
        chain = split;
    }
    while (chain >= 0) {
        int32_t next = m->code[chain].b;
        m->code[chain].b = m->n;
        chain = next;
    }
    return FLY_OK;
}

static fly_status emit_node(maker *m, const node *n, bool marks)
{
    switch (n->type) {
    case N_EMPTY:
        return FLY_OK;
    case N_SET:
        return emit(m, I_CHAR, n->value, 0, NULL);
    case N_ASSERT:
        return emit(m, I_ASSERT, n->value, 0, NULL);
    case N_CAT:
        return emit_list(m, n, marks);
    case N_ALT:
        return emit_choice(m, n);
    case N_REP:
        return emit_repeat(m, n, marks);
    default:
        return emit_node(m, n->kid[0], false);
    }
}

/* With `marks`: of a list, mark i is passed when kids i onwards have matched (backwards); of a repetition,
 * mark 0 whenever a whole number of times has. */
fly_status fly__vec_regex_program(fly_vec_regex *re, const node *tree, bool backwards, bool marks,
                                  program *out, fly_err *err)
{
    maker m = {re, NULL, 0, 0, backwards, err};
    fly_status status;
    if ((status = emit_node(&m, tree, marks)) != FLY_OK ||
        (status = emit(&m, I_MATCH, 0, 0, NULL)) != FLY_OK) {
        return status;
    }
    out->code = fly_arena_copy(&re->arena, m.code, (size_t)m.n * sizeof *m.code);
    out->n = m.n;
    out->start = 0;
    if (out->code == NULL) {
        return fly__vec_regex_no_memory(err);
    }
    if (m.n <= re->list.capacity) {
        return FLY_OK;
    }
    /* Room for the sets of places that go with it. */
    size_t n = (size_t)m.n;
    int32_t *room = fly_arena_alloc(&re->arena, 5 * n * sizeof *room);
    if (room == NULL) {
        return fly__vec_regex_no_memory(err);
    }
    memset(room, 0, 5 * n * sizeof *room);
    re->list = (sparse){room, room + n, 0, m.n};
    re->next = (sparse){room + 2 * n, room + 3 * n, 0, m.n};
    re->stack = room + 4 * n;
    return FLY_OK;
}

fly_status fly__vec_regex_prepare(fly_vec_regex *re, fly_err *err)
{
    fly_status status;
    if ((status = fly__vec_regex_program(re, re->root, false, false, &re->whole, err)) != FLY_OK ||
        (status = fly__vec_regex_program(re, re->root, true, false, &re->reversed, err)) !=
            FLY_OK) {
        return status;
    }
    fly_arena_reset(&re->scratch);
    re->search = (dfa){.prog = &re->whole, .floating = true};
    re->ahead = (dfa){.prog = &re->whole};
    re->back = (dfa){.prog = &re->reversed, .floating = true, .backwards = true};
    return FLY_OK;
}

/* ---------------------------------------------------------------------- automata */

static void dfa_forget(const fly_vec_regex *re, dfa *d)
{
    d->states = 1;
    d->pool_used = 0;
    d->state[0] = (dfa_state){0, 0, 0, 0};
    memset(d->bucket, 0, BUCKETS * sizeof *d->bucket);
    for (uint32_t c = 0; c <= re->colours; c++) {
        d->trans[c] = 0;
    }
    for (int i = 0; i < 8; i++) {
        d->start[i] = -1;
    }
}

static bool dfa_make(fly_vec_regex *re, dfa *d)
{
    enum { STATES = 16, POOL = 256 };
    size_t row = (size_t)re->colours + 1;
    if (d->made) {
        return true;
    }
    d->state = fly_mem_alloc(re->mem, STATES * sizeof *d->state);
    d->trans = fly_mem_alloc(re->mem, STATES * row * sizeof *d->trans);
    d->pool = fly_mem_alloc(re->mem, POOL * sizeof *d->pool);
    d->bucket = fly_mem_alloc(re->mem, BUCKETS * sizeof *d->bucket);
    d->state_room = STATES;
    d->pool_room = POOL;
    d->made = true;
    if (d->state == NULL || d->trans == NULL || d->pool == NULL || d->bucket == NULL) {
        return false;
    }
    dfa_forget(re, d);
    return true;
}

static void dfa_release(fly_vec_regex *re, dfa *d)
{
    if (d->made) {
        size_t row = (size_t)re->colours + 1;
        fly_mem_free(re->mem, d->state, d->state_room * sizeof *d->state);
        fly_mem_free(re->mem, d->trans, d->state_room * row * sizeof *d->trans);
        fly_mem_free(re->mem, d->pool, d->pool_room * sizeof *d->pool);
        fly_mem_free(re->mem, d->bucket, BUCKETS * sizeof *d->bucket);
        *d = (dfa){.prog = d->prog, .floating = d->floating, .backwards = d->backwards};
    }
}

void fly__vec_regex_release(fly_vec_regex *re)
{
    dfa_release(re, &re->search);
    dfa_release(re, &re->ahead);
    dfa_release(re, &re->back);
}

/* Room for one more state of `count` places. False: at the limit, or no memory (then `*failed`). */
static bool dfa_room(fly_vec_regex *re, dfa *d, uint32_t count, bool *failed)
{
    size_t row = (size_t)re->colours + 1;
    if (d->states == d->state_room) {
        size_t old = d->state_room;
        size_t room = old * 2;
        if (room > STATES_MAX || room * row > TRANS_MAX) {
            return false;
        }
        dfa_state *state =
            fly_mem_resize(re->mem, d->state, old * sizeof *state, room * sizeof *state);
        d->state = state != NULL ? state : d->state;
        int32_t *trans = state == NULL
                             ? NULL
                             : fly_mem_resize(re->mem, d->trans, old * row * sizeof *trans,
                                              room * row * sizeof *trans);
        if (trans == NULL) {
            if (state != NULL) {
                /* Back to one size for both; making a block smaller keeps what fits. */
                state =
                    fly_mem_resize(re->mem, d->state, room * sizeof *state, old * sizeof *state);
                d->state = state != NULL ? state : d->state;
            }
            *failed = true;
            return false;
        }
        d->trans = trans;
        d->state_room = (uint32_t)room;
    }
    while (d->pool_used + count > d->pool_room) {
        size_t old = d->pool_room;
        size_t room = old * 2;
        if (room > POOL_MAX) {
            return false;
        }
        int32_t *pool = fly_mem_resize(re->mem, d->pool, old * sizeof *pool, room * sizeof *pool);
        if (pool == NULL) {
            *failed = true;
            return false;
        }
        d->pool = pool;
        d->pool_room = (uint32_t)room;
    }
    return true;
}

/* The state of the places in re->next; a new one if it is not known. -1: no memory. `*forgot`: all
 * states from before are gone. */
static int32_t dfa_intern(fly_vec_regex *re, dfa *d, uint8_t side, bool *forgot)
{
    sparse *set = &re->next;
    uint32_t count = (uint32_t)set->n;
    if (count == 0) {
        return 0;
    }
    uint32_t hash = side * 0x9e3779b9u;
    for (int32_t i = 0; i < set->n; i++) {
        hash = (hash ^ (uint32_t)set->dense[i]) * 0x01000193u;
    }
    hash ^= hash >> 15;
    uint32_t *bucket = &d->bucket[hash % BUCKETS];
    for (uint32_t s = *bucket; s != 0; s = d->state[s - 1].next) {
        const dfa_state *state = &d->state[s - 1];
        if (state->side == side && state->count == count &&
            memcmp(d->pool + state->at, set->dense, count * sizeof *set->dense) == 0) {
            return (int32_t)(s - 1);
        }
    }
    bool failed = false;
    if (!dfa_room(re, d, count, &failed)) {
        if (failed) {
            return -1;
        }
        dfa_forget(re, d);
        *forgot = true;
        while (count > d->pool_room) {
            int32_t *pool = fly_mem_resize(re->mem, d->pool, d->pool_room * sizeof *pool,
                                           2 * (size_t)d->pool_room * sizeof *pool);
            if (pool == NULL) {
                return -1;
            }
            d->pool = pool;
            d->pool_room *= 2;
        }
        bucket = &d->bucket[hash % BUCKETS];
    }
    uint32_t at = d->states++;
    memcpy(d->pool + d->pool_used, set->dense, count * sizeof *set->dense);
    d->state[at] = (dfa_state){d->pool_used, count, side, *bucket};
    d->pool_used += count;
    *bucket = at + 1;
    int32_t *row = d->trans + (size_t)at * (re->colours + 1);
    for (uint32_t c = 0; c <= re->colours; c++) {
        row[c] = -1;
    }
    return (int32_t)at;
}

/* Add to re->list what can be reached from a place without a character. True if that is a match. */
bool fly__vec_regex_follow(fly_vec_regex *re, const program *prog, int32_t from, uint8_t before,
                           uint8_t behind)
{
    int32_t top = 0;
    bool matched = false;
    if (!fly__vec_sparse_add(&re->list, from)) {
        return false;
    }
    re->stack[top++] = from;
    while (top > 0) {
        int32_t pc = re->stack[--top];
        const instruction *i = &prog->code[pc];
        int32_t next[2] = {pc + 1, -1};
        switch (i->op) {
        case I_CHAR:
            continue;
        case I_MATCH:
            matched = true;
            continue;
        case I_ASSERT:
            if (!fly__vec_regex_holds(i->a, before, behind)) {
                continue;
            }
            break;
        case I_SPLIT:
            next[0] = i->a;
            next[1] = i->b;
            break;
        case I_JUMP:
            next[0] = i->a;
            break;
        default:
            break;
        }
        for (int k = 1; k >= 0; k--) {
            if (next[k] >= 0 && fly__vec_sparse_add(&re->list, next[k])) {
                re->stack[top++] = next[k];
            }
        }
    }
    return matched;
}

/* From a state over a colour (re->colours: the end). Negative: no memory. */
static int32_t dfa_step(fly_vec_regex *re, dfa *d, int32_t from, uint32_t colour)
{
    const dfa_state state = d->state[from];
    bool end = colour == re->colours;
    uint8_t side = end ? S_BEGIN : re->side_of[colour];
    uint8_t before = d->backwards ? side : state.side;
    uint8_t behind = d->backwards ? state.side : side;
    bool matched = false, forgot = false;
    re->list.n = 0;
    for (uint32_t i = 0; i < state.count; i++) {
        matched = fly__vec_regex_follow(re, d->prog, d->pool[state.at + i], before, behind) ||
                  matched;
    }
    re->next.n = 0;
    for (int32_t i = 0; !end && i < re->list.n; i++) {
        int32_t pc = re->list.dense[i];
        const instruction *in = &d->prog->code[pc];
        if (in->op == I_CHAR &&
            (re->member[(size_t)in->a * re->member_words + colour / 64] >> (colour % 64) & 1)) {
            (void)fly__vec_sparse_add(&re->next, pc + 1);
        }
    }
    if (d->floating && !end) {
        (void)fly__vec_sparse_add(&re->next, d->prog->start);
    }
    int32_t to = dfa_intern(re, d, side, &forgot);
    if (to < 0) {
        return -1;
    }
    int32_t result = to * 2 + matched;
    if (!forgot) {
        d->trans[(size_t)from * (re->colours + 1) + colour] = result;
    }
    return result;
}

static inline int32_t dfa_next(fly_vec_regex *re, dfa *d, int32_t from, uint32_t colour)
{
    int32_t t = d->trans[(size_t)from * (re->colours + 1) + colour];
    return FLY_LIKELY(t >= 0) ? t : dfa_step(re, d, from, colour);
}

/* The state at the beginning, by what is on the side we come from. -1: no memory. */
static int32_t dfa_begin(fly_vec_regex *re, dfa *d, uint8_t side)
{
    if (!dfa_make(re, d)) {
        return -1;
    }
    if (d->start[side] < 0) {
        bool forgot = false;
        re->next.n = 0;
        (void)fly__vec_sparse_add(&re->next, d->prog->start);
        int32_t start = dfa_intern(re, d, side, &forgot);
        if (start < 0) {
            return -1;
        }
        d->start[side] = start;
    }
    return d->start[side];
}

fly_status fly_vec_regex_match(fly_vec_regex *re, fly_bytes text, bool *found, fly_err *err)
{
    dfa *d = re->anchored ? &re->ahead : &re->search;
    int32_t state = dfa_begin(re, d, S_BEGIN);
    int32_t t;
    if (state < 0) {
        return fly__vec_regex_no_memory(err);
    }
    for (size_t at = 0, len; at < text.len; at += len) {
        uint32_t colour = fly__vec_regex_colour(re, text.data + at, text.len - at, &len);
        t = dfa_next(re, d, state, colour);
        if (t < 0) {
            return fly__vec_regex_no_memory(err);
        }
        if (t & 1) {
            *found = true;
            return FLY_OK;
        }
        state = t >> 1;
        if (state == 0) {
            *found = false;
            return FLY_OK;
        }
    }
    t = dfa_next(re, d, state, re->colours);
    if (t < 0) {
        return fly__vec_regex_no_memory(err);
    }
    *found = (t & 1) != 0;
    return FLY_OK;
}

fly_status fly__vec_regex_end(fly_vec_regex *re, fly_bytes text, size_t from, int64_t *end,
                              fly_err *err)
{
    dfa *d = &re->ahead;
    bool shortest = re->root->lean < 0;
    int32_t state = dfa_begin(re, d, fly__vec_regex_side_before(re, text, from));
    int32_t t;
    size_t at = from;
    size_t len;
    *end = -1;
    if (state < 0) {
        return fly__vec_regex_no_memory(err);
    }
    for (; at < text.len; at += len) {
        t = dfa_next(re, d, state, fly__vec_regex_colour(re, text.data + at, text.len - at, &len));
        if (t < 0) {
            return fly__vec_regex_no_memory(err);
        }
        if (t & 1) {
            *end = (int64_t)at;
            if (shortest) {
                return FLY_OK;
            }
        }
        state = t >> 1;
        if (state == 0) {
            return FLY_OK;
        }
    }
    t = dfa_next(re, d, state, re->colours);
    if (t < 0) {
        return fly__vec_regex_no_memory(err);
    }
    if (t & 1) {
        *end = (int64_t)at;
    }
    return FLY_OK;
}

fly_status fly__vec_regex_starts(fly_vec_regex *re, fly_bytes text, size_t from, uint64_t *bits,
                                 int64_t *first, fly_err *err)
{
    dfa *d = &re->back;
    int32_t state = dfa_begin(re, d, S_END);
    int32_t t;
    *first = -1;
    if (state < 0) {
        return fly__vec_regex_no_memory(err);
    }
    for (size_t at = text.len;;) {
        uint32_t colour = re->colours;
        size_t p = at;
        size_t len;
        if (at > 0) {
            p = fly__vec_regex_before(text, at);
            colour = fly__vec_regex_colour(re, text.data + p, at - p, &len);
        }
        t = dfa_next(re, d, state, colour);
        if (t < 0) {
            return fly__vec_regex_no_memory(err);
        }
        if (t & 1) {
            *first = (int64_t)at;
            if (bits != NULL) {
                bits[at / 64] |= (uint64_t)1 << (at % 64);
            }
        }
        if (at <= from) {
            return FLY_OK;
        }
        state = t >> 1;
        at = p;
    }
}
