/* The histories of docs/anomalies.md with what the page claims of each. */
#ifndef TESTS_LIB_DOCUMENTED_HISTORY_H
#define TESTS_LIB_DOCUMENTED_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

struct documented_history {
    char *heading;
    char *checker; /* "list-append" */
    char *options; /* what follows on the line of the block: "linearizable-keys=true", or "" */
    char *notation;
    char *finds;     /* "G0, internal" */
    char *rules_out; /* "read-uncommitted" */
};

/* Reads every block of the page; ends the program with the line where the page is malformed. */
struct documented_history *documented_histories_read(const char *path, size_t *count);
void documented_histories_free(struct documented_history *histories, size_t count);

#endif
