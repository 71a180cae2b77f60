/*
 * Who may what: roles, GRANT and REVOKE, default privileges, policies.
 */
#include "parse/parse_int.h"

fly_ast *fly__sql_gram_role(fly_sql_parser *p)
{
    fly_ast_role *role = NEW(p, role, ROLE, here(p));
    if (accept(p, FLY_KW_CURRENT_ROLE)) {
        role->type = FLY_AST_ROLE_CURRENT_ROLE;
    } else if (accept(p, FLY_KW_CURRENT_USER)) {
        role->type = FLY_AST_ROLE_CURRENT_USER;
    } else if (accept(p, FLY_KW_SESSION_USER)) {
        role->type = FLY_AST_ROLE_SESSION_USER;
    } else {
        uint32_t pos = here(p);
        bool plain = p->tok.type != FLY_TOKEN_QUOTED;
        bool none = p->tok.type == FLY_KW_NONE;
        if (none) {
            fly__sql_gram_fail(p, FLY_E_INVALID, "42939", pos, "role name \"none\" is reserved");
        }
        role->name = fly__sql_gram_col_id(p);
        if (plain && strcmp(role->name, "public") == 0) {
            role->type = FLY_AST_ROLE_PUBLIC;
            role->name = NULL;
        }
    }
    return &role->node;
}

/* ------------------------------------------------------------------------------------ roles */

static fly_ast *role_list_option(fly_sql_parser *p, const char *name, uint32_t pos)
{
    fly_ast_row *row = NEW(p, row, ROW, here(p));
    row->items = fly__sql_gram_list(p, fly__sql_gram_role);
    return fly__sql_gram_option(p, name, &row->node, pos);
}

/* The attributes that are one word, with NO before them or not. */
static fly_ast *role_word(fly_sql_parser *p)
{
    static const char *const words[] = {"superuser", "createrole", "replication", "createdb",
                                        "login",     "bypassrls",  "inherit"};
    uint32_t pos = here(p);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char no[16] = "no";
        memcpy(no + 2, words[i], strlen(words[i]) + 1);
        if (fly__sql_gram_accept_word(p, words[i])) {
            return fly__sql_gram_option(p, words[i], fly__sql_gram_const_bool(p, true, pos), pos);
        }
        if (fly__sql_gram_accept_word(p, no)) {
            return fly__sql_gram_option(p, words[i], fly__sql_gram_const_bool(p, false, pos), pos);
        }
    }
    if (p->tok.type == FLY_TOKEN_IDENT) {
        fly__sql_gram_fail(p, FLY_E_INVALID, "42601", pos, "unrecognized role option \"%s\"",
                           fly__sql_gram_name_value(p));
    }
    return NULL;
}

/* NULL: none begins here. */
static fly_ast *role_option(fly_sql_parser *p, bool create)
{
    uint32_t pos = here(p);
    if (accept(p, FLY_KW_ENCRYPTED)) {
        expect(p, FLY_KW_PASSWORD);
        return fly__sql_gram_option(p, "password", fly__sql_gram_string(p), pos);
    }
    if (accept(p, FLY_KW_PASSWORD)) {
        if (accept(p, FLY_KW_NULL)) {
            return fly__sql_gram_option(p, "password", fly__sql_gram_const_null(p, pos), pos);
        }
        return fly__sql_gram_option(p, "password", fly__sql_gram_string(p), pos);
    }
    if (accept(p, FLY_KW_UNENCRYPTED)) {
        fly__sql_gram_fail(p, FLY_E_UNSUPPORTED, "0A000", pos,
                           "UNENCRYPTED PASSWORD is no longer supported");
        fly_err_hint(&p->err,
                     "Remove UNENCRYPTED to store the password in encrypted form instead.");
        return NULL;
    }
    if (accept(p, FLY_KW_INHERIT)) {
        return fly__sql_gram_option(p, "inherit", fly__sql_gram_const_bool(p, true, pos), pos);
    }
    if (accept(p, FLY_KW_CONNECTION)) {
        expect(p, FLY_KW_LIMIT);
        return fly__sql_gram_option(p, "connection_limit", fly__sql_gram_signed_number(p), pos);
    }
    if (accept(p, FLY_KW_VALID)) {
        expect(p, FLY_KW_UNTIL);
        return fly__sql_gram_option(p, "valid_until", fly__sql_gram_string(p), pos);
    }
    if (accept(p, FLY_KW_USER)) {
        return role_list_option(p, "user", pos);
    }
    if (create && accept(p, FLY_KW_SYSID)) {
        return fly__sql_gram_option(p, "sysid", fly__sql_gram_signed_number(p), pos);
    }
    if (create && accept(p, FLY_KW_ADMIN)) {
        return role_list_option(p, "admin", pos);
    }
    if (create && accept(p, FLY_KW_ROLE)) {
        return role_list_option(p, "role", pos);
    }
    if (create && accept(p, FLY_KW_IN)) {
        if (!accept(p, FLY_KW_ROLE)) {
            expect(p, FLY_KW_GROUP);
        }
        return role_list_option(p, "in_role", pos);
    }
    return role_word(p);
}

static fly_ast_list role_options(fly_sql_parser *p, bool create)
{
    uint32_t mark = p->top;
    fly_ast *option;
    (void)accept(p, FLY_KW_WITH);
    while ((option = role_option(p, create)) != NULL && !failed(p)) {
        push(p, option);
    }
    return fly__sql_gram_take(p, mark);
}

static fly_ast_object_kind role_type(fly_sql_parser *p)
{
    fly_ast_object_kind type = p->tok.type == FLY_KW_ROLE   ? FLY_AST_OBJECT_ROLE
                               : p->tok.type == FLY_KW_USER ? FLY_AST_OBJECT_USER
                                                            : FLY_AST_OBJECT_GROUP;
    next(p);
    return type;
}

/* The name of a role to be made: none of the words that stand for another. */
static const char *new_role_name(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    fly_ast_role *role = (fly_ast_role *)fly__sql_gram_role(p);
    if (role->type == FLY_AST_ROLE_PUBLIC) {
        fly__sql_gram_fail(p, FLY_E_INVALID, "42939", pos, "role name \"public\" is reserved");
    } else if (role->type != FLY_AST_ROLE_NAME) {
        fly__sql_gram_fail(p, FLY_E_INVALID, "42939", pos, "%s cannot be used as a role name here",
                           role->type == FLY_AST_ROLE_CURRENT_ROLE   ? "CURRENT_ROLE"
                           : role->type == FLY_AST_ROLE_CURRENT_USER ? "CURRENT_USER"
                                                                     : "SESSION_USER");
    }
    return role->name != NULL ? role->name : "";
}

fly_ast *fly__sql_gram_create_role(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_create_role *create = NEW(p, create_role, CREATE_ROLE, pos);
    create->type = role_type(p);
    create->if_not_exists = fly__sql_gram_if_not_exists(p);
    create->name = new_role_name(p);
    create->options = role_options(p, true);
    return &create->node;
}

fly_ast *fly__sql_gram_alter_role(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_alter_role *alter = NEW(p, alter_role, ALTER_ROLE, pos);
    alter->type = role_type(p);
    if (!accept(p, FLY_KW_ALL)) {
        alter->role = fly__sql_gram_role(p);
    }
    if (alter->role != NULL && accept(p, FLY_KW_RENAME)) {
        fly_ast_rename *rename = NEW(p, rename, RENAME, pos);
        fly_ast_object *object = NEW(p, object, OBJECT, alter->role->pos);
        const char *name = ((fly_ast_role *)alter->role)->name;
        object->names = fly__sql_gram_one_name(p, name != NULL ? name : "public");
        rename->type = alter->type;
        rename->object = &object->node;
        expect(p, FLY_KW_TO);
        rename->new_name = new_role_name(p);
        return &rename->node;
    }
    if (alter->type == FLY_AST_OBJECT_GROUP) {
        alter->members = at(p, FLY_KW_ADD) ? FLY_AST_OPTION_ADD : FLY_AST_OPTION_DROP;
        if (!accept(p, FLY_KW_ADD)) {
            expect(p, FLY_KW_DROP);
        }
        uint32_t members = here(p);
        expect(p, FLY_KW_USER);
        alter->options = fly__sql_gram_one(p, role_list_option(p, "user", members));
        return &alter->node;
    }
    if (accept(p, FLY_KW_IN)) {
        expect(p, FLY_KW_DATABASE);
        alter->database = fly__sql_gram_col_id(p);
    }
    if (accept(p, FLY_KW_SET)) {
        alter->set = fly__sql_gram_set(p, true);
    } else if (accept(p, FLY_KW_RESET)) {
        alter->set = fly__sql_gram_reset(p);
    } else if (alter->database != NULL || alter->role == NULL) {
        fly__sql_gram_syntax(p);
    } else {
        alter->options = role_options(p, false);
    }
    return &alter->node;
}

/* ----------------------------------------------------------------------------------- rights */

static fly_ast *privilege(fly_sql_parser *p)
{
    fly_ast_privilege *node = NEW(p, privilege, PRIVILEGE, here(p));
    if (at(p, FLY_KW_ALTER) && peek(p) == FLY_KW_SYSTEM) {
        next(p);
        next(p);
        node->name = "alter system";
    } else if (at(p, FLY_KW_SELECT) || at(p, FLY_KW_REFERENCES) || at(p, FLY_KW_CREATE)) {
        node->name = fly__sql_gram_name_value(p);
    } else {
        node->name = fly__sql_gram_col_id(p);
    }
    if (p->tok.type == '(') {
        node->columns = fly__sql_gram_name_parens(p);
    }
    return &node->node;
}

static fly_ast *all_with_columns(fly_sql_parser *p)
{
    fly_ast_privilege *node = NEW(p, privilege, PRIVILEGE, here(p));
    node->columns = fly__sql_gram_name_parens(p);
    return &node->node;
}

/* ALL [PRIVILEGES] [(columns)] is an empty list, or one without a name that has columns. */
static fly_ast_list privileges(fly_sql_parser *p)
{
    if (accept(p, FLY_KW_ALL)) {
        (void)accept(p, FLY_KW_PRIVILEGES);
        return p->tok.type == '(' ? fly__sql_gram_one(p, all_with_columns(p)) : (fly_ast_list){0};
    }
    return fly__sql_gram_list(p, privilege);
}

static fly_ast *parameter_name(fly_sql_parser *p)
{
    return fly__sql_gram_object(p);
}

/* What GRANT ... ON names. */
static void privilege_target(fly_sql_parser *p, fly_ast_grant *grant)
{
    static const struct {
        uint16_t word, second;
        fly_ast_object_kind type;
        fly_sql_rule *rule;
    } kinds[] = {
        {FLY_KW_SEQUENCE, 0, FLY_AST_OBJECT_SEQUENCE, fly__sql_gram_relation},
        {FLY_KW_FOREIGN, FLY_KW_DATA, FLY_AST_OBJECT_FDW, fly__sql_gram_object_of_name},
        {FLY_KW_FOREIGN, FLY_KW_SERVER, FLY_AST_OBJECT_SERVER, fly__sql_gram_object_of_name},
        {FLY_KW_FUNCTION, 0, FLY_AST_OBJECT_FUNCTION, fly__sql_gram_function_object},
        {FLY_KW_PROCEDURE, 0, FLY_AST_OBJECT_PROCEDURE, fly__sql_gram_function_object},
        {FLY_KW_ROUTINE, 0, FLY_AST_OBJECT_ROUTINE, fly__sql_gram_function_object},
        {FLY_KW_DATABASE, 0, FLY_AST_OBJECT_DATABASE, fly__sql_gram_object_of_name},
        {FLY_KW_DOMAIN, 0, FLY_AST_OBJECT_DOMAIN, fly__sql_gram_object},
        {FLY_KW_LANGUAGE, 0, FLY_AST_OBJECT_LANGUAGE, fly__sql_gram_object_of_name},
        {FLY_KW_PARAMETER, 0, FLY_AST_OBJECT_PARAMETER, parameter_name},
        {FLY_KW_SCHEMA, 0, FLY_AST_OBJECT_SCHEMA, fly__sql_gram_object_of_name},
        {FLY_KW_TABLESPACE, 0, FLY_AST_OBJECT_TABLESPACE, fly__sql_gram_object_of_name},
        {FLY_KW_TYPE, 0, FLY_AST_OBJECT_TYPE, fly__sql_gram_object},
    };
    static const struct {
        uint16_t word;
        fly_ast_object_kind type;
    } groups[] = {
        {FLY_KW_TABLES, FLY_AST_OBJECT_TABLE},       {FLY_KW_SEQUENCES, FLY_AST_OBJECT_SEQUENCE},
        {FLY_KW_FUNCTIONS, FLY_AST_OBJECT_FUNCTION}, {FLY_KW_PROCEDURES, FLY_AST_OBJECT_PROCEDURE},
        {FLY_KW_ROUTINES, FLY_AST_OBJECT_ROUTINE},
    };
    if (accept(p, FLY_KW_ALL)) {
        for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
            if (accept(p, groups[i].word)) {
                grant->target = FLY_AST_GRANT_ALL_IN_SCHEMA;
                grant->type = groups[i].type;
                expect(p, FLY_KW_IN);
                expect(p, FLY_KW_SCHEMA);
                grant->objects = fly__sql_gram_list(p, fly__sql_gram_object_of_name);
                return;
            }
        }
        fly__sql_gram_syntax(p);
        return;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        bool two = kinds[i].second != 0;
        if (at(p, kinds[i].word) && (!two || peek(p) == kinds[i].second) &&
            (two || (peek(p) != ',' && peek(p) != FLY_KW_TO && peek(p) != FLY_KW_FROM &&
                     peek(p) != '.'))) {
            next(p);
            if (two) {
                next(p);
                if (kinds[i].second == FLY_KW_DATA) {
                    expect(p, FLY_KW_WRAPPER);
                }
            }
            grant->type = kinds[i].type;
            grant->objects = fly__sql_gram_list(p, kinds[i].rule);
            return;
        }
    }
    if (at(p, FLY_KW_LARGE) && peek(p) == FLY_KW_OBJECT) {
        fly__sql_gram_fail(p, FLY_E_UNSUPPORTED, "0A000", here(p), "LARGE OBJECT is not supported");
    }
    grant->type = FLY_AST_OBJECT_TABLE;
    (void)accept(p, FLY_KW_TABLE);
    grant->objects = fly__sql_gram_list(p, fly__sql_gram_relation);
}

static fly_ast *grantee(fly_sql_parser *p)
{
    (void)accept(p, FLY_KW_GROUP);
    return fly__sql_gram_role(p);
}

static fly_ast *granted_by(fly_sql_parser *p)
{
    if (!accept2(p, FLY_KW_GRANTED, FLY_KW_BY)) {
        return NULL;
    }
    return fly__sql_gram_role(p);
}

/* The end of GRANT and REVOKE of rights on objects. */
static void grant_rest(fly_sql_parser *p, fly_ast_grant *grant)
{
    expect(p, grant->revoke ? FLY_KW_FROM : FLY_KW_TO);
    grant->grantees = fly__sql_gram_list(p, grantee);
    if (!grant->revoke && accept(p, FLY_KW_WITH)) {
        expect(p, FLY_KW_GRANT);
        expect(p, FLY_KW_OPTION);
        grant->grant_option = true;
    }
    grant->granted_by = granted_by(p);
    if (grant->revoke) {
        grant->cascade = fly__sql_gram_cascade(p);
    }
}

/* GRANT role TO role; the roles were read as rights. */
static fly_ast *grant_role(fly_sql_parser *p, const fly_ast_grant *grant, bool admin)
{
    fly_ast_grant_role *role = NEW(p, grant_role, GRANT_ROLE, grant->node.pos);
    role->revoke = grant->revoke;
    role->roles = grant->privileges;
    role->admin_option = admin;
    expect(p, grant->revoke ? FLY_KW_FROM : FLY_KW_TO);
    role->grantees = fly__sql_gram_list(p, fly__sql_gram_role);
    if (!grant->revoke && accept(p, FLY_KW_WITH)) {
        expect(p, FLY_KW_ADMIN);
        expect(p, FLY_KW_OPTION);
        role->admin_option = true;
    }
    role->granted_by = granted_by(p);
    if (grant->revoke) {
        role->cascade = fly__sql_gram_cascade(p);
    }
    return &role->node;
}

fly_ast *fly__sql_gram_grant(fly_sql_parser *p, bool revoke)
{
    fly_ast_grant *grant = NEW(p, grant, GRANT, here(p));
    next(p);
    grant->revoke = revoke;
    bool admin = false;
    if (revoke && at(p, FLY_KW_GRANT) && peek(p) == FLY_KW_OPTION) {
        next(p);
        next(p);
        expect(p, FLY_KW_FOR);
        grant->grant_option = true;
    } else if (revoke && at(p, FLY_KW_ADMIN) && peek(p) == FLY_KW_OPTION) {
        next(p);
        next(p);
        expect(p, FLY_KW_FOR);
        admin = true;
    }
    bool all = at(p, FLY_KW_ALL);
    grant->privileges = privileges(p);
    if (!all && !grant->grant_option && !at(p, FLY_KW_ON)) {
        return grant_role(p, grant, admin);
    }
    if (admin) {
        fly__sql_gram_syntax(p);
    }
    expect(p, FLY_KW_ON);
    privilege_target(p, grant);
    if (accept(p, FLY_KW_WHERE)) {
        grant->where = fly__sql_gram_expr(p);
    }
    grant_rest(p, grant);
    return &grant->node;
}

/* ALTER DEFAULT PRIVILEGES, after ALTER. */
fly_ast *fly__sql_gram_alter_defaults(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_alter_defaults *alter = NEW(p, alter_defaults, ALTER_DEFAULTS, pos);
    next(p);
    expect(p, FLY_KW_PRIVILEGES);
    for (;;) {
        if (accept2(p, FLY_KW_IN, FLY_KW_SCHEMA)) {
            alter->schemas = fly__sql_gram_name_list(p);
        } else if (accept(p, FLY_KW_FOR)) {
            if (!accept(p, FLY_KW_ROLE)) {
                expect(p, FLY_KW_USER);
            }
            alter->roles = fly__sql_gram_list(p, fly__sql_gram_role);
        } else {
            break;
        }
    }
    static const struct {
        uint16_t word;
        fly_ast_object_kind type;
    } kinds[] = {
        {FLY_KW_TABLES, FLY_AST_OBJECT_TABLE},      {FLY_KW_FUNCTIONS, FLY_AST_OBJECT_FUNCTION},
        {FLY_KW_ROUTINES, FLY_AST_OBJECT_FUNCTION}, {FLY_KW_SEQUENCES, FLY_AST_OBJECT_SEQUENCE},
        {FLY_KW_TYPES, FLY_AST_OBJECT_TYPE},        {FLY_KW_SCHEMAS, FLY_AST_OBJECT_SCHEMA},
    };
    fly_ast_grant *grant = NEW(p, grant, GRANT, here(p));
    grant->target = FLY_AST_GRANT_DEFAULTS;
    grant->revoke = at(p, FLY_KW_REVOKE);
    if (!accept(p, FLY_KW_REVOKE)) {
        expect(p, FLY_KW_GRANT);
    } else if (accept2(p, FLY_KW_GRANT, FLY_KW_OPTION)) {
        expect(p, FLY_KW_FOR);
        grant->grant_option = true;
    }
    grant->privileges = privileges(p);
    expect(p, FLY_KW_ON);
    size_t i = 0;
    while (i < sizeof kinds / sizeof kinds[0] && !accept(p, kinds[i].word)) {
        i++;
    }
    if (i == sizeof kinds / sizeof kinds[0]) {
        fly__sql_gram_syntax(p);
    } else {
        grant->type = kinds[i].type;
    }
    grant_rest(p, grant);
    alter->grant = &grant->node;
    return &alter->node;
}

/* --------------------------------------------------------------------------------- policies */

fly_ast *fly__sql_gram_policy(fly_sql_parser *p, bool alter, uint32_t pos)
{
    fly_ast_create_policy *policy = NEW(p, create_policy, CREATE_POLICY, pos);
    next(p);
    policy->alter = alter;
    bool if_exists = alter && fly__sql_gram_if_exists(p);
    policy->name = fly__sql_gram_col_id(p);
    expect(p, FLY_KW_ON);
    policy->relation = fly__sql_gram_relation(p);
    if (alter && accept(p, FLY_KW_RENAME)) {
        fly_ast_rename *rename = NEW(p, rename, RENAME, pos);
        fly_ast_object *object = NEW(p, object, OBJECT, policy->relation->pos);
        object->names = fly__sql_gram_one_name(p, policy->name);
        object->relation = policy->relation;
        rename->type = FLY_AST_OBJECT_POLICY;
        rename->if_exists = if_exists;
        rename->object = &object->node;
        expect(p, FLY_KW_TO);
        rename->new_name = fly__sql_gram_col_id(p);
        return &rename->node;
    }
    if (!alter && accept(p, FLY_KW_AS)) {
        uint32_t kind = here(p);
        policy->restrictive = fly__sql_gram_at_word(p, "restrictive");
        if (!policy->restrictive && !fly__sql_gram_at_word(p, "permissive")) {
            SYNTAX_MESSAGE(p, kind, "unrecognized row security option \"%s\"",
                           fly__sql_gram_col_id(p));
        }
        next(p);
    }
    if (!alter && accept(p, FLY_KW_FOR)) {
        if (at(p, FLY_KW_ALL) || at(p, FLY_KW_SELECT) || at(p, FLY_KW_INSERT) ||
            at(p, FLY_KW_UPDATE) || at(p, FLY_KW_DELETE)) {
            policy->command = fly__sql_gram_name_value(p);
        } else {
            fly__sql_gram_syntax(p);
        }
    }
    if (accept(p, FLY_KW_TO)) {
        policy->roles = fly__sql_gram_list(p, fly__sql_gram_role);
    }
    if (accept(p, FLY_KW_USING)) {
        expect(p, '(');
        policy->using_expr = fly__sql_gram_expr(p);
        expect(p, ')');
    }
    if (accept(p, FLY_KW_WITH)) {
        expect(p, FLY_KW_CHECK);
        expect(p, '(');
        policy->check_expr = fly__sql_gram_expr(p);
        expect(p, ')');
    }
    return &policy->node;
}
