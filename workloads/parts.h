/* What most workloads are put together from: options as numbers, streams, first and last
 * operations. */
#ifndef WORKLOADS_PARTS_H
#define WORKLOADS_PARTS_H

#include "common/clock.h"
#include "plan/generators/combinators.h"
#include "workloads/workload.h"

/* From the end of a last operation that was not ok to its next try. */
#define WORKLOAD_RETRY_GAP_NS (200 * RIFT_MS)

int64_t workload_integer(const struct rift_workload_request *request, const char *option);
double workload_number(const struct rift_workload_request *request, const char *option);
const char *workload_word(const struct rift_workload_request *request, const char *option);

/* One stream that any thread takes from, at the rate of the plan. */
struct rift_generator *workload_stream(const struct rift_workload_request *request,
                                       rift_source_make *make, void *shared);
/* The same for any generator without due times. */
struct rift_generator *workload_paced(const struct rift_workload_request *request,
                                      struct rift_generator *child);
/* A stream for each thread, each at its share of the rate. source->number is the thread. */
struct rift_generator *workload_thread_streams(const struct rift_workload_request *request,
                                               rift_source_make *make, void *shared);
/* Each thread repeats its operation until one was OK: a final read through
 * every node. */
struct rift_generator *workload_until_each_ok(const struct rift_workload_request *request,
                                              rift_source_make *make, void *shared);
/* count operations of one stream, once each, by the first thread. */
struct rift_generator *workload_first(const struct rift_workload_request *request,
                                      rift_source_make *make, void *shared, uint64_t count);

/* A read of everything, without an argument. */
void workload_make_read(struct rift_source *source, struct rift_values *values,
                        struct rift_planned_op *op);

/* A map from words, at most 8, to values, as {from: 1, to: 2, amount: 5}. */
struct rift_value workload_record(struct rift_values *values, const char *const *names,
                                  const struct rift_value *members, size_t count);

#define WORKLOAD_OPTION_END                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }

#endif
