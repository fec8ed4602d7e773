/* A real etcd on loopback for a test: Debian's binary, unpacked into the build folder and never
 * installed. */
#ifndef TESTS_LIB_REAL_ETCD_H
#define TESTS_LIB_REAL_ETCD_H

#include <stdint.h>
#include <sys/types.h>

struct real_etcd {
    pid_t pid;
    uint16_t port; /* of clients */
    char folder[64];
};

enum { REAL_ETCD_MEMBERS_MAX = 5 };

/* NULL, with the reason in *why, where the package can be had neither from the build folder nor by
 * apt-get download. */
const char *real_etcd_binary(const char **why);
/* Starts a cluster of count members, with further arguments (NULL-terminated, or NULL) for each;
 * with --cert-file clients are to speak https.
 * They are starting, not ready, when this returns. */
void real_etcd_start(struct real_etcd *members, int count, const char *const *more);
/* SIGSTOP, until every thread has stopped: on a busy machine some go on for a while. SIGCONT ends
 * it. */
void real_etcd_pause(const struct real_etcd *member);
/* kill -9, and the folder is removed. */
void real_etcd_stop(struct real_etcd *member);

#endif
