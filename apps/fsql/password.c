/*
 * \password: another password for a user.
 *
 * Asked for twice, and made a verifier here: so neither the statement that is sent nor a log of
 * statements has the password in it.
 */
#define _POSIX_C_SOURCE 200809L

#include "commands.h"
#include "prompt.h"
#include "shell.h"

#include <fly/auth.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_quoted(fsql_text *text, const char *name)
{
    fsql_text_byte(text, '"');
    for (; *name != 0; name++) {
        if (*name == '"') {
            fsql_text_byte(text, '"');
        }
        fsql_text_byte(text, *name);
    }
    fsql_text_byte(text, '"');
}

static bool change_password(fsql_shell *shell, const char *user, const char *password)
{
    fly_env env;
    fsql_error error = {0};
    char verifier[FLY_AUTH_VERIFIER_SIZE];
    fly_env_init(&env);
    fly_status status = fly_auth_scram_make(&env, fly_bytes_str(password), 0, verifier, &error.err);
    if (status != FLY_OK) {
        fsql_shell_complain(shell, "\\password: %s", error.err.message);
        return false;
    }
    fsql_text statement = {0};
    fsql_result nothing = {0};
    fsql_text_str_add(&statement, "ALTER ROLE ");
    add_quoted(&statement, user);
    fsql_text_printf(&statement, " PASSWORD '%s'", verifier);
    bool good = fsql_shell_query(shell, fsql_text_str(&statement), &nothing, &error);
    if (!good) {
        fsql_shell_complain(shell, "\\password: %s", error.err.message);
    }
    fsql_text_deinit(&statement);
    fsql_result_deinit(&nothing);
    return good;
}

fsql_command_outcome fsql_command_password(fsql_call *call)
{
    fsql_shell *shell = call->shell;
    char *user = fsql_argument(call);
    if (shell->connection == NULL) {
        fsql_shell_complain(shell, "\\password: not connected");
        free(user);
        return FSQL_COMMAND_FAILED;
    }
    if (user == NULL) {
        user = fsql_copy(shell->driver->user(shell->connection));
    }
    fsql_text label = {0};
    fsql_text_printf(&label, "Enter new password for user \"%s\": ", user);
    char *first = fsql_prompt_secret(fsql_text_str(&label));
    char *second = fsql_prompt_secret("Enter it again: ");
    bool good = false;
    if (first == NULL || second == NULL || strcmp(first, second) != 0) {
        fsql_shell_complain(shell, "Passwords didn't match.");
    } else {
        good = change_password(shell, user, first);
    }
    fsql_text_deinit(&label);
    free(first);
    free(second);
    free(user);
    return good ? FSQL_COMMAND_GOOD : FSQL_COMMAND_FAILED;
}
