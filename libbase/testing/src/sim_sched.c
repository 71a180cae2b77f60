/*
 * The simulated schedulers: one turn, passed from thread to thread as a seed decides.
 *
 *     thread 0   ──point──┐             ┌──park──┐                      ┌──end
 *     thread 1            └──point──────┘        │           ┌──unpark──┘
 *     thread 2                                   └──sleep────┘
 *
 *     V1  exactly one thread has the turn: the one in `running`; every other one is inside
 *         wait_for_turn(), or has finished
 *     V2  only the thread that has the turn touches the scheduler; passing the turn is a semaphore,
 *         and orders what it did before what the next one does. So nothing here needs a lock.
 *     V3  nothing that is decided depends on an address, a clock or the operating system: threads
 *         have numbers, and lists are in the order of these
 *     V4  a parked thread is ready again when somebody unparks its word, the thread that it joins
 *         ends, or its deadline is not later than now
 *
 * What is not here: the disk's share in a simulation (sim_disk.c), which is a sleep.
 *
 * Source: Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs",
 * ASPLOS 2010, for PCT. Deliberate differences: threads may start at any time, and get a random
 * priority then; a thread that yields drops below all others, because in this toolkit yielding says
 * "not before somebody else did something", and the highest priority would spin for ever.
 */
#define _GNU_SOURCE
#include <fly/base_simsched.h>

#include <fly/base_hash.h>
#include <fly/base_seeds.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HELD = 32,          /* things that a thread holds and a report can name */
    HISTORY = 32,       /* steps that a report shows */
    STEP_NS = 100,      /* virtual */
    START_NS = 1000000, /* no clock begins at 0 */
    SPURIOUS_ONE_IN = 64
};

typedef enum state { READY, PARKED, FINISHED } state;

typedef struct sim sim;

/* A simulated thread. */
typedef struct actor {
    sim *sim;
    uint32_t number;
    const char *name;
    void (*run)(void *arg);
    void *arg;
    pthread_t os;
    bool joined;
    sem_t turn;
    state state;
    const fly_atomic_u32 *word; /* PARKED on it, or NULL */
    struct actor *joins;        /* PARKED until it ends, or NULL */
    uint64_t deadline;          /* of PARKED */
    bool timed_out;             /* that ended the last park */
    const char *doing;          /* the point at which it stopped */
    bool visited;               /* by the search for a cycle */
    int64_t priority;           /* PCT: the highest runs */
    struct {
        const void *object;
        const char *name;
    } held[HELD];
    unsigned held_count;
} actor;

struct step {
    uint32_t thread;
    const char *what;
};

struct sim {
    fly_sched sched;
    fly_sim_sched_options options;
    fly_rng rng;
    actor **actors; /* by number */
    uint32_t actor_count, actor_slots;
    actor **alive; /* not FINISHED, by number */
    uint32_t alive_count;
    actor *running;
    uint64_t now;
    uint32_t stay;     /* RANDOM: of 256 steps, how many do not ask for a switch */
    uint64_t *changes; /* PCT: the steps at which the running thread's priority drops, sorted */
    uint32_t next_change;
    int64_t lowest; /* PCT: below every priority in use */
    int cpu;        /* where all of them run: passing the turn is quicker within one processor */
    sem_t over;
    struct step history[HISTORY]; /* of step n: at n mod HISTORY */
    fly_sim_report report;
};

static sim *sim_of(fly_sched *sched)
{
    return (sim *)sched;
}

static void *must_alloc(size_t size)
{
    void *block = calloc(1, size);
    FLY_ASSERT(block != NULL);
    return block;
}

/* -------------------------------------------------------------------------- report */

static void say(sim *s, const char *format, ...) FLY_PRINTF(2, 3);

static void say(sim *s, const char *format, ...)
{
    size_t used = strlen(s->report.text);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(s->report.text + used, sizeof s->report.text - used, format, args);
    va_end(args);
}

/* Words lie in what is held: a latch is parked on by one half of its eight bytes. */
static bool is_at(const void *object, const fly_atomic_u32 *word)
{
    return word != NULL && (uintptr_t)object / 8 == (uintptr_t)word / 8;
}

/* Whom a thread waits for, beginning with the `from`-th thread; NULL if nobody is known. */
static actor *awaited(const sim *s, const actor *a, uint32_t from)
{
    if (a->joins != NULL) {
        return from <= a->joins->number ? a->joins : NULL;
    }
    for (uint32_t n = from; n < s->actor_count && a->state == PARKED; n++) {
        actor *other = s->actors[n];
        for (unsigned i = 0; i < other->held_count; i++) {
            if (is_at(other->held[i].object, a->word)) {
                return other;
            }
        }
    }
    return NULL;
}

static void say_wait(sim *s, const actor *a)
{
    say(s, "  thread %" PRIu32 " \"%s\" ", a->number, a->name);
    if (a->state == READY) {
        say(s, "can run; it stopped at \"%s\"", a->doing);
    } else if (a->joins != NULL) {
        say(s, "waits for thread %" PRIu32 " \"%s\" to end", a->joins->number, a->joins->name);
    } else {
        say(s, "waits for \"%s\"", a->doing);
        const char *word = ", which is held by";
        for (const actor *by = awaited(s, a, 0); by != NULL; by = awaited(s, a, by->number + 1)) {
            say(s, "%s thread %" PRIu32 " \"%s\"", word, by->number, by->name);
            word = " and";
        }
    }
    for (unsigned i = 0; i < a->held_count; i++) {
        say(s, "%s \"%s\"", i == 0 ? "; it holds" : ",", a->held[i].name);
    }
    say(s, "\n");
}

/* Follow from `a` who waits for whom, along `path`, until somebody comes twice. Returns the length
 * of the path if `a` led to a cycle, which is then its end from path[*begin] on. */
static uint32_t find_cycle(const sim *s, actor *a, actor **path, uint32_t depth, uint32_t *begin)
{
    for (uint32_t i = 0; i < depth; i++) {
        if (path[i] == a) {
            *begin = i;
            return depth;
        }
    }
    if (a->visited) {
        return 0; /* it led nowhere before */
    }
    a->visited = true;
    path[depth] = a;
    for (actor *by = awaited(s, a, 0); by != NULL; by = awaited(s, a, by->number + 1)) {
        uint32_t len = find_cycle(s, by, path, depth + 1, begin);
        if (len > 0) {
            return len;
        }
    }
    return 0;
}

static void say_cycle(sim *s)
{
    actor **path = must_alloc((s->actor_count + 1) * sizeof *path);
    uint32_t begin = 0;
    uint32_t len = 0;
    for (uint32_t i = 0; i < s->alive_count && len == 0; i++) {
        len = find_cycle(s, s->alive[i], path, 0, &begin);
    }
    for (uint32_t i = begin; i < len; i++) {
        const actor *next = path[i + 1 < len ? i + 1 : begin];
        say(s, "%s \"%s\" waits for \"%s\", held by \"%s\"", i == begin ? "the cycle:" : ";",
            path[i]->name, path[i]->joins != NULL ? path[i]->joins->name : path[i]->doing,
            next->name);
    }
    say(s, len > 0 ? "\n" : "");
    free(path);
}

static void write_report(sim *s, fly_sim_outcome outcome)
{
    s->report.outcome = outcome;
    say(s, "%s, seed %" PRIu64 " (%s), after %" PRIu64 " steps\n",
        outcome == FLY_SIM_DEADLOCK ? "deadlock" : "livelock", s->options.seed,
        s->options.kind == FLY_SIM_PCT ? "PCT" : "random", s->report.steps);
    for (uint32_t i = 0; i < s->alive_count; i++) {
        say_wait(s, s->alive[i]);
    }
    say_cycle(s);
    say(s, "the last steps:");
    uint64_t first = s->report.steps > HISTORY ? s->report.steps - HISTORY : 0;
    for (uint64_t n = first; n < s->report.steps; n++) {
        const struct step *step = &s->history[n % HISTORY];
        say(s, "%s %" PRIu32 " %s", n > first ? ";" : "", step->thread, step->what);
    }
    say(s, "\n");
}

/* ------------------------------------------------------------------------ deciding */

static int64_t random_priority(sim *s)
{
    return (int64_t)(fly_rng_next(&s->rng) >> 2) + 1; /* above all that are given for a change */
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void prepare_pct(sim *s)
{
    uint32_t count = s->options.pct_depth - 1;
    s->changes = must_alloc((count + 1) * sizeof *s->changes);
    for (uint32_t i = 0; i < count; i++) {
        s->changes[i] = 1 + fly_rng_below(&s->rng, s->options.pct_steps);
    }
    qsort(s->changes, count, sizeof *s->changes, by_number);
    s->changes[count] = UINT64_MAX;
}

static void prepare_random(sim *s)
{
    static const uint32_t stays[] = {0, 128, 224, 248};
    s->stay = stays[fly_rng_below(&s->rng, 4)];
}

/* V4, for deadlines. Returns how many are ready. */
static uint32_t wake_due(sim *s)
{
    uint32_t ready = 0;
    for (uint32_t i = 0; i < s->alive_count; i++) {
        actor *a = s->alive[i];
        if (a->state == PARKED && a->deadline <= s->now) {
            a->state = READY;
            a->timed_out = true;
        }
        ready += a->state == READY;
    }
    return ready;
}

static uint64_t earliest_deadline(const sim *s)
{
    uint64_t earliest = FLY_FOREVER;
    for (uint32_t i = 0; i < s->alive_count; i++) {
        uint64_t deadline = s->alive[i]->deadline;
        earliest = deadline < earliest ? deadline : earliest;
    }
    return earliest;
}

static actor *choose_random(sim *s, uint32_t ready)
{
    if (s->running->state == READY && fly_rng_below(&s->rng, 256) < s->stay) {
        return s->running;
    }
    uint64_t left = fly_rng_below(&s->rng, ready);
    uint32_t i = 0;
    for (;; i++) {
        if (s->alive[i]->state == READY && left-- == 0) {
            return s->alive[i];
        }
    }
}

static actor *choose_highest(const sim *s)
{
    actor *highest = NULL;
    for (uint32_t i = 0; i < s->alive_count; i++) {
        actor *a = s->alive[i];
        if (a->state == READY && (highest == NULL || a->priority > highest->priority)) {
            highest = a;
        }
    }
    return highest;
}

/* Who is to have the turn, or NULL if nobody ever can. */
static actor *choose(sim *s)
{
    uint32_t ready = wake_due(s);
    if (ready == 0) {
        s->now = earliest_deadline(s);
        if (s->now == FLY_FOREVER) {
            return NULL;
        }
        ready = wake_due(s);
    }
    return s->options.kind == FLY_SIM_PCT ? choose_highest(s) : choose_random(s, ready);
}

/* -------------------------------------------------------------------- the turn */

static void wait_for_turn(actor *a)
{
    while (sem_wait(&a->turn) != 0) { /* interrupted */
    }
}

/* The run is over and cannot go on: this thread stays here, and with it all others. */
static void abandon(actor *a)
{
    (void)sem_post(&a->sim->over);
    for (;;) {
        wait_for_turn(a);
    }
}

/* Whoever is chosen gets the turn; returns when this thread has it again. */
static void pass_turn(sim *s, actor *self)
{
    actor *next = choose(s);
    if (next == NULL) {
        write_report(s, FLY_SIM_DEADLOCK);
        abandon(self);
    }
    if (next != self) {
        s->report.switches++;
        s->running = next;
        (void)sem_post(&next->turn);
        wait_for_turn(self);
    }
}

/* Count a step of the running thread, and tell the history. */
static void note_step(sim *s, actor *self, const char *what)
{
    self->doing = what;
    s->history[s->report.steps % HISTORY] = (struct step){self->number, what};
    s->report.steps++;
    s->report.schedule = fly_hash(what, strlen(what), s->report.schedule + self->number);
    s->now += STEP_NS;
    if (s->options.kind == FLY_SIM_PCT && s->report.steps >= s->changes[s->next_change]) {
        s->next_change++;
        self->priority = -(int64_t)s->next_change;
        s->lowest = self->priority < s->lowest ? self->priority : s->lowest;
    }
    if (s->report.steps > s->options.steps_max) {
        write_report(s, FLY_SIM_LIVELOCK);
        abandon(self);
    }
}

static actor *step(sim *s, const char *what)
{
    actor *self = s->running;
    note_step(s, self, what);
    pass_turn(s, self);
    return self;
}

/* Not ready until somebody or the deadline says so. False if it was the deadline. */
static bool block(sim *s, actor *self, uint64_t deadline)
{
    self->state = PARKED;
    self->deadline = deadline;
    self->timed_out = false;
    pass_turn(s, self);
    self->word = NULL;
    self->joins = NULL;
    self->deadline = FLY_FOREVER;
    return !self->timed_out;
}

static void make_ready(actor *a)
{
    a->state = READY;
    a->deadline = FLY_FOREVER;
}

/* ------------------------------------------------------------------------- threads */

/* The last thing that a thread does with the turn: it is never given another. */
static void leave(sim *s, actor *self)
{
    note_step(s, self, "end");
    self->state = FINISHED;
    uint32_t at = 0;
    while (s->alive[at] != self) {
        at++;
    }
    s->alive_count--;
    memmove(&s->alive[at], &s->alive[at + 1], (s->alive_count - at) * sizeof(actor *));
    for (uint32_t i = 0; i < s->alive_count; i++) {
        if (s->alive[i]->joins == self) {
            make_ready(s->alive[i]);
        }
    }
    if (s->alive_count == 0) {
        (void)sem_post(&s->over);
        return;
    }
    actor *next = choose(s);
    if (next == NULL) {
        write_report(s, FLY_SIM_DEADLOCK);
        (void)sem_post(&s->over);
        return;
    }
    s->report.switches++;
    s->running = next;
    (void)sem_post(&next->turn);
}

static void *trampoline(void *arg)
{
    actor *self = arg;
    wait_for_turn(self);
    (void)fly_sched_adopt(&self->sim->sched);
    self->run(self->arg);
    leave(self->sim, self);
    return NULL;
}

static actor *actor_create(sim *s, const char *name, void (*run)(void *arg), void *arg)
{
    actor *a = must_alloc(sizeof *a);
    *a = (actor){.sim = s,
                 .number = s->actor_count,
                 .name = name,
                 .run = run,
                 .arg = arg,
                 .deadline = FLY_FOREVER,
                 .doing = "start",
                 .priority = random_priority(s)};
    (void)sem_init(&a->turn, 0, 0);
    if (s->actor_count == s->actor_slots) {
        s->actor_slots = s->actor_slots > 0 ? s->actor_slots * 2 : 16;
        s->actors = realloc(s->actors, s->actor_slots * sizeof *s->actors);
        s->alive = realloc(s->alive, s->actor_slots * sizeof *s->alive);
        FLY_ASSERT(s->actors != NULL);
        FLY_ASSERT(s->alive != NULL);
    }
    return a;
}

/* The processor is advice: where it cannot be had, any will do. */
static int create_pinned(sim *s, actor *a)
{
    pthread_attr_t attributes;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)s->cpu, &one);
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setaffinity_np(&attributes, sizeof one, &one);
    int error = pthread_create(&a->os, &attributes, trampoline, a);
    (void)pthread_attr_destroy(&attributes);
    return error == EINVAL ? pthread_create(&a->os, NULL, trampoline, a) : error;
}

/* Let an actor be a thread. 0 or an errno; then it is gone. */
static int actor_launch(sim *s, actor *a)
{
    int error = create_pinned(s, a);
    if (error != 0) {
        (void)sem_destroy(&a->turn);
        free(a);
        return error;
    }
    s->actors[s->actor_count++] = a;
    s->alive[s->alive_count++] = a;
    s->report.threads++;
    return 0;
}

static int sim_start(fly_sched *sched, fly_thread *thread)
{
    sim *s = sim_of(sched);
    actor *a = actor_create(s, thread->name, thread->run, thread->arg);
    thread->handle = a->number;
    int error = actor_launch(s, a);
    if (error == 0) {
        (void)step(s, "start");
    }
    return -error;
}

static void os_join(actor *a)
{
    if (!a->joined) {
        a->joined = true;
        (void)pthread_join(a->os, NULL);
    }
}

static void sim_join(fly_sched *sched, fly_thread *thread)
{
    sim *s = sim_of(sched);
    actor *target = s->actors[thread->handle];
    actor *self = step(s, "join");
    if (target->state != FINISHED) {
        self->joins = target;
        (void)block(s, self, FLY_FOREVER);
    }
    os_join(target);
}

/* ------------------------------------------------------------------ parking and time */

static bool sim_park(fly_sched *sched, const fly_atomic_u32 *word, uint32_t expected,
                     uint64_t deadline, const char *what)
{
    sim *s = sim_of(sched);
    actor *self = step(s, what); /* the word may change before one sleeps on it */
    if (fly_load_u32(word) != expected) {
        return true;
    }
    if (fly_rng_below(&s->rng, SPURIOUS_ONE_IN) == 0) {
        return true; /* parking may end for no reason */
    }
    self->word = word;
    return block(s, self, deadline);
}

/* Wake some who are parked on the word: which ones is nobody's business but the seed's. */
static void sim_unpark(fly_sched *sched, const fly_atomic_u32 *word, uint32_t count)
{
    sim *s = sim_of(sched);
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < s->alive_count; i++) {
        waiting += s->alive[i]->state == PARKED && s->alive[i]->word == word;
    }
    bool woken = waiting > 0 && count > 0;
    for (uint32_t i = 0; i < s->alive_count && waiting > 0 && count > 0; i++) {
        actor *a = s->alive[i];
        if (a->state == PARKED && a->word == word) {
            if (fly_rng_below(&s->rng, waiting) < count) { /* each set of `count` alike */
                make_ready(a);
                count--;
            }
            waiting--;
        }
    }
    if (woken) {
        (void)step(s, "unpark");
    }
}

/* A loop that only looks at the clock has to come to an end. */
static uint64_t sim_now(fly_sched *sched)
{
    sim *s = sim_of(sched);
    s->now += STEP_NS;
    return s->now;
}

static void sim_sleep(fly_sched *sched, uint64_t nanoseconds)
{
    sim *s = sim_of(sched);
    actor *self = s->running;
    note_step(s, self, "sleep");
    uint64_t until = s->now + nanoseconds;
    (void)block(s, self, until >= s->now ? until : FLY_FOREVER - 1);
}

static void sim_point(fly_sched *sched, const char *what, const void *object)
{
    (void)object;
    sim *s = sim_of(sched);
    if (strcmp(what, "yield") == 0) {
        s->running->priority = --s->lowest;
    }
    (void)step(s, what);
}

/* Given back by another thread than the one that took it, it is still given back. */
static void forget_held(sim *s, const void *object)
{
    for (uint32_t n = 0; n <= s->alive_count; n++) {
        actor *a = n == 0 ? s->running : s->alive[n - 1];
        for (unsigned i = a->held_count; i > 0; i--) {
            if (a->held[i - 1].object == object) {
                a->held_count--;
                memmove(&a->held[i - 1], &a->held[i],
                        (a->held_count - (i - 1)) * sizeof a->held[0]);
                return;
            }
        }
    }
}

static void sim_hold(fly_sched *sched, const void *object, const char *name)
{
    sim *s = sim_of(sched);
    actor *self = s->running;
    if (name == NULL) {
        forget_held(s, object);
    } else if (self->held_count < HELD) {
        self->held[self->held_count].object = object;
        self->held[self->held_count].name = name;
        self->held_count++;
    }
}

/* ----------------------------------------------------------------------------- run */

static sim *sim_create(const fly_sim_sched_options *options)
{
    sim *s = must_alloc(sizeof *s);
    s->sched = (fly_sched){
        .start = sim_start,
        .join = sim_join,
        .park = sim_park,
        .unpark = sim_unpark,
        .now = sim_now,
        .sleep = sim_sleep,
        .point = sim_point,
        .hold = sim_hold,
    };
    s->options = *options;
    s->options.pct_depth = options->pct_depth > 0 ? options->pct_depth : 3;
    s->options.pct_steps = options->pct_steps > 0 ? options->pct_steps : 1000;
    s->options.steps_max = options->steps_max > 0 ? options->steps_max : 1000000;
    s->now = START_NS;
    int cpu = sched_getcpu();
    s->cpu = cpu >= 0 && cpu < CPU_SETSIZE ? cpu : 0;
    fly_rng_init(&s->rng, options->seed);
    prepare_pct(s);
    prepare_random(s);
    (void)sem_init(&s->over, 0, 0);
    return s;
}

static void sim_destroy(sim *s)
{
    for (uint32_t i = 0; i < s->actor_count; i++) {
        os_join(s->actors[i]);
        (void)sem_destroy(&s->actors[i]->turn);
        free(s->actors[i]);
    }
    (void)sem_destroy(&s->over);
    free(s->actors);
    free(s->alive);
    free(s->changes);
    free(s);
}

/* The threads hold what they hold; the operating system has them until the process ends. */
static void give_up(sim *s)
{
    for (uint32_t i = 0; i < s->actor_count; i++) {
        if (!s->actors[i]->joined) {
            (void)pthread_detach(s->actors[i]->os);
        }
    }
}

fly_sim_outcome fly_sim_sched_run(const fly_sim_sched_options *options, void (*first)(void *arg),
                                  void *arg, fly_sim_report *report)
{
    static const fly_sim_sched_options defaults = {0};
    sim *s = sim_create(options != NULL ? options : &defaults);
    actor *main_actor = actor_create(s, "first", first, arg);
    s->running = main_actor;
    int error = actor_launch(s, main_actor);
    FLY_ASSERT(error == 0);
    (void)sem_post(&main_actor->turn);
    while (sem_wait(&s->over) != 0) { /* interrupted */
    }

    fly_sim_outcome outcome = s->report.outcome;
    s->report.time = s->now - START_NS;
    if (report != NULL) {
        *report = s->report;
    }
    if (outcome == FLY_SIM_DONE) {
        sim_destroy(s);
    } else {
        give_up(s);
    }
    return outcome;
}

/* ----------------------------------------------------------------------- many seeds */

struct seeds {
    void (*first)(void *arg);
    void *arg;
    uint64_t steps; /* of the last run: what PCT needs to know */
};

static void run_seed(void *ctx, uint64_t seed)
{
    struct seeds *seeds = ctx;
    fly_sim_sched_options options = {
        .seed = seed,
        .kind = seed % 2 == 0 ? FLY_SIM_PCT : FLY_SIM_RANDOM,
        .pct_depth = 2 + (uint32_t)(seed / 2 % 3),
        .pct_steps = seeds->steps,
    };
    fly_sim_report report;
    if (fly_sim_sched_run(&options, seeds->first, seeds->arg, &report) != FLY_SIM_DONE) {
        (void)fputs(report.text, stderr);
        abort();
    }
    seeds->steps = report.steps;
}

bool fly_sim_for_each_seed(const char *what, uint64_t count, void (*first)(void *arg), void *arg)
{
    struct seeds seeds = {.first = first, .arg = arg};
    return fly_test_seeds(what, count, run_seed, &seeds);
}
