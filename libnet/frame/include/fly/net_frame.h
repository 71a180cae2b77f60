/**
 * @file net_frame.h
 * @brief The frames of the binary protocol, and what lies in them, as pure functions over bytes.
 *
 *     0      1      2      3      4              8
 *     +------+------+------+------+--------------+---------------- - -
 *     | 0xFD | 0x01 | type | flags| length, BE   | payload
 *     +------+------+------+------+--------------+---------------- - -
 *
 * A payload is a row of fields. It has two spellings, and the same calls write and read both: the
 * binary one has the fields one after the other without their names; with ::FLY_FRAME_JSON it is an
 * object of JSON in which the names stand and the order is free.
 *
 *     fly_frame_begin(&out, FLY_FRAME_PREPARE, 0);
 *     fly_frame_put_text(&out, "name", fly_bytes_str("by_id"));
 *     fly_frame_put_text(&out, "sql", fly_bytes_str("SELECT * FROM t WHERE id = $1"));
 *     fly_frame_end(&out, &err);                       // out.data, out.len: to be sent
 *
 *     fly_frame_decode(input, limit, &frame, &err);    // FLY_E_AGAIN: more bytes are needed
 *     fly_frame_in_open(&in, &frame, &arena, &err);
 *     fly_bytes name = fly_frame_get_text(&in, "name");
 *     fly_bytes sql = fly_frame_get_text(&in, "sql");
 *     fly_frame_in_end(&in, &err);                     // one question for all fields
 *
 * What the messages are is told in docs/protocols/binary.md.
 *
 * Threads: thread-compatible. Trust: a reader distrusts every byte; what it gives lies inside of them or
 * in the arena.
 */
#ifndef FLY_NET_FRAME_H
#define FLY_NET_FRAME_H

#include <fly/base_mem.h>

/** @defgroup net_frame net-frame: the frames of the binary protocol */
/** @addtogroup net_frame
 *  @{ */

#define FLY_NET_FRAME_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

enum {
    FLY_FRAME_MAGIC = 0xfd,    /**< the first byte of every frame */
    FLY_FRAME_PROTOCOL = 0x01, /**< the second: the protocol's version */
    FLY_FRAME_HEADER_SIZE = 8,
    FLY_FRAME_DEPTH_MAX = 8 /**< of lists and objects in a payload */
};

/** What a frame is. The answer to a request has its type with ::FLY_FRAME_ANSWER. */
typedef enum fly_frame_type {
    FLY_FRAME_QUERY = 0x01,
    FLY_FRAME_PREPARE = 0x02,
    FLY_FRAME_EXECUTE = 0x03,
    FLY_FRAME_DEALLOCATE = 0x04,
    FLY_FRAME_COPY_DATA = 0x05, /**< has no answer */
    FLY_FRAME_COPY_END = 0x06,  /**< the same: the statement that copies answers */
    FLY_FRAME_CURSOR_OPEN = 0x10,
    FLY_FRAME_CURSOR_FETCH = 0x11,
    FLY_FRAME_CURSOR_CLOSE = 0x12,
    FLY_FRAME_GET_TABLES = 0x20,
    FLY_FRAME_GET_COLUMNS = 0x21,
    FLY_FRAME_GET_TYPE_INFO = 0x22,
    FLY_FRAME_BEGIN_TX = 0x30,
    FLY_FRAME_COMMIT_TX = 0x31,
    FLY_FRAME_ROLLBACK_TX = 0x32,
    FLY_FRAME_SET_OPTION = 0x40,
    FLY_FRAME_GET_OPTION = 0x41,
    FLY_FRAME_GET_SERVER_INFO = 0x42,
    FLY_FRAME_AUTH = 0x50,
    FLY_FRAME_PING = 0x51,
    FLY_FRAME_CANCEL = 0x52,
    FLY_FRAME_QUIT = 0x53,
    FLY_FRAME_START_TLS = 0x54,
    FLY_FRAME_WATCH = 0x60,
    FLY_FRAME_UNWATCH = 0x61,

    FLY_FRAME_ANSWER = 0x80,       /**< added to a request's type */
    FLY_FRAME_NOTICE = 0xf0,       /**< belongs to the running request */
    FLY_FRAME_EVENT = 0xf1,        /**< of a WATCH; belongs to no request */
    FLY_FRAME_NOTIFICATION = 0xf2, /**< of a LISTEN; belongs to no request */
    FLY_FRAME_ERROR = 0xff         /**< instead of an answer, or of the rest of one */
} fly_frame_type;

/** Bits of the flags. */
enum {
    FLY_FRAME_JSON = 0x01, /**< the payload is JSON; of a request: its answer shall be too */
    FLY_FRAME_TEXT = 0x02, /**< of a request: values shall come as psql would show them */
    FLY_FRAME_MORE = 0x04  /**< of an answer: another frame of it follows */
};

/** What an answer that has rows tells with one of its frames. */
typedef enum fly_frame_part {
    FLY_FRAME_DONE = 0,    /**< a statement has ended */
    FLY_FRAME_COLUMNS = 1, /**< what the rows will be like */
    FLY_FRAME_ROWS = 2,    /**< some rows */
    FLY_FRAME_COPY_IN = 3, /**< COPY FROM STDIN waits for data */
    FLY_FRAME_COPY_OUT = 4 /**< some data of COPY TO STDOUT */
} fly_frame_part;

/** What an answer to Auth says. */
typedef enum fly_frame_login {
    FLY_FRAME_LOGGED_IN = 0,
    FLY_FRAME_CONTINUE = 1,     /**< a SCRAM message is to be answered */
    FLY_FRAME_SEND_PASSWORD = 2 /**< SCRAM cannot be done for this user: mechanism PLAIN can */
} fly_frame_login;

/** The name of a type as the documentation has it, "CursorOpen"; NULL if it is none. */
const char *fly_frame_type_name(uint8_t type);

/** One frame; the payload borrows. */
typedef struct fly_frame {
    uint8_t type, flags;
    fly_bytes payload;
} fly_frame;

/**
 * @brief Take the first frame of what has arrived.
 *
 * @param limit  Of the payload, in bytes: decided when the header is there, before anybody waits, or
 *               takes memory, for the rest.
 * @return FLY_E_AGAIN: it is not whole yet; FLY_E_INVALID with 08P01: no frame begins here;
 *         FLY_E_TOO_LARGE: beyond `limit`.
 */
FLY_MUST_USE fly_status fly_frame_decode(fly_bytes input, size_t limit, fly_frame *frame,
                                         fly_err *err);

/** How many bytes a frame takes, its header with it. */
static inline size_t fly_frame_size(const fly_frame *frame)
{
    return FLY_FRAME_HEADER_SIZE + frame->payload.len;
}

/* -------------------------------------------------------------------- values */

/** Kinds of values. A value that its kind cannot say, such as a date of infinity or a numeric of forty
 *  digits, comes as TEXT: every reader must take TEXT for any type. */
typedef enum fly_frame_kind {
    FLY_FRAME_V_NULL = 0x00,
    FLY_FRAME_V_FALSE = 0x01,
    FLY_FRAME_V_TRUE = 0x02,
    FLY_FRAME_V_INT = 0x03,         /**< `i` */
    FLY_FRAME_V_DOUBLE = 0x04,      /**< `d` */
    FLY_FRAME_V_TEXT = 0x05,        /**< `bytes`: UTF-8 */
    FLY_FRAME_V_BYTES = 0x06,       /**< `bytes` */
    FLY_FRAME_V_DATE = 0x07,        /**< `i`: days since 1970-01-01 */
    FLY_FRAME_V_TIME = 0x08,        /**< `i`: microseconds of the day */
    FLY_FRAME_V_TIMESTAMP = 0x09,   /**< `i`: microseconds since 1970-01-01 00:00:00 */
    FLY_FRAME_V_TIMESTAMPTZ = 0x0a, /**< the same, in UTC */
    FLY_FRAME_V_UUID = 0x0b,        /**< `bytes`: 16 */
    FLY_FRAME_V_DECIMAL = 0x0c      /**< `i` divided by ten `scale` times */
} fly_frame_kind;

/** One value; bytes borrow. */
typedef struct fly_frame_value {
    uint8_t kind;  /**< a ::fly_frame_kind */
    uint8_t scale; /**< of a decimal: up to ::FLY_FRAME_SCALE_MAX */
    union {
        int64_t i;
        double d;
    };
    fly_bytes bytes;
} fly_frame_value;

enum {
    FLY_FRAME_SCALE_MAX = 18, /**< digits behind the point of a decimal */
    FLY_FRAME_ROOM = 64       /**< bytes that hold the text of any value that has no bytes */
};

/** How many bytes the text of a value needs at most. */
size_t fly_frame_value_room(const fly_frame_value *value);

/**
 * @brief A value as text: numbers and booleans as psql shows them, dates and times in ISO style.
 *
 * @param room  fly_frame_value_room() bytes. The result borrows it, or the value's own bytes.
 */
fly_bytes fly_frame_value_text(const fly_frame_value *value, char *room);

/* ------------------------------------------------------------------- writing */

/** @cond */
typedef struct fly__frame_level {
    size_t at, count; /* where a list's count stands, and what it is so far */
    char kind;        /* '[' list, '(' row, '{' item */
} fly__frame_level;
/** @endcond */

/** Frames being written, one behind the other. Bytes up to `len` may be taken away between frames. */
typedef struct fly_frame_out {
    fly_mem *mem; /**< kept */
    uint8_t *data;
    size_t len, size; /**< of `data`: used, reserved */
    /** @cond */
    size_t start;
    bool json, failed;
    uint8_t depth;
    fly__frame_level levels[FLY_FRAME_DEPTH_MAX];
    /** @endcond */
} fly_frame_out;

/** Set up a writer; takes no memory yet. */
void fly_frame_out_init(fly_frame_out *out, fly_mem *mem);
/** Release its bytes. */
void fly_frame_out_deinit(fly_frame_out *out);
/** Forget the bytes; keep at most `keep` of them reserved. */
void fly_frame_out_clear(fly_frame_out *out, size_t keep);

/** Begin a frame. What is put next is in it. */
void fly_frame_begin(fly_frame_out *out, uint8_t type, uint8_t flags);
/** End it. @return FLY_E_NO_MEMORY, FLY_E_TOO_LARGE (4 GiB): the frame was taken back. */
FLY_MUST_USE fly_status fly_frame_end(fly_frame_out *out, fly_err *err);
/** Take back the frame that was begun. */
void fly_frame_undo(fly_frame_out *out);
/** The bytes of the frame so far. */
size_t fly_frame_pending(const fly_frame_out *out);

/** A field, or, with NULL for its name, the next element of a list or a row. @{ */
/** A number that is not negative. */
void fly_frame_put_uint(fly_frame_out *out, const char *name, uint64_t value);
/** A number. */
void fly_frame_put_int(fly_frame_out *out, const char *name, int64_t value);
/** Yes or no. */
void fly_frame_put_bool(fly_frame_out *out, const char *name, bool value);
/** A text. */
void fly_frame_put_text(fly_frame_out *out, const char *name, fly_bytes text);
/** A value of SQL. */
void fly_frame_put_value(fly_frame_out *out, const char *name, const fly_frame_value *value);
/** @} */

/** Open a list: what follows, up to fly_frame_close(), is in it. */
void fly_frame_open_list(fly_frame_out *out, const char *name);
/** Open a row of `count` values in a list. */
void fly_frame_open_row(fly_frame_out *out, size_t count);
/** Open an item in a list: fields with names. */
void fly_frame_open_item(fly_frame_out *out);
/** Close what was opened last. */
void fly_frame_close(fly_frame_out *out);

/* ------------------------------------------------------------------- reading */

/** @cond */
typedef struct fly__frame_scope {
    const uint8_t *begin, *at,
        *end; /* of JSON: behind the bracket, the next element, the closing one */
    bool object;
} fly__frame_scope;
/** @endcond */

/** A payload being read. A field that is not there is zero in JSON, and a failure in binary; after a
 *  failure everything is zero. */
typedef struct fly_frame_in {
    /** @cond */
    const uint8_t *at, *end;
    fly_arena *arena;
    const char *problem;
    bool json;
    uint8_t depth;
    fly__frame_scope scopes[FLY_FRAME_DEPTH_MAX + 1];
    /** @endcond */
} fly_frame_in;

/**
 * @brief Begin to read a frame's payload.
 *
 * @param arena  Kept: texts of JSON that have escapes are written into it.
 * @return FLY_E_INVALID with 08P01: it says JSON and is none.
 */
FLY_MUST_USE fly_status fly_frame_in_open(fly_frame_in *in, const fly_frame *frame,
                                          fly_arena *arena, fly_err *err);

/** A field, or, with NULL for its name, the next element. Texts borrow the payload or the arena. @{ */
uint64_t fly_frame_get_uint(fly_frame_in *in, const char *name);
/** A number. */
int64_t fly_frame_get_int(fly_frame_in *in, const char *name);
/** Yes or no. */
bool fly_frame_get_bool(fly_frame_in *in, const char *name);
/** A text. */
fly_bytes fly_frame_get_text(fly_frame_in *in, const char *name);
/** A value of SQL. In JSON a number that is no integer of 64 bits comes as TEXT, with all its digits. */
fly_frame_value fly_frame_get_value(fly_frame_in *in, const char *name);
/** @} */

/** Enter a list, up to fly_frame_leave(): how many elements it has. Never more than bytes are left. */
size_t fly_frame_enter_list(fly_frame_in *in, const char *name);
/** Enter the next row of a list: how many values it has. */
size_t fly_frame_enter_row(fly_frame_in *in);
/** Enter the next item of a list. */
void fly_frame_enter_item(fly_frame_in *in);
/** Leave what was entered last. */
void fly_frame_leave(fly_frame_in *in);

/** Whether all that was read was there. @return FLY_E_INVALID with 08P01. */
FLY_MUST_USE fly_status fly_frame_in_status(const fly_frame_in *in, fly_err *err);
/** The same, and that nothing is left over. A server asks so; a client lets newer fields be. */
FLY_MUST_USE fly_status fly_frame_in_end(const fly_frame_in *in, fly_err *err);

/* -------------------------------------------------------------------- errors */

/** Put a trouble: the payload of an Error or a Notice. */
void fly_frame_put_err(fly_frame_out *out, const char *severity, const fly_err *trouble);

/** Get it. @param severity  At least 16 bytes. */
void fly_frame_get_err(fly_frame_in *in, char *severity, fly_err *trouble);

FLY_EXTERN_C_END
/** @} */
#endif
