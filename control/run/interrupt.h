/* Ctrl-C: a thread that waits for SIGINT, for SIGTERM, and for SIGHUP of a terminal that is closed,
 * unless that is ignored (nohup), so that they are handled in plain code. */
#ifndef CONTROL_RUN_INTERRUPT_H
#define CONTROL_RUN_INTERRUPT_H

#include <stdbool.h>

struct interrupt;

/* Blocks these signals in this thread and those it starts later. The first one calls stop on the
 * waiting thread; a second one ends the process at once with exit code 255: faults then end with
 * their leases. NULL where the thread cannot be started. */
struct interrupt *interrupt_watch(void (*stop)(void *context), void *context);
/* No signal is handled any more; they are unblocked. NULL: nothing. */
void interrupt_unwatch(struct interrupt *interrupt);

/* For what must not end half-way, and starts processes that are to know nothing of this: the first
 * of these signals is noted, a second one ends the process. From interrupt_deferred on they are as
 * before; true where there was one. */
void interrupt_defer(void);
bool interrupt_deferred(void);

#endif
