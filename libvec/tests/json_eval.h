/*
 * One function of JSON, named by a word, with arguments as text; paths are separated by commas.
 */
#ifndef FLY_JSON_EVAL_H
#define FLY_JSON_EVAL_H

#include <fly/vec_json.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t split_path(const char *text, fly_bytes *path, size_t room)
{
    size_t n = 0;
    while (*text != '\0' && n < room) {
        size_t len = strcspn(text, ",");
        path[n++] = fly_bytes_of(text, len);
        text += len + (text[len] == ',');
    }
    return n;
}

static size_t json_eval(const char *op, const char *a, const char *b, const char *c,
                        fly_arena *arena, char *out)
{
    fly_err err;
    memset(&err, 0, sizeof err);
    fly_vec_str sx, sy, r = fly_vec_str_of("", 0);
    fly_bytes x = {NULL, 0}, y = {NULL, 0}, found, path[10];
    size_t count = split_path(b, path, 10);
    fly_status status = FLY_OK;
    bool yes = false, null = false;
    enum { JSON, TEXT, FLAG, RAW } kind = JSON;
    if (op[0] == 'j') { /* of type json */
        x = fly_bytes_str(a);
        kind = RAW;
        if ((status = fly_vec_json_check(x, &err)) != FLY_OK) {
            goto out;
        }
        if (strcmp(op, "json") == 0) {
            r = fly_vec_str_of(a, strlen(a));
        } else if (strcmp(op, "jget") == 0) {
            status = fly_vec_json_get(x, fly_bytes_str(b), arena, &found, &yes, &err);
            null = !yes;
            r = yes ? fly_vec_str_of(found.data, found.len) : r;
        } else if (strcmp(op, "jat") == 0) {
            null = !fly_vec_json_at(x, strtol(b, NULL, 10), &found);
            r = !null ? fly_vec_str_of(found.data, found.len) : r;
        } else {
            kind = TEXT;
            status = fly_vec_json_get(x, fly_bytes_str(b), arena, &found, &yes, &err);
            null = !yes;
            if (yes && status == FLY_OK) {
                status = fly_vec_json_text(found, arena, &r, &null, &err);
            }
        }
        goto out;
    }
    if ((status = fly_vec_jsonb_parse(fly_bytes_str(a), arena, &sx, &err)) != FLY_OK) {
        goto out;
    }
    x = fly_vec_str_bytes(&sx);
    if (strchr("@<|=", op[0]) != NULL || strcmp(op, "cmp") == 0) {
        if ((status = fly_vec_jsonb_parse(fly_bytes_str(b), arena, &sy, &err)) != FLY_OK) {
            goto out;
        }
        y = fly_vec_str_bytes(&sy);
    } else if (strcmp(op, "set") == 0 || strcmp(op, "setonly") == 0 ||
               strncmp(op, "insert", 6) == 0) {
        if ((status = fly_vec_jsonb_parse(fly_bytes_str(c), arena, &sy, &err)) != FLY_OK) {
            goto out;
        }
        y = fly_vec_str_bytes(&sy);
    }
    found = x;
    if (strcmp(op, "parse") == 0) {
        r = sx;
    } else if (strcmp(op, "pretty") == 0) {
        kind = TEXT;
        status = fly_vec_jsonb_format(x, true, arena, &r, &err);
    } else if (strcmp(op, "typeof") == 0) {
        kind = TEXT;
        const char *name = fly_vec_json_type_name(fly_vec_jsonb_type(x));
        r = fly_vec_str_of(name, strlen(name));
    } else if (strcmp(op, "->") == 0) {
        null = !fly_vec_jsonb_get(x, fly_bytes_str(b), &found);
        r = null ? r : fly_vec_str_of(found.data, found.len);
    } else if (strcmp(op, "->n") == 0) {
        null = !fly_vec_jsonb_at(x, strtol(b, NULL, 10), &found);
        r = null ? r : fly_vec_str_of(found.data, found.len);
    } else if (strcmp(op, "#>") == 0) {
        null = !fly_vec_jsonb_path(x, path, count, &found);
        r = null ? r : fly_vec_str_of(found.data, found.len);
    } else if (strcmp(op, "#>>") == 0) {
        kind = TEXT;
        null = !fly_vec_jsonb_path(x, path, count, &found);
        if (!null) {
            status = fly_vec_jsonb_text(found, arena, &r, &null, &err);
        }
    } else if (strcmp(op, "@>") == 0) {
        kind = FLAG;
        yes = fly_vec_jsonb_contains(x, y);
    } else if (strcmp(op, "cmp") == 0) {
        kind = TEXT;
        int order = fly_vec_jsonb_cmp(x, y);
        bool same = fly_vec_jsonb_hash(x, 1) == fly_vec_jsonb_hash(y, 1);
        r = order > 0   ? fly_vec_str_of("1", 1)
            : order < 0 ? fly_vec_str_of("-1", 2)
            : same      ? fly_vec_str_of("0", 1)
                        : fly_vec_str_of("hash!", 5);
    } else if (strcmp(op, "?") == 0) {
        kind = FLAG;
        yes = fly_vec_jsonb_exists(x, fly_bytes_str(b));
    } else if (strcmp(op, "||") == 0) {
        status = fly_vec_jsonb_concat(x, y, arena, &r, &err);
    } else if (strcmp(op, "-") == 0) {
        status = fly_vec_jsonb_delete(x, path, count, arena, &r, &err);
    } else if (strcmp(op, "-n") == 0) {
        status = fly_vec_jsonb_delete_at(x, strtol(b, NULL, 10), arena, &r, &err);
    } else if (strcmp(op, "#-") == 0) {
        status = fly_vec_jsonb_delete_path(x, path, count, arena, &r, &err);
    } else if (strcmp(op, "set") == 0 || strcmp(op, "setonly") == 0) {
        status = fly_vec_jsonb_set(x, path, count, y, op[3] == '\0', arena, &r, &err);
    } else if (strncmp(op, "insert", 6) == 0) {
        status = fly_vec_jsonb_insert(x, path, count, y, op[6] == 'a', arena, &r, &err);
    } else if (strcmp(op, "strip") == 0) {
        status = fly_vec_jsonb_strip_nulls(x, arena, &r, &err);
    } else {
        return (size_t)snprintf(out, 100, "no function %s", op);
    }
out:
    if (status == FLY_OK && kind == FLAG) {
        r = fly_vec_str_of(yes ? "true" : "false", yes ? 4 : 5);
    } else if (status == FLY_OK && null) {
        r = fly_vec_str_of("NULL", 4);
    } else if (status == FLY_OK && kind == JSON) {
        status = fly_vec_jsonb_check(fly_vec_str_bytes(&r), &err);
        if (status == FLY_OK) {
            fly_vec_str value = r;
            status = fly_vec_jsonb_format(fly_vec_str_bytes(&value), false, arena, &r, &err);
        }
    }
    if (status != FLY_OK) {
        return (size_t)snprintf(out, 1000, "%s %s%s%s", err.sqlstate, err.message,
                                err.hint[0] ? "|" : "", err.hint);
    }
    memcpy(out, fly_vec_str_data(&r), r.len);
    return r.len;
}

#endif
