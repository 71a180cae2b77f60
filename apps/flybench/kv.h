/*
 * `flybench kv`: key-value stores side by side.
 */
#ifndef FLYBENCH_KV_H
#define FLYBENCH_KV_H

/** Run the subcommand with the arguments after its name; the result is the exit status. */
int kv_main(int argc, char **argv);

#endif
