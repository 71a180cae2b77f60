/*
 * The bytes of a simulated file: blocks that several files, and copies of the disk, share until one
 * of them writes. Private to base-testing.
 *
 *     B1  a block with more than one reference is never written
 *     B2  blocks beyond the size may hold bytes only between fly__sim_content_put() and
 *         fly__sim_content_trim(): a crash applies data and lengths one by one
 */
#ifndef FLY_SIM_CONTENT_INT_H
#define FLY_SIM_CONTENT_INT_H

#include <fly/base_vfs.h>

enum { FLY__SIM_BLOCK = 4096 };

struct fly__sim_block;

/* Zero is an empty one. */
typedef struct fly__sim_content {
    uint64_t size;
    struct fly__sim_block **blocks; /* NULL where nothing was written: zeros */
    size_t count;
    uint64_t used; /* how many blocks are not NULL */
} fly__sim_content;

/* Memory of the simulation itself: it never fails, the program stops instead. */
void *fly__sim_alloc(size_t size);
void *fly__sim_grow(void *block, size_t size);

void fly__sim_content_free(fly__sim_content *content);

/* Make `to`, which has nothing, the same as `from`. */
void fly__sim_content_share(fly__sim_content *to, const fly__sim_content *from);

/* Bytes that lie within the size; the rest of the buffer is untouched. */
void fly__sim_content_get(const fly__sim_content *content, uint64_t offset, uint8_t *to,
                          uint64_t len);

/* Store bytes; the size stays what it is, even if they lie beyond it. */
void fly__sim_content_put(fly__sim_content *content, uint64_t offset, const uint8_t *from,
                          uint64_t len);

/* Set the size; what lies beyond it is gone. */
void fly__sim_content_cut(fly__sim_content *content, uint64_t size);

/* Drop what lies beyond the size. */
void fly__sim_content_trim(fly__sim_content *content);

/* How many bytes of a range can be written if `room` blocks are left. */
uint64_t fly__sim_content_fits(const fly__sim_content *content, uint64_t offset, uint64_t len,
                               uint64_t room);

/* Give a range all the blocks that it lacks, zeroed. */
void fly__sim_content_reserve(fly__sim_content *content, uint64_t offset, uint64_t len);

#endif
