/*
 * Memory that fails on demand.
 *
 *     ├── padding, so that the block is aligned ──┤ size │ mark ┤ block ...
 *
 * The size stands before the block, to be compared when it comes back.
 */
#include <fly/base_faultmem.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MARK 0x8f1c0ded5a1e57f1u
#define NEVER UINT64_MAX

enum { HEADER = 16, GIVEN = 0xa5, TAKEN = 0x5a };

struct header {
    uint64_t size;
    uint64_t mark; /* tells a block of ours from others, and from one that came back before */
};

_Static_assert(sizeof(struct header) == HEADER, "stands right before the block");

static fly_test_mem *of(fly_mem *mem)
{
    return (fly_test_mem *)mem;
}

/* Alignments above a header's must be known again when the block is released. */
static size_t head_bytes(uint64_t align)
{
    return align > HEADER ? (size_t)align : HEADER;
}

static bool is_refused(fly_test_mem *mem)
{
    uint64_t number = fly_add_u64(&mem->requests, 1);
    uint64_t fail_at = fly_load_u64(&mem->fail_at);
    if (number == fail_at || (number > fail_at && fly_load_u32(&mem->lasting) != 0)) {
        (void)fly_add_u64(&mem->refused, 1);
        return true;
    }
    return false;
}

/* The mark also says how far the parent's block begins before ours: in units of the header. */
static void *test_alloc(fly_mem *mem_arg, size_t size, size_t align)
{
    fly_test_mem *mem = of(mem_arg);
    size_t head = head_bytes(align);
    if (is_refused(mem) || size > SIZE_MAX - head) {
        return NULL;
    }
    uint8_t *base = fly_mem_alloc_aligned(mem->parent, head + size, align);
    if (base == NULL) {
        return NULL;
    }
    struct header header = {.size = size, .mark = MARK ^ head};
    memcpy(base + head - HEADER, &header, HEADER);
    memset(base + head, GIVEN, size);
    (void)fly_add_u64(&mem->blocks, 1);
    (void)fly_add_u64(&mem->bytes, size);
    return base + head;
}

static void test_release(fly_mem *mem_arg, void *block, size_t size)
{
    fly_test_mem *mem = of(mem_arg);
    uint8_t *at = block;
    struct header header;
    memcpy(&header, at - HEADER, HEADER);
    size_t head = (size_t)(header.mark ^ MARK);
    FLY_ASSERT(head % HEADER == 0); /* a block of ours, and not released before */
    FLY_ASSERT(head > 0);
    FLY_ASSERT(head <= (size_t)1 << 30);
    FLY_ASSERT(header.size == size);
    (void)fly_sub_u64(&mem->blocks, 1);
    (void)fly_sub_u64(&mem->bytes, size);
    memset(at - HEADER, TAKEN, HEADER + size);
    fly_mem_free(mem->parent, at - head, head + size);
}

void fly_test_mem_init(fly_test_mem *mem, fly_mem *parent)
{
    *mem = (fly_test_mem){.mem = {test_alloc, test_release},
                          .parent = parent != NULL ? parent : fly_mem_system()};
    fly_test_mem_mend(mem);
}

void fly_test_mem_deinit(fly_test_mem *mem)
{
    uint64_t blocks = fly_load_u64(&mem->blocks);
    if (blocks > 0) {
        (void)fprintf(stderr, "%" PRIu64 " blocks, %" PRIu64 " bytes, were not released\n", blocks,
                      fly_load_u64(&mem->bytes));
    }
    FLY_ASSERT(blocks == 0);
}

void fly_test_mem_fail(fly_test_mem *mem, uint64_t at, bool lasting)
{
    fly_store_u32(&mem->lasting, lasting);
    fly_store_u64(&mem->fail_at, fly_load_u64(&mem->requests) + at);
}

void fly_test_mem_mend(fly_test_mem *mem)
{
    fly_store_u64(&mem->fail_at, NEVER);
}
