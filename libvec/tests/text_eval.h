/*
 * One function of strings, named by a word, with arguments as text.
 */
#ifndef FLY_TEXT_EVAL_H
#define FLY_TEXT_EVAL_H

#include <fly/vec_text.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool text_reserved(void *ctx, fly_bytes word)
{
    (void)ctx;
    return word.len == 6 && memcmp(word.data, "select", 6) == 0;
}

static size_t text_eval(const char *op, const char *a, const char *b, const char *c,
                        fly_arena *arena, char *out)
{
    fly_err err;
    memset(&err, 0, sizeof err);
    fly_bytes x = fly_bytes_str(a), y = fly_bytes_str(b), z = fly_bytes_str(c), span = {NULL, 0};
    int64_t n = strtoll(b, NULL, 10), m = strtoll(c, NULL, 10), number = 0;
    fly_vec_str s = fly_vec_str_of("", 0);
    fly_vec_i128 uuid;
    fly_status status = FLY_OK;
    bool flag;
    int32_t i32 = 0;
    enum { STR, SPAN, NUMBER } kind = STR;
    if (strcmp(op, "length") == 0) {
        kind = NUMBER;
        number = fly_vec_text_length(x);
    } else if (strcmp(op, "from") == 0) {
        kind = SPAN;
        span = fly_vec_text_from(x, n);
    } else if (strcmp(op, "substr") == 0) {
        kind = SPAN;
        status = fly_vec_text_substr(x, n, m, &span, &err);
    } else if (strcmp(op, "left") == 0) {
        kind = SPAN;
        span = fly_vec_text_left(x, n);
    } else if (strcmp(op, "right") == 0) {
        kind = SPAN;
        span = fly_vec_text_right(x, n);
    } else if (strcmp(op, "position") == 0) {
        kind = NUMBER;
        number = fly_vec_text_position(x, y);
    } else if (strcmp(op, "btrim") == 0 || strcmp(op, "ltrim") == 0 || strcmp(op, "rtrim") == 0) {
        kind = SPAN;
        span = fly_vec_text_trim(x, y, op[0] != 'r', op[0] != 'l');
    } else if (strcmp(op, "split_part") == 0) {
        kind = SPAN;
        status = fly_vec_text_split_part(x, y, m, &span, &err);
    } else if (strcmp(op, "lpad") == 0) {
        status = fly_vec_text_lpad(x, n, z, arena, &s, &err);
    } else if (strcmp(op, "rpad") == 0) {
        status = fly_vec_text_rpad(x, n, z, arena, &s, &err);
    } else if (strcmp(op, "repeat") == 0) {
        status = fly_vec_text_repeat(x, n, arena, &s, &err);
    } else if (strcmp(op, "replace") == 0) {
        status = fly_vec_text_replace(x, y, z, arena, &s, &err);
    } else if (strcmp(op, "translate") == 0) {
        status = fly_vec_text_translate(x, y, z, arena, &s, &err);
    } else if (strcmp(op, "reverse") == 0) {
        status = fly_vec_text_reverse(x, arena, &s, &err);
    } else if (strcmp(op, "overlay") == 0) {
        status = fly_vec_text_overlay(x, fly_bytes_str("XY"), n, m, arena, &s, &err);
    } else if (strcmp(op, "upper") == 0) {
        status = fly_vec_text_upper(x, arena, &s, &err);
    } else if (strcmp(op, "lower") == 0) {
        status = fly_vec_text_lower(x, arena, &s, &err);
    } else if (strcmp(op, "initcap") == 0) {
        status = fly_vec_text_initcap(x, arena, &s, &err);
    } else if (strcmp(op, "quote_ident") == 0) {
        status = fly_vec_quote_ident(x, text_reserved, NULL, arena, &s, &err);
    } else if (strcmp(op, "quote_literal") == 0) {
        status = fly_vec_quote_literal(x, arena, &s, &err);
    } else if (strcmp(op, "format") == 0) {
        fly_vec_value args[2];
        memset(args, 0, sizeof args);
        args[0].str = fly_vec_str_of(b, strlen(b));
        args[1].str = fly_vec_str_of(c, strlen(c));
        args[1].null = c[0] == '\0';
        status = fly_vec_text_format(x, args, 2, text_reserved, NULL, arena, &s, &err);
    } else if (strcmp(op, "encode") == 0) {
        status = fly_vec_bytea_parse(x, arena, &s, &err);
        if (status == FLY_OK) {
            status = fly_vec_encode(fly_vec_str_bytes(&s), y, arena, &s, &err);
        }
    } else if (strcmp(op, "decode") == 0) {
        status = fly_vec_decode(x, y, arena, &s, &err);
        if (status == FLY_OK) {
            status = fly_vec_bytea_format(fly_vec_str_bytes(&s), false, arena, &s, &err);
        }
    } else if (strcmp(op, "bytea") == 0) {
        status = fly_vec_bytea_parse(x, arena, &s, &err);
        if (status == FLY_OK) {
            status = fly_vec_bytea_format(fly_vec_str_bytes(&s), true, arena, &s, &err);
        }
    } else if (strcmp(op, "to_hex") == 0) {
        return fly_vec_to_hex((uint64_t)strtoll(a, NULL, 10), out);
    } else if (strcmp(op, "ascii") == 0) {
        kind = NUMBER;
        number = fly_vec_ascii(x);
    } else if (strcmp(op, "chr") == 0) {
        status = fly_vec_chr((int32_t)strtol(a, NULL, 10), &s, &err);
    } else if (strcmp(op, "levenshtein") == 0) {
        kind = NUMBER;
        status = fly_vec_levenshtein(x, y, 1, 2, 3, &i32, &err);
        number = i32;
    } else if (strcmp(op, "bool") == 0) {
        if ((status = fly_vec_bool_parse(x, &flag, &err)) == FLY_OK) {
            s = fly_vec_str_of(flag ? "true" : "false", flag ? 4 : 5);
        }
    } else if (strcmp(op, "uuid") == 0) {
        if ((status = fly_vec_uuid_parse(x, &uuid, &err)) == FLY_OK) {
            fly_vec_uuid_format(uuid, out);
            return FLY_VEC_UUID_TEXT;
        }
    } else {
        return (size_t)snprintf(out, 100, "no function %s", op);
    }
    if (status != FLY_OK) {
        return (size_t)snprintf(out, 1000, "%s %s%s%s", err.sqlstate, err.message,
                                err.hint[0] ? "|" : "", err.hint);
    }
    if (kind == NUMBER) {
        return (size_t)snprintf(out, 100, "%lld", (long long)number);
    }
    if (kind == STR) {
        span = fly_vec_str_bytes(&s);
    }
    if (span.len > 0) {
        memcpy(out, span.data, span.len);
    }
    return span.len;
}

#endif
