/* A KRL is read by ssh-keygen, which is asked about the key. */
#include "control/remote/revoked_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/program.h"

enum { ASK_MS = 5000 };

static const char magic[] = "SSHKRL\n";

static int ask_ssh_keygen(const char *path, const char *method, const char *encoded,
                          bool *is_revoked, struct rift_error *err)
{
    CLEANUP(rift_text_finish) struct rift_text output = {0};
    CLEANUP(rift_free) char *line = rift_printf("%s %s\n", method, encoded);
    CLEANUP(rift_close_fd) int fd = memfd_create("rift-host-key", MFD_CLOEXEC);
    if (fd < 0 || write(fd, line, strlen(line)) != (ssize_t)strlen(line))
        return rift_fail_errno(err, RIFT_ERR_IO, "write a key for ssh-keygen");
    CLEANUP(rift_free) char *key = rift_printf("/proc/%d/fd/%d", (int)getpid(), fd);
    const char *const argv[] = {"ssh-keygen", "-Q", "-f", path, key, NULL};
    int rc = rift_program_output(argv, rift_clock_now() + ASK_MS * RIFT_MS, &output, err);
    *is_revoked = rc < 0 && output.data && strstr(output.data, ": REVOKED");
    return *is_revoked ? 0 : rc;
}

/* A line may have options before the key's method, and a comment after it. */
static bool line_has(char *line, const char *encoded)
{
    char *rest = line;
    for (const char *word; line[0] != '#' && (word = strsep(&rest, " \t\r\n"));)
        if (strcmp(word, encoded) == 0)
            return true;
    return false;
}

int rift_revoked_keys_look(const char *path, const char *method, const char *encoded,
                           bool *is_revoked, struct rift_error *err)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    bool is_krl = false;
    *is_revoked = false;
    if (!file)
        return rift_fail_errno(err, RIFT_ERR_DENIED, "RevokedHostKeys %s", path);
    errno = 0;
    for (bool is_first = true; !*is_revoked && !is_krl && getline(&line, &size, file) >= 0;
         is_first = false) {
        is_krl = is_first && strcmp(line, magic) == 0;
        *is_revoked = !is_krl && line_has(line, encoded);
    }
    bool has_failed = ferror(file) != 0;
    free(line);
    fclose(file);
    if (has_failed)
        return rift_fail_errno(err, RIFT_ERR_DENIED, "RevokedHostKeys %s", path);
    return is_krl ? ask_ssh_keygen(path, method, encoded, is_revoked, err) : 0;
}
