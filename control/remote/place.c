/* Files to and from a node: staged under a name of this upload, checked there, then renamed. */
#include "control/remote/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libssh2_sftp.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/wire/messages.h"

/* Below the 32 KiB that one SFTP packet carries times the packets that libssh2 keeps under way. */
enum { SFTP_CHUNK_BYTES = 256 * 1024, SCRIPT_SAID_MAX = 300 };

static void finish_sftp(LIBSSH2_SFTP **sftp)
{
    for (int i = 0; *sftp && i < 100; i++)
        if (libssh2_sftp_shutdown(*sftp) != LIBSSH2_ERROR_EAGAIN)
            return;
}

static LIBSSH2_SFTP *start_sftp(struct rift_ssh *ssh, int64_t deadline_ns, struct rift_error *err)
{
    LIBSSH2_SFTP *sftp;
    while (!(sftp = libssh2_sftp_init(ssh->session))) {
        if (libssh2_session_last_errno(ssh->session) != LIBSSH2_ERROR_EAGAIN) {
            rift_ssh_fail(ssh, RIFT_ERR_UNSUPPORTED, "start SFTP (does its sshd offer it?)", err);
            return NULL;
        }
        if (rift_ssh_wait(ssh, deadline_ns, err) < 0)
            return NULL;
    }
    return sftp;
}

static LIBSSH2_SFTP_HANDLE *open_remote(struct rift_ssh *ssh, LIBSSH2_SFTP *sftp, const char *path,
                                        unsigned long flags, int64_t deadline_ns,
                                        struct rift_error *err)
{
    LIBSSH2_SFTP_HANDLE *handle;
    while (!(handle = libssh2_sftp_open_ex(sftp, path, (unsigned)strlen(path), flags, 0600,
                                           LIBSSH2_SFTP_OPENFILE))) {
        int code = libssh2_session_last_errno(ssh->session);
        unsigned long status =
            code == LIBSSH2_ERROR_SFTP_PROTOCOL ? libssh2_sftp_last_error(sftp) : LIBSSH2_FX_OK;
        if (status == LIBSSH2_FX_NO_SUCH_FILE) {
            rift_fail(err, RIFT_ERR_MISSING, "%s: %s is not there", ssh->label, path);
            return NULL;
        }
        if (status == LIBSSH2_FX_PERMISSION_DENIED) {
            rift_fail(err, RIFT_ERR_DENIED, "%s: open %s: permission denied", ssh->label, path);
            return NULL;
        }
        if (code != LIBSSH2_ERROR_EAGAIN) {
            rift_fail(err, RIFT_ERR_IO, "%s: open %s: SFTP status %lu", ssh->label, path, status);
            return NULL;
        }
        if (rift_ssh_wait(ssh, deadline_ns, err) < 0)
            return NULL;
    }
    return handle;
}

/* SFTP calls a full disk just "failure": ask how much room there is. */
static int fail_write(struct rift_ssh *ssh, LIBSSH2_SFTP *sftp, const char *path, off_t size,
                      int64_t deadline_ns, struct rift_error *err)
{
    LIBSSH2_SFTP_STATVFS room;
    int result;
    while ((result = libssh2_sftp_statvfs(sftp, path, strlen(path), &room)) == LIBSSH2_ERROR_EAGAIN)
        if (rift_ssh_wait(ssh, deadline_ns, err) < 0)
            return -1;
    if (result == 0 && room.f_bavail * room.f_frsize < (uint64_t)size)
        return rift_fail(err, RIFT_ERR_LIMIT,
                         "%s: no space left for %s: %.1f MB needed, %.1f MB free", ssh->label, path,
                         (double)size / 1e6, (double)(room.f_bavail * room.f_frsize) / 1e6);
    return rift_fail(err, RIFT_ERR_IO, "%s: write %s: SFTP status %lu", ssh->label, path,
                     libssh2_sftp_last_error(sftp));
}

static int close_remote(struct rift_ssh *ssh, LIBSSH2_SFTP_HANDLE *handle, int64_t deadline_ns,
                        struct rift_error *err)
{
    while (libssh2_sftp_close(handle) == LIBSSH2_ERROR_EAGAIN)
        if (rift_ssh_wait(ssh, deadline_ns, err) < 0)
            return -1;
    return 0;
}

static int send_file(struct rift_ssh *ssh, int local, const char *path, int64_t deadline_ns,
                     struct rift_error *err)
{
    CLEANUP(finish_sftp) LIBSSH2_SFTP *sftp = start_sftp(ssh, deadline_ns, err);
    struct stat facts;
    if (!sftp || fstat(local, &facts) < 0)
        return -1;
    unsigned long flags = LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT | LIBSSH2_FXF_TRUNC;
    LIBSSH2_SFTP_HANDLE *handle = open_remote(ssh, sftp, path, flags, deadline_ns, err);
    CLEANUP(rift_free) char *chunk = rift_malloc(SFTP_CHUNK_BYTES);
    int result = handle ? 0 : -1;
    ssize_t length = 0;
    while (result == 0 && (length = read(local, chunk, SFTP_CHUNK_BYTES)) > 0) {
        for (ssize_t at = 0; at < length && result == 0;) {
            ssize_t sent = libssh2_sftp_write(handle, chunk + at, (size_t)(length - at));
            if (sent > 0)
                at += sent;
            else if (sent == LIBSSH2_ERROR_EAGAIN)
                result = rift_ssh_wait(ssh, deadline_ns, err);
            else
                result = fail_write(ssh, sftp, path, facts.st_size, deadline_ns, err);
        }
    }
    if (length < 0)
        result = rift_fail_errno(err, RIFT_ERR_IO, "read the file to send");
    if (handle && close_remote(ssh, handle, deadline_ns, err) < 0)
        result = -1;
    return result;
}

static int run_script(struct rift_ssh *ssh, const char *script, int64_t deadline_ns,
                      struct rift_text *output, int *status, struct rift_error *err)
{
    if (rift_ssh_run(ssh, script, deadline_ns, output, status, err) < 0)
        return -1;
    while (output->length > 0 && strchr(" \r\n", output->data[output->length - 1]))
        output->data[--output->length] = '\0';
    return 0;
}

/* The value behind "rift-NAME " in the script's output, which a login script may have added to. */
static void read_fact(const char *output, const char *name, char *value, size_t size)
{
    value[0] = '\0';
    const char *line = strstr(output, name);
    if (!line)
        return;
    line += strlen(name);
    line += *line == ' ';
    snprintf(value, size, "%.*s", (int)strcspn(line, " \r\n"), line);
}

int rift_place_ask(struct rift_ssh *ssh, int64_t deadline_ns, struct rift_host_facts *facts,
                   struct rift_error *err)
{
    static const char script[] =
        "echo rift-machine $(uname -m); echo rift-uid $(id -u); "
        "echo rift-peer ${SSH_CONNECTION%% *}; echo rift-port ${SSH_CONNECTION##* }; "
        "[ $(id -u) = 0 ] || { sudo -n true </dev/null >/dev/null 2>&1 && echo rift-sudo yes; }; "
        "[ -f " RIFT_ALLOW_FILE " ] && echo rift-allow yes; true";
    CLEANUP(rift_text_finish) struct rift_text output = {NULL, 0, 0};
    char text[16];
    int status = 0;
    if (run_script(ssh, script, deadline_ns, &output, &status, err) < 0)
        return -1;
    read_fact(output.data, "rift-machine", facts->machine, sizeof facts->machine);
    read_fact(output.data, "rift-peer", facts->controller_address,
              sizeof facts->controller_address);
    read_fact(output.data, "rift-port", text, sizeof text);
    facts->own_port = (int)strtol(text, NULL, 10);
    read_fact(output.data, "rift-uid", text, sizeof text);
    if (!text[0])
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "%s: its shell does not run commands: %.*s",
                         ssh->label, SCRIPT_SAID_MAX, output.data);
    facts->is_root = strcmp(text, "0") == 0;
    read_fact(output.data, "rift-sudo", text, sizeof text);
    facts->can_sudo = strcmp(text, "yes") == 0;
    read_fact(output.data, "rift-allow", text, sizeof text);
    facts->allows_faults = strcmp(text, "yes") == 0;
    return 0;
}

static const char *sudo_of(const struct rift_ssh *ssh)
{
    return ssh->settings->use_sudo ? "sudo -n " : "";
}

/* 1 where remote_path has that sum already. */
static int has_sum(struct rift_ssh *ssh, const char *quoted_path, const char *sha256,
                   int64_t deadline_ns, struct rift_error *err)
{
    CLEANUP(rift_text_finish) struct rift_text output = {NULL, 0, 0};
    CLEANUP(rift_free)
    char *script = rift_printf("%ssha256sum %s </dev/null 2>/dev/null", sudo_of(ssh), quoted_path);
    int status = 0;
    if (run_script(ssh, script, deadline_ns, &output, &status, err) < 0)
        return -1;
    return status == 0 && strstr(output.data, sha256) != NULL;
}

/* Nobody else's name. */
static int draw_name(const char *folder, const char *what, char **path, struct rift_error *err)
{
    uint64_t nonce = 0;
    if (getrandom(&nonce, sizeof nonce, 0) != (ssize_t)sizeof nonce)
        return rift_fail_errno(err, RIFT_ERR_IO, "random bytes");
    *path = rift_printf("%s/.rift-%s-%016llx", folder, what, (unsigned long long)nonce);
    return 0;
}

/* Makes the folder, and names the place where the login may write the upload. */
static int prepare_stage(struct rift_ssh *ssh, const char *remote_path, char **stage,
                         int64_t deadline_ns, struct rift_error *err)
{
    CLEANUP(rift_text_finish) struct rift_text quoted = {NULL, 0, 0};
    CLEANUP(rift_text_finish) struct rift_text output = {NULL, 0, 0};
    int status = 0;
    const char *slash = strrchr(remote_path, '/');
    CLEANUP(rift_free)
    char *folder = rift_strndup(remote_path, slash ? (size_t)(slash - remote_path) : 0);
    if (!folder[0])
        return rift_fail(err, RIFT_ERR_INVALID, "%s is no absolute path below a folder",
                         remote_path);
    bool is_roots = ssh->settings->use_sudo && strcmp(folder, RIFT_MEMORY_FOLDER) != 0;
    if (draw_name(is_roots ? "/tmp" : folder, "upload", stage, err) < 0)
        return -1;
    rift_shell_quote(&quoted, folder);
    CLEANUP(rift_free) char *script = rift_printf("%smkdir -p %s", sudo_of(ssh), quoted.data);
    if (run_script(ssh, script, deadline_ns, &output, &status, err) < 0)
        return -1;
    return status == 0 ? 0
                       : rift_fail(err, RIFT_ERR_IO, "%s: make %s: %.*s", ssh->label, folder,
                                   SCRIPT_SAID_MAX, output.data);
}

/* Checks the sum of what arrived, then moves it to its place; on failure nothing of it is left.
 * With sudo it becomes root's before it is checked, so that nobody can change it in between. */
static int move_stage(struct rift_ssh *ssh, const char *stage, const char *quoted_path,
                      const char *sha256, int mode, int64_t deadline_ns, struct rift_error *err)
{
    static const char script[] =
        "fail() { rm -f $s; $S rm -f \"$n\"; echo \"$1\"; exit 1; }; "
        "if [ \"$S\" ]; then n=$p.${s##*-}; $S install -m $m $s \"$n\" || fail \"cannot copy\"; "
        "rm -f $s; else n=$s; chmod $m $s || fail \"cannot set the mode\"; fi; "
        "[ \"$($S sha256sum \"$n\" </dev/null | cut -c1-64)\" = $sum ] || fail \"it is not what "
        "was "
        "sent\"; $S mv -f \"$n\" \"$p\" || fail \"cannot rename\"";
    CLEANUP(rift_text_finish) struct rift_text output = {NULL, 0, 0};
    CLEANUP(rift_free)
    char *command = rift_printf("S='%s' p=%s s=%s m=%o sum=%s; %s", sudo_of(ssh), quoted_path,
                                stage, (unsigned)mode, sha256, script);
    int status = 0;
    if (run_script(ssh, command, deadline_ns, &output, &status, err) < 0)
        return -1;
    return status == 0 ? 0
                       : rift_fail(err, RIFT_ERR_IO, "%s: put the upload in its place: %.*s",
                                   ssh->label, SCRIPT_SAID_MAX, output.data);
}

static void forget_stage(struct rift_ssh *ssh, const char *stage)
{
    CLEANUP(rift_text_finish) struct rift_text output = {NULL, 0, 0};
    CLEANUP(rift_free) char *script = rift_printf("rm -f %s", stage);
    struct rift_error ignored;
    int status = 0;
    rift_ssh_run(ssh, script, rift_clock_now() + 2 * RIFT_SECOND, &output, &status, &ignored);
}

int rift_place_file(struct rift_ssh *ssh, const char *local_path, const char *remote_path, int mode,
                    int64_t deadline_ns, char sha256[RIFT_SHA256_HEX_SIZE], struct rift_error *err)
{
    CLEANUP(rift_close_fd) int local = open(local_path, O_RDONLY | O_CLOEXEC);
    CLEANUP(rift_text_finish) struct rift_text quoted = {NULL, 0, 0};
    CLEANUP(rift_free) char *stage = NULL;
    if (local < 0)
        return rift_fail_errno(err, RIFT_ERR_MISSING, "open %s", local_path);
    if (rift_sha256_file(local_path, sha256, err) < 0)
        return -1;
    rift_shell_quote(&quoted, remote_path);
    int is_there = has_sum(ssh, quoted.data, sha256, deadline_ns, err);
    if (is_there != 0)
        return is_there < 0 ? -1 : 0;
    if (prepare_stage(ssh, remote_path, &stage, deadline_ns, err) < 0)
        return -1;
    if (send_file(ssh, local, stage, deadline_ns, err) < 0) {
        forget_stage(ssh, stage);
        return rift_wrap(err, "upload %s", local_path);
    }
    if (move_stage(ssh, stage, quoted.data, sha256, mode, deadline_ns, err) < 0)
        return rift_wrap(err, "upload %s", local_path);
    return 0;
}

static int receive_file(struct rift_ssh *ssh, const char *path, int local, int64_t deadline_ns,
                        struct rift_error *err)
{
    CLEANUP(finish_sftp) LIBSSH2_SFTP *sftp = start_sftp(ssh, deadline_ns, err);
    LIBSSH2_SFTP_HANDLE *handle =
        sftp ? open_remote(ssh, sftp, path, LIBSSH2_FXF_READ, deadline_ns, err) : NULL;
    if (!handle)
        return -1;
    CLEANUP(rift_free) char *chunk = rift_malloc(SFTP_CHUNK_BYTES);
    int result = 0;
    for (ssize_t got; result == 0;) {
        got = libssh2_sftp_read(handle, chunk, SFTP_CHUNK_BYTES);
        if (got == 0)
            break;
        if (got == LIBSSH2_ERROR_EAGAIN)
            result = rift_ssh_wait(ssh, deadline_ns, err);
        else if (got < 0)
            result = rift_ssh_fail(ssh, RIFT_ERR_IO, path, err);
        else if (write(local, chunk, (size_t)got) != got)
            result = rift_fail_errno(err, RIFT_ERR_IO, "write the copy of %s", path);
    }
    if (close_remote(ssh, handle, deadline_ns, err) < 0)
        result = -1;
    return result;
}

/* A copy that the login may read, where it is not root. */
static int make_readable(struct rift_ssh *ssh, const char *remote_path, char **stage,
                         int64_t deadline_ns, struct rift_error *err)
{
    CLEANUP(rift_text_finish) struct rift_text quoted = {NULL, 0, 0};
    CLEANUP(rift_text_finish) struct rift_text output = {NULL, 0, 0};
    int status = 0;
    if (draw_name("/tmp", "fetch", stage, err) < 0)
        return -1;
    rift_shell_quote(&quoted, remote_path);
    CLEANUP(rift_free)
    char *script =
        rift_printf("sudo -n install -m 0600 -o $(id -u) %s %s </dev/null", quoted.data, *stage);
    if (run_script(ssh, script, deadline_ns, &output, &status, err) < 0)
        return -1;
    return status == 0 ? 0
                       : rift_fail(err, RIFT_ERR_IO, "%s: read %s: %.*s", ssh->label, remote_path,
                                   SCRIPT_SAID_MAX, output.data);
}

int rift_fetch_file(struct rift_ssh *ssh, const char *remote_path, const char *local_path,
                    int64_t deadline_ns, struct rift_error *err)
{
    CLEANUP(rift_free) char *stage = NULL;
    CLEANUP(rift_close_fd)
    int local = open(local_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (local < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "create %s", local_path);
    if (ssh->settings->use_sudo && make_readable(ssh, remote_path, &stage, deadline_ns, err) < 0)
        return -1;
    int result = receive_file(ssh, stage ? stage : remote_path, local, deadline_ns, err);
    if (stage)
        forget_stage(ssh, stage);
    return result;
}
