/*
 * LIKE: a pattern as pieces between percent signs.
 *
 * A piece is a list of runs: some literal bytes, then some `_`. Invariants:
 *
 *     L1  only the last run of a piece may have no `_` behind it; no run is empty
 *     L2  the first piece stands at the text's beginning unless `floats_at_start`, the last at its end
 *         unless `floats_at_end`; a pattern without any percent sign is one piece at both
 *
 * What is not here: Unicode's case folding (libtext), regular expressions (regex_*.c).
 */
#define _GNU_SOURCE /* memmem() */
#include <fly/vec_like.h>

#include <string.h>

typedef struct run {
    fly_bytes bytes;
    uint32_t any; /* characters behind them */
} run;

typedef struct piece {
    run *runs;
    uint32_t count;
    uint32_t characters; /* of the whole piece */
} piece;

struct fly_vec_like {
    piece *pieces;
    uint32_t count;
    bool floats_at_start;
    bool floats_at_end;
    bool fold;
};

static fly_status error(fly_err *err, const char *sqlstate, const char *message)
{
    fly_status status = fly_err_set(err, FLY_E_INVALID, "%s", message);
    if (err != NULL) {
        memcpy(err->sqlstate, sqlstate, sizeof err->sqlstate);
    }
    return status;
}

/* Bytes of the character at `at`, within `left` bytes. */
static size_t step(const uint8_t *at, size_t left)
{
    size_t n = *at < 0xc0 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
    return n < left ? n : left;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static fly_status bad_escape(fly_err *err)
{
    fly_status status = error(err, "22025", "invalid escape string");
    if (err != NULL) {
        fly_err_hint(err, "Escape string must be empty or one character.");
    }
    return status;
}

/* ---------------------------------------------------------------------- compiling */

/* What the compiler writes into; sizes are known from a first look at the pattern. */
typedef struct maker {
    fly_vec_like *like;
    run *runs;
    uint8_t *bytes;
    uint32_t run_count;
    size_t used;
    bool open; /* the last piece may grow */
} maker;

static piece *last_piece(maker *m)
{
    if (!m->open) {
        piece *p = &m->like->pieces[m->like->count++];
        *p = (piece){m->runs + m->run_count, 0, 0};
        m->open = true;
    }
    return &m->like->pieces[m->like->count - 1];
}

static run *new_run(maker *m, piece *p)
{
    run *r = &m->runs[m->run_count++];
    *r = (run){fly_bytes_of(m->bytes + m->used, 0), 0};
    p->count++;
    return r;
}

static void add_literal(maker *m, const uint8_t *at, size_t n)
{
    piece *p = last_piece(m);
    run *r = p->count > 0 ? &p->runs[p->count - 1] : NULL;
    if (r == NULL || r->any > 0) {
        r = new_run(m, p);
    }
    for (size_t i = 0; i < n; i++) {
        m->bytes[m->used++] = m->like->fold ? lower(at[i]) : at[i];
    }
    r->bytes.len += n;
    p->characters++;
}

static void add_any(maker *m)
{
    piece *p = last_piece(m);
    run *r = p->count > 0 ? &p->runs[p->count - 1] : new_run(m, p);
    r->any++;
    p->characters++;
}

fly_status fly_vec_like_compile(fly_bytes pattern, fly_bytes escape, bool fold, fly_arena *arena,
                                const fly_vec_like **out, fly_err *err)
{
    if (escape.len > 0 && step(escape.data, escape.len) != escape.len) {
        return bad_escape(err);
    }
    size_t percents = 0;
    size_t anys = 0;
    for (size_t i = 0; i < pattern.len; i++) {
        percents += pattern.data[i] == '%';
        anys += pattern.data[i] == '_';
    }
    fly_vec_like *like = fly_arena_alloc(arena, sizeof *like);
    piece *pieces = fly_arena_alloc(arena, (percents + 1) * sizeof *pieces);
    run *runs = fly_arena_alloc(arena, (percents + anys + 2) * sizeof *runs);
    uint8_t *bytes = fly_arena_alloc(arena, pattern.len);
    if (like == NULL || pieces == NULL || runs == NULL || bytes == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a pattern");
    }
    *like = (fly_vec_like){.pieces = pieces, .fold = fold};
    maker m = {like, runs, bytes, 0, 0, false};
    for (size_t i = 0; i < pattern.len;) {
        const uint8_t *at = pattern.data + i;
        size_t left = pattern.len - i;
        size_t n = step(at, left);
        if (escape.len > 0 && n == escape.len && memcmp(at, escape.data, n) == 0) {
            if (n == left) {
                return error(err, "22025", "LIKE pattern must not end with escape character");
            }
            size_t next = step(at + n, left - n);
            add_literal(&m, at + n, next);
            i += n + next;
            like->floats_at_end = false;
            continue;
        }
        if (*at == '%') {
            like->floats_at_start = like->floats_at_start || (like->count == 0);
            like->floats_at_end = true;
            m.open = false;
        } else {
            like->floats_at_end = false;
            if (*at == '_') {
                add_any(&m);
            } else {
                add_literal(&m, at, n);
            }
        }
        i += n;
    }
    *out = like;
    return FLY_OK;
}

void fly_vec_like_shape_of(const fly_vec_like *like, fly_vec_like_shape *shape)
{
    memset(shape, 0, sizeof *shape);
    bool plain = like->count <= 1 && (like->count == 0 || (like->pieces[0].count == 1 &&
                                                           like->pieces[0].runs[0].any == 0));
    if (like->floats_at_start || like->fold) {
        return;
    }
    shape->exact = plain && !like->floats_at_end;
    shape->prefix_only = plain && like->floats_at_end && like->count == 1;
    if (like->count > 0) {
        shape->prefix = like->pieces[0].runs[0].bytes;
    }
}

/* ---------------------------------------------------------------------- matching */

static bool same(const fly_vec_like *like, const uint8_t *text, fly_bytes want)
{
    if (!like->fold) {
        return memcmp(text, want.data, want.len) == 0;
    }
    for (size_t i = 0; i < want.len; i++) {
        if (lower(text[i]) != want.data[i]) {
            return false;
        }
    }
    return true;
}

/* Whether a piece stands at `at`. Returns where it ends, or NULL. */
static const uint8_t *stands(const fly_vec_like *like, const piece *p, const uint8_t *at,
                             const uint8_t *end)
{
    for (uint32_t i = 0; i < p->count; i++) {
        const run *r = &p->runs[i];
        if ((size_t)(end - at) < r->bytes.len || (r->bytes.len > 0 && !same(like, at, r->bytes))) {
            return NULL;
        }
        at += r->bytes.len;
        for (uint32_t j = 0; j < r->any; j++) {
            if (at == end) {
                return NULL;
            }
            at += step(at, (size_t)(end - at));
        }
    }
    return at;
}

/* The first place at or after `at` where bytes stand, or NULL. */
static const uint8_t *find(const fly_vec_like *like, const uint8_t *at, const uint8_t *end,
                           fly_bytes want)
{
    if ((size_t)(end - at) < want.len) {
        return NULL;
    }
    if (!like->fold) {
        return memmem(at, (size_t)(end - at), want.data, want.len);
    }
    for (const uint8_t *last = end - want.len; at <= last; at++) {
        if (lower(*at) == want.data[0] && same(like, at, want)) {
            return at;
        }
    }
    return NULL;
}

/* The end of the first place at or after `at` where a piece stands, or NULL. */
static const uint8_t *look_for(const fly_vec_like *like, const piece *p, const uint8_t *at,
                               const uint8_t *end)
{
    const run *first = &p->runs[0];
    for (;;) {
        if (first->bytes.len > 0) {
            at = find(like, at, end, first->bytes);
            if (at == NULL) {
                return NULL;
            }
        }
        const uint8_t *behind = stands(like, p, at, end);
        if (behind != NULL || at == end) {
            return behind;
        }
        at += step(at, (size_t)(end - at));
    }
}

bool fly_vec_like_match(const fly_vec_like *like, fly_bytes text)
{
    static const uint8_t nothing[1] = {0};
    const uint8_t *at = text.len > 0 ? text.data : nothing;
    const uint8_t *end = at + text.len;
    uint32_t i = 0;
    uint32_t count = like->count;
    if (count == 0) {
        return like->floats_at_end || text.len == 0;
    }
    if (!like->floats_at_start) {
        at = stands(like, &like->pieces[i++], at, end);
        if (at == NULL) {
            return false;
        }
        if (i == count) {
            return like->floats_at_end || at == end;
        }
    }
    for (; i + !like->floats_at_end < count; i++) {
        at = look_for(like, &like->pieces[i], at, end);
        if (at == NULL) {
            return false;
        }
    }
    if (like->floats_at_end) {
        return true;
    }
    /* The last piece, from behind: go back as many characters as it has. */
    const piece *p = &like->pieces[i];
    const uint8_t *begin = end;
    for (uint32_t n = p->characters; n > 0; n--) {
        if (begin == at) {
            return false;
        }
        begin--;
        while (begin > at && (*begin & 0xc0) == 0x80) {
            begin--;
        }
    }
    return stands(like, p, begin, end) == end;
}

/* --------------------------------------------------------------------- SIMILAR TO */

fly_status fly_vec_similar_to_regex(fly_bytes pattern, fly_bytes escape, fly_arena *arena,
                                    fly_vec_str *out, fly_err *err)
{
    static const char *const separators[] = {"){1,1}?(", "){1,1}(?:"};
    if (escape.len > 0 && step(escape.data, escape.len) != escape.len) {
        return bad_escape(err);
    }
    size_t room = pattern.len * 3 + 40;
    char *to = fly_arena_alloc(arena, room);
    char *begin = to;
    if (to == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a pattern");
    }
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the length is kept beside it */
    memcpy(to, "^(?:", 4);
    to += 4;
    bool escaped = false, bracket = false;
    int quotes = 0;
    for (size_t i = 0, n; i < pattern.len; i += n) {
        const uint8_t *at = pattern.data + i;
        n = step(at, pattern.len - i);
        if (escaped) {
            escaped = false;
            if (*at == '"' && !bracket) {
                if (quotes == 2) {
                    return error(err, "2200C",
                                 "SQL regular expression may not contain more than two "
                                 "escape-double-quote separators");
                }
                size_t len = strlen(separators[quotes]);
                memcpy(to, separators[quotes++], len);
                to += len;
                continue;
            }
            *to++ = '\\';
        } else if (escape.len > 0 && n == escape.len && memcmp(at, escape.data, n) == 0) {
            escaped = true;
            continue;
        } else if (bracket) {
            if (*at == '\\') {
                *to++ = '\\';
            }
            bracket = *at != ']';
        } else if (*at == '[') {
            bracket = true;
        } else if (*at == '%') {
            /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the length is kept beside it */
            memcpy(to, ".*", 2);
            to += 2;
            continue;
        } else if (*at == '_') {
            *to++ = '.';
            continue;
        } else if (*at == '(') {
            /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the length is kept beside it */
            memcpy(to, "(?:", 3);
            to += 3;
            continue;
        } else if (*at == '\\' || *at == '.' || *at == '^' || *at == '$') {
            *to++ = '\\';
        }
        memcpy(to, at, n);
        to += n;
    }
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the length is kept beside it */
    memcpy(to, ")$", 2);
    to += 2;
    *out = fly_vec_str_of(begin, (size_t)(to - begin));
    return FLY_OK;
}
