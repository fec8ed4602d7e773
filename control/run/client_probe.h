/* Do the system's ports answer clients? Connection attempts from here, where the clients are: what
 * a cut of clients does is seen by something other than what made it. */
#ifndef CONTROL_RUN_CLIENT_PROBE_H
#define CONTROL_RUN_CLIENT_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "common/text.h"
#include "control/run/cluster.h"

/* Zeroed: nobody was asked. */
struct client_probe {
    size_t node_count;
    struct client_answers {
        int tried, answered; /* attempts; a refusal is an answer, as it arrives */
    } * nodes;
};

/* Attempts at the ports (numbers, ranges "7000-7010" of which the first is tried) of each node of
 * the set, side by side. spread_ms: 0: one at each, or over how long CLIENT_PROBE_SPREAD of them
 * are made, for what comes and goes. Returns when all have answered, or wait_ms after the last one.
 */
enum { CLIENT_PROBE_SPREAD = 20 };
void client_probe_run(struct client_probe *probe, const struct cluster *cluster,
                      const struct rift_node_set *nodes, const json_t *ports, int64_t spread_ms,
                      int64_t wait_ms);
void client_probe_finish(struct client_probe *probe);
bool client_probe_all_answer(const struct client_probe *probe, const struct client_probe *before,
                             const struct rift_node_set *nodes);

/* Is the node silent now that answered before (or by turns, where the cut flaps)? In words too. */
bool client_probe_describe_cut(const struct client_probe *before, const struct client_probe *during,
                               size_t node, bool flaps, struct rift_text *text);
/* Does it answer again where it did before? */
bool client_probe_describe_healed(const struct client_probe *before,
                                  const struct client_probe *after, size_t node,
                                  struct rift_text *text);

#endif
