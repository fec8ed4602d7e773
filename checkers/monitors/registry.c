/* The table of all monitors. */
#include "checkers/monitors/monitor.h"

const struct rift_monitor *const rift_monitors[] = {
    NULL,
};
