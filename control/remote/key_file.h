/* A key file of OpenSSH's, looked at before it is used: what libssh2 would only call "unable to
 * open private key file", and keys that ssh-agent is to use. */
#ifndef CONTROL_REMOTE_KEY_FILE_H
#define CONTROL_REMOTE_KEY_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

enum { KEY_PUBLIC_MAX = 2048 };

struct key_file {
    bool is_public;     /* the private half lies elsewhere */
    bool is_locked;     /* by a passphrase */
    char kind[40];      /* "ssh-ed25519"; "" where the format tells it only to OpenSSL */
    size_t public_size; /* 0: as above */
    unsigned char public_key[KEY_PUBLIC_MAX];
};

/* path, or path.pub where only that is there. Fails where it cannot be read (MISSING, IO), is no
 * key (INVALID), or is one of ours that others may read, which ssh refuses too (DENIED). */
int key_file_read(const char *path, struct key_file *key, struct rift_error *err);

#endif
