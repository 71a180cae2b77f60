/*
 * CREATE FUNCTION, PROCEDURE and TRIGGER: into the catalog. What is done when they are called is in pl/.
 */
#include "session/ddl_int.h"

#include "catalog/right_int.h"

#include "catalog/change_int.h"
#include "func/func_int.h"
#include "pl/pl_int.h"

#include <string.h>
#include <strings.h>

/* ------------------------------------------------------------------- functions */

static const fly_ast *option_value(const fly_ast_list *options, const char *name, bool *there)
{
    for (uint32_t i = 0; i < options->count; i++) {
        const fly_ast_option *option = (const fly_ast_option *)options->items[i];
        if (strcmp(option->name, name) == 0) {
            *there = true;
            return option->value;
        }
    }
    return NULL;
}

/* SECURITY DEFINER; the parser keeps which of the two it was as a boolean. */
static bool is_definer(const fly_ast_list *options)
{
    for (uint32_t i = 0; i < options->count; i++) {
        const fly_ast_option *option = (const fly_ast_option *)options->items[i];
        if (strcmp(option->name, "security") == 0) {
            return ((const fly_ast_const *)option->value)->value != 0;
        }
    }
    return false;
}

/* Whether an option says so: STRICT, or CALLED ON NULL INPUT, which is the same with false. */
static bool is_true(const fly_ast_list *options, const char *name)
{
    bool there = false;
    const fly_ast *value = option_value(options, name, &there);
    return there && value != NULL && ((const fly_ast_const *)value)->value != 0;
}

static fly__sql_volatility volatility(const fly_ast_list *options)
{
    bool there = false;
    const fly_ast *value = option_value(options, "volatility", &there);
    const char *word =
        there && value != NULL ? (const char *)((const fly_ast_const *)value)->text.data : "";
    return strcasecmp(word, "immutable") == 0 ? FLY__SQL_IMMUTABLE
           : strcasecmp(word, "stable") == 0  ? FLY__SQL_STABLE
                                              : FLY__SQL_VOLATILE;
}

static char mode_letter(fly_ast_param_mode mode)
{
    static const char letters[] = {'i', 'i', 'o', 'b', 'v', 't'};
    return letters[mode];
}

static fly_status read_params(fly_sql_stmt *stmt, const fly_ast_create_function *node,
                              fly__sql_user_function *function, fly_err *err)
{
    uint32_t count = node->params.count;
    const char **names = fly__sql_ddl_alloc(stmt, (count + 1) * sizeof *names, err);
    char *modes = fly__sql_ddl_alloc(stmt, count + 1, err);
    fly_sql_type *types = fly__sql_ddl_alloc(stmt, (count + 1) * sizeof *types, err);
    const char **defaults = fly__sql_ddl_alloc(stmt, (count + 1) * sizeof *defaults, err);
    if (names == NULL || modes == NULL || types == NULL || defaults == NULL) {
        return FLY_E_NO_MEMORY;
    }
    fly__sql_bind_context context = {
        .session = stmt->session, .view = stmt->session->view, .arena = &stmt->line_arena};
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < count && status == FLY_OK; i++) {
        const fly_ast_function_param *param = (const fly_ast_function_param *)node->params.items[i];
        names[i] = param->name == NULL ? "" : param->name;
        modes[i] = mode_letter(param->mode);
        status = fly__sql_bind_type(&context, param->type, &types[i], err);
        types[i].mod = -1;
        if (param->initial != NULL) {
            defaults[i] = fly__sql_ddl_text(stmt, param->initial, err);
            status = defaults[i] == NULL ? FLY_E_NO_MEMORY : status;
        }
        bool out = modes[i] == 't' || (modes[i] == 'o' && !function->procedure);
        function->argc = (uint16_t)(function->argc + !out);
    }
    if (function->argc > 8) {
        return fly_err_state(err, "54023", 0, "functions cannot have more than 8 arguments");
    }
    function->all_count = (uint16_t)count;
    function->names = names;
    function->modes = modes;
    function->types = types;
    function->defaults = defaults;
    return status;
}

/* What it returns: as said, or by its OUT parameters. */
static fly_status read_result(fly_sql_stmt *stmt, const fly_ast_create_function *node,
                              fly__sql_user_function *function, fly_err *err)
{
    uint32_t outs = 0;
    for (uint16_t i = 0; i < function->all_count; i++) {
        if (function->modes[i] == 'o' || function->modes[i] == 'b' || function->modes[i] == 't') {
            function->result = function->types[i];
            outs++;
            function->returns_set = function->returns_set || function->modes[i] == 't';
        }
    }
    if (outs > 1 || (outs == 1 && function->returns_set)) {
        function->result = outs > 1 ? fly__sql_type(FLY_SQL_RECORD) : function->result;
    }
    if (node->returns != NULL) {
        const fly_ast_type *type = (const fly_ast_type *)node->returns;
        fly__sql_bind_context context = {
            .session = stmt->session, .view = stmt->session->view, .arena = &stmt->line_arena};
        fly_status status = fly__sql_bind_type(&context, node->returns, &function->result, err);
        function->returns_set = function->returns_set || type->setof;
        return status;
    }
    if (outs == 0) {
        function->result = fly__sql_type(FLY_SQL_VOID);
    }
    return FLY_OK;
}

static fly_status read_body(fly_sql_stmt *stmt, const fly_ast_create_function *node,
                            fly__sql_user_function *function, fly_err *err)
{
    bool there = false;
    const fly_ast *language = option_value(&node->options, "language", &there);
    const fly_ast *body = option_value(&node->options, "as", &there);
    function->language =
        language == NULL ? "sql" : (const char *)((const fly_ast_const *)language)->text.data;
    if (body != NULL && body->kind == FLY_AST_CONST) {
        function->body = (const char *)((const fly_ast_const *)body)->text.data;
    } else if (node->return_expr != NULL) {
        const char *text = fly__sql_ddl_text(stmt, node->return_expr, err);
        function->body = text == NULL ? NULL : fly__sql_ddl_format(stmt, err, "SELECT %s", text);
    } else if (node->atomic) {
        const char *text = "";
        for (uint32_t i = 0; i < node->body.count && text != NULL; i++) {
            const fly_ast *item = node->body.items[i];
            bool is_return = item->kind == FLY_AST_RETURN;
            const char *one = fly__sql_ddl_text(
                stmt, is_return ? ((const fly_ast_return *)item)->expr : item, err);
            text = one == NULL ? NULL
                               : fly__sql_ddl_format(stmt, err, "%s%s%s; ", text,
                                                     is_return ? "SELECT " : "", one);
        }
        function->body = text;
    } else {
        return fly_err_state(err, "42P13", stmt->node->pos, "no function body specified");
    }
    if (strcmp(function->language, "sql") != 0 && strcmp(function->language, "plpgsql") != 0) {
        fly_status status = fly_err_state(err, "42704", stmt->node->pos,
                                          "language \"%s\" does not exist", function->language);
        fly_err_hint(err, "Use \"sql\" or \"plpgsql\".");
        return status;
    }
    return function->body == NULL ? FLY_E_NO_MEMORY : FLY_OK;
}

/* The function of the same name and argument types, or NULL. */
static const fly__sql_user_function *same_function(const fly__sql_catalog_view *view,
                                                   const char *schema,
                                                   const fly__sql_user_function *made)
{
    size_t next = 0;
    const fly__sql_user_function *at;
    while ((at = fly__sql_user_function_next(view, schema, made->name, &next)) != NULL) {
        bool same = at->argc == made->argc;
        uint32_t k = 0;
        for (uint16_t i = 0; i < made->all_count && same; i++) {
            if (made->modes[i] != 't' && (made->modes[i] != 'o' || made->procedure)) {
                same = at->func->args[k++] == made->types[i].oid;
            }
        }
        if (same) {
            return at;
        }
    }
    return NULL;
}

uint32_t fly__sql_ddl_string_begins(const fly_sql_stmt *stmt, uint32_t pos)
{
    if (pos == 0) {
        return 0;
    }
    uint32_t at = pos - 1;
    const char *text = (const char *)stmt->text.data;
    if (at < stmt->text.len && text[at] == '$') {
        for (at++; at < stmt->text.len && text[at] != '$'; at++) {
        }
        return at + 1;
    }
    return at < stmt->text.len && text[at] == '\'' ? at + 1 : 0;
}

/* Errors in a body point at where they are. */
static fly_status check_body(fly_sql_stmt *stmt, const fly_ast_create_function *node,
                             const fly__sql_user_function *function, fly_err *err)
{
    const char *checks = fly__sql_setting(stmt->session, "check_function_bodies");
    if (checks != NULL && strcmp(checks, "off") == 0) {
        return FLY_OK;
    }
    fly_status status = fly__sql_pl_validate(stmt->session, function, err);
    if (status != FLY_OK && err != NULL && err->position != 0) {
        bool there = false;
        const fly_ast *body = option_value(&node->options, "as", &there);
        uint32_t begins = body == NULL || body->kind != FLY_AST_CONST
                              ? 0
                              : fly__sql_ddl_string_begins(stmt, body->pos);
        err->position = begins == 0 ? 0 : err->position + begins;
    }
    return status;
}

fly_status fly__sql_create_function(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_create_function *node = (const fly_ast_create_function *)stmt->node;
    fly_sql_session *session = stmt->session;
    fly__sql_user_function function = {.name = node->name.items[node->name.count - 1],
                                       .procedure = node->procedure};
    fly__sql_ddl_tag(stmt, node->procedure ? "CREATE PROCEDURE" : "CREATE FUNCTION");
    fly_status status = fly__sql_ddl_schema(
        stmt, node->name.count > 1 ? node->name.items[node->name.count - 2] : NULL, false,
        stmt->node->pos, &function.schema, err);
    if (status == FLY_OK) {
        status = read_params(stmt, node, &function, err);
    }
    if (status == FLY_OK) {
        status = read_result(stmt, node, &function, err);
    }
    if (status == FLY_OK) {
        status = read_body(stmt, node, &function, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    function.volatility = (uint8_t)volatility(&node->options);
    function.strict = is_true(&node->options, "strict");
    function.security_definer = is_definer(&node->options);
    function.definition = fly__sql_ddl_format(stmt, err, "%.*s", (int)stmt->len,
                                              (const char *)stmt->text.data + stmt->start);
    if (function.definition == NULL) {
        return FLY_E_NO_MEMORY;
    }
    const char *schema = fly__sql_schema_of(session->view, function.schema)->name;
    const fly__sql_user_function *old = same_function(session->view, schema, &function);
    if (old != NULL && !node->replace) {
        return fly_err_state(err, "42723", 0,
                             "function \"%s\" already exists with same argument types",
                             function.name);
    }
    if (old != NULL && old->result.oid != function.result.oid) {
        return fly_err_state(err, "42P13", 0, "cannot change return type of existing function");
    }
    function.oid = old != NULL ? old->oid : fly__sql_change_oid(session);
    function.owner = old != NULL ? old->owner : session->user_oid;
    if (old != NULL) {
        const fly__sql_secured secured = fly__sql_secured_function(old);
        status = fly__sql_need_owner(session, &secured, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    status = fly__sql_change_put(session, FLY__SQL_O_FUNCTION, &function, err);
    /* Its body may name the function itself. */
    return status == FLY_OK ? check_body(stmt, node, &function, err) : status;
}

/* -------------------------------------------------------------------- triggers */

static fly_status read_events(fly_sql_stmt *stmt, const fly_ast_create_trigger *node,
                              const fly__sql_table *table, fly__sql_trigger *trigger, fly_err *err)
{
    static const struct {
        const char *name;
        uint8_t bit;
    } events[] = {{"insert", 1}, {"delete", 2}, {"update", 4}, {"truncate", 8}};
    for (uint32_t i = 0; i < node->events.count; i++) {
        const fly_ast_option *event = (const fly_ast_option *)node->events.items[i];
        for (size_t k = 0; k < sizeof events / sizeof events[0]; k++) {
            if (strcmp(event->name, events[k].name) == 0) {
                trigger->events |= events[k].bit;
            }
        }
        if (event->value == NULL || event->value->kind != FLY_AST_ROW) {
            continue;
        }
        const fly_ast_row *columns = (const fly_ast_row *)event->value;
        uint16_t *numbers =
            fly__sql_ddl_alloc(stmt, (columns->items.count + 1u) * sizeof *numbers, err);
        if (numbers == NULL) {
            return FLY_E_NO_MEMORY;
        }
        for (uint32_t k = 0; k < columns->items.count; k++) {
            const fly_ast_column *column = (const fly_ast_column *)columns->items.items[k];
            const char *name = column->names.items[column->names.count - 1];
            numbers[k] = fly__sql_column_named(table, name);
            if (numbers[k] == 0) {
                return fly_err_state(err, "42703", 0,
                                     "column \"%s\" of relation \"%s\" does not exist", name,
                                     table->name);
            }
        }
        trigger->columns = numbers;
        trigger->column_count = (uint16_t)columns->items.count;
    }
    return FLY_OK;
}

static fly_status find_trigger_function(fly_sql_stmt *stmt, const fly_ast_create_trigger *node,
                                        uint32_t *oid, fly_err *err)
{
    const char *name = node->function.items[node->function.count - 1];
    const char *schema = node->function.count > 1 ? node->function.items[node->function.count - 2]
                                                  : NULL;
    size_t next = 0;
    const fly__sql_user_function *at;
    while ((at = fly__sql_user_function_next(stmt->session->view, schema, name, &next)) != NULL) {
        if (at->argc == 0) {
            if (at->result.oid != FLY_SQL_TRIGGER) {
                return fly_err_state(err, "42P17", 0, "function %s must return type trigger", name);
            }
            *oid = at->oid;
            return FLY_OK;
        }
    }
    return fly_err_state(err, "42883", 0, "function %s() does not exist", name);
}

/* Triggers fire in the order of their names, and stand in that order. */
static void place_trigger(fly__sql_table *copy, const fly__sql_trigger *trigger)
{
    const fly__sql_trigger **list;
    memcpy(&list, &copy->triggers, sizeof list);
    uint16_t at = 0;
    while (at < copy->trigger_count && strcmp(list[at]->name, trigger->name) < 0) {
        at++;
    }
    bool there = at < copy->trigger_count && strcmp(list[at]->name, trigger->name) == 0;
    if (!there) {
        memmove(list + at + 1, list + at, (size_t)(copy->trigger_count - at) * sizeof *list);
        copy->trigger_count++;
    }
    list[at] = trigger;
}

static fly_status read_args(fly_sql_stmt *stmt, const fly_ast_create_trigger *node,
                            fly__sql_trigger *trigger, fly_err *err)
{
    const char **args = fly__sql_ddl_alloc(stmt, (node->args.count + 1u) * sizeof *args, err);
    if (args == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t i = 0; i < node->args.count; i++) {
        args[i] = (const char *)((const fly_ast_const *)node->args.items[i])->text.data;
    }
    trigger->args = args;
    trigger->argc = (uint16_t)node->args.count;
    return FLY_OK;
}

typedef struct when_names {
    bool old_row, new_row;
} when_names;

static bool find_names(void *ctx, fly_ast *node)
{
    when_names *names = ctx;
    const fly_ast_column *column = (const fly_ast_column *)node;
    if (node->kind == FLY_AST_COLUMN && column->names.count > 0) {
        names->old_row = names->old_row || strcmp(column->names.items[0], "old") == 0;
        names->new_row = names->new_row || strcmp(column->names.items[0], "new") == 0;
    }
    return true;
}

/* WHEN may look at those rows only that there are. */
static fly_status check_when(const fly_ast_create_trigger *node, const fly__sql_trigger *trigger,
                             fly_err *err)
{
    when_names names = {0};
    if (node->when == NULL) {
        return FLY_OK;
    }
    if (trigger->when == 'i') {
        return fly_err_state(err, "0A000", 0, "INSTEAD OF triggers cannot have WHEN conditions");
    }
    fly__sql_ast_walk((fly_ast *)(uintptr_t)node->when, find_names, &names);
    if (!trigger->row && (names.old_row || names.new_row)) {
        return fly_err_state(err, "42P17", 0,
                             "statement trigger's WHEN condition cannot reference column values");
    }
    if ((trigger->events & 1) != 0 && names.old_row) {
        return fly_err_state(err, "42P17", 0,
                             "INSERT trigger's WHEN condition cannot reference OLD values");
    }
    if ((trigger->events & 2) != 0 && names.new_row) {
        return fly_err_state(err, "42P17", 0,
                             "DELETE trigger's WHEN condition cannot reference NEW values");
    }
    return FLY_OK;
}

fly_status fly__sql_create_trigger(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_create_trigger *node = (const fly_ast_create_trigger *)stmt->node;
    fly_sql_session *session = stmt->session;
    const fly__sql_table *table = NULL;
    fly__sql_trigger trigger = {.name = node->name,
                                .row = node->for_row,
                                .enabled = true,
                                .old_table = node->old_table,
                                .new_table = node->new_table,
                                .when = node->timing == FLY_AST_TRIGGER_AFTER     ? 'a'
                                        : node->timing == FLY_AST_TRIGGER_INSTEAD ? 'i'
                                                                                  : 'b'};
    fly__sql_ddl_tag(stmt, "CREATE TRIGGER");
    if (node->body.count > 0) {
        return fly_err_state(err, "0A000", stmt->node->pos,
                             "triggers with a body of their own are not supported");
    }
    fly_status status =
        fly__sql_ddl_relation(stmt, (const fly_ast_relation *)node->relation, "rv", &table, err);
    if (status != FLY_OK) {
        return status;
    }
    if ((table->class == FLY__SQL_VIEW) != (trigger.when == 'i') && trigger.row) {
        return table->class == FLY__SQL_VIEW
                   ? fly_err_state(err, "42809", 0, "\"%s\" is a view", table->name)
                   : fly_err_state(err, "42809", 0, "\"%s\" is a table", table->name);
    }
    for (uint16_t i = 0; i < table->trigger_count && !node->replace; i++) {
        if (strcmp(table->triggers[i]->name, trigger.name) == 0) {
            return fly_err_state(err, "42710", 0,
                                 "trigger \"%s\" for relation \"%s\" already exists", trigger.name,
                                 table->name);
        }
    }
    trigger.oid = fly__sql_change_oid(session);
    trigger.table = table->oid;
    status = read_events(stmt, node, table, &trigger, err);
    if (status == FLY_OK) {
        status = check_when(node, &trigger, err);
    }
    if (status == FLY_OK) {
        status = find_trigger_function(stmt, node, &trigger.function, err);
    }
    if (status == FLY_OK) {
        status = read_args(stmt, node, &trigger, err);
    }
    trigger.definition = fly__sql_ddl_format(stmt, err, "%.*s", (int)stmt->len,
                                             (const char *)stmt->text.data + stmt->start);
    trigger.condition = node->when == NULL ? NULL : fly__sql_ddl_text(stmt, node->when, err);
    fly__sql_table *copy = fly__sql_table_copy(table, 1, &stmt->line_arena);
    if (status != FLY_OK || copy == NULL) {
        return status == FLY_OK ? fly_err_set(err, FLY_E_NO_MEMORY, "out of memory") : status;
    }
    place_trigger(copy, &trigger);
    return fly__sql_change_put(session, FLY__SQL_O_TABLE, copy, err);
}
