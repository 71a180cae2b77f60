/*
 * Requests about the session and about what there is: metadata, transactions, options, cancelling.
 *
 * Metadata is asked of the catalog in SQL, as the user, so that nobody learns more here than by a query.
 */
#include "binary_int.h"

#include <fly/text.h>

#include <string.h>

/* ------------------------------------------------------------------------ metadata */

static const char tables_sql[] =
    "SELECT current_database() AS table_cat, n.nspname AS table_schem, c.relname AS table_name,"
    " CASE WHEN n.nspname IN ('pg_catalog', 'information_schema') THEN 'SYSTEM ' ELSE '' END ||"
    " CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END"
    " AS table_type, d.description AS remarks"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN pg_catalog.pg_description d ON d.objoid = c.oid AND d.objsubid = 0"
    " AND d.classoid = 'pg_catalog.pg_class'::regclass"
    " WHERE ($1 = '' OR n.nspname LIKE $1) AND ($2 = '' OR c.relname LIKE $2)"
    " AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 4, 2, 3";

static const char columns_sql[] =
    "SELECT current_database() AS table_cat, n.nspname AS table_schem, c.relname AS table_name,"
    " a.attname AS column_name, a.atttypid AS data_type,"
    " pg_catalog.format_type(a.atttypid, a.atttypmod) AS type_name, a.atttypmod AS type_mod,"
    " NOT a.attnotnull AS nullable, pg_catalog.pg_get_expr(ad.adbin, ad.adrelid) AS column_def,"
    " a.attnum AS ordinal_position, d.description AS remarks"
    " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN pg_catalog.pg_attrdef ad ON ad.adrelid = a.attrelid AND ad.adnum = a.attnum"
    " LEFT JOIN pg_catalog.pg_description d ON d.objoid = c.oid AND d.objsubid = a.attnum"
    " AND d.classoid = 'pg_catalog.pg_class'::regclass"
    " WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
    " AND ($1 = '' OR n.nspname LIKE $1) AND ($2 = '' OR c.relname LIKE $2)"
    " AND ($3 = '' OR a.attname LIKE $3) ORDER BY 2, 3, 10";

static const char types_sql[] =
    "SELECT t.typname AS type_name, t.oid AS data_type, t.typlen AS length, t.typtype AS kind,"
    " t.typcategory AS category, n.nspname AS type_schem, t.typelem AS element"
    " FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace"
    " WHERE ($1 = '' OR t.typname = $1) AND t.typtype <> 'c' ORDER BY 1, 6";

/* Run a statement whose parameters are texts; `count` of them. */
static fly_status start_with(fly__binary_client *me, const char *sql, const fly_bytes *params,
                             uint32_t count, fly_err *err)
{
    static const uint32_t types[] = {FLY_SQL_TEXT, FLY_SQL_TEXT, FLY_SQL_TEXT};
    fly_sql_stmt *stmt = NULL;
    fly_status status = fly_sql_prepare_typed(fly__binary_session(me), fly_bytes_str(sql), types,
                                              count, &stmt, NULL, err);
    for (uint32_t i = 0; i < count && status == FLY_OK; i++) {
        status = fly_sql_bind_text(stmt, i + 1, params[i], err);
    }
    if (status != FLY_OK) {
        fly_sql_finalize(stmt);
        return status;
    }
    fly__binary_start(me, stmt, true);
    return FLY_OK;
}

/* GetTables: schema, table: patterns of LIKE; empty: all. */
fly_status fly__binary_get_tables(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    fly_bytes params[2];
    params[0] = fly_frame_get_text(in, "schema");
    params[1] = fly_frame_get_text(in, "table");
    fly_status status = fly_frame_in_end(in, err);
    return status != FLY_OK ? status : start_with(me, tables_sql, params, 2, err);
}

/* GetColumns: schema, table, column. */
fly_status fly__binary_get_columns(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    fly_bytes params[3];
    params[0] = fly_frame_get_text(in, "schema");
    params[1] = fly_frame_get_text(in, "table");
    params[2] = fly_frame_get_text(in, "column");
    fly_status status = fly_frame_in_end(in, err);
    return status != FLY_OK ? status : start_with(me, columns_sql, params, 3, err);
}

/* GetTypeInfo: type. */
fly_status fly__binary_get_type_info(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    fly_bytes name = fly_frame_get_text(in, "type");
    fly_status status = fly_frame_in_end(in, err);
    return status != FLY_OK ? status : start_with(me, types_sql, &name, 1, err);
}

/* --------------------------------------------------------------------- transactions */

/* BeginTx: isolation, read_only. */
fly_status fly__binary_begin_tx(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    static const char *const levels[][3] = {
        {"", "BEGIN", "BEGIN READ ONLY"},
        {"read uncommitted", "BEGIN ISOLATION LEVEL READ UNCOMMITTED",
         "BEGIN ISOLATION LEVEL READ UNCOMMITTED READ ONLY"},
        {"read committed", "BEGIN ISOLATION LEVEL READ COMMITTED",
         "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"},
        {"repeatable read", "BEGIN ISOLATION LEVEL REPEATABLE READ",
         "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"},
        {"serializable", "BEGIN ISOLATION LEVEL SERIALIZABLE",
         "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY"}};
    fly_bytes level = fly_frame_get_text(in, "isolation");
    bool read_only = fly_frame_get_bool(in, "read_only");
    fly_status status = fly_frame_in_end(in, err);
    for (size_t i = 0; i < 5 && status == FLY_OK; i++) {
        if (fly_bytes_equal(level, fly_bytes_str(levels[i][0]))) {
            return start_with(me, levels[i][read_only ? 2 : 1], NULL, 0, err);
        }
    }
    return status != FLY_OK
               ? status
               : fly_err_state(err, "22023", 0, "unknown isolation level \"%.*s\"",
                               level.len < 40 ? (int)level.len : 40, (const char *)level.data);
}

/* CommitTx. */
fly_status fly__binary_commit_tx(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    fly_status status = fly_frame_in_end(in, err);
    return status != FLY_OK ? status : start_with(me, "COMMIT", NULL, 0, err);
}

/* RollbackTx. */
fly_status fly__binary_rollback_tx(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    fly_status status = fly_frame_in_end(in, err);
    return status != FLY_OK ? status : start_with(me, "ROLLBACK", NULL, 0, err);
}

/* -------------------------------------------------------------------------- options */

/* SetOption: name, value. As SET. */
fly_status fly__binary_set_option(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    fly_bytes params[2];
    params[0] = fly_frame_get_text(in, "name");
    params[1] = fly_frame_get_text(in, "value");
    fly_status status = fly_frame_in_end(in, err);
    if (status == FLY_OK) {
        status = start_with(me, "SELECT pg_catalog.set_config($1, $2, false)", params, 2, err);
    }
    return status;
}

/* GetOption: name. As SHOW. */
fly_status fly__binary_get_option(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    char name[64];
    fly_bytes text = fly_frame_get_text(in, "name");
    fly_status status = fly_frame_in_end(in, err);
    if (status != FLY_OK) {
        return status;
    }
    const char *value = NULL;
    if (text.len < sizeof name) {
        memcpy(name, text.data, text.len);
        name[text.len] = 0;
        value = fly_sql_session_setting(fly__binary_session(me), name);
    }
    if (value == NULL) {
        return fly_err_state(err, "42704", 0, "unrecognized configuration parameter \"%.*s\"",
                             text.len < 63 ? (int)text.len : 63, (const char *)text.data);
    }
    fly__binary_begin(me, false);
    fly_frame_put_text(&me->out, "value", fly_bytes_str(value));
    fly__binary_send(me);
    return FLY_OK;
}

/* GetServerInfo. */
fly_status fly__binary_get_server_info(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    fly_status status = fly_frame_in_end(in, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_sql_session *session = fly__binary_session(me);
    const char *program = fly__binary_front(me)->version;
    const char *postgres = fly_sql_session_setting(session, "server_version");
    fly__binary_begin(me, false);
    fly_frame_put_text(&me->out, "server", fly_bytes_str("FlyDB"));
    fly_frame_put_text(&me->out, "version",
                       fly_bytes_str(program != NULL ? program : FLY_NET_BINARY_VERSION));
    fly_frame_put_text(&me->out, "postgresql", fly_bytes_str(postgres != NULL ? postgres : ""));
    fly_frame_put_text(&me->out, "user", fly_bytes_str(fly_server_client_user(me->client)));
    fly_frame_put_text(&me->out, "database", fly_bytes_str(fly_sql_session_database(session)));
    fly_frame_put_uint(&me->out, "pid", fly_sql_session_pid(session));
    fly__binary_put_state(me);
    fly__binary_send(me);
    return FLY_OK;
}

/* ----------------------------------------------------------------------- cancelling */

/* Cancel: pid, secret. Needs no login: who knows the secret may. The answer does not tell whether there
 * was anything to cancel, so that secrets cannot be tried. */
fly_status fly__binary_cancel(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    uint64_t pid = fly_frame_get_uint(in, "pid");
    uint64_t secret = fly_frame_get_uint(in, "secret");
    fly_status status = fly_frame_in_end(in, err);
    if (status != FLY_OK) {
        return status;
    }
    if (pid <= UINT32_MAX && secret <= UINT32_MAX) {
        (void)fly_sql_cancel_backend(fly_server_sql(fly__binary_front(me)->server), (uint32_t)pid,
                                     (uint32_t)secret);
    }
    fly__binary_begin(me, false);
    fly__binary_send(me);
    return FLY_OK;
}
