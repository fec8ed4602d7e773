/* SHA-256 against the published answers (FIPS 180-4 examples, NIST's long message). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/sha256.h"

static void assert_digest(const char *text, size_t piece, const char *expected)
{
    struct rift_sha256 sum;
    char hex[RIFT_SHA256_HEX_SIZE];
    size_t length = strlen(text);
    rift_sha256_init(&sum);
    for (size_t at = 0; at < length; at += piece)
        rift_sha256_add(&sum, text + at, length - at < piece ? length - at : piece);
    rift_sha256_finish(&sum, hex);
    assert_string_equal(hex, expected);
}

static void short_messages_have_the_published_digests(void **state)
{
    (void)state;
    assert_digest("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_digest("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 7,
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void a_million_letters_have_the_published_digest_in_uneven_pieces(void **state)
{
    (void)state;
    static char text[1000001];
    memset(text, 'a', sizeof text - 1);
    assert_digest(text, 997, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    assert_digest(text, 64, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void a_file_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct rift_error err;
    char hex[RIFT_SHA256_HEX_SIZE];
    assert_int_equal(rift_sha256_file("/no/such/file", hex, &err), -1);
    assert_non_null(strstr(err.text, "/no/such/file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_messages_have_the_published_digests),
        cmocka_unit_test(a_million_letters_have_the_published_digest_in_uneven_pieces),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
