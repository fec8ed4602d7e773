/* The contract of a model: the sequential specification of one object, on interned states.
 *
 * A model never sees a history. It translates each operation once into a CALL (a kind and two small
 * words), and then answers one question: which state follows when this call happens in that state?
 * What cannot be told by an answer (a read that failed, a crashed read) is dropped in translation.
 */
#ifndef CHECKERS_MODELS_MODEL_H
#define CHECKERS_MODELS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/text.h"
#include "history/history.h"

/* What calls of all models mean, so that monitors and explanations speak one language. a and b are
 * value ids of the problem (0 is nil) unless said otherwise. An OPTIONAL call (crashed, or
 * weakened) happens or not; it never has a result, so its kind is one that says nothing about the
 * answer. */
enum rift_call_kind {
    RIFT_CALL_READ,         /* answered a */
    RIFT_CALL_WRITE,        /* of a */
    RIFT_CALL_CAS,          /* from a to b, succeeded: the state was a */
    RIFT_CALL_CAS_FAILED,   /* the state was not a */
    RIFT_CALL_EXCHANGE,     /* answered a, then set b; crashed: RIFT_CALL_WRITE of b */
    RIFT_CALL_INSERT,       /* enqueue, push, offer a; deque: at the back */
    RIFT_CALL_TAKE,         /* dequeue, pop, poll: answered a; deque: from the front */
    RIFT_CALL_TAKE_EMPTY,   /* answered "empty" */
    RIFT_CALL_TAKE_UNKNOWN, /* crashed: took what was there, or nothing */
    RIFT_CALL_PEEK,         /* answered a */
    RIFT_CALL_PEEK_EMPTY,
    RIFT_CALL_INSERT_FRONT, /* deques only, as is all that ends in _FRONT or _BACK */
    RIFT_CALL_TAKE_BACK,
    RIFT_CALL_TAKE_BACK_EMPTY,
    RIFT_CALL_TAKE_BACK_UNKNOWN,
    RIFT_CALL_PEEK_BACK,
    RIFT_CALL_PEEK_BACK_EMPTY,
    RIFT_CALL_ADD,          /* set: a is in it afterwards, whatever was before */
    RIFT_CALL_ADD_NEW,      /* set: answered that a was not in it before */
    RIFT_CALL_REMOVE,       /* set: a is not in it afterwards, whatever was before */
    RIFT_CALL_REMOVE_FOUND, /* set: answered that a was in it before */
    RIFT_CALL_CONTAINS,     /* set: a was in it (also an add that answered "was there already") */
    RIFT_CALL_LACKS,        /* set: a was not in it (also a remove that found nothing) */
    RIFT_CALL_READ_ALL,     /* answered a, the id of a whole collection */
    RIFT_CALL_INCREMENT,    /* counter: by the number of value a */
    RIFT_CALL_FETCH_ADD,    /* counter: by the number of a, answered the number of b before */
    RIFT_CALL_ADD_FETCH,    /* counter: by the number of a, answered the number of b after */
    RIFT_CALL_ACQUIRE,      /* lock: a is the owner; b the fence's value id, 0 without; semaphore: a
                               permits */
    RIFT_CALL_RELEASE,      /* as ACQUIRE */
    RIFT_CALL_REFUSED,      /* lock, semaphore: a try by a that answered "not free" */
    RIFT_CALL_APPEND,       /* a to the text or list; kv map: to key a the text b */
    RIFT_CALL_GET,          /* key a answered b */
    RIFT_CALL_PUT,          /* key a set to b */
    RIFT_CALL_TRANSACTION,  /* a: the id of the whole transaction with its answers */
    RIFT_CALL_MOVE,         /* a table of a finite state machine: a is the row's number */
    RIFT_CALL_KIND_COUNT,
};

struct rift_call {
    uint32_t kind; /* enum rift_call_kind */
    uint32_t a, b;
};

#define RIFT_STATE_NONE UINT32_MAX

/* States that do not fit into one word: sequences of words, each kept once. One for a search. */
struct rift_states;
struct rift_states *rift_states_create(void);
void rift_states_destroy(struct rift_states *states);
/* The id of the sequence; equal sequences have equal ids. */
uint32_t rift_states_intern(struct rift_states *states, const uint32_t *words, size_t count);
/* Valid until the next intern. */
const uint32_t *rift_states_words(const struct rift_states *states, uint32_t id, size_t *count);
size_t rift_states_size_bytes(const struct rift_states *states);

/* One operation of the history, as a model translates it. */
struct rift_model_op {
    int code; /* of its name, from the model's table */
    enum rift_op_type type;
    struct rift_value argument, result;
    int32_t process;
};

enum rift_translation {
    RIFT_TRANSLATED,
    RIFT_NO_INFORMATION, /* leave the operation out */
    RIFT_NOT_TRANSLATED, /* err says what does not fit */
};

struct rift_operation_name {
    const char *name; /* as histories write it */
    int code;
};

struct rift_problem;

struct rift_model {
    const char *name;
    const char *summary;                     /* one line for lists */
    const char *operations;                  /* for docs: "write v; read -> v" */
    const struct rift_operation_name *names; /* ends with NULL; several names may share a code */
    bool observes_failures; /* translate is asked about FAIL too; otherwise they are left out */
    bool is_scalar;         /* a state is a value id itself (registers): rift_states is not used */
    /* May intern values into the problem. INFO: the call must be one without an answer. */
    enum rift_translation (*translate)(struct rift_problem *problem, const struct rift_model_op *op,
                                       struct rift_call *call, struct rift_error *err);
    uint32_t (*start)(const struct rift_problem *problem, struct rift_states *states);
    /* The state after the call, RIFT_STATE_NONE where it cannot happen in this state. choice counts
     * up from 0 while a crashed call may end in several states; RIFT_STATE_NONE ends it. */
    uint32_t (*step)(const struct rift_problem *problem, struct rift_states *states, uint32_t state,
                     const struct rift_call *call, uint32_t choice);
    /* Leaving out all calls with the same a keeps a legal sequence legal: containers, maps. */
    bool is_projectable;
    bool has_choices; /* step looks at choice; otherwise only choice 0 is ever asked */
    /* For people: "the queue [3 5]". */
    void (*describe)(const struct rift_problem *problem, const struct rift_states *states,
                     uint32_t state, struct rift_text *text);
};

/* True for calls that never change a state: reads, peeks, failed tries. */
bool rift_call_is_observer(enum rift_call_kind kind);
/* The kind of the same call when nobody knows its answer: READ becomes RIFT_CALL_KIND_COUNT (say
 * nothing at all), TAKE becomes TAKE_UNKNOWN, FETCH_ADD becomes INCREMENT... */
struct rift_call rift_call_weakened(struct rift_call call);

/* Every model, in the order of the docs; ends with NULL. */
extern const struct rift_model *const rift_models[];
const struct rift_model *rift_model_find(const char *name);

#endif
