/*
 * The simple query: a text of statements, each run to its end, then ReadyForQuery.
 *
 * All of the text is parsed before anything runs. Its statements are one transaction, unless it has
 * commands that begin and end some.
 */
#include "talk_int.h"

enum { TEXT_KEPT = 8192 /* bytes of room that stay from one text to the next */ };

static bool keep_text(fly__pg_talk *talk, fly_bytes text)
{
    if (text.len > talk->text_room) {
        fly_mem_free(talk->mem, talk->text, talk->text_room);
        talk->text_room = 0;
        talk->text = fly_mem_alloc(talk->mem, text.len);
        if (talk->text == NULL) {
            return false;
        }
        talk->text_room = text.len;
    }
    if (text.len > 0) {
        memcpy(talk->text, text.data, text.len);
    }
    talk->text_len = text.len;
    return true;
}

void fly__pg_simple_drop(fly__pg_talk *talk)
{
    fly_sql_script_close(talk->script);
    talk->script = NULL;
    if (talk->text_room > TEXT_KEPT || talk->phase == FLY__PG_ENDED) {
        fly_mem_free(talk->mem, talk->text, talk->text_room);
        talk->text = NULL;
        talk->text_room = 0;
    }
    talk->text_len = 0;
}

void fly__pg_simple_failed(fly__pg_talk *talk, const fly_err *err)
{
    fly__pg_error(talk, err, fly_bytes_of(talk->text, talk->text_len));
    talk->job = FLY__PG_JOB_NONE;
    talk->stmt = NULL;
    fly__pg_simple_drop(talk);
    fly__pg_ready(talk);
}

void fly__pg_on_query(fly__pg_talk *talk, fly_bytes text)
{
    fly_err err = {0};
    fly__pg_portal *unnamed = &talk->unnamed_portal;
    if (unnamed->source != NULL && !talk->in_block) {
        fly__pg_portals_drop(talk, NULL);
    }
    talk->script_any = false;
    fly_status status = keep_text(talk, text)
                            ? FLY_OK
                            : fly_err_set(&err, FLY_E_NO_MEMORY, "out of memory for a query");
    if (status == FLY_OK) {
        status = fly_sql_script_open(talk->session, text, &talk->script, &err);
    }
    if (status != FLY_OK) {
        fly__pg_simple_failed(talk, &err);
        return;
    }
    talk->job = FLY__PG_JOB_SIMPLE;
}

void fly__pg_simple_next(fly__pg_talk *talk)
{
    fly_err err = {0};
    fly_sql_stmt *stmt = NULL;
    fly_status status = fly_sql_script_next(talk->script, &stmt, &err);
    if (status == FLY_E_END) {
        if (!talk->script_any) {
            fly__pg_put_plain(&talk->out, 'I');
        }
        talk->job = FLY__PG_JOB_NONE;
        fly__pg_simple_drop(talk);
        fly__pg_ready(talk);
        return;
    }
    if (status != FLY_OK) {
        fly__pg_simple_failed(talk, &err);
        return;
    }
    talk->script_any = true;
    talk->stmt = stmt;
    talk->portal = NULL;
    talk->limited = false;
    fly__pg_run(talk);
}

void fly__pg_simple_done(fly__pg_talk *talk)
{
    talk->job = FLY__PG_JOB_SIMPLE;
}
