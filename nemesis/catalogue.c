/* The descriptors of every fault. The options here are those that the agent's driver reads; when a
 * fault comes and whom it hits are options of every fault and stand in the plan. */
#include <string.h>

#include "nemesis/fault.h"

static const struct rift_fault fault_partition = {
    .name = "partition",
    .summary = "nodes stop hearing each other, as a grudge says",
    .effect =
        "Each node drops, on arrival, every packet from the nodes that its grudge names, IPv4 "
        "and IPv6, on whatever interface the kernel would use to reach them. Senders are not "
        "told. All nodes begin at one agreed instant. The kernel itself passes everything "
        "once the lease is past, whatever became of the agent.",
    .scope = RIFT_FAULT_ON_LINKS,
};

static const char *const kill_signals[] = {"KILL", "TERM", "ABRT", NULL};
static const struct rift_option kill_options[] = {
    {.name = "signal",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "KILL",
     .choices = kill_signals,
     .summary = "what the processes of the system are sent"},
    {.name = NULL},
};
static const struct rift_fault fault_kill = {
    .name = "kill",
    .summary = "the system's processes are killed, and started again at the end",
    .effect = "Every process in the system's own cgroup gets the signal, at once; no process is "
              "ever chosen by name. At the end the system is started again by its recipe. If the "
              "controller is lost the system stays down until the next contact.",
    .scope = RIFT_FAULT_ON_NODES,
    .options = kill_options,
};

static const struct rift_fault fault_pause = {
    .name = "pause",
    .summary = "the system's processes stand still, then go on as if no time had passed",
    .effect =
        "The system's own cgroup is frozen by the kernel's freezer. Connections stay open and "
        "nothing answers. The agent thaws it when the lease runs out, and so does a process "
        "apart that outlives agent and guardian.",
    .scope = RIFT_FAULT_ON_NODES,
};

const struct rift_fault *const rift_faults[] = {
    &fault_partition,
    &fault_kill,
    &fault_pause,
    NULL,
};

const struct rift_fault *rift_fault_find(const char *name)
{
    for (size_t i = 0; rift_faults[i]; i++)
        if (strcmp(rift_faults[i]->name, name) == 0)
            return rift_faults[i];
    return NULL;
}
