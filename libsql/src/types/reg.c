/*
 * Names of things in the catalog by OID, and OIDs by name: regclass, regtype, regproc and their
 * kin; and types by their names as SQL writes them.
 */
#include "types/value_int.h"

#include <fly/vec_numeric.h>

/* A name that may be qualified, taken apart. */
typedef struct qualified {
    const char *schema; /* NULL: none */
    const char *name;
} qualified;

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* One identifier from `*at`, folded unless it is in quotes; NULL: there is none. */
static const char *read_ident(fly_bytes text, size_t *at, fly_arena *arena)
{
    char *name = fly_arena_alloc(arena, text.len - *at + 1);
    size_t len = 0;
    if (name == NULL || *at >= text.len) {
        return NULL;
    }
    if (text.data[*at] == '"') {
        for ((*at)++;; (*at)++) {
            if (*at >= text.len) {
                return NULL;
            }
            if (text.data[*at] == '"') {
                if (*at + 1 >= text.len || text.data[*at + 1] != '"') {
                    break;
                }
                (*at)++;
            }
            name[len++] = (char)text.data[*at];
        }
        (*at)++;
    } else {
        while (*at < text.len && !is_space(text.data[*at]) &&
               strchr(".\"(),[]", text.data[*at]) == NULL) {
            char c = (char)text.data[(*at)++];
            name[len++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        }
    }
    name[len] = '\0';
    return len > 0 ? name : NULL;
}

/* "name", "schema.name", "database.schema.name"; `*at` ends behind it. */
static bool read_qualified(fly_bytes text, size_t *at, fly_arena *arena, qualified *found)
{
    const char *parts[3];
    size_t count = 0;
    while (*at < text.len && is_space(text.data[*at])) {
        (*at)++;
    }
    for (;;) {
        parts[count] = read_ident(text, at, arena);
        if (parts[count++] == NULL) {
            return false;
        }
        if (*at >= text.len || text.data[*at] != '.') {
            break;
        }
        if (count == 3) {
            return false;
        }
        (*at)++;
    }
    while (*at < text.len && is_space(text.data[*at])) {
        (*at)++;
    }
    found->name = parts[count - 1];
    found->schema = count > 1 ? parts[count - 2] : NULL;
    return true;
}

/* ------------------------------------------------------------------------ types */

/* Read "(10,2)" behind a type's name into `mod`; false: it is not that. */
static bool read_mod(fly_bytes text, size_t *at, uint32_t oid, int32_t *mod)
{
    int32_t number[2] = {0, 0};
    int count = 0;
    size_t from = ++*at;
    for (;; (*at)++) {
        if (*at >= text.len) {
            return false;
        }
        uint8_t c = text.data[*at];
        if (c == ',' || c == ')') {
            if (count == 2 || fly_vec_i32_parse(fly_bytes_of(text.data + from, *at - from),
                                                &number[count++], NULL) != FLY_OK) {
                return false;
            }
            from = *at + 1;
            if (c == ')') {
                break;
            }
        }
    }
    (*at)++;
    switch (oid) {
    case FLY_SQL_NUMERIC:
        *mod = fly__sql_numeric_mod(number[0], number[1]);
        return number[0] >= 1 && number[0] <= 1000 && number[1] >= -1000 && number[1] <= 1000;
    case FLY_SQL_VARCHAR:
    case FLY_SQL_BPCHAR:
        *mod = number[0] + 4;
        return count == 1 && number[0] >= 1 && number[0] <= 10485760;
    case FLY_SQL_INTERVAL:
        *mod = 0x7fff << 16 | number[0];
        return count == 1 && number[0] >= 0 && number[0] <= 6;
    case FLY_SQL_TIME:
    case FLY_SQL_TIMETZ:
    case FLY_SQL_TIMESTAMP:
    case FLY_SQL_TIMESTAMPTZ:
        *mod = number[0];
        return count == 1 && number[0] >= 0 && number[0] <= 6;
    case FLY__SQL_OID_bit:
    case FLY__SQL_OID_varbit:
        *mod = number[0];
        return count == 1 && number[0] >= 1;
    default:
        return false;
    }
}

static void find_type(const fly__sql_catalog_view *view, const qualified *name, fly_sql_type *type)
{
    *type = fly__sql_type(0);
    if (name->schema == NULL || strcmp(name->schema, "pg_catalog") == 0) {
        const fly__sql_type_info *info = fly__sql_type_info_named(name->name);
        if (info != NULL) {
            *type = fly__sql_type(info->oid);
            return;
        }
    }
    const fly__sql_user_type *user =
        view != NULL ? fly__sql_user_type_named(view, name->schema, name->name) : NULL;
    if (user != NULL) {
        *type = fly__sql_type(user->oid);
    }
}

/* Words behind the first of a type's name: "precision", "varying", "without time zone". */
static const char *const second_words[] = {
    "precision",
    "varying",
    "with time zone",
    "without time zone",
};

static bool word_follows(fly_bytes text, size_t at, const char *word)
{
    size_t len = strlen(word);
    if (text.len - at < len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if ((text.data[at + i] | 32) != (word[i] | 32)) {
            return false;
        }
    }
    return true;
}

/* "timestamp (3) with time zone": more words may come before and behind the modifier. */
static void more_words(fly_bytes text, size_t *at, qualified *name, fly_sql_text *joined)
{
    for (size_t i = 0; i < sizeof second_words / sizeof second_words[0]; i++) {
        if (name->schema == NULL && word_follows(text, *at, second_words[i])) {
            joined->len = 0;
            fly__sql_text_put(joined, name->name);
            fly__sql_text_put(joined, " ");
            fly__sql_text_put(joined, second_words[i]);
            fly__sql_text_add(joined, "", 1);
            *at += strlen(second_words[i]);
            while (*at < text.len && is_space(text.data[*at])) {
                (*at)++;
            }
            if (!joined->failed) {
                name->name = joined->data;
            }
            return;
        }
    }
}

fly_status fly__sql_type_parse(const fly__sql_catalog_view *view, fly_bytes text, fly_arena *arena,
                               fly_sql_type *type, fly_err *err)
{
    (void)err;
    *type = fly__sql_type(0);
    qualified name;
    size_t at = 0;
    if (!read_qualified(text, &at, arena, &name)) {
        return FLY_OK;
    }
    fly_sql_text joined = {.arena = arena};
    size_t mod_at = 0;
    more_words(text, &at, &name, &joined);
    if (at < text.len && text.data[at] == '(') {
        mod_at = at;
        while (at < text.len && text.data[at] != ')') {
            at++;
        }
        at += at < text.len;
        while (at < text.len && is_space(text.data[at])) {
            at++;
        }
        more_words(text, &at, &name, &joined);
    }
    fly_sql_type found;
    find_type(view, &name, &found);
    if (found.oid == FLY_SQL_BPCHAR && text.data[0] == '"') { /* "char" is not char */
        found.oid = FLY_SQL_CHAR;
    }
    if (mod_at != 0 && !read_mod(text, &mod_at, found.oid, &found.mod)) {
        return FLY_OK;
    }
    while (at < text.len) {
        if (is_space(text.data[at])) {
            at++;
            continue;
        }
        if (text.data[at] != '[') {
            return FLY_OK;
        }
        while (at < text.len && text.data[at] != ']') {
            at++;
        }
        if (at >= text.len) {
            return FLY_OK;
        }
        at++;
        const fly__sql_type_info *info = fly__sql_type_info_of(found.oid);
        const fly__sql_user_type *user =
            info == NULL && view != NULL ? fly__sql_user_type_of(view, found.oid) : NULL;
        if (info != NULL && info->array_oid != 0) { /* further [] change nothing */
            found.oid = info->array_oid;
        } else if (user != NULL) {
            found.oid = user->array_oid;
        }
    }
    *type = found;
    return FLY_OK;
}

/* -------------------------------------------------------------------------- out */

static void put_qualified(fly_sql_text *text, const fly__sql_catalog_view *view, uint32_t schema,
                          const char *name, bool visible)
{
    const fly__sql_schema *s = visible ? NULL : fly__sql_schema_of(view, schema);
    if (s != NULL) {
        fly__sql_put_ident(text, fly_bytes_str(s->name));
        fly__sql_text_put(text, ".");
    }
    fly__sql_put_ident(text, fly_bytes_str(name));
}

static bool put_class(fly_sql_text *text, const fly__sql_catalog_view *view, uint32_t oid)
{
    const fly__sql_table *table = fly__sql_table_of(view, oid);
    if (table != NULL) {
        put_qualified(text, view, table->schema, table->name,
                      fly__sql_table_named(view, NULL, table->name) == table);
        return true;
    }
    size_t at = 0;
    while ((table = fly__sql_table_next(view, &at)) != NULL) {
        for (uint16_t i = 0; i < table->index_count; i++) {
            if (table->indexes[i]->oid == oid) {
                put_qualified(text, view, table->schema, table->indexes[i]->name,
                              fly__sql_index_named(view, NULL, table->indexes[i]->name) ==
                                  table->indexes[i]);
                return true;
            }
        }
    }
    return false;
}

static void put_arguments(fly_sql_text *text, const fly__sql_catalog_view *view,
                          const fly__sql_func *func)
{
    fly__sql_text_put(text, "(");
    for (uint8_t i = 0; i < func->argc; i++) {
        if (i > 0) {
            fly__sql_text_put(text, ",");
        }
        fly__sql_put_type(text, view, func->args[i], -1);
    }
    fly__sql_text_put(text, ")");
}

static bool put_func(fly_sql_text *text, const fly__sql_catalog_view *view, uint32_t type,
                     uint32_t oid)
{
    const fly__sql_func *func = fly__sql_func_by_oid(oid);
    const fly__sql_user_function *user =
        func == NULL && view != NULL ? fly__sql_user_function_of(view, oid) : NULL;
    if (user != NULL) {
        func = user->func;
        fly__sql_put_ident(text, fly_bytes_str(user->name));
    } else if (func != NULL) {
        fly__sql_put_ident(text, fly_bytes_str(func->name));
    }
    if (func != NULL && type == FLY__SQL_OID_regprocedure) {
        put_arguments(text, view, func);
    }
    return func != NULL;
}

void fly__sql_put_reg(fly_sql_text *text, const fly__sql_catalog_view *view, uint32_t type,
                      uint32_t oid)
{
    const fly__sql_schema *schema;
    if (oid == 0) {
        fly__sql_text_put(text, "-");
        return;
    }
    switch (type) {
    case FLY_SQL_REGTYPE:
        if (fly__sql_type_info_of(oid) != NULL || oid >= FLY__SQL_OID_FIRST) {
            fly__sql_put_type(text, view, oid, -1);
            return;
        }
        break;
    case FLY_SQL_REGCLASS:
        if (view != NULL && put_class(text, view, oid)) {
            return;
        }
        break;
    case FLY_SQL_REGPROC:
    case FLY__SQL_OID_regprocedure:
    case FLY__SQL_OID_regoper:
    case FLY__SQL_OID_regoperator:
        if (put_func(text, view, type, oid)) {
            return;
        }
        break;
    case FLY__SQL_OID_regnamespace:
        schema = view != NULL ? fly__sql_schema_of(view, oid) : NULL;
        if (schema != NULL) {
            fly__sql_put_ident(text, fly_bytes_str(schema->name));
            return;
        }
        break;
    default:
        break;
    }
    fly__sql_text_int(text, oid);
}

/* --------------------------------------------------------------------------- in */

static fly_status class_in(const fly__sql_catalog_view *view, const qualified *name, fly_bytes text,
                           bool missing_ok, uint32_t *oid, fly_err *err)
{
    const fly__sql_table *table = fly__sql_table_named(view, name->schema, name->name);
    const fly__sql_index *index =
        table == NULL ? fly__sql_index_named(view, name->schema, name->name) : NULL;
    *oid = table != NULL ? table->oid : index != NULL ? index->oid : 0;
    if (*oid == 0 && !missing_ok) {
        return fly_err_state(err, "42P01", 0, "relation \"%.*s\" does not exist",
                             (int)(text.len < 200 ? text.len : 200), (const char *)text.data);
    }
    return FLY_OK;
}

/* regproc: one function of the name. regprocedure says its arguments. */
static fly_status proc_in(const fly__sql_catalog_view *view, const qualified *name, fly_bytes text,
                          bool missing_ok, uint32_t *oid, fly_err *err)
{
    size_t count;
    const fly__sql_func *funcs = fly__sql_funcs_named(name->name, &count);
    if (funcs == NULL) {
        size_t next = 0;
        const fly__sql_user_function *user =
            view != NULL ? fly__sql_user_function_next(view, name->schema, name->name, &next)
                         : NULL;
        if (user != NULL) {
            *oid = user->oid;
            return FLY_OK;
        }
    } else if (count == 1) {
        *oid = funcs->oid;
        return FLY_OK;
    }
    *oid = 0;
    if (missing_ok) {
        return FLY_OK;
    }
    return fly_err_state(err, count > 1 ? "42725" : "42883", 0,
                         count > 1 ? "more than one function named \"%.*s\""
                                   : "function \"%.*s\" does not exist",
                         (int)(text.len < 200 ? text.len : 200), (const char *)text.data);
}

/* "name(int,text)". */
static fly_status procedure_in(const fly__sql_catalog_view *view, const qualified *name,
                               fly_bytes text, size_t at, fly_arena *arena, uint32_t *oid,
                               fly_err *err)
{
    uint32_t args[8];
    uint8_t argc = 0;
    *oid = 0;
    if (at < text.len && text.data[at] == '(') {
        at++;
        while (at < text.len && text.data[at] != ')' && argc < 8) {
            size_t from = at;
            while (at < text.len && text.data[at] != ',' && text.data[at] != ')') {
                at++;
            }
            fly_sql_type type;
            fly_status status = fly__sql_type_parse(view, fly_bytes_of(text.data + from, at - from),
                                                    arena, &type, err);
            if (status != FLY_OK) {
                return status;
            }
            args[argc++] = type.oid;
            at += at < text.len && text.data[at] == ',';
        }
    }
    size_t count;
    const fly__sql_func *funcs = fly__sql_funcs_named(name->name, &count);
    for (size_t i = 0; i < count; i++) {
        if (funcs[i].argc == argc && memcmp(funcs[i].args, args, argc * sizeof args[0]) == 0) {
            *oid = funcs[i].oid;
        }
    }
    size_t next = 0;
    const fly__sql_user_function *user;
    while (*oid == 0 && view != NULL &&
           (user = fly__sql_user_function_next(view, name->schema, name->name, &next)) != NULL) {
        if (user->func->argc == argc &&
            memcmp(user->func->args, args, argc * sizeof args[0]) == 0) {
            *oid = user->oid;
        }
    }
    return FLY_OK;
}

static fly_status missing(const char *what, const char *sqlstate, fly_bytes text, fly_err *err)
{
    return fly_err_state(err, sqlstate, 0, "%s \"%.*s\" does not exist", what,
                         (int)(text.len < 200 ? text.len : 200), (const char *)text.data);
}

fly_status fly__sql_reg_in(struct fly_sql_session *session, uint32_t type, fly_bytes text,
                           bool missing_ok, fly_arena *arena, uint32_t *oid, fly_err *err)
{
    const fly__sql_catalog_view *view = fly__sql_view_of(session);
    int64_t number;
    *oid = 0;
    if (text.len == 1 && text.data[0] == '-') {
        return FLY_OK;
    }
    if (fly_vec_i64_parse(text, &number, NULL) == FLY_OK && number >= 0 && number <= UINT32_MAX) {
        *oid = (uint32_t)number;
        return FLY_OK;
    }
    if (type == FLY_SQL_REGTYPE) {
        fly_sql_type found;
        fly_status status = fly__sql_type_parse(view, text, arena, &found, err);
        *oid = found.oid;
        return status != FLY_OK || found.oid != 0 || missing_ok
                   ? status
                   : missing("type", "42704", text, err);
    }
    qualified name;
    size_t at = 0;
    if (!read_qualified(text, &at, arena, &name)) {
        return fly_err_state(err, "42602", 0, "invalid name syntax");
    }
    switch (type) {
    case FLY_SQL_REGCLASS:
        return view != NULL ? class_in(view, &name, text, missing_ok, oid, err)
                            : missing("relation", "42P01", text, err);
    case FLY_SQL_REGPROC:
        return proc_in(view, &name, text, missing_ok, oid, err);
    case FLY__SQL_OID_regprocedure: {
        fly_status status = procedure_in(view, &name, text, at, arena, oid, err);
        return status != FLY_OK || *oid != 0 || missing_ok
                   ? status
                   : missing("function", "42883", text, err);
    }
    case FLY__SQL_OID_regnamespace: {
        const fly__sql_schema *schema = view != NULL ? fly__sql_schema_named(view, name.name)
                                                     : NULL;
        *oid = schema != NULL ? schema->oid : 0;
        return *oid != 0 || missing_ok ? FLY_OK : missing("schema", "3F000", text, err);
    }
    default:
        return missing_ok ? FLY_OK
                          : fly_err_state(err, "0A000", 0, "%s by name is not supported",
                                          fly__sql_type_info_of(type)->name);
    }
}
