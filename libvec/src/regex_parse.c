/*
 * The text of a regular expression into a tree.
 *
 * Recursive descent with a limit on depth. Characters become sets, also single ones, so that case folding
 * happens once, here.
 *
 * What is not here: back references and look-around; patterns with them are refused by name (0A000).
 * @source PostgreSQL documentation, 9.7.3, "POSIX Regular Expressions".
 */
#include "regex_int.h"

#include <string.h>

typedef struct reader {
    fly_vec_regex *re;
    const uint8_t *at, *end;
    int depth;
    unsigned flags;
    fly_err *err;
} reader;

fly_status fly__vec_regex_error(fly_err *err, const char *what)
{
    fly_status status = fly_err_set(err, FLY_E_INVALID, "invalid regular expression: %s", what);
    if (err != NULL) {
        memcpy(err->sqlstate, "2201B", 6);
    }
    return status;
}

fly_status fly__vec_regex_no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a regular expression");
}

static fly_status unsupported(fly_err *err, const char *what)
{
    (void)fly_err_set(err, FLY_E_UNSUPPORTED, "%s in regular expressions are not supported", what);
    if (err != NULL) {
        memcpy(err->sqlstate, "0A000", 6);
    }
    return FLY_E_UNSUPPORTED;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(int c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* ------------------------------------------------------------------------- sets */

static bool set_add(fly_vec_regex *re, charset *s, uint32_t first, uint32_t last)
{
    if (s->n == s->room) {
        uint32_t room = s->room == 0 ? 4 : s->room * 2;
        uint32_t(*range)[2] = fly_arena_alloc(&re->arena, room * sizeof *range);
        if (range == NULL) {
            return false;
        }
        if (s->n > 0) {
            memcpy(range, s->range, s->n * sizeof *range);
        }
        s->range = range;
        s->room = room;
    }
    s->range[s->n][0] = first;
    s->range[s->n++][1] = last;
    return true;
}

static bool set_add_class(fly_vec_regex *re, charset *s, const char *name)
{
    const uint32_t(*ranges)[2];
    uint32_t n;
    if (!fly__vec_regex_class(name, strlen(name), &ranges, &n)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!set_add(re, s, ranges[i][0], ranges[i][1])) {
            return false;
        }
    }
    return true;
}

/* Shell sort: ranges are few, and their order is often right already. */
static void set_sort(charset *s)
{
    for (uint32_t gap = s->n / 2; gap > 0; gap /= 2) {
        for (uint32_t i = gap; i < s->n; i++) {
            uint32_t first = s->range[i][0];
            uint32_t last = s->range[i][1];
            uint32_t j = i;
            for (; j >= gap && s->range[j - gap][0] > first; j -= gap) {
                s->range[j][0] = s->range[j - gap][0];
                s->range[j][1] = s->range[j - gap][1];
            }
            s->range[j][0] = first;
            s->range[j][1] = last;
        }
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        if (n > 0 && s->range[i][0] <= s->range[n - 1][1] + 1) {
            if (s->range[i][1] > s->range[n - 1][1]) {
                s->range[n - 1][1] = s->range[i][1];
            }
        } else {
            s->range[n][0] = s->range[i][0];
            s->range[n++][1] = s->range[i][1];
        }
    }
    s->n = n;
}

static bool set_negate(fly_vec_regex *re, charset *s)
{
    charset other = {0, 0, NULL};
    uint32_t next = 0;
    set_sort(s);
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->range[i][0] > next && !set_add(re, &other, next, s->range[i][0] - 1)) {
            return false;
        }
        next = s->range[i][1] + 1;
    }
    if (next <= CODE_MAX && !set_add(re, &other, next, CODE_MAX)) {
        return false;
    }
    *s = other;
    return true;
}

/* Characters with another case are looked for one by one; ranges beyond the scripts that have case are
 * left alone. */
static bool set_fold(fly_vec_regex *re, charset *s)
{
    uint32_t n = s->n;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t last = s->range[i][1];
        for (uint32_t c = s->range[i][0]; c <= last; c++) {
            if (c == 0x590) {
                c = 0x1e00;
            } else if (c == 0x1f00) {
                c = 0xff21;
            } else if (c > 0xff5a) {
                break;
            }
            uint32_t both[2];
            int count;
            fly__vec_regex_fold(c, both, &count);
            if (c <= last && count == 2 && !set_add(re, s, both[1], both[1])) {
                return false;
            }
        }
    }
    return true;
}

static bool same_set(const charset *a, const charset *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->range, b->range, a->n * sizeof *a->range) == 0);
}

/* ------------------------------------------------------------------------ nodes */

static fly_status new_node(reader *r, node_type type, node **out)
{
    node *n = fly_arena_alloc(&r->re->arena, sizeof *n);
    if (n == NULL) {
        return fly__vec_regex_no_memory(r->err);
    }
    memset(n, 0, sizeof *n);
    n->type = (uint8_t)type;
    *out = n;
    return FLY_OK;
}

/* Add a set to the pattern's, unless it is among the last few, and make a node of it. */
static fly_status set_node(reader *r, charset *s, node **out)
{
    fly_vec_regex *re = r->re;
    set_sort(s);
    uint32_t at = re->set_count;
    for (uint32_t i = 0; i < re->set_count && i < 64; i++) {
        if (same_set(&re->sets[re->set_count - 1 - i], s)) {
            at = re->set_count - 1 - i;
            break;
        }
    }
    if (at == re->set_count) {
        if (re->set_count == re->set_room) {
            uint32_t room = re->set_room == 0 ? 16 : re->set_room * 2;
            charset *sets = fly_arena_alloc(&re->arena, room * sizeof *sets);
            if (sets == NULL) {
                return fly__vec_regex_no_memory(r->err);
            }
            if (re->set_count > 0) {
                memcpy(sets, re->sets, re->set_count * sizeof *sets);
            }
            re->sets = sets;
            re->set_room = room;
        }
        re->sets[re->set_count++] = *s;
    }
    fly_status status = new_node(r, N_SET, out);
    if (status == FLY_OK) {
        (*out)->value = (int32_t)at;
    }
    return status;
}

static fly_status char_node(reader *r, uint32_t c, node **out)
{
    charset s = {0, 0, NULL};
    if (!set_add(r->re, &s, c, c) || ((r->flags & FLY_VEC_REGEX_ICASE) && !set_fold(r->re, &s))) {
        return fly__vec_regex_no_memory(r->err);
    }
    return set_node(r, &s, out);
}

static fly_status condition_node(reader *r, assertion c, node **out)
{
    fly_status status = new_node(r, N_ASSERT, out);
    if (status == FLY_OK) {
        (*out)->value = (int32_t)c;
        r->re->looks = r->re->looks || (c != C_BEGIN && c != C_END);
    }
    return status;
}

/* A node over kids that are given; one kid stands for itself. */
static fly_status list_node(reader *r, node_type type, node **kids, uint32_t count, node **out)
{
    if (count == 1) {
        *out = kids[0];
        return FLY_OK;
    }
    fly_status status = new_node(r, count == 0 ? N_EMPTY : type, out);
    if (status != FLY_OK || count == 0) {
        return status;
    }
    node *n = *out;
    n->kid = fly_arena_copy(&r->re->arena, kids, count * sizeof *kids);
    if (n->kid == NULL) {
        return fly__vec_regex_no_memory(r->err);
    }
    n->count = count;
    for (uint32_t i = 0; i < count; i++) {
        n->groups = n->groups || kids[i]->groups;
        if (n->lean == 0) {
            n->lean = kids[i]->lean;
        }
    }
    if (type == N_ALT) {
        n->lean = 1;
    }
    return FLY_OK;
}

/* `lean`: what the quantifier likes; 0: what its operand likes. */
static fly_status repeat_node(reader *r, node *kid, int min, int max, int lean, node **out)
{
    fly_status status = new_node(r, N_REP, out);
    if (status != FLY_OK) {
        return status;
    }
    node *n = *out;
    n->kid = fly_arena_copy(&r->re->arena, &kid, sizeof kid);
    if (n->kid == NULL) {
        return fly__vec_regex_no_memory(r->err);
    }
    n->count = 1;
    n->min = min;
    n->max = max;
    n->groups = kid->groups;
    n->lean = lean != 0 ? (int8_t)lean : kid->lean;
    return FLY_OK;
}

/* x{m,n} of something with groups is x{m-1,n-1}x, with groups placed in the last x only. */
static fly_status repeat(reader *r, node *kid, int min, int max, int lean, node **out)
{
    if (max == 0) {
        return new_node(r, N_EMPTY, out);
    }
    if (min == 1 && max == 1 && (lean == 0 || kid->lean == 0 || lean == kid->lean)) {
        *out = kid;
        return FLY_OK;
    }
    if (!kid->groups || min == 0 || (min == 1 && max == 1)) {
        return repeat_node(r, kid, min, max, lean, out);
    }
    node *pair[2] = {NULL, kid};
    fly_status status = repeat_node(r, kid, min - 1, max < 0 ? -1 : max - 1, lean, &pair[0]);
    if (status != FLY_OK) {
        return status;
    }
    pair[0]->groups = false;
    status = list_node(r, N_CAT, pair, 2, out);
    if (status == FLY_OK) {
        (*out)->lean = pair[0]->lean;
    }
    return status;
}

/* ---------------------------------------------------------------------- escapes */

static fly_status hex(reader *r, int least, int most, uint32_t *out)
{
    uint32_t x = 0;
    int n = 0;
    for (; n < most && r->at < r->end; n++, r->at++) {
        int c = *r->at;
        int digit = is_digit(c)                              ? c - '0'
                    : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                             : -1;
        if (digit < 0) {
            break;
        }
        x = x << 4 | (uint32_t)digit;
    }
    *out = x;
    return n < least || x > CODE_MAX ? fly__vec_regex_error(r->err, "invalid escape \\ sequence")
                                     : FLY_OK;
}

/* What a backslash and a letter may mean beside a character. */
typedef enum escape_kind { E_CHAR, E_CLASS, E_CONDITION } escape_kind;

/* The escape behind a backslash. E_CLASS: `value` is one of "dswDSW". */
static fly_status escape(reader *r, bool bracket, escape_kind *kind, uint32_t *value)
{
    if (r->at == r->end) {
        return fly__vec_regex_error(r->err, "invalid escape \\ sequence");
    }
    size_t len;
    uint32_t c = fly__vec_regex_decode(r->at, (size_t)(r->end - r->at), &len);
    r->at += len;
    *kind = E_CHAR;
    *value = c;
    if (c >= 0x80 || !is_alnum((int)c) || (r->flags & FLY_VEC_REGEX_EXTENDED)) {
        return FLY_OK;
    }
    static const char names[] = "aBefnrtv";
    static const char codes[] = "\a\\\033\f\n\r\t\v";
    const char *name = strchr(names, (int)c);
    if (name != NULL) {
        *value = (uint32_t)codes[name - names];
        return FLY_OK;
    }
    switch (c) {
    case 'b':
        *value = '\b';
        return FLY_OK;
    case 'c':
        if (r->at == r->end) {
            return fly__vec_regex_error(r->err, "invalid escape \\ sequence");
        }
        *value = *r->at++ & 0x1fu;
        return FLY_OK;
    case 'u':
        return hex(r, 4, 4, value);
    case 'U':
        return hex(r, 8, 8, value);
    case 'x':
        return hex(r, 1, 255, value);
    case 'd':
    case 's':
    case 'w':
    case 'D':
    case 'S':
    case 'W':
        *kind = E_CLASS;
        return FLY_OK;
    default:
        break;
    }
    static const char conditions[] = "AZyYmM";
    static const uint8_t which[] = {C_BEGIN, C_END, C_EDGE, C_NO_EDGE, C_WORD_BEGIN, C_WORD_END};
    const char *condition = strchr(conditions, (int)c);
    if (condition != NULL && !bracket) {
        *kind = E_CONDITION;
        *value = which[condition - conditions];
        return FLY_OK;
    }
    if (is_digit((int)c)) {
        uint32_t number = c - '0';
        const uint8_t *first = r->at - 1;
        while (c != '0' && r->at < r->end && is_digit(*r->at) && number < 1000) {
            number = number * 10 + (uint32_t)(*r->at++ - '0');
        }
        bool octal = c == '0' || (r->at - first > 1 && number > (uint32_t)r->re->groups);
        if (bracket || octal) {
            number = 0;
            for (r->at = first;
                 r->at < r->end && r->at - first < 3 && *r->at >= '0' && *r->at <= '7'; r->at++) {
                number = number * 8 + (uint32_t)(*r->at - '0');
            }
            if (r->at == first) {
                return fly__vec_regex_error(r->err, "invalid escape \\ sequence");
            }
            *value = number;
            return FLY_OK;
        }
        if (number > (uint32_t)r->re->groups) {
            return fly__vec_regex_error(r->err, "invalid backreference number");
        }
        return unsupported(r->err, "back references");
    }
    return fly__vec_regex_error(r->err, "invalid escape \\ sequence");
}

/* \d and so on, into a set; the capitals are the rest. */
static bool add_escape_class(fly_vec_regex *re, charset *s, uint32_t letter)
{
    charset own = {0, 0, NULL};
    uint32_t small = letter | 0x20;
    bool good = small == 'd' ? set_add_class(re, &own, "digit")
                : small == 's'
                    ? set_add_class(re, &own, "space")
                    : set_add_class(re, &own, "alpha") && set_add_class(re, &own, "+word");
    if (good && letter != small) {
        good = set_negate(re, &own);
    }
    for (uint32_t i = 0; good && i < own.n; i++) {
        good = set_add(re, s, own.range[i][0], own.range[i][1]);
    }
    return good;
}

/* --------------------------------------------------------------------- brackets */

static const struct {
    const char *name;
    uint32_t code;
} collating[] = {{"NUL", 0},
                 {"tab", '\t'},
                 {"newline", '\n'},
                 {"space", ' '},
                 {"exclamation-mark", '!'},
                 {"hyphen", '-'},
                 {"hyphen-minus", '-'},
                 {"period", '.'},
                 {"full-stop", '.'},
                 {"slash", '/'},
                 {"colon", ':'},
                 {"semicolon", ';'},
                 {"comma", ','},
                 {"asterisk", '*'},
                 {"underscore", '_'},
                 {"circumflex", '^'},
                 {"backslash", '\\'},
                 {"left-square-bracket", '['},
                 {"right-square-bracket", ']'},
                 {"tilde", '~'},
                 {"dollar-sign", '$'}};

/* Inside of [: :], [. .] or [= =]: the name, and the reader behind it. */
static fly_status bracket_name(reader *r, uint8_t kind, const uint8_t **name, size_t *len)
{
    const uint8_t *from = r->at;
    for (; r->end - r->at >= 2; r->at++) {
        if (r->at[0] == kind && r->at[1] == ']') {
            *name = from;
            *len = (size_t)(r->at - from);
            r->at += 2;
            return FLY_OK;
        }
    }
    return fly__vec_regex_error(r->err, "brackets [] not balanced");
}

static fly_status collating_element(reader *r, const uint8_t *name, size_t len, uint32_t *c)
{
    size_t one;
    if (len > 0) {
        *c = fly__vec_regex_decode(name, len, &one);
        if (one == len) {
            return FLY_OK;
        }
    }
    for (size_t i = 0; i < sizeof collating / sizeof collating[0]; i++) {
        if (strlen(collating[i].name) == len && memcmp(collating[i].name, name, len) == 0) {
            *c = collating[i].code;
            return FLY_OK;
        }
    }
    return fly__vec_regex_error(r->err, "invalid collating element");
}

/* One element of a bracket. `*single`: it is a character, and may begin a range. */
static fly_status bracket_element(reader *r, charset *s, uint32_t *c, bool *single)
{
    const uint8_t *name = NULL;
    size_t len = 0;
    fly_status status;
    *single = true;
    if (*r->at == '[' && r->end - r->at >= 2 &&
        (r->at[1] == ':' || r->at[1] == '.' || r->at[1] == '=')) {
        uint8_t kind = r->at[1];
        r->at += 2;
        if ((status = bracket_name(r, kind, &name, &len)) != FLY_OK) {
            return status;
        }
        if (kind != ':') {
            return collating_element(r, name, len, c);
        }
        *single = false;
        char word[16] = "";
        memcpy(word, name, len < 15 ? len : 15);
        /* Case does not matter: neither does the class of one case. */
        if ((r->flags & FLY_VEC_REGEX_ICASE) &&
            (strcmp(word, "lower") == 0 || strcmp(word, "upper") == 0)) {
            memcpy(word, "alpha", 6);
        }
        bool known = strcmp(word, "alnum") == 0
                         ? set_add_class(r->re, s, "alpha") && set_add_class(r->re, s, "digit")
                     : strcmp(word, "word") == 0
                         ? set_add_class(r->re, s, "alpha") && set_add_class(r->re, s, "+word")
                         : word[0] != '+' && set_add_class(r->re, s, word);
        return known ? FLY_OK : fly__vec_regex_error(r->err, "invalid character class");
    }
    if (*r->at == '\\' && !(r->flags & FLY_VEC_REGEX_EXTENDED)) {
        escape_kind kind;
        r->at++;
        if ((status = escape(r, true, &kind, c)) != FLY_OK) {
            return status;
        }
        if (kind == E_CLASS) {
            *single = false;
            return add_escape_class(r->re, s, *c) ? FLY_OK : fly__vec_regex_no_memory(r->err);
        }
        return FLY_OK;
    }
    *c = fly__vec_regex_decode(r->at, (size_t)(r->end - r->at), &len);
    r->at += len;
    return FLY_OK;
}

static fly_status bracket(reader *r, node **out)
{
    charset s = {0, 0, NULL};
    bool negate = false;
    fly_status status;
    /* Two brackets that are words' edges. */
    if (r->end - r->at >= 6 &&
        (memcmp(r->at, "[:<:]]", 6) == 0 || memcmp(r->at, "[:>:]]", 6) == 0)) {
        assertion c = r->at[2] == '<' ? C_WORD_BEGIN : C_WORD_END;
        r->at += 6;
        return condition_node(r, c, out);
    }
    if (r->at < r->end && *r->at == '^') {
        negate = true;
        r->at++;
    }
    for (bool first = true;; first = false) {
        uint32_t c;
        uint32_t last;
        bool single;
        if (r->at == r->end) {
            return fly__vec_regex_error(r->err, "brackets [] not balanced");
        }
        if (*r->at == ']' && !first) {
            r->at++;
            break;
        }
        if ((status = bracket_element(r, &s, &c, &single)) != FLY_OK) {
            return status;
        }
        bool range = r->end - r->at >= 2 && r->at[0] == '-' && r->at[1] != ']';
        if (!single) {
            if (range) {
                return fly__vec_regex_error(r->err, "invalid character range");
            }
            continue;
        }
        last = c;
        if (range) {
            r->at++;
            if ((status = bracket_element(r, &s, &last, &single)) != FLY_OK) {
                return status;
            }
            if (!single || last < c) {
                return fly__vec_regex_error(r->err, "invalid character range");
            }
        }
        if (!set_add(r->re, &s, c, last)) {
            return fly__vec_regex_no_memory(r->err);
        }
    }
    if ((r->flags & FLY_VEC_REGEX_ICASE) && !set_fold(r->re, &s)) {
        return fly__vec_regex_no_memory(r->err);
    }
    if (negate) {
        if (((r->flags & FLY_VEC_REGEX_NLSTOP) && !set_add(r->re, &s, '\n', '\n')) ||
            !set_negate(r->re, &s)) {
            return fly__vec_regex_no_memory(r->err);
        }
    }
    return set_node(r, &s, out);
}

/* ------------------------------------------------------------------------- atoms */

static fly_status alternatives(reader *r, node **out);

/* In expanded syntax: white space and comments. Comments of the form (?#...) everywhere. */
static void skip(reader *r)
{
    for (;;) {
        if ((r->flags & FLY_VEC_REGEX_EXPANDED) && r->at < r->end) {
            if (*r->at == ' ' || (*r->at >= '\t' && *r->at <= '\r')) {
                r->at++;
                continue;
            }
            if (*r->at == '#') {
                while (r->at < r->end && *r->at != '\n') {
                    r->at++;
                }
                continue;
            }
        }
        if (r->end - r->at >= 3 && memcmp(r->at, "(?#", 3) == 0 &&
            !(r->flags & FLY_VEC_REGEX_EXTENDED)) {
            while (r->at < r->end && *r->at != ')') {
                r->at++;
            }
            r->at += r->at < r->end;
            continue;
        }
        return;
    }
}

static fly_status group(reader *r, node **out)
{
    bool capture = true;
    int index = 0;
    if (r->end - r->at >= 2 && r->at[0] == '?' && !(r->flags & FLY_VEC_REGEX_EXTENDED)) {
        uint8_t c = r->at[1];
        if (c == '=' || c == '!' ||
            (c == '<' && r->end - r->at >= 3 && (r->at[2] == '=' || r->at[2] == '!'))) {
            return unsupported(r->err, "lookaround constraints");
        }
        if (c != ':') {
            return fly__vec_regex_error(r->err, "quantifier operand invalid");
        }
        r->at += 2;
        capture = false;
    }
    if (++r->depth > DEPTH_MAX) {
        return fly__vec_regex_error(r->err, "regular expression is too complex");
    }
    if (capture) {
        index = ++r->re->groups;
    }
    node *inner;
    fly_status status = alternatives(r, &inner);
    r->depth--;
    if (status != FLY_OK) {
        return status;
    }
    if (r->at == r->end || *r->at != ')') {
        return fly__vec_regex_error(r->err, "parentheses () not balanced");
    }
    r->at++;
    if (!capture) {
        *out = inner;
        return FLY_OK;
    }
    status = new_node(r, N_GROUP, out);
    if (status == FLY_OK) {
        node *n = *out;
        n->kid = fly_arena_copy(&r->re->arena, &inner, sizeof inner);
        if (n->kid == NULL) {
            return fly__vec_regex_no_memory(r->err);
        }
        n->count = 1;
        n->value = index;
        n->groups = true;
        n->lean = inner->lean;
    }
    return status;
}

static fly_status any_node(reader *r, node **out)
{
    charset s = {0, 0, NULL};
    bool good = r->flags & FLY_VEC_REGEX_NLSTOP
                    ? set_add(r->re, &s, 0, '\n' - 1) && set_add(r->re, &s, '\n' + 1, CODE_MAX)
                    : set_add(r->re, &s, 0, CODE_MAX);
    return good ? set_node(r, &s, out) : fly__vec_regex_no_memory(r->err);
}

static fly_status escaped_node(reader *r, node **out)
{
    escape_kind kind;
    uint32_t value;
    charset s = {0, 0, NULL};
    fly_status status = escape(r, false, &kind, &value);
    if (status != FLY_OK) {
        return status;
    }
    switch (kind) {
    case E_CONDITION:
        return condition_node(r, (assertion)value, out);
    case E_CLASS:
        return add_escape_class(r->re, &s, value) ? set_node(r, &s, out)
                                                  : fly__vec_regex_no_memory(r->err);
    default:
        return char_node(r, value, out);
    }
}

static fly_status atom(reader *r, node **out)
{
    size_t len;
    bool lines = (r->flags & FLY_VEC_REGEX_NLANCH) != 0;
    uint8_t c = *r->at;
    switch (c) {
    case '(':
        r->at++;
        return group(r, out);
    case '*':
    case '+':
    case '?':
        return fly__vec_regex_error(r->err, "quantifier operand invalid");
    case '{':
        if (r->end - r->at >= 2 && is_digit(r->at[1])) {
            return fly__vec_regex_error(r->err, "quantifier operand invalid");
        }
        break;
    case '.':
        r->at++;
        return any_node(r, out);
    case '[':
        r->at++;
        return bracket(r, out);
    case '\\':
        r->at++;
        return escaped_node(r, out);
    case '^':
        r->at++;
        return condition_node(r, lines ? C_LINE_BEGIN : C_BEGIN, out);
    case '$':
        r->at++;
        return condition_node(r, lines ? C_LINE_END : C_END, out);
    default:
        break;
    }
    uint32_t code = fly__vec_regex_decode(r->at, (size_t)(r->end - r->at), &len);
    r->at += len;
    return char_node(r, code, out);
}

/* "{m}", "{m,}" or "{m,n}", behind the brace. */
static fly_status bounds(reader *r, int *min, int *max, bool *exact)
{
    int number[2] = {-1, -1};
    for (int i = 0; i < 2; i++) {
        int x = -1;
        while (r->at < r->end && is_digit(*r->at) && x <= REPEAT_MAX) {
            x = (x < 0 ? 0 : x * 10) + (*r->at++ - '0');
        }
        number[i] = x;
        if (x > REPEAT_MAX) {
            return fly__vec_regex_error(r->err, "invalid repetition count(s)");
        }
        if (i == 0) {
            if (r->at < r->end && *r->at == ',') {
                r->at++;
            } else {
                number[1] = x;
                *exact = true;
                break;
            }
        }
    }
    if (r->at == r->end) {
        return fly__vec_regex_error(r->err, "braces {} not balanced");
    }
    if (*r->at != '}' || number[0] < 0 || (number[1] >= 0 && number[1] < number[0])) {
        return fly__vec_regex_error(r->err, "invalid repetition count(s)");
    }
    r->at++;
    *min = number[0];
    *max = number[1];
    return FLY_OK;
}

/* 1 and the counts if a quantifier stands here, 0 if none does. */
static int quantifier(reader *r, int *min, int *max, int *lean, fly_status *status)
{
    bool exact = false;
    *status = FLY_OK;
    if (r->at == r->end) {
        return 0;
    }
    switch (*r->at) {
    case '*':
        *min = 0;
        *max = -1;
        r->at++;
        break;
    case '+':
        *min = 1;
        *max = -1;
        r->at++;
        break;
    case '?':
        *min = 0;
        *max = 1;
        r->at++;
        break;
    case '{':
        if (r->end - r->at < 2 || !is_digit(r->at[1])) {
            if (r->flags & FLY_VEC_REGEX_EXTENDED) {
                *status = fly__vec_regex_error(r->err, "invalid repetition count(s)");
            }
            return 0;
        }
        r->at++;
        *status = bounds(r, min, max, &exact);
        break;
    default:
        return 0;
    }
    *lean = exact ? 0 : 1;
    if (r->at < r->end && *r->at == '?' && !(r->flags & FLY_VEC_REGEX_EXTENDED)) {
        *lean = exact ? 0 : -1;
        r->at++;
    }
    return 1;
}

static fly_status branch(reader *r, node **out)
{
    node *small[16];
    node **kids = small;
    uint32_t n = 0;
    uint32_t room = 16;
    fly_status status;
    for (skip(r); r->at < r->end && *r->at != '|' && !(*r->at == ')' && r->depth > 0); skip(r)) {
        node *one;
        int min;
        int max;
        int lean;
        const uint8_t *first = r->at;
        if (*r->at == ')' && r->depth == 0) {
            if (!(r->flags & FLY_VEC_REGEX_EXTENDED)) {
                return fly__vec_regex_error(r->err, "parentheses () not balanced");
            }
            r->at++;
            status = char_node(r, ')', &one);
        } else {
            status = atom(r, &one);
        }
        if (status != FLY_OK) {
            return status;
        }
        skip(r);
        int quantified = quantifier(r, &min, &max, &lean, &status);
        if (status != FLY_OK) {
            return status;
        }
        if (quantified) {
            if (one->type == N_ASSERT && *first != '(') {
                return fly__vec_regex_error(r->err, "quantifier operand invalid");
            }
            if ((status = repeat(r, one, min, max, lean, &one)) != FLY_OK) {
                return status;
            }
            skip(r);
            if (quantifier(r, &min, &max, &lean, &status) || status != FLY_OK) {
                return status != FLY_OK
                           ? status
                           : fly__vec_regex_error(r->err, "quantifier operand invalid");
            }
        }
        if (n == room) {
            node **more = fly_arena_alloc(&r->re->arena, 2 * (size_t)room * sizeof *more);
            if (more == NULL) {
                return fly__vec_regex_no_memory(r->err);
            }
            memcpy(more, kids, n * sizeof *kids);
            kids = more;
            room *= 2;
        }
        kids[n++] = one;
    }
    return list_node(r, N_CAT, kids, n, out);
}

static fly_status alternatives(reader *r, node **out)
{
    node *small[8];
    node **kids = small;
    uint32_t n = 0;
    uint32_t room = 8;
    for (;;) {
        if (n == room) {
            node **more = fly_arena_alloc(&r->re->arena, 2 * (size_t)room * sizeof *more);
            if (more == NULL) {
                return fly__vec_regex_no_memory(r->err);
            }
            memcpy(more, kids, n * sizeof *kids);
            kids = more;
            room *= 2;
        }
        fly_status status = branch(r, &kids[n]);
        if (status != FLY_OK) {
            return status;
        }
        n++;
        if (r->at == r->end || *r->at != '|') {
            break;
        }
        r->at++;
    }
    return list_node(r, N_ALT, kids, n, out);
}

/* ----------------------------------------------------------------- whole patterns */

/* The flag of a letter; 0 for those that change nothing, -1 for unknown ones. */
static int flag_of(int letter, unsigned *flags)
{
    switch (letter) {
    case 'i':
        *flags |= FLY_VEC_REGEX_ICASE;
        return 0;
    case 'c':
        *flags &= ~(unsigned)FLY_VEC_REGEX_ICASE;
        return 0;
    case 'm':
    case 'n':
        *flags |= FLY_VEC_REGEX_NLSTOP | FLY_VEC_REGEX_NLANCH;
        return 0;
    case 'p':
        *flags |= FLY_VEC_REGEX_NLSTOP;
        *flags &= ~(unsigned)FLY_VEC_REGEX_NLANCH;
        return 0;
    case 'w':
        *flags &= ~(unsigned)FLY_VEC_REGEX_NLSTOP;
        *flags |= FLY_VEC_REGEX_NLANCH;
        return 0;
    case 's':
        *flags &= ~(unsigned)(FLY_VEC_REGEX_NLSTOP | FLY_VEC_REGEX_NLANCH);
        return 0;
    case 'x':
        *flags |= FLY_VEC_REGEX_EXPANDED;
        return 0;
    case 't':
        *flags &= ~(unsigned)FLY_VEC_REGEX_EXPANDED;
        return 0;
    case 'q':
        *flags |= FLY_VEC_REGEX_LITERAL;
        return 0;
    case 'e':
        *flags |= FLY_VEC_REGEX_EXTENDED;
        return 0;
    default:
        return -1;
    }
}

fly_status fly_vec_regex_flags(fly_bytes text, unsigned *flags, fly_err *err)
{
    unsigned result = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == 'g') {
            result |= FLY_VEC_REGEX_GLOBAL;
        } else if (flag_of(text.data[i], &result) < 0) {
            size_t len;
            (void)fly__vec_regex_decode(text.data + i, text.len - i, &len);
            fly_status status = fly_err_set(err, FLY_E_INVALID,
                                            "invalid regular expression option: \"%.*s\"", (int)len,
                                            (const char *)text.data + i);
            if (err != NULL) {
                memcpy(err->sqlstate, "22023", 6);
            }
            return status;
        }
    }
    *flags = result;
    return FLY_OK;
}

static fly_status prefix(reader *r)
{
    if (r->flags & (FLY_VEC_REGEX_LITERAL | FLY_VEC_REGEX_EXTENDED)) {
        return FLY_OK;
    }
    if (r->end - r->at >= 4 && memcmp(r->at, "***=", 4) == 0) {
        r->at += 4;
        r->flags |= FLY_VEC_REGEX_LITERAL;
        return FLY_OK;
    }
    if (r->end - r->at >= 4 && memcmp(r->at, "***:", 4) == 0) {
        r->at += 4;
    } else if (r->end - r->at >= 3 && memcmp(r->at, "***", 3) == 0) {
        return fly__vec_regex_error(r->err, "quantifier operand invalid");
    }
    if (r->end - r->at >= 3 && r->at[0] == '(' && r->at[1] == '?' && (r->at[2] | 0x20) >= 'a' &&
        (r->at[2] | 0x20) <= 'z') {
        r->at += 2;
        for (; r->at < r->end && *r->at != ')'; r->at++) {
            if (flag_of(*r->at, &r->flags) < 0) {
                return fly__vec_regex_error(r->err, "invalid embedded option");
            }
        }
        if (r->at == r->end) {
            return fly__vec_regex_error(r->err, "invalid embedded option");
        }
        r->at++;
    }
    return FLY_OK;
}

static fly_status literal(reader *r, node **out)
{
    uint32_t n = 0;
    node **kids = fly_arena_alloc(&r->re->arena, (size_t)(r->end - r->at + 1) * sizeof *kids);
    if (kids == NULL) {
        return fly__vec_regex_no_memory(r->err);
    }
    while (r->at < r->end) {
        size_t len;
        uint32_t c = fly__vec_regex_decode(r->at, (size_t)(r->end - r->at), &len);
        r->at += len;
        fly_status status = char_node(r, c, &kids[n++]);
        if (status != FLY_OK) {
            return status;
        }
    }
    return list_node(r, N_CAT, kids, n, out);
}

/* Whether every match must begin at the beginning. */
static bool is_anchored(const node *n)
{
    if (n->type == N_ASSERT) {
        return n->value == C_BEGIN;
    }
    if (n->type == N_CAT || n->type == N_GROUP) {
        return is_anchored(n->kid[0]);
    }
    for (uint32_t i = 0; n->type == N_ALT && i < n->count; i++) {
        if (!is_anchored(n->kid[i])) {
            return false;
        }
    }
    return n->type == N_ALT;
}

/* The literal text behind ^, for those who search an index first. */
static fly_status find_prefix(fly_vec_regex *re, fly_err *err)
{
    const node *n = re->root;
    if (n->type != N_CAT || n->kid[0]->type != N_ASSERT || n->kid[0]->value != C_BEGIN) {
        return FLY_OK;
    }
    uint8_t *bytes = fly_arena_alloc(&re->arena, 4 * (size_t)n->count);
    if (bytes == NULL) {
        return fly__vec_regex_no_memory(err);
    }
    size_t len = 0;
    uint32_t i = 1;
    for (; i < n->count && n->kid[i]->type == N_SET; i++) {
        const charset *s = &re->sets[n->kid[i]->value];
        if (s->n != 1 || s->range[0][0] != s->range[0][1]) {
            break;
        }
        uint32_t c = s->range[0][0];
        if (c < 0x80) {
            bytes[len++] = (uint8_t)c;
        } else {
            int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
            static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
            bytes[len++] = (uint8_t)(lead[more] | c >> (6 * more));
            while (more-- > 0) {
                bytes[len++] = (uint8_t)(0x80 | (c >> (6 * more) & 0x3f));
            }
        }
    }
    re->prefix = fly_bytes_of(bytes, len);
    re->prefix_exact = i + 1 == n->count && n->kid[i]->type == N_ASSERT &&
                       n->kid[i]->value == C_END;
    return FLY_OK;
}

fly_status fly__vec_regex_parse(fly_vec_regex *re, fly_bytes pattern, fly_err *err)
{
    static const uint8_t nothing[1] = {0};
    const uint8_t *at = pattern.len > 0 ? pattern.data : nothing;
    reader r = {re, at, at + pattern.len, 0, re->flags, err};
    if (pattern.len > PATTERN_MAX) {
        return fly__vec_regex_error(err, "regular expression is too complex");
    }
    fly_status status = prefix(&r);
    if (status == FLY_OK) {
        status = r.flags & FLY_VEC_REGEX_LITERAL ? literal(&r, &re->root)
                                                 : alternatives(&r, &re->root);
    }
    if (status != FLY_OK) {
        return status;
    }
    re->flags = r.flags;
    re->anchored = is_anchored(re->root);
    return find_prefix(re, err);
}
