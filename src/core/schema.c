#include "src/core/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/num.h"

#define ROW(section_, key_, type_, field_)                                     \
	.section = section_, .key = key_, .type = type_,                       \
	.offset = offsetof(struct conf, field_)

/* In the order of the file; the rows of a section stand together. */
const struct conf_row conf_rows[] = {
	{ ROW("rerouted", "log-level", CONF_ENUM, log_level),
	    .words = "error warning info debug", .dflt = "info",
	    .help = "What goes to the log: this and what is more urgent." },
	{ ROW("rerouted", "log-format", CONF_ENUM, log_format),
	    .words = "text json", .dflt = "text",
	    .help = "How a line of the log looks: key=value text, or one "
		    "JSON object." },
	{ ROW("rerouted", "control-group", CONF_STRING, control_group),
	    .min = 1, .max = 32, .dflt = "rerouted",
	    .help = "Members of this group, and root, may use the control "
		    "socket." },
	{ ROW("rerouted", "watch", CONF_ENUM, watch), .words = "no yes",
	    .dflt = "no",
	    .help = "Whether the rules are loaded again by themselves when a "
		    "file of them changes." },
	{ ROW("rerouted", "flows-max", CONF_NUMBER, flows_max), .min = 1024,
	    .max = 1048576, .dflt = "65536",
	    .help = "Flows that are remembered. When there are more, the one "
		    "that was quiet longest is forgotten." },
	{ ROW("rerouted", "processes-max", CONF_NUMBER, processes_max),
	    .min = 64, .max = 65536, .dflt = "1024",
	    .help = "Processes that are remembered. Each takes one file "
		    "descriptor." },
	{ ROW("firewall", "backend", CONF_ENUM, backend),
	    .words = "auto libiptc iptables-restore", .dflt = "auto",
	    .help = "How the rules get into the kernel: through libiptc into "
		    "the legacy tables, or through iptables-restore into "
		    "nf_tables; auto: libiptc where there are such tables." },
	{ ROW("firewall", "ipv6", CONF_ENUM, ipv6), .words = "auto yes no",
	    .dflt = "auto",
	    .help = "Whether IPv6 is judged too; auto: where the kernel has "
		    "it." },
	{ ROW("firewall", "fail", CONF_ENUM, fail), .words = "closed open",
	    .dflt = "closed",
	    .help = "What happens to new connections while the daemon is "
		    "dead: closed drops them, open lets them pass." },
	{ ROW("firewall", "accept", CONF_ENUM, accept),
	    .words = "auto final continue", .dflt = "auto",
	    .help = "Whether an accepted packet is done with (final), or the "
		    "rules of others in the same tables have their say too "
		    "(continue); auto: final while there are none." },
	{ ROW("firewall", "queue-length", CONF_NUMBER, queue_length),
	    .min = 256, .max = 1048576, .dflt = "8192",
	    .help = "Packets that may wait in each queue of the kernel for a "
		    "verdict. What does not fit is dropped." },
	{ ROW("firewall", "receive-buffer", CONF_SIZE, receive_buffer),
	    .min = 64 << 10, .max = 256 << 20, .dflt = "8M",
	    .help = "Receive buffer of the socket that the queues are read "
		    "from." },
};

const size_t conf_n_rows = sizeof(conf_rows) / sizeof(conf_rows[0]);

const struct conf_row *
conf_row_find(const char *section, const char *key, size_t key_len)
{
	for (size_t i = 0; i < conf_n_rows; i++) {
		const struct conf_row *row = &conf_rows[i];

		if (strcmp(row->section, section) == 0 &&
		    strlen(row->key) == key_len &&
		    memcmp(row->key, key, key_len) == 0)
			return row;
	}
	return NULL;
}

/* The i-th of the words; its length, or 0 past the last. */
static size_t
word_at(const char *words, unsigned int i, const char **ret)
{
	while (i-- > 0) {
		words += strcspn(words, " ");
		words += strspn(words, " ");
	}
	*ret = words;
	return strcspn(words, " ");
}

static int
set_enum(struct conf *conf, const struct conf_row *row, const char *value,
    size_t len)
{
	const char *word;
	size_t n;

	for (unsigned int i = 0; (n = word_at(row->words, i, &word)) > 0; i++)
		if (n == len && memcmp(word, value, len) == 0) {
			memcpy((char *)conf + row->offset, &i, sizeof(i));
			return 0;
		}
	return -EINVAL;
}

static int
set_number(struct conf *conf, const struct conf_row *row, const char *value,
    size_t len)
{
	uint64_t n;
	int r = row->type == CONF_SIZE
		    ? num_parse_size(&n, value, len, row->max)
		    : num_parse(&n, value, len, row->max);

	if (r < 0)
		return r;
	if (n < row->min)
		return -ERANGE;
	memcpy((char *)conf + row->offset, &n, sizeof(n));
	return 0;
}

static int
set_string(struct conf *conf, const struct conf_row *row, const char *value,
    size_t len)
{
	char *to = (char *)conf + row->offset;

	if (len < row->min || len > row->max || len >= CONF_STRING_SIZE)
		return -ERANGE;
	/* "key =#x": with the blank that the printer puts it is a comment */
	if (len > 0 && (value[0] == '#' || value[0] == ';'))
		return -EINVAL;
	memcpy(to, value, len);
	memset(to + len, 0, CONF_STRING_SIZE - len);
	return 0;
}

int
conf_row_set(struct conf *conf, const struct conf_row *row, const char *value,
    size_t len)
{
	switch (row->type) {
	case CONF_ENUM:
		return set_enum(conf, row, value, len);
	case CONF_NUMBER:
	case CONF_SIZE:
		return set_number(conf, row, value, len);
	case CONF_STRING:
		return set_string(conf, row, value, len);
	}
	abort();
}

const char *
conf_row_get(const struct conf *conf, const struct conf_row *row,
    char buf[CONF_VALUE_SIZE])
{
	const char *from = (const char *)conf + row->offset, *word;
	unsigned int i;
	uint64_t n;
	char size[NUM_STRLEN];

	/* every row's longest value fits */
	switch (row->type) {
	case CONF_ENUM:
		memcpy(&i, from, sizeof(i));
		n = word_at(row->words, i, &word);
		(void)snprintf(buf, CONF_VALUE_SIZE, "%.*s", (int)n, word);
		return buf;
	case CONF_NUMBER:
		memcpy(&n, from, sizeof(n));
		(void)snprintf(buf, CONF_VALUE_SIZE, "%" PRIu64, n);
		return buf;
	case CONF_SIZE:
		memcpy(&n, from, sizeof(n));
		(void)snprintf(
		    buf, CONF_VALUE_SIZE, "%s", num_format_size(n, size));
		return buf;
	case CONF_STRING:
		(void)snprintf(buf, CONF_VALUE_SIZE, "%s", from);
		return buf;
	}
	abort();
}

/* "a b c" as "a, b or c". */
static void
join_words(const char *words, char *buf, size_t size)
{
	const char *word, *next;
	size_t n, used = 0;

	for (unsigned int i = 0;
	     (n = word_at(words, i, &word)) > 0 && used < size; i++) {
		const char *sep = i == 0			     ? ""
				  : word_at(words, i + 1, &next) > 0 ? ", "
								     : " or ";

		used += (size_t)snprintf(
		    buf + used, size - used, "%s%.*s", sep, (int)n, word);
	}
}

const char *
conf_row_expected(const struct conf_row *row, char buf[CONF_EXPECTED_SIZE])
{
	char min[NUM_STRLEN], max[NUM_STRLEN];

	/* every row's text fits */
	switch (row->type) {
	case CONF_ENUM:
		join_words(row->words, buf, CONF_EXPECTED_SIZE);
		return buf;
	case CONF_NUMBER:
		(void)snprintf(buf, CONF_EXPECTED_SIZE,
		    "a number from %" PRIu64 " to %" PRIu64, row->min,
		    row->max);
		return buf;
	case CONF_SIZE:
		(void)snprintf(buf, CONF_EXPECTED_SIZE,
		    "a size such as 64K or 8M, from %s to %s",
		    num_format_size(row->min, min),
		    num_format_size(row->max, max));
		return buf;
	case CONF_STRING:
		(void)snprintf(buf, CONF_EXPECTED_SIZE,
		    "a text of %" PRIu64 " to %" PRIu64 " bytes", row->min,
		    row->max);
		return buf;
	}
	abort();
}

void
conf_init(struct conf *conf)
{
	memset(conf, 0, sizeof(*conf));
	for (size_t i = 0; i < conf_n_rows; i++) {
		const char *dflt = conf_rows[i].dflt;

		if (conf_row_set(conf, &conf_rows[i], dflt, strlen(dflt)) < 0)
			abort(); /* a row that refuses its own default */
	}
}
