/* TCP, HTTP/1.0 and commands, each with the check's own time limit. Addresses are numeric. */
#include "agent/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/command.h"
#include "common/clock.h"
#include "common/memory.h"

enum { ANSWER_MAX = 1 << 18 };

struct question {
    const struct rift_recipe *recipe;
    const json_t *context;
    const struct rift_recipe_check *check;
    struct rift_arena arena;
    struct rift_text *reason;
    struct rift_text *answer; /* NULL: nobody wants it */
    struct rift_error *err;
    int64_t deadline_ns;
};

static const char *question_expand(struct question *q, const char *template)
{
    return template ? rift_recipe_expand(q->recipe, q->context, template, &q->arena, q->err) : NULL;
}

/* A connected socket, or -1 with the reason. */
static int question_connect(struct question *q, const char *address, const char *port)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } to = {0};
    long number = strtol(port, NULL, 10);
    socklen_t size = sizeof to.v4;
    if (inet_pton(AF_INET, address, &to.v4.sin_addr) == 1) {
        to.v4.sin_family = AF_INET;
        to.v4.sin_port = htons((uint16_t)number);
    } else if (inet_pton(AF_INET6, address, &to.v6.sin6_addr) == 1) {
        to.v6.sin6_family = AF_INET6;
        to.v6.sin6_port = htons((uint16_t)number);
        size = sizeof to.v6;
    } else {
        rift_text_printf(q->reason, "'%s' is no numeric address", address);
        return -1;
    }
    int fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || (connect(fd, &to.any, size) && errno != EINPROGRESS)) {
        rift_text_printf(q->reason, "%s port %s: %s", address, port, strerror(errno));
        rift_close_fd(&fd);
        return -1;
    }
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    int error = ETIMEDOUT;
    socklen_t length = sizeof error;
    if (poll(&poll_fd, 1, rift_clock_poll_ms(q->deadline_ns)) == 1)
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error == 0)
        return fd;
    rift_text_printf(q->reason, "%s port %s: %s", address, port, strerror(error));
    close(fd);
    return -1;
}

static bool question_send(struct question *q, int fd, const char *bytes, size_t length)
{
    size_t sent = 0;
    while (sent < length) {
        ssize_t n = send(fd, bytes + sent, length - sent, MSG_NOSIGNAL);
        if (n > 0) {
            sent += (size_t)n;
            continue;
        }
        struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
        if (errno != EAGAIN || poll(&poll_fd, 1, rift_clock_poll_ms(q->deadline_ns)) != 1)
            return false;
    }
    return true;
}

/* Reads until the end, the deadline, or until what is looked for is there. */
static void question_receive(struct question *q, int fd, const char *until,
                             struct rift_text *answer)
{
    char buffer[8192];
    while (answer->length < ANSWER_MAX) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        if (poll(&poll_fd, 1, rift_clock_poll_ms(q->deadline_ns)) != 1)
            return;
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        if (n <= 0)
            return;
        rift_text_append_bytes(answer, buffer, (size_t)n);
        if (until && strstr(answer->data, until))
            return;
    }
}

const json_t *agent_json_at(const json_t *json, const char *path)
{
    char name[128];
    while (json && *path) {
        size_t length = strcspn(path, ".");
        if (length >= sizeof name)
            return NULL;
        memcpy(name, path, length);
        name[length] = 0;
        json = json_object_get(json, name);
        path += length + (path[length] == '.');
    }
    return json;
}

/* What the answer must be, besides that there is one. */
static int question_judge(struct question *q, const char *answer, bool *holds)
{
    const struct rift_recipe_check *check = q->check;
    *holds = false;
    const char *contains = question_expand(q, check->contains);
    if (check->contains && !contains)
        return -1;
    if (contains && !strstr(answer, contains)) {
        rift_text_printf(q->reason, "the answer does not hold '%s': %.200s", contains, answer);
        return 0;
    }
    if (check->same[0]) {
        json_t *json = json_loads(answer, JSON_DISABLE_EOF_CHECK, NULL);
        const json_t *a = agent_json_at(json, check->same[0]),
                     *b = agent_json_at(json, check->same[1]);
        *holds = a && b && json_equal(a, b);
        if (!*holds)
            rift_text_printf(q->reason, "'%s' and '%s' are not the same in: %.200s", check->same[0],
                             check->same[1], answer);
        json_decref(json);
        return 0;
    }
    if (q->answer)
        rift_text_append(q->answer, answer);
    *holds = true;
    return 0;
}

static int ask_tcp(struct question *q, bool *holds)
{
    const char *address = question_expand(q, q->check->address);
    const char *port = question_expand(q, q->check->port);
    const char *send = question_expand(q, q->check->send);
    const char *contains = question_expand(q, q->check->contains);
    if (!address || !port || (q->check->send && !send) || (q->check->contains && !contains))
        return -1;
    CLEANUP(rift_close_fd) int fd = question_connect(q, address, port);
    if (fd < 0)
        return 0;
    CLEANUP(rift_text_finish) struct rift_text answer = {0};
    if (send && !question_send(q, fd, send, strlen(send))) {
        rift_text_append(q->reason, "the connection broke");
        return 0;
    }
    if (contains)
        question_receive(q, fd, contains, &answer);
    return question_judge(q, answer.data ? answer.data : "", holds);
}

/* http://host[:port]/path apart. The host may be an IPv6 address in brackets. */
static bool url_split(const char *url, char host[64], char port[8], const char **path)
{
    const char *c = url + strlen("http://");
    size_t length;
    if (*c == '[') {
        c++;
        length = strcspn(c, "]");
    } else {
        length = strcspn(c, ":/");
    }
    if (length == 0 || length >= 64)
        return false;
    memcpy(host, c, length);
    host[length] = 0;
    c += length + (c[length] == ']');
    snprintf(port, 8, "80");
    if (*c == ':') {
        size_t digits = strspn(c + 1, "0123456789");
        if (digits == 0 || digits > 5)
            return false;
        memcpy(port, c + 1, digits);
        port[digits] = 0;
        c += 1 + digits;
    }
    *path = *c == '/' ? c : "/";
    return *c == '/' || *c == 0;
}

static int ask_http(struct question *q, bool *holds)
{
    const char *url = question_expand(q, q->check->url);
    const char *body = question_expand(q, q->check->body);
    if (!url || (q->check->body && !body))
        return -1;
    char host[64], port[8];
    const char *path;
    if (!rift_text_starts_with(url, "http://") || !url_split(url, host, port, &path))
        return rift_fail(q->err, RIFT_ERR_INVALID, "'%s' is no http:// address", url);
    CLEANUP(rift_close_fd) int fd = question_connect(q, host, port);
    if (fd < 0)
        return 0;
    CLEANUP(rift_text_finish) struct rift_text request = {0};
    rift_text_printf(&request, "%s %s HTTP/1.0\r\nHost: %s\r\n", q->check->method, path, host);
    if (body)
        rift_text_printf(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                         strlen(body));
    rift_text_printf(&request, "\r\n%s", body ? body : "");
    CLEANUP(rift_text_finish) struct rift_text answer = {0};
    int status = 0;
    if (question_send(q, fd, request.data, request.length))
        question_receive(q, fd, NULL, &answer);
    if (!answer.data || sscanf(answer.data, "HTTP/%*s %d", &status) != 1) {
        rift_text_printf(q->reason, "%s: no answer", url);
        return 0;
    }
    const char *content = strstr(answer.data, "\r\n\r\n");
    content = content ? content + 4 : "";
    if (status != q->check->status) {
        rift_text_printf(q->reason, "%s: status %d: %.200s", url, status, content);
        return 0;
    }
    return question_judge(q, content, holds);
}

static int ask_command(struct question *q, bool *holds)
{
    char **argv =
        rift_recipe_expand_all(q->recipe, q->context, q->check->command, &q->arena, q->err);
    if (!argv)
        return -1;
    struct command_result result;
    struct rift_error failure = {0};
    int rc = 0;
    if (agent_command_run(argv, NULL, NULL, q->deadline_ns, &result, &failure))
        rift_text_append(q->reason, failure.text);
    else if (result.status != q->check->status)
        rift_text_printf(q->reason, "'%s' ended with %d: %.200s", argv[0], result.status,
                         result.errors.length ? result.errors.data
                         : result.output.data ? result.output.data
                                              : "");
    else
        rc = question_judge(q, result.output.data ? result.output.data : "", holds);
    agent_command_finish(&result);
    return rc;
}

int agent_check_answer(const struct rift_recipe *recipe, const json_t *context,
                       const struct rift_recipe_check *check, int64_t deadline_ns, bool *holds,
                       struct rift_text *answer, struct rift_text *reason, struct rift_error *err)
{
    int64_t limit_ns = rift_clock_now() + check->timeout_ms * RIFT_MS;
    struct question q = {.recipe = recipe,
                         .context = context,
                         .check = check,
                         .reason = reason,
                         .answer = answer,
                         .err = err,
                         .deadline_ns = limit_ns < deadline_ns ? limit_ns : deadline_ns};
    int rc = 0;
    *holds = check->kind == RIFT_CHECK_NONE;
    if (check->kind == RIFT_CHECK_TCP)
        rc = ask_tcp(&q, holds);
    else if (check->kind == RIFT_CHECK_HTTP)
        rc = ask_http(&q, holds);
    else if (check->kind == RIFT_CHECK_COMMAND)
        rc = ask_command(&q, holds);
    rift_arena_finish(&q.arena);
    return rc;
}

int agent_check_ask(const struct rift_recipe *recipe, const json_t *context,
                    const struct rift_recipe_check *check, int64_t deadline_ns, bool *holds,
                    struct rift_text *reason, struct rift_error *err)
{
    return agent_check_answer(recipe, context, check, deadline_ns, holds, NULL, reason, err);
}
