/* Files that are on the disk whole, or not at all. */
#ifndef COMMON_WHOLE_FILE_H
#define COMMON_WHOLE_FILE_H

#include "common/error.h"

/* What a name of a file that is not whole yet ends with. */
#define RIFT_WHOLE_FILE_UNFINISHED ".new"

/* Writes the text (mode 0600) in the place of what is there. A death or a power cut at any moment
 * leaves the old file or the new one, and may leave path.new; on success the new one survives
 * both. After a failure the old one is there, unless only the folder could not be synced. */
int rift_whole_file_write(const char *path, const char *text, struct rift_error *err);

#endif
