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

/* Takes one record at the beginning of bytes; how long it is, 0: not all of it
 * is there, or -errno. */
typedef ssize_t take_fn(
    const struct bpf_seed_ops *ops, const uint8_t *bytes, size_t len);

static ssize_t
take_process(const struct bpf_seed_ops *ops, const uint8_t *bytes, size_t len)
{
	struct bpf_event event;
	struct exec exec;
	uint32_t size;

	if (len < sizeof(size))
		return 0;
	memcpy(&size, bytes, sizeof(size));
	if (size < sizeof(event) || size > BUFFER / 2)
		return -EBADMSG;
	if (len < sizeof(size) + size)
		return 0;
	bytes += sizeof(size);
	memcpy(&event, bytes, sizeof(event));
	if (event.pid != 0 &&
	    bpf_event_exec(
		&exec, &event, (const char *)bytes + sizeof(event), size) == 0)
		ops->exec(ops->arg, &exec);
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

/* Not bpf_program__attach_iter(): see bpf_load.c for their sections. */
static int
run(struct bpf_object *obj, const char *name, const struct bpf_seed_ops *ops,
    take_fn *take)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, name);
	int fd = prog != NULL ? bpf_program__fd(prog) : -1;
	int link, iter, r;
	uint8_t *buffer;

	if (fd < 0)
		return -ENOENT; /* it was not loaded */
	link = bpf_link_create(fd, 0, BPF_TRACE_ITER, NULL);
	if (link < 0)
		return -errno;
	iter = bpf_iter_create(link);
	r = iter < 0 ? -errno : 0;
	buffer = malloc(BUFFER);
	if (r == 0)
		r = buffer != NULL ? read_all(iter, ops, take, buffer)
				   : -ENOMEM;
	free(buffer);
	if (iter >= 0)
		(void)close(iter); /* only read from */
	(void)close(link);	   /* and it is gone */
	return r;
}

int
bpf_seed(const struct bpf_seed_ops *ops, struct bpf_object *obj)
{
	int r = run(obj, "seed_processes", ops, take_process);

	if (r == 0)
		r = run(obj, "seed_sockets", ops, take_socket);
	return r;
}

#endif
