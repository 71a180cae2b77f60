/*
 * Functions of SQL that only a server has.
 */
#ifndef FLYD_FUNCTIONS_H
#define FLYD_FUNCTIONS_H

#include "server.h"

/* Register them with the engine. */
FLY_MUST_USE fly_status flyd_functions_register(flyd_server *server, fly_err *err);

#endif
