/* The eyes of tests/integration/fault_table on lab hosts; it shares nothing with the agent.
 *
 *   fault_witness system FOLDER       a system under test that tells what happens to it
 *   fault_witness echo                sends datagrams back, counts what a stream brings
 *   fault_witness ping ADDRESS COUNT INTERVAL_US WAIT_MS
 *       datagrams to an echo; prints "BACK TWICE MEDIAN P10 P90 ALTERED EARLY BURST LIKE": how many
 *       came back, how many of them more than once, their round trips in ms, how many came back
 *       with another content, how many in less than half of the median, how many in a row did not
 *       come back, on average, and the correlation of a round trip with the one before
 *   fault_witness stream ADDRESS MS   prints the Mbit/s that arrive by TCP
 *   fault_witness connect ADDRESS COUNT WAIT_MS
 *       prints how many of so many TCP connections are open within WAIT_MS, one after the other
 *   fault_witness keep ADDRESS FILE
 *       one TCP connection, a byte there and back every 10 ms; writes "ECHOES ERRNO" to the file
 *       each time, until the connection ends */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/lib/fault_witness.h"

enum { PINGS_AT_ONCE = 16, PING_GIVEN_UP_MS = 30 };
enum { PINGS_MAX = 20000, PING_WORD = 0x70696e67, STREAM_WAIT_S = 20 };

static char block[WITNESS_WRITE_KB * 1024];

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

/* A process that waits for a processor loses nothing at its own door: what is counted is the link.
 */
static void widen(int fd)
{
    int size = 8 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
}

static int listening_socket(int type, uint16_t port)
{
    struct sockaddr_in6 any = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
    int off = 0, on = 1, fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&any, sizeof any) < 0)
        die("bind");
    return fd;
}

static int started_socket(int type, const char *address, int port_number)
{
    char port[8];
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = type & ~SOCK_NONBLOCK},
                    *found = NULL;
    snprintf(port, sizeof port, "%d", port_number);
    if (getaddrinfo(address, port, &hints, &found) != 0)
        die(address);
    int fd = socket(found->ai_family, type | SOCK_CLOEXEC, 0);
    if (connect(fd, found->ai_addr, found->ai_addrlen) < 0 && errno != EINPROGRESS)
        die(address);
    freeaddrinfo(found);
    return fd;
}

static int connected_socket(int type, const char *address)
{
    return started_socket(type, address, WITNESS_ECHO_PORT);
}

/* --- system */

static int64_t burn(void)
{
    struct timespec begin, end;
    int64_t until = rift_clock_now() + WITNESS_BURN_MS * RIFT_MS;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    while (rift_clock_now() < until)
        ;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    return (end.tv_sec - begin.tv_sec) * RIFT_SECOND + end.tv_nsec - begin.tv_nsec;
}

static int64_t grow(void)
{
    size_t size = (size_t)WITNESS_GROW_MB << 20;
    char *more = malloc(size); /* kept */
    for (size_t i = 0; more && i < size; i += 4096)
        ((volatile char *)more)[i] = 1;
    return more ? 0 : ENOMEM;
}

static atomic_int ticks;

static void *tick(void *unused)
{
    prctl(PR_SET_NAME, WITNESS_THREAD);
    for (;;) {
        ticks++;
        rift_clock_sleep_until(rift_clock_now() + 5 * RIFT_MS);
    }
    return unused;
}

static int64_t count_ticks(void)
{
    int before = ticks;
    rift_clock_sleep_until(rift_clock_now() + 500 * RIFT_MS);
    return ticks - before;
}

static int64_t open_file(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), number = errno;
    if (fd < 0)
        return number;
    close(fd);
    return 0;
}

static int64_t fork_process(void)
{
    pid_t pid = fork();
    if (pid < 0)
        return errno;
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    return 0;
}

static int64_t write_file(const char *name, bool is_synced)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_APPEND, 0644); /* it needs new room each time */
    if (fd < 0)
        return errno;
    bool is_fine = write(fd, block, sizeof block) == (ssize_t)sizeof block;
    int64_t number = is_fine || !errno ? 0 : errno;
    if (is_synced && is_fine && fsync(fd) < 0)
        number = errno;
    close(fd);
    int folder = is_synced ? open(".", O_RDONLY | O_DIRECTORY) : -1;
    if (folder >= 0) {
        fsync(folder);
        close(folder);
    }
    return number;
}

static int64_t write_both_files(void)
{
    int64_t number = write_file(WITNESS_SYNCED, true);
    return number ? number : write_file(WITNESS_UNSYNCED, false);
}

static void be_system(const char *folder)
{
    static char own[4 << 20];
    prctl(PR_SET_NAME, "witness-system");
    /* Where memory is short the kernel kills the largest process: as systems do, it has more than
     * the agent's helper, which on a host of a lab may not ask to be spared. */
    memset(own, 1, sizeof own);
    if (chdir(folder) < 0)
        die(folder);
    pthread_t thread;
    pthread_create(&thread, NULL, tick, NULL);
    int fd = listening_socket(SOCK_DGRAM, WITNESS_SYSTEM_PORT);
    for (;;) {
        struct sockaddr_storage from;
        socklen_t length = sizeof from;
        char word[8] = "", reply[64];
        if (recvfrom(fd, word, 1, 0, (struct sockaddr *)&from, &length) != 1)
            continue;
        errno = 0;
        if (strcmp(word, WITNESS_ASK_STATE) == 0)
            snprintf(reply, sizeof reply, "%d %lld", (int)getpid(), (long long)rift_clock_wall());
        else
            snprintf(reply, sizeof reply, "%lld",
                     (long long)(strcmp(word, WITNESS_ASK_BURN) == 0    ? burn()
                                 : strcmp(word, WITNESS_ASK_GROW) == 0  ? grow()
                                 : strcmp(word, WITNESS_ASK_TICKS) == 0 ? count_ticks()
                                 : strcmp(word, WITNESS_ASK_OPEN) == 0  ? open_file()
                                 : strcmp(word, WITNESS_ASK_FORK) == 0  ? fork_process()
                                 : strcmp(word, WITNESS_ASK_WRITE) == 0 ? write_file("file", true)
                                                                        : write_both_files()));
        sendto(fd, reply, strlen(reply), 0, (struct sockaddr *)&from, length);
    }
}

/* --- echo */

static void count_stream(int listener)
{
    int fd = accept(listener, NULL, NULL);
    int64_t first = 0, last = 0, sum = 0;
    for (ssize_t got; (got = read(fd, block, sizeof block)) > 0; last = rift_clock_now()) {
        if (!first)
            first = rift_clock_now();
        else
            sum += got;
    }
    dprintf(fd, "%.2f\n", last > first ? (double)sum * 8e3 / (double)(last - first) : 0);
    close(fd);
}

/* A process for the pairs, a child of it for each. */
static void answer_pairs(void)
{
    int listener = listening_socket(SOCK_STREAM, WITNESS_PAIR_PORT);
    listen(listener, 64);
    if (fork() != 0) {
        close(listener);
        return;
    }
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0 && fork() == 0) {
            for (char byte; read(fd, &byte, 1) == 1;)
                send(fd, &byte, 1, MSG_NOSIGNAL);
            _exit(0);
        }
        close(fd);
    }
}

static void be_echo(void)
{
    answer_pairs();
    int fd = listening_socket(SOCK_DGRAM, WITNESS_ECHO_PORT);
    widen(fd);
    int listener = listening_socket(SOCK_STREAM, WITNESS_ECHO_PORT);
    listen(listener, 4);
    for (;;) {
        struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
        poll(fds, 2, -1);
        if (fds[1].revents)
            count_stream(listener);
        if (!fds[0].revents)
            continue;
        struct sockaddr_storage from;
        socklen_t length = sizeof from;
        char word[64];
        ssize_t got = recvfrom(fd, word, sizeof word, 0, (struct sockaddr *)&from, &length);
        if (got == 1 && word[0] == WITNESS_ASK_TIME[0])
            got = snprintf(word, sizeof word, "%lld", (long long)rift_clock_wall());
        if (got > 0)
            sendto(fd, word, (size_t)got, 0, (struct sockaddr *)&from, length);
    }
}

/* --- pairs */

static void connect_many(const char *address, long count, long wait_ms)
{
    int open_count = 0;
    for (long i = 0; i < count; i++) {
        int error = 0, fd = started_socket(SOCK_STREAM | SOCK_NONBLOCK, address, WITNESS_PAIR_PORT);
        socklen_t length = sizeof error;
        struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
        open_count += poll(&poll_fd, 1, (int)wait_ms) == 1 &&
                      getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
        close(fd);
    }
    printf("%d\n", open_count);
}

static void keep(const char *address, const char *path)
{
    int fd = started_socket(SOCK_STREAM, address, WITNESS_PAIR_PORT), echoes = 0;
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    for (int error = 0; error == 0;) {
        char byte = 'k', line[32];
        if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1 || read(fd, &byte, 1) != 1)
            error = errno ? errno : EPIPE;
        else
            echoes++;
        int length = snprintf(line, sizeof line, "%d %d\n", echoes, error);
        if (pwrite(file, line, (size_t)length, 0) != length)
            die(path);
        rift_clock_sleep_until(rift_clock_now() + 10 * RIFT_MS);
    }
}

/* --- ping and stream */

struct pings {
    int64_t sent_ns[PINGS_MAX];
    double trip_ms[PINGS_MAX];    /* in the order in which they came back */
    double trip_of_ms[PINGS_MAX]; /* by number */
    unsigned char arrivals[PINGS_MAX];
    int back, twice, altered;
};

static void take_pings(struct pings *pings, int fd, int64_t until)
{
    do {
        uint32_t number[3] = {0};
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        if (poll(&poll_fd, 1, rift_clock_poll_ms(until)) <= 0 ||
            recv(fd, number, sizeof number, MSG_DONTWAIT) != sizeof number)
            continue;
        if (number[0] != PING_WORD || number[1] >= PINGS_MAX || number[2] != ~number[1]) {
            pings->altered++;
            continue;
        }
        uint32_t i = number[1];
        pings->arrivals[i]++;
        pings->twice += pings->arrivals[i] == 2;
        if (pings->arrivals[i] != 1)
            continue;
        pings->trip_of_ms[i] = (double)(rift_clock_now() - pings->sent_ns[i]) / 1e6;
        pings->trip_ms[pings->back++] = pings->trip_of_ms[i];
    } while (rift_clock_now() < until);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* A busy host drops what comes in a burst: no more than a few are on their way at once, where one
 * that has not come back for a while is on its way no more. */
static void wait_for_room(struct pings *pings, int fd, long next)
{
    static long oldest;
    while (oldest < next) {
        int64_t given_up_ns = pings->sent_ns[oldest] + PING_GIVEN_UP_MS * RIFT_MS;
        if (pings->arrivals[oldest] || rift_clock_now() > given_up_ns)
            oldest++;
        else if (next - oldest < PINGS_AT_ONCE)
            return;
        else
            take_pings(pings, fd, rift_clock_now() + RIFT_MS / 5);
    }
}

/* How much a round trip is like that of the datagram before: 1 the same, 0 not at all. */
static double likeness(const struct pings *pings, long count)
{
    double mean = 0, products = 0, squares = 0;
    for (int i = 0; i < pings->back; i++)
        mean += pings->trip_ms[i] / pings->back;
    for (long i = 1; i < count; i++) {
        if (!pings->arrivals[i - 1] || !pings->arrivals[i])
            continue;
        double off = pings->trip_of_ms[i] - mean;
        products += off * (pings->trip_of_ms[i - 1] - mean);
        squares += off * off;
    }
    return squares > 0 ? products / squares : 0;
}

static void ping(const char *address, long count, long interval_us, long wait_ms)
{
    static struct pings pings;
    int fd = connected_socket(SOCK_DGRAM, address);
    widen(fd);
    count = count < PINGS_MAX ? count : PINGS_MAX;
    for (long i = 0; i < count; i++) {
        uint32_t number[3] = {PING_WORD, (uint32_t)i, ~(uint32_t)i};
        wait_for_room(&pings, fd, i);
        pings.sent_ns[i] = rift_clock_now();
        send(fd, number, sizeof number, 0);
        take_pings(&pings, fd, pings.sent_ns[i] + interval_us * 1000);
    }
    take_pings(&pings, fd, rift_clock_now() + wait_ms * RIFT_MS);
    qsort(pings.trip_ms, (size_t)pings.back, sizeof *pings.trip_ms, compare);
    int bursts = 0, early = 0;
    for (long i = 0; i < count; i++)
        bursts += pings.arrivals[i] == 0 && (i == 0 || pings.arrivals[i - 1] > 0);
    while (early < pings.back && pings.trip_ms[early] < pings.trip_ms[pings.back / 2] / 2)
        early++;
    printf("%d %d %.2f %.2f %.2f %d %d %.2f %.2f\n", pings.back, pings.twice,
           pings.trip_ms[pings.back / 2], pings.trip_ms[pings.back / 10],
           pings.trip_ms[pings.back * 9 / 10], pings.altered, early,
           bursts ? (double)(count - pings.back) / bursts : 0, likeness(&pings, count));
}

static void stream(const char *address, long for_ms)
{
    int size = 65536, fd = connected_socket(SOCK_STREAM, address);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = STREAM_WAIT_S},
               sizeof(struct timeval));
    int64_t end = rift_clock_now() + for_ms * RIFT_MS;
    while (rift_clock_now() < end && send(fd, block, 16384, MSG_NOSIGNAL) > 0)
        ;
    shutdown(fd, SHUT_WR);
    ssize_t got = read(fd, block, sizeof block - 1);
    printf("%.*s", got > 0 ? (int)got : 0, block);
}

int main(int argc, char **argv)
{
    const char *role = argc > 1 ? argv[1] : "";
    if (strcmp(role, "system") == 0 && argc == 3)
        be_system(argv[2]);
    else if (strcmp(role, "echo") == 0)
        be_echo();
    else if (strcmp(role, "ping") == 0 && argc == 6)
        ping(argv[2], strtol(argv[3], NULL, 10), strtol(argv[4], NULL, 10),
             strtol(argv[5], NULL, 10));
    else if (strcmp(role, "stream") == 0 && argc == 4)
        stream(argv[2], strtol(argv[3], NULL, 10));
    else if (strcmp(role, "connect") == 0 && argc == 5)
        connect_many(argv[2], strtol(argv[3], NULL, 10), strtol(argv[4], NULL, 10));
    else if (strcmp(role, "keep") == 0 && argc == 4)
        keep(argv[2], argv[3]);
    else
        return 2;
    return 0;
}
