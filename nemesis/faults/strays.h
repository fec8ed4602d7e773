/* What of ours is on the network interfaces of this node, found by looking at the kernel. */
#ifndef NEMESIS_FAULTS_STRAYS_H
#define NEMESIS_FAULTS_STRAYS_H

#include "common/error.h"
#include "common/text.h"

/* A line for each interface's filters and root qdiscs that are ours; how many things there are. */
int rift_strays_list(struct rift_text *lines);
/* Removes them, whether a ledger knows them or not. A clsact that such a filter hung on stays:
 * nobody knows any more whose it is. To be called when no fault is on. */
int rift_strays_remove(struct rift_error *err);

#endif
