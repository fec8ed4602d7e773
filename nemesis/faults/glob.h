/* Which files of a data folder a fault is for. */
#ifndef NEMESIS_FAULTS_GLOB_H
#define NEMESIS_FAULTS_GLOB_H

#include <stdbool.h>

/* path is relative to the folder. "*" matches slashes too; a pattern without a slash is for the
 * last part of a path (fnmatch(3) for the rest). */
bool rift_glob_matches(const char *pattern, const char *path);

#endif
