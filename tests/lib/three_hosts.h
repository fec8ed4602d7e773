/* What most test programs with namespaces have: three hosts, made before the first test and taken
 * down after the last one. spaces is NULL where this machine cannot make them. */
#ifndef TESTS_LIB_THREE_HOSTS_H
#define TESTS_LIB_THREE_HOSTS_H

#include "tests/lib/namespaces.h"

extern struct namespaces *spaces;
extern struct test_host *n1, *n2, *n3;

/* For cmocka's group setup and teardown, alone or as a part of them. */
int three_hosts_up(void **state);
int three_hosts_down(void **state);

#endif
