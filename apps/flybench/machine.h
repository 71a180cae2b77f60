/*
 * What the figures were measured on: lines that begin with '#'.
 */
#ifndef FLYBENCH_MACHINE_H
#define FLYBENCH_MACHINE_H

#include <stdint.h>

/** Print processor, memory, kernel, and the file system that `dir` is on. */
void machine_print(const char *dir);

/** Touch memory and give it back, at most half of what is free: on a virtual machine, pages that were
 *  idle for seconds are slow to touch again, and whoever runs first would pay for it. */
void machine_warm(uint64_t bytes);

#endif
