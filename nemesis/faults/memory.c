/* memory: the system's processes together get no more memory than a share of what they use when the
 * fault begins. The kernel takes back what it can (its page cache first) and kills a process where
 * that is not enough. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nemesis/faults/drivers.h"
#include "nemesis/faults/setting.h"

enum { LIMIT_MIN_BYTES = 1 << 20, TRIES_MAX = 20 };

struct place {
    const char *folder, *limit, *use;
    bool is_v2;
};

static int memory_place(const struct rift_target *target, struct place *place,
                        struct rift_error *err)
{
    const char *v1 = rift_cgroup_v1_folder(target->system, "memory");
    const char *v2 = v1 ? NULL : rift_setting_v2_folder(target->system, "memory");
    if (!v1 && !v2)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED,
                         "memory: no memory controller governs the system");
    *place = (struct place){.folder = v1 ? v1 : v2,
                            .limit = v1 ? "memory.limit_in_bytes" : "memory.max",
                            .use = v1 ? "memory.usage_in_bytes" : "memory.current",
                            .is_v2 = v2 != NULL};
    return 0;
}

static int memory_percent(const json_t *options, double *percent, struct rift_error *err)
{
    *percent = json_number_value(json_object_get(options, "percent_of_use"));
    if (!(*percent > 0 && *percent <= 1000))
        return rift_fail(err, RIFT_ERR_INVALID, "memory: 'percent_of_use' must be from 1 to 1000");
    return 0;
}

static long long memory_use(const struct place *place)
{
    char text[RIFT_SETTING_TEXT_SIZE];
    return rift_setting_read(place->folder, place->use, text) ? strtoll(text, NULL, 10) : 0;
}

/* How often the limit was met: an allocation that had to wait for memory to be taken back. */
static long long memory_failures(const struct place *place)
{
    char text[RIFT_SETTING_TEXT_SIZE];
    if (place->is_v2)
        return rift_setting_count(place->folder, "memory.events", "max");
    return rift_setting_read(place->folder, "memory.failcnt", text) ? strtoll(text, NULL, 10) : 0;
}

static long long memory_kills(const struct place *place)
{
    return rift_setting_count(place->folder, place->is_v2 ? "memory.events" : "memory.oom_control",
                              "oom_kill");
}

static int memory_plan(struct rift_injection *injection, const struct rift_target *target,
                       const char *ledger, struct rift_error *err)
{
    struct place place;
    double percent;
    if (memory_place(target, &place, err) || memory_percent(injection->options, &percent, err) ||
        rift_setting_plan(injection, ledger, place.folder, place.limit, err))
        return -1;
    /* v1 says "no limit" as a number near the greatest, but takes only -1 for it everywhere. */
    const char *before = json_string_value(json_object_get(injection->undo, "before"));
    if (!place.is_v2 && strtoll(before, NULL, 10) > (1LL << 60))
        json_object_set_new(injection->undo, "before", json_string("-1"));
    json_object_set_new(injection->undo, "failures", json_integer(memory_failures(&place)));
    json_object_set_new(injection->undo, "kills", json_integer(memory_kills(&place)));
    return 0;
}

static int memory_inject(struct rift_injection *injection, const struct rift_target *target,
                         struct rift_error *err)
{
    struct place place;
    double percent;
    if (memory_place(target, &place, err) || memory_percent(injection->options, &percent, err))
        return -1;
    /* v1 refuses a limit that it cannot bring the use down to: then the least that it takes. */
    for (int try = 0; try < TRIES_MAX; try++) {
        double limit = (double)memory_use(&place) * percent / 100;
        char value[64];
        snprintf(value, sizeof value, "%.0f", limit < LIMIT_MIN_BYTES ? LIMIT_MIN_BYTES : limit);
        if (rift_setting_inject(injection, value, err) == 0) {
            json_object_set_new(injection->undo, "limit_bytes", json_string(value));
            return 0;
        }
        percent = percent < 99 ? percent + (100 - percent) / 2 : percent * 1.005;
    }
    return -1;
}

static int memory_observe(const struct rift_injection *injection, const struct rift_target *target,
                          bool *is_observed, json_t *details, struct rift_error *err)
{
    struct place place;
    if (memory_place(target, &place, err))
        return -1;
    long long met =
        memory_failures(&place) - json_integer_value(json_object_get(injection->undo, "failures"));
    long long killed =
        memory_kills(&place) - json_integer_value(json_object_get(injection->undo, "kills"));
    char how[160];
    snprintf(how, sizeof how, "the limit was met %lld times, %lld processes were killed for it",
             met, killed);
    json_object_set_new(details, "how", json_string(how));
    *is_observed = met > 0 || killed > 0;
    return 0;
}

static int memory_probe(const struct rift_target *target, const json_t *options,
                        struct rift_fault_ability *ability, struct rift_error *err)
{
    struct place place;
    struct rift_error reason = {0};
    double percent;
    if (memory_percent(options, &percent, err))
        return -1;
    ability->end = "a keeper of its own lifts it when the lease is past or agent and guardian are "
                   "killed; if the keeper is killed as well, the next contact";
    if (memory_place(target, &place, &reason)) {
        snprintf(ability->why, sizeof ability->why, "%.200s", reason.text);
        return 0;
    }
    ability->backend = place.is_v2 ? "cgroup v2, memory.max" : "cgroup v1, memory.limit_in_bytes";
    rift_cgroup_create(target->system, NULL);
    rift_setting_try(place.folder, place.limit, ability);
    rift_cgroup_remove(target->system, NULL); /* refused where the system runs */
    return 0;
}

const struct rift_fault_driver rift_memory_driver = {
    .name = "memory",
    .stops_system = true, /* it may */
    .probe = memory_probe,
    .plan = memory_plan,
    .inject = memory_inject,
    .renew = rift_setting_renew,
    .heal = rift_setting_heal,
    .observe = memory_observe,
    .forget = rift_setting_forget,
};
