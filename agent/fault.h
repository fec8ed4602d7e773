/* One fault of the agent, from the request that injects it until it is healed. For the files
 * agent/fault*.c. */
#ifndef AGENT_FAULT_H
#define AGENT_FAULT_H

#include "agent/agent.h"
#include "agent/crash_loop.h"
#include "common/arena.h"
#include "nemesis/faults/driver.h"

struct fault {
    struct fault *next;
    struct agent *agent;
    struct rift_injection injection;
    json_t *args; /* the request's, which peers and options point into */
    struct rift_arena arena;
    struct rift_target target;
    bool is_on;          /* injected, not only planned for later */
    bool has_ended;      /* before its time: what held it is gone */
    char ended[160];     /* why */
    bool is_in_heal;     /* or was, in vain: its lease is not renewed any more */
    int64_t ready_ns;    /* from when on it could begin in time: waiting for it, or in place */
    int64_t request_id;  /* to be answered when it is on, or off; 0: answered */
    bool is_in_job;      /* that of request_id, which injects or heals it */
    bool is_in_heal_all; /* it heals all: agent/heal_all.c */
    uint64_t number;     /* in the order in which they came */
    bool is_in_thread;   /* which works on it: agent/fault_thread.c */
    bool is_check_due;   /* by the thread: does it still stand? */
    uint64_t timer;
    struct crash_loop *loop; /* or NULL */
};

/* NULL where there is none. */
struct fault *fault_find(struct agent *agent, const char *id);
/* That which the job of this request, or of this number, injects, heals or undoes; or NULL. */
struct fault *fault_in_job(struct agent *agent, int64_t request_id);
/* Forgets it; what it did is not undone. */
void fault_destroy(struct fault *fault);
/* Undone as far as it got: after this the node is as before, or the ledger still says what is not.
 */
void fault_undo(struct fault *fault);
/* The lease is there; what a fault that stops the system needs is, too. */
int fault_prepare(struct fault *fault, struct rift_error *err);
/* Plans it and writes the ledger: nothing is touched, and it can be injected. */
int fault_note(struct fault *fault, struct rift_error *err);
/* Is its inject one for a job? To be asked once it is planned. */
bool fault_inject_waits(const struct fault *fault);
/* Is its heal one for a job? systemctl, for one, takes its time. */
bool fault_heal_waits(const struct fault *fault);
/* The fault is off and out of the ledger. */
int fault_end(struct fault *fault, struct rift_error *err);
/* Forgets one that is off; when it was. */
int64_t fault_close(struct fault *fault);
/* All of it, and the fault is forgotten; or it stays as it is, with the error. */
int fault_heal(struct fault *fault, int64_t *applied_ns, struct rift_error *err);
/* Ends what is under way for it, the restarts of a crash loop as well; requests that wait for it
 * are answered. It is to be healed next. */
void fault_interrupt(struct fault *fault);
/* Its lease runs as long as the agent's, unless a job is at it, which may end what holds it. One
 * that nothing holds any more is undone at once, and the controller is told. */
void fault_renew(struct fault *fault);
/* It is over before its time, of what the error says. It is undone, unless a heal is at it. */
void fault_take_end(struct fault *fault, const struct rift_error *found);
/* "on", or "ended" and why: what a heal found. */
void fault_describe_end(const struct fault *fault, json_t *ok);
/* Fills the reply to inject. */
void fault_describe(const struct fault *fault, json_t *ok);
/* That which a request is to change; or NULL. */
struct fault *fault_find_changeable(struct agent *agent, const json_t *args,
                                    struct rift_error *err);
/* It has been changed as the request says. */
void fault_note_change(struct fault *fault, const json_t *args, json_t *ok);

/* Injects it, planned and in the ledger, in a job, which answers the request: VERB_LATER or -1. A
 * fault that this fails for is undone and forgotten. */
int fault_inject_in_job(struct fault *fault, int64_t request_id, struct rift_error *err);
/* Heals it in a job, after its last act, and starts the system again where it may have stopped it
 * and the request does not say otherwise. One that this fails for is still on. */
int fault_heal_in_job(struct fault *fault, const struct request *request, struct rift_error *err);

/* The same by the thread for what waits for the network's settings (agent/net_thread.h), for a
 * driver that takes_rtnl: VERB_LATER or -1. */
int fault_inject_in_thread(struct fault *fault, int64_t request_id, struct rift_error *err);
int fault_change_in_thread(struct fault *fault, const struct request *request,
                           struct rift_error *err);
int fault_heal_in_thread(struct fault *fault, const struct request *request,
                         struct rift_error *err);

#endif
