#include "clients/etcd/watch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"

/* One watch: what it has seen, and the revision up to which it has seen all. */
struct watched {
    struct rift_value *events;
    size_t count, capacity;
    int64_t revision; /* -1: not known yet */
    bool is_created;
};

static struct log_position *position_of(struct etcd_session *session, const char *key)
{
    struct log_positions *all = &session->watched;
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(all->items[i].key, key) == 0)
            return &all->items[i];
    all->items = rift_reallocarray(all->items, all->count + 1, sizeof *all->items);
    all->items[all->count] = (struct log_position){rift_strdup(key), -1, -1};
    return &all->items[all->count++];
}

static int take_event(struct watched *watched, struct rift_values *values, const json_t *event)
{
    const json_t *pair = json_object_get(event, "kv");
    const char *type = json_string_value(json_object_get(event, "type"));
    bool is_delete = type && strcmp(type, "DELETE") == 0;
    struct rift_value items[] = {rift_value_integer(values, etcd_integer(pair, "mod_revision")),
                                 RIFT_VALUE_NIL};
    if (!is_delete && etcd_decode_value(values, pair, &items[1]) != 0)
        return -1;
    if (watched->count == watched->capacity) {
        watched->capacity = watched->capacity ? 2 * watched->capacity : 16;
        watched->events =
            rift_reallocarray(watched->events, watched->capacity, sizeof *watched->events);
    }
    watched->events[watched->count++] = rift_value_box(values, RIFT_LIST, items, 2);
    if (etcd_integer(pair, "mod_revision") > watched->revision)
        watched->revision = etcd_integer(pair, "mod_revision");
    return 0;
}

/* A line of the answer. The header of the first one has the revision that the watch begins after,
 * unless it said so itself. */
static int take_line(struct watched *watched, struct rift_values *values, const char *line,
                     size_t length)
{
    CLEANUP(etcd_json_release) json_t *json = json_loadb(line, length, 0, NULL);
    const json_t *result = json_object_get(json, "result"), *event;
    if (!result || json_is_true(json_object_get(result, "canceled")))
        return -1;
    watched->is_created |= json_is_true(json_object_get(result, "created"));
    if (watched->revision < 0)
        watched->revision = etcd_integer(json_object_get(result, "header"), "revision");
    size_t i;
    json_array_foreach(json_object_get(result, "events"), i, event)
    {
        if (take_event(watched, values, event) != 0)
            return -1;
    }
    return 0;
}

/* What follows the last end of a line is half a message, and comes again. */
static int take_lines(struct watched *watched, struct rift_values *values,
                      const struct rift_text *text)
{
    const char *line = text->data, *end = text->data + text->length, *stop;
    while (line < end && (stop = memchr(line, '\n', (size_t)(end - line)))) {
        if (take_line(watched, values, line, (size_t)(stop - line)) != 0)
            return -1;
        line = stop + 1;
    }
    return 0;
}

void etcd_watch(struct etcd_session *session, const struct rift_request *request, const char *key,
                struct rift_answer *answer)
{
    struct log_position *position = position_of(session, key);
    struct watched watched = {.revision = position->polled};
    const struct rift_text *text = NULL;
    CLEANUP(rift_free)
    char *from = position->polled < 0
                     ? rift_strdup("")
                     : rift_printf(",\"start_revision\":\"%" PRId64 "\"", position->polled + 1);
    CLEANUP(rift_free)
    char *body = rift_printf("{\"create_request\":{\"key\":\"%s\"%s}}", key, from);
    text = etcd_listen(session, request, "/v3/watch", body, session->watch_ms * RIFT_MS, answer);
    if (!text)
        return;
    if (take_lines(&watched, request->values, text) != 0 || !watched.is_created) {
        etcd_end(answer, watched.is_created ? "etcd error" : "broken answer", ETCD_HTTP_READS);
    } else {
        position->polled = watched.revision;
        answer->type = RIFT_OP_OK;
        answer->result = rift_value_box(request->values, RIFT_LIST, watched.events, watched.count);
    }
    free(watched.events);
}
