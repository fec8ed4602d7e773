/* Whether a process of a host stands still by a signal or by ptrace(2), as proc(5) shows it. */
#ifndef TESTS_LIB_STOPPED_PROCESS_H
#define TESTS_LIB_STOPPED_PROCESS_H

#include <stdbool.h>

enum { STOPPED_PID_MAX = 65536 };

/* Of those below folder, a path to a /proc; the pids that passed_over has are not looked at; NULL:
 * all are. Agents are not: LeakSanitizer stops them when they end. */
bool stopped_process_is_in(const char *folder, const bool passed_over[STOPPED_PID_MAX]);

#endif
