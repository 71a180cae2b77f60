/*
 * What happens to payloads on their way: compressed when they are appended, encrypted when they are
 * flushed, and both undone when they are read.
 */
#include <fly/wal.h>

#include <inttypes.h>
#include <string.h>

#include "wal_int.h"

enum { LENGTH_PREFIX = 4 };

fly_status fly__wal_compress(fly_wal *wal, const fly_bytes *pieces, int count, size_t len,
                             uint8_t **scratch, size_t *scratch_size, fly_bytes *out, fly_err *err)
{
    if (len <= LENGTH_PREFIX) { /* cannot get shorter, whatever the threshold */
        return FLY_OK;
    }
    /* One half gathers the pieces, the other takes the result, which must be shorter to be used. */
    size_t size = len + LENGTH_PREFIX + len;
    uint8_t *whole = fly_mem_alloc(wal->env->mem, size);
    if (whole == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to compress a log record of %zu bytes",
                           len);
    }
    size_t at = 0;
    for (int i = 0; i < count; i++) {
        if (pieces[i].len > 0) {
            memcpy(whole + at, pieces[i].data, pieces[i].len);
            at += pieces[i].len;
        }
    }
    uint8_t *packed = whole + len;
    fly_put_u32(packed, (uint32_t)len);
    size_t got = wal->compressor->compress(wal->compressor, whole, len, packed + LENGTH_PREFIX,
                                           len - LENGTH_PREFIX);
    *out = fly_bytes_of(packed, got > 0 ? got + LENGTH_PREFIX : 0);
    *scratch = whole;
    *scratch_size = size;
    return FLY_OK;
}

/* Which record this is, for the codec to authenticate: manager, type, flags and length. */
static void identify(const uint8_t *header, uint8_t identity[8])
{
    memcpy(identity, header + AT_MANAGER, 4);
    memcpy(identity + 4, header + AT_LENGTH, 4);
}

fly_status fly__wal_encrypt(const fly_wal *wal, const uint8_t *params, uint64_t lsn,
                            uint8_t *record, uint32_t length, fly_err *err)
{
    const fly_wal_codec *codec = wal->codec;
    uint8_t identity[8];
    identify(record, identity);
    uint8_t *payload = record + FLY_WAL_HEADER;
    size_t plain = length - FLY_WAL_HEADER - codec->overhead;
    uint8_t *out = fly_mem_alloc(wal->env->mem, plain + codec->overhead);
    if (out == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to encrypt a log record of %zu bytes",
                           plain);
    }
    fly_status status = codec->encode(codec, params, lsn, identity, payload, plain, out, err);
    if (status == FLY_OK) {
        memcpy(payload, out, plain + codec->overhead);
    }
    fly_mem_free(wal->env->mem, out, plain + codec->overhead);
    return status;
}

static fly_status grow(fly_env *env, uint8_t **scratch, size_t *size, size_t wanted, fly_err *err)
{
    if (wanted <= *size) {
        return FLY_OK;
    }
    uint8_t *larger = fly_mem_alloc(env->mem, wanted);
    if (larger == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to decode a log record of %zu bytes",
                           wanted);
    }
    fly_mem_free(env->mem, *scratch, *size);
    *scratch = larger;
    *size = wanted;
    return FLY_OK;
}

fly_status fly__wal_decode(fly_env *env, const fly_wal_codec *codec,
                           const fly_wal_compressor *compressor,
                           const struct fly__wal_segment *segment, const uint8_t *header,
                           uint64_t lsn, fly_bytes stored, uint8_t **scratch, size_t *scratch_size,
                           fly_bytes *payload, fly_err *err)
{
    uint16_t flags = fly_get_u16(header + AT_FLAGS);
    size_t decrypted = 0; /* bytes of scratch that the decrypted payload takes */
    *payload = stored;
    if ((flags & FLAG_ENCRYPTED) != 0) {
        if (codec == NULL || stored.len < codec->overhead) {
            return fly_err_set(err, FLY_E_KEY, "log record %" PRIu64 " is encrypted", lsn);
        }
        decrypted = stored.len - codec->overhead;
        fly_status status = grow(env, scratch, scratch_size, decrypted, err);
        if (status != FLY_OK) {
            return status;
        }
        uint8_t identity[8];
        identify(header, identity);
        status = codec->decode(codec, segment->params, lsn, identity, stored.data, stored.len,
                               *scratch, err);
        if (status != FLY_OK) {
            return fly_err_prefix(err, status, "log record %" PRIu64, lsn);
        }
        *payload = fly_bytes_of(*scratch, decrypted);
    }
    if ((flags & FLAG_COMPRESSED) == 0) {
        return FLY_OK;
    }
    if (compressor == NULL) {
        return fly_err_set(err, FLY_E_UNSUPPORTED, "log record %" PRIu64 " is compressed", lsn);
    }
    if (payload->len < LENGTH_PREFIX) {
        return fly_err_set(err, FLY_E_CORRUPT, "log record %" PRIu64 " is too short", lsn);
    }
    uint32_t len = fly_get_u32(payload->data);
    if (len > segment->size / 2) { /* nobody compresses more than a record can hold */
        return fly_err_set(err, FLY_E_CORRUPT,
                           "log record %" PRIu64 " says it was %" PRIu32 " bytes long", lsn, len);
    }
    uint8_t *whole = fly_mem_alloc(env->mem, (size_t)len + decrypted);
    if (whole == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY,
                           "no memory to decompress a log record of %" PRIu32 " bytes", len);
    }
    fly_status status = compressor->decompress(compressor, payload->data + LENGTH_PREFIX,
                                               payload->len - LENGTH_PREFIX, whole, len, err);
    fly_mem_free(env->mem, *scratch, *scratch_size);
    *scratch = whole;
    *scratch_size = (size_t)len + decrypted;
    *payload = fly_bytes_of(whole, len);
    if (status != FLY_OK) {
        return fly_err_prefix(err, status, "log record %" PRIu64, lsn);
    }
    return FLY_OK;
}
