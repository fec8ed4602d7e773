/* What etcd's errors, and the ends of a request, mean for an operation. */
#ifndef CLIENTS_ETCD_ERRORS_H
#define CLIENTS_ETCD_ERRORS_H

#include "clients/client.h"
#include "clients/etcd/http.h"

extern const struct rift_client_error etcd_errors[];

/* The row of a request that got no answer; NULL for ETCD_HTTP_ANSWERED. */
const struct rift_client_error *etcd_error_of_outcome(enum etcd_http_outcome outcome);
/* The row of an answer that is an error: its HTTP status and its body. */
const struct rift_client_error *etcd_error_of_answer(long status, const struct rift_text *body);
const struct rift_client_error *etcd_error_named(const char *code);

#endif
