/* Key files, ssh-agent and password files. */
#include "control/remote/login.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/secret.h"

enum { KEY_FILE_MAX = 64 * 1024, AGENT_KEYS_MAX = 64 };

static const char use_ed25519[] =
    "RSA keys do not work with this SSH library (no rsa-sha2); make one with: ssh-keygen -t "
    "ed25519, and add it to the host's authorized_keys";

static int read_key(struct rift_ssh *ssh, const char *path, char **text, struct rift_error *err)
{
    CLEANUP(rift_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    *text = rift_malloc(KEY_FILE_MAX + 1);
    ssize_t length = fd >= 0 ? read(fd, *text, KEY_FILE_MAX) : -1;
    (*text)[length > 0 ? length : 0] = '\0';
    if (length < 0)
        return rift_fail_errno(err, errno == ENOENT ? RIFT_ERR_MISSING : RIFT_ERR_IO,
                               "%s: read the private key %s", ssh->label, path);
    return 0;
}

static int digit_of_base64(int c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* The head of an OpenSSH key file (PROTOCOL.key in OpenSSH's source): the magic word, then the
 * texts cipher, kdf and kdf options, a count, and the public key, which begins with its kind. */
static void read_openssh_head(const char *body, char cipher[32], char kind[32])
{
    unsigned char head[512];
    size_t length = 0;
    unsigned group = 0, bits = 0;
    for (; *body && *body != '-' && length < sizeof head; body++) {
        int digit = digit_of_base64(*body);
        if (digit < 0)
            continue;
        group = (group << 6 | (unsigned)digit) & 0xffffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            head[length++] = (unsigned char)(group >> bits);
        }
    }
    enum { MAGIC_BYTES = 15 };
    size_t at = MAGIC_BYTES;
    for (int field = 0; field < 5; field++) {
        if (at + 4 > length)
            return;
        size_t size = (size_t)head[at] << 24 | (size_t)head[at + 1] << 16 |
                      (size_t)head[at + 2] << 8 | head[at + 3];
        at += 4;
        /* Field 3 is the count and has no bytes; field 4 is the blob, which starts with a text. */
        if (field == 3)
            continue;
        if (field == 4) {
            if (at + 4 > length)
                return;
            size = (size_t)head[at + 2] << 8 | head[at + 3];
            at += 4;
        }
        if (size > length || at + size > length)
            return;
        char *out = field == 0 ? cipher : field == 4 ? kind : NULL;
        if (out && size < 32) {
            memcpy(out, head + at, size);
            out[size] = '\0';
        }
        at += size;
    }
}

/* Says beforehand what libssh2 would only call "unable to open private key file". */
static int check_key(struct rift_ssh *ssh, const char *path, struct rift_error *err)
{
    static const char openssh[] = "-----BEGIN OPENSSH PRIVATE KEY-----";
    CLEANUP(rift_free) char *text = NULL;
    char cipher[32] = "none", kind[32] = "";
    if (read_key(ssh, path, &text, err) < 0)
        return -1;
    const char *body = strstr(text, openssh);
    if (body)
        read_openssh_head(body + sizeof openssh - 1, cipher, kind);
    if (strstr(text, "BEGIN RSA PRIVATE KEY") || strcmp(kind, "ssh-rsa") == 0)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "%s: the key %s is an RSA key: %s", ssh->label,
                         path, use_ed25519);
    if (strcmp(cipher, "none") != 0 || strstr(text, "ENCRYPTED"))
        return rift_fail(err, RIFT_ERR_UNSUPPORTED,
                         "%s: the key %s has a passphrase; add it to ssh-agent with ssh-add and "
                         "name no key file",
                         ssh->label, path);
    if (!strstr(text, "PRIVATE KEY"))
        return rift_fail(err, RIFT_ERR_INVALID, "%s: %s is no private key", ssh->label, path);
    return 0;
}

static int login_with_file(struct rift_ssh *ssh, const char *path, int64_t deadline_ns,
                           struct rift_error *err)
{
    if (check_key(ssh, path, err) < 0)
        return -1;
    int result;
    while ((result = libssh2_userauth_publickey_fromfile(ssh->session, ssh->settings->user, NULL,
                                                         path, NULL)) == LIBSSH2_ERROR_EAGAIN)
        if (rift_ssh_wait(ssh, deadline_ns, err) < 0)
            return -1;
    if (result == 0)
        return 0;
    if (result == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED ||
        result == LIBSSH2_ERROR_AUTHENTICATION_FAILED)
        return rift_fail(err, RIFT_ERR_DENIED,
                         "%s: refuses the key %s for user '%s'; add it with: ssh-copy-id -i %s -p "
                         "%u %s@%s",
                         ssh->label, path, ssh->settings->user, path,
                         ssh->settings->port ? ssh->settings->port : 22, ssh->settings->user,
                         ssh->settings->address);
    return rift_ssh_fail(ssh, RIFT_ERR_DENIED, "log in", err);
}

/* Tries each key of the agent that this library can use. */
static int try_agent_keys(struct rift_ssh *ssh, LIBSSH2_AGENT *agent, int64_t deadline_ns,
                          struct rift_error *err)
{
    struct libssh2_agent_publickey *key = NULL;
    size_t rsa_count = 0, tried_count = 0;
    for (size_t i = 0; i < AGENT_KEYS_MAX; i++) {
        if (libssh2_agent_get_identity(agent, &key, key) != 0)
            break;
        /* The blob starts with the length and the text of its kind. */
        if (key->blob_len >= 11 && memcmp(key->blob + 4, "ssh-rsa", 7) == 0) {
            rsa_count++;
            continue;
        }
        int result;
        tried_count++;
        while ((result = libssh2_agent_userauth(agent, ssh->settings->user, key)) ==
               LIBSSH2_ERROR_EAGAIN)
            if (rift_ssh_wait(ssh, deadline_ns, err) < 0)
                return -1;
        if (result == 0)
            return 0;
    }
    if (tried_count == 0 && rsa_count > 0)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "%s: ssh-agent holds RSA keys only: %s",
                         ssh->label, use_ed25519);
    return rift_fail(err, RIFT_ERR_DENIED, "%s: refuses the %zu keys of ssh-agent for user '%s'",
                     ssh->label, tried_count, ssh->settings->user);
}

static int login_with_agent(struct rift_ssh *ssh, int64_t deadline_ns, struct rift_error *err)
{
    LIBSSH2_AGENT *agent = libssh2_agent_init(ssh->session);
    int result = -1;
    if (!agent || libssh2_agent_connect(agent) != 0)
        rift_ssh_fail(ssh, RIFT_ERR_MISSING, "reach ssh-agent", err);
    else if (libssh2_agent_list_identities(agent) != 0)
        rift_ssh_fail(ssh, RIFT_ERR_MISSING, "list ssh-agent's keys", err);
    else
        result = try_agent_keys(ssh, agent, deadline_ns, err);
    if (agent) {
        libssh2_agent_disconnect(agent);
        libssh2_agent_free(agent);
    }
    return result;
}

/* Gives the password to each question whose answer is not shown. */
static void answer_questions(const char *name, int name_length, const char *instruction,
                             int instruction_length, int count,
                             const LIBSSH2_USERAUTH_KBDINT_PROMPT *prompts,
                             LIBSSH2_USERAUTH_KBDINT_RESPONSE *responses, void **abstract)
{
    const char *password = *abstract;
    (void)name, (void)name_length, (void)instruction, (void)instruction_length;
    for (int i = 0; i < count; i++) {
        const char *answer = prompts[i].echo ? "" : password;
        responses[i].text = strdup(answer); /* freed by libssh2 */
        responses[i].length = responses[i].text ? (unsigned)strlen(answer) : 0;
    }
}

/* Whether the host takes this method; the methods are kept by the session. */
static bool offers_method(struct rift_ssh *ssh, const char *method, int64_t deadline_ns)
{
    const char *user = ssh->settings->user;
    struct rift_error ignored;
    const char *list;
    while (!(list = libssh2_userauth_list(ssh->session, user, (unsigned)strlen(user))))
        if (libssh2_session_last_errno(ssh->session) != LIBSSH2_ERROR_EAGAIN ||
            rift_ssh_wait(ssh, deadline_ns, &ignored) < 0)
            return false;
    size_t length = strlen(method);
    for (const char *at = list; (at = strstr(at, method)); at += length)
        if ((at == list || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

/* One step of either method; EAGAIN until it is done. */
static int give_password(struct rift_ssh *ssh, const char *password, bool is_asked)
{
    const char *user = ssh->settings->user;
    unsigned length = (unsigned)strlen(user);
    if (is_asked)
        return libssh2_userauth_keyboard_interactive_ex(ssh->session, user, length,
                                                        answer_questions);
    return libssh2_userauth_password_ex(ssh->session, user, length, password,
                                        (unsigned)strlen(password), NULL);
}

/* By the method "password", or "keyboard-interactive" where the host has only that (PAM). */
static int login_with_password(struct rift_ssh *ssh, const char *path, int64_t deadline_ns,
                               struct rift_error *err)
{
    char password[RIFT_SECRET_LINE_SIZE];
    if (rift_secret_read_line(path, password, err) < 0)
        return rift_wrap(err, "%s: password_file", ssh->label);
    bool is_asked = !offers_method(ssh, "password", deadline_ns) &&
                    offers_method(ssh, "keyboard-interactive", deadline_ns);
    int result, waited = 0;
    *libssh2_session_abstract(ssh->session) = password;
    while ((result = give_password(ssh, password, is_asked)) == LIBSSH2_ERROR_EAGAIN &&
           (waited = rift_ssh_wait(ssh, deadline_ns, err)) == 0)
        ;
    *libssh2_session_abstract(ssh->session) = NULL;
    explicit_bzero(password, sizeof password);
    if (waited < 0)
        return -1;
    if (result == LIBSSH2_ERROR_AUTHENTICATION_FAILED)
        return rift_fail(err, RIFT_ERR_DENIED,
                         "%s: refuses the password in %s for user '%s'; is it right, and does the "
                         "host's sshd_config allow PasswordAuthentication%s?",
                         ssh->label, path, ssh->settings->user,
                         strcmp(ssh->settings->user, "root") == 0 ? " and PermitRootLogin" : "");
    return result == 0 ? 0 : rift_ssh_fail(ssh, RIFT_ERR_DENIED, "log in", err);
}

/* ~/.ssh/id_ed25519 or id_ecdsa, whichever is there; false where neither is. */
static bool usual_file(char path[512])
{
    static const char *const names[] = {"id_ed25519", "id_ecdsa"};
    const char *home = getenv("HOME");
    for (size_t i = 0; home && i < sizeof names / sizeof *names; i++) {
        snprintf(path, 512, "%s/.ssh/%s", home, names[i]);
        if (access(path, R_OK) == 0)
            return true;
    }
    return false;
}

int rift_ssh_login(struct rift_ssh *ssh, int64_t deadline_ns, struct rift_error *err)
{
    char path[512];
    const char *key_file = ssh->settings->key_file;
    bool has_agent = getenv("SSH_AUTH_SOCK") != NULL;
    int result = -1;
    if (!key_file && ssh->settings->password_file)
        return login_with_password(ssh, ssh->settings->password_file, deadline_ns, err);
    if (key_file)
        result = login_with_file(ssh, key_file, deadline_ns, err);
    else if (has_agent)
        result = login_with_agent(ssh, deadline_ns, err);
    if (result < 0 && !key_file && usual_file(path))
        result = login_with_file(ssh, path, deadline_ns, err);
    else if (!key_file && !has_agent)
        return rift_fail(err, RIFT_ERR_MISSING,
                         "%s: there is no key to log in with: no key_file is given, no ssh-agent "
                         "runs, and ~/.ssh has neither id_ed25519 nor id_ecdsa",
                         ssh->label);
    if (result == 0 && !libssh2_userauth_authenticated(ssh->session))
        return rift_fail(err, RIFT_ERR_DENIED, "%s: wants more than a key", ssh->label);
    return result;
}
