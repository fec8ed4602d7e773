/* The PostgreSQL client against a real server on a lab host: what each isolation level lets
 * through, and which ends of an operation are definite. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "clients/client.h"
#include "common/clock.h"
#include "common/memory.h"
#include "lab/lab.h"

#define START_SERVER                                                                               \
    "mkdir -p /var/lib/pg && chown postgres /var/lib/pg && cd / && "                               \
    "P=/usr/lib/postgresql/15/bin; R='setpriv --reuid postgres --regid postgres --clear-groups'; " \
    "$R $P/initdb --pgdata=/var/lib/pg/c --auth=trust --locale=C >/dev/null && "                   \
    "echo 'host all all all trust' >>/var/lib/pg/c/pg_hba.conf && "                                \
    "A=$(ip -4 -o address show dev eth0 | sed 's/.*inet \\([0-9.]*\\).*/\\1/') && "                \
    "for n in server other; do $R openssl req -x509 -newkey ec -pkeyopt "                          \
    "ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=$n -addext subjectAltName=IP:$A -keyout "    \
    "/var/lib/pg/c/$n.key -out /var/lib/pg/c/$n.crt 2>/dev/null || exit 1; done && "               \
    "($R $P/postgres -D /var/lib/pg/c -c listen_addresses='*' -c unix_socket_directories= "        \
    "-c ssl=on "                                                                                   \
    "</dev/null >/tmp/pg.log 2>&1 &) && "                                                          \
    "for i in $(seq 100); do $P/pg_isready -q -h 127.0.0.1 && exit 0; sleep 0.1; done; exit 1"

static char lab_name[16];
static struct rift_lab_host host;

static int on_host(const char *command)
{
    CLEANUP(rift_free)
    char *line = rift_printf("ssh -q -i %s -o UserKnownHostsFile=%s -o BatchMode=yes -p %d %s@%s "
                             "sh -s 2>&1 <<'END'\n%s\nEND\n",
                             host.key_file, host.known_hosts_file, host.port, host.user,
                             host.address, command);
    FILE *pipe = popen(line, "re");
    char echo[256];
    while (pipe && fgets(echo, sizeof echo, pipe))
        print_message("%s", echo);
    return pipe ? pclose(pipe) : -1;
}

static int start_server(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("SKIP: a lab needs root\n");
        return 0;
    }
    struct rift_error err = {0};
    snprintf(lab_name, sizeof lab_name, "pg%d", (int)getpid());
    const char *const packages[] = {"postgresql-15", NULL};
    struct rift_lab *lab = rift_lab_up(&(struct rift_lab_request){.name = lab_name,
                                                                  .driver = "netns",
                                                                  .host_count = 1,
                                                                  .packages = packages,
                                                                  .deadline_ms = 120000},
                                       &err);
    if (!lab) {
        print_message("%s\n", err.text);
        return -1;
    }
    size_t count = 0;
    host = rift_lab_hosts(lab, &count)[0];
    rift_lab_close(lab);
    return on_host(START_SERVER);
}

static int stop_server(void **state)
{
    (void)state;
    return lab_name[0] ? rift_lab_down(lab_name, NULL) : 0;
}

struct session {
    const struct rift_client *client;
    void *opened;
    json_t *options;
    struct rift_values *values;
    struct rift_answer answer;
};

static void session_open_with(struct session *session, const char *isolation,
                              bool records_snapshots)
{
    if (!lab_name[0])
        skip();
    *session = (struct session){.client = rift_client_find("postgres"),
                                .options = json_pack("{s:i, s:s, s:s, s:s, s:s, s:b}", "port", 5432,
                                                     "user", "postgres", "database", "postgres",
                                                     "passfile", "", "isolation", isolation,
                                                     "record_snapshots", records_snapshots),
                                .values = rift_values_create()};
    assert_non_null(session->client);
    const char *const addresses[] = {host.address, NULL};
    struct rift_client_config config = {.node = "n1",
                                        .address = host.address,
                                        .run_id = "test",
                                        .all_addresses = addresses,
                                        .options = session->options,
                                        .open_deadline_ns = rift_clock_now() + 10 * RIFT_SECOND};
    struct rift_error err = {0};
    if (session->client->open(&config, &session->opened, &err) != 0)
        fail_msg("%s", err.text);
}

static void session_open(struct session *session, const char *isolation)
{
    session_open_with(session, isolation, false);
}

static void session_close(struct session *session)
{
    session->client->close(session->opened);
    json_decref(session->options);
    rift_values_destroy(session->values);
}

static struct rift_value value_of(struct session *session, const char *json)
{
    json_t *parsed = json_loads(json, JSON_DECODE_ANY, NULL);
    struct rift_value value = RIFT_VALUE_NIL;
    assert_non_null(parsed);
    assert_int_equal(rift_value_from_json(session->values, parsed, &value, NULL), 0);
    json_decref(parsed);
    return value;
}

static enum rift_op_type invoke(struct session *session, const char *f, struct rift_value key,
                                struct rift_value argument, int64_t patience_ms)
{
    struct rift_request request = {.f = f,
                                   .key = key,
                                   .argument = argument,
                                   .values = session->values,
                                   .deadline_ns = rift_clock_now() + patience_ms * RIFT_MS};
    session->answer = (struct rift_answer){0};
    session->client->invoke(session->opened, &request, &session->answer);
    return session->answer.type;
}

/* One micro-operation of a transaction: f key value, value "null" for a read. */
static struct rift_value txn(struct session *session, size_t count, const char *const mops[][3])
{
    struct rift_value items[12];
    for (size_t i = 0; i < count; i++) {
        items[3 * i] = rift_value_keyword(session->values, mops[i][0], strlen(mops[i][0]));
        items[3 * i + 1] = value_of(session, mops[i][1]);
        items[3 * i + 2] = value_of(session, mops[i][2]);
    }
    return rift_value_box(session->values, RIFT_TXN, items, 3 * count);
}

static void assert_result(struct session *session, const char *expected)
{
    json_t *json = rift_value_to_json(session->values, session->answer.result);
    char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
    assert_string_equal(text, expected);
    free(text);
    json_decref(json);
}

static void a_register_reads_what_was_written(void **state)
{
    (void)state;
    struct session session;
    session_open(&session, "serializable");
    struct rift_value key = value_of(&session, "\"r1\"");
    assert_int_equal(invoke(&session, "read", key, RIFT_VALUE_NIL, 2000), RIFT_OP_OK);
    assert_result(&session, "null");
    assert_int_equal(invoke(&session, "write", key, value_of(&session, "3"), 2000), RIFT_OP_OK);
    assert_int_equal(invoke(&session, "cas", key, value_of(&session, "[3, 4]"), 2000), RIFT_OP_OK);
    assert_int_equal(invoke(&session, "cas", key, value_of(&session, "[3, 5]"), 2000),
                     RIFT_OP_FAIL);
    assert_string_equal(session.answer.error, "precondition failed");
    assert_int_equal(invoke(&session, "read", key, RIFT_VALUE_NIL, 2000), RIFT_OP_OK);
    assert_result(&session, "4");
    session_close(&session);
}

static void a_list_keeps_the_order_of_appends(void **state)
{
    (void)state;
    struct session session;
    session_open(&session, "serializable");
    const char *const first[][3] = {{"append", "7", "1"}, {"r", "7", "null"}};
    const char *const second[][3] = {{"append", "7", "2"}, {"r", "7", "null"}, {"r", "8", "null"}};
    invoke(&session, "txn", RIFT_VALUE_NIL, txn(&session, 2, first), 2000);
    assert_int_equal(invoke(&session, "txn", RIFT_VALUE_NIL, txn(&session, 3, second), 2000),
                     RIFT_OP_OK);
    assert_result(&session, "[[\"append\",7,2],[\"r\",7,[1,2]],[\"r\",8,null]]");
    session_close(&session);
}

static void a_transaction_that_only_reads_finds_what_was_written(void **state)
{
    (void)state;
    struct session session;
    session_open(&session, "serializable");
    const char *const first[][3] = {{"w", "77", "5"}};
    const char *const second[][3] = {{"r", "77", "null"}};
    assert_int_equal(invoke(&session, "txn", RIFT_VALUE_NIL, txn(&session, 1, first), 2000),
                     RIFT_OP_OK);
    assert_int_equal(invoke(&session, "txn", RIFT_VALUE_NIL, txn(&session, 1, second), 2000),
                     RIFT_OP_OK);
    assert_result(&session, "[[\"r\",77,5]]");
    session_close(&session);
}

/* Of a snapshot "xmin:xmax:xip" of which nobody is under way. */
static int64_t xmax_of(struct session *session)
{
    struct rift_value snapshot;
    assert_true(rift_value_map_get(session->values, session->answer.extra, "snapshot", &snapshot));
    const char *text = strchr(rift_value_as_text(session->values, snapshot, NULL), ':');
    assert_non_null(text);
    return strtoll(text + 1, NULL, 10);
}

static void a_transaction_tells_its_snapshot_and_its_number(void **state)
{
    (void)state;
    struct session session;
    struct rift_value xid;
    const char *const write[][3] = {{"w", "78", "5"}};
    const char *const read[][3] = {{"r", "78", "null"}};
    session_open_with(&session, "repeatable-read", true);
    invoke(&session, "txn", RIFT_VALUE_NIL, txn(&session, 1, read), 2000);
    assert_result(&session, "[[\"r\",78,null]]");
    int64_t before = xmax_of(&session);
    assert_false(rift_value_map_get(session.values, session.answer.extra, "xid", &xid));
    invoke(&session, "txn", RIFT_VALUE_NIL, txn(&session, 1, write), 2000);
    assert_true(rift_value_map_get(session.values, session.answer.extra, "xid", &xid));
    int64_t number = rift_value_as_integer(session.values, xid);
    assert_true(number >= before && number >= xmax_of(&session));
    invoke(&session, "txn", RIFT_VALUE_NIL, txn(&session, 1, read), 2000);
    assert_result(&session, "[[\"r\",78,5]]");
    assert_true(number < xmax_of(&session));
    session_close(&session);
    session_open(&session, "repeatable-read");
    invoke(&session, "txn", RIFT_VALUE_NIL, txn(&session, 1, read), 2000);
    assert_true(rift_value_is_nil(session.answer.extra));
    session_close(&session);
}

/* How many rows a read by predicate finds whose value is 987. */
static size_t rows_found(struct session *session)
{
    const char *const mops[][3] = {{"rp", "[\"=\", 987]", "null"}};
    assert_int_equal(invoke(session, "txn", RIFT_VALUE_NIL, txn(session, 1, mops), 2000),
                     RIFT_OP_OK);
    return rift_value_count(session->values,
                            rift_value_item(session->values, session->answer.result, 2)) /
           2;
}

static void a_read_by_predicate_does_not_find_the_probe(void **state)
{
    (void)state;
    struct session session;
    session_open(&session, "serializable");
    struct rift_value probe = rift_value_integer(session.values, RIFT_PROBE_KEY);
    struct rift_value value = value_of(&session, "987");
    assert_int_equal(invoke(&session, "write", probe, value, 2000), RIFT_OP_OK);
    assert_int_equal(invoke(&session, "write", probe, value, 2000), RIFT_OP_OK);
    assert_int_equal(rows_found(&session), 0);
    assert_int_equal(invoke(&session, "write", value_of(&session, "98"), value, 2000), RIFT_OP_OK);
    assert_int_equal(rows_found(&session), 1);
    session_close(&session);
}

#define PSQL           "/usr/lib/postgresql/15/bin/psql -qAt -h 127.0.0.1 -U postgres"
#define SLEEPERS       "FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
#define COUNT_SLEEPERS PSQL " -c \"SELECT count(*) " SLEEPERS "\""

/* A lock held by psql on the host blocks the row: the client gives up at its deadline, before it
 * has sent COMMIT. */
static void a_transaction_that_never_sent_commit_surely_failed(void **state)
{
    (void)state;
    struct session session;
    session_open(&session, "read-committed");
    struct rift_value key = value_of(&session, "\"held\"");
    assert_int_equal(invoke(&session, "write", key, value_of(&session, "1"), 2000), RIFT_OP_OK);
    assert_int_equal(
        on_host("(" PSQL " -c "
                "'BEGIN; UPDATE rift_test.rift_registers SET v = v; SELECT pg_sleep(60)' "
                "</dev/null >/dev/null 2>&1 &); for i in $(seq 300); do [ $(" COUNT_SLEEPERS
                ") = 1 ] && exit 0; sleep 0.1; done; exit 1"),
        0);
    int64_t before = rift_clock_now();
    assert_int_equal(invoke(&session, "write", key, value_of(&session, "2"), 500), RIFT_OP_FAIL);
    assert_string_equal(session.answer.error, "timeout");
    assert_true(session.answer.is_session_broken);
    assert_true(rift_clock_now() - before < 30 * RIFT_SECOND); /* the lock is held for 60 s */
    session_close(&session);
    assert_int_equal(on_host(PSQL " -c \"SELECT pg_terminate_backend(pid) " SLEEPERS "\""), 0);
    session_open(&session, "read-committed");
    key = value_of(&session, "\"held\"");
    assert_int_equal(invoke(&session, "read", key, RIFT_VALUE_NIL, 5000), RIFT_OP_OK);
    assert_result(&session, "1");
    session_close(&session);
}

/* A trigger that sleeps at COMMIT: the deadline passes after COMMIT was sent, and the write
 * happens. */
static void a_commit_without_an_answer_may_have_happened(void **state)
{
    (void)state;
    struct session session;
    session_open(&session, "read-committed");
    assert_int_equal(
        on_host(PSQL " <<'SQL'\n"
                     "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
                     "$$ BEGIN PERFORM pg_sleep(3); RETURN NULL; END $$;\n"
                     "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON rift_test.rift_registers "
                     "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow();\nSQL"),
        0);
    struct rift_value key = value_of(&session, "\"slow\"");
    assert_int_equal(invoke(&session, "write", key, value_of(&session, "1"), 1500), RIFT_OP_INFO);
    assert_string_equal(session.answer.error, "timeout");
    session_close(&session);
    assert_int_equal(on_host("for i in $(seq 300); do [ $(" COUNT_SLEEPERS
                             ") = 0 ] && exit 0; sleep 0.1; done; exit 1"),
                     0);
    session_open(&session, "read-committed");
    key = value_of(&session, "\"slow\"");
    assert_int_equal(invoke(&session, "read", key, RIFT_VALUE_NIL, 5000), RIFT_OP_OK);
    assert_result(&session, "1");
    session_close(&session);
}

static void a_lock_is_held_by_one_session_and_ends_with_it(void **state)
{
    (void)state;
    struct session holder, other;
    session_open(&holder, "serializable");
    session_open(&other, "serializable");
    struct rift_value key = value_of(&holder, "5"), same = value_of(&other, "5");
    assert_int_equal(invoke(&holder, "acquire", key, RIFT_VALUE_NIL, 2000), RIFT_OP_OK);
    int64_t token = rift_value_as_integer(holder.values, holder.answer.result);
    assert_int_equal(invoke(&other, "acquire", same, RIFT_VALUE_NIL, 2000), RIFT_OP_FAIL);
    assert_string_equal(other.answer.error, "lock held");
    assert_int_equal(invoke(&other, "release", same, RIFT_VALUE_NIL, 2000), RIFT_OP_FAIL);
    assert_string_equal(other.answer.error, "lock not held");
    session_close(&holder);
    int64_t deadline_ns = rift_clock_now() + 10 * RIFT_SECOND;
    while (invoke(&other, "acquire", same, RIFT_VALUE_NIL, 2000) != RIFT_OP_OK)
        assert_true(rift_clock_now() < deadline_ns);
    assert_true(rift_value_as_integer(other.values, other.answer.result) > token);
    session_close(&other);
}

static struct rift_value micro(struct session *session, const char *f, const char *key,
                               const char *value)
{
    const char *const one[][3] = {{f, key, value}};
    return txn(session, 1, one);
}

static void a_poll_goes_on_where_the_last_one_ended(void **state)
{
    (void)state;
    struct session session;
    session_open(&session, "serializable");
    invoke(&session, "send", RIFT_VALUE_NIL, micro(&session, "send", "3", "17"), 2000);
    assert_result(&session, "[[\"send\",3,[0,17]]]");
    invoke(&session, "send", RIFT_VALUE_NIL, micro(&session, "send", "3", "18"), 2000);
    assert_int_equal(invoke(&session, "assign", RIFT_VALUE_NIL, value_of(&session, "[3, 4]"), 2000),
                     RIFT_OP_OK);
    invoke(&session, "poll", RIFT_VALUE_NIL, micro(&session, "poll", "null", "null"), 2000);
    assert_result(&session, "[[\"poll\",null,[[3,[[0,17],[1,18]]],[4,[]]]]]");
    invoke(&session, "assign", RIFT_VALUE_NIL, value_of(&session, "[3]"), 2000);
    invoke(&session, "poll", RIFT_VALUE_NIL, micro(&session, "poll", "null", "null"), 2000);
    assert_result(&session, "[[\"poll\",null,[[3,[]]]]]");
    invoke(&session, "assign", RIFT_VALUE_NIL,
           value_of(&session, "{\"keys\": [3], \"from\": \"beginning\"}"), 2000);
    invoke(&session, "poll", RIFT_VALUE_NIL, micro(&session, "poll", "null", "null"), 2000);
    assert_result(&session, "[[\"poll\",null,[[3,[[0,17],[1,18]]]]]]");
    session_close(&session);
}

/* The error of opening a session with these options (taken); "" where it opens. */
static void open_with(json_t *options, struct rift_error *err)
{
    const struct rift_client *client = rift_client_find("postgres");
    struct rift_client_config config = {.node = "n1",
                                        .address = host.address,
                                        .run_id = "test",
                                        .options = options,
                                        .open_deadline_ns = rift_clock_now() + 10 * RIFT_SECOND};
    void *opened = NULL;
    *err = (struct rift_error){0};
    if (client->open(&config, &opened, err) == 0)
        client->close(opened);
    json_decref(options);
}

/* By TLS, where the host's file is what the certificate is checked by. */
static void open_by_tls(const char *host_file, const char *sslmode, struct rift_error *err)
{
    char copy[] = "/tmp/rift-test-pg-XXXXXX";
    close(mkstemp(copy));
    CLEANUP(rift_free)
    char *fetch =
        rift_printf("cat /proc/%d/root/var/lib/pg/c/%s > %s", (int)host.init_pid, host_file, copy);
    assert_int_equal(pclose(popen(fetch, "re")), 0);
    open_with(json_pack("{s:i, s:s, s:s, s:s, s:s}", "port", 5432, "user", "postgres", "database",
                        "postgres", "sslmode", sslmode, "sslrootcert", copy),
              err);
    unlink(copy);
}

static void open_by_passfile(const char *line, mode_t mode, struct rift_error *err)
{
    char path[] = "/tmp/rift-test-pg-XXXXXX";
    int fd = mkstemp(path);
    assert_true(dprintf(fd, "%s\n", line) > 0 && fchmod(fd, mode) == 0);
    close(fd);
    open_with(json_pack("{s:i, s:s, s:s, s:s, s:s}", "port", 5432, "user", "keeper", "database",
                        "postgres", "sslmode", "disable", "passfile", path),
              err);
    unlink(path);
}

static void a_password_comes_from_a_file_of_its_owners_alone(void **state)
{
    (void)state;
    struct rift_error err;
    if (!lab_name[0])
        skip();
    static const char make_role[] =
        "sed -i '1i host all keeper all scram-sha-256' /var/lib/pg/c/pg_hba.conf && "
        "echo \"create role keeper login superuser password 'fk3-quiet-harbour'; "
        "select pg_reload_conf()\" | /usr/lib/postgresql/15/bin/psql -qAt -h 127.0.0.1 -U "
        "postgres -v ON_ERROR_STOP=1 >/dev/null";
    assert_int_equal(on_host(make_role), 0);
    open_by_passfile("*:*:*:keeper:fk3-quiet-harbour", 0600, &err);
    assert_string_equal(err.text, "");
    open_by_passfile("*:*:*:keeper:fk3-loud-harbour", 0600, &err);
    assert_non_null(strstr(err.text, "password authentication failed for user \"keeper\""));
    assert_null(strstr(err.text, "harbour"));
    open_by_passfile("*:*:*:keeper:fk3-quiet-harbour", 0640, &err);
    assert_int_equal(err.code, RIFT_ERR_DENIED);
    assert_non_null(strstr(err.text, "chmod 600"));
    static const char *const misfits[] = {"*:*:*:kepper:fk3-quiet-harbour", "fk3-quiet-harbour",
                                          "db1:5432:postgres:keeper:fk3-quiet-harbour"};
    for (size_t i = 0; i < sizeof misfits / sizeof *misfits; i++) {
        open_by_passfile(misfits[i], 0600, &err);
        assert_int_equal(err.code, RIFT_ERR_DENIED);
        assert_non_null(strstr(err.text, "was read, and no line in it fits"));
        assert_non_null(strstr(err.text, ":5432:postgres:keeper:"));
        assert_null(strstr(err.text, "harbour"));
    }
}

static void by_tls_only_the_server_that_is_trusted_is_spoken_to(void **state)
{
    (void)state;
    struct rift_error err;
    if (!lab_name[0])
        skip();
    open_by_tls("server.crt", "verify-full", &err);
    assert_string_equal(err.text, "");
    open_by_tls("other.crt", "verify-full", &err);
    assert_non_null(strstr(err.text, "certificate verify failed"));
    /* libpq would take either for no wish at all. */
    open_by_tls("other.crt", "prefer", &err);
    assert_non_null(strstr(err.text, "no server is checked by sslrootcert"));
    open_with(json_pack("{s:i, s:s, s:s, s:s, s:s, s:s}", "port", 5432, "user", "postgres",
                        "database", "postgres", "sslmode", "require", "sslcert", "/nowhere/crt",
                        "sslkey", ""),
              &err);
    assert_non_null(strstr(err.text, "sslcert: read '/nowhere/crt': No such file"));
}

static void a_stopped_server_is_one_clear_error(void **state)
{
    (void)state;
    struct session session;
    session_open(&session, "serializable");
    assert_int_equal(
        on_host("kill -9 $(head -1 /var/lib/pg/c/postmaster.pid); for i in $(seq 300); do "
                "pgrep -x postgres >/dev/null || exit 0; sleep 0.1; done; exit 1"),
        0);
    assert_int_equal(invoke(&session, "read", value_of(&session, "1"), RIFT_VALUE_NIL, 1000),
                     RIFT_OP_FAIL);
    assert_true(session.answer.is_session_broken);
    const char *const addresses[] = {host.address, NULL};
    struct rift_client_config config = {.node = "n1",
                                        .address = host.address,
                                        .run_id = "test",
                                        .all_addresses = addresses,
                                        .options = session.options,
                                        .open_deadline_ns = rift_clock_now() + RIFT_SECOND};
    struct rift_error err = {0};
    void *again = NULL;
    assert_int_equal(session.client->open(&config, &again, &err), -1);
    assert_non_null(strstr(err.text, host.address));
    session_close(&session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_register_reads_what_was_written),
        cmocka_unit_test(a_list_keeps_the_order_of_appends),
        cmocka_unit_test(a_transaction_that_only_reads_finds_what_was_written),
        cmocka_unit_test(a_transaction_tells_its_snapshot_and_its_number),
        cmocka_unit_test(a_read_by_predicate_does_not_find_the_probe),
        cmocka_unit_test(a_transaction_that_never_sent_commit_surely_failed),
        cmocka_unit_test(a_commit_without_an_answer_may_have_happened),
        cmocka_unit_test(a_lock_is_held_by_one_session_and_ends_with_it),
        cmocka_unit_test(a_poll_goes_on_where_the_last_one_ended),
        cmocka_unit_test(by_tls_only_the_server_that_is_trusted_is_spoken_to),
        cmocka_unit_test(a_password_comes_from_a_file_of_its_owners_alone),
        cmocka_unit_test(a_stopped_server_is_one_clear_error),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
