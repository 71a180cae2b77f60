/*
 * Fields, and who knows what is in whom: libtxn what libbtree's values mean, libbtree what the bodies of
 * libtxn's records mean.
 */
#include "fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LINE = 16 }; /* bytes shown in one line */

static void print_bytes(const inspect_view *view, size_t offset, size_t count)
{
    if (count > 0) {
        printf("%08" PRIx64 "  ", view->origin + offset);
    } else {
        printf("%10s", "");
    }
    for (size_t i = 0; i < LINE; i++) {
        if (i < count) {
            printf("%02x ", view->bytes.data[offset + i]);
        } else {
            printf("   ");
        }
    }
}

static void show_with_bytes(const inspect_view *view, const fly_dissected *field)
{
    size_t there = field->offset < view->bytes.len ? view->bytes.len - field->offset : 0;
    size_t len = field->len < there ? field->len : there;
    size_t first = len < LINE ? len : (size_t)LINE;
    print_bytes(view, field->offset, first);
    printf(" %*s%s: %s\n", (int)field->depth * 2, "", field->name, field->text);
    bool repeated = false;
    for (size_t at = first; at < len; at += LINE) {
        const uint8_t *line = view->bytes.data + field->offset + at;
        if (len - at > LINE && memcmp(line, line - LINE, LINE) == 0) {
            printf(repeated ? "" : "*\n"); /* as hexdump says: the same again */
            repeated = true;
            continue;
        }
        repeated = false;
        print_bytes(view, field->offset + at, len - at < LINE ? len - at : (size_t)LINE);
        printf("\n");
    }
}

void inspect_show_field(void *ctx, const fly_dissected *field)
{
    const inspect_view *view = ctx;
    if (view->hex) {
        show_with_bytes(view, field);
        return;
    }
    if (field->len > 0) {
        printf("%8" PRIu64 " %6zu", view->origin + field->offset, field->len);
    } else {
        printf("%15s", "");
    }
    printf("  %*s%s: %s\n", (int)field->depth * 2, "", field->name, field->text);
}

static void show_value(void *ctx, fly_dissector *d, uint32_t tree, bool blob)
{
    (void)ctx;
    (void)tree;
    (void)blob; /* the flags in front of the value say it too */
    fly_txn_dissect_value(d, fly_dissect_left(d));
}

const fly_btree_dissect_hook inspect_values = {.value = show_value};

static void show_body(void *ctx, fly_dissector *d, uint8_t type, size_t len)
{
    (void)ctx;
    (void)len; /* the dissector ends there */
    (void)fly_btree_dissect_record(d, type, &inspect_values);
}

const fly_txn_dissect_options inspect_bodies = {.body = show_body};
