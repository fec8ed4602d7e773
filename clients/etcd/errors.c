/* What etcd's errors, and the ends of a request, mean for an operation.
 *
 * Definite is only what etcd refuses before it proposes to Raft (etcdserver/v3_server.go,
 * api/v3rpc/key.go and quota.go of 3.4) or, for want of a permission, in place of applying it
 * (etcdserver/apply_auth.go), what the transaction itself answers, and what was never sent.
 * Everything a leader may still commit afterwards is not: a timeout, a change of leader, an ending
 * server. Each row is produced live by tests/integration/test_etcd_errors.c. */
#include "clients/etcd/errors.h"

#include <assert.h>
#include <string.h>

#include <jansson.h>

const struct rift_client_error etcd_errors[] = {
    {"cannot connect", true, "no connection to the node: nothing was sent"},
    {"not trusted", true, "TLS: one side refused the other's certificate, and nothing was sent"},
    {"not sent", true, "the deadline passed before the first byte was sent"},
    {"timeout", false, "the deadline passed after the request was sent"},
    {"no answer", false, "the connection ended without a byte of answer"},
    {"connection lost", false, "the connection broke while sending or amid the answer"},
    {"broken answer", false, "the answer is not that of an etcd"},
    {"compare failed", true, "the value was not the expected one"},
    {"lock held", true, "the key of the lock exists: another session's lease lives"},
    {"lock not held", true, "the session does not hold the lock that it would release"},
    {"lease not found", true, "the lease had run out, and what was bound to it is gone (gRPC 5)"},
    {"not logged in", true, "no token came from the node in time: nothing else was sent"},
    {"wrong password", true, "etcd knows no such user, or the password is another (gRPC 3)"},
    {"no authentication", true,
     "the client has a user, but authentication is not enabled (gRPC 9)"},
    {"no user", true, "authentication is enabled, but the client has no user (gRPC 3)"},
    {"named certificate", true,
     "etcd's gateway takes no certificate with a common name while authentication is enabled"},
    {"token refused", true, "two tokens in a row were, the second a new one (gRPC 16, gRPC 3)"},
    {"permission denied", true, "the user may not do that (gRPC 7)"},
    {"invalid request", true, "refused before it was proposed: malformed or too large (gRPC 3)"},
    {"no space", true, "the quota of the database is used up (gRPC 8)"},
    {"too many requests", true, "more proposals wait than etcd takes (gRPC 8)"},
    {"leader changed", false, "the leader lost its office while the proposal was under way"},
    {"request timed out", false, "etcd's own deadline for a proposal passed (gRPC 14)"},
    {"server stopped", false, "the server ended while the proposal was under way (gRPC 14)"},
    {"unavailable", false, "any other gRPC 14"},
    {"server deadline", false, "context deadline exceeded inside the server"},
    {"etcd error", false, "any other error that etcd names"},
    {NULL, false, NULL},
};

const struct rift_client_error *etcd_error_named(const char *code)
{
    for (size_t i = 0; etcd_errors[i].code; i++) {
        if (strcmp(etcd_errors[i].code, code) == 0)
            return &etcd_errors[i];
    }
    assert(!"every code that the client uses stands in its table");
    return NULL;
}

const struct rift_client_error *etcd_error_of_outcome(enum etcd_http_outcome outcome)
{
    static const char *const codes[] = {
        [ETCD_HTTP_ANSWERED] = NULL,
        [ETCD_HTTP_CANNOT_CONNECT] = "cannot connect",
        [ETCD_HTTP_NOT_TRUSTED] = "not trusted",
        [ETCD_HTTP_NOT_SENT] = "not sent",
        [ETCD_HTTP_TIMEOUT] = "timeout",
        [ETCD_HTTP_NO_ANSWER] = "no answer",
        [ETCD_HTTP_CONNECTION_LOST] = "connection lost",
        [ETCD_HTTP_BROKEN_ANSWER] = "broken answer",
    };
    return codes[outcome] ? etcd_error_named(codes[outcome]) : NULL;
}

/* The gRPC codes that tell the errors apart (google.golang.org/grpc/codes). */
enum {
    GRPC_ANY = -1,
    GRPC_INVALID_ARGUMENT = 3,
    GRPC_NOT_FOUND = 5,
    GRPC_PERMISSION_DENIED = 7,
    GRPC_RESOURCE_EXHAUSTED = 8,
    GRPC_FAILED_PRECONDITION = 9,
    GRPC_UNAVAILABLE = 14,
    GRPC_UNAUTHENTICATED = 16
};

static const struct {
    int grpc;
    const char *words; /* found in the message */
    const char *code;
} etcd_messages[] = {
    {GRPC_INVALID_ARGUMENT, "invalid user ID or password", "wrong password"},
    {GRPC_INVALID_ARGUMENT, "user name is empty", "no user"},
    {GRPC_INVALID_ARGUMENT, "revision of auth store is old", "token refused"},
    {GRPC_INVALID_ARGUMENT, "", "invalid request"},
    {GRPC_NOT_FOUND, "lease not found", "lease not found"},
    {GRPC_PERMISSION_DENIED, "", "permission denied"},
    {GRPC_FAILED_PRECONDITION, "authentication is not enabled", "no authentication"},
    {GRPC_UNAUTHENTICATED, "", "token refused"},
    {GRPC_RESOURCE_EXHAUSTED, "database space exceeded", "no space"},
    {GRPC_RESOURCE_EXHAUSTED, "too many requests", "too many requests"},
    {GRPC_UNAVAILABLE, "leader changed", "leader changed"},
    {GRPC_UNAVAILABLE, "request timed out", "request timed out"},
    {GRPC_UNAVAILABLE, "server stopped", "server stopped"},
    {GRPC_UNAVAILABLE, "", "unavailable"},
    {GRPC_ANY, "context deadline exceeded", "server deadline"},
    {GRPC_ANY, "", "etcd error"},
};

static const struct rift_client_error *error_of_json(long status, const json_t *body)
{
    const json_t *number = json_object_get(body, "code");
    const char *message = json_string_value(json_object_get(body, "error"));
    if (status == 200 || !json_is_integer(number) || !message)
        return etcd_error_named("broken answer");
    for (size_t i = 0; i < sizeof etcd_messages / sizeof *etcd_messages; i++) {
        if (etcd_messages[i].grpc != GRPC_ANY &&
            etcd_messages[i].grpc != json_integer_value(number))
            continue;
        if (strstr(message, etcd_messages[i].words))
            return etcd_error_named(etcd_messages[i].code);
    }
    return etcd_error_named("etcd error");
}

const struct rift_client_error *etcd_error_of_answer(long status, const struct rift_text *body)
{
    const char *words = body->data ? body->data : "";
    if (strstr(words, "CommonName of client")) /* embed/serve.go, before anything is handed on */
        return etcd_error_named("named certificate");
    json_t *json = json_loadb(words, body->length, 0, NULL);
    const struct rift_client_error *error = error_of_json(status, json);
    json_decref(json);
    return error;
}
