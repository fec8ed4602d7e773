#include "tests/integration/crash_guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/memory.h"
#include "common/text.h"
#include "tests/lib/build_folder.h"
#include "tests/lib/lab_hosts.h"

#define FOLDER  "/usr/local/lib/rift-test"
#define PROGRAM "test_crash_points"
#define INSIDE  "RIFT_TEST_INSIDE"

enum { PLAY_S = 6 * 3600 };

const struct rift_lab_host *crash_guest_hosts(void)
{
    static struct rift_lab_host hosts[3];
    const char *given = getenv(INSIDE);
    if (!given)
        return NULL;
    hosts[0].init_pid = 1;
    assert_int_equal(sscanf(given, "%15s %63s %63s %15s %63s %63s", hosts[0].name, hosts[0].address,
                            hosts[0].address6, hosts[1].name, hosts[1].address, hosts[1].address6),
                     6);
    /* Of the bridge, that the machine has. */
    snprintf(hosts[2].address, sizeof hosts[2].address, "%.*s254",
             (int)(strrchr(hosts[0].address, '.') + 1 - hosts[0].address), hosts[0].address);
    return hosts;
}

static void put(const struct rift_lab_host *host, const char *name)
{
    char output[512];
    CLEANUP(rift_free) char *program = rift_printf("%s/%s", build_folder(), name);
    CLEANUP(rift_free) char *path = rift_printf(FOLDER "/%s", name);
    if (test_host_copy(host, program, path, output, sizeof output) != 0)
        fail_msg("%s: %s", host->name, output);
}

int crash_guest_play(const struct rift_lab_host *hosts, const char *filter)
{
    static const char *const passed_on[] = {"RIFT_LONG", "RIFT_TEST_SEED", "RIFT_TEST_ONLY",
                                            "RIFT_TEST_AT", "RIFT_TEST_TALK"};
    CLEANUP(rift_text_finish) struct rift_text script = {0};
    /* Its hooks track by themselves: no rule is needed for there to be connections. */
    test_host_run(&hosts[0], "mkdir -p " FOLDER "; modprobe nf_conntrack enable_hooks=1", NULL, 0);
    put(&hosts[0], PROGRAM);
    put(&hosts[0], "rift-agent");
    rift_text_printf(&script, "export " INSIDE "='%s %s %s %s %s %s'\n", hosts[0].name,
                     hosts[0].address, hosts[0].address6, hosts[1].name, hosts[1].address,
                     hosts[1].address6);
    for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
        if (getenv(passed_on[i]))
            rift_text_printf(&script, "export %s='%s'\n", passed_on[i], getenv(passed_on[i]));
    rift_text_printf(&script, "exec " FOLDER "/" PROGRAM " '%s' </dev/null 2>&1",
                     filter ? filter : "*");
    return test_host_run_aloud(&hosts[0], script.data, PLAY_S);
}
