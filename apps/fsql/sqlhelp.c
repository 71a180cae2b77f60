/*
 * \h: statements in short. Brackets may be left out, bars part choices, dots say "and so on".
 */
#include "commands.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name, *help, *syntax;
} topics[] = {
    {"ALTER TABLE", "change a table",
     "ALTER TABLE [IF EXISTS] name action [, ...]\n"
     "action: ADD [COLUMN] column type [constraint ...] | DROP [COLUMN] column [CASCADE]\n"
     "      | ALTER [COLUMN] column TYPE type [USING expression]\n"
     "      | ALTER [COLUMN] column SET DEFAULT expression | DROP DEFAULT\n"
     "      | ALTER [COLUMN] column SET | DROP NOT NULL\n"
     "      | ADD constraint | DROP CONSTRAINT name\n"
     "      | RENAME [COLUMN] column TO column | RENAME TO name"},
    {"ANALYZE", "collect statistics for the planner", "ANALYZE [table [, ...]]"},
    {"BEGIN", "begin a transaction",
     "BEGIN [ISOLATION LEVEL READ COMMITTED | REPEATABLE READ | SERIALIZABLE] [READ ONLY]"},
    {"COMMENT", "say what something is for",
     "COMMENT ON TABLE | COLUMN | INDEX | VIEW ... name IS 'text' | NULL"},
    {"COMMIT", "make a transaction's changes permanent", "COMMIT"},
    {"COPY", "read rows from data, or write them",
     "COPY table [(column, ...)] FROM 'file' | STDIN [WITH (option, ...)] [WHERE condition]\n"
     "COPY table [(column, ...)] | (query) TO 'file' | STDOUT [WITH (option, ...)]\n"
     "option: FORMAT text | csv | binary, DELIMITER 'c', NULL 'text', HEADER [on | off], QUOTE "
     "'c'"},
    {"CREATE DATABASE", "make a database",
     "CREATE DATABASE name [ENCODING UTF8 | ASCII | LATIN1 | UTF16] [LOCALE locale]\n"
     "    [COLLATION default | binary | nocase | unicode]"},
    {"CREATE FUNCTION", "make a function",
     "CREATE [OR REPLACE] FUNCTION name ([argument type [, ...]])\n"
     "    RETURNS type | RETURNS TABLE (column type, ...) LANGUAGE sql AS $$ ... $$"},
    {"CREATE INDEX", "make an index",
     "CREATE [UNIQUE] INDEX [IF NOT EXISTS] [name] ON table (column | (expression)\n"
     "    [COLLATE collation] [ASC | DESC] [NULLS FIRST | LAST] [, ...])\n"
     "    [INCLUDE (column, ...)] [WHERE condition]"},
    {"CREATE SCHEMA", "make a schema", "CREATE SCHEMA [IF NOT EXISTS] name"},
    {"CREATE SEQUENCE", "make a sequence",
     "CREATE SEQUENCE name [START n] [INCREMENT n] [MINVALUE n] [MAXVALUE n] [CYCLE]"},
    {"CREATE TABLE", "make a table",
     "CREATE TABLE [IF NOT EXISTS] name (column type [constraint ...] [, ...] [, constraint ...])\n"
     "    [USING row | column]\n"
     "CREATE TABLE name AS query\n"
     "constraint: [CONSTRAINT name] NOT NULL | DEFAULT expression | CHECK (condition)\n"
     "          | PRIMARY KEY [(column, ...)] | UNIQUE [(column, ...)]\n"
     "          | GENERATED ALWAYS | BY DEFAULT AS IDENTITY | GENERATED ALWAYS AS (expression) "
     "STORED\n"
     "          | [FOREIGN KEY (column, ...)] REFERENCES table [(column, ...)]\n"
     "            [ON DELETE | UPDATE NO ACTION | RESTRICT | CASCADE | SET NULL | SET DEFAULT]"},
    {"CREATE TRIGGER", "make a trigger",
     "CREATE TRIGGER name BEFORE | AFTER | INSTEAD OF INSERT | UPDATE [OF column, ...] | DELETE\n"
     "    ON table [FOR EACH ROW | STATEMENT] [WHEN (condition)] EXECUTE FUNCTION function()"},
    {"CREATE TYPE", "make a type",
     "CREATE TYPE name AS ENUM ('label', ...) | AS (column type, ...)"},
    {"CREATE USER", "make a user", "CREATE USER name [PASSWORD 'password'] [IN ROLE role, ...]"},
    {"CREATE VIEW", "make a view",
     "CREATE [OR REPLACE] [MATERIALIZED] VIEW name [(column, ...)] AS query"},
    {"DELETE", "remove rows",
     "DELETE FROM table [[AS] alias] [USING from, ...] [WHERE condition] [RETURNING expression, "
     "...]"},
    {"DROP", "remove something",
     "DROP TABLE | VIEW | INDEX | SEQUENCE | SCHEMA | TYPE | FUNCTION | DATABASE | USER ...\n"
     "    [IF EXISTS] name [, ...] [CASCADE | RESTRICT]"},
    {"EXPLAIN", "show how a statement is run",
     "EXPLAIN [ANALYZE] [(AST | LOGICAL | PHYSICAL | ANALYZE, ...)] statement"},
    {"GRANT", "give a right",
     "GRANT SELECT | INSERT | UPDATE | DELETE | ALL ON table [WHERE condition] TO user [WITH GRANT "
     "OPTION]\n"
     "GRANT role TO user"},
    {"INSERT", "add rows",
     "INSERT INTO table [(column, ...)] VALUES (expression, ...) [, ...] | query | DEFAULT VALUES\n"
     "    [ON CONFLICT [(column, ...)] DO NOTHING | DO UPDATE SET column = expression, ... [WHERE "
     "...]]\n"
     "    [RETURNING expression, ...]"},
    {"INSPECT", "look at the server's own things",
     "INSPECT TABLES | USERS | INDEXES | DATABASES | SERVER | STATUS\n"
     "INSPECT TABLE name\nINSPECT DATABASE name"},
    {"MERGE", "insert, change or remove rows by a comparison",
     "MERGE INTO table USING source ON condition\n"
     "    WHEN MATCHED [AND condition] THEN UPDATE SET ... | DELETE | DO NOTHING\n"
     "    WHEN NOT MATCHED [AND condition] THEN INSERT [(column, ...)] VALUES (...) | DO NOTHING"},
    {"PREPARE", "plan a statement for many executions",
     "PREPARE name [(type, ...)] AS statement\nEXECUTE name [(value, ...)]\nDEALLOCATE name | ALL"},
    {"REVOKE", "take a right away",
     "REVOKE [GRANT OPTION FOR] SELECT | INSERT | UPDATE | DELETE | ALL ON table FROM user"},
    {"ROLLBACK", "undo a transaction", "ROLLBACK [TO [SAVEPOINT] name]"},
    {"SAVEPOINT", "a place in a transaction to go back to",
     "SAVEPOINT name\nROLLBACK TO [SAVEPOINT] name\nRELEASE [SAVEPOINT] name"},
    {"SELECT", "get rows",
     "[WITH [RECURSIVE] name [(column, ...)] AS (query) [, ...]]\n"
     "SELECT [ALL | DISTINCT [ON (expression, ...)]] expression [[AS] name] [, ...]\n"
     "    [FROM from [, ...]] [WHERE condition]\n"
     "    [GROUP BY expression | ROLLUP (...) | CUBE (...) | GROUPING SETS (...) [, ...]]\n"
     "    [HAVING condition] [WINDOW name AS (window) [, ...]]\n"
     "    [UNION | INTERSECT | EXCEPT [ALL] query]\n"
     "    [ORDER BY expression [ASC | DESC] [NULLS FIRST | LAST] [, ...]]\n"
     "    [LIMIT count] [OFFSET count] [FOR UPDATE]\n"
     "from: table [[AS] alias] | (query) [AS] alias | function(...)\n"
     "    | from [INNER | LEFT | RIGHT | FULL | CROSS | NATURAL] JOIN from [ON condition | USING "
     "(...)]"},
    {"SET", "change a setting",
     "SET [LOCAL] name = value | DEFAULT\nSHOW name | ALL\nRESET name | ALL"},
    {"TRUNCATE", "remove all rows", "TRUNCATE [TABLE] name [, ...] [RESTART IDENTITY] [CASCADE]"},
    {"UPDATE", "change rows",
     "UPDATE table [[AS] alias] SET column = expression [, ...] [FROM from, ...] [WHERE "
     "condition]\n"
     "    [RETURNING expression, ...]"},
    {"USE", "go to another database", "USE database"},
    {"VALUES", "rows from nothing",
     "VALUES (expression, ...) [, ...] [ORDER BY ...] [LIMIT count]"},
};

enum { TOPICS = sizeof topics / sizeof topics[0], ACROSS = 4 };

static void list_all(fsql_text *text)
{
    fsql_text_str_add(text, "Available help:\n");
    size_t down = (TOPICS + ACROSS - 1) / ACROSS;
    for (size_t row = 0; row < down; row++) {
        for (size_t i = row; i < TOPICS; i += down) {
            bool last = i + down >= TOPICS;
            fsql_text_printf(text, "  %-*s", last ? 0 : 18, topics[i].name);
        }
        fsql_text_byte(text, '\n');
    }
}

fsql_command_outcome fsql_command_sql_help(fsql_call *call)
{
    char *name = fsql_argument_rest(call);
    size_t len = strlen(name);
    while (len > 0 && strchr(" \t;", name[len - 1]) != NULL) {
        name[--len] = 0;
    }
    fsql_text text = {0};
    if (len == 0) {
        list_all(&text);
    }
    for (size_t i = 0; i < TOPICS && len > 0; i++) {
        if (strcmp(name, "*") == 0 || strncasecmp(topics[i].name, name, len) == 0) {
            fsql_text_printf(&text, "Command:     %s\nDescription: %s\nSyntax:\n%s\n\n",
                             topics[i].name, topics[i].help, topics[i].syntax);
        }
    }
    if (text.len == 0) {
        fsql_text_printf(
            &text,
            "No help available for \"%s\".\nTry \\h with no arguments to see available "
            "help.\n",
            name);
    }
    fsql_shell_write(call->shell, &text);
    fsql_text_deinit(&text);
    free(name);
    return FSQL_COMMAND_GOOD;
}
