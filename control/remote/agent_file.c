/* The agent's binary on a node. */
#include "control/remote/agent_file.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/wire/messages.h"

#define AGENT_FOLDER "/var/lib/rift"

enum { ASK_DEADLINE_MS = 20000, UPLOAD_DEADLINE_MS = 120000, HEAL_DEADLINE_MS = 60000 };

static const struct {
    unsigned elf;
    const char *machine; /* uname -m */
} machines[] = {
    {EM_X86_64, "x86_64"},
    {EM_AARCH64, "aarch64"},
    {EM_RISCV, "riscv64"},
};

static const char *machine_of_binary(const char *path)
{
    Elf64_Ehdr head = {.e_machine = EM_NONE};
    CLEANUP(rift_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, &head, sizeof head) == (ssize_t)sizeof head &&
        memcmp(head.e_ident, ELFMAG, SELFMAG) == 0)
        for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
            if (machines[i].elf == head.e_machine)
                return machines[i].machine;
    return NULL;
}

static int check_host(const struct rift_ssh *ssh, const struct rift_host_facts *facts,
                      struct rift_error *err)
{
    const struct rift_node_settings *settings = ssh->settings;
    const char *wanted = machine_of_binary(settings->agent_binary);
    if (wanted && strcmp(wanted, facts->machine) != 0)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED,
                         "%s: its processor is %s, and %s is built for %s; build Rift for %s",
                         ssh->label, facts->machine, settings->agent_binary, wanted,
                         facts->machine);
    if (settings->faults == RIFT_NODE_FAULTS_ASK && !facts->allows_faults)
        return rift_fail(err, RIFT_ERR_DENIED,
                         "%s: faults are not allowed on this host; make the file %s on it, or put "
                         "into the configuration: allow_faults: [%s]",
                         ssh->label, RIFT_ALLOW_FILE, settings->name);
    if (facts->is_root || (settings->use_sudo && facts->can_sudo))
        return 0;
    if (!settings->use_sudo)
        return rift_fail(err, RIFT_ERR_DENIED,
                         "%s: the login '%s' is not root; log in as root, or allow sudo in the "
                         "configuration",
                         ssh->label, settings->user);
    return rift_fail(err, RIFT_ERR_DENIED,
                     "%s: the login '%s' may not use sudo without a password; put into sudoers: %s "
                     "ALL=(ALL) NOPASSWD: ALL",
                     ssh->label, settings->user, settings->user);
}

/* name_end: more of the file's name than its hash. */
static int place_in(struct rift_ssh *ssh, const char *folder, const char *name_end,
                    struct rift_host_facts *facts, char path[128], struct rift_error *err)
{
    char sum[RIFT_SHA256_HEX_SIZE];
    int64_t deadline_ns = rift_ssh_step_deadline(ssh->settings, ASK_DEADLINE_MS);
    if (rift_sha256_file(ssh->settings->agent_binary, sum, err) < 0)
        return rift_wrap(err, "the agent's binary");
    if (rift_place_ask(ssh, deadline_ns, facts, err) < 0 || check_host(ssh, facts, err) < 0)
        return -1;
    snprintf(path, 128, "%s/rift-agent-%.16s%s", folder, sum, name_end);
    deadline_ns = rift_ssh_step_deadline(ssh->settings, UPLOAD_DEADLINE_MS);
    return rift_place_file(ssh, ssh->settings->agent_binary, path, 0700, deadline_ns, sum, err);
}

static const char *sudo_of(const struct rift_ssh *ssh)
{
    return ssh->settings->use_sudo ? "sudo -n " : "";
}

int rift_agent_file_place(struct rift_ssh *ssh, struct rift_host_facts *facts, char command[192],
                          struct rift_error *err)
{
    char path[128];
    if (place_in(ssh, AGENT_FOLDER, "", facts, path, err) < 0)
        return -1;
    /* exec: no shell in between that would take signals or hold the channel open. */
    snprintf(command, 192, "exec %s%s", sudo_of(ssh), path);
    return 0;
}

/* What is not to stay has a name of this process. */
static int place_for_errand(struct rift_ssh *ssh, char path[128], bool *is_to_stay,
                            struct rift_error *err)
{
    struct rift_host_facts facts;
    struct rift_error ignored;
    char own[24];
    snprintf(own, sizeof own, ".%d", (int)getpid());
    *is_to_stay = place_in(ssh, AGENT_FOLDER, "", &facts, path, err) == 0;
    bool is_for_want_of_disk = err->code == RIFT_ERR_LIMIT || err->code == RIFT_ERR_IO;
    return *is_to_stay || (is_for_want_of_disk &&
                           place_in(ssh, RIFT_MEMORY_FOLDER, own, &facts, path, &ignored) == 0)
               ? 0
               : -1;
}

/* The agent's complaint is what it said last. */
static int fail_errand(const struct rift_ssh *ssh, struct rift_text *said, struct rift_error *err)
{
    static const char name[] = "rift-agent: ";
    char *text = said->data ? said->data : "";
    while (said->length > 0 && text[said->length - 1] == '\n')
        text[--said->length] = 0;
    char *line = strrchr(text, '\n'), *complaint = line ? line + 1 : text;
    complaint += rift_text_starts_with(complaint, name) ? sizeof name - 1 : 0;
    rift_fail(err, RIFT_ERR_IO, "%s: %s", ssh->label,
              *complaint ? complaint : "the agent failed, and said nothing");
    if (said->data)
        said->data[said->length = line ? (size_t)(line - text) : 0] = 0;
    return -1;
}

int rift_agent_file_send(const struct rift_node_settings *settings, enum rift_agent_errand errand,
                         struct rift_text *said, struct rift_error *err)
{
    static const char *const options[] = {[RIFT_ERRAND_LOOK] = "--status",
                                          [RIFT_ERRAND_HEAL] = "--heal",
                                          [RIFT_ERRAND_PURGE] = "--purge"};
    char path[128];
    bool is_to_stay;
    struct rift_ssh *ssh = rift_ssh_open(settings, NULL, err);
    if (!ssh)
        return -1;
    int status = 0;
    int result = place_for_errand(ssh, path, &is_to_stay, err);
    if (result == 0) {
        int64_t deadline_ns = rift_clock_now() + HEAL_DEADLINE_MS * RIFT_MS;
        const char *sudo = sudo_of(ssh);
        CLEANUP(rift_free)
        char *remove =
            is_to_stay ? NULL : rift_printf("; code=$?; %srm -f %s; exit $code", sudo, path);
        CLEANUP(rift_free)
        char *script =
            rift_printf("%s%s %s </dev/null%s", sudo, path, options[errand], remove ? remove : "");
        result = rift_ssh_run(ssh, script, deadline_ns, said, &status, err);
    }
    /* Looking, 1 says that there is something. */
    if (result == 0 && status != 0 && !(errand == RIFT_ERRAND_LOOK && status == 1))
        result = fail_errand(ssh, said, err);
    rift_ssh_close(ssh);
    return result;
}
