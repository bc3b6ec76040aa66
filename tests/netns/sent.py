"""What `short` says it sent: lines "LOCAL-PORT PID"."""
import collections


def read(path):
    """The pids that had each port, and how many lines there were. A port may
    be had by several, one after the other."""
    pids, total = collections.defaultdict(set), 0
    for line in open(path):
        port, pid = map(int, line.split())
        pids[port].add(pid)
        total += 1
    return pids, total
