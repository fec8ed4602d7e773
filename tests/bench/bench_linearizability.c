/* One-key families with crashed ops, valid and with a stale read; keyed ones; unique writes. Prints
 * a table: what was decided, in how many seconds of checking, with how much memory beyond the
 * history.
 *
 * bench_linearizability [LARGEST]: op counts up to LARGEST (100000 where not given).
 * bench_linearizability cas|unique OPS CLIENTS CRASH_PERCENT valid|stale|stale? [SEED [KEYS]]: one
 * row. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "checkers/checker.h"
#include "common/clock.h"
#include "tests/lib/lin_family.h"

enum { TIME_MS = 120000 };

static double peak_mb(bool is_start)
{
    char line[256];
    double now = 0, peak = 0;
    if (is_start) {
        int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
        if (fd >= 0 && write(fd, "5", 1) != 1)
            perror("clear_refs");
        close(fd);
    }
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof line, status)) {
        if (strncmp(line, "VmHWM:", 6) == 0)
            peak = strtod(line + 6, NULL) / 1024;
        if (strncmp(line, "VmRSS:", 6) == 0)
            now = strtod(line + 6, NULL) / 1024;
    }
    if (status)
        fclose(status);
    return is_start ? now : peak;
}

/* Of all threads: what the check would take on a machine that does nothing else. */
static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void measure(const struct lin_family *family)
{
    static const char *const stales[] = {"valid", "stale", "stale?"};
    bool has_stale = false;
    struct rift_history *history = lin_family_make(family, &has_stale);
    const struct rift_checker *checker = rift_checker_find("linearizable");
    json_t *given = json_pack("{s:s}", "model", "cas-register");
    json_t *options = rift_checker_options(checker, given, NULL);
    struct rift_check check = {.history = history,
                               .options = options,
                               .budget = {.time_ms = TIME_MS, .memory_bytes = UINT64_C(2) << 30}};
    struct rift_verdict verdict = {0};
    struct rift_error err;
    double before = peak_mb(true), cpu_before = cpu_seconds();
    int64_t start = rift_clock_now();
    if (checker->check(&check, &verdict, &err) < 0)
        printf("%s\n", err.text);
    double seconds = (double)(rift_clock_now() - start) / 1e9;
    double cpu = cpu_seconds() - cpu_before;
    const json_t *anomaly = json_array_get(json_object_get(verdict.details, "anomalies"), 0);
    printf("%-7s %8zu ops %6zu keys %3u clients %2u %% crashed %-6s -> %-8s %8.3f s %8.3f s cpu "
           "%7.1f MB  %s",
           family->kind == LIN_CAS ? "cas" : "unique", family->op_count, family->key_count,
           family->client_count, family->crash_percent,
           family->stale != LIN_VALID && !has_stale ? "(none)" : stales[family->stale],
           rift_validity_name(verdict.validity), seconds, cpu, peak_mb(false) - before,
           json_string_value(json_object_get(verdict.details, "algorithm")));
    if (anomaly)
        printf(", %s of %zu ops", json_string_value(json_object_get(anomaly, "name")),
               json_array_size(json_object_get(anomaly, "ops")));
    else if (verdict.validity == RIFT_UNKNOWN)
        printf(", %s", verdict.reason);
    printf("\n");
    fflush(stdout);
    json_decref(given);
    json_decref(options);
    rift_verdict_finish(&verdict);
    rift_history_destroy(history);
}

/* cas|unique OPS CLIENTS CRASH_PERCENT valid|stale|stale? [SEED [KEYS]]: one row. */
static int measure_one(char **argv, int argc)
{
    struct lin_family family = {.seed = argc > 6 ? strtoul(argv[6], NULL, 10) : 7};
    family.key_count = argc > 7 ? strtoul(argv[7], NULL, 10) : 0;
    family.kind = strcmp(argv[1], "cas") == 0 ? LIN_CAS : LIN_UNIQUE;
    family.op_count = strtoul(argv[2], NULL, 10);
    family.client_count = (unsigned)strtoul(argv[3], NULL, 10);
    family.crash_percent = (unsigned)strtoul(argv[4], NULL, 10);
    family.stale = strcmp(argv[5], "valid") == 0   ? LIN_VALID
                   : strcmp(argv[5], "stale") == 0 ? LIN_STALE
                                                   : LIN_STALE_CRASHED;
    measure(&family);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 5)
        return measure_one(argv, argc);
    size_t largest = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    static const unsigned clients[] = {10, 30, 60}, crashes[] = {0, 1, 5};
    for (int kind = LIN_CAS; kind <= LIN_UNIQUE; kind++)
        for (int stale = LIN_VALID; stale <= LIN_STALE_CRASHED; stale++)
            for (size_t count = 1000; count <= largest; count *= 10)
                for (size_t c = 0; c < 3; c++)
                    for (size_t k = stale == LIN_STALE_CRASHED; k < 3; k++)
                        measure(&(struct lin_family){.kind = (enum lin_kind)kind,
                                                     .stale = (enum lin_stale)stale,
                                                     .op_count = count,
                                                     .client_count = clients[c],
                                                     .crash_percent = crashes[k],
                                                     .seed = 7});
    measure(&(struct lin_family){
        .kind = LIN_CAS, .op_count = 1000000, .client_count = 60, .key_count = 10000, .seed = 7});
    measure(&(struct lin_family){.kind = LIN_CAS,
                                 .op_count = 1000000,
                                 .client_count = 60,
                                 .key_count = 10000,
                                 .crash_percent = 1,
                                 .seed = 7});
    return 0;
}
