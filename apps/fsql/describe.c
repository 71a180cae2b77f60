/*
 * What is in the database: \d and its kin, as queries on pg_catalog.
 *
 * The queries keep to the tables and columns that every server with a pg_catalog has, so that they work
 * on FlyDB and on PostgreSQL. What a server does not know of a table (its triggers, say) is left out of
 * its description; what the description rests on is told as an error.
 */
#include "commands.h"

#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------------- patterns */

/* One part of a pattern, "pub*" or "\"Odd\"": what a column must equal, or be like. */
static void condition(fsql_text *out, const char *column, const char *part, size_t len)
{
    fsql_text like = {0};
    fsql_text plain = {0};
    bool quoted = false;
    bool wild = false;
    for (size_t i = 0; i < len; i++) {
        char c = part[i];
        if (c == '"') {
            quoted = !quoted;
            continue;
        }
        if (!quoted && (c == '*' || c == '?')) {
            wild = true;
            fsql_text_byte(&like, c == '*' ? '%' : '_');
            continue;
        }
        c = !quoted && c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        fsql_text_str_add(&like, c == '%' || c == '_' || c == '\\' ? "\\" : "");
        fsql_text_byte(&like, c);
        fsql_text_byte(&plain, c);
    }
    if (!wild || strcmp(fsql_text_str(&like), "%") != 0) {
        fsql_text_printf(out, " AND %s %s ", column, wild ? "LIKE" : "=");
        fsql_quote(out, fsql_text_str(wild ? &like : &plain), '\'');
    }
    fsql_text_deinit(&plain);
    fsql_text_deinit(&like);
}

/*
 * Conditions for "name" or "schema.name". Without a schema it is what the bare name means, which
 * `visible` decides; without a name, the system's own are left out.
 */
static void conditions(fsql_text *out, const char *pattern, const char *schema, const char *name,
                       const char *visible)
{
    const char *dot = NULL;
    bool quoted = false;
    for (const char *c = pattern != NULL ? pattern : ""; *c != 0; c++) {
        quoted = *c == '"' ? !quoted : quoted;
        dot = *c == '.' && !quoted ? c : dot;
    }
    if (dot != NULL && schema != NULL) {
        condition(out, schema, pattern, (size_t)(dot - pattern));
    } else if (visible != NULL) {
        fsql_text_printf(out, " AND pg_catalog.%s", visible);
    }
    if (pattern == NULL && schema != NULL) {
        fsql_text_printf(out, " AND %s NOT IN ('pg_catalog', 'information_schema', 'pg_toast')",
                         schema);
    }
    if (pattern != NULL && name != NULL) {
        const char *begin = dot != NULL ? dot + 1 : pattern;
        condition(out, name, begin, strlen(begin));
    }
}

/* --------------------------------------------------------------------- queries */

/* Run a query of the shell's own; an error is told. */
static bool ask(fsql_shell *shell, const fsql_text *query, fsql_result *into)
{
    fsql_error error = {0};
    if (shell->connection == NULL) {
        fsql_shell_complain(shell, "You are currently not connected to a database.");
        return false;
    }
    if (!fsql_shell_query(shell, fsql_text_str(query), into, &error)) {
        fsql_shell_error(shell, &error, fsql_text_bytes(query));
        return false;
    }
    return true;
}

/* As ask(), but whoever cannot answer has no rows: for what is shown where there is some. */
static void ask_softly(fsql_shell *shell, const fsql_text *query, fsql_result *into)
{
    fsql_error error = {0};
    if (!fsql_shell_query(shell, fsql_text_str(query), into, &error)) {
        fsql_result_clear(into);
        if (shell->driver->state(shell->connection) == 'E') {
            fsql_shell_error(shell, &error, fsql_text_bytes(query));
        }
    }
}

/* Show a query's rows below a title. */
static fsql_command_outcome show(fsql_shell *shell, const fsql_text *query, const char *title)
{
    fsql_result result = {0};
    bool good = ask(shell, query, &result);
    if (good) {
        fsql_shell_show(shell, &result, title, NULL);
    }
    fsql_result_deinit(&result);
    return good ? FSQL_COMMAND_GOOD : FSQL_COMMAND_FAILED;
}

static const char KIND[] =
    "CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view' "
    "WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index' WHEN 'I' THEN 'partitioned index' "
    "WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'type' "
    "ELSE 'special' END";

/* ----------------------------------------------------------------------- lists */

static const struct {
    const char *command;
    const char *kinds; /* relkinds, as a list of literals */
    const char *many;
} lists[] = {
    {"d", "'r', 'p', 'v', 'm', 'S', 'f'", "relations"},
    {"dt", "'r', 'p'", "tables"},
    {"dv", "'v'", "views"},
    {"dm", "'m'", "materialized views"},
    {"di", "'i', 'I'", "indexes"},
    {"ds", "'S'", "sequences"},
};

static fsql_command_outcome list_relations(fsql_call *call, const char *pattern)
{
    size_t which = 0;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        which = strcmp(lists[i].command, call->name) == 0 ? i : which;
    }
    bool indexes = strcmp(call->name, "di") == 0;
    fsql_text query = {0};
    fsql_text_printf(&query,
                     "SELECT n.nspname AS \"Schema\", c.relname AS \"Name\", %s AS \"Type\", "
                     "pg_catalog.pg_get_userbyid(c.relowner) AS \"Owner\"",
                     KIND);
    fsql_text_str_add(&query, indexes ? ", t.relname AS \"Table\"" : "");
    fsql_text_str_add(&query, call->plus ? ", pg_catalog.obj_description(c.oid, 'pg_class') AS "
                                           "\"Description\""
                                         : "");
    fsql_text_str_add(&query, " FROM pg_catalog.pg_class c "
                              "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace");
    fsql_text_str_add(&query, indexes ? " JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid "
                                        "JOIN pg_catalog.pg_class t ON t.oid = i.indrelid"
                                      : "");
    fsql_text_printf(&query, " WHERE c.relkind IN (%s)", lists[which].kinds);
    conditions(&query, pattern, "n.nspname", "c.relname", "pg_table_is_visible(c.oid)");
    fsql_text_str_add(&query, " ORDER BY 1, 2");
    fsql_result result = {0};
    bool good = ask(call->shell, &query, &result);
    if (good && fsql_result_rows(&result) == 0) {
        fsql_shell_complain(call->shell,
                            pattern != NULL ? "Did not find any %s named \"%s\"."
                                            : "Did not find any %s.",
                            lists[which].many, pattern);
    } else if (good) {
        fsql_shell_show(call->shell, &result, "List of relations", NULL);
    }
    fsql_result_deinit(&result);
    fsql_text_deinit(&query);
    return good ? FSQL_COMMAND_GOOD : FSQL_COMMAND_FAILED;
}

fsql_command_outcome fsql_command_list(fsql_call *call)
{
    char *pattern = fsql_argument(call);
    fsql_command_outcome done = list_relations(call, pattern);
    free(pattern);
    return done;
}

/* A list that is one query: its beginning, a pattern's conditions, its end. */
static fsql_command_outcome simple_list(fsql_call *call, const char *begin, const char *schema,
                                        const char *name, const char *visible, const char *end,
                                        const char *title)
{
    char *pattern = fsql_argument(call);
    fsql_text query = {0};
    fsql_text_str_add(&query, begin);
    conditions(&query, pattern, schema, name, visible);
    fsql_text_str_add(&query, end);
    fsql_command_outcome done = show(call->shell, &query, title);
    fsql_text_deinit(&query);
    free(pattern);
    return done;
}

fsql_command_outcome fsql_command_databases(fsql_call *call)
{
    return simple_list(call,
                       "SELECT d.datname AS \"Name\", pg_catalog.pg_get_userbyid(d.datdba) AS "
                       "\"Owner\", pg_catalog.pg_encoding_to_char(d.encoding) AS \"Encoding\", "
                       "d.datcollate AS \"Collate\", d.datctype AS \"Ctype\" "
                       "FROM pg_catalog.pg_database d WHERE true",
                       NULL, "d.datname", NULL, " ORDER BY 1", "List of databases");
}

fsql_command_outcome fsql_command_users(fsql_call *call)
{
    return simple_list(call,
                       "SELECT r.rolname AS \"Role name\", "
                       "CASE WHEN r.rolsuper THEN 'Superuser' ELSE '' END || "
                       "CASE WHEN r.rolcreaterole THEN ', Create role' ELSE '' END || "
                       "CASE WHEN r.rolcreatedb THEN ', Create DB' ELSE '' END || "
                       "CASE WHEN NOT r.rolcanlogin THEN ', Cannot login' ELSE '' END "
                       "AS \"Attributes\" FROM pg_catalog.pg_roles r "
                       "WHERE r.rolname NOT LIKE 'pg\\_%'",
                       NULL, "r.rolname", NULL, " ORDER BY 1", "List of roles");
}

fsql_command_outcome fsql_command_functions(fsql_call *call)
{
    return simple_list(call,
                       "SELECT n.nspname AS \"Schema\", p.proname AS \"Name\", "
                       "pg_catalog.pg_get_function_result(p.oid) AS \"Result data type\", "
                       "pg_catalog.pg_get_function_arguments(p.oid) AS \"Argument data types\", "
                       "CASE p.prokind WHEN 'a' THEN 'agg' WHEN 'w' THEN 'window' WHEN 'p' THEN "
                       "'proc' ELSE 'func' END AS \"Type\" FROM pg_catalog.pg_proc p "
                       "JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE true",
                       "n.nspname", "p.proname", "pg_function_is_visible(p.oid)",
                       " ORDER BY 1, 2, 4", "List of functions");
}

fsql_command_outcome fsql_command_schemas(fsql_call *call)
{
    return simple_list(call,
                       "SELECT n.nspname AS \"Name\", pg_catalog.pg_get_userbyid(n.nspowner) AS "
                       "\"Owner\" FROM pg_catalog.pg_namespace n "
                       "WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'",
                       NULL, "n.nspname", NULL, " ORDER BY 1", "List of schemas");
}

fsql_command_outcome fsql_command_types(fsql_call *call)
{
    return simple_list(call,
                       "SELECT n.nspname AS \"Schema\", pg_catalog.format_type(t.oid, NULL) AS "
                       "\"Name\" FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n "
                       "ON n.oid = t.typnamespace WHERE (t.typrelid = 0 OR EXISTS (SELECT 1 FROM "
                       "pg_catalog.pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c')) "
                       "AND t.typelem = 0",
                       "n.nspname", "t.typname", "pg_type_is_visible(t.oid)", " ORDER BY 1, 2",
                       "List of data types");
}

/* ---------------------------------------------------------------- one relation */

/* What is described. */
typedef struct relation {
    fsql_shell *shell;
    const char *oid, *schema, *name;
    char kind;
    bool plus;
} relation;

static const char *text_at(const fsql_result *result, size_t row, size_t column, fsql_text *keep)
{
    fly_bytes cell = fsql_result_at(result, row, column);
    fsql_text_clear(keep);
    fsql_text_add(keep, cell.data, cell.len);
    return fsql_text_str(keep);
}

static bool columns_of(const relation *of, fsql_result *into)
{
    fsql_text query = {0};
    fsql_text_str_add(&query, "SELECT a.attname AS \"Column\", "
                              "pg_catalog.format_type(a.atttypid, a.atttypmod) AS \"Type\"");
    if (of->kind != 'i') {
        fsql_text_printf(
            &query,
            ", (SELECT c.collname FROM pg_catalog.pg_collation c, pg_catalog.pg_type t "
            "WHERE c.oid = a.attcollation AND t.oid = a.atttypid "
            "AND a.attcollation <> t.typcollation) AS \"Collation\", "
            "CASE WHEN a.attnotnull THEN 'not null' ELSE '' END AS \"Nullable\", "
            "CASE a.attidentity WHEN 'a' THEN 'generated always as identity' "
            "WHEN 'd' THEN 'generated by default as identity' ELSE "
            "(SELECT CASE a.attgenerated WHEN 's' THEN 'generated always as (' || "
            "pg_catalog.pg_get_expr(d.adbin, d.adrelid) || ') stored' "
            "ELSE pg_catalog.pg_get_expr(d.adbin, d.adrelid) END "
            "FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum) "
            "END AS \"Default\"");
    }
    if (of->kind == 'i') {
        fsql_text_str_add(
            &query, ", CASE WHEN a.attnum <= (SELECT i.indnkeyatts FROM pg_catalog.pg_index i "
                    "WHERE i.indexrelid = a.attrelid) THEN 'yes' ELSE 'no' END AS \"Key?\", "
                    "pg_catalog.pg_get_indexdef(a.attrelid, a.attnum, true) AS \"Definition\"");
    } else if (of->plus) {
        fsql_text_str_add(&query, ", pg_catalog.col_description(a.attrelid, a.attnum) AS "
                                  "\"Description\"");
    }
    fsql_text_printf(&query,
                     " FROM pg_catalog.pg_attribute a WHERE a.attrelid = %s AND a.attnum > 0 "
                     "AND NOT a.attisdropped ORDER BY a.attnum",
                     of->oid);
    bool good = ask(of->shell, &query, into);
    fsql_text_deinit(&query);
    return good;
}

/* Add a section of the footer: a heading, and a line for each row, made of its columns. */
static void section(const relation *of, const char *query_text, const char *heading,
                    const char *quote_first, fsql_text *notes)
{
    fsql_result rows = {0};
    fsql_text query = {0};
    fsql_text_printf(&query, "%s", query_text);
    ask_softly(of->shell, &query, &rows);
    for (size_t r = 0; r < fsql_result_rows(&rows); r++) {
        if (r == 0) {
            fsql_text_printf(notes, "%s\n", heading);
        }
        fsql_text_str_add(notes, "    ");
        for (size_t c = 0; c < rows.column_count; c++) {
            fly_bytes cell = fsql_result_at(&rows, r, c);
            const char *quote = c == 0 ? quote_first : "";
            fsql_text_str_add(notes, quote);
            fsql_text_add(notes, cell.data, cell.len);
            fsql_text_str_add(notes, quote);
        }
        fsql_text_byte(notes, '\n');
    }
    fsql_text_deinit(&query);
    fsql_result_deinit(&rows);
}

/* "a_pkey" PRIMARY KEY, btree (id): the index's definition from its method on. */
static void indexes_of(const relation *of, fsql_text *notes)
{
    fsql_result rows = {0};
    fsql_text query = {0};
    fsql_text keep = {0};
    fsql_text_printf(&query,
                     "SELECT c.relname, i.indisprimary, i.indisunique, "
                     "pg_catalog.pg_get_indexdef(i.indexrelid), EXISTS (SELECT 1 FROM "
                     "pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid "
                     "AND k.contype IN ('p', 'u')) FROM pg_catalog.pg_index i "
                     "JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
                     "WHERE i.indrelid = %s ORDER BY i.indisprimary DESC, c.relname",
                     of->oid);
    ask_softly(of->shell, &query, &rows);
    for (size_t r = 0; r < fsql_result_rows(&rows); r++) {
        fsql_text_str_add(notes, r == 0 ? "Indexes:\n" : "");
        fsql_text_printf(notes, "    \"%s\" ", text_at(&rows, r, 0, &keep));
        bool primary = text_at(&rows, r, 1, &keep)[0] == 't';
        bool unique = text_at(&rows, r, 2, &keep)[0] == 't';
        bool constraint = text_at(&rows, r, 4, &keep)[0] == 't';
        fsql_text_str_add(notes, primary                ? "PRIMARY KEY, "
                                 : unique && constraint ? "UNIQUE CONSTRAINT, "
                                 : unique               ? "UNIQUE, "
                                                        : "");
        const char *definition = text_at(&rows, r, 3, &keep);
        const char *using = strstr(definition, " USING ");
        fsql_text_printf(notes, "%s\n", using != NULL ? using + 7 : definition);
    }
    fsql_text_deinit(&keep);
    fsql_text_deinit(&query);
    fsql_result_deinit(&rows);
}

static void constraints_of(const relation *of, fsql_text *notes)
{
    static const struct {
        const char *heading, *where, *columns, *quote;
    } sections[] = {
        {"Check constraints:", "contype = 'c' AND conrelid = %s",
         "conname, ' ' || pg_catalog.pg_get_constraintdef(oid, true)", "\""},
        {"Foreign-key constraints:", "contype = 'f' AND conrelid = %s",
         "conname, ' ' || pg_catalog.pg_get_constraintdef(oid, true)", "\""},
        {"Referenced by:", "contype = 'f' AND confrelid = %s",
         "'TABLE \"' || (SELECT c.relname FROM pg_catalog.pg_class c WHERE c.oid = conrelid) || "
         "'\" CONSTRAINT \"' || conname || '\" ' || pg_catalog.pg_get_constraintdef(oid, true)",
         ""},
    };
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        fsql_text query = {0};
        fsql_text_printf(&query, "SELECT %s FROM pg_catalog.pg_constraint WHERE ",
                         sections[i].columns);
        const char *gap = strstr(sections[i].where, "%s");
        fsql_text_add(&query, sections[i].where, (size_t)(gap - sections[i].where));
        fsql_text_printf(&query, "%s ORDER BY conname", of->oid);
        section(of, fsql_text_str(&query), sections[i].heading, sections[i].quote, notes);
        fsql_text_deinit(&query);
    }
    fsql_text query = {0};
    fsql_text_printf(&query,
                     "SELECT t.tgname, ' ' || pg_catalog.pg_get_triggerdef(t.oid) FROM "
                     "pg_catalog.pg_trigger t WHERE t.tgrelid = %s AND NOT t.tgisinternal "
                     "ORDER BY 1",
                     of->oid);
    fsql_result rows = {0};
    fsql_text keep = {0};
    ask_softly(of->shell, &query, &rows);
    for (size_t r = 0; r < fsql_result_rows(&rows); r++) {
        const char *definition = text_at(&rows, r, 1, &keep);
        const char *begin = strstr(definition, " TRIGGER ");
        fsql_text_printf(notes, "%s    %s\n", r == 0 ? "Triggers:\n" : "",
                         begin != NULL ? begin + 9 : definition);
    }
    fsql_text_deinit(&keep);
    fsql_result_deinit(&rows);
    fsql_text_deinit(&query);
}

static void view_text(const relation *of, fsql_text *notes)
{
    fsql_result rows = {0};
    fsql_text query = {0};
    fsql_text keep = {0};
    fsql_text_printf(&query, "SELECT pg_catalog.pg_get_viewdef(%s, true)", of->oid);
    ask_softly(of->shell, &query, &rows);
    if (fsql_result_rows(&rows) == 1) {
        fsql_text_printf(notes, "View definition:\n%s\n", text_at(&rows, 0, 0, &keep));
    }
    fsql_text_deinit(&keep);
    fsql_text_deinit(&query);
    fsql_result_deinit(&rows);
}

static void index_text(const relation *of, fsql_text *notes)
{
    fsql_result rows = {0};
    fsql_text query = {0};
    fsql_text keep = {0};
    fsql_text_printf(&query,
                     "SELECT i.indisprimary, i.indisunique, n.nspname, t.relname FROM "
                     "pg_catalog.pg_index i JOIN pg_catalog.pg_class t ON t.oid = i.indrelid "
                     "JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace "
                     "WHERE i.indexrelid = %s",
                     of->oid);
    ask_softly(of->shell, &query, &rows);
    if (fsql_result_rows(&rows) == 1) {
        bool primary = text_at(&rows, 0, 0, &keep)[0] == 't';
        bool unique = text_at(&rows, 0, 1, &keep)[0] == 't';
        fsql_text_printf(notes, "%sbtree, for table \"",
                         primary  ? "primary key, "
                         : unique ? "unique, "
                                  : "");
        fsql_text_printf(notes, "%s.", text_at(&rows, 0, 2, &keep));
        fsql_text_printf(notes, "%s\"\n", text_at(&rows, 0, 3, &keep));
    }
    fsql_text_deinit(&keep);
    fsql_text_deinit(&query);
    fsql_result_deinit(&rows);
}

static bool describe_one(const relation *of)
{
    fsql_result columns = {0};
    fsql_text notes = {0};
    fsql_text title = {0};
    if (!columns_of(of, &columns)) {
        fsql_result_deinit(&columns);
        return false;
    }
    const char *kind = of->kind == 'v'   ? "View"
                       : of->kind == 'm' ? "Materialized view"
                       : of->kind == 'i' ? "Index"
                       : of->kind == 'S' ? "Sequence"
                       : of->kind == 'c' ? "Composite type"
                                         : "Table";
    fsql_text_printf(&title, "%s \"%s.%s\"", kind, of->schema, of->name);
    if (of->kind == 'i') {
        index_text(of, &notes);
    } else {
        indexes_of(of, &notes);
        constraints_of(of, &notes);
    }
    if (of->plus && (of->kind == 'v' || of->kind == 'm')) {
        view_text(of, &notes);
    }
    fsql_shell_show(of->shell, &columns, fsql_text_str(&title), fsql_text_str(&notes));
    fsql_text_deinit(&title);
    fsql_text_deinit(&notes);
    fsql_result_deinit(&columns);
    return true;
}

static bool describe_all(fsql_call *call, const char *pattern)
{
    fsql_text query = {0};
    fsql_result found = {0};
    fsql_text_str_add(&query, "SELECT c.oid, n.nspname, c.relname, c.relkind "
                              "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
                              "ON n.oid = c.relnamespace WHERE true");
    conditions(&query, pattern, "n.nspname", "c.relname", "pg_table_is_visible(c.oid)");
    fsql_text_str_add(&query, " ORDER BY 2, 3");
    bool good = ask(call->shell, &query, &found);
    if (good && fsql_result_rows(&found) == 0) {
        fsql_shell_complain(call->shell, "Did not find any relation named \"%s\".", pattern);
        good = false;
    }
    for (size_t r = 0; good && r < fsql_result_rows(&found); r++) {
        fsql_text oid = {0};
        fsql_text schema = {0};
        fsql_text name = {0};
        fly_bytes kind = fsql_result_at(&found, r, 3);
        relation of = {call->shell,
                       text_at(&found, r, 0, &oid),
                       text_at(&found, r, 1, &schema),
                       text_at(&found, r, 2, &name),
                       kind.len > 0 ? (char)kind.data[0] : 'r',
                       call->plus};
        good = describe_one(&of);
        fsql_text_deinit(&oid);
        fsql_text_deinit(&schema);
        fsql_text_deinit(&name);
    }
    fsql_result_deinit(&found);
    fsql_text_deinit(&query);
    return good;
}

fsql_command_outcome fsql_command_describe(fsql_call *call)
{
    char *pattern = fsql_argument(call);
    if (pattern == NULL) {
        return list_relations(call, NULL);
    }
    bool good = describe_all(call, pattern);
    free(pattern);
    return good ? FSQL_COMMAND_GOOD : FSQL_COMMAND_FAILED;
}
