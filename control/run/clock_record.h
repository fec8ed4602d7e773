/* The wall clocks of all nodes, recorded all the time: once a second an operation "clock" of the
 * nemesis that says how far each is from the controller's. */
#ifndef CONTROL_RUN_CLOCK_RECORD_H
#define CONTROL_RUN_CLOCK_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "control/run/cluster.h"
#include "control/run/interpreter.h"

struct clock_record;

/* asks_system: a fault may show the system's processes another time than the host's, so they are
 * asked as well. Times are recorded from origin_ns (monotonic). NULL where no thread can be
 * started. */
struct clock_record *clock_record_start(struct cluster *cluster, struct interpreter *interpreter,
                                        int64_t origin_ns, bool asks_system,
                                        struct rift_error *err);
/* Waits for the thread, which may be asking the nodes. NULL: nothing. */
void clock_record_stop(struct clock_record *record);

#endif
