/* The rows of the table of faults: what is asked, how it is measured, what must be seen. */
#ifndef TESTS_INTEGRATION_FAULT_ROWS_H
#define TESTS_INTEGRATION_FAULT_ROWS_H

#include <stddef.h>

#include "tests/integration/fault_measure.h"

/* Whether the process that answers after the fault must be the one from before. */
enum fault_whose { ANY_PROCESS, SAME_PROCESS, NEW_PROCESS };

struct fault_row {
    const char *fault, *options;
    const char *asked, *what; /* for people */
    fault_measure *measure;
    double base[2], hit[2]; /* bounds: before and after; while it is on */
    enum fault_whose whose;
    const char *not_on; /* the kind of host that cannot have it, and must say so */
    /* What the kernel of the hit host needs before, and what undoes that; not for hosts that share
     * this machine's. */
    const char *prepare, *undo;
};

extern const struct fault_row fault_rows[];
enum { FAULT_ROWS_MAX = 128 };
extern const size_t fault_row_count;

#endif
