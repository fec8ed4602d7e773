/* Processes by identity: a pid alone may have become someone else's. */
#ifndef COMMON_PROCESS_H
#define COMMON_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* proc(5): comm has 16 bytes; a kernel worker tells more. */
enum { RIFT_PROCESS_NAME_SIZE = 32 };

/* A process of this boot: its pid and when it started, in clock ticks since boot (proc(5), field 22
 * of stat). */
struct rift_process {
    pid_t pid;
    uint64_t start_ticks;
};

/* False when no such process is there. */
bool rift_process_identify(pid_t pid, struct rift_process *process);
/* Still the same process, and no zombie. */
bool rift_process_is_alive(const struct rift_process *process);
/* It was killed and has not ended yet, which on a busy node takes a while. */
bool rift_process_is_dying(pid_t pid);
/* 0 when it is gone. */
pid_t rift_process_parent(pid_t pid);
/* The letter of proc(5), 'R', 'S', 'T', 't', 'D', 'Z', ...; 0 when it is gone. */
char rift_process_state(pid_t pid);
/* What it calls itself, a thread too (proc(5), comm); empty when it is gone. */
void rift_process_name(pid_t pid, char name[RIFT_PROCESS_NAME_SIZE]);
/* The states of all its threads, as one letter where all agree, else '*'; 0 when it is gone. One
 * that sleeps uninterruptibly (D) runs nothing either and agrees with any other, an ended one too.
 */
char rift_process_threads_state(pid_t pid);
/* A pidfd (close-on-exec), or -1 with errno; ESRCH also when the pid is another's by now. */
int rift_process_open(const struct rift_process *process);
/* From now on the calling thread gets a processor before those of others, busy as they are, where
 * the kernel allows it. Threads and processes that it starts do not. `priority` is one of SCHED_RR,
 * from 1. */
void rift_process_hurry(int priority);
/* As kill(2), but never hits another process. 0, or -1 with errno. */
int rift_process_signal(const struct rift_process *process, int signal);

#endif
