#include "src/judge_own.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

/* A supervisor other than the first process (inetd, xinetd) has the socket, and
 * gives it to a program for each datagram that comes (dgram udp wait). Who
 * answers then is not who was meant, whom alone the kernel's program lets
 * answer: the first one is dropped, and tells of that program. */

void
judge_ev_forget_handed(struct judge_ev *je)
{
	for (size_t i = 0; i < HANDED_MAX; i++)
		process_unref(je->handed[i].process);
	memset(je->handed, 0, sizeof(je->handed));
}

static struct handed *
find(struct judge_ev *je, uint64_t inode)
{
	for (size_t i = 0; i < HANDED_MAX; i++)
		if (je->handed[i].inode == inode)
			return &je->handed[i];
	return NULL;
}

void
judge_ev_note_handed(struct judge_ev *je, const struct flow_key *key)
{
	const struct flow *flow = flow_find(judge_flows(je->opts.judge), key);
	struct handed *handed;

	if (flow == NULL || !flow->in || flow->inode == 0 ||
	    key->proto != IPPROTO_UDP || !judge_knows(je->opts.judge, key))
		return;
	handed = find(je, flow->inode);
	if (handed == NULL) {
		handed = &je->handed[je->next_handed++ % HANDED_MAX];
		process_unref(handed->process);
		*handed = (struct handed){ .inode = flow->inode };
	}
	handed->key = *key;
	handed->asks = true;
}

/* Who that was, where he may. */
static void
ask(struct judge_ev *je, struct handed *handed, const struct flow *flow)
{
	const struct process *proc;
	enum attributed_by by;
	int r = attr_flow(je->opts.attr, &handed->key, &proc, &by);

	handed->asks = r == -EINPROGRESS || r == -EAGAIN;
	if (r < 0)
		return;
	if (!judge_may_answer(je->opts.judge, flow, proc)) {
		process_unref(proc);
		return;
	}
	process_unref(handed->process);
	handed->process = proc;
}

const struct process *
judge_ev_answerer(struct judge_ev *je, const struct flow *flow)
{
	struct handed *handed =
	    flow->in && flow->inode != 0 ? find(je, flow->inode) : NULL;

	if (handed == NULL)
		return flow->process;
	if (handed->asks)
		ask(je, handed, flow);
	return handed->process != NULL &&
		       judge_may_answer(je->opts.judge, flow, handed->process)
		   ? handed->process
		   : flow->process;
}
