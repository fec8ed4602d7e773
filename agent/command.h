/* A program run to its end, with a deadline, and its output. Blocks: for jobs only. */
#ifndef AGENT_COMMAND_H
#define AGENT_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cgroup.h"
#include "common/error.h"
#include "common/text.h"

enum { COMMAND_OUTPUT_MAX = 1 << 16 };

struct agent_user {
    uid_t uid;
    gid_t gid;
    char name[64];
    char home[256];
};

/* Looks name up in /etc/passwd (a static program has no other name service); NULL is root. */
int agent_user_find(const char *name, struct agent_user *user, struct rift_error *err);
/* Becomes that user, with its group alone. Async-signal-safe. -1 with errno. */
int agent_user_become(const struct agent_user *user);

struct command_result {
    int status; /* exit code, or 128 + signal */
    struct rift_text output, errors;
    bool is_truncated;
};

/* argv[0] is looked up in PATH. input and user may be NULL. At the deadline the program and its
 * process group are killed, and the call fails with TIMEOUT. It dies with the agent; what it forked
 * may not. */
int agent_command_run(char *const *argv, const char *input, const struct agent_user *user,
                      int64_t deadline_ns, struct command_result *result, struct rift_error *err);
/* The same, in a control group that is there: whoever ends that one ends all that it forked. */
int agent_command_run_in(const struct rift_cgroup *cgroup, char *const *argv, const char *input,
                         const struct agent_user *user, int64_t deadline_ns,
                         struct command_result *result, struct rift_error *err);
void agent_command_finish(struct command_result *result);

#endif
