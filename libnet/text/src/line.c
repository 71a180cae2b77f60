/*
 * Lines: where they end, what their escapes mean, what they ask for.
 *
 *     L1  no byte that fly_line_escape() writes is LF, CR or, unescaped, a bar
 *     L2  unescape(escape(x)) = x, for all bytes
 *     L3  what begins with "OK ", "ERROR ", "NOTICE ", "EVENT " or "NOTIFY " is never a header or a row
 *
 * so that a client tells rows from what ends them by the first word alone. Everything is bytes: that they
 * are UTF-8 is somebody else's question.
 */
#include <fly/net_text.h>

#include <string.h>

/* --------------------------------------------------------------------- lines */

fly_status fly_line_next(fly_bytes input, size_t limit, size_t *scanned, fly_bytes *line,
                         size_t *used, fly_err *err)
{
    FLY_ASSERT(*scanned <= input.len);
    const uint8_t *end = NULL;
    if (input.len > *scanned) {
        end = memchr(input.data + *scanned, '\n', input.len - *scanned);
    }
    size_t len = end != NULL ? (size_t)(end - input.data) : input.len;
    bool cr = len > 0 && input.data[len - 1] == '\r';
    if (len - cr > limit) {
        return fly_err_set(err, FLY_E_TOO_LARGE, "line exceeds the limit of %zu bytes", limit);
    }
    if (end == NULL) {
        *scanned = input.len;
        return FLY_E_AGAIN;
    }
    *line = fly_bytes_of(input.data, len - cr);
    *used = len + 1;
    *scanned = 0;
    return FLY_OK;
}

/* ------------------------------------------------------------------- escapes */

static const struct {
    fly_line_kind kind;
    const char *word;
} kinds[] = {
    {FLY_LINE_OK, "OK "},       {FLY_LINE_ERROR, "ERROR "},   {FLY_LINE_NOTICE, "NOTICE "},
    {FLY_LINE_EVENT, "EVENT "}, {FLY_LINE_NOTIFY, "NOTIFY "},
};

fly_line_kind fly_line_kind_of(fly_bytes line)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t len = strlen(kinds[i].word);
        if (line.len >= len && memcmp(line.data, kinds[i].word, len) == 0) {
            return kinds[i].kind;
        }
    }
    return FLY_LINE_DATA;
}

static size_t put_hex(uint8_t byte, uint8_t *to)
{
    static const char digits[] = "0123456789abcdef";
    to[0] = '\\';
    to[1] = 'x';
    to[2] = (uint8_t)digits[byte >> 4];
    to[3] = (uint8_t)digits[byte & 15];
    return 4;
}

static size_t put_byte(uint8_t byte, uint8_t *to)
{
    if (byte >= 0x20 && byte != '|' && byte != '\\' && byte != 0x7f) {
        to[0] = byte;
        return 1;
    }
    if ((byte < 0x20 && byte != '\n' && byte != '\r') || byte == 0x7f) {
        return put_hex(byte, to);
    }
    to[0] = '\\';
    to[1] = byte == '\n' ? 'n' : byte == '\r' ? 'r' : byte;
    return 2;
}

size_t fly_line_escape(fly_bytes field, bool starts, uint8_t *to)
{
    size_t len = 0;
    size_t i = 0;
    if (starts && fly_line_kind_of(field) != FLY_LINE_DATA) {
        len = put_hex(field.data[0], to);
        i = 1;
    }
    for (; i < field.len; i++) {
        len += put_byte(field.data[i], to + len);
    }
    return len;
}

static int hex(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* What the escape at `at`, behind its backslash, stands for, and how long it is; 0: it is none. */
static size_t take_escape(const uint8_t *at, size_t left, uint8_t *byte)
{
    if (left == 0) {
        return 0;
    }
    switch (at[0]) {
    case 'n':
        *byte = '\n';
        return 1;
    case 'r':
        *byte = '\r';
        return 1;
    case '|':
    case '\\':
        *byte = at[0];
        return 1;
    case 'x':
        if (left >= 3 && hex(at[1]) >= 0 && hex(at[2]) >= 0) {
            *byte = (uint8_t)(hex(at[1]) << 4 | hex(at[2]));
            return 3;
        }
        return 0;
    default:
        return 0;
    }
}

fly_status fly_line_unescape(fly_bytes field, uint8_t *to, size_t *len, fly_err *err)
{
    size_t made = 0;
    size_t i = 0;
    while (i < field.len) {
        uint8_t byte = field.data[i++];
        if (byte == '\\') {
            size_t used = take_escape(field.data + i, field.len - i, &byte);
            if (used == 0) {
                fly_status status =
                    fly_err_state(err, "22025", (uint32_t)i, "invalid escape sequence in line");
                fly_err_hint(err, "The escapes are \\n \\r \\| \\\\ and \\xHH; write a backslash "
                                  "as \\\\.");
                return status;
            }
            i += used;
        }
        to[made++] = byte;
    }
    *len = made;
    return FLY_OK;
}

fly_bytes fly_line_field(fly_bytes row, size_t *at)
{
    size_t from = *at;
    size_t i = from;
    while (i < row.len && row.data[i] != '|') {
        i += row.data[i] == '\\' && i + 1 < row.len ? 2 : 1;
    }
    *at = i + 1;
    return from <= row.len ? fly_bytes_of(row.data + from, i - from) : fly_bytes_of("", 0);
}

/* ------------------------------------------------------------------ commands */

static uint8_t upper(uint8_t byte)
{
    return byte >= 'a' && byte <= 'z' ? (uint8_t)(byte - 32) : byte;
}

static bool is_word(fly_bytes text, const char *word)
{
    if (text.len != strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (upper(text.data[i]) != (uint8_t)word[i]) {
            return false;
        }
    }
    return true;
}

/* Cut the text at its first blank: what stands before it is returned, `text` is what stands behind. */
static fly_bytes take_word(fly_bytes *text)
{
    size_t len = 0;
    while (len < text->len && text->data[len] != ' ' && text->data[len] != '\t') {
        len++;
    }
    fly_bytes word = fly_bytes_of(text->data, len);
    size_t behind = len + (len < text->len);
    *text = fly_bytes_of(text->data + behind, text->len - behind);
    return word;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static fly_bytes trim(fly_bytes text)
{
    while (text.len > 0 && is_blank(text.data[0])) {
        text = fly_bytes_of(text.data + 1, text.len - 1);
    }
    while (text.len > 0 && is_blank(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

static bool number(fly_bytes text, uint64_t *value)
{
    uint64_t sum = 0;
    if (text.len == 0) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint64_t digit = (uint64_t)text.data[i] - '0';
        if (text.data[i] < '0' || text.data[i] > '9' || sum > (UINT64_MAX - digit) / 10) {
            return false;
        }
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

/* The last word of a text, which loses it. */
static fly_bytes take_last(fly_bytes *text)
{
    size_t at = text->len;
    while (at > 0 && !is_blank(text->data[at - 1])) {
        at--;
    }
    fly_bytes word = fly_bytes_of(text->data + at, text->len - at);
    text->len = at;
    *text = trim(*text);
    return word;
}

static void take_watch(fly_bytes rest, fly_line_command *command)
{
    fly_bytes table = rest;
    uint64_t from = 0;
    command->first = rest;
    if (number(take_last(&table), &from) && is_word(take_last(&table), "FROM") && table.len > 0) {
        command->first = table;
        command->from = from;
        command->has_from = true;
    }
}

static const struct {
    const char *word;
    fly_line_verb verb;
    const char *usage; /* NULL: takes nothing */
} commands[] = {
    {"PING", FLY_LINE_PING, NULL},
    {"AUTH", FLY_LINE_AUTH, "AUTH user password"},
    {"USE", FLY_LINE_USE, "USE database"},
    {"SQL", FLY_LINE_SQL, "SQL statement"},
    {"WATCH", FLY_LINE_WATCH, "WATCH table [FROM lsn]"},
    {"UNWATCH", FLY_LINE_UNWATCH, "UNWATCH [table]"},
    {"HELP", FLY_LINE_HELP, NULL},
    {"QUIT", FLY_LINE_QUIT, NULL},
};

static fly_status wrong(const char *usage, fly_err *err)
{
    fly_status status = fly_err_state(err, "42601", 0, "command has wrong arguments");
    fly_err_hint(err, "Write: %s", usage);
    return status;
}

fly_status fly_line_parse(fly_bytes line, fly_line_command *command, fly_err *err)
{
    fly_line_command found = {0};
    fly_bytes rest = trim(line);
    if (rest.len == 0) {
        found.verb = FLY_LINE_EMPTY;
        *command = found;
        return FLY_OK;
    }
    fly_bytes word = take_word(&rest);
    size_t i = 0;
    while (i < sizeof commands / sizeof commands[0] && !is_word(word, commands[i].word)) {
        i++;
    }
    if (i == sizeof commands / sizeof commands[0]) {
        found.first = word;
        *command = found;
        return FLY_OK;
    }
    found.verb = commands[i].verb;
    found.first = trim(rest);
    if (found.verb == FLY_LINE_AUTH) {
        rest = found.first;
        found.first = take_word(&rest);
        found.second = rest;
    } else if (found.verb == FLY_LINE_WATCH) {
        take_watch(found.first, &found);
    }
    bool needs = commands[i].usage != NULL && found.verb != FLY_LINE_UNWATCH;
    if ((commands[i].usage == NULL && found.first.len > 0) || (needs && found.first.len == 0) ||
        (found.verb == FLY_LINE_AUTH && found.second.len == 0)) {
        return wrong(commands[i].usage != NULL ? commands[i].usage : commands[i].word, err);
    }
    *command = found;
    return FLY_OK;
}
