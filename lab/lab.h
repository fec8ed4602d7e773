/* Hosts on this machine that the controller reaches as it reaches real ones: by address, port, user
 * and key over SSH. */
#ifndef LAB_LAB_H
#define LAB_LAB_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

struct rift_lab_host {
    char name[16];     /* "n1" */
    char address[64];  /* numeric, IPv4 */
    char address6[64]; /* numeric, IPv6 */
    pid_t init_pid;    /* its PID 1, as this machine counts; its end is the host's power-off */
    uint16_t port;
    char user[32];
    char key_file[256];         /* private key for the login */
    char known_hosts_file[256]; /* the lab's own */
};

struct rift_lab_request {
    const char *name; /* labs of different names live side by side; NULL: "lab" */
    /* "netns", as NULL is; "uml": each host has a kernel of its own, seconds slower; "systemd":
     * that, and systemd as PID 1. */
    const char *driver;
    size_t host_count; /* 1 to 250 */
    /* Debian packages for the layer below the hosts, NULL-terminated, or NULL. The first time they
     * are fetched with apt-get; after that a lab comes up without a network. */
    const char *const *packages;
    int64_t deadline_ms;
};

struct rift_lab;

/* Brings the lab up, or takes over one of that name that is already up with as many hosts and
 * at least these packages; what a killed rift left of it is removed first. Needs root. Forks without
 * exec: call it before the process has started a thread. */
struct rift_lab *rift_lab_up(const struct rift_lab_request *request, struct rift_error *err);
/* An existing lab by name. */
struct rift_lab *rift_lab_open(const char *name, struct rift_error *err);
const struct rift_lab_host *rift_lab_hosts(const struct rift_lab *lab, size_t *count);
/* Frees the description; the hosts go on. */
void rift_lab_close(struct rift_lab *lab);
/* Ends every process of the lab and removes all it made, also what a killed rift left. No lab of
 * that name: success. */
int rift_lab_down(const char *name, struct rift_error *err);
/* Names of the labs that are there, whole or not: NULL-terminated, freed by one free() each and one
 * for the array. */
char **rift_lab_names(void);

#endif
