/*
 * Types made by users: enums, composites, domains.
 */
#include "session/ddl_int.h"

#include "catalog/change_int.h"
#include "catalog/right_int.h"

#include <string.h>

static const char *last_name(const fly_ast_names *names)
{
    return names->items[names->count - 1];
}

/* A new type's OIDs and schema; 42710 if there is one of that name. */
static fly_status begin_type(fly_sql_stmt *stmt, const fly_ast_names *names, char kind,
                             fly__sql_user_type *type, fly_err *err)
{
    fly_sql_session *session = stmt->session;
    const char *schema = names->count > 1 ? names->items[names->count - 2] : NULL;
    memset(type, 0, sizeof *type);
    fly_status status =
        fly__sql_ddl_schema(stmt, schema, false, stmt->node->pos, &type->schema, err);
    if (status != FLY_OK) {
        return status;
    }
    const char *in = fly__sql_schema_of(session->view, type->schema)->name;
    if (fly__sql_user_type_named(session->view, in, last_name(names)) != NULL) {
        return fly_err_state(err, "42710", 0, "type \"%s\" already exists", last_name(names));
    }
    type->oid = fly__sql_change_oid(session);
    type->array_oid = fly__sql_change_oid(session);
    type->owner = session->user_oid;
    type->name = last_name(names);
    type->kind = kind;
    return FLY_OK;
}

static fly_status create_enum(fly_sql_stmt *stmt, const fly_ast_create_type *node, fly_err *err)
{
    fly__sql_user_type type;
    fly_status status = begin_type(stmt, &node->name, 'e', &type, err);
    fly__sql_enum_label *labels =
        fly__sql_ddl_alloc(stmt, (node->labels.count + 1u) * sizeof *labels, err);
    if (status != FLY_OK || labels == NULL) {
        return status == FLY_OK ? FLY_E_NO_MEMORY : status;
    }
    if (node->labels.count > INT16_MAX) {
        return fly_err_state(err, "54000", 0, "an enum can have at most %d labels", INT16_MAX);
    }
    for (uint32_t i = 0; i < node->labels.count; i++) {
        const fly_ast_const *label = (const fly_ast_const *)node->labels.items[i];
        labels[i] = (fly__sql_enum_label){.value = (int32_t)i + 1,
                                          .sort = (float)(i + 1),
                                          .label = (const char *)label->text.data};
        if (label->text.len > FLY__SQL_NAME_MAX) {
            return fly_err_state(err, "42602", label->node.pos, "invalid enum label \"%s\"",
                                 labels[i].label);
        }
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(labels[k].label, labels[i].label) == 0) {
                return fly_err_state(err, "42710", label->node.pos,
                                     "enum label \"%s\" used more than once", labels[i].label);
            }
        }
    }
    type.labels = labels;
    type.label_count = (uint16_t)node->labels.count;
    return fly__sql_change_put(stmt->session, FLY__SQL_O_TYPE, &type, err);
}

static fly_status create_composite(fly_sql_stmt *stmt, const fly_ast_create_type *node,
                                   fly_err *err)
{
    fly_sql_session *session = stmt->session;
    fly__sql_user_type type;
    fly__sql_table_draft draft;
    fly_status status = begin_type(stmt, &node->name, 'c', &type, err);
    if (status == FLY_OK) {
        status = fly__sql_ddl_name_free(stmt, type.schema, type.name, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    const fly__sql_table table = {.oid = fly__sql_change_oid(session),
                                  .name = type.name,
                                  .schema = type.schema,
                                  .class = FLY__SQL_COMPOSITE,
                                  .owner = session->user_oid,
                                  .row_type = type.oid,
                                  .populated = true};
    status = fly__sql_draft_begin(stmt, &table, &draft, err);
    draft.is_new = true;
    for (uint32_t i = 0; i < node->attributes.count && status == FLY_OK; i++) {
        status = fly__sql_draft_column(&draft,
                                       (const fly_ast_column_def *)node->attributes.items[i], err);
    }
    if (status == FLY_OK) {
        status = fly__sql_draft_put(&draft, err);
    }
    type.table = table.oid;
    return status == FLY_OK ? fly__sql_change_put(session, FLY__SQL_O_TYPE, &type, err) : status;
}

fly_status fly__sql_create_type(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_create_type *node = (const fly_ast_create_type *)stmt->node;
    fly__sql_ddl_tag(stmt, "CREATE TYPE");
    switch (node->type) {
    case FLY_AST_TYPE_ENUM:
        return create_enum(stmt, node, err);
    case FLY_AST_TYPE_COMPOSITE:
        return create_composite(stmt, node, err);
    default:
        return fly_err_state(err, "0A000", stmt->node->pos,
                             "range, base and shell types are not supported");
    }
}

/* --------------------------------------------------------------------- enums */

static const fly__sql_enum_label *label_named(const fly__sql_user_type *type, const char *label)
{
    for (uint16_t i = 0; i < type->label_count; i++) {
        if (strcmp(type->labels[i].label, label) == 0) {
            return &type->labels[i];
        }
    }
    return NULL;
}

static const char *text_of(const fly_ast *node)
{
    return (const char *)((const fly_ast_const *)node)->text.data;
}

static fly_status no_label(const char *label, fly_err *err)
{
    return fly_err_state(err, "22023", 0, "\"%s\" is not an existing enum label", label);
}

/* The place of a new label among the others, as an order between its neighbours'. */
static fly_status place_label(const fly__sql_user_type *type, const fly_ast_alter_enum *node,
                              uint16_t *at, float *sort, fly_err *err)
{
    *at = type->label_count;
    *sort = type->label_count == 0 ? 1 : type->labels[type->label_count - 1].sort + 1;
    if (node->neighbour == NULL) {
        return FLY_OK;
    }
    const fly__sql_enum_label *neighbour = label_named(type, text_of(node->neighbour));
    if (neighbour == NULL) {
        return no_label(text_of(node->neighbour), err);
    }
    *at = (uint16_t)(neighbour - type->labels + (node->after ? 1 : 0));
    if (*at == type->label_count) {
        return FLY_OK;
    }
    float above = type->labels[*at].sort;
    float below = *at == 0 ? above - 2 : type->labels[*at - 1].sort;
    *sort = below + (above - below) / 2;
    if (*sort <= below || *sort >= above) {
        return fly_err_state(err, "54000", 0, "no room is left between two labels of \"%s\"",
                             type->name);
    }
    return FLY_OK;
}

fly_status fly__sql_alter_enum(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_alter_enum *node = (const fly_ast_alter_enum *)stmt->node;
    fly__sql_ddl_tag(stmt, "ALTER TYPE");
    const fly__sql_user_type *type = fly__sql_user_type_named(
        stmt->session->view, node->name.count > 1 ? node->name.items[0] : NULL,
        last_name(&node->name));
    if (type == NULL || type->kind != 'e') {
        return fly_err_state(err, "42704", 0, "type \"%s\" does not exist", last_name(&node->name));
    }
    const fly__sql_secured secured = fly__sql_secured_type(type);
    fly_status owns = fly__sql_need_owner(stmt->session, &secured, err);
    if (owns != FLY_OK) {
        return owns;
    }
    fly__sql_user_type changed = *type;
    fly__sql_enum_label *labels =
        fly__sql_ddl_alloc(stmt, (type->label_count + 1u) * sizeof *labels, err);
    if (labels == NULL) {
        return FLY_E_NO_MEMORY;
    }
    memcpy(labels, type->labels, type->label_count * sizeof *labels);
    changed.labels = labels;
    const char *label = text_of(node->label);
    if (label_named(type, label) != NULL) {
        if (node->if_not_exists) {
            fly__sql_notice(stmt->session, "NOTICE", "42710",
                            "enum label \"%s\" already exists, skipping", label);
            return FLY_OK;
        }
        return fly_err_state(err, "42710", 0, "enum label \"%s\" already exists", label);
    }
    if (node->old_label != NULL) {
        const fly__sql_enum_label *old = label_named(type, text_of(node->old_label));
        if (old == NULL) {
            return no_label(text_of(node->old_label), err);
        }
        labels[old - type->labels].label = label;
        return fly__sql_change_put(stmt->session, FLY__SQL_O_TYPE, &changed, err);
    }
    uint16_t at = 0;
    float sort = 0;
    fly_status status = place_label(type, node, &at, &sort, err);
    if (status != FLY_OK) {
        return status;
    }
    int32_t value = 0;
    for (uint16_t i = 0; i < type->label_count; i++) {
        value = labels[i].value > value ? labels[i].value : value;
    }
    memmove(labels + at + 1, labels + at, (type->label_count - at) * sizeof *labels);
    labels[at] = (fly__sql_enum_label){.value = value + 1, .sort = sort, .label = label};
    changed.label_count++;
    return fly__sql_change_put(stmt->session, FLY__SQL_O_TYPE, &changed, err);
}

/* ------------------------------------------------------------------- domains */

fly_status fly__sql_create_domain(fly_sql_stmt *stmt, fly_err *err)
{
    const fly_ast_create_domain *node = (const fly_ast_create_domain *)stmt->node;
    fly__sql_user_type type;
    fly__sql_ddl_tag(stmt, "CREATE DOMAIN");
    fly_status status = begin_type(stmt, &node->name, 'd', &type, err);
    uint32_t count = node->constraints.count;
    const char **checks = fly__sql_ddl_alloc(stmt, (count + 1) * sizeof *checks, err);
    const char **names = fly__sql_ddl_alloc(stmt, (count + 1) * sizeof *names, err);
    if (status != FLY_OK || checks == NULL || names == NULL) {
        return status == FLY_OK ? FLY_E_NO_MEMORY : status;
    }
    fly__sql_bind_context context = {
        .session = stmt->session, .view = stmt->session->view, .arena = &stmt->line_arena};
    status = fly__sql_bind_type(&context, node->type, &type.base, err);
    for (uint32_t i = 0; i < count && status == FLY_OK; i++) {
        const fly_ast_constraint *constraint =
            (const fly_ast_constraint *)node->constraints.items[i];
        const char *text =
            constraint->expr == NULL ? NULL : fly__sql_ddl_text(stmt, constraint->expr, err);
        if (constraint->expr != NULL && text == NULL) {
            return FLY_E_NO_MEMORY;
        }
        if (constraint->type == FLY_AST_CONSTRAINT_NOT_NULL) {
            type.not_null = true;
        } else if (constraint->type == FLY_AST_CONSTRAINT_DEFAULT) {
            type.default_text = text;
        } else if (constraint->type == FLY_AST_CONSTRAINT_CHECK) {
            checks[type.check_count] = text;
            names[type.check_count] = constraint->name;
            if (constraint->name == NULL && type.check_count == 0) {
                names[0] = fly__sql_ddl_format(stmt, err, "%s_check", type.name);
            } else if (constraint->name == NULL) {
                names[type.check_count] = fly__sql_ddl_format(stmt, err, "%s_check%u", type.name,
                                                              (unsigned)type.check_count);
            }
            if (names[type.check_count++] == NULL) {
                return FLY_E_NO_MEMORY;
            }
        }
    }
    type.checks = checks;
    type.check_names = names;
    return status == FLY_OK ? fly__sql_change_put(stmt->session, FLY__SQL_O_TYPE, &type, err)
                            : status;
}
