#include "src/linux/procnet.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/mono.h"

/* The kernel takes time that is quadratic in the number of UDP sockets to
 * print them (3 s for 50,000): what it can't print in this time is not read.
 * Time of this thread alone: where other programs have the processor, a short
 * table is not a long one. */
#define READ_MAX_NS (4 * MONO_MS)

/* For those of TCP it goes through a hash table that is as large as the machine
 * (3 ms for 262,144 places), however few connections there are. */
#define READ_TCP_NS (16 * MONO_MS)

/* Large reads: the kernel starts each one by skipping what it has printed. */
#define CHUNK 32768

struct search {
	enum netline_table table;
	const struct flow_key *key;
	bool in;
	unsigned int score; /* the best so far */
	bool ambiguous;	    /* another socket fits as well */
	struct netline best;
};

static void
search_line(struct search *search, const char *s, size_t len)
{
	struct netline line;
	unsigned int score;

	if (netline_parse(&line, search->table, s, len) != 0)
		return; /* a header, or a form we don't know: not our socket */
	score = netline_score(&line, search->table, search->key, search->in);
	if (score == 0 || score < search->score)
		return;
	if (score == search->score) {
		if (line.inode != search->best.inode)
			search->ambiguous = true;
		return;
	}
	search->score = score;
	search->ambiguous = false;
	search->best = line;
}

/* Hands over the whole lines in buf[0..len) and moves the rest to its start;
 * returns the length of the rest. */
static size_t
search_chunk(struct search *search, char *buf, size_t len)
{
	size_t at = 0;

	while (at < len) {
		const char *end = memchr(buf + at, '\n', len - at);

		if (end == NULL)
			break;
		search_line(search, buf + at, (size_t)(end - buf) - at);
		at = (size_t)(end - buf) + 1;
	}
	if (at == 0 && len == CHUNK)
		return 0; /* no line is that long: drop it */
	memmove(buf, buf + at, len - at);
	return len - at;
}

static int
search_fd(struct search *search, int fd)
{
	mono_t end = mono_add(mono_work(),
	    search->table == NETLINE_TCP ? READ_TCP_NS : READ_MAX_NS);
	char buf[CHUNK];
	size_t len = 0;

	for (;;) {
		ssize_t n = read(fd, buf + len, sizeof(buf) - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		len = search_chunk(search, buf, len + (size_t)n);
		if (mono_before(end, mono_work()))
			return -ETIMEDOUT;
	}
}

/* 0 also when there is no such table: the kernel lacks the protocol. */
static int
search_file(struct search *search, const char *name)
{
	char path[64];
	int fd, r;

	(void)snprintf(path, sizeof(path), "/proc/net/%s", name); /* short */
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = search_fd(search, fd);
	(void)close(fd); /* only read from */
	return r;
}

static const char *
table_name(enum netline_table table, const struct flow_key *key)
{
	switch (table) {
	case NETLINE_TCP:
		return "tcp";
	case NETLINE_UDP:
		return key->proto == IPPROTO_UDPLITE ? "udplite" : "udp";
	case NETLINE_ICMP:
		return "icmp";
	case NETLINE_RAW:
		return "raw";
	case NETLINE_SCTP_ASSOCS:
		return "sctp/assocs";
	case NETLINE_SCTP_EPS:
		return "sctp/eps";
	}
	return "";
}

static int
search_tables(struct search *search, const char *name)
{
	bool sctp = search->table == NETLINE_SCTP_ASSOCS ||
		    search->table == NETLINE_SCTP_EPS;
	char name6[16];
	int r = 0;

	if (sctp) /* one table for both families */
		return search_file(search, name);
	(void)snprintf(name6, sizeof(name6), "%s6", name); /* short */
	if (search->key->local.family == ADDR_IP4)
		r = search_file(search, name);
	/* a socket for both families is in the table of IPv6 */
	if (r == 0 &&
	    (search->key->local.family == ADDR_IP6 ||
		search->table == NETLINE_TCP || search->table == NETLINE_UDP))
		r = search_file(search, name6);
	return r;
}

void
procnet_find(enum netline_table table, const struct flow_key *key, bool in,
    struct socket_facts *ret)
{
	struct search search = { .table = table, .key = key, .in = in };
	int r = search_tables(&search, table_name(table, key));

	if (r != 0) {
		ret->status = SOCKET_FAILED;
	} else if (search.score == 0 || search.ambiguous) {
		ret->status = SOCKET_NONE;
	} else {
		ret->status = SOCKET_FOUND;
		ret->by = BY_PROC_NET;
		ret->inode = search.best.inode;
		ret->uid = search.best.uid;
		ret->connected = table == NETLINE_UDP && search.best.rport != 0;
	}
}
