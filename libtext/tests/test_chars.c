/*
 * Goal: characters are counted, found, cut, measured, changed in case and normalized as Unicode says.
 * Method: tables; a count by the plain definition beside the one by words, for every alignment; the
 * standard's NormalizationTest.txt, where it is installed.
 */
#define _POSIX_C_SOURCE 200809L

#include <fly/text.h>

#include <fly/base_check.h>
#include <fly/base_hash.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static fly_err err;

#define BYTES(literal) fly_bytes_of(literal, sizeof(literal) - 1)

/* ---------------------------------------------------------------- characters */

START_TEST(counting_and_finding_agree_with_the_plain_way)
{
    static const char *const pieces[] = {"a", "\u00e4", "\u20ac", "\U0001f600"};
    fly_rng rng;
    fly_rng_init(&rng, 3);
    for (int round = 0; round < 3000; round++) {
        uint8_t bytes[256];
        size_t begins[64];
        size_t len = 0;
        size_t count = fly_rng_below(&rng, 60);
        for (size_t i = 0; i < count; i++) {
            const char *piece = pieces[fly_rng_below(&rng, 4)];
            begins[i] = len;
            memcpy(bytes + len, piece, strlen(piece));
            len += strlen(piece);
        }
        begins[count] = len;
        fly_bytes text = fly_bytes_of(bytes, len);
        if (fly_text_count(text) != count) {
            ck_abort_msg("round %d: %zu characters", round, fly_text_count(text));
        }
        for (size_t i = 0; i <= count + 2; i++) {
            size_t wanted = i <= count ? begins[i] : len;
            if (fly_text_offset(text, i) != wanted) {
                ck_abort_msg("round %d: character %zu is at %zu", round, i, wanted);
            }
        }
        size_t from = fly_rng_below(&rng, 62);
        size_t many = fly_rng_below(&rng, 62);
        size_t first = from < count ? from : count;
        size_t last = many < count - first ? first + many : count;
        fly_bytes part = fly_text_substring(text, from, many);
        if (part.len != begins[last] - begins[first] ||
            (part.len > 0 && part.data != bytes + begins[first])) {
            ck_abort_msg("round %d: substring %zu, %zu", round, from, many);
        }
    }
    ck_assert_uint_eq(fly_text_substring(BYTES("abc"), 1, SIZE_MAX).len, 2);
    ck_assert_uint_eq(fly_text_count(fly_bytes_of(NULL, 0)), 0);
}
END_TEST

START_TEST(widths_are_those_of_a_terminal)
{
    static const struct {
        const char *text;
        size_t width;
    } widths[] = {{"", 0},        {"abc", 3},          {"M\u00fcller", 6},
                  {"e\u0301", 1}, {"\u6f22\u5b57", 4}, {"\uff21", 2},
                  {"\uff71", 1},  {"\U0001f600", 2},   {"\u200b", 0},
                  {"\t", 0},      {"\u00ad", 1},       {"\u1112\u1161\u11ab", 2},
                  {"\u20ac", 1},  {"\xff", 1}};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        ck_assert_msg(fly_text_width(fly_bytes_str(widths[i].text)) == widths[i].width,
                      "\"%s\": %zu", widths[i].text, fly_text_width(fly_bytes_str(widths[i].text)));
    }
    ck_assert_int_eq(fly_text_char_width(7), -1);
    ck_assert_int_eq(fly_text_char_width(0x2028), -1);
}
END_TEST

/* ---------------------------------------------------------------------- case */

typedef fly_status changer(const fly_collation *, fly_bytes, void *, size_t, size_t *, fly_err *);

static const struct {
    changer *change;
    const char *locale, *text, *wanted;
} cases[] = {
    {fly_text_upper, "", "", ""},
    {fly_text_upper, "", "abcXYZ019", "ABCXYZ019"},
    {fly_text_upper, "", "stra\u00dfe \u00e9", "STRASSE \u00c9"},
    {fly_text_upper, "tr", "istanbul", "\u0130STANBUL"},
    {fly_text_upper, "az_AZ", "i", "\u0130"},
    {fly_text_upper, "", "\ufb01", "FI"},
    {fly_text_lower, "", "ABC[\\]`{", "abc[\\]`{"},
    {fly_text_lower, "", "\u00c4\u0416", "\u00e4\u0436"},
    {fly_text_lower, "", "\u039f\u03a3 \u03a3\u0391", "\u03bf\u03c2 \u03c3\u03b1"},
    {fly_text_lower, "tr", "ISI", "\u0131s\u0131"},
    {fly_text_initcap, "", "hello wORLD o'neil 1st x2y", "Hello World O'Neil 1st X2y"},
    {fly_text_initcap, "", "\u00e4PFEL \u01c6", "\u00c4pfel \u01c5"},
    {fly_text_initcap, "tr", "istanbul ISI", "\u0130stanbul Is\u0131"},
};

START_TEST(case_follows_the_locale)
{
    fly_collation *collation;
    uint8_t out[128];
    size_t len = 0;
    FLY_CHECK_OK(fly_text_collation_open(fly_mem_system(), BYTES("default"),
                                         fly_bytes_str(cases[_i].locale), &collation, &err),
                 err);
    fly_bytes text = fly_bytes_str(cases[_i].text);
    FLY_CHECK_OK(cases[_i].change(collation, text, out, sizeof out, &len, &err), err);
    ck_assert_msg(fly_bytes_equal(fly_bytes_of(out, len), fly_bytes_str(cases[_i].wanted)),
                  "\"%s\" becomes \"%.*s\"", cases[_i].text, (int)len, out);
    if (len > 0) {
        size_t needed = 0;
        FLY_CHECK(cases[_i].change(collation, text, out, len - 1, &needed, &err), FLY_E_FULL, err);
        ck_assert_uint_eq(needed, len);
        FLY_CHECK(cases[_i].change(collation, text, NULL, 0, &needed, &err), FLY_E_FULL, err);
        ck_assert_uint_eq(needed, len);
    }
    fly_text_collation_close(collation);
}
END_TEST

START_TEST(folding_makes_spellings_one)
{
    uint8_t out[64];
    size_t len = 0;
    FLY_CHECK_OK(fly_text_fold(BYTES("Stra\u00dfe \u0130\u03c2"), out, sizeof out, &len, &err),
                 err);
    ck_assert(fly_bytes_equal(fly_bytes_of(out, len), BYTES("strasse i\u0307\u03c3")));
    FLY_CHECK(fly_text_fold(BYTES("\u00df"), out, 1, &len, &err), FLY_E_FULL, err);
    ck_assert_uint_eq(len, 2);
}
END_TEST

/* -------------------------------------------------------------- normal forms */

static void expect_form(fly_text_form form, fly_bytes text, fly_bytes wanted, const char *where)
{
    uint8_t out[512];
    size_t len = 0;
    bool already = false;
    if (fly_text_normalize(fly_mem_system(), form, text, out, sizeof out, &len, &err) != FLY_OK ||
        fly_text_is_normalized(fly_mem_system(), form, text, &already, &err) != FLY_OK) {
        ck_abort_msg("%s: %s", where, err.message);
    }
    if (!fly_bytes_equal(fly_bytes_of(out, len), wanted) ||
        already != fly_bytes_equal(text, wanted)) {
        ck_abort_msg("form %d of \"%.*s\" is \"%.*s\": %s", (int)form, (int)text.len,
                     (const char *)text.data, (int)len, out, where);
    }
}

/* Read the next of the five columns "0061 0308;". */
static const char *column(const char *line, uint8_t *out, size_t *len)
{
    *len = 0;
    while (*line != ';' && *line != 0) {
        char *end;
        *len += fly_text_put(out + *len, (uint32_t)strtoul(line, &end, 16));
        line = end;
    }
    return line + (*line == ';');
}

/*
 * The rules that the file states for its columns: NFC of c1, c2, c3 is c2, of c4 and c5 c4; NFD of
 * the same c3 and c5; NFKC of all c4; NFKD of all c5.
 */
static void check_line(const char *line)
{
    uint8_t bytes[5][128];
    fly_bytes c[5];
    const char *at = line;
    for (size_t i = 0; i < 5; i++) {
        size_t len;
        at = column(at, bytes[i], &len);
        c[i] = fly_bytes_of(bytes[i], len);
    }
    for (size_t i = 0; i < 5; i++) {
        expect_form(FLY_TEXT_NFC, c[i], i < 3 ? c[1] : c[3], line);
        expect_form(FLY_TEXT_NFD, c[i], i < 3 ? c[2] : c[4], line);
        expect_form(FLY_TEXT_NFKC, c[i], c[3], line);
        expect_form(FLY_TEXT_NFKD, c[i], c[4], line);
    }
}

static const char *const slice[] = {
    "00E4;00E4;0061 0308;00E4;0061 0308;",
    "0344;0308 0301;0308 0301;0308 0301;0308 0301;",
    "FB01;FB01;FB01;0066 0069;0066 0069;",
    "AC00;AC00;1100 1161;AC00;1100 1161;",
    "1E9B 0323;1E9B 0323;017F 0323 0307;1E69;0073 0323 0307;",
    "212B;00C5;0041 030A;00C5;0041 030A;",
};

START_TEST(the_standards_own_examples_normalize)
{
    for (size_t i = 0; i < sizeof slice / sizeof slice[0]; i++) {
        check_line(slice[i]);
    }
    FILE *file = popen("bzcat /usr/share/unicode/NormalizationTest.txt.bz2 2>/dev/null", "r");
    ck_assert_ptr_nonnull(file);
    char line[1024];
    size_t checked = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strchr("0123456789ABCDEF", line[0]) != NULL) {
            check_line(line);
            checked++;
        }
    }
    if (pclose(file) != 0 || checked == 0) {
        (void)printf("NormalizationTest.txt is not installed (unicode-data): a slice only\n");
    } else {
        ck_assert_uint_gt(checked, 10000);
    }
}
END_TEST

START_TEST(a_long_text_normalizes_in_memory_that_comes_back)
{
    enum { LONG = 5000 };
    fly_account account;
    fly_account_init(&account, fly_mem_system(), "test", 0);
    static uint8_t text[2 * LONG];
    static uint8_t out[3 * LONG];
    for (size_t i = 0; i < LONG; i++) {
        memcpy(text + 2 * i, "\xc3\xa4", 2);
    }
    size_t len = 0;
    bool already = true;
    fly_bytes all = fly_bytes_of(text, sizeof text);
    FLY_CHECK_OK(fly_text_normalize(&account.mem, FLY_TEXT_NFD, all, out, sizeof out, &len, &err),
                 err);
    ck_assert_uint_eq(len, 3 * LONG);
    FLY_CHECK(fly_text_normalize(&account.mem, FLY_TEXT_NFD, all, NULL, 0, &len, &err), FLY_E_FULL,
              err);
    ck_assert_uint_eq(len, 3 * LONG);
    FLY_CHECK_OK(fly_text_is_normalized(&account.mem, FLY_TEXT_NFD, all, &already, &err), err);
    ck_assert(!already);
    for (account.limit = 1; account.limit < 1 << 16; account.limit *= 4) {
        fly_status status =
            fly_text_normalize(&account.mem, FLY_TEXT_NFD, all, out, sizeof out, &len, &err);
        ck_assert(status == FLY_OK || status == FLY_E_NO_MEMORY);
    }
    fly_account_deinit(&account);
    fly_text_form form;
    FLY_CHECK_OK(fly_text_form_find(BYTES("nfkc"), &form), err);
    ck_assert_int_eq(form, FLY_TEXT_NFKC);
    FLY_CHECK(fly_text_form_find(BYTES("NFX"), &form), FLY_E_NOT_FOUND, err);
}
END_TEST

/* ------------------------------------------------------------------ passwords */

static const struct {
    const char *raw, *prepared;
} passwords[] = {
    {"I\u00adX", "IX"}, /* RFC 4013, section 3: a soft hyphen is mapped to nothing */
    {"user", "user"},
    {"USER", "USER"},
    {"\u00aa", "a"},
    {"\u2168", "IX"},
    {"\a\u00e4", "\a\u00e4"},     /* a control character: left alone */
    {"\u06271", "\u06271"},       /* directions mixed: left alone */
    {"a\u00a0b", "a b"},          /* another space */
    {"u\u0308", "\u00fc"},        /* two ways to write one letter */
    {"\xff\xfe", "\xff\xfe"},     /* no UTF-8 */
    {"\u00ad", "\u00ad"},         /* nothing would be left */
    {"\U0001f600", "\U0001f600"}, /* younger than the profile */
};

START_TEST(passwords_are_prepared)
{
    uint8_t out[32];
    size_t len = 0;
    fly_bytes raw = fly_bytes_str(passwords[_i].raw);
    fly_bytes wanted = fly_bytes_str(passwords[_i].prepared);
    ck_assert_int_eq(fly_text_saslprep(fly_mem_system(), raw, out, sizeof out, &len, &err), FLY_OK);
    ck_assert_msg(fly_bytes_equal(fly_bytes_of(out, len), wanted), "case %d: \"%.*s\"", _i,
                  (int)len, (const char *)out);
    ck_assert_int_eq(fly_text_saslprep(fly_mem_system(), raw, out, wanted.len - 1, &len, &err),
                     FLY_E_FULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chars");
    TCase *tests = fly_test_case(suite, "characters");
    tcase_add_test(tests, counting_and_finding_agree_with_the_plain_way);
    tcase_add_test(tests, widths_are_those_of_a_terminal);
    tcase_add_loop_test(tests, case_follows_the_locale, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tests, folding_makes_spellings_one);
    tcase_add_test(tests, the_standards_own_examples_normalize);
    tcase_add_test(tests, a_long_text_normalizes_in_memory_that_comes_back);
    TCase *prepared = fly_test_case(suite, "passwords");
    tcase_add_loop_test(prepared, passwords_are_prepared, 0,
                        sizeof passwords / sizeof passwords[0]);
    return fly_test_run(suite);
}
