/*
 * Collations by name and by OID, and that of a database.
 *
 * The ones without a locale have OIDs of PostgreSQL's or from 9100. Each locale has three from 9200 on,
 * for the three strengths: OIDs stand in catalogs and index keys are made by them, so the list below
 * only ever grows at its end. It is of languages: what CLDR orders differently in a region, or by a
 * variant, has an entry of its own.
 *
 * A database may have a collation that its text columns have if they name none. It is kept in the
 * tree "sys.database".
 */
#include "session/engine_int.h"
#include "session/session_int.h"

#include <fly/text.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { LOCALE_FIRST = 9200, STRENGTHS = 3 };

static const struct {
    uint32_t oid;
    const char *name;
} plain[] = {{100, "default"},     {950, "C"},           {951, "POSIX"},
             {9100, "binary"},     {9101, "nocase"},     {9102, "unicode"},
             {9103, "unicode_ci"}, {9104, "unicode_ai"}, {9105, "ucs_basic"}};

enum { PLAIN = sizeof plain / sizeof plain[0] };

static const char *const locales[] = {
    "af",
    "am",
    "ar",
    "as",
    "az",
    "be",
    "bg",
    "bn",
    "bo",
    "bs",
    "ca",
    "cs",
    "cy",
    "da",
    "de",
    "de@collation=phonebook",
    "el",
    "en",
    "eo",
    "es",
    "es@collation=traditional",
    "et",
    "eu",
    "fa",
    "fi",
    "fil",
    "fo",
    "fr",
    "fr_CA",
    "ga",
    "gl",
    "gu",
    "ha",
    "haw",
    "he",
    "hi",
    "hr",
    "hu",
    "hy",
    "id",
    "ig",
    "is",
    "it",
    "ja",
    "ka",
    "kk",
    "kl",
    "km",
    "kn",
    "ko",
    "ku",
    "ky",
    "lb",
    "lo",
    "lt",
    "lv",
    "mk",
    "ml",
    "mn",
    "mr",
    "ms",
    "mt",
    "my",
    "nb",
    "ne",
    "nl",
    "nn",
    "no",
    "om",
    "or",
    "pa",
    "pl",
    "ps",
    "pt",
    "ro",
    "ru",
    "se",
    "si",
    "sk",
    "sl",
    "sq",
    "sr",
    "sr_Latn",
    "sv",
    "sw",
    "ta",
    "te",
    "th",
    "tk",
    "to",
    "tr",
    "ug",
    "uk",
    "ur",
    "uz",
    "vi",
    "wo",
    "xh",
    "yi",
    "yo",
    "zh",
    "zh_Hant",
    "zu",
};

enum { LOCALES = sizeof locales / sizeof locales[0] };

static const char *const suffixes[STRENGTHS] = {"", "_ci", "_ai"};
static const char *const strengths[STRENGTHS] = {"unicode", "unicode_ci", "unicode_ai"};

/* ------------------------------------------------------------------------ names */

/* "de-DE-x-icu", "de_DE.UTF-8" as "de_DE"; false for what does not look like a locale. */
static bool locale_word(const char *name, char out[FLY_LOCALE_SIZE_MAX])
{
    size_t len = strcspn(name, ".");
    if (len > 6 && strncmp(name + len - 6, "-x-icu", 6) == 0) {
        len -= 6;
    }
    if (len >= FLY_LOCALE_SIZE_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = (char)(name[i] == '-' ? '_' : name[i]);
    }
    out[len] = 0;
    char *variant = strstr(out, "_u_co_phonebk");
    if (variant != NULL && strncasecmp(out, "de", 2) == 0) {
        memcpy(out, "de@collation=phonebook", sizeof "de@collation=phonebook");
    }
    size_t language = strcspn(out, "_@");
    return language == 2 || language == 3;
}

/* The place of a locale, or of the nearest that it is a case of; LOCALES if there is none. */
static size_t find_locale(const char *name)
{
    char word[FLY_LOCALE_SIZE_MAX];
    if (!locale_word(name, word)) {
        return LOCALES;
    }
    for (;;) {
        for (size_t i = 0; i < LOCALES; i++) {
            if (strcasecmp(locales[i], word) == 0) {
                return i;
            }
        }
        char *cut = strrchr(word, '_');
        if (cut == NULL) {
            return LOCALES;
        }
        *cut = 0;
    }
}

uint32_t fly__sql_collation_named(const char *name)
{
    for (size_t i = 0; i < PLAIN; i++) {
        if (strcasecmp(plain[i].name, name) == 0) {
            return plain[i].oid;
        }
    }
    size_t locale = find_locale(name);
    return locale < LOCALES ? (uint32_t)(LOCALE_FIRST + STRENGTHS * locale) : 0;
}

uint32_t fly__sql_collation_at(size_t i, char name[FLY__SQL_NAME_MAX + 1])
{
    if (i < PLAIN) {
        (void)snprintf(name, FLY__SQL_NAME_MAX + 1, "%s", plain[i].name);
        return plain[i].oid;
    }
    i -= PLAIN;
    if (i >= (size_t)STRENGTHS * LOCALES) {
        return 0;
    }
    (void)snprintf(name, FLY__SQL_NAME_MAX + 1, "%s%s", locales[i / STRENGTHS],
                   suffixes[i % STRENGTHS]);
    return (uint32_t)(LOCALE_FIRST + i);
}

/* What libtext calls it; false for orders of bytes and for OIDs of nothing. */
static bool to_open(uint32_t oid, const char **name, const char **locale)
{
    *locale = "";
    if (oid >= LOCALE_FIRST && oid < LOCALE_FIRST + STRENGTHS * LOCALES) {
        *name = strengths[(oid - LOCALE_FIRST) % STRENGTHS];
        *locale = locales[(oid - LOCALE_FIRST) / STRENGTHS];
        return true;
    }
    for (size_t i = 0; i < PLAIN; i++) {
        if (plain[i].oid == oid) {
            *name = plain[i].name;
            return true;
        }
    }
    return false;
}

/* ----------------------------------------------------------------------- handles */

static fly_status open_one(fly_sql *sql, uint32_t oid, const char *name, const char *locale,
                           struct fly__sql_engine_collation **opened, fly_err *err)
{
    fly_mem *mem = sql->account.parent;
    struct fly__sql_engine_collation *made = fly_mem_calloc(mem, 1, sizeof *made);
    if (made == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a collation");
    }
    fly_status status = fly_text_collation_open(mem, fly_bytes_str(name), fly_bytes_str(locale),
                                                &made->collation, err);
    if (status != FLY_OK) {
        fly_mem_free(mem, made, sizeof *made);
        return status;
    }
    made->oid = oid;
    made->link = sql->collations;
    sql->collations = made;
    *opened = made;
    return FLY_OK;
}

fly_status fly__sql_engine_collation(fly_sql *sql, uint32_t oid, const fly_collation **collation,
                                     fly_err *err)
{
    const char *name;
    const char *locale;
    *collation = NULL;
    if (oid == 0 || oid == 100 || oid == 950 || oid == 951 || oid == 9100 || oid == 9105) {
        return FLY_OK; /* bytes */
    }
    if (!to_open(oid, &name, &locale)) {
        return fly_err_state(err, "42704", 0, "collation with OID %u does not exist", oid);
    }
    fly_status status = FLY_OK;
    fly_mutex_lock(&sql->mutex);
    struct fly__sql_engine_collation *found = sql->collations;
    while (found != NULL && found->oid != oid) {
        found = found->link;
    }
    if (found == NULL) {
        status = open_one(sql, oid, name, locale, &found, err);
    }
    if (found != NULL) {
        *collation = found->collation;
    }
    fly_mutex_unlock(&sql->mutex);
    return status;
}

/* -------------------------------------------------------------------- of a database */

fly_status fly__sql_collation_of_options(const char *name, const char *locale, uint32_t *oid,
                                         fly_err *err)
{
    *oid = 0;
    if (name == NULL) {
        return FLY_OK;
    }
    uint32_t found = fly__sql_collation_named(name);
    if (found == 0) {
        return fly_err_state(err, "42704", 0,
                             "collation \"%s\" for encoding \"UTF8\" does not exist", name);
    }
    bool bytes = locale == NULL || locale[0] == 0 || strcasecmp(locale, "C") == 0 ||
                 strcasecmp(locale, "POSIX") == 0;
    if (found >= 9102 && found <= 9104 && !bytes) {
        size_t place = find_locale(locale);
        if (place == LOCALES) {
            return fly_err_state(err, "22023", 0, "invalid locale name: \"%s\"", locale);
        }
        found = (uint32_t)(LOCALE_FIRST + STRENGTHS * place + (found - 9102));
    }
    *oid = found == 100 ? 0 : found;
    return FLY_OK;
}

static const char TREE[] = "sys.database";
static const char COLLATION[] = "collation";
static const char ORDERS[] = "orders";

static fly_status put_text(fly_store *store, const char *key, const char *value, fly_err *err)
{
    fly_txn *txn = NULL;
    fly_tree *tree = NULL;
    fly_status status = fly_txn_begin(store, NULL, &txn, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_txn_tree_open(txn, TREE, FLY_TREE_CREATE, &tree, err);
    if (status == FLY_OK) {
        status = fly_txn_put(txn, tree, fly_bytes_str(key), fly_bytes_str(value), err);
    }
    if (status != FLY_OK) {
        fly_txn_rollback(txn);
        return status;
    }
    return fly_txn_commit(txn, err);
}

/* FLY_E_NOT_FOUND, without a message: there is none, or nothing at all. */
static fly_status get_text(fly_store *store, const char *key, char *value, size_t size,
                           fly_err *err)
{
    fly_txn *txn = NULL;
    fly_tree *tree = NULL;
    uint64_t len = 0;
    fly_status status = fly_txn_begin(store, NULL, &txn, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_txn_tree_open(txn, TREE, 0, &tree, err);
    if (status == FLY_OK) {
        status = fly_txn_get(txn, tree, fly_bytes_str(key), value, size - 1, &len, err);
    }
    fly_txn_rollback(txn);
    if (status == FLY_OK) {
        value[len < size ? len : size - 1] = 0;
    }
    return status;
}

fly_status fly__sql_database_keep_collation(fly__sql_database *database, uint32_t oid, fly_err *err)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%u", oid);
    database->collation = oid;
    return put_text(database->store, COLLATION, number, err);
}

/*
 * Indexes hold sort keys, and those are of one version of Unicode's data. The version that the
 * database was made with is kept; whoever opens it with another is told.
 */
static fly_status check_orders(fly_sql *sql, fly__sql_database *database, fly_err *err)
{
    char made_with[64];
    const char *now = fly_text_icu_version();
    fly_status status = get_text(database->store, ORDERS, made_with, sizeof made_with, err);
    if (status == FLY_E_NOT_FOUND) {
        return sql->read_only ? FLY_OK : put_text(database->store, ORDERS, now, err);
    }
    if (status == FLY_OK && strcmp(made_with, now) != 0) {
        fly_log(sql->env, FLY_LOG_WARNING,
                "database \"%s\" was made with %s and is opened with %s: indexes on text with a "
                "collation must be made anew",
                database->name, made_with, now);
    }
    return status;
}

fly_status fly__sql_database_read_collation(fly_sql *sql, fly__sql_database *database, fly_err *err)
{
    char number[16];
    fly_status status = get_text(database->store, COLLATION, number, sizeof number, err);
    for (const char *at = number; status == FLY_OK && *at != 0; at++) {
        if (*at < '0' || *at > '9') {
            return fly_err_set(err, FLY_E_CORRUPT, "the database's collation is damaged");
        }
        database->collation = database->collation * 10 + (uint32_t)(*at - '0');
    }
    return status == FLY_OK || status == FLY_E_NOT_FOUND ? check_orders(sql, database, err)
                                                         : status;
}
