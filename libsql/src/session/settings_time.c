/*
 * Settings about dates and times: how they look, and where the session is.
 */
#include "session/settings_int.h"

#include <fly/vec_time.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Whether a word stands in a list separated by commas and blanks. */
static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = list; *at != '\0';) {
        size_t span = strcspn(at, ", ");
        if (span == len && strncasecmp(at, word, len) == 0) {
            return true;
        }
        at += span;
        at += strspn(at, ", ");
    }
    return false;
}

/* The place in `words` of the word that stands in the list; `*found` tells whether one does. */
static uint8_t find_word(const char *list, const char *const *words, size_t count, uint8_t old,
                         bool *found)
{
    for (size_t i = 0; i < count; i++) {
        if (has_word(list, words[i])) {
            *found = true;
            return (uint8_t)i;
        }
    }
    return old;
}

bool fly__sql_apply_date_style(fly_sql_session *session, const char *value)
{
    static const char *const styles[] = {"iso", "sql", "postgres", "german"};
    static const char *const orders[] = {"mdy", "dmy", "ymd"};
    static const char *const synonyms[] = {"us", "european", "ymd"};
    bool found = false;
    session->date_style = find_word(value, styles, 4, session->date_style, &found);
    session->date_order = find_word(value, orders, 3, session->date_order, &found);
    session->date_order = find_word(value, synonyms, 2, session->date_order, &found);
    return found;
}

bool fly__sql_apply_interval_style(fly_sql_session *session, const char *value)
{
    static const char *const styles[] = {"postgres", "postgres_verbose", "sql_standard",
                                         "iso_8601"};
    bool found = false;
    session->interval_style = find_word(value, styles, 4, session->interval_style, &found);
    return found;
}

/* A number of hours east, as in SET TIME ZONE -7; false if it is no number. */
static bool hours(const char *value, int32_t *east)
{
    char *end = NULL;
    double number = strtod(value, &end);
    if (end == value || *end != '\0' || number < -168 || number > 168) {
        return false;
    }
    *east = (int32_t)(number * 3600);
    return true;
}

bool fly__sql_apply_time_zone(fly_sql_session *session, const char *value)
{
    fly_vec_tz *tz = NULL;
    int32_t east = 0;
    fly_status status = FLY_OK;
    if (hours(value, &east)) {
        status = fly_vec_tz_fixed(east, session->env->mem, &tz, NULL);
    } else if (strcasecmp(value, "utc") != 0 && strcasecmp(value, "etc/utc") != 0 &&
               strcasecmp(value, "gmt") != 0 && strcasecmp(value, "default") != 0 &&
               strcasecmp(value, "local") != 0) {
        /* Zones are the system's, also for a database in memory. */
        status = fly_vec_tz_load(fly_vfs_posix(), "/usr/share/zoneinfo", fly_bytes_str(value),
                                 session->env->mem, &tz, NULL);
    }
    if (status != FLY_OK) {
        return false;
    }
    fly__sql_settings_time_deinit(session);
    session->time_zone = tz;
    return true;
}

void fly__sql_settings_time_deinit(fly_sql_session *session)
{
    fly_vec_tz *zone;
    memcpy(&zone, &session->time_zone, sizeof zone);
    fly_vec_tz_destroy(zone);
    session->time_zone = NULL;
}
