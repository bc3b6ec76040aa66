#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/core/judge_own.h"

/* Unknown, but for the user; rules by user hold for it. */
static const struct process *
unknown_of(struct judge *judge, uint32_t uid, uint32_t gid)
{
	struct process *proc;
	char number[12];
	int n;

	for (size_t i = 0; i < JUDGE_USERS; i++)
		if (judge->users[i] != NULL && judge->users[i]->uid == uid &&
		    judge->users[i]->gid == gid)
			return judge->users[i];
	proc = process_new(PROCESS_UNKNOWN);
	if (proc == NULL)
		return judge->unknown; /* the default for those is left */
	proc->has_uid = true;
	proc->uid = uid;
	proc->gid = gid;
	n = snprintf(number, sizeof(number), "%u", uid); /* fits */
	if (process_set(&proc->user, number, (size_t)n) != 0) {
		process_unref(proc);
		return judge->unknown;
	}
	process_unref(judge->users[judge->next_user]);
	judge->users[judge->next_user] = proc;
	judge->next_user = (judge->next_user + 1) % JUDGE_USERS;
	return proc;
}

/* The word for an owner that no process is. A packet that left through a
 * program's socket carries that program's uid (NFQA_UID), the kernel's own
 * carry none. An incoming packet without a socket is answered by the kernel.
 * Whether a socket that nobody holds is the kernel's own (WireGuard, NFS) or on
 * its way between programs can't be known. */
const struct process *
judge_nobody(struct judge *judge, const struct packet *pkt,
    const struct socket_facts *sock)
{
	if (pkt->has_uid)
		return unknown_of(judge, pkt->uid, pkt->gid);
	/* the kernel saw a process send it, or has what one said left to send,
	 * and that one can't be named */
	if (sock->by == BY_BPF || sock->closed)
		return judge->unknown;
	if (pkt->in && sock->status == SOCKET_FOUND && sock->inode != 0)
		return judge->unknown;
	return judge->kernel;
}

enum attributed_by
judge_by(const struct socket_facts *sock, const struct process *proc)
{
	switch (proc->kind) {
	case PROCESS_PROGRAM:
		return sock->by;
	case PROCESS_KERNEL:
		return BY_NONE;
	case PROCESS_UNKNOWN:
		return proc->has_uid ? BY_UID : BY_NONE;
	}
	abort();
}

static void
count_by(struct stats *stats, enum attributed_by by)
{
	switch (by) {
	case BY_NONE:
		break;
	case BY_BPF:
		stats->by_bpf++;
		break;
	case BY_SOCK_DIAG:
		stats->by_sock_diag++;
		break;
	case BY_PROC_NET:
		stats->by_proc_net++;
		break;
	case BY_UID:
		stats->by_uid++;
		break;
	}
}

void
judge_count_process(
    struct stats *stats, const struct process *proc, enum attributed_by by)
{
	count_by(stats, by);
	switch (proc->kind) {
	case PROCESS_PROGRAM:
		stats->processes_found++;
		break;
	case PROCESS_KERNEL:
		stats->processes_kernel++;
		break;
	case PROCESS_UNKNOWN:
		stats->processes_unknown++;
		break;
	}
}
