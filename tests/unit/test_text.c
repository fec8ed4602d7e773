#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/error.h"
#include "common/text.h"

static const char *const faults[] = {"partition", "kill", "pause"};

static void a_mistyped_word_finds_its_neighbour(void **state)
{
    (void)state;
    assert_string_equal(rift_text_nearest("partiton", faults, 3), "partition");
    assert_string_equal(rift_text_nearest("pasue", faults, 3), "pause");
}

static void a_strange_word_finds_none(void **state)
{
    (void)state;
    assert_null(rift_text_nearest("clock-skew", faults, 3));
    assert_null(rift_text_nearest("kernel", faults, 3));
}

static void text_grows_past_its_first_capacity(void **state)
{
    (void)state;
    struct rift_text text = {0};
    for (int i = 0; i < 1000; i++)
        rift_text_printf(&text, "%03d", i);
    assert_int_equal(text.length, 3000);
    assert_memory_equal(text.data + 2997, "999", 4);
    rift_text_finish(&text);
}

static void an_error_keeps_its_code_and_gains_context(void **state)
{
    (void)state;
    struct rift_error err = {0};
    assert_int_equal(rift_fail(&err, RIFT_ERR_DENIED, "Operation not permitted"), -1);
    assert_int_equal(rift_wrap(&err, "heal %s", "n3"), -1);
    assert_string_equal(err.text, "heal n3: Operation not permitted");
    assert_int_equal(err.code, RIFT_ERR_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mistyped_word_finds_its_neighbour),
        cmocka_unit_test(a_strange_word_finds_none),
        cmocka_unit_test(text_grows_past_its_first_capacity),
        cmocka_unit_test(an_error_keeps_its_code_and_gains_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
