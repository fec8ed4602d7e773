#include "agent/prepare.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/whole_file.h"

int prepare_begin(const struct agent_paths *paths, const json_t *folders, struct rift_error *err)
{
    CLEANUP(rift_free) char *text = json_dumps(folders, JSON_COMPACT);
    return text ? rift_whole_file_write(paths->prepare, text, err)
                : rift_fail(err, RIFT_ERR_INVALID, "the name of a data folder is no UTF-8");
}

int prepare_end(const struct agent_paths *paths, struct rift_error *err)
{
    return agent_remove_file(paths->prepare, err);
}

int prepare_empty(const struct agent_paths *paths, const char *folder, struct rift_error *err)
{
    json_t *folders = json_load_file(paths->prepare, 0, NULL), *one;
    size_t i;
    int rc = 0;
    json_array_foreach(folders, i, one)
    {
        if (json_is_string(one) && strcmp(json_string_value(one), folder) == 0)
            rc = agent_remove_tree(folder, false, err);
    }
    json_decref(folders);
    return rc;
}
