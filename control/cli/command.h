/* A subcommand of rift: one file each, one line in the table of main.c. */
#ifndef CONTROL_CLI_COMMAND_H
#define CONTROL_CLI_COMMAND_H

#define RIFT_VERSION "0.1.0"

enum {
    RIFT_EXIT_VALID = 0,
    RIFT_EXIT_INVALID = 1,
    RIFT_EXIT_UNKNOWN = 2,
    RIFT_EXIT_USAGE = 254,   /* bad usage or configuration */
    RIFT_EXIT_HARNESS = 255, /* the harness failed */
};

struct rift_command {
    const char *name;
    const char *summary;
    const char *help; /* usage, options and an example, printed by --help */
    /* argv[0] is the subcommand's name. Returns the exit code. */
    int (*run)(int argc, char **argv);
};

#endif
