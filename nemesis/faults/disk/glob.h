/* Which files of a data folder a fault is for. */
#ifndef NEMESIS_FAULTS_DISK_GLOB_H
#define NEMESIS_FAULTS_DISK_GLOB_H

#include <stdbool.h>

/* path is relative to the folder. "*" matches slashes too; a pattern without a slash is for the
 * last part of a path (fnmatch(3) for the rest). */
bool rift_glob_matches(const char *pattern, const char *path);
/* Whether the folder has such a file, of whatever kind but a folder; Rift's own do not count. */
bool rift_glob_finds(const char *folder, const char *pattern);

#endif
