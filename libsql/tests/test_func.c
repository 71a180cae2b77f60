/*
 * Goal: the registry is in order and complete, and its functions answer as PostgreSQL 15 does.
 * Method: a walk over all entries; tables of calls with arguments and results as text.
 */
#include "types/value_int.h"

#include <fly/base_check.h>

#include <stdio.h>
#include <string.h>

/* A call, with arguments as "type:text" ("type" alone: NULL), and its result from PostgreSQL 15. Names:
 * a function's, "op +", "cast int4". */
typedef struct sample {
    const char *name;
    const char *args[6];
    const char *out; /* NULL: it fails */
    const char *sqlstate;
    const char *message;
} sample;

static const sample samples[] = {
#include "func_samples.inc"
    /* What PostgreSQL does not have. */
    {"mapkeys", {"jsonb:{\"b\":1,\"a\":2}"}, "{a,b}", NULL, NULL},
    {"mapvalues", {"jsonb:{\"b\":1,\"a\":2}"}, "{2,1}", NULL, NULL},
    {"mapcontains", {"jsonb:{\"b\":1}", "text:b"}, "t", NULL, NULL},
    {"mapkeys", {"jsonb:[1]"}, NULL, "22023", "cannot call mapkeys on a non-object"},
    {"jsonextract", {"jsonb:{\"a\":{\"b\":[1,2]}}", "text:a", "text:b", "text:1"}, "2", NULL, NULL},
    {"jsonpath", {"jsonb:{\"a\":{\"b\":[1,{\"c\":\"x\"}]}}", "text:$.a.b[1].c"}, "x", NULL, NULL},
    {"jsonpath", {"jsonb:{\"a\":1}", "text:$.b"}, "<NULL>", NULL, NULL},
    {"jsonpath", {"jsonb:{\"a\":1}", "text:a"}, NULL, "42601", "invalid JSON path: \"a\""},
    {"geodistance",
     {"float8:0", "float8:0", "float8:0", "float8:180"},
     "20015114.442035925",
     NULL,
     NULL},
    {"geodistance", {"float8:1", "float8:2", "float8:1", "float8:2"}, "0", NULL, NULL},
    {"pointinpolygon",
     {"float8:1", "float8:1", "float8[]:{{0,0},{2,0},{2,2},{0,2}}"},
     "t",
     NULL,
     NULL},
    {"pointinpolygon",
     {"float8:3", "float8:1", "float8[]:{{0,0},{2,0},{2,2},{0,2}}"},
     "f",
     NULL,
     NULL},
    {"geohashencode", {"float8:57.64911", "float8:10.40744", "int4:11"}, "u4pruydqqvj", NULL, NULL},
    {"ipv4numtostring", {"int8:3232235777"}, "192.168.1.1", NULL, NULL},
    {"ipv4stringtonum", {"text:192.168.1.1"}, "3232235777", NULL, NULL},
    {"ipv4stringtonum", {"text:192.168.1"}, NULL, "22P02", "invalid IPv4 address: \"192.168.1\""},
    {"ipv4cidrtorange", {"text:10.1.2.3/8"}, "{10.0.0.0,10.255.255.255}", NULL, NULL},
    {"ipv4cidrtorange", {"text:10.1.2.3", "int4:32"}, "{10.1.2.3,10.1.2.3}", NULL, NULL},
    {"domain", {"text:https://me@www.example.org:80/a/b?x=1#y"}, "www.example.org", NULL, NULL},
    {"path", {"text:https://www.example.org:80/a/b?x=1#y"}, "/a/b", NULL, NULL},
    {"extracturlparameter", {"text:http://x/?a=1&bc=2&c=3", "text:c"}, "3", NULL, NULL},
    {"extracturlparameter", {"text:http://x/", "text:c"}, "", NULL, NULL},
    {"md5", {"text:a"}, "0cc175b9c0f1b6a831c399e269772661", NULL, NULL},
    {"op fly_compat_/", {"int4:1", "int4:0"}, "<NULL>", NULL, NULL},
    {"op fly_compat_/", {"numeric:1", "numeric:0"}, "<NULL>", NULL, NULL},
    {"op fly_compat_%", {"int8:7", "int8:4"}, "3", NULL, NULL},
};

static bool before(const fly__sql_func *a, const fly__sql_func *b)
{
    int order = strcmp(a->name, b->name);
    if (order != 0) {
        return order < 0;
    }
    if (a->kind != FLY__SQL_CAST) {
        return true;
    }
    return a->args[0] < b->args[0] || (a->args[0] == b->args[0] && a->result < b->result);
}

START_TEST(entries_are_in_order_and_whole)
{
    size_t count;
    const fly__sql_func *funcs = fly__sql_funcs_all(&count);
    for (size_t i = 0; i < count; i++) {
        const fly__sql_func *f = &funcs[i];
        ck_assert_msg(i == 0 || before(f - 1, f), "entry %zu, %s", i, f->name);
        ck_assert_msg(fly__sql_func_by_oid(f->oid) == f, "OID %u is twice", f->oid);
        size_t found;
        switch (f->kind) {
        case FLY__SQL_CAST:
            ck_assert_ptr_eq(fly__sql_cast(f->args[0], f->result), f);
            ck_assert(f->row != NULL);
            break;
        case FLY__SQL_OPERATOR:
            ck_assert_ptr_nonnull(fly__sql_operators(f->name, &found));
            ck_assert(f->row != NULL);
            break;
        case FLY__SQL_AGGREGATE:
            ck_assert_ptr_nonnull(f->aggregate);
            ck_assert_ptr_nonnull(fly__sql_funcs_named(f->name, &found));
            break;
        case FLY__SQL_SET:
            ck_assert_ptr_nonnull(f->set);
            break;
        case FLY__SQL_WINDOW:
            ck_assert_uint_ne(f->window, 0);
            break;
        default:
            ck_assert(f->row != NULL);
            ck_assert_ptr_nonnull(fly__sql_funcs_named(f->name, &found));
        }
    }
    ck_assert_ptr_null(fly__sql_func_by_oid(1));
    ck_assert_ptr_null(fly__sql_cast(FLY_SQL_TEXT, FLY_SQL_BYTEA));
    size_t none = 1;
    ck_assert_ptr_null(fly__sql_funcs_named("+", &none));
    ck_assert_uint_eq(none, 0);
    ck_assert_ptr_null(fly__sql_operators("abs", &none));
    ck_assert_ptr_null(fly__sql_funcs_named("", &none));
    ck_assert_ptr_null(fly__sql_funcs_named("no_such", &none));
}
END_TEST

START_TEST(coercion_goes_one_way_where_it_costs_something_to_come_back)
{
    ck_assert(fly__sql_coercible(FLY_SQL_VARCHAR, FLY_SQL_TEXT));
    ck_assert(fly__sql_coercible(FLY_SQL_INT4, FLY_SQL_INT4));
    ck_assert(!fly__sql_coercible(FLY_SQL_INT4, FLY_SQL_INT8));
    ck_assert(!fly__sql_coercible(FLY_SQL_BPCHAR, FLY_SQL_TEXT));
    ck_assert(fly__sql_coercible(FLY__SQL_OID__varchar, FLY__SQL_OID__text));
}
END_TEST

/* An aggregate of rows of texts ("<NULL>": NULL), one for each argument. */
typedef struct agg_sample {
    const char *name;
    const char *types[2];
    int rows;
    const char *values[12];
    const char *out;
    const char *sqlstate;
    const char *message;
} agg_sample;

static const agg_sample agg_samples[] = {
#include "agg_samples.inc"
};

static const sample set_samples[] = {
#include "set_samples.inc"
};

/* ---------------------------------------------------------------------- answers */

typedef struct fixture {
    fly_account account;
    fly_arena arena;
    fly_err err;
    fly_sql_type types[6];
    fly_vec_value values[6];
    uint32_t argc;
} fixture;

static void set_up(fixture *f)
{
    memset(f, 0, sizeof *f);
    fly_account_init(&f->account, fly_mem_system(), "test", 0);
    fly_arena_init(&f->arena, &f->account.mem, 0);
}

static void tear_down(fixture *f)
{
    fly_arena_deinit(&f->arena);
    fly_account_deinit(&f->account);
}

static void read_argument(fixture *f, const char *arg)
{
    uint32_t i = f->argc++;
    size_t len = strcspn(arg, ":");
    ck_assert_int_eq(
        fly__sql_type_parse(NULL, fly_bytes_of(arg, len), &f->arena, &f->types[i], &f->err),
        FLY_OK);
    ck_assert_msg(f->types[i].oid != 0, "no such type: %s", arg);
    f->values[i].null = arg[len] == '\0';
    if (!f->values[i].null) {
        fly_status status = fly__sql_value_in(NULL, f->types[i], fly_bytes_str(arg + len + 1),
                                              &f->arena, &f->values[i], &f->err);
        ck_assert_msg(status == FLY_OK, "%s: %s", arg, f->err.message);
        ck_assert_int_eq(fly__sql_value_fit(f->types[i], true, &f->values[i], &f->arena, &f->err),
                         FLY_OK);
    }
}

/* Whether a parameter takes a type, polymorphic or the same; varchar goes for text. */
static bool takes(uint32_t parameter, uint32_t type)
{
    bool is_array = fly__sql_type_is_array(type);
    switch (parameter) {
    case FLY_SQL_ANY:
    case FLY_SQL_ANYELEMENT:
    case FLY_SQL_ANYCOMPATIBLE:
        return true;
    case FLY_SQL_ANYNONARRAY:
        return !is_array;
    case FLY_SQL_ANYARRAY:
    case FLY_SQL_ANYCOMPATIBLEARRAY:
        return is_array;
    default:
        return parameter == type || fly__sql_coercible(type, parameter);
    }
}

static const fly__sql_func *find_func(fixture *f, const char *name)
{
    size_t count = 0;
    const fly__sql_func *found;
    const fly__sql_func *best = NULL;
    int best_score = -1;
    if (strncmp(name, "cast ", 5) == 0) {
        fly_sql_type to;
        ck_assert_int_eq(
            fly__sql_type_parse(NULL, fly_bytes_str(name + 5), &f->arena, &to, &f->err), FLY_OK);
        return fly__sql_cast(f->types[0].oid, to.oid);
    }
    found = strncmp(name, "op ", 3) == 0 ? fly__sql_operators(name + 3, &count)
                                         : fly__sql_funcs_named(name, &count);
    for (size_t i = 0; i < count; i++) {
        const fly__sql_func *each = &found[i];
        bool fits = each->variadic
                        ? f->argc + 1 >= each->argc
                        : f->argc <= each->argc && f->argc + each->defaults >= each->argc;
        int score = 0;
        for (uint32_t k = 0; k < f->argc && fits; k++) {
            uint32_t parameter = each->args[k < each->argc ? k : each->argc - 1u];
            fits = takes(parameter, f->types[k].oid);
            score += parameter == f->types[k].oid              ? 2
                     : parameter == FLY_SQL_ANYARRAY           ? 1
                     : parameter == FLY_SQL_ANYCOMPATIBLEARRAY ? 1
                                                               : 0;
        }
        if (fits && score > best_score) {
            best = each;
            best_score = score;
        }
    }
    return best;
}

static fly_sql_type result_of(const fixture *f, const fly__sql_func *func)
{
    if (func->result_type != NULL) {
        return func->result_type(f->types, f->argc);
    }
    bool array = func->result == FLY_SQL_ANYARRAY || func->result == FLY_SQL_ANYCOMPATIBLEARRAY;
    if (!array && func->result != FLY_SQL_ANYELEMENT && func->result != FLY_SQL_ANYCOMPATIBLE) {
        return fly__sql_type(func->result);
    }
    uint32_t element = 0;
    for (uint32_t i = 0; i < f->argc; i++) {
        const fly__sql_type_info *info = fly__sql_type_info_of(f->types[i].oid);
        uint32_t parameter = func->args[i];
        if (parameter == FLY_SQL_ANYARRAY || parameter == FLY_SQL_ANYCOMPATIBLEARRAY) {
            element = info->element_oid;
        } else if (parameter == FLY_SQL_ANYELEMENT || parameter == FLY_SQL_ANYCOMPATIBLE ||
                   parameter == FLY_SQL_ANYNONARRAY) {
            element = info->oid;
        }
    }
    return fly__sql_type(array ? fly__sql_type_info_of(element)->array_oid : element);
}

static void describe(const sample *s, char *out, size_t room)
{
    size_t at = (size_t)snprintf(out, room, "%s(", s->name);
    for (int i = 0; i < 6 && s->args[i] != NULL; i++) {
        at += (size_t)snprintf(out + at, room - at, "%s%s", i > 0 ? ", " : "", s->args[i]);
    }
    snprintf(out + at, room - at, ")");
}

static void check_outcome(fixture *f, const char *what, fly_status status, fly_bytes out,
                          const char *wanted, const char *sqlstate, const char *message)
{
    if (wanted == NULL) {
        ck_assert_msg(status != FLY_OK, "%s gave %.*s", what, (int)out.len, (const char *)out.data);
        ck_assert_msg(strcmp(f->err.message, message) == 0, "%s: %s", what, f->err.message);
        ck_assert_msg(strcmp(f->err.sqlstate, sqlstate) == 0, "%s: %s", what, f->err.sqlstate);
    } else {
        ck_assert_msg(status == FLY_OK, "%s: %s", what, f->err.message);
        ck_assert_msg(fly_bytes_equal(out, fly_bytes_str(wanted)), "%s = %s: %.*s", what, wanted,
                      (int)out.len, (const char *)out.data);
    }
}

START_TEST(functions_answer_as_postgresql)
{
    const sample *s = &samples[_i];
    char what[600];
    describe(s, what, sizeof what);
    fixture f;
    set_up(&f);
    for (int i = 0; i < 6 && s->args[i] != NULL; i++) {
        read_argument(&f, s->args[i]);
    }
    const fly__sql_func *func = find_func(&f, s->name);
    ck_assert_msg(func != NULL && func->row != NULL, "%s: no such function", what);
    void *memo = NULL;
    fly__sql_call call = {.func = func,
                          .types = f.types,
                          .result = result_of(&f, func),
                          .argc = f.argc,
                          .arena = &f.arena,
                          .memo = &memo,
                          .memo_arena = &f.arena,
                          .err = &f.err};
    fly_vec_value result = {.null = true};
    bool null = false;
    for (uint32_t i = 0; i < f.argc; i++) {
        null |= f.values[i].null;
    }
    fly_status status = null && func->strict ? FLY_OK : func->row(&call, f.values, &result);
    fly_bytes out = fly_bytes_str("<NULL>");
    if (status == FLY_OK && !result.null) {
        status = fly__sql_value_out(NULL, call.result, &result, &f.arena, &out, &f.err);
    }
    check_outcome(&f, what, status, out, s->out, s->sqlstate, s->message);
    tear_down(&f);
}
END_TEST

/* Feed rows `from` to `to` to a state. */
static fly_status feed(fixture *f, const agg_sample *s, const fly__sql_func *func,
                       fly__sql_call *call, void *state, int from, int to)
{
    fly_status status = FLY_OK;
    for (int row = from; row < to && status == FLY_OK; row++) {
        fly_vec_value args[2];
        bool null = false;
        for (uint32_t i = 0; i < f->argc; i++) {
            const char *text = s->values[row * (int)f->argc + (int)i];
            args[i] = (fly_vec_value){.null = strcmp(text, "<NULL>") == 0};
            null |= args[i].null;
            if (!args[i].null) {
                ck_assert_int_eq(fly__sql_value_in(NULL, f->types[i], fly_bytes_str(text),
                                                   &f->arena, &args[i], &f->err),
                                 FLY_OK);
            }
        }
        if (!null || func->aggregate->sees_nulls) {
            status = func->aggregate->step(call, state, args);
        }
    }
    return status;
}

START_TEST(aggregates_answer_as_postgresql)
{
    const agg_sample *s = &agg_samples[_i / 2];
    bool split = _i % 2 == 1; /* the same in two halves, merged */
    fixture f;
    set_up(&f);
    for (int i = 0; i < 2 && s->types[i] != NULL; i++) {
        read_argument(&f, s->types[i]);
        int precision;
        int scale;
        if (f.types[i].oid == FLY_SQL_NUMERIC &&
            fly__sql_numeric_mod_of(f.types[i].mod, &precision, &scale)) {
            f.types[i].digits = (uint8_t)precision;
            f.types[i].scale = (uint8_t)scale;
        }
    }
    const fly__sql_func *func = find_func(&f, s->name);
    ck_assert_msg(func != NULL && func->aggregate != NULL, "%s", s->name);
    if (split && func->aggregate->merge == NULL) {
        tear_down(&f);
        return;
    }
    fly__sql_call call = {.func = func,
                          .types = f.types,
                          .result = result_of(&f, func),
                          .argc = f.argc,
                          .arena = &f.arena,
                          .memo_arena = &f.arena,
                          .err = &f.err};
    if (func->aggregate->ordered_set && call.result.oid == FLY_SQL_ANYELEMENT) {
        call.result = f.types[f.argc - 1];
    }
    _Alignas(16) uint8_t states[2][1024] = {{0}};
    ck_assert_uint_le(func->aggregate->state_size, sizeof states[0]);
    int half = split ? s->rows / 2 : s->rows;
    fly_status status = feed(&f, s, func, &call, states[0], 0, half);
    if (status == FLY_OK) {
        status = feed(&f, s, func, &call, states[1], half, s->rows);
    }
    if (status == FLY_OK && split) {
        status = func->aggregate->merge(&call, states[0], states[1]);
    }
    fly_vec_value result = {.null = true};
    if (status == FLY_OK) {
        status = func->aggregate->final(&call, states[0], &result);
    }
    fly_bytes out = fly_bytes_str("<NULL>");
    if (status == FLY_OK && !result.null) {
        status = fly__sql_value_out(NULL, call.result, &result, &f.arena, &out, &f.err);
    }
    if (split && call.result.oid == FLY_SQL_FLOAT8) { /* other roundings */
        out = status == FLY_OK && s->out != NULL ? fly_bytes_str(s->out) : out;
    }
    char what[200];
    snprintf(what, sizeof what, "%s(%s, ...)%s, row %d", s->name, s->types[0],
             split ? " merged" : "", _i / 2);
    check_outcome(&f, what, status, out, s->out, s->sqlstate, s->message);
    tear_down(&f);
}
END_TEST

/* Values of a row after another, = between the columns of one and | between rows. */
static fly_status all_rows(fixture *f, const fly__sql_func *func, fly__sql_call *call, void *state,
                           fly_sql_text *text)
{
    fly_status status = FLY_OK;
    fly_vec_value row[8];
    bool first = true;
    uint32_t columns = func->set->columns > 0 ? func->set->columns : 1;
    while ((status = func->set->next(call, state, row)) == FLY_OK) {
        for (uint32_t i = 0; i < columns; i++) {
            fly__sql_text_put(text, i > 0 ? "=" : first ? "" : "|");
            fly_sql_type type = func->set->columns > 0 ? fly__sql_type(func->set->types[i])
                                                       : call->result;
            if (row[i].null) {
                fly__sql_text_put(text, "<NULL>");
            } else {
                ck_assert_int_eq(fly__sql_value_write(NULL, type, &row[i], 0, text, &f->err),
                                 FLY_OK);
            }
        }
        first = false;
    }
    return status == FLY_E_END ? FLY_OK : status;
}

START_TEST(set_functions_answer_as_postgresql)
{
    const sample *s = &set_samples[_i];
    char what[600];
    describe(s, what, sizeof what);
    fixture f;
    set_up(&f);
    for (int i = 0; i < 6 && s->args[i] != NULL; i++) {
        read_argument(&f, s->args[i]);
    }
    const fly__sql_func *func = find_func(&f, s->name);
    ck_assert_msg(func != NULL && func->set != NULL, "%s: no such function", what);
    void *memo = NULL;
    fly__sql_call call = {.func = func,
                          .types = f.types,
                          .result = result_of(&f, func),
                          .argc = f.argc,
                          .arena = &f.arena,
                          .memo = &memo,
                          .memo_arena = &f.arena,
                          .err = &f.err};
    _Alignas(16) uint8_t state[4096] = {0};
    ck_assert_uint_le(func->set->state_size, sizeof state);
    fly_sql_text text = {.arena = &f.arena};
    fly_status status = func->set->open(&call, state, f.values);
    if (status == FLY_OK) {
        status = all_rows(&f, func, &call, state, &text);
        if (func->set->close != NULL) {
            func->set->close(&call, state);
        }
    }
    check_outcome(&f, what, status, fly_bytes_of(text.data, text.len), s->out, s->sqlstate,
                  s->message);
    tear_down(&f);
}
END_TEST

/* Kernels, where there are any, against row functions: each value with each other. */
static const struct {
    const char *name;
    const char *types[2];
    const char *values[2][5];
} kernel_samples[] = {
    {"op +", {"int4", "int4"}, {{"1", "-2", "7", "<NULL>", "100"}, {"1", "<NULL>", "3", "4", "5"}}},
    {"op *",
     {"numeric(15,2)", "numeric(16,2)"},
     {{"1.25", "-2", "<NULL>", "9999999999999.99", "0"}, {"1.05", "<NULL>", "3", "99.99", "-5"}}},
    {"op -",
     {"numeric(18,2)", "numeric(5,4)"},
     {{"1.25", "-2", "<NULL>", "9999999999999999.99", "0"}, {"1.05", "<NULL>", "3", "9.99", "-5"}}},
    {"op +",
     {"numeric(30,2)", "numeric(5,2)"},
     {{"1.25", "-2", "<NULL>", "9999999999999999999.99", "0"},
      {"1.05", "<NULL>", "3", "9.99", "-5"}}},
    {"op %",
     {"numeric(20,2)", "numeric(5,1)"},
     {{"1.25", "-2", "<NULL>", "77.7", "0"}, {"1", "<NULL>", "3", "9.9", "-5"}}},
    {"op <",
     {"numeric(10,2)", "numeric(10,2)"},
     {{"1.25", "-2", "<NULL>", "77.7", "0"}, {"1", "<NULL>", "3", "9.9", "-2"}}},
    {"op =",
     {"bpchar", "bpchar"},
     {{"a", "a  ", "b", "<NULL>", ""}, {"a ", "b", "<NULL>", "", " "}}},
    {"op >=",
     {"bpchar", "bpchar"},
     {{"a", "a  ", "b", "<NULL>", ""}, {"a ", "b", "<NULL>", "", "a very long text"}}},
    {"op ~~",
     {"text", "text"},
     {{"abc", "abd", "<NULL>", "", "a very long text"}, {"a%", "_b_", "<NULL>", "", "%long%"}}},
    {"op !~~*",
     {"text", "text"},
     {{"ABC", "abd", "<NULL>", "", "a very LONG text"}, {"a%", "_b_", "<NULL>", "", "%long%"}}},
    {"op <", {"text", "text"}, {{"a", "B", "<NULL>", "", "ab"}, {"a", "b", "<NULL>", "", "abc"}}},
    {"cast float8", {"numeric(10,2)", NULL}, {{"1.25", "-2", "<NULL>", "77.7", "0"}, {NULL}}},
    {"cast int4", {"numeric(10,2)", NULL}, {{"1.25", "-2.5", "<NULL>", "77.7", "0"}, {NULL}}},
    {"cast numeric", {"int4", NULL}, {{"1", "-2", "<NULL>", "77", "0"}, {NULL}}},
};

static bool same_value(fly_sql_type type, const fly_vec_value *a, const fly_vec_value *b)
{
    return a->null == b->null && (a->null || fly__sql_value_cmp(type, a, b) == 0);
}

static void fill(fixture *f, fly_vec *v, uint32_t arg, const char *const values[5])
{
    fly_sql_type type = f->types[arg];
    ck_assert_int_eq(
        fly_vec_init(v, fly__sql_type_physical(type), FLY_VEC_CAPACITY, &f->arena, &f->err),
        FLY_OK);
    v->scale = type.scale;
    for (uint32_t row = 0; row < 25; row++) {
        const char *text = values[arg == 0 ? row / 5 : row % 5];
        fly_vec_value value = {.null = strcmp(text, "<NULL>") == 0};
        if (!value.null) {
            ck_assert_int_eq(
                fly__sql_value_in(NULL, type, fly_bytes_str(text), &f->arena, &value, &f->err),
                FLY_OK);
        }
        fly_vec_put(v, row, &value);
    }
}

START_TEST(kernels_agree_with_rows)
{
    fixture f;
    set_up(&f);
    fly_vec reg[3];
    memset(reg, 0, sizeof reg);
    for (int i = 0; i < 2 && kernel_samples[_i].types[i] != NULL; i++) {
        read_argument(&f, kernel_samples[_i].types[i]);
        int precision;
        int scale;
        if (fly__sql_numeric_mod_of(f.types[i].mod, &precision, &scale)) {
            f.types[i].digits = (uint8_t)precision;
            f.types[i].scale = (uint8_t)scale;
        }
        fill(&f, &reg[i], (uint32_t)i, kernel_samples[_i].values[i]);
    }
    const fly__sql_func *func = find_func(&f, kernel_samples[_i].name);
    ck_assert_ptr_nonnull(func);
    fly_sql_type result = result_of(&f, func);
    ck_assert_int_eq(
        fly_vec_init(&reg[2], fly__sql_type_physical(result), FLY_VEC_CAPACITY, &f.arena, &f.err),
        FLY_OK);
    reg[2].scale = result.scale;
    const void *aux = NULL;
    fly_vec_sel sel[FLY_VEC_CAPACITY];
    fly_vec_frame frame = {.reg = reg, .arena = &f.arena, .err = &f.err};
    fly_vec_ins ins = {.dst = 2, .argc = (uint16_t)f.argc, .arg = {0, 1}, .out = sel};
    ins.args = ins.arg;
    ins.kernel = func->kernel(func, f.types, f.argc, &f.arena, &aux);
    ins.aux = aux;
    ck_assert_msg(ins.kernel != NULL, "%s has no kernel", func->name);
    ck_assert_msg(ins.kernel(&frame, &ins, NULL, 25) >= 0, "%s", f.err.message);
    void *memo = NULL;
    fly__sql_call call = {.func = func,
                          .types = f.types,
                          .result = result,
                          .argc = f.argc,
                          .arena = &f.arena,
                          .memo = &memo,
                          .memo_arena = &f.arena,
                          .err = &f.err};
    int selected = 0;
    for (uint32_t row = 0; row < 25; row++) {
        fly_vec_value args[2] = {fly_vec_get(&reg[0], row)};
        if (f.argc > 1) {
            args[1] = fly_vec_get(&reg[1], row);
        }
        fly_vec_value wanted = {.null = true};
        if (!args[0].null && !args[1].null) {
            ck_assert_int_eq(func->row(&call, args, &wanted), FLY_OK);
        }
        fly_vec_value got = fly_vec_get(&reg[2], row);
        ck_assert_msg(same_value(result, &wanted, &got), "%s, row %u", kernel_samples[_i].name,
                      row);
        selected += result.oid == FLY_SQL_BOOL && !wanted.null && wanted.b;
    }
    if (func->select != NULL && result.oid == FLY_SQL_BOOL) {
        ins.kernel = func->select(func, f.types, f.argc, &f.arena, &aux);
        ins.aux = aux;
        ck_assert_int_eq(ins.kernel(&frame, &ins, NULL, 25), selected);
    }
    tear_down(&f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("func");
    TCase *tests = fly_test_case(suite, "registry");
    tcase_add_test(tests, entries_are_in_order_and_whole);
    tcase_add_test(tests, coercion_goes_one_way_where_it_costs_something_to_come_back);
    tcase_add_loop_test(tests, functions_answer_as_postgresql, 0,
                        sizeof samples / sizeof samples[0]);
    tcase_add_loop_test(tests, aggregates_answer_as_postgresql, 0,
                        2 * sizeof agg_samples / sizeof agg_samples[0]);
    tcase_add_loop_test(tests, set_functions_answer_as_postgresql, 0,
                        sizeof set_samples / sizeof set_samples[0]);
    tcase_add_loop_test(tests, kernels_agree_with_rows, 0,
                        sizeof kernel_samples / sizeof kernel_samples[0]);
    return fly_test_run(suite);
}
