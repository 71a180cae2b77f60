/*
 * Goal: a frame is the same on both sides, in both spellings, wherever the network cuts it; what is no
 * frame, or promises more than it has, is refused before anything is taken for it.
 * Method: one message with every kind of field, written and read in both spellings, cut at each byte; a
 * table of hostile payloads; the fuzz target over random changes of good frames.
 */
#include "fuzz_frame.c"

#include <fly/base_bytes.h>
#include <fly/base_check.h>
#include <fly/base_hash.h>
#include <fly/base_seeds.h>

static fly_account account;
static fly_frame_out out;
static fly_arena arena;
static fly_err err;

#define BYTES(literal) fly_bytes_of(literal, sizeof(literal) - 1)

static void setup(void)
{
    fly_account_init(&account, fly_mem_system(), "test", 0);
    fly_frame_out_init(&out, &account.mem);
    fly_arena_init(&arena, &account.mem, 0);
    err = (fly_err){0};
}

static void teardown(void)
{
    fly_frame_out_deinit(&out);
    fly_arena_deinit(&arena);
    fly_account_deinit(&account);
}

static void put_message(uint8_t flags)
{
    fly_frame_begin(&out, FLY_FRAME_QUERY, flags);
    fly_frame_put_text(&out, "sql",
                       fly_bytes_str("SELECT \"a\\b\"\n\x01 -- Stra\xc3\x9f"
                                     "e"));
    fly_frame_put_uint(&out, "limit", 300);
    fly_frame_put_int(&out, "mod", -1);
    fly_frame_put_bool(&out, "again", true);
    fly_frame_open_list(&out, "rows");
    for (int row = 0; row < 2; row++) {
        fly_frame_open_row(&out, 3);
        fly_frame_put_value(&out, NULL, &(fly_frame_value){.kind = FLY_FRAME_V_NULL});
        fly_frame_put_value(&out, NULL, &(fly_frame_value){.kind = FLY_FRAME_V_INT, .i = row - 1});
        fly_frame_put_value(
            &out, NULL,
            &(fly_frame_value){.kind = FLY_FRAME_V_TEXT, .bytes = fly_bytes_str("it's, [x]")});
        fly_frame_close(&out);
    }
    fly_frame_close(&out);
    fly_frame_open_list(&out, "columns");
    fly_frame_open_item(&out);
    fly_frame_put_text(&out, "name", fly_bytes_str("id"));
    fly_frame_put_uint(&out, "type", 23);
    fly_frame_close(&out);
    fly_frame_close(&out);
    fly_frame_open_list(&out, "none");
    fly_frame_close(&out);
    FLY_CHECK_OK(fly_frame_end(&out, &err), err);
}

static void text_is(fly_bytes text, const char *wanted)
{
    ck_assert_msg(fly_bytes_equal(text, fly_bytes_str(wanted)), "\"%.*s\" instead of \"%s\"",
                  (int)text.len, (const char *)text.data, wanted);
}

static void message_is_there(const fly_frame *frame)
{
    fly_frame_in in;
    ck_assert_uint_eq(frame->type, FLY_FRAME_QUERY);
    FLY_CHECK_OK(fly_frame_in_open(&in, frame, &arena, &err), err);
    text_is(fly_frame_get_text(&in, "sql"), "SELECT \"a\\b\"\n\x01 -- Stra\xc3\x9f"
                                            "e");
    ck_assert_uint_eq(fly_frame_get_uint(&in, "limit"), 300);
    ck_assert_int_eq(fly_frame_get_int(&in, "mod"), -1);
    ck_assert(fly_frame_get_bool(&in, "again"));
    ck_assert_uint_eq(fly_frame_enter_list(&in, "rows"), 2);
    for (int row = 0; row < 2; row++) {
        ck_assert_uint_eq(fly_frame_enter_row(&in), 3);
        ck_assert_int_eq(fly_frame_get_value(&in, NULL).kind, FLY_FRAME_V_NULL);
        ck_assert_int_eq(fly_frame_get_value(&in, NULL).i, row - 1);
        text_is(fly_frame_get_value(&in, NULL).bytes, "it's, [x]");
        fly_frame_leave(&in);
    }
    fly_frame_leave(&in);
    ck_assert_uint_eq(fly_frame_enter_list(&in, "columns"), 1);
    fly_frame_enter_item(&in);
    text_is(fly_frame_get_text(&in, "name"), "id");
    ck_assert_uint_eq(fly_frame_get_uint(&in, "type"), 23);
    fly_frame_leave(&in);
    fly_frame_leave(&in);
    ck_assert_uint_eq(fly_frame_enter_list(&in, "none"), 0);
    fly_frame_leave(&in);
    FLY_CHECK_OK(fly_frame_in_end(&in, &err), err);
}

START_TEST(a_message_comes_back_in_both_spellings)
{
    fly_frame frame;
    put_message(_i == 0 ? 0 : FLY_FRAME_JSON);
    FLY_CHECK_OK(fly_frame_decode(fly_bytes_of(out.data, out.len), 4096, &frame, &err), err);
    ck_assert_uint_eq(fly_frame_size(&frame), out.len);
    message_is_there(&frame);
}
END_TEST

START_TEST(a_frame_that_is_not_whole_is_waited_for)
{
    fly_frame frame;
    put_message(_i == 0 ? 0 : FLY_FRAME_JSON);
    size_t whole = out.len;
    put_message(0);
    for (size_t cut = 0; cut < whole; cut++) {
        uint8_t *copy = fly_mem_alloc(&account.mem, cut);
        memcpy(copy, out.data, cut);
        fly_status status = fly_frame_decode(fly_bytes_of(copy, cut), 4096, &frame, &err);
        if (status != FLY_E_AGAIN) {
            ck_abort_msg("cut at %zu: %s", cut, fly_status_name(status));
        }
        fly_mem_free(&account.mem, copy, cut);
    }
    for (size_t cut = whole; cut < out.len; cut++) {
        FLY_CHECK_OK(fly_frame_decode(fly_bytes_of(out.data, cut), 4096, &frame, &err), err);
        ck_assert_uint_eq(fly_frame_size(&frame), whole);
    }
}
END_TEST

START_TEST(a_payload_cut_anywhere_is_refused)
{
    fly_frame frame;
    fly_frame_in in;
    put_message(_i == 0 ? 0 : FLY_FRAME_JSON);
    FLY_CHECK_OK(fly_frame_decode(fly_bytes_of(out.data, out.len), 4096, &frame, &err), err);
    size_t whole = frame.payload.len;
    for (frame.payload.len = 0; frame.payload.len < whole; frame.payload.len++) {
        fly_status status = fly_frame_in_open(&in, &frame, &arena, &err);
        if (status == FLY_OK) {
            (void)fly_frame_get_text(&in, "sql");
            (void)fly_frame_get_uint(&in, "limit");
            (void)fly_frame_get_int(&in, "mod");
            (void)fly_frame_get_bool(&in, "again");
            read_rows(&in, &arena);
            size_t items = fly_frame_enter_list(&in, "columns");
            for (size_t i = 0; i < items; i++) {
                (void)fly_frame_get_text(&in, "name");
                (void)fly_frame_get_uint(&in, "type");
            }
            fly_frame_leave(&in);
            (void)fly_frame_enter_list(&in, "none");
            status = fly_frame_in_end(&in, &err);
        }
        if (status != FLY_E_INVALID || strcmp(err.sqlstate, "08P01") != 0) {
            ck_abort_msg("cut at %zu of %zu: %s", frame.payload.len, whole,
                         fly_status_name(status));
        }
    }
}
END_TEST

/* ------------------------------------------------------------------ hostile */

static const struct {
    const char *bytes;
    size_t len;
    fly_status status;
    const char *says;
} strangers[] = {
    {"G", 1, FLY_E_INVALID, "no frame begins with byte 0x47"},
    {"\x16\x03\x01", 3, FLY_E_INVALID, "0x16"}, /* TLS to a plain port */
    {"\xfd\x02", 2, FLY_E_INVALID, "unsupported protocol version 2"},
    {"\xfd\x01\x01\0\xff\xff\xff\xff", 8, FLY_E_TOO_LARGE, "frame of 4294967295 bytes"},
    {"\xfd\x01\x01\0\x80\0\0\0", 8, FLY_E_TOO_LARGE, "frame of 2147483648 bytes"},
    {"\xfd\x01\x01\0\0\0\x10\x01", 8, FLY_E_TOO_LARGE, "frame of 4097 bytes"},
    {"\xfd\x01\x01\0\0\0\x10\0", 8, FLY_E_AGAIN, ""},
    {"\xfd\x01\x01\0\0\0\0\0", 8, FLY_OK, ""},
};

START_TEST(what_is_no_frame_is_told_at_once)
{
    fly_frame frame;
    fly_bytes input = fly_bytes_of(strangers[_i].bytes, strangers[_i].len);
    FLY_CHECK(fly_frame_decode(input, 4096, &frame, &err), strangers[_i].status, err);
    FLY_CHECK_SAYS(err.message, strangers[_i].says);
}
END_TEST

static const struct {
    const char *bytes;
    size_t len;
    const char *says;
} payloads[] = {
    {"\0\0\0\1", 4, "more elements than bytes"},
    {"\xff\xff\xff\xff\1\0", 6, "more elements than bytes"},
    {"\x80\0\0\0\1\0", 6, "more elements than bytes"},
    {"\0\0\0\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 14, "more elements than bytes"},
    {"\0\0\0\1\x80", 5, "a number does not end"},
    {"\0\0\0\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 14, "a number does not end"},
    {"\0\0\0\1\1\x05\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 15, "ends too early"},   /* 2^63 - 1 */
    {"\0\0\0\1\1\x05\x80\x80\x80\x80\x80\x80\x80\x80\x80\1", 16, "ends too early"}, /* 2^63 */
    {"\0\0\0\1\1\x04\0\0\0\0\0\0\0", 13, "ends too early"},
    {"\0\0\0\1\1\x0b\0\0", 8, "ends too early"},
    {"\0\0\0\1\1\x0c\x13\0", 8, "a decimal has too many digits"},
    {"\0\0\0\1\1\x0d", 6, "a value is of an unknown kind"},
    {"\0\0\0\1\1\x7f", 6, "a value is of an unknown kind"},
    {"\0\0\0\1\1\x80\0", 7, "1 bytes are left over"},
};

START_TEST(a_payload_that_promises_more_than_it_has_is_refused)
{
    fly_frame frame = {.payload = fly_bytes_of(payloads[_i].bytes, payloads[_i].len)};
    fly_frame_in in;
    FLY_CHECK_OK(fly_frame_in_open(&in, &frame, &arena, &err), err);
    read_rows(&in, &arena);
    FLY_CHECK(fly_frame_in_end(&in, &err), FLY_E_INVALID, err);
    FLY_CHECK_SAYS(err.message, payloads[_i].says);
    ck_assert_str_eq(err.sqlstate, "08P01");
}
END_TEST

START_TEST(frames_changed_anyhow_do_no_harm)
{
    uint64_t seed = 7;
    uint64_t rounds = fly_test_rounds(20000);
    put_message(0);
    put_message(FLY_FRAME_JSON);
    put_message(0);
    uint8_t *copy = fly_mem_alloc(&account.mem, out.len);
    for (uint64_t round = 0; round < rounds; round++) {
        memcpy(copy, out.data, out.len);
        for (int change = 0; change < 4; change++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            size_t at = (size_t)(seed >> 33) % out.len;
            copy[at] =
                (uint8_t)((seed >> 20 & 1) != 0 ? seed >> 56 : copy[at] ^ 1u << (seed >> 60));
        }
        (void)LLVMFuzzerTestOneInput(copy, out.len);
    }
    fly_mem_free(&account.mem, copy, out.len);
}
END_TEST

/* ------------------------------------------------------------------- writing */

START_TEST(a_frame_without_memory_is_taken_back)
{
    put_message(0);
    size_t before = out.len;
    account.limit = fly_load_u64(&account.used) + 10;
    fly_frame_begin(&out, FLY_FRAME_PING, 0);
    static const uint8_t much[4096];
    fly_frame_put_text(&out, "data", fly_bytes_of(much, sizeof much));
    fly_frame_open_list(&out, "list");
    fly_frame_close(&out);
    FLY_CHECK(fly_frame_end(&out, &err), FLY_E_NO_MEMORY, err);
    ck_assert_uint_eq(out.len, before);
    fly_frame_begin(&out, FLY_FRAME_PING, 0);
    FLY_CHECK_OK(fly_frame_end(&out, &err), err);
    ck_assert_uint_eq(out.len, before + FLY_FRAME_HEADER_SIZE);
}
END_TEST

START_TEST(a_trouble_comes_back_with_all_its_fields)
{
    fly_err sent = {0};
    fly_err got;
    char severity[16];
    fly_frame frame;
    fly_frame_in in;
    FLY_IGNORE(fly_err_state(&sent, "42P01", 15, "relation \"t\" does not exist"));
    fly_err_detail(&sent, "A detail.");
    fly_err_hint(&sent, "A hint.");
    fly_frame_begin(&out, FLY_FRAME_ERROR, _i == 0 ? 0 : FLY_FRAME_JSON);
    fly_frame_put_err(&out, "ERROR", &sent);
    FLY_CHECK_OK(fly_frame_end(&out, &err), err);
    FLY_CHECK_OK(fly_frame_decode(fly_bytes_of(out.data, out.len), 4096, &frame, &err), err);
    FLY_CHECK_OK(fly_frame_in_open(&in, &frame, &arena, &err), err);
    fly_frame_get_err(&in, severity, &got);
    FLY_CHECK_OK(fly_frame_in_end(&in, &err), err);
    ck_assert_str_eq(severity, "ERROR");
    ck_assert_str_eq(got.sqlstate, "42P01");
    ck_assert_str_eq(got.message, "relation \"t\" does not exist");
    ck_assert_str_eq(got.detail, "A detail.");
    ck_assert_str_eq(got.hint, "A hint.");
    ck_assert_uint_eq(got.position, 15);
    ck_assert_int_eq(got.status, FLY_E_INVALID);
}
END_TEST

START_TEST(every_type_has_a_name_and_no_answer_takes_another)
{
    int known = 0;
    for (int type = 0; type < 256; type++) {
        const char *name = fly_frame_type_name((uint8_t)type);
        known += name != NULL;
        if (name != NULL && type < FLY_FRAME_ANSWER) {
            ck_assert_ptr_null(fly_frame_type_name((uint8_t)(type | FLY_FRAME_ANSWER)));
        }
    }
    ck_assert_int_eq(known, 29);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("frame");
    TCase *tests = fly_test_case(suite, "frame");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, a_message_comes_back_in_both_spellings, 0, 2);
    tcase_add_loop_test(tests, a_frame_that_is_not_whole_is_waited_for, 0, 2);
    tcase_add_loop_test(tests, a_payload_cut_anywhere_is_refused, 0, 2);
    tcase_add_loop_test(tests, what_is_no_frame_is_told_at_once, 0,
                        sizeof strangers / sizeof strangers[0]);
    tcase_add_loop_test(tests, a_payload_that_promises_more_than_it_has_is_refused, 0,
                        sizeof payloads / sizeof payloads[0]);
    tcase_add_test(tests, frames_changed_anyhow_do_no_harm);
    tcase_add_test(tests, a_frame_without_memory_is_taken_back);
    tcase_add_loop_test(tests, a_trouble_comes_back_with_all_its_fields, 0, 2);
    tcase_add_test(tests, every_type_has_a_name_and_no_answer_takes_another);
    return fly_test_run(suite);
}
