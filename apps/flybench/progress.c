/*
 * A progress bar on standard error, if that is a terminal; nothing otherwise.
 */
#define _GNU_SOURCE
#include "progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { WIDTH = 30 };

void progress_init(progress *p, uint32_t steps, bool quiet)
{
    *p = (progress){.shown = !quiet && isatty(STDERR_FILENO) != 0, .steps = steps};
}

void progress_step(progress *p, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(p->label, sizeof p->label, format, arguments);
    va_end(arguments);
    progress_draw(p, 0);
}

void progress_draw(const progress *p, double fraction)
{
    if (!p->shown || p->steps == 0) {
        return;
    }
    double part = ((double)p->done + fraction) / (double)p->steps;
    int full = (int)((part < 1 ? part : 1) * WIDTH);
    char bar[WIDTH + 1];
    for (int i = 0; i < WIDTH; i++) {
        bar[i] = i < full ? '#' : ' ';
    }
    bar[WIDTH] = '\0';
    /* Return to the start of the line, and erase what an older label left. */
    (void)fprintf(stderr, "\r[%s] %3u/%u  %s\033[K", bar, p->done, p->steps, p->label);
    (void)fflush(stderr);
}

void progress_clear(const progress *p)
{
    if (p->shown) {
        (void)fputs("\r\033[K", stderr);
        (void)fflush(stderr);
    }
}
