/* An HTTP server on loopback that answers as a script says, and remembers what it was asked. */
#ifndef TESTS_LIB_SCRIPTED_SERVER_H
#define TESTS_LIB_SCRIPTED_SERVER_H

#include <stddef.h>
#include <stdint.h>

enum scripted_step {
    SCRIPTED_ANSWER, /* the text as it stands; the connection stays open */
    SCRIPTED_CLOSE,  /* reads the request, then closes without a word */
    SCRIPTED_RESET,  /* sends the text, then resets the connection */
};

/* Step i serves request i, whatever connection it comes on; the last one serves all that follow. */
struct scripted_reply {
    enum scripted_step step;
    const char *text;
};

struct scripted_server;

struct scripted_server *scripted_server_start(const struct scripted_reply *replies, size_t count);
uint16_t scripted_server_port(const struct scripted_server *server);
/* Whole requests received so far whose path is path (NULL: any); the first 64 count. */
size_t scripted_server_requests(struct scripted_server *server, const char *path);
void scripted_server_stop(struct scripted_server *server);

#endif
