/*
 * A slotted page under a script, with bytes of it overwritten now and then.
 *
 * Byte 0 chooses the layout. With its highest bit set the rest is the page's bytes; else the page is
 * empty and the rest is a script, four bytes an instruction: edit it, overwrite two bytes of header
 * or slots, or anywhere. Whatever fly_page_check() accepts must bear every operation and be accepted
 * again; whatever it does not must only be checked, verified and dissected. The page is a block of
 * exactly its size, so that ASan sees a step beyond.
 */
#include <fly/page.h>
#include <fly/page_dissect.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    uint32_t size;
    uint16_t slots_at, slot_bytes;
} layouts[] = {
    {4096, FLY_PAGE_HEADER, FLY_PAGE_SLOT},
    {4096 - 40, 40, FLY_PAGE_TAGGED},
    {8192 - 40, 37, FLY_PAGE_SLOT},
    {4096, 96, FLY_PAGE_TAGGED},
    {65536, FLY_PAGE_HEADER, FLY_PAGE_SLOT},
    {65536, FLY_PAGE_HEADER + 8, FLY_PAGE_TAGGED},
    {65536 - 40, FLY_PAGE_HEADER, FLY_PAGE_TAGGED},
};

static uint64_t sum; /* so that reading happens */

static void read_all(fly_page page)
{
    for (uint32_t i = 0; i < fly_page_count(page); i++) {
        fly_bytes cell = fly_page_cell(page, i);
        for (size_t j = 0; j < cell.len; j += 7) {
            sum += cell.data[j];
        }
        if (cell.len > 0) {
            sum += cell.data[cell.len - 1];
        }
    }
}

/* One change, if the page allows it. `a` and `b` are anything. */
static void edit(fly_page page, uint8_t what, uint32_t a, uint32_t b)
{
    static const uint8_t content[FLY_PAGE_SIZE_MAX];
    uint32_t count = fly_page_count(page);
    uint32_t at = count > 0 ? a % count : 0;
    uint32_t len = 1 + (b < 0x40 ? b * b * 16 : b & 0x3f);
    uint16_t slot;
    switch (what) {
    case 0:
        if (fly_page_insert(page, a % (count + 1), fly_bytes_of(content, len)) == FLY_E_FULL) {
            FLY_ASSERT(fly_page_gap(page) + fly_page_holes(page) < len + page.slot_bytes);
        }
        break;
    case 1:
        if (fly_page_add(page, fly_bytes_of(content, len), &slot) == FLY_OK) {
            FLY_ASSERT(fly_page_cell_len(page, slot) == len);
        }
        break;
    case 2:
        if (count > 0) {
            fly_page_remove_range(page, at, at + b % (count - at + 1));
        }
        break;
    case 3:
        if (count > 0 && fly_page_cell_len(page, at) > 0) {
            fly_page_drop(page, (uint16_t)at);
        }
        break;
    case 4:
        if (count > 0 && fly_page_cell_len(page, at) > 0) {
            uint8_t *cell = fly_page_resize(page, at, len);
            if (cell != NULL) {
                memset(cell, 0x11, len);
            }
        }
        break;
    default:
        fly_page_compact(page);
        break;
    }
    fly_err err = {0};
    fly_status status = fly_page_check(page, true, &err);
    if (status != FLY_OK) {
        (void)fprintf(stderr, "edit %u: %s\n", what, err.message);
    }
    FLY_ASSERT(status == FLY_OK);
    read_all(page);
}

static void look(fly_page page)
{
    fly_dissector d;
    fly_page_dissect_options options = {.slots_at = page.slots_at, .slot_bytes = page.slot_bytes};
    fly_dissect_begin(&d, fly_bytes_of(page.bytes, page.size), NULL, NULL);
    fly_page_dissect(&d, &options);
    if (fly_page_check(page, false, NULL) == FLY_OK) {
        read_all(page); /* P1 to P4 are enough for that */
    }
    sum += fly_page_verify(page.bytes, page.size, 7, NULL) == FLY_OK;
}

static void run(fly_page page, const uint8_t *script, size_t size)
{
    bool sound = true;
    for (; size >= 4; script += 4, size -= 4) {
        uint8_t what = script[0] % 8;
        uint32_t at = script[1] | (uint32_t)script[2] << 8;
        if (what < 6 && sound) {
            edit(page, what, at, script[3]);
        } else if (what >= 6) {
            uint32_t offset = what == 6 ? at % 64 + 6 : at;
            page.bytes[offset % page.size] ^= script[3];
            look(page);
            sound = fly_page_check(page, true, NULL) == FLY_OK;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    size_t layout = (data[0] & 0x7fu) % (sizeof layouts / sizeof layouts[0]);
    fly_page page = {malloc(layouts[layout].size), layouts[layout].size, layouts[layout].slots_at,
                     layouts[layout].slot_bytes};
    FLY_ASSERT(page.bytes != NULL);
    fly_page_init(page, 7, FLY_PAGE_TYPE_SLOTTED);
    if ((data[0] & 0x80) != 0) {
        size_t len = size - 1 < page.size ? size - 1 : page.size;
        memcpy(page.bytes, data + 1, len);
        look(page);
        if (fly_page_check(page, true, NULL) == FLY_OK) {
            for (uint8_t what = 0; what < 6; what++) {
                edit(page, what, data[size - 1], data[size / 2]);
            }
        }
    } else {
        run(page, data + 1, size - 1);
    }
    free(page.bytes);
    return 0;
}
