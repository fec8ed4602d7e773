/* A shell on a host over one SSH login that stays: on a host that is a guest each login takes long,
 * and with systemd it is a session of its own. */
#ifndef TESTS_LIB_HOST_SHELL_H
#define TESTS_LIB_HOST_SHELL_H

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "lab/lab.h"

struct host_shell {
    FILE *in, *out;
    pid_t pid;
};

/* Fails the test where there is no login. */
void host_shell_open(const struct rift_lab_host *host, struct host_shell *shell);
/* Runs a script with bash; its exit code. Output, what it said on stderr included, without the last
 * line break. */
int host_shell_run(struct host_shell *shell, const char *script, char *output, size_t size);
/* The same, and fails the test unless it is 0. */
void host_shell_must(struct host_shell *shell, const char *script, char *output, size_t size);
void host_shell_close(struct host_shell *shell);

#endif
