/*
 * Segment files, field by field.
 *
 * A reader of its own: it takes the format from docs/formats/wal.md and shares no offsets with the
 * rest of the library, so that a test which compares the two finds whoever strays.
 *
 * What is not here: what payloads mean (their owner's hook knows), decoding them, and the judgement
 * on where a log ends (reader.c).
 */
#include <fly/wal_dissect.h>

#include <fly/base_bytes.h>
#include <fly/base_hash.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    TEXT = 160,
    CHECKSUM_AT = 4,  /* in a record: the checksum, which does not cover itself */
    CHECKED_FROM = 8, /* where it goes on */
    PAD_CHECKED = 28, /* of a pad, no more than this is checked */
    BLOCK_CHECKSUM_AT = 4092
};

static void say(fly_dissector *d, size_t offset, size_t len, const char *name, const char *format,
                ...) FLY_PRINTF(5, 6);

/* Say something about bytes that have been read, or about none. */
static void say(fly_dissector *d, size_t offset, size_t len, const char *name, const char *format,
                ...)
{
    char text[TEXT];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (d->show != NULL) {
        fly_dissected field = {offset, len, d->depth, name, text};
        d->show(d->ctx, &field);
    }
}

static void compare_checksum(fly_dissector *d, uint64_t said, uint32_t is)
{
    if (said != is) {
        say(d, d->at, 0, "wrong", "the checksum should be 0x%08" PRIx32, is);
    }
}

static bool all_zero(fly_bytes bytes)
{
    return bytes.len == 0 ||
           (bytes.data[0] == 0 && memcmp(bytes.data, bytes.data + 1, bytes.len - 1) == 0);
}

/* Bytes that should be zero: told in one line if they are. */
static void zeros(fly_dissector *d, const char *name, size_t len)
{
    if (len <= fly_dissect_left(d) && all_zero(fly_bytes_of(d->bytes.data + d->at, len))) {
        say(d, d->at, len, name, "%zu bytes of zero", len);
        d->at += len;
    } else {
        (void)fly_dissect_digits(d, name, len);
    }
}

/* ---------------------------------------------------------------------------- segments */

bool fly_wal_dissect_header(fly_dissector *d, uint64_t *start)
{
    size_t begin = d->at;
    fly_dissect_enter(d, "segment header", "%d bytes", FLY_WAL_BLOCK);
    fly_bytes magic = fly_dissect_bytes(d, "magic", 8);
    uint64_t version = fly_dissect_number(d, "version", 4);
    uint64_t size = fly_dissect_number(d, "segment size", 4);
    (void)fly_dissect_digits(d, "uuid", 16);
    uint64_t number = fly_dissect_number(d, "number", 8);
    (void)fly_dissect_number(d, "previous end", 8);
    (void)fly_dissect_number(d, "durable", 8);
    (void)fly_dissect_time(d, "created");
    (void)fly_dissect_number(d, "codec", 4);
    zeros(d, "unused", 4);
    zeros(d, "codec's parameters", 64);
    zeros(d, "unused", begin + BLOCK_CHECKSUM_AT - d->at);
    uint64_t checksum = fly_dissect_hex(d, "checksum", 4);
    bool sound = false;
    if (!d->bad) {
        uint32_t is = fly_crc32c(0, d->bytes.data + begin, BLOCK_CHECKSUM_AT);
        compare_checksum(d, checksum, is);
        bool known = memcmp(magic.data, "FlyDBwal", 8) == 0 && version == 1;
        if (!known) {
            say(d, begin, 0, "wrong", "no segment of a format that is known here");
        }
        sound = known && checksum == is;
    }
    fly_dissect_leave(d);
    if (start != NULL) {
        *start = number * size;
    }
    return sound;
}

/* ----------------------------------------------------------------------------- records */

static const char *const own_types[] = {NULL, "pad", "note"};

enum { COMPRESSED = 0x4000, ENCRYPTED = 0x2000, USER_FLAGS = FLY_WAL_USER_FLAGS };

/* The next `width` bytes as a number, without taking them. They are there. */
static uint64_t peek(const fly_dissector *d, size_t offset, size_t width)
{
    uint64_t number = 0;
    for (size_t i = width; i > 0; i--) {
        number = number << 8 | d->bytes.data[d->at + offset + i - 1];
    }
    return number;
}

/* A record's header, and what can be said of it. */
struct header {
    uint64_t length, checksum, flags;
    fly_wal_record record;
    bool is_pad; /* or a note */
};

static void walk_header(fly_dissector *d, struct header *header)
{
    fly_wal_record *record = &header->record;
    header->length = fly_dissect_number(d, "length", 4);
    header->checksum = fly_dissect_hex(d, "checksum", 4);
    record->manager = (uint8_t)fly_dissect_number(d, "manager", 1);
    bool own = record->manager == FLY_WAL_SELF;
    record->type = (uint8_t)fly_dissect_named(d, "type", 1, own_types,
                                              own ? sizeof own_types / sizeof own_types[0] : 0);
    header->flags = fly_dissect_hex(d, "flags", 2);
    record->flags = (uint16_t)(header->flags & USER_FLAGS);
    record->lsn = fly_dissect_number(d, "lsn", 8);
    record->end = record->lsn + (header->length + 7) / 8 * 8;
    header->is_pad = own && (record->type == FLY_WAL_TYPE_PAD || record->type == FLY_WAL_TYPE_NOTE);
}

/* Whether the record that begins at `begin` is sound; says what is wrong with it. */
static bool judge(fly_dissector *d, size_t begin, const struct header *header, uint64_t lsn)
{
    if (lsn != 0 && header->record.lsn != lsn) {
        say(d, begin, 0, "wrong", "the record at %" PRIu64 " is another one, or none", lsn);
        return false;
    }
    if (header->length < FLY_WAL_HEADER || header->length > d->bytes.len - begin) {
        say(d, begin, 0, "wrong", "%" PRIu64 " bytes where %zu are left", header->length,
            d->bytes.len - begin);
        return false;
    }
    size_t checked = header->is_pad && header->length > PAD_CHECKED ? (size_t)PAD_CHECKED
                                                                    : (size_t)header->length;
    uint32_t is = fly_crc32c(0, d->bytes.data + begin, CHECKSUM_AT);
    is = fly_crc32c(is, d->bytes.data + begin + CHECKED_FROM, checked - CHECKED_FROM);
    compare_checksum(d, header->checksum, is);
    return header->checksum == is;
}

static void walk_payload(fly_dissector *d, const struct header *header,
                         const fly_wal_dissect_options *options)
{
    size_t len = header->length - FLY_WAL_HEADER;
    bool coded = (header->flags & (COMPRESSED | ENCRYPTED)) != 0;
    if (header->is_pad && len >= 8) {
        (void)fly_dissect_number(d, "durable", 8);
        zeros(d, "padding", len - 8);
    } else if (!coded && options != NULL && options->payload != NULL) {
        size_t outer = d->bytes.len;
        size_t end = d->at + len;
        d->bytes.len = end;
        options->payload(options->ctx, d, &header->record);
        d->bytes.len = outer;
        d->at = end;
    } else if (len > 0) {
        const char *name = (header->flags & ENCRYPTED) != 0    ? "payload, encrypted"
                           : (header->flags & COMPRESSED) != 0 ? "payload, compressed"
                                                               : "payload";
        (void)fly_dissect_digits(d, name, len);
    }
}

bool fly_wal_dissect_record(fly_dissector *d, uint64_t lsn, const fly_wal_dissect_options *options)
{
    size_t begin = d->at;
    struct header header = {0};
    if (fly_dissect_left(d) >= FLY_WAL_HEADER) {
        fly_dissect_enter(d, "record", "%" PRIu64 ", manager %" PRIu64 ", type %" PRIu64,
                          peek(d, 12, 8), peek(d, 8, 1), peek(d, 9, 1));
    } else {
        fly_dissect_enter(d, "record", "cut off");
    }
    walk_header(d, &header);
    bool sound = !d->bad && judge(d, begin, &header, lsn);
    if (sound) {
        walk_payload(d, &header, options);
        size_t gap = (size_t)((8 - header.length % 8) % 8);
        gap = gap < fly_dissect_left(d) ? gap : fly_dissect_left(d);
        if (gap > 0 && !d->bad) {
            zeros(d, "alignment", gap);
        }
    }
    fly_dissect_leave(d);
    return sound && !d->bad;
}

void fly_wal_dissect_segment(fly_dissector *d, const fly_wal_dissect_options *options)
{
    uint64_t start;
    size_t begin = d->at;
    bool sound = fly_wal_dissect_header(d, &start);
    if (!sound) {
        start = 0;
    }
    uint64_t lsn = 0;
    do {
        size_t left = fly_dissect_left(d);
        if (left < FLY_WAL_HEADER ||
            all_zero(fly_bytes_of(d->bytes.data + d->at, FLY_WAL_HEADER))) {
            break;
        }
        lsn = sound ? start + (d->at - begin) : 0;
    } while (fly_wal_dissect_record(d, lsn, options));
    size_t left = fly_dissect_left(d);
    if (!d->bad && left > 0) {
        bool zero = all_zero(fly_bytes_of(d->bytes.data + d->at, left));
        say(d, d->at, left, "the rest", "%zu bytes%s", left,
            zero ? " of zero" : " that are not records of this segment, or come after its end");
        d->at += left;
    }
}
