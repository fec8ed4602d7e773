#!/usr/bin/env python3
"""Wrong lines in the monitors, each of which its test must catch. Copies the sources to a temporary
folder, and for each mutation builds and runs the test there. Exits 1 where one survives.

    python3 tests/mutations/monitors.py [NUMBER...]
"""
import harness

M = "checkers/monitors/"

# What it breaks, file, the line as it is, the line as it must not be, the test.
MUTATIONS = [
    ("all ops past the second slot are concurrent", M + "slots.c",
     "if (is_invocation && is_after_completion)", "if (is_invocation && is_after_completion && slot < 1)",
     "test_monitors queue*"),
    ("zones may overlap by one slot", M + "zones.c",
     "if (after.first < before.last) {", "if (after.first + 1 < before.last) {", "test_monitors register*"),
    ("a block may end inside a zone", M + "zones.c",
     ".last > bounds.first) {", ".last > bounds.first + 1) {", "test_monitors register*"),
    ("a block may not stand behind a zone", M + "zones.c",
     ".last > bounds.first) {", ".last >= bounds.first) {", "test_monitors register*"),
    ("a chain remembers its first op as its last", M + "register_unique.c",
     "if (walk->last == MONITOR_NONE || slots->low[op] > slots->low[walk->last])",
     "if (walk->last == MONITOR_NONE)", "test_monitors register*"),
    ("a crashed cas makes no value worth writing", M + "register_unique.c",
     "    clusters_spread_need(&clusters);\n", "", "test_monitors register*"),
    ("an op that must change the state changes it once at most", M + "toggle.c",
     "while (toggle->status[op] != DONE)", "if (toggle->status[op] != DONE)", "test_monitors set*"),
    ("the op that completes last is used first", M + "due.c",
     "all[ops[(at - 1) / 2]].complete > all[op].complete", "all[ops[(at - 1) / 2]].complete < all[op].complete",
     "test_monitors set*"),
    ("a blind change is never a look", M + "toggle.c",
     "way-- > 0;) {", "way-- + 1 == 1u << blind_count;) {", "test_monitors set*"),
    ("open increments are a stack", M + "due.c",
     "at > 0 && all[ops[(at - 1) / 2]].complete > all[op].complete", "at > 0 && false",
     "test_monitors counter*"),
    ("reads do not order steps", M + "fetch_add.c",
     "earliest = walk_earlier(positions, earliest, positions->reads[i]);", ";", "test_monitors fetch-add*"),
    ("a gap is filled too late", M + "fetch_add.c",
     "slots->low[positions->pending[next]] > slots->high[deadline]",
     "slots->low[positions->pending[next]] > slots->high[deadline] + 1", "test_monitors fetch-add*"),
    ("a crashed acquire holds", M + "owned_lock.c",
     "    if (op_is_pending(holds, op))\n        return RIFT_MONITOR_VALID;\n    if (*open == MONITOR_NONE) {\n        *open",
     "    if (*open == MONITOR_NONE) {\n        *open", "test_monitors fenced-lock*"),
    ("a fence may be given twice", M + "owned_lock.c",
     "if (next <= fence)", "if (next < fence)", "test_monitors fenced-lock*"),
    ("a value is not inside when it was seen", M + "container.c",
     "if (item->x < item->b)\n            item->b = item->x;", "", "test_monitors queue*"),
    ("a crashed take must come early", M + "container.c",
     "container->slots.low[container->pending[i]] > *at)", "container->slots.low[container->pending[i]] >= *at)",
     "test_monitors queue*"),
    ("one value too many may be inside an empty queue", M + "empties.c",
     "fill.staying[slot] <= fill.takes[slot];", "fill.staying[slot] <= fill.takes[slot] + 1;",
     "test_monitors queue*"),
    ("a core ends a slot early", M + "empties.c",
     "fill->cores[until]--;", "fill->cores[until - 1]--;", "test_monitors queue*"),
    ("values put in at the same time have an order", M + "queue.c",
     "&queue->behind[items[index].b + 1]", "&queue->behind[items[index].b]", "test_monitors queue*"),
    ("values seen in front may all stay", M + "queue.c",
     "    queue_refine_by_looks(queue);\n", "", "test_monitors queue*"),
    ("a poll may come a slot late", M + "priority_queue.c",
     "if (out > item->end)", "if (out > item->end + 1)", "test_monitors priority-queue*"),
    ("a peek never comes before its core", M + "priority_queue.c",
     "slot = monitor_slot_set_previous(open, item->b);", "slot = MONITOR_NONE;",
     "test_monitors priority-queue*"),
    ("a value goes in before a slot that it only touches", M + "stack_peel.c",
     "uint32_t in = out <= item->b ? out : ", "uint32_t in = ", "test_monitors stack*"),
    ("the slots that one value covers serve nobody", M + "stack_peel.c",
     "        slot_owned(peeling, slot);\n", "", "test_monitors stack*"),
    ("what lies on a value may stay when that is looked at", M + "stack_debt.c",
     "settle_level(debts, within, debtors, level + 1, bare->slots, bare->count)",
     "settle_level(debts, within, debtors, level + 1, NULL, 0)", "test_monitors_long"),
    ("a buried value must be gone at once", M + "stack_count.c",
     "deadline = end > deadline ? end : deadline;", "deadline = end > 0 ? item->b : 0;", "test_monitors_long"),
    ("what lies on top goes out last", M + "stays.c",
     "for (size_t i = emission->container->item_count; i-- > 0;) {\n        uint32_t index = outer_first[i];",
     "for (size_t i = 0; i < emission->container->item_count; i++) {\n        uint32_t index = outer_first[i];",
     "test_monitors stack*"),
]


harness.main(MUTATIONS)
