/* The bookkeeping of requests: each ends exactly once, and none goes out twice where it must not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/remote/requests.h"

enum { FAR = 1000 };

struct end {
    int count;
    bool has_reply;
    enum rift_error_code code;
};

static void note_end(void *context, const json_t *reply, const struct rift_error *error)
{
    struct end *end = context;
    end->count++;
    end->has_reply = reply != NULL;
    end->code = error ? error->code : RIFT_ERR_NONE;
}

static struct rift_pending *add(struct rift_requests *requests, int64_t id, int64_t deadline_ns,
                                struct end *end)
{
    struct rift_error err;
    struct rift_pending *pending = rift_pending_create(id, "exec", NULL, &err);
    assert_non_null(pending);
    pending->deadline_ns = deadline_ns;
    pending->done = note_end;
    pending->context = end;
    rift_requests_add(requests, pending);
    return pending;
}

static void an_answer_ends_its_request_once(void **state)
{
    (void)state;
    struct rift_requests requests;
    struct end ends[3] = {{0}};
    json_t *reply = json_object();
    rift_requests_init(&requests);
    for (int i = 0; i < 3; i++)
        add(&requests, i + 1, FAR, &ends[i]);
    rift_requests_answer(&requests, 3, reply, NULL);
    rift_requests_answer(&requests, 3, reply, NULL);
    rift_requests_answer(&requests, 99, reply, NULL);
    add(&requests, 4, FAR, &ends[2]);
    assert_int_equal(ends[2].count, 1);
    assert_true(ends[2].has_reply);
    assert_int_equal(ends[0].count + ends[1].count, 0);
    assert_int_equal(requests.count, 3);
    struct rift_error error = {.code = RIFT_ERR_CANCELLED};
    rift_requests_fail_all(&requests, &error);
    assert_int_equal(ends[0].count, 1);
    assert_int_equal(ends[2].count, 2);
    assert_int_equal(requests.count, 0);
    json_decref(reply);
}

static void a_deadline_ends_a_request_and_a_late_answer_is_dropped(void **state)
{
    (void)state;
    struct rift_requests requests;
    struct end early = {0}, late = {0};
    json_t *reply = json_object();
    rift_requests_init(&requests);
    add(&requests, 1, 10, &early);
    add(&requests, 2, 20, &late);
    assert_int_equal(rift_requests_expire(&requests, "n1", 9), 10);
    assert_int_equal(rift_requests_expire(&requests, "n1", 10), 20);
    assert_int_equal(early.count, 1);
    assert_int_equal(early.code, RIFT_ERR_TIMEOUT);
    rift_requests_answer(&requests, 1, reply, NULL);
    assert_int_equal(early.count, 1);
    rift_requests_answer(&requests, 2, reply, NULL);
    assert_int_equal(rift_requests_expire(&requests, "n1", 30), INT64_MAX);
    assert_int_equal(late.count, 1);
    assert_int_equal(late.code, RIFT_ERR_NONE);
    json_decref(reply);
}

static void without_a_record_what_was_sent_is_not_sent_again(void **state)
{
    (void)state;
    struct rift_requests requests;
    struct end sent = {0}, unsent = {0};
    rift_requests_init(&requests);
    add(&requests, 1, FAR, &sent)->is_sent = true;
    struct rift_pending *waiting = add(&requests, 2, FAR, &unsent);
    rift_requests_reconnect(&requests, "n1", false);
    assert_int_equal(sent.count, 1);
    assert_int_equal(sent.code, RIFT_ERR_CANCELLED);
    assert_int_equal(unsent.count, 0);
    assert_ptr_equal(requests.first, waiting);
    assert_false(waiting->is_sent);
    struct rift_error error = {.code = RIFT_ERR_CANCELLED};
    rift_requests_fail_all(&requests, &error);
}

static void with_a_record_the_same_frame_goes_out_again_but_not_the_connections_own(void **state)
{
    (void)state;
    struct rift_requests requests;
    struct end sent = {0}, lease = {0};
    rift_requests_init(&requests);
    struct rift_pending *again = add(&requests, 1, FAR, &sent);
    struct rift_pending *own = add(&requests, 2, FAR, &lease);
    again->is_sent = true;
    own->is_sent = own->is_ours = true;
    size_t length = again->frame.length;
    rift_requests_reconnect(&requests, "n1", true);
    assert_int_equal(lease.count, 1);
    assert_int_equal(sent.count, 0);
    assert_false(again->is_sent);
    assert_int_equal(again->id, 1);
    assert_int_equal(again->frame.length, length);
    assert_int_equal(requests.count, 1);
    struct rift_error error = {.code = RIFT_ERR_CANCELLED};
    rift_requests_fail_all(&requests, &error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_ends_its_request_once),
        cmocka_unit_test(a_deadline_ends_a_request_and_a_late_answer_is_dropped),
        cmocka_unit_test(without_a_record_what_was_sent_is_not_sent_again),
        cmocka_unit_test(with_a_record_the_same_frame_goes_out_again_but_not_the_connections_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
