/* The agent of one node: its connection, its lease, its faults, its system. One thread, but for
 * heal_lane.h and net_thread.h. */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "agent/loop.h"
#include "agent/paths.h"
#include "agent/record.h"
#include "common/cgroup.h"
#include "common/error.h"
#include "common/text.h"
#include "common/wire/frame.h"

enum {
    AGENT_PROTECTED_MAX = 32,
    AGENT_OUT_MAX = 8 << 20,
    AGENT_WORD_SIZE = 65,
    AGENT_FAULTS_MAX = 128
};

struct fault; /* agent/faults.c */
struct heal_lane;
struct job; /* agent/job.c */
struct net_thread;
struct pulse;  /* agent/guardian.c */
struct probe;  /* agent/probe.c */
struct status; /* agent/status.c */
struct system; /* agent/system.c */

struct agent {
    struct loop loop;
    struct agent_paths paths;
    char cgroup_name[AGENT_WORD_SIZE];
    struct rift_cgroup cgroup; /* the system's */
    int guardian_fd;           /* pidfd of the guardian */
    struct pulse *pulse;       /* what it looks at */
    int signal_fd;

    /* the connection */
    struct heal_lane *lane;
    int in_fd;
    struct rift_frame_decoder decoder;
    struct rift_text out; /* bytes [out_sent, length) are to be written */
    size_t out_sent;

    /* from hello on */
    bool is_greeted;
    char session[AGENT_WORD_SIZE];
    char node[AGENT_WORD_SIZE];
    bool may_fault; /* the controller's word; else the host's own RIFT_ALLOW_FILE decides */
    json_t *holder; /* the lock's description */
    int lock_fd;
    struct record record;
    const char *protected_addresses[AGENT_PROTECTED_MAX + 1];
    uint16_t own_port;      /* that the controller's connection comes to; 0: not known */
    int64_t lease_until_ns; /* 0: the lease has ended */
    uint64_t lease_timer;

    struct fault *faults;
    uint64_t fault_count; /* so far */
    int heal_alls;        /* that wait for the thread, or run there */
    struct net_thread *net_thread;
    struct job *jobs;
    struct probe *probe;
    struct status *status;
    struct system *system;
};

struct request {
    int64_t id;
    const char *verb;
    const json_t *args;
    int kept_fd; /* that stays open where it is carried out; 0: none but what it opens */
};

/* How a verb is carried out: 0 with ok filled, -1 with err, or VERB_LATER when agent_reply comes
 * later. */
enum { VERB_LATER = 1 };
typedef int verb_handler(struct agent *agent, const struct request *request, json_t *ok,
                         struct rift_error *err);

/* Sends a message (borrowed). With AGENT_OUT_MAX bytes unread the controller is stuck and the agent
 * ends. */
void agent_send(struct agent *agent, const json_t *message);
/* Answers a request: with ok (borrowed) where err is NULL. */
void agent_reply(struct agent *agent, int64_t id, const json_t *ok, const struct rift_error *err);
/* Sends {"event": name, ...fields}; takes fields. */
void agent_event(struct agent *agent, const char *name, json_t *fields);

#endif
