/*
 * Lists of rights as PostgreSQL writes them: acldefault(), aclexplode().
 *
 * A list is an array of texts here, "grantee=rights/grantor", where PostgreSQL has a type of its own,
 * aclitem. A right is a letter, with a star behind it if it may be granted on; no grantee is everybody.
 */
#include "func/string_int.h"

#include "catalog/role_int.h"
#include "session/user_int.h"
#include "types/array_int.h"

/* -------------------------------------------------------------------------- defaults */

/* What everybody and what the owner may do with a new object of a kind. */
static const struct {
    char kind;
    const char *everybody;
    const char *owner;
} defaults[] = {{'c', "", ""},   {'r', "", "arwdDxt"}, {'s', "", "rwU"}, {'d', "Tc", "CTc"},
                {'f', "X", "X"}, {'l', "U", "U"},      {'L', "", "rw"},  {'n', "", "UC"},
                {'t', "", "C"},  {'F', "", "U"},       {'S', "", "U"},   {'T', "U", "U"},
                {'p', "", "sA"}};

static fly_status add_item(fly__sql_call *call, fly__sql_array_builder *builder,
                           const char *grantee, const char *rights, const char *grantor)
{
    fly_sql_text text = {.arena = call->arena};
    if (rights[0] == '\0') {
        return FLY_OK;
    }
    if (grantee != NULL) {
        fly__sql_put_ident(&text, fly_bytes_str(grantee));
    }
    fly__sql_text_put(&text, "=");
    fly__sql_text_put(&text, rights);
    fly__sql_text_put(&text, "/");
    fly__sql_put_ident(&text, fly_bytes_str(grantor));
    if (text.failed) {
        return fly__sql_no_memory(call->err);
    }
    const fly_vec_value element = {.str = fly_vec_str_of(text.data, text.len)};
    return fly__sql_array_add(builder, &element, call->err);
}

ROW(acldefault)
{
    char room[FLY__SQL_NAME_MAX + 1];
    fly_bytes kind = arg_bytes(&args[0]);
    const char *owner = fly__sql_role_name(call->session, (uint32_t)args[1].i32, room);
    for (size_t i = 0; kind.len == 1 && i < sizeof defaults / sizeof defaults[0]; i++) {
        if (defaults[i].kind != (char)kind.data[0]) {
            continue;
        }
        fly__sql_array_builder builder;
        fly__sql_array_begin(&builder, fly__sql_type(FLY_SQL_TEXT), call->arena);
        fly_status status = add_item(call, &builder, NULL, defaults[i].everybody, owner);
        if (status == FLY_OK) {
            status = add_item(call, &builder, owner, defaults[i].owner, owner);
        }
        result->null = false;
        return status == FLY_OK ? fly__sql_array_end(&builder, &result->str, call->err) : status;
    }
    return FAIL(call, "XX000", "unrecognized object type abbreviation: %.*s", (int)kind.len,
                (const char *)kind.data);
}

/* ------------------------------------------------------------------------- taking apart */

static const struct {
    char letter;
    const char *word;
} words[] = {{'a', "INSERT"},   {'r', "SELECT"},      {'w', "UPDATE"},    {'d', "DELETE"},
             {'D', "TRUNCATE"}, {'x', "REFERENCES"},  {'t', "TRIGGER"},   {'X', "EXECUTE"},
             {'U', "USAGE"},    {'C', "CREATE"},      {'T', "TEMPORARY"}, {'c', "CONNECT"},
             {'s', "SET"},      {'A', "ALTER SYSTEM"}};

/* An item being taken apart, letter by letter. */
typedef struct explode_state {
    fly_vec_value whole;
    fly__sql_array list;
    fly__sql_array_iter at;
    fly_vec_value item;
    fly_bytes rights; /* what is left of the item's letters */
    uint32_t grantee;
    uint32_t grantor;
} explode_state;

static fly_status bad_item(fly__sql_call *call, fly_bytes item)
{
    return FAIL(call, "22P02", "invalid list of rights: \"%.*s\"", (int)item.len,
                (const char *)item.data);
}

/* A role's name from the beginning of `*text`, perhaps in quotes; its OID, 0 for none. */
static fly_status read_role(fly__sql_call *call, fly_bytes *text, uint32_t *oid)
{
    char name[FLY__SQL_NAME_MAX + 1];
    size_t len = 0;
    size_t at = 0;
    bool quoted = text->len > 0 && text->data[0] == '"';
    for (at = quoted; at < text->len; at++) {
        char c = (char)text->data[at];
        if (quoted && c == '"' && (at + 1 == text->len || text->data[at + 1] != '"')) {
            at++;
            break;
        }
        if (!quoted && (c == '=' || c == '/')) {
            break;
        }
        at += quoted && c == '"';
        if (len == sizeof name - 1) {
            return bad_item(call, *text);
        }
        name[len++] = c;
    }
    name[len] = '\0';
    *text = fly_bytes_of(text->data + at, text->len - at);
    *oid = 0;
    if (len > 0) {
        const fly__sql_role *role = fly__sql_role_named(call->session, name);
        if (role == NULL) {
            return FAIL(call, "42704", "role \"%s\" does not exist", name);
        }
        *oid = role->oid;
    }
    return FLY_OK;
}

static fly_status next_item(fly__sql_call *call, explode_state *s)
{
    if (!fly__sql_array_next(&s->list, &s->at, &s->item)) {
        return FLY_E_END;
    }
    fly_bytes item = s->item.null ? fly_bytes_of("", 0) : fly_vec_str_bytes(&s->item.str);
    fly_bytes left = item;
    fly_status status = read_role(call, &left, &s->grantee);
    if (status != FLY_OK) {
        return status;
    }
    const uint8_t *slash = left.len == 0 ? NULL : memchr(left.data, '/', left.len);
    if (slash == NULL || left.data[0] != '=') {
        return bad_item(call, item);
    }
    s->rights = fly_bytes_of(left.data + 1, (size_t)(slash - left.data) - 1);
    left = fly_bytes_of(slash + 1, left.len - (size_t)(slash - left.data) - 1);
    return read_role(call, &left, &s->grantor);
}

static fly_status explode_open(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    explode_state *s = state;
    memset(s, 0, sizeof *s);
    if (args[0].null) {
        return FLY_OK;
    }
    s->whole = args[0]; /* a short list lies in the value itself */
    return fly__sql_array_open(&s->whole.str, &s->list, call->err);
}

static fly_status explode_next(fly__sql_call *call, void *state, fly_vec_value *row)
{
    explode_state *s = state;
    fly_status status = FLY_OK;
    while (status == FLY_OK && s->rights.len == 0) {
        status = next_item(call, s);
    }
    if (status != FLY_OK) {
        return status;
    }
    const char *word = NULL;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        word = words[i].letter == (char)s->rights.data[0] ? words[i].word : word;
    }
    if (word == NULL) {
        return bad_item(call, s->rights);
    }
    bool grantable = s->rights.len > 1 && s->rights.data[1] == '*';
    size_t taken = grantable ? 2 : 1;
    s->rights = fly_bytes_of(s->rights.data + taken, s->rights.len - taken);
    row[0] = (fly_vec_value){.i32 = (int32_t)s->grantor};
    row[1] = (fly_vec_value){.i32 = (int32_t)s->grantee};
    row[2] = (fly_vec_value){.str = fly_vec_str_of(word, strlen(word))};
    row[3] = (fly_vec_value){.b = grantable};
    return FLY_OK;
}

static const char *const explode_names[] = {"grantor", "grantee", "privilege_type", "is_grantable",
                                            NULL};
static const uint32_t explode_types[] = {FLY_SQL_OID, FLY_SQL_OID, FLY_SQL_TEXT, FLY_SQL_BOOL};

const fly__sql_set_function fly__sql_set_aclexplode = {.state_size = sizeof(explode_state),
                                                       .open = explode_open,
                                                       .next = explode_next,
                                                       .columns = 4,
                                                       .names = explode_names,
                                                       .types = explode_types};
