/* Descriptors of faults of members: restarts, upgrades, growing and shrinking. */
#include <stddef.h>

#include "nemesis/catalogue/descriptors.h"

static const char *const stop_signals[] = {"recipe", "TERM", "INT", "QUIT", "KILL", NULL};
#define ROLLING_OPTIONS                                                                            \
    {.name = "signal",                                                                             \
     .kind = RIFT_OPTION_CHOICE,                                                                   \
     .unit = "",                                                                                   \
     .fallback = "recipe",                                                                         \
     .choices = stop_signals,                                                                      \
     .summary =                                                                                    \
         "what a node is stopped with; recipe: as its section stop says. A unit of systemd "       \
         "is stopped by systemctl"},                                                               \
    {                                                                                              \
        .name = "wait_s", .kind = RIFT_OPTION_RANGE, .unit = "s", .fallback = "0", .minimum = 0,   \
        .maximum = 3600, .summary = "from when a node is ready until the next one is stopped"      \
    }
#define ROLLING_EFFECT                                                                             \
    "Node after node, in an order drawn by the seed: every node of the cluster must be ready, "    \
    "then "                                                                                        \
    "this one is stopped as the recipe says (SIGKILL after its grace), started, and waited for "   \
    "until it is ready again, so that this fault never has two nodes down. for_s is the time "     \
    "limit: no node is stopped after it, and a target that was not reached was not observed. "     \
    "Observed by /proc: the processes are others than before, by pid and start time. "

static const struct rift_option restart_options[] = {ROLLING_OPTIONS, {.name = NULL}};
const struct rift_fault rift_fault_restart = {
    .name = "restart",
    .summary = "a rolling restart: node after node is stopped, started and waited for",
    .effect = ROLLING_EFFECT
    "It is over when the last node is ready. If the controller is lost meanwhile, a node that was "
    "down stays down until the next contact.",
    .scope = RIFT_FAULT_ON_MEMBERSHIP,
    .hits_all = true,
    .options = restart_options,
};

static const struct rift_option upgrade_options[] = {
    ROLLING_OPTIONS,
    {.name = "downgrade",
     .kind = RIFT_OPTION_BOOL,
     .unit = "",
     .fallback = "false",
     .summary = "true: at the end the nodes go back to the first version, one after another"},
    {.name = NULL},
};
const struct rift_fault rift_fault_upgrade = {
    .name = "upgrade",
    .summary = "a rolling upgrade: node after node goes on with the system's other version",
    .effect = ROLLING_EFFECT
    "Between stop and start the artifacts of upgrade_to (in the section system) take the place of "
    "the first ones. With fewer targets than nodes both versions run side by side for the rest of "
    "the window. The SHA-256 of what runs on each node, read from /proc, stands in the history, "
    "and must have changed. A node whose upgrade does not get ready goes back at the end.",
    .scope = RIFT_FAULT_ON_MEMBERSHIP,
    .needs_upgrade = true,
    .hits_all = true,
    .options = upgrade_options,
};

const struct rift_fault rift_fault_membership = {
    .name = "membership",
    .summary = "nodes are removed from the cluster, and join it again, without data, at the end",
    .effect =
        "One node after another: while all other members are ready, another member is asked to "
        "remove it, by the recipe's section membership; then it is killed and its data are wiped. "
        "Only legal changes are asked for: a majority of the cluster's original size stays, and "
        "nothing is asked before the last change is resolved, which is when the list of a third "
        "node shows it. A target that would break the majority is kept, and the history says so. "
        "for_s is the time until the nodes come back: each is added, and started as one that "
        "joins. A removed node is not started by anything else. Observed by the list of another "
        "node, and by /proc. If the controller is lost meanwhile, a node stays out until the next "
        "contact.",
    .scope = RIFT_FAULT_ON_MEMBERSHIP,
    .needs_membership = true,
};
