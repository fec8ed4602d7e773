/* What an agent says: frames out, as fast as the controller reads them. */
#include "agent/agent.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/wire/messages.h"

static void agent_flush(struct agent *agent);

static void agent_out_ready(void *context, short events)
{
    (void)events;
    agent_flush(context);
}

static void agent_flush(struct agent *agent)
{
    struct rift_text *out = &agent->out;
    while (agent->out_sent < out->length) {
        ssize_t n =
            write(STDOUT_FILENO, out->data + agent->out_sent, out->length - agent->out_sent);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            loop_watch(&agent->loop, STDOUT_FILENO, POLLOUT, agent_out_ready, agent);
            return;
        }
        if (n <= 0) { /* nobody reads any more */
            loop_stop(&agent->loop);
            break;
        }
        agent->out_sent += (size_t)n;
    }
    loop_unwatch(&agent->loop, STDOUT_FILENO);
    agent->out_sent = 0;
    rift_text_clear(out);
}

void agent_send(struct agent *agent, const json_t *message)
{
    struct rift_error err = {0};
    if (rift_frame_encode(message, &agent->out, &err)) {
        fprintf(stderr, "rift-agent: %s\n", err.text);
        return;
    }
    if (agent->out.length - agent->out_sent > AGENT_OUT_MAX) { /* the controller is stuck */
        loop_stop(&agent->loop);
        return;
    }
    agent_flush(agent);
}

void agent_reply(struct agent *agent, int64_t id, const json_t *ok, const struct rift_error *err)
{
    json_t *reply = err ? rift_message_reply_error(id, err) : rift_message_reply(id, ok);
    record_end(&agent->record, id, reply);
    agent_send(agent, reply);
    json_decref(reply);
}

void agent_event(struct agent *agent, const char *name, json_t *fields)
{
    json_object_set_new(fields, "event", json_string(name));
    agent_send(agent, fields);
    json_decref(fields);
}
