/* rift doctor: are these nodes fit for this configuration? */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/wire/recipe.h"
#include "control/cli/agent_path.h"
#include "control/cli/command.h"
#include "control/cli/commands.h"
#include "control/cli/doctor_attached.h"
#include "control/cli/plan_source.h"
#include "control/run/cluster.h"
#include "control/run/doctor.h"
#include "control/run/hosts.h"
#include "control/run/interrupt.h"
#include "control/run/system.h"

enum { ASK_DEADLINE_MS = 20000, CLOCK_SETTLE_MS = 500, DISK_LOW_MB = 500 };

/* Lines "key value"; what is not found is left out. */
static const char look[] =
    "echo kernel $(uname -r) $(uname -m); "
    "echo free_kb $(df -Pk /var/lib | tail -1 | tr -s ' ' | cut -d' ' -f4); "
    "for d in /sys/class/net/*; do [ ${d##*/} = lo ] || [ \"$(cat $d/operstate)\" = down ] || "
    "echo mtu ${d##*/} $(cat $d/mtu); done; "
    "for p in /proc/[0-9]*; do read c < $p/comm && case $c in "
    "chronyd|ntpd|systemd-timesyn*|openntpd) echo time_service $c;; esac; done 2>/dev/null; "
    "command -v tc >/dev/null && tc qdisc show | while read q kind handle dev name rest; do case "
    "$kind in noqueue|pfifo_fast|fq_codel|fq|mq) ;; *) echo qdisc $name $kind;; esac; done; true";

/* The nodes are asked about once a second, first when they are connected. */
static struct rift_wall_sample wall_clock_of(struct rift_node *node)
{
    struct rift_wall_sample sample;
    int64_t until_ns = rift_clock_now() + ASK_DEADLINE_MS * RIFT_MS;
    while ((sample = rift_node_wall_clock(node)).at_ns == 0 && rift_node_is_connected(node) &&
           rift_clock_now() < until_ns)
        rift_clock_sleep_until(rift_clock_now() + 10 * RIFT_MS);
    return sample;
}

static int print_facts(struct cluster *cluster)
{
    struct cluster_reply *replies = rift_calloc(cluster->node_count, sizeof *replies);
    json_t **args = rift_calloc(cluster->node_count, sizeof(json_t *));
    json_t *same =
        json_pack("{s:[s,s,s],s:i}", "argv", "/bin/sh", "-c", look, "deadline_ms", ASK_DEADLINE_MS);
    struct rift_node_set all;
    int trouble_count = 0;
    cluster_all(cluster, &all);
    for (size_t i = 0; i < cluster->node_count; i++)
        args[i] = same;
    cluster_call(cluster, &all, "exec", args, ASK_DEADLINE_MS, replies);
    for (size_t i = 0; i < cluster->node_count; i++) {
        struct rift_wall_sample clock = wall_clock_of(cluster->nodes[i]);
        printf("%s at %s: logged in, root\n", cluster->names[i], cluster->addresses[i]);
        if (clock.at_ns > 0)
            printf("  clock      %+.3f ms from ours, within %.3f ms\n",
                   (double)clock.ahead_ns / 1e6, (double)clock.error_ns / 1e6);
        if (!replies[i].ok) {
            printf("  trouble    %s\n", replies[i].error.text);
            trouble_count++;
            continue;
        }
        CLEANUP(rift_free)
        char *said = rift_strdup(json_string_value(json_object_get(replies[i].ok, "stdout")));
        for (char *rest = said, *line; (line = strsep(&rest, "\n"));) {
            char *value = line + strcspn(line, " ");
            value += *value == ' ';
            if (strncmp(line, "kernel", 6) == 0)
                printf("  kernel     %s\n", value);
            else if (strncmp(line, "free_kb", 7) == 0)
                printf("  disk       %.1f GB free%s\n", strtod(value, NULL) / 1e6,
                       strtod(value, NULL) < DISK_LOW_MB * 1e3 ? ", which is little" : "");
            else if (strncmp(line, "mtu", 3) == 0)
                printf("  MTU        %s\n", value);
            else if (strncmp(line, "time_service", 12) == 0)
                printf("  note       %s runs, and works against faults of the clock\n", value);
            else if (strncmp(line, "qdisc", 5) == 0)
                printf("  note       a queueing discipline is there already: %s\n", value);
        }
    }
    cluster_replies_free(replies, cluster->node_count);
    json_decref(same);
    free(replies);
    free(args);
    return trouble_count;
}

struct survey {
    const json_t *shown; /* options */
    int refusal_count;
};

/* Those that are not as they are unless given. */
static json_t *options_given(const struct rift_fault_variant *what)
{
    json_t *given = json_copy((json_t *)what->options);
    for (const struct rift_option *option = what->fault->options; option && option->name;
         option++) {
        const json_t *value = json_object_get(given, option->name);
        json_t *fallback =
            option->fallback ? json_loads(option->fallback, JSON_DECODE_ANY, NULL) : NULL;
        const char *text = json_string_value(value);
        bool is_same = json_is_number(value) && json_is_number(fallback)
                           ? json_number_value(value) == json_number_value(fallback)
                           : json_equal((json_t *)value, fallback);
        if (is_same || (text && option->fallback && strcmp(text, option->fallback) == 0))
            json_object_del(given, option->name);
        json_decref(fallback);
    }
    return given;
}

static void print_answer(void *context, const struct doctor_answer *answer)
{
    struct survey *survey = context;
    if (survey->shown != answer->what->options) {
        json_t *given = options_given(answer->what);
        CLEANUP(rift_free) char *options = json_dumps(given, JSON_COMPACT);
        json_decref(given);
        bool has_options = options && strcmp(options, "{}") != 0;
        printf("%s%s%s\n", answer->what->fault->name, has_options ? " " : "",
               has_options ? options : "");
        survey->shown = answer->what->options;
    }
    survey->refusal_count += !answer->can;
    if (answer->can)
        printf("  %-10s can%s%s%s%s\n", answer->node, answer->backend[0] ? ", by " : "",
               answer->backend, answer->end[0] ? "; its end: " : "", answer->end);
    else
        printf("  %-10s CANNOT: %s\n", answer->node, answer->why);
}

static int examine(const struct rift_plan *plan, const struct rift_schedule *schedule,
                   const struct run_hosts *hosts, struct rift_error *err)
{
    struct cluster *cluster =
        cluster_open(hosts->settings, plan->host_count, plan->host_names, err);
    if (!cluster || system_attach(cluster, plan, err) != 0) {
        cluster_close(cluster);
        return -1;
    }
    struct survey survey = {.shown = NULL};
    /* The first answers of a clock are its worst. */
    rift_clock_sleep_until(rift_clock_now() + CLOCK_SETTLE_MS * RIFT_MS);
    int trouble_count = print_facts(cluster);
    trouble_count += (int)doctor_print_attached(cluster, plan, ASK_DEADLINE_MS);
    doctor_ask_each(cluster, schedule, ASK_DEADLINE_MS, print_answer, &survey);
    int removed = system_remove(cluster, plan, err);
    cluster_close(cluster);
    if (removed != 0)
        return -1;
    trouble_count += survey.refusal_count;
    if (trouble_count)
        printf("not fit: %d trouble%s\n", trouble_count, trouble_count == 1 ? "" : "s");
    else
        puts("fit");
    return trouble_count ? RIFT_EXIT_HARNESS : RIFT_EXIT_VALID;
}

static int doctor_plan(const struct rift_plan *plan, struct rift_error *err)
{
    CLEANUP(rift_free) char *agent = agent_path_beside_program();
    CLEANUP(rift_arena_finish) struct rift_arena arena = {NULL, 0, 0};
    struct run_hosts hosts = {NULL};
    struct rift_recipe *recipe = NULL;
    struct rift_schedule *schedule = rift_plan_schedule(plan, err);
    int result = schedule ? 0 : -1;
    if (result == 0 && plan->recipe) {
        recipe = rift_recipe_from_json(plan->recipe, &arena, err);
        result = recipe ? 0 : -1;
    }
    if (result == 0)
        result = run_hosts_find(&hosts, plan, recipe ? recipe->packages : NULL, agent, err);
    /* A lab that was brought up for this goes in any case. */
    bool is_own_lab = hosts.lab_to_take_down != NULL;
    if (is_own_lab)
        interrupt_defer();
    if (result == 0)
        result = examine(plan, schedule, &hosts, err);
    run_hosts_release(&hosts);
    if (is_own_lab && interrupt_deferred())
        result = rift_fail(err, RIFT_ERR_CANCELLED, "stopped by the user");
    rift_schedule_destroy(schedule);
    if (recipe)
        rift_recipe_finish(recipe);
    return result;
}

static int run_doctor(int argc, char **argv)
{
    struct rift_error err = {.code = RIFT_ERR_NONE};
    if (argc != 2 || argv[1][0] == '-') {
        fprintf(stderr, "rift doctor: give one configuration; rift doctor --help tells more\n");
        return RIFT_EXIT_USAGE;
    }
    struct rift_plan *plan = plan_source_read(argv[1], NULL, 0, 0, &err);
    if (!plan) {
        fprintf(stderr, "rift doctor: %s\n", err.text);
        return RIFT_EXIT_USAGE;
    }
    int result = doctor_plan(plan, &err);
    rift_plan_destroy(plan);
    if (result < 0)
        fprintf(stderr, "rift doctor: %s\n", err.text);
    return result < 0 ? RIFT_EXIT_HARNESS : result;
}

const struct rift_command rift_command_doctor = {
    .name = "doctor",
    .summary = "can these nodes do what this configuration plans?",
    .help = "usage: rift doctor CONFIG\n"
            "\n"
            "Logs in to every node, shows what it is, and tries each planned fault for real, on\n"
            "nobody: a probe is undone at once. A lab that is not up is brought up for it.\n"
            "Says of each fault what does it on that node and how its end is assured there.\n"
            "exit codes: 0 fit, 254 bad configuration, 255 a node cannot be reached, cannot do a\n"
            "fault, or does not run the system that the configuration attaches to\n"
            "\n"
            "example: rift doctor configs/etcd-register.yaml\n",
    .run = run_doctor,
};
