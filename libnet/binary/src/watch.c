/*
 * What comes without being asked for: events of watched tables, notifications.
 *
 * Told between answers only. A client whose output is full lets the log go; if that then does not reach
 * back to where the client stands, it is cut off: no writer waits.
 */
#include "binary_int.h"

#include <string.h>

enum { WATCHES_MAX = 64 };

struct fly__binary_watched {
    struct fly__binary_watched *next;
    fly_sql_watch *watch;
    uint8_t flags; /* of the request: JSON or not */
    size_t size;
    size_t len;
    uint8_t name[];
};

void fly__binary_wake(void *ctx)
{
    fly__binary_client *me = ctx;
    fly_net_wake(me->ref);
}

void fly__binary_forget_watches(fly__binary_client *me, fly_bytes name)
{
    for (fly__binary_watched **at = &me->watches; *at != NULL;) {
        fly__binary_watched *found = *at;
        if (name.len == 0 || fly_bytes_equal(fly_bytes_of(found->name, found->len), name)) {
            *at = found->next;
            fly_sql_watch_close(found->watch);
            fly_mem_free(fly_net_mem(me->conn), found, found->size);
            me->watch_count--;
        } else {
            at = &found->next;
        }
    }
}

static void answer_empty(fly__binary_client *me)
{
    fly__binary_begin(me, false);
    fly__binary_send(me);
}

/* Watch: table, from. */
fly_status fly__binary_watch(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    fly_bytes table = fly_frame_get_text(in, "table");
    uint64_t from = fly_frame_get_uint(in, "from");
    fly_status status = fly_frame_in_end(in, err);
    if (status == FLY_OK && me->watch_count >= WATCHES_MAX) {
        status = fly_err_set(err, FLY_E_TOO_LARGE, "more than %d watches", WATCHES_MAX);
    }
    if (status != FLY_OK) {
        return status;
    }
    size_t size = sizeof(fly__binary_watched) + table.len;
    fly__binary_watched *made = fly_mem_alloc(fly_net_mem(me->conn), size);
    if (made == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a watch");
    }
    *made = (fly__binary_watched){.flags = me->flags & FLY_FRAME_JSON, .size = size};
    made->len = table.len;
    memcpy(made->name, table.data, table.len);
    status = fly_sql_watch_open(fly__binary_session(me), table, from, &made->watch, err);
    if (status != FLY_OK) {
        fly_mem_free(fly_net_mem(me->conn), made, size);
        return status;
    }
    made->next = me->watches;
    me->watches = made;
    me->watch_count++;
    answer_empty(me);
    fly_sql_watch_on_change(made->watch, fly__binary_wake, me);
    return FLY_OK;
}

/* Unwatch: table; empty: all. */
fly_status fly__binary_unwatch(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    fly_bytes table = fly_frame_get_text(in, "table");
    fly_status status = fly_frame_in_end(in, err);
    if (status == FLY_OK) {
        fly__binary_forget_watches(me, table);
        answer_empty(me);
    }
    return status;
}

static void tell_event(fly__binary_client *me, uint8_t flags, const fly_sql_event *event)
{
    fly_frame_begin(&me->out, FLY_FRAME_EVENT, flags);
    fly_frame_put_uint(&me->out, "lsn", event->lsn);
    fly_frame_put_text(&me->out, "operation", fly_bytes_str(event->operation));
    fly_frame_put_text(&me->out, "table", fly_bytes_str(event->table));
    fly_frame_put_text(&me->out, "new", event->new_row);
    fly_frame_put_text(&me->out, "old", event->old_row);
    fly_frame_put_int(&me->out, "time", event->time);
    fly_frame_put_bool(&me->out, "last", event->last);
    fly__binary_send(me);
}

static void tell_notifications(fly__binary_client *me)
{
    fly_sql_notification message;
    while (!fly_net_full(me->conn) &&
           fly_sql_notification_next(fly__binary_session(me), &message)) {
        fly_frame_begin(&me->out, FLY_FRAME_NOTIFICATION, me->flags & FLY_FRAME_JSON);
        fly_frame_put_text(&me->out, "channel", fly_bytes_str(message.channel));
        fly_frame_put_text(&me->out, "payload", fly_bytes_str(message.payload));
        fly_frame_put_uint(&me->out, "pid", message.pid);
        fly__binary_send(me);
    }
}

void fly__binary_tell_events(fly__binary_client *me)
{
    tell_notifications(me);
    for (fly__binary_watched *at = me->watches; at != NULL; at = at->next) {
        fly_err err = {0};
        fly_sql_event event;
        fly_status status = FLY_OK;
        while (!fly_net_full(me->conn) &&
               (status = fly_sql_watch_next(at->watch, &event, &err)) == FLY_OK) {
            tell_event(me, at->flags, &event);
        }
        if (status != FLY_OK && status != FLY_E_END) {
            fly__binary_refuse(me, &err);
            return;
        }
    }
}

void fly__binary_let_go_if_full(fly__binary_client *me)
{
    for (fly__binary_watched *at = me->watches; at != NULL && fly_net_full(me->conn);
         at = at->next) {
        fly_sql_watch_rest(at->watch);
    }
}
