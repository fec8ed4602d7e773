/* A run, phase by phase: the table of phases before the main one, the main one with its faults, and
 * what always follows, in reverse. */
#include "control/run/run.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/client.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/wire/recipe.h"
#include "control/cli/command.h"
#include "control/run/cluster.h"
#include "control/run/doctor.h"
#include "control/run/healthy.h"
#include "control/run/hosts.h"
#include "control/run/interrupt.h"
#include "control/run/judge.h"
#include "control/run/live.h"
#include "control/run/main_phase.h"
#include "control/run/run_directory.h"
#include "control/run/stop.h"
#include "control/run/system.h"

enum { RUN_PROBE_DEADLINE_MS = 10000 };

struct run {
    const struct run_request *request;
    const struct rift_plan *plan;
    char *directory;
    struct rift_schedule *schedule;
    const struct rift_client *client;
    struct rift_arena arena;
    struct rift_recipe *recipe; /* NULL for a plan without a system */
    struct run_hosts hosts;
    struct cluster *cluster;
    struct rift_client_config *configs; /* of the client, one a node */
    struct live *live;
    struct run_stop stop;
    struct interrupt *interrupt;
    struct main_phase_result result;
    bool is_system_installed;
};

static int run_read_recipe(struct run *run, struct rift_error *err)
{
    if (!run->plan->recipe)
        return 0;
    run->recipe = rift_recipe_from_json(run->plan->recipe, &run->arena, err);
    return run->recipe ? 0 : rift_wrap(err, "recipe of %s", run->plan->system.name);
}

/* What can be found out without a host. */
static int run_prepare(struct run *run, struct rift_error *err)
{
    const struct rift_plan *plan = run->plan;
    run->client = rift_client_find(plan->client.name);
    if (!run->client)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "this build has no client '%s'",
                         plan->client.name);
    run->schedule = rift_plan_schedule(plan, err);
    if (!run->schedule || run_read_recipe(run, err) != 0 || system_check_secrets(plan, err) != 0)
        return -1;
    if (access(run->request->agent_binary, R_OK) != 0)
        return rift_fail(err, RIFT_ERR_MISSING, "there is no agent at %s; build it first",
                         run->request->agent_binary);
    return run_hosts_find(&run->hosts, plan, run->recipe ? run->recipe->packages : NULL,
                          run->request->agent_binary, err);
}

/* From the name of the run directory, in the letters that every system takes in a name. */
static const char *run_id_of(struct run *run)
{
    const char *time = strrchr(run->directory, '/');
    char *id = rift_arena_printf(&run->arena, "r%s", time ? time + 1 : run->directory);
    for (char *c = id; *c; c++)
        *c = isalnum((unsigned char)*c) ? (char)tolower((unsigned char)*c) : '_';
    return id;
}

static int run_connect(struct run *run, struct rift_error *err)
{
    const struct rift_plan *plan = run->plan;
    live_phase(run->live, "connecting to %zu host%s", plan->host_count,
               plan->host_count == 1 ? "" : "s");
    for (size_t i = 0; i < plan->host_count; i++) {
        run->hosts.settings[i].run = plan->name;
        run->hosts.settings[i].on_event = run_stop_on_node_event;
        run->hosts.settings[i].event_context = &run->stop;
    }
    run->cluster = cluster_open(run->hosts.settings, plan->host_count, plan->host_names, err);
    if (!run->cluster)
        return -1;
    const char *id = run_id_of(run);
    run->configs = rift_arena_calloc(&run->arena, plan->host_count, sizeof *run->configs);
    for (size_t i = 0; i < plan->host_count; i++)
        run->configs[i] = (struct rift_client_config){
            .node = plan->host_names[i],
            .address = run->cluster->addresses[i],
            .all_addresses = run->cluster->addresses,
            .run_id = id,
            .options = plan->client.options,
        };
    return 0;
}

static int run_doctor(struct run *run, struct rift_error *err)
{
    if (run->schedule->count == 0)
        return 0;
    if (system_attach(run->cluster, run->plan, err) != 0)
        return -1;
    live_phase(run->live, "asking every host whether it can do every fault");
    return doctor_ask(run->cluster, run->schedule, RUN_PROBE_DEADLINE_MS, err);
}

static int run_install(struct run *run, struct rift_error *err)
{
    if (!run->recipe)
        return 0;
    live_phase(run->live, "%s %s", run->plan->attach ? "attaching to" : "installing",
               run->plan->system.name);
    run->is_system_installed = true;
    return system_install(run->cluster, run->plan, err);
}

static int run_start_system(struct run *run, struct rift_error *err)
{
    if (!run->recipe)
        return 0;
    live_phase(run->live, "starting %s", run->plan->system.name);
    return system_start(run->cluster, run->plan, err);
}

static int run_wait_healthy(struct run *run, struct rift_error *err)
{
    live_phase(run->live, "waiting until every node serves clients");
    return healthy_wait(run->client, run->configs, run->plan->host_count, run->plan->op_timeout_ms,
                        run->plan->deadlines.healthy_ms, &run->stop.is_asked, err);
}

static int run_main(struct run *run, struct rift_error *err)
{
    struct main_phase phase = {
        .plan = run->plan,
        .schedule = run->schedule,
        .client = run->client,
        .configs = run->configs,
        .cluster = run->cluster,
        .live = run->live,
        .stop = &run->stop,
        .directory = run->directory,
    };
    return main_phase_run(&phase, &run->result, err);
}

/* Until the system is installed, trouble may be the configuration's fault: a fault that no host can
 * do, a key or a package that is not there. After that it is the harness' or the system's. */
static const struct {
    int (*go)(struct run *run, struct rift_error *err);
    bool may_be_configuration;
} run_steps[] = {
    {run_connect, true},       {run_doctor, true},        {run_install, true},
    {run_start_system, false}, {run_wait_healthy, false}, {run_main, false},
};

/* Stops the system, fetches its logs, removes it, lets the agents go. Nothing in here fails the
 * run. */
static void run_clean_up(struct run *run)
{
    struct rift_error err = {0};
    if (run->cluster && run->is_system_installed) {
        live_phase(run->live, "%s %s and fetching its logs",
                   run->plan->attach ? "leaving" : "stopping", run->plan->system.name);
        if (system_stop(run->cluster, run->plan, &err) != 0)
            rift_log(RIFT_LOG_WARNING, "stop %s: %s", run->plan->system.name, err.text);
        CLEANUP(rift_free) char *folder = rift_printf("%s/nodes", run->directory);
        system_fetch_logs(run->cluster, run->plan, folder);
    }
    if (run->cluster && system_remove(run->cluster, run->plan, &err) != 0)
        rift_log(RIFT_LOG_WARNING, "remove %s: %s", run->plan->system.name, err.text);
    cluster_close(run->cluster);
    run->cluster = NULL;
    run_hosts_release(&run->hosts);
}

static json_t *run_describe(const struct run *run, int64_t started_wall_ns)
{
    const struct rift_plan *plan = run->plan;
    time_t seconds = started_wall_ns / RIFT_SECOND;
    struct tm utc;
    char started[32];
    gmtime_r(&seconds, &utc);
    strftime(started, sizeof started, "%Y-%m-%dT%H:%M:%SZ", &utc);
    json_t *described = main_phase_describe(&run->result);
    json_t *of_plan = judge_describe_plan(plan);
    json_object_update(described, of_plan);
    json_decref(of_plan);
    json_object_set_new(described, "started", json_string(started));
    json_object_set_new(described, "command", json_string(run->request->command));
    return described;
}

/* Returns the exit code of the verdict. */
static int run_judge(struct run *run, int64_t started_wall_ns)
{
    struct rift_error err = {0};
    enum rift_validity validity = RIFT_UNKNOWN;
    live_phase(run->live, "judging the history");
    json_t *described = run_describe(run, started_wall_ns);
    const struct judge_request request = {.directory = run->directory,
                                          .plan = run->plan,
                                          .program = run->request->program,
                                          .budget = judge_budget(run->plan)};
    json_t *verdicts = judge_run(&request, described, &validity, &err);
    json_decref(described);
    live_stop(run->live);
    run->live = NULL;
    if (!verdicts) {
        fprintf(stderr, "rift: the history cannot be judged: %s\n", err.text);
        return RIFT_EXIT_HARNESS;
    }
    judge_publish(run->directory, verdicts, validity);
    json_decref(verdicts);
    return rift_validity_exit_code(validity);
}

/* What the user can mend in the configuration, told apart from what went wrong. */
static int run_blame(const struct rift_error *err)
{
    switch (err->code) {
    case RIFT_ERR_INVALID:
    case RIFT_ERR_UNSUPPORTED:
    case RIFT_ERR_MISSING:
        return RIFT_EXIT_USAGE;
    default:
        return RIFT_EXIT_HARNESS;
    }
}

static int run_go(struct run *run)
{
    struct rift_error err = {0};
    int64_t started_wall_ns = rift_clock_wall();
    int result = 0, blame = RIFT_EXIT_HARNESS;
    for (size_t i = 0; i < sizeof run_steps / sizeof *run_steps && result == 0; i++) {
        if (run_stop_is_asked(&run->stop))
            result = rift_fail(&err, RIFT_ERR_CANCELLED, "stopped before the main phase");
        else
            result = run_steps[i].go(run, &err);
        if (result != 0 && run_steps[i].may_be_configuration)
            blame = run_blame(&err);
    }
    run_clean_up(run);
    int code = run->result.has_history ? run_judge(run, started_wall_ns) : RIFT_EXIT_VALID;
    live_stop(run->live);
    run->live = NULL;
    if (result == 0)
        return code;
    rift_log(RIFT_LOG_INFO, "the run failed: %s", err.text);
    fprintf(stderr, "rift: %s\n", err.text);
    /* A violation found before the harness failed is a violation. */
    return code == RIFT_EXIT_INVALID ? code : blame;
}

static int run_open_directory(struct run *run, struct rift_error *err)
{
    run->directory = run_directory_create(run->request->runs_folder, run->plan->name, err);
    if (!run->directory)
        return -1;
    CLEANUP(rift_free) char *log = rift_printf("%s/rift.log", run->directory);
    if (rift_log_open(log) != 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "open %s", log);
    CLEANUP(rift_free) char *plan = rift_printf("%s/plan.yaml", run->directory);
    return rift_plan_write(run->plan, plan, err);
}

int run_test(const struct run_request *request)
{
    struct run run = {.request = request, .plan = request->plan};
    struct rift_error err = {0};
    int code = RIFT_EXIT_VALID;
    if (run_open_directory(&run, &err) != 0 || run_prepare(&run, &err) != 0) {
        code = run_blame(&err);
        fprintf(stderr, "rift: %s\n", err.text);
        run_hosts_release(&run.hosts);
    } else {
        run_stop_init(&run.stop, run.plan->stop_on);
        run.interrupt = interrupt_watch(run_stop_by_user, &run.stop);
        run.live = live_start(request->is_quiet);
        code = run_go(&run);
        interrupt_unwatch(run.interrupt);
        run_stop_finish(&run.stop);
    }
    rift_schedule_destroy(run.schedule);
    rift_recipe_finish(run.recipe);
    rift_log_open(NULL);
    free(run.directory);
    rift_arena_finish(&run.arena);
    return code;
}
