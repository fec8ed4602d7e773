/* Key files, ssh-agent and password files. */
#include "control/remote/login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/secret.h"
#include "control/remote/key_file.h"
#include "control/remote/ssh_agent.h"

static const char use_ed25519[] =
    "RSA keys do not work with this SSH library (no rsa-sha2); make one with: ssh-keygen -t "
    "ed25519, and add it to the host's authorized_keys";

/* The socket of ssh-agent; NULL: there is none. */
static const char *agent_socket(const struct rift_ssh *ssh)
{
    const char *given = ssh->settings->agent_socket;
    const char *socket = given ? given : getenv("SSH_AUTH_SOCK");
    return socket && socket[0] ? socket : NULL;
}

static bool is_kind(const struct ssh_agent_key *key, const char *word)
{
    return key->size > 4 &&
           memmem(key->blob + 4, key->size < 64 ? key->size - 4 : 60, word, strlen(word));
}

/* 0, or an error; DENIED where the host does not take it. */
static int try_agent_key(struct ssh_agent *agent, const struct ssh_agent_key *key,
                         int64_t deadline_ns, struct rift_error *err)
{
    struct rift_error of_agent = {0};
    int result;
    while ((result = ssh_agent_userauth(agent, key, &of_agent)) == LIBSSH2_ERROR_EAGAIN)
        if (rift_ssh_wait(agent->ssh, deadline_ns, err) < 0)
            return -1;
    if (result == 0)
        return 0;
    return of_agent.code != RIFT_ERR_NONE && of_agent.code != RIFT_ERR_DENIED
               ? rift_fail(err, of_agent.code, "%s", of_agent.text)
               : rift_fail(err, RIFT_ERR_DENIED, "refused");
}

/* Tries each key of the agent that this library can use, or only one. */
static int try_agent_keys(struct ssh_agent *agent, const struct key_file *only, int64_t deadline_ns,
                          struct rift_error *err)
{
    const char *label = agent->ssh->label;
    size_t rsa_count = 0, certificate_count = 0, tried_count = 0;
    for (size_t i = 0; i < agent->count; i++) {
        const struct ssh_agent_key *key = &agent->keys[i];
        if (only &&
            (key->size != only->public_size || memcmp(key->blob, only->public_key, key->size) != 0))
            continue;
        bool is_certificate = is_kind(key, "-cert-v01@"), is_rsa = is_kind(key, "ssh-rsa");
        certificate_count += is_certificate;
        rsa_count += is_rsa;
        if (is_certificate || is_rsa)
            continue;
        tried_count++;
        struct rift_error reason = {0};
        if (try_agent_key(agent, key, deadline_ns, &reason) == 0)
            return 0;
        if (reason.code != RIFT_ERR_DENIED)
            return rift_fail(err, reason.code, "%s", reason.text);
    }
    if (tried_count == 0 && only)
        return rift_fail(err, RIFT_ERR_MISSING, "%s: ssh-agent does not hold it", label);
    if (tried_count == 0 && certificate_count > 0)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED,
                         "%s: ssh-agent holds certificates only, which this SSH library does not "
                         "know: add a key itself to the host's authorized_keys",
                         label);
    if (tried_count == 0 && rsa_count > 0)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "%s: ssh-agent holds RSA keys only: %s", label,
                         use_ed25519);
    return rift_fail(err, RIFT_ERR_DENIED, "%s: refuses the %zu keys of ssh-agent for user '%s'",
                     label, tried_count, agent->ssh->settings->user);
}

/* only: that key and no other; NULL: whichever fits. Half of the time that is left is the agent's:
 * there may be another way to log in. */
static int login_with_agent(struct rift_ssh *ssh, const struct key_file *only, int64_t deadline_ns,
                            struct rift_error *err)
{
    struct ssh_agent agent;
    int64_t now = rift_clock_now();
    int result = ssh_agent_open(&agent, ssh, agent_socket(ssh), now + (deadline_ns - now) / 2, err);
    if (result == 0)
        result = try_agent_keys(&agent, only, deadline_ns, err);
    ssh_agent_close(&agent);
    return result;
}

static int refuse_key(struct rift_ssh *ssh, const char *path, struct rift_error *err)
{
    const struct rift_node_settings *settings = ssh->settings;
    return rift_fail(err, RIFT_ERR_DENIED,
                     "%s: refuses the key %s for user '%s'; add it with: ssh-copy-id -i %s -p "
                     "%u %s@%s",
                     ssh->label, path, settings->user, path, (unsigned)rift_node_port(settings),
                     settings->user, settings->address);
}

/* A key that only ssh-agent can use: the file holds its public half, or is locked. */
static int login_with_agents_copy(struct rift_ssh *ssh, const char *path,
                                  const struct key_file *key, int64_t deadline_ns,
                                  struct rift_error *err)
{
    struct rift_error reason = {0};
    bool has_agent = key->public_size > 0 && agent_socket(ssh);
    if (has_agent && login_with_agent(ssh, key, deadline_ns, &reason) == 0)
        return 0;
    if (reason.code == RIFT_ERR_DENIED)
        return refuse_key(ssh, path, err);
    if (reason.code != RIFT_ERR_NONE && reason.code != RIFT_ERR_MISSING)
        return rift_fail(err, reason.code, "%s", reason.text);
    return rift_fail(err, RIFT_ERR_UNSUPPORTED, "%s: %s %s, and %s; give it the key with: ssh-add",
                     ssh->label,
                     key->is_public ? "only the public half of the key is in"
                                    : "there is a passphrase on the key",
                     path, has_agent ? reason.text : "no ssh-agent runs");
}

static int login_with_file(struct rift_ssh *ssh, const char *path, int64_t deadline_ns,
                           struct rift_error *err)
{
    struct key_file key;
    if (key_file_read(path, &key, err) < 0)
        return rift_wrap(err, "%s", ssh->label);
    if (strcmp(key.kind, "ssh-rsa") == 0)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "%s: the key %s is an RSA key: %s", ssh->label,
                         path, use_ed25519);
    if (key.is_public || key.is_locked)
        return login_with_agents_copy(ssh, path, &key, deadline_ns, err);
    int result;
    while ((result = libssh2_userauth_publickey_fromfile(ssh->session, ssh->settings->user, NULL,
                                                         path, NULL)) == LIBSSH2_ERROR_EAGAIN)
        if (rift_ssh_wait(ssh, deadline_ns, err) < 0)
            return -1;
    if (result == 0)
        return 0;
    if (result == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED ||
        result == LIBSSH2_ERROR_AUTHENTICATION_FAILED)
        return refuse_key(ssh, path, err);
    return rift_ssh_fail(ssh, RIFT_ERR_DENIED, "log in", err);
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

/* Each file that ssh_config(5) names, in turn; the error is that of the first. Those that are not
 * there ssh passes over as well. */
static int login_with_identities(struct rift_ssh *ssh, int64_t deadline_ns, struct rift_error *err)
{
    CLEANUP(rift_free) char *files = rift_strdup(ssh->settings->identity_files);
    struct rift_error later = {0};
    bool is_first = true;
    char *rest = files;
    for (char *path; (path = strsep(&rest, "\n"));) {
        CLEANUP(rift_free) char *public_path = rift_printf("%s.pub", path);
        if (access(path, F_OK) != 0 && access(public_path, F_OK) != 0)
            continue;
        if (login_with_file(ssh, path, deadline_ns, is_first ? err : &later) == 0)
            return 0;
        is_first = false;
    }
    return is_first ? rift_fail(err, RIFT_ERR_MISSING,
                                "%s: no key that ssh_config names as its IdentityFile is there",
                                ssh->label)
                    : -1;
}

/* What ssh would try where nobody told Rift what to take. */
static int login_as_ssh_does(struct rift_ssh *ssh, int64_t deadline_ns, struct rift_error *err)
{
    char path[512];
    const struct rift_node_settings *settings = ssh->settings;
    bool has_agent = agent_socket(ssh) && !settings->identities_only;
    struct rift_error of_agent = {0};
    if (settings->identity_files && login_with_identities(ssh, deadline_ns, err) == 0)
        return 0;
    if (has_agent && login_with_agent(ssh, NULL, deadline_ns, &of_agent) == 0)
        return 0;
    if (settings->identity_files)
        return -1;
    if (usual_file(path))
        return login_with_file(ssh, path, deadline_ns, err);
    return has_agent ? rift_fail(err, of_agent.code, "%s", of_agent.text)
                     : rift_fail(err, RIFT_ERR_MISSING,
                                 "%s: there is no key to log in with: no key_file is given, no "
                                 "ssh-agent runs, and ~/.ssh has neither id_ed25519 nor id_ecdsa",
                                 ssh->label);
}

int rift_ssh_login(struct rift_ssh *ssh, int64_t deadline_ns, struct rift_error *err)
{
    const struct rift_node_settings *settings = ssh->settings;
    int result;
    if (settings->key_file)
        result = login_with_file(ssh, settings->key_file, deadline_ns, err);
    else if (settings->password_file)
        return login_with_password(ssh, settings->password_file, deadline_ns, err);
    else
        result = login_as_ssh_does(ssh, deadline_ns, err);
    if (result == 0 && !libssh2_userauth_authenticated(ssh->session))
        return rift_fail(err, RIFT_ERR_DENIED, "%s: wants more than a key", ssh->label);
    return result;
}
