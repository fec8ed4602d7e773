/* rift lab: hosts on this machine. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "control/cli/command.h"
#include "control/cli/commands.h"
#include "control/run/interrupt.h"
#include "lab/lab.h"

enum {
    DEFAULT_HOST_COUNT = 5,
    PACKAGES_MAX = 30,
    UP_DEADLINE_MS = 60000,
    UP_DEADLINE_WITH_PACKAGES_MS = 600000,
    SSH_ARGUMENTS_MAX = 256,
};

struct options {
    const char *name;
    const char *driver;
    size_t host_count;
    const char *packages[PACKAGES_MAX + 1];
};

static int refuse(const char *text, const char *word)
{
    fprintf(stderr, "rift lab: %s%s%s; rift lab --help tells more\n", text, word ? " " : "",
            word ? word : "");
    return RIFT_EXIT_USAGE;
}

static int exit_code_of(const struct rift_error *err)
{
    fprintf(stderr, "rift lab: %s\n", err->text);
    return err->code == RIFT_ERR_INVALID || err->code == RIFT_ERR_UNSUPPORTED ? RIFT_EXIT_USAGE
                                                                              : RIFT_EXIT_HARNESS;
}

static int add_packages(struct options *options, char *list)
{
    size_t count = 0;
    while (options->packages[count])
        count++;
    char *rest = list;
    for (char *name; (name = strsep(&rest, ", "));) {
        if (!name[0])
            continue;
        if (count == PACKAGES_MAX)
            return -1;
        options->packages[count++] = name;
    }
    return 0;
}

/* 0, or an exit code after a line on stderr. The leading '+' stops at the first word that is no
 * option: "rift lab ssh n1 ls -l" passes -l on. */
static int parse(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {{"count", required_argument, NULL, 'c'},
                                          {"name", required_argument, NULL, 'n'},
                                          {"packages", required_argument, NULL, 'p'},
                                          {"driver", required_argument, NULL, 'd'},
                                          {NULL, 0, NULL, 0}};
    optind = 1;
    opterr = 0;
    for (int found; (found = getopt_long(argc, argv, "+", names, NULL)) != -1;) {
        char *end = NULL;
        switch (found) {
        case 'c':
            errno = 0;
            options->host_count = strtoul(optarg, &end, 10);
            if (errno != 0 || *end || end == optarg || optarg[0] == '-')
                return refuse("--count takes a number, not", optarg);
            break;
        case 'n':
            options->name = optarg;
            break;
        case 'd':
            options->driver = optarg;
            break;
        case 'p':
            if (add_packages(options, optarg) < 0)
                return refuse("too many packages", NULL);
            break;
        default:
            return refuse("cannot read", argv[optind - 1]);
        }
    }
    return 0;
}

static int lab_up(int argc, char **argv, struct options *options)
{
    (void)argv;
    if (argc > 0)
        return refuse("up takes no argument such as", argv[0]);
    struct rift_error err;
    struct rift_lab_request request = {
        .name = options->name,
        .driver = options->driver,
        .host_count = options->host_count,
        .packages = options->packages,
        .deadline_ms = options->packages[0] ? UP_DEADLINE_WITH_PACKAGES_MS : UP_DEADLINE_MS};
    int64_t start = rift_clock_now();
    interrupt_defer();
    struct rift_lab *lab = rift_lab_up(&request, &err);
    bool is_interrupted = interrupt_deferred();
    if (!lab)
        return exit_code_of(&err);
    if (is_interrupted) {
        rift_lab_close(lab);
        rift_lab_down(options->name, NULL);
        rift_fail(&err, RIFT_ERR_CANCELLED, "stopped by the user: the lab is down again");
        return exit_code_of(&err);
    }
    size_t count = 0;
    const struct rift_lab_host *hosts = rift_lab_hosts(lab, &count);
    printf("lab '%s' is up: %s to %s at %s to %s, %.2f s\n", options->name, hosts[0].name,
           hosts[count - 1].name, hosts[0].address, hosts[count - 1].address,
           (double)(rift_clock_now() - start) / (double)RIFT_SECOND);
    rift_lab_close(lab);
    return 0;
}

static int lab_down(int argc, char **argv, struct options *options)
{
    if (argc > 0)
        return refuse("down takes no argument such as", argv[0]);
    struct rift_error err;
    if (rift_lab_down(options->name, &err) < 0)
        return exit_code_of(&err);
    printf("lab '%s' is down\n", options->name);
    return 0;
}

static int lab_list(int argc, char **argv, struct options *options)
{
    (void)options;
    if (argc > 0)
        return refuse("list takes no argument such as", argv[0]);
    char **names = rift_lab_names();
    if (!names[0])
        puts("no lab is up; rift lab up --count 5 makes one");
    for (char **name = names; *name; name++) {
        struct rift_error err;
        size_t count = 0;
        struct rift_lab *lab = rift_lab_open(*name, &err);
        const struct rift_lab_host *hosts = lab ? rift_lab_hosts(lab, &count) : NULL;
        if (!lab)
            printf("%s\n", err.text);
        for (size_t i = 0; i < count; i++)
            printf("%-12s %-5s %-14s %-26s root, port %u, key %s\n", *name, hosts[i].name,
                   hosts[i].address, hosts[i].address6, hosts[i].port, hosts[i].key_file);
        rift_lab_close(lab);
        free(*name);
    }
    free(names);
    return 0;
}

/* Becomes ssh; returns only if there is none. */
static int become_ssh(const struct rift_lab_host *host, int argc, char **argv)
{
    CLEANUP(rift_free) char *known = rift_printf("UserKnownHostsFile=%s", host->known_hosts_file);
    CLEANUP(rift_free) char *port = rift_printf("%u", host->port);
    CLEANUP(rift_free) char *target = rift_printf("%s@%s", host->user, host->address);
    /* curve25519: OpenSSH's default key exchange costs a tenth of a second more for each login. */
    const char *arguments[SSH_ARGUMENTS_MAX + 32] = {"ssh",
                                                     "-F",
                                                     "/dev/null",
                                                     "-i",
                                                     host->key_file,
                                                     "-o",
                                                     known,
                                                     "-o",
                                                     "GlobalKnownHostsFile=/dev/null",
                                                     "-o",
                                                     "StrictHostKeyChecking=yes",
                                                     "-o",
                                                     "IdentitiesOnly=yes",
                                                     "-o",
                                                     "KexAlgorithms=curve25519-sha256",
                                                     "-o",
                                                     "LogLevel=ERROR",
                                                     "-p",
                                                     port,
                                                     target};
    size_t used = 0;
    while (arguments[used])
        used++;
    if (argc > SSH_ARGUMENTS_MAX)
        return refuse("too many arguments", NULL);
    for (int i = 0; i < argc; i++)
        arguments[used++] = argv[i];
    execvp("ssh", (char *const *)arguments);
    fprintf(stderr, "rift lab: cannot run ssh: %s\n", strerror(errno));
    return RIFT_EXIT_HARNESS;
}

static int lab_ssh(int argc, char **argv, struct options *options)
{
    if (argc < 1)
        return refuse("ssh needs the name of a host", NULL);
    struct rift_error err;
    struct rift_lab *lab = rift_lab_open(options->name, &err);
    if (!lab)
        return exit_code_of(&err);
    size_t count = 0;
    const struct rift_lab_host *hosts = rift_lab_hosts(lab, &count);
    int result = RIFT_EXIT_USAGE;
    for (size_t i = 0; i < count && result == RIFT_EXIT_USAGE; i++)
        if (strcmp(hosts[i].name, argv[0]) == 0)
            result = become_ssh(&hosts[i], argc - 1, argv + 1);
    if (result == RIFT_EXIT_USAGE)
        fprintf(stderr, "rift lab: lab '%s' has hosts %s to %s, not '%s'\n", options->name,
                hosts[0].name, hosts[count - 1].name, argv[0]);
    rift_lab_close(lab);
    return result;
}

static int run_lab(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv, struct options *options);
    } actions[] = {{"up", lab_up}, {"down", lab_down}, {"list", lab_list}, {"ssh", lab_ssh}};
    struct options options = {.name = "lab", .driver = "netns", .host_count = DEFAULT_HOST_COUNT};
    if (argc < 2)
        return refuse("say up, down, list or ssh", NULL);
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (strcmp(actions[i].name, argv[1]) != 0)
            continue;
        int problem = parse(argc - 1, argv + 1, &options);
        if (problem)
            return problem;
        return actions[i].run(argc - 1 - optind, argv + 1 + optind, &options);
    }
    return refuse("there is no action", argv[1]);
}

const struct rift_command rift_command_lab = {
    .name = "lab",
    .summary = "hosts on this machine, as namespaces or kernels of their own, reached by SSH",
    .help =
        "usage: rift lab up [--count N] [--driver D] [--name LAB] [--packages NAME,...]\n"
        "       rift lab down [--name LAB]\n"
        "       rift lab list\n"
        "       rift lab ssh [--name LAB] HOST [COMMAND ...]\n"
        "\n"
        "Each host has its own network, processes, control groups, and a private copy of this\n"
        "machine's root that is gone with the host. Packages are unpacked below that root, never\n"
        "installed on this machine, and kept in /var/cache/rift. Needs root.\n"
        "\n"
        "  --count N         hosts n1 to nN (default 5, at most 250)\n"
        "  --driver D        netns (default); uml: each host has a kernel of its own, in "
        "seconds;\n"
        "                    systemd: that, and systemd as PID 1, as a real host has it\n"
        "  --name LAB        labs of different names live side by side (default \"lab\")\n"
        "  --packages LIST   Debian packages, with commas between\n"
        "\n"
        "example:\n"
        "  rift lab up --count 3 --packages etcd-server,etcd-client\n"
        "  rift lab ssh n1 etcd --version\n"
        "  rift lab down\n",
    .run = run_lab,
};
