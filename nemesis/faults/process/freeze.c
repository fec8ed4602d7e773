/* cgroup v2 before v1: only there can a frozen process be killed. */
#include "nemesis/faults/process/freeze.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "nemesis/faults/setting.h"

enum { FREEZE_DEADLINE_MS = 2000 };

struct place {
    const char *folder, *file, *freeze;
    bool is_v2;
};

static int freeze_place(const struct rift_target *target, struct place *place,
                        struct rift_error *err)
{
    const char *v1 = rift_cgroup_v1_folder(target->system, "freezer");
    bool is_v2 = target->system->unified[0] != 0;
    if (!is_v2 && !v1)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "pause: no freezer governs the system");
    *place = (struct place){.folder = is_v2 ? target->system->unified : v1,
                            .file = is_v2 ? "cgroup.freeze" : "freezer.state",
                            .freeze = is_v2 ? "1" : "FROZEN",
                            .is_v2 = is_v2};
    return 0;
}

/* What the kernel says has come of it, not what was written. */
static bool freeze_is_done(const struct place *place)
{
    char text[RIFT_SETTING_TEXT_SIZE];
    if (place->is_v2)
        return rift_setting_count(place->folder, "cgroup.events", "frozen") == 1;
    return rift_setting_read(place->folder, place->file, text) && strcmp(text, "FROZEN") == 0;
}

int rift_freeze_probe(const struct rift_target *target, struct rift_fault_ability *ability)
{
    struct place place;
    struct rift_error reason = {0};
    if (freeze_place(target, &place, &reason)) {
        snprintf(ability->why, sizeof ability->why, "%.200s", reason.text);
        return 0;
    }
    ability->backend = place.is_v2 ? "cgroup v2, cgroup.freeze" : "cgroup v1, freezer.state";
    rift_setting_probe(target->system, place.folder, place.file, ability);
    return 0;
}

int rift_freeze_plan(struct rift_injection *injection, const struct rift_target *target,
                     const char *ledger, struct rift_error *err)
{
    struct place place;
    pid_t pid;
    if (freeze_place(target, &place, err))
        return -1;
    if (rift_cgroup_pids(target->system, &pid, 1) == 0)
        return rift_fail(err, RIFT_ERR_MISSING, "pause: no process of the system is running");
    return rift_setting_plan(injection, ledger, place.folder, place.file, err);
}

int rift_freeze_inject(struct rift_injection *injection, const struct rift_target *target,
                       struct rift_error *err)
{
    struct place place;
    if (freeze_place(target, &place, err) || rift_setting_inject(injection, place.freeze, err))
        return -1;
    int64_t deadline = rift_clock_now() + FREEZE_DEADLINE_MS * RIFT_MS;
    while (!freeze_is_done(&place)) {
        if (rift_clock_now() >= deadline)
            return rift_fail(err, RIFT_ERR_TIMEOUT, "pause: the cgroup did not freeze in %d ms",
                             FREEZE_DEADLINE_MS);
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
    }
    injection->applied_ns = rift_clock_now();
    return 0;
}

int rift_freeze_observe(const struct rift_target *target, bool *is_observed, json_t *details,
                        struct rift_error *err)
{
    struct place place;
    if (freeze_place(target, &place, err))
        return -1;
    pid_t pid;
    bool is_frozen = freeze_is_done(&place);
    *is_observed = is_frozen && rift_cgroup_pids(target->system, &pid, 1) > 0;
    json_object_set_new(details, "how",
                        json_string(*is_observed ? "the kernel says that the cgroup is frozen"
                                    : is_frozen
                                        ? "the cgroup is frozen, but no process is in it any more"
                                        : "the cgroup is not frozen"));
    return 0;
}
