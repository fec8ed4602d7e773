/* The part of a run that is recorded: setup operations, operations with faults, recovery, final
 * reads. */
#ifndef CONTROL_RUN_MAIN_PHASE_H
#define CONTROL_RUN_MAIN_PHASE_H

#include <jansson.h>

#include "clients/client.h"
#include "common/error.h"
#include "control/run/cluster.h"
#include "control/run/live.h"
#include "control/run/stop.h"
#include "nemesis/schedule.h"
#include "plan/plan.h"

struct main_phase {
    const struct rift_plan *plan;
    const struct rift_schedule *schedule;
    const struct rift_client *client;
    const struct rift_client_config *configs; /* one a node */
    struct cluster *cluster;
    struct live *live;
    struct run_stop *stop;
    const char *directory; /* history.rift is made here */
};

struct main_phase_result {
    bool has_history;
    int64_t length_ns; /* of the whole recorded part */
    int64_t main_ns;   /* run time at which the main phase began */
    int64_t healed_ns; /* run time at which the last fault was healed */
    uint64_t invoked, ok, fail, info, abandoned, late;
    char stopped[RUN_STOP_REASON_SIZE]; /* why it ended early, or "" */
};

/* Returns when the history is complete and every fault is healed as far as the hosts answer. -1 for
 * trouble of the harness: a full disk, setup operations that do not end. result is filled in any
 * case. */
int main_phase_run(const struct main_phase *phase, struct main_phase_result *result,
                   struct rift_error *err);
/* What of it belongs into verdicts.json; the caller owns it. */
json_t *main_phase_describe(const struct main_phase_result *result);

#endif
