"""Puts wrong lines into a copy of the sources, one at a time, and says which test caught each."""
import os
import shutil
import subprocess
import sys
import tempfile

TEST_SECONDS = "300"


def run(command, folder):
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def copy_tree(root, tree):
    for name in filter(os.path.isfile, run(["git", "ls-files"], root).stdout.split("\n")):
        os.makedirs(os.path.dirname(os.path.join(tree, name)), exist_ok=True)
        shutil.copy(os.path.join(root, name), os.path.join(tree, name))


def builds(tests, tree):
    return run(["cmake", "--build", "build", "-j2", "--target"] + [test.split()[0] for test in tests], tree).returncode == 0


def passes(test, tree):
    return run(["timeout", TEST_SECONDS] + ("build/" + test).split(), tree).returncode == 0


def judge(mutation, tests, tree):
    """caught, SURVIVED, STALE (its line does not stand there once), NO BUILD; and by which test."""
    _, name, old, new = mutation[:4]
    path = os.path.join(tree, name)
    text = open(path).read()
    if text.count(old) != 1:
        return "STALE", name
    open(path, "w").write(text.replace(old, new))
    try:
        if not builds(tests, tree):
            return "NO BUILD", name
        catcher = next((test for test in tests if not passes(test, tree)), None)
        return ("caught", catcher) if catcher else ("SURVIVED", name)
    finally:
        open(path, "w").write(text)


def main(mutations, tests=()):
    """mutations: what it breaks, file, the line as it is, the line as it must not be, and the test that
    must catch it, or nothing: one of tests, which are tried in their order. Arguments of the command are
    numbers of mutations; all unless told. Exits 1 where one is not caught."""
    tests = list(tests)
    wanted = [int(word) for word in sys.argv[1:]] or range(len(mutations))
    of = [list(mutation[4:]) or tests for mutation in mutations]
    missed = 0
    with tempfile.TemporaryDirectory() as scratch:
        tree = os.path.join(scratch, "tree")
        copy_tree(os.getcwd(), tree)
        run(["cmake", "--preset", "release", "-G", "Ninja"], tree)
        for test in sorted({test for number in wanted for test in of[number]}):
            if not builds([test], tree) or not passes(test, tree):
                sys.exit(f"{test} fails without any wrong line")
        for number in wanted:
            verdict, by = judge(mutations[number], of[number], tree)
            missed += verdict != "caught"
            print(f"{number:2} {verdict:9} {mutations[number][0]}: {by}", flush=True)
    sys.exit(1 if missed else 0)
