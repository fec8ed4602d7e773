/* The test's side of the program guest_probe. */
#include "tests/lib/guest_probe.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "tests/lib/build_folder.h"
#include "tests/lib/lab_hosts.h"

enum { ASK_MS = 10000, ASK_AGAIN_MS = 100 };

#define PROGRAM "/usr/local/bin/guest_probe"

void guest_probe_start(const struct rift_lab_host *hosts, size_t count, const char *file)
{
    char output[512] = "";
    CLEANUP(rift_free)
    char *program = rift_printf("%s/guest_probe", build_folder());
    for (size_t i = 0; i < count; i++) {
        CLEANUP(rift_text_finish) struct rift_text command = {NULL, 0, 0};
        rift_text_printf(&command, "setsid " PROGRAM " %zu %s", i, file);
        for (size_t j = 0; j < count; j++)
            rift_text_printf(&command, " %s", hosts[j].address);
        rift_text_append(&command, " </dev/null >/dev/null 2>&1 &");
        if (test_host_copy(&hosts[i], program, PROGRAM, output, sizeof output) != 0 ||
            test_host_run(&hosts[i], command.data, output, sizeof output) != 0)
            fail_msg("%s: %s", hosts[i].name, output);
        guest_probe_ask(&hosts[i], GUEST_PROBE_LOOK, 0);
    }
}

struct guest_probe_message guest_probe_ask(const struct rift_lab_host *host,
                                           enum guest_probe_kind kind, pid_t pid)
{
    static uint32_t round;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(GUEST_PROBE_PORT)};
    struct guest_probe_message message = {.kind = kind, .round = ++round, .pid = (int32_t)pid};
    struct guest_probe_message answer;
    inet_pton(AF_INET, host->address, &address.sin_addr);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is_answered = false;
    int64_t deadline_ns = rift_clock_now() + ASK_MS * RIFT_MS;
    while (!is_answered && rift_clock_now() < deadline_ns) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        sendto(fd, &message, sizeof message, 0, (struct sockaddr *)&address, sizeof address);
        if (poll(&poll_fd, 1, ASK_AGAIN_MS) > 0)
            is_answered = recv(fd, &answer, sizeof answer, 0) == (ssize_t)sizeof answer &&
                          answer.kind == GUEST_PROBE_ANSWER && answer.round == message.round;
    }
    close(fd);
    if (!is_answered)
        fail_msg("the probe on %s does not answer", host->name);
    return answer;
}
