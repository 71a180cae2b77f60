/*
 * Asking a person for what must not be seen.
 *
 * The terminal is opened by its name, so that a password is asked for even if standard input is a script;
 * where there is no terminal, the script's next line is taken.
 */
#define _POSIX_C_SOURCE 200809L

#include "prompt.h"
#include "text.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static char *read_line(FILE *from)
{
    char line[1100];
    if (fgets(line, sizeof line, from) == NULL) {
        return NULL;
    }
    line[strcspn(line, "\r\n")] = 0;
    char *copy = fsql_copy(line);
    memset(line, 0, sizeof line);
    return copy;
}

static char *read_hidden(FILE *terminal, const char *label)
{
    struct termios before;
    struct termios hidden;
    (void)fputs(label, terminal);
    (void)fflush(terminal);
    bool known = tcgetattr(fileno(terminal), &before) == 0;
    if (known) {
        hidden = before;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(fileno(terminal), TCSAFLUSH, &hidden);
    }
    char *line = read_line(terminal);
    if (known) {
        (void)tcsetattr(fileno(terminal), TCSAFLUSH, &before);
    }
    (void)fputc('\n', terminal);
    (void)fflush(terminal);
    return line;
}

char *fsql_prompt_secret(const char *label)
{
    FILE *terminal = fopen("/dev/tty", "r+");
    if (terminal == NULL) {
        return read_line(stdin);
    }
    char *line = read_hidden(terminal, label);
    (void)fclose(terminal);
    return line;
}
