#include "tests/scenario/play.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/qtype.h"
#include "tests/scenario/stage.h"

/* Makes a query's bytes, so that query_parse() is tried too. */
static size_t
make_query(uint8_t *msg, const struct name *name, uint16_t type,
    unsigned int flags, int size, bool dnssec_ok)
{
	size_t len = WIRE_HEADER + name->len;

	memset(msg, 0, WIRE_HEADER);
	wire_put16(msg, 0x4711);
	wire_put16(msg + 2, flags);
	wire_put16(msg + 4, 1);
	memcpy(msg + WIRE_HEADER, name->wire, name->len);
	wire_put16(msg + len, type);
	wire_put16(msg + len + 2, CLASS_IN);
	len += 4;
	if (size == 0)
		return len;
	memset(msg + len, 0, WIRE_OPT_SIZE);
	msg[len + 2] = TYPE_OPT;
	wire_put16(msg + len + 3, (unsigned int)size);
	if (dnssec_ok)
		msg[len + 7] = 0x80;
	wire_put16(msg + 10, 1);
	return len + WIRE_OPT_SIZE;
}

/* The program that asks: who asked before, where it is the same one. */
static void
run(struct stage *s, const char *exe)
{
	if (s->process != NULL && strcmp(s->process->exe, exe) == 0)
		return;
	process_unref(s->process);
	s->process = process_new(PROCESS_PROGRAM);
	s->process->exe_here = true;
	(void)process_set(&s->process->exe, exe, strlen(exe));
}

static void
do_query(struct stage *s, char *words)
{
	char *type = strtok(words, " "), *word, *exe = NULL;
	struct name name = stage_name(s, strtok(NULL, " "));
	struct asking *a = calloc(1, sizeof(*a));
	unsigned int flags = WIRE_RD;
	uint8_t msg[600];
	uint16_t qtype = 0;
	int size = 1232;
	bool dnssec_ok = false;

	if (qtype_parse(&qtype, type, strlen(type)) < 0)
		stage_wrong(s, "no type", type);
	while ((word = strtok(NULL, " ")) != NULL) {
		if (strcmp(word, "do") == 0)
			dnssec_ok = true;
		else if (strcmp(word, "cd") == 0)
			flags |= WIRE_CD;
		else if (strcmp(word, "ad") == 0)
			flags |= WIRE_AD;
		else if (strcmp(word, "nord") == 0)
			flags &= ~(unsigned int)WIRE_RD;
		else if (strcmp(word, "tcp") == 0)
			a->client.tcp = true;
		else if (strcmp(word, "foreign") == 0)
			a->foreign = true;
		else if (strcmp(word, "noedns") == 0)
			size = 0;
		else if (strncmp(word, "size=", 5) == 0)
			size = atoi(word + 5);
		else if (strncmp(word, "by=", 3) == 0)
			exe = word + 3;
		else
			stage_wrong(s, "query: what is", word);
	}
	run(s, exe != NULL ? exe : "/bin/x");
	a->kind = query_parse(&a->query, msg,
	    make_query(msg, &name, qtype, flags, size, dnssec_ok));
	a->client.asker = asker_get(resolve_askers(s->r), s->process, NULL);
	a->out = s->answer;
	s->dropped = s->waits = false;
	s->answer_len = 0;
	if (!a->client.tcp && a->kind == QUERY_GOOD) /* as the server does */
		resolve_expect(s->r, &a, 1);
	switch (resolve_query(s->r, a, s->now)) {
	case RESOLVE_ANSWERED:
		s->answer_len = a->len;
		break;
	case RESOLVE_WAITING:
		s->waits = s->answer_len == 0;
		break;
	case RESOLVE_SILENT:
		s->dropped = true;
		break;
	}
	free(a);
}

static void
do_sent(struct stage *s, char *words)
{
	char *addr = strtok(words, " "), *word, buf[ADDR_STRLEN];
	struct flying *f = NULL;
	bool tcp = false, edns = true;

	for (size_t i = 0; i < s->n_flying && f == NULL; i++)
		if (!s->flying[i].seen)
			f = &s->flying[i];
	if (strcmp(addr, "nothing") == 0) {
		if (f != NULL)
			stage_wrong(s, "something was sent to",
			    addr_format(&f->attempt->upstream->spec.addr, buf));
		return;
	}
	if (f == NULL) {
		stage_wrong(s, "nothing was sent", NULL);
		return;
	}
	f->seen = true;
	while ((word = strtok(NULL, " ")) != NULL) {
		tcp = tcp || strcmp(word, "tcp") == 0;
		edns = edns && strcmp(word, "noedns") != 0;
	}
	addr_format(&f->attempt->upstream->spec.addr, buf);
	if (strcmp(buf, addr) != 0)
		stage_wrong(s, "it was sent to", buf);
	if (f->attempt->tcp != tcp)
		stage_wrong(s, tcp ? "not over TCP" : "over TCP", NULL);
	if (f->attempt->edns != edns)
		stage_wrong(s, edns ? "without EDNS" : "with EDNS", NULL);
}

/* The oldest question to that address (ADDR/tcp, ADDR/noedns, ADDR/new: one of
 * that kind) is no more under way. */
static struct attempt *
take_flying(struct stage *s, const char *addr, struct flying *ret)
{
	char buf[ADDR_STRLEN + 8];

	for (size_t i = 0; i < s->n_flying; i++) {
		struct attempt *attempt = s->flying[i].attempt;

		addr_format(&attempt->upstream->spec.addr, buf);
		if (strchr(addr, '/') != NULL)
			strcat(buf, attempt->tcp		   ? "/tcp"
				    : !attempt->edns		   ? "/noedns"
				    : attempt->doubt == DOUBT_NONE ? "/new"
								   : "");
		if (strcmp(buf, addr) != 0)
			continue;
		*ret = s->flying[i];
		memmove(s->flying + i, s->flying + i + 1,
		    (--s->n_flying - i) * sizeof(s->flying[0]));
		return attempt;
	}
	stage_wrong(s, "no question is on its way to", addr);
	return NULL;
}

static void
end_deserted(struct stage *s)
{
	size_t n = s->n_flying;

	s->n_flying = 0;
	for (size_t i = 0; i < n; i++) {
		struct flying f = s->flying[i];

		if (f.attempt->task == NULL)
			resolve_failed(s->r, f.attempt, -ETIMEDOUT, s->now);
		else
			s->flying[s->n_flying++] = f;
	}
}

static int
rcode_of(const char *word)
{
	ldns_lookup_table *row =
	    word != NULL ? ldns_lookup_by_name(ldns_rcodes, word) : NULL;

	return row != NULL ? row->id : -1;
}

static void
begin_reply(struct stage *s, char *words)
{
	struct flying f = { .attempt = NULL };
	char *addr = strtok(words, " "), *word;
	int rcode = rcode_of(strtok(NULL, " "));
	unsigned int flags = WIRE_QR | WIRE_RD | WIRE_RA;
	size_t off = WIRE_HEADER;
	struct name name;

	if (take_flying(s, addr, &f) == NULL)
		return;
	s->replying = f;
	if (rcode < 0)
		stage_wrong(s, "no such rcode", NULL);
	memset(s->counts, 0, sizeof(s->counts));
	s->reply_ede = -1;
	s->reply_badvers = false;
	s->reply_edns = f.attempt->edns;
	(void)wire_name_read(&name, f.msg, f.len, &off, false);
	s->reply_len = off + 4;
	memcpy(s->reply, f.msg, s->reply_len);
	while ((word = strtok(NULL, " ")) != NULL) {
		if (strcmp(word, "tc") == 0)
			flags |= WIRE_TC;
		else if (strcmp(word, "ad") == 0)
			flags |= WIRE_AD;
		else if (strncmp(word, "ede=", 4) == 0)
			s->reply_ede = atoi(word + 4);
		else if (strcmp(word, "noopt") == 0)
			s->reply_edns = false;
		else if (strcmp(word, "badvers") == 0)
			s->reply_badvers = true;
		else if (strcmp(word, "bare") == 0) {
			s->reply_len = WIRE_HEADER;
			s->reply_edns = false;
		} else if (strcmp(word, "lower") == 0)
			for (size_t i = WIRE_HEADER; i < off; i++)
				s->reply[i] = wire_lower(s->reply[i]);
		else if (strcmp(word, "request") == 0)
			flags &= ~(unsigned int)WIRE_QR;
		else if (strcmp(word, "twice") == 0) {
			memcpy(s->reply + s->reply_len, s->reply + WIRE_HEADER,
			    off + 4 - WIRE_HEADER);
			s->reply_len += off + 4 - WIRE_HEADER;
		} else
			stage_wrong(s, "reply: what is", word);
	}
	wire_put16(s->reply + 2, flags | (unsigned int)rcode);
	wire_put16(s->reply + 4, (unsigned int)((s->reply_len - WIRE_HEADER) /
						(off + 4 - WIRE_HEADER)));
	wire_put16(s->reply + 10, 0);
}

/* The reply is whole with the first line that is no record. */
static void
end_reply(struct stage *s)
{
	struct attempt *attempt = s->replying.attempt;
	struct flying f = s->replying;
	uint8_t *p = s->reply + s->reply_len;

	if (attempt == NULL)
		return;
	s->replying.attempt = NULL;
	if (s->reply_edns) {
		memset(p, 0, WIRE_OPT_SIZE);
		p[2] = TYPE_OPT;
		p[5] = s->reply_badvers ? 1 : 0;
		s->counts[2]++;
		s->reply_len += WIRE_OPT_SIZE;
		if (s->reply_ede >= 0) {
			p[10] = 6;
			wire_put16(p + 11, EDNS_OPTION_EDE);
			wire_put16(p + 13, 2);
			wire_put16(p + 15, (unsigned int)s->reply_ede);
			s->reply_len += 6;
		}
	}
	for (int i = 0; i < 3; i++)
		wire_put16(s->reply + 6 + 2 * i, s->counts[i]);
	if (resolve_fits(s->r, attempt, s->reply, s->reply_len)) {
		resolve_answer(s->r, attempt, s->reply, s->reply_len, s->now);
		return;
	}
	if (attempt->tcp) {
		resolve_failed(s->r, attempt, -EBADMSG, s->now);
		return;
	}
	/* the wait goes on, as the oldest one's */
	memmove(s->flying + 1, s->flying, s->n_flying++ * sizeof(s->flying[0]));
	s->flying[0] = f;
	if (attempt->doubt != DOUBT_NONE)
		resolve_doubted(s->r, attempt, s->now);
}

static void
do_time(struct stage *s, const char *word)
{
	uint64_t end = s->now.ns + (uint64_t)atoi(word) * MONO_MS;

	/* as a shell: at each moment that something is due */
	while (s->due.ns <= end) {
		s->now = s->due;
		s->due.ns = UINT64_MAX;
		resolve_due(s->r, s->now);
	}
	s->now.ns = end;
}

static int
ede_of(ldns_pkt *pkt)
{
	ldns_rdf *edns = ldns_pkt_edns_data(pkt);
	const uint8_t *p;

	if (edns == NULL)
		return -1;
	p = ldns_rdf_data(edns);
	for (size_t n = ldns_rdf_size(edns); n >= 4;) {
		size_t len = wire_u16(p + 2);

		if (wire_u16(p) == EDNS_OPTION_EDE)
			return wire_u16(p + 4);
		p += 4 + len;
		n -= 4 + len;
	}
	return -1;
}

static void
end_answer(struct stage *s)
{
	if (s->got == NULL)
		return;
	if (s->at[0] != ldns_rr_list_rr_count(ldns_pkt_answer(s->got)))
		stage_wrong(s, "there are more records in the answer", NULL);
	ldns_pkt_free(s->got);
	s->got = NULL;
}

static void
do_answer(struct stage *s, char *words)
{
	int rcode = rcode_of(strtok(words, " ")), ede = -1;
	bool tc = false, ad = false;
	char *word, what[200];
	size_t len = s->answer_len;

	if (len == 0 ||
	    ldns_wire2pkt(&s->got, s->answer, len) != LDNS_STATUS_OK) {
		stage_wrong(
		    s, len == 0 ? "there is no answer" : "no message", NULL);
		return;
	}
	s->at[0] = s->at[1] = 0;
	while ((word = strtok(NULL, " ")) != NULL) {
		if (strcmp(word, "tc") == 0)
			tc = true;
		else if (strcmp(word, "ad") == 0)
			ad = true;
		else if (strncmp(word, "ede=", 4) == 0)
			ede = atoi(word + 4);
		else if (strncmp(word, "size=", 5) == 0) {
			if (len != (size_t)atoi(word + 5))
				stage_wrong(s, "it is of another size", word);
		} else if (strncmp(word, "from=", 5) != 0)
			stage_wrong(s, "answer: what is", word);
		else if (strcmp(word + 5, record_from_name(s->from)) != 0)
			stage_wrong(s, "it is from", record_from_name(s->from));
	}
	snprintf(what, sizeof(what), "rcode %d tc %d ad %d ede %d",
	    ldns_pkt_get_rcode(s->got), ldns_pkt_tc(s->got),
	    ldns_pkt_ad(s->got), ede_of(s->got));
	if ((int)ldns_pkt_get_rcode(s->got) != rcode ||
	    ldns_pkt_tc(s->got) != tc || ldns_pkt_ad(s->got) != ad ||
	    ede_of(s->got) != ede)
		stage_wrong(s, "the answer has", what);
	if (ldns_pkt_id(s->got) != 0x4711 || !ldns_pkt_qr(s->got) ||
	    !ldns_pkt_ra(s->got) || ldns_pkt_aa(s->got))
		stage_wrong(s, "its header is not right", NULL);
	s->answer_len = 0;
}

static void
expect_record(struct stage *s, const char *kind, const char *text)
{
	int section = strcmp(kind, "au") == 0;
	ldns_rr_list *list =
	    section ? ldns_pkt_authority(s->got) : ldns_pkt_answer(s->got);
	ldns_rr *want = NULL, *have = ldns_rr_list_rr(list, s->at[section]);
	char *shown;

	if (ldns_rr_new_frm_str(&want, text, 0, NULL, NULL) != LDNS_STATUS_OK) {
		stage_wrong(s, "no record", text);
		return;
	}
	if (have == NULL) {
		stage_wrong(s, "the answer has no such record", text);
	} else if (ldns_rr_compare(want, have) != 0 ||
		   ldns_rr_ttl(want) != ldns_rr_ttl(have)) {
		shown = ldns_rr2str(have);
		stage_wrong(s, "the record is", shown);
		free(shown);
	}
	s->at[section]++;
	ldns_rr_free(want);
}

static void
add_record(struct stage *s, const char *kind, const char *text)
{
	int section = strcmp(kind, "an") == 0	? 0
		      : strcmp(kind, "au") == 0 ? 1
						: 2;
	int n = msg_record(text, s->reply + s->reply_len,
	    sizeof(s->reply) - s->reply_len - 64);

	if (n < 0) {
		stage_wrong(s, "no record", text);
		return;
	}
	s->reply_len += (size_t)n;
	s->counts[section]++;
}

static void
act(struct stage *s, const char *verb, char *rest)
{
	struct flying f;
	struct attempt *attempt;
	struct name name;
	bool more;

	stage_configure(s);
	if (strcmp(verb, "query") == 0)
		do_query(s, rest);
	else if (strcmp(verb, "new-rules") == 0)
		stage_set_rules(s, rest);
	else if (strcmp(verb, "new-settings") == 0)
		stage_reconfigure(s);
	else if (strcmp(verb, "sent") == 0)
		do_sent(s, rest);
	else if (strcmp(verb, "reply") == 0)
		begin_reply(s, rest);
	else if (strcmp(verb, "refuse-send") == 0)
		snprintf(s->dead, sizeof(s->dead), "%s", rest);
	else if (strcmp(verb, "time") == 0)
		do_time(s, rest);
	else if (strcmp(verb, "sleep") == 0)
		resolve_slept(s->r, (uint64_t)atoi(rest) * MONO_MS);
	else if (strcmp(verb, "other-network") == 0)
		resolve_forgive(s->r);
	else if (strcmp(verb, "answer") == 0)
		do_answer(s, rest);
	else if (strcmp(verb, "fail") == 0) {
		attempt = take_flying(s, rest, &f);
		if (attempt != NULL)
			resolve_failed(s->r, attempt, -ECONNREFUSED, s->now);
	} else if (strcmp(verb, "barred") == 0) {
		attempt = take_flying(s, rest, &f);
		if (attempt != NULL)
			resolve_failed(s->r, attempt, -EPERM, s->now);
	} else if (strcmp(verb, "over") == 0) {
		end_deserted(s);
	} else if (strcmp(verb, "silent") == 0) {
		if (!s->dropped || s->answer_len > 0)
			stage_wrong(s, "it is not silent", NULL);
	} else if (strcmp(verb, "waiting") == 0) {
		if (!s->waits)
			stage_wrong(s, "it does not wait", NULL);
	} else if (strcmp(verb, "flush") == 0) {
		name = stage_name(s, rest[0] != '\0' ? rest : ".");
		(void)resolve_flush(s->r, &name, &more);
	} else
		stage_wrong(s, "what is", verb);
}

static void
play_line(struct stage *s, char *line)
{
	char *verb = line + strspn(line, " \t"), *rest;
	bool record;

	line[strcspn(line, "\n")] = '\0';
	if (*verb == '#')
		return;
	rest = verb + strcspn(verb, " ");
	if (*rest != '\0')
		*rest++ = '\0';
	rest += strspn(rest, " ");
	record = strcmp(verb, "an") == 0 || strcmp(verb, "au") == 0 ||
		 strcmp(verb, "ad") == 0;
	if (record && s->got != NULL) {
		expect_record(s, verb, rest);
		return;
	}
	if (record && s->replying.attempt != NULL) {
		add_record(s, verb, rest);
		return;
	}
	end_reply(s);
	end_answer(s);
	if (*verb != '\0' && !stage_set_up(s, verb, rest))
		act(s, verb, rest);
}

int
play(const char *path)
{
	struct stage *s = stage_new(path);
	char line[4096];
	FILE *f = fopen(path, "r");
	int bad;

	if (f == NULL)
		stage_wrong(s, "it can't be read", strerror(errno));
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		s->line++;
		play_line(s, line);
	}
	end_reply(s);
	end_answer(s);
	stage_configure(s);
	bad = s->bad;
	stage_free(s);
	if (f != NULL)
		fclose(f);
	return bad;
}
