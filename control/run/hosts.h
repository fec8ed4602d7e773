/* The hosts that a plan names, or those of a lab that is brought up for it. */
#ifndef CONTROL_RUN_HOSTS_H
#define CONTROL_RUN_HOSTS_H

#include <stdbool.h>

#include "common/arena.h"
#include "common/error.h"
#include "control/remote/node.h"
#include "plan/plan.h"

struct run_hosts {
    struct rift_node_settings *settings; /* plan->host_count, plan order */
    struct rift_arena arena;
    char *lab_to_take_down; /* a lab that was not there before, or NULL */
};

/* packages: what the lab's hosts must find, NULL-terminated, or NULL. Names of hosts are looked up
 * here, as the agents know numeric addresses only. To be called before the process has a thread. */
int run_hosts_find(struct run_hosts *hosts, const struct rift_plan *plan,
                   const char *const *packages, const char *agent_binary, struct rift_error *err);
/* How to log in to one of them; its address may be a name yet. Texts are the plan's, or live in the
 * arena. */
int run_host_login(struct rift_node_settings *settings, const struct rift_plan_host *host,
                   struct rift_arena *arena, struct rift_error *err);
/* Takes the lab down where run_hosts_find brought it up. Zeroed: nothing. */
void run_hosts_release(struct run_hosts *hosts);

#endif
