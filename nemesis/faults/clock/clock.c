/* clock: chooses the way. A host that shares its kernel with others (a container, a lab host in
 * namespaces) must leave the clock alone; there only the system's own processes are shown another
 * time. */
#include "nemesis/faults/clock/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "nemesis/faults/drivers.h"
#include "nemesis/faults/ledger.h"
#include "nemesis/faults/tracing.h"

static double option_number(const json_t *options, const char *name)
{
    return json_number_value(json_object_get(options, name));
}

struct clock_bend clock_bend_of(const json_t *options)
{
    return (struct clock_bend){
        .offset_ns = (int64_t)(option_number(options, "offset_ms") * (double)RIFT_MS),
        .drift_ppm = option_number(options, "drift_ppm"),
        .strobe_ns = (int64_t)(option_number(options, "strobe_ms") * (double)RIFT_MS)};
}

static bool is_right_at(const struct clock_bend *bend, int64_t elapsed_ns)
{
    return elapsed_ns < 0 || (bend->strobe_ns && elapsed_ns / bend->strobe_ns % 2 != 0);
}

static int64_t wrong_at(const struct clock_bend *bend, int64_t elapsed_ns)
{
    return bend->offset_ns + (int64_t)((double)elapsed_ns * bend->drift_ppm / 1e6);
}

int64_t clock_bend_at(const struct clock_bend *bend, int64_t elapsed_ns)
{
    return is_right_at(bend, elapsed_ns) ? 0 : wrong_at(bend, elapsed_ns);
}

int64_t clock_bend_until_wrong(const struct clock_bend *bend, int64_t elapsed_ns)
{
    if (!is_right_at(bend, elapsed_ns))
        return 0;
    return elapsed_ns < 0 ? -elapsed_ns : bend->strobe_ns - elapsed_ns % bend->strobe_ns;
}

enum clock_sight clock_bend_judge(const struct clock_bend *bend, const struct clock_look *look)
{
    bool may_be_wrong = look->from_ns + clock_bend_until_wrong(bend, look->from_ns) <= look->to_ns;
    bool may_be_right = is_right_at(bend, look->from_ns) || is_right_at(bend, look->to_ns) ||
                        (bend->strobe_ns && look->to_ns - look->from_ns >= bend->strobe_ns);
    int64_t a = wrong_at(bend, look->from_ns), b = wrong_at(bend, look->to_ns);
    bool is_as_planned =
        may_be_wrong && look->least_ns <= (a > b ? a : b) && look->most_ns >= (a < b ? a : b);
    bool is_as_right = look->least_ns <= 0 && look->most_ns >= 0;
    if (is_as_planned && !is_as_right)
        return CLOCK_BENT;
    return is_as_right && (is_as_planned || may_be_right) ? CLOCK_UNTOLD : CLOCK_OTHER;
}

static const struct rift_fault_driver *way_named(const char *word)
{
    return word && strcmp(word, "host") == 0 ? &rift_clock_host_driver : &rift_clock_process_driver;
}

/* By the option, or what the node can do. */
static const struct rift_fault_driver *way_of(const struct rift_target *target,
                                              const json_t *options)
{
    const char *word = json_string_value(json_object_get(options, "of"));
    if (word && strcmp(word, "auto") != 0)
        return way_named(word);
    struct rift_fault_ability ability = {.can = false};
    rift_clock_host_driver.probe(target, options, &ability, NULL);
    return way_named(ability.can ? "host" : "process");
}

static const struct rift_fault_driver *way_of_undo(const json_t *undo)
{
    return way_named(json_string_value(json_object_get(undo, "of")));
}

static int clock_probe(const struct rift_target *target, const json_t *options,
                       struct rift_fault_ability *ability, struct rift_error *err)
{
    return way_of(target, options)->probe(target, options, ability, err);
}

struct other {
    const char *own_id;
    char id[64]; /* of another one, of the host */
};

static void other_visit(const char *id, const char *fault, const json_t *undo, void *context)
{
    struct other *other = context;
    if (strcmp(fault, "clock") == 0 && strcmp(id, other->own_id) != 0 &&
        way_of_undo(undo) == &rift_clock_host_driver)
        snprintf(other->id, sizeof other->id, "%s", id);
}

/* A second one would take the wrong time for the right one, and leave it behind. */
static int check_alone(const struct rift_injection *injection, const char *ledger,
                       struct rift_error *err)
{
    struct other other = {.own_id = injection->id};
    if (ledger)
        rift_ledger_visit(ledger, other_visit, &other);
    return other.id[0] ? rift_fail(err, RIFT_ERR_CONFLICT,
                                   "clock: clock (%s) is on, and a host has one clock: put them in "
                                   "one lane, or apart in time",
                                   other.id)
                       : 0;
}

static int clock_plan(struct rift_injection *injection, const struct rift_target *target,
                      const char *ledger, struct rift_error *err)
{
    struct clock_bend bend = clock_bend_of(injection->options);
    if (bend.offset_ns == 0 && fpclassify(bend.drift_ppm) == FP_ZERO)
        return rift_fail(
            err, RIFT_ERR_INVALID,
            "clock: neither offset_ms nor drift_ppm is given, so nothing would change");
    if (bend.strobe_ns != 0 && bend.strobe_ns < RIFT_MS)
        return rift_fail(err, RIFT_ERR_INVALID,
                         "clock: 'strobe_ms' must be 0, for none, or at least 1");
    const struct rift_fault_driver *way = way_of(target, injection->options);
    if (way == &rift_clock_process_driver &&
        rift_tracing_check(injection, RIFT_TRACING_VISITS, ledger, err))
        return -1;
    struct rift_fault_ability ability = {.can = false};
    if (way == &rift_clock_host_driver) {
        if (way->probe(target, injection->options, &ability, err))
            return -1;
        if (!ability.can)
            return rift_fail(err, RIFT_ERR_UNSUPPORTED, "clock: %s", ability.why);
        if (check_alone(injection, ledger, err))
            return -1;
    }
    json_object_set_new(injection->undo, "of", json_string(way->name));
    return way->plan(injection, target, ledger, err);
}

static int clock_descriptor(const struct rift_injection *injection)
{
    const struct rift_fault_driver *way = way_of_undo(injection->undo);
    return way->descriptor ? way->descriptor(injection) : -1;
}

static int clock_inject(struct rift_injection *injection, const struct rift_target *target,
                        struct rift_error *err)
{
    return way_of_undo(injection->undo)->inject(injection, target, err);
}

static int clock_renew(struct rift_injection *injection, struct rift_error *err)
{
    return way_of_undo(injection->undo)->renew(injection, err);
}

static int clock_heal(const char *id, const json_t *undo, const char *ledger,
                      struct rift_error *err)
{
    return way_of_undo(undo)->heal(id, undo, ledger, err);
}

static int clock_observe(const struct rift_injection *injection, const struct rift_target *target,
                         bool *is_observed, json_t *details, struct rift_error *err)
{
    return way_of_undo(injection->undo)->observe(injection, target, is_observed, details, err);
}

static void clock_forget(struct rift_injection *injection)
{
    way_of_undo(injection->undo)->forget(injection);
}

const struct rift_fault_driver rift_clock_driver = {
    .name = "clock",
    .heal_takes_time = true,
    .probe = clock_probe,
    .descriptor = clock_descriptor,
    .plan = clock_plan,
    .inject = clock_inject,
    .renew = clock_renew,
    .heal = clock_heal,
    .observe = clock_observe,
    .forget = clock_forget,
};
