/* What a relay passes on that is no plain byte: the goodbye of TLS where there
 * is no room for it yet; urgent bytes, between others, in what is copied and in
 * what is spliced; and resets, of who had ended before, and of what could not
 * be relayed. */
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "port17/leg_ev.h"
#include "port17/relay_ev.h"
#include "src/base/inodes.h"
#include "src/base/mono.h"

#define PATIENCE_NS (20 * MONO_S)
#define BULK ((size_t)3 << 20)

static struct event_base *base;
static struct legs *legs;
static struct relay_set *relays;
static int n_ended;

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static void
ended(void *arg, enum closed closed, const struct relay_bytes *bytes)
{
	(void)arg;
	(void)closed;
	(void)bytes;
	n_ended++;
}

static bool
turn(mono_t end)
{
	if (event_base_loop(base, EVLOOP_NONBLOCK) < 0)
		fail("the loop ends");
	return mono_before(mono_now(), end);
}

static mono_t
in_time(void)
{
	return mono_add(mono_now(), PATIENCE_NS);
}

/* Both non-blocking. */
static void
tcp_pair(int ret[2])
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	ret[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || ret[0] < 0 ||
	    bind(listener, (struct sockaddr *)&at, len) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &len) < 0 ||
	    connect(ret[0], (struct sockaddr *)&at, len) < 0)
		fail("connect");
	ret[1] = accept(listener, NULL, NULL);
	if (ret[1] < 0)
		fail("accept");
	(void)close(listener);
	for (int i = 0; i < 2; i++)
		if (evutil_make_socket_nonblocking(ret[i]) < 0)
			fail("non-blocking");
}

static struct leg *
leg_of(int fd, bool exact)
{
	struct leg *leg;

	if (leg_open(&leg, legs, fd, false) < 0)
		fail("leg_open");
	leg->exact = exact;
	return leg;
}

static void
relay_of(struct leg *program, struct leg *far)
{
	const struct relay_opts opts = { .program = program, .far = far };
	struct relay *relay;

	n_ended = 0;
	if (relay_new(&relay, relays, &opts) < 0)
		fail("relay_new");
}

/* The goodbye -------------------------------------------------------------- */

static SSL_CTX *
server_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();

	if (context == NULL || key == NULL || cert == NULL ||
	    X509_gmtime_adj(X509_getm_notBefore(cert), 0) == NULL ||
	    X509_gmtime_adj(X509_getm_notAfter(cert), 3600) == NULL ||
	    X509_set_pubkey(cert, key) != 1 ||
	    X509_sign(cert, key, EVP_sha256()) == 0 ||
	    SSL_CTX_use_certificate(context, cert) != 1 ||
	    SSL_CTX_use_PrivateKey(context, key) != 1)
		fail("a certificate");
	X509_free(cert);
	EVP_PKEY_free(key);
	return context;
}

static void
shake_hands(SSL *a, SSL *b)
{
	int done_a = 0, done_b = 0;

	for (int i = 0; i < 100 && (done_a != 1 || done_b != 1); i++) {
		done_a = SSL_do_handshake(a);
		done_b = SSL_do_handshake(b);
	}
	if (done_a != 1 || done_b != 1)
		fail("TLS");
}

/* With TLS between the two, as a dial leaves it. */
static struct leg *
tls_leg(int ret_end[1], SSL **ret_peer)
{
	SSL_CTX *client = SSL_CTX_new(TLS_client_method());
	SSL_CTX *server = server_context();
	struct leg *leg;
	int fds[2];

	if (client == NULL ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		fail("socketpair");
	leg = leg_of(fds[0], false);
	leg->ssl = SSL_new(client);
	*ret_peer = SSL_new(server);
	if (leg->ssl == NULL || *ret_peer == NULL ||
	    SSL_set_fd(leg->ssl, fds[0]) != 1 ||
	    SSL_set_fd(*ret_peer, fds[1]) != 1)
		fail("SSL_new");
	SSL_set_connect_state(leg->ssl);
	SSL_set_accept_state(*ret_peer);
	shake_hands(leg->ssl, *ret_peer);
	SSL_CTX_free(client);
	SSL_CTX_free(server);
	ret_end[0] = fds[1];
	return leg;
}

/* The zeros that it was filled with are no TLS; what comes behind is. */
static bool
says_more(int fd)
{
	char buf[65536];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != 0)
				return true;
	return false;
}

/* Whether the loop has a timer that is so far away. */
static int
is_far(const struct event_base *of, const struct event *event, void *arg)
{
	const time_t *least = arg;
	struct timeval now, at;

	(void)of;
	return event_pending(event, EV_TIMEOUT, &at) &&
	       gettimeofday(&now, NULL) == 0 && at.tv_sec - now.tv_sec > *least;
}

static bool
has_limit(time_t least)
{
	return event_base_foreach_event(base, is_far, &least) == 1;
}

static bool
goodbye_waits_for_room(void)
{
	static const char zeros[4096];
	mono_t end = in_time();
	int program[2], far;
	struct leg *leg;
	bool said, limited;
	SSL *peer;

	tcp_pair(program);
	leg = tls_leg(&far, &peer);
	while (send(leg->fd, zeros, sizeof(zeros), MSG_NOSIGNAL) > 0)
		;
	relay_of(leg_of(program[1], true), leg);
	if (shutdown(program[0], SHUT_WR) < 0)
		fail("shutdown");
	for (int i = 0; i < 100; i++)
		(void)turn(end);
	limited = has_limit(3000); /* the hour of who is half over */
	if (!limited)
		puts("it would wait for ever");
	do
		said = says_more(far);
	while (!said && turn(end));
	/* and both sides end */
	(void)close(far);
	(void)close(program[0]);
	while (n_ended == 0 && turn(end))
		;
	SSL_free(peer);
	return said && limited && n_ended == 1;
}

/* Urgent bytes ------------------------------------------------------------- */

enum pace {
	AT_ONCE, /* whatever was heard */
	SLOWLY,	 /* nothing behind the mark until that was heard */
	ALONE,	 /* nor the mark until all before it was */
};

/* What the program says, what the far end has got, and whether that ended. */
struct talk {
	int program, far;
	size_t said, heard;
	bool marked, ended;
	enum pace pace;
	bool whole; /* the mark was where it belongs, and once */
	unsigned int marks;
};

static void
say(struct talk *talk, size_t before, size_t behind)
{
	static const char zeros[65536];

	while (talk->said < before + behind) {
		size_t left = talk->said < before
				  ? before - talk->said
				  : before + behind - talk->said;
		ssize_t n;

		if (talk->said == before && !talk->marked) {
			if (talk->pace == ALONE && talk->heard < before)
				return;
			if (send(talk->program, "!", 1, MSG_OOB) != 1)
				return;
			talk->marked = true;
		}
		if (talk->marked && talk->pace != AT_ONCE && talk->marks == 0)
			return;
		n = send(talk->program, zeros,
		    left < sizeof(zeros) ? left : sizeof(zeros), 0);
		if (n < 0)
			return;
		talk->said += (size_t)n;
	}
}

static void
hear(struct talk *talk, size_t before)
{
	static char buf[65536];
	ssize_t n;

	while ((n = recv(talk->far, buf, sizeof(buf), 0)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != 0)
				talk->whole =
				    talk->heard + (size_t)i == before &&
				    ++talk->marks == 1;
		talk->heard += (size_t)n;
	}
	talk->ended = n == 0;
}

/* Bytes, an urgent one, and bytes; and, where `ends`, an end. */
static bool
urgent_arrives(size_t before, size_t behind, bool ends, enum pace pace)
{
	static const int on = 1;
	struct talk talk = { .pace = pace };
	mono_t end = in_time();
	int program[2], far[2];
	bool shut = false;

	tcp_pair(program);
	tcp_pair(far);
	talk.program = program[0];
	talk.far = far[0];
	if (setsockopt(far[0], SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)) < 0)
		fail("SO_OOBINLINE");
	say(&talk, before, behind);
	relay_of(leg_of(program[1], true), leg_of(far[1], true));
	do {
		say(&talk, before, behind);
		if (ends && !shut && talk.said == before + behind)
			shut = shutdown(program[0], SHUT_WR) == 0;
		hear(&talk, before);
	} while ((talk.heard < before + behind + 1 || talk.ended != ends) &&
		 turn(end));
	printf("%zu and %zu, %s: %zu came, the urgent one %s\n", before, behind,
	    ends ? "an end" : "no end", talk.heard,
	    talk.whole ? "in its place" : "did not");
	(void)close(program[0]);
	(void)close(far[0]);
	while (n_ended == 0 && turn(end))
		;
	return talk.whole && talk.heard == before + behind + 1 &&
	       talk.ended == ends;
}

/* Resets behind an end ----------------------------------------------------- */

/* One side ends, and breaks it off then; the other one, which says nothing,
 * sees both. */
static bool
reset_arrives(bool by_program)
{
	static const struct linger now = { .l_onoff = 1, .l_linger = 0 };
	mono_t end = in_time();
	int program[2], far[2], from, to;
	char byte;

	tcp_pair(program);
	tcp_pair(far);
	from = by_program ? program[0] : far[0];
	to = by_program ? far[0] : program[0];
	relay_of(leg_of(program[1], true), leg_of(far[1], true));
	if (shutdown(from, SHUT_WR) < 0)
		fail("shutdown");
	while (recv(to, &byte, 1, 0) < 0 && turn(end))
		;
	if (setsockopt(from, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) < 0)
		fail("SO_LINGER");
	(void)close(from);
	while (n_ended == 0 && turn(end))
		;
	(void)close(to);
	return n_ended == 1;
}

/* A socket that can't be watched, since it is already. */
static bool
is_reset_unwatched(void)
{
	struct leg *leg, *other;
	int pair[2], error;
	char byte;

	tcp_pair(pair);
	leg = leg_of(pair[1], true);
	if (leg_open(&other, legs, leg->fd, false) == 0)
		fail("watched twice");
	error = recv(pair[0], &byte, 1, 0) < 0 ? errno : 0;
	(void)dup2(pair[0], leg->fd); /* its own is closed */
	leg_close(leg);
	(void)close(pair[0]);
	return error == ECONNRESET;
}

int
main(void)
{
	struct inodes *own = inodes_new();
	bool good;

	base = event_base_new();
	if (base == NULL || own == NULL ||
	    legs_new(&legs, base, own, NULL, NULL) < 0 ||
	    relay_set_new(&relays, base, ended) < 0)
		fail("start");
	good = goodbye_waits_for_room();
	printf("goodbye: %s\n", good ? "said" : "not said, or no end");
	good = urgent_arrives(3, 3, false, AT_ONCE) && good;
	good = urgent_arrives(3, 3, false, SLOWLY) && good;
	good = urgent_arrives(3, 3, true, ALONE) && good;
	good = urgent_arrives(BULK, BULK, true, SLOWLY) && good;
	good = urgent_arrives(BULK, BULK, true, ALONE) && good;
	good = urgent_arrives(3, 3, true, AT_ONCE) && good;
	good = urgent_arrives(BULK, BULK, false, AT_ONCE) && good;
	good = urgent_arrives(BULK, BULK, true, AT_ONCE) && good;
	good = urgent_arrives(BULK, 3, true, AT_ONCE) && good;
	for (int i = 0; i < 2; i++) {
		bool seen = reset_arrives(i == 0);

		printf("a reset by the %s: %s\n",
		    i == 0 ? "program" : "far end", seen ? "seen" : "not seen");
		good = seen && good;
	}
	if (!is_reset_unwatched()) {
		printf("what can't be watched ends as if all were well\n");
		good = false;
	}
	relay_set_free(relays);
	legs_free(legs);
	inodes_free(own);
	event_base_free(base);
	return good ? 0 : 1;
}
