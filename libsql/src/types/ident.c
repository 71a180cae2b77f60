/*
 * Names as SQL writes them: identifiers and types.
 */
#include "types/wire_int.h"

#include <stdio.h>

/* Keywords that cannot stand for a name everywhere: in order, for the search. */
static const char *const keywords[] = {
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
};

static bool is_keyword(fly_bytes name)
{
    size_t low = 0;
    size_t high = sizeof keywords / sizeof keywords[0];
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = fly_bytes_cmp(fly_bytes_str(keywords[middle]), name);
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

static bool is_plain(fly_bytes name)
{
    if (name.len == 0 || (name.data[0] >= '0' && name.data[0] <= '9')) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || c == '_' || (c >= '0' && c <= '9'))) {
            return false;
        }
    }
    return !is_keyword(name);
}

void fly__sql_put_ident(fly_sql_text *text, fly_bytes name)
{
    if (is_plain(name)) {
        fly__sql_text_add(text, (const char *)name.data, name.len);
        return;
    }
    fly__sql_text_add(text, "\"", 1);
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] == '"') {
            fly__sql_text_add(text, "\"", 1);
        }
        fly__sql_text_add(text, (const char *)name.data + i, 1);
    }
    fly__sql_text_add(text, "\"", 1);
}

fly_bytes fly__sql_name_clip(fly_bytes name)
{
    if (name.len > FLY__SQL_NAME_MAX) {
        name.len = FLY__SQL_NAME_MAX;
        while (name.len > 0 && (name.data[name.len] & 0xc0) == 0x80) {
            name.len--;
        }
    }
    return name;
}

/* ------------------------------------------------------------------------ types */

/* How values of a user's type lie. */
static fly_sql_type user_type(const fly__sql_user_type *user)
{
    fly_sql_type type = fly__sql_type(user->oid);
    if (user->kind == 'e') {
        type.digits = fly__sql_type_digits_of(FLY_VEC_I32);
    } else if (user->kind == 'd') {
        type.digits = fly__sql_type_digits_of(fly__sql_type_physical(user->base));
        type.scale = user->base.scale;
    }
    return type;
}

fly_sql_type fly__sql_type_element(const fly__sql_catalog_view *view, uint32_t oid)
{
    const fly__sql_type_info *info = fly__sql_type_info_of(oid);
    if (info != NULL) {
        return fly__sql_type(info->element_oid);
    }
    size_t at = 0;
    const fly__sql_user_type *user;
    while (view != NULL && (user = fly__sql_user_type_next(view, &at)) != NULL) {
        if (user->array_oid != oid) {
            continue;
        }
        return user_type(user);
    }
    return fly__sql_type(0);
}

fly_sql_type fly__sql_type_of_oid(const fly__sql_catalog_view *view, uint32_t oid)
{
    if (fly__sql_type_info_of(oid) != NULL) {
        return fly__sql_type(oid);
    }
    const fly__sql_user_type *user = view != NULL ? fly__sql_user_type_of(view, oid) : NULL;
    if (user != NULL && user->oid == oid) {
        return user_type(user);
    }
    bool known = user != NULL || fly__sql_table_of_row(view, oid) != NULL;
    return fly__sql_type(known ? oid : 0);
}

fly_sql_type fly__sql_type_undomain(const fly__sql_catalog_view *view, fly_sql_type type)
{
    for (int depth = 0; depth < FLY__SQL_VALUE_DEPTH && type.oid >= FLY__SQL_OID_FIRST; depth++) {
        const fly__sql_user_type *user = view != NULL ? fly__sql_user_type_of(view, type.oid)
                                                      : NULL;
        if (user == NULL || user->oid != type.oid || user->kind != 'd') {
            break;
        }
        type = user->base;
    }
    return type;
}

/* Bits of an interval's typmod, and how SQL names what they let through. */
enum { I_MONTH = 1 << 1, I_YEAR = 1 << 2, I_DAY = 1 << 3 };
enum { I_HOUR = 1 << 10, I_MINUTE = 1 << 11, I_SECOND = 1 << 12 };

static const struct {
    int bits;
    const char *name;
} interval_fields[] = {
    {I_YEAR, " year"},
    {I_MONTH, " month"},
    {I_DAY, " day"},
    {I_HOUR, " hour"},
    {I_MINUTE, " minute"},
    {I_SECOND, " second"},
    {I_YEAR | I_MONTH, " year to month"},
    {I_DAY | I_HOUR, " day to hour"},
    {I_DAY | I_HOUR | I_MINUTE, " day to minute"},
    {I_DAY | I_HOUR | I_MINUTE | I_SECOND, " day to second"},
    {I_HOUR | I_MINUTE, " hour to minute"},
    {I_HOUR | I_MINUTE | I_SECOND, " hour to second"},
    {I_MINUTE | I_SECOND, " minute to second"},
};

static void put_modified(fly_sql_text *text, uint32_t oid, const char *name, int32_t mod)
{
    char out[80];
    int len = 0;
    int precision = 0;
    int scale = 0;
    switch (oid) {
    case FLY_SQL_VARCHAR:
    case FLY_SQL_BPCHAR:
        len = snprintf(out, sizeof out, "%s(%d)", name, mod - 4);
        break;
    case FLY__SQL_OID_bit:
    case FLY__SQL_OID_varbit:
        len = snprintf(out, sizeof out, "%s(%d)", name, mod);
        break;
    case FLY_SQL_NUMERIC:
        (void)fly__sql_numeric_mod_of(mod, &precision, &scale);
        len = snprintf(out, sizeof out, "numeric(%d,%d)", precision, scale);
        break;
    case FLY_SQL_TIME:
    case FLY_SQL_TIMESTAMP:
    case FLY_SQL_TIMETZ:
    case FLY_SQL_TIMESTAMPTZ: {
        /* The precision stands before "with time zone". */
        size_t word = strcspn(name, " ");
        len = snprintf(out, sizeof out, "%.*s(%d)%s", (int)word, name, mod, name + word);
        break;
    }
    case FLY_SQL_INTERVAL: {
        const char *fields = "";
        for (size_t i = 0; i < sizeof interval_fields / sizeof interval_fields[0]; i++) {
            if (interval_fields[i].bits == (mod >> 16 & 0x7fff)) {
                fields = interval_fields[i].name;
            }
        }
        len = (mod & 0xffff) == 0xffff
                  ? snprintf(out, sizeof out, "interval%s", fields)
                  : snprintf(out, sizeof out, "interval%s(%d)", fields, mod & 0xffff);
        break;
    }
    default:
        len = snprintf(out, sizeof out, "%s", name);
    }
    fly__sql_text_add(text, out, (size_t)len);
}

void fly__sql_put_type(fly_sql_text *text, const fly__sql_catalog_view *view, uint32_t oid,
                       int32_t mod)
{
    const fly__sql_type_info *info = fly__sql_type_info_of(oid);
    if (info != NULL && info->element_oid != 0 && info->category == 'A' &&
        oid != FLY__SQL_OID_int2vector && oid != FLY__SQL_OID_oidvector) {
        fly__sql_put_type(text, view, info->element_oid, mod);
        fly__sql_text_put(text, "[]");
        return;
    }
    if (info != NULL) {
        if (mod >= 0) {
            put_modified(text, oid, info->sql_name, mod);
        } else {
            fly__sql_text_put(text, info->sql_name);
        }
        return;
    }
    const fly__sql_user_type *user = view != NULL ? fly__sql_user_type_of(view, oid) : NULL;
    if (user != NULL && user->oid == oid) {
        const fly__sql_schema *schema = fly__sql_schema_of(view, user->schema);
        if (schema != NULL && fly__sql_user_type_named(view, NULL, user->name) != user) {
            fly__sql_put_ident(text, fly_bytes_str(schema->name));
            fly__sql_text_put(text, ".");
        }
        fly__sql_put_ident(text, fly_bytes_str(user->name));
        return;
    }
    fly_sql_type element = fly__sql_type_element(view, oid);
    if (element.oid != 0) {
        fly__sql_put_type(text, view, element.oid, mod);
        fly__sql_text_put(text, "[]");
        return;
    }
    size_t at = 0;
    const fly__sql_table *table;
    while (view != NULL && (table = fly__sql_table_next(view, &at)) != NULL) {
        if (table->row_type == oid) {
            fly__sql_put_ident(text, fly_bytes_str(table->name));
            return;
        }
    }
    fly__sql_text_put(text, oid == 0 ? "-" : "???");
}
