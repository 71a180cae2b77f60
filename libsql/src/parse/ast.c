/*
 * Trees in general: compared, walked and listed by the descriptions that ast.def makes, so that a new
 * kind of node needs no code here.
 *
 * Recursion follows the height of the tree, which the parser bounds (FLY_SQL_HEIGHT_PER_DEPTH).
 *
 * What is not here: printing as SQL (print.c), where every kind has its own shape.
 */
#include "parse/ast_int.h"
#include "parse/text_int.h"

#include <inttypes.h>
#include <stdio.h>

/* --------------------------------------------------------------------------- descriptions */

#define AST_ENUM(type) static const char *const codes_##type[] = {
#define AST_VALUE(name) #name,
#define AST_ENUM_END(type)                                                                         \
    NULL                                                                                           \
    }                                                                                              \
    ;
#include "ast.def"

/* One table of fields for each kind; `node` names the structure for offsetof. */
#define FIELD(member, field_kind, names)                                                           \
    {#member, FLY_AST_F_##field_kind, (uint32_t)offsetof(node, member), names},
#define AST_NODE(kind, type)                                                                       \
    static const fly_ast_field_info *fields_##type(void)                                           \
    {                                                                                              \
        typedef fly_ast_##type node;                                                               \
        static const fly_ast_field_info table[] = {
#define AST_CHILD(name) FIELD(name, CHILD, NULL)
#define AST_LIST(name) FIELD(name, LIST, NULL)
#define AST_NAME(name) FIELD(name, NAME, NULL)
#define AST_NAMES(name) FIELD(name, NAMES, NULL)
#define AST_TEXT(name) FIELD(name, TEXT, NULL)
#define AST_FLAG(name) FIELD(name, FLAG, NULL)
#define AST_INT(name) FIELD(name, INT, NULL)
#define AST_CODE(type, name) FIELD(name, CODE, codes_##type)
#define AST_END(type)                                                                              \
    {                                                                                              \
        NULL, FLY_AST_F_INT, (uint32_t)sizeof(node), NULL                                          \
    }                                                                                              \
    }                                                                                              \
    ;                                                                                              \
    return table;                                                                                  \
    }
#include "ast.def"

static const struct {
    const char *name;
    const fly_ast_field_info *(*fields)(void);
    size_t size;
} kinds[] = {
#define AST_NODE(kind, type) {#kind, fields_##type, sizeof(fly_ast_##type)},
#define AST_CHILD(name)
#define AST_LIST(name)
#define AST_NAME(name)
#define AST_NAMES(name)
#define AST_TEXT(name)
#define AST_FLAG(name)
#define AST_INT(name)
#define AST_CODE(type, name)
#define AST_END(type)
#include "ast.def"
};

_Static_assert(sizeof kinds / sizeof kinds[0] == FLY_AST_KINDS, "a row for every kind");

const char *fly__sql_ast_name(fly_ast_kind kind)
{
    FLY_ASSERT(kind < FLY_AST_KINDS);
    return kinds[kind].name;
}

const fly_ast_field_info *fly__sql_ast_fields(fly_ast_kind kind)
{
    FLY_ASSERT(kind < FLY_AST_KINDS);
    return kinds[kind].fields();
}

static const void *at(const fly_ast *node, const fly_ast_field_info *field)
{
    return (const uint8_t *)node + field->offset;
}

/* ------------------------------------------------------------------------------ comparing */

static bool names_equal(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool lists_equal(const fly_ast_list *a, const fly_ast_list *b)
{
    bool equal = a->count == b->count;
    for (uint32_t i = 0; equal && i < a->count; i++) {
        equal = fly__sql_ast_equal(a->items[i], b->items[i]);
    }
    return equal;
}

static bool all_names_equal(const fly_ast_names *a, const fly_ast_names *b)
{
    bool equal = a->count == b->count;
    for (uint32_t i = 0; equal && i < a->count; i++) {
        equal = names_equal(a->items[i], b->items[i]);
    }
    return equal;
}

static bool fields_equal(const void *a, const void *b, fly_ast_field_kind kind)
{
    switch (kind) {
    case FLY_AST_F_CHILD:
        return fly__sql_ast_equal(*(fly_ast *const *)a, *(fly_ast *const *)b);
    case FLY_AST_F_LIST:
        return lists_equal((const fly_ast_list *)a, (const fly_ast_list *)b);
    case FLY_AST_F_NAME:
        return names_equal(*(const char *const *)a, *(const char *const *)b);
    case FLY_AST_F_NAMES:
        return all_names_equal((const fly_ast_names *)a, (const fly_ast_names *)b);
    case FLY_AST_F_TEXT:
        return fly_bytes_equal(*(const fly_bytes *)a, *(const fly_bytes *)b);
    case FLY_AST_F_FLAG:
        return *(const bool *)a == *(const bool *)b;
    case FLY_AST_F_INT:
        return *(const int64_t *)a == *(const int64_t *)b;
    case FLY_AST_F_CODE:
        return memcmp(a, b, sizeof(fly_ast_tri)) == 0;
    }
    return false;
}

bool fly__sql_ast_equal(const fly_ast *a, const fly_ast *b)
{
    if (a == b) {
        return true;
    }
    bool equal = a != NULL && b != NULL && a->kind == b->kind;
    if (equal) {
        for (const fly_ast_field_info *f = fly__sql_ast_fields(a->kind); equal && f->name; f++) {
            equal = fields_equal(at(a, f), at(b, f), f->kind);
        }
    }
    return equal;
}

/* -------------------------------------------------------------------------------- walking */

void fly__sql_ast_walk(fly_ast *node, bool (*visit)(void *ctx, fly_ast *node), void *ctx)
{
    if (node == NULL || !visit(ctx, node)) {
        return;
    }
    for (const fly_ast_field_info *f = fly__sql_ast_fields(node->kind); f->name; f++) {
        if (f->kind == FLY_AST_F_CHILD) {
            fly__sql_ast_walk(*(fly_ast *const *)at(node, f), visit, ctx);
        } else if (f->kind == FLY_AST_F_LIST) {
            const fly_ast_list *list = (const fly_ast_list *)at(node, f);
            for (uint32_t i = 0; i < list->count; i++) {
                fly__sql_ast_walk(list->items[i], visit, ctx);
            }
        }
    }
}

/* ----------------------------------------------------------------------------------- text */

bool fly__sql_text_reserve(fly_sql_text *text, size_t len)
{
    if (text->failed || len >= SIZE_MAX / 4) {
        text->failed = true;
        return false;
    }
    if (text->len + len + 1 <= text->room) {
        return true;
    }
    size_t room = (text->len + len + 1) * 2;
    room = room < 256 ? 256 : room;
    char *data = fly_arena_alloc(text->arena, room);
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    if (text->len > 0) {
        memcpy(data, text->data, text->len);
    }
    text->data = data;
    text->room = room;
    return true;
}

void fly__sql_text_int(fly_sql_text *text, int64_t number)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRId64, number);
    fly__sql_text_add(text, digits, (size_t)len);
}

fly_status fly__sql_text_end(fly_sql_text *text, fly_bytes *result, fly_err *err)
{
    if (!fly__sql_text_reserve(text, 0)) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    text->data[text->len] = '\0';
    *result = fly_bytes_of(text->data, text->len);
    return FLY_OK;
}

/* -------------------------------------------------------------------------------- listing */

/* Bytes that would upset a terminal are shown as \xNN. */
static void put_quoted(fly_sql_text *out, fly_bytes bytes)
{
    fly__sql_text_put(out, "\"");
    for (size_t i = 0; i < bytes.len; i++) {
        char shown[8];
        uint8_t byte = bytes.data[i];
        if (byte < 0x20 || byte == 0x7f || byte == '"' || byte == '\\') {
            (void)snprintf(shown, sizeof shown, "\\x%02x", byte);
            fly__sql_text_put(out, shown);
        } else {
            fly__sql_text_add(out, (const char *)&byte, 1);
        }
    }
    fly__sql_text_put(out, "\"");
}

static void put_name(fly_sql_text *out, const char *name)
{
    if (name == NULL) {
        fly__sql_text_put(out, "-");
    } else {
        put_quoted(out, fly_bytes_str(name));
    }
}

static void begin_line(fly_sql_text *out, int level, const char *word)
{
    static const char blanks[] = "                                                            ";
    size_t indent = (size_t)level * 2;
    fly__sql_text_add(out, blanks, indent < sizeof blanks - 1 ? indent : sizeof blanks - 1);
    fly__sql_text_put(out, word);
}

static void dump(fly_sql_text *out, const fly_ast *node, int level);

/* A field that says nothing has no line. */
static void dump_field(fly_sql_text *out, const fly_ast *node, const fly_ast_field_info *f,
                       int level)
{
    const void *field = at(node, f);
    if (f->kind == FLY_AST_F_CHILD && *(fly_ast *const *)field != NULL) {
        begin_line(out, level, f->name);
        fly__sql_text_put(out, ":\n");
        dump(out, *(fly_ast *const *)field, level + 1);
    } else if (f->kind == FLY_AST_F_LIST && ((const fly_ast_list *)field)->count > 0) {
        const fly_ast_list *list = field;
        begin_line(out, level, f->name);
        fly__sql_text_put(out, ":\n");
        for (uint32_t i = 0; i < list->count; i++) {
            dump(out, list->items[i], level + 1);
        }
    }
}

/* What stands in the node itself goes on its line. */
static void dump_word(fly_sql_text *out, const fly_ast *node, const fly_ast_field_info *f)
{
    const void *field = at(node, f);
    const fly_ast_names *names = field;
    const fly_bytes *bytes = field;
    uint32_t code = 0;
    bool wanted = false;
    switch (f->kind) {
    case FLY_AST_F_NAME:
        wanted = *(const char *const *)field != NULL;
        break;
    case FLY_AST_F_NAMES:
        wanted = names->count > 0;
        break;
    case FLY_AST_F_TEXT:
        wanted = bytes->data != NULL;
        break;
    case FLY_AST_F_FLAG:
        wanted = *(const bool *)field;
        break;
    case FLY_AST_F_INT:
        wanted = *(const int64_t *)field != 0;
        break;
    case FLY_AST_F_CODE:
        memcpy(&code, field, sizeof code);
        wanted = code != 0 || strcmp(f->name, "type") == 0;
        break;
    case FLY_AST_F_CHILD:
    case FLY_AST_F_LIST:
        break;
    }
    if (!wanted) {
        return;
    }
    fly__sql_text_put(out, " ");
    fly__sql_text_put(out, f->name);
    if (f->kind != FLY_AST_F_FLAG) {
        fly__sql_text_put(out, "=");
    }
    if (f->kind == FLY_AST_F_NAME) {
        put_name(out, *(const char *const *)field);
    } else if (f->kind == FLY_AST_F_NAMES) {
        for (uint32_t i = 0; i < names->count; i++) {
            fly__sql_text_put(out, i > 0 ? "." : "");
            put_name(out, names->items[i]);
        }
    } else if (f->kind == FLY_AST_F_TEXT) {
        put_quoted(out, *bytes);
    } else if (f->kind == FLY_AST_F_INT) {
        fly__sql_text_int(out, *(const int64_t *)field);
    } else if (f->kind == FLY_AST_F_CODE) {
        fly__sql_text_put(out, f->codes[code]);
    }
}

static void dump(fly_sql_text *out, const fly_ast *node, int level)
{
    if (node == NULL) {
        begin_line(out, level, "-\n");
        return;
    }
    begin_line(out, level, kinds[node->kind].name);
    for (const fly_ast_field_info *f = fly__sql_ast_fields(node->kind); f->name; f++) {
        dump_word(out, node, f);
    }
    if (node->pos > 0) {
        fly__sql_text_put(out, " @");
        fly__sql_text_int(out, (int64_t)node->pos);
    }
    fly__sql_text_put(out, "\n");
    for (const fly_ast_field_info *f = fly__sql_ast_fields(node->kind); f->name; f++) {
        dump_field(out, node, f, level + 1);
    }
}

fly_status fly__sql_ast_dump(fly_arena *arena, const fly_ast *node, fly_bytes *text, fly_err *err)
{
    fly_sql_text out = {.arena = arena};
    dump(&out, node, 0);
    return fly__sql_text_end(&out, text, err);
}
