/* The client of etcd, over the JSON gateway of its v3 API. */
#ifndef CLIENTS_ETCD_ETCD_H
#define CLIENTS_ETCD_ETCD_H

#include "clients/client.h"

extern const struct rift_client rift_client_etcd;

#endif
