#include "src/port17_own.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "port17/listen_ev.h"
#include "port17/udp_ev.h"
#include "src/base/log.h"
#include "src/core/mark.h"
#include "src/linux/ct.h"
#include "src/taker.h"

/* Everybody may bind the entry's port, where we have not done so: between two
 * lives of this daemon, or as a port that the kernel picks. Whoever has it gets
 * what rules send there: until it is ours nothing is. */

static struct taken
place_of(size_t i)
{
	static const char *const where[2] = { PORT17_IP4, PORT17_IP6 };
	struct taken place = { .port = PORT17_PORT,
		.proto = i < 2 ? IPPROTO_TCP : IPPROTO_UDP };

	(void)addr_parse(&place.addr, where[i % 2], strlen(where[i % 2]));
	return place;
}

static int
error_of(const struct port17_ev *p17, uint8_t proto, enum addr_family family)
{
	return proto == IPPROTO_TCP ? listener_error(p17->listener, family)
				    : udp_error(p17->udp, family);
}

/* A host without IPv6 has no ::1. */
static bool
is_missing(const struct taken *place, int error)
{
	return place->addr.family == ADDR_IP6 &&
	       (error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL);
}

/* How long it is. */
static size_t
print_absent(struct port17_ev *p17, size_t i, char *buf, size_t size)
{
	struct taken place = place_of(i);
	const char *proto = place.proto == IPPROTO_TCP ? "TCP" : "UDP";
	const struct process *proc = NULL;
	char addr[ADDR_STRLEN], exe[256];
	int n;

	addr_format(&place.addr, addr);
	if (p17->absent[i] == -EADDRINUSE)
		proc = taker_find(p17->opts.diag, p17->opts.procfs, &place);
	if (proc != NULL)
		n = snprintf(buf, size, "%s port %u (%s) is taken by %s[%d]",
		    addr, place.port, proto,
		    log_quote(proc->exe, exe, sizeof(exe)), (int)proc->pid);
	else
		n = snprintf(buf, size, "%s port %u (%s): %s", addr, place.port,
		    proto, strerror(-p17->absent[i]));
	process_unref(proc);
	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

static void
note_deaf(struct port17_ev *p17)
{
	size_t at = 0;

	p17->deaf[0] = '\0';
	for (size_t i = 0; i < PORT17_ENTRIES; i++) {
		size_t n = at > 0 ? 2 : 0;

		if (p17->absent[i] == 0 || at + n >= sizeof(p17->deaf))
			continue;
		memcpy(p17->deaf + at, "; ", n);
		n += print_absent(
		    p17, i, p17->deaf + at + n, sizeof(p17->deaf) - at - n);
		at += n;
	}
	p17->deaf[at] = '\0';
}

/* Of flows that were sent there before the kernel remembers it: they are judged
 * again. */
static void
stop_flows(void)
{
	uint64_t n = 0;
	int r = ct_clear_marks(MARK_PORT17, MARK_PORT17, &n);

	if (r < 0)
		log_warning("port17",
		    "flows of before may go to who has the entry's port: %s",
		    strerror(-r));
}

/* For now; it says nothing of who has the port. */
static bool
is_short(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM ||
	       error == -ENOBUFS;
}

void
port17_ev_second(struct port17_ev *p17)
{
	bool news = false;

	listener_open(p17->listener);
	udp_open(p17->udp);
	for (size_t i = 0; i < PORT17_ENTRIES; i++) {
		struct taken place = place_of(i);
		int error = error_of(p17, place.proto, place.addr.family);

		if (is_missing(&place, error))
			error = 0;
		if (is_short(error) || error == p17->absent[i])
			continue;
		p17->absent[i] = error;
		news = true;
	}
	if (!news)
		return;
	note_deaf(p17);
	if (p17->deaf[0] != '\0')
		log_error("port17",
		    "the entry for tunnels can't be opened, what is rerouted "
		    "there is denied, and it is tried again each second: %s",
		    p17->deaf);
	else
		log_info("port17", "the entry for tunnels is open now");
}

void
port17_listen(struct port17_ev *p17)
{
	port17_ev_second(p17);
	if (p17->deaf[0] != '\0')
		stop_flows();
}

bool
port17_ev_listens(const struct port17_ev *p17, const struct packet *pkt)
{
	uint8_t proto = pkt->tuple.proto;

	return (proto != IPPROTO_TCP && proto != IPPROTO_UDP) ||
	       error_of(p17, proto, pkt->tuple.src.family) == 0;
}

const char *
port17_ev_deaf(const struct port17_ev *p17)
{
	return p17->deaf;
}
