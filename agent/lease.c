/* The lease of all faults: what ends them when the controller is silent for so long. */
#include "agent/lease.h"

#include "agent/faults.h"
#include "common/clock.h"

static void agent_lease_due(void *context)
{
    struct agent *agent = context;
    agent->lease_timer = 0;
    agent->lease_until_ns = 0;
    json_t *healed = json_array();
    struct rift_error err = {0};
    if (faults_heal_all(agent, healed, &err))
        fprintf(stderr, "rift-agent: %s\n", err.text);
    agent_event(agent, "lease_ended", json_pack("{s:o}", "healed", healed));
}

int agent_lease_renew(struct agent *agent, int64_t lease_ms, struct rift_error *err)
{
    if (lease_ms < AGENT_LEASE_MIN_MS || lease_ms > AGENT_LEASE_MAX_MS)
        return rift_fail(err, RIFT_ERR_INVALID, "'lease_ms' must be from %d to %d",
                         AGENT_LEASE_MIN_MS, AGENT_LEASE_MAX_MS);
    agent->lease_until_ns = rift_clock_now() + lease_ms * RIFT_MS;
    loop_timer_cancel(&agent->loop, agent->lease_timer);
    agent->lease_timer =
        loop_timer_set(&agent->loop, agent->lease_until_ns, agent_lease_due, agent);
    faults_renew_all(agent);
    return 0;
}
