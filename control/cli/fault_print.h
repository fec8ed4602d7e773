/* What the nodes say of a fault, for people: a line each. */
#ifndef CONTROL_CLI_FAULT_PRINT_H
#define CONTROL_CLI_FAULT_PRINT_H

#include <jansson.h>

/* result is what fault_window_observe or fault_window_heal gave; member is "observed" or "after".
 */
void fault_print_nodes(const json_t *result, const char *member);

#endif
