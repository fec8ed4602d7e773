/* What a host is to be, and the files that make it so. */
#ifndef LAB_HOST_FILES_H
#define LAB_HOST_FILES_H

#include <stddef.h>
#include <sys/stat.h>

#include "common/error.h"
#include "lab/cgroups.h"
#include "lab/registry.h"

struct lab_host_plan {
    const char *lab;
    unsigned subnet;
    unsigned number; /* 1 for "n1": also the last octet of the address */
    size_t host_count;
    const char *layer_folder; /* unpacked packages, or NULL */
    const char *layer_list;   /* file with their names, or NULL */
    const char *login_key;    /* authorized_keys' text */
    const char *host_key;     /* sshd's private key, text */
    const struct lab_cgroups *cgroups;
    enum lab_driver driver;
};

void lab_host_name(unsigned number, char name[16]);

/* Writes the host's own files below upper, the upper folder of its root. */
int lab_host_write_files(const struct lab_host_plan *plan, const char *upper,
                         struct rift_error *err);
/* Writes one file below upper. */
int lab_host_write_file(const char *upper, const char *file, mode_t mode, const char *text,
                        struct rift_error *err);
int lab_host_write_bytes(const char *upper, const char *file, mode_t mode, const char *bytes,
                         size_t length, struct rift_error *err);

#endif
