/*
 * Counting failures in a table of fixed size.
 *
 *     keyed hash of (kind, account, address) ──> a set of four places, and a tag
 *
 *     T1  a place is free (tag 0) or counts one of the three kinds
 *     T2  pauses are bounded, and end without anybody's help: there is no lock-out
 *     T3  what is thrown out of a full set is unknown, and asks for the shortest pause: somebody who
 *         floods the table with new names throws out other such names first
 *
 * Two keys may share a tag with odds of one in 2^60 or so; then they wait for each other.
 *
 * What is not here: refusing. Whoever asked for the pause decides what becomes of the attempt.
 */
#include <fly/auth_throttle.h>

#include <fly/base_bytes.h>
#include <fly/base_hash.h>

#include <string.h>

enum { WAYS = 4, ENTRIES = 16384, MS = 1000000 };

enum kind { PAIR, ADDRESS, ACCOUNT, KINDS };

struct entry {
    uint64_t tag;
    uint64_t last; /* failure or success */
    uint32_t failures;
    uint32_t known; /* of a pair: it has logged in */
};

struct fly_auth_throttle {
    fly_env *env;
    fly_auth_throttle_options options;
    uint32_t allowed[KINDS];
    uint64_t longest[KINDS];
    uint64_t seed[2];
    fly_mutex mutex;
    size_t sets;           /* a power of two */
    struct entry *entries; /* mutex */
};

/* ------------------------------------------------------------------------- creation */

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value > 0 ? value : otherwise;
}

fly_status fly_auth_throttle_create(fly_env *env, const fly_auth_throttle_options *options,
                                    fly_auth_throttle **throttle, fly_err *err)
{
    fly_auth_throttle *made = fly_mem_calloc(env->mem, 1, sizeof *made);
    if (made == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to count failed logins");
    }
    fly_auth_throttle_options o = options != NULL ? *options : (fly_auth_throttle_options){0};
    made->env = env;
    made->allowed[PAIR] = or_default(o.free_failures, 5);
    made->allowed[ADDRESS] = or_default(o.free_by_address, 20);
    made->allowed[ACCOUNT] = or_default(o.free_by_account, 50);
    o.first_ms = or_default(o.first_ms, 500);
    o.longest_ms = or_default(o.longest_ms, 60000);
    o.account_ms = or_default(o.account_ms, 2000);
    o.forget_ms = or_default(o.forget_ms, 900000);
    o.entries = or_default(o.entries, ENTRIES);
    made->longest[PAIR] = (uint64_t)o.longest_ms * MS;
    made->longest[ADDRESS] = (uint64_t)o.longest_ms * MS;
    made->longest[ACCOUNT] = (uint64_t)o.account_ms * MS;
    made->options = o;
    made->sets = 1;
    while (made->sets * WAYS < o.entries) {
        made->sets *= 2;
    }
    fly_mutex_init(&made->mutex, "auth throttle", FLY_RANK_LEAF);
    fly_status status = env->random(env, made->seed, sizeof made->seed, err);
    made->entries = fly_mem_calloc(env->mem, made->sets * WAYS, sizeof *made->entries);
    if (status == FLY_OK && made->entries == NULL) {
        status = fly_err_set(err, FLY_E_NO_MEMORY, "no memory to count failed logins");
    }
    if (status != FLY_OK) {
        fly_auth_throttle_destroy(made);
        return status;
    }
    *throttle = made;
    return FLY_OK;
}

void fly_auth_throttle_destroy(fly_auth_throttle *throttle)
{
    if (throttle != NULL) {
        fly_mutex_deinit(&throttle->mutex);
        fly_mem_free(throttle->env->mem, throttle->entries,
                     throttle->sets * WAYS * sizeof *throttle->entries);
        fly_mem_free(throttle->env->mem, throttle, sizeof *throttle);
    }
}

/* ------------------------------------------------------------------------- the table */

static uint64_t tag_of(const fly_auth_throttle *throttle, enum kind kind, fly_bytes account,
                       fly_bytes address)
{
    uint8_t parts[17];
    uint64_t by_account = kind != ADDRESS ? fly_hash(account.data, account.len, throttle->seed[0])
                                          : 0;
    uint64_t by_address = kind != ACCOUNT ? fly_hash(address.data, address.len, throttle->seed[1])
                                          : 0;
    fly_put_u64(parts, by_account);
    fly_put_u64(parts + 8, by_address);
    parts[16] = (uint8_t)kind;
    return fly_hash(parts, sizeof parts, throttle->seed[0] ^ throttle->seed[1]) | 1;
}

static struct entry *set_of(fly_auth_throttle *throttle, uint64_t tag)
{
    return throttle->entries + (size_t)(tag >> 32 & (throttle->sets - 1)) * WAYS;
}

static bool forgotten(const fly_auth_throttle *throttle, const struct entry *entry, uint64_t now)
{
    return now - entry->last > (uint64_t)throttle->options.forget_ms * MS && now > entry->last;
}

static struct entry *find(fly_auth_throttle *throttle, uint64_t tag, uint64_t now)
{
    struct entry *set = set_of(throttle, tag);
    for (int i = 0; i < WAYS; i++) {
        if (set[i].tag == tag) {
            if (forgotten(throttle, &set[i], now)) {
                set[i].failures = 0; /* who is known stays known until somebody needs the place */
            }
            return &set[i];
        }
    }
    return NULL;
}

/* What keeps a place from being given to another tag: being known, which nobody can be who has no
 * password; then failures; then being young. */
static uint32_t worth(const fly_auth_throttle *throttle, const struct entry *entry, uint64_t now)
{
    bool stale = forgotten(throttle, entry, now);
    if (entry->tag == 0 || (stale && entry->known == 0)) {
        return 0;
    }
    uint32_t failures = stale ? 0 : entry->failures < UINT16_MAX ? entry->failures : UINT16_MAX;
    return 1 + failures + (entry->known != 0 ? UINT16_MAX + UINT32_C(1) : 0);
}

/* The place of a tag: its own, a free one, or the one that is least worth keeping. */
static struct entry *place(fly_auth_throttle *throttle, uint64_t tag, uint64_t now)
{
    struct entry *set = set_of(throttle, tag);
    struct entry *chosen = find(throttle, tag, now);
    if (chosen != NULL) {
        return chosen;
    }
    chosen = set;
    for (int i = 1; i < WAYS; i++) {
        uint32_t here = worth(throttle, &set[i], now);
        uint32_t least = worth(throttle, chosen, now);
        if (here < least || (here == least && set[i].last < chosen->last)) {
            chosen = &set[i];
        }
    }
    *chosen = (struct entry){.tag = tag, .last = now};
    return chosen;
}

/* -------------------------------------------------------------------------- the rules */

/* first, 2 first, 4 first ... longest */
static uint64_t pause_of(const fly_auth_throttle *throttle, enum kind kind, uint32_t failures)
{
    if (failures <= throttle->allowed[kind]) {
        return 0;
    }
    uint32_t doublings = failures - throttle->allowed[kind] - 1;
    uint64_t pause = (uint64_t)throttle->options.first_ms * MS;
    uint64_t longest = throttle->longest[kind];
    return doublings >= 20 || pause << doublings > longest ? longest : pause << doublings;
}

static uint64_t left(fly_auth_throttle *throttle, enum kind kind, const struct entry *entry,
                     uint64_t now)
{
    if (entry == NULL) {
        return 0;
    }
    /* Another thread may have read the clock later than this one and marked the entry first: the
     * entry's time may lie ahead of `now`, which alone is no reason to wait. */
    uint64_t pause = pause_of(throttle, kind, entry->failures);
    uint64_t until = entry->last + pause;
    return pause > 0 && until > now ? until - now : 0;
}

uint64_t fly_auth_throttle_pause(fly_auth_throttle *throttle, fly_bytes account, fly_bytes address,
                                 uint64_t now)
{
    uint64_t tags[KINDS];
    for (int kind = 0; kind < KINDS; kind++) {
        tags[kind] = tag_of(throttle, (enum kind)kind, account, address);
    }
    fly_mutex_lock(&throttle->mutex);
    const struct entry *pair = find(throttle, tags[PAIR], now);
    uint64_t wait = left(throttle, PAIR, pair, now);
    if (pair == NULL || pair->known == 0) {
        uint64_t by_account = left(throttle, ACCOUNT, find(throttle, tags[ACCOUNT], now), now);
        uint64_t by_address =
            address.len == 0 ? 0 : left(throttle, ADDRESS, find(throttle, tags[ADDRESS], now), now);
        wait = by_account > wait ? by_account : wait;
        wait = by_address > wait ? by_address : wait;
    }
    fly_mutex_unlock(&throttle->mutex);
    return wait;
}

void fly_auth_throttle_failed(fly_auth_throttle *throttle, fly_bytes account, fly_bytes address,
                              uint64_t now)
{
    fly_mutex_lock(&throttle->mutex);
    for (int kind = 0; kind < KINDS; kind++) {
        if (kind != ADDRESS || address.len > 0) {
            uint64_t tag = tag_of(throttle, (enum kind)kind, account, address);
            struct entry *entry = place(throttle, tag, now);
            entry->failures += entry->failures < UINT32_MAX;
            entry->last = now;
        }
    }
    fly_mutex_unlock(&throttle->mutex);
}

void fly_auth_throttle_succeeded(fly_auth_throttle *throttle, fly_bytes account, fly_bytes address,
                                 uint64_t now)
{
    uint64_t tag = tag_of(throttle, PAIR, account, address);
    fly_mutex_lock(&throttle->mutex);
    struct entry *entry = place(throttle, tag, now);
    entry->failures = 0;
    entry->known = 1;
    entry->last = now;
    fly_mutex_unlock(&throttle->mutex);
}
