/* rift: finds the subcommand and hands it its arguments. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "control/cli/command.h"
#include "control/cli/commands.h"

static const struct rift_command *const commands[] = {
    &rift_command_check,
    &rift_command_compare,
    &rift_command_convert,
    &rift_command_doctor,
    &rift_command_fault,
    &rift_command_heal,
    &rift_command_lab,
    &rift_command_list,
    &rift_command_run,
    &rift_command_shell,
    NULL,
};

enum { COMMAND_COUNT_MAX = 32 };

static void print_usage(FILE *out)
{
    fputs("usage: rift COMMAND [ARGUMENTS]\n\ncommands:\n", out);
    for (size_t i = 0; commands[i]; i++)
        fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\nrift COMMAND --help tells more, with an example; rift --version.\n"
          "exit codes: 0 valid, 1 invalid, 2 unknown, 254 bad usage or configuration, 255 the "
          "harness failed\n",
          out);
}

static int refuse_command(const char *word)
{
    const char *names[COMMAND_COUNT_MAX] = {NULL};
    size_t count = 0;
    for (; commands[count] && count < COMMAND_COUNT_MAX; count++)
        names[count] = commands[count]->name;
    const char *nearest = rift_text_nearest(word, names, count);
    fprintf(stderr, "rift: there is no command '%s'%s%s%s; rift --help lists them\n", word,
            nearest ? ", did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    return RIFT_EXIT_USAGE;
}

/* Anywhere, but in what "rift lab ssh" is to run. */
static bool wants_help(int argc, char **argv)
{
    bool is_lab = strcmp(argv[1], "lab") == 0;
    for (int i = 2; i < argc && !(is_lab && i > 3); i++)
        if (strcmp(argv[i], "--help") == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_usage(stderr);
        return RIFT_EXIT_USAGE;
    }
    bool is_help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0;
    if (is_help && argc == 2) {
        print_usage(stdout);
        return 0;
    }
    char *asked[] = {argv[0], argc > 2 ? argv[2] : NULL, "--help", NULL};
    if (is_help) { /* rift help fault */
        argv = asked;
        argc = 3;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("rift " RIFT_VERSION);
        return 0;
    }
    for (size_t i = 0; commands[i]; i++) {
        if (strcmp(argv[1], commands[i]->name) != 0)
            continue;
        if (wants_help(argc, argv)) {
            fputs(commands[i]->help, stdout);
            return 0;
        }
        return commands[i]->run(argc - 1, argv + 1);
    }
    return refuse_command(argv[1]);
}
