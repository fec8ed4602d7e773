/* A run, phase by phase. */
#ifndef CONTROL_RUN_RUN_H
#define CONTROL_RUN_RUN_H

#include <stdbool.h>

#include "plan/plan.h"

struct run_request {
    const struct rift_plan *plan;
    const char *runs_folder;  /* "runs" */
    const char *command;      /* that repeats this run, for the report */
    const char *agent_binary; /* local path of rift-agent */
    const char *program;      /* rift itself, as of struct judge_request */
    bool is_quiet;            /* no progress on stderr */
};

/* Does it all: hosts, agents, system, operations and faults, heal, logs, verdict, report. Says on
 * stderr what goes wrong, and prints the summary on stdout. Returns the exit code of the program:
 * that of the verdict, RIFT_EXIT_USAGE where the configuration asks for what cannot be, or
 * RIFT_EXIT_HARNESS. Whatever happens, what was broken is healed, and a history that was begun is
 * judged as far as it is. To be called before the process has a thread. */
int run_test(const struct run_request *request);

#endif
