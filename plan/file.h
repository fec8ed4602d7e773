/* A whole small file in memory. */
#ifndef PLAN_FILE_H
#define PLAN_FILE_H

#include <stddef.h>

#include "common/error.h"

/* *text is NUL-terminated; free() it. Fails for what is no regular file or larger than a
 * configuration may be. The error names the path. */
int rift_plan_file_read(const char *path, char **text, size_t *length, struct rift_error *err);

#endif
