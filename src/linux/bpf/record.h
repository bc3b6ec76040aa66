#ifndef LINUX_BPF_RECORD_H
#define LINUX_BPF_RECORD_H

#include <linux/types.h>

#include "src/linux/bpf/heard.h"

/* What the programs in attr.bpf.c write into their two rings, as it lies in
 * memory: shared by them and bpf.c, and by nobody else. */

/* Bytes of a packet that go with its record: all headers, and enough behind
 * them to tell one datagram from the next. */
#define BPF_HEAD_MAX 96

/* Each record begins with what it is: as a __u32. */
enum bpf_record_type {
	BPF_RECORD_FORK = 1,  /* a struct bpf_fork */
	BPF_RECORD_EXEC = 2,  /* a struct bpf_event */
	BPF_RECORD_EXIT = 3,  /* a struct bpf_exit */
	BPF_RECORD_CLOSE = 4, /* a struct bpf_closed */
	BPF_RECORD_GROUP = 5, /* a struct bpf_group */
	BPF_RECORD_USE = 6,   /* a struct bpf_use */
};

/* A packet that a program sends and that has no verdict yet. */
struct bpf_use {
	__u32 type;
	__u32 exe_dev; /* by device.h; 12 bits and 20, as the kernel has it */
	__u64 cookie;  /* of the socket; as a rule there is none */
	__u64 inode;   /* of the socket, or another number that tells it */
	__u64 start;   /* of the process, ns since boot */
	__u64 exec;    /* how often it and its forebears have run exec */
	__u64 groups;  /* tells one set of control groups from another */
	__u64 cgroup;  /* id in the unified hierarchy */
	__u64 exe_ino;
	__u32 pid;
	__u32 uid, gid; /* effective */
	__u32 total;	/* bytes of the packet */
	__u32 device;	/* that the socket is bound to; 0: none */
	__u8 level;	/* of the pid namespace whose number pid is */
	__u8 head_len;
	__u8 socket_is; /* BPF_SOCKET_* */
	/* a flow that was decided for another one: BPF_TAKEN_* */
	__u8 taken;
	char comm[16];
	__u8 head[BPF_HEAD_MAX];
};

_Static_assert(BPF_HEAD_MAX <= 255, "head_len is a byte");

/* A packet whose sender the daemon can't be told is dropped; and one of a
 * program that goes on with what was decided for another start of itself, which
 * may be another script. */
#define BPF_ARMED 1
#define BPF_ARMED_APART 2

/* What programs and daemon tell each other beside that. */
struct bpf_shared {
	/* what the rings had no room for */
	__u64 uses_lost, events_lost;
	/* bytes that wait when the daemon is woken up to take them */
	__u64 uses_many, events_many;
	/* closed sockets that were told and, of those, taken by the daemon; so
	 * many may wait; when it was woken up for one last (ns since boot) */
	__u64 closes, closes_taken, closes_many, closes_told;
	/* cookie of the socket of the self-test, whose packets go nowhere */
	__u64 probe;
	/* from then on (ns since boot) each decided flow of this host's is
	 * known, or was forgotten for others */
	__u64 strict_from;
	/* nesting of the pid namespace whose numbers the daemon sees */
	__u32 pid_level;
	/* the daemon judges: BPF_ARMED* */
	__u32 armed;
	/* number of the network namespace whose sockets are listed at start,
	 * and told when they are closed */
	__u32 netns;
	/* families whose packets need a mark to pass: BPF_SEALED_* */
	__u32 sealed;
	/* of some whose start was lost there was no room to keep it either */
	__u32 unkept;
	/* what there was at start has been listed: the next time it is those
	 * that live and whose start was lost */
	__u32 seeded;
	/* which of them go to one place nobody else knows */
	__u64 seed;
	struct bpf_heard heard[BPF_HEARD_MAX];
};

#define BPF_SEALED_IP4 1
#define BPF_SEALED_IP6 2

/* By the same program of the same user in the same unit, but started anew: it
 * passes, and the flow is to be judged again. By another one: dropped. */
#define BPF_TAKEN_OVER 1
#define BPF_TAKEN_DROPPED 2

/* Bits: connected to the far end; answers what the far end began; of a packet
 * that conntrack has no entry for yet. */
#define BPF_SOCKET_CONNECTED 1
#define BPF_SOCKET_ANSWERS 2
#define BPF_SOCKET_BEGINS 4

/* As long as any path that the kernel gives to anybody. */
#define BPF_PATH_MAX 4096
#define BPF_NAME_MAX 256
#define BPF_ARGS_MAX 4096 /* a power of two */
#define BPF_GROUP_MAX 1024

/* Those of a process that only copies itself and ends are short: each cache
 * line of theirs comes from the CPU that it ran on. */
struct bpf_fork {
	__u32 type;
	__u32 pid, ppid, from; /* from: whose memory the child has */
	__u64 start, pstart, from_start;
	__u64 exec;
};

struct bpf_exit {
	__u32 type;
	__u32 pid;
	__u64 start;
};

/* The text stands behind it. */
struct bpf_event {
	__u32 type;
	__u32 pid, ppid;
	__u32 mounts; /* number of its mount namespace */
	__u64 start, pstart;
	__u64 exec;
	__u64 exe_ino;
	__u32 exe_dev;
	__u16 path_len; /* names from the file to the root, NUL after each */
	__u16 args_len; /* arguments, NUL after each */
	__u8 deleted;
	__u8 cut; /* the path is longer than there is room */
	__u16 zero[3];
	char comm[16];
};

/* A control group of the unified hierarchy. The text stands behind it. */
struct bpf_group {
	__u32 type;
	__u16 path_len; /* names from the group to the root, NUL after each */
	__u16 cut;	/* the path is longer than there is room */
	__u64 id;
};

/* A UDP socket of this network namespace that nobody has any more. */
struct bpf_closed {
	__u32 type;
	__u32 zero;
	__u64 inode;
};

/* A socket of this network namespace that a process had at start. */
struct bpf_holding {
	__u64 inode, start;
	__u32 pid, fd;
	__u32 thread, zero; /* 0: of the process */
};

#endif
