/* The etcd client's user and password: by a real etcd, whose tokens run out, are lost and refused,
 * and by a scripted server that counts what was sent. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/etcd/http.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/program.h"
#include "tests/lib/etcd_caller.h"
#include "tests/lib/real_etcd.h"
#include "tests/lib/scripted_server.h"

static char folder[] = "/tmp/rift-test-login-XXXXXX";

/* A file of the folder with a password; path is valid until the next call. */
static const char *password_file(const char *password, mode_t mode)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, password);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fprintf(file, "%s\nnot the password\n", password) > 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static json_t *options_of(uint16_t port, const char *user, const char *file)
{
    return json_pack("{s:i, s:s, s:s}", "port", port, "user", user, "password_file", file);
}

static struct etcd_caller call_as(uint16_t port, const char *user, const char *password)
{
    return etcd_caller_open(options_of(port, user, password_file(password, 0600)));
}

/* A step of an administrator, who is root once there is one. */
static void administer(uint16_t port, const char *token, const char *path, const char *body)
{
    CLEANUP(rift_free) char *base = rift_printf("http://127.0.0.1:%u", port);
    const struct etcd_tls no_tls = {"", "", ""};
    struct etcd_http *http = etcd_http_create(base, &no_tls, NULL);
    const struct rift_text *answer;
    long status = 0;
    assert_non_null(http);
    etcd_http_authorize(http, token);
    assert_int_equal(etcd_http_post(http, path, body, ETCD_HTTP_CHANGES,
                                    rift_clock_now() + 5 * RIFT_SECOND, &answer, &status),
                     ETCD_HTTP_ANSWERED);
    if (status != 200)
        fail_msg("%s: %ld %s", path, status, answer->data);
    etcd_http_destroy(http);
}

static void start_with_users(struct real_etcd *etcd)
{
    static const char *const more[] = {"--bcrypt-cost", "4", "--auth-token-ttl", "1", NULL};
    real_etcd_start(etcd, 1, more);
    struct etcd_caller anybody = etcd_caller_open(json_pack("{s:i}", "port", etcd->port));
    etcd_caller_wait_until_it_serves(&anybody);
    struct etcd_caller early = call_as(etcd->port, "root", "first-secret");
    assert_answer(etcd_caller_integer(&early, "write", 1, 2000), RIFT_OP_FAIL, "no authentication");
    administer(etcd->port, NULL, "/v3/auth/user/add",
               "{\"name\":\"root\",\"password\":\"first-secret\"}");
    administer(etcd->port, NULL, "/v3/auth/user/add",
               "{\"name\":\"guest\",\"password\":\"guest-secret\"}");
    administer(etcd->port, NULL, "/v3/auth/role/add", "{\"name\":\"root\"}");
    administer(etcd->port, NULL, "/v3/auth/user/grant", "{\"user\":\"root\",\"role\":\"root\"}");
    administer(etcd->port, NULL, "/v3/auth/enable", "{}");
    assert_answer(etcd_caller_integer(&anybody, "write", 1, 2000), RIFT_OP_FAIL, "no user");
    assert_answer(etcd_caller_integer(&early, "write", 1, 2000), RIFT_OP_OK, "");
    etcd_caller_close(&early);
    etcd_caller_close(&anybody);
}

static void assert_reads(struct etcd_caller *caller, int64_t wanted)
{
    struct rift_answer read = etcd_caller_call(caller, "read", RIFT_VALUE_NIL, 2000);
    assert_answer(read, RIFT_OP_OK, "");
    assert_int_equal(rift_value_as_integer(caller->values, read.result), wanted);
}

static void a_user_is_let_in_by_the_right_password_alone(void **state)
{
    struct real_etcd *etcd = *state;
    struct etcd_caller root = call_as(etcd->port, "root", "first-secret");
    struct etcd_caller wrong = call_as(etcd->port, "root", "second-secret");
    struct etcd_caller guest = call_as(etcd->port, "guest", "guest-secret");
    assert_answer(etcd_caller_integer(&root, "write", 7, 2000), RIFT_OP_OK, "");
    assert_answer(etcd_caller_integer(&wrong, "write", 8, 2000), RIFT_OP_FAIL, "wrong password");
    assert_answer(etcd_caller_integer(&guest, "write", 9, 2000), RIFT_OP_FAIL, "permission denied");
    assert_reads(&root, 7);
    etcd_caller_close(&root);
    etcd_caller_close(&wrong);
    etcd_caller_close(&guest);
}

/* The first operation of each meets a token that is not good any more, and none shows it. */
static void a_token_that_ran_out_is_replaced(void **state)
{
    struct real_etcd *etcd = *state;
    static const char *const operations[] = {"write", "read", "watch"};
    struct etcd_caller callers[3];
    for (size_t i = 0; i < 3; i++) {
        callers[i] = call_as(etcd->port, "root", "first-secret");
        assert_answer(etcd_caller_integer(&callers[i], "write", 1, 2000), RIFT_OP_OK, "");
    }
    usleep(3500 * 1000); /* more than the token's second, and etcd looks once a second */
    for (size_t i = 0; i < 3; i++) {
        assert_answer(etcd_caller_integer(&callers[i], operations[i], 10, 2000), RIFT_OP_OK, "");
        etcd_caller_close(&callers[i]);
    }
}

static void a_secret_that_others_may_read_is_refused_unread(void **state)
{
    (void)state;
    struct rift_client_config config = {.node = "n1", .run_id = "", .address = "127.0.0.1"};
    struct {
        json_t *options;
        enum rift_error_code code;
        const char *says;
    } cases[] = {
        {options_of(1, "root", password_file("loose", 0640)), RIFT_ERR_DENIED, "chmod 600"},
        {options_of(1, "root", "/nowhere/password"), RIFT_ERR_MISSING, "/nowhere/password"},
        {options_of(1, "root", ""), RIFT_ERR_INVALID, "go together"},
        {options_of(1, "", password_file("tight", 0600)), RIFT_ERR_INVALID, "go together"},
        {json_pack("{s:s}", "tls_key", password_file("looser", 0604)), RIFT_ERR_DENIED, "tls_key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rift_error err = {0};
        void *session = NULL;
        config.options = cases[i].options;
        assert_int_equal(etcd_caller_client()->open(&config, &session, &err), -1);
        assert_int_equal(err.code, cases[i].code);
        assert_non_null(strstr(err.text, cases[i].says));
        json_decref(cases[i].options);
    }
}

/* What was sent, counted by the server. */

#define HEAD(status) "HTTP/1.1 " status "\r\nContent-Length: "
#define TOKEN        HEAD("200 OK") "13\r\n\r\n{\"token\":\"t\"}"
#define REFUSED                                                                                    \
    HEAD("401 Unauthorized")                                                                       \
    "52\r\n\r\n{\"error\":\"etcdserver: invalid auth token\",\"code\":16}"

static struct rift_answer ask_script(const struct scripted_reply *replies, size_t count,
                                     size_t logins, size_t writes)
{
    struct scripted_server *server = scripted_server_start(replies, count);
    struct etcd_caller caller = call_as(scripted_server_port(server), "root", "first-secret");
    struct rift_answer answer = etcd_caller_integer(&caller, "write", 1, 1000);
    assert_int_equal(scripted_server_requests(server, "/v3/auth/authenticate"), logins);
    assert_int_equal(scripted_server_requests(server, "/v3/kv/put"), writes);
    etcd_caller_close(&caller);
    scripted_server_stop(server);
    return answer;
}

static void only_what_was_refused_is_sent_again(void **state)
{
    (void)state;
    static const struct scripted_reply refused_once[] = {{SCRIPTED_ANSWER, TOKEN},
                                                         {SCRIPTED_ANSWER, REFUSED},
                                                         {SCRIPTED_ANSWER, TOKEN},
                                                         {SCRIPTED_CLOSE, NULL}};
    assert_answer(ask_script(refused_once, 4, 2, 2), RIFT_OP_INFO, "no answer");
    static const struct scripted_reply refused_twice[] = {{SCRIPTED_ANSWER, TOKEN},
                                                          {SCRIPTED_ANSWER, REFUSED},
                                                          {SCRIPTED_ANSWER, TOKEN},
                                                          {SCRIPTED_ANSWER, REFUSED}};
    assert_answer(ask_script(refused_twice, 4, 2, 2), RIFT_OP_FAIL, "token refused");
    static const struct scripted_reply lost[] = {{SCRIPTED_ANSWER, TOKEN}, {SCRIPTED_CLOSE, NULL}};
    assert_answer(ask_script(lost, 2, 1, 1), RIFT_OP_INFO, "no answer");
}

static int start(void **state)
{
    static struct real_etcd etcd;
    const char *why = NULL;
    assert_non_null(mkdtemp(folder));
    *state = &etcd;
    if (real_etcd_binary(&why))
        start_with_users(&etcd);
    else
        print_message("skipped: %s\n", why);
    return 0;
}

static int stop(void **state)
{
    real_etcd_stop(*state);
    const char *const remove[] = {"rm", "-rf", folder, NULL};
    return rift_program_run(remove, rift_clock_now() + 10 * RIFT_SECOND, NULL);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_is_let_in_by_the_right_password_alone),
        cmocka_unit_test(a_token_that_ran_out_is_replaced),
        cmocka_unit_test(a_secret_that_others_may_read_is_refused_unread),
        cmocka_unit_test(only_what_was_refused_is_sent_again),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
