/* The descriptors of every fault. The options here are those that the agent's driver reads; when a
 * fault comes and whom it hits are options of every fault and stand in the plan. */
#include <string.h>

#include "nemesis/fault.h"

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
        .minimum = 0, .maximum = 100, .summary = "of each turn, how much it is on"                 \
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
static const struct rift_fault fault_partition = {
    .name = "partition",
    .summary = "nodes stop hearing each other, as a grudge says",
    .effect =
        "Each node drops, on arrival, every packet from the nodes that its grudge names, IPv4 "
        "and IPv6, on whatever interface the kernel would use to reach them. Senders are not "
        "told. All nodes begin at one agreed instant. The kernel itself passes everything "
        "once the lease is past, whatever became of the agent. Options narrow it down. A TCP that "
        "is "
        "cut in one direction only (half-open) is a grudge that names one direction, with "
        "connections: established. A port is either end's. IPv6 extension headers are passed over, "
        "up to six; of a fragmented packet only the first piece has ports, and without it the rest "
        "is never put together; ESP has none.",
    .scope = RIFT_FAULT_ON_LINKS,
    .options = partition_options,
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
static const struct rift_fault fault_reset = {
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
    .options = reset_options,
};

static const char *const link_distributions[] = {"uniform", "normal", "pareto", "paretonormal",
                                                 NULL};
static const char *const link_backends[] = {"auto", "netem", "line", NULL};
static const struct rift_option link_options[] = {
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
         "of the delays: uniform within jitter_ms, else jitter_ms is the standard deviation"},
    {.name = "delay_correlation_percent",
     .kind = RIFT_OPTION_RANGE,
     .unit = "%",
     .fallback = "0",
     .minimum = 0,
     .maximum = 100,
     .summary = "how much a delay is like the one before, as netem has it"},
    {.name = "loss_percent",
     .kind = RIFT_OPTION_RANGE,
     .unit = "%",
     .fallback = "0",
     .minimum = 0,
     .maximum = 100,
     .summary = "chance that a packet is lost; 10 where no option is given"},
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
    {.name = "rate_kbit",
     .kind = RIFT_OPTION_RANGE,
     .unit = "kbit/s",
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e8,
     .summary = "most that a node sends to each of its peers; 0: no limit"},
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
    {.name = "interfaces",
     .kind = RIFT_OPTION_LIST,
     .unit = "",
     .fallback = "[]",
     .summary = "where packets leave; none: the interfaces that lead to the peers"},
    {.name = NULL},
};
static const struct rift_fault fault_link = {
    .name = "link",
    .summary = "links get bad: packets are late, lost, doubled, spoiled, out of order or slow",
    .effect =
        "What each node sends to the nodes that its grudge names, all options together, each link "
        "by itself; the rest of its traffic goes as before. By netem below a class of HTB where "
        "the kernel has it, and a BPF program that doubles and spoils; where it has not, that "
        "program loses as well, HTB keeps a rate, and packets that must wait go through the delay "
        "line: a TAP and a process in front of all others. So it does where an interface has a "
        "root qdisc of its own, which "
        "stays as it is. Where packets have chances, sending and receiving in bulk (GSO, GRO) and "
        "the card's own checksums are off meanwhile, so that each packet has its own. The kernel "
        "itself lets everything pass once the lease is past; an inert HTB goes at the next "
        "contact. If the delay line is killed, its packets are lost until the lease ends.",
    .scope = RIFT_FAULT_ON_LINKS,
    .options = link_options,
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
     .choices = link_distributions,
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
static const struct rift_fault fault_wan = {
    .name = "wan",
    .summary = "nodes are as far apart as regions of the world",
    .effect = "The fault link between all nodes, each link with a delay of half the round trip "
              "between its two regions, and their loss.",
    .scope = RIFT_FAULT_ON_LINKS,
    .driver = "link",
    .is_given_by_link = true,
    .options = wan_options,
};

static const char *const kill_signals[] = {"KILL", "TERM", "ABRT", NULL};
static const struct rift_option kill_options[] = {
    {.name = "signal",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "KILL",
     .choices = kill_signals,
     .summary = "what the processes of the system are sent"},
    {.name = NULL},
};
static const struct rift_fault fault_kill = {
    .name = "kill",
    .summary = "the system's processes are killed, and started again at the end",
    .effect = "Every process in the system's own cgroup gets the signal, at once; no process is "
              "ever chosen by name. At the end the system is started again by its recipe. If the "
              "controller is lost the system stays down until the next contact.",
    .scope = RIFT_FAULT_ON_NODES,
    .options = kill_options,
};

static const char *const pause_ways[] = {"ptrace", "freezer", NULL};
static const struct rift_option pause_options[] = {
    {.name = "by",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "ptrace",
     .choices = pause_ways,
     .summary = "ptrace: ends in the kernel whatever is killed; freezer: the cgroup's"},
    {.name = NULL},
};
static const struct rift_fault fault_pause = {
    .name = "pause",
    .summary = "the system's processes stand still, then go on as if no time had passed",
    .effect =
        "Every thread of every process in the system's own cgroup is stopped by ptrace, from a "
        "process of the agent's. Connections stay open and nothing answers. The kernel lets the "
        "threads go on when that process ends, and it ends with the lease, with the agent, or by "
        "a kill. By the freezer it is the cgroup that stands still, and a keeper of its own that "
        "thaws it.",
    .scope = RIFT_FAULT_ON_NODES,
    .options = pause_options,
};

static const struct rift_option pause_host_options[] = {
    {.name = NULL},
};
static const struct rift_fault fault_pause_host = {
    .name = "pause-host",
    .summary = "every process of the host stands still but sshd, as in a long stall of a machine",
    .effect =
        "Every thread of every process is stopped by ptrace, from a process of the agent's, but "
        "for pid 1, Rift's own, and those that the agent was started by: sshd goes on, so that a "
        "heal can arrive. On the wire the kernel still answers: pings come back, TCP connections "
        "open as far as the backlog of who listens goes, data are acknowledged until the socket's "
        "buffer is full, and nobody answers them. The kernel lets the threads go on when that "
        "process ends, and it ends with the lease, with the agent, or by a kill. A service that "
        "systemd watches (WatchdogSec) and that is paused for longer is started again by it. "
        "Where the controller runs on the same host, it stands still too, until the lease is past. "
        "A chaos has it only where it is named.",
    .scope = RIFT_FAULT_ON_NODES,
    .hits_host = true,
    .options = pause_host_options,
};

static const struct rift_option hang_options[] = {
    {.name = "thread",
     .kind = RIFT_OPTION_TEXT,
     .unit = "",
     .fallback = "any",
     .summary = "which: any, main (of any process), or the name of threads, a pattern"},
    {.name = "pick",
     .kind = RIFT_OPTION_RANGE,
     .unit = "",
     .fallback = "[0, 1000000]",
     .minimum = 0,
     .maximum = 1e9,
     .summary = "which of those, in the order of their ids, modulo their number"},
    {.name = NULL},
};
static const struct rift_fault fault_hang = {
    .name = "hang",
    .summary = "one thread of the system stands still, the others go on",
    .effect =
        "The thread is stopped by ptrace, from a process of the agent's, with all that it holds: "
        "locks, connections. The kernel lets it go on when that process ends, and it ends with "
        "the lease, with the agent, or by a kill.",
    .scope = RIFT_FAULT_ON_NODES,
    .options = hang_options,
};

static const char *const clock_ways[] = {"auto", "host", "process", NULL};
static const struct rift_option clock_options[] = {
    {.name = "offset_ms",
     .kind = RIFT_OPTION_RANGE,
     .unit = "ms",
     .fallback = "0",
     .minimum = -1e10,
     .maximum = 1e10,
     .summary = "how far the wall clock jumps, at once; negative: back"},
    {.name = "drift_ppm",
     .kind = RIFT_OPTION_RANGE,
     .unit = "ppm",
     .fallback = "0",
     .minimum = -100000,
     .maximum = 100000,
     .summary = "how much faster it runs from then on; negative: slower; steps of 100 on a host"},
    {.name = "strobe_ms",
     .kind = RIFT_OPTION_RANGE,
     .unit = "ms",
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e7,
     .summary = "not 0: wrong and right by turns, so long each"},
    {.name = "of",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "auto",
     .choices = clock_ways,
     .summary =
         "whose clock: the host's where it has its own, else that of the system's processes"},
    {.name = NULL},
};
static const struct rift_fault fault_clock = {
    .name = "clock",
    .summary = "the wall clock jumps, drifts or flickers between right and wrong",
    .effect =
        "On a host that owns its clock CLOCK_REALTIME is set and its rate changed; at the end it "
        "shows again what the raw monotonic clock says it should, without any time server. "
        "Elsewhere (a container, a lab host) the clock functions of every process in the system's "
        "cgroup are replaced in memory (x86-64; a program that makes the system call itself is not "
        "caught), and the replacement keeps the lease itself. CLOCK_MONOTONIC stays right, but on "
        "a host that drifts it drifts too.",
    .scope = RIFT_FAULT_ON_NODES,
    .options = clock_options,
};

static const struct rift_option cpu_options[] = {
    {.name = "percent",
     .kind = RIFT_OPTION_RANGE,
     .unit = "%",
     .fallback = "20",
     .minimum = 1,
     .maximum = 100000,
     .summary = "of one processor, for all processes of the system together"},
    {.name = NULL},
};
static const struct rift_fault fault_cpu = {
    .name = "cpu",
    .summary = "the system gets only a share of a processor",
    .effect =
        "The quota of the kernel's scheduler (CFS bandwidth) for the system's own cgroup, v1 or "
        "v2: "
        "it runs for its share of each 100 ms and stands still for the rest. A keeper of its own "
        "lifts it when the lease is past or agent and guardian are killed.",
    .scope = RIFT_FAULT_ON_NODES,
    .options = cpu_options,
};

static const struct rift_option cpu_burn_options[] = {
    {.name = "processes",
     .kind = RIFT_OPTION_RANGE,
     .unit = "",
     .fallback = "0",
     .minimum = 0,
     .maximum = 1024,
     .summary = "how many; 0: four for each processor"},
    {.name = NULL},
};
static const struct rift_fault fault_cpu_burn = {
    .name = "cpu-burn",
    .summary = "others on the host take the processors: busy processes",
    .effect =
        "They run beside the system, in the agent's control group, at the priority that processes "
        "have: the system gets what the kernel's scheduler leaves it. They die with the process "
        "of the agent's that started them, and that ends with the lease, with the agent, or by a "
        "kill.",
    .scope = RIFT_FAULT_ON_NODES,
    .options = cpu_burn_options,
};

static const struct rift_option memory_options[] = {
    {.name = "percent_of_use",
     .kind = RIFT_OPTION_RANGE,
     .unit = "%",
     .fallback = "90",
     .minimum = 1,
     .maximum = 1000,
     .summary = "the limit, of what the system uses when the fault begins"},
    {.name = NULL},
};
static const struct rift_fault fault_memory = {
    .name = "memory",
    .summary = "the system's memory is squeezed",
    .effect =
        "A limit on the memory of the system's own cgroup, page cache included, v1 or v2. The "
        "kernel takes back what it can, and kills a process of the system where that is not "
        "enough; at the end such a system is started again. A keeper of its own lifts the limit "
        "when the lease is "
        "past or agent and guardian are killed.",
    .scope = RIFT_FAULT_ON_NODES,
    .options = memory_options,
};

static const struct rift_option fd_limit_options[] = {
    {.name = "leave",
     .kind = RIFT_OPTION_RANGE,
     .unit = "",
     .fallback = "0",
     .minimum = 0,
     .maximum = 100000,
     .summary = "how many descriptors each process can still open"},
    {.name = NULL},
};
static const struct rift_fault fault_fd_limit = {
    .name = "fd-limit",
    .summary = "the system's processes run out of file descriptors",
    .effect =
        "The soft RLIMIT_NOFILE of each process in the system's own cgroup comes down to what it "
        "has open: open, accept and socket get EMFILE. What is open stays open, and poll of many "
        "may get EINVAL. Children inherit it; a process that raises its limit itself is let be. "
        "The limits of before come back exactly, for children too. A system that ended itself is "
        "started again at the end. A keeper of its own lifts it when the lease is past or agent "
        "and guardian are killed.",
    .scope = RIFT_FAULT_ON_NODES,
    .options = fd_limit_options,
};

static const struct rift_option pid_limit_options[] = {
    {.name = "leave",
     .kind = RIFT_OPTION_RANGE,
     .unit = "",
     .fallback = "0",
     .minimum = -1000000,
     .maximum = 1000000,
     .summary = "how many more processes and threads than there are can be made; negative: so many "
                "fewer, for those that come and go"},
    {.name = NULL},
};
static const struct rift_fault fault_pid_limit = {
    .name = "pid-limit",
    .summary = "the system can make no new process or thread",
    .effect =
        "The limit of the pids controller (v1 or v2) for the system's own cgroup is what it has "
        "when the fault begins: fork and pthread_create get EAGAIN. It counts as observed only "
        "where one was refused. A system that ended itself is started again at the end. A keeper "
        "of its own lifts it when the lease is past or agent and guardian are killed.",
    .scope = RIFT_FAULT_ON_NODES,
    .options = pid_limit_options,
};

static const struct rift_option disk_full_options[] = {
    {.name = "leave_kb",
     .kind = RIFT_OPTION_RANGE,
     .unit = "KiB",
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e9,
     .summary = "how much stays free"},
    {.name = NULL},
};
static const struct rift_fault fault_disk_full = {
    .name = "disk-full",
    .summary = "the system's disk is full",
    .effect =
        "A file of Rift's takes what is free on the disk of each data folder, which must be a disk "
        "of its own (disk_mb in the section system); no other is touched. A keeper of its own "
        "removes the file when the lease is past or agent and guardian are killed.",
    .scope = RIFT_FAULT_ON_NODES,
    .needs_disk = true,
    .options = disk_full_options,
};

static const struct rift_fault fault_power = {
    .name = "power",
    .summary = "the system's node loses power: what was not synced is gone, and it starts again",
    .effect =
        "The disk of each data folder, which must be a disk of its own (disk_mb in the section "
        "system), is cut off without flushing anything (EXT4_IOC_SHUTDOWN), the system is killed, "
        "and the disk is mounted again: what was not synced is lost, names as well as contents. At "
        "the end the system is started again by its recipe.",
    .scope = RIFT_FAULT_ON_NODES,
    .needs_disk = true,
};

/* Options that the faults of the layer share. */
#define OPTION_FILES                                                                               \
    {                                                                                              \
        .name = "files", .kind = RIFT_OPTION_TEXT, .unit = "", .fallback = "*",                    \
        .summary =                                                                                 \
            "which, a pattern of their path in the data folder; * matches slashes too, and a "     \
            "pattern without a slash the last part of a path"                                      \
    }
#define OPTION_PERCENT                                                                             \
    {                                                                                              \
        .name = "percent", .kind = RIFT_OPTION_RANGE, .unit = "%", .fallback = "100",              \
        .minimum = 0, .maximum = 100, .summary = "chance that a request is hit"                    \
    }

static const struct rift_option disk_lose_options[] = {
    OPTION_FILES,
    {.name = "keep_percent",
     .kind = RIFT_OPTION_RANGE,
     .unit = "%",
     .fallback = "0",
     .minimum = 0,
     .maximum = 99,
     .summary = "chance that a piece that was not synced stays, 512 bytes of what was overwritten, "
                "4 KiB of what was appended: writes are torn"},
    {.name = NULL},
};
static const struct rift_fault fault_disk_lose = {
    .name = "disk-lose",
    .summary = "the system is killed and what it did not sync is lost, or torn",
    .effect =
        "The system is killed; then the layer over its data folders (disk_layer in the section "
        "system) puts back what was there at the last sync of each file, and takes back names that "
        "were made, removed or moved since. At the end the system is started again by its recipe. "
        "Owners, modes and times of files are never lost. What a fault of its own lost stays lost.",
    .scope = RIFT_FAULT_ON_NODES,
    .needs_layer = true,
    .options = disk_lose_options,
};

static const char *const disk_requests[] = {"read", "write", "sync", "names", NULL};
static const char *const disk_errors[] = {"EIO", "ENOSPC", "EDQUOT", "EROFS", NULL};
static const struct rift_option disk_error_options[] = {
    {.name = "on",
     .kind = RIFT_OPTION_LIST,
     .unit = "",
     .fallback = "[write, sync]",
     .choices = disk_requests,
     .summary = "what fails; names: to make, remove or rename a file"},
    {.name = "error",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "EIO",
     .choices = disk_errors,
     .summary = "what the system is told"},
    OPTION_PERCENT,
    OPTION_FILES,
    {.name = NULL},
};
static const struct rift_fault fault_disk_error = {
    .name = "disk-error",
    .summary = "the system's disk fails: reads, writes and syncs get an error",
    .effect =
        "The layer over the system's data folders (disk_layer in the section system) answers "
        "requests with an error and does nothing. Reads that the kernel's cache can answer do not "
        "reach it; the cache is emptied when the fault begins. The layer itself ends it with the "
        "lease, whatever is killed. A system that ended itself is started again at the end.",
    .scope = RIFT_FAULT_ON_NODES,
    .needs_layer = true,
    .options = disk_error_options,
};

#define OPTION_DELAY(word, text)                                                                   \
    {                                                                                              \
        .name = word, .kind = RIFT_OPTION_RANGE, .unit = "ms", .fallback = "0", .minimum = 0,      \
        .maximum = 600000, .summary = text                                                         \
    }
static const struct rift_option disk_slow_options[] = {
    OPTION_DELAY("sync_ms", "how much longer a sync takes; 500 where none of the three is given"),
    OPTION_DELAY("write_ms", "how much longer a write takes"),
    OPTION_DELAY("read_ms", "how much longer a read takes"),
    OPTION_PERCENT,
    OPTION_FILES,
    {.name = NULL},
};
static const struct rift_fault fault_disk_slow = {
    .name = "disk-slow",
    .summary = "the system's disk takes its time for syncs, writes or reads",
    .effect =
        "The layer over the system's data folders (disk_layer in the section system) lets each "
        "request wait, many at the same time, before it is done. A process that is killed "
        "meanwhile "
        "does not wait. The layer itself ends it with the lease, whatever is killed.",
    .scope = RIFT_FAULT_ON_NODES,
    .needs_layer = true,
    .options = disk_slow_options,
};

static const char *const disk_transfers[] = {"read", "write", NULL};
static const struct rift_option disk_corrupt_options[] = {
    {.name = "on",
     .kind = RIFT_OPTION_LIST,
     .unit = "",
     .fallback = "[read]",
     .choices = disk_transfers,
     .summary = "read: what is on the disk stays right; write: it is wrong from then on"},
    OPTION_PERCENT,
    OPTION_FILES,
    {.name = NULL},
};
static const struct rift_fault fault_disk_corrupt = {
    .name = "disk-corrupt",
    .summary = "one bit of what the system reads from its disk, or writes there, is flipped",
    .effect =
        "The layer over the system's data folders (disk_layer in the section system) flips one bit "
        "of each request that is hit. Reads that the kernel's cache can answer do not reach it; "
        "the "
        "cache is emptied when the fault begins. The layer itself ends it with the lease, whatever "
        "is killed; what was written wrong stays wrong. A system that ended itself is started "
        "again "
        "at the end.",
    .scope = RIFT_FAULT_ON_NODES,
    .needs_layer = true,
    .damages_data = true,
    .options = disk_corrupt_options,
};

static const struct rift_option disk_rate_options[] = {
    {.name = "write_kb_s",
     .kind = RIFT_OPTION_RANGE,
     .unit = "KiB/s",
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e8,
     .summary = "most that is written; 0: no limit, but 1000 where none of the two is given"},
    {.name = "read_kb_s",
     .kind = RIFT_OPTION_RANGE,
     .unit = "KiB/s",
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e8,
     .summary = "most that is read; 0: no limit"},
    {.name = NULL},
};
static const struct rift_fault fault_disk_rate = {
    .name = "disk-rate",
    .summary = "the system's disk moves no more than so much a second",
    .effect =
        "The kernel's throttle of block devices (blkio of cgroup v1, io.max of v2) for the "
        "system's "
        "own cgroup and the disk of each data folder, which must be a disk of its own (disk_mb in "
        "the section system) without a layer over it. Under v1 only syncs and direct I/O are held "
        "back, not what the kernel writes back later. It counts as observed only where the system "
        "reaches the limit. A keeper of its own lifts it when the lease is past or agent and "
        "guardian are killed.",
    .scope = RIFT_FAULT_ON_NODES,
    .needs_disk = true,
    .options = disk_rate_options,
};

static const char *const damage_ways[] = {"bitflip", "truncate", "copy", NULL};
static const struct rift_option file_damage_options[] = {
    {.name = "how",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "bitflip",
     .choices = damage_ways,
     .summary = "bitflip: one bit; truncate: the last bytes go; copy: a piece over another one"},
    {.name = "bytes",
     .kind = RIFT_OPTION_RANGE,
     .unit = "bytes",
     .fallback = "512",
     .minimum = 1,
     .maximum = 65536,
     .summary = "how much is cut off, or how large a piece is"},
    {.name = "count",
     .kind = RIFT_OPTION_RANGE,
     .unit = "",
     .fallback = "1",
     .minimum = 1,
     .maximum = 20,
     .summary = "how many files, at most"},
    OPTION_FILES,
    {.name = NULL},
};
static const struct rift_fault fault_file_damage = {
    .name = "file-damage",
    .summary = "files of the system are damaged: a bit, the end, or a piece of them",
    .effect =
        "Some of the files in the system's data folders that the pattern selects are changed where "
        "they are, and synced, while the system may have them open. A path is followed within the "
        "data folder only, and through no link. NOTHING IS HEALED: the damaged data are the fault. "
        "A chaos has it only where it is named. A system that ended itself is started again at the "
        "end.",
    .scope = RIFT_FAULT_ON_NODES,
    .damages_data = true,
    .options = file_damage_options,
};

static const char *const stop_signals[] = {"recipe", "TERM", "INT", "QUIT", "KILL", NULL};
#define ROLLING_OPTIONS                                                                            \
    {.name = "signal",                                                                             \
     .kind = RIFT_OPTION_CHOICE,                                                                   \
     .unit = "",                                                                                   \
     .fallback = "recipe",                                                                         \
     .choices = stop_signals,                                                                      \
     .summary =                                                                                    \
         "what a node is stopped with; recipe: as its section stop says. A unit of systemd "       \
         "is stopped by systemctl"},                                                               \
    {                                                                                              \
        .name = "wait_s", .kind = RIFT_OPTION_RANGE, .unit = "s", .fallback = "0", .minimum = 0,   \
        .maximum = 3600, .summary = "from when a node is ready until the next one is stopped"      \
    }
#define ROLLING_EFFECT                                                                             \
    "Node after node, in an order drawn by the seed: every node of the cluster must be ready, "    \
    "then "                                                                                        \
    "this one is stopped as the recipe says (SIGKILL after its grace), started, and waited for "   \
    "until it is ready again, so that this fault never has two nodes down. for_s is the time "     \
    "limit: no node is stopped after it, and a target that was not reached was not observed. "     \
    "Observed by /proc: the processes are others than before, by pid and start time. "

static const struct rift_option restart_options[] = {ROLLING_OPTIONS, {.name = NULL}};
static const struct rift_fault fault_restart = {
    .name = "restart",
    .summary = "a rolling restart: node after node is stopped, started and waited for",
    .effect = ROLLING_EFFECT
    "It is over when the last node is ready. If the controller is lost meanwhile, a node that was "
    "down stays down until the next contact.",
    .scope = RIFT_FAULT_ON_MEMBERSHIP,
    .hits_all = true,
    .options = restart_options,
};

static const struct rift_option upgrade_options[] = {
    ROLLING_OPTIONS,
    {.name = "downgrade",
     .kind = RIFT_OPTION_BOOL,
     .unit = "",
     .fallback = "false",
     .summary = "true: at the end the nodes go back to the first version, one after another"},
    {.name = NULL},
};
static const struct rift_fault fault_upgrade = {
    .name = "upgrade",
    .summary = "a rolling upgrade: node after node goes on with the system's other version",
    .effect = ROLLING_EFFECT
    "Between stop and start the artifacts of upgrade_to (in the section system) take the place of "
    "the first ones. With fewer targets than nodes both versions run side by side for the rest of "
    "the window. The SHA-256 of what runs on each node, read from /proc, stands in the history, "
    "and must have changed. A node whose upgrade does not get ready goes back at the end.",
    .scope = RIFT_FAULT_ON_MEMBERSHIP,
    .needs_upgrade = true,
    .hits_all = true,
    .options = upgrade_options,
};

static const struct rift_fault fault_membership = {
    .name = "membership",
    .summary = "nodes are removed from the cluster, and join it again, without data, at the end",
    .effect =
        "One node after another: while all other members are ready, another member is asked to "
        "remove it, by the recipe's section membership; then it is killed and its data are wiped. "
        "Only legal changes are asked for: a majority of the cluster's original size stays, and "
        "nothing is asked before the last change is resolved, which is when the list of a third "
        "node shows it. A target that would break the majority is kept, and the history says so. "
        "for_s is the time until the nodes come back: each is added, and started as one that "
        "joins. A removed node is not started by anything else. Observed by the list of another "
        "node, and by /proc. If the controller is lost meanwhile, a node stays out until the next "
        "contact.",
    .scope = RIFT_FAULT_ON_MEMBERSHIP,
    .needs_membership = true,
};

const char *const rift_wait_words[] = {"new-leader", "leader", "healthy", NULL};
const struct rift_fault rift_wait_for = {
    .name = "wait_for",
    .summary = "a step of a sequence waits",
    .effect = "Nothing is done but to ask the nodes.",
    .scope = RIFT_FAULT_ON_MEMBERSHIP,
    .hits_all = true,
};

const struct rift_fault *const rift_faults[] = {
    &fault_partition,   &fault_reset,      &fault_link,      &fault_wan,          &fault_kill,
    &fault_pause,       &fault_pause_host, &fault_hang,      &fault_cpu,          &fault_cpu_burn,
    &fault_memory,      &fault_fd_limit,   &fault_pid_limit, &fault_disk_full,    &fault_power,
    &fault_disk_lose,   &fault_disk_error, &fault_disk_slow, &fault_disk_corrupt, &fault_disk_rate,
    &fault_file_damage, &fault_clock,      &fault_restart,   &fault_upgrade,      &fault_membership,
    NULL,
};

const struct rift_fault *rift_fault_find(const char *name)
{
    for (size_t i = 0; rift_faults[i]; i++)
        if (strcmp(rift_faults[i]->name, name) == 0)
            return rift_faults[i];
    return NULL;
}
