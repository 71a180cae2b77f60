/*
 * Paths over jsonb, named by a word: the text of a path, all it finds, whether it finds anything, whether
 * it holds. Results of a query are separated by "; ".
 */
#ifndef FLY_JSONPATH_EVAL_H
#define FLY_JSONPATH_EVAL_H

#include <fly/vec_jsonpath.h>

#include <stdio.h>
#include <string.h>

static size_t jsonpath_eval(const char *op, const char *a, const char *b, fly_mem *mem,
                            fly_arena *arena, char *out)
{
    static const char vars_text[] = "{\"x\": 2, \"s\": \"ab\", \"n\": null}";
    fly_err err;
    memset(&err, 0, sizeof err);
    fly_vec_jsonpath *path = NULL;
    fly_vec_str value, vars, text = fly_vec_str_of("", 0);
    fly_vec_json_list found = {NULL, 0, 0};
    size_t n = 0;
    int answer = 0;
    bool silent = strchr(op, '?') != NULL;
    fly_status status;
    if ((status = fly_vec_jsonpath_create(fly_bytes_str(b), mem, &path, &err)) != FLY_OK ||
        (status = fly_vec_jsonb_parse(fly_bytes_str(vars_text), arena, &vars, &err)) != FLY_OK ||
        (status = fly_vec_jsonb_parse(fly_bytes_str(a), arena, &value, &err)) != FLY_OK) {
        goto out;
    }
    fly_bytes v = fly_vec_str_bytes(&value), x = fly_vec_str_bytes(&vars);
    if (strcmp(op, "path") == 0) {
        status = fly_vec_jsonpath_format(path, arena, &text, &err);
        memcpy(out, fly_vec_str_data(&text), text.len);
        n = text.len;
    } else if (strncmp(op, "query", 5) == 0) {
        status = fly_vec_jsonpath_query(path, v, x, silent, arena, &found, &err);
        for (uint32_t i = 0; i < found.n && status == FLY_OK; i++) {
            status = fly_vec_jsonb_format(found.item[i], false, arena, &text, &err);
            if (status == FLY_OK) {
                memcpy(out + n, fly_vec_str_data(&text), text.len);
                n += text.len;
                memcpy(out + n, "; ", 2);
                n += 2;
            }
        }
        if (n == 0) {
            memcpy(out, "NULL", n = 4);
        }
    } else {
        status = strncmp(op, "exists", 6) == 0
                     ? fly_vec_jsonpath_exists(path, v, x, silent, arena, &answer, &err)
                     : fly_vec_jsonpath_match(path, v, x, silent, arena, &answer, &err);
        n = (size_t)sprintf(out, "%s", answer < 0 ? "NULL" : answer ? "true" : "false");
    }
out:
    fly_vec_jsonpath_destroy(path);
    if (status != FLY_OK) {
        return (size_t)snprintf(out, 1000, "%s %s", err.sqlstate, err.message);
    }
    return n;
}

#endif
