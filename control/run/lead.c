/* The first lead is a guess; what nodes then take, measured at every window, goes before it. */
#include "control/run/lead.h"

#include "common/clock.h"

#define LEAD_LEAST_NS (100 * RIFT_MS)
#define LEAD_MOST_NS  (5 * RIFT_SECOND)
/* To plan, write the ledger and load a program, where many nodes share a processor. */
#define LEAD_NODE_NS  (10 * RIFT_MS)
#define LEAD_TRIP_MAX (2 * RIFT_SECOND)

int64_t lead_clock_error(const struct cluster *cluster)
{
    int64_t greatest_ns = 0;
    for (size_t i = 0; i < cluster->node_count; i++) {
        int64_t error_ns = 0; /* half of a round trip; of a node without contact it says nothing */
        rift_node_clock_offset(cluster->nodes[i], &error_ns);
        if (error_ns <= LEAD_TRIP_MAX / 2 && error_ns > greatest_ns)
            greatest_ns = error_ns;
    }
    return greatest_ns;
}

int64_t lead_of(const struct lead *lead, const struct cluster *cluster)
{
    int64_t trip_ns = 2 * lead_clock_error(cluster), lead_ns;
    int64_t slowest_ns = atomic_load(&lead->slowest_ns);
    lead_ns = LEAD_LEAST_NS + 2 * trip_ns + (int64_t)cluster->node_count * LEAD_NODE_NS;
    if (lead_ns < slowest_ns + slowest_ns / 2)
        lead_ns = slowest_ns + slowest_ns / 2;
    return lead_ns < LEAD_MOST_NS ? lead_ns : LEAD_MOST_NS;
}

void lead_learn(struct lead *lead, int64_t took_ns)
{
    int64_t slowest_ns = atomic_load(&lead->slowest_ns), next_ns;
    do {
        next_ns = slowest_ns - slowest_ns / 8;
        next_ns = took_ns > next_ns ? took_ns : next_ns;
    } while (!atomic_compare_exchange_weak(&lead->slowest_ns, &slowest_ns, next_ns));
}
