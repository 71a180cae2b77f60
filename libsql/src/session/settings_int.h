/*
 * Settings, for those who read and set them. Private to session/.
 */
#ifndef FLY_SQL_SETTINGS_INT_H
#define FLY_SQL_SETTINGS_INT_H

#include "session/session_int.h"

/* "5s", "100": milliseconds. */
uint32_t fly__sql_milliseconds(const char *text);

const char *fly__sql_isolation_name(fly_isolation isolation);
bool fly__sql_isolation_parse(const char *text, fly_isolation *isolation);

/* Change the isolation of the running transaction: 25001 once it has read something. */
fly_status fly__sql_txn_isolate(fly_sql_session *session, fly_isolation isolation, fly_err *err);

/* The known settings, one after the other: NULL at the end. */
const char *fly__sql_setting_known(size_t i, const char **initial);

/* RESET ALL */
fly_status fly__sql_settings_reset(fly_sql_session *session, fly_err *err);

/* Those about dates and times (settings_time.c): false if the value makes no sense. */
bool fly__sql_apply_date_style(fly_sql_session *session, const char *value);
bool fly__sql_apply_interval_style(fly_sql_session *session, const char *value);
bool fly__sql_apply_time_zone(fly_sql_session *session, const char *value);
void fly__sql_settings_time_deinit(fly_sql_session *session);

#endif
