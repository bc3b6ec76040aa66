#include "src/core/procline.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "src/base/num.h"

#define CONTAINER_ID_LEN 64

/* linux/sched.h: not in the headers for programs, but stable since 2.6 */
#define FLAG_KTHREAD UINT64_C(0x00200000)

static bool
str_is(struct procline_str s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

static bool
str_ends(struct procline_str s, const char *end)
{
	size_t n = strlen(end);

	return s.len >= n && memcmp(s.p + s.len - n, end, n) == 0;
}

/* Cuts what stands before the first `c` off s; all of it where there is
 * none. */
static struct procline_str
str_cut(struct procline_str *s, char c)
{
	const char *at = s->len > 0 ? memchr(s->p, c, s->len) : NULL;
	struct procline_str head = { s->p,
		at != NULL ? (size_t)(at - s->p) : s->len };
	size_t used = head.len + (at != NULL ? 1 : 0);

	s->p += used;
	s->len -= used;
	return head;
}

static int
str_pid(pid_t *ret, struct procline_str s)
{
	uint64_t n;

	if (num_parse(&n, s.p, s.len, INT_MAX) != 0)
		return -EBADMSG;
	*ret = (pid_t)n;
	return 0;
}

/* Fields after comm, from state on (proc(5) counts it as the third). */
enum {
	STAT_STATE = 0,
	STAT_PPID = 1,
	STAT_FLAGS = 6,
	STAT_THREADS = 17,
	STAT_START = 19,
	STAT_FIELDS
};

int
procline_stat(struct procline_stat *ret, const char *s, size_t len)
{
	struct procline_stat st = { 0 };
	struct procline_str field[STAT_FIELDS], rest, head;
	const char *open = len > 0 ? memchr(s, '(', len) : NULL;
	const char *close = len > 0 ? memrchr(s, ')', len) : NULL;
	uint64_t flags;

	/* comm is the program's choice: only its outermost brackets count */
	if (open == NULL || close == NULL || close < open || open == s)
		return -EBADMSG;
	head = (struct procline_str){ s, (size_t)(open - s) - 1 };
	st.comm = (struct procline_str){ open + 1, (size_t)(close - open) - 1 };
	rest =
	    (struct procline_str){ close + 1, (size_t)(s + len - close) - 1 };
	if (open[-1] != ' ' || rest.len == 0 || *rest.p != ' ')
		return -EBADMSG;
	(void)str_cut(&rest, ' '); /* the blank after the bracket */
	for (size_t i = 0; i < STAT_FIELDS; i++)
		field[i] = str_cut(&rest, ' ');
	if (field[STAT_STATE].len != 1 || str_pid(&st.pid, head) != 0 ||
	    str_pid(&st.ppid, field[STAT_PPID]) != 0 ||
	    num_parse(&flags, field[STAT_FLAGS].p, field[STAT_FLAGS].len,
		UINT64_MAX) != 0 ||
	    num_parse(&st.threads, field[STAT_THREADS].p,
		field[STAT_THREADS].len, UINT64_MAX) != 0 ||
	    num_parse(&st.start, field[STAT_START].p, field[STAT_START].len,
		UINT64_MAX) != 0)
		return -EBADMSG;
	st.state = *field[STAT_STATE].p;
	st.kthread = (flags & FLAG_KTHREAD) != 0;
	*ret = st;
	return 0;
}

static bool
is_unit(struct procline_str s)
{
	static const char *const suffixes[] = { ".service", ".scope", ".slice",
		".socket", ".mount", ".swap" };

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (str_ends(s, suffixes[i]) && s.len > strlen(suffixes[i]))
			return true;
	return false;
}

static bool
is_container_id(struct procline_str s)
{
	if (s.len != CONTAINER_ID_LEN)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') &&
		    !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return true;
}

bool
procline_owns(struct procline_str part)
{
	return is_container_id(part) ||
	       (is_unit(part) && !str_ends(part, ".slice"));
}

bool
procline_container(struct procline_str part, struct procline_str *ret)
{
	static const char scope[] = ".scope", watcher[] = "conmon-";
	struct procline_str id = part;

	if (!is_container_id(part)) {
		if (!str_ends(part, scope))
			return false;
		part.len -= strlen(scope);
		if (part.len <= CONTAINER_ID_LEN)
			return false;
		id.len = CONTAINER_ID_LEN;
		part.len -= id.len;
		id.p = part.p + part.len;
		if (!is_container_id(id) || !str_ends(part, "-") ||
		    str_ends(part, watcher))
			return false;
	}
	*ret = id;
	return true;
}

/* What a service makes below itself ("foo.service/worker") is the service. */
struct procline_str
procline_unit(struct procline_str path)
{
	struct procline_str unit = { path.p, 0 };
	const char *owner = NULL;

	while (path.len > 0) {
		struct procline_str part = str_cut(&path, '/');
		const char *end = part.p + part.len;

		if (owner != NULL) {
			if (is_unit(part) || is_container_id(part))
				unit = (struct procline_str){ owner,
					(size_t)(end - owner) };
			continue;
		}
		if (procline_owns(part))
			owner = part.p;
		if (is_container_id(part))
			part.len = PROCLINE_CONTAINER_SHORT;
		if (is_unit(part) || owner != NULL)
			unit = part;
	}
	return unit;
}

int
procline_cgroup(struct procline_cgroup *ret, const char *s, size_t len)
{
	static const char gone[] = " (deleted)"; /* the group, not the name */
	struct procline_str text = { s, len }, v2 = { NULL, 0 };
	struct procline_str v1 = { NULL, 0 }, path;

	while (text.len > 0) {
		struct procline_str line = str_cut(&text, '\n');
		struct procline_str id = str_cut(&line, ':');
		struct procline_str controllers = str_cut(&line, ':');

		if (line.len == 0 || *line.p != '/')
			continue;
		if (str_is(id, "0") && controllers.len == 0)
			v2 = line;
		else if (str_is(controllers, "name=systemd"))
			v1 = line;
	}
	path = v2.p == NULL || (str_is(v2, "/") && v1.p != NULL) ? v1 : v2;
	if (path.p == NULL)
		return -EBADMSG;
	if (str_ends(path, gone))
		path.len -= strlen(gone);
	ret->path = path;
	ret->unit = procline_unit(path);
	return 0;
}

int
procline_socket(uint64_t *ret_inode, const char *s, size_t len)
{
	static const char head[] = "socket:[";
	size_t n = sizeof(head) - 1;
	uint64_t inode;

	if (len < n + 2 || memcmp(s, head, n) != 0 || s[len - 1] != ']')
		return -EBADMSG;
	if (num_parse(&inode, s + n, len - n - 1, UINT64_MAX) != 0)
		return -EBADMSG;
	*ret_inode = inode;
	return 0;
}

int
procline_last_pid(pid_t *ret, const char *s, size_t len)
{
	const char *blank;

	if (len > 0 && s[len - 1] == '\n')
		len--;
	blank = len > 0 ? memrchr(s, ' ', len) : NULL;
	if (blank == NULL)
		return -EBADMSG;
	return str_pid(ret,
	    (struct procline_str){ blank + 1, (size_t)(s + len - blank) - 1 });
}

int
procline_tgid(pid_t *ret, const char *s, size_t len)
{
	struct procline_str text = { s, len };

	while (text.len > 0) {
		struct procline_str line = str_cut(&text, '\n');
		struct procline_str key = str_cut(&line, '\t');

		if (str_is(key, "Tgid:"))
			return str_pid(ret, line);
	}
	return -EBADMSG;
}

size_t
procline_join(char *s, size_t len)
{
	while (len > 0 && s[len - 1] == '\0')
		len--;
	for (size_t i = 0; i < len; i++)
		if (s[i] == '\0')
			s[i] = ' ';
	return len;
}
