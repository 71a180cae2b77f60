/*
 * A limit on the memory of a process, its part of the page cache included.
 *
 * Linux keeps such limits in control groups. A limit is a group below the one this process is in, so
 * that whatever limits us still does; it works with cgroup v1 and v2, where the user may make
 * groups. Elsewhere fly_status says FLY_E_UNSUPPORTED and the caller goes on without.
 */
#ifndef FLYBENCH_MEMLIMIT_H
#define FLYBENCH_MEMLIMIT_H

#include <fly/base.h>

/** A group. */
typedef struct memlimit {
    char path[1024];
    int version; /**< of the control groups: 1 or 2 */
} memlimit;

/** Make a group with a limit. FLY_E_UNSUPPORTED if that is not possible here. */
FLY_MUST_USE fly_status memlimit_create(memlimit *limit, uint64_t bytes, fly_err *err);

/** Put the calling process into the group. */
FLY_MUST_USE fly_status memlimit_enter(const memlimit *limit, fly_err *err);

/** The most memory that the group ever used; 0 if the system does not tell. */
uint64_t memlimit_peak(const memlimit *limit);

/** Remove a group whose processes have ended. */
void memlimit_destroy(const memlimit *limit);

#endif
