/* Where operations are recorded while a test runs: history.rift, or the memory of a test. */
#ifndef CONTROL_RUN_JOURNAL_H
#define CONTROL_RUN_JOURNAL_H

#include <stdint.h>

#include "common/error.h"
#include "history/op.h"
#include "history/value.h"
#include "history/writer.h"

/* The functions of history/writer.h, with its contract. */
struct run_journal {
    void *context;
    int64_t (*invoke)(void *context, int64_t time_ns, int32_t process, const char *f,
                      const struct rift_values *values, struct rift_value key,
                      struct rift_value argument, const char *node);
    void (*complete)(void *context, int64_t id, enum rift_op_type type, int64_t start_ns,
                     int64_t end_ns, const struct rift_values *values, struct rift_value result,
                     struct rift_value extra, const char *error);
    int (*status)(void *context, struct rift_error *err);
};

struct run_journal run_journal_of_writer(struct rift_writer *writer);

#endif
