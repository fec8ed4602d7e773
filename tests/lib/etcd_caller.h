/* One session of the etcd client, asked by a test. */
#ifndef TESTS_LIB_ETCD_CALLER_H
#define TESTS_LIB_ETCD_CALLER_H

#include <stdint.h>

#include "clients/client.h"

enum { ETCD_CALLER_ROWS_MAX = 64 };

struct etcd_caller {
    void *session;
    struct rift_values *values;
    json_t *options;
};

/* Rows of the client's table that an answer has named so far. */
extern bool etcd_caller_seen[ETCD_CALLER_ROWS_MAX];

const struct rift_client *etcd_caller_client(void);
/* A session with 127.0.0.1; options (taken) as the client has them. */
struct etcd_caller etcd_caller_open(json_t *options);
void etcd_caller_close(struct etcd_caller *caller);
/* One operation on key 1; fails where the client overstays its time. */
struct rift_answer etcd_caller_call(struct etcd_caller *caller, const char *f,
                                    struct rift_value argument, int64_t timeout_ms);
struct rift_answer etcd_caller_integer(struct etcd_caller *caller, const char *f, int64_t argument,
                                       int64_t timeout_ms);
/* By writes of 0, for 20 s at most. */
void etcd_caller_wait_until_it_serves(struct etcd_caller *caller);
void assert_answer(struct rift_answer answer, enum rift_op_type type, const char *error);

#endif
