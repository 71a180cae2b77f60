/* How patient libbase's own spin loops are. Private to libbase. */
#ifndef FLY_SCHED_INT_H
#define FLY_SCHED_INT_H

/* Some microseconds: what a page latch is usually held for. Longer waits are for I/O: park. */
enum { FLY__SPINS = 64 };

#endif
