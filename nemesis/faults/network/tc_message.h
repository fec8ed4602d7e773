/* A netlink socket and raw traffic-control messages over it. */
#ifndef NEMESIS_FAULTS_NETWORK_TC_MESSAGE_H
#define NEMESIS_FAULTS_NETWORK_TC_MESSAGE_H

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "common/error.h"

struct rift_tc; /* a netlink socket */

struct rift_tc *rift_tc_open(struct rift_error *err);
void rift_tc_close(struct rift_tc *tc);
/* For CLEANUP. */
void rift_tc_finish(struct rift_tc **tc);

/* A message with its tcmsg; attributes are to follow. Out of memory ends the process. */
struct nl_msg *rift_tc_message(int type, int flags, int interface, uint32_t parent, uint32_t handle,
                               uint32_t info);
/* Sends and waits for the acknowledgement; 0 or a negative code of libnl. Frees message. */
int rift_tc_send(struct rift_tc *tc, struct nl_msg *message);
/* Sends a dump, and hands each answer to callback. Frees message. */
int rift_tc_query(struct rift_tc *tc, struct nl_msg *message,
                  int (*callback)(struct nl_msg *, void *), void *context);
/* The same for a question that has one answer, and no acknowledgement after it. */
int rift_tc_get(struct rift_tc *tc, struct nl_msg *message,
                int (*callback)(struct nl_msg *, void *), void *context);
/* The name of an interface (room for IF_NAMESIZE), or its number: 1; 0 where there is none of that
 * number, or name; -1 with err. They take no descriptor, so a heal never mistakes the want of one
 * for an interface that is gone. */
int rift_tc_interface_name(struct rift_tc *tc, int interface, char *name, struct rift_error *err);
int rift_tc_interface_number(struct rift_tc *tc, const char *name, int *interface,
                             struct rift_error *err);
/* Writes the error for a code of libnl, and returns -1. */
int rift_tc_fail(struct rift_error *err, int rc, const char *what, int interface);

#endif
