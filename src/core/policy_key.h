#ifndef CORE_POLICY_KEY_H
#define CORE_POLICY_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/core/policy_set.h"

/* What rules are filed under: kinds of keys. */
enum key_dim {
	KEY_EXE,
	KEY_SCRIPT,
	KEY_CMD,
	KEY_COMM,
	KEY_UNIT,
	KEY_PARENT,
	KEY_N_TEXTS, /* those above have three forms: see enum key_form */
	KEY_USER = KEY_N_TEXTS,
	KEY_GROUP,
	KEY_PROTO,
	KEY_PROCESS,
	KEY_FROM,
	KEY_TO,
	KEY_FROM_PORT,
	KEY_TO_PORT,
	KEY_DOMAIN, /* whole, or a suffix at a label */
	KEY_QTYPE,
	KEY_N_DIMS,
};

enum key_form {
	KEY_WHOLE,
	KEY_PREFIX, /* what a glob begins with */
	KEY_SUFFIX, /* what it ends with */
};

/* Longer beginnings and ends are cut. */
#define KEY_TEXT_MAX 255

struct key {
	uint64_t hash; /* of all of it */
	uint8_t dim;   /* enum key_dim */
	uint8_t form;  /* enum key_form, of texts */
	uint8_t len; /* of a beginning or end, in bytes; of a prefix, in bits */
	uint8_t family; /* of a prefix */
};

/* Which keys were made at all, so that a subject asks for no others. */
struct key_use {
	bool used[KEY_N_DIMS];
	/* bit n for a beginning (end) of n bytes */
	uint64_t prefixes[KEY_N_TEXTS][4], suffixes[KEY_N_TEXTS][4];
	/* from and to, IPv4 and IPv6: bit n for a prefix of n bits */
	uint64_t bits[2][2][3];
};

typedef void key_fn(void *arg, const struct key *key);

/* Ways to file under one match: its addresses, ids or texts; its ports. */
#define KEY_N_WAYS 2

/* The keys of one way to file an entry under its match m: every subject that
 * matches has one of them. False if there is no such set of keys; some may
 * have been given by then. */
bool key_of_match(
    const struct policy_match *m, unsigned int way, key_fn *fn, void *arg);

void key_note(struct key_use *use, const struct key *key);

/* Hashes of all keys that the subject has, of those in use. */
typedef void key_hash_fn(void *arg, uint64_t hash);
void key_of_subject(const struct key_use *use, const struct subject *subject,
    key_hash_fn *fn, void *arg);

#endif
