/* Where the program finds the agent that it sends to nodes. */
#include "control/cli/agent_path.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"

char *agent_path_beside_program(void)
{
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (slash)
        *slash = '\0';
    return rift_printf("%s/rift-agent", slash ? program : ".");
}
