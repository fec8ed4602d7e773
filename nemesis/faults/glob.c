#include "nemesis/faults/glob.h"

#include <fnmatch.h>
#include <string.h>

bool rift_glob_matches(const char *pattern, const char *path)
{
    const char *slash = strrchr(path, '/');
    return fnmatch(pattern, path, 0) == 0 ||
           (!strchr(pattern, '/') && slash && fnmatch(pattern, slash + 1, 0) == 0);
}
