/* One POST to one node with a deadline, by libcurl, never sent twice. */
#ifndef CLIENTS_ETCD_HTTP_H
#define CLIENTS_ETCD_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/text.h"

struct etcd_http;

enum etcd_http_outcome {
    ETCD_HTTP_ANSWERED,        /* a whole answer, whatever it says */
    ETCD_HTTP_CANNOT_CONNECT,  /* no connection: nothing was sent */
    ETCD_HTTP_NOT_TRUSTED,     /* TLS was not agreed on: nothing was sent */
    ETCD_HTTP_NOT_SENT,        /* the deadline passed before the first byte was sent */
    ETCD_HTTP_TIMEOUT,         /* the deadline passed after something was sent */
    ETCD_HTTP_NO_ANSWER,       /* the connection ended without a byte of answer */
    ETCD_HTTP_CONNECTION_LOST, /* it broke while sending or amid the answer */
    ETCD_HTTP_BROKEN_ANSWER,   /* not HTTP, or too long */
};

/* A request that changes something must reach the server at most once; one that only reads may be
 * repeated. */
enum etcd_http_effect { ETCD_HTTP_READS, ETCD_HTTP_CHANGES };

/* Files in PEM, for https; "" where there is none. */
struct etcd_tls {
    const char *ca;   /* what the node's certificate is checked by */
    const char *cert; /* ours */
    const char *key;  /* which only its owner may read */
};

/* base is "http://10.0.0.1:2379", or https. Fails for a file of tls that cannot be read. */
struct etcd_http *etcd_http_create(const char *base, const struct etcd_tls *tls,
                                   struct rift_error *err);
void etcd_http_destroy(struct etcd_http *http);
/* From now on requests carry this token; NULL: none. */
void etcd_http_authorize(struct etcd_http *http, const char *token);

/* Sends body to path and returns by deadline_ns. answer (valid until the next call) and status are
 * written where ETCD_HTTP_ANSWERED is returned. */
enum etcd_http_outcome etcd_http_post(struct etcd_http *http, const char *path, const char *body,
                                      enum etcd_http_effect effect, int64_t deadline_ns,
                                      const struct rift_text **answer, long *status);
/* The same for an answer that does not end: what came by the deadline, at least a byte, counts as
 * an answer. The connection is closed after it. */
enum etcd_http_outcome etcd_http_listen(struct etcd_http *http, const char *path, const char *body,
                                        int64_t deadline_ns, const struct rift_text **answer,
                                        long *status);

#endif
