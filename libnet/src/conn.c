/*
 * A connection as its protocol sees it: buffers, limits, deadlines, who it is.
 *
 * Input and output are each one contiguous buffer, so that a message and a row are spans and need no
 * gathering. Buffers are there only while they hold something: an idle connection has given both back
 * to the worker that served it, which lends them to the next.
 *
 *     input    |....consumed....|======= fly_net_input() =======|      room      |
 *              0                at                              end            size
 *
 * What is not here: sockets (serve.c), TLS (tls.c), when run() is called (serve.c).
 */
#include "net_int.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* --------------------------------------------------------------------- buffers */

static uint8_t *block_take(fly_net_conn *conn, size_t size)
{
    fly__net_worker *worker = conn->worker;
    if (size == FLY__NET_BUFFER && worker != NULL && worker->spares > 0) {
        return worker->spare[--worker->spares];
    }
    return fly_mem_alloc(&conn->net->account.mem, size);
}

static void block_give(fly_net_conn *conn, uint8_t *data, size_t size)
{
    fly__net_worker *worker = conn->worker;
    if (size == FLY__NET_BUFFER && worker != NULL && worker->spares < FLY__NET_SPARES) {
        worker->spare[worker->spares++] = data;
        return;
    }
    fly_mem_free(&conn->net->account.mem, data, size);
}

void fly__net_spares_free(fly__net_worker *worker)
{
    while (worker->spares > 0) {
        fly_mem_free(&worker->net->account.mem, worker->spare[--worker->spares], FLY__NET_BUFFER);
    }
}

/* Make room for `room` bytes at the end: by moving what is there to the front, or by a larger block. */
bool fly__net_buffer_grow(fly_net_conn *conn, fly__net_buffer *buffer, size_t room)
{
    size_t len = fly__net_buffer_len(buffer);
    if (buffer->size - buffer->end >= room) {
        return true;
    }
    if (buffer->size - len >= room && len <= buffer->size / 2) {
        memmove(buffer->data, buffer->data + buffer->at, len);
        buffer->at = 0;
        buffer->end = len;
        return true;
    }
    uint64_t limit = conn->net->options.memory_max;
    if (room > limit || len > limit - room) {
        return false;
    }
    size_t size = buffer->size > 0 ? buffer->size : FLY__NET_BUFFER;
    while (size < len + room) {
        size *= 2; /* the limit is far below where this would overflow: see fly_net_create() */
    }
    uint8_t *data = block_take(conn, size);
    if (data == NULL) {
        return false;
    }
    if (len > 0) {
        memcpy(data, buffer->data + buffer->at, len);
    }
    if (buffer->data != NULL) {
        block_give(conn, buffer->data, buffer->size);
    }
    *buffer = (fly__net_buffer){.data = data, .size = size, .end = len};
    return true;
}

/* Nothing is in it: somebody else may have it. */
void fly__net_buffer_back(fly_net_conn *conn, fly__net_buffer *buffer)
{
    FLY_ASSERT(buffer->at == buffer->end);
    if (buffer->data != NULL) {
        block_give(conn, buffer->data, buffer->size);
    }
    *buffer = (fly__net_buffer){0};
}

/* --------------------------------------------------------------------- life */

fly_net_conn *fly__net_conn_create(fly_net *net, const fly__net_listening *from, int fd,
                                   const fly_net_peer_info *peer)
{
    size_t size = sizeof(fly_net_conn) + from->protocol->state_size;
    fly_net_conn *conn = fly_mem_calloc(&net->account.mem, 1, size);
    if (conn == NULL) {
        return NULL;
    }
    conn->slot = fly__net_slot_take(net);
    if (conn->slot == NULL) {
        fly_mem_free(&net->account.mem, conn, size);
        return NULL;
    }
    conn->net = net;
    conn->from = from;
    conn->protocol = from->protocol;
    conn->fd = fd;
    conn->size = size;
    conn->id = fly_add_u64(&net->next_id, 1) + 1;
    conn->token = (fly_load_u64(&conn->slot->state) & ~(uint64_t)UINT32_MAX) | conn->slot->index;
    conn->slot->conn = conn;
    conn->input_max = net->options.input_max;
    conn->deadline = FLY_FOREVER;
    conn->own_deadline = FLY_FOREVER;
    conn->peer = *peer;
    fly_account_init(&conn->account, &net->account.mem, "connection", net->options.memory_max);
    return conn;
}

/* The owner ends it. The slot's generation ends before the socket does: see N3. */
void fly__net_conn_destroy(fly_net_conn *conn)
{
    fly_net *net = conn->net;
    if (conn->opened && conn->protocol->close != NULL) {
        conn->protocol->close(conn);
    }
    FLY_TRACE(net->env->trace, FLY_NET_EVENT_CLOSED, conn->id, conn->bytes_in, conn->bytes_out, 0);
    fly__net_timer_drop(net, conn->slot);
    fly__net_slot_give(net, conn->slot);
    fly__net_tls_end(conn);
    close(conn->fd);
    conn->in.at = conn->in.end;
    conn->out.at = conn->out.end;
    fly__net_buffer_back(conn, &conn->in);
    fly__net_buffer_back(conn, &conn->out);
    fly_account_deinit(&conn->account);
    fly_mem_free(&net->account.mem, conn, conn->size);

    /* Whoever drains waits for the last; whoever waits for descriptors can have this one. */
    if (fly_sub_u32(&net->connections, 1) == 1 && fly_load_u32(&net->draining) != 0) {
        fly_mutex_lock(&net->keeper_mutex);
        fly_cond_broadcast(&net->drain_cond);
        fly_mutex_unlock(&net->keeper_mutex);
    }
}

/* --------------------------------------------------------------------- input */

fly_bytes fly_net_input(const fly_net_conn *conn)
{
    return fly_bytes_of(conn->in.data != NULL ? conn->in.data + conn->in.at : NULL,
                        fly__net_buffer_len(&conn->in));
}

void fly_net_consume(fly_net_conn *conn, size_t n)
{
    FLY_ASSERT(n <= fly__net_buffer_len(&conn->in));
    conn->in.at += n;
    if (conn->in.at == conn->in.end) {
        conn->in.at = 0;
        conn->in.end = 0;
    }
    conn->expect = 0;
}

fly_status fly_net_expect(fly_net_conn *conn, size_t n)
{
    if (n > conn->input_max) {
        fly_count_u64(&conn->net->overflows, 1);
        return FLY_E_TOO_LARGE;
    }
    conn->expect = n;
    return FLY_OK;
}

void fly_net_limit(fly_net_conn *conn, size_t input_max)
{
    conn->input_max = input_max;
}

bool fly_net_read(fly_net_conn *conn)
{
    if (conn->finished || conn->cut || conn->ended || conn->handshaking) {
        return false;
    }
    switch (fly__net_receive(conn)) {
    case FLY__NET_GOT_BYTES:
        return true;
    case FLY__NET_GOT_NOTHING:
        return false;
    case FLY__NET_GOT_END:
        conn->ended = true;
        return false;
    case FLY__NET_GOT_TOO_MUCH:
        return false;
    case FLY__NET_GOT_ERROR:
        conn->cut = true;
        return false;
    }
    return false;
}

bool fly_net_ended(const fly_net_conn *conn)
{
    return conn->ended;
}

/* --------------------------------------------------------------------- output */

uint8_t *fly_net_reserve(fly_net_conn *conn, size_t n)
{
    conn->reserved = 0;
    if (conn->cut || conn->finished) {
        return NULL;
    }
    if (!fly__net_buffer_grow(conn, &conn->out, n)) {
        fly_count_u64(&conn->net->overflows, 1);
        fly_log(conn->net->env, FLY_LOG_WARNING,
                "connection %" PRIu64 " closed: no memory for %zu bytes of output", conn->id, n);
        conn->cut = true;
        return NULL;
    }
    conn->reserved = n;
    return conn->out.data + conn->out.end;
}

void fly_net_commit(fly_net_conn *conn, size_t n)
{
    FLY_ASSERT(n <= conn->reserved);
    conn->out.end += n;
    conn->reserved = 0;
}

void fly_net_write(fly_net_conn *conn, const void *data, size_t n)
{
    if (n == 0) {
        return;
    }
    uint8_t *to = fly_net_reserve(conn, n);
    if (to != NULL) {
        memcpy(to, data, n);
        fly_net_commit(conn, n);
    }
}

size_t fly_net_pending(const fly_net_conn *conn)
{
    return fly__net_buffer_len(&conn->out);
}

void fly_net_rewind(fly_net_conn *conn, size_t pending)
{
    FLY_ASSERT(pending <= fly__net_buffer_len(&conn->out));
    conn->out.end = conn->out.at + pending;
}

void fly_net_flush(fly_net_conn *conn)
{
    if (!conn->cut && !fly__net_send(conn)) {
        conn->cut = true;
    }
}

bool fly_net_full(fly_net_conn *conn)
{
    size_t max = conn->net->options.output_max;
    if (fly__net_buffer_len(&conn->out) < max) {
        return false;
    }
    fly_net_flush(conn);
    if (fly__net_buffer_len(&conn->out) < max && !conn->cut) {
        return false;
    }
    conn->stalled = true;
    return true;
}

void fly_net_finish(fly_net_conn *conn)
{
    if (!conn->finished) {
        conn->finished = true;
        conn->own_deadline = fly_now() + conn->net->options.linger_ns;
    }
}

void fly_net_cut(fly_net_conn *conn)
{
    conn->cut = true;
}

bool fly_net_finished(const fly_net_conn *conn)
{
    return conn->finished || conn->cut;
}

/* --------------------------------------------------------------------- time, and who it is */

void fly_net_timeout(fly_net_conn *conn, uint64_t nanoseconds, uint32_t what)
{
    FLY_ASSERT(nanoseconds == 0 || what != 0);
    conn->deadline = nanoseconds == 0 ? FLY_FOREVER : fly_now() + nanoseconds;
    conn->deadline_what = what;
}

uint32_t fly_net_timed_out(const fly_net_conn *conn)
{
    return conn->timed_out;
}

void *fly_net_state(const fly_net_conn *conn)
{
    return (void *)(uintptr_t)conn->state;
}

void *fly_net_ctx(const fly_net_conn *conn)
{
    return conn->from->ctx;
}

uint64_t fly_net_id(const fly_net_conn *conn)
{
    return conn->id;
}

fly_mem *fly_net_mem(fly_net_conn *conn)
{
    return &conn->account.mem;
}

bool fly_net_draining(const fly_net_conn *conn)
{
    return fly_load_u32(&conn->net->draining) != 0;
}

const fly_net_peer_info *fly_net_peer(const fly_net_conn *conn)
{
    return &conn->peer;
}
