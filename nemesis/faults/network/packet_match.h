/* Which packets of a peer a fault hits: by protocol, port, connection and time. Read from a fault's
 * options, and written into its BPF program. */
#ifndef NEMESIS_FAULTS_NETWORK_PACKET_MATCH_H
#define NEMESIS_FAULTS_NETWORK_PACKET_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "nemesis/faults/network/bpf.h"

enum { RIFT_MATCH_PORTS_MAX = 16 };

enum rift_match_connections {
    RIFT_MATCH_ALL,
    RIFT_MATCH_ESTABLISHED, /* TCP: those of which no SYN came since the fault began */
    RIFT_MATCH_NEW,         /* TCP: segments with SYN, so that none is opened */
};

enum rift_match_side {
    RIFT_MATCH_EITHER_PORT,
    RIFT_MATCH_SOURCE_PORT,
    RIFT_MATCH_DESTINATION_PORT,
};

/* Zeroed: every packet. */
struct rift_match {
    int protocol; /* IPPROTO_TCP, IPPROTO_UDP; 0: any */
    struct {
        uint16_t low, high;
    } ports[RIFT_MATCH_PORTS_MAX];
    size_t port_count; /* 0: any, and packets without ports too */
    enum rift_match_side side;
    enum rift_match_connections connections;
    /* TCP: of each connection only every second segment, the first one among them, and none with
     * SYN. */
    bool every_second;
    uint32_t period_us, hit_us; /* of each period, counted from the start, its beginning; 0: all */
};

/* From the options ports, protocol, connections, flap_ms and flap_percent, as far as they are
 * given. Errors name the option. */
int rift_match_read(const json_t *options, struct rift_match *match, struct rift_error *err);
bool rift_match_has_port(const struct rift_match *match, uint16_t port);
/* Does it look beyond addresses? A plain datagram shows whether such a match holds only where this
 * is false. */
bool rift_match_is_partial(const struct rift_match *match);
/* Does the program need the map of connections? Its fd, or -1 with an error. */
bool rift_match_needs_connections(const struct rift_match *match);
int rift_match_connections_open(struct rift_error *err);

/* For the program: where the match leaves what it found, offsets from the frame. */
enum {
    RIFT_MATCH_STACK_L4 = -512,  /* u64: where TCP or UDP begins, from the network header on */
    RIFT_MATCH_STACK_TOP = -440, /* an action may not write below it before it has read that */
};
/* Goes on behind where the packet is one of them, else to label pass. Registers as for an action
 * (peer_filter.h); the fault's start is at offset `start` from register 7, the 16 bytes of the
 * peer's address at `address` from the frame. */
void rift_match_emit(struct rift_bpf_program *p, const struct rift_match *match, int connections_fd,
                     int start, int address, int pass);

#endif
