/* An agent that is killed between two steps of what it does. A step is a system call of the agent,
 * or of a process that it forks, which may change something on the node, since the last one of
 * which something has: between two of them there is nothing that a death could show. Counted and
 * stopped by ptrace(2), from a process apart. */
#ifndef TESTS_LIB_CRASH_POINT_H
#define TESTS_LIB_CRASH_POINT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What happens before step `at`, counted from 1; 0: nothing, steps are only counted. */
struct crash_plan {
    pid_t agent, guardian; /* as this process counts them; guardian 0: it lives */
    int at;
    /* Only the steps of what the agent forks count, and only the one that is about to take it is
     * killed: agent and guardian live. */
    bool is_helper_alone;
    /* An errno: nobody is killed, but that step is refused with it. Then only calls count that a
     * disk, or a kernel that has no more of something, may refuse. On x86-64 only. */
    int error;
    /* Renames are told done, and are not made: what the ledger is to say it does not. On x86-64
     * only. */
    bool loses_renames;
};

struct crash_seen {
    int steps;
    bool has_struck;
    char step[64]; /* "write of rift-agent" */
};

struct crash_point;

/* From now on. Fails the test where the agent cannot be traced. */
struct crash_point *crash_point_start(const struct crash_plan *plan);
/* So far. */
struct crash_seen crash_point_look(const struct crash_point *point);
/* Lets all go on; what was seen. */
struct crash_seen crash_point_end(struct crash_point *point);

#endif
