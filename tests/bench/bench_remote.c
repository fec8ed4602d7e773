/* A command through the agent against a command of its own SSH exec, side by side on one lab host.
 *
 * usage: bench_remote [ROUNDS]; needs root. Prints a table; passes whatever it says. */
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "control/remote/node.h"
#include "control/remote/ssh.h"
#include "lab/lab.h"
#include "tests/lib/build_folder.h"

enum { ROUNDS = 300, DEADLINE_MS = 10000 };

static int compare(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double print_row(const char *what, int64_t *times_ns, size_t count)
{
    qsort(times_ns, count, sizeof *times_ns, compare);
    double median_ms = (double)times_ns[count / 2] / 1e6;
    printf("%-34s %10.3f %10.3f\n", what, median_ms, (double)times_ns[count * 99 / 100] / 1e6);
    return median_ms;
}

static int run(const struct rift_lab_host *host, const char *agent, size_t count,
               struct rift_error *err)
{
    struct rift_node_settings settings = {.name = host->name,
                                          .address = host->address,
                                          .port = host->port,
                                          .user = host->user,
                                          .key_file = host->key_file,
                                          .known_hosts_file = host->known_hosts_file,
                                          .agent_binary = agent,
                                          .connect_timeout_ms = DEADLINE_MS,
                                          .lease_ms = DEADLINE_MS};
    CLEANUP(rift_free) int64_t *through_agent = rift_calloc(count, sizeof(int64_t));
    CLEANUP(rift_free) int64_t *by_exec = rift_calloc(count, sizeof(int64_t));
    struct rift_node *node = rift_node_open(&settings, err);
    struct rift_ssh *ssh = node ? rift_ssh_open(&settings, NULL, err) : NULL;
    int result = ssh ? 0 : -1;
    for (size_t i = 0; i < count && result == 0; i++) {
        CLEANUP(rift_text_finish) struct rift_text output = {NULL, 0, 0};
        int status = 0;
        int64_t start_ns = rift_clock_now();
        result = rift_node_call(node, "clock", NULL, DEADLINE_MS, NULL, err);
        int64_t middle_ns = rift_clock_now();
        if (result == 0)
            result =
                rift_ssh_run(ssh, "true", middle_ns + DEADLINE_MS * RIFT_MS, &output, &status, err);
        by_exec[i] = rift_clock_now() - middle_ns;
        through_agent[i] = middle_ns - start_ns;
    }
    if (result == 0) {
        printf("%-34s %10s %10s\n", "a command", "median ms", "p99 ms");
        double agent_ms = print_row("through the agent", through_agent, count);
        double exec_ms = print_row("an SSH exec each, TCP_NODELAY", by_exec, count);
        printf("ratio of medians: 1 to %.1f\n", exec_ms / agent_ms);
    }
    rift_ssh_close(ssh);
    rift_node_close(node);
    return result;
}

int main(int argc, char **argv)
{
    struct rift_error err = {.code = RIFT_ERR_NONE};
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : ROUNDS, host_count = 0;
    CLEANUP(rift_free) char *agent = rift_printf("%s/rift-agent", build_folder());
    struct rift_lab_request request = {
        .name = "bench-remote", .host_count = 1, .deadline_ms = 6 * DEADLINE_MS};
    struct rift_lab *lab = rift_lab_up(&request, &err);
    int result = lab && count > 0 ? run(rift_lab_hosts(lab, &host_count), agent, count, &err) : -1;
    if (result < 0)
        fprintf(stderr, "bench_remote: %s\n", err.text);
    rift_lab_close(lab);
    if (lab && rift_lab_down(request.name, &err) < 0)
        fprintf(stderr, "bench_remote: %s\n", err.text);
    return result < 0;
}
