/*
 * The trace: a ring of events for each thread, and a reader that merges them by time.
 *
 *     table, found by the thread's identity        ring of one thread, `size` events
 *     +--------+------+                            +-----+-----+-----+-----+-----+-----+
 *     | thread | ring-|--------------------------->|  8  |  9  |  4  |  5  |  6  |  7  |
 *     +--------+------+                            +-----+-----+-----+-----+-----+-----+
 *     | thread | ring-|--> ...                                 ^
 *     +--------+------+                                        event `done` goes here next
 *     |  none  |      |
 *     +--------+------+
 *
 * Only its own thread writes a ring, so emitting takes no lock and no atomic read-modify-write: it
 * says which event it is about to overwrite (`begun`), stores the words, and says that they are
 * there (`done`). A reader copies an event and then looks at `begun`: if the writer has come round
 * to that place, the copy may be torn and is thrown away.
 *
 *     T1  done <= begun <= done + 1; both only grow, and only the ring's thread moves them
 *     T2  event n lies at n mod size, whole, if n < done and begun <= n + size
 *     T3  a table entry, once taken, keeps its thread and its ring until the trace is destroyed
 *
 * Identities are addresses, and the address of a thread that ended may come back as a new one's,
 * which then continues the old ring: one after the other, so T1 holds. More threads than the table
 * has room for are not recorded, only counted as lost.
 *
 * What is not here: files. Whoever wants the events kept reads them and writes them down.
 */
#include <fly/base_trace.h>

#include <fly/base_hash.h>
#include <fly/base_sched.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { THREADS = 256, TABLES = 64, DEFAULT_EVENTS = 4096 };

_Static_assert((THREADS & (THREADS - 1)) == 0, "probed with a mask");

/* Words that a reader may see in change. */
struct slot {
    fly_atomic_u64 time;
    fly_atomic_u64 id;
    fly_atomic_u64 field[FLY_TRACE_FIELDS];
};

struct ring {
    fly_atomic_u64 begun;
    fly_atomic_u64 done;
    uint32_t number;
    struct slot slots[];
};

struct entry {
    fly_atomic_u64 thread; /* 0: free */
    fly_atomic_ptr ring;   /* NULL until its thread has allocated it */
};

struct registered {
    fly_atomic_ptr types; /* NULL: free */
    fly_atomic_u64 count; /* 0 until it is set */
};

struct trace {
    fly_trace head;
    fly_mem *mem;
    uint64_t size;           /* events of a ring, a power of two */
    fly_atomic_u32 rings;    /* made so far */
    fly_atomic_u64 unstored; /* events that found no ring */
    struct registered tables[TABLES];
    struct entry entries[THREADS];
};

static struct trace *of(fly_trace *trace)
{
    return (struct trace *)trace;
}

static size_t ring_bytes(const struct trace *trace)
{
    return sizeof(struct ring) + (size_t)trace->size * sizeof(struct slot);
}

/* ----------------------------------------------------------------------- create */

fly_trace *fly_trace_create(fly_mem *mem, uint32_t ring_events)
{
    struct trace *trace = fly_mem_calloc(mem, 1, sizeof *trace);
    if (trace == NULL) {
        return NULL;
    }
    trace->mem = mem;
    trace->size = 1;
    while (trace->size < (ring_events > 0 ? ring_events : DEFAULT_EVENTS)) {
        trace->size *= 2;
    }
    return &trace->head;
}

void fly_trace_destroy(fly_trace *trace_arg)
{
    if (trace_arg == NULL) {
        return;
    }
    struct trace *trace = of(trace_arg);
    for (size_t i = 0; i < THREADS; i++) {
        fly_mem_free(trace->mem, fly_load_ptr(&trace->entries[i].ring), ring_bytes(trace));
    }
    fly_mem_free(trace->mem, trace, sizeof *trace);
}

void fly_trace_set(fly_trace *trace, bool on)
{
    fly_store_u32(&trace->on, on);
}

/* ------------------------------------------------------------------------- emit */

static struct ring *ring_create(struct trace *trace)
{
    struct ring *ring = fly_mem_calloc(trace->mem, 1, ring_bytes(trace));
    if (ring != NULL) {
        ring->number = fly_add_u32(&trace->rings, 1);
    }
    return ring;
}

/* The calling thread's ring, made when it first emits; NULL if there is no room or no memory. */
static struct ring *own_ring(struct trace *trace)
{
    uint64_t thread = fly__base_thread_id();
    size_t at = (size_t)fly_hash_u64(thread);
    for (size_t probes = 0; probes < THREADS; probes++, at++) {
        struct entry *entry = &trace->entries[at & (THREADS - 1)];
        uint64_t owner = fly_load_u64(&entry->thread);
        if (owner == 0 && fly_cas_u64(&entry->thread, &owner, thread)) {
            owner = thread;
        }
        if (FLY_LIKELY(owner == thread)) {
            struct ring *ring = fly_load_ptr(&entry->ring);
            if (FLY_UNLIKELY(ring == NULL)) {
                ring = ring_create(trace);
                fly_store_ptr(&entry->ring, ring); /* pairs with the reader's load in rings_of() */
            }
            return ring;
        }
    }
    return NULL;
}

void fly__base_trace_emit(fly_trace *trace_arg, uint16_t id, uint64_t a, uint64_t b, uint64_t c,
                          uint64_t d)
{
    struct trace *trace = of(trace_arg);
    struct ring *ring = own_ring(trace);
    if (FLY_UNLIKELY(ring == NULL)) {
        fly_count_u64(&trace->unstored, 1);
        return;
    }
    uint64_t number = fly_load_relaxed_u64(&ring->done);
    struct slot *slot = &ring->slots[number & (trace->size - 1)];
    fly_store_relaxed_u64(&ring->begun, number + 1);
    fly_fence_release(); /* a reader that sees one of the words below sees `begun` too */
    fly_store_relaxed_u64(&slot->time, fly_now());
    fly_store_relaxed_u64(&slot->id, id);
    fly_store_relaxed_u64(&slot->field[0], a);
    fly_store_relaxed_u64(&slot->field[1], b);
    fly_store_relaxed_u64(&slot->field[2], c);
    fly_store_relaxed_u64(&slot->field[3], d);
    fly_store_u64(&ring->done, number + 1); /* pairs with the reader's load in cursor_at_end() */
}

/* ------------------------------------------------------------------------- read */

/* A reader's place in a ring: it goes from the newest event back to the oldest. */
struct cursor {
    const struct ring *ring;
    uint64_t left;         /* events at and before `event`; 0: the ring is done */
    fly_trace_event event; /* number left - 1 */
};

/* Copy event left - 1, or find that this and all older ones are gone. */
static void cursor_load(const struct trace *trace, struct cursor *cursor)
{
    if (cursor->left == 0) {
        return;
    }
    uint64_t number = cursor->left - 1;
    const struct slot *slot = &cursor->ring->slots[number & (trace->size - 1)];
    fly_trace_event *event = &cursor->event;
    event->thread = cursor->ring->number;
    event->time = fly_load_relaxed_u64(&slot->time);
    event->id = (uint16_t)fly_load_relaxed_u64(&slot->id);
    for (int i = 0; i < FLY_TRACE_FIELDS; i++) {
        event->field[i] = fly_load_relaxed_u64(&slot->field[i]);
    }
    fly_fence_acquire();
    if (fly_load_relaxed_u64(&cursor->ring->begun) > number + trace->size) { /* T2 */
        cursor->left = 0;
    }
}

static void cursor_at_end(const struct trace *trace, const struct ring *ring, struct cursor *cursor)
{
    cursor->ring = ring;
    cursor->left = fly_load_u64(&ring->done);
    cursor_load(trace, cursor);
}

static size_t cursors_of(const struct trace *trace, struct cursor cursors[THREADS])
{
    size_t count = 0;
    for (size_t i = 0; i < THREADS; i++) {
        const struct ring *ring = fly_load_ptr(&trace->entries[i].ring);
        if (ring != NULL) {
            cursor_at_end(trace, ring, &cursors[count++]);
        }
    }
    return count;
}

/* Whether a's event comes after b's: of two at the same time, the higher ring's. */
static bool newer(const struct cursor *a, const struct cursor *b)
{
    return a->event.time > b->event.time ||
           (a->event.time == b->event.time && a->ring->number > b->ring->number);
}

/* Events that are in no ring any more, or never were. */
static uint64_t count_lost(const struct trace *trace)
{
    uint64_t lost = fly_load_u64(&trace->unstored);
    for (size_t i = 0; i < THREADS; i++) {
        const struct ring *ring = fly_load_ptr(&trace->entries[i].ring);
        uint64_t begun = ring != NULL ? fly_load_u64(&ring->begun) : 0;
        lost += begun > trace->size ? begun - trace->size : 0;
    }
    return lost;
}

size_t fly_trace_read(fly_trace *trace_arg, fly_trace_event *events, size_t count, uint64_t *lost)
{
    const struct trace *trace = of(trace_arg);
    struct cursor cursors[THREADS];
    size_t rings = cursors_of(trace, cursors);

    /* The newest of all rings' newest goes to the end, and so on towards the front. */
    size_t at = count;
    while (at > 0) {
        struct cursor *newest = NULL;
        for (size_t i = 0; i < rings; i++) {
            if (cursors[i].left > 0 && (newest == NULL || newer(&cursors[i], newest))) {
                newest = &cursors[i];
            }
        }
        if (newest == NULL) {
            break;
        }
        events[--at] = newest->event;
        newest->left--;
        cursor_load(trace, newest);
    }
    if (at > 0) {
        memmove(events, events + at, (count - at) * sizeof *events);
    }
    if (lost != NULL) {
        *lost = count_lost(trace);
    }
    return count - at;
}

/* ------------------------------------------------------------------ names, text */

void fly_trace_register(fly_trace *trace_arg, const fly_trace_type *types, size_t count)
{
    struct trace *trace = of(trace_arg);
    for (size_t i = 0; i < TABLES; i++) {
        struct registered *table = &trace->tables[i];
        void *seen = NULL;
        /* The table is only read; a pointer to const has no atomic of its own. */
        if (fly_cas_ptr(&table->types, &seen, (void *)(uintptr_t)types)) {
            fly_store_u64(&table->count, count);
            return;
        }
        if (seen == types) {
            return;
        }
    }
    /* Full: more tables than layers. Their events are recorded and shown by number. */
}

const fly_trace_type *fly_trace_find(const fly_trace *trace_arg, uint16_t id)
{
    const struct trace *trace = (const struct trace *)trace_arg;
    for (size_t i = 0; i < TABLES; i++) {
        const fly_trace_type *types = fly_load_ptr(&trace->tables[i].types);
        size_t count = (size_t)fly_load_u64(&trace->tables[i].count);
        for (size_t k = 0; k < count; k++) {
            if (types[k].id == id) {
                return &types[k];
            }
        }
    }
    return NULL;
}

/* snprintf() into what is left of a buffer, returning the length so far. */
static int append(char *buffer, size_t size, int used, const char *name, uint64_t value)
{
    size_t at = (size_t)used < size ? (size_t)used : size;
    int more = name != NULL ? snprintf(buffer + at, size - at, " %s=%" PRIu64, name, value)
                            : snprintf(buffer + at, size - at, " %" PRIu64, value);
    return used + more;
}

int fly_trace_format(const fly_trace *trace, const fly_trace_event *event, char *buffer,
                     size_t size)
{
    const fly_trace_type *type = fly_trace_find(trace, event->id);
    int used = type != NULL ? snprintf(buffer, size, "%s", type->name)
                            : snprintf(buffer, size, "event 0x%04x", event->id);
    for (int i = 0; i < FLY_TRACE_FIELDS; i++) {
        if (type == NULL || type->fields[i] != NULL) {
            used =
                append(buffer, size, used, type != NULL ? type->fields[i] : NULL, event->field[i]);
        }
    }
    return used;
}
