/*
 * Collations: an order of texts, an equality, keys and hashes that agree with it.
 *
 *     kind      compare                    key                        hash
 *     default   bytes                      the bytes                  of the bytes
 *     binary    bytes                      the bytes                  of the bytes
 *     nocase    folded, as a stream        the folded bytes           of the folded bytes
 *     unicode   ICU                        ICU's key, unterminated    of the key
 *
 * Invariants, for any texts a and b:
 *
 *     C1  compare(a, b) has the sign of fly_bytes_cmp(key(a), key(b))
 *     C2  equal(a, b) if and only if compare(a, b) = 0; then hash(a) = hash(b)
 *     C3  compare is a total preorder
 *
 * C1 is what lets an index under a collation be searched and walked by bytes alone. ICU promises it
 * for its keys; its terminator can be left out, because a level never ends with a byte that is below
 * the separator of levels, and a key that is the beginning of another sorts first either way.
 *
 * A collator is opened, tuned and then only read: ICU guarantees that its const functions may then be
 * called from any thread.
 *
 * What is not here: breaking ties by bytes, which is for whoever wants them broken.
 *
 * Source: Unicode Technical Standard 10; CLDR's root collation, which differs from the default table
 * in the order of symbols and controls.
 */
#include "text_int.h"

#include <fly/base_hash.h>

#include <stdio.h>
#include <unicode/uchar.h>
#include <unicode/uloc.h>

/* ------------------------------------------------------------------- opening */

static const struct {
    const char *alias;
    const char *name;
    fly_collation_kind kind;
    fly_collation_strength strength;
} named[] = {
    {"default", "default", FLY_COLLATION_DEFAULT, FLY_COLLATION_TERTIARY},
    {"binary", "binary", FLY_COLLATION_BINARY, FLY_COLLATION_TERTIARY},
    {"c", "binary", FLY_COLLATION_BINARY, FLY_COLLATION_TERTIARY},
    {"posix", "binary", FLY_COLLATION_BINARY, FLY_COLLATION_TERTIARY},
    {"ucs_basic", "binary", FLY_COLLATION_BINARY, FLY_COLLATION_TERTIARY},
    {"nocase", "nocase", FLY_COLLATION_NOCASE, FLY_COLLATION_TERTIARY},
    {"unicode", "unicode", FLY_COLLATION_UNICODE, FLY_COLLATION_TERTIARY},
    {"unicode_ci", "unicode_ci", FLY_COLLATION_UNICODE, FLY_COLLATION_SECONDARY},
    {"unicode_ai", "unicode_ai", FLY_COLLATION_UNICODE, FLY_COLLATION_PRIMARY},
};

static bool same_name(fly_bytes name, const char *wanted)
{
    if (name.len != strlen(wanted)) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != wanted[i]) {
            return false;
        }
    }
    return true;
}

static bool is_root(fly_bytes locale)
{
    return locale.len == 0 || same_name(locale, "c") || same_name(locale, "posix") ||
           same_name(locale, "root") || same_name(locale, "und");
}

/*
 * The locale in ICU's spelling, from a language tag (de-u-co-phonebk) or a POSIX name (de_DE.UTF-8);
 * false for one whose language is in no list. ICU itself would quietly take the root for it.
 */
static bool locale_of(fly_bytes name, char out[FLY_LOCALE_SIZE_MAX])
{
    char text[FLY_LOCALE_SIZE_MAX];
    if (is_root(name)) {
        out[0] = 0;
        return true;
    }
    if (name.len >= sizeof text || memchr(name.data, 0, name.len) != NULL) {
        return false;
    }
    memcpy(text, name.data, name.len);
    text[name.len] = 0;
    size_t taken = name.len;
    char *charset = strchr(text, '.');
    if (charset != NULL) { /* de_DE.UTF-8 */
        *charset = 0;
        taken = (size_t)(charset - text);
    }

    UErrorCode code = U_ZERO_ERROR;
    int32_t read = 0;
    int32_t len = strchr(text, '-') != NULL
                      ? uloc_forLanguageTag(text, out, FLY_LOCALE_SIZE_MAX, &read, &code)
                      : uloc_canonicalize(text, out, FLY_LOCALE_SIZE_MAX, &code);
    if (U_FAILURE(code) || len <= 0 || len >= FLY_LOCALE_SIZE_MAX ||
        (read != 0 && (size_t)read != taken)) {
        return false;
    }
    return uloc_getISO3Language(out)[0] != 0;
}

/* "de-x-icu", as PostgreSQL calls the collations that it makes of ICU's, without its end. */
static fly_bytes without_suffix(fly_bytes name)
{
    fly_bytes suffix = fly_bytes_str("-x-icu");
    if (name.len > suffix.len) {
        fly_bytes end = fly_bytes_of(name.data + name.len - suffix.len, suffix.len);
        name.len -= fly_bytes_equal(end, suffix) ? suffix.len : 0;
    }
    return name;
}

/* Decide what a name means, into a collation that is all zero. */
static fly_status resolve(fly_collation *collation, fly_bytes name, fly_bytes locale, fly_err *err)
{
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        if (same_name(name, named[i].alias)) {
            collation->kind = named[i].kind;
            collation->strength = named[i].strength;
            collation->name = named[i].name;
            if (!locale_of(locale, collation->locale)) {
                return fly_err_set(err, FLY_E_INVALID, "ICU locale \"%.*s\" has unknown language",
                                   (int)(locale.len < 80 ? locale.len : 80),
                                   (const char *)locale.data);
            }
            return FLY_OK;
        }
    }
    collation->kind = FLY_COLLATION_UNICODE;
    collation->name = "unicode";
    if (name.len == 0 || !locale_of(without_suffix(name), collation->locale)) {
        (void)fly_err_set(err, FLY_E_NOT_FOUND,
                          "collation \"%.*s\" for encoding \"UTF8\" does not exist",
                          (int)(name.len < 80 ? name.len : 80), (const char *)name.data);
        if (err != NULL) {
            memcpy(err->sqlstate, "42704", 6);
        }
        return FLY_E_NOT_FOUND;
    }
    return FLY_OK;
}

static fly_status open_order(fly_collation *collation, fly_err *err)
{
    UErrorCode code = U_ZERO_ERROR;
    collation->order = ucol_open(collation->locale, &code);
    if (U_SUCCESS(code)) {
        /* Text need not be in a normal form to be compared as if it were. */
        ucol_setAttribute(collation->order, UCOL_NORMALIZATION_MODE, UCOL_ON, &code);
    }
    if (U_SUCCESS(code) && collation->strength != FLY_COLLATION_TERTIARY) {
        ucol_setStrength(collation->order, collation->strength == FLY_COLLATION_PRIMARY
                                               ? UCOL_PRIMARY
                                               : UCOL_SECONDARY);
    }
    if (U_FAILURE(code)) {
        return fly__text_icu_failed(code, "open a collation", err);
    }
    UVersionInfo version;
    ucol_getVersion(collation->order, version);
    u_versionToString(version, collation->version);
    return FLY_OK;
}

fly_status fly_text_collation_open(fly_mem *mem, fly_bytes name, fly_bytes locale,
                                   fly_collation **opened, fly_err *err)
{
    _Static_assert(sizeof((fly_collation *)NULL)->version >= U_MAX_VERSION_STRING_LENGTH,
                   "ICU writes a version of up to so many letters");
    fly_collation *collation = fly_mem_calloc(mem, 1, sizeof *collation);
    if (collation == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a collation");
    }
    collation->mem = mem;
    fly_status status = resolve(collation, name, locale, err);
    if (status == FLY_OK) {
        UErrorCode code = U_ZERO_ERROR;
        collation->cases = ucasemap_open(collation->locale, 0, &code);
        status = U_FAILURE(code) ? fly__text_icu_failed(code, "open a locale", err) : FLY_OK;
    }
    if (status == FLY_OK && collation->kind == FLY_COLLATION_UNICODE) {
        status = open_order(collation, err);
    } else if (status == FLY_OK && collation->kind == FLY_COLLATION_NOCASE) {
        (void)snprintf(collation->version, sizeof collation->version, "%s", U_UNICODE_VERSION);
    }
    if (status != FLY_OK) {
        fly_text_collation_close(collation);
        return status;
    }
    *opened = collation;
    return FLY_OK;
}

void fly_text_collation_close(fly_collation *collation)
{
    if (collation == NULL) {
        return;
    }
    if (collation->order != NULL) {
        ucol_close(collation->order);
    }
    if (collation->cases != NULL) {
        ucasemap_close(collation->cases);
    }
    fly_mem_free(collation->mem, collation, sizeof *collation);
}

fly_collation_kind fly_text_collation_kind(const fly_collation *collation)
{
    return collation->kind;
}

const char *fly_text_collation_name(const fly_collation *collation)
{
    return collation->name;
}

const char *fly_text_collation_locale(const fly_collation *collation)
{
    return collation->locale;
}

const char *fly_text_collation_version(const fly_collation *collation)
{
    return collation->version;
}

const char *fly_text_icu_version(void)
{
    return "ICU " U_ICU_VERSION ", Unicode " U_UNICODE_VERSION;
}

/* -------------------------------------------------------------------- nocase */

/* A text read as the code points of its folding. */
typedef struct folding {
    fly_bytes text;
    size_t at;
    uint32_t pending[3]; /* of the character before `at` */
    size_t taken, count;
} folding;

/* The next code point plus one; 0 at the end, which sorts before everything. */
static uint32_t next_folded(folding *from)
{
    if (from->taken < from->count) {
        return from->pending[from->taken++] + 1;
    }
    if (from->at == from->text.len) {
        return 0;
    }
    uint32_t code;
    from->at += fly_text_next(from->text, from->at, &code);
    from->count = fly__text_fold_code(code, from->pending);
    from->taken = 1;
    return from->pending[0] + 1;
}

/* Where two texts begin to differ as bytes, at the start of a character of both. */
static size_t common_prefix(fly_bytes a, fly_bytes b)
{
    size_t least = a.len < b.len ? a.len : b.len;
    size_t at = 0;
    while (at < least && a.data[at] == b.data[at]) {
        at++;
    }
    while (at > 0 && ((at < a.len && (a.data[at] & 0xc0) == 0x80) ||
                      (at < b.len && (b.data[at] & 0xc0) == 0x80))) {
        at--;
    }
    /* An unfinished character at the end of one text may be finished in the other. */
    while (at > 0 && a.data[at - 1] >= 0x80) {
        at--;
    }
    return at;
}

/* The order of code points is the order of their UTF-8, so this agrees with the keys (C1). */
static int compare_folded(fly_bytes a, fly_bytes b)
{
    size_t same = common_prefix(a, b);
    folding x = {a, same, {0, 0, 0}, 0, 0};
    folding y = {b, same, {0, 0, 0}, 0, 0};
    for (;;) {
        uint32_t left = next_folded(&x);
        uint32_t right = next_folded(&y);
        if (left != right) {
            return left < right ? -1 : 1;
        }
        if (left == 0) {
            return 0;
        }
    }
}

/* Hash the folding in pieces of one size: the bytes alone decide where a piece ends. */
static uint64_t hash_folded(fly_bytes text, uint64_t seed)
{
    enum { PIECE = 128 };
    uint8_t piece[PIECE + 4];
    size_t len = 0;
    folding from = {text, 0, {0, 0, 0}, 0, 0};
    for (uint32_t code = next_folded(&from); code != 0; code = next_folded(&from)) {
        len += fly_text_put(piece + len, code - 1);
        if (len >= PIECE) {
            seed = fly_hash(piece, PIECE, seed);
            memmove(piece, piece + PIECE, len - PIECE);
            len -= PIECE;
        }
    }
    return fly_hash(piece, len, seed);
}

/* ------------------------------------------------------------------- unicode */

static int compare_unicode(const fly_collation *collation, fly_bytes a, fly_bytes b)
{
    if (fly_bytes_equal(a, b)) {
        return 0;
    }
    UErrorCode code = U_ZERO_ERROR;
    UCollationResult order = UCOL_EQUAL;
    if (a.len <= FLY_TEXT_SIZE_MAX && b.len <= FLY_TEXT_SIZE_MAX) {
        order = ucol_strcollUTF8(collation->order, a.len > 0 ? (const char *)a.data : "",
                                 (int32_t)a.len, b.len > 0 ? (const char *)b.data : "",
                                 (int32_t)b.len, &code);
    } else {
        code = U_INDEX_OUTOFBOUNDS_ERROR;
    }
    return U_SUCCESS(code) ? (int)order : fly_bytes_cmp(a, b);
}

static fly_status key_unicode(const fly_collation *collation, fly_bytes text, void *out,
                              size_t room, size_t *len, fly_err *err)
{
    utf16 units;
    fly__text_utf16_init(&units, collation->mem);
    fly_status status = fly__text_utf16_from(&units, text, err);
    if (status == FLY_OK) {
        int32_t fits = room > INT32_MAX ? INT32_MAX : (int32_t)room;
        int32_t needed = ucol_getSortKey(collation->order, units.units, units.len, out, fits);
        if (needed <= 0) {
            status = fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a sort key");
        } else {
            *len = (size_t)needed - 1; /* without the terminator */
            status = *len <= room ? FLY_OK : FLY_E_FULL;
        }
    }
    fly__text_utf16_deinit(&units);
    return status;
}

static fly_status hash_unicode(const fly_collation *collation, fly_bytes text, uint64_t seed,
                               uint64_t *hash, fly_err *err)
{
    uint8_t local[512];
    uint8_t *key = local;
    size_t size = sizeof local;
    size_t len;
    fly_status status = key_unicode(collation, text, key, size, &len, err);
    if (status == FLY_E_FULL) {
        size = len;
        key = fly_mem_alloc(collation->mem, size);
        if (key == NULL) {
            return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a sort key");
        }
        status = key_unicode(collation, text, key, size, &len, err);
    }
    if (status == FLY_OK) {
        *hash = fly_hash(key, len, seed);
    }
    if (key != local) {
        fly_mem_free(collation->mem, key, size);
    }
    return status;
}

/* ------------------------------------------------------------------ dispatch */

int fly_text_compare(const fly_collation *collation, fly_bytes a, fly_bytes b)
{
    switch (collation->kind) {
    case FLY_COLLATION_NOCASE:
        return compare_folded(a, b);
    case FLY_COLLATION_UNICODE:
        return compare_unicode(collation, a, b);
    default:
        return fly_bytes_cmp(a, b);
    }
}

bool fly_text_equal(const fly_collation *collation, fly_bytes a, fly_bytes b)
{
    if (collation->kind == FLY_COLLATION_DEFAULT || collation->kind == FLY_COLLATION_BINARY) {
        return fly_bytes_equal(a, b);
    }
    return fly_text_compare(collation, a, b) == 0;
}

fly_status fly_text_sort_key(const fly_collation *collation, fly_bytes text, void *out, size_t room,
                             size_t *len, fly_err *err)
{
    sink into = {out, room, 0};
    switch (collation->kind) {
    case FLY_COLLATION_NOCASE:
        return fly_text_fold(text, out, room, len, err);
    case FLY_COLLATION_UNICODE:
        return key_unicode(collation, text, out, room, len, err);
    default:
        sink_put(&into, text.data, text.len);
        return sink_end(&into, len);
    }
}

fly_status fly_text_hash(const fly_collation *collation, fly_bytes text, uint64_t seed,
                         uint64_t *hash, fly_err *err)
{
    switch (collation->kind) {
    case FLY_COLLATION_NOCASE:
        *hash = hash_folded(text, seed);
        return FLY_OK;
    case FLY_COLLATION_UNICODE:
        return hash_unicode(collation, text, seed, hash, err);
    default:
        *hash = fly_hash(text.data, text.len, seed);
        return FLY_OK;
    }
}
