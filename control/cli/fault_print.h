/* What the nodes say of a fault, for people: a line each. */
#ifndef CONTROL_CLI_FAULT_PRINT_H
#define CONTROL_CLI_FAULT_PRINT_H

#include <stdbool.h>

#include <jansson.h>

/* result is what fault_window_observe or fault_window_heal gave; member is "observed" or "after".
 */
void fault_print_nodes(const json_t *result, const char *member);

/* Did it end on a node before it was healed? */
bool fault_ended_early(const json_t *healed);

#endif
