/* Can every node do every fault that is planned? Each node is asked once for each fault with each
 * set of options that the schedule holds. */
#include "control/run/doctor.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"
#include "control/run/link_fault.h"

/* Options that are drawn anew for each window differ in each; a few of them tell enough. */
enum { DOCTOR_QUESTIONS_PER_FAULT = 8 };

static bool doctor_has_asked(const struct rift_schedule *schedule, size_t index)
{
    const struct rift_fault_variant *asked = &schedule->windows[index].what;
    size_t questions = 0;
    for (size_t i = 0; i < index; i++) {
        const struct rift_fault_variant *other = &schedule->windows[i].what;
        if (other->fault != asked->fault)
            continue;
        if (json_equal(other->options, asked->options))
            return true;
        questions++;
    }
    return questions >= DOCTOR_QUESTIONS_PER_FAULT;
}

static const char *doctor_text(const json_t *reply, const char *key)
{
    const char *text = json_string_value(json_object_get(reply, key));
    return text ? text : "";
}

static void doctor_ask_one(struct cluster *cluster, const struct rift_fault_variant *what,
                           int64_t deadline_ms,
                           void (*visit)(void *context, const struct doctor_answer *answer),
                           void *context)
{
    json_t **args = rift_calloc(cluster->node_count, sizeof(json_t *));
    struct cluster_reply *replies = rift_calloc(cluster->node_count, sizeof *replies);
    struct rift_node_set all;
    cluster_all(cluster, &all);
    for (size_t i = 0; i < cluster->node_count; i++) {
        struct rift_node_set others = all;
        rift_node_set_remove(&others, i);
        args[i] = json_pack("{s:s, s:O, s:o}", "fault", link_fault_driver(what->fault), "options",
                            what->options, "peers", link_fault_peers(cluster, what, i, &others));
    }
    cluster_call(cluster, &all, "probe_fault", args, deadline_ms, replies);
    for (size_t i = 0; i < cluster->node_count; i++) {
        const json_t *reply = replies[i].ok;
        struct doctor_answer answer = {
            .node = cluster->names[i],
            .what = what,
            .can = json_is_true(json_object_get(reply, "can")),
            .why = reply ? doctor_text(reply, "why") : replies[i].error.text,
            .backend = doctor_text(reply, "backend"),
            .end = doctor_text(reply, "end"),
        };
        if (!answer.can && !answer.why[0])
            answer.why = "it does not say why";
        visit(context, &answer);
        json_decref(args[i]);
    }
    cluster_replies_free(replies, cluster->node_count);
    free(replies);
    free(args);
}

void doctor_ask_each(struct cluster *cluster, const struct rift_schedule *schedule,
                     int64_t deadline_ms,
                     void (*visit)(void *context, const struct doctor_answer *answer),
                     void *context)
{
    /* A fault of the cluster as a whole is not the agents' to do: the plan has what it needs. */
    for (size_t i = 0; i < schedule->count; i++)
        if (schedule->windows[i].what.fault->scope != RIFT_FAULT_ON_MEMBERSHIP &&
            !doctor_has_asked(schedule, i))
            doctor_ask_one(cluster, &schedule->windows[i].what, deadline_ms, visit, context);
}

static void doctor_note(void *context, const struct doctor_answer *answer)
{
    struct rift_text *refusals = context;
    const char *name = answer->what->fault->name;
    if (answer->can)
        rift_log(RIFT_LOG_INFO, "%s can do %s; its end: %s", answer->node, name, answer->end);
    else
        rift_text_printf(refusals, "%s%s cannot do %s: %s", refusals->length ? "\n" : "",
                         answer->node, name, answer->why);
}

int doctor_ask(struct cluster *cluster, const struct rift_schedule *schedule, int64_t deadline_ms,
               struct rift_error *err)
{
    struct rift_text CLEANUP(rift_text_finish) refusals = {0};
    doctor_ask_each(cluster, schedule, deadline_ms, doctor_note, &refusals);
    if (refusals.length > 0)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "%s", refusals.data);
    return 0;
}
