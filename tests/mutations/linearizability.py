#!/usr/bin/env python3
"""Wrong lines in the linearizability checker, each of which the tests must catch. Copies the sources to a
temporary folder, and for each mutation builds and runs the tests there. Exits 1 where one survives.

    python3 tests/mutations/linearizability.py [NUMBER...]
"""
import os
import shutil
import subprocess
import sys
import tempfile

L = "checkers/linearizability/"
TESTS = ["test_replay", "test_memo", "test_useless", "test_linearizable", "test_linearizability_pairs", "test_linearizability"]

# What it breaks, file, the line as it is, the line as it must not be.
MUTATIONS = [
    ("a completion at the ns of an invocation precedes it", L + "problem.c",
     "heap[0].end < ops->start[op->row]", "heap[0].end <= ops->start[op->row]"),
    ("a failed op happened", L + "problem.c",
     "type == RIFT_OP_FAIL && (!model->observes_failures", "type == RIFT_OP_INFO && (!model->observes_failures"),
    ("the verifier forgets real time", L + "replay.c",
     "if (op->complete < latest_invoke)", "if (op->complete < latest_invoke && k > count)"),
    ("the verifier forgets missing ops", L + "replay.c",
     "if (!seen[i] && problem->ops[i].complete", "if (seen[i] && problem->ops[i].complete"),
    ("the memo compares hashes alone", L + "memo.c",
     "memcmp(memo->blocks[slot->block] + slot->offset, words, count * sizeof *words) == 0", "count > 0"),
    ("the later deadline goes first", L + "search.c",
     "s->problem->ops[before].complete <= s->problem->ops[op].complete",
     "s->problem->ops[before].complete >= s->problem->ops[op].complete"),
    ("a crashed cas makes no value worth writing", L + "useless.c",
     "    spread_seen(problem, last);\n", ""),
    ("'the value is not 3' makes no write matter", L + "useless.c",
     "        case RIFT_CALL_CAS_FAILED:\n        case RIFT_CALL_READ_ALL:", "        case RIFT_CALL_READ_ALL:"),
    ("a write kills writes that began after it", L + "jit/walk.c",
     "config->last_write > walk->problem->ops[target->op].invoke;",
     "config->last_write + 2 > walk->problem->ops[target->op].invoke;"),
    ("a killed write cannot be the last one", L + "jit/walk.c",
     "bool goes_on = !is_done && (!is_killed || target->is_seen_later);",
     "bool goes_on = !is_done && !is_killed;"),
    ("a crashed write of the present value kills nothing", L + "jit/walk.c",
     "bool changes = state != walk->from->state || call->kind == RIFT_CALL_WRITE;",
     "bool changes = state != walk->from->state;"),
    ("relaxed: 'any value' is never written again", L + "jit/walk.c",
     "if (walk->is_relaxed && config->state == JIT_STATE_ANY)",
     "if (!walk->is_relaxed && config->state == JIT_STATE_ANY)"),
    ("a cas counts as a write nobody looked at", L + "jit/walk.c",
     "walk->scratch->is_fresh = false;\n    if (walk->plan->is_register",
     "walk->scratch->is_fresh = true;\n    if (walk->plan->is_register"),
    ("writes are wanted only by reads", L + "jit/walk.c",
     "(cassers & walk->open.updates & ~from->used) || ", ""),
    ("dominance forgets answered observers", L + "jit/set.c",
     "(b->seen & ~a->seen) || ", ""),
    ("dominance forgets the last write", L + "jit/set.c",
     "a->last_write < b->last_write ||", ""),
    ("dominance forgets which crashed ops were used", L + "jit/set.c",
     "if (a->counts[slot] > b->counts[slot])", "if (a->counts[slot] > b->counts[slot] + 1000)"),
    ("of equal updates the later deadline goes first", L + "jit/open.c",
     "same && ops[op].complete < other->complete", "same && ops[op].complete > other->complete"),
    ("a beam that left something out says invalid", L + "jit/run.c",
     "if (!walk->is_cut)", "if (walk->is_cut || !walk->is_cut)"),
    ("a crashed class ends too early", L + "jit/plan.c",
     "return plan->last_seen[value];", "return plan->last_seen[value] / 2 + 1;"),
    ("an open writer cannot explain a read", L + "necessary.c",
     "if (state->open_writers > own)", "if (state->open_writers > own + 1)"),
    ("shrinking leaves out updates instead of weakening them", L + "minimise.c",
     "shrink->trial_weakened[i] = true;\n    return true;", "shrink->trial_kept[i] = false;\n    return true;"),
    ("a window forgets updates that are open at its beginning", L + "minimise.c",
     "            shrink->trial_weakened[i] = true;\n    }", "            shrink->trial_kept[i] = false;\n    }"),
    ("a window begins as the history does", L + "minimise.c",
     "subset->is_start_unknown = since > 0;", "subset->is_start_unknown = false;"),
    ("a stack is a queue", "checkers/models/queue.c",
     "return step_end(states, state, call, count > 0 ? count - 1 : 0);",
     "return step_end(states, state, call, 0);"),
    ("anyone releases a reentrant lock", "checkers/models/lock.c",
     "(problem->model != &rift_model_mutex && owner != call->a)", "owner == UINT32_MAX"),
    ("appending to a text replaces it", "checkers/models/kv.c",
     "(const char *)(words + 1), words[0], text, length);", "(const char *)(words + 1), 0, text, length);"),
    ("a cas does not raise the version", "checkers/models/versioned_register.c",
     "call->kind == RIFT_CALL_READ ? version : version + 1", "call->kind != RIFT_CALL_WRITE ? version : version + 1"),
    ("a register never written is not read", "checkers/models/multi_register.c",
     "(is_there ? pairs[2 * at + 1] : problem->initial) != micro[2]", "is_there && pairs[2 * at + 1] != micro[2]"),
    ("an open transaction is held to the answer it gives later", L + "problem.c",
     "    rift_states_intern(problem->lists, NULL, 0);\n", ""),
    ("a read of a list may miss its end", "checkers/models/list_append.c",
     "count == other_count && (count == 0", "count >= other_count && (other_count == 0"),
    ("the last permit is never given", "checkers/models/semaphore.c",
     "held + permits <= problem->capacity", "held + permits < problem->capacity"),
    ("taking from zero waits for nothing", "checkers/models/semaphore.c",
     "return number > 0 ? rift_states_intern", "return number + 1 > 0 ? rift_states_intern"),
    ("of the steps that an operation may be only the first is tried", "checkers/models/machine.c",
     "        if (choice-- == 0)", "        if (choice == 0)"),
    ("a set that holds more than was read is the same", "checkers/models/set.c",
     "bool is_equal = count == other_count;", "bool is_equal = count >= other_count; count = other_count;"),
]


def run(command, folder):
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def main():
    wanted = [int(word) for word in sys.argv[1:]] or range(len(MUTATIONS))
    root = os.getcwd()
    survivors = 0
    with tempfile.TemporaryDirectory() as scratch:
        tree = os.path.join(scratch, "tree")
        files = run(["git", "ls-files"], root).stdout.split("\n")
        for name in filter(os.path.isfile, files):
            os.makedirs(os.path.dirname(os.path.join(tree, name)) or tree, exist_ok=True)
            shutil.copy(os.path.join(root, name), os.path.join(tree, name))
        run(["cmake", "--preset", "release", "-G", "Ninja"], tree)
        build = ["cmake", "--build", "build", "-j2", "--target"] + TESTS
        run(build, tree)
        for test in TESTS:
            if run(["timeout", "300", "build/" + test], tree).returncode:
                sys.exit(f"{test} fails without any wrong line")
        for number in wanted:
            what, name, old, new = MUTATIONS[number]
            path = os.path.join(tree, name)
            text = open(path).read()
            if text.count(old) != 1:
                print(f"{number:2} STALE     {what}: its line stands {text.count(old)} times in {name}", flush=True)
                survivors += 1
                continue
            open(path, "w").write(text.replace(old, new))
            if run(build, tree).returncode:
                verdict, catcher = "NO C", None
            else:
                catcher = next((t for t in TESTS if run(["timeout", "300", "build/" + t], tree).returncode), None)
                verdict = "caught" if catcher else "SURVIVED"
            open(path, "w").write(text)
            survivors += catcher is None
            print(f"{number:2} {verdict:9} {what}: {catcher or name}", flush=True)
    sys.exit(1 if survivors else 0)


main()
