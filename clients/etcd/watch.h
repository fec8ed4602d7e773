/* Watches of one key. */
#ifndef CLIENTS_ETCD_WATCH_H
#define CLIENTS_ETCD_WATCH_H

#include "clients/etcd/session.h"

/* Answers [[revision value] ...], what was seen of the key within watch_ms; nil: deleted. The first
 * watch of a session begins with what comes next, each further one where the last ended. */
void etcd_watch(struct etcd_session *session, const struct rift_request *request, const char *key,
                struct rift_answer *answer);

#endif
