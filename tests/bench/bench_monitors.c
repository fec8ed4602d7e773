/* Monitors on long histories: seconds (of the processor and of the clock) and peak memory of the
 * check alone, without loading. Usage: bench_monitors [ops] [clients] [model]. Each line is a
 * process of its own, so that its memory is its own. With the times that fastlin took for such
 * histories (complete ones, 16 clients), which leaves crashed ops out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checkers/linearizability/problem.h"
#include "checkers/monitors/monitor.h"
#include "common/clock.h"
#include "tests/lib/simulated_object.h"

static double peak_megabytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

static double processor_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static const char *const answer_names[] = {"valid", "invalid", "no answer"};

static bool serves(const struct rift_monitor *monitor, const char *model)
{
    for (const char *const *name = monitor->models; *name; name++)
        if (strcmp(*name, model) == 0)
            return true;
    return false;
}

static void measure(const struct simulated_mix *mix, const char *fastlin)
{
    const char *model = simulated_model_name(mix->kind);
    struct rift_problem *problem = simulated_create(mix);
    double before = peak_megabytes();
    for (size_t i = 0; rift_monitors[i]; i++) {
        if (!serves(rift_monitors[i], model))
            continue;
        struct rift_limits limits = {INT64_MAX, UINT64_MAX, NULL};
        struct rift_certificate certificate = {.moment = RIFT_EVENT_NEVER};
        int64_t start = rift_clock_now();
        double processor = processor_seconds();
        enum rift_monitor_answer answer = rift_monitors[i]->judge(problem, &limits, &certificate);
        double seconds = (double)(rift_clock_now() - start) / (double)RIFT_SECOND;
        processor = processor_seconds() - processor;
        rift_certificate_finish(&certificate);
        if (answer == RIFT_MONITOR_NOT_APPLICABLE && rift_monitors[i + 1] &&
            serves(rift_monitors[i + 1], model))
            continue;
        printf("%-16s %9zu %7u %8u %6u  %8.3f %8.3f %8.0f %8.0f  %-9s %s\n", model, mix->op_count,
               mix->client_count, mix->crash_permille, mix->look_percent, processor, seconds,
               before, peak_megabytes(), answer_names[answer], fastlin);
        break;
    }
    simulated_destroy(problem);
}

static void measure_apart(const struct simulated_mix *mix, const char *fastlin)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        measure(mix, fastlin);
        fflush(stdout);
        _exit(0);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) < 0 || !WIFEXITED(status))
        printf("failed\n");
}

int main(int argc, char **argv)
{
    static const char *const fastlin[SIMULATED_KIND_COUNT] = {
        [SIMULATED_SET] = "0.057",
        [SIMULATED_QUEUE] = "0.31",
        [SIMULATED_STACK] = "1.29",
        [SIMULATED_PRIORITY_QUEUE] = "0.79",
    };
    size_t op_count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    unsigned client_count = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 16;
    if (op_count == 0 || op_count > 100000000 || client_count == 0 || client_count > 1000) {
        fprintf(stderr, "usage: bench_monitors [ops, up to 10^8] [clients, up to 1000] [model]\n");
        return 254;
    }
    printf("model                  ops clients crash/10^3 look%%  cpu s    clock s MB before  MB "
           "peak  "
           "answer    fastlin, 10^6\n");
    const char *only = argc > 3 ? argv[3] : NULL;
    for (int kind = 0; kind < SIMULATED_KIND_COUNT; kind++) {
        if (only && strcmp(only, simulated_model_name((enum simulated_kind)kind)) != 0)
            continue;
        bool has_looks = kind >= SIMULATED_SET && kind <= SIMULATED_UNORDERED_QUEUE;
        for (unsigned looks = 0; looks <= (has_looks ? 20u : 0); looks += 20)
            for (unsigned crashes = 0; crashes <= 20; crashes += 10) {
                struct simulated_mix mix = {kind, op_count, client_count, crashes, looks, 7};
                measure_apart(&mix, op_count == 1000000 && looks + crashes == 0 && fastlin[kind]
                                        ? fastlin[kind]
                                        : "");
            }
    }
    if (only)
        return 0;
    struct simulated_mix large = {SIMULATED_REGISTER, 10 * op_count, client_count, 0, 0, 7};
    measure_apart(&large, "");
    return 0;
}
