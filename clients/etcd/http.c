/* One POST to one node with a deadline, by libcurl, never sent twice.
 *
 * libcurl sends a request again, without a word, when a REUSED connection ends before the first
 * byte of the answer (multi.c, Curl_retry_request): the server may have carried it out already. For
 * a compare-and-set this turns a success into a refusal, and so a correct system into a convicted
 * one. A fresh connection is never retried, so a request that changes something gets one of its
 * own; reads share a kept connection. Tried by etcd_post_is_never_sent_twice. */
#include "clients/etcd/http.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/secret.h"

enum { HTTP_ANSWER_BYTES_MAX = 16 << 20 };

struct etcd_http {
    CURL *curl;
    struct curl_slist *headers;
    char *base;
    struct rift_text answer;
};

static pthread_once_t http_once = PTHREAD_ONCE_INIT;
static CURLcode http_global_result;

static void http_init_once(void)
{
    http_global_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t http_on_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct etcd_http *http = context;
    size_t length = size * count;
    if (http->answer.length + length > HTTP_ANSWER_BYTES_MAX)
        return 0; /* ends the transfer with CURLE_WRITE_ERROR */
    rift_text_append_bytes(&http->answer, bytes, length);
    return length;
}

/* Closed with a reset instead of TIME_WAIT: a connection an operation would use up the local ports
 * of one address within a minute at 500 operations a second. */
static int http_on_socket(void *context, curl_socket_t fd, curlsocktype purpose)
{
    (void)context;
    (void)purpose;
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    return CURL_SOCKOPT_OK;
}

static int http_check_file(const char *path, struct rift_error *err)
{
    if (path[0] && access(path, R_OK) != 0)
        return rift_fail_errno(err, RIFT_ERR_MISSING, "read '%s', for TLS", path);
    return 0;
}

void etcd_http_authorize(struct etcd_http *http, const char *token)
{
    curl_slist_free_all(http->headers);
    http->headers = curl_slist_append(NULL, "Content-Type: application/json");
    /* With "Expect: 100-continue" curl would repeat a request that is answered by 417. */
    http->headers = curl_slist_append(http->headers, "Expect:");
    if (token) {
        CLEANUP(rift_free) char *header = rift_printf("Authorization: %s", token);
        http->headers = curl_slist_append(http->headers, header);
    }
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, http->headers);
}

struct etcd_http *etcd_http_create(const char *base, const struct etcd_tls *tls,
                                   struct rift_error *err)
{
    if (http_check_file(tls->ca, err) || http_check_file(tls->cert, err) ||
        (tls->key[0] && rift_secret_check(tls->key, err) && rift_wrap(err, "tls_key")))
        return NULL;
    pthread_once(&http_once, http_init_once);
    CURL *curl = http_global_result == CURLE_OK ? curl_easy_init() : NULL;
    if (!curl) {
        rift_fail(err, RIFT_ERR_UNSUPPORTED, "libcurl cannot be initialised");
        return NULL;
    }
    struct etcd_http *http = rift_calloc(1, sizeof *http);
    http->curl = curl;
    http->base = rift_strdup(base);
    etcd_http_authorize(http, NULL);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* whatever the environment says */
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, http_on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, http);
    curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, http_on_socket);
    if (tls->ca[0])
        curl_easy_setopt(curl, CURLOPT_CAINFO, tls->ca);
    if (tls->cert[0])
        curl_easy_setopt(curl, CURLOPT_SSLCERT, tls->cert);
    if (tls->key[0])
        curl_easy_setopt(curl, CURLOPT_SSLKEY, tls->key);
    return http;
}

void etcd_http_destroy(struct etcd_http *http)
{
    if (!http)
        return;
    curl_easy_cleanup(http->curl);
    curl_slist_free_all(http->headers);
    free(http->base);
    rift_text_finish(&http->answer);
    free(http);
}

static enum etcd_http_outcome http_outcome(struct etcd_http *http, CURLcode code)
{
    long sent_bytes = 0;
    curl_easy_getinfo(http->curl, CURLINFO_REQUEST_SIZE, &sent_bytes);
    switch (code) {
    case CURLE_OK:
        return ETCD_HTTP_ANSWERED;
    case CURLE_COULDNT_CONNECT:
        return ETCD_HTTP_CANNOT_CONNECT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
        return sent_bytes == 0 ? ETCD_HTTP_NOT_TRUSTED : ETCD_HTTP_CONNECTION_LOST;
    case CURLE_OPERATION_TIMEDOUT:
        return sent_bytes == 0 ? ETCD_HTTP_NOT_SENT : ETCD_HTTP_TIMEOUT;
    case CURLE_GOT_NOTHING:
        return ETCD_HTTP_NO_ANSWER;
    case CURLE_WRITE_ERROR:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return ETCD_HTTP_BROKEN_ANSWER;
    default:
        return ETCD_HTTP_CONNECTION_LOST;
    }
}

enum etcd_http_outcome etcd_http_post(struct etcd_http *http, const char *path, const char *body,
                                      enum etcd_http_effect effect, int64_t deadline_ns,
                                      const struct rift_text **answer, long *status)
{
    long left_ms = rift_clock_poll_ms(deadline_ns);
    if (left_ms <= 0)
        return ETCD_HTTP_NOT_SENT; /* to curl, 0 is no deadline at all */
    CLEANUP(rift_free) char *url = rift_printf("%s%s", http->base, path);
    long is_single_use = effect == ETCD_HTTP_CHANGES;
    rift_text_clear(&http->answer);
    curl_easy_setopt(http->curl, CURLOPT_URL, url);
    curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
    curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(http->curl, CURLOPT_FRESH_CONNECT, is_single_use);
    curl_easy_setopt(http->curl, CURLOPT_FORBID_REUSE, is_single_use);
    curl_easy_setopt(http->curl, CURLOPT_TIMEOUT_MS, left_ms);
    curl_easy_setopt(http->curl, CURLOPT_CONNECTTIMEOUT_MS, left_ms);
    enum etcd_http_outcome outcome = http_outcome(http, curl_easy_perform(http->curl));
    if (outcome == ETCD_HTTP_ANSWERED) {
        curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, status);
        *answer = &http->answer;
    }
    return outcome;
}

enum etcd_http_outcome etcd_http_listen(struct etcd_http *http, const char *path, const char *body,
                                        int64_t deadline_ns, const struct rift_text **answer,
                                        long *status)
{
    enum etcd_http_outcome outcome =
        etcd_http_post(http, path, body, ETCD_HTTP_CHANGES, deadline_ns, answer, status);
    if (outcome != ETCD_HTTP_TIMEOUT || http->answer.length == 0)
        return outcome;
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, status);
    *answer = &http->answer;
    return ETCD_HTTP_ANSWERED;
}
