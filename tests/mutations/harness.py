"""Puts wrong lines into a copy of the sources, one at a time, and says whether the test of each
notices. A list of mutations holds for each: what it breaks, the file, the line as it is, the line as it
must not be, and the test."""
import os
import shutil
import subprocess
import sys
import tempfile


def run(command, folder):
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def copy_tree(root, tree):
    for name in filter(os.path.isfile, run(["git", "ls-files"], root).stdout.split("\n")):
        os.makedirs(os.path.dirname(os.path.join(tree, name)), exist_ok=True)
        shutil.copy(os.path.join(root, name), os.path.join(tree, name))


def builds(test, tree):
    return run(["cmake", "--build", "build", "-j2", "--target", test], tree).returncode == 0


def passes(test, tree):
    return builds(test, tree) and run(["timeout", "300", "build/" + test], tree).returncode == 0


def main(mutations):
    """Runs those whose numbers stand in the arguments, else all; exits 1 where one survives."""
    wanted = [int(word) for word in sys.argv[1:]] or range(len(mutations))
    survivors = 0
    with tempfile.TemporaryDirectory() as scratch:
        tree = os.path.join(scratch, "tree")
        copy_tree(os.getcwd(), tree)
        run(["cmake", "--preset", "release", "-G", "Ninja"], tree)
        for test in sorted({mutations[number][4] for number in wanted}):
            if not passes(test, tree):
                sys.exit(f"{test} fails without any wrong line")
        for number in wanted:
            what, name, old, new, test = mutations[number]
            path = os.path.join(tree, name)
            text = open(path).read()
            verdict = "STALE"
            if text.count(old) == 1:
                open(path, "w").write(text.replace(old, new))
                if not builds(test, tree):
                    verdict = "NO C"
                else:
                    verdict = "SURVIVED" if passes(test, tree) else "caught"
                open(path, "w").write(text)
            survivors += verdict != "caught"
            print(f"{number:2} {verdict:9} {what}: {test}", flush=True)
    sys.exit(1 if survivors else 0)

