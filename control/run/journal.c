/* The journal of a real run: the writer of history.rift. */
#include "control/run/journal.h"

static int64_t journal_invoke(void *context, int64_t time_ns, int32_t process, const char *f,
                              const struct rift_values *values, struct rift_value key,
                              struct rift_value argument, const char *node)
{
    return rift_writer_invoke(context, time_ns, process, f, values, key, argument, node);
}

static void journal_complete(void *context, int64_t id, enum rift_op_type type, int64_t start_ns,
                             int64_t end_ns, const struct rift_values *values,
                             struct rift_value result, struct rift_value extra, const char *error)
{
    rift_writer_complete(context, id, type, start_ns, end_ns, values, result, extra, error);
}

static int journal_status(void *context, struct rift_error *err)
{
    return rift_writer_status(context, err);
}

struct run_journal run_journal_of_writer(struct rift_writer *writer)
{
    return (struct run_journal){writer, journal_invoke, journal_complete, journal_status};
}
