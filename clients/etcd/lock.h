/* Locks in etcd: a key that exists while its holder's lease lives. */
#ifndef CLIENTS_ETCD_LOCK_H
#define CLIENTS_ETCD_LOCK_H

#include "clients/etcd/session.h"

/* Answers a fencing token: the revision at which the key was created. */
void etcd_acquire(struct etcd_session *session, const struct rift_request *request, const char *key,
                  struct rift_answer *answer);
void etcd_release(struct etcd_session *session, const struct rift_request *request, const char *key,
                  struct rift_answer *answer);
/* The session's memory of what it holds. The leases live on until they run out: nobody has released
 * these locks. */
void etcd_locks_forget(struct etcd_session *session);

#endif
