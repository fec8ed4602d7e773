/* Lab hosts for tests: up, a shell inside a host that does not go through SSH or our own code, and
 * what control/remote needs to reach one. */
#ifndef TESTS_LIB_LAB_HOSTS_H
#define TESTS_LIB_LAB_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

#include "control/remote/node.h"
#include "lab/lab.h"
#include "tests/lib/whole_output.h"

/* A lab named after the test's process, or the test is skipped where there is no root. Its hosts
 * are of the kind that RIFT_TEST_DRIVER names: netns (the default), uml or systemd. One more word,
 * hosts, stands for machines that are somebody's, and are there already. */
struct rift_lab *test_lab_up(const char *suffix, size_t host_count);
const char *test_driver(void);
bool test_hosts_are_guests(void); /* with a kernel of their own: all but netns */
const char *test_lab_name(const char *suffix);
void test_lab_down(struct rift_lab *lab, const char *suffix);
/* A cmocka group teardown: takes down what a failed test left up. */
int test_labs_down(void **state);

/* Runs a script with bash as root inside the host's namespaces (nsenter), or, where it has a kernel
 * of its own, over ssh; its exit code. Output, of at most size - 1 characters, without the last
 * line break; output may be NULL. */
int test_host_run(const struct rift_lab_host *host, const char *script, char *output, size_t size);
/* The same on a host with a kernel of its own, for so long; what it prints is shown as it comes,
 * the results of tests in round brackets, as they are none of this program. */
int test_host_run_aloud(const struct rift_lab_host *host, const char *script, int seconds);
/* Puts a program of this machine there, executable; the exit code, and what was said on failure. */
int test_host_copy(const struct rift_lab_host *host, const char *program, const char *path,
                   char *output, size_t size);
/* The same as test_host_run on this machine. */
int test_run(const char *script, char *output, size_t size);
/* The script while the test goes on, in a process group of its own, which the second ends. */
pid_t test_run_aside(const char *script);
void test_end_aside(pid_t pid);

/* This machine's number of a process that a netns host counts as pid: pid_namespaces(7). Of a guest
 * the machine has none: pid itself. Fails the test where there is no such process. */
pid_t test_host_pid(const struct rift_lab_host *host, pid_t pid);

/* A socket of AF_INET in the network of a netns host; its caller must have one thread. */
int test_host_socket(const struct rift_lab_host *host, int type);

struct rift_node_settings test_node_settings(const struct rift_lab_host *host);
/* The built agent; skips the test where there is none. */
const char *test_agent_binary(void);
const char *test_rift_binary(void);

/* How long a TCP connection from one host to another's sshd takes to open, one round trip: at best
 * of three, or of more until one takes less than below_ms, as a busy machine adds what it likes. */
double test_connect_ms(const struct rift_lab_host *from, const struct rift_lab_host *to,
                       int below_ms);

#endif
