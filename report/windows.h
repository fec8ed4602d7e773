/* The fault windows of a run, read back from the nemesis operations of its history. */
#ifndef REPORT_WINDOWS_H
#define REPORT_WINDOWS_H

#include <jansson.h>

#include "history/history.h"

/* [{window, fault, what, from, to, nodes: {name: {from, to, observed}}}], in order of start; times
 * in seconds, to is null where the fault was never seen to end. report.h says what the operations
 * hold. */
json_t *report_windows(const struct rift_history *history);

#endif
