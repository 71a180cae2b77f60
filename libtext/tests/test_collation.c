/*
 * Goal: C1 to C3 of collation.c, and the orders that people expect of their languages.
 * Method: lists of words in order; pairs that are equal and pairs that are not; random texts of
 * letters, marks, symbols and rubbish under every collation, compared three ways: by compare, by
 * keys, by hashes. CLDR's own list of some 200,000 strings in order, where it is installed.
 */
#include <fly/text.h>

#include <fly/base_check.h>
#include <fly/base_hash.h>
#include <fly/base_seeds.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static fly_err err;
static fly_account account;

static void setup(void)
{
    fly_account_init(&account, fly_mem_system(), "test", 0);
}

static void teardown(void)
{
    fly_account_deinit(&account);
}

static fly_collation *open_one(const char *name, const char *locale)
{
    fly_collation *collation = NULL;
    FLY_CHECK_OK(fly_text_collation_open(&account.mem, fly_bytes_str(name), fly_bytes_str(locale),
                                         &collation, &err),
                 err);
    return collation;
}

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

enum { KEY = 4096 };

/* compare, after the keys, equal() and the hashes have been heard. */
static int agreed(const fly_collation *collation, fly_bytes a, fly_bytes b)
{
    static uint8_t key_a[KEY];
    static uint8_t key_b[KEY];
    size_t len_a = 0;
    size_t len_b = 0;
    uint64_t hash_a = 0;
    uint64_t hash_b = 0;
    if (fly_text_sort_key(collation, a, key_a, KEY, &len_a, &err) != FLY_OK ||
        fly_text_sort_key(collation, b, key_b, KEY, &len_b, &err) != FLY_OK ||
        fly_text_hash(collation, a, 7, &hash_a, &err) != FLY_OK ||
        fly_text_hash(collation, b, 7, &hash_b, &err) != FLY_OK) {
        ck_abort_msg("%s", err.message);
    }
    int order = sign(fly_text_compare(collation, a, b));
    int by_key = sign(fly_bytes_cmp(fly_bytes_of(key_a, len_a), fly_bytes_of(key_b, len_b)));
    if (order != by_key || sign(fly_text_compare(collation, b, a)) != -order ||
        fly_text_equal(collation, a, b) != (order == 0) || (order == 0 && hash_a != hash_b)) {
        ck_abort_msg("%s/%s: \"%.*s\" and \"%.*s\": compare %d, keys %d",
                     fly_text_collation_name(collation), fly_text_collation_locale(collation),
                     (int)a.len, (const char *)a.data, (int)b.len, (const char *)b.data, order,
                     by_key);
    }
    return order;
}

/* Words in order, parted by spaces; "=" before one that equals the word before it. */
static const struct {
    const char *name, *locale, *words;
} orders[] = {
    {"default", "", "A B Z a b z \u00c4 \u00e4 \u20ac \U0001f600"},
    {"binary", "", "A Z a \u00c4"},
    {"C", "", "A Z a \u00c4"},
    {"nocase", "", "a =A b =B \u00e4 =\u00c4"},
    {"nocase", "", "stra\u00dfe =STRASSE =Strasse straz \u03c3 =\u03c2 =\u03a3"},
    {"unicode", "", "_ 1 a A \u00e4 \u00c4 \u00e5ngstr\u00f6m b B z"},
    {"unicode", "en_US", "a A b B c C z Z"},
    {"unicode", "de_DE", "a A \u00e4 \u00c4 b o \u00f6 ss \u00df st z"},
    {"unicode", "sv_SE", "a o z \u00e5 \u00c5 \u00e4 \u00f6"},
    {"unicode", "es_ES", "cz d llz m nz \u00f1 o"},
    {"unicode", "fr_FR", "cote cot\u00e9 c\u00f4te c\u00f4t\u00e9"},
    {"unicode", "fr_CA", "cote c\u00f4te cot\u00e9 c\u00f4t\u00e9"},
    {"unicode", "da-DK", "z \u00e6 \u00f8 \u00e5"},
    {"unicode", "tr_TR", "h \u0131 I i \u0130 j"},
    {"de-u-co-phonebk", "", "ad \u00e4 af"},
    {"de-x-icu", "", "a \u00e4 b"},
    {"sv_SE.UTF-8", "", "z \u00e5 \u00f6"},
    {"unicode", "", "e\u0301 =\u00e9 e\u0301a f"}, /* composed or not */
    {"unicode_ci", "", "a =A \u00e4 =\u00c4 b"},
    {"unicode_ai", "", "a =A =\u00e4 =\u00c4 b =B ss =\u00df =SS"},
    {"unicode_ci", "sv_SE", "a z \u00e5 =\u00c5"},
};

START_TEST(words_stand_in_their_order)
{
    fly_collation *collation = open_one(orders[_i].name, orders[_i].locale);
    fly_bytes before = fly_bytes_str("");
    for (const char *at = orders[_i].words; *at != 0;) {
        size_t len = strcspn(at, " ");
        bool same = *at == '=';
        fly_bytes word = fly_bytes_of(at + same, len - same);
        int order = agreed(collation, before, word);
        ck_assert_msg(order == (same ? 0 : -1), "%s/%s: \"%.*s\" before \"%.*s\": %d",
                      orders[_i].name, orders[_i].locale, (int)before.len,
                      (const char *)before.data, (int)word.len, (const char *)word.data, order);
        before = word;
        at += len + (at[len] == ' ');
    }
    fly_text_collation_close(collation);
}
END_TEST

static const char *const pieces[] = {
    "a",      "A",          "b",        "ss",           "\u00df",   "\u1e9e",
    "\u00e4", "a\u0308",    "\u0301",   "\u0327",       "i",        "I",
    "\u0130", "\u0131",     "\u03c3",   "\u03c2",       "\u03a3",   "-",
    " ",      "_",          "1",        "10",           "\u4e00",   "\u3042",
    "\u30a2", "\U0001f600", "\u200d",   "\u0e40\u0e01", "\uac00",   "\u1100\u1161",
    "\xff",   "\xc3",       "\xe2\x82", "\xed\xa0\x80", "\xf0\x9f", "\x01",
    "\ufb01", "\u0149",
};

static fly_bytes random_text(fly_rng *rng, uint8_t *into, size_t most)
{
    size_t len = 0;
    for (size_t n = fly_rng_below(rng, most + 1); n > 0; n--) {
        const char *piece = pieces[fly_rng_below(rng, sizeof pieces / sizeof pieces[0])];
        memcpy(into + len, piece, strlen(piece));
        len += strlen(piece);
    }
    return fly_bytes_of(into, len);
}

static const char *const every[] = {"default", "nocase", "unicode", "unicode_ci", "unicode_ai",
                                    "de",      "sv",     "tr",      "ja"};

START_TEST(comparison_keys_and_hashes_agree_on_anything)
{
    fly_collation *collation = open_one(every[_i], "");
    fly_rng rng;
    fly_rng_init(&rng, (uint64_t)_i + 1);
    uint8_t a[512];
    uint8_t b[512];
    for (int round = 0; round < 20000; round++) {
        size_t most = round % 100 == 0 ? 100 : 4;
        fly_bytes x = random_text(&rng, a, most);
        fly_bytes y = random_text(&rng, b, most);
        (void)agreed(collation, x, y);
    }
    fly_text_collation_close(collation);
}
END_TEST

START_TEST(a_text_that_is_long_is_compared_to_its_end)
{
    enum { LONG = 100000 };
    fly_collation *collation = open_one(every[_i], "");
    uint8_t *text = malloc(2 * LONG);
    uint8_t *key = malloc(16 * LONG);
    ck_assert(text != NULL && key != NULL);
    for (size_t i = 0; i < LONG; i++) {
        memcpy(text + 2 * i, "\xc3\xa4", 2);
    }
    fly_bytes whole = fly_bytes_of(text, (size_t)2 * LONG);
    fly_bytes part = fly_bytes_of(text, (size_t)2 * LONG - 2);
    ck_assert_int_lt(fly_text_compare(collation, part, whole), 0);
    ck_assert(fly_text_equal(collation, whole, whole));
    size_t needed = 0;
    size_t len = 0;
    uint64_t hash;
    FLY_CHECK(fly_text_sort_key(collation, whole, NULL, 0, &needed, &err), FLY_E_FULL, err);
    ck_assert_uint_le(needed, 16 * LONG);
    FLY_CHECK(fly_text_sort_key(collation, whole, key, needed - 1, &len, &err), FLY_E_FULL, err);
    FLY_CHECK_OK(fly_text_sort_key(collation, whole, key, needed, &len, &err), err);
    ck_assert_uint_eq(len, needed);
    FLY_CHECK_OK(fly_text_hash(collation, whole, 1, &hash, &err), err);
    account.limit = fly_load_u64(&account.used) + 1000;
    if (fly_text_collation_kind(collation) == FLY_COLLATION_UNICODE) {
        FLY_CHECK(fly_text_sort_key(collation, whole, key, needed, &len, &err), FLY_E_NO_MEMORY,
                  err);
        FLY_CHECK(fly_text_hash(collation, whole, 1, &hash, &err), FLY_E_NO_MEMORY, err);
    }
    free(key);
    free(text);
    fly_text_collation_close(collation);
}
END_TEST

START_TEST(a_collation_knows_its_name_and_version)
{
    fly_collation *german = open_one("Unicode_CI", "de_DE.UTF-8");
    ck_assert_int_eq(fly_text_collation_kind(german), FLY_COLLATION_UNICODE);
    ck_assert_str_eq(fly_text_collation_name(german), "unicode_ci");
    ck_assert_str_eq(fly_text_collation_locale(german), "de_DE");
    ck_assert_str_ne(fly_text_collation_version(german), "");
    FLY_CHECK_SAYS(fly_text_icu_version(), "ICU ");
    fly_text_collation_close(german);
    fly_collation *bytes = open_one("C", "en_US");
    ck_assert_str_eq(fly_text_collation_name(bytes), "binary");
    ck_assert_str_eq(fly_text_collation_version(bytes), "");
    fly_text_collation_close(bytes);
    fly_text_collation_close(NULL);
}
END_TEST

START_TEST(a_name_or_locale_that_is_none_is_refused)
{
    static const char *const names[] = {
        "", "nosuch", "english", "unicode_xx", "zz_ZZ", "qqq", "de-u-co-phonebk-\xff\xff"};
    fly_collation *collation = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        err = (fly_err){0};
        FLY_CHECK(fly_text_collation_open(&account.mem, fly_bytes_str(names[i]), fly_bytes_str(""),
                                          &collation, &err),
                  FLY_E_NOT_FOUND, err);
        ck_assert_str_eq(err.sqlstate, "42704");
    }
    FLY_CHECK_SAYS(err.message, "for encoding \"UTF8\" does not exist");
    static const char *const locales[] = {"klingon", "zz_ZZ", "de\n_DE"};
    for (size_t i = 0; i < sizeof locales / sizeof locales[0]; i++) {
        FLY_CHECK(fly_text_collation_open(&account.mem, fly_bytes_str("unicode"),
                                          fly_bytes_str(locales[i]), &collation, &err),
                  FLY_E_INVALID, err);
    }
    char longest[300];
    memset(longest, 'x', sizeof longest);
    FLY_CHECK(fly_text_collation_open(&account.mem, fly_bytes_of(longest, sizeof longest),
                                      fly_bytes_str(""), &collation, &err),
              FLY_E_NOT_FOUND, err);
    account.limit = 1;
    FLY_CHECK(fly_text_collation_open(&account.mem, fly_bytes_str("unicode"), fly_bytes_str(""),
                                      &collation, &err),
              FLY_E_NO_MEMORY, err);
    ck_assert_ptr_null(collation);
}
END_TEST

/* ------------------------------------------------------------------- threads */

enum { THREADS = 4 };

static void *compare_much(void *shared)
{
    const fly_collation *collation = shared;
    fly_rng rng;
    fly_rng_init(&rng, 99);
    uintptr_t wrong = 0;
    for (int round = 0; round < 5000; round++) {
        uint8_t bytes[2][512];
        uint8_t keys[2][2048];
        size_t lens[2] = {0, 0};
        fly_bytes texts[2];
        for (size_t i = 0; i < 2; i++) {
            texts[i] = random_text(&rng, bytes[i], 6);
            wrong += fly_text_sort_key(collation, texts[i], keys[i], 2048, &lens[i], NULL) !=
                     FLY_OK;
        }
        int by_key = fly_bytes_cmp(fly_bytes_of(keys[0], lens[0]), fly_bytes_of(keys[1], lens[1]));
        wrong += sign(fly_text_compare(collation, texts[0], texts[1])) != sign(by_key);
    }
    return (void *)wrong;
}

START_TEST(threads_share_a_collation)
{
    fly_collation *collation = open_one(every[_i], "");
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, compare_much, collation), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *wrong = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
        ck_assert_ptr_null(wrong);
    }
    fly_text_collation_close(collation);
}
END_TEST

/* --------------------------------------------------------------- conformance */

/*
 * A few lines of CLDR's file, for machines that do not have it. The file is of one version of the
 * algorithm's data, ICU may be of another, and each version moves a few characters: of neighbours, one
 * in a thousand may then stand in another order.
 */
static const char *const slice[] = {"0021 0061", "003F 0062", "005F 0041", "0024 0062",
                                    "0030 0061", "0039 0041", "0061 0021", "0041 0021",
                                    "00E4 0021", "0062 0061", "00DF 0062", "4E00 0061"};

/* Read "0061 0308" up to ";" or the end of the line as UTF-8; false for one without code points. */
static bool parse_codes(const char *line, uint8_t *out, size_t *len)
{
    *len = 0;
    for (char *end;; line = end) {
        unsigned long code = strtoul(line, &end, 16);
        if (end == line) {
            return *len > 0;
        }
        if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
            return false; /* NUL and surrogates are no text here */
        }
        *len += fly_text_put(out + *len, (uint32_t)code);
    }
}

static const char CLDR[] = "/usr/share/unicode/cldr/common/uca/"
                           "CollationTest_CLDR_NON_IGNORABLE_SHORT.txt";

START_TEST(the_list_of_cldr_is_in_order)
{
    fly_collation *root = open_one("unicode", "");
    FILE *file = fopen(CLDR, "r");
    if (file == NULL) {
        (void)printf("%s is not installed (unicode-cldr-core): a slice only\n", CLDR);
    }
    char line[1024];
    uint8_t texts[2][512];
    fly_bytes before = fly_bytes_of(texts[0], 0);
    size_t compared = 0;
    size_t moved = 0;
    for (size_t i = 0;; i++) {
        if (file != NULL ? fgets(line, sizeof line, file) == NULL
                         : i == sizeof slice / sizeof slice[0]) {
            break;
        }
        uint8_t *to = texts[before.data == texts[0]];
        size_t len;
        if (!parse_codes(file != NULL ? line : slice[i], to, &len)) {
            continue;
        }
        fly_bytes text = fly_bytes_of(to, len);
        if (agreed(root, before, text) > 0 && ++moved <= 10) {
            (void)printf("line %zu: \"%.*s\" sorts after the next\n", i, (int)before.len,
                         (const char *)before.data);
        }
        before = text;
        compared++;
    }
    (void)printf("%zu of %zu moved\n", moved, compared);
    ck_assert_uint_le(moved, compared / 1000);
    ck_assert_uint_ge(compared, file != NULL ? 100000 : sizeof slice / sizeof slice[0]);
    if (file != NULL) {
        (void)fclose(file);
    }
    fly_text_collation_close(root);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("collation");
    TCase *tests = fly_test_case(suite, "collation");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, words_stand_in_their_order, 0, sizeof orders / sizeof orders[0]);
    tcase_add_loop_test(tests, comparison_keys_and_hashes_agree_on_anything, 0,
                        sizeof every / sizeof every[0]);
    tcase_add_loop_test(tests, a_text_that_is_long_is_compared_to_its_end, 0,
                        sizeof every / sizeof every[0]);
    tcase_add_loop_test(tests, threads_share_a_collation, 0, sizeof every / sizeof every[0]);
    tcase_add_test(tests, a_collation_knows_its_name_and_version);
    tcase_add_test(tests, a_name_or_locale_that_is_none_is_refused);
    tcase_add_test(tests, the_list_of_cldr_is_in_order);
    return fly_test_run(suite);
}
