/*
 * Time zones: from TZif files and POSIX specifications to "which offset holds when".
 *
 *     before at[0]        type 0, or the first that is no daylight saving time
 *     at[i] .. at[i+1]    type[i]
 *     from at[last]       the rule of the file's last line, if it has one; else type[last]
 *
 * What is not here: leap seconds (zones with them are refused, as their clocks differ from ours), and a
 * cache: whoever loads a zone keeps it.
 * @source RFC 8536; POSIX.1-2017, Base Definitions 8.3, for the rule.
 */
#include "time_int.h"

#include <fly/base_bytes.h>

#include <stdio.h>
#include <string.h>

/* When a rule changes the clocks. */
typedef struct change {
    char kind; /* 'M': month, week, day; 'J': day 1 to 365 without Feb 29; 'D': day 0 to 365 */
    int month, week, day;
    int32_t time; /* seconds of local time */
} change;

typedef struct rule {
    bool used;
    bool has_dst;
    fly_vec_tz_info std, dst;
    change start, end; /* of daylight saving time */
} rule;

struct fly_vec_tz {
    fly_mem *mem;
    size_t size;
    char *name;
    uint32_t count; /* of `at` and `type` */
    uint32_t types;
    int64_t *at;
    uint8_t *type;
    fly_vec_tz_info *info;
    rule rule;
};

/* ------------------------------------------------------------ POSIX specifications */

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(int c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static const char *read_name(const char *at, char *out)
{
    size_t n = 0;
    bool quoted = *at == '<';
    at += quoted;
    while (quoted ? *at != '>' && *at != '\0' : is_alpha(*at)) {
        if (n == 15) {
            return NULL;
        }
        out[n++] = *at++;
    }
    out[n] = '\0';
    if (n < 1 || (quoted && *at++ != '>')) {
        return NULL;
    }
    return at;
}

static const char *read_int(const char *at, int most, int *out)
{
    int x = 0;
    if (!is_digit(*at)) {
        return NULL;
    }
    for (; is_digit(*at); at++) {
        x = x * 10 + (*at - '0');
        if (x > most) {
            return NULL;
        }
    }
    *out = x;
    return at;
}

/* [+-]hh[:mm[:ss]] */
static const char *read_time(const char *at, int32_t *out)
{
    int sign = *at == '-' ? -1 : 1;
    int hour = 0;
    int minute = 0;
    int second = 0;
    at += *at == '-' || *at == '+';
    at = read_int(at, 167, &hour);
    if (at != NULL && *at == ':') {
        at = read_int(at + 1, 59, &minute);
        if (at != NULL && *at == ':') {
            at = read_int(at + 1, 59, &second);
        }
    }
    *out = sign * (hour * 3600 + minute * 60 + second);
    return at;
}

static const char *read_change(const char *at, change *out)
{
    *out = (change){.time = 7200};
    if (*at == 'M') {
        out->kind = 'M';
        at = read_int(at + 1, 12, &out->month);
        if (at == NULL || out->month < 1 || *at != '.') {
            return NULL;
        }
        at = read_int(at + 1, 5, &out->week);
        if (at == NULL || out->week < 1 || *at != '.') {
            return NULL;
        }
        at = read_int(at + 1, 6, &out->day);
    } else {
        out->kind = *at == 'J' ? 'J' : 'D';
        at = read_int(at + (*at == 'J'), 365, &out->day);
    }
    return at != NULL && *at == '/' ? read_time(at + 1, &out->time) : at;
}

static bool read_rule(const char *at, rule *r)
{
    memset(r, 0, sizeof *r);
    int32_t west;
    at = read_name(at, r->std.abbrev);
    at = at != NULL ? read_time(at, &west) : NULL;
    if (at == NULL) {
        return false;
    }
    r->used = true;
    r->std.east = -west;
    if (*at == '\0') {
        return true;
    }
    at = read_name(at, r->dst.abbrev);
    if (at == NULL) {
        return false;
    }
    r->has_dst = r->dst.dst = true;
    r->dst.east = r->std.east + 3600;
    if (*at != ',' && *at != '\0') {
        at = read_time(at, &west);
        r->dst.east = -west;
    }
    if (at != NULL && *at == '\0') {
        at = ",M3.2.0,M11.1.0";
    }
    if (at == NULL || *at != ',') {
        return false;
    }
    at = read_change(at + 1, &r->start);
    if (at == NULL || *at != ',') {
        return false;
    }
    at = read_change(at + 1, &r->end);
    return at != NULL && *at == '\0';
}

/* The day of a change in a year, since 1970. */
static int64_t change_day(const change *c, int32_t year)
{
    if (c->kind == 'J') {
        return fly_vec_civil_days(year, 1, 1) + c->day - 1 +
               (fly__vec_time_leap(year) && c->day >= 60);
    }
    if (c->kind == 'D') {
        return fly_vec_civil_days(year, 1, 1) + c->day;
    }
    int64_t first = fly_vec_civil_days(year, c->month, 1);
    int skip = (c->day - fly_vec_weekday(first) + 7) % 7 + (c->week - 1) * 7;
    if (skip >= fly__vec_time_month_days(year, c->month)) {
        skip -= 7;
    }
    return first + skip;
}

/* When, in UTC, daylight saving time begins and ends in a year. */
static void rule_year(const rule *r, int32_t year, int64_t *start, int64_t *end)
{
    *start = change_day(&r->start, year) * 86400 + r->start.time - r->std.east;
    *end = change_day(&r->end, year) * 86400 + r->end.time - r->dst.east;
}

static int32_t year_of(int64_t seconds)
{
    fly_vec_civil c;
    fly_vec_days_civil(fly__vec_time_floor(seconds, 86400), &c);
    return c.year;
}

static const fly_vec_tz_info *rule_at(const rule *r, int64_t seconds)
{
    if (!r->has_dst) {
        return &r->std;
    }
    int64_t start;
    int64_t end;
    rule_year(r, year_of(seconds + r->std.east), &start, &end);
    bool dst = start < end ? seconds >= start && seconds < end
                           : !(seconds >= end && seconds < start);
    return dst ? &r->dst : &r->std;
}

/* ------------------------------------------------------------------ TZif files */

enum { TZIF_HEADER = 44 };

/* The six counts, in the order of the header. */
typedef struct counts {
    uint32_t isut, isstd, leap, time, type, text;
} counts;

static uint32_t be32(const uint8_t *at)
{
    return fly_get_u32be(at);
}

static bool read_counts(fly_bytes b, size_t at, counts *c)
{
    if (b.len < at || b.len - at < TZIF_HEADER || memcmp(b.data + at, "TZif", 4) != 0) {
        return false;
    }
    const uint8_t *p = b.data + at + 20;
    *c = (counts){be32(p), be32(p + 4), be32(p + 8), be32(p + 12), be32(p + 16), be32(p + 20)};
    return c->isut <= 256 && c->isstd <= 256 && c->leap <= 1000 && c->time <= 100000 &&
           c->type >= 1 && c->type <= 256 && c->text >= 1 && c->text <= 10000;
}

static size_t body_size(const counts *c, size_t width)
{
    return c->time * width + c->time + c->type * (size_t)6 + c->text + c->leap * (width + 4) +
           c->isstd + c->isut;
}

static fly_status bad_file(fly_err *err, fly_bytes name)
{
    return fly__vec_time_error_text(err, "22023", "time zone \"%s\" has a damaged file", name);
}

static fly_vec_tz *new_zone(fly_bytes name, uint32_t count, uint32_t types, fly_mem *mem)
{
    size_t size = sizeof(fly_vec_tz) + count * sizeof(int64_t) + types * sizeof(fly_vec_tz_info) +
                  count + name.len + 1;
    fly_vec_tz *tz = fly_mem_alloc(mem, size);
    if (tz == NULL) {
        return NULL;
    }
    memset(tz, 0, size);
    tz->mem = mem;
    tz->size = size;
    tz->count = count;
    tz->types = types;
    tz->at = (int64_t *)(void *)(tz + 1);
    tz->info = (fly_vec_tz_info *)(void *)(tz->at + count);
    tz->type = (uint8_t *)(tz->info + types);
    tz->name = (char *)(tz->type + count);
    if (name.len > 0) {
        memcpy(tz->name, name.data, name.len);
    }
    return tz;
}

static bool fill_zone(fly_vec_tz *tz, const uint8_t *at, const counts *c, size_t width)
{
    for (uint32_t i = 0; i < c->time; i++, at += width) {
        tz->at[i] = width == 8 ? (int64_t)fly_get_u64be(at) : (int32_t)be32(at);
        if (i > 0 && tz->at[i] <= tz->at[i - 1]) {
            return false;
        }
    }
    for (uint32_t i = 0; i < c->time; i++) {
        tz->type[i] = *at++;
        if (tz->type[i] >= c->type) {
            return false;
        }
    }
    const uint8_t *text = at + c->type * (size_t)6;
    for (uint32_t i = 0; i < c->type; i++, at += 6) {
        tz->info[i].east = (int32_t)be32(at);
        tz->info[i].dst = at[4] != 0;
        if (at[5] >= c->text || tz->info[i].east < -100000 || tz->info[i].east > 100000) {
            return false;
        }
        size_t room = c->text - at[5];
        const uint8_t *end = memchr(text + at[5], 0, room);
        size_t len = end == NULL ? room : (size_t)(end - (text + at[5]));
        len = len < 15 ? len : 15;
        memcpy(tz->info[i].abbrev, text + at[5], len);
    }
    return true;
}

fly_status fly_vec_tz_decode(fly_bytes file, fly_bytes name, fly_mem *mem, fly_vec_tz **out,
                             fly_err *err)
{
    counts c;
    size_t at = 0;
    size_t width = 4;
    if (!read_counts(file, 0, &c)) {
        return bad_file(err, name);
    }
    if (file.data[4] >= '2') {
        at = TZIF_HEADER + body_size(&c, 4);
        width = 8;
        if (!read_counts(file, at, &c)) {
            return bad_file(err, name);
        }
    }
    size_t body = at + TZIF_HEADER;
    if (file.len - body < body_size(&c, width) || c.leap != 0) {
        return bad_file(err, name);
    }
    fly_vec_tz *tz = new_zone(name, c.time, c.type, mem);
    if (tz == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a time zone");
    }
    bool good = fill_zone(tz, file.data + body, &c, width);
    size_t foot = body + body_size(&c, width);
    if (good && width == 8 && foot < file.len && file.data[foot] == '\n') {
        char line[128];
        const uint8_t *from = file.data + foot + 1;
        const uint8_t *end = memchr(from, '\n', file.len - foot - 1);
        size_t len = end == NULL ? 0 : (size_t)(end - from);
        if (len > 0 && len < sizeof line) {
            memcpy(line, from, len);
            line[len] = '\0';
            good = read_rule(line, &tz->rule);
        }
    }
    if (!good) {
        fly_vec_tz_destroy(tz);
        return bad_file(err, name);
    }
    *out = tz;
    return FLY_OK;
}

static fly_status not_recognized(fly_err *err, fly_bytes name)
{
    (void)fly__vec_time_error_text(err, "22023", "time zone \"%s\" not recognized", name);
    return FLY_E_NOT_FOUND;
}

/* Finds a name in a folder without minding case. */
typedef struct hunt {
    const char *want;
    size_t len;
    char found[64];
} hunt;

static int lower(int c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static void compare_name(void *ctx, const char *name)
{
    hunt *h = ctx;
    size_t n = strlen(name);
    if (n != h->len || n >= sizeof h->found) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (lower(name[i]) != lower(h->want[i])) {
            return;
        }
    }
    memcpy(h->found, name, n + 1);
}

/* The path of a zone's file below `dir`, component by component; false if there is none. */
static bool find_path(fly_vfs *vfs, const char *dir, const char *name, char *path, size_t room)
{
    size_t at = (size_t)snprintf(path, room, "%s", dir);
    while (at < room && *name != '\0') {
        hunt h = {name, strcspn(name, "/"), ""};
        if (h.len == 0 || name[0] == '.' ||
            fly_vfs_list(vfs, path, compare_name, &h, NULL) != FLY_OK || h.found[0] == '\0') {
            return false;
        }
        at += (size_t)snprintf(path + at, room - at, "/%s", h.found);
        name += h.len;
        name += *name == '/' && name[1] != '\0';
    }
    return at < room;
}

static fly_status read_zone(fly_vfs *vfs, const char *path, fly_bytes name, fly_mem *mem,
                            fly_vec_tz **out, fly_err *err)
{
    enum { FILE_MAX = 200000 };
    fly_file *file;
    uint64_t size = 0;
    uint8_t *bytes = NULL;
    fly_status status = fly_file_open(vfs, path, 0, &file, err);
    if (status != FLY_OK) {
        return status;
    }
    if ((status = fly_file_size(file, &size, err)) != FLY_OK) {
        goto out;
    }
    if (size > FILE_MAX) {
        status = bad_file(err, name);
        goto out;
    }
    bytes = fly_mem_alloc(mem, (size_t)size);
    if (bytes == NULL) {
        status = fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a time zone");
        goto out;
    }
    if ((status = fly_file_read(file, 0, bytes, (size_t)size, err)) == FLY_OK) {
        status = fly_vec_tz_decode(fly_bytes_of(bytes, (size_t)size), name, mem, out, err);
    }
out:
    fly_mem_free(mem, bytes, (size_t)size);
    fly_file_abandon(file);
    return status;
}

fly_status fly_vec_tz_load(fly_vfs *vfs, const char *dir, fly_bytes name, fly_mem *mem,
                           fly_vec_tz **out, fly_err *err)
{
    char path[512];
    char copy[128];
    rule r;
    if (name.len == 0 || name.len >= sizeof copy || memchr(name.data, 0, name.len) != NULL) {
        return not_recognized(err, name);
    }
    memcpy(copy, name.data, name.len);
    copy[name.len] = '\0';
    if (find_path(vfs, dir, copy, path, sizeof path)) {
        fly_status status =
            read_zone(vfs, path, fly_bytes_str(path + strlen(dir) + 1), mem, out, NULL);
        if (status == FLY_OK || status == FLY_E_NO_MEMORY) {
            return status;
        }
    }
    bool utc = name.len == 3 && ((lower(copy[0]) == 'u' && lower(copy[1]) == 't') ||
                                 (lower(copy[0]) == 'g' && lower(copy[1]) == 'm'));
    if (utc) {
        return fly_vec_tz_fixed(0, mem, out, err);
    }
    for (size_t i = 0; i < name.len; i++) {
        copy[i] = copy[i] >= 'a' && copy[i] <= 'z' ? (char)(copy[i] - 32) : copy[i];
    }
    if (!read_rule(copy, &r)) {
        return not_recognized(err, name);
    }
    fly_vec_tz *tz = new_zone(fly_bytes_str(copy), 0, 0, mem);
    if (tz == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a time zone");
    }
    tz->rule = r;
    *out = tz;
    return FLY_OK;
}

fly_status fly_vec_tz_fixed(int32_t east, fly_mem *mem, fly_vec_tz **out, fly_err *err)
{
    char name[48] = "UTC";
    char abbrev[16] = "UTC";
    if (east != 0) {
        int32_t size = east < 0 ? -east : east;
        int n = snprintf(abbrev, sizeof abbrev, "%c%02d", east < 0 ? '-' : '+', size / 3600 % 100);
        if (size % 3600 != 0) {
            n += snprintf(abbrev + n, sizeof abbrev - (size_t)n, ":%02d", size / 60 % 60);
        }
        if (size % 60 != 0) {
            (void)snprintf(abbrev + n, sizeof abbrev - (size_t)n, ":%02d", size % 60);
        }
        abbrev[0] = east < 0 ? '-' : '+';
        (void)snprintf(name, sizeof name, "<%s>%c%s", abbrev, east < 0 ? '+' : '-', abbrev + 1);
    }
    fly_vec_tz *tz = new_zone(fly_bytes_str(name), 0, 0, mem);
    if (tz == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a time zone");
    }
    tz->rule.used = true;
    tz->rule.std.east = east;
    memcpy(tz->rule.std.abbrev, abbrev, sizeof abbrev);
    *out = tz;
    return FLY_OK;
}

void fly_vec_tz_destroy(fly_vec_tz *tz)
{
    if (tz != NULL) {
        fly_mem_free(tz->mem, tz, tz->size);
    }
}

const char *fly_vec_tz_name(const fly_vec_tz *tz)
{
    return tz == NULL ? "UTC" : tz->name;
}

/* ------------------------------------------------------------------- looking up */

/* How many changes are at or before an instant. */
static uint32_t changes_until(const fly_vec_tz *tz, int64_t seconds)
{
    uint32_t low = 0;
    uint32_t high = tz->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (tz->at[middle] <= seconds) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static const fly_vec_tz_info *info_at(const fly_vec_tz *tz, int64_t seconds)
{
    uint32_t n = changes_until(tz, seconds);
    if (tz->rule.used && n == tz->count) {
        return rule_at(&tz->rule, seconds);
    }
    if (n > 0) {
        return &tz->info[tz->type[n - 1]];
    }
    for (uint32_t i = 0; i < tz->types; i++) {
        if (!tz->info[i].dst) {
            return &tz->info[i];
        }
    }
    return &tz->info[0];
}

/* The first change after an instant; false if there is none. */
static bool next_change(const fly_vec_tz *tz, int64_t seconds, int64_t *at)
{
    uint32_t n = changes_until(tz, seconds);
    if (n < tz->count) {
        *at = tz->at[n];
        return true;
    }
    if (!tz->rule.used || !tz->rule.has_dst) {
        return false;
    }
    int32_t year = year_of(seconds);
    int64_t best = INT64_MAX;
    for (int32_t y = year - 1; y <= year + 1; y++) {
        int64_t when[2];
        rule_year(&tz->rule, y, &when[0], &when[1]);
        for (int i = 0; i < 2; i++) {
            if (when[i] > seconds && when[i] < best) {
                best = when[i];
            }
        }
    }
    *at = best;
    return best != INT64_MAX;
}

void fly_vec_tz_at(const fly_vec_tz *tz, int64_t seconds, fly_vec_tz_info *info)
{
    if (tz == NULL) {
        *info = (fly_vec_tz_info){0, false, "UTC"};
        return;
    }
    *info = *info_at(tz, seconds);
}

int32_t fly_vec_tz_local(const fly_vec_tz *tz, int64_t local)
{
    if (tz == NULL) {
        return 0;
    }
    int64_t before = local - 86400;
    int64_t boundary;
    int32_t east = info_at(tz, before)->east;
    if (!next_change(tz, before, &boundary)) {
        return east;
    }
    int32_t after = info_at(tz, boundary)->east;
    int64_t as_before = local - east;
    int64_t as_after = local - after;
    if (as_before < boundary && as_after < boundary) {
        return east;
    }
    if (as_before > boundary && as_after >= boundary) {
        return after;
    }
    return as_before > as_after ? east : after;
}

bool fly__vec_tz_constant(const fly_vec_tz *tz, int32_t *east)
{
    *east = tz->types > 0 ? tz->info[0].east : tz->rule.std.east;
    for (uint32_t i = 1; i < tz->types; i++) {
        if (tz->info[i].east != *east) {
            return false;
        }
    }
    return !tz->rule.used || (!tz->rule.has_dst && tz->rule.std.east == *east);
}

bool fly__vec_tz_abbrev(const fly_vec_tz *tz, const char *abbrev, int64_t local, int32_t *east)
{
    char upper[16];
    size_t n = strlen(abbrev);
    if (tz == NULL || n >= sizeof upper) {
        return false;
    }
    for (size_t i = 0; i <= n; i++) {
        upper[i] = abbrev[i] >= 'a' && abbrev[i] <= 'z' ? (char)(abbrev[i] - 32) : abbrev[i];
    }
    if (tz->rule.used && changes_until(tz, local) == tz->count) {
        const fly_vec_tz_info *two[] = {&tz->rule.std, &tz->rule.dst};
        for (int i = 0; i < 2; i++) {
            if (strcmp(two[i]->abbrev, upper) == 0) {
                *east = two[i]->east;
                return true;
            }
        }
    }
    /* The last time before that it was in use, else the first time after. */
    uint32_t until = changes_until(tz, local);
    for (uint32_t i = 0; i < tz->count; i++) {
        uint32_t k = i < until ? until - 1 - i : i;
        if (strcmp(tz->info[tz->type[k]].abbrev, upper) == 0) {
            *east = tz->info[tz->type[k]].east;
            return true;
        }
    }
    for (uint32_t i = 0; i < tz->types; i++) {
        if (strcmp(tz->info[i].abbrev, upper) == 0) {
            *east = tz->info[i].east;
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------- abbreviations */

/* Those that PostgreSQL knows without being configured. Sorted. */
static const fly__vec_abbrev abbrevs[] = {
    {"acdt", 37800, true, NULL},
    {"acsst", 37800, true, NULL},
    {"acst", 34200, false, NULL},
    {"act", -18000, false, NULL},
    {"acwst", 31500, false, NULL},
    {"adt", -10800, true, NULL},
    {"aedt", 39600, true, NULL},
    {"aesst", 39600, true, NULL},
    {"aest", 36000, false, NULL},
    {"aft", 16200, false, NULL},
    {"akdt", -28800, true, NULL},
    {"akst", -32400, false, NULL},
    {"almst", 25200, true, NULL},
    {"almt", 21600, false, NULL},
    {"amst", 0, false, "Asia/Yerevan"},
    {"amt", -14400, false, NULL},
    {"anast", 0, false, "Asia/Anadyr"},
    {"anat", 0, false, "Asia/Anadyr"},
    {"arst", 0, false, "America/Argentina/Buenos_Aires"},
    {"art", 0, false, "America/Argentina/Buenos_Aires"},
    {"ast", -14400, false, NULL},
    {"awsst", 32400, true, NULL},
    {"awst", 28800, false, NULL},
    {"azost", 0, true, NULL},
    {"azot", -3600, false, NULL},
    {"azst", 0, false, "Asia/Baku"},
    {"azt", 0, false, "Asia/Baku"},
    {"bdst", 7200, true, NULL},
    {"bdt", 21600, false, NULL},
    {"bnt", 28800, false, NULL},
    {"bort", 28800, false, NULL},
    {"bot", -14400, false, NULL},
    {"bra", -10800, false, NULL},
    {"brst", -7200, true, NULL},
    {"brt", -10800, false, NULL},
    {"bst", 3600, true, NULL},
    {"btt", 21600, false, NULL},
    {"cadt", 37800, true, NULL},
    {"cast", 34200, false, NULL},
    {"cct", 28800, false, NULL},
    {"cdt", -18000, true, NULL},
    {"cest", 7200, true, NULL},
    {"cet", 3600, false, NULL},
    {"cetdst", 7200, true, NULL},
    {"chadt", 49500, true, NULL},
    {"chast", 45900, false, NULL},
    {"chut", 36000, false, NULL},
    {"ckt", 0, false, "Pacific/Rarotonga"},
    {"clst", -10800, true, NULL},
    {"clt", 0, false, "America/Santiago"},
    {"cot", -18000, false, NULL},
    {"cst", -21600, false, NULL},
    {"cxt", 25200, false, NULL},
    {"davt", 0, false, "Antarctica/Davis"},
    {"ddut", 36000, false, NULL},
    {"easst", 0, false, "Pacific/Easter"},
    {"east", 0, false, "Pacific/Easter"},
    {"eat", 10800, false, NULL},
    {"edt", -14400, true, NULL},
    {"eest", 10800, true, NULL},
    {"eet", 7200, false, NULL},
    {"eetdst", 10800, true, NULL},
    {"egst", 0, true, NULL},
    {"egt", -3600, false, NULL},
    {"est", -18000, false, NULL},
    {"fet", 10800, false, NULL},
    {"fjst", 46800, true, NULL},
    {"fjt", 43200, false, NULL},
    {"fkst", 0, false, "Atlantic/Stanley"},
    {"fkt", 0, false, "Atlantic/Stanley"},
    {"fnst", -3600, true, NULL},
    {"fnt", -7200, false, NULL},
    {"galt", -21600, false, NULL},
    {"gamt", -32400, false, NULL},
    {"gest", 0, false, "Asia/Tbilisi"},
    {"get", 0, false, "Asia/Tbilisi"},
    {"gft", -10800, false, NULL},
    {"gilt", 43200, false, NULL},
    {"gmt", 0, false, NULL},
    {"gyt", 0, false, "America/Guyana"},
    {"hkt", 28800, false, NULL},
    {"hst", -36000, false, NULL},
    {"ict", 25200, false, NULL},
    {"idt", 10800, true, NULL},
    {"iot", 0, false, "Indian/Chagos"},
    {"irkst", 0, false, "Asia/Irkutsk"},
    {"irkt", 0, false, "Asia/Irkutsk"},
    {"irt", 12600, false, NULL},
    {"ist", 7200, false, NULL},
    {"jayt", 32400, false, NULL},
    {"jst", 32400, false, NULL},
    {"kdt", 36000, true, NULL},
    {"kgst", 21600, true, NULL},
    {"kgt", 0, false, "Asia/Bishkek"},
    {"kost", 0, false, "Pacific/Kosrae"},
    {"krast", 0, false, "Asia/Krasnoyarsk"},
    {"krat", 0, false, "Asia/Krasnoyarsk"},
    {"kst", 32400, false, NULL},
    {"lhdt", 0, false, "Australia/Lord_Howe"},
    {"lhst", 37800, false, NULL},
    {"ligt", 36000, false, NULL},
    {"lint", 0, false, "Pacific/Kiritimati"},
    {"lkt", 0, false, "Asia/Colombo"},
    {"magst", 0, false, "Asia/Magadan"},
    {"magt", 0, false, "Asia/Magadan"},
    {"mart", -34200, false, NULL},
    {"mawt", 0, false, "Antarctica/Mawson"},
    {"mdt", -21600, true, NULL},
    {"mest", 7200, true, NULL},
    {"mesz", 7200, true, NULL},
    {"met", 3600, false, NULL},
    {"metdst", 7200, true, NULL},
    {"mez", 3600, false, NULL},
    {"mht", 43200, false, NULL},
    {"mmt", 23400, false, NULL},
    {"mpt", 36000, false, NULL},
    {"msd", 14400, true, NULL},
    {"msk", 0, false, "Europe/Moscow"},
    {"mst", -25200, false, NULL},
    {"must", 18000, true, NULL},
    {"mut", 14400, false, NULL},
    {"mvt", 18000, false, NULL},
    {"myt", 28800, false, NULL},
    {"ndt", -9000, true, NULL},
    {"nft", -12600, false, NULL},
    {"novst", 0, false, "Asia/Novosibirsk"},
    {"novt", 0, false, "Asia/Novosibirsk"},
    {"npt", 20700, false, NULL},
    {"nst", -12600, false, NULL},
    {"nut", 0, false, "Pacific/Niue"},
    {"nzdt", 46800, true, NULL},
    {"nzst", 43200, false, NULL},
    {"nzt", 43200, false, NULL},
    {"omsst", 0, false, "Asia/Omsk"},
    {"omst", 0, false, "Asia/Omsk"},
    {"pdt", -25200, true, NULL},
    {"pet", -18000, false, NULL},
    {"petst", 0, false, "Asia/Kamchatka"},
    {"pett", 0, false, "Asia/Kamchatka"},
    {"pgt", 36000, false, NULL},
    {"pht", 28800, false, NULL},
    {"pkst", 21600, true, NULL},
    {"pkt", 18000, false, NULL},
    {"pmdt", -7200, true, NULL},
    {"pmst", -10800, false, NULL},
    {"pont", 39600, false, NULL},
    {"pst", -28800, false, NULL},
    {"pwt", 32400, false, NULL},
    {"pyst", -10800, true, NULL},
    {"pyt", 0, false, "America/Asuncion"},
    {"ret", 14400, false, NULL},
    {"sadt", 37800, true, NULL},
    {"sast", 7200, false, NULL},
    {"sct", 14400, false, NULL},
    {"sgt", 0, false, "Asia/Singapore"},
    {"taht", -36000, false, NULL},
    {"tft", 18000, false, NULL},
    {"tjt", 18000, false, NULL},
    {"tkt", 0, false, "Pacific/Fakaofo"},
    {"tmt", 0, false, "Asia/Ashgabat"},
    {"tot", 46800, false, NULL},
    {"trut", 36000, false, NULL},
    {"tvt", 43200, false, NULL},
    {"uct", 0, false, NULL},
    {"ulast", 32400, true, NULL},
    {"ulat", 0, false, "Asia/Ulaanbaatar"},
    {"ut", 0, false, NULL},
    {"utc", 0, false, NULL},
    {"uyst", -7200, true, NULL},
    {"uyt", -10800, false, NULL},
    {"uzst", 21600, true, NULL},
    {"uzt", 18000, false, NULL},
    {"vet", 0, false, "America/Caracas"},
    {"vlast", 0, false, "Asia/Vladivostok"},
    {"vlat", 0, false, "Asia/Vladivostok"},
    {"volt", 0, false, "Europe/Volgograd"},
    {"vut", 39600, false, NULL},
    {"wadt", 28800, true, NULL},
    {"wakt", 43200, false, NULL},
    {"wast", 25200, false, NULL},
    {"wat", 3600, false, NULL},
    {"wdt", 32400, true, NULL},
    {"wet", 0, false, NULL},
    {"wetdst", 3600, true, NULL},
    {"wft", 43200, false, NULL},
    {"wgst", -7200, true, NULL},
    {"wgt", -10800, false, NULL},
    {"xjt", 21600, false, NULL},
    {"yakst", 0, false, "Asia/Yakutsk"},
    {"yakt", 0, false, "Asia/Yakutsk"},
    {"yapt", 36000, false, NULL},
    {"yekst", 21600, true, NULL},
    {"yekt", 0, false, "Asia/Yekaterinburg"},
    {"z", 0, false, NULL},
    {"zulu", 0, false, NULL},
};

const fly__vec_abbrev *fly__vec_abbrev_find(const char *lower)
{
    size_t low = 0;
    size_t high = sizeof abbrevs / sizeof abbrevs[0];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(lower, abbrevs[middle].name);
        if (order == 0) {
            return &abbrevs[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

const char *fly__vec_time_offset(const char *text, int32_t *east)
{
    const char *at = text + 1;
    int hour;
    int minute = 0;
    int second = 0;
    if ((text[0] != '+' && text[0] != '-') || !is_digit(*at)) {
        return "22007";
    }
    at = read_int(at, 100000000, &hour);
    if (at == NULL) {
        return "22009";
    }
    if (*at == ':') {
        at = read_int(at + 1, 1000000, &minute);
        if (at != NULL && *at == ':') {
            at = read_int(at + 1, 1000000, &second);
        }
    } else if (*at == '\0' && at - text > 3) {
        minute = hour % 100;
        hour /= 100;
    }
    if (at == NULL) {
        return "22007";
    }
    if (hour > 15 || minute > 59 || second > 59) {
        return "22009";
    }
    *east = hour * 3600 + minute * 60 + second;
    *east = text[0] == '-' ? -*east : *east;
    return *at == '\0' ? NULL : "22007";
}
