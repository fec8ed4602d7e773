/* All of a lab host's state that a fault may change, as lines of text that two times can be
 * compared by: what node_remains.h reads, and beyond it the system's control groups, processes,
 * limits and disks, and the card. Of a host whose PID 1 this machine has, which may be itself. */
#ifndef TESTS_LIB_NODE_STATE_H
#define TESTS_LIB_NODE_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/text.h"
#include "lab/lab.h"
#include "tests/lib/node_remains.h"

enum { NODE_WHOLE_STATE_SIZE = 2 * NODE_STATE_SIZE };

/* Sorted lines, each begins with its kind: process, file, mount, cgroup, qdisc, filter (as
 * in node_remains.h), state and limit of each process of the system, setting of its groups, handed
 * (controllers of v2), card, loop (devices whose file's path has disk_word in it), mapped (devices
 * of device mapper), clock, objects (BPF). */
void node_whole_state_read(const struct rift_lab_host *host, const char *disk_word,
                           char state[NODE_WHOLE_STATE_SIZE]);

typedef bool node_line_filter(const char *line);
enum node_search { NODE_ALL_DIFFERENCES, NODE_ONLY_NEW };

/* Counts lines that only one of two states has, of those that pass the filter; appends them to
 * found. */
size_t node_state_differences(const char *old, const char *new, node_line_filter *filter,
                              enum node_search search, struct rift_text *found);

#endif
