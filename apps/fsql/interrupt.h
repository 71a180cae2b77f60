/*
 * Ctrl-C: at the prompt it clears the line, while a statement runs it cancels the statement.
 *
 * The process has one such signal, so this is the one place of the shell that keeps something outside
 * of its handles.
 */
#ifndef FSQL_INTERRUPT_H
#define FSQL_INTERRUPT_H

#include <stdbool.h>

/** Take over SIGINT; ignore SIGPIPE, so that a pager that is left early ends nothing. */
void fsql_interrupt_init(void);

/** From now on a Ctrl-C also calls `cancel`, which must be fit for a signal handler; NULL: no more. */
void fsql_interrupt_calls(void (*cancel)(void *connection), void *connection);

/** Whether Ctrl-C was pressed since fsql_interrupt_clear(). */
bool fsql_interrupted(void);
void fsql_interrupt_clear(void);

#endif
