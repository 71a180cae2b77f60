/*
 * Directory, lock, limits, ready file, service manager.
 *
 * Source: sd_notify(3), "the protocol is stable and may be implemented without the library"; Pillai
 * et al., OSDI 2014, for how a file gets its name.
 */
#define _GNU_SOURCE

#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Databases are directories beside it; a name that begins with a point is none (libsql). */
#define LOCK_NAME ".flyd.lock"

/* ------------------------------------------------------------------- data directory */

/* Parents too: /var/lib/flydb/a. Only the last is ours, the others get the usual mode. */
static fly_status make_directories(const char *path, fly_err *err)
{
    char part[FLY_PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part) {
        return fly_err_set(err, FLY_E_INVALID, "data_dir has %zu bytes: expected 1 to %d", len,
                           FLY_PATH_MAX - 1);
    }
    memcpy(part, path, len + 1);
    for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (slash[1] != '\0' && mkdir(part, 0755) != 0 && errno != EEXIST) {
            return fly_err_os(err, FLY_E_IO, errno, "could not make directory \"%s\"", part);
        }
        *slash = '/';
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return fly_err_os(err, FLY_E_IO, errno, "could not make directory \"%s\"", path);
    }
    return FLY_OK;
}

static fly_status check_directory(const char *path, fly_err *err)
{
    struct stat about;
    if (stat(path, &about) != 0) {
        return fly_err_os(err, FLY_E_IO, errno, "could not look at \"%s\"", path);
    }
    if (!S_ISDIR(about.st_mode)) {
        return fly_err_set(err, FLY_E_INVALID, "\"%s\" is not a directory", path);
    }
    if (about.st_uid != geteuid()) {
        (void)fly_err_set(err, FLY_E_PERMISSION, "data directory \"%s\" belongs to another user",
                          path);
        fly_err_hint(err, "The server must run as the user that owns its data.");
        return FLY_E_PERMISSION;
    }
    if ((about.st_mode & 077) != 0) {
        (void)fly_err_set(err, FLY_E_PERMISSION,
                          "data directory \"%s\" has mode %04o: others may use it", path,
                          (unsigned)about.st_mode & 07777);
        fly_err_hint(err, "Run: chmod 0700 \"%.120s\"", path);
        return FLY_E_PERMISSION;
    }
    return FLY_OK;
}

static fly_status take_lock(const char *path, int *lock, bool *fresh, fly_err *err)
{
    char name[FLY_PATH_MAX];
    char pid[24] = "";
    struct stat about;
    fly_status status = fly_path_join(name, sizeof name, path, LOCK_NAME, err);
    if (status != FLY_OK) {
        return status;
    }
    *fresh = stat(name, &about) != 0;
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fly_err_os(err, FLY_E_IO, errno, "could not open \"%s\"", name);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
        (void)fly_err_set(err, FLY_E_LOCKED, "data directory \"%s\" is in use by process %.*s",
                          path, (int)strcspn(pid, "\n"), n > 0 ? pid : "?");
        (void)close(fd);
        return FLY_E_LOCKED;
    }
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)len, 0) != len) {
        status = fly_err_os(err, FLY_E_IO, errno, "could not write \"%s\"", name);
        (void)close(fd);
        return status;
    }
    *lock = fd;
    return FLY_OK;
}

fly_status flyd_take_directory(const char *path, int *lock, bool *fresh, fly_err *err)
{
    fly_status status = make_directories(path, err);
    if (status == FLY_OK) {
        status = check_directory(path, err);
    }
    return status == FLY_OK ? take_lock(path, lock, fresh, err) : status;
}

/* --------------------------------------------------------------------------- limits */

void flyd_set_limits(const flyd_settings *settings, flyd_log *log)
{
    struct rlimit limit;
    if (settings->core_dumps == 0) {
        limit = (struct rlimit){0, 0};
        if (setrlimit(RLIMIT_CORE, &limit) != 0) {
            flyd_say(log, FLY_LOG_WARNING, "could not switch core files off", "error",
                     strerrorname_np(errno), NULL);
        }
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    rlim_t wanted = (rlim_t)settings->connections_max + 256; /* databases, logs */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
        char has[24];
        (void)snprintf(has, sizeof has, "%llu", (unsigned long long)limit.rlim_cur);
        flyd_say(log, FLY_LOG_WARNING, "the limit of open files is below connections_max", "limit",
                 has, NULL);
    }
}

/* ----------------------------------------------------------------------- ready file */

static void put_port(char *text, size_t room, int64_t port)
{
    if (port == FLYD_OFF) {
        (void)snprintf(text, room, "null");
    } else {
        (void)snprintf(text, room, "%lld", (long long)port);
    }
}

fly_status flyd_write_ready(const char *path, const flyd_ports *ports, fly_err *err)
{
    char temporary[FLY_PATH_MAX];
    char text[256];
    char port[5][16];
    const int64_t numbers[5] = {ports->text, ports->binary, ports->pg, ports->resp, ports->http};
    for (size_t i = 0; i < 5; i++) {
        put_port(port[i], sizeof port[i], numbers[i]);
    }
    int len =
        snprintf(text, sizeof text,
                 "{\"text\":%s,\"binary\":%s,\"pg\":%s,\"resp\":%s,\"http\":%s,\"pid\":%ld}\n",
                 port[0], port[1], port[2], port[3], port[4], (long)getpid());
    int n = snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof temporary) {
        return fly_err_set(err, FLY_E_INVALID, "the name of the ready file is too long");
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return fly_err_os(err, FLY_E_IO, errno, "could not make \"%s\"", temporary);
    }
    bool good = write(fd, text, (size_t)len) == len;
    good = close(fd) == 0 && good;
    if (!good || rename(temporary, path) != 0) {
        fly_status status = fly_err_os(err, FLY_E_IO, errno, "could not write \"%s\"", path);
        (void)unlink(temporary);
        return status;
    }
    return FLY_OK;
}

/* ------------------------------------------------------------------ service manager */

void flyd_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@') ||
        strlen(path) >= sizeof address.sun_path) {
        return;
    }
    size_t len = strlen(path);
    memcpy(address.sun_path, path, len);
    if (path[0] == '@') {
        address.sun_path[0] = '\0'; /* Linux's abstract names */
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
        (void)close(fd);
    }
}

int flyd_watchdog_ms(void)
{
    const char *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    if (usec == NULL || (pid != NULL && strtol(pid, NULL, 10) != (long)getpid())) {
        return 0;
    }
    long long interval = strtoll(usec, NULL, 10) / 2000; /* half of it, in milliseconds */
    return interval < 1 || interval > 3600000 ? 0 : (int)interval;
}
