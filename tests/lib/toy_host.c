#include "tests/lib/toy_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"

struct test_host *n1;
static struct namespaces *spaces;

int toy_host_up(void **state)
{
    (void)state;
    spaces = namespaces_up(1);
    n1 = spaces ? &spaces->hosts[0] : NULL;
    return 0;
}

static int up_where_there_is(const char *device, const char *otherwise, void **state)
{
    if (access(device, F_OK) == 0)
        return toy_host_up(state);
    print_message("%s\n", otherwise);
    return 0;
}

int toy_host_up_for_disks(void **state)
{
    return up_where_there_is("/dev/loop-control", "no loop devices here", state);
}

int toy_host_up_for_layers(void **state)
{
    return up_where_there_is("/dev/fuse", "no FUSE here", state);
}

int toy_host_down(void **state)
{
    (void)state;
    namespaces_down(spaces);
    return 0;
}

int toy_host_begin(const char *session, int lease_ms, int disk_mb)
{
    return toy_host_begin_layered(session, lease_ms, disk_mb, "none");
}

int toy_host_begin_layered(const char *session, int lease_ms, int disk_mb, const char *disk_layer)
{
    if (!n1)
        return 0;
    if (!host_agent_start(n1, session, lease_ms))
        return -1;
    toy_configure(n1, disk_mb, disk_layer);
    json_decref(agent_must(&n1->agent, "system.stop", NULL));
    json_decref(agent_must(&n1->agent, "system.wipe", NULL));
    toy_start(n1);
    return 0;
}

int toy_host_end(void **state)
{
    (void)state;
    if (n1)
        agent_forget(&n1->agent);
    return 0;
}

int toy_host_end_wiped(void **state)
{
    static const char *const verbs[] = {"heal_all", "system.stop", "system.wipe"};
    bool is_fine = true;
    if (!n1 || n1->agent.pid <= 0)
        return 0;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        json_t *reply = agent_ask(&n1->agent, verbs[i], NULL);
        is_fine = is_fine && json_object_get(reply, "ok");
        json_decref(reply);
    }
    toy_host_end(state); /* also where that failed: the next test has an agent of its own */
    return is_fine ? 0 : -1;
}

char *toy_data_path(const char *file)
{
    return rift_printf("%s-data/toy%s%s", n1->state, *file ? "/" : "", file);
}

static json_t *fault_args(const char *id, const char *fault, json_t *options)
{
    return json_pack("{s:s, s:s, s:o}", "id", id, "fault", fault, "options",
                     options ? options : json_object());
}

bool can_inject(const char *fault, json_t *options)
{
    if (!n1) {
        json_decref(options);
        return false;
    }
    json_t *ok = agent_must(&n1->agent, "probe_fault", fault_args("x", fault, options));
    bool can = json_is_true(json_object_get(ok, "can"));
    if (!can)
        print_message("%s: %s\n", fault, json_string_value(json_object_get(ok, "why")));
    json_decref(ok);
    return can;
}

void inject(const char *id, const char *fault, json_t *options)
{
    json_decref(agent_must(&n1->agent, "inject", fault_args(id, fault, options)));
}

void inject_seeded(const char *id, const char *fault, json_t *options, int seed)
{
    json_t *args = fault_args(id, fault, options);
    json_object_set_new(args, "seed", json_integer(seed));
    json_decref(agent_must(&n1->agent, "inject", args));
}

void heal(const char *id)
{
    json_decref(agent_must(&n1->agent, "heal", json_pack("{s:s}", "id", id)));
}

bool is_observed(const char *id)
{
    json_t *ok = agent_must(&n1->agent, "observe", json_pack("{s:s}", "id", id));
    bool is = json_is_true(json_object_get(ok, "observed"));
    print_message("%s\n", json_string_value(json_object_get(ok, "how")));
    json_decref(ok);
    return is;
}

bool becomes_observed(const char *id)
{
    int64_t deadline = rift_clock_now() + 15 * RIFT_SECOND;
    bool is = is_observed(id);
    while (!is && rift_clock_now() < deadline) {
        rift_clock_sleep_until(rift_clock_now() + 100 * RIFT_MS);
        is = is_observed(id);
    }
    return is;
}
