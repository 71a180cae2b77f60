/*
 * The line editor, by libedit where it is installed.
 *
 * Ctrl-C interrupts the read: the line is given up, the caller goes on with a new prompt. The signal's
 * handler is the shell's (interrupt.c); libedit is told to keep its hands off signals.
 */
#define _GNU_SOURCE /* ppoll() */

#include "input.h"

#include "interrupt.h"

#include <fly/text.h>

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef FSQL_LIBEDIT

#include <histedit.h>

struct fsql_input {
    EditLine *editor;
    History *history;
    const char *path;
    const char *prompt;
    fsql_completer complete;
    void *ctx;
    sigset_t waiting; /* signals that are blocked while a key is waited for: not that of Ctrl-C */
    char *last;       /* entry, so that the same is not remembered twice */
};

static char *prompt_of(EditLine *editor)
{
    fsql_input *input = NULL;
    (void)el_get(editor, EL_CLIENTDATA, &input);
    return (char *)(uintptr_t)input->prompt;
}

/* ---------------------------------------------------------------- completion */

/* A word ends before these. */
static bool breaks(char c)
{
    return c == 0 || strchr(" \t\n'\"`@$><=;|&{(),", c) != NULL;
}

static size_t common(const char *a, const char *b)
{
    size_t len = 0;
    while (a[len] != 0 && a[len] == b[len]) {
        len++;
    }
    return len;
}

/* Show candidates in columns below the line. */
static void list(const fsql_text *candidates)
{
    size_t widest = 1;
    for (size_t at = 0; at < candidates->len; at += strlen(candidates->data + at) + 1) {
        size_t len = strlen(candidates->data + at);
        widest = len > widest ? len : widest;
    }
    struct winsize size = {0};
    size_t screen = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                                    : 80;
    size_t across = screen / (widest + 2) > 0 ? screen / (widest + 2) : 1;
    size_t shown = 0;
    (void)putchar('\n');
    for (size_t at = 0; at < candidates->len; at += strlen(candidates->data + at) + 1) {
        bool end = ++shown % across == 0;
        (void)printf("%-*s%s", end ? 0 : (int)(widest + 2), candidates->data + at, end ? "\n" : "");
    }
    (void)printf("%s", shown % across != 0 ? "\n" : "");
    (void)fflush(stdout);
}

static unsigned char on_tab(EditLine *editor, int key)
{
    (void)key;
    fsql_input *input = NULL;
    (void)el_get(editor, EL_CLIENTDATA, &input);
    const LineInfo *info = el_line(editor);
    fsql_text line = {0};
    fsql_text candidates = {0};
    fsql_text_add(&line, info->buffer, (size_t)(info->cursor - info->buffer));
    size_t word = line.len;
    while (word > 0 && !breaks(line.data[word - 1])) {
        word--;
    }
    input->complete(input->ctx, fsql_text_str(&line), word, &candidates);
    unsigned char answer = CC_ERROR;
    if (candidates.len > 0) {
        const char *first = candidates.data;
        size_t shared = strlen(first);
        size_t count = 0;
        for (size_t at = 0; at < candidates.len; at += strlen(candidates.data + at) + 1) {
            size_t here = common(first, candidates.data + at);
            shared = here < shared ? here : shared;
            count++;
        }
        size_t typed = line.len - word;
        fsql_text insert = {0};
        fsql_text_add(&insert, first, shared);
        if (count == 1) {
            fsql_text_byte(&insert, ' ');
        }
        if (insert.len > typed || count == 1) {
            el_deletestr(editor, (int)typed); /* its letters may have another case */
            (void)el_insertstr(editor, fsql_text_str(&insert));
            answer = CC_REFRESH;
        } else {
            list(&candidates);
            answer = CC_REDISPLAY;
        }
        fsql_text_deinit(&insert);
    }
    fsql_text_deinit(&candidates);
    fsql_text_deinit(&line);
    return answer;
}

/* ------------------------------------------------------------------------ keys */

/*
 * The next character that is typed. The signal of Ctrl-C is blocked but for the moment of waiting, so
 * that none can come between the look at the flag and the wait.
 */
static int next_key(EditLine *editor, wchar_t *key)
{
    uint8_t bytes[4];
    fsql_input *input = NULL;
    (void)el_get(editor, EL_CLIENTDATA, &input);
    for (size_t len = 0; len < sizeof bytes;) {
        struct pollfd keyboard = {.fd = STDIN_FILENO, .events = POLLIN};
        if (fsql_interrupted() || (ppoll(&keyboard, 1, NULL, &input->waiting) < 0 &&
                                   (errno != EINTR || fsql_interrupted()))) {
            return -1;
        }
        if (keyboard.revents == 0) {
            continue; /* another signal */
        }
        ssize_t got = read(STDIN_FILENO, bytes + len, 1);
        if (got <= 0) {
            return (int)got;
        }
        uint32_t code;
        len++;
        (void)fly_text_next(fly_bytes_of(bytes, len), 0, &code);
        bool whole = code != 0xfffd || bytes[0] < 0xc2 || len == sizeof bytes;
        if (whole || (len > 1 && (bytes[len - 1] & 0xc0) != 0x80)) {
            *key = (wchar_t)code;
            return 1;
        }
    }
    return -1;
}

/* ----------------------------------------------------------------- the editor */

fsql_input *fsql_input_open(const char *path, long entries, fsql_completer complete, void *ctx)
{
    fsql_input *input = fsql_grow(NULL, sizeof *input);
    *input = (fsql_input){.path = path, .prompt = "", .complete = complete, .ctx = ctx};
    HistEvent event;
    (void)setlocale(LC_CTYPE, "C.UTF-8"); /* the editor's characters are the locale's */
    input->history = history_init();
    (void)history(input->history, &event, H_SETSIZE, (int)(entries < 100000 ? entries : 100000));
    if (path != NULL) {
        (void)history(input->history, &event, H_LOAD, path);
    }
    input->editor = el_init("fsql", stdin, stdout, stderr);
    (void)el_set(input->editor, EL_CLIENTDATA, input);
    (void)el_set(input->editor, EL_SIGNAL, 0);
    (void)el_set(input->editor, EL_GETCFN, next_key);
    (void)el_set(input->editor, EL_PROMPT, prompt_of);
    (void)el_set(input->editor, EL_EDITOR, "emacs");
    (void)el_set(input->editor, EL_HIST, history, input->history);
    (void)el_set(input->editor, EL_ADDFN, "fsql-complete", "Complete a word", on_tab);
    (void)el_set(input->editor, EL_BIND, "^I", "fsql-complete", NULL);
    (void)el_set(input->editor, EL_BIND, "^R", "em-inc-search-prev", NULL);
    (void)el_source(input->editor, NULL); /* the user's ~/.editrc */
    return input;
}

fsql_line fsql_input_read(fsql_input *input, const char *prompt, fsql_text *line)
{
    input->prompt = prompt;
    int len = 0;
    sigset_t block;
    (void)sigemptyset(&block);
    (void)sigaddset(&block, SIGINT);
    fsql_interrupt_clear();
    (void)sigprocmask(SIG_BLOCK, &block, &input->waiting);
    el_resize(input->editor);
    (void)el_set(input->editor, EL_PREP_TERM, 1); /* before the prompt invites keys */
    const char *read = el_gets(input->editor, &len);
    (void)sigprocmask(SIG_SETMASK, &input->waiting, NULL);
    if (fsql_interrupted()) {
        (void)printf("^C\n");
        (void)fflush(stdout);
        el_reset(input->editor);
        return FSQL_LINE_INTERRUPTED;
    }
    if (read == NULL || len <= 0) {
        return FSQL_LINE_END;
    }
    fsql_text_add(line, read, (size_t)len - (read[len - 1] == '\n'));
    return FSQL_LINE;
}

void fsql_input_remember(fsql_input *input, const char *entry)
{
    HistEvent event;
    if (entry[0] == 0 || (input->last != NULL && strcmp(input->last, entry) == 0)) {
        return;
    }
    (void)history(input->history, &event, H_ENTER, entry);
    free(input->last);
    input->last = fsql_copy(entry);
}

void fsql_input_close(fsql_input *input)
{
    HistEvent event;
    if (input->path != NULL) {
        mode_t mask = umask(077); /* statements are nobody else's business */
        (void)history(input->history, &event, H_SAVE, input->path);
        (void)umask(mask);
    }
    el_end(input->editor);
    history_end(input->history);
    free(input->last);
    free(input);
}

#else

struct fsql_input {
    char *line;
    size_t room;
};

fsql_input *fsql_input_open(const char *path, long entries, fsql_completer complete, void *ctx)
{
    (void)path;
    (void)entries;
    (void)complete;
    (void)ctx;
    return memset(fsql_grow(NULL, sizeof(fsql_input)), 0, sizeof(fsql_input));
}

fsql_line fsql_input_read(fsql_input *input, const char *prompt, fsql_text *line)
{
    (void)printf("%s", prompt);
    (void)fflush(stdout);
    fsql_interrupt_clear();
    ssize_t len = getline(&input->line, &input->room, stdin);
    if (fsql_interrupted()) {
        clearerr(stdin);
        (void)printf("\n");
        return FSQL_LINE_INTERRUPTED;
    }
    if (len < 0) {
        return FSQL_LINE_END;
    }
    fsql_text_add(line, input->line, (size_t)len - (input->line[len - 1] == '\n'));
    return FSQL_LINE;
}

void fsql_input_remember(fsql_input *input, const char *entry)
{
    (void)input;
    (void)entry;
}

void fsql_input_close(fsql_input *input)
{
    free(input->line);
    free(input);
}

#endif
