/* flock(2) on a file that describes its holder. The lock goes with the last process that has the
 * descriptor, so every child of the agent must close it. */
#include "agent/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"

enum { HOLDER_BYTES_MAX = 2048, END_DEADLINE_MS = 5000, KILL_DEADLINE_MS = 2000, TRIES_MAX = 10 };

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
    return fstat(fd, &by_fd) == 0 && stat(path, &by_path) == 0 && by_fd.st_ino == by_path.st_ino &&
           by_fd.st_dev == by_path.st_dev;
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

static int lock_contend(int fd, const char *session, bool is_forced, struct rift_error *err)
{
    json_t *holder = lock_read_holder(fd);
    int64_t lease_until = json_integer_value(json_object_get(holder, "lease_until_ns"));
    bool is_same = session && strcmp(text_or(holder, "session", ""), session) == 0;
    int rc;
    if (is_same || is_forced || lease_until < rift_clock_now())
        rc = lock_oust(fd, holder, err);
    else
        rc =
            rift_fail(err, RIFT_ERR_CONFLICT,
                      "this node is held by run '%s' of the controller at %s since %s: wait for it "
                      "to end, or stop it with 'rift heal'",
                      text_or(holder, "run", "?"), text_or(holder, "controller", "?"),
                      text_or(holder, "since", "?"));
    json_decref(holder);
    return rc;
}

/* A file system that takes no writes any more has locks all the same. */
static int lock_open(const char *path, int flags)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);
    return fd >= 0 || errno != EROFS ? fd : open(path, O_RDONLY | O_CLOEXEC);
}

int agent_lock_take(const char *path, const char *session, bool is_forced, struct rift_error *err)
{
    for (int try = 0; try < TRIES_MAX; try++) {
        int fd = lock_open(path, O_CREAT);
        if (fd < 0)
            return rift_fail_errno(err, RIFT_ERR_IO, "open '%s'", path);
        if (flock(fd, LOCK_EX | LOCK_NB) && lock_contend(fd, session, is_forced, err)) {
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
