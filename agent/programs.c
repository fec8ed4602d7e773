/* A program is told by the bytes that run, not by the path it was started from: a file that was
 * replaced meanwhile is hashed as it runs. Of a script the kernel runs the interpreter, so the file
 * of ours that its arguments name counts. */
#include "agent/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/process.h"
#include "common/sha256.h"
#include "common/text.h"

enum { PROGRAMS_MAX = 64, ARGUMENTS_BYTES = 16384 };

/* The first argument that is a file below the folder of artifacts; false: there is none. */
static bool find_script(pid_t pid, const char *folder, char script[AGENT_PATH_SIZE])
{
    static char bytes[ARGUMENTS_BYTES + 1];
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    CLEANUP(rift_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, bytes, ARGUMENTS_BYTES) : -1;
    if (n <= 0)
        return false;
    bytes[n] = 0;
    for (const char *word = bytes; word < bytes + n; word += strlen(word) + 1) {
        struct stat found;
        if (!rift_text_starts_with(word, folder) || word[strlen(folder)] != '/' ||
            strlen(word) >= AGENT_PATH_SIZE || stat(word, &found) || !S_ISREG(found.st_mode))
            continue;
        memcpy(script, word, strlen(word) + 1);
        return true;
    }
    return false;
}

/* NULL: it has ended. */
static json_t *describe_process(const struct agent *agent, pid_t pid)
{
    struct rift_process process;
    struct rift_error ignored;
    char exe[64], program[AGENT_PATH_SIZE] = "", hashed[AGENT_PATH_SIZE],
                  sha256[RIFT_SHA256_HEX_SIZE];
    snprintf(exe, sizeof exe, "/proc/%d/exe", (int)pid);
    ssize_t length = readlink(exe, program, sizeof program - 1);
    if (length < 0 || !rift_process_identify(pid, &process))
        return NULL;
    program[length] = 0;
    snprintf(hashed, sizeof hashed, "%s", exe);
    if (!rift_text_starts_with(program, agent->paths.artifacts) &&
        find_script(pid, agent->paths.artifacts, program))
        snprintf(hashed, sizeof hashed, "%s", program);
    if (rift_sha256_file(hashed, sha256, &ignored) || !rift_process_is_alive(&process))
        return NULL;
    return json_pack("{s:i, s:I, s:s, s:s}", "pid", (int)pid, "start_ticks",
                     (json_int_t)process.start_ticks, "program", program, "sha256", sha256);
}

int programs_work(struct agent *agent, const json_t *args, int64_t deadline_ns, json_t *ok,
                  struct rift_error *err)
{
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    size_t count = rift_cgroup_pids(&agent->cgroup, pids, RIFT_CGROUP_PIDS_MAX);
    json_t *list = json_array();
    (void)args;
    (void)deadline_ns;
    (void)err;
    for (size_t i = 0; i < count && json_array_size(list) < PROGRAMS_MAX; i++) {
        json_t *process = describe_process(agent, pids[i]);
        if (process)
            json_array_append_new(list, process);
    }
    json_object_set_new(ok, "processes", list);
    return 0;
}
