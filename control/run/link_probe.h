/* Which node hears which, and how long an answer takes: the agents send each other datagrams, and
 * each says what reached it. This shows a cut or a delay by something other than what made it. */
#ifndef CONTROL_RUN_LINK_PROBE_H
#define CONTROL_RUN_LINK_PROBE_H

#include <stdint.h>

#include "control/run/cluster.h"
#include "nemesis/grudge.h"

enum {
    LINK_PROBE_COUNT = 5,    /* datagrams for each link, unless they are spread */
    LINK_PROBE_SPREAD = 40,  /* the same where they are */
    LINK_NOT_PROBED = -1,    /* not asked for, or one of the two did not answer */
    LINK_PROBE_TIME_MS = 80, /* what a round takes at least */
    LINK_PROBE_DEADLINE_MS = 1000,
};

struct link_probe {
    int64_t late_ms; /* set before the run: how much later than usual an echo may come */
    size_t node_count;
    int *heard;        /* [destination * node_count + source]: datagrams that arrived, or -1 */
    int64_t *trips_ns; /* at the same place: median there and back, or -1 */
};

/* Probes each link that the grudge cuts, at the same time. Any thread. spread_ms: 0, or over how
 * long LINK_PROBE_SPREAD datagrams are sent, for what comes and goes. */
void link_probe_run(struct link_probe *probe, struct cluster *cluster,
                    const struct rift_grudge *links, int64_t spread_ms, int64_t deadline_ms);
void link_probe_finish(struct link_probe *probe);
int link_probe_heard(const struct link_probe *probe, size_t source, size_t destination);
/* Median time in ns of the datagrams' way from the source and back; -1: none came back. */
int64_t link_probe_trip(const struct link_probe *probe, size_t source, size_t destination);

#endif
