/*
 * Regular expressions as their users see them: create, find, find all, replace.
 *
 * Finding is three steps, each by an automaton (regex_match.c): where does the leftmost match begin, where
 * does it end, and, if somebody asks, where are its groups (regex_group.c). When all matches of a text
 * are wanted, the beginnings of all are noted in one pass, so that a search does not go through the
 * rest of the text for each.
 */
#include "regex_int.h"

#include <string.h>

fly_status fly_vec_regex_create(fly_bytes pattern, unsigned flags, fly_mem *mem,
                                fly_vec_regex **out, fly_err *err)
{
    fly_vec_regex *re = fly_mem_alloc(mem, sizeof *re);
    if (re == NULL) {
        return fly__vec_regex_no_memory(err);
    }
    memset(re, 0, sizeof *re);
    re->mem = mem;
    re->flags = flags;
    fly_arena_init(&re->arena, mem, 0);
    fly_arena_init(&re->scratch, mem, 0);
    fly_status status;
    if ((status = fly__vec_regex_parse(re, pattern, err)) != FLY_OK ||
        (status = fly__vec_regex_colours(re, err)) != FLY_OK ||
        (status = fly__vec_regex_prepare(re, err)) != FLY_OK) {
        fly_vec_regex_destroy(re);
        return status;
    }
    *out = re;
    return FLY_OK;
}

void fly_vec_regex_destroy(fly_vec_regex *re)
{
    if (re != NULL) {
        fly__vec_regex_release(re);
        fly_arena_deinit(&re->arena);
        fly_arena_deinit(&re->scratch);
        fly_mem_free(re->mem, re, sizeof *re);
    }
}

int fly_vec_regex_groups(const fly_vec_regex *re)
{
    return re->groups;
}

fly_bytes fly_vec_regex_prefix(const fly_vec_regex *re, bool *exact)
{
    *exact = re->prefix_exact;
    return re->prefix;
}

/* The match that begins at `begin`. There is one, but in text that is not UTF-8, which looks different
 * from behind; FLY_E_NOT_FOUND then. */
static fly_status fill(fly_vec_regex *re, fly_bytes text, size_t begin, fly_vec_span *spans,
                       size_t count, fly_err *err)
{
    int64_t end;
    fly_status status = fly__vec_regex_end(re, text, begin, &end, err);
    if (status != FLY_OK) {
        return status;
    }
    if (end < 0) {
        return FLY_E_NOT_FOUND;
    }
    spans[0] = (fly_vec_span){(int64_t)begin, end};
    return count > 1 ? fly__vec_regex_groups(re, text, spans, count, err) : FLY_OK;
}

fly_status fly_vec_regex_find(fly_vec_regex *re, fly_bytes text, size_t from, fly_vec_span *spans,
                              size_t count, bool *found, fly_err *err)
{
    int64_t begin;
    fly_status status;
    *found = false;
    if (from > text.len || (re->anchored && from > 0)) {
        return FLY_OK;
    }
    if (re->anchored) {
        int64_t end;
        if ((status = fly__vec_regex_end(re, text, 0, &end, err)) != FLY_OK || end < 0) {
            return status;
        }
        *found = true;
        return fill(re, text, 0, spans, count, err);
    }
    if (from == 0) {
        bool any;
        if ((status = fly_vec_regex_match(re, text, &any, err)) != FLY_OK || !any) {
            return status;
        }
    }
    if ((status = fly__vec_regex_starts(re, text, from, NULL, &begin, err)) != FLY_OK ||
        begin < 0) {
        return status;
    }
    status = fill(re, text, (size_t)begin, spans, count, err);
    *found = status == FLY_OK;
    return status == FLY_E_NOT_FOUND ? FLY_OK : status;
}

fly_status fly_vec_regex_scan_begin(fly_vec_regex_scan *scan, fly_vec_regex *re, fly_bytes text,
                                    size_t from, bool skip_empty, fly_arena *arena, fly_err *err)
{
    *scan = (fly_vec_regex_scan){.re = re, .text = text, .at = from, .skip_empty = skip_empty};
    if (from > text.len) {
        scan->done = true;
        return FLY_OK;
    }
    bool any;
    fly_status status = fly_vec_regex_match(re, text, &any, err);
    if (status != FLY_OK || !any) {
        scan->done = true;
        return status;
    }
    size_t words = text.len / 64 + 1;
    scan->starts = fly_arena_alloc(arena, words * sizeof *scan->starts);
    if (scan->starts == NULL) {
        return fly__vec_regex_no_memory(err);
    }
    memset(scan->starts, 0, words * sizeof *scan->starts);
    int64_t first;
    return fly__vec_regex_starts(re, text, from, scan->starts, &first, err);
}

/* The first bit that is set at or after `at`; SIZE_MAX if none is. */
static size_t next_bit(const uint64_t *bits, size_t at, size_t last)
{
    size_t word = at / 64;
    uint64_t x = bits[word] & (~(uint64_t)0 << (at % 64));
    while (x == 0) {
        if (++word > last / 64) {
            return SIZE_MAX;
        }
        x = bits[word];
    }
    return word * 64 + (size_t)__builtin_ctzll(x);
}

/* The character behind `at`, or one further than the text. */
static size_t over(fly_bytes text, size_t at)
{
    if (at >= text.len) {
        return at + 1;
    }
    size_t len;
    (void)fly__vec_regex_decode(text.data + at, text.len - at, &len);
    return at + len;
}

fly_status fly_vec_regex_scan_next(fly_vec_regex_scan *scan, fly_vec_span *spans, size_t count,
                                   fly_err *err)
{
    while (!scan->done && scan->at <= scan->text.len) {
        size_t begin = next_bit(scan->starts, scan->at, scan->text.len);
        if (begin == SIZE_MAX) {
            break;
        }
        fly_vec_span whole;
        fly_status status = fill(scan->re, scan->text, begin, &whole, 1, err);
        if (status == FLY_E_NOT_FOUND) {
            scan->at = begin + 1;
            continue;
        }
        if (status != FLY_OK) {
            return status;
        }
        size_t end = (size_t)whole.end;
        bool give = !scan->skip_empty || (begin < scan->text.len && end > scan->last_end);
        scan->at = end == begin ? over(scan->text, end) : end;
        scan->last_end = end;
        if (!give) {
            continue;
        }
        spans[0] = whole;
        return count > 1 ? fly__vec_regex_groups(scan->re, scan->text, spans, count, err) : FLY_OK;
    }
    scan->done = true;
    return FLY_E_END;
}

/* ---------------------------------------------------------------------- replacing */

/* A text that grows in an arena: what it leaves behind is at most as much as it ends with. */
typedef struct sink {
    fly_arena *arena;
    uint8_t *bytes;
    size_t n, room;
    bool failed;
} sink;

static void put(sink *s, const uint8_t *data, size_t len)
{
    if (len == 0 || s->failed) {
        return;
    }
    if (len > s->room - s->n) {
        size_t room = s->room * 2 + len + 64;
        uint8_t *bytes = s->n + len > INT32_MAX ? NULL : fly_arena_alloc(s->arena, room);
        if (bytes == NULL) {
            s->failed = true;
            return;
        }
        if (s->n > 0) {
            memcpy(bytes, s->bytes, s->n);
        }
        s->bytes = bytes;
        s->room = room;
    }
    memcpy(s->bytes + s->n, data, len);
    s->n += len;
}

static void put_replacement(sink *s, fly_bytes with, fly_bytes text, const fly_vec_span *spans)
{
    size_t from = 0;
    for (size_t i = 0; i + 1 < with.len; i++) {
        if (with.data[i] != '\\') {
            continue;
        }
        uint8_t c = with.data[i + 1];
        int group = c >= '1' && c <= '9' ? c - '0' : c == '&' ? 0 : -1;
        if (group < 0 && c != '\\') {
            continue;
        }
        put(s, with.data + from, i - from);
        if (group < 0) {
            put(s, with.data + i, 1);
        } else if (spans[group].begin >= 0) {
            put(s, text.data + spans[group].begin, (size_t)(spans[group].end - spans[group].begin));
        }
        from = i + 2;
        i++;
    }
    put(s, with.data + from, with.len - from);
}

fly_status fly_vec_regex_replace(fly_vec_regex *re, fly_bytes text, fly_bytes with, size_t from,
                                 int64_t nth, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    enum { SPANS = 10 };
    fly_vec_span spans[SPANS];
    fly_vec_regex_scan scan;
    sink s = {arena, NULL, 0, 0, false};
    size_t copied = 0;
    bool groups = re->groups > 0 && with.len > 0 && memchr(with.data, '\\', with.len) != NULL;
    for (int i = 0; i < SPANS; i++) {
        spans[i] = (fly_vec_span){-1, -1};
    }
    fly_status status = FLY_OK;
    if (nth == 1) {
        bool found;
        status = fly_vec_regex_find(re, text, from, spans, groups ? SPANS : 1, &found, err);
        if (status != FLY_OK) {
            return status;
        }
        if (found) {
            put(&s, text.data, (size_t)spans[0].begin);
            put_replacement(&s, with, text, spans);
            copied = (size_t)spans[0].end;
        }
    } else {
        status = fly_vec_regex_scan_begin(&scan, re, text, from, false, arena, err);
        for (int64_t n = 1; status == FLY_OK; n++) {
            status = fly_vec_regex_scan_next(&scan, spans, groups ? SPANS : 1, err);
            if (status != FLY_OK || (nth > 0 && n < nth)) {
                continue;
            }
            put(&s, text.data + copied, (size_t)spans[0].begin - copied);
            put_replacement(&s, with, text, spans);
            copied = (size_t)spans[0].end;
            if (nth > 0) {
                break;
            }
        }
        if (status != FLY_OK && status != FLY_E_END) {
            return status;
        }
    }
    if (s.n == 0 && copied == 0) {
        *out = fly_vec_str_of(text.data, text.len);
        return FLY_OK;
    }
    put(&s, text.data + copied, text.len - copied);
    if (s.failed) {
        return fly__vec_regex_no_memory(err);
    }
    *out = fly_vec_str_of(s.bytes, s.n);
    return FLY_OK;
}

fly_status fly_vec_regex_substring(fly_vec_regex *re, fly_bytes text, fly_vec_str *out, bool *null,
                                   fly_err *err)
{
    fly_vec_span spans[2];
    size_t use = re->groups > 0 ? 1 : 0;
    bool found;
    fly_status status = fly_vec_regex_find(re, text, 0, spans, use + 1, &found, err);
    if (status != FLY_OK) {
        return status;
    }
    *null = !found || spans[use].begin < 0;
    if (!*null) {
        *out = fly_vec_str_of(text.data + spans[use].begin,
                              (size_t)(spans[use].end - spans[use].begin));
    }
    return FLY_OK;
}
