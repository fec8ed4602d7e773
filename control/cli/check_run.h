/* rift check of a run directory: every checker of its plan, and a fresh report. */
#ifndef CONTROL_CLI_CHECK_RUN_H
#define CONTROL_CLI_CHECK_RUN_H

#include <stdbool.h>

#include "checkers/checker.h"

/* A directory with the plan of a run, or with its history.rift. */
bool check_run_is_directory(const char *path);
/* Judges it again, writes verdicts.json and report.html, prints the summary. What given bounds
 * stands in place of the plan's bounds on each checker. The exit code. */
int check_run_directory(const char *directory, const struct rift_budget *given);
enum { CHECK_RUN_ONE_ARGUMENTS = 7 };
/* check --one CHECKER DIRECTORY TIME_MS MEMORY_BYTES THREADS, what control/run/judge_process.h
 * starts: prints the verdict of one checker of the plan as JSON. The exit code. */
int check_run_one(char **argv);

#endif
