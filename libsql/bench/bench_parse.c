/*
 * What parsing costs: statements of 30 to 500 bytes, with the arena reset between them; splitting into
 * tokens alone; printing. What follows parsing (binding, planning) is not measured.
 *
 *     bench_sql_parse
 */
#include "parse/ast_int.h"
#include "parse/lex_int.h"

#include <fly/base_sched.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BENCH_NS_MIN = 200000000 };

static const struct {
    const char *name, *sql;
} cases[] = {
    {"parse_point_32", "SELECT * FROM t WHERE id = $1"},
    {"parse_insert_98", "INSERT INTO orders (id, customer, total, note) VALUES ($1, $2, 12.50, "
                        "'a note') RETURNING id, total"},
    {"parse_join_205",
     "SELECT c.name, count(*) AS n, sum(o.total) FROM customers c JOIN orders o ON o.customer = "
     "c.id "
     "WHERE c.country IN ('DE', 'FR') AND o.day >= date '2024-01-01' GROUP BY c.name "
     "HAVING count(*) > 5 ORDER BY n DESC LIMIT 10"},
    {"parse_report_490",
     "WITH recent AS (SELECT customer, day, total, row_number() OVER (PARTITION BY customer ORDER "
     "BY "
     "day DESC) AS rank FROM orders WHERE day BETWEEN $1 AND $2 AND status <> 'void') SELECT c.id, "
     "c.name, CASE WHEN sum(r.total) > 1000 THEN 'gold' WHEN sum(r.total) > 100 THEN 'silver' ELSE "
     "'none' END AS class, coalesce(max(r.day), current_date) AS last FROM customers c LEFT JOIN "
     "recent "
     "r ON r.customer = c.id AND r.rank <= 10 WHERE c.name LIKE 'A%' OR c.name IS NULL GROUP BY 1, "
     "2 "
     "ORDER BY 2 NULLS FIRST OFFSET 10"},
};

static fly_arena arena;
static fly_err err;
static uint64_t sum; /* so that what is measured is done */

static void must(fly_status status)
{
    if (status != FLY_OK) {
        (void)fprintf(stderr, "bench_sql_parse: %s\n", err.message);
        exit(1);
    }
}

static void parse(const char *sql, uint64_t n)
{
    fly_bytes text = fly_bytes_str(sql);
    for (uint64_t i = 0; i < n; i++) {
        fly_sql_statements statements;
        fly_arena_reset(&arena);
        must(fly__sql_parse(&arena, text, NULL, &statements, &err));
        sum += statements.count;
    }
}

static void lex(const char *sql, uint64_t n)
{
    uint32_t len = (uint32_t)strlen(sql);
    for (uint64_t i = 0; i < n; i++) {
        fly_sql_lexer lexer;
        fly_sql_token token;
        fly__sql_lexer_init(&lexer, (const uint8_t *)sql, len);
        do {
            fly__sql_lex(&lexer, &token);
            sum += token.end;
        } while (token.type != FLY_TOKEN_END);
    }
}

static void print(const char *sql, uint64_t n)
{
    static fly_arena trees;
    fly_sql_statements statements;
    fly_arena_init(&trees, fly_mem_system(), 0);
    must(fly__sql_parse(&trees, fly_bytes_str(sql), NULL, &statements, &err));
    for (uint64_t i = 0; i < n; i++) {
        fly_bytes text;
        fly_arena_reset(&arena);
        must(fly__sql_print(&arena, statements.items[0].node, &text, &err));
        sum += text.len;
    }
    fly_arena_deinit(&trees);
}

/* Run `body` with twice the operations until it takes long enough, and print a line. */
static void bench(const char *name, void (*body)(const char *sql, uint64_t n), const char *sql)
{
    for (uint64_t n = 1000;; n *= 2) {
        uint64_t begin = fly_now();
        body(sql, n);
        uint64_t elapsed = fly_now() - begin;
        if (elapsed >= BENCH_NS_MIN) {
            double seconds = (double)elapsed / 1e9;
            (void)printf("%s %" PRIu64 " %.3f %.0f %zu\n", name, n, seconds, (double)n / seconds,
                         strlen(sql));
            return;
        }
    }
}

int main(void)
{
    fly_arena_init(&arena, fly_mem_system(), 65536);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bench(cases[i].name, parse, cases[i].sql);
    }
    bench("lex_205", lex, cases[2].sql);
    bench("print_205", print, cases[2].sql);
    fly_arena_deinit(&arena);
    return sum == 0;
}
