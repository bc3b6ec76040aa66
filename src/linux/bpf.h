#ifndef LINUX_BPF_H
#define LINUX_BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/mono.h"
#include "src/core/actor.h"
#include "src/core/attr_sizes.h"

/* Programs in the kernel that say which process sends a packet, at the moment
 * it does, and which processes are born and become others. They look and
 * change nothing but for bpf_seal(), see this network namespace alone (births:
 * all), and are gone with the descriptors that hold them. After bpf_open() no
 * privilege is needed and no system call is made to read what they say. */
struct bpf;

struct flow_key;

/* What they say; text and bytes are borrowed until the call returns. */
struct bpf_ops {
	void (*use)(void *arg, const struct use *use);
	void (*fork)(void *arg, const struct fork *fork);
	void (*exec)(void *arg, const struct exec *exec);
	void (*exit)(void *arg, pid_t pid, uint64_t start);
	/* names from the group up to the root, each with a NUL behind it */
	void (*group)(void *arg, uint64_t id, const char *names, size_t len);
	/* nobody has this UDP socket any more */
	void (*closed)(void *arg, uint64_t inode);
	/* called by bpf_open() alone */
	void (*holds)(void *arg, const struct holding *holding);
	void *arg;
};

#define BPF_WHY_MAX 240

/* Loads them and tries them on this very process. 0; else -errno, and `why`
 * says in a few words what is missing: the build, the kernel's BTF, a kernel
 * that is new enough, a privilege, or what the verifier refused. */
int bpf_open(struct bpf **ret, const struct bpf_ops *ops,
    const struct attr_sizes *sizes, char why[BPF_WHY_MAX]);
void bpf_close(struct bpf *bpf); /* accepts NULL */

/* From now on packets are judged: one whose record the kernel has no room for
 * is dropped there, since nobody could say whose it is. apart: there are rules
 * for some starts of a program and not for others; one that would go on with
 * what was decided for another is dropped, too. */
void bpf_arm(struct bpf *bpf, bool apart);

/* From now on a packet of these families passes only with a mark, and with none
 * that denies it, whatever becomes of the tables: of those that are in place
 * none lets any other pass. One that is meant for a tunnel or the resolver
 * leaves by no device. May be called from any thread. */
void bpf_seal(struct bpf *bpf, bool ip4, bool ip6);

/* What of that can't be done here, and why; NULL: nothing. Borrowed. */
const char *bpf_seal_why(const struct bpf *bpf);

/* Who may answer a datagram that is let in now: socket by its inode, program
 * and user by the kernel's own numbers, exe_ino 0 where they are not known.
 * Another one that would do so before he has is told as one that has taken the
 * flow over. The flow has a socket of this host as local. */
struct bpf_hearer {
	uint64_t socket;
	uint64_t exe_dev, exe_ino;
	uint32_t uid;
};
void bpf_heard(struct bpf *bpf, const struct flow_key *key,
    const struct bpf_hearer *hearer);

/* Births are seen too; without them only what sends is. */
bool bpf_sees_births(const struct bpf *bpf);

/* Sockets that are closed are told: needs cgroup v2, and its root; in a
 * namespace of control groups those alone that are of this one. */
enum bpf_closes {
	BPF_CLOSES_NO,
	BPF_CLOSES_PART,
	BPF_CLOSES_ALL,
};
enum bpf_closes bpf_sees_closes(const struct bpf *bpf);

/* What was there before has been told, too. */
bool bpf_is_seeded(const struct bpf *bpf);

/* The next use is asked for soon, and the birth of who it is of: fetches them
 * meanwhile. */
void bpf_expect(const struct bpf *bpf);

/* Calls ops for what has been said since. The record of a packet is there
 * before the packet is in the queue, but may stand behind one that another CPU
 * is in the midst of writing: false, and the next call may bring it. */
bool bpf_uses(struct bpf *bpf);
void bpf_births(struct bpf *bpf);

/* Readable when so much waits that it should be taken, although nobody asks. */
int bpf_fd_uses(const struct bpf *bpf);
int bpf_fd_births(const struct bpf *bpf); /* closes, too; -1: no such */

/* What there was before, and each birth, exec and end since, has been told or
 * waits to be taken: there was room for all. */
bool bpf_heard_all(const struct bpf *bpf);

/* The kernel keeps what processes that live were started as where it had no
 * room to tell it: calls ops for all of them, unless nothing was lost since the
 * last time. 0; -EAGAIN: that was a moment ago, and some were, ask again later;
 * or -errno of the kernel's iterator, and they will be asked for again. */
int bpf_ask_missed(struct bpf *bpf, mono_t now);

/* Records that the kernel had no room for. */
uint64_t bpf_lost(const struct bpf *bpf);

#endif
