/* Why a run ends early, and who is told. */
#include "control/run/stop.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "plan/plan.h"

void run_stop_init(struct run_stop *stop, unsigned stop_on)
{
    *stop = (struct run_stop){.stop_on = stop_on};
    pthread_mutex_init(&stop->lock, NULL);
}

void run_stop_finish(struct run_stop *stop)
{
    pthread_mutex_destroy(&stop->lock);
}

/* The lock is held. */
static void stop_tell(struct run_stop *stop)
{
    /* First the heal, then the clients. */
    if (stop->nemesis)
        nemesis_stop(stop->nemesis);
    if (stop->interpreter)
        interpreter_stop(stop->interpreter);
}

__attribute__((format(printf, 2, 3))) static void stop_ask(struct run_stop *stop,
                                                           const char *format, ...)
{
    pthread_mutex_lock(&stop->lock);
    if (!atomic_exchange(&stop->is_asked, true)) {
        va_list args;
        va_start(args, format);
        vsnprintf(stop->reason, sizeof stop->reason, format, args);
        va_end(args);
        rift_log(RIFT_LOG_INFO, "the run ends early: %s", stop->reason);
    }
    stop_tell(stop);
    pthread_mutex_unlock(&stop->lock);
}

void run_stop_attach(struct run_stop *stop, struct interpreter *interpreter,
                     struct nemesis *nemesis)
{
    pthread_mutex_lock(&stop->lock);
    stop->interpreter = interpreter;
    stop->nemesis = nemesis;
    if (atomic_load(&stop->is_asked))
        stop_tell(stop);
    pthread_mutex_unlock(&stop->lock);
}

void run_stop_detach(struct run_stop *stop)
{
    run_stop_attach(stop, NULL, NULL);
}

bool run_stop_is_asked(struct run_stop *stop)
{
    return atomic_load(&stop->is_asked);
}

void run_stop_copy_reason(struct run_stop *stop, char reason[RUN_STOP_REASON_SIZE])
{
    pthread_mutex_lock(&stop->lock);
    memcpy(reason, stop->reason, RUN_STOP_REASON_SIZE);
    pthread_mutex_unlock(&stop->lock);
}

void run_stop_by_user(void *context)
{
    stop_ask(context, "stopped by the user");
}

void run_stop_on_node_event(void *context, const char *node, const char *name, const json_t *event)
{
    struct run_stop *stop = context;
    bool is_lost = strcmp(name, "lost") == 0;
    bool is_lease = strcmp(name, "lease_ended") == 0;
    if (is_lost || is_lease)
        rift_log(RIFT_LOG_WARNING, "%s: %s", node,
                 is_lost ? "contact is lost, its faults end with the lease"
                         : "the lease ran out, its faults are healed");
    else if (strcmp(name, "fault_ended") == 0)
        rift_log(RIFT_LOG_WARNING, "%s: fault %s: %s", node,
                 json_string_value(json_object_get(event, "id")),
                 json_string_value(json_object_get(event, "text")));
    else
        rift_log(RIFT_LOG_INFO, "%s: %s", node, name);
    if (is_lost && (stop->stop_on & RIFT_STOP_NODE_LOST))
        stop_ask(stop, "%s: contact is lost", node);
}

void run_stop_on_fault_failure(void *context, const struct rift_error *error)
{
    struct run_stop *stop = context;
    if (stop->stop_on & RIFT_STOP_FAULT_FAILED)
        stop_ask(stop, "a fault failed: %s", error->text);
}

void run_stop_on_violation(void *context, const char *reason)
{
    stop_ask(context, "a violation: %s", reason);
}
