/*
 * Lines from a person: an editor with history and completion, if libedit is there, or plain lines.
 */
#ifndef FSQL_INPUT_H
#define FSQL_INPUT_H

#include "text.h"

typedef struct fsql_input fsql_input;

/** What completes a word: adds candidates, a NUL behind each. `line` goes up to the cursor, `word` is
 *  where the word to complete begins. */
typedef void (*fsql_completer)(void *ctx, const char *line, size_t word, fsql_text *candidates);

typedef enum fsql_line { FSQL_LINE, FSQL_LINE_END, FSQL_LINE_INTERRUPTED } fsql_line;

/** Open the terminal. `history` is kept: a path, or NULL for none. Gives; fsql_input_close(). */
fsql_input *fsql_input_open(const char *history, long entries, fsql_completer complete, void *ctx);

/** Show the prompt and read a line, its end not included. */
fsql_line fsql_input_read(fsql_input *input, const char *prompt, fsql_text *line);

/** Remember a statement or a command. */
void fsql_input_remember(fsql_input *input, const char *entry);

/** Write the history back and give the terminal back. */
void fsql_input_close(fsql_input *input);

#endif
