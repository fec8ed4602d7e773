#!/usr/bin/env python3
"""What histories and linearizability are meant to cost, and what they do: runs the other benchmarks of this folder and
prints a table. Of three runs the one with the least time of the processor counts. The machine's load stands above.

    python3 tests/bench/goals.py [BUILD_FOLDER [WORD...]]     WORD: only rows that have it in their name
"""
import functools
import os
import re
import subprocess
import sys
import tempfile

BUILD = sys.argv[1] if len(sys.argv) > 1 else "build"
RUNS = 3


def lines_of(command):
    return subprocess.run([os.path.join(BUILD, command[0])] + command[1:], stdout=subprocess.PIPE, text=True,
                          check=True).stdout.splitlines()


def checked(*arguments):
    """A row of bench_linearizability: wall seconds, seconds of the processor, MB, the verdict."""
    found = re.search(r"-> (\S+) +(\S+) s +(\S+) s cpu +(\S+) MB", lines_of(["bench_linearizability", *arguments])[0])
    return float(found[2]), float(found[3]), float(found[4]), found[1]


@functools.lru_cache(None)
def monitor_lines(model, run):
    """One run has all mixes of crashes and looks."""
    return lines_of(["bench_monitors", "1000000", "16", model])[1:]


def monitored(model, crashes, looks, run):
    """A row of bench_monitors."""
    for line in monitor_lines(model, run):
        words = line.split()
        if words[3:5] == [str(crashes), str(looks)]:
            return float(words[6]), float(words[5]), float(words[8]) - float(words[7]), words[9]


def logs():
    """The verdicts on the logs of etcd, without certificates."""
    words = next(line for line in lines_of(["bench_etcd_logs"]) if line.startswith("verdicts")).split()
    return float(words[6]) / 1000, float(words[5]) / 1000, 0.0, ""


def moved(row, ops, *arguments):
    """A row of bench_history: a rate in millions of operations a second, by the clock."""
    with tempfile.TemporaryDirectory() as folder:
        line = next(line for line in lines_of(["bench_history", ops, folder, *arguments]) if line.startswith(row))
    words = line[len(row):].split()
    return float(words[2]), float(words[3]), float(words[6]), f"{float(words[0]) / float(words[2]) / 1e6:.1f} M/s"


def rows():
    yield "the 49 logs of etcd, verdicts", "0.0037 s", lambda _: logs()
    for ops, goal in (("100000", "1 s, 100 MB"), ("1000000", "10 s, 500 MB")):
        for clients in ("10", "30"):
            for crashes in ("0", "1", "5"):
                name = f"one key, cas, {ops} ops, {clients} clients, {crashes} % crashed"
                yield name, goal, lambda _, o=ops, c=clients, k=crashes: checked("cas", o, c, k, "valid")
            yield (f"one key, cas, {ops} ops, {clients} clients, stale read", goal,
                   lambda _, o=ops, c=clients: checked("cas", o, c, "0", "stale"))
    yield "10^6 ops over 10^4 keys", "0.3 s", lambda _: checked("cas", "1000000", "60", "0", "valid", "7", "10000")
    yield "10^7 ops, unique writes", "5 s, 1.5 GB", lambda _: checked("unique", "10000000", "30", "1", "valid")
    for model, goal in (("set", "0.05 s"), ("queue", "0.3 s"), ("stack", "0.8 s"), ("priority-queue", "0.8 s")):
        for crashes, looks in ((0, 0), (10, 0), (10, 20)):
            yield (f"{model}, 10^6 ops, {crashes / 10:g} % crashed, {looks} % looks", goal,
                   lambda run, m=model, c=crashes, k=looks: monitored(m, c, k, run))
    yield "writer, 10^6 ops", "2 M/s", lambda _: moved("writer, cas register", "1000000", "native")
    yield "native file, 10^6 ops", "20 M/s", lambda _: moved("reader, cas register", "1000000", "native")
    yield "native file, 10^7 ops", "20 M/s", lambda _: moved("reader, cas register", "10000000", "native")
    yield "EDN, 10^6 ops", "1 M/s", lambda _: moved("import EDN, cas register", "1000000")


def main():
    print(f"load {os.getloadavg()[0]:.1f}")
    print("| what | goal | s | CPU s | MB | |\n|---|---|---|---|---|---|")
    for name, goal, measure in rows():
        if not all(word in name for word in sys.argv[2:]):
            continue
        wall, cpu, mb, note = min((measure(run) for run in range(RUNS)), key=lambda row: row[1])
        print(f"| {name} | {goal} | {wall:.4g} | {cpu:.4g} | {mb:.0f} | {note} |", flush=True)


main()
