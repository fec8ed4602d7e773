/* Lab hosts with a kernel of their own: what they have that the machine's kernel may lack. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/memory.h"
#include "lab/lab.h"

static char lab_name[16];
static struct rift_lab_host hosts[2];

/* What the command wrote on the host, without its last line break; its exit code must be 0. */
static char *on_host(size_t index, const char *command)
{
    const struct rift_lab_host *host = &hosts[index];
    CLEANUP(rift_free)
    char *line = rift_printf("ssh -q -i %s -o UserKnownHostsFile=%s -o BatchMode=yes -p %d %s@%s "
                             "sh -s 2>&1 <<'END'\n%s\nEND\n",
                             host->key_file, host->known_hosts_file, host->port, host->user,
                             host->address, command);
    FILE *pipe = popen(line, "re");
    assert_non_null(pipe);
    char *output = rift_calloc(1, 4096);
    size_t length = fread(output, 1, 4095, pipe);
    if (pclose(pipe) != 0)
        fail_msg("%s: %s", command, output);
    if (length > 0 && output[length - 1] == '\n')
        output[length - 1] = '\0';
    return output;
}

static int lab_up(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("SKIP: a lab needs root\n");
        return 0;
    }
    snprintf(lab_name, sizeof lab_name, "uml%d", (int)getpid());
    struct rift_error err = {0};
    struct rift_lab *lab = rift_lab_up(
        &(struct rift_lab_request){
            .name = lab_name, .driver = "uml", .host_count = 2, .deadline_ms = 120000},
        &err);
    if (!lab) {
        print_message("%s\n", err.text);
        return -1;
    }
    size_t count = 0;
    memcpy(hosts, rift_lab_hosts(lab, &count), sizeof hosts);
    rift_lab_close(lab);
    return 0;
}

static int lab_down(void **state)
{
    (void)state;
    return lab_name[0] ? rift_lab_down(lab_name, NULL) : 0;
}

static void need_lab(void)
{
    if (!lab_name[0])
        skip();
}

static void a_guest_runs_another_kernel_with_cgroup_v2_only(void **state)
{
    (void)state;
    need_lab();
    struct utsname machine;
    uname(&machine);
    CLEANUP(rift_free) char *release = on_host(0, "uname -r");
    assert_string_not_equal(release, machine.release);
    CLEANUP(rift_free)
    char *groups = on_host(0, "mount -t cgroup; cat /sys/fs/cgroup/cgroup.controllers");
    assert_non_null(strstr(groups, "memory"));
    assert_null(strstr(groups, "type cgroup "));
}

static void a_guest_s_wall_clock_is_its_own(void **state)
{
    (void)state;
    need_lab();
    time_t before = (time_t)(rift_clock_wall() / RIFT_SECOND);
    CLEANUP(rift_free) char *set = on_host(0, "date -s @1893456000 +%s");
    assert_string_equal(set, "1893456000");
    CLEANUP(rift_free) char *later = on_host(0, "date +%s");
    assert_in_range(strtol(later, NULL, 10), 1893456000, 1893456060);
    CLEANUP(rift_free) char *other = on_host(1, "date +%s");
    assert_in_range(strtol(other, NULL, 10), before - 5, before + 120);
    assert_in_range(rift_clock_wall() / RIFT_SECOND, before, before + 120);
}

/* The time of a TCP handshake with sshd, from the machine. */
static double connect_once_ms(const struct rift_lab_host *host)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(host->port)};
    assert_int_equal(inet_pton(AF_INET, host->address, &address.sin_addr), 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int64_t begin = rift_clock_now();
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    double ms = (double)(rift_clock_now() - begin) / (double)RIFT_MS;
    close(fd);
    return ms;
}

/* The shortest of some, as a busy machine makes each take longer. */
static double connect_ms(const struct rift_lab_host *host)
{
    double best = connect_once_ms(host);
    for (int i = 0; i < 10; i++)
        best = fmin(best, connect_once_ms(host));
    return best;
}

static void a_guest_has_netem(void **state)
{
    (void)state;
    need_lab();
    free(on_host(0, "tc qdisc add dev eth0 root netem delay 200ms"));
    double slow = connect_ms(&hosts[0]), untouched = connect_ms(&hosts[1]);
    free(on_host(0, "tc qdisc del dev eth0 root"));
    assert_true(slow > 190 && slow < 400);
    assert_true(untouched < 100);
    assert_true(connect_ms(&hosts[0]) < 100);
}

static void a_guest_has_device_mapper_and_ipv6(void **state)
{
    (void)state;
    need_lab();
    free(on_host(0, "modprobe dm-flakey && grep -q device-mapper /proc/misc"));
    CLEANUP(rift_free) char *addresses = on_host(1, "ip -6 address show dev eth0");
    assert_non_null(strstr(addresses, hosts[1].address6));
}

/* More than a socket buffer, both ways: large segments once made the guest's link hang. */
static void bulk_data_passes(void **state)
{
    (void)state;
    need_lab();
    CLEANUP(rift_free)
    char *line = rift_printf("head -c 4000000 /dev/zero | timeout 60 ssh -q -i %s -o "
                             "UserKnownHostsFile=%s -o BatchMode=yes root@%s 'cat' | wc -c",
                             hosts[1].key_file, hosts[1].known_hosts_file, hosts[1].address);
    FILE *pipe = popen(line, "re");
    int count = 0;
    assert_int_equal(fscanf(pipe, "%d", &count), 1);
    pclose(pipe);
    assert_int_equal(count, 4000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_runs_another_kernel_with_cgroup_v2_only),
        cmocka_unit_test(a_guest_s_wall_clock_is_its_own),
        cmocka_unit_test(a_guest_has_netem),
        cmocka_unit_test(a_guest_has_device_mapper_and_ipv6),
        cmocka_unit_test(bulk_data_passes),
    };
    return cmocka_run_group_tests(tests, lab_up, lab_down);
}
