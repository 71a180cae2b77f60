/*
 * Goal: each policy chooses the victim that its paper says.
 * Method: beside each policy runs the dullest program that could be right, with arrays and loops over
 * all of them; random work from a seed, and at every choice both must name the same slot. The
 * sampling policy chooses among slots that it draws; its choices are held against what it would have
 * been best to choose, on average over many.
 */
#include "policy_world.h"

/* A reference: as a policy, over the arrays below. */
struct reference {
    void (*reset)(uint32_t slots);
    void (*loaded)(uint32_t slot, uint32_t page, uint32_t tick, uint32_t last);
    void (*touched)(uint32_t slot, uint32_t page, uint32_t tick);
    void (*evicted)(uint32_t slot, uint32_t page);
    uint32_t (*victim)(void);
};

static struct policy_world w;
static uint64_t now;

/* ----------------------------------------------------------------- LRU: when it was used last */

static uint64_t used[SLOTS_MAX];

static void lru_reset(uint32_t slots)
{
    (void)slots;
    memset(used, 0, sizeof used);
}

static void lru_touched(uint32_t slot, uint32_t page, uint32_t tick)
{
    (void)page;
    (void)tick;
    used[slot] = ++now;
}

static void lru_loaded(uint32_t slot, uint32_t page, uint32_t tick, uint32_t last)
{
    (void)last;
    lru_touched(slot, page, tick);
}

static void no_eviction(uint32_t slot, uint32_t page)
{
    (void)slot;
    (void)page;
}

static uint32_t lru_victim(void)
{
    uint32_t oldest = NO_SLOT;
    for (uint32_t slot = 0; slot < w.slots; slot++) {
        if (may_go(&w, slot) && (oldest == NO_SLOT || used[slot] < used[oldest])) {
            oldest = slot;
        }
    }
    return oldest;
}

/* ---------------------------------------- exact LRU-2: when it was used last, and the time before */

struct dates {
    uint32_t tick;
    uint64_t number; /* of the use among all; what is only known by its tick has 0 */
};

static struct dates dates[SLOTS_MAX][2]; /* second last, last */

static void lru_2_reset(uint32_t slots)
{
    (void)slots;
    memset(dates, 0, sizeof dates);
}

static void lru_2_loaded(uint32_t slot, uint32_t page, uint32_t tick, uint32_t last)
{
    (void)page;
    dates[slot][0] = (struct dates){last, 0};
    dates[slot][1] = (struct dates){tick, ++now};
}

static void lru_2_touched(uint32_t slot, uint32_t page, uint32_t tick)
{
    (void)page;
    dates[slot][0] = dates[slot][1];
    dates[slot][1] = (struct dates){tick, ++now};
}

static bool earlier(struct dates a, struct dates b)
{
    return a.tick != b.tick ? a.tick < b.tick : a.number < b.number;
}

static bool lru_2_before(uint32_t a, uint32_t b)
{
    if (earlier(dates[a][0], dates[b][0]) || earlier(dates[b][0], dates[a][0])) {
        return earlier(dates[a][0], dates[b][0]);
    }
    return earlier(dates[a][1], dates[b][1]);
}

static uint32_t lru_2_victim(void)
{
    uint32_t best = NO_SLOT;
    for (uint32_t slot = 0; slot < w.slots; slot++) {
        if (may_go(&w, slot) && (best == NO_SLOT || lru_2_before(slot, best))) {
            best = slot;
        }
    }
    return best;
}

/* ---------------------------------------------------------------------------------- CLOCK */

static bool bits[SLOTS_MAX];
static uint32_t hand;

static void clock_reset(uint32_t slots)
{
    (void)slots;
    memset(bits, 0, sizeof bits);
    hand = 0;
}

static void clock_touched(uint32_t slot, uint32_t page, uint32_t tick)
{
    (void)page;
    (void)tick;
    bits[slot] = true;
}

static void clock_loaded(uint32_t slot, uint32_t page, uint32_t tick, uint32_t last)
{
    (void)last;
    clock_touched(slot, page, tick);
}

static uint32_t clock_victim(void)
{
    for (uint32_t steps = 0; steps < 2 * w.slots; steps++) {
        uint32_t slot = hand;
        hand = hand + 1 == w.slots ? 0 : hand + 1;
        if (may_go(&w, slot) && !bits[slot]) {
            return slot;
        }
        if (may_go(&w, slot)) {
            bits[slot] = false;
        }
    }
    return NO_SLOT;
}

/* ------------------------------------------------------------------------------------- 2Q */

/* A queue, oldest first. */
struct queue {
    uint32_t at[SLOTS_MAX + 1];
    uint32_t count;
};

static struct queue in, out, main_queue; /* slots, pages, slots */

static bool take(struct queue *queue, uint32_t x)
{
    for (uint32_t i = 0; i < queue->count; i++) {
        if (queue->at[i] == x) {
            queue->count--;
            memmove(&queue->at[i], &queue->at[i + 1], (queue->count - i) * sizeof queue->at[0]);
            return true;
        }
    }
    return false;
}

static void two_q_reset(uint32_t slots)
{
    (void)slots;
    in.count = out.count = main_queue.count = 0;
}

static void two_q_loaded(uint32_t slot, uint32_t page, uint32_t tick, uint32_t last)
{
    (void)tick;
    (void)last;
    struct queue *to = take(&out, page) ? &main_queue : &in;
    to->at[to->count++] = slot;
}

static void two_q_touched(uint32_t slot, uint32_t page, uint32_t tick)
{
    (void)page;
    (void)tick;
    if (take(&main_queue, slot)) {
        main_queue.at[main_queue.count++] = slot;
    }
}

static void two_q_evicted(uint32_t slot, uint32_t page)
{
    if (take(&in, slot)) {
        if (out.count == (w.slots / 2 > 0 ? w.slots / 2 : 1)) {
            bool gone = take(&out, out.at[0]);
            FLY_ASSERT(gone);
        }
        out.at[out.count++] = page;
    } else {
        bool gone = take(&main_queue, slot);
        FLY_ASSERT(gone);
    }
}

static uint32_t oldest_of(const struct queue *queue)
{
    for (uint32_t i = 0; i < queue->count; i++) {
        if (may_go(&w, queue->at[i])) {
            return queue->at[i];
        }
    }
    return NO_SLOT;
}

static uint32_t two_q_victim(void)
{
    bool from_in = in.count > w.slots / 4;
    uint32_t slot = oldest_of(from_in ? &in : &main_queue);
    return slot != NO_SLOT ? slot : oldest_of(from_in ? &main_queue : &in);
}

/* ---------------------------------------------------------------------------- both at once */

static const struct {
    const fly_bufpool_policy *policy;
    struct reference reference;
} pairs[] = {
    {&fly_bufpool_lru, {lru_reset, lru_loaded, lru_touched, no_eviction, lru_victim}},
    {&fly_bufpool_lru_k_exact,
     {lru_2_reset, lru_2_loaded, lru_2_touched, no_eviction, lru_2_victim}},
    {&fly_bufpool_clock, {clock_reset, clock_loaded, clock_touched, no_eviction, clock_victim}},
    {&fly_bufpool_2q, {two_q_reset, two_q_loaded, two_q_touched, two_q_evicted, two_q_victim}},
};
enum { PAIRS = sizeof pairs / sizeof pairs[0] };

static void evict_both(const struct reference *reference, uint32_t slot)
{
    reference->evicted(slot, w.page[slot]);
    evict(&w, slot);
}

static void load_both(const struct reference *reference, uint32_t slot, uint32_t page)
{
    uint32_t last = w.last_touch[page];
    load(&w, slot, page);
    reference->loaded(slot, page, w.tick, last);
}

/* Pages are drawn so that some come often: the smaller the number, the more. */
static uint32_t draw_page(fly_rng *rng)
{
    uint64_t bound = 1 + fly_rng_below(rng, w.slots * 4);
    return (uint32_t)fly_rng_below(rng, bound);
}

static void use(const struct reference *reference, uint32_t page, uint64_t step)
{
    uint32_t empty = NO_SLOT;
    for (uint32_t slot = 0; slot < w.slots; slot++) {
        if (w.page[slot] == page) {
            touch(&w, slot);
            reference->touched(slot, page, w.tick);
            return;
        }
        empty = w.page[slot] == NO_PAGE ? slot : empty;
    }
    if (empty == NO_SLOT) {
        empty = victim(&w);
        uint32_t wanted = reference->victim();
        if (empty != wanted) {
            ck_abort_msg("step %" PRIu64 ": %s names slot %" PRIu32 ", the reference %" PRIu32,
                         step, w.policy->name, empty, wanted);
        }
        if (empty == NO_SLOT) {
            return;
        }
        evict_both(reference, empty);
    }
    load_both(reference, empty, page);
}

static void compare(void *ctx, uint64_t seed)
{
    const int *pair = ctx;
    const struct reference *reference = &pairs[*pair].reference;
    fly_rng rng;
    fly_rng_init(&rng, seed);
    uint32_t slots = 1 + (uint32_t)fly_rng_below(&rng, seed % 4 == 0 ? SLOTS_MAX : 24);
    uint64_t refusals = fly_rng_below(&rng, 4); /* in tenths */
    policy_world_init(&w, pairs[*pair].policy, slots, seed);
    reference->reset(slots);
    for (uint64_t step = 0; step < 2000; step++) {
        uint32_t slot = (uint32_t)fly_rng_below(&rng, slots);
        w.refused[slot] = fly_rng_below(&rng, 10) < refusals;
        w.tick += fly_rng_below(&rng, 5) == 0;
        if (fly_rng_below(&rng, 50) == 0 && w.page[slot] != NO_PAGE) {
            evict_both(reference, slot); /* dropped */
        } else {
            use(reference, draw_page(&rng), step);
        }
    }
    policy_world_deinit(&w);
}

START_TEST(it_chooses_as_its_paper_says)
{
    int pair = _i;
    ck_assert(fly_test_seeds(pairs[_i].policy->name, 200, compare, &pair));
}
END_TEST

START_TEST(a_use_in_the_tick_of_a_moment_ago_is_still_the_last_one)
{
    /* Two threads read the time and reach the policy the other way round. */
    policy_world_init(&w, &fly_bufpool_lru_k_exact, 16, 1);
    w.tick = 5;
    load(&w, 0, 0);
    touch(&w, 0);
    w.tick = 4;
    load(&w, 1, 1);
    touch(&w, 1);
    ck_assert_uint_eq(victim(&w), 0);
    policy_world_deinit(&w);
}
END_TEST

/* --------------------------------------------------------------------------- LRU-K by sampling */

/* The part of the pages that may go which would have been better victims than `slot`. */
static double share_before(uint32_t slot)
{
    uint32_t before = 0;
    uint32_t all = 0;
    for (uint32_t i = 0; i < w.slots; i++) {
        all += may_go(&w, i);
        before += may_go(&w, i) && lru_2_before(i, slot);
    }
    return (double)before / all;
}

/* Uses of a page within one tick count once, for the reference too. */
static void use_sampled(uint32_t slot)
{
    if (dates[slot][1].tick != w.tick) {
        lru_2_touched(slot, w.page[slot], w.tick);
    }
    touch(&w, slot);
    dates[slot][1].number = 0; /* only ticks are known */
}

START_TEST(a_sampled_victim_is_among_the_worst)
{
    fly_rng rng;
    fly_rng_init(&rng, 17);
    policy_world_init(&w, &fly_bufpool_lru_k, SLOTS_MAX, 5);
    lru_2_reset(SLOTS_MAX);
    for (uint32_t slot = 0; slot < SLOTS_MAX; slot++) {
        load(&w, slot, slot);
        lru_2_loaded(slot, slot, w.tick, 0);
    }
    double sum = 0;
    double worst = 0;
    enum { CHOICES = 4000 };
    for (int i = 0; i < CHOICES; i++) {
        for (int k = 0; k < 16; k++) {
            w.tick++;
            use_sampled((uint32_t)fly_rng_below(&rng, SLOTS_MAX));
        }
        w.refused[fly_rng_below(&rng, SLOTS_MAX)] = i % 3 == 0;
        uint32_t slot = victim(&w);
        ck_assert_uint_ne(slot, NO_SLOT);
        double share = share_before(slot);
        sum += share;
        worst = share > worst ? share : worst;
        uint32_t page = (w.page[slot] + SLOTS_MAX) % PAGES_KNOWN;
        evict(&w, slot);
        uint32_t last = w.last_touch[page];
        load(&w, slot, page);
        lru_2_loaded(slot, page, w.tick, last);
        dates[slot][1].number = 0;
    }
    /* The best of sixteen numbers drawn from 0 to 1 is 1/17 on average. */
    ck_assert_double_gt(sum / CHOICES, 0.045);
    ck_assert_double_lt(sum / CHOICES, 0.07);
    ck_assert_double_lt(worst, 0.7);
    policy_world_deinit(&w);
}
END_TEST

START_TEST(uses_within_one_tick_are_one_use)
{
    /* Sixteen pages used twice, in two ticks; one that is used often in the last tick only. */
    policy_world_init(&w, &fly_bufpool_lru_k, 17, 3);
    for (uint32_t slot = 0; slot < 16; slot++) {
        load(&w, slot, slot);
    }
    w.tick = 2;
    for (uint32_t slot = 0; slot < 16; slot++) {
        touch(&w, slot);
    }
    w.tick = 3;
    load(&w, 16, 16);
    for (int i = 0; i < 10; i++) {
        touch(&w, 16);
    }
    uint32_t found = 0;
    for (int i = 0; i < 100; i++) {
        found += victim(&w) == 16;
    }
    ck_assert_uint_gt(found, 40); /* whenever it is drawn: 1 - (16/17)^16 is 62 % */
    policy_world_deinit(&w);
}
END_TEST

START_TEST(a_page_that_comes_back_has_a_history)
{
    policy_world_init(&w, &fly_bufpool_lru_k, 16, 3);
    w.tick = 4;
    for (uint32_t slot = 0; slot < 16; slot++) {
        load(&w, slot, slot);
    }
    evict(&w, 3);
    w.tick = 9;
    load(&w, 3, 3); /* used in ticks 4 and 9; the others only once */
    for (int i = 0; i < 100; i++) {
        ck_assert_uint_ne(victim(&w), 3);
    }
    policy_world_deinit(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy models");
    TCase *tests = fly_test_case(suite, "references");
    tcase_add_loop_test(tests, it_chooses_as_its_paper_says, 0, PAIRS);
    tcase_add_test(tests, a_use_in_the_tick_of_a_moment_ago_is_still_the_last_one);
    TCase *sampled = fly_test_case(suite, "sampling");
    tcase_add_test(sampled, a_sampled_victim_is_among_the_worst);
    tcase_add_test(sampled, uses_within_one_tick_are_one_use);
    tcase_add_test(sampled, a_page_that_comes_back_has_a_history);
    return fly_test_run(suite);
}
