#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "common/base64.h"

/* RFC 4648 section 10, and every last two bits. */
static const struct {
    const char *plain, *encoded;
} known[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xff\xfe\xfb", "//77"},
};

static void the_examples_of_the_rfc_hold_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct rift_text encoded = {0}, plain = {0};
        rift_base64_encode(&encoded, known[i].plain, strlen(known[i].plain));
        assert_string_equal(encoded.data ? encoded.data : "", known[i].encoded);
        assert_true(rift_base64_decode(&plain, known[i].encoded, strlen(known[i].encoded)));
        assert_string_equal(plain.data ? plain.data : "", known[i].plain);
        rift_text_finish(&encoded);
        rift_text_finish(&plain);
    }
}

static void what_is_not_base64_is_refused(void **state)
{
    (void)state;
    static const char *const broken[] = {"Z", "Zg=", "Zg", "Z===", "Zm9!", "Zg==Zg==", "=m9v"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct rift_text plain = {0};
        assert_false(rift_base64_decode(&plain, broken[i], strlen(broken[i])));
        rift_text_finish(&plain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfc_hold_both_ways),
        cmocka_unit_test(what_is_not_base64_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
