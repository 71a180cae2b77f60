/*
 * Rounds and seeds of randomised tests.
 *
 * The child that runs the seeds writes the current one into a page that it shares with its parent:
 * however the child ends, the parent can read there which seed it was at.
 */
#define _GNU_SOURCE
#include <fly/base_seeds.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SEED_SECONDS = 60 };

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text != NULL && *text != '\0' ? strtoull(text, NULL, 0) : otherwise;
}

uint64_t fly_test_rounds(uint64_t count)
{
    uint64_t rounds = count * number_from("FLY_TEST_ROUNDS", 1);
    return rounds > 0 ? rounds : 1;
}

static void run_all(uint64_t count, volatile uint64_t *at, void (*each)(void *ctx, uint64_t seed),
                    void *ctx)
{
    for (uint64_t seed = 1; seed <= count; seed++) {
        *at = seed;
        (void)alarm(SEED_SECONDS); /* one that hangs is to be named too */
        each(ctx, seed);
    }
    (void)alarm(0);
}

/* Wait for the child; whether it ended well. If not, say how and at which seed. */
static bool ended_well(const char *what, pid_t child, const volatile uint64_t *at)
{
    int state = 0;
    while (waitpid(child, &state, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(state) && WEXITSTATUS(state) == 0) {
        return true;
    }
    if (WIFSIGNALED(state)) {
        (void)fprintf(stderr, "%s: seed %" PRIu64 " ended with signal %d (%s)", what, *at,
                      WTERMSIG(state), strsignal(WTERMSIG(state)));
    } else {
        (void)fprintf(stderr, "%s: seed %" PRIu64 " failed", what, *at);
    }
    (void)fprintf(stderr, "; FLY_TEST_SEED=%" PRIu64 " runs it alone\n", *at);
    return false;
}

bool fly_test_seeds(const char *what, uint64_t count, void (*each)(void *ctx, uint64_t seed),
                    void *ctx)
{
    uint64_t only = number_from("FLY_TEST_SEED", UINT64_MAX);
    if (only != UINT64_MAX) {
        each(ctx, only);
        return true;
    }
    uint64_t *at =
        mmap(NULL, sizeof *at, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    FLY_ASSERT(at != MAP_FAILED);
    (void)fflush(NULL); /* or both processes would write what is buffered */
    pid_t child = fork();
    FLY_ASSERT(child >= 0);
    if (child == 0) {
        run_all(fly_test_rounds(count), at, each, ctx);
        exit(0);
    }
    bool well = ended_well(what, child, at);
    (void)munmap(at, sizeof *at);
    return well;
}

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
