/* One row of the table of faults on one kind of host: measured before the fault, while it is on,
 * and after it was healed, and what is left then. */
#ifndef TESTS_INTEGRATION_FAULT_PLAY_H
#define TESTS_INTEGRATION_FAULT_PLAY_H

#include <jansson.h>

#include "control/remote/node.h"
#include "tests/integration/fault_rows.h"

enum { FAULT_CELL_SIZE = 200 };

/* Whether all was as the row says. The host stands as node_state_read found it before; cell, empty
 * at first, tells people what was seen. */
bool fault_play(const struct fault_row *row, struct fault_bench *bench, const char *before,
                char cell[FAULT_CELL_SIZE]);
/* The same in a session that is open already, and stays; before was read while it was. */
struct rift_node *fault_play_open(const struct rift_lab_host *host, char cell[FAULT_CELL_SIZE]);
bool fault_play_within(const struct fault_row *row, struct rift_node *node,
                       struct fault_bench *bench, const char *before, char cell[FAULT_CELL_SIZE]);
/* Its parts, for a fault that ends in another way: what the agent's verb "inject" takes, under the
 * id "table"; and what is left on the host, appended to cell as a failure. */
json_t *fault_play_args(const struct fault_row *row, const struct rift_lab_host *peer);
void fault_play_remains(const struct rift_lab_host *host, const char *before,
                        char cell[FAULT_CELL_SIZE]);

#endif
