#include "src/linux/cmdline.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "src/base/mono.h"
#include "src/base/thread.h"
#include "src/core/user_budget.h"
#include "src/linux/file_id.h"
#include "src/linux/procdir.h"

/* Threads, and those that may wait for one user's processes. */
#define READERS_MAX 32
#define READERS_OF_ONE 2

/* Files that are no user's are nobody's processes'. */
#define NOBODY UINT32_MAX

/* It is looked after a reader so often; one that is seen asleep in its read so
 * many times in a row is left. A busy machine may let one wait for its CPU for
 * longer, but not for ever. */
#define LOOK_NS MONO_MS
#define ASLEEP_MAX 4
#define LOOKS_MAX 20

/* Who waits is the loop, and all others with it: for the processes of one user
 * a fiftieth of its time, and so much at once. A page that comes from a disk
 * takes of it too, which is earned again. */
#define WAIT_SHARE 50
#define WAIT_MOST (20 * MONO_MS)

enum reader_state {
	READER_IDLE,
	READER_ASKED,
	READER_READS,
	READER_DONE,
};

struct reader {
	struct cmdlines *all;
	pthread_t thread;
	pthread_cond_t asked, done;
	enum reader_state state;
	bool left;     /* nobody waits for it any more */
	bool outlives; /* its owner: it goes by itself */
	pid_t tid;
	int fd; /* -1: what is asked for is the file at the path in bytes */
	bool changed; /* … and what is in it */
	uint32_t uid;
	bool slept; /* it waited for something other than a CPU */
	bool back;  /* it has read, and waits for nothing but the lock */
	ssize_t n;  /* bytes that were read, 0 for a file, or -errno */
	struct file_id file;
	struct file_state file_state;
	char *text; /* what was in it */
	char bytes[CMDLINE_MAX];
};

struct cmdlines {
	pthread_mutex_t lock;
	bool end;
	unsigned int refs; /* the owner, and readers that outlive him */
	struct reader *v[READERS_MAX];
	struct user_budgets users; /* root's: nobody waits for those */
};

struct cmdlines *
cmdlines_new(void)
{
	struct cmdlines *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->refs = 1;
	(void)pthread_mutex_init(&c->lock, NULL); /* never fails */
	user_budgets_init(&c->users, WAIT_SHARE, WAIT_MOST);
	return c;
}

static ssize_t
read_fd(struct reader *r)
{
	ssize_t n;

	do
		n = pread(r->fd, r->bytes, sizeof(r->bytes), 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static ssize_t
read_path(struct reader *r)
{
	return r->changed
		   ? file_read_changed(r->bytes, &r->file_state, &r->text)
		   : file_id_find(&r->file, r->bytes);
}

static ssize_t
read_all(struct reader *r)
{
	struct rusage before, after;
	ssize_t n;

	(void)getrusage(RUSAGE_THREAD, &before); /* these never fail */
	n = r->fd < 0 ? read_path(r) : read_fd(r);
	(void)getrusage(RUSAGE_THREAD, &after);
	r->slept = after.ru_nvcsw != before.ru_nvcsw;
	if (r->fd >= 0)
		(void)close(r->fd); /* it was only read */
	return n;
}

/* Gives back the lock, too. */
static void
unref(struct cmdlines *c)
{
	bool last = --c->refs == 0;

	(void)pthread_mutex_unlock(&c->lock);
	if (last)
		free(c);
}

static void *
reader_main(void *arg)
{
	struct reader *r = arg;
	struct cmdlines *c = r->all;

	(void)pthread_mutex_lock(
	    &c->lock); /* is held rightly here, below too */
	r->tid = (pid_t)syscall(SYS_gettid);
	while (!c->end) {
		ssize_t n;

		if (r->state != READER_ASKED) {
			(void)pthread_cond_wait(&r->asked, &c->lock);
			continue;
		}
		r->state = READER_READS;
		(void)pthread_mutex_unlock(&c->lock);
		n = read_all(r);
		__atomic_store_n(&r->back, true, __ATOMIC_RELEASE);
		(void)pthread_mutex_lock(&c->lock);
		r->n = n;
		if (r->left) {
			free(r->text);
			r->text = NULL;
		}
		r->state = r->left ? READER_IDLE : READER_DONE;
		r->left = false;
		(void)pthread_cond_signal(&r->done);
	}
	if (r->outlives) {
		free(r->text);
		free(r);
		unref(c);
	} else {
		(void)pthread_mutex_unlock(&c->lock);
	}
	return NULL;
}

static struct reader *
reader_new(struct cmdlines *c)
{
	struct reader *r = calloc(1, sizeof(*r));
	pthread_condattr_t attr;

	if (r == NULL)
		return NULL;
	r->all = c;
	r->state = READER_IDLE;
	(void)pthread_condattr_init(&attr); /* these never fail on Linux */
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&r->asked, &attr);
	(void)pthread_cond_init(&r->done, &attr);
	(void)pthread_condattr_destroy(&attr);
	if (thread_start(&r->thread, reader_main, r) == 0)
		return r;
	free(r);
	return NULL;
}

/* One that is free. NULL: there is none for this user. */
static struct reader *
reader_get(struct cmdlines *c, uint32_t uid)
{
	struct reader *idle = NULL, **room = NULL;
	size_t n = 0;

	for (size_t i = 0; i < READERS_MAX; i++) {
		struct reader *r = c->v[i];

		if (r == NULL)
			room = room != NULL ? room : &c->v[i];
		else if (r->state == READER_IDLE)
			idle = idle != NULL ? idle : r;
		else
			n += r->uid == uid;
	}
	if (n >= READERS_OF_ONE)
		return NULL;
	if (idle == NULL && room != NULL)
		idle = *room = reader_new(c);
	return idle;
}

/* Whether a thread of ours waits for something other than a CPU. */
static bool
is_asleep(pid_t tid)
{
	struct procdir_stat st;
	char path[64];

	(void)snprintf(
	    path, sizeof(path), "/proc/self/task/%d/stat", (int)tid); /* fits */
	return procdir_status(AT_FDCWD, path, &st) == 0 &&
	       (st.state == 'D' || st.state == 'S');
}

static bool
wait_for(struct cmdlines *c, struct reader *r)
{
	int asleep = 0;

	for (int i = 0; r->state != READER_DONE && i < LOOKS_MAX; i++) {
		struct timespec until;

		(void)clock_gettime(CLOCK_MONOTONIC, &until); /* never fails */
		until.tv_nsec += (long)LOOK_NS;
		if (until.tv_nsec >= 1000000000L) {
			until.tv_nsec -= 1000000000L;
			until.tv_sec++;
		}
		if (pthread_cond_timedwait(&r->done, &c->lock, &until) == 0)
			continue;
		asleep = r->state == READER_READS && is_asleep(r->tid) &&
				 !__atomic_load_n(&r->back, __ATOMIC_ACQUIRE)
			     ? asleep + 1
			     : 0;
		if (asleep == ASLEEP_MAX)
			break;
	}
	return r->state == READER_DONE;
}

/* One for that user, who may be waited for; with the lock. */
static struct reader *
reader_for(struct cmdlines *c, uint32_t uid, struct budget **ret_budget)
{
	mono_t now = mono_now();
	struct reader *r = NULL;

	(void)pthread_mutex_lock(&c->lock);
	uid = user_budget_owner(uid);
	*ret_budget = user_budget_of(&c->users, uid, now);
	if (budget_has(*ret_budget, now))
		r = reader_get(c, uid);
	if (r != NULL)
		r->uid = uid;
	return r;
}

/* What it is asked for is set; true where it has answered. */
static bool
reader_ask(struct reader *r, struct budget *budget)
{
	mono_t begin = mono_now();
	uint64_t waited;

	r->state = READER_ASKED;
	r->back = false;
	(void)pthread_cond_signal(&r->asked);
	r->left = !wait_for(r->all, r);
	waited = mono_since(mono_now(), begin);
	/* nor is it his if the machine stands still meanwhile */
	if (waited > LOOK_NS * LOOKS_MAX)
		waited = LOOK_NS * LOOKS_MAX;
	/* a moment for a CPU is nobody's fault */
	if (r->left || r->slept || (waited > LOOK_NS && r->fd >= 0))
		budget_spend(budget, waited);
	if (!r->left)
		r->state = READER_IDLE;
	return !r->left;
}

ssize_t
cmdlines_read(struct cmdlines *c, int fd, uint32_t uid, char *buf)
{
	struct budget *budget;
	struct reader *r;
	ssize_t n = -ETIMEDOUT;
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	/* it may be read when the other one is closed */
	if (own < 0)
		return -errno;
	r = reader_for(c, uid, &budget);
	if (r != NULL)
		r->fd = own;
	if (r != NULL && reader_ask(r, budget)) {
		n = r->n;
		if (n > 0)
			memcpy(buf, r->bytes, (size_t)n);
	}
	(void)pthread_mutex_unlock(&c->lock);
	if (r == NULL)
		(void)close(own); /* nothing was done with it */
	return n;
}

int
cmdlines_file(
    struct cmdlines *c, const char *path, uint32_t uid, struct file_id *ret)
{
	size_t len = strlen(path);
	struct budget *budget;
	struct reader *r;
	int error = -ETIMEDOUT;

	if (len >= sizeof(r->bytes))
		return -ENAMETOOLONG;
	r = reader_for(c, uid, &budget);
	if (r != NULL) {
		r->fd = -1;
		r->changed = false;
		memcpy(r->bytes, path, len + 1);
	}
	if (r != NULL && reader_ask(r, budget)) {
		error = (int)r->n;
		if (error == 0)
			*ret = r->file;
	}
	(void)pthread_mutex_unlock(&c->lock);
	return error;
}

ssize_t
cmdlines_changed(
    struct cmdlines *c, const char *path, struct file_state *state, char **ret)
{
	size_t len = strlen(path);
	struct budget *budget;
	struct reader *r;
	ssize_t n = -ETIMEDOUT;

	if (len >= sizeof(r->bytes))
		return -ENAMETOOLONG;
	r = reader_for(c, NOBODY, &budget);
	if (r != NULL) {
		r->fd = -1;
		r->changed = true;
		r->file_state = *state;
		r->text = NULL;
		memcpy(r->bytes, path, len + 1);
	}
	if (r != NULL && reader_ask(r, budget)) {
		n = r->n;
		*state = r->file_state;
		*ret = r->text;
		r->text = NULL;
	}
	(void)pthread_mutex_unlock(&c->lock);
	return n;
}

/* Those that wait still stay until they are done, and their memory with them.
 */
void
cmdlines_free(struct cmdlines *c)
{
	if (c == NULL)
		return;
	(void)pthread_mutex_lock(&c->lock);
	c->end = true;
	for (size_t i = 0; i < READERS_MAX; i++) {
		struct reader *r = c->v[i];

		if (r != NULL && r->state != READER_IDLE) {
			(void)pthread_detach(r->thread);
			r->outlives = true;
			c->refs++;
			c->v[i] = NULL;
		} else if (r != NULL) {
			(void)pthread_cond_signal(&r->asked);
		}
	}
	(void)pthread_mutex_unlock(&c->lock);
	for (size_t i = 0; i < READERS_MAX; i++) {
		if (c->v[i] == NULL)
			continue;
		(void)pthread_join(c->v[i]->thread, NULL);
		free(c->v[i]);
	}
	(void)pthread_mutex_lock(&c->lock);
	unref(c);
}
