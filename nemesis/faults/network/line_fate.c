/* As netem does it (net/sched/sch_netem.c): a packet that is reordered goes at once, past those
 * that wait; a delay is its mean plus jitter times a random entry of the table, whose index moves
 * slowly where delays are correlated; a slot begins with the first packet that is due after the
 * last one. */
#include "nemesis/faults/network/line_fate.h"

static bool happens(struct rift_line_link *link, double chance)
{
    return chance > 0 && rift_rng_unit(&link->rng) < chance;
}

void rift_line_link_set(struct rift_line_link *link, const struct rift_link_quality *quality)
{
    link->quality = *quality;
    rift_rng_init(&link->rng, quality->seed);
    rift_link_quality_table(quality, link->table);
}

static bool is_lost(struct rift_line_link *link)
{
    const struct rift_link_quality *quality = &link->quality;
    bool was_bad = link->is_bad;
    if (happens(link, was_bad ? quality->to_good : quality->to_bad))
        link->is_bad = !was_bad;
    return happens(link, was_bad ? quality->bad_loss : quality->good_loss);
}

static int64_t draw_delay(struct rift_line_link *link)
{
    const struct rift_link_quality *quality = &link->quality;
    if (quality->jitter_ns == 0)
        return quality->delay_ns;
    double fresh = (double)(uint32_t)rift_rng_next(&link->rng);
    double stay = quality->delay_correlation;
    link->last_random = (uint32_t)(fresh * (1 - stay) + (double)link->last_random * stay);
    /* The upper bits: neighbours in time are neighbours in the table. */
    int16_t entry = link->table[link->last_random / (UINT32_MAX / RIFT_DELAY_TABLE_SIZE + 1)];
    int64_t delay =
        quality->delay_ns + (int64_t)((double)quality->jitter_ns * entry / RIFT_DELAY_TABLE_UNIT);
    return delay > 0 ? delay : 0;
}

static int64_t sent_at(struct rift_line_link *link, int64_t now_ns, size_t bytes)
{
    if (link->quality.rate_bytes == 0)
        return now_ns;
    int64_t begin = link->rate_free_ns > now_ns ? link->rate_free_ns : now_ns;
    link->rate_free_ns = begin + (int64_t)((double)bytes * 1e9 / (double)link->quality.rate_bytes);
    return link->rate_free_ns;
}

struct rift_line_fate rift_line_fate_draw(struct rift_line_link *link, int64_t now_ns, size_t bytes)
{
    const struct rift_link_quality *quality = &link->quality;
    struct rift_line_fate fate = {.is_silent = happens(link, quality->silent)};
    if (is_lost(link))
        return fate;
    fate.is_corrupt = happens(link, quality->corrupt);
    fate.copies = happens(link, quality->duplicate) ? 2 : 1;
    fate.is_early = happens(link, quality->reorder);
    /* What the limit turns away has no part in the rate. */
    for (; fate.room < fate.copies && link->waiting < quality->limit; link->waiting++)
        fate.due_ns[fate.room++] =
            sent_at(link, now_ns, bytes) + (fate.is_early ? 0 : draw_delay(link));
    return fate;
}

int64_t rift_line_slot_of(struct rift_line_link *link, int64_t due_ns)
{
    int64_t least_ns = link->quality.slot_least_ns, most_ns = link->quality.slot_most_ns;
    if (most_ns == 0)
        return due_ns;
    if (link->slot_ns < due_ns)
        link->slot_ns =
            due_ns + least_ns + (int64_t)(rift_rng_unit(&link->rng) * (double)(most_ns - least_ns));
    return link->slot_ns;
}
