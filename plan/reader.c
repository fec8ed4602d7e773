#include "plan/reader.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"

const json_t *rift_plan_keep(struct rift_plan_reader *reader, json_t *json)
{
    json_array_append_new(reader->kept, json);
    return json;
}

const char *rift_plan_text(struct rift_plan_reader *reader, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? rift_arena_strdup(reader->arena, text) : NULL;
}

const char *rift_plan_path(struct rift_plan_reader *reader, const char *path)
{
    const char *home = getenv("HOME");
    if (path[0] == '~' && path[1] == '/' && home)
        return rift_arena_printf(reader->arena, "%s%s", home, path + 1);
    const char *slash = strrchr(reader->problems.path, '/');
    const char *seen = path;
    if (path[0] != '/' && slash)
        seen = rift_arena_printf(reader->arena, "%.*s/%s", (int)(slash - reader->problems.path),
                                 reader->problems.path, path);
    CLEANUP(rift_free) char *absolute = realpath(seen, NULL);
    if (absolute || seen[0] == '/')
        return rift_arena_strdup(reader->arena, absolute ? absolute : seen);
    /* What does not exist is still absolute in the frozen plan, which stands in another folder. */
    CLEANUP(rift_free) char *here = getcwd(NULL, 0);
    return rift_arena_printf(reader->arena, "%s/%s", here ? here : "", seen);
}

const char *const *rift_plan_names(struct rift_plan_reader *reader,
                                   const struct rift_catalogue_entry *entries, size_t *count)
{
    size_t n = 0;
    while (entries && entries[n].name)
        n++;
    const char **names = rift_arena_calloc(reader->arena, n + 1, sizeof *names);
    for (size_t i = 0; i < n; i++)
        names[i] = entries[i].name;
    *count = n;
    return names;
}

const struct rift_catalogue_entry *rift_plan_entry(const struct rift_catalogue_entry *entries,
                                                   const char *name)
{
    for (; entries && entries->name; entries++)
        if (strcmp(entries->name, name) == 0)
            return entries;
    return NULL;
}
