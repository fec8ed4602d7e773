/* What a node still has of a run, found without the agent: by tc, /proc and the file system, inside
 * the lab host, against how the host was before. */
#ifndef TESTS_LIB_NODE_REMAINS_H
#define TESTS_LIB_NODE_REMAINS_H

#include <stddef.h>

#include "common/text.h"
#include "lab/lab.h"

enum { NODE_STATE_SIZE = 65536 };

/* One line for each thing: qdiscs and filters, BPF objects held by processes, processes, control
 * groups, mounts, files where Rift or a system could leave some. */
void node_state_read(const struct rift_lab_host *host, char state[NODE_STATE_SIZE]);
/* Lines of after that are not in before, appended to found; returns their number. The cached agent
 * binary and the empty ledger are no remains. */
size_t node_remains(const char *before, const char *after, struct rift_text *found);

/* The same of the host as it is now; processes that were told to end may take some seconds, so it
 * is looked at until nothing is left, or for 10 s. */
size_t node_remains_in_time(const struct rift_lab_host *host, const char *before,
                            struct rift_text *found);

/* BPF programs and maps of Rift's that stand for that host: their names end with its network
 * namespace, as the kernel counts them for all namespaces together. */
size_t node_bpf_objects(const struct rift_lab_host *host);

/* Fails the test, saying when and what is left, unless each host becomes as its state in before,
 * without BPF objects. */
void nodes_assert_clean(const struct rift_lab_host *hosts, size_t count,
                        char (*before)[NODE_STATE_SIZE], const char *when);

#endif
