/* disk-corrupt: a bit of what the system reads or writes is flipped, by a rule of the layer. */
#include <stdio.h>
#include <string.h>

#include "nemesis/faults/disk/layer_fault.h"
#include "nemesis/faults/drivers.h"

static int corrupt_inject(struct rift_injection *injection, const struct rift_target *target,
                          struct rift_error *err)
{
    const json_t *options = injection->options, *on = json_object_get(options, "on");
    return rift_layer_fault_inject(
        injection, target,
        json_pack("{s:o, s:s, s:f, s:b}", "ops",
                  on ? json_incref((json_t *)on) : json_pack("[s]", "read"), "files",
                  rift_layer_fault_files(options), "chance",
                  rift_layer_fault_number(options, "percent", 100) / 100, "flip", 1),
        err);
}

static int corrupt_observe(const struct rift_injection *injection, const struct rift_target *target,
                           bool *is_observed, json_t *details, struct rift_error *err)
{
    (void)target;
    struct rift_disk_sight sight;
    char how[128];
    rift_disk_probe_look(injection->live, &sight);
    snprintf(
        how, sizeof how, "%llu of %llu reads of a probe's brought something else than it wrote",
        (unsigned long long)sight.damaged, (unsigned long long)sight.uses[RIFT_DISK_READ].count);
    json_object_set_new(details, "how", json_string(how));
    *is_observed = sight.damaged > 0;
    return rift_layer_fault_count(injection, is_observed, details, err);
}

static int corrupt_probe(const struct rift_target *target, const json_t *options,
                         struct rift_fault_ability *ability, struct rift_error *err)
{
    (void)target;
    (void)options;
    (void)err;
    return rift_layer_fault_probe(ability);
}

const struct rift_fault_driver rift_disk_corrupt_driver = {
    .name = "disk-corrupt",
    .heal_takes_time = true,
    .probe = corrupt_probe,
    .plan = rift_layer_fault_plan,
    .inject = corrupt_inject,
    .renew = rift_layer_fault_renew,
    .heal = rift_layer_fault_heal,
    .observe = corrupt_observe,
    .forget = rift_layer_fault_forget,
};
