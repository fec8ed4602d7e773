/* Values as the text of a column, and back. */
#ifndef CLIENTS_POSTGRES_CELLS_H
#define CLIENTS_POSTGRES_CELLS_H

#include <libpq-fe.h>

#include "history/value.h"

/* JSON, so that any value of a workload goes in and out. free() it. */
char *postgres_value_text(const struct rift_values *values, struct rift_value value);
/* What postgres_value_text wrote, or a number; nil for SQL's NULL and for no row. */
struct rift_value postgres_cell_value(struct rift_values *values, const PGresult *result, int row,
                                      int column);

#endif
