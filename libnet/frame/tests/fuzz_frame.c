/*
 * Frames and payloads from anybody.
 *
 * The bytes are a stream: what decodes as a frame is read as each kind of field in turn, as the first
 * byte of the payload chooses, in both spellings. Nothing may be read beyond the block, which ASan
 * watches; what was read whole must come back when it is written and read again.
 */
#include <fly/net_frame.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact) {
        abort();
    }
}

static bool same(const fly_frame_value *a, const fly_frame_value *b)
{
    return a->kind == b->kind && a->scale == b->scale && memcmp(&a->i, &b->i, sizeof a->i) == 0 &&
           fly_bytes_equal(a->bytes, b->bytes);
}

/* What a value says is not longer than the room for it, and it survives the way there and back. */
static void value_comes_back(const fly_frame_value *value, fly_arena *arena)
{
    size_t room_size = fly_frame_value_room(value);
    char *room = malloc(room_size);
    must(room != NULL);
    fly_bytes text = fly_frame_value_text(value, room);
    must(text.data == value->bytes.data || text.len <= room_size);
    free(room);

    fly_frame_out out;
    fly_frame_in in;
    fly_frame frame;
    fly_frame_out_init(&out, fly_mem_system());
    fly_frame_begin(&out, FLY_FRAME_QUERY, 0);
    fly_frame_put_value(&out, "v", value);
    must(fly_frame_end(&out, NULL) == FLY_OK);
    must(fly_frame_decode(fly_bytes_of(out.data, out.len), out.len, &frame, NULL) == FLY_OK);
    must(fly_frame_in_open(&in, &frame, arena, NULL) == FLY_OK);
    fly_frame_value back = fly_frame_get_value(&in, "v");
    must(fly_frame_in_end(&in, NULL) == FLY_OK);
    must(same(value, &back));
    fly_frame_out_deinit(&out);
}

static void read_rows(fly_frame_in *in, fly_arena *arena)
{
    size_t rows = fly_frame_enter_list(in, "rows");
    for (size_t r = 0; r < rows; r++) {
        size_t columns = fly_frame_enter_row(in);
        for (size_t c = 0; c < columns; c++) {
            fly_frame_value value = fly_frame_get_value(in, NULL);
            value_comes_back(&value, arena);
        }
        fly_frame_leave(in);
    }
    fly_frame_leave(in);
}

static void read_columns(fly_frame_in *in)
{
    size_t count = fly_frame_enter_list(in, "columns");
    for (size_t i = 0; i < count; i++) {
        fly_frame_enter_item(in);
        (void)fly_frame_get_text(in, "name");
        (void)fly_frame_get_uint(in, "type");
        (void)fly_frame_get_int(in, "mod");
        (void)fly_frame_get_bool(in, "null");
        fly_frame_leave(in);
    }
    fly_frame_leave(in);
}

static void read_payload(const fly_frame *frame, fly_arena *arena)
{
    fly_frame_in in;
    if (fly_frame_in_open(&in, frame, arena, NULL) != FLY_OK) {
        return;
    }
    fly_err trouble;
    char severity[16];
    switch (frame->type & 3) {
    case 0:
        read_rows(&in, arena);
        break;
    case 1:
        read_columns(&in);
        break;
    case 2:
        fly_frame_get_err(&in, severity, &trouble);
        must(strlen(severity) < sizeof severity);
        break;
    default: {
        fly_frame_value value = fly_frame_get_value(&in, "value");
        value_comes_back(&value, arena);
        break;
    }
    }
    fly_status whole = fly_frame_in_status(&in, NULL);
    must(whole != FLY_OK ? fly_frame_in_end(&in, NULL) != FLY_OK : true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fly_arena arena;
    fly_arena_init(&arena, fly_mem_system(), 0);
    uint8_t *copy = malloc(size > 0 ? size : 1);
    must(copy != NULL);
    memcpy(copy, data, size);
    size_t at = 0;
    fly_frame frame;
    while (fly_frame_decode(fly_bytes_of(copy + at, size - at), 1 << 20, &frame, NULL) == FLY_OK) {
        read_payload(&frame, &arena);
        at += fly_frame_size(&frame);
    }
    /* The same bytes as a payload of either spelling, whatever their header would be. */
    frame = (fly_frame){.type = size > 0 ? data[0] : 0, .payload = fly_bytes_of(copy, size)};
    read_payload(&frame, &arena);
    frame.flags = FLY_FRAME_JSON;
    read_payload(&frame, &arena);
    free(copy);
    fly_arena_deinit(&arena);
    return 0;
}
