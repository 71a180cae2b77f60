/*
 * Archives. Format: docs/formats/dump.md.
 *
 *     0     "FLYDUMP\x01"
 *     8     u64 where the table of contents begins; 0 while the file is being written
 *     16    data: one zstd frame, with checksum, for each table
 *     ...   the table of contents: a zstd frame, with checksum
 *
 * The table of contents comes last because it knows where the data are; a file that was not finished has
 * none and is refused. A frame's checksum covers what was compressed, so damage shows.
 *
 * Trust: bytes of an archive are hostile. Its texts are statements that whoever restores it runs: an
 * archive, like any script, is to be restored by somebody who trusts where it came from.
 */
#define _POSIX_C_SOURCE 200809L

#include "archive.h"

#include <fly/base_bytes.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
#include <zstd.h>

enum { HEAD = 16, PIECE = 128 * 1024, LEVEL = 3, CONTENTS_MAX = 256 << 20, ENTRIES_MAX = 10000000 };

static const char MAGIC[8] = "FLYDUMP\x01";

/* -------------------------------------------------------------------------- writing */

typedef struct writer {
    FILE *file;
    ZSTD_CCtx *zstd;
    uint8_t *out; /* of PIECE bytes */
    uint64_t at;
    bool failed;
} writer;

static bool compress(writer *to, fly_bytes data, ZSTD_EndDirective end)
{
    ZSTD_inBuffer in = {data.data, data.len, 0};
    size_t left;
    do {
        ZSTD_outBuffer out = {to->out, PIECE, 0};
        left = ZSTD_compressStream2(to->zstd, &out, &in, end);
        if (ZSTD_isError(left) || fwrite(to->out, 1, out.pos, to->file) != out.pos) {
            to->failed = true;
            return false;
        }
        to->at += out.pos;
    } while (in.pos < in.size || (end == ZSTD_e_end && left > 0));
    return true;
}

static bool take_data(void *ctx, fly_bytes data)
{
    return compress(ctx, data, ZSTD_e_continue);
}

static void put_text(fsql_text *to, const char *text)
{
    uint8_t len[4];
    fly_put_u32(len, (uint32_t)strlen(text));
    fsql_text_add(to, len, sizeof len);
    fsql_text_str_add(to, text);
}

static void put_entry(fsql_text *to, const flydump_entry *entry, uint64_t offset, uint64_t size)
{
    uint8_t numbers[17];
    numbers[0] = (uint8_t)entry->stage;
    fly_put_u64(numbers + 1, offset);
    fly_put_u64(numbers + 9, size);
    fsql_text_add(to, numbers, sizeof numbers);
    put_text(to, entry->kind);
    put_text(to, entry->schema);
    put_text(to, entry->name);
    put_text(to, entry->text);
}

static bool write_entries(flydump_source *source, writer *to, const flydump_list *list,
                          fsql_text *contents)
{
    source->write = take_data;
    source->write_ctx = to;
    for (size_t i = 0; i < list->count; i++) {
        const flydump_entry *entry = &list->entries[i];
        uint64_t offset = to->at;
        if (entry->stage == FLYDUMP_DATA) {
            if (!flydump_run(source, entry->source, NULL, NULL)) {
                flydump_complain(source, entry->name);
                return false;
            }
            if (!compress(to, (fly_bytes){0}, ZSTD_e_end)) {
                return false;
            }
        }
        put_entry(contents, entry, offset, to->at - offset);
    }
    return true;
}

/* The head is written last, when everything that it leads to is in the file. */
static bool write_head(writer *to, uint64_t contents)
{
    uint8_t head[HEAD];
    memcpy(head, MAGIC, sizeof MAGIC);
    fly_put_u64(head + 8, contents);
    return fflush(to->file) == 0 && fsync(fileno(to->file)) == 0 &&
           fseeko(to->file, 0, SEEK_SET) == 0 && fwrite(head, 1, HEAD, to->file) == HEAD &&
           fflush(to->file) == 0;
}

bool flydump_write_archive(flydump_source *source, const flydump_list *list, FILE *file)
{
    static const uint8_t empty[HEAD];
    writer to = {.file = file, .zstd = ZSTD_createCCtx(), .at = HEAD};
    fsql_text contents = {0};
    uint8_t count[4];
    to.out = fsql_grow(NULL, PIECE);
    bool good = to.zstd != NULL &&
                !ZSTD_isError(ZSTD_CCtx_setParameter(to.zstd, ZSTD_c_checksumFlag, 1)) &&
                !ZSTD_isError(ZSTD_CCtx_setParameter(to.zstd, ZSTD_c_compressionLevel, LEVEL)) &&
                fwrite(empty, 1, HEAD, file) == HEAD;
    fly_put_u32(count, (uint32_t)list->count);
    fsql_text_add(&contents, count, sizeof count);
    good = good && write_entries(source, &to, list, &contents);
    uint64_t at = to.at;
    good = good && compress(&to, fsql_text_bytes(&contents), ZSTD_e_end) && write_head(&to, at);
    source->write = NULL;
    fsql_text_deinit(&contents);
    free(to.out);
    (void)ZSTD_freeCCtx(to.zstd);
    return good;
}

/* -------------------------------------------------------------------------- reading */

struct flydump_reader {
    int fd;
    ZSTD_DCtx *zstd;
    uint64_t at; /* in the file */
    uint64_t end;
    ZSTD_inBuffer in;
    size_t left; /* what zstd said: 0 at the end of a frame */
    uint8_t input[PIECE];
    uint8_t output[PIECE];
};

flydump_reader *flydump_reader_open(int fd, const flydump_entry *entry)
{
    flydump_reader *reader = fsql_grow(NULL, sizeof *reader);
    reader->fd = fd;
    reader->zstd = ZSTD_createDCtx();
    reader->at = entry->offset;
    reader->end = entry->offset + entry->size;
    reader->in = (ZSTD_inBuffer){reader->input, 0, 0};
    reader->left = 1;
    if (reader->zstd == NULL) {
        free(reader);
        return NULL;
    }
    return reader;
}

void flydump_reader_close(flydump_reader *reader)
{
    if (reader != NULL) {
        (void)ZSTD_freeDCtx(reader->zstd);
        free(reader);
    }
}

static bool fill(flydump_reader *reader, fsql_text *why)
{
    uint64_t rest = reader->end - reader->at;
    size_t wanted = rest < PIECE ? (size_t)rest : PIECE;
    ssize_t n = pread(reader->fd, reader->input, wanted, (off_t)reader->at);
    if (n <= 0) {
        fsql_text_printf(why, "could not read the archive: %s",
                         n < 0 ? strerror(errno) : "it ends too early");
        return false;
    }
    reader->at += (uint64_t)n;
    reader->in = (ZSTD_inBuffer){reader->input, (size_t)n, 0};
    return true;
}

bool flydump_reader_next(flydump_reader *reader, fly_bytes *data, fsql_text *why)
{
    for (;;) {
        if (reader->in.pos == reader->in.size) {
            if (reader->at == reader->end) {
                *data = (fly_bytes){0};
                if (reader->left != 0) {
                    fsql_text_str_add(why, "the archive is damaged: data end too early");
                }
                return reader->left == 0;
            }
            if (!fill(reader, why)) {
                return false;
            }
        }
        ZSTD_outBuffer out = {reader->output, PIECE, 0};
        reader->left = ZSTD_decompressStream(reader->zstd, &out, &reader->in);
        if (ZSTD_isError(reader->left)) {
            fsql_text_printf(why, "the archive is damaged: %s", ZSTD_getErrorName(reader->left));
            return false;
        }
        if (out.pos > 0) {
            *data = fly_bytes_of(reader->output, out.pos);
            return true;
        }
    }
}

/* What is left of the table of contents. */
typedef struct cursor {
    const uint8_t *at;
    const uint8_t *end;
} cursor;

static bool take_bytes(cursor *from, size_t len, const uint8_t **bytes)
{
    if ((size_t)(from->end - from->at) < len) {
        return false;
    }
    *bytes = from->at;
    from->at += len;
    return true;
}

static bool take_text(cursor *from, char **text)
{
    const uint8_t *bytes;
    if (!take_bytes(from, 4, &bytes)) {
        return false;
    }
    size_t len = fly_get_u32(bytes);
    if (!take_bytes(from, len, &bytes) || memchr(bytes, 0, len) != NULL) {
        return false;
    }
    *text = fsql_grow(NULL, len + 1);
    memcpy(*text, bytes, len);
    (*text)[len] = '\0';
    return true;
}

static bool take_entry(cursor *from, uint64_t contents, flydump_list *list)
{
    const uint8_t *numbers;
    char *texts[4] = {NULL, NULL, NULL, NULL};
    bool good = take_bytes(from, 17, &numbers);
    for (size_t i = 0; i < 4 && good; i++) {
        good = take_text(from, &texts[i]);
    }
    if (good) {
        uint64_t offset = fly_get_u64(numbers + 1);
        uint64_t size = fly_get_u64(numbers + 9);
        good = numbers[0] < FLYDUMP_STAGES && offset >= HEAD && offset <= contents &&
               size <= contents - offset;
        if (good) {
            flydump_entry *entry = flydump_add(list, (flydump_stage)numbers[0], texts[0], texts[1],
                                               texts[2], texts[3]);
            entry->offset = offset;
            entry->size = size;
        }
    }
    for (size_t i = 0; i < 4; i++) {
        free(texts[i]);
    }
    return good;
}

static bool read_contents(int fd, uint64_t at, uint64_t end, fsql_text *contents, fsql_text *why)
{
    flydump_entry place = {.offset = at, .size = end - at};
    flydump_reader *reader = flydump_reader_open(fd, &place);
    fly_bytes piece = {0};
    bool good = reader != NULL;
    do {
        good = good && flydump_reader_next(reader, &piece, why);
        if (good) {
            fsql_text_add(contents, piece.data, piece.len);
        }
        if (contents->len > CONTENTS_MAX) {
            fsql_text_str_add(why, "the archive is damaged: its table of contents is too large");
            good = false;
        }
    } while (good && piece.len > 0);
    flydump_reader_close(reader);
    return good;
}

static bool read_entries(fly_bytes contents, uint64_t at, flydump_list *list)
{
    cursor from = {contents.data, contents.data + contents.len};
    const uint8_t *bytes;
    if (contents.len < 4 || !take_bytes(&from, 4, &bytes)) {
        return false;
    }
    uint32_t count = fly_get_u32(bytes);
    bool good = count <= ENTRIES_MAX;
    for (uint32_t i = 0; i < count && good; i++) {
        good = take_entry(&from, at, list);
    }
    return good && from.at == from.end;
}

bool flydump_read_archive(FILE *file, flydump_list *list, fsql_text *why)
{
    uint8_t head[HEAD];
    fsql_text contents = {0};
    if (fread(head, 1, HEAD, file) != HEAD || memcmp(head, MAGIC, sizeof MAGIC - 1) != 0) {
        fsql_text_str_add(why, "this is no archive of flydump");
        return false;
    }
    uint64_t at = fly_get_u64(head + 8);
    off_t end = fseeko(file, 0, SEEK_END) == 0 ? ftello(file) : -1;
    bool good = false;
    if (head[7] != MAGIC[7]) {
        fsql_text_printf(why, "an archive of version %u, which this flydump does not read",
                         head[7]);
    } else if (at < HEAD || end < 0 || at >= (uint64_t)end) {
        fsql_text_str_add(why, "the archive was not finished");
    } else if (read_contents(fileno(file), at, (uint64_t)end, &contents, why)) {
        good = read_entries(fsql_text_bytes(&contents), at, list);
        if (!good) {
            fsql_text_str_add(why, "the archive is damaged: its table of contents makes no sense");
        }
    }
    fsql_text_deinit(&contents);
    return good;
}
