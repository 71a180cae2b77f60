/*
 * Between the files that make strings: one that grows in an arena.
 */
#ifndef FLY_TEXT_INT_H
#define FLY_TEXT_INT_H

#include <fly/vec_text.h>

typedef struct fly__vec_sink {
    fly_arena *arena;
    uint8_t *bytes;
    size_t n, room;
    fly_status trouble; /* the first failure; later calls do nothing */
    uint8_t small[64];
} fly__vec_sink;

fly_status fly__vec_text_error(fly_err *err, const char *sqlstate, const char *message);
/* The same with a text, cut if it is long, in the place of %s. */
fly_status fly__vec_text_error_text(fly_err *err, const char *sqlstate, const char *format,
                                    fly_bytes text);
/* `expect` bytes are reserved; more are fine. */
void fly__vec_sink_init(fly__vec_sink *s, fly_arena *arena, size_t expect);
/* Make room for `more` bytes at bytes + n. */
bool fly__vec_sink_room(fly__vec_sink *s, size_t more);
void fly__vec_sink_put(fly__vec_sink *s, const void *data, size_t len);
fly_status fly__vec_sink_give(fly__vec_sink *s, fly_vec_str *out, fly_err *err);

#endif
