/* The report of a run: a summary in the terminal and one self-contained HTML file, both made from
 * the run directory alone.
 *
 * What the directory must hold:
 *   history.rift    the history; faults as nemesis operations, two for each window:
 *                   f "start-<fault>" and "stop-<fault>", argument a map with at least
 *                   "window" (integer, the same in both) and "what" (a text for people: "halves:
 *                   n1 n2 | n3 n4 n5"); the result of a start has "nodes": a map from node name to
 * a map with "applied_ns" (run time at which it took effect there) and "observed" (text); the
 * result of a stop has "nodes" with "healed_ns" plan.yaml       the frozen plan, shown as it is
 *   verdicts.json   {"valid": ..., "reason": ..., "checkers": {name: verdict}, "run": {"name",
 *                   "seed", "started" (ISO 8601), "command" (repeats the run), "duration_s",
 *                   "system", "nodes": [names]}}; every key of "run" may be missing
 *   nodes/<node>/   logs, linked */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "common/error.h"
#include "history/history.h"

/* Prints what a tired person needs: verdict, what broke in words, faults that happened, counts,
 * where the files are. */
int rift_report_print(const char *run_directory, FILE *out, bool use_colour,
                      struct rift_error *err);

/* Writes run_directory/report.html, replacing an old one only when the new one is complete. */
int rift_report_write_html(const char *run_directory, struct rift_error *err);

/* The same page for a history without a run directory and the verdict on it (as
 * rift_verdict_to_json gives it); verdict may hold "orders": [[row...]], the
 * linearisations of a valid history. */
int rift_report_write_history_html(const struct rift_history *history, const json_t *verdict,
                                   const char *path, struct rift_error *err);

#endif
