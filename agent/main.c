/* rift-agent: what the controller starts on each node, and a tool for a person on that node. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/guardian.h"
#include "agent/leftovers.h"
#include "agent/serve.h"
#include "agent/status.h"
#include "common/wire/messages.h"

static const char usage[] =
    "usage: rift-agent [--state FOLDER] [--cgroup NAME] [--heal | --purge | --leftovers | "
    "--status | --version]\n"
    "\n"
    "Without a command it serves a controller over stdin and stdout.\n"
    "  --heal       end a running agent and undo every fault on this node\n"
    "  --purge      the same, then kill the system under test and remove every file of Rift's\n"
    "  --leftovers  list what of Rift's is on this node; exit code 1 if there is anything\n"
    "  --status     what a running agent has on; where none runs, as --leftovers\n"
    "  --version    the version of the protocol\n"
    "\n"
    "example: rift-agent --heal\n";

enum command { COMMAND_SERVE, COMMAND_HEAL, COMMAND_PURGE, COMMAND_LEFTOVERS, COMMAND_STATUS };

static int run_by_hand(enum command command, const char *state, const char *cgroup)
{
    struct agent_paths paths;
    struct rift_error err = {0};
    if (geteuid() != 0) {
        fprintf(stderr, "rift-agent: this needs root: run it with sudo\n");
        return 254;
    }
    if (agent_paths_init(&paths, state, &err)) {
        fprintf(stderr, "rift-agent: %s\n", err.text);
        return 1;
    }
    if (command == COMMAND_STATUS && status_print(&paths))
        return 1;
    if (command == COMMAND_LEFTOVERS || command == COMMAND_STATUS)
        return leftovers_print(&paths, cgroup) > 0;
    return leftovers_heal(&paths, cgroup, command == COMMAND_PURGE);
}

int main(int argc, char **argv)
{
    const char *state = AGENT_STATE_FOLDER, *cgroup = AGENT_CGROUP;
    enum command command = COMMAND_SERVE;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--state") == 0 && i + 1 < argc) {
            state = argv[++i];
        } else if (strcmp(argv[i], "--cgroup") == 0 && i + 1 < argc && !strchr(argv[i + 1], '/')) {
            cgroup = argv[++i];
        } else if (strcmp(argv[i], "--heal") == 0) {
            command = COMMAND_HEAL;
        } else if (strcmp(argv[i], "--purge") == 0) {
            command = COMMAND_PURGE;
        } else if (strcmp(argv[i], "--leftovers") == 0) {
            command = COMMAND_LEFTOVERS;
        } else if (strcmp(argv[i], "--status") == 0) {
            command = COMMAND_STATUS;
        } else if (strcmp(argv[i], "--version") == 0) {
            printf("%d\n", RIFT_WIRE_VERSION);
            return 0;
        } else {
            bool is_help = strcmp(argv[i], "--help") == 0;
            fputs(usage, is_help ? stdout : stderr);
            return is_help ? 0 : 254;
        }
    }
    if (command != COMMAND_SERVE)
        return run_by_hand(command, state, cgroup);
    if (geteuid() != 0) {
        fprintf(stderr, "rift-agent: this needs root: set use_sudo for this node\n");
        return 254;
    }
    return guardian_run(state, cgroup);
}
