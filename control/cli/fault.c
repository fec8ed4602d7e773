/* rift fault: one fault by hand, on the hosts of a configuration, held for a while and healed. The
 * fault is read as the plan reads it, so it means the same and its mistakes are named the same. */
#include <getopt.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "control/cli/agent_path.h"
#include "control/cli/command.h"
#include "control/cli/commands.h"
#include "control/cli/plan_source.h"
#include "control/run/cluster.h"
#include "control/run/fault_window.h"
#include "control/run/hosts.h"
#include "control/run/interrupt.h"
#include "control/run/system.h"

enum { LEAD_MS = 300, LOOK_MS = 50, LINE_EVERY_MS = 1000, WORDS_MAX = 32 };

struct wish {
    const char *fault, *config, *isolate, *grudge, *on;
    double length_s;
    const char *options[WORDS_MAX]; /* "signal=TERM" */
    size_t option_count;
};

/* "30", "30s", "500ms", "2m", "1h". */
static bool read_length(const char *text, double *length_s)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"", 1}, {"s", 1}, {"ms", 0.001}, {"m", 60}, {"h", 3600}};
    char *end = NULL;
    double number = strtod(text, &end);
    for (size_t i = 0; end != text && i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].unit) != 0)
            continue;
        *length_s = number * units[i].seconds;
        return *length_s > 0;
    }
    return false;
}

static int refuse(const char *what, const char *why)
{
    fprintf(stderr, "rift fault: %s: %s; rift fault --help tells more\n", what, why);
    return RIFT_EXIT_USAGE;
}

/* The entry of the plan's faults that the command line stands for, as YAML in one line: "a=b" are
 * options, one isolated node is cut from all others both ways. */
static char *entry_of(const struct wish *wish, const struct rift_plan *plan)
{
    struct rift_text entry = {NULL, 0, 0};
    rift_text_printf(&entry, "faults=[{%s: {", wish->fault);
    const char *comma = "";
    if (wish->isolate) {
        rift_text_append(&entry, "grudge: {");
        for (size_t i = 0; i < plan->host_count; i++) {
            const char *name = plan->host_names[i];
            if (strcmp(name, wish->isolate) == 0)
                continue;
            rift_text_printf(&entry, "%s%s: [%s], ", comma, name, wish->isolate);
        }
        rift_text_printf(&entry, "%s: [", wish->isolate);
        for (size_t i = 0; i < plan->host_count; i++)
            if (strcmp(plan->host_names[i], wish->isolate) != 0)
                rift_text_printf(&entry, "%s,", plan->host_names[i]);
        rift_text_append(&entry, "]}");
        comma = ", ";
    }
    if (wish->grudge) {
        rift_text_printf(&entry, "%s%s: %s", comma, wish->grudge[0] == '{' ? "grudge" : "kinds",
                         wish->grudge);
        comma = ", ";
    }
    if (wish->on) {
        rift_text_printf(&entry, "%stargets: %s", comma, wish->on);
        comma = ", ";
    }
    for (size_t i = 0; i < wish->option_count; i++, comma = ", ") {
        const char *equals = strchr(wish->options[i], '=');
        rift_text_printf(&entry, "%s%.*s: %s", comma, (int)(equals - wish->options[i]),
                         wish->options[i], equals + 1);
    }
    /* One window: the next would start after the end of the main phase. */
    rift_text_printf(&entry, "}, every_s: %g, for_s: %g, start_s: 0}]", 2 * wish->length_s + 60,
                     wish->length_s);
    return rift_text_take(&entry);
}

/* The plan of the configuration, its faults replaced by the one that is wished for. */
static struct rift_plan *plan_of(const struct wish *wish, struct rift_error *err)
{
    CLEANUP(rift_free) char *limit = rift_printf("time_limit_s=%g", wish->length_s);
    const char *assignments[2] = {"faults=[]", limit};
    struct rift_plan *bare = plan_source_read(wish->config, assignments, 2, 0, err);
    if (!bare)
        return NULL;
    CLEANUP(rift_free) char *entry = entry_of(wish, bare);
    rift_plan_destroy(bare);
    assignments[0] = entry;
    return plan_source_read(wish->config, assignments, 2, 0, err);
}

static void print_nodes(const json_t *result, const char *member)
{
    const char *name = NULL;
    json_t *node = NULL;
    json_object_foreach(json_object_get(result, "nodes"), name, node)
        printf("  %-8s %s%s\n", name, json_string_value(json_object_get(node, member)),
               json_is_true(json_object_get(node, "is_observed")) ? "" : "   NOT OBSERVED");
    fflush(stdout);
}

static void stop_holding(void *context)
{
    atomic_store((atomic_bool *)context, true);
}

/* Until the end or Ctrl-C: whether the fault is still felt, once a second. */
static void hold(struct fault_window *fault, int64_t end_ns, const atomic_bool *is_stopped)
{
    int64_t next = rift_clock_now() + LINE_EVERY_MS * RIFT_MS;
    while (rift_clock_now() < end_ns && !atomic_load(is_stopped)) {
        rift_clock_sleep_until(rift_clock_now() + LOOK_MS * RIFT_MS);
        if (rift_clock_now() < next)
            continue;
        next += LINE_EVERY_MS * RIFT_MS;
        json_t *seen = fault_window_observe(fault, end_ns);
        printf("  %3.0f s left, %s\n", (double)(end_ns - rift_clock_now()) / 1e9,
               json_is_true(json_object_get(seen, "observed")) ? "observed on every node"
                                                               : "not observed on every node");
        fflush(stdout);
        json_decref(seen);
    }
}

/* 0 where it was injected, observed and healed. */
static int carry_out(struct cluster *cluster, const struct rift_window *window,
                     const atomic_bool *is_stopped)
{
    struct fault_window fault;
    int64_t origin = rift_clock_now();
    bool was_observed = false, is_healed = false;
    if (fault_window_prepare(&fault, cluster, window, origin) == 0) {
        int64_t start = rift_clock_now() + LEAD_MS * RIFT_MS;
        printf("%s: %s\n", window->what.fault->name, fault.what);
        fault_window_inject(&fault, start);
        rift_clock_sleep_until(start + LOOK_MS * RIFT_MS);
        json_t *seen = fault_window_observe(&fault, start + window->length_ns);
        was_observed = json_is_true(json_object_get(seen, "observed"));
        print_nodes(seen, "observed");
        json_decref(seen);
        if (fault.error.code == RIFT_ERR_NONE)
            hold(&fault, start + window->length_ns, is_stopped);
        json_t *healed = fault_window_heal(&fault);
        is_healed = json_is_true(json_object_get(healed, "observed"));
        puts("healed");
        print_nodes(healed, "after");
        json_decref(healed);
    }
    if (fault.error.code != RIFT_ERR_NONE)
        fprintf(stderr, "rift fault: %s\n", fault.error.text);
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
    result = is_ready ? carry_out(cluster, window, &is_stopped) : -1;
    cluster_close(cluster);
    interrupt_unwatch(interrupt);
    run_hosts_release(&hosts);
    return result;
}

static int do_fault(const struct wish *wish)
{
    struct rift_error err = {.code = RIFT_ERR_NONE};
    struct rift_plan *plan = plan_of(wish, &err);
    struct rift_schedule *schedule = plan ? rift_plan_schedule(plan, &err) : NULL;
    int result = -1;
    if (schedule && schedule->count == 0)
        rift_fail(&err, RIFT_ERR_INVALID, "--for %g s is too short for a fault", wish->length_s);
    if (!schedule || schedule->count == 0)
        result = RIFT_EXIT_USAGE;
    else
        result = on_hosts(plan, &schedule->windows[0], &err);
    if (err.code != RIFT_ERR_NONE)
        fprintf(stderr, "rift fault: %s\n", err.text);
    rift_schedule_destroy(schedule);
    rift_plan_destroy(plan);
    return result < 0 ? RIFT_EXIT_HARNESS : result;
}

static int run_fault(int argc, char **argv)
{
    enum { CONFIG = 1, FOR, ISOLATE, GRUDGE, ON, OPTION };
    static const struct option known[] = {
        {"config", required_argument, NULL, CONFIG},
        {"for", required_argument, NULL, FOR},
        {"isolate", required_argument, NULL, ISOLATE},
        {"grudge", required_argument, NULL, GRUDGE},
        {"on", required_argument, NULL, ON},
        {"set", required_argument, NULL, OPTION},
        {NULL, 0, NULL, 0},
    };
    struct wish wish = {.length_s = 30};
    if (argc >= 2 && strcmp(argv[1], "list") == 0)
        return rift_command_list.run(2, (char *[]){"list", "faults", NULL});
    if (argc >= 2 && strcmp(argv[1], "status") == 0)
        return rift_heal_status(argc - 1, argv + 1);
    opterr = 0;
    optind = 1;
    for (int choice; (choice = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (choice == CONFIG)
            wish.config = optarg;
        else if (choice == FOR && read_length(optarg, &wish.length_s))
            continue;
        else if (choice == ISOLATE)
            wish.isolate = optarg;
        else if (choice == GRUDGE)
            wish.grudge = optarg;
        else if (choice == ON)
            wish.on = optarg;
        else if (choice == OPTION && strchr(optarg, '=') && wish.option_count < WORDS_MAX)
            wish.options[wish.option_count++] = optarg;
        else
            return refuse(argv[optind - 1], "there is no such option, or it lacks its value");
    }
    if (optind + 1 != argc)
        return refuse("FAULT", "name one fault; rift fault list shows them");
    if (!wish.config)
        return refuse("--config FILE", "say which hosts");
    wish.fault = argv[optind];
    return do_fault(&wish);
}

const struct rift_command rift_command_fault = {
    .name = "fault",
    .summary = "one fault by hand, held for a while and healed",
    .help =
        "usage: rift fault FAULT --config FILE [--for TIME] [--isolate NODE | --grudge KIND]\n"
        "                  [--on TARGET] [--set OPTION=VALUE ...]\n"
        "       rift fault list\n"
        "       rift fault status CONFIG | [USER@]HOST[:PORT] ... | --lab NAME\n"
        "\n"
        "Breaks the hosts that the configuration names, whatever runs on them, says what the\n"
        "nodes themselves see of it, and heals at the end or at Ctrl-C. A lab that is not up is\n"
        "brought up for it. Faults, kinds and targets are those of a configuration: rift list.\n"
        "status shows what is on now, and changes nothing.\n"
        "\n"
        "  --for TIME       30s, 2m; the default is 30s\n"
        "  --isolate NODE   of partition: this node from all others, both ways\n"
        "  --grudge KIND    of partition: halves, bridge, '{n1: [n2, n3]}'\n"
        "  --on TARGET      of faults on nodes: one, minority, primaries, '[n1, n3]'\n"
        "  --set O=V        an option of the fault: rift list faults NAME\n"
        "exit codes: 0 injected, observed and healed, 254 bad usage, 255 not so\n"
        "\n"
        "example: rift fault partition --isolate n3 --for 30s --config "
        "configs/etcd-register.yaml\n",
    .run = run_fault,
};
