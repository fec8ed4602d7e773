/* An operation: what a process asked, when, and how it ended. */
#ifndef HISTORY_OP_H
#define HISTORY_OP_H

#include <stdint.h>

enum rift_op_type {
    RIFT_OP_OK,   /* happened, between start and end */
    RIFT_OP_FAIL, /* surely did not happen */
    RIFT_OP_INFO, /* unknown: may have happened, may still happen at any time after start */
};

/* The process number of nemesis operations. */
enum { RIFT_PROCESS_NEMESIS = -1 };

/* end of an operation that never completed; sorts after everything. An INFO op keeps the time of
 * its completion event for people, but checkers must treat it as open for ever. */
#define RIFT_TIME_NEVER INT64_MAX

#endif
