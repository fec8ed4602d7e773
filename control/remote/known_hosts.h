/* One file of host keys as ssh keeps them (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). libssh2 looks
 * lines up, hashed ones too; of patterns and of the marks @revoked and @cert-authority it knows
 * nothing. */
#ifndef CONTROL_REMOTE_KNOWN_HOSTS_H
#define CONTROL_REMOTE_KNOWN_HOSTS_H

#include <stdbool.h>

#include <libssh2.h>

struct known_hosts_marks {
    bool is_revoked;    /* the key is, for whatever host: who has it may be anybody */
    bool has_authority; /* for the host */
};

/* Adds to hosts what the file says of the host called name ("host", or "[host]:2222"), and to marks
 * what it marks; key is that of the host, in base64. What ssh could not read either is left out,
 * and a file that is not there says nothing; false where it cannot be read. */
bool known_hosts_read(const char *path, const char *name, const char *key,
                      LIBSSH2_KNOWNHOSTS *hosts, struct known_hosts_marks *marks);

#endif
