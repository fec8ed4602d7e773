#include "tests/fuzz/fuzz_history.h"

#include <assert.h>
#include <string.h>

#include "history/export/export.h"
#include "history/reader.h"

static void check_ops(const struct rift_history *h, const struct rift_ops *ops)
{
    for (size_t i = 0; i < ops->count; i++) {
        assert(i == 0 || ops->start[i - 1] <= ops->start[i]);
        assert(ops->start[i] <= ops->end[i]);
        assert(ops->f[i] < h->names.count && ops->error[i] < h->errors.count);
        assert(ops->node[i] < h->nodes.count && ops->key[i] < h->key_count);
        assert(ops->type[i] <= RIFT_OP_INFO);
        assert((ops->process[i] == RIFT_PROCESS_NEMESIS) == (ops == &h->nemesis));
        struct rift_text text = {0};
        rift_value_print_to(&text, h->values, ops->argument[i]);
        rift_value_print_to(&text, h->values, ops->result[i]);
        rift_text_finish(&text);
        assert(rift_value_equal(h->values, ops->argument[i], ops->argument[i]));
        rift_value_hash(h->values, ops->result[i]);
    }
}

static void check_journey(const struct rift_history *h)
{
    struct rift_text text = {0};
    struct rift_error err = {0};
    assert(rift_history_export_text(h, "rift", &text, &err) == 0);
    struct rift_history *back = rift_history_read_bytes("f", text.data, text.length, NULL, &err);
    assert(back && back->ops.count == h->ops.count && back->nemesis.count == h->nemesis.count);
    for (size_t i = 0; i < h->ops.count; i++) {
        assert(h->ops.start[i] == back->ops.start[i] && h->ops.end[i] == back->ops.end[i]);
        assert(rift_value_hash(h->values, h->ops.argument[i]) ==
               rift_value_hash(back->values, back->ops.argument[i]));
    }
    rift_history_destroy(back);
    rift_text_clear(&text);
    assert(rift_history_export_text(h, "edn", &text, &err) == 0);
    /* Refused only where a process has two operations at once, which files of intervals can say. */
    back = rift_history_read_bytes("f", text.data, text.length, NULL, &err);
    assert(!back || back->ops.count == h->ops.count);
    rift_history_destroy(back);
    rift_text_clear(&text);
    assert(rift_history_export_text(h, "jsonl", &text, &err) == 0);
    back = rift_history_read_bytes("f", text.data, text.length, NULL, &err);
    assert(!back || back->ops.count == h->ops.count);
    rift_history_destroy(back);
    rift_text_finish(&text);
}

void fuzz_history(const char *format, bool is_keyed, const uint8_t *data, size_t size)
{
    const struct rift_read_options options = {.format = format, .is_keyed = is_keyed};
    struct rift_error err = {0};
    struct rift_history *h = rift_history_read_bytes("f", data, size, &options, &err);
    if (!h) {
        assert(err.code != RIFT_ERR_NONE && strncmp(err.text, "f:", 2) == 0);
        return;
    }
    check_ops(h, &h->ops);
    check_ops(h, &h->nemesis);
    check_journey(h);
    rift_history_destroy(h);
}
