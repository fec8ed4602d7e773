/* The checkers by name, for the table. */
#ifndef CHECKERS_REGISTRY_H
#define CHECKERS_REGISTRY_H

#include "checkers/checker.h"

extern const struct rift_checker rift_checker_linearizable;
extern const struct rift_checker rift_checker_sequential;
extern const struct rift_checker rift_checker_staleness;
extern const struct rift_checker rift_checker_k_atomic;
extern const struct rift_checker rift_checker_list_append;
extern const struct rift_checker rift_checker_rw_register;
extern const struct rift_checker rift_checker_timestamps;
extern const struct rift_checker rift_checker_bank;
extern const struct rift_checker rift_checker_long_fork;
extern const struct rift_checker rift_checker_monotonic;
extern const struct rift_checker rift_checker_sessions;
extern const struct rift_checker rift_checker_causal;
extern const struct rift_checker rift_checker_causal_reverse;
extern const struct rift_checker rift_checker_adya;
extern const struct rift_checker rift_checker_kafka;
extern const struct rift_checker rift_checker_watch;
extern const struct rift_checker rift_checker_set;
extern const struct rift_checker rift_checker_set_full;
extern const struct rift_checker rift_checker_queue;
extern const struct rift_checker rift_checker_total_queue;
extern const struct rift_checker rift_checker_counter;
extern const struct rift_checker rift_checker_unique_ids;
extern const struct rift_checker rift_checker_convergence;
extern const struct rift_checker rift_checker_availability;
extern const struct rift_checker rift_checker_log_patterns;
extern const struct rift_checker rift_checker_by_phase;
extern const struct rift_checker rift_checker_fencing;
extern const struct rift_checker rift_checker_clock;
extern const struct rift_checker rift_checker_stats;
extern const struct rift_checker rift_checker_evidence;
extern const struct rift_checker rift_checker_performance;

#endif
