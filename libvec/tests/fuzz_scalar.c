/*
 * Texts that values are read from, and patterns: whatever the bytes, there is a value or an error.
 *
 * Byte 0 chooses the reader; where two texts are wanted, the first zero byte divides them. What is read is
 * written and read again, which must succeed. Run with a limit on time per input: no pattern may be slow.
 */
#include <fly/vec_json.h>
#include <fly/vec_jsonpath.h>
#include <fly/vec_like.h>
#include <fly/vec_numeric.h>
#include <fly/vec_regex.h>
#include <fly/vec_template.h>
#include <fly/vec_time.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one(uint8_t what, fly_bytes a, fly_bytes b, fly_mem *mem, fly_arena *arena)
{
    fly_vec_time_env env;
    fly_vec_str x, text, again;
    int64_t stamp;
    fly_vec_interval span;
    bool found;
    memset(&env, 0, sizeof env);
    switch (what % 9) {
    case 0:
        if (fly_vec_numeric_parse(a, arena, &x, NULL) == FLY_OK &&
            fly_vec_numeric_format(x, arena, &text, NULL) == FLY_OK) {
            FLY_ASSERT(fly_vec_numeric_parse(fly_vec_str_bytes(&text), arena, &again, NULL) ==
                       FLY_OK);
            FLY_ASSERT(fly_vec_str_equal(&x, &again));
        }
        break;
    case 1:
        if (fly_vec_timestamptz_parse(a, &env, &stamp, NULL) == FLY_OK) {
            char out[FLY_VEC_TIME_TEXT];
            int64_t back;
            size_t n = fly_vec_timestamptz_format(stamp, &env, out);
            FLY_ASSERT(fly_vec_timestamptz_parse(fly_bytes_of(out, n), &env, &back, NULL) ==
                       FLY_OK);
            FLY_ASSERT(back == stamp);
        }
        break;
    case 2:
        if (fly_vec_interval_parse(a, &env, 0, &span, NULL) == FLY_OK) {
            char out[FLY_VEC_TIME_TEXT];
            (void)fly_vec_interval_format(span, &env, out);
        }
        break;
    case 3:
        if (fly_vec_jsonb_parse(a, arena, &x, NULL) == FLY_OK) {
            FLY_ASSERT(fly_vec_jsonb_check(fly_vec_str_bytes(&x), NULL) == FLY_OK);
            if (fly_vec_jsonb_format(fly_vec_str_bytes(&x), false, arena, &text, NULL) == FLY_OK) {
                FLY_ASSERT(fly_vec_jsonb_parse(fly_vec_str_bytes(&text), arena, &again, NULL) ==
                           FLY_OK);
                FLY_ASSERT(fly_vec_str_equal(&x, &again));
            }
        }
        break;
    case 4: {
        fly_vec_regex *re;
        if (fly_vec_regex_create(a, 0, mem, &re, NULL) == FLY_OK) {
            fly_vec_span spans[8];
            if (fly_vec_regex_find(re, b, 0, spans, 8, &found, NULL) != FLY_OK) {
                found = false;
            }
            fly_vec_regex_destroy(re);
        }
        break;
    }
    case 5: {
        const fly_vec_like *like;
        if (fly_vec_like_compile(a, fly_bytes_str("\\"), false, arena, &like, NULL) == FLY_OK) {
            (void)fly_vec_like_match(like, b);
        }
        break;
    }
    case 6:
        if (fly_vec_jsonb_check(a, NULL) == FLY_OK &&
            fly_vec_jsonb_format(a, true, arena, &text, NULL) == FLY_OK) {
            (void)fly_vec_jsonb_cmp(a, a);
        }
        break;
    case 7: {
        int32_t date;
        if (fly_vec_to_date(a, b, &date, NULL) == FLY_OK) {
            char out[FLY_VEC_TIME_TEXT];
            (void)fly_vec_date_format(date, &env, out);
        }
        break;
    }
    default: {
        fly_vec_jsonpath *path;
        if (fly_vec_jsonpath_create(a, mem, &path, NULL) == FLY_OK) {
            fly_vec_json_list list = {NULL, 0, 0};
            if (fly_vec_jsonpath_format(path, arena, &text, NULL) == FLY_OK &&
                fly_vec_jsonb_parse(b, arena, &x, NULL) == FLY_OK &&
                fly_vec_jsonpath_query(path, fly_vec_str_bytes(&x), fly_bytes_of(NULL, 0), true,
                                       arena, &list, NULL) != FLY_OK) {
                list.n = 0;
            }
            fly_vec_jsonpath_destroy(path);
        }
        break;
    }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    fly_account account;
    fly_arena arena;
    fly_account_init(&account, fly_mem_system(), "fuzz", 256u << 20);
    fly_arena_init(&arena, &account.mem, 0);
    const uint8_t *zero = size > 1 ? memchr(data + 1, 0, size - 1) : NULL;
    size_t first = zero == NULL || data[0] % 9 == 6 ? size - 1 : (size_t)(zero - data) - 1;
    fly_bytes a = fly_bytes_of(data + 1, first);
    fly_bytes b = first + 2 <= size ? fly_bytes_of(data + first + 2, size - first - 2)
                                    : fly_bytes_of(data, 0);
    one(data[0], a, b, &account.mem, &arena);
    fly_arena_deinit(&arena);
    fly_account_deinit(&account);
    return 0;
}
