/* What a fault does, measured from outside: by datagrams and streams between the hosts, by what the
 * system under test answers to this machine, by a clock read, by files seen through a shell.
 * Nothing here asks an agent. */
#ifndef TESTS_INTEGRATION_FAULT_MEASURE_H
#define TESTS_INTEGRATION_FAULT_MEASURE_H

#include <stdbool.h>
#include <sys/types.h>

#include "lab/lab.h"

enum fault_phase { FAULT_BEFORE, FAULT_DURING, FAULT_AFTER };

struct fault_bench {
    const struct rift_lab_host *hit;  /* has the agent, the system and an echo */
    const struct rift_lab_host *peer; /* sends to it */
    enum fault_phase phase;
};

/* One number; NAN where there was no answer. */
typedef double fault_measure(const struct fault_bench *bench);

fault_measure fault_lost_percent;     /* of 4000 datagrams from peer to hit */
fault_measure fault_lost_percent_6;   /* of 100, by IPv6 */
fault_measure fault_down_percent;     /* of 500, of a link that comes and goes */
fault_measure fault_twice_percent;    /* of 4000 */
fault_measure fault_altered_percent;  /* of 4000, come back with another content */
fault_measure fault_checksum_percent; /* of 4000, whose checksum the peer found to be wrong */
fault_measure fault_burst;            /* how many of 4000 are lost in a row, on average */
fault_measure fault_early_percent;    /* of 1000, come back in less than half of the median time */
fault_measure fault_trip_ms;          /* there and back, median of 60 */
fault_measure fault_trip_spread_ms;   /* from the 10th to the 90th percentile of 400 */
fault_measure fault_trip_likeness;    /* correlation of each with the one before, of 400 */
fault_measure fault_rate_mbit;        /* a TCP stream from hit to peer */
fault_measure fault_connections;      /* of 10 from peer to hit, opened within 200 ms each */
/* A connection from peer to hit that was opened in the first phase: bytes there and back in 1 s,
 * and the errno by which it ended; healed tells of a new one. */
fault_measure fault_kept_echoes, fault_kept_error;
fault_measure fault_answers;       /* of the system, to 10 questions */
fault_measure fault_cpu_percent;   /* CPU time that the system gets while it asks for all */
fault_measure fault_growth;        /* how many times of 1 the system can take 24 MiB more */
fault_measure fault_ticks;         /* of one thread of the system, in 500 ms */
fault_measure fault_open_error;    /* errno of an open */
fault_measure fault_fork_error;    /* errno of a fork */
fault_measure fault_write_error;   /* errno of a write with fsync */
fault_measure fault_write_ms;      /* how long a write with fsync takes, at least */
fault_measure fault_write_kb_s;    /* of writes with fsync, one after the other */
fault_measure fault_wrong_bytes;   /* of a file of zeros, as another login reads it */
fault_measure fault_number;        /* in a file: 0 is written before, 1 while it is on; read back */
fault_measure fault_files;         /* of two that were written, one of them synced */
fault_measure fault_host_clock_ms; /* how far the host's wall clock moved against this machine's */
fault_measure fault_host_drift_ppm;
fault_measure fault_system_clock_ms; /* the same of the wall clock that the system sees */
fault_measure fault_system_drift_ppm;
fault_measure fault_system_wrong_percent; /* share of looks that see a clock wrong by a second */

/* Puts fault_witness (a local path) on the host and starts its echo; false where it fails. */
bool fault_witness_start(const struct rift_lab_host *host, const char *program);
/* Ends it and removes it, also after a program that started it has died. */
void fault_witness_end(const struct rift_lab_host *host);
/* Where fault_witness_start puts it. */
#define FAULT_WITNESS_PATH "/usr/local/bin/fault_witness"
#define FAULT_DATA_FOLDER  "/var/lib/witness"
/* The pid by which the system answers; 0 where it does not within 200 ms. */
pid_t fault_system_pid(const struct rift_lab_host *host);

#endif
