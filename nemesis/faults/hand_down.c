/* What is named here stays as the kernel makes it in a group for which nobody has set anything. */
#include "nemesis/faults/hand_down.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nemesis/faults/setting_file.h"

enum { PATH_SIZE = RIFT_CGROUP_PATH_SIZE + 300, WORD_SIZE = 32 };

static const char *const untouched[][2] = {
    {"cpu.max", "max 100000"},    {"cpu.weight", "100"}, {"io.max", ""},
    {"io.weight", "default 100"}, {"memory.max", "max"}, {"memory.high", "max"},
    {"memory.low", "0"},          {"memory.min", "0"},   {"pids.max", "max"}};

static void controller_of(const char *file, char controller[WORD_SIZE])
{
    snprintf(controller, WORD_SIZE, "%.*s", (int)strcspn(file, "."), file);
}

/* Of words with blanks between: "cpu" is not in "cpuset memory". */
static bool has_word(const char *folder, const char *file, const char *word)
{
    char text[RIFT_SETTING_TEXT_SIZE];
    char *rest = text;
    if (!rift_setting_read(folder, file, text))
        return false;
    for (char *next; (next = strsep(&rest, " "));)
        if (strcmp(next, word) == 0)
            return true;
    return false;
}

bool rift_hand_down_is_on(const char *folder, const char *controller)
{
    return has_word(folder, "cgroup.controllers", controller);
}

static bool is_group(const char *folder)
{
    char path[PATH_SIZE + 32];
    snprintf(path, sizeof path, "%s/cgroup.controllers", folder);
    return access(path, F_OK) == 0;
}

/* False: it is the root. */
static bool find_above(const char *folder, char above[PATH_SIZE])
{
    snprintf(above, PATH_SIZE, "%s", folder);
    char *slash = strrchr(above, '/');
    if (!slash || slash == above)
        return false;
    *slash = 0;
    return is_group(above);
}

void rift_hand_down_plan(const char *folder, const char *file, json_t *handed)
{
    char above[PATH_SIZE], controller[WORD_SIZE];
    controller_of(file, controller);
    if (strcmp(controller, "cgroup") == 0 || /* of no controller */
        rift_hand_down_is_on(folder, controller) || !find_above(folder, above))
        return;
    rift_hand_down_plan(above, file, handed);
    if (!has_word(above, "cgroup.subtree_control", controller))
        json_array_append_new(handed, json_string(above));
}

bool rift_hand_down_can(const struct rift_cgroup *cgroup, const char *controller)
{
    char folder[PATH_SIZE], above[PATH_SIZE];
    if (!cgroup->unified[0] || rift_cgroup_v1_folder(cgroup, controller))
        return false;
    snprintf(folder, sizeof folder, "%s", cgroup->unified);
    while (find_above(folder, above))
        memcpy(folder, above, sizeof folder);
    return rift_hand_down_is_on(folder, controller);
}

void rift_hand_down(const char *folder, const char *file)
{
    char controller[WORD_SIZE], word[WORD_SIZE + 1];
    json_t *groups = json_array(), *group;
    size_t i;
    controller_of(file, controller);
    snprintf(word, sizeof word, "+%s", controller);
    rift_hand_down_plan(folder, file, groups);
    json_array_foreach(groups, i, group)
    {
        rift_setting_write(json_string_value(group), "cgroup.subtree_control", word, NULL);
    }
    json_decref(groups);
}

const char *rift_hand_down_untouched(const char *file)
{
    for (size_t i = 0; i < sizeof untouched / sizeof *untouched; i++)
        if (strcmp(untouched[i][0], file) == 0)
            return untouched[i][1];
    return NULL;
}

static bool is_in_use(const char *folder, const char *controller)
{
    char text[RIFT_SETTING_TEXT_SIZE];
    for (size_t i = 0; i < sizeof untouched / sizeof *untouched; i++) {
        char of[WORD_SIZE];
        controller_of(untouched[i][0], of);
        if (strcmp(of, controller) == 0 && rift_setting_read(folder, untouched[i][0], text) &&
            strcmp(text, untouched[i][1]) != 0)
            return true;
    }
    return false;
}

static int take_back(const char *above, const char *controller, struct rift_error *err)
{
    char folder[PATH_SIZE], word[WORD_SIZE + 1];
    bool is_used = false;
    DIR *stream = opendir(above);
    const struct dirent *entry;
    while (stream && !is_used && (entry = readdir(stream))) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        snprintf(folder, sizeof folder, "%.250s/%s", above, entry->d_name);
        is_used =
            is_in_use(folder, controller) || has_word(folder, "cgroup.subtree_control", controller);
    }
    if (stream)
        closedir(stream);
    snprintf(word, sizeof word, "-%s", controller);
    struct rift_error reason;
    if (is_used || rift_setting_write(above, "cgroup.subtree_control", word, &reason) == 0 ||
        errno == EBUSY || errno == ENOENT) /* who uses it came meanwhile, or it is gone */
        return 0;
    return rift_fail(err, reason.code, "%s", reason.text);
}

int rift_hand_back(const char *file, const json_t *handed, struct rift_error *err)
{
    char controller[WORD_SIZE];
    controller_of(file, controller);
    for (size_t i = json_array_size(handed); i-- > 0;) {
        const char *above = json_string_value(json_array_get(handed, i));
        if (above && take_back(above, controller, err))
            return -1;
    }
    return 0;
}
