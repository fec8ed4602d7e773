#!/usr/bin/env python3
"""Wrong lines where histories are read and written, each of which its test must catch. test_formats finds no
histories of other projects in the copy: what it catches, random histories catch.

    python3 tests/mutations/history.py [NUMBER...]
"""
import harness

X = "history/export/"
I = "history/import/"

# What it breaks, file, the line as it is, the line as it must not be, the test.
MUTATIONS = [
    ("a text ends at its quote", "history/value_print.c",
     'if (c != \'"\' && c != \'\\\\\' && c >= \' \' && c != 127)', "if (c != '\\\\' && c >= ' ' && c != 127)", "test_formats"),
    ("a double loses its last digits", "history/value_print.c",
     "precision <= 17; precision++", "precision <= 15; precision++", "test_formats"),
    ("a whole double becomes an integer", "history/value_print.c",
     'if (!strpbrk(digits, ".e"))', "if (false)", "test_formats"),
    ("a set becomes a list", "history/value_print.c", '"#{"', '"["', "test_formats"),
    ("any name is a keyword", X + "edn.c",
     "if (is_keyword(name)) {", "if (true) {", "test_formats"),
    ("the key of a keyed operation is not told", X + "edn.c",
     "    if (!record->has_key)\n        return;\n    rift_text_append(text, \"], :rift/key \");\n"
     "    rift_value_print_to(text, values, record->key);",
     "    if (record->has_key)\n        rift_text_append(text, \"]\");", "test_formats"),
    ("a key of the extras is taken for one of the operation", X + "record.c",
     "if (rift_records_is_field(name, length))", "if (false)", "test_formats"),
    ("an answer of nothing repeats the question", X + "edn.c",
     'if (record->has_no_result)', "if (false)", "test_formats"),
    ("the least integer is its own negative", "history/value_print.c",
     "number < 0 ? -(uint64_t)number : (uint64_t)number", "number < 0 ? (uint64_t)-(number + 1) : (uint64_t)number",
     "test_formats"),
    ("a completion at the time of an invocation comes before it", X + "events.c",
     "if (heap[0].end < next->end)\n        return 0;", "if (heap[0].end <= next->end)\n        return 0;", "test_import"),
    ("texts of a block have the numbers of another", I + "native_events.c",
     "rift_value_text(events->values.values, (const char *)chars, length).bits >>",
     "rift_value_text(events->values.values, (const char *)chars, length ? 1 : 0).bits >>", "test_formats"),
    ("the checksum of a block is not looked at", I + "native_unpack.c",
     "!= header->checksum) {", "!= header->checksum && false) {", "test_native"),
    ("the thread that unpacks overtakes the reader", I + "native_unpack.c",
     "unpacker->filled_count - unpacker->freed_count == RING_PAYLOADS", "unpacker->filled_count == unpacker->block_count",
     "test_native"),
    ("a broken block in the middle is a torn tail", I + "native_file.c",
     "    if (has_intact_block_from(file->source, search_from))\n        return damage(file, offset, what, err);\n", "",
     "test_native"),
    ("an operation completes twice", I + "native_events.c",
     "if (ops->type[ids[i]] != RIFT_OP_OPEN)", "if (false)", "test_native"),
    ("a stream forgets what is open", "history/stream.c",
     "events->first_id += ops->count - events->open_count;", "events->first_id += ops->count;", "test_stream"),
    ("a stream keeps no value of an open operation", "history/stream.c",
     "ops->argument[i] = rift_value_copy(to, from, ops->argument[i]);", ";", "test_stream"),
]

harness.main(MUTATIONS)
