/* A few hosts that are network namespaces on one bridge, each with an agent of its own. They go
 * when the test's process goes, however it ends, with the systems that their agents keep. */
#ifndef TESTS_LIB_NAMESPACES_H
#define TESTS_LIB_NAMESPACES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <jansson.h>

#include "common/wire/frame.h"
#include "tests/lib/whole_output.h"

enum { NAMESPACES_MAX = 8 };

struct test_agent {
    pid_t pid; /* of the guardian, our child */
    int in, out;
    int64_t next_id;
    struct rift_frame_decoder decoder;
    json_t *hello; /* its reply */
    json_t *late;  /* an array: replies to other requests than was waited for, and events */
};

struct test_host {
    char name[16];     /* n1 ... */
    char address[32];  /* 10.99.0.1 ... */
    char address6[40]; /* fd99::1 ... */
    char cgroup[64];
    char state[128]; /* the agent's folder */
    pid_t keeper;
    int netns_fd;
    struct test_agent agent;
};

struct namespaces {
    int own_fd;
    pid_t hub;
    int hub_fd;
    pid_t janitor;
    char folder[96];
    struct test_host hosts[NAMESPACES_MAX];
    int count;
};

/* NULL, with the reason on stderr, where this machine cannot make namespaces. */
struct namespaces *namespaces_up(int count);
/* Ends the agents, frees all. */
void namespaces_down(struct namespaces *spaces);
/* Skips the test where there are none. */
void namespaces_need(const struct namespaces *spaces);

/* Runs a program in the host's network namespace; its exit code, and its output (free it) unless
 * output is NULL. */
int host_run(struct test_host *host, char **output, const char *const *argv);
#define HOST_RUN(host, output, ...) host_run(host, output, (const char *const[]){__VA_ARGS__, NULL})
/* A socket that lives in the host's namespace. */
int host_socket(const struct namespaces *spaces, const struct test_host *host, int family,
                int type);

/* Its address and a port, of that family; the size of it. */
struct sockaddr_storage host_sockaddr(const struct test_host *host, int family, uint16_t port,
                                      socklen_t *size);
void host_bind(int fd, const struct test_host *host, int family, uint16_t port);
/* A TCP connection to that port within wait_ms, from a port of its own or any (0); or -1. */
int host_connect(const struct namespaces *spaces, const struct test_host *from, uint16_t from_port,
                 const struct test_host *to, int family, uint16_t port, int wait_ms);
bool host_connects(const struct namespaces *spaces, const struct test_host *from,
                   const struct test_host *to, int family, uint16_t port, int wait_ms);

/* Starts the agent of the host and greets it; false with the reason on stderr. */
bool host_agent_start(struct test_host *host, const char *session, int lease_ms);
/* The same with a controller at another host's addresses, whose connection comes to this port. */
bool host_agent_start_for(struct test_host *host, const char *session, int lease_ms,
                          const struct test_host *controller, int ssh_port);
/* Asks, and waits up to 30 s: the whole reply, owned by the caller; NULL where the agent is gone.
 * Takes args. */
json_t *agent_ask(struct test_agent *agent, const char *verb, json_t *args);
int64_t agent_send(struct test_agent *agent, const char *verb, json_t *args);
json_t *agent_wait(struct test_agent *agent, int64_t id);
/* The first event of that name that was not taken yet, owned by the caller; waits as long, and
 * fails the test where none comes. */
json_t *agent_wait_event(struct test_agent *agent, const char *name);
/* The ok of the reply, owned by the caller; fails the test on an error. */
json_t *agent_must(struct test_agent *agent, const char *verb, json_t *args);
/* Waits for the guardian's end and frees the rest. */
void agent_forget(struct test_agent *agent);
/* Process ids out of hello. */
pid_t agent_pid(const struct test_agent *agent);
pid_t guardian_pid(const struct test_agent *agent);

/* Kills both at one moment: neither is left to heal for the other. */
void agent_kill_both(const struct test_agent *agent);

/* rift-agent with these arguments by hand on the host; its exit code. */
int host_agent_by_hand(struct test_host *host, char **output, const char *command);
const char *agent_binary(void);

#endif
