/*
 * Rounds and seeds of randomised tests, and cases in a child process.
 *
 * The child writes the number of the case it is at into a page that it shares with its parent:
 * however the child ends, the parent can read there which case it was.
 */
#define _GNU_SOURCE
#include <fly/base_seeds.h>

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child_int.h"

enum { CASE_SECONDS = 60 };

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text != NULL && *text != '\0' ? strtoull(text, NULL, 0) : otherwise;
}

uint64_t fly__test_rounds(void)
{
    uint64_t rounds = number_from("FLY_TEST_ROUNDS", 1);
    return rounds > 0 ? rounds : 1;
}

uint64_t fly_test_rounds(uint64_t count)
{
    return count > 0 ? count * fly__test_rounds() : 1;
}

/* --------------------------------------------------------------------------- cases */

void fly__test_case(fly__test_place *place, uint64_t number)
{
    place->number = number;
    (void)alarm(place->seconds);
}

/* Wait for the child; whether it ended well. If not, say how and at which case. */
static bool ended_well(const fly__test_cases *cases, pid_t child, const fly__test_place *place)
{
    int state = 0;
    while (waitpid(child, &state, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(state) && WEXITSTATUS(state) == 0) {
        return true;
    }
    char name[128];
    uint64_t number = place->number;
    cases->describe(number, name, sizeof name);
    (void)fprintf(stderr, "%s: %s ", cases->what, name);
    if (WIFSIGNALED(state)) {
        (void)fprintf(stderr, "ended with signal %d (%s)", WTERMSIG(state),
                      strsignal(WTERMSIG(state)));
    } else {
        (void)fprintf(stderr, "failed");
    }
    (void)fprintf(stderr, "; FLY_TEST_SEED=%" PRIu64 " runs it alone\n", number);
    return false;
}

/* One that hangs is to be named too, so a case has its time and SIGALRM its default meaning: Check
 * has taken that signal, to end tests that hang, and would end this process and its parent. */
static void be_child(const fly__test_cases *cases, fly__test_place *place)
{
    (void)signal(SIGALRM, SIG_DFL);
    place->seconds = CASE_SECONDS;
    bool well = cases->run(cases->ctx, place, UINT64_MAX);
    (void)alarm(0);
    exit(well ? 0 : 1);
}

bool fly__test_run_cases(const fly__test_cases *cases)
{
    uint64_t only = number_from("FLY_TEST_SEED", UINT64_MAX);
    if (only != UINT64_MAX) {
        fly__test_place here = {0};
        return cases->run(cases->ctx, &here, only);
    }
    fly__test_place *place =
        mmap(NULL, sizeof *place, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    FLY_ASSERT(place != MAP_FAILED);
    (void)fflush(NULL); /* or both processes would write what is buffered */
    pid_t child = fork();
    FLY_ASSERT(child >= 0);
    if (child == 0) {
        be_child(cases, place);
    }
    bool well = ended_well(cases, child, place);
    (void)munmap(place, sizeof *place);
    return well;
}

/* --------------------------------------------------------------------------- seeds */

struct seeds {
    uint64_t count;
    void (*each)(void *ctx, uint64_t seed);
    void *ctx;
};

static bool run_seeds(void *ctx, fly__test_place *place, uint64_t only)
{
    const struct seeds *seeds = ctx;
    uint64_t count = only != UINT64_MAX ? 1 : fly_test_rounds(seeds->count);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t seed = only != UINT64_MAX ? only : i + 1;
        fly__test_case(place, seed);
        seeds->each(seeds->ctx, seed);
    }
    return true;
}

static void describe_seed(uint64_t seed, char *buffer, size_t size)
{
    (void)snprintf(buffer, size, "seed %" PRIu64, seed);
}

bool fly_test_seeds(const char *what, uint64_t count, void (*each)(void *ctx, uint64_t seed),
                    void *ctx)
{
    struct seeds seeds = {count, each, ctx};
    return fly__test_run_cases(&(fly__test_cases){what, run_seeds, describe_seed, &seeds});
}

/* --------------------------------------------------------------------------- files */

fly_status fly_test_temp_dir(char *path, size_t size, fly_err *err)
{
    const char *base = getenv("TMPDIR");
    int len = snprintf(path, size, "%s/fly-XXXXXX", base != NULL && *base != '\0' ? base : "/tmp");
    if (len < 0 || (size_t)len >= size) {
        return fly_err_set(err, FLY_E_TOO_LARGE, "TMPDIR is longer than %zu bytes", size);
    }
    if (mkdtemp(path) == NULL) {
        return fly_err_os(err, FLY_E_IO, errno, "could not make directory \"%s\"", path);
    }
    return FLY_OK;
}
