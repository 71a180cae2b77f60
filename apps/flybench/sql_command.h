/*
 * `flybench sql`: the same statements on FlyDB and on SQLite.
 */
#ifndef FLYBENCH_SQL_COMMAND_H
#define FLYBENCH_SQL_COMMAND_H

/** Run the subcommand; returns an exit status. */
int sql_main(int argc, char **argv);

#endif
