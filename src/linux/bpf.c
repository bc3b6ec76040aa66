#include "src/linux/bpf.h"

#ifdef HAVE_BPF

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <netinet/in.h>

#include "src/base/mono.h"
#include "src/linux/bpf/record.h"
#include "src/linux/bpf_event.h"
#include "src/linux/bpf_heard.h"
#include "src/linux/bpf_links.h"
#include "src/linux/bpf_load.h"
#include "src/linux/bpf_ring.h"
#include "src/linux/bpf_seed.h"
#include "src/linux/procdir.h"

/* One with all its text. */
#define EVENT_MAX                                                              \
	(sizeof(struct bpf_event) + BPF_PATH_MAX + BPF_NAME_MAX + BPF_ARGS_MAX)

/* Pid namespaces can't be nested deeper (MAX_PID_NS_LEVEL in the kernel). */
#define LEVELS_MAX 32

/* A flow of datagrams that was there before us has spoken by then, or conntrack
 * has forgotten it (nf_conntrack_udp_timeout_stream: 120 s). */
#define OLD_FLOWS_NS (180 * MONO_S)

/* Bytes of what is told of processes that wait before we are woken up for it:
 * not more than is taken in a turn of the loop. The ring has room for as much
 * as comes while we stand still. */
#define BIRTHS_MANY (1 << 16)

struct bpf {
	struct bpf_ops ops;
	struct attr_sizes sizes;
	struct bpf_object *object; /* NULL when all is loaded */
	struct bpf_links links;
	int fd_uses, fd_events; /* of the rings; -1: not open */
	struct bpf_ring uses, events;
	volatile struct bpf_shared *shared;
	/* of the self-test */
	struct actor self;
	bool seen;
	bool level_known;
	uint64_t probe; /* cookie of the socket that it sends from */
	bool seeded;
	struct bpf_missed missed;
};

static void
actor_of(struct actor *ret, const struct bpf_use *use)
{
	*ret = (struct actor){
		.start = use->start,
		.exec = use->exec,
		.exe_dev = makedev(use->exe_dev >> 20, use->exe_dev & 0xfffff),
		.exe_ino = use->exe_ino,
		.groups = use->groups,
		.cgroup = use->cgroup,
		.pid = (pid_t)use->pid,
		.uid = use->uid,
		.gid = use->gid,
	};
	memcpy(ret->comm, use->comm, sizeof(ret->comm));
}

static void
closed_cb(struct bpf *bpf, const void *bytes, size_t size)
{
	const struct bpf_closed *closed = bytes;

	bpf->shared->closes_taken++; /* nobody else writes it */
	if (size >= sizeof(*closed) && closed->inode != 0)
		bpf->ops.closed(bpf->ops.arg, closed->inode);
}

static void
fork_cb(struct bpf *bpf, const struct bpf_fork *record, size_t size)
{
	struct fork fork;

	if (bpf_event_fork(&fork, record, size))
		bpf->ops.fork(bpf->ops.arg, &fork);
}

static void
exec_cb(struct bpf *bpf, const struct bpf_event *event, size_t size)
{
	struct exec exec;

	if (size >= sizeof(*event) && event->pid != 0 &&
	    bpf_event_exec(&exec, event, (const char *)(event + 1), size) == 0)
		bpf->ops.exec(bpf->ops.arg, &exec);
}

/* One of whom not all is known is not known. */
static void
group_cb(struct bpf *bpf, const struct bpf_group *record, size_t size)
{
	if (size >= sizeof(*record) &&
	    size - sizeof(*record) >= record->path_len && !record->cut)
		bpf->ops.group(bpf->ops.arg, record->id,
		    (const char *)(record + 1), record->path_len);
}

static void
exit_cb(struct bpf *bpf, const struct bpf_exit *record, size_t size)
{
	if (size >= sizeof(*record) && record->pid != 0)
		bpf->ops.exit(bpf->ops.arg, (pid_t)record->pid, record->start);
}

static void
event_cb(void *arg, const void *bytes, size_t size)
{
	const uint32_t *type = bytes;

	if (size < sizeof(*type))
		return;
	switch (*type) {
	case BPF_RECORD_FORK:
		fork_cb(arg, bytes, size);
		break;
	case BPF_RECORD_EXEC:
		exec_cb(arg, bytes, size);
		break;
	case BPF_RECORD_EXIT:
		exit_cb(arg, bytes, size);
		break;
	case BPF_RECORD_CLOSE:
		closed_cb(arg, bytes, size);
		break;
	case BPF_RECORD_GROUP:
		group_cb(arg, bytes, size);
		break;
	}
}

static void
use_cb(struct bpf *bpf, const struct bpf_use *record, size_t size)
{
	struct use use = {
		.socket = record->inode,
		.device = record->device,
		.connected = (record->socket_is & BPF_SOCKET_CONNECTED) != 0,
		.begins = (record->socket_is & BPF_SOCKET_BEGINS) != 0,
		.answers = (record->socket_is & BPF_SOCKET_ANSWERS) != 0,
		.taken = record->taken != 0,
		.refused = record->taken == BPF_TAKEN_DROPPED,
		.head = record->head,
		.head_len = record->head_len,
		.total = record->total,
	};

	if (size < sizeof(*record) || record->head_len > BPF_HEAD_MAX)
		return; /* ours alone write here */
	actor_of(&use.actor, record);
	/* others may send meanwhile */
	if (!bpf->seen && record->cookie == bpf->probe) {
		bpf->self = use.actor;
		bpf->seen = true;
	}
	/* what others sent while the level was looked for has numbers of
	 * another namespace. Who has none, of nobody's or from without ours, is
	 * unknown, and not who had these ends before */
	if (bpf->level_known && record->level == bpf->shared->pid_level)
		bpf->ops.use(bpf->ops.arg, &use);
}

static void
sent_cb(void *arg, const void *bytes, size_t size)
{
	const uint32_t *type = bytes;
	struct bpf *bpf = arg;

	if (size >= sizeof(*type) && *type == BPF_RECORD_USE) {
		use_cb(bpf, bytes, size);
		return;
	}
	/* an event that the other ring had no room for: it is younger than
	 * those in there */
	bpf_births(bpf);
	event_cb(bpf, bytes, size);
}

static int
map_fd(const struct bpf *bpf, const char *name)
{
	return bpf_map__fd(bpf_object__find_map_by_name(bpf->object, name));
}

static int
open_rings(struct bpf *bpf)
{
	int fd = map_fd(bpf, "attr.bss");
	struct stat st;
	void *bss;

	bpf->fd_uses = fcntl(map_fd(bpf, "uses"), F_DUPFD_CLOEXEC, 0);
	bpf->fd_events = fcntl(map_fd(bpf, "events"), F_DUPFD_CLOEXEC, 0);
	if (bpf->fd_uses < 0 || bpf->fd_events < 0)
		return -errno;
	if (bpf_ring_init(&bpf->uses, bpf->fd_uses, bpf->sizes.uses_ring,
		EVENT_MAX) < 0 ||
	    bpf_ring_init(&bpf->events, bpf->fd_events, bpf->sizes.births_ring,
		EVENT_MAX) < 0)
		return -ENOMEM;
	bss = mmap(NULL, sizeof(*bpf->shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	if (bss == MAP_FAILED)
		return -errno;
	bpf->shared = bss;
	if (getrandom((void *)&bpf->shared->seed, sizeof(bpf->shared->seed),
		0) != sizeof(bpf->shared->seed))
		return -EIO;
	bpf->shared->uses_many = bpf->sizes.uses_ring / 2;
	bpf->shared->events_many = bpf->sizes.births_ring / 2 < BIRTHS_MANY
				       ? bpf->sizes.births_ring / 2
				       : BIRTHS_MANY;
	/* each with its head (bpf_ring.c) */
	bpf->shared->closes_many =
	    bpf->shared->events_many / 2 / (8 + sizeof(struct bpf_closed));
	bpf->shared->strict_from = mono_now().ns + OLD_FLOWS_NS;
	if (stat("/proc/self/ns/net", &st) == 0) /* else 0: no socket's */
		bpf->shared->netns = (uint32_t)st.st_ino;
	return 0;
}

/* One datagram to ourselves, which the program sees and drops: it must not
 * come to be judged. -ENETDOWN where there is no way to send it. */
static int
send_one(struct bpf *bpf)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(9), /* discard */
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0)
		r = -errno;
	bpf->shared->probe = bpf->probe = cookie;
	if (r == 0 &&
	    sendto(fd, "", 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0 &&
	    errno != EPERM)
		r = -ENETDOWN;
	bpf->shared->probe = 0;
	(void)close(fd); /* nothing has left */
	return r;
}

/* Sees ourselves as /proc does: the pid at the right level of namespaces. */
static int
test_level(struct bpf *bpf, const struct procdir_stat *st)
{
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
	char link[16];
	ssize_t n = readlink("/proc/self", link, sizeof(link) - 1);
	int r;

	if (n < 0)
		return -errno;
	link[n] = '\0';
	bpf->seen = false;
	r = send_one(bpf);
	if (r < 0)
		return r;
	(void)bpf_uses(bpf);
	if (!bpf->seen)
		return -ENODATA;
	if (bpf->self.pid != (pid_t)strtol(link, NULL, 10))
		return -EAGAIN;
	return bpf->self.start / (1000000000 / hz) == st->start &&
		       bpf->self.uid == geteuid()
		   ? 0
		   : -EBADMSG;
}

static int
self_test(struct bpf *bpf, char why[BPF_WHY_MAX])
{
	struct procdir_stat st;
	int r = procdir_status(AT_FDCWD, "/proc/self/stat", &st);

	if (r < 0)
		return bpf_fail(why, r, "self-test: /proc can't be read");
	r = -EAGAIN;
	for (uint32_t level = 0; r == -EAGAIN && level < LEVELS_MAX; level++) {
		bpf->shared->pid_level = level;
		r = test_level(bpf, &st);
	}
	if (r == -ENETDOWN) { /* lo is down: nothing to be seen, or feared */
		bpf->shared->pid_level = 0;
		r = 0;
	}
	if (r == -ENODATA)
		return bpf_fail(why, r, "self-test: the program saw nothing");
	if (r == -EAGAIN || r == -EBADMSG)
		return bpf_fail(why, r,
		    "self-test: it saw another process than "
		    "/proc (namespaces of pids, users or "
		    "time)");
	bpf->seen = bpf->level_known = true;
	return r < 0 ? bpf_fail(why, r, "self-test: it can't be made") : 0;
}

/* After the births, so that nobody is missed between the two. */
static void
seed(struct bpf *bpf)
{
	const struct bpf_seed_ops ops = { .fork = bpf->ops.fork,
		.exec = bpf->ops.exec,
		.holds = bpf->ops.holds,
		.arg = bpf->ops.arg };

	if (bpf->shared->netns == 0)
		return;
	bpf->seeded = bpf_seed(&bpf->missed, &ops, bpf->object) == 0;
	bpf->shared->seeded = 1;
}

int
bpf_open(struct bpf **ret, const struct bpf_ops *ops,
    const struct attr_sizes *sizes, char why[BPF_WHY_MAX])
{
	struct bpf *bpf = calloc(1, sizeof(*bpf));
	int r;

	if (bpf == NULL)
		return bpf_fail(why, -ENOMEM, "no memory");
	bpf->ops = *ops;
	bpf->sizes = *sizes;
	bpf->seen = true;
	bpf->fd_uses = -1;
	bpf->fd_events = -1;
	bpf_links_init(&bpf->links);
	bpf_missed_init(&bpf->missed);
	r = bpf_load(&bpf->object, &bpf->sizes, why);
	if (r == 0 && open_rings(bpf) < 0)
		r = bpf_fail(why, -ENOMEM, "its rings can't be mapped");
	if (r == 0)
		r = bpf_links_sent(&bpf->links, bpf->object, why);
	if (r == 0)
		r = self_test(bpf, why);
	if (r < 0) {
		bpf_close(bpf);
		return r;
	}
	bpf_links_rest(&bpf->links, bpf->object);
	seed(bpf);
	/* what is attached holds the programs, and they their maps: the text
	 * and types that they were made of are of no more use */
	bpf_object__close(bpf->object);
	bpf->object = NULL;
	*ret = bpf;
	return 0;
}

void
bpf_close(struct bpf *bpf)
{
	if (bpf == NULL)
		return;
	bpf_links_close(&bpf->links);
	bpf_missed_done(&bpf->missed);
	if (bpf->shared != NULL) /* not volatile for munmap(2) */
		(void)munmap((void *)bpf->shared, sizeof(*bpf->shared));
	bpf_ring_done(&bpf->uses);
	bpf_ring_done(&bpf->events);
	bpf_object__close(bpf->object);
	if (bpf->fd_uses >= 0)
		(void)close(bpf->fd_uses); /* only mapped */
	if (bpf->fd_events >= 0)
		(void)close(bpf->fd_events); /* likewise */
	free(bpf);
}

void
bpf_arm(struct bpf *bpf, bool apart)
{
	const uint32_t armed = BPF_ARMED | (apart ? BPF_ARMED_APART : 0u);

	/* the programs read what lies beside it, and would have to fetch it
	 * anew each time that it is written */
	if (bpf->shared->armed != armed)
		bpf->shared->armed = armed;
}

void
bpf_seal(struct bpf *bpf, bool ip4, bool ip6)
{
	bpf->shared->sealed =
	    (ip4 ? BPF_SEALED_IP4 : 0u) | (ip6 ? BPF_SEALED_IP6 : 0u);
}

const char *
bpf_seal_why(const struct bpf *bpf)
{
	const char *why = bpf->links.seal_why;

	return why[0] != '\0' ? why : NULL;
}

void
bpf_heard(struct bpf *bpf, const struct flow_key *key,
    const struct bpf_hearer *hearer)
{
	bpf_heard_put(bpf->shared, key, hearer);
}

bool
bpf_sees_births(const struct bpf *bpf)
{
	return bpf->links.births[0] != NULL && bpf->links.births[1] != NULL;
}

void
bpf_expect(const struct bpf *bpf)
{
	bpf_ring_expect(&bpf->uses, sizeof(struct bpf_use));
	bpf_ring_expect(&bpf->events, sizeof(struct bpf_event));
}

enum bpf_closes
bpf_sees_closes(const struct bpf *bpf)
{
	if (bpf->links.closes == NULL)
		return BPF_CLOSES_NO;
	return bpf->links.closes_all ? BPF_CLOSES_ALL : BPF_CLOSES_PART;
}

bool
bpf_uses(struct bpf *bpf)
{
	return bpf_ring_read(&bpf->uses, sent_cb, bpf);
}

void
bpf_births(struct bpf *bpf)
{
	(void)bpf_ring_read(&bpf->events, event_cb, bpf);
}

bool
bpf_is_seeded(const struct bpf *bpf)
{
	return bpf->seeded;
}

int
bpf_fd_uses(const struct bpf *bpf)
{
	return bpf->fd_uses;
}

int
bpf_fd_births(const struct bpf *bpf)
{
	return bpf_sees_births(bpf) || bpf_sees_closes(bpf) != BPF_CLOSES_NO
		   ? bpf->fd_events
		   : -1;
}

bool
bpf_heard_all(const struct bpf *bpf)
{
	return bpf->seeded && bpf_sees_births(bpf) &&
	       bpf->links.births[2] != NULL && bpf->shared->events_lost == 0;
}

int
bpf_ask_missed(struct bpf *bpf, mono_t now)
{
	return bpf_missed_ask(&bpf->missed, bpf->shared->events_lost, now);
}

uint64_t
bpf_lost(const struct bpf *bpf)
{
	return bpf->shared->uses_lost + bpf->shared->events_lost;
}

#endif
