#!/usr/bin/env python3
"""A client of Rift in Python: a register in a directory, one file a key.

Run by `client: {name: stdio, command: [python3, clients/stdio/example_register.py, DIRECTORY]}`.
One JSON object a line comes in, one goes out; docs/writing-a-client.md has the protocol. A real
client would speak to the node that "open" names instead of to a directory.
"""
import fcntl
import json
import os
import sys


def invoke(path, f, value):
    """Returns what the answer says besides its id."""
    with open(path, "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # one operation at a time, whoever asks
        file.seek(0)
        now = json.loads(file.read() or "null")
        if f == "read":
            return {"type": "ok", "value": now}
        if f == "cas":
            expected, value = value
            if now != expected:
                # Surely without effect: "fail". Where that is not sure, say "info".
                return {"type": "fail", "error": "compare failed"}
        file.truncate(0)
        file.write(json.dumps(value))
        file.flush()
        return {"type": "ok", "value": value}


def main():
    directory = None
    for line in sys.stdin:
        message = json.loads(line)
        if message["op"] == "open":
            directory = os.path.join(sys.argv[1], message["run"])  # runs must not meet
            os.makedirs(directory, exist_ok=True)
            answer = {"type": "ok"}
        else:
            path = os.path.join(directory, "key-%s" % message["key"])
            answer = invoke(path, message["f"], message["value"])
        answer["id"] = message["id"]
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
