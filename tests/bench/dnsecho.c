/* What a system call costs a DNS server: queries are taken and answered in
 * batches, each with one A record, and nothing is looked up. Also the upstream
 * of tests/bench/dns.sh.
 *
 *     dnsecho ADDRESS PORT
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 32

/* The question again, and an answer that points to it: an address by the name,
 * for one hour.
 * Returns the length; 0 where it is no query. */
static size_t
answer(uint8_t *msg, size_t len)
{
	static const uint8_t record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0,
		4, 198, 18, 0, 0 };
	uint16_t sum = 0;
	size_t at = 12;

	while (at < len && msg[at] != 0)
		at += (size_t)msg[at] + 1;
	for (size_t i = 12; i < at && i < len; i++)
		sum = (uint16_t)(sum * 31 + msg[i]);
	if (len < 17 || at + 5 > len)
		return 0;
	at += 5; /* an OPT is cut off */
	msg[2] = 0x81;
	msg[3] = 0x80;
	memset(msg + 6, 0, 6);
	msg[7] = 1;
	memcpy(msg + at, record, sizeof(record));
	msg[at + 14] = (uint8_t)(sum >> 8);
	msg[at + 15] = (uint8_t)sum;
	return at + sizeof(record);
}

int
main(int argc, char **argv)
{
	static uint8_t bytes[BATCH][1400];
	static struct sockaddr_in peers[BATCH];
	static struct mmsghdr in[BATCH], out[BATCH];
	static struct iovec iov[BATCH];
	struct sockaddr_in at = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), bytes_max = 4 << 20;

	if (argc != 3 || inet_pton(AF_INET, argv[1], &at.sin_addr) != 1) {
		fprintf(stderr, "usage: dnsecho ADDRESS PORT\n");
		return 2;
	}
	at.sin_port = htons((uint16_t)atoi(argv[2]));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes_max,
	    sizeof(bytes_max)); /* slower without */
	if (bind(fd, (void *)&at, sizeof(at)) < 0) {
		perror("dnsecho: bind");
		return 1;
	}
	for (;;) {
		unsigned int n_out = 0;
		int n;

		for (int i = 0; i < BATCH; i++) {
			iov[i] = (struct iovec){ bytes[i], sizeof(bytes[i]) };
			in[i].msg_hdr = (struct msghdr){ .msg_name = &peers[i],
				.msg_namelen = sizeof(peers[i]),
				.msg_iov = &iov[i],
				.msg_iovlen = 1 };
		}
		n = recvmmsg(fd, in, BATCH, MSG_WAITFORONE, NULL);
		for (int i = 0; i < n; i++) {
			iov[i].iov_len = answer(bytes[i], in[i].msg_len);
			if (iov[i].iov_len == 0)
				continue;
			out[n_out++].msg_hdr = in[i].msg_hdr;
		}
		if (n_out > 0 && sendmmsg(fd, out, n_out, 0) < 0)
			perror("dnsecho: sendmmsg");
	}
}
