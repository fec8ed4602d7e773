/* What the report shows of a run, gathered from its directory. */
#ifndef REPORT_RUN_DATA_H
#define REPORT_RUN_DATA_H

#include <jansson.h>

#include "common/error.h"

/* One object, the caller's; NULL on failure. Times are seconds since the run began:
 *   run, verdict      as in verdicts.json
 *   plan              the text of plan.yaml
 *   counts            {f: {ok, fail, info}}
 *   windows           [{fault, what, from, to (null: never ended), nodes: {n: {from, to, observed}}}]
 *   scatter           {names, points: [[time, latency ms, index into names, 0 ok|1 fail|2 info]]}
 *   anomalies         [{checker, ...anomaly of the verdict, lanes: [row...]}]
 *   ops               {row: {process, f, key, argument, result, type, error, node, start, end}}
 *   logs              [{node, name, path, size}]
 *   truncated         true where the history's tail was torn */
json_t *report_run_data(const char *run_directory, struct rift_error *err);

#endif
