/* The TAP has no offloads, so the kernel cuts what was sent in bulk into packets and fills in their
 * checksums on the way to it. It has no address, and goes with the process. A packet that waits has
 * left its socket, so what bounds it is the link's limit.
 *
 * The process is forked by plan and waits, so that the ledger names it before anything is touched.
 * When the agent is gone it goes on until the lease ends, as the program in the kernel does. */
#include "nemesis/faults/network/line.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "nemesis/faults/network/line_fate.h"
#include "nemesis/faults/network/line_frame.h"

enum { LINE_SOCKET = 3, LINE_PRIORITY = 50, REPORT_DEADLINE_MS = 5000 };
enum { FRAME_MAX = 65536 + 64, BURST = 64, TAP_QUEUE = 10000, SEND_BUFFER = 8 << 20 };
enum { LATENESS_TRIES = 20 };
/* A renewal reaches the kernel's program first. */
#define LEASE_GRACE_NS (200 * RIFT_MS)

enum order_kind { ORDER_LINK, ORDER_OPEN, ORDER_RENEW };

struct order {
    enum order_kind kind;
    int64_t lease_end_ns; /* of OPEN and RENEW */
    size_t peer;          /* of LINK, and the rest */
    unsigned char address[16];
    int interface;
    struct rift_link_quality quality;
};

/* The answer to OPEN. */
struct report {
    int tap; /* 0: no */
    char text[128];
};

struct rift_line {
    int fd;
    struct rift_process process;
    struct rift_line_counts *counts; /* shared with the process */
};

/* --- the process */

struct link {
    unsigned char address[16];
    int interface;
    struct rift_line_link *peer; /* all addresses of a peer have it in common */
};

struct waiting {
    int64_t due_ns;
    uint64_t number; /* of two that are due at once the first goes first */
    struct link *link;
    size_t size;
    unsigned char *frame;
};

struct line {
    int tap_fd, out_fd;
    bool is_orphan, is_open;
    uint32_t mark; /* on what it sends */
    int64_t lease_end_ns;
    struct link **links;
    size_t link_count;
    struct rift_line_link **peers; /* by number; NULL: not known yet */
    struct waiting *heap;          /* the one that is due next in front */
    size_t waiting_count, waiting_room;
    uint64_t number;
    struct rift_line_counts *counts;
    unsigned char frame[FRAME_MAX];
};

static volatile sig_atomic_t is_told_to_end;

static void note_signal(int signal)
{
    (void)signal;
    is_told_to_end = 1;
}

static bool is_before(const struct waiting *a, const struct waiting *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->number < b->number;
}

static void heap_push(struct line *line, const struct waiting *fresh)
{
    if (line->waiting_count == line->waiting_room) {
        line->waiting_room = line->waiting_room ? 2 * line->waiting_room : 1024;
        line->heap = rift_reallocarray(line->heap, line->waiting_room, sizeof *line->heap);
    }
    size_t at = line->waiting_count++;
    for (; at > 0 && is_before(fresh, &line->heap[(at - 1) / 2]); at = (at - 1) / 2)
        line->heap[at] = line->heap[(at - 1) / 2];
    line->heap[at] = *fresh;
}

static struct waiting heap_pop(struct line *line)
{
    struct waiting first = line->heap[0];
    const struct waiting last = line->heap[--line->waiting_count];
    size_t at = 0, child;
    while ((child = 2 * at + 1) < line->waiting_count) {
        if (child + 1 < line->waiting_count &&
            is_before(&line->heap[child + 1], &line->heap[child]))
            child++;
        if (!is_before(&line->heap[child], &last))
            break;
        line->heap[at] = line->heap[child];
        at = child;
    }
    line->heap[at] = last;
    return first;
}

static struct link *link_find(const struct line *line, const unsigned char address[16])
{
    for (size_t i = 0; i < line->link_count; i++)
        if (memcmp(line->links[i]->address, address, 16) == 0)
            return line->links[i];
    return NULL;
}

static void line_take_link(struct line *line, const struct order *order)
{
    struct link *link = link_find(line, order->address);
    if (order->peer >= RIFT_LINE_LINKS_MAX)
        return;
    if (!link && line->link_count < RIFT_LINE_LINKS_MAX) {
        link = rift_calloc(1, sizeof *link);
        memcpy(link->address, order->address, sizeof link->address);
        line->links[line->link_count++] = link;
    }
    if (!link)
        return;
    if (!line->peers[order->peer])
        line->peers[order->peer] = rift_calloc(1, sizeof **line->peers);
    link->peer = line->peers[order->peer];
    link->interface = order->interface;
    rift_line_link_set(link->peer, &order->quality);
}

static void line_send_first(struct line *line)
{
    struct waiting first = heap_pop(line);
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = first.link->interface};
    int64_t now = rift_clock_now();
    ssize_t rc = sendto(line->out_fd, first.frame, first.size, MSG_DONTWAIT, (struct sockaddr *)&to,
                        sizeof to);
    first.link->peer->waiting--;
    if (rc < 0)
        line->counts->overflown++;
    else
        line->counts->sent++;
    if (now > first.due_ns)
        line->counts->lateness_ns += (uint64_t)(now - first.due_ns);
    free(first.frame);
}

/* Or has it wait for its slot. */
static void line_release_first(struct line *line)
{
    const struct waiting *first = line->heap;
    int64_t slot_ns = rift_line_slot_of(first->link->peer, first->due_ns);
    if (slot_ns == first->due_ns) {
        line_send_first(line);
        return;
    }
    struct waiting later = heap_pop(line);
    later.due_ns = slot_ns;
    later.number = line->number++;
    heap_push(line, &later);
}

static void line_take_frame(struct line *line, size_t size)
{
    unsigned char address[16];
    struct link *link =
        rift_line_frame_destination(line->frame, size, address) ? link_find(line, address) : NULL;
    if (!link)
        return;
    struct rift_line_fate fate = rift_line_fate_draw(link->peer, rift_clock_now(), size);
    struct rift_line_counts *counts = line->counts;
    counts->taken++;
    counts->lost += fate.copies == 0;
    counts->duplicated += fate.copies == 2;
    counts->early += fate.is_early;
    if (fate.is_silent)
        counts->silent += rift_line_frame_corrupt_silently(line->frame, size, &link->peer->rng);
    if (fate.is_corrupt)
        counts->corrupted += rift_line_frame_corrupt(line->frame, size, &link->peer->rng);
    counts->overflown += (uint64_t)(fate.copies - fate.room);
    for (int i = 0; i < fate.room; i++) {
        struct waiting fresh = {.due_ns = fate.due_ns[i],
                                .number = line->number++,
                                .link = link,
                                .size = size,
                                .frame = rift_malloc(size)};
        memcpy(fresh.frame, line->frame, size);
        heap_push(line, &fresh);
    }
}

static void line_take_frames(struct line *line, int most)
{
    for (int i = 0; i < most && line->is_open; i++) {
        ssize_t n = read(line->tap_fd, line->frame, sizeof line->frame);
        if (n <= 0)
            break;
        line_take_frame(line, (size_t)n);
    }
}

static int tap_make(struct report *report)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    snprintf(request.ifr_name, sizeof request.ifr_name, "rift%%d");
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request)) {
        snprintf(report->text, sizeof report->text, "make a TAP: %s", strerror(errno));
        rift_close_fd(&fd);
        return -1;
    }
    char path[96];
    snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", request.ifr_name);
    CLEANUP(rift_close_fd) int quiet = open(path, O_WRONLY | O_CLOEXEC);
    if (quiet >= 0 && write(quiet, "1", 1) != 1)
        report->text[0] = '\0'; /* what it says of itself is in no peer's way */
    CLEANUP(rift_close_fd) int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq mtu = request, queue = request, up = request;
    mtu.ifr_mtu = 65521;
    queue.ifr_qlen = TAP_QUEUE;
    up.ifr_flags = IFF_UP;
    ioctl(control, SIOCSIFTXQLEN, &queue);
    if (ioctl(control, SIOCSIFMTU, &mtu) || ioctl(control, SIOCSIFFLAGS, &up)) {
        snprintf(report->text, sizeof report->text, "bring up a TAP: %s", strerror(errno));
        rift_close_fd(&fd);
        return -1;
    }
    report->tap = (int)if_nametoindex(request.ifr_name);
    return fd;
}

static int out_make(uint32_t mark, struct report *report)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    int size = SEND_BUFFER;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark)) {
        snprintf(report->text, sizeof report->text, "make a packet socket: %s", strerror(errno));
        rift_close_fd(&fd);
        report->tap = 0;
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    return fd;
}

static void line_open(struct line *line)
{
    struct report report = {0};
    line->tap_fd = tap_make(&report);
    if (line->tap_fd >= 0)
        line->out_fd = out_make(line->mark, &report);
    line->is_open = line->out_fd >= 0;
    send(LINE_SOCKET, &report, sizeof report, MSG_NOSIGNAL);
}

static void line_take_orders(struct line *line)
{
    struct order order;
    ssize_t n;
    while ((n = recv(LINE_SOCKET, &order, sizeof order, MSG_DONTWAIT)) == sizeof order) {
        if (order.kind == ORDER_LINK)
            line_take_link(line, &order);
        else
            line->lease_end_ns = order.lease_end_ns;
        if (order.kind == ORDER_OPEN)
            line_open(line);
    }
    if (n >= 0 || errno != EAGAIN)
        line->is_orphan = true;
}

static void line_wait(struct line *line, const sigset_t *mask)
{
    int64_t now = rift_clock_now(), until = line->lease_end_ns + LEASE_GRACE_NS;
    if (line->waiting_count > 0 && line->heap[0].due_ns < until)
        until = line->heap[0].due_ns;
    int64_t wait_ns = until > now ? until - now : 0;
    struct timespec timeout = {.tv_sec = wait_ns / RIFT_SECOND, .tv_nsec = wait_ns % RIFT_SECOND};
    struct pollfd fds[2] = {{.fd = line->is_open ? line->tap_fd : -1, .events = POLLIN},
                            {.fd = line->is_orphan ? -1 : LINE_SOCKET, .events = POLLIN}};
    if (ppoll(fds, 2, &timeout, mask) <= 0)
        return;
    if (fds[0].revents)
        line_take_frames(line, BURST);
    if (fds[1].revents)
        line_take_orders(line);
}

/* What waits goes its way at once, and what the kernel has for it already: no packet of a link that
 * is healed is lost. In bursts, as this process is in front of what takes packets off a veth. */
static void line_finish(struct line *line)
{
    line_take_frames(line, TAP_QUEUE);
    for (int i = 1; line->waiting_count > 0; i++) {
        line_send_first(line);
        if (i % BURST == 0)
            rift_clock_sleep_until(rift_clock_now() + RIFT_MS / 10);
    }
}

/* It must wake in time whatever else runs here. */
static void become_urgent(void)
{
    prctl(PR_SET_TIMERSLACK, 1);
    rift_process_hurry(LINE_PRIORITY);
}

/* Nothing of the agent's may live on in it: its connection, its lock. */
static void line_detach(int fd)
{
    setsid();
    prctl(PR_SET_NAME, "rift-line");
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    dup2(fd, LINE_SOCKET);
    syscall(SYS_close_range, LINE_SOCKET + 1, ~0U, 0);
}

static _Noreturn void line_run(int fd, struct rift_line_counts *counts, uint32_t mark)
{
    line_detach(fd);
    sigset_t all, awake;
    sigfillset(&all);
    sigfillset(&awake);
    sigdelset(&awake, SIGTERM);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = note_signal}, NULL);
    struct line *line = rift_calloc(1, sizeof *line);
    line->tap_fd = line->out_fd = -1;
    line->counts = counts;
    line->mark = mark;
    line->links = rift_calloc(RIFT_LINE_LINKS_MAX, sizeof *line->links);
    line->peers = rift_calloc(RIFT_LINE_LINKS_MAX, sizeof *line->peers);
    line->lease_end_ns = rift_clock_now() + REPORT_DEADLINE_MS * RIFT_MS;
    become_urgent();
    while (!is_told_to_end && rift_clock_now() < line->lease_end_ns + LEASE_GRACE_NS &&
           (line->is_open || !line->is_orphan)) {
        line_wait(line, &awake);
        while (line->waiting_count > 0 && line->heap[0].due_ns <= rift_clock_now())
            line_release_first(line);
    }
    line_finish(line);
    _exit(0);
}

/* --- who has it */

struct rift_line *rift_line_start(json_t *undo, uint32_t mark, struct rift_error *err)
{
    struct rift_line_counts *counts =
        mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int pair[2];
    if (counts == MAP_FAILED || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
        rift_fail_errno(err, RIFT_ERR_IO, "make a socket for the delay line");
        return NULL;
    }
    pid_t pid = fork();
    if (pid == 0)
        line_run(pair[1], counts, mark);
    close(pair[1]);
    struct rift_line *line = rift_calloc(1, sizeof *line);
    line->fd = pair[0];
    line->counts = counts;
    if (pid < 0 || !rift_process_identify(pid, &line->process)) {
        rift_fail_errno(err, RIFT_ERR_IO, "start the delay line");
        rift_line_forget(line);
        return NULL;
    }
    json_object_set_new(
        undo, "line",
        json_pack("[i, I]", (int)line->process.pid, (json_int_t)line->process.start_ticks));
    return line;
}

static int line_order(struct rift_line *line, const struct order *order, struct rift_error *err)
{
    if (send(line->fd, order, sizeof *order, MSG_NOSIGNAL) == sizeof *order)
        return 0;
    return rift_fail_errno(err, RIFT_ERR_IO, "the delay line is gone");
}

int rift_line_set(struct rift_line *line, size_t peer, const char *address, int interface,
                  const struct rift_link_quality *quality, struct rift_error *err)
{
    struct order order = {
        .kind = ORDER_LINK, .peer = peer, .interface = interface, .quality = *quality};
    if (inet_pton(AF_INET6, address, order.address) != 1) {
        order.address[10] = order.address[11] = 0xff;
        inet_pton(AF_INET, address, order.address + 12);
    }
    return line_order(line, &order, err);
}

int rift_line_open(struct rift_line *line, int64_t lease_end_ns, int *tap, struct rift_error *err)
{
    struct order order = {.kind = ORDER_OPEN, .lease_end_ns = lease_end_ns};
    struct report report;
    struct pollfd poll_fd = {.fd = line->fd, .events = POLLIN};
    if (line_order(line, &order, err))
        return -1;
    if (poll(&poll_fd, 1, REPORT_DEADLINE_MS) != 1 ||
        recv(line->fd, &report, sizeof report, 0) != sizeof report)
        return rift_fail(err, RIFT_ERR_TIMEOUT, "the delay line does not answer");
    report.text[sizeof report.text - 1] = '\0';
    *tap = report.tap;
    return report.tap > 0 ? 0 : rift_fail(err, RIFT_ERR_UNSUPPORTED, "%s", report.text);
}

int rift_line_renew(struct rift_line *line, int64_t lease_end_ns, struct rift_error *err)
{
    struct order order = {.kind = ORDER_RENEW, .lease_end_ns = lease_end_ns};
    if (!rift_process_is_alive(&line->process))
        return rift_fail(err, RIFT_ERR_MISSING, "the process that delays packets is gone");
    return line_order(line, &order, err);
}

struct rift_line_counts rift_line_count(const struct rift_line *line)
{
    return *line->counts;
}

void rift_line_forget(struct rift_line *line)
{
    if (!line)
        return;
    close(line->fd);
    munmap(line->counts, sizeof *line->counts);
    free(line);
}

int rift_line_stop(const json_t *undo, struct rift_error *err)
{
    const json_t *named = json_object_get(undo, "line");
    struct rift_process process = {.pid = (pid_t)json_integer_value(json_array_get(named, 0)),
                                   .start_ticks =
                                       (uint64_t)json_integer_value(json_array_get(named, 1))};
    CLEANUP(rift_close_fd) int fd = process.pid > 0 ? rift_process_open(&process) : -1;
    if (fd < 0)
        return 0;
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    /* Its TAP ends with it, for which the kernel of a busy machine takes its time. */
    static const struct {
        int signal, wait_ms;
    } steps[] = {{SIGTERM, 1000}, {SIGKILL, 3000}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (rift_process_signal(&process, steps[i].signal) && errno != ESRCH)
            return rift_fail_errno(err, RIFT_ERR_IO, "end the delay line");
        if (poll(&poll_fd, 1, steps[i].wait_ms) == 1)
            return 0;
    }
    return rift_fail(err, RIFT_ERR_TIMEOUT, "the delay line does not end");
}

int64_t rift_line_try_lateness(void)
{
    int pipe_fds[2];
    int64_t worst_ns = 0;
    if (pipe2(pipe_fds, O_CLOEXEC))
        return 0;
    pid_t pid = fork();
    if (pid == 0) {
        become_urgent();
        for (int i = 0; i < LATENESS_TRIES; i++) {
            int64_t due = rift_clock_now() + RIFT_MS;
            rift_clock_sleep_until(due);
            int64_t late = rift_clock_now() - due;
            worst_ns = late > worst_ns ? late : worst_ns;
        }
        _exit(write(pipe_fds[1], &worst_ns, sizeof worst_ns) != sizeof worst_ns);
    }
    close(pipe_fds[1]);
    if (pid < 0 || read(pipe_fds[0], &worst_ns, sizeof worst_ns) != sizeof worst_ns)
        worst_ns = 0;
    close(pipe_fds[0]);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    return worst_ns;
}
