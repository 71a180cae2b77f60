/*
 * The table of settings, and reading their values from text.
 *
 * What is not here: where the texts come from (config.c), and what the values do (server.c).
 */
#include "settings_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ----------------------------------------------------------------------- the table */

#define MS 1
#define SECOND 1000
#define KIB ((int64_t)1 << 10)
#define MIB ((int64_t)1 << 20)
#define TIB ((int64_t)1 << 40)
#define DAY ((int64_t)24 * 3600 * SECOND)

/* Rows in the order of the manual. A row says: type, whether SIGHUP is enough, name, default; choices,
 * or limits, a word and its value, and the unit; description. */
#define TEXT(type_, reload_, field_, initial_, help_)                                              \
    {                                                                                              \
        .type = (type_), .reloadable = (reload_), .name = #field_,                                 \
        .offset = offsetof(flyd_settings, field_), .initial = (initial_), .help = (help_)          \
    }
#define NUMBER(type_, reload_, field_, initial_, least_, most_, word_, value_, unit_, help_)       \
    {                                                                                              \
        .type = (type_), .reloadable = (reload_), .name = #field_,                                 \
        .offset = offsetof(flyd_settings, field_), .initial = (initial_), .least = (least_),       \
        .most = (most_), .word = (word_), .word_value = (value_), .unit = (unit_), .help = (help_) \
    }
#define CHOICE(type_, reload_, field_, initial_, choices_, help_)                                  \
    {                                                                                              \
        .type = (type_), .reloadable = (reload_), .name = #field_,                                 \
        .offset = offsetof(flyd_settings, field_), .initial = (initial_), .choices = (choices_),   \
        .help = (help_)                                                                            \
    }
#define SWITCH(reload_, field_, initial_, help_)                                                   \
    CHOICE(FLYD_BOOL, reload_, field_, initial_, "false|true", help_)
#define PORT(field_, initial_, help_)                                                              \
    NUMBER(FLYD_PORT, false, field_, initial_, 0, 65535, "off", FLYD_OFF, 1, help_)

static const flyd_setting table[] = {
    TEXT(FLYD_PATH, false, config, "", "File with settings, in TOML."),
    TEXT(FLYD_PATH, false, data_dir, "",
         "Directory of the databases. It is made if it is missing."),
    CHOICE(FLYD_CHOICE, false, storage_engine, "disk", "disk|memory",
           "Where databases live. In memory, they are gone when the server stops."),

    TEXT(FLYD_LIST, false, listen, "127.0.0.1",
         "Addresses to listen on, separated by commas; 0.0.0.0 and :: are all there are."),
    PORT(text_port, "8888", "Port of the line text protocol; 0 is any free one, off is none."),
    PORT(binary_port, "8889", "Port of the binary protocol."),
    PORT(pg_port, "5432", "Port of the PostgreSQL protocol."),
    PORT(resp_port, "off",
         "Port of the Redis protocol, which is not part of this version: a warning is logged."),
    PORT(http_port, "off", "Port of HTTP, which is not part of this version: a warning is logged."),
    TEXT(FLYD_PATH, false, ready_file, "",
         "File that gets the ports and the process id, in JSON, once the server serves."),
    NUMBER(FLYD_COUNT, false, connections_max, "10000", 1, 1000000, NULL, 0, 1,
           "Connections at a time, of all protocols together."),
    NUMBER(FLYD_COUNT, false, threads_max, "auto", 1, 4096, "auto", 0, 1,
           "Threads that serve connections, at most. They are started as they are needed."),
    NUMBER(FLYD_TIME, false, login_timeout, "60s", 1, DAY, NULL, 0, SECOND,
           "How long a client may take to log in."),
    NUMBER(FLYD_TIME, false, idle_timeout, "off", 1, 365 * DAY, "off", 0, SECOND,
           "How long a connection may do nothing before it is closed."),
    NUMBER(FLYD_TIME, false, statement_timeout, "off", 1, INT32_MAX, "off", 0, MS,
           "How long a statement may run, in sessions that say nothing else."),
    NUMBER(FLYD_TIME, true, drain_timeout, "30s", 0, DAY, NULL, 0, SECOND,
           "How long running transactions may go on when the server stops."),

    TEXT(FLYD_PATH, false, tls_cert, "",
         "Certificate, with those that lead to its root, in PEM. "
         "Without one there is no TLS."),
    TEXT(FLYD_PATH, false, tls_key, "", "Private key of the certificate, in PEM."),
    TEXT(FLYD_PATH, false, tls_ca, "",
         "Certificates of those who sign client certificates, in PEM."),
    CHOICE(FLYD_CHOICE, false, tls_min_version, "1.3", "1.2|1.3", "Oldest version of TLS spoken."),
    CHOICE(FLYD_CHOICE, false, tls_client_cert, "off", "off|ask|require",
           "Whether clients show a certificate of their own."),
    SWITCH(false, plain_passwords, "false",
           "Take passwords over the network without TLS. Loopback always may."),
    SWITCH(false, tls_required, "false",
           "Turn away who comes over the network without TLS, whatever the proof of identity."),
    NUMBER(FLYD_COUNT, false, password_length_min, "0", 0, 256, NULL, 0, 1,
           "Characters that a new password must have; 0: any will do."),
    NUMBER(FLYD_COUNT, false, password_classes_min, "0", 0, 4, NULL, 0, 1,
           "Of small letters, capitals, digits and others, how many a new password must have."),
    SWITCH(false, audit, "true",
           "Keep an audit trail of logins, definitions, grants and what was denied."),

    CHOICE(FLYD_CHOICE, false, durability, "full", "full|async|off",
           "When a commit is answered: on disk; soon on disk (async_interval); whenever."),
    NUMBER(FLYD_TIME, false, async_interval, "10ms", 1, 10 * SECOND, NULL, 0, MS,
           "How soon an async commit is on disk."),
    NUMBER(FLYD_SIZE, false, buffer_pool_size, "auto", MIB, 64 * TIB, "auto", 0, 1,
           "Memory for pages of a database; auto is a quarter of the machine's or container's."),
    NUMBER(FLYD_SIZE, false, query_memory, "auto", 16 * MIB, 64 * TIB, "auto", 0, 1,
           "Memory for all queries together; auto is half of buffer_pool_size."),
    NUMBER(FLYD_COUNT, false, query_threads, "auto", 1, 1024, "auto", 0, 1,
           "Threads that share the work of a big query; auto is the number of processors."),
    NUMBER(FLYD_SIZE, false, page_size, "8KiB", 4 * KIB, 64 * KIB, NULL, 0, 1,
           "Page size of databases that are made: a power of two."),
    NUMBER(FLYD_TIME, false, checkpoint_secs, "60s", SECOND, DAY, NULL, 0, SECOND,
           "Time between checkpoints, at most, while something changes."),
    NUMBER(FLYD_SIZE, false, checkpoint_size, "256MiB", MIB, TIB, NULL, 0, 1,
           "Log between checkpoints, at most: the longer, the longer a restart takes."),
    NUMBER(FLYD_SIZE, false, wal_segment_size, "64MiB", MIB, 1024 * MIB, NULL, 0, 1,
           "Size of one file of the log."),
    NUMBER(FLYD_TIME, false, lock_timeout, "off", 1, INT32_MAX, "off", 0, MS,
           "How long a statement waits for a lock before it fails."),
    TEXT(FLYD_PATH, false, archive_dir, "",
         "Directory that gets a copy of each finished log segment, for restoring to a point in "
         "time."),

    CHOICE(FLYD_CHOICE, true, log_level, "info", "debug|info|warning|error",
           "What is logged: this and worse."),
    CHOICE(FLYD_CHOICE, true, log_format, "logfmt", "logfmt|json", "How a line of the log looks."),
    TEXT(FLYD_PATH, true, log_file, "",
         "File that the log is appended to; without one it goes to standard error."),
    NUMBER(FLYD_TIME, true, log_slow, "off", 0, DAY, "off", FLYD_OFF, MS,
           "Log statements that took longer."),
    SWITCH(true, log_connections, "false", "Log who connects and leaves."),

    SWITCH(false, core_dumps, "false",
           "Let a crash leave its memory, with data and keys in it, as a core file."),
};
_Static_assert(sizeof table / sizeof table[0] <= FLYD_SETTINGS_MAX, "config has room for all");

/* The headings of the manual: where each begins. */
static const struct {
    const char *first;
    const char *title;
} groups[] = {
    {"config", "Place"},       {"listen", "Network"}, {"tls_cert", "TLS and passwords"},
    {"durability", "Storage"}, {"log_level", "Log"},  {"core_dumps", "Process"},
};

const flyd_setting *flyd_settings_table(size_t *count)
{
    *count = sizeof table / sizeof table[0];
    return table;
}

const flyd_setting *flyd__settings_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------- nearest name */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Letters to add, drop or change to make one name of the other (Levenshtein); names are short. */
static size_t distance(const char *a, const char *b)
{
    size_t row[64];
    size_t len = strlen(b);
    if (len >= sizeof row / sizeof row[0]) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= len; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = smaller(change, 1 + smaller(row[j], row[j - 1]));
        }
    }
    return row[len];
}

const flyd_setting *flyd__settings_nearest(const char *name)
{
    const flyd_setting *best = NULL;
    size_t least = strlen(name) / 3 + 2;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        size_t d = distance(name, table[i].name);
        if (d < least) {
            least = d;
            best = &table[i];
        }
    }
    return best;
}

/* ------------------------------------------------------------------------- values */

static const char **text_of(const flyd_setting *setting, flyd_settings *values)
{
    return (const char **)(void *)((char *)values + setting->offset);
}

static int64_t *number_of(const flyd_setting *setting, flyd_settings *values)
{
    return (int64_t *)(void *)((char *)values + setting->offset);
}

bool flyd__settings_is_text(const flyd_setting *setting)
{
    return setting->type == FLYD_TEXT || setting->type == FLYD_PATH || setting->type == FLYD_LIST;
}

const char *flyd__settings_text(const flyd_setting *setting, const flyd_settings *values)
{
    return *(const char *const *)(const void *)((const char *)values + setting->offset);
}

int64_t flyd__settings_number(const flyd_setting *setting, const flyd_settings *values)
{
    return *(const int64_t *)(const void *)((const char *)values + setting->offset);
}

typedef struct unit {
    const char *name;
    int64_t factor;
} unit;

static const unit size_units[] = {
    {"B", 1},         {"kB", KIB},       {"KiB", KIB}, {"MB", MIB},  {"MiB", MIB},
    {"GB", KIB *MIB}, {"GiB", KIB *MIB}, {"TB", TIB},  {"TiB", TIB}, {NULL, 0},
};
static const unit time_units[] = {
    {"ms", MS}, {"s", SECOND}, {"min", 60 * SECOND}, {"h", 3600 * SECOND}, {"d", DAY}, {NULL, 0},
};

static const unit *units_of(const flyd_setting *setting)
{
    static const unit none[] = {{NULL, 0}};
    return setting->type == FLYD_SIZE ? size_units : setting->type == FLYD_TIME ? time_units : none;
}

/* The place of a word in "a|b|c"; -1 if it is not there. */
static int64_t choice_of(const char *choices, const char *word)
{
    size_t len = strlen(word);
    for (int64_t i = 0;; i++) {
        size_t n = strcspn(choices, "|");
        if (n == len && strncasecmp(choices, word, n) == 0) {
            return i;
        }
        if (choices[n] == '\0') {
            return -1;
        }
        choices += n + 1;
    }
}

/* What a switch may be called by people who do not write TOML. */
static int64_t switch_of(const char *word)
{
    int64_t at = choice_of("false|true|off|on|no|yes|0|1", word);
    return at < 0 ? -1 : at % 2;
}

static bool read_number(const flyd_setting *setting, const char *text, int64_t *value)
{
    char *end;
    if (setting->word != NULL && strcasecmp(text, setting->word) == 0) {
        *value = setting->word_value;
        return true;
    }
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno != 0 || end == text) {
        return false;
    }
    end += strspn(end, " ");
    int64_t factor = setting->unit != 0 ? setting->unit : 1;
    if (*end != '\0') {
        const unit *at = units_of(setting);
        while (at->name != NULL && strcasecmp(at->name, end) != 0) {
            at++;
        }
        if (at->name == NULL) {
            return false;
        }
        factor = at->factor;
    }
    if (__builtin_mul_overflow((int64_t)n, factor, value)) {
        return false;
    }
    return *value >= setting->least && *value <= setting->most;
}

static void put_number(const flyd_setting *setting, int64_t value, char *text, size_t room)
{
    const unit *best = NULL;
    if (setting->word != NULL && value == setting->word_value) {
        (void)snprintf(text, room, "%s", setting->word);
        return;
    }
    for (const unit *at = units_of(setting); at->name != NULL; at++) {
        bool whole = value % at->factor == 0 && (value != 0 || at->factor == 1);
        if (whole && (best == NULL || at->factor >= best->factor)) {
            best = at;
        }
    }
    (void)snprintf(text, room, "%lld%s", (long long)(best != NULL ? value / best->factor : value),
                   best != NULL ? best->name : "");
}

/* What is allowed, in words. */
static void put_expectation(const flyd_setting *setting, char *text, size_t room)
{
    char least[32];
    char most[32];
    if (setting->choices != NULL) {
        char list[64];
        (void)snprintf(list, sizeof list, "%s", setting->choices);
        for (char *bar = strchr(list, '|'); bar != NULL; bar = strchr(bar, '|')) {
            *bar = ' ';
        }
        (void)snprintf(text, room, "expected one of: %s", list);
        return;
    }
    put_number(setting, setting->least, least, sizeof least);
    put_number(setting, setting->most, most, sizeof most);
    (void)snprintf(text, room, "expected %s%s%s to %s%s",
                   setting->word != NULL ? setting->word : "", setting->word != NULL ? ", or " : "",
                   least, most,
                   setting->type == FLYD_SIZE   ? " (B, kB, MB, GB, TB)"
                   : setting->type == FLYD_TIME ? " (ms, s, min, h, d)"
                                                : "");
}

static fly_status refuse(const flyd_setting *setting, const char *text, fly_err *err)
{
    char expected[160];
    put_expectation(setting, expected, sizeof expected);
    return fly_err_set(err, FLY_E_INVALID, "\"%.100s\" is no value of %s: %s", text, setting->name,
                       expected);
}

fly_status flyd__settings_read(const flyd_setting *setting, const char *text, fly_arena *arena,
                               flyd_settings *values, fly_err *err)
{
    int64_t number;
    bool good;
    if (flyd__settings_is_text(setting)) {
        const char *copy = fly_arena_copy(arena, text, strlen(text) + 1);
        if (copy == NULL) {
            return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for settings");
        }
        *text_of(setting, values) = copy;
        return FLY_OK;
    }
    if (setting->type == FLYD_BOOL || setting->type == FLYD_CHOICE) {
        number = setting->type == FLYD_BOOL ? switch_of(text) : choice_of(setting->choices, text);
        good = number >= 0;
    } else {
        good = read_number(setting, text, &number);
    }
    if (!good) {
        return refuse(setting, text, err);
    }
    *number_of(setting, values) = number;
    return FLY_OK;
}

/* ------------------------------------------------------------------------ printing */

static void put_choice(const char *choices, int64_t at, char *text, size_t room)
{
    for (; at > 0; at--) {
        choices = strchr(choices, '|') + 1;
    }
    (void)snprintf(text, room, "%.*s", (int)strcspn(choices, "|"), choices);
}

/* A TOML string: escapes what its grammar does not let stand. */
static void put_quoted(const char *value, char *text, size_t room)
{
    size_t len = 0;
    for (text[len++] = '"'; *value != '\0' && len + 8 < room; value++) {
        if (*value == '"' || *value == '\\') {
            text[len++] = '\\';
        }
        if ((unsigned char)*value < 0x20 || *value == 0x7F) {
            len += (size_t)snprintf(text + len, room - len, "\\u%04X", (unsigned)*value);
        } else {
            text[len++] = *value;
        }
    }
    text[len++] = '"';
    text[len] = '\0';
}

void flyd_config_format(const flyd_setting *setting, const flyd_settings *values, char *text,
                        size_t room)
{
    char plain[64];
    if (flyd__settings_is_text(setting)) {
        put_quoted(flyd__settings_text(setting, values), text, room);
        return;
    }
    int64_t number = flyd__settings_number(setting, values);
    if (setting->choices != NULL) {
        put_choice(setting->choices, number, plain, sizeof plain);
    } else {
        put_number(setting, number, plain, sizeof plain);
    }
    bool bare = setting->type == FLYD_BOOL || plain[strspn(plain, "0123456789")] == '\0';
    if (bare && setting->type != FLYD_CHOICE) {
        (void)snprintf(text, room, "%s", plain);
    } else {
        put_quoted(plain, text, room);
    }
}

void flyd_config_print(const flyd_config *config, FILE *to)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char value[1024];
        char line[1100];
        flyd_config_format(&table[i], &config->values, value, sizeof value);
        (void)snprintf(line, sizeof line, "%s = %s", table[i].name, value);
        bool said = config->source[i] != FLYD_DEFAULT;
        (void)fprintf(to, "%-40s # %s\n", line, said ? config->where[i] : "default");
    }
}

static const char *title_before(const flyd_setting *setting)
{
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        if (strcmp(groups[i].first, setting->name) == 0) {
            return groups[i].title;
        }
    }
    return NULL;
}

/* pg_port as the flag "pg-port". */
void flyd__settings_flag(const flyd_setting *setting, char flag[64])
{
    (void)snprintf(flag, 64, "%s", setting->name);
    for (char *at = flag; *at != '\0'; at++) {
        *at = *at == '_' ? '-' : *at;
    }
}

void flyd_settings_print_help(FILE *to)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char flag[64];
        char shape[96];
        flyd__settings_flag(&table[i], flag);
        static const char *const shapes[] = {"TEXT", "PATH", "LIST",  "",    "",
                                             "N",    "PORT", "BYTES", "TIME"};
        const char *kind = table[i].choices != NULL ? table[i].choices : shapes[table[i].type];
        if (title_before(&table[i]) != NULL) {
            (void)fprintf(to, "\n%s\n", title_before(&table[i]));
        }
        (void)snprintf(shape, sizeof shape, "--%s=%s", flag, kind);
        (void)fprintf(to, "  %s\n        %s", shape, table[i].help);
        (void)fprintf(to, table[i].initial[0] != '\0' ? " Default %s.\n" : "\n", table[i].initial);
    }
}

void flyd_settings_print_table(FILE *to)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const flyd_setting *row = &table[i];
        char range[160];
        if (title_before(row) != NULL) {
            (void)fprintf(to,
                          "%s### %s\n\n| setting | default | values | SIGHUP | what it is |\n"
                          "|---|---|---|---|---|\n",
                          i > 0 ? "\n" : "", title_before(row));
        }
        put_expectation(row, range, sizeof range);
        static const char *const kinds[] = {"text", "path", "list"};
        bool text = flyd__settings_is_text(row);
        const char *values = text ? kinds[row->type] : range + strlen("expected ");
        (void)fprintf(to, "| `%s` | %s%s%s | %s | %s | %s |\n", row->name,
                      row->initial[0] != '\0' ? "`" : "", row->initial,
                      row->initial[0] != '\0' ? "`" : "", values, row->reloadable ? "yes" : "",
                      row->help);
    }
}
