#include "src/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/base/standard.h"
#include "src/fw_ev.h"
#include "src/linux/procdir.h"
#include "src/linux/sandbox.h"

/* `fail` holds within a second. */
#define LOOK_MS 300

/* Which socket is ours: another daemon may have made its own there since. */
struct made {
	dev_t dev;
	ino_t ino;
};

struct keeping {
	const struct keeper_opts *opts;
	int fd;
	pid_t daemon;
	struct made made; /* ino 0: none yet */
	bool out;	  /* the chains were taken out */
};

static bool
is_stopped(pid_t pid)
{
	struct procdir_stat st;
	char path[32];

	(void)snprintf(
	    path, sizeof(path), "/proc/%d/stat", (int)pid); /* fits */
	return procdir_status(AT_FDCWD, path, &st) == 0 && st.state == 'T';
}

static void
take_out(const struct conf *conf)
{
	struct fw_ev fw;

	fw_ev_init(&fw, conf, NULL, NULL);
	fw_recover(&fw);
	if (fw.error != 0)
		log_error("firewall",
		    "the daemon is stopped, and fail = open can't be met: %s",
		    fw.what.text);
	else
		log_warning("firewall",
		    "the daemon is stopped: with fail = open all passes until "
		    "it goes on");
}

static void
look(struct keeping *keeping)
{
	bool stopped = is_stopped(keeping->daemon);

	if (stopped && !keeping->out)
		take_out(keeping->opts->conf);
	keeping->out = stopped; /* the daemon puts back what is missing */
}

static void
remove_socket(const struct keeping *keeping)
{
	const char *path = keeping->opts->control;
	struct stat st;

	if (path != NULL && keeping->made.ino != 0 && lstat(path, &st) == 0 &&
	    S_ISSOCK(st.st_mode) && st.st_dev == keeping->made.dev &&
	    st.st_ino == keeping->made.ino)
		(void)unlink(path); /* it is of no more use, at worst it lies
				     * there */
}

/* False at the end. */
static bool
hear(struct keeping *keeping)
{
	struct made made;
	ssize_t n = read(keeping->fd, &made, sizeof(made));

	if (n == sizeof(made))
		keeping->made = made;
	return n > 0 || (n < 0 && errno == EINTR);
}

static void
keep(struct keeping *keeping)
{
	const int wait = keeping->opts->watch ? LOOK_MS : -1;

	for (;;) {
		struct pollfd pfd = { .fd = keeping->fd, .events = POLLIN };
		int n = poll(&pfd, 1, wait);

		if (n < 0 && errno != EINTR)
			break;
		if (n > 0 && !hear(keeping))
			break;
		if (n == 0)
			look(keeping);
	}
	remove_socket(keeping);
}

/* Root may remove what lies in its own folders without any capability. */
static int
give_up(const struct keeper_opts *opts)
{
	int refused;
	int r = opts->watch
		    ? caps_drop(opts->control == NULL ? opts->user : NULL)
		    : caps_drop_all();

	return r < 0 ? r : sandbox_enter(&refused);
}

static void __attribute__((noreturn))
be_keeper(int fd, pid_t daemon, const struct keeper_opts *opts)
{
	struct keeping keeping = { .opts = opts, .fd = fd, .daemon = daemon };
	int r;

	/* the daemon's end is the end; whoever ends it may mean all of it */
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	standard_leave();
	(void)prctl(PR_SET_NAME, "rerouted-keeper");
	r = give_up(opts);
	if (r < 0)
		log_warning("rerouted", "the keeper keeps privileges: %s",
		    strerror(-r));
	keep(&keeping);
	_exit(0);
}

int
keeper_start(struct keeper *ret, const struct keeper_opts *opts)
{
	pid_t daemon = getpid(), pid;
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		(void)close(fds[0]);
		be_keeper(fds[1], daemon, opts);
	}
	r = -errno;
	(void)close(fds[1]);
	if (pid < 0) {
		(void)close(fds[0]);
		return r;
	}
	*ret = (struct keeper){ fds[0], pid };
	return 0;
}

void
keeper_socket_made(struct keeper *keeper, const char *control)
{
	struct made made = { 0 };
	struct stat st;

	if (keeper->fd < 0 || lstat(control, &st) < 0)
		return;
	made.dev = st.st_dev;
	made.ino = st.st_ino;
	/* a keeper that is gone removes nothing */
	(void)!send(keeper->fd, &made, sizeof(made), MSG_NOSIGNAL);
}

void
keeper_stop(struct keeper *keeper)
{
	if (keeper->fd < 0)
		return;
	(void)close(keeper->fd); /* nothing waits in it */
	keeper->fd = -1;
	while (waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
