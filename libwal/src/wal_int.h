/* What a log is in memory, and what its bytes are. Private to libwal.
 *
 * wal.c appends, flush.c writes, segment.c minds the files, reader.c reads, codec.c changes payloads,
 * open.c replays and begins a life.
 */
#ifndef FLY_WAL_INT_H
#define FLY_WAL_INT_H

#include <fly/base_bytes.h>
#include <fly/base_hash.h>
#include <fly/wal.h>

/* Ranks of mutexes (docs/locking.md). */
enum { RANK_FLUSH = 500, RANK_SEGMENTS = 510 };

/* -------------------------------------------------------------------- a record's header */

enum {
    AT_LENGTH = 0, /* u32: header and payload, without what aligns the next record */
    AT_CRC = 4,    /* u32: over everything else; of a pad, over header and first 8 bytes only */
    AT_MANAGER = 8,
    AT_TYPE = 9,
    AT_FLAGS = 10, /* u16 */
    AT_LSN = 12,   /* u64; written last, its low half by one store: then the record is complete */
    RECORD_ALIGN = 8,
    PAD_MIN = 32, /* a pad says how far the log was durable, so it is a header and eight bytes */
    PAD_CHECKED = FLY_WAL_HEADER + 8
};

enum {
    FLAG_COMPRESSED = 0x4000, /* the payload begins with its u32 true length */
    FLAG_ENCRYPTED = 0x2000,
    STORED_FLAGS = FLAG_COMPRESSED | FLAG_ENCRYPTED | FLY_WAL_USER_FLAGS
};

static inline uint64_t fly__wal_align(uint64_t x)
{
    return (x + RECORD_ALIGN - 1) & ~(uint64_t)(RECORD_ALIGN - 1);
}

static inline uint64_t fly__wal_block_down(uint64_t x)
{
    return x & ~(uint64_t)(FLY_WAL_BLOCK - 1);
}

static inline uint64_t fly__wal_block_up(uint64_t x)
{
    return fly__wal_block_down(x + FLY_WAL_BLOCK - 1);
}

/* The bytes of a record that its checksum covers, without the length and the checksum itself. */
static inline size_t fly__wal_checked(const uint8_t *header, uint32_t length)
{
    bool pad = header[AT_MANAGER] == FLY_WAL_SELF && header[AT_TYPE] == FLY_WAL_TYPE_PAD;
    return (pad && length > PAD_CHECKED ? (size_t)PAD_CHECKED : length) - AT_MANAGER;
}

/* ------------------------------------------------------------------------ segment files */

/* The first block of each segment. */
enum {
    SEGMENT_VERSION = 1,
    SEG_AT_VERSION = 8,
    SEG_AT_SIZE = 12,
    SEG_AT_UUID = 16,
    SEG_AT_NUMBER = 32,
    SEG_AT_PREVIOUS_END = 40, /* the log's valid bytes before this segment end here */
    SEG_AT_DURABLE = 48,      /* how far the log was durable when the segment began */
    SEG_AT_CREATED = 56,      /* microseconds since 1970 */
    SEG_AT_CODEC = 64,
    SEG_AT_PARAMS = 72,
    SEG_AT_CRC = FLY_WAL_BLOCK - 4,
    SEGMENT_PARAMS = 64
};

/* A segment header, decoded. */
struct fly__wal_segment {
    uint64_t number;
    uint64_t previous_end;
    uint64_t durable;
    uint64_t created;
    uint32_t size;
    uint32_t codec;
    uint8_t uuid[16];
    uint8_t params[SEGMENT_PARAMS];
};

/* A segment that can be written, or soon. */
struct fly__wal_file {
    uint64_t number;
    fly_file *file;
    uint32_t zeroed; /* bytes from the start that are on disk as zeros or as old records */
    bool headed;     /* its header block has been written, or is being written */
    uint8_t *header; /* that block */
    uint8_t params[SEGMENT_PARAMS];
};

enum { OPEN_SEGMENTS = 4 }; /* the one being written, the one before, and the next */

/* --------------------------------------------------------------------------- the log */

/* A write on its way to the disk. */
struct fly__wal_write {
    uint64_t end; /* records before this are in it, or in an earlier one */
    bool sealed;  /* it ends with a block: the next write touches none of its blocks */
    bool done;
    uint8_t *bounce; /* the last, partial block, so that appending may go on in the ring */
};

/* A thread that waits for durability. Lives on its stack. */
struct fly__wal_waiter {
    struct fly__wal_waiter *next;
    uint64_t lsn;
    fly_atomic_u32 woken; /* 0 asleep; 1 look again */
};

/* How many writes at a time pay: an experiment that goes on (gain.c). */
struct fly__wal_gain {
    uint64_t began; /* the window; what had been counted by then: */
    uint64_t records;
    uint64_t writes;
    uint64_t waits;
    double best_rate; /* records per nanosecond, with `best` */
    uint32_t best;
    uint32_t windows; /* since the last experiment */
    bool trying;
    bool upwards; /* the last experiment was with more */
};

struct fly_wal {
    fly_env *env;
    char dir[FLY_PATH_MAX];
    uint8_t uuid[16];
    uint32_t segment_size;
    uint32_t ring_size;
    bool buffered;
    uint8_t *ring;
    const fly_wal_codec *codec;
    const fly_wal_compressor *compressor;
    uint64_t async_ns;
    uint64_t life_start; /* LSN at which this life began */

    /* Written by every append. */
    uint8_t gap1[FLY_CACHE_LINE];
    fly_atomic_u64 next; /* where the next record goes */
    uint8_t gap2[FLY_CACHE_LINE];

    /* Read by every append, written by flushes. */
    fly_atomic_u64 ceiling;    /* what ring and disk have room for, a reserve left alone */
    fly_atomic_u64 ring_limit; /* appends end before this, or would overwrite what is unwritten */
    fly_atomic_u64 room;       /* disk space is reserved up to here */
    fly_atomic_u64 durable;
    fly_atomic_u32 failed;   /* a write failed: nothing goes on */
    fly_atomic_u64 async_to; /* somebody was promised that this will be durable soon */
    fly_atomic_u64 waits;
    fly_atomic_u64 full;

    fly_mutex flush_mutex;
    /* flush_mutex guards from here */
    uint64_t submitted; /* records before this are written or being written */
    uint64_t zeroed;    /* the ring holds zeros, or newer records, for everything before this */
    struct fly__wal_write writes[FLY_WAL_IN_FLIGHT_MAX]; /* a queue, oldest first, wrapping */
    uint32_t first_write;
    uint32_t in_flight;
    uint32_t in_flight_max; /* as of now */
    uint32_t in_flight_cap; /* ever; 0: adapt */
    struct fly__wal_waiter *waiters;
    fly_err failure;
    uint64_t count_records;
    uint64_t count_bytes;
    uint64_t count_writes;
    struct fly__wal_gain gain; /* how in_flight_max adapts */
    /* to here */

    fly_mutex segment_mutex;
    /* segment_mutex guards from here */
    struct fly__wal_file files[OPEN_SEGMENTS];
    uint64_t first_segment; /* the oldest that is kept */
    uint64_t last_segment;  /* the newest that exists */
    uint64_t retired;       /* the owner needs nothing before this */
    fly_wal_hold *holds;
    uint32_t growth;   /* bytes that are zeroed next time */
    uint64_t archived; /* segments before this one have been archived in this life */
    bool disk_full;    /* said once, until there is room again */
    bool sync_failed;  /* nobody knows what is durable: the log must stop */
    uint64_t spare;    /* number of a retired segment whose file waits to be reused */
    bool has_spare;
    /* to here */
    fly_atomic_u64 first; /* LSN of the first segment's first record; read without the mutex */

    fly_status (*archive)(void *ctx, const char *path, uint64_t segment, fly_err *err);
    void *archive_ctx;

    fly_thread background;
    bool has_background;
    fly_atomic_u32 alarm; /* counts calls for the background thread, which parks on it */
    fly_atomic_u32 stop;

    fly_atomic_u32 durable_sequence; /* counts changes of `durable`: readers park on it */
    fly_atomic_u32 followers;        /* how many do */
};

/* segment.c */

FLY_MUST_USE fly_status fly__wal_segment_path(char *path, const char *dir, uint64_t number,
                                              fly_err *err);
/* Read the header block of a segment. FLY_E_NOT_FOUND: no file, or one that has not begun. */
FLY_MUST_USE fly_status fly__wal_segment_load(fly_env *env, const char *dir, uint64_t number,
                                              struct fly__wal_segment *segment, fly_err *err);
/* The numbers of the first and last segment file, or FLY_E_NOT_FOUND. */
FLY_MUST_USE fly_status fly__wal_segment_range(fly_env *env, const char *dir, uint64_t *first,
                                               uint64_t *last, fly_err *err);
/* Remove segment files from `from` on. */
FLY_MUST_USE fly_status fly__wal_segment_cut(fly_env *env, const char *dir, uint64_t from,
                                             uint64_t last, fly_err *err);
/* Begin segment `number` with a header that is durable when this returns. */
FLY_MUST_USE fly_status fly__wal_begin_life(fly_wal *wal, uint64_t number, uint64_t previous_end,
                                            fly_err *err);
/* Reserve disk space for a log that ends at `to`. */
FLY_MUST_USE fly_status fly__wal_make_room(fly_wal *wal, uint64_t to, fly_err *err);
/* Have a file for segment `number`, the next one at most; its header is not written yet.
 * FLY_E_STOPPED: nobody knows what is durable any more. */
FLY_MUST_USE fly_status fly__wal_begin_segment(fly_wal *wal, uint64_t number, fly_err *err);
/* The file that `segment` is written to. Disk space for it has been reserved. */
struct fly__wal_file *fly__wal_file_of(fly_wal *wal, uint64_t segment);
/* Archive and recycle what nobody needs. */
void fly__wal_reap(fly_wal *wal);
/* Give disk space back that was reserved for more records. */
void fly__wal_trim(fly_wal *wal);
void fly__wal_close_files(fly_wal *wal);

/* flush.c */

FLY_MUST_USE fly_status fly__wal_flush_to(fly_wal *wal, uint64_t lsn, fly_err *err);
/* Recompute what appends may use; flush_mutex is held. */
void fly__wal_set_ceiling(fly_wal *wal);
/* The log stops, and whoever waits hears of it. */
void fly__wal_stop(fly_wal *wal, const fly_err *failure);
FLY_MUST_USE fly_status fly__wal_stopped(fly_wal *wal, fly_err *err);

/* gain.c: how many writes at a time. flush_mutex is held. */
void fly__wal_adapt(fly_wal *wal);

/* open.c */
void fly__wal_call_background(fly_wal *wal);
bool fly__wal_valid_segment_size(uint32_t size);

/* wal.c: take a place that fills the log from `from` up to the end of a block. `*end` is `from` if
 * there is nothing to fill, or it must not be. False if something has been appended behind `from`. */
bool fly__wal_seal(fly_wal *wal, uint64_t from, uint64_t *end);
/* Put a pad into the ring; its place has been taken. */
void fly__wal_put_pad(fly_wal *wal, uint64_t from, uint64_t to);

/* Disk space that only FLY_WAL_MUST may use: for finishing what was begun on a full disk. */
enum { FLY__WAL_RESERVE = 16 << 10 };

/* reader.c: what was read so far says that the log had been durable up to here. */
uint64_t fly__wal_reader_told(const fly_wal_reader *reader);

/* codec.c */

/* Compress a payload into `*scratch`, which the caller releases; `out` stays empty if that would
 * not save anything. */
FLY_MUST_USE fly_status fly__wal_compress(fly_wal *wal, const fly_bytes *pieces, int count,
                                          size_t len, uint8_t **scratch, size_t *scratch_size,
                                          fly_bytes *out, fly_err *err);
/* Encrypt the payload of a record, given in one piece, in place. */
FLY_MUST_USE fly_status fly__wal_encrypt(const fly_wal *wal, const uint8_t *params, uint64_t lsn,
                                         uint8_t *record, uint32_t length, fly_err *err);
/* What was appended, from what is stored; `payload` may point into `*scratch`, which grows. */
FLY_MUST_USE fly_status fly__wal_decode(fly_env *env, const fly_wal_codec *codec,
                                        const fly_wal_compressor *compressor,
                                        const struct fly__wal_segment *segment,
                                        const uint8_t *header, uint64_t lsn, fly_bytes stored,
                                        uint8_t **scratch, size_t *scratch_size, fly_bytes *payload,
                                        fly_err *err);

#endif
