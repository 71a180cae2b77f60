/**
 * @file base_vfs.h
 * @brief Files as a parameter: what the layers need of an operating system, and no more.
 *
 * A ::fly_vfs is a table of operations. Three come with the toolkit: the operating system's
 * (fly_vfs_posix()), one in memory (fly_vfs_mem_create()), and a simulated disk that fails and
 * crashes on demand (fly/base_sim.h). The operations report like system calls, by a count or a
 * negative errno, and may do less than they were asked; the functions that callers use loop,
 * retry after EINTR and turn failures into a ::fly_status with the file's name in the message.
 *
 * What may be assumed of a medium, and no more than this:
 *   - a sync that succeeded made everything written to that file before it durable;
 *   - a new, renamed or removed name is durable after its directory was synced;
 *   - a write that was not synced may be lost, or torn at any multiple of 512 bytes, or overtaken
 *     by a later one;
 *   - after a failed sync nothing is known about what it covered.
 *
 * Threads: a vfs is thread-safe; so is a file, for reads and writes at different places.
 */
#ifndef FLY_BASE_VFS_H
#define FLY_BASE_VFS_H

#include <fly/base_mem.h>

/** @addtogroup base
 *  @{ */
FLY_EXTERN_C_BEGIN

/** Part of a write or a read: as struct iovec, which this header does not want to include. */
typedef struct fly_iovec {
    void *base;
    size_t len;
} fly_iovec;

enum { FLY_IOVEC_MAX = 64 }; /**< pieces in one call */

/** How a file is opened. */
enum {
    FLY_OPEN_WRITE = 1,     /**< for reading and writing; otherwise for reading */
    FLY_OPEN_CREATE = 2,    /**< make it if it is not there */
    FLY_OPEN_EXCLUSIVE = 4, /**< with CREATE: fail if it is there */
    FLY_OPEN_TRUNCATE = 8,  /**< empty it */
    /** Past the system's cache where that works (see fly_file_direct()): then every offset, length
     *  and address must be a multiple of FLY_DIRECT_ALIGN. */
    FLY_OPEN_DIRECT = 16
};

enum { FLY_DIRECT_ALIGN = 4096 };

/** How a write is done. */
enum {
    FLY_WRITE_DURABLE = 1 /**< when it returns, the bytes survive a crash, as after sync_data */
};

typedef struct fly_vfs fly_vfs;
typedef struct fly_file fly_file;

/** An open file. Implementations put this first in a struct of their own. */
struct fly_file {
    const struct fly_file_ops *ops;
    const char *path; /**< as it was opened; for messages */
    bool direct;      /**< opened past the cache */
};

/** What an implementation does with an open file. Negative results are -errno. */
typedef struct fly_file_ops {
    int64_t (*readv)(fly_file *file, uint64_t offset, const fly_iovec *parts, int count);
    int64_t (*writev)(fly_file *file, uint64_t offset, const fly_iovec *parts, int count,
                      unsigned flags);
    int (*sync)(fly_file *file);      /**< contents and everything about the file */
    int (*sync_data)(fly_file *file); /**< contents, and the length if it grew */
    int (*truncate)(fly_file *file, uint64_t size);
    int (*allocate)(fly_file *file, uint64_t offset, uint64_t len); /**< reserve disk space */
    int64_t (*size)(fly_file *file);
    int (*lock)(fly_file *file); /**< exclusive, against other opens; -EWOULDBLOCK if taken */
    int (*close)(fly_file *file);
} fly_file_ops;

/** What an implementation does with names. Negative results are -errno. */
struct fly_vfs {
    int (*open)(fly_vfs *vfs, const char *path, unsigned flags, fly_file **file);
    int (*rename)(fly_vfs *vfs, const char *from, const char *to);
    int (*remove)(fly_vfs *vfs, const char *path); /**< a file or an empty directory */
    int (*make_dir)(fly_vfs *vfs, const char *path);
    int (*sync_dir)(fly_vfs *vfs, const char *path);
    /** -EINTR, if at all, before the first call of `each`. */
    int (*list)(fly_vfs *vfs, const char *path, void (*each)(void *ctx, const char *name),
                void *ctx);
    void *(*map)(fly_vfs *vfs, size_t size, unsigned flags); /**< as fly_vfs_map() */
    void (*unmap)(fly_vfs *vfs, void *at, size_t size);
    /** The range reads as zeros from now on and takes no memory. */
    void (*discard)(fly_vfs *vfs, void *at, size_t size);
    /** As fly_vfs_populate(); NULL where there is nothing to gain. */
    void (*populate)(fly_vfs *vfs, void *at, size_t size);
    void (*destroy)(fly_vfs *vfs);
};

/** The operating system's files. Lives for ever. */
fly_vfs *fly_vfs_posix(void);

/**
 * @brief Files in memory, gone with the vfs. Directories need not be made.
 *
 * @param mem  Keeps; what the files take comes from it.
 * @return Gives the vfs (release with fly_vfs_destroy()), or NULL.
 */
fly_vfs *fly_vfs_mem_create(fly_mem *mem);

/**
 * @brief Let a directory of a vfs in memory begin as what another vfs has under the same path,
 *        subdirectories included. What is changed stays in memory; the files below stay as they are.
 *
 * For looking at files whose owner would repair them on opening, and for trying things out.
 *
 * @param vfs    In memory; has nothing under that path.
 * @param below  Keeps, with every file below open for reading, until `vfs` is destroyed. Nobody may
 *               change these files meanwhile.
 * @return What listing and opening below return. Part of it may then be there.
 */
FLY_MUST_USE fly_status fly_vfs_mem_graft(fly_vfs *vfs, fly_vfs *below, const char *path,
                                          fly_err *err);

/** Release a vfs whose files are all closed. */
void fly_vfs_destroy(fly_vfs *vfs);

/* ----------------------------------------------------------------- open files */

/**
 * @brief Open a file.
 *
 * Where the file system cannot do FLY_OPEN_DIRECT, the file is opened without and fly_file_direct()
 * tells.
 *
 * @param[out] file  Gives; fly_file_close().
 * @return FLY_E_NOT_FOUND, FLY_E_EXISTS (with a message too, since the caller may not expect it),
 *         FLY_E_PERMISSION, FLY_E_NO_SPACE, FLY_E_IO.
 */
FLY_MUST_USE fly_status fly_file_open(fly_vfs *vfs, const char *path, unsigned flags,
                                      fly_file **file, fly_err *err);

/** Close. The handle is gone whatever the outcome. NULL is fine. */
FLY_MUST_USE fly_status fly_file_close(fly_file *file, fly_err *err);

/** Close after something else failed: nobody is interested in the outcome. NULL is fine. */
void fly_file_abandon(fly_file *file);

/** Whether the file is really read and written past the system's cache. */
static inline bool fly_file_direct(const fly_file *file)
{
    return file->direct;
}

/** Read `len` bytes at `offset`. The end of the file before that: FLY_E_CORRUPT. */
FLY_MUST_USE fly_status fly_file_read(fly_file *file, uint64_t offset, void *buffer, size_t len,
                                      fly_err *err);

/** Read up to `len` bytes; `*got` is less only at the end of the file. */
FLY_MUST_USE fly_status fly_file_read_some(fly_file *file, uint64_t offset, void *buffer,
                                           size_t len, size_t *got, fly_err *err);

/** Read into several buffers at once; the end of the file before all are full: FLY_E_CORRUPT. */
FLY_MUST_USE fly_status fly_file_readv(fly_file *file, uint64_t offset, const fly_iovec *parts,
                                       int count, fly_err *err);

/** Write `len` bytes at `offset`, growing the file as needed. `flags`: FLY_WRITE_*. */
FLY_MUST_USE fly_status fly_file_write(fly_file *file, uint64_t offset, const void *data,
                                       size_t len, unsigned flags, fly_err *err);

/** Write several buffers one after the other. At most FLY_IOVEC_MAX. */
FLY_MUST_USE fly_status fly_file_writev(fly_file *file, uint64_t offset, const fly_iovec *parts,
                                        int count, unsigned flags, fly_err *err);

/** Make contents, length and attributes durable. Never retry it after a failure. */
FLY_MUST_USE fly_status fly_file_sync(fly_file *file, fly_err *err);

/** Make contents and length durable. Never retry it after a failure. */
FLY_MUST_USE fly_status fly_file_sync_data(fly_file *file, fly_err *err);

/** Cut, or extend with zeros, to `size` bytes. */
FLY_MUST_USE fly_status fly_file_truncate(fly_file *file, uint64_t size, fly_err *err);

/** Reserve disk space for a range, so that writing it cannot run out. The file grows to hold it.
 *  Nothing happens if `len` is 0. */
FLY_MUST_USE fly_status fly_file_allocate(fly_file *file, uint64_t offset, uint64_t len,
                                          fly_err *err);

/** The length in bytes. */
FLY_MUST_USE fly_status fly_file_size(fly_file *file, uint64_t *size, fly_err *err);

/** Lock against every other handle, in this process or another, until close: FLY_E_LOCKED. */
FLY_MUST_USE fly_status fly_file_lock(fly_file *file, fly_err *err);

/* ----------------------------------------------------------------------- names */

/** Give a file another name, replacing what bore it. Durable after fly_vfs_sync_dir(). */
FLY_MUST_USE fly_status fly_vfs_rename(fly_vfs *vfs, const char *from, const char *to,
                                       fly_err *err);

/** Remove a file or an empty directory: FLY_E_NOT_FOUND if there is none. */
FLY_MUST_USE fly_status fly_vfs_remove(fly_vfs *vfs, const char *path, fly_err *err);

/** Make a directory; one that is there already is fine. */
FLY_MUST_USE fly_status fly_vfs_make_dir(fly_vfs *vfs, const char *path, fly_err *err);

/** Make the names in a directory durable. */
FLY_MUST_USE fly_status fly_vfs_sync_dir(fly_vfs *vfs, const char *path, fly_err *err);

/** Call `each` for every name in a directory, in no order, without "." and "..". */
FLY_MUST_USE fly_status fly_vfs_list(fly_vfs *vfs, const char *path,
                                     void (*each)(void *ctx, const char *name), void *ctx,
                                     fly_err *err);

/** Whether a file can be opened for reading. */
bool fly_vfs_exists(fly_vfs *vfs, const char *path);

/**
 * @brief Remove a directory and everything below it; one that is not there is fine.
 *
 * @return What stopped it otherwise; part of the tree may then be gone.
 */
FLY_MUST_USE fly_status fly_vfs_remove_tree(fly_vfs *vfs, const char *path, fly_err *err);

/** `dir` "/" `name` into `buffer`; FLY_E_TOO_LARGE if it does not fit. */
FLY_MUST_USE fly_status fly_path_join(char *buffer, size_t size, const char *dir, const char *name,
                                      fly_err *err);

enum { FLY_PATH_MAX = 1024 }; /**< bytes of a path, terminator included */

/* ---------------------------------------------------------------------- memory */

enum {
    /** Ask for huge pages: fewer address translations missed, but memory comes and goes in steps
     *  of some megabytes. Advice, and ignored where the system has none. */
    FLY_MAP_HUGE = 1
};

/** Address space of `size` bytes, zeroed, taken from the machine as it is touched; or NULL. */
void *fly_vfs_map(fly_vfs *vfs, size_t size, unsigned flags);

/** Give a whole mapping back. */
void fly_vfs_unmap(fly_vfs *vfs, void *at, size_t size);

/** Give the memory behind part of a mapping back; it reads as zeros afterwards. */
void fly_vfs_discard(fly_vfs *vfs, void *at, size_t size);

/** Take the machine's memory for part of a mapping now instead of at the first touch, which somebody
 *  may be waiting for. Changes no byte, so others may use the range meanwhile. Advice: it may do
 *  nothing. */
void fly_vfs_populate(fly_vfs *vfs, void *at, size_t size);

FLY_EXTERN_C_END
/** @} */
#endif
