/* Files that hold a secret: read only where nobody but their owner may. */
#ifndef COMMON_SECRET_H
#define COMMON_SECRET_H

#include <stddef.h>

#include "common/error.h"

enum { RIFT_SECRET_LINE_SIZE = 1024 };

/* Fails where the file cannot be read (MISSING, IO), and where others than its owner may read or
 * write it (DENIED); the error says how to forbid it. */
int rift_secret_check(const char *path, struct rift_error *err);
/* The first line, without its end: 1 to RIFT_SECRET_LINE_SIZE - 1 bytes. The caller wipes it by
 * explicit_bzero(3). */
int rift_secret_read_line(const char *path, char line[RIFT_SECRET_LINE_SIZE],
                          struct rift_error *err);

#endif
