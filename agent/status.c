/* A socket of the abstract namespace, so that nothing of it stays where the agent is killed; its
 * name is the agent's folder, and it lives in the host's network namespace. The answer is written
 * as soon as somebody connects. */
#include "agent/status.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/faults.h"
#include "common/clock.h"
#include "common/memory.h"

enum { ANSWER_BYTES_MAX = 4 << 20, ASK_S = 5, BACKLOG = 4 };

struct status {
    struct agent *agent;
    int fd;
};

/* Its size, or 0 where the folder's name is too long. */
static socklen_t address_of(const struct agent_paths *paths, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int length = snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "rift-agent:%s",
                          paths->folder);
    if (length < 0 || (size_t)length >= sizeof address->sun_path - 1)
        return 0;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

static json_t *describe(struct agent *agent)
{
    return json_pack("{s:O?, s:I, s:I, s:o}", "holder", agent->holder, "now_ns",
                     (json_int_t)rift_clock_now(), "lease_until_ns",
                     (json_int_t)agent->lease_until_ns, "faults", faults_list(agent));
}

static void answer(struct status *status, int fd)
{
    struct ucred asker = {.uid = (uid_t)-1};
    socklen_t size = sizeof asker;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &asker, &size) || asker.uid != 0)
        return;
    json_t *description = describe(status->agent);
    CLEANUP(rift_free) char *text = json_dumps(description, JSON_COMPACT);
    json_decref(description);
    /* What does not fit into the socket's buffer is for somebody who does not read. */
    int room = ANSWER_BYTES_MAX;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    if (text)
        send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void status_ready(void *context, short events)
{
    (void)events;
    struct status *status = context;
    int fd = accept4(status->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    answer(status, fd);
    close(fd);
}

struct status *status_open(struct agent *agent)
{
    struct sockaddr_un address;
    socklen_t size = address_of(&agent->paths, &address);
    struct status *status = rift_calloc(1, sizeof *status);
    status->agent = agent;
    status->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (size > 0 && status->fd >= 0 &&
        bind(status->fd, (const struct sockaddr *)&address, size) == 0 &&
        listen(status->fd, BACKLOG) == 0 &&
        loop_watch(&agent->loop, status->fd, POLLIN, status_ready, status) == 0)
        return status;
    status_close(status);
    return NULL;
}

void status_close(struct status *status)
{
    if (!status)
        return;
    if (status->fd >= 0)
        loop_unwatch(&status->agent->loop, status->fd);
    rift_close_fd(&status->fd);
    free(status);
}

/* --- by hand */

static json_t *ask(const struct agent_paths *paths)
{
    struct sockaddr_un address;
    socklen_t size = address_of(paths, &address);
    CLEANUP(rift_close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval patience = {.tv_sec = ASK_S};
    CLEANUP(rift_text_finish) struct rift_text text = {0};
    char piece[4096];
    ssize_t length;
    if (size == 0 || fd < 0 || connect(fd, (const struct sockaddr *)&address, size))
        return NULL;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    while ((length = recv(fd, piece, sizeof piece, 0)) > 0)
        rift_text_append_bytes(&text, piece, (size_t)length);
    return text.data ? json_loadb(text.data, text.length, 0, NULL) : NULL;
}

static double seconds(const json_t *of, const char *key, int64_t now_ns)
{
    return (double)(json_integer_value(json_object_get(of, key)) - now_ns) / 1e9;
}

static void print_fault(const json_t *fault, int64_t now_ns)
{
    const char *id = "", *name = "";
    json_unpack((json_t *)fault, "{s:s, s:s}", "id", &id, "fault", &name);
    double start_s = seconds(fault, "start_ns", now_ns);
    const json_t *details = json_object_get(fault, "details"), *peer;
    const char *how = json_string_value(json_object_get(details, "how"));
    const char *comma = "; packets: ";
    size_t i;
    printf("%s %s: %s %.1f s, lease %.1f s left, %s", id, name,
           start_s > 0 ? "begins in" : "on for", start_s > 0 ? start_s : -start_s,
           seconds(fault, "lease_end_ns", now_ns),
           json_is_true(json_object_get(fault, "observed")) ? "observed" : "NOT observed");
    json_array_foreach(json_object_get(details, "peers"), i, peer)
    {
        const char *peer_name = json_string_value(json_object_get(peer, "name"));
        printf("%s%lld of %s", comma, (long long)json_integer_value(json_object_get(peer, "hit")),
               peer_name ? peer_name : "?");
        comma = ", ";
    }
    printf("%s%s\n", how && *how ? "; " : "", how ? how : "");
}

bool status_print(const struct agent_paths *paths)
{
    json_t *description = ask(paths);
    const json_t *faults = json_object_get(description, "faults"), *fault;
    const char *run = "?", *controller = "?", *since = "?";
    size_t i;
    if (!description)
        return false;
    int64_t now_ns = json_integer_value(json_object_get(description, "now_ns"));
    json_unpack(json_object_get(description, "holder"), "{s:s, s:s, s:s}", "run", &run,
                "controller", &controller, "since", &since);
    printf("held by run '%s' of the controller at %s since %s, lease %.1f s left%s\n", run,
           controller, since, seconds(description, "lease_until_ns", now_ns),
           json_array_size(faults) == 0 ? "; no fault is on" : "");
    json_array_foreach(faults, i, fault)
    {
        print_fault(fault, now_ns);
    }
    json_decref(description);
    return true;
}
