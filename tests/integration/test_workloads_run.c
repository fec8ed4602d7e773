/* Every workload for a moment on a real system that offers it, where PostgreSQL and etcd run
 * already: all are valid, and what each system can be told to do badly is convicted. */
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

enum { ETCD_HOSTS = 3 };

#define START_POSTGRES                                                                             \
    "mkdir -p /var/lib/pg && chown postgres /var/lib/pg && cd / && "                               \
    "P=/usr/lib/postgresql/15/bin; R='setpriv --reuid postgres --regid postgres --clear-groups'; " \
    "$R $P/initdb --pgdata=/var/lib/pg/c --auth=trust --locale=C >/dev/null && "                   \
    "echo 'host all all all trust' >>/var/lib/pg/c/pg_hba.conf && "                                \
    "($R $P/postgres -D /var/lib/pg/c -c listen_addresses='*' -c unix_socket_directories= "        \
    "-c deadlock_timeout=50ms </dev/null >/tmp/pg.log 2>&1 &) && "                                 \
    "for i in $(seq 600); do $P/pg_isready -q -h 127.0.0.1 && exit 0; sleep 0.1; done; exit 1"

static char scratch[] = "/tmp/rift-workloads-XXXXXX";
static bool is_ready;

static void start_etcd(const struct rift_lab_host *hosts)
{
    char cluster[256];
    snprintf(cluster, sizeof cluster, "n1=http://%s:2380,n2=http://%s:2380,n3=http://%s:2380",
             hosts[0].address, hosts[1].address, hosts[2].address);
    for (size_t i = 0; i < ETCD_HOSTS; i++) {
        const char *address = hosts[i].address;
        CLEANUP(rift_free)
        char *script = rift_printf(
            "(/usr/bin/etcd --name n%zu --data-dir /var/lib/etcd-test --unsafe-no-fsync "
            "--listen-peer-urls http://%s:2380 --initial-advertise-peer-urls http://%s:2380 "
            "--listen-client-urls http://%s:2379 --advertise-client-urls http://%s:2379 "
            "--initial-cluster %s </dev/null >/tmp/etcd.log 2>&1 &)",
            i + 1, address, address, address, address, cluster);
        assert_int_equal(test_host_run(&hosts[i], script, NULL, 0), 0);
    }
}

/* NULL where there is no such lab to be had. */
static struct rift_lab *lab_with(const char *suffix, const char *package, size_t host_count)
{
    struct rift_error err = {0};
    const char *const packages[] = {package, NULL};
    struct rift_lab_request request = {.name = test_lab_name(suffix),
                                       .driver = "netns",
                                       .host_count = host_count,
                                       .packages = packages,
                                       .deadline_ms = 120000};
    struct rift_lab *lab = rift_lab_up(&request, &err);
    if (!lab)
        print_message("no lab with %s: %s\n", package, err.text);
    return lab;
}

static int start_systems(void **state)
{
    (void)state;
    size_t count = 0;
    if (geteuid() != 0 || !test_agent_binary() || !mkdtemp(scratch))
        return 0;
    struct rift_lab *etcd = lab_with("etcd", "etcd-server", ETCD_HOSTS);
    struct rift_lab *postgres = lab_with("postgres", "postgresql-15", 1);
    if (etcd && postgres) {
        start_etcd(rift_lab_hosts(etcd, &count));
        is_ready =
            test_host_run(&rift_lab_hosts(postgres, &count)[0], START_POSTGRES, NULL, 0) == 0;
    }
    bool is_broken = etcd && postgres && !is_ready;
    rift_lab_close(etcd);
    rift_lab_close(postgres);
    return is_broken ? -1 : 0;
}

static int stop_systems(void **state)
{
    CLEANUP(rift_free) char *command = rift_printf("rm -rf %s", scratch);
    test_run(command, NULL, 0);
    return test_labs_down(state);
}

/* The verdict of the checker on a run; the caller's. */
/* All that was found; the caller's. */
static json_t *run_all(const char *system, const char *workload, const char *arguments)
{
    static char output[1 << 16];
    if (!is_ready) {
        print_message("SKIP: needs root, postgresql-15 and etcd-server\n");
        skip();
    }
    CLEANUP(rift_free)
    char *command = rift_printf(
        "%s run configs/%s-workloads.yaml --runs %s --seed 7 --set system=none "
        "--set nodes.name=%s --set time_limit_s=1.5 --set workload.name=%s %s 2>&1",
        test_rift_binary(), system, scratch, test_lab_name(system), workload, arguments);
    int code = test_run(command, output, sizeof output);
    CLEANUP(rift_free) char *path = rift_printf("%s/latest/verdicts.json", scratch);
    json_t *verdicts = code <= 2 ? json_load_file(path, 0, NULL) : NULL;
    if (!verdicts)
        fail_msg("%s on %s: exit code %d: %s", workload, system, code, output);
    return verdicts;
}

static json_t *verdict_of(const json_t *verdicts, const char *checker)
{
    json_t *verdict = json_object_get(json_object_get(verdicts, "checkers"), checker);
    if (!verdict)
        fail_msg("%s did not judge", checker);
    return verdict;
}

static json_t *run(const char *system, const char *workload, const char *arguments,
                   const char *checker)
{
    json_t *verdicts = run_all(system, workload, arguments);
    json_t *verdict = json_incref(verdict_of(verdicts, checker));
    json_decref(verdicts);
    return verdict;
}

static void expect_valid(const char *system, const char *const *workloads_and_checkers)
{
    for (const char *const *at = workloads_and_checkers; *at; at += 2) {
        json_t *verdicts = run_all(system, at[0], "");
        /* The run as a whole too: enough happened to tell, on a slow machine in a longer run. */
        if (!json_is_true(json_object_get(verdict_of(verdicts, "evidence"), "valid"))) {
            json_decref(verdicts);
            verdicts = run_all(system, at[0], "--set time_limit_s=8");
        }
        const json_t *both[] = {verdict_of(verdicts, at[1]), verdict_of(verdicts, "evidence")};
        for (int i = 0; i < 2; i++)
            if (!json_is_true(json_object_get(both[i], "valid")))
                fail_msg("%s on %s: %s", at[0], system,
                         json_string_value(json_object_get(both[i], "reason")));
        json_decref(verdicts);
    }
}

/* anomaly: one, or several that are the same to whoever looks for it; NULL: any. */
static void expect_convicted(const char *system, const char *workload, const char *arguments,
                             const char *checker, const char *anomaly)
{
    json_t *verdict = run(system, workload, arguments, checker);
    size_t i;
    json_t *found;
    bool is_found = anomaly == NULL;
    json_array_foreach(json_object_get(verdict, "anomalies"), i, found)
    {
        is_found |= anomaly && strstr(anomaly, json_string_value(json_object_get(found, "name")));
    }
    if (!json_is_false(json_object_get(verdict, "valid")) || !is_found)
        fail_msg("%s on %s with %s: %s", workload, system, arguments,
                 json_dumps(verdict, JSON_INDENT(1)));
    json_decref(verdict);
}

static void postgres_keeps_what_each_workload_asks_for(void **state)
{
    (void)state;
    static const char *const all[] = {
        "list-append", "list-append", "rw-register", "rw-register",  "write-skew",  "rw-register",
        "long-fork",   "long-fork",   "bank",        "bank",         "set",         "set",
        "set-full",    "set-full",    "queue",       "linearizable", "total-queue", "total-queue",
        "counter",     "counter",     "unique-ids",  "unique-ids",   "lock",        "linearizable",
        "fencing",     "fencing",     "kafka",       "kafka",        "monotonic",   "monotonic",
        "sessions",    "sessions",    "causal",      "causal",       "register",    "linearizable",
        NULL};
    expect_valid("postgres", all);
}

static void etcd_keeps_what_each_workload_asks_for(void **state)
{
    (void)state;
    static const char *const all[] = {"register", "linearizable", "unique-ids", "unique-ids",
                                      "lock",     "linearizable", "fencing",    "fencing",
                                      "kafka",    "kafka",        "monotonic",  "monotonic",
                                      "sessions", "sessions",     "causal",     "causal",
                                      "watch",    "watch",        NULL};
    expect_valid("etcd", all);
}

static void money_is_made_where_balances_are_read_too_early(void **state)
{
    (void)state;
    expect_convicted("postgres", "bank", "--set client.isolation=read-committed", "bank",
                     "wrong total");
}

/* An element whose taker is rolled back comes out after those behind it, or no more in this run. */
static void queue_that_passes_over_locked_elements_is_not_in_order(void **state)
{
    (void)state;
    expect_convicted("postgres", "queue",
                     "--set client.dequeue=skip-locked --set client.isolation=serializable "
                     "--set workload.keys=1 --set workload.concurrency=16 "
                     "--set workload.rate_hz=0 --set workload.ops_per_key=2000 "
                     "--set time_limit_s=3",
                     "linearizable", "values out of order, value overtaken that nobody took");
}

static void log_with_offsets_from_a_sequence_is_skipped_by_polls(void **state)
{
    (void)state;
    expect_convicted("postgres", "kafka",
                     "--set client.log_offsets=sequence --set client.isolation=read-committed "
                     "--set workload.keys=1 --set workload.concurrency=16 "
                     "--set workload.rate_hz=0 --set time_limit_s=3",
                     "kafka", "poll skip");
}

/* A process holds a lock for two seconds at a time; its lease lasts one. */
static void lock_outlives_its_lease_but_the_token_tells(void **state)
{
    (void)state;
    static const char slow[] = "--set client.lease_s=1 --set workload.concurrency=40 "
                               "--set workload.rate_hz=20 --set workload.locks=10 "
                               "--set time_limit_s=10";
    expect_convicted("etcd", "lock", slow, "linearizable", NULL);
    json_t *verdicts = run_all("etcd", "fencing", slow);
    assert_true(json_is_true(json_object_get(verdict_of(verdicts, "fencing"), "valid")));
    assert_true(json_is_true(json_object_get(verdict_of(verdicts, "evidence"), "valid")));
    json_decref(verdicts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(postgres_keeps_what_each_workload_asks_for),
        cmocka_unit_test(etcd_keeps_what_each_workload_asks_for),
        cmocka_unit_test(money_is_made_where_balances_are_read_too_early),
        cmocka_unit_test(queue_that_passes_over_locked_elements_is_not_in_order),
        cmocka_unit_test(log_with_offsets_from_a_sequence_is_skipped_by_polls),
        cmocka_unit_test(lock_outlives_its_lease_but_the_token_tells),
    };
    return cmocka_run_group_tests(tests, start_systems, stop_systems);
}
