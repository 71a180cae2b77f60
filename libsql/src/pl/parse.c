/*
 * Bodies of PL/pgSQL to trees: blocks, declarations and statements by recursive descent.
 *
 * What is SQL inside of them is cut out by the words that may follow it and given to SQL's parser, which
 * counts positions from the body's beginning. The body is copied first: PERFORM is SELECT by another
 * name, and is written over.
 *
 * Failing is sticky: once `status` is not FLY_OK nothing moves any more, and loops ask for it.
 *
 * @source PostgreSQL 15 documentation, chapter 43: the language and its messages.
 */
#include "pl/tree_int.h"

#include "parse/lex_int.h"
#include "pl/pl_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 200, NAMES_MAX = 8, LIST_MAX = 1000 };

/* A block or loop that EXIT may leave. */
typedef struct place {
    const struct place *outer;
    const char *label;
    bool loop;
} place;

typedef struct parser {
    fly_sql_session *session;
    fly__sql_pl_code *code;
    fly_arena *arena;
    char *text;
    uint32_t len;
    fly_sql_lexer lexer;
    fly_sql_token tok;
    const fly__sql_pl_name *names;
    const place *places;
    uint32_t depth;
    fly_status status;
    fly_err *err;
} parser;

static fly__sql_pl_stmt *statements(parser *p);
static fly__sql_pl_stmt *block(parser *p, const char *label);

/* --------------------------------------------------------------------------- failing */

static bool ok(const parser *p)
{
    return p->status == FLY_OK;
}

static void fail(parser *p, const char *sqlstate, uint32_t pos, const char *format, ...)
    FLY_PRINTF(4, 5);

static void fail(parser *p, const char *sqlstate, uint32_t pos, const char *format, ...)
{
    if (!ok(p)) {
        return;
    }
    char message[FLY_ERR_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    p->status = fly_err_state(p->err, sqlstate, pos, "%s", message);
}

static void *room(parser *p, size_t size)
{
    void *block_ = ok(p) ? fly_arena_alloc(p->arena, size) : NULL;
    if (block_ == NULL) {
        if (ok(p)) {
            p->status = fly_err_set(p->err, FLY_E_NO_MEMORY, "out of memory for a function");
        }
        return NULL;
    }
    memset(block_, 0, size);
    return block_;
}

static void near(parser *p, const char *what)
{
    if (p->tok.type == FLY_TOKEN_END) {
        fail(p, "42601", p->len + 1, "%s at end of input", what);
    } else {
        fail(p, "42601", p->tok.start + 1, "%s at or near \"%.*s\"", what,
             (int)(p->tok.end - p->tok.start), p->text + p->tok.start);
    }
}

static void syntax(parser *p)
{
    if (p->tok.type == FLY_TOKEN_ERROR && p->lexer.problem != NULL) {
        fail(p, p->lexer.sqlstate, p->tok.start + 1, "%s", p->lexer.problem);
        return;
    }
    near(p, "syntax error");
}

/* ---------------------------------------------------------------------------- tokens */

static void next(parser *p)
{
    if (ok(p)) {
        fly__sql_lex(&p->lexer, &p->tok);
    }
}

static bool token_is(const parser *p, const fly_sql_token *tok, const char *word)
{
    size_t len = strlen(word);
    if (tok->end - tok->start != len || tok->type == FLY_TOKEN_QUOTED ||
        tok->type == FLY_TOKEN_END) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        char c = p->text[tok->start + i];
        c = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        if (c != word[i]) {
            return false;
        }
    }
    return true;
}

static bool is(const parser *p, const char *word)
{
    return ok(p) && token_is(p, &p->tok, word);
}

static bool accept(parser *p, const char *word)
{
    if (!is(p, word)) {
        return false;
    }
    next(p);
    return true;
}

static void expect(parser *p, const char *word)
{
    if (!accept(p, word)) {
        syntax(p);
    }
}

/* The token after this one. */
static fly_sql_token peek(const parser *p)
{
    fly_sql_lexer lexer = p->lexer;
    fly_sql_token tok;
    fly__sql_lex(&lexer, &tok);
    return tok;
}

static bool peek_is(const parser *p, const char *word)
{
    fly_sql_token tok = peek(p);
    return ok(p) && token_is(p, &tok, word);
}

static bool at_name(const parser *p)
{
    return ok(p) && (p->tok.type == FLY_TOKEN_IDENT || p->tok.type == FLY_TOKEN_QUOTED ||
                     p->tok.type == FLY_TOKEN_UQUOTED || p->tok.type >= FLY_TOKEN_KEYWORDS);
}

static bool at_string(const parser *p)
{
    return ok(p) && p->tok.type >= FLY_TOKEN_STRING && p->tok.type <= FLY_TOKEN_DOLLAR;
}

/* The token's value: a name folded, a string without its quotes. */
static const char *value(parser *p)
{
    fly_bytes bytes = {0};
    const char *problem = NULL;
    uint32_t at = 0;
    if (!ok(p)) {
        return "";
    }
    fly_status status = fly__sql_token_value(p->arena, (const uint8_t *)p->text, &p->tok, '\\',
                                             &bytes, &problem, &at);
    if (status == FLY_E_INVALID) {
        fail(p, "42601", at + 1, "%s", problem);
    } else if (status != FLY_OK) {
        p->status = fly_err_set(p->err, status, "out of memory for a function");
    }
    next(p);
    return ok(p) ? (const char *)bytes.data : "";
}

static const char *name(parser *p)
{
    if (!at_name(p)) {
        syntax(p);
        return "";
    }
    return value(p);
}

static const char *string(parser *p)
{
    if (!at_string(p)) {
        syntax(p);
        return "";
    }
    return value(p);
}

static uint32_t line_of(const parser *p, uint32_t at)
{
    uint32_t line = 1;
    for (uint32_t i = 0; i < at && i < p->len; i++) {
        line += p->text[i] == '\n';
    }
    return line;
}

/* ----------------------------------------------------------------------- pieces of SQL */

typedef struct counting {
    uint32_t columns;
    bool queries;
    int64_t param;
    uint32_t pos;
} counting;

static bool count_node(void *ctx, fly_ast *node)
{
    counting *c = ctx;
    c->columns += node->kind == FLY_AST_COLUMN || node->kind == FLY_AST_RELATION;
    c->queries = c->queries || node->kind == FLY_AST_SUBLINK;
    if (node->kind == FLY_AST_PARAM && ((fly_ast_param *)node)->number > c->param) {
        c->param = ((fly_ast_param *)node)->number;
        c->pos = node->pos;
    }
    return true;
}

/* SELECT expression: queries inside of it are planned as those of statements are. */
static fly_ast *as_select(fly_arena *arena, fly_ast *node)
{
    fly_ast_select *select = fly_arena_alloc(arena, sizeof *select);
    fly_ast_target *of = fly_arena_alloc(arena, sizeof *of);
    fly_ast **items = fly_arena_alloc(arena, sizeof *items);
    if (select == NULL || of == NULL || items == NULL) {
        return NULL;
    }
    memset(select, 0, sizeof *select);
    memset(of, 0, sizeof *of);
    of->node = (fly_ast){.kind = FLY_AST_TARGET, .pos = node->pos};
    of->expr = node;
    items[0] = &of->node;
    select->node = (fly_ast){.kind = FLY_AST_SELECT, .pos = node->pos};
    select->targets = (fly_ast_list){.items = items, .count = 1};
    return &select->node;
}

typedef struct expansion {
    fly__sql_pl_code *code;
    const fly__sql_pl_name *names;
    bool failed;
} expansion;

/* The table whose columns record.* stands for; NULL: it is something else. */
static const fly__sql_table *starred(const expansion *x, const fly_ast *node)
{
    const fly_ast_column *column = (const fly_ast_column *)node;
    uint32_t datum = 0;
    const char *field = NULL;
    if (node == NULL || node->kind != FLY_AST_COLUMN || !column->star || column->names.count == 0 ||
        !fly__sql_pl_resolve(x->names, column->names.items, column->names.count, &datum, &field) ||
        field != NULL) {
        return NULL;
    }
    return x->code->data[datum].table;
}

static fly_ast *column_of(expansion *x, const fly_ast_column *star, const char *name, bool target)
{
    fly_arena *arena = &x->code->arena;
    uint32_t count = star->names.count;
    fly_ast_column *made = fly_arena_alloc(arena, sizeof *made);
    const char **parts = fly_arena_alloc(arena, (count + 1) * sizeof *parts);
    fly_ast_target *of = fly_arena_alloc(arena, sizeof *of);
    if (made == NULL || parts == NULL || of == NULL) {
        x->failed = true;
        return NULL;
    }
    memcpy(parts, star->names.items, count * sizeof *parts);
    parts[count] = name;
    *made = (fly_ast_column){.node = star->node, .names = {.items = parts, .count = count + 1}};
    *of = (fly_ast_target){
        .node = {.kind = FLY_AST_TARGET, .pos = star->node.pos}, .expr = &made->node, .name = name};
    return target ? &of->node : &made->node;
}

/* Put columns of a record in the place of its star. */
static void expand(expansion *x, fly_ast_list *list, bool targets)
{
    for (uint32_t i = 0; i < list->count && !x->failed; i++) {
        fly_ast *node = list->items[i];
        node = targets && node->kind == FLY_AST_TARGET ? ((fly_ast_target *)node)->expr : node;
        const fly__sql_table *table = starred(x, node);
        if (table == NULL) {
            continue;
        }
        uint32_t room = list->count + table->column_count;
        fly_ast **items = fly_arena_alloc(&x->code->arena, room * sizeof *items);
        if (items == NULL) {
            x->failed = true;
            return;
        }
        memcpy(items, list->items, i * sizeof *items);
        uint32_t at = i;
        for (uint16_t c = 0; c < table->column_count; c++) {
            if (!table->columns[c].dropped) {
                items[at++] =
                    column_of(x, (const fly_ast_column *)node, table->columns[c].name, targets);
            }
        }
        memcpy(items + at, list->items + i + 1, (list->count - i - 1) * sizeof *items);
        list->count = at + list->count - i - 1;
        list->items = items;
        i = at - 1;
    }
}

static bool expand_node(void *ctx, fly_ast *node)
{
    expansion *x = ctx;
    if (node->kind == FLY_AST_SELECT) {
        expand(x, &((fly_ast_select *)node)->targets, true);
    } else if (node->kind == FLY_AST_ROW) {
        expand(x, &((fly_ast_row *)node)->items, false);
    }
    return !x->failed;
}

fly__sql_pl_expr *fly__sql_pl_expr_make(fly__sql_pl_code *code, fly_ast *node, bool statement,
                                        const fly__sql_pl_name *names, fly_err *err)
{
    counting c = {0};
    expansion x = {.code = code, .names = names};
    fly__sql_ast_walk(node, expand_node, &x);
    if (x.failed) {
        (void)fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a function");
        return NULL;
    }
    fly__sql_ast_walk(node, count_node, &c);
    if (c.param > code->argc) {
        (void)fly_err_state(err, "42P02", c.pos, "there is no parameter $%lld", (long long)c.param);
        return NULL;
    }
    fly__sql_pl_expr *made = fly_arena_alloc(&code->arena, sizeof *made);
    if (!statement && c.queries) {
        node = as_select(&code->arena, node);
        statement = true;
    }
    if (made == NULL || node == NULL) {
        (void)fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a function");
        return NULL;
    }
    *made = (fly__sql_pl_expr){.node = node,
                               .names = names,
                               .index = code->expr_count++,
                               .params = code->argc + c.columns,
                               .uses_args = c.param > 0,
                               .statement = statement};
    return made;
}

static fly__sql_pl_expr *made(parser *p, fly_ast *node, bool statement)
{
    fly_err err = {0};
    fly__sql_pl_expr *expr = ok(p) ? fly__sql_pl_expr_make(p->code, node, statement, p->names, &err)
                                   : NULL;
    if (expr == NULL && ok(p)) {
        p->status = err.status;
        if (p->err != NULL) {
            *p->err = err;
        }
    }
    return expr;
}

/* What should have ended a piece of SQL, if a semicolon did. */
static void check_stop(parser *p, fly_sql_fragment_kind kind, const char *const *stops,
                       uint32_t count)
{
    const char *all[10];
    char word[12];
    uint32_t stop = 0;
    size_t end = 0;
    fly_ast *node = NULL;
    if (count > 8 || kind == FLY_SQL_FRAGMENT_SKIP || kind == FLY_SQL_FRAGMENT_TYPE) {
        return;
    }
    memcpy(all, stops, count * sizeof *all);
    all[count] = ";";
    if (fly__sql_parse_fragment(p->arena, fly_bytes_of(p->text, p->len), p->tok.start,
                                FLY_SQL_FRAGMENT_SKIP, all, count + 1, NULL, &node, &stop, &end,
                                NULL) != FLY_OK ||
        stop != count) {
        return;
    }
    size_t i = 0;
    for (; i + 1 < sizeof word && stops[count - 1][i] != '\0'; i++) {
        char c = stops[count - 1][i];
        word[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    word[i] = '\0';
    fail(p, "42601", (uint32_t)end + 1, "missing \"%s\" at end of SQL %s", word,
         kind == FLY_SQL_FRAGMENT_EXPR ? "expression" : "statement");
}

/* Parse from the current token to one of `stops`, which becomes the current one. */
static fly_ast *fragment(parser *p, fly_sql_fragment_kind kind, const char *const *stops,
                         uint32_t count, uint32_t *stop)
{
    const fly_sql_parse_options options = {.lax_syntax = p->session->compat.lax_syntax};
    fly_ast *node = NULL;
    size_t end = 0;
    if (!ok(p)) {
        return NULL;
    }
    if (p->tok.type == FLY_TOKEN_END || p->tok.type == FLY_TOKEN_ERROR) {
        syntax(p);
        return NULL;
    }
    check_stop(p, kind, stops, count);
    if (!ok(p)) {
        return NULL;
    }
    p->status = fly__sql_parse_fragment(p->arena, fly_bytes_of(p->text, p->len), p->tok.start, kind,
                                        stops, count, &options, &node, stop, &end, p->err);
    p->lexer.at = (uint32_t)end;
    next(p);
    if (ok(p) && *stop == count) {
        syntax(p);
    }
    return ok(p) ? node : NULL;
}

static fly__sql_pl_expr *expr_to(parser *p, const char *const *stops, uint32_t count,
                                 uint32_t *stop)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (is(p, stops[i])) {
            near(p, "missing expression");
        }
    }
    uint32_t from = p->tok.start;
    fly_ast *node = fragment(p, FLY_SQL_FRAGMENT_EXPR, stops, count, stop == NULL ? &found : stop);
    fly__sql_pl_expr *expr = node == NULL ? NULL : made(p, node, false);
    if (expr != NULL) {
        expr->text = fly_arena_copy(p->arena, p->text + from, p->tok.start - from + 1);
        if (expr->text != NULL) {
            ((char *)(uintptr_t)expr->text)[p->tok.start - from] = '\0';
        }
    }
    return expr;
}

static fly__sql_pl_expr *expr(parser *p, const char *stop)
{
    return expr_to(p, &stop, 1, NULL);
}

static fly__sql_pl_expr *query(parser *p, const char *stop)
{
    uint32_t found = 0;
    fly_ast *node = fragment(p, FLY_SQL_FRAGMENT_STATEMENT, &stop, 1, &found);
    return node == NULL ? NULL : made(p, node, true);
}

/* A list of expressions separated by commas, up to a stop. */
static void expr_list(parser *p, const char *const *stops, uint32_t count, fly__sql_pl_expr ***list,
                      uint32_t *n)
{
    const char *all[8];
    fly__sql_pl_expr *found[64];
    uint32_t stop = 0;
    FLY_ASSERT(count < 7);
    memcpy(all, stops, count * sizeof *all);
    all[count] = ",";
    *n = 0;
    do {
        if (*n == sizeof found / sizeof found[0]) {
            fail(p, "54000", p->tok.start + 1, "too many arguments");
            break;
        }
        found[(*n)++] = expr_to(p, all, count + 1, &stop);
    } while (ok(p) && stop == count && accept(p, ","));
    *list = room(p, *n * sizeof **list);
    if (ok(p)) {
        memcpy(*list, found, *n * sizeof **list);
    }
}

/* --------------------------------------------------------------------------- names */

static const fly__sql_pl_name *push(parser *p, const char *label, int32_t datum)
{
    fly__sql_pl_name *entry = room(p, sizeof *entry);
    if (entry == NULL) {
        return p->names;
    }
    *entry = (fly__sql_pl_name){.outer = p->names, .name = label, .datum = datum};
    p->names = entry;
    return entry;
}

const fly__sql_table *fly__sql_pl_composite(const fly__sql_catalog_view *view, uint32_t oid)
{
    if (oid < FLY__SQL_OID_FIRST) {
        return NULL;
    }
    const fly__sql_user_type *type = fly__sql_user_type_of(view, oid);
    if (type != NULL) {
        return type->oid == oid && type->kind == 'c' ? fly__sql_table_of(view, type->table) : NULL;
    }
    size_t at = 0;
    const fly__sql_table *table;
    while ((table = fly__sql_table_next(view, &at)) != NULL) {
        if (table->row_type == oid) {
            return table;
        }
    }
    return NULL;
}

int32_t fly__sql_pl_declare(fly__sql_pl_code *code, const char *variable, fly_sql_type type,
                            const fly__sql_catalog_view *view, const fly__sql_pl_name **names,
                            fly_err *err)
{
    if (code->datum_count == code->datum_room) {
        uint32_t wanted = code->datum_room == 0 ? 16 : code->datum_room * 2;
        fly__sql_pl_datum *data = fly_arena_alloc(&code->arena, wanted * sizeof *data);
        if (data == NULL) {
            (void)fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a function");
            return -1;
        }
        if (code->datum_count > 0) {
            memcpy(data, code->data, code->datum_count * sizeof *data);
        }
        code->data = data;
        code->datum_room = wanted;
    }
    fly__sql_pl_name *entry = fly_arena_alloc(&code->arena, sizeof *entry);
    if (entry == NULL) {
        (void)fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a function");
        return -1;
    }
    if (type.oid == FLY_SQL_NUMERIC) {
        type.digits = 0;
        type.scale = 0;
    }
    int32_t number = (int32_t)code->datum_count++;
    const fly__sql_table *table = fly__sql_pl_composite(view, type.oid);
    code->data[number] = (fly__sql_pl_datum){.name = variable,
                                             .type = type,
                                             .table = table,
                                             .record = table != NULL || type.oid == FLY_SQL_RECORD};
    if (names != NULL) {
        *entry = (fly__sql_pl_name){.outer = *names, .name = variable, .datum = number};
        *names = entry;
    }
    return number;
}

static int32_t declare(parser *p, const char *variable, fly_sql_type type)
{
    fly_err err = {0};
    int32_t number =
        ok(p) ? fly__sql_pl_declare(p->code, variable, type, p->code->view, &p->names, &err) : -1;
    if (number < 0 && ok(p)) {
        p->status = fly_err_set(p->err, FLY_E_NO_MEMORY, "out of memory for a function");
    }
    return number;
}

static const fly__sql_pl_name *lookup(const fly__sql_pl_name *at, const char *variable)
{
    while (at != NULL && (at->datum < 0 || strcmp(at->name, variable) != 0)) {
        at = at->outer;
    }
    return at;
}

/* A variable by the label of its block. */
static const fly__sql_pl_name *labelled(const fly__sql_pl_name *at, const char *label,
                                        const char *variable)
{
    const fly__sql_pl_name *candidate = NULL;
    for (; at != NULL; at = at->outer) {
        if (at->datum >= 0) {
            candidate = candidate == NULL && strcmp(at->name, variable) == 0 ? at : candidate;
        } else if (at->name != NULL && strcmp(at->name, label) == 0) {
            return candidate;
        } else {
            candidate = NULL;
        }
    }
    return NULL;
}

bool fly__sql_pl_resolve(const fly__sql_pl_name *names, const char *const *parts, uint32_t count,
                         uint32_t *datum, const char **field)
{
    *field = NULL;
    const fly__sql_pl_name *found = NULL;
    if (count >= 2) {
        found = labelled(names, parts[0], parts[1]);
        if (found != NULL && count <= 3) {
            *datum = (uint32_t)found->datum;
            *field = count == 3 ? parts[2] : NULL;
            return true;
        }
    }
    found = count <= 2 ? lookup(names, parts[0]) : NULL;
    if (found == NULL) {
        return false;
    }
    *datum = (uint32_t)found->datum;
    *field = count == 2 ? parts[1] : NULL;
    return true;
}

/* The target that names mean; fields only of records. */
static void resolve(parser *p, const char *const *parts, uint32_t count, uint32_t pos,
                    fly__sql_pl_target *target)
{
    if (!ok(p)) {
        return;
    }
    if (!fly__sql_pl_resolve(p->names, parts, count, &target->datum, &target->field) ||
        (target->field != NULL && !p->code->data[target->datum].record)) {
        char whole[FLY_ERR_MESSAGE_SIZE / 2];
        size_t at = 0;
        for (uint32_t i = 0; i < count && at + 70 < sizeof whole; i++) {
            at +=
                (size_t)snprintf(whole + at, sizeof whole - at, "%s%s", i > 0 ? "." : "", parts[i]);
        }
        fail(p, "42601", pos, "\"%s\" is not a known variable", whole);
        return;
    }
    if (p->code->data[target->datum].constant) {
        fail(p, "22005", pos, "variable \"%s\" is declared CONSTANT",
             p->code->data[target->datum].name);
    }
}

static uint32_t name_parts(parser *p, const char **parts)
{
    uint32_t count = 0;
    do {
        if (count == NAMES_MAX) {
            syntax(p);
            return count;
        }
        parts[count++] = name(p);
    } while (accept(p, "."));
    return count;
}

static void target(parser *p, fly__sql_pl_target *to)
{
    const char *parts[NAMES_MAX];
    uint32_t pos = p->tok.start + 1;
    memset(to, 0, sizeof *to);
    if (p->tok.type == FLY_TOKEN_PARAM) { /* $1 */
        parts[0] = room(p, 12);
        if (parts[0] != NULL) {
            (void)snprintf((char *)(uintptr_t)parts[0], 12, "%.*s",
                           (int)(p->tok.end - p->tok.start), p->text + p->tok.start);
        }
        next(p);
        resolve(p, parts, 1, pos, to);
    } else {
        uint32_t count = name_parts(p, parts);
        resolve(p, parts, count, pos, to);
    }
    fly__sql_pl_expr *found[6];
    while (ok(p) && is(p, "[")) {
        next(p);
        if (to->subscript_count == 6) {
            fail(p, "54000", pos, "number of array dimensions exceeds the maximum allowed (6)");
            return;
        }
        found[to->subscript_count++] = expr(p, "]");
        expect(p, "]");
    }
    if (to->subscript_count > 0) {
        to->subscripts = room(p, sizeof found);
        if (ok(p)) {
            memcpy(to->subscripts, found, sizeof found);
        }
    }
}

static void target_list(parser *p, fly__sql_pl_target **list, uint32_t *count)
{
    fly__sql_pl_target found[64];
    *count = 0;
    do {
        if (*count == 64) {
            fail(p, "54000", p->tok.start + 1, "too many INTO variables specified");
            return;
        }
        target(p, &found[(*count)++]);
    } while (ok(p) && accept(p, ","));
    *list = room(p, *count * sizeof **list);
    if (ok(p)) {
        memcpy(*list, found, *count * sizeof **list);
    }
}

/* INTO may stand anywhere in a statement: its targets are read, and blanked out. */
static void cut_into(parser *p, fly__sql_pl_stmt *stmt)
{
    static const char *const starts[] = {"select", "with",  "insert", "update",
                                         "delete", "merge", "values"};
    fly_sql_lexer lexer = p->lexer;
    fly_sql_token tok = p->tok;
    uint16_t before = 0;
    uint32_t depth = 0;
    bool may = false;
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        may = may || is(p, starts[i]);
    }
    while (ok(p) && may && p->tok.type != FLY_TOKEN_END && p->tok.type != FLY_TOKEN_ERROR &&
           (depth > 0 || p->tok.type != ';')) {
        if (depth == 0 && p->tok.type == FLY_KW_INTO && before != FLY_KW_INSERT &&
            before != FLY_KW_MERGE) {
            uint32_t from = p->tok.start;
            next(p);
            stmt->strict = accept(p, "strict");
            target_list(p, &stmt->into, &stmt->into_count);
            if (ok(p)) {
                memset(p->text + from, ' ', p->tok.start - from);
            }
            break;
        }
        if (p->tok.type == '(') {
            depth++;
        } else if (p->tok.type == ')' && depth > 0) {
            depth--;
        }
        before = p->tok.type;
        next(p);
    }
    p->lexer = lexer;
    p->tok = tok;
}

/* ----------------------------------------------------------------------- declarations */

/* table%ROWTYPE, table.column%TYPE, variable%TYPE. */
static fly_sql_type percent_type(parser *p, const char *const *parts, uint32_t count, bool row,
                                 uint32_t pos)
{
    fly_sql_type type = {.oid = FLY_SQL_TEXT, .mod = -1};
    uint32_t datum = 0;
    const char *field = NULL;
    const fly__sql_catalog_view *view = p->code->view;
    if (!row && fly__sql_pl_resolve(p->names, parts, count, &datum, &field)) {
        const fly__sql_pl_datum *of = &p->code->data[datum];
        if (field == NULL) {
            return of->type;
        }
        for (uint16_t i = 0; of->table != NULL && i < of->table->column_count; i++) {
            if (strcmp(of->table->columns[i].name, field) == 0) {
                return of->table->columns[i].type;
            }
        }
    }
    uint32_t tail = row ? 1 : 2;
    if (count < tail) {
        fail(p, "42601", pos, "\"%s\" is not a known variable", parts[0]);
        return type;
    }
    const char *relation = parts[count - tail];
    const fly__sql_table *table =
        fly__sql_table_named(view, count > tail ? parts[count - tail - 1] : NULL, relation);
    if (table == NULL) {
        fail(p, "42P01", pos, "relation \"%s\" does not exist", relation);
        return type;
    }
    if (row) {
        type.oid = table->row_type;
        return type;
    }
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (!table->columns[i].dropped && strcmp(table->columns[i].name, parts[count - 1]) == 0) {
            return table->columns[i].type;
        }
    }
    fail(p, "42703", pos, "column \"%s\" of relation \"%s\" does not exist", parts[count - 1],
         relation);
    return type;
}

static fly_sql_type type_of(parser *p, const char *const *stops, uint32_t count)
{
    fly_sql_type type = {.oid = FLY_SQL_RECORD, .mod = -1};
    const char *parts[NAMES_MAX];
    uint32_t pos = p->tok.start + 1;
    fly_sql_lexer lexer = p->lexer;
    fly_sql_token tok = p->tok;
    if (at_name(p) && !peek_is(p, "(")) {
        uint32_t n = name_parts(p, parts);
        if (ok(p) && is(p, "%") && (peek_is(p, "type") || peek_is(p, "rowtype"))) {
            next(p);
            bool row = is(p, "rowtype");
            next(p);
            return percent_type(p, parts, n, row, pos);
        }
        if (ok(p) && n == 1 && strcmp(parts[0], "record") == 0) {
            return type;
        }
        p->lexer = lexer;
        p->tok = tok;
    }
    uint32_t stop = 0;
    fly_ast *node = fragment(p, FLY_SQL_FRAGMENT_TYPE, stops, count, &stop);
    if (node != NULL) {
        fly__sql_bind_context context = {
            .session = p->session, .view = p->code->view, .arena = p->arena};
        p->status = fly__sql_bind_type(&context, node, &type, p->err);
    }
    return type;
}

static void cursor_args(parser *p, uint32_t cursor)
{
    static const char *const stops[] = {",", ")"};
    const fly__sql_pl_name *names = p->names;
    uint32_t first = p->code->datum_count;
    while (ok(p)) {
        const char *variable = name(p);
        (void)accept(p, "in");
        (void)declare(p, variable, type_of(p, stops, 2));
        if (!accept(p, ",")) {
            break;
        }
    }
    expect(p, ")");
    if (ok(p)) {
        p->code->data[cursor].first_arg = first;
        p->code->data[cursor].arg_count = p->code->datum_count - first;
    }
    (void)names;
}

/* name [NO SCROLL] CURSOR [(args)] {FOR | IS} query; */
static void declare_cursor(parser *p, const char *variable)
{
    fly_sql_type refcursor = fly__sql_type(1790);
    (void)accept(p, "no");
    (void)accept(p, "scroll");
    expect(p, "cursor");
    int32_t number = declare(p, variable, refcursor);
    const fly__sql_pl_name *outside = p->names;
    if (ok(p) && accept(p, "(")) {
        cursor_args(p, (uint32_t)number);
    }
    if (!accept(p, "for")) {
        expect(p, "is");
    }
    fly__sql_pl_expr *of = query(p, ";");
    p->names = outside;
    if (ok(p)) {
        p->code->data[number].query = of;
        p->code->data[number].cursor = true;
    }
    expect(p, ";");
}

static void declare_alias(parser *p, const char *variable)
{
    const char *parts[NAMES_MAX];
    uint32_t pos = p->tok.start + 1;
    uint32_t count = 1;
    fly__sql_pl_target of = {0};
    if (p->tok.type == FLY_TOKEN_PARAM) {
        char *text = room(p, 12);
        if (text != NULL) {
            (void)snprintf(text, 12, "%.*s", (int)(p->tok.end - p->tok.start),
                           p->text + p->tok.start);
        }
        parts[0] = text;
        next(p);
    } else {
        count = name_parts(p, parts);
    }
    if (ok(p)) {
        resolve(p, parts, count, pos, &of);
    }
    expect(p, ";");
    if (ok(p)) {
        (void)push(p, variable, (int32_t)of.datum);
    }
}

static void declaration(parser *p)
{
    static const char *const stops[] = {";", ":=", "=", "default", "not", "collate"};
    uint32_t pos = p->tok.start + 1;
    const char *variable = name(p);
    if (!ok(p)) {
        return;
    }
    for (const fly__sql_pl_name *at = p->names; at != NULL && at->datum >= 0; at = at->outer) {
        if (strcmp(at->name, variable) == 0) {
            fail(p, "42601", pos, "duplicate declaration at or near \"%s\"", variable);
            return;
        }
    }
    if (accept(p, "alias")) {
        expect(p, "for");
        declare_alias(p, variable);
        return;
    }
    if (is(p, "cursor") || (is(p, "scroll") && peek_is(p, "cursor")) ||
        (is(p, "no") && peek_is(p, "scroll"))) {
        declare_cursor(p, variable);
        return;
    }
    bool constant = accept(p, "constant");
    fly_sql_type type = type_of(p, stops, 6);
    if (accept(p, "collate")) {
        const char *parts[NAMES_MAX];
        (void)name_parts(p, parts);
    }
    bool not_null = false;
    if (accept(p, "not")) {
        expect(p, "null");
        not_null = true;
    }
    fly__sql_pl_expr *initial = NULL;
    if (accept(p, ":=") || accept(p, "=") || accept(p, "default")) {
        initial = expr(p, ";");
    } else if (not_null) {
        fail(p, "22004", p->tok.start + 1,
             "variable \"%s\" must have a default value, since it's declared NOT NULL", variable);
    }
    expect(p, ";");
    int32_t number = declare(p, variable, type);
    if (ok(p)) {
        p->code->data[number].constant = constant;
        p->code->data[number].not_null = not_null;
        p->code->data[number].initial = initial;
    }
}

/* --------------------------------------------------------------------------- blocks */

static fly__sql_pl_stmt *stmt_new(parser *p, fly__sql_pl_kind kind)
{
    fly__sql_pl_stmt *stmt = room(p, sizeof *stmt);
    if (stmt != NULL) {
        stmt->kind = (uint8_t)kind;
        stmt->line = line_of(p, p->tok.start);
    }
    return stmt;
}

static void end_label(parser *p, const char *label)
{
    if (!at_name(p) || is(p, ";")) {
        return;
    }
    uint32_t pos = p->tok.start + 1;
    const char *said = name(p);
    if (ok(p) && label == NULL) {
        fail(p, "42601", pos, "end label \"%s\" specified for unlabeled block", said);
    } else if (ok(p) && strcmp(said, label) != 0) {
        fail(p, "42601", pos, "end label \"%s\" differs from block's label \"%s\"", said, label);
    }
}

static void condition(parser *p, fly__sql_pl_arm *arm, uint32_t *most)
{
    const char *found[16];
    uint32_t count = 0;
    uint32_t pos = p->tok.start + 1;
    if (is(p, "sqlstate") && !peek_is(p, "or") && !peek_is(p, "then")) {
        next(p);
        found[count++] = string(p);
        if (ok(p) && strlen(found[0]) != 5) {
            fail(p, "42601", pos, "invalid SQLSTATE code");
        }
    } else {
        const char *said = name(p);
        if (ok(p) && strcmp(said, "others") == 0) {
            arm->others = true;
            return;
        }
        size_t at = 0;
        const char *state;
        while (ok(p) && count < 16 && (state = fly__sql_pl_condition(said, &at)) != NULL) {
            found[count++] = state;
        }
        if (ok(p) && count == 0) {
            fail(p, "42704", pos, "unrecognized exception condition \"%s\"", said);
        }
    }
    if (ok(p) && arm->state_count + count > *most) {
        uint32_t wanted = (*most + count) * 2;
        const char **states = room(p, wanted * sizeof *states);
        if (states == NULL) {
            return;
        }
        if (arm->state_count > 0) {
            memcpy(states, arm->states, arm->state_count * sizeof *states);
        }
        arm->states = states;
        *most = wanted;
    }
    if (ok(p)) {
        memcpy(arm->states + arm->state_count, found, count * sizeof *found);
        arm->state_count += count;
    }
}

static void handlers(parser *p, fly__sql_pl_stmt *stmt)
{
    fly__sql_pl_arm **last = &stmt->arms;
    const fly__sql_pl_name *names = p->names;
    stmt->sqlstate = (uint32_t)declare(p, "sqlstate", fly__sql_type(FLY_SQL_TEXT));
    stmt->sqlerrm = (uint32_t)declare(p, "sqlerrm", fly__sql_type(FLY_SQL_TEXT));
    if (!is(p, "when")) {
        syntax(p);
    }
    while (accept(p, "when")) {
        fly__sql_pl_arm *arm = room(p, sizeof *arm);
        uint32_t most = 0;
        if (arm == NULL) {
            return;
        }
        do {
            condition(p, arm, &most);
        } while (ok(p) && accept(p, "or"));
        expect(p, "then");
        arm->body = statements(p);
        *last = arm;
        last = &arm->next;
    }
    p->names = names;
}

/* [DECLARE ...] BEGIN ... [EXCEPTION ...] END, without what follows. */
static fly__sql_pl_stmt *block(parser *p, const char *label)
{
    const fly__sql_pl_name *outside = p->names;
    const place here = {.outer = p->places, .label = label};
    fly__sql_pl_stmt *stmt = stmt_new(p, FLY__SQL_PL_BLOCK);
    if (stmt == NULL) {
        return NULL;
    }
    if (++p->depth > DEPTH_MAX) {
        fail(p, "54001", 0, "stack depth limit exceeded");
    }
    p->places = &here;
    stmt->label = label;
    (void)push(p, label, -1);
    stmt->first = p->code->datum_count;
    if (accept(p, "declare")) {
        while (ok(p) && !is(p, "begin")) {
            if (accept(p, "declare")) {
                continue;
            }
            declaration(p);
        }
    }
    stmt->count = p->code->datum_count - stmt->first;
    expect(p, "begin");
    stmt->body = statements(p);
    if (accept(p, "exception")) {
        handlers(p, stmt);
    }
    expect(p, "end");
    end_label(p, label);
    p->names = outside;
    p->places = here.outer;
    p->depth--;
    return stmt;
}

/* --------------------------------------------------------------------------- control */

static fly__sql_pl_stmt *if_(parser *p)
{
    static const char *const then[] = {"then"};
    fly__sql_pl_stmt *stmt = stmt_new(p, FLY__SQL_PL_IF);
    fly__sql_pl_arm **last = stmt == NULL ? NULL : &stmt->arms;
    while (ok(p)) {
        fly__sql_pl_arm *arm = room(p, sizeof *arm);
        next(p);
        fly__sql_pl_expr *when = expr_to(p, then, 1, NULL);
        expect(p, "then");
        fly__sql_pl_stmt *body = statements(p);
        if (!ok(p)) {
            return NULL;
        }
        arm->when = when;
        arm->body = body;
        *last = arm;
        last = &arm->next;
        if (!is(p, "elsif") && !is(p, "elseif")) {
            break;
        }
    }
    if (accept(p, "else")) {
        stmt->other = statements(p);
    }
    expect(p, "end");
    expect(p, "if");
    expect(p, ";");
    return stmt;
}

/* CASE x WHEN a, b: x is kept in a variable, and the arms are x = a OR x = b. */
static fly__sql_pl_expr *case_when(parser *p, const char *variable, uint32_t from)
{
    uint32_t len = p->tok.start - from;
    size_t size = len + strlen(variable) + 16;
    char *text = room(p, size);
    fly_ast *node = NULL;
    if (text == NULL) {
        return NULL;
    }
    (void)snprintf(text, size, "\"%s\" IN (%.*s)", variable, (int)len, p->text + from);
    p->status = fly__sql_parse_expr(p->arena, fly_bytes_str(text), NULL, &node, p->err);
    return node == NULL ? NULL : made(p, node, false);
}

static fly__sql_pl_stmt *case_(parser *p)
{
    static const char *const when[] = {"when"};
    static const char *const then[] = {"then"};
    fly__sql_pl_stmt *stmt = stmt_new(p, FLY__SQL_PL_CASE);
    const fly__sql_pl_name *names = p->names;
    char variable[32] = "";
    next(p);
    if (stmt != NULL && !is(p, "when")) {
        stmt->expr = expr_to(p, when, 1, NULL);
        (void)snprintf(variable, sizeof variable, "__case_%u", (unsigned)p->code->datum_count);
        char *own = room(p, sizeof variable);
        if (own != NULL) {
            memcpy(own, variable, sizeof variable);
            stmt->datum = (uint32_t)declare(p, own, fly__sql_type(FLY_SQL_UNKNOWN));
        }
    }
    fly__sql_pl_arm **last = stmt == NULL ? NULL : &stmt->arms;
    while (ok(p) && accept(p, "when")) {
        fly__sql_pl_arm *arm = room(p, sizeof *arm);
        uint32_t from = p->tok.start;
        uint32_t stop = 0;
        fly__sql_pl_expr *test = NULL;
        if (stmt->expr == NULL) {
            test = expr_to(p, then, 1, NULL);
        } else {
            (void)fragment(p, FLY_SQL_FRAGMENT_SKIP, then, 1, &stop);
            test = ok(p) ? case_when(p, variable, from) : NULL;
        }
        expect(p, "then");
        fly__sql_pl_stmt *body = statements(p);
        if (ok(p)) {
            arm->when = test;
            arm->body = body;
            *last = arm;
            last = &arm->next;
        }
    }
    if (ok(p) && accept(p, "else")) {
        stmt->has_other = true;
        stmt->other = statements(p);
    }
    p->names = names;
    expect(p, "end");
    expect(p, "case");
    expect(p, ";");
    return stmt;
}

static void loop_body(parser *p, fly__sql_pl_stmt *stmt, const char *label)
{
    const place here = {.outer = p->places, .label = label, .loop = true};
    p->places = &here;
    expect(p, "loop");
    fly__sql_pl_stmt *body = statements(p);
    expect(p, "end");
    expect(p, "loop");
    end_label(p, label);
    expect(p, ";");
    p->places = here.outer;
    if (ok(p)) {
        stmt->body = body;
        stmt->label = label;
    }
}

static fly__sql_pl_stmt *loop(parser *p, const char *label)
{
    fly__sql_pl_stmt *stmt = stmt_new(p, FLY__SQL_PL_LOOP);
    const fly__sql_pl_name *names = p->names;
    (void)push(p, label, -1);
    loop_body(p, stmt, label);
    p->names = names;
    return stmt;
}

static fly__sql_pl_stmt *while_(parser *p, const char *label)
{
    fly__sql_pl_stmt *stmt = stmt_new(p, FLY__SQL_PL_WHILE);
    const fly__sql_pl_name *names = p->names;
    next(p);
    fly__sql_pl_expr *when = expr(p, "loop");
    (void)push(p, label, -1);
    loop_body(p, stmt, label);
    p->names = names;
    if (ok(p)) {
        stmt->expr = when;
    }
    return stmt;
}

static void using_list(parser *p, const char *const *stops, uint32_t count, fly__sql_pl_stmt *stmt)
{
    if (ok(p) && accept(p, "using")) {
        expr_list(p, stops, count, &stmt->args, &stmt->arg_count);
    }
}

/* FOR i IN [REVERSE] a .. b [BY c] */
static void for_range(parser *p, fly__sql_pl_stmt *stmt, const char *variable)
{
    static const char *const ends[] = {"by", "loop"};
    uint32_t stop = 0;
    stmt->kind = FLY__SQL_PL_FOR_RANGE;
    stmt->expr = expr(p, "..");
    expect(p, "..");
    stmt->expr2 = expr_to(p, ends, 2, &stop);
    if (accept(p, "by")) {
        stmt->expr3 = expr(p, "loop");
    }
    stmt->datum = (uint32_t)declare(p, variable, fly__sql_type(FLY_SQL_INT4));
}

/* The arguments of a cursor: by position, or name := value. */
static void cursor_actuals(parser *p, fly__sql_pl_stmt *stmt, const fly__sql_pl_datum *cursor)
{
    static const char *const stops[] = {",", ")"};
    uint32_t pos = p->tok.start + 1;
    stmt->args = room(p, (cursor->arg_count + 1) * sizeof *stmt->args);
    stmt->arg_count = cursor->arg_count;
    if (!accept(p, "(")) {
        if (cursor->arg_count > 0) {
            fail(p, "42601", pos, "cursor \"%s\" has arguments", cursor->name);
        }
        return;
    }
    if (cursor->arg_count == 0) {
        fail(p, "42601", pos, "cursor \"%s\" has no arguments", cursor->name);
    }
    uint32_t given = 0;
    do {
        uint32_t at = given;
        if (at_name(p) && (peek_is(p, ":=") || peek_is(p, "=>"))) {
            const char *said = name(p);
            next(p);
            for (at = 0; at < cursor->arg_count; at++) {
                if (strcmp(p->code->data[cursor->first_arg + at].name, said) == 0) {
                    break;
                }
            }
        }
        if (ok(p) && (at >= cursor->arg_count || stmt->args[at] != NULL)) {
            fail(p, "42601", pos, "too many arguments for cursor \"%s\"", cursor->name);
            return;
        }
        fly__sql_pl_expr *arg = expr_to(p, stops, 2, NULL);
        if (!ok(p)) {
            return;
        }
        stmt->args[at] = arg;
        given++;
    } while (accept(p, ","));
    expect(p, ")");
    if (ok(p) && given < cursor->arg_count) {
        fail(p, "42601", pos, "not enough arguments for cursor \"%s\"", cursor->name);
    }
}

/* Whether what follows is a .. b; nothing is consumed. */
static bool range_follows(parser *p)
{
    static const char *const stops[] = {"..", "loop"};
    fly_sql_lexer lexer = p->lexer;
    fly_sql_token tok = p->tok;
    uint32_t stop = 0;
    (void)fragment(p, FLY_SQL_FRAGMENT_SKIP, stops, 2, &stop);
    p->lexer = lexer;
    p->tok = tok;
    return ok(p) && stop == 0;
}

/* FOR targets IN query, EXECUTE, cursor */
static void for_rows(parser *p, fly__sql_pl_stmt *stmt, const char *const *parts, uint32_t count,
                     uint32_t pos)
{
    static const char *const ends[] = {"using", "loop"};
    static const char *const end[] = {"loop"};
    const char *cursor[1];
    fly__sql_pl_target of = {0};
    uint32_t stop = 0;
    if (at_name(p) && (peek_is(p, "loop") || peek_is(p, "("))) {
        fly_sql_lexer lexer = p->lexer;
        fly_sql_token tok = p->tok;
        cursor[0] = name(p);
        if (ok(p) && fly__sql_pl_resolve(p->names, cursor, 1, &of.datum, &of.field) &&
            p->code->data[of.datum].cursor) {
            stmt->kind = FLY__SQL_PL_FOR_CURSOR;
            stmt->datum = of.datum;
            cursor_actuals(p, stmt, &p->code->data[of.datum]);
            stmt->into_count = 1;
            stmt->into = room(p, sizeof *stmt->into);
            int32_t record = declare(p, parts[0], fly__sql_type(FLY_SQL_RECORD));
            if (ok(p)) {
                stmt->into[0].datum = (uint32_t)record;
            }
            return;
        }
        p->lexer = lexer;
        p->tok = tok;
    }
    if (ok(p) && stmt->into_count == 0) {
        stmt->into_count = 1;
        stmt->into = room(p, sizeof *stmt->into);
        if (ok(p) && !fly__sql_pl_resolve(p->names, parts, count, &stmt->into[0].datum,
                                          &stmt->into[0].field)) {
            fail(p, "42601", pos,
                 "loop variable of loop over rows must be a record variable or list of scalar "
                 "variables");
        }
    }
    if (accept(p, "execute")) {
        stmt->kind = FLY__SQL_PL_FOR_EXECUTE;
        stmt->expr = expr_to(p, ends, 2, &stop);
        using_list(p, end, 1, stmt);
    } else {
        stmt->kind = FLY__SQL_PL_FOR_QUERY;
        stmt->expr = query(p, "loop");
    }
}

static fly__sql_pl_stmt *for_(parser *p, const char *label)
{
    const char *parts[NAMES_MAX];
    fly__sql_pl_stmt *stmt = stmt_new(p, FLY__SQL_PL_FOR_QUERY);
    const fly__sql_pl_name *names = p->names;
    next(p);
    uint32_t pos = p->tok.start + 1;
    fly_sql_lexer lexer = p->lexer;
    fly_sql_token tok = p->tok;
    uint32_t count = name_parts(p, parts);
    if (stmt == NULL || !ok(p)) {
        return NULL;
    }
    if (is(p, ",")) {
        p->lexer = lexer;
        p->tok = tok;
        target_list(p, &stmt->into, &stmt->into_count);
    }
    expect(p, "in");
    (void)push(p, label, -1);
    fly_sql_lexer before = p->lexer;
    fly_sql_token first = p->tok;
    stmt->flag = accept(p, "reverse");
    if (ok(p) && count == 1 && stmt->into_count == 0 && range_follows(p)) {
        for_range(p, stmt, parts[0]);
    } else if (ok(p)) {
        p->lexer = before;
        p->tok = first;
        for_rows(p, stmt, parts, count, pos);
    }
    loop_body(p, stmt, label);
    p->names = names;
    return stmt;
}

static fly__sql_pl_stmt *foreach (parser *p, const char *label)
{
    fly__sql_pl_stmt *stmt = stmt_new(p, FLY__SQL_PL_FOREACH);
    const fly__sql_pl_name *names = p->names;
    next(p);
    if (stmt == NULL) {
        return NULL;
    }
    target_list(p, &stmt->into, &stmt->into_count);
    if (accept(p, "slice")) {
        if (ok(p) && p->tok.type == FLY_TOKEN_INT) {
            stmt->number = p->text[p->tok.start] - '0';
            next(p);
        } else {
            syntax(p);
        }
    }
    expect(p, "in");
    expect(p, "array");
    (void)push(p, label, -1);
    stmt->expr = expr(p, "loop");
    loop_body(p, stmt, label);
    p->names = names;
    return stmt;
}

static fly__sql_pl_stmt *exit_(parser *p, bool again)
{
    fly__sql_pl_stmt *stmt = stmt_new(p, FLY__SQL_PL_EXIT);
    uint32_t at = p->tok.start + 1;
    next(p);
    if (stmt == NULL) {
        return NULL;
    }
    stmt->flag = again;
    if (at_name(p) && !is(p, "when")) {
        uint32_t pos = p->tok.start + 1;
        stmt->label = name(p);
        const place *to = p->places;
        while (to != NULL && (to->label == NULL || strcmp(to->label, stmt->label) != 0)) {
            to = to->outer;
        }
        if (to == NULL) {
            fail(p, "42601", pos,
                 "there is no label \"%s\" attached to any block or loop enclosing this statement",
                 stmt->label);
        } else if (again && !to->loop) {
            fail(p, "42601", pos, "block label \"%s\" cannot be used in CONTINUE", stmt->label);
        }
    } else {
        const place *to = p->places;
        while (to != NULL && !to->loop) {
            to = to->outer;
        }
        if (to == NULL) {
            fail(p, "42601", at,
                 again ? "CONTINUE cannot be used outside a loop"
                       : "EXIT cannot be used outside a loop, unless it has a label");
        }
    }
    if (accept(p, "when")) {
        stmt->expr = expr(p, ";");
    }
    expect(p, ";");
    return stmt;
}

/* --------------------------------------------------------------------------- RETURN */

static fly__sql_pl_stmt *return_more(parser *p, fly__sql_pl_stmt *stmt)
{
    static const char *const ends[] = {"using", ";"};
    static const char *const end[] = {";"};
    uint32_t stop = 0;
    bool is_query = is(p, "query");
    bool set = p->code->function != NULL && p->code->function->returns_set;
    if (!set) {
        fail(p, "42804", p->tok.start + 1, "cannot use RETURN %s in a non-SETOF function",
             is_query ? "QUERY" : "NEXT");
    }
    next(p);
    stmt->kind = is_query ? FLY__SQL_PL_RETURN_QUERY : FLY__SQL_PL_RETURN_NEXT;
    if (is_query && accept(p, "execute")) {
        stmt->flag = true;
        stmt->expr = expr_to(p, ends, 2, &stop);
        using_list(p, end, 1, stmt);
    } else if (is_query) {
        stmt->expr = query(p, ";");
    } else if (p->code->outs != NULL) {
        if (!is(p, ";")) {
            fail(p, "42804", p->tok.start + 1,
                 "RETURN NEXT cannot have a parameter in function with OUT parameters");
        }
    } else {
        stmt->expr = expr(p, ";");
    }
    expect(p, ";");
    return stmt;
}

static fly__sql_pl_stmt *return_(parser *p)
{
    fly__sql_pl_stmt *stmt = stmt_new(p, FLY__SQL_PL_RETURN);
    const fly__sql_pl_code *code = p->code;
    const fly__sql_user_function *function = code->function;
    next(p);
    if (stmt == NULL) {
        return NULL;
    }
    if ((is(p, "next") || is(p, "query")) && !peek_is(p, ";") && !peek_is(p, "(")) {
        return return_more(p, stmt);
    }
    if (is(p, "next")) {
        return return_more(p, stmt);
    }
    const char *cannot = NULL;
    if (function != NULL && function->returns_set) {
        cannot = "RETURN cannot have a parameter in function returning set";
    } else if (function == NULL || function->procedure) {
        cannot = "RETURN cannot have a parameter in a procedure";
    } else if (code->result.oid == FLY_SQL_VOID) {
        cannot = "RETURN cannot have a parameter in function returning void";
    } else if (code->outs != NULL) {
        cannot = "RETURN cannot have a parameter in function with OUT parameters";
    }
    if (cannot != NULL && !is(p, ";")) {
        fail(p, "42804", p->tok.start + 1, "%s", cannot);
        if (function != NULL && function->returns_set) {
            fly_err_hint(p->err, "Use RETURN NEXT or RETURN QUERY.");
        }
    } else if (cannot == NULL) {
        stmt->expr = expr(p, ";");
    }
    expect(p, ";");
    return stmt;
}

/* ----------------------------------------------------------------- RAISE, ASSERT, GET */

static void raise_using(parser *p, fly__sql_pl_stmt *stmt)
{
    static const char *const stops[] = {",", ";"};
    static const char *const known[] = {"errcode",    "message",  "detail", "hint",  "column",
                                        "constraint", "datatype", "table",  "schema"};
    stmt->options = room(p, 16 * sizeof *stmt->options);
    stmt->names = room(p, 16 * sizeof *stmt->names);
    do {
        uint32_t pos = p->tok.start + 1;
        const char *option = name(p);
        bool there = false;
        for (size_t i = 0; ok(p) && i < sizeof known / sizeof known[0]; i++) {
            there = there || strcmp(known[i], option) == 0;
        }
        if (!there || stmt->option_count == 16) {
            fail(p, "42601", pos, "unrecognized RAISE statement option");
        }
        if (!accept(p, ":=")) {
            expect(p, "=");
        }
        fly__sql_pl_expr *to = expr_to(p, stops, 2, NULL);
        if (ok(p)) {
            stmt->names[stmt->option_count] = option;
            stmt->options[stmt->option_count++] = to;
        }
    } while (ok(p) && accept(p, ","));
}

static void raise_format(parser *p, fly__sql_pl_stmt *stmt)
{
    static const char *const stops[] = {"using", ";"};
    uint32_t pos = p->tok.start + 1;
    stmt->message = string(p);
    if (ok(p) && accept(p, ",")) {
        expr_list(p, stops, 2, &stmt->args, &stmt->arg_count);
    }
    uint32_t wanted = 0;
    for (const char *at = stmt->message; ok(p) && *at != '\0'; at++) {
        if (*at == '%' && at[1] == '%') {
            at++;
        } else if (*at == '%') {
            wanted++;
        }
    }
    if (ok(p) && wanted != stmt->arg_count) {
        fail(p, "42601", pos, "too %s parameters specified for RAISE",
             wanted < stmt->arg_count ? "many" : "few");
    }
}

static fly__sql_pl_stmt *raise_(parser *p)
{
    static const char *const levels[] = {"exception", "warning", "notice", "info", "log", "debug"};
    fly__sql_pl_stmt *stmt = stmt_new(p, FLY__SQL_PL_RAISE);
    next(p);
    if (stmt == NULL) {
        return NULL;
    }
    stmt->level = "exception";
    if (accept(p, ";")) {
        stmt->flag = true; /* the same again */
        return stmt;
    }
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (accept(p, levels[i])) {
            stmt->level = levels[i];
            break;
        }
    }
    if (at_string(p)) {
        raise_format(p, stmt);
    } else if (accept(p, "sqlstate")) {
        uint32_t pos = p->tok.start + 1;
        uint32_t len = p->tok.end - p->tok.start;
        stmt->state = string(p);
        if (ok(p) && strlen(stmt->state) != 5) {
            fail(p, "42601", pos, "invalid SQLSTATE code at or near \"%.*s\"", (int)len,
                 p->text + pos - 1);
        }
    } else if (!is(p, "using") && !is(p, ";")) {
        size_t at = 0;
        uint32_t pos = p->tok.start + 1;
        const char *said = name(p);
        stmt->state = ok(p) ? fly__sql_pl_condition(said, &at) : NULL;
        if (ok(p) && stmt->state == NULL) {
            fail(p, "42704", pos, "unrecognized exception condition \"%s\"", said);
        }
        stmt->names = NULL;
        stmt->message = NULL;
        stmt->label = said; /* what the message is if none is given */
    }
    if (ok(p) && accept(p, "using")) {
        raise_using(p, stmt);
    }
    expect(p, ";");
    return stmt;
}

static fly__sql_pl_stmt *assert_(parser *p)
{
    static const char *const stops[] = {",", ";"};
    fly__sql_pl_stmt *stmt = stmt_new(p, FLY__SQL_PL_ASSERT);
    next(p);
    fly__sql_pl_expr *test = expr_to(p, stops, 2, NULL);
    fly__sql_pl_expr *message = ok(p) && accept(p, ",") ? expr(p, ";") : NULL;
    expect(p, ";");
    if (ok(p)) {
        stmt->expr = test;
        stmt->expr2 = message;
    }
    return stmt;
}

static fly__sql_pl_stmt *get(parser *p)
{
    static const char *const known[] = {
        "row_count",    "pg_context",          "pg_routine_oid",    "returned_sqlstate",
        "message_text", "pg_exception_detail", "pg_exception_hint", "pg_exception_context",
        "column_name",  "constraint_name",     "pg_datatype_name",  "table_name",
        "schema_name"};
    fly__sql_pl_stmt *stmt = stmt_new(p, FLY__SQL_PL_DIAGNOSTICS);
    next(p);
    if (stmt == NULL) {
        return NULL;
    }
    stmt->flag = accept(p, "stacked");
    if (!stmt->flag) {
        (void)accept(p, "current");
    }
    expect(p, "diagnostics");
    stmt->into = room(p, 16 * sizeof *stmt->into);
    stmt->names = room(p, 16 * sizeof *stmt->names);
    do {
        if (ok(p) && stmt->into_count == 16) {
            syntax(p);
        }
        if (!ok(p)) {
            break;
        }
        target(p, &stmt->into[stmt->into_count]);
        if (!accept(p, "=")) {
            expect(p, ":=");
        }
        uint32_t pos = p->tok.start + 1;
        const char *item = name(p);
        size_t k = 0;
        while (ok(p) && k < sizeof known / sizeof known[0] && strcmp(known[k], item) != 0) {
            k++;
        }
        if (ok(p) && k == sizeof known / sizeof known[0]) {
            fail(p, "42601", pos, "unrecognized GET DIAGNOSTICS item");
        } else if (ok(p) && (k >= 3) != stmt->flag) {
            fail(p, "42601", pos, "diagnostics item %s is not allowed in GET %s DIAGNOSTICS", item,
                 stmt->flag ? "STACKED" : "CURRENT");
        }
        stmt->names[stmt->into_count++] = item;
    } while (accept(p, ","));
    expect(p, ";");
    return stmt;
}

/* --------------------------------------------------------------------------- cursors */

static uint32_t cursor_name(parser *p)
{
    fly__sql_pl_target of = {0};
    const char *parts[NAMES_MAX];
    uint32_t pos = p->tok.start + 1;
    uint32_t count = name_parts(p, parts);
    if (ok(p) && !fly__sql_pl_resolve(p->names, parts, count, &of.datum, &of.field)) {
        fail(p, "42601", pos, "\"%s\" is not a known variable", parts[0]);
    } else if (ok(p) && p->code->data[of.datum].type.oid != 1790) {
        fail(p, "42804", pos, "variable \"%s\" must be of type cursor or refcursor", parts[0]);
    }
    return of.datum;
}

static fly__sql_pl_stmt *open_(parser *p)
{
    static const char *const ends[] = {"using", ";"};
    static const char *const end[] = {";"};
    fly__sql_pl_stmt *stmt = stmt_new(p, FLY__SQL_PL_OPEN);
    next(p);
    uint32_t datum = cursor_name(p);
    if (stmt == NULL || !ok(p)) {
        return NULL;
    }
    stmt->datum = datum;
    const fly__sql_pl_datum *cursor = &p->code->data[datum];
    if (cursor->cursor) {
        cursor_actuals(p, stmt, cursor);
    } else {
        (void)accept(p, "no");
        (void)accept(p, "scroll");
        expect(p, "for");
        if (accept(p, "execute")) {
            uint32_t stop = 0;
            stmt->flag = true;
            stmt->expr = expr_to(p, ends, 2, &stop);
            using_list(p, end, 1, stmt);
        } else {
            stmt->expr = query(p, ";");
        }
    }
    expect(p, ";");
    return stmt;
}

/* A count, an expression, or ALL. */
static void fetch_count(parser *p, fly__sql_pl_stmt *stmt)
{
    static const char *const stops[] = {"from", "in"};
    if (accept(p, "all")) {
        stmt->strict = true; /* all of them */
    } else if (!is(p, "from") && !is(p, "in")) {
        stmt->expr = expr_to(p, stops, 2, NULL);
    }
}

static void fetch_direction(parser *p, fly__sql_pl_stmt *stmt)
{
    static const struct {
        const char *word;
        uint8_t direction;
        int64_t number;
    } plain[] = {{"next", FLY_AST_FETCH_FORWARD, 1},
                 {"prior", FLY_AST_FETCH_BACKWARD, 1},
                 {"first", FLY_AST_FETCH_ABSOLUTE, 1},
                 {"last", FLY_AST_FETCH_ABSOLUTE, -1}};
    static const struct {
        const char *word;
        uint8_t direction;
    } counted[] = {{"absolute", FLY_AST_FETCH_ABSOLUTE},
                   {"relative", FLY_AST_FETCH_RELATIVE},
                   {"forward", FLY_AST_FETCH_FORWARD},
                   {"backward", FLY_AST_FETCH_BACKWARD}};
    bool said = false;
    stmt->direction = FLY_AST_FETCH_FORWARD;
    stmt->number = 1;
    for (size_t i = 0; !said && i < 4; i++) {
        if (is(p, plain[i].word) && !peek_is(p, "into") && !peek_is(p, ";")) {
            next(p);
            stmt->direction = plain[i].direction;
            stmt->number = plain[i].number;
            said = true;
        } else if (is(p, counted[i].word) && !peek_is(p, "into") && !peek_is(p, ";")) {
            next(p);
            stmt->direction = counted[i].direction;
            fetch_count(p, stmt);
            said = true;
        }
    }
    if (!said && (is(p, "all") || p->tok.type == FLY_TOKEN_INT)) {
        fetch_count(p, stmt);
    }
    if (!accept(p, "from")) {
        (void)accept(p, "in");
    }
}

static fly__sql_pl_stmt *fetch(parser *p, bool move)
{
    fly__sql_pl_stmt *stmt = stmt_new(p, FLY__SQL_PL_FETCH);
    next(p);
    if (stmt == NULL) {
        return NULL;
    }
    stmt->flag = move;
    fetch_direction(p, stmt);
    stmt->datum = cursor_name(p);
    if (!move) {
        if (stmt->strict) {
            fail(p, "0A000", p->tok.start + 1, "FETCH statement cannot return multiple rows");
        }
        expect(p, "into");
        target_list(p, &stmt->into, &stmt->into_count);
    }
    expect(p, ";");
    return stmt;
}

/* --------------------------------------------------------------------- SQL statements */

static fly__sql_pl_stmt *perform(parser *p)
{
    fly__sql_pl_stmt *stmt = stmt_new(p, FLY__SQL_PL_SQL);
    memcpy(p->text + p->tok.start, "SELECT ", 7);
    fly__sql_pl_expr *of = query(p, ";");
    expect(p, ";");
    if (ok(p)) {
        stmt->expr = of;
        stmt->flag = true; /* rows may be thrown away */
    }
    return stmt;
}

static fly__sql_pl_stmt *sql(parser *p)
{
    fly__sql_pl_stmt *stmt = stmt_new(p, FLY__SQL_PL_SQL);
    if (stmt == NULL) {
        return NULL;
    }
    cut_into(p, stmt);
    fly__sql_pl_expr *of = query(p, ";");
    expect(p, ";");
    if (!ok(p)) {
        return NULL;
    }
    stmt->expr = of;
    stmt->kind = of->node->kind == FLY_AST_CALL_PROCEDURE ? FLY__SQL_PL_CALL : FLY__SQL_PL_SQL;
    return stmt;
}

static fly__sql_pl_stmt *execute(parser *p)
{
    static const char *const ends[] = {"into", "using", ";"};
    fly__sql_pl_stmt *stmt = stmt_new(p, FLY__SQL_PL_EXECUTE);
    uint32_t stop = 0;
    next(p);
    fly__sql_pl_expr *of = expr_to(p, ends, 3, &stop);
    if (stmt == NULL || !ok(p)) {
        return NULL;
    }
    stmt->expr = of;
    while (ok(p) && !is(p, ";")) {
        if (accept(p, "into")) {
            stmt->strict = accept(p, "strict");
            target_list(p, &stmt->into, &stmt->into_count);
        } else if (is(p, "using")) {
            using_list(p, ends, 3, stmt);
        } else {
            syntax(p);
        }
    }
    expect(p, ";");
    return stmt;
}

static fly__sql_pl_stmt *commit(parser *p, bool back)
{
    fly__sql_pl_stmt *stmt = stmt_new(p, FLY__SQL_PL_COMMIT);
    next(p);
    if (stmt == NULL) {
        return NULL;
    }
    stmt->flag = back;
    if (accept(p, "and")) {
        stmt->number = !accept(p, "no");
        expect(p, "chain");
    }
    expect(p, ";");
    return stmt;
}

static fly__sql_pl_stmt *assign(parser *p)
{
    fly__sql_pl_stmt *stmt = stmt_new(p, FLY__SQL_PL_ASSIGN);
    if (stmt == NULL) {
        return NULL;
    }
    stmt->into_count = 1;
    stmt->into = room(p, sizeof *stmt->into);
    if (ok(p)) {
        target(p, stmt->into);
    }
    if (!accept(p, ":=")) {
        expect(p, "=");
    }
    stmt->expr = expr(p, ";");
    expect(p, ";");
    return stmt;
}

static bool assignment_follows(const parser *p)
{
    if (p->tok.type == FLY_TOKEN_PARAM) {
        return true;
    }
    fly_sql_token after = peek(p);
    return at_name(p) && (token_is(p, &after, ":=") || token_is(p, &after, "=") ||
                          token_is(p, &after, "[") || token_is(p, &after, "."));
}

/* ----------------------------------------------------------------------- statements */

static fly__sql_pl_stmt *keyword_statement(parser *p, const char *label, bool *known)
{
    *known = true;
    if (is(p, "declare") || is(p, "begin")) {
        fly__sql_pl_stmt *stmt = block(p, label);
        expect(p, ";");
        return stmt;
    }
    if (is(p, "loop")) {
        return loop(p, label);
    }
    if (is(p, "while")) {
        return while_(p, label);
    }
    if (is(p, "for")) {
        return for_(p, label);
    }
    if (is(p, "foreach")) {
        return foreach (p, label);
    }
    *known = false;
    return NULL;
}

static fly__sql_pl_stmt *simple_statement(parser *p)
{
    if (is(p, "if")) {
        return if_(p);
    }
    if (is(p, "case")) {
        return case_(p);
    }
    if (is(p, "exit") || is(p, "continue")) {
        return exit_(p, is(p, "continue"));
    }
    if (is(p, "return")) {
        return return_(p);
    }
    if (is(p, "raise")) {
        return raise_(p);
    }
    if (is(p, "assert")) {
        return assert_(p);
    }
    if (is(p, "get")) {
        return get(p);
    }
    if (is(p, "open")) {
        return open_(p);
    }
    if (is(p, "fetch") || is(p, "move")) {
        return fetch(p, is(p, "move"));
    }
    if (is(p, "close")) {
        fly__sql_pl_stmt *stmt = stmt_new(p, FLY__SQL_PL_CLOSE);
        next(p);
        uint32_t datum = cursor_name(p);
        expect(p, ";");
        if (ok(p)) {
            stmt->datum = datum;
        }
        return stmt;
    }
    if (is(p, "perform")) {
        return perform(p);
    }
    if (is(p, "execute")) {
        return execute(p);
    }
    if (is(p, "commit") || is(p, "rollback")) {
        return commit(p, is(p, "rollback"));
    }
    if (is(p, "null")) {
        fly__sql_pl_stmt *stmt = stmt_new(p, FLY__SQL_PL_NULL);
        next(p);
        expect(p, ";");
        return stmt;
    }
    return sql(p);
}

static fly__sql_pl_stmt *statement(parser *p)
{
    const char *label = NULL;
    bool known = false;
    if (is(p, "<<")) {
        next(p);
        label = name(p);
        expect(p, ">>");
    }
    if (label == NULL && assignment_follows(p)) {
        return assign(p);
    }
    fly__sql_pl_stmt *stmt = keyword_statement(p, label, &known);
    if (known || !ok(p)) {
        return stmt;
    }
    if (label != NULL) {
        syntax(p);
        return NULL;
    }
    return simple_statement(p);
}

static bool at_end(const parser *p)
{
    static const char *const ends[] = {"end", "else", "elsif", "elseif", "when", "exception"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (is(p, ends[i]) && !assignment_follows(p)) {
            return true;
        }
    }
    return false;
}

static fly__sql_pl_stmt *statements(parser *p)
{
    fly__sql_pl_stmt *first = NULL;
    fly__sql_pl_stmt **last = &first;
    if (++p->depth > DEPTH_MAX) {
        fail(p, "54001", 0, "stack depth limit exceeded");
    }
    while (ok(p) && !at_end(p)) {
        if (p->tok.type == FLY_TOKEN_END) {
            syntax(p);
            break;
        }
        fly__sql_pl_stmt *one = statement(p);
        if (one != NULL) {
            *last = one;
            last = &one->next;
        }
    }
    p->depth--;
    return first;
}

fly_status fly__sql_pl_parse(fly_sql_session *session, fly__sql_pl_code *code, const char *body,
                             const fly__sql_pl_name *names, fly_err *err)
{
    size_t len = strlen(body);
    parser p = {
        .session = session, .code = code, .arena = &code->arena, .names = names, .err = err};
    if (len > UINT32_MAX / 2) {
        return fly_err_state(err, "54000", 0, "function is too large");
    }
    p.len = (uint32_t)len;
    p.text = fly_arena_copy(p.arena, body, len + 1);
    if (p.text == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a function");
    }
    fly__sql_lexer_init(&p.lexer, (const uint8_t *)p.text, p.len);
    next(&p);
    while (ok(&p) && is(&p, "#")) { /* #variable_conflict error: what is done anyway */
        next(&p);
        (void)name(&p);
        (void)name(&p);
    }
    const char *label = NULL;
    if (is(&p, "<<")) {
        next(&p);
        label = name(&p);
        expect(&p, ">>");
    }
    if (ok(&p) && !is(&p, "declare") && !is(&p, "begin")) {
        syntax(&p);
    }
    fly__sql_pl_stmt *body_ = block(&p, label);
    (void)accept(&p, ";");
    if (ok(&p) && p.tok.type != FLY_TOKEN_END) {
        syntax(&p);
    }
    code->body = body_;
    return p.status;
}
