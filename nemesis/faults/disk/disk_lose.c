/* disk-lose: the system is killed, and the layer over its data takes back what was not synced:
 * contents and names. A canary beside the data, of which one half is synced and the other is not,
 * tells whether it did. */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "nemesis/faults/disk/canary.h"
#include "nemesis/faults/disk/glob.h"
#include "nemesis/faults/disk/layer/layer.h"
#include "nemesis/faults/disk/layer_fault.h"
#include "nemesis/faults/disk/volume.h"
#include "nemesis/faults/drivers.h"
#include "nemesis/faults/process/kill.h"

static int lose_plan(struct rift_injection *injection, const struct rift_target *target,
                     const char *ledger, struct rift_error *err)
{
    const char *files = rift_layer_fault_files(injection->options);
    bool is_there = strcmp(files, "*") == 0;
    if (rift_layer_fault_plan(injection, target, ledger, err))
        return -1;
    for (const char *const *folder = target->data_folders; *folder && !is_there; folder++)
        is_there = rift_glob_finds(*folder, files);
    if (!is_there)
        return rift_fail(err, RIFT_ERR_MISSING, "disk-lose: no file in the data folders is '%s'",
                         files);
    return rift_kill_plan(injection, target, err);
}

static int lose_inject(struct rift_injection *injection, const struct rift_target *target,
                       struct rift_error *err)
{
    for (const char *const *folder = target->data_folders; *folder; folder++)
        if (rift_canary_write(*folder, true, err))
            return -1;
    injection->applied_ns = rift_clock_now();
    if (rift_kill_all(target->system, err))
        return -1;
    json_t *losses = json_array();
    json_object_set_new(injection->undo, "losses", losses);
    for (const char *const *folder = target->data_folders; *folder; folder++) {
        json_t *reply = rift_layer_ask(
            *folder,
            json_pack("{s:s, s:I, s:s, s:f}", "do", "lose", "seed", (json_int_t)injection->seed,
                      "files", rift_layer_fault_files(injection->options), "keep",
                      rift_layer_fault_number(injection->options, "keep_percent", 0) / 100),
            err);
        if (!reply)
            return -1;
        json_array_append_new(losses, reply);
    }
    return 0;
}

static int lose_heal(const char *id, const json_t *undo, const char *ledger, struct rift_error *err)
{
    (void)id;
    (void)ledger;
    size_t i;
    json_t *folder;
    json_array_foreach(json_object_get(undo, "folders"), i, folder)
    {
        const char *text = json_string_value(folder);
        if (!text)
            continue;
        rift_layer_bury(text);
        if (rift_volume_bring_back(text, err))
            return -1;
        rift_canary_remove(text);
    }
    return 0;
}

static int lose_observe(const struct rift_injection *injection, const struct rift_target *target,
                        bool *is_observed, json_t *details, struct rift_error *err)
{
    bool are_dead = false;
    size_t count[2] = {0}, folders = 0;
    if (rift_kill_observe(injection, target, &are_dead, details, err))
        return -1;
    for (const char *const *folder = target->data_folders; *folder; folder++, folders++)
        if (rift_layer_check(*folder, err) || rift_canary_count(*folder, count, err))
            return -1;
    char how[160];
    snprintf(how, sizeof how,
             "of a file beside the data %zu of %zu synced bytes are there, and "
             "%zu of as many unsynced",
             count[0], folders * RIFT_CANARY_HALF_BYTES, count[1]);
    json_object_set_new(details, "how", json_string(how));
    const json_t *losses = json_object_get(injection->undo, "losses");
    json_object_set(details, "losses", (json_t *)losses);
    *is_observed = are_dead && count[0] == folders * RIFT_CANARY_HALF_BYTES && count[1] < count[0];
    return 0;
}

static int lose_probe(const struct rift_target *target, const json_t *options,
                      struct rift_fault_ability *ability, struct rift_error *err)
{
    double keep = rift_layer_fault_number(options, "keep_percent", 0);
    (void)target;
    if (!(keep >= 0 && keep < 100))
        return rift_fail(err, RIFT_ERR_INVALID, "disk-lose: 'keep_percent' must be below 100");
    rift_layer_fault_probe(ability);
    ability->end = "it is over at once; the system stays down until its recipe starts it again";
    return 0;
}

const struct rift_fault_driver rift_disk_lose_driver = {
    .name = "disk-lose",
    .inject_takes_time = true,
    .heal_takes_time = true,
    .outlives_boot = true,
    .probe = lose_probe,
    .plan = lose_plan,
    .inject = lose_inject,
    .heal = lose_heal,
    .observe = lose_observe,
};
