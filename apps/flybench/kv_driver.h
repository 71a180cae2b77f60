/*
 * What a key-value store must offer to be measured: one table of functions per engine.
 *
 * An engine is added with one file kv_<name>.c that defines a `const kv_driver kv_<name>`, a row in
 * kv_drivers.c and a line in CMakeLists.txt. The driver sets its engine up as an expert in that
 * engine would for the case at hand; what it is told about the case stands in kv_setup.
 *
 * A measurement calls, in a process of its own:
 *
 *     open
 *       for each thread: session_open
 *         (begin, put | get | del | range ..., commit | abort)     a transaction
 *         put | get | del | range                                  without begin: one of its own
 *       session_close
 *       checkpoint, settle                                         only while no session is open
 *     close
 *
 * Threads: a store is shared; a session is used by the thread that opened it. Errors: as everywhere
 * in FlyDB. FLY_E_CONFLICT and FLY_E_DEADLOCK from a write or a commit mean that the transaction is
 * over and may be run again.
 */
#ifndef FLYBENCH_KV_DRIVER_H
#define FLYBENCH_KV_DRIVER_H

#include "kv_data.h"

#include <fly/base.h>

/** What a commit promises once it has returned. */
typedef enum kv_durability {
    KV_OFF,   /**< nothing: no log is needed */
    KV_ASYNC, /**< the change is on its way to the disk, and is synced at some time or by the OS */
    KV_FULL,  /**< the change survives the loss of power */
    KV_DURABILITY_COUNT
} kv_durability;

/** What a driver is told when it opens a store. */
typedef struct kv_setup {
    const char *dir;          /**< exists; empty, or as this driver's close() left it */
    kv_shape shape;           /**< of the records */
    uint64_t records;         /**< that the store will hold at most, more or less */
    uint64_t cache_bytes;     /**< for the engine's own cache */
    uint64_t memory_bytes;    /**< for the process and its part of the page cache; 0: no limit */
    uint32_t threads;         /**< sessions that will be open at once, at most */
    kv_durability durability; /**< of every commit */
    bool ordered;             /**< keys will only be put in ascending order, each once */
} kv_setup;

typedef struct kv_store kv_store;     /* each driver has its own */
typedef struct kv_session kv_session; /* each driver has its own */

/** An engine. Everything may fail with a message unless it says otherwise. */
typedef struct kv_driver {
    const char *name;     /**< lower case, one word */
    const char *settings; /**< one line: what was set, other than the defaults */
    /** How each level is kept, one line; NULL if the engine cannot. */
    const char *durability[KV_DURABILITY_COUNT];
    /** Only put() outside transactions works: the engine takes part in durable commits only. */
    bool commits_only;

    /** Write the engine's version, e.g. "0.9.24". Cannot fail. */
    void (*version)(char *buffer, size_t size);

    /** @param[out] store Gives; close(). */
    fly_status (*open)(const kv_setup *setup, kv_store **store, fly_err *err);
    /** The handle is gone whatever the outcome. What was committed is there at the next open. */
    fly_status (*close)(kv_store *store, fly_err *err);
    /** Bring everything that was committed to its final place on disk, and sync it. */
    fly_status (*checkpoint)(kv_store *store, fly_err *err);
    /** Bring the store into the state in which reads are fastest (compact it); NULL: nothing to do.
     */
    fly_status (*settle)(kv_store *store, fly_err *err);

    /** @param[out] session Gives; session_close(). */
    fly_status (*session_open)(kv_store *store, kv_session **session, fly_err *err);
    /** Only outside a transaction. Cannot fail. */
    void (*session_close)(kv_session *session);

    /** Reads in a transaction that does not write see one snapshot. */
    fly_status (*begin)(kv_session *session, bool write, fly_err *err);
    fly_status (*commit)(kv_session *session, fly_err *err);
    /** Cannot fail. */
    void (*abort)(kv_session *session);

    /** Insert, or replace what is there. `key` and `value` are borrowed. */
    fly_status (*put)(kv_session *session, fly_bytes key, fly_bytes value, fly_err *err);
    /** Remove a key that is there. */
    fly_status (*del)(kv_session *session, fly_bytes key, fly_err *err);
    /** Copy the value to `buffer`, which has `size` bytes; FLY_E_NOT_FOUND. Not called in a
     *  transaction that writes. */
    fly_status (*get)(kv_session *session, fly_bytes key, uint8_t *buffer, size_t size, size_t *len,
                      fly_err *err);
    /** Call kv_fold_entry() for up to `limit` records in order, from the first whose key is not
     *  before `from`; an empty `from` is before every key. Not called in a transaction that writes.
     */
    fly_status (*range)(kv_session *session, fly_bytes from, uint64_t limit, kv_fold *fold,
                        fly_err *err);
} kv_driver;

/** A row of the table of engines. */
typedef struct kv_engine {
    const char *name;
    const kv_driver *driver; /**< NULL: not in this build */
} kv_engine;

enum { KV_ENGINE_COUNT = 6 };

/** Every engine that flybench knows, FlyDB first. */
extern const kv_engine kv_engines[KV_ENGINE_COUNT];

/** The name of a level: "off", "async", "full". */
const char *kv_durability_name(kv_durability level);

#endif
