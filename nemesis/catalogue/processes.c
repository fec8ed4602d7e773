/* Descriptors of faults of processes, memory, processors and clocks. */
#include <stddef.h>

#include "nemesis/catalogue/descriptors.h"

static const char *const kill_signals[] = {
    "KILL", "TERM", "INT",  "QUIT", "ABRT", "SEGV", "BUS",  "FPE",  "ILL",   "SYS", "TRAP", "XCPU",
    "XFSZ", "PIPE", "ALRM", "HUP",  "USR1", "USR2", "CONT", "CHLD", "WINCH", "URG", "IO",   NULL};
static const struct rift_option kill_options[] = {
    {.name = "signal",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "KILL",
     .choices = kill_signals,
     .summary = "what the processes are sent; for STOP there is pause: {by: sigstop}"},
    {.name = "process",
     .kind = RIFT_OPTION_TEXT,
     .unit = "",
     .fallback = "all",
     .summary = "all: every one in the system's cgroup; any: one of them; else one of those whose "
                "name or command line matches, a pattern: '*checkpointer*'"},
    {.name = "pick",
     .kind = RIFT_OPTION_RANGE,
     .unit = "",
     .fallback = "[0, 1000000]",
     .minimum = 0,
     .maximum = 1e9,
     .summary = "where it is one: which, in the order of their ids, modulo their number"},
    {.name = "restart_after_s",
     .kind = RIFT_OPTION_RANGE,
     .unit = "s",
     .fallback = "0",
     .minimum = 0,
     .maximum = 3600,
     .summary = "not 0: the system is started again so long after, by the agent, while the window "
                "goes on; 0: at the end"},
    {.name = "again_after_s",
     .kind = RIFT_OPTION_RANGE,
     .unit = "s",
     .fallback = "0",
     .minimum = 0,
     .maximum = 3600,
     .summary =
         "not 0: so long after each such start it is hit again, ready or not, until the end: "
         "a crash loop"},
    {.name = NULL},
};
const struct rift_fault rift_fault_kill = {
    .name = "kill",
    .summary = "the system's processes are killed, and started again at the end",
    .effect =
        "Every process in the system's own cgroup gets the signal, at once, or one of them does; "
        "no process outside of it is ever hit, whatever its name. At the end the system is started "
        "again by its recipe; of processes that were to end (all signals up to ALRM), those that "
        "are still there by then are killed for it, and so is the rest of a system that lost a "
        "process which its recipe started. It counts as observed where /proc has none of the "
        "processes any more, or where "
        "those that it has handle the signal and have taken it. If the controller is lost the "
        "system stays as it is then, down or started again, until the next contact.",
    .scope = RIFT_FAULT_ON_NODES,
    .stops_system = true,
    .options = kill_options,
};

static const char *const pause_ways[] = {"ptrace", "freezer", "sigstop", NULL};
static const struct rift_option pause_options[] = {
    {.name = "by",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "ptrace",
     .choices = pause_ways,
     .summary = "ptrace: ends in the kernel whatever is killed; freezer: the cgroup's; sigstop: as "
                "an operator would, and parents and systemd are told"},
    {.name = NULL},
};
const struct rift_fault rift_fault_pause = {
    .name = "pause",
    .summary = "the system's processes stand still, then go on as if no time had passed",
    .effect =
        "Every thread of every process in the system's own cgroup is stopped by ptrace, from a "
        "process of the agent's. Connections stay open and nothing answers. The kernel lets the "
        "threads go on when that process ends, and it ends with the lease, with the agent, or by "
        "a kill. By the freezer it is the cgroup that stands still, and by SIGSTOP each process, "
        "but those that did so before; a keeper of its own thaws it, or sends SIGCONT.",
    .scope = RIFT_FAULT_ON_NODES,
    .options = pause_options,
};

static const struct rift_option pause_host_options[] = {
    {.name = NULL},
};
const struct rift_fault rift_fault_pause_host = {
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
const struct rift_fault rift_fault_hang = {
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
     .summary = "how far the wall clock jumps, at once; negative: back; 60000 where neither this "
                "nor drift_ppm is given"},
    {.name = "drift_ppm",
     .kind = RIFT_OPTION_RANGE,
     .unit = "ppm",
     .fallback = "0",
     .minimum = -100000,
     .maximum = 100000,
     .summary = "how much faster it runs from then on; negative: slower; steps of 100 on a host, "
                "the next one up"},
    {.name = "strobe_ms",
     .kind = RIFT_OPTION_RANGE,
     .unit = "ms",
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e7,
     .summary = "not 0: wrong and right by turns, so long each; at least 1"},
    {.name = "of",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "auto",
     .choices = clock_ways,
     .summary =
         "whose clock: the host's where it has its own, else that of the system's processes"},
    {.name = NULL},
};
static const char *const clock_asks[] = {"offset_ms", "drift_ppm", NULL};
const struct rift_fault rift_fault_clock = {
    .name = "clock",
    .summary = "the wall clock jumps, drifts or flickers between right and wrong",
    .effect =
        "On a host that owns its clock CLOCK_REALTIME is set and its rate changed; at the end it "
        "shows again what the raw monotonic clock says it should, without any time server. "
        "Elsewhere (a container, a lab host) the clock functions of every process in the system's "
        "cgroup are replaced in memory (x86-64; a program that makes the system call itself is not "
        "caught), of one that is started meanwhile 0.1 s after its start: one that is over sooner "
        "sees the right time. The replacement keeps the lease itself. "
        "CLOCK_MONOTONIC stays right, but on "
        "a host that drifts it drifts too. "
        "Observed where the host, or every process of the system, which is made to ask for its own "
        "time, is as far off as planned, to about 0.1 ms, and no right clock is: not in a strobe's "
        "right times, and a drift not before it has come to that.",
    .scope = RIFT_FAULT_ON_NODES,
    .is_alone = true,
    .options = clock_options,
    .asks = clock_asks,
    .usual_ask = 60000,
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
const struct rift_fault rift_fault_cpu = {
    .name = "cpu",
    .summary = "the system gets only a share of a processor",
    .effect =
        "The quota of the kernel's scheduler (CFS bandwidth) for the system's own cgroup, v1 or "
        "v2: "
        "it runs for its share of each 100 ms and stands still for the rest. It counts as observed "
        "only where the system wants more: a chaos has it only where it is named. A keeper of its "
        "own lifts it when the lease is past or agent and guardian are killed.",
    .scope = RIFT_FAULT_ON_NODES,
    .needs_load = true,
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
const struct rift_fault rift_fault_cpu_burn = {
    .name = "cpu-burn",
    .summary = "others on the host take the processors: busy processes",
    .effect =
        "They run beside the system, in the agent's control group, at the priority that processes "
        "have: the system gets what the kernel's scheduler leaves it. They die with the process "
        "of the agent's that started them, and that ends with the lease, with the agent, or by a "
        "kill. Observed where they have to share processors, or leave hardly any of them idle.",
    .scope = RIFT_FAULT_ON_NODES,
    .options = cpu_burn_options,
};

static const char *const memory_ways[] = {"limit", "pressure", NULL};
static const struct rift_option memory_options[] = {
    {.name = "percent_of_use",
     .kind = RIFT_OPTION_RANGE,
     .unit = "%",
     .fallback = "90",
     .minimum = 1,
     .maximum = 1000,
     .summary = "the limit, of what the system uses when the fault begins"},
    {.name = "by",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "limit",
     .choices = memory_ways,
     .summary = "pressure: who takes more than the limit waits, and nobody is killed for it; only "
                "where cgroup v2 governs memory"},
    {.name = NULL},
};
const struct rift_fault rift_fault_memory = {
    .name = "memory",
    .summary = "the system's memory is squeezed",
    .effect =
        "A limit on the memory of the system's own cgroup, page cache included: "
        "memory.limit_in_bytes of v1, memory.max or memory.high of v2. Swap is not limited: where "
        "the host has some, processes are swapped out before one is killed. The "
        "kernel takes back what it can, for which processes wait (the history says for how long, "
        "by PSI, where the kernel tells), and kills a process of the system where that is not "
        "enough; at the end such a system is started again. A keeper of its own lifts the limit "
        "when the lease is "
        "past or agent and guardian are killed.",
    .scope = RIFT_FAULT_ON_NODES,
    .stops_system = true, /* it may */
    .options = memory_options,
};

const struct rift_fault rift_fault_oom_kill = {
    .name = "oom-kill",
    .summary = "the kernel kills a process of the system for want of memory",
    .effect =
        "The limit on the memory of the system's own cgroup, v1 or v2, comes down to a little "
        "above "
        "what it uses, and a helper of Rift's takes the rest in the same cgroup, as a file in "
        "memory that counts for no process, until the kernel has killed somebody, the largest "
        "process as a rule: SIGKILL at a moment that memory decides. The helper asks to be spared; "
        "where it may not (without CAP_SYS_RESOURCE, as on a host of a lab) a system of processes "
        "below 1.5 MB may not be hit, which is an error. Nothing of the group is swapped out "
        "meanwhile (memory.swap.max of v2; by v1 a host with swap may refuse). Then the limits are "
        "as they were and the helper is gone, within 4 s at most; nobody outside the cgroup has "
        "less memory for "
        "it. Observed by the kernel's own count of such kills, and by /proc. A system that lost a "
        "process which its recipe started is started again at the end.",
    .scope = RIFT_FAULT_ON_NODES,
    .stops_system = true,
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
const struct rift_fault rift_fault_fd_limit = {
    .name = "fd-limit",
    .summary = "the system's processes run out of file descriptors",
    .effect =
        "The soft RLIMIT_NOFILE of each process in the system's own cgroup comes down to what it "
        "has open: open, accept and socket get EMFILE. What is open stays open, and poll of many "
        "may get EINVAL. Children inherit it; a process that raises its limit itself is let be. "
        "The limits of before come back exactly, for children too. Observed where a process can "
        "open nothing more: with leave, once it has used that up. A system that ended itself is "
        "started again at the end. A keeper of its own lifts it when the lease is past or agent "
        "and guardian are killed.",
    .scope = RIFT_FAULT_ON_NODES,
    .is_alone = true,
    .stops_system = true, /* it may end itself */
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
const struct rift_fault rift_fault_pid_limit = {
    .name = "pid-limit",
    .summary = "the system can make no new process or thread",
    .effect =
        "The limit of the pids controller (v1 or v2) for the system's own cgroup is what it has "
        "when the fault begins: fork and pthread_create get EAGAIN. It counts as observed only "
        "where one was refused: a chaos has it only where it is named. A system that ended itself "
        "is started again at the end. A keeper "
        "of its own lifts it when the lease is past or agent and guardian are killed.",
    .scope = RIFT_FAULT_ON_NODES,
    .needs_load = true,
    .stops_system = true, /* it may end itself */
    .options = pid_limit_options,
};
