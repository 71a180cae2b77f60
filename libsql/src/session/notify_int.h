/*
 * LISTEN and NOTIFY: messages between the sessions of a database.
 */
#ifndef FLY_SQL_NOTIFY_INT_H
#define FLY_SQL_NOTIFY_INT_H

#include <fly/base_sched.h>
#include <fly/sql.h>

enum {
    FLY__SQL_CHANNEL_SLOTS = 64,
    FLY__SQL_NOTE_SLOTS = 1024, /* of what a transaction says: made when it says something */
    FLY__SQL_CHANNELS_MAX = 16384,
    /* that a session listens to, or is about to */ FLY__SQL_CHANNEL_MAX = 63,
    FLY__SQL_PAYLOAD_MAX = 7999
};

/* Bytes of messages that a database's sessions have not taken yet, at most. */
#define FLY__SQL_NOTIFY_BYTES ((size_t)64 << 20)

struct fly__sql_subscription;
struct fly__sql_pending_note;
struct fly__sql_pending_listen;
struct fly__sql_delivery;

/* Of a database. */
typedef struct fly__sql_notifier {
    fly_mutex mutex; /* guards all of this, and what says so below; held while a transaction that
                        notifies commits, so that commits and messages have one order */
    struct fly__sql_subscription *slots[FLY__SQL_CHANNEL_SLOTS];
    size_t bytes; /* of messages that wait */
} fly__sql_notifier;

/* Of a session. */
typedef struct fly__sql_listener {
    struct fly__sql_subscription *subscriptions; /* the notifier's mutex to change */
    uint32_t subscription_count;
    struct fly__sql_delivery *first, *last; /* messages to take; the notifier's mutex */
    struct fly__sql_delivery *taken;        /* the one whose bytes the caller has */
    fly_atomic_u32 waiting;                 /* messages to take: a hint */
    void (*wake)(void *ctx);                /* the notifier's mutex */
    void *wake_ctx;
    /* The transaction's. */
    struct fly__sql_pending_note *notes, *last_note;
    struct fly__sql_pending_note **note_slots; /* by hash, to know what was said; or NULL */
    uint32_t note_count;
    size_t note_bytes;
    struct fly__sql_pending_listen *listens, *last_listen;
    uint32_t listen_count;
    bool locked; /* holds the notifier's mutex, in a commit */
} fly__sql_listener;

/* How much a transaction has said so far; and back to there. */
typedef struct fly__sql_notify_mark {
    uint32_t notes, listens;
} fly__sql_notify_mark;

void fly__sql_notifier_init(fly__sql_notifier *notifier);
void fly__sql_notifier_deinit(fly__sql_notifier *notifier);

/* Say something when the transaction commits. 22023. */
fly_status fly__sql_notify(fly_sql_session *session, fly_bytes channel, fly_bytes payload,
                           fly_err *err);
/* Begin or stop listening when it does; stopping with NULL: everywhere. */
fly_status fly__sql_listen(fly_sql_session *session, const char *channel, bool stop, fly_err *err);

fly__sql_notify_mark fly__sql_notify_at(const fly_sql_session *session);
void fly__sql_notify_back(fly_sql_session *session, fly__sql_notify_mark mark);

/* Around the commit. The first fails if there is no room for what is to be said. */
fly_status fly__sql_notify_enter(fly_sql_session *session, fly_err *err);
void fly__sql_notify_leave(fly_sql_session *session, bool committed);

/* The session leaves its database. */
void fly__sql_notify_forget(fly_sql_session *session);

/* The channels that a session listens to, one after the other from NULL on. */
const char *fly__sql_channel_next(const fly_sql_session *session, const void **at);

/* How full the queue is, 0 to 1. */
double fly__sql_notify_usage(fly_sql_session *session);

#endif
