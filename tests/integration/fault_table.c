/* Every fault on every kind of lab host: measured from outside before, while it is on, and after it
 * was healed, and what is left then. Prints docs/faults.md; ./dev faults runs it. Needs root.
 *
 *   fault_table [--driver netns|uml|systemd] [--only FAULT,FAULT...]
 *   fault_table --hosts CONFIG [--only ...]
 *
 * The last one prints the table of the first two hosts of a configuration that allows faults on
 * them (allow_faults); the second is hit. They are logged in to directly and by a key, have tc,
 * bash and pkill, and pass the witness's ports. */
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
#include "control/cli/fault_pages.h"
#include "control/cli/plan_source.h"
#include "control/run/hosts.h"
#include "nemesis/fault.h"
#include "tests/integration/fault_measure.h"
#include "tests/integration/fault_play.h"
#include "tests/integration/fault_rows.h"
#include "tests/lib/build_folder.h"
#include "tests/lib/lab_hosts.h"
#include "tests/lib/node_remains.h"

enum { KINDS = 3 };

static const char *const kinds[KINDS] = {"netns", "uml", "systemd"};

static char cells[FAULT_ROWS_MAX][KINDS][FAULT_CELL_SIZE];
static int failed_count;
static double least_load = 1e9, most_load; /* over one minute */

static void note_load(void)
{
    double load;
    if (getloadavg(&load, 1) != 1)
        return;
    least_load = fmin(load, least_load);
    most_load = fmax(load, most_load);
}

/* only: names with commas between, or NULL. */
static bool is_wanted(const struct fault_row *row, const char *only)
{
    size_t length = strlen(row->fault);
    for (const char *at = only; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strcspn(at, ",") == length && strncmp(at, row->fault, length) == 0)
            return true;
    return !only;
}

/* node: a session that serves all rows; NULL: each has its own. */
static void play_rows(const struct rift_lab_host *hosts, struct rift_node *node, size_t kind,
                      const char *only)
{
    static char before[NODE_STATE_SIZE];
    struct fault_bench bench = {.hit = &hosts[1], .peer = &hosts[0]};
    node_state_read(bench.hit, before);
    for (size_t i = 0; i < fault_row_count; i++) {
        const struct fault_row *row = &fault_rows[i];
        if (!is_wanted(row, only))
            continue;
        failed_count += node ? !fault_play_within(row, node, &bench, before, cells[i][kind])
                             : !fault_play(row, &bench, before, cells[i][kind]);
        note_load();
        fprintf(stderr, "%-7s %-10s %-30s %-30s %s\n", test_driver(), fault_rows[i].fault,
                fault_rows[i].asked, fault_rows[i].what, cells[i][kind]);
    }
}

static void play_kind(size_t kind, const char *only, const char *witness)
{
    size_t count = 0;
    setenv("RIFT_TEST_DRIVER", kinds[kind], 1);
    struct rift_lab *lab = test_lab_up(kinds[kind], 2);
    const struct rift_lab_host *hosts = rift_lab_hosts(lab, &count);
    if (!fault_witness_start(&hosts[0], witness) || !fault_witness_start(&hosts[1], witness))
        exit(1);
    play_rows(hosts, NULL, kind, only);
    rift_lab_close(lab);
    test_labs_down(NULL);
}

/* What a test knows of a lab's host, for one that a plan names. */
static int find_host(struct rift_lab_host *host, const struct rift_node_settings *settings)
{
    if (!settings->key_file || !settings->known_hosts_file || settings->proxy_command) {
        fprintf(stderr, "fault_table: %s: name its key and known_hosts, and no jump host\n",
                settings->name);
        return -1;
    }
    *host = (struct rift_lab_host){.port = settings->port ? settings->port : 22};
    snprintf(host->name, sizeof host->name, "%s", settings->name);
    snprintf(host->address, sizeof host->address, "%s", settings->address);
    snprintf(host->user, sizeof host->user, "%s", settings->user);
    snprintf(host->key_file, sizeof host->key_file, "%s", settings->key_file);
    snprintf(host->known_hosts_file, sizeof host->known_hosts_file, "%s",
             settings->known_hosts_file);
    test_host_run(host,
                  "ip -6 -o address show scope global | awk '{ sub(\"/.*\", \"\", $4);"
                  " print $4; exit }'",
                  host->address6, sizeof host->address6);
    return 0;
}

/* A login to somebody's machine may take seconds: one serves all rows, and what it left itself is
 * looked for at the end. Returns 0, or -1 where nothing could be played. */
static int play_in_one_session(const struct rift_lab_host hosts[2], const char *only,
                               const char *witness)
{
    static char before[NODE_STATE_SIZE];
    char cell[FAULT_CELL_SIZE] = "";
    fault_witness_end(&hosts[0]);
    fault_witness_end(&hosts[1]);
    if (!fault_witness_start(&hosts[0], witness) || !fault_witness_start(&hosts[1], witness))
        return -1;
    node_state_read(&hosts[1], before);
    struct rift_node *node = fault_play_open(&hosts[1], cell);
    if (node) {
        play_rows(hosts, node, 0, only);
        rift_node_close(node);
        fault_play_remains(&hosts[1], before, cell);
    }
    failed_count += cell[0] != 0;
    fprintf(stderr, "at the end: %s\n", cell[0] ? cell : "nothing is left");
    fault_witness_end(&hosts[0]);
    fault_witness_end(&hosts[1]);
    return node ? 0 : -1;
}

/* Returns 0, or -1 where the configuration does not allow it. */
static int play_hosts(const char *path, const char *only, const char *witness)
{
    struct rift_error err;
    struct run_hosts found;
    struct rift_lab_host hosts[2];
    int result = -1;
    setenv("RIFT_TEST_DRIVER", "hosts", 1);
    struct rift_plan *plan = plan_source_read(path, NULL, 0, 0, &err);
    if (!plan) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    if (plan->is_lab || plan->host_count < 2 || !plan->hosts[0].allow_faults ||
        !plan->hosts[1].allow_faults) {
        fprintf(stderr, "fault_table: %s: no two hosts of somebody's that it allows to break\n",
                path);
    } else if (run_hosts_find(&found, plan, NULL, test_agent_binary(), &err) < 0) {
        fprintf(stderr, "fault_table: %s\n", err.text);
    } else {
        if (find_host(&hosts[0], &found.settings[0]) == 0 &&
            find_host(&hosts[1], &found.settings[1]) == 0)
            result = play_in_one_session(hosts, only, witness);
        run_hosts_release(&found);
    }
    rift_plan_destroy(plan);
    return result;
}

/* A table of one column. */
static void print_hosts_table(const char *only)
{
    printf("| fault | asked | measured | bounds | before → **while it is on** → healed |\n"
           "|---|---|---|---|---|\n");
    for (size_t i = 0; i < fault_row_count; i++)
        if (is_wanted(&fault_rows[i], only))
            printf("| %s | %s | %s | %.10g to %.10g | %s |\n", fault_rows[i].fault,
                   fault_rows[i].asked, fault_rows[i].what, fault_rows[i].hit[0],
                   fault_rows[i].hit[1], cells[i][0]);
}

static const char heading[] =
    "(namespaces on this machine's kernel), `uml` (User-mode Linux 6.1: its own kernel and clock,\n"
    "cgroup v2 only, netem) and `systemd` (the same with systemd as PID 1, journald and logind).\n"
    "Each fault hits n2, alone, in a session of its own with an agent over SSH. Everything is "
    "measured by a program that shares nothing with the agent:\n"
    "datagrams and streams between n1 and n2, questions to the system under test from the\n"
    "controller's machine, files seen through another login. A cell says: before → **while it\n"
    "is on** → healed. The bounds are of the figure in the middle. After kill, memory,\n"
    "oom-kill, power, disk-lose and rollback another process answers; after all other faults of a\n"
    "node the same one does. Where the figure is another one than before, the agent observed the\n"
    "fault meanwhile.\n"
    "After each row the host is compared with how it was (qdiscs, filters, processes, control\n"
    "groups, mounts, files) and `rift-agent --leftovers` is run: a cell without FAILED had\n"
    "nothing left.\n"
    "\n"
    "| fault | asked | measured | bounds | netns | uml | systemd |\n"
    "|---|---|---|---|---|---|---|\n";

static void print_table(void)
{
    char date[32];
    time_t now = (time_t)(rift_clock_wall() / RIFT_SECOND);
    struct tm parts;
    strftime(date, sizeof date, "%Y-%m-%d", gmtime_r(&now, &parts));
    printf(RIFT_FAULT_PAGES_END
           "\nBy `./dev faults` on %s, on %ld processors with a load average of %.1f to %.1f, the "
           "tests' own\nincluded, on the three kinds of lab host: `netns`\n%s",
           date, sysconf(_SC_NPROCESSORS_ONLN), least_load, most_load, heading);
    for (size_t i = 0; i < fault_row_count; i++)
        printf("| %s | %s | %s | %.10g to %.10g | %s | %s | %s |\n", fault_rows[i].fault,
               fault_rows[i].asked, fault_rows[i].what, fault_rows[i].hit[0], fault_rows[i].hit[1],
               cells[i][0], cells[i][1], cells[i][2]);
}

static void labs_down(void)
{
    test_labs_down(NULL);
}

/* A fault that the build has and this table has not is a gap, and fails; one of the cluster as a
 * whole is not for one host, and is measured in test_membership; dns needs a name server, and is
 * measured in test_dns. */
static void look_for_gaps(void)
{
    for (size_t i = 0; rift_faults[i]; i++) {
        if (rift_faults[i]->scope == RIFT_FAULT_ON_MEMBERSHIP ||
            strcmp(rift_faults[i]->name, "dns") == 0)
            continue;
        size_t row = 0;
        while (row < fault_row_count && strcmp(fault_rows[row].fault, rift_faults[i]->name) != 0)
            row++;
        if (row < fault_row_count)
            continue;
        fprintf(stderr, "fault_table: no row for the fault '%s'\n", rift_faults[i]->name);
        failed_count++;
    }
}

static bool is_kind(const char *name)
{
    size_t kind = 0;
    while (kind < KINDS && strcmp(name, kinds[kind]) != 0)
        kind++;
    return kind < KINDS;
}

static int usage(void)
{
    fprintf(stderr, "usage: fault_table [--driver netns|uml|systemd | --hosts CONFIG] [--only "
                    "FAULT,FAULT...]\n");
    return 2;
}

int main(int argc, char **argv)
{
    const char *only = NULL, *driver = NULL, *configuration = NULL;
    const struct {
        const char *name, **value;
    } options[] = {{"--only", &only}, {"--driver", &driver}, {"--hosts", &configuration}};
    for (int i = 1; i < argc; i += 2) {
        size_t o = 0;
        while (o < 3 && strcmp(argv[i], options[o].name) != 0)
            o++;
        if (o == 3 || i + 1 == argc)
            return usage();
        *options[o].value = argv[i + 1];
    }
    if (driver && !is_kind(driver))
        return usage();
    if (!configuration && geteuid() != 0) {
        fprintf(stderr, "fault_table: needs root: it brings up labs\n");
        return 1;
    }
    CLEANUP(rift_free) char *witness = rift_printf("%s/fault_witness", build_folder());
    if (configuration) {
        if (play_hosts(configuration, only, witness) < 0)
            return 1;
        print_hosts_table(only);
        return failed_count > 0;
    }
    atexit(labs_down);
    look_for_gaps();
    for (size_t kind = 0; kind < KINDS; kind++)
        if (!driver || strcmp(driver, kinds[kind]) == 0)
            play_kind(kind, only, witness);
    CLEANUP(rift_text_finish) struct rift_text pages = {NULL, 0, 0};
    rift_fault_pages_print(&pages);
    fputs(pages.data, stdout);
    print_table();
    fprintf(stderr, "%d failed\n", failed_count);
    return failed_count > 0;
}
