#include "src/linux/bpf_load.h"

#ifdef HAVE_BPF

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "src/linux/bpf_said.h"
#include "src/linux/ktypes.h"

/* The programs as clang made them. */
static const unsigned char object[] = {
#include "src/linux/bpf/attr.bpf.h"
};

/* The kernel's types, and those of what may be a module: conntrack, which has
 * nf_conn, and file systems that have devices of their own (device.h). libbpf
 * would read and index all of them, and then look through all for each
 * structure: 50 ms of the start. It is given the few that are needed.
 */
#define KERNEL_TYPES "/sys/kernel/btf/vmlinux"
static const char *const module_types[KTYPES_MODULES] = {
	"/sys/kernel/btf/nf_conntrack",
	"/sys/kernel/btf/btrfs",
	"/sys/kernel/btf/overlay",
};

/* Of headers that are older than the kernel. */
#define PROG_TYPE_NETFILTER 32
#define ATTACH_NETFILTER 45

/* What is loaded, from all to the least: tracing may be forbidden alone, and
 * there may be no BPF for control groups. */
enum extent {
	EXTENT_ALL,
	EXTENT_NO_CLOSES,
	EXTENT_NO_SEED,
	EXTENT_SENT,
};

/* A file of the kernel's in memory. */
struct mapped {
	void *bytes;
	size_t len;
};

struct loading {
	const struct attr_sizes *sizes;
	struct mapped kernel, modules[KTYPES_MODULES];
	struct ktypes *types;
	int fd; /* of the few types; -1: none yet */
	char path[32];
	int handler; /* libbpf's number of ours */
};

/* What libbpf and the verifier say of what was tried last: libbpf hands no
 * argument on, and is called from bpf_open() alone. */
static struct bpf_said said;

static int hear(enum libbpf_print_level level, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static int
hear(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN)
		bpf_said_hear(&said, format, args);
	return 0;
}

int
bpf_fail(char why[BPF_WHY_MAX], int error, const char *text)
{
	/* cut where it is too long: libbpf may say a lot */
	(void)snprintf(why, BPF_WHY_MAX, "%.*s", BPF_WHY_MAX - 1, text);
	return error < 0 ? error : -EIO;
}

/* Kernels before 6.16 let nobody map it. */
static int
read_whole(int fd, struct mapped *file)
{
	size_t have = 0;

	file->bytes = mmap(NULL, file->len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (file->bytes == MAP_FAILED)
		return -ENOMEM;
	while (have < file->len) {
		ssize_t n =
		    read(fd, (uint8_t *)file->bytes + have, file->len - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		have += (size_t)n;
	}
	return 0;
}

static int
map_file(struct mapped *ret, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || st.st_size <= 0) {
		(void)close(fd); /* it was only looked at */
		return -EBADMSG;
	}
	ret->len = (size_t)st.st_size;
	ret->bytes = mmap(NULL, ret->len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (ret->bytes == MAP_FAILED)
		r = read_whole(fd, ret);
	(void)close(fd); /* it was only read */
	return r;
}

static void
unmap(struct mapped *file)
{
	if (file->bytes != NULL && file->bytes != MAP_FAILED)
		(void)munmap(file->bytes, file->len);
}

static int
read_types(struct loading *l)
{
	int r = map_file(&l->kernel, KERNEL_TYPES);

	if (r == 0)
		r = ktypes_new(&l->types, l->kernel.bytes, l->kernel.len);
	for (size_t i = 0; r == 0 && i < KTYPES_MODULES; i++) {
		struct mapped *module = &l->modules[i];

		/* one that is not there, or none of ours: as if it had none */
		if (map_file(module, module_types[i]) == 0)
			(void)ktypes_add(l->types, module->bytes, module->len);
	}
	return r;
}

/* libbpf wants to be given a file. */
static int
make_file(struct loading *l)
{
	l->fd = memfd_create("types", MFD_CLOEXEC);
	if (l->fd < 0)
		return -errno;
	(void)snprintf(
	    l->path, sizeof(l->path), "/proc/self/fd/%d", l->fd); /* fits */
	return 0;
}

/* The few types for this object, which reads them when it is loaded. */
static int
write_types(const struct loading *l, const struct bpf_object *obj)
{
	uint32_t like_len = 0;
	const void *like = btf__raw_data(bpf_object__btf(obj), &like_len);
	void *few = NULL;
	size_t len = 0;
	int r = like != NULL ? ktypes_pick(l->types, like, like_len, &few, &len)
			     : -ENOMEM;

	if (r == 0 && (ftruncate(l->fd, 0) < 0 ||
			  pwrite(l->fd, few, len, 0) != (ssize_t)len))
		r = -EIO;
	free(few);
	return r;
}

/* An iterator: libbpf is told its type no sooner, since for one of that type it
 * would read all of the kernel's types to find the one function. */
static int
prepare_seed(
    struct bpf_program *prog, struct bpf_prog_load_opts *opts, long cookie)
{
	const struct loading *l = (const struct loading *)cookie;
	const char *name = strchr(bpf_program__section_name(prog), '/') + 1;
	char function[64];

	(void)snprintf(function, sizeof(function), "bpf_iter_%s", name);
	opts->expected_attach_type = BPF_TRACE_ITER;
	opts->attach_btf_id = ktypes_function(l->types, function);
	if (opts->attach_btf_id == 0)
		return -ENOENT;
	if (strcmp(name, "task") == 0)
		opts->prog_flags |= BPF_F_SLEEPABLE;
	return bpf_program__set_type(prog, BPF_PROG_TYPE_TRACING);
}

static bool
is_in(const struct bpf_program *prog, const char *section)
{
	return strncmp(bpf_program__section_name(prog), section,
		   strlen(section)) == 0;
}

static void
choose(struct bpf_object *obj, enum extent extent)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, obj)
	{
		(void)bpf_program__set_autoload(prog,
		    is_in(prog, "netfilter") ||
			(is_in(prog, "cgroup/") && extent == EXTENT_ALL) ||
			(is_in(prog, "raw_tp/") && extent != EXTENT_SENT) ||
			(is_in(prog, "seed/") && extent <= EXTENT_NO_CLOSES));
		if (!is_in(prog, "netfilter"))
			continue;
		(void)bpf_program__set_type(
		    prog, (enum bpf_prog_type)PROG_TYPE_NETFILTER);
		(void)bpf_program__set_expected_attach_type(
		    prog, (enum bpf_attach_type)ATTACH_NETFILTER);
	}
}

static void
size_map(struct bpf_object *obj, const char *name, uint64_t size)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, name);

	(void)bpf_map__set_max_entries(map, (uint32_t)size);
}

static int
load_some(struct loading *l, enum extent extent, struct bpf_object **ret)
{
	struct bpf_object_open_opts opts = { .sz = sizeof(opts),
		.object_name = "attr",
		.btf_custom_path = l->path };
	struct bpf_object *obj =
	    bpf_object__open_mem(object, sizeof(object), &opts);
	int r;

	memset(&said, 0, sizeof(said));
	if (libbpf_get_error(obj) != 0)
		return errno != 0 ? -errno : -EIO;
	choose(obj, extent);
	size_map(obj, "uses", l->sizes->uses_ring);
	size_map(obj, "events", l->sizes->births_ring);
	size_map(obj, "owners", l->sizes->owners);
	size_map(obj, "missed", l->sizes->processes);
	r = write_types(l, obj);
	if (r == 0)
		r = bpf_object__load(obj);
	if (r < 0) {
		bpf_object__close(obj);
		return r;
	}
	*ret = obj;
	return 0;
}

static int
load_most(struct loading *l, struct bpf_object **ret)
{
	const struct libbpf_prog_handler_opts opts = { .sz = sizeof(opts),
		.cookie = (long)l,
		.prog_prepare_load_fn = prepare_seed };
	int r = -EIO;

	/* any type will do that is none of tracing's */
	l->handler = libbpf_register_prog_handler(
	    "seed+", BPF_PROG_TYPE_RAW_TRACEPOINT, 0, &opts);
	if (l->handler < 0)
		return l->handler;
	for (int extent = EXTENT_ALL; r < 0 && extent <= EXTENT_SENT; extent++)
		r = load_some(l, (enum extent)extent, ret);
	(void)libbpf_unregister_prog_handler(l->handler); /* it was there */
	return r;
}

static int
explain(char why[BPF_WHY_MAX], int error)
{
	char text[sizeof(said) + 32];

	if (error == -EPERM)
		return bpf_fail(why, error,
		    "no privilege: it needs CAP_BPF, "
		    "CAP_PERFMON and CAP_NET_ADMIN");
	if (said.text[0] == '\0')
		return bpf_fail(why, error,
		    "the kernel refuses the program (Linux "
		    "6.10 is the first that has all of it)");
	if (said.refused[0] == '\0')
		return bpf_fail(why, error, said.text);
	(void)snprintf(text, sizeof(text), "the verifier refuses %s: %s",
	    said.refused, said.text);
	return bpf_fail(why, error, text);
}

int
bpf_load(struct bpf_object **ret, const struct attr_sizes *sizes,
    char why[BPF_WHY_MAX])
{
	struct loading l = { .sizes = sizes, .fd = -1 };
	int r;

	if (access(KERNEL_TYPES, R_OK) < 0)
		return bpf_fail(why, -errno,
		    "the kernel has no BTF "
		    "(CONFIG_DEBUG_INFO_BTF)");
	(void)libbpf_set_print(hear);
	r = read_types(&l);
	if (r == 0)
		r = make_file(&l);
	if (r < 0) {
		r = bpf_fail(why, r, "the kernel's types can't be read");
	} else {
		r = load_most(&l, ret);
		if (r < 0)
			r = explain(why, r);
	}
	ktypes_free(l.types);
	unmap(&l.kernel);
	for (size_t i = 0; i < KTYPES_MODULES; i++)
		unmap(&l.modules[i]);
	if (l.fd >= 0)
		(void)close(l.fd); /* in memory alone */
	return r;
}

#endif
