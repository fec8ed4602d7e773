/* A change keeps every attribute that it leaves out, so each message has all of them. */
#include "nemesis/faults/network/netem.h"

#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <stdlib.h>

#include "nemesis/faults/network/tc_message.h"

enum { LOOPBACK = 1, MESSAGE_BYTES = 8192 };
/* TCA_NETEM_PRNG_SEED, Linux 6.6; a kernel before has chances of its own, and ignores it. */
enum { PRNG_SEED = 14 };

/* netem refuses to be made without options, and a kernel without netem says that first. */
bool rift_netem_exists(struct rift_tc *tc)
{
    struct nl_msg *message =
        rift_tc_message(RTM_NEWQDISC, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE | NLM_F_EXCL,
                        LOOPBACK, TC_H_ROOT, 0, 0);
    if (nla_put_string(message, TCA_KIND, "netem") < 0)
        abort();
    return rift_tc_send(tc, message) == -NLE_INVAL;
}

/* A delay is drawn as a place in the table, modulo its length, in which nothing is left of a
 * correlation; and its jitter is cut to 31 bits (tabledist and netem_change of sch_netem.c). */
const char *rift_netem_shortfall(const struct rift_link_quality *quality)
{
    if (quality->jitter_ns > INT32_MAX)
        return "netem's jitter (of delays_ms a quarter of what the farthest is off) is 2147 ms at "
               "most";
    if (quality->jitter_ns > 0 && quality->delay_correlation > 0)
        return "netem's delays are independent, whatever delay_correlation_percent says";
    return NULL;
}

static void put(struct nl_msg *message, int type, const void *data, size_t size)
{
    if (nla_put(message, type, (int)size, data) < 0)
        abort();
}

static void put_loss(struct nl_msg *message, const struct rift_link_quality *quality)
{
    struct tc_netem_gemodel model = {.p = rift_chance_u32(quality->to_bad),
                                     .r = rift_chance_u32(quality->to_good),
                                     .h = rift_chance_u32(1 - quality->bad_loss),
                                     .k1 = rift_chance_u32(quality->good_loss)};
    struct nlattr *loss = nla_nest_start(message, TCA_NETEM_LOSS);
    put(message, NETEM_LOSS_GE, &model, sizeof model);
    nla_nest_end(message, loss);
}

int rift_netem_set(struct rift_tc *tc, int interface, uint32_t parent, uint32_t handle,
                   const struct rift_link_quality *quality, struct rift_error *err)
{
    struct tc_netem_qopt head = {.limit = quality->limit, .gap = quality->reorder > 0};
    struct tc_netem_reorder reorder = {.probability = rift_chance_u32(quality->reorder)};
    struct tc_netem_corrupt corrupt = {.probability = rift_chance_u32(quality->corrupt)};
    struct tc_netem_slot slot = {.min_delay = quality->slot_least_ns,
                                 .max_delay = quality->slot_most_ns};
    int16_t table[RIFT_DELAY_TABLE_SIZE];
    rift_link_quality_table(quality, table);
    struct nl_msg *message = rift_tc_message(
        RTM_NEWQDISC, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE, interface, parent, handle, 0);
    if (nlmsg_expand(message, MESSAGE_BYTES) < 0)
        abort();
    put(message, TCA_KIND, "netem", sizeof "netem");
    /* netem's own struct comes first, its attributes right behind it. */
    struct nlattr *options = nla_nest_start(message, TCA_OPTIONS);
    if (nlmsg_append(message, &head, sizeof head, NLMSG_ALIGNTO) < 0)
        abort();
    put(message, TCA_NETEM_LATENCY64, &quality->delay_ns, sizeof quality->delay_ns);
    put(message, TCA_NETEM_JITTER64, &quality->jitter_ns, sizeof quality->jitter_ns);
    put(message, TCA_NETEM_REORDER, &reorder, sizeof reorder);
    put(message, TCA_NETEM_CORRUPT, &corrupt, sizeof corrupt);
    put(message, TCA_NETEM_SLOT, &slot, sizeof slot);
    put(message, TCA_NETEM_DELAY_DIST, table, sizeof table);
    put(message, PRNG_SEED, &quality->seed, sizeof quality->seed);
    put_loss(message, quality);
    nla_nest_end(message, options);
    int rc = rift_tc_send(tc, message);
    return rc < 0 ? rift_tc_fail(err, rc, "set netem", interface) : 0;
}
