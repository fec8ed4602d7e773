/* Which programs the system runs right now, found in /proc: the work of a job. */
#ifndef AGENT_PROGRAMS_H
#define AGENT_PROGRAMS_H

#include "agent/job.h"

job_work programs_work;

#endif
