/* How checking transactions grows. Histories of a simulated store, from 10^3 transactions on, are
 * written to files as other tools write them (EDN, and Plume's text for blind writes); each row
 * then is a process of its own that reads one and checks it.
 *
 *   bench_txn [MAX_TRANSACTIONS]          all tables, up to 10^5 unless told, and peers' figures
 *   bench_txn TABLE MAX_TRANSACTIONS      one of: list-append rw-register weak blind
 *   bench_txn CHECKER LEVEL FILE...       one row a file
 *   bench_txn write TABLE COUNT           such a history to stdout
 *
 * Files go to TMPDIR or /tmp: 460 bytes a transaction of list-append. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "checkers/checker.h"
#include "common/memory.h"
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

/* Processor time, user and system: the machine may have other work. */
static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double peak_mb(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

/* What a table's histories are made of. */
enum kind { LISTS, REGISTERS, BLIND_SERIAL, BLIND_SNAPSHOT };

static struct rift_history *run_store(enum kind kind, int count)
{
    /* Few keys, each replaced after 128 writes; times. */
    struct store_options few = {.level = STORE_SERIAL,
                                .is_list = kind == LISTS,
                                .process_count = 20,
                                .transaction_count = count,
                                .key_count = 10,
                                .mops_max = 4,
                                .abort_percent = 3,
                                .writes_per_key = 128,
                                .seed = 1};
    /* Blind writes of 8 micro-operations over many keys in 50 sessions without times. */
    struct store_options many = {.level = kind == BLIND_SERIAL ? STORE_SERIAL : STORE_SNAPSHOT,
                                 .process_count = 50,
                                 .transaction_count = count,
                                 .key_count = count / 10 + 100,
                                 .mops_min = 8,
                                 .mops_max = 8,
                                 .writes_per_key = 1 << 30,
                                 .has_no_times = true,
                                 .seed = 1};
    return store_run(kind == LISTS || kind == REGISTERS ? &few : &many);
}

/* As Jepsen writes it. Times of the store are the numbers of events, from 1 on. */
static void write_edn(const struct rift_history *history, FILE *file)
{
    static const char *const ends[] = {"ok", "fail", "info"};
    const struct rift_ops *ops = &history->ops;
    CLEANUP(rift_free)
    int64_t *event =
        rift_calloc(2 * ops->count + 1, sizeof *event); /* row + 1, negative: its end */
    for (size_t row = 0; row < ops->count; row++) {
        event[ops->start[row]] = (int64_t)row + 1;
        event[ops->end[row]] = -(int64_t)row - 1;
    }
    for (size_t i = 1; i <= 2 * ops->count; i++) {
        size_t row = (size_t)(event[i] > 0 ? event[i] : -event[i]) - 1;
        bool is_result = event[i] < 0 && ops->type[row] == RIFT_OP_OK;
        CLEANUP(rift_free)
        char *text =
            rift_value_print(history->values, is_result ? ops->result[row] : ops->argument[row]);
        fprintf(file, "{:index %zu :time %zu :type :%s :process %d :f :txn :value %s}\n", i - 1,
                i * 1000, event[i] > 0 ? "invoke" : ends[ops->type[row]], ops->process[row], text);
    }
}

/* Plume's text, session by session; an aborted transaction has a negative number. 0 is what a key
 * holds at first. */
static void write_plume(const struct rift_history *history, FILE *file)
{
    const struct rift_ops *ops = &history->ops;
    const struct rift_values *values = history->values;
    int32_t sessions = 0;
    for (size_t row = 0; row < ops->count; row++)
        sessions = ops->process[row] >= sessions ? ops->process[row] + 1 : sessions;
    for (int32_t session = 0; session < sessions; session++)
        for (size_t row = 0; row < ops->count; row++) {
            bool is_ok = ops->type[row] == RIFT_OP_OK;
            struct rift_value txn = is_ok ? ops->result[row] : ops->argument[row];
            for (size_t i = 0; ops->process[row] == session && i < rift_value_count(values, txn);
                 i += 3)
                fprintf(
                    file, "%c(%lld,%lld,%d,%lld)\n",
                    rift_value_is_word(values, rift_value_item(values, txn, i), "r") ? 'r' : 'w',
                    (long long)rift_value_as_integer(values, rift_value_item(values, txn, i + 1)),
                    (long long)rift_value_as_integer(values, rift_value_item(values, txn, i + 2)),
                    session, is_ok ? (long long)row : -(long long)row - 1);
        }
}

static void write_history(enum kind kind, int count, FILE *file)
{
    struct rift_history *history = run_store(kind, count);
    if (kind == LISTS || kind == REGISTERS)
        write_edn(history, file);
    else
        write_plume(history, file);
    rift_history_destroy(history);
}

static int check_file(const char *path, const char *name, const char *level, const char *option,
                      const char *what)
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
    double start = cpu_seconds();
    struct rift_history *history = options ? rift_history_read(path, NULL, &err) : NULL;
    double read_s = cpu_seconds() - start;
    struct rift_check request = {.history = history, .options = options};
    if (!history || checker->check(&request, &verdict, &err) != 0) {
        fprintf(stderr, "%s: %s\n", name, err.text);
        return 1;
    }
    double total_s = cpu_seconds() - start;
    char *counts = json_dumps(json_object_get(verdict.details, "counts"), 0);
    printf("%-28s %-39s %-17s %8.3f %8.3f %8.3f %7.0f  %-8s %s\n", what, level ? level : "",
           option ? option : "", read_s, total_s - read_s, total_s, peak_mb(),
           rift_validity_name(verdict.validity), counts ? counts : "");
    if (verdict.validity == RIFT_UNKNOWN)
        printf("    %s\n", verdict.reason);
    free(counts);
    rift_verdict_finish(&verdict);
    json_decref(options);
    json_decref(given);
    rift_history_destroy(history);
    return 0;
}

/* A child, so that the peak of memory is its own; the caller waits. */
static pid_t begin_child(void)
{
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        perror("fork");
        exit(1);
    }
    return child;
}

static _Noreturn void end_child(int code)
{
    fflush(NULL);
    _exit(code);
}

static void wait_for(pid_t child)
{
    int status = 0;
    if (waitpid(child, &status, 0) != child || status != 0)
        printf("    the row above ended with status %d\n", status);
}

static void row(const char *path, const char *checker, const char *level, const char *option,
                const char *what)
{
    pid_t child = begin_child();
    if (child == 0)
        end_child(check_file(path, checker, level, option, what));
    wait_for(child);
}

struct question {
    const char *level, *option;
};

/* Ends with a level of NULL. */
static void rows(enum kind kind, int count, const char *checker, const struct question *questions)
{
    const char *directory = getenv("TMPDIR");
    CLEANUP(rift_free)
    char *path = rift_printf("%s/bench_txn.XXXXXX", directory ? directory : "/tmp");
    int fd = mkstemp(path);
    if (fd < 0) {
        perror(path);
        exit(1);
    }
    pid_t child = begin_child();
    if (child == 0) {
        FILE *file = fdopen(fd, "w");
        write_history(kind, count, file);
        end_child(fclose(file) != 0);
    }
    close(fd);
    wait_for(child);
    CLEANUP(rift_free) char *what = rift_printf("%d %s", count, checker);
    for (; questions->level; questions++)
        row(path, checker, questions->level, questions->option, what);
    unlink(path);
}

static const struct question strictly[] = {{"strict-serializable", NULL}, {NULL, NULL}};
static const struct question claims[] = {{"strict-serializable", NULL},
                                         {"strict-serializable", "linearizable_keys"},
                                         {"strict-serializable", "sequential_keys"},
                                         {NULL, NULL}};
static const struct question weak[] = {{"strong-session-monotonic-read-committed", NULL},
                                       {"strong-session-read-atomic", NULL},
                                       {"strong-session-causal", NULL},
                                       {NULL, NULL}};
static const struct question serial[] = {{"strong-session-serializable", NULL}, {NULL, NULL}};
static const struct question snapshot[] = {{"strong-session-snapshot-isolation", NULL},
                                           {NULL, NULL}};

/* Those of the histories that VeriStrong was measured with. */
static const int blind_counts[] = {963, 1932, 3810, 7728, 15265};

/* The tables of a name, or all for NULL; false if there is none. */
static bool tables(const char *name, int most)
{
    bool is_any = false;
    printf("%-28s %-39s %-17s %8s %8s %8s %7s  %s\n", "transactions", "level", "claim", "read s",
           "check s", "total s", "MB", "verdict");
    if ((!name || strcmp(name, "list-append") == 0) && (is_any = true))
        for (long count = 1000; count <= most; count *= 10)
            rows(LISTS, (int)count, "list-append", strictly);
    if ((!name || strcmp(name, "rw-register") == 0) && (is_any = true))
        for (long count = 1000; count <= most; count *= 10)
            rows(REGISTERS, (int)count, "rw-register", claims);
    if ((!name || strcmp(name, "weak") == 0) && (is_any = true))
        for (long count = 1000; count <= most; count *= 10)
            rows(BLIND_SERIAL, (int)count, "rw-register", weak);
    if ((!name || strcmp(name, "blind") == 0) && (is_any = true))
        for (size_t i = 0; i < sizeof blind_counts / sizeof *blind_counts; i++)
            if (blind_counts[i] <= most) {
                rows(BLIND_SERIAL, blind_counts[i], "rw-register", serial);
                rows(BLIND_SNAPSHOT, blind_counts[i], "rw-register", snapshot);
            }
    return is_any;
}

static void write_table(const char *name, int count)
{
    enum kind kind = strcmp(name, "list-append") == 0   ? LISTS
                     : strcmp(name, "rw-register") == 0 ? REGISTERS
                                                        : BLIND_SERIAL;
    write_history(kind, count, stdout);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "write") == 0) {
        write_table(argv[2], (int)strtol(argv[3], NULL, 10));
        return 0;
    }
    if (argc > 3) {
        for (int i = 3; i < argc; i++) {
            const char *slash = strrchr(argv[i], '/');
            row(argv[i], argv[1], argv[2], NULL, slash ? slash + 1 : argv[i]);
        }
        return 0;
    }
    if (argc == 3) {
        if (tables(argv[1], (int)strtol(argv[2], NULL, 10)))
            return 0;
        fprintf(stderr, "no table '%s'\n", argv[1]);
        return 2;
    }
    tables(NULL, argc > 1 ? (int)strtol(argv[1], NULL, 10) : 100000);
    printf("\nPeers, November 2026 (Elle and AWDIT in wall time, parsing not counted):\n");
    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++)
        printf("%s\n", peers[i]);
    return 0;
}
