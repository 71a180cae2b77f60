/*
 * Values as PostgreSQL's protocol sends them in binary format, and buffers to send them in.
 */
#ifndef FLY_SQL_WIRE_INT_H
#define FLY_SQL_WIRE_INT_H

#include "types/value_int.h"

/* Room for `size` bytes at the end of a buffer, which are counted as written; NULL: none. */
static inline uint8_t *fly__sql_buffer_room(fly_sql_buffer *buffer, size_t size)
{
    if (buffer->room - buffer->len < size && !buffer->grow(buffer, size)) {
        return NULL;
    }
    uint8_t *at = buffer->data + buffer->len;
    buffer->len += size;
    return at;
}

/* Append bytes; FLY_E_NO_MEMORY. */
fly_status fly__sql_buffer_add(fly_sql_buffer *buffer, const void *data, size_t size, fly_err *err);

/* Append a value that is not NULL: what typsend does (value_send.c). `arena` is for what is made on
 * the way. */
fly_status fly__sql_value_send(struct fly_sql_session *session, fly_sql_type type,
                               const fly_vec_value *value, fly_arena *arena, fly_sql_buffer *buffer,
                               fly_err *err);

/* Append a value that is not NULL as text. */
fly_status fly__sql_value_show(struct fly_sql_session *session, fly_sql_type type,
                               const fly_vec_value *value, fly_arena *arena, fly_sql_buffer *buffer,
                               fly_err *err);

/* Read what typrecv takes (value_receive.c), all of it, for parameter number `param`: 22P03 and 08P01
 * for what is none. Strings borrow `bytes` or lie in the arena. */
fly_status fly__sql_value_receive(struct fly_sql_session *session, fly_sql_type type,
                                  fly_bytes bytes, uint32_t param, fly_arena *arena,
                                  fly_vec_value *value, fly_err *err);

/* The type with an OID, as the view knows it; OID 0: there is none. */
fly_sql_type fly__sql_type_of_oid(const fly__sql_catalog_view *view, uint32_t oid);

#endif
