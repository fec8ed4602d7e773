/* How checking transactions grows: valid histories of a simulated store, from 10^3 transactions on,
 * and files given by name (read included).
 *
 *   bench_txn [MAX_TRANSACTIONS]          the table, up to 10^5 unless told, and peers' figures
 *   bench_txn CHECKER LEVEL FILE...       one line a file
 *   bench_txn blind LEVEL COUNT           blind writes of that level alone
 *   bench_txn write-edn CHECKER COUNT     such a history to stdout, as Jepsen writes it */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "checkers/checker.h"
#include "history/reader.h"
#include "tests/lib/simulated_store.h"

/* What peers took on such a machine when they were measured, in November 2026: seconds of the
 * check, by the wall clock for Elle and AWDIT, and memory. */
static const char *const peers[] = {
    "Elle ccdee6f, list-append, strict-serializable, 10^3 / 10^4 / 10^5 / 3*10^5 transactions:",
    "    0.6 s 260 MB / 2.8 s 380 MB / 14.3 s 1900 MB / 44.4 s 6500 MB",
    "Elle ccdee6f, rw-register, linearizable keys, 10^3 / 3*10^3 / 10^4: 4.4 / 15.4 / 118 s",
    "AWDIT (PLDI 2025), 8 blind operations a transaction, 10^4 / 10^5 / 10^6 transactions:",
    "    read committed 0.024 s 10 MB / 0.33 s 64 MB / 6.1 s 710 MB",
    "    read atomic    0.049 s 18 MB / 0.59 s 153 MB / 8.9 s 1500 MB",
    "    causal         0.12 s 25 MB / 3.0 s 692 MB / 55 s 6950 MB",
    "VeriStrong (2025), 8 blind operations, serializable: 7728 21 s 780 MB / 15265 117 s 2200 MB",
};

/* Processor time: the machine may have other work. One thread does everything here. */
static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds_since(double start)
{
    return cpu_seconds() - start;
}

static double peak_mb(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

/* Blind writes of 8 micro-operations over many keys in 50 sessions without times. */
static struct rift_history *run_sessions(enum store_level level, int count, int sessions)
{
    struct store_options options = {.level = level,
                                    .process_count = sessions,
                                    .transaction_count = count,
                                    .key_count = count / 10 + 100,
                                    .mops_min = 8,
                                    .mops_max = 8,
                                    .writes_per_key = 1 << 30,
                                    .has_no_times = true,
                                    .seed = 1};
    return store_run(&options);
}

static void check(const struct rift_history *history, const char *name, const char *level,
                  const char *option, const char *what, double read_s)
{
    const struct rift_checker *checker = rift_checker_find(name);
    struct rift_error err = {0};
    struct rift_verdict verdict = {0};
    json_t *given = json_object();
    if (level)
        json_object_set_new(given, "level", json_string(level));
    if (option)
        json_object_set_new(given, option, json_true());
    json_t *options = checker ? rift_checker_options(checker, given, &err) : NULL;
    if (!options) {
        fprintf(stderr, "%s: %s\n", name, err.text);
        exit(1);
    }
    struct rift_check request = {.history = history, .options = options};
    double start = cpu_seconds();
    if (checker->check(&request, &verdict, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    double check_s = seconds_since(start);
    char *counts = json_dumps(json_object_get(verdict.details, "counts"), 0);
    printf("%-58s %-12s %-18s %8.3f %8.3f %7.0f  %-8s %s\n", what, name, option ? option : "",
           read_s, check_s, peak_mb(), rift_validity_name(verdict.validity), counts ? counts : "");
    if (verdict.validity == RIFT_UNKNOWN)
        printf("    %s\n", verdict.reason);
    fflush(stdout);
    free(counts);
    rift_verdict_finish(&verdict);
    json_decref(options);
    json_decref(given);
}

static struct rift_history *run_store(bool is_list, int count)
{
    struct store_options options = {.level = STORE_SERIAL,
                                    .is_list = is_list,
                                    .process_count = 20,
                                    .transaction_count = count,
                                    .key_count = 10,
                                    .mops_max = 4,
                                    .abort_percent = 3,
                                    .unknown_percent = 0,
                                    .writes_per_key = 128,
                                    .seed = 1};
    return store_run(&options);
}

/* Times of the store are the numbers of events, from 1 on. */
static void write_edn(bool is_list, int count)
{
    static const char *const ends[] = {"ok", "fail", "info"};
    struct rift_history *history = run_store(is_list, count);
    const struct rift_ops *ops = &history->ops;
    int64_t *event = calloc(2 * ops->count + 1, sizeof *event); /* row + 1, negative: its end */
    for (size_t row = 0; event && row < ops->count; row++) {
        event[ops->start[row]] = (int64_t)row + 1;
        event[ops->end[row]] = -(int64_t)row - 1;
    }
    for (size_t i = 1; event && i <= 2 * ops->count; i++) {
        size_t row = (size_t)(event[i] > 0 ? event[i] : -event[i]) - 1;
        bool is_result = event[i] < 0 && ops->type[row] == RIFT_OP_OK;
        char *text =
            rift_value_print(history->values, is_result ? ops->result[row] : ops->argument[row]);
        printf("{:index %zu :time %zu :type :%s :process %d :f :txn :value %s}\n", i - 1, i * 1000,
               event[i] > 0 ? "invoke" : ends[ops->type[row]], ops->process[row], text);
        free(text);
    }
    free(event);
    rift_history_destroy(history);
}

static void bench_store(bool is_list, int count, const char *option)
{
    char what[64];
    double start = cpu_seconds();
    struct rift_history *history = run_store(is_list, count);
    snprintf(what, sizeof what, "%d transactions", count);
    check(history, is_list ? "list-append" : "rw-register", NULL, option, what,
          seconds_since(start));
    rift_history_destroy(history);
}

static void bench_sessions(enum store_level store, int count, const char *level)
{
    char what[64];
    double start = cpu_seconds();
    struct rift_history *history = run_sessions(store, count, 50);
    snprintf(what, sizeof what, "%d x 8 blind, %s", count, level);
    check(history, "rw-register", level, NULL, what, seconds_since(start));
    rift_history_destroy(history);
}

static void bench_file(const char *name, const char *level, const char *path)
{
    struct rift_error err = {0};
    double start = cpu_seconds();
    struct rift_history *history = rift_history_read(path, NULL, &err);
    if (!history) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    const char *slash = strrchr(path, '/');
    check(history, name, level, NULL, slash ? slash + 1 : path, seconds_since(start));
    rift_history_destroy(history);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "write-edn") == 0) {
        write_edn(strcmp(argv[2], "list-append") == 0, (int)strtol(argv[3], NULL, 10));
        return 0;
    }
    printf("%-58s %-12s %-18s %8s %8s %7s  %s\n", "history", "checker", "claim", "make s",
           "check s", "MB", "verdict");
    if (argc == 4 && strcmp(argv[1], "blind") == 0) {
        bench_sessions(STORE_SERIAL, (int)strtol(argv[3], NULL, 10), argv[2]);
        return 0;
    }
    if (argc > 3) {
        for (int i = 3; i < argc; i++)
            bench_file(argv[1], argv[2], argv[i]);
        return 0;
    }
    int most = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 100000;
    for (int count = 1000; count <= most; count *= 10) {
        bench_store(true, count, NULL);
        bench_store(false, count, NULL);
        bench_store(false, count, "linearizable_keys");
        bench_store(false, count, "sequential_keys");
    }
    for (int count = 1000; count <= most; count *= 10) {
        bench_sessions(STORE_SERIAL, count, "strong-session-monotonic-read-committed");
        bench_sessions(STORE_SERIAL, count, "strong-session-read-atomic");
        bench_sessions(STORE_SERIAL, count, "strong-session-causal");
    }
    for (int count = 1000; count <= 16000 && count <= most; count *= 2) {
        bench_sessions(STORE_SERIAL, count, "strong-session-serializable");
        bench_sessions(STORE_SNAPSHOT, count, "strong-session-snapshot-isolation");
    }
    printf("\nPeers, November 2026 (Elle and AWDIT in wall time, parsing not counted):\n");
    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++)
        printf("%s\n", peers[i]);
    return 0;
}
