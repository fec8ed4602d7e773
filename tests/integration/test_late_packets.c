/* Packets that arrive between two reads. libssh2 takes in all that has come whichever stream it is
 * asked for: an answer that arrives while stderr is read lies in its queue, and the socket, which
 * poll(2) looks at, has nothing more to tell. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/wire/messages.h"
#include "control/remote/connection.h"
#include "tests/lib/lab_hosts.h"

enum { DEADLINE_MS = 20000, ARRIVES_MS = 500, REST_MS = 100, LATE_MS = 2000 };

static struct rift_lab *lab;
static const struct rift_lab_host *host;

/* Every second time that libssh2 asks the socket, nothing has come yet; the time after that, all
 * has that was under way. After something came it begins anew, with either. */
static bool is_asked_early, begins_early;

static ssize_t receive(libssh2_socket_t fd, void *buffer, size_t length, int flags, void **session)
{
    (void)session;
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    is_asked_early = !is_asked_early;
    if (is_asked_early)
        return -EAGAIN;
    if (poll(&poll_fd, 1, ARRIVES_MS) == 1)
        rift_clock_sleep_until(rift_clock_now() + REST_MS * RIFT_MS);
    ssize_t count = recv(fd, buffer, length, flags);
    if (count > 0)
        is_asked_early = begins_early;
    return count < 0 ? -errno : count;
}

static void make_late(struct rift_ssh *ssh, bool begins)
{
    union {
        ssize_t (*function)(libssh2_socket_t, void *, size_t, int, void **);
        void *object;
    } callback = {receive};
    is_asked_early = begins_early = begins;
    libssh2_session_callback_set(ssh->session, LIBSSH2_CALLBACK_RECV, callback.object);
}

static int up(void **state)
{
    (void)state;
    size_t count = 0;
    lab = geteuid() == 0 ? test_lab_up("late", 1) : NULL;
    host = lab ? rift_lab_hosts(lab, &count) : NULL;
    return 0;
}

static int down(void **state)
{
    rift_lab_close(lab);
    return test_labs_down(state);
}

static struct rift_node_settings need_host(void)
{
    if (!lab) {
        print_message("skipped: a lab needs root\n");
        skip();
    }
    test_agent_binary();
    return test_node_settings(host);
}

static void output_that_comes_while_stderr_is_read_is_seen_at_once(void **state)
{
    (void)state;
    struct rift_error err = {.code = RIFT_ERR_NONE};
    struct rift_node_settings settings = need_host();
    for (int round = 0; round < 2; round++) {
        CLEANUP(rift_text_finish) struct rift_text output = {NULL, 0, 0};
        int status = -1;
        struct rift_ssh *ssh = rift_ssh_open(&settings, NULL, &err);
        if (!ssh)
            fail_msg("%s", err.text);
        make_late(ssh, round == 1);
        int64_t start_ns = rift_clock_now();
        if (rift_ssh_run(ssh, "sleep 0.3; echo out; exit 3",
                         rift_clock_now() + DEADLINE_MS * RIFT_MS, &output, &status, &err) != 0)
            fail_msg("round %d: %s", round, err.text);
        assert_string_equal(output.data, "out\n");
        assert_int_equal(status, 3);
        /* Without the deadline's help. */
        int64_t took_ms = (rift_clock_now() - start_ns) / RIFT_MS;
        print_message("round %d: %lld ms\n", round, (long long)took_ms);
        assert_true(took_ms < DEADLINE_MS / 2);
        rift_ssh_close(ssh);
    }
}

static void take_reply(void *context, const json_t *message)
{
    int *count = context;
    *count += json_object_get(message, "id") != NULL;
}

static void a_reply_that_comes_while_stderr_is_read_is_seen_at_once(void **state)
{
    (void)state;
    struct rift_error err = {.code = RIFT_ERR_NONE};
    struct rift_node_settings settings = need_host();
    for (int round = 0; round < 2; round++) {
        struct rift_connection connection;
        CLEANUP(rift_text_finish) struct rift_text frame = {NULL, 0, 0};
        int replies = 0;
        if (rift_connection_open(&connection, &settings, NULL, &err) < 0)
            fail_msg("%s", err.text);
        make_late(connection.ssh, round == 1);
        json_t *hello = rift_message_request(1, "hello", NULL);
        assert_int_equal(rift_frame_encode(hello, &frame, &err), 0);
        json_decref(hello);
        rift_connection_send(&connection, &frame);
        while (replies == 0) {
            int has_come = rift_connection_pump(&connection, take_reply, &replies, &err);
            if (has_come < 0)
                fail_msg("%s", err.text);
            struct pollfd poll_fd = {.fd = connection.ssh->fd, .events = POLLIN};
            if (has_come == 0 && poll(&poll_fd, 1, LATE_MS) == 0)
                fail_msg("round %d: nothing for %d ms", round, LATE_MS);
        }
        rift_connection_close(&connection);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_that_comes_while_stderr_is_read_is_seen_at_once),
        cmocka_unit_test(a_reply_that_comes_while_stderr_is_read_is_seen_at_once),
    };
    return cmocka_run_group_tests(tests, up, down);
}
