/* cpu: the system's processes together get no more than a share of one processor, by the quota of
 * the kernel's scheduler (CFS bandwidth). */
#include <stdio.h>
#include <string.h>

#include "nemesis/faults/drivers.h"
#include "nemesis/faults/setting.h"

enum { PERIOD_US = 100000, QUOTA_MIN_US = 1000 };

struct place {
    const char *folder, *file;
    bool is_v2;
};

static int cpu_place(const struct rift_target *target, struct place *place, struct rift_error *err)
{
    const char *v1 = rift_cgroup_v1_folder(target->system, "cpu");
    const char *v2 = v1 ? NULL : rift_setting_v2_folder(target->system, "cpu");
    if (!v1 && !v2)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "cpu: no cpu controller governs the system");
    *place = (struct place){
        .folder = v1 ? v1 : v2, .file = v1 ? "cpu.cfs_quota_us" : "cpu.max", .is_v2 = v2 != NULL};
    return 0;
}

static int cpu_value(const json_t *options, bool is_v2, char value[64], struct rift_error *err)
{
    double percent = json_number_value(json_object_get(options, "percent"));
    long quota = (long)(percent / 100 * PERIOD_US);
    if (!(percent > 0 && percent <= 100000))
        return rift_fail(err, RIFT_ERR_INVALID, "cpu: 'percent' must be above 0");
    if (quota < QUOTA_MIN_US)
        quota = QUOTA_MIN_US; /* less the kernel does not take */
    if (is_v2)
        snprintf(value, 64, "%ld %d", quota, PERIOD_US);
    else
        snprintf(value, 64, "%ld", quota);
    return 0;
}

static int cpu_plan(struct rift_injection *injection, const struct rift_target *target,
                    const char *ledger, struct rift_error *err)
{
    struct place place;
    char value[64];
    if (cpu_place(target, &place, err) || cpu_value(injection->options, place.is_v2, value, err) ||
        rift_setting_plan(injection, ledger, place.folder, place.file, err))
        return -1;
    json_object_set_new(injection->undo, "throttled",
                        json_integer(rift_setting_count(place.folder, "cpu.stat", "nr_throttled")));
    return 0;
}

static int cpu_inject(struct rift_injection *injection, const struct rift_target *target,
                      struct rift_error *err)
{
    struct place place;
    char value[64];
    if (cpu_place(target, &place, err) || cpu_value(injection->options, place.is_v2, value, err) ||
        rift_setting_check_tighter(injection, value, err))
        return -1;
    return rift_setting_inject(injection, value, err);
}

/* A quota that nobody reaches does nothing: only a period in which the system was held back counts.
 */
static int cpu_observe(const struct rift_injection *injection, const struct rift_target *target,
                       bool *is_observed, json_t *details, struct rift_error *err)
{
    struct place place;
    if (cpu_place(target, &place, err))
        return -1;
    long long before = json_integer_value(json_object_get(injection->undo, "throttled"));
    long long held = rift_setting_count(place.folder, "cpu.stat", "nr_throttled") - before;
    char how[96];
    snprintf(how, sizeof how, "the scheduler held the system back in %lld periods", held);
    json_object_set_new(details, "how", json_string(how));
    *is_observed = held > 0;
    return 0;
}

static int cpu_probe(const struct rift_target *target, const json_t *options,
                     struct rift_fault_ability *ability, struct rift_error *err)
{
    struct place place;
    struct rift_error reason = {0};
    char value[64];
    if (cpu_value(options, false, value, err))
        return -1;
    if (cpu_place(target, &place, &reason)) {
        snprintf(ability->why, sizeof ability->why, "%.200s", reason.text);
        return 0;
    }
    ability->backend = place.is_v2 ? "cgroup v2, cpu.max" : "cgroup v1, cpu.cfs_quota_us";
    rift_setting_probe(target->system, place.folder, place.file, ability);
    return 0;
}

const struct rift_fault_driver rift_cpu_driver = {
    .name = "cpu",
    .probe = cpu_probe,
    .plan = cpu_plan,
    .inject = cpu_inject,
    .renew = rift_setting_renew,
    .heal = rift_setting_heal,
    .observe = cpu_observe,
    .forget = rift_setting_forget,
};
