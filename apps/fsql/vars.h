/*
 * The shell's variables: what \set sets and :name says.
 *
 * Kept in order of their names. Some mean something to the shell (ON_ERROR_STOP, FETCH_COUNT...); those
 * who care ask when they need to know, so nothing is registered here but which values are sensible.
 */
#ifndef FSQL_VARS_H
#define FSQL_VARS_H

#include "text.h"

typedef struct fsql_var {
    char *name;
    char *value;
} fsql_var;

typedef struct fsql_vars {
    fsql_var *all;
    size_t count, room;
} fsql_vars;

/** The value; NULL if there is no such variable. Valid until it is set again. */
const char *fsql_vars_get(const fsql_vars *vars, const char *name, size_t len);
/** As fsql_vars_get(), with a value for when it is not set. */
const char *fsql_vars_text(const fsql_vars *vars, const char *name, const char *otherwise);
/** A switch: on, true, yes, 1, and beginnings of these words; `otherwise` if unset or no such word. */
bool fsql_vars_on(const fsql_vars *vars, const char *name, bool otherwise);
/** A number; `otherwise` if unset or none. */
long fsql_vars_number(const fsql_vars *vars, const char *name, long otherwise);

/**
 * Set a variable; `value` NULL removes it. False, with a reason in `complaint`, if the name is none
 * or the value makes no sense for a variable that the shell reads.
 */
bool fsql_vars_set(fsql_vars *vars, const char *name, const char *value, fsql_text *complaint);

void fsql_vars_deinit(fsql_vars *vars);

/** Whether a byte may stand in a variable's name: letters, digits, underscores, all beyond ASCII. */
bool fsql_vars_name_byte(char c);

/** Read a switch as psql does: 1, 0, or -1 for no such word. */
int fsql_switch(const char *word);

#endif
