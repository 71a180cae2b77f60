/*
 * zstd for the payloads of a log.
 *
 * zstd's contexts serve one thread at a time and cost more to make than a payload to compress, so
 * they are kept for the next one who needs one. There are as many as threads ever needed one at a
 * time.
 *
 * Compressing that fails for want of memory is not an error: the payload is stored as it is.
 */
#include <fly/wal_zstd.h>

#include <zstd.h>

struct worker {
    struct worker *next;
    ZSTD_CCtx *compress;
    ZSTD_DCtx *decompress;
};

struct zstd {
    fly_wal_compressor compressor; /* first */
    fly_env *env;
    int level;
    fly_mutex mutex;
    struct worker *idle; /* mutex */
};

/* The compressor is the caller's to look at and ours to change. */
static struct zstd *zstd_of(const fly_wal_compressor *compressor)
{
    return (struct zstd *)(uintptr_t)compressor;
}

static void worker_destroy(struct zstd *zstd, struct worker *worker)
{
    (void)ZSTD_freeCCtx(worker->compress);
    (void)ZSTD_freeDCtx(worker->decompress);
    fly_mem_free(zstd->env->mem, worker, sizeof *worker);
}

static struct worker *worker_create(struct zstd *zstd)
{
    struct worker *made = fly_mem_alloc(zstd->env->mem, sizeof *made);
    if (made == NULL) {
        return NULL;
    }
    *made = (struct worker){.compress = ZSTD_createCCtx(), .decompress = ZSTD_createDCtx()};
    if (made->compress == NULL || made->decompress == NULL) {
        worker_destroy(zstd, made);
        return NULL;
    }
    return made;
}

static struct worker *worker_take(struct zstd *zstd)
{
    fly_mutex_lock(&zstd->mutex);
    struct worker *worker = zstd->idle;
    if (worker != NULL) {
        zstd->idle = worker->next;
    }
    fly_mutex_unlock(&zstd->mutex);
    return worker != NULL ? worker : worker_create(zstd);
}

static void worker_give(struct zstd *zstd, struct worker *worker)
{
    fly_mutex_lock(&zstd->mutex);
    worker->next = zstd->idle;
    zstd->idle = worker;
    fly_mutex_unlock(&zstd->mutex);
}

static size_t compress(const fly_wal_compressor *compressor, const uint8_t *in, size_t len,
                       uint8_t *out, size_t room)
{
    struct zstd *zstd = zstd_of(compressor);
    struct worker *worker = worker_take(zstd);
    if (worker == NULL) {
        return 0;
    }
    size_t size = ZSTD_compressCCtx(worker->compress, out, room, in, len, zstd->level);
    worker_give(zstd, worker);
    return ZSTD_isError(size) ? 0 : size;
}

static fly_status decompress(const fly_wal_compressor *compressor, const uint8_t *in, size_t size,
                             uint8_t *out, size_t len, fly_err *err)
{
    struct zstd *zstd = zstd_of(compressor);
    struct worker *worker = worker_take(zstd);
    if (worker == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to decompress");
    }
    size_t got = ZSTD_decompressDCtx(worker->decompress, out, len, in, size);
    worker_give(zstd, worker);
    if (ZSTD_isError(got)) {
        return fly_err_set(err, FLY_E_CORRUPT, "it does not decompress: %s",
                           ZSTD_getErrorName(got));
    }
    if (got != len) {
        return fly_err_set(err, FLY_E_CORRUPT, "it decompresses to %zu bytes instead of %zu", got,
                           len);
    }
    return FLY_OK;
}

fly_status fly_wal_zstd_create(fly_env *env, const fly_wal_zstd_options *options,
                               fly_wal_compressor **compressor, fly_err *err)
{
    static const fly_wal_zstd_options defaults = {0};
    options = options != NULL ? options : &defaults;
    int level = options->level != 0 ? options->level : (int)FLY_WAL_ZSTD_LEVEL_DEFAULT;
    if (level < ZSTD_minCLevel() || level > ZSTD_maxCLevel()) {
        return fly_err_set(err, FLY_E_INVALID, "zstd has levels %d to %d, and not %d",
                           ZSTD_minCLevel(), ZSTD_maxCLevel(), level);
    }
    struct zstd *made = fly_mem_calloc(env->mem, 1, sizeof *made);
    if (made == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory to compress a log");
    }
    made->compressor = (fly_wal_compressor){
        .threshold = options->threshold != 0 ? options->threshold
                                             : (uint32_t)FLY_WAL_ZSTD_THRESHOLD_DEFAULT,
        .compress = compress,
        .decompress = decompress,
    };
    made->env = env;
    made->level = level;
    fly_mutex_init(&made->mutex, "log compression", FLY_RANK_LEAF);
    *compressor = &made->compressor;
    return FLY_OK;
}

void fly_wal_zstd_destroy(fly_wal_compressor *compressor)
{
    if (compressor == NULL) {
        return;
    }
    struct zstd *zstd = zstd_of(compressor);
    while (zstd->idle != NULL) {
        struct worker *worker = zstd->idle;
        zstd->idle = worker->next;
        worker_destroy(zstd, worker);
    }
    fly_mutex_deinit(&zstd->mutex);
    fly_mem_free(zstd->env->mem, zstd, sizeof *zstd);
}
