/* A line is built in full and written by one write(2), so lines of two threads never mix. */
#include "common/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LOG_LINE_SIZE = 4096 };

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;

int rift_log_open(const char *path)
{
    int fd = -1;
    if (path) {
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (fd < 0)
            return -1;
    }
    pthread_mutex_lock(&log_lock);
    if (log_fd >= 0)
        close(log_fd);
    log_fd = fd;
    pthread_mutex_unlock(&log_lock);
    return 0;
}

void rift_log(enum rift_log_level level, const char *format, ...)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    char line[LOG_LINE_SIZE];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct tm utc;
    gmtime_r(&now.tv_sec, &utc);
    size_t used = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
    used += (size_t)snprintf(line + used, sizeof line - used, ".%03ldZ %s ", now.tv_nsec / 1000000,
                             names[level]);
    size_t head = used;
    va_list args;
    va_start(args, format);
    int body = vsnprintf(line + used, sizeof line - used - 1, format, args);
    va_end(args);
    used += body < 0 ? 0 : (size_t)body;
    if (used > sizeof line - 2)
        used = sizeof line - 2;
    line[used++] = '\n';

    pthread_mutex_lock(&log_lock);
    /* A log that cannot be written must not end the run that it describes. */
    if (log_fd >= 0 && write(log_fd, line, used) < 0)
        log_fd = -1;
    if (level >= RIFT_LOG_WARNING)
        fprintf(stderr, "rift: %.*s", (int)(used - head), line + head);
    pthread_mutex_unlock(&log_lock);
}
