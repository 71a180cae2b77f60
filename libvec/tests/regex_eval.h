/*
 * LIKE and regular expressions, named by a word, with texts as arguments; arrays are written as
 * PostgreSQL writes them, near enough.
 */
#ifndef FLY_REGEX_EVAL_H
#define FLY_REGEX_EVAL_H

#include <fly/vec_like.h>
#include <fly/vec_regex.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t put_text(char *out, size_t n, const char *text, size_t len)
{
    memcpy(out + n, text, len);
    return n + len;
}

/* <a> for each group, - for one that took no part. */
static size_t put_spans(char *out, size_t n, fly_bytes text, const fly_vec_span *spans, size_t from,
                        size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (spans[i].begin < 0) {
            n = put_text(out, n, "-", 1);
            continue;
        }
        n = put_text(out, n, "<", 1);
        n = put_text(out, n, (const char *)text.data + spans[i].begin,
                     (size_t)(spans[i].end - spans[i].begin));
        n = put_text(out, n, ">", 1);
    }
    return n;
}

static size_t regex_eval(const char *op, const char *a, const char *b, const char *c, fly_mem *mem,
                         fly_arena *arena, char *out)
{
    fly_err err;
    memset(&err, 0, sizeof err);
    fly_bytes text = fly_bytes_str(a), pattern = fly_bytes_str(b);
    fly_vec_span spans[40];
    fly_vec_regex *re = NULL;
    unsigned flags = 0;
    fly_status status;
    fly_vec_str s = fly_vec_str_of("", 0);
    bool found, null;
    size_t n = 0;
    if (strcmp(op, "like") == 0 || strcmp(op, "ilike") == 0) {
        const fly_vec_like *like;
        status = fly_vec_like_compile(pattern, fly_bytes_str(c), op[0] == 'i', arena, &like, &err);
        if (status == FLY_OK) {
            return put_text(out, 0, fly_vec_like_match(like, text) ? "true" : "false",
                            fly_vec_like_match(like, text) ? 4 : 5);
        }
        goto out;
    }
    if (strcmp(op, "similar") == 0 || strcmp(op, "simsub") == 0) {
        status = fly_vec_similar_to_regex(pattern, fly_bytes_str(c), arena, &s, &err);
        if (status != FLY_OK) {
            goto out;
        }
        pattern = fly_vec_str_bytes(&s);
    }
    if (strcmp(op, "replace") != 0 && strcmp(op, "similar") != 0 && strcmp(op, "simsub") != 0 &&
        (status = fly_vec_regex_flags(fly_bytes_str(c), &flags, &err)) != FLY_OK) {
        goto out;
    }
    if ((status = fly_vec_regex_create(pattern, flags, mem, &re, &err)) != FLY_OK) {
        goto out;
    }
    size_t count = (size_t)fly_vec_regex_groups(re) + 1;
    count = count > 40 ? 40 : count;
    if (strcmp(op, "match") == 0 || strcmp(op, "similar") == 0) {
        if ((status = fly_vec_regex_match(re, text, &found, &err)) == FLY_OK) {
            n = put_text(out, 0, found ? "true" : "false", found ? 4 : 5);
        }
    } else if (strcmp(op, "groups") == 0) {
        if ((status = fly_vec_regex_find(re, text, 0, spans, count, &found, &err)) == FLY_OK) {
            n = found ? put_spans(out, 0, text, spans, count > 1, count)
                      : put_text(out, 0, "NULL", 4);
        }
    } else if (strcmp(op, "all") == 0 || strcmp(op, "split") == 0) {
        fly_vec_regex_scan scan;
        bool split = op[0] == 's';
        int64_t from = 0;
        status = fly_vec_regex_scan_begin(&scan, re, text, 0, split, arena, &err);
        while (status == FLY_OK) {
            status = fly_vec_regex_scan_next(&scan, spans, split ? 1 : count, &err);
            if (status != FLY_OK) {
                break;
            }
            if (split) {
                fly_vec_span piece = {from, spans[0].begin};
                n = put_spans(out, n, text, &piece, 0, 1);
                from = spans[0].end;
            } else {
                n = put_spans(out, n, text, spans, count > 1, count);
                n = put_text(out, n, ";", 1);
            }
        }
        if (split) {
            fly_vec_span piece = {from, (int64_t)text.len};
            n = put_spans(out, n, text, &piece, 0, 1);
        }
        status = status == FLY_E_END ? FLY_OK : status;
        n = n == 0 ? put_text(out, 0, "NULL", 4) : n;
    } else if (strcmp(op, "replace") == 0) {
        status = fly_vec_regex_replace(re, text, fly_bytes_str(c), 0, 0, arena, &s, &err);
        n = status == FLY_OK ? put_text(out, 0, fly_vec_str_data(&s), s.len) : 0;
    } else if (strcmp(op, "substring") == 0 || strcmp(op, "simsub") == 0) {
        status = fly_vec_regex_substring(re, text, &s, &null, &err);
        n = status != FLY_OK ? 0
            : null           ? put_text(out, 0, "NULL", 4)
                             : put_text(out, 0, fly_vec_str_data(&s), s.len);
    } else {
        n = put_text(out, 0, "what?", 5);
    }
out:
    fly_vec_regex_destroy(re);
    if (status != FLY_OK) {
        n = (size_t)snprintf(out, 1000, "%s %s%s%s", err.sqlstate, err.message,
                             err.hint[0] ? "|" : "", err.hint);
    }
    return n;
}

#endif
