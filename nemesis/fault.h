/* What a fault is, seen from the plan: its name, its options, and whom it can hit. How it is done
 * is a struct rift_fault_driver in nemesis/faults, which only the agent links. */
#ifndef NEMESIS_FAULT_H
#define NEMESIS_FAULT_H

#include <stdbool.h>

#include "common/option.h"

enum rift_fault_scope {
    RIFT_FAULT_ON_LINKS, /* described by a grudge: which node drops whose packets */
    RIFT_FAULT_ON_NODES, /* described by a list of nodes */
    /* Of the cluster as a whole: the controller carries it out through the recipe, node after node,
     * and the agents have no driver of it. */
    RIFT_FAULT_ON_MEMBERSHIP,
};

struct rift_fault {
    const char *name;
    const char *summary;
    /* What it really does to the node or on the wire, and how its end is assured, for the docs. */
    const char *effect;
    enum rift_fault_scope scope;
    /* On links: how a node is hit for one that its grudge names, "n1 deaf to n2"; NULL: so. */
    const char *reads;
    /* The agents know it as another fault of that name; NULL: its own. */
    const char *driver;
    /* Its option "links" has the driver's options for each link, {source: {destination: {}}}, which
     * the plan finds; it holds between all nodes unless a grudge says otherwise. */
    bool is_given_by_link;
    bool needs_disk;  /* of the system's own: disk_mb in the configuration */
    bool needs_layer; /* over the system's data folders: disk_layer in the configuration */
    /* Its processes may be gone after it: a heal that the controller asks for starts it again. */
    bool stops_system;
    bool is_alone;     /* a node that has it on refuses a second one */
    bool damages_data; /* for good: a chaos has it only where it is named */
    bool hits_host;    /* not the system alone: a chaos has it only where it is named */
    bool needs_load;   /* felt, and observed, only by a system that reaches the limit: the same */
    bool hits_clients; /* of the system, at ports of its option "ports"; seen from the controller */
    bool needs_upgrade;    /* of the system: upgrade_to in the configuration */
    bool needs_membership; /* of the recipe: its section membership */
    bool can_change; /* while it is on, where its option changeable is true: vary_s, rift shell */
    bool hits_all;   /* unless targets say otherwise; else it hits one node */
    const struct rift_option
        *options; /* its own; ends with a NULL name. Timing (every_s, for_s) and
                     targets are options of every fault and stand in the schedule. */
    /* Options of which one at least must be other than 0, or nothing would happen; where none of
     * them is given, the first is usual_ask. NULL: it needs none. */
    const char *const *asks;
    int usual_ask;
};

/* Every fault, in the order of the docs; ends with NULL. */
extern const struct rift_fault *const rift_faults[];
/* Not among them: the step of a sequence that breaks nothing and waits for its option "until", one
 * of rift_wait_words, for as long as its window at most. */
extern const struct rift_fault rift_wait_for;
extern const char *const rift_wait_words[]; /* new-leader, leader, healthy, NULL */
const struct rift_fault *rift_fault_find(const char *name);

#endif
