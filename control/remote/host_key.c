/* Is the host the one that known_hosts remembers? */
#include "control/remote/host_key.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"

static const struct {
    int key_type; /* LIBSSH2_HOSTKEY_TYPE_ */
    int known;    /* LIBSSH2_KNOWNHOST_KEY_ */
    const char *method;
} kinds[] = {
    {LIBSSH2_HOSTKEY_TYPE_ED25519, LIBSSH2_KNOWNHOST_KEY_ED25519, "ssh-ed25519"},
    {LIBSSH2_HOSTKEY_TYPE_ECDSA_256, LIBSSH2_KNOWNHOST_KEY_ECDSA_256, "ecdsa-sha2-nistp256"},
    {LIBSSH2_HOSTKEY_TYPE_ECDSA_384, LIBSSH2_KNOWNHOST_KEY_ECDSA_384, "ecdsa-sha2-nistp384"},
    {LIBSSH2_HOSTKEY_TYPE_ECDSA_521, LIBSSH2_KNOWNHOST_KEY_ECDSA_521, "ecdsa-sha2-nistp521"},
    {LIBSSH2_HOSTKEY_TYPE_RSA, LIBSSH2_KNOWNHOST_KEY_SSHRSA, "ssh-rsa"},
};

enum { KIND_COUNT = sizeof kinds / sizeof *kinds, DEFAULT_PORT = 22 };

static void free_known_hosts(LIBSSH2_KNOWNHOSTS **hosts)
{
    if (*hosts)
        libssh2_knownhost_free(*hosts);
}

static const char *host_key_name(const struct rift_ssh *ssh)
{
    const struct rift_node_settings *settings = ssh->settings;
    return settings->host_key_name ? settings->host_key_name : settings->address;
}

static void default_known_hosts(const struct rift_node_settings *settings, char path[512])
{
    const char *home = getenv("HOME");
    if (settings->known_hosts_file)
        snprintf(path, 512, "%s", settings->known_hosts_file);
    else
        snprintf(path, 512, "%s/.ssh/known_hosts", home ? home : "");
}

/* out has room for length * 4 / 3 + 4 characters and the end. */
static void encode_base64(const char *bytes, size_t length, bool is_padded, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        unsigned group = 0;
        for (size_t j = 0; j < 3; j++)
            group = group << 8 | (i + j < length ? (unsigned char)bytes[i + j] : 0);
        for (size_t j = 0; j < 4; j++) {
            if (i + j <= length)
                *out++ = digits[group >> (18 - 6 * j) & 63];
            else if (is_padded)
                *out++ = '=';
        }
    }
    *out = '\0';
}

/* As ssh-keygen -l prints it. */
static void fingerprint(struct rift_ssh *ssh, char text[64])
{
    enum { HASH_BYTES = 32 };
    const char *hash = libssh2_hostkey_hash(ssh->session, LIBSSH2_HOSTKEY_HASH_SHA256);
    text[0] = '\0';
    if (hash)
        encode_base64(hash, HASH_BYTES, false, text);
}

/* Whether known_hosts has this host with another kind of key, and the method for that kind. */
static const char *other_kind(struct rift_ssh *ssh, LIBSSH2_KNOWNHOSTS *hosts, const char *key,
                              size_t key_size, int offered)
{
    struct libssh2_knownhost *found = NULL;
    /* Without a kind in the mask every entry of the host is compared, and a differing one found. */
    libssh2_knownhost_checkp(hosts, host_key_name(ssh), ssh->settings->port, key, key_size,
                             LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_RAW, &found);
    for (size_t i = 0; found && i < KIND_COUNT; i++)
        if ((found->typemask & LIBSSH2_KNOWNHOST_KEY_MASK) == kinds[i].known &&
            kinds[i].key_type != offered)
            return kinds[i].method;
    return NULL;
}

/* What known_hosts calls the host. */
static char *entry_name(const struct rift_node_settings *settings, const char *name)
{
    return settings->port == 0 || settings->port == DEFAULT_PORT
               ? rift_strdup(name)
               : rift_printf("[%s]:%u", name, settings->port);
}

static int remember(struct rift_ssh *ssh, const char *path, const char *key, size_t key_size,
                    const char *method, struct rift_error *err)
{
    CLEANUP(rift_free) char *encoded = rift_calloc(1, key_size * 2 + 8);
    encode_base64(key, key_size, true, encoded);
    const struct rift_node_settings *settings = ssh->settings;
    CLEANUP(rift_free) char *name = entry_name(settings, host_key_name(ssh));
    CLEANUP(rift_free) char *line = rift_printf("%s %s %s\n", name, method, encoded);
    CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, line, strlen(line)) != (ssize_t)strlen(line))
        return rift_fail_errno(err, RIFT_ERR_IO, "%s: add its host key to %s", ssh->label, path);
    return 0;
}

static int refuse_changed(struct rift_ssh *ssh, const char *path,
                          const struct libssh2_knownhost *found, struct rift_error *err)
{
    char print[64];
    CLEANUP(rift_free) char *ours = entry_name(ssh->settings, host_key_name(ssh));
    fingerprint(ssh, print);
    return rift_fail(err, RIFT_ERR_DENIED,
                     "%s: its host key SHA256:%s differs from the one in %s: another host answers "
                     "there, or it was installed anew; only if it was, forget the old one with: "
                     "ssh-keygen -R '%s' -f '%s'",
                     ssh->label, print, path, found && found->name ? found->name : ours, path);
}

/* Nothing but a proxy command leads ssh-keyscan(1) to a host behind one. */
static int refuse_unknown(struct rift_ssh *ssh, const char *path, struct rift_error *err)
{
    const struct rift_node_settings *settings = ssh->settings;
    const char *name = host_key_name(ssh);
    unsigned port = settings->port ? settings->port : DEFAULT_PORT;
    char print[64];
    CLEANUP(rift_free)
    char *command =
        settings->proxy_command
            ? rift_printf("by logging in once with: ssh -o 'UserKnownHostsFile=%s'", path)
        : strcmp(name, settings->address) == 0
            ? rift_printf("with: ssh-keyscan -p %u '%s' >> '%s'", port, name, path)
            : rift_printf("with: echo '%s %s' | ssh-keyscan -p %u -f - >> '%s'", settings->address,
                          name, port, path);
    fingerprint(ssh, print);
    return rift_fail(err, RIFT_ERR_DENIED,
                     "%s: its host key SHA256:%s is not in %s; if 'ssh-keygen -lf' of the key in "
                     "the host's own /etc/ssh says the same, add it %s",
                     ssh->label, print, path, command);
}

int rift_ssh_check_host_key(struct rift_ssh *ssh, const char **wanted_methods,
                            struct rift_error *err)
{
    char path[512];
    struct libssh2_knownhost *found = NULL;
    size_t key_size = 0;
    int offered = 0, kind = LIBSSH2_KNOWNHOST_KEY_UNKNOWN;
    const char *method = "unknown";
    default_known_hosts(ssh->settings, path);
    CLEANUP(free_known_hosts) LIBSSH2_KNOWNHOSTS *hosts = libssh2_knownhost_init(ssh->session);
    const char *key = libssh2_session_hostkey(ssh->session, &key_size, &offered);
    if (!hosts || !key)
        return rift_ssh_fail(ssh, RIFT_ERR_DENIED, "its host key cannot be read", err);
    /* A file that is not there is one that knows nobody. */
    if (access(path, F_OK) == 0 &&
        libssh2_knownhost_readfile(hosts, path, LIBSSH2_KNOWNHOST_FILE_OPENSSH) < 0)
        return rift_ssh_fail(ssh, RIFT_ERR_INVALID, path, err);
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (kinds[i].key_type == offered) {
            kind = kinds[i].known;
            method = kinds[i].method;
        }
    }
    int answer = libssh2_knownhost_checkp(
        hosts, host_key_name(ssh), ssh->settings->port, key, key_size,
        LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_RAW | kind, &found);
    if (answer == LIBSSH2_KNOWNHOST_CHECK_MATCH)
        return 0;
    if (answer == LIBSSH2_KNOWNHOST_CHECK_MISMATCH)
        return refuse_changed(ssh, path, found, err);
    *wanted_methods = other_kind(ssh, hosts, key, key_size, offered);
    if (*wanted_methods)
        return refuse_changed(ssh, path, NULL, err);
    if (ssh->settings->accept_new_host_key)
        return remember(ssh, path, key, key_size, method, err);
    return refuse_unknown(ssh, path, err);
}
