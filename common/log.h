/* The harness' own log: one line an event, to rift.log and, at warning or above, to stderr. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

enum rift_log_level { RIFT_LOG_DEBUG, RIFT_LOG_INFO, RIFT_LOG_WARNING, RIFT_LOG_ERROR };

/* Lines go to path too (created, appended) until the next call; NULL closes it. Returns 0, or -1
 * with errno. Lines may come from any thread. */
int rift_log_open(const char *path);
void rift_log(enum rift_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
