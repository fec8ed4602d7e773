/* The requests of one node that are not answered yet, in the order of their ids. Pure bookkeeping:
 * no clock, no network. */
#ifndef CONTROL_REMOTE_REQUESTS_H
#define CONTROL_REMOTE_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"
#include "control/remote/node_settings.h"

struct rift_pending {
    struct rift_pending *next;
    int64_t id;
    int64_t deadline_ns;
    bool is_sent; /* its frame went, at least in part, to a connection */
    bool is_ours; /* hello, lease, clock: belongs to one connection, never sent again */
    char verb[48];
    struct rift_text frame;
    rift_node_done *done;
    void *context;
};

struct rift_requests {
    struct rift_pending *first, **end;
    size_t count;
};

void rift_requests_init(struct rift_requests *requests);
struct rift_pending *rift_pending_create(int64_t id, const char *verb, const json_t *args,
                                         struct rift_error *err);
void rift_pending_destroy(struct rift_pending *pending);
/* Takes ownership. ids rise. */
void rift_requests_add(struct rift_requests *requests, struct rift_pending *pending);
/* Ends the request of that id; an id that is not there, as its deadline passed, is ignored. */
void rift_requests_answer(struct rift_requests *requests, int64_t id, const json_t *reply,
                          const struct rift_error *error);
/* Ends those whose deadline has come; returns the next deadline, INT64_MAX where there is none. */
int64_t rift_requests_expire(struct rift_requests *requests, const char *node, int64_t now_ns);
/* After a connection was lost and another one stands. Where the agent has its record of the session
 * (is_resumed) all go out again, and it knows the repeated ones; where it has none, those that were
 * sent end as cancelled, since they may have happened. */
void rift_requests_reconnect(struct rift_requests *requests, const char *node, bool is_resumed);
/* Ends all with this error. */
void rift_requests_fail_all(struct rift_requests *requests, const struct rift_error *error);

#endif
