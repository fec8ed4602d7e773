/* Frames in, signals, and the ways to end. However the agent ends it heals all first; where it
 * cannot (kill -9), the guardian does. */
#include "agent/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/faults.h"
#include "agent/heal_all.h"
#include "agent/heal_lane.h"
#include "agent/job.h"
#include "agent/net_thread.h"
#include "agent/probe.h"
#include "agent/status.h"
#include "agent/system.h"
#include "agent/verbs.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "common/wire/messages.h"
#include "nemesis/faults/ledger.h"

/* True when the request was answered, or will be by the one that is at it. */
static bool agent_answer_from_record(struct agent *agent, int64_t id)
{
    const json_t *reply = NULL;
    struct rift_error err;
    switch (record_find(&agent->record, id, &reply)) {
    case RECORD_NEW:
        return false;
    case RECORD_RUNNING:
        return true;
    case RECORD_DONE:
        agent_send(agent, reply);
        return true;
    case RECORD_LOST:
        break;
    }
    rift_fail(&err, RIFT_ERR_CANCELLED,
              "request %lld had begun when an agent ended: it may have happened", (long long)id);
    reply = rift_message_reply_error(id, &err);
    agent_send(agent, reply);
    json_decref((json_t *)reply);
    return true;
}

static void agent_serve(struct agent *agent, const struct rift_message *message)
{
    struct rift_error err = {0};
    struct request request = {.id = message->id, .verb = message->verb, .args = message->body};
    const struct verb *verb = agent_verb_find(request.verb);
    int rc = -1;
    json_t *ok = json_object();
    if (agent->is_greeted && agent_answer_from_record(agent, request.id)) {
        json_decref(ok);
        return;
    }
    if (!verb)
        rift_fail(&err, RIFT_ERR_UNSUPPORTED, "this agent knows no verb '%s'", request.verb);
    else if (!agent->is_greeted && strcmp(request.verb, "hello") != 0)
        rift_fail(&err, RIFT_ERR_INVALID, "'%s' before 'hello'", request.verb);
    else if (verb->is_question || record_begin(&agent->record, request.id, &err) == 0)
        rc = verb->handle(agent, &request, ok, &err);
    if (rc != VERB_LATER)
        agent_reply(agent, request.id, ok, rc ? &err : NULL);
    json_decref(ok);
}

static void agent_in_ready(void *context, short events)
{
    (void)events;
    struct agent *agent = context;
    static char buffer[RIFT_FRAME_FEED_MAX];
    ssize_t n = read(agent->in_fd, buffer, sizeof buffer);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        loop_stop(&agent->loop);
        return;
    }
    struct rift_error err = {0};
    int rc = rift_frame_decoder_feed(&agent->decoder, buffer, (size_t)n, &err);
    json_t *json;
    while (rc == 0 && !agent->loop.is_stopping &&
           (rc = rift_frame_decoder_next(&agent->decoder, &json, &err)) == 1) {
        struct rift_message message;
        rc = rift_message_parse(json, &message, &err);
        if (rc == 0 && message.kind == RIFT_MESSAGE_REQUEST)
            agent_serve(agent, &message);
        json_decref(json);
    }
    if (rc < 0) {
        fprintf(stderr, "rift-agent: %s\n", err.text);
        loop_stop(&agent->loop);
    }
}

static void agent_signal_ready(void *context, short events)
{
    (void)events;
    struct agent *agent = context;
    struct signalfd_siginfo info;
    if (read(agent->signal_fd, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo != SIGCHLD) {
        loop_stop(&agent->loop);
        return;
    }
    /* First only looked at: the system is asked whether it is one of its own while /proc still has
     * it. */
    siginfo_t ended = {0};
    while (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid > 0) {
        int status;
        bool is_systems = system_owns(agent, ended.si_pid);
        if (waitpid(ended.si_pid, &status, 0) == ended.si_pid && is_systems)
            system_take_exit(agent, ended.si_pid, status);
        ended.si_pid = 0;
    }
    if (agent->lease_until_ns != 0)
        faults_renew_all(agent);
}

/* Without a guardian nobody would heal if we were killed next. */
static void agent_guardian_ready(void *context, short events)
{
    (void)events;
    struct agent *agent = context;
    loop_stop(&agent->loop);
}

static int agent_open(struct agent *agent, struct rift_error *err)
{
    if (rift_cgroup_open(agent->cgroup_name, &agent->cgroup, err))
        return -1;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    agent->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (agent->signal_fd < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "make a signalfd");
    fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
    fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK);
    /* Orphans of the system come to us, so that we learn how they ended. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    /* A heal is not to wait for a fault that keeps the processors busy. */
    rift_process_hurry(1);
    /* In this order: what has ended is known before the next question is answered. */
    loop_watch(&agent->loop, agent->signal_fd, POLLIN, agent_signal_ready, agent);
    agent->lane = heal_lane_open(STDIN_FILENO, &agent->in_fd, err);
    if (!agent->lane)
        return -1;
    agent->net_thread = net_thread_open(agent, err);
    if (!agent->net_thread)
        return -1;
    loop_watch(&agent->loop, agent->in_fd, POLLIN, agent_in_ready, agent);
    if (agent->guardian_fd >= 0)
        loop_watch(&agent->loop, agent->guardian_fd, POLLIN, agent_guardian_ready, agent);
    agent->probe = probe_open(agent, err);
    return agent->probe ? 0 : -1;
}

static void agent_close(struct agent *agent)
{
    job_kill_all(agent);
    status_close(agent->status);
    probe_close(agent->probe);
    system_close(agent->system);
    record_close(&agent->record);
    for (size_t i = 0; agent->protected_addresses[i]; i++)
        free((char *)agent->protected_addresses[i]);
    json_decref(agent->holder);
    rift_frame_decoder_finish(&agent->decoder);
    rift_text_finish(&agent->out);
    rift_close_fd(&agent->signal_fd);
    rift_close_fd(&agent->lock_fd);
}

int agent_run(const char *state_folder, const char *cgroup_name, int guardian_fd,
              struct pulse *pulse)
{
    CLEANUP(rift_free) struct agent *agent = rift_calloc(1, sizeof *agent);
    struct rift_error err = {0};
    agent->guardian_fd = guardian_fd;
    agent->pulse = pulse;
    agent->signal_fd = agent->lock_fd = -1;
    snprintf(agent->cgroup_name, sizeof agent->cgroup_name, "%s", cgroup_name);
    loop_init(&agent->loop);
    if (agent_paths_init(&agent->paths, state_folder, &err) || agent_open(agent, &err)) {
        fprintf(stderr, "rift-agent: %s\n", err.text);
        agent_close(agent);
        return 1;
    }
    loop_run(&agent->loop);
    int rc = 0;
    if (agent->is_greeted && heal_all_now(agent, NULL, &err)) {
        fprintf(stderr, "rift-agent: %s\n", err.text);
        rc = 1;
    }
    agent_close(agent);
    return rc;
}
