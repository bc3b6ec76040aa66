#include "src/privileges_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/core/conf.h"
#include "src/keeper.h"
#include "src/linux/caps.h"
#include "src/linux/sandbox.h"
#include "src/linux/xtlock.h"

struct privileges_ev {
	struct privileges_opts opts;
	struct caps_user user;
	bool has_user;
	struct keeper keeper;
	struct event *refused;
	struct event *keeper_gone;
	/* by the keeper: whether it is stopped, and the control socket */
	bool watched, removes;
};

/* Root, and there is somebody to become. */
static void
find_user(struct privileges_ev *pe)
{
	int r;

	if (geteuid() != 0)
		return;
	r = caps_user_find(PRIVILEGES_USER, &pe->user);
	pe->has_user = r == 0;
	if (r < 0)
		log_warning("rerouted",
		    "there is no user " PRIVILEGES_USER
		    " (systemd-sysusers makes it): the daemon works as root, "
		    "with the same few capabilities: %s",
		    strerror(-r));
}

/* Whose it is, or that its own user may not: what to do of it differs. */
static void
warn_unwritable(const struct privileges_ev *pe)
{
	struct stat st;

	if (stat(pe->opts.state, &st) < 0)
		log_warning("rerouted", "%s: nothing can be kept there: %s",
		    pe->opts.state, strerror(errno));
	else if (st.st_uid == pe->user.uid)
		log_warning("rerouted",
		    "%s has mode %03o, nothing can be kept there: 'chmod 700 "
		    "%s'",
		    pe->opts.state, (unsigned int)st.st_mode & 07777,
		    pe->opts.state);
	else
		log_warning("rerouted",
		    "%s is another user's (%u), nothing can be kept there: "
		    "'chown -R " PRIVILEGES_USER " %s'",
		    pe->opts.state, (unsigned int)st.st_uid, pe->opts.state);
}

static void
give_state(struct privileges_ev *pe)
{
	int r = caps_give_folder(pe->opts.state, 0700, &pe->user);
	struct stat st;

	/* root made it there, where it is older than the user */
	if (r == 0)
		r = caps_give_below(pe->opts.state, "lists", &pe->user);
	if (r < 0)
		log_warning("rerouted",
		    "%s can't be given to the user " PRIVILEGES_USER
		    ", nothing is kept there: %s",
		    pe->opts.state, strerror(-r));
	else if (!caps_may_write(pe->opts.state, &pe->user))
		warn_unwritable(pe);
	else if (stat(pe->opts.state, &st) == 0 && (st.st_mode & S_IWOTH) != 0)
		log_warning("rerouted",
		    "%s may be written to by all, who can leave rules there: "
		    "'chmod 700 %s'",
		    pe->opts.state, pe->opts.state);
}

/* The folder of the control socket, in buf. */
static const char *
control_folder(const struct privileges_ev *pe, char *buf, size_t size)
{
	if (strlen(pe->opts.control) >= size)
		return "";
	strcpy(buf, pe->opts.control); /* length checked */
	return dirname(buf);
}

/* A folder that is not there yet is the daemon's own (/run/rerouted), as is
 * the one that systemd made for it; any other is left as it is. */
static void
give_control(struct privileges_ev *pe)
{
	char buf[PATH_MAX];
	const char *folder = control_folder(pe, buf, sizeof(buf));
	const char *runtime = getenv("RUNTIME_DIRECTORY");
	struct stat st;

	if (stat(folder, &st) < 0 ||
	    (runtime != NULL && strcmp(runtime, folder) == 0))
		/* who can't write there says so when the socket is made */
		(void)caps_give_folder(folder, 0755, &pe->user);
}

static int
start_keeper(struct privileges_ev *pe)
{
	char buf[PATH_MAX];
	bool mine =
	    !pe->has_user ||
	    caps_may_write(control_folder(pe, buf, sizeof(buf)), &pe->user);
	struct keeper_opts opts = {
		.conf = pe->opts.conf,
		.control = mine ? NULL : pe->opts.control,
		.watch = pe->opts.conf->fail == CONF_FAIL_OPEN,
		.user = pe->has_user ? &pe->user : NULL,
	};

	pe->watched = opts.watch;
	pe->removes = !mine;
	if (!opts.watch && mine)
		return 0;
	return keeper_start(&pe->keeper, &opts);
}

int
privileges_ev_new(
    struct privileges_ev **ret, const struct privileges_opts *opts)
{
	struct privileges_ev *pe = calloc(1, sizeof(*pe));
	int r;

	if (pe == NULL)
		return -ENOMEM;
	pe->opts = *opts;
	pe->keeper.fd = -1;
	find_user(pe);
	if (pe->has_user) {
		give_state(pe);
		give_control(pe);
		xtlock_make();
	}
	r = start_keeper(pe);
	if (r < 0) {
		log_error(
		    "rerouted", "no process can be started: %s", strerror(-r));
		privileges_ev_free(pe);
		return r;
	}
	*ret = pe;
	return 0;
}

void
privileges_ev_free(struct privileges_ev *pe)
{
	if (pe == NULL)
		return;
	if (pe->keeper_gone != NULL)
		event_free(pe->keeper_gone);
	keeper_stop(&pe->keeper);
	if (pe->refused != NULL)
		event_free(pe->refused);
	free(pe);
}

void
privileges_ev_socket_made(struct privileges_ev *pe)
{
	keeper_socket_made(&pe->keeper, pe->opts.control);
}

static void
refused_cb(evutil_socket_t fd, short what, void *arg)
{
	struct privileges_ev *pe = arg;
	char names[256];

	(void)fd;
	(void)what;
	pe->opts.stats->syscalls_refused =
	    sandbox_refused(names, sizeof(names));
	if (names[0] != '\0')
		log_warning("rerouted",
		    "a system call that the daemon has no use for was refused "
		    "names=%s",
		    names);
}

/* It says nothing by itself: what can be read is its end. Whoever has given up
 * what root can do can't start another one. */
static void
keeper_gone_cb(evutil_socket_t fd, short what, void *arg)
{
	struct privileges_ev *pe = arg;

	(void)fd;
	(void)what;
	event_free(pe->keeper_gone);
	pe->keeper_gone = NULL;
	keeper_stop(&pe->keeper);
	pe->opts.stats->keeper_gone = 1;
	log_error("rerouted",
	    "the process beside the daemon (rerouted-keeper) is gone, until a "
	    "restart: %s%s%s",
	    pe->watched
		? "fail = open does not hold while the daemon is stopped"
		: "",
	    pe->watched && pe->removes ? ", and " : "",
	    pe->removes ? "the control socket is left behind at the end" : "");
}

static int
watch_keeper(struct privileges_ev *pe)
{
	if (pe->keeper.fd < 0)
		return 0;
	pe->keeper_gone = event_new(
	    pe->opts.base, pe->keeper.fd, EV_READ, keeper_gone_cb, pe);
	return pe->keeper_gone != NULL && event_add(pe->keeper_gone, NULL) == 0
		   ? 0
		   : -ENOMEM;
}

static int
enter_sandbox(struct privileges_ev *pe)
{
	int fd, r = sandbox_enter(&fd);

	if (r == -ENOSYS || r == -EINVAL) {
		log_warning("rerouted",
		    "this kernel has no seccomp: any system call may be used");
		return 0;
	}
	if (r < 0) {
		log_error("rerouted", "the system calls can't be bounded: %s",
		    strerror(-r));
		return r;
	}
	pe->refused =
	    event_new(pe->opts.base, fd, EV_READ | EV_PERSIST, refused_cb, pe);
	if (pe->refused == NULL || event_add(pe->refused, NULL) < 0)
		return -ENOMEM;
	return 0;
}

/* In a container, say. What it can't do is said where it fails; but who starts
 * as root reads at the start what it can't read again. */
static void
tell_lacking(void)
{
	char names[CAPS_TEXT_SIZE];

	caps_lacking(names);
	if (names[0] != '\0')
		log_warning("rerouted",
		    "it has to work without %s: see \"What it gives up\" in "
		    "rerouted(8)",
		    names);
}

int
privileges_ev_drop(struct privileges_ev *pe)
{
	int r = caps_drop(pe->has_user ? &pe->user : NULL);

	if (r < 0) {
		log_error("rerouted", "privileges can't be given up: %s",
		    strerror(-r));
		return r;
	}
	tell_lacking();
	r = watch_keeper(pe);
	return r < 0 ? r : enter_sandbox(pe);
}
