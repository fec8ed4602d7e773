/* Who a session is to etcd: a user and a password, given for a token that goes with each request.
 *
 * etcd's simple tokens live in the memory of each member: they end with the member, with time, and
 * with every change of users. A request whose token is refused was not carried out. */
#ifndef CLIENTS_ETCD_LOGIN_H
#define CLIENTS_ETCD_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "clients/client.h"
#include "clients/etcd/http.h"

struct etcd_login {
    char *user;     /* NULL: requests carry no token */
    char *password; /* never told to anybody but etcd */
    bool has_token;
};

/* From the options user and password_file. Fails where there is one without the other, or the file
 * is not the owner's alone. */
int etcd_login_init(struct etcd_login *login, const json_t *options, struct rift_error *err);
void etcd_login_finish(struct etcd_login *login);
/* Sees to it that requests carry a token; asks for none where they do. NULL, or what went wrong:
 * rows that are all definite. */
const struct rift_client_error *etcd_log_in(struct etcd_login *login, struct etcd_http *http,
                                            int64_t deadline_ns);
/* The token was refused. True where another one may help. */
bool etcd_login_expire(struct etcd_login *login);

#endif
