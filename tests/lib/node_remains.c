/* What a node still has of a run. */
#include "tests/lib/node_remains.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "tests/lib/bpf_objects.h"
#include "tests/lib/guest_probe.h"
#include "tests/lib/lab_hosts.h"

enum { GONE_MS = 10000 };

/* What systemd, udev and sshd do for every login and every device that comes and goes, on hosts
 * that have a systemd. */
static const char machines_own[] =
    "^process ((sd-pam)|systemd.*|.udev-worker.|sshd-.*|sudo|agetty|dmeventd)$|"
    "^cgroup .*/(session-[0-9c]*\\.scope|user@[0-9]*\\.service.*|user-[0-9]*\\.slice|"
    "systemd-[a-z]*\\.service.*)$|^(file|mount) /run/(systemd|user|udev|credentials|"
    "log/journal)|"
    "^file /(var/)?tmp/systemd-private";

/* Every line begins with its kind. Of processes those of this script itself are left out. Few
 * programs are started: on a host that is a guest each takes 50 ms. */
static const char look[] =
    "own=$BASHPID\n"
    "tc qdisc show | while read -r word kind handle dev name rest; do\n"
    "  [ $kind = noqueue ] || echo \"qdisc $name $kind $handle $rest\"\n"
    "  case $kind in clsact|ingress) for h in ingress egress; do\n"
    "    tc filter show dev $name $h 2>/dev/null | sed \"s/^/filter $name $h /\"\n"
    "  done;; esac\n"
    "done\n"
    "grep -hE '^(Name|Pid|PPid):' /proc/[0-9]*/status 2>/dev/null | awk -v own=$own -v shell=$$ '\n"
    "  /^Name/ { name = $2 } /^Pid/ { pid = $2 }\n"
    "  /^PPid/ && pid != own && $2 != own && pid != shell && $2 != shell &&\n"
    "    name != \"sshd\" && name !~ /^kworker/ {\n"
    "    print \"process\", name }'\n"
    "find /sys/fs/cgroup -type d -printf 'cgroup %p\\n'\n"
    "while read -r id parent device root place rest; do echo \"mount $place\"; done "
    "</proc/self/mountinfo\n"
    "find /var/lib -maxdepth 1 ! -name 'rift*' -printf 'file %p\\n'\n"
    "find /var/lib/rift* /run /tmp /root /dev/shm /etc/rift /var/tmp -xdev -printf 'file %p\\n' "
    "2>/dev/null\n";

void node_state_read(const struct rift_lab_host *host, char state[NODE_STATE_SIZE])
{
    if (strcmp(test_driver(), "hosts") != 0 && strcmp(test_driver(), "systemd") != 0) {
        test_host_run(host, look, state, NODE_STATE_SIZE);
        return;
    }
    CLEANUP(rift_free)
    char *script = rift_printf("{\n%s} | grep -vE '%s'", look, machines_own);
    test_host_run(host, script, state, NODE_STATE_SIZE);
}

static int has_line(const char *text, const char *line, size_t length)
{
    for (const char *at = text; (at = strstr(at, line)) != NULL; at++) {
        bool is_start = at == text || at[-1] == '\n';
        if (is_start && (at[length] == '\n' || at[length] == '\0'))
            return 1;
    }
    return 0;
}

static bool is_allowed(const char *line)
{
    static const char cached[] = "file /var/lib/rift/rift-agent-";
    return strcmp(line, "file /var/lib/rift") == 0 ||
           strcmp(line, "file /var/lib/rift/ledger") == 0 ||
           strncmp(line, cached, sizeof cached - 1) == 0;
}

size_t node_remains(const char *before, const char *after, struct rift_text *found)
{
    size_t count = 0;
    for (const char *line = after; *line;) {
        size_t length = strcspn(line, "\n");
        char text[1024] = "";
        if (length < sizeof text)
            memcpy(text, line, length);
        if (length > 0 && !has_line(before, text, length) && !is_allowed(text)) {
            rift_text_printf(found, "%s\n", text);
            count++;
        }
        line += length + (line[length] == '\n');
    }
    return count;
}

size_t node_remains_in_time(const struct rift_lab_host *host, const char *before,
                            struct rift_text *found)
{
    CLEANUP(rift_free) char *after = rift_calloc(1, NODE_STATE_SIZE);
    CLEANUP(rift_text_finish) struct rift_text now = {0};
    int64_t gone_ns = rift_clock_now() + GONE_MS * RIFT_MS;
    size_t count;
    do {
        rift_text_clear(&now);
        node_state_read(host, after);
        count = node_remains(before, after, &now);
    } while (count > 0 && rift_clock_now() < gone_ns);
    rift_text_append(found, now.data ? now.data : "");
    return count;
}

size_t node_bpf_objects(const struct rift_lab_host *host)
{
    return test_hosts_are_guests() ? guest_probe_ask(host, GUEST_PROBE_LOOK, 0).objects
                                   : bpf_objects_count(host->init_pid);
}

/* The kernel frees them a moment after their last holder. */
static size_t objects_in_time(const struct rift_lab_host *host)
{
    int64_t gone_ns = rift_clock_now() + GONE_MS * RIFT_MS;
    size_t count;
    while ((count = node_bpf_objects(host)) > 0 && rift_clock_now() < gone_ns)
        rift_clock_sleep_until(rift_clock_now() + 20 * RIFT_MS);
    return count;
}

void nodes_assert_clean(const struct rift_lab_host *hosts, size_t count,
                        char (*before)[NODE_STATE_SIZE], const char *when)
{
    CLEANUP(rift_text_finish) struct rift_text found = {0};
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        rift_text_printf(&found, "%s:\n", hosts[i].name);
        left += node_remains_in_time(&hosts[i], before[i], &found);
        size_t objects = objects_in_time(&hosts[i]);
        rift_text_printf(&found, "%zu BPF objects\n", objects);
        left += objects;
    }
    if (left > 0)
        fail_msg("%s: %zu things are left:\n%s", when, left, found.data);
}
