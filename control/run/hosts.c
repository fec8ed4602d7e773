/* The hosts that a plan names, or those of a lab that is brought up for it. */
#include "control/run/hosts.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/log.h"
#include "common/memory.h"
#include "control/remote/ssh_config.h"
#include "control/run/interrupt.h"
#include "lab/lab.h"

enum { LAB_UP_DEADLINE_MS = 120000 };

/* The address in digits; NULL where the name is not known. */
static const char *hosts_look_up(struct rift_arena *arena,
                                 const struct rift_node_settings *settings, struct rift_error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    char digits[NI_MAXHOST];
    int failure = getaddrinfo(settings->address, NULL, &hints, &found);
    if (failure == 0)
        failure = getnameinfo(found->ai_addr, found->ai_addrlen, digits, sizeof digits, NULL, 0,
                              NI_NUMERICHOST);
    if (found)
        freeaddrinfo(found);
    if (failure == 0)
        return rift_arena_strdup(arena, digits);
    rift_fail(err, RIFT_ERR_UNREACHABLE, "%s: cannot look up '%s': %s", settings->name,
              settings->address, gai_strerror(failure));
    return NULL;
}

/* Under two names, or by ssh_config(5), one host may be there twice: it would lose its own run. */
static int hosts_check_apart(const struct rift_node_settings *all, size_t count,
                             struct rift_error *err)
{
    const struct rift_node_settings *last = &all[count - 1];
    const char *way = last->proxy_command ? last->proxy_command : "";
    for (size_t i = 0; i + 1 < count; i++)
        if (all[i].address && strcmp(all[i].address, last->address) == 0 &&
            rift_node_port(&all[i]) == rift_node_port(last) &&
            strcmp(all[i].proxy_command ? all[i].proxy_command : "", way) == 0)
            return rift_fail(err, RIFT_ERR_INVALID,
                             "hosts '%s' and '%s' are one: both are %s, port %u", all[i].name,
                             last->name, last->address, (unsigned)rift_node_port(last));
    return 0;
}

int run_host_login(struct rift_node_settings *settings, const struct rift_plan_host *host,
                   struct rift_arena *arena, struct rift_error *err)
{
    settings->name = host->name;
    settings->address = host->address;
    settings->port = host->port;
    settings->user = host->user;
    settings->key_file = host->key_file;
    settings->password_file = host->password_file;
    settings->known_hosts_file = host->known_hosts_file;
    settings->accept_new_host_key = host->accept_new_host_key;
    settings->use_sudo = host->use_sudo;
    if (!host->ignores_ssh_config &&
        rift_ssh_config_apply(settings, host->ssh_config_file, arena, err) < 0)
        return -1;
    if (!settings->host_key_name)
        settings->host_key_name = settings->address;
    if (!settings->user)
        settings->user = "root";
    return 0;
}

static int host_of_plan(struct run_hosts *hosts, const struct rift_plan *plan, size_t i,
                        struct rift_error *err)
{
    struct rift_node_settings *settings = &hosts->settings[i];
    if (run_host_login(settings, &plan->hosts[i], &hosts->arena, err) < 0)
        return -1;
    settings->address = hosts_look_up(&hosts->arena, settings, err);
    return settings->address ? hosts_check_apart(hosts->settings, i + 1, err) : -1;
}

/* All that is wrong with them at once, a line each. */
static int hosts_of_plan(struct run_hosts *hosts, const struct rift_plan *plan,
                         struct rift_error *err)
{
    struct rift_text CLEANUP(rift_text_finish) failures = {0};
    enum rift_error_code code = RIFT_ERR_NONE;
    for (size_t i = 0; i < plan->host_count; i++) {
        struct rift_error error = {0};
        if (host_of_plan(hosts, plan, i, &error) == 0)
            continue;
        rift_text_printf(&failures, "%s%s", failures.length ? "\n" : "", error.text);
        code = code == RIFT_ERR_NONE ? error.code : code;
    }
    return failures.length ? rift_fail(err, code, "%s", failures.data) : 0;
}

static int hosts_of_lab(struct run_hosts *hosts, const struct rift_plan *plan,
                        const char *const *packages, struct rift_error *err)
{
    struct rift_lab *before = rift_lab_open(plan->lab_name, NULL);
    bool was_up = before != NULL;
    rift_lab_close(before);
    struct rift_lab_request request = {
        .name = plan->lab_name,
        .driver = plan->lab_driver,
        .host_count = plan->host_count,
        .packages = packages,
        .deadline_ms = LAB_UP_DEADLINE_MS,
    };
    interrupt_defer();
    struct rift_lab *lab = rift_lab_up(&request, err);
    bool is_interrupted = interrupt_deferred();
    if (lab && !was_up)
        hosts->lab_to_take_down = rift_strdup(plan->lab_name);
    if (lab && is_interrupted) {
        rift_lab_close(lab);
        return rift_fail(err, RIFT_ERR_CANCELLED, "stopped by the user");
    }
    if (!lab)
        return -1;
    size_t count = 0;
    const struct rift_lab_host *found = rift_lab_hosts(lab, &count);
    for (size_t i = 0; i < plan->host_count && i < count; i++) {
        struct rift_node_settings *settings = &hosts->settings[i];
        settings->address = rift_arena_strdup(&hosts->arena, found[i].address);
        settings->port = found[i].port;
        settings->user = rift_arena_strdup(&hosts->arena, found[i].user);
        settings->key_file = rift_arena_strdup(&hosts->arena, found[i].key_file);
        settings->known_hosts_file = rift_arena_strdup(&hosts->arena, found[i].known_hosts_file);
        settings->use_sudo = strcmp(settings->user, "root") != 0;
    }
    rift_lab_close(lab);
    return 0;
}

int run_hosts_find(struct run_hosts *hosts, const struct rift_plan *plan,
                   const char *const *packages, const char *agent_binary, struct rift_error *err)
{
    *hosts = (struct run_hosts){0};
    hosts->settings = rift_arena_calloc(&hosts->arena, plan->host_count, sizeof *hosts->settings);
    int result =
        plan->is_lab ? hosts_of_lab(hosts, plan, packages, err) : hosts_of_plan(hosts, plan, err);
    for (size_t i = 0; i < plan->host_count; i++) {
        bool may_fault = plan->is_lab || plan->hosts[i].allow_faults;
        hosts->settings[i].faults = plan->fault_count == 0 ? RIFT_NODE_FAULTS_NONE
                                    : may_fault            ? RIFT_NODE_FAULTS_ALLOWED
                                                           : RIFT_NODE_FAULTS_ASK;
        hosts->settings[i].name = plan->host_names[i];
        hosts->settings[i].agent_binary = agent_binary;
        hosts->settings[i].connect_timeout_ms = plan->deadlines.connect_ms;
        hosts->settings[i].lease_ms = plan->lease_ms;
    }
    return result;
}

void run_hosts_release(struct run_hosts *hosts)
{
    struct rift_error err = {0};
    if (hosts->lab_to_take_down && rift_lab_down(hosts->lab_to_take_down, &err) != 0)
        rift_log(RIFT_LOG_WARNING, "the lab '%s' stays up: %s", hosts->lab_to_take_down, err.text);
    free(hosts->lab_to_take_down);
    rift_arena_finish(&hosts->arena);
    *hosts = (struct run_hosts){0};
}
