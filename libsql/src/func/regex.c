/*
 * Regular expressions: ~ and its kin, regexp_*(), substring(), SIMILAR TO.
 *
 * Positions in SQL are of characters, in libvec of bytes; they are converted here.
 */
#include "func/pattern_int.h"

#include "types/array_int.h"

#include <fly/text.h>

enum { GROUPS_MAX = 100 };

/* --------------------------------------------------------------------------- pool */

static unsigned class_of(size_t size)
{
    unsigned i = 5;
    while (((size_t)1 << i) < size) {
        i++;
    }
    return i;
}

static void *pool_take(fly_mem *mem, size_t size, size_t align)
{
    fly__sql_pool *pool = (fly__sql_pool *)mem;
    size_t whole = size + (align > 8 ? align : 0);
    if (whole > (size_t)1 << 31) {
        return NULL;
    }
    /* Blocks of a class are aligned alike: to 64, which is all that is asked for. */
    unsigned i = class_of(size);
    if (pool->free[i] != NULL) {
        void *block = pool->free[i];
        memcpy(&pool->free[i], block, sizeof(void *));
        return block;
    }
    char *block = fly_arena_alloc(pool->arena, ((size_t)1 << i) + 64);
    return block == NULL ? NULL : block + (64 - (uintptr_t)block % 64) % 64;
}

static void pool_release(fly_mem *mem, void *block, size_t size)
{
    fly__sql_pool *pool = (fly__sql_pool *)mem;
    unsigned i = class_of(size);
    memcpy(block, &pool->free[i], sizeof(void *));
    pool->free[i] = block;
}

void fly__sql_pool_init(fly__sql_pool *pool, fly_arena *arena)
{
    *pool = (fly__sql_pool){.mem = {.alloc = pool_take, .release = pool_release}, .arena = arena};
}

/* ----------------------------------------------------------------------- patterns */

typedef struct site {
    fly__sql_pool pool;
    fly_vec_str pattern;
    unsigned flags;
    fly_vec_regex *regex;
} site;

fly_status fly__sql_regex_of(fly__sql_call *call, fly_bytes pattern, unsigned flags,
                             fly_vec_regex **regex)
{
    site *s = *call->memo;
    if (s == NULL) {
        s = fly_arena_alloc(call->memo_arena, sizeof *s);
        if (s == NULL) {
            return fly__sql_no_memory(call->err);
        }
        memset(s, 0, sizeof *s);
        fly__sql_pool_init(&s->pool, call->memo_arena);
        *call->memo = s;
    }
    flags &= ~(unsigned)FLY_VEC_REGEX_GLOBAL;
    if (s->regex != NULL && s->flags == flags &&
        fly_bytes_equal(fly_vec_str_bytes(&s->pattern), pattern)) {
        *regex = s->regex;
        return FLY_OK;
    }
    /* What goes comes back to the pool: a pattern for each row is slow, but takes no memory. */
    fly_vec_regex_destroy(s->regex);
    s->regex = NULL;
    fly_status status = fly_vec_regex_create(pattern, flags, &s->pool.mem, &s->regex, call->err);
    if (status != FLY_OK) {
        if (call->err != NULL && call->err->position == 0) {
            call->err->position = call->pos;
        }
        return status;
    }
    *regex = s->regex;
    if (s->pattern.len > FLY_VEC_STR_INLINE) {
        pool_release(&s->pool.mem, (void *)(uintptr_t)s->pattern.ptr, s->pattern.len);
    }
    const void *bytes = pattern.data;
    if (pattern.len > FLY_VEC_STR_INLINE) {
        void *copy = pool_take(&s->pool.mem, pattern.len, 8);
        if (copy == NULL) {
            s->pattern = fly_vec_str_of(NULL, 0);
            return fly__sql_no_memory(call->err);
        }
        memcpy(copy, pattern.data, pattern.len);
        bytes = copy;
    }
    s->pattern = fly_vec_str_of(bytes, pattern.len);
    s->flags = flags;
    return FLY_OK;
}

static fly_status match(fly__sql_call *call, unsigned flags, bool wanted, const fly_vec_value *args,
                        fly_vec_value *result)
{
    fly_vec_regex *regex;
    bool found = false;
    fly_status status = fly__sql_regex_of(call, arg_bytes(&args[1]), flags, &regex);
    if (status == FLY_OK) {
        status = fly_vec_regex_match(regex, arg_bytes(&args[0]), &found, call->err);
    }
    return status != FLY_OK ? status : give_bool(result, found == wanted);
}

ROW(regex)
{
    return match(call, 0, true, args, result);
}

ROW(not_regex)
{
    return match(call, 0, false, args, result);
}

ROW(iregex)
{
    return match(call, FLY_VEC_REGEX_ICASE, true, args, result);
}

ROW(not_iregex)
{
    return match(call, FLY_VEC_REGEX_ICASE, false, args, result);
}

/* ------------------------------------------------------------------ regexp_*() */

/* The flags argument number `i`, if the call has it; `only` names a function that knows no "g". */
static fly_status flags_of(fly__sql_call *call, uint32_t i, const fly_vec_value *args,
                           const char *only, unsigned *flags)
{
    *flags = 0;
    if (i >= call->argc) {
        return FLY_OK;
    }
    fly_status status = fly_vec_regex_flags(arg_bytes(&args[i]), flags, call->err);
    if (status == FLY_OK && only != NULL && (*flags & FLY_VEC_REGEX_GLOBAL) != 0) {
        FAIL(call, "22023", "%s() does not support the \"global\" option", only);
        if (strcmp(only, "regexp_match") == 0) {
            fly_err_hint(call->err, "Use the regexp_matches function instead.");
        }
        return FLY_E_INVALID;
    }
    return status;
}

/* An integer argument that must be at least `least`, or `usual` if the call does not have it. */
static fly_status int_of(fly__sql_call *call, uint32_t i, const fly_vec_value *args,
                         const char *name, int32_t least, int32_t usual, int32_t *value)
{
    *value = i < call->argc ? args[i].i32 : usual;
    if (*value < least) {
        return FAIL(call, "22023", "invalid value for parameter \"%s\": %d", name, *value);
    }
    return FLY_OK;
}

/* The groups of a match as an array, or the match itself if there are none. */
static fly_status groups_array(fly__sql_call *call, fly_bytes text, const fly_vec_span *spans,
                               int groups, fly_vec_value *result)
{
    fly__sql_array_builder builder;
    fly__sql_array_begin(&builder, fly__sql_type(FLY_SQL_TEXT), call->arena);
    fly_status status = FLY_OK;
    int from = groups > 0 ? 1 : 0;
    for (int i = from; i <= groups && status == FLY_OK; i++) {
        fly_vec_value value = {.null = spans[i].begin < 0};
        if (!value.null) {
            value.str =
                fly_vec_str_of(text.data + spans[i].begin, (size_t)(spans[i].end - spans[i].begin));
        }
        status = fly__sql_array_add(&builder, &value, call->err);
    }
    result->null = false;
    return status != FLY_OK ? status : fly__sql_array_end(&builder, &result->str, call->err);
}

static fly_status too_many_groups(fly__sql_call *call)
{
    return FAIL(call, "0A000", "regular expressions with more than %d groups are not supported",
                GROUPS_MAX - 1);
}

ROW(regexp_match)
{
    unsigned flags;
    fly_vec_regex *regex = NULL;
    fly_vec_span spans[GROUPS_MAX];
    bool found = false;
    fly_bytes text = arg_bytes(&args[0]);
    fly_status status = flags_of(call, 2, args, "regexp_match", &flags);
    if (status == FLY_OK) {
        status = fly__sql_regex_of(call, arg_bytes(&args[1]), flags, &regex);
    }
    if (status != FLY_OK) {
        return status;
    }
    int groups = fly_vec_regex_groups(regex);
    if (groups >= GROUPS_MAX) {
        return too_many_groups(call);
    }
    status = fly_vec_regex_find(regex, text, 0, spans, (size_t)groups + 1, &found, call->err);
    if (status != FLY_OK || !found) {
        return status != FLY_OK ? status : give_null(result);
    }
    return groups_array(call, text, spans, groups, result);
}

ROW(regexp_like)
{
    unsigned flags;
    fly_status status = flags_of(call, 2, args, "regexp_like", &flags);
    return status != FLY_OK ? status : match(call, flags, true, args, result);
}

/* regexp_replace(): the fourth argument is flags, or where to begin; a fifth says which match. */
ROW(regexp_replace)
{
    bool numbered = call->argc > 3 && call->types[3].oid == FLY_SQL_INT4;
    unsigned flags = 0;
    int32_t start = 1;
    int32_t nth = 1;
    fly_vec_regex *regex;
    fly_vec_str out;
    fly_bytes text = arg_bytes(&args[0]);
    fly_status status = flags_of(call, numbered ? 5 : 3, args, NULL, &flags);
    if (status == FLY_OK && numbered) {
        status = int_of(call, 3, args, "start", 1, 1, &start);
    }
    if (status == FLY_OK && numbered) {
        status = int_of(call, 4, args, "n", 0, 1, &nth);
    }
    if (call->argc <= 4 && (flags & FLY_VEC_REGEX_GLOBAL) != 0) {
        nth = 0;
    }
    if (status == FLY_OK) {
        status = fly__sql_regex_of(call, arg_bytes(&args[1]), flags, &regex);
    }
    if (status != FLY_OK) {
        return status;
    }
    size_t from = fly_text_offset(text, (size_t)start - 1);
    if (start > 1 && from >= text.len && (size_t)start - 1 > fly_text_count(text)) {
        return give_str(result, args[0].str);
    }
    status = fly_vec_regex_replace(regex, text, arg_bytes(&args[2]), from, nth, call->arena, &out,
                                   call->err);
    return status != FLY_OK ? status : give_str(result, out);
}

/* The `nth` match at or behind character `start`; its groups too. */
static fly_status nth_match(fly__sql_call *call, fly_vec_regex *regex, fly_bytes text,
                            int32_t start, int64_t nth, fly_vec_span *spans, size_t count,
                            int64_t *seen)
{
    fly_vec_regex_scan scan;
    *seen = 0;
    if ((size_t)start - 1 > fly_text_count(text)) {
        return FLY_E_END;
    }
    fly_status status = fly_vec_regex_scan_begin(&scan, regex, text,
                                                 fly_text_offset(text, (size_t)start - 1), false,
                                                 call->arena, call->err);
    while (status == FLY_OK && *seen < nth) {
        status = fly_vec_regex_scan_next(&scan, spans, count, call->err);
        *seen += status == FLY_OK;
    }
    return status;
}

ROW(regexp_count)
{
    unsigned flags;
    int32_t start;
    int64_t seen = 0;
    fly_vec_regex *regex;
    fly_vec_span span;
    fly_status status = int_of(call, 2, args, "start", 1, 1, &start);
    if (status == FLY_OK) {
        status = flags_of(call, 3, args, "regexp_count", &flags);
    }
    if (status == FLY_OK) {
        status = fly__sql_regex_of(call, arg_bytes(&args[1]), flags, &regex);
    }
    if (status == FLY_OK) {
        status = nth_match(call, regex, arg_bytes(&args[0]), start, INT64_MAX, &span, 1, &seen);
    }
    return status != FLY_OK && status != FLY_E_END ? status : give_i32(result, (int32_t)seen);
}

/* What regexp_instr() and regexp_substr() share: which group of which match. */
static fly_status find_group(fly__sql_call *call, const fly_vec_value *args, const char *name,
                             uint32_t flags_at, fly_vec_span *span)
{
    unsigned flags;
    int32_t start;
    int32_t nth;
    int32_t group;
    int64_t seen;
    fly_vec_regex *regex;
    fly_vec_span spans[GROUPS_MAX];
    fly_status status = int_of(call, 2, args, "start", 1, 1, &start);
    if (status == FLY_OK) {
        status = int_of(call, 3, args, "n", 1, 1, &nth);
    }
    if (status == FLY_OK) {
        status = flags_of(call, flags_at, args, name, &flags);
    }
    if (status == FLY_OK) {
        status = int_of(call, flags_at + 1, args, "subexpr", 0, 0, &group);
    }
    if (status == FLY_OK) {
        status = fly__sql_regex_of(call, arg_bytes(&args[1]), flags, &regex);
    }
    if (status != FLY_OK) {
        return status;
    }
    int groups = fly_vec_regex_groups(regex);
    if (groups >= GROUPS_MAX) {
        return too_many_groups(call);
    }
    if (group > groups) {
        return FLY_E_END;
    }
    status =
        nth_match(call, regex, arg_bytes(&args[0]), start, nth, spans, (size_t)group + 1, &seen);
    if (status != FLY_OK || spans[group].begin < 0) {
        return status != FLY_OK ? status : FLY_E_END;
    }
    *span = spans[group];
    return FLY_OK;
}

ROW(regexp_instr)
{
    fly_vec_span span;
    int32_t at_end;
    fly_status status = int_of(call, 4, args, "endoption", 0, 0, &at_end);
    if (status == FLY_OK && at_end > 1) {
        return FAIL(call, "22023", "invalid value for parameter \"endoption\": %d", at_end);
    }
    if (status == FLY_OK) {
        status = find_group(call, args, "regexp_instr", 5, &span);
    }
    if (status != FLY_OK) {
        return status == FLY_E_END ? give_i32(result, 0) : status;
    }
    int64_t place = at_end == 1 ? span.end : span.begin;
    fly_bytes before = fly_bytes_of(arg_bytes(&args[0]).data, (size_t)place);
    return give_i32(result, (int32_t)fly_text_count(before) + 1);
}

ROW(regexp_substr)
{
    fly_vec_span span;
    fly_status status = find_group(call, args, "regexp_substr", 4, &span);
    if (status != FLY_OK) {
        return status == FLY_E_END ? give_null(result) : status;
    }
    return give_bytes(result, fly_bytes_of(arg_bytes(&args[0]).data + span.begin,
                                           (size_t)(span.end - span.begin)));
}

ROW(substring_regex)
{
    fly_vec_regex *regex;
    fly_vec_str out;
    bool null = false;
    fly_status status = fly__sql_regex_of(call, arg_bytes(&args[1]), 0, &regex);
    if (status == FLY_OK) {
        status = fly_vec_regex_substring(regex, arg_bytes(&args[0]), &out, &null, call->err);
    }
    if (status != FLY_OK) {
        return status;
    }
    return null ? give_null(result) : give_str(result, out);
}

/* --------------------------------------------------------------------- SIMILAR TO */

ROW(similar_to_escape)
{
    fly_vec_str out;
    fly_bytes escape = call->argc > 1 ? arg_bytes(&args[1]) : fly_bytes_str("\\");
    fly_status status =
        fly_vec_similar_to_regex(arg_bytes(&args[0]), escape, call->arena, &out, call->err);
    return status != FLY_OK ? status : give_str(result, out);
}

ROW(substring_similar)
{
    fly_vec_str pattern;
    fly_status status = fly_vec_similar_to_regex(arg_bytes(&args[1]), arg_bytes(&args[2]),
                                                 call->arena, &pattern, call->err);
    if (status != FLY_OK) {
        return status;
    }
    fly_vec_value two[2] = {args[0], {.str = pattern}};
    return fly__sql_fn_substring_regex(call, two, result);
}

/* ------------------------------------------------------------------------- pieces */

/* The pieces between matches, one after the other. */
typedef struct splitter {
    fly_vec_regex_scan scan;
    fly_bytes text;
    size_t at;
    bool ended;
} splitter;

static fly_status split_begin(fly__sql_call *call, splitter *s, const fly_vec_value *args,
                              const char *name)
{
    unsigned flags;
    fly_vec_regex *regex;
    s->text = arg_bytes(&args[0]);
    s->at = 0;
    s->ended = false;
    fly_status status = flags_of(call, 2, args, name, &flags);
    if (status == FLY_OK) {
        status = fly__sql_regex_of(call, arg_bytes(&args[1]), flags, &regex);
    }
    return status != FLY_OK ? status
                            : fly_vec_regex_scan_begin(&s->scan, regex, s->text, 0, true,
                                                       call->arena, call->err);
}

static fly_status split_next(fly__sql_call *call, splitter *s, fly_bytes *piece)
{
    fly_vec_span span;
    if (s->ended) {
        return FLY_E_END;
    }
    fly_status status = fly_vec_regex_scan_next(&s->scan, &span, 1, call->err);
    s->ended = status == FLY_E_END;
    size_t end = s->ended ? s->text.len : status == FLY_OK ? (size_t)span.begin : s->at;
    *piece = fly_bytes_of(s->text.data + s->at, end - s->at);
    if (status == FLY_OK) {
        s->at = (size_t)span.end;
    }
    return s->ended ? FLY_OK : status;
}

ROW(regexp_split_to_array)
{
    splitter s;
    fly_bytes piece;
    fly__sql_array_builder builder;
    fly__sql_array_begin(&builder, fly__sql_type(FLY_SQL_TEXT), call->arena);
    fly_status status = split_begin(call, &s, args, "regexp_split_to_array");
    while (status == FLY_OK && (status = split_next(call, &s, &piece)) == FLY_OK) {
        fly_vec_value value = {.str = fly_vec_str_of(piece.data, piece.len)};
        status = fly__sql_array_add(&builder, &value, call->err);
    }
    result->null = false;
    return status != FLY_E_END ? status : fly__sql_array_end(&builder, &result->str, call->err);
}

/* A state keeps its own copy of the text's view: short texts lie in the value. */
typedef struct split_state {
    fly_vec_value args[3];
    splitter splitter;
} split_state;

static fly_status table_open(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    split_state *s = state;
    memcpy(s->args, args, call->argc * sizeof args[0]);
    return split_begin(call, &s->splitter, s->args, "regexp_split_to_table");
}

static fly_status table_next(fly__sql_call *call, void *state, fly_vec_value *row)
{
    split_state *s = state;
    fly_bytes piece;
    fly_status status = split_next(call, &s->splitter, &piece);
    return status != FLY_OK ? status : give_bytes(row, piece);
}

const fly__sql_set_function fly__sql_set_regexp_split_to_table = {
    .state_size = sizeof(split_state), .open = table_open, .next = table_next};

typedef struct matches_state {
    fly_vec_value args[3];
    fly_vec_regex_scan scan;
    int groups;
    bool global;
    bool ended;
} matches_state;

static fly_status matches_open(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    matches_state *s = state;
    unsigned flags;
    fly_vec_regex *regex = NULL;
    memcpy(s->args, args, call->argc * sizeof args[0]);
    s->ended = false;
    fly_status status = flags_of(call, 2, s->args, NULL, &flags);
    if (status == FLY_OK) {
        status = fly__sql_regex_of(call, arg_bytes(&s->args[1]), flags, &regex);
    }
    if (status != FLY_OK) {
        return status;
    }
    s->global = (flags & FLY_VEC_REGEX_GLOBAL) != 0;
    s->groups = fly_vec_regex_groups(regex);
    if (s->groups >= GROUPS_MAX) {
        return too_many_groups(call);
    }
    return fly_vec_regex_scan_begin(&s->scan, regex, arg_bytes(&s->args[0]), 0, false, call->arena,
                                    call->err);
}

static fly_status matches_next(fly__sql_call *call, void *state, fly_vec_value *row)
{
    matches_state *s = state;
    fly_vec_span spans[GROUPS_MAX];
    if (s->ended) {
        return FLY_E_END;
    }
    fly_status status = fly_vec_regex_scan_next(&s->scan, spans, (size_t)s->groups + 1, call->err);
    s->ended = !s->global || status == FLY_E_END;
    return status != FLY_OK ? status
                            : groups_array(call, arg_bytes(&s->args[0]), spans, s->groups, row);
}

const fly__sql_set_function fly__sql_set_regexp_matches = {
    .state_size = sizeof(matches_state), .open = matches_open, .next = matches_next};
