/*
 * Prepared statements and portals.
 *
 *     Parse ──> statement ── Bind ──> portal ── Execute ──> rows, and some more, and done
 *
 * A statement of libsql has one set of parameters and one run at a time. The first portal bound to a
 * prepared statement runs that statement itself: no parsing, no planning, no memory. A second one at the
 * same time gets a statement of its own, prepared from the text again.
 *
 * Drivers that use the unnamed statement send the same few texts again and again. The ones seen lately
 * are kept, and a Parse of the same text and types takes one of them.
 */
#include "talk_int.h"

#include <fly/base_hash.h>
#include <fly/text.h>

static size_t bucket_of(const char *name)
{
    return fly_hash(name, strlen(name), 0) % FLY__PG_BUCKETS;
}

static fly__pg_stmt **place_of(fly__pg_talk *talk, const char *name)
{
    fly__pg_stmt **at = &talk->stmts[bucket_of(name)];
    while (*at != NULL && strcmp((*at)->name, name) != 0) {
        at = &(*at)->link;
    }
    return at;
}

static fly__pg_stmt *find_stmt(fly__pg_talk *talk, const char *name)
{
    return name[0] == '\0' ? talk->unnamed : *place_of(talk, name);
}

static void release(fly__pg_talk *talk, fly__pg_stmt *stmt)
{
    if (stmt == NULL || --stmt->refs > 0) {
        return;
    }
    fly_sql_finalize(stmt->stmt);
    fly_mem_free(talk->mem, stmt->name, stmt->name == NULL ? 0 : strlen(stmt->name) + 1);
    fly_mem_free(talk->mem, stmt->types, stmt->type_count * sizeof *stmt->types);
    fly_mem_free(talk->mem, (void *)stmt->text.data, stmt->text.len + 1);
    fly_mem_free(talk->mem, stmt, sizeof *stmt);
}

/* An error in the extended protocol: everything up to Sync is skipped. */
static void refuse(fly__pg_talk *talk, const fly_err *err, fly_bytes text)
{
    fly__pg_error(talk, err, text);
    talk->skipping = true;
    fly__pg_portals_drop(talk, NULL);
}

/* ---------------------------------------------------------------------- portals */

static fly__pg_portal *find_portal(fly__pg_talk *talk, const char *name)
{
    if (name[0] == '\0') {
        return talk->unnamed_portal.source == NULL ? NULL : &talk->unnamed_portal;
    }
    fly__pg_portal *at = talk->portals;
    while (at != NULL && strcmp(at->name, name) != 0) {
        at = at->link;
    }
    return at;
}

/* Let go of what a portal runs. */
static void clear_portal(fly__pg_talk *talk, fly__pg_portal *portal)
{
    if (portal->source == NULL) {
        return;
    }
    if (portal->own) {
        fly_sql_finalize(portal->stmt);
    } else if (portal->stmt != NULL) {
        fly_sql_reset(portal->stmt);
        portal->source->portal = NULL;
    }
    if (portal->formats != portal->few) {
        fly_mem_free(talk->mem, portal->formats, portal->format_count * sizeof *portal->formats);
    }
    release(talk, portal->source);
    portal->source = NULL;
    portal->stmt = NULL;
}

static void drop_portal(fly__pg_talk *talk, fly__pg_portal *portal)
{
    clear_portal(talk, portal);
    if (portal->name == NULL) {
        return;
    }
    fly__pg_portal **at = &talk->portals;
    while (*at != portal) {
        at = &(*at)->link;
    }
    *at = portal->link;
    fly_mem_free(talk->mem, portal->name, strlen(portal->name) + 1);
    fly_mem_free(talk->mem, portal, sizeof *portal);
}

void fly__pg_portals_drop(fly__pg_talk *talk, const fly__pg_portal *except)
{
    if (except != &talk->unnamed_portal) {
        clear_portal(talk, &talk->unnamed_portal);
    }
    for (fly__pg_portal *at = talk->portals, *next; at != NULL; at = next) {
        next = at->link;
        if (at != except) {
            drop_portal(talk, at);
        }
    }
}

/* ------------------------------------------------------------------------ parse */

static char *copy_name(fly__pg_talk *talk, const char *name)
{
    size_t size = strlen(name) + 1;
    char *copy = fly_mem_alloc(talk->mem, size);
    return copy == NULL ? NULL : memcpy(copy, name, size);
}

/* The statement itself: the first of the text, which must be the only one. */
static fly_status prepare(fly__pg_talk *talk, const fly__pg_stmt *of, fly_sql_stmt **stmt,
                          fly_err *err)
{
    size_t used = 0;
    *stmt = NULL;
    fly_status status =
        fly_sql_prepare_typed(talk->session, of->text, of->types, of->type_count, stmt, &used, err);
    if (status == FLY_OK && used < of->text.len) {
        fly_sql_finalize(*stmt);
        *stmt = NULL;
        status = fly_err_state(err, "42601", 0,
                               "cannot insert multiple commands into a prepared statement");
    }
    return status;
}

static fly_status make_stmt(fly__pg_talk *talk, const fly__pg_parse *parse, fly__pg_stmt **stmt,
                            fly_err *err)
{
    fly__pg_stmt *made = fly_mem_calloc(talk->mem, 1, sizeof *made);
    uint8_t *text = fly_mem_alloc(talk->mem, parse->text.len + 1);
    uint32_t *types = fly_mem_alloc(talk->mem, parse->type_count * sizeof *types);
    char *name = copy_name(talk, parse->name);
    if (made == NULL || text == NULL || types == NULL || name == NULL) {
        fly_mem_free(talk->mem, made, sizeof *made);
        fly_mem_free(talk->mem, text, parse->text.len + 1);
        fly_mem_free(talk->mem, types, parse->type_count * sizeof *types);
        fly_mem_free(talk->mem, name, strlen(parse->name) + 1);
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a prepared statement");
    }
    memcpy(text, parse->text.data, parse->text.len + 1);
    for (uint32_t i = 0; i < parse->type_count; i++) {
        types[i] = fly_get_u32be(parse->types + 4 * (size_t)i);
    }
    *made = (fly__pg_stmt){.refs = 1,
                           .text = fly_bytes_of(text, parse->text.len),
                           .types = types,
                           .type_count = parse->type_count,
                           .name = name};
    fly_status status = prepare(talk, made, &made->stmt, err);
    if (status != FLY_OK) {
        release(talk, made);
        return status;
    }
    *stmt = made;
    return FLY_OK;
}

static bool is_the_same(const fly__pg_stmt *stmt, const fly__pg_parse *parse)
{
    if (stmt->type_count != parse->type_count || !fly_bytes_equal(stmt->text, parse->text)) {
        return false;
    }
    for (uint32_t i = 0; i < parse->type_count; i++) {
        if (stmt->types[i] != fly_get_u32be(parse->types + 4 * (size_t)i)) {
            return false;
        }
    }
    return true;
}

/* One that was prepared from the same text lately, and would be the same if it was prepared now. */
static fly__pg_stmt *find_recent(fly__pg_talk *talk, const fly__pg_parse *parse)
{
    for (uint32_t i = 0; i < FLY__PG_RECENT; i++) {
        fly__pg_stmt *stmt = talk->recent[i];
        if (stmt != NULL && stmt->stmt != NULL && stmt->portal == NULL &&
            is_the_same(stmt, parse) && fly_sql_session_state(talk->session) != 'E' &&
            fly_sql_stmt_current(stmt->stmt)) {
            return stmt;
        }
    }
    return NULL;
}

static void remember(fly__pg_talk *talk, fly__pg_stmt *stmt)
{
    release(talk, talk->recent[talk->recent_next]);
    stmt->refs++;
    talk->recent[talk->recent_next] = stmt;
    talk->recent_next = (talk->recent_next + 1) % FLY__PG_RECENT;
}

static fly_status parse_unnamed(fly__pg_talk *talk, const fly__pg_parse *parse, fly_err *err)
{
    fly__pg_stmt *stmt = find_recent(talk, parse);
    fly_status status = FLY_OK;
    release(talk, talk->unnamed);
    talk->unnamed = NULL;
    if (stmt != NULL) {
        stmt->refs++;
    } else {
        status = make_stmt(talk, parse, &stmt, err);
        if (status == FLY_OK) {
            remember(talk, stmt);
        }
    }
    if (status == FLY_OK) {
        talk->unnamed = stmt;
    }
    return status;
}

static fly_status parse_named(fly__pg_talk *talk, const fly__pg_parse *parse, fly_err *err)
{
    fly__pg_stmt *stmt = NULL;
    if (find_stmt(talk, parse->name) != NULL) {
        return fly_err_state(err, "42P05", 0, "prepared statement \"%s\" already exists",
                             parse->name);
    }
    fly_status status = make_stmt(talk, parse, &stmt, err);
    if (status == FLY_OK) {
        fly__pg_stmt **bucket = &talk->stmts[bucket_of(parse->name)];
        stmt->named = true;
        stmt->link = *bucket;
        *bucket = stmt;
    }
    return status;
}

void fly__pg_on_parse(fly__pg_talk *talk, fly_bytes body)
{
    fly_err err = {0};
    fly__pg_parse parse = {0};
    fly_status status = fly__pg_parse_decode(body, &parse, &err);
    if (status == FLY_OK) {
        status = parse.name[0] == '\0' ? parse_unnamed(talk, &parse, &err)
                                       : parse_named(talk, &parse, &err);
    }
    if (status != FLY_OK) {
        refuse(talk, &err, parse.text);
        return;
    }
    fly__pg_put_plain(&talk->out, '1');
}

/* ------------------------------------------------------------------------- bind */

static fly_status give_params(fly_sql_stmt *stmt, const fly__pg_bind *bind, fly_err *err)
{
    fly_bytes params = bind->params;
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < bind->param_count && status == FLY_OK; i++) {
        fly_bytes value;
        if (!fly__pg_bind_next(&params, &value)) {
            status = fly_sql_bind_null(stmt, i + 1, err);
        } else if (fly__pg_format(bind->format_count, bind->formats, i) == 1) {
            status = fly_sql_bind_binary(stmt, i + 1, value, err);
        } else {
            status = fly_sql_bind_text(stmt, i + 1, value, err);
        }
    }
    return status;
}

static fly_status give_formats(fly__pg_talk *talk, fly__pg_portal *portal, const fly__pg_bind *bind,
                               fly_err *err)
{
    uint32_t columns = portal->stmt == NULL ? 0 : fly_sql_column_count(portal->stmt);
    if (bind->result_count > 1 && bind->result_count != columns) {
        return fly_err_state(err, "08P01", 0,
                             "bind message has %u result formats but query has %u columns",
                             (unsigned)bind->result_count, (unsigned)columns);
    }
    portal->formats = portal->few;
    if (bind->result_count > FLY__PG_FORMATS) {
        portal->formats = fly_mem_alloc(talk->mem, bind->result_count * sizeof *portal->formats);
        if (portal->formats == NULL) {
            portal->formats = portal->few;
            return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a portal");
        }
    }
    portal->format_count = bind->result_count;
    for (uint32_t i = 0; i < bind->result_count; i++) {
        portal->formats[i] = (fly_sql_format)fly_get_u16be(bind->results + 2 * (size_t)i);
    }
    return FLY_OK;
}

/* Prepare a statement anew whose tables have changed; its columns must not have. */
static fly_status renew(fly__pg_talk *talk, fly__pg_stmt *source, fly_err *err)
{
    fly_sql_stmt *fresh = NULL;
    fly_sql_stmt *old = source->stmt;
    fly_status status = prepare(talk, source, &fresh, err);
    if (status != FLY_OK) {
        return status;
    }
    uint32_t columns = fly_sql_column_count(old);
    bool same = fly_sql_column_count(fresh) == columns;
    for (uint32_t i = 0; i < columns && same; i++) {
        fly_sql_type a = fly_sql_column_type(old, i);
        fly_sql_type b = fly_sql_column_type(fresh, i);
        same = a.oid == b.oid && a.mod == b.mod;
    }
    if (!same) {
        fly_sql_finalize(fresh);
        return fly_err_state(err, "0A000", 0, "cached plan must not change result type");
    }
    fly_sql_finalize(old);
    source->stmt = fresh;
    return FLY_OK;
}

/* Give the portal something to run. */
static fly_status attach(fly__pg_talk *talk, fly__pg_portal *portal, fly__pg_stmt *source,
                         fly_err *err)
{
    fly_status status = FLY_OK;
    portal->done = false;
    portal->own = false;
    portal->format_count = 0;
    portal->formats = portal->few;
    portal->stmt = NULL;
    if (source->stmt != NULL && source->portal != NULL) {
        status = prepare(talk, source, &portal->stmt, err);
        portal->own = status == FLY_OK;
    } else if (source->stmt != NULL) {
        if (!fly_sql_stmt_current(source->stmt) && fly_sql_session_state(talk->session) != 'E') {
            status = renew(talk, source, err);
        }
        if (status == FLY_OK) {
            portal->stmt = source->stmt;
            source->portal = portal;
        }
    }
    if (status == FLY_OK) {
        source->refs++;
        portal->source = source;
    }
    return status;
}

static fly_status new_portal(fly__pg_talk *talk, const char *name, fly__pg_portal **portal,
                             fly_err *err)
{
    if (name[0] == '\0') {
        *portal = &talk->unnamed_portal;
        clear_portal(talk, *portal);
        return FLY_OK;
    }
    if (find_portal(talk, name) != NULL) {
        return fly_err_state(err, "42P03", 0, "cursor \"%s\" already exists", name);
    }
    fly__pg_portal *made = fly_mem_calloc(talk->mem, 1, sizeof *made);
    char *copy = copy_name(talk, name);
    if (made == NULL || copy == NULL) {
        fly_mem_free(talk->mem, made, sizeof *made);
        fly_mem_free(talk->mem, copy, strlen(name) + 1);
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a portal");
    }
    made->name = copy;
    made->link = talk->portals;
    talk->portals = made;
    *portal = made;
    return FLY_OK;
}

static fly_status bind_portal(fly__pg_talk *talk, const fly__pg_bind *bind, fly__pg_stmt *source,
                              fly_err *err)
{
    uint32_t wanted = source->stmt == NULL ? 0 : fly_sql_param_count(source->stmt);
    if (bind->param_count != wanted) {
        return fly_err_state(err, "08P01", 0,
                             "bind message supplies %u parameters, but prepared statement \"%s\" "
                             "requires %u",
                             (unsigned)bind->param_count, bind->statement, (unsigned)wanted);
    }
    fly__pg_portal *portal = NULL;
    fly_status status = new_portal(talk, bind->portal, &portal, err);
    if (status != FLY_OK) {
        return status;
    }
    status = attach(talk, portal, source, err);
    if (status == FLY_OK) {
        status = give_formats(talk, portal, bind, err);
    }
    if (status == FLY_OK && portal->stmt != NULL) {
        status = give_params(portal->stmt, bind, err);
    }
    if (status != FLY_OK) {
        drop_portal(talk, portal);
    }
    return status;
}

static fly_status no_statement(const char *name, fly_err *err)
{
    if (name[0] == '\0') {
        return fly_err_state(err, "26000", 0, "unnamed prepared statement does not exist");
    }
    return fly_err_state(err, "26000", 0, "prepared statement \"%s\" does not exist", name);
}

void fly__pg_on_bind(fly__pg_talk *talk, fly_bytes body)
{
    fly_err err = {0};
    fly__pg_bind bind;
    fly__pg_stmt *source = NULL;
    fly_status status = fly__pg_bind_decode(body, &bind, &err);
    if (status == FLY_OK) {
        source = find_stmt(talk, bind.statement);
        status = source == NULL ? no_statement(bind.statement, &err)
                                : bind_portal(talk, &bind, source, &err);
    }
    if (status != FLY_OK) {
        err.position = 0; /* it would be in a value */
        refuse(talk, &err, fly_bytes_str(""));
        return;
    }
    fly__pg_put_plain(&talk->out, '2');
}

/* --------------------------------------------------------------- describe, close */

static fly_status no_portal(const char *name, fly_err *err)
{
    return fly_err_state(err, "34000", 0, "portal \"%s\" does not exist", name);
}

static void put_params(fly__pg_talk *talk, const fly_sql_stmt *stmt)
{
    uint32_t count = stmt == NULL ? 0 : fly_sql_param_count(stmt);
    fly__pg_begin(&talk->out, 't');
    fly__pg_put_u16(&talk->out, (uint16_t)count);
    for (uint32_t i = 0; i < count; i++) {
        fly__pg_put_u32(&talk->out, fly_sql_param_type(stmt, i + 1).oid);
    }
    fly__pg_end(&talk->out);
}

static void put_shape(fly__pg_talk *talk, fly_sql_stmt *stmt, const fly_sql_format *formats,
                      uint32_t count)
{
    if (stmt == NULL || fly_sql_column_count(stmt) == 0) {
        fly__pg_put_plain(&talk->out, 'n');
    } else {
        fly__pg_put_columns(talk, stmt, formats, count);
    }
}

static fly_status describe_stmt(fly__pg_talk *talk, const char *name, fly_err *err)
{
    fly__pg_stmt *stmt = find_stmt(talk, name);
    if (stmt == NULL) {
        return no_statement(name, err);
    }
    fly_status status = FLY_OK;
    if (stmt->stmt != NULL && stmt->portal == NULL && !fly_sql_stmt_current(stmt->stmt) &&
        fly_sql_session_state(talk->session) != 'E') {
        status = renew(talk, stmt, err);
    }
    if (status == FLY_OK) {
        put_params(talk, stmt->stmt);
        put_shape(talk, stmt->stmt, NULL, 0);
    }
    return status;
}

/* A cursor of DECLARE is a portal, too: its columns are those of FETCH. */
static fly_status describe_cursor(fly__pg_talk *talk, const char *name, fly_err *err)
{
    static const char words[] = "FETCH 0 FROM \"";
    uint8_t text[sizeof words + 2 * 64 + 1];
    size_t len = sizeof words - 1;
    memcpy(text, words, len);
    for (const char *at = name; *at != '\0' && len + 3 < sizeof text; at++) {
        text[len++] = (uint8_t)*at;
        if (*at == '"') {
            text[len++] = '"';
        }
    }
    text[len++] = '"';
    fly_sql_stmt *stmt = NULL;
    if (fly_sql_prepare(talk->session, fly_bytes_of(text, len), &stmt, NULL, NULL) != FLY_OK) {
        return no_portal(name, err);
    }
    put_shape(talk, stmt, NULL, 0);
    fly_sql_finalize(stmt);
    return FLY_OK;
}

void fly__pg_on_describe(fly__pg_talk *talk, fly_bytes body)
{
    fly_err err = {0};
    fly__pg_target target;
    fly_status status = fly__pg_target_decode(body, &target, &err);
    if (status == FLY_OK && !target.portal) {
        status = describe_stmt(talk, target.name, &err);
    } else if (status == FLY_OK) {
        fly__pg_portal *portal = find_portal(talk, target.name);
        if (portal == NULL) {
            status = describe_cursor(talk, target.name, &err);
        } else {
            put_shape(talk, portal->stmt, portal->formats, portal->format_count);
        }
    }
    if (status != FLY_OK) {
        refuse(talk, &err, fly_bytes_str(""));
    }
}

/* Take a statement out of the table. */
static void forget(fly__pg_talk *talk, fly__pg_stmt **at)
{
    fly__pg_stmt *stmt = *at;
    *at = stmt->link;
    stmt->named = false;
    release(talk, stmt);
}

static void forget_all(fly__pg_talk *talk)
{
    for (int i = 0; i < FLY__PG_BUCKETS; i++) {
        while (talk->stmts[i] != NULL) {
            forget(talk, &talk->stmts[i]);
        }
    }
}

void fly__pg_on_close(fly__pg_talk *talk, fly_bytes body)
{
    fly_err err = {0};
    fly__pg_target target;
    if (fly__pg_target_decode(body, &target, &err) != FLY_OK) {
        refuse(talk, &err, fly_bytes_str(""));
        return;
    }
    if (target.portal) {
        fly__pg_portal *portal = find_portal(talk, target.name);
        if (portal != NULL) {
            drop_portal(talk, portal);
        }
    } else if (target.name[0] == '\0') {
        release(talk, talk->unnamed);
        talk->unnamed = NULL;
    } else {
        fly__pg_stmt **at = place_of(talk, target.name);
        if (*at != NULL) {
            forget(talk, at);
        }
    }
    fly__pg_put_plain(&talk->out, '3');
}

void fly__pg_deallocated(void *ctx, const char *name, bool *found)
{
    fly__pg_talk *talk = ctx;
    if (name == NULL) {
        forget_all(talk);
        return;
    }
    fly__pg_stmt **at = place_of(talk, name);
    if (*at != NULL) {
        *found = true;
        forget(talk, at);
    }
}

fly_sql_stmt *fly__pg_prepared(void *ctx, const char *name)
{
    fly__pg_talk *talk = ctx;
    const fly__pg_stmt *found = name[0] == '\0' ? NULL : *place_of(talk, name);
    return found != NULL ? found->stmt : NULL;
}

void fly__pg_prepared_drop(fly__pg_talk *talk)
{
    fly__pg_portals_drop(talk, NULL);
    forget_all(talk);
    release(talk, talk->unnamed);
    talk->unnamed = NULL;
    for (int i = 0; i < FLY__PG_RECENT; i++) {
        release(talk, talk->recent[i]);
        talk->recent[i] = NULL;
    }
}

/* ---------------------------------------------------------------------- execute */

void fly__pg_on_execute(fly__pg_talk *talk, fly_bytes body, bool sync_follows)
{
    fly_err err = {0};
    fly__pg_execute execute;
    fly__pg_portal *portal = NULL;
    fly_status status = fly__pg_execute_decode(body, &execute, &err);
    if (status == FLY_OK) {
        portal = find_portal(talk, execute.portal);
        status = portal == NULL ? no_portal(execute.portal, &err) : FLY_OK;
    }
    if (status == FLY_OK && portal->done && fly_sql_column_count(portal->stmt) == 0) {
        status = fly_err_state(&err, "55000", 0, "portal \"%s\" cannot be run", execute.portal);
    }
    if (status != FLY_OK) {
        refuse(talk, &err, fly_bytes_str(""));
        return;
    }
    if (portal->stmt == NULL) {
        fly__pg_put_plain(&talk->out, 'I');
        return;
    }
    if (portal->done) {
        fly__pg_put_complete(&talk->out, "SELECT 0");
        return;
    }
    /* What is alone before its Sync commits by itself, before it says that it is complete. */
    if (!sync_follows) {
        fly_sql_block_begin(talk->session);
        talk->in_block = true;
    }
    talk->stmt = portal->stmt;
    talk->portal = portal;
    talk->limited = execute.rows_max > 0;
    talk->rows_left = execute.rows_max;
    fly__pg_run(talk);
}
