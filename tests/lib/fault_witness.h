/* What tests/integration/fault_table asks the program fault_witness, which it puts on lab hosts:
 * datagrams of one letter, answered by one line of text. */
#ifndef TESTS_LIB_FAULT_WITNESS_H
#define TESTS_LIB_FAULT_WITNESS_H

/* WITNESS_PAIR_PORT: each byte of a TCP connection comes back. */
enum { WITNESS_SYSTEM_PORT = 7500, WITNESS_ECHO_PORT = 7501, WITNESS_PAIR_PORT = 7502 };

/* To the role "system", which an agent keeps as the system under test. */
#define WITNESS_ASK_STATE "q" /* "PID WALL_NS" */
#define WITNESS_ASK_BURN  "b" /* burns for WITNESS_BURN_MS, then "CPU_NS" */
#define WITNESS_ASK_GROW  "m" /* touches WITNESS_GROW_MB more, then "0" */
#define WITNESS_ASK_TICKS "k" /* how often its thread WITNESS_THREAD ran in 500 ms */
#define WITNESS_ASK_OPEN  "o" /* opens a file and closes it; "ERRNO" */
#define WITNESS_ASK_FORK  "p" /* forks a process that ends; "ERRNO" */
#define WITNESS_ASK_WRITE "w" /* writes and syncs a file of its data folder; "ERRNO" */
#define WITNESS_ASK_FILES                                                                          \
    "f" /* writes WITNESS_SYNCED and syncs it, then WITNESS_UNSYNCED; "ERRNO" */
/* To the role "echo", which belongs to no system. Every other datagram it sends back as it came. */
#define WITNESS_ASK_TIME "t" /* "WALL_NS" */

enum { WITNESS_BURN_MS = 1500, WITNESS_GROW_MB = 24, WITNESS_WRITE_KB = 64 };
#define WITNESS_THREAD   "witness-tick"
#define WITNESS_SYNCED   "synced"
#define WITNESS_UNSYNCED "unsynced"

#endif
