/* Processes for formats that name none. */
#include "common/memory.h"
#include "history/ops.h"

/* A heap of the processes that are busy, the first to be free on top. */
struct busy {
    int64_t end;
    int32_t process;
};

static void heap_push(struct busy *heap, size_t count, struct busy item)
{
    size_t at = count;
    for (; at > 0 && heap[(at - 1) / 2].end > item.end; at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = item;
}

static struct busy heap_pop(struct busy *heap, size_t count)
{
    struct busy top = heap[0], last = heap[count - 1];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < count - 1; at = child) {
        if (child + 1 < count - 1 && heap[child + 1].end < heap[child].end)
            child++;
        if (heap[child].end >= last.end)
            break;
        heap[at] = heap[child];
    }
    heap[at] = last;
    return top;
}

void rift_ops_name_processes(struct rift_ops *ops)
{
    struct busy *heap CLEANUP(rift_free) = rift_reallocarray(NULL, ops->count, sizeof *heap);
    size_t busy_count = 0;
    for (size_t i = 0; i < ops->count; i++) {
        int32_t process = (int32_t)busy_count;
        if (busy_count && heap[0].end < ops->start[i])
            process = heap_pop(heap, busy_count--).process;
        heap_push(heap, busy_count++, (struct busy){ops->end[i], process});
        ops->process[i] = process;
    }
}
