#include "src/core/filter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "src/core/glob.h"
#include "src/core/policy_set.h"
#include "src/core/punycode.h"
#include "src/core/value.h"

static const char *const verdicts[] = { "accept", "block", "drop", "reroute" };

static bool
is_verdict(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		if (strlen(verdicts[i]) == len &&
		    memcmp(verdicts[i], word, len) == 0)
			return true;
	return false;
}

static int
check_verdicts(const char *value, char what[FILTER_WHAT])
{
	for (;; value++) {
		size_t len = strcspn(value, ",");

		if (!is_verdict(value, len)) {
			(void)snprintf(what, FILTER_WHAT,
			    "verdict: expected accept, block, drop or "
			    "reroute"); /* fits */
			return -EINVAL;
		}
		value += len;
		if (*value == '\0')
			return 0;
	}
}

static char *
field(struct filter *filter, const char *key, bool *ret_glob)
{
	*ret_glob = strcmp(key, "exe") == 0 || strcmp(key, "unit") == 0;
	if (strcmp(key, "exe") == 0)
		return filter->exe;
	if (strcmp(key, "user") == 0)
		return filter->user;
	if (strcmp(key, "unit") == 0)
		return filter->unit;
	if (strcmp(key, "domain") == 0)
		return filter->domain;
	if (strcmp(key, "verdict") == 0)
		return filter->verdict;
	return NULL;
}

static int
set_address(struct filter *filter, const char *value, char what[FILTER_WHAT])
{
	struct addr_range range;

	if (addr_range_parse(&range, value, strlen(value)) < 0) {
		(void)snprintf(what, FILTER_WHAT,
		    "address: expected an address, a prefix or a range, such "
		    "as 192.0.2.0/24; a name is for --domain"); /* fits */
		return -EINVAL;
	}
	filter->address = addr_range_unmap(&range); /* as flows have them */
	filter->has_address = true;
	return 0;
}

static int
set_ports(struct filter *filter, const char *value, char what[FILTER_WHAT])
{
	struct value_fault fault;
	struct rule_value parsed;

	if (value_parse(&parsed, VALUE_PORT, value, strlen(value), &fault) <
	    0) {
		(void)snprintf(what, FILTER_WHAT,
		    "port: expected a number of 0 to 65535 or a range, such "
		    "as 6881-6889"); /* fits */
		return -EINVAL;
	}
	filter->ports = parsed.ports;
	filter->has_ports = true;
	return 0;
}

int
filter_set(struct filter *filter, const char *key, const char *value,
    char what[FILTER_WHAT])
{
	size_t len = strlen(value), at;
	struct value_fault fault;
	struct rule_value name;
	char own[FILTER_TEXT];
	bool glob;
	char *to = field(filter, key, &glob);

	if (strcmp(key, "address") == 0)
		return set_address(filter, value, what);
	if (strcmp(key, "port") == 0)
		return set_ports(filter, value, what);
	if (to == NULL)
		return -ENOENT;
	/* what[] has room for all of these */
	if (len == 0 || len >= FILTER_TEXT) {
		(void)snprintf(what, FILTER_WHAT,
		    "%.16s: expected 1 to %d bytes", key, FILTER_TEXT - 1);
		return -EINVAL;
	}
	if (glob && glob_check(value, &at) < 0) {
		(void)snprintf(what, FILTER_WHAT,
		    "%.16s: the pattern ends in a lone '\\'", key);
		return -EINVAL;
	}
	if (to == filter->domain &&
	    punycode_name(own, sizeof(own), value, len)) {
		value = own;
		len = strlen(own);
	}
	if (to == filter->domain &&
	    value_parse(&name, VALUE_DOMAIN, value, len, &fault) < 0) {
		(void)snprintf(what, FILTER_WHAT, "domain: %.100s",
		    fault.what); /* may be cut */
		return -EINVAL;
	}
	if (to == filter->verdict && check_verdicts(value, what) < 0)
		return -EINVAL;
	memcpy(to, value, len + 1);
	return 0;
}

static bool
match_exe(const char *glob, const struct process *proc)
{
	const char *slash = strrchr(proc->exe, '/');
	const char *s =
	    strchr(glob, '/') == NULL && slash != NULL ? slash + 1 : proc->exe;

	/* of an interpreter, the script is what people mean too */
	if (glob_match(glob, s, strlen(s)))
		return true;
	slash = strrchr(proc->script, '/');
	s = strchr(glob, '/') == NULL && slash != NULL ? slash + 1
						       : proc->script;
	return s[0] != '\0' && glob_match(glob, s, strlen(s));
}

static bool
match_user(const char *user, const struct process *proc)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%u", proc->uid); /* fits */
	return strcmp(user, proc->user) == 0 || strcmp(user, number) == 0;
}

/* By any name of what it is in, as rules go by them. */
static bool
match_unit(const char *glob, const struct process *proc)
{
	static const char suffix[] = ".service";
	size_t len = strlen(proc->unit), cut = sizeof(suffix) - 1;
	struct cgroup_at at = { 0 };
	struct set_text part;

	if (len > cut && strcmp(proc->unit + len - cut, suffix) == 0 &&
	    glob_match(glob, proc->unit, len - cut))
		return true;
	while (cgroup_part(proc->cgroup, &at, &part))
		if (glob_match(glob, part.s, part.len))
			return true;
	return len > 0 && glob_match(glob, proc->unit, len);
}

/* As `domain` of a rule: that name, "*.x" below it, ".x" both. */
static bool
match_domain(const char *domain, const char *host)
{
	const char *tail = domain[0] == '*' ? domain + 1 : domain;
	size_t len = strlen(tail), n = strlen(host);

	if (n > 0 && host[n - 1] == '.')
		n--;
	if (len > 1 && tail[len - 1] == '.')
		len--;
	if (tail[0] != '.')
		return n == len && strncasecmp(host, tail, n) == 0;
	if (n > len && strncasecmp(host + n - len, tail, len) == 0)
		return true;
	return domain[0] == '.' && n == len - 1 &&
	       strncasecmp(host, tail + 1, n) == 0;
}

bool
filter_has_verdict(const struct filter *filter, const char *word)
{
	const char *v = filter->verdict;
	size_t len = strlen(word);

	if (v[0] == '\0')
		return true;
	for (;; v++) {
		size_t n = strcspn(v, ",");

		if (n == len && memcmp(v, word, n) == 0)
			return true;
		v += n;
		if (*v == '\0')
			return false;
	}
}

static bool
has_port(const struct rule_ports *ports, uint16_t port)
{
	return port >= ports->lo && port <= ports->hi;
}

/* Of a query by who asks, or what is answered. */
static bool
match_query(const struct addr_range *range, const struct filter_row *row)
{
	size_t i = 0;

	while (
	    i < row->n_answers && !addr_range_contains(range, &row->answers[i]))
		i++;
	return i < row->n_answers || addr_range_contains(range, row->client);
}

/* By either end, as tcpdump's host and port do. */
static bool
match_ends(const struct filter *filter, const struct filter_row *row)
{
	const struct flow_key *key = row->key;
	const struct addr_range *range = &filter->address;
	const struct rule_ports *ports = &filter->ports;

	if (!filter->has_address && !filter->has_ports)
		return true;
	if (key == NULL)
		return row->client != NULL && !filter->has_ports &&
		       match_query(range, row);
	if (filter->has_address && !addr_range_contains(range, &key->local) &&
	    !addr_range_contains(range, &key->remote))
		return false;
	return !filter->has_ports || (rule_proto_has_ports(key->proto) &&
					 (has_port(ports, key->lport) ||
					     has_port(ports, key->rport)));
}

bool
filter_match_who(const struct filter *filter, const struct filter_row *row)
{
	const struct process *proc = row->process;
	bool program = proc != NULL && proc->kind == PROCESS_PROGRAM;
	/* of one that is gone the user alone may be known */
	bool has_user = program || (proc != NULL && proc->has_uid);

	if (filter->exe[0] != '\0' &&
	    (!program || !match_exe(filter->exe, proc)))
		return false;
	if (filter->user[0] != '\0' &&
	    (!has_user || !match_user(filter->user, proc)))
		return false;
	if (filter->unit[0] != '\0' &&
	    (!program || !match_unit(filter->unit, proc)))
		return false;
	if (filter->domain[0] != '\0' &&
	    (row->host == NULL || !match_domain(filter->domain, row->host)))
		return false;
	return match_ends(filter, row) &&
	       (!filter->has_since || !mono_before(row->when, filter->since));
}

bool
filter_match(const struct filter *filter, const struct filter_row *row)
{
	if (!filter_match_who(filter, row))
		return false;
	if (row->verdict == NULL)
		return filter->verdict[0] == '\0';
	return filter_has_verdict(filter, row->verdict);
}
