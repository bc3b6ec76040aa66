#include "src/attr.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/attr_own.h"
#include "src/base/log.h"
#include "src/core/idmap.h"
#include "src/core/lineage.h"
#include "src/core/uses.h"
#include "src/linux/bpf.h"
#include "src/linux/diag.h"
#include "src/linux/machine.h"
#include "src/linux/procfs.h"
#include "src/linux/procdir.h"
#include "src/linux/procread.h"

/* Control groups that are remembered: more than the kernel thinks are known. */
#define CGROUPS_MAX 4096

/* A record that another CPU is about to finish is waited for: some microseconds
 * as a rule, but that one may have been taken away in the midst of it. So long
 * once in a round, and then no more. */
#define LATE_NS (2 * MONO_MS)

static void
sent(void *arg, const struct use *use)
{
	struct attr *attr = arg;
	struct flow_key key;
	int r = uses_put(attr->uses, use, attr->now, &key);

	if (r == 0 && use->taken) {
		attr->opts.stats->taken_over++;
		attr->opts.stats->taken_dropped += use->refused;
		if (attr->taken != NULL)
			attr->taken(attr->taken_arg, &key, !use->refused);
	}
	if (r < 0) /* a packet that the judge will not understand either */
		attr->opts.stats->uses_refused++;
}

static void
forked(void *arg, const struct fork *child)
{
	struct attr *attr = arg;

	(void)lineage_fork(attr->lineage, child); /* no memory: not known */
}

static void
executed(void *arg, const struct exec *program)
{
	struct attr *attr = arg;

	(void)lineage_exec(attr->lineage, program); /* likewise */
	ancestors_changed(&attr->ancestors, program->pid);
	owners_changed(&attr->owners, program->pid);
}

static void
ended(void *arg, pid_t pid, uint64_t start)
{
	struct attr *attr = arg;

	lineage_exit(attr->lineage, pid, start);
	owners_changed(&attr->owners, pid);
}

static void
grouped(void *arg, uint64_t id, const char *names, size_t len)
{
	struct attr *attr = arg;

	if (attr->cgroups != NULL)
		cgroups_put(attr->cgroups, id, names, len);
}

static void
socket_closed(void *arg, uint64_t inode)
{
	struct attr *attr = arg;

	owners_closed(&attr->owners, inode);
	if (attr->closed != NULL)
		attr->closed(attr->closed_arg, inode);
}

static void
holds(void *arg, const struct holding *holding)
{
	struct attr *attr = arg;
	struct holding in_ticks = *holding;

	in_ticks.start /= attr->tick_ns;
	procfs_note(attr->opts.procfs, &in_ticks);
}

static void
open_bpf(struct attr *attr)
{
	const struct bpf_ops ops = { .use = sent,
		.fork = forked,
		.exec = executed,
		.exit = ended,
		.group = grouped,
		.closed = socket_closed,
		.holds = holds,
		.arg = attr };
	static const char *const closes[] = { [BPF_CLOSES_NO] = "no",
		[BPF_CLOSES_PART] = "part",
		[BPF_CLOSES_ALL] = "yes" };
	char why[256];

	if (!attr->opts.bpf) {
		strcpy(attr->why, "not wanted by the settings");
		log_info("attribution", "source=sock_diag: no BPF is wanted");
		return;
	}
	if (bpf_open(&attr->bpf, &ops, &attr->sizes, attr->why) < 0)
		log_warning("attribution",
		    "no BPF, programs that send and end at once are unknown: "
		    "%s source=%s",
		    log_quote(attr->why, why, sizeof(why)),
		    diag_works(attr->opts.diag) ? "sock_diag" : "proc_net");
	else
		log_info("attribution",
		    "source=bpf births=%s closes=%s seeded=%s processes=%zu",
		    bpf_sees_births(attr->bpf) ? "yes" : "no",
		    closes[bpf_sees_closes(attr->bpf)],
		    bpf_is_seeded(attr->bpf) ? "bpf" : "proc",
		    lineage_count(attr->lineage));
	if (attr->bpf != NULL && bpf_seal_why(attr->bpf) != NULL)
		log_warning("attribution",
		    "nothing is behind the tables: who empties all of them at "
		    "once lets packets pass until they are put back: %s",
		    log_quote(bpf_seal_why(attr->bpf), why, sizeof(why)));
}

/* Where there are no user namespaces there is no such file. */
static void
read_map(struct idmap *ret, const char *name)
{
	int dir = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char text[IDMAP_MAX * 36];
	ssize_t n = dir < 0 ? -1 : procdir_file(dir, name, text, sizeof(text));

	if (dir >= 0)
		(void)close(dir); /* O_PATH */
	if (n <= 0 || idmap_parse(ret, text, (size_t)n) != 0)
		idmap_identity(ret);
}

/* Names are the kernel's own where /proc shows them from the same root: in the
 * first namespace of control groups (PROC_CGROUP_INIT_INO in the kernel). 0 or
 * -ENOMEM. */
static int
open_cgroups(struct attr *attr)
{
	struct stat st;

	if (stat("/proc/self/ns/cgroup", &st) < 0 || st.st_ino != 0xeffffffb)
		return 0;
	attr->cgroups = cgroups_new(CGROUPS_MAX);
	return attr->cgroups != NULL ? 0 : -ENOMEM;
}

int
attr_new(struct attr **ret, const struct attr_opts *opts)
{
	struct attr *attr = calloc(1, sizeof(*attr));
	struct attr_machine machine = { .queue = opts->queue };
	struct stat st;

	if (attr == NULL)
		return -ENOMEM;
	attr->opts = *opts;
	attr->tick_ns = MONO_S / (uint64_t)sysconf(_SC_CLK_TCK);
	read_map(&attr->users, "uid_map");
	read_map(&attr->user_groups, "gid_map");
	if (stat("/proc/self/ns/mnt", &st) == 0)
		attr->mounts = st.st_ino;
	machine_read(&machine);
	attr_sizes_of(&attr->sizes, &machine);
	attr->uses = uses_new(attr->sizes.uses, attr->sizes.judged);
	attr->lineage = lineage_new(attr->sizes.processes, attr->sizes.gone);
	if (attr->uses == NULL || attr->lineage == NULL ||
	    open_cgroups(attr) < 0) {
		attr_free(attr);
		return -ENOMEM;
	}
	attr->now = mono_now();
	if (machine_is_confined())
		log_info("attribution",
		    "this is a PID namespace of its own: programs outside of "
		    "it are unknown");
	open_bpf(attr);
	if (attr->bpf == NULL || !bpf_is_seeded(attr->bpf))
		procfs_seed(attr->opts.procfs);
	*ret = attr;
	return 0;
}

void
attr_free(struct attr *attr)
{
	if (attr == NULL)
		return;
	bpf_close(attr->bpf);
	uses_free(attr->uses);
	lineage_free(attr->lineage);
	cgroups_free(attr->cgroups);
	groups_done(&attr->groups);
	ancestors_done(&attr->ancestors);
	twins_done(&attr->twins);
	owners_done(&attr->owners);
	free(attr);
}

void
attr_tell_apart(struct attr *attr, bool apart)
{
	attr->apart = apart;
}

void
attr_round(struct attr *attr, mono_t now)
{
	attr->now = now;
	attr->round++;
	attr->drained = attr->late = false;
	attr->asked = false;
	procread_round(procfs_read(attr->opts.procfs), now);
	if (attr->bpf != NULL) {
		bpf_arm(attr->bpf, attr->apart);
		bpf_expect(attr->bpf);
		uses_expect(attr->uses);
		lineage_expect(attr->lineage);
	}
}

void
attr_hear(struct attr *attr)
{
	if (attr->bpf != NULL && !attr->drained)
		attr->drained = bpf_uses(attr->bpf);
}

/* All that was said before this round. The record of a packet is written before
 * the packet is queued. */
static void
drain_uses(struct attr *attr)
{
	mono_t end;

	if (attr->drained)
		return;
	attr->drained = bpf_uses(attr->bpf);
	if (attr->drained || attr->late)
		return;
	end = mono_add(mono_now(), LATE_NS);
	while (!attr->drained && mono_before(mono_now(), end)) {
		(void)sched_yield(); /* never fails on Linux */
		attr->drained = bpf_uses(attr->bpf);
	}
	attr->late = !attr->drained;
	attr->opts.stats->uses_late += attr->late;
}

static enum uses_found
find_use(struct attr *attr, const struct flow_key *key, const void *bytes,
    size_t len)
{
	/* else what is there may be of another packet between the same ends */
	drain_uses(attr);
	return uses_find(attr->uses, key, bytes, len, &attr->used);
}

/* False where the next source is to be asked. */
static bool
socket_by_bpf(struct attr *attr, const struct packet *pkt, const void *bytes,
    size_t len, struct socket_facts *ret)
{
	struct flow_key key = flow_key_of(&pkt->tuple, pkt->in);

	/* without an owner's uid it is the kernel's own (the answer to a ping),
	 * sent while some program was in it: at times this daemon, that gives
	 * the verdict for the question */
	if (attr->bpf == NULL || pkt->in || !pkt->has_uid)
		return false;
	switch (find_use(attr, &key, bytes, len)) {
	case USES_NONE:
		/* it is there, but can't be read yet */
		ret->status = SOCKET_FAILED;
		return attr->late;
	case USES_MIXED:
		attr->opts.stats->unknown_mixed++;
		ret->status = SOCKET_NONE;
		return true;
	case USES_ONE:
		break;
	}
	ret->status = SOCKET_FOUND;
	ret->by = BY_BPF;
	ret->inode = attr->used.socket;
	ret->uid = pkt->has_uid ? pkt->uid : attr->used.who->actor.uid;
	ret->user = attr->used.who->id;
	ret->pid = attr->used.who->actor.pid;
	ret->opened = packet_is_syn(pkt);
	ret->device = attr->used.device;
	ret->begins = attr->used.begins;
	/* a ping socket only gets answers */
	ret->connected = attr->used.connected ||
			 pkt->tuple.proto == IPPROTO_ICMP ||
			 pkt->tuple.proto == IPPROTO_ICMPV6;
	ret->accepted = attr->used.answers && pkt->tuple.proto != IPPROTO_TCP;
	return true;
}

void
attr_sender(const struct attr *attr, struct packet *pkt)
{
	pkt->uid = idmap_here(&attr->users, pkt->uid);
	pkt->gid = idmap_here(&attr->user_groups, pkt->gid);
}

/* The kernel gives the user of what leaves by a program's socket. What has none
 * is its own, whoever has a raw socket of that protocol. TCP speaks on behalf
 * of connections that were closed, too. */
static bool
is_kernels(const struct packet *pkt)
{
	return !pkt->in && !pkt->has_uid && pkt->tuple.proto != IPPROTO_TCP &&
	       pkt->tuple.proto != IPPROTO_SCTP;
}

/* It looks like the kernel's own, but a program has closed its socket while
 * others had the packet wait before we got it: that is told of nobody. */
static bool
is_orphan(
    struct attr *attr, const struct packet *pkt, const void *bytes, size_t len)
{
	struct flow_key key = flow_key_of(&pkt->tuple, pkt->in);

	return attr->bpf != NULL && !pkt->in && !pkt->has_uid &&
	       find_use(attr, &key, bytes, len) == USES_ONE &&
	       attr->used.who->actor.start == 0;
}

void
attr_socket(struct attr *attr, const struct packet *pkt, const void *bytes,
    size_t len, struct socket_facts *ret)
{
	struct flow_key key = flow_key_of(&pkt->tuple, pkt->in);

	memset(ret, 0, sizeof(*ret));
	if (is_orphan(attr, pkt, bytes, len)) {
		ret->status = SOCKET_NONE;
		ret->by = BY_BPF;
		return;
	}
	if (is_kernels(pkt)) {
		ret->status = SOCKET_NONE;
		return;
	}
	if (!socket_by_bpf(attr, pkt, bytes, len, ret))
		diag_find(attr->opts.diag, &key, pkt->in, pkt->ifindex, ret);
	if (ret->status == SOCKET_FAILED)
		log_limited(LOG_LEVEL_WARNING, "attribution",
		    "the kernel can't be asked for a socket: the packet is "
		    "dropped");
}

bool
attr_is_listening(const struct attr *attr, const struct packet *pkt)
{
	struct flow_key key = flow_key_of(&pkt->tuple, pkt->in);

	return diag_is_listening(attr->opts.diag, &key, pkt->ifindex);
}

int
attr_flow(struct attr *attr, const struct flow_key *key,
    const struct process **ret, enum attributed_by *ret_by)
{
	struct socket_facts sock = { .by = BY_NONE };

	attr_round(attr, mono_now());
	if (attr->bpf != NULL && find_use(attr, key, NULL, 0) == USES_ONE) {
		*ret_by = BY_BPF;
		return attr_user(attr, ret);
	}
	diag_find(attr->opts.diag, key, false, 0, &sock);
	*ret_by = sock.by;
	switch (sock.status) {
	case SOCKET_NONE:
		return -ENOENT;
	case SOCKET_FAILED:
		return -EIO;
	case SOCKET_FOUND:
		return attr_process(attr, &sock, ret);
	}
	abort();
}

void
attr_watch(struct attr *attr, attr_taken_fn *taken, void *arg)
{
	attr->taken = taken;
	attr->taken_arg = arg;
}

void
attr_watch_closes(struct attr *attr, attr_closed_fn *closed, void *arg)
{
	attr->closed = closed;
	attr->closed_arg = arg;
}

/* Numbers as the kernel has them: of the file from its start, since some file
 * systems have others for stat(2); of the user where ours are the same. Where
 * its start was not seen the socket has to do, and where it is that of a
 * service that the first process starts now. */
void
attr_heard(struct attr *attr, const struct flow_key *key, uint64_t inode,
    const struct process *proc)
{
	struct bpf_hearer hearer = { .socket = inode };
	const struct image *image;

	if (attr->bpf == NULL)
		return;
	if (proc != NULL && proc->kind == PROCESS_PROGRAM &&
	    (proc->pid != 1 || inode == 0) &&
	    idmap_here(&attr->users, proc->uid) == proc->uid) {
		image = attr_image_of(attr, proc);
		hearer.uid = proc->uid;
		if (image != NULL && attr_is_run_by(attr, image, proc)) {
			hearer.exe_dev = image->exe_dev;
			hearer.exe_ino = image->exe_ino;
		} else if (inode == 0) {
			hearer.exe_dev = proc->exe_dev;
			hearer.exe_ino = proc->exe_ino;
		}
	}
	bpf_heard(attr->bpf, key, &hearer);
}

void
attr_fds(const struct attr *attr, int ret[ATTR_FDS])
{
	ret[0] = attr->bpf != NULL ? bpf_fd_uses(attr->bpf) : -1;
	ret[1] = attr->bpf != NULL ? bpf_fd_births(attr->bpf) : -1;
}

void
attr_drain(struct attr *attr)
{
	if (attr->bpf == NULL)
		return;
	attr->now = mono_now();
	bpf_births(attr->bpf);
	(void)bpf_uses(attr->bpf);
}

void
attr_seal(const struct attr *attr, bool ip4, bool ip6)
{
	if (attr->bpf != NULL)
		bpf_seal(attr->bpf, ip4, ip6);
}

void
attr_status(const struct attr *attr, struct attr_status *ret)
{
	*ret = (struct attr_status){
		.bpf = attr->bpf != NULL,
		.births = attr->bpf != NULL && bpf_sees_births(attr->bpf),
		.closes = attr->bpf != NULL &&
			  bpf_sees_closes(attr->bpf) == BPF_CLOSES_ALL,
		.closes_part = attr->bpf != NULL &&
			       bpf_sees_closes(attr->bpf) == BPF_CLOSES_PART,
		.bpf_why = attr->bpf == NULL ? attr->why : NULL,
		.seal_why = attr->bpf != NULL ? bpf_seal_why(attr->bpf) : NULL,
		.sock_diag = diag_works(attr->opts.diag),
		.lost = attr->bpf != NULL ? bpf_lost(attr->bpf) : 0,
		.evicted = lineage_evicted(attr->lineage),
		.uses = uses_count(attr->uses),
		.processes = lineage_count(attr->lineage),
		.sizes = attr->sizes,
	};
}
