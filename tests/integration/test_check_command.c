/* rift check as a person uses it, on files that are not whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/memory.h"
#include "tests/lib/lab_hosts.h"

/* A file of our own, of writes of different values by one process, without its last bytes, through
 * rift check; the exit code. With a violation the first operation reads what nobody wrote. */
static int check_torn(bool has_violation, int lost_bytes, char *output, size_t size)
{
    const char *rift = test_rift_binary();
    CLEANUP(rift_free)
    char *script = rift_printf(
        "d=$(mktemp -d) && {\n"
        "%s echo '{:type :invoke, :f :read, :value nil, :process 1}'\n"
        "%s echo '{:type :ok, :f :read, :value 0, :process 1}'\n"
        "for v in {1..20000}; do for t in invoke ok; do\n"
        "echo \"{:type :$t, :f :write, :value $v, :process 0}\"; done; done; } >$d/whole.edn &&\n"
        "%s convert $d/whole.edn $d/whole.rift &&\n"
        "head -c -%d $d/whole.rift >$d/torn.rift &&\n"
        "%s check --model register $d/torn.rift; code=$?; rm -r $d; exit $code",
        has_violation ? "" : "false &&", has_violation ? "" : "false &&", rift, lost_bytes, rift);
    return test_run(script, output, size);
}

static void no_violation_in_a_torn_file_is_unknown(void **state)
{
    (void)state;
    char output[4096] = "";
    assert_int_equal(check_torn(false, 0, output, sizeof output), 0);
    assert_int_equal(check_torn(false, 1, output, sizeof output), 2);
    assert_non_null(strstr(output, "torn"));
}

static void violation_before_the_tear_stays_one(void **state)
{
    (void)state;
    char output[4096] = "";
    assert_int_equal(check_torn(true, 0, output, sizeof output), 1);
    assert_int_equal(check_torn(true, 1, output, sizeof output), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_violation_in_a_torn_file_is_unknown),
        cmocka_unit_test(violation_before_the_tear_stays_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
