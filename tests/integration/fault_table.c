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
#include "control/cli/fault_pages.h"
#include "nemesis/fault.h"
#include "tests/integration/fault_measure.h"
#include "tests/integration/fault_play.h"
#include "tests/integration/fault_rows.h"
#include "tests/lib/lab_hosts.h"
#include "tests/lib/node_remains.h"

enum { KINDS = 2 };

static const char *const kinds[KINDS] = {"netns", "uml"};

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
    for (size_t i = 0; i < fault_row_count; i++) {
        if (only && strcmp(only, fault_rows[i].fault) != 0)
            continue;
        failed_count += !fault_play(&fault_rows[i], &bench, before, cells[i][kind]);
        note_load();
        fprintf(stderr, "%-6s %-10s %-30s %-30s %s\n", kinds[kind], fault_rows[i].fault,
                fault_rows[i].asked, fault_rows[i].what, cells[i][kind]);
    }
    rift_lab_close(lab);
    test_labs_down(NULL);
}

static const char heading[] =
    "(namespaces on this machine's kernel) and `uml` (User-mode Linux 6.1: its own kernel and\n"
    "clock, cgroup v2 only, netem). Each fault hits n2, alone, in a session of its own with an\n"
    "agent over SSH. Everything is measured by a program that shares nothing with the agent:\n"
    "datagrams and streams between n1 and n2, questions to the system under test from the\n"
    "controller's machine, files seen through another login. A cell says: before → **while it\n"
    "is on** → healed. The bounds are of the figure in the middle. After kill, memory,\n"
    "oom-kill, power, disk-lose and rollback another process answers; after all other faults of a\n"
    "node the same one does.\n"
    "After each row the host is compared with how it was (qdiscs, filters, processes, control\n"
    "groups, mounts, files) and `rift-agent --leftovers` is run: a cell without FAILED had\n"
    "nothing left.\n"
    "\n"
    "| fault | asked | measured | bounds | netns | uml |\n"
    "|---|---|---|---|---|---|\n";

static void print_table(void)
{
    char date[32];
    time_t now = (time_t)(rift_clock_wall() / RIFT_SECOND);
    struct tm parts;
    strftime(date, sizeof date, "%Y-%m-%d", gmtime_r(&now, &parts));
    printf(RIFT_FAULT_PAGES_END
           "\nBy `./dev faults` on %s, on %ld processors with a load average of %.1f to %.1f, the "
           "tests' own\nincluded, on the two kinds of lab host: `netns`\n%s",
           date, sysconf(_SC_NPROCESSORS_ONLN), least_load, most_load, heading);
    for (size_t i = 0; i < fault_row_count; i++)
        printf("| %s | %s | %s | %.10g to %.10g | %s | %s |\n", fault_rows[i].fault,
               fault_rows[i].asked, fault_rows[i].what, fault_rows[i].hit[0], fault_rows[i].hit[1],
               cells[i][0], cells[i][1]);
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
    CLEANUP(rift_text_finish) struct rift_text pages = {NULL, 0, 0};
    rift_fault_pages_print(&pages);
    fputs(pages.data, stdout);
    print_table();
    fprintf(stderr, "%d failed\n", failed_count);
    return failed_count > 0;
}
