/* Whether busy processes take anything from anybody: on an idle host with more processors than they
 * are, they do not. */
#ifndef NEMESIS_FAULTS_PROCESS_CPU_BURN_H
#define NEMESIS_FAULTS_PROCESS_CPU_BURN_H

#include <stdbool.h>

/* Since they began. */
struct rift_burn_sight {
    int processes, processors;
    double elapsed_s;
    double used_s; /* CPU time of the processes together */
    double idle_s; /* of the processors together */
};

/* The processes had to share processors, or left hardly any idle. */
bool rift_burn_is_felt(const struct rift_burn_sight *sight);

#endif
