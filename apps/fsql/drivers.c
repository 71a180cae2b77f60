/* The table of drivers: those that take a target for theirs by its looks before the one that takes all. */
#include "driver.h"

static const fsql_driver *const drivers[] = {
#ifdef FSQL_POSTGRES
    &fsql_driver_postgres,
#endif
#ifdef FSQL_FLYD
    &fsql_driver_flyd,
#endif
#ifdef FSQL_EMBEDDED
    &fsql_driver_embedded,
#endif
    NULL,
};

const fsql_driver *fsql_driver_at(size_t index)
{
    return drivers[index];
}

const fsql_driver *fsql_driver_for(const fsql_target *target)
{
    for (size_t i = 0; drivers[i] != NULL; i++) {
        if (drivers[i]->accepts(target)) {
            return drivers[i];
        }
    }
    return NULL;
}
