/*
 * Pages, page files and double-write areas, field by field.
 *
 * A reader of its own: it takes the formats from docs/formats/ and shares no offsets with page.c,
 * pagefile.c and batch.c, so that a test which compares the two finds whoever strays.
 *
 * What is not here: what cells mean (their owner's hook knows), codecs.
 */
#include <fly/page_dissect.h>

#include <fly/base_hash.h>
#include <fly/page_file.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT = 160, AREA_BLOCK = 4096, AREA_ENTRY = 8, MAP_BITS_AT = 32 };

static const fly_page_dissect_options defaults;

/* -------------------------------------------------------------------- small steps */

/* Say something about bytes that have been read, or about none. */
static void say(fly_dissector *d, size_t offset, size_t len, const char *name, const char *format,
                ...) FLY_PRINTF(5, 6);

static void say(fly_dissector *d, size_t offset, size_t len, const char *name, const char *format,
                ...)
{
    char text[TEXT];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (d->show != NULL) {
        fly_dissected field = {offset, len, d->depth, name, text};
        d->show(d->ctx, &field);
    }
}

/* The page that begins here: `size` bytes as it should be, `bytes.len` as it is. */
struct window {
    size_t begin, outer_len;
    uint32_t size;
    fly_bytes bytes;
};

/* Let the dissector end where the page ends. */
static struct window narrow(fly_dissector *d, const fly_page_dissect_options *options)
{
    size_t left = fly_dissect_left(d);
    size_t size = options->page_size != 0    ? options->page_size
                  : left < FLY_PAGE_SIZE_MAX ? left
                                             : (size_t)FLY_PAGE_SIZE_MAX;
    struct window window = {.begin = d->at, .outer_len = d->bytes.len, .size = (uint32_t)size};
    size_t there = size < left ? size : left;
    window.bytes = fly_bytes_of(there > 0 ? d->bytes.data + d->at : NULL, there);
    d->bytes.len = d->at + there;
    return window;
}

static void widen(fly_dissector *d, const struct window *window)
{
    d->at = window->begin + window->bytes.len;
    d->bytes.len = window->outer_len;
}

/* Show `len` bytes from `begin` on by the owner's hook, which finds a dissector that ends with them. */
static void end_at(fly_dissector *d, size_t begin, size_t len, size_t *outer)
{
    *outer = d->bytes.len;
    d->at = begin;
    d->bytes.len = begin + len;
}

static bool is_whole(const struct window *window)
{
    return window->bytes.len == window->size && window->size >= FLY_PAGE_HEADER;
}

static bool all_zero(fly_bytes bytes)
{
    return bytes.len == 0 ||
           (bytes.data[0] == 0 && memcmp(bytes.data, bytes.data + 1, bytes.len - 1) == 0);
}

/* Zeros are told in one line. */
static void rest(fly_dissector *d, const char *name, size_t len)
{
    size_t there = len < fly_dissect_left(d) ? len : fly_dissect_left(d);
    if (there == len && len > 0 && all_zero(fly_bytes_of(d->bytes.data + d->at, len))) {
        say(d, d->at, len, name, "%zu bytes of zero", len);
        d->at += len;
    } else if (len > 0) {
        (void)fly_dissect_digits(d, name, len);
    }
}

/* -------------------------------------------------------------------- every page */

static const char *const own_kinds[] = {"never written", "header", "map", "slotted"};

static void walk_header(fly_dissector *d, const fly_page_dissect_options *options,
                        const struct window *window)
{
    fly_dissect_enter(d, "page header", "%d bytes", FLY_PAGE_HEADER);
    (void)fly_dissect_number(d, "page", 4);
    (void)fly_dissect_named(d, "type", 1, options->kinds != NULL ? options->kinds : own_kinds,
                            options->kinds != NULL ? options->kind_count : 4);
    (void)fly_dissect_hex(d, "flags", 1);
    (void)fly_dissect_number(d, "slots", 2);
    (void)fly_dissect_number(d, "lower", 2);
    (void)fly_dissect_number(d, "upper", 2);
    (void)fly_dissect_number(d, "LSN", 8);
    if (fly_dissect_left(d) >= 4 && is_whole(window)) {
        fly_err err = {0};
        uint32_t id = fly_page_id(window->bytes.data);
        uint32_t stored = fly_get_u32(d->bytes.data + d->at);
        const char *verdict = "right";
        if (fly_page_verify(window->bytes.data, window->size, id, &err) != FLY_OK) {
            verdict = all_zero(window->bytes) ? "nothing was ever written here" : "WRONG";
        }
        say(d, d->at, 4, "checksum", "0x%08" PRIx32 ", %s", stored, verdict);
        d->at += 4;
    } else {
        (void)fly_dissect_hex(d, "checksum", 4);
    }
    fly_dissect_leave(d);
}

void fly_page_dissect_header(fly_dissector *d, const fly_page_dissect_options *options)
{
    options = options != NULL ? options : &defaults;
    struct window window = narrow(d, options);
    walk_header(d, options, &window);
    size_t end = d->at;
    widen(d, &window);
    d->at = end;
}

/* ------------------------------------------------------------------- slotted pages */

static void walk_cell(fly_dissector *d, const fly_page_dissect_options *options, fly_page page,
                      const struct window *window, uint32_t at)
{
    uint32_t offset = fly_page_cell_offset(page, at);
    uint32_t len = fly_page_cell_len(page, at);
    if (len == 0) {
        return;
    }
    if (offset > page.size || len > page.size - offset) {
        say(d, d->at, 0, "cell", "WRONG: %" PRIu32 " bytes at %" PRIu32 " are not in the page", len,
            offset);
        return;
    }
    size_t next = d->at;
    size_t outer;
    end_at(d, window->begin + offset, len, &outer);
    if (options->cell != NULL) {
        options->cell(options->ctx, d, page, at);
    } else {
        (void)fly_dissect_bytes(d, "cell", len);
    }
    d->bytes.len = outer;
    d->at = next;
}

/* Slots as far as they lie in the page, each with its cell. */
static void walk_slots(fly_dissector *d, const fly_page_dissect_options *options, fly_page page,
                       const struct window *window)
{
    uint32_t count = fly_page_count(page);
    for (uint32_t at = 0; at < count && !d->bad; at++) {
        if (page.slots_at + ((size_t)at + 1) * page.slot_bytes > page.size) {
            say(d, d->at, 0, "slots", "WRONG: %" PRIu32 " do not fit into the page", count);
            return;
        }
        uint32_t len = fly_page_cell_len(page, at);
        fly_dissect_enter(d, "slot", "%" PRIu32 "%s", at, len == 0 ? ", free" : "");
        (void)fly_dissect_number(d, "offset", 2);
        (void)fly_dissect_number(d, "length", 2);
        if (page.slot_bytes == FLY_PAGE_TAGGED) {
            (void)fly_dissect_hex(d, "tag", 4);
        }
        walk_cell(d, options, page, window, at);
        fly_dissect_leave(d);
    }
}

static void walk_slotted(fly_dissector *d, const fly_page_dissect_options *options,
                         const struct window *window)
{
    if (!is_whole(window) || window->size > FLY_PAGE_SIZE_MAX || options->reserve > window->size) {
        say(d, d->at, 0, "page", "WRONG: cut off after %zu bytes", window->bytes.len);
        d->bad = true;
        return;
    }
    /* A view may change the page, and this one will not. */
    fly_page page = {(uint8_t *)(uintptr_t)window->bytes.data, window->size - options->reserve,
                     options->slots_at != 0 ? options->slots_at : (uint16_t)FLY_PAGE_HEADER,
                     options->slot_bytes != 0 ? options->slot_bytes : (uint16_t)FLY_PAGE_SLOT};
    FLY_ASSERT(page.slots_at >= FLY_PAGE_HEADER);
    FLY_ASSERT(page.slot_bytes == FLY_PAGE_SLOT || page.slot_bytes == FLY_PAGE_TAGGED);
    if (page.slots_at > page.size) {
        say(d, d->at, 0, "page", "WRONG: too small for slots at %u", page.slots_at);
        return;
    }
    fly_err err = {0};
    if (fly_page_check(page, true, &err) == FLY_OK) {
        say(d, d->at, 0, "rules", "all hold; %" PRIu32 " bytes of holes", fly_page_holes(page));
    } else {
        say(d, d->at, 0, "rules", "WRONG: %s", err.message);
    }
    if (page.slots_at > FLY_PAGE_HEADER) {
        size_t outer;
        end_at(d, d->at, (size_t)page.slots_at - FLY_PAGE_HEADER, &outer);
        if (options->owner != NULL) {
            options->owner(options->ctx, d, page);
        } else {
            rest(d, "owner's", fly_dissect_left(d));
        }
        d->bytes.len = outer;
        d->at = window->begin + page.slots_at;
    }
    walk_slots(d, options, page, window);
    uint32_t lower = fly_page_lower(page);
    uint32_t upper = fly_page_upper(page);
    if (lower <= upper && upper <= page.size && !d->bad) {
        d->at = window->begin + lower;
        rest(d, "gap", upper - lower);
    }
    if (options->reserve > 0) {
        d->at = window->begin + page.size;
        rest(d, "codec's", options->reserve);
    }
}

void fly_page_dissect(fly_dissector *d, const fly_page_dissect_options *options)
{
    options = options != NULL ? options : &defaults;
    struct window window = narrow(d, options);
    walk_header(d, options, &window);
    if (!d->bad) {
        walk_slotted(d, options, &window);
    }
    widen(d, &window);
}

/* --------------------------------------------------------------------- page files */

void fly_pagefile_dissect_header(fly_dissector *d, const fly_page_dissect_options *options)
{
    options = options != NULL ? options : &defaults;
    fly_page_dissect_options sized = *options;
    if (sized.page_size == 0 && fly_dissect_left(d) >= 40) {
        uint32_t said = fly_get_u32(d->bytes.data + d->at + 36);
        sized.page_size = said >= FLY_PAGE_SIZE_MIN && said <= FLY_PAGE_SIZE_MAX ? said : 0;
    }
    struct window window = narrow(d, &sized);
    walk_header(d, options, &window);
    fly_dissect_enter(d, "file header", "page file");
    (void)fly_dissect_bytes(d, "magic", 8);
    (void)fly_dissect_number(d, "version", 4);
    (void)fly_dissect_number(d, "page size", 4);
    (void)fly_dissect_digits(d, "UUID", 16);
    (void)fly_dissect_number(d, "codec", 4);
    (void)fly_dissect_number(d, "codec's bytes in a page", 4);
    rest(d, "codec's parameters", FLY_PAGEFILE_PARAMS);
    (void)fly_dissect_number(d, "pages", 4);
    rest(d, "unused", 4);
    (void)fly_dissect_number(d, "checkpoint LSN", 8);
    (void)fly_dissect_time(d, "created");
    rest(d, "unused", 104);
    fly_dissect_leave(d);
    if (!d->bad && fly_dissect_left(d) >= FLY_PAGEFILE_META) {
        size_t outer;
        size_t begin = d->at;
        end_at(d, begin, FLY_PAGEFILE_META, &outer);
        if (options->meta != NULL) {
            options->meta(options->ctx, d);
        } else {
            rest(d, "owner's", FLY_PAGEFILE_META);
        }
        d->bytes.len = outer;
        d->at = begin + FLY_PAGEFILE_META;
    }
    rest(d, "unused", fly_dissect_left(d));
    widen(d, &window);
}

/* Runs of equal bits. `first` is the page of the first bit. */
static void walk_bits(fly_dissector *d, uint64_t first)
{
    size_t begin = d->at;
    const uint8_t *bits = d->bytes.data + begin;
    uint64_t count = (uint64_t)fly_dissect_left(d) * 8;
    for (uint64_t from = 0; from < count;) {
        bool used = ((bits[from / 8] >> (from % 8)) & 1) != 0;
        uint64_t to = from + 1;
        while (to < count && (((bits[to / 8] >> (to % 8)) & 1) != 0) == used) {
            to++;
        }
        say(d, begin + from / 8, (size_t)((to + 7) / 8 - from / 8), used ? "used" : "free",
            "pages %" PRIu64 " to %" PRIu64, first + from, first + to - 1);
        from = to;
    }
}

void fly_pagefile_dissect_map(fly_dissector *d, const fly_page_dissect_options *options)
{
    options = options != NULL ? options : &defaults;
    struct window window = narrow(d, options);
    walk_header(d, options, &window);
    uint64_t map = fly_dissect_number(d, "map", 4);
    rest(d, "unused", 4);
    if (!d->bad && is_whole(&window) && window.size > MAP_BITS_AT) {
        fly_dissect_enter(d, "bits", "%" PRIu32 " pages", (window.size - MAP_BITS_AT) * 8);
        walk_bits(d, map * (window.size - MAP_BITS_AT) * 8);
        fly_dissect_leave(d);
    }
    widen(d, &window);
}

void fly_pagefile_dissect_page(fly_dissector *d, const fly_page_dissect_options *options)
{
    options = options != NULL ? options : &defaults;
    uint8_t kind = fly_dissect_left(d) >= FLY_PAGE_HEADER ? fly_page_kind(d->bytes.data + d->at)
                                                          : 0;
    if (kind == FLY_PAGE_TYPE_HEADER) {
        fly_pagefile_dissect_header(d, options);
    } else if (kind == FLY_PAGE_TYPE_MAP) {
        fly_pagefile_dissect_map(d, options);
    } else if (kind == FLY_PAGE_TYPE_SLOTTED && options->reserve == 0) {
        fly_page_dissect(d, options);
    } else {
        struct window window = narrow(d, options);
        walk_header(d, options, &window);
        rest(d, options->reserve == 0 ? "content" : "encoded", fly_dissect_left(d));
        widen(d, &window);
    }
}

/* ------------------------------------------------------------- double-write areas */

/* Whether page `i` of the area is what entry `i` says: number and checksum, and whole. */
static const char *verdict_on(const uint8_t *area, size_t len, uint32_t page_size, uint32_t i)
{
    const uint8_t *entry = area + 48 + (size_t)i * AREA_ENTRY;
    size_t at = AREA_BLOCK + (size_t)i * page_size;
    if (at > len || page_size > len - at) {
        return "the page is not there";
    }
    bool same = memcmp(entry + 4, area + at + 20, 4) == 0;
    return same && fly_page_verify(area + at, page_size, fly_get_u32(entry), NULL) == FLY_OK
               ? "whole"
               : "WRONG: the page is another, or torn";
}

static void walk_entries(fly_dissector *d, fly_bytes area, uint32_t page_size, uint32_t count)
{
    for (uint32_t i = 0; i < count && !d->bad; i++) {
        fly_dissect_enter(d, "entry", "%" PRIu32 ", %s", i,
                          verdict_on(area.data, area.len, page_size, i));
        (void)fly_dissect_number(d, "page", 4);
        (void)fly_dissect_hex(d, "checksum", 4);
        fly_dissect_leave(d);
    }
}

void fly_pagefile_dissect_area(fly_dissector *d, const fly_page_dissect_options *options)
{
    options = options != NULL ? options : &defaults;
    size_t begin = d->at;
    fly_bytes area = fly_bytes_of(d->bytes.data + begin, fly_dissect_left(d));
    fly_dissect_enter(d, "batch", "double-write area");
    (void)fly_dissect_bytes(d, "magic", 8);
    (void)fly_dissect_number(d, "version", 4);
    uint32_t page_size = (uint32_t)fly_dissect_number(d, "page size", 4);
    (void)fly_dissect_digits(d, "UUID of the file", 16);
    (void)fly_dissect_number(d, "sequence", 8);
    uint32_t count = (uint32_t)fly_dissect_number(d, "pages", 4);
    bool sane = page_size >= FLY_PAGE_SIZE_MIN && page_size <= FLY_PAGE_SIZE_MAX &&
                count <= FLY_PAGEFILE_BATCH_MAX && area.len >= AREA_BLOCK;
    if (sane) {
        uint32_t crc = fly_crc32c(0, area.data, 44);
        crc = fly_crc32c(crc, area.data + 48, (size_t)count * AREA_ENTRY);
        uint32_t stored = fly_get_u32(area.data + 44);
        say(d, d->at, 4, "checksum", "0x%08" PRIx32 ", %s", stored,
            stored == crc ? "right" : "WRONG");
        d->at += 4;
        walk_entries(d, area, page_size, count);
    } else {
        (void)fly_dissect_hex(d, "checksum", 4);
    }
    fly_dissect_leave(d);
    fly_page_dissect_options sized = *options;
    sized.page_size = page_size;
    for (uint32_t i = 0; sane && i < count && !d->bad; i++) {
        d->at = begin + AREA_BLOCK + (size_t)i * page_size;
        if (fly_dissect_left(d) == 0) {
            break;
        }
        fly_page_dissect_header(d, &sized);
    }
    d->at = begin + area.len;
}
