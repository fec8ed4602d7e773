/* The client that is any program: it speaks JSON lines on its stdin and stdout. */
#ifndef CLIENTS_STDIO_STDIO_H
#define CLIENTS_STDIO_STDIO_H

#include "clients/client.h"

extern const struct rift_client rift_client_stdio;

#endif
