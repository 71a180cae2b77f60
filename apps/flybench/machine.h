/*
 * What the figures were measured on: lines that begin with '#'.
 */
#ifndef FLYBENCH_MACHINE_H
#define FLYBENCH_MACHINE_H

/** Print processor, memory, kernel, and the file system that `dir` is on. */
void machine_print(const char *dir);

#endif
