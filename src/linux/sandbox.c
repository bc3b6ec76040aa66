#include "src/linux/sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <ucontext.h>
#include <unistd.h>

/* What each group is for. Broad within what an unprivileged program needs, and
 * nothing of what changes the machine: no mounts, namespaces, modules, keys,
 * tracing, clocks, users. Names that an architecture lacks are left out. */
static const char *const allowed[] = {
	/* memory and the runtime of C */
	"arch_prctl",
	"brk",
	"cacheflush",
	"futex",
	"futex_waitv",
	"get_robust_list",
	"getrandom",
	"madvise",
	"membarrier",
	"memfd_create",
	"mincore",
	"mlock",
	"mlock2",
	"mlockall",
	"mmap",
	"mmap2",
	"mprotect",
	"mremap",
	"munlock",
	"munlockall",
	"munmap",
	"restart_syscall",
	"riscv_flush_icache",
	"riscv_hwprobe",
	"rseq",
	"set_robust_list",
	"set_thread_area",
	"set_tid_address",
	"set_tls",
	/* time */
	"alarm",
	"clock_getres",
	"clock_gettime",
	"clock_nanosleep",
	"getitimer",
	"gettimeofday",
	"nanosleep",
	"setitimer",
	"time",
	"timer_create",
	"timer_delete",
	"timer_getoverrun",
	"timer_gettime",
	"timer_settime",
	"timerfd_create",
	"timerfd_gettime",
	"timerfd_settime",
	"times",
	/* signals */
	"pause",
	"rt_sigaction",
	"rt_sigpending",
	"rt_sigprocmask",
	"rt_sigqueueinfo",
	"rt_sigreturn",
	"rt_sigsuspend",
	"rt_sigtimedwait",
	"rt_tgsigqueueinfo",
	"sigaltstack",
	"signalfd",
	"signalfd4",
	"sigreturn",
	/* threads and programs: iptables-restore and its like */
	"clone",
	"clone3",
	"execve",
	"execveat",
	"exit",
	"exit_group",
	"fork",
	"kill",
	"pidfd_open",
	"pidfd_send_signal",
	"tgkill",
	"tkill",
	"vfork",
	"wait4",
	"waitid",
	"waitpid",
	/* what a process may know of itself, and give up */
	"capget",
	"capset",
	"getcpu",
	"getegid",
	"geteuid",
	"getgid",
	"getgroups",
	"getpgid",
	"getpgrp",
	"getpid",
	"getppid",
	"getpriority",
	"getresgid",
	"getresuid",
	"getrlimit",
	"getrusage",
	"getsid",
	"gettid",
	"getuid",
	"prctl",
	"prlimit64",
	"sched_get_priority_max",
	"sched_get_priority_min",
	"sched_getaffinity",
	"sched_getattr",
	"sched_getparam",
	"sched_getscheduler",
	"sched_setaffinity",
	"sched_yield",
	"setpgid",
	"setrlimit",
	"setsid",
	"seccomp",
	"sysinfo",
	"ugetrlimit",
	"umask",
	"uname",
	/* descriptors and waiting for them */
	"close",
	"close_range",
	"copy_file_range",
	"dup",
	"dup2",
	"dup3",
	"epoll_create",
	"epoll_create1",
	"epoll_ctl",
	"epoll_pwait",
	"epoll_pwait2",
	"epoll_wait",
	"eventfd",
	"eventfd2",
	"fcntl",
	"fcntl64",
	"ioctl",
	"pipe",
	"pipe2",
	"poll",
	"ppoll",
	"pselect6",
	"select",
	"sendfile",
	"splice",
	"tee",
	"vmsplice",
	/* reading and writing */
	"_llseek",
	"lseek",
	"pread64",
	"preadv",
	"preadv2",
	"pwrite64",
	"pwritev",
	"pwritev2",
	"read",
	"readahead",
	"readv",
	"write",
	"writev",
	/* files */
	"access",
	"chdir",
	"chmod",
	"chown",
	"creat",
	"faccessat",
	"faccessat2",
	"fadvise64",
	"fallocate",
	"fchdir",
	"fchmod",
	"fchmodat",
	"fchmodat2",
	"fchown",
	"fchownat",
	"fdatasync",
	"fgetxattr",
	"flistxattr",
	"flock",
	"fstat",
	"fstat64",
	"fstatat64",
	"fstatfs",
	"fstatfs64",
	"fsync",
	"ftruncate",
	"ftruncate64",
	"getcwd",
	"getdents",
	"getdents64",
	"getxattr",
	"inotify_add_watch",
	"inotify_init",
	"inotify_init1",
	"inotify_rm_watch",
	"lgetxattr",
	"link",
	"linkat",
	"listxattr",
	"llistxattr",
	"lstat",
	"lstat64",
	"mkdir",
	"mkdirat",
	"msync",
	"name_to_handle_at",
	"newfstatat",
	"open",
	"openat",
	"openat2",
	"readlink",
	"readlinkat",
	"rename",
	"renameat",
	"renameat2",
	"rmdir",
	"stat",
	"stat64",
	"statfs",
	"statfs64",
	"statx",
	"symlink",
	"symlinkat",
	"sync_file_range",
	"truncate",
	"truncate64",
	"unlink",
	"unlinkat",
	"utime",
	"utimensat",
	"utimes",
	/* sockets */
	"accept",
	"accept4",
	"bind",
	"connect",
	"getpeername",
	"getsockname",
	"getsockopt",
	"listen",
	"recv",
	"recvfrom",
	"recvmmsg",
	"recvmsg",
	"send",
	"sendmmsg",
	"sendmsg",
	"sendto",
	"setsockopt",
	"shutdown",
	"socket",
	"socketcall",
	"socketpair",
	/* look-ups in maps, iterators: who sent it */
	"bpf",
	/* whether threads share their descriptors */
	"kcmp",
#if defined(__SANITIZE_ADDRESS__)
	/* LeakSanitizer stops all threads by tracing them */
	"personality",
	"ptrace",
#endif
};

/* The numbers that a handler can note: more than any architecture has. */
#define NUMBERS 1024

/* State of the process: a signal handler has no other. */
static atomic_uint_fast64_t refused;
static atomic_uchar seen[NUMBERS], told[NUMBERS];
static int word = -1;

#if defined(__x86_64__)
#define RESULT(uc) ((uc)->uc_mcontext.gregs[REG_RAX])
#elif defined(__aarch64__)
#define RESULT(uc) ((uc)->uc_mcontext.regs[0])
#endif

#ifdef RESULT
#define REFUSE SCMP_ACT_TRAP

static void
refused_cb(int sig, siginfo_t *info, void *context)
{
	static const uint64_t one = 1;
	ucontext_t *uc = context;
	int saved = errno;

	(void)sig;
	atomic_fetch_add(&refused, 1);
	if (info->si_syscall >= 0 && info->si_syscall < NUMBERS)
		atomic_store(&seen[info->si_syscall], 1);
	(void)!write(word, &one, sizeof(one)); /* full: it is read soon */
	RESULT(uc) = -EPERM;
	errno = saved;
}

static int catch (void)
{
	struct sigaction sa = { .sa_sigaction = refused_cb,
		.sa_flags = SA_SIGINFO | SA_NODEFER };

	return sigaction(SIGSYS, &sa, NULL) < 0 ? -errno : 0;
}
#else
/* The handler can't give the call a result here: it fails uncounted. */
#define REFUSE SCMP_ACT_ERRNO(EPERM)

static int catch (void)
{
	return 0;
}
#endif

static int
load(scmp_filter_ctx filter, const char *const *names, size_t n)
{
	int r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

	for (size_t i = 0; r == 0 && i < n; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);

		if (number != __NR_SCMP_ERROR)
			r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
		/* a call of another architecture has no meaning here */
		if (r == -EINVAL || r == -EDOM)
			r = 0;
	}
	return r < 0 ? r : seccomp_load(filter);
}

int
sandbox_enter_only(
    const char *const *names, size_t n, const struct sandbox_arg *with)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = 0;

	if (filter == NULL)
		return -ENOMEM;
	if (with != NULL)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW,
		    seccomp_syscall_resolve_name(with->name), 1,
		    SCMP_CMP(with->place, SCMP_CMP_EQ, with->value));
	if (r == 0)
		r = load(filter, names, n);
	seccomp_release(filter);
	return r == -ENOSYS || r == -EINVAL ? 0 : r;
}

int
sandbox_enter(int *ret_fd)
{
	scmp_filter_ctx filter;
	int r;

	word = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (word < 0)
		return -errno;
	r = catch ();
	if (r < 0)
		return r;
	filter = seccomp_init(REFUSE);
	if (filter == NULL)
		return -ENOSYS;
	r = load(filter, allowed, sizeof(allowed) / sizeof(allowed[0]));
	seccomp_release(filter);
	if (r == 0)
		*ret_fd = word;
	return r;
}

uint64_t
sandbox_refused(char *buf, size_t size)
{
	size_t len = 0;
	uint64_t count;

	(void)!read(word, &count, sizeof(count)); /* it was only a word */
	buf[0] = '\0';
	for (int i = 0; i < NUMBERS; i++) {
		char *name;

		if (atomic_load(&seen[i]) == 0 || atomic_load(&told[i]) != 0)
			continue;
		atomic_store(&told[i], 1);
		name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
		if (len + 1 < size)
			(void)snprintf(buf + len, size - len, "%s%s",
			    len > 0 ? " " : "",
			    name != NULL ? name : "?"); /* may be cut */
		len = strlen(buf);
		free(name);
	}
	return atomic_load(&refused);
}
