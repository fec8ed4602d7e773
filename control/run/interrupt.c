/* Ctrl-C: a thread that waits for the signals. */
#include "control/run/interrupt.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/memory.h"

enum { INTERRUPT_EXIT_CODE = 255 };

static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { STOP_SIGNALS = sizeof stop_signals / sizeof *stop_signals };

/* nohup. SIGINT is ignored too where a script's shell starts this with "&", and is taken all the
 * same. */
static bool is_ignored(int signal)
{
    struct sigaction action;
    return signal == SIGHUP && sigaction(signal, NULL, &action) == 0 &&
           action.sa_handler == SIG_IGN;
}

struct interrupt {
    void (*stop)(void *context);
    void *context;
    pthread_t thread;
    int signals, end;
    sigset_t set;
};

static void *interrupt_run(void *context)
{
    struct interrupt *interrupt = context;
    bool is_stopping = false;
    for (;;) {
        struct pollfd fds[] = {{.fd = interrupt->signals, .events = POLLIN},
                               {.fd = interrupt->end, .events = POLLIN}};
        poll(fds, 2, -1);
        if (fds[1].revents)
            return NULL;
        struct signalfd_siginfo info;
        if (!fds[0].revents || read(interrupt->signals, &info, sizeof info) != sizeof info)
            continue;
        if (is_stopping) {
            fputs("\nrift: stopped a second time: faults end with their leases\n", stderr);
            _exit(INTERRUPT_EXIT_CODE);
        }
        is_stopping = true;
        interrupt->stop(interrupt->context);
    }
}

static volatile sig_atomic_t was_deferred;

static void note_signal(int signal)
{
    (void)signal;
    was_deferred = 1;
}

/* By a handler, which exec(2) resets, where a mask would be passed on. */
void interrupt_defer(void)
{
    struct sigaction action = {.sa_handler = note_signal,
                               .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    was_deferred = 0;
    for (size_t i = 0; i < STOP_SIGNALS; i++)
        if (!is_ignored(stop_signals[i]))
            sigaction(stop_signals[i], &action, NULL);
}

bool interrupt_deferred(void)
{
    for (size_t i = 0; i < STOP_SIGNALS; i++)
        if (!is_ignored(stop_signals[i]))
            signal(stop_signals[i], SIG_DFL);
    return was_deferred;
}

struct interrupt *interrupt_watch(void (*stop)(void *context), void *context)
{
    struct interrupt *interrupt = rift_calloc(1, sizeof *interrupt);
    interrupt->stop = stop;
    interrupt->context = context;
    sigemptyset(&interrupt->set);
    for (size_t i = 0; i < STOP_SIGNALS; i++)
        if (!is_ignored(stop_signals[i]))
            sigaddset(&interrupt->set, stop_signals[i]);
    pthread_sigmask(SIG_BLOCK, &interrupt->set, NULL);
    interrupt->signals = signalfd(-1, &interrupt->set, SFD_CLOEXEC | SFD_NONBLOCK);
    interrupt->end = eventfd(0, EFD_CLOEXEC);
    if (interrupt->signals >= 0 && interrupt->end >= 0 &&
        pthread_create(&interrupt->thread, NULL, interrupt_run, interrupt) == 0)
        return interrupt;
    rift_close_fd(&interrupt->signals);
    rift_close_fd(&interrupt->end);
    pthread_sigmask(SIG_UNBLOCK, &interrupt->set, NULL);
    free(interrupt);
    return NULL;
}

void interrupt_unwatch(struct interrupt *interrupt)
{
    if (!interrupt)
        return;
    eventfd_write(interrupt->end, 1);
    pthread_join(interrupt->thread, NULL);
    close(interrupt->signals);
    close(interrupt->end);
    pthread_sigmask(SIG_UNBLOCK, &interrupt->set, NULL);
    free(interrupt);
}
