/* What the C library resolves, less the working folder. A file that is a link itself stays one:
 * what it names is seen from the folder in which it lies. */
#include "control/cli/lasting_path.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"

char *lasting_path(const char *path)
{
    struct stat state;
    bool is_folder = stat(path, &state) == 0 && S_ISDIR(state.st_mode);
    const char *slash = is_folder ? NULL : strrchr(path, '/');
    const char *file = is_folder ? NULL : slash ? slash + 1 : path;
    CLEANUP(rift_free)
    char *folder = is_folder ? rift_strdup(path)
                   : slash   ? rift_strndup(path, (size_t)(slash + 1 - path))
                             : rift_strdup(".");
    CLEANUP(rift_free) char *real = realpath(folder, NULL);
    CLEANUP(rift_free) char *here = getcwd(NULL, 0);
    if (!real || !here)
        return rift_strdup(path);
    CLEANUP(rift_free) char *whole = file ? rift_printf("%s/%s", real, file) : rift_strdup(real);
    size_t length = strlen(here);
    bool is_below = strncmp(whole, here, length) == 0 && whole[length] == '/';
    return rift_strdup(is_below ? whole + length + 1 : whole);
}
