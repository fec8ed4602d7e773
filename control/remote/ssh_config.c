/* How ssh itself would log in to a host, as `ssh -G` tells it: a line each, "keyword value". */
#include "control/remote/ssh_config.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/program.h"
#include "common/text.h"
#include "control/remote/ssh.h"

enum { ASK_DEADLINE_S = 10, PORT_DEFAULT = 22, IDENTITIES_MAX = 16 };

/* What ssh tries where the configuration names no file: not a choice of the user's. */
static bool is_usual_identity(const char *path)
{
    static const char *const usual[] = {"rsa",     "dsa",        "ecdsa", "ecdsa_sk",
                                        "ed25519", "ed25519_sk", "xmss"};
    static const char head[] = "~/.ssh/id_";
    if (strncmp(path, head, sizeof head - 1) != 0)
        return false;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (strcmp(path + sizeof head - 1, usual[i]) == 0)
            return true;
    return false;
}

static const char *without_tilde(struct rift_arena *arena, const char *path)
{
    const char *home = getenv("HOME");
    return path[0] == '~' && path[1] == '/' && home
               ? rift_arena_printf(arena, "%s%s", home, path + 1)
               : rift_arena_strdup(arena, path);
}

/* The way through "a,b": ssh goes to b by way of a, and from there on to the host. */
static const char *jump_command(struct rift_arena *arena, const char *jumps, const char *file,
                                const struct rift_node_settings *settings)
{
    CLEANUP(rift_text_finish) struct rift_text line = {NULL, 0, 0};
    const char *comma = strrchr(jumps, ',');
    const char *last = comma ? comma + 1 : jumps;
    rift_text_append(&line, "ssh -o BatchMode=yes");
    if (file) {
        rift_text_append(&line, " -F ");
        rift_shell_quote(&line, file);
    }
    if (comma) {
        CLEANUP(rift_free) char *first = rift_strndup(jumps, (size_t)(comma - jumps));
        rift_text_append(&line, " -J ");
        rift_shell_quote(&line, first);
    }
    CLEANUP(rift_free)
    char *beyond = rift_printf("[%s]:%u", settings->address, (unsigned)settings->port);
    CLEANUP(rift_free)
    char *jump =
        strncmp(last, "ssh://", 6) == 0 ? rift_strdup(last) : rift_printf("ssh://%s", last);
    rift_text_append(&line, " -W ");
    rift_shell_quote(&line, beyond);
    rift_text_append(&line, " -- ");
    rift_shell_quote(&line, jump);
    return rift_arena_strdup(arena, line.data);
}

/* A value with its tokens replaced. */
static const char *expand(struct rift_arena *arena, const char *pattern, const char *alias,
                          const struct rift_node_settings *settings)
{
    CLEANUP(rift_text_finish) struct rift_text line = {NULL, 0, 0};
    const char *home = getenv("HOME");
    for (const char *c = pattern; *c; c++) {
        if (c[0] != '%' || !c[1]) {
            rift_text_append_bytes(&line, c, 1);
            continue;
        }
        c++;
        if (*c == 'h')
            rift_text_append(&line, settings->address);
        else if (*c == 'n')
            rift_text_append(&line, alias);
        else if (*c == 'r')
            rift_text_append(&line, settings->user);
        else if (*c == 'd')
            rift_text_append(&line, home ? home : "");
        else if (*c == 'p')
            rift_text_printf(&line, "%u", (unsigned)settings->port);
        else if (*c == '%')
            rift_text_append(&line, "%");
        else
            rift_text_printf(&line, "%%%c", *c);
    }
    return rift_arena_strdup(arena, line.data ? line.data : "");
}

struct answer {
    const char *host_name, *user, *port, *known_hosts, *global_known_hosts, *key_alias, *jump,
        *command, *revoked_keys;
    const char *agent, *identities_only;
    const char *identities[IDENTITIES_MAX];
    size_t identity_count;
};

/* Cuts the text into lines in place and finds those that matter; "none" counts as not there. */
static void read_answer(char *text, struct answer *answer)
{
    const struct {
        const char *keyword;
        const char **value;
    } wanted[] = {
        {"hostname", &answer->host_name},
        {"user", &answer->user},
        {"port", &answer->port},
        {"hostkeyalias", &answer->key_alias},
        {"userknownhostsfile", &answer->known_hosts},
        {"globalknownhostsfile", &answer->global_known_hosts},
        {"revokedhostkeys", &answer->revoked_keys},
        {"proxyjump", &answer->jump},
        {"proxycommand", &answer->command},
        {"identitiesonly", &answer->identities_only},
        {"identityagent", &answer->agent},
    };
    for (char *line; (line = strsep(&text, "\n"));) {
        char *value = strchr(line, ' ');
        if (!value)
            continue;
        *value++ = '\0';
        if (strcmp(line, "identityfile") == 0 && answer->identity_count < IDENTITIES_MAX &&
            !is_usual_identity(value))
            answer->identities[answer->identity_count++] = value;
        if (strcmp(line, "identityagent") == 0 && strcmp(value, "none") == 0)
            answer->agent = "";
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
            if (strcmp(line, wanted[i].keyword) == 0 && strcmp(value, "none") != 0 &&
                !*wanted[i].value)
                *wanted[i].value = value;
    }
}

static uint16_t port_of(const char *text)
{
    char *end = NULL;
    unsigned long port = text ? strtoul(text, &end, 10) : 0;
    return port > 0 && port <= UINT16_MAX && *end == '\0' ? (uint16_t)port : PORT_DEFAULT;
}

/* IdentityAgent may be a path, the name of the usual variable, or a variable with its $. */
static const char *agent_of(const char *text)
{
    if (!text || strcmp(text, "SSH_AUTH_SOCK") == 0)
        return NULL;
    const char *value = text[0] == '$' ? getenv(text + 1) : text;
    return value ? value : "";
}

static void fill_keys(struct rift_node_settings *settings, const struct answer *answer,
                      const char *alias, struct rift_arena *arena)
{
    const char *agent = agent_of(answer->agent);
    CLEANUP(rift_text_finish) struct rift_text files = {NULL, 0, 0};
    for (size_t i = 0; i < answer->identity_count; i++)
        rift_text_printf(
            &files, "%s%s", i > 0 ? "\n" : "",
            without_tilde(arena, expand(arena, answer->identities[i], alias, settings)));
    if (files.data)
        settings->identity_files = rift_arena_strdup(arena, files.data);
    if (agent)
        settings->agent_socket = expand(arena, agent, alias, settings);
    settings->identities_only =
        answer->identities_only && strcmp(answer->identities_only, "yes") == 0;
}

/* The names in a list, which ssh parts by blanks: the first in *first where that is wanted, all
 * others a line each. */
static void split_files(struct rift_arena *arena, const char *list, const char **first,
                        struct rift_text *others)
{
    CLEANUP(rift_free) char *copy = rift_strdup(list ? list : "");
    char *rest = copy;
    for (char *name; (name = strsep(&rest, " "));) {
        const char *path = name[0] ? without_tilde(arena, name) : NULL;
        if (path && first && !*first)
            *first = path;
        else if (path)
            rift_text_printf(others, "%s%s", others->length > 0 ? "\n" : "", path);
    }
}

static void fill_known_hosts(struct rift_node_settings *settings, const struct answer *answer,
                             struct rift_arena *arena)
{
    CLEANUP(rift_text_finish) struct rift_text others = {0};
    if (!settings->known_hosts_file)
        split_files(arena, answer->known_hosts, &settings->known_hosts_file, &others);
    split_files(arena, answer->global_known_hosts, NULL, &others);
    if (others.data)
        settings->more_known_hosts = rift_arena_strdup(arena, others.data);
    if (answer->revoked_keys)
        settings->revoked_keys_file = without_tilde(arena, answer->revoked_keys);
}

static void fill(struct rift_node_settings *settings, const struct answer *answer,
                 const char *alias, const char *file, struct rift_arena *arena)
{
    if (answer->host_name)
        settings->address = rift_arena_strdup(arena, answer->host_name);
    if (!settings->host_key_name)
        settings->host_key_name =
            answer->key_alias ? rift_arena_strdup(arena, answer->key_alias) : settings->address;
    if (!settings->user && answer->user)
        settings->user = rift_arena_strdup(arena, answer->user);
    if (settings->port == 0)
        settings->port = port_of(answer->port);
    fill_keys(settings, answer, alias, arena);
    fill_known_hosts(settings, answer, arena);
    if (!settings->proxy_command && answer->jump)
        settings->proxy_command = jump_command(arena, answer->jump, file, settings);
    else if (!settings->proxy_command && answer->command)
        settings->proxy_command = expand(arena, answer->command, alias, settings);
}

static bool has_ssh(void)
{
    CLEANUP(rift_free) char *folders = rift_strdup(getenv("PATH") ? getenv("PATH") : "");
    char *rest = folders;
    for (char *folder; (folder = strsep(&rest, ":"));) {
        CLEANUP(rift_free) char *path = rift_printf("%s/ssh", folder);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

int rift_ssh_config_apply(struct rift_node_settings *settings, const char *file,
                          struct rift_arena *arena, struct rift_error *err)
{
    CLEANUP(rift_text_finish) struct rift_text output = {NULL, 0, 0};
    const char *argv[12] = {"ssh", "-T", "-G"};
    char port[8];
    size_t used = 3;
    if (!has_ssh())
        return 0;
    if (file) {
        argv[used++] = "-F";
        argv[used++] = file;
    }
    /* What is given decides what Match lines apply. */
    if (settings->user) {
        argv[used++] = "-l";
        argv[used++] = settings->user;
    }
    if (settings->port) {
        snprintf(port, sizeof port, "%u", settings->port);
        argv[used++] = "-p";
        argv[used++] = port;
    }
    argv[used++] = "--";
    argv[used++] = settings->address;
    int64_t deadline_ns = rift_clock_now() + ASK_DEADLINE_S * RIFT_SECOND;
    if (rift_program_output(argv, deadline_ns, &output, err) < 0) {
        /* Its first line names the file and the line. */
        int length = output.data ? (int)strcspn(output.data, "\r\n") : 0;
        return length > 0 ? rift_fail(err, RIFT_ERR_INVALID, "%s: ssh says: %.*s", settings->name,
                                      length, output.data)
                          : rift_wrap(err, "%s: ask ssh how to log in", settings->name);
    }
    struct answer answer = {NULL};
    read_answer(output.data, &answer);
    fill(settings, &answer, settings->address, file, arena);
    return 0;
}
