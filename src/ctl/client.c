#include "src/ctl/client.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/base/escape.h"

/* A daemon that runs answers at once, but for what has to be loaded or dialled
 * first: then a word that it is waited for, and an end of that. One that is
 * stopped is not waited for. */
#define WORD_MS 4000
#define MORE_MS 500
#define WAIT_S 60

struct client {
	FILE *in;
	int fd;
	char *line;
	size_t line_size;
	const volatile sig_atomic_t *stop; /* see client_until() */
	int out;			   /* see client_for(); -1: none */
	bool unread;			   /* nobody reads that any more */
};

/* The group is who may, and the settings name it: it is asked of the socket. */
static enum status
denied(const char *path)
{
	struct stat st;
	const struct group *g = NULL;

	if (stat(path, &st) == 0 && st.st_gid != 0)
		g = getgrgid(st.st_gid);
	fprintf(stderr, "reroutectl: %s: permission denied: run as root", path);
	if (g != NULL)
		fprintf(stderr,
		    ", or join the group '%s' (usermod -aG %s USER)",
		    g->gr_name, g->gr_name);
	fputc('\n', stderr);
	return STATUS_FAILED;
}

static enum status
refused(const char *path, int error)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		fprintf(stderr,
		    "reroutectl: no daemon answers on %s: is rerouted "
		    "running? (systemctl status rerouted; where it was "
		    "killed, nothing new connects until it runs again, or "
		    "after `rerouted --recover`)\n",
		    path);
		return STATUS_NO_DAEMON;
	case EACCES:
		return denied(path);
	case EAGAIN: /* nobody takes those who wait there */
		fprintf(stderr, "reroutectl: %s: the daemon does not answer\n",
		    path);
		return STATUS_FAILED;
	default:
		fprintf(stderr, "reroutectl: %s: %s\n", path, strerror(error));
		return STATUS_FAILED;
	}
}

/* What the stream of a client reads by: errno stays as it is set here. */
static ssize_t
read_daemon(void *cookie, char *buf, size_t size)
{
	struct client *client = cookie;
	struct pollfd fds[] = { { .fd = client->fd, .events = POLLIN },
		{ .fd = client->out } }; /* its end is told unasked */

	ssize_t n;

	if (client->out >= 0 && poll(fds, 2, -1) < 0)
		return -1;
	client->unread = (fds[1].revents & (POLLERR | POLLHUP)) != 0;
	if (client->unread)
		return 0;
	do
		n = read(client->fd, buf, size);
	while (n < 0 && errno == EINTR && client->stop == NULL);
	return n;
}

static int
close_daemon(void *cookie)
{
	struct client *client = cookie;

	return close(client->fd);
}

static struct client *
client_new(int fd)
{
	static const cookie_io_functions_t io = { .read = read_daemon,
		.close = close_daemon };
	struct client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return NULL;
	client->fd = fd;
	client->out = -1;
	client->in = fopencookie(client, "r", io);
	if (client->in == NULL) {
		free(client);
		return NULL;
	}
	return client;
}

enum status
client_open(struct client **ret, const char *path)
{
	static const struct timeval limit = { WORD_MS / 1000, 0 };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct client *client;
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path))
		return refused(path, ENAMETOOLONG);
	strcpy(sun.sun_path, path); /* length checked */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return refused(path, errno);
	/* else it is waited for */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		enum status status = refused(path, errno);

		close(fd);
		return status;
	}
	client = client_new(fd);
	if (client == NULL) {
		close(fd);
		return refused(path, ENOMEM);
	}
	*ret = client;
	return STATUS_DONE;
}

void
client_close(struct client *client)
{
	if (client == NULL)
		return;
	fclose(client->in);
	free(client->line);
	free(client);
}

/* Who listens at the other end, and the letter that ps(1) has for what it does;
 * 0 where that can't be seen. */
static pid_t
daemon_pid(const struct client *client, char *ret_state)
{
	struct ucred peer = { .pid = 0 };
	socklen_t len = sizeof(peer);
	char path[64], text[512];
	const char *state;
	FILE *f;

	*ret_state = 0;
	if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return 0;
	(void)snprintf(
	    path, sizeof(path), "/proc/%d/stat", (int)peer.pid); /* fits */
	f = fopen(path, "re");
	if (f == NULL)
		return peer.pid;
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	state = strrchr(text, ')'); /* behind the name */
	if (state != NULL && state[1] == ' ')
		*ret_state = state[2];
	return peer.pid;
}

static bool
is_stopped(char state)
{
	return state == 'T' || state == 't';
}

static const char *
state_name(char state)
{
	switch (state) {
	case 'R':
		return "it is busy";
	case 'S':
		return "it sleeps";
	case 'D':
		return "it waits for a disk";
	case 'T':
		return "it is stopped";
	case 't':
		return "a debugger has stopped it";
	case 'Z':
	case 'X':
		return "it has ended";
	default:
		return "what it does can't be seen";
	}
}

/* Says so; `more` is what follows from it. */
static void
say_unanswered(const struct client *client, const char *what, const char *more)
{
	char state, who[32] = "";
	pid_t pid = daemon_pid(client, &state);

	if (pid > 0)
		(void)snprintf(
		    who, sizeof(who), " (pid %d)", (int)pid); /* fits */
	fprintf(stderr, "reroutectl: the daemon%s %s%s; %s", who, what, more,
	    state_name(state));
	if (state == 'T')
		fprintf(stderr, ", 'kill -CONT %d' lets it go on", (int)pid);
	fputc('\n', stderr);
}

static enum status
unanswered(const struct client *client)
{
	say_unanswered(client, "has not answered for a minute", "");
	return STATUS_FAILED;
}

static enum status
lost(void)
{
	fputs("reroutectl: the daemon closed the connection\n", stderr);
	return STATUS_NO_DAEMON;
}

enum status
client_send(struct client *client, const char *call, json_t *args_take)
{
	json_t *request = json_pack("{s:s, s:o}", "call", call, "args",
	    args_take != NULL ? args_take : json_object());
	char *text = json_dumps(request, JSON_COMPACT);
	size_t len, sent = 0;
	ssize_t n = 0;

	json_decref(request);
	if (text == NULL) {
		fputs("reroutectl: an argument is no valid UTF-8\n", stderr);
		return STATUS_FAILED;
	}
	len = strlen(text);
	text[len++] = '\n'; /* in place of the NUL: sent by length */
	while (sent < len) {
		n = send(client->fd, text + sent, len - sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		sent += (size_t)n;
	}
	free(text);
	/* one that has closed it may have said why before */
	if (sent == len || (n < 0 && errno == EPIPE)) /* free() keeps it */
		return STATUS_DONE;
	if (n < 0 && errno == EAGAIN) {
		say_unanswered(client, "does not answer", "");
		return STATUS_FAILED;
	}
	return lost();
}

static enum status
daemon_error(json_t *root)
{
	const char *code = "failed", *message = "no message";

	if (json_unpack(root, "{s:{s:s, s:s}}", "error", "code", &code,
		"message", &message) < 0)
		message = "an answer that is not understood";
	/* faults stand in lines of their own, as of --check */
	if (strcmp(code, "faults") == 0) {
		fprintf(stderr, "%s\n", message); /* as printed: escaped */
	} else {
		fputs("reroutectl: ", stderr);
		escape_print(message, stderr);
		fputc('\n', stderr);
	}
	return strcmp(code, "bad-args") == 0 ? STATUS_USAGE : STATUS_FAILED;
}

void
client_until(struct client *client, const volatile sig_atomic_t *stop)
{
	client->stop = stop;
}

void
client_for(struct client *client, FILE *out)
{
	client->out = fileno(out);
}

void
client_limit(struct client *client)
{
	static const struct timeval limit = { WAIT_S, 0 };

	/* else it is waited for */
	(void)setsockopt(
	    client->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

static enum status
take_answer(const char *text, size_t len, json_t **ret)
{
	json_error_t error;
	json_t *root = json_loadb(text, len, 0, &error);
	json_t *result = json_object_get(root, "result");
	enum status status = STATUS_DONE;

	if (json_is_true(json_object_get(root, "ok")) && result != NULL)
		*ret = json_incref(result);
	else
		status = daemon_error(root);
	json_decref(root);
	return status;
}

/* The next answer, whole, in client->line; *ret_len is 0 where it was given up.
 */
static enum status
read_answer(struct client *client, size_t *ret_len)
{
	ssize_t len;

	*ret_len = 0;
	do {
		if (client->stop != NULL && *client->stop)
			return STATUS_DONE;
		errno = 0;
		len = getline(&client->line, &client->line_size, client->in);
	} while (len < 0 && errno == EINTR);
	if (len < 0 && client->unread)
		return STATUS_DONE;
	/* a line without its end is half an answer */
	if (len < 0 || client->line[len - 1] != '\n')
		return errno == EAGAIN ? unanswered(client) : lost();
	*ret_len = (size_t)len;
	return STATUS_DONE;
}

enum status
client_receive(struct client *client, json_t **ret)
{
	size_t len;
	enum status status = read_answer(client, &len);

	*ret = NULL;
	return status == STATUS_DONE && len > 0
		   ? take_answer(client->line, len, ret)
		   : status;
}

/* Rows as text; in between are blanks, while none were wanted. */
static enum status
take_rows(const char *at, const char *end, client_row_fn *row, void *arg)
{
	enum status status = STATUS_DONE;

	at += strspn(at, " ");
	while (*at != ']' && status == STATUS_DONE) {
		json_error_t error;
		json_t *one = json_loadb(
		    at, (size_t)(end - at), JSON_DISABLE_EOF_CHECK, &error);

		if (one == NULL)
			return daemon_error(NULL);
		at += error.position;
		status = row(arg, one);
		json_decref(one);
		at += strspn(at, " ,");
	}
	return status;
}

enum status
client_receive_rows(struct client *client, client_row_fn *row, void *arg)
{
	static const char head[] = "{\"ok\":true,\"result\":[";
	json_t *rows = NULL, *one;
	size_t i, len;
	enum status status = read_answer(client, &len);

	if (status != STATUS_DONE || len == 0)
		return status;
	/* the daemon is not to wait for who reads what row() prints */
	(void)shutdown(client->fd, SHUT_RDWR);
	if (strncmp(client->line, head, sizeof(head) - 1) == 0)
		return take_rows(client->line + sizeof(head) - 1,
		    client->line + len, row, arg);
	status = take_answer(client->line, len, &rows);
	json_array_foreach(rows, i, one)
	{
		if (status == STATUS_DONE)
			status = row(arg, one);
	}
	json_decref(rows);
	return status;
}

/* Whether it answers others meanwhile: what it was asked takes its time. */
static bool
is_at_work(const struct client *client)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(sun) - 1;
	struct pollfd poll_fd = { .events = POLLIN };
	struct client *other;
	bool answers;

	if (getpeername(client->fd, (struct sockaddr *)&sun, &len) < 0 ||
	    client_open(&other, sun.sun_path) != STATUS_DONE)
		return false;
	poll_fd.fd = other->fd;
	answers = client_send(other, "status", NULL) == STATUS_DONE &&
		  poll(&poll_fd, 1, MORE_MS) > 0;
	client_close(other);
	return answers;
}

/* Waits for an answer to come; one that is always there at once not for
 * long. */
static enum status
await(const struct client *client, bool at_once)
{
	struct pollfd poll_fd = { .fd = client->fd, .events = POLLIN };
	int n = poll(&poll_fd, 1, WORD_MS);
	char state;

	/* it may have stood still with all of the machine */
	if (n == 0)
		n = poll(&poll_fd, 1, MORE_MS);
	if (n == 0) {
		(void)daemon_pid(client, &state);
		at_once = at_once || is_stopped(state);
		if (!at_once && is_at_work(client))
			fputs("reroutectl: the daemon is still at it: "
			      "waiting\n",
			    stderr);
		else
			say_unanswered(client, "does not answer",
			    at_once ? "" : ": waiting");
		if (at_once)
			return STATUS_FAILED;
		n = poll(&poll_fd, 1, WAIT_S * 1000 - WORD_MS - MORE_MS);
	}
	/* or a signal, which reading sees, too */
	return n != 0 ? STATUS_DONE : unanswered(client);
}

enum status
client_ask(struct client *client, const char *call, json_t *args_take)
{
	enum status status = client_send(client, call, args_take);

	if (status == STATUS_DONE)
		status = await(client, strcmp(call, "status") == 0);
	return status;
}

enum status
client_call(
    struct client *client, const char *call, json_t *args_take, json_t **ret)
{
	enum status status = client_ask(client, call, args_take);

	return status == STATUS_DONE ? client_receive(client, ret) : status;
}
