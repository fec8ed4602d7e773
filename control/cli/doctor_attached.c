/* systemd is asked for a unit; of a bare cgroup there are processes or there are none. */
#include "control/cli/doctor_attached.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"
#include "control/run/node_system.h"

/* "ActiveState=active" and more, or what went wrong. */
static char *state_of_unit(struct cluster *cluster, size_t node, const char *unit,
                           int64_t deadline_ms)
{
    struct rift_error err = {0};
    json_t *ok = node_system_ask(cluster, node, "exec",
                                 json_pack("{s:[s,s,s,s]}", "argv", "systemctl", "show",
                                           "--property=ActiveState,SubState,Result", unit),
                                 deadline_ms, &err);
    char *said = rift_strdup(ok ? json_string_value(json_object_get(ok, "stdout")) : err.text);
    json_decref(ok);
    for (char *c = said; *c; c++)
        if (*c == '\n')
            *c = c[1] ? ' ' : 0;
    return said;
}

static char *state_of_cgroup(struct cluster *cluster, size_t node, int64_t deadline_ms)
{
    struct rift_error err = {0};
    json_t *ok = node_system_ask(cluster, node, "system.status", NULL, deadline_ms, &err);
    size_t count = json_array_size(json_object_get(ok, "pids"));
    char *said = ok ? rift_printf("processes: %zu", count) : rift_strdup(err.text);
    json_decref(ok);
    return said;
}

size_t doctor_print_attached(struct cluster *cluster, const struct rift_plan *plan,
                             int64_t deadline_ms)
{
    const char *unit = json_string_value(json_object_get(plan->attach, "unit"));
    const char *cgroup = json_string_value(json_object_get(plan->attach, "cgroup"));
    size_t trouble_count = 0;
    if (!plan->attach || !plan->recipe)
        return 0;
    printf("attached to %s\n", unit ? unit : cgroup);
    for (size_t i = 0; i < cluster->node_count; i++) {
        CLEANUP(rift_free)
        char *state = unit ? state_of_unit(cluster, i, unit, deadline_ms)
                           : state_of_cgroup(cluster, i, deadline_ms);
        bool runs = unit ? strstr(state, "ActiveState=active") || strstr(state, "=reloading")
                         : strstr(state, "processes: ") && !strstr(state, "processes: 0");
        bool is_trouble = !runs && !plan->attach_wipes;
        trouble_count += is_trouble;
        printf("  %-10s %s%s%s\n", cluster->names[i], is_trouble ? "DOES NOT RUN: " : "", state,
               is_trouble ? "; start it"
               : runs     ? ""
                          : "; a run wipes and starts it");
    }
    return trouble_count;
}
