/*
 * A file for spilled rows, in memory.
 */
#ifndef FLY_TEST_VEC_TAPE_H
#define FLY_TEST_VEC_TAPE_H

#include <fly/base.h>
#include <string.h>

typedef struct tape {
    uint8_t bytes[1 << 20];
    size_t size, at;
} tape;

static inline fly_status tape_write(void *ctx, const void *data, size_t size, fly_err *err)
{
    tape *t = ctx;
    if (size > sizeof t->bytes - t->size) {
        return fly_err_set(err, FLY_E_NO_SPACE, "the tape is full");
    }
    memcpy(t->bytes + t->size, data, size);
    t->size += size;
    return FLY_OK;
}

static inline fly_status tape_read(void *ctx, void *data, size_t size, fly_err *err)
{
    tape *t = ctx;
    if (size > t->size - t->at) {
        return fly_err_set(err, FLY_E_IO, "the tape ends");
    }
    memcpy(data, t->bytes + t->at, size);
    t->at += size;
    return FLY_OK;
}

#endif
