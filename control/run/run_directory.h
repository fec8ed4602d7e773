/* The directory of one run: runs/<name>/<time>/, and runs/latest that points to it. */
#ifndef CONTROL_RUN_RUN_DIRECTORY_H
#define CONTROL_RUN_RUN_DIRECTORY_H

#include <jansson.h>

#include "common/error.h"

/* Makes it and returns its path (free() it), or NULL. The time is UTC with milliseconds; two runs
 * of one name that begin in the same millisecond get different names. */
char *run_directory_create(const char *runs_folder, const char *name, struct rift_error *err);
/* Replaces directory/file when the new one is complete and on disk. */
int run_directory_write_json(const char *directory, const char *file, const json_t *json,
                             struct rift_error *err);

#endif
