/**
 * @file base_simdisk.h
 * @brief A disk that keeps apart what was written and what was synced, and fails on demand.
 *
 *     fly_vfs calls ──> what programs see    ("now")
 *                          │ each change waits in one ordered list of operations
 *                          │        sync(file): that file's       sync_dir(directory): its names
 *                          v
 *                       what is on the medium ("durable")  <── a crash: any part of the list
 *
 * The disk promises what base_vfs.h says may be assumed of a medium, and takes every liberty that
 * it allows:
 *
 *   - a sync makes durable what was written to that file before it began, and nothing else;
 *   - only sync_dir() makes names durable; syncing a file does nothing for its name;
 *   - a write with FLY_WRITE_DURABLE makes its own bytes durable, and the length that they need, but
 *     not what was written before;
 *   - at a crash every operation that was not synced is there, or not, or in part: a write in any
 *     of its sectors, its data without its length, its length without its data; a later one without
 *     an earlier one; and so is the call that was under way;
 *   - after a failed sync some of what it covered is durable and the rest will never be, although
 *     later syncs succeed and reads still show it: as Linux does, which marks the pages clean.
 *
 * A rename is one operation, wholly there or not. A file has one name at a time.
 *
 * Every call has a number, from 0. Faults are armed for the n-th call of some kinds; fly_sim_fault
 * has the list. After a crash every call fails with EIO until fly_sim_disk_crash() says what
 * survived; handles from before then fail for ever, and want only to be closed.
 *
 * Under a simulated scheduler every call is a point and takes virtual time; between the moment at
 * which it takes effect and the moment at which it is durable other threads run.
 *
 * It is a test's tool: where the machine has no memory for it, it stops the program.
 *
 * Threads: thread-safe.
 * @source Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014, for what may happen;
 *         Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020.
 */
#ifndef FLY_BASE_SIMDISK_H
#define FLY_BASE_SIMDISK_H

#include <fly/base_vfs.h>

/** @addtogroup base_testing
 *  @{ */
FLY_EXTERN_C_BEGIN

typedef struct fly_sim_disk fly_sim_disk;

/** Knobs. Zero means the default. */
typedef struct fly_sim_disk_options {
    uint64_t seed;           /**< decides what failed syncs and short counts do, and how long calls
                                  take */
    uint64_t capacity_bytes; /**< of all files' contents, in blocks of 4 KiB; default no limit */
    bool direct;             /**< honour FLY_OPEN_DIRECT, and refuse what is not aligned */
} fly_sim_disk_options;

/** Make an empty disk. `options` may be NULL. @return Gives; fly_sim_disk_destroy(). */
fly_sim_disk *fly_sim_disk_create(const fly_sim_disk_options *options);

/** Release it; handles that are still open go with it. NULL is fine. */
void fly_sim_disk_destroy(fly_sim_disk *disk);

/** The disk as a vfs. Valid until it is destroyed; fly_vfs_destroy() does nothing to it. */
fly_vfs *fly_sim_disk_vfs(fly_sim_disk *disk);

/**
 * @brief Copy what is on the disk and what waits to be: cheap, since contents are shared until one
 *        side changes them.
 *
 * Handles, faults and the watcher are not copied, and the copy counts its calls from 0. Copying a
 * disk without power gives one without power.
 *
 * @return Gives; fly_sim_disk_destroy().
 * @cost   O(files + operations not synced + blocks of 4 KiB), no contents copied.
 */
fly_sim_disk *fly_sim_disk_clone(fly_sim_disk *disk);

/* ------------------------------------------------------------------------ faults */

/** Kinds of calls, to be or-ed together. */
enum {
    FLY_SIM_OPEN = 1,
    FLY_SIM_READ = 2,
    FLY_SIM_WRITE = 4,
    FLY_SIM_SYNC = 8, /**< sync and sync_data */
    FLY_SIM_TRUNCATE = 16,
    FLY_SIM_ALLOCATE = 32,
    FLY_SIM_SIZE = 64,
    FLY_SIM_LOCK = 128,
    FLY_SIM_CLOSE = 256,
    FLY_SIM_RENAME = 512,
    FLY_SIM_REMOVE = 1024,
    FLY_SIM_MAKE_DIR = 2048,
    FLY_SIM_SYNC_DIR = 4096,
    FLY_SIM_LIST = 8192,
    FLY_SIM_ALL = 16383,
    /** Those after which the disk may be another: where a crash makes a difference. */
    FLY_SIM_CHANGES = FLY_SIM_OPEN | FLY_SIM_WRITE | FLY_SIM_SYNC | FLY_SIM_TRUNCATE |
                      FLY_SIM_ALLOCATE | FLY_SIM_RENAME | FLY_SIM_REMOVE | FLY_SIM_MAKE_DIR |
                      FLY_SIM_SYNC_DIR
};

/** What goes wrong. */
typedef enum fly_sim_trouble {
    FLY_SIM_FAILS,      /**< the call fails with `error`; a sync leaves its data in doubt, and so
                              does an EIO of a write that was to be durable or past the cache */
    FLY_SIM_SHORT,      /**< a read or write does only part of what it was asked */
    FLY_SIM_CRASHES,    /**< power goes while the call is under way */
    FLY_SIM_LOSES,      /**< a write reports success and changes nothing */
    FLY_SIM_MISDIRECTS, /**< a write lands `shift` bytes away, over what is there */
    FLY_SIM_DUPLICATES  /**< a write lands where it should and `shift` bytes away too */
} fly_sim_trouble;

/** One fault: "the `at`-th of these calls from now on does that". */
typedef struct fly_sim_fault {
    fly_sim_trouble trouble;
    int error;      /**< for FLY_SIM_FAILS: EIO, ENOSPC, EINTR, ...; 0 means EIO */
    unsigned calls; /**< the kinds of calls that count; 0 means all */
    uint64_t at;    /**< how many of them pass before it strikes */
    bool lasting;   /**< it strikes every one from then on, and not only this one */
    int64_t shift;  /**< for MISDIRECTS and DUPLICATES; a multiple of 512 */
} fly_sim_fault;

enum { FLY_SIM_FAULTS_MAX = 8 }; /**< armed at the same time */

/** Arm a fault. It is disarmed once it has struck, unless it lasts. */
void fly_sim_disk_arm(fly_sim_disk *disk, const fly_sim_fault *fault);

/** Disarm all faults, and count strikes from 0 again. */
void fly_sim_disk_disarm(fly_sim_disk *disk);

/** How often armed faults have struck. */
uint64_t fly_sim_disk_strikes(fly_sim_disk *disk);

/** How many calls of these kinds there were; 0 means all kinds. */
uint64_t fly_sim_disk_calls(fly_sim_disk *disk, unsigned calls);

/** Change the capacity; 0 is no limit. What is there stays, even if it is more. */
void fly_sim_disk_set_capacity(fly_sim_disk *disk, uint64_t capacity_bytes);

/* ------------------------------------------------------------------------- crash */

/** What survives of the operations that were not synced. */
typedef enum fly_sim_survival {
    FLY_SIM_KEEP_NONE,   /**< nothing: the cautious disk */
    FLY_SIM_KEEP_ALL,    /**< everything: the process died, not the machine */
    FLY_SIM_KEEP_PREFIX, /**< what came before some moment */
    FLY_SIM_KEEP_SOME,   /**< each operation by itself, whole or not at all */
    FLY_SIM_TEAR_512,    /**< as SOME, and of a write each sector of 512 bytes by itself */
    FLY_SIM_TEAR_4096,   /**< as SOME, and of a write each block of 4 KiB by itself */
    FLY_SIM_SURVIVALS
} fly_sim_survival;

/** What a mode is called in messages, e.g. "tear 512". */
const char *fly_sim_survival_name(fly_sim_survival survival);

/**
 * @brief Power goes, if it had not gone already, and comes back.
 *
 * Whatever `survival` and `seed` let through of the waiting operations is durable now, the rest is
 * gone, nothing waits, no fault is armed, no file is locked and every handle is dead.
 */
void fly_sim_disk_crash(fly_sim_disk *disk, fly_sim_survival survival, uint64_t seed);

/** Whether power is gone: a FLY_SIM_CRASHES has struck, and fly_sim_disk_crash() was not called. */
bool fly_sim_disk_is_off(fly_sim_disk *disk);

/**
 * @brief Call `each` in the middle of every call of FLY_SIM_CHANGES (but an open that makes and
 *        empties nothing): it has taken effect and is not durable.
 *
 * One run of a workload thus yields every moment at which power may go: clone the disk, crash the
 * clone, recover, verify. `each` may do anything to the clone and nothing to `disk` but clone it and
 * ask it questions. NULL ends it.
 */
void fly_sim_disk_watch(fly_sim_disk *disk,
                        void (*each)(void *ctx, fly_sim_disk *disk, uint64_t call), void *ctx);

/* -------------------------------------------------------------- tests' own access */

/**
 * @brief Read a file as it is on the medium, as after a crash that lost everything.
 *
 * @param[out] len  If not NULL: the file's durable length, which may be more than `size`.
 * @return FLY_E_NOT_FOUND if no file has that name, durable or not.
 */
FLY_MUST_USE fly_status fly_sim_disk_dump(fly_sim_disk *disk, const char *path, void *buffer,
                                          size_t size, uint64_t *len);

/** Put a durable file there, with durable directories above it; replaces the contents of one that
 *  is there. */
void fly_sim_disk_load(fly_sim_disk *disk, const char *path, fly_bytes contents);

/** Overwrite bytes behind everybody's back, on the medium and in what readers see. The file does
 *  not grow. @return FLY_E_NOT_FOUND, FLY_E_INVALID beyond its end. */
FLY_MUST_USE fly_status fly_sim_disk_poke(fly_sim_disk *disk, const char *path, uint64_t offset,
                                          fly_bytes bytes);

/** Flip bit `bit` of a file, counted from bit 0 of byte 0. @return As fly_sim_disk_poke(). */
FLY_MUST_USE fly_status fly_sim_disk_flip(fly_sim_disk *disk, const char *path, uint64_t bit);

/** How many handles are open and were not killed by a crash: leaked ones, at the end of a test. */
uint32_t fly_sim_disk_handles(fly_sim_disk *disk);

/** How many operations wait for a sync. */
uint64_t fly_sim_disk_waiting(fly_sim_disk *disk);

/** The newest calls as text for a report, one a line, oldest first, as many as fit. */
void fly_sim_disk_history(fly_sim_disk *disk, char *buffer, size_t size);

FLY_EXTERN_C_END
/** @} */
#endif
