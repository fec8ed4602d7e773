/* Hosts on this machine that the controller reaches as it reaches real ones: by address, port, user
 * and key over SSH. */
#ifndef LAB_LAB_H
#define LAB_LAB_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct rift_lab_host {
    char name[16];    /* "n1" */
    char address[64]; /* numeric */
    uint16_t port;
    char user[32];
    char key_file[256];         /* private key for the login */
    char known_hosts_file[256]; /* the lab's own */
};

struct rift_lab_request {
    const char *name;   /* labs of different names live side by side; NULL: "lab" */
    const char *driver; /* "netns" */
    size_t host_count;
    const char *const *packages; /* Debian packages for the layer below the hosts, NULL-terminated, or NULL */
    int64_t deadline_ms;
};

struct rift_lab;

/* Brings the lab up, or takes over one of that name that is already up with as many hosts. */
struct rift_lab *rift_lab_up(const struct rift_lab_request *request, struct rift_error *err);
/* An existing lab by name. */
struct rift_lab *rift_lab_open(const char *name, struct rift_error *err);
const struct rift_lab_host *rift_lab_hosts(const struct rift_lab *lab, size_t *count);
/* Frees the description; the hosts go on. */
void rift_lab_close(struct rift_lab *lab);
/* Ends every process of the lab and removes all it made, also what a killed rift left. No lab of
 * that name: success. */
int rift_lab_down(const char *name, struct rift_error *err);

#endif
