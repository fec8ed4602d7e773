/* Every row of the etcd client's error table, produced live: by a real etcd where one can be
 * brought to say it, by a scripted server on loopback where only a broken or overloaded one would.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "tests/lib/etcd_caller.h"
#include "tests/lib/real_etcd.h"
#include "tests/lib/scripted_server.h"

static bool etcd_is_absent;

static struct etcd_caller call_port_for(uint16_t port, const char *reads, int lease_s)
{
    return etcd_caller_open(json_pack("{s:i, s:s, s:s, s:i}", "port", port, "reads", reads,
                                      "key_prefix", "test/", "lease_s", lease_s));
}

static struct etcd_caller call_port(uint16_t port, const char *reads)
{
    return call_port_for(port, reads, 1);
}

static struct rift_answer compare_and_set(struct etcd_caller *caller, int64_t from, int64_t to)
{
    struct rift_value pair[] = {rift_value_integer(caller->values, from),
                                rift_value_integer(caller->values, to)};
    return etcd_caller_call(caller, "cas", rift_value_box(caller->values, RIFT_PAIR, pair, 2),
                            2000);
}

static void require_etcd(void)
{
    const char *why = NULL;
    if (!real_etcd_binary(&why)) {
        etcd_is_absent = true;
        print_message("skipped: %s\n", why);
        skip();
    }
}

/* Real etcd. */

/* An authority, certificates of it for 127.0.0.1 and for a client, and another authority. */
static const char make_certificates[] =
    "set -e; cd \"$1\"\n"
    "authority() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
    "-subj /CN=$1 -keyout $1.key -out $1.pem; }\n"
    "signed() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=$1 "
    "-keyout $1.key -out $1.csr; printf 'subjectAltName=IP:127.0.0.1\\n"
    "extendedKeyUsage=serverAuth,clientAuth\\n' >$1.ext; openssl x509 -req -in $1.csr -CA ca.pem "
    "-CAkey ca.key -CAcreateserial -days 2 -extfile $1.ext -out $1.pem; }\n"
    "{ authority ca; authority other; signed server; signed client; } 2>/dev/null\n";

static struct etcd_caller call_by_tls(uint16_t port, const char *folder, const char *ca,
                                      const char *cert)
{
    CLEANUP(rift_free) char *ca_file = rift_printf("%s/%s.pem", folder, ca);
    CLEANUP(rift_free) char *cert_file = cert[0] ? rift_printf("%s/%s.pem", folder, cert) : NULL;
    CLEANUP(rift_free) char *key_file = cert[0] ? rift_printf("%s/%s.key", folder, cert) : NULL;
    return etcd_caller_open(json_pack("{s:i, s:s, s:s, s:s}", "port", port, "tls_ca", ca_file,
                                      "tls_cert", cert_file ? cert_file : "", "tls_key",
                                      key_file ? key_file : ""));
}

static void by_tls_each_side_is_trusted_or_nothing_is_sent(void **state)
{
    (void)state;
    require_etcd();
    char folder[] = "/tmp/rift-test-tls-XXXXXX";
    assert_non_null(mkdtemp(folder));
    CLEANUP(rift_free) char *script = rift_printf("%s/make", folder);
    FILE *file = fopen(script, "we");
    assert_non_null(file);
    assert_true(fputs(make_certificates, file) >= 0);
    assert_int_equal(fclose(file), 0);
    CLEANUP(rift_free) char *make = rift_printf("bash %s %s", script, folder);
    assert_int_equal(pclose(popen(make, "re")), 0);
    CLEANUP(rift_free) char *cert = rift_printf("%s/server.pem", folder);
    CLEANUP(rift_free) char *key = rift_printf("%s/server.key", folder);
    CLEANUP(rift_free) char *ca = rift_printf("%s/ca.pem", folder);
    struct real_etcd etcd = {0};
    const char *const more[] = {"--cert-file",       cert, "--key-file",         key,
                                "--trusted-ca-file", ca,   "--client-cert-auth", NULL};
    real_etcd_start(&etcd, 1, more);
    struct etcd_caller caller = call_by_tls(etcd.port, folder, "ca", "client");
    etcd_caller_wait_until_it_serves(&caller);
    assert_answer(etcd_caller_integer(&caller, "write", 7, 2000), RIFT_OP_OK, "");
    struct rift_answer read = etcd_caller_call(&caller, "read", RIFT_VALUE_NIL, 2000);
    assert_answer(read, RIFT_OP_OK, "");
    assert_int_equal(rift_value_as_integer(caller.values, read.result), 7);
    etcd_caller_close(&caller);
    /* The server is not who we trust. */
    caller = call_by_tls(etcd.port, folder, "other", "client");
    assert_answer(etcd_caller_integer(&caller, "write", 8, 2000), RIFT_OP_FAIL, "not trusted");
    etcd_caller_close(&caller);
    /* We are not whom the server trusts: TLS 1.3 tells it after our request may have gone out. */
    caller = call_by_tls(etcd.port, folder, "ca", "");
    assert_int_not_equal(etcd_caller_integer(&caller, "write", 9, 2000).type, RIFT_OP_OK);
    etcd_caller_close(&caller);
    caller = call_by_tls(etcd.port, folder, "ca", "client");
    read = etcd_caller_call(&caller, "read", RIFT_VALUE_NIL, 2000);
    assert_int_equal(rift_value_as_integer(caller.values, read.result), 7);
    etcd_caller_close(&caller);
    real_etcd_stop(&etcd);
    CLEANUP(rift_free) char *remove = rift_printf("rm -rf %s", folder);
    assert_int_equal(pclose(popen(remove, "re")), 0);
}

static void values_come_back_as_they_were_written(void **state)
{
    (void)state;
    require_etcd();
    struct real_etcd etcd = {0};
    real_etcd_start(&etcd, 1, NULL);
    struct etcd_caller caller = call_port(etcd.port, "linearizable");
    struct etcd_caller local = call_port(etcd.port, "local");
    int64_t deadline_ns = rift_clock_now() + 20 * RIFT_SECOND;
    struct rift_answer answer = {0};
    do {
        answer = etcd_caller_integer(&caller, "read", 0, 1000);
        usleep(50000);
    } while (answer.type != RIFT_OP_OK && rift_clock_now() < deadline_ns);
    assert_int_equal(answer.type, RIFT_OP_OK);
    assert_true(rift_value_is_nil(answer.result));
    assert_answer(etcd_caller_integer(&caller, "write", 7, 2000), RIFT_OP_OK, "");
    assert_answer(compare_and_set(&caller, 8, 9), RIFT_OP_FAIL, "compare failed");
    assert_answer(compare_and_set(&caller, 7, -9), RIFT_OP_OK, "");
    answer = etcd_caller_integer(&local, "read", 0, 2000);
    assert_answer(answer, RIFT_OP_OK, "");
    assert_int_equal(rift_value_as_integer(local.values, answer.result), -9);
    etcd_caller_close(&caller);
    etcd_caller_close(&local);
    real_etcd_stop(&etcd);
}

static void a_value_too_large_is_refused_before_it_is_proposed(void **state)
{
    (void)state;
    require_etcd();
    struct real_etcd etcd = {0};
    real_etcd_start(&etcd, 1, NULL);
    struct etcd_caller caller = call_port(etcd.port, "linearizable");
    etcd_caller_wait_until_it_serves(&caller);
    /* Past etcd's bound of 1.5 MiB, below that of its gRPC layer, which has words of its own. */
    const size_t length = 1700000;
    char *large = memset(rift_malloc(length), 'x', length);
    struct rift_value value = rift_value_text(caller.values, large, length);
    assert_answer(etcd_caller_call(&caller, "write", value, 5000), RIFT_OP_FAIL, "invalid request");
    free(large);
    etcd_caller_close(&caller);
    real_etcd_stop(&etcd);
}

static void a_full_database_refuses_writes_for_sure(void **state)
{
    (void)state;
    require_etcd();
    const char *const quota[] = {"--quota-backend-bytes", "262144", NULL};
    struct real_etcd etcd = {0};
    real_etcd_start(&etcd, 1, quota);
    struct etcd_caller caller = call_port(etcd.port, "linearizable");
    etcd_caller_wait_until_it_serves(&caller);
    const size_t length = 100000;
    char *large = memset(rift_malloc(length), 'x', length);
    struct rift_value value = rift_value_text(caller.values, large, length);
    struct rift_answer answer = {0};
    /* etcd compares the quota with a size that it brings up to date every 100 ms. */
    for (int i = 0; i < 200 && answer.type == RIFT_OP_OK; i++) {
        answer = etcd_caller_call(&caller, "write", value, 5000);
        rift_clock_sleep_until(rift_clock_now() + 20 * RIFT_MS);
    }
    assert_answer(answer, RIFT_OP_FAIL, "no space");
    free(large);
    etcd_caller_close(&caller);
    real_etcd_stop(&etcd);
}

static void a_paused_server_leaves_a_write_open_and_a_read_without_effect(void **state)
{
    (void)state;
    require_etcd();
    struct real_etcd etcd = {0};
    real_etcd_start(&etcd, 1, NULL);
    struct etcd_caller caller = call_port(etcd.port, "linearizable");
    etcd_caller_wait_until_it_serves(&caller);
    real_etcd_pause(&etcd);
    assert_answer(etcd_caller_integer(&caller, "write", 1, 300), RIFT_OP_INFO, "timeout");
    assert_answer(compare_and_set(&caller, 0, 2), RIFT_OP_INFO, "timeout");
    assert_answer(etcd_caller_integer(&caller, "read", 0, 300), RIFT_OP_FAIL, "timeout");
    kill(etcd.pid, SIGCONT);
    etcd_caller_wait_until_it_serves(&caller);
    etcd_caller_close(&caller);
    real_etcd_stop(&etcd);
}

static void without_a_majority_etcd_gives_up_but_may_still_commit(void **state)
{
    (void)state;
    require_etcd();
    struct real_etcd members[2] = {0};
    real_etcd_start(members, 2, NULL);
    struct etcd_caller caller = call_port(members[0].port, "linearizable");
    etcd_caller_wait_until_it_serves(&caller);
    real_etcd_stop(&members[1]);
    assert_answer(etcd_caller_integer(&caller, "write", 1, 20000), RIFT_OP_INFO,
                  "request timed out");
    etcd_caller_close(&caller);
    real_etcd_stop(&members[0]);
}

/* What only a broken, overloaded or ending server says. */

#define HEAD_OK      "HTTP/1.1 200 OK\r\n"
#define HEAD_ERROR   "HTTP/1.1 503 Service Unavailable\r\n"
#define READ_NOTHING HEAD_OK "Content-Length: 13\r\n\r\n{\"header\":{}}"

static struct rift_answer ask_script(const struct scripted_reply *replies, size_t count,
                                     const char *f)
{
    struct scripted_server *server = scripted_server_start(replies, count);
    struct etcd_caller caller = call_port(scripted_server_port(server), "linearizable");
    struct rift_answer answer = etcd_caller_integer(&caller, f, 1, 1000);
    etcd_caller_close(&caller);
    scripted_server_stop(server);
    return answer;
}

static void assert_script(enum scripted_step step, const char *text, enum rift_op_type type,
                          const char *error)
{
    struct scripted_reply reply = {step, text};
    assert_answer(ask_script(&reply, 1, "write"), type, error);
}

static void assert_message(int grpc, const char *message, enum rift_op_type type, const char *error)
{
    char body[256], text[512];
    snprintf(body, sizeof body, "{\"error\":\"%s\",\"code\":%d,\"message\":\"%s\"}", message, grpc,
             message);
    snprintf(text, sizeof text, HEAD_ERROR "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
    assert_script(SCRIPTED_ANSWER, text, type, error);
}

static void errors_that_name_a_refusal_are_definite(void **state)
{
    (void)state;
    assert_message(8, "etcdserver: too many requests", RIFT_OP_FAIL, "too many requests");
    assert_message(3, "etcdserver: request is too large", RIFT_OP_FAIL, "invalid request");
    assert_message(7, "etcdserver: permission denied", RIFT_OP_FAIL, "permission denied");
    assert_message(3, "etcdserver: user name is empty", RIFT_OP_FAIL, "no user");
    assert_message(3, "etcdserver: authentication failed, invalid user ID or password",
                   RIFT_OP_FAIL, "wrong password");
    assert_message(3, "etcdserver: revision of auth store is old", RIFT_OP_FAIL, "token refused");
    assert_message(16, "etcdserver: invalid auth token", RIFT_OP_FAIL, "token refused");
    assert_script(SCRIPTED_ANSWER,
                  "HTTP/1.1 400 Bad Request\r\nContent-Length: 63\r\n\r\nCommonName of client "
                  "sending a request against gateway will be\n",
                  RIFT_OP_FAIL, "named certificate");
    assert_message(9, "etcdserver: authentication is not enabled", RIFT_OP_FAIL,
                   "no authentication");
}

static void errors_of_a_proposal_under_way_are_not_definite(void **state)
{
    (void)state;
    assert_message(14, "etcdserver: leader changed", RIFT_OP_INFO, "leader changed");
    assert_message(14, "etcdserver: server stopped", RIFT_OP_INFO, "server stopped");
    assert_message(14, "transport is closing", RIFT_OP_INFO, "unavailable");
    assert_message(2, "context deadline exceeded", RIFT_OP_INFO, "server deadline");
    assert_message(4, "context deadline exceeded", RIFT_OP_INFO, "server deadline");
    assert_message(13, "something that no table knows", RIFT_OP_INFO, "etcd error");
}

static void a_broken_answer_says_nothing_about_the_operation(void **state)
{
    (void)state;
    assert_script(SCRIPTED_ANSWER, HEAD_OK "Content-Length: 5\r\n\r\nhello", RIFT_OP_INFO,
                  "broken answer");
    assert_script(SCRIPTED_ANSWER, HEAD_OK "Content-Length: 2\r\n\r\n{}", RIFT_OP_INFO,
                  "broken answer");
    assert_script(SCRIPTED_ANSWER, HEAD_ERROR "Content-Length: 2\r\n\r\n{}", RIFT_OP_INFO,
                  "broken answer");
    assert_script(SCRIPTED_RESET, HEAD_OK "Content-Length: 50\r\n\r\n{", RIFT_OP_INFO,
                  "connection lost");
    assert_script(SCRIPTED_CLOSE, NULL, RIFT_OP_INFO, "no answer");
}

static void without_a_token_nothing_else_is_sent(void **state)
{
    (void)state;
    char path[] = "/tmp/rift-test-password-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "secret", 6), 6);
    close(fd);
    static const struct scripted_reply replies[] = {
        {SCRIPTED_CLOSE, NULL}, {SCRIPTED_ANSWER, HEAD_OK "Content-Length: 2\r\n\r\n{}"}};
    struct scripted_server *server = scripted_server_start(replies, 2);
    struct etcd_caller caller =
        etcd_caller_open(json_pack("{s:i, s:s, s:s}", "port", scripted_server_port(server), "user",
                                   "root", "password_file", path));
    unlink(path);
    assert_answer(etcd_caller_integer(&caller, "write", 1, 1000), RIFT_OP_FAIL, "not logged in");
    assert_answer(etcd_caller_integer(&caller, "write", 1, 1000), RIFT_OP_FAIL, "not logged in");
    assert_int_equal(scripted_server_requests(server, "/v3/kv/put"), 0);
    etcd_caller_close(&caller);
    scripted_server_stop(server);
}

static void a_connection_that_never_stands_is_definite(void **state)
{
    (void)state;
    /* A full backlog drops SYNs, as a dead host does. */
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    int fillers[4];
    for (size_t i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fillers[i], (struct sockaddr *)&address, length);
    }
    struct etcd_caller caller = call_port(ntohs(address.sin_port), "linearizable");
    assert_answer(etcd_caller_integer(&caller, "write", 1, 200), RIFT_OP_FAIL, "not sent");
    assert_answer(etcd_caller_integer(&caller, "write", 1, -1), RIFT_OP_FAIL, "not sent");
    for (size_t i = 0; i < 4; i++)
        close(fillers[i]);
    close(listener); /* now nobody listens */
    assert_answer(etcd_caller_integer(&caller, "write", 1, 200), RIFT_OP_FAIL, "cannot connect");
    etcd_caller_close(&caller);
}

/* The trap: a kept connection that dies before the first byte of an answer. */

static const struct scripted_reply dies_on_the_second[] = {
    {SCRIPTED_ANSWER, READ_NOTHING}, {SCRIPTED_CLOSE, NULL}, {SCRIPTED_ANSWER, READ_NOTHING}};

static void etcd_post_is_never_sent_twice(void **state)
{
    (void)state;
    struct scripted_server *server = scripted_server_start(dies_on_the_second, 3);
    struct etcd_caller caller = call_port(scripted_server_port(server), "linearizable");
    assert_answer(etcd_caller_integer(&caller, "read", 0, 1000), RIFT_OP_OK, "");
    assert_answer(compare_and_set(&caller, 1, 2), RIFT_OP_INFO, "no answer");
    assert_int_equal(scripted_server_requests(server, "/v3/kv/txn"), 1);
    etcd_caller_close(&caller);
    scripted_server_stop(server);
}

/* Without this, the test above might pass because curl had changed, or because the script misses.
 */
static void the_trap_is_real_a_read_is_sent_twice(void **state)
{
    (void)state;
    struct scripted_server *server = scripted_server_start(dies_on_the_second, 3);
    struct etcd_caller caller = call_port(scripted_server_port(server), "linearizable");
    assert_answer(etcd_caller_integer(&caller, "read", 0, 1000), RIFT_OP_OK, "");
    assert_answer(etcd_caller_integer(&caller, "read", 0, 1000), RIFT_OP_OK, "");
    assert_int_equal(scripted_server_requests(server, "/v3/kv/range"), 3);
    etcd_caller_close(&caller);
    scripted_server_stop(server);
}

static void assert_token_above(struct rift_answer answer, const struct etcd_caller *caller,
                               int64_t *last)
{
    assert_answer(answer, RIFT_OP_OK, "");
    assert_true(rift_value_as_integer(caller->values, answer.result) > *last);
    *last = rift_value_as_integer(caller->values, answer.result);
}

/* A holder that is late has lost the lock, and learns it when it releases. */
static void a_lock_is_held_by_one_and_lost_with_its_lease(void **state)
{
    (void)state;
    require_etcd();
    struct real_etcd server;
    int64_t token = 0;
    real_etcd_start(&server, 1, NULL);
    /* Of the two one holds it for as long as this test takes. */
    struct etcd_caller holder = call_port_for(server.port, "linearizable", 60);
    struct etcd_caller other = call_port(server.port, "linearizable");
    etcd_caller_wait_until_it_serves(&holder);
    assert_token_above(etcd_caller_call(&holder, "acquire", RIFT_VALUE_NIL, 2000), &holder, &token);
    assert_answer(etcd_caller_call(&other, "acquire", RIFT_VALUE_NIL, 2000), RIFT_OP_FAIL,
                  "lock held");
    assert_answer(etcd_caller_call(&other, "release", RIFT_VALUE_NIL, 2000), RIFT_OP_FAIL,
                  "lock not held");
    assert_answer(etcd_caller_call(&holder, "release", RIFT_VALUE_NIL, 2000), RIFT_OP_OK, "");
    assert_token_above(etcd_caller_call(&other, "acquire", RIFT_VALUE_NIL, 2000), &other, &token);
    int64_t deadline_ns = rift_clock_now() + 20 * RIFT_SECOND;
    struct rift_answer again;
    while ((again = etcd_caller_call(&holder, "acquire", RIFT_VALUE_NIL, 2000)).type !=
           RIFT_OP_OK) {
        assert_answer(again, RIFT_OP_FAIL, "lock held");
        assert_true(rift_clock_now() < deadline_ns);
        usleep(100000);
    }
    assert_token_above(again, &holder, &token);
    assert_answer(etcd_caller_call(&other, "release", RIFT_VALUE_NIL, 2000), RIFT_OP_FAIL,
                  "lease not found");
    assert_answer(etcd_caller_call(&holder, "release", RIFT_VALUE_NIL, 2000), RIFT_OP_OK, "");
    etcd_caller_close(&holder);
    etcd_caller_close(&other);
    real_etcd_stop(&server);
}

/* Watches until there were as many events, which may be late: these values, in this order, at
 * revisions that rise by one. */
static void assert_watched(struct etcd_caller *caller, const int64_t *wanted, size_t count,
                           int64_t *revision)
{
    const struct rift_values *values = caller->values;
    int64_t deadline_ns = rift_clock_now() + 20 * RIFT_SECOND;
    size_t known = 0;
    do {
        struct rift_answer answer = etcd_caller_call(caller, "watch", RIFT_VALUE_NIL, 2000);
        assert_answer(answer, RIFT_OP_OK, "");
        for (size_t i = 0; i < rift_value_count(values, answer.result); i++) {
            struct rift_value event = rift_value_item(values, answer.result, i);
            int64_t now = rift_value_as_integer(values, rift_value_item(values, event, 0));
            assert_true(known < count && (*revision == 0 || now == *revision + 1));
            *revision = now;
            assert_int_equal(rift_value_as_integer(values, rift_value_item(values, event, 1)),
                             wanted[known++]);
        }
        assert_true(rift_clock_now() < deadline_ns);
    } while (known < count);
}

static void a_watch_goes_on_where_the_last_one_ended(void **state)
{
    (void)state;
    require_etcd();
    struct real_etcd server;
    int64_t revision = 0;
    real_etcd_start(&server, 1, NULL);
    struct etcd_caller writer = call_port(server.port, "linearizable");
    struct etcd_caller watcher = call_port(server.port, "linearizable");
    etcd_caller_wait_until_it_serves(&writer);
    assert_watched(&watcher, NULL, 0, &revision);
    for (int64_t i = 7; i <= 9; i++)
        assert_answer(etcd_caller_integer(&writer, "write", i, 2000), RIFT_OP_OK, "");
    assert_watched(&watcher, (int64_t[]){7, 8, 9}, 3, &revision);
    assert_watched(&watcher, NULL, 0, &revision);
    assert_answer(etcd_caller_integer(&writer, "write", 10, 2000), RIFT_OP_OK, "");
    real_etcd_pause(&server);
    assert_answer(etcd_caller_call(&watcher, "watch", RIFT_VALUE_NIL, 300), RIFT_OP_FAIL,
                  "timeout");
    kill(server.pid, SIGCONT);
    assert_watched(&watcher, (int64_t[]){10}, 1, &revision);
    etcd_caller_close(&writer);
    etcd_caller_close(&watcher);
    real_etcd_stop(&server);
}

#define STREAM "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static void a_watch_that_is_cancelled_showed_nothing(void **state)
{
    (void)state;
    static const struct scripted_reply replies[] = {
        {SCRIPTED_ANSWER, STREAM "3\r\n{}\n\r\n"},
        {SCRIPTED_ANSWER, STREAM "2c\r\n{\"result\":{\"created\":true,\"canceled\":true}}\n\r\n"},
    };
    struct scripted_server *server = scripted_server_start(replies, 2);
    struct etcd_caller caller = call_port(scripted_server_port(server), "linearizable");
    assert_answer(etcd_caller_call(&caller, "watch", RIFT_VALUE_NIL, 1000), RIFT_OP_FAIL,
                  "broken answer");
    assert_int_equal(etcd_caller_call(&caller, "watch", RIFT_VALUE_NIL, 1000).type, RIFT_OP_FAIL);
    etcd_caller_close(&caller);
    scripted_server_stop(server);
}

static void every_row_of_the_table_was_produced(void **state)
{
    (void)state;
    if (etcd_is_absent)
        skip();
    for (size_t i = 0; etcd_caller_client()->errors[i].code; i++) {
        if (!etcd_caller_seen[i])
            fail_msg("no test produced '%s'", etcd_caller_client()->errors[i].code);
    }
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back_as_they_were_written),
        cmocka_unit_test(by_tls_each_side_is_trusted_or_nothing_is_sent),
        cmocka_unit_test(a_value_too_large_is_refused_before_it_is_proposed),
        cmocka_unit_test(a_full_database_refuses_writes_for_sure),
        cmocka_unit_test(a_paused_server_leaves_a_write_open_and_a_read_without_effect),
        cmocka_unit_test(without_a_majority_etcd_gives_up_but_may_still_commit),
        cmocka_unit_test(errors_that_name_a_refusal_are_definite),
        cmocka_unit_test(errors_of_a_proposal_under_way_are_not_definite),
        cmocka_unit_test(a_broken_answer_says_nothing_about_the_operation),
        cmocka_unit_test(without_a_token_nothing_else_is_sent),
        cmocka_unit_test(a_connection_that_never_stands_is_definite),
        cmocka_unit_test(etcd_post_is_never_sent_twice),
        cmocka_unit_test(the_trap_is_real_a_read_is_sent_twice),
        cmocka_unit_test(a_lock_is_held_by_one_and_lost_with_its_lease),
        cmocka_unit_test(a_watch_goes_on_where_the_last_one_ended),
        cmocka_unit_test(a_watch_that_is_cancelled_showed_nothing),
        cmocka_unit_test(every_row_of_the_table_was_produced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
