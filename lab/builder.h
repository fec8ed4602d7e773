/* The process that makes a lab's hosts: it becomes the bridge's namespace, clones each host into
 * its own, and ends. The hosts go on as orphans, kept together by their control groups. */
#ifndef LAB_BUILDER_H
#define LAB_BUILDER_H

#include <stdint.h>

#include "common/error.h"
#include "lab/cgroups.h"
#include "lab/packages.h"
#include "lab/registry.h"

struct lab_build {
    struct lab_record *record; /* its inits are filled in */
    const struct lab_cgroups *cgroups;
    const struct lab_layer *layer;
    const char *login_key;
    char *const *host_keys; /* private keys' text, one a host */
};

/* Returns once every host has started its sshd. After failure processes of the lab may be left;
 * they are in its control groups. */
int lab_build_run(const struct lab_build *build, int64_t deadline_ns, struct rift_error *err);

#endif
