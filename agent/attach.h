/* A system that was there before us and stays when we go: a systemd unit, or a bare cgroup. It is
 * watched and broken as one of our own, but started and stopped by its owner's means. */
#ifndef AGENT_ATTACH_H
#define AGENT_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "common/cgroup.h"
#include "common/error.h"

enum { ATTACH_NAME_SIZE = 192 };

struct attach {
    char unit[ATTACH_NAME_SIZE];   /* "etcd.service"; "": nobody can start it again */
    char cgroup[ATTACH_NAME_SIZE]; /* "system.slice/etcd.service", below each hierarchy's root */
    int64_t stop_ms;               /* how long systemd gives a stop of the unit; 0: not known */
};

/* Reads {"unit"? , "cgroup"?, "stop_ms"?}. Where only the unit is given systemd is asked for its cgroup, which
 * takes a moment. Refuses a cgroup that holds more than a system, such as a slice or our own. */
int attach_read(const json_t *json, struct attach *attach, struct rift_error *err);
/* A time span as systemctl shows it, "1min 30s" (systemd.time(7)), in ms; the longest there is for
 * "infinity"; 0 for what is none. */
int64_t attach_span_ms(const char *text);
json_t *attach_to_json(const struct attach *attach);

/* Through systemctl; both wait until systemd says that it is done. A unit that is active is not
 * started; that processes of it are there does not make it so, they may be about to end. */
int attach_start(const struct attach *attach, int64_t deadline_ns, struct rift_error *err);
int attach_stop(const struct attach *attach, int64_t deadline_ns, struct rift_error *err);

#endif
