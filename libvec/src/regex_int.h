/*
 * Between the files regex_*.c: the tree of a pattern, sets of characters, programs, automata.
 */
#ifndef FLY_REGEX_INT_H
#define FLY_REGEX_INT_H

#include <fly/vec_regex.h>

enum {
    DEPTH_MAX = 250,       /* of parentheses */
    PATTERN_MAX = 65536,   /* bytes */
    PROGRAM_MAX = 100000,  /* instructions */
    REPEAT_MAX = 255,      /* in {m,n} */
    MEMORY_MAX = 16 << 20, /* bytes of one compiled pattern */
    CODE_MAX = 0x10ffff
};

/* Characters, as ascending ranges that do not touch. */
typedef struct charset {
    uint32_t n;
    uint32_t room;
    uint32_t (*range)[2];
} charset;

typedef enum node_type { N_EMPTY, N_SET, N_CAT, N_ALT, N_REP, N_GROUP, N_ASSERT } node_type;

typedef enum assertion {
    C_BEGIN,      /* \A, and ^ unless newlines are anchors */
    C_END,        /* \Z, and $ */
    C_LINE_BEGIN, /* ^ where newlines are anchors */
    C_LINE_END,
    C_EDGE,       /* \y: between a word and something else */
    C_NO_EDGE,    /* \Y */
    C_WORD_BEGIN, /* \m */
    C_WORD_END    /* \M */
} assertion;

struct program;

typedef struct node {
    uint8_t type;
    int8_t lean;      /* 1: likes to be long; -1: short; 0: neither */
    bool groups;      /* there is a group in it */
    int32_t value;    /* set, group or condition */
    int32_t min, max; /* N_REP; max -1: no limit */
    uint32_t count;
    struct node **kid;
    struct program *ahead; /* programs for placing groups, made when first needed */
    struct program *back;
} node;

typedef enum opcode { I_CHAR, I_SPLIT, I_JUMP, I_ASSERT, I_MARK, I_MATCH } opcode;

typedef struct instruction {
    uint8_t op;
    int32_t a; /* set, first branch, target, condition, mark */
    int32_t b; /* second branch */
} instruction;

typedef struct program {
    instruction *code;
    int32_t n;
    int32_t start;
} program;

/* What is known of the characters on both sides of a place. */
enum {
    S_BEGIN = 1, /* before: nothing */
    S_END = 1,   /* behind: nothing */
    S_NEWLINE = 2,
    S_WORD = 4
};

/* Numbers that fit into a set of `capacity`, in the order in which they came. */
typedef struct sparse {
    int32_t *dense;
    int32_t *where;
    int32_t n;
    int32_t capacity;
} sparse;

typedef struct dfa_state {
    uint32_t at; /* in the pool: its instructions */
    uint32_t count;
    uint8_t side;  /* what was on the side we came from */
    uint32_t next; /* in the same bucket, plus one */
} dfa_state;

/* An automaton whose states are made when they are needed. */
typedef struct dfa {
    const program *prog;
    bool floating; /* a match may begin anywhere */
    bool backwards;
    bool made;
    dfa_state *state;
    uint32_t states, state_room;
    int32_t *trans; /* per state and colour: next state * 2 + "matched before it"; -1: not yet */
    int32_t *pool;
    uint32_t pool_used, pool_room;
    uint32_t *bucket;
    int32_t start[8]; /* by what is before; -1: not yet */
} dfa;

enum { BUCKETS = 1024, STATES_MAX = 20000, TRANS_MAX = 1 << 20, POOL_MAX = 1 << 20 };

struct fly_vec_regex {
    fly_mem *mem;
    fly_arena arena;   /* the tree and the programs */
    fly_arena scratch; /* of one search */
    unsigned flags;
    int groups;
    charset *sets;
    uint32_t set_count, set_room;
    node *root;
    bool looks;    /* there are conditions about words or lines */
    bool anchored; /* every match begins at the beginning */
    fly_bytes prefix;
    bool prefix_exact;
    /* Characters that no set tells apart have one colour. */
    uint32_t colours;
    uint16_t ascii[128];
    uint32_t bounds; /* of the ranges beyond ASCII */
    uint32_t *bound; /* first character of each range */
    uint16_t *bound_colour;
    uint8_t *side_of; /* S_NEWLINE, S_WORD of each colour */
    uint64_t *member; /* per set, a bit for each colour */
    uint32_t member_words;
    program whole, reversed;
    dfa search, ahead, back;
    sparse list, next;
    int32_t *stack;
};

/* regex_parse.c */
fly_status fly__vec_regex_parse(fly_vec_regex *re, fly_bytes pattern, fly_err *err);
fly_status fly__vec_regex_error(fly_err *err, const char *what);
fly_status fly__vec_regex_no_memory(fly_err *err);

/* regex_class.c */
bool fly__vec_regex_class(const char *name, size_t len, const uint32_t (**ranges)[2], uint32_t *n);
void fly__vec_regex_fold(uint32_t c, uint32_t out[2], int *n);

/* regex_match.c */
fly_status fly__vec_regex_colours(fly_vec_regex *re, fly_err *err);
fly_status fly__vec_regex_program(fly_vec_regex *re, const node *tree, bool backwards, bool marks,
                                  program *out, fly_err *err);
fly_status fly__vec_regex_prepare(fly_vec_regex *re, fly_err *err);
void fly__vec_regex_release(fly_vec_regex *re);
/* Longest or shortest end of a match that begins at `from`; -1: none. */
fly_status fly__vec_regex_end(fly_vec_regex *re, fly_bytes text, size_t from, int64_t *end,
                              fly_err *err);
/* The first place from `from` where a match begins, or -1; `bits`, if not NULL, gets all of them. */
fly_status fly__vec_regex_starts(fly_vec_regex *re, fly_bytes text, size_t from, uint64_t *bits,
                                 int64_t *first, fly_err *err);

/* regex_group.c */
fly_status fly__vec_regex_groups(fly_vec_regex *re, fly_bytes text, fly_vec_span *spans,
                                 size_t count, fly_err *err);

/* What is on both sides of a place; the colour of the character at it, and its length. */
static inline uint32_t fly__vec_regex_decode(const uint8_t *at, size_t left, size_t *len)
{
    uint32_t c = at[0];
    size_t n = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (n > left) {
        n = 1;
    }
    *len = n;
    if (n == 1) {
        return c;
    }
    c &= 0xffu >> (n + 1);
    for (size_t i = 1; i < n; i++) {
        c = c << 6 | (at[i] & 0x3fu);
    }
    return c;
}

/* Add to re->list what can be reached from a place without a character. True if that is a match. */
bool fly__vec_regex_follow(fly_vec_regex *re, const program *prog, int32_t from, uint8_t before,
                           uint8_t behind);
uint16_t fly__vec_regex_colour_of(const fly_vec_regex *re, uint32_t c);

static inline uint32_t fly__vec_regex_colour(const fly_vec_regex *re, const uint8_t *at,
                                             size_t left, size_t *len)
{
    if (at[0] < 0x80) {
        *len = 1;
        return re->ascii[at[0]];
    }
    return fly__vec_regex_colour_of(re, fly__vec_regex_decode(at, left, len));
}

/* Where the character before `at` begins. */
static inline size_t fly__vec_regex_before(fly_bytes text, size_t at)
{
    size_t p = at - 1;
    for (int i = 0; i < 3 && p > 0 && (text.data[p] & 0xc0) == 0x80; i++) {
        p--;
    }
    size_t len;
    (void)fly__vec_regex_decode(text.data + p, at - p, &len);
    return len == at - p ? p : at - 1;
}

static inline uint8_t fly__vec_regex_side_before(const fly_vec_regex *re, fly_bytes text, size_t at)
{
    if (at == 0) {
        return S_BEGIN;
    }
    size_t len, p = fly__vec_regex_before(text, at);
    return re->side_of[fly__vec_regex_colour(re, text.data + p, at - p, &len)];
}

static inline uint8_t fly__vec_regex_side_behind(const fly_vec_regex *re, fly_bytes text, size_t at)
{
    if (at == text.len) {
        return S_END;
    }
    size_t len;
    return re->side_of[fly__vec_regex_colour(re, text.data + at, text.len - at, &len)];
}

/* Whether a condition holds between two sides. */
static inline bool fly__vec_regex_holds(int condition, uint8_t before, uint8_t behind)
{
    bool word_before = (before & S_WORD) != 0, word_behind = (behind & S_WORD) != 0;
    switch (condition) {
    case C_BEGIN:
        return (before & S_BEGIN) != 0;
    case C_END:
        return (behind & S_END) != 0;
    case C_LINE_BEGIN:
        return (before & (S_BEGIN | S_NEWLINE)) != 0;
    case C_LINE_END:
        return (behind & (S_END | S_NEWLINE)) != 0;
    case C_EDGE:
        return word_before != word_behind;
    case C_NO_EDGE:
        return word_before == word_behind;
    case C_WORD_BEGIN:
        return !word_before && word_behind;
    default:
        return word_before && !word_behind;
    }
}

static inline bool fly__vec_sparse_add(sparse *s, int32_t x)
{
    int32_t at = s->where[x];
    if (at < s->n && s->dense[at] == x) {
        return false;
    }
    s->dense[s->n] = x;
    s->where[x] = s->n++;
    return true;
}

static inline bool fly__vec_sparse_has(const sparse *s, int32_t x)
{
    int32_t at = s->where[x];
    return at < s->n && s->dense[at] == x;
}

#endif
