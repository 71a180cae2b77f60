/*
 * Arguments of commands: 'single' quotes with escapes, "double" quotes that keep the word whole,
 * `backquotes` that run a command and stand for its output, and variables as in SQL. A backslash ends
 * them: \\ goes back to SQL, another begins the next command.
 */
#define _POSIX_C_SOURCE 200809L

#include "commands.h"

#include <stdlib.h>
#include <string.h>

static void skip_space(fsql_call *call)
{
    while (fsql_call_here(call) == ' ' || fsql_call_here(call) == '\t') {
        call->at++;
    }
}

/* 'it''s\n': doubled quotes, and the escapes of C. */
static void single_quoted(fsql_call *call, fsql_text *word)
{
    static const char escapes[] = "n\nt\tr\rb\bf\f";
    for (call->at++; !fsql_call_at_end(call); call->at++) {
        char c = fsql_call_here(call);
        if (c == '\'') {
            call->at++;
            if (fsql_call_here(call) != '\'') {
                return;
            }
        } else if (c == '\\') {
            call->at++;
            const char *known = fsql_call_at_end(call) ? NULL
                                                       : strchr(escapes, fsql_call_here(call));
            if (known != NULL && (known - escapes) % 2 == 0) {
                fsql_text_byte(word, known[1]);
                continue;
            }
            if (fsql_call_at_end(call)) {
                return;
            }
        }
        fsql_text_byte(word, fsql_call_here(call));
    }
}

/* `command`: what it prints, without the newline at its end. */
static void backquoted(fsql_call *call, fsql_text *word)
{
    fsql_text command = {0};
    for (call->at++; !fsql_call_at_end(call) && fsql_call_here(call) != '`'; call->at++) {
        fsql_text_byte(&command, fsql_call_here(call));
    }
    call->at += fsql_call_here(call) == '`';
    (void)fflush(NULL);
    FILE *pipe = popen(fsql_text_str(&command), "r");
    if (pipe != NULL) {
        char piece[4096];
        size_t len;
        while ((len = fread(piece, 1, sizeof piece, pipe)) > 0) {
            fsql_text_add(word, piece, len);
        }
        (void)pclose(pipe);
    }
    while (word->len > 0 && word->data[word->len - 1] == '\n') {
        word->data[--word->len] = 0;
    }
    fsql_text_deinit(&command);
}

char *fsql_argument(fsql_call *call)
{
    fsql_text word = {0};
    bool any = false;
    skip_space(call);
    while (!fsql_call_at_end(call) && fsql_call_here(call) != ' ' && fsql_call_here(call) != '\t') {
        char c = fsql_call_here(call);
        if (c == '\\') {
            break;
        }
        any = true;
        if (c == '\'') {
            single_quoted(call, &word);
        } else if (c == '`') {
            backquoted(call, &word);
        } else if (c == '"') { /* kept: a pattern or an identifier wants to know */
            do {
                fsql_text_byte(&word, fsql_call_here(call));
                call->at++;
            } while (!fsql_call_at_end(call) && fsql_call_here(call) != '"');
            fsql_text_byte(&word, '"');
            call->at += fsql_call_here(call) == '"';
        } else {
            fly_bytes rest = fly_bytes_of(call->line.data + call->at, call->line.len - call->at);
            size_t variable = fsql_split_variable(&call->shell->vars, rest, &word);
            if (variable == 0) {
                fsql_text_byte(&word, c);
            }
            call->at += variable > 0 ? variable : 1;
        }
    }
    if (!any) {
        return NULL;
    }
    fsql_text_byte(&word, 0); /* so that there is a block */
    return word.data;
}

char *fsql_argument_rest(fsql_call *call)
{
    skip_space(call);
    fsql_text rest = {0};
    while (!fsql_call_at_end(call)) {
        fly_bytes left = fly_bytes_of(call->line.data + call->at, call->line.len - call->at);
        size_t variable = fsql_split_variable(&call->shell->vars, left, &rest);
        if (variable == 0) {
            fsql_text_byte(&rest, fsql_call_here(call));
        }
        call->at += variable > 0 ? variable : 1;
    }
    while (rest.len > 0 && strchr(" \t", rest.data[rest.len - 1]) != NULL) {
        rest.len--;
    }
    fsql_text_byte(&rest, 0);
    rest.data[rest.len - 1] = 0;
    return rest.data;
}

/* The next argument as a file's name: without double quotes around it, ~ for the home. */
char *fsql_argument_path(fsql_call *call)
{
    char *word;
    skip_space(call);
    if (fsql_call_here(call) == '|') {
        word = fsql_argument_rest(call);
    } else {
        word = fsql_argument(call);
    }
    if (word == NULL || (word[0] != '"' && strncmp(word, "~/", 2) != 0)) {
        return word;
    }
    fsql_text path = {0};
    if (word[0] == '"') {
        fsql_text_add(&path, word + 1, strlen(word) - 1 - (word[strlen(word) - 1] == '"'));
    } else {
        const char *home = getenv("HOME");
        fsql_text_printf(&path, "%s%s", home != NULL ? home : "", word + 1);
    }
    fsql_text_byte(&path, 0);
    free(word);
    return path.data;
}
