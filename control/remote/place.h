/* Files to and from a node over one SSH session: by SFTP, checked by SHA-256, in their place at
 * once or not at all. */
#ifndef CONTROL_REMOTE_PLACE_H
#define CONTROL_REMOTE_PLACE_H

#include "common/sha256.h"
#include "control/remote/ssh.h"

/* For what a disk does not take; anybody may write there. /run is mounted noexec by some. */
#define RIFT_MEMORY_FOLDER "/dev/shm"

/* What a host said of itself before anything was put there. */
struct rift_host_facts {
    char machine[32];            /* uname -m */
    bool is_root;                /* the login is */
    bool can_sudo;               /* sudo -n works */
    bool allows_faults;          /* it has RIFT_ALLOW_FILE */
    char controller_address[64]; /* ours as the host sees it */
    int own_port;                /* that our connection comes to there; 0: not told */
};

int rift_place_ask(struct rift_ssh *ssh, int64_t deadline_ns, struct rift_host_facts *facts,
                   struct rift_error *err);

/* Puts local_path at remote_path with that mode, owned by root where the login is root or sudo is
 * used; nothing is sent where a file of the same sum is there already. Folders above are made. */
int rift_place_file(struct rift_ssh *ssh, const char *local_path, const char *remote_path, int mode,
                    int64_t deadline_ns, char sha256[RIFT_SHA256_HEX_SIZE], struct rift_error *err);
int rift_fetch_file(struct rift_ssh *ssh, const char *remote_path, const char *local_path,
                    int64_t deadline_ns, struct rift_error *err);

#endif
