/* Descriptors of faults of the network. */
#include <stddef.h>

#include "nemesis/catalogue/descriptors.h"

static const char *const match_protocols[] = {"any", "tcp", "udp", NULL};
static const char *const match_connections[] = {"all", "established", "new", NULL};

#define PORTS_OPTION                                                                               \
    {                                                                                              \
        .name = "ports", .kind = RIFT_OPTION_LIST, .unit = "", .fallback = "[]",                   \
        .summary = "only TCP, UDP and SCTP from or to one of these: numbers, ranges (7000-7010), " \
                   "names of the recipe's ports; none: everything"                                 \
    }
#define FLAP_OPTIONS                                                                               \
    {.name = "flap_ms",                                                                            \
     .kind = RIFT_OPTION_RANGE,                                                                    \
     .unit = "ms",                                                                                 \
     .fallback = "0",                                                                              \
     .minimum = 0,                                                                                 \
     .maximum = 3600000,                                                                           \
     .summary =                                                                                    \
         "not 0: on and off by turns, this long together, on first; the kernel keeps time"},       \
    {                                                                                              \
        .name = "flap_percent", .kind = RIFT_OPTION_RANGE, .unit = "%", .fallback = "50",          \
        .minimum = 1, .maximum = 100, .summary = "of each turn, how much it is on"                 \
    }

static const struct rift_option partition_options[] = {
    PORTS_OPTION,
    {.name = "protocol",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "any",
     .choices = match_protocols,
     .summary = "only packets of this protocol"},
    {.name = "connections",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "all",
     .choices = match_connections,
     .summary = "of TCP; established: only what belongs to connections from before the fault; new: "
                "only segments with SYN, so that nothing is opened and what is open goes on"},
    FLAP_OPTIONS,
    {.name = "interfaces",
     .kind = RIFT_OPTION_LIST,
     .unit = "",
     .fallback = "[]",
     .summary = "where arriving packets are dropped; none: the interfaces that lead to the peers"},
    {.name = NULL},
};
const struct rift_fault rift_fault_partition = {
    .name = "partition",
    .summary = "nodes stop hearing each other, as a grudge says",
    .effect =
        "Each node drops, on arrival, every packet from the nodes that its grudge names, IPv4 "
        "and IPv6, on whatever interface the kernel would use to reach them: from the address that "
        "the configuration has, and from all others that the node has when the fault begins (a "
        "network of the cluster's own, the other IP), but for those that two nodes have and those "
        "of one link alone (fe80::). Senders are not told. All nodes begin at one agreed instant. "
        "The kernel itself passes everything "
        "once the lease is past, whatever became of the agent. Options narrow it down. A TCP that "
        "is "
        "cut in one direction only (half-open) is a grudge that names one direction, with "
        "connections: established. A port is either end's. IPv6 extension headers are passed over, "
        "up to six; of a fragmented packet only the first piece has ports, and without it the rest "
        "is never put together; ESP has none.",
    .scope = RIFT_FAULT_ON_LINKS,
    .options = partition_options,
};

static const char *const client_drops[] = {"requests", "answers", NULL};
static const struct rift_option cut_clients_options[] = {
    {.name = "ports",
     .kind = RIFT_OPTION_LIST,
     .unit = "",
     .fallback = "[client]",
     .summary = "of the node, that clients connect to: numbers, ranges (7000-7010), names of the "
                "recipe's ports"},
    {.name = "drop",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "requests",
     .choices = client_drops,
     .summary =
         "requests: what clients send is lost as it arrives; answers: it arrives, is carried "
         "out, and what the system sends back is lost"},
    FLAP_OPTIONS,
    {.name = "interfaces",
     .kind = RIFT_OPTION_LIST,
     .unit = "",
     .fallback = "[]",
     .summary = "of the node; none: those that lead to the controller"},
    {.name = NULL},
};
const struct rift_fault rift_fault_cut_clients = {
    .name = "cut-clients",
    .summary = "clients do not reach nodes, which go on hearing each other",
    .effect =
        "Of what passes between the controller, where the clients run, and these ports of the "
        "node, one direction is lost on the node, by a BPF program: requests as they arrive, or "
        "answers as they leave, of which their sender is not told. Packets of other nodes, of "
        "other ports, and our own connection pass; the port of that is refused. A partition with "
        "ports: [peer] is the reverse: it cuts nodes from each other and leaves clients. All nodes "
        "begin at one agreed instant. The kernel itself passes everything once the lease is past, "
        "whatever became of the agent. Seen from outside: the controller's connection attempts to "
        "the port are answered before and after, and not while it is on.",
    .scope = RIFT_FAULT_ON_NODES,
    .hits_clients = true,
    .options = cut_clients_options,
};

static const struct rift_option dns_options[] = {
    {.name = "servers",
     .kind = RIFT_OPTION_LIST,
     .unit = "",
     .fallback = "[]",
     .summary = "addresses of name servers; none: those of the node's /etc/resolv.conf"},
    FLAP_OPTIONS,
    {.name = "interfaces",
     .kind = RIFT_OPTION_LIST,
     .unit = "",
     .fallback = "[]",
     .summary = "where answers are dropped; none: the interfaces that lead to the servers"},
    {.name = NULL},
};
const struct rift_fault rift_fault_dns = {
    .name = "dns",
    .summary = "name servers do not answer",
    .effect =
        "What comes from port 53 of the name servers, by UDP or TCP, is dropped where it arrives, "
        "by a BPF program: questions go unanswered until the resolver gives up (5 s a try as a "
        "rule). A resolver on the node itself (127.0.0.53) is one of them, by the loopback "
        "interface. All of the host's programs are hit. Names that /etc/hosts or a cache has are "
        "still found; DNS over TLS or HTTPS goes on. The kernel itself passes everything once the "
        "lease is past. Observed by questions of the agent's own. A chaos has it only where it is "
        "named.",
    .scope = RIFT_FAULT_ON_NODES,
    .hits_host = true,
    .options = dns_options,
};

static const struct rift_option conntrack_full_options[] = {
    {.name = "limit",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "1",
     .minimum = 1,
     .maximum = 1 << 30,
     .summary = "entries that the table may have; 1: nothing new at all; near the host's "
                "nf_conntrack_count there is room again as entries end"},
    {.name = NULL},
};
const struct rift_fault rift_fault_conntrack_full = {
    .name = "conntrack-full",
    .summary = "the kernel's connection table is full: nothing new is let in or out",
    .effect =
        "net.netfilter.nf_conntrack_max comes down, so that the kernel drops the first packet of "
        "each connection that it does not track yet, TCP, UDP or ping, in either direction, by "
        "loopback too: a connect to the host goes unanswered, a send from it gets EPERM. What the "
        "table has goes on, our own connection too; only an entry that is not assured yet, as of a "
        "single datagram and its answer, may have to make room, so that now and then something new "
        "gets in. All of the host's programs are hit, and its containers. Only where packets are "
        "tracked, which a rule of nftables or iptables asks for, and where the host's network is "
        "the kernel's first namespace. Nobody new can log in until the end, so `rift heal` from "
        "another machine waits for the lease; a keeper of its own lifts it then, or when agent and "
        "guardian are killed. Observed by a datagram of the agent's to itself, and the kernel's "
        "own count of what it dropped. A chaos has it only where it is named.",
    .scope = RIFT_FAULT_ON_NODES,
    .hits_host = true,
    .options = conntrack_full_options,
};

static const char *const reset_connections[] = {"all", "established", NULL};
static const struct rift_option reset_options[] = {
    PORTS_OPTION,
    {.name = "connections",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "all",
     .choices = reset_connections,
     .summary = "all: none lives while the fault is on; established: those from before it, once"},
    FLAP_OPTIONS,
    {.name = "interfaces",
     .kind = RIFT_OPTION_LIST,
     .unit = "",
     .fallback = "[]",
     .summary = "where segments are hit as they arrive; none: the interfaces that lead to the "
                "peers"},
    {.name = NULL},
};
const struct rift_fault rift_fault_reset = {
    .name = "reset",
    .summary = "TCP connections between nodes are reset",
    .effect =
        "A segment from a node that the grudge names gets the flag RST as it arrives (by a BPF "
        "program; the checksum is put right), so the connection ends here with ECONNRESET, as if a "
        "box on the way had forged it. The next segment finds none, and the kernel's answer ends "
        "the sender's half too. A connection on which nothing arrives stays; opening one is left "
        "alone. A RST counts only where its sequence number is the one expected next. The kernel "
        "itself passes everything once the lease is past. Links without an Ethernet header are "
        "left "
        "out.",
    .scope = RIFT_FAULT_ON_LINKS,
    .reads = "reset by",
    .options = reset_options,
};

static const char *const link_distributions[] = {"uniform",      "normal", "pareto",
                                                 "paretonormal", "table",  NULL};
static const char *const wan_distributions[] = {"uniform", "normal", "pareto", "paretonormal",
                                                NULL};
static const char *const link_backends[] = {"auto", "netem", "line", NULL};
static const struct rift_option link_options[] = {
    PORTS_OPTION,
    {.name = "protocol",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "any",
     .choices = match_protocols,
     .summary = "only packets of this protocol"},
    {.name = "delay_ms",
     .kind = RIFT_OPTION_RANGE,
     .unit = "ms",
     .fallback = "0",
     .minimum = 0,
     .maximum = 600000,
     .summary = "how much later each packet arrives; 10 where only reorder_percent is given"},
    {.name = "jitter_ms",
     .kind = RIFT_OPTION_RANGE,
     .unit = "ms",
     .fallback = "0",
     .minimum = 0,
     .maximum = 600000,
     .summary = "how much the delay varies; packets overtake each other then; at most delay_ms"},
    {.name = "distribution",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "uniform",
     .choices = link_distributions,
     .summary =
         "of the delays: uniform within jitter_ms, table: as delays_ms, else jitter_ms is the "
         "standard deviation"},
    {.name = "delays_ms",
     .kind = RIFT_OPTION_LIST,
     .unit = "",
     .fallback = "[]",
     .summary =
         "of the distribution table: delays as they were measured, up to 1024, of which each "
         "packet gets one at random; delay_ms and jitter_ms are 0 then"},
    {.name = "delay_correlation_percent",
     .kind = RIFT_OPTION_RANGE,
     .unit = "%",
     .fallback = "0",
     .minimum = 0,
     .maximum = 100,
     .summary = "how much a delay is like the one before; by the delay line, as netem's are "
                "independent whatever it is told"},
    {.name = "loss_percent",
     .kind = RIFT_OPTION_RANGE,
     .unit = "%",
     .fallback = "0",
     .minimum = 0,
     .maximum = 100,
     .summary = "chance that a packet is lost; 10 where nothing is asked for"},
    {.name = "loss_correlation_percent",
     .kind = RIFT_OPTION_RANGE,
     .unit = "%",
     .fallback = "0",
     .minimum = 0,
     .maximum = 99.9,
     .summary = "of one loss with the next: a burst has 1 / ((1 - loss) (1 - correlation)) packets "
                "on average"},
    {.name = "bad_from_percent",
     .kind = RIFT_OPTION_RANGE,
     .unit = "%",
     .fallback = "0",
     .minimum = 0,
     .maximum = 100,
     .summary = "chance, at each packet, that a good link turns bad (Gilbert-Elliott)"},
    {.name = "bad_until_percent",
     .kind = RIFT_OPTION_RANGE,
     .unit = "%",
     .fallback = "10",
     .minimum = 0,
     .maximum = 100,
     .summary = "chance, at each packet, that a bad link turns good"},
    {.name = "bad_loss_percent",
     .kind = RIFT_OPTION_RANGE,
     .unit = "%",
     .fallback = "100",
     .minimum = 0,
     .maximum = 100,
     .summary = "chance of a loss while the link is bad; loss_percent is that of a good one"},
    {.name = "duplicate_percent",
     .kind = RIFT_OPTION_RANGE,
     .unit = "%",
     .fallback = "0",
     .minimum = 0,
     .maximum = 100,
     .summary = "chance that a packet arrives twice"},
    {.name = "corrupt_percent",
     .kind = RIFT_OPTION_RANGE,
     .unit = "%",
     .fallback = "0",
     .minimum = 0,
     .maximum = 100,
     .summary = "chance that a packet arrives damaged, so that the receiver's checksum shows it"},
    {.name = "silent_percent",
     .kind = RIFT_OPTION_RANGE,
     .unit = "%",
     .fallback = "0",
     .minimum = 0,
     .maximum = 100,
     .summary =
         "chance that a bit of what TCP or UDP carries is turned, with a checksum that fits"},
    {.name = "reorder_percent",
     .kind = RIFT_OPTION_RANGE,
     .unit = "%",
     .fallback = "0",
     .minimum = 0,
     .maximum = 100,
     .summary = "chance that a packet goes at once, past those that wait for delay_ms"},
    {.name = "slot_ms",
     .kind = RIFT_OPTION_RANGE,
     .unit = "ms",
     .fallback = "0",
     .minimum = 0,
     .maximum = 1000,
     .summary =
         "packets leave in bursts, one burst each slot of this length, as by radio or cable; "
         "a slot begins with the first packet that finds none"},
    {.name = "slot_jitter_ms",
     .kind = RIFT_OPTION_RANGE,
     .unit = "ms",
     .fallback = "0",
     .minimum = 0,
     .maximum = 1000,
     .summary = "how much slots vary in length, uniformly; at most slot_ms"},
    {.name = "rate_kbit",
     .kind = RIFT_OPTION_RANGE,
     .unit = "kbit/s",
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e8,
     .summary = "most that a node sends to each of its peers, by netem or HTB on each interface; "
                "0: no limit"},
    {.name = "limit_packets",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "10000",
     .minimum = 1,
     .maximum = 1000000,
     .summary = "packets to a peer that may wait; more are lost"},
    {.name = "by",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "auto",
     .choices = link_backends,
     .summary =
         "the kernel's netem, or the delay line, a process; auto: netem where it is and fits"},
    {.name = "changeable",
     .kind = RIFT_OPTION_BOOL,
     .unit = "",
     .fallback = "false",
     .summary = "true: from the start all packets go one by one, and where they can wait, so that "
                "any option can be changed meanwhile; vary_s and rift shell see to it themselves"},
    {.name = "interfaces",
     .kind = RIFT_OPTION_LIST,
     .unit = "",
     .fallback = "[]",
     .summary = "where packets leave; none: the interfaces that lead to the peers"},
    {.name = NULL},
};
static const char *const link_asks[] = {"loss_percent",
                                        "delay_ms",
                                        "delays_ms",
                                        "bad_from_percent",
                                        "reorder_percent",
                                        "rate_kbit",
                                        "duplicate_percent",
                                        "corrupt_percent",
                                        "silent_percent",
                                        "slot_ms",
                                        NULL};
const struct rift_fault rift_fault_link = {
    .name = "link",
    .summary = "links get bad: packets are late, lost, doubled, spoiled, out of order or slow",
    .effect =
        "What each node sends to the nodes that its grudge names, or that part of it which has "
        "these "
        "ports, all options together, each link by itself; the rest of its traffic goes as before. "
        "By netem below a class of HTB where "
        "the kernel has it, and a BPF program that doubles and spoils; where it has not, that "
        "program loses as well, HTB keeps a rate, and packets that must wait go through the delay "
        "line: a TAP and a process in front of all others. So it does where an interface has a "
        "root qdisc of its own, which "
        "stays as it is, and where netem would not do what is asked: a correlation of delays, or a "
        "jitter above 2147 ms. Where packets have chances, sending and receiving in bulk (GSO, "
        "GRO) and "
        "the card's own checksums are off meanwhile, so that each packet has its own. Which "
        "packets "
        "of a link are hit, in the order in which they come, is of the plan's seed (netem's part "
        "from Linux 6.6 on). The kernel "
        "itself lets everything pass once the lease is past; an inert HTB goes at the next "
        "contact. What waits at the heal arrives at once, below netem when it is due; what netem "
        "would keep for more than 0.1 s is lost. If the delay line is killed, its packets "
        "are lost until the lease ends. Of a rate without a delay it is observed that packets wait "
        "for it. Options can be changed while it is on, without a gap, by "
        "`vary_s` and in `rift shell`.",
    .scope = RIFT_FAULT_ON_LINKS,
    .reads = "to",
    .can_change = true,
    .options = link_options,
    .asks = link_asks,
    .usual_ask = 10,
};

static const struct rift_option wan_options[] = {
    {.name = "matrix",
     .kind = RIFT_OPTION_TEXT,
     .unit = "",
     .fallback = "ibm-cloud",
     .summary = "of round trips and loss: a file, or the name of one in configs/wan"},
    {.name = "regions",
     .kind = RIFT_OPTION_ANY,
     .unit = "",
     .fallback = "auto",
     .summary = "`{n1: tokyo, n2: london}`, or a list that nodes take from in turn; auto: all of "
                "the matrix, in turn"},
    {.name = "scale_percent",
     .kind = RIFT_OPTION_REAL,
     .unit = "%",
     .fallback = "100",
     .minimum = 1,
     .maximum = 1000,
     .summary = "of the round trips"},
    {.name = "jitter_percent",
     .kind = RIFT_OPTION_REAL,
     .unit = "%",
     .fallback = "0",
     .minimum = 0,
     .maximum = 100,
     .summary = "of each delay; packets overtake each other then"},
    {.name = "distribution",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "uniform",
     .choices = wan_distributions,
     .summary = "of the delays, as of link"},
    {.name = "links",
     .kind = RIFT_OPTION_ANY,
     .unit = "",
     .fallback = "auto",
     .summary = "options of link for each, `{n1: {n2: {delay_ms: 40}}}`; auto: from the matrix"},
    {.name = "by",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "auto",
     .choices = link_backends,
     .summary = "as of link"},
    {.name = NULL},
};
const struct rift_fault rift_fault_wan = {
    .name = "wan",
    .summary = "nodes are as far apart as regions of the world",
    .effect = "The fault link between all nodes, each link with a delay of half the round trip "
              "between its two regions, and their loss.",
    .scope = RIFT_FAULT_ON_LINKS,
    .reads = "to",
    .driver = "link",
    .is_given_by_link = true,
    .options = wan_options,
};
