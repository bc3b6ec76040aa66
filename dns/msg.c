#include "dns/msg.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

#include "dns/scrub.h"

int
msg_print_answers(const uint8_t *msg, size_t len, FILE *out)
{
	ldns_pkt *pkt = NULL;
	ldns_rr_list *answers;

	if (ldns_wire2pkt(&pkt, msg, len) != LDNS_STATUS_OK)
		return -EBADMSG;
	answers = ldns_pkt_answer(pkt);
	for (size_t i = 0; i < ldns_rr_list_rr_count(answers); i++)
		ldns_rr_print(out, ldns_rr_list_rr(answers, i));
	ldns_pkt_free(pkt);
	return ferror(out) ? -ENOMEM : 0;
}

void
msg_why(const uint8_t *msg, size_t len, char ret[ANSWER_EDE_MAX + 1])
{
	ldns_pkt *pkt = NULL;
	const ldns_rdf *options;
	int16_t ede;

	ret[0] = '\0';
	if (ldns_wire2pkt(&pkt, msg, len) != LDNS_STATUS_OK)
		return;
	options = ldns_pkt_edns_data(pkt);
	if (options != NULL)
		(void)scrub_ede(ldns_rdf_data(options), ldns_rdf_size(options),
		    &ede, ret); /* or none */
	ldns_pkt_free(pkt);
}

int
msg_record(const char *text, uint8_t *buf, size_t size)
{
	ldns_rr *rr = NULL;
	uint8_t *wire = NULL;
	size_t len = 0;
	int r = -EINVAL;

	if (ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL) != LDNS_STATUS_OK)
		return -EINVAL;
	if (ldns_rr2wire(&wire, rr, LDNS_SECTION_ANSWER, &len) ==
	    LDNS_STATUS_OK) {
		r = len <= size ? (int)len : -ENOSPC;
		if (r >= 0)
			memcpy(buf, wire, len);
		free(wire);
	}
	ldns_rr_free(rr);
	return r;
}
