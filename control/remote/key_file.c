#include "control/remote/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/memory.h"

enum { FILE_MAX = 64 * 1024 };

static int read_text(const char *path, char **text, struct stat *found, struct rift_error *err)
{
    CLEANUP(rift_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        CLEANUP(rift_free) char *public_path = rift_printf("%s.pub", path);
        fd = open(public_path, O_RDONLY | O_CLOEXEC);
        errno = ENOENT;
    }
    *text = rift_malloc(FILE_MAX + 1);
    ssize_t length = fd >= 0 && fstat(fd, found) == 0 ? read(fd, *text, FILE_MAX) : -1;
    (*text)[length > 0 ? length : 0] = '\0';
    if (length < 0)
        return rift_fail_errno(err, errno == ENOENT ? RIFT_ERR_MISSING : RIFT_ERR_IO,
                               "read the private key %s", path);
    return 0;
}

/* A field of SSH's formats, 32 bits of length and as many bytes; NULL at the end. */
static const unsigned char *next_field(const unsigned char *bytes, size_t length, size_t *at,
                                       size_t *size)
{
    if (length - *at < 4)
        return NULL;
    const unsigned char *head = bytes + *at;
    *size = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    *at += 4;
    if (length - *at < *size)
        return NULL;
    *at += *size;
    return head + 4;
}

/* A public key begins with its kind. */
static void keep_public(struct key_file *key, const unsigned char *blob, size_t size)
{
    size_t at = 0, kind_size;
    const unsigned char *kind = next_field(blob, size, &at, &kind_size);
    if (!kind || kind_size >= sizeof key->kind || size > sizeof key->public_key)
        return;
    memcpy(key->kind, kind, kind_size);
    memcpy(key->public_key, blob, size);
    key->public_size = size;
}

/* The head of a private key (PROTOCOL.key in OpenSSH's source): the magic word, the fields cipher,
 * kdf and kdf options, a count, and the public key. */
static void read_openssh(struct key_file *key, const char *body)
{
    enum { MAGIC_BYTES = 15, COUNT_BYTES = 4 };
    static const char open_cipher[] = "none";
    CLEANUP(rift_text_finish) struct rift_text digits = {0}, bytes = {0};
    for (; *body && *body != '-'; body++)
        if (*body != '\n' && *body != '\r')
            rift_text_append_bytes(&digits, body, 1);
    if (!rift_base64_decode(&bytes, digits.data ? digits.data : "", digits.length) ||
        bytes.length < MAGIC_BYTES)
        return;
    const unsigned char *all = (const unsigned char *)bytes.data;
    size_t at = MAGIC_BYTES, size, ignored;
    const unsigned char *cipher = next_field(all, bytes.length, &at, &size);
    key->is_locked = cipher && (size != sizeof open_cipher - 1 ||
                                memcmp(cipher, open_cipher, sizeof open_cipher - 1) != 0);
    if (!cipher || !next_field(all, bytes.length, &at, &ignored) ||
        !next_field(all, bytes.length, &at, &ignored) || bytes.length - at < COUNT_BYTES)
        return;
    at += COUNT_BYTES;
    const unsigned char *blob = next_field(all, bytes.length, &at, &size);
    if (blob)
        keep_public(key, blob, size);
}

/* "ssh-ed25519 AAAA... comment" */
static bool read_public(struct key_file *key, const char *text)
{
    CLEANUP(rift_text_finish) struct rift_text bytes = {0};
    const char *blob = text + strcspn(text, " \n");
    size_t length = *blob == ' ' ? strcspn(blob + 1, " \r\n") : 0;
    if (length > 0 && rift_base64_decode(&bytes, blob + 1, length))
        keep_public(key, (const unsigned char *)bytes.data, bytes.length);
    key->is_public = key->public_size > 0 && strncmp(text, key->kind, strlen(key->kind)) == 0;
    return key->is_public;
}

int key_file_read(const char *path, struct key_file *key, struct rift_error *err)
{
    static const char openssh[] = "-----BEGIN OPENSSH PRIVATE KEY-----";
    CLEANUP(rift_free) char *text = NULL;
    struct stat found;
    *key = (struct key_file){0};
    if (read_text(path, &text, &found, err) < 0)
        return -1;
    if (!strstr(text, "PRIVATE KEY"))
        return read_public(key, text)
                   ? 0
                   : rift_fail(err, RIFT_ERR_INVALID, "%s is no private key", path);
    const char *body = strstr(text, openssh);
    if (body)
        read_openssh(key, body + sizeof openssh - 1);
    else if (strstr(text, "BEGIN RSA PRIVATE KEY"))
        snprintf(key->kind, sizeof key->kind, "ssh-rsa");
    key->is_locked |= strstr(text, "ENCRYPTED") != NULL;
    /* OpenSSH's rule (sshkey_perm_ok): whose file it is not, his it is to guard. */
    if (found.st_uid == getuid() && found.st_mode & (S_IRWXG | S_IRWXO))
        return rift_fail(err, RIFT_ERR_DENIED,
                         "others may read the private key %s, and ssh refuses such a one too; "
                         "forbid it with: chmod 600 %s",
                         path, path);
    return 0;
}
