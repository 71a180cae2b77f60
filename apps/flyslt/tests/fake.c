/*
 * The engine that answers what the SQL says.
 */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static fly_status open_database(const slt_driver_options *options, void **database, fly_err *err)
{
    (void)options;
    (void)err;
    size_t *sessions = slt_grow(NULL, sizeof *sessions);
    *sessions = 0;
    *database = sessions;
    return FLY_OK;
}

static void close_database(void *database)
{
    free(database);
}

static fly_status connect_session(void *database, void **session, fly_err *err)
{
    (void)err;
    size_t *number = slt_grow(NULL, sizeof *number);
    *number = (*(size_t *)database)++;
    *session = number;
    return FLY_OK;
}

static void disconnect(void *session)
{
    free(session);
}

static void give(slt_result *result, const char *words)
{
    char *end = NULL;
    result->columns = strtoul(words, &end, 10);
    for (size_t i = 0; i < result->columns; i++) {
        result->types[i] = SLT_TEXT;
    }
    for (const char *word = end + strspn(end, " \n"); *word != '\0';) {
        size_t len = strcspn(word, " \n");
        bool null = len == 1 && word[0] == '-';
        bool empty = len == 2 && memcmp(word, "\"\"", 2) == 0;
        slt_result_add(result, null ? NULL : word, empty ? 0 : len);
        word += len;
        word += strspn(word, " \n");
    }
}

static fly_status run(void *session, const char *sql, slt_result *result, fly_err *err)
{
    if (strncmp(sql, "give ", 5) == 0) {
        give(result, sql + 5);
    } else if (strncmp(sql, "fail ", 5) == 0) {
        (void)fly_err_set(err, FLY_E_INVALID, "%s", sql + 11);
        memcpy(err->sqlstate, sql + 5, 5);
        err->sqlstate[5] = '\0';
        return FLY_E_INVALID;
    } else if (strncmp(sql, "change ", 7) == 0) {
        result->affected = strtoul(sql + 7, NULL, 10);
    } else if (strcmp(sql, "who") == 0) {
        char number[24];
        int len = snprintf(number, sizeof number, "%zu", *(size_t *)session);
        result->columns = 1;
        result->types[0] = SLT_INTEGER;
        slt_result_add(result, number, (size_t)len);
    }
    return FLY_OK;
}

const slt_driver fake_driver = {
    .name = "fake",
    .engine = "fake",
    .open = open_database,
    .close = close_database,
    .connect = connect_session,
    .disconnect = disconnect,
    .run = run,
};
