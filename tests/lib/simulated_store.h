/* A transactional store in memory that is exactly as isolated as it says, with many processes whose
 * steps a seed interleaves; what they saw comes out as a history. */
#ifndef TESTS_LIB_SIMULATED_STORE_H
#define TESTS_LIB_SIMULATED_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "history/history.h"

enum store_level {
    STORE_SERIAL,           /* one transaction at a time, somewhere between start and end */
    STORE_SNAPSHOT,         /* snapshot at the start, the first committer wins */
    STORE_READ_COMMITTED,   /* each read sees what is committed; write locks until the end */
    STORE_READ_UNCOMMITTED, /* each read sees everything; write locks until the end */
    STORE_CHAOS,            /* no locks at all; an abort takes its writes out again */
};

struct store_options {
    enum store_level level;
    bool is_list; /* appends to lists; else writes of registers */
    int process_count;
    int transaction_count;
    int key_count;
    int mops_max;        /* in a transaction; at most STORE_MOPS_MAX */
    int abort_percent;   /* of transactions that could commit */
    int unknown_percent; /* of outcomes that are lost on the way back */
    int writes_per_key;  /* then another key takes its place */
    bool has_no_times;   /* only the order in each process is told, as in the formats of Plume */
    int read_percent;    /* of micro-operations; 0: half */
    int mops_min;        /* 0: one */
    uint64_t seed;
};

enum { STORE_MOPS_MAX = 8 };

/* The caller destroys it. Times are steps of the store. */
struct rift_history *store_run(const struct store_options *options);

#endif
