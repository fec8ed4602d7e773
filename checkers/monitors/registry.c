/* The table of all monitors. */
#include "checkers/monitors/registry.h"

const struct rift_monitor *const rift_monitors[] = {
    &rift_monitor_register_unique,
    &rift_monitor_set,
    &rift_monitor_mutex,
    &rift_monitor_owned_lock,
    &rift_monitor_counter,
    &rift_monitor_fetch_add,
    &rift_monitor_queue,
    &rift_monitor_priority_queue,
    &rift_monitor_unordered_queue,
    &rift_monitor_stack,
    NULL,
};
