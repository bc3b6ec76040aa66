#ifndef PORT17_DGRAM_H
#define PORT17_DGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "port17/sock.h"

/* Datagrams by the batch. Those of equal size that follow each other on one
 * way are one message of many segments, as the kernel hands them (UDP_GRO) and
 * takes them (UDP_SEGMENT): it walks its tables once for all of them. */

/* One system call's. */
#define DGRAM_BATCH 32
#define DGRAM_MAX 65536

/* What a wake-up reads. */
struct dgrams;

struct dgram {
	const struct sock_addr *from;
	struct iovec bytes;
	uint16_t segment; /* 0, or the size of those that lie in it, but for the
			   * last: that may be shorter */
	bool lost_known;
	uint32_t lost; /* SO_RXQ_OVFL: since the socket is there */
};

struct dgrams *dgrams_new(void); /* NULL: no memory */
void dgrams_free(struct dgrams *dgrams);

/* Up to DGRAM_BATCH that wait; 0: none; -errno. They are there until the next
 * call. */
int dgrams_read(struct dgrams *dgrams, int fd);
struct dgram dgrams_get(const struct dgrams *dgrams, unsigned int i);

/* The socket hands over several of a size as one. Failure does not matter. */
void dgram_merge(int fd);

/* What a wake-up sends. Bytes, addresses and sockets are borrowed until
 * dgram_out_flush(). */
struct dgram_out;

struct dgram_to {
	int fd;
	bool *single; /* of the socket: set where it can't take segments */
	int *error;   /* set to the errno where no way is left from it; NULL */
	const void *way;	    /* equal ways may share a message */
	const struct sock_addr *to; /* copied; NULL: where it is connected */
};

struct dgram_out *dgram_out_new(void); /* NULL: no memory */
void dgram_out_free(struct dgram_out *out);

/* One datagram; or several, of size `segment`, the last may be shorter. It
 * has a head in front of each, where head_len is not 0. */
struct dgram_in {
	const void *head, *bytes;
	size_t head_len, len, segment;
};
void dgram_out_add(struct dgram_out *out, const struct dgram_to *to,
    const struct dgram_in *in);

/* Sends what was added: how many were lost of them since the last call. */
unsigned int dgram_out_flush(struct dgram_out *out);

#endif
