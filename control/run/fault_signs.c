#include "control/run/fault_signs.h"

#include <math.h>
#include <string.h>

#include "control/run/link_fault.h"

enum { FAULT_SPREAD_MOST_MS = 600, FAULT_CHANCE_SPREAD_MS = 200 };

bool fault_is_on_links(const struct rift_fault_variant *what)
{
    return what->fault->scope == RIFT_FAULT_ON_LINKS;
}

bool fault_is_of_clients(const struct rift_fault_variant *what)
{
    return what->fault->hits_clients;
}

static bool option_is(const struct rift_fault_variant *what, const char *name, const char *word)
{
    const char *is = json_string_value(json_object_get(what->options, name));
    return is && strcmp(is, word) == 0;
}

bool fault_names_interfaces(const struct rift_fault_variant *what)
{
    return json_array_size(json_object_get(what->options, "interfaces")) > 0;
}

bool fault_is_cut(const struct rift_fault_variant *what)
{
    const json_t *ports = json_object_get(what->options, "ports");
    return strcmp(what->fault->name, "partition") == 0 && json_array_size(ports) == 0 &&
           !option_is(what, "protocol", "tcp") && !option_is(what, "connections", "established") &&
           !option_is(what, "connections", "new");
}

int64_t fault_flap_spread_ms(const struct rift_fault_variant *what)
{
    double period_ms = json_number_value(json_object_get(what->options, "flap_ms"));
    return fault_is_cut(what) || fault_is_of_clients(what)
               ? (int64_t)ceil(fmin(period_ms, FAULT_SPREAD_MOST_MS))
               : 0;
}

/* The agents' datagrams are of UDP, and of no port of the system. */
static bool may_meet_datagrams(const struct rift_fault_variant *what)
{
    const json_t *ports = json_object_get(what->options, "ports");
    return fault_is_on_links(what) && json_array_size(ports) == 0 &&
           !fault_names_interfaces(what) && !option_is(what, "protocol", "tcp");
}

bool fault_is_late(const struct rift_fault_variant *what)
{
    return may_meet_datagrams(what) && link_fault_delays(what);
}

int64_t fault_probe_spread_ms(const struct rift_fault_variant *what)
{
    bool are_many =
        may_meet_datagrams(what) &&
        (link_fault_is_by_chance(what) || (fault_is_late(what) && link_fault_scatters(what)));
    return are_many ? FAULT_CHANCE_SPREAD_MS : fault_flap_spread_ms(what);
}
