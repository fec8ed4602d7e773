/* The etcd logs of Porcupine (in the folder named by RIFT_PEER_HISTORIES, ../shared/data where it
 * is not set), checked one after the other without loading: verdicts alone, where the order of a
 * valid one is replayed too; and with certificates, where the proof of each invalid one is made
 * small and put into words. The fastest round counts. Porcupine takes 0.37 s, without proofs.
 *
 * bench_etcd_logs [ROUNDS] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "checkers/checker.h"
#include "checkers/linearizability/judge.h"
#include "common/clock.h"
#include "common/memory.h"
#include "history/reader.h"

enum { LOGS_MAX = 128, ROUNDS = 20 };

static enum rift_validity judge_alone(const struct rift_history *history)
{
    static const enum rift_validity validities[] = {[RIFT_ANSWER_VALID] = RIFT_VALID,
                                                    [RIFT_ANSWER_INVALID] = RIFT_INVALID,
                                                    [RIFT_ANSWER_NONE] = RIFT_UNKNOWN};
    struct rift_key_split split;
    struct rift_error err;
    struct rift_limits limits = {INT64_MAX, UINT64_MAX, NULL};
    struct rift_judgement judgement = {.answer = RIFT_ANSWER_NONE};
    rift_key_split_init(&split, history);
    struct rift_problem *problem =
        rift_problem_create(rift_model_find("etcd"), history, split.rows, split.first[1],
                            &(struct rift_problem_options){.initial = RIFT_VALUE_NIL}, &err);
    if (problem)
        rift_judge_problem(problem, &limits, 1, &judgement);
    enum rift_validity validity = validities[judgement.answer];
    rift_judgement_finish(&judgement);
    rift_problem_destroy(problem);
    rift_key_split_finish(&split);
    return validity;
}

static enum rift_validity check_whole(const struct rift_history *history)
{
    const struct rift_checker *checker = rift_checker_find("linearizable");
    struct rift_error err;
    json_t *options = rift_checker_options(checker, NULL, &err);
    struct rift_check check = {.history = history, .options = options};
    struct rift_verdict verdict = {0};
    enum rift_validity validity =
        checker->check(&check, &verdict, &err) < 0 ? RIFT_UNKNOWN : verdict.validity;
    rift_verdict_finish(&verdict);
    json_decref(options);
    return validity;
}

static double processor_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void measure(const char *name, struct rift_history *const *logs, size_t count, int rounds,
                    enum rift_validity (*verdict)(const struct rift_history *))
{
    double processor = 1e9, clock = 1e9;
    size_t counts[3];
    for (int round = 0; round < rounds; round++) {
        counts[RIFT_VALID] = counts[RIFT_UNKNOWN] = counts[RIFT_INVALID] = 0;
        double before = processor_ms();
        int64_t start = rift_clock_now();
        for (size_t i = 0; i < count; i++)
            counts[verdict(logs[i])]++;
        double took = processor_ms() - before;
        double passed = (double)(rift_clock_now() - start) / (double)RIFT_MS;
        processor = took < processor ? took : processor;
        clock = passed < clock ? passed : clock;
    }
    printf("%-18s %4zu %6zu %8zu %8zu  %8.2f  %8.2f\n", name, count, counts[RIFT_VALID],
           counts[RIFT_INVALID], counts[RIFT_UNKNOWN], processor, clock);
}

int main(int argc, char **argv)
{
    long given = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    int rounds = given > 0 && given < 100000 ? (int)given : ROUNDS;
    const char *folder = getenv("RIFT_PEER_HISTORIES");
    struct rift_history *logs[LOGS_MAX];
    size_t count = 0;
    for (unsigned number = 0; number < LOGS_MAX; number++) {
        CLEANUP(rift_free)
        char *path = rift_printf("%s/porcupine/jepsen/etcd_%03u.log",
                                 folder ? folder : "../shared/data", number);
        struct rift_error err;
        logs[count] = rift_history_read(path, NULL, &err);
        count += logs[count] != NULL;
    }
    if (count == 0 || rounds < 1) {
        fprintf(stderr, "no logs: RIFT_PEER_HISTORIES must name a folder with porcupine/jepsen\n");
        return 254;
    }
    printf("checked            logs  valid  invalid  unknown    cpu ms  clock ms\n");
    measure("verdicts", logs, count, rounds, judge_alone);
    measure("with certificates", logs, count, rounds, check_whole);
    while (count > 0)
        rift_history_destroy(logs[--count]);
    return 0;
}
