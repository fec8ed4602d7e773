/* Ctrl-C in rift shell while it obeys lines that came in one piece. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memory.h"
#include "tests/lib/lab_case.h"

/* Each of the lines takes a part of a second; "w9" would be the last fault. */
static void no_further_line_is_obeyed(void **state)
{
    (void)state;
    case_need_lab();
    char output[8192];
    CLEANUP(rift_free)
    char *config =
        rift_printf("nodes: {lab: netns, count: 2, name: %s}\n", test_lab_name("interrupt"));
    case_write_file("config.yaml", config);
    CLEANUP(rift_free)
    char *script = rift_printf(
        "cd %s; for i in $(seq 9); do printf 'partition --isolate n2\\nheal\\n'; done >lines; "
        "%s shell config.yaml <lines >log 2>&1 & p=$!; "
        "for i in $(seq 300); do grep -q 'n2 not heard' log && break; sleep 0.1; done; "
        "kill -INT $p; wait $p; echo code $?; cat log",
        case_scratch, test_rift_binary());
    test_run(script, output, sizeof output);
    if (!strstr(output, "w1 healed") || !strstr(output, "code 0") || strstr(output, "w9"))
        fail_msg("%s", output);
}

static int up(void **state)
{
    (void)state;
    return case_up("interrupt", 2, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_further_line_is_obeyed)};
    return cmocka_run_group_tests(tests, up, case_down);
}
