/*
 * Fronts: the protocols that clients speak, each at its port.
 */
#ifndef FLYD_FRONTS_H
#define FLYD_FRONTS_H

#include "server.h"

/* Listen at all addresses and ports of the settings and start; server->ports says where. */
FLY_MUST_USE fly_status flyd_fronts_open(flyd_server *server, const flyd_settings *settings,
                                         fly_err *err);
FLY_MUST_USE fly_status flyd_fronts_reload(flyd_server *server, const flyd_settings *settings,
                                           fly_err *err);
void flyd_fronts_tick(flyd_server *server); /* now and then */
bool flyd_fronts_drain(flyd_server *server, int ms);
/* Tell what INSPECT STATUS, or without `status` INSPECT SERVER, shows. */
void flyd_fronts_inspect(const flyd_server *server, bool status, fly_sql_tell *tell, void *to);
void flyd_fronts_close(flyd_server *server);

#endif
