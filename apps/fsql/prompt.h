/* Asking a person for what must not be seen. */
#ifndef FSQL_PROMPT_H
#define FSQL_PROMPT_H

/** A line from the terminal, without echo, or, where there is none, from standard input. Gives, with
 *  free(); NULL: there is nobody to ask. */
char *fsql_prompt_secret(const char *label);

#endif
