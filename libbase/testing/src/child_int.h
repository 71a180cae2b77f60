/* Cases that run in a child process, so that the one that ends it can be named. Private to
 * base-testing. */
#ifndef FLY_CHILD_INT_H
#define FLY_CHILD_INT_H

#include <fly/base.h>

/* Where the cases are; parent and child share it. */
typedef struct fly__test_place {
    volatile uint64_t number; /* of the case that runs */
    unsigned seconds;         /* that a case may take; 0: as long as it likes */
} fly__test_place;

/* A list of cases, each known by a number. */
typedef struct fly__test_cases {
    const char *what; /* the test, in messages */
    /* Run all cases, or only number `only` if that is not UINT64_MAX; fly__test_case() before each.
     * False if one failed and has said so. */
    bool (*run)(void *ctx, fly__test_place *place, uint64_t only);
    /* Say what a case is, e.g. "seed 17". */
    void (*describe)(uint64_t number, char *buffer, size_t size);
    void *ctx;
} fly__test_cases;

/* A case begins. */
void fly__test_case(fly__test_place *place, uint64_t number);

/* Run the cases in a child, or the one that FLY_TEST_SEED names in this process. Whether all went
 * well; if not, the message is on standard error. */
bool fly__test_run_cases(const fly__test_cases *cases);

/* FLY_TEST_ROUNDS, at least 1. */
uint64_t fly__test_rounds(void);

#endif
