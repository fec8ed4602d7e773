/* rift fault: one fault by hand, on the hosts of a configuration, held for a while and healed. The
 * fault is read as the plan reads it, so it means the same and its mistakes are named the same. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "control/cli/agent_path.h"
#include "control/cli/command.h"
#include "control/cli/commands.h"
#include "control/cli/fault_print.h"
#include "control/cli/fault_wish.h"
#include "control/run/cluster.h"
#include "control/run/doctor.h"
#include "control/run/fault_look.h"
#include "control/run/fault_window.h"
#include "control/run/hosts.h"
#include "control/run/interrupt.h"
#include "control/run/lead.h"
#include "control/run/system.h"

enum { LEAD_MS = 200, LOOK_MS = 50, LINE_EVERY_MS = 1000, PROBE_DEADLINE_MS = 20000 };

static void stop_holding(void *context)
{
    atomic_store((atomic_bool *)context, true);
}

/* Until the end or Ctrl-C: whether the fault is still felt, once a second. True where it was once.
 */
static bool hold(struct fault_window *fault, int64_t end_ns, const atomic_bool *is_stopped)
{
    bool was_observed = false;
    int64_t next = rift_clock_now() + LINE_EVERY_MS * RIFT_MS;
    while (rift_clock_now() < end_ns && !atomic_load(is_stopped)) {
        rift_clock_sleep_until(rift_clock_now() + LOOK_MS * RIFT_MS);
        if (rift_clock_now() < next)
            continue;
        json_t *seen = fault_window_observe(fault, end_ns);
        bool is_observed = json_is_true(json_object_get(seen, "observed"));
        was_observed = was_observed || is_observed;
        int64_t left_ns = end_ns - rift_clock_now(); /* to look takes its time */
        printf("  %3.0f s left, %s\n", (double)(left_ns > 0 ? left_ns : 0) / 1e9,
               is_observed ? "observed on every node" : "not observed on every node");
        fflush(stdout);
        json_decref(seen);
        while (next <= rift_clock_now()) /* no line for what was missed */
            next += LINE_EVERY_MS * RIFT_MS;
    }
    return was_observed;
}

/* 0 where it was injected, observed and healed. */
static int carry_out(struct cluster *cluster, const struct rift_window *window, bool has_system,
                     const atomic_bool *is_stopped)
{
    struct fault_window fault;
    int64_t origin = rift_clock_now();
    bool was_observed = false, is_healed = false;
    if (fault_window_prepare(&fault, cluster, window, origin) == 0 &&
        doctor_ask_now(cluster, &window->what, &fault.resolved, PROBE_DEADLINE_MS, &fault.error) ==
            0 &&
        !atomic_load(is_stopped)) {
        const struct lead lead = {0};
        int64_t start = rift_clock_now() + LEAD_MS * RIFT_MS + lead_of(&lead, cluster);
        printf("%s: %s\n", window->what.fault->name, fault.what);
        fault_window_inject(&fault, start);
        rift_clock_sleep_until(start + LOOK_MS * RIFT_MS + lead_clock_error(cluster));
        json_t *seen = fault_window_observe(&fault, start + window->length_ns);
        was_observed = json_is_true(json_object_get(seen, "observed"));
        bool may_be_later = fault_window_may_be_seen_later(&fault, seen);
        fault_print_nodes(seen, "observed");
        json_decref(seen);
        if (fault.error.code == RIFT_ERR_NONE && !fault.is_over)
            was_observed = (hold(&fault, start + window->length_ns, is_stopped) && may_be_later) ||
                           was_observed;
        is_healed = fault_print_end(&fault, "", true);
    } else if (fault.error.code == RIFT_ERR_NONE)
        puts("stopped before it began");
    if (fault.error.code != RIFT_ERR_NONE)
        fprintf(stderr, "rift fault: %s\n", fault.error.text);
    if (fault.error.code == RIFT_ERR_MISSING && !has_system)
        fprintf(stderr,
                "rift fault: by hand no system is started: %s, and system: {attach: ...} "
                "names one that runs\n",
                fault_wish_start_hint);
    fault_window_finish(&fault);
    return was_observed && is_healed ? 0 : RIFT_EXIT_HARNESS;
}

static int on_hosts(const struct rift_plan *plan, const struct rift_window *window,
                    struct rift_error *err)
{
    CLEANUP(rift_free) char *agent = agent_path_beside_program();
    struct run_hosts hosts = {NULL};
    atomic_bool is_stopped = false;
    int result = run_hosts_find(&hosts, plan, NULL, agent, err);
    for (size_t i = 0; result == 0 && i < plan->host_count; i++)
        hosts.settings[i].run = "rift fault";
    struct interrupt *interrupt = result == 0 ? interrupt_watch(stop_holding, &is_stopped) : NULL;
    struct cluster *cluster =
        result == 0 ? cluster_open(hosts.settings, plan->host_count, plan->host_names, err) : NULL;
    bool is_ready = cluster && system_attach(cluster, plan, err) == 0;
    result = is_ready ? carry_out(cluster, window, plan->attach != NULL, &is_stopped) : -1;
    if (is_ready && system_remove(cluster, plan, err) != 0)
        result = -1;
    cluster_close(cluster);
    interrupt_unwatch(interrupt);
    run_hosts_release(&hosts);
    return result;
}

static int run_fault(int argc, char **argv)
{
    struct fault_wish wish = {.config = NULL};
    struct rift_error err = {.code = RIFT_ERR_NONE};
    struct rift_plan *plan;
    struct rift_schedule *schedule;
    if (argc >= 2 && strcmp(argv[1], "list") == 0)
        return rift_command_list.run(argc > 2 ? 3 : 2,
                                     (char *[]){"list", "faults", argc > 2 ? argv[2] : NULL, NULL});
    if (argc >= 2 && strcmp(argv[1], "status") == 0)
        return rift_heal_status(argc - 1, argv + 1);
    if (fault_wish_read(&wish, argc, argv, &err) < 0) {
        fprintf(stderr, "rift fault: %s; rift fault --help tells more\n", err.text);
        return RIFT_EXIT_USAGE;
    }
    if (fault_wish_plan(&wish, 0, &plan, &schedule, &err) < 0) {
        fprintf(stderr, "rift fault: %s\n", err.text);
        return RIFT_EXIT_USAGE;
    }
    int result = on_hosts(plan, &schedule->windows[0], &err);
    if (err.code != RIFT_ERR_NONE)
        fprintf(stderr, "rift fault: %s\n", err.text);
    rift_schedule_destroy(schedule);
    rift_plan_destroy(plan);
    return result < 0 ? RIFT_EXIT_HARNESS : result;
}

const struct rift_command rift_command_fault = {
    .name = "fault",
    .summary = "one fault by hand, held for a while and healed",
    .help =
        "usage: rift fault FAULT --config FILE [--for TIME] [--isolate NODE | --grudge KIND]\n"
        "                  [--on TARGET] [--set OPTION=VALUE ...]\n"
        "       rift fault list [FAULT]\n"
        "       rift fault status [--watch] CONFIG | [USER@]HOST[:PORT] ... | --lab NAME\n"
        "\n"
        "Breaks the hosts that the configuration names, whatever runs on them, says what the\n"
        "nodes themselves see of it, and heals at the end or at Ctrl-C. A lab that is not up is\n"
        "brought up for it. Faults, kinds and targets are those of a configuration: rift list.\n"
        "status shows what is on now, since when, what it hit and how long its lease runs, and\n"
        "changes nothing; with --watch every second. It takes the login options of rift heal.\n"
        "\n"
        "  --for TIME       30s, 2m; the default is 30s\n"
        "  --isolate NODE   of faults on links: this node and all others, both ways\n"
        "  --grudge KIND    of faults on links: halves, bridge, '{n1: [n2, n3]}'\n"
        "  --on TARGET      of faults on nodes: one, minority, primaries, '[n1, n3]'\n"
        "  --set O=V        an option of the fault: rift list faults NAME\n"
        "exit codes: 0 injected, observed and healed, 254 bad usage, 255 not so, or ended before\n"
        "\n"
        "example: rift fault partition --isolate n3 --for 30s --config "
        "configs/etcd-register.yaml\n",
    .run = run_fault,
};
