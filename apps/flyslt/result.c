/*
 * Values: written, sorted, hashed.
 *
 * Source: the values are written as the original runner writes them, so that the hashes in scripts
 * that others made are met.
 */
#include "result.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void slt_result_clear(slt_result *result)
{
    result->columns = 0;
    result->affected = 0;
    result->count = 0;
    slt_text_clear(&result->bytes);
}

void slt_result_deinit(slt_result *result)
{
    slt_text_deinit(&result->bytes);
    slt_text_deinit(&result->written);
    free(result->cells);
    free(result->values);
    *result = (slt_result){0};
}

void slt_result_add(slt_result *result, const char *data, size_t len)
{
    if (result->count == result->room) {
        result->room = result->room == 0 ? 256 : result->room * 2;
        result->cells = slt_grow(result->cells, result->room * sizeof *result->cells);
    }
    result->cells[result->count++] = (slt_cell){result->bytes.len, len, data == NULL};
    if (data != NULL) {
        slt_text_add(&result->bytes, data, len);
    }
    slt_text_add(&result->bytes, "", 1);
}

/* ------------------------------------------------------------------------- writing */

static double as_real(const char *data, slt_type type)
{
    if (type == SLT_BOOLEAN) {
        return data[0] == 't' ? 1 : 0;
    }
    return strtod(data, NULL);
}

static void write_integer(slt_text *out, const char *data, slt_type type)
{
    size_t sign = data[0] == '-' ? 1 : 0;
    size_t digits = strspn(data + sign, "0123456789");
    if (digits > 0 && data[sign + digits] == '\0' && (data[sign] != '0' || digits + sign == 1)) {
        /* The common case, and numbers of any length keep all their digits. */
        slt_text_add(out, data, sign + digits);
        return;
    }
    double value = as_real(data, type);
    if (!(value > -9.2e18)) { /* and what is no number */
        value = value != value ? 0 : -9.2e18;
    }
    if (value > 9.2e18) {
        value = 9.2e18;
    }
    slt_text_printf(out, "%lld", (long long)value);
}

static void write_text(slt_text *out, const char *data, size_t len)
{
    size_t at = out->len;
    slt_text_add(out, data, len);
    for (; at < out->len; at++) {
        if (out->data[at] < ' ' || out->data[at] > '~') {
            out->data[at] = '@';
        }
    }
}

static void write_unicode(slt_text *out, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)data[i];
        if (c == '\n' || c == '\t') {
            slt_text_add_str(out, c == '\n' ? "\\n" : "\\t");
        } else if (c < ' ' || c == 0x7f) {
            slt_text_printf(out, "\\x%02X", c);
        } else {
            slt_text_add(out, &data[i], 1);
        }
    }
}

static void write_value(const slt_result *result, const slt_cell *cell, slt_type type, char letter,
                        slt_text *out)
{
    const char *data = result->bytes.data + cell->at;
    if (cell->null) {
        slt_text_add_str(out, "NULL");
    } else if (letter == 'I') {
        write_integer(out, data, type);
    } else if (letter == 'R') {
        slt_text_printf(out, "%.3f", as_real(data, type));
    } else if (cell->len == 0) {
        slt_text_add_str(out, "(empty)");
    } else if (letter == 'U') {
        write_unicode(out, data, cell->len);
    } else {
        write_text(out, data, cell->len);
    }
    slt_text_add(out, "", 1);
}

/* ------------------------------------------------------------------------- sorting */

static int by_value(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* qsort() hands over no context, so each row brings its width along. */
typedef struct row {
    const char **values;
    size_t columns;
} row;

static int by_row(const void *left, const void *right)
{
    const row *a = left;
    const row *b = right;
    int order = 0;
    for (size_t i = 0; i < a->columns && order == 0; i++) {
        order = strcmp(a->values[i], b->values[i]);
    }
    return order;
}

static void sort_rows(slt_result *result)
{
    size_t columns = result->columns;
    size_t rows = result->count / columns;
    row *order = slt_grow(NULL, rows * sizeof *order);
    const char **sorted = slt_grow(NULL, result->count * sizeof *sorted);
    for (size_t i = 0; i < rows; i++) {
        order[i] = (row){&result->values[i * columns], columns};
    }
    qsort(order, rows, sizeof *order, by_row);
    for (size_t i = 0; i < rows; i++) {
        memcpy(&sorted[i * columns], order[i].values, columns * sizeof *sorted);
    }
    memcpy(result->values, sorted, result->count * sizeof *sorted);
    free(sorted);
    free(order);
}

void slt_result_write(slt_result *result, const char *types, slt_sort sort)
{
    if (result->count > result->values_room) {
        result->values_room = result->room;
        result->values = slt_grow(result->values, result->values_room * sizeof *result->values);
    }
    slt_text_clear(&result->written);
    for (size_t i = 0; i < result->count; i++) {
        size_t column = i % result->columns;
        write_value(result, &result->cells[i], result->types[column], types[column],
                    &result->written);
    }
    /* The bytes have stopped moving: now the values can be pointed at. */
    const char *at = result->written.data;
    for (size_t i = 0; i < result->count; i++) {
        result->values[i] = at;
        at += strlen(at) + 1;
    }
    if (result->count > result->columns && sort == SLT_ROWSORT) {
        sort_rows(result);
    } else if (result->count > 1 && sort == SLT_VALUESORT) {
        qsort(result->values, result->count, sizeof *result->values, by_value);
    }
}

/* ------------------------------------------------------------------------- hashing */

void slt_result_hash(const slt_result *result, char hash[SLT_HASH_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    EVP_MD_CTX *md5 = EVP_MD_CTX_new();
    bool good = md5 != NULL && EVP_DigestInit_ex(md5, EVP_md5(), NULL) == 1;
    for (size_t i = 0; good && i < result->count; i++) {
        good = EVP_DigestUpdate(md5, result->values[i], strlen(result->values[i])) == 1 &&
               EVP_DigestUpdate(md5, "\n", 1) == 1;
    }
    good = good && EVP_DigestFinal_ex(md5, digest, &len) == 1 && len == 16;
    EVP_MD_CTX_free(md5);
    if (!good) {
        (void)fprintf(stderr, "flyslt: libcrypto has no MD5\n");
        exit(2);
    }
    for (size_t i = 0; i < len; i++) {
        (void)snprintf(hash + 2 * i, 3, "%02x", digest[i]);
    }
}
