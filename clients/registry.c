/* Every client of this build, in the order of the docs. */
#include <string.h>

#include "clients/client.h"
#ifdef RIFT_HAVE_CURL
#include "clients/etcd/etcd.h"
#endif
#ifdef RIFT_HAVE_LIBPQ
#include "clients/postgres/postgres.h"
#endif
#include "clients/stdio/stdio.h"

const struct rift_client *const rift_clients[] = {
#ifdef RIFT_HAVE_CURL
    &rift_client_etcd,
#endif
#ifdef RIFT_HAVE_LIBPQ
    &rift_client_postgres,
#endif
    &rift_client_stdio,
    NULL,
};

const struct rift_client *rift_client_find(const char *name)
{
    for (size_t i = 0; rift_clients[i]; i++) {
        if (strcmp(rift_clients[i]->name, name) == 0)
            return rift_clients[i];
    }
    return NULL;
}
