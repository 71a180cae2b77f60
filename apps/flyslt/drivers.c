/*
 * The drivers that this build has. CMake defines FLYSLT_<NAME> for each.
 */
#include "driver.h"

#include <string.h>

#ifdef FLYSLT_FLYDB
#define FLYDB &slt_driver_flydb,
#define FLYDB_NAME " flydb"
#else
#define FLYDB
#define FLYDB_NAME
#endif
#ifdef FLYSLT_SQLITE
#define SQLITE &slt_driver_sqlite,
#define SQLITE_NAME " sqlite"
#else
#define SQLITE
#define SQLITE_NAME
#endif
#ifdef FLYSLT_POSTGRES
#define POSTGRES &slt_driver_postgres,
#define POSTGRES_NAME " postgres"
#else
#define POSTGRES
#define POSTGRES_NAME
#endif

static const slt_driver *const drivers[] = {FLYDB SQLITE POSTGRES NULL};

const slt_driver *slt_driver_find(const char *name)
{
    for (size_t i = 0; drivers[i] != NULL; i++) {
        if (strcmp(drivers[i]->name, name) == 0) {
            return drivers[i];
        }
    }
    return NULL;
}

const char *slt_driver_names(void)
{
    return "" FLYDB_NAME SQLITE_NAME POSTGRES_NAME;
}
