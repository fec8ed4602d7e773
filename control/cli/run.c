/* rift run: one test, from its configuration to its verdict. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"
#include "control/cli/agent_path.h"
#include "control/cli/command.h"
#include "control/cli/commands.h"
#include "control/cli/lasting_path.h"
#include "control/cli/plan_source.h"
#include "control/run/run.h"
#include "workloads/workload.h"

enum { ASSIGNMENTS_MAX = 64 };

struct run_options {
    const char *config;
    const char *runs_folder;
    const char *assignments[ASSIGNMENTS_MAX];
    size_t assignment_count;
    uint64_t seed;
    bool is_dry, prints_schedule, is_quiet;
};

static int refuse(const char *what, const char *why)
{
    fprintf(stderr, "rift run: %s: %s; rift run --help tells more\n", what, why);
    return RIFT_EXIT_USAGE;
}

static int read_seed(const char *text, uint64_t *seed)
{
    char *end = NULL;
    errno = 0;
    *seed = strtoull(text, &end, 10);
    return errno == 0 && *text != '-' && *text != '\0' && *end == '\0' && *seed > 0 ? 0 : -1;
}

static int read_options(int argc, char **argv, struct run_options *options)
{
    enum { DRY = 1, SCHEDULE, SEED, SET, RUNS, QUIET };
    static const struct option known[] = {
        {"dry-run", no_argument, NULL, DRY},
        {"schedule", no_argument, NULL, SCHEDULE},
        {"seed", required_argument, NULL, SEED},
        {"set", required_argument, NULL, SET},
        {"runs", required_argument, NULL, RUNS},
        {"quiet", no_argument, NULL, QUIET},
        {NULL, 0, NULL, 0},
    };
    *options = (struct run_options){.runs_folder = "runs"};
    opterr = 0;
    optind = 1;
    for (int choice; (choice = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (choice == DRY)
            options->is_dry = true;
        else if (choice == SCHEDULE)
            options->prints_schedule = true;
        else if (choice == QUIET)
            options->is_quiet = true;
        else if (choice == RUNS)
            options->runs_folder = optarg;
        else if (choice == SEED && read_seed(optarg, &options->seed) != 0)
            return refuse(optarg, "a seed is a number of 1 or more");
        else if (choice == SET && options->assignment_count == ASSIGNMENTS_MAX)
            return refuse(optarg, "one --set too many");
        else if (choice == SET)
            options->assignments[options->assignment_count++] = optarg;
        else if (choice == '?')
            return refuse(argv[optind - 1], "there is no such option, or it lacks its value");
    }
    if (argc - optind != 1)
        return refuse("CONFIG", "one configuration must be given");
    if (options->prints_schedule && !options->is_dry)
        return refuse("--schedule", "goes with --dry-run");
    options->config = argv[optind];
    return 0;
}

/* As a word for a shell. */
static void append_quoted(struct rift_text *text, const char *word)
{
    rift_text_append(text, "'");
    for (const char *c = word; *c; c++)
        rift_text_printf(text, *c == '\'' ? "'\\''" : "%c", *c);
    rift_text_append(text, "'");
}

/* The command that repeats this run: the seed is the one that was drawn. */
static char *command_of(const struct run_options *options, const struct rift_plan *plan)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";
    CLEANUP(rift_free) char *config = lasting_path(options->config);
    struct rift_text text = {0};
    rift_text_append(&text, "rift run ");
    if (config[strspn(config, plain)] == '\0')
        rift_text_append(&text, config);
    else
        append_quoted(&text, config);
    rift_text_printf(&text, " --seed %llu", (unsigned long long)plan->seed);
    for (size_t i = 0; i < options->assignment_count; i++) {
        rift_text_append(&text, " --set ");
        append_quoted(&text, options->assignments[i]);
    }
    return rift_text_take(&text);
}

/* What can never come is refused. With another seed a fault may come; who plans it must not believe
 * that it was tried. */
static int check_faults(const struct rift_plan *plan, const struct run_options *options)
{
    struct rift_error err = {0};
    const char *changed =
        options->assignment_count ? "; with --set (the line is that of the changed file)" : "";
    if (rift_plan_check_windows(plan, options->config, &err) != 0) {
        fprintf(stderr, "rift run: %s%s\n", err.text, changed);
        return RIFT_EXIT_USAGE;
    }
    struct rift_schedule *schedule = rift_plan_schedule(plan, &err);
    if (!schedule) {
        fprintf(stderr, "rift run: %s: %s\n", options->config, err.text);
        return RIFT_EXIT_USAGE;
    }
    for (size_t i = 0; i < plan->fault_count; i++)
        if (!rift_schedule_has(schedule, i))
            fprintf(stderr,
                    "rift run: faults, entry %zu (lane %s): no window of it fits between its "
                    "start, the end and quiet times, so it does not come with this seed, and the "
                    "run cannot be valid\n",
                    i + 1, plan->faults[i].lane);
    struct rift_text CLEANUP(rift_text_finish) text = {0};
    enum rift_plan_clash clash = rift_plan_find_clash(plan, schedule, options->config, &text);
    if (clash != RIFT_PLAN_CLASH_NONE)
        fprintf(stderr, "rift run: %s%s%s\n", text.data, changed,
                clash == RIFT_PLAN_CLASH_WITH_SEED
                    ? "; it is so with this seed, and the run cannot be valid"
                    : "");
    rift_schedule_destroy(schedule);
    return clash == RIFT_PLAN_CLASH_ALWAYS ? RIFT_EXIT_USAGE : 0;
}

static int print_plan(const struct run_options *options, const struct rift_plan *plan)
{
    struct rift_error err = {0};
    if (options->prints_schedule) {
        if (rift_workload_print_schedule(plan, stdout, &err) == 0)
            return RIFT_EXIT_VALID;
        fprintf(stderr, "rift run: %s\n", err.text);
        return RIFT_EXIT_USAGE;
    }
    struct rift_text text = {0};
    rift_plan_print(plan, &text);
    fputs(text.data, stdout);
    rift_text_finish(&text);
    return RIFT_EXIT_VALID;
}

static int run_command(int argc, char **argv)
{
    struct run_options options;
    int refused = read_options(argc, argv, &options);
    if (refused != 0)
        return refused;
    struct rift_error err = {0};
    struct rift_plan *plan = plan_source_read(options.config, options.assignments,
                                              options.assignment_count, options.seed, &err);
    if (!plan) {
        fprintf(stderr, "rift run: %s\n", err.text);
        return RIFT_EXIT_USAGE;
    }
    int code = check_faults(plan, &options);
    if (code != 0) {
        /* It is said. */
    } else if (!plan->workload.name) {
        fprintf(stderr, "rift run: %s: 'workload' is missing: what is asked; rift list workloads\n",
                options.config);
        code = RIFT_EXIT_USAGE;
    } else if (options.is_dry) {
        code = print_plan(&options, plan);
    } else {
        CLEANUP(rift_free) char *command = command_of(&options, plan);
        CLEANUP(rift_free) char *agent = agent_path_beside_program();
        struct run_request request = {
            .plan = plan,
            .runs_folder = options.runs_folder,
            .command = command,
            .agent_binary = agent,
            .program = "/proc/self/exe",
            .is_quiet = options.is_quiet,
        };
        code = run_test(&request);
    }
    rift_plan_destroy(plan);
    return code;
}

const struct rift_command rift_command_run = {
    .name = "run",
    .summary = "run one test: break the system, watch its clients, judge what they saw",
    .help =
        "usage: rift run CONFIG [OPTIONS]\n"
        "\n"
        "  --dry-run          print the frozen plan and do nothing\n"
        "  --schedule         with --dry-run: print every operation and fault that the seed fixes\n"
        "  --seed N           another seed than the configuration's\n"
        "  --set PATH=VALUE   replace a value of the configuration, again and again\n"
        "  --runs FOLDER      where run directories are made (runs)\n"
        "  --quiet            no progress on stderr\n"
        "\n"
        "Ctrl-C heals, saves and judges what there is; a second one ends at once.\n"
        "exit codes: 0 valid, 1 invalid, 2 unknown, 254 bad configuration, 255 the harness failed\n"
        "\n"
        "example: rift run configs/etcd-register.yaml --seed 7 --set time_limit_s=30\n",
    .run = run_command,
};
