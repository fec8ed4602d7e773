/* The files in which a lab host differs from the machine it runs on. */
#include "lab/host_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/text.h"
#include "lab/network.h"
#include "lab/packages.h"
#include "lab/registry.h"

static const char sshd_config[] = "HostKey /etc/ssh/rift_lab_host_key\n"
                                  "PidFile none\n"
                                  "UsePAM no\n"
                                  "PermitRootLogin prohibit-password\n"
                                  "PasswordAuthentication no\n"
                                  "KbdInteractiveAuthentication no\n"
                                  "UseDNS no\n"
                                  "PrintMotd no\n"
                                  "PrintLastLog no\n"
                                  "MaxStartups 100:30:200\n"
                                  "Subsystem sftp internal-sftp\n";

void lab_host_name(unsigned number, char name[16])
{
    snprintf(name, 16, "n%u", number);
}

int lab_host_write_bytes(const char *upper, const char *file, mode_t mode, const char *bytes,
                         size_t length, struct rift_error *err)
{
    char path[LAB_PATH_SIZE];
    snprintf(path, sizeof path, "%s%s", upper, file);
    CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0 || write(fd, bytes, length) != (ssize_t)length)
        return rift_fail_errno(err, RIFT_ERR_IO, "write %s", path);
    return 0;
}

int lab_host_write_file(const char *upper, const char *file, mode_t mode, const char *text,
                        struct rift_error *err)
{
    return lab_host_write_bytes(upper, file, mode, text, strlen(text), err);
}

static int make_folder(const char *upper, const char *name, mode_t mode, struct rift_error *err)
{
    char path[LAB_PATH_SIZE];
    snprintf(path, sizeof path, "%s%s", upper, name);
    if (mkdir(path, mode) < 0 && errno != EEXIST)
        return rift_fail_errno(err, RIFT_ERR_IO, "make %s", path);
    return 0;
}

/* A folder in which the host sees nothing of the machine's. */
static int make_opaque_folder(const char *upper, const char *name, struct rift_error *err)
{
    char path[LAB_PATH_SIZE];
    snprintf(path, sizeof path, "%s%s", upper, name);
    if (make_folder(upper, name, 0755, err) < 0)
        return -1;
    if (setxattr(path, "trusted.overlay.opaque", "y", 1, 0) < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "hide the machine's %s", name);
    return 0;
}

static int read_text(const char *path, struct rift_text *text, struct rift_error *err)
{
    CLEANUP(rift_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    char bytes[4096];
    ssize_t count = -1;
    while (fd >= 0 && (count = read(fd, bytes, sizeof bytes)) > 0)
        rift_text_append_bytes(text, bytes, (size_t)count);
    rift_text_append(text, "");
    return count < 0 ? rift_fail_errno(err, RIFT_ERR_IO, "read %s", path) : 0;
}

static int write_hosts(const struct lab_host_plan *plan, const char *upper, struct rift_error *err)
{
    CLEANUP(rift_text_finish) struct rift_text text = {NULL, 0, 0};
    char name[16], address[LAB_ADDRESS_SIZE];
    rift_text_append(&text, "127.0.0.1 localhost\n::1 localhost ip6-localhost\n");
    for (unsigned i = 1; i <= plan->host_count; i++) {
        lab_host_name(i, name);
        lab_network_address_text(plan->subnet, i, address);
        rift_text_printf(&text, "%s %s\n", address, name);
    }
    /* Under names of their own: a system given "n1" must not have to choose a family. */
    for (unsigned i = 1; i <= plan->host_count; i++) {
        lab_host_name(i, name);
        lab_network_address6_text(plan->subnet, i, address);
        rift_text_printf(&text, "%s %s-v6\n", address, name);
    }
    lab_host_name(plan->number, name);
    rift_text_append(&text, "");
    if (lab_host_write_file(upper, "/etc/hosts", 0644, text.data, err) < 0)
        return -1;
    CLEANUP(rift_free) char *hostname = rift_printf("%s\n", name);
    /* There is no name server; an empty file makes a look-up fail at once. */
    if (lab_host_write_file(upper, "/etc/resolv.conf", 0644, "", err) < 0)
        return -1;
    return lab_host_write_file(upper, "/etc/hostname", 0644, hostname, err);
}

/* True where a line of text starts with word. */
static bool has_line(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, word, length) == 0)
            return true;
        if (!*line)
            break;
    }
    return false;
}

/* The machine's users, and those that the layer's packages would have made. */
static int write_users(const struct lab_host_plan *plan, const char *upper, struct rift_error *err)
{
    CLEANUP(rift_text_finish) struct rift_text passwd = {NULL, 0, 0};
    CLEANUP(rift_text_finish) struct rift_text group = {NULL, 0, 0};
    CLEANUP(rift_text_finish) struct rift_text packages = {NULL, 0, 0};
    if (read_text("/etc/passwd", &passwd, err) < 0 || read_text("/etc/group", &group, err) < 0)
        return -1;
    if (plan->layer_list && read_text(plan->layer_list, &packages, err) < 0)
        return -1;
    for (const struct lab_user *user = lab_users; user->package && packages.data; user++) {
        CLEANUP(rift_free) char *start = rift_printf("%s:", user->name);
        if (!has_line(packages.data, user->package))
            continue;
        if (!has_line(group.data, start))
            rift_text_printf(&group, "%s:x:%u:\n", user->name, user->id);
        if (!has_line(passwd.data, start))
            rift_text_printf(&passwd, "%s:x:%u:%u::%s:/bin/sh\n", user->name, user->id, user->id,
                             user->home);
    }
    if (lab_host_write_file(upper, "/etc/passwd", 0644, passwd.data, err) < 0 ||
        lab_host_write_file(upper, "/etc/group", 0644, group.data, err) < 0)
        return -1;
    /* Without PAM sshd refuses an account whose password field starts with '!', and the machine's
     * root may be such a one. Nobody of the lab has a password. */
    return lab_host_write_file(upper, "/etc/shadow", 0600, "root:*:19000:0:99999:7:::\n", err);
}

int lab_host_write_files(const struct lab_host_plan *plan, const char *upper,
                         struct rift_error *err)
{
    static const char *const folders[] = {"/etc", "/etc/ssh", "/var", "/var/lib", "/var/log"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (make_folder(upper, folders[i], 0755, err) < 0)
            return -1;
    if (make_opaque_folder(upper, "/var/lib/rift", err) < 0 ||
        make_opaque_folder(upper, "/etc/rift", err) < 0 || write_hosts(plan, upper, err) < 0 ||
        write_users(plan, upper, err) < 0)
        return -1;
    if (lab_host_write_file(upper, "/etc/ssh/rift_lab_host_key", 0600, plan->host_key, err) < 0)
        return -1;
    return lab_host_write_file(upper, "/etc/ssh/rift_lab_sshd_config", 0644, sshd_config, err);
}
