/**
 * @file text.h
 * @brief Text at the edges and in order: encodings, collations, case, normal forms, characters.
 *
 * Inside, text is UTF-8 without NUL and without ill-formed sequences. It is checked once, where it
 * comes in; every other function here says what it does with bytes that were not.
 *
 *     UTF8 ASCII LATIN1 UTF16                              a client's or a file's bytes
 *          |  decode: checks              ^  encode
 *          v                              |
 *     +---------------------- UTF-8 ----------------------+
 *     | compare  equal  hash  sort_key    by a collation  |
 *     | upper lower initcap fold          by its locale   |
 *     | normalize  count  substring  width                |
 *     +---------------------------------------------------+
 *
 * Results go into the caller's buffer: `out` with `room` bytes, of which `*len` were needed. They
 * are FLY_OK if they fit and FLY_E_FULL if not; `*len` is set in both cases, and what stands in `out`
 * after FLY_E_FULL is undefined. `out` may be NULL if `room` is 0: that asks for the length. No
 * `out` may overlap the input.
 *
 * Threads: pure, and a ::fly_collation is thread-safe: open it once and share it.
 * Memory: collations and work space beyond a few hundred bytes come from the ::fly_mem that is
 * handed in. ICU has an allocator of its own for its tables, which are loaded at first use and
 * shared by the process.
 */
#ifndef FLY_TEXT_H
#define FLY_TEXT_H

#include <fly/base_mem.h>

/** @defgroup text libtext: encodings, collations, case, normal forms, characters */
/** @addtogroup text
 *  @{ */
FLY_EXTERN_C_BEGIN

#define FLY_TEXT_VERSION "0.1.0" /**< semantic version of this library */

enum { FLY_TEXT_SIZE_MAX = 1 << 30 }; /**< bytes of the longest text that is converted */

/* ----------------------------------------------------------------- encodings */

/** How characters are written as bytes outside. The values are stored in catalogs. */
typedef enum fly_text_encoding {
    FLY_TEXT_UTF8 = 0,   /**< 1 to 4 bytes a character */
    FLY_TEXT_ASCII = 1,  /**< 7 bits in a byte */
    FLY_TEXT_LATIN1 = 2, /**< ISO 8859-1: a byte is a code point; not Windows-1252 */
    FLY_TEXT_UTF16 = 3,  /**< little-endian, 2 or 4 bytes a character, no byte order mark */
    FLY_TEXT_ENCODING_COUNT
} fly_text_encoding;

/** The name, e.g. "UTF8"; it lives for ever. */
const char *fly_text_encoding_name(fly_text_encoding encoding);

/**
 * @brief Find an encoding by its name, whatever the case and with or without dashes, underscores
 *        and spaces: UTF8, UTF-8, unicode, ASCII, SQL_ASCII, US-ASCII, LATIN1, ISO-8859-1, UTF-16LE.
 * @return FLY_OK, or FLY_E_NOT_FOUND.
 */
FLY_MUST_USE fly_status fly_text_encoding_find(fly_bytes name, fly_text_encoding *encoding);

/**
 * @brief Decide whether bytes are text in an encoding. NUL is not text, as in PostgreSQL.
 * @return FLY_OK; FLY_E_INVALID with SQLSTATE 22021, the place of the first bad byte in
 *         err->position (from 1) and the bytes in the message.
 * @cost   One pass; eight bytes at a time while they are ASCII.
 */
FLY_MUST_USE fly_status fly_text_validate(fly_text_encoding encoding, fly_bytes text, fly_err *err);

/**
 * @brief Make UTF-8 of text in an encoding, and check it on the way.
 * @return FLY_OK, FLY_E_FULL; FLY_E_INVALID as fly_text_validate(); FLY_E_TOO_LARGE beyond
 *         FLY_TEXT_SIZE_MAX.
 */
FLY_MUST_USE fly_status fly_text_decode(fly_text_encoding encoding, fly_bytes text, void *out,
                                        size_t room, size_t *len, fly_err *err);

/**
 * @brief Write UTF-8 in an encoding.
 * @return FLY_OK, FLY_E_FULL; FLY_E_INVALID with SQLSTATE 22P05 if the encoding has no such
 *         character and 22021 if the bytes are not UTF-8, with err->position in `utf8`;
 *         FLY_E_TOO_LARGE beyond FLY_TEXT_SIZE_MAX.
 */
FLY_MUST_USE fly_status fly_text_encode(fly_text_encoding encoding, fly_bytes utf8, void *out,
                                        size_t room, size_t *len, fly_err *err);

/* ---------------------------------------------------------------- characters */

/**
 * @brief Read the character at `at`, which is below `text.len`.
 *
 * @param[out] code  Its code point; 0xFFFD where there is no well-formed sequence.
 * @return The bytes that it takes: 1 to 4; of an ill-formed sequence, those that one U+FFFD replaces
 *         by the standard's rule of maximal subparts.
 */
size_t fly_text_next(fly_bytes text, size_t at, uint32_t *code);

/** Write a code point, at most 0x10FFFF and no surrogate, as UTF-8 (up to 4 bytes); their number. */
size_t fly_text_put(uint8_t *at, uint32_t code);

/** How many characters: the bytes that are no continuation bytes. */
size_t fly_text_count(fly_bytes text);

/** Where the character number `index` (from 0) begins; text.len if there are fewer. */
size_t fly_text_offset(fly_bytes text, size_t index);

/** `count` characters from number `from` (from 0) on, or as many as there are. Borrows `text`. */
fly_bytes fly_text_substring(fly_bytes text, size_t from, size_t count);

/** Columns of a character on a terminal: 0, 1 or 2; -1 for a control character. */
int fly_text_char_width(uint32_t code);

/**
 * @brief Columns of a text on a terminal: the sum of its characters' widths, of which control
 *        characters have none.
 *
 * That is what wcwidth() makes of it in most terminals: a sequence of emoji with joiners counts as
 * its parts.
 */
size_t fly_text_width(fly_bytes text);

/* ---------------------------------------------------------------- collations */

/** What kind of order. The values are stored in catalogs. */
typedef enum fly_collation_kind {
    FLY_COLLATION_DEFAULT = 0, /**< bytes of UTF-8, which is the order of code points */
    FLY_COLLATION_BINARY = 1,  /**< bytes */
    FLY_COLLATION_NOCASE = 2,  /**< bytes after full Unicode case folding */
    FLY_COLLATION_UNICODE = 3  /**< the Unicode Collation Algorithm, tailored for a locale */
} fly_collation_kind;

/** Which differences count in a Unicode collation. */
typedef enum fly_collation_strength {
    FLY_COLLATION_TERTIARY = 0,  /**< letters, accents, case */
    FLY_COLLATION_SECONDARY = 1, /**< letters and accents */
    FLY_COLLATION_PRIMARY = 2    /**< letters */
} fly_collation_strength;

/** An order of texts, and the locale for their case. */
typedef struct fly_collation fly_collation;

enum { FLY_LOCALE_SIZE_MAX = 64 }; /**< with its terminator */

/**
 * @brief Open a collation.
 *
 * | name | is |
 * |---|---|
 * | default, binary, C, POSIX, ucs_basic | bytes |
 * | nocase | case folding |
 * | unicode | the locale's order, tertiary strength |
 * | unicode_ci, unicode_ai | the same without case; without case and accents |
 * | a locale: de_DE, sv-SE, de-u-co-phonebk, de-x-icu | unicode, for that locale |
 *
 * @param mem     Kept.
 * @param name    Copied; its case does not matter.
 * @param locale  Copied; empty means the root locale. Ignored where the name is a locale.
 * @return FLY_OK; FLY_E_NOT_FOUND with SQLSTATE 42704 for a name that is none of these; FLY_E_INVALID
 *         for a locale whose language nobody knows; FLY_E_NO_MEMORY.
 * @cost   The first use of a locale in a process loads its tables from ICU's data.
 */
FLY_MUST_USE fly_status fly_text_collation_open(fly_mem *mem, fly_bytes name, fly_bytes locale,
                                                fly_collation **collation, fly_err *err);

/** Close it; NULL is fine. */
void fly_text_collation_close(fly_collation *collation);

/** What it is. */
fly_collation_kind fly_text_collation_kind(const fly_collation *collation);

/** Its name as fly_text_collation_open() takes it: "default", "nocase", "unicode_ci"... */
const char *fly_text_collation_name(const fly_collation *collation);

/** Its locale in ICU's spelling, e.g. "de_DE"; "" for the root. */
const char *fly_text_collation_locale(const fly_collation *collation);

/**
 * @brief The version of its order: keep it with an index, and rebuild an index whose version differs.
 *
 * Empty for orders of bytes, which never change; of Unicode for nocase; of ICU's collation data and
 * of the locale's rules for unicode. Valid until the collation is closed.
 */
const char *fly_text_collation_version(const fly_collation *collation);

/** The versions of ICU and Unicode that are linked, e.g. "ICU 72.1, Unicode 15.0". */
const char *fly_text_icu_version(void);

/**
 * @brief Order two texts: negative, zero, positive.
 *
 * A total preorder for any bytes; ill-formed ones count as U+FFFD each under nocase and unicode. Zero
 * does not mean the same bytes: a caller who needs an order without ties compares the bytes next.
 *
 * @cost  Under unicode: a table look-up a character for Latin text, more beyond. No memory is taken
 *        for text without long runs of combining marks; if ICU finds none then, bytes decide.
 */
int fly_text_compare(const fly_collation *collation, fly_bytes a, fly_bytes b);

/** Whether two texts are the same under a collation: fly_text_compare() says 0. */
bool fly_text_equal(const fly_collation *collation, fly_bytes a, fly_bytes b);

/**
 * @brief Write bytes that fly_bytes_cmp() orders as the collation orders the texts.
 *
 * Equal texts have equal keys. Under unicode, and nocase, the key of a text has no byte 0.
 *
 * @return FLY_OK, FLY_E_FULL; FLY_E_NO_MEMORY; FLY_E_TOO_LARGE beyond FLY_TEXT_SIZE_MAX.
 */
FLY_MUST_USE fly_status fly_text_sort_key(const fly_collation *collation, fly_bytes text, void *out,
                                          size_t room, size_t *len, fly_err *err);

/** A hash (fly_hash()'s kind) that equal texts share. Fails as fly_text_sort_key() does. */
FLY_MUST_USE fly_status fly_text_hash(const fly_collation *collation, fly_bytes text, uint64_t seed,
                                      uint64_t *hash, fly_err *err);

/* ---------------------------------------------------------------------- case */

/**
 * @brief Upper case by the collation's locale: German ss of sharp s, Turkish dotted I.
 *
 * Full mappings: the result may have another number of characters. Ill-formed bytes stay or become U+FFFD.
 *
 * @return FLY_OK, FLY_E_FULL; FLY_E_NO_MEMORY; FLY_E_TOO_LARGE beyond FLY_TEXT_SIZE_MAX.
 */
FLY_MUST_USE fly_status fly_text_upper(const fly_collation *collation, fly_bytes text, void *out,
                                       size_t room, size_t *len, fly_err *err);

/** Lower case; otherwise as fly_text_upper(). A sigma at the end of a word becomes a final one. */
FLY_MUST_USE fly_status fly_text_lower(const fly_collation *collation, fly_bytes text, void *out,
                                       size_t room, size_t *len, fly_err *err);

/**
 * @brief The first letter of each word in title case, the others lower; otherwise as fly_text_upper().
 *
 * A word is a run of letters and digits, as in PostgreSQL's initcap(); mappings are simple ones, a
 * character for a character.
 */
FLY_MUST_USE fly_status fly_text_initcap(const fly_collation *collation, fly_bytes text, void *out,
                                         size_t room, size_t *len, fly_err *err);

/** Fold case, for comparing without it: the root's full folding, whatever the locale. */
FLY_MUST_USE fly_status fly_text_fold(fly_bytes text, void *out, size_t room, size_t *len,
                                      fly_err *err);

/* -------------------------------------------------------------- normal forms */

/** The four normal forms of UAX #15. */
typedef enum fly_text_form {
    FLY_TEXT_NFC,
    FLY_TEXT_NFD,
    FLY_TEXT_NFKC,
    FLY_TEXT_NFKD
} fly_text_form;

/** Find a form by its name, whatever the case. FLY_OK, or FLY_E_NOT_FOUND. */
FLY_MUST_USE fly_status fly_text_form_find(fly_bytes name, fly_text_form *form);

/**
 * @brief Write a text in a normal form.
 *
 * @param mem  Borrowed, for work space.
 * @return FLY_OK, FLY_E_FULL; FLY_E_NO_MEMORY; FLY_E_TOO_LARGE beyond FLY_TEXT_SIZE_MAX.
 */
FLY_MUST_USE fly_status fly_text_normalize(fly_mem *mem, fly_text_form form, fly_bytes text,
                                           void *out, size_t room, size_t *len, fly_err *err);

/** Whether a text is in a normal form. Fails as fly_text_normalize() does. */
FLY_MUST_USE fly_status fly_text_is_normalized(fly_mem *mem, fly_text_form form, fly_bytes text,
                                               bool *normalized, fly_err *err);

/**
 * @brief Prepare a password, so that the same one typed on two keyboards is the same bytes: SASLprep.
 *
 * What SASLprep refuses, and what is no UTF-8, is copied as it is.
 *
 * @param mem  Borrowed, for work space.
 * @return FLY_OK, FLY_E_FULL; FLY_E_NO_MEMORY; FLY_E_TOO_LARGE beyond FLY_TEXT_SIZE_MAX.
 * @source RFC 4013.
 */
FLY_MUST_USE fly_status fly_text_saslprep(fly_mem *mem, fly_bytes text, void *out, size_t room,
                                          size_t *len, fly_err *err);

FLY_EXTERN_C_END
/** @} */
#endif
