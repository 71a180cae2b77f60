/*
 * Reading the index: the whole file into memory, then one pass that remembers where things are.
 *
 * What is not here: comparing versions, architectures, virtual packages. It is a demonstration of a
 * store, not of a package manager.
 */
#include "index.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------ the text */

static fly_status read_stream(FILE *file, demo_index *index, fly_err *err)
{
    size_t room = 0;
    for (;;) {
        if (index->text_len == room) {
            room = room == 0 ? (size_t)1 << 20 : room * 2;
            char *larger = realloc(index->text, room);
            if (larger == NULL) {
                return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
            }
            index->text = larger;
        }
        size_t got = fread(index->text + index->text_len, 1, room - index->text_len, file);
        if (got == 0) {
            return ferror(file) ? fly_err_os(err, FLY_E_IO, errno, "read package index") : FLY_OK;
        }
        index->text_len += got;
    }
}

static fly_bytes trim(fly_bytes span)
{
    while (span.len > 0 && (span.data[0] == ' ' || span.data[0] == '\t' || span.data[0] == '\n')) {
        span.data++;
        span.len--;
    }
    while (span.len > 0 && (span.data[span.len - 1] == ' ' || span.data[span.len - 1] == '\t' ||
                            span.data[span.len - 1] == '\n')) {
        span.len--;
    }
    return span;
}

/* Where the field that begins at `at` ends: lines that begin with a blank belong to it. */
static size_t field_end(const demo_index *index, size_t at)
{
    for (;;) {
        const char *newline = memchr(index->text + at, '\n', index->text_len - at);
        if (newline == NULL) {
            return index->text_len;
        }
        at = (size_t)(newline - index->text) + 1;
        if (at == index->text_len || (index->text[at] != ' ' && index->text[at] != '\t')) {
            return at;
        }
    }
}

static uint64_t number(fly_bytes digits)
{
    uint64_t value = 0;
    for (size_t i = 0; i < digits.len && digits.data[i] >= '0' && digits.data[i] <= '9'; i++) {
        value = value > UINT32_MAX ? value : value * 10 + (uint64_t)(digits.data[i] - '0');
    }
    return value;
}

static void take_field(demo_package *package, fly_bytes line)
{
    const uint8_t *colon = memchr(line.data, ':', line.len);
    if (colon == NULL) {
        return;
    }
    fly_bytes name = fly_bytes_of(line.data, (size_t)(colon - line.data));
    fly_bytes value = trim(fly_bytes_of(colon + 1, line.len - name.len - 1));
    if (fly_bytes_equal(name, fly_bytes_str("Package"))) {
        package->name = value;
    } else if (fly_bytes_equal(name, fly_bytes_str("Version"))) {
        package->version = value;
    } else if (fly_bytes_equal(name, fly_bytes_str("Section"))) {
        package->section = value;
    } else if (fly_bytes_equal(name, fly_bytes_str("Installed-Size"))) {
        package->size = number(value);
    } else if (fly_bytes_equal(name, fly_bytes_str("Pre-Depends"))) {
        package->depends[0] = value;
    } else if (fly_bytes_equal(name, fly_bytes_str("Depends"))) {
        package->depends[1] = value;
    }
}

/* Read the paragraph at `*at` and go behind it. */
static demo_package take_paragraph(const demo_index *index, size_t *at)
{
    demo_package package = {.size = 0};
    while (*at < index->text_len && index->text[*at] != '\n') {
        size_t end = field_end(index, *at);
        take_field(&package, fly_bytes_of(index->text + *at, end - *at));
        *at = end;
    }
    while (*at < index->text_len && index->text[*at] == '\n') {
        ++*at;
    }
    return package;
}

/* -------------------------------------------------------------------- the packages */

static bool usable(const demo_package *package)
{
    return package->name.len > 0 && package->name.len <= DEMO_NAME_MAX &&
           package->version.len <= DEMO_NAME_MAX && package->section.len <= DEMO_NAME_MAX;
}

/* By name; of two with one name the one that came first in the text. */
static int by_name(const void *left, const void *right)
{
    const demo_package *a = left;
    const demo_package *b = right;
    int order = fly_bytes_cmp(a->name, b->name);
    if (order == 0) {
        order = a->name.data < b->name.data ? -1 : a->name.data > b->name.data;
    }
    return order;
}

static void sort(demo_index *index)
{
    qsort(index->packages, index->count, sizeof *index->packages, by_name);
    size_t kept = 0;
    for (size_t i = 0; i < index->count; i++) {
        if (kept == 0 ||
            !fly_bytes_equal(index->packages[kept - 1].name, index->packages[i].name)) {
            index->packages[kept++] = index->packages[i];
        }
    }
    index->count = kept;
}

static fly_status take_packages(demo_index *index, fly_err *err)
{
    size_t room = 0;
    for (size_t at = 0; at < index->text_len;) {
        if (index->count == room) {
            room = room == 0 ? 1024 : room * 2;
            demo_package *larger = realloc(index->packages, room * sizeof *larger);
            if (larger == NULL) {
                return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
            }
            index->packages = larger;
        }
        demo_package package = take_paragraph(index, &at);
        if (usable(&package)) {
            index->packages[index->count++] = package;
        }
    }
    if (index->count == 0) {
        return fly_err_set(err, FLY_E_FORMAT, "no line begins with \"Package:\"");
    }
    sort(index);
    return FLY_OK;
}

fly_status demo_index_read(const char *path, demo_index *index, fly_err *err)
{
    *index = (demo_index){.count = 0};
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return fly_err_os(err, FLY_E_IO, errno, "open \"%s\"", path);
    }
    fly_status status = read_stream(file, index, err);
    (void)fclose(file);
    if (status == FLY_OK) {
        status = take_packages(index, err);
    }
    if (status != FLY_OK) {
        demo_index_deinit(index);
        return fly_err_prefix(err, status, "package index \"%s\"", path);
    }
    return FLY_OK;
}

void demo_index_deinit(demo_index *index)
{
    free(index->packages);
    free(index->text);
    *index = (demo_index){.count = 0};
}

/* ------------------------------------------------------------------ what they need */

/* "libc6:any (>= 2.36) [amd64]" */
static demo_need parse_need(fly_bytes part)
{
    demo_need need = {.name = trim(part)};
    const uint8_t *open = memchr(part.data, '(', part.len);
    if (open != NULL) {
        const uint8_t *end = part.data + part.len;
        const uint8_t *close = memchr(open, ')', (size_t)(end - open));
        need.relation = fly_bytes_of(open + 1, (size_t)((close != NULL ? close : end) - open - 1));
    }
    for (size_t i = 0; i < need.name.len; i++) {
        uint8_t c = need.name.data[i];
        if (c == ' ' || c == '\t' || c == '\n' || c == ':' || c == '(' || c == '[') {
            need.name.len = i;
        }
    }
    return need;
}

bool demo_needs_next(demo_needs *needs, demo_need *need)
{
    for (; needs->field < 2; needs->field++, needs->at = 0) {
        fly_bytes field = needs->package->depends[needs->field];
        while (needs->at < field.len) {
            size_t end = needs->at;
            while (end < field.len && field.data[end] != ',' && field.data[end] != '|') {
                end++;
            }
            fly_bytes part = fly_bytes_of(field.data + needs->at, end - needs->at);
            needs->at = end + 1;
            *need = parse_need(part);
            if (need->name.len > 0 && need->name.len <= DEMO_NAME_MAX &&
                need->relation.len <= DEMO_NAME_MAX) {
                return true;
            }
        }
    }
    return false;
}

/* ------------------------------------------------------------------------ made up */

void demo_index_generate(FILE *out, uint64_t count)
{
    static const char *const sections[] = {"libs", "utils", "python", "games", "doc"};
    for (uint64_t i = 0; i < count; i++) {
        /* Multiplying by an odd number modulo a power of two: each number once, in no order. */
        uint64_t number = i * 0x9e3779b1 % ((uint64_t)1 << 32);
        (void)fprintf(out,
                      "Package: %s%08" PRIx64 "\nVersion: %" PRIu64 ".%" PRIu64
                      "-1\nSection: %s\nInstalled-Size: %" PRIu64 "\n",
                      number % 3 == 0 ? "lib" : "pkg", number, i % 10, i % 7, sections[i % 5],
                      number % 100000);
        (void)fprintf(out, "Depends: libc6 (>= 2.%" PRIu64 "), bash | dash", i % 37);
        for (uint64_t need = i / 2; need > 0; need /= 4) {
            (void)fprintf(out, ",\n lib%08" PRIx64, need * 0x9e3779b1 % ((uint64_t)1 << 32));
        }
        (void)fprintf(out, "\nDescription: made up\n\n");
    }
    (void)fprintf(out, "Package: bash\nVersion: 5.2\nInstalled-Size: 7164\n"
                       "Pre-Depends: libc6 (>= 2.36)\n\n"
                       "Package: libc6\nVersion: 2.36\nInstalled-Size: 12986\n");
}
