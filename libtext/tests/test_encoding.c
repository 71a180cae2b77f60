/*
 * Goal: what is not text in an encoding is refused with the place where it stops being it, and what
 * is comes back from UTF-8 unchanged.
 * Method: a table of refusals, a row for each rule of the readers; every code point there and back;
 * random bytes, where validation, decoding and the plain definition must agree.
 */
#include <fly/text.h>

#include <fly/base_check.h>
#include <fly/base_hash.h>
#include <fly/base_seeds.h>

#include <stdio.h>
#include <string.h>

static fly_err err;

#define BYTES(literal) fly_bytes_of(literal, sizeof(literal) - 1)

static const struct {
    fly_text_encoding encoding;
    const char *bytes;
    size_t len;
    uint32_t position;
    const char *message;
} refusals[] = {
    {FLY_TEXT_UTF8, "caf\xe9", 4, 4, "invalid byte sequence for encoding \"UTF8\": 0xe9"},
    {FLY_TEXT_UTF8, "a\0b", 3, 2, "\"UTF8\": 0x00"},
    {FLY_TEXT_UTF8, "0123456789\x80", 11, 11, "\"UTF8\": 0x80"},
    {FLY_TEXT_UTF8, "\xc1\xbf", 2, 1, "0xc1 0xbf"},          /* two bytes for one's work */
    {FLY_TEXT_UTF8, "\xe0\x9f\xbf", 3, 1, "0xe0 0x9f 0xbf"}, /* three for two's */
    {FLY_TEXT_UTF8, "\xf0\x8f\xbf\xbf", 4, 1, "0xf0 0x8f 0xbf 0xbf"},
    {FLY_TEXT_UTF8, "\xed\xa0\x80", 3, 1, "0xed 0xa0 0x80"}, /* a surrogate */
    {FLY_TEXT_UTF8, "\xf4\x90\x80\x80", 4, 1, "0xf4 0x90 0x80 0x80"},
    {FLY_TEXT_UTF8, "\xf5\x80\x80\x80", 4, 1, "0xf5"},
    {FLY_TEXT_UTF8, "\xe2\x82", 2, 1, "0xe2 0x82"}, /* cut */
    {FLY_TEXT_UTF8, "\xe2\x82 ", 3, 1, "0xe2 0x82 0x20"},
    {FLY_TEXT_UTF8, "\xf0\x9f\x98 ", 4, 1, "0xf0 0x9f 0x98 0x20"},
    {FLY_TEXT_ASCII, "M\xc3\xbcller", 7, 2, "invalid byte sequence for encoding \"ASCII\": 0xc3"},
    {FLY_TEXT_ASCII, "a\0", 2, 2, "0x00"},
    {FLY_TEXT_LATIN1, "\xfc\0", 2, 2, "invalid byte sequence for encoding \"LATIN1\": 0x00"},
    {FLY_TEXT_UTF16, "a\0b", 3, 3, "invalid byte sequence for encoding \"UTF16\": 0x62"},
    {FLY_TEXT_UTF16, "\0\0", 2, 1, "0x00 0x00"},
    {FLY_TEXT_UTF16, "\x3d\xd8", 2, 1, "0x3d 0xd8"},
    {FLY_TEXT_UTF16, "\x3d\xd8g\0", 4, 1, "0x3d 0xd8 0x67 0x00"},
    {FLY_TEXT_UTF16, "a\0\x00\xdc", 4, 3, "0x00 0xdc"},
};

START_TEST(each_refusal_names_the_bytes_and_their_place)
{
    fly_bytes text = fly_bytes_of(refusals[_i].bytes, refusals[_i].len);
    FLY_CHECK(fly_text_validate(refusals[_i].encoding, text, &err), FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "22021");
    ck_assert_uint_eq(err.position, refusals[_i].position);
    FLY_CHECK_SAYS(err.message, refusals[_i].message);
    size_t len = 77;
    FLY_CHECK(fly_text_decode(refusals[_i].encoding, text, NULL, 0, &len, NULL), FLY_E_INVALID,
              err);
    ck_assert_uint_eq(len, 77);
}
END_TEST

static bool scalar(uint32_t code)
{
    return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

START_TEST(every_character_comes_back)
{
    static const uint32_t limits[] = {0x10ffff, 0x7f, 0xff, 0x10ffff};
    uint32_t wrong = 0;
    for (uint32_t code = 1; code <= 0x10ffff; code++) {
        uint8_t utf8[4];
        uint8_t out[8];
        uint8_t back[8];
        size_t len;
        if (!scalar(code)) {
            continue;
        }
        fly_bytes text = fly_bytes_of(utf8, fly_text_put(utf8, code));
        fly_status wanted = code <= limits[_i] ? FLY_OK : FLY_E_INVALID;
        fly_text_encoding encoding = (fly_text_encoding)_i;
        fly_status got = fly_text_encode(encoding, text, out, sizeof out, &len, NULL);
        wrong += got != wanted;
        if (got == FLY_OK) {
            size_t back_len = 0;
            got = fly_text_decode(encoding, fly_bytes_of(out, len), back, sizeof back, &back_len,
                                  NULL);
            wrong += got != FLY_OK || !fly_bytes_equal(fly_bytes_of(back, back_len), text);
        }
        uint32_t read;
        wrong += fly_text_next(text, 0, &read) != text.len || read != code;
    }
    ck_assert_uint_eq(wrong, 0);
}
END_TEST

START_TEST(a_character_that_the_encoding_lacks_is_named)
{
    size_t len;
    FLY_CHECK(fly_text_encode(FLY_TEXT_LATIN1, BYTES("10 \xe2\x82\xac"), NULL, 0, &len, &err),
              FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "22P05");
    ck_assert_uint_eq(err.position, 4);
    ck_assert_str_eq(err.message, "character with byte sequence 0xe2 0x82 0xac in encoding "
                                  "\"UTF8\" has no equivalent in encoding \"LATIN1\"");
}
END_TEST

START_TEST(a_small_buffer_says_how_much_is_needed)
{
    fly_bytes text = BYTES("Stra\xc3\x9f"
                           "e \xf0\x9f\x98\x80");
    uint8_t out[32];
    size_t len = 0;
    FLY_CHECK(fly_text_encode(FLY_TEXT_UTF16, text, NULL, 0, &len, &err), FLY_E_FULL, err);
    ck_assert_uint_eq(len, 18);
    memset(out, 0xee, sizeof out);
    FLY_CHECK(fly_text_encode(FLY_TEXT_UTF16, text, out, 17, &len, &err), FLY_E_FULL, err);
    ck_assert_uint_eq(out[17], 0xee);
    FLY_CHECK_OK(fly_text_encode(FLY_TEXT_UTF16, text, out, 18, &len, &err), err);
    ck_assert_mem_eq(out, "S\0t\0r\0a\0\xdf\0e\0 \0\x3d\xd8\x00\xde", 18);
    FLY_CHECK_OK(fly_text_decode(FLY_TEXT_UTF8, BYTES(""), NULL, 0, &len, &err), err);
    ck_assert_uint_eq(len, 0);
}
END_TEST

START_TEST(encodings_have_many_names)
{
    static const struct {
        const char *name;
        int encoding; /* -1: none */
    } names[] = {{"UTF8", 0},      {"utf-8", 0},  {"Unicode", 0},    {"ASCII", 1},
                 {"SQL_ASCII", 1}, {"latin1", 2}, {"ISO 8859-1", 2}, {"UTF-16LE", 3},
                 {"UTF16", 3},     {"", -1},      {"UTF", -1},       {"windows-1252-and-more", -1},
                 {"utf-16be", -1}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        fly_text_encoding encoding = FLY_TEXT_ENCODING_COUNT;
        fly_status status = fly_text_encoding_find(fly_bytes_str(names[i].name), &encoding);
        ck_assert_msg(names[i].encoding < 0 ? status == FLY_E_NOT_FOUND
                                            : (int)encoding == names[i].encoding,
                      "%s", names[i].name);
    }
    ck_assert_str_eq(fly_text_encoding_name(FLY_TEXT_UTF16), "UTF16");
}
END_TEST

/* Random bytes, mostly of the kinds that matter, against the definition by way of code points. */
START_TEST(rubbish_is_judged_the_same_everywhere)
{
    static const uint8_t kinds[] = {'a',  'z',  0x80, 0xbf, 0xc2, 0xe0, 0xa0, 0xed,
                                    0x9f, 0xf0, 0x90, 0xf4, 0x8f, 0xd8, 0xdc, 0xff};
    fly_rng rng;
    fly_rng_init(&rng, 20);
    for (int round = 0; round < 50000; round++) {
        uint8_t bytes[24];
        uint8_t out[96];
        size_t len = fly_rng_below(&rng, sizeof bytes);
        for (size_t i = 0; i < len; i++) {
            bytes[i] = kinds[fly_rng_below(&rng, sizeof kinds)];
        }
        fly_bytes text = fly_bytes_of(bytes, len);
        for (int e = 0; e < FLY_TEXT_ENCODING_COUNT; e++) {
            fly_text_encoding encoding = (fly_text_encoding)e;
            size_t made = 0;
            fly_status valid = fly_text_validate(encoding, text, NULL);
            fly_status decoded = fly_text_decode(encoding, text, out, sizeof out, &made, NULL);
            if (valid != decoded) {
                ck_abort_msg("round %d: validate and decode disagree", round);
            }
            if (valid == FLY_OK &&
                fly_text_validate(FLY_TEXT_UTF8, fly_bytes_of(out, made), NULL) != FLY_OK) {
                ck_abort_msg("round %d: made what is not UTF-8", round);
            }
        }
        /* To read on with replacements, and to write that down, gives text. */
        size_t made = 0;
        size_t replaced = 0;
        for (size_t at = 0; at < len;) {
            uint32_t code;
            at += fly_text_next(text, at, &code);
            made += fly_text_put(out + made, code);
            replaced += code == 0xfffd;
            if (at > len) {
                ck_abort_msg("round %d: read beyond the end", round);
            }
        }
        bool valid = fly_text_validate(FLY_TEXT_UTF8, text, NULL) == FLY_OK;
        if (valid != (replaced == 0) ||
            fly_text_validate(FLY_TEXT_UTF8, fly_bytes_of(out, made), NULL) != FLY_OK) {
            ck_abort_msg("round %d: replacements", round);
        }
    }
}
END_TEST

/* The standard's own example of maximal subparts, section 3.9, table 3-11. */
START_TEST(one_replacement_stands_for_a_maximal_subpart)
{
    fly_bytes text = BYTES("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf"
                           "A");
    static const size_t lengths[] = {2, 1, 3, 2, 1};
    size_t at = 0;
    for (size_t i = 0; i < 5; i++) {
        uint32_t code;
        size_t len = fly_text_next(text, at, &code);
        ck_assert_uint_eq(len, lengths[i]);
        ck_assert_uint_eq(code, i < 4 ? 0xfffd : 'A');
        at += len;
    }
    ck_assert_uint_eq(at, text.len);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("encoding");
    TCase *tests = fly_test_case(suite, "encoding");
    tcase_add_loop_test(tests, each_refusal_names_the_bytes_and_their_place, 0,
                        sizeof refusals / sizeof refusals[0]);
    tcase_add_loop_test(tests, every_character_comes_back, 0, FLY_TEXT_ENCODING_COUNT);
    tcase_add_test(tests, a_character_that_the_encoding_lacks_is_named);
    tcase_add_test(tests, a_small_buffer_says_how_much_is_needed);
    tcase_add_test(tests, encodings_have_many_names);
    tcase_add_test(tests, rubbish_is_judged_the_same_everywhere);
    tcase_add_test(tests, one_replacement_stands_for_a_maximal_subpart);
    return fly_test_run(suite);
}
