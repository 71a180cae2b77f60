/*
 * What could stand next: commands behind a backslash; tables where a table is wanted; columns of the
 * tables that the line names; keywords, in the case in which the word was begun; variables behind a
 * colon.
 *
 * Names come from the catalog at each press of the key, a hundred at most.
 */
#include "commands.h"
#include "shell.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const keywords[] = {
    "ABORT",     "ADD",          "ALL",
    "ALTER",     "ANALYZE",      "AND",
    "AS",        "ASC",          "BEGIN",
    "BETWEEN",   "BY",           "CASCADE",
    "CASE",      "CAST",         "CHECK",
    "COLLATE",   "COLUMN",       "COMMENT",
    "COMMIT",    "CONFLICT",     "CONSTRAINT",
    "COPY",      "CREATE",       "CROSS",
    "CUBE",      "CURRENT_DATE", "CURRENT_TIMESTAMP",
    "DATABASE",  "DEALLOCATE",   "DECLARE",
    "DEFAULT",   "DELETE",       "DESC",
    "DISTINCT",  "DO",           "DROP",
    "ELSE",      "END",          "EXCEPT",
    "EXECUTE",   "EXISTS",       "EXPLAIN",
    "FALSE",     "FETCH",        "FILTER",
    "FOREIGN",   "FROM",         "FULL",
    "FUNCTION",  "GENERATED",    "GRANT",
    "GROUP",     "GROUPING",     "HAVING",
    "ILIKE",     "IN",           "INDEX",
    "INNER",     "INSERT",       "INSPECT",
    "INTERSECT", "INTERVAL",     "INTO",
    "IS",        "JOIN",         "KEY",
    "LATERAL",   "LEFT",         "LIKE",
    "LIMIT",     "MATERIALIZED", "MERGE",
    "NATURAL",   "NOT",          "NOTHING",
    "NULL",      "NULLS",        "OFFSET",
    "ON",        "OR",           "ORDER",
    "OUTER",     "OVER",         "PARTITION",
    "PREPARE",   "PRIMARY",      "PROCEDURE",
    "RECURSIVE", "REFERENCES",   "RELEASE",
    "RENAME",    "REPLACE",      "RESTRICT",
    "RETURNING", "REVOKE",       "RIGHT",
    "ROLE",      "ROLLBACK",     "ROLLUP",
    "ROWS",      "SAVEPOINT",    "SCHEMA",
    "SELECT",    "SEQUENCE",     "SET",
    "SHOW",      "TABLE",        "THEN",
    "TO",        "TRANSACTION",  "TRIGGER",
    "TRUE",      "TRUNCATE",     "TYPE",
    "UNION",     "UNIQUE",       "UPDATE",
    "USE",       "USER",         "USING",
    "VALUES",    "VIEW",         "WHEN",
    "WHERE",     "WINDOW",       "WITH",
};

static void add(fsql_text *candidates, const char *word, size_t len)
{
    for (size_t at = 0; at < candidates->len; at += strlen(candidates->data + at) + 1) {
        if (strlen(candidates->data + at) == len && memcmp(candidates->data + at, word, len) == 0) {
            return;
        }
    }
    fsql_text_add(candidates, word, len);
    fsql_text_byte(candidates, 0);
}

static void add_keywords(const char *word, fsql_text *candidates)
{
    size_t len = strlen(word);
    bool lower = len > 0 && word[0] >= 'a' && word[0] <= 'z';
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        if (strncasecmp(keywords[i], word, len) == 0) {
            char spelled[32];
            size_t n = strlen(keywords[i]);
            for (size_t k = 0; k <= n; k++) {
                char c = keywords[i][k];
                spelled[k] = lower && c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
            }
            add(candidates, spelled, n);
        }
    }
}

/* Names that a query gives for a word, if the catalog can be asked now. */
static void add_names(fsql_shell *shell, const fsql_text *query, fsql_text *candidates)
{
    fsql_result names = {0};
    fsql_error error = {0};
    if (shell->connection != NULL && shell->driver->state(shell->connection) != 'E' &&
        fsql_shell_query(shell, fsql_text_str(query), &names, &error)) {
        for (size_t r = 0; r < fsql_result_rows(&names); r++) {
            fly_bytes name = fsql_result_at(&names, r, 0);
            add(candidates, (const char *)name.data, name.len);
        }
    }
    fsql_result_deinit(&names);
}

/* "column LIKE 'word%'" */
static void like(fsql_text *query, const char *column, const char *word)
{
    fsql_text pattern = {0};
    for (; *word != 0; word++) {
        fsql_text_str_add(&pattern, *word == '_' || *word == '%' ? "\\" : "");
        fsql_text_byte(&pattern, *word >= 'A' && *word <= 'Z' ? (char)(*word + 32) : *word);
    }
    fsql_text_byte(&pattern, '%');
    fsql_text_printf(query, "%s LIKE ", column);
    fsql_quote(query, pattern.data, '\'');
    fsql_text_deinit(&pattern);
}

static void add_relations(fsql_shell *shell, const char *word, const char *kinds,
                          fsql_text *candidates)
{
    fsql_text query = {0};
    fsql_text_printf(&query,
                     "SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
                     "ON n.oid = c.relnamespace WHERE c.relkind IN (%s) "
                     "AND n.nspname <> 'information_schema' ",
                     kinds);
    if (strncmp(word, "pg_", 3) != 0) {
        fsql_text_str_add(&query, "AND n.nspname <> 'pg_catalog' ");
    }
    fsql_text_str_add(&query, "AND ");
    like(&query, "c.relname", word);
    fsql_text_str_add(&query, " ORDER BY 1 LIMIT 100");
    add_names(shell, &query, candidates);
    fsql_text_deinit(&query);
}

/* Columns of the tables that the statement so far, or this line, names. */
static void add_columns(fsql_shell *shell, const char *line, const char *word,
                        fsql_text *candidates)
{
    fsql_text query = {0};
    fsql_text words = {0};
    fsql_text_printf(&words, "%s %s", fsql_text_str(&shell->split.statement), line);
    fsql_text_str_add(&query, "SELECT DISTINCT a.attname FROM pg_catalog.pg_attribute a JOIN "
                              "pg_catalog.pg_class c ON c.oid = a.attrelid WHERE a.attnum > 0 "
                              "AND c.relkind IN ('r', 'p', 'v', 'm') AND c.relname IN (");
    size_t count = 0;
    for (const char *at = words.data; *at != 0 && count < 64;) {
        size_t len = 0;
        while (fsql_vars_name_byte(at[len])) {
            len++;
        }
        if (len > 0) {
            fsql_text_printf(&query, "%s'%.*s'", count > 0 ? ", " : "", (int)len, at);
            count++;
        }
        at += len > 0 ? len : 1;
    }
    fsql_text_str_add(&query, ") AND ");
    like(&query, "a.attname", word);
    fsql_text_str_add(&query, " ORDER BY 1 LIMIT 100");
    if (count > 0) {
        add_names(shell, &query, candidates);
    }
    fsql_text_deinit(&words);
    fsql_text_deinit(&query);
}

static void add_databases(fsql_shell *shell, const char *word, fsql_text *candidates)
{
    fsql_text query = {0};
    fsql_text_str_add(&query, "SELECT d.datname FROM pg_catalog.pg_database d WHERE ");
    like(&query, "d.datname", word);
    fsql_text_str_add(&query, " ORDER BY 1 LIMIT 100");
    add_names(shell, &query, candidates);
    fsql_text_deinit(&query);
}

/* The word before the one that is completed. */
static size_t previous(const char *line, size_t word, char out[32])
{
    size_t end = word;
    while (end > 0 && strchr(" \t(,", line[end - 1]) != NULL) {
        end--;
    }
    size_t begin = end;
    while (begin > 0 && strchr(" \t(,", line[begin - 1]) == NULL) {
        begin--;
    }
    size_t len = end - begin < 31 ? end - begin : 31;
    memcpy(out, line + begin, len);
    out[len] = 0;
    return len;
}

static bool one_of(const char *word, const char *const *words)
{
    while (*words != NULL && strcasecmp(word, *words) != 0) {
        words++;
    }
    return *words != NULL;
}

void fsql_complete(void *ctx, const char *line, size_t word, fsql_text *candidates)
{
    static const char *const before_table[] = {"from",     "join", "into",   "update",  "table",
                                               "truncate", "copy", "\\copy", "analyze", NULL};
    static const char *const before_database[] = {"use", "database", "\\c", "\\connect", NULL};
    static const char TABLES[] = "'r', 'p', 'v', 'm', 'f'";
    fsql_shell *shell = ctx;
    const char *text = line + word;
    char before[32];
    (void)previous(line, word, before);
    if (text[0] == '\\') {
        fsql_text names = {0};
        fsql_commands_names(&names);
        for (size_t at = 0; at < names.len; at += strlen(names.data + at) + 1) {
            if (strncmp(names.data + at, text, strlen(text)) == 0) {
                add(candidates, names.data + at, strlen(names.data + at));
            }
        }
        fsql_text_deinit(&names);
    } else if (text[0] == ':' && text[1] != ':') {
        for (size_t i = 0; i < shell->vars.count; i++) {
            if (strncmp(shell->vars.all[i].name, text + 1, strlen(text + 1)) == 0) {
                fsql_text name = {0};
                fsql_text_printf(&name, ":%s", shell->vars.all[i].name);
                add(candidates, name.data, name.len);
                fsql_text_deinit(&name);
            }
        }
    } else if (one_of(before, before_database)) {
        add_databases(shell, text, candidates);
    } else if (one_of(before, before_table)) {
        add_relations(shell, text, TABLES, candidates);
    } else if (before[0] == '\\' && before[1] == 'd') {
        bool index = strcmp(before, "\\di") == 0;
        add_relations(shell, text, index ? "'i'" : "'r', 'p', 'v', 'm', 'S', 'i'", candidates);
    } else if (line[strspn(line, " \t")] != '\\') {
        if (shell->split.statement.len > 0 || word > 0) {
            add_columns(shell, line, text, candidates);
        }
        add_keywords(text, candidates);
    }
}
