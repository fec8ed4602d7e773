/* The logs that a run fetched from its nodes, as checkers read them. */
#ifndef CONTROL_RUN_RUN_LOGS_H
#define CONTROL_RUN_RUN_LOGS_H

#include "checkers/checker.h"
#include "common/arena.h"

/* Every file directory/nodes/NODE/FILE, sorted by name; *count is 0 where there are none. They live
 * in the arena. */
const struct rift_log_file *run_logs_find(const char *directory, struct rift_arena *arena,
                                          size_t *count);

#endif
