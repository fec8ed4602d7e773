/* Every fault on every kind of lab host: measured from outside before, while it is on, and after it
 * was healed, and what is left then. Prints docs/faults.md; ./dev faults runs it. Needs root.
 *
 *   fault_table [--driver netns|uml] [--only FAULT] */
#include <libgen.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/fault.h"
#include "tests/integration/fault_measure.h"
#include "tests/integration/fault_pages.h"
#include "tests/lib/lab_hosts.h"
#include "tests/lib/node_remains.h"

enum {
    CALL_MS = 30000,
    LEASE_MS = 20000,
    BACK_MS = 15000, /* after a heal: until the system has started again */
    GONE_MS = 5000,
    DISK_MB = 48,
    KINDS = 2,
};

static const char *const kinds[KINDS] = {"netns", "uml"};

/* Whether the process that answers after the fault must be the one from before. */
enum whose_answer { ANY_PROCESS, SAME_PROCESS, NEW_PROCESS };

struct row {
    const char *fault, *options;
    const char *asked, *what; /* for people */
    fault_measure *measure;
    double base[2], hit[2]; /* bounds: before and after; while it is on */
    enum whose_answer whose;
    const char *not_on; /* the kind of host that cannot have it, and must say so */
};

#define OWN_KERNEL .not_on = "netns"

static const struct row rows[] = {
    {"partition",
     "{}",
     "n2 does not hear n1",
     "datagrams lost, %",
     fault_lost_percent,
     {0, 0.3},
     {100, 100},
     .whose = ANY_PROCESS},
    {"partition",
     "{}",
     "the same, IPv6",
     "datagrams lost, %",
     fault_lost_percent_6,
     {0, 1},
     {100, 100},
     .whose = ANY_PROCESS},
    {"partition",
     "{\"ports\": [\"7502\"]}",
     "port 7502 of n2",
     "connections of 10 to it",
     fault_connections,
     {10, 10},
     {0, 0},
     .whose = ANY_PROCESS},
    {"partition",
     "{\"ports\": [\"7502\"]}",
     "the same",
     "datagrams to 7501 lost, %",
     fault_lost_percent,
     {0, 0.3},
     {0, 0.3},
     .whose = ANY_PROCESS},
    {"partition",
     "{\"connections\": \"new\"}",
     "no new connection",
     "connections of 10",
     fault_connections,
     {10, 10},
     {0, 0},
     .whose = ANY_PROCESS},
    {"partition",
     "{\"connections\": \"established\"}",
     "half-open: what was open",
     "echoes on it in 1 s",
     fault_kept_echoes,
     {20, 1e5},
     {0, 0},
     .whose = ANY_PROCESS},
    {"partition",
     "{\"connections\": \"established\"}",
     "the same",
     "new connections of 10",
     fault_connections,
     {10, 10},
     {10, 10},
     .whose = ANY_PROCESS},
    {"partition",
     "{\"flap_ms\": 100}",
     "50 ms on, 50 ms off",
     "datagrams lost, %",
     fault_lost_percent,
     {0, 0.3},
     {44, 56},
     .whose = ANY_PROCESS},
    {"reset",
     "{}",
     "RST",
     "errno of an open connection",
     fault_kept_error,
     {0, 0},
     {104, 104},
     .whose = ANY_PROCESS},
    {"link",
     "{\"loss_percent\": 1}",
     "loss 1 %",
     "datagrams lost, %",
     fault_lost_percent,
     {0, 0.3},
     {0.4, 1.8},
     .whose = ANY_PROCESS},
    {"link",
     "{\"loss_percent\": 5}",
     "loss 5 %",
     "datagrams lost, %",
     fault_lost_percent,
     {0, 0.3},
     {3.6, 6.5},
     .whose = ANY_PROCESS},
    {"link",
     "{\"loss_percent\": 30}",
     "loss 30 %",
     "datagrams lost, %",
     fault_lost_percent,
     {0, 0.3},
     {27, 33},
     .whose = ANY_PROCESS},
    {"link",
     "{\"loss_percent\": 10, \"loss_correlation_percent\": 60}",
     "loss 10 %, correlation 60 %",
     "datagrams lost, %",
     fault_lost_percent,
     {0, 0.3},
     {6, 14},
     .whose = ANY_PROCESS},
    {"link",
     "{\"loss_percent\": 10, \"loss_correlation_percent\": 60}",
     "the same: bursts of 2.78",
     "lost in a row",
     fault_burst,
     {0, 3},
     {2.1, 3.5},
     .whose = ANY_PROCESS},
    {"link",
     "{\"bad_from_percent\": 1, \"bad_until_percent\": 20}",
     "Gilbert-Elliott: bursts of 5",
     "lost in a row",
     fault_burst,
     {0, 3},
     {2.8, 7.5},
     .whose = ANY_PROCESS},
    {"link",
     "{\"duplicate_percent\": 10}",
     "10 % twice",
     "datagrams twice, %",
     fault_twice_percent,
     {0, 0},
     {8, 12},
     .whose = ANY_PROCESS},
    {"link",
     "{\"corrupt_percent\": 10}",
     "10 % corrupt",
     "wrong for the receiver's checksum, %",
     fault_checksum_percent,
     {0, 0},
     {7, 12},
     .whose = ANY_PROCESS},
    {"link",
     "{\"silent_percent\": 10}",
     "10 % silently corrupt",
     "datagrams with other content, %",
     fault_altered_percent,
     {0, 0},
     {8, 12},
     .whose = ANY_PROCESS},
    {"link",
     "{\"delay_ms\": 50}",
     "delay 50 ms",
     "round trip, ms",
     fault_trip_ms,
     {0, 10},
     {48, 60},
     .whose = ANY_PROCESS},
    {"link",
     "{\"delay_ms\": 50, \"jitter_ms\": 10}",
     "delay 50 +- 10 ms",
     "p10 to p90 of round trips, ms",
     fault_trip_spread_ms,
     {0, 10},
     {13, 22},
     .whose = ANY_PROCESS},
    {"link",
     "{\"delay_ms\": 50, \"jitter_ms\": 10, \"distribution\": \"normal\"}",
     "delay 50 ms, deviation 10, normal",
     "p10 to p90 of round trips, ms",
     fault_trip_spread_ms,
     {0, 10},
     {21, 32},
     .whose = ANY_PROCESS},
    {"link",
     "{\"by\": \"line\", \"delay_ms\": 50, \"jitter_ms\": 10}",
     "delay 50 +- 10 ms by the line",
     "p10 to p90 of round trips, ms",
     fault_trip_spread_ms,
     {0, 10},
     {13, 22},
     .whose = ANY_PROCESS},
    {"link",
     "{\"delay_ms\": 50, \"reorder_percent\": 20}",
     "20 % past the others",
     "come back early, %",
     fault_early_percent,
     {0, 100},
     {15, 25},
     .whose = ANY_PROCESS},
    {"link",
     "{\"rate_kbit\": 10000}",
     "10 Mbit/s",
     "TCP, Mbit/s",
     fault_rate_mbit,
     {20, 1e6},
     {8, 10.8},
     .whose = ANY_PROCESS},
    {"link",
     "{\"by\": \"line\", \"rate_kbit\": 10000}",
     "10 Mbit/s by the line",
     "TCP, Mbit/s",
     fault_rate_mbit,
     {20, 1e6},
     {8, 10.8},
     .whose = ANY_PROCESS},
    {"wan",
     "{\"delay_ms\": 61.5}",
     "Dallas to Frankfurt: 123 ms, one way of it",
     "round trip, ms",
     fault_trip_ms,
     {0, 10},
     {59, 72},
     .whose = ANY_PROCESS},
    {"kill",
     "{}",
     "SIGKILL",
     "answers of 10",
     fault_answers,
     {9, 10},
     {0, 0},
     .whose = NEW_PROCESS},
    {"kill",
     "{\"signal\": \"TERM\"}",
     "SIGTERM",
     "answers of 10",
     fault_answers,
     {9, 10},
     {0, 0},
     .whose = NEW_PROCESS},
    {"pause",
     "{}",
     "by ptrace",
     "answers of 10",
     fault_answers,
     {9, 10},
     {0, 0},
     .whose = SAME_PROCESS},
    {"pause",
     "{\"by\": \"freezer\"}",
     "by the freezer",
     "answers of 10",
     fault_answers,
     {9, 10},
     {0, 0},
     .whose = SAME_PROCESS},
    {"pause-host",
     "{}",
     "the system",
     "answers of 10",
     fault_answers,
     {9, 10},
     {0, 0},
     .whose = SAME_PROCESS},
    {"pause-host",
     "{}",
     "who echoes datagrams",
     "datagrams lost, %",
     fault_lost_percent_6,
     {0, 1},
     {100, 100},
     .whose = SAME_PROCESS},
    {"pause-host",
     "{}",
     "the kernel opens connections",
     "connections of 10",
     fault_connections,
     {10, 10},
     {10, 10},
     .whose = SAME_PROCESS},
    {"hang",
     "{\"thread\": \"witness-tick\"}",
     "one thread of two",
     "its turns in 0.5 s, asked of the other",
     fault_ticks,
     {20, 101},
     {0, 0},
     .whose = SAME_PROCESS},
    {"cpu-burn",
     "{\"processes\": 16}",
     "16 busy processes",
     "CPU time got, %",
     fault_cpu_percent,
     {20, 101},
     {0.1, 18},
     .whose = SAME_PROCESS},
    {"cpu",
     "{\"percent\": 10}",
     "10 % of a processor",
     "CPU time got, %",
     fault_cpu_percent,
     {20, 101},
     {5, 13},
     .whose = SAME_PROCESS},
    {"memory",
     "{\"percent_of_use\": 100}",
     "no more than it has",
     "24 MiB more got",
     fault_growth,
     {1, 1},
     {0, 0},
     .whose = NEW_PROCESS},
    {"fd-limit",
     "{}",
     "no descriptor left",
     "errno of an open",
     fault_open_error,
     {0, 0},
     {24, 24},
     .whose = SAME_PROCESS},
    {"pid-limit",
     "{}",
     "no process left",
     "errno of a fork",
     fault_fork_error,
     {0, 0},
     {11, 11},
     .whose = SAME_PROCESS},
    {"disk-full",
     "{}",
     "no room",
     "errno of a write",
     fault_write_error,
     {0, 0},
     {28, 28},
     .whose = SAME_PROCESS},
    {"power",
     "{}",
     "power off and on",
     "files of 2, 1 synced",
     fault_files,
     {2, 2},
     {1, 1},
     .whose = NEW_PROCESS},
    {"disk-rate",
     "{\"write_kb_s\": 200}",
     "200 KiB/s",
     "synced writes, KiB/s",
     fault_write_kb_s,
     {400, 1e7},
     {120, 280},
     .whose = SAME_PROCESS},
    {"disk-lose",
     "{}",
     "killed, unsynced lost",
     "files of 2, 1 synced",
     fault_files,
     {2, 2},
     {1, 1},
     .whose = NEW_PROCESS},
    {"disk-error",
     "{}",
     "EIO on write and sync",
     "errno of a write",
     fault_write_error,
     {0, 0},
     {5, 5},
     .whose = SAME_PROCESS},
    {"disk-slow",
     "{\"sync_ms\": 300}",
     "syncs 300 ms slower",
     "a synced write, ms",
     fault_write_ms,
     {0, 150},
     {300, 450},
     .whose = SAME_PROCESS},
    {"disk-corrupt",
     "{}",
     "a bit of each read",
     "wrong bytes of 4096",
     fault_wrong_bytes,
     {0, 0},
     {1, 1},
     .whose = SAME_PROCESS},
    {"file-damage",
     "{\"files\": \"zeros\"}",
     "a bit of a file (written anew after it)",
     "wrong bytes of 4096",
     fault_wrong_bytes,
     {0, 0},
     {1, 1},
     .whose = SAME_PROCESS},
    {"clock",
     "{\"of\": \"process\", \"offset_ms\": 3600000}",
     "the system's, +1 h",
     "off by, ms",
     fault_system_clock_ms,
     {-50, 50},
     {3599950, 3600050},
     .whose = SAME_PROCESS,
     .not_on = "uml"},
    {"clock",
     "{\"of\": \"process\", \"drift_ppm\": 50000}",
     "the system's, 5 % fast",
     "drift, ppm",
     fault_system_drift_ppm,
     {-4000, 4000},
     {44000, 56000},
     .whose = SAME_PROCESS,
     .not_on = "uml"},
    {"clock",
     "{\"of\": \"process\", \"offset_ms\": -60000, \"strobe_ms\": 200}",
     "the system's, -60 s by turns",
     "wrong when looked at, %",
     fault_system_wrong_percent,
     {0, 0},
     {25, 75},
     .whose = SAME_PROCESS,
     .not_on = "uml"},
    {"clock",
     "{\"of\": \"host\", \"offset_ms\": 3600000}",
     "the host's, +1 h",
     "moved by, ms",
     fault_host_clock_ms,
     {-200, 200},
     {3599800, 3600200},
     .whose = ANY_PROCESS,
     OWN_KERNEL},
    {"clock",
     "{\"of\": \"host\", \"offset_ms\": -60000}",
     "the host's, -60 s",
     "moved by, ms",
     fault_host_clock_ms,
     {-200, 200},
     {-60200, -59800},
     .whose = ANY_PROCESS,
     OWN_KERNEL},
    {"clock",
     "{\"of\": \"host\", \"drift_ppm\": 50000}",
     "the host's, 5 % fast",
     "drift, ppm",
     fault_host_drift_ppm,
     {-4000, 4000},
     {44000, 56000},
     .whose = ANY_PROCESS,
     OWN_KERNEL},
};

enum { ROWS = sizeof rows / sizeof *rows };

static char cells[ROWS][KINDS][200];
static int failed_count;

static void cell_fail(char *cell, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t used = strlen(cell);
    int n = snprintf(cell + used, sizeof cells[0][0] - used, "%s**FAILED**: ", used ? "; " : "");
    used += n > 0 ? (size_t)n : 0;
    if (used < sizeof cells[0][0])
        vsnprintf(cell + used, sizeof cells[0][0] - used, format, args);
    va_end(args);
    failed_count++;
}

static bool is_within(double number, const double bounds[2])
{
    return number >= bounds[0] && number <= bounds[1];
}

/* --- the agent's side: only to do and undo */

static json_t *must_call(struct rift_node *node, const char *verb, json_t *args, char *cell)
{
    struct rift_error err;
    json_t *reply = NULL;
    if (rift_node_call(node, verb, args, CALL_MS, &reply, &err) < 0) {
        cell_fail(cell, "%s: %.100s", verb, err.text);
        reply = NULL;
    }
    json_decref(args);
    return reply;
}

static bool do_call(struct rift_node *node, const char *verb, json_t *args, char *cell)
{
    json_t *reply = must_call(node, verb, args, cell);
    json_decref(reply);
    return reply != NULL;
}

static bool start_system(struct rift_node *node, const struct rift_lab_host *host,
                         const struct rift_fault *fault, char *cell)
{
    json_t *self =
        json_pack("{s:s,s:s,s:i}", "name", host->name, "address", host->address, "index", 2);
    json_t *recipe = json_pack("{s:s,s:[s],s:[{s:s,s:[s,s,s]}]}", "name", "witness", "data_folders",
                               FAULT_DATA_FOLDER, "processes", "name", "witness", "command",
                               FAULT_WITNESS_PATH, "system", FAULT_DATA_FOLDER);
    json_t *context =
        json_pack("{s:O,s:[o],s:{},s:{}}", "node", self, "nodes", self, "options", "artifacts");
    json_t *args = json_pack("{s:o,s:o,s:b}", "recipe", recipe, "context", context, "lab", 1);
    if (fault->needs_disk)
        json_object_set_new(args, "disk_mb", json_integer(DISK_MB));
    if (fault->needs_layer)
        json_object_set_new(args, "disk_layer", json_string("ext4"));
    if (!do_call(node, "system.configure", args, cell) ||
        !do_call(node, "system.start", json_pack("{s:i}", "deadline_ms", CALL_MS), cell))
        return false;
    int64_t deadline_ns = rift_clock_now() + BACK_MS * RIFT_MS;
    while (fault_system_pid(host) == 0)
        if (rift_clock_now() > deadline_ns) {
            cell_fail(cell, "the system does not answer");
            return false;
        }
    return true;
}

static json_t *fault_args(const struct row *row, const struct rift_lab_host *peer)
{
    const struct rift_fault *fault = rift_fault_find(row->fault);
    json_t *options = json_loads(row->options, 0, NULL);
    json_t *args = json_pack("{s:s,s:s,s:O}", "id", "table", "fault",
                             fault->driver ? fault->driver : fault->name, "options", options);
    if (fault->scope == RIFT_FAULT_ON_LINKS) {
        json_t *to = json_pack("{s:s,s:[s,s]}", "name", peer->name, "addresses", peer->address,
                               peer->address6);
        if (fault->is_given_by_link)
            json_object_set(to, "options", options);
        json_object_set_new(args, "peers", json_pack("[o]", to));
    }
    json_decref(options);
    return args;
}

/* --- one row on one kind of host */

static void judge(const struct row *row, const double seen[3], const pid_t pids[2], char *cell)
{
    snprintf(cell, sizeof cells[0][0], "%.4g → **%.10g** → %.4g", seen[FAULT_BEFORE],
             round(seen[FAULT_DURING] * 100) / 100, seen[FAULT_AFTER]);
    if (!is_within(seen[FAULT_BEFORE], row->base))
        cell_fail(cell, "before");
    if (!is_within(seen[FAULT_DURING], row->hit))
        cell_fail(cell, "while it was on");
    if (!is_within(seen[FAULT_AFTER], row->base))
        cell_fail(cell, "not healed");
    if ((row->whose == SAME_PROCESS && pids[0] != pids[1]) ||
        (row->whose == NEW_PROCESS && pids[0] == pids[1]))
        cell_fail(cell, "process %d became %d", (int)pids[0], (int)pids[1]);
}

static void play_fault(const struct row *row, struct rift_node *node, struct fault_bench *bench,
                       char *cell)
{
    double seen[3];
    pid_t pids[2];
    bench->phase = FAULT_BEFORE;
    seen[FAULT_BEFORE] = row->measure(bench);
    pids[0] = fault_system_pid(bench->hit);
    if (!do_call(node, "inject", fault_args(row, bench->peer), cell))
        return;
    bench->phase = FAULT_DURING;
    seen[FAULT_DURING] = row->measure(bench);
    if (!do_call(node, "heal", json_pack("{s:s}", "id", "table"), cell))
        return;
    int64_t back_ns = rift_clock_now() + BACK_MS * RIFT_MS;
    while ((pids[1] = fault_system_pid(bench->hit)) == 0 && rift_clock_now() < back_ns)
        ;
    bench->phase = FAULT_AFTER;
    seen[FAULT_AFTER] = row->measure(bench);
    judge(row, seen, pids, cell);
}

static void play_on_node(const struct row *row, struct rift_node *node, struct fault_bench *bench,
                         char *cell)
{
    const char *kind = getenv("RIFT_TEST_DRIVER");
    if (!start_system(node, bench->hit, rift_fault_find(row->fault), cell))
        return;
    json_t *ability = must_call(node, "probe_fault", fault_args(row, bench->peer), cell);
    bool can = json_is_true(json_object_get(ability, "can"));
    if (ability && can)
        play_fault(row, node, bench, cell);
    else if (ability && !(row->not_on && strcmp(row->not_on, kind) == 0))
        cell_fail(cell, "%.100s", json_string_value(json_object_get(ability, "why")));
    else if (ability)
        snprintf(cell, sizeof cells[0][0], "not here: %.120s",
                 json_string_value(json_object_get(ability, "why")));
    json_decref(ability);
    do_call(node, "heal_all", json_object(), cell);
    do_call(node, "system.stop", json_pack("{s:i}", "deadline_ms", CALL_MS), cell);
    do_call(node, "system.remove", json_object(), cell);
}

static void look_for_remains(const struct rift_lab_host *host, const char *before, char *cell)
{
    static char after[NODE_STATE_SIZE];
    char output[400];
    CLEANUP(rift_text_finish) struct rift_text found = {NULL, 0, 0};
    int64_t gone_ns = rift_clock_now() + GONE_MS * RIFT_MS;
    size_t count;
    do {
        rift_text_clear(&found);
        node_state_read(host, after);
        count = node_remains(before, after, &found);
    } while (count > 0 && rift_clock_now() < gone_ns);
    if (count > 0) {
        fprintf(stderr, "%s", found.data);
        cell_fail(cell, "%zu things are left", count);
    }
    test_host_run(host, "/var/lib/rift/rift-agent-* --leftovers", output, sizeof output);
    if (output[0])
        cell_fail(cell, "left: %.100s", output);
}

static void play(const struct row *row, struct fault_bench *bench, const char *before, char *cell)
{
    struct rift_error err;
    struct rift_node_settings settings = test_node_settings(bench->hit);
    settings.lease_ms = LEASE_MS;
    settings.connect_timeout_ms = CALL_MS;
    struct rift_node *node = rift_node_open(&settings, &err);
    if (!node) {
        cell_fail(cell, "%.120s", err.text);
        return;
    }
    play_on_node(row, node, bench, cell);
    rift_node_close(node);
    look_for_remains(bench->hit, before, cell);
}

static void play_kind(size_t kind, const char *only, const char *witness)
{
    static char before[NODE_STATE_SIZE];
    struct fault_bench bench;
    size_t count = 0;
    setenv("RIFT_TEST_DRIVER", kinds[kind], 1);
    struct rift_lab *lab = test_lab_up(kinds[kind], 2);
    const struct rift_lab_host *hosts = rift_lab_hosts(lab, &count);
    bench = (struct fault_bench){.hit = &hosts[1], .peer = &hosts[0]};
    if (!fault_witness_start(&hosts[0], witness) || !fault_witness_start(&hosts[1], witness))
        exit(1);
    node_state_read(bench.hit, before);
    for (size_t i = 0; i < ROWS; i++) {
        if (only && strcmp(only, rows[i].fault) != 0)
            continue;
        play(&rows[i], &bench, before, cells[i][kind]);
        fprintf(stderr, "%-6s %-10s %-30s %-30s %s\n", kinds[kind], rows[i].fault, rows[i].asked,
                rows[i].what, cells[i][kind]);
    }
    rift_lab_close(lab);
    test_labs_down(NULL);
}

static void print_table(void)
{
    char date[32];
    time_t now = (time_t)(rift_clock_wall() / RIFT_SECOND);
    struct tm parts;
    strftime(date, sizeof date, "%Y-%m-%d", gmtime_r(&now, &parts));
    printf("%s%s%s", fault_table_heading_before, date, fault_table_heading_after);
    for (size_t i = 0; i < ROWS; i++)
        printf("| %s | %s | %s | %.10g to %.10g | %s | %s |\n", rows[i].fault, rows[i].asked,
               rows[i].what, rows[i].hit[0], rows[i].hit[1], cells[i][0], cells[i][1]);
}

static void labs_down(void)
{
    test_labs_down(NULL);
}

/* A fault that the build has and this table has not is a gap, and fails; one of the cluster as a
 * whole is not for one host, and is measured in test_membership. */
static void look_for_gaps(void)
{
    for (size_t i = 0; rift_faults[i]; i++) {
        if (rift_faults[i]->scope == RIFT_FAULT_ON_MEMBERSHIP)
            continue;
        size_t row = 0;
        while (row < ROWS && strcmp(rows[row].fault, rift_faults[i]->name) != 0)
            row++;
        if (row < ROWS)
            continue;
        fprintf(stderr, "fault_table: no row for the fault '%s'\n", rift_faults[i]->name);
        failed_count++;
    }
}

int main(int argc, char **argv)
{
    const char *only = NULL, *driver = NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        only = strcmp(argv[i], "--only") == 0 ? argv[i + 1] : only;
        driver = strcmp(argv[i], "--driver") == 0 ? argv[i + 1] : driver;
    }
    if (geteuid() != 0) {
        fprintf(stderr, "fault_table: needs root: it brings up labs\n");
        return 1;
    }
    char *path = realpath(argv[0], NULL);
    const char *folder = dirname(path);
    setenv("RIFT_BUILD_DIR", folder, 1);
    CLEANUP(rift_free) char *witness = rift_printf("%s/fault_witness", folder);
    atexit(labs_down);
    look_for_gaps();
    for (size_t kind = 0; kind < KINDS; kind++)
        if (!driver || strcmp(driver, kinds[kind]) == 0)
            play_kind(kind, only, witness);
    free(path);
    fault_pages_print(stdout);
    print_table();
    fprintf(stderr, "%d failed\n", failed_count);
    return failed_count > 0;
}
