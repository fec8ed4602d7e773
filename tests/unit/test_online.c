/* Judging while a history is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "checkers/linearizability/online.h"

struct feed {
    struct rift_online *online;
    struct rift_values *values;
    int64_t id, time;
};

static void feed_open(struct feed *feed)
{
    struct rift_error err;
    json_t *options = json_pack("{s:s}", "model", "register");
    *feed = (struct feed){.online = rift_online_create(options, &err)};
    assert_non_null(feed->online);
    feed->values = rift_values_create();
    json_decref(options);
}

static void feed_close(struct feed *feed)
{
    rift_online_destroy(feed->online);
    rift_values_destroy(feed->values);
}

static struct rift_value number(struct feed *feed, int64_t n)
{
    return rift_value_integer(feed->values, n);
}

static int64_t invoke(struct feed *feed, int32_t process, const char *f, int64_t key, int64_t value)
{
    struct rift_value argument = *f == 'w' ? number(feed, value) : RIFT_VALUE_NIL;
    rift_online_invoke(feed->online, feed->id, ++feed->time, process, f, feed->values,
                       number(feed, key), argument);
    return feed->id++;
}

static void complete(struct feed *feed, int64_t id, int64_t start, int64_t value)
{
    rift_online_complete(feed->online, id, RIFT_OP_OK, start, ++feed->time, feed->values,
                         number(feed, value));
}

static void write_at_once(struct feed *feed, int64_t key, int64_t value)
{
    int64_t id = invoke(feed, 0, "write", key, value);
    complete(feed, id, feed->time, value);
}

static void read_at_once(struct feed *feed, int64_t key, int64_t value)
{
    int64_t id = invoke(feed, 1, "read", key, 0);
    complete(feed, id, feed->time, value);
}

static bool is_violated(struct feed *feed)
{
    const char *reason;
    return rift_online_is_violated(feed->online, INT64_MAX, &reason);
}

static void violation_is_told_at_the_completion_that_makes_it_certain(void **state)
{
    (void)state;
    struct feed feed;
    feed_open(&feed);
    write_at_once(&feed, 7, 1);
    write_at_once(&feed, 7, 2);
    assert_false(is_violated(&feed));
    int64_t id = invoke(&feed, 1, "read", 7, 0), start = feed.time;
    assert_false(is_violated(&feed));
    complete(&feed, id, start, 1);
    assert_true(is_violated(&feed));
    const char *reason;
    rift_online_is_violated(feed.online, INT64_MAX, &reason);
    assert_non_null(strstr(reason, "Key 7"));
    assert_non_null(strstr(reason, "process 1 reads 1"));
    feed_close(&feed);
}

static void open_write_may_explain_a_read(void **state)
{
    (void)state;
    struct feed feed;
    feed_open(&feed);
    write_at_once(&feed, 1, 1);
    invoke(&feed, 2, "write", 1, 5);
    read_at_once(&feed, 1, 5);
    read_at_once(&feed, 2, 0);
    assert_true(is_violated(&feed));
    feed_close(&feed);
    feed_open(&feed);
    write_at_once(&feed, 1, 1);
    invoke(&feed, 2, "write", 1, 5);
    read_at_once(&feed, 1, 5);
    assert_false(is_violated(&feed));
    feed_close(&feed);
}

static void other_keys_do_not_matter(void **state)
{
    (void)state;
    struct feed feed;
    feed_open(&feed);
    for (int64_t key = 0; key < 100; key++)
        write_at_once(&feed, key, key);
    for (int64_t key = 0; key < 100; key++)
        read_at_once(&feed, key, key);
    assert_false(is_violated(&feed));
    read_at_once(&feed, 50, 51);
    assert_true(is_violated(&feed));
    feed_close(&feed);
}

static void model_must_be_named(void **state)
{
    (void)state;
    struct rift_error err;
    json_t *options = json_pack("{s:s}", "model", "auto");
    assert_null(rift_online_create(options, &err));
    assert_non_null(strstr(err.text, "model"));
    json_decref(options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(violation_is_told_at_the_completion_that_makes_it_certain),
        cmocka_unit_test(open_write_may_explain_a_read),
        cmocka_unit_test(other_keys_do_not_matter),
        cmocka_unit_test(model_must_be_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
