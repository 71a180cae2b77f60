/*
 * Calls: which function is meant by a name and some arguments, and the call itself.
 *
 * PostgreSQL's manual, 10.3, step by step: functions of that name that can take as many arguments
 * (defaults left out, VARIADIC repeated); one whose types are exactly those given; else those that can
 * be reached by implicit casts, of which fly__sql_bind_choose() picks the best; else the name of a
 * type, for a cast in disguise. Operators are chosen by the same rules (oper.c).
 *
 * What is not here: what aggregates and window functions do with their arguments (group.c, window.c).
 */
#include "bind/bind_scope_int.h"

#include "session/engine_int.h"
#include <stdio.h>

enum { ARGS_MAX = 100 };

/* ---------------------------------------------------------- the best candidate */

static bool preferred_in(fly__sql_binder *b, uint32_t oid, char category)
{
    bool preferred;
    return fly__sql_bind_category(b, oid, &preferred) == category && preferred;
}

/* Keep the candidates that score highest. */
static uint32_t keep_best(fly__sql_binder *b, fly__sql_candidate *list, uint32_t list_count,
                          const uint32_t *base, const char *categories, uint32_t count,
                          bool with_preferred)
{
    uint32_t kept = 0;
    uint32_t best = 0;
    for (uint32_t c = 0; c < list_count; c++) {
        uint32_t score = 0;
        for (uint32_t i = 0; i < count; i++) {
            if (base[i] == FLY_SQL_UNKNOWN) {
                continue;
            }
            uint32_t takes = list[c].types[i];
            if (takes == base[i] || (with_preferred && preferred_in(b, takes, categories[i]))) {
                score++;
            }
        }
        if (score > best || kept == 0) {
            best = score;
            kept = 0;
        }
        if (score == best) {
            list[kept++] = list[c];
        }
    }
    return kept;
}

/* For literals of unknown type: the category that each place should have; false: no agreement. */
static bool unknown_categories(fly__sql_binder *b, const fly__sql_candidate *list,
                               uint32_t list_count, const uint32_t *base, uint32_t count,
                               char *categories, bool *has_preferred)
{
    for (uint32_t i = 0; i < count; i++) {
        if (base[i] != FLY_SQL_UNKNOWN) {
            continue;
        }
        bool conflict = false;
        categories[i] = 0;
        has_preferred[i] = false;
        for (uint32_t c = 0; c < list_count; c++) {
            bool preferred;
            char category = fly__sql_bind_category(b, list[c].types[i], &preferred);
            if (categories[i] == 0) {
                categories[i] = category;
                has_preferred[i] = preferred;
            } else if (category == categories[i]) {
                has_preferred[i] |= preferred;
            } else if (category == 'S') {
                categories[i] = category;
                has_preferred[i] = preferred;
                conflict = false;
                continue;
            } else if (categories[i] != 'S') {
                conflict = true;
            }
        }
        if (conflict && categories[i] != 'S') {
            return false;
        }
    }
    return true;
}

static uint32_t keep_category(fly__sql_binder *b, fly__sql_candidate *list, uint32_t list_count,
                              const uint32_t *base, uint32_t count, const char *categories,
                              const bool *has_preferred)
{
    uint32_t kept = 0;
    fly__sql_candidate first = list[0];
    for (uint32_t c = 0; c < list_count; c++) {
        bool keep = true;
        for (uint32_t i = 0; i < count && keep; i++) {
            if (base[i] == FLY_SQL_UNKNOWN) {
                bool preferred;
                char category = fly__sql_bind_category(b, list[c].types[i], &preferred);
                keep = category == categories[i] && (preferred || !has_preferred[i]);
            }
        }
        if (keep) {
            list[kept++] = list[c];
        }
    }
    if (kept == 0) {
        list[0] = first;
        return list_count;
    }
    return kept;
}

/* If all known arguments are of one type, literals are taken for it too. */
static const fly__sql_candidate *same_as_known(fly__sql_binder *b, fly__sql_candidate *list,
                                               uint32_t list_count, const uint32_t *base,
                                               uint32_t count)
{
    uint32_t known = FLY_SQL_UNKNOWN;
    for (uint32_t i = 0; i < count; i++) {
        if (base[i] != FLY_SQL_UNKNOWN) {
            if (known != FLY_SQL_UNKNOWN && known != base[i]) {
                return NULL;
            }
            known = base[i];
        }
    }
    if (known == FLY_SQL_UNKNOWN) {
        return NULL;
    }
    const fly__sql_candidate *found = NULL;
    uint32_t all[ARGS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        all[i] = known;
    }
    for (uint32_t c = 0; c < list_count; c++) {
        bool takes = true;
        uint32_t declared[ARGS_MAX];
        uint32_t result = 0;
        for (uint32_t i = 0; i < count && takes; i++) {
            declared[i] = list[c].types[i];
            takes = fly__sql_bind_can_coerce(b, known, list[c].types[i], 'i');
        }
        takes = takes && fly__sql_bind_polymorph(b, all, declared, count, &result, UINT32_MAX);
        if (takes) {
            if (found != NULL) {
                return NULL;
            }
            found = &list[c];
        }
    }
    return found;
}

const fly__sql_candidate *fly__sql_bind_choose(fly__sql_binder *b, fly__sql_candidate *list,
                                               uint32_t list_count, const uint32_t *types,
                                               uint32_t count, bool *many)
{
    *many = false;
    if (list_count <= 1) {
        return list_count == 1 ? &list[0] : NULL;
    }
    uint32_t base[ARGS_MAX];
    char categories[ARGS_MAX];
    bool has_preferred[ARGS_MAX];
    uint32_t unknowns = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool preferred;
        base[i] = fly__sql_bind_base(b, (fly_sql_type){.oid = types[i], .mod = -1}).oid;
        categories[i] = fly__sql_bind_category(b, base[i], &preferred);
        unknowns += base[i] == FLY_SQL_UNKNOWN;
    }
    list_count = keep_best(b, list, list_count, base, categories, count, false);
    if (list_count == 1) {
        return &list[0];
    }
    list_count = keep_best(b, list, list_count, base, categories, count, true);
    if (list_count == 1) {
        return &list[0];
    }
    *many = true;
    if (unknowns == 0) {
        return NULL;
    }
    if (unknown_categories(b, list, list_count, base, count, categories, has_preferred)) {
        list_count = keep_category(b, list, list_count, base, count, categories, has_preferred);
        if (list_count == 1) {
            return &list[0];
        }
    }
    return unknowns < count ? same_as_known(b, list, list_count, base, count) : NULL;
}

/* ------------------------------------------------------------ polymorphic types */

typedef struct poly {
    uint32_t element, array, compatible;
    bool compatible_conflict;
} poly;

static bool poly_fail(fly__sql_binder *b, uint32_t pos, const char *message)
{
    if (pos != UINT32_MAX) {
        (void)fly__sql_bind_fail(b, "42804", pos, "%s", message);
    }
    return false;
}

static bool poly_mismatch(fly__sql_binder *b, uint32_t pos, const char *what, uint32_t one,
                          uint32_t other)
{
    if (pos != UINT32_MAX) {
        (void)fly__sql_bind_fail(b, "42804", pos, "arguments declared \"%s\" are not all alike",
                                 what);
        fly__sql_bind_detail(b, "%s versus %s", fly__sql_bind_type_name(b, one),
                             fly__sql_bind_type_name(b, other));
    }
    return false;
}

/* The type that two compatible ones have in common. */
static bool poly_common(fly__sql_binder *b, uint32_t *so_far, uint32_t next)
{
    if (*so_far == 0 || *so_far == next) {
        *so_far = next;
        return true;
    }
    bool preferred, next_preferred;
    if (fly__sql_bind_category(b, *so_far, &preferred) !=
        fly__sql_bind_category(b, next, &next_preferred)) {
        return false;
    }
    if (!preferred && fly__sql_bind_can_coerce(b, *so_far, next, 'i') &&
        !fly__sql_bind_can_coerce(b, next, *so_far, 'i')) {
        *so_far = next;
    }
    return true;
}

static bool poly_one(fly__sql_binder *b, poly *p, uint32_t declared, uint32_t actual, uint32_t pos)
{
    if (actual == FLY_SQL_UNKNOWN) {
        return true;
    }
    uint32_t base = fly__sql_bind_base(b, (fly_sql_type){.oid = actual, .mod = -1}).oid;
    switch (declared) {
    case FLY_SQL_ANYELEMENT:
    case FLY_SQL_ANYNONARRAY:
    case FLY_SQL_ANYENUM:
        if (p->element != 0 && p->element != actual) {
            return poly_mismatch(b, pos, "anyelement", p->element, actual);
        }
        p->element = actual;
        if (declared == FLY_SQL_ANYENUM && !fly__sql_bind_is_enum(b, base)) {
            return poly_fail(b, pos, "type matched to anyenum is not an enum type");
        }
        if (declared == FLY_SQL_ANYNONARRAY && fly__sql_bind_element(b, base) != 0) {
            return poly_fail(b, pos, "type matched to anynonarray is an array type");
        }
        return true;
    case FLY_SQL_ANYARRAY:
        if (p->array != 0 && p->array != base) {
            return poly_mismatch(b, pos, "anyarray", p->array, base);
        }
        p->array = base;
        return base == FLY_SQL_ANYARRAY || fly__sql_bind_element(b, base) != 0 ||
               poly_fail(b, pos, "argument declared anyarray is not an array");
    case FLY_SQL_ANYCOMPATIBLEARRAY: {
        uint32_t element = fly__sql_bind_element(b, base);
        if (element == 0) {
            return poly_fail(b, pos, "argument declared anycompatiblearray is not an array");
        }
        return poly_common(b, &p->compatible, element) ||
               poly_mismatch(b, pos, "anycompatible", p->compatible, element);
    }
    default:
        if (declared == FLY__SQL_ANYCOMPATIBLENONARRAY && fly__sql_bind_element(b, base) != 0) {
            return poly_fail(b, pos, "type matched to anycompatiblenonarray is an array type");
        }
        return poly_common(b, &p->compatible, base) ||
               poly_mismatch(b, pos, "anycompatible", p->compatible, base);
    }
}

static bool poly_is(fly__sql_binder *b, const poly *p, uint32_t *oid)
{
    switch (*oid) {
    case FLY_SQL_ANYELEMENT:
    case FLY_SQL_ANYNONARRAY:
    case FLY_SQL_ANYENUM:
        *oid = p->element;
        break;
    case FLY_SQL_ANYARRAY:
        *oid = p->array;
        break;
    case FLY_SQL_ANYCOMPATIBLE:
    case FLY__SQL_ANYCOMPATIBLENONARRAY:
        *oid = p->compatible;
        break;
    case FLY_SQL_ANYCOMPATIBLEARRAY:
        *oid = fly__sql_bind_array_of(b, p->compatible);
        break;
    default:
        return true;
    }
    return *oid != 0;
}

bool fly__sql_bind_polymorph(fly__sql_binder *b, const uint32_t *actual, uint32_t *declared,
                             uint32_t count, uint32_t *result, uint32_t pos)
{
    poly p = {0};
    bool any = fly__sql_bind_polymorphic(*result);
    bool compatible = false;
    for (uint32_t i = 0; i < count; i++) {
        if (fly__sql_bind_polymorphic(declared[i])) {
            any = true;
            compatible |= declared[i] == FLY_SQL_ANYCOMPATIBLE ||
                          declared[i] == FLY_SQL_ANYCOMPATIBLEARRAY ||
                          declared[i] == FLY__SQL_ANYCOMPATIBLENONARRAY;
            if (!poly_one(b, &p, declared[i], actual[i], pos)) {
                return false;
            }
        }
    }
    if (!any) {
        return true;
    }
    if (p.array != 0 && p.array != FLY_SQL_ANYARRAY) {
        uint32_t element = fly__sql_bind_element(b, p.array);
        if (p.element != 0 && p.element != element) {
            return poly_mismatch(b, pos, "anyarray\" and \"anyelement", p.array, p.element);
        }
        p.element = element;
    } else if (p.element != 0) {
        p.array = fly__sql_bind_array_of(b, p.element);
    }
    if (compatible && p.compatible == 0) {
        p.compatible = FLY_SQL_TEXT;
    }
    if (pos == UINT32_MAX) {
        return true;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!poly_is(b, &p, &declared[i])) {
            return poly_fail(b, pos,
                             "could not determine polymorphic type because input has type unknown");
        }
    }
    return poly_is(b, &p, result) ||
           poly_fail(b, pos, "could not determine polymorphic type because input has type unknown");
}

/* ------------------------------------------------------------------- collations */

/* One collation for a call over several texts: PostgreSQL's manual, 24.2. */
static bool collate(fly__sql_binder *b, fly__sql_expr **args, uint32_t argc, uint32_t *collation,
                    char *how, uint32_t pos)
{
    *collation = 0;
    *how = 0;
    for (uint32_t i = 0; i < argc; i++) {
        fly__sql_expr *arg = args[i];
        if (arg == NULL || (arg->type.collation == 0 && arg->collated == 0) ||
            !fly__sql_bind_collatable(b, arg->type.oid)) {
            continue;
        }
        char mine = arg->collated == 0 ? 'i' : arg->collated;
        if (mine == 'e') {
            if (*how == 'e' && *collation != arg->type.collation) {
                return fly__sql_bind_fail(
                           b, "42P21", arg->pos,
                           "collation mismatch between explicit collations \"%s\" and \"%s\"",
                           fly__sql_bind_collation_name(b, *collation),
                           fly__sql_bind_collation_name(b, arg->type.collation)) != NULL;
            }
            *how = 'e';
            *collation = arg->type.collation;
        } else if (*how != 'e') {
            if (mine == 'x' || (*how == 'i' && *collation != 0 && arg->type.collation != 0 &&
                                *collation != arg->type.collation)) {
                *how = 'x';
            } else if (*how != 'x') {
                *how = 'i';
                *collation = arg->type.collation != 0 ? arg->type.collation : *collation;
            }
        }
    }
    (void)pos;
    return true;
}

static bool compares(const fly__sql_func *func)
{
    return func->op >= FLY__SQL_OP_EQ && func->op <= FLY__SQL_OP_LIKE;
}

bool fly__sql_bind_settle(fly__sql_binder *b, fly__sql_expr *call)
{
    bool any = false;
    for (uint32_t i = 0; i < call->argc; i++) {
        any |= call->args[i] != NULL &&
               (call->args[i]->type.collation != 0 || call->args[i]->collated != 0);
    }
    if (!any) {
        return true;
    }
    uint32_t collation;
    char how;
    if (!collate(b, call->args, call->argc, &collation, &how, call->pos)) {
        return false;
    }
    if (how == 'x' && compares(call->func)) {
        (void)fly__sql_bind_fail(
            b, "42P22", call->pos,
            "could not determine which collation to use for string comparison");
        fly__sql_bind_hint(b, "Use the COLLATE clause to set the collation explicitly.");
        return false;
    }
    for (uint32_t i = 0; i < call->argc; i++) {
        fly__sql_expr *arg = call->args[i];
        if (arg != NULL && arg->type.collation != collation &&
            fly__sql_bind_collatable(b, arg->type.oid)) {
            fly_sql_type type = arg->type;
            type.collation = collation;
            call->args[i] = fly__sql_bind_relabel(b, arg, type);
            if (call->args[i] == NULL) {
                return false;
            }
        }
    }
    if (fly__sql_bind_collatable(b, call->type.oid)) {
        call->type.collation = collation;
        call->collated = how;
    }
    return true;
}

/* --------------------------------------------------------------------- the call */

bool fly__sql_bind_args(fly__sql_binder *b, const fly__sql_func *func, fly__sql_expr **args,
                        uint32_t argc, const uint32_t *declared_in, uint32_t result_oid,
                        uint32_t pos, fly_sql_type *result)
{
    uint32_t declared[ARGS_MAX];
    uint32_t actual[ARGS_MAX];
    declared[0] = 0;
    actual[0] = 0;
    for (uint32_t i = 0; i < argc; i++) {
        declared[i] = declared_in[i];
        actual[i] = args[i]->type.oid;
    }
    if (!fly__sql_bind_polymorph(b, actual, declared, argc, &result_oid, pos)) {
        return false;
    }
    for (uint32_t i = 0; i < argc; i++) {
        fly__sql_expr *arg = args[i];
        if (declared[i] == FLY_SQL_ANY) {
            arg = strcmp(func->name, "pg_typeof") == 0 ? arg : fly__sql_bind_known(b, arg);
        } else if (arg->type.oid != declared[i]) {
            fly_sql_type to = fly__sql_bind_plain(b, declared[i]);
            to.collation = arg->type.collation;
            to.digits = to.oid == FLY_SQL_NUMERIC ? FLY__SQL_ANY_SHAPE : 0;
            arg = fly__sql_bind_coerce(b, arg, to, 'i', arg->pos);
        }
        if (arg != NULL && arg->type.oid == FLY_SQL_NUMERIC &&
            (func->kind == FLY__SQL_USER || fly__sql_bind_polymorphic(declared_in[i]))) {
            arg = fly__sql_bind_unshaped(b, arg);
        }
        if (arg == NULL) {
            if (fly__sql_bind_ok(b)) {
                (void)fly__sql_bind_fail(b, "42846", args[i]->pos, "cannot cast type %s to %s",
                                         fly__sql_bind_type_name(b, args[i]->type.oid),
                                         fly__sql_bind_type_name(b, declared[i]));
            }
            return false;
        }
        args[i] = arg;
    }
    if (argc == 2 && compares(func) && !fly__sql_bind_one_shape(b, args, argc)) {
        return false;
    }
    *result = fly__sql_bind_plain(b, result_oid);
    if (func->result_type != NULL) {
        fly_sql_type types[ARGS_MAX];
        types[0] = *result;
        for (uint32_t i = 0; i < argc; i++) {
            types[i] = args[i]->type;
        }
        fly_sql_type said = func->result_type(types, argc);
        if (said.oid == result_oid || said.oid != 0) {
            *result = said;
        }
    }
    return true;
}

fly__sql_expr *fly__sql_bind_make_call(fly__sql_binder *b, const fly__sql_func *func,
                                       fly__sql_expr **args, uint32_t argc, uint32_t pos)
{
    uint32_t declared[ARGS_MAX];
    for (uint32_t i = 0; i < argc; i++) {
        declared[i] = func->args[i < func->argc ? i : func->argc - 1u];
    }
    fly__sql_expr *call =
        fly__sql_bind_node(b, FLY__SQL_X_CALL, (fly_sql_type){.mod = -1}, argc, pos);
    if (call == NULL) {
        return NULL;
    }
    call->func = func;
    if (argc > 0) {
        memcpy(call->args, args, argc * sizeof *args);
    }
    if (!fly__sql_bind_args(b, func, call->args, argc, declared, func->result, pos, &call->type) ||
        !fly__sql_bind_settle(b, call)) {
        return NULL;
    }
    if (func->strict && func->set == NULL && func->user == NULL &&
        fly__sql_bind_certainly_null(call, argc)) {
        return fly__sql_bind_null(b, call->type, pos);
    }
    return fly__sql_bind_done(b, call);
}

/* ------------------------------------------------------------------- candidates */

const char *fly__sql_bind_signature(fly__sql_binder *b, const char *name, fly__sql_expr **args,
                                    uint32_t argc, const char *const *arg_names)
{
    char text[400];
    int at = snprintf(text, sizeof text, "%s(", name);
    for (uint32_t i = 0; i < argc && at < (int)sizeof text - 1; i++) {
        bool named = arg_names != NULL && arg_names[i] != NULL;
        at += snprintf(text + at, sizeof text - (size_t)at, "%s%s%s%s", i > 0 ? ", " : "",
                       named ? arg_names[i] : "", named ? " => " : "",
                       fly__sql_bind_type_name(b, args[i]->type.oid));
    }
    const char *copy = fly__sql_bind_printf(b, "%s)", text);
    return copy == NULL ? name : copy;
}

/* What is being looked for. */
typedef struct lookup {
    const char *schema;
    const char *name;
    uint32_t argc;
    fly__sql_expr **args;
    const char **names; /* of named arguments, NULL entries else; NULL: none is named */
    uint32_t types[ARGS_MAX];
    bool variadic;
    uint32_t count, room;
    fly__sql_candidate *list;
} lookup;

static bool add_candidate(fly__sql_binder *b, lookup *l, const fly__sql_func *func,
                          const fly__sql_user_function *user)
{
    uint32_t argc = func->argc;
    bool expand = false;
    if (func->variadic && !l->variadic) {
        if (l->argc < argc) {
            return true;
        }
        expand = true;
    } else if (l->argc > argc || l->argc + func->defaults < argc) {
        return true;
    }
    fly__sql_candidate c = {.func = func,
                            .user = user,
                            .count = l->argc,
                            .types = func->args,
                            .expanded = expand,
                            .defaulted = expand ? 0 : argc - l->argc};
    if (expand && (l->argc > argc || user != NULL)) {
        uint32_t *types = fly__sql_bind_alloc(b, l->argc * sizeof *types);
        if (types == NULL) {
            return false;
        }
        uint32_t last = func->args[argc - 1];
        if (user != NULL && fly__sql_bind_element(b, last) != 0) {
            last = fly__sql_bind_element(b, last);
        } else if (last == FLY_SQL_ANYARRAY) {
            last = FLY_SQL_ANYELEMENT;
        } else if (last == FLY_SQL_ANYCOMPATIBLEARRAY) {
            last = FLY_SQL_ANYCOMPATIBLE;
        }
        for (uint32_t i = 0; i < l->argc; i++) {
            types[i] = i + 1 < argc ? func->args[i] : last;
        }
        c.types = types;
    }
    if (!fly__sql_bind_room(b, &l->list, &l->room, l->count, sizeof *l->list)) {
        return false;
    }
    l->list[l->count++] = c;
    return true;
}

/* Named arguments of a user's function put in its order; false: it has no such names. */
static bool reorder(fly__sql_binder *b, lookup *l, const fly__sql_user_function *user,
                    int16_t **order)
{
    *order = fly__sql_bind_alloc(b, (user->argc + 1u) * sizeof **order);
    if (*order == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < user->argc; i++) {
        (*order)[i] = -1;
    }
    uint32_t input[ARGS_MAX];
    uint32_t inputs = 0;
    for (uint32_t i = 0; i < user->all_count && inputs < ARGS_MAX; i++) {
        char mode = user->modes == NULL ? 'i' : user->modes[i];
        if (mode == 'i' || mode == 'b' || mode == 'v' || (mode == 'o' && user->procedure)) {
            input[inputs++] = i;
        }
    }
    for (uint32_t a = 0; a < l->argc; a++) {
        uint32_t at = a;
        if (l->names[a] != NULL) {
            for (at = 0; at < inputs; at++) {
                if (strcmp(user->names[input[at]], l->names[a]) == 0) {
                    break;
                }
            }
        }
        if (at >= inputs || (*order)[at] >= 0) {
            return false;
        }
        (*order)[at] = (int16_t)a;
    }
    for (uint32_t i = 0; i < inputs; i++) {
        if ((*order)[i] < 0 && user->defaults[input[i]] == NULL) {
            return false;
        }
    }
    return true;
}

static bool add_named(fly__sql_binder *b, lookup *l, const fly__sql_user_function *user)
{
    int16_t *order;
    if (!reorder(b, l, user, &order)) {
        return fly__sql_bind_ok(b);
    }
    uint32_t *types = fly__sql_bind_alloc(b, (l->argc + 1) * sizeof *types);
    if (types == NULL || !fly__sql_bind_room(b, &l->list, &l->room, l->count, sizeof *l->list)) {
        return false;
    }
    for (uint32_t i = 0; i < user->argc; i++) {
        if (order[i] >= 0) {
            types[order[i]] = user->func->args[i];
        }
    }
    l->list[l->count++] = (fly__sql_candidate){
        .func = user->func, .user = user, .count = l->argc, .types = types, .order = order};
    return true;
}

/* Arguments of built-in functions that people name; the registry has no names. */
static bool builtin_named(fly__sql_binder *b, lookup *l)
{
    static const char *const interval[] = {"years", "months", "weeks", "days",
                                           "hours", "mins",   "secs"};
    if (strcmp(l->name, "make_interval") != 0) {
        return true;
    }
    fly__sql_expr *args[7];
    for (uint32_t i = 0; i < 7; i++) {
        args[i] = fly__sql_bind_int(b, 0, FLY_SQL_INT4, 0);
        if (args[i] == NULL) {
            return false;
        }
    }
    for (uint32_t a = 0; a < l->argc; a++) {
        uint32_t at = a;
        for (uint32_t i = 0; l->names[a] != NULL && i < 7; i++) {
            if (strcmp(interval[i], l->names[a]) == 0) {
                at = i;
            }
        }
        if (at < 7) {
            args[at] = l->args[a];
        }
    }
    l->args = fly__sql_bind_alloc(b, sizeof args);
    if (l->args == NULL) {
        return false;
    }
    memcpy(l->args, args, sizeof args);
    l->argc = 7;
    l->names = NULL;
    for (uint32_t i = 0; i < 7; i++) {
        l->types[i] = l->args[i]->type.oid;
    }
    return true;
}

static bool gather(fly__sql_binder *b, lookup *l)
{
    if (l->names != NULL && !builtin_named(b, l)) {
        return false;
    }
    bool system = l->schema == NULL || strcmp(l->schema, "pg_catalog") == 0 ||
                  (strcmp(l->schema, "information_schema") == 0 && l->name[0] == '_');
    if (l->names == NULL && system) {
        size_t count = 0;
        const fly__sql_func *funcs = fly__sql_funcs_named(l->name, &count);
        for (size_t i = 0; i < count; i++) {
            if (!add_candidate(b, l, &funcs[i], NULL)) {
                return false;
            }
        }
    }
    if (l->names == NULL && l->schema == NULL && b->session != NULL && b->session->sql != NULL) {
        const fly__sql_func *func = NULL;
        while ((func = fly__sql_registered_next(b->session->sql, l->name, func)) != NULL) {
            if (!add_candidate(b, l, func, NULL)) {
                return false;
            }
        }
    }
    size_t next = 0;
    const fly__sql_user_function *user;
    while ((user = fly__sql_user_function_next(b->view, l->schema, l->name, &next)) != NULL) {
        bool added = l->names != NULL ? add_named(b, l, user)
                                      : add_candidate(b, l, user->func, user);
        if (!added) {
            return false;
        }
    }
    return true;
}

static bool exact(const lookup *l, const fly__sql_candidate *c)
{
    for (uint32_t i = 0; i < l->argc; i++) {
        if (c->types[i] != l->types[i]) {
            return false;
        }
    }
    return true;
}

static bool reachable(fly__sql_binder *b, const lookup *l, const fly__sql_candidate *c)
{
    bool polymorphic = false;
    uint32_t declared[ARGS_MAX];
    for (uint32_t i = 0; i < l->argc; i++) {
        declared[i] = c->types[i];
        if (!fly__sql_bind_can_coerce(b, l->types[i], c->types[i], 'i')) {
            return false;
        }
        polymorphic |= fly__sql_bind_polymorphic(c->types[i]);
    }
    uint32_t result = 0;
    return !polymorphic ||
           fly__sql_bind_polymorph(b, l->types, declared, l->argc, &result, UINT32_MAX);
}

/* PostgreSQL prefers, of equally good ones, the one that needs no defaults and no VARIADIC. */
static bool plainer(const fly__sql_candidate *a, const fly__sql_candidate *b)
{
    return !a->expanded && b->expanded ? true
                                       : a->expanded == b->expanded && a->defaulted < b->defaulted;
}

static const fly__sql_candidate *resolve(fly__sql_binder *b, lookup *l, bool *many)
{
    *many = false;
    const fly__sql_candidate *best = NULL;
    for (uint32_t i = 0; i < l->count; i++) {
        if (exact(l, &l->list[i]) && (best == NULL || plainer(&l->list[i], best))) {
            best = &l->list[i];
        }
    }
    if (best != NULL) {
        return best;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        if (reachable(b, l, &l->list[i])) {
            l->list[kept++] = l->list[i];
        }
    }
    /* The same types twice: the plainer one hides the other. */
    for (uint32_t i = 0; i < kept; i++) {
        for (uint32_t j = i + 1; j < kept;) {
            if (memcmp(l->list[i].types, l->list[j].types, l->argc * sizeof(uint32_t)) == 0) {
                if (plainer(&l->list[j], &l->list[i])) {
                    l->list[i] = l->list[j];
                }
                l->list[j] = l->list[--kept];
            } else {
                j++;
            }
        }
    }
    return fly__sql_bind_choose(b, l->list, kept, l->types, l->argc, many);
}

/* ------------------------------------------------------------- calls as written */

bool fly__sql_bind_returns_set(const fly__sql_func *func)
{
    return func->kind == FLY__SQL_SET ||
           (func->kind == FLY__SQL_USER && func->user != NULL &&
            ((const fly__sql_user_function *)func->user)->returns_set);
}

/* Arguments of a user's function in its order, with defaults and VARIADIC's array put in. */
static bool user_args(fly__sql_binder *b, lookup *l, const fly__sql_candidate *c)
{
    const fly__sql_user_function *user = c->user;
    uint32_t argc = user->func->argc;
    if (argc == 0) {
        return true;
    }
    fly__sql_expr **args = fly__sql_bind_alloc(b, argc * sizeof *args);
    if (args == NULL) {
        return false;
    }
    uint32_t given = c->expanded ? argc - 1 : l->argc;
    uint32_t input = 0;
    for (uint32_t i = 0; i < argc; i++) {
        while (input < user->all_count && user->modes != NULL &&
               ((user->modes[input] == 'o' && !user->procedure) || user->modes[input] == 't')) {
            input++;
        }
        if (c->order != NULL) {
            args[i] = c->order[i] >= 0 ? l->args[c->order[i]] : NULL;
        } else {
            args[i] = i < given ? l->args[i] : NULL;
        }
        if (args[i] == NULL && !(c->expanded && i + 1 == argc)) {
            const char *text = input < user->all_count ? user->defaults[input] : NULL;
            const fly_ast *ast = text == NULL ? NULL : fly__sql_bind_parse_expr(b, text);
            fly__sql_scope *scope = ast == NULL ? NULL : fly__sql_bind_scope(b, NULL);
            b->no_positions++;
            args[i] = scope == NULL ? NULL : fly__sql_bind_expression(b, scope, ast);
            b->no_positions--;
            if (args[i] == NULL) {
                return fly__sql_bind_ok(b)
                           ? fly__sql_bind_fail(b, "42883", 0, "argument %u of %s has no default",
                                                i + 1, user->name) != NULL
                           : false;
            }
        }
        input++;
    }
    if (c->expanded) {
        uint32_t extra = l->argc - given;
        fly_sql_type element = fly__sql_bind_plain(b, c->types[given]);
        if (fly__sql_bind_polymorphic(element.oid) &&
            !fly__sql_bind_unify(b, l->args + given, extra, "VARIADIC", &element)) {
            return false;
        }
        element = fly__sql_bind_unshaped_type(element);
        fly_sql_type type = {.oid = fly__sql_bind_array_of(b, element.oid), .mod = -1};
        fly__sql_expr *array = fly__sql_bind_node(b, FLY__SQL_X_ARRAY, type, extra, 0);
        if (array == NULL) {
            return false;
        }
        for (uint32_t i = 0; i < extra; i++) {
            array->args[i] = fly__sql_bind_coerce(b, l->args[given + i], element, 'i', 0);
            if (array->args[i] == NULL) {
                return fly__sql_bind_ok(b)
                           ? fly__sql_bind_fail(b, "42846", 0, "cannot cast argument of %s",
                                                user->name) != NULL
                           : false;
            }
        }
        args[argc - 1] = fly__sql_bind_done(b, array);
    }
    l->args = args;
    l->argc = argc;
    for (uint32_t i = 0; i < argc; i++) {
        l->types[i] = args[i]->type.oid;
    }
    return true;
}

/* f(x) where f is a type: a cast. */
static fly__sql_expr *cast_in_disguise(fly__sql_binder *b, const lookup *l, uint32_t pos)
{
    if (l->argc != 1 || l->names != NULL || l->variadic) {
        return NULL;
    }
    fly_sql_type type = {.mod = -1};
    const fly__sql_type_info *info = l->schema == NULL || strcmp(l->schema, "pg_catalog") == 0
                                         ? fly__sql_type_info_named(l->name)
                                         : NULL;
    if (info != NULL && info->category != 'P') {
        type.oid = info->oid;
    } else {
        const fly__sql_user_type *user = fly__sql_user_type_named(b->view, l->schema, l->name);
        if (user == NULL) {
            return NULL;
        }
        type = fly__sql_bind_plain(b, user->oid);
    }
    return fly__sql_bind_coerce(b, l->args[0], type, 'e', pos);
}

static fly__sql_expr *no_function(fly__sql_binder *b, lookup *l, const fly_ast_call *call,
                                  bool many)
{
    const char *name = l->name;
    if (l->schema != NULL && fly__sql_schema_named(b->view, l->schema) == NULL) {
        return fly__sql_bind_fail(b, "3F000", call->node.pos, "schema \"%s\" does not exist",
                                  l->schema);
    }
    if (l->schema != NULL) {
        name = fly__sql_bind_printf(b, "%s.%s", l->schema, l->name);
        if (name == NULL) {
            return NULL;
        }
    }
    const char *signature = fly__sql_bind_signature(b, name, l->args, l->argc, l->names);
    if (many) {
        (void)fly__sql_bind_fail(b, "42725", call->node.pos, "function %s is not unique",
                                 signature);
        fly__sql_bind_hint(b, "Could not choose a best candidate function. You might need to add "
                              "explicit type casts.");
        return NULL;
    }
    (void)fly__sql_bind_fail(b, "42883", call->node.pos, "function %s does not exist", signature);
    fly__sql_bind_hint(b, "No function matches the given name and argument types. You might need "
                          "to add explicit type casts.");
    return NULL;
}

/* What may not be written with an ordinary function. */
static bool check_plain(fly__sql_binder *b, const fly_ast_call *call, const char *name)
{
    uint32_t pos = call->node.pos;
    const char *what = NULL;
    if (call->star) {
        return fly__sql_bind_fail(b, "42809", pos,
                                  "%s(*) specified, but %s is not an aggregate function", name,
                                  name) != NULL;
    }
    if (call->distinct) {
        what = "DISTINCT";
    } else if (call->within_group) {
        what = "WITHIN GROUP";
    } else if (call->order_by.count > 0) {
        what = "ORDER BY";
    } else if (call->filter != NULL) {
        what = "FILTER";
    } else if (call->over != NULL) {
        return fly__sql_bind_fail(
                   b, "42809", pos,
                   "OVER specified, but %s is not a window function nor an aggregate function",
                   name) != NULL;
    }
    if (what != NULL) {
        return fly__sql_bind_fail(b, "42809", pos,
                                  "%s specified, but %s is not an aggregate function", what,
                                  name) != NULL;
    }
    return true;
}

/* Set functions stand only where rows may multiply. */
static bool check_set(fly__sql_binder *b, fly__sql_scope *scope, uint32_t pos)
{
    switch (scope->place) {
    case FLY__SQL_IN_TARGET:
    case FLY__SQL_IN_FROM_FUNCTION:
    case FLY__SQL_IN_ORDER_BY:
    case FLY__SQL_IN_GROUP_BY:
    case FLY__SQL_IN_DISTINCT_ON:
    case FLY__SQL_IN_INSERT_TARGET:
        scope->has_sets = true;
        return true;
    default:
        return fly__sql_bind_fail(b, "0A000", pos, "set-returning functions are not allowed in %s",
                                  fly__sql_bind_place_name(scope->place)) != NULL;
    }
}

static bool bind_arguments(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_call *call,
                           lookup *l)
{
    uint32_t direct = call->args.count;
    uint32_t total = direct + (call->within_group ? call->order_by.count : 0);
    if (total > ARGS_MAX) {
        return fly__sql_bind_fail(b, "54023", call->node.pos,
                                  "cannot pass more than %d arguments to a function",
                                  (int)ARGS_MAX) != NULL;
    }
    l->args = fly__sql_bind_alloc(b, (total + 1) * sizeof *l->args);
    if (l->args == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < total; i++) {
        const fly_ast *ast = i < direct
                                 ? call->args.items[i]
                                 : ((const fly_ast_sort *)call->order_by.items[i - direct])->expr;
        if (ast->kind == FLY_AST_NAMED_ARG) {
            const fly_ast_named_arg *named = (const fly_ast_named_arg *)ast;
            if (l->names == NULL) {
                l->names = fly__sql_bind_alloc(b, total * sizeof *l->names);
                if (l->names == NULL) {
                    return false;
                }
            }
            for (uint32_t j = 0; j < i; j++) {
                if (l->names[j] != NULL && strcmp(l->names[j], named->name) == 0) {
                    return fly__sql_bind_fail(b, "42601", ast->pos,
                                              "argument name \"%s\" used more than once",
                                              named->name) != NULL;
                }
            }
            l->names[i] = named->name;
            ast = named->arg;
        } else if (l->names != NULL && i < direct) {
            return fly__sql_bind_fail(b, "42601", ast->pos,
                                      "positional argument cannot follow named argument") != NULL;
        }
        l->args[i] = fly__sql_bind_expression(b, scope, ast);
        if (l->args[i] == NULL) {
            return false;
        }
        l->types[i] = l->args[i]->type.oid;
    }
    l->argc = total;
    return true;
}

/* ORDER BY inside an aggregate's parentheses. */
static bool bind_order(fly__sql_binder *b, fly__sql_scope *scope, const fly_ast_call *call,
                       lookup *l, fly__sql_sort_key **keys, uint32_t *count)
{
    *count = call->order_by.count;
    *keys = NULL;
    if (*count == 0) {
        return true;
    }
    *keys = fly__sql_bind_alloc(b, *count * sizeof **keys);
    if (*keys == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < *count; i++) {
        const fly_ast_sort *sort = (const fly_ast_sort *)call->order_by.items[i];
        fly__sql_expr *e = call->within_group ? l->args[call->args.count + i]
                                              : fly__sql_bind_expression(b, scope, sort->expr);
        e = e == NULL ? NULL : fly__sql_bind_known(b, e);
        if (e == NULL || !fly__sql_bind_sort_key(b, sort, e, &(*keys)[i])) {
            return false;
        }
        for (uint32_t a = 0; !call->within_group && a < l->argc; a++) {
            if (fly__sql_bind_equal(l->args[a], e)) {
                (*keys)[i].expr = l->args[a];
            }
        }
    }
    return true;
}

static bool check_aggregate(fly__sql_binder *b, const fly_ast_call *call, const fly__sql_func *func)
{
    uint32_t pos = call->node.pos;
    bool ordered_set = func->aggregate != NULL && func->aggregate->ordered_set;
    if (ordered_set && !call->within_group) {
        return fly__sql_bind_fail(b, "42809", pos,
                                  "WITHIN GROUP is required for ordered-set aggregate %s",
                                  func->name) != NULL;
    }
    if (ordered_set && call->over != NULL) {
        return fly__sql_bind_fail(b, "0A000", pos,
                                  "OVER is not supported for ordered-set aggregate %s",
                                  func->name) != NULL;
    }
    if (!ordered_set && call->within_group) {
        return fly__sql_bind_fail(
                   b, "42809", pos,
                   "%s is not an ordered-set aggregate, so it cannot have WITHIN GROUP",
                   func->name) != NULL;
    }
    if (!call->star && call->args.count == 0 && !call->within_group) {
        return fly__sql_bind_fail(b, "42809", pos,
                                  "%s(*) must be used to call a parameterless aggregate function",
                                  func->name) != NULL;
    }
    return true;
}

static fly__sql_expr *aggregate_or_window(fly__sql_binder *b, fly__sql_scope *scope,
                                          const fly_ast_call *call, lookup *l,
                                          const fly__sql_candidate *c)
{
    const fly__sql_func *func = c->func;
    if (func->kind == FLY__SQL_WINDOW && call->over == NULL && !call->within_group) {
        return fly__sql_bind_fail(b, "42809", call->node.pos,
                                  "window function %s requires an OVER clause", func->name);
    }
    if (func->kind == FLY__SQL_AGGREGATE && !check_aggregate(b, call, func)) {
        return NULL;
    }
    fly_sql_type result;
    if (!fly__sql_bind_args(b, func, l->args, l->argc, c->types, func->result, call->node.pos,
                            &result)) {
        return NULL;
    }
    fly__sql_sort_key *order;
    uint32_t order_count;
    if (!bind_order(b, scope, call, l, &order, &order_count)) {
        return NULL;
    }
    fly__sql_expr *filter = NULL;
    if (call->filter != NULL) {
        filter = fly__sql_bind_at(b, scope, FLY__SQL_IN_FILTER, call->filter);
        filter = filter == NULL ? NULL : fly__sql_bind_boolean(b, filter, "FILTER");
        if (filter == NULL) {
            return NULL;
        }
    }
    if (call->over != NULL) {
        return fly__sql_bind_window_call(b, scope, call, func, l->args, l->argc, filter, result);
    }
    return fly__sql_bind_aggregate(b, scope, call, func, l->args, l->argc, order, order_count,
                                   filter, result);
}

/* The columns of a set function are the fields of the record that it is in a select list. */
static bool name_columns(fly__sql_binder *b, fly__sql_expr *e, const fly__sql_set_function *set)
{
    fly__sql_fields *fields = fly__sql_bind_alloc(b, sizeof *fields);
    fly_sql_type *types = fly__sql_bind_alloc(b, set->columns * sizeof *types);
    if (fields == NULL || types == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < set->columns; i++) {
        types[i] = fly__sql_bind_plain(b, set->types[i]);
    }
    const char **names;
    memcpy(&names, &set->names, sizeof names);
    *fields = (fly__sql_fields){.count = set->columns, .names = names, .types = types};
    e->fields = fields;
    return true;
}

/* OUT columns of a user's function are the fields of the record that it gives. */
static bool name_fields(fly__sql_binder *b, fly__sql_expr *e, const fly__sql_user_function *user)
{
    const fly__sql_set_function *set = e->kind == FLY__SQL_X_CALL ? e->func->set : NULL;
    if (set != NULL && set->columns > 1) {
        return name_columns(b, e, set);
    }
    if (e->type.oid != FLY_SQL_RECORD || user == NULL || user->modes == NULL) {
        return true;
    }
    fly__sql_fields *fields = fly__sql_bind_alloc(b, sizeof *fields);
    const char **names = fly__sql_bind_alloc(b, (user->all_count + 1u) * sizeof *names);
    fly_sql_type *types = fly__sql_bind_alloc(b, (user->all_count + 1u) * sizeof *types);
    if (fields == NULL || names == NULL || types == NULL) {
        return false;
    }
    uint32_t count = 0;
    for (uint16_t i = 0; i < user->all_count; i++) {
        char mode = user->modes[i];
        if (mode == 'o' || mode == 'b' || mode == 't') {
            names[count] = user->names[i];
            types[count++] = fly__sql_bind_unshaped_type(user->types[i]);
        }
    }
    *fields = (fly__sql_fields){.count = count, .names = names, .types = types};
    e->fields = count > 0 ? fields : NULL;
    return true;
}

fly__sql_expr *fly__sql_bind_call(fly__sql_binder *b, fly__sql_scope *scope,
                                  const fly_ast_call *call)
{
    lookup *l = fly__sql_bind_alloc(b, sizeof *l);
    if (l == NULL) {
        return NULL;
    }
    bool procedure = b->context->procedure;
    b->context->procedure = false;
    uint32_t parts = call->name.count;
    l->name = call->name.items[parts - 1];
    l->schema = parts > 1 ? call->name.items[parts - 2] : NULL;
    l->variadic = call->variadic;
    if (!bind_arguments(b, scope, call, l) || !gather(b, l)) {
        return NULL;
    }
    bool many;
    const fly__sql_candidate *c = resolve(b, l, &many);
    if (c == NULL && procedure) {
        (void)fly__sql_bind_fail(b, many ? "42725" : "42883", call->node.pos,
                                 many ? "procedure %s is not unique"
                                      : "procedure %s does not exist",
                                 fly__sql_bind_signature(b, l->name, l->args, l->argc, l->names));
        fly__sql_bind_hint(b, "No procedure matches the given name and argument types. You might "
                              "need to add explicit type casts.");
        return NULL;
    }
    if (c == NULL) {
        fly__sql_expr *cast = many ? NULL : cast_in_disguise(b, l, call->node.pos);
        if (cast != NULL || !fly__sql_bind_ok(b)) {
            return cast;
        }
        if (!many && l->argc == 1 && l->schema == NULL &&
            fly__sql_bind_composite(b, l->args[0]->type.oid) != NULL) {
            return fly__sql_bind_field(b, scope, l->args[0], l->name, call->node.pos);
        }
        return no_function(b, l, call, many);
    }
    if (procedure && (c->user == NULL || !c->user->procedure)) {
        (void)fly__sql_bind_fail(b, "42809", call->node.pos, "%s is not a procedure",
                                 fly__sql_bind_signature(b, l->name, l->args, l->argc, NULL));
        fly__sql_bind_hint(b, "To call a function, use SELECT.");
        return NULL;
    }
    if (!procedure && c->user != NULL && c->user->procedure) {
        (void)fly__sql_bind_fail(b, "42809", call->node.pos, "%s is a procedure",
                                 fly__sql_bind_signature(b, l->name, l->args, l->argc, NULL));
        fly__sql_bind_hint(b, "To call a procedure, use CALL.");
        return NULL;
    }
    const fly__sql_func *func = c->func;
    if (func->kind == FLY__SQL_AGGREGATE || func->kind == FLY__SQL_WINDOW) {
        return aggregate_or_window(b, scope, call, l, c);
    }
    if (!check_plain(b, call, l->name)) {
        return NULL;
    }
    if (fly__sql_bind_returns_set(func) && !check_set(b, scope, call->node.pos)) {
        return NULL;
    }
    const uint32_t *types = c->types;
    if (c->user != NULL && l->argc <= ARGS_MAX) {
        if (!user_args(b, l, c)) {
            return NULL;
        }
        types = func->args;
    }
    fly__sql_expr *e =
        fly__sql_bind_node(b, FLY__SQL_X_CALL, (fly_sql_type){.mod = -1}, l->argc, call->node.pos);
    if (e == NULL) {
        return NULL;
    }
    e->func = func;
    if (c->user != NULL && !fly__sql_bind_need_function(b, c->user)) {
        return NULL;
    }
    if (l->argc > 0) {
        memcpy(e->args, l->args, l->argc * sizeof *l->args);
    }
    if (!fly__sql_bind_args(b, func, e->args, l->argc, types, func->result, call->node.pos,
                            &e->type) ||
        !fly__sql_bind_settle(b, e) || !name_fields(b, e, c->user)) {
        return NULL;
    }
    return fly__sql_bind_done(b, e);
}

fly__sql_expr *fly__sql_bind_named_call(fly__sql_binder *b, const char *name, fly__sql_expr **args,
                                        uint32_t argc, uint32_t pos)
{
    lookup *l = fly__sql_bind_alloc(b, sizeof *l);
    if (l == NULL) {
        return NULL;
    }
    l->name = name;
    l->schema = "pg_catalog";
    l->argc = argc;
    l->args = args;
    for (uint32_t i = 0; i < argc; i++) {
        l->types[i] = args[i]->type.oid;
    }
    if (!gather(b, l)) {
        return NULL;
    }
    bool many;
    const fly__sql_candidate *c = resolve(b, l, &many);
    if (c == NULL) {
        (void)fly__sql_bind_fail(b, "42883", pos, "function %s does not exist",
                                 fly__sql_bind_signature(b, name, args, argc, NULL));
        return NULL;
    }
    return fly__sql_bind_make_call(b, c->func, args, argc, pos);
}
