#ifndef CORE_STATS_H
#define CORE_STATS_H

#include <stddef.h>
#include <stdint.h>

/* Counters, once: X(field, what it counts). `status` prints them all. */
#define STATS(X)                                                               \
	X(packets, "packets received from the queues")                         \
	X(verdicts, "verdicts sent")                                           \
	X(verdict_errors, "verdicts that the kernel refused")                  \
	X(wakeups, "wake-ups with packets")                                    \
	X(overflows, "times the queue's socket overflowed (ENOBUFS)")          \
	X(queue_errors, "receive errors and bad messages on the queues")       \
	X(accepted, "packets accepted")                                        \
	X(blocked, "packets blocked")                                          \
	X(dropped, "packets dropped")                                          \
	X(rerouted, "packets sent through a tunnel")                           \
	X(port17_accepted, "connections that came to Port17")                  \
	X(port17_honest, "connections made with the far end there already")    \
	X(port17_refused, "connections refused because the dial failed")       \
	X(port17_not_held, "connections that were not held: too many were")    \
	X(port17_strays, "connections to Port17 that no rule sent there")      \
	X(port17_full, "times Port17 had no descriptor or memory left")        \
	X(port17_names_full, "names without an address: all are in use")       \
	X(port17_names_lost, "names that could not be kept for a restart")     \
	X(port17_forgotten,                                                    \
	    "ended tunnelled flows of which no way is told now")               \
	X(malformed, "packets dropped as malformed, source-routed or spoofed") \
	X(fragments, "fragments dropped")                                      \
	X(failures, "packets dropped because a look-up failed")                \
	X(conntrack_full, "packets the kernel dropped: conntrack was full")    \
	X(flows_new, "flows judged")                                           \
	X(flows_repeat, "packets of flows that were decided before")           \
	X(flows_evicted, "flows forgotten because the table was full")         \
	X(flows_nomem, "flows not kept because there was no memory")           \
	X(sockets_found, "sockets found by exact look-up")                     \
	X(sockets_none, "packets without a socket")                            \
	X(sockets_failed, "socket look-ups that failed")                       \
	X(processes_found, "flows whose process was found")                    \
	X(processes_kernel, "flows of the kernel's own")                       \
	X(processes_unknown, "flows whose process was not found")              \
	X(processes_failed, "process look-ups that failed")                    \
	X(processes_awaited, "packets that waited for a process look-up")      \
	X(by_bpf, "flows whose sender the kernel named")                       \
	X(by_sock_diag, "flows found by sock_diag and /proc")                  \
	X(by_proc_net, "flows found by /proc/net and /proc")                   \
	X(by_uid, "flows of which the user alone is known")                    \
	X(unknown_gone, "senders seen, and gone with no trace of a program")   \
	X(unknown_mixed, "packets that several processes may have sent")       \
	X(unknown_stranger, "packets sent by another user than the socket's")  \
	X(taken_over, "flows that another process went on with")               \
	X(taken_dropped, "packets of those that another program sent")         \
	X(closed_forgotten, "entries of closed sockets that conntrack forgot") \
	X(closed_missed, "closed sockets that there was no room for")          \
	X(uses_late, "times that a record of who sends did not come in time")  \
	X(uses_refused, "records of packets that could not be read")           \
	X(names_learnt, "names of addresses learnt from answers")              \
	X(names_evicted, "addresses forgotten because there were too many")    \
	X(names_crowded, "names forgotten because their address had too many") \
	X(sockets_destroyed, "live connections ended")                         \
	X(sums_evicted,                                                        \
	    "sums of programs and hosts that made room for others")            \
	X(bytes_lost, "times the kernel could not say what ended flows moved") \
	X(syscalls_refused, "system calls that the daemon may not use")        \
	X(keeper_gone, "rerouted-keeper, which helps it at the end, is gone")  \
	X(control_clients, "control clients served")                           \
	X(control_refused, "control clients refused or cut off")               \
	X(control_errors, "control requests that were errors")

struct stats {
#define X(field, what) uint64_t field;
	STATS(X)
#undef X
};

/* One row a counter: for printing all of them. */
struct stats_row {
	const char *name;
	const char *what;
	size_t offset;
};
extern const struct stats_row stats_rows[];
extern const size_t stats_n_rows;

uint64_t stats_get(const struct stats *stats, const struct stats_row *row);

#endif
