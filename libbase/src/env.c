/*
 * The real world, gathered into a fly_env, and log lines.
 */
#define _GNU_SOURCE
#include <fly/base_env.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static uint64_t system_wall_time(fly_env *env)
{
    (void)env;
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static fly_status system_random(fly_env *env, void *buffer, size_t len, fly_err *err)
{
    (void)env;
    uint8_t *at = buffer;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return fly_err_os(err, FLY_E_IO, errno, "could not get %zu random bytes", len);
        }
        at += got;
        len -= (size_t)got;
    }
    return FLY_OK;
}

static const char *const level_names[] = {"debug", "info", "warning", "error"};

static void log_to_stderr(fly_env *env, fly_log_level level, const char *line)
{
    (void)env;
    (void)fprintf(stderr, "fly: %s: %s\n", level_names[level], line);
}

void fly_env_init(fly_env *env)
{
    *env = (fly_env){
        .vfs = fly_vfs_posix(),
        .mem = fly_mem_system(),
        .sched = fly_sched_os(),
        .wall_time = system_wall_time,
        .random = system_random,
        .log = log_to_stderr,
        .log_level = FLY_LOG_WARNING,
    };
}

void fly_log(fly_env *env, fly_log_level level, const char *format, ...)
{
    if (env->log == NULL || level < env->log_level) {
        return;
    }
    char line[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    env->log(env, level, line);
}

uint64_t fly_env_random_u64(fly_env *env)
{
    uint64_t x = 0;
    if (env->random(env, &x, sizeof x, NULL) != FLY_OK) {
        return 0;
    }
    return x != 0 ? x : 1;
}
