/* What may wait for the kernel's lock of all network devices (rtnl), which others hold for as long
 * as they like: done one after another, in a thread for that, while the loop goes on. No job: maps,
 * programs and what else it makes are the agent's, and the agent is not dead for its guardian
 * before the kernel is through with what the thread has asked for. */
#ifndef AGENT_NET_THREAD_H
#define AGENT_NET_THREAD_H

#include <stdbool.h>

#include "agent/agent.h"

/* Part of what it works with. */
struct net_work {
    struct net_work *next;
    /* In the loop when its turn comes, as the node may be another by then; false: there is nothing
     * to run. */
    bool (*begin)(struct net_work *work);
    void (*run)(struct net_work *work); /* in the thread */
    /* In the loop, before the next one begins. Releases it. */
    void (*done)(struct net_work *work);
};

/* It lives as long as the process. */
struct net_thread *net_thread_open(struct agent *agent, struct rift_error *err);

/* Takes it on, also in another one's done. Fails where too much waits already. */
int net_thread_do(struct net_thread *thread, struct net_work *work, struct rift_error *err);
/* Waits for the end of what runs. Until net_thread_resume nothing else begins, and the caller may
 * do such work itself. */
void net_thread_pause(struct net_thread *thread);
void net_thread_resume(struct net_thread *thread);

#endif
