/* The requests of one node that are not answered yet. */
#include "control/remote/requests.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/memory.h"
#include "common/wire/frame.h"
#include "common/wire/messages.h"

static void free_json(json_t **json)
{
    json_decref(*json);
}

void rift_pending_destroy(struct rift_pending *pending)
{
    rift_text_finish(&pending->frame);
    free(pending);
}

/* Takes it out of the list, then tells its owner: done may add requests. */
static void end_request(struct rift_requests *requests, struct rift_pending **link,
                        const json_t *reply, const struct rift_error *error)
{
    struct rift_pending *pending = *link;
    *link = pending->next;
    if (requests->end == &pending->next)
        requests->end = link;
    requests->count--;
    if (pending->done)
        pending->done(pending->context, reply, error);
    rift_pending_destroy(pending);
}

void rift_requests_init(struct rift_requests *requests)
{
    *requests = (struct rift_requests){.first = NULL, .end = &requests->first};
}

struct rift_pending *rift_pending_create(int64_t id, const char *verb, const json_t *args,
                                         struct rift_error *err)
{
    struct rift_pending *pending = rift_calloc(1, sizeof *pending);
    CLEANUP(free_json) json_t *message = rift_message_request(id, verb, args);
    pending->id = id;
    snprintf(pending->verb, sizeof pending->verb, "%s", verb);
    if (rift_frame_encode(message, &pending->frame, err) == 0)
        return pending;
    rift_pending_destroy(pending);
    return NULL;
}

void rift_requests_add(struct rift_requests *requests, struct rift_pending *pending)
{
    pending->next = NULL;
    *requests->end = pending;
    requests->end = &pending->next;
    requests->count++;
}

void rift_requests_answer(struct rift_requests *requests, int64_t id, const json_t *reply,
                          const struct rift_error *error)
{
    for (struct rift_pending **link = &requests->first; *link; link = &(*link)->next) {
        if ((*link)->id != id)
            continue;
        end_request(requests, link, reply, error);
        return;
    }
}

int64_t rift_requests_expire(struct rift_requests *requests, const char *node, int64_t now_ns)
{
    int64_t next = INT64_MAX;
    for (struct rift_pending **link = &requests->first; *link;) {
        struct rift_pending *pending = *link;
        if (pending->deadline_ns > now_ns) {
            next = pending->deadline_ns < next ? pending->deadline_ns : next;
            link = &pending->next;
            continue;
        }
        struct rift_error error;
        rift_fail(&error, RIFT_ERR_TIMEOUT, "%s: no answer to '%s' in time%s", node, pending->verb,
                  pending->is_sent ? "; it may happen yet" : "; it was not sent");
        end_request(requests, link, NULL, &error);
    }
    return next;
}

void rift_requests_reconnect(struct rift_requests *requests, const char *node, bool is_resumed)
{
    for (struct rift_pending **link = &requests->first; *link;) {
        struct rift_pending *pending = *link;
        struct rift_error error;
        if (pending->is_sent && (pending->is_ours || !is_resumed)) {
            rift_fail(&error, RIFT_ERR_CANCELLED,
                      "%s: the agent was lost while '%s' was under way; it may have happened", node,
                      pending->verb);
            end_request(requests, link, NULL, &error);
            continue;
        }
        pending->is_sent = false;
        link = &pending->next;
    }
}

void rift_requests_fail_all(struct rift_requests *requests, const struct rift_error *error)
{
    while (requests->first)
        end_request(requests, &requests->first, NULL, error);
}
