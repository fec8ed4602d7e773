/* Starting, stopping and asking the system: the work of jobs. */
#ifndef AGENT_OPERATE_H
#define AGENT_OPERATE_H

#include "agent/job.h"

job_work operate_start, operate_start_again, operate_wait_ready, operate_stop, operate_role,
    operate_wipe, operate_leave, operate_remove;

/* Is the process of [pid, start time] there, and no zombie? */
bool operate_is_alive(const json_t *item);
/* Does the system run, with every process that its start started? */
bool operate_is_whole(const struct agent *agent);

#endif
