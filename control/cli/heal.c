/* rift heal: by hand, whatever state a run left the nodes in. */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/memory.h"
#include "control/cli/agent_path.h"
#include "control/cli/command.h"
#include "control/cli/commands.h"
#include "control/cli/plan_source.h"
#include "control/remote/agent_file.h"
#include "control/remote/ssh_config.h"
#include "control/run/hosts.h"
#include "lab/lab.h"
#include "plan/host_text.h"

enum { HEAL_HOSTS_MAX = 256, HEAL_CONNECT_MS = 30000 };

struct patient {
    struct rift_node_settings settings;
    enum rift_agent_errand errand;
    pthread_t thread;
    bool is_started;
    int result;
    struct rift_text said;
    struct rift_error error;
};

struct ward {
    const char *command; /* as a person calls it, for what it complains of */
    struct patient patients[HEAL_HOSTS_MAX];
    size_t count;
    size_t unreachable_count; /* of hosts that are none of the patients */
    struct rift_plan **plans; /* whose texts the patients have */
    size_t plan_count;
    struct rift_arena arena;
};

static int refuse(const struct ward *ward, const char *what, const char *why)
{
    fprintf(stderr, "rift %s: %s: %s; rift %s --help tells more\n", ward->command, what, why,
            ward->command);
    return RIFT_EXIT_USAGE;
}

static int complain(const struct ward *ward, const struct rift_error *err, int result)
{
    fprintf(stderr, "rift %s: %s\n", ward->command, err->text);
    return result;
}

static int add_patient(struct ward *ward, const struct rift_node_settings *settings)
{
    if (ward->count == HEAL_HOSTS_MAX)
        return refuse(ward, settings->name, "too many hosts");
    struct patient *patient = &ward->patients[ward->count++];
    patient->settings = *settings;
    if (patient->settings.connect_timeout_ms <= 0)
        patient->settings.connect_timeout_ms = HEAL_CONNECT_MS;
    return 0;
}

static int add_lab(struct ward *ward, const char *name, const char *agent)
{
    struct rift_error err;
    size_t count = 0;
    struct rift_lab *lab = rift_lab_open(name, &err);
    if (!lab)
        return complain(ward, &err,
                        err.code == RIFT_ERR_INVALID ? RIFT_EXIT_USAGE : RIFT_EXIT_HARNESS);
    const struct rift_lab_host *hosts = rift_lab_hosts(lab, &count);
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        struct rift_node_settings settings = {
            .name = rift_arena_strdup(&ward->arena, hosts[i].name),
            .address = rift_arena_strdup(&ward->arena, hosts[i].address),
            .port = hosts[i].port,
            .user = rift_arena_strdup(&ward->arena, hosts[i].user),
            .key_file = rift_arena_strdup(&ward->arena, hosts[i].key_file),
            .known_hosts_file = rift_arena_strdup(&ward->arena, hosts[i].known_hosts_file),
            .agent_binary = agent,
        };
        result = add_patient(ward, &settings);
    }
    rift_lab_close(lab);
    return result;
}

/* A lab that the configuration names is healed where it is up, and not brought up for it. Of a
 * cluster that is broken, a host may have no address any more, or another one's: the others are
 * healed all the same. */
static int add_plan(struct ward *ward, const struct rift_plan *plan, const char *agent)
{
    struct rift_error err;
    int result = 0;
    if (plan->is_lab)
        return add_lab(ward, plan->lab_name, agent);
    for (size_t i = 0; i < plan->host_count && result == 0; i++) {
        struct rift_node_settings settings = {.agent_binary = agent,
                                              .connect_timeout_ms = plan->deadlines.connect_ms};
        if (run_host_login(&settings, &plan->hosts[i], &ward->arena, &err) < 0) {
            ward->unreachable_count++;
            complain(ward, &err, 0);
            continue;
        }
        result = add_patient(ward, &settings);
    }
    return result;
}

static int add_configuration(struct ward *ward, const char *path, const char *agent)
{
    struct rift_error err;
    struct rift_plan *plan = plan_source_read(path, NULL, 0, 0, &err);
    if (!plan)
        return complain(ward, &err, RIFT_EXIT_USAGE);
    ward->plans = rift_reallocarray(ward->plans, ward->plan_count + 1, sizeof *ward->plans);
    ward->plans[ward->plan_count++] = plan;
    return add_plan(ward, plan, agent);
}

/* A name that only a configuration would have. */
static bool is_file_name(const char *word)
{
    return strchr(word, '/') || rift_text_ends_with(word, ".yaml") ||
           rift_text_ends_with(word, ".yml");
}

static int add_host(struct ward *ward, const struct rift_node_settings *common, const char *word)
{
    struct rift_node_settings settings = *common;
    if (is_file_name(word))
        return refuse(ward, word, "there is no such file");
    struct rift_host_text host = rift_host_text_split(rift_arena_strdup(&ward->arena, word));
    char *end = NULL;
    unsigned long number = host.port ? strtoul(host.port, &end, 10) : 0;
    if ((host.port && number == 0) || number > UINT16_MAX || (end && *end) || !host.address[0])
        return refuse(ward, word, "no host such as root@address:port, and no file of that name");
    settings.name = rift_arena_strdup(&ward->arena, word);
    if (host.user)
        settings.user = host.user;
    settings.port = (uint16_t)number;
    settings.address = host.address;
    struct rift_error err;
    if (rift_ssh_config_apply(&settings, NULL, &ward->arena, &err) < 0)
        return refuse(ward, word, err.text);
    if (!settings.user)
        settings.user = "root";
    return add_patient(ward, &settings);
}

static void *heal_one(void *context)
{
    struct patient *patient = context;
    patient->result =
        rift_agent_file_send(&patient->settings, patient->errand, &patient->said, &patient->error);
    return NULL;
}

/* All at once; a line for each in their order. */
static int heal_all(struct ward *ward, enum rift_agent_errand errand)
{
    size_t failed_count = ward->unreachable_count;
    for (size_t i = 0; i < ward->count; i++) {
        struct patient *patient = &ward->patients[i];
        patient->errand = errand;
        patient->is_started = pthread_create(&patient->thread, NULL, heal_one, patient) == 0;
        if (!patient->is_started)
            heal_one(patient);
    }
    for (size_t i = 0; i < ward->count; i++) {
        struct patient *patient = &ward->patients[i];
        if (patient->is_started)
            pthread_join(patient->thread, NULL);
        failed_count += patient->result < 0;
        if (errand == RIFT_ERRAND_LOOK && patient->result == 0 && patient->said.length == 0)
            printf("%s: nothing of Rift's is on\n", patient->settings.name);
        for (char *rest = patient->said.data, *line; (line = strsep(&rest, "\n"));)
            if (line[0])
                printf("%s: %s\n", patient->settings.name, line);
        if (patient->result < 0)
            complain(ward, &patient->error, 0);
        rift_text_finish(&patient->said);
        patient->said = (struct rift_text){0};
    }
    return failed_count > 0 ? RIFT_EXIT_HARNESS : 0;
}

/* Once a second, until Ctrl-C, which leaves everything as it is, or until nobody reads any more. */
static int watch_all(struct ward *ward)
{
    for (;;) {
        int result = heal_all(ward, RIFT_ERRAND_LOOK);
        puts("");
        if (fflush(stdout) != 0 || ferror(stdout))
            return result;
        rift_clock_sleep_until(rift_clock_now() + RIFT_SECOND);
    }
}

static int send_all(const char *command, int argc, char **argv, enum rift_agent_errand errand)
{
    enum { PURGE = 1, KEY, PASSWORD, KNOWN, SUDO, LAB, WATCH };
    static const struct option known[] = {
        {"purge", no_argument, NULL, PURGE},
        {"key", required_argument, NULL, KEY},
        {"password-file", required_argument, NULL, PASSWORD},
        {"known-hosts", required_argument, NULL, KNOWN},
        {"sudo", no_argument, NULL, SUDO},
        {"lab", required_argument, NULL, LAB},
        {"watch", no_argument, NULL, WATCH},
        {NULL, 0, NULL, 0},
    };
    CLEANUP(rift_free) char *agent = agent_path_beside_program();
    struct rift_node_settings common = {.agent_binary = agent};
    struct ward *ward = rift_calloc(1, sizeof *ward);
    int result = 0;
    bool is_watched = false;
    ward->command = command;
    opterr = 0;
    optind = 1;
    for (int choice; result == 0 && (choice = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (choice == PURGE && errand != RIFT_ERRAND_LOOK)
            errand = RIFT_ERRAND_PURGE;
        else if (choice == KEY)
            common.key_file = optarg;
        else if (choice == PASSWORD)
            common.password_file = optarg;
        else if (choice == KNOWN)
            common.known_hosts_file = optarg;
        else if (choice == SUDO)
            common.use_sudo = true;
        else if (choice == WATCH && errand == RIFT_ERRAND_LOOK)
            is_watched = true;
        else if (choice == LAB)
            result = add_lab(ward, optarg, agent);
        else
            result =
                refuse(ward, argv[optind - 1], "there is no such option, or it lacks its value");
    }
    for (int i = optind; i < argc && result == 0; i++)
        result = access(argv[i], F_OK) == 0 ? add_configuration(ward, argv[i], agent)
                                            : add_host(ward, &common, argv[i]);
    if (result == 0 && ward->count == 0 && ward->unreachable_count == 0)
        result = refuse(ward, "CONFIG or HOST", "say which hosts");
    if (result == 0 && is_watched)
        result = watch_all(ward);
    else if (result == 0)
        result = heal_all(ward, errand);
    for (size_t i = 0; i < ward->plan_count; i++)
        rift_plan_destroy(ward->plans[i]);
    free(ward->plans);
    rift_arena_finish(&ward->arena);
    free(ward);
    return result;
}

static int run_heal(int argc, char **argv)
{
    return send_all("heal", argc, argv, RIFT_ERRAND_HEAL);
}

int rift_heal_status(int argc, char **argv)
{
    return send_all("fault status", argc, argv, RIFT_ERRAND_LOOK);
}

const struct rift_command rift_command_heal = {
    .name = "heal",
    .summary = "undo every fault on these nodes, whatever run left it",
    .help =
        "usage: rift heal [--purge] CONFIG ...\n"
        "       rift heal [--purge] [--key FILE | --password-file FILE] [--known-hosts FILE]\n"
        "                 [--sudo] [USER@]HOST[:PORT] ...\n"
        "       rift heal [--purge] --lab NAME\n"
        "\n"
        "Works from any machine that can log in, on nodes in any state: ends a running agent,\n"
        "and says whose run that was; works through the ledger that it kept on the node, says\n"
        "what it undid, and removes the system that a run left. `rift fault status` says first\n"
        "whether somebody's run is on.\n"
        "\n"
        "  --purge   also remove what was to be kept, and every file of Rift's\n"
        "\n"
        "example: rift heal configs/etcd-register.yaml\n"
        "         rift heal --key ~/.ssh/id_ed25519 root@db1 root@db2\n",
    .run = run_heal,
};
