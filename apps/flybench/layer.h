/*
 * One layer alone.
 */
#ifndef FLYBENCH_LAYER_H
#define FLYBENCH_LAYER_H

/** Become the program that times `layer`. `argv` is what it is given, its name first. Returns an exit
 *  status only if that program is not there. */
int layer_main(const char *layer, char **argv);

#endif
