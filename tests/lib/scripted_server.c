/* An HTTP server on loopback that answers as a script says, and remembers what it was asked. */
#include "tests/lib/scripted_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/memory.h"

enum { REQUEST_SIZE_MAX = 1 << 16, CONNECTIONS_MAX = 16, REQUESTS_MAX = 64, PATH_SIZE = 64 };

struct scripted_connection {
    int fd;
    size_t length;
    char bytes[REQUEST_SIZE_MAX];
};

struct scripted_server {
    int listener;
    int stop_pipe[2];
    uint16_t port;
    const struct scripted_reply *replies;
    size_t reply_count;
    pthread_t thread;
    pthread_mutex_t lock;
    size_t request_count;
    char paths[REQUESTS_MAX][PATH_SIZE];
    struct scripted_connection connections[CONNECTIONS_MAX];
};

/* The length of the first whole request in the buffer; 0 where there is none yet. */
static size_t whole_request(const struct scripted_connection *connection)
{
    const char *end = memmem(connection->bytes, connection->length, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end - connection->bytes) + 4;
    const char *field = memmem(connection->bytes, head, "Content-Length: ", 16);
    size_t body = field ? strtoul(field + 16, NULL, 10) : 0;
    return connection->length >= head + body ? head + body : 0;
}

static void hang_up(struct scripted_connection *connection, int linger_on)
{
    struct linger linger = {.l_onoff = linger_on, .l_linger = 0};
    setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(connection->fd);
    connection->fd = -1;
}

static void serve(struct scripted_server *server, struct scripted_connection *connection)
{
    size_t length = whole_request(connection);
    if (length == 0)
        return;
    pthread_mutex_lock(&server->lock);
    size_t number = server->request_count++;
    if (number < REQUESTS_MAX)
        sscanf(connection->bytes, "%*s %63s", server->paths[number]);
    pthread_mutex_unlock(&server->lock);
    memmove(connection->bytes, connection->bytes + length, connection->length - length);
    connection->length -= length;

    size_t last = server->reply_count - 1;
    const struct scripted_reply *reply = &server->replies[number < last ? number : last];
    if (reply->step != SCRIPTED_CLOSE)
        send(connection->fd, reply->text, strlen(reply->text), MSG_NOSIGNAL);
    if (reply->step == SCRIPTED_RESET)
        usleep(20000); /* or the reset overtakes the text */
    if (reply->step != SCRIPTED_ANSWER)
        hang_up(connection, reply->step == SCRIPTED_RESET);
}

static void receive(struct scripted_server *server, struct scripted_connection *connection)
{
    ssize_t count = recv(connection->fd, connection->bytes + connection->length,
                         sizeof connection->bytes - connection->length, 0);
    if (count <= 0) {
        hang_up(connection, 0);
        return;
    }
    connection->length += (size_t)count;
    serve(server, connection);
}

static void *scripted_server_run(void *context)
{
    struct scripted_server *server = context;
    for (;;) {
        struct pollfd fds[CONNECTIONS_MAX + 2] = {{.fd = server->stop_pipe[0], .events = POLLIN},
                                                  {.fd = server->listener, .events = POLLIN}};
        for (size_t i = 0; i < CONNECTIONS_MAX; i++)
            fds[i + 2] = (struct pollfd){.fd = server->connections[i].fd, .events = POLLIN};
        poll(fds, CONNECTIONS_MAX + 2, -1);
        if (fds[0].revents)
            return NULL;
        for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
            if (fds[i + 2].revents)
                receive(server, &server->connections[i]);
        }
        if (!fds[1].revents)
            continue;
        for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
            if (server->connections[i].fd >= 0)
                continue;
            server->connections[i].fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
            server->connections[i].length = 0;
            break;
        }
    }
}

struct scripted_server *scripted_server_start(const struct scripted_reply *replies, size_t count)
{
    struct scripted_server *server = rift_calloc(1, sizeof *server);
    server->replies = replies;
    server->reply_count = count;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        server->connections[i].fd = -1;
    pthread_mutex_init(&server->lock, NULL);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int failures = bind(server->listener, (struct sockaddr *)&address, length) != 0;
    failures += listen(server->listener, CONNECTIONS_MAX) != 0;
    failures += getsockname(server->listener, (struct sockaddr *)&address, &length) != 0;
    failures += pipe(server->stop_pipe) != 0;
    assert(failures == 0);
    server->port = ntohs(address.sin_port);
    pthread_create(&server->thread, NULL, scripted_server_run, server);
    return server;
}

uint16_t scripted_server_port(const struct scripted_server *server)
{
    return server->port;
}

size_t scripted_server_requests(struct scripted_server *server, const char *path)
{
    size_t count = 0;
    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < server->request_count && i < REQUESTS_MAX; i++)
        count += !path || strcmp(server->paths[i], path) == 0;
    pthread_mutex_unlock(&server->lock);
    return count;
}

void scripted_server_stop(struct scripted_server *server)
{
    close(server->stop_pipe[1]);
    pthread_join(server->thread, NULL);
    close(server->stop_pipe[0]);
    close(server->listener);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (server->connections[i].fd >= 0)
            close(server->connections[i].fd);
    }
    pthread_mutex_destroy(&server->lock);
    free(server);
}
