/* Each namespace is kept by a child that does nothing; veths lead to a bridge in a namespace of
 * its own. Set up with iproute2. Another child waits for the test's death, and cleans up after it.
 */
#include "tests/lib/namespaces.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/paths.h"
#include "common/cgroup.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/wire/messages.h"
#include "tests/lib/build_folder.h"

enum { ASK_SECONDS = 30 };

static pid_t keeper_start(int *netns_fd)
{
    int ready[2];
    char path[64], byte;
    if (pipe2(ready, O_CLOEXEC))
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (unshare(CLONE_NEWNET) || write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    ssize_t n = read(ready[0], &byte, 1);
    close(ready[0]);
    if (n != 1)
        return -1;
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
    *netns_fd = open(path, O_RDONLY | O_CLOEXEC);
    return pid;
}

static int run_in(int netns_fd, char **output, const char *const *argv)
{
    int pipe_fds[2], status;
    if (pipe2(pipe_fds, O_CLOEXEC))
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setns(netns_fd, CLONE_NEWNET);
        dup2(pipe_fds[1], 1);
        if (output)
            dup2(pipe_fds[1], 2);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    close(pipe_fds[1]);
    struct rift_text text = {0};
    char buffer[4096];
    ssize_t n;
    while ((n = read(pipe_fds[0], buffer, sizeof buffer)) > 0)
        rift_text_append_bytes(&text, buffer, (size_t)n);
    close(pipe_fds[0]);
    waitpid(pid, &status, 0);
    if (output)
        *output = rift_text_take(&text);
    rift_text_finish(&text);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int host_run(struct test_host *host, char **output, const char *const *argv)
{
    return run_in(host->netns_fd, output, argv);
}

#define RUN(fd, ...) run_in(fd, NULL, (const char *const[]){__VA_ARGS__, NULL})

static bool host_up(struct namespaces *spaces, int i)
{
    struct test_host *host = &spaces->hosts[i];
    char pid[16], port[16], address[40], address6[48];
    snprintf(host->name, sizeof host->name, "n%d", i + 1);
    snprintf(host->address, sizeof host->address, "10.99.0.%d", i + 1);
    snprintf(host->address6, sizeof host->address6, "fd99::%d", i + 1);
    snprintf(host->cgroup, sizeof host->cgroup, "rift-test-%d-n%d", (int)getpid(), i + 1);
    snprintf(host->state, sizeof host->state, "%s/n%d", spaces->folder, i + 1);
    host->keeper = keeper_start(&host->netns_fd);
    snprintf(pid, sizeof pid, "%d", (int)host->keeper);
    snprintf(port, sizeof port, "p%d", i + 1);
    snprintf(address, sizeof address, "%s/24", host->address);
    snprintf(address6, sizeof address6, "%s/64", host->address6);
    int fd = host->netns_fd, hub = spaces->hub_fd;
    return host->keeper > 0 &&
           RUN(hub, "ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns",
               pid) == 0 &&
           RUN(hub, "ip", "link", "set", port, "master", "br0", "up") == 0 &&
           RUN(fd, "ip", "link", "set", "lo", "up") == 0 &&
           RUN(fd, "ip", "addr", "add", address, "dev", "eth0") == 0 &&
           RUN(fd, "ip", "-6", "addr", "add", address6, "dev", "eth0", "nodad") == 0 &&
           RUN(fd, "ip", "link", "set", "eth0", "up") == 0;
}

/* What a host's agent keeps ends, and the files of all go. */
static void hosts_clear(struct namespaces *spaces)
{
    for (int i = 0; i < spaces->count; i++) {
        char *output = NULL;
        if (spaces->hosts[i].name[0])
            host_agent_by_hand(&spaces->hosts[i], &output, "--purge");
        free(output);
    }
    agent_remove_tree(spaces->folder, true, NULL);
}

/* A test that is killed ends nothing itself: the toy system would run on. In a session of its own,
 * that a signal to the test's process group does not end it. */
static pid_t janitor_start(struct namespaces *spaces)
{
    pid_t test = getpid();
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    setsid();
    struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, test, 0), .events = POLLIN};
    while (getppid() == test && poll(&end, 1, -1) < 0 && errno == EINTR)
        ;
    hosts_clear(spaces);
    _exit(0);
}

struct namespaces *namespaces_up(int count)
{
    struct namespaces *spaces = rift_calloc(1, sizeof *spaces);
    if (geteuid() != 0) {
        fprintf(stderr, "this test needs root\n");
        free(spaces);
        return NULL;
    }
    spaces->count = count;
    spaces->own_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    snprintf(spaces->folder, sizeof spaces->folder, "/tmp/rift-test-XXXXXX");
    bool is_up = mkdtemp(spaces->folder) != NULL;
    spaces->hub = keeper_start(&spaces->hub_fd);
    is_up = is_up && spaces->hub > 0 &&
            RUN(spaces->hub_fd, "ip", "link", "add", "br0", "type", "bridge") == 0 &&
            RUN(spaces->hub_fd, "ip", "link", "set", "br0", "up") == 0;
    for (int i = 0; i < count && is_up; i++)
        is_up = host_up(spaces, i);
    spaces->janitor = is_up ? janitor_start(spaces) : -1;
    if (spaces->janitor > 0)
        return spaces;
    fprintf(stderr, "cannot make network namespaces here\n");
    namespaces_down(spaces);
    return NULL;
}

static void child_end(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void keeper_end(pid_t pid, int netns_fd)
{
    if (pid > 0)
        close(netns_fd);
    child_end(pid);
}

void namespaces_down(struct namespaces *spaces)
{
    if (!spaces)
        return;
    child_end(spaces->janitor);
    for (int i = 0; i < spaces->count; i++)
        if (spaces->hosts[i].name[0])
            agent_forget(&spaces->hosts[i].agent);
    hosts_clear(spaces);
    for (int i = 0; i < spaces->count; i++)
        keeper_end(spaces->hosts[i].keeper, spaces->hosts[i].netns_fd);
    keeper_end(spaces->hub, spaces->hub_fd);
    close(spaces->own_fd);
    free(spaces);
}

int host_socket(const struct namespaces *spaces, const struct test_host *host, int family, int type)
{
    if (setns(host->netns_fd, CLONE_NEWNET))
        return -1;
    int fd = socket(family, type | SOCK_CLOEXEC, 0);
    setns(spaces->own_fd, CLONE_NEWNET);
    return fd;
}

const char *agent_binary(void)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/rift-agent", build_folder());
    return path;
}

int host_agent_by_hand(struct test_host *host, char **output, const char *command)
{
    return HOST_RUN(host, output, agent_binary(), "--state", host->state, "--cgroup", host->cgroup,
                    command);
}

static bool agent_spawn(struct test_host *host)
{
    struct test_agent *agent = &host->agent;
    int in[2], out[2];
    memset(agent, 0, sizeof *agent);
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
        return false;
    agent->pid = fork();
    if (agent->pid == 0) {
        setns(host->netns_fd, CLONE_NEWNET);
        dup2(in[0], 0);
        dup2(out[1], 1);
        execl(agent_binary(), "rift-agent", "--state", host->state, "--cgroup", host->cgroup, NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    agent->in = in[1];
    agent->out = out[0];
    agent->next_id = rift_clock_now() / 1000; /* never twice in a session, by whatever agent */
    agent->late = json_array();
    return agent->pid > 0;
}

bool host_agent_start(struct test_host *host, const char *session, int lease_ms)
{
    return host_agent_start_for(host, session, lease_ms, NULL, 0);
}

bool host_agent_start_for(struct test_host *host, const char *session, int lease_ms,
                          const struct test_host *controller, int ssh_port)
{
    json_t *addresses =
        controller ? json_pack("[s, s]", controller->address, controller->address6) : json_array();
    signal(SIGPIPE, SIG_IGN);
    json_t *args = json_pack("{s:s, s:s, s:i, s:s, s:b, s:o, s:i}", "session", session, "run",
                             "test", "lease_ms", lease_ms, "node", host->name, "allow_faults", 1,
                             "controller_addresses", addresses, "ssh_port", ssh_port);
    if (!agent_spawn(host)) {
        json_decref(args);
        return false;
    }
    json_t *reply = agent_ask(&host->agent, "hello", args);
    host->agent.hello = json_incref(json_object_get(reply, "ok"));
    if (!host->agent.hello) {
        char *text = json_dumps(reply, JSON_ENCODE_ANY);
        fprintf(stderr, "hello: %s\n", text ? text : "the agent is gone");
        free(text);
    }
    json_decref(reply);
    return host->agent.hello != NULL;
}

int64_t agent_send(struct test_agent *agent, const char *verb, json_t *args)
{
    struct rift_text frame = {0};
    int64_t id = ++agent->next_id;
    json_t *request = rift_message_request(id, verb, args);
    rift_frame_encode(request, &frame, NULL);
    ssize_t n = write(agent->in, frame.data, frame.length);
    bool is_sent = n == (ssize_t)frame.length;
    rift_text_finish(&frame);
    json_decref(request);
    json_decref(args);
    return is_sent ? id : -1;
}

static json_t *agent_take_late(struct test_agent *agent, int64_t id)
{
    size_t i;
    json_t *message;
    json_array_foreach(agent->late, i, message)
    {
        if (json_integer_value(json_object_get(message, "id")) != id)
            continue;
        json_incref(message);
        json_array_remove(agent->late, i);
        return message;
    }
    return NULL;
}

/* What has come within a moment is among the late ones; false: the agent is gone. */
static bool agent_read(struct test_agent *agent)
{
    static char buffer[RIFT_FRAME_FEED_MAX];
    struct pollfd poll_fd = {.fd = agent->out, .events = POLLIN};
    if (poll(&poll_fd, 1, 100) <= 0)
        return true;
    ssize_t n = read(agent->out, buffer, sizeof buffer);
    if (n <= 0 || rift_frame_decoder_feed(&agent->decoder, buffer, (size_t)n, NULL))
        return false;
    json_t *next;
    while (rift_frame_decoder_next(&agent->decoder, &next, NULL) == 1)
        json_array_append_new(agent->late, next);
    return true;
}

json_t *agent_wait(struct test_agent *agent, int64_t id)
{
    int64_t deadline = rift_clock_now() + ASK_SECONDS * RIFT_SECOND;
    json_t *message = agent_take_late(agent, id);
    while (!message && rift_clock_now() < deadline && agent_read(agent))
        message = agent_take_late(agent, id);
    return message;
}

static json_t *agent_take_event(struct test_agent *agent, const char *name)
{
    size_t i;
    json_t *message;
    json_array_foreach(agent->late, i, message)
    {
        const char *event = json_string_value(json_object_get(message, "event"));
        if (!event || strcmp(event, name) != 0)
            continue;
        json_incref(message);
        json_array_remove(agent->late, i);
        return message;
    }
    return NULL;
}

json_t *agent_wait_event(struct test_agent *agent, const char *name)
{
    int64_t deadline = rift_clock_now() + ASK_SECONDS * RIFT_SECOND;
    json_t *message = agent_take_event(agent, name);
    while (!message && rift_clock_now() < deadline && agent_read(agent))
        message = agent_take_event(agent, name);
    if (!message)
        fail_msg("the agent does not tell of %s", name);
    return message;
}

json_t *agent_ask(struct test_agent *agent, const char *verb, json_t *args)
{
    int64_t id = agent_send(agent, verb, args ? args : json_object());
    return id > 0 ? agent_wait(agent, id) : NULL;
}

json_t *agent_must(struct test_agent *agent, const char *verb, json_t *args)
{
    json_t *reply = agent_ask(agent, verb, args);
    json_t *ok = json_object_get(reply, "ok");
    if (!ok) {
        char *text = json_dumps(reply, JSON_ENCODE_ANY);
        fail_msg("%s: %s", verb, text ? text : "the agent is gone");
    }
    json_incref(ok);
    json_decref(reply);
    return ok;
}

void agent_forget(struct test_agent *agent)
{
    if (agent->pid <= 0)
        return;
    close(agent->in);
    close(agent->out);
    waitpid(agent->pid, NULL, 0);
    rift_frame_decoder_finish(&agent->decoder);
    json_decref(agent->hello);
    json_decref(agent->late);
    memset(agent, 0, sizeof *agent);
}

pid_t agent_pid(const struct test_agent *agent)
{
    return (pid_t)json_integer_value(json_object_get(agent->hello, "pid"));
}

pid_t guardian_pid(const struct test_agent *agent)
{
    return (pid_t)json_integer_value(json_object_get(agent->hello, "guardian_pid"));
}

void agent_kill_both(const struct test_agent *agent)
{
    kill(guardian_pid(agent), SIGSTOP);
    kill(agent_pid(agent), SIGSTOP);
    kill(guardian_pid(agent), SIGKILL);
    kill(agent_pid(agent), SIGKILL);
}

void namespaces_need(const struct namespaces *spaces)
{
    if (!spaces)
        skip();
}

struct sockaddr_storage host_sockaddr(const struct test_host *host, int family, uint16_t port,
                                      socklen_t *size)
{
    struct sockaddr_storage storage = {0};
    if (family == AF_INET) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        inet_pton(AF_INET, host->address, &v4->sin_addr);
        *size = sizeof *v4;
    } else {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        inet_pton(AF_INET6, host->address6, &v6->sin6_addr);
        *size = sizeof *v6;
    }
    return storage;
}

void host_bind(int fd, const struct test_host *host, int family, uint16_t port)
{
    socklen_t size;
    struct sockaddr_storage address = host_sockaddr(host, family, port, &size);
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    for (int i = 0; i < 50 && bind(fd, (struct sockaddr *)&address, size) != 0; i++)
        rift_clock_sleep_until(rift_clock_now() + 100 * RIFT_MS); /* IPv6 looks for duplicates */
}

int host_connect(const struct namespaces *spaces, const struct test_host *from, uint16_t from_port,
                 const struct test_host *to, int family, uint16_t port, int wait_ms)
{
    socklen_t size, length = sizeof(int);
    struct sockaddr_storage address = host_sockaddr(to, family, port, &size);
    int fd = host_socket(spaces, from, family, SOCK_STREAM | SOCK_NONBLOCK), error = 0;
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    if (from_port)
        host_bind(fd, from, family, from_port);
    connect(fd, (struct sockaddr *)&address, size);
    if (poll(&poll_fd, 1, wait_ms) == 1 &&
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0)
        return fd;
    close(fd);
    return -1;
}

bool host_connects(const struct namespaces *spaces, const struct test_host *from,
                   const struct test_host *to, int family, uint16_t port, int wait_ms)
{
    int fd = host_connect(spaces, from, 0, to, family, port, wait_ms);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}
