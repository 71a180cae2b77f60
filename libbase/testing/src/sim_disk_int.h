/*
 * What the simulated disk consists of, for the two files that share it: sim_disk.c is the disk as
 * programs see it, sim_disk_control.c as tests do. Private to base-testing.
 */
#ifndef FLY_SIM_DISK_INT_H
#define FLY_SIM_DISK_INT_H

#include <fly/base_hash.h>
#include <fly/base_simdisk.h>

#include <pthread.h>

#include "sim_store_int.h"

enum { FLY__SIM_KINDS = 14, FLY__SIM_HISTORY = 128 };

/* An open file. */
typedef struct fly__sim_handle {
    fly_file file;
    fly_sim_disk *disk;
    fly__sim_inode *inode; /* NULL: a crash has killed it */
    bool writable;
    struct fly__sim_handle *next;
    char path[];
} fly__sim_handle;

/* A call as history remembers it. */
typedef struct fly__sim_line {
    uint64_t number;
    unsigned kind;
    char path[48];
    uint64_t offset, len;
    int64_t result;
} fly__sim_line;

struct fly_sim_disk {
    fly_vfs vfs;
    fly_sim_disk_options options;
    pthread_mutex_t mutex; /* not a fly_mutex: it is no point, and never waited for for long */
    fly__sim_store store;  /* everything from here on: mutex */
    fly_rng rng;
    fly__sim_handle *handles;
    uint64_t generation; /* counts crashes */
    bool off;
    uint64_t calls[FLY__SIM_KINDS];
    uint64_t call_count;
    fly_sim_fault faults[FLY_SIM_FAULTS_MAX];
    size_t fault_count;
    uint64_t strikes;
    void (*watch)(void *ctx, fly_sim_disk *disk, uint64_t call);
    void *watch_ctx;
    fly__sim_line history[FLY__SIM_HISTORY]; /* of call n: at n mod FLY__SIM_HISTORY */
};

/* The disk's vfs, without a disk. */
extern const fly_vfs fly__sim_disk_vfs;

static inline void fly__sim_lock(fly_sim_disk *disk)
{
    (void)pthread_mutex_lock(&disk->mutex);
}

static inline void fly__sim_unlock(fly_sim_disk *disk)
{
    (void)pthread_mutex_unlock(&disk->mutex);
}

#endif
