/* Packages and artifacts of the system: the work of a job. */
#ifndef AGENT_INSTALL_H
#define AGENT_INSTALL_H

#include "agent/job.h"

job_work install_work;

/* Removes what an install that was killed may have left (a policy-rc.d of ours). */
void install_clean_up(void);

#endif
