/* What a test puts on a lab host that has a kernel of its own (tests/lib/guest_probe.h).
 *
 *   guest_probe NUMBER FILE ADDRESS...   NUMBER is its own place among the hosts' addresses */
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/lib/bpf_objects.h"
#include "tests/lib/guest_probe.h"
#include "tests/lib/stopped_process.h"

enum { HOSTS_MAX = 16, RECEIVE_BYTES = 8 << 20 };

static struct sockaddr_in hosts[HOSTS_MAX];
static uint32_t host_count, own;
static const char *file;
/* The kernel's own threads, as they are at the beginning: to look at them all takes long. */
static bool passed_over[STOPPED_PID_MAX];

static void send_to(int fd, const struct guest_probe_message *message, const struct sockaddr_in *to)
{
    sendto(fd, message, sizeof *message, 0, (const struct sockaddr *)to, sizeof *to);
}

/* A kernel thread runs no program. */
static void find_kernel_threads(void)
{
    char path[300], target[16];
    DIR *processes = opendir("/proc");
    for (struct dirent *entry; processes && (entry = readdir(processes));) {
        long pid = strtol(entry->d_name, NULL, 10);
        snprintf(path, sizeof path, "/proc/%s/exe", entry->d_name);
        if (pid > 0 && pid < STOPPED_PID_MAX)
            passed_over[pid] = readlink(path, target, sizeof target) < 0;
    }
    if (processes)
        closedir(processes);
}

static void answer(int fd, struct guest_probe_message message, const struct sockaddr_in *to)
{
    struct stat facts;
    message.kind = GUEST_PROBE_ANSWER;
    message.from = own;
    message.looked_ns = rift_clock_now();
    message.is_stopped = stopped_process_is_in("/proc", passed_over);
    message.file_ns =
        stat(file, &facts) == 0 ? facts.st_mtim.tv_sec * RIFT_SECOND + facts.st_mtim.tv_nsec : 0;
    send_to(fd, &message, to);
}

static void send_pings(int fd, struct guest_probe_message *message)
{
    struct guest_probe_message ping = *message;
    ping.kind = GUEST_PROBE_PING;
    ping.from = own;
    message->sent_ns = rift_clock_now();
    for (uint32_t to = 0; to < host_count; to++)
        if (to != own)
            send_to(fd, &ping, &hosts[to]);
}

static _Noreturn void serve(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(GUEST_PROBE_PORT)};
    struct sockaddr_in reader = {.sin_family = AF_INET};
    int size = RECEIVE_BYTES, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    if (bind(fd, (struct sockaddr *)&any, sizeof any) < 0) {
        perror("bind");
        exit(1);
    }
    for (;;) {
        struct guest_probe_message message;
        struct sockaddr_in from;
        socklen_t length = sizeof from;
        if (recvfrom(fd, &message, sizeof message, 0, (struct sockaddr *)&from, &length) !=
            (ssize_t)sizeof message)
            continue;
        switch (message.kind) {
        case GUEST_PROBE_PING:
            message.kind = GUEST_PROBE_GOT;
            message.to = own;
            send_to(fd, &message, &reader);
            break;
        case GUEST_PROBE_GO:
            reader = from;
            send_pings(fd, &message);
            answer(fd, message, &from);
            break;
        case GUEST_PROBE_KILL:
            kill(message.pid, SIGKILL);
            answer(fd, message, &from);
            break;
        case GUEST_PROBE_LOOK:
            message.objects = (uint32_t)bpf_objects_count(getpid());
            answer(fd, message, &from);
            break;
        default:
            break;
        }
    }
}

int main(int argc, char **argv)
{
    if (argc < 4 || argc - 3 > HOSTS_MAX)
        return 2;
    own = (uint32_t)strtoul(argv[1], NULL, 10);
    file = argv[2];
    for (int i = 3; i < argc; i++, host_count++) {
        hosts[host_count] =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(GUEST_PROBE_PORT)};
        inet_pton(AF_INET, argv[i], &hosts[host_count].sin_addr);
    }
    find_kernel_threads();
    serve();
}
