/* Judges a history while it is being written, to end a run soon after the operation that broke it.
 *
 * Every prefix is judged as it is: what is open may still happen or not, so "violated" is final.
 * Only what is proven counts; a key that takes too long is left to the check after the run. */
#ifndef CHECKERS_LINEARIZABILITY_ONLINE_H
#define CHECKERS_LINEARIZABILITY_ONLINE_H

#include <jansson.h>

#include "common/error.h"
#include "history/history.h"

struct rift_online;

/* options: as of the checker "linearizable"; its model must be named. NULL and an error otherwise.
 */
struct rift_online *rift_online_create(const json_t *options, struct rift_error *err);
void rift_online_destroy(struct rift_online *online);

/* The same events as the history's writer takes. id: 0 or more, each once. Times are ns since the
 * run began; an invocation may come with an earlier time than the completion will tell. values is
 * the pool of key, argument and result (copied). From any thread; they wait only while a key is
 * being copied. */
void rift_online_invoke(struct rift_online *online, int64_t id, int64_t time_ns, int32_t process,
                        const char *f, const struct rift_values *values, struct rift_value key,
                        struct rift_value argument);
void rift_online_complete(struct rift_online *online, int64_t id, enum rift_op_type type,
                          int64_t start_ns, int64_t end_ns, const struct rift_values *values,
                          struct rift_value result);

/* Judges keys that have new completions, until deadline_ns (rift_clock_now()). True once some key
 * is violated: *reason then says which and why (owned by online). One thread at a time. Call it
 * every 100 ms or so. */
bool rift_online_is_violated(struct rift_online *online, int64_t deadline_ns, const char **reason);

#endif
