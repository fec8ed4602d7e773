/* Why a run ends early: the user, a host that is lost, a fault that failed, a violation. Any thread
 * may ask; what is under way is told at once. */
#ifndef CONTROL_RUN_STOP_H
#define CONTROL_RUN_STOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <jansson.h>

#include "common/error.h"
#include "control/run/interpreter.h"
#include "control/run/nemesis.h"

enum { RUN_STOP_REASON_SIZE = 512 };

struct run_stop {
    pthread_mutex_t lock;
    unsigned stop_on; /* of enum rift_stop_reason */
    atomic_bool is_asked;
    char reason[RUN_STOP_REASON_SIZE]; /* the first one; under the lock */
    struct interpreter *interpreter;   /* what to tell, or NULL; under the lock */
    struct nemesis *nemesis;
};

void run_stop_init(struct run_stop *stop, unsigned stop_on);
void run_stop_finish(struct run_stop *stop);

/* From now on a stop is passed to both; one that was asked for before is passed on here. */
void run_stop_attach(struct run_stop *stop, struct interpreter *interpreter,
                     struct nemesis *nemesis);
void run_stop_detach(struct run_stop *stop);
bool run_stop_is_asked(struct run_stop *stop);
/* "" where nobody asked. */
void run_stop_copy_reason(struct run_stop *stop, char reason[RUN_STOP_REASON_SIZE]);

/* Those who ask; context is the struct run_stop. */
void run_stop_by_user(void *context);
void run_stop_on_node_event(void *context, const char *node, const char *name, const json_t *event);
void run_stop_on_fault_failure(void *context, const struct rift_error *error);
void run_stop_on_violation(void *context, const char *reason);

#endif
