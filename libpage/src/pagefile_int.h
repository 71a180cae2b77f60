/* What a page file is in memory. Private to libpage: pagefile.c (file, header, allocation) and
 * batch.c (double-write area) share it. */
#ifndef FLY_PAGEFILE_INT_H
#define FLY_PAGEFILE_INT_H

#include <fly/page_file.h>

/* Ranks of mutexes (docs/locking.md). */
enum { RANK_AREA = 400, RANK_MAP = 410 };

struct fly_pagefile {
    fly_env *env;
    const fly_page_codec *codec; /* or NULL */
    fly_file *file;
    fly_file *area; /* the double-write area, or NULL */
    char path[FLY_PATH_MAX];
    uint8_t uuid[16];
    uint8_t params[FLY_PAGEFILE_PARAMS]; /* the codec's description of itself */
    uint64_t created;                    /* microseconds since 1970 */
    uint32_t page_size;
    uint32_t usable;
    bool read_only;
    fly_atomic_u32 failed; /* a write failed: what is on disk is for the next open to repair */

    fly_mutex write_mutex; /* held while the double-write area is in use */
    uint64_t sequence;     /* of the newest batch; write_mutex */
    uint64_t area_room;    /* bytes of the area for which disk space is reserved; write_mutex */

    fly_mutex map_mutex;
    /* map_mutex guards the rest */
    uint64_t *used;       /* a bit for each page */
    size_t used_words;    /* allocated length of `used` */
    fly_atomic_u32 pages; /* how many pages there are; read without the mutex */
    uint32_t used_pages;  /* how many bits are set */
    uint32_t physical;    /* pages for which disk space is reserved */
    uint32_t synced;      /* of these, how many surely survive a crash */
    size_t lowest_free;   /* no word below this one has a free bit */
    uint8_t *map_dirty;   /* for each map page: must be written */
    size_t maps;          /* allocated length of `map_dirty` */
    bool checkpointing;   /* one at a time: an older copy of a map must not follow a newer one */
    fly_cond checkpointed;
    uint64_t checkpoint_lsn;
    uint8_t meta[FLY_PAGEFILE_META];
};

struct fly_page_batch {
    fly_pagefile *file;
    uint32_t capacity;
    uint32_t count;
    uint8_t *buffer; /* the area's header block, then the pages: written as one */
    uint32_t ids[FLY_PAGEFILE_BATCH_MAX];
};

/* The area begins with a block of this size, so that direct writes stay aligned. */
enum { FLY__AREA_HEADER = 4096 };

/* Encode and seal a page into the batch, by the codec or, for the file's own pages, without. */
FLY_MUST_USE fly_status fly__page_batch_put(fly_page_batch *batch, uint32_t id,
                                            const uint8_t *bytes, bool own, fly_err *err);

/* Repeat the batch that the area holds, if it holds a whole one for this file. */
FLY_MUST_USE fly_status fly__pagefile_repair(fly_env *env, fly_file *file, fly_file *area,
                                             bool read_only, fly_err *err);

/* Say that the area holds nothing worth repeating. */
void fly__pagefile_clear_area(fly_pagefile *file);

#endif
