/*
 * Types: by the names they are written with, and what the binder's rules ask of them.
 *
 * Built-in types come from the table in types/, the rest from the catalog. Modifiers are encoded as
 * PostgreSQL encodes them. A numeric with precision up to 38 and a scale from 0 to the precision is
 * stored scaled; any other is in libvec's format.
 */
#include "bind/bind_scope_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char fly__sql_bind_category(fly__sql_binder *b, uint32_t oid, bool *preferred)
{
    *preferred = false;
    const fly__sql_type_info *info = fly__sql_type_info_of(oid);
    if (info != NULL) {
        *preferred = info->preferred;
        return info->category;
    }
    const fly__sql_user_type *type = fly__sql_user_type_of(b->view, oid);
    if (type == NULL) {
        return fly__sql_bind_element(b, oid) != 0 ? 'A' : 'C';
    }
    if (type->oid != oid) {
        return 'A';
    }
    if (type->kind == 'd') {
        return fly__sql_bind_category(b, fly__sql_bind_base(b, type->base).oid, preferred);
    }
    return type->kind == 'e' ? 'E' : 'C';
}

static const fly__sql_table *row_table(fly__sql_binder *b, uint32_t oid)
{
    size_t at = 0;
    const fly__sql_table *table;
    while ((table = fly__sql_table_next(b->view, &at)) != NULL) {
        if (table->row_type == oid) {
            return table;
        }
    }
    return NULL;
}

const fly__sql_table *fly__sql_bind_composite(fly__sql_binder *b, uint32_t oid)
{
    if (oid < FLY__SQL_OID_FIRST) {
        return NULL;
    }
    const fly__sql_user_type *type = fly__sql_user_type_of(b->view, oid);
    if (type != NULL && type->oid == oid && type->kind == 'c') {
        return fly__sql_table_of(b->view, type->table);
    }
    return type != NULL ? NULL : row_table(b, oid);
}

uint32_t fly__sql_bind_element(fly__sql_binder *b, uint32_t oid)
{
    const fly__sql_type_info *info = fly__sql_type_info_of(oid);
    if (info != NULL) {
        return info->element_oid;
    }
    if (oid < FLY__SQL_OID_FIRST) {
        return 0;
    }
    const fly__sql_user_type *type = fly__sql_user_type_of(b->view, oid);
    if (type != NULL) {
        return type->array_oid == oid ? type->oid : 0;
    }
    size_t at = 0;
    while ((type = fly__sql_user_type_next(b->view, &at)) != NULL) {
        if (type->array_oid == oid) {
            return type->oid;
        }
    }
    return 0;
}

uint32_t fly__sql_bind_array_of(fly__sql_binder *b, uint32_t oid)
{
    const fly__sql_type_info *info = fly__sql_type_info_of(oid);
    if (info != NULL) {
        return info->array_oid;
    }
    const fly__sql_user_type *type = fly__sql_user_type_of(b->view, oid);
    return type != NULL && type->oid == oid ? type->array_oid : 0;
}

fly_sql_type fly__sql_bind_base(fly__sql_binder *b, fly_sql_type type)
{
    for (int depth = 0; type.oid >= FLY__SQL_OID_FIRST && depth < 32; depth++) {
        const fly__sql_user_type *user = fly__sql_user_type_of(b->view, type.oid);
        if (user == NULL || user->oid != type.oid || user->kind != 'd') {
            break;
        }
        type = user->base;
    }
    return type;
}

bool fly__sql_bind_polymorphic(uint32_t oid)
{
    switch (oid) {
    case FLY_SQL_ANYELEMENT:
    case FLY_SQL_ANYARRAY:
    case FLY_SQL_ANYNONARRAY:
    case FLY_SQL_ANYENUM:
    case FLY_SQL_ANYCOMPATIBLE:
    case FLY_SQL_ANYCOMPATIBLEARRAY:
    case FLY__SQL_ANYCOMPATIBLENONARRAY:
        return true;
    default:
        return false;
    }
}

bool fly__sql_bind_is_enum(fly__sql_binder *b, uint32_t oid)
{
    if (oid < FLY__SQL_OID_FIRST) {
        return false;
    }
    const fly__sql_user_type *type = fly__sql_user_type_of(b->view, oid);
    return type != NULL && type->oid == oid && type->kind == 'e';
}

bool fly__sql_bind_collatable(fly__sql_binder *b, uint32_t oid)
{
    oid = fly__sql_bind_base(b, (fly_sql_type){.oid = oid, .mod = -1}).oid;
    switch (oid) {
    case FLY_SQL_TEXT:
    case FLY_SQL_VARCHAR:
    case FLY_SQL_BPCHAR:
    case FLY_SQL_NAME:
    case FLY_SQL_UNKNOWN:
        return true;
    default:
        return false;
    }
}

fly_sql_type fly__sql_bind_shaped(fly_sql_type type)
{
    if (type.oid == FLY_SQL_NUMERIC && type.mod >= 4) {
        int32_t precision = ((type.mod - 4) >> 16) & 0xffff;
        int32_t scale = (((type.mod - 4) & 0x7ff) ^ 1024) - 1024;
        if (precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision) {
            type.digits = (uint8_t)precision;
            type.scale = (uint8_t)scale;
            return type;
        }
    }
    return fly__sql_bind_unshaped_type(type);
}

fly_sql_type fly__sql_bind_unshaped_type(fly_sql_type type)
{
    if (type.oid == FLY_SQL_NUMERIC) {
        type.digits = 0;
        type.scale = 0;
    }
    return type;
}

/* Of a type made by users the catalog knows how its values lie. */
fly_sql_type fly__sql_bind_plain(fly__sql_binder *b, uint32_t oid)
{
    fly_sql_type type = fly__sql_type(oid);
    if (oid < FLY__SQL_OID_FIRST) {
        return type;
    }
    const fly__sql_user_type *user = fly__sql_user_type_of(b->view, oid);
    if (user == NULL || user->oid != oid) {
        return type;
    }
    if (user->kind == 'e') {
        type.digits = fly__sql_type_digits_of(FLY_VEC_I32);
    } else if (user->kind == 'd') {
        fly_sql_type base = fly__sql_bind_shaped(fly__sql_bind_base(b, user->base));
        type.digits = fly__sql_type_digits_of(fly__sql_type_physical(base));
        type.scale = base.scale;
    }
    return type;
}

/* ------------------------------------------------------------------------ names */

const char *fly__sql_bind_type_name(fly__sql_binder *b, uint32_t oid)
{
    const fly__sql_type_info *info = fly__sql_type_info_of(oid);
    uint32_t element = fly__sql_bind_element(b, oid);
    if (element != 0 && (info == NULL || info->category == 'A')) {
        const char *name = fly__sql_bind_printf(b, "%s[]", fly__sql_bind_type_name(b, element));
        return name == NULL ? "?" : name;
    }
    if (info != NULL) {
        return info->sql_name != NULL ? info->sql_name : info->name;
    }
    const fly__sql_user_type *type = fly__sql_user_type_of(b->view, oid);
    if (type != NULL) {
        return type->name;
    }
    const fly__sql_table *table = fly__sql_bind_composite(b, oid);
    return table != NULL ? table->name : "???";
}

const char *fly__sql_bind_type_full(fly__sql_binder *b, fly_sql_type type)
{
    const char *name = fly__sql_bind_type_name(b, type.oid);
    if (type.mod < 0) {
        return name;
    }
    const char *full = NULL;
    if (type.oid == FLY_SQL_VARCHAR || type.oid == FLY_SQL_BPCHAR) {
        full = fly__sql_bind_printf(b, "%s(%d)", name, (int)(type.mod - 4));
    } else if (type.oid == FLY_SQL_NUMERIC) {
        full = fly__sql_bind_printf(b, "%s(%d,%d)", name, ((type.mod - 4) >> 16) & 0xffff,
                                    (((type.mod - 4) & 0x7ff) ^ 1024) - 1024);
    }
    return full == NULL ? name : full;
}

/* --------------------------------------------------------------- types as written */

static bool int_modifier(fly__sql_binder *b, const fly_ast *ast, const char *name, int32_t *value)
{
    const fly_ast_const *number = (const fly_ast_const *)ast;
    bool negative = false;
    if (ast->kind == FLY_AST_OP) {
        const fly_ast_op *op = (const fly_ast_op *)ast;
        if (op->left == NULL && strcmp(op->op, "-") == 0) {
            negative = true;
            number = (const fly_ast_const *)op->right;
        }
    }
    if (number->node.kind != FLY_AST_CONST || number->type != FLY_AST_CONST_INT ||
        number->value > INT32_MAX) {
        return fly__sql_bind_fail(b, "22023", ast->pos, "invalid type modifier of type %s", name) !=
               NULL;
    }
    *value = negative ? -(int32_t)number->value : (int32_t)number->value;
    return true;
}

static bool numeric_mod(fly__sql_binder *b, const fly_ast_type *ast, const int32_t *mods,
                        int32_t *mod)
{
    if (mods[0] < 1 || mods[0] > 1000) {
        return fly__sql_bind_fail(b, "22023", ast->node.pos,
                                  "NUMERIC precision %d must be between 1 and 1000",
                                  (int)mods[0]) != NULL;
    }
    int32_t scale = ast->modifiers.count == 2 ? mods[1] : 0;
    if (scale < -1000 || scale > 1000) {
        return fly__sql_bind_fail(b, "22023", ast->node.pos,
                                  "NUMERIC scale %d must be between -1000 and 1000",
                                  (int)scale) != NULL;
    }
    *mod = ((mods[0] << 16) | (scale & 0x7ff)) + 4;
    return true;
}

/* Interval fields as PostgreSQL's masks: the fields that are kept, by bits. */
static bool interval_mod(fly__sql_binder *b, const fly_ast_type *ast, const int32_t *mods,
                         int32_t *mod)
{
    static const struct {
        const char *name;
        int32_t mask;
    } fields[] = {
        {"year", 1 << 2},
        {"month", 1 << 1},
        {"day", 1 << 3},
        {"hour", 1 << 10},
        {"minute", 1 << 11},
        {"second", 1 << 12},
        {"year to month", 1 << 2 | 1 << 1},
        {"day to hour", 1 << 3 | 1 << 10},
        {"day to minute", 1 << 3 | 1 << 10 | 1 << 11},
        {"day to second", 1 << 3 | 1 << 10 | 1 << 11 | 1 << 12},
        {"hour to minute", 1 << 10 | 1 << 11},
        {"hour to second", 1 << 10 | 1 << 11 | 1 << 12},
        {"minute to second", 1 << 11 | 1 << 12},
    };
    int32_t mask = 0x7fff;
    if (ast->interval != NULL) {
        mask = 0;
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
            if (strcmp(fields[i].name, ast->interval) == 0) {
                mask = fields[i].mask;
            }
        }
        if (mask == 0) {
            return fly__sql_bind_fail(b, "42601", ast->node.pos, "invalid interval fields \"%s\"",
                                      ast->interval) != NULL;
        }
    }
    int32_t precision = 0xffff;
    if (ast->modifiers.count > 0) {
        if (mods[0] < 0) {
            return fly__sql_bind_fail(b, "22023", ast->node.pos,
                                      "INTERVAL(%d) precision must not be negative",
                                      (int)mods[0]) != NULL;
        }
        precision = mods[0] > 6 ? 6 : mods[0];
    }
    *mod = (mask << 16) | precision;
    return true;
}

static bool length_mod(fly__sql_binder *b, const fly_ast_type *ast, const char *name,
                       int32_t length, int32_t extra, int32_t *mod)
{
    if (length < 1) {
        return fly__sql_bind_fail(b, "22023", ast->node.pos,
                                  "length for type %s must be at least 1", name) != NULL;
    }
    if (length > 10485760) {
        return fly__sql_bind_fail(b, "22023", ast->node.pos,
                                  "length for type %s cannot exceed 10485760", name) != NULL;
    }
    *mod = length + extra;
    return true;
}

static bool modifiers(fly__sql_binder *b, const fly_ast_type *ast, fly_sql_type *type)
{
    const char *name = fly__sql_bind_type_name(b, type->oid);
    uint32_t count = ast->modifiers.count;
    if (count == 0 && ast->interval == NULL) {
        return true;
    }
    int32_t mods[2] = {0, 0};
    bool takes = true;
    uint32_t most = 1;
    switch (type->oid) {
    case FLY_SQL_NUMERIC:
        most = 2;
        break;
    case FLY_SQL_VARCHAR:
    case FLY_SQL_BPCHAR:
    case FLY_SQL_TIME:
    case FLY_SQL_TIMETZ:
    case FLY_SQL_TIMESTAMP:
    case FLY_SQL_TIMESTAMPTZ:
    case FLY_SQL_INTERVAL:
    case FLY__SQL_BIT:
    case FLY__SQL_VARBIT:
        break;
    default:
        takes = false;
    }
    if (!takes) {
        return fly__sql_bind_fail(b, "42601", ast->node.pos,
                                  "type modifier is not allowed for type \"%s\"", name) != NULL;
    }
    if (count > most) {
        return fly__sql_bind_fail(b, "22023", ast->node.pos,
                                  type->oid == FLY_SQL_NUMERIC ? "invalid NUMERIC type modifier"
                                                               : "invalid type modifier") != NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!int_modifier(b, ast->modifiers.items[i], name, &mods[i])) {
            return false;
        }
    }
    switch (type->oid) {
    case FLY_SQL_NUMERIC:
        return numeric_mod(b, ast, mods, &type->mod);
    case FLY_SQL_VARCHAR:
        return length_mod(b, ast, "varchar", mods[0], 4, &type->mod);
    case FLY_SQL_BPCHAR:
        return length_mod(b, ast, "char", mods[0], 4, &type->mod);
    case FLY__SQL_BIT:
        return length_mod(b, ast, "bit", mods[0], 0, &type->mod);
    case FLY__SQL_VARBIT:
        return length_mod(b, ast, "bit varying", mods[0], 0, &type->mod);
    case FLY_SQL_INTERVAL:
        return interval_mod(b, ast, mods, &type->mod);
    default:
        if (mods[0] < 0) {
            return fly__sql_bind_fail(b, "22023", ast->node.pos,
                                      "%s(%d) precision must not be negative", name,
                                      (int)mods[0]) != NULL;
        }
        type->mod = mods[0] > 6 ? 6 : mods[0];
        return true;
    }
}

static bool percent_type(fly__sql_binder *b, const fly_ast_type *ast, fly_sql_type *type)
{
    uint32_t count = ast->names.count;
    if (count < 2) {
        return fly__sql_bind_fail(b, "42601", ast->node.pos,
                                  "improper %%TYPE reference (too few dotted names): %s",
                                  count > 0 ? ast->names.items[0] : "") != NULL;
    }
    const char *schema = count > 2 ? ast->names.items[count - 3] : NULL;
    const char *relation = ast->names.items[count - 2];
    const char *column = ast->names.items[count - 1];
    const fly__sql_table *table = fly__sql_table_named(b->view, schema, relation);
    if (table == NULL) {
        return fly__sql_bind_fail(b, "42P01", ast->node.pos, "relation \"%s\" does not exist",
                                  relation) != NULL;
    }
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (!table->columns[i].dropped && strcmp(table->columns[i].name, column) == 0) {
            *type = table->columns[i].type;
            return true;
        }
    }
    return fly__sql_bind_fail(b, "42703", ast->node.pos,
                              "column \"%s\" of relation \"%s\" does not exist", column,
                              relation) != NULL;
}

static bool type_named(fly__sql_binder *b, const fly_ast_type *ast, fly_sql_type *type)
{
    uint32_t count = ast->names.count;
    const char *name = ast->names.items[count - 1];
    const char *schema = count > 1 ? ast->names.items[count - 2] : NULL;
    *type = (fly_sql_type){.mod = -1};
    if (schema == NULL || strcmp(schema, "pg_catalog") == 0) {
        const fly__sql_type_info *info = fly__sql_type_info_named(name);
        if (info != NULL) {
            /* The parser calls CHARACTER bpchar: who says "char" means the other one. */
            type->oid = strcmp(name, "char") == 0 ? FLY_SQL_CHAR : info->oid;
            return true;
        }
    }
    const fly__sql_user_type *user = fly__sql_user_type_named(b->view, schema, name);
    if (user != NULL) {
        *type = fly__sql_bind_plain(b, user->oid);
        return true;
    }
    const fly__sql_table *table = fly__sql_table_named(b->view, schema, name);
    if (table != NULL && table->row_type != 0) {
        type->oid = table->row_type;
        return true;
    }
    if (schema != NULL && fly__sql_schema_named(b->view, schema) == NULL) {
        return fly__sql_bind_fail(b, "3F000", ast->node.pos, "schema \"%s\" does not exist",
                                  schema) != NULL;
    }
    return fly__sql_bind_fail(b, "42704", ast->node.pos, "type \"%s%s%s\" does not exist",
                              schema != NULL ? schema : "", schema != NULL ? "." : "",
                              name) != NULL;
}

bool fly__sql_bind_typename(fly__sql_binder *b, const fly_ast_type *ast, fly_sql_type *type)
{
    if (ast->percent_type) {
        if (!percent_type(b, ast, type)) {
            return false;
        }
    } else if (!type_named(b, ast, type) || !modifiers(b, ast, type)) {
        return false;
    }
    *type = fly__sql_bind_shaped(*type);
    if (ast->bounds.count > 0) {
        uint32_t element = type->oid;
        type->oid = fly__sql_bind_array_of(b, element);
        type->digits = 0;
        type->scale = 0;
        if (type->oid == 0) {
            return fly__sql_bind_fail(b, "42704", ast->node.pos,
                                      "could not find array type for data type %s",
                                      fly__sql_bind_type_name(b, element)) != NULL;
        }
    }
    return true;
}

/* -------------------------------------------------------------------- collations */

/* What messages call it. */
const char *fly__sql_bind_collation_name(fly__sql_binder *b, uint32_t oid)
{
    char name[FLY__SQL_NAME_MAX + 1];
    const char *best = "default";
    uint32_t found;
    for (size_t i = 0; (found = fly__sql_collation_at(i, name)) != 0; i++) {
        /* Of several names, the one that PostgreSQL has. */
        if (found == oid && strstr(best, "-x-icu") == NULL) {
            const char *copy = fly_arena_copy(b->arena, name, strlen(name) + 1);
            best = copy != NULL ? copy : best;
        }
    }
    return best;
}

bool fly__sql_bind_collation(fly__sql_binder *b, fly_ast_names names, uint32_t pos, uint32_t *oid)
{
    const char *name = names.items[names.count - 1];
    uint32_t found = fly__sql_collation_named(name);
    if (found == 0) {
        return fly__sql_bind_fail(b, "42704", pos,
                                  "collation \"%s\" for encoding \"UTF8\" does not exist",
                                  name) != NULL;
    }
    *oid = found == 100 ? 0 : found;
    return true;
}
