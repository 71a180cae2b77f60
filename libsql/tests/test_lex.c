/*
 * Goal: bytes become tokens by PostgreSQL's rules, and tokens the values that they stand for.
 * Method: tables of texts and their tokens; rubbish, which must end.
 */
#include "parse/lex_int.h"

#include <fly/base_check.h>
#include <fly/base_hash.h>

#include <string.h>

static fly_arena arena;

static void setup(void)
{
    fly_arena_init(&arena, fly_mem_system(), 0);
}

static void teardown(void)
{
    fly_arena_deinit(&arena);
}

static const struct {
    const char *word;
    fly_sql_keyword_class class;
    bool bare;
} keywords[] = {
#define KEYWORD(word, name, class, bare) {word, FLY_KEYWORD_##class, bare},
#include "parse/kw.def"
#undef KEYWORD
};
enum { KEYWORD_COUNT = sizeof keywords / sizeof keywords[0] };

START_TEST(every_keyword_is_found_in_any_case)
{
    for (size_t i = 0; i < KEYWORD_COUNT; i++) {
        char upper[32];
        size_t len = strlen(keywords[i].word);
        for (size_t j = 0; j <= len; j++) {
            char byte = keywords[i].word[j];
            upper[j] = byte >= 'a' && byte <= 'z' ? (char)(byte - 32) : byte;
        }
        uint16_t type = fly__sql_keyword_find((const uint8_t *)keywords[i].word, len);
        ck_assert_msg(type == FLY_TOKEN_KEYWORDS + 1 + i, "%s is not found", keywords[i].word);
        ck_assert(fly__sql_keyword_find((const uint8_t *)upper, len) == type);
        ck_assert(fly__sql_keyword(type)->class == (uint8_t)keywords[i].class);
        ck_assert(fly__sql_keyword(type)->bare == keywords[i].bare);
        ck_assert_int_eq(fly__sql_keyword_find((const uint8_t *)keywords[i].word, len - 1) == type,
                         false);
    }
}
END_TEST

START_TEST(keywords_are_in_the_order_of_the_alphabet)
{
    for (size_t i = 1; i < KEYWORD_COUNT; i++) {
        ck_assert_msg(strcmp(keywords[i - 1].word, keywords[i].word) < 0, "%s", keywords[i].word);
    }
}
END_TEST

START_TEST(other_words_are_no_keywords)
{
    static const char *const words[] = {"", "a", "selec", "selects", "inspect", "zz", "_select"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        ck_assert_uint_eq(fly__sql_keyword_find((const uint8_t *)words[i], strlen(words[i])),
                          FLY_TOKEN_IDENT);
    }
}
END_TEST

/* ----------------------------------------------------------------------------------- tokens */

/* A letter for each type: i identifier, q quoted, s string, n number, p parameter, k keyword, o
 * operator of several characters, ! error, others themselves. */
static void shape(const char *text, bool lax, bool question, char *out, size_t size)
{
    fly_sql_lexer lexer;
    fly_sql_token token;
    size_t len = 0;
    fly__sql_lexer_init(&lexer, (const uint8_t *)text, (uint32_t)strlen(text));
    lexer.lax = lax;
    lexer.question = question;
    do {
        fly__sql_lex(&lexer, &token);
        char letter = token.type < 128 ? (char)token.type : '?';
        if (token.type > FLY_TOKEN_KEYWORDS) {
            letter = 'k';
        } else if (token.type >= FLY_TOKEN_STRING && token.type <= FLY_TOKEN_HEX) {
            letter = 's';
        } else if (token.type == FLY_TOKEN_INT || token.type == FLY_TOKEN_NUMERIC) {
            letter = 'n';
        } else if (token.type == FLY_TOKEN_IDENT) {
            letter = 'i';
        } else if (token.type == FLY_TOKEN_QUOTED || token.type == FLY_TOKEN_UQUOTED) {
            letter = 'q';
        } else if (token.type == FLY_TOKEN_PARAM || token.type == FLY_TOKEN_QUESTION) {
            letter = 'p';
        } else if (token.type == FLY_TOKEN_ERROR) {
            letter = '!';
        } else if (token.type >= FLY_TOKEN_CAST && token.type <= FLY_TOKEN_OP) {
            letter = 'o';
        }
        if (token.type != FLY_TOKEN_END && len + 1 < size) {
            out[len++] = letter;
        }
    } while (token.type != FLY_TOKEN_END && token.type != FLY_TOKEN_ERROR);
    out[len] = '\0';
}

static const struct {
    const char *text, *tokens;
    bool lax, question;
} shapes[] = {
    {"", "", false, false},
    {" \t\r\n\f", "", false, false},
    {"-- comment", "", false, false},
    {"a--b\nc", "ii", false, false},
    {"/* a /* b */ c */ d", "i", false, false},
    {"select a.b, \"c\" from t;", "ki.i,qki;", false, false},
    {"1 1.5 .5 1. 1e5 1.5e-3 1..2", "nnnnnnnon", false, false},
    {"$1 $12 $$a$$ $t$ $$ $u$ $t$", "ppss", false, false},
    {"'a' E'\\'' U&'a' B'1' x'1f' N'n' U&\"q\"", "ssssssq", false, false},
    {"'a' 'b'", "ss", false, false},
    {"'a'\n'b' 'c'", "ss", false, false},
    {"'a' -- x\n 'b'", "s", false, false},
    {"'a' /* x */\n 'b'", "ss", false, false},
    {"a=-1", "i=-n", false, false},
    {"a<-1", "i<-n", false, false},
    {"a@-1", "ion", false, false},
    {"a<>-1", "io-n", false, false},
    {"a*/**/b", "i*i", false, false},
    {"a+--b\n1", "i+n", false, false},
    {"a::b := c => d .. e", "ioioioioi", false, false},
    {"<= >= <> != || ~~* ->>", "ooooooo", false, false},
    {"a[1:2]", "i[n:n]", false, false},
    {"a ? b ?| c", "ioioi", false, false},
    {"a = ? and ?2", "i=pkp", false, true},
    {"a == b", "ioi", false, false},
    {"a == b", "i=i", true, false},
    {"[a b] `c` x[1] array[a]", "qqi[n]k[i]", true, false},
    {"0x1F", "n", true, false},
    {"\xc3\xa4 _a a$1", "iii", false, false},
    {"{", "?", false, false},
    {"'a", "!", false, false},
    {"\"a", "!", false, false},
    {"\"\"", "!", false, false},
    {"/* a", "!", false, false},
    {"$a$ b", "!", false, false},
    {"E'\\'", "!", false, false},
    {"1a", "!", false, false},
    {"1e+", "!", false, false},
    {"$1a", "!", false, false},
};

START_TEST(bytes_become_tokens)
{
    char tokens[64];
    shape(shapes[_i].text, shapes[_i].lax, shapes[_i].question, tokens, sizeof tokens);
    ck_assert_msg(strcmp(tokens, shapes[_i].tokens) == 0, "%s: %s, not %s", shapes[_i].text, tokens,
                  shapes[_i].tokens);
}
END_TEST

/* Every beginning and every byte: L1 to L3 of lex.c. The text is a block of exactly its size. */
START_TEST(rubbish_ends)
{
    static const char alphabet[] = "'\"$aE&UxB01.-/*+;\\\n ()[]`?:=<>\xc3\xff{";
    fly_rng rng;
    fly_rng_init(&rng, 7);
    for (int round = 0; round < 20000; round++) {
        uint32_t len = (uint32_t)fly_rng_below(&rng, 24);
        uint8_t *text = fly_mem_alloc(fly_mem_system(), len);
        for (uint32_t i = 0; i < len; i++) {
            text[i] = (uint8_t)alphabet[fly_rng_below(&rng, sizeof alphabet - 1)];
        }
        fly_sql_lexer lexer;
        fly_sql_token token;
        uint32_t end = 0;
        fly__sql_lexer_init(&lexer, text, len);
        lexer.lax = round % 2 == 1;
        lexer.question = round % 3 == 1;
        for (;;) {
            fly__sql_lex(&lexer, &token);
            ck_assert(token.start >= end && token.end <= len);
            if (token.type == FLY_TOKEN_END || token.type == FLY_TOKEN_ERROR) {
                break;
            }
            ck_assert(token.end > token.start);
            end = token.end;
            const char *problem;
            uint32_t where;
            fly_bytes value;
            fly_status status =
                fly__sql_token_value(&arena, text, &token, '\\', &value, &problem, &where);
            ck_assert(status == FLY_OK || (problem != NULL && where <= len));
        }
        fly_mem_free(fly_mem_system(), text, len);
        fly_arena_reset(&arena);
    }
}
END_TEST

/* ----------------------------------------------------------------------------------- values */

static const struct {
    const char *text, *value; /* NULL: a problem, named by `problem` */
    const char *problem;
} values[] = {
    {"FooBar", "foobar", NULL},
    {"\"FooBar\"", "FooBar", NULL},
    {"\"a\"\"b\"", "a\"b", NULL},
    {"'it''s'", "it's", NULL},
    {"'a\\n'", "a\\n", NULL},
    {"''", "", NULL},
    {"'a'\n  'b''c' -- x'y\n 'd'", "ab'cd", NULL},
    {"E'a\\n\\t\\\\\\'\\\"b'", "a\n\t\\'\"b", NULL},
    {"E'\\101\\x41\\u0041\\U00000041'", "AAAA", NULL},
    {"E'\\u00e4\\u20ac\\U0001F600'", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", NULL},
    {"E'\\ud83d\\ude00'", "\xf0\x9f\x98\x80", NULL},
    {"E'a'\n'\\x42'", "aB", NULL},
    {"U&'d\\0061t\\+000061\\\\'", "data\\", NULL},
    {"U&\"d\\0061t\\+000061\"", "data", NULL},
    {"$$a'b$$", "a'b", NULL},
    {"$x$a$$b$x$", "a$$b", NULL},
    {"B'101'", "101", NULL},
    {"12", "12", NULL},
    {"E'\\u12'", NULL, "invalid Unicode escape"},
    {"E'\\ud83d'", NULL, "invalid Unicode surrogate pair"},
    {"E'\\ud83dx'", NULL, "invalid Unicode surrogate pair"},
    {"E'\\ude00'", NULL, "invalid Unicode surrogate pair"},
    {"E'\\U00110000'", NULL, "invalid Unicode escape value"},
    {"E'\\000'", NULL, "invalid byte sequence for encoding \"UTF8\": 0x00"},
    {"U&'\\00zz'", NULL, "invalid Unicode escape"},
};

START_TEST(tokens_have_values)
{
    fly_sql_lexer lexer;
    fly_sql_token token;
    fly_bytes value;
    const char *problem = NULL;
    uint32_t where = 0;
    fly__sql_lexer_init(&lexer, (const uint8_t *)values[_i].text,
                        (uint32_t)strlen(values[_i].text));
    fly__sql_lex(&lexer, &token);
    fly_status status = fly__sql_token_value(&arena, (const uint8_t *)values[_i].text, &token, '\\',
                                             &value, &problem, &where);
    if (values[_i].value == NULL) {
        ck_assert_int_eq(status, FLY_E_INVALID);
        ck_assert_str_eq(problem, values[_i].problem);
        return;
    }
    ck_assert_int_eq(status, FLY_OK);
    ck_assert_str_eq((const char *)value.data, values[_i].value);
    ck_assert_uint_eq(value.len, strlen(values[_i].value));
}
END_TEST

START_TEST(names_are_cut_between_characters)
{
    char text[128];
    fly_sql_lexer lexer;
    fly_sql_token token;
    fly_bytes value;
    const char *problem = NULL;
    uint32_t where = 0;
    memset(text, 'a', 62);
    memcpy(text + 62, "\xc3\xa4zz", 5);
    fly__sql_lexer_init(&lexer, (const uint8_t *)text, 66);
    fly__sql_lex(&lexer, &token);
    ck_assert_int_eq(
        fly__sql_token_value(&arena, (const uint8_t *)text, &token, 0, &value, &problem, &where),
        FLY_OK);
    ck_assert_uint_eq(value.len, 62);
    memset(text, 'a', 64);
    fly__sql_lexer_init(&lexer, (const uint8_t *)text, 64);
    fly__sql_lex(&lexer, &token);
    ck_assert_int_eq(
        fly__sql_token_value(&arena, (const uint8_t *)text, &token, 0, &value, &problem, &where),
        FLY_OK);
    ck_assert_uint_eq(value.len, 63);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lex");
    TCase *words = fly_test_case(suite, "keywords");
    tcase_add_test(words, every_keyword_is_found_in_any_case);
    tcase_add_test(words, keywords_are_in_the_order_of_the_alphabet);
    tcase_add_test(words, other_words_are_no_keywords);

    TCase *tokens = fly_test_case(suite, "tokens");
    tcase_add_checked_fixture(tokens, setup, teardown);
    tcase_add_loop_test(tokens, bytes_become_tokens, 0, (int)(sizeof shapes / sizeof shapes[0]));
    tcase_add_test(tokens, rubbish_ends);

    TCase *meanings = fly_test_case(suite, "values");
    tcase_add_checked_fixture(meanings, setup, teardown);
    tcase_add_loop_test(meanings, tokens_have_values, 0, (int)(sizeof values / sizeof values[0]));
    tcase_add_test(meanings, names_are_cut_between_characters);
    return fly_test_run(suite);
}
