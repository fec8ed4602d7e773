/* What is read was written by us, or is a controller's request: both are checked alike. */
#include "agent/system_file.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/whole_file.h"

enum { DISK_MIN_MB = 16, DISK_MAX_MB = 1 << 20 };

/* Emptying these as root is the most dangerous thing that the agent does for a recipe. */
static int check_data_folder(const char *folder, struct rift_error *err)
{
    static const char *const forbidden[] = {"/var/lib", "/usr", "/etc",  "/home", "/root", "/boot",
                                            "/var/log", "/dev", "/proc", "/sys",  "/run"};
    size_t slashes = 0, length = strlen(folder);
    for (const char *c = folder; *c; c++)
        slashes += *c == '/' && c[1] && c[1] != '/';
    bool is_bad = folder[0] != '/' || slashes < 2 || strstr(folder, "..") || strstr(folder, "//") ||
                  strstr(folder, "/./") || folder[length - 1] == '/';
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
        is_bad = is_bad || strcmp(folder, forbidden[i]) == 0;
    if (is_bad)
        return rift_fail(err, RIFT_ERR_INVALID,
                         "'%s' cannot be a data folder, as a wipe would empty it: it must be "
                         "absolute, at least two folders deep, and the system's own",
                         folder);
    return 0;
}

/* An owner may keep the data elsewhere, and systemd does for a unit with DynamicUser: behind a
 * link, which stays. */
static char *follow_link(char *folder, struct rift_arena *arena)
{
    CLEANUP(rift_free) char *real = realpath(folder, NULL);
    return real ? rift_arena_strdup(arena, real) : folder;
}

static int read_layer(struct system *system, const char *word, struct rift_error *err)
{
    system->layer_as_posix = word && strcmp(word, "posix") == 0;
    system->has_layer = system->layer_as_posix || (word && strcmp(word, "ext4") == 0);
    return system->has_layer || !word || strcmp(word, "none") == 0
               ? 0
               : rift_fail(err, RIFT_ERR_INVALID, "'disk_layer' must be none, ext4 or posix");
}

int system_file_read(struct system *system, const json_t *args, struct rift_error *err)
{
    const json_t *context = json_object_get(args, "context");
    if (!json_is_object(context))
        return rift_fail(err, RIFT_ERR_INVALID, "'context' is missing");
    system->recipe = rift_recipe_from_json(json_object_get(args, "recipe"), &system->arena, err);
    if (!system->recipe || rift_recipe_check_context(system->recipe, context, err))
        return -1;
    system->context = json_deep_copy(context);
    system->versions = json_deep_copy(json_object_get(args, "versions"));
    system->started = json_deep_copy(json_object_get(args, "started"));
    system->is_lab = json_is_true(json_object_get(args, "lab"));
    system->is_settled = json_is_true(json_object_get(args, "is_settled"));
    system->is_out = json_is_true(json_object_get(args, "is_out"));
    system->keeps_data = json_is_true(json_object_get(args, "keep_data"));
    system->disk_mb = json_integer_value(json_object_get(args, "disk_mb"));
    const char *fs = json_string_value(json_object_get(args, "disk_fs"));
    system->disk_is_xfs = fs && strcmp(fs, "xfs") == 0;
    if (read_layer(system, json_string_value(json_object_get(args, "disk_layer")), err))
        return -1;
    const json_t *attach = json_object_get(args, "attach");
    system->is_attached = json_is_object(attach);
    if (system->is_attached && attach_read(attach, &system->attach, err))
        return -1;
    if (system->disk_mb != 0 && (system->disk_mb < DISK_MIN_MB || system->disk_mb > DISK_MAX_MB))
        return rift_fail(err, RIFT_ERR_INVALID, "'disk_mb' must be 0, or from %d to %d",
                         DISK_MIN_MB, DISK_MAX_MB);
    char **folders = rift_recipe_expand_all(system->recipe, context, system->recipe->data_folders,
                                            &system->arena, err);
    if (!folders)
        return -1;
    for (size_t i = 0; folders[i]; i++) {
        if (system->is_attached)
            folders[i] = follow_link(folders[i], &system->arena);
        if (check_data_folder(folders[i], err))
            return -1;
    }
    system->data_folders = (const char *const *)folders;
    return 0;
}

int system_file_write(const struct agent *agent, struct rift_error *err)
{
    const struct system *system = agent->system;
    const char *layer = system->layer_as_posix ? "posix" : system->has_layer ? "ext4" : "none";
    json_t *json = json_pack("{s:o, s:O, s:s, s:b, s:b, s:I, s:s, s:s}", "recipe",
                             rift_recipe_to_json(system->recipe), "context", system->context,
                             "session", system->session, "lab", (int)system->is_lab, "keep_data",
                             (int)system->keeps_data, "disk_mb", (json_int_t)system->disk_mb,
                             "disk_fs", system->disk_is_xfs ? "xfs" : "ext4", "disk_layer", layer);
    if (system->is_attached)
        json_object_set_new(json, "attach", attach_to_json(&system->attach));
    if (system->versions)
        json_object_set(json, "versions", system->versions);
    if (system->started)
        json_object_set(json, "started", system->started);
    if (system->is_out)
        json_object_set_new(json, "is_out", json_true());
    if (system->is_settled)
        json_object_set_new(json, "is_settled", json_true());
    CLEANUP(rift_free) char *text = json_dumps(json, JSON_INDENT(1));
    json_decref(json);
    return text ? rift_whole_file_write(agent->paths.system, text, err)
                : rift_fail(err, RIFT_ERR_INVALID, "'%s': no UTF-8", agent->paths.system);
}
