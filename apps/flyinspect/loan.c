/*
 * Locking and copying.
 *
 * Two files are locked, as by whoever opens a store: `lock` and `data.db` itself. Neither is made if
 * it is not there: somebody may have moved the files here without it.
 */
#include "loan.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const lock_names[] = {"lock", "data.db"};

enum { LOCKS = sizeof lock_names / sizeof lock_names[0] };

fly_status inspect_path(const inspect_loan *loan, const char *name, char path[FLY_PATH_MAX],
                        fly_err *err)
{
    return fly_path_join(path, FLY_PATH_MAX, loan->dir, name, err);
}

static fly_status take_lock(inspect_loan *loan, int which, fly_err *err)
{
    char path[FLY_PATH_MAX];
    fly_status status = inspect_path(loan, lock_names[which], path, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_err story = {0};
    status = fly_file_open(fly_vfs_posix(), path, FLY_OPEN_WRITE, &loan->locks[which], &story);
    if (status == FLY_OK) {
        status = fly_file_lock(loan->locks[which], &story);
    }
    if (status == FLY_E_LOCKED && err != NULL) {
        *err = story;
        fly_err_hint(err, "only a store that no process has open can be inspected");
    }
    if (status != FLY_OK && status != FLY_E_LOCKED && status != FLY_E_NOT_FOUND) {
        (void)fprintf(stderr, "flyinspect: not locked, see to it that nobody writes: %s\n",
                      story.message);
    }
    return status == FLY_E_LOCKED ? status : FLY_OK;
}

/* The world with the operating system's files replaced by a copy of the store's. */
static fly_status make_copy(inspect_loan *loan, fly_err *err)
{
    fly_vfs *copy = fly_vfs_mem_create(loan->env.mem);
    if (copy == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to look at \"%s\"", loan->dir);
    }
    loan->env.vfs = copy;
    return fly_vfs_mem_graft(copy, fly_vfs_posix(), loan->dir, err);
}

static void drop_copy(inspect_loan *loan)
{
    if (loan->env.vfs != fly_vfs_posix()) {
        fly_vfs_destroy(loan->env.vfs);
        loan->env.vfs = fly_vfs_posix();
    }
}

fly_status inspect_borrow(inspect_loan *loan, const char *dir, fly_err *err)
{
    *loan = (inspect_loan){.dir = dir};
    fly_env_init(&loan->env);
    loan->env.log_level = FLY_LOG_ERROR; /* what recovery repairs in the copy is no news */
    char path[FLY_PATH_MAX];
    fly_status status = inspect_path(loan, "data.db", path, err);
    if (status == FLY_OK && !fly_vfs_exists(fly_vfs_posix(), path)) {
        status = fly_err_set(err, FLY_E_NOT_FOUND, "there is no readable \"%s\"", path);
    }
    for (int i = 0; i < LOCKS && status == FLY_OK; i++) {
        status = take_lock(loan, i, err);
    }
    if (status == FLY_OK) {
        status = make_copy(loan, err);
    }
    if (status != FLY_OK) {
        inspect_return(loan);
    }
    return status;
}

fly_status inspect_borrow_again(inspect_loan *loan, fly_err *err)
{
    drop_copy(loan);
    return make_copy(loan, err);
}

void inspect_return(inspect_loan *loan)
{
    drop_copy(loan);
    for (int i = 0; i < LOCKS; i++) {
        fly_file_abandon(loan->locks[i]);
        loan->locks[i] = NULL;
    }
}

fly_status inspect_open_store(inspect_loan *loan, fly_store **store, fly_err *err)
{
    fly_store_options options = {.manual = true, .buffered = true};
    return fly_store_open(&loan->env, loan->dir, &options, store, err);
}
