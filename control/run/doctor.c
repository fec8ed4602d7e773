/* Can every node do every fault that is planned? Each node is asked once for each fault with each
 * set of options that the schedule holds. */
#include "control/run/doctor.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"
#include "control/run/link_fault.h"
#include "control/run/peer_addresses.h"

/* Options that are drawn anew for each window differ in each; a few of them tell enough. */
enum { DOCTOR_QUESTIONS_PER_FAULT = 8 };

/* Which of several it hits is no matter of what a node can do. */
static json_t *doctor_options(const struct rift_fault_variant *what)
{
    json_t *options = json_copy((json_t *)what->options);
    json_object_del(options, "pick");
    return options;
}

/* What was asked of one fault. */
struct doctor_question {
    const struct rift_fault *fault;
    json_t *options;
};

/* Adds it, unless it was asked already, or enough of its fault was. */
static bool doctor_is_new(struct doctor_question *asked, size_t *count,
                          const struct rift_fault_variant *what)
{
    json_t *options = doctor_options(what);
    size_t of_fault = 0;
    bool is_new = true;
    for (size_t i = 0; i < *count; i++) {
        of_fault += asked[i].fault == what->fault;
        is_new =
            is_new && !(asked[i].fault == what->fault && json_equal(asked[i].options, options));
    }
    is_new = is_new && of_fault < DOCTOR_QUESTIONS_PER_FAULT;
    if (is_new)
        asked[(*count)++] = (struct doctor_question){what->fault, options};
    else
        json_decref(options);
    return is_new;
}

static const char *doctor_text(const json_t *reply, const char *key)
{
    const char *text = json_string_value(json_object_get(reply, key));
    return text ? text : "";
}

/* grudge: whom each node hears no more; NULL: any other. */
static void doctor_ask_one(struct cluster *cluster, const struct rift_fault_variant *what,
                           const struct rift_node_set *nodes, const struct rift_grudge *grudge,
                           int64_t deadline_ms,
                           void (*visit)(void *context, const struct doctor_answer *answer),
                           void *context)
{
    json_t **args = rift_calloc(cluster->node_count, sizeof(json_t *));
    struct cluster_reply *replies = rift_calloc(cluster->node_count, sizeof *replies);
    json_t *further = peer_addresses_ask(cluster);
    struct rift_node_set all;
    cluster_all(cluster, &all);
    for (size_t i = 0; i < cluster->node_count; i++) {
        struct rift_node_set others = all;
        rift_node_set_remove(&others, i);
        args[i] = json_pack(
            "{s:s, s:O, s:o}", "fault", link_fault_driver(what->fault), "options", what->options,
            "peers",
            link_fault_peers(cluster, what, i, grudge ? &grudge->drops[i] : &others, further));
    }
    cluster_call(cluster, nodes, "probe_fault", args, deadline_ms, replies);
    for (size_t i = 0; i < cluster->node_count; i++) {
        json_decref(args[i]);
        if (!rift_node_set_has(nodes, i))
            continue;
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
    }
    cluster_replies_free(replies, cluster->node_count);
    json_decref(further);
    free(replies);
    free(args);
}

void doctor_ask_each(struct cluster *cluster, const struct rift_schedule *schedule,
                     int64_t deadline_ms,
                     void (*visit)(void *context, const struct doctor_answer *answer),
                     void *context)
{
    struct doctor_question *asked = rift_calloc(schedule->count + 1, sizeof *asked);
    struct rift_node_set all;
    size_t count = 0;
    cluster_all(cluster, &all);
    /* A fault of the cluster as a whole is not the agents' to do: the plan has what it needs. */
    for (size_t i = 0; i < schedule->count; i++) {
        const struct rift_fault_variant *what = &schedule->windows[i].what;
        if (what->fault->scope == RIFT_FAULT_ON_MEMBERSHIP || !doctor_is_new(asked, &count, what))
            continue;
        struct rift_fault_variant shown = *what;
        shown.options = asked[count - 1].options;
        doctor_ask_one(cluster, &shown, &all, NULL, deadline_ms, visit, context);
    }
    for (size_t i = 0; i < count; i++)
        json_decref(asked[i].options);
    free(asked);
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

int doctor_ask_now(struct cluster *cluster, const struct rift_fault_variant *what,
                   const struct rift_resolved *resolved, int64_t deadline_ms,
                   struct rift_error *err)
{
    struct rift_text CLEANUP(rift_text_finish) refusals = {0};
    if (what->fault->scope == RIFT_FAULT_ON_MEMBERSHIP)
        return 0;
    doctor_ask_one(cluster, what, &resolved->nodes, &resolved->grudge, deadline_ms, doctor_note,
                   &refusals);
    if (refusals.length > 0)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "%s", refusals.data);
    return 0;
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
