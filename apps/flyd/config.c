/*
 * Configuration: defaults, then the file, then the environment, then flags; the last word counts.
 *
 * A key or a flag that nobody knows is an error that says which name is near. A variable of the
 * environment that nobody knows is only a warning, because container platforms invent names
 * (FLYD_SERVICE_HOST) for services that are called "flyd".
 *
 * What is not here: what the settings are (settings.c).
 */
#include "settings_int.h"
#include "toml.h"

#include <fly/base_env.h>

#include <errno.h>
#include <string.h>

typedef struct loader {
    flyd_config *config;
    const flyd_words *words;
    const char *path; /* of the file */
    fly_err *err;
} loader;

static fly_status no_memory(loader *load)
{
    return fly_err_set(load->err, FLY_E_NO_MEMORY, "out of memory for settings");
}

/* Take a value; `where` says in messages, and in --print-config, who said it. */
static fly_status take(loader *load, const flyd_setting *setting, const char *text,
                       flyd_source source, const char *where)
{
    size_t count;
    size_t at = (size_t)(setting - flyd_settings_table(&count));
    fly_status status =
        flyd__settings_read(setting, text, &load->config->arena, &load->config->values, load->err);
    if (status != FLY_OK) {
        return fly_err_prefix(load->err, status, "%s", where);
    }
    load->config->source[at] = source;
    load->config->where[at] = fly_arena_copy(&load->config->arena, where, strlen(where) + 1);
    return load->config->where[at] == NULL ? no_memory(load) : FLY_OK;
}

static void hint_nearest(loader *load, const char *name, const char *prefix, bool flag)
{
    const flyd_setting *near = flyd__settings_nearest(name);
    char text[64];
    if (near != NULL && load->err != NULL) {
        (void)snprintf(text, sizeof text, "%s", near->name);
        if (flag) {
            flyd__settings_flag(near, text);
        }
        fly_err_hint(load->err, "Perhaps you meant %s%s.", prefix, text);
    }
}

/* ------------------------------------------------------------------------- the file */

static fly_status fail_at(loader *load, const flyd_toml *value, const char *name, const char *what)
{
    return fly_err_set(load->err, FLY_E_INVALID, "%s, line %u, column %u: \"%.100s\" %s",
                       load->path, value->line, value->column, name, what);
}

/* ["a", "b"] as "a,b". */
static fly_status join(loader *load, const flyd_toml *array, const char *name, char *text,
                       size_t room)
{
    size_t len = 0;
    for (const flyd_toml *at = array->first; at != NULL; at = at->next) {
        if (at->kind != FLYD_TOML_STRING) {
            return fail_at(load, at, name, "is a list of strings");
        }
        int n = snprintf(text + len, room - len, "%s%s", len > 0 ? "," : "",
                         (const char *)at->text.data);
        if (n < 0 || (size_t)n >= room - len) {
            return fail_at(load, at, name, "is too long");
        }
        len += (size_t)n;
    }
    text[len] = '\0';
    return FLY_OK;
}

/* The value as the text that a flag would have, if its kind is one that the setting takes. */
static fly_status as_text(loader *load, const flyd_setting *setting, const flyd_toml *value,
                          char *text, size_t room)
{
    bool quoted = value->kind == FLYD_TOML_STRING;
    if (value->kind == FLYD_TOML_ARRAY && setting->type == FLYD_LIST) {
        return join(load, value, setting->name, text, room);
    }
    if (quoted && setting->type != FLYD_BOOL) {
        if (memchr(value->text.data, 0, value->text.len) != NULL || value->text.len >= room) {
            return fail_at(load, value, setting->name,
                           "has a value that is too long, or has a NUL");
        }
        memcpy(text, value->text.data, value->text.len + 1);
        return FLY_OK;
    }
    bool number = setting->type >= FLYD_COUNT && value->kind == FLYD_TOML_INTEGER;
    bool truth = setting->type == FLYD_BOOL && value->kind == FLYD_TOML_BOOLEAN;
    if (number) {
        (void)snprintf(text, room, "%lld", (long long)value->integer);
        return FLY_OK;
    }
    if (truth) {
        (void)snprintf(text, room, "%s", value->truth ? "true" : "false");
        return FLY_OK;
    }
    static const char *const wanted[] = {"a string",
                                         "a string",
                                         "a string, or a list of them",
                                         "true or false",
                                         "a string",
                                         "an integer",
                                         "an integer",
                                         "an integer, or a string with a unit",
                                         "an integer, or a string with a unit"};
    char what[128];
    (void)snprintf(what, sizeof what, "is %s, not %s", flyd_toml_kind_name(value->kind),
                   wanted[setting->type]);
    return fail_at(load, value, setting->name, what);
}

static fly_status take_pair(loader *load, const flyd_toml *value, const char *name)
{
    char text[1024];
    char where[FLY_PATH_MAX + 64];
    const flyd_setting *setting = flyd__settings_find(name);
    if (setting == NULL || setting->offset == offsetof(flyd_settings, config)) {
        fly_status status = fail_at(load, value, name, "is no setting");
        if (setting == NULL) {
            hint_nearest(load, name, "", false);
        }
        return status;
    }
    size_t count;
    size_t at = (size_t)(setting - flyd_settings_table(&count));
    if (load->config->source[at] == FLYD_FILE) {
        return fail_at(load, value, name, "is set twice");
    }
    fly_status status = as_text(load, setting, value, text, sizeof text);
    if (status != FLY_OK) {
        return status;
    }
    (void)snprintf(where, sizeof where, "%s, line %u", load->path, value->line);
    return take(load, setting, text, FLYD_FILE, where);
}

/* A table is a prefix. Depth is the parser's to limit. */
static fly_status take_table(loader *load, const flyd_toml *table, const char *prefix)
{
    fly_status status = FLY_OK;
    for (const flyd_toml *at = table->first; at != NULL && status == FLY_OK; at = at->next) {
        char name[160];
        (void)snprintf(name, sizeof name, "%s%s%.64s", prefix, prefix[0] != '\0' ? "_" : "",
                       at->key);
        status = at->kind == FLYD_TOML_TABLE ? take_table(load, at, name)
                                             : take_pair(load, at, name);
    }
    return status;
}

/* Read a file that is small; `bytes` lie in the arena. */
static fly_status read_file(loader *load, fly_bytes *bytes)
{
    FILE *file = fopen(load->path, "re");
    if (file == NULL) {
        return fly_err_os(load->err, FLY_E_IO, errno, "could not open \"%s\"", load->path);
    }
    size_t room = FLYD_TOML_SIZE_MAX + 1;
    uint8_t *text = fly_arena_alloc(&load->config->arena, room);
    size_t len = text != NULL ? fread(text, 1, room, file) : 0;
    fly_status status = FLY_OK;
    if (text == NULL) {
        status = no_memory(load);
    } else if (ferror(file)) {
        status = fly_err_os(load->err, FLY_E_IO, errno, "could not read \"%s\"", load->path);
    }
    (void)fclose(file);
    *bytes = fly_bytes_of(text, len);
    return status;
}

static fly_status take_file(loader *load)
{
    flyd_toml *root;
    fly_bytes text;
    load->path = load->config->values.config;
    if (load->path[0] == '\0') {
        return FLY_OK;
    }
    fly_status status = read_file(load, &text);
    if (status != FLY_OK) {
        return status;
    }
    status = flyd_toml_parse(&load->config->arena, text, &root, load->err);
    if (status != FLY_OK) {
        return fly_err_prefix(load->err, status, "%s", load->path);
    }
    return take_table(load, root, "");
}

/* ------------------------------------------------------------------ the environment */

/* "FLYD_PG_PORT=5432": the setting's name in lower case, and what follows the equals sign. */
static bool split_variable(const char *variable, char name[64], const char **value)
{
    size_t prefix = strncmp(variable, "FLYDB_", 6) == 0  ? 6
                    : strncmp(variable, "FLYD_", 5) == 0 ? 5
                                                         : 0;
    const char *equals = strchr(variable, '=');
    if (prefix == 0 || equals == NULL || equals - variable - (ptrdiff_t)prefix >= 64) {
        return false;
    }
    size_t len = 0;
    for (const char *at = variable + prefix; at < equals; at++) {
        name[len++] = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    }
    name[len] = '\0';
    *value = equals + 1;
    return true;
}

static void warn_variable(loader *load, const char *variable, const char *name)
{
    char line[256];
    const flyd_setting *near = flyd__settings_nearest(name);
    if (load->words->warn != NULL) {
        (void)snprintf(line, sizeof line, "environment variable %.*s is no setting%s%s",
                       (int)strcspn(variable, "="), variable, near != NULL ? "; near is " : "",
                       near != NULL ? near->name : "");
        load->words->warn(load->words->ctx, line);
    }
}

/* `only`: the place of the file must be known before the rest is read. */
static fly_status take_environment(loader *load, bool only_config)
{
    fly_status status = FLY_OK;
    char **at = load->words->environment;
    for (; at != NULL && *at != NULL && status == FLY_OK; at++) {
        char name[64];
        char where[80];
        const char *value;
        if (!split_variable(*at, name, &value) || strcmp(name, "admin_password") == 0) {
            continue;
        }
        const flyd_setting *setting = flyd__settings_find(name);
        bool config = setting != NULL && setting->offset == offsetof(flyd_settings, config);
        if (config != only_config) {
            continue;
        }
        if (setting == NULL) {
            warn_variable(load, *at, name);
            continue;
        }
        (void)snprintf(where, sizeof where, "%.*s", (int)strcspn(*at, "="), *at);
        status = take(load, setting, value, FLYD_ENVIRONMENT, where);
    }
    return status;
}

/* ---------------------------------------------------------------------------- flags */

static bool take_request(const char *flag, flyd_request *request)
{
    const struct {
        const char *name;
        const char *letter;
        bool *asked;
    } known[] = {{"--help", "-h", &request->help},
                 {"--version", "-V", &request->version},
                 {"--print-config", "", &request->print_config},
                 {"--print-settings", "", &request->print_settings}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(flag, known[i].name) == 0 || strcmp(flag, known[i].letter) == 0) {
            *known[i].asked = true;
            return true;
        }
    }
    return false;
}

static const flyd_setting *flag_setting(const char *flag, size_t len)
{
    char name[64];
    if (strncmp(flag, "-D", len) == 0 || strncmp(flag, "-c", len) == 0) {
        return len == 2 ? flyd__settings_find(flag[1] == 'D' ? "data_dir" : "config") : NULL;
    }
    if (len < 3 || len >= sizeof name || strncmp(flag, "--", 2) != 0 ||
        memchr(flag, '_', len) != NULL) {
        return NULL;
    }
    for (size_t i = 2; i < len; i++) {
        name[i - 2] = flag[i] == '-' ? '_' : flag[i];
    }
    name[len - 2] = '\0';
    return flyd__settings_find(name);
}

static fly_status refuse_flag(loader *load, const char *flag, size_t len)
{
    char name[64];
    size_t n = 0;
    for (size_t i = 0; i < len && n + 1 < sizeof name; i++) {
        if (n > 0 || flag[i] != '-') {
            name[n++] = flag[i] == '-' ? '_' : flag[i];
        }
    }
    name[n] = '\0';
    if (flag[0] != '-') {
        (void)fly_err_set(load->err, FLY_E_INVALID, "\"%.100s\" is no flag", flag);
        return FLY_E_INVALID;
    }
    (void)fly_err_set(load->err, FLY_E_INVALID, "there is no flag %.*s",
                      (int)(len < 100 ? len : 100), flag);
    hint_nearest(load, name, "--", true);
    return FLY_E_INVALID;
}

static fly_status take_flags(loader *load, bool only_config, flyd_request *request)
{
    const flyd_words *words = load->words;
    for (int i = 0; i < words->count; i++) {
        const char *flag = words->flags[i];
        size_t len = strcspn(flag, "=");
        if (take_request(flag, request)) {
            continue;
        }
        const flyd_setting *setting = flag_setting(flag, len);
        if (setting == NULL) {
            return refuse_flag(load, flag, len);
        }
        const char *value = flag[len] == '=' ? flag + len + 1 : NULL;
        if (value == NULL && setting->type == FLYD_BOOL) {
            value = "true";
        } else if (value == NULL && i + 1 < words->count) {
            value = words->flags[++i];
        } else if (value == NULL) {
            return fly_err_set(load->err, FLY_E_INVALID, "%s needs a value", flag);
        }
        bool config = setting->offset == offsetof(flyd_settings, config);
        if (config == only_config) {
            char where[80];
            (void)snprintf(where, sizeof where, "%.*s", (int)len, flag);
            fly_status status = take(load, setting, value, FLYD_FLAG, where);
            if (status != FLY_OK) {
                return status;
            }
        }
    }
    return FLY_OK;
}

/* ------------------------------------------------------------------------ together */

static fly_status take_defaults(loader *load)
{
    size_t count;
    const flyd_setting *table = flyd_settings_table(&count);
    fly_status status = FLY_OK;
    for (size_t i = 0; i < count && status == FLY_OK; i++) {
        status = take(load, &table[i], table[i].initial, FLYD_DEFAULT, "default");
    }
    return status;
}

/* What no single value shows. */
static fly_status check_together(const flyd_settings *values, fly_err *err)
{
    if ((values->tls_cert[0] == '\0') != (values->tls_key[0] == '\0')) {
        return fly_err_set(err, FLY_E_INVALID, "tls_cert and tls_key belong together");
    }
    if (values->tls_client_cert != FLYD_WISH_OFF && values->tls_ca[0] == '\0') {
        return fly_err_set(err, FLY_E_INVALID, "tls_client_cert needs tls_ca");
    }
    if ((values->page_size & (values->page_size - 1)) != 0) {
        return fly_err_set(err, FLY_E_INVALID, "page_size must be a power of two");
    }
    return FLY_OK;
}

fly_status flyd_config_load(flyd_config *config, const flyd_words *words, flyd_request *request,
                            fly_err *err)
{
    loader load = {.config = config, .words = words, .err = err};
    *config = (flyd_config){0};
    fly_arena_init(&config->arena, fly_mem_system(), 0);
    *request = (flyd_request){0};
    fly_status status = take_defaults(&load);
    if (status == FLY_OK) {
        status = take_environment(&load, true);
    }
    if (status == FLY_OK) {
        status = take_flags(&load, true, request);
    }
    if (status == FLY_OK) {
        status = take_file(&load);
    }
    if (status == FLY_OK) {
        status = take_environment(&load, false);
    }
    if (status == FLY_OK) {
        status = take_flags(&load, false, request);
    }
    return status == FLY_OK ? check_together(&config->values, err) : status;
}

void flyd_config_deinit(flyd_config *config)
{
    fly_arena_deinit(&config->arena);
}

void flyd_config_compare(const flyd_config *a, const flyd_config *b,
                         void (*each)(void *ctx, const flyd_setting *setting), void *ctx)
{
    size_t count;
    const flyd_setting *table = flyd_settings_table(&count);
    for (size_t i = 0; i < count; i++) {
        bool same = flyd__settings_is_text(&table[i])
                        ? strcmp(flyd__settings_text(&table[i], &a->values),
                                 flyd__settings_text(&table[i], &b->values)) == 0
                        : flyd__settings_number(&table[i], &a->values) ==
                              flyd__settings_number(&table[i], &b->values);
        if (!same) {
            each(ctx, &table[i]);
        }
    }
}
