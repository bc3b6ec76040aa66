#include "tests/netns/attrtest.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/mono.h"
#include "src/linux/bpf.h"
#include "src/linux/machine.h"

/* What becomes of processes whose start the kernel had no room to tell. */

#define KIDS 3

/* More than a page has room for. */
#define BIRTHS 128

/* What was told of each kid. */
struct told {
	pid_t pid;
	pid_t from; /* that it is a copy of */
	bool known, unknown;
	uint64_t ino;
};

struct heard {
	struct told told[KIDS];
};

static struct told *
told_of(struct heard *heard, pid_t pid)
{
	for (int i = 0; i < KIDS; i++)
		if (heard->told[i].pid == pid)
			return &heard->told[i];
	return NULL;
}

static void
on_fork(void *arg, const struct fork *fork)
{
	struct told *told = told_of(arg, fork->pid);

	if (told != NULL)
		told->from = fork->from;
}

static void
on_exec(void *arg, const struct exec *exec)
{
	struct told *told = told_of(arg, exec->pid);

	if (told == NULL)
		return;
	told->ino = exec->exe_ino;
	told->known |= exec->exe_ino != 0;
	told->unknown |= exec->exe_ino == 0 && exec->path_len == 0;
}

static void
be_born(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		die("vfork");
}

/* With room for a page of births, which are full when it returns, and for so
 * many processes that could not be told. NULL where there is no BPF. */
static struct bpf *
open_full(struct heard *heard, uint64_t processes)
{
	struct bpf_ops ops = attr_deaf;
	struct attr_machine machine = { .queue = 1024 };
	struct attr_sizes sizes;
	char why[BPF_WHY_MAX];
	struct bpf *bpf;

	machine_read(&machine);
	attr_sizes_of(&sizes, &machine);
	sizes.births_ring = (uint64_t)sysconf(_SC_PAGESIZE);
	sizes.processes = processes;
	ops.fork = on_fork;
	ops.exec = on_exec;
	ops.arg = heard;
	if (bpf_open(&bpf, &ops, &sizes, why) < 0) {
		printf("# no BPF: %s\n", why);
		return NULL;
	}
	for (int i = 0; i < BIRTHS; i++)
		be_born();
	if (bpf_lost(bpf) == 0)
		die("none is lost");
	return bpf;
}

static void
kids_start(struct kid kids[KIDS], struct heard *heard)
{
	for (int i = 0; i < KIDS; i++) {
		kids[i] = kid_fork();
		heard->told[i] = (struct told){ .pid = kids[i].pid };
	}
}

static void
kids_end(struct kid kids[KIDS])
{
	for (int i = 0; i < KIDS; i++)
		kid_kill(&kids[i]);
}

static void
test_asked(void)
{
	struct heard heard = { 0 };
	struct bpf *bpf = open_full(&heard, 4096);
	struct kid kids[KIDS];
	struct stat st;
	bool copies = true;

	if (bpf == NULL)
		return;
	if (stat("/proc/self/exe", &st) != 0)
		die("stat");
	kids_start(kids, &heard);
	(void)kid_tell(&kids[0], KID_EXEC, "/proc/self/exe", 0, -1);
	check("lost: they can be asked for",
	    bpf_ask_missed(bpf, mono_now()) == 0);
	check("… what one was started as", heard.told[0].ino == st.st_ino);
	for (int i = 1; i < KIDS; i++)
		copies &= heard.told[i].from == getpid();
	check("… whose copies others are", copies);
	kids_end(kids);
	bpf_close(bpf);
}

/* One of them has room at most, and maybe another process has. */
static void
test_unkept(void)
{
	struct heard heard = { 0 };
	struct bpf *bpf = open_full(&heard, 1);
	struct kid kids[KIDS];
	int unknown = 0, known = 0;

	if (bpf == NULL)
		return;
	kids_start(kids, &heard);
	for (int i = 0; i < KIDS; i++)
		(void)kid_tell(&kids[i], KID_SEND, NULL, 0, -1);
	(void)bpf_uses(bpf);
	for (int i = 0; i < KIDS; i++) {
		unknown += heard.told[i].unknown;
		known += heard.told[i].known || heard.told[i].from != 0;
	}
	check("lost, and not kept: what it names itself is not believed",
	    unknown >= KIDS - 1 && unknown + known == KIDS);
	check("… nor when all are asked for",
	    bpf_ask_missed(bpf, mono_now()) == 0);
	for (int i = 0; i < KIDS; i++)
		known -= heard.told[i].known || heard.told[i].from != 0;
	check("… of which there are no more", known == 0);
	kids_end(kids);
	bpf_close(bpf);
}

void
attr_lost_tests(bool kept)
{
	if (kept)
		test_asked();
	else
		test_unkept();
}
