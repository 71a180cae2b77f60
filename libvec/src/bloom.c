/*
 * The register-blocked Bloom filter.
 *
 * A hash chooses a word by some bits and four of its 64 bits by four groups of six others. The
 * groups are from the middle: the table's directory and the Bloom filter see the same hashes, and
 * the lowest bits of those choose the word.
 *
 * Source: Putze, Sanders and Singler, "Cache-, Hash- and Space-Efficient Bloom Filters", 2007;
 * Lang, Neumann, Kemper and Boncz, "Performance-Optimal Filtering", VLDB 2019.
 */
#include <fly/vec_bloom.h>

#include <string.h>

enum { KEYS_PER_WORD = 4, WORDS_MAX_LOG = 26 };

static inline uint64_t bits_of(uint64_t hash)
{
    return (uint64_t)1 << (hash >> 34 & 63) | (uint64_t)1 << (hash >> 40 & 63) |
           (uint64_t)1 << (hash >> 46 & 63) | (uint64_t)1 << (hash >> 52 & 63);
}

fly_status fly_vec_bloom_init(fly_vec_bloom *bloom, uint64_t keys, fly_mem *mem, fly_err *err)
{
    uint64_t words = 1;
    while (words < (uint64_t)1 << WORDS_MAX_LOG && words * KEYS_PER_WORD < keys) {
        words *= 2;
    }
    uint64_t *block = fly_mem_calloc(mem, words, sizeof *block);
    if (block == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a filter");
    }
    *bloom = (fly_vec_bloom){.words = block, .mask = words - 1, .mem = mem};
    return FLY_OK;
}

void fly_vec_bloom_deinit(fly_vec_bloom *bloom)
{
    fly_mem_free(bloom->mem, bloom->words, (bloom->mask + 1) * sizeof *bloom->words);
    bloom->words = NULL;
}

void fly_vec_bloom_add(fly_vec_bloom *bloom, const uint64_t *hash, int n)
{
    for (int k = 0; k < n; k++) {
        bloom->words[hash[k] & bloom->mask] |= bits_of(hash[k]);
    }
}

int fly_vec_bloom_select(const fly_vec_bloom *bloom, const uint64_t *hash, const fly_vec_sel *sel,
                         int n, fly_vec_sel *out)
{
    int m = 0;
    for (int k = 0; k < n; k++) {
        uint64_t bits = bits_of(hash[k]);
        out[m] = sel != NULL ? sel[k] : (fly_vec_sel)k;
        m += (bloom->words[hash[k] & bloom->mask] & bits) == bits;
    }
    return m;
}

void fly_vec_bloom_merge(fly_vec_bloom *bloom, const fly_vec_bloom *other)
{
    FLY_ASSERT(bloom->mask == other->mask);
    for (uint64_t k = 0; k <= bloom->mask; k++) {
        bloom->words[k] |= other->words[k];
    }
}
