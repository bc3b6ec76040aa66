#include "src/linux/bpf_seed.h"

#include <errno.h>

#ifdef HAVE_BPF

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "src/linux/bpf/record.h"
#include "src/linux/bpf_event.h"

/* As much as the kernel gives at a time (eight pages, in seq_file), and what
 * was left of the last record. */
#define BUFFER ((size_t)64 << 10)

/* To ask for those that were missed takes a look at all processes: a
 * twentieth of the time at most. */
#define ASK_NS (100 * MONO_MS)
#define ASK_SHARE 20

/* Takes one record at the beginning of bytes; how long it is, 0: not all of it
 * is there, or -errno. */
typedef ssize_t take_fn(
    const struct bpf_seed_ops *ops, const uint8_t *bytes, size_t len);

static void
take_fork(const struct bpf_seed_ops *ops, const uint8_t *bytes, size_t size)
{
	struct bpf_fork record = { 0 };
	struct fork fork;

	memcpy(&record, bytes, size < sizeof(record) ? size : sizeof(record));
	if (bpf_event_fork(&fork, &record, size))
		ops->fork(ops->arg, &fork);
}

static void
take_exec(const struct bpf_seed_ops *ops, const uint8_t *bytes, size_t size)
{
	struct bpf_event event;
	struct exec exec;

	memcpy(&event, bytes, sizeof(event));
	if (event.pid != 0 &&
	    bpf_event_exec(
		&exec, &event, (const char *)bytes + sizeof(event), size) == 0)
		ops->exec(ops->arg, &exec);
}

static ssize_t
take_process(const struct bpf_seed_ops *ops, const uint8_t *bytes, size_t len)
{
	uint32_t size, type;

	if (len < sizeof(size))
		return 0;
	memcpy(&size, bytes, sizeof(size));
	if (size < sizeof(type) || size > BUFFER / 2)
		return -EBADMSG;
	if (len < sizeof(size) + size)
		return 0;
	bytes += sizeof(size);
	memcpy(&type, bytes, sizeof(type));
	if (type == BPF_RECORD_FORK)
		take_fork(ops, bytes, size);
	else if (size >= sizeof(struct bpf_event))
		take_exec(ops, bytes, size);
	return (ssize_t)(sizeof(size) + size);
}

static ssize_t
take_socket(const struct bpf_seed_ops *ops, const uint8_t *bytes, size_t len)
{
	struct bpf_holding record;
	struct holding holding;

	if (len < sizeof(record))
		return 0;
	memcpy(&record, bytes, sizeof(record));
	holding = (struct holding){ .pid = (pid_t)record.pid,
		.start = record.start,
		.inode = record.inode,
		.thread = (pid_t)record.thread,
		.fd = (int)record.fd };
	if (holding.pid > 0)
		ops->holds(ops->arg, &holding);
	return sizeof(record);
}

static int
read_all(int fd, const struct bpf_seed_ops *ops, take_fn *take, uint8_t *buffer)
{
	size_t have = 0;

	for (;;) {
		ssize_t n = read(fd, buffer + have, BUFFER - have);
		size_t at = 0;

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return n < 0 ? -errno : have == 0 ? 0 : -EBADMSG;
		have += (size_t)n;
		for (ssize_t took = 1; took > 0; at += (size_t)took) {
			took = take(ops, buffer + at, have - at);
			if (took < 0)
				return (int)took;
		}
		have -= at;
		memmove(buffer, buffer + at, have);
	}
}

/* Not bpf_program__attach_iter(): see bpf_load.c for their sections. A
 * descriptor, or -errno. */
static int
link_of(struct bpf_object *obj, const char *name)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, name);
	int fd = prog != NULL ? bpf_program__fd(prog) : -1, link;

	if (fd < 0)
		return -ENOENT; /* it was not loaded */
	link = bpf_link_create(fd, 0, BPF_TRACE_ITER, NULL);
	return link < 0 ? -errno : link;
}

static int
run(int link, const struct bpf_seed_ops *ops, take_fn *take)
{
	int iter = bpf_iter_create(link);
	int r = iter < 0 ? -errno : 0;
	uint8_t *buffer = malloc(BUFFER);

	if (r == 0)
		r = buffer != NULL ? read_all(iter, ops, take, buffer)
				   : -ENOMEM;
	free(buffer);
	if (iter >= 0)
		(void)close(iter); /* only read from */
	return r;
}

void
bpf_missed_init(struct bpf_missed *missed)
{
	*missed = (struct bpf_missed){ .link = -1 };
}

void
bpf_missed_done(struct bpf_missed *missed)
{
	if (missed->link >= 0)
		(void)close(missed->link); /* and it is gone */
	missed->link = -1;
}

int
bpf_seed(struct bpf_missed *missed, const struct bpf_seed_ops *ops,
    struct bpf_object *obj)
{
	int link = link_of(obj, "seed_processes"), r;

	if (link < 0)
		return link;
	missed->ops = *ops;
	missed->link = link;
	r = run(link, ops, take_process);
	if (r < 0)
		return r;
	link = link_of(obj, "seed_sockets");
	if (link < 0)
		return link;
	r = run(link, ops, take_socket);
	(void)close(link); /* and it is gone */
	return r;
}

int
bpf_missed_ask(struct bpf_missed *missed, uint64_t lost, mono_t now)
{
	mono_t began = mono_now();
	int r;

	if (missed->link < 0 || lost == missed->lost)
		return 0;
	if (mono_since(now, missed->asked) < missed->rest_ns)
		return -EAGAIN;
	r = run(missed->link, &missed->ops, take_process);
	if (r == 0)
		missed->lost = lost;
	missed->asked = now;
	missed->rest_ns = ASK_SHARE * mono_since(mono_now(), began);
	if (missed->rest_ns < ASK_NS)
		missed->rest_ns = ASK_NS;
	return r;
}

#endif
