/* Something that is done to a fault on the network, in the thread that may wait for rtnl. A fault
 * whose turn comes may be gone by then, or be another one of that name. */
#ifndef AGENT_FAULT_ACT_H
#define AGENT_FAULT_ACT_H

#include "agent/fault.h"
#include "agent/net_thread.h"

struct act {
    struct net_work work;
    struct agent *agent;
    int64_t request_id;
    json_t *args; /* the request's; or NULL */
    char id[RIFT_FAULT_ID_SIZE];
    struct fault *fault;             /* that the thread works on; or NULL */
    struct rift_injection injection; /* as it was then: it is renewed meanwhile */
    struct rift_error found;         /* that it does not stand any more */
    json_t *ok;
    int rc;
    struct rift_error err;
};

/* kind has the steps. VERB_LATER or -1. */
int fault_act_queue(const struct net_work *kind, struct fault *fault, int64_t request_id,
                    const json_t *args, struct rift_error *err);
/* The thread works on the fault from now on; true. */
bool fault_act_take(struct act *act, struct fault *fault);
/* In the thread: does the fault still stand? */
void fault_act_check(struct act *act);
/* Releases it; the latter after the answer to its request. */
void fault_act_close(struct act *act);
void fault_act_answer(struct act *act);

#endif
