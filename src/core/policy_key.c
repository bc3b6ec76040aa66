#include "src/core/policy_key.h"

#include <string.h>

#include "src/core/glob.h"

/* A port range of more is no way to file a rule. */
#define PORTS_MAX 16

/* Finalizer of MurmurHash3: spreads every bit. */
static uint64_t
mix(uint64_t h)
{
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

static uint64_t
hash_start(unsigned int dim)
{
	return UINT64_C(0xcbf29ce484222325) + dim;
}

/* FNV-1a, so that every beginning of a text is hashed on the way. */
static uint64_t
hash_byte(uint64_t h, char c)
{
	return (h ^ (uint8_t)c) * UINT64_C(0x100000001b3);
}

static uint64_t
hash_form(uint64_t h, enum key_form form)
{
	return mix(h + (uint64_t)form * UINT64_C(0x9e3779b97f4a7c15));
}

static uint64_t
hash_number(unsigned int dim, uint64_t n)
{
	return mix(mix(hash_start(dim)) ^ n);
}

/* The first `bits` bits of the address. */
static uint64_t
hash_prefix(unsigned int dim, const struct addr *addr, unsigned int bits)
{
	uint8_t bytes[16] = { 0 };
	uint64_t half[2];

	memcpy(bytes, addr->bytes, bits / 8);
	if (bits % 8 != 0)
		bytes[bits / 8] =
		    (uint8_t)(addr->bytes[bits / 8] & (0xff00 >> bits % 8));
	memcpy(half, bytes, sizeof(half));
	return mix(
	    mix(hash_number(dim, addr->family + 8 * bits) ^ half[0]) ^ half[1]);
}

static uint64_t
hash_text(unsigned int dim, const struct key *key, const char *s, size_t len)
{
	uint64_t h = hash_start(dim);

	for (size_t i = 0; i < len; i++)
		h = hash_byte(h, s[key->form == KEY_SUFFIX ? len - 1 - i : i]);
	return hash_form(h, key->form);
}

/* Keys of rules ------------------------------------------------------------ */

/* Bits that all addresses of the range begin with. */
static unsigned int
common_bits(const struct addr_range *r)
{
	unsigned int bits = (unsigned int)addr_len(&r->lo) * 8;

	for (unsigned int i = 0; i < bits; i++)
		if (((r->lo.bytes[i / 8] ^ r->hi.bytes[i / 8]) &
			(0x80 >> i % 8)) != 0)
			return i;
	return bits;
}

static bool
keys_of_addrs(const struct policy_match *m, uint8_t dim, key_fn *fn, void *arg)
{
	if (m->all_addrs || m->addrs.scopes != 0)
		return false;
	for (size_t i = 0; i < m->addrs.n_ranges; i++) {
		const struct addr_range *r = &m->addrs.ranges[i];
		struct key key = { .dim = dim,
			.len = (uint8_t)common_bits(r),
			.family = r->lo.family };

		key.hash = hash_prefix(dim, &r->lo, key.len);
		fn(arg, &key);
	}
	return true;
}

static bool
keys_of_ports(const struct policy_match *m, uint8_t dim, key_fn *fn, void *arg)
{
	if (m->ports.n == 0)
		return false;
	for (size_t i = 0; i < m->ports.n; i++) {
		const struct rule_ports *r = &m->ports.ranges[i];

		if (r->hi - r->lo >= PORTS_MAX)
			return false;
		for (unsigned int port = r->lo; port <= r->hi; port++)
			fn(arg, &(struct key){ .hash = hash_number(dim, port),
				    .dim = dim });
	}
	return true;
}

static bool
keys_of_ids(const struct policy_match *m, uint8_t dim, key_fn *fn, void *arg)
{
	for (size_t i = 0; i < m->ids.n; i++)
		fn(arg, &(struct key){ .hash = hash_number(dim, m->ids.ids[i]),
			    .dim = dim });
	return true;
}

static bool
keys_of_texts(const struct policy_match *m, uint8_t dim, key_fn *fn, void *arg)
{
	struct key key = { .dim = dim, .form = KEY_WHOLE };
	char buf[KEY_TEXT_MAX];

	for (size_t i = 0; i < m->texts.n_literals; i++) {
		const struct set_text *t = &m->texts.literals[i];

		key.hash = hash_text(dim, &key, t->s, t->len);
		fn(arg, &key);
	}
	for (size_t i = 0; i < m->texts.n_globs; i++) {
		const char *glob = m->texts.globs[i];
		size_t len = glob_prefix(glob, buf, sizeof(buf));

		key.form = KEY_PREFIX;
		if (len <= 1) { /* "/" says nothing */
			len = glob_suffix(glob, buf, sizeof(buf));
			key.form = KEY_SUFFIX;
		}
		if (len == 0)
			return false;
		key.len = (uint8_t)len;
		key.hash = hash_text(dim, &key, buf, len);
		fn(arg, &key);
	}
	return true;
}

/* Bytes as on the wire, the last first. */
static uint64_t
hash_back(uint64_t h, const char *s, size_t len)
{
	for (size_t i = len; i > 0; i--)
		h = hash_byte(h, s[i - 1]);
	return h;
}

static void
keys_of_names(const struct set_text *names, size_t n, enum key_form form,
    key_fn *fn, void *arg)
{
	for (size_t i = 0; i < n; i++)
		fn(arg, &(struct key){ .dim = KEY_DOMAIN,
			    .hash = hash_form(hash_back(hash_start(KEY_DOMAIN),
						  names[i].s, names[i].len),
				form) });
}

static bool
keys_of_domains(const struct policy_match *m, key_fn *fn, void *arg)
{
	const struct domain_set *set = &m->domains;

	keys_of_names(set->whole, set->n_whole, KEY_WHOLE, fn, arg);
	keys_of_names(set->below, set->n_below, KEY_SUFFIX, fn, arg);
	return true;
}

static bool
keys_of_process(const struct policy_match *m, key_fn *fn, void *arg)
{
	for (unsigned int bit = 1; bit <= RULE_PROCESS_SELF; bit <<= 1)
		if ((m->processes & bit) != 0)
			fn(arg, &(struct key){
				    .hash = hash_number(KEY_PROCESS, bit),
				    .dim = KEY_PROCESS });
	return true;
}

static bool
keys_of_ends(
    const struct policy_match *m, unsigned int way, key_fn *fn, void *arg)
{
	bool from = m->field == FIELD_FROM;

	if (way == 1)
		return keys_of_ports(
		    m, from ? KEY_FROM_PORT : KEY_TO_PORT, fn, arg);
	return keys_of_addrs(m, from ? KEY_FROM : KEY_TO, fn, arg);
}

bool
key_of_match(
    const struct policy_match *m, unsigned int way, key_fn *fn, void *arg)
{
	if (m->negated)
		return false;
	if (m->field == FIELD_FROM || m->field == FIELD_TO)
		return keys_of_ends(m, way, fn, arg);
	if (way != 0)
		return false;
	switch (m->field) {
	case FIELD_FROM:
	case FIELD_TO:
		break;
	case FIELD_PROTO:
		return keys_of_ids(m, KEY_PROTO, fn, arg);
	case FIELD_USER:
		return keys_of_ids(m, KEY_USER, fn, arg);
	case FIELD_GROUP:
		return keys_of_ids(m, KEY_GROUP, fn, arg);
	case FIELD_EXE:
		return keys_of_texts(m, KEY_EXE, fn, arg);
	case FIELD_SCRIPT:
		return keys_of_texts(m, KEY_SCRIPT, fn, arg);
	case FIELD_CMD:
		return keys_of_texts(m, KEY_CMD, fn, arg);
	case FIELD_COMM:
		return keys_of_texts(m, KEY_COMM, fn, arg);
	case FIELD_UNIT:
		return keys_of_texts(m, KEY_UNIT, fn, arg);
	case FIELD_PARENT:
		return keys_of_texts(m, KEY_PARENT, fn, arg);
	case FIELD_PROCESS:
		return keys_of_process(m, fn, arg);
	case FIELD_DOMAIN:
		return keys_of_domains(m, fn, arg);
	case FIELD_QTYPE:
		return keys_of_ids(m, KEY_QTYPE, fn, arg);
	case FIELD_LIST:
		return false;
	}
	__builtin_trap();
}

static void
set_bit(uint64_t *words, unsigned int bit)
{
	words[bit / 64] |= UINT64_C(1) << bit % 64;
}

static bool
has_bit(const uint64_t *words, unsigned int bit)
{
	return (words[bit / 64] >> bit % 64 & 1) != 0;
}

void
key_note(struct key_use *use, const struct key *key)
{
	use->used[key->dim] = true;
	if (key->dim == KEY_FROM || key->dim == KEY_TO)
		set_bit(use->bits[key->dim == KEY_TO][key->family == ADDR_IP6],
		    key->len);
	else if (key->dim < KEY_N_TEXTS && key->form == KEY_PREFIX)
		set_bit(use->prefixes[key->dim], key->len);
	else if (key->dim < KEY_N_TEXTS && key->form == KEY_SUFFIX)
		set_bit(use->suffixes[key->dim], key->len);
}

/* Keys of subjects --------------------------------------------------------- */

static bool
any_bit(const uint64_t words[4])
{
	return (words[0] | words[1] | words[2] | words[3]) != 0;
}

static void
subject_text(const struct key_use *use, unsigned int dim, const char *s,
    size_t len, key_hash_fn *fn, void *arg)
{
	uint64_t h = hash_start(dim);

	for (size_t i = 0; i < len; i++) {
		h = hash_byte(h, s[i]);
		if (i < KEY_TEXT_MAX &&
		    has_bit(use->prefixes[dim], (unsigned int)i + 1))
			fn(arg, hash_form(h, KEY_PREFIX));
	}
	fn(arg, hash_form(h, KEY_WHOLE));
	if (!any_bit(use->suffixes[dim]))
		return;
	h = hash_start(dim);
	for (size_t i = 0; i < len && i < KEY_TEXT_MAX; i++) {
		h = hash_byte(h, s[len - 1 - i]);
		if (has_bit(use->suffixes[dim], (unsigned int)i + 1))
			fn(arg, hash_form(h, KEY_SUFFIX));
	}
}

static void
subject_prefixes(const struct key_use *use, unsigned int dim,
    const struct addr *addr, key_hash_fn *fn, void *arg)
{
	const uint64_t *words =
	    use->bits[dim == KEY_TO][addr->family == ADDR_IP6];

	for (unsigned int w = 0; w < 3; w++)
		for (uint64_t left = words[w]; left != 0; left &= left - 1)
			fn(arg,
			    hash_prefix(dim, addr,
				w * 64 + (unsigned int)__builtin_ctzll(left)));
}

static void
subject_addr(const struct key_use *use, unsigned int dim,
    const struct addr *addr, key_hash_fn *fn, void *arg)
{
	struct addr far;

	if (addr->family == ADDR_NONE || !use->used[dim])
		return;
	subject_prefixes(use, dim, addr, fn, arg);
	if (addr_nat64(&far, addr)) /* as addr_set_match() */
		subject_prefixes(use, dim, &far, fn, arg);
}

/* The whole name, and each suffix that begins at a label but the root. */
static void
subject_name(const struct name *name, key_hash_fn *fn, void *arg)
{
	const uint8_t *starts[NAME_WIRE_MAX / 2 + 1];
	size_t n = 0, end = name->len;
	uint64_t h = hash_start(KEY_DOMAIN);

	for (const uint8_t *at = name->wire; at != NULL; at = name_step(at))
		starts[n++] = at;
	for (size_t i = n; i > 0; i--) {
		size_t start = (size_t)(starts[i - 1] - name->wire);

		h = hash_back(h, (const char *)name->wire + start, end - start);
		end = start;
		if (i < n) /* not the root */
			fn(arg, hash_form(h, i == 1 ? KEY_WHOLE : KEY_SUFFIX));
	}
}

static void
subject_exe(const struct key_use *use, unsigned int kind, const char *exe,
    bool here, key_hash_fn *fn, void *arg)
{
	size_t was = process_exe_was(exe, here);

	if (here)
		subject_text(use, kind, exe, strlen(exe), fn, arg);
	else if (was > 0)
		subject_text(use, kind, exe, was, fn, arg);
}

static void
subject_program(const struct key_use *use, const struct process *proc,
    key_hash_fn *fn, void *arg)
{
	struct cgroup_at at = { 0 };
	struct set_text part;

	if (use->used[KEY_EXE])
		subject_exe(use, KEY_EXE, proc->exe, proc->exe_here, fn, arg);
	if (use->used[KEY_SCRIPT])
		subject_text(use, KEY_SCRIPT, proc->script,
		    strlen(proc->script), fn, arg);
	if (use->used[KEY_CMD])
		subject_text(
		    use, KEY_CMD, proc->cmd, strlen(proc->cmd), fn, arg);
	if (use->used[KEY_COMM])
		subject_text(
		    use, KEY_COMM, proc->comm, strlen(proc->comm), fn, arg);
	if (use->used[KEY_UNIT]) {
		subject_text(
		    use, KEY_UNIT, proc->unit, strlen(proc->unit), fn, arg);
		while (cgroup_part(proc->cgroup, &at, &part))
			subject_text(use, KEY_UNIT, part.s, part.len, fn, arg);
	}
	for (size_t i = 0; use->used[KEY_PARENT] && i < proc->n_parents; i++)
		subject_exe(use, KEY_PARENT, proc->parents[i].exe,
		    proc->parents[i].exe_here, fn, arg);
}

static void
subject_user(const struct key_use *use, const struct process *proc,
    key_hash_fn *fn, void *arg)
{
	if (use->used[KEY_USER])
		fn(arg, hash_number(KEY_USER, proc->uid));
	if (use->used[KEY_GROUP])
		fn(arg, hash_number(KEY_GROUP, proc->gid));
}

static unsigned int
process_bit(const struct process *proc)
{
	switch (proc->kind) {
	case PROCESS_UNKNOWN:
		return RULE_PROCESS_UNKNOWN;
	case PROCESS_KERNEL:
		return RULE_PROCESS_KERNEL;
	case PROCESS_PROGRAM:
		return RULE_PROCESS_SELF;
	}
	__builtin_trap();
}

void
key_of_subject(const struct key_use *use, const struct subject *subject,
    key_hash_fn *fn, void *arg)
{
	if (subject->process->kind == PROCESS_PROGRAM)
		subject_program(use, subject->process, fn, arg);
	if (subject->process->kind == PROCESS_PROGRAM ||
	    subject->process->has_uid)
		subject_user(use, subject->process, fn, arg);
	if (use->used[KEY_PROCESS])
		fn(arg,
		    hash_number(KEY_PROCESS, process_bit(subject->process)));
	for (uint8_t i = 0; use->used[KEY_DOMAIN] && i < subject->n_names; i++)
		subject_name(subject->names[i], fn, arg);
	if (use->used[KEY_QTYPE])
		fn(arg, hash_number(KEY_QTYPE, subject->qtype));
	subject_addr(use, KEY_FROM, &subject->src, fn, arg);
	subject_addr(use, KEY_TO, &subject->dst, fn, arg);
	if (use->used[KEY_FROM_PORT])
		fn(arg, hash_number(KEY_FROM_PORT, subject->sport));
	if (use->used[KEY_TO_PORT])
		fn(arg, hash_number(KEY_TO_PORT, subject->dport));
	if (use->used[KEY_PROTO])
		fn(arg, hash_number(KEY_PROTO, subject->proto));
}
