/*
 * Fuzz target: a segment file of any content.
 *
 * Strategy: the input is what stands in the first segment of a log, from its header block on; a second
 * segment, if the input is long enough, follows. The first byte chooses what is made right before it is
 * looked at: nothing; the checksum of the header; those of the records too, walking as far as lengths
 * and LSNs make sense, so that the fuzzer gets behind them. Then everything that looks at files does: a
 * reader, with and without a compressor and a codec; the dissector; and opening, which must either
 * refuse, or begin a life that a second opening finds again.
 *
 * What is held to be true: no undefined behaviour, no leak, and what one opening replayed the next one
 * replays.
 */
#include <fly/base_bytes.h>
#include <fly/base_hash.h>
#include <fly/base_testing.h>
#include <fly/wal_dissect.h>

#include <stdlib.h>
#include <string.h>

enum { SEGMENT = 64 << 10, SHORT = 8 << 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A codec and a compressor that do nothing, with checks that inputs can pass. */
static fly_status code(const fly_wal_codec *codec, const uint8_t params[64], uint64_t lsn,
                       const uint8_t header[8], const uint8_t *in, size_t len, uint8_t *out,
                       fly_err *err)
{
    (void)codec, (void)params, (void)lsn, (void)header, (void)err;
    if (len > 4) {
        memcpy(out, in, len - 4);
    }
    return len > 4 && in[len - 1] == 0xff ? FLY_E_CORRUPT : FLY_OK;
}

static size_t compress(const fly_wal_compressor *compressor, const uint8_t *in, size_t len,
                       uint8_t *out, size_t room)
{
    (void)compressor, (void)in, (void)len, (void)out, (void)room;
    return 0;
}

static fly_status decompress(const fly_wal_compressor *compressor, const uint8_t *in, size_t size,
                             uint8_t *out, size_t len, fly_err *err)
{
    (void)compressor, (void)err;
    memset(out, 0, len);
    memcpy(out, in, size < len ? size : len);
    return size % 7 == 6 ? FLY_E_CORRUPT : FLY_OK;
}

static const fly_wal_codec codec = {.id = 1, .overhead = 4, .decode = code};
static const fly_wal_compressor compressor = {
    .threshold = 1000, .compress = compress, .decompress = decompress};

/* Make checksums right, the LSNs of records too if `deep`. */
static void seal(uint8_t *segment, size_t len, bool deep)
{
    if (len < FLY_WAL_BLOCK) {
        return;
    }
    uint64_t start = fly_get_u64(segment + 32) * SEGMENT;
    memcpy(segment, "FlyDBwal", 8);
    fly_put_u32(segment + 8, 1);
    fly_put_u32(segment + 12, SEGMENT);
    fly_put_u32(segment + 4092, fly_crc32c(0, segment, 4092));
    size_t at = FLY_WAL_BLOCK;
    while (deep && at + FLY_WAL_HEADER <= len) {
        uint32_t length = fly_get_u32(segment + at);
        if (length < FLY_WAL_HEADER || length > len - at) {
            break;
        }
        fly_put_u64(segment + at + 12, start + at);
        bool own = segment[at + 8] == 0 && segment[at + 9] == 1;
        size_t checked = own && length > 28 ? 28 : (size_t)length;
        uint32_t crc = fly_crc32c(0, segment + at, 4);
        fly_put_u32(segment + at + 4, fly_crc32c(crc, segment + at + 8, checked - 8));
        at += (length + 7) / 8 * 8;
    }
}

struct sums {
    uint64_t records;
    uint64_t hash;
};

static fly_status sum(void *ctx, const fly_wal_record *record, fly_err *err)
{
    struct sums *sums = ctx;
    (void)err;
    sums->records++;
    sums->hash = fly_hash(record->payload.data, record->payload.len, sums->hash + record->lsn);
    return FLY_OK;
}

static void read_all(fly_env *env, const fly_wal_codec *with, const fly_wal_compressor *unpack)
{
    fly_wal_reader *reader = NULL;
    fly_err err = {0};
    struct sums sums = {0};
    fly_status status = fly_wal_reader_open(env, "log", NULL, with, unpack, 0, &reader, &err);
    while (status == FLY_OK) {
        fly_wal_record record;
        status = fly_wal_reader_next(reader, &record, &err);
        if (status == FLY_OK) {
            FLY_ASSERT(record.end > record.lsn);
            (void)sum(&sums, &record, &err);
        }
    }
    fly_wal_reader_close(reader);
}

static bool replay(fly_env *env, struct sums *sums)
{
    fly_wal *wal = NULL;
    fly_err err = {0};
    fly_wal_options options = {.ring_size = SEGMENT,
                               .segment_size = SEGMENT,
                               .in_flight = 1,
                               .compressor = &compressor,
                               .replay = sum,
                               .replay_ctx = sums};
    *sums = (struct sums){0};
    fly_status status = fly_wal_open(env, "log", &options, &wal, &err);
    fly_wal_abandon(wal);
    return status == FLY_OK;
}

static void nothing(void *ctx, const fly_dissected *field)
{
    *(size_t *)ctx += field->len + strlen(field->text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    uint8_t how = data[0];
    data++;
    size--;
    /* The second segment begins where the first, cut short, ends. */
    size_t first_len = size < SHORT ? size : SHORT;
    size_t second_len = size - first_len < SHORT ? size - first_len : SHORT;
    uint8_t *first = malloc(SHORT);
    uint8_t *second = malloc(SHORT);
    FLY_ASSERT(first != NULL);
    FLY_ASSERT(second != NULL);
    memset(first, 0, SHORT);
    memset(second, 0, SHORT);
    memcpy(first, data, first_len);
    memcpy(second, data + first_len, second_len);
    if ((how & 1) != 0) {
        fly_put_u64(first + 32, 0);
        fly_put_u64(first + 40, 0);
        fly_put_u64(second + 32, 1);
        seal(first, SHORT, (how & 2) != 0);
        seal(second, SHORT, (how & 2) != 0);
    }
    fly_dissector d;
    size_t seen = 0;
    fly_dissect_begin(&d, fly_bytes_of(first, first_len), nothing, &seen);
    fly_wal_dissect_segment(&d, NULL);

    fly_sim_env world;
    fly_sim_env_init(&world, NULL);
    fly_sim_disk_load(world.disk, "log/000000000000.wal", fly_bytes_of(first, SHORT));
    if (second_len > 0) {
        fly_sim_disk_load(world.disk, "log/000000000001.wal", fly_bytes_of(second, SHORT));
    }
    read_all(&world.env, NULL, NULL);
    read_all(&world.env, &codec, &compressor);
    struct sums once;
    struct sums twice;
    if (replay(&world.env, &once)) {
        fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_NONE, 1);
        bool again = replay(&world.env, &twice);
        FLY_ASSERT(again);
        FLY_ASSERT(once.records == twice.records);
        FLY_ASSERT(once.hash == twice.hash);
    }
    fly_sim_env_deinit(&world);
    free(first);
    free(second);
    return 0;
}
