/* The monitors by name, for the table. */
#ifndef CHECKERS_MONITORS_REGISTRY_H
#define CHECKERS_MONITORS_REGISTRY_H

#include "checkers/monitors/monitor.h"

extern const struct rift_monitor rift_monitor_register_unique;
extern const struct rift_monitor rift_monitor_set;
extern const struct rift_monitor rift_monitor_mutex;
extern const struct rift_monitor rift_monitor_owned_lock;
extern const struct rift_monitor rift_monitor_counter;
extern const struct rift_monitor rift_monitor_fetch_add;
extern const struct rift_monitor rift_monitor_queue;
extern const struct rift_monitor rift_monitor_priority_queue;
extern const struct rift_monitor rift_monitor_unordered_queue;
extern const struct rift_monitor rift_monitor_stack;

#endif
