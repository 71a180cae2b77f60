/*
 * The catalog, asked in PostgreSQL's words.
 *
 * Each question gives rows of (schema, name, text...), ordered by OID: what was made later may need what
 * was made earlier. Where a definition can need something younger, the stages (entry.h) and the order of
 * questions here see to it: functions that take a table's row come behind tables, views behind keys.
 *
 * What is not here: roles and passwords, which are a server's and not a database's; rights.
 */
#include "catalog.h"

#include <stdlib.h>
#include <string.h>

typedef struct collector {
    flydump_source *source;
    const flydump_choice *choice;
    flydump_list *list;
    flydump_stage stage;
    const char *kind;
} collector;

/* Schemas that are a user's. */
#define OURS " n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' "

/* ------------------------------------------------------------------ plain questions */

/* (schema, name, text): one entry. */
static bool take_text(void *ctx, char **cells)
{
    collector *to = ctx;
    (void)flydump_add(to->list, to->stage, to->kind, cells[0], cells[1], cells[2]);
    return true;
}

typedef struct question {
    flydump_stage stage;
    const char *kind;
    const char *text;
} question;

#define FUNCTIONS(rows_)                                                                           \
    "SELECT quote_ident(n.nspname), format('%I.%I', n.nspname, p.proname),"                        \
    " rtrim(pg_get_functiondef(p.oid), E' ;\\n') || ';'"                                           \
    " FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"                                \
    " WHERE" OURS "AND p.prokind IN ('f', 'p') AND " rows_                                         \
    " (EXISTS (SELECT 1 FROM pg_class c WHERE c.reltype <> 0 AND (c.reltype = p.prorettype OR"     \
    " c.reltype = ANY (p.proargtypes))))"                                                          \
    " ORDER BY p.oid"

static const question before_tables[] = {
    {FLYDUMP_BEFORE, "SCHEMA",
     "SELECT '', quote_ident(n.nspname), format('CREATE SCHEMA %s%I;',"
     " CASE WHEN n.nspname = 'public' THEN 'IF NOT EXISTS ' ELSE '' END, n.nspname)"
     " FROM pg_namespace n WHERE" OURS "ORDER BY n.oid"},
    {FLYDUMP_BEFORE, "TYPE",
     "SELECT quote_ident(n.nspname), format('%I.%I', n.nspname, t.typname),"
     " format('CREATE TYPE %I.%I AS ENUM (%s);', n.nspname, t.typname,"
     " (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)"
     " FROM pg_enum e WHERE e.enumtypid = t.oid))"
     " FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace"
     " WHERE" OURS "AND t.typtype = 'e' ORDER BY t.oid"},
    {FLYDUMP_BEFORE, "TYPE",
     "SELECT quote_ident(n.nspname), format('%I.%I', n.nspname, c.relname),"
     " format('CREATE TYPE %I.%I AS (%s);', n.nspname, c.relname,"
     " (SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', '"
     " ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0))"
     " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
     " WHERE" OURS "AND c.relkind = 'c' ORDER BY c.oid"},
    {FLYDUMP_BEFORE, "DOMAIN",
     "SELECT quote_ident(n.nspname), format('%I.%I', n.nspname, t.typname),"
     " format('CREATE DOMAIN %I.%I AS %s%s%s%s;', n.nspname, t.typname,"
     " format_type(t.typbasetype, t.typtypmod),"
     " coalesce(' DEFAULT ' || t.typdefault, ''),"
     " CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END,"
     " coalesce((SELECT string_agg(format(' CONSTRAINT %I CHECK (%s)', k.conname,"
     " pg_get_expr(k.conbin, 0)), '' ORDER BY k.conname)"
     " FROM pg_constraint k WHERE k.contypid = t.oid), ''))"
     " FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace"
     " WHERE" OURS "AND t.typtype = 'd' ORDER BY t.oid"},
    {FLYDUMP_BEFORE, "FUNCTION", FUNCTIONS("NOT")},
};

/* %I of the whole name, the sequences that belong to identity columns being left out: those are made with
 * their tables. */
#define IDENTITY_SEQUENCES                                                                         \
    "(SELECT pg_get_serial_sequence(format('%I.%I', m.nspname, t.relname), a.attname)"             \
    " FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid"                                   \
    " JOIN pg_namespace m ON m.oid = t.relnamespace"                                               \
    " WHERE a.attidentity <> '' AND a.attnum > 0 AND NOT a.attisdropped)"

#define SEQUENCE_OPTIONS                                                                           \
    " format(' INCREMENT %s MINVALUE %s MAXVALUE %s START %s CACHE %s%s', s.seqincrement,"         \
    " s.seqmin, s.seqmax, s.seqstart, s.seqcache,"                                                 \
    " CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END)"

static const question sequences = {
    FLYDUMP_BEFORE, "SEQUENCE",
    "SELECT quote_ident(n.nspname), format('%I.%I', n.nspname, c.relname),"
    " format('CREATE SEQUENCE %I.%I AS %s', n.nspname, c.relname, format_type(s.seqtypid, NULL)) "
    "||" SEQUENCE_OPTIONS " || ';'"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_sequence s ON s.seqrelid = c.oid"
    " WHERE" OURS "AND format('%I.%I', n.nspname, c.relname) NOT IN " IDENTITY_SEQUENCES
    " ORDER BY c.oid"};

static const question after_tables[] = {
    {FLYDUMP_BEFORE, "SEQUENCE OWNED BY",
     "SELECT quote_ident(n.nspname), format('%I.%I', n.nspname, c.relname),"
     " format('ALTER SEQUENCE %s OWNED BY %I.%I.%I;',"
     " pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), a.attname),"
     " n.nspname, c.relname, a.attname)"
     " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
     " JOIN pg_namespace n ON n.oid = c.relnamespace"
     " WHERE" OURS "AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped"
     " AND a.attidentity = '' AND a.atthasdef"
     " AND pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), a.attname) IS NOT NULL"
     " ORDER BY c.oid, a.attnum"},
    {FLYDUMP_BEFORE, "FUNCTION", FUNCTIONS("")},
    {FLYDUMP_NUMBERS, "SEQUENCE SET",
     "SELECT quote_ident(n.nspname), format('%I.%I', n.nspname, c.relname),"
     " format('SELECT setval(%L, %s, true);', format('%I.%I', n.nspname, c.relname),"
     " pg_sequence_last_value(c.oid::regclass))"
     " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
     " WHERE" OURS "AND c.relkind = 'S' AND pg_sequence_last_value(c.oid::regclass) IS NOT NULL"
     " ORDER BY c.oid"},
    {FLYDUMP_KEYS, "CONSTRAINT",
     "SELECT quote_ident(n.nspname), format('%I.%I', n.nspname, c.relname),"
     " format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s;', n.nspname, c.relname, k.conname,"
     " pg_get_constraintdef(k.oid))"
     " FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
     " JOIN pg_namespace n ON n.oid = c.relnamespace"
     " WHERE" OURS "AND k.contype IN ('p', 'u', 'x') ORDER BY k.oid"},
    {FLYDUMP_KEYS, "INDEX",
     "SELECT quote_ident(n.nspname), format('%I.%I', n.nspname, i.relname),"
     " pg_get_indexdef(i.oid) || ';'"
     " FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid"
     " JOIN pg_class c ON c.oid = x.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
     " WHERE" OURS "AND c.relkind = 'r' AND NOT EXISTS (SELECT 1 FROM pg_constraint k"
     " WHERE k.conindid = i.oid AND k.contype IN ('p', 'u', 'x')) ORDER BY i.oid"},
    {FLYDUMP_LINKS, "FK CONSTRAINT",
     "SELECT quote_ident(n.nspname), format('%I.%I', n.nspname, c.relname),"
     " format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s;', n.nspname, c.relname, k.conname,"
     " pg_get_constraintdef(k.oid))"
     " FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
     " JOIN pg_namespace n ON n.oid = c.relnamespace"
     " WHERE" OURS "AND k.contype = 'f' ORDER BY k.oid"},
    {FLYDUMP_AFTER, "VIEW",
     "SELECT quote_ident(n.nspname), format('%I.%I', n.nspname, c.relname),"
     " format('CREATE %s %I.%I AS %s;',"
     " CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, n.nspname, c.relname,"
     " rtrim(pg_get_viewdef(c.oid), E' ;\\n'))"
     " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
     " WHERE" OURS "AND c.relkind IN ('v', 'm') ORDER BY c.oid"},
    {FLYDUMP_AFTER, "INDEX",
     "SELECT quote_ident(n.nspname), format('%I.%I', n.nspname, i.relname),"
     " pg_get_indexdef(i.oid) || ';'"
     " FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid"
     " JOIN pg_class c ON c.oid = x.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
     " WHERE" OURS "AND c.relkind = 'm' ORDER BY i.oid"},
    {FLYDUMP_AFTER, "TRIGGER",
     "SELECT quote_ident(n.nspname), format('%I.%I', n.nspname, g.tgname),"
     " rtrim(pg_get_triggerdef(g.oid), E' ;\\n') || ';'"
     " FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid"
     " JOIN pg_namespace n ON n.oid = c.relnamespace"
     " WHERE" OURS "AND NOT g.tgisinternal ORDER BY g.oid"},
    {FLYDUMP_AFTER, "COMMENT",
     "SELECT quote_ident(n.nspname), format('%I.%I', n.nspname, c.relname),"
     " CASE WHEN d.objsubid = 0 THEN format('COMMENT ON %s %I.%I IS %L;', CASE c.relkind"
     " WHEN 'r' THEN 'TABLE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'"
     " WHEN 'S' THEN 'SEQUENCE' WHEN 'i' THEN 'INDEX' ELSE 'TYPE' END,"
     " n.nspname, c.relname, d.description)"
     " ELSE format('COMMENT ON COLUMN %I.%I.%I IS %L;', n.nspname, c.relname, a.attname,"
     " d.description) END"
     " FROM pg_description d JOIN pg_class c ON c.oid = d.objoid"
     " JOIN pg_namespace n ON n.oid = c.relnamespace"
     " LEFT JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid "
     "> 0"
     " WHERE" OURS "AND d.classoid = 'pg_class'::regclass ORDER BY d.objoid, d.objsubid"},
};

static bool ask(collector *to, const question *questions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        to->stage = questions[i].stage;
        to->kind = questions[i].kind;
        if (!flydump_run(to->source, questions[i].text, take_text, to)) {
            flydump_complain(to->source, questions[i].kind);
            return false;
        }
    }
    return true;
}

/* --------------------------------------------------------------------------- tables */

typedef struct tables {
    collector *to;
    char *oid; /* of the table whose columns come */
    char *schema;
    char *name;        /* quoted, with its schema */
    fsql_text text;    /* of its CREATE TABLE */
    fsql_text columns; /* that have data */
} tables;

static void add_data(tables *at)
{
    fsql_text copy = {0};
    const char *columns = fsql_text_str(&at->columns);
    fsql_text_printf(&copy, "COPY %s (%s) FROM stdin;", at->name, columns);
    flydump_entry *data = flydump_add(at->to->list, FLYDUMP_DATA, "TABLE DATA", at->schema,
                                      at->name, fsql_text_str(&copy));
    fsql_text_clear(&copy);
    fsql_text_printf(&copy, "COPY %s (%s) TO STDOUT", at->name, columns);
    data->source = fsql_copy(fsql_text_str(&copy));
    fsql_text_deinit(&copy);
}

/* The statement of the table whose columns were taken, and its data. */
static void end_table(tables *at)
{
    if (at->oid == NULL) {
        return;
    }
    collector *to = at->to;
    fsql_text_str_add(&at->text, "\n);");
    (void)flydump_add(to->list, FLYDUMP_BEFORE, "TABLE", at->schema, at->name,
                      fsql_text_str(&at->text));
    if (at->columns.len > 0) { /* rows without columns are only counted, and COPY cannot say them */
        add_data(at);
    }
    fsql_text_clear(&at->text);
    fsql_text_clear(&at->columns);
    free(at->oid);
    free(at->schema);
    free(at->name);
    at->oid = NULL;
}

static void begin_table(tables *at, char **cells)
{
    at->oid = fsql_copy(cells[0]);
    at->schema = fsql_copy(cells[1]);
    at->name = fsql_copy(cells[2]);
    fsql_text_printf(&at->text, "CREATE %sTABLE %s (",
                     strcmp(cells[3], "u") == 0 ? "UNLOGGED " : "", at->name);
}

/* A column, or with kind "check" a constraint: oid, schema, table, persistence, kind, name, text. */
static bool take_column(void *ctx, char **cells)
{
    tables *at = ctx;
    bool first = at->oid == NULL || strcmp(at->oid, cells[0]) != 0;
    if (first) {
        end_table(at);
        begin_table(at, cells);
    }
    if (cells[6] != NULL) {
        fsql_text_printf(&at->text, "%s\n    %s", first ? "" : ",", cells[6]);
    }
    if (cells[6] != NULL && strcmp(cells[4], "data") == 0) {
        fsql_text_printf(&at->columns, "%s%s", at->columns.len > 0 ? ", " : "", cells[5]);
    }
    return true;
}

static const char columns_question[] =
    "SELECT c.oid, quote_ident(n.nspname), format('%I.%I', n.nspname, c.relname),"
    " c.relpersistence, CASE WHEN a.attgenerated = '' THEN 'data' ELSE 'generated' END,"
    " quote_ident(a.attname),"
    " quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod) ||"
    " coalesce((SELECT ' COLLATE ' || quote_ident(l.collname) FROM pg_collation l, pg_type t"
    " WHERE l.oid = a.attcollation AND t.oid = a.atttypid AND l.collname <> 'default'"
    " AND l.oid <> t.typcollation), '') ||"
    " CASE WHEN a.attgenerated <> ''"
    " THEN ' GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid) || ') STORED'"
    " WHEN d.adbin IS NOT NULL THEN ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) ELSE '' END ||"
    " CASE WHEN a.attidentity <> '' THEN format(' GENERATED %s AS IDENTITY (SEQUENCE NAME %s',"
    " CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END,"
    " pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), a.attname)) ||"
    " (SELECT" SEQUENCE_OPTIONS " FROM pg_sequence s WHERE s.seqrelid = pg_get_serial_sequence("
    "format('%I.%I', n.nspname, c.relname), a.attname)::regclass) || ')' ELSE '' END ||"
    " CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,"
    " a.attnum::int"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
    " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
    " WHERE" OURS "AND c.relkind = 'r' AND c.relpersistence <> 't'"
    " UNION ALL "
    "SELECT c.oid, quote_ident(n.nspname), format('%I.%I', n.nspname, c.relname),"
    " c.relpersistence, 'check', '',"
    " format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)), 100000 + k.oid::int"
    " FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
    " JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE" OURS "AND k.contype = 'c' AND c.relkind = 'r'"
    " ORDER BY 1, 8";

static bool ask_tables(collector *to)
{
    tables at = {.to = to};
    bool good = flydump_run(to->source, columns_question, take_column, &at);
    if (!good) {
        flydump_complain(to->source, "tables");
    }
    end_table(&at);
    fsql_text_deinit(&at.text);
    fsql_text_deinit(&at.columns);
    return good;
}

/* --------------------------------------------------------------------------- choice */

static bool is_table_entry(const flydump_entry *entry, const char *table)
{
    static const char *const kinds[] = {"TABLE", "TABLE DATA", "CONSTRAINT", "FK CONSTRAINT",
                                        "COMMENT"};
    bool kind = false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        kind = kind || strcmp(entry->kind, kinds[i]) == 0;
    }
    const char *point = strchr(entry->name, '.');
    bool name = strcmp(entry->name, table) == 0 || (point != NULL && strcmp(point + 1, table) == 0);
    return kind && name;
}

static bool is_wanted(const flydump_entry *entry, const flydump_choice *choice)
{
    bool data = entry->stage == FLYDUMP_DATA || entry->stage == FLYDUMP_NUMBERS;
    if ((choice->schema_only && data) || (choice->data_only && !data)) {
        return false;
    }
    bool is_schema = strcmp(entry->kind, "SCHEMA") == 0;
    const char *schema = is_schema ? entry->name : entry->schema;
    if (choice->schema != NULL && strcmp(schema, choice->schema) != 0) {
        return false;
    }
    return choice->table == NULL || is_table_entry(entry, choice->table);
}

static void choose(flydump_list *list, const flydump_choice *choice)
{
    flydump_list kept = {0};
    for (size_t i = 0; i < list->count; i++) {
        flydump_entry *entry = &list->entries[i];
        if (is_wanted(entry, choice)) {
            flydump_entry *copy = flydump_add(&kept, entry->stage, entry->kind, entry->schema,
                                              entry->name, entry->text);
            copy->source = entry->source != NULL ? fsql_copy(entry->source) : NULL;
        }
    }
    flydump_list_deinit(list);
    *list = kept;
}

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

bool flydump_collect(flydump_source *source, const flydump_choice *choice, flydump_list *list)
{
    collector to = {.source = source, .choice = choice, .list = list};
    bool good = ask(&to, before_tables, COUNT(before_tables)) && ask(&to, &sequences, 1) &&
                ask_tables(&to) && ask(&to, after_tables, COUNT(after_tables));
    if (good) {
        choose(list, choice);
    }
    return good;
}
