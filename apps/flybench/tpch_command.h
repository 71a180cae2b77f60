/*
 * `flybench tpch`: the tables of TPC-H, as files or through a pipe.
 */
#ifndef FLYBENCH_TPCH_COMMAND_H
#define FLYBENCH_TPCH_COMMAND_H

/** Run the subcommand; returns an exit status. */
int tpch_main(int argc, char **argv);

#endif
