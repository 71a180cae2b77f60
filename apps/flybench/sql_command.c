/*
 * `flybench sql`.
 *
 * Each case is a row: a statement, what it is given, how many operations one run of it counts for. The
 * engines take turns; each has a database of its own, made anew for each repeat. What the engines answer
 * must be the same, or the run fails.
 */
#include "sql_command.h"

#include "files.h"
#include "machine.h"
#include "options.h"
#include "report.h"
#include "sql_driver.h"

#include <fly/base_hash.h>
#include <fly/base_sched.h>
#include <fly/base_vfs.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    ENGINES_MAX = 2,
    REPEAT_MAX = 32,
    SQL_BYTES = 512,
    GROUPS = 1000,
    RANGE = 100,
    BATCH = 1000
};

static const sql_driver *const drivers[] = {
    &sql_flydb,
#ifdef FLYBENCH_SQLITE
    &sql_sqlite,
#endif
};

enum { DRIVER_COUNT = sizeof drivers / sizeof *drivers };

/* What a statement is given each time. */
typedef enum given { NOTHING, KEY, NEW_ROW, NEW_KEY, TEXT_KEY, GROUP, KEY_RANGE } given;

typedef struct sql_case {
    const char *name;
    const char *sql; /* parameters are written @1 */
    given given;
    bool literal; /* parameters are written into a text that is not prepared */
    bool batched; /* BATCH runs to a transaction; else each its own */
    uint64_t (*units)(uint64_t records); /* operations that one run counts for; NULL: one */
    const char *what;                    /* for --list */
} sql_case;

static uint64_t all(uint64_t records)
{
    return records;
}

static uint64_t one_group(uint64_t records)
{
    return records / GROUPS;
}

static uint64_t one_range(uint64_t records)
{
    (void)records;
    return RANGE;
}

static const char point[] = "SELECT v, s FROM t WHERE k = @1";

/* The first case fills the table, the last has a database of its own whose commits are durable. */
static const sql_case cases[] = {
    {"load", "INSERT INTO t VALUES (@1, @2, @3)", NEW_ROW, false, true, NULL,
     "rows inserted in order, 1,000 to a transaction, one index"},
    {"point", point, KEY, false, false, NULL, "a row by its key, prepared"},
    {"point_text", point, KEY, true, false, NULL, "the same, a new text each time"},
    {"range", "SELECT k, s FROM t WHERE k BETWEEN @1 AND @2 ORDER BY k", KEY_RANGE, false, false,
     one_range, "rows of 100 neighbouring keys"},
    {"by_index", "SELECT sum(k) FROM t WHERE v = @1", GROUP, false, false, one_group,
     "rows found through an index"},
    {"count", "SELECT count(*) FROM t WHERE k % 10 < 5", NOTHING, false, false, all,
     "rows scanned, half of them counted"},
    {"like", "SELECT count(*) FROM t WHERE s LIKE '%77%'", NOTHING, false, false, all,
     "rows whose text is searched"},
    {"group", "SELECT v % 100, count(*), sum(k) FROM t GROUP BY v % 100", NOTHING, false, false,
     all, "rows put into 100 groups"},
    {"group_many", "SELECT count(*) FROM (SELECT k / 2, sum(v) FROM t GROUP BY k / 2) x", NOTHING,
     false, false, all, "rows put into half as many groups"},
    {"join", "SELECT count(*), sum(u.w) FROM t JOIN u ON u.g = t.v", NOTHING, false, false, all,
     "rows joined with a table of 1,000"},
    {"top", "SELECT k FROM t ORDER BY s, k LIMIT 10", NOTHING, false, false, all,
     "rows of which the first 10 by text are wanted"},
    {"sort",
     "SELECT count(*) FROM (SELECT k, row_number() OVER (ORDER BY s, k) AS r FROM t) x "
     "WHERE r % 2 = 0",
     NOTHING, false, false, all, "rows numbered in the order of their texts"},
    {"update", "UPDATE t SET s = @1 WHERE k = @2", TEXT_KEY, false, true, NULL,
     "a column by key, 1,000 to a transaction"},
    {"update_one", "UPDATE t SET s = @1 WHERE k = @2", TEXT_KEY, false, false, NULL,
     "the same, each a transaction"},
    {"commit_full", "INSERT INTO c VALUES (@1)", NEW_KEY, false, false, NULL,
     "durable transactions of one row"},
};

enum { CASE_COUNT = sizeof cases / sizeof *cases };

typedef struct sql_command {
    const char *cases;
    const char *engines;
    const char *dir;
    uint64_t records;
    uint64_t repeat;
    double seconds;
    bool list;
    bool help;
} sql_command;

enum { OPTION_ROWS = 8 };

static void option_rows(sql_command *c, option_row *rows)
{
    const option_row filled[OPTION_ROWS] = {
        {"cases", OPTION_TEXT, "A,B", "only these cases", &c->cases, 0, 0},
        {"engines", OPTION_TEXT, "A,B", "only these engines", &c->engines, 0, 0},
        {"dir", OPTION_TEXT, "DIR", "where databases are made; default .", &c->dir, 0, 0},
        {"records", OPTION_COUNT, "N", "rows of the table; default 1M", &c->records, GROUPS,
         100000000},
        {"repeat", OPTION_COUNT, "N", "times, for medians; default 1", &c->repeat, 1, REPEAT_MAX},
        {"seconds", OPTION_REAL, "S", "that a case runs at least; default 1", &c->seconds, 0, 0},
        {"list", OPTION_FLAG, NULL, "print cases and engines", &c->list, 0, 0},
        {"help", OPTION_FLAG, NULL, "print this", &c->help, 0, 0},
    };
    memcpy(rows, filled, sizeof filled);
}

/* ------------------------------------------------------------------------- one case */

/* One engine in one repeat. */
typedef struct bench {
    const sql_driver *driver;
    const sql_command *command;
    char dir[FLY_PATH_MAX];
    sql_db *db;
    fly_rng rng;
    uint64_t next_key;
    char text[64];
} bench;

static void make_text(char *text, size_t size, uint64_t key)
{
    (void)snprintf(text, size, "%016" PRIx64 " and what is said of it", fly_hash_u64(key));
}

/* The arguments of the next run; returns how many. */
static uint32_t give(bench *b, given what, sql_arg *args)
{
    bool new_one = what == NEW_ROW || what == NEW_KEY;
    uint64_t key = new_one ? b->next_key++ : fly_rng_below(&b->rng, b->command->records);
    sql_arg number = {NULL, (int64_t)key};
    make_text(b->text, sizeof b->text, key);
    switch (what) {
    case NOTHING:
        return 0;
    case KEY:
    case NEW_KEY:
        args[0] = number;
        return 1;
    case NEW_ROW:
        args[0] = number;
        args[1] = (sql_arg){NULL, (int64_t)(fly_hash_u64(key) % GROUPS)};
        args[2] = (sql_arg){b->text, 0};
        return 3;
    case TEXT_KEY:
        args[0] = (sql_arg){b->text, 0};
        args[1] = number;
        return 2;
    case GROUP:
        args[0] = (sql_arg){NULL, (int64_t)(key % GROUPS)};
        return 1;
    case KEY_RANGE:
        args[0] = number;
        args[1] = (sql_arg){NULL, (int64_t)key + RANGE - 1};
        return 2;
    }
    return 0;
}

/* The statement with the engine's parameters, or with values in their place. */
static void write_sql(const char *sql, char mark, const sql_arg *values, char *out)
{
    size_t used = 0;
    for (; *sql != '\0' && used + 24 < SQL_BYTES; sql++) {
        if (*sql != '@') {
            out[used++] = *sql;
        } else if (values == NULL) {
            out[used++] = mark;
        } else {
            sql++;
            used += (size_t)snprintf(out + used, SQL_BYTES - used, "%" PRId64,
                                     values[*sql - '1'].number);
        }
    }
    out[used] = '\0';
}

static fly_status run_once(bench *b, const sql_case *what, sql_query *query, sql_answer *answer,
                           fly_err *err)
{
    sql_arg args[3];
    uint32_t count = give(b, what->given, args);
    if (!what->literal) {
        return b->driver->run(query, args, count, answer, err);
    }
    char sql[SQL_BYTES];
    write_sql(what->sql, b->driver->mark, args, sql);
    return b->driver->execute(b->db, sql, answer, err);
}

/* Runs until the time is over, or the table full. */
static fly_status run_timed(bench *b, const sql_case *what, sql_query *query, double *per_second,
                            fly_err *err)
{
    bool load = what->given == NEW_ROW;
    uint64_t began = fly_now();
    uint64_t until = began + (uint64_t)(b->command->seconds * 1e9);
    uint64_t runs = 0;
    sql_answer answer;
    fly_status status = FLY_OK;
    while (status == FLY_OK) {
        if (what->batched && runs % BATCH == 0) {
            status = b->driver->execute(b->db, runs == 0 ? "BEGIN" : "COMMIT", &answer, err);
            if (status == FLY_OK && runs > 0) {
                status = b->driver->execute(b->db, "BEGIN", &answer, err);
            }
        }
        if (status != FLY_OK || (load ? b->next_key >= b->command->records : fly_now() >= until)) {
            break;
        }
        status = run_once(b, what, query, &answer, err);
        runs++;
    }
    if (status == FLY_OK && what->batched) {
        status = b->driver->execute(b->db, "COMMIT", &answer, err);
    }
    double seconds = (double)(fly_now() - began) / 1e9;
    uint64_t units = what->units != NULL ? what->units(b->command->records) : 1;
    *per_second = (double)(runs * units) / seconds;
    return status;
}

/* First a few runs that every engine does alike, whose answers are added up; then the time counts. */
static fly_status run_case(bench *b, const sql_case *what, double *per_second, sql_answer *checked,
                           fly_err *err)
{
    char sql[SQL_BYTES];
    write_sql(what->sql, b->driver->mark, NULL, sql);
    sql_query *query = NULL;
    fly_status status = what->literal ? FLY_OK : b->driver->prepare(b->db, sql, &query, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_rng_init(&b->rng, 1);
    *checked = (sql_answer){0};
    uint64_t runs = what->units == all ? 1 : 20;
    for (uint64_t i = 0; i < runs && status == FLY_OK; i++) {
        sql_answer answer = {0};
        status = run_once(b, what, query, &answer, err);
        checked->rows += answer.rows;
        checked->sum += answer.sum;
    }
    status = status == FLY_OK ? run_timed(b, what, query, per_second, err) : status;
    if (query != NULL) {
        b->driver->release(query);
    }
    return status;
}

/* ------------------------------------------------------------------------ databases */

static fly_status finish(bench *b, fly_status status, fly_err *err)
{
    fly_status closed = FLY_OK;
    if (b->db != NULL) {
        closed = b->driver->close(b->db, status == FLY_OK ? err : NULL);
        b->db = NULL;
    }
    fly_status removed = fly_vfs_remove_tree(fly_vfs_posix(), b->dir, NULL);
    (void)removed; /* what is left of a database is no reason to lose figures */
    return status == FLY_OK ? closed : status;
}

static fly_status start(bench *b, const sql_command *c, const sql_driver *driver, bool durable,
                        fly_err *err)
{
    static const char *const tables[] = {
        "CREATE TABLE t (k INTEGER PRIMARY KEY, v INTEGER, s TEXT)",
        "CREATE INDEX t_v ON t (v)",
        "CREATE TABLE u (g INTEGER PRIMARY KEY, w INTEGER)",
        "CREATE TABLE c (k INTEGER PRIMARY KEY)",
        ("INSERT INTO u WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n "
         "WHERE i < 999) SELECT i, i * 7 FROM n"),
    };
    *b = (bench){.driver = driver, .command = c};
    (void)snprintf(b->dir, sizeof b->dir, "%s/flybench-%s", c->dir, driver->name);
    fly_status status = fly_vfs_remove_tree(fly_vfs_posix(), b->dir, NULL);
    (void)status; /* usually there is none */
    status = fly_vfs_make_dir(fly_vfs_posix(), b->dir, err);
    status = status == FLY_OK ? driver->open(b->dir, durable, &b->db, err) : status;
    for (size_t i = 0; i < sizeof tables / sizeof *tables && status == FLY_OK; i++) {
        sql_answer answer;
        status = driver->execute(b->db, tables[i], &answer, err);
    }
    return status;
}

/* ------------------------------------------------------------------------- all cases */

typedef struct figures {
    double values[CASE_COUNT][ENGINES_MAX][REPEAT_MAX];
    sql_answer answers[CASE_COUNT][ENGINES_MAX];
} figures;

static bool wanted(const char *list, const char *name)
{
    return list == NULL || options_list_has(list, name);
}

static fly_status run_engine(const sql_command *c, uint32_t engine, uint32_t repeat, figures *f,
                             fly_err *err)
{
    enum { LAST = CASE_COUNT - 1 };
    bench b;
    fly_status status = start(&b, c, drivers[engine], false, err);
    for (uint32_t i = 0; i < LAST && status == FLY_OK; i++) {
        if (i == 0 || wanted(c->cases, cases[i].name)) {
            status =
                run_case(&b, &cases[i], &f->values[i][engine][repeat], &f->answers[i][engine], err);
        }
        if (i == 0 && status == FLY_OK) { /* planners are told what there is */
            sql_answer answer;
            status = b.driver->execute(b.db, "ANALYZE", &answer, err);
        }
    }
    status = finish(&b, status, err);
    if (status == FLY_OK && wanted(c->cases, cases[LAST].name)) {
        status = start(&b, c, drivers[engine], true, err);
        status = status == FLY_OK ? run_case(&b, &cases[LAST], &f->values[LAST][engine][repeat],
                                             &f->answers[LAST][engine], err)
                                  : status;
        status = finish(&b, status, err);
    }
    return status;
}

static void median(const sql_command *c, double *values, report_run *medians)
{
    report_run runs[REPEAT_MAX] = {0};
    for (uint32_t i = 0; i < c->repeat; i++) {
        report_add(&runs[i], "ops_per_s", values[i]);
    }
    report_medians(runs, (uint32_t)c->repeat, "ops_per_s", medians);
}

static void print_case(const sql_command *c, figures *f, uint32_t i)
{
    double per_second[ENGINES_MAX] = {0};
    for (uint32_t e = 0; e < DRIVER_COUNT; e++) {
        if (wanted(c->engines, drivers[e]->name)) {
            report_run medians;
            median(c, f->values[i][e], &medians);
            for (uint32_t m = 0; m < medians.count; m++) {
                printf("sql %s %s %s ", drivers[e]->name, cases[i].name, medians.metrics[m].name);
                report_number(stdout, medians.metrics[m].value);
                (void)putchar('\n');
            }
            (void)report_find(&medians, "ops_per_s", &per_second[e]);
        }
    }
    if (per_second[0] > 0 && per_second[1] > 0) {
        printf("ratio %s ", cases[i].name);
        report_number(stdout, per_second[0] / per_second[1]);
        printf(" best_peer=%s\n", drivers[1]->name);
    }
}

/* Two engines that were asked the same and answered otherwise. */
static fly_status compare(const sql_command *c, const figures *f, fly_err *err)
{
    for (uint32_t i = 0; i < CASE_COUNT; i++) {
        const sql_answer *a = &f->answers[i][0];
        const sql_answer *b = &f->answers[i][1];
        if (DRIVER_COUNT == 2 && c->engines == NULL && (a->rows != b->rows || a->sum != b->sum)) {
            return fly_err_set(err, FLY_E_CORRUPT,
                               "case %s: one engine gave %" PRIu64 " rows that add up to %" PRIu64
                               ", the other %" PRIu64 " rows that add up to %" PRIu64,
                               cases[i].name, a->rows, a->sum, b->rows, b->sum);
        }
    }
    return FLY_OK;
}

static fly_status run_all(const sql_command *c, fly_err *err)
{
    static figures f;
    machine_print(c->dir);
    printf("# %" PRIu64
           " rows, one thread, everything cached; commits reach the disk later, but for "
           "commit_full\n",
           c->records);
    files_touch_memory(c->records * 1000);
    fly_status status = FLY_OK;
    for (uint32_t r = 0; r < c->repeat && status == FLY_OK; r++) {
        for (uint32_t e = 0; e < DRIVER_COUNT && status == FLY_OK; e++) {
            if (wanted(c->engines, drivers[e]->name)) {
                status = run_engine(c, e, r, &f, err);
            }
        }
        status = status == FLY_OK ? compare(c, &f, err) : status;
    }
    for (uint32_t i = 0; i < CASE_COUNT && status == FLY_OK; i++) {
        if (wanted(c->cases, cases[i].name)) {
            print_case(c, &f, i);
        }
    }
    return status;
}

static void print_list(void)
{
    for (int e = 0; e < DRIVER_COUNT; e++) {
        printf("engine %s %s\n", drivers[e]->name, drivers[e]->version());
    }
    for (int i = 0; i < CASE_COUNT; i++) {
        printf("case %-12s %s: %s\n", cases[i].name, cases[i].what, cases[i].sql);
    }
}

int sql_main(int argc, char **argv)
{
    sql_command c = {.dir = ".", .records = 1000000, .repeat = 1, .seconds = 1};
    option_row rows[OPTION_ROWS];
    option_rows(&c, rows);
    fly_err err = {0};
    fly_status status = options_parse(rows, OPTION_ROWS, argc, argv, &err);
    if (status == FLY_OK && c.help) {
        printf("usage: flybench sql [OPTION...]\n\n");
        options_help(rows, OPTION_ROWS);
    } else if (status == FLY_OK && c.list) {
        print_list();
    } else if (status == FLY_OK) {
        status = run_all(&c, &err);
    }
    if (status != FLY_OK) {
        (void)fprintf(stderr, "flybench sql: %s\n", err.message);
        return status == FLY_E_INVALID ? 2 : 1;
    }
    return 0;
}
