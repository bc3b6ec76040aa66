#ifndef BASE_NAME_H
#define BASE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets of a whole name (RFC 1035 section 2.3.4), and of one label. */
#define NAME_WIRE_MAX 255
#define NAME_LABEL_MAX 63

/* A domain name in its one canonical form: as on the wire, without
 * compression, ASCII letters lower case, the root's 0 at the end. So a dot or
 * a NUL within a label is no end of anything, equal names are equal bytes, and
 * each suffix of it is a name as well. Bytes past len are not set. */
struct name {
	uint8_t len; /* 1 (the root) to NAME_WIRE_MAX */
	uint8_t wire[NAME_WIRE_MAX];
};

/* Text as people write it: "Example.com", with or without the final dot, "."
 * for the root, \. and \DDD for bytes that have no other way. 0 or -EINVAL: no
 * name, an empty or too long label, too long, or a byte that is not printable
 * ASCII (a name in another script is to be given in its xn-- form). */
int name_parse(struct name *ret, const char *s, size_t len);

/* The uncompressed name at the start of wire[0..len): 0, or -EINVAL where it is
 * cut, too long, or holds a compression pointer. Any byte may stand in a
 * label. */
int name_from_wire(struct name *ret, const uint8_t *wire, size_t len);

/* What name_parse() reads back to the same name: no final dot but for the
 * root, foreign bytes as \DDD. Returns buf. */
#define NAME_TEXT_SIZE (4 * NAME_WIRE_MAX)
const char *name_format(const struct name *name, char buf[NAME_TEXT_SIZE]);

bool name_equal(const struct name *a, const struct name *b);

/* A walk over the suffixes, the whole name first: starts at name->wire, and
 * each step leaves out one label. NULL after the root. The rest of the name
 * from there is name_rest() bytes long. */
const uint8_t *name_step(const uint8_t *at);
size_t name_rest(const struct name *name, const uint8_t *at);

bool name_is_root(const struct name *name);
size_t name_n_labels(const struct name *name); /* the root has none */

/* True for `zone` itself and every name below it. */
bool name_in(const struct name *name, const struct name *zone);

/* A name that the program itself knows: aborts where the text is none. */
struct name name_of(const char *text);

#endif
