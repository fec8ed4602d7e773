/* What is known of a lab on disk: written before anything of it is made, so that a lab can be taken
 * down whatever happened to the process that made it.
 *
 * A lab lives in /run/rift/lab/NAME: state.json, the login key, known_hosts. All else follows from
 * its name (cgroups) and from the number of its subnet (addresses, the name of its link). */
#ifndef LAB_REGISTRY_H
#define LAB_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

#define LAB_RUN_DIR      "/run/rift/lab"
#define LAB_DEFAULT_NAME "lab"

enum {
    LAB_HOSTS_MAX = 250, /* one octet of the address, without .0, .254 (the controller) and .255 */
    LAB_SUBNETS_MAX = 256,
    LAB_NAME_SIZE = 24,
    LAB_PACKAGES_SIZE = 512,
    LAB_PATH_SIZE = 256,
};

enum lab_driver {
    LAB_NETNS,   /* namespaces on this machine's kernel */
    LAB_UML,     /* a kernel of its own: guest.h */
    LAB_SYSTEMD, /* the same, with systemd as its PID 1 */
};

struct lab_init {
    pid_t pid;
    uint64_t started; /* field 22 of /proc/PID/stat: tells a pid from its successor */
};

struct lab_record {
    char name[LAB_NAME_SIZE];
    unsigned subnet;
    size_t host_count;
    enum lab_driver driver;
    char packages[LAB_PACKAGES_SIZE]; /* as asked for, blank between */
    bool is_ready;                    /* false: being made, or left so by a killed rift */
    struct lab_init inits[LAB_HOSTS_MAX];
};

const char *lab_driver_name(enum lab_driver driver);
/* NULL is netns. */
int lab_driver_find(const char *name, enum lab_driver *driver, struct rift_error *err);

/* Lower case letters, digits and '-', at most LAB_NAME_SIZE - 1. */
int lab_name_check(const char *name, struct rift_error *err);
/* LAB_RUN_DIR/NAME/FILE, or the folder itself where file is "". */
void lab_path(const char *name, const char *file, char path[LAB_PATH_SIZE]);

/* Takes the lab's lock, made with the lab's folder where create says so, and held until the
 * descriptor is closed. *fd is -1 after success where the lab has no folder and create is false. */
int lab_lock(const char *name, bool create, int64_t deadline_ns, int *fd, struct rift_error *err);

/* Picks a subnet that no lab and no interface of this machine uses, and writes the record. */
int lab_record_begin(struct lab_record *record, int64_t deadline_ns, struct rift_error *err);
int lab_record_write(const struct lab_record *record, struct rift_error *err);
/* RIFT_ERR_MISSING where there is no such lab. */
int lab_record_read(const char *name, struct lab_record *record, struct rift_error *err);
/* Every host's PID 1 is alive. */
bool lab_record_is_alive(const struct lab_record *record);
/* Removes the lab's folder. */
int lab_record_remove(const char *name, struct rift_error *err);

/* Field 22 of /proc/PID/stat, 0 where there is no such process. */
uint64_t lab_process_started(pid_t pid);

#endif
