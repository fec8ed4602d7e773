/* slow: what this node SENDS to the peers goes at a limited rate, or late, or both.
 *
 * On the way out, because that is where packets can wait. A BPF program sends the peers' packets
 * through a class of HTB, with netem below it for a delay; once the lease is past it sends none
 * there, so the kernel ends the fault, and an inert HTB stays until the next contact. */
#include <linux/pkt_cls.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/clsact.h"
#include "nemesis/faults/drivers.h"
#include "nemesis/faults/peer_filter.h"
#include "nemesis/faults/shape.h"

enum { DEFAULT_RATE_KBIT = 1000 };
enum { RATE_KBIT_MAX = 100000000, DELAY_MS_MAX = 600000 };

static void slow_action(struct rift_bpf_program *p)
{
    rift_peer_count_hit(p);
    rift_bpf_move_value(p, BPF_REG_1, RIFT_SHAPE_CLASS);
    rift_bpf_store(p, BPF_W, BPF_REG_6, offsetof(struct __sk_buff, tc_classid), BPF_REG_1);
    rift_bpf_move_value(p, BPF_REG_0, TC_ACT_OK);
    rift_bpf_exit(p);
}

static int slow_number(const json_t *options, const char *name, double maximum, double *number,
                       struct rift_error *err)
{
    const json_t *given = json_object_get(options, name);
    *number = json_number_value(given);
    if ((given && !json_is_number(given)) || !(*number >= 0 && *number <= maximum))
        return rift_fail(err, RIFT_ERR_INVALID, "slow: '%s' must be from 0 to %.0f", name, maximum);
    return 0;
}

static int slow_shape(const json_t *options, struct rift_shape *shape, struct rift_error *err)
{
    double rate, delay, jitter;
    if (slow_number(options, "rate_kbit", RATE_KBIT_MAX, &rate, err) ||
        slow_number(options, "delay_ms", DELAY_MS_MAX, &delay, err) ||
        slow_number(options, "jitter_ms", DELAY_MS_MAX, &jitter, err))
        return -1;
    if (rate <= 0 && delay <= 0)
        rate = DEFAULT_RATE_KBIT;
    if (jitter > delay)
        return rift_fail(err, RIFT_ERR_INVALID, "slow: jitter_ms must not be above delay_ms");
    shape->rate_bytes = (uint64_t)(rate * 125);
    shape->delay_ns = (int64_t)(delay * 1e6);
    shape->jitter_ns = (int64_t)(jitter * 1e6);
    return 0;
}

static void tc_cleanup(struct rift_tc **tc)
{
    rift_tc_close(*tc);
}

typedef int interface_work(struct rift_tc *tc, int interface, void *context,
                           struct rift_error *err);

/* Does the work on every interface of the record that is still there. */
static int slow_each(const json_t *undo, interface_work *work, void *context,
                     struct rift_error *err)
{
    CLEANUP(tc_cleanup) struct rift_tc *tc = rift_tc_open(err);
    if (!tc)
        return -1;
    const char *name;
    json_t *index;
    json_object_foreach(json_object_get(undo, "interfaces"), name, index)
    {
        char now[IF_NAMESIZE];
        int interface = (int)json_integer_value(index);
        if (if_indextoname((unsigned)interface, now) && work(tc, interface, context, err))
            return -1;
    }
    return 0;
}

static int work_check(struct rift_tc *tc, int interface, void *context, struct rift_error *err)
{
    (void)context;
    return rift_shape_check(tc, interface, err);
}

struct shape_work {
    struct rift_shape shape;
    int program_fd;
    char name[RIFT_TC_NAME_SIZE];
};

static int work_add(struct rift_tc *tc, int interface, void *context, struct rift_error *err)
{
    const struct shape_work *work = context;
    return rift_shape_add(tc, interface, &work->shape, work->program_fd, work->name, err);
}

static int work_remove(struct rift_tc *tc, int interface, void *context, struct rift_error *err)
{
    (void)context;
    return rift_shape_remove(tc, interface, err);
}

static int work_exists(struct rift_tc *tc, int interface, void *context, struct rift_error *err)
{
    bool *all = context, exists = false;
    int rc = rift_shape_exists(tc, interface, &exists, err);
    *all = *all && exists;
    return rc;
}

static int slow_plan(struct rift_injection *injection, const struct rift_target *target,
                     const char *ledger, struct rift_error *err)
{
    (void)ledger;
    struct rift_shape shape;
    if (slow_shape(injection->options, &shape, err) || rift_peer_filter_check(target, err) ||
        rift_interfaces_plan(injection, target, err))
        return -1;
    /* Only after this is the root qdisc ours to remove. */
    return slow_each(injection->undo, work_check, NULL, err);
}

static int slow_attach(const struct rift_injection *injection, int program_fd,
                       struct rift_error *err)
{
    struct shape_work work = {.program_fd = program_fd};
    snprintf(work.name, sizeof work.name, "%s%s", RIFT_TC_OWN_NAME, injection->id);
    if (slow_shape(injection->options, &work.shape, err))
        return -1;
    return slow_each(injection->undo, work_add, &work, err);
}

static int slow_inject(struct rift_injection *injection, const struct rift_target *target,
                       struct rift_error *err)
{
    struct rift_peer_filter *filter =
        rift_peer_filter_create(target, RIFT_TC_EGRESS, slow_action, NULL, err);
    return filter ? rift_peer_filter_inject_by(injection, filter, slow_attach, err) : -1;
}

static int slow_heal(const char *id, const json_t *undo, const char *ledger, struct rift_error *err)
{
    (void)id;
    (void)ledger;
    return slow_each(undo, work_remove, NULL, err);
}

static int slow_observe(const struct rift_injection *injection, const struct rift_target *target,
                        bool *is_observed, json_t *details, struct rift_error *err)
{
    bool all = true;
    if (rift_peer_filter_list(injection, target, details, err) ||
        slow_each(injection->undo, work_exists, &all, err))
        return -1;
    size_t i;
    json_t *peer;
    json_int_t hits = 0;
    json_array_foreach(json_object_get(details, "peers"), i, peer)
    {
        hits += json_integer_value(json_object_get(peer, "hit"));
    }
    char how[96];
    snprintf(how, sizeof how, "%lld packets went through the slow class", (long long)hits);
    json_object_set_new(details, "how", json_string(how));
    int64_t now = rift_clock_now();
    *is_observed = all && hits > 0 && injection->applied_ns <= now && now < injection->lease_end_ns;
    return 0;
}

static int slow_probe(const struct rift_target *target, const json_t *options,
                      struct rift_fault_ability *ability, struct rift_error *err)
{
    struct rift_shape shape;
    if (slow_shape(options, &shape, err) || rift_peer_filter_check(target, err))
        return -1;
    ability->backend = shape.delay_ns > 0 ? "HTB and netem" : "HTB";
    ability->end = "the kernel sends nothing through the slow class once the lease is past, "
                   "whatever was killed; the qdisc goes at the next contact at the latest";
    struct rift_error reason = {0};
    struct rift_injection trial = {.id = "probe", .options = options, .undo = json_object()};
    ability->can = slow_plan(&trial, target, NULL, &reason) == 0;
    if (ability->can) {
        ability->can = slow_inject(&trial, target, &reason) == 0;
        ability->can = slow_heal(trial.id, trial.undo, NULL, &reason) == 0 && ability->can;
        rift_peer_filter_forget(&trial);
    }
    json_decref(trial.undo);
    snprintf(ability->why, sizeof ability->why, "%.255s", ability->can ? "" : reason.text);
    return 0;
}

const struct rift_fault_driver rift_slow_driver = {
    .name = "slow",
    .starts_itself = true,
    .probe = slow_probe,
    .plan = slow_plan,
    .inject = slow_inject,
    .renew = rift_peer_filter_renew,
    .heal = slow_heal,
    .observe = slow_observe,
    .forget = rift_peer_filter_forget,
};
