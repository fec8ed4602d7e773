/* What a person sees while a run goes on: one line, redrawn in place on a terminal; on anything
 * else one line a phase. */
#ifndef CONTROL_RUN_LIVE_H
#define CONTROL_RUN_LIVE_H

#include <stdbool.h>

#include "control/run/cluster.h"
#include "control/run/interpreter.h"
#include "control/run/nemesis.h"

struct live;

/* Writes to stderr from a thread of its own, so that a terminal that does not take it holds nothing
 * up. is_quiet: nothing is ever written. */
struct live *live_start(bool is_quiet);
/* A new phase in words: "waiting until etcd serves on 5 nodes". Any thread. */
void live_phase(struct live *live, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* From here on the line shows counts and faults; both live until live_detach. nemesis may be NULL.
 */
void live_attach(struct live *live, const struct interpreter *interpreter, struct nemesis *nemesis,
                 const struct cluster *cluster, int64_t origin_ns, int64_t length_ns);
void live_detach(struct live *live);
/* Clears the line and ends the thread. */
void live_stop(struct live *live);

#endif
