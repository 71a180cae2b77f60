/* Scripts: see plain.h. */
#include "plain.h"

#include <string.h>

/* Bodies of functions are not looked at: they may name what is made later. */
const char flydump_preamble[] = "SET statement_timeout = 0;\n"
                                "SET client_encoding = 'UTF8';\n"
                                "SET standard_conforming_strings = on;\n"
                                "SET check_function_bodies = off;\n"
                                "SET client_min_messages = warning;\n";

static bool write_data(void *ctx, fly_bytes data)
{
    FILE *to = ctx;
    return fwrite(data.data, 1, data.len, to) == data.len;
}

static bool write_rows(void *ctx, const flydump_entry *entry, FILE *to)
{
    flydump_source *source = ctx;
    source->write = write_data;
    source->write_ctx = to;
    bool good = flydump_run(source, entry->source, NULL, NULL);
    source->write = NULL;
    if (!good) {
        flydump_complain(source, entry->name);
    }
    return good;
}

/* A name may have a line's end in it, behind which the comment would be a statement. */
static void write_title(const flydump_entry *entry, FILE *to)
{
    (void)fprintf(to, "\n-- %s ", entry->kind);
    for (const char *at = entry->name; *at != '\0'; at++) {
        (void)fputc((unsigned char)*at < 0x20 ? ' ' : *at, to);
    }
    (void)fputc('\n', to);
}

static bool write_entry(const flydump_entry *entry, flydump_rows_function rows, void *ctx, FILE *to)
{
    bool good = fprintf(to, "%s\n", entry->text) > 0;
    if (entry->stage == FLYDUMP_DATA) {
        good = good && rows(ctx, entry, to) && fprintf(to, "\\.\n\n") > 0;
    }
    return good;
}

bool flydump_write_script(const flydump_list *list, flydump_rows_function rows, void *ctx, FILE *to)
{
    fsql_text path = {0};
    fsql_text before = {0};
    bool good = fprintf(to, "--\n-- FlyDB database dump\n--\n\n%s", flydump_preamble) > 0;
    for (int stage = 0; stage < FLYDUMP_STAGES && good; stage++) {
        for (size_t i = 0; i < list->count && good; i++) {
            const flydump_entry *entry = &list->entries[i];
            if (entry->stage != (flydump_stage)stage) {
                continue;
            }
            fsql_text_clear(&path);
            flydump_path(entry, &path);
            if (strcmp(fsql_text_str(&path), fsql_text_str(&before)) != 0) {
                (void)fprintf(to, "\n%s", fsql_text_str(&path));
                fsql_text_clear(&before);
                fsql_text_str_add(&before, fsql_text_str(&path));
            }
            write_title(entry, to);
            good = write_entry(entry, rows, ctx, to);
        }
    }
    fsql_text_deinit(&path);
    fsql_text_deinit(&before);
    good = good && fprintf(to, "\n-- end of dump\n") > 0;
    return fflush(to) == 0 && good;
}

bool flydump_write_plain(flydump_source *source, const flydump_list *list, FILE *to)
{
    return flydump_write_script(list, write_rows, source, to);
}
