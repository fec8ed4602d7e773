/* A session with one etcd node: calls of its gateway, and keys and values as it stores them. */
#ifndef CLIENTS_ETCD_SESSION_H
#define CLIENTS_ETCD_SESSION_H

#include "clients/client.h"
#include "clients/etcd/http.h"
#include "clients/etcd/login.h"
#include "clients/log_positions.h"

/* A lock that the session holds by a lease. */
struct etcd_held {
    struct etcd_held *next;
    char *key;   /* as it is sent */
    char *lease; /* its number, in digits */
};

struct etcd_session {
    struct etcd_http *http;
    struct etcd_login login;
    char *key_prefix; /* with the run in it */
    bool reads_locally;
    int64_t lease_s;
    struct etcd_held *held;
    struct log_positions positions;
    struct log_positions watched; /* by key, the revision up to which all was seen */
    int64_t watch_ms;
    bool tells_revisions; /* a write answers [revision value] */
};

/* Ends the operation with an error: FAIL where it is definite or a read, INFO otherwise. */
void etcd_end(struct rift_answer *answer, const char *error, enum etcd_http_effect effect);
/* The JSON of an answer with status 200, which has a header; NULL after it has ended the operation.
 * The caller owns it. */
json_t *etcd_call(struct etcd_session *session, const struct rift_request *request,
                  const char *path, const char *body, enum etcd_http_effect effect,
                  struct rift_answer *answer);
/* An answer that goes on for so long, or until the deadline: what came by then; NULL after it has
 * ended the operation. Valid until the next call. */
const struct rift_text *etcd_listen(struct etcd_session *session,
                                    const struct rift_request *request, const char *path,
                                    const char *body, int64_t for_ns, struct rift_answer *answer);
/* An integer of proto3's JSON, which writes those of 64 bits as text and leaves out 0. */
int64_t etcd_integer(const json_t *object, const char *member);

/* In base64, as the gateway wants them; free() them. A key is prefix + run + room + JSON + rest. */
char *etcd_encode_key(const struct etcd_session *session, const char *room, const char *key_json,
                      const char *rest);
char *etcd_encode_value(const struct rift_values *values, struct rift_value value);
/* The value of a pair in "kvs"; -1 where it is not what etcd_encode_value writes. */
int etcd_decode_value(struct rift_values *values, const json_t *pair, struct rift_value *value);
/* JSON text of a value; free() it. */
char *etcd_json_text(const struct rift_values *values, struct rift_value value);

static inline void etcd_json_release(json_t **json)
{
    json_decref(*json);
}

#endif
