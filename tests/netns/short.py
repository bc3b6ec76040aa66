"""Compares what `short` says it sent with the flows that the daemon shows.

    short.py SENT FLOWS DPORT EXE DESTINATION...

SENT has lines "LOCAL-PORT PID"; DPORT is 0 for a ping, of which the flows are
told by the destination and the program alone. Prints how many of those that
sent are named by BPF, how many are not, and how many flows show another process
than those that had the port. True where all are named and none is wrong.
"""
import json
import sys

sys.dont_write_bytecode = True  # sources stay as they are
import sent

sent_file, flows, dport, exe = sys.argv[1:5]
dport = int(dport)
# by copies of one process a flow goes on
want, total = sent.read(sent_file)
named, wrong, unknown = set(), [], set()
for line in open(flows):
    f = json.loads(line)
    if (f["dport"] or 0) != dport or f["direction"] != "out" or \
            f["dst"] not in sys.argv[5:]:
        continue
    p = f["process"]
    if p["kind"] != "program":
        unknown.add(f["sport"])
    elif p["exe"] != exe or (dport and p["pid"] not in want[f["sport"]]):
        wrong.append((f["sport"], p, f["attributed_by"]))
    elif f["attributed_by"] == "bpf":
        named.add(f["sport"])
missing = sum(len(pids) for port, pids in want.items()
              if dport and port not in named)
if not dport and (unknown or not named):
    missing = total
print(total, "sent,", total - missing, "named,", len(wrong), "wrong", wrong[:1])
sys.exit(bool(wrong) or missing > 0 or total == 0)
