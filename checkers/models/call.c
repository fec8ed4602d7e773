/* What is common to the calls of all models: which of them only look, and what is left of a call
 * when nobody knows its answer. */
#include "checkers/models/model.h"

bool rift_call_is_observer(enum rift_call_kind kind)
{
    switch (kind) {
    case RIFT_CALL_READ:
    case RIFT_CALL_CAS_FAILED:
    case RIFT_CALL_TAKE_EMPTY:
    case RIFT_CALL_PEEK:
    case RIFT_CALL_PEEK_EMPTY:
    case RIFT_CALL_TAKE_BACK_EMPTY:
    case RIFT_CALL_PEEK_BACK:
    case RIFT_CALL_PEEK_BACK_EMPTY:
    case RIFT_CALL_CONTAINS:
    case RIFT_CALL_LACKS:
    case RIFT_CALL_READ_ALL:
    case RIFT_CALL_REFUSED:
    case RIFT_CALL_GET:
        return true;
    default:
        return false;
    }
}

struct rift_call rift_call_weakened(struct rift_call call)
{
    static const struct rift_call nothing = {RIFT_CALL_KIND_COUNT, 0, 0};
    if (rift_call_is_observer(call.kind))
        return nothing;
    switch (call.kind) {
    case RIFT_CALL_EXCHANGE:
        return (struct rift_call){RIFT_CALL_WRITE, call.b, 0};
    case RIFT_CALL_TAKE:
        return (struct rift_call){RIFT_CALL_TAKE_UNKNOWN, 0, 0};
    case RIFT_CALL_TAKE_BACK:
        return (struct rift_call){RIFT_CALL_TAKE_BACK_UNKNOWN, 0, 0};
    case RIFT_CALL_ADD_NEW:
        return (struct rift_call){RIFT_CALL_ADD, call.a, 0};
    case RIFT_CALL_REMOVE_FOUND:
        return (struct rift_call){RIFT_CALL_REMOVE, call.a, 0};
    case RIFT_CALL_FETCH_ADD:
    case RIFT_CALL_ADD_FETCH:
        return (struct rift_call){RIFT_CALL_INCREMENT, call.a, 0};
    case RIFT_CALL_ACQUIRE:
        return (struct rift_call){RIFT_CALL_ACQUIRE, call.a, 0};
    default:
        return call;
    }
}
