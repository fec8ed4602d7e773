/* rift shell: faults by hand on hosts that stay connected. Each line starts one, shows what is on,
 * or heals; what is on is healed at its end, at "quit", at the end of input and at Ctrl-C. */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "common/wire/recipe.h"
#include "control/cli/agent_path.h"
#include "control/cli/command.h"
#include "control/cli/commands.h"
#include "control/cli/fault_print.h"
#include "control/cli/fault_wish.h"
#include "control/cli/length.h"
#include "control/cli/plan_source.h"
#include "control/run/cluster.h"
#include "control/run/doctor.h"
#include "control/run/fault_look.h"
#include "control/run/fault_window.h"
#include "control/run/hosts.h"
#include "control/run/interrupt.h"
#include "control/run/lead.h"
#include "control/run/system.h"
#include "nemesis/fault.h"

enum {
    LEAD_MS = 200,
    LOOK_MS = 50,
    PROBE_DEADLINE_MS = 20000,
    ROLE_DEADLINE_MS = 1000,
    FAULTS_MAX = 16,
    LINE_BYTES_MAX = 1000,
    WORDS_MAX = 64,
};

/* A fault that is on. */
struct held {
    bool is_used;
    struct rift_plan *plan;
    struct rift_schedule *schedule;
    struct rift_window window;
    struct fault_window fault;
    int64_t end_ns;
};

struct shell {
    const char *config;
    const struct rift_plan *plan;
    struct cluster *cluster;
    bool starts_system;
    struct lead lead;
    struct held held[FAULTS_MAX];
    unsigned window_count;
    int64_t origin_ns;
    int interrupt_fd;
    bool is_over;
    bool has_failed; /* a line was refused, or a fault not injected, not observed or not healed */
    char line[LINE_BYTES_MAX + 1];
    size_t line_length;
};

static void complain(struct shell *shell, const char *text)
{
    printf("%s\n", text);
    shell->has_failed = true;
}

static void forget(struct held *held)
{
    fault_window_finish(&held->fault);
    rift_schedule_destroy(held->schedule);
    rift_plan_destroy(held->plan);
    *held = (struct held){.is_used = false};
}

static void heal(struct shell *shell, struct held *held)
{
    CLEANUP(rift_free) char *name = rift_printf("%s ", held->fault.id);
    size_t count = 0;
    for (size_t i = 0; i < FAULTS_MAX; i++)
        count += shell->held[i].is_used;
    bool is_well = fault_print_end(&held->fault, name, count == 1);
    if (held->fault.error.code != RIFT_ERR_NONE)
        complain(shell, held->fault.error.text);
    shell->has_failed |= !is_well;
    forget(held);
}

static void heal_all(struct shell *shell)
{
    for (size_t i = 0; i < FAULTS_MAX; i++)
        if (shell->held[i].is_used)
            heal(shell, &shell->held[i]);
}

static void heal_ended(struct shell *shell)
{
    for (size_t i = 0; i < FAULTS_MAX; i++)
        if (shell->held[i].is_used && shell->held[i].end_ns <= rift_clock_now())
            heal(shell, &shell->held[i]);
}

/* When the next one ends; far away where none is on. */
static int64_t next_end(const struct shell *shell)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < FAULTS_MAX; i++)
        if (shell->held[i].is_used && shell->held[i].end_ns < next)
            next = shell->held[i].end_ns;
    return next;
}

static void look(struct shell *shell, struct held *held)
{
    json_t *seen = fault_window_observe(&held->fault, held->end_ns);
    fault_print_nodes(seen, "observed");
    shell->has_failed |= !json_is_true(json_object_get(seen, "observed"));
    json_decref(seen);
}

/* Of the shell's own hosts. */
static int read_wish(const struct shell *shell, struct fault_wish *wish, int argc, char **argv,
                     struct rift_error *err)
{
    if (fault_wish_read(wish, argc, argv, err) < 0)
        return -1;
    if (wish->config != shell->config)
        return rift_fail(err, RIFT_ERR_INVALID,
                         "--config has no place here: the hosts are those of %s", shell->config);
    return 0;
}

/* So that it can be changed later, unless it says otherwise itself. */
static void let_change(struct fault_wish *wish)
{
    static const char word[] = "changeable";
    const struct rift_fault *fault = rift_fault_find(wish->fault);
    for (size_t i = 0; i < wish->option_count; i++)
        if (strncmp(wish->options[i], word, strlen(word)) == 0)
            return;
    if (fault && fault->can_change && wish->option_count < FAULT_WISH_OPTIONS_MAX)
        wish->options[wish->option_count++] = "changeable=true";
}

/* Can they do it? Not asked while another fault is on, which a trial might undo: then a refusal
 * comes when it is injected. */
static int ask_nodes(struct shell *shell, struct held *held)
{
    for (size_t i = 0; i < FAULTS_MAX; i++)
        if (shell->held[i].is_used && &shell->held[i] != held)
            return 0;
    return doctor_ask_now(shell->cluster, &held->window.what, &held->fault.resolved,
                          PROBE_DEADLINE_MS, &held->fault.error);
}

/* Starts the fault that the words name, each time with another seed, so that "random" is. */
static void start(struct shell *shell, int argc, char **argv)
{
    struct rift_error err = {.code = RIFT_ERR_NONE};
    struct fault_wish wish = {.config = shell->config, .system_was_started = shell->starts_system};
    struct held *held = shell->held;
    while (held < shell->held + FAULTS_MAX && held->is_used)
        held++;
    if (held == shell->held + FAULTS_MAX) {
        complain(shell, "too many faults are on; heal one first");
        return;
    }
    uint64_t seed = shell->plan->seed + shell->window_count;
    if (read_wish(shell, &wish, argc, argv, &err) == 0)
        let_change(&wish);
    if (err.code != RIFT_ERR_NONE ||
        fault_wish_plan(&wish, seed, &held->plan, &held->schedule, &err) < 0) {
        complain(shell, err.text);
        *held = (struct held){.is_used = false};
        return;
    }
    held->is_used = true;
    held->window = held->schedule->windows[0];
    held->window.number = ++shell->window_count;
    if (fault_window_prepare(&held->fault, shell->cluster, &held->window, shell->origin_ns) < 0 ||
        ask_nodes(shell, held) < 0) {
        complain(shell, held->fault.error.text);
        forget(held);
        return;
    }
    int64_t start_ns = rift_clock_now() + LEAD_MS * RIFT_MS + lead_of(&shell->lead, shell->cluster);
    held->end_ns = start_ns + (int64_t)(wish.length_s * 1e9);
    lead_learn(&shell->lead, fault_window_inject(&held->fault, start_ns));
    rift_clock_sleep_until(start_ns + LOOK_MS * RIFT_MS + lead_clock_error(shell->cluster));
    bool is_on = held->fault.error.code == RIFT_ERR_NONE;
    CLEANUP(rift_free) char *length = rift_printf(" on for %g s:", wish.length_s);
    printf("%s%s %s: %s\n", held->fault.id, is_on ? length : "", wish.fault, held->fault.what);
    look(shell, held);
    /* A node refused it: it is on nowhere. */
    if (!is_on)
        heal(shell, held);
}

/* The options that the fault has now, behind those of the wish, which go before them. What was made
 * for it is the caller's: texts[] ends with NULL. */
static void add_present_options(struct fault_wish *wish, const json_t *options,
                                char *texts[FAULT_WISH_OPTIONS_MAX + 1])
{
    const char *name;
    json_t *value;
    size_t count = 0, wished = wish->option_count;
    json_object_foreach((json_t *)options, name, value)
    {
        size_t i = 0, length = strlen(name);
        while (i < wished &&
               (strncmp(wish->options[i], name, length) != 0 || wish->options[i][length] != '='))
            i++;
        if (i < wished || wish->option_count == FAULT_WISH_OPTIONS_MAX)
            continue;
        CLEANUP(rift_free) char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        texts[count] = rift_printf("%s=%s", name, text ? text : "");
        wish->options[wish->option_count++] = texts[count++];
    }
    texts[count] = NULL;
}

/* Goes on with other options: they are read as if the fault began with them. */
static void change(struct shell *shell, struct held *held, int argc, char **argv)
{
    struct rift_error err = {.code = RIFT_ERR_NONE};
    struct fault_wish wish = {.config = shell->config};
    struct rift_plan *plan = NULL;
    struct rift_schedule *schedule = NULL;
    char *texts[FAULT_WISH_OPTIONS_MAX + 1] = {NULL};
    const struct rift_window *window = held->fault.window;
    if (!window->what.fault->can_change) {
        rift_fail(&err, RIFT_ERR_UNSUPPORTED, "%s cannot be changed while it is on: heal it",
                  window->what.fault->name);
        complain(shell, err.text);
        return;
    }
    argv[1] = (char *)window->what.fault->name;
    if (read_wish(shell, &wish, argc, argv, &err) == 0 &&
        (wish.option_count == 0 || wish.isolate || wish.grudge || wish.on))
        rift_fail(&err, RIFT_ERR_INVALID, "change takes --set OPTION=VALUE, and nothing else");
    if (err.code == RIFT_ERR_NONE) {
        add_present_options(&wish, window->what.options, texts);
        fault_wish_plan(&wish, shell->plan->seed, &plan, &schedule, &err);
    }
    for (char **text = texts; *text; text++)
        free(*text);
    if (err.code != RIFT_ERR_NONE) {
        complain(shell, err.text);
        return;
    }
    held->fault.error.code = RIFT_ERR_NONE;
    fault_window_change(&held->fault, schedule->windows[0].what.options);
    rift_schedule_destroy(schedule);
    rift_plan_destroy(plan);
    bool is_refused = held->fault.error.code != RIFT_ERR_NONE;
    if (is_refused)
        complain(shell, held->fault.error.text);
    held->fault.error.code = RIFT_ERR_NONE; /* it is on, as before or on some nodes */
    rift_clock_sleep_until(rift_clock_now() + LOOK_MS * RIFT_MS);
    printf("%s %s: %s\n", held->fault.id, is_refused ? "not changed on every node" : "changed",
           held->fault.what);
    look(shell, held);
}

static void show_status(struct shell *shell)
{
    bool is_none = true;
    for (size_t i = 0; i < FAULTS_MAX; i++) {
        struct held *held = &shell->held[i];
        if (!held->is_used)
            continue;
        is_none = false;
        printf("%s %.1f s left: %s: %s\n", held->fault.id,
               (double)(held->end_ns - rift_clock_now()) / 1e9, held->window.what.fault->name,
               held->fault.what);
        look(shell, held);
    }
    if (is_none)
        puts("no fault is on");
}

static void show_nodes(struct shell *shell)
{
    struct rift_node_set primaries = cluster_primaries(shell->cluster, ROLE_DEADLINE_MS);
    for (size_t i = 0; i < shell->cluster->node_count; i++)
        printf("  %-8s %-40s %s%s\n", shell->cluster->names[i], shell->cluster->addresses[i],
               rift_node_is_connected(shell->cluster->nodes[i]) ? "connected" : "NOT CONNECTED",
               rift_node_set_has(&primaries, i) ? ", leads" : "");
}

/* NULL, and said so, where there is none. */
static struct held *held_named(struct shell *shell, const char *id)
{
    for (size_t i = 0; id && i < FAULTS_MAX; i++)
        if (shell->held[i].is_used && strcmp(shell->held[i].fault.id, id) == 0)
            return &shell->held[i];
    printf("no fault %s is on; status shows them\n", id ? id : "of no name");
    shell->has_failed = true;
    return NULL;
}

/* Until the time is over, or with no time until nothing is on; faults end meanwhile. */
static void wait_for(struct shell *shell, const char *text)
{
    double length_s = 0;
    if (text && !read_length(text, &length_s)) {
        printf("wait: %s is no length of time such as 5s\n", text);
        shell->has_failed = true;
        return;
    }
    int64_t until = text ? rift_clock_now() + (int64_t)(length_s * 1e9) : INT64_MAX;
    while (!shell->is_over) {
        int64_t next = next_end(shell) < until ? next_end(shell) : until;
        struct pollfd interrupt = {.fd = shell->interrupt_fd, .events = POLLIN};
        if (next == INT64_MAX)
            return;
        if (poll(&interrupt, 1, rift_clock_poll_ms(next)) > 0)
            shell->is_over = true;
        heal_ended(shell);
        if (rift_clock_now() >= until)
            return;
    }
}

static void print_help(void)
{
    puts("FAULT [--for TIME] [--isolate NODE | --grudge KIND] [--on TARGET] [--set OPTION=VALUE "
         "...]\n"
         "            starts a fault, for 30s unless said otherwise: partition --isolate n3\n"
         "list [FAULT] the faults, or the options of one\n"
         "nodes       the hosts, and which of them leads\n"
         "status      what is on, and what the nodes see of it\n"
         "change ID --set OPTION=VALUE ...\n"
         "            other options for a fault that is on, without a gap: change w1 --set "
         "delay_ms=80\n"
         "heal [ID]   ends all faults, or one of them\n"
         "wait [TIME] until then, or until nothing is on\n"
         "quit        heals all and leaves, as the end of input and Ctrl-C do");
}

/* Splits a line in place, as a shell does: what stands in quotes is one word. False where a quote
 * is not closed, or there are too many words. */
static bool split_words(char *line, char *argv[WORDS_MAX + 2], int *argc)
{
    char *to = line, quote = '\0';
    bool is_within = false;
    for (char *from = line; *from; from++) {
        bool is_space = !quote && strchr(" \t\r", *from);
        if (is_space && is_within)
            *to++ = '\0';
        is_within = is_within && !is_space;
        if (is_space)
            continue;
        if (!is_within && *argc > WORDS_MAX)
            return false;
        if (!is_within)
            argv[(*argc)++] = to;
        is_within = true;
        if (*from == quote)
            quote = '\0';
        else if (!quote && (*from == '\'' || *from == '"'))
            quote = *from;
        else
            *to++ = *from;
    }
    *to = '\0';
    return !quote;
}

static void obey(struct shell *shell, char *line)
{
    char *argv[WORDS_MAX + 2] = {"shell"};
    int argc = 1;
    if (!split_words(line, argv, &argc)) {
        printf("a quote is not closed, or there are more than %d words\n", WORDS_MAX);
        shell->has_failed = true;
        return;
    }
    const char *verb = argc > 1 ? argv[1] : "#", *argument = argc > 2 ? argv[2] : NULL;
    struct held *held;
    if (verb[0] == '#')
        return;
    if (strcmp(verb, "quit") == 0 || strcmp(verb, "exit") == 0)
        shell->is_over = true;
    else if (strcmp(verb, "help") == 0)
        print_help();
    else if (strcmp(verb, "list") == 0)
        rift_command_list.run(argument ? 3 : 2,
                              (char *[]){"list", "faults", (char *)argument, NULL});
    else if (strcmp(verb, "nodes") == 0)
        show_nodes(shell);
    else if (strcmp(verb, "status") == 0)
        show_status(shell);
    else if (strcmp(verb, "wait") == 0)
        wait_for(shell, argument);
    else if (strcmp(verb, "change") == 0) {
        if ((held = held_named(shell, argument)))
            change(shell, held, argc - 1, argv + 1);
    } else if (strcmp(verb, "heal") == 0 && argument) {
        if ((held = held_named(shell, argument)))
            heal(shell, held);
    } else if (strcmp(verb, "heal") == 0)
        heal_all(shell);
    else
        start(shell, argc, argv);
}

static bool is_interrupted(const struct shell *shell)
{
    struct pollfd interrupt = {.fd = shell->interrupt_fd, .events = POLLIN};
    return poll(&interrupt, 1, 0) > 0;
}

/* Takes what has come; obeys each whole line, until Ctrl-C. The end of input is a quit. */
static void take_input(struct shell *shell)
{
    ssize_t count =
        read(STDIN_FILENO, shell->line + shell->line_length, LINE_BYTES_MAX - shell->line_length);
    if (count < 0 && errno == EINTR)
        return;
    shell->line_length += count > 0 ? (size_t)count : 0;
    shell->line[shell->line_length] = '\0';
    char *from = shell->line, *end;
    while (!shell->is_over && (end = strchr(from, '\n'))) {
        *end = '\0';
        obey(shell, from);
        from = end + 1;
        shell->is_over |= is_interrupted(shell);
        heal_ended(shell);
    }
    shell->line_length -= (size_t)(from - shell->line);
    memmove(shell->line, from, shell->line_length);
    if (shell->line_length == LINE_BYTES_MAX) {
        printf("a line has at most %d bytes\n", LINE_BYTES_MAX - 1);
        shell->has_failed = true;
        shell->line_length = 0;
    }
    if (count <= 0 && !shell->is_over)
        obey(shell, shell->line); /* one without an end */
    shell->is_over |= count <= 0;
}

static void stop_shell(void *context)
{
    uint64_t one = 1;
    if (write(*(const int *)context, &one, sizeof one) < 0)
        _exit(RIFT_EXIT_HARNESS);
}

static void talk(struct shell *shell)
{
    bool is_prompted = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    while (!shell->is_over) {
        if (is_prompted)
            printf("rift> ");
        fflush(stdout);
        int64_t end = next_end(shell);
        struct pollfd fds[2] = {{.fd = shell->interrupt_fd, .events = POLLIN},
                                {.fd = STDIN_FILENO, .events = POLLIN}};
        poll(fds, 2, end == INT64_MAX ? -1 : rift_clock_poll_ms(end));
        heal_ended(shell);
        if (fds[0].revents)
            shell->is_over = true;
        else if (fds[1].revents)
            take_input(shell);
    }
    heal_all(shell);
}

static int start_system(struct shell *shell, struct rift_error *err)
{
    const struct rift_plan *plan = shell->plan;
    printf("starting %s\n", plan->system.name);
    fflush(stdout);
    return system_install(shell->cluster, plan, err) || system_start(shell->cluster, plan, err) ? -1
                                                                                                : 0;
}

static int end_system(struct shell *shell, struct rift_error *err)
{
    if (shell->starts_system && system_stop(shell->cluster, shell->plan, err))
        return -1;
    return system_remove(shell->cluster, shell->plan, err);
}

static int on_hosts(struct shell *shell, struct rift_error *err)
{
    CLEANUP(rift_free) char *agent = agent_path_beside_program();
    struct run_hosts hosts = {NULL};
    const struct rift_plan *plan = shell->plan;
    struct rift_error ignored = {.code = RIFT_ERR_NONE};
    CLEANUP(rift_arena_finish) struct rift_arena arena = {NULL, 0, 0};
    struct rift_recipe *recipe =
        shell->starts_system ? rift_recipe_from_json(plan->recipe, &arena, err) : NULL;
    int result = shell->starts_system && !recipe
                     ? -1
                     : run_hosts_find(&hosts, plan, recipe ? recipe->packages : NULL, agent, err);
    rift_recipe_finish(recipe);
    for (size_t i = 0; result == 0 && i < plan->host_count; i++) {
        hosts.settings[i].run = "rift shell";
        /* Faults are what a shell is for, whatever the configuration plans. */
        if (hosts.settings[i].faults == RIFT_NODE_FAULTS_NONE)
            hosts.settings[i].faults = plan->is_lab || plan->hosts[i].allow_faults
                                           ? RIFT_NODE_FAULTS_ALLOWED
                                           : RIFT_NODE_FAULTS_ASK;
    }
    struct interrupt *interrupt =
        result == 0 ? interrupt_watch(stop_shell, &shell->interrupt_fd) : NULL;
    shell->cluster =
        result == 0 ? cluster_open(hosts.settings, plan->host_count, plan->host_names, err) : NULL;
    result = shell->cluster && system_attach(shell->cluster, plan, err) == 0 &&
                     (!shell->starts_system || start_system(shell, err) == 0)
                 ? 0
                 : -1;
    if (result == 0) {
        printf("connected to %zu hosts; help tells what can be said\n", plan->host_count);
        talk(shell);
    }
    if (shell->cluster && end_system(shell, result == 0 ? err : &ignored))
        result = -1;
    cluster_close(shell->cluster);
    interrupt_unwatch(interrupt);
    run_hosts_release(&hosts);
    return result;
}

static int run_shell(int argc, char **argv)
{
    struct rift_error err = {.code = RIFT_ERR_NONE};
    bool starts_system = argc > 1 && strcmp(argv[1], "--start") == 0;
    if (argc != 2 + starts_system) {
        fputs("rift shell: name one configuration; rift shell --help tells more\n", stderr);
        return RIFT_EXIT_USAGE;
    }
    const char *config = argv[1 + starts_system];
    struct rift_plan *plan = plan_source_read(config, NULL, 0, 0, &err);
    if (plan && starts_system && (!plan->recipe || plan->attach)) {
        rift_fail(&err, RIFT_ERR_INVALID, "--start: %s %s", config,
                  plan->attach ? "attaches to a system that runs" : "names no system to start");
        rift_plan_destroy(plan);
        plan = NULL;
    }
    if (!plan) {
        fprintf(stderr, "rift shell: %s\n", err.text);
        return RIFT_EXIT_USAGE;
    }
    struct shell *shell = rift_calloc(1, sizeof *shell);
    shell->config = config;
    shell->starts_system = starts_system;
    shell->plan = plan;
    shell->origin_ns = rift_clock_now();
    shell->interrupt_fd = eventfd(0, EFD_CLOEXEC);
    int result = on_hosts(shell, &err);
    if (result < 0)
        fprintf(stderr, "rift shell: %s\n", err.text);
    if (result < 0 || shell->has_failed)
        result = RIFT_EXIT_HARNESS;
    rift_close_fd(&shell->interrupt_fd);
    free(shell);
    rift_plan_destroy(plan);
    return result;
}

const struct rift_command rift_command_shell = {
    .name = "shell",
    .summary = "faults by hand, one after another, on hosts that stay connected",
    .help =
        "usage: rift shell [--start] CONFIG\n"
        "\n"
        "Connects to the hosts that the configuration names and takes a command a line, from the\n"
        "terminal or a pipe: faults as for rift fault, which act at once and stay on while others\n"
        "are started or changed, status, heal. What is still on at the end is healed. help lists\n"
        "the commands. With --start the configuration's system is installed and started first,\n"
        "and stopped and removed at the end; without, what runs on the hosts is let be.\n"
        "\n"
        "exit codes: 0 each line was obeyed, each fault injected, observed and healed, 254 bad\n"
        "usage, 255 not so\n"
        "\n"
        "example: printf 'partition --isolate n3 --for 10s\\nwait\\n' | rift shell "
        "configs/etcd-register.yaml\n",
    .run = run_shell,
};
