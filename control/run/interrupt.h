/* Ctrl-C: a thread that waits for SIGINT and SIGTERM, so that they are handled in plain code. */
#ifndef CONTROL_RUN_INTERRUPT_H
#define CONTROL_RUN_INTERRUPT_H

struct interrupt;

/* Blocks both signals in this thread and those it starts later. The first one calls stop on the
 * waiting thread; a second one ends the process at once with exit code 255: faults then end with
 * their leases. NULL where the thread cannot be started. */
struct interrupt *interrupt_watch(void (*stop)(void *context), void *context);
/* No signal is handled any more; both are unblocked. NULL: nothing. */
void interrupt_unwatch(struct interrupt *interrupt);

#endif
