/* The table of verbs, and those that are about the agent itself. common/wire/messages.h says what
 * each means. */
#include "agent/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "agent/addresses.h"
#include "agent/command.h"
#include "agent/faults.h"
#include "agent/heal_all.h"
#include "agent/job.h"
#include "agent/lease.h"
#include "agent/leftovers.h"
#include "agent/lock.h"
#include "agent/probe.h"
#include "agent/shown_clock.h"
#include "agent/status.h"
#include "agent/system.h"
#include "common/boot.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "common/wire/messages.h"
#include "nemesis/faults/ledger.h"
#include "nemesis/faults/strays.h"

enum { EXEC_MS = 30000, EXEC_ARGS_MAX = 256, DEFAULT_LEASE_MS = 10000 };

/* --- hello */

static void protect_address(struct agent *agent, const char *address)
{
    size_t i = 0;
    while (agent->protected_addresses[i])
        i++;
    if (i < AGENT_PROTECTED_MAX)
        agent->protected_addresses[i] = rift_strdup(address);
}

/* The controller's, as it names them and as our own connection shows it: its address and port, ours
 * and ours (ssh(1)). sudo takes the variable away; then the controller's word is all there is. */
static void hello_protect(struct agent *agent, const json_t *args)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(args, "controller_addresses"), i, item)
    {
        if (json_is_string(item))
            protect_address(agent, json_string_value(item));
    }
    agent->own_port = (uint16_t)json_integer_value(json_object_get(args, "ssh_port"));
    const char *connection = getenv("SSH_CONNECTION");
    if (!connection)
        return;
    char address[64];
    unsigned port;
    if (sscanf(connection, "%63s %*u %*s %u", address, &port) != 2)
        return;
    protect_address(agent, address);
    agent->own_port = (uint16_t)port;
}

static void hello_reply(struct agent *agent, bool is_resumed, json_t *healed, json_t *ok)
{
    struct utsname name;
    char boot_id[RIFT_BOOT_ID_SIZE];
    uname(&name);
    rift_boot_id(boot_id);
    json_t *fields =
        json_pack("{s:i, s:i, s:i, s:s, s:s, s:s, s:s, s:I, s:b, s:i, s:o}", "version",
                  RIFT_WIRE_VERSION, "pid", (int)getpid(), "guardian_pid", (int)getppid(),
                  "boot_id", boot_id, "hostname", name.nodename, "kernel", name.release, "machine",
                  name.machine, "now_ns", (json_int_t)rift_clock_now(), "resumed", (int)is_resumed,
                  "probe_port", probe_port(agent->probe), "healed", healed);
    json_object_update(ok, fields);
    json_decref(fields);
}

/* The system of this session goes on; what a session that is over left is removed. */
static int hello_take_up(struct agent *agent, struct rift_error *err)
{
    if (system_load(agent, err))
        return -1;
    return system_is_stale(agent) ? system_remove(agent, false, err) : 0;
}

static int verb_hello(struct agent *agent, const struct request *request, json_t *ok,
                      struct rift_error *err)
{
    const json_t *args = request->args;
    const char *session = json_string_value(json_object_get(args, "session"));
    const char *node = json_string_value(json_object_get(args, "node"));
    const json_t *lease = json_object_get(args, "lease_ms");
    bool is_forced = json_is_true(json_object_get(args, "force"));
    bool is_resumed = false;
    char boot_id[RIFT_BOOT_ID_SIZE];
    if (agent->is_greeted)
        return rift_fail(err, RIFT_ERR_CONFLICT, "this connection has said hello already");
    if (!session || !*session || strlen(session) >= sizeof agent->session)
        return rift_fail(err, RIFT_ERR_INVALID, "'session' must be a text of 1 to %zu characters",
                         sizeof agent->session - 1);
    snprintf(agent->session, sizeof agent->session, "%s", session);
    snprintf(agent->node, sizeof agent->node, "%s", node ? node : "");
    agent->may_fault = json_is_true(json_object_get(args, "allow_faults"));
    rift_boot_id(boot_id);
    if (agent->lock_fd < 0)
        agent->lock_fd = agent_lock_take(agent->paths.lock, session, is_forced, NULL, err);
    if (agent->lock_fd < 0)
        return -1;
    json_decref(agent->holder);
    agent->holder = agent_lock_holder(session, json_string_value(json_object_get(args, "run")));
    json_t *healed = json_array();
    if (rift_ledger_heal_all(agent->paths.ledger, healed, err) || rift_strays_remove(err) ||
        hello_take_up(agent, err) ||
        (!agent->record.entries &&
         record_open(&agent->record, agent->paths.record, session, boot_id, &is_resumed, err)) ||
        agent_lease_renew(agent, lease ? json_integer_value(lease) : DEFAULT_LEASE_MS, err)) {
        json_decref(healed);
        return -1;
    }
    if (is_resumed)
        leftovers_sweep_unfinished(&agent->paths);
    else
        leftovers_sweep(&agent->paths);
    json_object_set_new(agent->holder, "lease_until_ns", json_integer(agent->lease_until_ns));
    agent_lock_describe(agent->lock_fd, agent->holder);
    hello_protect(agent, args);
    agent->status = status_open(agent);
    agent->is_greeted = true;
    hello_reply(agent, is_resumed, healed, ok);
    return 0;
}

/* --- clock, lease, status, quit */

static int verb_clock(struct agent *agent, const struct request *request, json_t *ok,
                      struct rift_error *err)
{
    (void)agent;
    (void)request;
    (void)err;
    json_object_set_new(ok, "now_ns", json_integer(rift_clock_now()));
    json_object_set_new(ok, "wall_ns", json_integer(rift_clock_wall()));
    return 0;
}

static int verb_lease(struct agent *agent, const struct request *request, json_t *ok,
                      struct rift_error *err)
{
    const json_t *lease = json_object_get(request->args, "lease_ms");
    if (agent_lease_renew(agent, lease ? json_integer_value(lease) : DEFAULT_LEASE_MS, err))
        return -1;
    json_object_set_new(agent->holder, "lease_until_ns", json_integer(agent->lease_until_ns));
    agent_lock_describe(agent->lock_fd, agent->holder);
    json_object_set_new(ok, "until_ns", json_integer(agent->lease_until_ns));
    return 0;
}

static int verb_status(struct agent *agent, const struct request *request, json_t *ok,
                       struct rift_error *err)
{
    (void)request;
    (void)err;
    json_object_set_new(ok, "faults", faults_list(agent));
    json_object_set_new(ok, "lease_until_ns", json_integer(agent->lease_until_ns));
    json_object_set_new(ok, "system", system_describe(agent));
    return 0;
}

static int verb_quit(struct agent *agent, const struct request *request, json_t *ok,
                     struct rift_error *err)
{
    (void)request;
    json_t *healed = json_array();
    int rc = heal_all_now(agent, healed, err);
    json_object_set_new(ok, "healed", healed);
    if (rc == 0) {
        /* The session is over: what was kept for its sake goes. */
        unlink(agent->paths.record);
        unlink(agent->paths.lock);
        rmdir(agent->paths.ledger);
    }
    loop_stop(&agent->loop);
    return rc;
}

/* --- exec */

static int exec_work(struct agent *agent, const json_t *args, int64_t deadline_ns, json_t *ok,
                     struct rift_error *err)
{
    (void)agent;
    const json_t *argv = json_object_get(args, "argv");
    char *list[EXEC_ARGS_MAX + 1] = {NULL};
    size_t count = json_array_size(argv);
    if (count == 0 || count > EXEC_ARGS_MAX)
        return rift_fail(err, RIFT_ERR_INVALID, "'argv' must be a list of 1 to %d texts",
                         EXEC_ARGS_MAX);
    for (size_t i = 0; i < count; i++) {
        list[i] = (char *)json_string_value(json_array_get(argv, i));
        if (!list[i])
            return rift_fail(err, RIFT_ERR_INVALID, "argv[%zu] is not a text", i);
    }
    struct agent_user user;
    struct command_result result;
    if (agent_user_find(json_string_value(json_object_get(args, "user")), &user, err) ||
        agent_command_run(list, json_string_value(json_object_get(args, "stdin")), &user,
                          deadline_ns, &result, err))
        return -1;
    json_object_set_new(ok, "status", json_integer(result.status));
    json_object_set_new(ok, "truncated", json_boolean(result.is_truncated));
    struct {
        const char *key;
        struct rift_text *text;
    } outputs[] = {{"stdout", &result.output}, {"stderr", &result.errors}};
    for (int i = 0; i < 2; i++) {
        char *text = outputs[i].text->data ? outputs[i].text->data : "";
        size_t length = outputs[i].text->length;
        json_t *value = json_stringn(text, length);
        for (size_t j = 0; !value && j < length; j++)
            if ((unsigned char)text[j] >= 0x80)
                text[j] = '?';
        json_object_set_new(ok, outputs[i].key, value ? value : json_stringn(text, length));
    }
    agent_command_finish(&result);
    return 0;
}

static int verb_exec(struct agent *agent, const struct request *request, json_t *ok,
                     struct rift_error *err)
{
    (void)ok;
    return job_start(agent, request, exec_work, NULL, EXEC_MS, err);
}

static const struct verb verbs[] = {
    {"hello", verb_hello, true},
    {"clock", verb_clock, true},
    {"lease", verb_lease, true},
    {"status", verb_status, true},
    {"quit", verb_quit, true},
    {"exec", verb_exec, false},
    {"addresses", addresses_verb, true},
    {"probe_fault", faults_verb_probe, true},
    {"inject", faults_verb_inject, false},
    {"change", faults_verb_change, false},
    {"observe", faults_verb_observe, true},
    {"heal", faults_verb_heal, true},
    {"heal_all", heal_all_verb, true},
    {"probe_pairs", probe_verb_pairs, true},
    {"probe_received", probe_verb_received, true},
    {"system.configure", system_verb_configure, false},
    {"system.install", system_verb_install, false},
    {"system.use", system_verb_use, false},
    {"system.start", system_verb_start, false},
    {"system.wait_ready", system_verb_wait_ready, true},
    {"system.stop", system_verb_stop, false},
    {"system.kill", system_verb_kill, false},
    {"system.role", system_verb_role, true},
    {"system.clock", shown_clock_verb, true},
    {"system.membership", system_verb_membership, false},
    {"system.leave", system_verb_leave, false},
    {"system.status", system_verb_status, true},
    {"system.programs", system_verb_programs, true},
    {"system.logs", system_verb_logs, true},
    {"system.wipe", system_verb_wipe, false},
    {"system.remove", system_verb_remove, false},
};

const struct verb *agent_verb_find(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}
