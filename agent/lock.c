/* flock(2) on a file that describes its holder. The lock goes with the last process that has the
 * descriptor, so every child of the agent must close it. */
#include "agent/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"

enum { HOLDER_BYTES_MAX = 2048, END_DEADLINE_MS = 5000, KILL_DEADLINE_MS = 2000, TRIES_MAX = 10 };
enum { LOCK_PATH_SIZE = 512 };

static json_t *lock_read_holder(int fd)
{
    char text[HOLDER_BYTES_MAX];
    ssize_t length = pread(fd, text, sizeof text, 0);
    return length > 0 ? json_loadb(text, (size_t)length, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
}

/* A holder that ends in peace removes the file, and the lock on a removed file keeps nobody out. */
static bool lock_is_of_path(int fd, const char *path)
{
    struct stat by_fd, by_path;
    if (fstat(fd, &by_fd))
        return false;
    if (stat(path, &by_path))
        return S_ISDIR(by_fd.st_mode) && errno == ENOENT;
    return by_fd.st_ino == by_path.st_ino && by_fd.st_dev == by_path.st_dev;
}

static bool lock_wait(int fd, int64_t deadline_ns)
{
    while (flock(fd, LOCK_EX | LOCK_NB)) {
        if (rift_clock_now() >= deadline_ns)
            return false;
        rift_clock_sleep_until(rift_clock_now() + 10 * RIFT_MS);
    }
    return true;
}

static const char *text_or(const json_t *json, const char *key, const char *fallback)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : fallback;
}

/* Until the new holder has described itself the file tells of the last one, whose number may be
 * another's by now. */
static int lock_oust(int fd, const json_t *holder, struct rift_error *err)
{
    const struct rift_process process = {
        .pid = (pid_t)json_integer_value(json_object_get(holder, "pid")),
        .start_ticks = (uint64_t)json_integer_value(json_object_get(holder, "start_ticks"))};
    if (process.pid > 1)
        rift_process_signal(&process, SIGTERM);
    if (lock_wait(fd, rift_clock_now() + END_DEADLINE_MS * RIFT_MS))
        return 0;
    if (process.pid > 1)
        rift_process_signal(&process, SIGKILL);
    if (lock_wait(fd, rift_clock_now() + KILL_DEADLINE_MS * RIFT_MS))
        return 0;
    return rift_fail(err, RIFT_ERR_CONFLICT, "an earlier agent (process %d) does not end",
                     (int)process.pid);
}

static int64_t lease_end(const json_t *holder)
{
    return json_integer_value(json_object_get(holder, "lease_until_ns"));
}

static int lock_contend(int fd, const char *session, bool is_forced, json_t **ended,
                        struct rift_error *err)
{
    json_t *holder = lock_read_holder(fd);
    bool is_same = session && strcmp(text_or(holder, "session", ""), session) == 0;
    bool is_on = !is_same && lease_end(holder) >= rift_clock_now();
    bool heals = json_is_true(json_object_get(holder, "heals"));
    int rc = 0;
    if (is_on && !is_forced)
        rc = rift_fail(err, RIFT_ERR_CONFLICT,
                       "this node is held by run '%s' of the controller at %s since %s: wait for "
                       "it to end, or stop it with 'rift heal'",
                       text_or(holder, "run", "?"), text_or(holder, "controller", "?"),
                       text_or(holder, "since", "?"));
    else if (!heals || !lock_wait(fd, lease_end(holder)))
        rc = lock_oust(fd, holder, err);
    if (rc == 0 && is_on && !heals && ended)
        *ended = json_incref(holder);
    json_decref(holder);
    return rc;
}

/* A file system that takes no writes any more has locks all the same: on its folder, where the file
 * is not there. */
static int lock_open(const char *path, int flags)
{
    char folder[LOCK_PATH_SIZE];
    int fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);
    if (fd >= 0 || (errno != EROFS && errno != ENOSPC && errno != EDQUOT && errno != EIO))
        return fd;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int agent_lock_take(const char *path, const char *session, bool is_forced, json_t **ended,
                    struct rift_error *err)
{
    for (int try = 0; try < TRIES_MAX; try++) {
        int fd = lock_open(path, O_CREAT);
        if (fd < 0)
            return rift_fail_errno(err, RIFT_ERR_IO, "open '%s'", path);
        if (flock(fd, LOCK_EX | LOCK_NB) && lock_contend(fd, session, is_forced, ended, err)) {
            close(fd);
            return -1;
        }
        if (lock_is_of_path(fd, path))
            return fd;
        close(fd);
    }
    return rift_fail(err, RIFT_ERR_CONFLICT, "'%s' changes hands all the time", path);
}

bool agent_lock_inherit(const char *path, int64_t wait_ms)
{
    struct rift_process own;
    int fd = lock_open(path, 0);
    if (fd < 0)
        return true;
    if (!lock_wait(fd, rift_clock_now() + wait_ms * RIFT_MS) || !lock_is_of_path(fd, path)) {
        close(fd);
        return false;
    }
    json_t *holder = lock_read_holder(fd);
    if (rift_process_identify(getpid(), &own) && json_is_object(holder)) {
        json_object_set_new(holder, "pid", json_integer(own.pid));
        json_object_set_new(holder, "start_ticks", json_integer((json_int_t)own.start_ticks));
        json_object_set_new(holder, "lease_until_ns", json_integer(0));
        agent_lock_describe(fd, holder);
    }
    json_decref(holder);
    return true;
}

json_t *agent_lock_holder(const char *session, const char *run)
{
    char since[32], controller[64];
    time_t now = (time_t)(rift_clock_wall() / RIFT_SECOND);
    struct tm utc;
    struct rift_process own = {0};
    const char *connection = getenv("SSH_CONNECTION");
    gmtime_r(&now, &utc);
    strftime(since, sizeof since, "%Y-%m-%d %H:%M:%S UTC", &utc);
    rift_process_identify(getpid(), &own);
    snprintf(controller, sizeof controller, "%.*s", connection ? (int)strcspn(connection, " ") : 1,
             connection ? connection : "?");
    return json_pack("{s:i, s:I, s:s, s:s, s:s, s:s}", "pid", (int)getpid(), "start_ticks",
                     (json_int_t)own.start_ticks, "session", session, "run", run ? run : "?",
                     "controller", controller, "since", since);
}

void agent_lock_describe(int lock_fd, const json_t *holder)
{
    char text[HOLDER_BYTES_MAX];
    size_t length = json_dumpb(holder, text, sizeof text - 1, JSON_COMPACT);
    if (length >= sizeof text)
        return;
    /* Blanks behind it cover what a longer description left. */
    memset(text + length, ' ', sizeof text - length);
    ssize_t ignored = pwrite(lock_fd, text, sizeof text, 0);
    (void)ignored;
}
