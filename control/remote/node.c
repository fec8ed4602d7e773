/* One host under test, as other threads see it: the queue to its thread, and what it last knew. */
#include "control/remote/node.h"

#include <errno.h>
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
#include "control/remote/node_thread.h"

enum { UNANSWERED_MAX = 4096, LEASE_DEFAULT_MS = 5000 };

static void free_json(json_t **json)
{
    json_decref(*json);
}

static char *copy_text(const char *text)
{
    return text ? rift_strdup(text) : NULL;
}

static void copy_settings(struct rift_node_settings *to, const struct rift_node_settings *from)
{
    *to = *from;
    to->name = copy_text(from->name);
    to->address = copy_text(from->address);
    to->host_key_name = copy_text(from->host_key_name);
    to->proxy_command = copy_text(from->proxy_command);
    to->user = copy_text(from->user ? from->user : "root");
    to->key_file = copy_text(from->key_file);
    to->identity_files = copy_text(from->identity_files);
    to->agent_socket = copy_text(from->agent_socket);
    to->password_file = copy_text(from->password_file);
    to->known_hosts_file = copy_text(from->known_hosts_file);
    to->more_known_hosts = copy_text(from->more_known_hosts);
    to->agent_binary = copy_text(from->agent_binary);
    to->run = copy_text(from->run);
    if (to->lease_ms <= 0)
        to->lease_ms = LEASE_DEFAULT_MS;
}

static void free_settings(struct rift_node_settings *settings)
{
    free((char *)settings->name);
    free((char *)settings->address);
    free((char *)settings->host_key_name);
    free((char *)settings->proxy_command);
    free((char *)settings->user);
    free((char *)settings->key_file);
    free((char *)settings->identity_files);
    free((char *)settings->agent_socket);
    free((char *)settings->password_file);
    free((char *)settings->known_hosts_file);
    free((char *)settings->more_known_hosts);
    free((char *)settings->agent_binary);
    free((char *)settings->run);
}

struct rift_node *rift_node_start(const struct rift_node_settings *settings)
{
    struct rift_node *node = rift_calloc(1, sizeof *node);
    unsigned char nonce[(NODE_SESSION_SIZE - 1) / 2] = {0};
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
        .look = rift_node_look_while_connecting, .context = node, .wake_fd = node->wake_fd};
    int result =
        node->wake_fd < 0 ? errno : pthread_create(&node->thread, NULL, rift_node_thread, node);
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
    struct rift_pending *pending = rift_pending_create(rift_node_take_id(node), verb, args, err);
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

struct rift_wall_sample rift_node_wall_clock(struct rift_node *node)
{
    pthread_mutex_lock(&node->lock);
    struct rift_wall_sample wall = node->wall;
    pthread_mutex_unlock(&node->lock);
    return wall;
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

void rift_node_close(struct rift_node *node)
{
    if (!node)
        return;
    pthread_mutex_lock(&node->lock);
    node->is_closing = true;
    pthread_mutex_unlock(&node->lock);
    wake(node);
    if (!pthread_equal(node->thread, pthread_self()))
        pthread_join(node->thread, NULL);
    rift_close_fd(&node->wake_fd);
    json_decref(node->hello);
    pthread_cond_destroy(&node->changed);
    pthread_mutex_destroy(&node->lock);
    free_settings(&node->settings);
    free(node);
}
