/*
 * Goal: LIKE, SIMILAR TO and regular expressions match, and place their groups, as PostgreSQL's do, in
 * time that does not explode.
 * Method: a table of cases whose results PostgreSQL 15 gave (regex_cases.inc; \1 stands for a newline);
 * patterns that make backtracking engines hang, on texts long enough to notice; patterns at random.
 */
#include "regex_eval.h"

#include <fly/base_check.h>
#include <fly/base_hash.h>

static fly_account account;
static fly_arena arena;
static fly_err err;

static void setup(void)
{
    fly_account_init(&account, fly_mem_system(), "test", 0);
    fly_arena_init(&arena, &account.mem, 0);
    memset(&err, 0, sizeof err);
}

static void teardown(void)
{
    fly_arena_deinit(&arena);
    fly_account_deinit(&account);
}

static const char *const cases[][5] = {
#include "regex_cases.inc"
};

static void newlines(char *text, const char *from)
{
    size_t n = strlen(from);
    for (size_t i = 0; i <= n; i++) {
        text[i] = from[i] == '\1' ? '\n' : from[i];
    }
}

START_TEST(every_case_gives_what_postgresql_gave)
{
    static char out[100000], a[1000], b[1000], want[2000];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const *c = cases[i];
        newlines(a, c[1]);
        newlines(b, c[2]);
        newlines(want, c[4]);
        size_t n = regex_eval(c[0], a, b, c[3], &account.mem, &arena, out);
        out[n] = '\0';
        if (strcmp(out, want) != 0) {
            ck_abort_msg("%s(%s, %s, %s) gave %s, not %s", c[0], c[1], c[2], c[3], out, c[4]);
        }
        fly_arena_reset(&arena);
    }
}
END_TEST

static const struct {
    const char *pattern;
    const char *unit; /* repeated */
    bool found;
} hard[] = {
    {"^(a+)+$", "a", true},
    {"^(a+)+b", "a", false},
    {"(a|a)*b", "a", false},
    {"(a*)*b", "a", false},
    {"(.*)(.*)(.*)(.*)(.*)x", "a", false},
    {"(a?){60}a{60}c", "a", false},
    {"([a-z]+)*=", "abc", false},
    {"(x+x+)+y", "x", false},
    {"[ab]*a[ab]{12}c", "ab", false}, /* its deterministic states are many thousands */
};

START_TEST(no_pattern_takes_for_ever)
{
    size_t unit = strlen(hard[_i].unit), n = 100000 / unit * unit;
    char *text = malloc(n);
    for (size_t i = 0; i < n; i++) {
        text[i] = hard[_i].unit[i % unit];
    }
    fly_vec_regex *re;
    bool found;
    fly_vec_span spans[8];
    FLY_CHECK_OK(fly_vec_regex_create(fly_bytes_str(hard[_i].pattern), 0, &account.mem, &re, &err),
                 err);
    FLY_CHECK_OK(fly_vec_regex_match(re, fly_bytes_of(text, n), &found, &err), err);
    ck_assert_int_eq(found, hard[_i].found);
    FLY_CHECK_OK(fly_vec_regex_find(re, fly_bytes_of(text, n), 0, spans, 8, &found, &err), err);
    ck_assert_int_eq(found, hard[_i].found);
    ck_assert_uint_lt(fly_load_u64(&account.peak), 40u << 20);
    fly_vec_regex_destroy(re);
    free(text);
}
END_TEST

START_TEST(what_is_not_supported_says_so)
{
    static const char *const patterns[] = {"(a)\\1", "a(?=b)", "a(?!b)", "(?<=a)b", "(?<!a)b"};
    for (int i = 0; i < 5; i++) {
        fly_vec_regex *re;
        FLY_CHECK(fly_vec_regex_create(fly_bytes_str(patterns[i]), 0, &account.mem, &re, &err),
                  FLY_E_UNSUPPORTED, err);
        ck_assert_str_eq(err.sqlstate, "0A000");
    }
}
END_TEST

START_TEST(too_large_patterns_are_refused)
{
    static const char *const patterns[] = {"((((a{255}){255}){255}){255})",
                                           "(((.{255}){255}){255}b"};
    fly_vec_regex *re;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_ne(
            fly_vec_regex_create(fly_bytes_str(patterns[i]), 0, &account.mem, &re, &err), FLY_OK);
        ck_assert_str_eq(err.sqlstate, "2201B");
    }
    char deep[4000];
    memset(deep, '(', sizeof deep);
    FLY_CHECK(fly_vec_regex_create(fly_bytes_of(deep, sizeof deep), 0, &account.mem, &re, &err),
              FLY_E_INVALID, err);
    ck_assert_str_eq(err.message, "invalid regular expression: regular expression is too complex");
}
END_TEST

START_TEST(an_anchored_pattern_tells_its_prefix)
{
    fly_vec_regex *re;
    bool exact;
    FLY_CHECK_OK(fly_vec_regex_create(fly_bytes_str("^ab\xc3\xa9"
                                                    "c.*d"),
                                      0, &account.mem, &re, &err),
                 err);
    fly_bytes prefix = fly_vec_regex_prefix(re, &exact);
    ck_assert_uint_eq(prefix.len, 5);
    ck_assert(memcmp(prefix.data,
                     "ab\xc3\xa9"
                     "c",
                     5) == 0 &&
              !exact);
    fly_vec_regex_destroy(re);
    const fly_vec_like *like;
    fly_vec_like_shape shape;
    FLY_CHECK_OK(fly_vec_like_compile(fly_bytes_str("a\\%b%"), fly_bytes_str("\\"), false, &arena,
                                      &like, &err),
                 err);
    fly_vec_like_shape_of(like, &shape);
    ck_assert(shape.prefix_only && !shape.exact && shape.prefix.len == 3);
}
END_TEST

/* A pattern that was compiled must find what it says it finds, on any bytes. */
START_TEST(patterns_and_texts_of_anything_do_no_harm)
{
    static const char letters[] = "ab.*+?(){}[]^$|\\,2dwsymMx:-\xc3\xa9\xff\x80";
    fly_rng rng;
    fly_rng_init(&rng, 21);
    for (int i = 0; i < 20000; i++) {
        char pattern[24], text[24];
        size_t n = (size_t)fly_rng_below(&rng, sizeof pattern);
        size_t m = (size_t)fly_rng_below(&rng, sizeof text);
        for (size_t j = 0; j < n; j++) {
            pattern[j] = letters[fly_rng_below(&rng, sizeof letters - 1)];
        }
        for (size_t j = 0; j < m; j++) {
            text[j] = letters[fly_rng_below(&rng, sizeof letters - 1)];
        }
        fly_vec_regex *re;
        const fly_vec_like *like;
        fly_bytes t = fly_bytes_of(text, m);
        if (fly_vec_like_compile(fly_bytes_of(pattern, n), fly_bytes_str("\\"), i % 2 == 0, &arena,
                                 &like, NULL) == FLY_OK) {
            (void)fly_vec_like_match(like, t);
        }
        if (fly_vec_regex_create(fly_bytes_of(pattern, n), (unsigned)i % 16, &account.mem, &re,
                                 NULL) == FLY_OK) {
            fly_vec_span spans[12];
            bool found, any;
            FLY_CHECK_OK(fly_vec_regex_match(re, t, &any, &err), err);
            FLY_CHECK_OK(fly_vec_regex_find(re, t, 0, spans, 12, &found, &err), err);
            bool ascii =
                true; /* other bytes here are not UTF-8, and nothing is promised for them */
            for (size_t j = 0; j < m; j++) {
                ascii = ascii && (text[j] & 0x80) == 0;
            }
            if ((ascii && found != any) ||
                (found && (spans[0].begin > spans[0].end || spans[0].end > (int64_t)m))) {
                ck_abort_msg("round %d", i);
            }
            fly_vec_regex_destroy(re);
        }
        fly_arena_reset(&arena);
    }
}
END_TEST

START_TEST(states_are_forgotten_and_made_again)
{
    /* 2^13 states of the automaton meet the limit on transitions only with many colours. */
    fly_vec_regex *re;
    bool found;
    FLY_CHECK_OK(
        fly_vec_regex_create(fly_bytes_str("[ac-z0-9]*a[ab-z]{13}!|[\xce\xb1-\xcf\x89]b.d.f.h"), 0,
                             &account.mem, &re, &err),
        err);
    fly_rng rng;
    fly_rng_init(&rng, 3);
    char text[2000];
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof text; i++) {
            text[i] = "abcdefgh"[fly_rng_below(&rng, 8)];
        }
        bool want = round % 2 == 1;
        if (want) {
            text[1980] = 'a';
            text[1994] = '!';
        }
        FLY_CHECK_OK(fly_vec_regex_match(re, fly_bytes_of(text, sizeof text), &found, &err), err);
        ck_assert_int_eq(found, want);
    }
    fly_vec_regex_destroy(re);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("regex");
    TCase *tests = fly_test_case(suite, "regex");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, every_case_gives_what_postgresql_gave);
    tcase_add_loop_test(tests, no_pattern_takes_for_ever, 0, (int)(sizeof hard / sizeof hard[0]));
    tcase_add_test(tests, what_is_not_supported_says_so);
    tcase_add_test(tests, too_large_patterns_are_refused);
    tcase_add_test(tests, an_anchored_pattern_tells_its_prefix);
    tcase_add_test(tests, patterns_and_texts_of_anything_do_no_harm);
    tcase_add_test(tests, states_are_forgotten_and_made_again);
    return fly_test_run(suite);
}
