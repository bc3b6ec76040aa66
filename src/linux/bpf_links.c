#include "src/linux/bpf_links.h"

#ifdef HAVE_BPF

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <netinet/in.h>
#include <linux/netfilter.h>

#include "src/linux/bpf_hook.h"
#include "src/linux/bpf_load.h"

/* Between conntrack (-200) and mangle (-150), where the queue is. */
#define PRIORITY_FIRST (-160)
#define PRIORITY_LAST (-152)

/* Behind the table security (50). */
#define SEAL_FIRST 52
#define SEAL_LAST 60

/* Where the unified hierarchy is: alone, or beside the old ones. */
static const char *const cgroups[] = { "/sys/fs/cgroup",
	"/sys/fs/cgroup/unified" };
#define N_CGROUPS (sizeof(cgroups) / sizeof(cgroups[0]))

/* Of all control groups; in a namespace of them one of the others is seen as
 * the root. */
#define ROOT_INODE 1

static const uint32_t families[BPF_N_FAMILIES] = { PF_INET, PF_INET6 };

static int
program_fd(const struct bpf_object *obj, const char *name)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, name);

	return prog != NULL ? bpf_program__fd(prog) : -1;
}

static int
attach_family(struct bpf_links *links, int fd, size_t i)
{
	int r = bpf_hook_attach(
	    fd, &(struct bpf_hook){ families[i], NF_INET_LOCAL_OUT,
		    PRIORITY_FIRST, PRIORITY_LAST });

	links->sent[i] = r < 0 ? -1 : r;
	return r < 0 ? r : 0;
}

static void
seal_failed(struct bpf_links *links, size_t family, size_t hook, int error)
{
	char place[64];

	if (error == -EAFNOSUPPORT && family > 0)
		return; /* a kernel without IPv6 */
	(void)snprintf(place, sizeof(place), "IPv%d, %s", family > 0 ? 6 : 4,
	    hook > 0 ? "out" : "in"); /* fits */
	if (error == -EBUSY)
		(void)snprintf(links->seal_why, sizeof(links->seal_why),
		    "other hooks of netfilter have all its places (priorities "
		    "%d to %d): %s",
		    SEAL_FIRST, SEAL_LAST, place);
	else
		(void)snprintf(links->seal_why, sizeof(links->seal_why),
		    "%s: %s", place, strerror(-error));
}

/* Without it what nobody judged passes while all tables are empty. */
static void
attach_seal(struct bpf_links *links, const struct bpf_object *obj)
{
	static const uint32_t hooks[BPF_N_SEALS] = { NF_INET_LOCAL_IN,
		NF_INET_LOCAL_OUT };
	int fd = program_fd(obj, "seal");

	for (size_t i = 0; i < BPF_N_FAMILIES; i++)
		for (size_t j = 0; j < BPF_N_SEALS; j++) {
			int r = bpf_hook_attach(
			    fd, &(struct bpf_hook){ families[i], hooks[j],
				    SEAL_FIRST, SEAL_LAST });

			links->seals[i][j] = r < 0 ? -1 : r;
			if (r < 0)
				seal_failed(links, i, j, r);
		}
}

int
bpf_links_sent(struct bpf_links *links, const struct bpf_object *obj,
    char why[BPF_WHY_MAX])
{
	int fd = program_fd(obj, "attr_sent");
	int r = attach_family(links, fd, 0);

	if (r < 0) {
		(void)bpf_fail(why, r,
		    "the kernel has no hook for BPF in "
		    "netfilter (CONFIG_NETFILTER_BPF_LINK)");
		return r;
	}
	/* a kernel without IPv6 has none to be seen */
	r = attach_family(links, fd, 1);
	return r == -EAFNOSUPPORT ? 0 : r;
}

/* Without these the programs that are gone have no command line. */
static void
attach_births(struct bpf_links *links, const struct bpf_object *obj)
{
	static const char *const names[BPF_N_BIRTHS] = { "attr_fork",
		"attr_exec", "attr_exit" };

	for (size_t i = 0; i < BPF_N_BIRTHS; i++) {
		struct bpf_program *prog =
		    bpf_object__find_program_by_name(obj, names[i]);

		if (prog == NULL || bpf_program__fd(prog) < 0)
			continue;
		links->births[i] = bpf_program__attach(prog);
		if (libbpf_get_error(links->births[i]) != 0)
			links->births[i] = NULL;
	}
}

/* Without it what conntrack has of a closed socket stays until it is quiet for
 * long, and a datagram of who draws its port then is dropped. */
static void
attach_closes(struct bpf_links *links, const struct bpf_object *obj)
{
	struct bpf_program *prog =
	    bpf_object__find_program_by_name(obj, "attr_closed");
	struct stat st;
	int root;

	if (prog == NULL || bpf_program__fd(prog) < 0)
		return;
	for (size_t i = 0; links->closes == NULL && i < N_CGROUPS; i++) {
		root = open(cgroups[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (root < 0)
			continue;
		/* refused where it is of another kind */
		links->closes = bpf_program__attach_cgroup(prog, root);
		if (libbpf_get_error(links->closes) != 0)
			links->closes = NULL;
		else
			links->closes_all =
			    fstat(root, &st) == 0 && st.st_ino == ROOT_INODE;
		(void)close(root); /* the link has it */
	}
}

void
bpf_links_init(struct bpf_links *links)
{
	memset(links, 0, sizeof(*links));
	memset(links->sent, -1, sizeof(links->sent));
	memset(links->seals, -1, sizeof(links->seals));
}

void
bpf_links_rest(struct bpf_links *links, const struct bpf_object *obj)
{
	attach_seal(links, obj);
	attach_births(links, obj);
	attach_closes(links, obj);
}

void
bpf_links_close(struct bpf_links *links)
{
	for (size_t i = 0; i < BPF_N_FAMILIES; i++) {
		if (links->sent[i] >= 0)
			(void)close(links->sent[i]); /* and it is detached */
		for (size_t j = 0; j < BPF_N_SEALS; j++)
			if (links->seals[i][j] >= 0)
				(void)close(links->seals[i][j]); /* likewise */
	}
	for (size_t i = 0; i < BPF_N_BIRTHS; i++)
		(void)bpf_link__destroy(links->births[i]);
	(void)bpf_link__destroy(links->closes);
}

#endif
