/* The guest's kernel is a program, /usr/bin/linux.uml of Debian's user-mode-linux; its root is what
 * the program sees, through hostfs. */
#include "lab/guest.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/embed.h"
#include "common/memory.h"
#include "common/text.h"
#include "lab/network.h"

#define GUEST_INIT      "/etc/rift-lab-guest"
#define GUEST_REGISTERS "/etc/rift-lab-guest-registers.so"
#define GUEST_MEMORY    "mem=512M" /* taken page by page, when the guest first touches it */

RIFT_EMBED(lab_guest_init, LAB_FOLDER "/guest_init.sh");
RIFT_EMBED(lab_guest_sshd, LAB_FOLDER "/guest_sshd.sh");
RIFT_EMBED(lab_guest_systemd, LAB_FOLDER "/guest_systemd.sh");
RIFT_EMBED(lab_guest_registers, "lab_guest_registers.so"); /* guest_registers.c */

const char *const lab_guest_packages[] = {"user-mode-linux", "kmod", "iproute2", NULL};
const char *const lab_guest_systemd_packages[] = {"systemd", "dbus", "libpam-systemd", NULL};

/* Appends the script with each @WORD@ of it replaced. */
static void fill_in(struct rift_text *script, const char *const (*words)[2], size_t count)
{
    const char *at = lab_guest_init_begin;
    while (at < lab_guest_init_end) {
        size_t i = 0;
        while (i < count && !rift_text_starts_with(at, words[i][0]))
            i++;
        if (i < count) {
            rift_text_append(script, words[i][1]);
            at += strlen(words[i][0]);
        } else {
            rift_text_append_bytes(script, at++, 1);
        }
    }
}

int lab_guest_write_files(const struct lab_host_plan *plan, const char *upper,
                          struct rift_error *err)
{
    char name[16], address[LAB_ADDRESS_SIZE], address6[LAB_ADDRESS_SIZE];
    lab_host_name(plan->number, name);
    lab_network_address_text(plan->subnet, plan->number, address);
    lab_network_address6_text(plan->subnet, plan->number, address6);
    const char *const words[][2] = {
        {"@NAME@", name},
        {"@ADDRESS@", address},
        {"@ADDRESS6@", address6},
        {"@SERVE@", plan->driver == LAB_SYSTEMD ? lab_guest_systemd_begin : lab_guest_sshd_begin}};
    CLEANUP(rift_text_finish) struct rift_text script = {NULL, 0, 0};
    fill_in(&script, words, sizeof words / sizeof *words);
    if (lab_host_write_file(upper, GUEST_INIT, 0755, script.data, err) < 0)
        return -1;
    size_t length = (size_t)(lab_guest_registers_end - lab_guest_registers_begin);
    return lab_host_write_bytes(upper, GUEST_REGISTERS, 0755, lab_guest_registers_begin, length,
                                err);
}

pid_t lab_guest_start(void)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    static char *const argv[] = {"linux.uml",
                                 GUEST_MEMORY,
                                 "rootfstype=hostfs",
                                 "rootflags=/",
                                 "ro",
                                 "init=" GUEST_INIT,
                                 "vec0:transport=tap,ifname=" LAB_TAP ",depth=128,gro=0",
                                 "con=null",
                                 "con0=null,fd:1",
                                 "ssl=null",
                                 NULL};
    /* UML keeps its memory in an unlinked file there. */
    static char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
                                        "TMPDIR=/dev/shm", "LD_PRELOAD=" GUEST_REGISTERS, NULL};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int log = open("/var/log/guest.log", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    close_range(STDERR_FILENO + 1, ~0U, 0);
    setsid();
    execve("/usr/bin/linux.uml", argv, environment);
    _exit(127);
}
