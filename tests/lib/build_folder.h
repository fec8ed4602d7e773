/* The folder in which this program was built: rift, rift-agent and the other test programs lie
 * there too. */
#ifndef TESTS_LIB_BUILD_FOLDER_H
#define TESTS_LIB_BUILD_FOLDER_H

#include <string.h>
#include <unistd.h>

static inline const char *build_folder(void)
{
    static char path[256];
    if (!path[0] && readlink("/proc/self/exe", path, sizeof path - 1) > 0)
        *strrchr(path, '/') = '\0';
    return path;
}

#endif
