/*
 * The policies that come with the pool, by name: for options of programs and for benchmarks.
 */
#include <fly/bufpool_policy.h>

#include <string.h>

const fly_bufpool_policy *fly_bufpool_policy_named(const char *name)
{
    static const fly_bufpool_policy *const known[] = {
        &fly_bufpool_lru_k, &fly_bufpool_lru_k_exact, &fly_bufpool_lru,
        &fly_bufpool_clock, &fly_bufpool_2q,
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i]->name, name) == 0) {
            return known[i];
        }
    }
    return NULL;
}
