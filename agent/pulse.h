/* What the guardian looks at: by when the agent will have said again that it is alive. In memory
 * that both share. */
#ifndef AGENT_PULSE_H
#define AGENT_PULSE_H

#include <stdint.h>

struct pulse;

/* To be made before the fork; NULL with errno. Goes with the processes. */
struct pulse *pulse_create(void);
/* Of the agent: by then it will have said so again; if not, it is killed a few seconds later. 0: it
 * says nothing. Returns what was expected before. */
int64_t pulse_expect(struct pulse *pulse, int64_t until_ns);
/* Of the guardian. */
int64_t pulse_expected(const struct pulse *pulse);

#endif
