/* A real PostgreSQL at three levels of isolation, each judged as strictly as the strictest: what a
 * level lets through is found and named, what it rules out is not, and serializable is clean. And
 * one whose power goes, with its data synced and not.
 * RIFT_LONG=1: ten seeds a level. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/memory.h"
#include "tests/lib/lab_hosts.h"

static char scratch[] = "/tmp/rift-postgres-XXXXXX";

static int make_scratch(void **state)
{
    (void)state;
    return geteuid() == 0 && !mkdtemp(scratch) ? -1 : 0;
}

static int remove_scratch(void **state)
{
    CLEANUP(rift_free) char *command = rift_printf("rm -rf %s", scratch);
    test_run(command, NULL, 0);
    return test_labs_down(state);
}

/* The verdict of a checker on one run of a workload, NULL: that of the configuration; the
 * caller's. */
static json_t *run_judged(const char *workload, const char *checker, const char *isolation,
                          int seed, const char *more)
{
    static char output[1 << 16];
    CLEANUP(rift_free)
    char *command = rift_printf(
        "%s run configs/postgres-append.yaml --runs %s --seed %d --set time_limit_s=6 "
        "--set client.isolation=%s --set nodes.name=%s %s%s%s%s 2>&1",
        test_rift_binary(), scratch, seed, isolation, test_lab_name("pg"), more,
        workload ? "--set 'workload=" : "", workload ? workload : "", workload ? "'" : "");
    int code = test_run(command, output, sizeof output);
    CLEANUP(rift_free) char *path = rift_printf("%s/latest/verdicts.json", scratch);
    json_t *verdicts = code == 0 || code == 1 ? json_load_file(path, 0, NULL) : NULL;
    if (!verdicts)
        fail_msg("exit code %d: %s", code, output);
    json_t *verdict = json_incref(json_object_get(json_object_get(verdicts, "checkers"), checker));
    json_decref(verdicts);
    return verdict;
}

static json_t *run_workload(const char *workload, const char *checker, const char *isolation,
                            int seed)
{
    return run_judged(workload, checker, isolation, seed, "");
}

static json_t *run_at(const char *isolation, int seed)
{
    return run_workload(NULL, "list-append", isolation, seed);
}

static bool has_anomaly(const json_t *verdict, const char *name)
{
    size_t i;
    json_t *anomaly;
    json_array_foreach(json_object_get(verdict, "anomalies"), i, anomaly)
    {
        if (strcmp(json_string_value(json_object_get(anomaly, "name")), name) == 0)
            return true;
    }
    return false;
}

/* The exit code of a run whose power goes after 1.5 s. */
static int run_with_a_power_cut(const char *fsync, char *output, size_t size)
{
    CLEANUP(rift_free)
    char *command = rift_printf(
        "%s run configs/postgres-power.yaml --runs %s --seed 3 --quiet --set nodes.name=%s "
        "--set system.options.fsync=%s --set time_limit_s=4 --set recovery_s=2 "
        "--set 'faults=[{power: one, start_s: 1.5, for_s: 0.5, every_s: 100}]' 2>&1",
        test_rift_binary(), scratch, test_lab_name("pg"), fsync);
    return test_run(command, output, size);
}

static int first_seed(void)
{
    if (geteuid() == 0 && test_agent_binary())
        return 1;
    print_message("SKIP: a lab needs root\n");
    skip();
    return 0;
}

static int seed_count(void)
{
    return getenv("RIFT_LONG") ? 10 : 1;
}

static void read_committed_loses_updates_and_reads_skewed(void **state)
{
    (void)state;
    for (int seed = first_seed(), i = 0; i < seed_count(); i++) {
        json_t *verdict = run_at("read-committed", seed + i);
        assert_true(json_is_false(json_object_get(verdict, "valid")));
        assert_true(has_anomaly(verdict, "lost update"));
        assert_true(has_anomaly(verdict, "G-single"));
        assert_false(has_anomaly(verdict, "G1a") || has_anomaly(verdict, "G1b") ||
                     has_anomaly(verdict, "G0"));
        json_decref(verdict);
    }
}

/* PostgreSQL's repeatable read is snapshot isolation: it lets write skew through, nothing else. */
static void repeatable_read_shows_write_skew_and_nothing_weaker(void **state)
{
    (void)state;
    for (int seed = first_seed(), i = 0; i < seed_count(); i++) {
        json_t *verdict = run_at("repeatable-read", seed + i);
        size_t j;
        json_t *anomaly;
        assert_true(json_is_false(json_object_get(verdict, "valid")));
        json_array_foreach(json_object_get(verdict, "anomalies"), j, anomaly)
        {
            const char *name = json_string_value(json_object_get(anomaly, "name"));
            if (strncmp(name, "G2-item", strlen("G2-item")) != 0)
                fail_msg("seed %d: %s", seed + i, name);
        }
        json_decref(verdict);
    }
}

/* Phantoms: no key was read, only a predicate asked, so it is a G2 and no G2-item. */
static void write_skew_by_predicate_is_a_g2_at_repeatable_read_only(void **state)
{
    static const char workload[] =
        "{name: write-skew, reads: predicate, concurrency: 10, rate_hz: 200}";
    (void)state;
    for (int seed = first_seed(), i = 0; i < seed_count(); i++) {
        json_t *verdict = run_workload(workload, "rw-register", "repeatable-read", seed + i);
        assert_true(json_is_false(json_object_get(verdict, "valid")));
        assert_true(has_anomaly(verdict, "G2"));
        assert_int_equal(json_object_size(json_object_get(verdict, "counts")), 1);
        json_decref(verdict);
        verdict = run_workload(workload, "rw-register", "serializable", seed + i);
        assert_true(json_is_true(json_object_get(verdict, "valid")));
        json_decref(verdict);
    }
}

/* By the database's own snapshots: from repeatable read on each read is of the one that its
 * transaction tells; at read committed each statement has another. */
static void each_read_is_of_the_snapshot_that_was_told_from_repeatable_read_on(void **state)
{
    static const struct {
        const char *workload, *isolation;
        bool is_valid;
    } runs[] = {
        {"{name: list-append, concurrency: 10, rate_hz: 200, keys: 5}", "repeatable-read", true},
        {"{name: list-append, concurrency: 10, rate_hz: 200, keys: 5}", "read-committed", false},
        {"{name: rw-register, concurrency: 10, rate_hz: 200, keys: 5}", "serializable", true},
    };
    (void)state;
    for (int seed = first_seed(), i = 0; i < seed_count(); i++)
        for (size_t r = 0; r < sizeof runs / sizeof *runs; r++) {
            json_t *verdict =
                run_judged(runs[r].workload, "timestamps", runs[r].isolation, seed + i,
                           "--set client.record_snapshots=true "
                           "--set 'checkers=[timestamps]' ");
            const json_t *stats = json_object_get(verdict, "stats");
            assert_true(json_integer_value(json_object_get(stats, "with_timestamps")) > 100);
            assert_true(json_is_boolean(json_object_get(verdict, "valid")));
            assert_int_equal(json_is_true(json_object_get(verdict, "valid")), runs[r].is_valid);
            if (!runs[r].is_valid)
                assert_true(has_anomaly(verdict, "read against timestamps") &&
                            has_anomaly(verdict, "write conflict"));
            json_decref(verdict);
        }
}

static void serializable_is_clean(void **state)
{
    (void)state;
    for (int seed = first_seed(), i = 0; i < seed_count(); i++) {
        json_t *verdict = run_at("serializable", seed + i);
        assert_true(json_is_true(json_object_get(verdict, "valid")));
        json_decref(verdict);
    }
}

static void a_power_cut_loses_what_was_not_synced_and_nothing_else(void **state)
{
    (void)state;
    static char output[1 << 16];
    first_seed();
    if (access("/dev/loop-control", F_OK) != 0)
        skip();
    int code = run_with_a_power_cut("on", output, sizeof output);
    if (code != 0 || !strstr(output, "power      one: n1"))
        fail_msg("%d: %s", code, output);
    code = run_with_a_power_cut("off", output, sizeof output);
    if (code != 1 || !strstr(output, "INVALID  list-append"))
        fail_msg("%d: %s", code, output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_committed_loses_updates_and_reads_skewed),
        cmocka_unit_test(repeatable_read_shows_write_skew_and_nothing_weaker),
        cmocka_unit_test(serializable_is_clean),
        cmocka_unit_test(each_read_is_of_the_snapshot_that_was_told_from_repeatable_read_on),
        cmocka_unit_test(write_skew_by_predicate_is_a_g2_at_repeatable_read_only),
        cmocka_unit_test(a_power_cut_loses_what_was_not_synced_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
