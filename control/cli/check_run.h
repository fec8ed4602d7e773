/* rift check of a run directory: every checker of its plan, and a fresh report. */
#ifndef CONTROL_CLI_CHECK_RUN_H
#define CONTROL_CLI_CHECK_RUN_H

#include <stdbool.h>

/* A directory with the plan of a run, or with its history.rift. */
bool check_run_is_directory(const char *path);
/* Judges it again, writes verdicts.json and report.html, prints the summary. The exit code. */
int check_run_directory(const char *directory);
/* One checker of the plan: prints its verdict as JSON, under the plan's bound on memory. What
 * control/run/judge_process.h starts. The exit code. */
int check_run_one(const char *checker, const char *directory);

#endif
