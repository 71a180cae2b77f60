/*
 * Statements about the session: transactions, settings, prepared statements, cursors, EXPLAIN,
 * maintenance, messages; FlyDB's own INSPECT, USE and WATCH; and the fork in the road of them all.
 */
#include "parse/parse_int.h"

/* ----------------------------------------------------------------------------- transactions */

/* One of the modes of a transaction; NULL: none begins here. */
static fly_ast *transaction_mode(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    if (accept(p, FLY_KW_ISOLATION)) {
        const char *level = "";
        expect(p, FLY_KW_LEVEL);
        if (accept(p, FLY_KW_READ)) {
            if (accept(p, FLY_KW_UNCOMMITTED)) {
                level = "read uncommitted";
            } else {
                expect(p, FLY_KW_COMMITTED);
                level = "read committed";
            }
        } else if (accept(p, FLY_KW_REPEATABLE)) {
            expect(p, FLY_KW_READ);
            level = "repeatable read";
        } else if (accept(p, FLY_KW_SNAPSHOT)) { /* the same, by its better name */
            level = "repeatable read";
        } else {
            expect(p, FLY_KW_SERIALIZABLE);
            level = "serializable";
        }
        return fly__sql_gram_option(p, "isolation", fly__sql_gram_const_string(p, level, pos), pos);
    }
    if (accept(p, FLY_KW_READ)) {
        bool only = accept(p, FLY_KW_ONLY);
        if (!only) {
            expect(p, FLY_KW_WRITE);
        }
        return fly__sql_gram_option(p, "read_only", fly__sql_gram_const_bool(p, only, pos), pos);
    }
    if (accept(p, FLY_KW_DEFERRABLE)) {
        return fly__sql_gram_option(p, "deferrable", fly__sql_gram_const_bool(p, true, pos), pos);
    }
    if (at(p, FLY_KW_NOT) && peek(p) == FLY_KW_DEFERRABLE) {
        next(p);
        next(p);
        return fly__sql_gram_option(p, "deferrable", fly__sql_gram_const_bool(p, false, pos), pos);
    }
    return NULL;
}

static fly_ast_list transaction_modes(fly_sql_parser *p, bool required)
{
    uint32_t mark = p->top;
    fly_ast *mode = transaction_mode(p);
    while (mode != NULL) {
        push(p, mode);
        bool comma = accept(p, ',');
        mode = transaction_mode(p);
        if (comma && mode == NULL) {
            fly__sql_gram_syntax(p);
        }
    }
    if (required && p->top == mark) {
        fly__sql_gram_syntax(p);
    }
    return fly__sql_gram_take(p, mark);
}

static fly_ast_transaction *transaction_of(fly_sql_parser *p, fly_ast_txn_kind type)
{
    fly_ast_transaction *node = NEW(p, transaction, TRANSACTION, here(p));
    node->type = type;
    next(p);
    return node;
}

static void work(fly_sql_parser *p)
{
    if (!accept(p, FLY_KW_WORK)) {
        (void)accept(p, FLY_KW_TRANSACTION);
    }
}

/* [AND [NO] CHAIN] */
static bool chain(fly_sql_parser *p)
{
    if (!accept(p, FLY_KW_AND)) {
        return false;
    }
    bool no = accept(p, FLY_KW_NO);
    expect(p, FLY_KW_CHAIN);
    return !no;
}

static fly_ast *begin_statement(fly_sql_parser *p)
{
    bool start = p->tok.type == FLY_KW_START;
    fly_ast_transaction *node = transaction_of(p, start ? FLY_AST_TXN_START : FLY_AST_TXN_BEGIN);
    if (start) {
        expect(p, FLY_KW_TRANSACTION);
    } else {
        if (p->options.lax_syntax && !fly__sql_gram_accept_word(p, "deferred") &&
            !accept(p, FLY_KW_DEFERRED) && !accept(p, FLY_KW_IMMEDIATE)) {
            (void)accept(p, FLY_KW_EXCLUSIVE);
        }
        work(p);
    }
    node->options = transaction_modes(p, false);
    return &node->node;
}

static fly_ast *commit_statement(fly_sql_parser *p)
{
    bool end = p->tok.type == FLY_KW_END;
    fly_ast_transaction *node = transaction_of(p, FLY_AST_TXN_COMMIT);
    if (!end && accept(p, FLY_KW_PREPARED)) {
        node->type = FLY_AST_TXN_COMMIT_PREPARED;
        node->gid = fly__sql_gram_string(p);
        return &node->node;
    }
    work(p);
    node->chain = chain(p);
    return &node->node;
}

static fly_ast *rollback_statement(fly_sql_parser *p)
{
    bool abort_word = p->tok.type == FLY_KW_ABORT;
    fly_ast_transaction *node = transaction_of(p, FLY_AST_TXN_ROLLBACK);
    if (!abort_word && accept(p, FLY_KW_PREPARED)) {
        node->type = FLY_AST_TXN_ROLLBACK_PREPARED;
        node->gid = fly__sql_gram_string(p);
        return &node->node;
    }
    work(p);
    if (!abort_word && accept(p, FLY_KW_TO)) {
        (void)accept(p, FLY_KW_SAVEPOINT);
        node->type = FLY_AST_TXN_ROLLBACK_TO;
        node->name = fly__sql_gram_col_id(p);
        return &node->node;
    }
    node->chain = chain(p);
    return &node->node;
}

static fly_ast *savepoint_statement(fly_sql_parser *p)
{
    bool release = p->tok.type == FLY_KW_RELEASE;
    fly_ast_transaction *node =
        transaction_of(p, release ? FLY_AST_TXN_RELEASE : FLY_AST_TXN_SAVEPOINT);
    if (release) {
        (void)accept(p, FLY_KW_SAVEPOINT);
    }
    node->name = fly__sql_gram_col_id(p);
    return &node->node;
}

/* --------------------------------------------------------------------------------- settings */

/* A value of SET: a word, a string, a number. */
static fly_ast *set_value(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    switch (p->tok.type) {
    case FLY_TOKEN_INT:
    case FLY_TOKEN_NUMERIC:
    case '+':
    case '-':
        return fly__sql_gram_signed_number(p);
    case FLY_KW_TRUE:
    case FLY_KW_FALSE:
    case FLY_KW_ON:
        return fly__sql_gram_const_string(p, fly__sql_gram_name_value(p), pos);
    default:
        break;
    }
    if (is_string_token(p->tok.type)) {
        return fly__sql_gram_string(p);
    }
    if (p->tok.type > FLY_TOKEN_KEYWORDS &&
        fly__sql_keyword(p->tok.type)->class != FLY_KEYWORD_RESERVED) {
        return fly__sql_gram_const_string(p, fly__sql_gram_name_value(p), pos);
    }
    return fly__sql_gram_const_string(p, fly__sql_gram_col_id(p), pos);
}

/* name{.name}, with its dots. */
static const char *setting_name(fly_sql_parser *p)
{
    const char *name = fly__sql_gram_col_id(p);
    while (accept(p, '.')) {
        const char *more = fly__sql_gram_col_id(p);
        size_t len = strlen(name);
        char *joined = fly_arena_alloc(p->arena, len + strlen(more) + 2);
        if (joined == NULL) {
            fly__sql_gram_fail(p, FLY_E_NO_MEMORY, "53200", 0, "out of memory");
            return name;
        }
        /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the length is kept beside it */
        memcpy(joined, name, len);
        joined[len] = '.';
        memcpy(joined + len + 1, more, strlen(more) + 1);
        name = joined;
    }
    return name;
}

/* TIME ZONE: a string, a word, a number, an interval, DEFAULT, LOCAL. */
static void zone_value(fly_sql_parser *p, fly_ast_set *set)
{
    set->name = "timezone";
    if (accept(p, FLY_KW_DEFAULT) || accept(p, FLY_KW_LOCAL)) {
        set->type = FLY_AST_SET_DEFAULT;
    } else if (p->tok.type == FLY_KW_INTERVAL) {
        set->args = fly__sql_gram_one(p, fly__sql_gram_c_expr(p));
    } else {
        set->args = fly__sql_gram_one(p, set_value(p));
    }
}

/* The settings that the standard spells in its own way; false: it is none of them. */
static bool standard_setting(fly_sql_parser *p, fly_ast_set *set)
{
    uint32_t pos = here(p);
    if (at(p, FLY_KW_TIME) && peek(p) == FLY_KW_ZONE) {
        next(p);
        next(p);
        zone_value(p, set);
    } else if (at(p, FLY_KW_CATALOG) && is_string_token(peek(p))) {
        next(p);
        fly__sql_gram_fail(p, FLY_E_UNSUPPORTED, "0A000", pos,
                           "current database cannot be changed");
    } else if (at(p, FLY_KW_SCHEMA) && is_string_token(peek(p))) {
        next(p);
        set->name = "search_path";
        set->args = fly__sql_gram_one(p, fly__sql_gram_string(p));
    } else if (at(p, FLY_KW_NAMES) && peek(p) != '=' && peek(p) != FLY_KW_TO && peek(p) != '.') {
        next(p);
        set->name = "client_encoding";
        if (is_string_token(p->tok.type)) {
            set->args = fly__sql_gram_one(p, fly__sql_gram_string(p));
        } else {
            (void)accept(p, FLY_KW_DEFAULT);
            set->type = FLY_AST_SET_DEFAULT;
        }
    } else if (at(p, FLY_KW_ROLE) && peek(p) != '=' && peek(p) != FLY_KW_TO && peek(p) != '.') {
        next(p);
        set->name = "role";
        set->args = fly__sql_gram_one(p, set_value(p));
    } else if (at(p, FLY_KW_SESSION) && peek(p) == FLY_KW_AUTHORIZATION) {
        next(p);
        next(p);
        set->name = "session_authorization";
        if (accept(p, FLY_KW_DEFAULT)) {
            set->type = FLY_AST_SET_DEFAULT;
        } else {
            set->args = fly__sql_gram_one(p, set_value(p));
        }
    } else if (at(p, FLY_KW_XML) && peek(p) == FLY_KW_OPTION) {
        next(p);
        next(p);
        set->name = "xmloption";
        set->args = fly__sql_gram_one(p, set_value(p));
    } else {
        return false;
    }
    return true;
}

/* SET TRANSACTION ..., SET SESSION CHARACTERISTICS AS TRANSACTION ...; false: neither. */
static bool set_transaction(fly_sql_parser *p, fly_ast_set *set)
{
    if (at(p, FLY_KW_TRANSACTION)) {
        next(p);
        if (accept(p, FLY_KW_SNAPSHOT)) {
            set->type = FLY_AST_SET_TRANSACTION_SNAPSHOT;
            set->args = fly__sql_gram_one(p, fly__sql_gram_string(p));
        } else {
            set->type = FLY_AST_SET_TRANSACTION;
            set->args = transaction_modes(p, true);
        }
        return true;
    }
    if (at(p, FLY_KW_CHARACTERISTICS)) {
        next(p);
        expect(p, FLY_KW_AS);
        expect(p, FLY_KW_TRANSACTION);
        set->type = FLY_AST_SET_SESSION_CHARACTERISTICS;
        set->args = transaction_modes(p, true);
        return true;
    }
    return false;
}

fly_ast *fly__sql_gram_set(fly_sql_parser *p, bool scoped)
{
    fly_ast_set *set = NEW(p, set, SET, here(p));
    if (!scoped) {
        if (at(p, FLY_KW_SESSION) && peek(p) != FLY_KW_AUTHORIZATION) {
            next(p);
            set->scope = FLY_AST_SET_SESSION;
        } else if (at(p, FLY_KW_LOCAL)) {
            next(p);
            set->scope = FLY_AST_SET_LOCAL;
        }
    }
    if (!scoped && set_transaction(p, set)) {
        return &set->node;
    }
    if (standard_setting(p, set)) {
        return &set->node;
    }
    set->name = setting_name(p);
    if (scoped && at(p, FLY_KW_FROM) && peek(p) == FLY_KW_CURRENT) {
        next(p);
        next(p);
        set->type = FLY_AST_SET_FROM_CURRENT;
        return &set->node;
    }
    if (!accept(p, FLY_KW_TO)) {
        expect(p, '=');
    }
    if (accept(p, FLY_KW_DEFAULT)) {
        set->type = FLY_AST_SET_DEFAULT;
    } else {
        set->args = fly__sql_gram_list(p, set_value);
    }
    return &set->node;
}

/* The name of a setting in RESET and SHOW. */
static const char *shown_name(fly_sql_parser *p)
{
    if (accept2(p, FLY_KW_TIME, FLY_KW_ZONE)) {
        return "timezone";
    }
    if (accept2(p, FLY_KW_SESSION, FLY_KW_AUTHORIZATION)) {
        return "session_authorization";
    }
    if (at(p, FLY_KW_TRANSACTION) && peek(p) == FLY_KW_ISOLATION) {
        next(p);
        next(p);
        expect(p, FLY_KW_LEVEL);
        return "transaction_isolation";
    }
    return setting_name(p);
}

fly_ast *fly__sql_gram_reset(fly_sql_parser *p)
{
    fly_ast_set *set = NEW(p, set, SET, here(p));
    if (accept(p, FLY_KW_ALL)) {
        set->type = FLY_AST_SET_RESET_ALL;
    } else {
        set->type = FLY_AST_SET_RESET;
        set->name = shown_name(p);
    }
    return &set->node;
}

static fly_ast *show_statement(fly_sql_parser *p)
{
    fly_ast_show *show = NEW(p, show, SHOW, here(p));
    next(p);
    if (!accept(p, FLY_KW_ALL)) {
        show->name = shown_name(p);
    }
    return &show->node;
}

static fly_ast *set_constraints(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_set_constraints *set = NEW(p, set_constraints, SET_CONSTRAINTS, pos);
    next(p);
    if (!accept(p, FLY_KW_ALL)) {
        set->constraints = fly__sql_gram_list(p, fly__sql_gram_relation);
    }
    set->deferred = accept(p, FLY_KW_DEFERRED);
    if (!set->deferred) {
        expect(p, FLY_KW_IMMEDIATE);
    }
    return &set->node;
}

static fly_ast *set_statement(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    next(p);
    if (at(p, FLY_KW_CONSTRAINTS) && peek(p) != '=' && peek(p) != FLY_KW_TO && peek(p) != '.') {
        return set_constraints(p, pos);
    }
    fly_ast *set = fly__sql_gram_set(p, false);
    set->pos = pos;
    return set;
}

/* ---------------------------------------------------------------------- prepared statements */

static fly_ast *prepare_statement(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    if (peek(p) == FLY_KW_TRANSACTION) {
        fly_ast_transaction *node = transaction_of(p, FLY_AST_TXN_PREPARE);
        next(p);
        node->gid = fly__sql_gram_string(p);
        return &node->node;
    }
    fly_ast_prepare *prepare = NEW(p, prepare, PREPARE, pos);
    next(p);
    prepare->name = fly__sql_gram_col_id(p);
    if (p->tok.type == '(') {
        prepare->types = fly__sql_gram_parens(p, fly__sql_gram_type);
    }
    expect(p, FLY_KW_AS);
    prepare->statement = fly__sql_gram_preparable(p);
    return &prepare->node;
}

static fly_ast *execute_statement(fly_sql_parser *p)
{
    fly_ast_execute *execute = NEW(p, execute, EXECUTE, here(p));
    next(p);
    execute->name = fly__sql_gram_col_id(p);
    if (p->tok.type == '(') {
        execute->args = fly__sql_gram_parens(p, fly__sql_gram_expr);
    }
    return &execute->node;
}

static fly_ast *deallocate_statement(fly_sql_parser *p)
{
    fly_ast_deallocate *node = NEW(p, deallocate, DEALLOCATE, here(p));
    next(p);
    if (at(p, FLY_KW_PREPARE) && (fly__sql_gram_is_col_id(peek(p)) || peek(p) == FLY_KW_ALL)) {
        next(p);
    }
    if (!accept(p, FLY_KW_ALL)) {
        node->name = fly__sql_gram_col_id(p);
    }
    return &node->node;
}

/* ---------------------------------------------------------------------------------- cursors */

static fly_ast *declare_statement(fly_sql_parser *p)
{
    fly_ast_declare *declare = NEW(p, declare, DECLARE, here(p));
    next(p);
    declare->name = fly__sql_gram_col_id(p);
    for (;;) {
        if (accept2(p, FLY_KW_NO, FLY_KW_SCROLL)) {
            declare->scroll = FLY_AST_TRI_NO;
        } else if (accept(p, FLY_KW_SCROLL)) {
            declare->scroll = FLY_AST_TRI_YES;
        } else if (accept(p, FLY_KW_BINARY)) {
            declare->binary = true;
        } else if (accept(p, FLY_KW_INSENSITIVE)) {
            declare->insensitive = FLY_AST_TRI_YES;
        } else if (accept(p, FLY_KW_ASENSITIVE)) {
            declare->insensitive = FLY_AST_TRI_NO;
        } else {
            break;
        }
    }
    expect(p, FLY_KW_CURSOR);
    if (accept2(p, FLY_KW_WITH, FLY_KW_HOLD)) {
        declare->hold = true;
    } else if (accept2(p, FLY_KW_WITHOUT, FLY_KW_HOLD)) {
        declare->hold = false;
    }
    expect(p, FLY_KW_FOR);
    declare->query = fly__sql_gram_select(p);
    return &declare->node;
}

static int64_t signed_int(fly_sql_parser *p)
{
    bool minus = accept(p, '-');
    if (!minus) {
        (void)accept(p, '+');
    }
    int64_t value = fly__sql_gram_int(p);
    return minus ? -value : value;
}

static bool at_signed_int(fly_sql_parser *p)
{
    return p->tok.type == FLY_TOKEN_INT || p->tok.type == '-' || p->tok.type == '+';
}

/* The direction and the count, as far as they are written. */
static void fetch_args(fly_sql_parser *p, fly_ast_fetch *fetch)
{
    fetch->count = 1;
    if (at_signed_int(p)) {
        fetch->count = signed_int(p);
        return;
    }
    if (accept(p, FLY_KW_NEXT)) {
        return;
    }
    if (accept(p, FLY_KW_PRIOR)) {
        fetch->direction = FLY_AST_FETCH_BACKWARD;
    } else if (accept(p, FLY_KW_FIRST)) {
        fetch->direction = FLY_AST_FETCH_ABSOLUTE;
    } else if (accept(p, FLY_KW_LAST)) {
        fetch->direction = FLY_AST_FETCH_ABSOLUTE;
        fetch->count = -1;
    } else if (accept(p, FLY_KW_ABSOLUTE)) {
        fetch->direction = FLY_AST_FETCH_ABSOLUTE;
        fetch->count = signed_int(p);
    } else if (accept(p, FLY_KW_RELATIVE)) {
        fetch->direction = FLY_AST_FETCH_RELATIVE;
        fetch->count = signed_int(p);
    } else if (accept(p, FLY_KW_ALL)) {
        fetch->all = true;
    } else if (at(p, FLY_KW_FORWARD) || at(p, FLY_KW_BACKWARD)) {
        fetch->direction = p->tok.type == FLY_KW_FORWARD ? FLY_AST_FETCH_FORWARD
                                                         : FLY_AST_FETCH_BACKWARD;
        next(p);
        if (at_signed_int(p)) {
            fetch->count = signed_int(p);
        } else {
            fetch->all = accept(p, FLY_KW_ALL);
        }
    }
}

/* Whether the current word is the cursor, although it could be a direction. */
static bool at_cursor(fly_sql_parser *p)
{
    uint16_t after = peek(p);
    return fly__sql_gram_is_col_id(p->tok.type) && (after == ';' || after == FLY_TOKEN_END);
}

static fly_ast *fetch_statement(fly_sql_parser *p)
{
    fly_ast_fetch *fetch = NEW(p, fetch, FETCH, here(p));
    fetch->move = p->tok.type == FLY_KW_MOVE;
    next(p);
    fetch->count = 1;
    if (!at_cursor(p)) {
        fetch_args(p, fetch);
        if (!accept(p, FLY_KW_FROM)) {
            (void)accept(p, FLY_KW_IN);
        }
    }
    fetch->cursor = fly__sql_gram_col_id(p);
    return &fetch->node;
}

static fly_ast *close_statement(fly_sql_parser *p)
{
    fly_ast_close *close = NEW(p, close, CLOSE, here(p));
    next(p);
    if (!accept(p, FLY_KW_ALL)) {
        close->cursor = fly__sql_gram_col_id(p);
    }
    return &close->node;
}

/* ------------------------------------------------------------------- EXPLAIN and maintenance */

static fly_ast *flag_option(fly_sql_parser *p, const char *name)
{
    uint32_t pos = here(p);
    next(p);
    return fly__sql_gram_option(p, name, NULL, pos);
}

/* Whether a parenthesis holds options and not a query. */
static bool at_options(fly_sql_parser *p)
{
    uint16_t after = p->tok.type == '(' ? peek(p) : FLY_TOKEN_END;
    return after != FLY_TOKEN_END && after != '(' && after != FLY_KW_SELECT &&
           after != FLY_KW_VALUES && after != FLY_KW_WITH && after != FLY_KW_TABLE;
}

static fly_ast *explain_statement(fly_sql_parser *p)
{
    fly_ast_explain *explain = NEW(p, explain, EXPLAIN, here(p));
    next(p);
    uint32_t mark = p->top;
    if (at_options(p)) {
        explain->options = fly__sql_gram_parens(p, fly__sql_gram_generic_option);
    } else {
        if (at(p, FLY_KW_ANALYZE) || at(p, FLY_KW_ANALYSE)) {
            push(p, flag_option(p, "analyze"));
        }
        if (at(p, FLY_KW_VERBOSE)) {
            push(p, flag_option(p, "verbose"));
        }
        if (p->options.lax_syntax && fly__sql_gram_accept_word(p, "query")) {
            (void)fly__sql_gram_accept_word(p, "plan");
        }
        explain->options = fly__sql_gram_take(p, mark);
    }
    uint32_t outer;
    enter(p, &outer);
    explain->statement = fly__sql_gram_statement(p);
    leave(p, outer);
    if (explain->statement != NULL && !failed(p)) {
        switch (explain->statement->kind) {
        case FLY_AST_SELECT:
        case FLY_AST_INSERT:
        case FLY_AST_UPDATE:
        case FLY_AST_DELETE:
        case FLY_AST_MERGE:
        case FLY_AST_DECLARE:
        case FLY_AST_CREATE_TABLE_AS:
        case FLY_AST_REFRESH:
        case FLY_AST_EXECUTE:
            break;
        default: { /* the tree of any statement can be shown */
            bool ast = false;
            for (uint32_t i = 0; i < explain->options.count; i++) {
                ast = ast ||
                      strcmp(((fly_ast_option *)explain->options.items[i])->name, "ast") == 0;
            }
            if (!ast) {
                SYNTAX_MESSAGE(p, explain->statement->pos,
                               "syntax error: EXPLAIN takes a query, or needs the option AST");
            }
        }
        }
    }
    return &explain->node;
}

static fly_ast *vacuum_relation(fly_sql_parser *p)
{
    fly_ast_vacuum_relation *node = NEW(p, vacuum_relation, VACUUM_RELATION, here(p));
    node->relation = fly__sql_gram_relation(p);
    if (p->tok.type == '(') {
        node->columns = fly__sql_gram_name_parens(p);
    }
    return &node->node;
}

static fly_ast *vacuum_statement(fly_sql_parser *p)
{
    fly_ast_vacuum *vacuum = NEW(p, vacuum, VACUUM, here(p));
    vacuum->analyze = p->tok.type != FLY_KW_VACUUM;
    next(p);
    if (p->tok.type == '(') {
        vacuum->options = fly__sql_gram_parens(p, fly__sql_gram_generic_option);
    } else {
        uint32_t mark = p->top;
        if (!vacuum->analyze && at(p, FLY_KW_FULL)) {
            push(p, flag_option(p, "full"));
        }
        if (!vacuum->analyze && at(p, FLY_KW_FREEZE)) {
            push(p, flag_option(p, "freeze"));
        }
        if (at(p, FLY_KW_VERBOSE)) {
            push(p, flag_option(p, "verbose"));
        }
        if (!vacuum->analyze && (at(p, FLY_KW_ANALYZE) || at(p, FLY_KW_ANALYSE))) {
            push(p, flag_option(p, "analyze"));
        }
        vacuum->options = fly__sql_gram_take(p, mark);
    }
    if (p->tok.type != FLY_TOKEN_END && p->tok.type != ';') {
        vacuum->relations = fly__sql_gram_list(p, vacuum_relation);
    }
    return &vacuum->node;
}

static fly_ast *reindex_statement(fly_sql_parser *p)
{
    static const uint16_t kinds[] = {FLY_KW_INDEX, FLY_KW_TABLE, FLY_KW_SCHEMA, FLY_KW_SYSTEM,
                                     FLY_KW_DATABASE};
    fly_ast_reindex *reindex = NEW(p, reindex, REINDEX, here(p));
    next(p);
    if (p->tok.type == '(') {
        reindex->options = fly__sql_gram_parens(p, fly__sql_gram_generic_option);
    }
    size_t i = 0;
    while (i < sizeof kinds / sizeof kinds[0] && !at(p, kinds[i])) {
        i++;
    }
    if (i == sizeof kinds / sizeof kinds[0]) {
        if (!p->options.lax_syntax) {
            fly__sql_gram_syntax(p);
        } else if (p->tok.type != FLY_TOKEN_END && p->tok.type != ';') {
            reindex->relation = fly__sql_gram_relation(p);
        }
        return &reindex->node;
    }
    reindex->what = fly__sql_gram_name_value(p);
    reindex->concurrently = accept(p, FLY_KW_CONCURRENTLY);
    if (i < 2) {
        reindex->relation = fly__sql_gram_relation(p);
    } else {
        reindex->name = fly__sql_gram_col_id(p);
    }
    return &reindex->node;
}

static fly_ast *cluster_statement(fly_sql_parser *p)
{
    fly_ast_cluster *cluster = NEW(p, cluster, CLUSTER, here(p));
    next(p);
    if (p->tok.type == '(') {
        cluster->options = fly__sql_gram_parens(p, fly__sql_gram_generic_option);
    } else if (at(p, FLY_KW_VERBOSE)) {
        cluster->options = fly__sql_gram_one(p, flag_option(p, "verbose"));
    }
    if (p->tok.type == FLY_TOKEN_END || p->tok.type == ';') {
        return &cluster->node;
    }
    cluster->relation = fly__sql_gram_relation(p);
    if (accept(p, FLY_KW_USING)) {
        cluster->index = fly__sql_gram_col_id(p);
    } else if (at(p, FLY_KW_ON)) { /* CLUSTER index ON table, the old way round */
        fly_ast_relation *index = (fly_ast_relation *)cluster->relation;
        if (index->schema != NULL) {
            fly__sql_gram_syntax(p);
        }
        next(p);
        cluster->index = index->name;
        cluster->relation = fly__sql_gram_relation(p);
    }
    return &cluster->node;
}

static fly_ast *lock_statement(fly_sql_parser *p)
{
    static const struct {
        uint16_t words[3];
        const char *mode;
    } modes[] = {
        {{FLY_KW_ACCESS, FLY_KW_SHARE, 0}, "access share"},
        {{FLY_KW_ACCESS, FLY_KW_EXCLUSIVE, 0}, "access exclusive"},
        {{FLY_KW_ROW, FLY_KW_SHARE, 0}, "row share"},
        {{FLY_KW_ROW, FLY_KW_EXCLUSIVE, 0}, "row exclusive"},
        {{FLY_KW_SHARE, FLY_KW_UPDATE, FLY_KW_EXCLUSIVE}, "share update exclusive"},
        {{FLY_KW_SHARE, FLY_KW_ROW, FLY_KW_EXCLUSIVE}, "share row exclusive"},
        {{FLY_KW_SHARE, 0, 0}, "share"},
        {{FLY_KW_EXCLUSIVE, 0, 0}, "exclusive"},
    };
    fly_ast_lock *lock = NEW(p, lock, LOCK, here(p));
    next(p);
    (void)accept(p, FLY_KW_TABLE);
    lock->relations = fly__sql_gram_list(p, fly__sql_gram_relation_expr);
    if (accept(p, FLY_KW_IN)) {
        for (size_t i = 0; i < sizeof modes / sizeof modes[0] && lock->mode == NULL; i++) {
            const uint16_t *words = modes[i].words;
            bool fits = at(p, words[0]) && (words[1] == 0 || peek(p) == words[1]) &&
                        (words[2] == 0 || peek2(p) == words[2]);
            for (size_t j = 0; fits && j < 3 && words[j] != 0; j++) {
                next(p);
            }
            lock->mode = fits ? modes[i].mode : NULL;
        }
        expect(p, FLY_KW_MODE);
        if (lock->mode == NULL) {
            fly__sql_gram_syntax(p);
        }
    }
    lock->nowait = accept(p, FLY_KW_NOWAIT);
    return &lock->node;
}

/* --------------------------------------------------------------------------------- the rest */

static fly_ast *notify_statement(fly_sql_parser *p)
{
    fly_ast_notify *notify = NEW(p, notify, NOTIFY, here(p));
    next(p);
    notify->channel = fly__sql_gram_col_id(p);
    if (accept(p, ',')) {
        notify->payload = fly__sql_gram_string(p);
    }
    return &notify->node;
}

static fly_ast *listen_statement(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    bool stop = p->tok.type == FLY_KW_UNLISTEN;
    next(p);
    if (!stop) {
        fly_ast_listen *listen = NEW(p, listen, LISTEN, pos);
        listen->channel = fly__sql_gram_col_id(p);
        return &listen->node;
    }
    fly_ast_unlisten *unlisten = NEW(p, unlisten, UNLISTEN, pos);
    if (p->tok.type == '*') {
        next(p);
    } else {
        unlisten->channel = fly__sql_gram_col_id(p);
    }
    return &unlisten->node;
}

static fly_ast *do_statement(fly_sql_parser *p)
{
    fly_ast_do *node = NEW(p, do, DO, here(p));
    next(p);
    do {
        if (accept(p, FLY_KW_LANGUAGE)) {
            node->language = is_string_token(p->tok.type) ? fly__sql_gram_string_value(p)
                                                          : fly__sql_gram_col_id(p);
        } else {
            node->code = fly__sql_gram_string(p);
        }
    } while (is_string_token(p->tok.type) || at(p, FLY_KW_LANGUAGE));
    if (node->code == NULL) {
        SYNTAX_MESSAGE(p, node->node.pos, "no inline code specified");
    }
    return &node->node;
}

static fly_ast *call_statement(fly_sql_parser *p)
{
    fly_ast_call_procedure *node = NEW(p, call_procedure, CALL_PROCEDURE, here(p));
    next(p);
    uint32_t pos = here(p);
    node->call = fly__sql_gram_call(p);
    if (!is_kind(node->call, FLY_AST_CALL) && !failed(p)) {
        SYNTAX_MESSAGE(p, pos, "syntax error: CALL takes a procedure");
    }
    return &node->node;
}

static fly_ast *discard_statement(fly_sql_parser *p)
{
    fly_ast_discard *discard = NEW(p, discard, DISCARD, here(p));
    next(p);
    if (accept(p, FLY_KW_ALL)) {
        discard->type = FLY_AST_DISCARD_ALL;
    } else if (accept(p, FLY_KW_PLANS)) {
        discard->type = FLY_AST_DISCARD_PLANS;
    } else if (accept(p, FLY_KW_SEQUENCES)) {
        discard->type = FLY_AST_DISCARD_SEQUENCES;
    } else {
        discard->type = FLY_AST_DISCARD_TEMP;
        if (!accept(p, FLY_KW_TEMP)) {
            expect(p, FLY_KW_TEMPORARY);
        }
    }
    return &discard->node;
}

static fly_ast *refresh_statement(fly_sql_parser *p)
{
    fly_ast_refresh *refresh = NEW(p, refresh, REFRESH, here(p));
    next(p);
    expect(p, FLY_KW_MATERIALIZED);
    expect(p, FLY_KW_VIEW);
    refresh->concurrently = accept(p, FLY_KW_CONCURRENTLY);
    refresh->relation = fly__sql_gram_relation(p);
    if (accept(p, FLY_KW_WITH)) {
        refresh->no_data = accept(p, FLY_KW_NO);
        expect(p, FLY_KW_DATA);
    }
    return &refresh->node;
}

static fly_ast *reassign_statement(fly_sql_parser *p)
{
    fly_ast_reassign *reassign = NEW(p, reassign, REASSIGN, here(p));
    next(p);
    expect(p, FLY_KW_OWNED);
    expect(p, FLY_KW_BY);
    reassign->roles = fly__sql_gram_list(p, fly__sql_gram_role);
    expect(p, FLY_KW_TO);
    reassign->to = fly__sql_gram_role(p);
    return &reassign->node;
}

/* ------------------------------------------------------------------------------ FlyDB's own */

static fly_ast *inspect_statement(fly_sql_parser *p)
{
    fly_ast_inspect *inspect = NEW(p, inspect, INSPECT, here(p));
    next(p);
    if (accept(p, FLY_KW_TABLES)) {
        inspect->type = FLY_AST_INSPECT_TABLES;
    } else if (accept(p, FLY_KW_TABLE)) {
        inspect->type = FLY_AST_INSPECT_TABLE;
        inspect->relation = fly__sql_gram_relation(p);
    } else if (fly__sql_gram_accept_word(p, "users")) {
        inspect->type = FLY_AST_INSPECT_USERS;
    } else if (accept(p, FLY_KW_INDEXES)) {
        inspect->type = FLY_AST_INSPECT_INDEXES;
        if (accept(p, FLY_KW_ON)) {
            inspect->relation = fly__sql_gram_relation(p);
        }
    } else if (fly__sql_gram_accept_word(p, "databases")) {
        inspect->type = FLY_AST_INSPECT_DATABASES;
    } else if (accept(p, FLY_KW_DATABASE)) {
        inspect->type = FLY_AST_INSPECT_DATABASE;
        if (p->tok.type != FLY_TOKEN_END && p->tok.type != ';') {
            inspect->name = fly__sql_gram_col_id(p);
        }
    } else if (accept(p, FLY_KW_SERVER)) {
        inspect->type = FLY_AST_INSPECT_SERVER;
    } else if (fly__sql_gram_accept_word(p, "status")) {
        inspect->type = FLY_AST_INSPECT_STATUS;
    } else {
        fly__sql_gram_syntax(p);
    }
    return &inspect->node;
}

static fly_ast *watch_statement(fly_sql_parser *p, bool stop)
{
    fly_ast_watch *watch = NEW(p, watch, WATCH, here(p));
    next(p);
    watch->stop = stop;
    if (!stop || !accept(p, FLY_KW_ALL)) {
        (void)accept(p, FLY_KW_TABLE);
        watch->relation = fly__sql_gram_relation(p);
    }
    if (!stop && accept(p, FLY_KW_WHERE)) {
        watch->where = fly__sql_gram_expr(p);
    }
    return &watch->node;
}

/* lax: PRAGMA [schema.]name [= value | (value)] */
static fly_ast *pragma_statement(fly_sql_parser *p)
{
    fly_ast_pragma *pragma = NEW(p, pragma, PRAGMA, here(p));
    next(p);
    pragma->name = fly__sql_gram_col_id(p);
    if (accept(p, '.')) {
        pragma->schema = pragma->name;
        pragma->name = fly__sql_gram_label(p);
    }
    if (accept(p, '=')) {
        pragma->value = set_value(p);
    } else if (accept(p, '(')) {
        pragma->value = set_value(p);
        expect(p, ')');
    }
    return &pragma->node;
}

/* Statements whose first word is no keyword; NULL: none. */
static fly_ast *word_statement(fly_sql_parser *p)
{
    if (fly__sql_gram_at_word(p, "inspect")) {
        return inspect_statement(p);
    }
    if (fly__sql_gram_at_word(p, "use")) {
        fly_ast_use *use = NEW(p, use, USE, here(p));
        next(p);
        (void)accept(p, FLY_KW_DATABASE);
        use->database = fly__sql_gram_col_id(p);
        return &use->node;
    }
    if (fly__sql_gram_at_word(p, "watch")) {
        return watch_statement(p, false);
    }
    if (fly__sql_gram_at_word(p, "unwatch")) {
        return watch_statement(p, true);
    }
    if (p->options.lax_syntax && fly__sql_gram_at_word(p, "pragma")) {
        return pragma_statement(p);
    }
    return NULL;
}

/* ---------------------------------------------------------------------------- the fork */

fly_ast *fly__sql_gram_utility(fly_sql_parser *p)
{
    switch (p->tok.type) {
    case FLY_TOKEN_IDENT:
        return word_statement(p);
    case FLY_KW_BEGIN:
    case FLY_KW_START:
        return begin_statement(p);
    case FLY_KW_COMMIT:
    case FLY_KW_END:
        return commit_statement(p);
    case FLY_KW_ROLLBACK:
    case FLY_KW_ABORT:
        return rollback_statement(p);
    case FLY_KW_SAVEPOINT:
    case FLY_KW_RELEASE:
        return savepoint_statement(p);
    case FLY_KW_SET:
        return set_statement(p);
    case FLY_KW_RESET: {
        next(p);
        return fly__sql_gram_reset(p);
    }
    case FLY_KW_SHOW:
        return show_statement(p);
    case FLY_KW_PREPARE:
        return prepare_statement(p);
    case FLY_KW_EXECUTE:
        return execute_statement(p);
    case FLY_KW_DEALLOCATE:
        return deallocate_statement(p);
    case FLY_KW_DECLARE:
        return declare_statement(p);
    case FLY_KW_FETCH:
    case FLY_KW_MOVE:
        return fetch_statement(p);
    case FLY_KW_CLOSE:
        return close_statement(p);
    case FLY_KW_EXPLAIN:
        return explain_statement(p);
    case FLY_KW_ANALYZE:
    case FLY_KW_ANALYSE:
    case FLY_KW_VACUUM:
        return vacuum_statement(p);
    case FLY_KW_REINDEX:
        return reindex_statement(p);
    case FLY_KW_CLUSTER:
        return cluster_statement(p);
    case FLY_KW_CHECKPOINT: {
        fly_ast_checkpoint *checkpoint = NEW(p, checkpoint, CHECKPOINT, here(p));
        next(p);
        return &checkpoint->node;
    }
    case FLY_KW_LISTEN:
    case FLY_KW_UNLISTEN:
        return listen_statement(p);
    case FLY_KW_NOTIFY:
        return notify_statement(p);
    case FLY_KW_LOCK:
        return lock_statement(p);
    case FLY_KW_DO:
        return do_statement(p);
    case FLY_KW_CALL:
        return call_statement(p);
    case FLY_KW_DISCARD:
        return discard_statement(p);
    case FLY_KW_REFRESH:
        return refresh_statement(p);
    case FLY_KW_REASSIGN:
        return reassign_statement(p);
    case FLY_KW_LOAD: {
        fly_ast_load *load = NEW(p, load, LOAD, here(p));
        next(p);
        load->file = fly__sql_gram_string(p);
        return &load->node;
    }
    case FLY_KW_IMPORT:
    case FLY_KW_SECURITY:
        if (peek(p) == FLY_KW_FOREIGN || peek(p) == FLY_KW_LABEL) {
            fly__sql_gram_fail(p, FLY_E_UNSUPPORTED, "0A000", here(p), "%s is not supported",
                               p->tok.type == FLY_KW_IMPORT ? "IMPORT FOREIGN SCHEMA"
                                                            : "SECURITY LABEL");
            return fly__sql_gram_const_null(p, 0);
        }
        return NULL;
    default:
        return NULL;
    }
}

fly_ast *fly__sql_gram_statement(fly_sql_parser *p)
{
    switch (p->tok.type) {
    case FLY_KW_SELECT:
    case FLY_KW_VALUES:
    case FLY_KW_TABLE:
    case FLY_KW_WITH:
    case FLY_KW_INSERT:
    case FLY_KW_UPDATE:
    case FLY_KW_DELETE:
    case FLY_KW_MERGE:
    case '(':
        return fly__sql_gram_with_statement(p);
    case FLY_KW_REPLACE:
        if (p->options.lax_syntax) {
            return fly__sql_gram_with_statement(p);
        }
        break;
    case FLY_KW_CREATE:
        return fly__sql_gram_create(p);
    case FLY_KW_ALTER:
        return fly__sql_gram_alter(p);
    case FLY_KW_DROP:
        return fly__sql_gram_drop(p);
    case FLY_KW_COPY:
        return fly__sql_gram_copy(p);
    case FLY_KW_TRUNCATE:
        return fly__sql_gram_truncate(p);
    case FLY_KW_COMMENT:
        return fly__sql_gram_comment(p);
    case FLY_KW_GRANT:
        return fly__sql_gram_grant(p, false);
    case FLY_KW_REVOKE:
        return fly__sql_gram_grant(p, true);
    default: {
        fly_ast *node = fly__sql_gram_utility(p);
        if (node != NULL) {
            return node;
        }
        break;
    }
    }
    fly__sql_gram_syntax(p);
    return fly__sql_gram_const_null(p, 0);
}
