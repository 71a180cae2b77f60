/*
 * The pages of a page file as they lie there, whatever their state.
 *
 * libpage's own reader refuses a file that is damaged where it matters. This one wants only to know
 * how large a page is, and finds that out from the pages themselves if the header does not say. Format:
 * docs/formats/pagefile.md.
 *
 * Threads: thread-compatible.
 */
#ifndef FLYINSPECT_PAGES_H
#define FLYINSPECT_PAGES_H

#include <fly/base_vfs.h>
#include <fly/page.h>

/** A page file, opened for looking. */
typedef struct inspect_pages {
    fly_file *file;
    fly_mem *mem;
    uint32_t page_size;
    bool guessed;       /**< the header does not say the page size; pages that fit did */
    uint32_t promised;  /**< pages that the header speaks of; 0: it is damaged */
    uint32_t count;     /**< pages that are there, a part of one at the end included */
    uint64_t file_size; /**< bytes */
    uint8_t *used;      /**< what is known of each page: an ::inspect_use */
    uint8_t *bytes;     /**< the page that was read last */
    bool maps_whole;    /**< every map could be read */
} inspect_pages;

/** Whether the allocation maps say that a page is in use. */
typedef enum inspect_use { INSPECT_FREE, INSPECT_USED, INSPECT_UNKNOWN } inspect_use;

/** What became of a page. */
typedef enum inspect_state {
    INSPECT_FINE,
    INSPECT_EMPTY,  /**< all zero: never written */
    INSPECT_DAMAGED /**< the error says how */
} inspect_state;

/**
 * @brief Open and find out the page size.
 *
 * @return FLY_E_FORMAT: no page of any size is in it; FLY_E_KEY: its pages are encrypted.
 */
FLY_MUST_USE fly_status inspect_pages_open(inspect_pages *pages, fly_vfs *vfs, fly_mem *mem,
                                           const char *path, fly_err *err);

/** Forget what the maps say: they are older than the pages. */
void inspect_pages_distrust_maps(inspect_pages *pages);

/** Close. One that was not opened, all zero, is fine. */
void inspect_pages_close(inspect_pages *pages);

/**
 * @brief Read page `id` into `pages->bytes` and judge it: checksum, number, and if it is a node of a
 *        tree, whether it is a sound one.
 *
 * What lies beyond the end of the file is zero.
 *
 * @param[out] why  Filled if the page is damaged.
 */
inspect_state inspect_pages_read(inspect_pages *pages, uint32_t id, fly_err *why);

/** What a page's header says it is, for people: "leaf of tree 16". */
void inspect_pages_describe(const inspect_pages *pages, char *text, size_t size);

/** Where a page lies in the file. */
static inline uint64_t inspect_pages_offset(const inspect_pages *pages, uint32_t id)
{
    return (uint64_t)id * pages->page_size;
}

#endif
