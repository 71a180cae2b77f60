/*
 * Names of conditions and their SQLSTATEs.
 */
#include "pl/pl_int.h"

#include <string.h>

static const struct {
    const char *name;
    const char *sqlstate;
} conditions[] = {
#define CONDITION(name, sqlstate) {#name, sqlstate},
#include "pl/condition.def"
#undef CONDITION
};

const char *fly__sql_pl_condition(const char *name, size_t *at)
{
    while (*at < sizeof conditions / sizeof conditions[0]) {
        size_t i = (*at)++;
        if (strcmp(conditions[i].name, name) == 0) {
            return conditions[i].sqlstate;
        }
    }
    return NULL;
}
