/* Ports that a fault's options name. */
#ifndef PLAN_PORTS_H
#define PLAN_PORTS_H

#include "plan/reader.h"

/* In options (checked already), every word of the list `ports` that is a name of the recipe's
 * `ports` becomes its number; what is neither that, nor a number, nor a range is a problem. node:
 * where the option stands, or NULL where it is not given. */
void rift_plan_resolve_ports(struct rift_plan_reader *reader, json_t *options,
                             const struct rift_tree *node);

#endif
