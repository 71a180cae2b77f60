/*
 * The temporary file of an instance: where rows go that the query has no memory for.
 *
 * It is made when the first piece is written and removed when the instance is closed. Space is given
 * out from front to back and never taken back before that: pieces are large, and live about as long as
 * the operator that wrote them.
 *
 * What is not here: which rows go (rows.c, and the operators).
 */
#include "exec/op_int.h"
#include "session/engine_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct fly__sql_spill {
    fly_file *file;
    uint64_t end;
    char path[];
};

/* Beside the databases' own directories, under a name that no database can have. */
fly_status fly__sql_temp_dir(fly_sql_session *session, char *path, size_t size, fly_err *err)
{
    const char *base = session->sql != NULL ? session->sql->path : ".";
    (void)snprintf(path, size, "%s/.tmp", base);
    fly_status status = fly_vfs_make_dir(session->env->vfs, path, err);
    return status == FLY_E_EXISTS ? FLY_OK : status;
}

static fly_status spill_open(fly__sql_exec *exec, fly_err *err)
{
    char dir[512];
    fly_status status = fly__sql_temp_dir(exec->session, dir, sizeof dir, err);
    if (status != FLY_OK) {
        return status;
    }
    size_t size = strlen(dir) + 64;
    fly__sql_spill *spill = fly__sql_alloc(&exec->run, 1, sizeof *spill + size, err);
    if (spill == NULL) {
        return FLY_E_NO_MEMORY;
    }
    /* Two random words: temporary files of other sessions and of crashed runs have other names. */
    (void)snprintf(spill->path, size, "%s/spill-%016" PRIx64, dir,
                   fly_env_random_u64(exec->session->env) ^ (uint64_t)(uintptr_t)exec);
    status = fly_file_open(exec->session->env->vfs, spill->path,
                           FLY_OPEN_WRITE | FLY_OPEN_CREATE | FLY_OPEN_EXCLUSIVE, &spill->file,
                           err);
    if (status == FLY_OK) {
        exec->spill = spill;
    }
    return status;
}

fly_status fly__sql_spill_write(fly__sql_exec *exec, const void *data, size_t len, uint64_t *offset,
                                fly_err *err)
{
    fly_status status = exec->spill != NULL ? FLY_OK : spill_open(exec, err);
    if (status != FLY_OK) {
        return fly_err_prefix(err, status, "make a temporary file");
    }
    *offset = exec->spill->end;
    status = fly_file_write(exec->spill->file, *offset, data, len, 0, err);
    if (status == FLY_OK) {
        exec->spill->end += len;
    }
    return status;
}

fly_status fly__sql_spill_read(fly__sql_exec *exec, uint64_t offset, void *data, size_t len,
                               fly_err *err)
{
    FLY_ASSERT(exec->spill != NULL);
    return fly_file_read(exec->spill->file, offset, data, len, err);
}

void fly__sql_spill_close(fly__sql_exec *exec)
{
    fly__sql_spill *spill = exec->spill;
    if (spill == NULL) {
        return;
    }
    fly_file_abandon(spill->file);
    /* A file that stays is litter and no harm: the next start of the database removes it. */
    if (fly_vfs_remove(exec->session->env->vfs, spill->path, NULL) != FLY_OK) {
        fly_log(exec->session->env, FLY_LOG_WARNING, "could not remove \"%s\"", spill->path);
    }
    exec->spill = NULL;
}
