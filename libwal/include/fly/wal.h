/**
 * @file wal.h
 * @brief The write-ahead log: an endless line of records, some of which are on disk for good.
 *
 *        first kept                         durable          next
 *     ───────┬────────────────────────────────┬────────────────┬─ ─ ─
 *            │  segment 7  │  segment 8  │  s │ egment 9       │
 *     ───────┴────────────────────────────────┴────────────────┴─ ─ ─
 *              on disk, survives any crash      in the ring,     free
 *                                               or being written
 *
 * A record is a payload of bytes with two labels: which resource manager it belongs to and which of
 * that manager's types it is. The log does not know what they mean. A log sequence number (LSN) is a
 * byte position in the endless line; a record's LSN is where it begins. LSN 0 is no record.
 *
 * Appending takes a place with one atomic step and copies the record into a ring in memory, many
 * threads at a time. Flushing writes finished records to preallocated segment files, past the system's
 * cache, several writes at a time. Threads that wait for the same or earlier records share a write.
 *
 * A write or sync that fails stops the log for good: every waiter and every later append gets
 * FLY_E_STOPPED. What is on disk is then found out by opening the log again.
 *
 * A log is opened in one of two ways. fly_wal_open() replays what is there, through a callback, and
 * then begins a new segment and a new life; fly_wal_reader_open() only looks.
 *
 * Threads: thread-safe, except that a reader belongs to one thread at a time.
 * Format: docs/formats/wal.md.
 */
#ifndef FLY_WAL_H
#define FLY_WAL_H

#include <fly/base_env.h>

/** @defgroup wal libwal: the write-ahead log */
/** @addtogroup wal
 *  @{ */

#define FLY_WAL_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

typedef struct fly_wal fly_wal;
typedef struct fly_wal_codec fly_wal_codec;
typedef struct fly_wal_compressor fly_wal_compressor;

enum {
    FLY_WAL_HEADER = 20,  /**< bytes in front of a record's payload */
    FLY_WAL_BLOCK = 4096, /**< what is written at once is a multiple of this */
    FLY_WAL_SEGMENT_DEFAULT = 64 << 20,
    FLY_WAL_RING_DEFAULT = 16 << 20,
    FLY_WAL_IN_FLIGHT_MAX = 32
};

/** Resource manager 0 is the log itself. */
enum {
    FLY_WAL_SELF = 0,
    FLY_WAL_TYPE_PAD = 1, /**< fills up a block or a segment; says how far the log was durable */
    FLY_WAL_TYPE_NOTE = 2 /**< behind the last record; says the same, and is overwritten */
};

/** How long a commit waits. */
typedef enum fly_durability {
    FLY_DURABILITY_DEFAULT = 0, /**< whatever the layer above was set to; here: full */
    FLY_DURABILITY_FULL,        /**< until it survives a crash of the machine */
    FLY_DURABILITY_ASYNC,       /**< not at all; it will be durable within an interval */
    FLY_DURABILITY_OFF          /**< not at all; it will be written when the ring needs room */
} fly_durability;

/** A record as a reader or a replay gets it. */
typedef struct fly_wal_record {
    uint64_t lsn;      /**< where it begins */
    uint64_t end;      /**< where the next one begins */
    uint8_t manager;   /**< resource manager */
    uint8_t type;      /**< the manager's */
    uint16_t flags;    /**< the manager's, FLY_WAL_USER_FLAGS of them */
    fly_bytes payload; /**< valid until the next call */
} fly_wal_record;

enum { FLY_WAL_USER_FLAGS = 0x0fff /**< bits of `flags` that callers may set */ };

/** What to do with a replayed record. @return FLY_E_END: this record and all behind it never happened,
 *  the log ends here. Anything else but FLY_OK: opening fails with it. */
typedef fly_status (*fly_wal_replay)(void *ctx, const fly_wal_record *record, fly_err *err);

/** Knobs. Zero means the default. */
typedef struct fly_wal_options {
    uint32_t segment_size; /**< of a new log; power of two, 64 KiB to 1 GiB; default 64 MiB */
    uint32_t ring_size;    /**< power of two, at least 64 KiB; default 16 MiB */
    uint32_t in_flight;    /**< writes at a time, at most; default: as many as pay. Through the
                                   system's cache it is one */
    uint32_t async_ms;     /**< interval of FLY_DURABILITY_ASYNC; default 10 ms */
    uint8_t uuid[16];      /**< the log's identity; of a new log, and asserted of an old one;
                                   all zero: make one up, accept any */
    bool buffered;         /**< through the system's cache, with fdatasync(); default past it */
    uint64_t replay_from;  /**< where replay begins; 0: at the oldest record there is */
    uint64_t durable_to;   /**< everything before this was durable: to lack it is corruption */
    fly_wal_replay replay; /**< default none */
    void *replay_ctx;
    const fly_wal_codec *codec;           /**< encrypts payloads; keeps; default none */
    const fly_wal_compressor *compressor; /**< for long payloads; keeps; default none */
    /** Called in the background with each segment that is complete and no longer needed, before it
     *  is reused. Failing postpones that. Default none. */
    fly_status (*archive)(void *ctx, const char *path, uint64_t segment, fly_err *err);
    void *archive_ctx;
} fly_wal_options;

/**
 * @brief Open the log in directory `dir`, replay it, and begin a new life in it.
 *
 * A directory without segments is a new log. A torn end is cut off; a hole with durable records
 * behind it is FLY_E_CORRUPT, and so is a log that ends before `durable_to` or begins after
 * `replay_from`.
 *
 * @param dir  Must exist. Copied.
 * @param[out] wal  Gives; fly_wal_close().
 */
FLY_MUST_USE fly_status fly_wal_open(fly_env *env, const char *dir, const fly_wal_options *options,
                                     fly_wal **wal, fly_err *err);

/** Flush, stop the background thread, release. The handle is gone whatever the outcome. */
FLY_MUST_USE fly_status fly_wal_close(fly_wal *wal, fly_err *err);

/** Release without flushing, as a crash would. NULL is fine. */
void fly_wal_abandon(fly_wal *wal);

/* ---------------------------------------------------------------------- appending */

/** The longest payload that a record of this log may have. */
size_t fly_wal_payload_max(const fly_wal *wal);

/**
 * @brief Append a record made of `count` pieces.
 *
 * @param manager  Not FLY_WAL_SELF: that is the log itself.
 * @param flags  Bits of FLY_WAL_USER_FLAGS; FLY_WAL_MUST may be added.
 * @param[out] lsn  Where the record begins. If not NULL.
 * @param[out] end  Where it ends: what to flush to. If not NULL.
 * @return FLY_E_TOO_LARGE; FLY_E_NO_SPACE (the disk is full: nothing was appended, and it will work
 *         again when there is room); FLY_E_STOPPED.
 * @cost   One compare-and-swap and the copy. Waits for a write when the ring is full.
 */
FLY_MUST_USE fly_status fly_wal_append(fly_wal *wal, uint8_t manager, uint8_t type, uint16_t flags,
                                       const fly_bytes *pieces, int count, uint64_t *lsn,
                                       uint64_t *end, fly_err *err);

/** With the flags of fly_wal_append(): may use the room that is kept for finishing what was begun
 *  when the disk is full. */
#define FLY_WAL_MUST 0x8000u

/** Where the next record will begin, or later. */
uint64_t fly_wal_next(const fly_wal *wal);

/** Everything before this survives a crash. */
uint64_t fly_wal_durable(const fly_wal *wal);

/**
 * @brief See to it that everything before `lsn` is as durable as `level` says.
 *
 * @return FLY_E_STOPPED: a write failed; whether these records are durable is not known.
 * @cost   FULL: one write of the disk, shared with whoever waits at the same time.
 */
FLY_MUST_USE fly_status fly_wal_flush(fly_wal *wal, uint64_t lsn, fly_durability level,
                                      fly_err *err);

/**
 * @brief Let the next record begin a new segment: so that the one before can be archived, or retired
 *        with all that is in it. Does nothing where the log is at the beginning of a segment.
 *
 * Nobody may append meanwhile.
 *
 * @return FLY_E_STOPPED; FLY_E_NO_SPACE and other failures to make a file, after which the log goes on as
 *         it was.
 * @cost   Two writes of the disk.
 */
FLY_MUST_USE fly_status fly_wal_roll(fly_wal *wal, fly_err *err);

/** Whether the log has stopped, after a write that failed. */
bool fly_wal_is_stopped(const fly_wal *wal);

/** The log's identity, 16 bytes. */
const uint8_t *fly_wal_uuid(const fly_wal *wal);

/* ----------------------------------------------------------------------- retention */

/** Records before `lsn` are not needed by the caller of this function any more. */
void fly_wal_retire(fly_wal *wal, uint64_t lsn);

/** The oldest record that can be read begins here or later. */
uint64_t fly_wal_first(const fly_wal *wal);

/** Somebody who needs old records: a replica, a backup. Lives where its owner keeps it. */
typedef struct fly_wal_hold {
    struct fly_wal_hold *next; /**< of the log's list */
    uint64_t lsn;              /**< nothing from here on goes away */
} fly_wal_hold;

/** Keep records from `lsn` on; FLY_E_NOT_FOUND if they are gone already. */
FLY_MUST_USE fly_status fly_wal_hold_acquire(fly_wal *wal, fly_wal_hold *hold, uint64_t lsn,
                                             fly_err *err);

/** Let records before `lsn` go. */
void fly_wal_hold_move(fly_wal *wal, fly_wal_hold *hold, uint64_t lsn);

/** Let go of everything. */
void fly_wal_hold_release(fly_wal *wal, fly_wal_hold *hold);

/** Bytes of a segment: LSN / this is a segment's number. */
uint32_t fly_wal_segment_size(const fly_wal *wal);

enum { FLY_WAL_NAME_MAX = 32 };

/** The name of a segment's file, e.g. "000000000007.wal". */
void fly_wal_segment_name(uint64_t number, char name[FLY_WAL_NAME_MAX]);

/** The number in the name of a segment's file; false for other names. */
bool fly_wal_segment_number(const char *name, uint64_t *number);

/* ------------------------------------------------------------------------- reading */

typedef struct fly_wal_reader fly_wal_reader;

/**
 * @brief Read the log in a directory, from the record at `lsn` on (0: from the oldest).
 *
 * @param wal    A live log, to follow its end: only durable records are read. Or NULL: the files as
 *               they are.
 * @param codec  What decodes it, when `wal` is NULL; else the log's own.
 * @param[out] reader  Gives; fly_wal_reader_close().
 */
FLY_MUST_USE fly_status fly_wal_reader_open(fly_env *env, const char *dir, fly_wal *wal,
                                            const fly_wal_codec *codec,
                                            const fly_wal_compressor *compressor, uint64_t lsn,
                                            fly_wal_reader **reader, fly_err *err);

/**
 * @brief The next record; pads are passed over.
 *
 * @return FLY_E_END at the end of the log (of a live one: of what is durable); FLY_E_CORRUPT if
 *         records that were durable are damaged or missing; FLY_E_NOT_FOUND if `lsn` is older than
 *         the oldest segment.
 */
FLY_MUST_USE fly_status fly_wal_reader_next(fly_wal_reader *reader, fly_wal_record *record,
                                            fly_err *err);

/** Where the reader is: the end of the last record it gave. */
uint64_t fly_wal_reader_position(const fly_wal_reader *reader);

/** Close. NULL is fine. */
void fly_wal_reader_close(fly_wal_reader *reader);

/**
 * @brief Wait until something at or behind `lsn` is durable, or `deadline` (fly_now()) passed.
 *
 * @return FLY_E_TIMEOUT; FLY_E_STOPPED.
 */
FLY_MUST_USE fly_status fly_wal_wait(fly_wal *wal, uint64_t lsn, uint64_t deadline, fly_err *err);

/** Go on reading at the record at `lsn`, forwards or back. */
FLY_MUST_USE fly_status fly_wal_reader_seek(fly_wal_reader *reader, uint64_t lsn, fly_err *err);

/* ------------------------------------------------------------------- codec, compressor */

/** Encrypts payloads. */
struct fly_wal_codec {
    uint32_t id;       /**< stored in each segment; 0 is no codec */
    uint32_t overhead; /**< bytes that a payload grows by */
    /** Describe a new segment: 64 bytes, kept in its header. */
    fly_status (*describe)(const fly_wal_codec *codec, uint8_t params[64], fly_err *err);
    /** Encode `len` bytes into `len + overhead`. `lsn` is never the same twice in a segment. */
    fly_status (*encode)(const fly_wal_codec *codec, const uint8_t params[64], uint64_t lsn,
                         const uint8_t header[8], const uint8_t *plain, size_t len, uint8_t *out,
                         fly_err *err);
    /** Undo it; `len` is that of the encoded bytes, `overhead` or more. FLY_E_KEY: that needs another
     *  key; FLY_E_CORRUPT: these are not bytes that encode() made. */
    fly_status (*decode)(const fly_wal_codec *codec, const uint8_t params[64], uint64_t lsn,
                         const uint8_t header[8], const uint8_t *in, size_t len, uint8_t *plain,
                         fly_err *err);
};

/** Compresses payloads. */
struct fly_wal_compressor {
    uint32_t threshold; /**< shorter payloads are left alone */
    /** Compress into at most `room` bytes; 0 if that is not possible. */
    size_t (*compress)(const fly_wal_compressor *compressor, const uint8_t *in, size_t len,
                       uint8_t *out, size_t room);
    /** Decompress into exactly `len` bytes. FLY_E_CORRUPT. */
    fly_status (*decompress)(const fly_wal_compressor *compressor, const uint8_t *in, size_t size,
                             uint8_t *out, size_t len, fly_err *err);
};

/* --------------------------------------------------------------------- watching it */

/** What the log has done in this life. */
typedef struct fly_wal_stats {
    uint64_t records;   /**< records flushed */
    uint64_t bytes;     /**< bytes of the log flushed, pads included */
    uint64_t writes;    /**< writes of the disk */
    uint64_t waits;     /**< flushes that waited for somebody else's write */
    uint64_t full;      /**< appends that waited for room in the ring */
    uint32_t in_flight; /**< writes at a time that are allowed now */
    uint32_t segments;  /**< segment files */
} fly_wal_stats;

/** Take the counters. */
void fly_wal_get_stats(const fly_wal *wal, fly_wal_stats *stats);

/** Events of this layer, for the trace. */
enum {
    FLY_WAL_EVENT_APPENDED = FLY_TRACE_ID(FLY_TRACE_WAL, 1), /**< lsn, bytes, manager, type */
    FLY_WAL_EVENT_SYNCED = FLY_TRACE_ID(FLY_TRACE_WAL, 2),   /**< from, to, ns */
    FLY_WAL_EVENT_SEGMENT = FLY_TRACE_ID(FLY_TRACE_WAL, 3),  /**< segment, recycled */
    FLY_WAL_EVENT_RETIRED = FLY_TRACE_ID(FLY_TRACE_WAL, 4),  /**< segment */
    FLY_WAL_EVENT_STOPPED = FLY_TRACE_ID(FLY_TRACE_WAL, 5)   /**< durable */
};

FLY_EXTERN_C_END
/** @} */
#endif
