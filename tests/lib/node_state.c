/* Read by a process of our own inside the host's namespaces: a shell with its tools would take a
 * hundred times as long, and a test that looks after every step waits for little else. */
#include "tests/lib/node_state.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <linux/ethtool.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memory.h"
#include "common/process.h"
#include "tests/lib/bpf_objects.h"
#include "tests/lib/lab_hosts.h"

enum { OPEN_FOLDERS = 16, KERNEL_THREAD = 0x00200000 /* PF_KTHREAD, of field 9 of stat */ };

/* --- the reader, in a process of its own */

static FILE *out;

/* Each line of a file that is not empty, behind a word. */
static void put_lines(const char *word, const char *path, const char *containing)
{
    char line[1024];
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] && strstr(line, containing))
            fprintf(out, "%s %s\n", word, line);
    }
    if (file)
        fclose(file);
}

static void put_globbed(const char *word, const char *pattern, const char *containing)
{
    glob_t found;
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            put_lines(word, found.gl_pathv[i], containing);
    globfree(&found);
}

typedef void message_visit(const struct nlmsghdr *header);

/* Every answer to a dump of rtnetlink(7). */
static void visit_messages(uint16_t type, const void *body, size_t size, message_visit *visit)
{
    static char buffer[1 << 16] __attribute__((aligned(NLMSG_ALIGNTO)));
    struct nlmsghdr *header = (struct nlmsghdr *)buffer;
    CLEANUP(rift_close_fd) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    memset(buffer, 0, NLMSG_SPACE(size));
    header->nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
    header->nlmsg_type = type;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    memcpy(NLMSG_DATA(header), body, size);
    send(fd, buffer, header->nlmsg_len, 0);
    for (;;) {
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        if (n <= 0)
            _exit(1);
        for (char *at = buffer; at < buffer + n; at += NLMSG_ALIGN(header->nlmsg_len)) {
            header = (struct nlmsghdr *)at;
            if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR)
                return;
            visit(header);
        }
    }
}

static void put_bytes(const struct rtattr *attribute)
{
    const unsigned char *bytes = RTA_DATA(attribute);
    fputc(' ', out);
    for (size_t i = 0; i < RTA_PAYLOAD(attribute); i++)
        fprintf(out, "%02x", bytes[i]);
}

static const struct rtattr *find_attribute(const struct nlmsghdr *header, size_t size, int type)
{
    const char *at = (const char *)NLMSG_DATA(header) + NLMSG_ALIGN(size);
    const char *end = (const char *)header + header->nlmsg_len;
    while (at < end) {
        const struct rtattr *attribute = (const struct rtattr *)at;
        if ((attribute->rta_type & NLA_TYPE_MASK) == type)
            return attribute;
        at += RTA_ALIGN(attribute->rta_len);
    }
    return NULL;
}

static void put_tc(const char *word, const struct nlmsghdr *header)
{
    const struct tcmsg *tc = NLMSG_DATA(header);
    const struct rtattr *kind = find_attribute(header, sizeof *tc, TCA_KIND);
    const struct rtattr *options = find_attribute(header, sizeof *tc, TCA_OPTIONS);
    if (!kind || strcmp(RTA_DATA(kind), "noqueue") == 0)
        return;
    fprintf(out, "%s %s %d %x:%x %u", word, (const char *)RTA_DATA(kind), tc->tcm_ifindex,
            tc->tcm_handle, tc->tcm_parent, tc->tcm_info);
    if (options)
        put_bytes(options);
    fputc('\n', out);
}

static void put_filter(const struct nlmsghdr *header)
{
    put_tc("filter", header);
}

static void put_qdisc(const struct nlmsghdr *header)
{
    put_tc("qdisc", header);
}

static int cards[64], card_count;

static void put_card(const struct nlmsghdr *header)
{
    const struct ifinfomsg *info = NLMSG_DATA(header);
    const struct rtattr *name = find_attribute(header, sizeof *info, IFLA_IFNAME);
    const struct rtattr *segments = find_attribute(header, sizeof *info, IFLA_GSO_MAX_SEGS);
    fprintf(out, "card %s %u\n", name ? (const char *)RTA_DATA(name) : "?",
            segments ? *(const uint32_t *)RTA_DATA(segments) : 0);
    if (card_count < 64)
        cards[card_count++] = info->ifi_index;
}

static void put_ethtool(const char *name, uint32_t command)
{
    struct ethtool_value request = {.cmd = command};
    struct ifreq ifr = {.ifr_name = "eth0"};
    ifr.ifr_data = (char *)&request;
    CLEANUP(rift_close_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int rc = ioctl(fd, SIOCETHTOOL, &ifr);
    fprintf(out, "card %s %u\n", name, rc == 0 ? request.data : 0);
}

static void put_network(void)
{
    static const uint32_t parents[] = {TC_H_ROOT, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
                                       TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)};
    const struct ifinfomsg any_card = {.ifi_family = AF_UNSPEC};
    const struct tcmsg any_qdisc = {.tcm_family = AF_UNSPEC};
    visit_messages(RTM_GETLINK, &any_card, sizeof any_card, put_card);
    visit_messages(RTM_GETQDISC, &any_qdisc, sizeof any_qdisc, put_qdisc);
    for (int i = 0; i < card_count; i++)
        for (size_t j = 0; j < sizeof parents / sizeof *parents; j++) {
            const struct tcmsg filters = {.tcm_ifindex = cards[i], .tcm_parent = parents[j]};
            visit_messages(RTM_GETTFILTER, &filters, sizeof filters, put_filter);
        }
    put_ethtool("gro", ETHTOOL_GGRO);
    put_ethtool("tx_checksums", ETHTOOL_GTXCSUM);
}

/* The kernel's own come and go; what has ended is nothing. */
static void put_process(const char *pid)
{
    char line[512] = "", state;
    unsigned flags = 0;
    CLEANUP(rift_free) char *path = rift_printf("/proc/%s/stat", pid);
    FILE *file = fopen(path, "re");
    char *name = file && fgets(line, sizeof line, file) ? strchr(line, '(') : NULL;
    char *end = name ? strrchr(name, ')') : NULL;
    if (end && sscanf(end, ") %c %*d %*d %*d %*d %*d %u", &state, &flags) == 2 && state != 'Z' &&
        !(flags & KERNEL_THREAD)) {
        *end = '\0';
        if (strcmp(name + 1, "sshd") != 0)
            fprintf(out, "process %s\n", name + 1);
    }
    if (file)
        fclose(file);
}

static void put_processes(void)
{
    CLEANUP(rift_free) char *own = rift_printf("%d", (int)getpid());
    DIR *folder = opendir("/proc");
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (strtol(entry->d_name, NULL, 10) > 0 && strcmp(entry->d_name, own) != 0)
            put_process(entry->d_name);
    if (folder)
        closedir(folder);
}

static void put_mounts(void)
{
    char line[4096], place[1024];
    FILE *file = fopen("/proc/1/mountinfo", "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "%*s %*s %*s %*s %1023s", place) == 1)
            fprintf(out, "mount %s\n", place);
    if (file)
        fclose(file);
}

/* As find -xdev; of an overlay only the folders tell which file system they are of. */
static int put_file(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
    static dev_t device;
    fprintf(out, "file %s\n", path);
    if (place->level == 0)
        device = facts->st_dev;
    return kind == FTW_D && facts->st_dev != device ? FTW_SKIP_SUBTREE : FTW_CONTINUE;
}

static void put_files(void)
{
    static const char *const patterns[] = {"/var/lib/rift*", "/run",      "/tmp",    "/root",
                                           "/dev/shm",       "/etc/rift", "/var/tmp"};
    DIR *folder = opendir("/var/lib");
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (entry->d_name[0] != '.' && strncmp(entry->d_name, "rift", 4) != 0)
            fprintf(out, "file /var/lib/%s\n", entry->d_name);
    if (folder)
        closedir(folder);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        glob_t found;
        if (glob(patterns[i], 0, NULL, &found) == 0)
            for (size_t j = 0; j < found.gl_pathc; j++)
                nftw(found.gl_pathv[j], put_file, OPEN_FOLDERS, FTW_PHYS | FTW_ACTIONRETVAL);
        globfree(&found);
    }
}

static void put_member(const char *pid)
{
    char state = rift_process_state((pid_t)strtol(pid, NULL, 10));
    CLEANUP(rift_free) char *limits = rift_printf("/proc/%s/limits", pid);
    if (state == 'Z' || state == 0)
        return;
    fprintf(out, "state %s\n", state == 't' || state == 'T' ? "still" : "runs");
    put_lines("limit", limits, "Max open files");
}

static void put_members(const char *path)
{
    char pid[32];
    FILE *file = fopen(path, "re");
    while (file && fscanf(file, "%31s", pid) == 1)
        put_member(pid);
    if (file)
        fclose(file);
}

/* "max" is felt by nobody, and is there as soon as v2 has the controller in the group. */
static void put_setting(const char *path)
{
    char line[256];
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "max", 3) != 0)
            fprintf(out, "setting %s %s", path, line);
    if (file)
        fclose(file);
}

/* Of groups, v1 or v2, and of the system's all that a fault may set. */
static int put_group(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
    static const char *const settings[] = {
        "cpu.cfs_quota_us", "cpu.max", "memory.limit_in_bytes", "memory.max",    "memory.high",
        "pids.max",         "io.max",  "freezer.state",         "cgroup.freeze", NULL};
    static bool has_members;
    const char *name = path + place->base;
    (void)facts;
    if (kind == FTW_D)
        fprintf(out, "cgroup %s\n", path);
    if (strcmp(name, "cgroup.subtree_control") == 0) {
        CLEANUP(rift_free) char *word = rift_printf("handed %s", path);
        put_lines(word, path, "");
    }
    if (kind == FTW_D || !strstr(path, "/rift-system/"))
        return 0;
    if (!has_members && rift_text_ends_with(path, "/rift-system/cgroup.procs")) {
        has_members = true; /* every hierarchy of v1 has the same */
        put_members(path);
    }
    bool is_setting = strncmp(name, "blkio.throttle.", 15) == 0 && strstr(name, "_bps_device");
    for (size_t i = 0; settings[i] && !is_setting; i++)
        is_setting = strcmp(name, settings[i]) == 0;
    if (is_setting)
        put_setting(path);
    return 0;
}

static bool enter(pid_t init_pid)
{
    static const struct {
        const char *name;
        int kind;
    } spaces[] = {{"net", CLONE_NEWNET}, {"pid", CLONE_NEWPID}, {"mnt", CLONE_NEWNS}};
    int fds[3];
    for (size_t i = 0; i < 3; i++) {
        CLEANUP(rift_free)
        char *path = rift_printf("/proc/%d/ns/%s", (int)init_pid, spaces[i].name);
        fds[i] = open(path, O_RDONLY | O_CLOEXEC);
    }
    for (size_t i = 0; i < 3; i++)
        if (setns(fds[i], spaces[i].kind))
            return false;
    return true;
}

static void read_all(const char *disk_word)
{
    struct timex clock = {0};
    put_network();
    put_processes();
    put_mounts();
    put_files();
    nftw("/sys/fs/cgroup", put_group, OPEN_FOLDERS, FTW_PHYS);
    put_globbed("loop", "/sys/block/loop*/loop/backing_file", disk_word);
    put_globbed("mapped", "/sys/block/dm-*/dm/name", "");
    put_lines("setting nf_conntrack_max", "/proc/sys/net/netfilter/nf_conntrack_max", "");
    adjtimex(&clock);
    fprintf(out, "clock tick %ld\n", clock.tick);
}

/* --- the test's side */

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_lines(char *text)
{
    static char *lines[4096], copy[NODE_WHOLE_STATE_SIZE];
    size_t count = 0;
    char *rest = copy, *line;
    snprintf(copy, sizeof copy, "%s", text);
    while ((line = strsep(&rest, "\n")))
        if (*line && count < sizeof lines / sizeof *lines)
            lines[count++] = line;
    qsort(lines, count, sizeof *lines, compare);
    for (size_t i = 0, used = 0; i < count; i++)
        used += (size_t)snprintf(text + used, NODE_WHOLE_STATE_SIZE - used, "%s\n", lines[i]);
}

void node_whole_state_read(const struct rift_lab_host *host, const char *disk_word,
                           char state[NODE_WHOLE_STATE_SIZE])
{
    int ends[2], status = 0;
    size_t used = 0;
    ssize_t n;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t reader = fork();
    if (reader == 0) {
        out = fdopen(ends[1], "we");
        if (!out || !enter(host->init_pid))
            _exit(1);
        pid_t inner = fork(); /* which the pid namespace is for */
        if (inner != 0)
            _exit(waitpid(inner, &status, 0) == inner && status == 0 ? 0 : 1);
        read_all(disk_word);
        fclose(out);
        _exit(0);
    }
    close(ends[1]);
    while ((n = read(ends[0], state + used, NODE_WHOLE_STATE_SIZE - 64 - used)) > 0)
        used += (size_t)n;
    close(ends[0]);
    waitpid(reader, &status, 0);
    assert_int_equal(status, 0);
    assert_in_range(used, 1, NODE_WHOLE_STATE_SIZE - 128);
    snprintf(state + used, 64, "objects %zu\n", bpf_objects_count(host->init_pid));
    sort_lines(state);
}

static const char *next_line(const char **at, node_line_filter *filter, char line[1024])
{
    while (**at) {
        size_t length = strcspn(*at, "\n");
        snprintf(line, 1024, "%.*s", (int)length, *at);
        *at += length + ((*at)[length] == '\n');
        if (*line && filter(line))
            return line;
    }
    return NULL;
}

size_t node_state_differences(const char *old, const char *new, node_line_filter *filter,
                              enum node_search search, struct rift_text *found)
{
    char old_buffer[1024], new_buffer[1024];
    const char *a = next_line(&old, filter, old_buffer), *b = next_line(&new, filter, new_buffer);
    size_t count = 0;
    while (a || b) {
        int order = !a ? 1 : !b ? -1 : strcmp(a, b);
        if (order > 0 || (order < 0 && search == NODE_ALL_DIFFERENCES)) {
            rift_text_printf(found, "  %s %s\n", order < 0 ? "gone:" : "new: ", order < 0 ? a : b);
            count++;
        }
        if (order <= 0)
            a = next_line(&old, filter, old_buffer);
        if (order >= 0)
            b = next_line(&new, filter, new_buffer);
    }
    return count;
}
