/* A machine is a list of steps (from, operation, argument, result, to). An operation becomes the
 * list of the steps that it may have been; what it does in a state is any of those that begin
 * there. */
#include "checkers/models/machine.h"

#include <stdlib.h>
#include <string.h>

#include "checkers/linearizability/problem.h"
#include "common/memory.h"

enum { STATES_MAX = 4096, STEPS_MAX = 4096, FROM_ANY = UINT16_MAX };

struct step {
    uint16_t from, to; /* states by number; FROM_ANY: in every state; to FROM_ANY: it stays */
    int code;
    const json_t *argument, *result; /* of the file; NULL: any */
};

struct machine {
    struct rift_model model; /* first: problems know only this */
    json_t *json;
    const char *states[STATES_MAX];
    uint32_t state_count, start;
    struct step steps[STEPS_MAX];
    uint32_t step_count;
    struct rift_operation_name *names;
    size_t name_count;
};

static const struct machine *machine_of(const struct rift_problem *problem)
{
    return (const struct machine *)(const void *)problem->model;
}

static bool fits(const struct rift_problem *problem, const json_t *wanted, struct rift_value value)
{
    if (!wanted)
        return true;
    json_t *json = rift_value_to_json(problem->history->values, value);
    bool is_equal = json_equal(wanted, json);
    json_decref(json);
    return is_equal;
}

/* The list of steps that the operation may have been; its first word is the list without the
 * result. */
static uint32_t steps_of(struct rift_problem *problem, const struct rift_model_op *op,
                         bool is_answered, uint32_t weak)
{
    const struct machine *machine = machine_of(problem);
    uint32_t *words = rift_reallocarray(NULL, machine->step_count + 1, sizeof *words);
    size_t count = 1;
    words[0] = weak;
    for (uint32_t i = 0; i < machine->step_count; i++) {
        const struct step *step = &machine->steps[i];
        if (step->code == op->code && fits(problem, step->argument, op->argument) &&
            (!is_answered || fits(problem, step->result, op->result)))
            words[count++] = i;
    }
    uint32_t id = rift_states_intern(problem->lists, words, count);
    free(words);
    return id;
}

static enum rift_translation translate(struct rift_problem *problem, const struct rift_model_op *op,
                                       struct rift_call *call, struct rift_error *err)
{
    (void)err;
    if (op->type == RIFT_OP_FAIL)
        return RIFT_NO_INFORMATION;
    uint32_t weak = steps_of(problem, op, false, 0);
    call->kind = RIFT_CALL_MOVE;
    call->a = rift_problem_intern(problem, op->argument);
    call->b = op->type == RIFT_OP_OK ? steps_of(problem, op, true, weak) : weak;
    return RIFT_TRANSLATED;
}

static uint32_t start(const struct rift_problem *problem, struct rift_states *states)
{
    (void)states;
    return machine_of(problem)->start;
}

static uint32_t step(const struct rift_problem *problem, struct rift_states *states, uint32_t state,
                     const struct rift_call *call, uint32_t choice)
{
    (void)states;
    const struct machine *machine = machine_of(problem);
    size_t count;
    const uint32_t *words = rift_states_words(problem->lists, call->b, &count);
    for (size_t i = 1; i < count; i++) {
        const struct step *it = &machine->steps[words[i]];
        if (it->from != state && it->from != FROM_ANY)
            continue;
        if (choice-- == 0)
            return it->to == FROM_ANY ? state : it->to;
    }
    return RIFT_STATE_NONE;
}

static void describe(const struct rift_problem *problem, const struct rift_states *states,
                     uint32_t state, struct rift_text *text)
{
    (void)states;
    rift_text_printf(text, "the state %s", machine_of(problem)->states[state]);
}

static int state_number(struct machine *machine, const json_t *json, const char *path,
                        uint16_t *number, struct rift_error *err)
{
    const char *name = json_string_value(json);
    if (!name)
        return rift_fail(err, RIFT_ERR_INVALID, "%s: a state must be a text", path);
    uint32_t i = 0;
    while (i < machine->state_count && strcmp(machine->states[i], name) != 0)
        i++;
    if (i == STATES_MAX)
        return rift_fail(err, RIFT_ERR_LIMIT, "%s: more than %d states", path, STATES_MAX);
    if (i == machine->state_count)
        machine->states[machine->state_count++] = name;
    *number = (uint16_t)i;
    return 0;
}

static int operation_code(struct machine *machine, const char *name)
{
    for (size_t i = 0; i < machine->name_count; i++)
        if (strcmp(machine->names[i].name, name) == 0)
            return machine->names[i].code;
    machine->names =
        rift_reallocarray(machine->names, machine->name_count + 2, sizeof *machine->names);
    machine->names[machine->name_count] =
        (struct rift_operation_name){name, (int)machine->name_count};
    machine->names[++machine->name_count] = (struct rift_operation_name){NULL, 0};
    return (int)machine->name_count - 1;
}

static int read_step(struct machine *machine, const json_t *json, const char *path,
                     struct rift_error *err)
{
    static const char *const known[] = {"from", "operation", "argument", "result", "to"};
    uint32_t number = machine->step_count;
    const char *operation = json_string_value(json_object_get(json, "operation"));
    if (!operation || !json_object_get(json, "from"))
        return rift_fail(err, RIFT_ERR_INVALID, "%s: step %u needs \"from\" and \"operation\"",
                         path, number);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)json, key, value)
    {
        size_t i = 0;
        while (i < 5 && strcmp(known[i], key) != 0)
            i++;
        if (i == 5)
            return rift_fail(err, RIFT_ERR_INVALID, "%s: step %u has an unknown key \"%s\"", path,
                             number, key);
    }
    if (number == STEPS_MAX)
        return rift_fail(err, RIFT_ERR_LIMIT, "%s: more than %d steps", path, STEPS_MAX);
    struct step *it = &machine->steps[machine->step_count++];
    *it = (struct step){.from = FROM_ANY,
                        .to = FROM_ANY,
                        .code = operation_code(machine, operation),
                        .argument = json_object_get(json, "argument"),
                        .result = json_object_get(json, "result")};
    const json_t *from = json_object_get(json, "from"), *to = json_object_get(json, "to");
    const char *word = json_string_value(from);
    if ((!word || strcmp(word, "*") != 0) && state_number(machine, from, path, &it->from, err) < 0)
        return -1;
    return to ? state_number(machine, to, path, &it->to, err) : 0;
}

static int read_machine(struct machine *machine, const char *path, struct rift_error *err)
{
    json_error_t where;
    machine->json = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
    if (!machine->json)
        return rift_fail(err, where.line < 0 ? RIFT_ERR_MISSING : RIFT_ERR_INVALID, "%s:%d:%d: %s",
                         path, where.line, where.column, where.text);
    const char *name = json_string_value(json_object_get(machine->json, "name"));
    const json_t *steps = json_object_get(machine->json, "steps");
    if (!name || !json_is_array(steps) || json_array_size(steps) == 0)
        return rift_fail(err, RIFT_ERR_INVALID,
                         "%s: a model needs \"name\", \"initial\" and a list of \"steps\"", path);
    uint16_t first = 0;
    if (state_number(machine, json_object_get(machine->json, "initial"), path, &first, err) < 0)
        return rift_wrap(err, "\"initial\"");
    machine->start = first;
    for (size_t i = 0; i < json_array_size(steps); i++)
        if (read_step(machine, json_array_get(steps, i), path, err) < 0)
            return -1;
    machine->model = (struct rift_model){
        .name = name,
        .summary = "a finite state machine from a file",
        .operations = "those of its steps",
        .names = machine->names,
        .has_choices = true,
        .translate = translate,
        .start = start,
        .step = step,
        .describe = describe,
    };
    return 0;
}

struct rift_model *rift_machine_read(const char *path, struct rift_error *err)
{
    struct machine *machine = rift_calloc(1, sizeof *machine);
    if (read_machine(machine, path, err) == 0)
        return &machine->model;
    rift_machine_destroy(&machine->model);
    return NULL;
}

void rift_machine_destroy(struct rift_model *model)
{
    if (!model)
        return;
    struct machine *machine = (struct machine *)(void *)model;
    json_decref(machine->json);
    free(machine->names);
    free(machine);
}
