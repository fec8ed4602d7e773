/* The recipe's commands of membership, carried out on this node for whichever node they are about:
 * the work of jobs. */
#ifndef AGENT_MEMBERSHIP_H
#define AGENT_MEMBERSHIP_H

#include "agent/job.h"

job_work membership_work;

#endif
