/* A group of tests on one host with a real systemd, where Rift is attached to a unit. */
#ifndef TESTS_LIB_UNIT_CASE_H
#define TESTS_LIB_UNIT_CASE_H

#include <jansson.h>

#include "control/remote/node.h"

enum { UNIT_LEASE_S = 20 };

extern struct rift_node *unit_node; /* NULL: not open */
extern char unit_output[8192];      /* what the last script on the host said */

/* Of a group; the first as case_up (lab_case.h), with a lab of that name. */
int unit_case_up(const char *suffix);
int unit_case_down(void **state);
/* Runs a script with bash, and fails the test unless its exit code is 0. */
void unit_on_host(const char *script);
/* Opens the node where it is not, and has its agent attach to the unit. */
void unit_attach(const char *unit);
/* The caller owns the reply. */
json_t *unit_call(const char *verb, json_t *args);
void unit_close_node(void);
/* config.yaml of the scratch folder, for the command line; attach: the keys of `attach`. */
void unit_write_config(const char *attach);

#endif
