/* The contract of a client: open a session with one node, invoke operations, close it.
 *
 * One session belongs to one worker thread; a client takes no locks and keeps no global state. */
#ifndef CLIENTS_CLIENT_H
#define CLIENTS_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"
#include "common/option.h"
#include "history/op.h"
#include "history/value.h"

struct rift_client_config {
    const char *node;                 /* name: "n1" */
    const char *address;              /* numeric */
    const char *const *all_addresses; /* of all nodes, NULL-terminated, in plan order */
    /* Of this run alone, in lower-case letters, digits and '_'; "" where there is none. It goes
     * into the names of what a client creates: two runs on one cluster must not meet. */
    const char *run_id;
    const json_t *options; /* every option of the client and what the workload asks of it, defaults
                              filled in */
    int64_t open_deadline_ns; /* monotonic */
};

/* values is the worker's scratch pool: key and argument live there, the result must too. */
struct rift_request {
    const char *f;
    struct rift_value key;
    struct rift_value argument;
    struct rift_values *values;
    int64_t deadline_ns; /* monotonic; invoke returns by then */
};

enum { RIFT_ANSWER_ERROR_SIZE = 64 };

struct rift_answer {
    enum rift_op_type type; /* INFO unless the client is sure */
    struct rift_value result;
    struct rift_value extra; /* a MAP of what else the system told, as its timestamps; or nil */
    char error[RIFT_ANSWER_ERROR_SIZE]; /* a code of the client's error table, or "" */
    bool is_session_broken;             /* the worker closes the session and opens another */
};

/* What a system's errors mean. What is not listed is INFO. */
struct rift_client_error {
    const char *code;    /* short and stable: "connection refused" */
    bool is_definite;    /* true: the operation surely did not happen, FAIL */
    const char *meaning; /* when the system says so */
};

/* The key of the operations that ask whether the system serves, which no workload uses. No history
 * records them, so a client whose reads find keys that they do not name keeps this one apart. */
enum { RIFT_PROBE_KEY = -1 };

struct rift_client {
    const char *name;
    const char *summary;
    const struct rift_option *options;      /* ends with a NULL name; or NULL */
    const char *const *operations;          /* the f's it can invoke, NULL-terminated; NULL: any */
    const struct rift_client_error *errors; /* ends with a NULL code */
    int (*open)(const struct rift_client_config *config, void **session, struct rift_error *err);
    void (*invoke)(void *session, const struct rift_request *request, struct rift_answer *answer);
    void (*close)(void *session);
};

/* Every client of this build; ends with NULL. */
extern const struct rift_client *const rift_clients[];
const struct rift_client *rift_client_find(const char *name);

/* The text of an option; "" where it has none. */
static inline const char *rift_client_text(const json_t *options, const char *name)
{
    const char *text = json_string_value(json_object_get(options, name));
    return text ? text : "";
}

#endif
