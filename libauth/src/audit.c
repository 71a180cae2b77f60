/*
 * The audit trail. See the header for the picture.
 *
 *     mac(n)   = HMAC(key(n), mac(n - 1), line n up to its mac)        mac(0) = zeros
 *     key(n+1) = HMAC(key(n), "FlyDB audit: next")
 *
 *     A1  lines are written in order and whole; a crash takes or tears only lines that are newer than the
 *         state, and they are cut off
 *     A2  a state on disk is never newer than the lines: it is written after they were synced
 *     A3  a key is in memory only until its line is written; on disk until the state after next
 *     A4  after a failed write or sync nothing is written any more: whoever opens the trail again finds
 *         out what is there
 *
 * The state has two slots that are written in turn, in place, each with a checksum: a crash tears one.
 *
 *     0      4         8    16     24     56    88     92
 *     | "FA" | version | n | size | key | mac | crc |          n, mac: of the last line; key: the next's
 *
 * What is not here: rotation of the file, and sending lines elsewhere as they come, which is better than
 * any of this and needs another machine.
 */
#include "auth_int.h"

#include <fly/auth_audit.h>

#include <fly/base_bytes.h>
#include <fly/base_hash.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    LINE_MAX_BYTES = 48 * 1024,
    MAC_TEXT = 2 * FLY_AUTH_KEY,
    TAIL = 9 + MAC_TEXT + 3, /* ,"mac":"..."}\n */
    READ = 64 * 1024,
    SLOT = 128,
    AT_MAGIC = 0,
    AT_VERSION = 4,
    AT_N = 8,
    AT_SIZE = 16,
    AT_KEY = 24,
    AT_MAC = 56,
    AT_CRC = 88,
    MAGIC = 0x54415546, /* "FUAT" */
    STATE_VERSION = 1,
    MS = 1000000
};

static const char log_name[] = "audit.log";
static const char state_name[] = "audit.state";
static const char key_name[] = "audit.key";
static const char next_label[] = "FlyDB audit: next";

/* Where in the chain we are. */
struct chain {
    uint64_t n;    /* lines so far */
    uint64_t size; /* bytes so far */
    uint8_t key[FLY_AUTH_KEY];
    uint8_t mac[FLY_AUTH_KEY];
};

struct fly_auth_audit {
    fly_env *env;
    fly_auth_audit_options options;
    char dir[FLY_PATH_MAX];
    fly_mutex mutex;
    fly_file *log;
    fly_file *state;
    struct chain chain;           /* mutex */
    uint32_t unsynced;            /* mutex: lines */
    uint64_t synced_at;           /* mutex */
    uint64_t slot;                /* mutex: writes of the state; its parity chooses the slot */
    bool stopped;                 /* mutex */
    uint8_t line[LINE_MAX_BYTES]; /* mutex */
};

/* -------------------------------------------------------------------------- the chain */

/* The MAC of the next line, whose beginning is `body`. */
static fly_status mac_of(const struct chain *chain, fly_bytes body, uint8_t mac[FLY_AUTH_KEY],
                         fly_err *err)
{
    uint8_t inner[2 * FLY_AUTH_KEY];
    memcpy(inner, chain->mac, FLY_AUTH_KEY);
    fly_status status = fly_auth_digest(FLY_AUTH_SHA256, body, inner + FLY_AUTH_KEY, err);
    return status == FLY_OK ? fly_auth_hmac(FLY_AUTH_SHA256, fly_bytes_of(chain->key, FLY_AUTH_KEY),
                                            fly_bytes_of(inner, sizeof inner), mac, err)
                            : status;
}

/* The line was written: on to the next key. */
static fly_status evolve(struct chain *chain, const uint8_t mac[FLY_AUTH_KEY], uint64_t bytes,
                         fly_err *err)
{
    uint8_t next[FLY_AUTH_KEY];
    fly_status status = fly_auth_hmac(FLY_AUTH_SHA256, fly_bytes_of(chain->key, FLY_AUTH_KEY),
                                      fly_bytes_str(next_label), next, err);
    if (status == FLY_OK) {
        memcpy(chain->key, next, FLY_AUTH_KEY);
        memcpy(chain->mac, mac, FLY_AUTH_KEY);
        chain->n++;
        chain->size += bytes;
    }
    fly_auth_cleanse(next, sizeof next);
    return status;
}

static void to_hex(const uint8_t *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
}

static int digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool from_hex(fly_bytes text, uint8_t out[FLY_AUTH_KEY])
{
    if (text.len != MAC_TEXT) {
        return false;
    }
    for (size_t i = 0; i < FLY_AUTH_KEY; i++) {
        int high = digit(text.data[2 * i]);
        int low = digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* Whether a line, its end included, is the next one of the chain; if so, on to the one after. */
static fly_status accept(struct chain *chain, fly_bytes line, bool *good, fly_err *err)
{
    static const char before[] = ",\"mac\":\"";
    char begin[32];
    uint8_t shown[FLY_AUTH_KEY];
    uint8_t mac[FLY_AUTH_KEY];
    int len = snprintf(begin, sizeof begin, "{\"n\":%" PRIu64 ",", chain->n + 1);
    size_t tail = sizeof before - 1 + MAC_TEXT + 3;
    *good = false;
    if (line.len < (size_t)len + tail || memcmp(line.data, begin, (size_t)len) != 0) {
        return FLY_OK;
    }
    const uint8_t *at = line.data + line.len - tail;
    fly_bytes hex = fly_bytes_of(at + sizeof before - 1, MAC_TEXT);
    if (memcmp(at, before, sizeof before - 1) != 0 ||
        memcmp(hex.data + MAC_TEXT, "\"}\n", 3) != 0 || !from_hex(hex, shown)) {
        return FLY_OK;
    }
    fly_status status = mac_of(chain, fly_bytes_of(line.data, line.len - tail), mac, err);
    if (status == FLY_OK && fly_auth_equal(mac, shown, FLY_AUTH_KEY)) {
        *good = true;
        status = evolve(chain, mac, line.len, err);
    }
    return status;
}

/* -------------------------------------------------------------------------- the lines */

struct writer {
    uint8_t *at;
    uint8_t *end;
};

static void put(struct writer *w, const void *data, size_t len)
{
    FLY_ASSERT(len <= (size_t)(w->end - w->at));
    memcpy(w->at, data, len);
    w->at += len;
}

static void put_text(struct writer *w, const char *text)
{
    put(w, text, strlen(text));
}

/* Bytes of the character at the front of a text, or 0 if it is not UTF-8. */
static size_t character(fly_bytes text)
{
    uint8_t first = text.data[0];
    size_t len = first < 0x80                    ? 1
                 : first >= 0xc2 && first < 0xe0 ? 2
                 : first >= 0xe0 && first < 0xf0 ? 3
                 : first >= 0xf0 && first < 0xf5 ? 4
                                                 : 0;
    if (len == 0 || len > text.len) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((text.data[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (first == 0xe0 && text.data[1] < 0xa0) ||
                    (first == 0xf0 && text.data[1] < 0x90);
    bool beyond = (first == 0xed && text.data[1] > 0x9f) || (first == 0xf4 && text.data[1] > 0x8f);
    return overlong || beyond ? 0 : len;
}

/* ,"name":"value", escaped as JSON wants it. */
static void put_field(struct writer *w, const char *name, fly_bytes value, size_t max)
{
    char escape[8];
    put_text(w, ",\"");
    put_text(w, name);
    put_text(w, "\":\"");
    for (size_t i = 0; i < value.len && i < max;) {
        uint8_t c = value.data[i];
        size_t len = character(fly_bytes_of(value.data + i, value.len - i));
        if (len == 0) {
            put_text(w, "\\ufffd");
            i++;
            continue;
        }
        if (c == '"' || c == '\\') {
            put(w, "\\", 1);
            put(w, &c, 1);
        } else if (c < 0x20 || c == 0x7f) {
            (void)snprintf(escape, sizeof escape, "\\u%04x", c);
            put_text(w, escape);
        } else {
            put(w, value.data + i, len);
        }
        i += len;
    }
    put_text(w, value.len > max ? "...\"" : "\"");
}

static void put_word(struct writer *w, const char *name, const char *value)
{
    if (value != NULL) {
        put_field(w, name, fly_bytes_str(value), FLY_AUTH_AUDIT_WORD);
    }
}

/* Days since 1970 as a date. @source Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
static void civil(uint64_t days, unsigned *year, unsigned *month, unsigned *day)
{
    uint64_t z = days + 719468;
    uint64_t era = z / 146097;
    unsigned doe = (unsigned)(z - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;
    *day = doy - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = (unsigned)(yoe + era * 400) + (*month <= 2);
}

static void put_time(struct writer *w, uint64_t us)
{
    char text[64];
    unsigned year;
    unsigned month;
    unsigned day;
    uint64_t seconds = us / 1000000;
    civil(seconds / 86400, &year, &month, &day);
    unsigned of_day = (unsigned)(seconds % 86400);
    (void)snprintf(text, sizeof text, ",\"time\":\"%04u-%02u-%02uT%02u:%02u:%02u.%06uZ\"", year,
                   month, day, of_day / 3600, of_day / 60 % 60, of_day % 60,
                   (unsigned)(us % 1000000));
    put_text(w, text);
}

/* The next line, all but its MAC and end. */
static fly_bytes compose(fly_auth_audit *audit, const fly_auth_event *event)
{
    char begin[32];
    struct writer w = {audit->line, audit->line + sizeof audit->line - TAIL};
    (void)snprintf(begin, sizeof begin, "{\"n\":%" PRIu64, audit->chain.n + 1);
    put_text(&w, begin);
    put_time(&w, audit->env->wall_time(audit->env));
    put_word(&w, "event", event->event);
    put_word(&w, "severity", event->severity != NULL ? event->severity : "info");
    put_word(&w, "user", event->user);
    put_word(&w, "database", event->database);
    put_word(&w, "from", event->from);
    put_word(&w, "protocol", event->protocol);
    put_word(&w, "outcome", event->outcome);
    if (event->text.len > 0) {
        put_field(&w, "text", event->text, FLY_AUTH_AUDIT_TEXT);
    }
    return fly_bytes_of(audit->line, (size_t)(w.at - audit->line));
}

/* --------------------------------------------------------------------------- the state */

static fly_status write_state(fly_auth_audit *audit, fly_err *err)
{
    uint8_t slot[SLOT] = {0};
    fly_put_u32(slot + AT_MAGIC, MAGIC);
    fly_put_u32(slot + AT_VERSION, STATE_VERSION);
    fly_put_u64(slot + AT_N, audit->chain.n);
    fly_put_u64(slot + AT_SIZE, audit->chain.size);
    memcpy(slot + AT_KEY, audit->chain.key, FLY_AUTH_KEY);
    memcpy(slot + AT_MAC, audit->chain.mac, FLY_AUTH_KEY);
    fly_put_u32(slot + AT_CRC, fly_crc32c(0, slot, AT_CRC));
    fly_status status =
        fly_file_write(audit->state, (audit->slot++ & 1) * 512, slot, sizeof slot, 0, err);
    fly_auth_cleanse(slot, sizeof slot);
    return status == FLY_OK ? fly_file_sync_data(audit->state, err) : status;
}

/* The newest state of a file that may have none. `*slot`: which it was. */
static fly_status read_state(fly_file *file, struct chain *chain, uint64_t *slot, bool *found,
                             fly_err *err)
{
    *found = false;
    for (uint64_t i = 0; i < 2; i++) {
        uint8_t bytes[SLOT];
        size_t len = 0;
        fly_status status = fly_file_read_some(file, i * 512, bytes, sizeof bytes, &len, err);
        if (status != FLY_OK) {
            return status;
        }
        bool good = len == sizeof bytes && fly_get_u32(bytes + AT_MAGIC) == MAGIC &&
                    fly_get_u32(bytes + AT_VERSION) == STATE_VERSION &&
                    fly_get_u32(bytes + AT_CRC) == fly_crc32c(0, bytes, AT_CRC);
        if (good && (!*found || fly_get_u64(bytes + AT_N) >= chain->n)) {
            chain->n = fly_get_u64(bytes + AT_N);
            chain->size = fly_get_u64(bytes + AT_SIZE);
            memcpy(chain->key, bytes + AT_KEY, FLY_AUTH_KEY);
            memcpy(chain->mac, bytes + AT_MAC, FLY_AUTH_KEY);
            *slot = i;
            *found = true;
        }
        fly_auth_cleanse(bytes, sizeof bytes);
    }
    return FLY_OK;
}

/* Open a file of the trail. */
static fly_status open_file(fly_env *env, const char *dir, const char *name, unsigned flags,
                            fly_file **file, fly_err *err)
{
    char path[FLY_PATH_MAX];
    fly_status status = fly_path_join(path, sizeof path, dir, name, err);
    return status == FLY_OK ? fly_file_open(env->vfs, path, flags, file, err) : status;
}

/* ------------------------------------------------------------------------- the first key */

static fly_status make_key(fly_auth_audit *audit, fly_err *err)
{
    char text[MAC_TEXT + 1];
    fly_file *file = NULL;
    fly_status status = audit->env->random(audit->env, audit->chain.key, FLY_AUTH_KEY, err);
    if (status == FLY_OK) {
        unsigned flags = FLY_OPEN_WRITE | FLY_OPEN_CREATE | FLY_OPEN_TRUNCATE;
        status = open_file(audit->env, audit->dir, key_name, flags, &file, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    to_hex(audit->chain.key, FLY_AUTH_KEY, text);
    text[MAC_TEXT] = '\n';
    status = fly_file_write(file, 0, text, sizeof text, 0, err);
    status = status == FLY_OK ? fly_file_sync(file, err) : status;
    fly_auth_cleanse(text, sizeof text);
    fly_file_abandon(file);
    return status == FLY_OK ? fly_vfs_sync_dir(audit->env->vfs, audit->dir, err) : status;
}

/* FLY_E_NOT_FOUND: there is no file, or a crash left it short before anything was written. */
static fly_status read_key(fly_env *env, const char *dir, uint8_t key[FLY_AUTH_KEY], fly_err *err)
{
    uint8_t text[MAC_TEXT];
    fly_file *file = NULL;
    size_t len = 0;
    fly_status status = open_file(env, dir, key_name, 0, &file, err);
    if (status == FLY_OK) {
        status = fly_file_read_some(file, 0, text, sizeof text, &len, err);
        fly_file_abandon(file);
    }
    if (status == FLY_OK && !from_hex(fly_bytes_of(text, len), key)) {
        status = fly_err_set(err, FLY_E_NOT_FOUND, "\"%s\" in \"%s\" has no key", key_name, dir);
    }
    fly_auth_cleanse(text, sizeof text);
    return status;
}

/* --------------------------------------------------------------------------- reading */

/*
 * Follow the chain through the file from where `chain` stands, to the first line that is not its next.
 * `*rest`: bytes behind the last good line, up to the end of the file. `*torn`: they have no line's end.
 */
static fly_status follow(fly_env *env, fly_file *file, struct chain *chain, uint64_t *rest,
                         bool *torn, fly_err *err)
{
    uint8_t *buffer = fly_mem_alloc(env->mem, READ);
    uint64_t size = 0;
    bool good = true;
    fly_status status = fly_file_size(file, &size, err);
    if (buffer == NULL) {
        status = fly_err_set(err, FLY_E_NO_MEMORY, "no memory to read an audit trail");
    }
    *torn = false;
    while (status == FLY_OK && good && chain->size < size) {
        size_t len = 0;
        size_t at = 0;
        status = fly_file_read_some(file, chain->size, buffer, READ, &len, err);
        while (status == FLY_OK && good && at < len) {
            const uint8_t *end = memchr(buffer + at, '\n', len - at);
            if (end == NULL) {
                break;
            }
            size_t line = (size_t)(end - buffer) - at + 1;
            status = accept(chain, fly_bytes_of(buffer + at, line), &good, err);
            at += line;
        }
        if (at == 0) { /* no end of a line in as much as a line can have */
            *torn = len < READ;
            break;
        }
    }
    *rest = size > chain->size ? size - chain->size : 0;
    fly_mem_free(env->mem, buffer, READ);
    return status;
}

/* --------------------------------------------------------------------------- writing */

static fly_status sync_locked(fly_auth_audit *audit, fly_err *err)
{
    if (audit->unsynced == 0) {
        return FLY_OK;
    }
    fly_status status = fly_file_sync_data(audit->log, err);
    status = status == FLY_OK ? write_state(audit, err) : status;
    if (status == FLY_OK) {
        audit->unsynced = 0;
        audit->synced_at = audit->env->sched->now(audit->env->sched);
    }
    return status;
}

static fly_status append(fly_auth_audit *audit, const fly_auth_event *event, fly_err *err)
{
    uint8_t mac[FLY_AUTH_KEY];
    char hex[MAC_TEXT];
    fly_bytes body = compose(audit, event);
    fly_status status = mac_of(&audit->chain, body, mac, err);
    if (status != FLY_OK) {
        return status;
    }
    to_hex(mac, sizeof mac, hex);
    struct writer w = {audit->line + body.len, audit->line + sizeof audit->line};
    put_text(&w, ",\"mac\":\"");
    put(&w, hex, sizeof hex);
    put_text(&w, "\"}\n");
    size_t len = (size_t)(w.at - audit->line);
    status = fly_file_write(audit->log, audit->chain.size, audit->line, len, 0, err);
    status = status == FLY_OK ? evolve(&audit->chain, mac, len, err) : status;
    if (status == FLY_OK) {
        uint64_t now = audit->env->sched->now(audit->env->sched);
        audit->unsynced++;
        if (event->durable || audit->unsynced >= audit->options.sync_records ||
            now - audit->synced_at >= (uint64_t)audit->options.sync_ms * MS) {
            status = sync_locked(audit, err);
        }
    }
    return status;
}

fly_status fly_auth_audit_write(fly_auth_audit *audit, const fly_auth_event *event, fly_err *err)
{
    fly_mutex_lock(&audit->mutex);
    fly_status status = audit->stopped
                            ? fly_err_set(err, FLY_E_STOPPED, "the audit trail has stopped")
                            : append(audit, event, err);
    audit->stopped = audit->stopped || status != FLY_OK;
    fly_mutex_unlock(&audit->mutex);
    return status;
}

fly_status fly_auth_audit_sync(fly_auth_audit *audit, fly_err *err)
{
    fly_mutex_lock(&audit->mutex);
    fly_status status = audit->stopped
                            ? fly_err_set(err, FLY_E_STOPPED, "the audit trail has stopped")
                            : sync_locked(audit, err);
    audit->stopped = audit->stopped || status != FLY_OK;
    fly_mutex_unlock(&audit->mutex);
    return status;
}

/* --------------------------------------------------------------------- opening, closing */

static void destroy(fly_auth_audit *audit)
{
    fly_file_abandon(audit->log);
    fly_file_abandon(audit->state);
    fly_mutex_deinit(&audit->mutex);
    fly_auth_cleanse(&audit->chain, sizeof audit->chain);
    fly_mem_free(audit->env->mem, audit, sizeof *audit);
}

/* Where to go on. `*what`: what is to be told about it, or NULL. */
static fly_status resume(fly_auth_audit *audit, const char **what, fly_err *err)
{
    bool found = false;
    bool torn = false;
    uint64_t rest = 0;
    uint64_t size = 0;
    fly_status status = fly_file_size(audit->log, &size, err);
    status = status == FLY_OK ? read_state(audit->state, &audit->chain, &audit->slot, &found, err)
                              : status;
    audit->slot++; /* the other one is next */
    *what = NULL;
    if (status == FLY_OK && !found) {
        status = read_key(audit->env, audit->dir, audit->chain.key, NULL);
        if (status == FLY_E_NOT_FOUND && size > 0) {
            return fly_err_set(err, FLY_E_CORRUPT,
                               "the audit trail in \"%s\" has neither a state nor its first key",
                               audit->dir);
        }
        *what = size > 0 ? "the state was missing" : NULL;
        status = status == FLY_E_NOT_FOUND ? make_key(audit, err) : status;
    }
    if (status != FLY_OK) {
        return status;
    }
    if (size < audit->chain.size) {
        /* Go on behind what is there: the line numbers tell that some are missing. */
        *what = "lines are missing at the end";
        audit->chain.size = size;
        return FLY_OK;
    }
    status = follow(audit->env, audit->log, &audit->chain, &rest, &torn, err);
    if (status == FLY_OK && rest > 0) {
        /* Lines since the state were acknowledged as written, not as durable: power may have gone, and
         * taken parts of several. */
        *what = "what was being written was cut off";
        return fly_file_truncate(audit->log, audit->chain.size, err);
    }
    return status;
}

fly_status fly_auth_audit_open(fly_env *env, const char *dir, const fly_auth_audit_options *options,
                               fly_auth_audit **audit, fly_err *err)
{
    const char *what = NULL;
    size_t len = strlen(dir);
    if (len >= FLY_PATH_MAX) {
        return fly_err_set(err, FLY_E_TOO_LARGE, "the directory's name is too long");
    }
    fly_auth_audit *made = fly_mem_calloc(env->mem, 1, sizeof *made);
    if (made == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for an audit trail");
    }
    made->env = env;
    made->options = options != NULL ? *options : (fly_auth_audit_options){0};
    made->options.sync_records = made->options.sync_records > 0 ? made->options.sync_records : 256;
    made->options.sync_ms = made->options.sync_ms > 0 ? made->options.sync_ms : 1000;
    memcpy(made->dir, dir, len + 1);
    fly_mutex_init(&made->mutex, "audit trail", 800);
    unsigned flags = FLY_OPEN_WRITE | FLY_OPEN_CREATE;
    fly_status status = open_file(env, dir, log_name, flags, &made->log, err);
    status = status == FLY_OK ? open_file(env, dir, state_name, flags, &made->state, err) : status;
    status = status == FLY_OK ? fly_file_lock(made->state, err) : status;
    status = status == FLY_OK ? resume(made, &what, err) : status;
    status = status == FLY_OK ? fly_vfs_sync_dir(env->vfs, dir, err) : status;
    if (status == FLY_OK) {
        fly_auth_event event = {.event = what != NULL ? "resumed" : "opened",
                                .severity = what != NULL ? "warning" : NULL,
                                .text = what != NULL ? fly_bytes_str(what) : (fly_bytes){0},
                                .durable = true};
        status = fly_auth_audit_write(made, &event, err);
    }
    if (status != FLY_OK) {
        destroy(made);
        return fly_err_prefix(err, status, "open the audit trail");
    }
    *audit = made;
    return FLY_OK;
}

fly_status fly_auth_audit_close(fly_auth_audit *audit, fly_err *err)
{
    if (audit == NULL) {
        return FLY_OK;
    }
    fly_status status = audit->stopped ? FLY_OK : fly_auth_audit_sync(audit, err);
    destroy(audit);
    return status;
}

/* -------------------------------------------------------------------------- verifying */

/* Whether the state is where the chain has led, or before it. */
static fly_status compare_state(fly_env *env, const char *dir, const struct chain *chain,
                                fly_err *err)
{
    struct chain kept = {0};
    fly_file *file = NULL;
    uint64_t slot = 0;
    bool found = false;
    fly_status status = open_file(env, dir, state_name, 0, &file, NULL);
    if (status == FLY_E_NOT_FOUND) {
        return FLY_OK; /* a copy of the lines alone */
    }
    status = status == FLY_OK ? read_state(file, &kept, &slot, &found, err) : status;
    fly_file_abandon(file);
    if (status == FLY_OK && found &&
        (kept.n > chain->n ||
         (kept.n == chain->n && !fly_auth_equal(kept.key, chain->key, FLY_AUTH_KEY)))) {
        status = fly_err_set(err, FLY_E_CORRUPT,
                             "the audit trail ends with line %" PRIu64 " of %" PRIu64, chain->n,
                             kept.n);
    }
    fly_auth_cleanse(&kept, sizeof kept);
    return status;
}

fly_status fly_auth_audit_verify(fly_env *env, const char *dir, const char *key,
                                 fly_auth_audit_report *report, fly_err *err)
{
    struct chain chain = {0};
    fly_file *file = NULL;
    uint64_t rest = 0;
    bool torn = false;
    fly_status status = FLY_OK;
    if (key == NULL) {
        status = read_key(env, dir, chain.key, err);
    } else if (!from_hex(fly_bytes_of(key, strcspn(key, "\r\n \t")), chain.key)) {
        status = fly_err_set(err, FLY_E_KEY, "the key of an audit trail has %d hexadecimal digits",
                             MAC_TEXT);
    }
    status = status == FLY_OK ? open_file(env, dir, log_name, 0, &file, err) : status;
    status = status == FLY_OK ? follow(env, file, &chain, &rest, &torn, err) : status;
    fly_file_abandon(file);
    if (status == FLY_OK) {
        *report = (fly_auth_audit_report){.lines = chain.n};
        if (rest > 0) {
            report->broken = chain.n + 1;
            status = fly_err_set(err, FLY_E_CORRUPT,
                                 "line %" PRIu64 " of the audit trail is not as it was written%s",
                                 chain.n + 1, torn ? ": it has no end" : "");
        } else {
            status = compare_state(env, dir, &chain, err);
        }
    }
    fly_auth_cleanse(&chain, sizeof chain);
    return status;
}
