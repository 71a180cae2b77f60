/*
 * `flybench tpch`.
 */
#include "tpch_command.h"

#include "options.h"
#include "tpch_gen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef struct tpch_command {
    double scale;
    uint64_t text_mib;
    const char *dir;
    const char *table;
    bool help;
    FILE *files[TPCH_TABLE_COUNT];
} tpch_command;

static fly_status write_row(void *ctx, tpch_table table, fly_bytes row, fly_err *err)
{
    tpch_command *c = ctx;
    if (fwrite(row.data, 1, row.len, c->files[table]) != row.len) {
        return fly_err_os(err, FLY_E_IO, errno, "write table %s", tpch_table_name(table));
    }
    return FLY_OK;
}

static fly_status find_table(const char *name, tpch_table *table, fly_err *err)
{
    for (int i = 0; i < TPCH_TABLE_COUNT; i++) {
        if (strcmp(tpch_table_name((tpch_table)i), name) == 0) {
            *table = (tpch_table)i;
            return FLY_OK;
        }
    }
    return fly_err_set(err, FLY_E_INVALID, "there is no table \"%s\"", name);
}

static fly_status generate(tpch_command *c, unsigned tables, fly_err *err)
{
    tpch_options options = {c->scale, tables, (unsigned)c->text_mib};
    return tpch_generate(&options, write_row, c, err);
}

static fly_status print_table(tpch_command *c, fly_err *err)
{
    tpch_table table = TPCH_REGION;
    fly_status status = find_table(c->table, &table, err);
    if (status != FLY_OK) {
        return status;
    }
    c->files[table] = stdout;
    status = generate(c, 1u << table, err);
    if (status == FLY_OK && fflush(stdout) != 0) {
        status = fly_err_os(err, FLY_E_IO, errno, "write table %s", c->table);
    }
    return status;
}

static fly_status open_files(tpch_command *c, fly_err *err)
{
    for (int i = 0; i < TPCH_TABLE_COUNT; i++) {
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/%s.tbl", c->dir, tpch_table_name((tpch_table)i));
        c->files[i] = fopen(path, "wb");
        if (c->files[i] == NULL) {
            return fly_err_os(err, FLY_E_IO, errno, "create \"%s\"", path);
        }
    }
    return FLY_OK;
}

static fly_status close_files(tpch_command *c, fly_status status, fly_err *err)
{
    for (int i = 0; i < TPCH_TABLE_COUNT; i++) {
        if (c->files[i] != NULL && fclose(c->files[i]) != 0 && status == FLY_OK) {
            status =
                fly_err_os(err, FLY_E_IO, errno, "write table %s", tpch_table_name((tpch_table)i));
        }
    }
    return status;
}

static fly_status write_tables(tpch_command *c, fly_err *err)
{
    fly_status status = open_files(c, err);
    if (status == FLY_OK) {
        status = generate(c, (1u << TPCH_TABLE_COUNT) - 1, err);
    }
    return close_files(c, status, err);
}

static fly_status run(tpch_command *c, fly_err *err)
{
    if (c->scale < 0.001 || c->scale > 10000) {
        return fly_err_set(err, FLY_E_INVALID, "--scale takes 0.001 to 10000");
    }
    return c->table != NULL ? print_table(c, err) : write_tables(c, err);
}

int tpch_main(int argc, char **argv)
{
    tpch_command c = {.scale = 0.01, .text_mib = 300, .dir = "."};
    const option_row rows[] = {
        {"scale", OPTION_REAL, "N", "scale factor; 1 is about 1 GB; default 0.01", &c.scale, 0, 0},
        {"dir", OPTION_TEXT, "DIR", "where to write TABLE.tbl; default here", &c.dir, 0, 0},
        {"table", OPTION_TEXT, "NAME", "one table, to standard output", &c.table, 0, 0},
        {"text", OPTION_COUNT, "MIB", "text that comments are cut from; default 300, as TPC has it",
         &c.text_mib, 1, 1024},
        {"help", OPTION_FLAG, NULL, "this text", &c.help, 0, 0},
    };
    fly_err err = {0};
    fly_status status = options_parse(rows, sizeof rows / sizeof rows[0], argc, argv, &err);
    if (status == FLY_OK && c.help) {
        printf("usage: flybench tpch [OPTION...]\n\n");
        options_help(rows, sizeof rows / sizeof rows[0]);
        return 0;
    }
    if (status == FLY_OK) {
        status = run(&c, &err);
    }
    if (status != FLY_OK) {
        (void)fprintf(stderr, "flybench tpch: %s\n", err.message);
        return status == FLY_E_INVALID ? 2 : 1;
    }
    return 0;
}
