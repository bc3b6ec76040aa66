#!/usr/bin/python3
"""Whether expressions hold of what reroutectl --json has said: holds.py IN OUT

A python that starts takes longer than most of what it is asked here, so that
one answers a whole script, by two FIFOs. From IN it takes the name of a file and
an expression, each with a NUL behind it, and to OUT it says a line: "yes" or
"no", the value, and what was there, with tabs between. The expression has `every`,
the objects of the file, one a line; `f`, the same, where each that has a process
has its program, or "kernel" or "unknown", as "exe" too; and `x`, the first one.
`each(...)` is all(...) where there are any. Of
one file and one expression, holds.py once FILE EXPRESSION says the same.
"""
import json
import re
import sys
import time

SHOWN = ("direction", "proto", "src", "sport", "dst", "dport", "verdict", "mark",
         "reason", "packets_judged", "exe")


def read(path):
    with open(path) as file:
        return [json.loads(line) for line in file.read().splitlines()]


def with_exe(x):
    process = x.get("process")
    if isinstance(process, dict) and "exe" in process:
        return dict(x, exe=process["exe"] or process["kind"])
    return x


def show(x):
    if all(key in x for key in SHOWN):
        return " ".join(str(x[key]) for key in SHOWN)
    return json.dumps(x)


def each(values):
    """All of them; and there are some."""
    values = list(values)
    return bool(values) and all(values)


def answer(path, expression):
    f = []
    try:
        every = read(path)
        f = [with_exe(x) for x in every]
        names = {"every": every, "each": each, "f": f,
                 "x": every[0] if every else None, "re": re, "time": time}
        value = eval("(" + expression + ")", names)
        word = "yes" if value else "no"
    except Exception as e:
        word, value = "no", f"{type(e).__name__}: {e}"
    shown = [show(x)[:2000] for x in f[:12]] if word == "no" else []
    return "\t".join([word, str(value).replace("\n", " "), *shown])


def main():
    if sys.argv[1] == "once":
        print(answer(*sys.argv[2:]))
        return
    # for writing, too: there is no end of it when one has asked
    with open(sys.argv[1], "r+b", buffering=0) as asked, \
            open(sys.argv[2], "r+b", buffering=0) as said:
        waits = b""
        while True:
            waits += asked.read(65536)
            while waits.count(b"\0") >= 2:
                path, expression, waits = waits.split(b"\0", 2)
                said.write(answer(path.decode(), expression.decode())
                           .encode() + b"\n")


main()
