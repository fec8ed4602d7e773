/* Is the host the one that known_hosts remembers? Any of the files may know it, and the first is
 * the one that is told of, and written to. */
#include "control/remote/host_key.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/memory.h"
#include "common/text.h"
#include "control/remote/known_hosts.h"
#include "control/remote/revoked_keys.h"

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

enum { KIND_COUNT = sizeof kinds / sizeof *kinds };

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

/* As ssh-keygen -l prints it. */
static void fingerprint(struct rift_ssh *ssh, char text[64])
{
    enum { HASH_BYTES = 32 };
    const char *hash = libssh2_hostkey_hash(ssh->session, LIBSSH2_HOSTKEY_HASH_SHA256);
    CLEANUP(rift_text_finish) struct rift_text encoded = {0};
    if (hash)
        rift_base64_encode(&encoded, hash, HASH_BYTES);
    snprintf(text, 64, "%.*s", encoded.data ? (int)strcspn(encoded.data, "=") : 0,
             encoded.data ? encoded.data : "");
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
    unsigned port = rift_node_port(settings);
    return port == RIFT_SSH_PORT ? rift_strdup(name) : rift_printf("[%s]:%u", name, port);
}

static int remember(struct rift_ssh *ssh, const char *path, const char *encoded, const char *method,
                    struct rift_error *err)
{
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
static int refuse_unknown(struct rift_ssh *ssh, const char *path, bool has_authority,
                          struct rift_error *err)
{
    const struct rift_node_settings *settings = ssh->settings;
    const char *name = host_key_name(ssh);
    unsigned port = rift_node_port(settings);
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
                     "%s: its host key SHA256:%s is not in %s%s; if 'ssh-keygen -lf' of the key in "
                     "the host's own /etc/ssh says the same, add it %s",
                     ssh->label, print, path,
                     has_authority ? " (and certificates of hosts this SSH library does not know)"
                                   : "",
                     command);
}

static int refuse_revoked(struct rift_ssh *ssh, const char *how, const char *path,
                          struct rift_error *err)
{
    char print[64];
    fingerprint(ssh, print);
    return rift_fail(err, RIFT_ERR_DENIED,
                     "%s: its host key SHA256:%s is %s in %s: whoever answers there may be anybody",
                     ssh->label, print, how, path);
}

/* The key that the host offers, and what the files say of it. */
struct offer {
    const char *key, *encoded;
    size_t size;
    int type, known; /* LIBSSH2_HOSTKEY_TYPE_, LIBSSH2_KNOWNHOST_KEY_ */
    const char *method;
    bool is_known, has_authority;
};

/* Fails where the file rules the host out; *differs holds that for a key that is another one, which
 * ssh forgives where another file has this one. */
static int look_into(struct rift_ssh *ssh, const char *path, struct offer *offer,
                     const char **wanted_methods, struct rift_error *differs,
                     struct rift_error *err)
{
    struct known_hosts_marks marks = {0};
    struct libssh2_knownhost *found = NULL;
    CLEANUP(rift_free) char *name = entry_name(ssh->settings, host_key_name(ssh));
    CLEANUP(free_known_hosts) LIBSSH2_KNOWNHOSTS *hosts = libssh2_knownhost_init(ssh->session);
    if (!hosts || !known_hosts_read(path, name, offer->encoded, hosts, &marks))
        return rift_fail(err, RIFT_ERR_INVALID, "%s: %s cannot be read", ssh->label, path);
    if (marks.is_revoked)
        return refuse_revoked(ssh, "marked @revoked", path, err);
    offer->has_authority |= marks.has_authority;
    int answer = libssh2_knownhost_checkp(
        hosts, host_key_name(ssh), ssh->settings->port, offer->key, offer->size,
        LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_RAW | offer->known, &found);
    offer->is_known |= answer == LIBSSH2_KNOWNHOST_CHECK_MATCH;
    if (answer == LIBSSH2_KNOWNHOST_CHECK_MATCH || differs->code != RIFT_ERR_NONE)
        return 0;
    if (answer == LIBSSH2_KNOWNHOST_CHECK_MISMATCH) {
        refuse_changed(ssh, path, found, differs);
    } else {
        *wanted_methods = other_kind(ssh, hosts, offer->key, offer->size, offer->type);
        if (*wanted_methods)
            refuse_changed(ssh, path, NULL, differs);
    }
    return 0;
}

int rift_ssh_check_host_key(struct rift_ssh *ssh, const char **wanted_methods,
                            struct rift_error *err)
{
    char path[512];
    struct offer offer = {.known = LIBSSH2_KNOWNHOST_KEY_UNKNOWN, .method = "unknown"};
    struct rift_error differs = {0};
    CLEANUP(rift_text_finish) struct rift_text encoded = {0};
    default_known_hosts(ssh->settings, path);
    offer.key = libssh2_session_hostkey(ssh->session, &offer.size, &offer.type);
    if (!offer.key)
        return rift_ssh_fail(ssh, RIFT_ERR_DENIED, "its host key cannot be read", err);
    rift_base64_encode(&encoded, offer.key, offer.size);
    offer.encoded = encoded.data;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (kinds[i].key_type == offer.type) {
            offer.known = kinds[i].known;
            offer.method = kinds[i].method;
        }
    }
    const char *revoked = ssh->settings->revoked_keys_file;
    bool is_revoked = false;
    if (revoked &&
        rift_revoked_keys_look(revoked, offer.method, offer.encoded, &is_revoked, err) < 0)
        return rift_wrap(err, "%s", ssh->label);
    if (is_revoked)
        return refuse_revoked(ssh, "revoked", revoked, err);
    const char *more = ssh->settings->more_known_hosts;
    CLEANUP(rift_free) char *paths = rift_printf("%s\n%s", path, more ? more : "");
    char *rest = paths;
    for (char *one; (one = strsep(&rest, "\n"));)
        if (one[0] && look_into(ssh, one, &offer, wanted_methods, &differs, err))
            return -1;
    if (offer.is_known) {
        *wanted_methods = NULL;
        return 0;
    }
    if (differs.code != RIFT_ERR_NONE)
        return rift_fail(err, differs.code, "%s", differs.text);
    if (ssh->settings->accept_new_host_key)
        return remember(ssh, path, offer.encoded, offer.method, err);
    return refuse_unknown(ssh, path, offer.has_authority, err);
}
