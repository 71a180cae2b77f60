/*
 * Goal: JSON is read, written, compared, searched and changed as in PostgreSQL, and bytes that are not
 * jsonb are told.
 * Method: a table of cases whose results PostgreSQL 15 gave (json_cases.inc; \1 stands for a newline); values
 * with bytes changed, for the checker; nesting at its limit.
 */
#include "json_eval.h"

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
#include "json_cases.inc"
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
    static char out[10000], a[1000], want[2000];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const *c = cases[i];
        newlines(a, c[1]);
        newlines(want, c[4]);
        size_t n = json_eval(c[0], a, c[2], c[3], &arena, out);
        out[n] = '\0';
        if (strcmp(out, want) != 0) {
            ck_abort_msg("%s(%s, %s, %s) gave %s, not %s", c[0], c[1], c[2], c[3], out, c[4]);
        }
        fly_arena_reset(&arena);
    }
}
END_TEST

/* What the checker accepts must bear being looked at. */
START_TEST(damaged_values_are_told_or_harmless)
{
    static const char text[] =
        "{\"a\":[1,2.5,\"x\",null,[],{}],\"bb\":{\"c\":true,\"d\":\"\"},\"e\":-1e9}";
    fly_vec_str value;
    FLY_CHECK_OK(fly_vec_jsonb_parse(fly_bytes_str(text), &arena, &value, &err), err);
    fly_rng rng;
    fly_rng_init(&rng, 4);
    int good = 0;
    for (int i = 0; i < 20000; i++) {
        size_t n = i < (int)value.len ? (size_t)i : value.len;
        uint8_t *bytes = malloc(n > 0 ? n : 1);
        memcpy(bytes, value.ptr, n);
        for (int j = 0; i >= (int)value.len && j < 2; j++) {
            bytes[fly_rng_below(&rng, n)] = (uint8_t)(fly_rng_below(&rng, 4) == 0
                                                          ? fly_rng_next(&rng)
                                                          : fly_rng_below(&rng, 9));
        }
        fly_bytes v = fly_bytes_of(bytes, n);
        if (fly_vec_jsonb_check(v, NULL) == FLY_OK) {
            fly_vec_str shown, joined;
            good++;
            FLY_CHECK_OK(fly_vec_jsonb_format(v, true, &arena, &shown, &err), err);
            FLY_CHECK_OK(fly_vec_jsonb_concat(v, v, &arena, &joined, &err), err);
            (void)fly_vec_jsonb_cmp(v, v);
            (void)fly_vec_jsonb_hash(v, 0);
        }
        free(bytes);
        fly_arena_reset(&arena);
        FLY_CHECK_OK(fly_vec_jsonb_parse(fly_bytes_str(text), &arena, &value, &err), err);
    }
    ck_assert_int_gt(good, 50);
}
END_TEST

START_TEST(texts_of_anything_are_read_or_refused)
{
    static const char letters[] = "{}[],:\"\\u0dfe1.-+ntrfals \n";
    fly_rng rng;
    fly_rng_init(&rng, 6);
    for (int i = 0; i < 50000; i++) {
        char text[24];
        size_t n = (size_t)fly_rng_below(&rng, sizeof text);
        for (size_t j = 0; j < n; j++) {
            text[j] = letters[fly_rng_below(&rng, sizeof letters - 1)];
        }
        fly_bytes t = fly_bytes_of(text, n), key, value;
        fly_vec_str out;
        if (fly_vec_json_check(t, NULL) == FLY_OK) {
            fly_vec_json_scan scan;
            bool more = fly_vec_json_scan_begin(&scan, t);
            while (more && fly_vec_json_scan_next(&scan, &key, &value)) {
                FLY_CHECK_OK(fly_vec_json_check(value, &err), err);
            }
        }
        FLY_IGNORE(fly_vec_jsonb_parse(t, &arena, &out, NULL));
        fly_arena_reset(&arena);
    }
}
END_TEST

START_TEST(nesting_has_a_limit)
{
    char text[2 * FLY_VEC_JSON_DEPTH_MAX + 2];
    fly_vec_str out;
    for (int extra = 0; extra < 2; extra++) {
        size_t n = FLY_VEC_JSON_DEPTH_MAX + (size_t)extra;
        memset(text, '[', n);
        memset(text + n, ']', n);
        fly_status status = fly_vec_jsonb_parse(fly_bytes_of(text, 2 * n), &arena, &out, &err);
        ck_assert_int_eq(status, extra == 0 ? FLY_OK : FLY_E_INVALID);
    }
    ck_assert_str_eq(err.sqlstate, "54001");
}
END_TEST

START_TEST(objects_of_many_members_are_sorted_and_found)
{
    enum { MANY = 5000 };
    static fly_bytes keys[MANY], values[MANY];
    static char names[MANY][8];
    fly_vec_str one, object;
    fly_bytes found;
    FLY_CHECK_OK(fly_vec_jsonb_parse(fly_bytes_str("1"), &arena, &one, &err), err);
    for (int i = 0; i < MANY; i++) {
        int n = snprintf(names[i], sizeof names[i], "%d", (i * 7919) % 3000);
        keys[i] = fly_bytes_of(names[i], (size_t)n);
        values[i] = fly_vec_str_bytes(&one);
    }
    FLY_CHECK_OK(fly_vec_jsonb_object(keys, values, MANY, &arena, &object, &err), err);
    FLY_CHECK_OK(fly_vec_jsonb_check(fly_vec_str_bytes(&object), &err), err);
    ck_assert_uint_eq(fly_vec_jsonb_count(fly_vec_str_bytes(&object)), 3000);
    ck_assert(fly_vec_jsonb_get(fly_vec_str_bytes(&object), fly_bytes_str("2999"), &found));
    ck_assert(!fly_vec_jsonb_get(fly_vec_str_bytes(&object), fly_bytes_str("3000"), &found));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json");
    TCase *tests = fly_test_case(suite, "json");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, every_case_gives_what_postgresql_gave);
    tcase_add_test(tests, damaged_values_are_told_or_harmless);
    tcase_add_test(tests, texts_of_anything_are_read_or_refused);
    tcase_add_test(tests, nesting_has_a_limit);
    tcase_add_test(tests, objects_of_many_members_are_sorted_and_found);
    return fly_test_run(suite);
}
