/* A program of the system (apt-get, tar, ssh-keygen), run to its end within a deadline. */
#ifndef LAB_COMMAND_H
#define LAB_COMMAND_H

#include <stdint.h>

#include "common/error.h"

/* Runs argv (found in PATH, input empty). Its failure is an error that ends with the last line it
 * wrote; at deadline_ns (monotonic) it is killed with its children. */
int lab_command_run(const char *const *argv, int64_t deadline_ns, struct rift_error *err);

#endif
