/* A child process that is spoken to in lines, with deadlines. */
#ifndef CLIENTS_STDIO_PROGRAM_H
#define CLIENTS_STDIO_PROGRAM_H

#include <stdint.h>

#include "common/error.h"

struct stdio_program;

enum stdio_outcome {
    STDIO_DONE,
    STDIO_TIMEOUT,
    STDIO_ENDED,    /* the program closed its end, or ended */
    STDIO_TOO_LONG, /* a line past the bound */
};

/* argv ends with NULL and is looked up in PATH. The program gets a process group of its own, so a
 * Ctrl-C at the terminal does not reach it. What it writes to stderr goes to the log, line by line,
 * with label in front. */
struct stdio_program *stdio_program_start(const char *const *argv, const char *label,
                                          struct rift_error *err);
/* Writes line and a newline. */
enum stdio_outcome stdio_program_send(struct stdio_program *program, const char *line,
                                      int64_t deadline_ns);
/* The next line without its newline, valid until the next call. */
enum stdio_outcome stdio_program_receive(struct stdio_program *program, int64_t deadline_ns,
                                         const char **line);
/* Closes its stdin, waits half a second for it to end, then kills its whole group. */
void stdio_program_end(struct stdio_program *program);

#endif
