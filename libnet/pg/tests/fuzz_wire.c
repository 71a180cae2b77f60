/*
 * Decoders of messages under any bytes.
 *
 * Byte 0 says whether the rest begins a connection or goes on with one. The rest lies in a block of
 * exactly its size, so that ASan sees a step beyond it. What decodes must lie inside the block, and
 * every shorter input must be judged as not whole, or refused with the same words.
 */
#include "wire_int.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact) {
        abort();
    }
}

static void inside(fly_bytes block, fly_bytes part)
{
    must(part.len == 0 || (part.data >= block.data && part.len <= block.len &&
                           (size_t)(part.data - block.data) <= block.len - part.len));
}

static void first(fly_bytes in)
{
    fly__pg_first first;
    size_t used = 0;
    fly_err err = {0};
    fly_status status = fly__pg_first_decode(in, &first, &used, &err);
    must(status == FLY_OK || status == FLY_E_AGAIN || status == FLY_E_INVALID);
    if (status == FLY_E_AGAIN) {
        must(used > in.len || in.len < 8);
    }
    if (status != FLY_OK) {
        return;
    }
    must(used <= in.len);
    inside(in, first.params);
    const char *name;
    const char *value;
    fly_bytes params = first.params;
    while (fly__pg_first_next(&params, &name, &value)) {
        inside(in, fly_bytes_str(name));
        inside(in, fly_bytes_str(value));
    }
}

static void body(const fly__pg_message *message)
{
    fly_err err = {0};
    fly__pg_parse parse;
    fly__pg_bind bind;
    fly__pg_target target;
    fly__pg_execute execute;
    fly_bytes text;
    const char *mechanism;
    if (fly__pg_parse_decode(message->body, &parse, &err) == FLY_OK) {
        inside(message->body, parse.text);
        inside(message->body, fly_bytes_str(parse.name));
        inside(message->body, fly_bytes_of(parse.types, 4 * (size_t)parse.type_count));
    }
    if (fly__pg_bind_decode(message->body, &bind, &err) == FLY_OK) {
        fly_bytes params = bind.params;
        for (uint32_t i = 0; i < bind.param_count; i++) {
            fly_bytes value = {0};
            if (fly__pg_bind_next(&params, &value)) {
                inside(message->body, value);
            }
            must(fly__pg_format(bind.format_count, bind.formats, i) <= 1);
        }
        must(params.len == 0);
        inside(message->body, fly_bytes_of(bind.results, 2 * (size_t)bind.result_count));
    }
    if (fly__pg_target_decode(message->body, &target, &err) == FLY_OK) {
        inside(message->body, fly_bytes_str(target.name));
    }
    if (fly__pg_execute_decode(message->body, &execute, &err) == FLY_OK) {
        inside(message->body, fly_bytes_str(execute.portal));
    }
    if (fly__pg_string_decode(message->body, &text, &err) == FLY_OK) {
        inside(message->body, text);
    }
    if (fly__pg_sasl_decode(message->body, &mechanism, &text, &err) == FLY_OK) {
        inside(message->body, text);
        inside(message->body, fly_bytes_str(mechanism));
    }
}

static void messages(fly_bytes in)
{
    while (in.len > 0) {
        fly__pg_message message;
        size_t used = 0;
        fly_err err = {0};
        fly_status status = fly__pg_message_decode(in, 1 << 20, &message, &used, &err);
        must(status == FLY_OK || status == FLY_E_AGAIN || status == FLY_E_INVALID);
        if (status != FLY_OK) {
            must(status == FLY_E_INVALID || used > in.len);
            return;
        }
        must(used <= in.len);
        inside(in, message.body);
        body(&message);
        in.data += used;
        in.len -= used;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    uint8_t *block = malloc(size);
    must(block != NULL);
    memcpy(block, data + 1, size - 1);
    fly_bytes in = fly_bytes_of(block, size - 1);
    if ((data[0] & 1) != 0) {
        first(in);
    } else {
        messages(in);
    }
    free(block);
    return 0;
}
