/* The thread of a node: connects, keeps lease and clock, sends and hears, connects again. */
#include "control/remote/node_thread.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/process.h"
#include "common/wire/messages.h"

/* An agent may take 7 s to end an earlier one (agent/lock.c) and 8 s to remove what it left
 * (agent/system.c) before it answers hello. */
enum {
    HELLO_DEADLINE_MS = 20000,
    CLOCK_DEADLINE_MS = 10000,
    QUIT_DEADLINE_MS = 10000,
    RECONNECT_FIRST_MS = 50,
    RECONNECT_MOST_MS = 2000,
    WATCHDOG_LEAST_MS = 1500,
    CLOCK_BURST = 8,
    CLOCK_EVERY_MS = 1000,
};

/* Takes what other threads asked for, ends what is overdue; returns when to do so again. */
static int64_t node_tend(struct rift_node *node)
{
    uint64_t count;
    if (read(node->wake_fd, &count, sizeof count) < 0 && errno != EAGAIN)
        rift_log(RIFT_LOG_ERROR, "%s: eventfd: %s", node->settings.name, strerror(errno));
    pthread_mutex_lock(&node->lock);
    struct rift_pending *taken = node->incoming;
    node->incoming = NULL;
    node->incoming_end = &node->incoming;
    pthread_mutex_unlock(&node->lock);
    while (taken) {
        struct rift_pending *next = taken->next;
        rift_requests_add(&node->requests, taken);
        taken = next;
    }
    int64_t due = rift_requests_expire(&node->requests, node->settings.name, rift_clock_now());
    pthread_mutex_lock(&node->lock);
    node->unanswered_count = node->requests.count;
    pthread_mutex_unlock(&node->lock);
    return due;
}

static bool node_is_closing(struct rift_node *node)
{
    pthread_mutex_lock(&node->lock);
    bool is_closing = node->is_closing;
    pthread_mutex_unlock(&node->lock);
    return is_closing;
}

int64_t rift_node_look_while_connecting(void *context)
{
    struct rift_node *node = context;
    int64_t due = node_tend(node);
    return node_is_closing(node) ? -1 : due;
}

static void set_state(struct rift_node *node, enum node_state state)
{
    pthread_mutex_lock(&node->lock);
    node->state = state;
    pthread_cond_broadcast(&node->changed);
    pthread_mutex_unlock(&node->lock);
}

int64_t rift_node_take_id(struct rift_node *node)
{
    pthread_mutex_lock(&node->lock);
    int64_t id = ++node->next_id;
    pthread_mutex_unlock(&node->lock);
    return id;
}

/* A request of the thread itself, bound to this connection. */
static void ask(struct rift_node *node, const char *verb, json_t *args, int64_t deadline_ms,
                rift_node_done *done)
{
    struct rift_error err;
    struct rift_pending *pending = rift_pending_create(rift_node_take_id(node), verb, args, &err);
    json_decref(args);
    if (!pending) {
        rift_log(RIFT_LOG_ERROR, "%s: %s", node->settings.name, err.text);
        return;
    }
    pending->deadline_ns = rift_clock_now() + deadline_ms * RIFT_MS;
    pending->is_ours = true;
    pending->done = done;
    pending->context = node;
    /* Out at once, ahead of what waits for hello. */
    pending->is_sent = true;
    rift_connection_send(&node->connection, &pending->frame);
    rift_requests_add(&node->requests, pending);
}

static void send_unsent(struct rift_node *node)
{
    for (struct rift_pending *pending = node->requests.first; pending; pending = pending->next) {
        if (pending->is_sent)
            continue;
        pending->is_sent = true;
        rift_connection_send(&node->connection, &pending->frame);
    }
}

static void tell(struct rift_node *node, const char *name, const json_t *event)
{
    if (node->settings.on_event)
        node->settings.on_event(node->settings.event_context, node->settings.name, name, event);
}

static void take_message(void *context, const json_t *json)
{
    struct rift_node *node = context;
    struct rift_message message;
    struct rift_error err;
    if (rift_message_parse(json, &message, &err) < 0) {
        rift_log(RIFT_LOG_WARNING, "%s: a message that is none: %s", node->settings.name, err.text);
        return;
    }
    if (message.kind == RIFT_MESSAGE_EVENT) {
        tell(node, message.verb, json);
    } else if (message.kind == RIFT_MESSAGE_REPLY && message.body) {
        rift_requests_answer(&node->requests, message.id, message.body, NULL);
    } else if (message.kind == RIFT_MESSAGE_REPLY) {
        rift_wrap(&message.error, "%s", node->settings.name);
        rift_requests_answer(&node->requests, message.id, NULL, &message.error);
    }
}

/* One step: what can be written and read now; only where nothing came, a wait until wake_ns. */
static int step(struct rift_node *node, int64_t wake_ns, struct rift_error *err)
{
    int has_come = rift_connection_pump(&node->connection, take_message, node, err);
    if (has_come != 0)
        return has_come < 0 ? -1 : 0;
    int directions = libssh2_session_block_directions(node->connection.ssh->session);
    bool has_output = node->connection.written < node->connection.writing.length;
    struct pollfd fds[2] = {{.fd = node->connection.ssh->fd, .events = POLLIN},
                            {.fd = node->wake_fd, .events = POLLIN}};
    if (has_output && (directions & LIBSSH2_SESSION_BLOCK_OUTBOUND))
        fds[0].events |= POLLOUT;
    poll(fds, 2, rift_clock_poll_ms(wake_ns));
    return 0;
}

static void on_hello(void *context, const json_t *reply, const struct rift_error *error)
{
    struct rift_node *node = context;
    node->is_hello_done = true;
    if (error) {
        node->hello_error = *error;
        return;
    }
    pthread_mutex_lock(&node->lock);
    const char *boot = json_string_value(json_object_get(reply, "boot_id"));
    const char *old_boot = json_string_value(json_object_get(node->hello, "boot_id"));
    if (!boot || !old_boot || strcmp(boot, old_boot) != 0)
        memset(&node->offset, 0, sizeof node->offset);
    json_decref(node->hello);
    node->hello = json_deep_copy(reply);
    pthread_mutex_unlock(&node->lock);
    node->is_resumed = json_is_true(json_object_get(reply, "resumed"));
    json_int_t version = json_integer_value(json_object_get(reply, "version"));
    if (version != RIFT_WIRE_VERSION)
        rift_fail(&node->hello_error, RIFT_ERR_INVALID,
                  "%s: its agent speaks version %lld of the protocol, not %d", node->settings.name,
                  (long long)version, RIFT_WIRE_VERSION);
}

/* Ours on the way to the host's address, which clients go by: behind a proxy the connection does
 * not show it. "" where there is no way. */
static void find_client_address(const struct rift_node *node, char text[64])
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM}, *found = NULL;
    struct sockaddr_storage local;
    socklen_t size = sizeof local;
    text[0] = 0;
    if (getaddrinfo(node->settings.address, "1", &hints, &found) != 0)
        return;
    int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0 ||
        getsockname(fd, (struct sockaddr *)&local, &size) != 0 ||
        getnameinfo((struct sockaddr *)&local, size, text, 64, NULL, 0, NI_NUMERICHOST) != 0)
        text[0] = 0;
    freeaddrinfo(found);
    rift_close_fd(&fd);
}

static int say_hello(struct rift_node *node, struct rift_error *err)
{
    const char *seen = node->connection.facts.controller_address;
    const char *local = node->connection.ssh->local_address;
    const char *run = node->settings.run ? node->settings.run : "";
    bool may_fault = node->settings.faults == RIFT_NODE_FAULTS_ALLOWED;
    int port = node->connection.facts.own_port;
    char clients[64];
    json_t *addresses = json_array();
    find_client_address(node, clients);
    if (local[0])
        json_array_append_new(addresses, json_string(local));
    if (seen[0] && strcmp(seen, local) != 0)
        json_array_append_new(addresses, json_string(seen));
    if (clients[0] && strcmp(clients, local) != 0 && strcmp(clients, seen) != 0)
        json_array_append_new(addresses, json_string(clients));
    int64_t deadline_ns = rift_ssh_step_deadline(&node->settings, HELLO_DEADLINE_MS);
    node->is_hello_done = false;
    node->hello_error.code = RIFT_ERR_NONE;
    ask(node, "hello",
        json_pack("{s:s,s:s,s:I,s:o,s:b,s:i}", "session", node->session, "run", run, "lease_ms",
                  (json_int_t)node->settings.lease_ms, "controller_addresses", addresses,
                  "allow_faults", (int)may_fault, "ssh_port",
                  port ? port : (int)rift_node_port(&node->settings)),
        (deadline_ns - rift_clock_now()) / RIFT_MS, on_hello);
    while (!node->is_hello_done) {
        int64_t due = node_tend(node);
        if (node_is_closing(node))
            return rift_fail(err, RIFT_ERR_CANCELLED, "%s: closed", node->settings.name);
        if (!node->is_hello_done && step(node, due < deadline_ns ? due : deadline_ns, err) < 0)
            return -1;
    }
    if (node->hello_error.code != RIFT_ERR_NONE) {
        *err = node->hello_error;
        return -1;
    }
    return 0;
}

static void on_clock(void *context, const json_t *reply, const struct rift_error *error)
{
    struct rift_node *node = context;
    int64_t received_ns = rift_clock_now(), received_wall_ns = rift_clock_wall();
    int64_t sent_ns = node->clock_sent_ns;
    node->clock_sent_ns = 0;
    if (error)
        return;
    if (node->clock_burst_left > 0)
        node->clock_burst_left--;
    node->next_clock_ns =
        node->clock_burst_left > 0 ? received_ns : received_ns + CLOCK_EVERY_MS * RIFT_MS;
    rift_clock_offset_add(&node->offset, sent_ns, received_ns,
                          json_integer_value(json_object_get(reply, "now_ns")));
    struct rift_wall_sample wall =
        rift_wall_sample_of(sent_ns, received_ns, node->clock_sent_wall_ns, received_wall_ns,
                            json_integer_value(json_object_get(reply, "wall_ns")));
    pthread_mutex_lock(&node->lock);
    node->wall = wall;
    pthread_mutex_unlock(&node->lock);
}

static void on_lease(void *context, const json_t *reply, const struct rift_error *error)
{
    (void)context;
    (void)reply;
    /* One that was lost with its connection is the watchdog's to tell. */
    if (error && error->code != RIFT_ERR_CANCELLED && error->code != RIFT_ERR_TIMEOUT)
        rift_log(RIFT_LOG_WARNING, "renew the lease: %s", error->text);
}

/* Sends what is due by the clock; returns the next time that something is. */
static int64_t keep_up(struct rift_node *node)
{
    int64_t now = rift_clock_now();
    if (now >= node->next_lease_ns) {
        node->next_lease_ns = now + node->settings.lease_ms * RIFT_MS / 3;
        ask(node, "lease", json_pack("{s:I}", "lease_ms", (json_int_t)node->settings.lease_ms),
            node->settings.lease_ms, on_lease);
    }
    if (node->clock_sent_ns == 0 && now >= node->next_clock_ns) {
        node->next_clock_ns = now + CLOCK_EVERY_MS * RIFT_MS;
        node->clock_sent_ns = now;
        node->clock_sent_wall_ns = rift_clock_wall();
        ask(node, "clock", NULL, CLOCK_DEADLINE_MS, on_clock);
    }
    int64_t next = node->next_lease_ns;
    if (node->clock_sent_ns == 0 && node->next_clock_ns < next)
        next = node->next_clock_ns;
    return next;
}

static void on_quit(void *context, const json_t *reply, const struct rift_error *error)
{
    struct rift_node *node = context;
    (void)reply;
    (void)error;
    node->is_quit_done = true;
}

/* Until the connection is lost (-1) or the node is closed (0). */
static int serve(struct rift_node *node, struct rift_error *err)
{
    int64_t watchdog_ns = (node->settings.lease_ms > WATCHDOG_LEAST_MS ? node->settings.lease_ms
                                                                       : WATCHDOG_LEAST_MS) *
                          RIFT_MS;
    bool is_quitting = false;
    node->is_quit_done = false;
    node->clock_sent_ns = 0;
    node->next_clock_ns = 0;
    node->next_lease_ns = 0;
    node->clock_burst_left = CLOCK_BURST;
    while (!node->is_quit_done) {
        int64_t due = node_tend(node);
        send_unsent(node);
        if (!is_quitting && node_is_closing(node)) {
            is_quitting = true;
            ask(node, "quit", NULL, QUIT_DEADLINE_MS, on_quit);
        }
        int64_t next = keep_up(node);
        due = next < due ? next : due;
        if (!node->is_quit_done && step(node, due, err) < 0)
            return node->is_quit_done ? 0 : -1;
        int64_t silent_ns = rift_clock_now() - node->connection.last_received_ns;
        if (silent_ns > watchdog_ns)
            return rift_fail(err, RIFT_ERR_UNREACHABLE, "%s: nothing heard for %lld ms",
                             node->settings.name, (long long)(silent_ns / RIFT_MS));
        int64_t offset_ns, error_ns;
        if (rift_clock_offset_estimate(&node->offset, rift_clock_now(), &offset_ns, &error_ns)) {
            pthread_mutex_lock(&node->lock);
            node->offset_ns = offset_ns;
            node->offset_error_ns = error_ns;
            pthread_mutex_unlock(&node->lock);
        }
    }
    return 0;
}

static int connect_node(struct rift_node *node, struct rift_error *err)
{
    if (rift_connection_open(&node->connection, &node->settings, &node->idle, err) < 0 ||
        say_hello(node, err) < 0) {
        rift_connection_close(&node->connection);
        return -1;
    }
    /* A host that takes its leave back while a fault is on must still be reached to heal it; its
     * agent injects nothing more. */
    if (node->settings.faults == RIFT_NODE_FAULTS_ASK)
        node->settings.faults = RIFT_NODE_FAULTS_NONE;
    rift_requests_reconnect(&node->requests, node->settings.name, node->is_resumed);
    return 0;
}

/* Waits between two tries to connect, looking after deadlines; false when the node is closing. */
static bool pause_before_retry(struct rift_node *node, int64_t pause_ms)
{
    int64_t until = rift_clock_now() + pause_ms * RIFT_MS;
    while (rift_clock_now() < until) {
        int64_t due = node_tend(node);
        if (node_is_closing(node))
            return false;
        struct pollfd poll_fd = {.fd = node->wake_fd, .events = POLLIN};
        poll(&poll_fd, 1, rift_clock_poll_ms(due < until ? due : until));
    }
    return !node_is_closing(node);
}

static void reconnect_until_closed(struct rift_node *node)
{
    int64_t pause_ms = RECONNECT_FIRST_MS;
    struct rift_error err;
    for (;;) {
        if (serve(node, &err) == 0)
            return;
        rift_connection_close(&node->connection);
        set_state(node, NODE_LOST);
        rift_log(RIFT_LOG_WARNING, "%s; connecting again", err.text);
        tell(node, "lost", NULL);
        do {
            if (!pause_before_retry(node, pause_ms))
                return;
            pause_ms = pause_ms * 2 < RECONNECT_MOST_MS ? pause_ms * 2 : RECONNECT_MOST_MS;
            rift_log(RIFT_LOG_INFO, "%s: connecting again", node->settings.name);
        } while (connect_node(node, &err) < 0);
        pause_ms = RECONNECT_FIRST_MS;
        set_state(node, NODE_UP);
        rift_log(RIFT_LOG_WARNING, "%s: connected again", node->settings.name);
        tell(node, "found", NULL);
    }
}

void *rift_node_thread(void *context)
{
    struct rift_node *node = context;
    struct rift_error err;
    /* Leases are renewed and faults healed though a lab on this machine keeps it busy. */
    rift_process_hurry(1);
    if (connect_node(node, &err) < 0) {
        pthread_mutex_lock(&node->lock);
        node->open_error = err;
        node->state = NODE_FAILED;
        pthread_cond_broadcast(&node->changed);
        pthread_mutex_unlock(&node->lock);
    } else {
        set_state(node, NODE_UP);
        reconnect_until_closed(node);
        rift_connection_close(&node->connection);
        set_state(node, NODE_ENDED);
        rift_fail(&err, RIFT_ERR_CANCELLED, "%s: closed", node->settings.name);
    }
    node_tend(node);
    rift_requests_fail_all(&node->requests, &err);
    return NULL;
}
