/* Debian packages for lab hosts, without installing them on this machine: the debs are fetched,
 * unpacked into one tar file, and kept, so that a second lab needs no network.
 *
 * Maintainer scripts do not run: no service is started or enabled anywhere; what a system needs of
 * them its recipe does. */
#ifndef LAB_PACKAGES_H
#define LAB_PACKAGES_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "lab/registry.h"

struct lab_layer {
    char tar_file[LAB_PATH_SIZE];  /* "" where there is no package */
    char list_file[LAB_PATH_SIZE]; /* names of the packages in it, one a line */
};

/* A user that a package's maintainer script would have made. */
struct lab_user {
    const char *package; /* prefix of the package's name */
    const char *name;
    unsigned id; /* user and group */
    const char *home;
};

/* Ends with a NULL package. */
extern const struct lab_user lab_users[];

/* Fetches and unpacks names (NULL-terminated) with all they need, unless kept from an earlier time.
 * The cache is /var/cache/rift; a package that this machine already has is not fetched, as the
 * hosts see it through their root. */
int lab_packages_prepare(const char *const *names, int64_t deadline_ns, struct lab_layer *layer,
                         struct rift_error *err);
/* Unpacks the layer into folder. */
int lab_packages_unpack(const struct lab_layer *layer, const char *folder, int64_t deadline_ns,
                        struct rift_error *err);

#endif
