/* The delay line: a process that packets are led through where the kernel cannot let them wait. A
 * BPF program redirects them to its TAP; it holds each for its time and sends it on, marked, so
 * that the program lets it pass. */
#ifndef NEMESIS_FAULTS_NETWORK_LINE_H
#define NEMESIS_FAULTS_NETWORK_LINE_H

#include <jansson.h>

#include "common/error.h"
#include "nemesis/faults/network/link_quality.h"

enum { RIFT_LINE_LINKS_MAX = 1024 };

struct rift_line;

/* What has become of packets, as the process counts. */
struct rift_line_counts {
    uint64_t taken, lost, duplicated, corrupted, silent, early, overflown, sent;
    uint64_t lateness_ns; /* summed over sent: behind the time that each was due */
};

/* Starts the process, which waits; undo's "line" says which it is. What it sends has the mark. */
struct rift_line *rift_line_start(json_t *undo, uint32_t mark, struct rift_error *err);
/* Says how good the link to a peer is, and that an address is one of the peer's, and by which
 * interface it leads; before the line is opened or while it runs. What is known already is changed,
 * and what waits is kept. Rate and limit are of all addresses of a peer together; peers are
 * numbered from 0, below RIFT_LINE_LINKS_MAX. */
int rift_line_set(struct rift_line *line, size_t peer, const char *address, int interface,
                  const struct rift_link_quality *quality, struct rift_error *err);
/* Makes the TAP; tap is its interface. The process ends when the lease does. */
int rift_line_open(struct rift_line *line, int64_t lease_end_ns, int *tap, struct rift_error *err);
/* Fails where the process is gone. */
int rift_line_renew(struct rift_line *line, int64_t lease_end_ns, struct rift_error *err);
struct rift_line_counts rift_line_count(const struct rift_line *line);
/* Releases what this process knows of the line, which goes on. Safe on NULL. */
void rift_line_forget(struct rift_line *line);

/* Ends the process named in undo, by any process; what waits is sent before. Success where it is
 * gone. What is redirected to it later is lost. */
int rift_line_stop(const json_t *undo, struct rift_error *err);

/* How late a process like it wakes up: the worst of a few tries, in ns. */
int64_t rift_line_try_lateness(void);

#endif
