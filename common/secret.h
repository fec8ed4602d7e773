/* Files that hold a secret: read only where nobody but their owner may. */
#ifndef COMMON_SECRET_H
#define COMMON_SECRET_H

#include <stdbool.h>

#include "common/error.h"
#include "common/text.h"

enum { RIFT_SECRET_LINE_SIZE = 1024, RIFT_SECRET_BYTES_MAX = 1 << 16 };

/* Fails where the file cannot be read (MISSING, IO), and where others than its owner may read or
 * write it (DENIED); the error says how to forbid it. */
int rift_secret_check(const char *path, struct rift_error *err);
/* The first line, without its end: 1 to RIFT_SECRET_LINE_SIZE - 1 bytes. The caller wipes it by
 * explicit_bzero(3). */
int rift_secret_read_line(const char *path, char line[RIFT_SECRET_LINE_SIZE],
                          struct rift_error *err);
/* The whole file, at most RIFT_SECRET_BYTES_MAX of it, appended to bytes. What is no secret
 * (is_public: a certificate) others may read. */
int rift_secret_read(const char *path, bool is_public, struct rift_text *bytes,
                     struct rift_error *err);

#endif
