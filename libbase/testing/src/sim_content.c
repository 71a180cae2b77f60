/*
 * The bytes of simulated files, in blocks that are copied when they are written.
 */
#include "sim_content_int.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = FLY__SIM_BLOCK };

struct fly__sim_block {
    fly_atomic_u32 refs; /* copies of a disk may be in the hands of different threads */
    uint8_t bytes[BLOCK];
};

void *fly__sim_alloc(size_t size)
{
    void *block = calloc(1, size);
    FLY_ASSERT(block != NULL);
    return block;
}

void *fly__sim_grow(void *block, size_t size)
{
    void *moved = realloc(block, size);
    FLY_ASSERT(moved != NULL);
    return moved;
}

static void drop(fly__sim_content *content, size_t at)
{
    struct fly__sim_block *block = content->blocks[at];
    if (block != NULL) {
        if (fly_sub_u32(&block->refs, 1) == 1) {
            free(block);
        }
        content->blocks[at] = NULL;
        content->used--;
    }
}

void fly__sim_content_free(fly__sim_content *content)
{
    for (size_t i = 0; i < content->count; i++) {
        drop(content, i);
    }
    free(content->blocks);
    *content = (fly__sim_content){0};
}

void fly__sim_content_share(fly__sim_content *to, const fly__sim_content *from)
{
    FLY_ASSERT(to->blocks == NULL);
    *to = *from;
    if (from->count > 0) {
        to->blocks = fly__sim_alloc(from->count * sizeof *to->blocks);
        for (size_t i = 0; i < from->count; i++) {
            to->blocks[i] = from->blocks[i];
            if (to->blocks[i] != NULL) {
                (void)fly_add_u32(&to->blocks[i]->refs, 1);
            }
        }
    }
}

static size_t within_block(uint64_t offset, uint64_t left)
{
    uint64_t room = BLOCK - offset % BLOCK;
    return (size_t)(left < room ? left : room);
}

void fly__sim_content_get(const fly__sim_content *content, uint64_t offset, uint8_t *to,
                          uint64_t len)
{
    uint64_t here = offset < content->size ? content->size - offset : 0;
    len = len < here ? len : here;
    while (len > 0) {
        size_t step = within_block(offset, len);
        size_t at = (size_t)(offset / BLOCK);
        if (at < content->count && content->blocks[at] != NULL) {
            memcpy(to, content->blocks[at]->bytes + offset % BLOCK, step);
        } else {
            memset(to, 0, step);
        }
        to += step;
        offset += step;
        len -= step;
    }
}

static void reach(fly__sim_content *content, uint64_t end)
{
    size_t wanted = (size_t)(end / BLOCK + (end % BLOCK != 0));
    if (wanted > content->count) {
        size_t count = content->count * 2 > wanted ? content->count * 2 : wanted;
        content->blocks = fly__sim_grow(content->blocks, count * sizeof *content->blocks);
        memset(content->blocks + content->count, 0,
               (count - content->count) * sizeof *content->blocks);
        content->count = count;
    }
}

/* The block at `at`, for writing: B1. */
static struct fly__sim_block *own_block(fly__sim_content *content, size_t at)
{
    struct fly__sim_block *block = content->blocks[at];
    if (block != NULL && fly_load_u32(&block->refs) == 1) {
        return block;
    }
    struct fly__sim_block *made = fly__sim_alloc(sizeof *made);
    fly_store_u32(&made->refs, 1);
    if (block != NULL) {
        memcpy(made->bytes, block->bytes, BLOCK);
        drop(content, at);
    }
    content->blocks[at] = made;
    content->used++;
    return made;
}

void fly__sim_content_put(fly__sim_content *content, uint64_t offset, const uint8_t *from,
                          uint64_t len)
{
    reach(content, offset + len);
    while (len > 0) {
        size_t step = within_block(offset, len);
        memcpy(own_block(content, (size_t)(offset / BLOCK))->bytes + offset % BLOCK, from, step);
        from += step;
        offset += step;
        len -= step;
    }
}

void fly__sim_content_trim(fly__sim_content *content)
{
    uint64_t size = content->size;
    for (size_t i = (size_t)(size / BLOCK + (size % BLOCK != 0)); i < content->count; i++) {
        drop(content, i);
    }
    size_t last = (size_t)(size / BLOCK);
    if (size % BLOCK != 0 && last < content->count && content->blocks[last] != NULL) {
        memset(own_block(content, last)->bytes + size % BLOCK, 0, BLOCK - size % BLOCK);
    }
}

void fly__sim_content_cut(fly__sim_content *content, uint64_t size)
{
    content->size = size;
    fly__sim_content_trim(content);
}

static bool is_there(const fly__sim_content *content, uint64_t block)
{
    return block < content->count && content->blocks[block] != NULL;
}

uint64_t fly__sim_content_fits(const fly__sim_content *content, uint64_t offset, uint64_t len,
                               uint64_t room)
{
    uint64_t end = offset + len;
    uint64_t at = offset;
    while (at < end) {
        if (!is_there(content, at / BLOCK)) {
            if (room == 0) {
                return at - offset;
            }
            room--;
        }
        at += BLOCK - at % BLOCK;
    }
    return len;
}

/* One block of zeros stands in all the new places: it is copied where it is written. */
void fly__sim_content_reserve(fly__sim_content *content, uint64_t offset, uint64_t len)
{
    struct fly__sim_block *zeros = fly__sim_alloc(sizeof *zeros);
    reach(content, offset + len);
    for (uint64_t at = offset; at < offset + len; at += BLOCK - at % BLOCK) {
        if (!is_there(content, at / BLOCK)) {
            content->blocks[at / BLOCK] = zeros;
            content->used++;
            (void)fly_add_u32(&zeros->refs, 1);
        }
    }
    if (fly_load_u32(&zeros->refs) == 0) {
        free(zeros);
    }
}
