/* The subcommands, one file each. */
#ifndef CONTROL_CLI_COMMANDS_H
#define CONTROL_CLI_COMMANDS_H

#include "control/cli/command.h"

extern const struct rift_command rift_command_check;
extern const struct rift_command rift_command_compare;
extern const struct rift_command rift_command_convert;
extern const struct rift_command rift_command_doctor;
extern const struct rift_command rift_command_fault;
extern const struct rift_command rift_command_heal;
extern const struct rift_command rift_command_lab;
extern const struct rift_command rift_command_list;
extern const struct rift_command rift_command_run;
extern const struct rift_command rift_command_shell;

/* heal.c: what of Rift's is on nodes now, named as for rift heal. argv[0] is a word of its
 * caller's. */
int rift_heal_status(int argc, char **argv);

#endif
