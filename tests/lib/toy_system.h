/* A system under test that needs nothing: processes that each add a line to a file all the time. */
#ifndef TESTS_LIB_TOY_SYSTEM_H
#define TESTS_LIB_TOY_SYSTEM_H

#include "tests/lib/namespaces.h"

/* Tells the agent of the host about it. It keeps two processes, "parent" and "child", of which each
 * appends to a file in the data folder every 5 ms; on a disk of their own, unless disk_mb is 0, and
 * through a layer: "none", "ext4", "posix". */
void toy_configure(struct test_host *host, int disk_mb, const char *disk_layer);
/* On an xfs. */
void toy_configure_xfs(struct test_host *host, int disk_mb);
/* Without a disk; its data are to be kept after the session, or not. */
void toy_configure_kept(struct test_host *host, bool keeps_data);
void toy_start(struct test_host *host);
/* How much each of the two files grew in for_ms; from outside, by stat(2). */
void toy_watch(const struct test_host *host, int for_ms, long *parent, long *child);
/* Both grow / neither does, within for_ms. */
bool toy_is_alive(const struct test_host *host, int for_ms);
bool toy_is_still(const struct test_host *host, int for_ms);
/* Still for so long, once what was begun before is done: a busy machine may leave it lying. */
bool toy_becomes_still(const struct test_host *host, int for_ms);

#endif
