/* Bytes to a host and back: a TCP connection, or the pipe of a proxy command that has one. */
#include "control/remote/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"

enum { WORDS_SIZE = 256 };

static int connect_address(struct rift_ssh *ssh, const struct addrinfo *address,
                           int64_t deadline_ns, struct rift_error *err)
{
    ssh->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (ssh->fd < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "%s: make a socket", ssh->label);
    /* Nagle's algorithm costs 40 ms for each small request (delayed acknowledgements). */
    int on = 1;
    setsockopt(ssh->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(ssh->fd, address->ai_addr, address->ai_addrlen) < 0 && errno != EINPROGRESS)
        return rift_fail_errno(err, RIFT_ERR_UNREACHABLE, "%s: cannot connect", ssh->label);
    for (;;) {
        struct pollfd poll_fd = {.fd = ssh->fd, .events = POLLOUT};
        if (poll(&poll_fd, 1, 0) > 0)
            break;
        if (rift_ssh_wait(ssh, deadline_ns, err) < 0)
            return -1;
    }
    socklen_t size = sizeof errno;
    if (getsockopt(ssh->fd, SOL_SOCKET, SO_ERROR, &errno, &size) < 0 || errno != 0)
        return rift_fail_errno(err, RIFT_ERR_UNREACHABLE, "%s: cannot connect", ssh->label);
    return 0;
}

static void note_local_address(struct rift_ssh *ssh)
{
    struct sockaddr_storage local;
    socklen_t size = sizeof local;
    if (getsockname(ssh->fd, (struct sockaddr *)&local, &size) < 0 ||
        getnameinfo((struct sockaddr *)&local, size, ssh->local_address, sizeof ssh->local_address,
                    NULL, 0, NI_NUMERICHOST) != 0)
        ssh->local_address[0] = '\0';
}

static int connect_host(struct rift_ssh *ssh, int64_t deadline_ns, struct rift_error *err)
{
    const struct rift_node_settings *settings = ssh->settings;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    char port[8];
    snprintf(port, sizeof port, "%u", (unsigned)rift_node_port(settings));
    int result = getaddrinfo(settings->address, port, &hints, &addresses);
    if (result != 0)
        return rift_fail(err, RIFT_ERR_UNREACHABLE, "%s: look up its address: %s", ssh->label,
                         gai_strerror(result));
    result = -1;
    for (struct addrinfo *a = addresses; a && result < 0; a = a->ai_next) {
        rift_close_fd(&ssh->fd);
        result = connect_address(ssh, a, deadline_ns, err);
    }
    freeaddrinfo(addresses);
    if (result == 0)
        note_local_address(ssh);
    else if (err && err->code == RIFT_ERR_TIMEOUT)
        rift_fail(err, RIFT_ERR_UNREACHABLE,
                  "%s: cannot connect: no answer within %lld ms; is the host up and the port open?",
                  ssh->label, (long long)settings->connect_timeout_ms);
    return result;
}

/* In a process group of its own: a Ctrl-C at the terminal must not cut the way by which we heal. */
static int start_proxy(struct rift_ssh *ssh, int child_fd)
{
    extern char **environ;
    CLEANUP(rift_free) char *line = rift_printf("exec %s", ssh->settings->proxy_command);
    char *const argv[] = {"sh", "-c", line, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, usual;
    sigemptyset(&none);
    sigfillset(&usual);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, child_fd, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, child_fd, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ssh->proxy_words, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    int failure = posix_spawn(&ssh->proxy_pid, "/bin/sh", &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (failure != 0)
        ssh->proxy_pid = 0;
    return failure;
}

static int connect_by_proxy(struct rift_ssh *ssh, struct rift_error *err)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "%s: make a socket", ssh->label);
    ssh->fd = fds[0];
    CLEANUP(rift_close_fd) int child_fd = fds[1];
    /* Only our end: the command's own must wait as any program's does. */
    fcntl(ssh->fd, F_SETFL, O_NONBLOCK);
    ssh->proxy_words = memfd_create("proxy", MFD_CLOEXEC);
    if (ssh->proxy_words < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "%s: make a file in memory", ssh->label);
    errno = start_proxy(ssh, child_fd);
    if (errno != 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "%s: start the proxy command %s", ssh->label,
                               ssh->settings->proxy_command);
    return 0;
}

int rift_transport_open(struct rift_ssh *ssh, int64_t deadline_ns, struct rift_error *err)
{
    return ssh->settings->proxy_command ? connect_by_proxy(ssh, err)
                                        : connect_host(ssh, deadline_ns, err);
}

void rift_transport_close(struct rift_ssh *ssh)
{
    rift_close_fd(&ssh->fd);
    rift_close_fd(&ssh->proxy_words);
    if (ssh->proxy_pid <= 0)
        return;
    kill(-ssh->proxy_pid, SIGKILL);
    while (waitpid(ssh->proxy_pid, NULL, 0) < 0 && errno == EINTR)
        ;
    ssh->proxy_pid = 0;
}

void rift_transport_last_words(const struct rift_ssh *ssh, char words[WORDS_SIZE])
{
    words[0] = '\0';
    off_t size = ssh->proxy_words >= 0 ? lseek(ssh->proxy_words, 0, SEEK_END) : 0;
    off_t from = size > WORDS_SIZE - 1 ? size - (WORDS_SIZE - 1) : 0;
    ssize_t length = size > 0 ? pread(ssh->proxy_words, words, WORDS_SIZE - 1, from) : 0;
    while (length > 0 && (words[length - 1] == '\n' || words[length - 1] == '\r'))
        length--;
    words[length > 0 ? length : 0] = '\0';
    const char *line = strrchr(words, '\n');
    if (line)
        memmove(words, line + 1, strlen(line));
}
