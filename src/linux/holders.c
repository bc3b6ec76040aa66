#include "src/linux/holders.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/core/procline.h"
#include "src/linux/procdir.h"

/* Bounds: some 100 bytes each. A desktop has a few thousand sockets, most of
 * them of AF_UNIX, which can't be told from the others by their links. */
#define HELD_MAX 16384
#define HOLDERS_MAX 4096

/* No more processes start in one clock tick, so that pids further apart have
 * a wrap between them. */
#define TICK_PIDS 8192

/* Of a link so much is read: what stands for a socket fits. */
#define HOLDER_LINK_MAX 64

static struct holder *
holder_of(struct map_node *node)
{
	return container_of(node, struct holder, node);
}

static struct held *
held_of(struct map_node *node)
{
	return container_of(node, struct held, node);
}

int
holders_init(struct holders *hs, size_t open_max)
{
	int r;

	memset(hs, 0, sizeof(*hs));
	list_init(&hs->lru);
	list_init(&hs->open);
	list_init(&hs->plain);
	list_init(&hs->shared);
	hs->open_max = open_max > 0 ? open_max : 1;
	hs->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (hs->proc_fd < 0)
		return -errno;
	r = map_init(&hs->by_pid);
	if (r == 0)
		r = map_init(&hs->by_inode);
	if (r != 0)
		holders_done(hs);
	return r;
}

void
holders_done(struct holders *hs)
{
	struct list *node, *tmp;

	list_for_each_safe (node, tmp, &hs->lru)
		holder_forget(hs, container_of(node, struct holder, lru));
	/* what is left has no holder */
	list_for_each_safe (node, tmp, &hs->plain)
		held_forget(hs, container_of(node, struct held, lru));
	map_done(&hs->by_inode);
	map_done(&hs->by_pid);
	if (hs->proc_fd >= 0)
		(void)close(hs->proc_fd); /* a directory */
	hs->proc_fd = -1;
}

struct holder *
holder_find(struct holders *hs, pid_t pid)
{
	uint64_t hash = map_hash(&hs->by_pid, &pid, sizeof(pid));
	struct map_node *node = map_first(&hs->by_pid, hash);

	while (node != NULL && holder_of(node)->pid != pid)
		node = map_next(node, hash);
	return node != NULL ? holder_of(node) : NULL;
}

struct holder *
holder_get(struct holders *hs, pid_t pid, uint64_t start)
{
	struct holder *holder = holder_find(hs, pid);

	if (holder != NULL && holder->start == start)
		return holder;
	if (holder != NULL)
		holder_forget(hs, holder);
	holder = calloc(1, sizeof(*holder));
	if (holder == NULL)
		return NULL;
	if (hs->by_pid.count >= HOLDERS_MAX)
		holder_forget(
		    hs, container_of(hs->lru.prev, struct holder, lru));
	holder->pid = pid;
	holder->start = start;
	holder->dir = (struct procdir){ -1, -1, -1, -1, -1, NULL, 0, NULL, 0 };
	list_init(&holder->open);
	list_init(&holder->sockets);
	list_prepend(&hs->lru, &holder->lru);
	map_put(&hs->by_pid, &holder->node,
	    map_hash(&hs->by_pid, &pid, sizeof(pid)));
	return holder;
}

void
holder_close(struct holders *hs, struct holder *holder)
{
	if (holder->dir.fd >= 0) {
		procdir_close(&holder->dir);
		hs->n_open--;
	}
	list_remove(&holder->open);
	process_unref(holder->value);
	holder->value = NULL;
}

void
holder_forget(struct holders *hs, struct holder *holder)
{
	struct list *node, *tmp;

	list_for_each_safe (node, tmp, &holder->sockets)
		held_forget(hs, container_of(node, struct held, of_holder));
	holder_close(hs, holder);
	list_remove(&holder->lru);
	map_remove(&hs->by_pid, &holder->node);
	free(holder);
}

bool
holder_newer(const struct holder *a, const struct holder *b)
{
	int apart = a->pid - b->pid;

	if ((a->pid == 1) != (b->pid == 1))
		return b->pid == 1;
	if (a->start != b->start)
		return a->start > b->start;
	return apart > TICK_PIDS || apart < -TICK_PIDS ? apart < 0 : apart > 0;
}

bool
holders_close_one(struct holders *hs)
{
	if (list_empty(&hs->open))
		return false;
	holder_close(hs, container_of(hs->open.prev, struct holder, open));
	return true;
}

int
holder_open(struct holders *hs, struct holder *holder)
{
	int r;

	list_remove(&holder->lru);
	list_prepend(&hs->lru, &holder->lru);
	if (holder->dir.fd >= 0) {
		list_remove(&holder->open);
		list_prepend(&hs->open, &holder->open);
		return 0;
	}
	if (hs->n_open >= hs->open_max)
		(void)holders_close_one(hs); /* there is one: the count says */
	r = procdir_open(&holder->dir, hs->proc_fd, holder->pid, holder->start);
	if (r != 0)
		return r;
	hs->n_open++;
	list_prepend(&hs->open, &holder->open);
	return 0;
}

/* A thread is found by the number of its process, as whose folder that of
 * another thread may be open (procdir_base()). Should that be another process
 * by now the answer is not believed: who asks reads of the one that is open. */
static ssize_t
read_link(const struct holders *hs, const struct holder *holder,
    struct held_at at, char link[HOLDER_LINK_MAX])
{
	char name[64];

	if (at.thread == 0) {
		(void)snprintf(name, sizeof(name), "%d", at.fd); /* fits */
		return readlinkat(
		    holder->dir.links, name, link, HOLDER_LINK_MAX);
	}
	(void)snprintf(name, sizeof(name), "%d/task/%d/fd/%d", /* fits */
	    (int)holder->pid, (int)at.thread, at.fd);
	return readlinkat(hs->proc_fd, name, link, HOLDER_LINK_MAX);
}

int
holder_has(struct holders *hs, struct holder *holder, struct held_at at,
    uint64_t inode)
{
	char link[HOLDER_LINK_MAX];
	uint64_t found;
	ssize_t n;
	int r = holder->dir.fd >= 0 ? 0 : holder_open(hs, holder);

	if (r != 0)
		return r;
	n = read_link(hs, holder, at, link);
	/* of a dead process the number is missing too */
	if (n < 0)
		return faccessat(holder->dir.fd, "fd", F_OK, 0) == 0 ? 0
								     : -ESRCH;
	return procline_socket(&found, link, (size_t)n) == 0 && found == inode;
}

struct held *
held_find(struct holders *hs, uint64_t inode)
{
	uint64_t hash = map_hash(&hs->by_inode, &inode, sizeof(inode));
	struct map_node *node = map_first(&hs->by_inode, hash);

	while (node != NULL && held_of(node)->inode != inode)
		node = map_next(node, hash);
	return node != NULL ? held_of(node) : NULL;
}

void
held_forget(struct holders *hs, struct held *held)
{
	list_remove(&held->lru);
	list_remove(&held->of_holder);
	map_remove(&hs->by_inode, &held->node);
	free(held);
}

static struct held *
held_new(struct holders *hs, uint64_t inode)
{
	struct held *held = calloc(1, sizeof(*held));
	struct list *crowd = list_empty(&hs->plain) ? &hs->shared : &hs->plain;

	if (held == NULL)
		return NULL;
	if (hs->by_inode.count >= HELD_MAX)
		held_forget(hs, container_of(crowd->prev, struct held, lru));
	held->inode = inode;
	list_init(&held->of_holder);
	list_prepend(&hs->plain, &held->lru);
	map_put(&hs->by_inode, &held->node,
	    map_hash(&hs->by_inode, &inode, sizeof(inode)));
	return held;
}

/* Whether the holder so far gives way to one that was just seen with it. */
static bool
held_yields(struct holders *hs, struct held *held, const struct holder *to)
{
	struct holder *from = held->holder;

	if (from == NULL || from == to)
		return true;
	held->shared = true;
	if (holder_newer(to, from))
		return true;
	if (holder_has(hs, from, held->at, held->inode) == 1)
		return false;
	held->shared = false;
	return true;
}

void
held_used(struct holders *hs, struct held *held)
{
	list_remove(&held->lru);
	list_prepend(held->shared ? &hs->shared : &hs->plain, &held->lru);
}

void
held_put(
    struct holders *hs, struct holder *holder, const struct held_seen *seen)
{
	struct held *held = held_find(hs, seen->inode);

	if (held == NULL)
		held = held_new(hs, seen->inode);
	if (held == NULL)
		return; /* it will be looked for again */
	held->since = seen->now;
	if (held_yields(hs, held, holder)) {
		held->holder = holder;
		held->at = seen->at;
		held->scan = holder->scan;
		list_remove(&held->of_holder);
		list_append(&holder->sockets, &held->of_holder);
	}
	held->shared |= seen->born;
	held_used(hs, held);
}

void
held_put_nobody(struct holders *hs, uint64_t inode, mono_t now)
{
	struct held *held = held_find(hs, inode);

	if (held != NULL)
		held_forget(hs, held);
	held = held_new(hs, inode);
	if (held != NULL)
		held->since = now;
}

void
holder_swept(struct holders *hs, struct holder *holder)
{
	struct list *node, *tmp;

	list_for_each_safe (node, tmp, &holder->sockets) {
		struct held *held = container_of(node, struct held, of_holder);

		if (held->at.thread == 0 && held->scan != holder->scan)
			held_forget(hs, held);
	}
}
