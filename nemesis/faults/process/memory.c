/* memory: the system's processes together get no more memory than a share of what they use when the
 * fault begins. The kernel takes back what it can (its page cache first) and kills a process where
 * that is not enough; or, by pressure, lets who takes more wait (memory.high of cgroup v2). */
#include <stdio.h>
#include <string.h>

#include "nemesis/faults/drivers.h"
#include "nemesis/faults/process/memory_group.h"
#include "nemesis/faults/setting.h"

enum { LIMIT_MIN_BYTES = 1 << 20, TRIES_MAX = 20 };

static int memory_percent(const json_t *options, double *percent, struct rift_error *err)
{
    *percent = json_number_value(json_object_get(options, "percent_of_use"));
    if (!(*percent > 0 && *percent <= 1000))
        return rift_fail(err, RIFT_ERR_INVALID, "memory: 'percent_of_use' must be from 1 to 1000");
    return 0;
}

static int memory_by(const json_t *options, enum rift_memory_by *by, struct rift_error *err)
{
    const json_t *given = json_object_get(options, "by");
    const char *word = given ? json_string_value(given) : "limit";
    *by = word && strcmp(word, "pressure") == 0 ? RIFT_MEMORY_PRESSURE : RIFT_MEMORY_LIMIT;
    return word && (*by == RIFT_MEMORY_PRESSURE || strcmp(word, "limit") == 0)
               ? 0
               : rift_fail(err, RIFT_ERR_INVALID, "memory: 'by' must be limit or pressure");
}

static int memory_group(const struct rift_target *target, const json_t *options,
                        struct rift_memory_group *group, struct rift_error *err)
{
    enum rift_memory_by by;
    return memory_by(options, &by, err) || rift_memory_group_find(target, by, group, err) ? -1 : 0;
}

static int memory_plan(struct rift_injection *injection, const struct rift_target *target,
                       const char *ledger, struct rift_error *err)
{
    struct rift_memory_group group;
    double percent;
    if (memory_group(target, injection->options, &group, err) ||
        memory_percent(injection->options, &percent, err) ||
        rift_setting_plan(injection, ledger, group.folder, group.limit, err))
        return rift_wrap(err, "memory");
    rift_memory_count_plan(&group, injection->undo);
    json_object_set_new(injection->undo, "stall_us", json_integer(rift_memory_stall_us(target)));
    return 0;
}

static int memory_inject(struct rift_injection *injection, const struct rift_target *target,
                         struct rift_error *err)
{
    struct rift_memory_group group;
    double percent;
    if (memory_group(target, injection->options, &group, err) ||
        memory_percent(injection->options, &percent, err))
        return -1;
    rift_setting_hand_down(injection);
    /* v1 refuses a limit that it cannot bring the use down to: then the least that it takes. */
    for (int try = 0; try < TRIES_MAX; try++) {
        double limit = (double)rift_memory_use(&group) * percent / 100;
        char value[64];
        snprintf(value, sizeof value, "%.0f", limit < LIMIT_MIN_BYTES ? LIMIT_MIN_BYTES : limit);
        if (rift_setting_check_tighter(injection, value, err))
            return -1;
        if ((group.is_v2 ? rift_setting_inject_apart : rift_setting_inject)(injection, value,
                                                                            err) == 0) {
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
    struct rift_memory_group group;
    if (memory_group(target, injection->options, &group, err))
        return -1;
    int64_t since_ns;
    if (rift_setting_look(injection, &since_ns, err))
        return rift_wrap(err, "memory");
    if (since_ns > 0)
        json_object_set_new(details, "applied_ns", json_integer(since_ns));
    const json_t *undo = injection->undo;
    const struct rift_memory_counts counted = rift_memory_counted(&group, undo);
    long long stall_us = rift_memory_stall_us(target),
              before_us = json_integer_value(json_object_get(undo, "stall_us"));
    char how[256], waited[64] = "";
    if (stall_us >= 0 && before_us >= 0) {
        snprintf(waited, sizeof waited, ", which cost %.1f ms (PSI)",
                 (double)(stall_us - before_us) / 1000);
        json_object_set_new(details, "stall_us", json_integer(stall_us - before_us));
    }
    snprintf(how, sizeof how, "%sthe limit was met %lld times%s, %lld processes were killed for it",
             since_ns > 0 ? "" : "the kernel has not set the limit yet; ", counted.failures, waited,
             counted.kills);
    json_object_set_new(details, "how", json_string(how));
    *is_observed = counted.failures > 0 || counted.kills > 0;
    return 0;
}

static int memory_probe(const struct rift_target *target, const json_t *options,
                        struct rift_fault_ability *ability, struct rift_error *err)
{
    double percent;
    enum rift_memory_by by;
    if (memory_percent(options, &percent, err) || memory_by(options, &by, err))
        return -1;
    rift_memory_group_probe(target, by, ability);
    return 0;
}

const struct rift_fault_driver rift_memory_driver = {
    .name = "memory",
    .probe = memory_probe,
    .plan = memory_plan,
    .inject = memory_inject,
    .renew = rift_setting_renew,
    .heal = rift_setting_heal,
    .observe = memory_observe,
    .forget = rift_setting_forget,
};
