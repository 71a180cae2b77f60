/*
 * The names of types.
 *
 * Names that the standard spells in its own ways (INT, CHARACTER VARYING, DOUBLE PRECISION, TIMESTAMP
 * WITH TIME ZONE) become pg_catalog's, as in PostgreSQL; all others stay as they were written.
 *
 * What is not here: whether there is such a type, and what its modifiers mean.
 */
#include "parse/parse_int.h"

static fly_ast_type *system_type(fly_sql_parser *p, const char *name, uint32_t pos)
{
    fly_ast_type *type = NEW(p, type, TYPE, pos);
    uint32_t mark = p->top;
    push_name(p, "pg_catalog");
    push_name(p, name);
    type->names = fly__sql_gram_take_names(p, mark);
    return type;
}

static fly_ast_list optional_modifiers(fly_sql_parser *p)
{
    return at(p, '(') ? fly__sql_gram_parens(p, fly__sql_gram_expr) : (fly_ast_list){0};
}

/* ( n ) */
static fly_ast *int_modifier(fly_sql_parser *p)
{
    expect(p, '(');
    uint32_t pos = here(p);
    fly_ast *n = fly__sql_gram_const_int(p, fly__sql_gram_int(p), pos);
    expect(p, ')');
    return n;
}

/* FLOAT or FLOAT(n), after the word. */
static fly_ast_type *float_type(fly_sql_parser *p, uint32_t pos)
{
    int64_t bits = 53;
    if (accept(p, '(')) {
        uint32_t number = here(p);
        bits = fly__sql_gram_int(p);
        if (bits < 1 && !failed(p)) {
            fly__sql_gram_fail(p, FLY_E_INVALID, "22023", number,
                               "precision for type float must be at least 1 bit");
        } else if (bits > 53) {
            fly__sql_gram_fail(p, FLY_E_INVALID, "22023", number,
                               "precision for type float must be less than 54 bits");
        }
        expect(p, ')');
    }
    return system_type(p, bits <= 24 ? "float4" : "float8", pos);
}

/* A number's type; NULL if none begins here. */
static fly_ast_type *numeric_type(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    fly_ast_type *type;
    const char *name;
    switch (p->tok.type) {
    case FLY_KW_INT:
    case FLY_KW_INTEGER:
        name = "int4";
        break;
    case FLY_KW_SMALLINT:
        name = "int2";
        break;
    case FLY_KW_BIGINT:
        name = "int8";
        break;
    case FLY_KW_REAL:
        name = "float4";
        break;
    case FLY_KW_BOOLEAN:
        name = "bool";
        break;
    case FLY_KW_FLOAT:
        next(p);
        return float_type(p, pos);
    case FLY_KW_DOUBLE:
        if (peek(p) != FLY_KW_PRECISION) {
            return NULL;
        }
        next(p);
        name = "float8";
        break;
    case FLY_KW_DECIMAL:
    case FLY_KW_DEC:
    case FLY_KW_NUMERIC:
        next(p);
        type = system_type(p, "numeric", pos);
        type->modifiers = optional_modifiers(p);
        return type;
    default:
        return NULL;
    }
    next(p);
    return system_type(p, name, pos);
}

/*
 * BIT, CHARACTER and their like; NULL if none begins here. Without a length CHAR has one of 1, but not
 * in front of a literal.
 */
static fly_ast_type *string_type(fly_sql_parser *p, bool literal)
{
    uint32_t pos = here(p);
    uint16_t word = p->tok.type;
    bool varying = false;
    switch (word) {
    case FLY_KW_BIT:
        next(p);
        varying = accept(p, FLY_KW_VARYING);
        break;
    case FLY_KW_NATIONAL:
        next(p);
        if (!accept(p, FLY_KW_CHARACTER)) {
            expect(p, FLY_KW_CHAR);
        }
        varying = accept(p, FLY_KW_VARYING);
        break;
    case FLY_KW_CHARACTER:
    case FLY_KW_CHAR:
    case FLY_KW_NCHAR:
        next(p);
        varying = accept(p, FLY_KW_VARYING);
        break;
    case FLY_KW_VARCHAR:
        next(p);
        varying = true;
        break;
    default:
        return NULL;
    }
    bool bit = word == FLY_KW_BIT;
    fly_ast_type *type =
        system_type(p, bit ? (varying ? "varbit" : "bit") : (varying ? "varchar" : "bpchar"), pos);
    if (at(p, '(')) {
        type->modifiers = bit ? optional_modifiers(p) : fly__sql_gram_one(p, int_modifier(p));
    } else if (!varying && !literal) {
        type->modifiers = fly__sql_gram_one(p, fly__sql_gram_const_int(p, 1, 0));
    }
    return type;
}

/* TIME and TIMESTAMP; NULL if neither begins here. */
static fly_ast_type *time_type(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    bool stamp = p->tok.type == FLY_KW_TIMESTAMP;
    if (!stamp && p->tok.type != FLY_KW_TIME) {
        return NULL;
    }
    next(p);
    fly_ast_list modifiers = {0};
    if (at(p, '(')) {
        modifiers = fly__sql_gram_one(p, int_modifier(p));
    }
    bool zone = false;
    if ((at(p, FLY_KW_WITH) || at(p, FLY_KW_WITHOUT)) && peek(p) == FLY_KW_TIME) {
        zone = p->tok.type == FLY_KW_WITH;
        next(p);
        next(p);
        expect(p, FLY_KW_ZONE);
    }
    fly_ast_type *type = system_type(
        p, stamp ? (zone ? "timestamptz" : "timestamp") : (zone ? "timetz" : "time"), pos);
    type->modifiers = modifiers;
    return type;
}

const char *fly__sql_gram_interval_fields(fly_sql_parser *p, fly_ast_list *modifiers)
{
    static const struct {
        uint16_t from;
        const char *alone;
        const char *to_month, *to_hour, *to_minute, *to_second;
    } fields[] = {
        {FLY_KW_YEAR, "year", "year to month", NULL, NULL, NULL},
        {FLY_KW_MONTH, "month", NULL, NULL, NULL, NULL},
        {FLY_KW_DAY, "day", NULL, "day to hour", "day to minute", "day to second"},
        {FLY_KW_HOUR, "hour", NULL, NULL, "hour to minute", "hour to second"},
        {FLY_KW_MINUTE, "minute", NULL, NULL, NULL, "minute to second"},
        {FLY_KW_SECOND, "second", NULL, NULL, NULL, NULL},
    };
    size_t i = 0;
    while (i < sizeof fields / sizeof fields[0] && p->tok.type != fields[i].from) {
        i++;
    }
    if (i == sizeof fields / sizeof fields[0]) {
        return NULL;
    }
    next(p);
    const char *name = fields[i].alone;
    bool second = fields[i].from == FLY_KW_SECOND;
    if (at(p, FLY_KW_TO)) {
        next(p);
        name = p->tok.type == FLY_KW_MONTH    ? fields[i].to_month
               : p->tok.type == FLY_KW_HOUR   ? fields[i].to_hour
               : p->tok.type == FLY_KW_MINUTE ? fields[i].to_minute
               : p->tok.type == FLY_KW_SECOND ? fields[i].to_second
                                              : NULL;
        if (name == NULL) {
            fly__sql_gram_syntax(p);
            return NULL;
        }
        second = p->tok.type == FLY_KW_SECOND;
        next(p);
    }
    if (second && at(p, '(')) {
        *modifiers = fly__sql_gram_one(p, int_modifier(p));
    }
    return name;
}

static fly_ast_type *interval_type(fly_sql_parser *p)
{
    fly_ast_type *type = system_type(p, "interval", here(p));
    expect(p, FLY_KW_INTERVAL);
    if (at(p, '(')) {
        type->modifiers = fly__sql_gram_one(p, int_modifier(p));
    } else {
        type->interval = fly__sql_gram_interval_fields(p, &type->modifiers);
    }
    return type;
}

/* type_function_name [. name ...] [(modifiers)]; with %TYPE, if `percent`. */
static fly_ast_type *generic_type(fly_sql_parser *p, bool percent)
{
    fly_ast_type *type = NEW(p, type, TYPE, here(p));
    uint32_t mark = p->top;
    push_name(p, fly__sql_gram_type_function_name(p));
    while (accept(p, '.')) {
        push_name(p, fly__sql_gram_label(p));
    }
    type->names = fly__sql_gram_take_names(p, mark);
    if (percent && at(p, '%') && peek(p) == FLY_KW_TYPE) {
        next(p);
        next(p);
        type->percent_type = true;
    } else {
        type->modifiers = optional_modifiers(p);
    }
    return type;
}

static fly_ast_type *simple_type(fly_sql_parser *p, bool percent)
{
    fly_ast_type *type = numeric_type(p);
    type = type != NULL ? type : string_type(p, false);
    type = type != NULL ? type : time_type(p);
    if (type == NULL && p->tok.type == FLY_KW_INTERVAL) {
        type = interval_type(p);
    }
    return type != NULL ? type : generic_type(p, percent);
}

/* [n][] ..., ARRAY, ARRAY[n] */
static void array_bounds(fly_sql_parser *p, fly_ast_type *type)
{
    uint32_t mark = p->top;
    if (accept(p, FLY_KW_ARRAY)) {
        fly_ast *bound = fly__sql_gram_const_null(p, 0);
        if (accept(p, '[')) {
            bound = fly__sql_gram_const_int(p, fly__sql_gram_int(p), 0);
            expect(p, ']');
        }
        push(p, bound);
    } else {
        while (accept(p, '[')) {
            push(p, at(p, ']') ? fly__sql_gram_const_null(p, 0)
                               : fly__sql_gram_const_int(p, fly__sql_gram_int(p), 0));
            expect(p, ']');
        }
    }
    type->bounds = fly__sql_gram_take(p, mark);
}

static fly_ast *type_of(fly_sql_parser *p, bool percent)
{
    uint32_t pos = here(p);
    bool setof = accept(p, FLY_KW_SETOF);
    fly_ast_type *type = simple_type(p, percent);
    type->setof = setof;
    if (!type->percent_type) {
        array_bounds(p, type);
    }
    type->node.pos = pos;
    return &type->node;
}

fly_ast *fly__sql_gram_type(fly_sql_parser *p)
{
    return type_of(p, false);
}

fly_ast *fly__sql_gram_function_type(fly_sql_parser *p)
{
    return type_of(p, true);
}

/* Whether a word goes on with the name of a type in SQLite's manner: UNSIGNED BIG INT. */
static bool is_odd_word(fly_sql_parser *p)
{
    if (fly__sql_gram_at_word(p, "autoincrement")) {
        return false;
    }
    switch (p->tok.type) {
    case FLY_TOKEN_IDENT:
    case FLY_KW_INT:
    case FLY_KW_INTEGER:
    case FLY_KW_BIGINT:
    case FLY_KW_SMALLINT:
    case FLY_KW_CHARACTER:
    case FLY_KW_CHAR:
    case FLY_KW_VARCHAR:
    case FLY_KW_VARYING:
    case FLY_KW_PRECISION:
        return true;
    default:
        return false;
    }
}

/* SQLite reads any words as a type's name. What PostgreSQL knows keeps its meaning. */
fly_ast *fly__sql_gram_column_type(fly_sql_parser *p)
{
    if (!p->options.lax_syntax) {
        return fly__sql_gram_type(p);
    }
    fly_ast_type *type;
    if (p->tok.type == FLY_KW_DOUBLE && peek(p) != FLY_KW_PRECISION) {
        type = system_type(p, "float8", here(p));
        next(p);
    } else {
        type = (fly_ast_type *)fly__sql_gram_type(p);
    }
    const char *odd = NULL;
    while (is_odd_word(p)) {
        odd = fly__sql_gram_name_value(p);
    }
    if (odd != NULL) {
        bool number = strstr(odd, "int") != NULL;
        type->names = system_type(p, number ? "int8" : "varchar", 0)->names;
        type->modifiers = (fly_ast_list){0};
    }
    if (at(p, '(') && type->modifiers.count == 0) {
        (void)optional_modifiers(p); /* INTEGER(11): a width for show */
    }
    return &type->node;
}

fly_ast *fly__sql_gram_const_type(fly_sql_parser *p)
{
    fly_ast_type *type = numeric_type(p);
    type = type != NULL ? type : string_type(p, true);
    type = type != NULL ? type : time_type(p);
    return type != NULL ? &type->node : NULL;
}
