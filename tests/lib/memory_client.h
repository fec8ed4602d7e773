/* A store in memory and clients for it: one correct, one that reads from replicas that lag, and
 * ones that misbehave. The store stands in the client's options as an address. */
#ifndef TESTS_LIB_MEMORY_CLIENT_H
#define TESTS_LIB_MEMORY_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "clients/client.h"

enum { MEMORY_STORE_KEYS = 64, MEMORY_STORE_NODES = 3, MEMORY_STORE_NIL = -1 };

struct memory_store {
    pthread_mutex_t lock;
    int64_t values[MEMORY_STORE_KEYS];
    int64_t replicas[MEMORY_STORE_NODES][MEMORY_STORE_KEYS];
    unsigned changes;
    _Atomic int64_t *journal_count; /* or NULL: a write of v demands that it is past v */
    atomic_bool is_hanging;         /* every invoke waits while it is set */
    atomic_uint hang_once;          /* so many invokes hang until lets_go is set */
    atomic_bool lets_go;
    atomic_uint invocations, early, open_sessions;
};

void memory_store_init(struct memory_store *store);
json_t *memory_store_options(struct memory_store *store);

extern const struct rift_client memory_client_correct;
/* A write reaches the replicas of other nodes only with every eighth change. */
extern const struct rift_client memory_client_stale;
extern const struct rift_client memory_client_closed; /* cannot be opened */

#endif
