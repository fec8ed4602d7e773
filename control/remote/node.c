/* One host under test: the thread that owns its connection, and the queue to that thread. */
#include "control/remote/node.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/wire/messages.h"
#include "control/remote/clock_offset.h"
#include "control/remote/connection.h"
#include "control/remote/requests.h"

enum {
    HELLO_DEADLINE_MS = 10000,
    QUIT_DEADLINE_MS = 10000,
    RECONNECT_FIRST_MS = 50,
    RECONNECT_MOST_MS = 2000,
    WATCHDOG_LEAST_MS = 1500,
    CLOCK_BURST = 8,
    CLOCK_EVERY_MS = 1000,
    UNANSWERED_MAX = 4096,
    SESSION_SIZE = 33,
    LEASE_DEFAULT_MS = 5000,
};

enum node_state { NODE_OPENING, NODE_FAILED, NODE_UP, NODE_LOST, NODE_ENDED };

struct rift_node {
    struct rift_node_settings settings; /* its texts are ours */
    pthread_t thread;
    int wake_fd;

    pthread_mutex_t lock; /* guards from here ... */
    pthread_cond_t changed;
    enum node_state state;
    struct rift_error open_error;
    bool is_closing, wants_purge, is_purged;
    int64_t next_id;
    struct rift_pending *incoming, **incoming_end;
    size_t unanswered_count;
    json_t *hello;
    int64_t offset_ns, offset_error_ns; /* ... to here */

    struct rift_requests requests; /* the thread's own from here on */
    struct rift_connection connection;
    struct rift_ssh_idle idle;
    char session[SESSION_SIZE];
    struct rift_clock_offset offset;
    int64_t clock_sent_ns; /* of the question under way; 0: none */
    int64_t next_clock_ns, next_lease_ns;
    int clock_burst_left;
    bool is_hello_done, is_quit_done, is_resumed;
    struct rift_error hello_error;
};

static void free_json(json_t **json)
{
    json_decref(*json);
}

static char *copy_text(const char *text)
{
    return text ? rift_strdup(text) : NULL;
}

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

static int64_t look_while_connecting(void *context)
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

static int64_t take_id(struct rift_node *node)
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
    struct rift_pending *pending = rift_pending_create(take_id(node), verb, args, &err);
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

static int say_hello(struct rift_node *node, struct rift_error *err)
{
    const char *seen = node->connection.facts.controller_address;
    const char *local = node->connection.ssh->local_address;
    const char *run = node->settings.run ? node->settings.run : "";
    json_t *addresses = json_pack("[s]", local);
    if (seen[0] && strcmp(seen, local) != 0)
        json_array_append_new(addresses, json_string(seen));
    int64_t deadline_ns = rift_clock_now() + HELLO_DEADLINE_MS * RIFT_MS;
    node->is_hello_done = false;
    node->hello_error.code = RIFT_ERR_NONE;
    ask(node, "hello",
        json_pack("{s:s,s:s,s:I,s:o}", "session", node->session, "run", run, "lease_ms",
                  (json_int_t)node->settings.lease_ms, "controller_addresses", addresses),
        HELLO_DEADLINE_MS, on_hello);
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
    int64_t received_ns = rift_clock_now();
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
}

static void on_lease(void *context, const json_t *reply, const struct rift_error *error)
{
    struct rift_node *node = context;
    (void)reply;
    if (error && error->code != RIFT_ERR_CANCELLED)
        rift_log(RIFT_LOG_WARNING, "renew the lease: %s", error->text);
    (void)node;
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
        ask(node, "clock", NULL, HELLO_DEADLINE_MS, on_clock);
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
    pthread_mutex_lock(&node->lock);
    node->is_purged = node->wants_purge && !error;
    pthread_mutex_unlock(&node->lock);
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
            ask(node, "quit", json_pack("{s:b}", "purge", (int)node->wants_purge), QUIT_DEADLINE_MS,
                on_quit);
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

static void *node_thread(void *context)
{
    struct rift_node *node = context;
    struct rift_error err;
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

static void copy_settings(struct rift_node_settings *to, const struct rift_node_settings *from)
{
    *to = *from;
    to->name = copy_text(from->name);
    to->address = copy_text(from->address);
    to->user = copy_text(from->user ? from->user : "root");
    to->key_file = copy_text(from->key_file);
    to->known_hosts_file = copy_text(from->known_hosts_file);
    to->agent_binary = copy_text(from->agent_binary);
    to->run = copy_text(from->run);
    if (to->lease_ms <= 0)
        to->lease_ms = LEASE_DEFAULT_MS;
}

static void free_settings(struct rift_node_settings *settings)
{
    free((char *)settings->name);
    free((char *)settings->address);
    free((char *)settings->user);
    free((char *)settings->key_file);
    free((char *)settings->known_hosts_file);
    free((char *)settings->agent_binary);
    free((char *)settings->run);
}

struct rift_node *rift_node_start(const struct rift_node_settings *settings)
{
    struct rift_node *node = rift_calloc(1, sizeof *node);
    unsigned char nonce[(SESSION_SIZE - 1) / 2] = {0};
    copy_settings(&node->settings, settings);
    pthread_mutex_init(&node->lock, NULL);
    pthread_cond_init(&node->changed, NULL);
    node->incoming_end = &node->incoming;
    node->offset_error_ns = INT64_MAX;
    rift_requests_init(&node->requests);
    if (getrandom(nonce, sizeof nonce, 0) != (ssize_t)sizeof nonce)
        rift_log(RIFT_LOG_WARNING, "getrandom: %s", strerror(errno));
    for (size_t i = 0; i < sizeof nonce; i++)
        snprintf(node->session + 2 * i, 3, "%02x", nonce[i]);
    node->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    node->idle = (struct rift_ssh_idle){
        .look = look_while_connecting, .context = node, .wake_fd = node->wake_fd};
    int result = node->wake_fd < 0 ? errno : pthread_create(&node->thread, NULL, node_thread, node);
    if (result != 0) {
        node->state = NODE_FAILED;
        node->thread = pthread_self();
        rift_fail(&node->open_error, RIFT_ERR_LIMIT, "%s: start its thread: %s",
                  node->settings.name, strerror(result));
    }
    return node;
}

int rift_node_wait(struct rift_node *node, struct rift_error *err)
{
    pthread_mutex_lock(&node->lock);
    while (node->state == NODE_OPENING)
        pthread_cond_wait(&node->changed, &node->lock);
    bool has_failed = node->state == NODE_FAILED;
    if (has_failed && err)
        *err = node->open_error;
    pthread_mutex_unlock(&node->lock);
    return has_failed ? -1 : 0;
}

struct rift_node *rift_node_open(const struct rift_node_settings *settings, struct rift_error *err)
{
    struct rift_node *node = rift_node_start(settings);
    if (rift_node_wait(node, err) == 0)
        return node;
    rift_node_close(node);
    return NULL;
}

static void wake(struct rift_node *node)
{
    uint64_t one = 1;
    ssize_t written = write(node->wake_fd, &one, sizeof one);
    (void)written; /* fails only where the counter is full, and then the thread is awake */
}

int rift_node_send(struct rift_node *node, const char *verb, const json_t *args,
                   int64_t deadline_ms, rift_node_done *done, void *context, struct rift_error *err)
{
    int64_t deadline_ns = rift_clock_now() + deadline_ms * RIFT_MS;
    struct rift_pending *pending = rift_pending_create(take_id(node), verb, args, err);
    if (!pending)
        return rift_wrap(err, "%s: %s", node->settings.name, verb);
    pending->deadline_ns = deadline_ns;
    pending->done = done;
    pending->context = context;
    pthread_mutex_lock(&node->lock);
    bool is_gone = node->is_closing || node->state == NODE_FAILED || node->state == NODE_ENDED;
    bool is_full = node->unanswered_count >= UNANSWERED_MAX;
    if (!is_gone && !is_full) {
        node->unanswered_count++;
        *node->incoming_end = pending;
        node->incoming_end = &pending->next;
    }
    pthread_mutex_unlock(&node->lock);
    if (!is_gone && !is_full) {
        wake(node);
        return 0;
    }
    rift_pending_destroy(pending);
    if (is_gone)
        return rift_fail(err, RIFT_ERR_CANCELLED, "%s: '%s' after its end", node->settings.name,
                         verb);
    return rift_fail(err, RIFT_ERR_LIMIT, "%s: %d requests are not answered yet",
                     node->settings.name, UNANSWERED_MAX);
}

struct call {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool is_done;
    json_t *reply;
    struct rift_error error;
};

static void on_call(void *context, const json_t *reply, const struct rift_error *error)
{
    struct call *call = context;
    pthread_mutex_lock(&call->lock);
    call->is_done = true;
    if (error)
        call->error = *error;
    else
        call->reply = json_deep_copy(reply); /* shared with no other thread */
    pthread_cond_signal(&call->ended);
    pthread_mutex_unlock(&call->lock);
}

int rift_node_call(struct rift_node *node, const char *verb, const json_t *args,
                   int64_t deadline_ms, json_t **reply, struct rift_error *err)
{
    struct call call = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
    if (rift_node_send(node, verb, args, deadline_ms, on_call, &call, err) < 0)
        return -1;
    pthread_mutex_lock(&call.lock);
    while (!call.is_done)
        pthread_cond_wait(&call.ended, &call.lock);
    pthread_mutex_unlock(&call.lock);
    CLEANUP(free_json) json_t *answer = call.reply;
    if (!answer) {
        if (err)
            *err = call.error;
        return -1;
    }
    if (reply)
        *reply = json_incref(answer);
    return 0;
}

const char *rift_node_name(const struct rift_node *node)
{
    return node->settings.name;
}

bool rift_node_is_connected(struct rift_node *node)
{
    pthread_mutex_lock(&node->lock);
    bool is_up = node->state == NODE_UP;
    pthread_mutex_unlock(&node->lock);
    return is_up;
}

json_t *rift_node_hello(struct rift_node *node)
{
    pthread_mutex_lock(&node->lock);
    json_t *hello = json_deep_copy(node->hello);
    pthread_mutex_unlock(&node->lock);
    return hello;
}

int64_t rift_node_clock_offset(struct rift_node *node, int64_t *error_ns)
{
    pthread_mutex_lock(&node->lock);
    int64_t offset_ns = node->offset_ns;
    if (error_ns)
        *error_ns = node->offset_error_ns;
    pthread_mutex_unlock(&node->lock);
    return offset_ns;
}

int rift_node_upload(struct rift_node *node, const char *local_path, const char *remote_path,
                     int mode, int64_t deadline_ms, char *sha256, struct rift_error *err)
{
    char sum[RIFT_SHA256_HEX_SIZE];
    int64_t deadline_ns = rift_clock_now() + deadline_ms * RIFT_MS;
    struct rift_ssh *ssh = rift_ssh_open(&node->settings, NULL, err);
    if (!ssh)
        return -1;
    int result = rift_place_file(ssh, local_path, remote_path, mode, deadline_ns, sum, err);
    rift_ssh_close(ssh);
    if (result == 0 && sha256)
        memcpy(sha256, sum, sizeof sum);
    return result;
}

int rift_node_download(struct rift_node *node, const char *remote_path, const char *local_path,
                       int64_t deadline_ms, struct rift_error *err)
{
    int64_t deadline_ns = rift_clock_now() + deadline_ms * RIFT_MS;
    struct rift_ssh *ssh = rift_ssh_open(&node->settings, NULL, err);
    if (!ssh)
        return -1;
    int result = rift_fetch_file(ssh, remote_path, local_path, deadline_ns, err);
    rift_ssh_close(ssh);
    return result;
}

static bool end_node(struct rift_node *node, bool wants_purge)
{
    pthread_mutex_lock(&node->lock);
    node->is_closing = true;
    node->wants_purge = wants_purge;
    pthread_mutex_unlock(&node->lock);
    wake(node);
    if (!pthread_equal(node->thread, pthread_self()))
        pthread_join(node->thread, NULL);
    bool is_purged = node->is_purged;
    rift_close_fd(&node->wake_fd);
    json_decref(node->hello);
    pthread_cond_destroy(&node->changed);
    pthread_mutex_destroy(&node->lock);
    free_settings(&node->settings);
    free(node);
    return is_purged;
}

void rift_node_close(struct rift_node *node)
{
    if (node)
        end_node(node, false);
}

int rift_node_purge(struct rift_node *node, struct rift_error *err)
{
    CLEANUP(rift_free) char *name = rift_strdup(node->settings.name);
    if (end_node(node, true))
        return 0;
    return rift_fail(err, RIFT_ERR_UNREACHABLE, "%s: its agent did not say that all is removed",
                     name);
}
