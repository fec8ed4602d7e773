/* What a test program with a lab has: its hosts and a folder for its files, made before the first
 * test and taken down after the last one, however they ended. */
#ifndef TESTS_LIB_LAB_CASE_H
#define TESTS_LIB_LAB_CASE_H

#include "tests/lib/lab_hosts.h"

/* NULL: there is no lab, as there is no root, or no package mirror for what it is to hold. */
extern const struct rift_lab_host *case_hosts;
extern char case_scratch[32];

/* For cmocka's group setup. packages (NULL-terminated) may be NULL. */
int case_up(const char *suffix, size_t host_count, const char *const *packages);
/* A group teardown. */
int case_down(void **state);
/* Skips the test where there is no lab, and where the agent was not built. */
void case_need_lab(void);
/* Writes a file in the scratch folder. */
void case_write_file(const char *name, const char *text);

#endif
