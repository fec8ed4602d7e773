/* Faults of the cluster as a whole, in runs of a real etcd on lab hosts. What they did is looked
 * for from outside: a shell on this machine watches the processes of each host. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "control/cli/command.h"
#include "tests/lib/lab_case.h"
#include "tests/lib/node_remains.h"

enum { OUTPUT_SIZE = 1 << 16, HOSTS = 3, LAB_UP_MS = 120000, SUM_SIZE = 80, SEEN_MAX = 8 };

static char output[OUTPUT_SIZE]; /* of the last run, both streams */

static int up(void **state)
{
    (void)state;
    static const char *const packages[] = {"etcd-server", NULL};
    return case_up("member", HOSTS, packages);
}

/* A run of etcd with the entry of faults; its exit code. */
static int run_with(const char *system, const char *faults, const char *arguments)
{
    CLEANUP(rift_free) char *path = rift_printf("%s/config.yaml", case_scratch);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file,
            "name: membership\nnodes: {lab: netns, name: %s, count: %d}\nsystem: %s\n"
            "workload: {name: register, keys: 5, rate_hz: 100}\nfaults:\n  - %s\n"
            "recovery_s: 1\nseed: 5\n",
            test_lab_name("member"), HOSTS, system, faults);
    assert_int_equal(fclose(file), 0);
    CLEANUP(rift_free)
    char *script = rift_printf("%s run %s --runs %s/runs %s", test_rift_binary(), path,
                               case_scratch, arguments);
    int code = test_run(script, output, sizeof output);
    print_message("%s\n-> %d\n", script, code);
    return code;
}

/* What the history says of the end of "start-X" or "stop-X"; the caller owns it. */
static json_t *recorded(const char *f)
{
    CLEANUP(rift_free)
    char *script = rift_printf("%s convert %s/runs/latest --format jsonl | grep '\"%s\"' | "
                               "grep '\"observed\"' | head -1",
                               test_rift_binary(), case_scratch, f);
    static char line[OUTPUT_SIZE];
    assert_int_equal(test_run(script, line, sizeof line), 0);
    json_t *op = json_loads(line, 0, NULL);
    if (!op)
        fail_msg("no %s in the history; the run said:\n%s", f, output);
    json_t *value = json_incref(json_object_get(op, "value"));
    json_decref(op);
    return value;
}

static const char *program_of(const json_t *result, const char *node)
{
    const json_t *entry = json_object_get(json_object_get(result, "nodes"), node);
    const char *sum = json_string_value(
        json_object_get(json_array_get(json_object_get(entry, "programs"), 0), "sha256"));
    return sum ? sum : "";
}

/* --- the witness: the pid of etcd on each host, several times a second; not of the one that an
 * install asks for its version */

static pid_t witness_start(void)
{
    CLEANUP(rift_free)
    char *script = rift_printf(
        "for ((i = 0; i < 3000; i++)); do line=; for init in %d %d %d; do pid=-; for c in "
        "/proc/$init/root/proc/[0-9]*/comm; do read -r comm 2>/dev/null <$c && [ \"$comm\" = etcd "
        "] && { read -r -d '' word; read -r -d '' word; } 2>/dev/null <${c%%comm}cmdline && "
        "[ \"$word\" != --version ] "
        "&& { pid=${c%%/comm}; pid=${pid##*/}; }; done; line+=\" $pid\"; done; echo $line; "
        "sleep 0.02; done 2>/dev/null >%s/seen",
        (int)case_hosts[0].init_pid, (int)case_hosts[1].init_pid, (int)case_hosts[2].init_pid,
        case_scratch);
    return test_run_aside(script);
}

struct seen {
    size_t samples, most_down;
    size_t pids[HOSTS];             /* different ones on each host */
    char who[HOSTS][SEEN_MAX * 32]; /* "pid at look", for each */
};

/* From the first moment that all were up to the last. */
static void witness_end(pid_t pid, struct seen *seen)
{
    test_end_aside(pid);
    *seen = (struct seen){0};
    CLEANUP(rift_free) char *path = rift_printf("%s/seen", case_scratch);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    char known[HOSTS][SEEN_MAX][16] = {{{0}}}, word[HOSTS][16];
    size_t down_since_up = 0;
    bool began = false;
    while (fscanf(file, "%15s %15s %15s", word[0], word[1], word[2]) == HOSTS) {
        size_t down_now = 0;
        for (size_t h = 0; h < HOSTS; h++)
            down_now += strcmp(word[h], "-") == 0;
        began = began || down_now == 0;
        if (!began)
            continue;
        seen->samples++;
        down_since_up = down_now > down_since_up ? down_now : down_since_up;
        if (down_now > 0)
            continue;
        /* All are up again: what was down in between counts. */
        seen->most_down = down_since_up > seen->most_down ? down_since_up : seen->most_down;
        down_since_up = 0;
        for (size_t h = 0; h < HOSTS; h++) {
            size_t i = 0;
            while (i < seen->pids[h] && strcmp(known[h][i], word[h]) != 0)
                i++;
            if (i == SEEN_MAX || i < seen->pids[h])
                continue;
            snprintf(known[h][seen->pids[h]++], sizeof known[h][i], "%s", word[h]);
            size_t length = strlen(seen->who[h]);
            snprintf(seen->who[h] + length, sizeof seen->who[h] - length, " %s at look %zu,",
                     word[h], seen->samples);
        }
    }
    fclose(file);
}

static void a_rolling_restart_renews_every_process_and_never_two_at_once(void **state)
{
    (void)state;
    case_need_lab();
    pid_t witness = witness_start();
    int code = run_with(
        "etcd", "{restart: {signal: TERM, wait_s: 0.3}, start_s: 1, every_s: 14, for_s: 14}",
        "--set time_limit_s=16");
    struct seen seen;
    witness_end(witness, &seen);
    assert_exit_code(code, RIFT_EXIT_VALID, output);
    assert_true(seen.samples > 20);
    /* Down for less than a look takes, one may be missed. */
    assert_in_range(seen.most_down, 0, 1);
    json_t *result = recorded("start-restart");
    assert_int_equal(json_object_size(json_object_get(result, "nodes")), HOSTS);
    for (size_t h = 0; h < HOSTS; h++) {
        if (seen.pids[h] != 2) {
            CLEANUP(rift_free) char *told = json_dumps(result, 0);
            fail_msg("%s: %zu processes were seen: %s; the history says: %s", case_hosts[h].name,
                     seen.pids[h], seen.who[h], told);
        }
    }
    json_decref(result);
}

/* A second is not enough for three nodes: what was not reached is not called observed. */
static void a_restart_that_does_not_reach_all_is_unknown_and_leaves_all_running(void **state)
{
    (void)state;
    case_need_lab();
    int code =
        run_with("etcd", "{restart: {wait_s: 3}, start_s: 1, for_s: 2}", "--set time_limit_s=4");
    assert_exit_code(code, RIFT_EXIT_UNKNOWN, output);
    assert_says(output, "not reached before the end");
    json_t *healed = recorded("stop-restart");
    assert_true(json_is_true(json_object_get(healed, "observed")));
    json_decref(healed);
}

/* The same program with one more byte behind it: another version, to whoever counts bytes. */
static void make_versions(char first[SUM_SIZE], char second[SUM_SIZE])
{
    CLEANUP(rift_free)
    char *script = rift_printf("cd %s && cp /proc/%d/root/usr/bin/etcd first && cp first second && "
                               "printf x >>second && sha256sum <first | cut -c1-64",
                               case_scratch, (int)case_hosts[0].init_pid);
    assert_int_equal(test_run(script, first, SUM_SIZE), 0);
    CLEANUP(rift_free) char *sum = rift_printf("sha256sum <%s/second | cut -c1-64", case_scratch);
    assert_int_equal(test_run(sum, second, SUM_SIZE), 0);
    assert_string_not_equal(first, second);
}

static void two_versions_run_side_by_side_and_the_history_says_which_runs_where(void **state)
{
    (void)state;
    case_need_lab();
    char first[SUM_SIZE], second[SUM_SIZE];
    make_versions(first, second);
    CLEANUP(rift_free)
    char *system = rift_printf("{recipe: etcd, upgrade_to: {etcd: %s/second}}", case_scratch);
    int code =
        run_with(system, "{upgrade: {targets: [n1, n3], downgrade: true}, start_s: 1, for_s: 8}",
                 "--set time_limit_s=10");
    assert_exit_code(code, RIFT_EXIT_VALID, output);
    json_t *mixed = recorded("start-upgrade"), *healed = recorded("stop-upgrade");
    assert_string_equal(program_of(mixed, "n1"), second);
    assert_string_equal(program_of(mixed, "n2"), first);
    assert_string_equal(program_of(mixed, "n3"), second);
    assert_string_equal(program_of(healed, "n1"), first);
    assert_string_equal(program_of(healed, "n3"), first);
    json_decref(mixed);
    json_decref(healed);
}

static void an_upgrade_that_is_not_to_go_back_stays(void **state)
{
    (void)state;
    case_need_lab();
    char first[SUM_SIZE], second[SUM_SIZE];
    make_versions(first, second);
    CLEANUP(rift_free)
    char *system =
        rift_printf("{recipe: etcd, artifacts: {etcd: %s/first}, upgrade_to: {etcd: %s/second}}",
                    case_scratch, case_scratch);
    int code = run_with(system, "{upgrade: all, start_s: 1, for_s: 8}", "--set time_limit_s=10");
    assert_exit_code(code, RIFT_EXIT_VALID, output);
    json_t *healed = recorded("stop-upgrade");
    for (size_t h = 0; h < HOSTS; h++)
        assert_string_equal(program_of(healed, case_hosts[h].name), second);
    json_decref(healed);
}

static void an_upgrade_that_does_not_start_is_unknown_and_goes_back(void **state)
{
    (void)state;
    case_need_lab();
    char first[SUM_SIZE], second[SUM_SIZE];
    make_versions(first, second);
    CLEANUP(rift_free)
    char *system = rift_printf("{recipe: etcd, upgrade_to: {etcd: /bin/false}}");
    int code = run_with(system, "{upgrade: all, start_s: 1, for_s: 4}", "--set time_limit_s=6");
    assert_exit_code(code, RIFT_EXIT_UNKNOWN, output);
    json_t *healed = recorded("stop-upgrade");
    assert_true(json_is_true(json_object_get(healed, "observed")));
    for (size_t h = 0; h < HOSTS; h++)
        assert_string_equal(program_of(healed, case_hosts[h].name), first);
    json_decref(healed);
}

/* The list of members as etcd itself has it, asked from this machine while the run goes on. */
static pid_t list_watch_start(void)
{
    CLEANUP(rift_free)
    char *script = rift_printf(
        "for ((i = 0; i < 600; i++)); do curl -s -m 1 -d '{}' "
        "http://%s:2379/v3/cluster/member/list | grep -o '\"name\":\"n[0-9]*\"' | sort | tr -d "
        "'\\n'; echo; sleep 0.1; done >%s/lists",
        case_hosts[0].address, case_scratch);
    return test_run_aside(script);
}

static void a_removed_node_is_no_member_and_joins_again_at_the_end(void **state)
{
    (void)state;
    case_need_lab();
    /* etcd refuses changes until its members have been connected for 5 s. */
    pid_t watch = list_watch_start();
    int code = run_with("etcd", "{membership: [n2, n3], start_s: 4, every_s: 20, for_s: 9}",
                        "--set time_limit_s=14 --set recovery_s=3");
    test_end_aside(watch);
    assert_exit_code(code, RIFT_EXIT_VALID, output);
    /* Two of three may not go: the second is kept, and the record says so. */
    json_t *out = recorded("start-membership"), *back = recorded("stop-membership");
    char *text = json_dumps(out, 0);
    assert_non_null(strstr(text, "no member, says"));
    assert_non_null(strstr(text, "kept, as a majority must stay"));
    assert_true(json_is_true(json_object_get(back, "observed")));
    free(text);
    json_decref(out);
    json_decref(back);
    /* etcd's own list: three, then two, then three. */
    CLEANUP(rift_free)
    char *script = rift_printf("awk '{c = gsub(/name/, "
                               "\"\"); if (c > 0 && c != last) {printf \"%%d \", c; last = c}}' "
                               "%s/lists",
                               case_scratch);
    char counts[64];
    assert_int_equal(test_run(script, counts, sizeof counts), 0);
    if (strncmp(counts, "3 2 3", 5) != 0)
        fail_msg("the numbers of named members were %s", counts);
}

/* The controller dies while a node is out of the cluster, its data wiped. */
static void a_controller_killed_while_a_node_is_out_leaves_a_cluster_that_can_begin(void **state)
{
    (void)state;
    case_need_lab();
    static char before[HOSTS][NODE_STATE_SIZE];
    static const char fault[] = "{membership: [n2], start_s: 6, every_s: 95, for_s: 80}";
    for (size_t i = 0; i < HOSTS; i++)
        node_state_read(&case_hosts[i], before[i]);
    CLEANUP(rift_free)
    char *strike = rift_printf(
        "for i in $(seq 1200); do [ $(curl -s -m 1 -d '{}' "
        "http://%s:2379/v3/cluster/member/list | grep -o '\"name\":\"n[0-9]*\"' | wc -l) = 2 ] && "
        "break; sleep 0.05; done; kill -9 $(pgrep -f '^%s run %s/config.yaml')",
        case_hosts[0].address, test_rift_binary(), case_scratch);
    pid_t striker = test_run_aside(strike);
    int code = run_with("etcd", fault, "--set time_limit_s=90");
    test_end_aside(striker);
    assert_exit_code(code, 128 + SIGKILL, output);
    CLEANUP(rift_free)
    char *check = rift_printf("%s check %s/runs/latest 2>&1", test_rift_binary(), case_scratch);
    assert_exit_code(test_run(check, output, sizeof output), RIFT_EXIT_UNKNOWN, output);
    CLEANUP(rift_free)
    char *begun = rift_printf("%s convert %s/runs/latest --format jsonl | grep -c start-membership",
                              test_rift_binary(), case_scratch);
    assert_exit_code(test_run(begun, output, sizeof output), 0, output);
    CLEANUP(rift_free)
    char *heal = rift_printf("%s heal %s/config.yaml 2>&1", test_rift_binary(), case_scratch);
    assert_exit_code(test_run(heal, output, sizeof output), 0, output);
    nodes_assert_clean(case_hosts, HOSTS, before, "healed");
    code = run_with("etcd", "{pause: one, start_s: 1, for_s: 1}", "--set time_limit_s=4");
    assert_exit_code(code, RIFT_EXIT_VALID, output);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rolling_restart_renews_every_process_and_never_two_at_once),
        cmocka_unit_test(a_restart_that_does_not_reach_all_is_unknown_and_leaves_all_running),
        cmocka_unit_test(two_versions_run_side_by_side_and_the_history_says_which_runs_where),
        cmocka_unit_test(an_upgrade_that_is_not_to_go_back_stays),
        cmocka_unit_test(an_upgrade_that_does_not_start_is_unknown_and_goes_back),
        cmocka_unit_test(a_removed_node_is_no_member_and_joins_again_at_the_end),
        cmocka_unit_test(a_controller_killed_while_a_node_is_out_leaves_a_cluster_that_can_begin),
    };
    return cmocka_run_group_tests(tests, up, case_down);
}
