/* Queues, stacks and their kin name and answer alike; this translates for all of them. */
#ifndef CHECKERS_MODELS_CONTAINER_H
#define CHECKERS_MODELS_CONTAINER_H

#include "checkers/models/model.h"

enum rift_container_code {
    RIFT_CONTAINER_INSERT,
    RIFT_CONTAINER_TAKE,
    RIFT_CONTAINER_PEEK,
    RIFT_CONTAINER_INSERT_FRONT,
    RIFT_CONTAINER_TAKE_BACK,
    RIFT_CONTAINER_PEEK_BACK,
};

/* A take or peek that answered nil, "empty" or :empty found nothing. */
enum rift_translation rift_container_translate(struct rift_problem *problem,
                                               const struct rift_model_op *op,
                                               struct rift_call *call, struct rift_error *err);
/* The state that holds nothing. */
uint32_t rift_container_start(const struct rift_problem *problem, struct rift_states *states);
void rift_container_describe(const struct rift_problem *problem, const struct rift_states *states,
                             uint32_t state, struct rift_text *text);
/* The state without the item at this place, and with value before it. */
uint32_t rift_container_without(struct rift_states *states, uint32_t state, size_t place);
uint32_t rift_container_with(struct rift_states *states, uint32_t state, size_t place,
                             uint32_t value);

#endif
