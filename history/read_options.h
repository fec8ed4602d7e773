/* What a reader of histories is told besides the file. */
#ifndef HISTORY_READ_OPTIONS_H
#define HISTORY_READ_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed is the default. */
struct rift_read_options {
    const char *format;    /* NULL: recognised by content */
    bool is_keyed;         /* values [k v] of an EDN or JSON history are key and value */
    uint64_t memory_bytes; /* 0: no bound */
};

#endif
