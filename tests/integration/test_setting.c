/* A limit that the kernel takes its time over, or refuses, in a folder that looks like a control
 * group of v2: nobody says that it is on before it is, and a refusal is heard of. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "nemesis/faults/drivers.h"
#include "nemesis/faults/setting_file.h"
#include "nemesis/faults/setting_log.h"
#include "nemesis/faults/undo.h"

/* SLOW_MS: much longer than a busy machine stands still. */
enum { SLOW_MS = 2500, LOOK_MS = 15000, TRIES = 20 };
#define LIMIT "memory.max"

/* What the kernel does with a write of the limit. */
static enum { TAKES_IT, IS_SLOW, REFUSES, SETS_IT_AND_IS_SLOW } kernel;

static char folder[] = "/tmp/rift-test-setting-XXXXXX";
static struct rift_cgroup cgroup;
static struct rift_target target = {.system = &cgroup};
static struct rift_injection injection;

int __real_rift_setting_write_path(const char *path, const char *value, struct rift_error *err);
int __wrap_rift_setting_write_path(const char *path, const char *value, struct rift_error *err);

int __wrap_rift_setting_write_path(const char *path, const char *value, struct rift_error *err)
{
    bool is_limit = rift_text_ends_with(path, LIMIT) && strcmp(value, "max") != 0;
    if (is_limit && kernel == REFUSES)
        return rift_fail(err, RIFT_ERR_IO, "write '%s': Device or resource busy", path);
    if (is_limit && kernel == IS_SLOW)
        rift_clock_sleep_until(rift_clock_now() + SLOW_MS * RIFT_MS);
    /* A file of the kernel's keeps nothing of the last write, and is never half written. */
    CLEANUP(rift_free) char *fresh = rift_printf("%s.%d", path, (int)gettid());
    CLEANUP(rift_close_fd) int fd = open(fresh, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    int rc = __real_rift_setting_write_path(fresh, value, err);
    if (rc == 0 && rename(fresh, path) != 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "write '%s'", path);
    if (is_limit && kernel == SETS_IT_AND_IS_SLOW)
        rift_clock_sleep_until(rift_clock_now() + SLOW_MS * RIFT_MS);
    return rc;
}

static void write_file(const char *name, const char *text)
{
    CLEANUP(rift_free) char *path = rift_printf("%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
}

static int up(void **state)
{
    (void)state;
    static char first[sizeof folder];
    if (!first[0])
        memcpy(first, folder, sizeof folder);
    memcpy(folder, first, sizeof folder);
    if (!mkdtemp(folder))
        return -1;
    snprintf(cgroup.unified, sizeof cgroup.unified, "%s", folder);
    write_file("cgroup.controllers", "memory\n");
    write_file("memory.current", "50000000\n");
    write_file("memory.events", "max 0\noom_kill 0\n");
    write_file(LIMIT, "max");
    int64_t now = rift_clock_now();
    injection = (struct rift_injection){.id = "m",
                                        .driver = &rift_memory_driver,
                                        .options = json_pack("{s:i}", "percent_of_use", 50),
                                        .undo = json_object(),
                                        .start_ns = now,
                                        .lease_end_ns = now + 60 * RIFT_SECOND};
    CLEANUP(rift_free) char *ledger = rift_printf("%s/ledger", folder);
    return mkdir(ledger, 0700) ? -1 : rift_memory_driver.plan(&injection, &target, ledger, NULL);
}

static int down(void **state)
{
    (void)state;
    CLEANUP(rift_free) char *script = rift_printf("rm -rf %s", folder);
    kernel = TAKES_IT;
    rift_memory_driver.heal("m", injection.undo, NULL, NULL);
    rift_memory_driver.forget(&injection);
    json_decref(injection.undo);
    json_decref((json_t *)injection.options);
    FILE *stream = popen(script, "r");
    return stream ? pclose(stream) : -1;
}

static int inject(void)
{
    struct rift_error err = {0};
    injection.applied_ns = 0;
    return rift_memory_driver.inject(&injection, &target, &err);
}

/* 0 or when the fault was there, by observe. */
static int64_t look(char how[256])
{
    struct rift_error err = {0};
    bool is_observed = false;
    json_t *details = json_object();
    assert_int_equal(0,
                     rift_memory_driver.observe(&injection, &target, &is_observed, details, &err));
    snprintf(how, 256, "%s", json_string_value(json_object_get(details, "how")));
    int64_t applied_ns = json_integer_value(json_object_get(details, "applied_ns"));
    json_decref(details);
    return applied_ns;
}

/* The keeper, which writes, may have to wait for a processor longer than inject waits for it. */
static int64_t inject_in_force(void)
{
    char how[256];
    int64_t applied_ns, deadline = rift_clock_now() + LOOK_MS * RIFT_MS;
    assert_int_equal(0, inject());
    applied_ns = injection.applied_ns;
    while (applied_ns == 0 && rift_clock_now() < deadline)
        applied_ns = look(how);
    assert_true(applied_ns > 0);
    return applied_ns;
}

static void a_limit_that_is_taken_is_on_at_once(void **state)
{
    (void)state;
    char text[RIFT_SETTING_TEXT_SIZE];
    int64_t before = rift_clock_now();
    injection.applied_ns = 0;
    for (int try = 0; try < TRIES && injection.applied_ns == 0; try++)
        assert_int_equal(0, inject());
    assert_in_range(injection.applied_ns, before, rift_clock_now());
    assert_true(rift_setting_read(folder, LIMIT, text));
    assert_string_equal("25000000", text);
}

static void a_limit_is_not_on_before_it_is_there(void **state)
{
    (void)state;
    char how[256], text[RIFT_SETTING_TEXT_SIZE];
    int64_t before = rift_clock_now(), applied_ns;
    kernel = IS_SLOW;
    assert_int_equal(0, inject());
    assert_true(rift_clock_now() < before + SLOW_MS * RIFT_MS);
    assert_int_equal(0, injection.applied_ns);
    assert_int_equal(0, look(how));
    assert_non_null(strstr(how, "not set the limit yet"));
    while ((applied_ns = look(how)) == 0 && rift_clock_now() < before + LOOK_MS * RIFT_MS)
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
    assert_in_range(applied_ns, before + SLOW_MS * RIFT_MS, rift_clock_now());
    assert_true(rift_setting_read(folder, LIMIT, text));
    assert_string_equal("25000000", text);
    assert_null(strstr(how, "yet"));
}

/* As v2 does: the limit is in force, and the write waits for room to be made. */
static void a_limit_is_on_before_its_write_comes_back(void **state)
{
    (void)state;
    int64_t before = rift_clock_now();
    kernel = SETS_IT_AND_IS_SLOW;
    assert_in_range(inject_in_force(), before, before + SLOW_MS * RIFT_MS);
}

static void a_limit_that_is_refused_is_an_error(void **state)
{
    (void)state;
    struct rift_error err = {0};
    int rc = 0;
    kernel = REFUSES;
    injection.applied_ns = 0;
    for (int try = 0; try < TRIES && rc == 0; try++)
        rc = rift_memory_driver.inject(&injection, &target, &err);
    assert_int_equal(-1, rc);
    assert_non_null(strstr(err.text, "Device or resource busy"));
}

/* As the agent heals that injected. */
static void heal(const char *expected)
{
    char text[RIFT_SETTING_TEXT_SIZE];
    struct rift_error err = {0};
    CLEANUP(rift_free) char *ledger = rift_printf("%s/ledger", folder);
    if (rift_undo(&rift_memory_driver, "m", injection.undo, ledger, &err) != 0)
        fail_msg("%s", err.text);
    assert_true(rift_setting_read(folder, LIMIT, text));
    assert_string_equal(expected, text);
}

static void what_its_owner_set_meanwhile_stands_after_the_heal(void **state)
{
    (void)state;
    inject_in_force();
    write_file(LIMIT, "70000000\n");
    heal("70000000");
}

/* 25000000 bytes in pages; and what was written in a try before the last. */
static void what_the_kernel_makes_of_a_limit_is_no_owner_s(void **state)
{
    (void)state;
    inject_in_force();
    write_file(LIMIT, "24997888\n");
    heal("max");
    inject_in_force();
    write_file("memory.current", "80000000\n");
    inject_in_force();
    write_file(LIMIT, "24997888\n");
    heal("max");
}

/* All that is left of an agent that died is what it put down before it injected. */
static void whoever_heals_after_the_agent_knows_what_is_the_owner_s(void **state)
{
    (void)state;
    CLEANUP(rift_free) char *ledger = rift_printf("%s/ledger", folder);
    char text[RIFT_SETTING_TEXT_SIZE];
    static const char *const meanwhile[][2] = {{NULL, "max"}, {"70000000\n", "70000000"}};
    json_t *planned = json_deep_copy(injection.undo);
    for (size_t i = 0; i < 2; i++) {
        write_file(LIMIT, "max");
        inject_in_force();
        assert_true(rift_setting_read(folder, LIMIT, text));
        assert_string_equal("25000000", text);
        rift_memory_driver.forget(&injection);
        if (meanwhile[i][0])
            write_file(LIMIT, meanwhile[i][0]);
        for (int again = 0; again < 2; again++) { /* as several may heal */
            assert_int_equal(0, rift_undo(&rift_memory_driver, "m", planned, ledger, NULL));
            assert_true(rift_setting_read(folder, LIMIT, text));
            assert_string_equal(meanwhile[i][1], text);
        }
    }
    json_decref(planned);
}

/* Nobody but the keeper heals, and it was another fault that wrote last. */
static void a_keeper_undoes_what_another_fault_wrote(void **state)
{
    (void)state;
    char text[RIFT_SETTING_TEXT_SIZE];
    struct rift_setting_log log;
    inject_in_force();
    assert_int_equal(0, rift_setting_log_add(injection.undo, "max", "12000000", NULL));
    write_file(LIMIT, "12000000\n");
    rift_memory_driver.forget(&injection);
    assert_int_equal(0, rift_undo(&rift_memory_driver, "m", injection.undo, NULL, NULL));
    assert_true(rift_setting_read(folder, LIMIT, text));
    assert_string_equal("max", text);
    rift_setting_log_read(injection.undo, &log); /* for whoever heals by the ledger */
    assert_true(log.is_there);
    rift_setting_log_finish(&log);
}

/* One whose log cannot be read may have written anything. */
static void what_nobody_knows_of_is_undone(void **state)
{
    (void)state;
    inject_in_force();
    write_file(LIMIT, "70000000\n");
    json_object_set_new(injection.undo, "log", json_string("/dev/null/no"));
    heal("max");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_limit_that_is_taken_is_on_at_once),
        CASE(a_limit_is_not_on_before_it_is_there),
        CASE(a_limit_is_on_before_its_write_comes_back),
        CASE(a_limit_that_is_refused_is_an_error),
        CASE(what_its_owner_set_meanwhile_stands_after_the_heal),
        CASE(what_the_kernel_makes_of_a_limit_is_no_owner_s),
        CASE(whoever_heals_after_the_agent_knows_what_is_the_owner_s),
        CASE(a_keeper_undoes_what_another_fault_wrote),
        CASE(what_nobody_knows_of_is_undone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
