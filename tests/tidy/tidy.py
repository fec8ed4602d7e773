#!/usr/bin/env python3
"""House rules that a program can check: includes follow the folder order of the root CMakeLists.txt,
functions stay short, banned calls stay out, headers have their guard. Prints each breach as
file:line; exits 1 where there is one."""
import re
import subprocess
import sys

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 700
BANNED = {
    "strcpy": "snprintf or rift_printf", "strcat": "struct rift_text", "sprintf": "snprintf",
    "vsprintf": "vsnprintf", "atoi": "strtol with its end checked", "atol": "strtol", "atof": "strtod",
    "system": "a process of our own", "rand": "rift_rng", "srand": "rift_rng", "gets": "getline",
    "strtok": "strtok_r",
}
# The pure half of nemesis is above plan; nemesis/faults is only the agent's.
AGENT_ONLY = "nemesis/faults"


def folder_order():
    text = open("CMakeLists.txt").read()
    return re.findall(r"add_subdirectory\((\w+)\)", text)


def sources():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.c", "*.h"],
                            capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split() if "/vendor/" not in name]


def strip_comments_and_texts(text):
    """The same text with comments, strings and characters blanked, line breaks kept."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def check_includes(name, text, order, breach):
    home = name.split("/")[0]
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r'#include "([^"]+)"', line)
        if not match:
            continue
        path = match.group(1)
        room = path.split("/")[0]
        if room not in order:
            breach(name, number, f'include "{path}" from the root of the project')
        elif home in order and order.index(room) > order.index(home):
            breach(name, number, f"{home} may not know of {room}, which stands below it")
        elif path.startswith(AGENT_ONLY) and home not in ("nemesis", "agent", "tests"):
            breach(name, number, f"{AGENT_ONLY} is for the agent only")


def check_calls(name, code, breach):
    for number, line in enumerate(code.split("\n"), 1):
        for call, instead in BANNED.items():
            if re.search(rf"(?<![\w.>]){call}\s*\(", line):
                breach(name, number, f"{call}() is banned: use {instead}")
        if re.search(r"\btime\s*\(\s*NULL\s*\)", line):
            breach(name, number, "time(NULL) is banned: use rift_clock")


def check_functions(name, code, breach):
    start = None
    for number, line in enumerate(code.split("\n"), 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start is not None:
            if number - start - 1 > FUNCTION_LINES_MAX:
                breach(name, start, f"a function of {number - start - 1} lines, {FUNCTION_LINES_MAX} at most")
            start = None


def check_guard(name, text, breach):
    wanted = "_".join(name.split("/"))
    wanted = re.sub(r"\W", "_", wanted).upper()
    tail = "_".join(wanted.split("_"))
    short = re.sub(r"\W", "_", "/".join(name.split("/")[-2:])).upper()
    if f"#ifndef {tail}" not in text and f"#ifndef {short}" not in text:
        breach(name, 1, f"no include guard {short}")


def main():
    breaches = []

    def breach(name, number, what):
        breaches.append(f"{name}:{number}: {what}")

    order = folder_order()
    names = sources()
    for name in names:
        text = open(name, encoding="utf-8").read()
        code = strip_comments_and_texts(text)
        check_includes(name, text, order, breach)
        check_calls(name, code, breach)
        check_functions(name, code, breach)
        if name.endswith(".h"):
            check_guard(name, text, breach)
        if text.count("\n") > FILE_LINES_MAX:
            breach(name, FILE_LINES_MAX, f"longer than {FILE_LINES_MAX} lines: is there a second idea in it?")
    print("\n".join(breaches) if breaches else f"{len(names)} files are tidy")
    return 1 if breaches or not names else 0


if __name__ == "__main__":
    sys.exit(main())
