/*
 * has_table_privilege() and its kin, pg_has_role(): what catalog/right.c decides, as functions.
 *
 * The arguments are [user,] object [, column,] right: the user by name or OID (0 or "public": everybody),
 * the object by name or OID, the right in words, several with commas between (one of them will do), each
 * perhaps WITH GRANT OPTION.
 */
#include "func/string_int.h"

#include "catalog/right_int.h"
#include "session/user_int.h"

#include <stdio.h>

/* ------------------------------------------------------------------------ words */

/* A right that is asked for. */
typedef struct asked {
    uint32_t rights[16];
    bool grantable[16];
    uint32_t count;
} asked;

static const struct {
    const char *word;
    uint32_t right;
} words[] = {{"SELECT", FLY__SQL_MAY_SELECT},
             {"INSERT", FLY__SQL_MAY_INSERT},
             {"UPDATE", FLY__SQL_MAY_UPDATE},
             {"DELETE", FLY__SQL_MAY_DELETE},
             {"TRUNCATE", FLY__SQL_MAY_TRUNCATE},
             {"REFERENCES", FLY__SQL_MAY_REFERENCES},
             {"TRIGGER", FLY__SQL_MAY_TRIGGER},
             {"EXECUTE", FLY__SQL_MAY_EXECUTE},
             {"USAGE", FLY__SQL_MAY_USAGE},
             {"CREATE", FLY__SQL_MAY_CREATE},
             {"CONNECT", FLY__SQL_MAY_CONNECT},
             {"TEMPORARY", FLY__SQL_MAY_TEMP},
             {"TEMP", FLY__SQL_MAY_TEMP},
             {"MEMBER", 1u << 30},
             {"SET", 1u << 30}};

static bool same_word(fly_bytes word, const char *upper)
{
    size_t len = strlen(upper);
    bool same = word.len == len;
    for (size_t i = 0; i < len && same; i++) {
        uint8_t c = word.data[i];
        same = (c >= 'a' && c <= 'z' ? c - 32 : c) == upper[i];
    }
    return same;
}

static fly_bytes trimmed(fly_bytes text)
{
    while (text.len > 0 && text.data[0] == ' ') {
        text = fly_bytes_of(text.data + 1, text.len - 1);
    }
    while (text.len > 0 && text.data[text.len - 1] == ' ') {
        text.len--;
    }
    return text;
}

static fly_bytes without_option(fly_bytes word, const char *option, bool *had)
{
    size_t len = strlen(option);
    *had = word.len > len && same_word(fly_bytes_of(word.data + word.len - len, len), option);
    return *had ? trimmed(fly_bytes_of(word.data, word.len - len)) : word;
}

static fly_status take_words(fly__sql_call *call, fly_bytes text, uint32_t allowed, asked *a)
{
    a->count = 0;
    for (size_t at = 0; at <= text.len;) {
        size_t end = at;
        while (end < text.len && text.data[end] != ',') {
            end++;
        }
        bool grant = false;
        bool admin = false;
        fly_bytes written = trimmed(fly_bytes_of(text.data + at, end - at));
        fly_bytes word = without_option(written, "WITH GRANT OPTION", &grant);
        word = without_option(word, "WITH ADMIN OPTION", &admin);
        uint32_t right = 0;
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
            right = same_word(word, words[i].word) ? words[i].right : right;
        }
        if ((right & allowed) == 0 || a->count == sizeof a->rights / sizeof a->rights[0]) {
            return FAIL(call, "22023", "unrecognized privilege type: \"%.*s\"",
                        (int)(written.len < 64 ? written.len : 64), (const char *)written.data);
        }
        a->rights[a->count] = right;
        a->grantable[a->count++] = grant || admin;
        at = end + 1;
    }
    return FLY_OK;
}

/* ---------------------------------------------------------------------- arguments */

/* A role by name or OID; `*found` false: an OID that nobody has, who has no rights. */
static fly_status take_role(fly__sql_call *call, const fly_vec_value *arg, fly_sql_type type,
                            uint32_t *role, bool *found)
{
    *found = true;
    if (type.oid == FLY_SQL_OID) {
        *role = (uint32_t)arg->i32;
        *found = *role == FLY__SQL_ROLE_PUBLIC || fly__sql_role_of(call->session, *role) != NULL;
        return FLY_OK;
    }
    char name[FLY__SQL_NAME_MAX + 1];
    fly_bytes given = arg_bytes(arg);
    (void)snprintf(name, sizeof name, "%.*s", (int)(given.len < 63 ? given.len : 63),
                   (const char *)given.data);
    if (strcmp(name, "public") == 0) {
        *role = FLY__SQL_ROLE_PUBLIC;
        return FLY_OK;
    }
    const fly__sql_role *known = fly__sql_role_named(call->session, name);
    if (known == NULL) {
        return FAIL(call, "42704", "role \"%s\" does not exist", name);
    }
    *role = known->oid;
    return FLY_OK;
}

/* The role that is asked about: the first argument, if there are `more` behind it. */
static fly_status take_user(fly__sql_call *call, const fly_vec_value *args, uint32_t more,
                            uint32_t *role, bool *found)
{
    *role = call->session->user_oid;
    *found = true;
    return call->argc > more ? take_role(call, &args[0], call->types[0], role, found) : FLY_OK;
}

/* Which rights everybody has who is nobody in particular. */
static uint32_t rights_of(fly__sql_call *call, uint32_t role, const fly__sql_secured *object,
                          uint16_t column, bool grantable)
{
    return fly__sql_rights(call->session, call->session->view, role, object, column, grantable);
}

static bool meets(fly__sql_call *call, uint32_t role, const fly__sql_secured *object,
                  uint16_t column, const asked *a)
{
    for (uint32_t i = 0; i < a->count; i++) {
        if ((rights_of(call, role, object, column, a->grantable[i]) & a->rights[i]) != 0) {
            return true;
        }
    }
    return false;
}

/* An object's OID from its name or itself. */
static fly_status take_oid(fly__sql_call *call, const fly_vec_value *arg, fly_sql_type type,
                           uint32_t reg, uint32_t *oid)
{
    *oid = (uint32_t)arg->i32;
    return type.oid == FLY_SQL_OID ? FLY_OK
                                   : fly__sql_reg_in(call->session, reg, arg_bytes(arg), false,
                                                     call->arena, oid, call->err);
}

/* ------------------------------------------------------------------------ relations */

enum {
    TABLE_RIGHTS = 0x7f,
    SEQUENCE_RIGHTS = FLY__SQL_MAY_USAGE | FLY__SQL_MAY_SELECT | FLY__SQL_MAY_UPDATE
};

/* `columns`: how it is about columns: 0 not, 1 the argument is one, 2 any. */
static fly_status on_relation(fly__sql_call *call, uint32_t allowed, int columns,
                              const fly_vec_value *args, fly_vec_value *result)
{
    asked a;
    uint32_t role = 0;
    uint32_t oid = 0;
    bool found = true;
    uint32_t more = columns == 1 ? 3 : 2;
    uint32_t at = call->argc - more;
    if (call->session == NULL) {
        fly_status words_only = take_words(call, arg_bytes(&args[call->argc - 1]), allowed, &a);
        return words_only == FLY_OK ? give_null(result) : words_only;
    }
    fly_status status = take_user(call, args, more, &role, &found);
    if (status == FLY_OK) {
        status = take_oid(call, &args[at], call->types[at], FLY_SQL_REGCLASS, &oid);
    }
    if (status == FLY_OK) {
        status = take_words(call, arg_bytes(&args[call->argc - 1]), allowed, &a);
    }
    if (status != FLY_OK) {
        return status;
    }
    const fly__sql_table *table = fly__sql_table_of(call->session->view, oid);
    if (table == NULL) {
        return give_null(result);
    }
    const fly__sql_secured object = fly__sql_secured_table(table);
    if (allowed == SEQUENCE_RIGHTS && table->class != FLY__SQL_SEQUENCE) {
        return FAIL(call, "42809", "\"%s\" is not a sequence", table->name);
    }
    if (!found) {
        return give_bool(result, false);
    }
    if (columns == 0) {
        return give_bool(result, meets(call, role, &object, 0, &a));
    }
    for (uint16_t i = 0; i < table->column_count; i++) {
        const fly__sql_column *column = &table->columns[i];
        bool meant = columns == 2;
        if (columns == 1 && call->types[at + 1].oid == FLY_SQL_INT2) {
            meant = args[at + 1].i16 == (int16_t)column->number;
        } else if (columns == 1) {
            fly_bytes name = arg_bytes(&args[at + 1]);
            meant = name.len == strlen(column->name) &&
                    memcmp(name.data, column->name, name.len) == 0;
        }
        if (!meant || column->dropped) {
            continue;
        }
        if (meets(call, role, &object, column->number, &a) || columns == 1) {
            return give_bool(result, meets(call, role, &object, column->number, &a));
        }
    }
    if (columns == 2) {
        return give_bool(result, false);
    }
    if (call->types[at + 1].oid == FLY_SQL_INT2) {
        return give_null(result);
    }
    fly_bytes name = arg_bytes(&args[at + 1]);
    return FAIL(call, "42703", "column \"%.*s\" of relation \"%s\" does not exist",
                (int)(name.len < 63 ? name.len : 63), (const char *)name.data, table->name);
}

ROW(has_table_privilege)
{
    return on_relation(call, TABLE_RIGHTS, 0, args, result);
}

ROW(has_sequence_privilege)
{
    return on_relation(call, SEQUENCE_RIGHTS, 0, args, result);
}

ROW(has_column_privilege)
{
    return on_relation(call, TABLE_RIGHTS, 1, args, result);
}

ROW(has_any_column_privilege)
{
    return on_relation(call, TABLE_RIGHTS, 2, args, result);
}

/* --------------------------------------------------------------------------- others */

/* The object of a class, by its OID; false: there is none. */
static bool object_of(fly__sql_call *call, char class, uint32_t oid, fly__sql_secured *object)
{
    const fly__sql_catalog_view *view = call->session->view;
    if (class == FLY__SQL_RIGHT_SCHEMA) {
        const fly__sql_schema *schema = fly__sql_schema_of(view, oid);
        if (schema != NULL) {
            *object = fly__sql_secured_schema(schema);
        }
        return schema != NULL;
    }
    if (class == FLY__SQL_RIGHT_FUNCTION) {
        const fly__sql_user_function *function = fly__sql_user_function_of(view, oid);
        if (function != NULL) {
            *object = fly__sql_secured_function(function);
        }
        return function != NULL;
    }
    const fly__sql_user_type *type = fly__sql_user_type_of(view, oid);
    if (type != NULL) {
        *object = fly__sql_secured_type(type);
    }
    return type != NULL;
}

static fly_status on_object(fly__sql_call *call, char class, uint32_t reg,
                            const fly_vec_value *args, fly_vec_value *result)
{
    asked a;
    uint32_t role = 0;
    uint32_t oid = 0;
    bool found = true;
    uint32_t at = call->argc - 2;
    if (call->session == NULL) {
        return give_null(result);
    }
    fly_status status = take_user(call, args, 2, &role, &found);
    if (status == FLY_OK) {
        status = take_oid(call, &args[at], call->types[at], reg, &oid);
    }
    if (status == FLY_OK) {
        status = take_words(call, arg_bytes(&args[at + 1]), fly__sql_rights_all(class), &a);
    }
    if (status != FLY_OK) {
        return status;
    }
    fly__sql_secured object;
    if (!object_of(call, class, oid, &object)) {
        /* What is built in is for everybody, and nobody may pass it on. */
        bool there = class == FLY__SQL_RIGHT_FUNCTION ? fly__sql_func_by_oid(oid) != NULL
                     : class == FLY__SQL_RIGHT_TYPE   ? fly__sql_type_info_of(oid) != NULL
                                                      : false;
        return there ? give_bool(result, !a.grantable[0]) : give_null(result);
    }
    return give_bool(result, found && meets(call, role, &object, 0, &a));
}

ROW(has_schema_privilege)
{
    return on_object(call, FLY__SQL_RIGHT_SCHEMA, FLY__SQL_OID_regnamespace, args, result);
}

ROW(has_function_privilege)
{
    return on_object(call, FLY__SQL_RIGHT_FUNCTION, FLY__SQL_OID_regprocedure, args, result);
}

ROW(has_type_privilege)
{
    return on_object(call, FLY__SQL_RIGHT_TYPE, FLY_SQL_REGTYPE, args, result);
}

/* A database that is named, or the OID of one, which must be the session's to be known by it. */
ROW(has_database_privilege)
{
    asked a;
    uint32_t role = 0;
    bool found = true;
    uint32_t at = call->argc - 2;
    char name[FLY__SQL_NAME_MAX + 1];
    if (call->session == NULL) {
        return give_null(result);
    }
    fly_status status = take_user(call, args, 2, &role, &found);
    if (status == FLY_OK) {
        status = take_words(call, arg_bytes(&args[at + 1]),
                            fly__sql_rights_all(FLY__SQL_RIGHT_DATABASE), &a);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (call->types[at].oid == FLY_SQL_OID) {
        (void)snprintf(name, sizeof name, "%s", fly_sql_session_database(call->session));
    } else {
        bool there = false;
        fly_bytes given = arg_bytes(&args[at]);
        (void)snprintf(name, sizeof name, "%.*s", (int)(given.len < 63 ? given.len : 63),
                       (const char *)given.data);
        status = fly__sql_database_exists(call->session->sql, name, &there, call->err);
        if (status == FLY_OK && !there) {
            status = FAIL(call, "3D000", "database \"%s\" does not exist", name);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
    const fly__sql_secured object = fly__sql_secured_database(call->session, name);
    return give_bool(result, found && meets(call, role, &object, 0, &a));
}

/* Whether a membership with ADMIN OPTION leads to a role. */
static bool may_admit(fly_sql_session *session, uint32_t user, uint32_t role)
{
    size_t at = 0;
    const fly__sql_role *holder;
    while ((holder = fly__sql_role_next(session, &at)) != NULL) {
        for (uint16_t i = 0; i < holder->membership_count; i++) {
            const fly__sql_membership *in = &holder->memberships[i];
            if (in->role == role && in->admin &&
                fly__sql_is_member(session, user, holder->oid, true)) {
                return true;
            }
        }
    }
    return fly__sql_is_superuser(session, user);
}

ROW(pg_has_role)
{
    asked a;
    uint32_t user = 0;
    uint32_t role = 0;
    bool found = true;
    bool known = true;
    if (call->session == NULL) {
        return give_null(result);
    }
    fly_status status = take_user(call, args, 2, &user, &found);
    if (status == FLY_OK) {
        status = take_role(call, &args[call->argc - 2], call->types[call->argc - 2], &role, &known);
    }
    if (status == FLY_OK) {
        status =
            take_words(call, arg_bytes(&args[call->argc - 1]), FLY__SQL_MAY_USAGE | (1u << 30), &a);
    }
    if (status != FLY_OK) {
        return status;
    }
    bool has = false;
    for (uint32_t i = 0; found && known && i < a.count; i++) {
        has = has || (a.grantable[i] ? may_admit(call->session, user, role)
                                     : fly__sql_is_member(call->session, user, role,
                                                          a.rights[i] == FLY__SQL_MAY_USAGE));
    }
    return give_bool(result, has);
}

/* Whether row security would leave rows of a table out for the session's user. */
ROW(row_security_active)
{
    uint32_t oid = 0;
    if (call->session == NULL) {
        return give_null(result);
    }
    fly_sql_session *session = call->session;
    fly_status status = take_oid(call, &args[0], call->types[0], FLY_SQL_REGCLASS, &oid);
    const fly__sql_table *table = status == FLY_OK ? fly__sql_table_of(session->view, oid) : NULL;
    const fly__sql_role *role = fly__sql_role_of(session, session->user_oid);
    if (status != FLY_OK) {
        return status;
    }
    bool free_of_it =
        table == NULL || !table->row_security || role == NULL || role->superuser ||
        role->bypass_rls ||
        (!table->force_row_security && fly__sql_owns(session, session->user_oid, table->owner));
    return give_bool(result, !free_of_it);
}
