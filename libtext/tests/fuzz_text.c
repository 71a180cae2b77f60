/*
 * Decoders, and everything that reads text, under any bytes.
 *
 * Byte 0 chooses an encoding and a collation, byte 1 where the rest is cut in two texts. What decodes
 * must be UTF-8, encode again to the same bytes, and be measured and changed without a step beyond
 * its block, which ASan watches; compare, keys and hashes must agree on the two texts, well-formed or
 * not.
 */
#include <fly/text.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static fly_collation *collations[4];
static const char *const names[] = {"default", "nocase", "unicode", "tr"};

static void must(bool fact)
{
    if (!fact) {
        abort();
    }
}

/* A copy of exactly its size. */
static fly_bytes block(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    must(copy != NULL);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    return fly_bytes_of(copy, size);
}

static void round_trip(fly_text_encoding encoding, fly_bytes text)
{
    size_t needed = 0;
    fly_status status = fly_text_decode(encoding, text, NULL, 0, &needed, NULL);
    must((status == FLY_E_INVALID) == (fly_text_validate(encoding, text, NULL) != FLY_OK));
    if (status == FLY_E_INVALID) {
        return;
    }
    uint8_t *utf8 = malloc(needed + 1);
    uint8_t *back = malloc(text.len + 1);
    must(utf8 != NULL && back != NULL);
    size_t len = 0;
    must(fly_text_decode(encoding, text, utf8, needed, &len, NULL) == FLY_OK && len == needed);
    fly_bytes made = fly_bytes_of(utf8, len);
    must(fly_text_validate(FLY_TEXT_UTF8, made, NULL) == FLY_OK);
    must(fly_text_encode(encoding, made, back, text.len, &len, NULL) == FLY_OK);
    must(fly_bytes_equal(fly_bytes_of(back, len), text));
    free(back);
    free(utf8);
}

static void change(const fly_collation *collation, fly_bytes text)
{
    uint8_t out[64];
    size_t len = 0;
    bool normalized;
    must(fly_text_upper(collation, text, out, sizeof out, &len, NULL) <= FLY_E_FULL);
    must(fly_text_lower(collation, text, out, sizeof out, &len, NULL) <= FLY_E_FULL);
    must(fly_text_initcap(collation, text, out, sizeof out, &len, NULL) <= FLY_E_FULL);
    for (int form = FLY_TEXT_NFC; form <= FLY_TEXT_NFKD; form++) {
        must(fly_text_normalize(fly_mem_system(), (fly_text_form)form, text, out, sizeof out, &len,
                                NULL) <= FLY_E_FULL);
        must(fly_text_is_normalized(fly_mem_system(), (fly_text_form)form, text, &normalized,
                                    NULL) == FLY_OK);
    }
    must(fly_text_offset(text, fly_text_count(text)) == text.len);
    must(fly_text_width(text) <= 2 * text.len);
    must(fly_text_substring(text, 1, 2).len <= text.len);
}

static fly_bytes key_of(const fly_collation *collation, fly_bytes text)
{
    size_t len = 0;
    fly_status status = fly_text_sort_key(collation, text, NULL, 0, &len, NULL);
    must(status == FLY_E_FULL || (status == FLY_OK && len == 0));
    uint8_t *key = malloc(len + 1);
    must(key != NULL);
    must(fly_text_sort_key(collation, text, key, len, &len, NULL) == FLY_OK);
    return fly_bytes_of(key, len);
}

static void order(const fly_collation *collation, fly_bytes a, fly_bytes b)
{
    fly_bytes x = key_of(collation, a);
    fly_bytes y = key_of(collation, b);
    int by_key = fly_bytes_cmp(x, y);
    int by_text = fly_text_compare(collation, a, b);
    must((by_key < 0) == (by_text < 0) && (by_key > 0) == (by_text > 0));
    uint64_t hash_a = 0;
    uint64_t hash_b = 0;
    must(fly_text_hash(collation, a, 1, &hash_a, NULL) == FLY_OK);
    must(fly_text_hash(collation, b, 1, &hash_b, NULL) == FLY_OK);
    must(by_text != 0 || hash_a == hash_b);
    free((void *)x.data);
    free((void *)y.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    size_t which = data[0] >> 2 & 3;
    if (collations[which] == NULL) {
        must(fly_text_collation_open(fly_mem_system(), fly_bytes_str(names[which]),
                                     fly_bytes_str(""), &collations[which], NULL) == FLY_OK);
    }
    size_t cut = data[1] % (size - 1);
    fly_bytes a = block(data + 2, cut);
    fly_bytes b = block(data + 2 + cut, size - 2 - cut);
    round_trip((fly_text_encoding)(data[0] & 3), b);
    change(collations[which], a);
    order(collations[which], a, b);
    free((void *)a.data);
    free((void *)b.data);
    return 0;
}
