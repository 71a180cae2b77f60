/*
 * Lines from anybody.
 *
 * The bytes are a stream, cut at lines and understood; each is also taken for a field: it must come back
 * from its escapes, and its escaped form must be one field of one line.
 */
#include <fly/net_text.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact) {
        abort();
    }
}

static void field_comes_back(fly_bytes field)
{
    uint8_t *room = malloc(fly_line_escape_room(field.len));
    must(room != NULL);
    fly_bytes made = fly_bytes_of(room, fly_line_escape(field, true, room));
    must(made.len <= fly_line_escape_room(field.len));
    must(made.len == 0 || memchr(made.data, '\n', made.len) == NULL);
    must(fly_line_kind_of(made) == FLY_LINE_DATA && !fly_line_is_null(made));
    size_t at = 0;
    must(fly_line_field(made, &at).len == made.len && at == made.len + 1);
    size_t len = 0;
    must(fly_line_unescape(made, room, &len, NULL) == FLY_OK);
    must(fly_bytes_equal(fly_bytes_of(room, len), field));
    free(room);
}

static void any_line(fly_bytes line)
{
    fly_line_command command;
    uint8_t *room = malloc(line.len + 1);
    must(room != NULL);
    size_t len = 0;
    if (fly_line_unescape(line, room, &len, NULL) == FLY_OK) {
        must(len <= line.len);
    }
    free(room);
    if (fly_line_parse(line, &command, NULL) == FLY_OK) {
        must(command.first.len <= line.len && command.second.len <= line.len);
    }
    size_t fields = 0;
    for (size_t at = 0; at <= line.len;) {
        fly_bytes field = fly_line_field(line, &at);
        must(field.len <= line.len);
        fields++;
    }
    must(fields >= 1);
    field_comes_back(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    must(copy != NULL);
    memcpy(copy, data, size);
    size_t scanned = 0;
    size_t at = 0;
    fly_bytes line;
    size_t used;
    while (fly_line_next(fly_bytes_of(copy + at, size - at), 4096, &scanned, &line, &used, NULL) ==
           FLY_OK) {
        any_line(line);
        at += used;
    }
    any_line(fly_bytes_of(copy, size));
    free(copy);
    return 0;
}
