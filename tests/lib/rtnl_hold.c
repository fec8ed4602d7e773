/* ethtool's ioctl copies the names of a card's features to its caller under the lock, and waits
 * there for a page that userfaultfd(2) says is yet to come. It never comes: at the end of the
 * process the copy fails. */
#include "tests/lib/rtnl_hold.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <linux/userfaultfd.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memory.h"

enum { BEGIN_MS = 5000 }; /* another one may hold it first */

struct rtnl_hold {
    pid_t pid;
};

static int ethtool_ask(void *question)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_data = question};
    CLEANUP(rift_close_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? -1 : ioctl(fd, SIOCETHTOOL, &request);
}

static uint32_t count_names(void)
{
    struct {
        struct ethtool_sset_info head;
        uint32_t count;
    } question = {.head = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1 << ETH_SS_FEATURES}};
    return ethtool_ask(&question) ? 0 : question.count;
}

static void *ask(void *question)
{
    ethtool_ask(question);
    return NULL;
}

/* Of two pages the second is withheld; the descriptor says when somebody waits for it. */
static int withhold(char *pages, size_t size)
{
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register second = {.range = {(uintptr_t)pages + size, size},
                                     .mode = UFFDIO_REGISTER_MODE_MISSING};
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &second))
        rift_close_fd(&fd);
    return fd;
}

static _Noreturn void hold_run(int most_ms, int told_fd, pid_t parent)
{
    pthread_t thread;
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    char *pages = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = pages == MAP_FAILED ? -1 : withhold(pages, size);
    if (fd < 0)
        _exit(1);
    struct ethtool_gstrings *question = (void *)(pages + size - sizeof *question);
    *question = (struct ethtool_gstrings){
        .cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_FEATURES, .len = count_names()};
    struct pollfd waits = {.fd = fd, .events = POLLIN};
    if (pthread_create(&thread, NULL, ask, question) || poll(&waits, 1, BEGIN_MS) != 1 ||
        write(told_fd, "h", 1) != 1)
        _exit(1);
    poll(NULL, 0, most_ms);
    _exit(0);
}

struct rtnl_hold *rtnl_hold(int most_ms)
{
    int ends[2];
    char word;
    pid_t parent = getpid();
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0)
        hold_run(most_ms, ends[1], parent);
    close(ends[1]);
    bool is_held = pid > 0 && read(ends[0], &word, 1) == 1;
    close(ends[0]);
    struct rtnl_hold *hold = rift_calloc(1, sizeof *hold);
    hold->pid = pid;
    if (is_held)
        return hold;
    print_message("this kernel has no userfaultfd, or copies without the lock\n");
    rtnl_let_go(hold);
    return NULL;
}

bool rtnl_is_held(const struct rtnl_hold *hold)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)hold->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
}

void rtnl_let_go(struct rtnl_hold *hold)
{
    if (hold->pid > 0) {
        kill(hold->pid, SIGKILL);
        waitpid(hold->pid, NULL, 0);
    }
    free(hold);
}
