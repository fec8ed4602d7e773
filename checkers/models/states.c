/* Sequences of words, each kept once: an array of words behind an open-addressed table of ids. */
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "checkers/models/model.h"
#include "common/memory.h"

struct rift_states {
    uint32_t *words;
    size_t word_count, word_capacity;
    size_t *start; /* of each id; start[count] is word_count */
    uint32_t count, capacity;
    uint32_t *table; /* id + 1, 0 is free */
    uint32_t table_size;
};

struct rift_states *rift_states_create(void)
{
    struct rift_states *states = rift_calloc(1, sizeof *states);
    states->capacity = 64;
    states->start = rift_calloc(states->capacity + 1, sizeof *states->start);
    states->table_size = 128;
    states->table = rift_calloc(states->table_size, sizeof *states->table);
    return states;
}

void rift_states_destroy(struct rift_states *states)
{
    if (!states)
        return;
    free(states->words);
    free(states->start);
    free(states->table);
    free(states);
}

size_t rift_states_size_bytes(const struct rift_states *states)
{
    return states->word_capacity * sizeof *states->words +
           states->capacity * sizeof *states->start + states->table_size * sizeof *states->table;
}

const uint32_t *rift_states_words(const struct rift_states *states, uint32_t id, size_t *count)
{
    *count = states->start[id + 1] - states->start[id];
    return states->words ? states->words + states->start[id] : states->table;
}

static uint32_t *states_slot(const struct rift_states *states, const uint32_t *words, size_t count)
{
    uint32_t mask = states->table_size - 1;
    uint32_t at = (uint32_t)XXH3_64bits(words, count * sizeof *words) & mask;
    for (; states->table[at]; at = (at + 1) & mask) {
        uint32_t id = states->table[at] - 1;
        size_t length = states->start[id + 1] - states->start[id];
        if (length == count && (count == 0 || memcmp(states->words + states->start[id], words,
                                                     count * sizeof *words) == 0))
            break;
    }
    return &states->table[at];
}

static void states_grow(struct rift_states *states)
{
    states->capacity *= 2;
    states->start = rift_reallocarray(states->start, states->capacity + 1, sizeof *states->start);
    states->table_size *= 2;
    free(states->table);
    states->table = rift_calloc(states->table_size, sizeof *states->table);
    for (uint32_t id = 0; id < states->count; id++) {
        size_t count;
        const uint32_t *words = rift_states_words(states, id, &count);
        *states_slot(states, words, count) = id + 1;
    }
}

uint32_t rift_states_intern(struct rift_states *states, const uint32_t *words, size_t count)
{
    uint32_t *slot = states_slot(states, words, count);
    if (*slot)
        return *slot - 1;
    if (states->count == states->capacity) {
        states_grow(states);
        slot = states_slot(states, words, count);
    }
    while (states->word_count + count > states->word_capacity) {
        states->word_capacity = states->word_capacity ? states->word_capacity * 2 : 256;
        states->words =
            rift_reallocarray(states->words, states->word_capacity, sizeof *states->words);
    }
    if (count)
        memcpy(states->words + states->word_count, words, count * sizeof *words);
    states->word_count += count;
    uint32_t id = states->count++;
    states->start[id + 1] = states->word_count;
    *slot = id + 1;
    return id;
}
