/*
 * LISTEN, NOTIFY, UNLISTEN.
 *
 * What a transaction says, and where it begins to listen, is kept with the session until it commits.
 * Then, in one piece with the commit, it goes to the queue of every session that listens:
 *
 *     NOTIFY ──> the transaction's notes ── commit ──> queues of listeners ── take ──> clients
 *
 *     N1  messages are in every queue in the order in which their transactions have committed
 *     N2  a transaction says the same on the same channel once
 *     N3  the bytes in a database's queues are bounded: who would go beyond that fails to commit, 54000
 *     N4  what a savepoint takes back is not said
 *
 * A listener that begins to listen in the same transaction hears what that says itself.
 *
 * Source: the observable behaviour is PostgreSQL's, whose queue is one for all and on disk.
 */
#include "session/notify_int.h"

#include "session/state_int.h"

#include <fly/base_hash.h>

#include <string.h>

struct fly__sql_subscription {
    struct fly__sql_subscription *link;    /* in its slot */
    struct fly__sql_subscription *sibling; /* of the same session */
    fly_sql_session *session;
    char channel[FLY__SQL_CHANNEL_MAX + 1];
};

/* A message, shared by those that have not taken it yet. */
typedef struct note {
    uint32_t refs; /* the notifier's mutex */
    uint32_t pid;
    size_t size; /* of the block */
    const char *payload;
    char channel[]; /* NUL, then the payload, NUL */
} note;

struct fly__sql_delivery {
    struct fly__sql_delivery *next;
    note *note;
};

struct fly__sql_pending_note {
    struct fly__sql_pending_note *next;
    struct fly__sql_pending_note *link; /* in its slot */
    uint64_t hash;
    note *note;
};

struct fly__sql_pending_listen {
    struct fly__sql_pending_listen *next;
    bool stop;
    bool all;
    char channel[FLY__SQL_CHANNEL_MAX + 1];
};

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a notification");
}

void fly__sql_notifier_init(fly__sql_notifier *notifier)
{
    fly_mutex_init(&notifier->mutex, "sql notifications", FLY_RANK_NONE);
}

void fly__sql_notifier_deinit(fly__sql_notifier *notifier)
{
    FLY_ASSERT(notifier->bytes == 0);
    fly_mutex_deinit(&notifier->mutex);
}

static fly__sql_listener *listener_of(const fly_sql_session *session)
{
    return &session->state->listener;
}

static fly_mem *mem_of(const fly_sql_session *session)
{
    return session->sql->env->mem; /* messages outlive the session that sends them */
}

/* ------------------------------------------------------------- what is to be said */

static bool same_note(const note *a, fly_bytes channel, fly_bytes payload)
{
    return fly_bytes_equal(fly_bytes_str(a->channel), channel) &&
           fly_bytes_equal(fly_bytes_str(a->payload), payload);
}

static note *make_note(fly_sql_session *session, fly_bytes channel, fly_bytes payload)
{
    size_t size = sizeof(note) + channel.len + payload.len + 2;
    note *made = fly_mem_calloc(mem_of(session), 1, size);
    if (made != NULL) {
        made->size = size;
        made->pid = fly_sql_session_pid(session);
        memcpy(made->channel, channel.data, channel.len);
        if (payload.len > 0) {
            memcpy(made->channel + channel.len + 1, payload.data, payload.len);
        }
        made->payload = made->channel + channel.len + 1;
    }
    return made;
}

fly_status fly__sql_notify(fly_sql_session *session, fly_bytes channel, fly_bytes payload,
                           fly_err *err)
{
    fly__sql_listener *own = listener_of(session);
    if (channel.len == 0) {
        return fly_err_state(err, "22023", 0, "channel name cannot be empty");
    }
    if (channel.len > FLY__SQL_CHANNEL_MAX) {
        return fly_err_state(err, "22023", 0, "channel name too long");
    }
    if (payload.len > FLY__SQL_PAYLOAD_MAX) {
        return fly_err_state(err, "22023", 0, "payload string too long");
    }
    if (own->note_bytes > FLY__SQL_NOTIFY_BYTES) {
        return fly_err_state(err, "54000", 0, "too many notifications in the NOTIFY queue");
    }
    if (own->note_slots == NULL) {
        own->note_slots =
            fly_mem_calloc(mem_of(session), FLY__SQL_NOTE_SLOTS, sizeof *own->note_slots);
        if (own->note_slots == NULL) {
            return no_memory(err);
        }
    }
    uint64_t hash = fly_hash(channel.data, channel.len, 0);
    hash = payload.len > 0 ? fly_hash(payload.data, payload.len, hash) : hash;
    struct fly__sql_pending_note **slot = &own->note_slots[hash % FLY__SQL_NOTE_SLOTS];
    for (struct fly__sql_pending_note *at = *slot; at != NULL; at = at->link) {
        if (at->hash == hash && same_note(at->note, channel, payload)) {
            return FLY_OK; /* N2 */
        }
    }
    struct fly__sql_pending_note *made = fly_mem_calloc(mem_of(session), 1, sizeof *made);
    note *said = made != NULL ? make_note(session, channel, payload) : NULL;
    if (said == NULL) {
        fly_mem_free(mem_of(session), made, sizeof *made);
        return no_memory(err);
    }
    *made = (struct fly__sql_pending_note){.link = *slot, .hash = hash, .note = said};
    *slot = made;
    if (own->last_note != NULL) {
        own->last_note->next = made;
    } else {
        own->notes = made;
    }
    own->last_note = made;
    own->note_count++;
    own->note_bytes += said->size + sizeof *made;
    return FLY_OK;
}

fly_status fly__sql_listen(fly_sql_session *session, const char *channel, bool stop, fly_err *err)
{
    fly__sql_listener *own = listener_of(session);
    if (own->listen_count + (stop ? 0 : own->subscription_count) >= FLY__SQL_CHANNELS_MAX) {
        return fly_err_state(err, "54000", 0, "cannot listen to more than %d channels",
                             FLY__SQL_CHANNELS_MAX);
    }
    struct fly__sql_pending_listen *made = fly_mem_calloc(mem_of(session), 1, sizeof *made);
    if (made == NULL) {
        return no_memory(err);
    }
    made->stop = stop;
    made->all = channel == NULL;
    if (channel != NULL) {
        size_t len = strlen(channel);
        memcpy(made->channel, channel, len < FLY__SQL_CHANNEL_MAX ? len : FLY__SQL_CHANNEL_MAX);
    }
    if (own->last_listen != NULL) {
        own->last_listen->next = made;
    } else {
        own->listens = made;
    }
    own->last_listen = made;
    own->listen_count++;
    return FLY_OK;
}

/* --------------------------------------------------------------- what is taken back */

fly__sql_notify_mark fly__sql_notify_at(const fly_sql_session *session)
{
    const fly__sql_listener *own = listener_of(session);
    return (fly__sql_notify_mark){.notes = own->note_count, .listens = own->listen_count};
}

static void drop_notes(fly_sql_session *session, uint32_t down_to)
{
    fly__sql_listener *own = listener_of(session);
    struct fly__sql_pending_note *keep = NULL;
    struct fly__sql_pending_note *at = own->notes;
    for (uint32_t i = 0; i < down_to; i++) {
        keep = at;
        at = at->next;
    }
    memset(own->note_slots, 0, FLY__SQL_NOTE_SLOTS * sizeof *own->note_slots);
    own->note_bytes = 0;
    for (struct fly__sql_pending_note *kept = own->notes; kept != at; kept = kept->next) {
        struct fly__sql_pending_note **slot = &own->note_slots[kept->hash % FLY__SQL_NOTE_SLOTS];
        own->note_bytes += kept->note->size + sizeof *kept;
        kept->link = *slot;
        *slot = kept;
    }
    while (at != NULL) {
        struct fly__sql_pending_note *next = at->next;
        if (at->note != NULL) {
            fly_mem_free(mem_of(session), at->note, at->note->size);
        }
        fly_mem_free(mem_of(session), at, sizeof *at);
        at = next;
    }
    if (keep != NULL) {
        keep->next = NULL;
    } else {
        own->notes = NULL;
    }
    own->last_note = keep;
    own->note_count = down_to;
    if (down_to == 0) {
        fly_mem_free(mem_of(session), own->note_slots,
                     FLY__SQL_NOTE_SLOTS * sizeof *own->note_slots);
        own->note_slots = NULL;
    }
}

static void drop_listens(fly_sql_session *session, uint32_t down_to)
{
    fly__sql_listener *own = listener_of(session);
    struct fly__sql_pending_listen **end = &own->listens;
    struct fly__sql_pending_listen *keep = NULL;
    for (uint32_t i = 0; i < down_to; i++) {
        keep = *end;
        end = &(*end)->next;
    }
    while (*end != NULL) {
        struct fly__sql_pending_listen *gone = *end;
        *end = gone->next;
        fly_mem_free(mem_of(session), gone, sizeof *gone);
    }
    own->last_listen = keep;
    own->listen_count = down_to;
}

void fly__sql_notify_back(fly_sql_session *session, fly__sql_notify_mark mark)
{
    const fly__sql_listener *own = listener_of(session);
    if (own->note_count > mark.notes || (mark.notes == 0 && own->note_slots != NULL)) {
        drop_notes(session, mark.notes);
    }
    if (own->listen_count > mark.listens) {
        drop_listens(session, mark.listens);
    }
}

/* -------------------------------------------------------------------- listening */

static struct fly__sql_subscription **slot_of(fly__sql_notifier *notifier, const char *channel)
{
    return &notifier->slots[fly_hash(channel, strlen(channel), 0) % FLY__SQL_CHANNEL_SLOTS];
}

static void unlink_subscription(fly__sql_notifier *notifier, struct fly__sql_subscription *gone)
{
    struct fly__sql_subscription **at = slot_of(notifier, gone->channel);
    while (*at != gone) {
        at = &(*at)->link;
    }
    *at = gone->link;
}

static void unsubscribe(fly_sql_session *session, const char *channel)
{
    struct fly__sql_subscription **at = &listener_of(session)->subscriptions;
    while (*at != NULL) {
        struct fly__sql_subscription *own = *at;
        if (channel != NULL && strcmp(own->channel, channel) != 0) {
            at = &own->sibling;
            continue;
        }
        *at = own->sibling;
        unlink_subscription(&session->database->notifier, own);
        listener_of(session)->subscription_count--;
        fly_mem_free(mem_of(session), own, sizeof *own);
    }
}

static bool is_subscribed(const fly_sql_session *session, const char *channel)
{
    const struct fly__sql_subscription *at = listener_of(session)->subscriptions;
    while (at != NULL && strcmp(at->channel, channel) != 0) {
        at = at->sibling;
    }
    return at != NULL;
}

static fly_status subscribe(fly_sql_session *session, const char *channel, fly_err *err)
{
    fly__sql_listener *own = listener_of(session);
    if (is_subscribed(session, channel)) {
        return FLY_OK;
    }
    struct fly__sql_subscription *made = fly_mem_calloc(mem_of(session), 1, sizeof *made);
    if (made == NULL) {
        return no_memory(err);
    }
    struct fly__sql_subscription **slot = slot_of(&session->database->notifier, channel);
    memcpy(made->channel, channel, strlen(channel) + 1);
    made->session = session;
    made->link = *slot;
    made->sibling = own->subscriptions;
    *slot = made;
    own->subscriptions = made;
    own->subscription_count++;
    return FLY_OK;
}

const char *fly__sql_channel_next(const fly_sql_session *session, const void **at)
{
    const struct fly__sql_subscription *next =
        *at == NULL ? listener_of(session)->subscriptions
                    : ((const struct fly__sql_subscription *)*at)->sibling;
    *at = next;
    return next == NULL ? NULL : next->channel;
}

/* -------------------------------------------------------------------- the commit */

static size_t bytes_of(const note *said)
{
    return said->size + sizeof(struct fly__sql_delivery);
}

fly_status fly__sql_notify_enter(fly_sql_session *session, fly_err *err)
{
    fly__sql_listener *own = listener_of(session);
    fly__sql_notifier *notifier = &session->database->notifier;
    if (own->notes == NULL && own->listens == NULL) {
        return FLY_OK;
    }
    fly_mutex_lock(&notifier->mutex);
    size_t bytes = notifier->bytes;
    for (const struct fly__sql_pending_note *at = own->notes; at != NULL; at = at->next) {
        bytes += bytes_of(at->note);
    }
    if (own->notes != NULL && bytes > FLY__SQL_NOTIFY_BYTES) {
        fly_mutex_unlock(&notifier->mutex);
        return fly_err_state(err, "54000", 0, "too many notifications in the NOTIFY queue");
    }
    own->locked = true;
    return FLY_OK;
}

/* Put a message into one session's queue. Without memory it is lost to that session: the transaction has
 * committed already, and there is nobody to tell. */
static void deliver(fly_sql_session *to, note *said)
{
    fly__sql_listener *listener = listener_of(to);
    struct fly__sql_delivery *made = fly_mem_calloc(mem_of(to), 1, sizeof *made);
    if (made == NULL) {
        return;
    }
    made->note = said;
    said->refs++;
    to->database->notifier.bytes += bytes_of(said);
    if (listener->last != NULL) {
        listener->last->next = made;
    } else {
        listener->first = made;
    }
    listener->last = made;
    (void)fly_add_u32(&listener->waiting, 1);
    if (listener->wake != NULL) {
        listener->wake(listener->wake_ctx);
    }
}

static void release(fly_sql_session *session, note *said)
{
    if (--said->refs == 0) {
        fly_mem_free(mem_of(session), said, said->size);
    }
}

static void say(fly_sql_session *session, note *said)
{
    said->refs = 1; /* ours, until all have it */
    struct fly__sql_subscription *at = *slot_of(&session->database->notifier, said->channel);
    for (; at != NULL; at = at->link) {
        if (strcmp(at->channel, said->channel) == 0) {
            deliver(at->session, said);
        }
    }
    release(session, said);
}

void fly__sql_notify_leave(fly_sql_session *session, bool committed)
{
    fly__sql_listener *own = listener_of(session);
    if (committed && own->locked) {
        for (const struct fly__sql_pending_listen *at = own->listens; at != NULL; at = at->next) {
            if (at->stop) {
                unsubscribe(session, at->all ? NULL : at->channel);
            } else {
                (void)subscribe(session, at->channel, NULL);
            }
        }
        for (struct fly__sql_pending_note *at = own->notes; at != NULL; at = at->next) {
            say(session, at->note);
            at->note = NULL;
        }
    }
    if (own->locked) {
        own->locked = false;
        fly_mutex_unlock(&session->database->notifier.mutex);
    }
    fly__sql_notify_back(session, (fly__sql_notify_mark){0});
}

/* ----------------------------------------------------------------------- taking */

static struct fly__sql_delivery *pop(fly_sql_session *session)
{
    fly__sql_listener *own = listener_of(session);
    struct fly__sql_delivery *first = own->first;
    if (first != NULL) {
        own->first = first->next;
        own->last = first->next == NULL ? NULL : own->last;
        (void)fly_sub_u32(&own->waiting, 1);
        session->database->notifier.bytes -= bytes_of(first->note);
    }
    return first;
}

static void free_delivery(fly_sql_session *session, struct fly__sql_delivery *delivery)
{
    if (delivery != NULL) {
        release(session, delivery->note);
        fly_mem_free(mem_of(session), delivery, sizeof *delivery);
    }
}

bool fly_sql_notification_next(fly_sql_session *session, fly_sql_notification *notification)
{
    fly__sql_listener *own = listener_of(session);
    if (fly_load_u32(&own->waiting) == 0 && own->taken == NULL) {
        return false;
    }
    if (session->txn != NULL) {
        return false;
    }
    fly_mutex_lock(&session->database->notifier.mutex);
    free_delivery(session, own->taken);
    own->taken = pop(session);
    fly_mutex_unlock(&session->database->notifier.mutex);
    if (own->taken == NULL) {
        return false;
    }
    const note *said = own->taken->note;
    *notification = (fly_sql_notification){
        .pid = said->pid, .channel = said->channel, .payload = said->payload};
    return true;
}

void fly_sql_on_notification(fly_sql_session *session, void (*wake)(void *ctx), void *ctx)
{
    fly__sql_listener *own = listener_of(session);
    fly_mutex_lock(&session->database->notifier.mutex);
    own->wake = wake;
    own->wake_ctx = ctx;
    if (wake != NULL && own->first != NULL) {
        wake(ctx);
    }
    fly_mutex_unlock(&session->database->notifier.mutex);
}

double fly__sql_notify_usage(fly_sql_session *session)
{
    fly__sql_notifier *notifier = &session->database->notifier;
    fly_mutex_lock(&notifier->mutex);
    size_t bytes = notifier->bytes;
    fly_mutex_unlock(&notifier->mutex);
    return (double)bytes / (double)FLY__SQL_NOTIFY_BYTES;
}

void fly__sql_notify_forget(fly_sql_session *session)
{
    fly__sql_listener *own = listener_of(session);
    fly__sql_notify_back(session, (fly__sql_notify_mark){0});
    fly_mutex_lock(&session->database->notifier.mutex);
    unsubscribe(session, NULL);
    free_delivery(session, own->taken);
    own->taken = NULL;
    struct fly__sql_delivery *at;
    while ((at = pop(session)) != NULL) {
        free_delivery(session, at);
    }
    fly_mutex_unlock(&session->database->notifier.mutex);
}
