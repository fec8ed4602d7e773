/* What a connection of its own costs a request that changes something, against a kept one, which a
 * request that only reads may use: both on loopback, against a server that answers at once.
 *
 * usage: bench_http. Prints a table; passes whatever it says. */
#include <stdio.h>
#include <stdlib.h>

#include "clients/etcd/http.h"
#include "common/clock.h"
#include "common/memory.h"
#include "tests/lib/scripted_server.h"

enum { ROUNDS = 5000 };

static const struct scripted_reply answer = {
    SCRIPTED_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"header\":{}}"};

static int compare(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double measure(struct etcd_http *http, const char *name, enum etcd_http_effect effect)
{
    static int64_t times_ns[ROUNDS];
    for (size_t i = 0; i < ROUNDS; i++) {
        const struct rift_text *text = NULL;
        long status = 0;
        int64_t before_ns = rift_clock_now();
        if (etcd_http_post(http, "/v3/kv/put", "{}", effect, before_ns + RIFT_SECOND, &text,
                           &status) != ETCD_HTTP_ANSWERED)
            exit(1);
        times_ns[i] = rift_clock_now() - before_ns;
    }
    qsort(times_ns, ROUNDS, sizeof *times_ns, compare);
    printf("%-24s %10.3f %10.3f\n", name, (double)times_ns[ROUNDS / 2] / 1e6,
           (double)times_ns[ROUNDS * 99L / 100] / 1e6);
    return (double)times_ns[ROUNDS / 2];
}

int main(void)
{
    struct scripted_server *server = scripted_server_start(&answer, 1);
    CLEANUP(rift_free)
    char *base = rift_printf("http://127.0.0.1:%u", scripted_server_port(server));
    struct etcd_http *http = etcd_http_create(base, &(const struct etcd_tls){"", "", ""}, NULL);
    printf("%-24s %10s %10s\n", "connection", "median ms", "99 % ms");
    double kept = measure(http, "kept", ETCD_HTTP_READS);
    double fresh = measure(http, "a new one each time", ETCD_HTTP_CHANGES);
    printf("a new one takes %.2f times as long\n", fresh / kept);
    etcd_http_destroy(http);
    scripted_server_stop(server);
    return 0;
}
