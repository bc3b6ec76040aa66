#include "src/linux/spawn.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "src/base/mono.h"
#include "src/linux/caps.h"

#define STEP_NS 1000000L

/* No pidfd: they are younger than the kernels that need modprobe. */
static int
wait_for_end(pid_t pid, uint64_t max)
{
	const struct timespec step = { .tv_nsec = STEP_NS };
	mono_t end = mono_add(mono_now(), max);
	int status;
	pid_t r;

	for (;;) {
		r = waitpid(pid, &status, WNOHANG);
		if (r == pid)
			return WIFEXITED(status) && WEXITSTATUS(status) == 0
				   ? 0
				   : -EIO;
		if (r < 0 && errno == ECHILD)
			return 0; /* reaped elsewhere: the next try tells */
		if (!mono_before(mono_now(), end))
			break;
		(void)nanosleep(&step, NULL); /* cut short is as good */
	}
	(void)kill(pid, SIGKILL); /* it is our child, not yet reaped */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return -ETIMEDOUT;
}

static int
set_files(posix_spawn_file_actions_t *files, const struct spawn *spawn)
{
	const int from[] = { spawn->in, spawn->out, spawn->err };
	int r = 0;

	for (int to = 0; r == 0 && to < 3; to++)
		if (from[to] >= 0)
			r = posix_spawn_file_actions_adddup2(
			    files, from[to], to);
	return -r;
}

static int
start(const struct spawn *spawn, const posix_spawnattr_t *attr, pid_t *ret_pid)
{
	posix_spawn_file_actions_t files;
	int r = -posix_spawn_file_actions_init(&files);

	if (r < 0)
		return r;
	r = set_files(&files, spawn);
	if (r == 0)
		r = -posix_spawn(ret_pid, spawn->path, &files, attr,
		    spawn->argv, spawn->env);
	(void)posix_spawn_file_actions_destroy(&files);
	return r;
}

int
spawn_run(const struct spawn *spawn)
{
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid;
	int r = -posix_spawnattr_init(&attr);

	if (r < 0)
		return r;
	/* the threads that call here have all signals blocked */
	(void)sigemptyset(&none);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	/* root passes on what it may, others what they lend */
	if (geteuid() != 0)
		(void)caps_lend(); /* else the program says what it lacks */
	r = start(spawn, &attr, &pid);
	if (geteuid() != 0)
		caps_take_back();
	(void)posix_spawnattr_destroy(&attr);
	return r < 0 ? r : wait_for_end(pid, spawn->max);
}
