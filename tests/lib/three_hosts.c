#include "tests/lib/three_hosts.h"

#include <stddef.h>

struct namespaces *spaces;
struct test_host *n1, *n2, *n3;

int three_hosts_up(void **state)
{
    (void)state;
    spaces = namespaces_up(3);
    if (spaces) {
        n1 = &spaces->hosts[0];
        n2 = &spaces->hosts[1];
        n3 = &spaces->hosts[2];
    }
    return 0;
}

int three_hosts_down(void **state)
{
    (void)state;
    namespaces_down(spaces);
    return 0;
}
