/* What the nodes say of a fault, for people: a line each. */
#ifndef CONTROL_CLI_FAULT_PRINT_H
#define CONTROL_CLI_FAULT_PRINT_H

#include <stdbool.h>

#include <jansson.h>

#include "control/run/fault_window.h"

/* result is what fault_window_observe or fault_window_heal gave; member is "observed" or "after".
 */
void fault_print_nodes(const json_t *result, const char *member);

/* Heals it and prints what came of that, name in front. True where it was injected, stayed on until
 * now, and all is seen again that was before; or where it is not alone, as another fault may cover
 * that. */
bool fault_print_end(struct fault_window *fault, const char *name, bool is_alone);

#endif
