/*
 * CREATE and ALTER SEQUENCE. A sequence is two objects with one OID: a relation, which has the name,
 * and the numbers.
 */
#include "session/ddl_int.h"

#include "catalog/change_int.h"

#include <string.h>

static int64_t type_min(uint32_t oid)
{
    return oid == FLY_SQL_INT2 ? INT16_MIN : oid == FLY_SQL_INT4 ? INT32_MIN : INT64_MIN;
}

static int64_t type_max(uint32_t oid)
{
    return oid == FLY_SQL_INT2 ? INT16_MAX : oid == FLY_SQL_INT4 ? INT32_MAX : INT64_MAX;
}

/* What was said, to tell defaults from it. */
struct said {
    bool start, minimum, maximum, restart;
    int64_t restart_at;
    bool restart_value;
};

static int64_t number(const fly_ast_option *option)
{
    return ((const fly_ast_const *)option->value)->value;
}

static fly_status read_option(fly_sql_stmt *stmt, const fly_ast_option *option,
                              fly__sql_sequence *sequence, struct said *said, fly_err *err)
{
    bool has_value = option->value != NULL && option->value->kind == FLY_AST_CONST &&
                     ((const fly_ast_const *)option->value)->type != FLY_AST_CONST_NULL;
    if (strcmp(option->name, "as") == 0) {
        fly__sql_bind_context context = {
            .session = stmt->session, .view = stmt->session->view, .arena = &stmt->line_arena};
        return fly__sql_bind_type(&context, option->value, &sequence->type, err);
    }
    if (strcmp(option->name, "increment") == 0 && has_value) {
        sequence->increment = number(option);
        return sequence->increment == 0
                   ? fly_err_state(err, "22023", option->node.pos, "INCREMENT must not be zero")
                   : FLY_OK;
    }
    if (strcmp(option->name, "minvalue") == 0) {
        said->minimum = has_value;
        sequence->minimum = has_value ? number(option) : sequence->minimum;
    } else if (strcmp(option->name, "maxvalue") == 0) {
        said->maximum = has_value;
        sequence->maximum = has_value ? number(option) : sequence->maximum;
    } else if (strcmp(option->name, "start") == 0 && has_value) {
        said->start = true;
        sequence->start = number(option);
    } else if (strcmp(option->name, "restart") == 0) {
        said->restart = true;
        said->restart_value = has_value;
        said->restart_at = has_value ? number(option) : 0;
    } else if (strcmp(option->name, "cache") == 0 && has_value) {
        sequence->cache = number(option);
        if (sequence->cache <= 0) {
            return fly_err_state(err, "22023", option->node.pos,
                                 "CACHE (%lld) must be greater than zero",
                                 (long long)sequence->cache);
        }
    } else if (strcmp(option->name, "cycle") == 0) {
        sequence->cycle = !has_value || number(option) != 0;
    }
    return FLY_OK;
}

static fly_status check_values(const fly__sql_sequence *sequence, fly_err *err)
{
    const fly__sql_type_info *info = fly__sql_type_info_of(sequence->type.oid);
    if (sequence->type.oid != FLY_SQL_INT2 && sequence->type.oid != FLY_SQL_INT4 &&
        sequence->type.oid != FLY_SQL_INT8) {
        return fly_err_state(err, "22023", 0, "sequence type must be smallint, integer, or bigint");
    }
    if (sequence->maximum > type_max(sequence->type.oid)) {
        return fly_err_state(err, "22023", 0,
                             "MAXVALUE (%lld) is out of range for sequence data type %s",
                             (long long)sequence->maximum, info->sql_name);
    }
    if (sequence->minimum < type_min(sequence->type.oid)) {
        return fly_err_state(err, "22023", 0,
                             "MINVALUE (%lld) is out of range for sequence data type %s",
                             (long long)sequence->minimum, info->sql_name);
    }
    if (sequence->minimum >= sequence->maximum) {
        return fly_err_state(err, "22023", 0, "MINVALUE (%lld) must be less than MAXVALUE (%lld)",
                             (long long)sequence->minimum, (long long)sequence->maximum);
    }
    if (sequence->start < sequence->minimum) {
        return fly_err_state(err, "22023", 0,
                             "START value (%lld) cannot be less than MINVALUE "
                             "(%lld)",
                             (long long)sequence->start, (long long)sequence->minimum);
    }
    if (sequence->start > sequence->maximum) {
        return fly_err_state(err, "22023", 0,
                             "START value (%lld) cannot be greater than MAXVALUE "
                             "(%lld)",
                             (long long)sequence->start, (long long)sequence->maximum);
    }
    return FLY_OK;
}

static fly_status read_options(fly_sql_stmt *stmt, const fly_ast_list *options, bool is_new,
                               fly__sql_sequence *sequence, struct said *said, fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < options->count && status == FLY_OK; i++) {
        status = read_option(stmt, (const fly_ast_option *)options->items[i], sequence, said, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    bool up = sequence->increment > 0;
    if (is_new && !said->minimum) {
        sequence->minimum = up ? 1 : type_min(sequence->type.oid);
    }
    if (is_new && !said->maximum) {
        sequence->maximum = up ? type_max(sequence->type.oid) : -1;
    }
    if (is_new && !said->start) {
        sequence->start = up ? sequence->minimum : sequence->maximum;
    }
    return check_values(sequence, err);
}

fly_status fly__sql_sequence_options(fly_sql_stmt *stmt, const fly_ast_list *options, bool is_new,
                                     fly__sql_sequence *sequence, fly_err *err)
{
    struct said said = {0};
    return read_options(stmt, options, is_new, sequence, &said, err);
}

fly_status fly__sql_sequence_put(fly_sql_session *session, const char *name, uint32_t schema,
                                 const fly__sql_sequence *sequence, fly_err *err)
{
    const fly__sql_column columns[] = {{.name = "last_value", .number = 1, .not_null = true},
                                       {.name = "log_cnt", .number = 2, .not_null = true},
                                       {.name = "is_called", .number = 3, .not_null = true}};
    fly__sql_column own[3];
    memcpy(own, columns, sizeof own);
    own[0].type = fly__sql_type(FLY_SQL_INT8);
    own[1].type = fly__sql_type(FLY_SQL_INT8);
    own[2].type = fly__sql_type(FLY_SQL_BOOL);
    const fly__sql_table *old = fly__sql_table_of(session->view, sequence->oid);
    const fly__sql_table table = {.oid = sequence->oid,
                                  .name = name,
                                  .schema = schema,
                                  .class = FLY__SQL_SEQUENCE,
                                  .owner = old != NULL ? old->owner : session->user_oid,
                                  .temporary = schema == FLY__SQL_SCHEMA_TEMP,
                                  .column_count = 3,
                                  .columns = own,
                                  .populated = true,
                                  .rows = 1};
    fly_status status = fly__sql_change_put(session, FLY__SQL_O_TABLE, &table, err);
    return status == FLY_OK ? fly__sql_change_put(session, FLY__SQL_O_SEQUENCE, sequence, err)
                            : status;
}

/* OWNED BY table.column, or NONE. */
static fly_status set_owner(fly_sql_stmt *stmt, const fly_ast_list *options,
                            fly__sql_sequence *sequence, fly_err *err)
{
    for (uint32_t i = 0; i < options->count; i++) {
        const fly_ast_option *option = (const fly_ast_option *)options->items[i];
        if (strcmp(option->name, "owned_by") != 0 || option->value == NULL ||
            option->value->kind != FLY_AST_COLUMN) {
            continue;
        }
        const fly_ast_column *column = (const fly_ast_column *)option->value;
        if (column->names.count < 2) {
            sequence->owner_table = 0;
            continue;
        }
        fly_ast_names names = {column->names.items, column->names.count - 1};
        const fly__sql_table *table = NULL;
        fly_status status = fly__sql_ddl_named(stmt, &names, column->node.pos, "r", &table, err);
        if (status != FLY_OK) {
            return status;
        }
        uint16_t number = fly__sql_column_named(table, column->names.items[names.count]);
        if (number == 0) {
            return fly_err_state(err, "42703", column->node.pos,
                                 "column \"%s\" of relation \"%s\" does not exist",
                                 column->names.items[names.count], table->name);
        }
        sequence->owner_table = table->oid;
        sequence->owner_column = number;
        fly__sql_table *copy = fly__sql_table_copy(table, 0, &stmt->line_arena);
        if (copy == NULL) {
            return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
        }
        fly__sql_column *columns;
        memcpy(&columns, &copy->columns, sizeof columns);
        columns[number - 1].sequence = sequence->oid;
        status = fly__sql_change_put(stmt->session, FLY__SQL_O_TABLE, copy, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

fly_status fly__sql_create_sequence(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_create_sequence *node = (const fly_ast_create_sequence *)stmt->node;
    const fly_ast_relation *relation = (const fly_ast_relation *)node->relation;
    uint32_t schema = 0;
    fly__sql_ddl_tag(stmt, "CREATE SEQUENCE");
    fly_status status = fly__sql_ddl_schema(stmt, relation->schema,
                                            relation->persistence == FLY_AST_TEMPORARY,
                                            relation->node.pos, &schema, err);
    if (status == FLY_OK) {
        status = fly__sql_ddl_name_free(stmt, schema, relation->name, err);
        if (status != FLY_OK && node->if_not_exists) {
            fly__sql_notice(stmt->session, "NOTICE", "42P07",
                            "relation \"%s\" already exists, skipping", relation->name);
            return FLY_OK;
        }
    }
    fly__sql_sequence sequence = {.oid = fly__sql_change_oid(stmt->session),
                                  .type = fly__sql_type(FLY_SQL_INT8),
                                  .increment = 1,
                                  .cache = 1};
    if (status == FLY_OK) {
        status = fly__sql_sequence_options(stmt, &node->options, true, &sequence, err);
    }
    if (status == FLY_OK) {
        status = set_owner(stmt, &node->options, &sequence, err);
    }
    return status == FLY_OK
               ? fly__sql_sequence_put(stmt->session, relation->name, schema, &sequence, err)
               : status;
}

fly_status fly__sql_alter_sequence(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_alter_sequence *node = (const fly_ast_alter_sequence *)stmt->node;
    const fly__sql_table *table = NULL;
    fly__sql_ddl_tag(stmt, "ALTER SEQUENCE");
    fly_status status =
        fly__sql_ddl_relation(stmt, (const fly_ast_relation *)node->relation, "S", &table, err);
    if (status != FLY_OK && node->if_exists) {
        return FLY_OK;
    }
    if (status != FLY_OK) {
        return status;
    }
    return fly__sql_sequence_alter(stmt, table->oid, &node->options, err);
}

fly_status fly__sql_sequence_alter(fly_sql_stmt *stmt, uint32_t oid, const fly_ast_list *options,
                                   fly_err *err)
{
    fly__sql_sequence sequence = *fly__sql_sequence_of(stmt->session->view, oid);
    struct said said = {0};
    fly_status status = read_options(stmt, options, false, &sequence, &said, err);
    if (status == FLY_OK) {
        status = set_owner(stmt, options, &sequence, err);
    }
    if (status == FLY_OK) {
        status = fly__sql_change_put(stmt->session, FLY__SQL_O_SEQUENCE, &sequence, err);
    }
    if (status == FLY_OK && said.restart) {
        status = fly__sql_sequence_set(stmt->session, sequence.oid,
                                       said.restart_value ? said.restart_at : sequence.start, false,
                                       err);
    }
    return status;
}
