/* How the checkers sessions and causal grow with operations and with sessions: valid histories of
 * 100 registers, in few sessions, in many, in short ones (every fifth op never hears back) and with
 * half of the processes so. Usage: bench_sessions [MAX_OPS]. Making the history is not counted. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "checkers/checker.h"
#include "common/memory.h"
#include "common/rng.h"
#include "history/builder.h"

enum { KEYS = 100, BUDGET_MS = 120000 };

struct shape {
    const char *name;
    int process_count;
    int lost_percent[2]; /* of processes with an even and an odd number */
};

static const struct shape shapes[] = {
    {"10 sessions", 10, {0, 0}},
    {"1000 sessions", 1000, {0, 0}},
    {"short sessions", 20, {20, 20}},
    {"long and short sessions", 20, {0, 50}},
};

static struct rift_history *make(const struct shape *shape, int count)
{
    struct rift_builder *builder = rift_builder_create(RIFT_TIME_NS);
    struct rift_values *values = rift_builder_values(builder);
    struct rift_value state[KEYS] = {{0}};
    struct rift_error err = {0};
    struct rift_rng rng;
    int32_t next = shape->process_count;
    CLEANUP(rift_free)
    int32_t *number = rift_calloc((size_t)shape->process_count, sizeof *number);
    rift_rng_init(&rng, 1);
    for (int p = 0; p < shape->process_count; p++)
        number[p] = p;
    for (int i = 0; i < count; i++) {
        int p = (int)rift_rng_below(&rng, (uint64_t)shape->process_count);
        int key = (int)rift_rng_below(&rng, KEYS);
        bool is_write = rift_rng_below(&rng, 2), is_lost;
        is_lost = (int)rift_rng_below(&rng, 100) < shape->lost_percent[p % 2];
        struct rift_event event = {.process = number[p], .f = is_write ? "write" : "read"};
        event.has_key = true;
        event.key = rift_value_integer(values, key);
        if (is_write)
            state[key] = event.value = rift_value_integer(values, i + 1);
        if (rift_builder_add_op(builder, &event, is_lost ? RIFT_OP_INFO : RIFT_OP_OK, 2 * i + 1,
                                is_lost ? RIFT_TIME_NEVER : 2 * i + 2,
                                is_lost ? RIFT_VALUE_NIL : state[key], &err) != 0) {
            fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
        if (is_lost)
            number[p] = next++;
    }
    return rift_builder_finish(builder, &err);
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void check(const struct shape *shape, int count, const char *name)
{
    const struct rift_checker *checker = rift_checker_find(name);
    struct rift_history *history = make(shape, count);
    json_t *options = rift_checker_options(checker, NULL, NULL);
    struct rift_check request = {.history = history, .options = options};
    struct rift_verdict verdict = {0};
    struct rusage usage;
    request.budget.time_ms = BUDGET_MS;
    double start = cpu_seconds();
    checker->check(&request, &verdict, NULL);
    double check_s = cpu_seconds() - start;
    getrusage(RUSAGE_SELF, &usage);
    printf("%-8d %-24s %-9s %9lld %9.3f %7.0f  %s %s\n", count, shape->name, name,
           (long long)json_integer_value(json_object_get(rift_verdict_stats(&verdict), "sessions")),
           check_s, (double)usage.ru_maxrss / 1024, rift_validity_name(verdict.validity),
           verdict.validity == RIFT_UNKNOWN ? verdict.reason : "");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"sessions", "causal"};
    long most = argc > 1 ? strtol(argv[1], NULL, 10) : 1000000;
    printf("%-8s %-24s %-9s %9s %9s %7s  %s\n", "ops", "shape", "checker", "sessions", "check s",
           "MB", "verdict");
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (size_t n = 0; n < sizeof names / sizeof *names; n++)
            for (long count = 10000; count <= most; count *= 10) {
                /* A process of its own, so that the peak of memory is its own. */
                fflush(NULL);
                pid_t child = fork();
                if (child == 0) {
                    check(&shapes[s], (int)count, names[n]);
                    _exit(0);
                }
                waitpid(child, NULL, 0);
            }
    return 0;
}
