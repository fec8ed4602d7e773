/* What the report shows of a run, gathered from its directory. */
#ifndef REPORT_RUN_DATA_H
#define REPORT_RUN_DATA_H

#include <jansson.h>

#include "common/error.h"
#include "history/history.h"

/* Of a history and the verdict on it; the object is the caller's. Times are seconds since the run
 * began:
 *   verdict           as in verdicts.json
 *   unit              "s"; "event" where the format has no times: then times are numbers of events
 *   counts            {f: {ok, fail, info}}
 *   windows           [{fault, what, from, to (null: never ended), nodes: {n: {from, to,
 * observed}}}] scatter           {names, points: [[time, latency ms, index into names, 0 ok|1
 * fail|2 info]]} anomalies         [{checker, ...anomaly of the verdict, lanes: [row...]}]; an
 * order of a valid history stands among them with is_order: true ops               {row: {process,
 * f, key, argument, result, type, error, node, start, end}} truncated         true where the
 * history's tail was torn */
json_t *report_history_data(const struct rift_history *history, const json_t *verdict);

/* Of a run directory: the same, and
 *   run               as in verdicts.json
 *   plan              the text of plan.yaml
 *   logs              [{node, name, path, size}]
 * NULL on failure. */
json_t *report_run_data(const char *run_directory, struct rift_error *err);

#endif
