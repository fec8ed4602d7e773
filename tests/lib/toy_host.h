/* One host whose agent keeps the toy system: what tests of faults that hit a system stand on. The
 * system is fresh for each test. */
#ifndef TESTS_LIB_TOY_HOST_H
#define TESTS_LIB_TOY_HOST_H

#include "tests/lib/toy_system.h"

/* NULL where this machine cannot make namespaces: the test is skipped. */
extern struct test_host *n1;

#define NEED_HOST()                                                                                \
    do {                                                                                           \
        if (!n1)                                                                                   \
            skip();                                                                                \
    } while (0)

/* Before and after all tests of a program; for cmocka. */
int toy_host_up(void **state);
/* The same, but for no host where it could have no disk of its own, or no layer. */
int toy_host_up_for_disks(void **state);
int toy_host_up_for_layers(void **state);
int toy_host_down(void **state);
/* Before a test: 0, or -1. disk_mb 0: without a disk of its own. */
int toy_host_begin(const char *session, int lease_ms, int disk_mb);
/* The same, through a layer: "ext4", "posix". */
int toy_host_begin_layered(const char *session, int lease_ms, int disk_mb, const char *disk_layer);
/* After it, for cmocka: the agent's end; or first the end of all faults, and of the system with its
 * data, where the test began one. */
int toy_host_end(void **state);
int toy_host_end_wiped(void **state);
/* Of a file in the system's data folder; "": of the folder itself. Caller frees. */
char *toy_data_path(const char *file);

/* False, with the reason in the test's output, where this machine cannot. Takes options, as inject
 * does; NULL: none. */
bool can_inject(const char *fault, json_t *options);
void inject(const char *id, const char *fault, json_t *options);
/* With what it leaves to chance drawn by the seed. */
void inject_seeded(const char *id, const char *fault, json_t *options, int seed);
void heal(const char *id);
bool is_observed(const char *id);
/* Of what shows only once the system does something: it may be slow at that. */
bool becomes_observed(const char *id);

#endif
