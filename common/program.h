/* A program of the system (apt-get, tar, ssh-keygen, ssh), run to its end within a deadline. */
#ifndef COMMON_PROGRAM_H
#define COMMON_PROGRAM_H

#include <stdint.h>

#include "common/error.h"
#include "common/text.h"

enum { RIFT_PROGRAM_OUTPUT_MAX = 256 * 1024 };

/* Runs argv (found in PATH, input empty). Its failure is an error that ends with the last line it
 * wrote; at deadline_ns (monotonic) it is killed with its children. */
int rift_program_run(const char *const *argv, int64_t deadline_ns, struct rift_error *err);
/* The same, and what it wrote to stdout and stderr is appended to output; LIMIT beyond
 * RIFT_PROGRAM_OUTPUT_MAX bytes. */
int rift_program_output(const char *const *argv, int64_t deadline_ns, struct rift_text *output,
                        struct rift_error *err);

#endif
