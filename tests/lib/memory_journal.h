/* A journal in memory, for tests that look at what was recorded and when. */
#ifndef TESTS_LIB_MEMORY_JOURNAL_H
#define TESTS_LIB_MEMORY_JOURNAL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "control/run/journal.h"
#include "history/history.h"

enum { MEMORY_JOURNAL_MAX = 20000 };

struct memory_record {
    int32_t process;
    char f[32], node[16], error[64];
    int64_t key, argument, argument_to, result; /* integers; -1 for anything else */
    int64_t invoked_ns, start_ns, end_ns;
    enum rift_op_type type;
    bool has_ended;
    json_t *planned, *observed; /* of nemesis operations */
};

struct memory_journal {
    struct memory_record records[MEMORY_JOURNAL_MAX];
    _Atomic int64_t count;
    atomic_bool is_full; /* a test sets it: the disk is full */
};

/* A zeroed one, or one to be used again. */
struct run_journal memory_journal_open(struct memory_journal *journal);
void memory_journal_close(struct memory_journal *journal);

#endif
