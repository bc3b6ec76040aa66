#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/mono.h"
#include "src/linux/bpf.h"
#include "src/linux/machine.h"
#include "tests/netns/attrtest.h"

struct told {
	unsigned int right, wrong;
};

static void
on_use(void *arg, const struct use *use)
{
	struct told *told = arg;

	if (use->actor.pid == getpid())
		told->right++;
	else
		told->wrong++;
}

static void
no_use(void *arg, const struct use *use)
{
	(void)arg;
	(void)use;
}

static void
no_fork(void *arg, const struct fork *fork)
{
	(void)arg;
	(void)fork;
}

static void
no_exec(void *arg, const struct exec *exec)
{
	(void)arg;
	(void)exec;
}

static void
no_exit(void *arg, pid_t pid, uint64_t start)
{
	(void)arg;
	(void)pid;
	(void)start;
}

static void
no_group(void *arg, uint64_t id, const char *names, size_t len)
{
	(void)arg;
	(void)id;
	(void)names;
	(void)len;
}

static void
no_closed(void *arg, uint64_t inode)
{
	(void)arg;
	(void)inode;
}

static void
no_holds(void *arg, const struct holding *holding)
{
	(void)arg;
	(void)holding;
}

const struct bpf_ops attr_deaf = { no_use, no_fork, no_exec, no_exit, no_group,
	no_closed, no_holds, NULL };

static atomic_bool over;

/* Nobody but this process sends here. */
static void *
send_on(void *arg)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("no socket");
	while (!atomic_load(&over))
		(void)sendto(fd, "", 1, 0, (struct sockaddr *)&to,
		    sizeof(to)); /* nobody is there */
	(void)close(fd);
	return arg;
}

/* How deep in namespaces of pids we are is tried out while others send: what
 * they sent until it is known has numbers of another one. */
void
attr_level_tests(void)
{
	struct attr_machine machine = { .queue = 1024 };
	struct attr_sizes sizes;
	struct told told = { 0, 0 };
	struct bpf_ops ops = attr_deaf;
	char why[BPF_WHY_MAX];
	struct bpf *bpf = NULL;
	pthread_t sender;
	mono_t end;

	machine_read(&machine);
	attr_sizes_of(&sizes, &machine);
	ops.use = on_use;
	ops.arg = &told;
	if (pthread_create(&sender, NULL, send_on, NULL) != 0)
		die("no thread");
	if (bpf_open(&bpf, &ops, &sizes, why) < 0)
		printf("# no BPF: %s\n", why);
	end = mono_add(mono_now(), 20 * MONO_S);
	while (bpf != NULL && told.right == 0 && mono_before(mono_now(), end))
		(void)bpf_uses(bpf);
	check("level: who sends is told, with the numbers of this namespace",
	    bpf == NULL || (told.right > 0 && told.wrong == 0));
	printf("# %u told, %u of them wrong\n", told.right + told.wrong,
	    told.wrong);
	atomic_store(&over, true);
	(void)pthread_join(sender, NULL);
	bpf_close(bpf);
}
