#include "clients/log_positions.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

static char *key_text(const struct rift_values *values, struct rift_value key)
{
    json_t *json = rift_value_to_json(values, key);
    char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
    json_decref(json);
    return text;
}

static int64_t stood_at(const struct log_positions *positions, const char *key)
{
    for (size_t i = 0; i < positions->count; i++)
        if (strcmp(positions->items[i].key, key) == 0)
            return positions->items[i].polled;
    return -1;
}

void log_positions_assign(struct log_positions *positions, const struct rift_values *values,
                          struct rift_value argument)
{
    struct rift_value keys = argument, from;
    bool is_rewind = rift_value_map_get(values, argument, "from", &from) &&
                     rift_value_is_word(values, from, "beginning");
    rift_value_map_get(values, argument, "keys", &keys);
    size_t count = rift_value_count(values, keys);
    struct log_positions assigned = {.items = rift_calloc(count + 1, sizeof *assigned.items),
                                     .count = count};
    for (size_t i = 0; i < count; i++) {
        char *key = key_text(values, rift_value_item(values, keys, i));
        int64_t polled = is_rewind ? -1 : stood_at(positions, key);
        assigned.items[i] = (struct log_position){key, polled, polled};
    }
    log_positions_finish(positions);
    *positions = assigned;
}

void log_positions_settle(struct log_positions *positions, bool is_ok)
{
    for (size_t i = 0; i < positions->count; i++) {
        struct log_position *position = &positions->items[i];
        if (is_ok)
            position->polled = position->pending;
        else
            position->pending = position->polled;
    }
}

void log_positions_finish(struct log_positions *positions)
{
    for (size_t i = 0; i < positions->count; i++)
        free(positions->items[i].key);
    free(positions->items);
    *positions = (struct log_positions){0};
}
