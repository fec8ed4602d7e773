#include "tests/lib/lab_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memory.h"

enum { LAB_UP_MS = 120000 };

const struct rift_lab_host *case_hosts;
char case_scratch[32];
static struct rift_lab *lab;

/* libssh2 1.10 forgets two numbers of each ECDSA signature that it checks, and the host's key when
 * the session's keys change. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libcrypto.so\nleak:libssh2.so";
}

int case_up(const char *suffix, size_t host_count, const char *const *packages)
{
    if (geteuid() != 0)
        return 0;
    snprintf(case_scratch, sizeof case_scratch, "/tmp/rift-test-%.8s-XXXXXX", suffix);
    if (!mkdtemp(case_scratch))
        return -1;
    if (packages) {
        struct rift_error err = {0};
        struct rift_lab_request request = {.name = test_lab_name(suffix),
                                           .host_count = host_count,
                                           .packages = packages,
                                           .deadline_ms = LAB_UP_MS};
        lab = rift_lab_up(&request, &err);
        if (!lab) {
            print_message("no lab with %s: %s\n", packages[0], err.text);
            return 0;
        }
    } else {
        lab = test_lab_up(suffix, host_count);
    }
    size_t count = 0;
    case_hosts = rift_lab_hosts(lab, &count);
    return count == host_count ? 0 : -1;
}

int case_down(void **state)
{
    CLEANUP(rift_free) char *script = rift_printf("rm -rf %s", case_scratch);
    if (case_scratch[0])
        test_run(script, NULL, 0);
    rift_lab_close(lab);
    return test_labs_down(state);
}

void case_need_lab(void)
{
    if (!lab) {
        print_message("SKIP: a lab needs root, and packages from a mirror or their cache\n");
        skip();
    }
    test_agent_binary();
}

void case_write_file(const char *name, const char *text)
{
    CLEANUP(rift_free) char *path = rift_printf("%s/%s", case_scratch, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}
