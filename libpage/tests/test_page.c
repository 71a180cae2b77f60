/*
 * Goal: a page holds what was put into it, says no exactly when it is full, and never follows bytes
 * that it did not check.
 * Method: random edits against an array of arrays, in both ways of using slots, for every page size
 * and layout; what fails is cut down to a short script. One forgery for each rule of page.c. Random
 * bytes, for which every operation must stay within the page: the pages are blocks of exactly their
 * size, so that AddressSanitizer sees a step beyond.
 */
#include <fly/page.h>

#include <fly/base_check.h>
#include <fly/base_hash.h>
#include <fly/base_seeds.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static fly_err err;

/* ------------------------------------------------------------------------- layouts */

enum { OWNERS = 16, RESERVE = 40 }; /* bytes that an owner keeps; bytes that a codec keeps */

static const struct {
    uint32_t size;
    uint16_t slots_at;
    uint16_t slot_bytes;
} layouts[] = {
    {4096, FLY_PAGE_HEADER, FLY_PAGE_SLOT},
    {4096 - RESERVE, FLY_PAGE_HEADER + OWNERS, FLY_PAGE_TAGGED},
    {8192, FLY_PAGE_HEADER, FLY_PAGE_TAGGED},
    {8192 - RESERVE, FLY_PAGE_HEADER + 13, FLY_PAGE_SLOT},
    {16384, FLY_PAGE_HEADER + OWNERS, FLY_PAGE_SLOT},
    {32768 - RESERVE, FLY_PAGE_HEADER, FLY_PAGE_TAGGED},
    {65536 - RESERVE, FLY_PAGE_HEADER, FLY_PAGE_SLOT},
    {65536, FLY_PAGE_HEADER + OWNERS, FLY_PAGE_TAGGED}, /* its upper end is written as 0 */
};

enum { LAYOUTS = sizeof layouts / sizeof layouts[0], NUMBER = 4711, KIND = 16 };

/* An empty page of a layout in a block of its own, the owner's bytes filled in. */
static fly_page new_page(size_t layout)
{
    fly_page page = {malloc(layouts[layout].size), layouts[layout].size, layouts[layout].slots_at,
                     layouts[layout].slot_bytes};
    ck_assert_ptr_nonnull(page.bytes);
    memset(page.bytes, 0xdd, page.size);
    fly_page_init(page, NUMBER, KIND);
    memset(page.bytes + FLY_PAGE_HEADER, 0x77, page.slots_at - (size_t)FLY_PAGE_HEADER);
    return page;
}

static void free_page(fly_page page)
{
    free(page.bytes);
}

static fly_bytes text(const char *letters)
{
    return fly_bytes_str(letters);
}

/* Room for a cell of that length, its slot included, if the page compacts itself. */
static uint32_t room(fly_page page)
{
    return fly_page_gap(page) + fly_page_holes(page);
}

/* ------------------------------------------------------------------------ by hand */

START_TEST(a_new_page_is_empty_and_sound)
{
    fly_page page = new_page((size_t)_i);
    ck_assert_uint_eq(fly_page_id(page.bytes), NUMBER);
    ck_assert_uint_eq(fly_page_kind(page.bytes), KIND);
    ck_assert_uint_eq(fly_page_flags(page.bytes), 0);
    ck_assert_uint_eq(fly_page_lsn(page.bytes), 0);
    ck_assert_uint_eq(fly_page_count(page), 0);
    ck_assert_uint_eq(fly_page_lower(page), page.slots_at);
    ck_assert_uint_eq(fly_page_upper(page), page.size);
    ck_assert_uint_eq(fly_page_gap(page), page.size - page.slots_at);
    ck_assert_uint_eq(fly_page_holes(page), 0);
    FLY_CHECK_OK(fly_page_check(page, true, &err), err);
    free_page(page);
}
END_TEST

START_TEST(the_header_is_where_the_format_says)
{
    fly_page page = new_page(LAYOUTS - 1);
    fly_page_set_flags(page.bytes, 0x5a);
    fly_page_set_lsn(page.bytes, 0x0807060504030201);
    FLY_CHECK_OK(fly_page_insert(page, 0, text("x")), err);
    static const uint8_t header[20] = {0x67, 0x12, 0, 0, 16,   0x5a, 1,    0,    48, 0,
                                       0xff, 0xff, 1, 2, 0x03, 0x04, 0x05, 0x06, 7,  8};
    ck_assert_mem_eq(page.bytes, header, sizeof header);
    ck_assert_uint_eq(fly_page_flags(page.bytes), 0x5a);
    ck_assert_uint_eq(fly_page_lsn(page.bytes), 0x0807060504030201);
    fly_page_set_tag(page, 0, 0x04030201);
    static const uint8_t slot[8] = {0xff, 0xff, 1, 0, 1, 2, 3, 4};
    ck_assert_mem_eq(page.bytes + 40, slot, sizeof slot);
    ck_assert_uint_eq(page.bytes[65535], 'x');
    fly_page_remove(page, 0);
    ck_assert_uint_eq(fly_get_u16(page.bytes + 10), 0); /* 65,536 */
    ck_assert_uint_eq(fly_page_upper(page), 65536);
    free_page(page);
}
END_TEST

START_TEST(one_cell_may_fill_the_page_and_not_a_byte_more)
{
    fly_page page = new_page((size_t)_i);
    uint32_t largest = page.size - page.slots_at - page.slot_bytes;
    ck_assert_ptr_null(fly_page_open(page, 0, largest + 1));
    ck_assert_ptr_null(fly_page_open(page, 0, page.size));
    ck_assert_ptr_null(fly_page_open(page, 0, page.size + 1));
    ck_assert_ptr_null(fly_page_open(page, 0, UINT32_MAX));
    FLY_CHECK(fly_page_insert(page, 0, (fly_bytes){page.bytes, SIZE_MAX}), FLY_E_FULL, err);
    FLY_CHECK(fly_page_insert(page, 0, (fly_bytes){page.bytes, (size_t)1 << 32}), FLY_E_FULL, err);
    ck_assert_uint_eq(fly_page_count(page), 0);
    uint8_t *cell = fly_page_open(page, 0, largest);
    ck_assert_ptr_nonnull(cell);
    memset(cell, 0xab, largest);
    ck_assert_uint_eq(fly_page_gap(page), 0);
    ck_assert_ptr_null(fly_page_open(page, 1, 1));
    ck_assert_ptr_null(fly_page_resize(page, 0, largest + 1));
    ck_assert_ptr_null(fly_page_resize(page, 0, UINT32_MAX));
    FLY_CHECK_OK(fly_page_check(page, true, &err), err);
    ck_assert_ptr_eq(fly_page_resize(page, 0, largest - 1), cell);
    ck_assert_ptr_null(fly_page_open(page, 1, 1)); /* a byte is free, and a slot has more */
    fly_page_remove(page, 0);
    ck_assert_uint_eq(room(page), page.size - page.slots_at);
    free_page(page);
}
END_TEST

START_TEST(a_page_may_be_full_of_the_smallest_cells)
{
    fly_page page = new_page((size_t)_i);
    uint32_t fit = (page.size - page.slots_at) / (page.slot_bytes + 1u);
    for (uint32_t i = 0; i < fit; i++) {
        uint8_t *cell = fly_page_open(page, i, 1);
        ck_assert(cell != NULL);
        *cell = (uint8_t)i;
    }
    ck_assert_ptr_null(fly_page_open(page, 0, 1));
    ck_assert_uint_eq(fly_page_count(page), fit);
    FLY_CHECK_OK(fly_page_check(page, true, &err), err);
    for (uint32_t i = 0; i < fit; i++) {
        ck_assert_msg(*fly_page_cell(page, i).data == (uint8_t)i, "cell %u", i);
    }
    fly_page_remove_range(page, 0, fit);
    ck_assert_uint_eq(fly_page_lower(page), page.slots_at);
    ck_assert_uint_eq(room(page), page.size - page.slots_at);
    FLY_CHECK_OK(fly_page_check(page, true, &err), err);
    free_page(page);
}
END_TEST

START_TEST(a_cell_keeps_its_beginning_when_it_is_resized)
{
    fly_page page = new_page(0);
    FLY_CHECK_OK(fly_page_insert(page, 0, text("apple")), err);
    FLY_CHECK_OK(fly_page_insert(page, 1, text("banana")), err);
    uint8_t *cell = fly_page_resize(page, 1, 3);
    ck_assert(fly_bytes_equal(fly_page_cell(page, 1), text("ban")));
    ck_assert_ptr_eq(cell, fly_page_cell(page, 1).data);
    memcpy(fly_page_resize(page, 1, 8) + 3, "dages", 5);
    ck_assert(fly_bytes_equal(fly_page_cell(page, 1), text("bandages")));
    ck_assert(fly_bytes_equal(fly_page_cell(page, 0), text("apple")));
    /* Now only compacting makes the room, and the old cell's place is a part of it. */
    uint32_t fill = fly_page_gap(page) - FLY_PAGE_SLOT - 4;
    ck_assert_ptr_nonnull(fly_page_open(page, 0, fill));
    uint32_t most = room(page) + 8;
    ck_assert_ptr_null(fly_page_resize(page, 2, most + 1));
    ck_assert(fly_bytes_equal(fly_page_cell(page, 2), text("bandages")));
    cell = fly_page_resize(page, 2, most);
    ck_assert_ptr_nonnull(cell);
    ck_assert_mem_eq(cell, "bandages", 8);
    ck_assert_uint_eq(room(page), 0);
    ck_assert(fly_bytes_equal(fly_page_cell(page, 1), text("apple")));
    FLY_CHECK_OK(fly_page_check(page, true, &err), err);
    free_page(page);
}
END_TEST

START_TEST(nothing_moves_while_the_gap_suffices)
{
    fly_page page = new_page(0);
    FLY_CHECK_OK(fly_page_insert(page, 0, text("hole")), err);
    FLY_CHECK_OK(fly_page_insert(page, 1, text("apple")), err);
    fly_page_remove(page, 0);
    ck_assert_uint_eq(fly_page_holes(page), 4);
    uint32_t place = fly_page_cell_offset(page, 0);
    (void)fly_page_resize(page, 0, 5);
    ck_assert_uint_eq(fly_page_cell_offset(page, 0), place);
    ck_assert_ptr_nonnull(fly_page_open(page, 1, fly_page_gap(page) - FLY_PAGE_SLOT - 1000));
    ck_assert_uint_eq(fly_page_gap(page), 1000);
    ck_assert_ptr_nonnull(fly_page_open(page, 2, 1000 - FLY_PAGE_SLOT));
    ck_assert_uint_eq(fly_page_cell_offset(page, 0), place);
    fly_page_remove(page, 2);
    (void)fly_page_resize(page, 1, 1);
    ck_assert_ptr_nonnull(fly_page_resize(page, 1, 1000));
    ck_assert_uint_eq(fly_page_cell_offset(page, 0), place);
    ck_assert_ptr_nonnull(fly_page_resize(page, 1, 1000 + FLY_PAGE_SLOT)); /* now it does */
    ck_assert_uint_eq(fly_page_cell_offset(page, 0), 4096 - 5);
    free_page(page);
}
END_TEST

START_TEST(a_name_stays_while_its_cell_lives_and_is_given_again_afterwards)
{
    fly_page page = new_page(1);
    uint16_t slots[4];
    const char *names[4] = {"north", "east", "south", "west"};
    for (int i = 0; i < 4; i++) {
        FLY_CHECK_OK(fly_page_add(page, text(names[i]), &slots[i]), err);
        ck_assert_uint_eq(slots[i], (unsigned)i);
        fly_page_set_tag(page, slots[i], 0xffffffff);
    }
    fly_page_drop(page, 1);
    ck_assert_uint_eq(fly_page_count(page), 4);
    ck_assert_uint_eq(fly_page_cell_len(page, 1), 0);
    ck_assert_uint_eq(fly_page_cell_offset(page, 1), 0);
    ck_assert(fly_bytes_equal(fly_page_cell(page, 3), text("west")));
    uint16_t slot = 99;
    FLY_CHECK_OK(fly_page_add(page, text("levant"), &slot), err);
    ck_assert_uint_eq(slot, 1);
    ck_assert_uint_eq(fly_page_tag(page, 1), 0); /* not what the last owner of the name left */
    /* Free names at the end are forgotten. */
    fly_page_drop(page, 2);
    fly_page_drop(page, 3);
    ck_assert_uint_eq(fly_page_count(page), 2);
    fly_page_drop(page, 0);
    fly_page_drop(page, 1);
    ck_assert_uint_eq(fly_page_count(page), 0);
    ck_assert_uint_eq(room(page), page.size - page.slots_at);
    free_page(page);
}
END_TEST

START_TEST(a_free_name_saves_the_slot)
{
    fly_page page = new_page(0);
    uint16_t slot = 99;
    FLY_CHECK_OK(fly_page_add(page, text("a"), &slot), err);
    FLY_CHECK_OK(fly_page_add(page, text("b"), &slot), err);
    ck_assert_ptr_nonnull(fly_page_open(page, 2, fly_page_gap(page) - FLY_PAGE_SLOT));
    fly_page_drop(page, 0);
    FLY_CHECK(fly_page_add(page, text("cc"), &slot), FLY_E_FULL, err);
    FLY_CHECK(fly_page_add(page, (fly_bytes){page.bytes, (size_t)1 << 32}, &slot), FLY_E_FULL, err);
    ck_assert_uint_eq(slot, 1);
    FLY_CHECK_OK(fly_page_add(page, text("c"), &slot), err);
    ck_assert_uint_eq(slot, 0);
    FLY_CHECK(fly_page_add(page, text("d"), &slot), FLY_E_FULL, err);
    ck_assert_uint_eq(slot, 0);
    ck_assert_uint_eq(room(page), 0);
    free_page(page);
}
END_TEST

/* A caller who breaks the contract is stopped, in every build. */
static void with_slots_beyond(fly_page page, int which)
{
    uint16_t slot = 0;
    switch (which) {
    case 0:
        (void)fly_page_open(page, 2, 1);
        break;
    case 1:
        (void)fly_page_open(page, 0, 0);
        break;
    case 2:
        fly_page_remove(page, 1);
        break;
    case 3:
        fly_page_remove_range(page, 1, 0);
        break;
    case 4:
        (void)fly_page_resize(page, 1, 1);
        break;
    case 5:
        (void)fly_page_resize(page, 0, 0);
        break;
    case 6:
        fly_page_drop(page, 1);
        break;
    case 7:
        FLY_IGNORE(fly_page_add(page, text(""), &slot));
        break;
    case 8:
        FLY_IGNORE(fly_page_add(page, text("another"), &slot));
        fly_page_drop(page, 0); /* twice */
        fly_page_drop(page, 0);
        break;
    case 9: /* where the next slot would be, there are letters */
        memset(fly_page_open(page, 1, fly_page_gap(page) - FLY_PAGE_SLOT), 'x', 4000);
        fly_page_drop(page, 2);
        break;
    case 10: /* a name that is free, and nothing to go under it */
        FLY_IGNORE(fly_page_add(page, text("another"), &slot));
        fly_page_drop(page, 0);
        FLY_IGNORE(fly_page_add(page, text(""), &slot));
        break;
    default:
        break;
    }
}

START_TEST(who_breaks_the_contract_is_stopped)
{
    fly_page page = new_page(0);
    FLY_CHECK_OK(fly_page_insert(page, 0, text("only")), err);
    with_slots_beyond(page, _i);
    free_page(page); /* not reached */
}
END_TEST

/* --------------------------------------------------------------------------- model */

enum { OPS = 400, CELLS_MAX = 16384 };

/* Steps of a script. Their numbers are taken modulo what the page has, so that any part of a script
 * is a script too: that is what cutting it down needs. */
typedef enum verb { INSERT, REMOVE, REMOVE_RANGE, RESIZE, COMPACT, TAG, ADD, DROP, VERBS } verb;

static const char *const verb_names[VERBS] = {"insert",  "remove",  "remove range", "resize",
                                              "compact", "set tag", "add",          "drop"};

struct step {
    verb verb;
    uint32_t at;
    uint32_t len;
    uint8_t fill;
};

/* The dull implementation. */
struct cell {
    uint8_t *bytes; /* NULL: a free name */
    uint32_t len;
    uint32_t tag;
};

struct model {
    struct cell *cells;
    uint32_t count;
    uint32_t space; /* for slots and cells together */
    uint32_t slot_bytes;
};

static uint32_t model_room(const struct model *model)
{
    uint32_t used = model->count * model->slot_bytes;
    for (uint32_t i = 0; i < model->count; i++) {
        used += model->cells[i].len;
    }
    return model->space - used;
}

static void model_set(struct cell *cell, uint32_t len, uint8_t fill)
{
    uint8_t *bytes = malloc(len);
    ck_assert(bytes != NULL);
    uint32_t kept = cell->len < len ? cell->len : len;
    if (kept > 0) {
        memcpy(bytes, cell->bytes, kept);
    }
    memset(bytes + kept, fill, len - kept);
    free(cell->bytes);
    cell->bytes = bytes;
    cell->len = len;
}

static void model_remove(struct model *model, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        free(model->cells[i].bytes);
    }
    memmove(model->cells + from, model->cells + to, (model->count - to) * sizeof *model->cells);
    model->count -= to - from;
}

static uint32_t model_lowest_free(const struct model *model)
{
    uint32_t at = 0;
    while (at < model->count && model->cells[at].bytes != NULL) {
        at++;
    }
    return at;
}

/* Do one step on the page and in the model; a complaint, or NULL. */
static const char *insert_both(struct model *model, fly_page page, const struct step *step)
{
    uint32_t at = step->at % (model->count + 1);
    bool fits = model_room(model) >= step->len + model->slot_bytes;
    uint8_t *cell = fly_page_open(page, at, step->len);
    if ((cell != NULL) != fits) {
        return fits ? "would not take what fits" : "took what cannot fit";
    }
    if (fits) {
        memset(cell, step->fill, step->len);
        memmove(model->cells + at + 1, model->cells + at,
                (model->count - at) * sizeof *model->cells);
        model->cells[at] = (struct cell){0};
        model_set(&model->cells[at], step->len, step->fill);
        model->count++;
    }
    return NULL;
}

static const char *add_both(struct model *model, fly_page page, const struct step *step)
{
    uint32_t at = model_lowest_free(model);
    bool fits = model_room(model) >= step->len + (at == model->count ? model->slot_bytes : 0);
    uint8_t *bytes = malloc(step->len);
    ck_assert(bytes != NULL);
    memset(bytes, step->fill, step->len);
    uint16_t slot = 0xeeee;
    fly_status status = fly_page_add(page, fly_bytes_of(bytes, step->len), &slot);
    free(bytes);
    if (status != (fits ? FLY_OK : FLY_E_FULL)) {
        return fits ? "would not add what fits" : "added what cannot fit";
    }
    if (slot != (fits ? at : 0xeeeeu)) {
        return "the name is not the lowest free one";
    }
    if (fits) {
        model->count += at == model->count;
        model->cells[at] = (struct cell){0};
        model_set(&model->cells[at], step->len, step->fill);
    }
    return NULL;
}

static const char *resize_both(struct model *model, fly_page page, uint32_t at,
                               const struct step *step)
{
    uint32_t old = model->cells[at].len;
    bool fits = model_room(model) + old >= step->len;
    uint8_t *cell = fly_page_resize(page, at, step->len);
    if ((cell != NULL) != fits) {
        return fits ? "would not resize to what fits" : "resized to what cannot fit";
    }
    if (fits) {
        if (step->len > old) {
            memset(cell + old, step->fill, step->len - old);
        }
        model_set(&model->cells[at], step->len, step->fill);
    }
    return NULL;
}

static void drop_both(struct model *model, fly_page page, uint32_t at)
{
    fly_page_drop(page, (uint16_t)at);
    free(model->cells[at].bytes);
    model->cells[at].bytes = NULL;
    model->cells[at].len = 0;
    while (model->count > 0 && model->cells[model->count - 1].bytes == NULL) {
        model->count--;
    }
}

static const char *do_both(struct model *model, fly_page page, const struct step *step)
{
    if (step->verb == INSERT) {
        return insert_both(model, page, step);
    }
    if (step->verb == ADD) {
        return add_both(model, page, step);
    }
    if (step->verb == COMPACT) {
        fly_page_compact(page);
        return fly_page_holes(page) == 0 ? NULL : "there are holes after compacting";
    }
    if (model->count == 0) {
        return NULL;
    }
    uint32_t at = step->at % model->count;
    if (step->verb == REMOVE) {
        fly_page_remove(page, at);
        model_remove(model, at, at + 1);
        return NULL;
    }
    if (step->verb == REMOVE_RANGE) {
        uint32_t to = at + step->len % (model->count - at + 1);
        fly_page_remove_range(page, at, to);
        model_remove(model, at, to);
        return NULL;
    }
    if (model->cells[at].bytes == NULL) {
        return NULL;
    }
    if (step->verb == RESIZE) {
        return resize_both(model, page, at, step);
    }
    if (step->verb == DROP) {
        drop_both(model, page, at);
    } else if (page.slot_bytes == FLY_PAGE_TAGGED) {
        model->cells[at].tag = step->len;
        fly_page_set_tag(page, at, step->len);
    }
    return NULL;
}

static bool all_bytes(const uint8_t *bytes, size_t len, uint8_t value)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != value) {
            return false;
        }
    }
    return true;
}

/* Whether bytes that belong to no slot and no cell are anything but 0: what was deleted must not
 * linger on the disk. */
static bool something_lingers(fly_page page)
{
    static uint8_t rest[FLY_PAGE_SIZE_MAX];
    memcpy(rest, page.bytes, page.size);
    for (uint32_t i = 0; i < fly_page_count(page); i++) {
        memset(rest + fly_page_cell_offset(page, i), 0, fly_page_cell_len(page, i));
    }
    return !all_bytes(rest + fly_page_lower(page), page.size - fly_page_lower(page), 0);
}

/* Everything that the page says must be what the model says. */
static const char *compare(const struct model *model, fly_page page)
{
    if (fly_page_check(page, true, &err) != FLY_OK) {
        return err.message;
    }
    if (fly_page_count(page) != model->count) {
        return "another number of slots";
    }
    for (uint32_t i = 0; i < model->count; i++) {
        const struct cell *cell = &model->cells[i];
        if (!fly_bytes_equal(fly_page_cell(page, i), fly_bytes_of(cell->bytes, cell->len))) {
            return "another cell";
        }
        if (cell->bytes != NULL && page.slot_bytes == FLY_PAGE_TAGGED &&
            fly_page_tag(page, i) != cell->tag) {
            return "another tag";
        }
    }
    if (room(page) != model_room(model)) {
        return "another amount of room";
    }
    if (fly_page_id(page.bytes) != NUMBER || fly_page_kind(page.bytes) != KIND ||
        fly_page_flags(page.bytes) != 0x33 || fly_page_lsn(page.bytes) != 0x1122334455667788 ||
        !all_bytes(page.bytes + FLY_PAGE_HEADER, page.slots_at - (size_t)FLY_PAGE_HEADER, 0x77)) {
        return "the header, or the owner's bytes, changed";
    }
    return something_lingers(page) ? "what was deleted lingers" : NULL;
}

/* Play a script on a fresh page; the first complaint and the step it came after, or NULL. */
static const char *play(size_t layout, const struct step *script, uint32_t count, uint32_t *where)
{
    fly_page page = new_page(layout);
    fly_page_set_flags(page.bytes, 0x33);
    fly_page_set_lsn(page.bytes, 0x1122334455667788);
    struct model model = {
        .cells = calloc(CELLS_MAX, sizeof *model.cells),
        .space = page.size - page.slots_at,
        .slot_bytes = page.slot_bytes,
    };
    ck_assert(model.cells != NULL);
    const char *complaint = NULL;
    for (uint32_t i = 0; i < count && complaint == NULL; i++) {
        *where = i;
        complaint = do_both(&model, page, &script[i]);
        if (complaint == NULL) {
            complaint = compare(&model, page);
        }
    }
    for (uint32_t i = 0; i < model.count; i++) {
        free(model.cells[i].bytes);
    }
    free(model.cells);
    free_page(page);
    return complaint;
}

/* Leave out whatever the complaint does not need: halves first, single steps last. */
static uint32_t shorten(size_t layout, struct step *script, uint32_t count)
{
    uint32_t where = 0;
    for (uint32_t size = count / 2; size > 0; size /= 2) {
        for (uint32_t at = 0; at + size <= count;) {
            struct step shorter[OPS];
            memcpy(shorter, script, at * sizeof *script);
            memcpy(shorter + at, script + at + size, (count - at - size) * sizeof *script);
            if (play(layout, shorter, count - size, &where) != NULL) {
                memcpy(script, shorter, (count - size) * sizeof *script);
                count -= size;
            } else {
                at += size;
            }
        }
    }
    return count;
}

static void judge(size_t layout, struct step *script, uint32_t count)
{
    uint32_t where = 0;
    if (play(layout, script, count, &where) == NULL) {
        return;
    }
    count = shorten(layout, script, where + 1);
    const char *complaint = play(layout, script, count, &where);
    (void)fprintf(stderr, "layout %zu (%u bytes, slots of %u at %u):\n", layout,
                  layouts[layout].size, layouts[layout].slot_bytes, layouts[layout].slots_at);
    for (uint32_t i = 0; i < count; i++) {
        (void)fprintf(stderr, "  %s %" PRIu32 " %" PRIu32 " %02x\n", verb_names[script[i].verb],
                      script[i].at, script[i].len, script[i].fill);
    }
    ck_abort_msg("%s", complaint != NULL ? complaint : "it went away when it was cut down");
}

/* Lengths that matter: a few bytes mostly, some large, and now and then more than a page. */
static uint32_t random_len(fly_rng *rng, uint32_t size)
{
    switch (fly_rng_below(rng, 8)) {
    case 0:
        return 1 + (uint32_t)fly_rng_below(rng, size);
    case 1:
        return 1 + (uint32_t)fly_rng_below(rng, size / 8);
    case 2:
        return 1;
    default:
        return 1 + (uint32_t)fly_rng_below(rng, size / 64);
    }
}

static void random_script(uint64_t seed, size_t layout, const verb *verbs, size_t verb_count,
                          struct step *script)
{
    fly_rng rng;
    fly_rng_init(&rng, seed);
    for (uint32_t i = 0; i < OPS; i++) {
        script[i] = (struct step){
            .verb = verbs[fly_rng_below(&rng, verb_count)],
            .at = (uint32_t)fly_rng_next(&rng),
            .len = random_len(&rng, layouts[layout].size),
            .fill = (uint8_t)(1 + fly_rng_below(&rng, 255)),
        };
    }
}

static void slots_in_order(void *ctx, uint64_t seed)
{
    (void)ctx;
    static const verb verbs[] = {INSERT, INSERT, INSERT, INSERT,  INSERT, INSERT,      REMOVE,
                                 REMOVE, RESIZE, RESIZE, COMPACT, TAG,    REMOVE_RANGE};
    struct step script[OPS];
    size_t layout = seed % LAYOUTS;
    random_script(seed, layout, verbs, sizeof verbs / sizeof verbs[0], script);
    judge(layout, script, OPS);
}

static void slots_as_names(void *ctx, uint64_t seed)
{
    (void)ctx;
    static const verb verbs[] = {ADD, ADD, ADD, ADD, ADD, DROP, DROP, DROP, RESIZE, COMPACT, TAG};
    struct step script[OPS];
    size_t layout = seed % LAYOUTS;
    random_script(seed, layout, verbs, sizeof verbs / sizeof verbs[0], script);
    judge(layout, script, OPS);
}

START_TEST(slots_in_order_do_what_an_array_does)
{
    ck_assert(fly_test_seeds("slots in order", 50, slots_in_order, NULL));
}
END_TEST

START_TEST(slots_as_names_do_what_an_array_does)
{
    ck_assert(fly_test_seeds("slots as names", 50, slots_as_names, NULL));
}
END_TEST

/* --------------------------------------------------------------------------- trust */

/* A page of 4,096 bytes: "apple" in slot 0 at 4091, "banana" in slot 1 at 4085, slot 2 free, "fig" in
 * slot 3 at 4078, and a hole of 4 bytes behind it. */
static fly_page sound_page(void)
{
    fly_page page = new_page(0);
    const char *cells[] = {"apple", "banana", "date", "fig"};
    for (int i = 0; i < 4; i++) {
        uint16_t slot;
        FLY_CHECK_OK(fly_page_add(page, text(cells[i]), &slot), err);
    }
    fly_page_drop(page, 2);
    FLY_CHECK_OK(fly_page_check(page, true, &err), err);
    ck_assert_uint_eq(fly_page_upper(page), 4078);
    ck_assert_uint_eq(fly_page_holes(page), 4);
    return page;
}

enum { COUNT = 6, LOWER = 8, UPPER = 10, SLOT_0 = 24, SLOT_1 = 28, SLOT_2 = 32, SLOT_3 = 36 };

/* One forgery and more for each rule of page.c: 16-bit fields, and what to write there. Remove a
 * guard from the checker and its row fails; add a guard and it wants a row. */
static const struct {
    const char *rule;
    struct {
        uint16_t offset, value;
    } field[2];
    const char *complaint; /* NULL: it is sound all the same */
    bool thorough;         /* only the thorough form sees it */
} forgeries[] = {
    {"P1 a slot too many",
     {{COUNT, 5}},
     "P1: slots end elsewhere than their count says (5, 40)",
     0},
    {"P1 a slot too few", {{COUNT, 3}}, "P1", 0},
    {"P1 no slots", {{COUNT, 0}}, "P1", 0},
    {"P1 65,535 slots", {{COUNT, 65535}}, "P1", 0},
    {"P1 a count that comes out right modulo 65,536", {{COUNT, 16388}}, "P1", 0},
    {"P1 slots end early", {{LOWER, 39}}, "P1", 0},
    {"P1 slots end late", {{LOWER, 41}}, "P1", 0},
    {"P1 slots end in the header", {{LOWER, 0}}, "P1", 0},
    {"P2 slots over cells", {{UPPER, 39}}, "P2: slots and cells do not fit together (40, 39)", 0},
    {"P2 cells begin in the header", {{UPPER, 1}}, "P2", 0},
    {"P2 cells begin beyond the page", {{UPPER, 4097}}, "P2", 0},
    {"P2 cells begin at 65,536", {{UPPER, 0}}, "P2", 0},
    {"P2 more slots than room", {{COUNT, 1015}, {LOWER, 24 + 4 * 1015}}, "P2", 0},
    {"P3 a cell in the gap", {{SLOT_3, 4077}}, "P3: a slot points outside the cells (3, 4077)", 0},
    {"P3 a cell in the slots", {{SLOT_3, 24}}, "P3", 0},
    {"P3 a cell at 0", {{SLOT_3, 0}}, "P3", 0},
    {"P3 a cell over the end", {{SLOT_0, 4092}}, "P3", 0},
    {"P3 a cell too long", {{SLOT_0 + 2, 6}}, "P3", 0},
    {"P3 a cell at the end", {{SLOT_0, 4096}}, "P3", 0},
    {"P3 a cell beyond the end", {{SLOT_0, 4097}}, "P3", 0},
    {"P3 a cell at 65,535", {{SLOT_0, 65535}}, "P3", 0},
    {"P3 the longest cell", {{SLOT_0, 4078}, {SLOT_0 + 2, 65535}}, "P3", 0},
    {"P4 two long cells", {{SLOT_0, 4078}, {SLOT_0 + 2, 18}}, "P4: the cells are longer than", 0},
    {"P4 a byte too many", {{SLOT_3 + 2, 8}}, "P4", 0},
    {"P5 a byte of two", {{SLOT_3 + 2, 7}}, NULL, 0}, /* up to the banana: the hole is used */
    {"P5 a byte of two",
     {{SLOT_3, 4079}, {SLOT_3 + 2, 7}},
     "P5: a byte belongs to this slot and to another (3, 4085)",
     1},
    {"P5 the same cell twice", {{SLOT_3, 4091}, {SLOT_3 + 2, 5}}, "P5", 1},
    {"P5 a cell in another", {{SLOT_3, 4086}}, "P5", 1},
    {"P6 a free slot with a place", {{SLOT_2, 1}}, "P6: a free slot points somewhere (2, 1)", 0},
    {"P6 a free slot in the cells", {{SLOT_2, 4081}}, "P6", 0},
    {"P6 a used slot without a length", {{SLOT_1 + 2, 0}}, "P6", 0},
    {"a free slot in use again", {{SLOT_2, 4081}, {SLOT_2 + 2, 4}}, NULL, 0},
};

enum { FORGERIES = sizeof forgeries / sizeof forgeries[0] };

START_TEST(each_forgery_is_named)
{
    fly_page page = sound_page();
    for (int i = 0; i < 2 && forgeries[_i].field[i].offset != 0; i++) {
        fly_put_u16(page.bytes + forgeries[_i].field[i].offset, forgeries[_i].field[i].value);
    }
    for (int thorough = 0; thorough < 2; thorough++) {
        bool refused = forgeries[_i].complaint != NULL &&
                       (thorough == 1 || !forgeries[_i].thorough);
        memset(&err, 0, sizeof err);
        ck_assert_msg(fly_page_check(page, thorough == 1, &err) ==
                          (refused ? FLY_E_CORRUPT : FLY_OK),
                      "%s: \"%s\"", forgeries[_i].rule, err.message);
        if (refused) {
            FLY_CHECK_SAYS(err.message, "page 4711: ");
            FLY_CHECK_SAYS(err.message, forgeries[_i].complaint);
        }
    }
    free_page(page);
}
END_TEST

START_TEST(shared_bytes_are_found_wherever_they_are)
{
    /* Two cells of every length up to 130 at every distance: an overlap within a word of the map of
     * bytes, across two, across three. */
    fly_page page = new_page(0);
    ck_assert_ptr_nonnull(fly_page_open(page, 0, 1000));
    ck_assert_ptr_nonnull(fly_page_open(page, 1, 1));
    for (uint32_t len = 1; len <= 130; len++) {
        for (uint32_t at = 0; at < 200; at++) {
            fly_put_u16(page.bytes + SLOT_0, (uint16_t)(3200 + at));
            fly_put_u16(page.bytes + SLOT_0 + 2, (uint16_t)len);
            fly_put_u16(page.bytes + SLOT_1, 3300);
            fly_put_u16(page.bytes + SLOT_1 + 2, 70);
            bool shared = 3200 + at < 3370 && 3200 + at + len > 3300;
            fly_status status = fly_page_check(page, true, &err);
            ck_assert_msg(status == (shared ? FLY_E_CORRUPT : FLY_OK), "%u bytes at %u", len, at);
            if (shared) {
                char place[32];
                (void)snprintf(place, sizeof place, "(1, %u)", at > 100 ? 3200 + at : 3300);
                FLY_CHECK_SAYS(err.message, place);
            }
        }
    }
    free_page(page);
}
END_TEST

/* Bytes that nobody wrote with these functions: a sound page with some fields overwritten, or a page
 * made up from scratch with the fields that the first rules want. */
static void make_up(fly_rng *rng, fly_page page)
{
    bool from_scratch = fly_rng_below(rng, 2) == 0;
    if (from_scratch) {
        uint32_t places = (page.size - page.slots_at) / page.slot_bytes;
        uint32_t count = (uint32_t)fly_rng_below(rng, 1 + fly_rng_below(rng, places));
        uint32_t lower = page.slots_at + count * page.slot_bytes;
        for (uint32_t i = FLY_PAGE_HEADER; i < page.size; i++) {
            page.bytes[i] = (uint8_t)fly_rng_next(rng);
        }
        fly_put_u16(page.bytes + COUNT, (uint16_t)count);
        fly_put_u16(page.bytes + LOWER, (uint16_t)lower);
        uint32_t upper = lower + (uint32_t)fly_rng_below(rng, page.size - lower + 1);
        fly_put_u16(page.bytes + UPPER, (uint16_t)upper);
        uint32_t mean = count > 0 ? 1 + (page.size - upper) / count : 1;
        for (uint32_t i = 0; i < count && upper < page.size; i++) {
            uint32_t offset = upper + (uint32_t)fly_rng_below(rng, page.size - upper);
            uint32_t len = 1 + (uint32_t)fly_rng_below(rng, mean);
            len = len > page.size - offset ? page.size - offset : len;
            bool is_free = fly_rng_below(rng, 8) == 0;
            fly_put_u16(fly_page_slot(page, i), is_free ? 0 : (uint16_t)offset);
            fly_put_u16(fly_page_slot(page, i) + 2, is_free ? 0 : (uint16_t)len);
        }
    }
    for (uint64_t n = fly_rng_below(rng, from_scratch ? 2 : 4); n > 0; n--) {
        uint32_t field = (uint32_t)fly_rng_below(rng, 1 + fly_rng_below(rng, page.size / 2 - 1));
        uint16_t near =
            (uint16_t)(fly_get_u16(page.bytes + 2 * (size_t)field) + fly_rng_below(rng, 9) - 4);
        fly_put_u16(page.bytes + 2 * (size_t)field,
                    fly_rng_below(rng, 2) == 0 ? near : (uint16_t)fly_rng_next(rng));
    }
}

/* Look at everything; whatever the bytes are, within the page. */
static uint64_t read_all(fly_page page)
{
    uint64_t sum = fly_page_holes(page);
    ck_assert(sum <= page.size);
    for (uint32_t i = 0; i < fly_page_count(page); i++) {
        fly_bytes cell = fly_page_cell(page, i);
        sum += fly_hash(cell.data, cell.len, 0);
        sum += page.slot_bytes == FLY_PAGE_TAGGED ? fly_page_tag(page, i) : 0;
    }
    return sum;
}

static void change_at_random(fly_rng *rng, fly_page page)
{
    static const uint8_t bytes[FLY_PAGE_SIZE_MAX] = {1, 2, 3};
    uint32_t count = fly_page_count(page);
    uint32_t len = 1 + (uint32_t)fly_rng_below(rng, 1 + fly_rng_below(rng, page.size));
    uint32_t at = (uint32_t)fly_rng_below(rng, count + 1ull);
    uint16_t slot;
    switch (fly_rng_below(rng, 6)) {
    case 0:
        FLY_IGNORE(fly_page_insert(page, at, fly_bytes_of(bytes, len)));
        break;
    case 1:
        FLY_IGNORE(fly_page_add(page, fly_bytes_of(bytes, len), &slot));
        break;
    case 2:
        fly_page_compact(page);
        break;
    case 3:
        fly_page_remove_range(page, at, at + (uint32_t)fly_rng_below(rng, count - at + 1ull));
        break;
    case 4: {
        uint8_t *cell = at < count ? fly_page_resize(page, at, len) : NULL;
        if (cell != NULL) {
            memset(cell, 0x55, len);
        }
        break;
    }
    default:
        if (at < count && fly_page_cell_len(page, at) > 0) {
            fly_page_drop(page, (uint16_t)at);
        }
        break;
    }
}

static void rubbish(void *ctx, uint64_t seed)
{
    uint64_t *sound = ctx;
    fly_rng rng;
    fly_rng_init(&rng, seed);
    for (int round = 0; round < 60; round++) {
        fly_page page = new_page(fly_rng_below(&rng, LAYOUTS));
        for (uint64_t n = fly_rng_below(&rng, 100); n > 0; n--) {
            change_at_random(&rng, page);
        }
        make_up(&rng, page);
        if (fly_page_check(page, false, NULL) == FLY_OK) {
            (void)read_all(page);
            fly_page copy = page;
            copy.bytes = malloc(page.size);
            ck_assert(copy.bytes != NULL);
            memcpy(copy.bytes, page.bytes, page.size);
            fly_page_compact(copy); /* what reads may want first */
            (void)read_all(copy);
            free_page(copy);
        }
        if (fly_page_check(page, true, NULL) == FLY_OK) {
            sound[0]++;
            for (int i = 0; i < 40; i++) {
                change_at_random(&rng, page);
                FLY_CHECK_OK(fly_page_check(page, true, &err), err);
            }
            (void)read_all(page);
        }
        sound[1]++;
        free_page(page);
    }
}

START_TEST(whatever_the_check_accepts_can_be_worked_on)
{
    uint64_t sound[2] = {0};
    rubbish(sound, 1); /* enough of it gets past the check for the test to mean something */
    ck_assert_uint_gt(sound[0] * 10, sound[1]);
    ck_assert_uint_lt(sound[0], sound[1]);
    ck_assert(fly_test_seeds("made-up pages", 60, rubbish, sound));
}
END_TEST

/* ------------------------------------------------------------------------ checksums */

START_TEST(a_sealed_page_is_accepted_in_its_own_place_only)
{
    uint32_t size = 4096u << _i;
    uint8_t *bytes = malloc(size);
    ck_assert_ptr_nonnull(bytes);
    fly_page page = {bytes, size, FLY_PAGE_HEADER, FLY_PAGE_SLOT};
    fly_page_init(page, NUMBER, KIND);
    FLY_CHECK_OK(fly_page_insert(page, 0, text("cell")), err);
    fly_page_seal(bytes, size);
    FLY_CHECK_OK(fly_page_verify(bytes, size, NUMBER, &err), err);
    FLY_CHECK(fly_page_verify(bytes, size, NUMBER + 1, &err), FLY_E_CORRUPT, err);
    ck_assert_str_eq(err.message, "page 4712: its place holds page 4711");
    free(bytes);
}
END_TEST

START_TEST(every_flipped_bit_is_noticed)
{
    uint32_t size = 4096u << _i;
    uint8_t *bytes = malloc(size);
    ck_assert_ptr_nonnull(bytes);
    fly_rng rng;
    fly_rng_init(&rng, 7);
    for (uint32_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)fly_rng_next(&rng);
    }
    fly_put_u32(bytes, NUMBER);
    fly_page_seal(bytes, size);
    uint32_t stride = _i < 2 ? 1 : 61;
    for (uint32_t bit = 0; bit < size * 8; bit += stride) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (fly_page_verify(bytes, size, NUMBER, &err) != FLY_E_CORRUPT) {
            ck_abort_msg("bit %u of %u bytes", bit, size);
        }
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    FLY_CHECK_SAYS(err.message, "page 4711: checksum is ");
    FLY_CHECK_OK(fly_page_verify(bytes, size, NUMBER, &err), err);
    free(bytes);
}
END_TEST

START_TEST(a_page_that_was_never_written_is_no_page)
{
    uint8_t *zeros = calloc(1, FLY_PAGE_SIZE_MAX);
    ck_assert_ptr_nonnull(zeros);
    for (uint32_t size = FLY_PAGE_SIZE_MIN; size <= FLY_PAGE_SIZE_MAX; size *= 2) {
        FLY_CHECK(fly_page_verify(zeros, size, 0, &err), FLY_E_CORRUPT, err);
    }
    free(zeros);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("page");
    TCase *hand = fly_test_case(suite, "by hand");
    tcase_add_loop_test(hand, a_new_page_is_empty_and_sound, 0, LAYOUTS);
    tcase_add_test(hand, the_header_is_where_the_format_says);
    tcase_add_loop_test(hand, one_cell_may_fill_the_page_and_not_a_byte_more, 0, LAYOUTS);
    tcase_add_loop_test(hand, a_page_may_be_full_of_the_smallest_cells, 0, LAYOUTS);
    tcase_add_test(hand, a_cell_keeps_its_beginning_when_it_is_resized);
    tcase_add_test(hand, nothing_moves_while_the_gap_suffices);
    tcase_add_test(hand, a_name_stays_while_its_cell_lives_and_is_given_again_afterwards);
    tcase_add_test(hand, a_free_name_saves_the_slot);
    tcase_add_loop_test_raise_signal(hand, who_breaks_the_contract_is_stopped, SIGABRT, 0, 11);

    TCase *model = fly_test_case(suite, "model");
    tcase_add_test(model, slots_in_order_do_what_an_array_does);
    tcase_add_test(model, slots_as_names_do_what_an_array_does);

    TCase *trust = fly_test_case(suite, "trust");
    tcase_add_loop_test(trust, each_forgery_is_named, 0, FORGERIES);
    tcase_add_test(trust, shared_bytes_are_found_wherever_they_are);
    tcase_add_test(trust, whatever_the_check_accepts_can_be_worked_on);

    TCase *sums = fly_test_case(suite, "checksums");
    tcase_add_loop_test(sums, a_sealed_page_is_accepted_in_its_own_place_only, 0, 5);
    tcase_add_loop_test(sums, every_flipped_bit_is_noticed, 0, 5);
    tcase_add_test(sums, a_page_that_was_never_written_is_no_page);
    return fly_test_run(suite);
}
