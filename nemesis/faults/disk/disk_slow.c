/* disk-slow: requests to the system's disk take longer, by a rule of the layer. */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "nemesis/faults/disk/layer_fault.h"
#include "nemesis/faults/drivers.h"

static const struct {
    const char *option, *op;
    enum rift_disk_use use;
} kinds[] = {{"sync_ms", "sync", RIFT_DISK_SYNC},
             {"write_ms", "write", RIFT_DISK_WRITE},
             {"read_ms", "read", RIFT_DISK_READ}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void slow_delays(const json_t *options, double ms[KINDS])
{
    for (size_t i = 0; i < KINDS; i++)
        ms[i] = rift_layer_fault_number(options, kinds[i].option, 0);
}

static int slow_plan(struct rift_injection *injection, const struct rift_target *target,
                     const char *ledger, struct rift_error *err)
{
    double ms[KINDS], sum = 0;
    if (rift_layer_fault_plan(injection, target, ledger, err))
        return -1;
    slow_delays(injection->options, ms);
    for (size_t i = 0; i < KINDS; i++)
        sum += ms[i];
    return sum > 0 ? 0
                   : rift_fail(err, RIFT_ERR_INVALID,
                               "disk-slow: none of sync_ms, write_ms and read_ms is above 0, so "
                               "nothing would be slowed");
}

static int slow_inject(struct rift_injection *injection, const struct rift_target *target,
                       struct rift_error *err)
{
    double ms[KINDS];
    json_t *ops = json_array(), *delays = json_object();
    slow_delays(injection->options, ms);
    for (size_t i = 0; i < KINDS; i++)
        if (ms[i] > 0) {
            json_array_append_new(ops, json_string(kinds[i].op));
            json_object_set_new(delays, kinds[i].op, json_real(ms[i]));
        }
    return rift_layer_fault_inject(
        injection, target,
        json_pack("{s:o, s:o, s:s, s:f}", "ops", ops, "delay_ms", delays, "files",
                  rift_layer_fault_files(injection->options), "chance",
                  rift_layer_fault_number(injection->options, "percent", 100) / 100),
        err);
}

/* One that still waits counts once it has waited longer than any healthy disk lets one. */
static int slow_observe(const struct rift_injection *injection, const struct rift_target *target,
                        bool *is_observed, json_t *details, struct rift_error *err)
{
    (void)target;
    struct rift_disk_sight sight;
    double ms[KINDS];
    char how[160] = "no request of a probe's has taken long yet";
    rift_disk_probe_look(injection->live, &sight);
    slow_delays(injection->options, ms);
    int64_t now = rift_clock_now();
    for (size_t i = 0; i < KINDS && !*is_observed; i++) {
        int64_t asked = (int64_t)(ms[i] * RIFT_MS);
        int64_t took = sight.uses[kinds[i].use].longest_ns;
        bool waits = sight.since_ns > 0 && sight.now == kinds[i].use;
        if (waits && now - sight.since_ns > took)
            took = now - sight.since_ns;
        *is_observed = asked > 0 && (took >= asked || (waits && took >= 300 * RIFT_MS));
        if (*is_observed)
            snprintf(how, sizeof how, "%s of a probe's %s %.1f ms",
                     rift_disk_use_name(kinds[i].use),
                     took >= asked ? "took" : "has taken, not ended yet,",
                     (double)took / (double)RIFT_MS);
    }
    json_object_set_new(details, "how", json_string(how));
    return rift_layer_fault_count(injection, is_observed, details, err);
}

static int slow_probe(const struct rift_target *target, const json_t *options,
                      struct rift_fault_ability *ability, struct rift_error *err)
{
    (void)target;
    (void)options;
    (void)err;
    return rift_layer_fault_probe(ability);
}

const struct rift_fault_driver rift_disk_slow_driver = {
    .name = "disk-slow",
    .heal_takes_time = true,
    .probe = slow_probe,
    .plan = slow_plan,
    .inject = slow_inject,
    .renew = rift_layer_fault_renew,
    .heal = rift_layer_fault_heal,
    .observe = slow_observe,
    .forget = rift_layer_fault_forget,
};
