/*
 * What config.c needs of the table of settings.
 */
#ifndef FLYD_SETTINGS_INT_H
#define FLYD_SETTINGS_INT_H

#include "settings.h"

const flyd_setting *flyd__settings_find(const char *name);

/* The setting that was meant, perhaps; NULL if no name is near. */
const flyd_setting *flyd__settings_nearest(const char *name);

bool flyd__settings_is_text(const flyd_setting *setting);
const char *flyd__settings_text(const flyd_setting *setting, const flyd_settings *values);
int64_t flyd__settings_number(const flyd_setting *setting, const flyd_settings *values);

/* The name of the flag: "pg-port". */
void flyd__settings_flag(const flyd_setting *setting, char flag[64]);

/* Read a value from text, as environment and flags have it. */
FLY_MUST_USE fly_status flyd__settings_read(const flyd_setting *setting, const char *text,
                                            fly_arena *arena, flyd_settings *values, fly_err *err);

#endif
