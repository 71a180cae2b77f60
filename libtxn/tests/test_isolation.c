/*
 * Goal: each level lets through what it says, and nothing else.
 * Method: schedules, written down. The anomalies are those of the Hermitage suite and of Adya's thesis;
 * then come deadlocks, locks and a few that are about this store. A schedule is a line of steps:
 *
 *     1x=11    transaction 1 puts 11 under x          2x?   transaction 2 gets x
 *     1x-      deletes x                              2*?   gets all, in order of their keys
 *     1x!      locks x                                2x!!  locks it without waiting
 *     1x&      shares it                              2x&&  shares it without waiting
 *     1x~      shares it weakly                       2x~~  ... without waiting
 *     1x^      locks it weakly                        2x^^  ... without waiting
 *     1x%11    puts 11 under x, weakly                1f?   gets all there is now
 *     1x+11    inserts                                1*u?  walks down instead
 *     1s 1r    sets a savepoint, rolls back to it     1c 1a commits, rolls back
 *
 * For each level stands what comes of it, step by step: `ok`, a value, `-` for none, `waits` if the step
 * does not return, and then `ok/2ok` at the step that lets transaction 2 go on. What has failed is rolled
 * back at once, and its other steps are `.`: they are left out. At the end stands what is committed.
 *
 * Every transaction has a thread, under the simulated scheduler. Time there passes only when nobody can
 * run, so a step that has not returned after a second of it waits for somebody. The result must be the
 * same from every seed.
 */
#define _POSIX_C_SOURCE 200809L /* strtok_r */

#include <fly/base_sched.h>

#include "txn_world.h"

static const struct {
    const char *name;
    const char *steps;
    const char *outcome[3]; /* at read committed, snapshot, serializable; NULL: as the one before */
} schedules[] = {
    {"G0, dirty write",
     "1x=11 2x=12 1y=21 1c 2y=22 2c",
     {"ok waits ok ok/2ok ok ok: x=12 y=22", "ok waits ok ok/2conflict . .: x=11 y=21"}},
    {"G1a, aborted read",
     "1x=101 2x? 2*? 1a 2x? 2*? 2c",
     {"ok 10 10,20 ok 10 10,20 ok: x=10 y=20"}},
    {"G1b, intermediate read",
     "1x=101 2x? 1x=11 1c 2x? 2c",
     {"ok 10 ok ok 11 ok: x=11 y=20", "ok 10 ok ok 10 ok: x=11 y=20"}},
    {"G1c, circular information flow",
     "1x=11 2y=22 1y? 2x? 1c 2c",
     {"ok ok 20 10 ok ok: x=11 y=22", NULL, "ok ok 20 10 ok conflict: x=11 y=20"}},
    {"OTV, observed transaction vanishes",
     "1x=11 1y=19 2x=12 1c 3x? 2y=18 3y? 2c 3y? 3x? 3c",
     {"ok ok waits ok/2ok 11 ok 19 ok 18 12 ok: x=12 y=18",
      "ok ok waits ok/2conflict 11 . 19 . 19 11 ok: x=11 y=19"}},
    {"PMP, predicate with many preceders",
     "1*? 2z=30 2c 1*? 1*u? 1c",
     {"10,20 ok ok 10,20,30 30,20,10 ok: x=10 y=20 z=30",
      "10,20 ok ok 10,20 20,10 ok: x=10 y=20 z=30"}},
    {"PMP, of a write",
     "1x=20 1y=30 2*? 2y- 1c 2*? 2c",
     {"ok ok 10,20 waits ok/2ok 20 ok: x=20", "ok ok 10,20 waits ok/2conflict . .: x=20 y=30"}},
    {"P4, lost update",
     "1x? 2x? 1x=11 2x=12 1c 2c",
     {"10 10 ok waits ok/2ok ok: x=12 y=20", "10 10 ok waits ok/2conflict .: x=11 y=20"}},
    {"P4, the first has committed before the second writes",
     "1x? 2x? 1x=11 1c 2x=12 2c",
     {"10 10 ok ok ok ok: x=12 y=20", "10 10 ok ok conflict .: x=11 y=20"}},
    {"G-single, read skew",
     "1x? 2x? 2y? 2x=12 2y=18 2c 1y? 1c",
     {"10 10 20 ok ok ok 18 ok: x=12 y=18", "10 10 20 ok ok ok 20 ok: x=12 y=18"}},
    {"G-single, by a range",
     "1*? 2x=12 2y=18 2c 1*? 1c",
     {"10,20 ok ok ok 12,18 ok: x=12 y=18", "10,20 ok ok ok 10,20 ok: x=12 y=18"}},
    {"G-single, of a write",
     "1x? 2x=12 2y=18 2c 1y- 1c",
     {"10 ok ok ok ok ok: x=12", "10 ok ok ok conflict .: x=12 y=18"}},
    {"G2-item, write skew",
     "1x? 1y? 2x? 2y? 1x=11 2y=21 1c 2c",
     {"10 20 10 20 ok ok ok ok: x=11 y=21", NULL, "10 20 10 20 ok ok ok conflict: x=11 y=20"}},
    {"G2-item, of what is not there",
     "1w? 2z? 1z=1 2w=1 1c 2c",
     {"- - ok ok ok ok: w=1 x=10 y=20 z=1", NULL, "- - ok ok ok conflict: x=10 y=20 z=1"}},
    {"G2, of ranges",
     "1*? 2*? 1w=30 2z=42 1c 2c",
     {"10,20 10,20 ok ok ok ok: w=30 x=10 y=20 z=42", NULL,
      "10,20 10,20 ok ok ok conflict: w=30 x=10 y=20"}},
    {"G2, of ranges walked down",
     "1*u? 2*u? 1w=30 2z=42 1c 2c",
     {"20,10 20,10 ok ok ok ok: w=30 x=10 y=20 z=42", NULL,
      "20,10 20,10 ok ok ok conflict: w=30 x=10 y=20"}},
    {"G2, of a range and a deletion",
     "1*? 2*? 1y- 2x- 1c 2c",
     {"10,20 10,20 ok ok ok ok:", NULL, "10,20 10,20 ok ok ok conflict: x=10"}},
    {"G2, with a reader between (Fekete, O'Neil, O'Neil)",
     "1x? 1y? 2y? 2y=25 2c 3x? 3y? 3c 1x=0 1c",
     {"10 20 20 ok ok 10 25 ok ok ok: x=0 y=25", NULL,
      "10 20 20 ok ok 10 25 ok ok conflict: x=10 y=25"}},
    {"what was rolled back does not count as read",
     "1x? 2x=11 2a 1y=21 1c",
     {"10 ok ok ok ok: x=10 y=21"}},
    {"what was rolled back to a savepoint does not count as read",
     "1x? 2w=1 2s 2x=11 2r 2c 1y=21 1c",
     {"10 ok ok ok ok ok ok ok: w=1 x=10 y=21", NULL,
      "10 ok ok ok ok ok ok conflict: w=1 x=10 y=20"}},
    {"one that only reads never fails",
     "1*? 2x=11 2y=21 2c 1*? 1c",
     {"10,20 ok ok ok 11,21 ok: x=11 y=21", "10,20 ok ok ok 10,20 ok: x=11 y=21"}},
    {"one that writes what nobody reads never fails",
     "1w=1 2x=11 2c 1z=2 1c",
     {"ok ok ok ok ok: w=1 x=11 y=20 z=2"}},
    {"one sees its own changes",
     "1x=11 1x? 1y- 1y? 1z=3 1*? 1*u? 1a",
     {"ok 11 ok - ok 11,3 3,11 ok: x=10 y=20"}},
    {"deadlock: the youngest gives way when it closes the circle",
     "1x=11 2y=22 1y=21 2x=12 1c",
     {"ok ok waits deadlock/1ok ok: x=11 y=21"}},
    {"deadlock: the youngest gives way when another closes the circle",
     "1x=11 2y=22 2x=12 1y=21 1c",
     {"ok ok waits ok/2deadlock ok: x=11 y=21"}},
    {"deadlock of three",
     "1x=11 2y=22 3z=33 1y=21 2z=32 3x=13 2c 1c",
     {"ok ok ok waits waits deadlock/2ok ok/1ok ok: x=11 y=21 z=32",
      "ok ok ok waits waits deadlock/2ok ok/1conflict .: x=10 y=22 z=32"}},
    {"several wait for one",
     "1x=11 1y=21 2x=12 3y=23 1a 2c 3c",
     {"ok ok waits waits ok/2ok/3ok ok ok: x=12 y=23"}},
    {"a lock keeps others from changing an entry, not from seeing it",
     "1x! 2x? 2x!! 2x=12 1c 2c",
     {"ok 10 again waits ok/2ok ok: x=12 y=20"}},
    {"a lock that is rolled back leaves nothing",
     "1x! 2x=12 1a 2x? 2c",
     {"ok waits ok/2ok 12 ok: x=12 y=20"}},
    {"a lock makes write skew impossible",
     "1x? 1y! 2y? 2x! 1x=11 2c 1c",
     {"10 ok 20 ok waits ok/1ok ok: x=11 y=20"}},
    {"a lock above a change is no news, the change is",
     "1x? 2x=12 2c 3x! 3c 1x=11 1c",
     {"10 ok ok ok ok ok ok: x=11 y=20", "10 ok ok ok ok conflict .: x=12 y=20"}},
    {"several share an entry, and a writer waits for all",
     "1x& 2x& 3x=13 1c 2c 3c",
     {"ok ok waits ok ok/3ok ok: x=13 y=20"}},
    {"of a writer, others do not wait to see what they share",
     "1x& 2x? 2x!! 2x^^ 2x&& 2x~~ 2c 1c",
     {"ok 10 again again ok ok ok ok: x=10 y=20"}},
    {"weak ones go together with weak ones",
     "1x~ 2x!! 2x^^ 2x%12 2c 1x? 1c",
     {"ok again ok ok ok 12 ok: x=12 y=20", "ok again ok ok ok 10 ok: x=12 y=20"}},
    {"a weak change keeps from sharing, and from another",
     "1x%11 2x&& 2x^^ 2x~~ 2x? 1c 2x? 2c",
     {"ok again again ok 10 ok 11 ok: x=11 y=20", "ok again again ok 10 ok 10 ok: x=11 y=20"}},
    {"a strong change that a weak one follows is strong",
     "1x=11 1x%12 2x~~ 1c 2c",
     {"ok ok again ok ok: x=12 y=20"}},
    {"a weak change that a strong one follows waits for those who share",
     "1x%11 2x~ 1x- 2c 1c",
     {"ok ok waits ok/1ok ok: y=20"}},
    {"a weak lock becomes strong, and waits for those who share",
     "1x^ 2x~ 1x! 2c 3x~~ 1c 3c",
     {"ok ok waits ok/1ok again ok ok: x=10 y=20"}},
    {"who shares alone may change",
     "1x& 1x=11 2x&& 1c 2x&& 2c",
     {"ok ok again ok ok ok: x=11 y=20", "ok ok again ok conflict .: x=11 y=20"}},
    {"two who share and both want to change",
     "1x& 2x& 1x=11 2x=12 1c",
     {"ok ok waits deadlock/1ok ok: x=11 y=20"}},
    {"two who share and both want to change, the older one last",
     "1x& 2x& 2x=12 1x=11 1c",
     {"ok ok waits ok/2deadlock ok: x=11 y=20"}},
    {"a deadlock over two entries that are shared",
     "1x& 2y& 1y=21 2x=12 1c",
     {"ok ok waits deadlock/1ok ok: x=10 y=21"}},
    {"a writer that waits is overtaken by a few, not by all",
     "1x& 2x=12 3x& 3c 3x& 3c 3x& 3c 3x& 3c 3x& 1c 2c 3x? 3c",
     {"ok waits ok ok ok ok ok ok ok ok waits ok/2ok ok/3ok 12 ok: x=12 y=20",
      "ok waits ok ok ok ok ok ok ok ok waits ok/2ok ok/3conflict . .: x=12 y=20"}},
    {"writers who wait for those who share go on in order",
     "1x& 2x=12 3x=13 1c 2c 3c",
     {"ok waits waits ok/2ok ok/3ok ok: x=13 y=20",
      "ok waits waits ok/2ok ok/3conflict .: x=12 y=20"}},
    {"nor stops those who share already, nor those who do not wait",
     "1x~ 2x=12 1x& 3x&& 1c 3c 2c",
     {"ok waits ok ok ok ok/2ok ok: x=12 y=20"}},
    {"a writer that waits weakly does not stop who shares weakly",
     "1x& 2x%12 3x~ 1c 3c 2c",
     {"ok waits ok ok/2ok ok ok: x=12 y=20"}},
    {"a writer that waits is overtaken rather than that somebody gives way",
     "1x& 2x=12 3x& 3c 3x& 3c 3x& 3c 3x& 3c 3y& 3x& 1y=21 3c 1c 2c",
     {"ok waits ok ok ok ok ok ok ok ok ok waits waits/3ok ok/1ok ok/2ok ok: x=12 y=21"}},
    {"a writer that gives up lets those go on who waited for it",
     "1x& 2z=32 2x=12 3x& 3c 3x& 3c 3x& 3c 3x& 3c 3x& 1z=31 3c 1c",
     {"ok ok waits ok ok ok ok ok ok ok ok waits ok/2deadlock/3ok ok ok: x=10 y=20 z=31"}},
    {"to share weakly a weak change is no news, a strong one is",
     "1y? 2x%11 2c 3x%12 3c 1x~ 2x!! 2a 1x& 1c",
     {"20 ok ok ok ok ok again ok ok ok: x=12 y=20",
      "20 ok ok ok ok ok again ok conflict .: x=12 y=20"}},
    {"what is shared after a savepoint is given back with it",
     "1s 1x& 2x=12 1r 2c 1c",
     {"ok ok waits ok/2ok ok ok: x=12 y=20"}},
    {"what is shared before it is not",
     "1x& 1s 1y& 1r 2y=22 2x!! 2c 1c",
     {"ok ok ok ok ok again ok ok: x=10 y=22"}},
    {"what is not there cannot be shared",
     "1z& 1z~ 2x- 1x& 2c 1c",
     {"none none ok waits ok/1none ok: y=20", "none none ok waits ok/1conflict .: y=20"}},
    {"who looks afresh sees what his snapshot does not",
     "1x? 2z=30 2c 1*? 1f? 1*? 1y=21 1f? 1c",
     {"10 ok ok 10,20,30 10,20,30 10,20,30 ok 10,21,30 ok: x=10 y=21 z=30",
      "10 ok ok 10,20 10,20,30 10,20 ok 10,21,30 ok: x=10 y=21 z=30",
      "10 ok ok 10,20 10,20,30 10,20 ok 10,21,30 conflict: x=10 y=20 z=30"}},
    {"insert waits for another insert, which may fail",
     "1z+1 2z+2 1a 2c",
     {"ok waits ok/2ok ok: x=10 y=20 z=2"}},
    {"insert waits for another insert, which may commit",
     "1z+1 2z+2 1c 2c",
     {"ok waits ok/2exists ok: x=10 y=20 z=1", "ok waits ok/2conflict .: x=10 y=20 z=1"}},
    {"delete waits for another delete",
     "1x- 2x- 1c 2c",
     {"ok waits ok/2none ok: y=20", "ok waits ok/2conflict .: y=20"}},
    {"rolling back to a savepoint lets those go on who wait for what came after it",
     "1y=21 1s 1x=11 2x=12 1r 2c 1c",
     {"ok ok ok waits ok/2ok ok ok: x=12 y=21"}},
};

enum { SCHEDULES = sizeof schedules / sizeof schedules[0], ACTORS = 4, SECOND = 1000000000 };

/* ---------------------------------------------------------------------- those who act */

/* A transaction's thread. */
struct actor {
    fly_thread thread;
    fly_atomic_u32 asked; /* steps given to it */
    fly_atomic_u32 done;  /* steps it has done */
    fly_atomic_u32 quit;
    char step[32];
    char result[64];
    fly_txn *txn;
    fly_savepoint savepoint;
    fly_isolation isolation;
    bool failed;
};

static struct actor actors[ACTORS];

static void say_status(struct actor *actor, fly_status status, const char *story)
{
    switch (status) {
    case FLY_OK:
        (void)snprintf(actor->result, sizeof actor->result, "ok");
        return;
    case FLY_E_AGAIN:
        (void)snprintf(actor->result, sizeof actor->result, "again");
        return;
    case FLY_E_NOT_FOUND:
        (void)snprintf(actor->result, sizeof actor->result, "none");
        return;
    case FLY_E_EXISTS:
        (void)snprintf(actor->result, sizeof actor->result, "exists");
        return;
    case FLY_E_CONFLICT:
    case FLY_E_DEADLOCK:
        (void)snprintf(actor->result, sizeof actor->result, "%s",
                       status == FLY_E_CONFLICT ? "conflict" : "deadlock");
        actor->failed = true;
        fly_txn_rollback(actor->txn);
        actor->txn = NULL;
        return;
    default:
        (void)snprintf(actor->result, sizeof actor->result, "%s(%s)", fly_status_name(status),
                       story);
        return;
    }
}

/* All values, with their keys or without. */
static void list_values(fly_txn *txn, bool upwards, const char *between, bool keys, char *to,
                        size_t size)
{
    fly_err story = {0};
    fly_cursor *cursor = NULL;
    size_t used = 0;
    to[0] = '\0';
    FLY_ASSERT(fly_cursor_open(txn, tree, &cursor, &story) == FLY_OK);
    fly_status status = upwards ? fly_cursor_first(cursor, &story)
                                : fly_cursor_last(cursor, &story);
    while (status == FLY_OK) {
        fly_bytes key = fly_cursor_key(cursor);
        fly_bytes value = fly_cursor_value(cursor);
        used += (size_t)snprintf(to + used, size - used, "%s%.*s%s%.*s",
                                 used > 0 || keys ? between : "", keys ? (int)key.len : 0,
                                 (const char *)key.data, keys ? "=" : "", (int)value.len,
                                 (const char *)value.data);
        status = upwards ? fly_cursor_next(cursor, &story) : fly_cursor_previous(cursor, &story);
    }
    FLY_ASSERT(status == FLY_E_END);
    fly_cursor_close(cursor);
}

static void take_step(struct actor *actor)
{
    const char *step = actor->step; /* behind the number */
    fly_err story = {0};
    fly_bytes key = fly_bytes_of(step, 1);
    char value[16];
    uint64_t len = 0;
    fly_status status = FLY_OK;
    if (actor->txn == NULL) {
        fly_txn_options how = {.isolation = actor->isolation};
        FLY_ASSERT(fly_txn_begin(store, &how, &actor->txn, &story) == FLY_OK);
    }
    if (strcmp(step, "c") == 0) {
        status = fly_txn_commit(actor->txn, &story);
        actor->txn = NULL;
    } else if (strcmp(step, "a") == 0) {
        fly_txn_rollback(actor->txn);
        actor->txn = NULL;
    } else if (strcmp(step, "s") == 0) {
        actor->savepoint = fly_txn_savepoint(actor->txn);
    } else if (strcmp(step, "r") == 0) {
        status = fly_txn_rollback_to(actor->txn, actor->savepoint, &story);
    } else if (strcmp(step, "f?") == 0) {
        fly_txn_fresh_begin(actor->txn);
        list_values(actor->txn, true, ",", false, actor->result, sizeof actor->result);
        fly_txn_fresh_end(actor->txn);
        return;
    } else if (step[0] == '*') {
        list_values(actor->txn, step[1] != 'u', ",", false, actor->result, sizeof actor->result);
        return;
    } else if (step[1] == '?') {
        status = fly_txn_get(actor->txn, tree, key, value, sizeof value, &len, &story);
        if (status == FLY_OK || status == FLY_E_NOT_FOUND) {
            (void)snprintf(actor->result, sizeof actor->result, "%.*s",
                           status == FLY_OK ? (int)len : 1, status == FLY_OK ? value : "-");
            return;
        }
    } else if (step[1] == '%') {
        status = fly_txn_put_weak(actor->txn, tree, key, text(step + 2), false, &story);
    } else if (step[1] == '=') {
        status = fly_txn_put(actor->txn, tree, key, text(step + 2), &story);
    } else if (step[1] == '+') {
        status = fly_txn_insert(actor->txn, tree, key, text(step + 2), &story);
    } else if (step[1] == '-') {
        status = fly_txn_delete(actor->txn, tree, key, &story);
    } else {
        static const char modes[] = "!^&~"; /* as in the enum */
        const char *mode = strchr(modes, step[1]);
        FLY_ASSERT(mode != NULL && step[1] != '\0');
        status = fly_txn_lock_as(actor->txn, tree, key, (fly_lock_mode)(mode - modes),
                                 step[2] == step[1] ? FLY_LOCK_NO_WAIT : FLY_LOCK_WAIT, &story);
    }
    if (status == FLY_E_CONFLICT && strcmp(step, "c") == 0) { /* it has been rolled back */
        actor->failed = true;
        (void)snprintf(actor->result, sizeof actor->result, "conflict");
        return;
    }
    say_status(actor, status, story.message);
}

static void act(void *arg)
{
    struct actor *actor = arg;
    uint32_t done = 0;
    for (;;) {
        (void)fly_park(&actor->asked, done, FLY_FOREVER, "a step");
        if (fly_load_u32(&actor->quit) != 0) {
            return;
        }
        if (fly_load_u32(&actor->asked) != done) {
            take_step(actor);
            fly_store_u32(&actor->done, ++done);
        }
    }
}

/* ------------------------------------------------------------------------ a schedule */

static struct {
    int schedule;
    fly_isolation isolation;
    char outcome[512];
} run;

static bool is_waiting(const struct actor *actor)
{
    return fly_load_u32(&actor->asked) != fly_load_u32(&actor->done);
}

static void add(const char *between, const char *more)
{
    size_t used = strlen(run.outcome);
    (void)snprintf(run.outcome + used, sizeof run.outcome - used, "%s%s", between, more);
}

/* Give a step to its transaction, and write down what comes of it. */
static void give_step(const char *step)
{
    uint32_t number = (uint32_t)(step[0] - '0');
    struct actor *actor = &actors[number];
    bool waited[ACTORS];
    const char *between = run.outcome[0] == '\0' ? "" : " ";
    if (actor->failed) {
        add(between, ".");
        return;
    }
    FLY_ASSERT(!is_waiting(actor));
    for (int i = 0; i < ACTORS; i++) {
        waited[i] = is_waiting(&actors[i]);
    }
    (void)snprintf(actor->step, sizeof actor->step, "%s", step + 1);
    (void)fly_add_u32(&actor->asked, 1);
    fly_unpark(&actor->asked, 1);
    fly_sleep(SECOND);
    add(between, is_waiting(actor) ? "waits" : actor->result);
    for (int i = 0; i < ACTORS; i++) {
        if (waited[i] && !is_waiting(&actors[i])) {
            char result[80];
            (void)snprintf(result, sizeof result, "/%d%s", i, actors[i].result);
            add("", result);
        }
    }
}

static void run_schedule(fly_sim_env *env, void *ctx)
{
    (void)ctx;
    char steps[256];
    char *rest = NULL;
    char end[128];
    fly_err story = {0};
    options = small_store();
    FLY_ASSERT(fly_store_open(&env->env, "data", &options, &store, &story) == FLY_OK);
    tree = make_tree("t");
    set("x", "10");
    set("y", "20");
    memset(actors, 0, sizeof actors);
    for (int i = 1; i < ACTORS; i++) {
        actors[i].isolation = run.isolation;
        FLY_ASSERT(fly_thread_start(env->env.sched, &actors[i].thread, "transaction", act,
                                    &actors[i], NULL) == FLY_OK);
    }
    (void)snprintf(steps, sizeof steps, "%s", schedules[run.schedule].steps);
    for (char *step = strtok_r(steps, " ", &rest); step != NULL;
         step = strtok_r(NULL, " ", &rest)) {
        give_step(step);
    }
    for (int i = 1; i < ACTORS; i++) {
        FLY_ASSERT(!is_waiting(&actors[i]));
        FLY_ASSERT(actors[i].txn == NULL);
        fly_store_u32(&actors[i].quit, 1);
        (void)fly_add_u32(&actors[i].asked, 1);
        fly_unpark(&actors[i].asked, 1);
        fly_thread_join(&actors[i].thread);
    }
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    list_values(txn, true, " ", true, end, sizeof end);
    commit(txn);
    add(":", end);
    FLY_ASSERT(fly_store_verify(store, NULL, NULL, &story) == FLY_OK);
    FLY_ASSERT(fly_store_close(store, &story) == FLY_OK);
}

static const char *wanted_outcome(int schedule, int level)
{
    while (schedules[schedule].outcome[level] == NULL) {
        level--;
    }
    return schedules[schedule].outcome[level];
}

START_TEST(a_level_lets_through_what_it_says)
{
    static const char *const levels[] = {"read committed", "snapshot", "serializable"};
    int level = _i % 3;
    uint64_t seeds = fly_test_rounds(4);
    run.schedule = _i / 3;
    run.isolation = (fly_isolation)(FLY_ISOLATION_READ_COMMITTED + level);
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        fly_sim_report report;
        fly_sim_env_options how = {
            .seed = seed,
            .sched = {.kind = seed % 2 == 0 ? FLY_SIM_PCT : FLY_SIM_RANDOM, .steps_max = 10000000}};
        fly_sim_env_init(&world, &how);
        run.outcome[0] = '\0';
        fly_sim_outcome outcome = fly_sim_env_run(&world, run_schedule, NULL, &report);
        ck_assert_msg(outcome == FLY_SIM_DONE, "%s", report.text);
        ck_assert_msg(strcmp(run.outcome, wanted_outcome(run.schedule, level)) == 0,
                      "%s at %s, seed %d, %s: %s instead of %s", schedules[run.schedule].name,
                      levels[level], (int)seed, schedules[run.schedule].steps, run.outcome,
                      wanted_outcome(run.schedule, level));
        fly_sim_env_deinit(&world);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("isolation");
    TCase *tests = fly_test_case(suite, "schedules");
    tcase_add_loop_test(tests, a_level_lets_through_what_it_says, 0, 3 * SCHEDULES);
    return fly_test_run(suite);
}
