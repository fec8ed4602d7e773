/* The system on one node of a run, a step at a time: for faults that go from node to node. */
#ifndef CONTROL_RUN_NODE_SYSTEM_H
#define CONTROL_RUN_NODE_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"
#include "control/run/cluster.h"

/* One question to one node; takes args (NULL: none) over, and adds deadline_ms to it. The caller
 * owns the answer; NULL where it fails, with the node's name in front of the error. */
json_t *node_system_ask(struct cluster *cluster, size_t node, const char *verb, json_t *args,
                        int64_t deadline_ms, struct rift_error *err);
/* The same where the answer does not matter. */
int node_system_tell(struct cluster *cluster, size_t node, const char *verb, json_t *args,
                     int64_t deadline_ms, struct rift_error *err);
/* Starts it where it does not run, and waits until it is ready. args (may be NULL) are those of
 * system.start, and taken over. */
int node_system_start(struct cluster *cluster, size_t node, json_t *args, int64_t deadline_ms,
                      struct rift_error *err);
/* Every node but `without` (node_count: none) is ready, as its recipe tells; waits for it. */
int node_system_others_ready(struct cluster *cluster, size_t without, int64_t deadline_ms,
                             struct rift_error *err);
/* The processes of the system on the node, as /proc has them (system.programs in
 * common/wire/messages.h): an array, which the caller owns; empty where it cannot be asked. */
json_t *node_system_programs(struct cluster *cluster, size_t node);
/* Not one of the processes is in both; by pid and start time. */
bool node_system_are_others(const json_t *before, const json_t *now);
/* The same programs, by SHA-256, in whatever order and number. */
bool node_system_same_programs(const json_t *before, const json_t *now);

#endif
