/* What the test program of each monitor does: every small history, and random ones. */
#ifndef TESTS_PROPERTY_MONITOR_SUITE_H
#define TESTS_PROPERTY_MONITOR_SUITE_H

#include "tests/property/monitor_oracle.h"

struct monitor_suite {
    const struct rift_monitor *monitor;
    enum oracle_object object;
    const struct oracle_alphabet *alphabet;
    unsigned small_ops;        /* of the small histories, at most; one more with RIFT_LONG=1 */
    size_t small_valid_min;    /* so many of the small ones are valid, or they test nothing */
    size_t random_count;       /* a million with RIFT_LONG=1 */
    size_t unexplained_one_in; /* silent though no value repeats: one in so many valid ones may be
                                  so; 0: none */
};

/* Two values in a container, without what it answers when they are put in. */
extern const struct oracle_alphabet monitor_container_alphabet;

/* The exit code of main. */
int monitor_suite_run(const struct monitor_suite *suite);

#endif
