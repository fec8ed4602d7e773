/* Work that blocks, done in a forked process, so that the loop never waits: installing, starting,
 * asking a system, running a command. */
#ifndef AGENT_JOB_H
#define AGENT_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/agent.h"

/* In the forked process: fills ok, or fails. deadline_ns is that of the job. */
typedef int job_work(struct agent *agent, const json_t *args, int64_t deadline_ns, json_t *ok,
                     struct rift_error *err);
/* In the agent, before the reply goes out. */
typedef void job_done(struct agent *agent, const json_t *ok);
/* The same where it failed, was stopped at its deadline, or died. */
typedef void job_failed(struct agent *agent, int64_t id);

/* Forks for the request, whose reply comes when the work is done; killed a little after args'
 * deadline_ms (or fallback_ms), with a TIMEOUT. done may be NULL. Returns VERB_LATER, or -1. */
int job_start(struct agent *agent, const struct request *request, job_work *work, job_done *done,
              int64_t fallback_ms, struct rift_error *err);
/* The same for no request; *job is its number, for job_cancel. */
int job_start_own(struct agent *agent, const json_t *args, job_work *work, job_done *done,
                  int64_t deadline_ms, int64_t *job, struct rift_error *err);
/* For a job that was just started. */
void job_on_failure(struct agent *agent, int64_t id, job_failed *failed);
/* Kills the job of this request, or of this number, where it is not done yet, and waits for its
 * end, 1 s at most; no reply is sent. */
void job_cancel(struct agent *agent, int64_t id);
void job_kill_all(struct agent *agent);

#endif
