/**
 * @file base_trace.h
 * @brief Watching the engine: typed events in a ring for each thread.
 *
 * Every layer lists its events in its public header, as a table of names and field names that it
 * registers with the trace when a handle is created. Emitting costs one predicted branch while the
 * trace is off and tens of nanoseconds while it is on, most of them for the clock. A ring keeps the newest events and counts
 * what it overwrote; a reader merges the rings by time.
 *
 *     FLY_TRACE(env->trace, FLY_WAL_EVENT_SYNCED, lsn, bytes, nanoseconds, 0);
 *
 * Threads: thread-safe. Reading while others emit sees each event whole or not at all.
 */
#ifndef FLY_BASE_TRACE_H
#define FLY_BASE_TRACE_H

#include <fly/base_mem.h>

/** @addtogroup base
 *  @{ */
FLY_EXTERN_C_BEGIN

enum { FLY_TRACE_FIELDS = 4 };

/** A kind of event: its number, its name, and what its fields mean (unused ones are NULL). */
typedef struct fly_trace_type {
    uint16_t id;      /**< FLY_TRACE_ID(layer, n) */
    const char *name; /**< e.g. "page evicted" */
    const char *fields[FLY_TRACE_FIELDS];
} fly_trace_type;

/** Event numbers: a layer's own number, then its n-th event. */
#define FLY_TRACE_ID(layer, n) (((layer) << 8) | (n))

/** Numbers of the layers, in `docs/layers.txt` order. */
enum {
    FLY_TRACE_BASE = 1,
    FLY_TRACE_PAGE,
    FLY_TRACE_BUFPOOL,
    FLY_TRACE_WAL,
    FLY_TRACE_BTREE,
    FLY_TRACE_TXN,
    FLY_TRACE_NET,
    FLY_TRACE_LAYERS = 32
};

/** An event as it lies in a ring and as a reader gets it. */
typedef struct fly_trace_event {
    uint64_t time;   /**< fly_now() */
    uint32_t thread; /**< number of the ring, from 0 */
    uint16_t id;
    uint64_t field[FLY_TRACE_FIELDS];
} fly_trace_event;

typedef struct fly_trace fly_trace;

/** @cond */
struct fly_trace {
    fly_atomic_u32 on; /* the rest is in trace.c */
};
void fly__base_trace_emit(fly_trace *trace, uint16_t id, uint64_t a, uint64_t b, uint64_t c,
                          uint64_t d);
/** @endcond */

/**
 * @brief Create a trace that is off.
 *
 * @param ring_events  Events kept for each thread; 0 means 4,096; rounded up to a power of two.
 * @return Gives; fly_trace_destroy(). NULL if there was no memory.
 */
fly_trace *fly_trace_create(fly_mem *mem, uint32_t ring_events);

/** Release. Nobody may be emitting. NULL is fine. */
void fly_trace_destroy(fly_trace *trace);

/** Switch emission on or off. */
void fly_trace_set(fly_trace *trace, bool on);

/** Make a layer's events known by name. `types` is kept. Registering twice is fine. Beyond 64 tables
 *  events are recorded all the same and shown by number. */
void fly_trace_register(fly_trace *trace, const fly_trace_type *types, size_t count);

/** The type of an event, or NULL if its layer has not registered it. */
const fly_trace_type *fly_trace_find(const fly_trace *trace, uint16_t id);

/**
 * @brief Copy the newest events of all threads, oldest first.
 *
 * Takes nothing out: two reads in a row give the same, if nothing was emitted in between.
 *
 * @param[out] lost  If not NULL: events since creation that are in no ring any more, or found no
 *                   ring because there was no memory or there were too many threads.
 * @return How many were copied, at most `count`.
 * @cost   O(count * threads).
 */
size_t fly_trace_read(fly_trace *trace, fly_trace_event *events, size_t count, uint64_t *lost);

/** Write an event as text, e.g. `page evicted page=17 dirty=1`; returns its length as snprintf. */
int fly_trace_format(const fly_trace *trace, const fly_trace_event *event, char *buffer,
                     size_t size);

/** Emit an event, if a trace is there and on. */
#define FLY_TRACE(trace, id, a, b, c, d)                                                           \
    do {                                                                                           \
        if (FLY_UNLIKELY((trace) != NULL && fly_load_relaxed_u32(&(trace)->on) != 0)) {            \
            fly__base_trace_emit((trace), (uint16_t)(id), (uint64_t)(a), (uint64_t)(b),            \
                                 (uint64_t)(c), (uint64_t)(d));                                    \
        }                                                                                          \
    } while (0)

FLY_EXTERN_C_END
/** @} */
#endif
