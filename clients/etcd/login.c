#include "clients/etcd/login.h"

#include <stdlib.h>
#include <string.h>

#include "clients/etcd/errors.h"
#include "common/memory.h"
#include "common/secret.h"

int etcd_login_init(struct etcd_login *login, const json_t *options, struct rift_error *err)
{
    const char *user = rift_client_text(options, "user");
    const char *file = rift_client_text(options, "password_file");
    char line[RIFT_SECRET_LINE_SIZE];
    if (!user[0] && !file[0])
        return 0;
    if (!user[0] || !file[0])
        return rift_fail(err, RIFT_ERR_INVALID,
                         "client etcd: user and password_file go together, one is missing");
    if (rift_secret_read_line(file, line, err) != 0)
        return rift_wrap(err, "client etcd: password_file");
    login->user = rift_strdup(user);
    login->password = rift_strdup(line);
    explicit_bzero(line, sizeof line);
    return 0;
}

static void wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

void etcd_login_finish(struct etcd_login *login)
{
    free(login->user);
    wipe(login->password);
    *login = (struct etcd_login){0};
}

/* What a refused or lost login means for the operation that it was for, which was never sent. */
static const struct rift_client_error *login_failed(enum etcd_http_outcome outcome, long status,
                                                    const struct rift_text *body)
{
    const struct rift_client_error *error = outcome == ETCD_HTTP_ANSWERED
                                                ? etcd_error_of_answer(status, body)
                                                : etcd_error_of_outcome(outcome);
    return error->is_definite ? error : etcd_error_named("not logged in");
}

const struct rift_client_error *etcd_log_in(struct etcd_login *login, struct etcd_http *http,
                                            int64_t deadline_ns)
{
    if (!login->user || login->has_token)
        return NULL;
    json_t *request = json_pack("{s:s, s:s}", "name", login->user, "password", login->password);
    if (!request)
        return etcd_error_named("wrong password"); /* etcd takes UTF-8 only */
    char *body = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    const struct rift_text *text = NULL;
    long status = 0;
    etcd_http_authorize(http, NULL);
    /* Twice asked for is twice a token: nothing changes. */
    enum etcd_http_outcome outcome = etcd_http_post(http, "/v3/auth/authenticate", body,
                                                    ETCD_HTTP_READS, deadline_ns, &text, &status);
    wipe(body);
    json_t *answer = outcome == ETCD_HTTP_ANSWERED && text->data
                         ? json_loadb(text->data, text->length, 0, NULL)
                         : NULL;
    const char *token = json_string_value(json_object_get(answer, "token"));
    login->has_token = status == 200 && token;
    const struct rift_client_error *error =
        login->has_token ? NULL : login_failed(outcome, status, text);
    if (login->has_token)
        etcd_http_authorize(http, token);
    json_decref(answer);
    return error;
}

bool etcd_login_expire(struct etcd_login *login)
{
    bool had_token = login->has_token;
    login->has_token = false;
    return had_token;
}
