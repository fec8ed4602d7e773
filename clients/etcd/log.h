/* A log in partitions on etcd: a key for each message, and its revision is the offset. */
#ifndef CLIENTS_ETCD_LOG_H
#define CLIENTS_ETCD_LOG_H

#include "clients/etcd/session.h"

/* One [:send k v]; several at once would share a revision and are refused. */
void etcd_send(struct etcd_session *session, const struct rift_request *request, const char *key,
               struct rift_answer *answer);
/* One [:poll nil nil], of all partitions that are assigned. It takes nothing away, so one that
 * fails surely did nothing. */
void etcd_poll(struct etcd_session *session, const struct rift_request *request, const char *key,
               struct rift_answer *answer);

#endif
