/*
 * What rights a statement needs: collected while it is bound, decided when all names have been found, as
 * PostgreSQL does, so that who misspells a column hears about that first.
 *
 * Each relation that is named has an entry for the role whose rights count: the user, or inside of a view
 * the view's owner. Superusers have none, and cost nothing. A plan is good only for the user that it was
 * bound for and for these roles and lists, so it is not asked again when it runs.
 */
#include "bind/bind_modify_int.h"

#include "catalog/right_int.h"
#include "catalog/system_int.h"

struct fly__sql_need {
    struct fly__sql_need *next;
    const fly__sql_table *table;
    const fly__sql_user_function *function; /* instead */
    uint32_t user;
    uint32_t rights;
    uint8_t *columns[3]; /* by attnum: to select, insert, update; NULL: none */
};

enum { SELECTED, INSERTED, UPDATED };

static fly__sql_need *add(fly__sql_binder *b)
{
    fly__sql_need *need = fly__sql_bind_alloc(b, sizeof *need);
    if (need != NULL) {
        need->user = b->user;
        *b->last_need = need;
        b->last_need = &need->next;
    }
    return need;
}

bool fly__sql_bind_need(fly__sql_binder *b, const fly__sql_table *table, uint32_t rights,
                        fly__sql_need **found)
{
    *found = NULL;
    if (b->session == NULL || b->context->unasked || fly__sql_is_superuser(b->session, b->user)) {
        return true;
    }
    fly__sql_need *need = b->needs;
    while (need != NULL && (need->table != table || need->user != b->user)) {
        need = need->next;
    }
    if (need == NULL) {
        need = add(b);
        if (need == NULL) {
            return false;
        }
        need->table = table;
    }
    need->rights |= rights;
    *found = need;
    return true;
}

bool fly__sql_bind_need_function(fly__sql_binder *b, const fly__sql_user_function *function)
{
    if (b->session == NULL || b->context->unasked ||
        fly__sql_is_superuser(b->session, b->session->user_oid)) {
        return true;
    }
    fly__sql_need *need = add(b);
    if (need != NULL) {
        need->function = function;
        need->user = b->session->user_oid; /* in a view, too: as PostgreSQL has it */
    }
    return need != NULL;
}

bool fly__sql_bind_need_column(fly__sql_binder *b, fly__sql_need *need, uint16_t number,
                               uint32_t right)
{
    int kind = right == FLY__SQL_MAY_SELECT   ? SELECTED
               : right == FLY__SQL_MAY_INSERT ? INSERTED
                                              : UPDATED;
    if (need == NULL) {
        return true;
    }
    if (need->columns[kind] == NULL) {
        need->columns[kind] = fly__sql_bind_alloc(b, need->table->column_count + 2u);
        if (need->columns[kind] == NULL) {
            return false;
        }
    }
    need->rights |= right;
    need->columns[kind][number] = 1;
    return true;
}

bool fly__sql_bind_need_item(fly__sql_binder *b, fly__sql_need *need, uint32_t index)
{
    return index >= need->table->column_count ||
           fly__sql_bind_need_column(b, need, need->table->columns[index].number,
                                     FLY__SQL_MAY_SELECT);
}

/* ------------------------------------------------------------------------ deciding */

/* Whether one of the columns has the right; if some are named, whether all have it. */
static bool by_columns(fly__sql_binder *b, const fly__sql_need *need,
                       const fly__sql_secured *object, uint32_t right, const uint8_t *columns)
{
    bool any = false;
    for (uint16_t i = 0; i < need->table->column_count; i++) {
        uint16_t number = need->table->columns[i].number;
        if (need->table->columns[i].dropped || (columns != NULL && columns[number] == 0)) {
            continue;
        }
        uint32_t has = fly__sql_rights(b->session, b->view, need->user, object, number, false);
        any = any || (has & right) != 0;
        if (columns != NULL && (has & right) == 0) {
            return false;
        }
    }
    return any;
}

static bool is_met(fly__sql_binder *b, const fly__sql_need *need, const fly__sql_secured *object)
{
    static const uint32_t rights[] = {FLY__SQL_MAY_SELECT, FLY__SQL_MAY_INSERT,
                                      FLY__SQL_MAY_UPDATE};
    uint32_t has = fly__sql_rights(b->session, b->view, need->user, object, 0, false);
    uint32_t missing = need->rights & ~has;
    for (int i = 0; i < 3; i++) {
        if ((missing & rights[i]) != 0 &&
            by_columns(b, need, object, rights[i], need->columns[i])) {
            missing &= ~rights[i];
        }
    }
    return missing == 0;
}

bool fly__sql_bind_check_needs(fly__sql_binder *b)
{
    for (const fly__sql_need *need = b->needs; need != NULL; need = need->next) {
        if (need->table == NULL) {
            continue;
        }
        const fly__sql_secured object = fly__sql_secured_table(need->table);
        if (!is_met(b, need, &object)) {
            return fly__sql_bind_fail(b, "42501", 0, "permission denied for %s %s", object.kind,
                                      object.name) != NULL;
        }
    }
    for (const fly__sql_need *need = b->needs; need != NULL; need = need->next) {
        if (need->function == NULL) {
            continue;
        }
        const fly__sql_secured object = fly__sql_secured_function(need->function);
        if (fly__sql_rights(b->session, b->view, need->user, &object, 0, false) == 0) {
            return fly__sql_bind_fail(b, "42501", 0, "permission denied for %s %s", object.kind,
                                      object.name) != NULL;
        }
    }
    return true;
}
