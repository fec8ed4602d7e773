/* disk-error: requests to the system's disk fail, by a rule of the layer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nemesis/faults/disk/layer_fault.h"
#include "nemesis/faults/drivers.h"

static int error_number(const json_t *options, int *number, struct rift_error *err)
{
    static const struct {
        const char *word;
        int number;
    } known[] = {{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EROFS", EROFS}};
    const json_t *given = json_object_get(options, "error");
    const char *word = given ? json_string_value(given) : "EIO";
    for (size_t i = 0; word && i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].word, word) == 0) {
            *number = known[i].number;
            return 0;
        }
    return rift_fail(err, RIFT_ERR_INVALID, "disk-error: there is no error '%s' here",
                     word ? word : "(not a text)");
}

static json_t *error_ops(const json_t *options)
{
    const json_t *ops = json_object_get(options, "on");
    return ops ? json_incref((json_t *)ops) : json_pack("[s, s]", "write", "sync");
}

static int error_inject(struct rift_injection *injection, const struct rift_target *target,
                        struct rift_error *err)
{
    const json_t *options = injection->options;
    int number;
    if (error_number(options, &number, err))
        return -1;
    return rift_layer_fault_inject(injection, target,
                                   json_pack("{s:o, s:s, s:f, s:i}", "ops", error_ops(options),
                                             "files", rift_layer_fault_files(options), "chance",
                                             rift_layer_fault_number(options, "percent", 100) / 100,
                                             "error", number),
                                   err);
}

static int error_observe(const struct rift_injection *injection, const struct rift_target *target,
                         bool *is_observed, json_t *details, struct rift_error *err)
{
    (void)target;
    struct rift_disk_sight sight;
    int number;
    if (error_number(injection->options, &number, err))
        return -1;
    rift_disk_probe_look(injection->live, &sight);
    char how[160] = "no request of a probe's has failed yet";
    for (int use = 0; use < RIFT_DISK_USES && !*is_observed; use++) {
        *is_observed = sight.uses[use].failures > 0 && sight.uses[use].last_error == number;
        if (*is_observed)
            snprintf(how, sizeof how, "%s failed in %llu of %llu tries of a probe's: %s",
                     rift_disk_use_name((enum rift_disk_use)use),
                     (unsigned long long)sight.uses[use].failures,
                     (unsigned long long)sight.uses[use].count, strerror(number));
    }
    json_object_set_new(details, "how", json_string(how));
    return rift_layer_fault_count(injection, is_observed, details, err);
}

static int error_probe(const struct rift_target *target, const json_t *options,
                       struct rift_fault_ability *ability, struct rift_error *err)
{
    (void)target;
    int number;
    if (error_number(options, &number, err))
        return -1;
    return rift_layer_fault_probe(ability);
}

const struct rift_fault_driver rift_disk_error_driver = {
    .name = "disk-error",
    .heal_takes_time = true,
    .probe = error_probe,
    .plan = rift_layer_fault_plan,
    .inject = error_inject,
    .renew = rift_layer_fault_renew,
    .heal = rift_layer_fault_heal,
    .observe = error_observe,
    .forget = rift_layer_fault_forget,
};
