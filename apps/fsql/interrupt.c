/* What a signal handler may touch: a flag, and a pair that is set while it is blocked. */
#define _POSIX_C_SOURCE 200809L

#include "interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t pressed;
static void (*volatile cancel_now)(void *connection);
static void *volatile cancel_what;

static void on_interrupt(int signal)
{
    (void)signal;
    int kept = errno;
    pressed = 1;
    if (cancel_now != NULL) {
        cancel_now(cancel_what);
    }
    errno = kept;
}

void fsql_interrupt_init(void)
{
    struct sigaction action = {.sa_handler = on_interrupt}; /* no SA_RESTART: reads are to end */
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigemptyset(&ignore.sa_mask);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

void fsql_interrupt_calls(void (*cancel)(void *connection), void *connection)
{
    sigset_t block;
    sigset_t before;
    (void)sigemptyset(&block);
    (void)sigaddset(&block, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &block, &before);
    cancel_now = cancel;
    cancel_what = connection;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
}

bool fsql_interrupted(void)
{
    return pressed != 0;
}

void fsql_interrupt_clear(void)
{
    pressed = 0;
}
