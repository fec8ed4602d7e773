/* The lease of all faults: what ends them when the controller is silent for so long. */
#include "agent/lease.h"

#include "agent/faults.h"
#include "agent/heal_all.h"
#include "agent/pulse.h"
#include "common/clock.h"

enum { AGAIN_MS = 5000, HEAL_MS = 60000 };

/* What cannot be healed now may be later. */
static void agent_lease_due(void *context)
{
    struct agent *agent = context;
    bool has_just_ended = agent->lease_until_ns != 0;
    agent->lease_until_ns = 0;
    pulse_expect(agent->pulse, rift_clock_now() + HEAL_MS * RIFT_MS);
    if ((has_just_ended || agent->faults) && !heal_all_is_under_way(agent))
        heal_all_at_lease_end(agent);
    int64_t again = rift_clock_now() + AGAIN_MS * RIFT_MS;
    agent->lease_timer = loop_timer_set(&agent->loop, again, agent_lease_due, agent);
    pulse_expect(agent->pulse, again);
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
    pulse_expect(agent->pulse, agent->lease_until_ns);
    faults_renew_all(agent);
    return 0;
}
