#include "control/run/run_logs.h"

#include <glob.h>
#include <string.h>
#include <sys/stat.h>

#include "common/memory.h"

const struct rift_log_file *run_logs_find(const char *directory, struct rift_arena *arena,
                                          size_t *count)
{
    *count = 0;
    CLEANUP(rift_free) char *pattern = rift_printf("%s/nodes/*/*", directory);
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0)
        return NULL;
    struct rift_log_file *logs = rift_arena_calloc(arena, found.gl_pathc + 1, sizeof *logs);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *path = found.gl_pathv[i];
        struct stat status;
        if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
            continue;
        char *name = rift_arena_strdup(arena, path + strlen(directory) + 1);
        char *node = rift_arena_strdup(arena, name + strlen("nodes/"));
        node[strcspn(node, "/")] = '\0';
        logs[(*count)++] = (struct rift_log_file){node, name, rift_arena_strdup(arena, path)};
    }
    globfree(&found);
    return logs;
}
