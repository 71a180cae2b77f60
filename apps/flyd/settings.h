/*
 * Settings: one table of all that can be set, and where each value came from.
 *
 * The table has, for each setting, its name, type, default, limits, whether a running server takes a
 * change, and a description. The parser of files, environment and flags, --help, --print-config, the
 * table in docs/configuration.md and the errors are all made from it; nothing else knows a name.
 *
 * One name everywhere: `pg_port` in the file, FLYD_PG_PORT in the environment, --pg-port as a flag. In
 * the file a table is a prefix: `cert` in [tls] is `tls_cert`.
 */
#ifndef FLYD_SETTINGS_H
#define FLYD_SETTINGS_H

#include <fly/base_mem.h>

#include <stdio.h>

enum { FLYD_OFF = -1 /* of a port */, FLYD_SETTINGS_MAX = 64 };

typedef struct flyd_settings {
    const char *config;
    const char *data_dir;
    int64_t storage_engine; /* flyd_engine */

    const char *listen; /* addresses, separated by commas */
    int64_t text_port;
    int64_t binary_port;
    int64_t pg_port;
    int64_t resp_port;
    int64_t http_port;
    const char *ready_file;
    int64_t connections_max;
    int64_t threads_max;
    int64_t login_timeout; /* times are in milliseconds, 0: no limit */
    int64_t idle_timeout;
    int64_t statement_timeout;
    int64_t drain_timeout;

    const char *tls_cert;
    const char *tls_key;
    const char *tls_ca;
    int64_t tls_min_version; /* flyd_tls_version */
    int64_t tls_client_cert; /* flyd_wish */
    int64_t plain_passwords; /* bool */
    int64_t tls_required;    /* bool */
    int64_t password_length_min;
    int64_t password_classes_min;
    int64_t audit; /* bool */

    int64_t durability; /* as fly_durability, less one */
    int64_t async_interval;
    int64_t buffer_pool_size; /* bytes; 0: a quarter of what there is */
    int64_t query_memory;     /* bytes; 0: half of the pool */
    int64_t query_threads;    /* 0: as processors */
    int64_t page_size;
    int64_t checkpoint_secs; /* milliseconds all the same */
    int64_t checkpoint_size;
    int64_t wal_segment_size;
    int64_t lock_timeout;
    const char *archive_dir;

    int64_t log_level;  /* as fly_log_level */
    int64_t log_format; /* flyd_log_format */
    const char *log_file;
    int64_t log_slow; /* milliseconds; -1: off */
    int64_t log_connections;

    int64_t core_dumps;
} flyd_settings;

typedef enum flyd_engine { FLYD_ENGINE_DISK, FLYD_ENGINE_MEMORY } flyd_engine;
typedef enum flyd_tls_version { FLYD_TLS_1_2, FLYD_TLS_1_3 } flyd_tls_version;
typedef enum flyd_wish { FLYD_WISH_OFF, FLYD_WISH_ASK, FLYD_WISH_REQUIRE } flyd_wish;
typedef enum flyd_log_format { FLYD_LOGFMT, FLYD_JSON } flyd_log_format;

typedef enum flyd_type {
    FLYD_TEXT,
    FLYD_PATH,
    FLYD_LIST, /* in the file also an array of strings */
    FLYD_BOOL,
    FLYD_CHOICE, /* one of `choices` */
    FLYD_COUNT,
    FLYD_PORT, /* 0: any free one */
    FLYD_SIZE, /* bytes, with a unit */
    FLYD_TIME  /* with a unit; without one, in `unit` */
} flyd_type;

typedef struct flyd_setting {
    const char *name;
    flyd_type type;
    bool reloadable; /* SIGHUP is enough */
    const char *initial;
    const char *choices; /* separated by |; FLYD_BOOL has them too */
    const char *word;    /* stands for word_value: "auto", "off" */
    int64_t word_value;
    int64_t least;
    int64_t most;
    int64_t unit;  /* of a time without one: milliseconds in it */
    size_t offset; /* in flyd_settings */
    const char *help;
} flyd_setting;

/* Where a value came from, weakest first. */
typedef enum flyd_source { FLYD_DEFAULT, FLYD_FILE, FLYD_ENVIRONMENT, FLYD_FLAG } flyd_source;

typedef struct flyd_config {
    fly_arena arena; /* of the strings */
    flyd_settings values;
    flyd_source source[FLYD_SETTINGS_MAX];
    const char *where[FLYD_SETTINGS_MAX]; /* "line 3 of flyd.toml", "FLYD_PG_PORT", "--pg-port" */
} flyd_config;

/* What the world says. All borrowed. */
typedef struct flyd_words {
    int count; /* flags, without the program's name */
    char **flags;
    char **environment;
    void (*warn)(void *ctx, const char *line);
    void *ctx;
} flyd_words;

/* What the flags ask for besides settings. */
typedef struct flyd_request {
    bool help;
    bool version;
    bool print_config;
    bool print_settings; /* as docs/configuration.md has them */
} flyd_request;

/* The table; its length. */
const flyd_setting *flyd_settings_table(size_t *count);

/**
 * Read file, environment and flags, and check all of it. FLY_E_INVALID: the message names the setting
 * and the place. `config` is set up whatever the outcome: flyd_config_deinit().
 */
FLY_MUST_USE fly_status flyd_config_load(flyd_config *config, const flyd_words *words,
                                         flyd_request *request, fly_err *err);
void flyd_config_deinit(flyd_config *config);

/* Call `each` for every setting that differs. */
void flyd_config_compare(const flyd_config *a, const flyd_config *b,
                         void (*each)(void *ctx, const flyd_setting *setting), void *ctx);

/* A value as it is written in a file, quoted if it needs it. */
void flyd_config_format(const flyd_setting *setting, const flyd_settings *values, char *text,
                        size_t room);

/* --print-config, --help's part, and the table of the manual. */
void flyd_config_print(const flyd_config *config, FILE *to);
void flyd_settings_print_help(FILE *to);
void flyd_settings_print_table(FILE *to);

#endif
