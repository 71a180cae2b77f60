/**
 * @file net_text.h
 * @brief The line text protocol: what telnet, netcat and scripts of five lines speak.
 *
 *     > AUTH alice secret
 *     AUTH OK
 *     > SQL SELECT id, name FROM users
 *     id|name
 *     1|Alice
 *     2|Bob
 *     OK SELECT 2
 *
 * Here is how lines are cut, escaped and understood, as pure functions over bytes, and a protocol for
 * libnet that serves them. The protocol is told in docs/protocols/text.md.
 *
 * Threads: pure. Trust: lines are distrusted.
 */
#ifndef FLY_NET_TEXT_H
#define FLY_NET_TEXT_H

#include <fly/net.h>
#include <fly/net_server.h>

/** @defgroup net_text net-text: the line text protocol */
/** @addtogroup net_text
 *  @{ */

#define FLY_NET_TEXT_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

/* --------------------------------------------------------------------- lines */

/**
 * @brief Take the first line of what has arrived: up to LF, without it and without a CR before it.
 *
 * @param limit            Of the line, in bytes, its end not counted.
 * @param[in,out] scanned  How many bytes are known to have no LF; 0 at the start of each line. A client
 *                         that sends a long line byte by byte costs one look at each byte.
 * @param[out] line        Borrows.
 * @param[out] used        Bytes of the line with its end.
 * @return FLY_E_AGAIN: no LF yet; FLY_E_TOO_LARGE: the line is, or is going to be, longer than `limit`.
 */
FLY_MUST_USE fly_status fly_line_next(fly_bytes input, size_t limit, size_t *scanned,
                                      fly_bytes *line, size_t *used, fly_err *err);

/* ------------------------------------------------------------------- escapes */

/** Bytes that the escaped form of `len` bytes may take. */
static inline size_t fly_line_escape_room(size_t len)
{
    return 4 * len + 4;
}

/**
 * @brief Write a field as a line has it: `\n`, `\r`, `\|`, `\\`, and `\xHH` for other control bytes.
 *
 * @param starts  The field is the first of its line: if it looks like a line of another kind ("OK ..."),
 *                its first byte is written as `\xHH`.
 * @param[out] to  fly_line_escape_room() bytes.
 * @return The bytes written.
 */
size_t fly_line_escape(fly_bytes field, bool starts, uint8_t *to);

/**
 * @brief Undo it. `\N` is refused: whoever reads fields of rows asks fly_line_is_null() first.
 *
 * @param[out] to   field.len bytes; may be the field's own.
 * @param[out] len  Bytes written.
 * @return FLY_E_INVALID with 22025 and the place: a backslash and something else behind it.
 */
FLY_MUST_USE fly_status fly_line_unescape(fly_bytes field, uint8_t *to, size_t *len, fly_err *err);

/** Whether a field of a row is NULL: it is `\N` and nothing else. */
static inline bool fly_line_is_null(fly_bytes field)
{
    return field.len == 2 && field.data[0] == '\\' && field.data[1] == 'N';
}

/** The next field of a row, still escaped: up to a bar that is not escaped. `*at` begins at 0 and ends
 *  beyond row.len. A row has at least one field. */
fly_bytes fly_line_field(fly_bytes row, size_t *at);

/* ------------------------------------------------------------------ commands */

/** What a client can say. */
typedef enum fly_line_verb {
    FLY_LINE_UNKNOWN,
    FLY_LINE_EMPTY, /**< a line with nothing in it: has no answer */
    FLY_LINE_PING,
    FLY_LINE_AUTH,
    FLY_LINE_USE,
    FLY_LINE_SQL,
    FLY_LINE_WATCH,
    FLY_LINE_UNWATCH,
    FLY_LINE_HELP,
    FLY_LINE_QUIT
} fly_line_verb;

/** One command. What it borrows is still escaped. */
typedef struct fly_line_command {
    fly_line_verb verb;
    fly_bytes first;  /**< user, database, statement, table; of an unknown one: its first word */
    fly_bytes second; /**< password */
    uint64_t from;    /**< of WATCH ... FROM */
    bool has_from;
} fly_line_command;

/**
 * @brief Understand a line.
 *
 * Commands are words in any case; what follows is parted from them, and from each other, by a blank.
 *
 * @return FLY_E_INVALID with 42601: arguments are missing or too many.
 */
FLY_MUST_USE fly_status fly_line_parse(fly_bytes line, fly_line_command *command, fly_err *err);

/** What a line from the server is, to a client. */
typedef enum fly_line_kind {
    FLY_LINE_DATA, /**< a header or a row */
    FLY_LINE_OK,   /**< the end of a result */
    FLY_LINE_ERROR,
    FLY_LINE_NOTICE, /**< belongs to the result that it stands in */
    FLY_LINE_EVENT,  /**< of a WATCH; stands between results */
    FLY_LINE_NOTIFY  /**< of a LISTEN; stands between results */
} fly_line_kind;

/** What a line from the server is. */
fly_line_kind fly_line_kind_of(fly_bytes line);

/* ------------------------------------------------------------------- serving */

/** What a listener's `ctx` points to. */
typedef struct fly_line_front {
    fly_server *server; /**< logs clients in */
    size_t line_max;    /**< bytes of a line after the login; 0: 1 MiB */
} fly_line_front;

/** The protocol, for a ::fly_net_listener whose `ctx` is a ::fly_line_front. */
extern const fly_net_protocol fly_line_protocol;

FLY_EXTERN_C_END
/** @} */

#endif
