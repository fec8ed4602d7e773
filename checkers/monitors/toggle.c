#include "checkers/monitors/toggle.h"

#include <stdlib.h>
#include <string.h>

#include "checkers/monitors/due.h"
#include "checkers/monitors/monitor.h"
#include "checkers/monitors/proof.h"
#include "common/memory.h"

enum op_status { WAITING, DONE };

/* Index 1 of pairs is up, 0 is down. */
struct toggle {
    const struct rift_problem *problem;
    const uint8_t *roles;
    struct monitor_due changers[2]; /* ops that could make the change */
    uint32_t *waiting[2];           /* ops that wait for the state */
    size_t waiting_count[2];
    uint32_t *completing; /* ops with a completion, by completion */
    uint8_t *status;      /* of each op of the problem */
    uint8_t *role;        /* of each op, blind ones as they are tried */
    struct monitor_sequence *sequence;
    bool is_up;
};

struct toggle *toggle_create(const struct rift_problem *problem, const uint8_t *roles)
{
    struct toggle *toggle = rift_calloc(1, sizeof *toggle);
    toggle->problem = problem;
    toggle->roles = roles;
    size_t room = problem->count + 1;
    for (int i = 0; i < 2; i++) {
        monitor_due_init(&toggle->changers[i], problem->count);
        toggle->waiting[i] = rift_malloc(room * sizeof(uint32_t));
    }
    toggle->completing = rift_malloc(room * sizeof(uint32_t));
    toggle->role = rift_malloc(room);
    toggle->status = rift_malloc(room);
    return toggle;
}

void toggle_destroy(struct toggle *toggle)
{
    if (toggle == NULL)
        return;
    for (int i = 0; i < 2; i++) {
        monitor_due_finish(&toggle->changers[i]);
        free(toggle->waiting[i]);
    }
    free(toggle->completing);
    free(toggle->role);
    free(toggle->status);
    free(toggle);
}

static uint32_t op_complete(const struct toggle *toggle, uint32_t op)
{
    return toggle->problem->ops[op].complete;
}

static bool op_only_looks(const struct toggle *toggle, uint32_t op)
{
    return toggle->role[op] == TOGGLE_IS_UP || toggle->role[op] == TOGGLE_IS_DOWN;
}

/* The state that the op wants to see, or to make. */
static bool op_is_up(const struct toggle *toggle, uint32_t op)
{
    return toggle->role[op] == TOGGLE_IS_UP || toggle->role[op] == TOGGLE_UP;
}

static bool change(struct toggle *toggle, bool up, uint32_t now)
{
    struct monitor_due *changers = &toggle->changers[up];
    if (changers->count == 0)
        return false;
    uint32_t op = monitor_due_pop(changers, toggle->problem);
    toggle->status[op] = DONE;
    monitor_sequence_append(toggle->sequence, op, now);
    toggle->is_up = up;
    for (size_t i = 0; i < toggle->waiting_count[up]; i++) {
        toggle->status[toggle->waiting[up][i]] = DONE;
        monitor_sequence_append(toggle->sequence, toggle->waiting[up][i], now);
    }
    toggle->waiting_count[up] = 0;
    return true;
}

static void admit(struct toggle *toggle, uint32_t op)
{
    bool up = op_is_up(toggle, op);
    toggle->status[op] = WAITING;
    if (!op_only_looks(toggle, op)) {
        monitor_due_push(&toggle->changers[up], toggle->problem, op);
    } else if (toggle->is_up == up) {
        toggle->status[op] = DONE;
        monitor_sequence_append(toggle->sequence, op, toggle->problem->ops[op].invoke);
    } else if (op_complete(toggle, op) != RIFT_EVENT_NEVER) {
        toggle->waiting[up][toggle->waiting_count[up]++] = op;
    }
}

/* The op completes now: what it saw and did must have happened. */
static bool settle(struct toggle *toggle, uint32_t op)
{
    uint32_t now = op_complete(toggle, op);
    bool up = op_is_up(toggle, op);
    if (op_only_looks(toggle, op))
        return toggle->status[op] == DONE || change(toggle, up, now);
    while (toggle->status[op] != DONE)
        if (!change(toggle, !toggle->is_up, now))
            return false;
    return true;
}

static int completion_compare(const void *left, const void *right, void *data)
{
    const struct toggle *toggle = data;
    uint32_t a = op_complete(toggle, *(const uint32_t *)left);
    uint32_t b = op_complete(toggle, *(const uint32_t *)right);
    return a < b ? -1 : a > b;
}

/* Insertion sort suits what clients produce: a completion passes only ops that are open with it.
 * The budget is for crowds of open ops. */
static size_t completing_sort(struct toggle *toggle, const uint32_t *ops, size_t count)
{
    uint32_t *sorted = toggle->completing;
    size_t length = 0, budget = 64 * count;
    for (size_t i = 0; i < count; i++)
        if (op_complete(toggle, ops[i]) != RIFT_EVENT_NEVER)
            sorted[length++] = ops[i];
    for (size_t i = 1; i < length; i++) {
        uint32_t op = sorted[i], complete = op_complete(toggle, op);
        size_t at = i;
        while (at > 0 && op_complete(toggle, sorted[at - 1]) > complete) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = op;
        if (i - at > budget) {
            qsort_r(sorted, length, sizeof *sorted, completion_compare, toggle);
            break;
        }
        budget -= i - at;
    }
    return length;
}

/* MONITOR_NONE, or the op whose completion cannot be explained. */
static uint32_t sweep(struct toggle *toggle, const uint32_t *ops, size_t count)
{
    size_t completing_count = completing_sort(toggle, ops, count);
    size_t next = 0;
    toggle->is_up = false;
    for (int i = 0; i < 2; i++)
        toggle->changers[i].count = toggle->waiting_count[i] = 0;
    for (size_t i = 0; i < completing_count; i++) {
        uint32_t op = toggle->completing[i];
        while (next < count && toggle->problem->ops[ops[next]].invoke < op_complete(toggle, op))
            admit(toggle, ops[next++]);
        if (!settle(toggle, op))
            return op;
    }
    return MONITOR_NONE;
}

/* The blind ops as changes where their bit is set, as looks elsewhere. */
static void blind_try(struct toggle *toggle, const uint32_t *blind, size_t blind_count,
                      uint32_t changes)
{
    for (size_t i = 0; i < blind_count; i++) {
        bool up = toggle->roles[toggle->problem->ops[blind[i]].call.kind] == TOGGLE_UP_BLIND;
        if (changes >> i & 1)
            toggle->role[blind[i]] = up ? TOGGLE_UP : TOGGLE_DOWN;
        else
            toggle->role[blind[i]] = up ? TOGGLE_IS_UP : TOGGLE_IS_DOWN;
    }
}

/* Every way to see the blind ops, most as changes first. RIFT_EVENT_NEVER where one has an order,
 * which then is in the sequence; otherwise the latest completion that no way could explain. */
static uint32_t sweep_all(struct toggle *toggle, const uint32_t *ops, size_t count,
                          const uint32_t *blind, size_t blind_count)
{
    uint32_t moment = 0;
    size_t before = toggle->sequence->count;
    for (uint32_t way = 1u << blind_count; way-- > 0;) {
        blind_try(toggle, blind, blind_count, way);
        toggle->sequence->count = before;
        uint32_t failing = sweep(toggle, ops, count);
        if (failing == MONITOR_NONE)
            return RIFT_EVENT_NEVER;
        if (op_complete(toggle, failing) > moment)
            moment = op_complete(toggle, failing);
    }
    return moment;
}

/* Looks of few ops are left out one by one while the rest still has no order. */
enum { SHRINK_OPS = 100 };

static void prove(struct toggle *toggle, const uint32_t *ops, size_t count, const uint32_t *blind,
                  size_t blind_count, uint32_t moment, struct rift_certificate *certificate)
{
    CLEANUP(rift_free) uint32_t *kept = rift_malloc((count + 1) * sizeof *kept);
    CLEANUP(rift_free) uint32_t *tried = rift_malloc((count + 1) * sizeof *tried);
    CLEANUP(rift_free) bool *is_look = rift_malloc((count + 1) * sizeof *is_look);
    size_t kept_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct rift_problem_op *op = &toggle->problem->ops[ops[i]];
        uint8_t role = toggle->roles[op->call.kind];
        bool looks = role == TOGGLE_IS_UP || role == TOGGLE_IS_DOWN;
        if (op->invoke > moment || (looks && op->complete > moment))
            continue;
        is_look[kept_count] = looks;
        kept[kept_count++] = ops[i];
    }
    for (size_t i = kept_count; i-- > 0 && kept_count <= SHRINK_OPS && blind_count <= 2;) {
        if (!is_look[i])
            continue;
        memcpy(tried, kept, i * sizeof *kept);
        memcpy(tried + i, kept + i + 1, (kept_count - i - 1) * sizeof *kept);
        toggle->sequence->count = 0; /* no order is wanted any more, but its room is used */
        if (sweep_all(toggle, tried, kept_count - 1, blind, blind_count) <= moment)
            memcpy(kept, tried, --kept_count * sizeof *kept);
    }
    for (size_t i = 0; i < kept_count; i++)
        monitor_proof_add(certificate, kept[i]);
    monitor_proof_close(certificate, "state that nothing explains");
    certificate->moment = moment;
}

int toggle_judge(struct toggle *toggle, const uint32_t *ops, size_t count,
                 struct monitor_sequence *sequence, struct rift_certificate *certificate)
{
    uint32_t blind[TOGGLE_BLIND_MAX] = {0};
    size_t blind_count = 0;
    toggle->sequence = sequence;
    for (size_t i = 0; i < count; i++) {
        uint8_t role = toggle->roles[toggle->problem->ops[ops[i]].call.kind];
        toggle->role[ops[i]] = role;
        if (role != TOGGLE_UP_BLIND && role != TOGGLE_DOWN_BLIND)
            continue;
        /* An optional change that changes nothing may as well not happen. */
        if (op_complete(toggle, ops[i]) == RIFT_EVENT_NEVER)
            toggle->role[ops[i]] = role == TOGGLE_UP_BLIND ? TOGGLE_UP : TOGGLE_DOWN;
        else if (blind_count == TOGGLE_BLIND_MAX)
            return RIFT_MONITOR_NOT_APPLICABLE;
        else
            blind[blind_count++] = ops[i];
    }
    uint32_t moment = sweep_all(toggle, ops, count, blind, blind_count);
    if (moment == RIFT_EVENT_NEVER)
        return RIFT_MONITOR_VALID;
    prove(toggle, ops, count, blind, blind_count, moment, certificate);
    return RIFT_MONITOR_INVALID;
}
