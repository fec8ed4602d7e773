/* Which requests of the session were carried out, on disk, so that none is carried out twice: not
 * after a reply was lost, not by the next agent. */
#ifndef AGENT_RECORD_H
#define AGENT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"

enum record_state {
    RECORD_NEW,     /* never seen */
    RECORD_RUNNING, /* this agent is at it */
    RECORD_LOST,    /* it had begun, and its reply is not there: it may have happened */
    RECORD_DONE,    /* the reply is there */
};

enum { RECORD_ENTRIES_MAX = 1024, RECORD_REPLY_MAX = 1 << 18 };

struct record_entry {
    int64_t id;
    enum record_state state;
    json_t *reply; /* of DONE */
};

struct record {
    int fd;
    char path[256];
    struct record_entry *entries; /* a ring of the newest */
    size_t count;
    int64_t forgotten_id; /* ids up to here were pushed out: they count as lost */
};

/* Opens the record of this session, or begins an empty one where the file is of another session or
 * boot. *is_resumed tells which. */
int record_open(struct record *record, const char *path, const char *session, const char *boot_id,
                bool *is_resumed, struct rift_error *err);
/* DONE: *reply is borrowed. */
enum record_state record_find(const struct record *record, int64_t id, const json_t **reply);
/* To be called before the request is carried out; nothing may be done where it fails. */
int record_begin(struct record *record, int64_t id, struct rift_error *err);
void record_end(struct record *record, int64_t id, const json_t *reply);
void record_close(struct record *record);

#endif
