/*
 * Goal: what a client says is read as the protocol means it, wherever the network cuts it, and what is
 * malformed is refused with PostgreSQL's words; answers have the bytes that clients expect.
 * Method: tables of literal packets, held whole and cut at every byte; a slice of the fuzz target's
 * work on mutations of good packets.
 */
#include "wire_int.h"

#include <fly/base_check.h>
#include <fly/base_hash.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#include "fuzz_wire.c"

static fly_err err;

#define BYTES(literal) fly_bytes_of(literal, sizeof(literal) - 1)

/* A copy of exactly its size, so that a step beyond is seen. */
static fly_bytes copy_of(fly_bytes bytes, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes.data, len);
    return fly_bytes_of(copy, len);
}

/* ------------------------------------------------------------------ first packets */

/* A packet is written as its text; the length at the front is filled in. */
static fly_bytes first_packet(uint8_t *room, fly_bytes text)
{
    memcpy(room, text.data, text.len);
    fly_put_u32be(room, (uint32_t)text.len);
    return fly_bytes_of(room, text.len);
}

static const fly_bytes startup = {
    (const uint8_t *)"____\0\3\0\0user\0alice\0database\0shop\0options\0-c a=b\0\0", 49};

START_TEST(a_startup_packet_has_pairs)
{
    static const char *const pairs[] = {"user", "alice", "database", "shop", "options", "-c a=b"};
    uint8_t room[64];
    fly__pg_first got;
    size_t used;
    fly_bytes in = first_packet(room, startup);
    FLY_CHECK(fly__pg_first_decode(in, &got, &used, &err), FLY_OK, err);
    ck_assert_int_eq(got.kind, FLY__PG_FIRST_STARTUP);
    ck_assert_uint_eq(got.minor, 0);
    ck_assert_uint_eq(used, in.len);
    const char *name;
    const char *value;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i += 2) {
        ck_assert(fly__pg_first_next(&got.params, &name, &value));
        ck_assert_str_eq(name, pairs[i]);
        ck_assert_str_eq(value, pairs[i + 1]);
    }
    ck_assert(!fly__pg_first_next(&got.params, &name, &value));
}
END_TEST

START_TEST(a_first_packet_may_be_cut_anywhere)
{
    uint8_t room[64];
    fly_bytes whole = first_packet(room, startup);
    for (size_t len = 0; len < whole.len; len++) {
        fly_bytes in = copy_of(whole, len);
        fly__pg_first got;
        size_t used;
        FLY_CHECK(fly__pg_first_decode(in, &got, &used, &err), FLY_E_AGAIN, err);
        ck_assert_uint_eq(used, len < 4 ? 8 : whole.len);
        free((void *)in.data);
    }
}
END_TEST

START_TEST(requests_for_encryption_and_cancelling_are_known)
{
    fly__pg_first got;
    size_t used;
    FLY_CHECK(fly__pg_first_decode(BYTES("\0\0\0\x08\x04\xd2\x16\x2f"), &got, &used, &err), FLY_OK,
              err);
    ck_assert_int_eq(got.kind, FLY__PG_FIRST_SSL);
    FLY_CHECK(fly__pg_first_decode(BYTES("\0\0\0\x08\x04\xd2\x16\x30"), &got, &used, &err), FLY_OK,
              err);
    ck_assert_int_eq(got.kind, FLY__PG_FIRST_GSSENC);
    FLY_CHECK(fly__pg_first_decode(BYTES("\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x07\x01\x02\x03\x04"),
                                   &got, &used, &err),
              FLY_OK, err);
    ck_assert_int_eq(got.kind, FLY__PG_FIRST_CANCEL);
    ck_assert_uint_eq(got.pid, 7);
    ck_assert_uint_eq(got.secret, 0x01020304);
}
END_TEST

static const struct {
    const char *rule;
    fly_bytes packet;
    const char *sqlstate;
    const char *complaint;
} bad_firsts[] = {
    {"too short", {(const uint8_t *)"\0\0\0\7\0\3\0\0", 8}, "08P01", "invalid length of startup"},
    {"too long", {(const uint8_t *)"\0\0\x27\x11\0\3\0\0", 8}, "08P01", "invalid length of"},
    {"a web browser", {(const uint8_t *)"GET / HTTP/1.1\r\n", 16}, "08P01", "invalid length of"},
    {"version 2", {(const uint8_t *)"\0\0\0\x09\0\2\0\0\0", 9}, "0A000", "protocol 2.0: server"},
    {"version 4", {(const uint8_t *)"\0\0\0\x09\0\4\0\1\0", 9}, "0A000", "protocol 4.1: server"},
    {"no end", {(const uint8_t *)"\0\0\0\x0a\0\3\0\0us", 10}, "08P01", "expected terminator"},
    {"no value", {(const uint8_t *)"\0\0\0\x0b\0\3\0\0us\0", 11}, "08P01", "expected terminator"},
    {"nothing", {(const uint8_t *)"\0\0\0\x08\0\3\0\0", 8}, "08P01", "expected terminator"},
    {"more behind", {(const uint8_t *)"\0\0\0\x0a\0\3\0\0\0x", 10}, "08P01", "as last byte"},
    {"long cancel", {(const uint8_t *)"\0\0\0\x09\x04\xd2\x16\x2e\0", 9}, "08P01", "length"},
    {"long SSL", {(const uint8_t *)"\0\0\0\x09\x04\xd2\x16\x2f\0", 9}, "08P01", "length"},
};

START_TEST(each_bad_first_packet_is_named)
{
    fly__pg_first got;
    size_t used;
    fly_bytes in = copy_of(bad_firsts[_i].packet, bad_firsts[_i].packet.len);
    ck_assert_msg(fly__pg_first_decode(in, &got, &used, &err) == FLY_E_INVALID, "%s",
                  bad_firsts[_i].rule);
    ck_assert_str_eq(err.sqlstate, bad_firsts[_i].sqlstate);
    FLY_CHECK_SAYS(err.message, bad_firsts[_i].complaint);
    free((void *)in.data);
}
END_TEST

/* ------------------------------------------------------------------------ messages */

#define PARSE "P\0\0\0\x1bs1\0SELECT $1\0\0\2\0\0\0\x17\0\0\0\0"
#define BIND "B\0\0\0\x21p\0s1\0\0\1\0\1\0\3\0\0\0\2ab\xff\xff\xff\xff\0\0\0\0\0\1\0\0"

START_TEST(a_message_may_be_cut_anywhere)
{
    fly_bytes whole = BYTES(PARSE);
    fly__pg_message message;
    size_t used;
    for (size_t len = 0; len < whole.len; len++) {
        fly_bytes in = copy_of(whole, len);
        FLY_CHECK(fly__pg_message_decode(in, 1000, &message, &used, &err), FLY_E_AGAIN, err);
        ck_assert_uint_eq(used, len < 5 ? 5 : whole.len);
        free((void *)in.data);
    }
    FLY_CHECK(fly__pg_message_decode(whole, 1000, &message, &used, &err), FLY_OK, err);
    ck_assert_uint_eq(used, whole.len);
    ck_assert_int_eq(message.type, 'P');
    ck_assert_uint_eq(message.body.len, whole.len - 5);
}
END_TEST

START_TEST(lengths_and_types_are_checked_before_the_rest_is_there)
{
    fly__pg_message message;
    size_t used;
    FLY_CHECK(fly__pg_message_decode(BYTES("z"), 1000, &message, &used, &err), FLY_E_INVALID, err);
    FLY_CHECK_SAYS(err.message, "invalid frontend message type 122");
    FLY_CHECK(fly__pg_message_decode(BYTES("Q\0\0\0\3"), 1000, &message, &used, &err),
              FLY_E_INVALID, err);
    FLY_CHECK_SAYS(err.message, "invalid message length");
    FLY_CHECK(fly__pg_message_decode(BYTES("Q\0\0\3\xe9"), 1000, &message, &used, &err),
              FLY_E_INVALID, err);
    FLY_CHECK(fly__pg_message_decode(BYTES("Q\0\0\3\xe8"), 1000, &message, &used, &err),
              FLY_E_AGAIN, err);
    FLY_CHECK(fly__pg_message_decode(BYTES("Q\xff\xff\xff\xff"), 1000, &message, &used, &err),
              FLY_E_INVALID, err);
    FLY_CHECK(fly__pg_message_decode(BYTES("S\0\0\1\0"), 1000, &message, &used, &err),
              FLY_E_INVALID, err);
    FLY_CHECK(fly__pg_message_decode(BYTES("E\0\0\x75\x31"), 1 << 20, &message, &used, &err),
              FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "08P01");
}
END_TEST

START_TEST(parse_and_bind_are_taken_apart)
{
    fly_bytes whole = BYTES(PARSE BIND);
    fly__pg_message message;
    size_t used;
    FLY_CHECK(fly__pg_message_decode(whole, 1000, &message, &used, &err), FLY_OK, err);
    fly__pg_parse parse;
    FLY_CHECK(fly__pg_parse_decode(message.body, &parse, &err), FLY_OK, err);
    ck_assert_str_eq(parse.name, "s1");
    ck_assert_str_eq((const char *)parse.text.data, "SELECT $1");
    ck_assert_uint_eq(parse.type_count, 2);
    ck_assert_uint_eq(fly_get_u32be(parse.types), 23);

    fly_bytes rest = fly_bytes_of(whole.data + used, whole.len - used);
    FLY_CHECK(fly__pg_message_decode(rest, 1000, &message, &used, &err), FLY_OK, err);
    ck_assert_uint_eq(used, rest.len);
    fly__pg_bind bind;
    FLY_CHECK(fly__pg_bind_decode(message.body, &bind, &err), FLY_OK, err);
    ck_assert_str_eq(bind.portal, "p");
    ck_assert_str_eq(bind.statement, "s1");
    ck_assert_uint_eq(bind.param_count, 3);
    ck_assert_uint_eq(fly__pg_format(bind.format_count, bind.formats, 2), 1);
    ck_assert_uint_eq(fly__pg_format(bind.result_count, bind.results, 9), 0);
    fly_bytes value;
    ck_assert(fly__pg_bind_next(&bind.params, &value));
    ck_assert(fly_bytes_equal(value, fly_bytes_str("ab")));
    ck_assert(!fly__pg_bind_next(&bind.params, &value));
    ck_assert(fly__pg_bind_next(&bind.params, &value));
    ck_assert_uint_eq(value.len, 0);
}
END_TEST

START_TEST(bodies_that_end_too_early_or_too_late_are_refused)
{
    static const fly_bytes bodies[] = {{(const uint8_t *)PARSE + 5, sizeof(PARSE) - 6},
                                       {(const uint8_t *)BIND + 5, sizeof(BIND) - 6}};
    fly__pg_parse parse;
    fly__pg_bind bind;
    for (int which = 0; which < 2; which++) {
        for (size_t len = 0; len <= bodies[which].len + 1; len++) {
            uint8_t *block = calloc(1, len + 1);
            memcpy(block, bodies[which].data, len < bodies[which].len ? len : bodies[which].len);
            fly_bytes in = fly_bytes_of(block, len);
            fly_status status = which == 0 ? fly__pg_parse_decode(in, &parse, &err)
                                           : fly__pg_bind_decode(in, &bind, &err);
            ck_assert_int_eq(status, len == bodies[which].len ? FLY_OK : FLY_E_INVALID);
            free(block);
        }
    }
    FLY_CHECK_SAYS(err.message, "invalid message format");
}
END_TEST

static const struct {
    const char *complaint;
    char type;
    fly_bytes body;
} bad_bodies[] = {
    {"invalid string in message", 'P', {(const uint8_t *)"abc", 3}},
    {"insufficient data left in message", 'P', {(const uint8_t *)"\0\0\0\1\0\0", 6}},
    {"2 parameter formats but 1 parameters",
     'B',
     {(const uint8_t *)"\0\0\0\2\0\0\0\0\0\1\xff\xff\xff\xff\0\0", 16}},
    {"unsupported format code", 'B', {(const uint8_t *)"\0\0\0\1\0\2\0\0\0\0", 10}},
    {"insufficient data", 'B', {(const uint8_t *)"\0\0\0\0\0\1\x7f\xff\xff\xff\0\0", 12}},
    {"insufficient data", 'B', {(const uint8_t *)"\0\0\0\0\0\1\xff\xff\xff\xfe\0\0", 12}},
    {"invalid message subtype 88", 'D', {(const uint8_t *)"X\0", 2}},
    {"insufficient data", 'D', {(const uint8_t *)"", 0}},
    {"insufficient data", 'E', {(const uint8_t *)"\0\0\0", 3}},
    {"invalid string", 'Q', {(const uint8_t *)"SELECT", 6}},
    {"invalid message format", 'Q', {(const uint8_t *)"a\0b", 3}},
    {"insufficient data", 'p', {(const uint8_t *)"SCRAM\0\0\0\0\5abcd", 14}},
    {"invalid message format", 'S', {(const uint8_t *)"x", 1}},
};

START_TEST(each_bad_body_is_named)
{
    fly_bytes in = copy_of(bad_bodies[_i].body, bad_bodies[_i].body.len);
    fly__pg_parse parse;
    fly__pg_bind bind;
    fly__pg_target target;
    fly__pg_execute execute;
    fly_bytes text;
    const char *name;
    fly_status status = FLY_OK;
    switch (bad_bodies[_i].type) {
    case 'P':
        status = fly__pg_parse_decode(in, &parse, &err);
        break;
    case 'B':
        status = fly__pg_bind_decode(in, &bind, &err);
        break;
    case 'D':
        status = fly__pg_target_decode(in, &target, &err);
        break;
    case 'E':
        status = fly__pg_execute_decode(in, &execute, &err);
        break;
    case 'Q':
        status = fly__pg_string_decode(in, &text, &err);
        break;
    case 'p':
        status = fly__pg_sasl_decode(in, &name, &text, &err);
        break;
    default:
        status = fly__pg_empty_decode(in, &err);
        break;
    }
    FLY_CHECK(status, FLY_E_INVALID, err);
    ck_assert_str_eq(err.sqlstate, "08P01");
    FLY_CHECK_SAYS(err.message, bad_bodies[_i].complaint);
    free((void *)in.data);
}
END_TEST

/* ------------------------------------------------------------------------- answers */

static void check_out(fly__pg_out *out, fly_bytes wanted)
{
    ck_assert(!out->failed);
    ck_assert_uint_eq(out->len, wanted.len);
    ck_assert_mem_eq(out->data, wanted.data, wanted.len);
    out->len = 0;
}

START_TEST(answers_have_their_bytes)
{
    fly_account account;
    fly__pg_out out;
    fly_account_init(&account, fly_mem_system(), "out", 0);
    fly__pg_out_init(&out, &account.mem);
    fly__pg_put_plain(&out, '1');
    fly__pg_put_ready(&out, 'T');
    check_out(&out, BYTES("1\0\0\0\4Z\0\0\0\5T"));
    fly__pg_put_parameter(&out, "TimeZone", "UTC");
    check_out(&out, BYTES("S\0\0\0\x11TimeZone\0UTC\0"));
    fly__pg_put_key(&out, 1, 0xfffefdfc);
    check_out(&out, BYTES("K\0\0\0\x0c\0\0\0\1\xff\xfe\xfd\xfc"));
    fly__pg_put_complete(&out, "INSERT 0 3");
    check_out(&out, BYTES("C\0\0\0\x0fINSERT 0 3\0"));
    fly__pg_put_auth(&out, 0, fly_bytes_of(NULL, 0));
    check_out(&out, BYTES("R\0\0\0\x08\0\0\0\0"));
    static const char *const mechanisms[] = {"SCRAM-SHA-256", NULL};
    fly__pg_put_auth_sasl(&out, mechanisms);
    check_out(&out, BYTES("R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"));
    static const char *const options[] = {"_pq_.x"};
    fly__pg_put_negotiate(&out, 0, 1, options);
    check_out(&out, BYTES("v\0\0\0\x13\0\3\0\0\0\0\0\1_pq_.x\0"));
    fly__pg_put_notification(&out, 9, "c", "p");
    check_out(&out, BYTES("A\0\0\0\x0c\0\0\0\x09"
                          "c\0p\0"));
    fly__pg_put_copy(&out, 'G', false, 2);
    check_out(&out, BYTES("G\0\0\0\x0b\0\0\2\0\0\0\0"));
    fly__pg_begin(&out, 'T');
    fly__pg_put_u16(&out, 1);
    fly__pg_put_column(&out, &(fly__pg_column){.name = "n",
                                               .table = 16384,
                                               .number = 2,
                                               .type = 23,
                                               .size = 4,
                                               .mod = -1,
                                               .format = 1});
    fly__pg_end(&out);
    check_out(&out, BYTES("T\0\0\0\x1a\0\1n\0\0\0\x40\0\0\2\0\0\0\x17\0\4\xff\xff\xff\xff\0\1"));
    fly__pg_out_deinit(&out);
    fly_account_deinit(&account);
}
END_TEST

START_TEST(an_error_has_the_fields_that_are_known)
{
    fly__pg_out out;
    fly__pg_out_init(&out, fly_mem_system());
    fly_err story = {0};
    (void)fly_err_state(&story, "22012", 8, "division by zero");
    fly_err_hint(&story, "H");
    fly__pg_put_story(&out, 'E',
                      &(fly__pg_story){.severity = "ERROR",
                                       .err = &story,
                                       .position = 107,
                                       .constraint = fly_bytes_str("c_key")});
    check_out(&out, BYTES("E\0\0\0\x3bSERROR\0VERROR\0C22012\0Mdivision by zero\0HH\0P107\0nc_key\0"
                          "\0"));
    fly__pg_out_deinit(&out);
}
END_TEST

START_TEST(a_buffer_that_cannot_grow_says_so_and_stays_whole)
{
    fly_account account;
    fly__pg_out out;
    fly_account_init(&account, fly_mem_system(), "out", 10000);
    fly__pg_out_init(&out, &account.mem);
    for (int i = 0; i < 3000; i++) {
        fly__pg_put_ready(&out, 'I');
    }
    ck_assert(out.failed);
    ck_assert_uint_le(out.len, out.room);
    fly__pg_out_deinit(&out);
    fly_account_deinit(&account);
}
END_TEST

/* -------------------------------------------------------------------------- rubbish */

START_TEST(rubbish_and_mutations_stay_inside_their_bytes)
{
    static const fly_bytes seeds[] = {
        {(const uint8_t *)"\0" PARSE BIND "S\0\0\0\4", sizeof(PARSE) + sizeof(BIND) + 4},
        {(const uint8_t *)"\1\0\0\0\x12\0\3\0\0user\0al\0\0\0", 18},
        {(const uint8_t *)"\0D\0\0\0\6S\0E\0\0\0\x09\0\0\0\0\0", 18}};
    uint64_t state = 1;
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[256];
        fly_bytes seed = seeds[round % 3];
        memcpy(bytes, seed.data, seed.len);
        for (int i = 0; i < 1 + round % 4; i++) {
            state = fly_hash(&round, sizeof round, state);
            bytes[state % seed.len] = (uint8_t)(state >> 32);
        }
        (void)LLVMFuzzerTestOneInput(bytes, (size_t)(state >> 40) % (seed.len + 1));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire");
    TCase *tests = fly_test_case(suite, "wire");
    tcase_add_test(tests, a_startup_packet_has_pairs);
    tcase_add_test(tests, a_first_packet_may_be_cut_anywhere);
    tcase_add_test(tests, requests_for_encryption_and_cancelling_are_known);
    tcase_add_loop_test(tests, each_bad_first_packet_is_named, 0,
                        sizeof bad_firsts / sizeof bad_firsts[0]);
    tcase_add_test(tests, a_message_may_be_cut_anywhere);
    tcase_add_test(tests, lengths_and_types_are_checked_before_the_rest_is_there);
    tcase_add_test(tests, parse_and_bind_are_taken_apart);
    tcase_add_test(tests, bodies_that_end_too_early_or_too_late_are_refused);
    tcase_add_loop_test(tests, each_bad_body_is_named, 0, sizeof bad_bodies / sizeof bad_bodies[0]);
    tcase_add_test(tests, answers_have_their_bytes);
    tcase_add_test(tests, an_error_has_the_fields_that_are_known);
    tcase_add_test(tests, a_buffer_that_cannot_grow_says_so_and_stays_whole);
    tcase_add_test(tests, rubbish_and_mutations_stay_inside_their_bytes);
    return fly_test_run(suite);
}
